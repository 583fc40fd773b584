/* special_betainc.c - the regularised incomplete beta functions I_x(a, b) and 1 - I_x(a, b), their logarithms and first
 * derivatives. As in special_gammainc.c, the tail that is small is computed as factor * exp(-exponent), with the
 * exponent a sum of two deviances. A point is (x, y), y = 1 - x: the smaller of the two is exact.
 * Sources: continued fraction DLMF 8.17.22, contracted to its even part as in DiDonato & Morris, Algorithm 708 (1992),
 * eq. 9; the power series 8.17.7 for the complement of a large tail at small a. For two large shapes the fraction is
 * slow near the mean, and the integral itself is easy: its integrand, over its value at x, is close to
 * exp(-k1 u - k2 u^2), which 32 nodes of Gauss and Legendre integrate to the last digit. Derivatives by the shapes: the
 * same, differentiated term by term. */
#include "run/special_int.h"
#include <math.h>

#define LARGE 500 /* shapes from which on the quadrature is used */

typedef struct {
  double value, da, db;
} triple; /* a value and its derivatives by a and b */

/* b x - a y, without its cancellation, given the exact one of x and y = 1 - x */
static long double offset(double a, double b, double x, double y) {
  if (x > y) return -offset(b, a, y, x);
  double p = a * x, q = b * x;
  return ((p - (long double)a) + q) + (fma(a, x, -p) + fma(b, x, -q));
}

/* x^a y^b / B(a, b) = *head exp(-result), off = b x - a y */
static long double beta_power(double a, double b, double x, double y, long double off, double *head) {
  long double n = (long double)a + b;
  long double x_ = x > y ? 1 - (long double)y : x, y_ = x > y ? y : 1 - (long double)x;
  *head = cx_gamma_head(a) * cx_gamma_head(b) / cx_gamma_head(a + b);
  return cx_deviance(a, n * x_, off) + cx_deviance(b, n * y_, -off);
}

double cx_beta_inc_dx(double a, double b, double x) {
  double y = 1 - x, head;
  if (!(a > 0 && a < INFINITY && b > 0 && b < INFINITY && x >= 0 && x <= 1)) return NAN;
  if (x == 0) return a < 1 ? INFINITY : a == 1 ? b : 0;
  if (y == 0) return b < 1 ? INFINITY : b == 1 ? a : 0;
  long double e = beta_power(a, b, x, y, offset(a, b, x, y), &head);
  return x < 1e-290 ? cx_scaled_exp(head, e + logl(x)) : cx_scaled_exp(head / x / y, e);
}

double cx_log_beta_pdf(double a, double b, double x) {
  double y = 1 - x, head;
  if (!(a > 0 && a < INFINITY && b > 0 && b < INFINITY && x >= 0 && x <= 1)) return NAN;
  if (x == 0) return a < 1 ? INFINITY : a == 1 ? log(b) : -INFINITY;
  if (y == 0) return b < 1 ? INFINITY : b == 1 ? log(a) : -INFINITY;
  long double e = beta_power(a, b, x, y, offset(a, b, x, y), &head);
  return (double)(logl(head) - logl(x) - log1pl(-(long double)x) - e);
}

/* I_x(a, b) B(a, b) / (x^a y^b) by the fraction, x below the mean or not far above it; lambda = a y - b x. The
 * derivatives are those of the logarithm. */
