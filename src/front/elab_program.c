/* elab_program.c - a whole program: its data declarations, its statements, its queries. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "front/dist.h"
#include "pass/pass.h"

/* ---- reading: imports spliced in, declarations listed ---- */
typedef CX_VEC(cx_ast *) stmts;

static char *read_text(cx_ctx *c, cx_arena *a, const char *path, size_t *n) {
  (void)c;
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  CX_VEC(char) t = {0};
  int ch;
  while ((ch = getc(f)) != EOF) *CX_PUSH(a, t) = (char)ch;
  fclose(f);
  *n = (size_t)t.n;
  return t.at ? t.at : cx_strdup(a, "", 0);
}

typedef struct {
  const char **at;
  int n, cap;
} names;

static void splice_list(cx_program *p, cx_ast *root, int32_t from, stmts *out, names *done, const char *dir,
                        cx_buf *whole) {
  size_t size, at = 0;
  const char *own = cx_source_text(p->ctx, from, &size);
  if (size >= 3 && !memcmp(own, "\xef\xbb\xbf", 3)) at = 3;
  for (int k = 0; k < root->nkid; k++) {
    cx_ast *s = root->kid[k];
    if (s->kind != S_IMPORT) {
      *CX_PUSH(p->arena, *out) = s;
      continue;
    }
    if (s->span.beg >= at) cx_put(whole, own + at, s->span.beg - at);
    at = s->span.end;
    const char *path = s->name[0] == '/' || !dir ? s->name : cx_format(p->arena, "%s/%s", dir, s->name);
    bool seen = false; /* each file once: imports may form a diamond, or a circle */
    for (int j = 0; j < done->n; j++) seen |= !strcmp(done->at[j], path);
    if (seen) continue;
    *CX_PUSH(p->arena, *done) = path;
    size_t n;
    char *text = read_text(p->ctx, p->arena, path, &n);
    if (!text) {
      int id = cx_error(p->ctx, s->span, "cannot read the file \"%s\"", path);
      cx_diag_help(p->ctx, id, "an import is looked for beside the file that imports it");
      continue;
    }
    int32_t file = cx_source_add(p->ctx, path, text, n);
    const char *slash = strrchr(path, '/');
    splice_list(p, cx_parse(p->ctx, p->arena, file), file, out, done,
                slash ? cx_strdup(p->arena, path, (size_t)(slash - path)) : dir, whole);
  }
  if (at < size) cx_put(whole, own + at, size - at);
}

static double constant_named(const stmts *s, cx_sym name) { /* `k = 3` above may be a size */
  for (int k = 0; k < s->n; k++)
    if (s->at[k]->kind == S_DEF && s->at[k]->name == name && s->at[k]->kid[0]->kind == A_NUM)
      return s->at[k]->kid[0]->num;
  return NAN;
}

static void list_decl(cx_program *p, cx_elab *E, const stmts *all, const cx_ast *x, void *vec) {
  struct {
    cx_decl *at;
    int n, cap;
  } *out = vec;
  cx_decl d = {.name = x->name, .span = x->name_span};
  for (int k = 0; k < out->n; k++)
    if (out->at[k].name == d.name) {
      int id = cx_error(p->ctx, x->name_span, "`%s` is declared twice", x->name);
      cx_diag_label(p->ctx, id, out->at[k].span, "first here");
      return;
    }
  const cx_ast *shape = x->kid[0];
  d.rank = shape ? shape->nkid : 0;
  if (d.rank > CX_MAX_RANK) {
    cx_error(p->ctx, shape->span, "an array has at most %d dimensions", CX_MAX_RANK);
    return;
  }
  for (int k = 0; k < d.rank; k++) {
    const cx_ast *z = shape->kid[k];
    double c = z->kind == A_NAME ? constant_named(all, z->name) : NAN;
    d.dim[k].n = -1;
    if (z->kind == A_NAME && isnan(c)) d.dim[k].name = z->name;
    else if (!isnan(c)) d.dim[k].n = (int64_t)c;
    else if (!cx_elab_int(E, z, &d.dim[k].n)) d.dim[k].n = 1;
    else if (d.dim[k].n < 0)
      cx_error(p->ctx, z->span, "a size cannot be negative, but this is %lld", (long long)d.dim[k].n);
  }
  d.domain = cx_elab_domain(E, x->kid[1]);
  const cx_ast *init = x->kid[2];
  if (init && init->kind == A_STR) d.file = init->name;
  else if (init) {
    cx_val val = cx_elab_expr(E, init);
    double c;
    if (!val.bad && cx_v_const(E, val, &c) && !d.rank) {
      double *store = CX_NEW(p->arena, double);
      *store = c;
      d.array = cx_array_dense(store, 0, NULL);
      d.bound = true;
    } else if (!val.bad) {
      int id = cx_error(p->ctx, init->span, "data comes from a file, or is one number");
      cx_diag_help(p->ctx, id, "an array of numbers in the program is a definition: %s = [..]", x->name);
    }
  }
  *CX_PUSH(p->arena, *out) = d;
}

