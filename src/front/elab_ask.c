/* elab_ask.c - statements of the top level: what is best, what is fitted, what is asked. */
#include <string.h>
#include <strings.h>

#include "front/dist.h"
#include "pass/pass.h"

static bool scalar(cx_elab *E, cx_val *v, const char *what, uint32_t *eq) {
  if (v->bad) return false;
  if (v->rank) {
    int id = cx_error(E->ctx, v->span, "%s must be one number, but it has shape %s", what, cx_v_shape(E, *v));
    cx_diag_help(E->ctx, id, "take its sum(..) or mean(..)");
    return false;
  }
  *v = cx_v_store(E, *v, NULL, eq);
  return !v->bad;
}

typedef CX_VEC(cx_sym) symbols;
static void loose_names(cx_elab *E, const cx_ast *x, bool inside, symbols *bound, symbols *out) {
  if (x->kind == A_NAME && inside) {
    for (int k = 0; k < bound->n; k++)
      if (bound->at[k] == x->name) return;
    for (int k = 0; k < out->n; k++)
      if (out->at[k] == x->name) return;
    if (!cx_lookup(E, x->name, false)) *CX_PUSH(E->arena, *out) = x->name;
    return;
  }
  int keep = bound->n;
  for (int k = 0; x->kind == A_BINDER && k < x->nbind; k++) {
    const cx_ast *b = x->kid[k];
    *CX_PUSH(E->arena, *bound) = b->name;
    for (int j = 1; j < b->nkid; j++) *CX_PUSH(E->arena, *bound) = b->kid[j]->name; /* x[i] ~ .. */
  }
  if (x->kind == A_AT)
    for (int k = 1; k < x->nkid; k++) *CX_PUSH(E->arena, *bound) = x->kid[k]->name;
  if (x->kind != A_BLOCK)
    for (int k = 0; k < x->nkid; k++)
      if (x->kid[k])
        loose_names(E, x->kid[k], x->kind == A_SUBSCRIPT ? k > 0 : inside && x->kind != A_CALL, bound, out);
  bound->n = keep;
}
static cx_val run_free(cx_elab *E, void *user) { return cx_elab_expr(E, user); }

/* write img[y, x + 1] + ..: names that nothing defines and that only subscript are its dimensions, as they appear */
cx_val cx_elab_free(cx_elab *E, const cx_ast *x) {
  symbols bound = {0}, out = {0};
  loose_names(E, x, false, &bound, &out);
  if (!out.n || out.n > CX_MAX_RANK) return cx_elab_expr(E, x);
  cx_binding *env = E->env;
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < out.n; k++) {
    slot[k] = cx_var_new(E, out.at[k], x->span);
    cx_binding *b = cx_bind_name(E, out.at[k], B_INDEX, x->span);
    b->v = cx_v_node(cx_index(E->g, slot[k]), x->span);
  }
  cx_val v = cx_in_scope(E, slot, out.n, run_free, (void *)(uintptr_t)x, x->span);
  E->env = env;
  if (v.bad) return v;
  cx_val r = {.rank = (uint8_t)(out.n + v.rank), .e = v.e, .span = x->span};
  if (r.rank > CX_MAX_RANK) {
    cx_error(E->ctx, x->span, "this would have %d dimensions; the most is %d", r.rank, CX_MAX_RANK);
    return cx_v_bad(x->span);
  }
  const cx_node *to[CX_MAX_RANK];
  for (int k = 0; k < out.n; k++) { /* an index that starts later starts the array */
    const cx_var *var = cx_var_of(E, slot[k]);
    r.dim[k] = (cx_dim){var->hi - var->lo + 1, var->lo ? NULL : var->size};
    r.slot[k] = cx_var_range(E, NULL, 0, var->hi - var->lo, NULL);
    to[k] = cx_op2(E->g, OP_add, cx_index(E->g, r.slot[k]), cx_const(E->g, (double)var->lo));
  }
  r.e = cx_subst(E->g, v.e, slot, to, out.n);
  for (int k = 0; k < v.rank; k++) r.dim[out.n + k] = v.dim[k], r.slot[out.n + k] = v.slot[k];
  return r;
}

