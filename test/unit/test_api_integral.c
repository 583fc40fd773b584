/* calx_integrate: integrals over arrays of parameters, against closed forms. */
#include "api_common.h"

static calx_ctx *c;

enum { N = 300 };
static double a[N], b[N], value[N], error[N];
static calx_integral_state state[N];
static calx_integral_report report;

static calx_status integrate(const char *text, int nparam, int64_t n) {
  return calx_integrate(c, text, SIZE_MAX, nparam, (const char *[]){"a", "b"}, (const double *[]){a, b}, n, value,
                        error, state, &report);
}

/* all of them against a closed form: right, honest about the error, and said to be right */
static void near(const char *text, int nparam, double (*exact)(double a, double b)) {
  calx_status s = integrate(text, nparam, N);
  if (s) fprintf(stderr, "%s: %s\n", text, calx_error(c));
  CHECK(s == CALX_OK && report.missed == 0 && report.worst == -1 && report.worst_error == 0);
  int wrong = 0;
  for (int k = 0; k < N; k++) {
    double e = fabs(value[k] - exact(a[k], b[k]));
    wrong += !(e <= 1e-10 * fabs(value[k])) || state[k] != CALX_INTEGRAL_OK || !(error[k] <= 1e-10 * fabs(value[k]));
  }
  if (wrong) fprintf(stderr, "%s: %d\n", text, wrong);
  CHECK(wrong == 0);
}

static double decay(double x, double y) { /* of exp(-x t) sin(t + y) over 0..1 */
  return (exp(-x) * (-x * sin(1 + y) - cos(1 + y)) + x * sin(y) + cos(y)) / (1 + x * x);
}
static double gauss(double x, double y) { return (void)x, y * sqrt(2 * acos(-1)); }
static double gamma_of(double x, double y) { return tgamma(x) * pow(y, -x); }
static double kink(double x, double y) { return (void)y, (x * x + (2 - x) * (2 - x)) / 2; } /* of |t - x| over 0..2 */
static double ends(double x, double y) { return (pow(y, 4) - pow(x, 4)) / 4; }
static double two(double x, double y) { return (exp(x) - 1) / x + 1 / y; }
static double square(double x, double y) { return 1 / (x * x * y); }
static double nested(double x, double y) { return (void)y, (exp(x) - 1 - x) / (x * x); }
static double fixed(double x, double y) { return (void)x, (void)y, 2.0; }
static double third(double x, double y) { return (void)x, (void)y, 1 / 3.0; }

static void test_values(void) {
  for (int k = 0; k < N; k++) a[k] = 0.3 + 5 * uniform(), b[k] = 0.2 + 2 * uniform();
  near("integral(x in 0..1: exp(-a * x) * sin(x + b))", 2, decay);
  near("integral(x in -inf..inf: exp(-((x - a) / b)^2 / 2))", 2, gauss);
  near("integral(x in 0..inf: x^(a - 1) * exp(-b * x))", 2, gamma_of);
  near("integral(x in a..b: x^3)", 2, ends);
  near("integral(x in 0..1: exp(a * x)) + integral(x in 0..inf: exp(-b * x))", 2, two);
  near("integral(x in 0..inf: exp(-a * x))^2 / b", 2, square);
  near("f(t, s) = exp(s * t)\nintegral(x in 0..1, y in 0..x: f(y, a))", 1, nested);
  near("integral(x in 0..pi: sin(x))", 2, fixed); /* of none of them */
  near("integral(x in 0..1: x^2)", 0, third);
  for (int k = 0; k < N; k++) a[k] = 0.01 + 1.98 * uniform();
  near("integral(x in 0..2: abs(x - a))", 1, kink);
  /* without the arrays that may be left out */
  CHECK(calx_integrate(c, "integral(x in 0..1: x^a)", SIZE_MAX, 1, (const char *[]){"a"}, (const double *[]){a}, 1,
                       value, NULL, NULL, NULL) == CALX_OK);
  CHECK_NEAR(value[0], 1 / (1 + a[0]), 1e-12);
}

