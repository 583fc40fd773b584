/* special_bessel.c - modified Bessel functions of the first kind, of orders 0 and 1.
 * Sources: power series DLMF 10.25.2, whose terms are all positive; asymptotic series 10.40.1 from FAR on, where its
 * smallest term is below exp(-2 FAR). */
#include "run/special.h"
#include <math.h>

#define FAR    25
#define TWO_PI 6.28318530717958647692

/* I_v(x) / (x / 2)^v less its first term, 1, v = 0 or 1, 0 <= x < FAR */
static double series(int v, double x) {
  double t = 1, s = 0, q = 0.25 * x * x;
  for (int k = 1; k < 200 && t > 1e-17 * (1 + s); k++) s += t *= q / k / (k + v);
  return s;
}

/* sqrt(2 pi x) exp(-x) I_v(x), x >= FAR */
static double far(int v, double x) {
  double t = 1, s = 0;
  for (int k = 1; k < 60 && fabs(t) > 1e-17; k++) {
    double m = 2 * k - 1;
    s += t *= (m * m - 4 * v) / (8 * k * x);
  }
  return 1 + s;
}

static double scaled(int v, double x) { /* exp(-x) I_v(x), x >= 0 */
  if (x >= FAR) return x == INFINITY ? 0 : far(v, x) / sqrt(TWO_PI * x);
  double s = (1 + series(v, x)) * exp(-x);
  return v ? 0.5 * x * s : s;
}
static double plain(int v, double x) {
  if (x < FAR) return (v ? 0.5 * x : 1) * (1 + series(v, x));
  double e = exp(0.5 * x); /* exp(x) may overflow where I_v(x) does not */
  return x == INFINITY ? x : far(v, x) / sqrt(TWO_PI * x) * e * e;
}

double cx_bessel_i0(double x) { return plain(0, fabs(x)); }
double cx_bessel_i1(double x) { return copysign(plain(1, fabs(x)), x); }
double cx_bessel_i0e(double x) { return scaled(0, fabs(x)); }
double cx_bessel_i1e(double x) { return copysign(scaled(1, fabs(x)), x); }

double cx_log_bessel_i0(double x) {
  x = fabs(x);
  if (x < FAR) return log1p(series(0, x));
  return x == INFINITY ? x : x + log(far(0, x) / sqrt(TWO_PI * x));
}

double cx_bessel_ratio(double x) {
  double a = fabs(x);
  if (isinf(x)) return copysign(1, x);
  return a < FAR ? 0.5 * x * (1 + series(1, a)) / (1 + series(0, a)) : copysign(far(1, a) / far(0, a), x);
}

/* r' = 1 - r^2 - r / x. Near 0 by the series of I_0^2, I_1^2, I_0 I_1 (DLMF 10.31.3), whose sum has positive terms */
double cx_bessel_ratio_dx(double x) {
  x = fabs(x);
  if (x == INFINITY) return 0;
  if (x < FAR) {
    double t = 1, sum = 0.5, i0 = 1 + series(0, x), q = 0.25 * x * x;
    for (int k = 1; k < 300 && t > 1e-17 * sum * k; k++) {
      t *= 2 * (2 * k - 1) * q / ((double)k * k * k);
      sum += t / (2. * (k + 1) * (k + 1));
    }
    return sum / i0 / i0;
  }
  /* with far(v) = 1 + s_v and s_0 - s_1 = 1 / 2x + d, the terms of order 1 / x cancel on paper */
  double t0 = 0.125 / x, t1 = -0.375 / x, s = t0 + t1, d = 0, p0 = t0, p1 = t1;
  for (int k = 2; k < 60 && (k < 4 || fabs(t1) > 1e-17 * fabs(d)); k++) {
    double m = 2 * k - 1;
    t0 *= m * m / (8 * k * x), t1 *= (m * m - 4) / (8 * k * x);
    d += t0 - t1, s += t0 + t1, p0 += t0, p1 += t1;
  }
  return (2 * d + d * s - (0.5 * s + p0 * p1) / x) / ((1 + p0) * (1 + p0));
}
