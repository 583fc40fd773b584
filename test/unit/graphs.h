/* graphs.h - what tests of graphs share: pseudo-random numbers, equations by name, the frame around the tests. */
#ifndef GRAPHS_H
#define GRAPHS_H
#include "check.h"
#include "run/fn.h"

static cx_ctx *ctx;
static const char *place = ""; /* name of the present test, for messages */
static uint64_t state = 88172645463325252u;
static inline uint64_t bits(void) { return state ^= state << 13, state ^= state >> 7, state ^= state << 17; }
static inline double unit(void) { return (double)(bits() >> 11) * 0x1p-53; }
static inline uint32_t below(uint32_t n) { return (uint32_t)(bits() >> 32) % n; }

static inline int64_t count(const cx_eq *e) { return cx_eq_count(e); }
static inline uint32_t find(const cx_graph *g, const char *name) {
  for (int i = 0; i < g->neq; i++)
    if (!strcmp(g->eq[i]->name, name)) return (uint32_t)i;
  fprintf(stderr, "%s: no equation %s\n", place, name);
  cx_throw(ctx, CX_E_PROGRAM);
}

/* the tests in a context of their own; what they throw is a failure */
static inline int in_context(void (*tests)(void)) {
  ctx = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(ctx, f) {
    tests();
    CX_END(ctx, f);
  } else {
    check_failed++;
    fprintf(stderr, "%s\n", place);
    for (int i = 0; i < cx_diag_count(ctx); i++) fputs(cx_diag_render(ctx, cx_ctx_arena(ctx), i, false), stderr);
  }
  cx_ctx_free(ctx);
  return CHECK_DONE();
}
#endif
