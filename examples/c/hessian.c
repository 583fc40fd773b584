/* hessian.c - Newton's method written by hand: gradient and Hessian from calx, the linear system by the program's own
 * elimination. Half a dozen steps double the correct digits each; the inverse Hessian gives standard errors. */
#include <calx.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { P = 3 };

static int failed(calx_ctx *c) {
  fprintf(stderr, "%s", calx_error(c));
  calx_free(c);
  return 1;
}

/* solves A x = b, b becomes x; A is positive definite, so that no pivoting is needed */
static void solve(const double *given, double *b) {
  double A[P * P];
  memcpy(A, given, sizeof A);
  for (int k = 0; k < P; k++)
    for (int i = k + 1; i < P; i++) {
      double f = A[i * P + k] / A[k * P + k];
      for (int j = k; j < P; j++) A[i * P + j] -= f * A[k * P + j];
      b[i] -= f * b[k];
    }
  for (int k = P - 1; k >= 0; k--) {
    for (int j = k + 1; j < P; j++) b[k] -= A[k * P + j] * b[j];
    b[k] /= A[k * P + k];
  }
}

int main(void) {
  /* breakdowns of a machine by year (invented), with a Poisson rate that is the exponential of a parabola in time */
  const double year[11] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, count[11] = {31, 24, 25, 18, 11, 12, 8, 11, 13, 9, 15};
  const char *text =
      "data t[n], k[n]\n"
      "param a = 3, b, c\n"
      "u[i] = (t[i] - 5) / 5\n"
      "log_rate[i] = a + b * u[i] + c * u[i]^2\n"
      "minimize sum(i: exp(log_rate[i]) - k[i] * log_rate[i])\n";
  calx_ctx *c = calx_new(NULL, NULL);
  if (!c) return 1;
  calx_model *m;
  calx_fn *g, *h;
  calx_work *wg, *wh;
  double x[P], out[1 + P], H[P * P];
  int64_t n = 11;
  if (calx_compile(c, text, SIZE_MAX, &m) || calx_bind(m, "t", CALX_F64, 1, &n, NULL, year) ||
      calx_bind(m, "k", CALX_F64, 1, &n, NULL, count) || calx_start(m, 0, x) || calx_gradient(m, &g) ||
      calx_hessian(m, &h) || calx_work_new(g, &wg) || calx_work_new(h, &wh))
    return failed(c);

  double slope = 1;
  for (int step = 0; step < 10 && slope > 1e-10; step++) {
    calx_eval(g, wg, x, out);
    calx_eval(h, wh, x, H);
    slope = fmax(fabs(out[1]), fmax(fabs(out[2]), fabs(out[3])));
    printf("step %d   %.12f   slope %.1e\n", step, out[0], slope);
    solve(H, out + 1);
    for (int k = 0; k < P; k++) x[k] -= out[1 + k];
  }
  for (int k = 0; k < P; k++) {
    double e[P] = {0};
    e[k] = 1;
    solve(H, e); /* a column of the inverse */
    printf("%c = %8.5f ± %.5f\n", 'a' + k, x[k], sqrt(e[k]));
  }
  /* with an intercept in the model, fitted and observed totals agree at the optimum */
  double fitted = 0, observed = 0;
  for (int i = 0; i < n; i++) {
    double u = (year[i] - 5) / 5;
    fitted += exp(x[0] + x[1] * u + x[2] * u * u);
    observed += count[i];
  }
  printf("breakdowns: %.6f fitted, %.0f observed\n", fitted, observed);
  calx_free(c);
  return !(slope <= 1e-10) || fabs(fitted - observed) > 1e-8;
}
