/* check.c - `calx check`: every derivative against differences of values, every value against the reference evaluator,
 * and where the first number that is not finite comes from. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pass/pass.h"
#include "run/fn.h"
#include "run/session_int.h"

#define ROWS_MAX 200   /* a larger data set is checked on its first rows */
#define COORDS_MAX 24  /* of one param, spread evenly */
#define WORK_MAX 3e8   /* scalar evaluations the reference evaluator may take */

static double work_of(const cx_graph *g) {
  double w = 0;
  for (int k = 0; k < g->neq; k++) {
    double n = (double)cx_eq_count(g->eq[k]);
    for (int j = 0; j < g->eq[k]->nred; j++) n *= (double)g->eq[k]->rdim[j].n;
    w += n;
  }
  return w;
}

/* inputs of an extracted graph, in order: bound data, row numbers, params at x */
static cx_array *inputs(const cx_model *m, cx_arena *a, const cx_graph *g, const int32_t *map, const cx_flat *p, const double *x) {
  cx_array *in = CX_NEW_N(a, cx_array, g->neq + 1);
  int n = 0;
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    for (int d = 0; d < e->rank; d++) dim[d] = e->dim[d].n;
    cx_array v = {0};
    for (int d = 0; d < m->ndecl; d++)
      if (m->decl_eq[d] != CX_NO_EQ && map[m->decl_eq[d]] == k) v = m->decl[d].array;
    for (int d = 0; d < p->n; d++)
      if (map[p->raw[d]] == k) v = cx_array_dense(x + p->offset[d], e->rank, dim);
    if (m->rows_eq >= 0 && map[m->rows_eq] == k) {
      double *r = CX_NEW_N(a, double, dim[0] + 1);
      for (int64_t j = 0; j < dim[0]; j++) r[j] = (double)j;
      v = cx_array_dense(r, 1, dim);
    }
    in[n++] = v;
  }
  return in;
}

/* the first equation, in order of computation, with a value that is not finite */
static const char *not_finite(const cx_model *m, cx_arena *a, uint32_t root, const cx_flat *p, const double *x, cx_span *where) {
  cx_frame f;
  const char *volatile name = NULL;
  int32_t *map = CX_NEW_N(a, int32_t, m->graph->neq + 1);
  cx_graph *g = cx_extract(m->graph, a, &root, 1, map);
  if (work_of(g) > WORK_MAX) return NULL;
  g->nout = 0;
  cx_comp *comp;
  int ncomp;
  if (!cx_scc(g, a, &comp, &ncomp)) return NULL;
  for (int k = 0; k < ncomp; k++)
    for (int j = 0; j < comp[k].n; j++)
      if (g->eq[comp[k].eq[j]]->kind == EQ_CALC) cx_graph_output(g, comp[k].eq[j]);
  double **out = CX_NEW_N(a, double *, g->nout + 1);
  CX_TRY(m->ctx, f) {
    cx_ref_run(g, a, inputs(m, a, g, map, p, x), out);
    CX_END(m->ctx, f);
  } else return NULL;
  for (int k = 0; k < g->nout && !name; k++) {
    const cx_eq *e = g->eq[g->out[k]];
    if (e->red == RED_max || e->red == RED_min) continue;
    int64_t n = cx_eq_count(e);
    for (int64_t j = 0; j < n; j++)
      if (!isfinite(out[k][j])) {
        name = cx_format(a, "`%s` is %g at element %lld", e->name, out[k][j], (long long)j);
        *where = e->span;
        break;
      }
  }
  return name;
}

static double worst(double a, double b, double scale) { return isnan(a) || isnan(b) ? (isnan(a) && isnan(b) ? 0 : INFINITY) : a == b ? 0 : fabs(a - b) / fmax(fmax(fabs(b), scale), 1e-300); }

/* f along coordinate k at x + h by the reference evaluator of the value alone */
typedef struct { const cx_model *m; cx_arena *a; const cx_graph *g; const int32_t *map; const cx_flat *p; } probe;
static double at(const probe *q, const double *x) {
  double *out[1];
  cx_arena *t = cx_arena_new(q->m->ctx); /* freed with the context when the evaluation throws */
  cx_ref_run(q->g, t, inputs(q->m, t, q->g, q->map, q->p, x), out);
  double v = out[0][0];
  cx_arena_free(t);
  return v;
}

