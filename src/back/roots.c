/* roots.c - where an integrand's features are: the roots of u(x) in (lo, hi), for every feature and every integral.
 *
 * A u of degree 1 or 2 in x is solved. Any other is looked at on a grid that is fine at every scale; between two values
 * of different sign a root is enclosed and narrowed by Newton steps that fall back to bisection (all enclosures of all
 * integrals side by side), and where u' changes sign while u does not, its extremum is examined: a root may be double. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/integral_int.h"

enum { GRID = 192, STEPS_MAX = 1 << 14, POINTS_MAX = 1 << 20 };

typedef struct {                     /* a root wanted: of u - level in [a, b] */
  double a, b, x, fa, level, size;   /* size: of u beside the root */
  int32_t instance, feature, column; /* column of u among the probe's outputs */
  bool slope;                        /* of u' instead: its root is an extremum of u */
  bool done, touch, clear;           /* clear: u has no root there after all */
} bracket;

typedef struct {
  const cx_quadrature *q;
  cx_quadrature_work *w;
  bracket *at;
  int64_t n, cap;
  double *x, *f;
  int32_t *id;
  int64_t room;
} search;

static bool space(search *s, int64_t n) {
  if (n <= s->room) return true;
  free(s->x), free(s->f), free(s->id);
  s->x = malloc((size_t)n * sizeof *s->x);
  s->f = malloc((size_t)(n * s->q->probe.total) * sizeof *s->f);
  s->id = malloc((size_t)n * sizeof *s->id);
  s->room = s->x && s->f && s->id ? n : 0;
  return s->room || (s->w->why = "out of memory", false);
}
static bool evaluate(search *s, int64_t n) {
  return !n || !cx_batch_run(s->q, &s->q->probe, &s->w->probe, s->w, (const double *[]){s->x}, NULL, 0, n, s->id, s->f);
}
static bool push(search *s, bracket b) {
  if (s->n >= POINTS_MAX) return true;
  if (s->n == s->cap) {
    int64_t cap = s->cap ? 2 * s->cap : 64;
    bracket *more = realloc(s->at, (size_t)cap * sizeof *more);
    if (!more) return s->w->why = "out of memory", false;
    s->at = more;
    s->cap = cap;
  }
  s->at[s->n++] = b;
  return true;
}

/* a grid over (lo, hi): even, and geometric towards each finite end or outwards from the middle of an infinite range */
static int grid(double lo, double hi, double *x) {
  int n = 0;
  bool a = isfinite(lo), b = isfinite(hi);
  if (a && b) {
    double len = hi - lo;
    for (int k = 12; k >= 1; k--) x[n++] = lo + len * 0.011 * pow(10, -k * 0.75);
    for (int k = 0; k < GRID - 24; k++) x[n++] = lo + len * (k + 0.57) / (GRID - 23.9);
    for (int k = 1; k <= 12; k++) x[n++] = hi - len * 0.011 * pow(10, -k * 0.75);
    return n;
  }
  double c = a ? lo : b ? hi : 0;
  int side = a || b ? GRID : GRID / 2;
  if (!a)
    for (int k = side - 1; k >= 0; k--) x[n++] = c - pow(10, -7 + 15.0 * (k + 0.41) / side);
  if (!b)
    for (int k = 0; k < side; k++) x[n++] = c + pow(10, -7 + 15.0 * (k + 0.41) / side);
  return n;
}

static double inside(double lo, double hi) { /* a finite place in the range, 0 where it can be */
  if (lo <= 0 && hi >= 0) return 0;
  return isfinite(lo) ? lo : hi;
}

