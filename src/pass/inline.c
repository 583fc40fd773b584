/* inline.c - an equation that costs nothing, or that is read once for each of its values, goes into its user.
 *
 * Costs nothing: a constant, an expression of indices, or one load. Read once: a single load in a single equation,
 * with every index of that equation, moved at most by a constant, among its subscripts, so that no value is computed
 * twice. Never a reduction, an output, a member of a recurrence, or the inert shift of a log-sum-exp. */
#include "pass/eqs.h"
#include <math.h>
#include <string.h>

typedef struct {
  cx_graph *g;
  const cx_eq *user;
  bool *cyclic, *output;
  int *uses;
} inliner;

static bool free_of_cost(const cx_node *b, int depth) {
  if (b->op == OP_load) {
    for (int k = 0; k < b->nargs; k++)
      if (b->arg[k]->has_load) return false;
    return true;
  }
  if (b->has_load || depth == 0) return b->op == OP_const;
  if (b->op > OP_load && !(cx_ops[b->op].facts & F_CHEAP)) return false;
  for (int k = 0; k < b->nargs; k++)
    if (!free_of_cost(b->arg[k], depth - 1)) return false;
  return true;
}

static bool once_each(const cx_eq *user, const cx_node *load) {
  uint32_t seen = 0;
  for (int k = 0; k < load->nargs; k++) {
    int64_t c0, c[32];
    if (!cx_affine(load->arg[k], &c0, c)) continue;
    int slot = -1, n = 0;
    for (int s = 0; s < 32; s++)
      if (c[s]) slot = s, n++;
    if (n == 1 && (c[slot] == 1 || c[slot] == -1)) seen |= 1u << slot;
  }
  for (int s = 0; s < cx_nslot(user); s++) {
    int64_t n = cx_extent(user, s);
    if (n > 1 && !(seen >> s & 1)) return false;
  }
  return true;
}

static const cx_node *place(void *user, cx_graph *g, const cx_node *n) {
  inliner *in = user;
  if (n->op != OP_load) return n;
  const cx_eq *e = g->eq[n->u.eq];
  if (e->kind != EQ_CALC || e->red != RED_none || in->cyclic[e->id] || e->inert) return n;
  if (!free_of_cost(e->body, 6) && (in->output[e->id] || in->uses[e->id] != 1 || !once_each(in->user, n))) return n;
  for (int k = 0; k < n->nargs; k++)
    if (!cx_is_integer(g, n->arg[k]) || !cx_in_range(g, n->arg[k], e->dim[k].n, in->user)) return n;
  return cx_open_load(g, n, in->user);
}

/* the equation that e is, element by element; NULL: it is more than that */
static cx_eq *itself(const inliner *in, const cx_eq *e) {
  const cx_node *b = e->body;
  if (e->red != RED_none || b->op != OP_load) return NULL;
  cx_eq *p = in->g->eq[b->u.eq];
  bool same = p->kind == EQ_CALC && p->rank == e->rank;
  for (int d = 0; d < e->rank && same; d++)
    same = b->arg[d]->op == OP_index && b->arg[d]->u.i == d && p->dim[d].n == e->dim[d].n;
  return same ? p : NULL;
}

/* an output that is another equation, which only it reads, takes its place */
static void take_over(inliner *in, cx_eq *e) {
  const cx_eq *p = itself(in, e);
  if (!p || in->output[p->id] || in->uses[p->id] != 1 || in->cyclic[p->id] || p->inert) return;
  e->red = p->red, e->nred = p->nred;
  memcpy(e->rdim, p->rdim, sizeof e->rdim);
  e->body = p->body;
  e->name = p->name, e->span = p->span; /* what messages call it */
}

void cx_pass_inline(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  inliner in = {g, NULL, o.cyclic, CX_NEW_N(a, bool, g->neq + 1), cx_eq_uses(g, a, &o, false)};
  for (int i = 0; i < g->nout; i++) in.output[g->out[i]] = true;
  for (int i = 0; i < o.n; i++) {
    cx_eq *e = g->eq[o.order[i]];
    if (e->kind != EQ_CALC) continue;
    in.user = e;
    const cx_eq *p = in.output[e->id] ? itself(&in, e) : NULL; /* goes on under its name, whatever it becomes */
    if (p && e->name[0] == '_' && p->name[0] != '_') e->name = p->name, e->span = p->span;
    e->body = cx_rewrite(g, e->body, place, &in);
    if (in.output[e->id] && !in.cyclic[e->id]) take_over(&in, e);
  }
  cx_arena_free(a);
}