/* the data that gives its numbers their words */
uint32_t cx_elab_levels(cx_elab *E, const cx_ast *x) {
  const cx_ast *n = x->kind == A_SUBSCRIPT ? x->kid[0] : x;
  cx_binding *b = n->kind == A_NAME ? cx_lookup(E, n->name, false) : NULL;
  return b && b->decl && b->decl->array.nlevel ? (uint32_t)(b->decl - E->decl) : CX_NO_EQ;
}

/* text(e, y), y a category: e in the words of y */
bool cx_elab_is_category(cx_elab *E, const cx_ast *x) {
  if (x->kind != A_CALL || strcmp(x->name, "text") || x->nkid != 2 || x->kid[1]->kind != A_NAME) return false;
  const cx_binding *b = cx_lookup(E, x->kid[1]->name, false);
  return b && b->decl && b->decl->domain.kind == DOM_CATEGORY && !cx_lookup_env(E, x->name, true);
}

static void query(cx_elab *E, cx_action *a, int *n, const cx_ast *x, cx_val (*elab)(cx_elab *, const cx_ast *)) {
  cx_query q = {.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ};
  bool category = cx_elab_is_category(E, x);
  q.level_of = cx_elab_levels(E, category ? x->kid[1] : x);
  if (category) x = x->kid[0];
  if (x->kind == A_STR) {
    q.label = true;
    q.text = cx_strdup(E->arena, x->name, strlen(x->name));
  } else if (cx_text_query(E, x, &q)) {
    if (q.eq == CX_NO_EQ) return;
  } else {
    cx_val v = elab(E, x);
    v = cx_v_store(E, v, NULL, &q.eq);
    if (v.bad) return;
  }
  a->query[(*n)++] = q;
}

static void not_yet(cx_elab *E, const cx_ast *s, const char *what, const char *help) {
  int id = cx_error(E->ctx, s->span, "this version of calx cannot compute %s yet", what);
  cx_diag_help(E->ctx, id, "%s", help);
}

/* what an equation is computed from */
typedef struct {
  cx_elab *E;
  bool *seen;
  CX_VEC(uint32_t) todo;
} reach;
static void reach_node(void *user, const cx_node *n) {
  reach *r = user;
  if (n->op != OP_load || r->seen[n->u.eq]) return;
  r->seen[n->u.eq] = true;
  *CX_PUSH(r->E->arena, r->todo) = n->u.eq;
}
static bool *reached(cx_elab *E, uint32_t eq) {
  reach r = {.E = E, .seen = CX_NEW_N(E->arena, bool, E->g->neq)};
  *CX_PUSH(E->arena, r.todo) = eq;
  for (int at = 0; at < r.todo.n; at++) {
    const cx_eq *e = E->g->eq[r.todo.at[at]];
    if (e->kind == EQ_CALC && e->body) cx_visit(E->g, e->body, reach_node, &r);
    for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++)
      if (!r.seen[e->prim_arg[k]]) r.seen[e->prim_arg[k]] = true, *CX_PUSH(E->arena, r.todo) = e->prim_arg[k];
  }
  return r.seen;
}

static void unused_params(cx_elab *E, const cx_ast *s, uint32_t objective, const cx_action *a) {
  bool *seen = reached(E, objective), *asked = CX_NEW_N(E->arena, bool, E->param.n + 1);
  int used = 0;
  cx_buf names = {.arena = E->arena};
  for (int k = 0; k < a->nonly; k++) asked[a->only[k]] = true;
  for (int k = 0; k < E->param.n; k++) {
    if (E->param.at[k].follows >= 0) continue;
    if (a->only && !asked[k]) seen[E->param.at[k].raw] = true; /* it is left as it is anyway */
    else if (seen[E->param.at[k].raw]) used++;
    else cx_putf(&names, "%s`%s`", names.n ? ", " : "", E->param.at[k].name);
  }
  if (!used) {
    int id = cx_error(E->ctx, s->span, "there is nothing to fit: the objective depends on no param");
    cx_diag_label(E->ctx, id, E->param.at[0].span, "declared here");
  } else if (names.n && !E->opt.no_queries && !E->opt.unbound &&
             !cx_error_count(E->ctx)) { /* else it is said when the program runs */
    int id = cx_diag(E->ctx, CX_WARNING, CX_OK, s->span,
                     "the objective does not depend on %s, which this fit leaves as it is", names.at);
    for (int k = 0; k < E->param.n; k++)
      if (!seen[E->param.at[k].raw] && E->param.at[k].follows < 0)
        cx_diag_label(E->ctx, id, E->param.at[k].span, "declared here");
  }
}

