/* Draws of every distribution at fixed seeds: Kolmogorov-Smirnov of continuous ones and chi square of discrete ones
 * against distribution functions and masses that test_dist.c has compared with tables; arrays by closed forms of their
 * moments and marginals. Means over draws (expect with `draws`) against closed forms, in units of the standard error that
 * they give; the same draws for any number of threads. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/lib.h"
#include "calx.h"
#include "check.h"
#include "run/session.h"

enum { N = 20000 };
static double x[N], p[N];

/* values of `what` after `text`; how many, 0 after an error */
static int64_t values(const char *text, const char *what, double *out, int64_t most, int threads) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *fn = NULL;
  calx_work *w;
  calx_set_threads(c, threads);
  bool ok = calx_compile(c, text, SIZE_MAX, &m) == CALX_OK && calx_function(m, what, SIZE_MAX, &fn) == CALX_OK &&
            calx_work_new(fn, &w) == CALX_OK;
  int64_t n = ok ? calx_fn_outputs(fn) : 0;
  ok = ok && n <= most && calx_eval(fn, w, NULL, out) == CALX_OK;
  CHECK(ok);
  if (!ok) fprintf(stderr, "%s\n%s: %s\n", text, what, calx_error(c));
  calx_free(c);
  return ok ? n : 0;
}

/* sqrt(n) sup |F_n - F|: above 1.95 with probability 0.001 (Kolmogorov's distribution) */
static double kolmogorov(double *f, int64_t n) {
  double worst = 0;
  qsort(f, (size_t)n, sizeof *f, cx_by_value);
  for (int64_t k = 0; k < n; k++)
    worst = fmax(worst, fmax(fabs(f[k] - (double)k / (double)n), fabs(f[k] - (double)(k + 1) / (double)n)));
  return sqrt((double)n) * worst;
}

/* chi square over cells of at least ten expected draws, as a normal deviate (Wilson & Hilferty 1931) */
static double chi_square(const double *k, int64_t n, double from, const double *mass, int64_t cells) {
  double chi = 0, seen = 0, want = 0, rest_seen = (double)n, rest_want = (double)n;
  int degrees = -1;
  double *count = calloc((size_t)cells, sizeof *count);
  for (int64_t j = 0; j < n; j++) {
    double at = k[j] - from;
    if (at >= 0 && at < (double)cells && at == floor(at)) count[(int64_t)at]++;
  }
  for (int64_t j = 0; j < cells; j++) {
    seen += count[j], want += mass[j] * (double)n;
    if (want < 10 || rest_want - want < 10) continue;
    chi += (seen - want) * (seen - want) / want, degrees++;
    rest_seen -= seen, rest_want -= want, seen = want = 0;
  }
  chi += (rest_seen - rest_want) * (rest_seen - rest_want) / fmax(rest_want, 1e-9), degrees++;
  free(count);
  double d = degrees > 0 ? degrees : 1;
  return (cbrt(chi / d) - (1 - 2 / (9 * d))) / sqrt(2 / (9 * d));
}

