/* test_quad.c - one-dimensional quadrature against closed forms, with and without knowledge of the integrand; what has
 * no value must say so. */
#include "check.h"
#include "quad/quad.h"
#include "quad/rule.h"

#include <float.h>
#include <stdlib.h>

/* f(x, d): d is the exact distance to `at`, where the point of evaluation is given so, and else NAN */
typedef double (*integrand)(double x, double d, double at);
static int eval(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                double *f) {
  integrand g;
  (void)instance;
  memcpy(&g, user, sizeof g);
  for (int64_t k = 0; k < n; k++)
    f[k] = side ? g(at[k] - side * t[k], side > 0 ? -t[k] : t[k], at[k]) : g(t[k], NAN, NAN);
  return 0;
}

/* distance of x from p, exact where p is the point of evaluation */
static double from(double p, double x, double d, double at) { return fabs(at - p) < 1e-14 ? d : x - p; }
#define F(name, expr)                                 \
  static double name(double x, double d, double at) { \
    (void)x, (void)d, (void)at;                       \
    return (expr);                                    \
  }
#define D(p) from((p), x, d, at)
static double sq(double x) { return x * x; }

F(f_exp, exp(x))
F(f_poly, 7 * pow(x, 6) - 3 * x * x + 1)
F(f_x50, pow(x, 50))
F(f_recip, 1 / (1 + x))
F(f_cauchy, 1 / (1 + x * x))
F(f_runge, 1 / (1 + 25 * x * x))
F(f_logistic, 1 / (1 + exp(x)))
F(f_xlog1p, x *log1p(x))
F(f_x2atan, x *x *atan(x))
F(f_expcos, exp(x) * cos(x))
F(f_serret, log1p(x) / (1 + x * x))
F(f_cos32, cos(32 * sin(x)))
F(f_osc5, 2 / (2 + sin(10 * M_PI * x)))
F(f_cos1000, cos(1000 * x))
F(f_chirp, 2 * 100 * (x - 1.3) * cos(100 * sq(x - 1.3)))
F(f_sin, sin(x))
F(f_lorentz, 0.001 / (sq(x - 1.37) + 1e-6))
F(f_sech, 1 / sq(cosh(100 * (x - 0.4))))
F(f_front, tanh(200 * (x - 0.3141)))
F(f_narrow, exp(-0.5 * sq((x - 0.6180) / 1e-5)))
F(f_step, x < 0.3 ? 0 : 1)
F(f_steps, floor(x))
F(f_kink, fabs(x - 0.3))
F(f_abssin, fabs(sin(10 * x)))
F(f_wide, x <= 0 ? 1 : 0)
F(f_sqrt, sqrt(x))
F(f_x15, pow(x, 1.5))
F(f_log, log(x))
F(f_log2, sq(log(x)))
F(f_sqrtlog, sqrt(x) * log(x))
F(f_x09log, pow(x, -0.9) * -log(x))
F(f_x05, 1 / sqrt(x))
F(f_semi, sqrt(fabs(D(1) * (1 + x))))
F(f_arcsine, 1 / sqrt(fabs(D(-1) * D(1))))
F(f_beta, pow(fabs(D(0)), -0.7) * pow(fabs(D(1)), -0.4))
F(f_logcos, log(fabs(sin(D(M_PI / 2)))))
F(f_third, 1 / sqrt(fabs(D(1. / 3))))
F(f_log04, log(fabs(D(0.4))))
F(f_oscsing, cos(20 * x) / sqrt(x))
F(f_sininv, sin(1 / x) / x)
F(f_gauss, exp(-0.5 * x * x))
F(f_gauss800, x / sqrt(2 * M_PI) * exp(-0.5 * sq(x - 800)))
F(f_gauss116, exp(-sq(x - 116) / (2 * 3.81 * 3.81)))
F(f_mixture, 0.3 * exp(-0.5 * sq(x - 6)) + 0.7 / 0.01 * exp(-0.5 * sq((x + 2) / 0.01)))
F(f_expm, exp(-x))
F(f_expfast, exp(-1e9 * x))
F(f_expslow, exp(-1e-9 * x))
F(f_gamma01, pow(x, -0.9) * exp(-x))
F(f_gamma5, pow(x, 4) * exp(-x))
F(f_bose, x == 0 ? 1 : x / expm1(x))
F(f_logistic_density, 1 / (sq(2 * cosh(x / 2))))
F(f_logdensity2, exp(x) / sq(1 + exp(x))) /* inf / inf far out */
F(f_heavy, 1 / (1 + pow(fabs(x), 1.2)))
F(f_pareto, pow(x, -1.05))
F(f_loglorentz, log(x) / (1 + 100 * x * x))
F(f_damped, exp(-x) * sin(50 * x))
F(f_sinc, x == 0 ? 1 : sin(x) / x)
F(f_fresnel, cos(x *x))
F(f_coslorentz, cos(x) / (1 + x * x))
F(f_cosroot, cos(x) / sqrt(x))
F(f_onecos, 2 * sq(sin(x / 2) / x))
F(f_tiny, 1e-300 * exp(-x * x))
F(f_huge, 1e300 * exp(-x * x))
F(f_one, 1)
F(f_x099, pow(x, -0.99))
F(f_sinx_x2, x == 0 ? 1 : sq(sin(x) / x))
F(f_bessel, j0(x))
F(f_student, pow(1 + x * x / 3, -2))
F(f_loglog, log(x) * log(fabs(D(1))))
F(f_xmx, pow(x, -x))
F(f_essential, exp(-1 / x) / (x * x))
F(f_euler, exp(-x) * log(x))
F(f_lognormal, exp(-0.5 * sq(log(x))) / x)
F(f_bump, fabs(x) < 1 ? exp(-1 / (1 - x * x)) : 0)
F(f_expcosx, exp(cos(x)))
F(f_exproot, exp(-sqrt(x)))
F(f_planck, x == 0 ? 0 : x * x * x / expm1(x))
F(f_farcauchy, 1 / (1 + sq(x - 1e6)))
F(f_rest, sin(1001 * atan(x)) / (1 + x * x))
F(f_cosx3, cos(x *x *x))
/* no value */
F(n_recip, 1 / x)
F(n_recip2, 1 / sq(D(0)))
F(n_pole, 1 / fabs(D(0.3)))
F(n_growing, exp(x))
F(n_const, 1)
F(n_loglog, 1 / (fabs(x) * fabs(log(x))))
F(n_sqrtneg, sqrt(x - 0.3))
F(n_xsinx2, x *sin(x *x))
F(n_inexact, 1 / (1 - x))
F(n_steep, pow(1 - x, -1.5))
F(f_blind, 1 / sqrt(1 - x))
F(n_harmonic, 1 / (1 + x))

