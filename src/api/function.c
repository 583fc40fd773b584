/* function.c - the C API's functions: values, gradients, Jacobians and Hessians of the params' vector. */
#include <string.h>

#include "api/api.h"
#include "pass/pass.h"

/* one output after the other */
static calx_fn *in_line(calx_model *m, const uint32_t *root, int n) {
  calx_fn *f = CX_NEW(m->arena, calx_fn);
  f->ctx = m->ctx;
  f->f = cx_fn_new(m->m, m->arena, root, n, m->threads);
  cx_flat *flat = CX_NEW(m->arena, cx_flat);
  *flat = m->flat;
  f->flat = flat;
  f->single = m->m->single;
  f->inputs = flat->offset[flat->n];
  f->offset = CX_NEW_N(m->arena, int64_t, n + 1);
  for (int k = 0; k < n; k++) f->offset[k + 1] = f->offset[k] + f->f->out_n[k];
  f->outputs = f->offset[n];
  return f;
}

/* blocks [of, by param] of a matrix with one column for each unconstrained param */
static calx_fn *as_matrix(calx_model *m, const uint32_t *of, int n) {
  int np = m->flat.n;
  uint32_t *root = CX_NEW_N(m->arena, uint32_t, n * np + 1);
  int64_t rows = 0, *first = CX_NEW_N(m->arena, int64_t, n + 1), *count = CX_NEW_N(m->arena, int64_t, n + 1);
  for (int k = 0; k < n; k++) {
    first[k] = rows;
    rows += count[k] = cx_eq_count(m->m->graph->eq[of[k]]);
  }
  cx_prepare(m->m->graph);
  for (int k = 0; k < n; k++)
    for (int p = 0; p < np; p++) root[k * np + p] = cx_diff_forward(m->m->graph, of[k], m->flat.raw[p], 0);
  calx_fn *f = in_line(m, root, n * np);
  f->blocks = true;
  f->width = f->inputs;
  f->outputs = rows * f->inputs;
  int64_t **slot[4] = {&f->row, &f->col, &f->nrow, &f->ncol};
  for (int k = 0; k < 4; k++) *slot[k] = CX_NEW_N(m->arena, int64_t, n * np + 1);
  for (int k = 0; k < n; k++)
    for (int p = 0; p < np; p++) {
      int at = k * np + p;
      f->row[at] = first[k];
      f->nrow[at] = count[k];
      f->col[at] = m->flat.offset[p];
      f->ncol[at] = m->flat.offset[p + 1] - m->flat.offset[p];
    }
  return f;
}

static uint32_t *gradient(calx_model *m) { /* objective, then its gradient by each param */
  cx_model *e = cx_api_model(m);
  if (e->objective == CX_NO_EQ) {
    int id = cx_diag(m->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "the program has no objective");
    cx_diag_help(m->ctx, id, "add `minimize ..`, or ask for an expression with calx_function");
    cx_throw(m->ctx, CX_E_USAGE);
  }
  uint32_t *root = CX_NEW_N(m->arena, uint32_t, m->flat.n + 1);
  cx_prepare(e->graph);
  root[0] = e->objective;
  cx_diff_reverse(e->graph, e->objective, CX_NO_COT, m->flat.raw, m->flat.n, root + 1);
  return root;
}

/* equations of the expressions, read in the scope of the program's end: the program once more with a print behind it */
static uint32_t *expressions(calx_model *m, const char *text, size_t length, int *n) {
  if (length == SIZE_MAX) length = strlen(text);
  char *print = CX_NEW_N(m->arena, char, length + 8);
  memcpy(print, "print ", 6);
  memcpy(print + 6, text, length);
  int32_t file = cx_source_add(m->ctx, "expression", print, length + 6);
  cx_ast *query = cx_parse(m->ctx, m->arena, file);
  if (cx_error_count(m->ctx)) cx_throw(m->ctx, CX_E_PROGRAM);
  cx_api_model(m); /* binds */
  cx_program p = *m->prog;
  cx_ast root = *p.ast;
  root.kid = CX_NEW_N(m->arena, cx_ast *, p.ast->nkid + query->nkid + 1);
  memcpy(root.kid, p.ast->kid, (size_t)p.ast->nkid * sizeof *root.kid);
  memcpy(root.kid + p.ast->nkid, query->kid, (size_t)query->nkid * sizeof *root.kid);
  root.nkid += query->nkid;
  p.ast = &root;
  cx_elab_opt o = {0};
  cx_model *e = cx_elaborate(&p, m->arena, m->decl, m->prog->ndecl, &o);
  if (!e) cx_throw(m->ctx, CX_E_PROGRAM);
  m->m = e; /* the same equations and more */
  m->flat = cx_flat_new(e, m->arena, e->nparam);
  const cx_action *act = e->naction ? &e->action[e->naction - 1] : NULL;
  uint32_t *eq = CX_NEW_N(m->arena, uint32_t, act ? act->nquery + 1 : 1);
  *n = 0;
  for (int k = 0; act && act->kind == ACT_PRINT && k < act->nquery; k++)
    if (act->query[k].eq != CX_NO_EQ) eq[(*n)++] = act->query[k].eq;
  if (!*n) {
    cx_diag(m->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "an expression is needed");
    cx_throw(m->ctx, CX_E_USAGE);
  }
  return eq;
}

