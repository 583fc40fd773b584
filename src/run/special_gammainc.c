/* special_gammainc.c - the regularised incomplete gamma functions P and Q, their logarithms and first derivatives.
 *
 * Of P and Q one is the tail, the one that is small or may be computed without cancellation; the other is its
 * complement. A tail is factor * exp(-exponent): the factor is harmless, the exponent is Loader's deviance (Fast and
 * accurate computation of binomial probabilities, 2000) with the extra bits of long double, so that neither the far
 * tail nor a large shape costs digits, and the logarithm needs nothing more.
 * Sources: series DLMF 8.11.4, continued fraction 8.9.2, Temme's uniform expansion 8.12.3-4 with the coefficients
 * 8.12.12 for a >= 100 near x = a, Gautschi's split (ACM TOMS 5, 1979) for Q at small a. Derivatives by the shape: the
 * same series and fractions, differentiated term by term; all terms have one sign in the tail where each is used. */
#include "run/special_int.h"
#include <math.h>

/* a log(a / x) + x - a, given d = x - a, without cancellation near d = 0: Loader's bd0 */
long double cx_deviance(long double a, long double x, long double d) {
  long double sum = a + x;
  if (fabsl(d) >= 0.1L * sum) return d - a * logl(x / a);
  long double v = d / sum, s = d * v, t = -2 * a * v;
  v *= v;
  for (int k = 3; k < 100; k += 2) {
    t *= v;
    long double next = s + t / k;
    if (next == s) break;
    s = next;
  }
  return s;
}

double cx_scaled_exp(double factor, long double exponent) {
  double hi = (double)exponent, e = exp(-hi);
  return e == 0 ? 0 : factor * (e - e * (double)(exponent - hi));
}

double cx_tail_log(const cx_tail *t, int upper) {
  double v = upper ? t->q : t->p, w = upper ? t->p : t->q;
  if (w < 0.5) return log1p(-w);
  return upper == t->upper ? (double)(logl(t->factor) - t->exponent) : log(v);
}

double cx_tail_derivative(const cx_tail *t, int upper, double log_d, int log) {
  double v = upper ? t->q : t->p, own = t->upper ? t->q : t->p;
  return upper == t->upper ? (log ? log_d : v * log_d) : (log ? -own / v * log_d : -own * log_d);
}
double cx_tail_end(double v, int negative, int log) {
  return isnan(v) ? NAN : log && v == 0 ? (negative ? -INFINITY : INFINITY) : 0;
}

double cx_gamma_p_dx(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0) return a < 1 ? INFINITY : a == 1;
  if (x == INFINITY || a == INFINITY) return 0;
  long double e = cx_deviance(a, x, (long double)x - a);
  return x < 1e-290 ? cx_scaled_exp(cx_gamma_head(a), e + logl(x)) : cx_scaled_exp(cx_gamma_head(a) / x, e);
}

double cx_log_gamma_pdf(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0) return a < 1 ? INFINITY : a == 1 ? 0 : -INFINITY;
  if (x == INFINITY || a == INFINITY) return -INFINITY;
  int sign;
  if (a < 10) return (double)((a - 1.0L) * logl(x) - x - lgammal_r(a, &sign));
  long double e = cx_deviance(a, x, (long double)x - a);
  return (double)(0.5L * logl(a / (TWO_PI * x * x)) - (e + cx_stirling_rest(a)));
}

typedef struct {
  double value, log_da;
} dual; /* a value and the derivative of its logarithm by a */

/* sum of x^n / ((a+1) … (a+n)) */
static dual p_series(double a, double x) {
  double t = 1, s = 0, g = 0, ds = 0; /* s: without its first term, the 1, so that it rounds less */
  for (int n = 1; n < MAX_TERMS && t > (1 + s) * EPS; n++) {
    t *= x / (a + n);
    g -= 1 / (a + n);
    s += t;
    ds += t * g;
  }
  return (dual){1 + s, ds / (1 + s)};
}