#define P(...) \
  (const cx_quad_point[]){__VA_ARGS__}, sizeof((const cx_quad_point[]){__VA_ARGS__}) / sizeof(cx_quad_point)
#define NONE NULL, 0
#define S(x) \
  { x, 0, QP_SINGULAR, 0 }
#define B(x) \
  { x, 0, QP_BREAK, 0 }
#define K(x, w) \
  { x, w, QP_PEAK, 0 }
static const struct {
  const char *name;
  integrand f;
  double lo, hi, exact;
  const cx_quad_point *point;
  int npoint;
  double frequency;
  int64_t most; /* evaluations with points, 0: no matter */
} yes[] = {
    {"exp", f_exp, 0, 1, 1.718281828459045235, NONE, 0, 63},
    {"exp backwards", f_exp, 1, 0, -1.718281828459045235, NONE, 0, 63},
    {"polynomial", f_poly, -1, 2, 129 - 9 + 3, NONE, 0, 63},
    {"x^50", f_x50, 0, 1, 1. / 51, NONE, 0, 200},
    {"1/(1+x)", f_recip, 0, 1, 0.693147180559945309, NONE, 0, 63},
    {"1/(1+x^2)", f_cauchy, -1, 1, 1.5707963267948966192, NONE, 0, 100},
    {"Runge", f_runge, -1, 1, 0.4 * 1.3734007669450158609, NONE, 0, 400},
    {"logistic", f_logistic, 0, 1, 0.379885493041722475368, NONE, 0, 63},
    {"x log(1+x)", f_xlog1p, 0, 1, 0.25, NONE, 0, 63},
    {"x^2 atan x", f_x2atan, 0, 1, 0.210657251225806988108, NONE, 0, 63},
    {"exp cos", f_expcos, 0, M_PI / 2, 1.90523869048267582773651783335, NONE, 0, 63},
    {"Serret", f_serret, 0, 1, 0.27219826128795026631258611228, NONE, 0, 63},
    {"cos(32 sin x)", f_cos32, 0, M_PI, 0.43378800263473354854, NONE, 0, 700},
    {"2/(2+sin(10 pi x))", f_osc5, 0, 1, 1.15470053837925152901829756, NONE, 0, 1000},
    {"cos(1000x)", f_cos1000, 0, 1, 0.000826879540532002560255887429109, NONE, 1000, 4300},
    {"chirp", f_chirp, 1, 2, -1.36587113800122838811669612494, NONE, 0, 800},
    {"sin 0..100", f_sin, 0, 100, 0.137681127712316065898061486049, NONE, 0, 700},
    {"Lorentz", f_lorentz, 1, 2, 3.13730265721356323712683741495, P(K(1.37, 1e-3)), 0, 1000},
    {"sech^2", f_sech, 0, 1, 0.02 * (1 / (1 + 6.144212353328209758e-6 * 0)), P(K(0.4, 0.01)), 0, 700},
    {"front", f_front, 0, 1, 0.3718, P(K(0.3141, 0.005)), 0, 700},
    {"narrow", f_narrow, 0, 1, 2.50662827463100050241576528481e-5, P(K(0.6180, 1e-5)), 0, 700},
    {"step", f_step, 0, 1, 0.7, P(B(0.3)), 0, 100},
    {"steps", f_steps, 0, 4, 6, P(B(1), B(2), B(3)), 0, 100},
    {"kink", f_kink, 0, 1, 0.29, P(B(0.3)), 0, 100},
    {"|sin 10x|", f_abssin, 0, M_PI / 5, 0.4, P(B(M_PI / 10)), 0, 100},
    {"far step", f_wide, -1, 10000, 1, P(B(0)), 0, 100},
    {"sqrt", f_sqrt, 0, 1, 2. / 3, P(S(0)), 0, 200},
    {"x^1.5", f_x15, 0, 1, 0.4, P(S(0)), 0, 200},
    {"log", f_log, 0, 1, -1, P(S(0)), 0, 200},
    {"log^2", f_log2, 0, 1, 2, P(S(0)), 0, 200},
    {"sqrt log", f_sqrtlog, 0, 1, -4. / 9, P(S(0)), 0, 200},
    {"x^-0.9 log", f_x09log, 0, 1, 100, P(S(0)), 0, 300},
    {"x^-0.5", f_x05, 0, 1, 2, P(S(0)), 0, 200},
    {"semicircle", f_semi, -1, 1, M_PI / 2, P(S(-1), S(1)), 0, 400},
    {"arcsine", f_arcsine, -1, 1, M_PI, P(S(-1), S(1)), 0, 400},
    {"beta(0.3, 0.6)", f_beta, 0, 1, 4.1689141789078894638, P(S(0), S(1)), 0, 500},
    {"log cos", f_logcos, 0, M_PI / 2, -1.08879304515180106525034444912, P(S(M_PI / 2)), 0, 300},
    {"|x-1/3|^-0.5", f_third, 0, 1, 2.78769370023470359448315361081, P(S(1. / 3)), 0, 400},
    {"log|x-0.4|", f_log04, 0, 1, -1.67301166700925643599671934249, P(S(0.4)), 0, 400},
    {"cos(20x)/sqrt(x)", f_oscsing, 0, 1, 0.325307509018174915990290369832, P(S(0)), 0, 500},
    {"sin(1/x)/x", f_sininv, 0, 1, 0.624713256427713604, P(S(0)), 0, 60000},
    {"Gauss", f_gauss, -INFINITY, INFINITY, 2.50662827463100050241576528481, P(K(0, 1)), 0, 400},
    {"half Gauss", f_gauss, 0, INFINITY, 1.25331413731550025120788264241, NONE, 0, 300},
    {"Gauss at 800", f_gauss800, -INFINITY, INFINITY, 800, P(K(800, 1)), 0, 400},
    {"Gauss at 116", f_gauss116, 0, INFINITY, 3.81 * 2.50662827463100050241576528481, P(K(116, 3.81)), 0, 500},
    {"mixture", f_mixture, -INFINITY, INFINITY, 2.50662827463100050241576528481, P(K(-2, 0.01), K(6, 1)), 0, 900},
    {"exp(-x)", f_expm, 0, INFINITY, 1, NONE, 0, 300},
    {"exp(-1e9 x)", f_expfast, 0, INFINITY, 1e-9, P(K(0, 1e-9)), 0, 400},
    {"exp(-1e-9 x)", f_expslow, 0, INFINITY, 1e9, NONE, 0, 900},
    {"gamma(0.1)", f_gamma01, 0, INFINITY, 9.51350769866873183629248717727, P(S(0)), 0, 400},
    {"gamma(5)", f_gamma5, 0, INFINITY, 24, P(K(4, 2)), 0, 500},
    {"Bose", f_bose, 0, INFINITY, M_PI *M_PI / 6, NONE, 0, 400},
    {"logistic density", f_logistic_density, -INFINITY, INFINITY, 1, P(K(0, 2)), 0, 400},
    {"inf over inf", f_logdensity2, -INFINITY, INFINITY, 1, P(K(0, 2)), 0, 600},
    {"1/(1+x^2) line", f_cauchy, -INFINITY, INFINITY, M_PI, P(K(0, 1)), 0, 500},
    {"heavy tail", f_heavy, -INFINITY, INFINITY, 10.4719755119659774615421446109, P(S(0)), 0, 2000},
    {"Pareto 0.05", f_pareto, 1, INFINITY, 20, NONE, 0, 2000},
    {"log/(1+100x^2)", f_loglorentz, 0, INFINITY, -0.361689220620773240624502327513, P(S(0)), 0, 600},
    {"damped", f_damped, 0, INFINITY, 0.0199920031987205117952818872451, NONE, 50, 6000},
    {"sin(x)/x", f_sinc, 0, INFINITY, M_PI / 2, NONE, 1, 6000},
    {"Fresnel", f_fresnel, 0, INFINITY, 0.626657068657750125603941321203, NONE, 0, 40000},
    {"cos/(1+x^2)", f_coslorentz, 0, INFINITY, 0.577863674895460858955, NONE, 1, 9000},
    {"cos/sqrt", f_cosroot, 0, INFINITY, 1.25331413731550025120788264241, P(S(0)), 0, 60000},
    {"(1-cos)/x^2", f_onecos, 0, INFINITY, M_PI / 2, NONE, 0, 60000},
    {"x^-0.99", f_x099, 0, 1, 100, P(S(0)), 0, 400},
    {"sin^2(x)/x^2", f_sinx_x2, 0, INFINITY, M_PI / 2, NONE, 0, 6000},
    {"Bessel", f_bessel, 0, INFINITY, 1, NONE, 1, 4000},
    {"Student", f_student, -INFINITY, INFINITY, 2.720699046351326775891, P(K(0, 1)), 0, 400},
    {"log x log(1-x)", f_loglog, 0, 1, 2 - M_PI *M_PI / 6, P(S(0), S(1)), 0, 400},
    {"x^-x", f_xmx, 0, 1, 1.291285997062663540407, P(S(0)), 0, 400},
    {"exp(-1/x)/x^2", f_essential, 0, 1, 0.367879441171442321596, NONE, 0, 400},
    {"Euler", f_euler, 0, INFINITY, -0.57721566490153286, P(S(0)), 0, 400},
    {"lognormal", f_lognormal, 0, INFINITY, 2.50662827463100050241576528481, P(S(0)), 0, 400},
    {"bump", f_bump, -2, 2, 0.4439938161680794378, P(B(-1), B(1)), 0, 700},
    {"exp cos", f_expcosx, 0, 2 * M_PI, 7.954926521012845274513, NONE, 0, 100},
    {"exp(-sqrt x)", f_exproot, 0, INFINITY, 2, P(S(0)), 0, 400},
    {"Planck", f_planck, 0, INFINITY, M_PI *M_PI *M_PI *M_PI / 15, NONE, 0, 400},
    {"far Cauchy", f_farcauchy, -INFINITY, INFINITY, M_PI, P(K(1e6, 1)), 0, 500},
    {"cos x^3", f_cosx3, 0, INFINITY, 0.77334294207799, NONE, 0, 60000},
    {"comes to rest", f_rest, 0, INFINITY, 1 / 1001., NONE, 0, 90000},
    {"tiny", f_tiny, -5, 5, 1.77245385090279e-300, NONE, 0, 300},
    {"huge", f_huge, -INFINITY, INFINITY, 1.77245385090551602729816748334e300, P(K(0, 1)), 0, 300},
    {"narrow range", f_exp, 0, 1e-300, 1e-300, NONE, 0, 63},
    {"wide range", f_one, -1e300, 1e300, 2e300, NONE, 0, 63},
};

