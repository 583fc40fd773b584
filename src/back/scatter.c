/* scatter.c - a sum of what goes to computed places:
 *
 *   e[q, c] = sum(i) if q == u[i] then x[i, c] else 0       becomes       e[u[i], c] += x[i, c]  for all i
 *
 * The adjoint of a data-dependent subscript is such a sum. Its equation says a sum for every q; this one adds each x once,
 * in the order of i within a chunk of rows, the chunks in their order: the result depends on no number of threads. What
 * is no integer, or outside, goes nowhere, as no q is equal to it. */
#include "back/lower.h"
#include <string.h>

/* Below this many places the comparisons, a vector of rows at a time, are as fast. */
enum { FEW = 6, CONDS = 16 };

typedef struct {
  const cx_node *cond[CONDS];
  int n;
  bool negative, ok;
} conditions;

static void add_condition(conditions *c, const cx_node *n) {
  if (!c->ok) return;
  if (n->op == OP_and) {
    add_condition(c, n->arg[0]);
    add_condition(c, n->arg[1]);
  } else if (c->n == CONDS) c->ok = false;
  else c->cond[c->n++] = n;
}
static bool truth(const cx_node *n) {
  if (n->op == OP_and) return truth(n->arg[0]) && truth(n->arg[1]);
  return n->op == OP_eq || n->op == OP_lt || n->op == OP_le;
}

/* takes off the conditions that the whole of n stands under */
static const cx_node *under(conditions *c, const cx_node *n) {
  for (;;) {
    if (n->op == OP_select && cx_is_number(n->arg[2], 0)) {
      add_condition(c, n->arg[0]);
      n = n->arg[1];
    } else if (n->op == OP_neg) c->negative = !c->negative, n = n->arg[0];
    else if (n->op == OP_mul && truth(n->arg[0])) add_condition(c, n->arg[0]), n = n->arg[1];
    else if (n->op == OP_mul && truth(n->arg[1])) add_condition(c, n->arg[1]), n = n->arg[0];
    else return n;
  }
}

bool cx_scatter_of(cx_graph *g, const cx_eq *e, cx_scatter *s) {
  if (e->kind != EQ_CALC || e->red != RED_sum) return false;
  conditions c = {.ok = true};
  const cx_node *value = under(&c, e->body), *rest = cx_const(g, 1);
  uint32_t own = (1u << e->rank) - 1, used = 0;
  double places = 1;
  *s = (cx_scatter){.n = 0};
  for (int k = 0; k < c.n; k++) {
    const cx_node *q = c.cond[k];
    int side = -1;
    for (int j = 0; j < 2 && q->op == OP_eq && side < 0; j++) {
      const cx_node *i = q->arg[j], *u = q->arg[!j];
      if (i->op == OP_index && (own >> i->u.i & 1) && !((s->slots | used) >> i->u.i & 1) && u->has_load &&
          !(u->free_lo & (s->slots | 1u << i->u.i)) && (u->free_lo & ~own))
        side = j;
    }
    if (side < 0) {
      rest = cx_op2(g, OP_and, rest, q);
      continue;
    }
    int slot = (int)q->arg[side]->u.i;
    s->slot[s->n] = slot, s->at[s->n++] = q->arg[!side];
    s->slots |= 1u << slot;
    used |= q->arg[!side]->free_lo & own;
    places *= (double)e->dim[slot].n;
  }
  if (!c.ok || places < FEW) return false;
  if (c.negative) value = cx_op1(g, OP_neg, value);
  value = cx_op3(g, OP_select, rest, value, cx_const(g, 0));
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < s->n; k++) slot[k] = s->slot[k];
  s->value = cx_subst(g, value, slot, s->at, s->n); /* only where they are equal does it count */
  return true;
}

/* A sum whose terms all go to one place is done before: e[q, c] = sum(i, k) if q == u[i] then x[i, c, k] else 0 scatters
 * p[i, c] = sum(k) x[i, c, k], an equation of its own, often a product of matrices. */
