/* elab_open.c - a number that is computed from small arrays, written out: x[1, 1] of x = L L' becomes l10^2 + l11^2. What is
 * expected of a random array is then an expression in its numbers, in which an integral sees what it depends on, what
 * leaves it, and where it is not smooth. */
#include "front/dist.h"

enum { TERMS = 64, OPENED = 8192, DEEP = 400 };
typedef struct {
  cx_elab *E;
  int budget, depth;
  cx_names done, moves; /* by node: what it is written out; does that read the variable of an integral? */
} opening;

static bool of_variable(const opening *o, const cx_node *n) {
  return n->op == OP_load && o->E->g->eq[n->u.eq]->kind == EQ_INPUT && o->E->g->eq[n->u.eq]->node;
}
static const cx_node *opened(opening *o, const cx_node *n);
static bool moves(opening *o, const cx_node *n) {
  if (!n->has_load) return false;
  void **at = cx_names_at(o->E->arena, &o->moves, (cx_sym)(const void *)n);
  if (*at) return *at == (void *)o;
  bool any = of_variable(o, n);
  for (int k = 0; k < n->nargs && !any; k++) any = moves(o, n->arg[k]);
  return *at = any ? (void *)o : (void *)o->E, any;
}

/* an element of an equation by the elements that it is computed from; NULL: it is no small formula */
static const cx_node *element(opening *o, const cx_node *n) {
  cx_graph *g = o->E->g;
  const cx_eq *e = g->eq[n->u.eq];
  static const cx_op joins[] = {[RED_sum] = OP_add, [RED_prod] = OP_mul, [RED_max] = OP_max, [RED_min] = OP_min};
  int64_t slot[2 * CX_MAX_RANK], terms = 1;
  const cx_node *to[2 * CX_MAX_RANK], *all = NULL;
  bool joined = e->red == RED_sum || e->red == RED_prod || e->red == RED_max || e->red == RED_min;
  if (e->kind != EQ_CALC || !e->body || e->inert || e->statistic || e->counts) return NULL;
  if ((e->red != RED_none && !joined) || n->nargs != e->rank || o->depth > DEEP) return NULL;
  for (int k = 0; k < n->nargs; k++) {
    cx_interval at = cx_var_bounds(o->E, n->arg[k]);
    if (!(at.lo >= 0 && at.hi <= (double)(e->dim[k].n - 1))) return NULL;
    slot[k] = k, to[k] = n->arg[k];
  }
  for (int k = 0; k < e->nred; k++) {
    slot[e->rank + k] = e->rank + k;
    terms = e->rdim[k].n > 0 && terms <= TERMS ? terms * e->rdim[k].n : TERMS + 1;
  }
  if (terms > TERMS || (o->budget -= (int)terms) < 0) return NULL;
  for (int64_t t = 0; t < terms; t++) {
    int64_t rest = t;
    for (int k = e->nred - 1; k >= 0; rest /= e->rdim[k].n, k--)
      to[e->rank + k] = cx_const(g, (double)(rest % e->rdim[k].n));
    const cx_node *one = opened(o, cx_subst(g, e->body, slot, to, e->rank + e->nred));
    all = all ? cx_op2(g, joins[e->red], all, one) : one;
  }
  return all;
}

static const cx_node *opened(opening *o, const cx_node *n) {
  cx_graph *g = o->E->g;
  const cx_node *arg[CX_MAX_RANK], *r;
  double c;
  if (!n->has_load || o->budget < 0) return n;
  void **at = cx_names_at(o->E->arena, &o->done, (cx_sym)(const void *)n);
  if (*at) return *at;
  o->depth++;
  for (int k = 0; k < n->nargs; k++) { /* of a choice that is known, one branch */
    bool other = n->op == OP_select && k && arg[0]->op == OP_const && (arg[0]->u.num != 0) == (k == 2);
    arg[k] = other ? n->arg[k] : opened(o, n->arg[k]);
  }
  if (n->op != OP_load) r = cx_opn(g, n->op, arg, n->nargs);
  else {
    r = cx_load(g, n->u.eq, arg, n->nargs);
    const cx_node *e = r->op == OP_load && !of_variable(o, r) ? element(o, r) : NULL;
    /* a number that the program gives a name may be what a derivative is taken by */
    bool own = e && (!o->E->derives || cx_in_library(o->E, g->eq[r->u.eq]->span));
    own = own && cx_v_const(o->E, cx_v_node(e, CX_NOSPAN), &c);
    if (own || (e && moves(o, e))) r = e;
  }
  o->depth--;
  at = cx_names_at(o->E->arena, &o->done, (cx_sym)(const void *)n);
  return *at = (void *)(uintptr_t)r, r;
}

cx_val cx_spelled(cx_elab *E, cx_val v) {
  opening o = {.E = E, .budget = OPENED};
  if (v.bad || v.rank) return v;
  const cx_node *e = opened(&o, v.e);
  if (o.budget >= 0) v.e = e;
  return v;
}
