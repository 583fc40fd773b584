/* test_quad_honest.c - ten thousand integrals with random parameters, each with what an analysis of its equation would
 * tell and again without. Not one may claim to be right and be worse than 1e-8. */
#include "check.h"
#include "quad/quad.h"

#include <float.h>
#include <stdlib.h>

static uint64_t state = 20241122;
static double uniform(double lo, double hi) { /* splitmix64 */
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return lo + (hi - lo) * ((double)((z ^ (z >> 31)) >> 11) * 0x1p-53);
}
static double decades(double lo, double hi) { return exp(uniform(log(lo), log(hi))); }

enum { MOST = 16 };
typedef struct trial trial;
struct trial {
  double (*f)(const trial *p, double x, double d, double at); /* d: x - at, exact; at NaN: none */
  double a[MOST];
  int n;
  double lo, hi, exact, size, frequency; /* size: what rounding is relative to */
  cx_quad_point point[2 * MOST];
  int npoint;
};

static void add_point(trial *t, cx_quad_point_kind kind, double x, double width) {
  int k = t->npoint++;
  for (; k > 0 && t->point[k - 1].x > x; k--) t->point[k] = t->point[k - 1];
  t->point[k] = (cx_quad_point){x, width, kind, 0};
}
static double off(double c, double x, double d, double at) { return at == c ? d : x - c; }

static double f_poly(const trial *p, double x, double d, double at) {
  double s = 0;
  (void)d, (void)at;
  for (int k = p->n - 1; k >= 0; k--) s = s * x + p->a[k];
  return s;
}
static void poly(trial *t) {
  t->f = f_poly, t->n = 1 + (int)uniform(0, 13), t->lo = uniform(-2, 1), t->hi = t->lo + uniform(0.1, 3);
  for (int k = 0; k < t->n; k++) {
    t->a[k] = uniform(-1, 1);
    double u = pow(t->hi, k + 1), v = pow(t->lo, k + 1);
    t->exact += t->a[k] * (u - v) / (k + 1);
    t->size += fabs(t->a[k]) * (fabs(u) + fabs(v));
  }
}

/* a[3k], a[3k+1], a[3k+2]: weight, place, width */
static double f_gauss(const trial *p, double x, double d, double at) {
  double s = 0;
  for (int k = 0; k < p->n; k++) {
    double z = off(p->a[3 * k + 1], x, d, at) / p->a[3 * k + 2];
    s += p->a[3 * k] * exp(-z * z);
  }
  return s;
}
static void gauss_sum(trial *t, int n, double narrow, double wide) {
  t->f = f_gauss, t->n = n;
  int shape = (int)uniform(0, 3);
  t->lo = shape == 2 ? -INFINITY : uniform(-3, 0), t->hi = shape ? INFINITY : uniform(2, 20);
  for (int k = 0; k < n; k++) {
    double w = decades(narrow, wide), c = uniform(-2, shape ? 5 : t->hi), h = decades(0.1, 10);
    t->a[3 * k] = h, t->a[3 * k + 1] = c, t->a[3 * k + 2] = w;
    double u = (t->lo - c) / w, v = (t->hi - c) / w;
    t->exact += h * w * sqrt(M_PI) / 2 * (u > 0 ? erfc(u) - erfc(v) : v < 0 ? erfc(-v) - erfc(-u) : erf(v) - erf(u));
    add_point(t, QP_PEAK, c, w);
  }
}
static void gauss(trial *t) { gauss_sum(t, 1, 1e-4, 10); }
static void gauss3(trial *t) { gauss_sum(t, 3, 0.05, 5); }
static void gauss_far(trial *t) {
  gauss_sum(t, 1, 0.2, 5);
  double c = uniform(-5000, 5000);
  t->a[1] = t->point->x = c, t->lo = -INFINITY, t->hi = INFINITY, t->exact = t->a[0] * t->a[2] * sqrt(M_PI);
}

