/* digits.c - two digits of one number, each compared, are the number compared:
 *
 *   floor(y / c) == p and mod(y, c) == q   is   y == c p + q and 0 <= q and q < c      for integers y, p, q and c > 0
 *
 * The adjoint of a maximum over two indices asks so where its place is; y is an array, p and q hold indices alone. */
#include "pass/eqs.h"
#include <math.h>
#include <string.h>

enum { MOST = 16 };

typedef struct {
  const cx_node *y;
  double by;
  const cx_node *is; /* what the digit is equal to */
} digit;

/* an equality that fixes floor(y / c), or where `low` mod(y, c) */
static bool digit_of(cx_graph *g, const cx_node *n, bool low, digit *d) {
  cx_term term[2 * CX_TERMS];
  if (n->op != OP_eq || !cx_is_integer(g, n->arg[0]) || !cx_is_integer(g, n->arg[1])) return false;
  int count = cx_affine_terms(n->arg[0], 1, term, CX_TERMS);
  int more = count < 0 ? -1 : cx_affine_terms(n->arg[1], -1, term + count, CX_TERMS);
  if (more < 0) return false;
  count += more;
  for (int k = 0; k < count; k++) {
    const cx_node *t = term[k].t;
    if (!t || t->op != (low ? OP_mod : OP_floor) || fabs(term[k].k) != 1) continue;
    const cx_node *of = low ? t : t->arg[0];
    if ((!low && of->op != OP_div) || of->arg[1]->op != OP_const || !cx_is_integer(g, of->arg[0])) continue;
    *d = (digit){of->arg[0], of->arg[1]->u.num, NULL};
    if (!(d->by >= 1 && d->by == floor(d->by))) continue;
    double sign = -term[k].k;
    memmove(term + k, term + k + 1, (size_t)(--count - k) * sizeof *term);
    for (int j = 0; j < count; j++) {
      if (term[j].t && !cx_is_integer(g, term[j].t)) return false;
      if (term[j].k != floor(term[j].k)) return false;
      term[j].k *= sign;
    }
    d->is = count ? cx_terms_node(g, term, count) : cx_const(g, 0);
    return true;
  }
  return false;
}

static int conditions(const cx_node *n, const cx_node **to, int count) {
  if (count < 0) return -1;
  if (n->op == OP_and) return conditions(n->arg[1], to, conditions(n->arg[0], to, count));
  if (count == MOST) return -1;
  to[count] = n;
  return count + 1;
}

static const cx_node *joined(void *user, cx_graph *g, const cx_node *n) {
  const cx_eq *of = user;
  const cx_node *all[MOST];
  int count = n->op == OP_and ? conditions(n, all, 0) : 0;
  digit high, low;
  for (int i = 0; i < count; i++)
    for (int j = 0; j < count; j++) {
      if (i == j || !digit_of(g, all[i], false, &high) || !digit_of(g, all[j], true, &low)) continue;
      if (high.y != low.y || high.by != low.by) continue;
      const cx_node *c = cx_const(g, low.by), *zero = cx_const(g, 0);
      const cx_node *place = cx_op2(g, OP_add, cx_op2(g, OP_mul, c, high.is), low.is);
      const cx_node *r = cx_op2(g, OP_eq, high.y, place);
      cx_interval b = cx_bounds(g, low.is, of);
      if (!(b.lo >= 0)) r = cx_op2(g, OP_and, cx_op2(g, OP_le, zero, low.is), r);
      if (!(b.hi < low.by)) r = cx_op2(g, OP_and, cx_op2(g, OP_lt, low.is, c), r);
      for (int k = 0; k < count; k++)
        if (k != i && k != j) r = cx_op2(g, OP_and, r, all[k]);
      return r;
    }
  return n;
}

void cx_pass_digits(cx_graph *g) {
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind == EQ_CALC) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, joined, g->eq[k]);
}
