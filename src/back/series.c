/* series.c - sums over whole numbers, infinitely many of them perhaps.
 *
 * A range that is not too long is summed, all of it. Any other is summed outwards from its summit (from its finite end
 * when it has none), in blocks, until a geometric bound on what is left is small. Terms that fall like a power have no
 * such bound: their rest beyond N is the integral of the term as a function of a real number and the first corrections of
 * Euler and Maclaurin (Abramowitz and Stegun 23.1.30),
 *   sum from N = integral from N + f(N)/2 - f'(N)/12 + f'''(N)/720 - ..,
 * with the derivatives from differences of terms. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/integral_int.h"

enum { BLOCK = 4 * CX_NODES, WHOLE = 1 << 20, BLOCKS_MAX = 1 << 14, POWER_FROM = 64 };

typedef struct {
  double sum, rest, size; /* compensated; of |f| */
} column;

typedef struct {
  const cx_quadrature *q;
  cx_quadrature_work *w;
  int nc;
  column *col;
  double *x, *f, *last; /* last: terms at the end of the block before */
  int32_t *id;
  int64_t instance, terms;
} sums;

static void add(column *c, double v) {
  double t = c->sum + v;
  c->rest += fabs(c->sum) >= fabs(v) ? (c->sum - t) + v : (v - t) + c->sum;
  c->sum = t;
  c->size += fabs(v);
}

static int terms(sums *s, double from, int dir, int n) {
  for (int k = 0; k < n; k++) s->x[k] = from + dir * k, s->id[k] = (int32_t)s->instance;
  s->terms += n;
  return cx_batch_run(s->q, &s->q->value, &s->w->value, s->w, (const double *[]){s->x}, NULL, 0, n, s->id, s->f);
}

typedef struct {
  sums *s;
} rest_call;
static int rest_terms(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                      double *f) {
  sums *s = ((rest_call *)user)->s;
  double *x = malloc((size_t)n * sizeof *x);
  int32_t *id = malloc((size_t)n * sizeof *id);
  (void)instance;
  if (!x || !id) {
    free(x);
    free(id);
    return s->w->why = "out of memory", 1;
  }
  for (int64_t k = 0; k < n; k++)
    x[k] = !side ? t[k] : side < 0 ? at[k] + t[k] : at[k] - t[k], id[k] = (int32_t)s->instance;
  int failed = cx_batch_run(s->q, &s->q->value, &s->w->value, s->w, (const double *[]){x}, NULL, 0, n, id, f);
  free(x);
  free(id);
  return failed;
}

/* what is left from N on, by Euler and Maclaurin; false when that is no better */
static bool power_tail(sums *s, double N, int dir, double *error, int *failed) {
  int nc = s->nc;
  if ((*failed = terms(s, N - 2 * dir, dir, 5))) return false;
  double *d = s->last, *value = s->last + nc, *bound = value + nc;
  for (int c = 0; c < nc; c++) {
    const double *f = s->f + 5 * c;
    double d1 = (8 * (f[3] - f[1]) - (f[4] - f[0])) / 12, d3 = (f[4] - 2 * f[3] + 2 * f[1] - f[0]) / 2;
    d[c] = f[2] / 2 - d1 / 12 + d3 / 720;
  }
  rest_call u = {s};
  cx_quad p = {
      .ncomp = nc, .scale = s->q->in->scale, .tol = s->q->in->tol, .user = &u, .eval = rest_terms, .max_eval = 200000};
  cx_quad_range r = {.lo = dir > 0 ? N : -INFINITY, .hi = dir > 0 ? INFINITY : N, .complete = true};
  cx_quad_report report;
  cx_quad_status status = cx_quad_run(&p, s->w->quad, 1, &r, value, bound, &report);
  s->terms += report.evaluations;
  if (status == QUAD_FAILED) *failed = 1;
  if (status > QUAD_TOLERANCE) return false;
  for (int c = 0; c < nc; c++) {
    add(&s->col[c], value[c]);
    add(&s->col[c], d[c]);
    error[c] += bound[c] + fabs(d[c]) * 1e-3 / N;
  }
  return status == QUAD_OK;
}

