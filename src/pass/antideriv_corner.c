/* antideriv_corner.c - the integral of a power of an affine function over a box is a sum over its corners.
 *
 * With u = u0 + sum a_i (x_i - lo_i) and d_i = a_i (hi_i - lo_i),
 *   integral of u^c = sum over subsets S of (-1)^(n - |S|) (u0 + sum of d_i in S)^(c + n)
 *                     / ((c + 1) .. (c + n) a_1 .. a_n)                   (n antiderivatives, one in each variable)
 * The terms are of one size and cancel, the more the smaller the box: how far is known when the program runs, and where
 * it is too far the integral is computed as ever. */
#include <math.h>
#include <string.h>

#include "pass/antideriv_int.h"

enum { CANCELS = 1000 };

typedef struct {
  const cx_node *x, *lo, *hi;
  const uint32_t *mask;
} variable;

/* an end in the slots of the outermost integral; NULL: infinite, or no formula */
static const cx_node *end_of(cx_graph *g, uint32_t id, const int64_t *slot, const cx_node *const *to) {
  const cx_eq *e = g->eq[id];
  if (e->kind != EQ_CALC || e->red != RED_none || (e->body->op == OP_const && !isfinite(e->body->u.num))) return NULL;
  return cx_subst(g, e->body, slot, to, e->rank);
}

void cx_anti_corners(cx_graph *g, cx_eq *I, bool *kept) {
  variable v[CX_BOX_MAX];
  int64_t slot[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK], *e = NULL, *scale = cx_const(g, 1);
  uint32_t inside[CX_BOX_MAX];
  int n = 0, rank = I->rank;
  for (int k = 0; k < CX_MAX_RANK; k++) slot[k] = k, to[k] = cx_index(g, k);
  for (const cx_eq *J = I; J;) { /* the variables, from the outermost */
    const cx_eq *F = g->eq[J->prim_arg[CX_INTEGRAL_F]];
    if (n == CX_BOX_MAX || rank + n >= CX_MAX_RANK || F->kind != EQ_CALC || F->red != RED_none) return;
    variable *w = &v[n];
    w->lo = end_of(g, J->prim_arg[CX_INTEGRAL_LO], slot, to);
    w->hi = end_of(g, J->prim_arg[CX_INTEGRAL_HI], slot, to);
    if (!w->lo || !w->hi) return;
    uint32_t x = J->prim_arg[CX_INTEGRAL_X];
    w->mask = cx_node_dims(g, g->arena, x);
    to[F->rank - 1] = cx_index(g, rank + n);
    w->x = cx_load(g, x, &to[F->rank - 1], 1);
    cx_anti s = {.g = g, .F = F, .mask = w->mask, .known = g->neq, .budget = 64};
    e = cx_subst(g, cx_rewrite(g, F->body, cx_anti_open, &s), slot, to, F->rank);
    n++;
    for (;;) {
      bool left = e->op == OP_mul && e->arg[0]->op == OP_const, right = e->op == OP_div && e->arg[1]->op == OP_const;
      if (!left && !right) break;
      scale = cx_op2(g, (cx_op)e->op, scale, e->arg[left ? 0 : 1]);
      e = e->arg[left ? 1 : 0];
    }
    J = e->op == OP_load && g->eq[e->u.eq]->kind == EQ_PRIM ? g->eq[e->u.eq] : NULL;
    if (!J) break;
    if (J->prim != &cx_prim_integral || J->prim_arg[CX_INTEGRAL_X] == x) return;
    inside[n - 1] = J->id;
    for (int k = 0; k < e->nargs; k++) to[k] = e->arg[k];
  }
  if (n < 2) return;

  uint32_t *any = CX_NEW_N(g->arena, uint32_t, g->neq + 1);
  for (int i = 0; i < n; i++)
    for (int id = 0; id < g->neq; id++) any[id] |= v[i].mask[id];
  cx_anti s = {.g = g, .I = I, .F = I, .mask = any, .known = g->neq, .ok = cx_const(g, 1)};
  const cx_node *coef, *base, *power, *zero = cx_const(g, 0);
  if (!cx_anti_power(&s, e, &coef, &base, &power)) return;
  if (power->op == OP_const && power->u.num >= 0 && power->u.num == floor(power->u.num)) return;
  const cx_node *k = cx_index(g, rank), *u = base, *least, *sign = cx_const(g, 1), *corner = zero,
                *below = cx_const(g, 1);
  for (int i = 0; i < n; i++) {
    if (cx_anti_depends(&s, v[i].lo) || cx_anti_depends(&s, v[i].hi)) return;
    u = cx_exchange(g, u, v[i].x, v[i].lo);
  }
  least = u;
  for (int i = 0; i < n; i++) {
    const cx_node *c[3];
    cx_anti one = {.g = g, .mask = v[i].mask, .known = g->neq, .x = v[i].x};
    if (cx_anti_degree(&one, base, CX_ANTI_DEPTH) != 1) return;
    cx_anti_coefficients(&one, base, c);
    if (cx_anti_depends(&s, c[1])) return;
    const cx_node *d = mul(&s, c[1], cx_op2(g, OP_sub, v[i].hi, v[i].lo)), *two = cx_const(g, 2);
    const cx_node *bit = cx_op2(g, OP_mod, cx_op1(g, OP_floor, cx_op2(g, OP_div, k, cx_const(g, ldexp(1, i)))), two);
    least = add(&s, least, cx_op2(g, OP_min, d, zero));
    corner = add(&s, corner, mul(&s, bit, d));
    sign = mul(&s, sign, cx_op2(g, OP_sub, mul(&s, two, bit), cx_const(g, 1)));
    below = mul(&s, below, mul(&s, c[1], add(&s, power, cx_const(g, i + 1))));
  }
  if (cx_anti_depends(&s, u) || !cx_anti_demand(&s, cx_op2(g, OP_lt, zero, least))) return;
  const cx_node *size = cx_op2(g, OP_pow, add(&s, u, corner), add(&s, power, cx_const(g, n))), *sum[2];
  for (int m = 0; m < 2; m++) {
    cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
    t->span = I->span;
    t->rank = (uint8_t)rank;
    memcpy(t->dim, I->dim, sizeof t->dim);
    t->red = RED_sum;
    t->nred = 1;
    t->rdim[0] = (cx_dim){(int64_t)1 << n, NULL};
    t->body = m ? size : mul(&s, sign, size);
    sum[m] = cx_load_here(g, t);
  }
  const cx_node *most = mul(&s, cx_const(g, CANCELS), cx_op1(g, OP_abs, sum[0]));
  if (!cx_anti_demand(&s, cx_op2(g, OP_le, sum[1], most))) return;
  cx_anti_become(&s, I, mul(&s, mul(&s, scale, coef), cx_op2(g, OP_div, sum[0], below)));
  for (int i = 0; i + 1 < n && I->kind == EQ_CALC; i++) kept[inside[i]] = true;
}
