/* First-order methods: batches, schedules, validation, early stopping, divergence, every option. */
#include "solve_common.h"

/* ---- logistic regression by every method: the stationary point of a convex function is the minimum ---- */
static void logistic_by_all(bool single) {
  static const struct {
    const char *method, *options;
    double tol;
  } runs[] = {{"gradient_descent", "rate=2,steps=2000", 1e-8},
              {"sgd", "rate=2,batch=403,epochs=1500", 1e-9},
              {"momentum", "rate=0.5,steps=1500", 1e-9},
              {"nesterov", "rate=0.5,steps=1500", 1e-9},
              {"rmsprop", "rate=0.01,steps=3000,schedule=cosine", 1e-4},
              {"adagrad", "rate=0.5,steps=3000", 1e-9},
              {"adam", "rate=0.05,steps=3000,schedule=cosine", 1e-6},
              {"adamw", "rate=0.05,steps=3000,weight_decay=0,schedule=cosine", 1e-6},
              {"lbfgs", "", 1e-8},
              {"newton", "", 1e-8}};
  logistic *p = malloc(sizeof *p);
  lr_make(p, single);
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    cx_ctx *c = cx_ctx_new(NULL, NULL);
    cx_problem problem = lr_problem(p);
    double xd[LR_D] = {0};
    float xf[LR_D] = {0};
    cx_fit_report r;
    cx_status status =
        fit(c, cx_ctx_arena(c), &problem, runs[i].method, runs[i].options, single ? (void *)xf : (void *)xd, NULL, &r);
    if (status || !(r.grad_norm <= fmax(runs[i].tol, single ? 2e-4 : 0)))
      fprintf(stderr, "%s: %s, gradient %g\n", runs[i].method, r.reason, r.grad_norm);
    CHECK(status == CX_OK && r.converged);
    CHECK(r.grad_norm <= fmax(runs[i].tol, single ? 2e-4 : 0));
    double g[LR_D];
    logistic wide = *p;
    wide.h.single = false;
    if (single)
      for (int j = 0; j < LR_D; j++) xd[j] = xf[j];
    double f = lr_mean(&wide, NULL, LR_N, xd, g);
    CHECK_NEAR(r.value, f, single ? 1e-6 : 1e-15);
    CHECK(r.evaluations > 0 && r.ntrace > 1 && r.trace[r.ntrace - 1] <= r.trace[0]);
    cx_ctx_free(c);
  }
  free(p);
}

