/* special_incomplete.c - regularised incomplete gamma and beta functions and their first derivatives.
 * Sources: gamma: series DLMF 8.11.4, continued fraction 8.9.2, Temme's uniform expansion 8.12.3-4 with the
 * coefficients 8.12.12 for a >= 100 near x = a, Gautschi's split (ACM TOMS 5, 1979) for Q at small a. beta: continued
 * fraction DLMF 8.17.22, contracted. Both densities in Loader's saddle-point form (Fast and accurate computation of
 * binomial probabilities, 2000). Derivatives by the shapes: the same series and fractions, differentiated term
 * by term; all terms have one sign in the tail where each is used. */
#include "run/special.h"
#include <math.h>

#define SQRT_2PI  2.50662827463100050242
#define EPS       1.1102230246251565e-16
#define MAX_TERMS 100000 /* the beta fraction needs some sqrt(max(a, b)) near the mean; NaN where that is not enough */

/* a log(a / x) + x - a, given d = x - a, without cancellation near d = 0 (Loader's bd0) */
static double deviance(double a, double x, double d) {
  double sum = a + x;
  if (fabs(d) >= 0.1 * sum) return d - a * log(x / a);
  double v = d / sum, s = d * v, t = -2 * a * v;
  v *= v;
  for (int k = 3; k < 100; k += 2) {
    t *= v;
    double next = s + t / k;
    if (next == s) break;
    s = next;
  }
  return s;
}

/* ---- gamma ---- */
double cx_gamma_p_dx(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0) return a < 1 ? INFINITY : a == 1;
  if (x == INFINITY || a == INFINITY) return 0;
  if (a < 10) {
    if (a == 1) return exp(-x);
    double p = pow(x, a - 1); /* gamma(a) = gamma(a + 1) / a holds out at tiny a */
    return isfinite(p) ? a * p * exp(-x) / tgamma(a + 1) : a * pow(x, a) * exp(-x) / tgamma(a + 1) / x;
  }
  return exp(-deviance(a, x, x - a) - cx_stirling_rest(a)) * sqrt(a) / SQRT_2PI / x;
}

typedef struct {
  double value, log_da;
} dual; /* a value and the derivative of its logarithm by a */

/* sum of x^n / ((a+1) … (a+n)) */
static dual p_series(double a, double x) {
  double t = 1, s = 1, g = 0, ds = 0;
  for (int n = 1; n < MAX_TERMS && t > s * EPS; n++) {
    t *= x / (a + n);
    g -= 1 / (a + n);
    s += t;
    ds += t * g;
  }
  return (dual){s, ds / s};
}

/* 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - …)), by Lentz; ci = 1 / c */
static dual q_fraction(double a, double x) {
  double b = x + 1 - a, d = 1 / b, dd = 1 / b, ci = 0, dci = 0, h = d, dh = 1 / b; /* dd: log derivative of d */
  for (int n = 1; n < MAX_TERMS; n++) {
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
    if (fabs(c * d - 1) <= 2 * EPS) break;
  }
  return (dual){h, dh};
}

/* Q (upper) or P = erfc(± eta sqrt(a / 2)) / 2 ± R, eta^2 / 2 = x/a - 1 - log(x/a); *da: derivative of P by a */
static double temme(double a, double x, int upper, double *da) {
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
  double mu = (x - a) / a, dev = deviance(a, x, x - a), eta = copysign(sqrt(2 * dev / a), mu), s = eta * sqrt(0.5 * a);
  double mu_eta = fabs(eta) < 1e-5 ? 1 + eta / 3 : mu / eta, eta_a = -mu_eta / a; /* d eta / d a */
  double sum = 0, sum_eta = 0, sum_a = 0; /* the sum of c_k(eta) a^-k, its derivatives by eta and by the a of a^-k */
  for (int k = 6; k >= 0; k--) {
    double v = 0, dv = 0;
    for (int n = len[k] - 1; n >= 0; n--) dv = dv * eta + v, v = v * eta + c[k][n];
    sum = sum / a + v;
    sum_eta = sum_eta / a + dv;
    sum_a = sum_a / a - k * v / a;
  }
  double e = exp(-dev), w = e / (SQRT_2PI * sqrt(a)), r = w * sum;
  if (da) /* d s / d a = sqrt(a / 2) (eta_a + eta / 2a); d dev / d a = -log(x / a) = log(a / x) */
    *da =
        e / SQRT_2PI * sqrt(a) * (eta_a + eta / (2 * a)) - (r * (log1p(mu) - 0.5 / a) + w * (sum_eta * eta_a + sum_a));
  return upper ? 0.5 * erfc(s) + r : 0.5 * erfc(-s) - r;
}

