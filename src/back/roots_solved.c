/* roots_solved.c - features of degree 1 and 2 in x: their roots from the values at two places. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "back/roots_int.h"

/* u + slope d + bend d^2 / 2 at x0 + d: its roots, and what it is without any */
static bool parabola(search *s, const cx_feature *t, bracket b, double x0, double u, double slope, double bend) {
  const cx_quad_range *range = &s->w->range[b.instance];
  double lo = fmin(range->lo, range->hi), hi = fmax(range->lo, range->hi), root[2] = {NAN, NAN};
  if (bend == 0) root[0] = -u / slope;
  else {
    double disc = slope * slope - 2 * bend * u, top = u - slope * slope / bend / 2;
    if (disc < 0 && disc > -1e-14 * slope * slope) disc = 0;
    /* roots beside the real line, and a step of a parabola about its top, are scales */
    if (t->kind == CX_FEATURE_SINGULAR && disc < 0) b.width = sqrt(-disc) / fabs(bend);
    if (t->kind == CX_FEATURE_PEAK && fabs(top) < 4) b.width = sqrt(2 / fabs(bend));
    b.x = x0 - slope / bend, b.done = true;
    if (b.width > 0 && !cx_search_push(s, b)) return false;
    b.width = 0, b.done = false;
    if (disc >= 0) {
      double z = -(slope + copysign(sqrt(disc), slope));
      root[0] = z / bend;
      root[1] = z != 0 ? 2 * u / z : 0;
    }
  }
  for (int side = 0; side < 2; side++) { /* what has its middle beside the range reaches into it */
    double end = side ? hi : lo, at = u + slope * (end - x0), d = side ? at : -at;
    double width = t->kind == CX_FEATURE_SUMMIT ? 2 / (d + sqrt(d * d + 2 * fmax(-slope, 0))) : 1 / fabs(slope);
    bool out = t->kind == CX_FEATURE_SUMMIT ? d >= 0 : side ? x0 + root[0] >= hi : x0 + root[0] <= lo;
    if (bend == 0 && out && (t->kind == CX_FEATURE_SUMMIT || t->kind == CX_FEATURE_PEAK) && isfinite(end) &&
        !cx_search_edge(s, b, end, width))
      return false;
  }
  for (int r = 0; r < 2; r++) {
    b.x = x0 + root[r];
    if (isfinite(root[r]) && !(r == 1 && root[1] == root[0]) && !cx_search_push(s, b)) return false;
  }
  return true;
}

/* A parabola seen from afar does not tell a double root from two that are near one another, on the real line or beside
 * it: (x - c)^2 + w^2. It is looked at once more from its top, and believed where it is one there and not rounding. */
#define NEARLY_DOUBLE 1e-6
typedef struct {
  bracket b;
  double x0, u, slope, bend;
} far_seen;
static bool from_top(search *s, far_seen *seen, int n) {
  enum { BESIDE = 6, PLACES = BESIDE + 1 };
  static const double step[PLACES] = {0, -13613, -1361, -137, 137, 1361, 13613}; /* in units of rounding */
  if (!cx_search_space(s, (int64_t)PLACES * n)) return false;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < PLACES; k++) {
      double top = seen[i].x0 - seen[i].slope / seen[i].bend;
      s->x[PLACES * i + k] = top + step[k] * DBL_EPSILON * fmax(fabs(top), DBL_MIN / DBL_EPSILON);
      s->id[PLACES * i + k] = seen[i].b.instance;
    }
  if (!cx_search_evaluate(s, (int64_t)PLACES * n)) return false;
  for (int i = 0; i < n; i++) {
    int64_t all = (int64_t)PLACES * n, column = seen[i].b.column, total = s->q->in->columns;
    const double *x = s->x + PLACES * i, *u = s->f + column * all + PLACES * i;
    double slope = s->f[(total + column) * all + PLACES * i], bend = seen[i].bend;
    bool clean = isfinite(u[0]) && isfinite(slope) && u[0] != 0;
    for (int k = 1; k < PLACES; k++) {
      double d = x[k] - x[0], expected = u[0] + d * (slope + 0.5 * bend * d);
      clean = clean && fabs(u[k] - expected) <= 1e-3 * (fabs(u[0]) + 0.5 * fabs(bend) * d * d);
    }
    const cx_feature *t = &s->q->in->feature[seen[i].b.feature];
    if (clean ? !parabola(s, t, seen[i].b, x[0], u[0], slope, bend)
              : !parabola(s, t, seen[i].b, seen[i].x0, seen[i].u, seen[i].slope, bend))
      return false;
  }
  return true;
}

