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
/* no value */
F(n_recip, 1 / x)
F(n_recip2, 1 / sq(D(0)))
F(n_pole, 1 / fabs(D(0.3)))
F(n_growing, exp(x))
F(n_const, 1)
F(n_loglog, 1 / (fabs(x) * fabs(log(x))))
F(n_sqrtneg, sqrt(x - 0.3))
F(n_xsinx2, x *sin(x *x))
F(n_harmonic, 1 / (1 + x))

#define P(...) \
  (const cx_quad_point[]){__VA_ARGS__}, sizeof((const cx_quad_point[]){__VA_ARGS__}) / sizeof(cx_quad_point)
#define NONE NULL, 0
#define S(x) \
  { x, 0, QP_SINGULAR }
#define B(x) \
  { x, 0, QP_BREAK }
#define K(x, w) \
  { x, w, QP_PEAK }
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

int main(void) {
  work = cx_quad_work_new();
  rule();
  values();
  failures();
  cx_quad_work_free(work);
  return CHECK_DONE();
}
