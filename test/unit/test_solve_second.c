/* lbfgs and newton on functions whose minima are known, and where they must say that they failed. */
#include "solve_common.h"

static cx_ctx *c;

static cx_fit_report run(cx_problem *q, const char *method, const char *options, double *x, cx_status want) {
  cx_fit_report r = {0};
  cx_status got = fit(c, cx_ctx_arena(c), q, method, options, x, NULL, &r);
  if (got != want) fprintf(stderr, "%s: status %d, %s\n", method, got, r.reason ? r.reason : last_message(c));
  CHECK(got == want);
  CHECK(r.converged == (want == CX_OK));
  return r;
}

/* the three ways newton sees a Hessian, and lbfgs */
enum { LBFGS, DENSE, PRODUCTS, DIFFERENCES, WAYS };
static cx_problem way(smooth *s, int64_t n, function f, int k) {
  cx_problem q = smooth_problem(s, n, f);
  if (k == DENSE) q.hessian = smooth_hessian;
  if (k == PRODUCTS) q.hessvec = smooth_hessvec;
  return q;
}
static const char *name(int k) { return k == LBFGS ? "lbfgs" : "newton"; }

/* ---- sum over i of kappa^(i / (n - 1)) (x_i - i)^2 / 2, turned by a reflection so that the Hessian is full ---- */
static double kappa = 1;
static double quadratic(const double *x, double *g, double *h, int64_t n) {
  double w[64], u[64], f = 0, dot = 0, norm = (double)n;
  for (int64_t i = 0; i < n; i++) dot += x[i];
  for (int64_t i = 0; i < n; i++) { /* u = (I - 2 1 1' / n) x */
    u[i] = x[i] - 2 * dot / norm;
    w[i] = n > 1 ? pow(kappa, (double)i / (double)(n - 1)) : 1;
    f += 0.5 * w[i] * (u[i] - (double)i) * (u[i] - (double)i);
  }
  dot = 0;
  for (int64_t i = 0; i < n; i++) dot += w[i] * (u[i] - (double)i);
  for (int64_t i = 0; i < n; i++) g[i] = w[i] * (u[i] - (double)i) - 2 * dot / norm;
  if (h) {
    double trace = 0;
    for (int64_t i = 0; i < n; i++) trace += w[i];
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++)
        h[i * n + j] = (i == j ? w[i] : 0) - 2 * (w[i] + w[j]) / norm + 4 * trace / (norm * norm);
  }
  return f;
}

static void quadratics(void) {
  static const double kappas[] = {1, 1e3, 1e6};
  for (int k = 0; k < WAYS; k++)
    for (int j = 0; j < 3; j++)
      for (int64_t n = 1; n <= 40; n += 13) {
        smooth s;
        double x[64] = {0}, sum = 0;
        kappa = kappas[j];
        cx_problem q = way(&s, n, quadratic, k);
        cx_fit_report r = run(&q, name(k), k == LBFGS ? "steps=10000,tolerance=1e-6" : "tolerance=1e-6", x, CX_OK);
        for (int64_t i = 0; i < n; i++) sum += x[i];
        double worst = 0; /* the minimiser is the reflection of (0, 1, 2 …): x_i - 2 mean = i */
        for (int64_t i = 0; i < n; i++) worst = fmax(worst, fabs(x[i] - 2 * sum / (double)n - (double)i));
        CHECK(worst < 1e-4 && r.value < 1e-7);
        if (k == DENSE) CHECK(r.steps <= 12); /* the radius has to grow first */
      }
}

static void rosenbrocks(void) {
  for (int k = 0; k < WAYS; k++)
    for (int64_t n = 2; n <= 50; n += 24) {
      smooth s;
      cx_problem q = way(&s, n, rosenbrock, k);
      double x[64];
      for (int64_t i = 0; i < n; i++) x[i] = i % 2 ? 1 : -1.2;
      cx_fit_report r = run(&q, name(k), "", x, CX_OK);
      if (n == 2 || fabs(x[0] - 1) < 0.5) /* longer ones have a second minimum near x0 = -1 */
        for (int64_t i = 0; i < n; i++) CHECK_NEAR(x[i], 1, 1e-6);
      CHECK(r.grad_norm <= 1e-8 * fmax(1, r.value) * 1.01 && r.evaluations >= r.steps);
      if (n == 2) CHECK(k == LBFGS ? r.evaluations < 60 : r.steps < (k == DENSE ? 30 : 60));
    }
}