bool cx_search_solved(search *s) { /* features of degree 1 and 2 */
  const cx_integrand *in = s->q->in;
  int64_t begin = s->w->begin, end = s->w->end, total = s->q->in->columns;
  bool any = false;
  for (int k = 0; k < in->nfeature; k++) any |= in->feature[k].degree && in->feature[k].kind != CX_FEATURE_STEP;
  if (!any) return true;
  int64_t n = 0; /* over a range of no length there is nothing */
  for (int64_t j = begin; j < end; j++) n += s->w->range[j].lo != s->w->range[j].hi;
  if (!cx_search_space(s, 2 * n)) return false;
  n = 0;
  for (int64_t j = begin; j < end; j++) {
    double lo = fmin(s->w->range[j].lo, s->w->range[j].hi), hi = fmax(s->w->range[j].lo, s->w->range[j].hi);
    if (s->w->range[j].lo == s->w->range[j].hi) continue;
    s->x[2 * n] = cx_search_inside(lo, hi);
    s->x[2 * n + 1] = isfinite(lo) && isfinite(hi) && hi > lo ? (s->x[2 * n] == hi ? lo : hi) : s->x[2 * n] + 1;
    s->id[2 * n] = s->id[2 * n + 1] = (int32_t)j;
    n++;
  }
  if (!cx_search_evaluate(s, 2 * n)) return false;
  far_seen *seen = NULL;
  int nseen = 0, cap = 0;
  bool ok = true;
  for (int k = 0; k < in->nfeature && ok; k++) {
    const cx_feature *t = &in->feature[k];
    if (!t->degree || t->kind == CX_FEATURE_STEP) continue;
    for (int64_t i = 0; i < n && ok; i++) {
      int64_t j = s->id[2 * i];
      cx_quad_range *range = &s->w->range[j];
      double lo = fmin(range->lo, range->hi), hi = fmax(range->lo, range->hi), most = 0;
      for (int64_t c = 0; c < t->count && ok; c++) {
        const double *u = s->f + (t->offset + c) * 2 * n + 2 * i, *v = s->f + (total + t->offset + c) * 2 * n + 2 * i;
        bracket b = {.a = NAN, .instance = (int32_t)j, .feature = k, .column = (int32_t)(t->offset + c)};
        if (t->kind == CX_FEATURE_WAVE) {
          most = fmax(most, fmax(fabs(v[0]), fabs(v[1]) + (t->degree == 2 ? fabs(v[1] - v[0]) : 0)));
          continue;
        }
        if (t->kind == CX_FEATURE_EDGE) {
          double end = v[0] > 0 ? hi : lo;
          if (isinf(end)) end = end == hi ? lo : hi; /* it can only divide */
          ok = cx_search_edge(s, b, end, 1 / fabs(v[0]));
          continue;
        }
        double x0 = s->x[2 * i], h = s->x[2 * i + 1] - x0, slope = v[0], bend = t->degree == 2 ? (v[1] - v[0]) / h : 0;
        b.size = fmax(fabs(u[0]), fabs(u[1]));
        if (t->kind == CX_FEATURE_SINGULAR && isfinite(slope / bend) && slope != 0 &&
            fabs(slope * slope - 2 * bend * u[0]) < NEARLY_DOUBLE * slope * slope) {
          if (nseen == cap) {
            cap = cap ? 2 * cap : 64;
            far_seen *more = realloc(seen, (size_t)cap * sizeof *more);
            if (!(ok = more != NULL)) {
              s->w->why = "out of memory";
              continue;
            }
            seen = more;
          }
          seen[nseen++] = (far_seen){b, x0, u[0], slope, bend};
        } else ok = parabola(s, t, b, x0, u[0], slope, bend);
      }
      if (t->kind == CX_FEATURE_WAVE) cx_search_wave(range, most, t->degree == 1);
    }
  }
  ok = ok && (!nseen || from_top(s, seen, nseen));
  free(seen);
  return ok;
}