static int temme_holds(double a, double x) { return a >= 100 && fabs(x - a) < 0.3 * a; }

/* log gamma(1 + a), 0 <= a <= 0.5, to full relative accuracy: DLMF 5.7.3 */
static double lgamma1p(double a) {
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

/* Q for small a, x where P is nearly 1: 1 - x^a / gamma(1 + a) (1 + sum of a (-x)^n / (n! (a + n))) */
static double q_small(double a, double x) {
  double l = a * log(x) - lgamma1p(a), t = 1, s = 0;
  for (int n = 1; n < 60 && fabs(t) > EPS * 1e-2; n++) {
    t *= -x / n;
    s += t / (a + n);
  }
  return -expm1(l) - exp(l) * a * s;
}

/* P or Q. The one that is small is computed, the other is its complement. */
static double gamma_inc(double a, double x, int upper) {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0 || (a == INFINITY && x < a)) return upper;
  if (x == INFINITY) return a == INFINITY ? NAN : !upper;
  if (temme_holds(a, x)) return temme(a, x, upper, 0);
  if (a < 0.5 && x < 1.5 && upper) return q_small(a, x);
  int tail = x >= a + 1; /* 1: Q is the small one */
  double f = cx_gamma_p_dx(a, x) * x, v = f == 0 ? 0 : tail ? f * q_fraction(a, x).value : f / a * p_series(a, x).value;
  return tail == upper ? v : 1 - v;
}

double cx_gamma_p(double a, double x) { return gamma_inc(a, x, 0); }
double cx_gamma_q(double a, double x) { return gamma_inc(a, x, 1); }

double cx_gamma_p_da(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return NAN;
  if (x == 0 || x == INFINITY || a == INFINITY) return 0;
  double da;
  if (temme_holds(a, x)) return temme(a, x, 0, &da), da;
  double f = cx_gamma_p_dx(a, x) * x;
  if (f == 0) return 0;
  if (x < a + 1) {
    dual s = p_series(a, x);
    return f / a * s.value * (log(x) - cx_digamma(a + 1) + s.log_da);
  }
  dual q = q_fraction(a, x);
  return -f * q.value * (log(x) - cx_digamma(a) + q.log_da);
}

/* ---- beta ---- */
/* with y = 1 - x given as exactly as it is known */
static double beta_density(double a, double b, double x, double y) {
  if (x == 0) return a < 1 ? INFINITY : a == 1 ? b : 0;
  if (y == 0) return b < 1 ? INFINITY : b == 1 ? a : 0;
  double n = a + b, off = b * x - a * y, d = deviance(a, n * x, off) + deviance(b, n * y, -off);
  double g = a >= 10 && b >= 10 ? exp(cx_stirling_rest(n) - cx_stirling_rest(a) - cx_stirling_rest(b) - d)
                                : cx_gamma_star(n) / cx_gamma_star(a) / cx_gamma_star(b) * exp(-d);
  return g / SQRT_2PI * sqrt(a) * sqrt(b / n) / x / y;
}

typedef struct {
  double value, da, db;
} triple; /* a value and its derivatives by a and b */

