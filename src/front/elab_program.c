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

static bool derives(const cx_ast *x) { /* d(e, x), f'(x), f' */
  if (!x) return false;
  if (x->kind == A_CALL && (x->primes || !strcmp(x->name, "d"))) return true;
  bool any = x->kind == A_TRANSPOSE && x->kid[0]->kind == A_NAME;
  for (int k = 0; k < x->nkid && !any; k++) any = derives(x->kid[k]);
  return any;
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
  E.derives = derives(p->ast);
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
  m->demand = E.demand.at;
  m->ndemand = E.demand.n;
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
