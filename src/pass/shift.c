/* shift.c - what is expensive and needed at several shifts of an index is an equation of its own.
 *
 * The gradient of sum(i: exp(x[i] - x[i+1])) reads exp(x[q] - x[q+1]) and exp(x[q-1] - x[q]): one expression at two
 * places. Every node of an op that is not cheap is moved, index by index, to where the smallest constant among its
 * subscripts `index + constant` is 0; nodes that are then the same are one equation, over all places needed. An index
 * that also stands outside of affine subscripts stays: rules know that it is not negative, and would take `if i > 1`,
 * moved to `if i + 2 > 1`, for true. */
#include <string.h>

#include "pass/eqs.h"

enum { SLOTS = 2 * CX_MAX_RANK };

typedef struct {
  const cx_node *form; /* over slots 0..rank-1, moved */
  int rank;
  int64_t lo[CX_MAX_RANK], hi[CX_MAX_RANK]; /* what its users need of it */
  int64_t first[CX_MAX_RANK];               /* the shift of the first user */
  int64_t need;                             /* elements that the users compute now, together */
  bool several;
  cx_eq *eq;
} group;

typedef struct {
  cx_graph *g;
  cx_arena *a;
  const cx_eq *e;
  CX_VEC(group *) v;
  group **of;
  int cap; /* by the id of form */
  const cx_node **done;
  int max; /* rebuilt nodes of the present body */
  int *bare;
  int nbare; /* by node: 1 + slots that occur outside of affine subscripts; 0: not known */
} shifter;

static int bare(shifter *s, const cx_node *n) {
  int64_t c0, c[32];
  int m = 0;
  if (!n->free_lo) return 0;
  if (n->op == OP_index) return (int)n->free_lo;
  if ((int)n->id >= s->nbare) {
    int more = 2 * (int)n->id + 1024, *at = CX_NEW_N(s->a, int, more);
    if (s->nbare) memcpy(at, s->bare, (size_t)s->nbare * sizeof *at);
    s->bare = at;
    s->nbare = more;
  }
  if (s->bare[n->id]) return s->bare[n->id] - 1;
  for (int k = 0; k < n->nargs; k++)
    if (n->op != OP_load || !cx_affine(n->arg[k], &c0, c)) m |= bare(s, n->arg[k]);
  s->bare[n->id] = m + 1;
  return m;
}

static void see_offset(void *user, const cx_node *n) {
  int64_t *low = user, c0, c[32];
  for (int k = 0; n->op == OP_load && k < n->nargs; k++) {
    int slot = -1, count = 0;
    if (!cx_affine(n->arg[k], &c0, c)) continue;
    for (int s = 0; s < 32; s++)
      if (c[s]) slot = s, count++;
    if (count == 1 && slot < SLOTS && c[slot] == 1 && c0 < low[slot]) low[slot] = c0;
  }
}

/* n as a form and the shift that gives n back: n = form with slot k at index(slot[k]) + shift[k]; its slots, or -1 */
static int move(shifter *s, const cx_node *n, const cx_node **form, int *slot, int64_t *shift) {
  int64_t low[SLOTS], from[SLOTS];
  const cx_node *to[SLOTS];
  int m = 0;
  if (n->op <= OP_load || (cx_ops[n->op].facts & (F_CHEAP | F_BOOL)) || !n->has_load || !n->free_lo) return -1;
  for (int k = 0; k < SLOTS; k++) low[k] = INT64_MAX;
  cx_visit(s->g, n, see_offset, low);
  int stay = bare(s, n);
  for (int k = 0; k < SLOTS; k++) {
    if (!(n->free_lo >> k & 1)) continue;
    if (m == CX_MAX_RANK) return -1;
    slot[m] = k;
    shift[m] = low[k] == INT64_MAX || (stay >> k & 1) ? 0 : low[k];
    from[m] = k;
    to[m] = cx_op2(s->g, OP_sub, cx_index(s->g, m), cx_const(s->g, (double)shift[m]));
    m++;
  }
  *form = cx_subst(s->g, n, from, to, m);
  return m;
}

static int64_t box(const group *q) {
  int64_t n = 1;
  for (int k = 0; k < q->rank; k++)
    if (__builtin_mul_overflow(n, q->hi[k] - q->lo[k] + 1, &n)) return INT64_MAX;
  return n;
}

