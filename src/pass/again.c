/* again.c - a large array that a few operations make of another one is computed again by all who read it.
 *
 * Arrays that no cache holds cost what is read and written of them, not what is calculated. So an equation of cheap ops
 * that reads one array as large as itself, and otherwise smaller ones, goes into its users, as long as each of them reads
 * every element at most once: they read the other array instead, and the equation's own is never written nor read. So a
 * normalised image, its activation and what its pooling reads are one pass over what the convolution left. */
#include "pass/eqs.h"

enum { LARGE = 5 << 17, SMALLER = 64, OPS = 8, USERS = 4 }; /* elements, and of what else is read; ops; readers */

typedef struct {
  cx_graph *g;
  const cx_eq *of;
  int *uses, *by, ops, whole;
  bool *stays, *made, cheap;
} again;

static double count(const cx_dim *dim, int n) {
  double c = 1;
  for (int k = 0; k < n; k++) c *= (double)dim[k].n;
  return c;
}

/* element by element */
static bool here(const cx_eq *e, const cx_node *load) {
  bool yes = load->nargs == e->rank;
  for (int k = 0; k < load->nargs && yes; k++) yes = load->arg[k]->op == OP_index && load->arg[k]->u.i == k;
  return yes;
}

static void weigh(void *user, const cx_node *n) {
  again *s = user;
  if (n->op > OP_load && !(cx_ops[n->op].facts & F_CHEAP)) s->cheap = false;
  if (n->op > OP_load) s->ops++;
  if (n->op != OP_load) return;
  const cx_eq *p = s->g->eq[n->u.eq];
  double size = count(p->dim, p->rank), own = count(s->of->dim, s->of->rank);
  if (size == own && here(s->of, n)) s->whole++, s->cheap &= p->kind == EQ_CALC && p->red != RED_none;
  else if (size * SMALLER > own) s->cheap = false;
}

static bool made_again(again *s, const cx_eq *e) {
  if (e->kind != EQ_CALC || e->red != RED_none || e->inert || s->stays[e->id] || s->uses[e->id] > USERS) return false;
  if (count(e->dim, e->rank) < LARGE) return false;
  s->of = e, s->ops = s->whole = 0, s->cheap = true;
  cx_visit(s->g, e->body, weigh, s);
  return s->cheap && s->whole == 1 && s->ops <= OPS;
}

/* who reads an element more than once, or may read beside the array, wants it as it is */
static void see_user(void *user, const cx_node *n) {
  again *s = user;
  if (n->op != OP_load) return;
  const cx_eq *p = s->g->eq[n->u.eq];
  s->uses[p->id]++;
  s->stays[p->id] |= s->by[p->id] == (int)s->of->id + 1;
  s->by[p->id] = (int)s->of->id + 1;
  s->stays[p->id] |= count(s->of->dim, s->of->rank) * count(s->of->rdim, s->of->nred) > count(p->dim, p->rank);
  for (int k = 0; k < n->nargs; k++)
    s->stays[p->id] |= !cx_is_integer(s->g, n->arg[k]) || !cx_in_range(s->g, n->arg[k], p->dim[k].n, s->of);
}

static const cx_node *place(void *user, cx_graph *g, const cx_node *n) {
  again *s = user;
  return n->op == OP_load && s->made[n->u.eq] ? cx_open_load(g, n, s->of) : n;
}

void cx_pass_again(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  again s = {.g = g, .uses = CX_NEW_N(a, int, g->neq + 1), .by = CX_NEW_N(a, int, g->neq + 1)};
  s.stays = CX_NEW_N(a, bool, g->neq + 1), s.made = CX_NEW_N(a, bool, g->neq + 1);
  bool *needed = CX_NEW_N(a, bool, g->neq + 1);
  for (int i = 0; i < g->nout; i++) s.stays[g->out[i]] = needed[g->out[i]] = true;
  for (int i = o.n - 1; i >= 0; i--) { /* users first: what nothing needs reads nothing */
    cx_eq *e = g->eq[o.order[i]];
    s.stays[e->id] |= o.cyclic[e->id];
    if (!needed[e->id] && !s.uses[e->id] && !o.cyclic[e->id]) continue;
    s.of = e;
    if (e->kind == EQ_CALC) cx_visit(g, e->body, see_user, &s);
    for (int k = 0; k < e->nprim_arg; k++) s.stays[e->prim_arg[k]] = needed[e->prim_arg[k]] = true;
  }
  for (int i = 0; i < o.n; i++) {
    cx_eq *e = g->eq[o.order[i]];
    if (e->kind != EQ_CALC) continue;
    s.of = e;
    e->body = cx_rewrite(g, e->body, place, &s);
    s.made[e->id] = made_again(&s, e);
  }
  cx_arena_free(a);
}