cx_program *cx_program_new(cx_ctx *c, cx_arena *a, int32_t file, const char *dir) {
  return cx_program_of(c, a, cx_parse(c, a, file), file, dir);
}

cx_program *cx_program_of(cx_ctx *c, cx_arena *a, cx_ast *root, int32_t file, const char *dir) {
  cx_program *p = CX_NEW(a, cx_program);
  p->ctx = c;
  p->arena = a;
  p->file = file;
  p->dir = dir;
  stmts all = {0};
  names done = {0};
  cx_buf whole = {.arena = a};
  cx_put(&whole, "", 0);
  splice_list(p, root, file, &all, &done, dir, &whole);
  p->text = whole.at;
  p->size = (size_t)whole.n;
  p->ast = CX_NEW(a, cx_ast);
  *p->ast = *root;
  p->ast->kid = all.at;
  p->ast->nkid = all.n;
  cx_elab E = {.ctx = c, .arena = a, .g = cx_graph_new(c, a), .prog = p};
  struct {
    cx_decl *at;
    int n, cap;
  } decl = {0};
  for (int k = 0; k < all.n; k++) {
    cx_ast *s = all.at[k];
    if (s->kind == S_DATA) list_decl(p, &E, &all, s, &decl);
    for (int j = 0; s->kind == S_GROUP && j < s->nkid; j++)
      if (s->kid[j]->kind == S_DATA) list_decl(p, &E, &all, s->kid[j], &decl);
  }
  p->decl = decl.at;
  p->ndecl = decl.n;
  return p;
}

/* ---- data become inputs ---- */
static void value_bounds(const cx_array *a, double *lo, double *hi) {
  enum { PART = 1024 };
  double v[PART], least = INFINITY, most = -INFINITY;
  int64_t count = cx_array_count(a);
  for (int64_t at = 0; at < count; at += PART) {
    int64_t n = count - at < PART ? count - at : PART;
    cx_array_run(a, at, n, v);
    for (int64_t k = 0; k < n; k++) {
      least = v[k] < least ? v[k] : least;
      most = v[k] > most ? v[k] : most;
    }
  }
  *lo = least;
  *hi = most;
}

static void introduce_size(cx_elab *E, cx_sym name, int64_t n, cx_span s) {
  if (cx_lookup(E, name, false)) return;
  cx_binding *b = cx_bind_name(E, name, B_VALUE, s);
  b->v = cx_v_num(E, (double)n, s);
  b->maker = true;
}

