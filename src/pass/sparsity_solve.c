/* sparsity_solve.c - the conditions of a term solved: equalities eliminate indices, inequalities shorten them. */
#include <math.h>

#include "pass/sparsity_int.h"

typedef struct {
  const sparse *s;
  bool all;
} by_data;
static void see_load(void *user, const cx_node *n) {
  by_data *b = user;
  if (n->op == OP_load && ((int)n->u.eq >= b->s->neq || !b->s->data[n->u.eq])) b->all = false;
}
bool cx_sparse_by_data(const sparse *s, const cx_node *e) {
  by_data b = {s, true};
  if (e->has_load) cx_visit(s->g, e, see_load, &b);
  return b.all;
}

static cx_eq sized(const term *t) { /* an equation with the term's indices, for bounds */
  cx_eq e = {.rank = CX_MAX_RANK, .nred = CX_MAX_RANK};
  for (int k = 0; k < SLOTS; k++)
    (k < CX_MAX_RANK ? &e.dim[k] : &e.rdim[k - CX_MAX_RANK])->n = t->live >> k & 1 ? t->size[k] : 1;
  return e;
}

static void put(const split *d, term *t, int slot, const cx_node *value) {
  cx_graph *g = d->s->g;
  int64_t s = slot;
  t->rest = cx_subst(g, t->rest, &s, &value, 1);
  for (int i = 0; i < t->ncond; i++) t->cond[i] = cx_subst(g, t->cond[i], &s, &value, 1);
  for (int i = 0; i < d->e->rank; i++) t->at[i] = cx_subst(g, t->at[i], &s, &value, 1);
}

/* e * factor as coef * index(slot) + rest, rest without it */
static bool linear(cx_graph *g, const cx_node *e, double factor, int slot, double *coef, const cx_node **rest) {
  if (!(e->free_lo >> slot & 1)) {
    *rest = cx_op2(g, OP_add, *rest, cx_op2(g, OP_mul, cx_const(g, factor), e));
    return true;
  }
  switch (e->op) {
    case OP_index: *coef += factor; return true;
    case OP_neg: return linear(g, e->arg[0], -factor, slot, coef, rest);
    case OP_add:
    case OP_sub:
      return linear(g, e->arg[0], factor, slot, coef, rest) &&
             linear(g, e->arg[1], e->op == OP_add ? factor : -factor, slot, coef, rest);
    case OP_mul:
      for (int k = 0; k < 2; k++)
        if (e->arg[k]->op == OP_const) return linear(g, e->arg[1 - k], factor * e->arg[k]->u.num, slot, coef, rest);
      return false;
    default: return false;
  }
}

/* u == v fixes the longest index that it can */
static bool eliminate(const split *d, term *t, int i) {
  cx_graph *g = d->s->g;
  const cx_node *q = t->cond[i], *best = NULL;
  int at = -1;
  if (!cx_sparse_by_data(d->s, q)) return false;
  for (int k = SLOTS - 1; k >= 0; k--) {
    const cx_node *rest = cx_const(g, 0);
    double c = 0;
    if (!(t->live >> k & 1) || !(q->free_lo >> k & 1) || (at >= 0 && t->size[k] <= t->size[at])) continue;
    if (!linear(g, q->arg[0], 1, k, &c, &rest) || !linear(g, q->arg[1], -1, k, &c, &rest)) continue;
    if (fabs(c) != 1 || !cx_is_integer(g, rest)) continue;
    at = k;
    best = c > 0 ? cx_op1(g, OP_neg, rest) : rest;
  }
  if (at < 0 || t->ncond + 1 > CONDS) return false;
  t->cond[i] = t->cond[--t->ncond];
  t->live &= ~(1u << at);
  put(d, t, at, best);
  cx_eq of = sized(t);
  cx_interval b = cx_bounds(g, best, &of);
  if (b.lo < 0) t->cond[t->ncond++] = cx_op2(g, OP_le, cx_const(g, 0), best);
  if (b.hi > (double)(t->size[at] - 1)) t->cond[t->ncond++] = cx_op2(g, OP_lt, best, cx_const(g, (double)t->size[at]));
  return true;
}

