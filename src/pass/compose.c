/* compose.c - equations at other places of an integral's variable.
 *
 * What depends on the variable is copied: in the copy the base dimensions stand in front, and a dimension whose
 * subscript is known over the base (the number of an integral, a fixed index) is gone. So a sum over k inside an
 * integrand is computed for the nodes asked for and nothing else, whatever dimensions it had where it was written. */
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

/* ---- which dimensions stand for x ---- */
typedef struct {
  uint32_t x, *mask;
  uint32_t seen; /* of the body at hand */
} finder;
static void see_node_load(void *user, const cx_node *n) {
  finder *f = user;
  if (n->op != OP_load || !(f->mask[n->u.eq] & CX_DEPENDS)) return;
  f->seen |= CX_DEPENDS;
  for (int k = 0; k < n->nargs; k++)
    if ((f->mask[n->u.eq] >> k & 1) && n->arg[k]->op == OP_index) f->seen |= 1u << n->arg[k]->u.i;
}
uint32_t *cx_node_dims(const cx_graph *g, cx_arena *a, uint32_t x) {
  finder f = {x, CX_NEW_N(a, uint32_t, g->neq + 1), 0};
  f.mask[x] = CX_DEPENDS | 1;
  for (bool changed = true; changed;) { /* recurrences and equations out of order need more than one round */
    changed = false;
    for (int id = 0; id < g->neq; id++) {
      const cx_eq *e = g->eq[id];
      f.seen = 0;
      if (e->kind == EQ_CALC && e->body && e->body->has_load) cx_visit((cx_graph *)g, e->body, see_node_load, &f);
      bool binds = cx_is_integral(e) && e->prim_arg[CX_INTEGRAL_X] == x; /* then only its ends can depend on x */
      for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) {
        if (cx_is_integral(e) && k == CX_INTEGRAL_X) continue;
        if (binds && k != CX_INTEGRAL_LO && k != CX_INTEGRAL_HI) continue;
        uint32_t m = f.mask[e->prim_arg[k]];
        f.seen |= (m & CX_DEPENDS) | (m & ((1u << e->rank) - 1));
      }
      f.seen &= CX_DEPENDS | ((1u << e->rank) - 1);
      if (f.seen & ~f.mask[id]) f.mask[id] |= f.seen, changed = true;
    }
  }
  return f.mask;
}

typedef struct {
  const uint32_t *mask;
  int known;
  bool hit;
} reach;
static void see_node(void *user, const cx_node *n) {
  reach *r = user;
  r->hit |= n->op == OP_load && (int)n->u.eq < r->known && (r->mask[n->u.eq] & CX_DEPENDS);
}
bool cx_node_depends(cx_graph *g, const cx_node *e, const uint32_t *mask, int known) {
  reach r = {mask, known, false};
  if (e->has_load) cx_visit(g, e, see_node, &r);
  return r.hit;
}

/* ---- copies ---- */
typedef struct made {
  uint32_t eq; /* in `to` */
  bool based;
  const cx_node *bound[CX_MAX_RANK];
  struct made *next;
} made;

struct cx_compose {
  cx_graph *from, *to;
  cx_arena *a;
  uint32_t x;
  const cx_node *value;
  cx_dim base[CX_MAX_RANK];
  int nbase;
  uint32_t *mask;    /* dims for x */
  bool *bound_below; /* depends on the variable of an integral inside */
  bool *cyclic;
  int from_neq; /* when it began: `to` may be the same graph */
  made **done;
  uint32_t (*env)(void *user, uint32_t from);
  void *user;
  cx_compose_load load;
  void *load_user;
};

enum { NODE_SLOT = 31 }; /* stands for x in subscripts on the way */