static const struct {
  const char *name;
  integrand f;
  double lo, hi;
  const cx_quad_point *point;
  int npoint;
  cx_quad_status status;
} no[] = {
    {"1/x", n_recip, 0, 1, P(S(0)), QUAD_DIVERGES},
    {"1/x^2", n_recip2, -1, 1, P(S(0)), QUAD_DIVERGES},
    {"1/|x-0.3|", n_pole, 0, 1, P(S(0.3)), QUAD_DIVERGES},
    {"exp(x) 0..inf", n_growing, 0, INFINITY, NONE, QUAD_DIVERGES},
    {"1 0..inf", n_const, 0, INFINITY, NONE, QUAD_DIVERGES},
    {"1/(1+x) 0..inf", n_harmonic, 0, INFINITY, NONE, QUAD_DIVERGES},
    {"sin 0..inf", f_sin, 0, INFINITY, NONE, QUAD_DIVERGES},
    {"x sin(x^2) 0..inf", n_xsinx2, 0, INFINITY, NONE, QUAD_DIVERGES},
    {"1/(x log x)", n_loglog, 0, 0.5, P(S(0)), QUAD_DIVERGES},
    {"1/(1-x) inexact", n_inexact, 0, 1, P(S(1)), QUAD_DIVERGES},
    {"(1-x)^-1.5 inexact", n_steep, 0, 1, P(S(1)), QUAD_DIVERGES},
    {"sqrt(x-0.3)", n_sqrtneg, 0, 1, NONE, QUAD_NAN},
};

