/* delta_terms.c - the body of a sum taken apart: terms, each a product of conditions and the rest. */
#include "pass/delta_int.h"

static bool reach(cx_scratch *w, const cx_node *e, uint32_t mask, int depth) {
  if (depth == 0 || !(e->free_lo & mask) || !cx_once(w, e)) return false;
  switch (e->op) {
    case OP_eq:
    case OP_lt:
    case OP_le: return true;
    case OP_div:
    case OP_neg: return reach(w, e->arg[0], mask, depth - 1);
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_and: return reach(w, e->arg[0], mask, depth - 1) || reach(w, e->arg[1], mask, depth - 1);
    case OP_select:
      for (int k = 0; k < 3; k++)
        if (reach(w, e->arg[k], mask, depth - 1)) return true;
      return false;
    default: return false;
  }
}
bool cx_delta_reaches(const cx_graph *g, const cx_node *e, uint32_t mask) {
  cx_scratch *w = cx_scratch_take(g);
  bool yes = reach(w, e, mask, DEPTH);
  cx_scratch_give(g, w);
  return yes;
}

static bool condition(term *t, const cx_node *c) {
  if (c->op == OP_and) return condition(t, c->arg[0]) && condition(t, c->arg[1]);
  if (t->ncond == CONDS) return false;
  t->cond[t->ncond++] = c;
  return true;
}

bool cx_delta_multiply(delta *d, term t, const cx_node *e, const wait *next, int depth) {
  cx_graph *g = d->g;
  uint32_t mask = cx_reduced_mask(d->e);
  if (depth == 0) return false;
  if (!e) {
    if (next) return cx_delta_multiply(d, t, next->e, next->next, depth - 1);
    if (d->n == TERMS) return false;
    d->t[d->n++] = t;
    return true;
  }
  if (cx_delta_reaches(g, e, mask)) switch (e->op) {
      case OP_eq:
      case OP_lt:
      case OP_le:
      case OP_and: return condition(&t, e) && cx_delta_multiply(d, t, NULL, next, depth - 1);
      case OP_neg: t.rest = cx_op1(g, OP_neg, t.rest); return cx_delta_multiply(d, t, e->arg[0], next, depth - 1);
      case OP_mul: {
        wait y = {e->arg[1], next};
        return cx_delta_multiply(d, t, e->arg[0], &y, depth - 1);
      }
      case OP_div:
        t.rest = cx_op2(g, OP_div, t.rest, e->arg[1]);
        return cx_delta_multiply(d, t, e->arg[0], next, depth - 1);
      case OP_add:
      case OP_sub: {
        term u = t;
        if (e->op == OP_sub) u.rest = cx_op1(g, OP_neg, u.rest);
        return cx_delta_multiply(d, t, e->arg[0], next, depth - 1) &&
               cx_delta_multiply(d, u, e->arg[1], next, depth - 1);
      }
      case OP_select: {
        term u = t;
        const cx_node *zero = cx_const(g, 0);
        if (e->arg[1] != zero && !(condition(&t, e->arg[0]) && cx_delta_multiply(d, t, e->arg[1], next, depth - 1)))
          return false;
        return e->arg[2] == zero ||
               (condition(&u, cx_op1(g, OP_not, e->arg[0])) && cx_delta_multiply(d, u, e->arg[2], next, depth - 1));
      }
      default: break;
    }
  t.rest = cx_op2(g, OP_mul, t.rest, e);
  return cx_delta_multiply(d, t, NULL, next, depth - 1);
}
