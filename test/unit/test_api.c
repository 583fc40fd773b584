/* test_api.c - the C API: values and derivatives against closed forms and finite differences, data, threads. */
#include "api_common.h"

#ifdef HAVE_THREADS
#include <pthread.h>
#endif

/* ---- values and derivatives ---- */

static void test_rosenbrock(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(
      c, "param x = -1.2, y = 1\nminimize (1 - x)^2 + 100 * (y - x^2)^2\nprint x, y\nfit by adam(steps = 10)\n");
  int np;
  int64_t n;
  double x[2], g[3], h[4];
  OK(calx_param_count(m, &np, &n));
  CHECK(np == 2 && n == 2);
  OK(calx_start(m, 0, x));
  CHECK(x[0] == -1.2 && x[1] == 1);
  calx_fn *v, *f, *hess;
  OK(calx_value(m, &v));
  OK(calx_gradient(m, &f));
  OK(calx_hessian(m, &hess));
  CHECK(calx_fn_inputs(f) == 2 && calx_fn_outputs(f) == 3 && calx_fn_outputs(v) == 1 && calx_fn_outputs(hess) == 4);
  calx_output o;
  CHECK(calx_fn_output_at(f, 1, &o) && o.rank == 1 && o.dim[0] == 2 && o.offset == 1 && o.size == 2 &&
        !calx_fn_output_at(f, 2, &o));
  CHECK(calx_fn_output_at(hess, 0, &o) && o.rank == 2 && o.dim[0] == 2 && o.dim[1] == 2 &&
        !calx_fn_output_at(hess, -1, &o));
  for (int k = 0; k < 5; k++) {
    double a = 4 * uniform() - 2, b = 4 * uniform() - 2;
    OK(at(v, (double[]){a, b}, g));
    CHECK_NEAR(g[0], pow(1 - a, 2) + 100 * pow(b - a * a, 2), 1e-14);
    OK(at(f, (double[]){a, b}, g));
    CHECK_NEAR(g[0], pow(1 - a, 2) + 100 * pow(b - a * a, 2), 1e-14);
    CHECK_NEAR(g[1], -2 * (1 - a) - 400 * a * (b - a * a), 1e-13);
    CHECK_NEAR(g[2], 200 * (b - a * a), 1e-13);
    OK(at(hess, (double[]){a, b}, h));
    CHECK_NEAR(h[0], 2 - 400 * (b - 3 * a * a), 1e-13);
    CHECK_NEAR(h[1], -400 * a, 1e-13);
    CHECK_NEAR(h[2], -400 * a, 1e-13);
    CHECK_NEAR(h[3], 200, 1e-13);
  }
  calx_free(c);
}