/* ---- more memory, fewer steps; the first radius bounds the first step ---- */
static void options(void) {
  smooth s;
  kappa = 1e4;
  cx_problem q = smooth_problem(&s, 30, quadratic);
  double x[64] = {0}, y[64] = {0}, z[2] = {-1.2, 1};
  cx_fit_report few = run(&q, "lbfgs", "memory=2,steps=5000,tolerance=1e-6", x, CX_OK);
  cx_fit_report many = run(&q, "lbfgs", "memory=30,steps=5000,tolerance=1e-6", y, CX_OK);
  CHECK(many.steps < few.steps);
  q = way(&s, 2, rosenbrock, DENSE);
  cx_fit_report r = run(&q, "newton", "radius=1e-3,steps=1", z, CX_E_CONVERGENCE);
  double moved = hypot(z[0] + 1.2, z[1] - 1);
  CHECK(moved > 0 && moved <= 1.0001e-3 * hypot(1.2, 1));
  CHECK(r.steps == 1 && strstr(r.reason, "at step 1 the relative gradient is still"));
}

/* ---- saddles: from the stationary point itself, and with nothing of the gradient along the way out ---- */
static double saddle(const double *x, double *g, double *h, int64_t n) { /* minima at (0, ±1), saddle at 0 */
  (void)n;
  g[0] = 2 * x[0], g[1] = 4 * x[1] * x[1] * x[1] - 4 * x[1];
  if (h) h[0] = 2, h[1] = h[2] = 0, h[3] = 12 * x[1] * x[1] - 4;
  return x[0] * x[0] + x[1] * x[1] * x[1] * x[1] - 2 * x[1] * x[1];
}
static void saddles(void) {
  for (int k = DENSE; k < WAYS; k++)
    for (int from = 0; from < 3; from++) {
      smooth s;
      cx_problem q = way(&s, 2, saddle, k);
      double x[2] = {from == 1 ? 1 : 0, from == 2 ? 1e-3 : 0};
      run(&q, "newton", "", x, CX_OK);
      CHECK_NEAR(x[0], 0, 1e-8);
      CHECK_NEAR(fabs(x[1]), 1, 1e-8);
    }
}

/* ---- no second derivative at the minimum, steps into places without a value ---- */
static double quartic(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  g[0] = 4 * x[0] * x[0] * x[0];
  if (h) h[0] = 12 * x[0] * x[0];
  return x[0] * x[0] * x[0] * x[0];
}
static double barrier(const double *x, double *g, double *h, int64_t n) { /* x - log x: nan below 0, minimum at 1 */
  (void)n;
  g[0] = 1 - 1 / x[0];
  if (h) h[0] = 1 / (x[0] * x[0]);
  return x[0] - log(x[0]);
}
static double offset(const double *x, double *g, double *h, int64_t n) { /* the minimum drowns in 1e8 */
  return 1e8 + rosenbrock(x, g, h, n);
}
static void hard(void) {
  for (int k = 0; k < WAYS; k++) {
    smooth s;
    cx_problem q = way(&s, 1, quartic, k);
    double x[2] = {3};
    run(&q, name(k), "", x, CX_OK);
    CHECK(fabs(x[0]) < 2e-3);
    q = way(&s, 1, barrier, k);
    for (int from = 0; from < 2; from++) {
      x[0] = from ? 1e-3 : 50;
      run(&q, name(k), "", x, CX_OK);
      CHECK_NEAR(x[0], 1, 1e-7);
    }
    q = way(&s, 2, offset, k);
    x[0] = -1.2, x[1] = 1;
    cx_fit_report r = run(&q, name(k), "", x, CX_OK);
    CHECK(r.value - 1e8 < 0.5 && r.grad_norm <= 1); /* 1e-8, relative to the objective */
  }
}

static int refusing(void *user, const void *x, double *f, void *g) { /* x - log x, which refuses x <= 0 */
  smooth *s = user;
  if (((const double *)x)[0] <= 0) return 1;
  return *f = s->f(x, g, NULL, 1), 0;
}
static void refused_points(void) {
  for (int k = 0; k < WAYS; k++) {
    smooth s;
    double x[1] = {50};
    cx_problem q = way(&s, 1, barrier, k);
    q.gradient = refusing;
    run(&q, name(k), "", x, CX_OK);
    CHECK_NEAR(x[0], 1, 1e-7);
  }
}

