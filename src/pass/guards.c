/* guards.c - a choice that the other branch makes anyway is none.
 *
 * if u == c then k else f(u) is f(u) where f(c) is the number k: stabilise puts such guards around roots of sums of
 * squares so that their derivatives have a value at 0, and once these are taken the values need none. */
#include "pass/eqs.h"

static const cx_node *open_guard(void *user, cx_graph *g, const cx_node *n) {
  (void)user;
  if (n->op != OP_select || n->arg[0]->op != OP_eq || n->arg[1]->op != OP_const) return n;
  const cx_node *c = n->arg[0];
  int at = c->arg[1]->op == OP_const ? 1 : 0;
  if (c->arg[at]->op != OP_const || c->arg[!at]->op == OP_const) return n;
  const cx_node *there = cx_exchange(g, n->arg[2], c->arg[!at], c->arg[at]);
  return there->op == OP_const && there->u.num == n->arg[1]->u.num ? n->arg[2] : n;
}

void cx_pass_guards(cx_graph *g) {
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind == EQ_CALC) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, open_guard, NULL);
}