static void write_model(cx_elab *E, const cx_ast *s, cx_action *a) {
  const char *dot = a->file ? strrchr(a->file, '.') : NULL;
  if (a->file && (!dot || strcasecmp(dot, ".safetensors"))) {
    int id = cx_error(E->ctx, s->kid[1]->span, "a model is written as safetensors");
    cx_diag_help(E->ctx, id, "name the file \"%.*s.safetensors\"", dot ? (int)(dot - a->file) : (int)strlen(a->file),
                 a->file);
  } else if (!E->param.n && !E->param_bad) {
    int id = cx_error(E->ctx, s->span, "there is no model to write: the program declares no param");
    cx_diag_help(E->ctx, id, "an array is written as .csv or .npy: write x to \"x.npy\"");
  }
  a->model = true;
  a->nparam = E->param.n;
  *CX_PUSH(E->arena, E->action) = *a;
}

/* fit by method(metric = e), or a list of them: numbers to be said beside the objective */
static void metrics(cx_elab *E, const cx_ast *s, cx_action *a) {
  enum { MOST = 8 };
  const cx_ast *list = NULL;
  for (int k = 0; k < s->nkid; k++)
    if (s->kid[k]->kind == A_NAMED && !strcmp(s->kid[k]->name, "metric")) list = s->kid[k]->kid[0];
  if (!list) return;
  int n = list->kind == A_ARRAY ? list->nkid : 1;
  a->query = CX_NEW_N(E->arena, cx_query, n + 1);
  if (n > MOST) cx_error(E->ctx, list->span, "a fit says at most %d metrics", MOST);
  for (int k = 0; k < n && n <= MOST; k++) {
    const cx_ast *x = list->kind == A_ARRAY ? list->kid[k] : list;
    cx_query q = {.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = CX_NO_EQ};
    cx_val v = cx_elab_expr(E, x);
    if (v.bad) continue;
    if (v.rank) {
      int id = cx_error(E->ctx, x->span, "a metric is one number, this has the shape %s", cx_v_shape(E, v));
      cx_diag_help(E->ctx, id, "take its mean, or an element: mean(%s)", q.text);
      continue;
    }
    if (!cx_v_store(E, v, NULL, &q.eq).bad && q.eq != CX_NO_EQ) a->query[a->nquery++] = q;
  }
}

/* write img to "img.png", bits = 16 */
static int bits(cx_elab *E, const cx_ast *o, const char *file) {
  const cx_ast *v = o->kid[0];
  const char *dot = file ? strrchr(file, '.') : NULL;
  int id = -1;
  if (strcmp(o->name, "bits")) id = cx_error(E->ctx, o->name_span, "`write` has no option `%s`", o->name);
  else if (v->kind != A_NUM || (v->num != 8 && v->num != 16)) id = cx_error(E->ctx, v->span, "`bits` is 8 or 16");
  else if (file && (!dot || strcasecmp(dot, ".png"))) id = cx_error(E->ctx, o->span, "only pictures have `bits`");
  else return (int)v->num;
  cx_diag_help(E->ctx, id, "a picture of 16 bits a colour: write img to \"img.png\", bits = 16");
  return 0;
}