static const struct {
  const char *call;
  int n;
} continuous[] = {
    {"normal(1, 2)", N},
    {"lognormal(0.5, 0.7)", N},
    {"student_t(3, 1, 2)", N},
    {"student_t(0.7, 0, 1)", N},
    {"cauchy(1, 2)", N},
    {"logistic(1, 2)", N},
    {"laplace(1, 2)", N},
    {"gumbel(1, 2)", N},
    {"exponential(3)", N},
    {"gamma(0.3, 2)", N},
    {"gamma(7, 2)", N},
    {"inverse_gamma(3, 2)", N},
    {"chi_square(5)", N},
    {"weibull(1.5, 2)", N},
    {"pareto(2, 3)", N},
    {"rayleigh(2)", N},
    {"half_normal(2)", N},
    {"half_cauchy(2)", N},
    {"half_student_t(4, 2)", N},
    {"beta(0.5, 0.4)", N},
    {"beta(2, 5)", N},
    {"uniform(-1, 3)", N},
    {"triangular(0, 1, 4)", N},
    {"von_mises(1, 2)", 2000},
    {"von_mises(1, 1e-7)", 2000},
    {"von_mises(-2, 3e4)", 2000},
    {"truncated(normal(0, 1), 1, inf)", N},
    {"truncated(normal(0, 1), -9, -8)", N},
    {"truncated(gamma(2, 1), 0.5, 3)", N},
    {"mixture(k: [0.3, 0.7][k], normal([-1, 2][k], 0.5))", 2000},
    {"truncated(normal(0, 1), 40, inf)", 200},
    {"transformed(z ~ normal(0, 1): exp(z))", N},
    {"transformed(z ~ gamma(3, 2): 1 / z)", N},
    {"transformed(z ~ normal(0, 1): z^2)", 500},
    {"mixture(k: [0.3, 0.7][k], truncated(normal([-1, 2][k], 0.5), 0, inf))", 500},
    {"slope(2)", 100},
    {"ramp(2)", N},
};
static const struct {
  const char *call;
  int n;
} discrete[] = {
    {"bernoulli(0.3)", N},
    {"binomial(20, 0.3)", 2000},
    {"binomial(1000, 0.7)", 2000},
    {"negative_binomial(3.5, 0.4)", 2000},
    {"poisson(4)", 4000},
    {"poisson(300)", 2000},
    {"geometric(0.2)", N},
    {"hypergeometric(50, 20, 12)", 1000},
    {"beta_binomial(12, 2, 3)", 2000},
    {"discrete_uniform(-2, 7)", N},
    {"categorical([0.1, 0.2, 0.3, 0.4])", N},
    {"mixture(k: [0.3, 0.7][k], poisson([2, 9][k]))", 2000},
    {"truncated(poisson(4), 2, 6)", 2000},
    {"loaded(0.3)", 2000},
};
/* blocks of a user's own: one with nothing but its density, one with a distribution function, one discrete */
static const char blocks[] =
    "distribution slope(t) { lower = 0; upper = t; log_density(x) = log(2 * x / t^2) }\n"
    "distribution ramp(t) { lower = 0; upper = t; log_density(x) = log(2 * x / t^2); "
    "quantile(p) = t * sqrt(p); cdf(x) = x^2 / t^2 }\n"
    "distribution loaded(p) { lower = 1; upper = 6; discrete = true; "
    "log_density(k) = if k == 6 then log(p) else log((1 - p) / 5) }\n";

static void one_dimension(void) {
  char text[1200];
  bool verbose = getenv("VERBOSE") != NULL;
  for (size_t k = 0; k < sizeof continuous / sizeof *continuous; k++) {
    snprintf(text, sizeof text, "%sx = draw(%s, random(%zu, range(%d)))\nF = cdf(%s, x)\n", blocks, continuous[k].call,
             k, continuous[k].n, continuous[k].call);
    int64_t n = values(text, "F", p, N, 0);
    double d = kolmogorov(p, n);
    CHECK(n == continuous[k].n && d < 1.95);
    if (verbose || !(d < 1.95)) printf("%-40s Kolmogorov-Smirnov %.3f\n", continuous[k].call, d);
  }
  for (size_t k = 0; k < sizeof discrete / sizeof *discrete; k++) {
    static double mass[2000];
    double ends[2];
    snprintf(text, sizeof text, "%sx = draw(%s, random(%zu, range(%d)))\nlo = min(x)\nhi = max(x)\n", blocks,
             discrete[k].call, 100 + k, discrete[k].n);
    int64_t n = values(text, "x", x, N, 0);
    values(text, "[lo, hi]", ends, 2, 0);
    snprintf(text, sizeof text, "%smass = density(%s, %g + range(%g))\n", blocks, discrete[k].call, ends[0],
             ends[1] - ends[0] + 1);
    int64_t cells = values(text, "mass", mass, 2000, 0);
    double z = chi_square(x, n, ends[0], mass, cells);
    CHECK(n == discrete[k].n && z < 3.1);
    if (verbose || !(z < 3.1)) printf("%-40s chi square as a deviate %.3f\n", discrete[k].call, z);
  }
}

