/* test_api_file.c - models in files through the C API: what is saved comes back, in its own program and in others;
 * predictors as functions of data; every allocation may fail. */
#include <unistd.h>

#include "api_common.h"

static const char *text =
    "data x[n, d], y[n], g[n] : int(0..2)\n"
    "mu = mean(i: x[i])\n"
    "param w[d], b[3], s > 0, q[3] : simplex\n"
    "p[i] = (x[i] - mu) @ w + b[g[i]] + q[1]\n"
    "minimize mean(i: (y[i] - p[i])^2) / s + log(s) + l2(params)\n";
enum { N = 5, D = 2, SIZE = D + 3 + 1 + 2 };
static const double X[N][D] = {{1, 2}, {3, -1}, {0, 4}, {2, 2}, {-5, 1}}, Y[N] = {1, 0, 2, 5, -1};
static const int G[N] = {0, 1, 2, 1, 0};
static const double at_x[SIZE] = {0.5, -0.25, 1, 2, 3, 0.7, -1, 0.4};

static calx_status bound(calx_ctx *c, calx_model **m, int rows) {
  calx_status s = calx_compile(c, text, SIZE_MAX, m);
  if (!s) s = calx_bind(*m, "x", CALX_F64, 2, (int64_t[]){rows, D}, NULL, X);
  if (!s) s = calx_bind(*m, "y", CALX_F64, 1, (int64_t[]){rows}, NULL, Y);
  return s ? s : calx_bind(*m, "g", CALX_I32, 1, (int64_t[]){rows}, NULL, G);
}

static calx_status value(calx_model *m, const char *e, const double *x, double *out) {
  calx_fn *f;
  calx_status s = calx_function(m, e, SIZE_MAX, &f);
  if (!s) s = at(f, x, out);
  return s;
}

/* 0.5 (x0 - mu0) - 0.25 (x1 - mu1) + b[g] + q[1], by hand */
static double expected(int i) {
  double mu[D] = {0.2, 1.6}, z = exp(at_x[6]) + exp(at_x[7]) + 1;
  return 0.5 * (X[i][0] - mu[0]) - 0.25 * (X[i][1] - mu[1]) + at_x[2 + G[i]] + exp(at_x[7]) / z;
}

static void round_trip(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m, *o;
  double p[N], q[N], x[SIZE] = {0};
  CHECK(bound(c, &m, N) == CALX_OK && value(m, "p", at_x, p) == CALX_OK);
  for (int i = 0; i < N; i++) CHECK_NEAR(p[i], expected(i), 1e-14);
  CHECK(calx_save(m, at_x, "m.safetensors") == CALX_OK);

  CHECK(calx_open(c, "m.safetensors", &o) == CALX_OK);
  CHECK(calx_bind(o, "x", CALX_F64, 2, (int64_t[]){2, D}, NULL, X) == CALX_OK); /* two rows of the five */
  CHECK(calx_start(o, 1, x) == CALX_OK);
  for (int k = 0; k < SIZE; k++) CHECK(x[k] == at_x[k]); /* bit for bit, whatever the domain */
  calx_fn *f;
  CHECK(calx_function(o, "p", SIZE_MAX, &f) == CALX_E_DATA && strstr(calx_error(c), "nothing is bound to `g`"));
  CHECK(calx_bind(o, "g", CALX_I32, 1, (int64_t[]){2}, NULL, G) == CALX_OK);
  CHECK(value(o, "p", x, q) == CALX_OK && q[0] == p[0] && q[1] == p[1]); /* mu is that of all five */
  CHECK(calx_bind(o, "x", CALX_F64, 2, (int64_t[]){2, 3}, NULL, X) == CALX_OK);
  CHECK(calx_function(o, "p", SIZE_MAX, &f) == CALX_E_DATA && strstr(calx_error(c), "fitted with d = 2"));

  CHECK(calx_open(c, "none.safetensors", &o) == CALX_E_DATA && strstr(calx_error(c), "no such file"));
  CHECK(calx_save(m, at_x, "/dev/null/m.safetensors") == CALX_E_RUNTIME);
  calx_free(c);
}

