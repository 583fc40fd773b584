/* extract.c - the part of a graph that some equations need, as a graph of its own. */
#include "ir/graph_int.h"

static const cx_node *copy(const cx_graph *from, cx_graph *to, cx_scratch *s, const cx_node *e, const int32_t *map) {
  const cx_node *arg[CX_MAX_RANK];
  int first = s->order.n; /* nodes before that were copied with an earlier equation */
  cx_postorder(from, s, e);
  for (int i = first; i < s->order.n; i++) {
    const cx_node *n = s->order.at[i], *r;
    for (int k = 0; k < n->nargs; k++) arg[k] = s->val[n->arg[k]->id].p;
    switch (n->op) {
      case OP_const: r = cx_const(to, n->u.num); break;
      case OP_index: r = cx_index(to, n->u.i); break;
      case OP_load: r = cx_load(to, (uint32_t)map[n->u.eq], arg, n->nargs); break;
      default: r = cx_raw(to, n->op, arg, n->nargs);
    }
    s->val[n->id].p = r;
  }
  return s->val[e->id].p;
}

cx_graph *cx_extract(const cx_graph *g, cx_arena *a, const uint32_t *roots, int nroots, int32_t *map) {
  if (!map) map = CX_NEW_N(a, int32_t, g->neq + 1);
  for (int i = 0; i < g->neq; i++) map[i] = -1;
  CX_VEC(uint32_t) work = {0};
  for (int i = 0; i < nroots; i++)
    if (map[roots[i]] < 0) map[roots[i]] = 0, *CX_PUSH(a, work) = roots[i];

  /* what is needed: one walk over all the bodies, each node once */
  cx_scratch *s = cx_scratch_take(g);
  for (int seen = 0; work.n > 0;) {
    const cx_eq *e = g->eq[work.at[--work.n]];
    if (e->kind == EQ_CALC && e->body->has_load) cx_postorder(g, s, e->body);
    for (; seen < s->order.n; seen++) {
      const cx_node *n = s->order.at[seen];
      if (n->op == OP_load && map[n->u.eq] < 0) map[n->u.eq] = 0, *CX_PUSH(a, work) = n->u.eq;
    }
    for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++)
      if (map[e->prim_arg[k]] < 0) map[e->prim_arg[k]] = 0, *CX_PUSH(a, work) = e->prim_arg[k];
  }
  cx_scratch_give(g, s);

  cx_graph *r = cx_graph_new(g->ctx, a);
  for (int i = 0; i < g->neq; i++) {
    if (map[i] < 0) continue;
    cx_eq *e = cx_eq_new(r, g->eq[i]->name, g->eq[i]->kind);
    map[i] = (int32_t)e->id;
    *e = *g->eq[i];
    e->id = (uint32_t)map[i];
    e->body = NULL;
  }
  s = cx_scratch_take(g);
  for (int i = 0; i < g->neq; i++) {
    if (map[i] < 0) continue;
    cx_eq *e = r->eq[map[i]];
    if (e->kind == EQ_CALC) e->body = copy(g, r, s, g->eq[i]->body, map);
    for (int k = 0; k < e->nprim_arg; k++) e->prim_arg[k] = (uint32_t)map[e->prim_arg[k]];
  }
  cx_scratch_give(g, s);
  for (int i = 0; i < nroots; i++) cx_graph_output(r, (uint32_t)map[roots[i]]);
  return r;
}