/* ---- batches: which rows, how often, how many sizes ---- */
static void batches(void) {
  logistic *p = malloc(sizeof *p);
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_ctx_arena(c);
  cx_fit_report r;
  double x[4][LR_D] = {{0}};
  lr_make(p, false);
  cx_problem q = lr_problem(p);
  CHECK(fit(c, a, &q, "sgd", "batch=50,epochs=3,rate=0.1", x[0], NULL, &r) == CX_OK);
  CHECK(r.steps == 27 && r.epochs == 3 && r.ntrace == 3); /* ceil(403 / 50) = 9 a pass */
  CHECK(p->nsizes == 2 && p->sizes[0] == 50 && p->sizes[1] == 3);
  for (int i = 0; i < LR_N; i++) CHECK(p->seen[i] == 3);
  CHECK(fit(c, a, &q, "sgd", "batch=50,epochs=3,rate=0.1", x[1], NULL, &r) == CX_OK);
  CHECK(!memcmp(x[0], x[1], sizeof x[0])); /* reproducible */
  CHECK(fit(c, a, &q, "sgd", "batch=50,epochs=3,rate=0.1,seed=1", x[2], NULL, &r) == CX_OK);
  CHECK(memcmp(x[0], x[2], sizeof x[0])); /* the seed matters */
  CHECK(fit(c, a, &q, "sgd", "batch=50,epochs=3,steps=10,rate=0.1", x[3], NULL, &r) == CX_OK);
  CHECK(r.steps == 10 && r.epochs == 1); /* the smaller of both */
  CHECK(memcmp(x[0], x[3], sizeof x[0]));

  lr_make(p, false); /* a batch larger than the data is the data */
  CHECK(fit(c, a, &q, "sgd", "batch=1000,steps=2", x[1], NULL, &r) == CX_OK);
  CHECK(p->nsizes == 1 && p->sizes[0] == LR_N);

  /* validation rows are never trained on, and all judged once an epoch */
  lr_make(p, false);
  CHECK(fit(c, a, &q, "adam", "batch=32,epochs=4,validation=0.2", x[1], NULL, &r) == CX_OK);
  int kept = 0;
  for (int i = 0; i < LR_N; i++) {
    CHECK((p->judged[i] == 4) != (p->seen[i] > 0));
    kept += p->judged[i] == 4;
  }
  CHECK(kept == 81);
  CHECK(isfinite(r.validation));
  lr_make(p, false); /* without batches */
  CHECK(fit(c, a, &q, "adam", "steps=4,validation=0.5", x[1], NULL, &r) == CX_OK);
  CHECK(p->nsizes == 1 && p->sizes[0] == 201);

  /* single precision batches */
  float xs[LR_D] = {0};
  lr_make(p, true);
  q = lr_problem(p);
  CHECK(fit(c, a, &q, "adam", "batch=50,epochs=3,rate=0.05", xs, NULL, &r) == CX_OK);
  CHECK(xs[0] < -0.3f && r.value < 0.69);

  /* what batches need */
  q.batch = NULL;
  CHECK(fit(c, a, &q, "adam", "batch=50", xs, NULL, &r) == CX_E_PROGRAM && says(c, "mean or sum over the rows"));
  q = lr_problem(p);
  q.rows = (int64_t)1 << 31;
  CHECK(fit(c, a, &q, "adam", "batch=50", xs, NULL, &r) == CX_E_PROGRAM && says(c, "too many to shuffle"));
  q.rows = 2;
  CHECK(fit(c, a, &q, "adam", "batch=1,validation=0.1", xs, NULL, &r) == CX_E_PROGRAM &&
        says(c, "no row to validate with"));
  cx_ctx_free(c);
  free(p);
}

/* ---- several batches to a step are one larger batch, but for rounding ---- */
static void accumulated(bool single) {
  static const char *const runs[][2] = {
      {"batch=10,accumulate=4", "batch=40"}, /* the last step of an epoch: 3 rows */
      {"batch=16,accumulate=3", "batch=48"}, /* 19 rows */
      {"batch=50,accumulate=100", "batch=403"},
      {"batch=10,accumulate=4,validation=0.2,patience=3", "batch=40,validation=0.2,patience=3"}};
  logistic *p = malloc(sizeof *p);
  lr_make(p, single);
  cx_problem q = lr_problem(p);
  for (size_t k = 0; k < sizeof runs / sizeof *runs; k++) {
    double x[2][LR_D] = {{0}};
    cx_fit_report r[2];
    for (int j = 0; j < 2; j++) {
      cx_ctx *c = cx_ctx_new(NULL, NULL);
      char options[160];
      float xf[LR_D] = {0};
      snprintf(options, sizeof options, "rate=0.05,epochs=3,seed=2,clip=0.3,%s", runs[k][j]);
      CHECK(fit(c, cx_ctx_arena(c), &q, "adam", options, single ? (void *)xf : (void *)x[j], NULL, &r[j]) == CX_OK);
      for (int i = 0; i < LR_D && single; i++) x[j][i] = xf[i];
      cx_ctx_free(c);
    }
    CHECK(r[0].steps == r[1].steps && r[0].epochs == 3 && r[0].evaluations > r[1].evaluations);
    for (int i = 0; i < LR_D; i++) CHECK_NEAR(x[0][i], x[1][i], single ? 1e-4 : 1e-12);
    CHECK_NEAR(r[0].value, r[1].value, single ? 1e-5 : 1e-13);
  }
  free(p);
}

