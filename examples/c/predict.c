/* predict.c - a model fitted and saved, then opened again as a program that serves would do it: one sample at a time,
 * compiled once. The prediction is compared with the one before saving. */
#include <calx.h>
#include <math.h>
#include <stdio.h>

enum { N = 200 };

static int failed(calx_ctx *c) {
  fprintf(stderr, "%s", calx_error(c));
  calx_free(c);
  return 1;
}

int main(void) {
  /* a spiral: which arm does a point lie on? */
  static double point[N][2], arm[N], x[1000];
  for (int i = 0; i < N; i++) {
    double r = 0.2 + (i / 2) / 100.0, turn = 4 * r + 3.14159 * (i % 2);
    point[i][0] = r * cos(turn), point[i][1] = r * sin(turn), arm[i] = i % 2;
  }
  const char *text =
      "data point[n, 2], arm[n] : bool\n"
      "size = sqrt(mean(i: point[i]^2))\n" /* kept with the model: new points are scaled as these are */
      "net(x) = dense(tanh(dense(tanh(dense(x, 16)), 16)), 1)\n"
      "z = net(point / size)\n"
      "p[i] = sigmoid(z[i, 0])\n"
      "minimize mean(i: softplus(z[i, 0]) - arm[i] * z[i, 0]) + 1e-5 * l2(params)\n";
  calx_ctx *c = calx_new(NULL, NULL);
  if (!c) return 1;
  calx_model *m;
  calx_report r;
  calx_fn *f;
  calx_work *w;
  static double before[N];
  if (calx_compile(c, text, SIZE_MAX, &m) || calx_bind(m, "point", CALX_F64, 2, (int64_t[]){N, 2}, NULL, point) ||
      calx_bind(m, "arm", CALX_F64, 1, (int64_t[]){N}, NULL, arm) || calx_start(m, 1, x))
    return failed(c);
  calx_option steps = {.name = "steps", .value = 300};
  calx_status s = calx_minimize(m, "lbfgs", &steps, 1, x, NULL, NULL, &r);
  if (s && s != CALX_E_CONVERGENCE) return failed(c); /* 300 steps are enough, whether it has converged or not */
  if (calx_function(m, "p", SIZE_MAX, &f) || calx_work_new(f, &w) || calx_eval(f, w, x, before) ||
      calx_save(m, x, "spiral.safetensors"))
    return failed(c);
  calx_model_free(m);

  double one[2] = {0, 0}, answer, worst = 0;
  int wrong = 0;
  if (calx_open(c, "spiral.safetensors", &m) || calx_bind(m, "point", CALX_F64, 2, (int64_t[]){1, 2}, NULL, one) ||
      calx_start(m, 0, x) || calx_predictor(m, "p[0]", SIZE_MAX, x, 1, (const char *[]){"point"}, &f) ||
      calx_work_new(f, &w))
    return failed(c);
  for (int i = 0; i < N; i++) {
    if (calx_eval(f, w, point[i], &answer)) return failed(c);
    worst = fmax(worst, fabs(answer - before[i]));
    wrong += (answer > 0.5) != (arm[i] > 0.5);
  }
  printf("%d of %d points on the wrong arm; predictions differ from those before by %.1e\n", wrong, N, worst);
  calx_free(c);
  remove("spiral.safetensors");
  return wrong > N / 20 || worst > 1e-12;
}
