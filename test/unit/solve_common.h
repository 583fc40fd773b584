/* solve_common.h - for the tests of fitting: the updates in plain C to compare with, and problems to solve. */
#ifndef SOLVE_COMMON_H
#define SOLVE_COMMON_H
#include "check.h"
#include "run/rng.h"
#include "solve/solve.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- updates in C, both precisions ---- */
typedef struct {
  int64_t n;
  const char *method;
  bool single;
} plain_update;

#define UPDATES(T, NAME, SQRT)                                                                                  \
  static void NAME(const plain_update *u, T *x, T *g, T *s0, T *s1, const double *c) {                          \
    const char *m = u->method;                                                                                  \
    T rate = (T)c[CX_S_rate], wd = (T)c[CX_S_weight_decay], mu = (T)c[CX_S_momentum], eps = (T)c[CX_S_epsilon]; \
    T b1 = (T)c[CX_S_beta1], b2 = (T)c[CX_S_beta2];                                                             \
    T c1 = (T)(1 - pow(c[CX_S_beta1], c[CX_S_t])), c2 = (T)sqrt(1 - pow(c[CX_S_beta2], c[CX_S_t]));             \
    for (int64_t i = 0; i < u->n; i++) {                                                                        \
      if (strcmp(m, "adamw")) g[i] += wd * x[i];                                                                \
      else x[i] *= 1 - rate * wd;                                                                               \
      if (!strcmp(m, "sgd")) x[i] -= rate * g[i];                                                               \
      else if (!strcmp(m, "momentum")) s0[i] = mu * s0[i] + g[i], x[i] -= rate * s0[i];                         \
      else if (!strcmp(m, "nesterov")) s0[i] = mu * s0[i] + g[i], x[i] -= rate * (g[i] + mu * s0[i]);           \
      else if (!strcmp(m, "rmsprop"))                                                                           \
        s0[i] = b2 * s0[i] + (1 - b2) * g[i] * g[i], x[i] -= rate * g[i] / (SQRT(s0[i]) + eps);                 \
      else if (!strcmp(m, "heavy_rmsprop")) {                                                                   \
        s0[i] = b2 * s0[i] + (1 - b2) * g[i] * g[i];                                                            \
        s1[i] = mu * s1[i] + g[i] / (SQRT(s0[i]) + eps), x[i] -= rate * s1[i];                                  \
      } else if (!strcmp(m, "adagrad")) s0[i] += g[i] * g[i], x[i] -= rate * g[i] / (SQRT(s0[i]) + eps);        \
      else {                                                                                                    \
        s0[i] = b1 * s0[i] + (1 - b1) * g[i];                                                                   \
        s1[i] = b2 * s1[i] + (1 - b2) * g[i] * g[i];                                                            \
        x[i] -= rate / c1 * s0[i] / (SQRT(s1[i]) / c2 + eps);                                                   \
      }                                                                                                         \
    }                                                                                                           \
  }
UPDATES(double, update_f64, sqrt)
UPDATES(float, update_f32, sqrtf)

static int plain_run(void *user, void **x, void *g, void **state, const double *scalar, const char **why) {
  plain_update *u = user;
  (void)why;
  if (u->single) update_f32(u, *x, g, state[0], state[1], scalar);
  else update_f64(u, *x, g, state[0], state[1], scalar);
  return 0;
}
/* every test problem begins with its size, so that this serves all of them */
typedef struct {
  int64_t n;
  bool single;
} head;
static cx_update plain(void *user, cx_arena *a, const char *method, const char *const *state) {
  const head *h = user;
  plain_update *u = CX_NEW(a, plain_update);
  *u = (plain_update){h->n, method, h->single};
  (void)state;
  return (cx_update){u, plain_run};
}

/* ---- a smooth function given by value, gradient and Hessian in doubles ---- */
typedef double (*function)(const double *x, double *g, double *h, int64_t n);
typedef struct {
  head h;
  function f;
  int calls;
} smooth;
static int smooth_gradient(void *user, const void *x, double *f, void *g) {
  smooth *s = user;
  s->calls++;
  *f = s->f(x, g, NULL, s->h.n);
  return 0;
}
static inline int smooth_hessian(void *user, const void *x, double *h) {
  smooth *s = user;
  double g[64];
  s->f(x, g, h, s->h.n);
  return 0;
}
static inline int smooth_hessvec(void *user, const void *x, const void *v, void *hv) {
  smooth *s = user;
  int64_t n = s->h.n;
  double g[64], *h = malloc((size_t)(n * n) * sizeof *h);
  s->f(x, g, h, n);
  for (int64_t i = 0; i < n; i++) {
    ((double *)hv)[i] = 0;
    for (int64_t j = 0; j < n; j++) ((double *)hv)[i] += h[i * n + j] * ((const double *)v)[j];
  }
  free(h);
  return 0;
}
static inline cx_problem smooth_problem(smooth *s, int64_t n, function f) {
  *s = (smooth){{n, false}, f, 0};
  return (cx_problem){.n = n, .user = s, .gradient = smooth_gradient, .update = plain};
}

static inline double rosenbrock(const double *x, double *g, double *h,
                                int64_t n) { /* extended: sum over i of the usual pair */
  double f = 0;
  if (h) memset(h, 0, (size_t)(n * n) * sizeof *h);
  memset(g, 0, (size_t)n * sizeof *g);
  for (int64_t i = 0; i + 1 < n; i++) {
    double a = 1 - x[i], b = x[i + 1] - x[i] * x[i];
    f += a * a + 100 * b * b;
    g[i] += -2 * a - 400 * x[i] * b;
    g[i + 1] += 200 * b;
    if (!h) continue;
    h[i * n + i] += 2 - 400 * (b - 2 * x[i] * x[i]);
    h[(i + 1) * n + i + 1] += 200;
    h[i * n + i + 1] -= 400 * x[i];
    h[(i + 1) * n + i] -= 400 * x[i];
  }
  return f;
}