static cx_quad_work *work;
static double run(integrand f, double lo, double hi, const cx_quad_point *point, int npoint, double frequency,
                  bool complete, double tol, double *error, cx_quad_report *report) {
  cx_quad q = {.ncomp = 1, .tol = tol, .user = &f, .eval = eval};
  cx_quad_range r = {lo, hi, point, npoint, frequency, complete};
  double value;
  cx_quad_run(&q, work, 1, &r, &value, error, report);
  return value;
}

static void rule(void) {
  cx_quad_rule r;
  cx_quad_rule_init(&r);
  for (int k = 0; k <= 31; k++) {
    double s = 0;
    for (int i = 0; i < CX_QUAD_RULE; i++) s += r.w[i] * pow(r.x[i], k);
    CHECK_NEAR(s, k % 2 ? 0 : 2. / (k + 1), 4e-16);
  }
  for (int n = 0; n < CX_QUAD_NULLS; n++)
    for (int k = 0; k < 20 - n; k++) {
      double s = 0;
      for (int i = 0; i < CX_QUAD_RULE; i++) s += r.null[n][i] * pow(r.x[i], k);
      CHECK(fabs(s) < 1e-14);
    }
  for (int k = 0; k <= 20; k++) {
    double a = 0, b = 0;
    for (int i = 0; i < CX_QUAD_RULE; i++) a += r.guess[1][i] * pow(r.x[i], k), b += r.end[0][i] * pow(r.x[i], k);
    CHECK_NEAR(a, pow(r.x[CX_QUAD_RULE + 1], k), 1e-13);
    CHECK_NEAR(b, pow(-1, k), 1e-12);
  }
}

