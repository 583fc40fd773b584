/* diff_reverse.c - adjoint equations. A load a[u(i, k)] in c[i] = sum(k) body sends to the adjoint of a
 *   a_bar[q] += sum(all i, k: c_bar[i] * d body / d load (i, k) * (u(i, k) == q)).
 * Where a subscript is affine with coefficient 1 or -1 in an index, that equation is solved for the index, which
 * leaves the sum: a gather, never a scatter (the transposition of Halide's Derivative.cpp, and of FFT-like index
 * algebra). What cannot be solved stays a comparison: a one-hot row, or a scatter for the scheduler to find.
 * All adjoints are declared before any body is made, so recurrences need nothing of their own. */
#include "pass/diff.h"
#include "pass/integral.h"

#include <string.h>

typedef struct {
  cx_graph *g;
  const cx_node **adj; /* by node id, while one body is differentiated */
  CX_VEC(const cx_node *) order;
} rev;

static void list_node(void *user, const cx_node *n) {
  rev *r = user;
  *CX_PUSH(r->g->arena, r->order) = n;
}

/* adjoints of every load in body, for a body adjoint of 1; returns the loads in r->order with r->adj set */
static void reverse_body(rev *r, const cx_node *body, const uint8_t *mark) {
  cx_graph *g = r->g;
  r->order.n = 0;
  cx_visit(g, body, list_node, r);
  r->adj = CX_NEW_N(g->arena, const cx_node *, (size_t)body->id + 1);
  uint8_t *active = cx_alloc_n(g->arena, (size_t)body->id + 1, 1);
  for (int k = 0; k < r->order.n; k++) {
    const cx_node *n = r->order.at[k];
    if (n->op == OP_load) active[n->id] = mark[n->u.eq] & 1;
    else
      for (int j = 0; j < n->nargs; j++) active[n->id] |= active[n->arg[j]->id];
  }
  r->adj[body->id] = cx_const(g, 1);
  for (int k = r->order.n - 1; k >= 0; k--) { /* users before arguments */
    const cx_node *n = r->order.at[k], *up = r->adj[n->id];
    if (!up || n->op == OP_load || !active[n->id]) continue;
    for (int j = 0; j < n->nargs; j++) {
      const cx_node *a = n->arg[j];
      if (!active[a->id]) continue;
      const cx_node *p = cx_op_diff(g, (cx_op)n->op, j, n->arg);
      if (!p) {
        cx_error(g->ctx, g->at, "`%s` has no derivative by its argument %d: %s", cx_ops[n->op].name, j + 1,
                 cx_ops[n->op].nodiff ? cx_ops[n->op].nodiff : "none is known");
        cx_throw(g->ctx, CX_E_PROGRAM);
      }
      p = cx_chain(g, up, p, false);
      if (cx_is_number(p, 0)) continue;
      r->adj[a->id] = cx_sum_of(g, r->adj[a->id], p);
    }
  }
}

/* One load a[u(i)] of an equation over i, read backwards: which i have u_j(i) == q_j? Indices q of the target are slots
 * 0.., those of the reader nq... */
typedef struct {
  cx_graph *g;
  const cx_eq *target;
  int nq, ni;
  cx_dim dim[2 * CX_MAX_RANK];   /* of i */
  bool gone[2 * CX_MAX_RANK];    /* this index is known by now */
  const cx_node *u[CX_MAX_RANK]; /* NULL: solved */
  const cx_node *value, *guard;  /* what the load gets, where the guard holds (NULL: everywhere) */
} backwards;

static void demand(backwards *b, const cx_node *condition) {
  b->guard = b->guard ? cx_op2(b->g, OP_and, b->guard, condition) : condition;
}

/* is x between 0 and n - 1 for every q and every index left? */
static bool inside(const backwards *b, const cx_node *x, int64_t n) {
  int64_t x0, c[32];
  if (!cx_affine(x, &x0, c)) return false;
  double lo = (double)x0, hi = (double)x0;
  for (int k = 0; k < b->nq + b->ni; k++) {
    int64_t size = k < b->nq ? b->target->dim[k].n : b->dim[k - b->nq].n;
    *(c[k] > 0 ? &hi : &lo) += (double)c[k] * (double)(size - 1);
  }
  return lo >= 0 && hi <= (double)(n - 1);
}