cx_compose *cx_compose_new(cx_graph *from, cx_graph *to, uint32_t x, const cx_node *value, const cx_dim *base,
                           int nbase) {
  cx_arena *a = to->arena;
  cx_compose *c = CX_NEW(a, cx_compose);
  *c = (cx_compose){.from = from, .to = to, .a = a, .x = x, .value = value, .nbase = nbase};
  for (int k = 0; k < nbase; k++) c->base[k] = base[k];
  c->mask = cx_node_dims(from, a, x);
  c->bound_below = CX_NEW_N(a, bool, from->neq + 1);
  c->from_neq = from->neq;
  c->cyclic = cx_order(from, a).cyclic;
  c->done = CX_NEW_N(a, made *, from->neq + 1);
  return c;
}
typedef struct {
  cx_compose *c;
  bool *seen, changed;
} inner;
static void find_inner(inner *s, uint32_t id);
static void find_inner_load(void *user, const cx_node *n) {
  if (n->op == OP_load) find_inner(user, n->u.eq);
}
static void find_inner(inner *s, uint32_t id) {
  cx_compose *c = s->c;
  const cx_eq *e = c->from->eq[id];
  if (s->seen[id]) return;
  s->seen[id] = true;
  bool copied = (c->mask[id] & CX_DEPENDS) || c->bound_below[id]; /* then its variable is one of its own */
  if (cx_is_integral(e) && copied && e->prim_arg[CX_INTEGRAL_X] != c->x &&
      !c->bound_below[e->prim_arg[CX_INTEGRAL_X]]) {
    uint32_t *m = cx_node_dims(c->from, c->a, e->prim_arg[CX_INTEGRAL_X]);
    for (int k = 0; k < c->from_neq; k++) c->bound_below[k] |= (m[k] & CX_DEPENDS) != 0;
    s->changed = true;
  }
  if (e->kind == EQ_CALC && e->body) cx_visit(c->from, e->body, find_inner_load, s);
  for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) find_inner(s, e->prim_arg[k]);
}

void cx_compose_env(cx_compose *c, uint32_t (*env)(void *user, uint32_t from), void *user) {
  c->env = env;
  c->user = user;
}

void cx_compose_outside(cx_compose *c, cx_compose_load fn, void *user) {
  c->load = fn;
  c->load_user = user;
}

typedef struct {
  cx_compose *c;
  const cx_eq *into;                    /* the copy, for ranges of its indices */
  const cx_node *slot[2 * CX_MAX_RANK]; /* what the original's index slots are in it */
  const cx_node **memo;                 /* by node id */
} copier;

static uint32_t copy_eq(cx_compose *c, uint32_t e, bool based, const cx_node *const *bound);

static uint32_t outside(cx_compose *c, uint32_t e) { return c->env ? c->env(c->user, e) : e; }

static const cx_node *copy_load(copier *p, const cx_node *n, const cx_node *const *arg) {
  cx_compose *c = p->c;
  uint32_t e = n->u.eq;
  const cx_node *sub[2 * CX_MAX_RANK], *zero = cx_const(c->to, 0);
  if (e == c->x) return c->value;
  if (c->from == c->to && c->from->eq[e]->node) { /* of another integral */
    const cx_node *other = c->load ? c->load(c->load_user, e, arg, n->nargs) : NULL;
    return other ? other : cx_load(c->to, e, arg, n->nargs);
  }
  uint32_t node = c->mask[e];
  if (!(node & CX_DEPENDS) && !(c->load && c->bound_below[e])) {
    for (int k = 0; k < n->nargs; k++) sub[k] = arg[k]->op == OP_index && arg[k]->u.i == NODE_SLOT ? zero : arg[k];
    const cx_node *other = c->load && !c->bound_below[e] ? c->load(c->load_user, e, sub, n->nargs) : NULL;
    if (other) return other;
    if (!c->bound_below[e]) return cx_load(c->to, outside(c, e), sub, n->nargs);
    const cx_node *fixed[CX_MAX_RANK] = {0}; /* of an inner integral alone */
    int m = 0;
    for (int k = 0; k < n->nargs; k++) {
      if (sub[k]->op == OP_const && !c->cyclic[e]) fixed[k] = sub[k];
      else sub[m++] = sub[k];
    }
    return cx_load(c->to, copy_eq(c, e, false, fixed), sub, m);
  }
  uint32_t own = (uint32_t)((1u << c->nbase) - 1);
  const cx_node *bound[CX_MAX_RANK] = {0};
  int m = c->nbase;
  for (int k = 0; k < c->nbase; k++) sub[k] = cx_index(c->to, k);
  for (int k = 0; k < n->nargs; k++) {
    if (node >> k & 1) continue;
    const cx_node *u = arg[k]->op == OP_index && arg[k]->u.i == NODE_SLOT ? zero : arg[k];
    bool fixed = !(u->free_lo & ~own) && !c->cyclic[e] && cx_in_range(c->to, u, c->from->eq[e]->dim[k].n, p->into);
    if (fixed) bound[k] = u;
    else sub[m++] = u;
  }
  return cx_load(c->to, copy_eq(c, e, true, bound), sub, m);
}