static double f_lorentz(const trial *p, double x, double d, double at) {
  double s = 0;
  for (int k = 0; k < p->n; k++) {
    double z = off(p->a[3 * k + 1], x, d, at), w = p->a[3 * k + 2];
    s += p->a[3 * k] * w / (z * z + w * w);
  }
  return s;
}
static void lorentz(trial *t) {
  t->f = f_lorentz, t->n = 1 + (int)uniform(0, 4);
  int shape = (int)uniform(0, 3);
  t->lo = shape == 2 ? -INFINITY : uniform(-3, 0), t->hi = shape ? INFINITY : uniform(1, 20);
  for (int k = 0; k < t->n; k++) {
    double w = decades(1e-3, 3), c = uniform(-2, 5), h = decades(0.1, 10);
    t->a[3 * k] = h, t->a[3 * k + 1] = c, t->a[3 * k + 2] = w;
    t->exact += h * (atan((t->hi - c) / w) - atan((t->lo - c) / w));
    add_point(t, QP_PEAK, c, w);
  }
}

/* |x - c|^p */
static double f_power(const trial *p, double x, double d, double at) {
  return pow(fabs(off(p->a[0], x, d, at)), p->a[1]);
}
static void power(trial *t) {
  t->f = f_power, t->lo = uniform(-1, 0), t->hi = uniform(0.5, 2);
  int where = (int)uniform(0, 4);
  double c = where == 0 ? 0 : where == 1 ? t->lo : where == 2 ? t->hi : uniform(t->lo, t->hi), p = uniform(-0.9, 4);
  if (!where) t->lo = 0;
  t->a[0] = c, t->a[1] = p;
  t->exact = (pow(c - t->lo, p + 1) + pow(t->hi - c, p + 1)) / (p + 1);
  add_point(t, QP_SINGULAR, c, 0);
}

static double f_log(const trial *p, double x, double d, double at) {
  return p->a[1] + log(fabs(off(p->a[0], x, d, at)));
}
static void logarithm(trial *t) {
  t->f = f_log, t->lo = uniform(-1, 0), t->hi = uniform(0.5, 2);
  double c = t->a[0] = uniform(t->lo, t->hi), u = t->hi - c, v = c - t->lo;
  t->a[1] = uniform(-3, 3);
  t->exact = t->a[1] * (u + v) + u * log(u) - u + v * log(v) - v;
  t->size = fabs(t->a[1]) * (u + v) + fabs(u * log(u)) + fabs(v * log(v)) + u + v;
  add_point(t, QP_SINGULAR, c, 0);
}

static double f_wave(const trial *p, double x, double d, double at) {
  (void)d, (void)at;
  return exp(p->a[2] * x) * cos(p->a[0] * x + p->a[1]);
}
static double wave_to(const trial *t, double x) { /* antiderivative */
  double w = t->a[0], k = t->a[2], u = w * x + t->a[1];
  return exp(k * x) * (k * cos(u) + w * sin(u)) / (w * w + k * k);
}
static void wave(trial *t) {
  t->f = f_wave, t->lo = uniform(-1, 0), t->hi = uniform(0.5, 3);
  t->a[0] = decades(0.1, 3000), t->a[1] = uniform(0, 6), t->a[2] = uniform(-1, 1);
  t->exact = wave_to(t, t->hi) - wave_to(t, t->lo);
  t->size = 10;
  if (uniform(0, 1) < 0.5) t->frequency = t->a[0];
}
static void damped(trial *t) {
  t->f = f_wave, t->lo = uniform(-1, 1), t->hi = INFINITY;
  t->a[0] = decades(0.1, 200), t->a[1] = uniform(0, 6), t->a[2] = -decades(0.05, 5);
  t->exact = -wave_to(t, t->lo);
  t->size = 1 / fabs(t->a[2]);
  if (uniform(0, 1) < 0.5) t->frequency = t->a[0];
}

static double f_steps(const trial *p, double x, double d, double at) {
  double s = 0;
  (void)d, (void)at;
  for (int k = 0; k < p->n; k++) s += x >= p->a[2 * k] ? p->a[2 * k + 1] : 0;
  return s * exp(x);
}
static void steps(trial *t) {
  t->f = f_steps, t->lo = uniform(-2, 0), t->hi = uniform(1, 3), t->n = 1 + (int)uniform(0, 7);
  for (int k = 0; k < t->n; k++) {
    double c = t->a[2 * k] = uniform(t->lo, t->hi), h = t->a[2 * k + 1] = uniform(0.1, 2);
    t->exact += h * (exp(t->hi) - exp(c));
    add_point(t, QP_BREAK, c, 0);
  }
}