static bool solved(search *s) { /* features of degree 1 and 2 */
  const cx_integrand *in = s->q->in;
  int64_t N = s->w->instances, total = s->q->in->columns;
  if (!space(s, 2 * N)) return false;
  for (int64_t j = 0; j < N; j++) {
    double lo = fmin(s->w->range[j].lo, s->w->range[j].hi), hi = fmax(s->w->range[j].lo, s->w->range[j].hi);
    s->x[j] = inside(lo, hi);
    s->x[N + j] = isfinite(lo) && isfinite(hi) && hi > lo ? (s->x[j] == hi ? lo : hi) : s->x[j] + 1;
    s->id[j] = s->id[N + j] = (int32_t)j;
  }
  if (!evaluate(s, 2 * N)) return false;
  for (int k = 0; k < in->nfeature; k++) {
    const cx_feature *t = &in->feature[k];
    if (!t->degree || t->kind == CX_FEATURE_STEP) continue;
    for (int64_t c = 0; c < t->count; c++)
      for (int64_t j = 0; j < N; j++) {
        const double *u = s->f + (t->offset + c) * 2 * N, *v = s->f + (total + t->offset + c) * 2 * N;
        if (t->kind == CX_FEATURE_EDGE) {
          double lo = fmin(s->w->range[j].lo, s->w->range[j].hi), hi = fmax(s->w->range[j].lo, s->w->range[j].hi);
          double end = v[j] > 0 ? hi : lo, in_by = 0.5 / fabs(v[j]);
          if (isfinite(end) && in_by > 0 && in_by < 0.5 * (hi - lo) &&
              !push(s, (bracket){.x = end == hi ? end - in_by : end + in_by,
                                 .a = NAN,
                                 .done = true,
                                 .instance = (int32_t)j,
                                 .feature = k,
                                 .column = (int32_t)(t->offset + c)}))
            return false;
          continue;
        }
        double x0 = s->x[j], h = s->x[N + j] - x0, slope = v[j], bend = t->degree == 2 ? (v[N + j] - v[j]) / h : 0;
        double root[2] = {NAN, NAN}; /* u + slope d + bend d^2 / 2 = 0 */
        if (bend == 0) root[0] = -u[j] / slope;
        else {
          double disc = slope * slope - 2 * bend * u[j];
          if (disc < 0 && disc > -1e-14 * slope * slope) disc = 0;
          if (disc >= 0) {
            double z = -(slope + copysign(sqrt(disc), slope));
            root[0] = z / bend;
            root[1] = z != 0 ? 2 * u[j] / z : 0;
          }
        }
        for (int r = 0; r < 2; r++)
          if (isfinite(root[r]) && !(r == 1 && root[1] == root[0]) &&
              !push(s, (bracket){.x = x0 + root[r],
                                 .a = NAN,
                                 .size = fmax(fabs(u[j]), fabs(u[N + j])),
                                 .instance = (int32_t)j,
                                 .feature = k,
                                 .column = (int32_t)(t->offset + c)}))
            return false;
      }
  }
  return true;
}

static bool scanned(search *s) {
  const cx_integrand *in = s->q->in;
  int64_t total = s->q->in->columns;
  bool any = false;
  for (int k = 0; k < in->nfeature; k++) any |= !in->feature[k].degree || in->feature[k].kind == CX_FEATURE_STEP;
  if (!any) return true;
  if (!space(s, GRID + 8)) return false;
  int64_t steps = 0;
  for (int64_t j = 0; j < s->w->instances; j++) {
    double lo = fmin(s->w->range[j].lo, s->w->range[j].hi), hi = fmax(s->w->range[j].lo, s->w->range[j].hi);
    if (!(lo < hi)) continue;
    int n = grid(lo, hi, s->x);
    for (int k = 0; k < n; k++) s->id[k] = (int32_t)j;
    if (!evaluate(s, n)) return false;
    for (int k = 0; k < in->nfeature; k++) {
      const cx_feature *t = &in->feature[k];
      if (t->degree && t->kind != CX_FEATURE_STEP) continue;
      for (int64_t c = 0; c < t->count; c++) {
        const double *u = s->f + (t->offset + c) * n, *v = s->f + (total + t->offset + c) * n;
        bracket b = {.instance = (int32_t)j, .feature = k, .column = (int32_t)(t->offset + c)};
        for (int i = 0; i + 1 < n; i++) {
          if (!(s->x[i] < s->x[i + 1]) || isnan(u[i]) || isnan(u[i + 1])) continue;
          b.a = s->x[i], b.b = s->x[i + 1], b.size = fmax(fabs(u[i]), fabs(u[i + 1]));
          if (t->kind == CX_FEATURE_STEP) {
            double from = floor(fmin(u[i], u[i + 1])) + 1, to = ceil(fmax(u[i], u[i + 1])) - 1;
            for (double m = from; m <= to && steps < STEPS_MAX; m++, steps++) {
              b.level = m;
              b.fa = u[i] - m;
              if (!push(s, b)) return false;
            }
            continue;
          }
          b.level = 0;
          b.fa = u[i];
          b.slope = b.touch = false;
          if (u[i] == 0 && (i == 0 || u[i - 1] * u[i + 1] != 0)) {
            bracket exact = b;
            exact.x = s->x[i], exact.a = NAN;
            if (!push(s, exact)) return false;
          } else if (u[i] * u[i + 1] < 0) {
            if (!push(s, b)) return false;
          } else if (v[i] * v[i + 1] < 0 && u[i] * v[i] < 0 && t->kind != CX_FEATURE_SUMMIT) { /* |u| has a minimum */
            b.slope = b.touch = true;
            b.fa = v[i];
            if (!push(s, b)) return false;
          }
        }
      }
    }
  }
  return true;
}

