/* lbfgs and newton on problems of More, Garbow & Hillstrom, "Testing unconstrained optimization software", ACM TOMS 7
 * (1981), section 3, from their standard starts to the minima listed there. Each function is written once, over complex
 * numbers: the gradient is its complex step, exact to rounding. */
#include "solve_common.h"

#include <complex.h>

typedef double complex Z;
typedef struct {
  head h;
  Z (*f)(const Z *x);
} problem;

static int gradient(void *user, const void *x, double *f, void *g) {
  problem *p = user;
  Z z[4];
  for (int i = 0; i < p->h.n; i++) z[i] = ((const double *)x)[i];
  *f = creal(p->f(z));
  for (int i = 0; i < p->h.n; i++) {
    z[i] += 1e-30 * I;
    ((double *)g)[i] = cimag(p->f(z)) / 1e-30;
    z[i] = creal(z[i]);
  }
  return 0;
}
static int hessian(void *user, const void *x, double *h) { /* central differences of exact gradients */
  problem *p = user;
  int n = (int)p->h.n;
  double y[4], f, up[4], down[4];
  for (int i = 0; i < n; i++) {
    memcpy(y, x, (size_t)n * sizeof *y);
    double e = 1e-5 * fmax(fabs(y[i]), 1e-3);
    y[i] += e, gradient(p, y, &f, up);
    y[i] -= 2 * e, gradient(p, y, &f, down);
    for (int j = 0; j < n; j++) h[i * n + j] = (up[j] - down[j]) / (2 * e);
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++) h[i * n + j] = h[j * n + i] = 0.5 * (h[i * n + j] + h[j * n + i]);
  return 0;
}

static Z sq(Z x) { return x * x; }
static Z freudenstein(const Z *x) { /* (2) */
  return sq(-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1]) + sq(-29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]);
}
static Z brown(const Z *x) { return sq(x[0] - 1e6) + sq(x[1] - 2e-6) + sq(x[0] * x[1] - 2); } /* (4) */
static Z beale(const Z *x) {                                                                  /* (5) */
  return sq(1.5 - x[0] * (1 - x[1])) + sq(2.25 - x[0] * (1 - x[1] * x[1])) +
         sq(2.625 - x[0] * (1 - x[1] * x[1] * x[1]));
}
static Z jennrich(const Z *x) { /* (6) */
  Z f = 0;
  for (int i = 1; i <= 10; i++) f += sq(2 + 2 * i - (cexp(i * x[0]) + cexp(i * x[1])));
  return f;
}
static Z gaussian(const Z *x) { /* (9) */
  static const double y[8] = {0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989};
  Z f = 0;
  for (int i = 0; i < 15; i++) f += sq(x[0] * cexp(-x[1] * sq((7 - i) / 2.0 - x[2]) / 2) - y[i < 8 ? i : 14 - i]);
  return f;
}
static Z box(const Z *x) { /* (12) */
  Z f = 0;
  for (int i = 1; i <= 10; i++) {
    double t = 0.1 * i;
    f += sq(cexp(-t * x[0]) - cexp(-t * x[1]) - x[2] * (exp(-t) - exp(-10 * t)));
  }
  return f;
}
static Z powell(const Z *x) { /* (13): the Hessian is singular at the minimum */
  return sq(x[0] + 10 * x[1]) + 5 * sq(x[2] - x[3]) + sq(sq(x[1] - 2 * x[2])) + 10 * sq(sq(x[0] - x[3]));
}
static Z wood(const Z *x) { /* (14) */
  return 100 * sq(x[1] - x[0] * x[0]) + sq(1 - x[0]) + 90 * sq(x[3] - x[2] * x[2]) + sq(1 - x[2]) +
         10 * sq(x[1] + x[3] - 2) + 0.1 * sq(x[1] - x[3]);
}
static Z dennis(const Z *x) { /* (16) */
  Z f = 0;
  for (int i = 1; i <= 20; i++) {
    double t = i / 5.0;
    f += sq(sq(x[0] + t * x[1] - exp(t)) + sq(x[2] + x[3] * sin(t) - cos(t)));
  }
  return f;
}

int main(void) {
  static const struct {
    const char *name;
    int n;
    Z (*f)(const Z *);
    double start[4], least, other, tol;
  } all[] = {{"Freudenstein-Roth", 2, freudenstein, {0.5, -2}, 0, 48.98425, 1e-5},
             {"Brown badly scaled", 2, brown, {1, 1}, 0, 0, 1e-6},
             {"Beale", 2, beale, {1, 1}, 0, 0, 1e-12},
             {"Jennrich-Sampson", 2, jennrich, {0.3, 0.4}, 124.362, 124.362, 1e-5},
             {"Gaussian", 3, gaussian, {0.4, 1, 0}, 1.12793e-8, 1.12793e-8, 1e-13},
             {"Box", 3, box, {0, 10, 20}, 0, 0, 1e-12},
             {"Powell singular", 4, powell, {3, -1, 0, 1}, 0, 0, 1e-8},
             {"Wood", 4, wood, {-3, -1, -3, -1}, 0, 0, 1e-12},
             {"Brown-Dennis", 4, dennis, {25, 5, -5, -1}, 85822.2, 85822.2, 1e-6}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    for (int way = 0; way < 3; way++) { /* lbfgs, newton with the Hessian, newton by products */
      cx_ctx *c = cx_ctx_new(NULL, NULL);
      problem p = {{all[i].n, false}, all[i].f};
      cx_problem q = {
          .n = all[i].n, .user = &p, .gradient = gradient, .hessian = way == 1 ? hessian : NULL, .update = plain};
      double x[4];
      cx_fit_report r;
      memcpy(x, all[i].start, sizeof x);
      cx_status status = fit(c, cx_ctx_arena(c), &q, way ? "newton" : "lbfgs", "", x, NULL, &r);
      bool there = fabs(r.value - all[i].least) <= all[i].tol * fmax(1, all[i].least) ||
                   fabs(r.value - all[i].other) <= all[i].tol * fmax(1, all[i].other);
      if (status || !there)
        fprintf(stderr, "%s, way %d: f = %.10g after %lld steps (%lld evaluations), %s\n", all[i].name, way, r.value,
                (long long)r.steps, (long long)r.evaluations, r.reason);
      CHECK(status == CX_OK && r.converged);
      CHECK(there);
      cx_ctx_free(c);
    }
  return CHECK_DONE();
}
