/* test_api_errors.c - the C API: what is an error and what it says; memory is given back. */
#include "api_common.h"

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
      f = function_of(c, m, "softmax(w) + b, z, d(z[0], c)");
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
  test_errors();
  test_memory();
  return CHECK_DONE();
}
