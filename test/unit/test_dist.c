/* lib/dist against test/tables/dist/NAME.tsv, made with mpmath at 40 digits (make_dist.py there). Errors are counted in
 * units of 2^-52 relative, for log_density and entropy over max(1, |value|): theirs is an error of the density. Each
 * bound is of the error over 1 + the condition number, by which the rounding of an argument alone grows; where that is
 * below 20 the error itself is at most 200 units of distribution functions, 100 of all else. VERBOSE=1 prints the worst of every distribution and
 * function, ONLY="gamma beta" takes these alone. */
#include <float.h>
#include <stdbool.h>
#include <stdlib.h>

#include "calx.h"
#include "check.h"

enum { ROWS = 4000, COLUMNS = 8 };
typedef struct {
  int nparam, n;
  char param[COLUMNS][32];
  char function[ROWS][16];
  double value[COLUMNS][ROWS], want[ROWS], condition[ROWS]; /* value[0]: x */
} table;
static table t;

static bool read_table(const char *name) {
  char path[400], line[1000];
  snprintf(path, sizeof path, "%s/tables/dist/%s.tsv", CX_TEST_DIR, name);
  FILE *f = fopen(path, "r");
  CHECK(f != NULL);
  if (!f) return false;
  t.nparam = t.n = 0;
  for (int row = -1; fgets(line, sizeof line, f) && row < ROWS; row++) {
    char *field[COLUMNS + 4];
    int n = 0;
    for (char *p = strtok(line, "\t\n"); p && n < COLUMNS + 4; p = strtok(NULL, "\t\n")) field[n++] = p;
    if (row < 0) {
      t.nparam = n - 4;
      for (int k = 0; k < t.nparam; k++) snprintf(t.param[k], sizeof t.param[k], "%s", field[2 + k]);
      continue;
    }
    CHECK(n == t.nparam + 4);
    snprintf(t.function[row], sizeof t.function[row], "%s", field[0]);
    for (int k = 0; k <= t.nparam; k++) t.value[k][row] = strtod(field[1 + k], NULL);
    t.want[row] = strtod(field[n - 2], NULL);
    t.condition[row] = strtod(field[n - 1], NULL);
    t.n = row + 1;
  }
  fclose(f);
  return t.n > 0;
}

/* errors[k] of the rows of one function, in units; how many there are */
static int errors_of(const char *name, const char *function, double *errors, double *got, int *where) {
  static double column[COLUMNS][ROWS];
  char text[600], call[400], params[300] = "";
  int n = 0;
  for (int row = 0; row < t.n; row++) {
    if (strcmp(t.function[row], function)) continue;
    for (int k = 0; k <= t.nparam; k++) column[k][n] = t.value[k][row];
    where[n++] = row;
  }
  if (!n) return 0;
  bool moment = !strcmp(function, "mean") || !strcmp(function, "variance") || !strcmp(function, "entropy");
  for (int k = 0; k < t.nparam; k++)
    snprintf(params + strlen(params), sizeof params - strlen(params), "%s%s", k ? ", " : "", t.param[k]);
  snprintf(text, sizeof text, "data place[points]");
  for (int k = 0; k < t.nparam; k++)
    snprintf(text + strlen(text), sizeof text - strlen(text), ", %s[points]", t.param[k]);
  snprintf(call, sizeof call, "%s(%s(%s)%s)", function, name, params, moment ? "" : ", place");
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *fn = NULL;
  calx_work *w;
  int64_t dim[1] = {n};
  bool ok = calx_compile(c, text, SIZE_MAX, &m) == CALX_OK;
  for (int k = 0; ok && k <= t.nparam; k++)
    ok = calx_bind(m, k ? t.param[k - 1] : "place", CALX_F64, 1, dim, NULL, column[k]) == CALX_OK;
  ok = ok && calx_function(m, call, SIZE_MAX, &fn) == CALX_OK && calx_work_new(fn, &w) == CALX_OK;
  if (ok && calx_fn_outputs(fn) == n) ok = calx_eval(fn, w, NULL, got) == CALX_OK;
  else if (ok && calx_fn_outputs(fn) == 1) { /* the same for all */ ok = calx_eval(fn, w, NULL, got) == CALX_OK;
    for (int k = 1; k < n; k++) got[k] = got[0];
  }
  CHECK(ok);
  if (!ok) fprintf(stderr, "%s of %s: %s\n", function, name, calx_error(c));
  for (int k = 0; ok && k < n; k++) {
    double want = t.want[where[k]], scale = fabs(want);
    if (!strcmp(function, "log_density") || !strcmp(function, "entropy")) scale = fmax(scale, 1);
    errors[k] = got[k] == want || (isnan(got[k]) && isnan(want)) ? 0 : fabs(got[k] - want) / scale / DBL_EPSILON;
    if (isnan(errors[k])) errors[k] = INFINITY;
  }
  calx_free(c);
  return ok ? n : 0;
}

