/* elab_apply.c - calls of functions written in calx: arguments by place and by name, dimensions in front of a declared
 * shape, the names that the body sees. A function is put in place of its call. */
#include <string.h>

#include "front/elab.h"

static bool too_deep(cx_elab *E, const cx_ast *call) {
  int n = 0;
  for (cx_site *s = E->site; s; s = s->up)
    if (++n > 200) {
      int id = cx_error(E->ctx, call->span, "`%s` calls itself without end", call->name);
      cx_diag_help(E->ctx, id, "a recurrence over an index is written h[0] = ..; h[t] = g(h[t-1])");
      return true;
    }
  return false;
}

/* A call with the arguments of an earlier one has its value, unless it owns params: what calls itself twice at every
 * level stays small. A value of which a range was not known yet is not kept. */
enum { KEPT_ARGUMENTS = 4, KEPT_CALLS = 32 };
typedef struct kept {
  cx_binding *env;
  cx_val arg[KEPT_ARGUMENTS], value;
  struct kept *next;
} kept;
static bool same_value(const cx_val *a, const cx_val *b) {
  if (a->e != b->e || a->text != b->text || a->rank != b->rank) return false;
  for (int d = 0; d < a->rank; d++)
    if (a->slot[d] != b->slot[d] || a->dim[d].n != b->dim[d].n || a->dim[d].name != b->dim[d].name) return false;
  return true;
}
static bool known_call(cx_elab *E, const cx_binding *f, const cx_val *arg, int n, cx_val *v) {
  if (n > KEPT_ARGUMENTS || f->maker) return false;
  int budget = KEPT_CALLS;
  for (kept *k = *cx_names_at(E->arena, &E->done, (cx_sym)(const void *)f->fun); k && budget-- > 0; k = k->next) {
    bool same = k->env == *f->env;
    for (int j = 0; j < n && same; j++) same = same_value(&k->arg[j], &arg[j]);
    if (!same) continue;
    *v = k->value.rank ? cx_v_fresh(E, k->value) : k->value;
    return true;
  }
  return false;
}
static void keep_call(cx_elab *E, const cx_binding *f, const cx_val *arg, int n, cx_val v) {
  if (n > KEPT_ARGUMENTS || f->maker || E->retry || v.bad) return;
  void **first = cx_names_at(E->arena, &E->done, (cx_sym)(const void *)f->fun);
  kept *k = CX_NEW(E->arena, kept);
  k->env = *f->env;
  if (n) memcpy(k->arg, arg, (size_t)n * sizeof *arg);
  k->value = v;
  k->next = *first;
  *first = k;
}

static const cx_ast *formal(const cx_ast *def, int k) {
  const cx_ast *x = def->kid[k + 1];
  return x->kind == S_OPTION ? x->kid[0] : x;
}
static const cx_ast *value_left_out(const cx_ast *def, int k) {
  const cx_ast *x = def->kid[k + 1];
  return x->kind == S_OPTION ? x->kid[1] : NULL;
}
bool cx_has_options(const cx_ast *def) { return def->nkid > 1 && def->kid[def->nkid - 1]->kind == S_OPTION; }

static cx_val apply(cx_elab *E, cx_binding *f, cx_val *arg, int n, const cx_ast *call);
cx_val cx_apply(cx_elab *E, cx_binding *f, cx_val *given, int n, const cx_ast *call) {
  cx_val v, *arg = given;
  int want = f->fun->nkid - 1;
  if (n < want && cx_has_options(f->fun)) { /* those left out have no node yet */
    arg = CX_NEW_N(E->arena, cx_val, want);
    if (n) memcpy(arg, given, (size_t)n * sizeof *arg);
    n = want;
  }
  if (known_call(E, f, arg, n, &v)) {
    v.span = call->span;
    return v;
  }
  if (++E->applied > 200000) { /* each is elaborated: what doubles at every level has no end */
    int id = cx_error(E->ctx, call->span, "the calls of this program expand to more than 200000");
    cx_diag_help(E->ctx, id, "give values that are used again a name, or use a recurrence");
    cx_throw(E->ctx, CX_E_PROGRAM);
  }
  int64_t owned = E->owned;
  v = apply(E, f, arg, n, call);
  if (E->owned == owned) keep_call(E, f, arg, n, v);
  return v;
}