static void test_expressions(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(c, "data z[n]\nparam a, b[2], A[2, 3]\nf(x) = x^3 * sin(x)\nu[i] = z[i]^2\n");
  double z[3] = {1, 2, 3}, x[9] = {0.7, 1.5, -2, 1, 2, 3, 4, 5, 6.5};
  OK(calx_bind(m, "z", CALX_F64, 1, (int64_t[]){3}, NULL, z));
  calx_param p;
  OK(calx_param_at(m, 2, &p));
  CHECK(!strcmp(p.name, "A") && p.rank == 2 && p.dim[0] == 2 && p.dim[1] == 3 && p.size == 6 && p.offset == 3 &&
        p.length == 6);

  CHECK_NEAR(value_of(c, m, "f(a)", x), pow(0.7, 3) * sin(0.7), 1e-14);
  CHECK_NEAR(value_of(c, m, "f'(a)", x), 3 * 0.49 * sin(0.7) + pow(0.7, 3) * cos(0.7), 1e-14);
  CHECK_NEAR(value_of(c, m, "d(f(a), a)", x), 3 * 0.49 * sin(0.7) + pow(0.7, 3) * cos(0.7), 1e-14);
  CHECK_NEAR(value_of(c, m, "d(d(f(a), a), a)", x), (6 * 0.7 - pow(0.7, 3)) * sin(0.7) + 6 * 0.49 * cos(0.7), 1e-14);
  CHECK_NEAR(value_of(c, m, "f(2) at z = z", x), 8 * sin(2), 1e-14);
  CHECK_NEAR(value_of(c, m, "sum(i: u[i]) + a", x), 14.7, 1e-15);
  CHECK_NEAR(value_of(c, m, "mean(i:\n  z[i])", x), 2, 1e-15); /* an open bracket goes on */

  calx_fn *f = function_of(c, m, "b, sum(u), A @ z, 2 * A");
  calx_output o;
  double out[11];
  CHECK(calx_fn_outputs(f) == 11);
  CHECK(calx_fn_output_at(f, 3, &o) && o.rank == 2 && o.dim[0] == 2 && o.dim[1] == 3 && o.offset == 5 && o.size == 6);
  CHECK(calx_fn_output_at(f, 1, &o) && o.rank == 0 && o.offset == 2 && o.size == 1);
  OK(at(f, x, out));
  double want[11] = {1.5, -2, 14, 14, 4 + 10 + 19.5, 2, 4, 6, 8, 10, 13};
  for (int k = 0; k < 11; k++) CHECK_NEAR(out[k], want[k], 1e-15);

  calx_fn *J, *e = function_of(c, m, "sin(a * b), A @ z * b[0]^2, u / 2, a");
  OK(calx_jacobian(m, "sin(a * b), A @ z * b[0]^2, u / 2, a", SIZE_MAX, &J));
  double j[8 * 9];
  CHECK(calx_fn_outputs(J) == 8 * 9 && calx_fn_output_at(J, 0, &o) && o.dim[0] == 8 && o.dim[1] == 9);
  OK(at(J, x, j));
  CHECK(jacobian_error(e, x, j) < 1e-9);
  CHECK_NEAR(j[0], 1.5 * cos(0.7 * 1.5), 1e-14);
  for (int k = 0; k < 9; k++) CHECK(j[4 * 9 + k] == 0 && j[7 * 9 + k] == (k == 0));

  /* a text that is not ended by a 0, and a name that only the program's end knows */
  OK(calx_function(m, "a + 1000", 1, &f));
  OK(at(f, x, out));
  CHECK(out[0] == 0.7);
  calx_free(c);
}

/* logistic regression against the textbook */
static void logistic(int n, int d, const double *X, const double *y, const double *w, double *out, double *h) {
  memset(out, 0, (size_t)(d + 2) * sizeof *out);
  memset(h, 0, (size_t)(d + 1) * (size_t)(d + 1) * sizeof *h);
  for (int i = 0; i < n; i++) {
    double eta = w[d], p;
    for (int j = 0; j < d; j++) eta += X[i * d + j] * w[j];
    p = 1 / (1 + exp(-eta));
    out[0] += (fmax(eta, 0) + log1p(exp(-fabs(eta))) - y[i] * eta) / n;
    for (int j = 0; j <= d; j++) {
      double xj = j < d ? X[i * d + j] : 1;
      out[1 + j] += (p - y[i]) * xj / n;
      for (int k = 0; k <= d; k++) h[j * (d + 1) + k] += p * (1 - p) * xj * (k < d ? X[i * d + k] : 1) / n;
    }
  }
}

static const char logistic_text[] =
    "data X[n, d], y[n] : int(0..1)\nparam w[d], b\neta[i] = sum(j: X[i, j] * w[j]) + b\n"
    "minimize mean(i: log(1 + exp(eta[i])) - y[i] * eta[i])\n";