/* every enclosure narrowed to a root; those of degree 1 and 2 polished once. false on failure */
static bool narrow(search *s) {
  int64_t total = s->q->in->columns;
  for (int64_t k = 0; k < s->n; k++)
    if (!isnan(s->at[k].a)) s->at[k].x = s->at[k].a + 0.5 * (s->at[k].b - s->at[k].a);
  for (int round = 0; round < 120; round++) {
    int64_t n = 0;
    if (!space(s, s->n)) return false;
    for (int64_t k = 0; k < s->n; k++)
      if (!s->at[k].done) s->x[n] = s->at[k].x, s->id[n++] = s->at[k].instance;
    if (!n) return true;
    if (!evaluate(s, n)) return false;
    int64_t i = 0, was = s->n;
    for (int64_t k = 0; k < was; k++) {
      bracket *b = &s->at[k];
      if (b->done) continue;
      double u = s->f[b->column * n + i] - b->level, v = s->f[(total + b->column) * n + i];
      i++;
      if (isnan(b->a)) { /* solved: the value of a sum is exact to rounding; one step takes that back */
        double x = b->x - u / v;
        if (isfinite(x) && fabs(x - b->x) < 1e-6 * (1 + fabs(b->x))) b->x = x;
        b->done = round > 0 || x == b->x || !isfinite(x);
        continue;
      }
      if (b->slope) {
        double y = v;                       /* bisection on u' */
        if (u * (b->fa > 0 ? -1 : 1) < 0) { /* u itself has changed its sign: two roots */
          bracket second = *b;
          b->slope = b->touch = second.slope = second.touch = false;
          double x = b->x;
          second.a = x, second.fa = u;
          b->b = x, b->fa = -u;
          b->x = b->a + 0.5 * (b->b - b->a);
          second.x = second.a + 0.5 * (second.b - second.a);
          if (!push(s, second)) return false;
          continue;
        }
        /* The tangent here bounds u from below where it is convex, as it is about a minimum of |u|, once that is the only
         * thing in the bracket: no root where it stays away from 0 up to both ends. */
        b->clear = round >= 3 && fabs(v) * (b->b - b->a) < 0.5 * fabs(u);
        if (b->clear || y == 0 || b->b - b->a <= 4 * DBL_EPSILON * fabs(b->x) + DBL_MIN) {
          b->done = true;
          continue;
        }
        if (y * b->fa < 0) b->b = b->x;
        else b->a = b->x;
        b->x = b->a + 0.5 * (b->b - b->a);
        continue;
      }
      if (u == 0 || b->x <= b->a || b->x >= b->b) {
        b->done = true;
        continue;
      }
      if (u * b->fa < 0) b->b = b->x;
      else b->a = b->x, b->fa = u;
      double x = b->x - u / v;
      if (!(x > b->a && x < b->b) || round > 40) x = b->a + 0.5 * (b->b - b->a);
      else if (fabs(x - b->x) <= DBL_EPSILON * fabs(x)) { /* one more look from the other side */ b->x = x;
        b->done = true;
        continue;
      }
      b->x = x;
    }
  }
  return true;
}

static int by_place(const void *x, const void *y) {
  const bracket *a = x, *b = y;
  if (a->instance != b->instance) return a->instance < b->instance ? -1 : 1;
  return a->x < b->x ? -1 : a->x > b->x;
}

/* Only where breaks are so close that panels between them would see it does it matter how well u tells its root. */
static void plain_widths(const cx_quad_range *r, cx_quad_point *p) {
  double before = fmin(r->lo, r->hi), last = fmax(r->lo, r->hi);
  for (int k = 0, m; k < r->npoint; before = p[k].x, k = m) {
    for (m = k + 1; m < r->npoint && p[m].x == p[k].x;) m++;
    double gap = fmin(p[k].x - before, (m < r->npoint ? p[m].x : last) - p[k].x);
    for (int j = k; j < m; j++)
      if (p[j].kind == QP_BREAK && !(p[j].width > 1e-4 * gap && isfinite(p[j].width))) p[j].width = 0;
  }
}