/* how many arguments a function takes, in words, when it is given another number of them */
static cx_val wrong_count(cx_elab *E, const cx_ast *def, int n, cx_span s) {
  int most = def->nkid - 1, least = most;
  while (least && def->kid[least]->kind == S_OPTION) least--;
  char *range = least < most ? cx_format(E->arena, "%d to %d", least, most) : cx_format(E->arena, "%d", most);
  int id = cx_error(E->ctx, s, "`%s` takes %s argument%s, but %d %s given", def->name, range, most == 1 ? "" : "s", n,
                    n == 1 ? "is" : "are");
  cx_diag_label(E->ctx, id, def->name_span, "defined here");
  return cx_v_bad(s);
}

/* One call while it is worked out. Dimensions in front of a declared shape lead: the function is applied to each. */
typedef struct {
  const cx_ast *def, *call;
  cx_binding *outer;       /* the names where the function is defined */
  cx_val front;            /* the dimensions that lead */
  CX_VEC(int64_t) context; /* the index variables that the body sees */
} calling;

static void see_slot(cx_elab *E, calling *c, int64_t slot) {
  CX_PUSH(E->arena, c->context); /* room for it */
  c->context.n--;
  c->context.n += cx_slot_insert(c->context.at, c->context.n, slot);
}

/* is there a value for every argument, and may the function be called here? */
static bool callable(cx_elab *E, cx_binding *f, const cx_val *arg, int n, const cx_ast *call) {
  const cx_ast *def = f->fun;
  cx_span s = call->span;
  if (n != def->nkid - 1) return wrong_count(E, def, n, s), false;
  for (int k = 0; k < n; k++) {
    if (arg[k].bad) return false;
    if (arg[k].e || arg[k].text || value_left_out(def, k)) continue;
    int given = 0;
    for (int j = 0; j < n; j++) given += arg[j].e || arg[j].text;
    if (!given || given <= k) return wrong_count(E, def, given, s), false;
    int id = cx_error(E->ctx, s, "`%s` is given no `%s`", def->name, formal(def, k)->name);
    cx_diag_label(E->ctx, id, def->name_span, "defined here");
    return false;
  }
  for (int k = 0; k < E->broken.n; k++)
    if (E->broken.at[k] == def) return false;
  if (too_deep(E, call)) return false;
  if (def->op != T_PARAM || !f->maker) return true;
  int id = cx_error(E->ctx, def->name_span, "`param %s(..)` stands inside of another function", def->name);
  cx_diag_help(E->ctx, id, "its params belong to it once for the whole program: define it outside");
  *CX_PUSH(E->arena, E->broken) = def;
  return false;
}

static bool find_leading(cx_elab *E, calling *c, const cx_val *arg, int n) {
  for (int k = 0; k < n; k++) {
    const cx_ast *decl = formal(c->def, k);
    if (!arg[k].e && !arg[k].text) continue;
    int extra = decl->nkid ? arg[k].rank - decl->nkid : 0, id = -1;
    if (arg[k].text && extra)
      id = cx_error(E->ctx, arg[k].span, "`%s` takes an array as `%s`, but is given text", c->def->name, decl->name);
    else if (extra < 0)
      id = cx_error(E->ctx, arg[k].span, "`%s` takes `%s` with %d dimension%s, but is given %s", c->def->name,
                    decl->name, decl->nkid, decl->nkid == 1 ? "" : "s", cx_v_shape(E, arg[k]));
    if (id >= 0) {
      cx_diag_label(E->ctx, id, decl->span, "declared here");
      return false;
    }
    if (extra <= c->front.rank) continue;
    c->front.rank = (uint8_t)extra;
    memcpy(c->front.dim, arg[k].dim, sizeof c->front.dim);
  }
  for (int d = 0; d < c->front.rank; d++) {
    c->front.slot[d] = cx_var_range(E, NULL, 0, c->front.dim[d].n - 1, c->front.dim[d].name);
    see_slot(E, c, c->front.slot[d]); /* also where the arguments are the same for all */
  }
  return true;
}

