/* special_gamma.c - the logarithm of gamma and its derivatives, and the pieces the incomplete functions share.
 * Sources: digamma: recurrence and reflection DLMF 5.5, asymptotic series 5.11.2, and on [1, 2] our own Chebyshev fit
 * of x psi(x) / (x - x0), x0 its zero (test/tables/make_special.py prints it; error 5e-19). trigamma: the same
 * recurrence, reflection and series, differentiated. polygamma: Hurwitz zeta by
 * Euler-Maclaurin, DLMF 25.11.5; below 0 by splitting the sum over k of (x + k)^-s at its sign change.
 * Stirling's remainder DLMF 5.11.1; its use in lbeta: DiDonato & Morris, Algorithm 708 (1992), section 2. */
#include "run/special_int.h"
#include <math.h>

#define PI           3.14159265358979323846
#define LOG_SQRT_2PI 0.91893853320467274178

double cx_lgamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

/* log of gamma(x) over Stirling's sqrt(2 pi / x) (x / e)^x, x >= 10 */
double cx_stirling_rest(double x) {
  static const double c[] = {1. / 12,   -1. / 360,      1. / 1260, -1. / 1680,
                             1. / 1188, -691. / 360360, 1. / 156,  -3617. / 122400};
  double r = 1 / (x * x), s = 0;
  for (int i = 7; i >= 0; i--) s = s * r + c[i];
  return s / x;
}

double cx_gamma_head(double a) {
  if (a >= 10) return exp(-cx_stirling_rest(a)) * sqrt(a) / SQRT_2PI;
  return a * pow(a, a) / (tgamma(1 + a) * exp(a));
}

/* log gamma(1 + a), |a| <= 0.5, to full relative accuracy: DLMF 5.7.3 */
double cx_lgamma1p_small(double a) {
  static const double c[] = {
      /* (-1)^k (zeta(k) - 1) / k from k = 2 */
      0.32246703342411321824,     -0.067352301053198095133,  0.020580808427784547879,    -0.0073855510286739852663,
      0.0028905103307415232858,   -0.0011927539117032609771, 0.00050966952474304242234,  -0.00022315475845357937976,
      0.000099457512781808533715, -0.0000449262367381331417, 0.000020507212775670691553, -9.439488275268395904e-6,
      4.3748667899074878042e-6,   -2.0392157538013662368e-6, 9.5514121304074198329e-7,   -4.4924691987645660433e-7,
      2.1207184805554665869e-7,   -1.0043224823968099609e-7, 4.7698101693639805658e-8,   -2.271109460894316491e-8,
      1.0838659214896954091e-8,   -5.1834750419700466551e-9, 2.4836745438024783172e-9};
  double s = 0;
  for (int k = 22; k >= 0; k--) s = s * a + c[k];
  return -log1p(a) + a * (0.4227843350984671393934879 + a * s);
}

double cx_lfactorial(double x) { /* x + 1 would round near its zeros 0 and 1 */
  if (fabs(x) <= 0.5) return cx_lgamma1p_small(x);
  if (x > 0.5 && x < 1.5) return log1p(x - 1) + cx_lgamma1p_small(x - 1);
  return cx_lgamma(x + 1);
}

double cx_lchoose(double n, double k) {
  double m = n - k;
  if (isnan(m) || !(n > -1)) return NAN;
  if ((k < 0 && k == floor(k)) || (m < 0 && m == floor(m))) return -INFINITY;
  if (k < 0 || m < 0) return cx_lfactorial(n) - cx_lfactorial(k) - cx_lfactorial(m);
  if (m < k) m = k, k = n - k;    /* now k <= n / 2 */
  if (k == floor(k) && k <= 20) { /* a product loses less than a difference of logarithms */
    double c = 1;
    for (int i = 0; i < k; i++) c *= (n - i) / (i + 1);
    if (c < INFINITY) return log(c);
  }
  return -log1p(n) - cx_lbeta(m + 1, k + 1);
}

/* B_2k / 2k, the coefficients of digamma's asymptotic series, x >= 10 */
static const double psi_tail[] = {1. / 12,  -1. / 120,     1. / 252, -1. / 240,
                                  1. / 132, -691. / 32760, 1. / 12,  -3617. / 8160};

double cx_digamma_rest(double x) {
  if (x < 10) return cx_digamma(x) - log(x);
  double r = 1 / (x * x), s = 0;
  for (int i = 7; i >= 0; i--) s = s * r + psi_tail[i];
  return -(0.5 / x + s * r);
}