/* 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - …)), by Lentz; ci = 1 / c. Of a whole a it ends, but its derivative does not. */
static dual q_fraction(double a, double x, int derive) {
  double b = x + 1 - a, d = 1 / b, dd = 1 / b, ci = 0, dci = 0, h = d, dh = 1 / b; /* dd: log derivative of d */
  for (int n = 1, more = derive ? MORE_TERMS : 0; n < MAX_TERMS; n++) {
    double an = n * (a - n), c, dc, e, de;
    b += 2;
    e = an * d + b;
    de = n * d + an * d * dd - 1;
    c = an * ci + b;
    dc = n * ci + an * dci - 1;
    d = 1 / e;
    dd = -de / e;
    ci = 1 / c;
    dci = -dc / c / c;
    h *= c * d;
    dh += dc / c + dd;
    if (fabs(c * d - 1) <= 2 * EPS && (more-- <= 0 || fabs(dc / c + dd) <= EPS * (fabs(dh) + h))) break;
  }
  return (dual){h, dh};
}

/* Q or P = erfc(|eta| sqrt(a / 2)) / 2 ± R, eta^2 / 2 = x/a - 1 - log(x/a) */
static void temme(double a, double x, cx_tail *t) {
  static const double c[7][16] = {
      {-0.33333333333333331, 0.083333333333333329, -0.014814814814814815, 0.0011574074074074073, 0.00035273368606701942,
       -0.0001787551440329218, 3.9192631785224377e-05, -2.185448510679992e-06, -1.85406221071516e-06,
       8.2967113409530865e-07, -1.7665952736826078e-07, 6.7078535434014984e-09, 1.0261809784240309e-08,
       -4.3820360184533529e-09, 9.1476995822367902e-10, -2.5514193994946248e-11},
      {-0.0018518518518518519, -0.003472222222222222, 0.0026455026455026454, -0.00099022633744855963,
       0.00020576131687242798, -4.018775720164609e-07, -1.8098550334489977e-05, 7.6491609160811098e-06,
       -1.6120900894563446e-06, 4.647127802807434e-09, 1.3786334469157209e-07, -5.7525456035177047e-08,
       1.1951628599778148e-08, -1.7543241719747647e-11},
      {0.0041335978835978834, -0.0026813271604938273, 0.0007716049382716049, 2.0093878600823047e-06,
       -0.0001073665322636516, 5.2923448829120125e-05, -1.2760635188618728e-05, 3.4235787340961378e-08,
       1.3721957309062934e-06, -6.2989921383800548e-07, 1.4280614206064242e-07, -2.0477098421990866e-10},
      {0.00064943415637860077, 0.00022947209362139917, -0.0004691894943952557, 0.00026772063206283885,
       -7.5618016718839766e-05, -2.3965051138672968e-07, 1.1082654115347302e-05, -5.6749528269915965e-06,
       1.4230900732435883e-06, -2.7861080291528143e-11},
      {-0.00086188829091671173, 0.00078403922172006662, -0.00029907248030319018, -1.4638452578843418e-06,
       6.6414982154651219e-05, -3.9683650471794347e-05, 1.1375726970678419e-05, 2.5074972262375329e-10},
      {-0.00033679855336635813, -6.9728137583658571e-05, 0.00027727532449593918, -0.00019932570516188847,
       6.797780477937208e-05, 1.4190629206439671e-07},
      {0.00053130793646399225, -0.00059216643735369393, 0.0002708782096718045, 7.9023532326603281e-07},
  };
  static const int len[7] = {16, 14, 12, 10, 8, 6, 4};
  long double dev = cx_deviance(a, x, (long double)x - a);
  int upper = x >= a;
  double mu = (x - a) / a, s = (double)sqrtl(dev), eta = (upper ? s : -s) * sqrt(2 / a);
  double mu_eta = fabs(eta) < 1e-5 ? 1 + eta / 3 : mu / eta, eta_a = -mu_eta / a; /* d eta / d a */
  double sum = 0, sum_eta = 0, sum_a = 0; /* the sum of c_k(eta) a^-k, its derivatives by eta and by the a of a^-k */
  for (int k = 6; k >= 0; k--) {
    double v = 0, dv = 0;
    for (int n = len[k] - 1; n >= 0; n--) dv = dv * eta + v, v = v * eta + c[k][n];
    sum = sum / a + v;
    sum_eta = sum_eta / a + dv;
    sum_a = sum_a / a - k * v / a;
  }
  double w = 1 / (SQRT_2PI * sqrt(a)), factor = 0.5 * cx_erfcx(s) + (upper ? w : -w) * sum;
  /* of P: d s / d a = sqrt(a / 2) (eta_a + eta / 2a); d dev / d a = -log(x / a) */
  double da =
      sqrt(a) / SQRT_2PI * (eta_a + eta / (2 * a)) - w * (sum * (log1p(mu) - 0.5 / a) + sum_eta * eta_a + sum_a);
  t->factor = factor, t->exponent = dev, t->upper = upper, t->log_da = (upper ? -da : da) / factor;
}

