/* test_cubature.c - integrals over boxes: closed forms, components, ends in any order, bad input. */
#include "check.h"
#include "cubature_cases.h"

static cx_ctx *ctx;

static cx_quad_status run(cx_cubature q, double *value, double *error, cx_cubature_report *r) {
  cx_arena *a = cx_arena_new(ctx);
  cx_quad_status s = cx_cubature_run(a, &q, value, error, r);
  CHECK(s == r->status);
  cx_arena_free(a);
  return s;
}

/* every family once or twice: right where it says so */
static void families(void) {
  static const struct {
    family kind;
    int most;
    uint64_t number;
    bool must; /* within this budget */
  } one[] = {{OSCILLATORY, 3, 1, true}, {PRODUCT_PEAK, 3, 2, true}, {CORNER_PEAK, 3, 3, true}, {GAUSSIAN, 6, 4, true},
             {KINKED, 2, 5, true},      {JUMP, 2, 6, true},         {CORRELATED, 6, 7, true},  {CORRELATED, 4, 8, true},
             {ORTHANT, 3, 9, true},     {STUDENT, 2, 10, true},     {MODES, 2, 11, true},      {BURIED, 2, 12, true},
             {BALL, 2, 13, false},      {BANANA, 2, 14, false},     {FUNNEL, 2, 15, false}};
  for (size_t k = 0; k < sizeof one / sizeof *one; k++) {
    integral q = make_integral(one[k].kind, one[k].most, one[k].number);
    double v;
    cx_cubature_report r;
    cx_quad_status s = run_integral(ctx, &q, 20, 3000000, &v, &r);
    double e = fabs(v / q.exact - 1);
    if (one[k].must) CHECK(s == QUAD_OK);
    if (s == QUAD_OK && e > 1e-6) printf("%s: %g\n", family_name[one[k].kind], e);
    CHECK(s != QUAD_OK || e <= 1e-6);
    CHECK(r.evaluations <= 3000000);
  }
}

/* value and gradient by a: exp(-a (x^2 + x y + y^2)) over the plane is 2 pi / (sqrt(3) a) */
static int gradient(void *user, int64_t n, const double *x, double *f) {
  double a = *(double *)user;
  for (int64_t k = 0; k < n; k++) {
    double s = x[k] * x[k] + x[k] * x[n + k] + x[n + k] * x[n + k];
    f[k] = exp(-a * s);
    f[n + k] = -s * f[k];
    f[2 * n + k] = 0;
  }
  return 0;
}

static void components(void) {
  double a = 1.7, v[3], e[3], lo[] = {-INFINITY, -INFINITY}, hi[] = {INFINITY, INFINITY}, scale[] = {0, 1, 1};
  cx_cubature_report r;
  cx_cubature q = {.dim = 2, .ncomp = 3, .lo = lo, .hi = hi, .user = &a, .eval = gradient, .scale = scale};
  CHECK(run(q, v, e, &r) == QUAD_OK);
  CHECK_NEAR(v[0], 2 * M_PI / (sqrt(3) * a), 1e-6);
  CHECK_NEAR(v[1], -2 * M_PI / (sqrt(3) * a * a), 1e-6);
  CHECK(v[2] == 0);
  CHECK(r.error <= 1);
}

static int plane(void *user, int64_t n, const double *x, double *f) {
  (void)user;
  for (int64_t k = 0; k < n; k++) f[k] = 1 + 2 * x[k] + x[n + k];
  return 0;
}
static int never(void *user, int64_t n, const double *x, double *f) {
  (void)user, (void)n, (void)x, (void)f;
  return 1;
}
static int nan_half(void *user, int64_t n, const double *x, double *f) {
  (void)user;
  for (int64_t k = 0; k < n; k++) f[k] = sqrt(x[k] - 0.5);
  return 0;
}
static int zero(void *user, int64_t n, const double *x, double *f) {
  (void)user, (void)x;
  for (int64_t k = 0; k < n; k++) f[k] = 0;
  return 0;
}
static int odd(void *user, int64_t n, const double *x, double *f) {
  (void)user;
  for (int64_t k = 0; k < n; k++) f[k] = sin(x[k]) * exp(x[n + k]);
  return 0;
}
static int diverges(void *user, int64_t n, const double *x, double *f) {
  (void)user;
  for (int64_t k = 0; k < n; k++) f[k] = 1 / (x[k] * x[k] + x[n + k] * x[n + k]);
  return 0;
}

