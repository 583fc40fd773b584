/* linesearch.c - a step along a descent direction that meets the strong Wolfe conditions
 *   f(a) <= f(0) + c1 a f'(0),   |f'(a)| <= c2 |f'(0)|
 * Nocedal & Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6 as one loop over an interval: lo is the
 * best point with enough decrease, hi the other end once there is one, and the next trial is the cubic's minimum
 * (eq. 3.59) kept inside. A point without a finite value is an end too: the domain's edge is stepped back from.
 * Where f no longer resolves the decrease, the approximate Wolfe conditions on slopes alone decide (Hager & Zhang,
 * SIAM J. Optim. 16 (2005), eq. 4.1), within epsilon of f(0). */
#include "solve/solver.h"

#include <math.h>
#include <string.h>

typedef struct {
  double a, f, d;
} point;

static const double c1 = 1e-4, c2 = 0.9;

static double cubic(point p, point q) { /* minimiser of the cubic through values and slopes */
  double d1 = p.d + q.d - 3 * (p.f - q.f) / (p.a - q.a);
  double d2 = copysign(sqrt(fmax(0, d1 * d1 - p.d * q.d)), q.a - p.a);
  return q.a - (q.a - p.a) * ((q.d + d2 - d1) / (q.d - p.d + 2 * d2));
}

static point probe(cx_solver *s, const double *x, const double *d, double a, double *xt, double *gt) {
  int64_t n = s->p->n;
  point p = {.a = a};
  for (int64_t i = 0; i < n; i++) xt[i] = x[i] + a * d[i];
  cx_eval(s, xt, &p.f, gt);
  p.d = cx_dot(gt, d, n);
  return p;
}

cx_ls cx_line_search(cx_solver *s, const double *x, const double *d, double f0, double slope0, double *step, double *xt,
                     double *gt, double *ft) {
  const point start = {0, f0, slope0};
  point lo = start, hi = {0}, p = start;
  bool bracketed = false;
  double a = *step, noise = 10 * s->unit * fabs(f0);
  for (int tries = 0; tries < 50; tries++) {
    p = probe(s, x, d, a, xt, gt);
    bool finite = isfinite(p.f) && isfinite(p.d), enough = p.f <= f0 + c1 * a * slope0;
    if (p.f == -INFINITY) return *step = a, *ft = p.f, LS_UNBOUNDED;
    if (finite) {
      bool wolfe = enough && fabs(p.d) <= -c2 * slope0;
      bool nearly = p.f <= f0 + noise && p.d >= c2 * slope0 && p.d <= (2 * c1 - 1) * slope0;
      if (wolfe || nearly) return *step = a, *ft = p.f, LS_OK;
    }
    if (!finite || !enough || (lo.a > 0 && p.f >= lo.f)) {
      hi = p;
      bracketed = true;
    } else { /* lower than lo */
      if (p.d * (bracketed ? hi.a - lo.a : 1) >= 0) hi = lo, bracketed = true;
      lo = p;
    }
    if (!bracketed) {
      if (a > 1e20) return *step = a, *ft = p.f, LS_UNBOUNDED;
      a *= 4;
      continue;
    }
    double w = hi.a - lo.a;
    if (fabs(w) <= s->unit * fmax(fabs(lo.a), fabs(hi.a))) break;
    if (!isfinite(hi.f) || !isfinite(hi.d)) {
      a = lo.a + 0.1 * w;
    } else {
      double t = (cubic(lo, hi) - lo.a) / w; /* kept off the ends, so that the interval shrinks */
      a = lo.a + w * (t >= 0.1 && t <= 0.9 ? t : t < 0.1 ? 0.1 : t > 0.9 ? 0.9 : 0.5);
    }
  }
  if (lo.a > 0 && lo.f < f0) { /* decrease, though no flat enough slope: a kink, or rounding */
    p = probe(s, x, d, lo.a, xt, gt);
    return *step = lo.a, *ft = p.f, LS_OK;
  }
  return LS_NO_DECREASE;
}