static void transfer(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  double x[] = {9, 9, 9, 9, 9};
  int n = -1;
  CHECK(calx_compile(c, "param w[2], v, s > 0, r\nminimize l2(params)\nfit by lbfgs\n", SIZE_MAX, &m) == CALX_OK);
  CHECK(calx_load(m, "m.safetensors", x, &n) == CALX_OK && n == 2);
  CHECK(x[0] == 0.5 && x[1] == -0.25 && x[2] == 9 && x[4] == 9);
  CHECK_NEAR(x[3], 0.7, 1e-15);
  CHECK(calx_compile(c, "param w[3], v\n", SIZE_MAX, &m) == CALX_OK);
  CHECK(calx_load(m, "m.safetensors", x, &n) == CALX_E_PROGRAM && strstr(calx_error(c), "has shape [3]"));
  CHECK(calx_compile(c, "param w[2] : positive\n", SIZE_MAX, &m) == CALX_OK);
  CHECK(calx_load(m, "m.safetensors", x, &n) != CALX_OK && strstr(calx_error(c), "w[1]: -0.25 is not positive"));
  CHECK(calx_compile(c, "param u\n", SIZE_MAX, &m) == CALX_OK);
  CHECK(calx_load(m, "m.safetensors", x, &n) != CALX_OK && strstr(calx_error(c), "no param above"));
  CHECK(x[0] == 0.5 && x[1] == -0.25);
  calx_free(c);
}

static void predictor(int single) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *f, *bad;
  double in[D], out[1], dummy[D] = {0}, x[SIZE];
  int g = 0;
  char program[1000];
  snprintf(program, sizeof program, "%s%s", single ? "precision single\n" : "", text);
  memcpy(x, at_x, sizeof x);
  CHECK(calx_open(c, "m.safetensors", &m) == CALX_OK);
  if (single) { /* the same in floats, saved and opened again */
    calx_model *s;
    CHECK(calx_compile(c, program, SIZE_MAX, &s) == CALX_OK);
    calx_bind(s, "x", CALX_F64, 2, (int64_t[]){N, D}, NULL, X);
    calx_bind(s, "y", CALX_F64, 1, (int64_t[]){N}, NULL, Y);
    calx_bind(s, "g", CALX_I32, 1, (int64_t[]){N}, NULL, G);
    CHECK(calx_save(s, x, "s.safetensors") == CALX_OK && calx_open(c, "s.safetensors", &m) == CALX_OK);
  }
  CHECK(calx_bind(m, "x", CALX_F64, 2, (int64_t[]){1, D}, NULL, dummy) == CALX_OK);
  CHECK(calx_bind(m, "g", CALX_I32, 1, (int64_t[]){1}, NULL, &g) == CALX_OK);
  CHECK(calx_predictor(m, "p[0]", SIZE_MAX, x, 2, (const char *[]){"x", "g"}, &f) == CALX_OK);
  CHECK(calx_fn_inputs(f) == D + 1 && calx_fn_outputs(f) == 1);
  memset(x, 0, sizeof x); /* the function has its own */
  for (int i = 0; i < N; i++) {
    double v[D + 1] = {X[i][0], X[i][1], G[i]};
    CHECK(at(f, v, out) == CALX_OK);
    CHECK_NEAR(out[0], expected(i), single ? 1e-6 : 1e-14);
  }
  CHECK(calx_predictor(m, "p[0]", SIZE_MAX, x, 1, (const char *[]){"z"}, &bad) == CALX_E_USAGE);
  CHECK(calx_predictor(m, "y", SIZE_MAX, x, 1, (const char *[]){"y"}, &bad) == CALX_E_USAGE);
  CHECK(calx_predictor(m, "p[0] + y[0]", SIZE_MAX, x, 1, (const char *[]){"x"}, &bad) == CALX_E_DATA);
  (void)in;
  calx_free(c);
}

/* all of it with memory for one request less each time */
static calx_status everything(calx_ctx *c) {
  calx_model *m;
  calx_fn *f;
  double x[SIZE], out[N];
  int n;
  calx_status s = bound(c, &m, N);
  if (!s) s = calx_save(m, at_x, "o.safetensors");
  if (!s) s = calx_open(c, "o.safetensors", &m);
  if (!s) s = calx_bind(m, "x", CALX_F64, 2, (int64_t[]){N, D}, NULL, X);
  if (!s) s = calx_bind(m, "g", CALX_I32, 1, (int64_t[]){N}, NULL, G);
  if (!s) s = calx_start(m, 1, x);
  if (!s) s = calx_load(m, "o.safetensors", x, &n);
  if (!s) s = calx_predictor(m, "p", SIZE_MAX, x, 1, (const char *[]){"x"}, &f);
  if (!s) s = at(f, &X[0][0], out);
  return s;
}
int main(void) {
  char folder[] = "/tmp/calx-model-XXXXXX";
  if (!mkdtemp(folder) || chdir(folder)) return 2;
  round_trip();
  transfer();
  predictor(0);
  predictor(1);
  every_allocation_fails(everything);
  char command[100];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (chdir("/") || system(command)) return 2;
  return CHECK_DONE();
}
