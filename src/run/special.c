/* special.c - exponential and logarithmic forms that lose nothing at the ends of their range. */
#include "run/special.h"
#include <math.h>

double cx_mod(double x, double y) {
  double r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

double cx_logistic(double x) {
  double e = exp(-fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

double cx_softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

/* near 1/2 the quotient is near 1, where log cancels: log(x / (1 - x)) = 2 atanh(2x - 1), and 2x - 1 is exact there */
double cx_logit(double x) { return x > 0.3 && x < 0.65 ? 2 * atanh(2 * x - 1) : log(x / (1 - x)); }

/* Maechler, Accurately computing log(1 - exp(-|a|)) (2012), eq. 7 */
double cx_log1mexp(double x) { return x < 0.6931471805599453 ? log(-expm1(-x)) : log1p(-exp(-x)); }

double cx_logaddexp(double x, double y) {
  if (x == y) return x + 0.6931471805599453; /* also both infinite */
  double d = x - y;
  return (d > 0 ? x : y) + log1p(exp(-fabs(d)));
}

double cx_xlogy(double x, double y) { return x == 0 && !isnan(y) ? 0 : x * log(y); }

double cx_xlog1py(double x, double y) { return x == 0 && !isnan(y) ? 0 : x * log1p(y); }

double cx_sinc(double x) { return x == 0 ? 1 : isinf(x) ? 0 : sin(x) / x; }

double cx_exprel(double x) { /* finite a little beyond the overflow of exp */
  if (x > 700) return isinf(x) ? x : exp(x / 2) * (exp(x / 2) / x);
  return x == 0 ? 1 : expm1(x) / x;
}