bool cx_elab_stmt(cx_elab *E, const cx_ast *s) {
  if (E->in_block && s->kind != S_PARAM) return false;
  /* what is asked is asked of the whole data: a part of it may not have what a subscript names */
  if (E->opt.no_queries && (s->kind == S_PRINT || s->kind == S_PLOT || s->kind == S_WRITE || s->kind == S_EXPLAIN))
    return true;
  switch (s->kind) {
    case S_DATA: return true; /* declared beforehand */
    case S_MINIMIZE:
    case S_MAXIMIZE: {
      cx_val v = cx_elab_expr(E, s->kid[0]);
      uint32_t eq;
      if (!v.bad && s->kind == S_MAXIMIZE) {
        cx_span at = v.span;
        v = cx_v_map(E, OP_neg, &v, 1, at);
        E->m->maximize = true;
      }
      if (scalar(E, &v, "an objective", &eq)) *CX_PUSH(E->arena, E->objective) = eq;
      else E->objective_bad = true;
      return true;
    }
    case S_TILDE: cx_elab_tilde(E, s); return true;
    case S_LOAD: cx_elab_load(E, s); return true;
    case S_SUBJECT:
      not_yet(E, s, "constraints", "give params a domain, as in param x in 0..1 or param s > 0");
      return true;
    case S_DISTRIBUTION: return true; /* hoisted */
    case S_FIT: {
      cx_action a = {.kind = ACT_FIT,
                     .ast = s,
                     .options = s,
                     .method = s->name,
                     .nparam = E->param.n,
                     .objective = CX_NO_EQ,
                     .maximize = E->m->maximize};
      cx_elab_fit_params(E, s, &a);
      if (!E->param.n && !E->param_bad) {
        int id = cx_error(E->ctx, s->span, "there is nothing to fit: the program declares no param");
        cx_diag_help(E->ctx, id, "an unknown is declared as `param w[d]`");
      } else if (E->param.n && !E->objective.n && !E->objective_bad) {
        int id = cx_error(E->ctx, s->span, "there is nothing to fit: no objective stands above");
        cx_diag_help(E->ctx, id, "say what is best, as in `minimize mean(i: (y[i] - f(x[i]))^2)`");
      }
      if (E->objective.n) {
        const cx_node *sum = NULL;
        for (int k = 0; k < E->objective.n; k++) {
          const cx_node *l = cx_load(E->g, E->objective.at[k], NULL, 0);
          sum = sum ? cx_op2(E->g, OP_add, sum, l) : l;
        }
        cx_val v = cx_v_node(sum, s->span);
        cx_v_store(E, v, cx_intern_z(E->ctx, "objective"), &a.objective);
        E->m->objective = a.objective;
        if (E->param.n && !E->param_bad && !E->objective_bad && a.objective != CX_NO_EQ)
          unused_params(E, s, a.objective, &a);
      }
      metrics(E, s, &a);
      *CX_PUSH(E->arena, E->action) = a;
      return true;
    }
    case S_PRINT: {
      cx_action a = {.kind = ACT_PRINT, .ast = s, .objective = CX_NO_EQ};
      a.query = CX_NEW_N(E->arena, cx_query, s->nkid + 1);
      for (int k = 0; k < s->nkid; k++) query(E, &a, &a.nquery, s->kid[k], cx_elab_free);
      *CX_PUSH(E->arena, E->action) = a;
      return true;
    }
    case S_PLOT: cx_elab_plot(E, s); return true;
    case S_WRITE: {
      cx_action a = {.kind = ACT_WRITE, .ast = s, .objective = CX_NO_EQ};
      a.query = CX_NEW_N(E->arena, cx_query, 1);
      if (s->kid[1]->kind != A_STR) cx_error(E->ctx, s->kid[1]->span, "a file name is text in double quotes");
      else a.file = s->kid[1]->name;
      if (s->nkid > 2) a.bits = bits(E, s->kid[2], a.file);
      if (s->kid[0]->kind == A_NAME && !strcmp(s->kid[0]->name, "model") && !cx_lookup(E, s->kid[0]->name, false)) {
        write_model(E, s, &a);
        return true;
      }
      query(E, &a, &a.nquery, s->kid[0], cx_elab_free);
      *CX_PUSH(E->arena, E->action) = a;
      return true;
    }
    case S_EXPLAIN: {
      cx_action a = {.kind = ACT_EXPLAIN, .ast = s, .objective = CX_NO_EQ};
      *CX_PUSH(E->arena, E->action) = a;
      return true;
    }
    case S_PRECISION:
      if (!strcmp(s->name, "single")) E->m->single = true;
      else if (strcmp(s->name, "double")) cx_error(E->ctx, s->span, "precision is single or double");
      return true;
    case S_IMPORT: return true;
    default: { /* an expression alone */
      if (s->kind < S_PROGRAM) {
        int id = cx_error(E->ctx, s->span, "this expression does nothing here");
        cx_diag_help(E->ctx, id, "print it: print %s", cx_ast_text(E->arena, s));
        return true;
      }
      return false;
    }
  }
}