static double f_kinks(const trial *p, double x, double d, double at) {
  double s = cos(x);
  for (int k = 0; k < p->n; k++) s += p->a[2 * k + 1] * fabs(off(p->a[2 * k], x, d, at));
  return s;
}
static void kinks(trial *t) {
  t->f = f_kinks, t->lo = uniform(-2, 0), t->hi = uniform(1, 3), t->n = 1 + (int)uniform(0, 7);
  t->exact = sin(t->hi) - sin(t->lo);
  for (int k = 0; k < t->n; k++) {
    double c = t->a[2 * k] = uniform(t->lo, t->hi), h = t->a[2 * k + 1] = uniform(0.1, 2);
    t->exact += h * ((t->hi - c) * (t->hi - c) + (t->lo - c) * (t->lo - c)) / 2;
    add_point(t, QP_BREAK, c, 0);
  }
}

/* x^(p-1) exp(-k x) */
static double f_gamma(const trial *p, double x, double d, double at) {
  double u = off(0, x, d, at);
  return pow(u, p->a[0] - 1) * exp(-p->a[1] * u);
}
static void gamma_density(trial *t) {
  t->f = f_gamma, t->lo = 0, t->hi = INFINITY;
  t->a[0] = decades(0.1, 30), t->a[1] = decades(0.01, 100);
  t->exact = exp(lgamma(t->a[0]) - t->a[0] * log(t->a[1]));
  add_point(t, QP_SINGULAR, 0, 0);
  if (t->a[0] > 2) add_point(t, QP_PEAK, (t->a[0] - 1) / t->a[1], sqrt(t->a[0] - 1) / t->a[1]);
}

static double f_beta(const trial *p, double x, double d, double at) {
  return pow(off(0, x, d, at), p->a[0] - 1) * pow(-off(1, x, d, at), p->a[1] - 1);
}
static void beta(trial *t) {
  t->f = f_beta, t->lo = 0, t->hi = 1;
  t->a[0] = decades(0.1, 20), t->a[1] = decades(0.1, 20);
  t->exact = exp(lgamma(t->a[0]) + lgamma(t->a[1]) - lgamma(t->a[0] + t->a[1]));
  add_point(t, QP_SINGULAR, 0, 0);
  add_point(t, QP_SINGULAR, 1, 0);
}

static double f_tail(const trial *p, double x, double d, double at) {
  (void)d, (void)at;
  return pow(1 + x / p->a[1], -p->a[0]);
}
static void tail(trial *t) {
  t->f = f_tail, t->lo = 0, t->hi = INFINITY;
  t->a[0] = 1 + decades(0.05, 5), t->a[1] = decades(0.01, 100);
  t->exact = t->a[1] / (t->a[0] - 1);
}

static double f_chirp(const trial *p, double x, double d, double at) {
  (void)d, (void)at;
  return cos(p->a[0] * x * x);
}
static void chirp(trial *t) {
  t->f = f_chirp, t->lo = 0, t->hi = INFINITY;
  t->a[0] = decades(0.01, 100);
  t->exact = sqrt(M_PI / (8 * t->a[0]));
}

static double f_sine_power(const trial *p, double x, double d, double at) {
  double u = off(0, x, d, at);
  return pow(u, p->a[0] - 1) * sin(p->a[1] * u);
}
static void sine_power(trial *t) { /* Gamma(p) sin(pi p / 2) / w^p */
  t->f = f_sine_power, t->lo = 0, t->hi = INFINITY;
  double p = t->a[0] = uniform(-0.7, 0.9), w = t->a[1] = decades(0.05, 50);
  t->exact = tgamma(p) * sin(M_PI * p / 2) / pow(w, p);
  add_point(t, QP_SINGULAR, 0, 0);
  if (uniform(0, 1) < 0.5) t->frequency = w;
}

static double f_front(const trial *p, double x, double d, double at) { return tanh(off(p->a[0], x, d, at) / p->a[1]); }
static void front(trial *t) {
  t->f = f_front, t->lo = uniform(-2, 0), t->hi = uniform(1, 3);
  double c = t->a[0] = uniform(t->lo, t->hi), w = t->a[1] = decades(1e-4, 1), u = (t->hi - c) / w, v = (c - t->lo) / w;
  t->exact = w * (u + log1p(exp(-2 * u)) - v - log1p(exp(-2 * v)));
  t->size = t->hi - t->lo;
  add_point(t, QP_PEAK, c, w);
}

