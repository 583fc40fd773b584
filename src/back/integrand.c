/* integrand.c - the graphs of an integrand over many nodes at once.
 *
 * Nodes of many integrals are cut into batches, each one run of a compiled graph with the nodes in the vector lanes. */
#include "back/integral_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool by_instance(const cx_integrand *in, int env) { return in->by_instance && in->by_instance[env].rank; }

static void see_read(void *user, const cx_node *n) {
  if (n->op == OP_load) ((bool *)user)[n->u.eq] = true;
}
/* along which dimensions the graph asks for the number of the integral */
static void find_index(cx_arena *a, cx_batch *b, const cx_integrand *in) {
  const cx_graph *g = b->g;
  bool *read = CX_NEW_N(a, bool, g->neq + 1);
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    if (e->kind == EQ_CALC) cx_visit((cx_graph *)(uintptr_t)g, e->body, see_read, read);
    for (int j = 0; j < e->nprim_arg && e->kind == EQ_PRIM; j++) read[e->prim_arg[j]] = true;
  }
  for (int k = 0, n = -(in->dim > 1 ? in->dim : 1); k < g->neq; k++)
    if (g->eq[k]->kind == EQ_INPUT && n++ >= 0 && n <= in->ninstance) b->index[n - 1] = read[k];
}

void cx_batch_new(cx_arena *a, cx_batch *b, const cx_integrand *in, const cx_graph *g, bool oracle) {
  if (!g) return;
  b->g = g;
  b->nout = g->nout;
  b->count = CX_NEW_N(a, int64_t, g->nout + 1);
  for (int k = 0; k < g->nout; k++) {
    const cx_eq *e = g->eq[g->out[k]];
    b->count[k] = 1;
    for (int d = 1; d < e->rank; d++) b->count[k] *= e->dim[d].n;
    b->total += b->count[k];
  }
  for (int k = 0; k < g->neq; k++) b->nin += g->eq[k]->kind == EQ_INPUT;
  bool *by_row = CX_NEW_N(a, bool, b->nin + 1);
  int before = (in->dim > 1 ? in->dim : 1) + in->ninstance;
  for (int k = 0; k < b->nin; k++) by_row[k] = k < before || k >= before + in->nenv || by_instance(in, k - before);
  find_index(a, b, in);
  cx_exec_opt o = {.threads = 1, .segment = -1, .rows = in->nodes, .by_row = by_row};
  if (!oracle) b->exec = cx_exec_new(a, g, NULL, &o);
}
void cx_batch_work_new(cx_arena *a, cx_batch_work *w, const cx_batch *b, const cx_integrand *in) {
  int64_t nodes = in->nodes;
  if (!b->g) return;
  if (b->exec) w->work = cx_work_new(a, b->exec);
  w->in = CX_NEW_N(a, const void *, b->nin + 1);
  w->out = CX_NEW_N(a, void *, b->nout + 1);
  w->buffer = CX_NEW_N(a, double *, b->nout + 1);
  for (int k = 0; k < b->nout; k++) w->buffer[k] = CX_NEW_N(a, double, b->count[k] * nodes + 16);
  w->node = CX_NEW_N(a, double, ((in->dim > 1 ? in->dim : 1) + in->ninstance + 5 + in->nenv) * nodes + 16);
}

static int run_oracle(const cx_quadrature *q, const cx_batch *b, cx_batch_work *w) {
  cx_arena *a = cx_arena_new(q->ctx);
  cx_array *in = CX_NEW_N(a, cx_array, b->nin + 1);
  int n = 0;
  for (int k = 0; k < b->g->neq; k++) {
    const cx_eq *e = b->g->eq[k];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    in[n] = cx_array_dense((double *)(uintptr_t)w->in[n], e->rank, dim);
    n++;
  }
  double **out = CX_NEW_N(a, double *, b->nout + 1);
  cx_ref_run(b->g, a, in, out);
  for (int k = 0; k < b->nout; k++) memcpy(w->buffer[k], out[k], (size_t)(b->count[k] * q->in->nodes) * sizeof(double));
  cx_arena_free(a);
  return 0;
}

/* the numbers of the integrals along each dimension, and the arrays read there, for `each` nodes of each of m, and their
 * repeated last */
