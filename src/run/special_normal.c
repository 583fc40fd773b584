/* special_normal.c - the error function's relatives.
 * Sources: asymptotic series of erfc DLMF 7.12.1; normal quantile Wichura, Algorithm AS 241 (1988), PPND16, followed
 * by one Halley step in the tails, where the distribution function is known to full relative accuracy. */
#include "run/special.h"
#include <math.h>

#define SQRT_PI      1.7724538509055160273
#define SQRT_HALF    0.70710678118654752440
#define SQRT_HALF_LO -4.8336466567264567e-17 /* what the double SQRT_HALF leaves off */

/* exp(sign x^2) with the square's rounding error put back */
static double exp_square(double x, double sign) {
  double hi = x * x, e = exp(sign * hi);
  return isfinite(e) ? e + e * sign * fma(x, x, -hi) : e;
}

double cx_erfcx(double x) {
  if (x < 0) {
    double e = x < -27 ? INFINITY : exp_square(x, 1);
    return e + (e - cx_erfcx(-x));
  }
  if (x < 12) return exp_square(x, 1) * erfc(x);
  double t = 0.5 / x / x, s = 1; /* 1 - t (1 - 3t (1 - 5t (…))) */
  for (int k = 23; k > 0; k -= 2) s = 1 - k * t * s;
  return s / x / SQRT_PI;
}

/* erfc(x / sqrt 2) / 2 to full relative accuracy: the rounding error of x / sqrt 2 counts x^2-fold in the tail */
static double upper_tail(double x) {
  double t = x * SQRT_HALF, lo = fma(x, SQRT_HALF, -t) + x * SQRT_HALF_LO, q = 0.5 * erfc(t);
  return t > 1 && t < 28 ? q - lo / SQRT_PI * exp(-t * t) : q;
}

double cx_norm_cdf(double x) { return upper_tail(-x); }

double cx_log_norm_cdf(double x) {
  return x < -1 ? log(0.5 * cx_erfcx(-x * SQRT_HALF)) - 0.5 * x * x : log1p(-upper_tail(x));
}

static double horner(const double *c, int n, double x) {
  double s = c[n - 1];
  for (int i = n - 2; i >= 0; i--) s = s * x + c[i];
  return s;
}

/* AS 241 from q = p - 1/2 and the smaller of p, 1 - p */
static double quantile(double q, double tail) {
  static const double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                             1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                             3.3430575583588128105e4, 2.5090809287301226727e3};
  static const double b[] = {1,
                             4.2313330701600911252e1,
                             6.8718700749205790830e2,
                             5.3941960214247511077e3,
                             2.1213794301586595867e4,
                             3.9307895800092710610e4,
                             2.8729085735721942674e4,
                             5.2264952788528545610e3};
  static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                             3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                             2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[] = {1,
                             2.05319162663775882187e0,
                             1.67638483018380384940e0,
                             6.89767334985100004550e-1,
                             1.48103976427480074590e-1,
                             1.51986665636164571966e-2,
                             5.47593808499534494600e-4,
                             1.05075007164441684324e-9};
  static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                             2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                             2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static const double f[] = {1,
                             5.99832206555887937690e-1,
                             1.36929880922735805310e-1,
                             1.48753612908506148525e-2,
                             7.86869131145613259100e-4,
                             1.84631831751005468180e-5,
                             1.42151175831644588870e-7,
                             2.04426310338993978564e-15};
  if (fabs(q) <= 0.425) {
    double r = 0.180625 - q * q;
    return q * horner(a, 8, r) / horner(b, 8, r);
  }
  double r = sqrt(-log(tail));
  double z = r <= 5 ? horner(c, 8, r - 1.6) / horner(d, 8, r - 1.6) : horner(e, 8, r - 5) / horner(f, 8, r - 5);
  return q < 0 ? -z : z;
}

double cx_norm_quantile(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  double q = p - 0.5, tail = q < 0 ? p : 1 - p, z = quantile(q, tail);
  if (fabs(q) <= 0.425) return z;
  double t = fabs(z), u = (upper_tail(t) - tail) * sqrt(2 * 3.14159265358979323846) * exp(0.5 * t * t);
  if (isfinite(u)) t += u / (1 - 0.5 * t * u); /* Halley for Q(t) = tail: Q'' / Q' = -t */
  return q < 0 ? -t : t;
}

double cx_erfinv(double x) {
  double t = fabs(x);
  if (!(t < 1)) return t == 1 ? copysign(INFINITY, x) : NAN;
  double z = quantile(0.5 * t, 0.5 * (1 - t)) * SQRT_HALF;
  double f = t < 0.5 ? erf(z) - t : (1 - t) - erfc(z), u = f * (SQRT_PI / 2) * exp(z * z);
  return copysign(z - u / (1 + z * u), x); /* Halley: erf'' / erf' = -2z */
}

double cx_erfcinv(double x) {
  if (!(x > 0 && x < 2)) return x == 0 ? INFINITY : x == 2 ? -INFINITY : NAN;
  if (x > 0.5 && x < 1.5) return cx_erfinv(1 - x); /* the difference is exact */
  return SQRT_HALF * (x > 1 ? cx_norm_quantile(1 - 0.5 * x) : -cx_norm_quantile(0.5 * x));
}