/* v as one application sees it: its first `extra` dimensions are the last of those that lead */
static bool one_of(cx_elab *E, const calling *c, cx_val *v, int extra) {
  const cx_node *sub[CX_MAX_RANK];
  cx_val inner = {.rank = (uint8_t)(v->rank - extra), .span = v->span};
  bool ok = true;
  for (int d = 0; d < extra; d++) {
    int at = c->front.rank - extra + d;
    if (v->dim[d].n != c->front.dim[at].n) {
      int id =
          cx_error(E->ctx, c->call->span, "the arguments of `%s` differ in their leading dimensions", c->def->name);
      cx_diag_label(E->ctx, id, v->span, "%s", cx_v_shape(E, *v));
      ok = false;
    }
    sub[d] = cx_index(E->g, c->front.slot[at]);
  }
  for (int d = 0; d < inner.rank; d++) {
    inner.dim[d] = v->dim[extra + d];
    inner.slot[d] = cx_var_range(E, NULL, 0, inner.dim[d].n - 1, inner.dim[d].name);
    sub[extra + d] = cx_index(E->g, inner.slot[d]);
  }
  if (!ok) return false;
  inner.e = cx_v_at(E, *v, sub);
  *v = inner;
  return true;
}

/* the declared shape introduces sizes, or states them */
static bool fit_shape(cx_elab *E, const calling *c, const cx_ast *decl, cx_val *v) {
  bool ok = true;
  for (int d = 0; d < decl->nkid; d++) {
    const cx_ast *z = decl->kid[d];
    cx_binding *old = NULL;
    if (z->kind == A_NAME)
      for (cx_binding *b = E->env; b != c->outer && !old; b = b->next)
        if (b->name == z->name && b->maker) old = b;
    double have = (double)v->dim[d].n, need = have;
    if (z->kind == A_NAME && !old) {
      cx_binding *b = cx_bind_name(E, z->name, B_VALUE, z->span);
      b->v = cx_v_num(E, have, z->span);
      b->maker = true;
      v->dim[d].name = v->dim[d].name ? v->dim[d].name : z->name;
      continue;
    }
    cx_val nv = old ? old->v : cx_elab_expr(E, z);
    if (nv.bad) return false;
    if (cx_v_const(E, nv, &need) && need == have) continue;
    int id = cx_error(E->ctx, v->span, "`%s` of `%s` needs size %.0f in dimension %d, but has %.0f", decl->name,
                      c->def->name, need, d + 1, have);
    cx_diag_label(E->ctx, id, z->span, "declared here");
    ok = false;
  }
  return ok;
}

/* the argument gets its name */
static bool bind_argument(cx_elab *E, calling *c, const cx_ast *decl, cx_val v) {
  if (v.bad) return false;
  if (v.text) {
    cx_bind_name(E, decl->name, B_VALUE, decl->name_span)->v = v;
    return true;
  }
  v = cx_v_materialise(E, v, decl->name);
  if (v.bad) return false;
  int extra = decl->nkid ? v.rank - decl->nkid : 0;
  if (extra > 0 && !one_of(E, c, &v, extra)) return false;
  bool ok = fit_shape(E, c, decl, &v);
  cx_bind_name(E, decl->name, B_VALUE, decl->name_span)->v = v;
  int64_t free[32];
  int n = cx_free_slots(E, v.e, free, 32);
  for (int j = 0; j < n; j++) {
    bool own = false;
    for (int d = 0; d < v.rank; d++) own |= v.slot[d] == free[j];
    if (!own) see_slot(E, c, free[j]);
  }
  return ok;
}

