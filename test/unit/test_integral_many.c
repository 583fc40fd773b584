/* Integrals in company: many of one kind go by one rule (quad/group.c), and what each of them is alone it must be there.
 * Every integral of the tables is stretched, x -> s x, by factors in no order; and families with closed forms. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "calx.h"
#include "check.h"

enum { N = 40 };
static double s[N], value[N], error[N];
static calx_integral_state state[N];

static bool integrate(const char *text, int64_t n, const double *at) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_status e = calx_integrate(c, text, SIZE_MAX, 1, (const char *[]){"stretch"}, (const double *[]){at}, n, value,
                                 error, state, NULL);
  if (e && e != CALX_E_CONVERGENCE) fprintf(stderr, "%s\n%s", text, calx_error(c));
  calx_free(c);
  return !e || e == CALX_E_CONVERGENCE;
}

/* "integral(x in a..b: e)", stretched */
static bool stretched(const char *text, char *to, size_t size) {
  const char *var = text + strlen("integral("), *in = strstr(var, " in "), *dots = strstr(var, ".."),
             *colon = strstr(var, ": ");
  if (strncmp(text, "integral(", 9) || !in || !dots || !colon) return false;
  int v = (int)(in - var), a = (int)(dots - in - 4), b = (int)(colon - dots - 2), e = (int)strlen(colon + 2) - 1;
  snprintf(to, size,
           "whole(%.*s) = %.*s\nintegral(%.*s in (%.*s) / stretch..(%.*s) / stretch: stretch * "
           "whole(stretch * %.*s))",
           v, var, e, colon + 2, v, var, a, in + 4, b, dots + 2, v, var);
  return true;
}

static void tables(const char *file, int many) {
  char line[4000], text[9000];
  int rows = 0, worse = 0;
  FILE *f = fopen(file, "r");
  CHECK(f != NULL);
  while (f && fgets(line, sizeof line, f)) {
    const char *name = strtok(line, "\t"), *one = strtok(NULL, "\t"), *exact = strtok(NULL, "\t\n");
    if (!exact || !stretched(one, text, sizeof text)) continue;
    double want = strtod(exact, NULL);
    bool lie[N];
    CHECK(integrate(text, N, s));
    rows++;
    for (int k = 0; k < N; k++) lie[k] = state[k] == CALX_INTEGRAL_OK && !(fabs(value[k] - want) <= 1e-8 * fabs(want));
    for (int k = 0; k < N; k++) {
      if (!lie[k]) continue;
      CHECK(integrate(text, 1, &s[k]));
      if (state[0] == CALX_INTEGRAL_OK && !(fabs(value[0] - want) <= 1e-8 * fabs(want))) continue;
      fprintf(stderr, "%s, stretched by %g: wrong, and claims to be right\n", name, s[k]);
      worse++;
    }
  }
  if (f) fclose(f);
  CHECK(rows == many);
  CHECK(worse == 0);
}