static void test_missed(void) {
  /* one bad parameter spoils its own value alone */
  for (int k = 0; k < 5; k++) a[k] = k + 1;
  a[3] = NAN;
  CHECK(fails(c, integrate("integral(x in 0..1: exp(-a * x))", 1, 5), CALX_E_CONVERGENCE, "not a number"));
  CHECK(report.missed == 1 && report.worst == 3 && isinf(report.worst_error));
  for (int k = 0; k < 5; k++) {
    CHECK(state[k] == (k == 3 ? CALX_INTEGRAL_NAN : CALX_INTEGRAL_OK));
    if (k == 3) CHECK(isnan(value[k]) && isinf(error[k]));
    else CHECK_NEAR(value[k], -expm1(-a[k]) / a[k], 1e-12);
  }
  a[0] = 0.5, a[1] = -1, a[2] = -0.9, a[3] = 2;
  CHECK(fails(c, integrate("integral(x in 0..1: x^a)", 1, 4), CALX_E_CONVERGENCE, "diverges"));
  CHECK(report.missed == 1 && report.worst == 1 && state[1] == CALX_INTEGRAL_DIVERGES && isnan(value[1]));
  CHECK_NEAR(value[2], 10, 1e-9);
  /* a warning: the value is there */
  a[0] = 1, a[1] = 0;
  CHECK(integrate("integral(x in 0..1: 1 + a * abs(sin(1 / x)))", 1, 2) == CALX_E_CONVERGENCE);
  CHECK(report.missed == 1 && report.worst == 0 && state[0] == CALX_INTEGRAL_TOLERANCE && report.worst_error > 1e-10);
  CHECK(error[0] > 0 && isfinite(error[0]) && isfinite(value[0]) && report.evaluations > 1000);
  CHECK(state[1] == CALX_INTEGRAL_OK);
  CHECK_NEAR(value[1], 1, 1e-12);
}

static void test_misuse(void) {
  CHECK(fails(c, integrate("integral(x in 0..1: exp(-a * x)", 1, 3), CALX_E_PROGRAM, "integral:1:"));
  CHECK(fails(c, integrate("integral(x in 0..1: exp(-alpha * x))", 1, 3), CALX_E_PROGRAM, "integral:1:26"));
  CHECK(fails(c, integrate("y = 2\nintegral(x in 0..1: z * x)", 0, 3), CALX_E_PROGRAM, "integral:2:21"));
  CHECK(fails(c, integrate("", 1, 3), CALX_E_USAGE, "one expression"));
  CHECK(fails(c, integrate(NULL, 1, 3), CALX_E_USAGE, "one expression"));
  CHECK(fails(c, integrate("a, 2", 1, 3), CALX_E_USAGE, "one expression"));
  CHECK(fails(c, integrate("param q\nq^2", 1, 3), CALX_E_USAGE, "one expression"));
  CHECK(fails(c, integrate("[a, 2]", 1, 3), CALX_E_USAGE, "an array for each"));
  CHECK(fails(c, integrate("a", 1, -1), CALX_E_USAGE, "negative"));
  CHECK(
      fails(c, integrate("a b", 1, 0), CALX_E_PROGRAM, "integral:1:")); /* the text is checked without integrals too */
  CHECK(integrate("integral(x in 0..1: x^a)", 1, 0) == CALX_OK && report.missed == 0);
  CHECK(calx_integrate(c, "a", SIZE_MAX, 1, (const char *[]){"a"}, NULL, 0, NULL, NULL, NULL, NULL) == CALX_OK);
  CHECK(fails(c, calx_integrate(c, "a", SIZE_MAX, 1, (const char *[]){"a"}, NULL, 2, value, NULL, NULL, NULL),
              CALX_E_USAGE, "no array is given for parameter `a`"));
  CHECK(fails(
      c, calx_integrate(c, "a", SIZE_MAX, 1, (const char *[]){"a"}, (const double *[]){a}, 2, NULL, NULL, NULL, NULL),
      CALX_E_USAGE, "no array for the values"));
  static const char *const bad[] = {"", "2a", "a[2]", "a\nb", NULL};
  for (int k = 0; k < 5; k++)
    CHECK(fails(c, calx_integrate(c, "1", SIZE_MAX, 1, &bad[k], (const double *[]){a}, 2, value, NULL, NULL, NULL),
                CALX_E_USAGE, "is no name"));
  CHECK(fails(
      c, calx_integrate(c, "1", SIZE_MAX, 1, (const char *[]){"if"}, (const double *[]){a}, 2, value, NULL, NULL, NULL),
      CALX_E_PROGRAM, "if"));
}

/* every allocation fails once: an error, nothing lost */
static calx_status everything(calx_ctx *mine) {
  for (int k = 0; k < 3; k++) a[k] = k + 1;
  return calx_integrate(mine, "integral(x in 0..1: abs(x - 1 / (a + 1)))", SIZE_MAX, 1, (const char *[]){"a"},
                        (const double *[]){a}, 3, value, error, state, NULL);
}

int main(void) {
  c = calx_new(NULL, NULL);
  test_values();
  test_missed();
  test_misuse();
  every_allocation_fails(everything);
  CHECK_NEAR(value[0], 0.25, 1e-12);
  calx_free(c);
  return CHECK_DONE();
}
