/* kernel_bench.c - the hand-written kernels: gradients against finite differences of an obvious scalar program, then
 * microseconds a call. Prints one line a model: name, median, fastest. Options: --check only checks. */
#include "kernels.h"
#include "timing.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef long double real; /* the check's arithmetic: finite differences with room to spare */

static real plain_logistic(size_t n, size_t d, const double *X, const double *y, const real *t) {
  real f = 0;
  for (size_t i = 0; i < n; i++) {
    real eta = t[d];
    for (size_t j = 0; j < d; j++) eta += X[i * d + j] * t[j];
    f += fmaxl(eta, 0) + log1pl(expl(-fabsl(eta))) - y[i] * eta;
  }
  for (size_t j = 0; j <= d; j++) f += t[j] * t[j] / 2;
  return f;
}

static real plain_gmm(size_t n, const double *x, const real *t) {
  const int K = GMM_K, D = GMM_D;
  const real *mu = t + K, *q = mu + K * D, *l = q + K * D;
  real f = 0, normal = 0;
  for (int k = 0; k < K; k++) normal += expl(t[k]);
  for (size_t i = 0; i < n; i++) {
    real s = 0;
    for (int k = 0; k < K; k++) {
      real e = t[k];
      for (int a = 0; a < D; a++) {
        real z = expl(q[k * D + a]) * (x[i * D + a] - mu[k * D + a]);
        for (int b = 0; b < a; b++) z += l[(k * D + a) * D + b] * (x[i * D + b] - mu[k * D + b]);
        e += q[k * D + a] - z * z / 2;
      }
      s += expl(e);
    }
    f -= logl(s);
  }
  return f + n * logl(normal) + n * D * logl(2 * acosl(-1)) / 2;
}

static int check(const char *name, size_t size, const double *theta, double f, const double *g,
                 real (*plain)(const void *, const real *), const void *user) {
  real *t = malloc(size * sizeof *t), worst = 0;
  if (!t) return 1;
  for (size_t i = 0; i < size; i++) t[i] = theta[i];
  real exact = plain(user, t), off = fabsl(f - exact) / fabsl(exact);
  for (size_t i = 0; i < size; i++) {
    const real h = 1e-5L; /* central, fourth order */
    real d = 0, x = t[i];
    t[i] = x + h, d += 8 * plain(user, t), t[i] = x - h, d -= 8 * plain(user, t);
    t[i] = x + 2 * h, d -= plain(user, t), t[i] = x - 2 * h, d += plain(user, t);
    t[i] = x, d /= 12 * h;
    worst = fmaxl(worst, fabsl(d - g[i]) / fmaxl(1, fabsl(d)));
  }
  free(t);
  int bad = !(off < 1e-14L) || !(worst < 1e-9L);
  printf("%-10s value off by %.1Le, gradient by %.1Le of finite differences%s\n", name, off, worst,
         bad ? "  WRONG" : "");
  return bad;
}

typedef struct {
  size_t n, d;
  const double *x, *y;
} sample;
static real check_logistic(const void *u, const real *t) {
  const sample *s = u;
  return plain_logistic(s->n, s->d, s->x, s->y, t);
}
static real check_gmm(const void *u, const real *t) {
  const sample *s = u;
  return plain_gmm(s->n, s->x, t);
}

typedef struct {
  void *model;
  const double *theta;
  double *gradient;
} call;
static void run_logistic(void *u) {
  call *c = u;
  *c->gradient = logistic_gradient(c->model, c->theta, c->gradient);
}
static void run_gmm(void *u) {
  call *c = u;
  *c->gradient = gmm_gradient(c->model, c->theta, c->gradient);
}

int main(int argc, char **argv) {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq")) {
    puts("skipped: this processor has no AVX-512");
    return 0;
  }
  enum { N = 10000, LD = 20, ODD = 203 };
  int only_check = argc > 1 && !strcmp(argv[1], "--check"), bad = 0;
  unsigned long long seed = 1;
  static double x[N * LD], y[N], theta[GMM_SIZE], gradient[GMM_SIZE];
  for (size_t i = 0; i < N * LD; i++) x[i] = bench_normal(&seed);
  for (size_t i = 0; i < N; i++) y[i] = bench_normal(&seed) > 0;
  for (size_t i = 0; i < GMM_SIZE; i++) theta[i] = 0.3 * bench_normal(&seed);

  logistic *lm = logistic_new(ODD, LD, x, y);
  gmm *gm = gmm_new(ODD, x);
  if (!lm || !gm) return 1;
  double f = logistic_gradient(lm, theta, gradient);
  bad |= check("logistic", LD + 1, theta, f, gradient, check_logistic, &(sample){ODD, LD, x, y});
  f = gmm_gradient(gm, theta, gradient);
  bad |= check("gmm", GMM_SIZE, theta, f, gradient, check_gmm, &(sample){ODD, GMM_D, x, y});
  logistic_free(lm), gmm_free(gm);
  if (bad || only_check) return bad;

  lm = logistic_new(N, LD, x, y), gm = gmm_new(N, x);
  if (!lm || !gm) return 1;
  bench_time t = bench_run(run_logistic, &(call){lm, theta, gradient}, 0.5);
  printf("logistic %.1f us, fastest %.1f\n", 1e6 * t.median, 1e6 * t.fastest);
  t = bench_run(run_gmm, &(call){gm, theta, gradient}, 0.5);
  printf("gmm %.1f us, fastest %.1f\n", 1e6 * t.median, 1e6 * t.fastest);
  logistic_free(lm), gmm_free(gm);
  return 0;
}
