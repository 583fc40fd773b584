/* diff.c - which equations a derivative passes through, and reductions made linear. */
#include "pass/diff.h"

#include <string.h>

#define ACTIVE 1
#define LEAF 2

typedef struct {
  CX_VEC(uint32_t) to; /* equations loaded, once each */
} deps;

typedef struct {
  cx_arena *a;
  deps *d;
  uint32_t *last; /* last equation that recorded this dependency */
  uint32_t now;
} collect;

static void collect_load(void *user, const cx_node *n) {
  collect *c = user;
  if (n->op != OP_load || c->last[n->u.eq] == c->now + 1) return;
  c->last[n->u.eq] = c->now + 1;
  *CX_PUSH(c->a, c->d[c->now].to) = n->u.eq;
}

uint8_t *cx_diff_active(cx_graph *g, uint32_t of, const uint32_t *leaf, int n, bool all) {
  cx_arena *a = g->arena;
  size_t N = (size_t)g->neq;
  uint8_t *mark = cx_alloc_n(a, N, 1), *seen = cx_alloc_n(a, N, 1);
  collect c = {a, CX_NEW_N(a, deps, N), CX_NEW_N(a, uint32_t, N), 0};
  deps *users = CX_NEW_N(a, deps, N);
  for (int k = 0; k < n; k++) mark[leaf[k]] = LEAF;
  CX_VEC(uint32_t) todo = {0};
  *CX_PUSH(a, todo) = of;
  seen[of] = 1;
  for (int at = 0; at < todo.n; at++) { /* everything `of` needs, cut at leaves and inert shifts */
    uint32_t id = todo.at[at];
    cx_eq *e = g->eq[id];
    if ((mark[id] & LEAF) || (e->inert && !all)) continue;
    c.now = id;
    if (e->kind == EQ_CALC && e->body) cx_visit(g, e->body, collect_load, &c);
    if (e->kind == EQ_PRIM)
      for (int k = 0; k < e->nprim_arg; k++) *CX_PUSH(a, c.d[id].to) = e->prim_arg[k];
    for (int k = 0; k < c.d[id].to.n; k++) {
      uint32_t t = c.d[id].to.at[k];
      *CX_PUSH(a, users[t].to) = id;
      if (!seen[t]) seen[t] = 1, *CX_PUSH(a, todo) = t;
    }
  }
  todo.n = 0;
  for (int k = 0; k < n; k++)
    if (seen[leaf[k]] && !(mark[leaf[k]] & ACTIVE)) mark[leaf[k]] |= ACTIVE, *CX_PUSH(a, todo) = leaf[k];
  for (int at = 0; at < todo.n; at++) /* everything that depends on a leaf */
    for (int k = 0; k < users[todo.at[at]].to.n; k++) {
      uint32_t u = users[todo.at[at]].to.at[k];
      cx_eq *e = g->eq[u];
      if ((mark[u] & ACTIVE) || (!all && (e->inert || e->red == RED_argmax || e->red == RED_argmin))) continue;
      mark[u] |= ACTIVE;
      *CX_PUSH(a, todo) = u;
      if (e->kind == EQ_PRIM && !all) {
        cx_error(g->ctx, e->span, "`%s` has no derivative rule", e->prim->name);
        cx_throw(g->ctx, CX_E_PROGRAM);
      }
    }
  return mark;
}

uint8_t *cx_diff_widen(cx_graph *g, const uint8_t *mark, int n) {
  uint8_t *wide = cx_alloc_n(g->arena, (size_t)g->neq, 1);
  memcpy(wide, mark, (size_t)n);
  return wide;
}

const cx_node *cx_chain(cx_graph *g, const cx_node *up, const cx_node *p) {
  const cx_node *zero = cx_const(g, 0);
  for (int swap = 0; swap < 2; swap++) {
    const cx_node *x = swap ? p : up, *y = swap ? up : p;
    if (cx_ops[x->op].facts & F_BOOL) return cx_op3(g, OP_select, x, y, zero);
    if (x->op == OP_select && x->arg[2] == zero) return cx_op3(g, OP_select, x->arg[0], cx_chain(g, x->arg[1], y), zero);
    if (x->op == OP_select && x->arg[1] == zero) return cx_op3(g, OP_select, x->arg[0], zero, cx_chain(g, x->arg[2], y));
  }
  return cx_op2(g, OP_mul, up, p);
}

