/* simplify.c - every body rebuilt through the rules; what its indices' ranges decide; and the bounds and integrality
 * of equations from those of what they load, for the proofs of later rules. */
#include "pass/eqs.h"
#include <math.h>

static const cx_node *again(void *user, cx_graph *g, const cx_node *n) {
  const cx_eq *of = user;
  if (n->op <= OP_load) return n;
  n = cx_opn(g, (cx_op)n->op, n->arg, n->nargs);
  if (n->op <= OP_load) return n;
  if (cx_ops[n->op].facts & F_BOOL) {
    cx_interval r = cx_bounds(g, n, of);
    if (r.lo == r.hi) return cx_const(g, r.lo);
  } else if (n->op == OP_min || n->op == OP_max) {
    cx_interval x = cx_bounds(g, n->arg[0], of), y = cx_bounds(g, n->arg[1], of);
    if (x.hi <= y.lo) return n->arg[n->op == OP_max];
    if (y.hi <= x.lo) return n->arg[n->op == OP_min];
  } else if (n->op == OP_mod || n->op == OP_floor) {
    return cx_radix(g, n, of);
  }
  return n;
}

const cx_node *cx_simplify(cx_graph *g, const cx_node *e, const cx_eq *of) {
  return cx_rewrite(g, e, again, (void *)of);
}

/* A reduction over an index that the body does not know: so many times the body, or the body. */
static void drop_idle(cx_graph *g, cx_eq *e) {
  if (e->red != RED_sum && e->red != RED_max && e->red != RED_min) return;
  for (int k = e->nred - 1; k >= 0; k--) {
    int64_t n = e->rdim[k].n;
    if ((e->body->free_lo >> (e->rank + k) & 1) || (e->red != RED_sum && n < 1)) continue;
    const cx_node *b = e->red == RED_sum ? cx_op2(g, OP_mul, cx_const(g, (double)n), e->body) : e->body;
    e->body = cx_drop_slot(g, e, e->rank + k, b);
    if (e->nred == 0) e->red = RED_none;
  }
}

void cx_pass_simplify(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  for (int i = 0; i < o.n; i++) {
    cx_eq *e = g->eq[o.order[i]];
    if (e->kind != EQ_CALC) continue;
    e->body = cx_simplify(g, e->body, e);
    drop_idle(g, e);
    cx_learn_bounds(g, e);
  }
  cx_arena_free(a);
}
