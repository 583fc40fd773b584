/* gradient.c - gradient descent with the loop in your own hands: the text says what is minimised, calx gives the
 * gradient, and the program steps along it. */
#include <calx.h>
#include <math.h>
#include <stdio.h>

static int failed(calx_ctx *c) {
  fprintf(stderr, "%s", calx_error(c));
  calx_free(c);
  return 1;
}

int main(void) {
  const char *text =
      "param x = -1, y = 2\n"
      "bowl = (x - 1)^2 + 4 * (y + 0.5)^2\n"
      "minimize bowl + exp(-x * y)\n";
  calx_ctx *c = calx_new(NULL, NULL);
  if (!c) return 1;
  calx_model *m;
  calx_fn *f, *bowl;
  calx_work *w, *wb;
  double x[2], out[3], b; /* out: the value, then the gradient */
  if (calx_compile(c, text, SIZE_MAX, &m) || calx_start(m, 0, x) || calx_gradient(m, &f) || calx_work_new(f, &w))
    return failed(c);
  if (calx_function(m, "bowl", SIZE_MAX, &bowl) || calx_work_new(bowl, &wb)) return failed(c);

  for (int step = 0; step <= 200; step++) {
    calx_eval(f, w, x, out);
    if (step % 40 == 0) printf("step %3d   f(%8.5f, %8.5f) = %.8f\n", step, x[0], x[1], out[0]);
    for (int k = 0; k < 2; k++) x[k] -= 0.05 * out[1 + k];
  }
  calx_eval(bowl, wb, x, &b);
  printf("at the minimum the bowl is %.6f, and the slope %.1e, %.1e\n", b, out[1], out[2]);

  /* where the gradient, derived by hand, vanishes */
  double e = exp(-x[0] * x[1]), gx = 2 * (x[0] - 1) - x[1] * e, gy = 8 * (x[1] + 0.5) - x[0] * e;
  calx_free(c); /* and all that was made from it */
  return fabs(gx) > 1e-6 || fabs(gy) > 1e-6;
}