calx_status calx_function(calx_model *m, const char *expression, size_t length, calx_fn **out) {
  cx_frame f;
  *out = NULL;
  API_ENTER(m->ctx, f) {
    int n;
    uint32_t *eq = expressions(m, expression, length, &n);
    *out = in_line(m, eq, n);
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}
calx_status calx_jacobian(calx_model *m, const char *expression, size_t length, calx_fn **out) {
  cx_frame f;
  *out = NULL;
  API_ENTER(m->ctx, f) {
    int n;
    uint32_t *eq = expressions(m, expression, length, &n);
    *out = as_matrix(m, eq, n);
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}

typedef enum { WANT_VALUE, WANT_GRADIENT, WANT_HESSIAN } want;
static calx_status of_objective(calx_model *m, want w, calx_fn **out) {
  cx_frame f;
  *out = NULL;
  API_ENTER(m->ctx, f) {
    uint32_t *root = gradient(m);
    *out = w == WANT_HESSIAN ? as_matrix(m, root + 1, m->flat.n) : in_line(m, root, w == WANT_VALUE ? 1 : m->flat.n + 1);
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}
calx_status calx_value(calx_model *m, calx_fn **out) { return of_objective(m, WANT_VALUE, out); }
calx_status calx_gradient(calx_model *m, calx_fn **out) { return of_objective(m, WANT_GRADIENT, out); }
calx_status calx_hessian(calx_model *m, calx_fn **out) { return of_objective(m, WANT_HESSIAN, out); }
int64_t calx_fn_inputs(const calx_fn *f) { return f->inputs; }
int64_t calx_fn_outputs(const calx_fn *f) { return f->outputs; }

/* ---- evaluation ---- */
calx_status calx_work_new(const calx_fn *f, calx_work **out) {
  cx_frame fr;
  cx_arena *volatile a = NULL;
  *out = NULL;
  API_ENTER(f->ctx, fr) {
    a = cx_arena_new(f->ctx);
    calx_work *w = CX_NEW(a, calx_work);
    w->f = f;
    w->arena = a;
    w->w = cx_work_new(a, f->f->exec);
    size_t size = f->single ? sizeof(float) : sizeof(double);
    if (f->single) w->x = cx_alloc_n(a, (size_t)f->inputs + 1, size);
    w->out = CX_NEW_N(a, void *, f->f->nout + 1);
    for (int k = 0; k < f->f->nout; k++)
      if (f->single || f->blocks) w->out[k] = cx_alloc_n(a, (size_t)f->f->out_n[k] + 1, size);
    *out = w;
    CX_END(f->ctx, fr);
    return CALX_OK;
  }
  if (a) cx_arena_free(a);
  return (calx_status)fr.status;
}
void calx_work_free(calx_work *w) {
  if (w) cx_arena_free(w->arena);
}
const char *calx_work_error(const calx_work *w) { return w->why ? w->why : ""; }

calx_status calx_eval(const calx_fn *f, calx_work *w, const double *x, double *out) {
  const void *in = x;
  w->why = NULL;
  if (f->single) {
    for (int64_t k = 0; k < f->inputs; k++) ((float *)w->x)[k] = (float)x[k];
    in = w->x;
  }
  if (!f->single && !f->blocks)
    for (int k = 0; k < f->f->nout; k++) w->out[k] = out + f->offset[k];
  if (cx_fn_at(f->f, w->w, f->flat, in, w->out, &w->why)) return CALX_E_RUNTIME;
  for (int k = 0; k < f->f->nout && (f->single || f->blocks); k++)
    for (int64_t j = 0; j < f->f->out_n[k]; j++) {
      double v = f->single ? (double)((float *)w->out[k])[j] : ((double *)w->out[k])[j];
      if (!f->blocks) out[f->offset[k] + j] = v;
      else out[(f->row[k] + j / f->ncol[k]) * f->width + f->col[k] + j % f->ncol[k]] = v;
    }
  return CALX_OK;
}