static void test_data(void) {
  enum { N = 203, D = 5 };
  static double X[N * D], T[N * D], out[D + 2], want[D + 2], h[(D + 1) * (D + 1)], hw[(D + 1) * (D + 1)];
  static float F[N * D];
  static double y[N];
  static int16_t y2[2 * N], P[N * D];
  static uint8_t y1[N];
  double w[D + 1];
  for (int k = 0; k < N * D; k++) {
    P[k] = (int16_t)(8 * uniform() - 4);
    X[k] = F[k] = P[k];
  }
  for (int i = 0; i < N; i++) {
    y[i] = y1[N - 1 - i] = uniform() < 0.5;
    y2[2 * i] = (int16_t)y[i], y2[2 * i + 1] = 77;
    for (int j = 0; j < D; j++) T[j * N + i] = X[i * D + j];
  }
  for (int j = 0; j <= D; j++) w[j] = uniform() - 0.5;
  logistic(N, D, X, y, w, want, hw);

  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(c, logistic_text);
  calx_fn *f, *H, *first = NULL;
  for (int way = 0; way < 4; way++) {
    const int64_t nd[2] = {N, D};
    switch (way) {
      case 0: /* row-major doubles */
        OK(calx_bind(m, "X", CALX_F64, 2, nd, NULL, X));
        OK(calx_bind(m, "y", CALX_F64, 1, nd, NULL, y));
        break;
      case 1: /* by columns; every other element */
        OK(calx_bind(m, "X", CALX_F64, 2, nd, (int64_t[]){1, N}, T));
        OK(calx_bind(m, "y", CALX_I16, 1, nd, (int64_t[]){2}, y2));
        break;
      case 2: /* floats; backwards */
        OK(calx_bind(m, "X", CALX_F32, 2, nd, NULL, F));
        OK(calx_bind(m, "y", CALX_U8, 1, nd, (int64_t[]){-1}, y1 + N - 1));
        break;
      case 3: OK(calx_bind(m, "X", CALX_I16, 2, nd, NULL, P)); break;
    }
    OK(calx_gradient(m, &f));
    OK(at(f, w, out));
    for (int k = 0; k < D + 2; k++) CHECK_NEAR(out[k], want[k], 1e-13);
    OK(calx_hessian(m, &H));
    OK(at(H, w, h));
    for (int k = 0; k < (D + 1) * (D + 1); k++) CHECK_NEAR(h[k], hw[k], 1e-13);
    if (!first) first = f;
  }

  /* other sizes: functions made before keep the old data */
  OK(calx_bind(m, "X", CALX_F64, 2, (int64_t[]){10, D}, NULL, X));
  OK(calx_bind(m, "y", CALX_F64, 1, (int64_t[]){10}, NULL, y));
  OK(calx_gradient(m, &f));
  OK(at(f, w, out));
  double small[D + 2];
  logistic(10, D, X, y, w, small, hw);
  for (int k = 0; k < D + 2; k++) CHECK_NEAR(out[k], small[k], 1e-13);
  OK(at(first, w, out));
  for (int k = 0; k < D + 2; k++) CHECK_NEAR(out[k], want[k], 1e-13);
  calx_free(c);

  /* scalars, and a size given twice */
  const float scale = 1.5f;
  const int64_t minus = -4;
  const int32_t t[2] = {3, -5};
  const int8_t v[2] = {-2, 7};
  c = calx_new(NULL, NULL);
  m = compile(c, "data s, k : int, t[n], v[n]\nparam x\nminimize s * x^2 + k + sum(i: t[i] * v[i])\n");
  OK(calx_bind(m, "s", CALX_F32, 0, NULL, NULL, &scale));
  OK(calx_bind(m, "k", CALX_I64, 0, NULL, NULL, &minus));
  OK(calx_bind(m, "t", CALX_I32, 1, (int64_t[]){2}, NULL, t));
  OK(calx_bind(m, "v", CALX_I8, 1, (int64_t[]){2}, NULL, v));
  OK(calx_gradient(m, &f));
  OK(at(f, (double[]){3}, out));
  CHECK(out[0] == 1.5 * 9 - 4 - 41 && out[1] == 9);
  /* nothing in an array */
  OK(calx_bind(m, "t", CALX_I32, 1, (int64_t[]){0}, NULL, NULL));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_DATA, "t is empty"));
  calx_free(c);
}