static void declare_data(cx_elab *E) {
  cx_model *m = E->m;
  m->decl_eq = CX_NEW_N(E->arena, uint32_t, E->ndecl);
  cx_sym row_name = NULL;
  int64_t rows = 0;
  for (int k = 0; k < E->ndecl; k++) { /* the batch axis: the longest leading dimension with a name */
    cx_decl *d = &E->decl[k];
    if (d->rank && d->dim[0].name && d->dim[0].n > rows && d->domain.kind != DOM_IMAGE)
      rows = d->dim[0].n, row_name = d->dim[0].name;
  }
  m->rows = rows;
  m->rows_name = row_name;
  m->rows_eq = m->training_eq = m->draw_eq = -1;
  for (int k = 0; k < E->ndecl; k++) {
    cx_decl *d = &E->decl[k];
    for (int j = 0; j < d->rank; j++) {
      if (d->dim[j].n < 0) { /* no data: a stand-in, the same for every use of the name */
        cx_binding *b = d->dim[j].name ? cx_lookup(E, d->dim[j].name, false) : NULL;
        d->dim[j].n = b ? (int64_t)b->v.e->u.num : (E->standin += 4);
      }
      if (d->dim[j].name) introduce_size(E, d->dim[j].name, d->dim[j].n, d->span);
    }
  }
  for (int k = 0; k < E->ndecl; k++) {
    cx_decl *d = &E->decl[k];
    m->decl_eq[k] = CX_NO_EQ;
    if (cx_lookup(E, d->name, false) && cx_lookup(E, d->name, false)->maker && d->rank) {
      int id = cx_error(E->ctx, d->span, "`%s` is a size and an array", d->name);
      cx_diag_help(E->ctx, id, "give one of them another name");
    }
    cx_binding *b = cx_bind_name(E, d->name, B_VALUE, d->span);
    b->decl = d;
    if (d->domain.kind == DOM_TEXT || d->array.text) { /* words have no number */
      b->v = cx_v_bad(d->span);
      b->text = true;
      continue;
    }
    cx_eq *e = cx_eq_new(E->g, d->name, EQ_INPUT);
    e->constant = !d->varies;
    e->span = d->span;
    e->rank = (uint8_t)d->rank;
    memcpy(e->dim, d->dim, sizeof e->dim);
    e->integer = d->domain.kind == DOM_INT || d->domain.kind == DOM_BOOL || d->domain.kind == DOM_CATEGORY;
    if (e->integer) {
      if (d->bound && !d->varies) value_bounds(&d->array, &e->lo, &e->hi);
      else {
        e->lo = isfinite(d->domain.lo) ? d->domain.lo : 0;
        e->hi = isfinite(d->domain.hi) ? d->domain.hi : INFINITY;
      }
      if (d->domain.kind == DOM_INT && isfinite(d->domain.hi) && e->hi < d->domain.hi && d->rank) e->hi = d->domain.hi;
      if (d->domain.kind == DOM_CATEGORY && d->array.nlevel) e->hi = d->array.nlevel - 1;
    } else if (!d->rank && d->bound && !d->varies) {
      e->lo = e->hi = cx_array_get(&d->array, NULL);
    }
    m->decl_eq[k] = e->id;
    b->v = cx_v_load(E, e->id, d->span);
    b->leaf = e->id;
  }
}

/* ---- statements of the top level ---- */
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

static uint32_t levels_of(cx_elab *E, const cx_ast *x) {
  const cx_ast *n = x->kind == A_SUBSCRIPT ? x->kid[0] : x;
  cx_binding *b = n->kind == A_NAME ? cx_lookup(E, n->name, false) : NULL;
  return b && b->decl && b->decl->array.nlevel ? (uint32_t)(b->decl - E->decl) : CX_NO_EQ;
}

/* text(e, y), y a category: e in the words of y */
static bool is_category(cx_elab *E, const cx_ast *x) {
  if (x->kind != A_CALL || strcmp(x->name, "text") || x->nkid != 2 || x->kid[1]->kind != A_NAME) return false;
  const cx_binding *b = cx_lookup(E, x->kid[1]->name, false);
  return b && b->decl && b->decl->domain.kind == DOM_CATEGORY && !cx_lookup_env(E, x->name, true);
}

