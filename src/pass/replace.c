/* replace.c - an equation read at other values of what it depends on: a copy of the paths from there to it. */
#include <math.h>

#include "pass/diff.h"

typedef struct {
  const uint32_t *to;
  const uint8_t *mark;
} moved;
static const cx_node *move(void *user, cx_graph *g, const cx_node *n) {
  const moved *m = user;
  return n->op == OP_load && (m->mark[n->u.eq] & 1) ? cx_load(g, m->to[n->u.eq], n->arg, n->nargs) : n;
}

uint32_t cx_replace(cx_graph *g, uint32_t of, const uint32_t *from, const uint32_t *to, int n) {
  uint8_t *mark = cx_diff_active(g, of, from, n, true);
  int neq = g->neq;
  uint32_t *map = CX_NEW_N(g->arena, uint32_t, neq);
  if (!(mark[of] & 1)) return of;
  for (int k = 0; k < n; k++) map[from[k]] = to[k];
  for (int id = 0; id < neq; id++)
    if ((mark[id] & 1) && !(mark[id] & 2)) {
      cx_eq *e = cx_eq_new(g, g->eq[id]->name, (cx_eq_kind)g->eq[id]->kind), copy = *g->eq[id];
      copy.id = e->id;
      *e = copy;
      map[id] = e->id;
    }
  moved m = {map, mark};
  for (int id = 0; id < neq; id++)
    if ((mark[id] & 1) && !(mark[id] & 2)) {
      cx_eq *e = g->eq[map[id]];
      if (e->body) e->body = cx_rewrite(g, g->eq[id]->body, move, &m);
      for (int k = 0; k < e->nprim_arg; k++)
        if (mark[e->prim_arg[k]] & 1) e->prim_arg[k] = map[e->prim_arg[k]];
      if (e->kind == EQ_CALC) e->lo = -INFINITY, e->hi = INFINITY; /* bounds were of the old value */
    }
  return map[of];
}
