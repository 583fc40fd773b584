/* monotone.c - what is monotone leaves a greatest or a least value: max(k: f(u[k])) is f(max(k: u[k])).
 *
 * A layer that pools after its activation, max(k: relu(u[k] + b)), adds b and cuts off at 0 once for each window then, and
 * its derivative, too, is that of the place with the greatest u. What may leave are steps whose other operand does not
 * depend on k and that rise, or fall, at every argument: u + b, b - u, c u with a sign of c that is known, max(u, b),
 * exp(u). They never round two values out of their order, so the result is the same number (but where u is
 * infinite and meets the other infinity: NaN may become that). Only values that nobody
 * else reads: others would have to be computed all the same. A range that may be empty has no such rule. */
#include <math.h>

#include "pass/eqs.h"

enum { STEPS = 12 };
typedef struct {
  cx_op op;
  int at;               /* which operand the value is */
  const cx_node *other; /* NULL: there is none */
} step;
typedef struct {
  cx_graph *g;
  cx_eq *e;     /* the greatest or least value */
  bool *cyclic; /* by equation, as are: */
  int *uses;
  int n, known; /* steps that have left; equations when the pass began */
  step left[STEPS];
  bool falls; /* an odd number of them does */
} leaving;

/* those that rise and have a value everywhere */
static bool rises(uint16_t op) {
  return op == OP_exp || op == OP_exp2 || op == OP_expm1 || op == OP_cbrt || op == OP_logistic || op == OP_softplus ||
         op == OP_atan || op == OP_sinh || op == OP_tanh || op == OP_asinh || op == OP_erf || op == OP_norm_cdf;
}

/* 1: op(.., u at `at`, ..) rises with u; -1: it falls; 0: that is not known */
static int trend(const leaving *l, uint16_t op, int at, const cx_node *other) {
  switch (op) {
    case OP_add:
    case OP_min:
    case OP_max: return 1;
    case OP_sub: return at ? -1 : 1;
    case OP_neg: return -1;
    case OP_div:
      if (at) return 0; /* fall through */
    case OP_mul: {
      cx_interval r = cx_bounds(l->g, other, l->e);
      return r.lo > 0 && r.hi < INFINITY ? 1 : r.hi < 0 && r.lo > -INFINITY ? -1 : 0;
    }
    default: return rises(op) ? 1 : 0;
  }
}

/* The outermost step of u leaves, if it may: what remains. sub: what the indices of u are in l->e, NULL: themselves. */
static const cx_node *peel(leaving *l, const cx_node *u, const int64_t *slot, const cx_node *const *sub, int rank) {
  if (u->op <= OP_load || u->nargs > 2 || l->n == STEPS) return NULL;
  uint32_t reduced = cx_reduced_mask(l->e);
  for (int at = 0; at < u->nargs; at++) {
    const cx_node *other = u->nargs > 1 ? u->arg[!at] : NULL;
    if (other && sub) other = cx_subst(l->g, other, slot, sub, rank);
    if (other && (other->free_lo & reduced)) continue;
    int way = trend(l, u->op, at, other);
    if (!way) continue;
    l->left[l->n++] = (step){(cx_op)u->op, at, other};
    l->falls ^= way < 0;
    return u->arg[at];
  }
  return NULL;
}

/* u, a load that only l->e makes and whose equation is no more than a formula */
static bool own(const leaving *l, const cx_node *u) {
  if (u->op != OP_load) return false;
  const cx_eq *p = l->g->eq[u->u.eq];
  if (p->kind != EQ_CALC || p->red != RED_none || p->inert) return false;
  if (p->id < (uint32_t)l->known && (l->cyclic[p->id] || l->uses[p->id] != 1)) return false;
  for (int k = 0; k < u->nargs; k++)
    if (!cx_is_integer(l->g, u->arg[k]) || !cx_in_range(l->g, u->arg[k], p->dim[k].n, l->e)) return false;
  return true;
}

/* the value whose steps have left; those of the equation it loads leave, too */
static const cx_node *bare(leaving *l, const cx_node *u) {
  for (const cx_node *next = u; next;) {
    u = next, next = NULL;
    if (!own(l, u)) {
      next = peel(l, u, NULL, NULL, 0);
      continue;
    }
    cx_eq *p = l->g->eq[u->u.eq];
    if (p->body->op == OP_load) {
      next = cx_open_load(l->g, u, l->e);
      continue;
    }
    int64_t slot[CX_MAX_RANK];
    for (int k = 0; k < p->rank; k++) slot[k] = k;
    const cx_node *inner = p->body;
    for (const cx_node *b = inner; b; b = peel(l, b, slot, u->arg, p->rank)) inner = b;
    if (inner == p->body) continue;
    cx_eq *q = cx_eq_beside(l->g, p, "in");
    q->body = inner;
    next = cx_load(l->g, q->id, u->arg, u->nargs);
  }
  return u;
}

void cx_pass_monotone(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  int neq = g->neq, *uses = cx_eq_uses(g, a, &o, true);
  for (int i = 0; i < o.n; i++) {
    cx_eq *e = g->eq[o.order[i]];
    if (e->kind != EQ_CALC || (e->red != RED_max && e->red != RED_min) || e->inert || o.cyclic[e->id]) continue;
    bool some = true;
    for (int k = 0; k < e->nred; k++) some &= e->rdim[k].n > 0;
    leaving l = {.g = g, .e = e, .cyclic = o.cyclic, .uses = uses, .known = neq};
    const cx_node *u = some ? bare(&l, e->body) : NULL, *v;
    if (!l.n) continue;
    cx_eq *p = cx_eq_beside(g, e, "best");
    p->red = l.falls ? (e->red == RED_max ? RED_min : RED_max) : e->red, p->nred = e->nred, p->body = u;
    for (int k = 0; k < e->nred; k++) p->rdim[k] = e->rdim[k];
    v = cx_load_here(g, p);
    while (l.n--) {
      const step *s = &l.left[l.n];
      v = !s->other ? cx_op1(g, s->op, v) : s->at ? cx_op2(g, s->op, s->other, v) : cx_op2(g, s->op, v, s->other);
    }
    e->red = RED_none, e->nred = 0, e->body = v;
  }
  cx_arena_free(a);
}