static void query(cx_elab *E, cx_action *a, int *n, const cx_ast *x, cx_val (*elab)(cx_elab *, const cx_ast *)) {
  cx_query q = {.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ};
  bool category = is_category(E, x);
  q.level_of = levels_of(E, category ? x->kid[1] : x);
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

/* plot integral(x in a..b: f), with or without `for x in ..` : the curve of f, with its area */
static bool is_area(const cx_ast *x, const cx_action *a) {
  if (x->kind != A_BINDER || strcmp(x->name, "integral") || x->nbind != 1 || !x->kid[0]->nkid) return false;
  return x->kid[0]->kid[0]->nkid == 2 && (!a->nvar || (a->nvar == 1 && a->var[0] == x->kid[0]->name));
}
/* the range that shows it: the area and a third of its width on both sides */
static bool around_area(cx_elab *E, const cx_ast *x, cx_action *a) {
  double end[2];
  for (int j = 0; j < 2; j++) {
    cx_val v = cx_elab_expr(E, x->kid[0]->kid[0]->kid[j]);
    if (v.bad) return false;
    if (cx_v_const(E, v, &end[j]) && isfinite(end[j])) continue;
    int id = cx_error(E->ctx, x->kid[0]->span, "how far this plot reaches does not follow from the ends of the area");
    cx_diag_help(E->ctx, id, "say it: plot integral(..) for %s in -5..5", x->kid[0]->name);
    return false;
  }
  double lo = fmin(end[0], end[1]), hi = fmax(end[0], end[1]), by = hi > lo ? 0.35 * (hi - lo) : 1;
  a->var[0] = x->kid[0]->name;
  a->lo[0] = lo - by, a->hi[0] = hi + by;
  a->nvar = 1;
  return true;
}
/* read before the variable of the plot has its places */
static bool area_parts(cx_elab *E, const cx_ast *x, cx_query *q) {
  for (int j = 0; j < 3; j++) {
    cx_val v = cx_elab_expr(E, j < 2 ? x->kid[0]->kid[0]->kid[j] : x);
    if (v.bad) return false;
    if (v.rank) {
      cx_error(E->ctx, x->span, "a plot shows the area of one curve, but this integral has shape %s", cx_v_shape(E, v));
      return false;
    }
    v = cx_v_store(E, v, NULL, &q->part[j]);
    if (v.bad) return false;
  }
  return q->area = true;
}

#define GRID 513
/* one value for each of n points (n < 0: how many, it says), for `against` and `by` */
static bool plot_row(cx_elab *E, const cx_ast *option, const char *what, int64_t *n, cx_query *q) {
  const cx_ast *x = option->kid[0];
  cx_val v = cx_elab_expr(E, x);
  if (v.bad) return false;
  if (v.rank != 1) {
    int id =
        cx_error(E->ctx, x->span, "`%s` takes a row of numbers, but this has shape %s", option->name, cx_v_shape(E, v));
    if (v.rank > 1) cx_diag_help(E->ctx, id, "take one column: x[:, 0]");
    return false;
  }
  if (*n >= 0 && v.dim[0].n != *n) {
    cx_error(E->ctx, x->span, "`%s` has %lld numbers, but there are %lld %s", option->name, (long long)v.dim[0].n,
             (long long)*n, what);
    return false;
  }
  *n = v.dim[0].n;
  *q = (cx_query){.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = levels_of(E, x)};
  return !cx_v_store(E, v, NULL, &q->eq).bad;
}

/* what the rows and columns of a matrix are called: the words of a category of as many, or one value for each */
static bool cell_names(cx_elab *E, const cx_ast *x, const cx_dim *size, cx_query *q) {
  bool category = is_category(E, x);
  *q = (cx_query){.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = levels_of(E, category ? x->kid[1] : x)};
  int words = q->level_of != CX_NO_EQ ? E->decl[q->level_of].array.nlevel : 0;
  if (!category && words && (words == size[0].n || words == size[1].n)) return true;
  if (!category && cx_text_query(E, x, q)) {
    if (q->eq == CX_NO_EQ) return false;
  } else {
    cx_val v = cx_elab_expr(E, category ? x->kid[0] : x);
    if (v.bad || cx_v_store(E, v, NULL, &q->eq).bad) return false;
  }
  const cx_eq *e = E->g->eq[q->eq];
  if (E->opt.unbound || (e->rank == 1 && (e->dim[0].n == size[0].n || e->dim[0].n == size[1].n))) return true;
  int id = cx_error(E->ctx, x->span, "`by` names the rows or columns of a matrix of %lld × %lld, but this has %s",
                    (long long)size[0].n, (long long)size[1].n,
                    words          ? cx_format(E->arena, "%d words", words)
                    : e->rank == 1 ? cx_format(E->arena, "%lld elements", (long long)e->dim[0].n)
                                   : "not one dimension");
  cx_diag_help(E->ctx, id, "give a category of as many words, or a row: by text(c[0], c) of a sequence c");
  return false;
}

static void plot(cx_elab *E, const cx_ast *s) {
  cx_action a = {.kind = ACT_PLOT, .ast = s, .objective = CX_NO_EQ};
  const cx_ast *against = NULL, *by = NULL, *also = NULL;
  int64_t length = -1;
  a.against.eq = a.by.eq = a.by.level_of = a.also.eq = CX_NO_EQ;
  int n = s->nkid;
  for (int k = 0; k < s->nkid; k++)
    if (s->kid[k]->kind == A_NAMED) { /* against x, by g, to "file.svg" */
      if (!strcmp(s->kid[k]->name, "against")) against = s->kid[k];
      else if (!strcmp(s->kid[k]->name, "by")) *(by ? &also : &by) = s->kid[k];
      else if (s->kid[k]->kid[0]->kind == A_STR) a.file = s->kid[k]->kid[0]->name;
      if (k < n) n = k;
    }
  if ((against && s->nbind > 1) || (by && s->nbind)) {
    int id = cx_error(E->ctx, (by ? by : against)->span, "points are given: there is no variable to plot over");
    cx_diag_help(E->ctx, id, by ? "leave out `for`" : "beside curves over one: plot y, f(t) against x for t in 0..1");
    return;
  }
  if (against && !plot_row(E, against, "points", &length, &a.against)) return;
  int nexpr = 0;
  while (nexpr < s->nkid && s->kid[nexpr]->kind != A_BIND && s->kid[nexpr]->kind != A_NAMED) nexpr++;
  a.query = CX_NEW_N(E->arena, cx_query, nexpr + 1);
  cx_binding *env = E->env;
  int64_t slot[2];
  if (s->nbind > 2) {
    cx_error(E->ctx, s->span, "a plot is drawn over one or two variables");
    return;
  }
  for (int k = 0; k < s->nkid; k++) {
    const cx_ast *b = s->kid[k];
    if (b->kind != A_BIND || a.nvar == 2) continue;
    int v = a.nvar;
    for (int j = 0; j < 2; j++) {
      cx_val end = b->nkid ? cx_elab_expr(E, b->kid[0]->kid[j]) : cx_v_bad(b->span);
      double *at = j ? &a.hi[v] : &a.lo[v];
      if (end.bad) return;
      if (!cx_v_const(E, end, at) || !isfinite(*at)) {
        cx_error(E->ctx, b->span, "the ends of a plot must be finite numbers");
        return;
      }
    }
    if (a.lo[v] >= a.hi[v]) {
      cx_error(E->ctx, b->span, "the range of `%s` is empty: %g..%g", b->name, a.lo[v], a.hi[v]);
      return;
    }
    a.var[v] = b->name;
    a.nvar++;
  }
  cx_query *area = CX_NEW_N(E->arena, cx_query, nexpr + 1);
  for (int k = 0; k < nexpr && k < n; k++) {
    if (!is_area(s->kid[k], &a)) continue;
    if (!a.nvar && !around_area(E, s->kid[k], &a)) return;
    if (!area_parts(E, s->kid[k], &area[k])) return;
  }
  int64_t points = a.nvar == 2 ? 129 : GRID;
  for (int v = 0; v < a.nvar; v++) {
    slot[v] = cx_var_range(E, a.var[v], 0, points - 1, NULL);
    cx_val x = cx_v_node(cx_op2(E->g, OP_add, cx_const(E->g, a.lo[v]),
                                cx_op2(E->g, OP_mul, cx_const(E->g, (a.hi[v] - a.lo[v]) / (double)(points - 1)),
                                       cx_index(E->g, slot[v]))),
                         s->span);
    uint32_t eq;
    cx_val at = cx_v_store(E, x, a.var[v], &eq);
    a.grid[v] = eq;
    cx_binding *b = cx_bind_name(E, a.var[v], B_VALUE, s->span);
    b->v = at;
  }
  bool map = false;
  for (int k = 0; k < nexpr && k < n; k++) {
    const cx_ast *x = s->kid[k];
    cx_query q = {.text = cx_ast_text(E->arena, x), .eq = CX_NO_EQ, .level_of = CX_NO_EQ};
    if (x->kind == A_NAME && !strcmp(x->name, "trace") && !cx_lookup(E, x->name, false)) {
      q.trace = true;
      a.query[a.nquery++] = q;
      continue;
    }
    E->plotting = !a.nvar;
    q.area = area[k].area;
    memcpy(q.part, area[k].part, sizeof q.part);
    cx_val v = cx_elab_expr(E, q.area ? x->kid[x->nkid - 1] : x);
    E->plotting = false;
    if (v.bad) continue;
    int64_t free[32];
    int nfree = cx_free_slots(E, v.e, free, 32);
    q.points = against && a.nvar;
    for (int j = 0; j < nfree; j++) q.points &= free[j] != slot[0];
    if (a.nvar && !q.points) { /* the variables lead, what the value has of its own follows */
      cx_val r = {.rank = (uint8_t)(v.rank + a.nvar), .e = v.e, .span = x->span};
      if (v.rank > 1 || (v.rank && a.nvar == 2)) {
        cx_error(E->ctx, x->span, "a plotted value must be a number or a row of numbers, but this has shape %s",
                 cx_v_shape(E, v));
        continue;
      }
      for (int j = 0; j < a.nvar; j++) { /* two variables: rows are the second one */
        int at = a.nvar == 2 ? 1 - j : j;
        r.dim[j] = (cx_dim){points, NULL};
        r.slot[j] = slot[at];
      }
      for (int j = 0; j < v.rank; j++) r.dim[a.nvar + j] = v.dim[j], r.slot[a.nvar + j] = v.slot[j];
      v = r;
    } else if (!v.rank) {
      cx_error(E->ctx, x->span, "say over what to plot: plot %s for x in 0..1", q.text);
      continue;
    } else if (v.rank > 4 || (against && v.rank > 2)) {
      cx_error(
          E->ctx, x->span,
          "a plot takes a curve [n], a matrix, images [k, h, w] or rows of them [r, k, h, w], but this has shape %s",
          cx_v_shape(E, v));
      continue;
    } else if (against && v.dim[0].n != length) {
      int id = cx_error(E->ctx, x->span, "there are %lld numbers here, but %lld in `%s`", (long long)v.dim[0].n,
                        (long long)length, a.against.text);
      cx_diag_label(E->ctx, id, against->span, "%lld", (long long)length);
      continue;
    }
    bool is_map = a.nvar == 2 || (!a.nvar && !against && v.rank >= 2);
    if (a.nquery && (is_map != map || (is_map && a.nvar))) {
      int id =
          cx_error(E->ctx, x->span, a.nvar ? "a map fills its plot alone" : "curves and images have no plot in common");
      cx_diag_help(E->ctx, id, "write a plot line for each");
      continue;
    }
    if (is_map && !a.nvar) length = v.rank == 4 ? v.dim[0].n * v.dim[1].n : v.rank == 3 ? v.dim[0].n : 1;
    map |= is_map;
    v = cx_v_store(E, v, NULL, &q.eq);
    if (!v.bad) a.query[a.nquery++] = q;
  }
  if (by && (a.nquery != 1 || (!against && !map))) {
    int id = cx_error(E->ctx, by->span, "`by` gives the points or pictures of one array their groups");
    cx_diag_help(E->ctx, id, "plot y against x by group; plot images by label");
  } else if (also && (against || E->g->eq[a.query[0].eq]->rank == 2)) {
    int id = cx_error(E->ctx, also->span, "%s one `by`", against ? "points have" : "a matrix has");
    cx_diag_help(E->ctx, id, "pictures may have two: plot images by truth, called");
  } else if (by && !against && E->g->eq[a.query[0].eq]->rank == 2) {
    if (!cell_names(E, by->kid[0], E->g->eq[a.query[0].eq]->dim, &a.by)) return;
  } else if (by && !plot_row(E, by, against ? "points" : "pictures", &length, &a.by)) return;
  else if (also && !plot_row(E, also, "pictures", &length, &a.also)) return;
  E->env = env;
  *CX_PUSH(E->arena, E->action) = a;
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
    case S_PLOT: plot(E, s); return true;
    case S_WRITE: {
      cx_action a = {.kind = ACT_WRITE, .ast = s, .objective = CX_NO_EQ};
      a.query = CX_NEW_N(E->arena, cx_query, 1);
      if (s->kid[1]->kind != A_STR) cx_error(E->ctx, s->kid[1]->span, "a file name is text in double quotes");
      else a.file = s->kid[1]->name;
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

static void later_names(cx_elab *E,
                        const cx_ast *root) { /* so that a use before the definition is told apart from a misspelling */
  for (int k = root->nkid - 1; k >= 0; k--) {
    const cx_ast *s = root->kid[k];
    if ((s->kind == S_DEF || s->kind == S_DEF_INDEX) && !cx_lookup(E, s->name, false)) {
      cx_binding *b = cx_bind_name(E, s->name, B_LATER, s->name_span);
      b->v = cx_v_bad(s->name_span);
      cx_settle(E);
    }
  }
}

cx_model *cx_elaborate(cx_program *p, cx_arena *a, cx_decl *decl, int ndecl, const cx_elab_opt *opt) {
  cx_model *m = CX_NEW(a, cx_model);
  cx_elab E = {.ctx = p->ctx, .arena = a, .prog = p, .m = m, .decl = decl, .ndecl = ndecl, .standin = CX_STANDIN};
  if (opt) E.opt = *opt;
  int errors = cx_error_count(p->ctx);
  m->ctx = p->ctx;
  m->arena = a;
  m->graph = E.g = cx_graph_new(p->ctx, a);
  m->decl = decl;
  m->ndecl = ndecl;
  m->objective = CX_NO_EQ;
  m->seed = E.opt.seed;
  declare_data(&E);
  later_names(&E, p->ast);
  cx_elab_list(&E, p->ast->kid, p->ast->nkid);
  cx_elab_weights(&E);
  m->given = E.given.at;
  m->ngiven = E.given.n;
  m->param = E.param.at;
  m->nparam = E.param.n;
  m->action = E.action.at;
  m->naction = E.action.n;
  m->derivative = E.derivative.at;
  m->nderivative = E.derivative.n;
  m->estimate = E.estimate.at;
  m->nestimate = E.estimate.n;
  if (E.objective.n && m->objective == CX_NO_EQ) { /* an objective without a fit: the C API minimises it */
    const cx_node *sum = NULL;
    for (int k = 0; k < E.objective.n; k++) {
      const cx_node *l = cx_load(E.g, E.objective.at[k], NULL, 0);
      sum = sum ? cx_op2(E.g, OP_add, sum, l) : l;
    }
    cx_v_store(&E, cx_v_node(sum, CX_NOSPAN), cx_intern_z(p->ctx, "objective"), &m->objective);
  }
  m->env = E.env;
  return cx_error_count(p->ctx) == errors && cx_error_count(p->ctx) == 0 ? m : NULL;
}