static void values(void) {
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
    for (int blind = 0; blind < 2; blind++) {
      double error, value;
      cx_quad_report r;
      value = blind ? run(yes[i].f, yes[i].lo, yes[i].hi, NULL, 0, 0, false, 1e-10, &error, &r)
                    : run(yes[i].f, yes[i].lo, yes[i].hi, yes[i].point, yes[i].npoint, yes[i].frequency, true, 1e-10,
                          &error, &r);
      double wrong = fabs(value - yes[i].exact) / fabs(yes[i].exact);
      bool fine = r.status == QUAD_OK ? wrong <= 1e-9 && fabs(value - yes[i].exact) <= error + 1e-12 * fabs(value)
                                      : blind; /* blind failures are allowed, lies are not */
      if (!blind && yes[i].most && r.evaluations > yes[i].most) fine = false;
      if (!fine)
        fprintf(stderr, "%s%s: %.17g, expected %.17g (relative error %.1e), error %.1e, status %d, %ld nodes\n",
                yes[i].name, blind ? ", blind" : "", value, yes[i].exact, wrong, error / fabs(yes[i].exact), r.status,
                (long)r.evaluations);
      CHECK(fine);
    }
}

static void failures(void) {
  for (size_t i = 0; i < sizeof no / sizeof *no; i++)
    for (int blind = 0; blind < 2; blind++) {
      double error;
      cx_quad_report r;
      run(no[i].f, no[i].lo, no[i].hi, blind ? NULL : no[i].point, blind ? 0 : no[i].npoint, 0, !blind, 1e-10, &error,
          &r);
      bool fine = blind ? r.status >= QUAD_TOLERANCE : r.status == no[i].status;
      if (!fine) fprintf(stderr, "%s%s: status %d\n", no[i].name, blind ? ", blind" : "", r.status);
      CHECK(fine);
      CHECK(r.evaluations < 2200000);
    }
}