static void collect(void *user, const cx_node *n) {
  shifter *s = user;
  const cx_node *form;
  int slot[CX_MAX_RANK], m;
  int64_t shift[CX_MAX_RANK], need = 1;
  if ((m = move(s, n, &form, slot, shift)) < 0) return;
  while ((int)form->id >= s->cap) {
    int cap = s->cap ? 2 * s->cap : 1024;
    group **more = CX_NEW_N(s->a, group *, cap);
    if (s->cap) memcpy(more, s->of, (size_t)s->cap * sizeof *more);
    s->of = more;
    s->cap = cap;
  }
  group *q = s->of[form->id];
  bool fresh = !q;
  if (fresh) {
    q = s->of[form->id] = CX_NEW(s->a, group);
    q->form = form;
    q->rank = m;
    *CX_PUSH(s->a, s->v) = q;
  }
  for (int k = 0; k < m; k++) {
    int64_t lo = shift[k], hi = shift[k] + cx_extent(s->e, slot[k]) - 1;
    if (fresh) q->first[k] = shift[k];
    if (fresh || lo < q->lo[k]) q->lo[k] = lo;
    if (fresh || hi > q->hi[k]) q->hi[k] = hi;
    q->several |= q->first[k] != shift[k];
    if (__builtin_mul_overflow(need, hi - lo + 1, &need)) need = INT64_MAX / 2;
  }
  if (__builtin_add_overflow(q->need, need, &q->need)) q->need = INT64_MAX;
}

/* outermost first: what stands below a node that becomes a load stays in its equation */
static const cx_node *rebuild(shifter *s, const cx_node *n) {
  cx_graph *g = s->g;
  const cx_node *form, *arg[CX_MAX_RANK];
  int slot[CX_MAX_RANK], m;
  int64_t shift[CX_MAX_RANK];
  if (n->nargs == 0 || !n->free_lo || !n->has_load) return n;
  if ((int)n->id < s->max && s->done[n->id]) return s->done[n->id];
  const cx_node *r = NULL;
  m = move(s, n, &form, slot, shift);
  group *q = m >= 0 && (int)form->id < s->cap ? s->of[form->id] : NULL;
  if (q && q->eq) {
    for (int k = 0; k < m; k++)
      arg[k] = cx_op2(g, OP_add, cx_index(g, slot[k]), cx_const(g, (double)(shift[k] - q->lo[k])));
    r = cx_load(g, q->eq->id, arg, m);
  } else {
    for (int k = 0; k < n->nargs; k++) arg[k] = rebuild(s, n->arg[k]);
    r = n->op == OP_load ? cx_load(g, n->u.eq, arg, n->nargs) : cx_opn(g, (cx_op)n->op, arg, n->nargs);
  }
  if ((int)n->id < s->max) s->done[n->id] = r;
  return r;
}

static void see_need(void *user, const cx_node *n) {
  if (n->op == OP_load) ((bool *)user)[n->u.eq] = true;
}

void cx_pass_shift(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  shifter s = {.g = g, .a = a};
  bool *need = CX_NEW_N(a, bool, g->neq + 1);
  for (int i = 0; i < g->nout; i++) need[g->out[i]] = true;
  for (int i = o.n - 1; i >= 0; i--) { /* users first */
    const cx_eq *e = g->eq[o.order[i]];
    if (!(need[e->id] |= o.cyclic[e->id])) continue;
    if (e->kind == EQ_CALC) cx_visit(g, e->body, see_need, need);
    for (int k = 0; k < e->nprim_arg; k++) need[e->prim_arg[k]] = true;
  }
  int neq = g->neq;
  for (int i = 0; i < neq; i++) {
    s.e = g->eq[i];
    if (need[i] && s.e->kind == EQ_CALC && !o.cyclic[i]) cx_visit(g, s.e->body, collect, &s);
  }
  for (int i = 0; i < s.v.n; i++) {
    group *q = s.v.at[i];
    if (!q->several || box(q) >= q->need) continue;
    int64_t slot[CX_MAX_RANK];
    const cx_node *to[CX_MAX_RANK];
    q->eq = cx_eq_new(g, NULL, EQ_CALC);
    q->eq->rank = (uint8_t)q->rank;
    for (int k = 0; k < q->rank; k++) {
      q->eq->dim[k].n = q->hi[k] - q->lo[k] + 1;
      slot[k] = k;
      to[k] = cx_op2(g, OP_add, cx_index(g, k), cx_const(g, (double)q->lo[k]));
    }
    q->eq->body = cx_subst(g, q->form, slot, to, q->rank);
  }
  for (int i = 0; i < neq; i++) {
    cx_eq *e = g->eq[i];
    if (!need[i] || e->kind != EQ_CALC || o.cyclic[i]) continue;
    s.max = (int)e->body->id + 1;
    s.done = CX_NEW_N(a, const cx_node *, s.max);
    e->body = rebuild(&s, e->body);
  }
  cx_arena_free(a);
}