/* u_j == q_j, solved for an index with coefficient 1 or -1; of several the longest: the sum over the rest is short then */
static void solve(backwards *b, int j) {
  cx_graph *g = b->g;
  int64_t c0, c[32];
  int best = -1;
  if (!cx_affine(b->u[j], &c0, c)) return;
  for (int k = 0; k < b->ni; k++) {
    int64_t ck = c[b->nq + k];
    if (!b->gone[k] && (ck == 1 || ck == -1) && (best < 0 || b->dim[k].n > b->dim[best].n)) best = k;
  }
  if (best < 0) return;
  /* u = s * index + rest == q_j  =>  index = s * (q_j - rest) */
  const cx_node *zero = cx_const(g, 0);
  int64_t at = b->nq + best, n = b->dim[best].n;
  const cx_node *x = cx_op2(g, OP_sub, cx_index(g, j), cx_subst(g, b->u[j], &at, &zero, 1));
  if (c[at] < 0) x = cx_op1(g, OP_neg, x);
  b->u[j] = NULL;
  b->gone[best] = true;
  b->value = cx_subst(g, b->value, &at, &x, 1);
  for (int m = 0; m < b->nq; m++)
    if (b->u[m]) b->u[m] = cx_subst(g, b->u[m], &at, &x, 1);
  if (b->guard) b->guard = cx_subst(g, b->guard, &at, &x, 1);
  if (!inside(b, x, n))
    demand(b, cx_op2(g, OP_and, cx_op2(g, OP_le, zero, x), cx_op2(g, OP_lt, x, cx_const(g, (double)n))));
}

/* One load's contribution to the adjoint of its target, as a scalar expression over q. Left-over sums become an equation
 * of their own and a load of it. */
static const cx_node *transpose(cx_graph *g, const cx_eq *c, int nred, const cx_eq *target, const cx_node *load,
                                const cx_node *value) {
  backwards b = {.g = g, .target = target, .nq = target->rank, .ni = c->rank + nred};
  int64_t slot[2 * CX_MAX_RANK];
  const cx_node *to[2 * CX_MAX_RANK];
  for (int k = 0; k < b.ni; k++) {
    slot[k] = k;
    to[k] = cx_index(g, b.nq + k);
    b.dim[k] = cx_slot_dim(c, k);
  }
  b.value = cx_subst(g, value, slot, to, b.ni);
  for (int j = 0; j < b.nq; j++) b.u[j] = cx_subst(g, load->arg[j], slot, to, b.ni);
  for (int pass = 0; pass < b.nq; pass++) /* what one leaves open another may decide */
    for (int j = 0; j < b.nq; j++)
      if (b.u[j]) solve(&b, j);
  for (int j = 0; j < b.nq; j++)
    if (b.u[j]) demand(&b, cx_op2(g, OP_eq, b.u[j], cx_index(g, j)));
  value = b.guard ? cx_op3(g, OP_select, b.guard, b.value, cx_const(g, 0)) : b.value;
  int left = 0;
  cx_dim rdim[2 * CX_MAX_RANK];
  for (int k = 0; k < b.ni; k++) {
    if (b.gone[k]) continue;
    rdim[left] = b.dim[k];
    slot[left] = b.nq + k;
    to[left] = cx_index(g, b.nq + left);
    left++;
  }
  if (!left) return value;
  if (left > CX_MAX_RANK) {
    cx_error(g->ctx, c->span, "the gradient of this sum runs over %d indices; the most is %d", left, CX_MAX_RANK);
    cx_throw(g->ctx, CX_E_PROGRAM);
  }
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = c->span;
  t->rank = (uint8_t)b.nq;
  memcpy(t->dim, target->dim, sizeof t->dim);
  t->red = RED_sum;
  t->nred = (uint8_t)left;
  memcpy(t->rdim, rdim, (size_t)left * sizeof rdim[0]);
  t->body = cx_subst(g, value, slot, to, left);
  return cx_load_here(g, t);
}