/* the body, in its own context; an error in it is said once */
static cx_val body_of(cx_elab *E, const calling *c, cx_site *site) {
  int64_t *context = E->context;
  int ncontext = E->ncontext, guarded = E->guarded, errors = cx_error_count(E->ctx), diags = cx_diag_count(E->ctx);
  cx_span s = c->call->span;
  E->guarded = 0;
  E->site = site;
  E->context = c->context.at;
  E->ncontext = c->context.n;
  cx_val r = cx_elab_expr(E, c->def->kid[0]);
  if (cx_error_count(E->ctx) > errors) {
    *CX_PUSH(E->arena, E->broken) = c->def;
    cx_span at = cx_diag_get(E->ctx, diags).where;
    bool here = at.file == s.file && at.beg == s.beg && at.end == s.end;
    bool outside = s.file != c->def->span.file && !here && !cx_in_library(E, s);
    if (outside && cx_in_library(E, at)) {
      cx_diag_move(E->ctx, diags, s, "in this equation of the library");
      cx_diag_forget(E->ctx, diags + 1); /* of the same arguments */
    } else if (outside) cx_diag_label(E->ctx, diags, s, "in this call");
  }
  E->guarded = guarded;
  E->site = site->up;
  E->context = context;
  E->ncontext = ncontext;
  return r;
}

static cx_val apply(cx_elab *E, cx_binding *f, cx_val *arg, int n, const cx_ast *call) {
  calling c = {.def = f->fun, .call = call, .outer = *f->env};
  if (!callable(E, f, arg, n, call) || !find_leading(E, &c, arg, n)) return cx_v_bad(call->span);
  cx_binding *env = E->env;
  E->env = c.outer;
  bool shared = c.def->op == T_PARAM, ok = true;
  cx_site site = {shared ? c.def : call, shared, E->site};
  for (int k = 0; k < n && ok; k++) { /* what is left out sees the arguments before it */
    cx_val v = arg[k].e || arg[k].text ? arg[k] : cx_elab_argument(E, value_left_out(c.def, k));
    ok = bind_argument(E, &c, formal(c.def, k), v);
  }
  for (int j = 0; j < E->ncontext && f->maker; j++) /* a function inside a function sees what that one sees */
    see_slot(E, &c, E->context[j]);
  cx_val r = ok ? body_of(E, &c, &site) : cx_v_bad(call->span);
  E->env = env;
  return cx_v_in_front(E, r, c.front, call->span);
}

/* conv(x, 16, 3, stride = 2): arguments by place, then by name */
cx_val cx_call_with_options(cx_elab *E, cx_binding *f, const cx_ast *x) {
  const cx_ast *def = f->fun;
  int want = def->nkid - 1;
  cx_val *arg = CX_NEW_N(E->arena, cx_val, want + 1);
  for (int k = 0; k < x->nkid; k++) {
    const cx_ast *a = x->kid[k];
    int at = k;
    if (a->kind == A_NAMED) {
      for (at = 0; at < want && strcmp(formal(def, at)->name, a->name);) at++;
      const char *names[32];
      int n = 0;
      for (int j = 0; j < want && n < 32; j++) names[n++] = formal(def, j)->name;
      if (at == want) {
        int id = cx_error(E->ctx, a->name_span, "`%s` has no option `%s`", x->name, a->name);
        const char *hit = cx_nearest(a->name, names, n), *all = "";
        for (int j = 0; j < n; j++)
          if (value_left_out(def, j)) all = cx_format(E->arena, "%s%s%s", all, *all ? ", " : "", names[j]);
        if (hit) cx_diag_help(E->ctx, id, "did you mean `%s`?", hit);
        else cx_diag_help(E->ctx, id, "its options are %s", all);
        return cx_v_bad(x->span);
      }
      if (arg[at].e || arg[at].text) {
        cx_error(E->ctx, a->span, "`%s` of `%s` is given twice", a->name, x->name);
        return cx_v_bad(x->span);
      }
    } else if (k && x->kid[k - 1]->kind == A_NAMED) {
      cx_error(E->ctx, a->span, "arguments without a name stand before those with one");
      return cx_v_bad(x->span);
    }
    if (at >= want) return wrong_count(E, def, x->nkid, x->span);
    arg[at] = cx_elab_argument(E, a->kind == A_NAMED ? a->kid[0] : a);
    if (arg[at].bad) return cx_v_bad(x->span);
  }
  return cx_apply(E, f, arg, want, x);
}