static void edges(void) {
  double v, e, lo[] = {0, 0}, hi[] = {1, 2}, back[] = {1, 2};
  cx_cubature_report r;
  cx_cubature q = {.dim = 2, .ncomp = 1, .lo = lo, .hi = hi, .eval = plane};
  CHECK(run(q, &v, &e, &r) == QUAD_OK);
  CHECK_NEAR(v, 6, 1e-6);
  double from[] = {1, 0}, to[] = {0, 2};
  q.lo = from, q.hi = to; /* one range backwards */
  CHECK(run(q, &v, &e, &r) == QUAD_OK);
  CHECK_NEAR(v, -6, 1e-6);
  q.lo = hi, q.hi = back; /* empty */
  CHECK(run(q, &v, &e, &r) == QUAD_OK);
  CHECK(v == 0 && r.evaluations == 0);
  double nan[] = {0, NAN};
  q.lo = lo, q.hi = nan;
  CHECK(run(q, &v, &e, &r) == QUAD_NAN);
  q.hi = hi, q.eval = never;
  CHECK(run(q, &v, &e, &r) == QUAD_FAILED);
  q.eval = nan_half;
  CHECK(run(q, &v, &e, &r) == QUAD_NAN);
  q.eval = zero; /* a peak that nothing met looks the same */
  CHECK(run(q, &v, &e, &r) != QUAD_OK);
  double minus[] = {-1, 0};
  q.lo = minus, q.eval = odd, q.max_eval = 2000000; /* 0 by cancellation: no relative digits to be had */
  CHECK(run(q, &v, &e, &r) != QUAD_OK);
  CHECK(fabs(v) < 1e-6);
  q.lo = lo, q.eval = diverges, q.max_eval = 1000000;
  CHECK(run(q, &v, &e, &r) != QUAD_OK);
  CHECK(r.evaluations <= 1000000);
  volatile sig_atomic_t stop = 1;
  q.stop = &stop, q.eval = plane;
  CHECK(run(q, &v, &e, &r) == QUAD_STOPPED);
}

static int sphere(void *user, int64_t n, const double *x, double *f) {
  int d = *(int *)user;
  for (int64_t k = 0; k < n; k++) {
    double s = 0;
    for (int i = 0; i < d; i++) s += (x[i * n + k] - 0.1 * i) * (x[i * n + k] - 0.1 * i);
    f[k] = exp(-0.5 * s);
  }
  return 0;
}

static void many_dimensions(void) {
  double v, e, lo[CX_CUBATURE_MAX_DIM], hi[CX_CUBATURE_MAX_DIM];
  for (int i = 0; i < CX_CUBATURE_MAX_DIM; i++) lo[i] = -INFINITY, hi[i] = INFINITY;
  for (int d = 10; d <= CX_CUBATURE_MAX_DIM; d += 10) {
    cx_cubature_report r;
    cx_cubature q = {.dim = d, .ncomp = 1, .lo = lo, .hi = hi, .user = &d, .eval = sphere, .seconds = 100};
    CHECK(run(q, &v, &e, &r) == QUAD_OK);
    CHECK_NEAR(v / pow(2 * M_PI, 0.5 * d), 1, 1e-6);
  }
}

int main(void) {
  ctx = cx_ctx_new(NULL, NULL);
  families();
  components();
  edges();
  many_dimensions();
  cx_ctx_free(ctx);
  return CHECK_DONE();
}
