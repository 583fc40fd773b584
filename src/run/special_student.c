/* special_student.c - Student's t distribution: of t < 0 the distribution function is I_x(nu / 2, 1 / 2) / 2 at
 * x = nu / (nu + t^2) (DLMF 8.17, Abramowitz & Stegun 26.7.1). What x loses by rounding counts nu-fold in the tails; it is
 * put back to first order. */
#include "run/special_int.h"
#include <math.h>

/* p: the probability beyond |t| on both sides, q within; *shift: how far the logarithm of the tail is off; 0 at ends */
static int both(double nu, double t, cx_tail *o, double *shift) {
  long double s = (long double)t * t, x = nu / (nu + s), y = s / (nu + s);
  double a = (double)(x < y ? x : y), b = 1 - a;
  *shift = 0;
  if (isnan(t)) return o->p = o->q = NAN, 0;
  if (isinf(t)) return o->p = nu > 0 ? 0 : NAN, o->q = 1, 0;
  if (!(x < y ? cx_beta_both(0.5 * nu, 0.5, a, b, 1, o) : cx_beta_both(0.5 * nu, 0.5, b, a, 1, o))) return 0;
  /* d log(x / y) = dx / (x y) = -dy / (x y) */
  double du = (double)(x < y ? x - a : a - y) / (a * b), dp = cx_scaled_exp(o->head, o->exponent) * du;
  o->p += dp, o->q -= dp;
  *shift = o->head / o->factor * (o->upper ? -du : du);
  return 1;
}

double cx_student_t_cdf(double nu, double t) {
  cx_tail o;
  double shift;
  both(nu, t, &o, &shift);
  return t < 0 ? 0.5 * o.p : 1 - 0.5 * o.p;
}

double cx_log_student_t_cdf(double nu, double t) {
  cx_tail o;
  double shift;
  int inner = both(nu, t, &o, &shift);
  if (!(t < 0)) return log1p(-0.5 * o.p);
  if (!inner || o.upper || o.p > 1e-290) return log(0.5 * o.p);
  return cx_tail_log(&o, 0) + shift - 0.6931471805599453;
}

double cx_student_t_dnu(double nu, double t) {
  cx_tail o;
  double shift;
  if (!both(nu, t, &o, &shift)) return o.p * 0;
  double d = 0.25 * cx_tail_derivative(&o, 0, o.log_da, 0) + 0.5 * cx_scaled_exp(o.head, o.exponent) / nu;
  return t < 0 ? d : -d;
}