/* means over draws with their exact values: each within 4 of the standard errors that it gives */
static const struct {
  const char *call, *exact;
} means[] = {
#define MU "[1, 2, 3]"
#define S  "[[2, 1, 0], [1, 2, 0.5], [0, 0.5, 1]]"
    {"expect(x ~ normal(0, 1), draws = 100000: exp(x))", "exp(0.5)"},
    {"prob(x ~ normal(0, 1), draws = 100000: x > 1)", "norm_cdf(-1)"},
    {"var(x ~ gamma(2, 3), draws = 100000: x)", "2 / 9"},
    {"cov(x ~ normal(0, 1), y ~ normal(x, 1), draws = 100000: x, y)", "1"},
    {"prob(x ~ normal(0, 1), y ~ poisson(3), draws = 2000: x > 1 given y > 2)", "norm_cdf(-1)"},
    {"expect(x ~ normal(0, 1), draws = 20000: x given x > 1)", "exp(-0.5) / sqrt(2 * pi) / norm_cdf(-1)"},
    {"var(x ~ normal(0, 1), draws = 50000: x given x > 0)", "1 - 2 / pi"},
    {"expect(x[i in 0..49] ~ normal(0, 1), draws = 10000: sum(i: x[i]^2))", "50"},
    {"prob(x[i in 0..49] ~ exponential(1), draws = 10000: max(x) > 5)", "1 - (1 - exp(-5))^50"},
    {"expect(x[i, j in 0..2] ~ normal(" MU "[i], 1), draws = 10000: x[2, 1] * x[1, 2])", "6"},
    {"expect(x ~ multi_normal(" MU ", " S "), draws = 10000: x)", MU},
    {"cov(x ~ multi_normal(" MU ", " S "), draws = 20000: x[1], x[2])", "0.5"},
    {"prob(x ~ multi_normal([0, 0], [[1, 0.6], [0.6, 1]]), draws = 20000: x[0] > 0 and x[1] > 0)",
     "1 / 4 + asin(0.6) / (2 * pi)"},
    {"expect(x ~ multi_student_t(5, " MU ", " S "), draws = 20000: x)", MU},
    {"cov(x ~ multi_student_t(9, " MU ", " S "), draws = 50000: x[0], x[1])", "9 / 7"},
    {"expect(x ~ dirichlet([1, 2, 5]), draws = 20000: x)", "[0.125, 0.25, 0.625]"},
    {"cov(x ~ dirichlet([1, 2, 5]), draws = 20000: x[0], x[2])", "-5 / 64 / 9"},
    {"expect(x ~ multinomial(10, [0.2, 0.3, 0.5]), draws = 20000: x)", "[2, 3, 5]"},
    {"cov(x ~ multinomial(10, [0.2, 0.3, 0.5]), draws = 20000: x[0], x[1])", "-0.6"},
    {"var(x ~ multinomial(10, [0.2, 0.3, 0.5]), draws = 20000: x[2])", "2.5"},
    {"expect(x ~ wishart(5.5, " S "), draws = 20000: x)", "5.5 * " S},
    {"var(x ~ wishart(5.5, " S "), draws = 20000: x[0, 1])", "5.5 * 5"},
    {"var(x ~ wishart(5.5, " S "), draws = 20000: x[2, 2])", "5.5 * 2"},
    {"expect(x ~ wishart(5.5, " S "), draws = 20000: log_det(x))",
     "3 * log(2) + log(2.5) + digamma(2.75) + digamma(2.25) + digamma(1.75)"},
    {"expect(x ~ inverse_wishart(9, " S "), draws = 20000: x)", S " / 5"},
    {"expect(x ~ inverse_wishart(9, " S "), draws = 20000: log_det(x))",
     "log(2.5) - 3 * log(2) - digamma(4.5) - digamma(4) - digamma(3.5)"},
    {"expect(k ~ categorical([0.2, 0.3, 0.5]), x ~ normal([-1, 0, 2][k], 1), draws = 20000: x)", "0.8"},
    {"expect(x ~ truncated(normal(0, 1), 1, inf), draws = 20000: x)", "exp(-0.5) / sqrt(2 * pi) / norm_cdf(-1)"},
    {"expect(x ~ transformed(z ~ normal(0, 1): exp(z)), draws = 50000: x)", "exp(0.5)"},
    {"prob(x ~ transformed(z ~ normal(0, 1): z^2 - 1), draws = 20000: x < 0)", "1 - 2 * norm_cdf(-1)"},
    {"expect(x ~ mixture(k: [0.3, 0.7][k], normal([-1, 2][k], 1)), draws = 2000: x)", "1.1"},
};

