/* diff.c - which equations a derivative passes through, and reductions made linear. */
#include "pass/diff.h"

#include <string.h>

#define ACTIVE 1
#define LEAF   2

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

/* ---- the chain rule where branches are not taken ---- */
/* 0 or 1, or `if c then x else 0`, or a sum of such */
static bool selects(const cx_node *x, int depth) {
  if (cx_ops[x->op].facts & F_BOOL) return true;
  if (x->op == OP_neg) return selects(x->arg[0], depth);
  if ((x->op == OP_add || x->op == OP_sub) && depth)
    return selects(x->arg[0], depth - 1) && selects(x->arg[1], depth - 1);
  if (x->op != OP_select) return false;
  for (int k = 1; k < 3; k++)
    if (cx_is_number(x->arg[k], 0)) return true;
  return false;
}

/* how many products a product with x becomes, one in each of its branches; at most `most` + 1 */
static int products(const cx_node *x, int most) {
  if ((cx_ops[x->op].facts & F_BOOL) || !selects(x, 4)) return 1;
  if (x->op == OP_neg) return products(x->arg[0], most);
  if (x->op == OP_select) return products(x->arg[cx_is_number(x->arg[2], 0) ? 1 : 2], most);
  int n = products(x->arg[0], most);
  return n > most ? n : n + products(x->arg[1], most - n);
}
enum { PRODUCTS = 32 };

static void see_risk(void *user, const cx_node *n) {
  bool *risk = user;
  switch (n->op) {
    case OP_div: *risk |= n->arg[1]->op != OP_const; return;
    case OP_pow: *risk |= !(n->arg[1]->op == OP_const && n->arg[1]->u.num >= 0); return;
    case OP_logistic:
    case OP_softplus:
    case OP_sin:
    case OP_cos:
    case OP_tanh:
    case OP_sqrt:
    case OP_erf:
    case OP_erfc:
    case OP_norm_cdf:
    case OP_atan:
    case OP_asinh:
    case OP_hypot:
    case OP_mod:
    case OP_sinc: return;
    default: *risk |= n->op > OP_load && !(cx_ops[n->op].facts & (F_CHEAP | F_BOOL | F_STEP));
  }
}

/* the factor of a product that is data of 0 and 1, as `if m then 1 else 0` has become m; NULL: none. rest: without it */
static const cx_node *mask_of(cx_graph *g, const cx_node *e, const cx_node **rest, int depth) {
  if (e->op == OP_load && cx_is_integer(g, e)) {
    cx_interval b = cx_bounds(g, e, NULL);
    *rest = cx_const(g, 1);
    return b.lo >= 0 && b.hi <= 1 ? e : NULL;
  }
  if (!depth || (e->op != OP_mul && e->op != OP_div && e->op != OP_neg)) return NULL;
  for (int k = 0; k < (e->op == OP_mul ? 2 : 1); k++) {
    const cx_node *r, *mask = mask_of(g, e->arg[k], &r, depth - 1);
    if (!mask) continue;
    *rest = e->op == OP_neg ? cx_op1(g, OP_neg, r) : cx_op2(g, (cx_op)e->op, k ? e->arg[0] : r, k ? r : e->arg[1]);
    return mask;
  }
  return NULL;
}

const cx_node *cx_chain(cx_graph *g, const cx_node *up, const cx_node *p, bool thin) {
  const cx_node *zero = cx_const(g, 0);
  for (int swap = 0; swap < 2; swap++) {
    const cx_node *x = swap ? p : up, *y = swap ? up : p;
    if (x->op == OP_const) break;
    if (!selects(x, 4)) continue;
    if (products(x, PRODUCTS) > PRODUCTS) { /* branches of branches of ..: the product once, and 0 where x is */
      bool risk = false;
      cx_visit(g, y, see_risk, &risk);
      const cx_node *whole = cx_op2(g, OP_mul, up, p), *any = cx_op2(g, OP_ne, x, zero);
      return risk ? cx_op3(g, OP_select, cx_op2(g, OP_or, any, cx_op1(g, OP_isfinite, y)), whole, zero) : whole;
    }
    if (cx_ops[x->op].facts & F_BOOL) return cx_op3(g, OP_select, x, y, zero);
    if (x->op == OP_neg) return cx_op1(g, OP_neg, cx_chain(g, x->arg[0], y, thin));
    if (x->op != OP_select)
      return cx_op2(g, (cx_op)x->op, cx_chain(g, x->arg[0], y, thin), cx_chain(g, x->arg[1], y, thin));
    bool then = cx_is_number(x->arg[2], 0); /* 0 or -0 */
    const cx_node *r = cx_chain(g, x->arg[then ? 1 : 2], y, thin);
    return cx_op3(g, OP_select, x->arg[0], then ? r : zero, then ? zero : r);
  }
  bool risk = false;
  for (int swap = 0; swap < 2; swap++) {
    const cx_node *x = swap ? p : up, *y = swap ? up : p, *rest = NULL, *mask = mask_of(g, x, &rest, 4);
    if (mask) cx_visit(g, y, see_risk, &risk);
    if (risk) return cx_op3(g, OP_select, mask, cx_op2(g, OP_mul, rest, y), zero);
  }
  if (thin && up->op != OP_const) cx_visit(g, p, see_risk, &risk);
  const cx_node *r = cx_op2(g, OP_mul, up, p);
  /* where up is 0 and p is not, the derivative of the product has up' p: only a p that is infinite is left out */
  return risk ? cx_op3(g, OP_select, cx_op2(g, OP_or, cx_op2(g, OP_ne, up, zero), cx_op1(g, OP_isfinite, p)), r, zero)
              : r;
}

