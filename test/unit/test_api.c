/* test_api.c - everything in calx.h: against closed forms and finite differences, and its errors. */
#include "api_common.h"

#ifdef HAVE_THREADS
#include <pthread.h>
#endif

/* nothing after a call that must succeed makes sense when it failed */
#define OK(call)                                                                \
  do {                                                                          \
    if ((call) == CALX_OK) {                                                    \
      check_count++;                                                            \
      break;                                                                    \
    }                                                                           \
    fprintf(stderr, "%s:%d: %s\n%s", __FILE__, __LINE__, #call, calx_error(c)); \
    exit(1);                                                                    \
  } while (0)

static calx_model *compile(calx_ctx *c, const char *text) {
  calx_model *m;
  if (calx_compile(c, text, SIZE_MAX, &m) != CALX_OK) {
    fprintf(stderr, "%s%s", text, calx_error(c));
    CHECK(!"the program compiles");
    exit(1);
  }
  return m;
}

static calx_fn *function(calx_ctx *c, calx_model *m, const char *expression) {
  calx_fn *f;
  if (calx_function(m, expression, SIZE_MAX, &f) != CALX_OK) {
    fprintf(stderr, "%s\n%s", expression, calx_error(c));
    CHECK(!"the expression compiles");
    exit(1);
  }
  return f;
}

/* the value of an expression of one output */
static double value(calx_ctx *c, calx_model *m, const char *expression, const double *x) {
  calx_fn *f = function(c, m, expression);
  double out = NAN;
  CHECK(calx_fn_outputs(f) == 1);
  OK(at(f, x, &out));
  calx_fn_free(f);
  return out;
}

/* an error: its status, and words its text must have */
static int fails(calx_ctx *c, calx_status got, calx_status want, const char *word) {
  const char *text = calx_error(c);
  if (got == want && strstr(text, word)) return 1;
  fprintf(stderr, "status %d, expected %d with `%s`; the error is:\n%s\n", (int)got, (int)want, word, text);
  return 0;
}

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

  CHECK_NEAR(value(c, m, "f(a)", x), pow(0.7, 3) * sin(0.7), 1e-14);
  CHECK_NEAR(value(c, m, "f'(a)", x), 3 * 0.49 * sin(0.7) + pow(0.7, 3) * cos(0.7), 1e-14);
  CHECK_NEAR(value(c, m, "d(f(a), a)", x), 3 * 0.49 * sin(0.7) + pow(0.7, 3) * cos(0.7), 1e-14);
  CHECK_NEAR(value(c, m, "d(d(f(a), a), a)", x), (6 * 0.7 - pow(0.7, 3)) * sin(0.7) + 6 * 0.49 * cos(0.7), 1e-14);
  CHECK_NEAR(value(c, m, "f(2) at z = z", x), 8 * sin(2), 1e-14);
  CHECK_NEAR(value(c, m, "sum(i: u[i]) + a", x), 14.7, 1e-15);
  CHECK_NEAR(value(c, m, "mean(i:\n  z[i])", x), 2, 1e-15); /* an open bracket goes on */

  calx_fn *f = function(c, m, "b, sum(u), A @ z, 2 * A");
  calx_output o;
  double out[11];
  CHECK(calx_fn_outputs(f) == 11);
  CHECK(calx_fn_output_at(f, 3, &o) && o.rank == 2 && o.dim[0] == 2 && o.dim[1] == 3 && o.offset == 5 && o.size == 6);
  CHECK(calx_fn_output_at(f, 1, &o) && o.rank == 0 && o.offset == 2 && o.size == 1);
  OK(at(f, x, out));
  double want[11] = {1.5, -2, 14, 14, 4 + 10 + 19.5, 2, 4, 6, 8, 10, 13};
  for (int k = 0; k < 11; k++) CHECK_NEAR(out[k], want[k], 1e-15);

  calx_fn *J, *e = function(c, m, "sin(a * b), A @ z * b[0]^2, u / 2, a");
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
    f = function(c, m, "p, s, t, o, C, p[1] * C[0, 1]");
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

/* ---- solving ---- */

typedef struct {
  int calls, stop_at;
  double first, last;
} seen;
static int watch(void *user, const calx_report *r, const double *x) {
  seen *s = user;
  (void)x;
  if (!s->calls++) s->first = r->value;
  s->last = r->value;
  return s->calls == s->stop_at;
}

static void test_solving(void) {
  static const struct {
    const char *method;
    calx_option o[3];
    int n;
    double tol;
  } run[] = {
      {"lbfgs", {{"tolerance", 1e-10, NULL}}, 1, 1e-8},
      {"newton", {{0}}, 0, 1e-8},
      {"gradient_descent", {{"rate", 1e-3, NULL}, {"steps", 30000, NULL}}, 2, 1e-3},
      {"momentum", {{"rate", 1e-3, NULL}, {"steps", 8000, NULL}}, 2, 1e-3},
      {"adam", {{"rate", 0.05, NULL}, {"steps", 10000, NULL}, {"schedule", 0, "cosine"}}, 3, 1e-3},
  };
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m = compile(c, "param x = -1.2, y = 1\nminimize (1 - x)^2 + 100 * (y - x^2)^2\n");
  for (size_t k = 0; k < sizeof run / sizeof *run; k++) {
    double x[2];
    seen s = {0};
    calx_report r;
    OK(calx_start(m, 0, x));
    calx_status st = calx_minimize(m, run[k].method, run[k].o, run[k].n, x, watch, &s, &r);
    if (st != CALX_OK) fprintf(stderr, "%s: %s", run[k].method, calx_error(c));
    CHECK(st == CALX_OK && r.converged && r.steps > 0 && r.evaluations >= r.steps && *r.reason);
    CHECK(s.calls > 1 && s.last < s.first && (r.steps == s.calls || r.steps == s.calls + 1));
    CHECK_NEAR(x[0], 1, run[k].tol);
    CHECK_NEAR(x[1], 1, run[k].tol);
    CHECK(r.value < run[k].tol);
  }
  /* stopped by the callback; x is where it stood */
  double x[2] = {-1.2, 1};
  calx_report r;
  seen s = {.stop_at = 3};
  CHECK(calx_minimize(m, "lbfgs", NULL, 0, x, watch, &s, &r) == CALX_E_INTERRUPT);
  CHECK(s.calls == 3 && r.steps == 3 && x[0] != -1.2 && *r.reason);
  CHECK_NEAR(r.value, pow(1 - x[0], 2) + 100 * pow(x[1] - x[0] * x[0], 2), 1e-12);

  /* the loop in the caller's hands gives the same */
  double y[2] = {-1.2, 1};
  calx_solver *own;
  OK(calx_solver_new(m, "lbfgs", NULL, 0, y, &own));
  CHECK(calx_solver_x(own)[0] == -1.2);
  for (int k = 0; k < 3; k++) CHECK(calx_iterate(own));
  CHECK(!memcmp(calx_solver_x(own), x, sizeof x));
  while (calx_iterate(own)) CHECK(calx_solver_status(own, NULL) == CALX_OK);
  OK(calx_solver_status(own, &r));
  CHECK(r.converged && !calx_iterate(own));
  CHECK_NEAR(calx_solver_x(own)[1], 1, 1e-6);
  calx_solver_free(own);

  /* what does not go */
  CHECK(fails(c, calx_minimize(m, "adem", NULL, 0, x, NULL, NULL, NULL), CALX_E_PROGRAM, "adam"));
  CHECK(fails(c, calx_minimize(m, "adam", (calx_option[]){{"rat", 1, NULL}}, 1, x, NULL, NULL, NULL), CALX_E_PROGRAM,
              "rate"));
  y[0] = -1.2, y[1] = 1;
  CHECK(fails(c,
              calx_minimize(m, "gradient_descent", (calx_option[]){{"rate", 1, NULL}, {"steps", 100, NULL}}, 2, y, NULL,
                            NULL, &r),
              CALX_E_CONVERGENCE, "diverge"));
  CHECK(!r.converged);

  /* maximize: reports have its own sign */
  m = compile(c, "param x = 1\nmaximize 3 - (x - 2)^2\n");
  x[0] = 1;
  OK(calx_minimize(m, "newton", NULL, 0, x, NULL, NULL, &r));
  CHECK_NEAR(x[0], 2, 1e-9);
  CHECK_NEAR(r.value, 3, 1e-12);
  calx_fn *f;
  OK(calx_value(m, &f));
  OK(at(f, (double[]){1}, y));
  CHECK(y[0] == -2); /* as it is minimised */

  /* minibatches: rows by number, never copied; the fit of a line is exact */
  enum { N = 300 };
  static double X[N], t[N];
  for (int i = 0; i < N; i++) X[i] = 2 * uniform() - 1, t[i] = 3 * X[i] - 0.5;
  m = compile(c, "data u[n], t[n]\nparam a, b\nminimize mean(i: (a * u[i] + b - t[i])^2)\n");
  OK(calx_bind(m, "u", CALX_F64, 1, (int64_t[]){N}, NULL, X));
  OK(calx_bind(m, "t", CALX_F64, 1, (int64_t[]){N}, NULL, t));
  x[0] = x[1] = 0;
  OK(calx_minimize(m, "sgd", (calx_option[]){{"rate", 0.2, NULL}, {"batch", 32, NULL}, {"epochs", 60, NULL}}, 3, x,
                   NULL, NULL, &r));
  CHECK_NEAR(x[0], 3, 1e-6);
  CHECK_NEAR(x[1], -0.5, 1e-6);
  calx_free(c);
}

/* ---- errors ---- */

static void test_errors(void) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *f;
  calx_diagnostic d;
  CHECK(calx_version() == CALX_VERSION_NUMBER);
  CHECK(calx_diagnostics(c) == 0 && !strcmp(calx_error(c), "") && !calx_diagnostic_at(c, 0, &d));

  CHECK(fails(c, calx_compile(c, "a = 1\nb = (2 +\n", SIZE_MAX, &m), CALX_E_PROGRAM, "model:2:"));
  CHECK(!m);
  CHECK(fails(c, calx_compile(c, "alpha = 1\nx = alpa + 1\ny = bta\n", SIZE_MAX, &m), CALX_E_PROGRAM,
              "did you mean `alpha`?"));
  CHECK(calx_diagnostics(c) == 2); /* all of them at once */
  CHECK(calx_diagnostic_at(c, 0, &d) && d.code == CALX_E_PROGRAM && !d.warning && !strcmp(d.file, "model"));
  CHECK(d.line == 2 && d.column == 5 && d.begin == 14 && d.end == 18 && strstr(d.message, "alpa") &&
        strstr(d.text, "^^^^") && strstr(d.help, "alpha"));
  CHECK(calx_diagnostic_at(c, 1, &d) && d.line == 3 && !calx_diagnostic_at(c, 2, &d) && !calx_diagnostic_at(c, -1, &d));
  CHECK(calx_compile(c, "data s[n]", SIZE_MAX, &m) == CALX_OK);
  double sigma[] = {1, -3}; /* read until the model is freed */
  CHECK(calx_bind(m, "s", CALX_F64, 1, (int64_t[]){2}, NULL, sigma) == CALX_OK);
  CHECK(fails(c, calx_function(m, "cdf(normal(0, s), 1)", SIZE_MAX, &f), CALX_E_PROGRAM,
              "`normal` needs sigma > 0, but `sigma` is -3 at element [1]"));
  CHECK(fails(c, calx_function(m, "log_density(multi_normal([0, 0], [[1, 0], [s[1], 9]]), s)", SIZE_MAX, &f),
              CALX_E_PROGRAM, "`multi_normal` needs cov to be symmetric"));
  CHECK(calx_function(m, "cdf(normal(0, abs(s)), 1)", SIZE_MAX, &f) == CALX_OK);
  calx_fn_free(f);
  calx_model_free(m);
  CHECK(calx_compile(c, NULL, 0, &m) == CALX_OK && calx_compile(c, "", SIZE_MAX, &m) == CALX_OK && !*calx_error(c));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_USAGE, "no objective"));
  CHECK(fails(c, calx_compile(c, "x = 1\0y = 2", 11, &m), CALX_E_PROGRAM, "model:1:6"));

  m = compile(c,
              "data features[n, d], y[n], k : int(1..9), note[n] : text\nparam w[d]\n"
              "minimize sum(i: (y[i] - sum(j: features[i, j] * w[j]))^2) + k\n");
  double a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  int64_t dim[3] = {4, 2, 1};
  CHECK(fails(c, calx_bind(m, "featrues", CALX_F64, 2, dim, NULL, a), CALX_E_USAGE, "did you mean `features`?"));
  CHECK(fails(c, calx_bind(m, "features", CALX_F64, 1, dim, NULL, a), CALX_E_USAGE,
              "features[n, d] is declared with 2 dimensions"));
  CHECK(fails(c, calx_bind(m, "y", CALX_F64, 2, dim, NULL, a), CALX_E_USAGE, "y[n]"));
  CHECK(fails(c, calx_bind(m, "y", (calx_type)99, 1, dim, NULL, a), CALX_E_USAGE, "no type 99"));
  CHECK(fails(c, calx_bind(m, "y", CALX_F64, 1, (int64_t[]){-1}, NULL, a), CALX_E_USAGE, "dimension 0"));
  CHECK(fails(c, calx_bind(m, "y", CALX_F64, 1, NULL, NULL, a), CALX_E_USAGE, "dimension 0"));
  CHECK(fails(c, calx_bind(m, "y", CALX_F64, 1, dim, NULL, NULL), CALX_E_USAGE, "no array"));
  CHECK(fails(c, calx_bind(m, "features", CALX_F64, 2, (int64_t[]){INT64_MAX / 4, 16}, NULL, a), CALX_E_USAGE,
              "that large"));
  CHECK(fails(c, calx_bind(m, "note", CALX_F64, 1, dim, NULL, a), CALX_E_USAGE, "words"));

  m = compile(
      c, "data X[n, d], y[n], k : int(1..9)\nparam w[d]\nminimize sum(i: (y[i] - sum(j: X[i, j] * w[j]))^2) + k\n");
  OK(calx_bind(m, "X", CALX_F64, 2, dim, NULL, a));
  int np;
  CHECK(fails(c, calx_param_count(m, &np, NULL), CALX_E_DATA, "nothing is bound to y[n]"));
  CHECK(calx_diagnostics(c) == 2 && calx_diagnostic_at(c, 1, &d) && strstr(d.help, "calx_bind(model, \"k\""));
  OK(calx_bind(m, "y", CALX_F64, 1, (int64_t[]){3}, NULL, a));
  OK(calx_bind(m, "k", CALX_F64, 0, NULL, NULL, a));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_DATA, "n is 4 from X but 3 from y"));
  CHECK(!f);
  double b[4] = {1, NAN, 3, 4}, half = 0.5, ten = 10;
  OK(calx_bind(m, "y", CALX_F64, 1, dim, NULL, b));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_DATA, "y[1]"));
  OK(calx_bind(m, "y", CALX_F64, 1, dim, NULL, a));
  OK(calx_bind(m, "k", CALX_F64, 0, NULL, NULL, &half));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_DATA, "k"));
  OK(calx_bind(m, "k", CALX_F64, 0, NULL, NULL, &ten));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_DATA, "9"));
  OK(calx_bind(m, "k", CALX_F64, 0, NULL, NULL, a));
  OK(calx_gradient(m, &f)); /* and now all is well */

  CHECK(fails(c, calx_function(m, "sum(w) + wx", SIZE_MAX, &f), CALX_E_PROGRAM, "expression:1:10"));
  CHECK(calx_diagnostic_at(c, 0, &d) && d.begin == 9 && d.end == 11);
  CHECK(fails(c, calx_function(m, "", SIZE_MAX, &f), CALX_E_USAGE, "one expression"));
  CHECK(fails(c, calx_function(m, "w + ", SIZE_MAX, &f), CALX_E_PROGRAM, "expression:1:"));
  CHECK(fails(c, calx_function(m, "w\nb = 2", SIZE_MAX, &f), CALX_E_USAGE, "one expression"));
  CHECK(fails(c, calx_function(m, "X @ y", SIZE_MAX, &f), CALX_E_PROGRAM, "expression:1:"));
  CHECK(fails(c, calx_jacobian(m, "floor(", SIZE_MAX, &f), CALX_E_PROGRAM, "expression:1:"));
  calx_param p;
  CHECK(fails(c, calx_param_at(m, 1, &p), CALX_E_USAGE, "no param 1"));
  CHECK(fails(c, calx_param_values(m, -1, a, b), CALX_E_USAGE, "no param -1"));
  OK(calx_gradient(m, &f));
  CHECK(!*calx_error(c)); /* a call that succeeds leaves no error */

  CHECK(fails(c, calx_bind_files(m, (const char *[]){"X=no/such/file.csv"}, 1), CALX_OK, ""));
  CHECK(fails(c, calx_gradient(m, &f), CALX_E_DATA, "no/such/file.csv"));

  m = compile(c, "param x = log(-1)\nminimize x^2\n");
  CHECK(fails(c, calx_start(m, 0, a), CALX_E_PROGRAM, "the start of x"));
  calx_solver *s;
  m = compile(c, "minimize 2\n");
  CHECK(fails(c, calx_solver_new(m, "adam", NULL, 0, a, &s), CALX_E_USAGE, "no param"));
  CHECK(!s);
  calx_free(c);
}