static triple fraction(double a, double b, double x, double y, double lambda, int derive) {
  triple h = {1, 0, 0}, d = {0, 0, 0}, ci = {0, 0, 0}; /* Lentz: ci = 1 / c; d, ci with plain derivatives */
  for (int n = 0, more = derive ? MORE_TERMS : 0; n < MAX_TERMS; n++) {
    double step = 0;
    double m = n - 1, p = n ? a + (n + m) : 1, q = a + (2 * n + 1),
           r = a + b + m; /* m: a + 1 - 1 would lose a small a */
    double w = lambda + 1 + n * (1 + y), u = (a + n) / q, v = n * x / p, k = n ? (a + m) / p * r / p * n * x * x : 0;
    double t = n + v * (b - n) + u * w, s = n ? k * (b - n) : 1;
    double e = t + s * d.value, c = n ? t + s * ci.value : 1, f = c / e;
    if (derive) {
      double ta = -v * (b - n) / p + (1 - u) / q * w + u * y, tb = v - u * x;
      double sa = n ? s * (1 / (a + m) + 1 / r - 2 / p) : 0, sb = n ? k * ((b - n) / r + 1) : 0;
      double ea = ta + sa * d.value + s * d.da, eb = tb + sb * d.value + s * d.db;
      double ca = n ? ta + sa * ci.value + s * ci.da : 0, cb = n ? tb + sb * ci.value + s * ci.db : 0;
      h.da += ca / c - ea / e;
      h.db += cb / c - eb / e;
      step = fmax(fabs(ca / c - ea / e) / (fabs(h.da) + h.value), fabs(cb / c - eb / e) / (fabs(h.db) + h.value));
      d.da = -ea / e / e, d.db = -eb / e / e;
      ci.da = n ? -ca / c / c : 0, ci.db = n ? -cb / c / c : 0;
    }
    d.value = 1 / e, ci.value = n ? 1 / c : 0;
    h.value *= f;
    if (n && fabs(f - 1) <= 2 * EPS && (more-- <= 0 || step <= EPS)) return h; /* of a whole b the value ends first */
  }
  return (triple){NAN, NAN, NAN};
}

/* log(1 + u) - u, |u| < 0.6 */
static double log1p_minus(double u) {
  double r = u / (2 + u), w = r * r, s = 0;
  for (int k = 27; k >= 3; k -= 2) s = s * w + 1. / k;
  return r * (2 * w * s - u);
}

/* the same by quadrature over t = x (1 - u), for a and b large, x not above the mean */
static triple quadrature(double a, double b, double x, double y, double lambda) {
  static const double node[16][2] = {
      {0.9972638618494815635, 0.0070186100094700966},  {0.9856115115452683354, 0.01627439473090567061},
      {0.9647622555875064308, 0.02539206530926205946}, {0.9349060759377396892, 0.0342738629130214331},
      {0.896321155766052124, 0.04283589802222668066},  {0.8493676137325699701, 0.0509980592623761762},
      {0.794483795967942407, 0.05868409347853554715},  {0.7321821187402896804, 0.06582222277636184684},
      {0.663044266930215201, 0.07234579410884850623},  {0.587715757240762329, 0.07819389578707030647},
      {0.50689990893222939, 0.08331192422694675522},   {0.4213512761306353454, 0.08765209300440381114},
      {0.3318686022821276498, 0.09117387869576388471}, {0.2392873622521370745, 0.09384439908080456564},
      {0.1444719615827964935, 0.09563872007927485942}, {0.04830766568773831623, 0.09654008851472780057},
  };
  double odds = x / y, k1 = (lambda - y + x) / y, k2 = 0.5 * (a + b * odds * odds),
         end = 88 / (k1 + sqrt(k1 * k1 + 176 * k2));
  triple h = {0, 0, 0};
  for (int i = 0; i < 32; i++) {
    double u = 0.5 * end * (1 + (i < 16 ? -1 : 1) * node[i % 16][0]), v = u * odds;
    double lx = log1p_minus(-u), ly = log1p_minus(v), g = exp((a - 1) * lx + (b - 1) * ly - k1 * u) * node[i % 16][1];
    h.value += g;
    h.da += g * (lx - u);
    h.db += g * (ly + v);
  }
  return (triple){h.value * 0.5 * end / y, h.da / h.value, h.db / h.value};
}

/* 1 - I_x(a, b) where that is small because a is, and b x is at most about 1: DLMF 8.17.7 with its leading power
 * x^a / (a B(a, b)) = exp(l) taken apart, so that everything is proportional to a */
static double complement_small(double a, double b, double x) {
  double z = b, l = -cx_lgamma1p_small(a), t = 1, s = 0;
  for (; z < 10; z += 1) l -= log1p(a / z);
  l += a * log(x * z) + ((z + a - 0.5) * log1p(a / z) - a) + (cx_stirling_rest(z + a) - cx_stirling_rest(z));
  for (int n = 1; n < MAX_TERMS && fabs(t) > EPS * 1e-2; n++) {
    t *= (n - b) / n * x;
    s += t / (a + n);
  }
  return -expm1(l) - exp(l) * a * s;
}

