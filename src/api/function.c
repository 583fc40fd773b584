/* function.c - the C API's functions: values, gradients, Jacobians and Hessians by the params' vector. */
#include <string.h>

#include "api/api.h"
#include "back/kern_mat.h"
#include "base/ctx.h"
#include "pass/pass.h"

/* ---- what is compiled: equations of a model of its own ---- */

/* The program once more with the expressions behind it, read in the scope of its end; their equations. */
uint32_t *cx_api_expressions(calx_bound *b, cx_arena *t, const char *text, size_t length, cx_model **e, int *n) {
  cx_ctx *c = b->of->ctx;
  cx_ast *query = cx_parse_console(c, t, cx_api_source(c, "expression", text, length));
  if (cx_error_count(c)) cx_throw(c, CX_E_PROGRAM);
  if (query->nkid != 1 || query->kid[0]->kind != S_PRINT)
    cx_api_misuse(c, "statements belong into the text for calx_compile",
                  "one expression, or several with commas between, are needed");
  cx_program p = *b->of->prog;
  cx_ast root = *p.ast;
  root.kid = CX_NEW_N(t, cx_ast *, root.nkid + 1);
  if (root.nkid) memcpy(root.kid, p.ast->kid, (size_t)root.nkid * sizeof *root.kid);
  root.kid[root.nkid++] = query->kid[0];
  p.ast = &root;
  *e = cx_api_elaborate(b, &p, t);
  const cx_action *act = &(*e)->action[(*e)->naction - 1];
  uint32_t *eq = CX_NEW_N(t, uint32_t, act->nquery + 1);
  *n = act->nquery;
  for (int k = 0; k < *n; k++) {
    eq[k] = act->query[k].eq;
    if (eq[k] == CX_NO_EQ) cx_api_misuse(c, NULL, "`%s` has no value", act->query[k].text);
  }
  return eq;
}

static uint32_t *objective(calx_bound *b, cx_arena *t, cx_model **e, int *n) {
  *e = cx_api_elaborate(b, b->of->prog, t);
  if ((*e)->objective == CX_NO_EQ)
    cx_api_misuse(b->of->ctx, "add `minimize ..`, or ask for an expression with calx_function",
                  "the program has no objective");
  *n = 1;
  return &(*e)->objective;
}

/* the objective's equation, then those of its gradient by each param */
static uint32_t *with_gradient(cx_model *e, cx_arena *t, int *n) {
  cx_flat flat = cx_flat_new(e, t, e->nparam);
  uint32_t *root = CX_NEW_N(t, uint32_t, flat.n + 1);
  cx_prepare(e->graph);
  root[0] = e->objective;
  cx_diff_reverse(e->graph, e->objective, CX_NO_COT, flat.raw, flat.n, root + 1);
  *n = flat.n + 1;
  return root;
}

/* ---- compiled ---- */

calx_fn *cx_api_compile(const cx_model *e, cx_arena *a, const uint32_t *root, int n) {
  calx_fn *f = CX_NEW(a, calx_fn);
  f->part.arena = a;
  f->ctx = e->ctx;
  f->f = cx_fn_new(e, a, root, n, e->ctx->threads);
  f->flat = cx_flat_inputs(e, a);
  f->inputs = f->flat.offset[f->flat.n];
  f->start = CX_NEW_N(a, int64_t, n + 1);
  f->row = CX_NEW_N(a, int64_t, n + 1);
  f->col = CX_NEW_N(a, int64_t, n + 1);
  f->out = CX_NEW_N(a, calx_output, n + 1);
  return f;
}

void cx_api_add_output(calx_fn *f, int rank, const int64_t *dim) {
  int64_t size = 1, *d = CX_NEW_N(f->part.arena, int64_t, rank + 1);
  for (int k = 0; k < rank; k++) size *= d[k] = dim[k];
  f->out[f->nout++] = (calx_output){rank, d, size, f->outputs};
  f->outputs += size;
}

/* the equations' values, one after the other */
calx_fn *cx_api_values(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *root, int n) {
  (void)t;
  calx_fn *f = cx_api_compile(e, a, root, n);
  f->direct = !f->f->single;
  for (int k = 0; k < n; k++) {
    const cx_eq *q = f->f->graph->eq[f->f->graph->out[k]];
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(q, dim);
    f->start[k] = f->outputs;
    f->row[k] = 1;
    f->col[k] = f->f->out_n[k];
    cx_api_add_output(f, q->rank, dim);
  }
  return f;
}

/* the value, then the whole gradient as one vector */
static calx_fn *value_and_gradient(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *root, int n) {
  calx_fn *f = cx_api_values(e, a, t, root, n);
  f->outputs = 1;
  f->nout = 1;
  cx_api_add_output(f, 1, &f->inputs);
  return f;
}