static void test_domains(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(
      c,
      "param p[3] : simplex = [0.2, 0.3, 0.5], s > 0, t in -1..2, o[3] : ordered = [-1, 0, 2.5], C[2, 2] : covariance\n"
      "minimize -sum(i: log(p[i])) + s - log(s) + t^2 + sum(i: (o[i] - i)^2) + sum(i, j: C[i, j]^2) + C[0, 0]\n");
  int np;
  int64_t n;
  OK(calx_param_count(m, &np, &n));
  CHECK(np == 5 && n == 2 + 1 + 1 + 3 + 3);
  double x[10], v[4];
  OK(calx_start(m, 0, x));
  OK(calx_param_values(m, 0, x, v));
  CHECK_NEAR(v[0], 0.2, 1e-14);
  CHECK_NEAR(v[1], 0.3, 1e-14);
  CHECK_NEAR(v[2], 0.5, 1e-14);
  OK(calx_param_values(m, 3, x, v));
  CHECK_NEAR(v[0], -1, 1e-14);
  CHECK_NEAR(v[1], 0, 1e-14);
  CHECK_NEAR(v[2], 2.5, 1e-14);
  calx_param p;
  OK(calx_param_at(m, 0, &p));
  CHECK(p.size == 3 && p.length == 2 && p.offset == 0);
  OK(calx_param_at(m, 4, &p));
  CHECK(p.size == 4 && p.length == 3 && p.rank == 2);
  for (int turn = 0; turn < 4; turn++) { /* inside the domain anywhere, and derivatives go through the transform */
    for (int k = 0; k < 10; k++) x[k] = 3 * uniform() - 1.5;
    OK(calx_param_values(m, 0, x, v));
    CHECK(v[0] > 0 && v[1] > 0 && v[2] > 0 && fabs(v[0] + v[1] + v[2] - 1) < 1e-14);
    OK(calx_param_values(m, 1, x, v));
    CHECK_NEAR(v[0], exp(x[2]), 1e-15);
    OK(calx_param_values(m, 2, x, v));
    CHECK(v[0] > -1 && v[0] < 2);
    OK(calx_param_values(m, 3, x, v));
    CHECK(v[0] < v[1] && v[1] < v[2]);
    OK(calx_param_values(m, 4, x, v));
    CHECK(v[0] > 0 && v[1] == v[2] && v[0] * v[3] > v[1] * v[2]);
    calx_fn *f, *g, *h, *j;
    double out[11], J[11 * 10], jac[14 * 10];
    OK(calx_gradient(m, &g));
    OK(at(g, x, out));
    OK(calx_value(m, &f));
    CHECK(jacobian_error(f, x, out + 1) < 1e-8);
    memcpy(J, out + 1, 10 * sizeof *J); /* Jacobian of the value, then of the gradient */
    OK(calx_hessian(m, &h));
    OK(at(h, x, J + 10));
    CHECK(jacobian_error(g, x, J) < 1e-8);
    for (int i = 0; i < 10; i++)
      for (int k = 0; k < 10; k++) CHECK_NEAR(J[10 + 10 * i + k], J[10 + 10 * k + i], 1e-13);
    OK(calx_jacobian(m, "p, s, t, o, C, p[1] * C[0, 1]", SIZE_MAX, &j));
    f = function_of(c, m, "p, s, t, o, C, p[1] * C[0, 1]");
    CHECK(calx_fn_outputs(f) == 13 && calx_fn_outputs(j) == 130);
    OK(at(j, x, jac));
    CHECK(jacobian_error(f, x, jac) < 1e-8);
  }
  calx_free(c);
}