static int is_small(double a, double x) { return a <= 0.5 && x < 1.5; }

static void gamma_tail(double a, double x, int derive, cx_tail *t) { /* a, x > 0 and finite */
  t->head = cx_gamma_head(a);
  if (a >= 100 && fabs(x - a) < 0.3 * a) {
    temme(a, x, t);
    return;
  }
  t->exponent = cx_deviance(a, x, (long double)x - a);
  t->upper = x >= a + 1 && !is_small(a, x);
  dual s = t->upper ? q_fraction(a, x, derive) : p_series(a, x);
  t->factor = t->upper ? t->head * s.value : t->head / a * s.value;
  double m = t->upper ? a : a + 1, lx = fabs(x - m) < 0.5 * m ? log1p((x - m) / m) : log(x / m);
  if (derive) t->log_da = lx - cx_digamma_rest(m) + s.log_da; /* log x - digamma(m) */
}

/* Q for small a, x where P is nearly 1: 1 - x^a / gamma(1 + a) (1 + sum of a (-x)^n / (n! (a + n))) */
static double q_small(double a, double x) {
  double l = a * log(x) - cx_lgamma1p_small(a), t = 1, s = 0;
  for (int n = 1; n < 60 && fabs(t) > EPS * 1e-2; n++) {
    t *= -x / n;
    s += t / (a + n);
  }
  return -expm1(l) - exp(l) * a * s;
}

int cx_gamma_both(double a, double x, int derive, cx_tail *t) {
  if (!(a > 0) || !(x >= 0) || (a == INFINITY && x == INFINITY)) return t->p = t->q = NAN, 0;
  if (x == 0 || a == INFINITY) return t->p = 0, t->q = 1, 0;
  if (x == INFINITY) return t->p = 1, t->q = 0, 0;
  gamma_tail(a, x, derive, t);
  double v = cx_scaled_exp(t->factor, t->exponent);
  t->p = t->upper ? 1 - v : v;
  t->q = t->upper ? v : 1 - v;
  if (t->p > 0.5 && is_small(a, x)) t->q = q_small(a, x), t->p = 1 - t->q;
  return 1;
}

double cx_gamma_p(double a, double x) {
  cx_tail t;
  return cx_gamma_both(a, x, 0, &t), t.p;
}
double cx_gamma_q(double a, double x) {
  cx_tail t;
  return cx_gamma_both(a, x, 0, &t), t.q;
}
double cx_log_gamma_p(double a, double x) {
  cx_tail t;
  return cx_gamma_both(a, x, 0, &t) ? cx_tail_log(&t, 0) : log(t.p);
}
double cx_log_gamma_q(double a, double x) {
  cx_tail t;
  return cx_gamma_both(a, x, 0, &t) ? cx_tail_log(&t, 1) : log(t.q);
}
static double derivative(double a, double x, int upper, int log) {
  cx_tail t;
  if (!cx_gamma_both(a, x, 1, &t)) return cx_tail_end(upper ? t.q : t.p, !upper, log);
  return cx_tail_derivative(&t, upper, t.log_da, log);
}
double cx_gamma_p_da(double a, double x) { return derivative(a, x, 0, 0); }
double cx_log_gamma_p_da(double a, double x) { return derivative(a, x, 0, 1); }
double cx_log_gamma_q_da(double a, double x) { return derivative(a, x, 1, 1); }
