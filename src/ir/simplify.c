/* simplify.c - what happens to every scalar node when it is made: the facts of its op (parity, integers), the rules
 * of rules.def that have it at their root, and the collecting of like terms and factors. Each of them builds its
 * result through cx_opn again and shrinks the measure of rules.def, so the outcome is a fixed point. */
#include "ir/simplify.h"
#include "ir/pattern.h"
#include "ir/product.h"
#include <math.h>

/* x as -(result), when that is shorter than x: -y, or c * y and y / c with negative c */
static const cx_node *negated(cx_graph *g, const cx_node *x) {
  if (x->op == OP_neg) return x->arg[0];
  for (int i = 0; i < 2; i++)
    if ((x->op == OP_mul || (x->op == OP_div && i == 1)) && x->arg[i]->op == OP_const && x->arg[i]->u.num < 0) {
      const cx_node *c = cx_const(g, -x->arg[i]->u.num);
      return i ? cx_op2(g, x->op, x->arg[0], c) : cx_op2(g, x->op, c, x->arg[1]);
    }
  return NULL;
}

static const cx_node *by_facts(cx_graph *g, cx_op op, const cx_node *x) {
  uint32_t f = cx_ops[op].facts;
  if (op == OP_neg || !(f & (F_ODD | F_EVEN))) return NULL;
  const cx_node *y = negated(g, x);
  if (y) return (f & F_EVEN) ? cx_op1(g, op, y) : cx_op1(g, OP_neg, cx_op1(g, op, y));
  return (f & F_EVEN) && x->op == OP_abs ? cx_op1(g, op, x->arg[0]) : NULL;
}

const cx_node *cx_simplify_node(cx_graph *g, cx_op op, const cx_node *const *arg, int n) {
  const cx_node *e = n == 1 ? by_facts(g, op, arg[0]) : NULL;
  if (e) return e;
  const cx_rules *r = cx_rules_get(g);
  for (int i = 0; i < r->n_op[op]; i++)
    if ((e = cx_rule_apply(g, &r->rule[r->by_op[op][i]], op, arg, n))) return e;
  return op == OP_add || op == OP_sub || op == OP_mul || op == OP_div ? cx_collect(g, op, arg[0], arg[1]) : NULL;
}