static void test_single(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(c, "precision single\nparam x[3] = 0.1, s > 0\nminimize sum(i: exp(x[i]) - x[i]) + s\n");
  double x[4], out[5];
  OK(calx_start(m, 0, x));
  CHECK(x[0] == 0.1 && x[3] == 0); /* starts are doubles */
  calx_fn *f, *H;
  OK(calx_gradient(m, &f));
  x[1] = 0.5, x[2] = -1;
  OK(at(f, x, out));
  CHECK(out[0] == (float)out[0] && out[1] == (float)out[1]);
  CHECK_NEAR(out[0], exp(0.1) - 0.1 + exp(0.5) - 0.5 + exp(-1) + 1 + 1, 1e-6);
  for (int k = 0; k < 3; k++) CHECK_NEAR(out[1 + k], exp(x[k]) - 1, 1e-6);
  double h[16];
  OK(calx_hessian(m, &H));
  OK(at(H, x, h));
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) CHECK_NEAR(h[4 * i + j], i == j ? exp(x[i]) : 0, 1e-6);
  calx_report r;
  OK(calx_minimize(m, "lbfgs", (calx_option[]){{"tolerance", 1e-3, NULL}}, 1, x, NULL, NULL, &r));
  for (int k = 0; k < 3; k++) CHECK(fabs(x[k]) < 2e-3);
  OK(calx_param_values(m, 1, x, out));
  CHECK(out[0] == exp(x[3])); /* params are given in double */
  calx_free(c);
}

/* ---- threads ---- */

#ifdef HAVE_THREADS
typedef struct {
  const calx_fn *f;
  calx_work *w;
  const double *x;
  double out[16];
  int bad;
} job;
static void *turns(void *user) {
  job *j = user;
  double again[16];
  if (calx_eval(j->f, j->w, j->x, j->out) != CALX_OK) j->bad++;
  for (int k = 0; k < 100; k++)
    if (calx_eval(j->f, j->w, j->x, again) != CALX_OK || memcmp(again, j->out, 7 * sizeof *again)) j->bad++;
  return NULL;
}
#endif

static void test_threads(void) {
  enum { N = 2000, D = 5 };
  static double X[N * D], y[N];
  double w[D + 1], seen[2][D + 2];
  for (int k = 0; k < N * D; k++) X[k] = 2 * uniform() - 1;
  for (int i = 0; i < N; i++) y[i] = uniform() < 0.5;
  for (int k = 0; k <= D; k++) w[k] = uniform();
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(c, logistic_text);
  OK(calx_bind(m, "X", CALX_F64, 2, (int64_t[]){N, D}, NULL, X));
  OK(calx_bind(m, "y", CALX_F64, 1, (int64_t[]){N}, NULL, y));
  for (int threads = 1; threads <= 2; threads++) {
    calx_fn *f;
    calx_set_threads(c, threads);
    OK(calx_gradient(m, &f));
    OK(at(f, w, seen[threads - 1]));
#ifdef HAVE_THREADS
    job j[2] = {{.f = f, .x = w}, {.f = f, .x = w}};
    pthread_t t[2];
    for (int k = 0; k < 2; k++) OK(calx_work_new(f, &j[k].w));
    for (int k = 0; k < 2; k++) CHECK(!pthread_create(&t[k], NULL, turns, &j[k]));
    for (int k = 0; k < 2; k++) {
      pthread_join(t[k], NULL);
      CHECK(!j[k].bad && !memcmp(j[k].out, seen[0], (D + 2) * sizeof(double)));
    }
#endif
  }
  CHECK(!memcmp(seen[0], seen[1], sizeof seen[0])); /* bit for bit, whatever their number */
  calx_free(c);
}

int main(void) {
  test_rosenbrock();
  test_expressions();
  test_data();
  test_domains();
  test_single();
  test_threads();
  return CHECK_DONE();
}