/* The fraction 8.17.22, contracted to its even part as in DiDonato & Morris, Algorithm 708 (1992), eq. 9: it contains
 * lambda = a - (a + b) x, which is a y - b x without cancellation. Derivatives are those of the logarithm. */
static triple beta_fraction(double a, double b, double x, double y) {
  double lambda = a * y - b * x;
  triple h = {1, 0, 0}, d = {0, 0, 0}, ci = {0, 0, 0}; /* Lentz: ci = 1 / c; d, ci with plain derivatives */
  for (int n = 0; n < MAX_TERMS; n++) {
    double p = n ? a + 2 * n - 1 : 1, q = a + 2 * n + 1, r = a + b + n - 1;
    double w = lambda + 1 + n * (1 + y), u = (a + n) / q;
    triple t = {n + n * (b - n) * x / p + u * w, -n * (b - n) * x / p / p + (1 - u) / q * w + u * y, n * x / p - u * x};
    triple s = {1, 0, 0};
    if (n) {
      double k = (a + n - 1) / p * (r / p) * n * x * x;
      s = (triple){k * (b - n), k * (b - n) * (1 / (a + n - 1) + 1 / r - 2 / p), k * ((b - n) / r + 1)};
    }
    triple e = {t.value + s.value * d.value, t.da + s.da * d.value + s.value * d.da,
                t.db + s.db * d.value + s.value * d.db};
    triple c = {t.value + s.value * ci.value, t.da + s.da * ci.value + s.value * ci.da,
                t.db + s.db * ci.value + s.value * ci.db};
    if (!n) c = (triple){1, 0, 0};
    d = (triple){1 / e.value, -e.da / e.value / e.value, -e.db / e.value / e.value};
    ci = n ? (triple){1 / c.value, -c.da / c.value / c.value, -c.db / c.value / c.value} : (triple){0, 0, 0};
    double f = c.value * d.value;
    h.value *= f;
    h.da += c.da / c.value - e.da / e.value;
    h.db += c.db / c.value - e.db / e.value;
    if (n && fabs(f - 1) <= 2 * EPS) return h;
  }
  return (triple){NAN, NAN, NAN};
}

/* I_x(a, b) by the fraction, with its derivatives; lx, ly: log x, log y */
static triple beta_direct(double a, double b, double x, double y, double lx, double ly, int derivatives) {
  double v = beta_density(a, b, x, y) * x * y;
  if (!(v > 0)) return (triple){v, v, v};
  triple f = beta_fraction(a, b, x, y);
  v *= f.value;
  if (!derivatives) return (triple){v, 0, 0};
  return (triple){v, v * (lx + cx_digamma_rise(a, b) + f.da), v * (ly + cx_digamma_rise(b, a) + f.db)};
}

static triple beta_all(double a, double b, double x, int derivatives) {
  if (!(a > 0 && a < INFINITY) || !(b > 0 && b < INFINITY) || !(x >= 0 && x <= 1)) return (triple){NAN, NAN, NAN};
  if (x == 0 || x == 1) return (triple){x, 0, 0};
  double y = 1 - x, lx = log(x), ly = log1p(-x);
  if (x > (a + 1) / (a + b + 2)) {
    triple u = beta_direct(b, a, y, x, ly, lx, derivatives);
    if (u.value < 0.7) return (triple){1 - u.value, -u.db, -u.da};
  } /* the complement would cancel: the fraction still converges, only slower */
  return beta_direct(a, b, x, y, lx, ly, derivatives);
}

double cx_beta_inc(double a, double b, double x) { return beta_all(a, b, x, 0).value; }
double cx_beta_inc_da(double a, double b, double x) { return beta_all(a, b, x, 1).da; }
double cx_beta_inc_db(double a, double b, double x) { return beta_all(a, b, x, 1).db; }
double cx_beta_inc_dx(double a, double b, double x) {
  return a > 0 && b > 0 && x >= 0 && x <= 1 ? beta_density(a, b, x, 1 - x) : NAN;
}
