/* sparse.c - the C API's sparse Jacobians and Hessians: the entries of every block [equation, by param], one pattern
 * after the other. Places that are affine in the pattern's indices are two numbers an index; those that data decide are
 * computed once, when the function is made. */
#include <string.h>

#include "api/api.h"
#include "base/ctx.h"
#include "pass/sparsity.h"

typedef struct {
  CX_VEC(uint32_t) value;     /* equations of the values */
  CX_VEC(cx_entries) entries; /* and where they stand */
  CX_VEC(uint32_t) place;     /* equations of rows and columns that are not affine, in pairs */
  CX_VEC(int) listed;         /* which of the entries these are */
} matrix;

static void add_block(matrix *b, cx_graph *g, cx_arena *t, uint32_t jac, int row_rank, int64_t row, int64_t col) {
  cx_sparse s;
  if (!cx_sparse_of(g, jac, row_rank, &s)) {
    if (s.rows * s.cols == 0) return;
    *CX_PUSH(t, b->value) = jac;
    *CX_PUSH(t, b->entries) = (cx_entries){.n = s.rows * s.cols,
                                           .row = row,
                                           .col = col,
                                           .rank = 2,
                                           .size = {s.rows, s.cols},
                                           .row_step = {1, 0},
                                           .col_step = {0, 1}};
    return;
  }
  for (int i = 0; i < s.n; i++) {
    const cx_sparse_term *p = &s.term[i];
    cx_entries e = {.n = p->n, .row = row, .col = col, .rank = p->rank};
    if (p->affine) {
      e.row += p->row0;
      e.col += p->col0;
      memcpy(e.size, p->size, sizeof e.size);
      memcpy(e.row_step, p->row_step, sizeof e.row_step);
      memcpy(e.col_step, p->col_step, sizeof e.col_step);
    } else {
      *CX_PUSH(t, b->listed) = b->entries.n;
      *CX_PUSH(t, b->place) = p->row;
      *CX_PUSH(t, b->place) = p->col;
    }
    *CX_PUSH(t, b->value) = p->value;
    *CX_PUSH(t, b->entries) = e;
  }
}

/* the places that data decide; an entry in row -1 is none */
static void list_places(const cx_model *e, cx_arena *a, cx_arena *t, matrix *b) {
  if (!b->place.n) return;
  cx_model exact = *e; /* row numbers are exact in double alone */
  exact.single = false;
  cx_fn *f = cx_fn_new(&exact, t, b->place.at, b->place.n, e->ctx->threads);
  void **out = CX_NEW_N(t, void *, f->nout + 1);
  const void *none[1] = {NULL};
  const char *why = NULL;
  for (int k = 0; k < f->nout; k++) out[k] = CX_NEW_N(t, double, f->out_n[k] + 1);
  if (cx_exec_run(f->exec, cx_work_new(t, f->exec), none, out, &why)) {
    cx_diag(e->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "the places of the entries cannot be computed: %s", why);
    cx_throw(e->ctx, CX_E_RUNTIME);
  }
  for (int k = 0; k < b->listed.n; k++) {
    cx_entries *x = &b->entries.at[b->listed.at[k]];
    const double *row = out[2 * k], *col = out[2 * k + 1];
    int64_t n = x->n, kept = 0, *list[3];
    for (int i = 0; i < 3; i++) list[i] = CX_NEW_N(a, int64_t, n + 1);
    for (int64_t i = 0; i < n; i++)
      if (row[i] >= 0) list[0][kept] = (int64_t)row[i], list[1][kept] = (int64_t)col[i], list[2][kept++] = i;
    x->rows = list[0];
    x->cols = list[1];
    x->n = kept;
    if (kept < n) x->keep = list[2];
  }
}

static calx_fn *sparse(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *of, int n) {
  cx_flat flat = cx_flat_new(e, t, e->nparam);
  matrix b = {{0}, {0}, {0}, {0}};
  int64_t row = 0;
  cx_prepare(e->graph);
  for (int k = 0; k < n; k++) {
    const cx_eq *q = e->graph->eq[of[k]];
    for (int p = 0; p < flat.n; p++)
      add_block(&b, e->graph, t, cx_diff_forward(e->graph, of[k], flat.raw[p], 0), q->rank, row, flat.offset[p]);
    row += cx_eq_count(q);
  }
  list_places(e, a, t, &b);
  calx_fn *f = cx_api_compile(e, a, b.value.at, b.value.n);
  f->entries = CX_NEW_N(a, cx_entries, b.value.n + 1);
  f->direct = !f->f->single;
  int64_t total = 0;
  for (int k = 0; k < b.value.n; k++) {
    f->entries[k] = b.entries.at[k];
    f->start[k] = total;
    f->row[k] = 1;
    f->col[k] = f->entries[k].n;
    total += f->entries[k].n;
    if (f->entries[k].keep) f->direct = false;
  }
  cx_api_add_output(f, 1, &total);
  return f;
}

static calx_fn *sparse_hessian(cx_model *e, cx_arena *a, cx_arena *t, const uint32_t *of, int n) {
  return sparse(e, a, t, of + 1, n - 1);
}

calx_status calx_jacobian_sparse(calx_model *m, const char *expression, size_t length, calx_fn **out) {
  return cx_api_make(m, OF_TEXT, sparse, expression, length, out);
}
calx_status calx_hessian_sparse(calx_model *m, calx_fn **out) {
  return cx_api_make(m, OF_GRADIENT, sparse_hessian, NULL, 0, out);
}

calx_status calx_sparsity(calx_fn *f, int64_t *row, int64_t *col) {
  if (!f->entries) {
    API_TRY(f->ctx) {
      cx_api_misuse(f->ctx, "use calx_jacobian_sparse or calx_hessian_sparse", "this function is no sparse matrix");
    }
    return cx_api_failed(f->ctx, api_frame.status);
  }
  for (int k = 0; k < f->f->nout; k++) {
    const cx_entries *e = &f->entries[k];
    int64_t t[CX_MAX_RANK] = {0};
    for (int64_t i = 0; i < e->n; i++) {
      int64_t r = e->row, c = e->col;
      if (e->rows) r += e->rows[i], c += e->cols[i];
      else {
        for (int d = 0; d < e->rank; d++) r += e->row_step[d] * t[d], c += e->col_step[d] * t[d];
        for (int d = e->rank - 1; d >= 0 && ++t[d] == e->size[d]; d--) t[d] = 0;
      }
      *row++ = r;
      *col++ = c;
    }
  }
  return CALX_OK;
}