static double gamma_of(double a) { return tgamma(a); }
static double peak(double a) { return 0.02 * a * (tanh((6 - a) / (0.02 * a)) + tanh(50)); }
static double ends(double a) { return tgamma(a / 8 + 0.5) * tgamma(1.5) / tgamma(a / 8 + 2); }
static double macdonald(double a) { /* K_0, by the trapezoidal rule */
  double sum = exp(-a) / 2, h = 1 / 32.0;
  for (int k = 1; k < 400; k++) sum += exp(-a * cosh(k * h));
  return sum * h;
}
static double kinked(double a) { return a - 1 + 2 * exp(-a) - exp(-6) * (7 - a); }
static double logistic(double a) {
  double sum = 0, h = 1 / 16.0;
  for (int k = -200; k <= 200; k++) sum += exp(-k * h * k * h / 2) / (1 + exp(-(a - 3 + 1.5 * k * h)));
  return sum * h;
}
static double wave(double a) { return acos(-1) * j0(a); }
/* two peaks, one of them far away, narrow and small: no rule for the first may pass it over */
static double pair(double a) { return acos(-1) * (1 + 1e-5 * a / 50); }
static double algebraic(double a) {
  return sqrt(acos(-1)) * tgamma(a + 0.1) / tgamma(a + 0.6);
} /* of (1 + x^2)^-(a+0.6) */
/* features that are one another moved and stretched; f'(u) / sqrt|u| with u = tanh, atan bends nowhere at its root */
static double by_tanh(double a) { return 2 * sqrt(tanh(6 - a)) + 2 * sqrt(tanh(a)); }
static double by_atan(double a) { return 2 * sqrt(atan(6 - a)) + 2 * sqrt(atan(a)); }
static double touching(double a) { return sinh(6 - a) + sinh(a) - 6; }
static double rectified(double a) { return 2 * a; }
static double threshold(double a) { /* |sinh(x / a) - 1| */
  double x = asinh(1), end = 3 / a;
  return a * (end < x ? end - cosh(end) + 1 : 2 * x - 2 * cosh(x) + 1 + cosh(end) - end);
}

static void families(void) {
  static const struct {
    const char *text;
    double (*exact)(double);
  } row[] = {{"integral(x in 0..inf: x^(stretch - 1) * exp(-x))", gamma_of},
             {"integral(x in 0..6: 1 / cosh((x - stretch) / (0.02 * stretch))^2)", peak},
             {"integral(x in 0..1: x^(stretch / 8 - 0.5) * sqrt(1 - x))", ends},
             {"integral(x in 0..inf: exp(-stretch * cosh(x)))", macdonald},
             {"integral(x in 0..6: abs(x - stretch) * exp(-x))", kinked},
             {"integral(x in -inf..inf: exp(-x^2 / 2) / (1 + exp(-(stretch - 3 + 1.5 * x))))", logistic},
             {"integral(x in 0..pi: cos(stretch * sin(x)))", wave},
             {"integral(x in -inf..inf: 1 / cosh(x) + 1e-5 / cosh((x - 40 * stretch) / (stretch / 50)))", pair},
             {"integral(x in -inf..inf: (1 + x^2)^(-stretch - 0.6))", algebraic},
             {"integral(x in 0..6: sqrt(cosh(x - stretch)^(-4) / abs(tanh(x - stretch))))", by_tanh},
             {"integral(x in 0..6: 1 / (1 + (x - stretch)^2) / sqrt(abs(atan(x - stretch))))", by_atan},
             {"integral(x in 0..6: abs(cosh(x - stretch) - 1))", touching},
             {"integral(x in 0..2 * pi: max(stretch * sin(5 * x), 0))", rectified},
             {"integral(x in 0..3: abs(sinh(x / stretch) - 1))", threshold}};
  for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
    CHECK(integrate(row[k].text, N, s));
    int wrong = 0, open = 0;
    for (int j = 0; j < N; j++) {
      double want = row[k].exact(s[j]);
      bool right = fabs(value[j] - want) <= 1e-9 * fmax(fabs(want), 1e-3);
      open += state[j] != CALX_INTEGRAL_OK;
      wrong += !right;
    }
    if (wrong || open) fprintf(stderr, "%s: %d wrong, %d say so\n", row[k].text, wrong, open);
    CHECK(wrong == 0);
    CHECK(open == 0);
  }
}

int main(void) {
  for (int k = 0; k < N; k++) s[k] = 0.6 + 1.1 * fmod(0.61803398874989485 * (k + 1), 1);
  tables(CX_TEST_DIR "/tables/integrals_1d.tsv", 83);
  tables(CX_TEST_DIR "/tables/integrals_hard.tsv", 485);
  families();
  for (int k = 0; k < N; k++) s[k] = 0.5 + 5 * (k + 0.5) / N;
  families();
  return CHECK_DONE();
}