/* ---- memory ---- */

static void test_memory(void) {
  counter k = {0};
  calx_ctx *c = calx_new(counting, &k);
  CHECK(c && k.blocks > 0);
  size_t model = 0, loop = 0;
  double y[50], x[4] = {0.1, 0.2, 0.3, 0.4}, out[8];
  for (int i = 0; i < 50; i++) y[i] = i;
  for (int turn = 0; turn < 6; turn++) { /* whole models */
    calx_model *m = compile(
        c, "data y[n]\nparam w[3] : simplex, b > 0, c\nz[i] = w[0] * b + c * y[i]\nminimize sum(i: exp(-z[i]^2))\n");
    calx_fn *f, *g;
    for (int k2 = 0; k2 < 6; k2++) { /* functions, data and fits of one model */
      OK(calx_bind(m, "y", CALX_F64, 1, (int64_t[]){50}, NULL, y));
      f = function(c, m, "softmax(w) + b, z, d(z[0], c)");
      OK(calx_gradient(m, &g));
      OK(at(g, x, out));
      OK(calx_param_values(m, 1, x, out));
      OK(calx_param_values(m, 1, x, out));
      double start[4];
      OK(calx_start(m, 1, start));
      CHECK(calx_minimize(m, "lbfgs", (calx_option[]){{"steps", 2, NULL}}, 1, start, NULL, NULL, NULL) ==
            CALX_E_CONVERGENCE);
      calx_fn *bad;
      CHECK(calx_function(m, "w + nothing", SIZE_MAX, &bad) == CALX_E_PROGRAM && *calx_error(c));
      calx_fn_free(f);
      calx_fn_free(g);
      if (k2 == 2) loop = k.live;
    }
    CHECK(k.live <= loop);
    if (turn % 2) calx_model_free(m); /* with functions in it, or without */
    else {
      OK(calx_gradient(m, &g));
      calx_work *w;
      OK(calx_work_new(g, &w));
      calx_solver *s;
      OK(calx_solver_new(m, "adam", NULL, 0, x, &s));
      OK(calx_bind(m, "y", CALX_F64, 1, (int64_t[]){40}, NULL, y)); /* both keep the old data */
      OK(calx_eval(g, w, x, out));
      CHECK(calx_iterate(s));
      calx_model_free(m);
    }
    if (turn == 1) model = k.live;
  }
  CHECK(k.live <= model);

  /* binding borrows */
  calx_model *m = compile(c, "data big[n]\nparam x\nminimize (x - mean(i: big[i]))^2\n");
  size_t before = k.live;
  double *big = calloc(1 << 20, sizeof *big);
  OK(calx_bind(m, "big", CALX_F64, 1, (int64_t[]){1 << 20}, NULL, big));
  CHECK(k.live - before < 1 << 16);
  int np;
  OK(calx_param_count(m, &np, NULL));
  CHECK(k.live - before < 1 << 20);
  calx_free(c);
  free(big);
  CHECK(k.live == 0 && k.blocks == 0 && !k.lies);
  calx_free(NULL);
  calx_model_free(NULL);
  calx_fn_free(NULL);
  calx_work_free(NULL);
  calx_solver_free(NULL);
  CHECK(!calx_new(counting, &(counter){.fail_at = 1}));
}

int main(void) {
  test_rosenbrock();
  test_expressions();
  test_data();
  test_domains();
  test_single();
  test_threads();
  test_solving();
  test_errors();
  test_memory();
  return CHECK_DONE();
}
