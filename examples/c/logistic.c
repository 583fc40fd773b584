/* logistic.c - a logistic regression fitted to data of the program's own, without copying them; a callback follows the
 * fit. The answer is checked by the equations it must satisfy. */
#include <calx.h>
#include <math.h>
#include <stdio.h>

enum { N = 2000, D = 3 };

static int failed(calx_ctx *c) {
  fprintf(stderr, "%s", calx_error(c));
  calx_free(c);
  return 1;
}

static int follow(void *user, const calx_report *r, const double *x) {
  (void)user, (void)x;
  printf("step %2d   loss %.6f   gradient %.1e\n", (int)r->steps, r->value, r->gradient_norm);
  return 0; /* anything else stops the fit */
}

int main(void) {
  /* patients: three measurements as floats, and whether they fell ill as bytes */
  static float measured[N][D];
  static unsigned char ill[N];
  const double truth[D + 1] = {1.5, -2, 0.5, -0.3};
  unsigned seed = 1;
  for (int i = 0; i < N; i++) {
    double eta = truth[D], u = 0;
    for (int j = 0; j <= D; j++) {
      seed = seed * 1664525u + 1013904223u; /* Knuth and Lewis */
      u = (seed >> 8) / 16777216.0;
      if (j < D) measured[i][j] = (float)(4 * u - 2), eta += measured[i][j] * truth[j];
    }
    ill[i] = u < 1 / (1 + exp(-eta));
  }

  const char *text =
      "data x[n, d], ill[n] : bool\n"
      "param w[d], b\n"
      "eta[i] = sum(j: x[i, j] * w[j]) + b\n"
      "minimize mean(i: log(1 + exp(eta[i])) - ill[i] * eta[i])\n";
  calx_ctx *c = calx_new(NULL, NULL);
  if (!c) return 1;
  calx_model *m;
  calx_report r;
  double w[D + 1];
  if (calx_compile(c, text, SIZE_MAX, &m) || calx_bind(m, "x", CALX_F32, 2, (int64_t[]){N, D}, NULL, measured) ||
      calx_bind(m, "ill", CALX_U8, 1, (int64_t[]){N}, NULL, ill) || calx_start(m, 0, w))
    return failed(c);
  calx_option precise = {.name = "tolerance", .value = 1e-9};
  if (calx_minimize(m, "lbfgs", &precise, 1, w, follow, NULL, &r)) return failed(c);
  printf("%s after %d steps and %d evaluations\n", r.reason, (int)r.steps, (int)r.evaluations);

  /* at the optimum, residuals and measurements are orthogonal */
  double worst = 0, error = 0;
  for (int j = 0; j <= D; j++) {
    double s = 0;
    for (int i = 0; i < N; i++) {
      double eta = w[D];
      for (int k = 0; k < D; k++) eta += measured[i][k] * w[k];
      s += (1 / (1 + exp(-eta)) - ill[i]) * (j < D ? (double)measured[i][j] : 1) / N;
    }
    worst = fmax(worst, fabs(s));
    error = fmax(error, fabs(w[j] - truth[j]));
    printf("%s %8.4f   (the data were drawn with %4.1f)\n", j < D ? "w" : "b", w[j], truth[j]);
  }
  calx_free(c);
  return worst > 1e-8 || error > 0.4;
}