static const cx_node *copy_node(copier *p, const cx_node *n) {
  if (p->memo[n->id]) return p->memo[n->id];
  const cx_node *arg[CX_MAX_RANK], *r;
  for (int k = 0; k < n->nargs; k++) arg[k] = copy_node(p, n->arg[k]);
  switch (n->op) {
    case OP_const: r = cx_const(p->c->to, n->u.num); break;
    case OP_index: r = p->slot[n->u.i]; break;
    case OP_load: r = copy_load(p, n, arg); break;
    default: r = cx_opn(p->c->to, (cx_op)n->op, arg, n->nargs);
  }
  return p->memo[n->id] = r;
}

/* an argument of a primitive as an equation of exactly the dimensions base, kept..; node: dimensions that stand for x;
 * tail: the last one stands for the variable of another integral */
static uint32_t copy_argument(cx_compose *c, const cx_eq *into, uint32_t e, uint32_t node, bool tail,
                              const cx_node *const *bound) {
  if (c->mask[e] & CX_DEPENDS) return copy_eq(c, e, true, bound);
  const cx_eq *q = c->from->eq[e];
  const cx_node *sub[CX_MAX_RANK], *fixed[CX_MAX_RANK] = {0};
  if (c->load && c->bound_below[e]) {
    for (int k = 0; k < q->rank; k++) fixed[k] = bound[k] ? bound[k] : node >> k & 1 ? cx_const(c->to, 0) : NULL;
    return copy_eq(c, e, true, fixed);
  }
  cx_eq *t = cx_eq_new(c->to, NULL, EQ_CALC);
  t->span = into->span;
  for (int k = 0; k < c->nbase; k++) t->dim[t->rank++] = c->base[k];
  for (int k = 0; k < q->rank; k++) {
    if (bound[k] || (node >> k & 1)) {
      sub[k] = bound[k] ? bound[k] : cx_const(c->to, 0);
      continue;
    }
    bool any = tail && k == q->rank - 1 && !c->bound_below[e]; /* does not depend on that one */
    sub[k] = any ? cx_const(c->to, 0) : cx_index(c->to, t->rank);
    t->dim[t->rank++] = q->dim[k];
  }
  if (q->kind == EQ_CALC && q->red == RED_none && q->body->op == OP_const) t->body = cx_const(c->to, q->body->u.num);
  else if (c->bound_below[e]) {
    int m = 0;
    for (int k = 0; k < q->rank; k++) {
      if (sub[k]->op == OP_const && !c->cyclic[e]) fixed[k] = sub[k];
      else sub[m++] = sub[k];
    }
    t->body = cx_load(c->to, copy_eq(c, e, false, fixed), sub, m);
  } else {
    t->body = c->load ? c->load(c->load_user, e, sub, q->rank) : NULL;
    if (!t->body) t->body = cx_load(c->to, outside(c, e), sub, q->rank);
  }
  return t->id;
}