/* ---- logistic regression on made-up rows: mean log loss + ridge, whole, by batches, and validated ---- */
enum { LR_N = 403, LR_D = 5 };
typedef struct {
  head h;
  double x[LR_N][LR_D], y[LR_N];
  int sizes[8], nsizes; /* distinct nrow seen by batch */
  int seen[LR_N], judged[LR_N];
  int64_t fail_at, calls; /* batch call at which the loss becomes nan */
} logistic;

static inline void lr_make(logistic *p, bool single) {
  *p = (logistic){.h = {LR_D, single}};
  cx_rng r = {42, 0, 0};
  for (int i = 0; i < LR_N; i++) {
    double z = 0.5;
    for (int j = 0; j < LR_D; j++) p->x[i][j] = cx_rng_normal(&r), z += (j - 1.5) * p->x[i][j];
    p->y[i] = cx_rng_uniform(&r) < 1 / (1 + exp(-z));
  }
}
static double lr_row(const logistic *p, int i, const double *w, double *g) {
  double z = 0, s = p->y[i] ? 1 : -1;
  for (int j = 0; j < LR_D; j++) z += w[j] * p->x[i][j];
  double e = 1 / (1 + exp(s * z));
  if (g)
    for (int j = 0; j < LR_D; j++) g[j] -= s * e * p->x[i][j];
  return s * z > 0 ? log1p(exp(-s * z)) : -s * z + log1p(exp(s * z));
}
static double lr_mean(const logistic *p, const int32_t *row, int64_t n, const void *x, void *g) {
  double w[LR_D], d[LR_D] = {0}, f = 0;
  for (int j = 0; j < LR_D; j++) w[j] = p->h.single ? (double)((const float *)x)[j] : ((const double *)x)[j];
  for (int64_t i = 0; i < n; i++) f += lr_row(p, row ? row[i] : (int)i, w, g ? d : NULL);
  f /= (double)n;
  for (int j = 0; j < LR_D; j++) {
    f += 0.005 * w[j] * w[j];
    double v = d[j] / (double)n + 0.01 * w[j];
    if (g && p->h.single) ((float *)g)[j] = (float)v;
    else if (g) ((double *)g)[j] = v;
  }
  return f;
}
static int lr_gradient(void *user, const void *x, double *f, void *g) {
  return *f = lr_mean(user, NULL, LR_N, x, g), 0;
}
static int lr_batch(void *user, const int32_t *row, int64_t n, const void *x, double *f, void *g) {
  logistic *p = user;
  int k = 0;
  while (k < p->nsizes && p->sizes[k] != n) k++;
  if (k == p->nsizes && k < 8) p->sizes[p->nsizes++] = (int)n;
  for (int64_t i = 0; i < n; i++) p->seen[row[i]]++;
  *f = lr_mean(p, row, n, x, g);
  if (p->fail_at && ++p->calls == p->fail_at) *f = NAN;
  return 0;
}
static int lr_validation(void *user, const int32_t *row, int64_t n, const void *x, double *f) {
  logistic *p = user;
  for (int64_t i = 0; i < n; i++) p->judged[row[i]]++;
  return *f = lr_mean(p, row, n, x, NULL), 0;
}
static const char *lr_where(void *user, int64_t k, char *buf, size_t n) {
  (void)user;
  snprintf(buf, n, "w[%d]", (int)k);
  return buf;
}
static inline cx_problem lr_problem(logistic *p) {
  return (cx_problem){.n = LR_D,
                      .single = p->h.single,
                      .user = p,
                      .gradient = lr_gradient,
                      .rows = LR_N,
                      .batch = lr_batch,
                      .validation = lr_validation,
                      .where = lr_where,
                      .update = plain};
}

/* ---- options from text: "rate=0.01,schedule=step(30;0.5)" ---- */
static int parse_options(cx_arena *a, const char *text, cx_fit_opt *opt) {
  volatile int n = 0; /* may be inlined into a function with setjmp */
  char *s = cx_strdup(a, text, strlen(text)), *save;
  for (char *t = strtok_r(s, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
    char *eq = strchr(t, '='), *end;
    *eq = 0;
    double v = strtod(eq + 1, &end);
    for (char *p = eq + 1; *p; p++)
      if (*p == ';') *p = ',';
    opt[n++] = (cx_fit_opt){
        .name = t, .num = *end ? NAN : v, .str = *end ? eq + 1 : NULL, .span = CX_NOSPAN, .name_span = CX_NOSPAN};
  }
  return n;
}
/* cx_fit with errors caught: the status thrown or returned */
static inline cx_status fit(cx_ctx *c, cx_arena *a, cx_problem *p, const char *method, const char *options, void *x,
                            const cx_fit_hooks *hooks, cx_fit_report *r) {
  cx_fit_opt opt[16];
  volatile cx_status status = CX_OK;
  int n = parse_options(a, options, opt);
  cx_frame f;
  CX_TRY(c, f) {
    status = cx_fit(c, a, p, method, CX_NOSPAN, opt, n, x, hooks, r);
    CX_END(c, f);
  } else {
    status = f.status;
  }
  return status;
}
static const char *last_message(cx_ctx *c) {
  int n = cx_diag_count(c);
  return n ? cx_diag_get(c, n - 1).message : "";
}
static inline bool says(cx_ctx *c, const char *word) {
  bool yes = strstr(last_message(c), word);
  if (!yes) fprintf(stderr, "says \"%s\", not \"%s\"\n", last_message(c), word);
  return yes;
}
#endif