static void lay_instances(const cx_quadrature *q, const cx_batch *b, cx_quadrature_work *all, const int32_t *instance,
                          int64_t m, int64_t each, int64_t filled, double *index, double *rows) {
  const cx_integrand *in = q->in;
  int64_t nodes = in->nodes, size[CX_MAX_RANK], below[CX_MAX_RANK + 1];
  int r = in->ninstance;
  below[r] = 1;
  for (int d = r - 1; d >= 0; d--) {
    size[d] = in->instance[d].n > 0 ? in->instance[d].n : 1;
    below[d] = below[d + 1] * size[d];
  }
  int64_t run[CX_NODES_MOST + 1], nrun = 0; /* nodes of one integral stand together */
  int32_t who[CX_NODES_MOST];
  for (int64_t j = 0; j < m; j++)
    if (!j || instance[j] != instance[j - 1]) who[nrun] = instance[j], run[nrun++] = j * each;
  run[nrun] = filled;
  for (int k = 0; k < r + in->nenv; k++) {
    int env = k - r;
    if (k < r ? !b->index[k] : !by_instance(in, env)) continue;
    const cx_by_instance *own = k < r ? NULL : &in->by_instance[env];
    const double *from = own ? all->arg[2 + env] : NULL;
    double *to = own ? rows + env * nodes : index + k * nodes;
    bool all_dims = own && own->rank == r;
    for (int d = 0; all_dims && d < r; d++) all_dims = own->dim[d] == d;
    for (int64_t i = 0; i < nrun; i++) {
      int64_t id = who[i], at = 0;
      for (int d = 0; own && !all_dims && d < own->rank; d++)
        at = at * size[own->dim[d]] + id / below[own->dim[d] + 1] % size[own->dim[d]];
      double v = !own ? (double)(r == 1 ? id : id / below[k + 1] % size[k]) : from[all_dims ? id : at];
      for (int64_t j = run[i]; j < run[i + 1]; j++) to[j] = v;
    }
  }
}

int cx_batch_run(const cx_quadrature *q, const cx_batch *b, cx_batch_work *w, cx_quadrature_work *all,
                 const double *const *x, const double *const *tail, int ntail, int64_t n, const int32_t *instance,
                 double *f) {
  const cx_integrand *in = q->in;
  int r = in->ninstance, dim = in->dim > 1 ? in->dim : 1;
  int64_t nodes = in->nodes;
  double *index = w->node + dim * nodes, *tails = index + r * nodes, *rows = tails + 5 * nodes;
  bool by_rows = b->exec && cx_exec_by_rows(b->exec); /* then nodes are read where they are, and values written */
  for (int k = 0; k < r; k++) w->in[dim + k] = index + k * nodes;
  for (int k = 0; k < in->nenv; k++) w->in[dim + r + k] = by_instance(in, k) ? rows + k * nodes : all->arg[2 + k];
  for (int64_t from = 0; from < n; from += nodes) {
    int64_t m = n - from < nodes ? n - from : nodes, filled = by_rows ? m : nodes;
    for (int k = 0; k < dim + ntail; k++) {
      const double *at = (k < dim ? x[k] : tail[k - dim]) + from;
      double *to = k < dim ? w->node + k * nodes : tails + (k - dim) * nodes;
      w->in[k < dim ? k : r + in->nenv + k] = by_rows ? at : to;
      if (by_rows) continue;
      memcpy(to, at, (size_t)m * sizeof *to);
      for (int64_t j = m; j < nodes; j++) to[j] = at[m - 1];
    }
    if (r && instance) lay_instances(q, b, all, instance + from, m, 1, filled, index, rows);
    int64_t c0 = 0;
    for (int k = 0; k < b->nout; c0 += b->count[k++])
      w->out[k] = by_rows && b->count[k] == 1 ? f + c0 * n + from : w->buffer[k];
    if (b->exec ? cx_exec_rows(b->exec, w->work, m, w->in, w->out, &all->why) : run_oracle(q, b, w)) return 1;
    if (b->exec && in->heavy) {
      double rel[CX_NODES_MOST] = {0};
      all->inner += cx_work_inner_errors(b->exec, w->work, rel, nodes);
      for (int64_t j = 0; j < m; j++) {
        double size = fabs(w->buffer[0][j * b->count[0]]);
        if (!isfinite(size)) continue;
        if (size > all->largest) all->largest = size;
        if (size * rel[j] > all->worst) all->worst = size * rel[j];
      }
    }
    c0 = 0;
    for (int k = 0; k < b->nout; c0 += b->count[k++])
      for (int64_t c = 0; c < b->count[k] && w->out[k] == w->buffer[k]; c++)
        for (int64_t j = 0; j < m; j++) f[(c0 + c) * n + from + j] = w->buffer[k][j * b->count[k] + c];
  }
  return 0;
}