/* ---- early stopping: a validation that gets worse from the third epoch on ---- */
typedef struct {
  head h;
  int epochs;
} worse;
static int worse_batch(void *user, const int32_t *row, int64_t n, const void *x, double *f, void *g) {
  (void)user, (void)row, (void)n;
  *f = -*(const double *)x, *(double *)g = -1;
  return 0;
}
static int worse_gradient(void *user, const void *x, double *f, void *g) { return worse_batch(user, NULL, 1, x, f, g); }
static int worse_validation(void *user, const int32_t *row, int64_t n, const void *x, double *f) {
  worse *w = user;
  (void)row;
  w->epochs += n == 2; /* not the report on the rows to train on */
  double d = *(const double *)x - 3;
  *f = 1 + d * d;
  return 0;
}
static void early(void) {
  worse w = {{1, false}, 0};
  cx_problem q = {.n = 1,
                  .user = &w,
                  .gradient = worse_gradient,
                  .batch = worse_batch,
                  .validation = worse_validation,
                  .rows = 10,
                  .update = plain};
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_fit_report r;
  double x = 0;
  /* 8 rows in batches of 4: x grows by 2 * 0.5 an epoch, so that epoch 3 is best */
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "rate=0.5,batch=4,epochs=100,validation=0.2,patience=4", &x, NULL, &r) ==
        CX_OK);
  CHECK(x == 3 && r.epochs == 7 && w.epochs == 7 && r.validation == 1 && r.converged);
  CHECK(strstr(r.reason, "no better validation for 4 epochs"));
  x = 0; /* the budget ends first: the best all the same */
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "rate=0.5,batch=4,epochs=5,validation=0.2,patience=4", &x, NULL, &r) ==
        CX_OK);
  CHECK(x == 3 && r.epochs == 5);
  x = 0; /* without patience the last */
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "rate=0.5,batch=4,epochs=5,validation=0.2", &x, NULL, &r) == CX_OK);
  CHECK(x == 5 && r.validation == 5);
  cx_ctx_free(c);
}

/* ---- divergence names the step and the parameter ---- */
static int bad_start(void *user, const void *x, double *f, void *g) {
  (void)user, (void)x;
  *f = NAN;
  for (int i = 0; i < LR_D; i++) ((double *)g)[i] = i == 3 ? NAN : 0;
  return 0;
}
static int bad_gradient(void *user, const void *x, double *f, void *g) {
  bad_start(user, x, f, g);
  *f = 1;
  return 0;
}
static int refuses(void *user, const void *x, double *f, void *g) { return (void)user, (void)x, (void)f, (void)g, 1; }
static double valley(const double *x, double *g, double *h, int64_t n) {
  return (void)h, (void)n, g[0] = 2 * x[0], x[0] * x[0];
}
static double pit(const double *x, double *g, double *h, int64_t n) {
  (void)n;
  if (h) h[0] = -exp(x[0]);
  return g[0] = -exp(x[0]), -exp(x[0]);
}
static void divergence(void) {
  logistic *p = malloc(sizeof *p);
  lr_make(p, false);
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_ctx_arena(c);
  cx_fit_report r;
  double x[LR_D] = {0};
  cx_problem q = lr_problem(p);
  q.gradient = bad_start;
  static const char *const all[] = {"gradient_descent", "adam", "lbfgs", "newton"};
  for (int i = 0; i < 4; i++) {
    memset(x, 0, sizeof x);
    q.gradient = bad_start;
    CHECK(fit(c, a, &q, all[i], "", x, NULL, &r) == CX_E_CONVERGENCE && says(c, "nan at the start") && says(c, "w[3]"));
    CHECK(!r.converged);
    q.gradient = bad_gradient;
    CHECK(fit(c, a, &q, all[i], "", x, NULL, &r) == CX_E_CONVERGENCE &&
          says(c, "the gradient by w[3] is nan at the start"));
  }
  q = lr_problem(p);
  p->fail_at = 12;
  CHECK(fit(c, a, &q, "adam", "batch=50", x, NULL, &r) == CX_E_CONVERGENCE && says(c, "nan at step 12 (epoch 2)"));
  q.gradient = refuses;
  q.why = NULL;
  CHECK(fit(c, a, &q, "sgd", "", x, NULL, &r) == CX_E_RUNTIME && says(c, "could not be evaluated"));
  smooth s;
  q = smooth_problem(&s, 1, valley); /* x <- x - 3 x: |x| doubles until x^2 overflows */
  x[0] = 1;
  CHECK(fit(c, a, &q, "gradient_descent", "rate=1.5,steps=5000", x, NULL, &r) == CX_E_CONVERGENCE &&
        says(c, "inf at step 513"));
  q = smooth_problem(&s, 1, pit);
  x[0] = 0;
  CHECK(fit(c, a, &q, "gradient_descent", "rate=1", x, NULL, &r) == CX_E_CONVERGENCE && says(c, "no lower bound"));
  free(p);
  cx_ctx_free(c);
}

