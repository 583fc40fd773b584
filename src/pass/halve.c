/* halve.c - an integrand at the same places for many integrals: what it computes from the variable alone is computed once
 * for all of them, in a graph of its own whose outputs the rest reads. A power of such a base is exp(y log(base)), a
 * relative error of |y log(base)| epsilon that no tolerance of 1e-12 sees. */
#include <string.h>

#include "pass/integral.h"

typedef struct {
  cx_graph *g;
  bool *varies; /* by equation: from integral to integral */
  int known;
  bool powers;
  const cx_node **memo, *slot;
  int8_t *same; /* by node: 1 it is fixed, -1 it is not */
  int64_t nodes;
  CX_VEC(const cx_node *) what; /* taken out, */
  CX_VEC(uint32_t) input;       /* and the inputs that stand for it */
} halves;

static bool fixed(halves *h, const cx_node *n) {
  if (h->same[n->id]) return h->same[n->id] > 0;
  bool yes = n->op != OP_random && n->op != OP_jump && !(n->op == OP_index && n->u.i != 0) &&
             !(n->op == OP_load && ((int)n->u.eq >= h->known || h->varies[n->u.eq]));
  for (int k = 0; k < n->nargs && yes; k++) yes = fixed(h, n->arg[k]);
  h->same[n->id] = yes ? 1 : -1;
  return yes;
}

static const cx_node *taken(halves *h, const cx_node *n) {
  for (int k = 0; k < h->what.n; k++)
    if (h->what.at[k] == n) return cx_load(h->g, h->input.at[k], &h->slot, 1);
  cx_eq *p = cx_eq_new(h->g, NULL, EQ_INPUT);
  p->rank = 1;
  p->dim[0] = (cx_dim){h->nodes, NULL};
  *CX_PUSH(h->g->arena, h->what) = n;
  *CX_PUSH(h->g->arena, h->input) = p->id;
  return cx_load(h->g, p->id, &h->slot, 1);
}

static const cx_node *take(halves *h, const cx_node *n) {
  cx_graph *g = h->g;
  if (n->op == OP_const || n->op == OP_index) return n;
  if (fixed(h, n)) {
    bool plain = n->op == OP_load && (n->nargs == 0 || h->g->eq[n->u.eq]->kind == EQ_INPUT);
    bool places = (n->free_lo & 1) != 0; /* else a number */
    return plain || !places ? n : taken(h, n);
  }
  if (n->op == OP_load) return n; /* its subscripts stay as they are */
  if (h->memo[n->id]) return h->memo[n->id];
  const cx_node *arg[3];
  for (int k = 0; k < n->nargs; k++) arg[k] = take(h, n->arg[k]);
  if (n->op == OP_pow && h->powers && fixed(h, n->arg[0]) && (n->arg[0]->free_lo & 1))
    return h->memo[n->id] = cx_op1(g, OP_exp, cx_op2(g, OP_mul, arg[1], taken(h, cx_op1(g, OP_log, n->arg[0]))));
  return h->memo[n->id] = cx_raw(g, (cx_op)n->op, arg, n->nargs);
}

bool cx_halve(const cx_integrand *in, const cx_graph *of, cx_halves *to) {
  int ninput = 0, n = 0, variable = -1;
  if (in->dim > 1) return false;
  uint32_t *input = CX_NEW_N(of->arena, uint32_t, of->neq + CX_HALVES_MOST + 1); /* and one for each half, at the end */
  for (int id = 0; id < of->neq; id++)
    if (of->eq[id]->kind == EQ_INPUT && !of->eq[id]->node) input[ninput++] = (uint32_t)id;
  cx_graph *g = cx_graph_part(of, input, ninput);
  halves h = {.g = g, .known = g->neq, .powers = in->tol >= 1e-12, .slot = cx_index(g, 0), .nodes = in->nodes};
  h.varies = CX_NEW_N(g->arena, bool, g->neq + 1);
  ninput = 0;
  for (int id = 0; id < g->neq; id++) {
    const cx_eq *e = g->eq[id];
    if (e->kind == EQ_PRIM) return false;
    if (e->kind == EQ_INPUT) {
      int k = n++ - 1;
      if (k < 0) variable = id;
      input[ninput++] = (uint32_t)id;
      h.varies[id] = k >= 0 && (k < in->ninstance || k >= in->ninstance + in->nenv ||
                                (in->by_instance && in->by_instance[k - in->ninstance].rank));
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (int id = 0; id < h.known; id++) {
      const cx_eq *e = g->eq[id];
      if (e->kind != EQ_CALC || h.varies[id]) continue;
      h.same = CX_NEW_N(g->arena, int8_t, e->body->id + 1);
      if (!fixed(&h, e->body)) h.varies[id] = changed = true;
    }
  }
  const uint32_t *stands = cx_node_dims(g, g->arena, (uint32_t)variable);
  for (int id = 0; id < h.known; id++) {
    cx_eq *e = g->eq[id];
    if (e->kind != EQ_CALC || !h.varies[id] || e->rank != 1 || e->red != RED_none || !(stands[id] & 1)) continue;
    h.same = CX_NEW_N(g->arena, int8_t, e->body->id + 1);
    h.memo = CX_NEW_N(g->arena, const cx_node *, e->body->id + 1);
    e->body = take(&h, e->body);
  }
  if (!h.what.n || h.what.n > CX_HALVES_MOST) return false;
  uint32_t *out = CX_NEW_N(g->arena, uint32_t, g->nout + 1);
  int nout = g->nout;
  memcpy(out, g->out, (size_t)nout * sizeof *out);
  g->nout = 0;
  for (int k = 0; k < h.what.n; k++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    e->rank = 1;
    e->dim[0] = (cx_dim){in->nodes, NULL};
    e->body = h.what.at[k];
    cx_graph_output(g, e->id);
  }
  to->fixed = cx_graph_part(g, input, ninput);
  g->nout = 0;
  for (int k = 0; k < nout; k++) cx_graph_output(g, out[k]);
  for (int k = 0; k < h.input.n; k++) input[ninput++] = h.input.at[k];
  to->rest = cx_graph_part(g, input, ninput);
  return true;
}
