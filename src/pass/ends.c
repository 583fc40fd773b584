/* ends.c - conditions of integrals inside integrals become their ends.
 *
 * The integral over y of (if u(x, y) < 0 then f else 0) is that of f between roots of u, where these are in order; which
 * is a condition free of y, one of the integral around. So it goes on outwards: a ball {x^2 + y^2 + z^2 < r^2} is
 * x in -r..r, y in -sqrt(r^2 - x^2)..sqrt(r^2 - x^2), and so on. Then what moves is an end, and derivatives need no root
 * to be found, nor the edge of an edge (edge.c stretches the coordinates).
 *
 * For derivatives of integrals over three variables and more, and for integrals over four and more; all conditions have
 * to be of degree 1 in the inner variable, with a slope of known sign, or of degree 2, positive outside, with their
 * middle in the range. Else all stays as it is. */
#include <math.h>
#include <string.h>

#include "pass/leibniz.h"

enum { CONDITIONS = 8, INTEGRALS = 16 };

typedef struct {
  cx_graph *g;
  cx_eq *I, *shape;                    /* shape: has the dimensions of the ends */
  const cx_node *u[CONDITIONS], *rest; /* u < 0, each; what stands under them */
  int n;
  const cx_node *outer[4 * CONDITIONS]; /* conditions free of y */
  int nouter;
} taken;

/* Plain equations opened, but for what is differentiated by, and those with a name, by which one still may. */
typedef struct {
  const uint32_t *leaf;
  int n; /* -1: nothing will be differentiated */
} leaves;
static const cx_node *open_plain(void *user, cx_graph *g, const cx_node *e) {
  const leaves *l = user;
  if (e->op != OP_load) return e;
  const cx_eq *q = g->eq[e->u.eq];
  for (int k = 0; k < l->n; k++)
    if (l->leaf[k] == q->id) return e;
  if (q->kind != EQ_CALC || q->red != RED_none || q->inert || (l->n >= 0 && !cx_unnamed(q))) return e;
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < q->rank; k++) slot[k] = k;
  return cx_rewrite(g, cx_subst(g, q->body, slot, e->arg, q->rank), open_plain, user);
}

static bool condition(taken *t, const cx_node *c, bool negated) {
  cx_graph *g = t->g;
  if (c->op == OP_not) return condition(t, c->arg[0], !negated);
  if (c->op == (negated ? OP_or : OP_and)) return condition(t, c->arg[0], negated) && condition(t, c->arg[1], negated);
  if ((c->op != OP_lt && c->op != OP_le) || t->n == CONDITIONS) return false;
  t->u[t->n++] = cx_op2(g, OP_sub, c->arg[negated], c->arg[!negated]);
  return true;
}
/* e = rest where all conditions hold, else 0 */
static const cx_node *peel(taken *t, const cx_node *e) {
  cx_graph *g = t->g;
  const cx_node *a, *b;
  switch (e->op) {
    case OP_lt:
    case OP_le:
    case OP_and: return condition(t, e, false) ? cx_const(g, 1) : NULL;
    case OP_select:
      if (cx_is_number(e->arg[2], 0)) return condition(t, e->arg[0], false) ? peel(t, e->arg[1]) : NULL;
      if (cx_is_number(e->arg[1], 0)) return condition(t, e->arg[0], true) ? peel(t, e->arg[2]) : NULL;
      return e;
    case OP_neg: return (a = peel(t, e->arg[0])) ? cx_op1(g, OP_neg, a) : NULL;
    case OP_mul: a = peel(t, e->arg[0]), b = a ? peel(t, e->arg[1]) : NULL; return b ? cx_op2(g, OP_mul, a, b) : NULL;
    case OP_div: return (a = peel(t, e->arg[0])) ? cx_op2(g, OP_div, a, e->arg[1]) : NULL;
    default: return e;
  }
}