static void copy_primitive(cx_compose *c, const cx_eq *e, cx_eq *t, bool based, const cx_node *const *bound) {
  if (!cx_is_integral(e)) {
    cx_error(c->to->ctx, e->span, "`%s` cannot be integrated over: it is no formula", e->prim->name);
    cx_throw(c->to->ctx, CX_E_PROGRAM);
  }
  t->prim = e->prim;
  t->nprim_arg = e->nprim_arg;
  for (int k = 0; k < e->nprim_arg; k++) {
    uint32_t a = e->prim_arg[k];
    const cx_eq *q = c->from->eq[a];
    const cx_node *none[CX_MAX_RANK] = {0}, *at[CX_MAX_RANK] = {0};
    bool number = q->kind == EQ_CALC && q->rank == 0 && q->body && q->body->op == OP_const;
    if (k == CX_INTEGRAL_X || number || !based) { /* as it stands */
      bool shared = c->from == c->to && (k == CX_INTEGRAL_X || number);
      bool own = c->bound_below[a] || (c->from != c->to && (number || (q->kind == EQ_INPUT && q->node)));
      t->prim_arg[k] = shared ? a : own ? copy_eq(c, a, false, none) : outside(c, a);
      continue;
    }
    for (int d = 0; d < q->rank && d < e->rank; d++) at[d] = bound[d]; /* f has its node behind them */
    bool integrand = k == CX_INTEGRAL_F || (k == CX_CROSSING_G && e->prim == &cx_prim_crossing);
    if (integrand) at[q->rank - 1] = NULL;
    t->prim_arg[k] = copy_argument(c, e, a, c->mask[e->id] & ((1u << e->rank) - 1), integrand, at);
  }
}

static uint32_t copy_eq(cx_compose *c, uint32_t id, bool based, const cx_node *const *bound) {
  for (made *m = c->done[id]; m; m = m->next)
    if (m->based == based && !memcmp(m->bound, bound, sizeof m->bound)) return m->eq;
  const cx_eq *e = c->from->eq[id];
  cx_graph *g = c->to;
  cx_eq *t = cx_eq_new(g, e->name, (cx_eq_kind)e->kind);
  made *m = CX_NEW(c->a, made);
  m->eq = t->id;
  m->based = based;
  memcpy(m->bound, bound, sizeof m->bound);
  m->next = c->done[id];
  c->done[id] = m; /* before its body: it may load itself */
  uint32_t tid = t->id;
  t->span = e->span;
  t->red = e->red, t->nred = e->nred;
  memcpy(t->rdim, e->rdim, sizeof t->rdim);
  t->integer = e->integer, t->inert = e->inert, t->node = e->node, t->slope = e->slope, t->loose = e->loose;
  t->constant = e->constant;
  if (!based || e->kind != EQ_CALC) t->lo = e->lo, t->hi = e->hi; /* else: bounds were of x inside its range */
  copier p = {.c = c, .into = t};
  int rank = 0, first = based ? c->nbase : 0;
  for (int k = 0; k < first; k++) t->dim[rank++] = c->base[k];
  uint32_t node = based ? c->mask[id] : 0;
  for (int k = 0; k < e->rank; k++) {
    if (node >> k & 1) p.slot[k] = cx_index(g, NODE_SLOT);
    else if (bound[k]) p.slot[k] = bound[k];
    else if (rank == CX_MAX_RANK) {
      cx_error(g->ctx, e->span, "this needs an array of more than %d dimensions inside an integral", CX_MAX_RANK);
      cx_throw(g->ctx, CX_E_PROGRAM);
    } else {
      p.slot[k] = cx_index(g, rank);
      t->dim[rank++] = e->dim[k];
    }
  }
  t->rank = (uint8_t)rank;
  for (int k = 0; k < e->nred; k++) p.slot[e->rank + k] = cx_index(g, rank + k);
  if (e->kind == EQ_PRIM) copy_primitive(c, e, t, based, bound);
  else if (e->kind == EQ_CALC) {
    p.memo = CX_NEW_N(c->a, const cx_node *, (size_t)e->body->id + 1);
    t->body = copy_node(&p, e->body);
  }
  return tid;
}

uint32_t cx_compose_eq(cx_compose *c, uint32_t e, const cx_node *const *bound) {
  inner s = {c, CX_NEW_N(c->a, bool, c->from->neq + 1), true};
  while (s.changed) {
    s.changed = false;
    memset(s.seen, 0, (size_t)c->from->neq + 1);
    find_inner(&s, e);
  }
  if (c->mask[e] & CX_DEPENDS) return copy_eq(c, e, true, bound);
  return copy_argument(c, c->from->eq[e], e, 1u << (c->from->eq[e]->rank - 1), false, bound);
}