void cx_scatter_sums(cx_graph *g, cx_eq *e) {
  cx_scatter s;
  if (!cx_scatter_of(g, e, &s) || !s.n) return;
  conditions c = {.ok = true};
  const cx_node *value = under(&c, e->body);
  uint32_t fixed = (1u << e->rank) - 1, own = 0;
  double terms = 1;
  for (int k = 0; k < c.n; k++) fixed |= c.cond[k]->free_lo;
  cx_eq p = {.kind = EQ_CALC, .red = RED_sum, .span = e->span};
  int64_t slot[2 * CX_MAX_RANK];
  const cx_node *to[2 * CX_MAX_RANK], *sub[CX_MAX_RANK];
  int n = 0;
  for (int k = 0; k < e->rank + e->nred; k++) {
    if (!(value->free_lo & fixed & 1u << k)) continue;
    if (p.rank == CX_MAX_RANK) return;
    own |= 1u << k;
    sub[p.rank] = cx_index(g, k), slot[n] = k, to[n++] = cx_index(g, p.rank);
    p.dim[p.rank++] = k < e->rank ? e->dim[k] : e->rdim[k - e->rank];
  }
  cx_dim left[CX_MAX_RANK];
  int nleft = 0;
  for (int k = 0; k < e->nred; k++) {
    int at = e->rank + k;
    if (fixed >> at & 1) {
      left[nleft++] = e->rdim[k];
      continue;
    }
    terms *= (double)e->rdim[k].n;
    slot[n] = at, to[n++] = cx_index(g, p.rank + p.nred);
    p.rdim[p.nred++] = e->rdim[k];
  }
  if (terms < 2 || (own & s.slots)) return;
  p.body = cx_subst(g, value, slot, to, n);
  cx_eq *made = cx_eq_new(g, NULL, EQ_CALC);
  uint32_t id = p.id = made->id;
  p.name = made->name, p.lo = made->lo, p.hi = made->hi;
  *made = p;
  e->body = cx_exchange(g, e->body, value, cx_load(g, id, sub, p.rank));
  n = 0;
  for (int k = 0, at = 0; k < e->nred; k++) /* the indices that are left move up */
    if (fixed >> (e->rank + k) & 1) slot[n] = e->rank + k, to[n++] = cx_index(g, e->rank + at++);
  e->body = cx_subst(g, e->body, slot, to, n);
  e->nred = (uint8_t)nleft;
  memset(e->rdim, 0, sizeof e->rdim);
  memcpy(e->rdim, left, (size_t)nleft * sizeof *left);
}

typedef struct {
  const cx_scatter *s;
  const cx_loc *to;
} job;

static void scatter(cx_lower_state *L, void *user) {
  const job *j = user;
  const cx_scatter *s = j->s;
  cx_access *a = CX_NEW(L->s->a, cx_access);
  a->type = L->s->real;
  a->ndyn = s->n;
  for (int k = 0; k < s->n; k++) {
    cx_low_need(L, s->at[k]);
    cx_val v = cx_low_value(L, s->at[k], NULL, false, false);
    cx_low_forget(L, CX_LOOPS); /* kept until the equation is done */
    if (!v.dr) v.o.rs = 0;
    a->dyn[k] = (cx_dyn){v.o, j->to->stride[s->slot[k]], L->e->dim[s->slot[k]].n};
  }
  cx_low_need(L, s->value);
  cx_val v = cx_low_value(L, s->value, NULL, false, false);
  cx_ins *i = L_INS(L, L->nlevel - 1);
  *i = (cx_ins){.fn = L->vm->scatter, .na = 1, .lanes = L->k->lanes, .R = L->rslot >= 0 ? L->R : 1};
  i->d = cx_low_dest(L, j->to), i->a[0] = v.o, i->u.access = a;
  if (!v.dr) i->a[0].rs = 0;
  cx_low_forget(L, L->nlevel - 1);
}

void cx_lower_scatter(cx_lower_state *L, const cx_scatter *s, const cx_loc *to) {
  cx_slots all = {.n = 0};
  int last = -1; /* the longest of its own indices is the repetition */
  for (int k = 0; k < L->e->rank; k++)
    if (L->level_of[k] == CLOSED && !(s->slots >> k & 1) && (last < 0 || cx_extent(L->e, k) >= cx_extent(L->e, last)))
      last = k;
  for (int k = 0; k < cx_nslot(L->e); k++)
    if (L->level_of[k] == CLOSED && k != last && !(k < L->e->rank && (s->slots >> k & 1))) all.at[all.n++] = k;
  if (last >= 0) all.at[all.n++] = last;
  job j = {s, to};
  cx_low_nest(L, &all, 0, true, scatter, &j);
}