static bool below(const taken *t, const cx_node *a, const cx_node *b) { /* proved: a <= b */
  return cx_bounds(t->g, a, t->shape).hi <= cx_bounds(t->g, b, t->shape).lo;
}
static bool must(taken *t, const cx_node *u) { /* u < 0, unless it always is */
  if (cx_bounds(t->g, u, t->shape).hi < 0) return true;
  if (t->nouter == 4 * CONDITIONS) return false;
  t->outer[t->nouter++] = u;
  return true;
}

static uint32_t end_of(taken *t, const cx_node *e) {
  cx_eq *q = cx_eq_new(t->g, NULL, EQ_CALC);
  q->rank = t->shape->rank;
  memcpy(q->dim, t->shape->dim, sizeof q->dim);
  q->body = e;
  return q->id;
}

/* I over the integrand F as an equation of the same value; UINT32_MAX: it stays, *wrong: and cannot change */
static uint32_t moved(cx_graph *g, cx_eq *I, uint32_t F, leaves *by, bool *wrong) {
  const cx_eq *f = g->eq[F], *lo = g->eq[I->prim_arg[CX_INTEGRAL_LO]];
  taken t = {.g = g, .I = I};
  uint32_t y = I->prim_arg[CX_INTEGRAL_X];
  *wrong = true;
  if (I->rank != lo->rank || f->rank != lo->rank + 1 || f->kind != EQ_CALC || f->red != RED_none) return UINT32_MAX;
  t.shape = cx_eq_new(g, NULL, EQ_CALC);
  t.shape->rank = lo->rank;
  memcpy(t.shape->dim, lo->dim, sizeof lo->dim);
  t.shape->body = cx_const(g, 0);
  t.rest = peel(&t, cx_rewrite(g, f->body, open_plain, by));
  if (!t.rest) return UINT32_MAX;
  const cx_node *ix[CX_MAX_RANK], *end[2], *at[2], *low[CONDITIONS], *high[CONDITIONS];
  const cx_node *a[CONDITIONS], *c0[CONDITIONS], *slope[CONDITIONS], *centre[CONDITIONS];
  int side[CONDITIONS];
  for (int d = 0; d < lo->rank; d++) ix[d] = cx_index(g, d);
  for (int s = 0; s < 2; s++) {
    uint32_t id = I->prim_arg[s ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
    const cx_eq *e = g->eq[id];
    end[s] = at[s] = e->kind == EQ_CALC && e->body->op == OP_const ? e->body : cx_load(g, id, ix, lo->rank);
  }
  if (t.n && !below(&t, end[0], end[1])) return UINT32_MAX;
  for (int k = 0; k < t.n; k++) {
    int degree = cx_degree(g, y, t.u[k]);
    const cx_node *c[3];
    side[k] = -1;
    if (degree > 2) return UINT32_MAX;
    cx_polynomial(g, y, t.shape, t.u[k], degree, c);
    for (int m = 0; m < 3; m++) c[m] = cx_rewrite(g, c[m], open_plain, by);
    if (degree == 0) {
      if (!must(&t, c[0])) return UINT32_MAX;
      continue;
    }
    cx_interval b = cx_bounds(g, c[degree], t.shape);
    if (degree == 1) {
      if (!(b.lo > 0 || b.hi < 0)) return UINT32_MAX;
      int s = side[k] = b.lo > 0; /* the end that it moves */
      c0[k] = c[0], slope[k] = c[1], a[k] = cx_op1(g, OP_neg, cx_op2(g, OP_div, c[0], c[1]));
      /* the root is on the right side of the other end where u is negative there */
      if (!isinf(end[!s]->op == OP_const ? end[!s]->u.num : 0) &&
          !must(&t, cx_op2(g, OP_add, cx_op2(g, OP_mul, c[1], end[!s]), c[0])))
        return UINT32_MAX;
      continue;
    }
    if (!(b.lo > 0)) return UINT32_MAX;
    const cx_node *middle = cx_op2(g, OP_div, c[1], cx_op2(g, OP_mul, cx_const(g, -2), c[2]));
    const cx_node *least =
        cx_op2(g, OP_add, c[0], cx_op2(g, OP_mul, cx_op2(g, OP_mul, cx_const(g, 0.5), c[1]), middle));
    cx_interval m = cx_bounds(g, middle, t.shape);
    if (m.lo == 0 && m.hi == 0) middle = cx_const(g, 0), least = c[0];
    if (!below(&t, end[0], middle) || !below(&t, middle, end[1]) || !must(&t, least)) return UINT32_MAX;
    side[k] = 2, centre[k] = middle;
    a[k] = cx_op1(g, OP_sqrt, cx_op2(g, OP_div, cx_op1(g, OP_neg, least), c[2]));
  }
  int nlow = 0, nhigh = 0, squares = 0;
  for (int k = 0; k < t.n; k++) {
    squares += side[k] == 2;
    for (int m = 0; m < k; m++) /* ranges about one place do meet */
      if (side[k] == 2 && side[m] == 2 && centre[k] != centre[m]) return UINT32_MAX;
    if (side[k] == 0 || side[k] == 2) low[nlow++] = side[k] ? cx_op2(g, OP_sub, centre[k], a[k]) : a[k];
    if (side[k] == 1 || side[k] == 2) high[nhigh++] = side[k] == 2 ? cx_op2(g, OP_add, centre[k], a[k]) : a[k];
    for (int m = 0; m < t.n; m++) /* lower ends below upper ones */
      if (side[k] == 0 && side[m] == 1 &&
          !must(&t, cx_op2(g, OP_sub, cx_op2(g, OP_mul, c0[k], slope[m]), cx_op2(g, OP_mul, c0[m], slope[k]))))
        return UINT32_MAX;
  }
  if (squares && (nlow > squares || nhigh > squares)) return UINT32_MAX;
  for (int k = 0; k < nlow; k++) at[0] = below(&t, at[0], low[k]) ? low[k] : cx_op2(g, OP_max, at[0], low[k]);
  for (int k = 0; k < nhigh; k++) at[1] = below(&t, high[k], at[1]) ? high[k] : cx_op2(g, OP_min, at[1], high[k]);
  *wrong = false;
  cx_eq *inside = cx_eq_new(g, NULL, EQ_CALC), *J = cx_eq_new(g, NULL, EQ_PRIM), same = *I;
  inside->rank = f->rank;
  memcpy(inside->dim, f->dim, sizeof inside->dim);
  inside->body = t.rest;
  same.id = J->id;
  *J = same;
  J->prim_arg[CX_INTEGRAL_F] = inside->id;
  J->prim_arg[CX_INTEGRAL_LO] = end_of(&t, at[0]), J->prim_arg[CX_INTEGRAL_HI] = end_of(&t, at[1]);
  const cx_node *v = cx_load(g, J->id, ix, I->rank), *zero = cx_const(g, 0);
  for (int k = 0; k < t.nouter; k++) v = cx_op3(g, OP_select, cx_op2(g, OP_lt, t.outer[k], zero), v, zero);
  return t.n || F != I->prim_arg[CX_INTEGRAL_F] ? end_of(&t, v) : UINT32_MAX;
}

uint32_t cx_conditions_to_ends(cx_graph *g, uint32_t of, const uint32_t *leaf, int n) {
  cx_arena *a = g->arena;
  for (int i = 0; i < g->neq; i++) /* in the midst of another derivative */
    if (g->eq[i]->kind == EQ_CALC && !g->eq[i]->body) return of;
  uint8_t *mark = cx_diff_active(g, of, leaf, n, true);
  int neq = g->neq, count = 0, integrals = 0;
  for (int i = 0; i < neq; i++) integrals += cx_is_integral(g->eq[i]) && (mark[i] & 1);
  if (integrals < 3) return of;
  cx_eq_order o = cx_order(g, a);
  uint32_t from[INTEGRALS], to[INTEGRALS], *mask[INTEGRALS], x[INTEGRALS];
  int nx = 0;
  for (int i = 0; i < neq; i++) {
    const cx_eq *e = g->eq[i];
    if (o.cyclic[i]) return of;
    if (!cx_is_integral(e) || !(mark[i] & 1)) continue;
    if (e->prim != &cx_prim_integral || nx == INTEGRALS) return of;
    x[nx] = e->prim_arg[CX_INTEGRAL_X];
    mask[nx] = cx_node_dims(g, a, x[nx]), nx++;
  }
  for (int i = 0; i < o.n; i++) {
    cx_eq *I = g->eq[o.order[i]];
    if (!cx_is_integral(I) || !(mark[I->id] & 1)) continue;
    uint32_t F = I->prim_arg[CX_INTEGRAL_F], now = count ? cx_replace(g, F, from, to, count) : F;
    int around = 0;
    for (int k = 0; k < nx; k++) around += x[k] != I->prim_arg[CX_INTEGRAL_X] && (mask[k][I->id] & CX_DEPENDS) != 0;
    if (now == F && around < 2) continue;
    bool wrong;
    uint32_t s = moved(g, I, now, &(leaves){leaf, n}, &wrong);
    if (s == UINT32_MAX && wrong && now != F) return of;
    if (s != UINT32_MAX) from[count] = I->id, to[count++] = s;
  }
  return count ? cx_replace(g, of, from, to, count) : of;
}

/* ---- the same for values: what is moved stands in the place of the integral ---- */
void cx_pass_ends(cx_graph *g) {
  cx_arena *a = g->arena;
  int neq = g->neq, nx = 0, count = 0;
  uint32_t *x = CX_NEW_N(a, uint32_t, neq + 1), **mask = CX_NEW_N(a, uint32_t *, neq + 1);
  for (int i = 0; i < neq; i++) {
    if (g->eq[i]->prim == &cx_prim_crossing) return; /* derivatives are taken already */
    if (g->eq[i]->prim == &cx_prim_integral) x[nx++] = g->eq[i]->prim_arg[CX_INTEGRAL_X];
  }
  if (nx < 4) return;
  cx_eq_order o = cx_order(g, a);
  for (int i = 0; i < neq; i++)
    if (o.cyclic[i]) return;
  for (int k = 0; k < nx; k++) mask[k] = cx_node_dims(g, a, x[k]);
  uint32_t *id = CX_NEW_N(a, uint32_t, neq + 1); /* of integrals that were moved, and what they were */
  cx_eq *was = CX_NEW_N(a, cx_eq, neq + 1);
  leaves all = {NULL, -1};
  for (int i = 0; i < o.n; i++) {
    cx_eq *I = g->eq[o.order[i]];
    if (I->prim != &cx_prim_integral) continue;
    uint32_t F = I->prim_arg[CX_INTEGRAL_F];
    bool *seen = CX_NEW_N(a, bool, g->neq + 1), inside = false, wrong;
    cx_mark_below(g, F, true, seen);
    for (int k = 0; k < count; k++) inside |= seen[id[k]];
    int around = 0;
    for (int k = 0; k < nx; k++) around += x[k] != I->prim_arg[CX_INTEGRAL_X] && (mask[k][I->id] & CX_DEPENDS) != 0;
    if (!inside && around < 3) continue; /* over three variables lines find their places better */
    uint32_t s = moved(g, I, F, &all, &wrong);
    if (s == UINT32_MAX) {
      for (int k = 0; k < count && wrong; k++)
        if (seen[id[k]]) *g->eq[id[k]] = was[k];
      continue;
    }
    const cx_node *ix[CX_MAX_RANK];
    for (int d = 0; d < I->rank; d++) ix[d] = cx_index(g, d);
    id[count] = I->id, was[count++] = *I;
    I->kind = EQ_CALC, I->prim = NULL, I->nprim_arg = 0;
    I->body = cx_load(g, s, ix, I->rank);
  }
}