static const char *const functions[] = {"log_density", "cdf",  "ccdf",     "log_cdf", "log_ccdf",
                                        "quantile",    "mean", "variance", "entropy"};
static const struct {
  const char *name;
  double bound; /* of errors over 1 + condition: at most twice what was measured */
} rows[] = {
#define D(name, bound) \
  { #name, bound }
    D(normal, 2),           D(lognormal, 2),      D(student_t, 7),
    D(cauchy, 2),           D(logistic, 2),       D(laplace, 2),
    D(exponential, 2),      D(gamma, 3),          D(inverse_gamma, 3),
    D(chi_square, 3),       D(beta, 5),           D(uniform, 2),
    D(weibull, 6),          D(gumbel, 3),         D(pareto, 2),
    D(rayleigh, 2),         D(half_normal, 2),    D(half_cauchy, 2),
    D(half_student_t, 8),   D(von_mises, 7),      D(triangular, 2),
    D(bernoulli, 2),        D(binomial, 8),       D(negative_binomial, 4),
    D(poisson, 2),          D(geometric, 2),      D(hypergeometric, 200),
    D(discrete_uniform, 2), D(beta_binomial, 12),
#undef D
};

int main(void) {
  static double errors[ROWS], got[ROWS];
  static int where[ROWS];
  bool verbose = getenv("VERBOSE") != NULL;
  for (size_t d = 0; d < sizeof rows / sizeof *rows; d++) {
    if (getenv("ONLY") && !strstr(getenv("ONLY"), rows[d].name)) continue;
    if (!read_table(rows[d].name)) continue;
    double worst = 0, plain = 0;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
      int n = errors_of(rows[d].name, functions[f], errors, got, where), at = 0;
      double most = -1, most_plain = 0;
      for (int k = 0; k < n; k++) {
        double e = errors[k] / (1 + t.condition[where[k]]);
        if (e > most) most = e, at = k;
        if (t.condition[where[k]] < 20) most_plain = fmax(most_plain, errors[k]);
      }
      worst = fmax(worst, most), plain = fmax(plain, most_plain);
      CHECK(most <= rows[d].bound);
      CHECK(most_plain <= (strstr(functions[f], "cdf") ? 200 : 100));
      if (n && (verbose || most > rows[d].bound)) {
        printf("%-18s %-12s %4d points, worst %8.3g, plain %8.3g; at", rows[d].name, functions[f], n, most, most_plain);
        for (int k = 0; k <= t.nparam; k++) printf(" %.17g", t.value[k][where[at]]);
        printf(": %.17g for %.17g (condition %.3g)\n", got[at], t.want[where[at]], t.condition[where[at]]);
      }
    }
    CHECK(t.n >= 50);
    printf("%-18s %4d values: %.3g units over 1 + condition, %.3g where that is below 20\n", rows[d].name, t.n, worst,
           plain);
  }
  return CHECK_DONE();
}
