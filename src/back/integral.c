/* integral.c - a quadrature at run time: the integrand's graph under the engine of src/quad/.
 *
 * The engine asks for nodes of many integrals at once. They are cut into batches, each one run of the compiled
 * integrand with the nodes in the vector lanes. */
#include "back/integral_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the integrand over nodes ---- */
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

static void new_batch(cx_arena *a, cx_batch *b, const cx_integrand *in, const cx_graph *g, bool oracle) {
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
static void new_batch_work(cx_arena *a, cx_batch_work *w, const cx_batch *b, const cx_integrand *in) {
  int64_t nodes = in->nodes;
  if (!b->g) return;
  if (b->exec) w->work = cx_work_new(a, b->exec);
  w->in = CX_NEW_N(a, const void *, b->nin + 1);
  w->out = CX_NEW_N(a, void *, b->nout + 1);
  w->buffer = CX_NEW_N(a, double *, b->nout + 1);
  for (int k = 0; k < b->nout; k++) w->buffer[k] = CX_NEW_N(a, double, b->count[k] * nodes + 16);
  w->node = CX_NEW_N(a, double, ((in->dim > 1 ? in->dim : 1) + in->ninstance + 4 + in->nenv) * nodes + 16);
}

static int run_oracle(const cx_quadrature *q, const cx_batch *b, cx_batch_work *w) {
  cx_arena *a = cx_arena_new(q->ctx);
  cx_array *in = CX_NEW_N(a, cx_array, b->nin + 1);
  int n = 0;
  for (int k = 0; k < b->g->neq; k++) {
    const cx_eq *e = b->g->eq[k];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    for (int d = 0; d < e->rank; d++) dim[d] = e->dim[d].n;
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
  double *index = w->node + dim * nodes, *tails = index + r * nodes, *rows = tails + 4 * nodes;
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
static void new_halves(cx_arena *a, cx_batch_halves *h, const cx_integrand *in, const cx_halves *of, bool oracle) {
  if (!of->rest || oracle) return;
  new_batch(a, &h->fixed, in, of->fixed, false);
  new_batch(a, &h->rest, in, of->rest, false);
  for (int k = 0; k < h->rest.nout; k++)
    if (h->rest.count[k] != 1) h->rest.g = NULL;
  if (!cx_exec_by_rows(h->fixed.exec) || !cx_exec_by_rows(h->rest.exec)) h->rest.g = NULL;
  if (!h->rest.g) h->fixed.g = NULL;
}
static void new_halves_work(cx_arena *a, cx_halves_work *w, const cx_batch_halves *h, const cx_integrand *in) {
  new_batch_work(a, &w->fixed, &h->fixed, in);
  new_batch_work(a, &w->rest, &h->rest, in);
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

/* ---- under the engine ---- */
typedef struct {
  const cx_quadrature *q;
  cx_quadrature_work *w;
} call;

static bool room(cx_quadrature_work *w, int64_t n) {
  if (n <= w->cap_place) return true;
  free(w->at);
  free(w->pick);
  w->at = malloc((size_t)(n * (5 + w->ncomp)) * sizeof *w->at);
  w->pick = malloc((size_t)n * 3 * sizeof *w->pick);
  w->cap_place = w->at && w->pick ? n : 0;
  if (!w->cap_place) w->why = "out of memory";
  return w->cap_place > 0;
}

/* the root at this place of this integral that the integrand has a form for; NULL: none */
static const struct cx_near *root_at(const cx_quadrature_work *w, int32_t instance, double at) {
  const cx_quad_range *r = &w->range[instance];
  int lo = 0, hi = r->npoint;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (r->point[mid].x < at) lo = mid + 1;
    else hi = mid;
  }
  for (; lo < r->npoint && r->point[lo].x == at; lo++) {
    const struct cx_near *n = &w->root[&r->point[lo] - w->point];
    if (n->feature >= 0) return n;
  }
  return NULL;
}

#define NEAREST 1e-9
/* c0 + c1 t^p through the values at 1, 2 and 4, c t^p through the first two where that cannot be integrated, or the
 * first one where they are noise, or worse */
static double law(const double *f, double t) {
  double rise = f[1] - f[0], ratio = f[1] / f[0], p = log2((f[2] - f[1]) / rise);
  if (!(ratio > 0.25 && ratio < 4)) return f[0];
  if (!(fabs(rise) > 1e-3 * fabs(f[0]) && p > -0.9 && p < 2)) return f[0] * pow(t, log2(ratio));
  return f[0] + rise * (fabs(p) < 1e-6 ? log2(t) : expm1(p * log(t)) / expm1(p * log(2)));
}
/* An integral inside knows x alone, not how near it is to a singular point: below `least` the values are those of the
 * power law through three places a little farther off. Nodes k_of[0..m-1] of the n. */
static int approach(const call *c, int side, int64_t n, int64_t m, const int32_t *instance, const double *at,
                    const double *t, const int32_t *k_of, double *f) {
  cx_quadrature_work *w = c->w;
  int nc = c->q->in->ncomp;
  double *y = malloc((size_t)(3 * m * (1 + nc)) * sizeof *y), *v = y ? y + 3 * m : NULL;
  int32_t *who = malloc((size_t)(3 * m) * sizeof *who);
  if (!y || !who) {
    free(y);
    free(who);
    return w->why = "out of memory", 1;
  }
  int64_t extra = 0;
  for (int64_t j = 0; j < m; j++) {
    int64_t k = k_of[j];
    double least = NEAREST * fabs(at[k]), d = t[k] > least ? t[k] : least;
    y[j] = side < 0 ? at[k] + d : at[k] - d;
    who[j] = instance[k];
    if (t[k] >= least) continue;
    for (int far = 2; far <= 4; far *= 2) {
      y[m + extra] = side < 0 ? at[k] + far * d : at[k] - far * d;
      who[m + extra++] = instance[k];
    }
  }
  int failed = cx_batch_run(c->q, &c->q->value, &w->value, w, (const double *[]){y}, NULL, 0, m + extra, who, v);
  for (int cc = 0; cc < nc && !failed; cc++) {
    const double *g = v + cc * (m + extra);
    for (int64_t j = 0, e = 0; j < m; j++) {
      int64_t k = k_of[j];
      double least = NEAREST * fabs(at[k]);
      bool near = t[k] < least;
      f[cc * n + k] = near ? law((const double[]){g[j], g[m + e], g[m + e + 1]}, t[k] / least) : g[j];
      if (near) e += 2;
    }
  }
  free(y);
  free(who);
  return failed;
}

static int evaluate(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                    double *f) {
  call *c = user;
  cx_quadrature_work *w = c->w;
  const cx_quadrature *q = c->q;
  if (!side) return cx_batch_run(q, &q->value, &w->value, w, &t, NULL, 0, n, instance, f);
  if (!room(w, n)) return 1;
  if (!q->nearby && !q->in->heavy) {
    double *to = w->at;
    for (int64_t k = 0; k < n; k++) to[k] = at[k] + (side < 0 ? t[k] : -t[k]);
    const double *x = to;
    return cx_batch_run(q, &q->value, &w->value, w, &x, NULL, 0, n, instance, f);
  }
  double *x = w->at, *place = x + n, *dist = place + n, *slope = dist + n, *bend = slope + n, *part = bend + n;
  int32_t *id = w->pick, *k_of = id + n, *root = k_of + n;
  int least = q->in->nfeature, most = -1; /* nodes come in runs about one place */
  for (int64_t k = 0, run = 0; k < n; k++) {
    if (!k || instance[k] != instance[run] || at[k] != at[run]) {
      const struct cx_near *r = root_at(w, instance[k], at[k]);
      int form = r ? r->feature : -1;
      run = k;
      root[k] = r ? (int32_t)(r - w->root) : -1;
      least = form < least ? form : least, most = form > most ? form : most;
    } else root[k] = root[run];
  }
  /* the nodes by the form they are computed in: -1 the plain one */
  for (int form = least; form <= most; form++) {
    if (form >= 0 && !q->near[form].g) continue;
    int64_t m = 0;
    for (int64_t k = 0; k < n; k++) {
      const struct cx_near *r = root[k] < 0 ? NULL : &w->root[root[k]];
      if ((r ? r->feature : -1) != form) continue;
      dist[m] = side < 0 ? t[k] : -t[k];
      place[m] = at[k];
      x[m] = at[k] + dist[m];
      slope[m] = r ? r->slope : 0;
      bend[m] = r ? r->bend : 0;
      id[m] = instance[k];
      k_of[m++] = (int32_t)k;
    }
    if (!m) continue;
    if (form < 0 && q->in->heavy) {
      if (approach(c, side, n, m, instance, at, t, k_of, f)) return 1;
      continue;
    }
    const double *tail[4] = {place, dist, slope, bend};
    double *to = m == n ? f : part;
    const double *at_x = x;
    if (form < 0 ? cx_batch_run(q, &q->value, &w->value, w, &at_x, NULL, 0, m, id, to)
                 : cx_batch_run(q, &q->near[form], &w->near[form], w, &at_x, tail, 4, m, id, to))
      return 1;
    for (int cc = 0; cc < q->in->ncomp && m != n; cc++)
      for (int64_t k = 0; k < m; k++) f[cc * n + k_of[k]] = part[cc * m + k];
  }
  return 0;
}

static int evaluate_same(void *user, int side, int64_t n, double at, const double *t, int64_t m,
                         const int32_t *instance, double *f) {
  call *c = user;
  cx_quadrature_work *w = c->w;
  if (!side) return cx_batch_run_same(c->q, false, w, n, t, m, instance, f);
  if (!room(w, n)) return 1;
  for (int64_t k = 0; k < n; k++) w->at[k] = at + (side < 0 ? t[k] : -t[k]);
  return cx_batch_run_same(c->q, false, w, n, w->at, m, instance, f);
}

cx_quadrature *cx_quadrature_new(cx_arena *a, const cx_eq *e, bool oracle, volatile sig_atomic_t *stop) {
  cx_quadrature *q = CX_NEW(a, cx_quadrature);
  q->ctx = cx_arena_ctx(a);
  q->in = e->integrand;
  q->stop = stop;
  new_batch(a, &q->value, q->in, q->in->value, oracle);
  new_batch(a, &q->probe, q->in, q->in->probe, oracle);
  new_batch(a, &q->size, q->in, q->in->size, true);
  new_batch(a, &q->scaled, q->in, q->in->scaled, true);
  new_halves(a, &q->value_halves, q->in, &q->in->value_halves, oracle);
  new_halves(a, &q->probe_halves, q->in, &q->in->probe_halves, oracle);
  q->near = CX_NEW_N(a, cx_batch, q->in->nfeature + 1);
  for (int k = 0; k < q->in->nfeature; k++)
    new_batch(a, &q->near[k], q->in, q->in->near[k], oracle), q->nearby |= q->in->near[k] != NULL;
  return q;
}

static void free_work(void *p) {
  cx_quadrature_work *w = p;
  cx_quad_work_free(w->quad);
  cx_search_free(w->search);
  free(w->at);
  free(w->pick);
  free(w->root);
  free(w->point);
}

cx_quadrature_work *cx_quadrature_work_new(cx_arena *a, const cx_quadrature *q) {
  cx_quadrature_work *w = CX_NEW(a, cx_quadrature_work);
  new_batch_work(a, &w->value, &q->value, q->in);
  new_batch_work(a, &w->probe, &q->probe, q->in);
  new_batch_work(a, &w->size, &q->size, q->in);
  new_batch_work(a, &w->scaled, &q->scaled, q->in);
  new_halves_work(a, &w->value_halves, &q->value_halves, q->in);
  new_halves_work(a, &w->probe_halves, &q->probe_halves, q->in);
  w->near = CX_NEW_N(a, cx_batch_work, q->in->nfeature + 1);
  for (int k = 0; k < q->in->nfeature; k++) new_batch_work(a, &w->near[k], &q->near[k], q->in);
  w->ncomp = q->in->ncomp;
  w->instances = 1;
  for (int d = 0; d < q->in->ninstance; d++) w->instances *= q->in->instance[d].n;
  w->most = w->instances;
  w->range = CX_NEW_N(a, cx_quad_range, w->instances + 1);
  w->report = CX_NEW_N(a, cx_quad_report, w->instances + 1);
  w->error = CX_NEW_N(a, double, w->instances * q->in->ncomp + 1);
  if (!(w->quad = cx_quad_work_new())) cx_throw(cx_arena_ctx(a), CX_E_RUNTIME);
  cx_defer(a, free_work, w);
  return w;
}

bool cx_add_point(cx_quadrature_work *w, cx_quad_point p, struct cx_near root) {
  if (w->npoint == w->cap_point) {
    int64_t cap = w->cap_point ? 2 * w->cap_point : 64;
    cx_quad_point *more = realloc(w->point, (size_t)cap * sizeof *more);
    if (more) w->point = more;
    struct cx_near *beside = realloc(w->root, (size_t)cap * sizeof *beside);
    if (beside) w->root = beside;
    if (!more || !beside) return w->why = "out of memory", false;
    w->cap_point = cap;
  }
  w->root[w->npoint] = root;
  w->point[w->npoint++] = p;
  return true;
}

static void take_report(const cx_quadrature *q, cx_quadrature_work *w, const double *result) {
  cx_integral_report *t = &w->total;
  int nc = q->in->ncomp;
  for (int64_t j = 0; j < w->instances; j++) {
    const cx_quad_report *r = &w->report[j];
    t->evaluations += r->evaluations + (j ? 0 : w->inner);
    t->instances++;
    t->missed += r->status != QUAD_OK;
    if ((int)r->status < t->status || (t->instances > 1 && r->status == QUAD_OK)) continue;
    t->status = (int)r->status;
    t->value = result[j * nc];
    t->error = w->error[j * nc];
    t->where = r->where;
  }
}

void cx_quadrature_report(const cx_quadrature *q, cx_quadrature_work *w, cx_integral_report *r) {
  *r = w->total;
  r->span = q->in->span;
  r->series = q->in->series;
  r->asked = q->in->tol;
  r->derivative = q->in->scale && q->in->scale[0] > 0;
  w->total = (cx_integral_report){0};
}

int64_t cx_quadrature_errors(const cx_quadrature *q, cx_quadrature_work *w, double *rel, int64_t n) {
  int64_t each = n > 0 && q->in->ninstance && q->in->instance[0].n == n ? w->most / n : 0, nodes = w->inner;
  for (int64_t j = 0; j < w->instances; j++) {
    nodes += w->report[j].evaluations;
    if (q->in->crossing || !each) continue;
    double v = fabs(w->result[j * q->in->ncomp]), e = w->error[j * q->in->ncomp];
    double r = w->report[j].status == QUAD_OK || !(e > 0) ? 0 : v > 0 ? e / v : 1;
    if (r > rel[j / each]) rel[j / each] = r;
  }
  return nodes;
}

void cx_quadrature_places(const cx_quadrature *q, const cx_quadrature_work *w, int64_t n, cx_integral_place *at) {
  bool apart = q->in->ninstance && q->in->instance[0].n == n;
  int64_t each = apart && n ? w->most / n : w->instances, nc = q->in->ncomp;
  if (q->in->crossing || !w->result) return;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = apart ? k * each : 0, end = j + each; j < end; j++)
      for (int64_t c = 0; c < nc; c++) {
        double v = w->result[j * nc + c], e = w->error[j * nc + c], r = e > 0 ? e / fabs(v) : 0;
        at[k].n++;
        at[k].value = v;
        at[k].error = e;
        if ((int)w->report[j].status > at[k].status) at[k].status = (int)w->report[j].status;
        if (!(r <= at[k].relative)) at[k].relative = r;
      }
}

static int cross(const cx_quadrature *q, cx_quadrature_work *w, double *result) {
  enum { MANY = 8 };
  int nc = q->in->ncomp, many = 0;
  memset(result, 0, (size_t)(w->instances * nc) * sizeof *result);
  double *f = malloc((size_t)(w->npoint * nc + 1) * sizeof *f), *x = malloc((size_t)(w->npoint + 1) * sizeof *x);
  int32_t *instance = malloc((size_t)(w->npoint + 1) * sizeof *instance);
  int failed = !f || !x || !instance;
  if (failed) w->why = "out of memory";
  int64_t n = 0;
  for (int64_t j = 0; j < w->instances && !failed; j++)
    for (int k = 0; k < w->range[j].npoint; k++) {
      const cx_quad_point *p = &w->range[j].point[k];
      double lo = fmin(w->range[j].lo, w->range[j].hi), hi = fmax(w->range[j].lo, w->range[j].hi);
      double beside = q->in->scale[0] > 0 ? CX_ASIDE * fabs(p->x) + CX_ASIDE_LEAST : 0; /* at an end: moves with it */
      if (!(p->x > lo + beside && p->x < hi - beside)) continue;
      x[n] = p->x;
      instance[n++] = (int32_t)j;
    }
  if (!failed && n) failed = cx_batch_run(q, &q->value, &w->value, w, (const double *[]){x}, NULL, 0, n, instance, f);
  for (int64_t k = 0; k < n && !failed; k++)
    for (int c = 0; c < nc; c++) {
      double sign = w->range[instance[k]].lo <= w->range[instance[k]].hi ? 1 : -1;
      result[(int64_t)instance[k] * nc + c] += sign * f[c * n + k];
    }
  for (int64_t j = 0; j < w->instances; j++)
    w->report[j] = (cx_quad_report){.status = QUAD_OK, .where = NAN, .evaluations = w->range[j].npoint};
  /* Many places that count, and perhaps not all of them: more than the grid tells apart. */
  for (int64_t k = 0; k < n && !failed && q->in->scale[0] > 0; k++) {
    cx_quad_report *r = &w->report[instance[k]];
    if (k == 0 || instance[k] != instance[k - 1]) many = 0;
    many += fabs(f[k]) > 1e-6 * fabs(result[(int64_t)instance[k] * nc]);
    if (many <= MANY || w->range[instance[k]].complete) continue;
    r->status = QUAD_TOLERANCE;
    for (int c = 0; c < nc; c++) w->error[instance[k] * nc + c] = fabs(result[(int64_t)instance[k] * nc + c]);
  }
  if (!failed) take_report(q, w, result);
  free(f);
  free(x);
  free(instance);
  return failed;
}

/* ---- integrands that underflow ---- */
typedef struct {
  call c;
  int32_t instance;
  double shift;
  double *x; /* places and shifts of a batch; its instances in id */
  int32_t *id;
  int64_t room;
} lift;

static int lifted(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                  double *f) {
  lift *l = user;
  cx_quadrature_work *w = l->c.w;
  (void)instance;
  if (n > l->room) {
    free(l->x), free(l->id);
    l->x = malloc((size_t)(2 * n) * sizeof *l->x);
    l->id = malloc((size_t)n * sizeof *l->id);
    l->room = l->x && l->id ? n : 0;
    if (!l->room) return w->why = "out of memory", 1;
  }
  const double *x = l->x, *shift = l->x + n;
  for (int64_t k = 0; k < n; k++) {
    l->x[k] = !side ? t[k] : side < 0 ? at[k] + t[k] : at[k] - t[k];
    l->x[n + k] = l->shift;
    l->id[k] = l->instance;
  }
  return cx_batch_run(l->c.q, &l->c.q->scaled, &w->scaled, w, &x, &shift, 1, n, l->id, f);
}

/* What is nought, or nearly, or not smooth as it seems: perhaps an exponential has underflowed, or overflowed, and another
 * factor would have lifted it. Then the integral of f exp(-shift) is computed, shift being the exponent where |f| is
 * largest among the places seen. */
static int lift_up(const call *c, int64_t j, double *result, int *vain) {
  enum { N = 64, PEAKS = 8, VAIN_MAX = 256 };
  const cx_quadrature *q = c->q;
  cx_quadrature_work *w = c->w;
  int nc = q->in->ncomp, n = 0;
  bool tiny = true;
  for (int k = 0; k < nc; k++) tiny &= fabs(result[j * nc + k]) < 1e-290;
  if ((!tiny && w->report[j].status == QUAD_OK) || *vain >= VAIN_MAX) return 0; /* the others are like these */
  double x[N + PEAKS], lo = w->range[j].lo, hi = w->range[j].hi, most = -INFINITY, shift = 0;
  int32_t id[N + PEAKS];
  for (; n < N; n++) {
    double t = (n + 0.5) / N;
    x[n] = isfinite(lo) && isfinite(hi) ? lo + (hi - lo) * t
           : isfinite(lo)               ? lo + copysign(t / (1 - t), hi)
           : isfinite(hi)               ? hi + copysign(t / (1 - t), lo)
                                        : (t - 0.5) / (t * (1 - t));
  }
  for (int k = 0; k < w->range[j].npoint && n < N + PEAKS; k++)
    if (w->range[j].point[k].kind == QP_PEAK) x[n++] = w->range[j].point[k].x;
  for (int k = 0; k < n; k++) id[k] = (int32_t)j;
  double *size = malloc((size_t)(n * q->size.total + 2 * nc) * sizeof *size), *expo = size + nc * n;
  if (!size) return w->why = "out of memory", 1;
  double *value = size + n * q->size.total, *error = value + nc;
  int failed = cx_batch_run(q, &q->size, &w->size, w, (const double *[]){x}, (const double *[]){x}, 1, n, id, size);
  for (int64_t k = 0; k < n * nc && !failed; k++)
    if (size[k] > most && size[k] < INFINITY) most = size[k], shift = expo[k];
  if (failed || !(most > -800) || fabs(shift) < 600) return free(size), ++*vain, failed;
  *vain = 0;
  lift l = {*c, (int32_t)j, shift, NULL, NULL, 0};
  cx_quad p = {.ncomp = nc,
               .scale = q->in->scale,
               .tol = q->in->tol,
               .user = &l,
               .eval = lifted,
               .max_eval = 200000,
               .seconds = 10,
               .stop = q->stop};
  cx_quad_report r = {.status = QUAD_FAILED};
  if (cx_quad_run(&p, w->quad, 1, &w->range[j], value, error, &r) == QUAD_FAILED) failed = 1;
  bool met = r.status <= QUAD_TOLERANCE, nought = true;
  double half = exp(shift / 2);
  for (int k = 0; k < nc; k++) met &= isfinite(value[k]) && isfinite(error[k]), nought &= value[k] == 0;
  w->report[j].evaluations += r.evaluations;
  if (met && !nought) {
    w->report[j].status = r.status;
    for (int k = 0; k < nc; k++) {
      result[j * nc + k] = value[k] * half * half;
      w->error[j * nc + k] = error[k] * half * half;
    }
  } else if (w->report[j].status == QUAD_OK) {
    w->report[j].status = QUAD_TOLERANCE;
    for (int k = 0; k < nc; k++) w->error[j * nc + k] = exp(most);
  }
  free(size), free(l.x), free(l.id);
  return failed;
}

enum { AT_ONCE = 1008 };
int cx_quadrature_run(const cx_quadrature *q, cx_quadrature_work *w, int64_t rows, const double *const *in,
                      double *result, const char **why) {
  w->instances = w->most;
  if (q->in->ninstance && rows < q->in->instance[0].n) w->instances = w->most / q->in->instance[0].n * rows;
  w->arg = in;
  w->why = NULL;
  w->npoint = 0;
  w->result = result;
  w->largest = w->worst = 0;
  w->inner = 0;
  for (int64_t j = 0; j < w->instances; j++)
    w->range[j] = (cx_quad_range){.lo = in[0][j], .hi = in[1][j], .complete = q->in->complete};
  w->begin = 0, w->end = w->instances;
  bool plain = !q->in->crossing && !q->in->series && q->in->dim <= 1;
  int failed = plain ? 0 : cx_find_points(q, w);
  call c = {q, w};
  if (!failed && q->in->crossing) failed = cross(q, w, result);
  else if (!failed && q->in->dim > 1) {
    if (!(failed = cx_box_run(q, w, result))) take_report(q, w, result);
  } else if (!failed && q->in->series) {
    if (!(failed = cx_series_run(q, w, result))) take_report(q, w, result);
  } else if (!failed) {
    cx_quad p = {.ncomp = q->in->ncomp,
                 .scale = q->in->scale,
                 .tol = q->in->tol,
                 .user = &c,
                 .eval = evaluate,
                 .eval_same = q->value_halves.rest.g ? evaluate_same : NULL,
                 .nearby = q->nearby,
                 .seconds = q->in->heavy ? 10 : 30,
                 .blur = q->in->heavy ? NEAREST : 0,
                 .stop = q->stop};
    int nc = q->in->ncomp, vain = 0;
    for (int64_t from = 0; from < w->instances && !failed; from += AT_ONCE) { /* so many as the caches hold */
      w->begin = from, w->end = w->instances - from < AT_ONCE ? w->instances : from + AT_ONCE;
      w->npoint = 0;
      if ((failed = cx_find_points(q, w))) break;
      p.first = (int32_t)from, p.more = from > 0;
      cx_quad_status s = cx_quad_run(&p, w->quad, w->end - from, w->range + from, result + from * nc,
                                     w->error + from * nc, w->report + from);
      bool stopped = s == QUAD_STOPPED && q->stop && *q->stop; /* else: out of time, and the result says so */
      failed = s == QUAD_FAILED || stopped;
      if (stopped) w->why = "interrupted";
      for (int64_t j = from; j < w->end && !failed && q->scaled.g; j++)
        if (w->report[j].status <= QUAD_NAN && w->range[j].lo != w->range[j].hi) failed = lift_up(&c, j, result, &vain);
    }
    double inside = w->largest > 0 ? w->worst / w->largest : 0; /* relative error that comes from integrals inside */
    for (int64_t j = 0; j < w->instances && !failed; j++)
      for (int k = 0; k < q->in->ncomp; k++) {
        double *v = &result[j * q->in->ncomp + k];
        if (w->report[j].status >= QUAD_DIVERGES && w->report[j].status != QUAD_STOPPED && isfinite(*v)) *v = NAN;
        if (inside > q->in->tol) {
          w->error[j * q->in->ncomp + k] = fmax(w->error[j * q->in->ncomp + k], inside * fabs(*v));
          if (w->report[j].status == QUAD_OK) w->report[j].status = QUAD_TOLERANCE;
        }
      }
    if (!failed) take_report(q, w, result);
  }
  if (failed) *why = w->why ? w->why : "out of memory";
  return failed;
}
