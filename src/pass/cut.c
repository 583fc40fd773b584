/* cut.c - places that nobody reads are not computed.
 *
 * Every equation is read over an interval of each of its dimensions, the hull of what its readers' subscripts reach; where
 * that leaves out enough, the equation is that interval: what reads y[15] alone asks for one place of y, a pooling by 2
 * for 10 of 11 rows of the convolution below it, and so on up to the inputs. Users come first, so that what is cut
 * there asks for less here. A load outside its array is 0 before and after: only places that no subscript reaches go. */
#include "pass/eqs.h"
#include <math.h>

enum { WORTH = 16 }; /* an equation is cut by one part of so many, or not at all: equal sizes are better company */

typedef struct {
  bool on; /* read at all */
  int64_t lo[CX_MAX_RANK], hi[CX_MAX_RANK];
} span;
typedef struct {
  cx_graph *g;
  span *read;   /* by equation */
  int64_t *cut; /* by equation and dimension: where it begins now */
  const cx_eq *of;
} cutter;

static void all_of(cutter *c, uint32_t eq) {
  const cx_eq *e = c->g->eq[eq];
  c->read[eq].on = true;
  for (int d = 0; d < e->rank; d++) c->read[eq].lo[d] = 0, c->read[eq].hi[d] = e->dim[d].n - 1;
}

static void ask(void *user, const cx_node *n) {
  cutter *c = user;
  if (n->op != OP_load) return;
  span *r = &c->read[n->u.eq];
  r->on = true;
  for (int d = 0; d < n->nargs; d++) {
    const cx_node *sub = n->arg[d];
    int64_t lo = 0, hi = c->g->eq[n->u.eq]->dim[d].n - 1;
    if (!sub->has_load && cx_is_integer(c->g, sub)) { /* what is data may lie outside its declared bounds */
      cx_interval v = cx_bounds(c->g, sub, c->of);
      if (v.lo > (double)lo) lo = v.lo > (double)hi ? hi + 1 : (int64_t)v.lo;
      if (v.hi < (double)hi) hi = v.hi < 0 ? -1 : (int64_t)v.hi;
    }
    if (lo > hi) continue; /* outside everywhere */
    if (lo < r->lo[d]) r->lo[d] = lo;
    if (hi > r->hi[d]) r->hi[d] = hi;
  }
}

/* the equation over what is read of it */
static void shorten(cutter *c, cx_eq *e) {
  const span *r = &c->read[e->id];
  double before = 1, after = 1;
  for (int d = 0; d < e->rank; d++) {
    if (r->lo[d] > r->hi[d]) return;
    before *= (double)e->dim[d].n, after *= (double)(r->hi[d] - r->lo[d] + 1);
  }
  if (after * WORTH > before * (WORTH - 1)) return;
  int64_t slot[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK];
  int n = 0;
  for (int d = 0; d < e->rank; d++) {
    int64_t lo = r->lo[d], size = r->hi[d] - lo + 1;
    if (size == e->dim[d].n) continue;
    const cx_node *first = cx_const(c->g, (double)lo);
    slot[n] = d, to[n++] = size == 1 ? first : cx_op2(c->g, OP_add, cx_index(c->g, d), first);
    e->dim[d] = (cx_dim){size, NULL};
    c->cut[(int64_t)e->id * CX_MAX_RANK + d] = lo;
  }
  e->body = cx_simplify(c->g, cx_subst(c->g, e->body, slot, to, n), e);
}

static const cx_node *moved(void *user, cx_graph *g, const cx_node *n) {
  const cutter *c = user;
  const cx_node *sub[CX_MAX_RANK];
  if (n->op != OP_load || g->eq[n->u.eq]->kind != EQ_CALC) return n;
  bool any = false;
  for (int d = 0; d < n->nargs; d++) {
    int64_t lo = c->cut[(int64_t)n->u.eq * CX_MAX_RANK + d];
    sub[d] = lo ? cx_op2(g, OP_sub, n->arg[d], cx_const(g, (double)lo)) : n->arg[d];
    any |= lo != 0;
  }
  return any ? cx_load(g, n->u.eq, sub, n->nargs) : n;
}

void cx_pass_cut(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  cutter c = {g, CX_NEW_N(a, span, g->neq + 1), CX_NEW_N(a, int64_t, (g->neq + 1) * CX_MAX_RANK), NULL};
  for (int k = 0; k < g->neq; k++) {
    for (int d = 0; d < g->eq[k]->rank; d++) c.read[k].lo[d] = INT64_MAX, c.read[k].hi[d] = -1;
    if (o.cyclic[k]) all_of(&c, (uint32_t)k);
  }
  for (int k = 0; k < g->nout; k++) all_of(&c, g->out[k]);
  for (int i = o.n - 1; i >= 0; i--) {
    cx_eq *e = c.g->eq[o.order[i]];
    for (int k = 0; k < e->nprim_arg && c.read[e->id].on; k++) all_of(&c, e->prim_arg[k]);
    if (e->kind != EQ_CALC || !c.read[e->id].on) continue;
    shorten(&c, e);
    c.of = e;
    cx_visit(g, e->body, ask, &c);
  }
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind == EQ_CALC) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, moved, &c);
  cx_arena_free(a);
}
