/* random_expr.h - seeded random expressions for the tests of the equation form. */
#ifndef RANDOM_EXPR_H
#define RANDOM_EXPR_H
#include "ir/ir.h"

static uint64_t rnd_state = 1;
static uint32_t rnd(uint32_t n) { /* xorshift64* */
  rnd_state ^= rnd_state >> 12;
  rnd_state ^= rnd_state << 25;
  rnd_state ^= rnd_state >> 27;
  return (uint32_t)((rnd_state * 0x2545f4914f6cdd1du) >> 33) % n;
}
static double rnd_unit(void) { return rnd(1u << 30) / (double)(1u << 30); }

/* A pool of expressions that grows by an op over earlier ones: shared, and as deep as count. Over nslot indices and
 * the equations of g. tame: only ops that keep values finite and moderate, so that identities of calculus hold. */
typedef const cx_node *(*rnd_make)(cx_graph *g, cx_op op, const cx_node *const *arg, int n);
static const cx_node *rnd_expr(cx_graph *g, rnd_make make, int nslot, int count, bool tame) {
  static const cx_op mild[] = {OP_add, OP_sub,  OP_mul,      OP_neg,   OP_min, OP_max, OP_abs,
                               OP_sin, OP_tanh, OP_select,   OP_lt,    OP_le,  OP_eq,  OP_not,
                               OP_and, OP_or,   OP_logistic, OP_floor, OP_tanh};
  const cx_node *pool[256];
  int n = 0;
  if (count > 200) count = 200;
  for (int i = 0; i < 4; i++) pool[n++] = cx_const(g, rnd(3) ? (double)rnd(5) - 2 : rnd_unit() * 4 - 2);
  for (int i = 0; i < nslot; i++) pool[n++] = cx_index(g, i);
  for (int i = 0; i < 4 && g->neq; i++) {
    const cx_eq *e = g->eq[rnd((uint32_t)g->neq)];
    const cx_node *sub[CX_MAX_RANK];
    for (int k = 0; k < e->rank; k++)
      sub[k] = nslot ? cx_op2(g, OP_add, cx_index(g, rnd((uint32_t)nslot)), cx_const(g, (double)rnd(3) - 1))
                     : pool[rnd((uint32_t)n)];
    pool[n++] = cx_load(g, e->id, sub, e->rank);
  }
  for (int i = 0; i < count; i++) {
    cx_op op = tame ? mild[rnd(sizeof mild / sizeof *mild)] : (cx_op)(OP_load + 1 + (int)rnd(OP_COUNT - OP_load - 1));
    const cx_node *arg[3];
    for (int k = 0; k < cx_ops[op].arity; k++)
      arg[k] = pool[rnd(3) ? n - 1 - (int)rnd(n < 6 ? (uint32_t)n : 6) : (int)rnd((uint32_t)n)];
    pool[n] = make(g, op, arg, cx_ops[op].arity);
    if (tame && rnd(2)) pool[n] = cx_op1(g, OP_tanh, pool[n]);
    n++;
  }
  return pool[n - 1];
}
#endif
