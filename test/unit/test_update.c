/* Compiled updates: many parameters at once, in place where that may be, give what a few give, which are not. */
#include "check.h"
#include "run/update.h"
#include "solve/solver.h"
#include <stdlib.h>

enum { MANY = 5003, FEW = 5, STEPS = 7 };

static void put(void *p, int64_t i, bool single, double v) {
  if (single) ((float *)p)[i] = (float)v;
  else ((double *)p)[i] = v;
}

static void same(cx_ctx *c, const char *method, const char *const *state, bool single) {
  cx_arena *a = cx_arena_new(c);
  cx_update many = cx_update_compile(c, a, method, state, MANY, single, 1),
            few = cx_update_compile(c, a, method, state, FEW, single, 1);
  CHECK(many.run && few.run);
  void *x[2], *g[2], *s[2][4] = {{NULL}};
  for (int k = 0; k < 2; k++) {
    x[k] = cx_alloc_n(a, MANY, 8), g[k] = cx_alloc_n(a, MANY, 8);
    for (int j = 0; j < 3; j++) s[k][j] = cx_alloc_n(a, MANY, 8);
  }
  for (int64_t i = 0; i < MANY; i++)
    for (int k = 0; k < 2; k++) put(x[k], i, single, cos((double)(i % FEW)));
  const char *why = NULL;
  bool equal = true;
  for (int t = 1; t <= STEPS; t++) {
    const double scalar[CX_S_COUNT] = {
        [CX_S_t] = t,       [CX_S_rate] = 0.1,   [CX_S_weight_decay] = 0.01, [CX_S_momentum] = 0.9,
        [CX_S_beta1] = 0.9, [CX_S_beta2] = 0.99, [CX_S_epsilon] = 1e-8};
    for (int64_t i = 0; i < MANY; i++)
      for (int k = 0; k < 2; k++) put(g[k], i, single, sin((double)(t + i % FEW)));
    CHECK(!many.run(many.user, &x[0], g[0], s[0], scalar, &why));
    CHECK(!few.run(few.user, &x[1], g[1], s[1], scalar, &why));
    for (int64_t i = 0; i < MANY; i++)
      equal &= fabs(cx_real_at(x[0], i, single) - cx_real_at(x[1], i % FEW, single)) <=
               (single ? 1e-6 : 1e-15) * fabs(cx_real_at(x[1], i % FEW, single));
  }
  if (!equal) fprintf(stderr, "%s\n", method);
  CHECK(equal);
  cx_arena_free(a);
}

int main(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  static const char *const v[] = {"v", NULL}, *const b[] = {"b", NULL}, *const mv[] = {"m", "v", NULL},
                           *const vb[] = {"v", "b", NULL}, *const none[] = {NULL};
  for (int single = 0; single < 2; single++) {
    same(c, "sgd", none, single);
    same(c, "momentum", b, single);
    same(c, "nesterov", b, single);
    same(c, "rmsprop", v, single);
    same(c, "heavy_rmsprop", vb, single);
    same(c, "adagrad", v, single);
    same(c, "adam", mv, single);
    same(c, "adamw", mv, single);
  }
  cx_ctx_free(c);
  return CHECK_DONE();
}
