/* split.c - before the schedule: expensive subexpressions get equations of their own where that saves work.
 *
 * - the terms of a sum to computed places that go to one place are summed before (scatter.c);
 * - one that occurs in several equations, up to the numbering of indices, is computed once;
 * - so is each of two functions of one argument that a joint kernel computes together;
 * - one whose indices span a much smaller space than its equation's is computed there, not in the inner loop.
 * Only ops beyond arithmetic count as expensive. Members of a recurrence are left alone. */
#include "back/exec.h"
#include <math.h>
#include <string.h>

typedef struct {
  const cx_node *canon;
  int64_t dim[CX_MAX_RANK];
  int rank, count;
  uint32_t eq, seen;
  bool small, paired;
} shared;
typedef struct {
  cx_graph *g;
  cx_arena *a;
  cx_eq *e;
  CX_VEC(shared) all;
  int *bucket;
  int nbucket; /* last entry with this hash */
  int *chain;
  int cap;
} state;

static bool heavy(const cx_node *n) {
  return n->op > OP_load && n->nargs && !(cx_ops[n->op].facts & F_CHEAP) && n->has_load;
}

/* The node with its index slots numbered in the order of their first use in its text: a different order of the same
 * indices gives the same node. NULL: too many. */
typedef struct {
  int64_t slot[2 * CX_MAX_RANK];
  int n;
} uses;
static void first_use(void *user, const cx_node *n) {
  uses *u = user;
  if (n->op == OP_index) u->slot[u->n++] = n->u.i;
}
static const cx_node *by_use(state *s, const cx_node *n, int *slot, int *rank) {
  uses u = {.n = 0};
  const cx_node *to[CX_MAX_RANK];
  cx_visit(s->g, n, first_use, &u);
  if (u.n > CX_MAX_RANK) return NULL;
  for (int k = 0; k < u.n; k++) slot[k] = (int)u.slot[k], to[k] = cx_index(s->g, k);
  *rank = u.n;
  return u.n ? cx_subst(s->g, n, u.slot, to, u.n) : n;
}

static shared *find(state *s, const cx_node *n, int *slot, bool add) {
  int rank;
  const cx_node *c = by_use(s, n, slot, &rank);
  if (!c) return NULL;
  int h = (int)(c->id % (uint32_t)s->nbucket);
  for (int k = s->bucket[h]; k >= 0; k = s->chain[k]) {
    shared *x = &s->all.at[k];
    bool same = x->canon == c;
    for (int d = 0; d < rank && same; d++) same = x->dim[d] == cx_extent(s->e, slot[d]);
    if (same) return x;
  }
  if (!add) return NULL;
  int before = s->all.cap;
  shared *x = CX_PUSH(s->a, s->all);
  if (s->all.cap != before) {
    int *more = CX_NEW_N(s->a, int, s->all.cap);
    if (s->all.n > 1) memcpy(more, s->chain, (size_t)(s->all.n - 1) * sizeof *more);
    s->chain = more;
  }
  *x = (shared){.canon = c, .rank = rank, .eq = UINT32_MAX};
  for (int d = 0; d < rank; d++) x->dim[d] = cx_extent(s->e, slot[d]);
  s->chain[s->all.n - 1] = s->bucket[h];
  s->bucket[h] = s->all.n - 1;
  return x;
}

static double space(const cx_eq *e, uint32_t slots) {
  double w = 1;
  for (int k = 0; k < cx_nslot(e); k++)
    if (slots >> k & 1) w *= (double)cx_extent(e, k);
  return w;
}

static void count(void *user, const cx_node *n) {
  state *s = user;
  if (!heavy(n)) return;
  int slot[32];
  shared *x = find(s, n, slot, true);
  if (!x) return;
  if (x->seen != s->e->id + 1) x->count++, x->seen = s->e->id + 1;
  if (space(s->e, ~0u) >= 16 * space(s->e, n->free_lo) && space(s->e, ~0u) >= 1024) x->small = true;
}