/* the matrix with a row for every element of the equations and a column for every number of the vector: a block for
 * each equation and param */
static calx_fn *jacobian(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *of, int n) {
  cx_flat flat = cx_flat_new(e, t, e->nparam);
  uint32_t *root = CX_NEW_N(t, uint32_t, n * flat.n + 1);
  int64_t rows = 0, *count = CX_NEW_N(t, int64_t, n + 1);
  for (int k = 0; k < n; k++) rows += count[k] = cx_eq_count(e->graph->eq[of[k]]);
  cx_prepare(e->graph);
  for (int k = 0; k < n; k++)
    for (int p = 0; p < flat.n; p++) root[k * flat.n + p] = cx_diff_forward(e->graph, of[k], flat.raw[p], 0);
  calx_fn *f = cx_api_compile(e, a, root, n * flat.n);
  f->width = f->inputs;
  int64_t first = 0;
  for (int k = 0; k < n; first += count[k++] * f->width)
    for (int p = 0; p < flat.n; p++) {
      int at = k * flat.n + p;
      f->start[at] = first + flat.offset[p];
      f->row[at] = count[k];
      f->col[at] = flat.offset[p + 1] - flat.offset[p];
    }
  cx_api_add_output(f, 2, (int64_t[]){rows, f->inputs});
  return f;
}

static calx_fn *hessian(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *of, int n) {
  return jacobian(e, a, t, of + 1, n - 1);
}

/* the same data, of which those named vary from call to call */
static calx_bound *varying(calx_bound *b, cx_arena *t, const char *const *data, int ndata) {
  calx_bound *v = CX_NEW(t, calx_bound);
  int n = b->of->prog->ndecl;
  *v = *b;
  v->decl = CX_NEW_N(t, cx_decl, n + 1);
  if (n) memcpy(v->decl, b->decl, (size_t)n * sizeof *v->decl);
  for (int k = 0; k < ndata; k++) {
    int d = 0;
    while (d < n && strcmp(b->decl[d].name, data[k])) d++;
    if (d == n) cx_api_misuse(b->of->ctx, NULL, "the program has no data `%s`", data[k]);
    if (b->decl[d].array.nlevel || b->decl[d].array.text)
      cx_api_misuse(b->of->ctx, "give numbers", "`%s` holds words, which cannot be an argument", data[k]);
    v->decl[d].varies = true;
  }
  return v;
}