/* ---- several components, many instances, limits ---- */
typedef struct {
  int64_t calls, after; /* fail from call `after` on */
  volatile sig_atomic_t stop;
  int64_t stop_at;
} family;
/* components exp(-a x), its derivative by a, and 1e-9 sin(9 x); a = 1 + instance / 1000 */
static int eval_family(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                       double *f) {
  family *u = user;
  if (++u->calls >= u->stop_at) u->stop = 1;
  if (u->calls >= u->after) return 1;
  for (int64_t k = 0; k < n; k++) {
    double x = side ? at[k] - side * t[k] : t[k], a = 1 + instance[k] / 1000.;
    f[k] = exp(-a * x);
    f[n + k] = -x * f[k];
    f[2 * n + k] = 1e-9 * sin(9 * x);
  }
  return 0;
}

static void many(void) {
  enum { N = 5000 };
  static cx_quad_range range[N];
  static double value[3 * N], error[3 * N];
  static cx_quad_report report[N];
  double scale[3] = {0, 1, 1};
  family u = {0, INT64_MAX, 0, INT64_MAX};
  cx_quad q = {.ncomp = 3, .scale = scale, .user = &u, .eval = eval_family, .stop = &u.stop};
  for (int i = 0; i < N; i++) range[i] = (cx_quad_range){0, i % 2 ? 2 : -2, NULL, 0, 0, true};
  CHECK(cx_quad_run(&q, work, N, range, value, error, report) == QUAD_OK);
  int wrong = 0;
  int64_t nodes = 0;
  for (int i = 0; i < N; i++) {
    double a = 1 + i / 1000., b = range[i].hi, e = exp(-a * b);
    double exact[3] = {(1 - e) / a, (e * (1 + a * b) - 1) / (a * a), 1e-9 * (1 - cos(9 * b)) / 9};
    for (int c = 0; c < 3; c++) {
      double slack = c ? 1e-10 * fabs(c == 1 ? exact[c] : 2e-9) : 1e-10 * fabs(exact[c]);
      wrong +=
          !(fabs(value[3 * i + c] - exact[c]) <= slack) || !(fabs(value[3 * i + c] - exact[c]) <= error[3 * i + c]);
    }
    nodes += report[i].evaluations;
    wrong += report[i].status != QUAD_OK || !(report[i].error <= 1);
  }
  CHECK(wrong == 0);
  CHECK(nodes < N * 100);
  CHECK(u.calls < nodes / 300); /* batches are full */

  u = (family){0, 3, 0, INT64_MAX};
  CHECK(cx_quad_run(&q, work, N, range, value, error, report) == QUAD_FAILED);
  u = (family){0, INT64_MAX, 0, 5};
  CHECK(cx_quad_run(&q, work, N, range, value, error, report) == QUAD_STOPPED);
  CHECK(u.calls < 20);
  range[0] = (cx_quad_range){NAN, 1, NULL, 0, 0, true};
  u = (family){0, INT64_MAX, 0, INT64_MAX};
  CHECK(cx_quad_run(&q, work, 2, range, value, error, report) == QUAD_NAN);
  CHECK(isnan(value[0]) && report[0].status == QUAD_NAN && report[1].status == QUAD_OK);
}

