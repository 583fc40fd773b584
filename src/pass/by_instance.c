/* by_instance.c - what an integrand reads at its own integral's place only, p[i] in the i-th integral, becomes an input
 * with a value a node, which the caller lays out: a vector loads it where a table would be read number by number. */
#include <string.h>

#include "pass/integral.h"

typedef struct {
  cx_integrand *in;
  const cx_graph *g;
  uint32_t index[CX_MAX_RANK], env[CX_PRIM_ARGS];
} places;

/* the inputs of one graph of the integrand */
static void find(places *p, const cx_integrand *in, const cx_graph *g) {
  int x = in->dim > 1 ? in->dim : 1, n = 0;
  p->g = g;
  for (int id = 0; id < g->neq; id++) {
    if (g->eq[id]->kind != EQ_INPUT) continue;
    int k = n++ - x;
    if (k >= 0 && k < in->ninstance) p->index[k] = (uint32_t)id;
    else if (k >= in->ninstance && k < in->ninstance + in->nenv) p->env[k - in->ninstance] = (uint32_t)id;
  }
}

/* the place of the node that the subscripts of this load belong to, NULL: they are not those of the integral; dim: the
 * dimension of the integrals that each is */
static const cx_node *place(const places *p, const cx_node *load, uint8_t *dim) {
  const cx_node *at = NULL;
  for (int k = 0; k < load->nargs; k++) {
    const cx_node *s = load->arg[k];
    int d = 0;
    if (s->op != OP_load || s->nargs != 1) return NULL;
    while (d < p->in->ninstance && p->index[d] != s->u.eq) d++;
    if (d == p->in->ninstance || (at && at != s->arg[0])) return NULL;
    at = s->arg[0];
    dim[k] = (uint8_t)d;
  }
  return at;
}

static int number(const places *p, uint32_t eq) {
  for (int k = 0; k < p->in->nenv; k++)
    if (p->env[k] == eq) return k;
  return -1;
}

static void see(void *user, const cx_node *n) {
  places *p = user;
  int k = n->op == OP_load ? number(p, n->u.eq) : -1;
  if (k < 0) return;
  cx_by_instance *b = &p->in->by_instance[k];
  uint8_t dim[CX_MAX_RANK];
  bool own = n->nargs > 0 && place(p, n, dim) != NULL && (!b->rank || !memcmp(b->dim, dim, n->nargs));
  if (!own) b->never = true;
  else b->rank = n->nargs, memcpy(b->dim, dim, n->nargs);
}

static const cx_node *replace(void *user, cx_graph *g, const cx_node *n) {
  places *p = user;
  int k = n->op == OP_load ? number(p, n->u.eq) : -1;
  uint8_t dim[CX_MAX_RANK];
  if (k < 0 || !p->in->by_instance[k].rank) return n;
  const cx_node *at = place(p, n, dim);
  return at ? cx_load(g, n->u.eq, &at, 1) : n; /* it was replaced below, and a rule left no more than it */
}

void cx_take_by_instance(cx_integrand *in) {
  places p = {.in = in};
  enum { SOME = 6 };
  cx_graph *const some[SOME] = {in->value, in->probe, in->size, in->scaled, in->far[0], in->far[1]};
  in->by_instance = CX_NEW_N(in->value->arena, cx_by_instance, in->nenv + 1);
  for (int write = 0; write < 2; write++) {
    for (int j = 0, n = in->near ? 2 * in->nfeature + 2 : 0; j < SOME + n; j++) {
      cx_graph *g = j < SOME ? some[j] : j % 2 ? in->near_probe[(j - SOME) / 2] : in->near[(j - SOME) / 2];
      if (!g) continue;
      find(&p, in, g);
      for (int id = 0, neq = g->neq; id < neq; id++) {
        cx_eq *e = g->eq[id];
        if (e->kind == EQ_CALC && !write) cx_visit(g, e->body, see, &p);
        else if (e->kind == EQ_CALC) e->body = cx_rewrite(g, e->body, replace, &p);
        for (int k = 0; k < e->nprim_arg && e->kind == EQ_PRIM && !write; k++) {
          int at = number(&p, e->prim_arg[k]);
          if (at >= 0) in->by_instance[at].never = true;
        }
      }
      for (int k = 0; k < in->nenv && write; k++) {
        cx_eq *e = g->eq[p.env[k]];
        if (in->by_instance[k].rank) e->rank = 1, e->dim[0] = (cx_dim){in->nodes, NULL};
      }
    }
    for (int k = 0; k < in->nenv && !write; k++)
      if (in->by_instance[k].never) in->by_instance[k].rank = 0;
  }
}