static calx_status make(calx_model *m, cx_api_of what, cx_api_build *build, const char *text, size_t length,
                        const char *const *data, int ndata, calx_fn **out) {
  *out = NULL;
  API_TRY(m->ctx) {
    calx_bound *b = cx_api_bound(m);
    cx_arena *a = cx_arena_new(m->ctx), *t = cx_arena_new(m->ctx);
    cx_model *e;
    int n;
    calx_bound *v = ndata ? varying(b, t, data, ndata) : b;
    uint32_t *of = what == OF_TEXT ? cx_api_expressions(v, t, text, length, &e, &n) : objective(v, t, &e, &n);
    if (what == OF_GRADIENT) of = with_gradient(e, t, &n);
    calx_fn *f = build(e, a, t, of, n);
    f->data = CX_NEW_N(a, uint32_t, ndata + 1);
    for (int k = 0; k < ndata; k++)
      for (int d = 0; d < e->ndecl; d++)
        if (!strcmp(e->decl[d].name, data[k])) f->data[f->ndata++] = e->decl_eq[d];
    API_DONE(m->ctx);
    cx_arena_free(t);
    cx_part_init(&f->part, a, &b->part);
    *out = f;
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

calx_status cx_api_make(calx_model *m, cx_api_of what, cx_api_build *build, const char *text, size_t length,
                        calx_fn **out) {
  return make(m, what, build, text, length, NULL, 0, out);
}

calx_status calx_function_of(calx_model *m, const char *expression, size_t length, const char *const *data, int ndata,
                             calx_fn **out) {
  return make(m, OF_TEXT, cx_api_values, expression, length, data, ndata, out);
}
calx_status calx_function(calx_model *m, const char *expression, size_t length, calx_fn **out) {
  return cx_api_make(m, OF_TEXT, cx_api_values, expression, length, out);
}
calx_status calx_jacobian(calx_model *m, const char *expression, size_t length, calx_fn **out) {
  return cx_api_make(m, OF_TEXT, jacobian, expression, length, out);
}
calx_status calx_value(calx_model *m, calx_fn **out) {
  return cx_api_make(m, OF_OBJECTIVE, cx_api_values, NULL, 0, out);
}
calx_status calx_gradient(calx_model *m, calx_fn **out) {
  return cx_api_make(m, OF_GRADIENT, value_and_gradient, NULL, 0, out);
}
calx_status calx_hessian(calx_model *m, calx_fn **out) { return cx_api_make(m, OF_GRADIENT, hessian, NULL, 0, out); }

void calx_fn_free(calx_fn *f) {
  if (f) cx_part_free(&f->part);
}
int64_t calx_fn_inputs(const calx_fn *f) { return f->inputs; }
int64_t calx_fn_outputs(const calx_fn *f) { return f->outputs; }
int calx_fn_output_at(const calx_fn *f, int k, calx_output *out) {
  if (k < 0 || k >= f->nout) return 0;
  *out = f->out[k];
  return 1;
}

/* ---- evaluation ---- */
enum { INPUTS_MAX = 256 };

calx_status calx_work_new(calx_fn *f, calx_work **out) {
  *out = NULL;
  API_TRY(f->ctx) {
    cx_arena *a = cx_arena_new(f->ctx);
    calx_work *w = CX_NEW(a, calx_work);
    w->w = cx_work_new(a, f->f->exec);
    w->out = CX_NEW_N(a, void *, f->f->nout + 1);
    if (f->f->single) w->x = CX_NEW_N(a, float, f->inputs + 1);
    w->convert = cx_mat_get(f->f->single, false)->convert;
    for (int k = 0; k < f->f->nout && !f->direct; k++)
      w->out[k] = cx_alloc_n(a, (size_t)f->f->out_n[k] + 1, f->f->single ? sizeof(float) : sizeof(double));
    API_DONE(f->ctx);
    cx_part_init(&w->part, a, &f->part);
    *out = w;
    return CALX_OK;
  }
  return cx_api_failed(f->ctx, api_frame.status);
}

void calx_work_free(calx_work *w) {
  if (w) cx_part_free(&w->part);
}
const char *calx_work_error(const calx_work *w) { return w->why ? w->why : ""; }

calx_status calx_eval(const calx_fn *f, calx_work *w, const double *x, double *out) {
  static const double none = 0;
  const void *in = x ? x : &none; /* a vector of size 0 */
  bool single = f->f->single;
  w->why = NULL;
  if (f->ndata) {
    w->why = "the function takes arrays: calx_eval_arrays";
    return CALX_E_USAGE;
  }
  if (single) {
    w->convert[CX_F64](w->x, in, f->inputs);
    in = w->x;
  }
  for (int k = 0; k < f->f->nout && f->direct; k++) w->out[k] = out + f->start[k];
  if (cx_fn_at(f->f, w->w, &f->flat, in, w->out, &w->why)) return CALX_E_RUNTIME;
  for (int k = 0; k < f->f->nout && !f->direct; k++)
    for (int64_t r = 0, at = 0; r < f->row[k]; r++) {
      double *to = out + f->start[k] + r * f->width;
      const int64_t *keep = f->entries ? f->entries[k].keep : NULL;
      if (keep)
        for (int64_t c = 0; c < f->col[k]; c++) to[c] = cx_real_at(w->out[k], keep[c], single);
      else if (single)
        for (int64_t c = 0; c < f->col[k]; c++) to[c] = ((const float *)w->out[k])[at++];
      else if (f->col[k]) {
        memcpy(to, (const double *)w->out[k] + at, (size_t)f->col[k] * sizeof *to);
        at += f->col[k];
      }
    }
  return CALX_OK;
}

calx_status calx_eval_arrays(const calx_fn *f, calx_work *w, const double *x, const void *const *in, void *const *out) {
  const void *all[INPUTS_MAX];
  w->why = NULL;
  if (f->f->nin > INPUTS_MAX || f->width || f->entries) {
    w->why = f->f->nin > INPUTS_MAX ? "more than 256 arguments of one function" : "the function is a matrix: calx_eval";
    return CALX_E_USAGE;
  }
  if (f->f->single) w->convert[CX_F64](w->x, x, f->inputs);
  const char *params = f->f->single ? (const char *)w->x : (const char *)x;
  size_t size = f->f->single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < f->f->nin; k++) {
    for (int j = 0; j < f->flat.n; j++)
      if (f->flat.raw[j] == f->f->in_eq[k]) all[k] = params + (size_t)f->flat.offset[j] * size;
    for (int j = 0; j < f->ndata; j++)
      if (f->data[j] == f->f->in_eq[k]) all[k] = in[j];
  }
  return cx_exec_run(f->f->exec, w->w, all, out, &w->why) ? CALX_E_RUNTIME : CALX_OK;
}
