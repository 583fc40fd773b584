/* eqs.c - equations and their loads, for the passes. */
#include "pass/eqs.h"
#include <math.h>
#include <string.h>

cx_eq *cx_eq_beside(cx_graph *g, const cx_eq *like, const char *suffix) {
  cx_eq *e = cx_eq_new(g, cx_intern_z(g->ctx, cx_format(g->arena, "%s_%s", like->name, suffix)), EQ_CALC);
  e->rank = like->rank;
  memcpy(e->dim, like->dim, sizeof e->dim);
  e->span = like->span;
  return e;
}

bool cx_in_range(const cx_graph *g, const cx_node *e, int64_t n, const cx_eq *of) {
  cx_interval r = cx_bounds(g, e, of);
  return r.lo >= 0 && r.hi <= (double)(n - 1);
}

const cx_node *cx_open_load(cx_graph *g, const cx_node *load, const cx_eq *of) {
  const cx_eq *e = g->eq[load->u.eq];
  int64_t slot[CX_MAX_RANK];
  const cx_node *sub[CX_MAX_RANK], *ok = cx_const(g, 1);
  for (int k = 0; k < e->rank; k++) {
    slot[k] = k;
    sub[k] = load->arg[k];
    if (!cx_is_integer(g, sub[k])) sub[k] = cx_op1(g, OP_round, sub[k]);
    if (!cx_in_range(g, sub[k], e->dim[k].n, of)) {
      const cx_node *up = cx_op2(g, OP_le, cx_const(g, 0), sub[k]);
      ok = cx_op2(g, OP_and, ok, cx_op2(g, OP_and, up, cx_op2(g, OP_lt, sub[k], cx_const(g, (double)e->dim[k].n))));
    }
  }
  const cx_node *body = cx_subst(g, e->body, slot, sub, e->rank);
  return cx_op3(g, OP_select, ok, body, cx_const(g, 0));
}

cx_eq_order cx_order(const cx_graph *g, cx_arena *a) {
  cx_eq_order o = {CX_NEW_N(a, uint32_t, g->neq + 1), 0, CX_NEW_N(a, bool, g->neq + 1)};
  cx_comp *comp;
  int n;
  if (!cx_scc(g, a, &comp, &n)) cx_throw(g->ctx, CX_E_PROGRAM);
  for (int i = 0; i < n; i++)
    for (int k = 0; k < comp[i].n; k++) {
      o.order[o.n++] = comp[i].eq[k];
      o.cyclic[comp[i].eq[k]] = comp[i].dir != 0;
    }
  return o;
}

static void count_load(void *user, const cx_node *n) {
  if (n->op == OP_load) ((int *)user)[n->u.eq]++;
}
int *cx_eq_uses(const cx_graph *g, cx_arena *a, const cx_eq_order *o, bool outputs) {
  int *uses = CX_NEW_N(a, int, g->neq + 1);
  bool *asked = CX_NEW_N(a, bool, g->neq + 1);
  for (int i = 0; i < g->nout; i++) asked[g->out[i]] = true, uses[g->out[i]] += outputs ? 2 : 0;
  for (int i = o->n - 1; i >= 0; i--) { /* users first: what nothing needs reads nothing */
    const cx_eq *e = g->eq[o->order[i]];
    if (g->nout && !uses[e->id] && !asked[e->id] && !o->cyclic[e->id]) continue;
    if (e->kind == EQ_CALC) cx_visit((cx_graph *)g, e->body, count_load, uses);
    for (int k = 0; k < e->nprim_arg; k++) uses[e->prim_arg[k]] += 2;
  }
  return uses;
}

typedef struct {
  const bool *known;
  bool all;
} loads_of;
static void see_load(void *user, const cx_node *n) {
  loads_of *l = user;
  if (n->op == OP_load && !l->known[n->u.eq]) l->all = false;
}

bool *cx_data_only(const cx_graph *g, cx_arena *a) {
  cx_comp *comp;
  int n;
  bool *data = CX_NEW_N(a, bool, g->neq + 1);
  if (!cx_scc(g, a, &comp, &n)) cx_throw(g->ctx, CX_E_PROGRAM);
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < comp[i].n; k++) data[comp[i].eq[k]] = true; /* a recurrence: unless something else says no */
    bool all = true;
    for (int k = 0; k < comp[i].n && all; k++) {
      const cx_eq *e = g->eq[comp[i].eq[k]];
      loads_of l = {data, true};
      if (e->kind == EQ_INPUT) l.all = e->constant;
      else if (e->kind == EQ_PRIM)
        for (int j = 0; j < e->nprim_arg; j++) l.all &= data[e->prim_arg[j]];
      else cx_visit((cx_graph *)g, e->body, see_load, &l);
      all = l.all;
    }
    for (int k = 0; k < comp[i].n && !all; k++) data[comp[i].eq[k]] = false;
  }
  return data;
}

const cx_node *cx_drop_slot(cx_graph *g, cx_eq *e, int slot, const cx_node *body) {
  int64_t from[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK];
  int n = 0, last = cx_nslot(e) - 1;
  for (int s = slot + 1; s <= last; s++, n++) from[n] = s, to[n] = cx_index(g, s - 1);
  for (int s = slot - e->rank; s + 1 < e->nred; s++) e->rdim[s] = e->rdim[s + 1];
  e->nred--;
  return n ? cx_subst(g, body, from, to, n) : body;
}
