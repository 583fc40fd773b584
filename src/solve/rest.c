/* rest.c - is a point of small gradient an optimum? Where the objective only flattens out, as exp(-x) or the logistic
 * loss of separable classes, gradient and curvature vanish together, and a Newton step p = -H^-1 g stays long:
 *   far:  max over i of |p_i| / max(1, |x_i|) > 1/100     (Dennis & Schnabel (1983), 7.2.7, of the next step)
 * Ahead of x then lies a minimum that is not reached yet, or none: the objective falls all along x + t p, and ever more
 * slowly, as far as 128 p. What p is: a quasi-Newton step, a Newton step, or -g |g|^2 / g'Hg. */
#include "solve/solver.h"

#include <math.h>
#include <stdio.h>

/* the unknown that goes farthest along p for its size, of those whose param goes along without bound */
static double farthest(const cx_solver *s, const double *x, const double *p, int64_t *at) {
  double far = 0;
  for (int64_t i = 0; i < s->p->n; i++) {
    double v = fabs(p[i]) / fmax(1, fabs(x[i]));
    if (v > far && !(s->p->bounded && s->p->bounded(s->p->user, i, p[i] > 0))) far = v, *at = i;
  }
  return far;
}

static bool cauchy_step(cx_solver *s, const double *x, const double *g, double *p) {
  int64_t n = s->p->n;
  if (!s->xs && s->p->single) {
    s->xs = CX_NEW_N(s->arena, float, n), s->gs = CX_NEW_N(s->arena, float, n), s->vs = CX_NEW_N(s->arena, float, n);
  }
  cx_hessvec(s, x, g, g, p);
  double gg = cx_dot(g, g, n), curve = cx_dot(g, p, n);
  if (!(curve > 0) || !isfinite(gg / curve)) return false;
  for (int64_t i = 0; i < n; i++) p[i] = -g[i] * (gg / curve);
  return true;
}

cx_rest cx_at_rest(cx_solver *s, const double *x, double f, const double *g, const double *step) {
  int64_t n = s->p->n, k = -1;
  cx_rest rest = CX_SETTLED;
  int64_t evals = s->k->evals; /* looking around is no part of the fit, which may be resumed here */
  if (!s->p->gradient) return rest;
  cx_arena *a = cx_arena_new(s->ctx);
  double *p = CX_NEW_N(a, double, n), *xt = CX_NEW_N(a, double, n), *gt = CX_NEW_N(a, double, n), ft;
  if (step)
    for (int64_t i = 0; i < n; i++) p[i] = step[i];
  if (!step && !cauchy_step(s, x, g, p)) goto out;
  double slope = cx_dot(g, p, n), noise = 100 * s->unit * fabs(f);
  if (!(farthest(s, x, p, &k) > 0.01) || !(-slope > noise)) goto out;
  for (double t = 2; t <= 128; t *= 8) {
    for (int64_t i = 0; i < n; i++) xt[i] = x[i] + t * p[i];
    cx_eval(s, xt, &ft, gt);
    double ahead = cx_dot(gt, p, n);
    if (!isfinite(ft) || !isfinite(ahead)) goto out;
    if (ahead > 0 || ahead < slope || ft > f + noise) {
      rest = CX_SHORT;
      goto out;
    }
  }
  char buf[96], what[112] = "a parameter";
  if (s->p->where) snprintf(what, sizeof what, "`%s`", s->p->where(s->p->user, k, buf, sizeof buf));
  cx_finish(s, CX_E_CONVERGENCE, false, "the objective keeps falling, ever more slowly, as %s grows without bound",
            what);
  cx_diag_help(s->ctx, cx_diag_count(s->ctx) - 1,
               "add a penalty, such as 1e-4 * l2(params), or give the param a domain; classes that can be separated "
               "without an error do this");
  rest = CX_INFINITE;
out:
  s->k->evals = evals;
  cx_arena_free(a);
  return rest;
}