double cx_digamma(double x) {
  if (isnan(x) || x == -INFINITY) return NAN;
  if (x == 0) return copysign(INFINITY, -x);
  if (x < 0) {
    double r = x - round(x); /* exact, and so is the period of cot */
    return r == 0 ? NAN : cx_digamma(1 - x) - (fabs(r) == 0.5 ? 0 : PI / tan(PI * r));
  }
  if (x >= 10) return log(x) + cx_digamma_rest(x);
  static const double x0 = 1.4616321449683622, x0_lo = 9.5499954299656977e-17;
  static const double g[] = {1.4265838140477493192,      0.31561474410964213552,     -0.062813694920279871917,
                             0.017935099659910831499,    -0.0059218363745723288507,  0.00210552454535520095,
                             -0.00078088236311359561811, 0.00029713867777156263507,  -0.0001149242064728223534,
                             0.000044925446149735298732, -0.00001768715043523455604, 6.997232589214955671e-6,
                             -2.7791592082028368787e-6,  1.1056508971126337107e-6,   -4.3348675603916483261e-7,
                             1.7292028688708168951e-7,   -8.4148432494084417285e-8,  3.3617522269744526653e-8};
  double up = 0;
  while (x > 2) x -= 1, up += 1 / x;
  if (x < 1) up -= 1 / x, x += 1;
  double s = 0, t = x - 1.5;
  for (int i = 17; i >= 0; i--) s = s * t + g[i];
  return up + ((x - x0) - x0_lo) * s / x;
}

/* zeta(s, x) x^s for s >= 2, x > 0 */
static double hurwitz_scaled(double s, double x) {
  static const double b[] = {1. / 6,       -1. / 30, 1. / 42,      -1. / 30,     5. / 66,
                             -691. / 2730, 7. / 6,   -3617. / 510, 43867. / 798, -174611. / 330};
  double head = 0, start = 10 + 0.5 * s, t = x;
  for (; t < start; t += 1) {
    double term = t == x ? 1 : pow(x / t, s);
    if (term < 1e-20) return head;
    head += term;
  }
  double tail = t / (s - 1) + 0.5, f = s / t / 2; /* f: s (s+1) … (s+2k-2) / ((2k)! t^(2k-1)) */
  for (int k = 1; k <= 10; k++) {
    tail += b[k - 1] * f;
    f *= (s + 2 * k - 1) * (s + 2 * k) / ((2. * k + 1) * (2 * k + 2)) / t / t;
  }
  return head + tail * (t == x ? 1 : pow(x / t, s));
}

/* gamma(s) zeta(s, x), the size of polygamma(s - 1, x) */
static double gamma_zeta(double s, double x) {
  double h = hurwitz_scaled(s, x), p = pow(x, -s);
  if (s <= 171 && p >= 1e-290 && p <= 1e290) return tgamma(s) * p * h;
  return exp(cx_lgamma(s) - s * log(x)) * h;
}

double cx_polygamma(double n, double x) {
  if (!(n >= 0 && n <= 1e5) || n != floor(n) || isnan(x)) return NAN;
  if (n == 0) return cx_digamma(x);
  double s = n + 1, sign = fmod(n, 2) == 1 ? 1 : -1; /* (-1)^(n+1) */
  if (x == INFINITY) return 0;
  if (x == 0) return sign > 0 ? INFINITY : copysign(INFINITY, -x);
  if (x > 0) return sign * gamma_zeta(s, x);
  double r = x - floor(x); /* terms (x + k)^-s: below 0 those of 1 - r, 2 - r, … -x, above those of r, r + 1, … */
  if (r == 0 || x == -INFINITY) return sign > 0 && x != -INFINITY ? INFINITY : NAN;
  return sign * gamma_zeta(s, r) + (gamma_zeta(s, ceil(x) - x) - gamma_zeta(s, 1 - x));
}

double cx_trigamma(double x) {
  if (!(x > 0) || x == INFINITY) {
    if (!(x < 0) || x == -INFINITY || x == floor(x)) return cx_polygamma(1, x);
    double s = sin(PI * (x - round(x)));
    return PI / s * (PI / s) - cx_trigamma(1 - x);
  }
  double head = 0;
  for (; x < 10; x += 1) head += 1 / x / x;
  double r = 1 / (x * x), s = 0; /* term k of psi's series, over x^2k, has the derivative -2k times it over x */
  for (int k = 8; k >= 1; k--) s = s * r + 2 * k * psi_tail[k - 1];
  return head + (1 + (0.5 + s / x) / x) / x;
}

double cx_lbeta(double a, double b) {
  double p = a < b ? a : b, q = a < b ? b : a;
  if (!(p >= 0) || isnan(q)) return NAN;
  if (p == 0) return INFINITY;
  if (q == INFINITY) return -INFINITY;
  if (p >= 10)
    return -0.5 * log(q) + LOG_SQRT_2PI + (cx_stirling_rest(p) + cx_stirling_rest(q) - cx_stirling_rest(p + q)) +
           (p - 0.5) * log(p / (p + q)) + q * log1p(-p / (p + q));
  if (q >= 10)
    return cx_lgamma(p) + (cx_stirling_rest(q) - cx_stirling_rest(p + q)) + p - p * log(p + q) +
           (q - 0.5) * log1p(-p / (p + q));
  if (p < 1e-300) return cx_lgamma(p);
  return log(tgamma(p) * (tgamma(q) / tgamma(p + q)));
}