/* ---- what cannot converge says so ---- */
static double kink(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  g[0] = x[0] > 0 ? 1 : -1;
  if (h) h[0] = 0;
  return fabs(x[0]);
}
static double wrong(const double *x, double *g, double *h, int64_t n) { /* the gradient has the wrong sign */
  (void)n;
  g[0] = -2 * x[0];
  if (h) h[0] = 2;
  return x[0] * x[0];
}
static double slope(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  g[0] = 1;
  if (h) h[0] = 0;
  return x[0];
}
static double dome(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  g[0] = -2 * x[0];
  if (h) h[0] = -2;
  return -x[0] * x[0];
}
static double ascent(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  g[0] = -exp(-x[0]);
  if (h) h[0] = exp(-x[0]);
  return exp(-x[0]);
}
static bool always(void *user, int64_t k, bool up) { return (void)user, (void)k, (void)up, true; }
static double faint(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  g[0] = 2e-10 * (x[0] - 3);
  if (h) h[0] = 2e-10;
  return 1e-10 * (x[0] - 3) * (x[0] - 3);
}
static void failing(void) {
  for (int k = 0; k < WAYS; k++) {
    smooth s;
    double x[1] = {0.7};
    cx_problem q = way(&s, 1, kink, k);
    cx_fit_report r = run(&q, name(k), "", x, CX_E_CONVERGENCE);
    CHECK(fabs(x[0]) < 1e-3 && r.grad_norm == 1 && (k != LBFGS || says(c, "calx check")));
    q = way(&s, 1, wrong, k);
    x[0] = 1;
    run(&q, name(k), "", x, CX_E_CONVERGENCE);
    CHECK(says(c, "may be wrong"));
    q = way(&s, 1, slope, k);
    x[0] = 1;
    run(&q, name(k), k ? "steps=5000" : "", x, CX_E_CONVERGENCE);
    CHECK(says(c, "no lower bound"));
    q = way(&s, 1, dome, k);
    x[0] = 0.1;
    run(&q, name(k), "steps=5000", x, CX_E_CONVERGENCE);
    CHECK(says(c, "no lower bound"));
    q = way(&s, 1, ascent, k); /* an infimum at infinity: the gradient does vanish */
    x[0] = 0;
    r = run(&q, name(k), "", x, CX_E_CONVERGENCE);
    CHECK(x[0] > 10 && isfinite(x[0]) && says(c, "as a parameter grows without bound"));
    q.bounded = always; /* the unknown of a param that stays at its domain's border */
    x[0] = 0;
    run(&q, name(k), "", x, CX_OK);
    q = way(&s, 1, faint, k); /* a small gradient, and a minimum all the same */
    x[0] = 0;
    run(&q, name(k), "", x, CX_OK);
    CHECK_NEAR(x[0], 3, 1e-6);
  }
}

/* ---- own loop: iterate, look, stop; the result of cx_fit step by step ---- */
static void own_loop(void) {
  smooth s;
  cx_problem q = smooth_problem(&s, 2, rosenbrock);
  double x[2] = {-1.2, 1}, y[2] = {-1.2, 1};
  cx_solver *v = cx_solver_new(c, cx_ctx_arena(c), &q, "lbfgs", CX_NOSPAN, NULL, 0, x);
  double last = INFINITY;
  int steps = 0;
  while (cx_solver_iterate(v)) {
    const cx_fit_report *r = cx_solver_report(v);
    CHECK(r->value <= last && !r->converged && r->steps == ++steps);
    last = r->value;
  }
  CHECK(!cx_solver_iterate(v) && cx_solver_status(v) == CX_OK && cx_solver_report(v)->converged);
  run(&q, "lbfgs", "", y, CX_OK);
  CHECK(!memcmp(y, cx_solver_x(v), sizeof y));
  CHECK(x[0] == -1.2); /* the start was copied */
}

int main(void) {
  c = cx_ctx_new(NULL, NULL);
  quadratics();
  rosenbrocks();
  options();
  saddles();
  hard();
  refused_points();
  failing();
  own_loop();
  cx_ctx_free(c);
  return CHECK_DONE();
}