F(f_hostile, sin(1 / (x * x)) / x)
F(f_noise, 1 + 1e-9 * (fmod(fabs(x) * 1e15, 97) - 48))
F(f_cancel, sin(x) + 1e-20)
F(f_edge, sqrt(fabs(x)))
static void limits(void) {
  integrand f = f_hostile;
  cx_quad q = {.ncomp = 1, .tol = 1e-14, .max_eval = 5000, .user = &f, .eval = eval};
  cx_quad_range r = {1e-4, 1, NULL, 0, 0, false};
  double value, error;
  cx_quad_report report;
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) == QUAD_TOLERANCE);
  CHECK(report.evaluations < 6000 && report.error > 1);
  q.max_eval = INT64_MAX, q.seconds = 0.05;
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) == QUAD_TOLERANCE);
  /* out of time with panels laid but not computed: they are part of the value, or of its error */
  f = f_edge, q = (cx_quad){.ncomp = 1, .tol = 1e-10, .seconds = 1e-9, .blur = 1e-9, .user = &f, .eval = eval};
  r = (cx_quad_range){0, 4, NULL, 0, 0, true};
  cx_quad_run(&q, work, 1, &r, &value, &error, &report);
  CHECK(value != 0 && fabs(value - 16.0 / 3) <= error);
  q = (cx_quad){.ncomp = 1, .user = &f, .eval = eval};
  f = f_cancel, r = (cx_quad_range){-10, 10, NULL, 0, 0, true};
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) == QUAD_ROUNDOFF);
  CHECK(fabs(value - 2e-19) <= error && error < 1e-13);
  f = f_noise, r = (cx_quad_range){0, 1, NULL, 0, 0, true};
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) != QUAD_OK);
  CHECK(fabs(value - 1) <= error + 1e-9 && error < 1e-6 && report.evaluations < 200000);
  f = f_blind, r = (cx_quad_range){0, 1, P(S(1)), 0, true}; /* its distance to the end is lost by rounding */
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) != QUAD_OK);
  CHECK(fabs(value - 2) <= error && error < 1e-5 && report.evaluations < 20000);
  /* points in any order, outside, doubled, without a width: the same integral */
  f = f_third,
  r = (cx_quad_range){0, 1, P(S(0.9), B(1. / 3), S(1. / 3), S(-4), K(0.5, 0), K(0.2, INFINITY), B(NAN)), 0, true};
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) == QUAD_OK);
  CHECK_NEAR(value, 2.78769370023470359448315361081, 1e-11);
  r = (cx_quad_range){INFINITY, INFINITY, NULL, 0, 0, true};
  CHECK(cx_quad_run(&q, work, 1, &r, &value, &error, &report) == QUAD_OK && value == 0);
}

int main(void) {
  work = cx_quad_work_new();
  rule();
  values();
  failures();
  many();
  limits();
  cx_quad_work_free(work);
  return CHECK_DONE();
}
