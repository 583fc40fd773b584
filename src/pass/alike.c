/* alike.c - features of many integrals that are one another, stretched and moved: u(x) = s phi(t), t = a x + b, where the
 * function phi is the same in every integral and only s, a and b differ. What phi does need be looked at once. */
#include "pass/integral.h"

typedef enum { UNKNOWN, FIXED, OWN, LINE, SAME, SCALED, NEITHER } sort;
/* FIXED: one number for all; OWN: one for each integral; LINE: a x + b; SAME: phi(t); SCALED: s phi(t) */
typedef struct {
  const cx_graph *g;
  const cx_integrand *in;
  uint32_t x;
  uint8_t *memo; /* by node */
  uint32_t most;
  const cx_node *t;
} alike;

static const cx_node *body_of(const alike *s, const cx_node *n) { /* of a load at the same node, else NULL */
  const cx_eq *e = s->g->eq[n->u.eq];
  bool here = n->nargs == 1 && n->arg[0]->op == OP_index && n->arg[0]->u.i == 0;
  return here && e->kind == EQ_CALC && e->red == RED_none ? e->body : NULL;
}

static sort sort_of(alike *s, const cx_node *n, int depth);

static sort load(alike *s, const cx_node *n, int depth) {
  const cx_eq *e = s->g->eq[n->u.eq];
  const cx_node *body = body_of(s, n);
  if (e->id == s->x) return LINE;
  if (body) return sort_of(s, body, depth);
  if (e->kind == EQ_CALC) return e->body->op == OP_const && e->red == RED_none ? FIXED : NEITHER;
  if (e->kind != EQ_INPUT) return NEITHER;
  int before = 0; /* the numbers of the integrals are the inputs next to x */
  for (uint32_t id = 0; id < e->id; id++) before += s->g->eq[id]->kind == EQ_INPUT;
  if (before <= s->in->ninstance) return OWN;
  sort all = FIXED;
  for (int k = 0; k < n->nargs; k++) {
    sort one = sort_of(s, n->arg[k], depth);
    if (one != FIXED && one != OWN) return NEITHER;
    if (one == OWN) all = OWN;
  }
  return all;
}

/* a line becomes the t of a function; there is one t */
static sort bent(alike *s, const cx_node *n, sort of) {
  if (of != LINE) return of;
  for (const cx_node *body = n; body && n->op == OP_load; n = body)
    if (n->u.eq == s->x || !(body = body_of(s, n))) break;
  if (s->t && s->t != n) return NEITHER;
  s->t = n;
  return SAME;
}

static sort by_op(alike *s, const cx_node *n, int depth) {
  if (n->op == OP_const) return FIXED;
  if (n->op == OP_load) return load(s, n, depth);
  if (n->op == OP_index || n->op == OP_random || n->op == OP_jump || depth == 0) return NEITHER;
  sort arg[3];
  bool own = false, line = false, any = false, scaled = false;
  for (int k = 0; k < n->nargs; k++) {
    arg[k] = sort_of(s, n->arg[k], depth - 1);
    if (arg[k] == NEITHER) return NEITHER;
    own |= arg[k] == OWN, line |= arg[k] == LINE, any |= arg[k] == SAME, scaled |= arg[k] == SCALED;
  }
  if (!line && !any && !scaled) return own ? OWN : FIXED;
  bool product = n->op == OP_mul || n->op == OP_div, sum = n->op == OP_add || n->op == OP_sub;
  if (n->op == OP_neg) return arg[0];
  if (line && !any && !scaled && (sum || (n->op == OP_mul && arg[0] != arg[1]) || (n->op == OP_div && arg[1] != LINE)))
    return LINE;
  for (int k = 0; k < n->nargs; k++)
    if (bent(s, n->arg[k], arg[k]) == NEITHER) return NEITHER;
  if (product) return own || scaled ? SCALED : SAME;
  return own || scaled ? NEITHER : SAME;
}

static sort sort_of(alike *s, const cx_node *n, int depth) {
  if (n->id > s->most) return NEITHER;
  if (!s->memo[n->id]) s->memo[n->id] = (uint8_t)by_op(s, n, depth);
  return (sort)s->memo[n->id];
}

const cx_node *cx_alike(const cx_graph *g, const cx_integrand *in, uint32_t x, const cx_node *u) {
  alike s = {.g = g, .in = in, .x = x, .most = u->id};
  for (int id = 0; id < g->neq; id++)
    if (g->eq[id]->kind == EQ_CALC && g->eq[id]->body->id > s.most) s.most = g->eq[id]->body->id;
  s.memo = cx_alloc_n(g->arena, (size_t)s.most + 1, 1);
  sort of = sort_of(&s, u, 200);
  return of == SAME || of == SCALED ? s.t : NULL;
}