int cx_find_points(const cx_quadrature *q, cx_quadrature_work *w) {
  const cx_integrand *in = q->in;
  if (!in->nfeature) return 0;
  search s = {.q = q, .w = w};
  bool ok = solved(&s) && scanned(&s) && narrow(&s);
  int64_t total = q->in->columns, n = 0;
  for (int64_t k = 0; ok && k < s.n; k++) { /* those that are roots, inside */
    bracket *b = &s.at[k];
    if (b->clear) continue;
    double lo = fmin(w->range[b->instance].lo, w->range[b->instance].hi),
           hi = fmax(w->range[b->instance].lo, w->range[b->instance].hi);
    bool end = false;
    if (in->feature[b->feature].kind == CX_FEATURE_SINGULAR) /* at an end, but for rounding */
      for (int side = 0; side < 2 && !end; side++) {
        double e = side ? hi : lo;
        if (isfinite(e) && fabs(b->x - e) <= 8 * DBL_EPSILON * fmax(fabs(e), isfinite(hi - lo) ? 1e-3 * (hi - lo) : 0))
          b->x = e, end = true;
      }
    double near = b->x <= lo ? lo - b->x : b->x - hi; /* a singular point beside the range is a scale inside it */
    if (!end && !(b->x > lo && b->x < hi) && in->feature[b->feature].kind == CX_FEATURE_SINGULAR && near > 0 &&
        near < 0.1 * (hi - lo) && isfinite(near)) {
      b->x = b->x <= lo ? lo + 0.5 * near : hi - 0.5 * near;
      b->fa = near, b->touch = false, b->slope = true; /* a peak of that width */
      s.at[n++] = *b;
      continue;
    }
    b->slope = false;
    if ((b->x > lo && b->x < hi) || end) s.at[n++] = *b;
  }
  s.n = n;
  if (ok && n) {
    qsort(s.at, (size_t)n, sizeof *s.at, by_place);
    for (int64_t k = 0, m; k < n; k = m) { /* what differs by rounding is one place: that of a singular point, if any */
      int64_t best = k;
      for (m = k + 1; m < n && s.at[m].instance == s.at[k].instance &&
                      s.at[m].x - s.at[m - 1].x <= 4 * DBL_EPSILON * fabs(s.at[k].x);
           m++)
        if (!s.at[m].slope && in->feature[s.at[m].feature].bend >= 0 && in->feature[s.at[best].feature].bend < 0)
          best = m;
      for (int64_t j = k; j < m; j++) s.at[j].x = s.at[best].x;
    }
    ok = space(&s, n);
    for (int64_t k = 0; ok && k < n; k++) s.x[k] = s.at[k].x, s.id[k] = s.at[k].instance;
    ok = ok && evaluate(&s, n);
  }
  int64_t *first = ok ? calloc((size_t)w->instances + 1, sizeof *first) : NULL;
  if (ok && !first) w->why = "out of memory", ok = false;
  for (int64_t k = 0; ok && k < n; k++) {
    const bracket *b = &s.at[k];
    double v = s.f[(total + b->column) * n + k], u = s.f[b->column * n + k];
    cx_quad_point p = {b->x, 0, QP_BREAK};
    switch (in->feature[b->feature].kind) {
      case CX_FEATURE_SINGULAR: p.kind = QP_SINGULAR; break;
      case CX_FEATURE_EDGE:
      case CX_FEATURE_PEAK: p.kind = QP_PEAK, p.width = 1 / fabs(v); break;
      case CX_FEATURE_SUMMIT: p.kind = QP_PEAK, p.width = v < 0 ? 1 / sqrt(-v) : NAN; break;
      default: p.width = 4 * DBL_EPSILON * b->size / fabs(v);
    }
    if (b->slope) p.kind = QP_PEAK, p.width = b->fa;
    if (b->touch && (in->crossing || fabs(u) > 1e-12 * (1 + fabs(b->x)))) continue; /* comes near, no more */
    if (p.kind == QP_PEAK && !(p.width > 0 && isfinite(p.width))) continue;
    struct cx_near root = {-1, v, 0};
    if (in->feature[b->feature].bend >= 0 && !b->slope) {
      root.feature = b->feature;
      root.bend = s.f[in->feature[b->feature].bend * n + k];
      if (!isfinite(root.slope) || !isfinite(root.bend)) root.feature = -1;
    }
    if (!cx_add_point(w, p, root)) ok = false;
    else first[b->instance]++;
  }
  int64_t at = 0;
  for (int64_t j = 0; ok && j < w->instances; j++) {
    w->range[j].point = w->point ? w->point + at : NULL;
    w->range[j].npoint = (int)first[j];
    plain_widths(&w->range[j], w->point + at);
    at += first[j];
  }
  free(first);
  free(s.at), free(s.x), free(s.f), free(s.id);
  return !ok;
}
