/* special_quantile.c - inverses of the incomplete gamma and beta functions in their probability.
 *
 * Solved for is u = log x, or the log of the odds x / (1 - x). In u the densities of the gamma and beta distributions
 * are log-concave, so the logarithm of either tail is concave, and Newton's method converges to the only root from any
 * start; here its third-order form, Halley's, inside a bracket. It is the tail given as less than a half that is solved
 * for, so both ends have full relative accuracy. Steps are factors of x or of the odds, never sums to their logarithm,
 * which would cost digits where that is large.
 * Starts: Wilson & Hilferty (1931) for gamma, the normal distribution of the log-odds for beta, and the leading power
 * of the tail for small shapes. */
#include "run/special_int.h"
#include <math.h>

typedef struct {
  double a, b; /* b: 0 for gamma */
  double target;
  int upper; /* the target is q */
} problem;

/* residual of the tail's logarithm at x or the odds w, *slope its derivative by u, *bend that of the log density */
static double residual(const problem *p, double w, double *slope, double *bend) {
  cx_tail t;
  int inner;
  if (p->b > 0) { /* the smaller of x and y is rounded, the other is its complement */
    double x = w <= 1 ? w / (1 + w) : 0, y = w <= 1 ? 1 - x : 1 / (1 + w);
    if (w > 1) x = 1 - y;
    inner = cx_beta_both(p->a, p->b, x, y, 0, &t);
    *bend = p->a * y - p->b * x;
  } else {
    inner = cx_gamma_both(p->a, w, 0, &t);
    *bend = p->a - w;
  }
  double v = p->upper ? t.q : t.p;
  if (!inner) return *slope = NAN, v == 0 ? -INFINITY : INFINITY;
  double s = p->upper == t.upper ? t.head / t.factor : cx_scaled_exp(t.head, t.exponent) / v;
  *slope = p->upper ? -s : s;
  return v > 1e-290 && p->target > 1e-290 ? log(v / p->target) : cx_tail_log(&t, p->upper) - log(p->target);
}

static double solve(const problem *p, double w) {
  double lo = 0, hi = INFINITY;
  for (int i = 0; i < 100; i++) {
    double slope, bend, r = residual(p, w, &slope, &bend);
    if (r == 0) return w;
    if ((r < 0) != p->upper) lo = w; /* p too small, or q too large */
    else hi = w;
    double newton = r / slope, h = 1 - 0.5 * newton * (bend - slope);
    double step = newton / fmin(fmax(h, 0.5), 4), next = w * exp(-step);
    int close = fabs(step) * fmax(1, fmax(fabs(slope), fabs(bend))) < 1e-6;
    if (!(next > lo && next < hi)) {
      if (close) return w; /* within rounding */
      next = lo == 0 ? hi * 1e-3 : hi == INFINITY ? lo * 1e3 : sqrt(lo) * sqrt(hi);
    }
    if (close || next == w || next == 0 || next == INFINITY) return next;
    w = next;
  }
  return w;
}

/* the target is p, or q where upper; taken over to the other tail where it is more than a half */
static double gamma_inv(double a, double target, int upper) {
  if (!(a > 0 && a < INFINITY) || !(target >= 0 && target <= 1)) return NAN;
  if (target == 0 || target == 1) return (target == 0) == upper ? INFINITY : 0;
  if (target > 0.5) target = 1 - target, upper = !upper;
  double z = cx_norm_quantile(target), c = 1 - 1 / (9 * a) + (upper ? -z : z) / (3 * sqrt(a)), w = a * c * c * c;
  if (a < 1 || c < 0.2) { /* P is about x^a / gamma(a + 1), Q at most exp(-x) */
    double l = upper ? log1p(-target) : log(target);
    w = exp((l + cx_lfactorial(a)) / a);
    if (upper && w > 0.5) w = 0.5 - log(target);
  }
  return solve(&(problem){a, 0, target, upper}, fmin(fmax(w, 1e-300), 1e300));
}
double cx_gamma_p_inv(double a, double p) { return gamma_inv(a, p, 0); }
double cx_gamma_q_inv(double a, double q) { return gamma_inv(a, q, 1); }

/* the odds x / (1 - x) */
static double beta_odds(double a, double b, double target, int upper) {
  if (!(a > 0 && a < INFINITY) || !(b > 0 && b < INFINITY) || !(target >= 0 && target <= 1)) return NAN;
  if (target == 0 || target == 1) return (target == 0) == upper ? INFINITY : 0;
  if (target > 0.5) target = 1 - target, upper = !upper;
  double z = cx_norm_quantile(target), own = upper ? b : a;
  double mean = a > 1 && b > 1 ? (a - 1. / 3) / (b - 1. / 3) : a / b;
  double w = mean * exp((upper ? -z : z) * sqrt(1 / a + 1 / b));
  if (own < 1) { /* the tail is about t^own / (own B), t its distance from the end */
    double t = exp((log(target) + log(own) + cx_lbeta(a, b)) / own);
    if (t < 0.5) w = upper ? (1 - t) / fmax(t, 1e-300) : t / (1 - t);
  }
  return solve(&(problem){a, b, target, upper}, fmin(fmax(w, 1e-300), 1e300));
}
static double beta_inv(double a, double b, double target, int upper) {
  double w = beta_odds(a, b, target, upper);
  return w <= 1 ? w / (1 + w) : 1 - 1 / (1 + w);
}
double cx_beta_inc_inv(double a, double b, double p) { return beta_inv(a, b, p, 0); }
double cx_beta_incc_inv(double a, double b, double q) { return beta_inv(a, b, q, 1); }

double cx_student_t_quantile(double nu, double p) {
  double tail = p < 0.5 ? 2 * p : 2 * (1 - p), t = sqrt(nu / beta_odds(0.5 * nu, 0.5, tail, 0));
  return p < 0.5 ? -t : t;
}