typedef struct {
  double value[16], standard;
  int64_t n;
} estimate;
static void result(void *user, const cx_event *e) {
  estimate *r = user;
  if (e->kind != EV_RESULT) return;
  const cx_array *a = &e->result->value;
  r->n = 1;
  for (int k = 0; k < a->rank; k++) r->n *= a->dim[k];
  memcpy(r->value, a->data, (size_t)r->n * sizeof *r->value);
  r->standard = e->result->integrals.standard;
}
static estimate printed(const char *what, uint64_t seed, int threads) {
  char text[1200];
  estimate r = {.n = 0};
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_session_opt opt = {.seed = seed, .threads = threads, .event = result, .user = &r};
  snprintf(text, sizeof text, "print %s\n", what);
  CHECK(cx_session_run(c, cx_source_add(c, "test.calx", text, strlen(text)), NULL, 0, &opt) == CX_OK);
  for (int k = 0; k < cx_diag_count(c); k++) fprintf(stderr, "%s\n%s", text, cx_diag_get(c, k).message);
  cx_ctx_free(c);
  return r;
}

static void estimates(void) {
  bool verbose = getenv("VERBOSE") != NULL;
  double square = 0;
  int scalars = 0;
  for (size_t k = 0; k < sizeof means / sizeof *means; k++) {
    estimate e = printed(means[k].exact, 1, 1), m = printed(means[k].call, 1, 1), again = printed(means[k].call, 1, 4),
             other = printed(means[k].call, 2, 1);
    double worst = 0;
    CHECK(m.n > 0 && m.n == e.n && m.standard > 0);
    CHECK(m.n == again.n && !memcmp(m.value, again.value, (size_t)m.n * sizeof *m.value) &&
          m.standard == again.standard);                                /* the same for any number of threads */
    CHECK(memcmp(m.value, other.value, (size_t)m.n * sizeof *m.value)); /* and not for another seed */
    for (int64_t j = 0; j < m.n; j++) {
      worst = fmax(worst, fabs(m.value[j] - e.value[j]) / m.standard);
      worst = fmax(worst, fabs(other.value[j] - e.value[j]) / m.standard);
    }
    if (m.n == 1) { /* the standard error is one: not too large, either */
      square += pow((m.value[0] - e.value[0]) / m.standard, 2) + pow((other.value[0] - e.value[0]) / m.standard, 2);
      scalars += 2;
    }
    CHECK(worst < 4);
    if (verbose || !(worst < 4)) printf("%s: %.2f standard errors\n", means[k].call, worst);
  }
  CHECK(square / scalars > 0.5 && square / scalars < 1.6); /* chi square of about 40 degrees over 40: 0.01 outside */
  printf("mean square deviation in standard errors: %.3f of %d\n", square / scalars, scalars);
}

/* the same draws for 1 and for 2 threads, of every distribution of the library */
static bool listed(const char *name) {
  char call[64];
  snprintf(call, sizeof call, "%s(", name);
  for (size_t k = 0; k < sizeof continuous / sizeof *continuous; k++)
    if (!strncmp(continuous[k].call, call, strlen(call))) return true;
  for (size_t k = 0; k < sizeof discrete / sizeof *discrete; k++)
    if (!strncmp(discrete[k].call, call, strlen(call))) return true;
  snprintf(call, sizeof call, "~ %s(", name);
  for (size_t k = 0; k < sizeof means / sizeof *means; k++) /* estimates() compares these */
    if (strstr(means[k].call, call)) return true;
  return !strcmp(name, "lkj");
}
static void same(const char *text) {
  int64_t n = values(text, "x", x, N, 1), m = values(text, "x", p, N, 2);
  CHECK(n > 0 && n == m && !memcmp(x, p, (size_t)n * sizeof *x));
}
static void threads(void) {
  char text[1200];
  for (size_t k = 0; k < sizeof continuous / sizeof *continuous; k++) {
    int n = continuous[k].n / 2;
    snprintf(text, sizeof text, "%sx = draw(%s, random(%zu, range(%d)))\n", blocks, continuous[k].call, k, n);
    same(text);
  }
  for (size_t k = 0; k < sizeof discrete / sizeof *discrete; k++) {
    int n = discrete[k].n / 4;
    snprintf(text, sizeof text, "%sx = draw(%s, random(%zu, range(%d)))\n", blocks, discrete[k].call, k, n);
    same(text);
  }
  same("u[r in 0..499, i in 0..2] = random(7, 3 * r + i)\nx = draw(lkj(2, 3), u)\n");
  int files = 0;
  for (int k = 0; k < cx_lib_count; k++) {
    char name[64];
    if (sscanf(cx_lib[k].name, "dist/%60[^.]", name) != 1) continue;
    files++;
    if (!listed(name)) fprintf(stderr, "no draws of %s\n", name);
    CHECK(listed(name));
  }
  CHECK(files > 30);
}

int main(void) {
  threads();
  one_dimension();
  estimates();
  return CHECK_DONE();
}