const cx_node *cx_sum_of(cx_graph *g, const cx_node *a, const cx_node *b) {
  return !a ? b : !b ? a : cx_op2(g, OP_add, a, b);
}

/* the product of all factors but one: prefix times suffix, two recurrences along the reduced index (one index);
 * over several indices the factor itself is left out by a select */
static const cx_node *other_factors(cx_graph *g, const cx_eq *e) {
  int r = e->rank;
  const cx_node *ix[2 * CX_MAX_RANK], *one = cx_const(g, 1);
  for (int k = 0; k < r + e->nred; k++) ix[k] = cx_index(g, k);
  if (e->nred == 1 && r < CX_MAX_RANK) {
    const cx_node *result = NULL;
    for (int dir = -1; dir <= 1; dir += 2) {
      cx_eq *p = cx_eq_new(g, NULL, EQ_CALC);
      p->rank = (uint8_t)(r + 1);
      memcpy(p->dim, e->dim, sizeof p->dim);
      p->dim[r] = e->rdim[0];
      p->span = e->span;
      const cx_node *next = cx_op2(g, OP_add, ix[r], cx_const(g, dir)), *slot = next;
      int64_t at = r;
      const cx_node *sub[CX_MAX_RANK];
      memcpy(sub, ix, sizeof sub);
      sub[r] = next;
      const cx_node *end = cx_op2(g, OP_eq, ix[r], cx_const(g, dir < 0 ? 0 : (double)(e->rdim[0].n - 1)));
      p->body = cx_op3(g, OP_select, end, one,
                       cx_op2(g, OP_mul, cx_load(g, p->id, sub, r + 1), cx_subst(g, e->body, &at, &slot, 1)));
      result = result ? cx_op2(g, OP_mul, result, cx_load(g, p->id, ix, r + 1)) : cx_load(g, p->id, ix, r + 1);
    }
    return result;
  }
  cx_eq *q = cx_eq_new(g, NULL, EQ_CALC);
  q->span = e->span;
  q->rank = (uint8_t)(r + e->nred);
  q->red = RED_prod;
  q->nred = e->nred;
  memcpy(q->dim, e->dim, sizeof q->dim);
  memcpy(q->dim + r, e->rdim, (size_t)e->nred * sizeof q->dim[0]);
  memcpy(q->rdim, e->rdim, sizeof q->rdim);
  int64_t from[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK], *same = one;
  for (int k = 0; k < e->nred; k++) {
    from[k] = r + k;
    to[k] = cx_index(g, r + e->nred + k);
    same = cx_op2(g, OP_and, same, cx_op2(g, OP_eq, ix[r + k], to[k]));
  }
  q->body = cx_op3(g, OP_select, same, one, cx_subst(g, e->body, from, to, e->nred));
  return cx_load(g, q->id, ix, r + e->nred);
}

cx_linear cx_diff_linear(cx_graph *g, const cx_eq *e) {
  cx_linear l = {e->body, NULL, e->nred};
  if (e->red == RED_prod) l.weight = other_factors(g, e);
  if (e->red == RED_max || e->red == RED_min) {
    /* the optimum's place over the flattened reduced indices, then each index from it by division */
    cx_eq *p = cx_eq_new(g, NULL, EQ_CALC);
    p->span = e->span;
    p->rank = e->rank;
    p->red = e->red == RED_max ? RED_argmax : RED_argmin;
    p->nred = e->nred;
    memcpy(p->dim, e->dim, sizeof p->dim);
    memcpy(p->rdim, e->rdim, sizeof p->rdim);
    p->integer = true;
    p->body = e->body;
    double total = 1;
    const cx_node *ix[CX_MAX_RANK], *to[CX_MAX_RANK];
    int64_t slot[CX_MAX_RANK];
    for (int k = 0; k < e->rank; k++) ix[k] = cx_index(g, k);
    const cx_node *place = cx_load(g, p->id, ix, e->rank);
    for (int k = e->nred - 1; k >= 0; k--) {
      const cx_node *n = cx_const(g, (double)e->rdim[k].n);
      slot[k] = e->rank + k;
      to[k] = k == 0 ? place : cx_op2(g, OP_mod, place, n);
      if (k) place = cx_op1(g, OP_floor, cx_op2(g, OP_div, place, n));
      total *= (double)e->rdim[k].n;
    }
    p->lo = 0;
    p->hi = total > 0 ? total - 1 : 0;
    l.body = cx_subst(g, e->body, slot, to, e->nred);
    l.nred = 0;
  }
  return l;
}