/* x / 2^k as a product; c * (x * y) with x of fewer indices as (c * x) * y, so that the constant costs less */
static const cx_node *sink(void *user, cx_graph *g, const cx_node *n) {
  (void)user;
  int power;
  if (n->op == OP_div && n->arg[1]->op == OP_const && fabs(frexp(n->arg[1]->u.num, &power)) == 0.5 && power > -100 &&
      power < 100)
    return cx_op2(g, OP_mul, cx_const(g, 1 / n->arg[1]->u.num), n->arg[0]); /* exact */
  for (int k = 0; k < 2 && n->op == OP_mul; k++) {
    const cx_node *x = n->arg[k], *m = n->arg[!k];
    if (m->op != OP_mul) continue;
    for (int j = 0; j < 2; j++) {
      const cx_node *u = m->arg[j], *v = m->arg[!j];
      if (x->op == OP_const && v->op != OP_const && __builtin_popcount(u->free_lo) > __builtin_popcount(v->free_lo))
        return cx_op2(g, OP_mul, cx_op2(g, OP_mul, x, v), u);
      if (u->op == OP_const && x->op != OP_const && __builtin_popcount(x->free_lo) < __builtin_popcount(v->free_lo))
        return cx_op2(g, OP_mul, cx_op2(g, OP_mul, u, x), v);
    }
  }
  return n;
}

static const cx_node *replace(void *user, cx_graph *g, const cx_node *n) {
  state *s = user;
  if (!heavy(n)) return n;
  int slot[32];
  shared *x = find(s, n, slot, false);
  if (!x || x->eq == UINT32_MAX || x->eq == s->e->id) return n;
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < x->rank; d++) sub[d] = cx_index(g, slot[d]);
  return cx_load(g, x->eq, sub, x->rank);
}

void cx_split(cx_graph *g, cx_arena *a, const cx_comp *comp, int ncomp) {
  bool *skip = CX_NEW_N(a, bool, g->neq + 1);
  for (int k = 0; k < ncomp; k++)
    for (int m = 0; m < comp[k].n && comp[k].dir; m++) skip[comp[k].eq[m]] = true;
  state s = {.g = g, .a = a, .nbucket = 257};
  s.bucket = CX_NEW_N(a, int, s.nbucket);
  for (int k = 0; k < s.nbucket; k++) s.bucket[k] = -1;
  int neq = g->neq;
  for (int k = 0; k < neq; k++)
    if (!skip[k]) cx_scatter_sums(g, g->eq[k]);
  for (int k = 0; k < neq; k++)
    if (g->eq[k]->kind == EQ_CALC) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, sink, NULL);
  for (int k = 0; k < neq; k++) {
    s.e = g->eq[k];
    if (s.e->kind == EQ_CALC && !skip[k]) cx_visit(g, s.e->body, count, &s);
  }
  for (int k = 0; k < s.all.n; k++)
    for (int j = 0, pair = cx_kern_pair_of((cx_op)s.all.at[k].canon->op); j < k && pair >= 0; j++) {
      shared *x = &s.all.at[k], *y = &s.all.at[j];
      bool both = x->canon->arg[0] == y->canon->arg[0] && cx_kern_pair_of((cx_op)y->canon->op) == pair;
      for (int d = 0; d < x->rank && both; d++) both = x->dim[d] == y->dim[d];
      if (both) x->paired = y->paired = true;
    }
  bool any = false;
  for (int k = 0; k < s.all.n; k++) {
    shared *x = &s.all.at[k];
    double w = 1;
    for (int d = 0; d < x->rank; d++) w *= (double)x->dim[d];
    if (!(x->small || ((x->count > 1 || x->paired) && w >= 64))) continue;
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    e->rank = (uint8_t)x->rank;
    for (int d = 0; d < x->rank; d++) e->dim[d].n = x->dim[d];
    e->body = x->canon;
    x->eq = e->id;
    any = true;
  }
  if (!any) return;
  int all = g->neq;
  for (int i = 0; i < all; i++) { /* the new ones first: inner ones stand before those that hold them */
    int k = i < all - neq ? neq + i : i - (all - neq);
    s.e = g->eq[k];
    if (s.e->kind != EQ_CALC || (k < neq && skip[k])) continue;
    /* an equation that is the shared expression itself keeps its body */
    const cx_node *body = s.e->body;
    int slot[32];
    shared *own = heavy(body) ? find(&s, body, slot, false) : NULL;
    if (!own || own->eq != s.e->id) {
      s.e->body = cx_rewrite(g, body, replace, &s);
      continue;
    }
    const cx_node *arg[8];
    for (int j = 0; j < body->nargs; j++) arg[j] = cx_rewrite(g, body->arg[j], replace, &s);
    s.e->body = cx_opn(g, body->op, arg, body->nargs);
    if (s.e->body == body || !heavy(s.e->body)) continue;
    own = find(&s, s.e->body, slot, true); /* what readers have when what is inside of them is replaced */
    bool same = own && own->eq == UINT32_MAX && own->rank == s.e->rank;
    for (int d = 0; d < s.e->rank && same; d++) same = slot[d] == d;
    if (same) own->eq = s.e->id;
  }
}