/* ---- tolerance and budget ---- */
static void tolerance(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_ctx_arena(c);
  cx_fit_report r;
  smooth s;
  cx_problem q = smooth_problem(&s, 1, valley);
  double x = 1; /* x halves: gradient 2 x <= 1e-3 after 11 steps */
  CHECK(fit(c, a, &q, "gradient_descent", "rate=0.25,tolerance=1e-3", &x, NULL, &r) == CX_OK);
  CHECK(r.steps == 11 && r.converged && x == 0x1p-11 && r.grad_norm == 0x1p-10);
  x = 1; /* a budget that was asked for is no failure, unless a tolerance was asked for too */
  CHECK(fit(c, a, &q, "gradient_descent", "rate=0.25,steps=5", &x, NULL, &r) == CX_OK && r.steps == 5);
  x = 1;
  CHECK(fit(c, a, &q, "adam", "rate=1e-6,steps=5,tolerance=1e-3", &x, NULL, &r) == CX_E_CONVERGENCE &&
        says(c, "at step 5 the relative gradient is still"));
  x = 1;
  CHECK(fit(c, a, &q, "gradient_descent", "rate=1e-9", &x, NULL, &r) == CX_E_CONVERGENCE && r.steps == 10000);
  CHECK(r.ntrace <= 1024 && r.ntrace * r.trace_stride >= 10000 && r.trace[0] == 1);
  x = 1; /* nothing to do */
  CHECK(fit(c, a, &q, "adam", "steps=1", &x, NULL, &r) == CX_OK && fabs(x - 0.999) < 1e-9);
  q.n = 0; /* no parameters */
  s.h.n = 0;
  cx_ctx_free(c);
}

/* ---- gradients too large to square are clipped all the same ---- */
static double steep(const double *x, double *g, double *h, int64_t n) {
  (void)h, (void)n;
  return g[0] = 3e200, g[1] = 4e200, 1 + 0 * x[0];
}
static void clip_large(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  smooth s;
  cx_problem q = smooth_problem(&s, 2, steep);
  double x[2] = {0};
  cx_fit_report r;
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "rate=1,clip=5,steps=1", x, NULL, &r) == CX_OK);
  CHECK_NEAR(x[0], -3, 1e-14);
  CHECK_NEAR(x[1], -4, 1e-14);
  cx_ctx_free(c);
}

/* ---- progress: epochs, unit, and between epochs never more often than ten times a second ---- */
typedef struct {
  int calls;
  cx_progress last;
} told;
static void listen(void *user, const cx_progress *p) { ((told *)user)->calls++, ((told *)user)->last = *p; }
static void progress(void) {
  logistic *p = malloc(sizeof *p);
  lr_make(p, false);
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_problem q = lr_problem(p);
  double x[LR_D] = {0};
  told t = {0};
  cx_fit_hooks h = {.user = &t, .progress = listen};
  cx_fit_report r;
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "batch=10,epochs=60", x, &h, &r) == CX_OK);
  CHECK(t.calls >= 1 && t.calls <= 62 + (int)(r.seconds * 10)); /* 60 epochs */
  CHECK(t.last.step == 41 * 60 && t.last.steps == 41 * 60 && t.last.epoch == 60 && t.last.epochs == 60);
  CHECK(!strcmp(t.last.unit, "rows") && isfinite(t.last.value) && t.last.seconds_left == 0);
  CHECK(r.by_epoch && r.ntrace == 60);
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "batch=10,steps=9", x, NULL, &r) == CX_OK);
  CHECK(!r.by_epoch && r.ntrace == 9); /* less than an epoch: by step */
  CHECK(fit(c, cx_ctx_arena(c), &q, "sgd", "batch=10,steps=9,validation=0.2", x, NULL, &r) == CX_OK);
  CHECK(isfinite(r.validation)); /* of the params given back, though no epoch ended */
  cx_ctx_free(c);
  free(p);
}

int main(void) {
  logistic_by_all(false);
  logistic_by_all(true);
  batches();
  accumulated(false);
  accumulated(true);
  early();
  divergence();
  tolerance();
  clip_large();
  progress();
  return CHECK_DONE();
}
