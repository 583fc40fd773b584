/* guards.c - choices that only derivatives needed: one that the other branch makes anyway is none.
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

/* if u != 0 or isfinite(p) then u * .. else 0 is what cx_chain writes, whose derivative at u = 0 is right; once no more
 * derivatives are taken it is if u then u * .. else 0. */
static bool has_factor(const cx_node *e, const cx_node *u, int depth) {
  if (e == u) return true;
  if (!depth || (e->op != OP_mul && e->op != OP_div && e->op != OP_neg)) return false;
  return has_factor(e->arg[0], u, depth - 1) || (e->op == OP_mul && has_factor(e->arg[1], u, depth - 1));
}
static const cx_node *open_chain(void *user, cx_graph *g, const cx_node *n) {
  (void)user;
  if (n->op != OP_select || n->arg[0]->op != OP_or || n->arg[2]->op != OP_const || n->arg[2]->u.num != 0) return n;
  for (int k = 0; k < 2; k++) {
    const cx_node *c = n->arg[0]->arg[k];
    if (c->op != OP_ne || n->arg[0]->arg[!k]->op != OP_isfinite) continue;
    for (int j = 0; j < 2; j++)
      if (cx_is_number(c->arg[!j], 0) && has_factor(n->arg[1], c->arg[j], 8))
        return cx_op3(g, OP_select, c->arg[j], n->arg[1], n->arg[2]);
  }
  return n;
}

void cx_pass_chain(cx_graph *g) {
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind == EQ_CALC && g->eq[k]->body) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, open_chain, NULL);
}
