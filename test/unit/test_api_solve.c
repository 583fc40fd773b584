/* test_api_solve.c - the C API: fits to their end and step by step, what they report, and what stops them. */
#include "api_common.h"

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

int main(void) {
  test_solving();
  return CHECK_DONE();
}
