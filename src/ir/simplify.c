/* simplify.c - identities that need no more than the node itself. They are those of calculus over finite numbers:
 * x * 0 is 0 and x - x is 0, although IEEE says NaN for an infinite x. */
#include "ir/simplify.h"

static bool is(const cx_node *n, double v) { return n->op == OP_const && n->u.num == v; }

const cx_node *cx_simplify_node(cx_graph *g, cx_op op, const cx_node *const *arg, int n) {
  const cx_node *x = arg[0], *y = n > 1 ? arg[1] : NULL;
  switch (op) {
  case OP_add:
    if (is(x, 0)) return y;
    if (is(y, 0)) return x;
    if (y->op == OP_neg) return cx_op2(g, OP_sub, x, y->arg[0]);
    if (x->op == OP_neg) return cx_op2(g, OP_sub, y, x->arg[0]);
    return NULL;
  case OP_sub:
    if (x == y) return cx_const(g, 0);
    if (is(y, 0)) return x;
    if (is(x, 0)) return cx_op1(g, OP_neg, y);
    if (y->op == OP_neg) return cx_op2(g, OP_add, x, y->arg[0]);
    return NULL;
  case OP_mul:
    if (is(x, 0) || is(y, 0)) return cx_const(g, 0);
    if (is(x, 1)) return y;
    if (is(y, 1)) return x;
    if (is(x, -1)) return cx_op1(g, OP_neg, y);
    if (is(y, -1)) return cx_op1(g, OP_neg, x);
    return NULL;
  case OP_div:
    if (is(y, 1)) return x;
    if (is(y, -1)) return cx_op1(g, OP_neg, x);
    if (is(x, 0)) return x;
    return NULL;
  case OP_neg: return x->op == OP_neg ? x->arg[0] : NULL;
  case OP_pow:
    if (is(y, 0)) return cx_const(g, 1);
    if (is(y, 1)) return x;
    if (is(y, 2)) return cx_op2(g, OP_mul, x, x);
    return NULL;
  case OP_select:
    if (x->op == OP_const) return x->u.num != 0 ? y : arg[2];
    if (y == arg[2]) return y;
    return NULL;
  default: return NULL;
  }
}