/* the lower tail, x not above the mean by more than a little */
static void lower_tail(double a, double b, double x, double y, long double off, int derive, cx_tail *t) {
  double lambda = (double)-off;
  t->exponent = beta_power(a, b, x, y, off, &t->head);
  triple f = a >= LARGE && b >= LARGE ? quadrature(a, b, x, y, lambda) : fraction(a, b, x, y, lambda, derive);
  t->factor = t->head * f.value;
  t->p = cx_scaled_exp(t->factor, t->exponent);
  t->q = 1 - t->p;
  if (t->p > 0.5 && a <= 0.5) t->q = complement_small(a, b, x), t->p = 1 - t->q;
  if (!derive) return;
  double rest = cx_digamma_rest(a + b); /* log x - digamma(a) + digamma(a + b), and likewise of y and b */
  double lx = fabs(lambda) < 0.5 * a ? log1p(-lambda / a) : log(x) + log1p(b / a);
  double ly = fabs(lambda) < 0.5 * b ? log1p(lambda / b) : log1p(-x) + log1p(a / b);
  t->log_da = lx - cx_digamma_rest(a) + rest + f.da;
  t->log_db = ly - cx_digamma_rest(b) + rest + f.db;
}

int cx_beta_both(double a, double b, double x, double y, int derive, cx_tail *t) {
  if (!(a > 0 && a < INFINITY) || !(b > 0 && b < INFINITY) || !(x >= 0 && y >= 0)) return t->p = t->q = NAN, 0;
  if (x == 0 || y == 0) return t->p = y == 0, t->q = x == 0, 0;
  long double off = offset(a, b, x, y);
  t->upper = off + x > y; /* x > (a + 1) / (a + b + 2) */
  if (!t->upper) return lower_tail(a, b, x, y, off, derive, t), 1;
  lower_tail(b, a, y, x, -off, derive, t); /* the mirror image */
  double p = t->p, da = t->log_da;
  t->p = t->q, t->q = p;
  if (derive) t->log_da = t->log_db, t->log_db = da;
  return 1;
}

double cx_beta_inc(double a, double b, double x) {
  cx_tail t;
  return cx_beta_both(a, b, x, 1 - x, 0, &t), t.p;
}
double cx_beta_incc(double a, double b, double x) {
  cx_tail t;
  return cx_beta_both(a, b, x, 1 - x, 0, &t), t.q;
}
double cx_log_beta_inc(double a, double b, double x) {
  cx_tail t;
  return cx_beta_both(a, b, x, 1 - x, 0, &t) ? cx_tail_log(&t, 0) : log(t.p);
}
double cx_log_beta_incc(double a, double b, double x) {
  cx_tail t;
  return cx_beta_both(a, b, x, 1 - x, 0, &t) ? cx_tail_log(&t, 1) : log(t.q);
}
/* the derivative of log I or of I by a, of I by b: that of the tail's logarithm, times the tail where it is no log */
static double derivative(double a, double b, double x, int upper, int by_b, int log) {
  cx_tail t;
  if (!cx_beta_both(a, b, x, 1 - x, 1, &t)) return cx_tail_end(upper ? t.q : t.p, upper == by_b, log);
  return cx_tail_derivative(&t, upper, by_b ? t.log_db : t.log_da, log);
}
double cx_beta_inc_da(double a, double b, double x) { return derivative(a, b, x, 0, 0, 0); }
double cx_beta_inc_db(double a, double b, double x) { return derivative(a, b, x, 0, 1, 0); }
double cx_log_beta_inc_da(double a, double b, double x) { return derivative(a, b, x, 0, 0, 1); }
double cx_log_beta_inc_db(double a, double b, double x) { return derivative(a, b, x, 0, 1, 1); }
double cx_log_beta_incc_da(double a, double b, double x) { return derivative(a, b, x, 1, 0, 1); }
double cx_log_beta_incc_db(double a, double b, double x) { return derivative(a, b, x, 1, 1, 1); }