/* Ridders' extrapolated central difference (Numerical Recipes 5.7): value and its own error */
static double difference(const probe *q, double *x, int64_t k, double first, double *err) {
  double table[8][8], h = first * fmax(1, fabs(x[k])), best = NAN, x0 = x[k];
  *err = INFINITY;
  for (int i = 0; i < 8; i++, h /= 1.6) {
    x[k] = x0 + h;
    double hi = at(q, x);
    x[k] = x0 - h;
    double lo = at(q, x), fac = 1.6 * 1.6;
    x[k] = x0;
    table[0][i] = (hi - lo) / (2 * h);
    for (int j = 1; j <= i; j++, fac *= 1.6 * 1.6) {
      table[j][i] = (table[j - 1][i] * fac - table[j - 1][i - 1]) / (fac - 1);
      double e = fmax(fabs(table[j][i] - table[j - 1][i]), fabs(table[j][i] - table[j - 1][i - 1]));
      if (e <= *err) *err = e, best = table[j][i];
    }
  }
  return best;
}

static cx_check_row *gradient_rows(cx_session_view *s, cx_arena *a, cx_check_row *row) {
  cx_model *m = s->m;
  if (m->rows > ROWS_MAX) { /* on the first rows only: the equations are the same ones */
    cx_elab_opt o = {.batch = ROWS_MAX};
    m = cx_elaborate(s->prog, a, s->m->decl, s->m->ndecl, &o);
    if (!m) cx_throw(s->m->ctx, CX_E_PROGRAM);
  }
  m->single = false;
  cx_flat p = cx_flat_new(m, a, m->nparam);
  double *x = CX_NEW_N(a, double, p.offset[p.n] + 1);
  cx_flat_start(m, a, &p, s->seed, x);
  for (int64_t k = 0; k < p.offset[p.n]; k++) x[k] += 0.1 * sin(1.7 * (double)k + 1); /* away from symmetric starts */
  uint32_t *root = CX_NEW_N(a, uint32_t, p.n + 1);
  int32_t *map0 = CX_NEW_N(a, int32_t, m->graph->neq + 1);
  root[0] = m->objective;
  cx_graph *plain = cx_extract(m->graph, a, root, 1, map0); /* as written: before anything was made stable */
  probe q = {m, a, plain, map0, &p};
  cx_prepare(m->graph);
  cx_diff_reverse(m->graph, m->objective, CX_NO_COT, p.raw, p.n, root + 1);
  int32_t *map = CX_NEW_N(a, int32_t, m->graph->neq + 1);
  cx_graph *g = cx_extract(m->graph, a, root, p.n + 1, map);
  double **ref = CX_NEW_N(a, double *, p.n + 1);
  bool small = work_of(g) <= WORK_MAX && work_of(plain) * 16 <= WORK_MAX * 4;
  if (small) cx_ref_run(g, a, inputs(m, a, g, map, &p, x), ref);
  cx_fn *f = cx_fn_new(m, a, root, p.n + 1, s->threads);
  void **out = CX_NEW_N(a, void *, p.n + 1);
  for (int k = 0; k <= p.n; k++) out[k] = CX_NEW_N(a, double, f->out_n[k] + 1);
  const char *why = NULL;
  if (cx_fn_at(f, cx_work_new(a, f->exec), &p, x, out, &why)) {
    cx_diag(m->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
    cx_throw(m->ctx, CX_E_RUNTIME);
  }
  double *grad_scale = CX_NEW(a, double);
  for (int k = 0; k < p.n; k++)
    for (int64_t j = 0; j < f->out_n[k + 1]; j++) *grad_scale = fmax(*grad_scale, fabs(((double *)out[k + 1])[j]));
  for (int k = 0; k <= p.n; k++) {
    const double *v = out[k];
    cx_check_row r = {.name = k ? cx_format(a, "d(objective, %s)", m->param[k - 1].name) : "objective", .n = f->out_n[k], .finite = true,
                      .worst_fd = NAN, .worst_ref = NAN};
    double scale = k ? *grad_scale : 0;
    for (int64_t j = 0; j < r.n; j++) {
      r.finite &= isfinite(v[j]) != 0;
      if (!small) continue;
      double e = worst(v[j], ref[k][j], scale);
      if (!(r.worst_ref >= e)) r.worst_ref = e;
    }
    if (!r.finite) {
      cx_span w = CX_NOSPAN;
      r.note = not_finite(m, a, root[k], &p, x, &w);
      if (r.note) cx_diag(m->ctx, CX_WARNING, CX_OK, w, "%s", r.note);
    }
    if (!small) r.note = "too large for the reference evaluator";
    int64_t step = r.n > COORDS_MAX ? r.n / COORDS_MAX : 1;
    for (int64_t j = 0; k && small && j < r.n; j += step) {
      double e = INFINITY, d = NAN;
      for (double h = 0.05; h > 1e-5 && !(e < 1e-6); h /= 250) { /* a kink within the step (relu, abs) is left outside by a smaller one */
        double err, now = difference(&q, x, p.offset[k - 1] + j, h, &err);
        if (isnan(now)) continue;
        d = now;
        e = fmin(e, fmax(0, worst(v[j], d, scale) - err / fmax(scale, 1e-300))); /* beyond what the difference itself can tell */
      }
      if (isnan(d)) r.note = "differences are not finite here";
      else if (!(r.worst_fd >= e)) r.worst_fd = e;
    }
    *row++ = r;
  }
  return row;
}

cx_check_row *cx_check_rows(cx_session_view *s, cx_arena *a, int *n) {
  cx_model *m = s->m;
  int nq = 0;
  for (int k = 0; k < m->naction; k++) nq += m->action[k].nquery;
  cx_check_row *first = CX_NEW_N(a, cx_check_row, nq + m->nparam + 2), *row = first;
  for (int k = 0; k < m->naction; k++)
    for (int j = 0; j < m->action[k].nquery; j++) {
      const cx_query *q = &m->action[k].query[j];
      if (q->eq == CX_NO_EQ) continue;
      cx_check_row r = {.name = q->text, .finite = true, .worst_fd = NAN, .worst_ref = NAN};
      int32_t *map = CX_NEW_N(a, int32_t, m->graph->neq + 1);
      cx_graph *g = cx_extract(m->graph, a, &q->eq, 1, map);
      cx_model dm = *m;
      dm.single = false;
      cx_fn *f = cx_fn_new(&dm, a, &q->eq, 1, s->threads);
      double *x = CX_NEW_N(a, double, s->flat.offset[s->flat.n] + 1), *v = CX_NEW_N(a, double, f->out_n[0] + 1), *ref;
      cx_flat_start(&dm, a, &s->flat, s->seed, x);
      const char *why = NULL;
      void *out = v;
      r.n = f->out_n[0];
      if (cx_fn_at(f, cx_work_new(a, f->exec), &s->flat, x, &out, &why)) r.note = why;
      bool small = work_of(g) <= WORK_MAX;
      if (small) cx_ref_run(g, a, inputs(&dm, a, g, map, &s->flat, x), &ref);
      else r.note = "too large for the reference evaluator";
      double scale = 0;
      for (int64_t i = 0; i < r.n; i++) scale = fmax(scale, isfinite(v[i]) ? fabs(v[i]) : 0);
      for (int64_t i = 0; i < r.n; i++) {
        r.finite &= isfinite(v[i]) != 0;
        double e = small ? worst(v[i], ref[i], scale) : NAN;
        if (small && !(r.worst_ref >= e)) r.worst_ref = e;
      }
      if (!r.finite) {
        cx_span w = CX_NOSPAN;
        r.note = not_finite(&dm, a, q->eq, &s->flat, x, &w);
        if (r.note) cx_diag(m->ctx, CX_WARNING, CX_OK, w, "%s", r.note);
      }
      *row++ = r;
    }
  if (m->objective != CX_NO_EQ && m->nparam) row = gradient_rows(s, a, row);
  *n = (int)(row - first);
  return first;
}
