/* test_malloc.c - every allocation may fail. A whole life of a model (text, data, params, gradient, Hessian, an
 * expression, evaluation, a fit) runs again and again, and the k-th request for memory fails, for every k: each time a
 * clean error, nothing leaks, and the very next attempt with the same context succeeds. */
#include "../unit/api_common.h"

/* errors alone; a note beside them says what needed the memory */
static int errors(calx_ctx *c) {
  calx_diagnostic d;
  int n = 0;
  for (int k = 0; calx_diagnostic_at(c, k, &d); k++) n += !d.warning;
  return n;
}

enum { N = 300, D = 3 };
static double X[N * D];
static int32_t label[N];

static const struct {
  const char *name, *text, *expression, *method;
  calx_option option[3];
  int noption;
} program[] = {
    {"regression",
     "data X[n, d], label[n] : int(0..2)\nparam w[d] = 0.1, b, s > 0\neta[i] = sum(j: X[i, j] * w[j]) + b\n"
     "minimize mean(i: log(1 + exp(eta[i])) - (if label[i] > 0 then 1 else 0) * eta[i]) + s - log(s)\n",
     "eta, softmax(w), d(s^2, s)",
     "lbfgs",
     {{"steps", 3, NULL}},
     1},
    {"network",
     "precision single\ndata X[n, d], label[n] : int(0..2)\np = softmax(dense(tanh(dense(X, 4)), 3))\n"
     "minimize -mean(i: log(p[i, label[i]]))\n",
     "accuracy(p, label)",
     "adam",
     {{"rate", 0.01, NULL}, {"batch", 64, NULL}, {"epochs", 1, NULL}},
     3},
    {"recurrence",
     "data X[n, d], label[n]\nparam C[2, 2] : covariance, a in 0..1\nh[0] = a\nh[t] = tanh(C[0, 1] * h[t-1] + C[1, 1] "
     "* X[t, 0])\n"
     "minimize mean(t: (h[t] - X[t, 1])^2)\n",
     "h",
     "newton",
     {{"steps", 2, NULL}},
     1},
};

typedef struct {
  double gradient[64], hessian[64 * 64], values[2 * N];
} result;

/* the first status that is not CALX_OK */
static calx_status life(calx_ctx *c, int which, result *r, const char **stage) {
  calx_model *m;
  calx_fn *g, *h, *e;
  calx_solver *s;
  calx_status st;
  int64_t n;
  double x[64], v[16];
#define STEP(call)                           \
  do {                                       \
    *stage = #call;                          \
    if ((st = (call)) != CALX_OK) return st; \
  } while (0)
  STEP(calx_compile(c, program[which].text, SIZE_MAX, &m));
  STEP(calx_bind(m, "X", CALX_F64, 2, (int64_t[]){N, D}, NULL, X));
  STEP(calx_bind(m, "label", CALX_I32, 1, (int64_t[]){N}, NULL, label));
  STEP(calx_param_count(m, NULL, &n));
  if (n > 64) return CALX_E_USAGE;
  STEP(calx_start(m, 1, x));
  STEP(calx_param_values(m, 0, x, v));
  STEP(calx_gradient(m, &g));
  STEP(at(g, x, r->gradient));
  STEP(calx_hessian(m, &h));
  STEP(at(h, x, r->hessian));
  STEP(calx_jacobian_sparse(m, program[which].expression, SIZE_MAX, &e));
  int64_t *place = calloc(2 * (size_t)calx_fn_outputs(e) + 1, sizeof *place);
  st = place ? calx_sparsity(e, place, place + calx_fn_outputs(e)) : CALX_E_USAGE;
  free(place);
  STEP(st);
  STEP(calx_function(m, program[which].expression, SIZE_MAX, &e));
  STEP(at(e, x, r->values));
  STEP(calx_solver_new(m, program[which].method, program[which].option, program[which].noption, x, &s));
  while (calx_iterate(s)) {}
  *stage = "solver";
  st = calx_solver_status(s, NULL);
  if (st != CALX_OK && st != CALX_E_CONVERGENCE) return st;
  calx_model_free(m);
  return CALX_OK;
}

int main(void) {
  for (int i = 0; i < N; i++) {
    label[i] = (int32_t)(3 * uniform());
    for (int j = 0; j < D; j++) X[i * D + j] = label[i] == j ? 1 + uniform() : uniform();
  }
  static result want, got;
  for (int which = 0; which < (int)(sizeof program / sizeof *program); which++) {
    const char *stage = "", *last = "";
    counter k = {0};
    calx_ctx *c = calx_new(counting, &k);
    memset(&want, 0, sizeof want);
    if (life(c, which, &want, &stage) != CALX_OK) fprintf(stderr, "%s: %s", stage, calx_error(c));
    calx_free(c);
    size_t requests = k.calls;
    CHECK(k.live == 0 && k.blocks == 0 && !k.lies && requests > 20);
    int stages = 0;
    for (size_t fail = 1; fail <= requests; fail++) {
      k = (counter){.fail_at = fail};
      if (!(c = calx_new(counting, &k))) {
        CHECK(k.live == 0);
        continue;
      }
      memset(&got, 0, sizeof got);
      calx_status st = life(c, which, &got, &stage);
      if (st != CALX_E_RUNTIME || !strstr(calx_error(c), "out of memory") || errors(c) != 1) {
        fprintf(stderr, "%s, request %zu of %zu, %s: status %d\n%s", program[which].name, fail, requests, stage,
                (int)st, calx_error(c));
        CHECK(!"out of memory is the only error");
      }
      stages += stage != last;
      last = stage;
      k.fail_at = 0;
      memset(&got, 0, sizeof got);
      st = life(c, which, &got, &stage); /* the same context, when there is memory again */
      if (st != CALX_OK) fprintf(stderr, "after request %zu: %s", fail, calx_error(c));
      CHECK(st == CALX_OK && !memcmp(&got, &want, sizeof got));
      calx_free(c);
      CHECK(k.live == 0 && k.blocks == 0 && !k.lies);
    }
    printf("%s: %zu requests, %d stages\n", program[which].name, requests, stages);
    CHECK(stages > 8);
  }
  return CHECK_DONE();
}