static void see_branch(void *user, const cx_node *n) {
  if (n->op == OP_select || n->op == OP_min || n->op == OP_max || (cx_ops[n->op].facts & F_BOOL)) *(bool *)user = true;
}
static bool branches(cx_graph *g, const cx_eq *e) {
  bool yes = e->red == RED_max || e->red == RED_min;
  cx_visit(g, e->body, see_branch, &yes);
  return yes;
}

/* which indices of `of` the load's subscripts fix; whole: they also reach every element of the target */
static uint32_t read_mask(const cx_graph *g, const cx_node *load, const cx_eq *of, bool *whole) {
  uint32_t seen = 0;
  *whole = true;
  for (int k = 0; k < load->nargs; k++) {
    const cx_node *s = load->arg[k];
    int64_t slot = s->op == OP_index ? s->u.i : -1;
    int64_t n = slot < 0 ? -1 : cx_extent(of, slot);
    if (n < g->eq[load->u.eq]->dim[k].n || (slot >= 0 && (seen >> slot & 1))) *whole = false;
    seen |= s->free_lo;
  }
  return seen;
}

typedef struct {
  cx_graph *g;
  const cx_eq *of;
  const uint8_t *mark;
  bool *thin;
  int neq;
  bool branches, changed;
} thinness;
static void see_consumer(void *user, const cx_node *n) {
  thinness *t = user;
  if (n->op != OP_load || (int)n->u.eq >= t->neq || !(t->mark[n->u.eq] & ACTIVE) || t->thin[n->u.eq]) return;
  bool whole;
  uint32_t all = (1u << cx_nslot(t->of)) - 1, seen = read_mask(t->g, n, t->of, &whole);
  if ((seen & all) != all || (whole && !t->branches && !t->thin[t->of->id])) return;
  t->thin[n->u.eq] = t->changed = true;
}

bool *cx_diff_thin_adjoint(cx_graph *g, const uint8_t *mark, int neq) {
  thinness t = {g, NULL, mark, CX_NEW_N(g->arena, bool, neq + 1), neq, false, true};
  while (t.changed) {
    t.changed = false;
    for (int id = neq - 1; id >= 0; id--) {
      t.of = g->eq[id];
      if (!(mark[id] & ACTIVE) || (mark[id] & LEAF) || t.of->kind != EQ_CALC) continue;
      t.branches = branches(g, t.of);
      cx_visit(g, t.of->body, see_consumer, &t);
    }
  }
  return t.thin;
}

bool cx_diff_may_miss(const cx_graph *g, const cx_node *load, const cx_eq *of) {
  for (int k = 0; k < load->nargs; k++) {
    cx_interval r = cx_bounds(g, load->arg[k], of);
    if (!(r.lo >= 0 && r.hi <= (double)(g->eq[load->u.eq]->dim[k].n - 1))) return true;
  }
  return false;
}

static void see_producer(void *user, const cx_node *n) {
  thinness *t = user;
  if (n->op != OP_load || (int)n->u.eq >= t->neq || !(t->mark[n->u.eq] & ACTIVE)) return;
  t->branches |= t->thin[n->u.eq] || cx_diff_may_miss(t->g, n, t->of);
}

bool *cx_diff_thin_tangent(cx_graph *g, const uint8_t *mark, int neq) {
  thinness t = {g, NULL, mark, CX_NEW_N(g->arena, bool, neq + 1), neq, false, true};
  while (t.changed) {
    t.changed = false;
    for (int id = 0; id < neq; id++) {
      t.of = g->eq[id];
      if (t.thin[id] || !(mark[id] & ACTIVE) || (mark[id] & LEAF)) continue;
      if (t.of->kind != EQ_CALC || t.of->red == RED_sum) continue;
      t.branches = branches(g, t.of);
      cx_visit(g, t.of->body, see_producer, &t);
      if (t.branches) t.thin[id] = t.changed = true;
    }
  }
  return t.thin;
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

static cx_linear linear_of(cx_graph *g, const cx_eq *e) {
  cx_linear l = {e->body, NULL, e->nred};
  for (int k = 0; k < e->nred; k++)
    if (e->rdim[k].n == 0) { /* an empty reduction is a constant */
      l.body = cx_const(g, 0);
      l.nred = 0;
      return l;
    }
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

cx_linear *cx_diff_linear_all(cx_graph *g, uint8_t **mark) {
  int neq = g->neq;
  cx_linear *l = CX_NEW_N(g->arena, cx_linear, neq + 1);
  for (int id = 0; id < neq; id++)
    if (((*mark)[id] & ACTIVE) && !((*mark)[id] & LEAF)) l[id] = linear_of(g, g->eq[id]);
  uint8_t *longer = cx_alloc_n(g->arena, (size_t)g->neq + 1, 1);
  memcpy(longer, *mark, (size_t)neq);
  *mark = longer;
  return l;
}