static double f_root_wave(const trial *p, double x, double d, double at) {
  double u = off(0, x, d, at);
  return cos(p->a[0] * sqrt(u)) / sqrt(u);
}
static void root_wave(trial *t) {
  t->f = f_root_wave, t->lo = 0, t->hi = decades(0.1, 10);
  t->a[0] = decades(0.1, 300);
  t->exact = 2 * sin(t->a[0] * sqrt(t->hi)) / t->a[0];
  t->size = 2 * sqrt(t->hi);
  add_point(t, QP_SINGULAR, 0, 0);
}

static double f_odd(const trial *p, double x, double d, double at) {
  (void)d, (void)at;
  return sin(p->a[0] * x) + p->a[1] * x * x;
}
static void odd(trial *t) {
  t->f = f_odd, t->hi = uniform(1, 10), t->lo = -t->hi;
  t->a[0] = uniform(0.1, 20), t->a[1] = decades(1e-20, 1);
  t->exact = t->a[1] * 2 * t->hi * t->hi * t->hi / 3;
  t->size = t->hi;
}

static int eval(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                double *f) {
  const trial *p = user;
  (void)instance;
  for (int64_t k = 0; k < n; k++)
    f[k] = side ? p->f(p, at[k] - side * t[k], -side * t[k], at[k]) : p->f(p, t[k], NAN, NAN);
  return 0;
}

static const struct {
  const char *name;
  void (*make)(trial *);
  int count;
} family[] = {
    {"polynomial", poly, 800},
    {"Gauss", gauss, 800},
    {"three Gauss", gauss3, 600},
    {"far Gauss", gauss_far, 200},
    {"Lorentz", lorentz, 800},
    {"power", power, 1000},
    {"logarithm", logarithm, 400},
    {"wave", wave, 800},
    {"damped wave", damped, 400},
    {"steps", steps, 400},
    {"kinks", kinks, 400},
    {"gamma", gamma_density, 800},
    {"beta", beta, 800},
    {"algebraic tail", tail, 400},
    {"Fresnel", chirp, 200},
    {"sine over power", sine_power, 400},
    {"front", front, 600},
    {"wave of a root", root_wave, 400},
    {"odd and a little", odd, 400},
};

int main(void) {
  cx_quad_work *w = cx_quad_work_new();
  int trials = 0;
  for (size_t i = 0; i < sizeof family / sizeof *family; i++) {
    int lies = 0, met[2] = {0, 0}, short_error = 0;
    double nodes[2] = {0, 0};
    for (int k = 0; k < family[i].count; k++) {
      trial t = {0};
      family[i].make(&t);
      for (int blind = 0; blind < 2; blind++) {
        cx_quad q = {.ncomp = 1, .user = &t, .eval = eval};
        cx_quad_range r = {t.lo, t.hi, t.point, t.npoint, t.frequency, true};
        if (blind) r = (cx_quad_range){t.lo, t.hi, NULL, 0, 0, false};
        double value, error;
        cx_quad_report report;
        cx_quad_run(&q, w, 1, &r, &value, &error, &report);
        /* the closed form itself is exact to rounding of its terms only */
        double wrong = fabs(value - t.exact), slack = 1e-13 * fmax(t.size, fabs(t.exact));
        bool lie = report.status == QUAD_OK && !(wrong <= 1e-8 * fabs(t.exact) + slack);
        trials++;
        met[blind] += report.status == QUAD_OK || report.status == QUAD_ROUNDOFF;
        nodes[blind] += (double)report.evaluations;
        short_error += !(wrong <= error + slack) && !isnan(value);
        if (!lie) continue;
        lies++;
        fprintf(stderr, "%s%s %d: %.17g, exact %.17g, error %.1e, %ld nodes; lo %.17g hi %.17g a %.17g %.17g %.17g\n",
                family[i].name, blind ? ", blind" : "", k, value, t.exact, error, (long)report.evaluations, t.lo, t.hi,
                t.a[0], t.a[1], t.a[2]);
      }
    }
    CHECK(lies == 0);
    CHECK(met[0] >= family[i].count * 99 / 100); /* with its points nearly everything is done */
    printf("%-18s %5d: done %5d, blind %5d; nodes %7.0f, blind %7.0f; lies %d, error too small %d\n", family[i].name,
           family[i].count, met[0], met[1], nodes[0] / family[i].count, nodes[1] / family[i].count, lies, short_error);
  }
  CHECK(trials >= 10000);
  cx_quad_work_free(w);
  return CHECK_DONE();
}