/* ---- many integrals at the same places ---- */
void cx_halves_new(cx_arena *a, cx_batch_halves *h, const cx_integrand *in, const cx_halves *of, bool oracle) {
  if (!of->rest || oracle) return;
  cx_batch_new(a, &h->fixed, in, of->fixed, false);
  cx_batch_new(a, &h->rest, in, of->rest, false);
  for (int k = 0; k < h->rest.nout; k++)
    if (h->rest.count[k] != 1) h->rest.g = NULL;
  if (!cx_exec_by_rows(h->fixed.exec) || !cx_exec_by_rows(h->rest.exec)) h->rest.g = NULL;
  if (!h->rest.g) h->fixed.g = NULL;
}
void cx_halves_work_new(cx_arena *a, cx_halves_work *w, const cx_batch_halves *h, const cx_integrand *in) {
  cx_batch_work_new(a, &w->fixed, &h->fixed, in);
  cx_batch_work_new(a, &w->rest, &h->rest, in);
  if (!h->rest.g) return;
  w->values = CX_NEW_N(a, double, h->fixed.nout * in->nodes + 16);
  w->places = CX_NEW_N(a, double, (1 + h->fixed.nout) * in->nodes + 16);
}

int cx_batch_run_same(const cx_quadrature *q, bool probe, cx_quadrature_work *w, int64_t n, const double *x, int64_t m,
                      const int32_t *instance, double *f) {
  const cx_batch_halves *h = probe ? &q->probe_halves : &q->value_halves;
  const cx_batch *b = probe ? &q->probe : &q->value;
  cx_halves_work *v = probe ? &w->probe_halves : &w->value_halves;
  const cx_integrand *in = q->in;
  int64_t nodes = in->nodes, each = n > 0 ? nodes / n : 0;
  bool fits = h->rest.g && each > 1 && m > 1;
  if (fits) {
    if (cx_batch_run(q, &h->fixed, &v->fixed, w, &x, NULL, 0, n, NULL, v->values)) return 1;
    for (int64_t k = 0; k < h->fixed.nout * n && fits; k++)
      fits = !isnan(v->values[k]); /* the log of a negative base */
  }
  if (!fits) {
    double *all = malloc((size_t)(n * m + 1) * sizeof *all);
    int32_t *id = malloc((size_t)(n * m + 1) * sizeof *id);
    int failed = !all || !id;
    if (failed) w->why = "out of memory";
    for (int64_t j = 0; j < m && !failed; j++) {
      memcpy(all + j * n, x, (size_t)n * sizeof *x);
      for (int64_t k = 0; k < n; k++) id[j * n + k] = instance[j];
    }
    const double *at = all;
    if (!failed) failed = cx_batch_run(q, b, probe ? &w->probe : &w->value, w, &at, NULL, 0, n * m, id, f);
    free(all);
    free(id);
    return failed;
  }
  if (each > m) each = m;
  for (int k = 0; k <= h->fixed.nout; k++)
    for (int64_t j = 0; j < each; j++)
      memcpy(v->places + k * nodes + j * n, k ? v->values + (k - 1) * n : x, (size_t)n * sizeof *x);
  cx_batch_work *r = &v->rest;
  double *index = r->node + nodes, *rows = index + in->ninstance * nodes + 4 * nodes;
  int first = 1 + in->ninstance;
  for (int64_t from = 0; from < m; from += each) {
    int64_t some = m - from < each ? m - from : each;
    r->in[0] = v->places;
    for (int k = 0; k < in->ninstance; k++) r->in[1 + k] = index + k * nodes;
    for (int k = 0; k < in->nenv; k++) r->in[first + k] = by_instance(in, k) ? rows + k * nodes : w->arg[2 + k];
    for (int k = 0; k < h->fixed.nout; k++) r->in[first + in->nenv + k] = v->places + (k + 1) * nodes;
    lay_instances(q, &h->rest, w, instance + from, some, n, some * n, index, rows);
    for (int k = 0; k < b->nout; k++) r->out[k] = f + (k * m + from) * n;
    if (cx_exec_rows(h->rest.exec, r->work, some * n, r->in, r->out, &w->why)) return 1;
  }
  return 0;
}