/* outwards from `from`, up or down, to `end`; adds up errors; the status */
static cx_quad_status side(sums *s, double from, double end, int dir, double *error, int *failed) {
  int nc = s->nc;
  double tol = s->q->in->tol;
  for (int block = 0; dir > 0 ? from <= end : from >= end; block++) {
    double left = fabs(end - from) + 1;
    int n = left < BLOCK ? (int)left : BLOCK;
    if ((*failed = terms(s, from, dir, n))) return QUAD_FAILED;
    bool small = true, slow = false, nan = false;
    for (int c = 0; c < nc; c++) {
      const double *f = s->f + (int64_t)n * c;
      double half[2] = {0, 0};
      for (int k = 0; k < n; k++) add(&s->col[c], f[k]), half[2 * k >= n] += fabs(f[k]), nan |= isnan(f[k]);
      double ratio = half[1] / half[0], rest = half[1] * ratio / (1 - ratio); /* a geometric bound by half blocks */
      double scale = s->q->in->scale && s->q->in->scale[c] > 0 ? s->col[c].size : fabs(s->col[c].sum + s->col[c].rest);
      bool done = half[1] == 0 || (ratio < 0.9 && rest <= 0.1 * tol * scale) ||
                  half[1] < DBL_EPSILON * 1e-4 * scale * (1 - ratio);
      if (!done) small = false, slow |= ratio > 0.3;
      else if (half[1] > 0 && ratio < 1) error[c] += rest;
    }
    from += dir * n;
    if (nan) return QUAD_NAN;
    if (left <= BLOCK || (small && (block > 0 || s->terms > BLOCK))) return QUAD_OK;
    if (isinf(end) && slow && block >= POWER_FROM && block % POWER_FROM == 0) {
      bool falls = true;
      for (int c = 0; c < nc; c++) falls &= isfinite(s->col[c].sum);
      if (!falls) return QUAD_DIVERGES;
      column *keep = malloc((size_t)nc * sizeof *keep);
      if (!keep) return s->w->why = "out of memory", *failed = 1, QUAD_FAILED;
      memcpy(keep, s->col, (size_t)nc * sizeof *keep);
      bool ok = power_tail(s, from, dir, error, failed);
      if (!ok) memcpy(s->col, keep, (size_t)nc * sizeof *keep);
      free(keep);
      if (ok || *failed) return *failed ? QUAD_FAILED : QUAD_OK;
    }
    if (block >= BLOCKS_MAX) {
      for (int c = 0; c < nc; c++) error[c] += fabs(s->col[c].sum) + s->col[c].size;
      return slow ? QUAD_DIVERGES : QUAD_TOLERANCE;
    }
  }
  return QUAD_OK;
}

int cx_series_run(const cx_quadrature *q, cx_quadrature_work *w, double *result) {
  int nc = q->in->ncomp, failed = 0;
  sums s = {.q = q, .w = w, .nc = nc};
  s.col = malloc((size_t)nc * sizeof *s.col);
  s.x = malloc(BLOCK * sizeof *s.x);
  s.f = malloc((size_t)(BLOCK * nc) * sizeof *s.f);
  s.id = malloc(BLOCK * sizeof *s.id);
  s.last = malloc((size_t)(3 * nc) * sizeof *s.last);
  if (!s.col || !s.x || !s.f || !s.id || !s.last) w->why = "out of memory", failed = 1;
  for (int64_t j = 0; j < w->instances && !failed; j++) {
    double lo = ceil(w->range[j].lo), hi = floor(w->range[j].hi), *error = w->error + j * nc;
    cx_quad_report *r = &w->report[j];
    *r = (cx_quad_report){.status = QUAD_OK, .where = NAN};
    memset(s.col, 0, (size_t)nc * sizeof *s.col);
    memset(error, 0, (size_t)nc * sizeof *error);
    s.instance = j;
    s.terms = 0;
    if (isnan(lo) || isnan(hi)) r->status = QUAD_NAN;
    else if (lo <= hi) {
      double start = isfinite(lo) ? lo : isfinite(hi) ? hi : 0;
      if (hi - lo > WHOLE) /* the middle of the summits */
        for (int k = 0; k < w->range[j].npoint; k++)
          if (w->range[j].point[k].kind == QP_PEAK) start = fmin(fmax(round(w->range[j].point[k].x), lo), hi);
      cx_quad_status up = side(&s, start, hi, 1, error, &failed), down = QUAD_OK;
      if (!failed && start > lo) down = side(&s, start - 1, lo, -1, error, &failed);
      r->status = up > down ? up : down;
    }
    r->evaluations = s.terms;
    for (int c = 0; c < nc; c++) {
      double v = s.col[c].sum + s.col[c].rest;
      result[j * nc + c] = r->status >= QUAD_DIVERGES ? NAN : v;
      error[c] += 4 * DBL_EPSILON * s.col[c].size;
      bool slope = q->in->scale && q->in->scale[c] > 0;
      double asked = q->in->tol * (slope ? s.col[c].size : fabs(v));
      if (r->status == QUAD_OK && error[c] > asked)
        r->status = 4 * DBL_EPSILON * s.col[c].size > asked ? QUAD_ROUNDOFF : QUAD_TOLERANCE;
    }
  }
  free(s.col), free(s.x), free(s.f), free(s.id), free(s.last);
  return failed;
}