/* c >= 0 for integer indices: q as an affine form */
static bool at_least(cx_graph *g, const cx_node *q, int64_t *c0, int64_t c[32]) {
  if ((q->op != OP_lt && q->op != OP_le) || !cx_affine(cx_op2(g, OP_sub, q->arg[1], q->arg[0]), c0, c)) return false;
  *c0 -= q->op == OP_lt;
  return true;
}

/* c0 + c v >= 0 shortens v; false: it is no such condition, or the range is empty (then *dead) */
static bool shorten(const split *d, term *t, int i, bool *dead) {
  cx_graph *g = d->s->g;
  const cx_node *q = t->cond[i];
  int64_t c0, c[32];
  int slot = -1, n = 0;
  if (!at_least(g, q, &c0, c)) return false;
  for (int k = 0; k < 32; k++)
    if (c[k]) slot = k, n++;
  if (n != 1) return false;
  double from = (double)-c0 / (double)c[slot], lo = 0, hi = (double)(t->size[slot] - 1);
  if (c[slot] > 0) lo = fmax(lo, ceil(from));
  else hi = fmin(hi, floor(from));
  *dead = lo > hi;
  if (*dead) return false;
  t->cond[i] = t->cond[--t->ncond];
  t->size[slot] = (int64_t)(hi - lo) + 1;
  if (lo != 0) put(d, t, slot, cx_op2(g, OP_add, cx_index(g, slot), cx_const(g, lo)));
  return true;
}

/* lo <= e <= hi over several indices: e is lo plus a new index, which eliminates the longest one */
static bool band(const split *d, term *t) {
  cx_graph *g = d->s->g;
  int fresh = 0;
  while (fresh < SLOTS && (t->live >> fresh & 1)) fresh++;
  for (int i = 0; i < t->ncond && fresh < SLOTS; i++)
    for (int j = 0; j < i; j++) {
      int64_t a0, b0, a1[32], b1[32], longest = 0;
      if (!at_least(g, t->cond[i], &a0, a1) || !at_least(g, t->cond[j], &b0, b1)) continue;
      bool opposite = true;
      const cx_node *e = cx_const(g, (double)a0);
      for (int k = 0; k < 32; k++) {
        opposite &= a1[k] == -b1[k];
        if (a1[k]) e = cx_op2(g, OP_add, e, cx_op2(g, OP_mul, cx_const(g, (double)a1[k]), cx_index(g, k)));
        if ((a1[k] == 1 || a1[k] == -1) && t->size[k] > longest) longest = t->size[k];
      }
      if (!opposite || a0 + b0 + 1 >= longest) continue;
      t->live |= 1u << fresh;
      t->size[fresh] = a0 + b0 + 1 > 0 ? a0 + b0 + 1 : 0;
      t->cond[i] = cx_op2(g, OP_eq, e, cx_index(g, fresh));
      t->cond[j] = t->cond[--t->ncond];
      return true;
    }
  return false;
}

bool cx_sparse_solve(const split *d, term *t) { /* false: the term is empty */
  bool dead = false;
  for (int i = 0; i < t->ncond && !dead;) {
    const cx_node *q = t->cond[i];
    cx_eq of = sized(t);
    cx_interval b = cx_bounds(d->s->g, q, &of);
    if (b.lo > 0 || b.hi < 0) t->cond[i] = t->cond[--t->ncond];
    else if (b.lo == 0 && b.hi == 0) dead = true;
    else if (q->op == OP_eq && eliminate(d, t, i)) i = 0;
    else if ((q->op == OP_lt || q->op == OP_le) && shorten(d, t, i, &dead)) i = 0;
    else if (++i == t->ncond && band(d, t)) i = 0;
  }
  for (int k = 0; k < SLOTS; k++) dead |= (t->live >> k & 1) && t->size[k] == 0;
  return !dead;
}