void cx_diff_reverse(cx_graph *g, uint32_t of, uint32_t cot, const uint32_t *leaf, int n, uint32_t *out) {
  cx_opened opened;
  of = cx_diff_open(g, of, leaf, n, &opened);
  uint8_t *mark = cx_diff_active(g, of, leaf, n, false);
  int neq = g->neq;
  cx_linear *lin = cx_diff_linear_all(g, &mark);
  bool *thin = cx_diff_thin_adjoint(g, mark, neq);
  uint32_t *bar = CX_NEW_N(g->arena, uint32_t, neq);
  for (int id = 0; id < neq; id++) {
    if (!(mark[id] & 1)) continue;
    const cx_eq *e = g->eq[id];
    cx_eq *b = cx_eq_new(g, NULL, EQ_CALC);
    b->span = e->span;
    b->rank = e->rank;
    memcpy(b->dim, e->dim, sizeof b->dim);
    bar[id] = b->id;
  }
  const cx_node **sum = CX_NEW_N(g->arena, const cx_node *, neq);
  int *from = CX_NEW_N(g->arena, int, neq); /* the one equation that reads it on the way, -1: none or several */
  const cx_node *ix[CX_MAX_RANK];
  for (int k = 0; k < CX_MAX_RANK; k++) ix[k] = cx_index(g, k);
  from[of] = -1;
  if (mark[of] & 1) sum[of] = cot == CX_NO_COT ? cx_const(g, 1) : cx_load(g, cot, ix, g->eq[of]->rank);
  rev r = {g, NULL, {0}};
  for (int id = 0; id < neq; id++) {
    if (!(mark[id] & 1) || (mark[id] & 2)) continue;
    const cx_eq *e = g->eq[id];
    reverse_body(&r, lin[id].body, mark);
    const cx_node *up = cx_load(g, bar[id], ix, e->rank);
    if (lin[id].weight) up = cx_op2(g, OP_mul, up, lin[id].weight);
    /* what the body itself already computes is read, not computed again */
    bool plain = !lin[id].nred && e->red == RED_none && e->body->nargs;
    const cx_node *here = cx_load(g, (uint32_t)id, ix, e->rank);
    for (int k = 0; k < r.order.n; k++) {
      const cx_node *l = r.order.at[k], *p = r.adj[l->id];
      if (l->op != OP_load || !(mark[l->u.eq] & 1) || !p) continue;
      if (plain) p = cx_exchange(g, p, e->body, here);
      const cx_node *part = transpose(g, e, lin[id].nred, g->eq[l->u.eq], l, cx_chain(g, up, p, thin[id]));
      uint32_t to = l->u.eq;
      from[to] = !sum[to] || from[to] == id ? id : -1;
      sum[to] = cx_sum_of(g, sum[to], part);
    }
  }
  for (int id = 0; id < neq; id++) {
    if (!(mark[id] & 1)) continue;
    cx_eq *b = g->eq[bar[id]];
    const cx_node *s = sum[id];
    b->body = s ? s : cx_const(g, 0);
    if (s && from[id] >= 0) b->span = g->eq[from[id]]->span; /* what it is a derivative of */
    /* a single sum is the adjoint itself, not a copy of it */
    if (s && s->op == OP_load && (int)s->u.eq >= neq && g->eq[s->u.eq]->red == RED_sum) {
      const cx_eq *t = g->eq[s->u.eq];
      bool same = t->rank == b->rank;
      for (int k = 0; k < s->nargs && same; k++) same = s->arg[k] == ix[k];
      if (same) {
        b->body = t->body;
        b->red = t->red;
        b->nred = t->nred;
        memcpy(b->rdim, t->rdim, sizeof b->rdim);
      }
    }
  }
  for (int k = 0; k < n; k++) {
    if (mark[leaf[k]] & 1) {
      out[k] = cx_diff_close(g, bar[leaf[k]], &opened);
      continue;
    }
    const cx_eq *e = g->eq[leaf[k]];
    cx_eq *z = cx_eq_new(g, NULL, EQ_CALC);
    z->rank = e->rank;
    memcpy(z->dim, e->dim, sizeof z->dim);
    z->body = cx_const(g, 0);
    out[k] = z->id;
  }
}
