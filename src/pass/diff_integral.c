/* diff_integral.c - derivatives of integrals.
 *
 * For I = integral of f(x, a) from lo to hi, a whatever f reads from outside,
 *   dI = (integral of df/da) da + f(hi) dhi - f(lo) dlo + (sum over jumps of f)           (Leibniz)
 * where a condition u < 0 in f that holds on one side of a root x_r of u gives
 *   - (f with the condition true - f with it false) (du/da) / |du/dx|  at every x_r in (lo, hi),
 * because the derivative of [u < 0] is -delta(u) du.
 *
 * So before diff starts, I is replaced by an equation S of the same value and the same derivative,
 *   S = I0 + sum of J0 (a - a0) + f(hi)0 (hi - hi0) - f(lo)0 (lo - lo0),    J = integral of df/da + jumps,
 * where 0 marks a copy that diff does not pass through (inert). Both directions of diff know how to differentiate
 * that. In what comes out the copies are put back to what they are copies of, so that it can be differentiated again:
 * the coefficients J are integrals like any other, over the same nodes as I. */
#include <math.h>
#include <string.h>

#include "pass/diff.h"
#include "pass/eqs.h"
#include "pass/integral.h"

typedef struct { /* something the integrand reads from outside: an array at a place that depends on the instance */
  uint32_t of, leaf;
  const cx_node *bound[CX_MAX_RANK];
  int nbound;
} local;

typedef struct {
  cx_graph *g;
  const uint8_t *mark; /* what depends on the leaves */
  int marked;
  cx_eq *I;
  int r0, nc; /* dimensions: instances, components */
  CX_VEC(local) local;
  cx_opened *o;
} opener;

static cx_eq *like(cx_graph *g, const cx_eq *e, int rank) {
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = e->span;
  t->rank = (uint8_t)rank;
  memcpy(t->dim, e->dim, (size_t)rank * sizeof *t->dim);
  return t;
}
static const cx_node *read_at(cx_graph *g, uint32_t eq) { return cx_load_here(g, g->eq[eq]); }

/* a copy that diff takes for a constant */
static uint32_t frozen(opener *p, uint32_t eq) {
  cx_eq *t = like(p->g, p->g->eq[eq], p->g->eq[eq]->rank);
  t->inert = true;
  t->body = read_at(p->g, eq);
  *CX_PUSH(p->g->arena, p->o->from) = t->id;
  *CX_PUSH(p->g->arena, p->o->to) = eq;
  return t->id;
}

/* ---- the integrand over (instances, node), reading local copies of what is active ---- */
static const cx_node *localise(void *user, uint32_t eq, const cx_node *const *sub, int n) {
  opener *p = user;
  cx_graph *g = p->g;
  if ((int)eq >= p->marked || !(p->mark[eq] & 1)) return NULL;
  uint32_t own = (1u << p->r0) - 1;
  local want = {.of = eq};
  const cx_node *at[CX_MAX_RANK];
  const cx_eq *e = g->eq[eq];
  int rest = 0;
  for (int k = 0; k < p->r0; k++) at[k] = cx_index(g, k);
  for (int k = 0; k < n; k++) {
    if (!(sub[k]->free_lo & ~own) && !sub[k]->has_load) want.bound[k] = sub[k], want.nbound++;
    else {
      if (p->r0 + rest == CX_MAX_RANK) {
        cx_error(g->ctx, p->I->span, "the derivative of this integral has more than %d dimensions", CX_MAX_RANK);
        cx_throw(g->ctx, CX_E_PROGRAM);
      }
      at[p->r0 + rest++] = sub[k];
    }
  }
  for (int k = 0; k < p->local.n; k++)
    if (p->local.at[k].of == eq && !memcmp(p->local.at[k].bound, want.bound, sizeof want.bound))
      return cx_load(g, p->local.at[k].leaf, at, p->r0 + rest);
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = e->span;
  t->rank = (uint8_t)(p->r0 + rest);
  for (int k = 0; k < p->r0; k++) t->dim[k] = p->I->dim[k];
  const cx_node *full[CX_MAX_RANK];
  int m = p->r0;
  for (int k = 0; k < n; k++) {
    full[k] = want.bound[k] ? want.bound[k] : cx_index(g, m);
    if (!want.bound[k]) t->dim[m++] = e->dim[k];
  }
  t->body = cx_load(g, eq, full, n);
  t->lo = e->lo, t->hi = e->hi;
  want.leaf = t->id;
  *CX_PUSH(g->arena, p->local) = want;
  return cx_load(g, t->id, at, p->r0 + rest);
}

/* f at one end: over (instances, components) */
static uint32_t at_end(opener *p, uint32_t end) {
  cx_graph *g = p->g;
  const cx_node *ix[CX_MAX_RANK] = {0};
  for (int k = 0; k < p->r0; k++) ix[k] = cx_index(g, k);
  cx_compose *c = cx_compose_new(g, g, p->I->prim_arg[CX_INTEGRAL_X], cx_load(g, end, ix, p->r0), p->I->dim, p->r0);
  return cx_compose_eq(c, p->I->prim_arg[CX_INTEGRAL_F], ix);
}

/* value[i.., k, c.., q..] as an integrand[i.., c.., q.., k] */
static uint32_t as_integrand(opener *p, uint32_t value) {
  cx_graph *g = p->g;
  const cx_eq *v = g->eq[value];
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = p->I->span;
  t->rank = v->rank;
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < v->rank; k++) {
    int to = k < p->r0 ? k : k == p->r0 ? v->rank - 1 : k - 1;
    t->dim[to] = v->dim[k];
    sub[k] = cx_index(g, to);
  }
  t->body = cx_load(g, value, sub, v->rank);
  return t->id;
}

static uint32_t bind(opener *p, const cx_prim *prim, uint32_t f, uint32_t g_or_tol, uint32_t period) {
  cx_graph *g = p->g;
  cx_eq *t = cx_eq_new(g, NULL, EQ_PRIM);
  t->prim = prim;
  t->span = p->I->span;
  t->prim_arg[CX_INTEGRAL_F] = f;
  for (int k = CX_INTEGRAL_X; k <= CX_INTEGRAL_HI; k++) t->prim_arg[k] = p->I->prim_arg[k];
  t->prim_arg[CX_INTEGRAL_TOL] = g_or_tol;
  t->prim_arg[CX_CROSSING_PERIOD] = period;
  t->nprim_arg = prim->nargs;
  t->rank = (uint8_t)(g->eq[f]->rank - 1);
  t->slope = true;
  memcpy(t->dim, g->eq[f]->dim, (size_t)t->rank * sizeof *t->dim);
  return t->id;
}

static bool zero(const cx_graph *g, uint32_t eq) {
  const cx_eq *e = g->eq[eq];
  return e->kind == EQ_CALC && e->body->op == OP_const && e->body->u.num == 0;
}

/* ---- jumps ---- */
typedef struct {
  opener *p;
  int first, last; /* equations of the integrand: ids first..last-1 */
  uint32_t x;
  uint32_t *mask; /* what depends on x */
  CX_VEC(const cx_node *) step;
  cx_span where;
  bool *inner;
  bool deep; /* one that depends on more than (instance, node) */
  uint32_t own;
  /* of the rewriting at hand */
  const cx_node *from, *to, *here;
  uint32_t *map;
  int nstep_before;
} jumps;

typedef struct {
  const jumps *j;
  bool yes, inner;
} reach;
static void see_x(void *user, const cx_node *n) {
  reach *r = user;
  if (n->op == OP_load && (int)n->u.eq < r->j->last && r->j->inner[n->u.eq]) r->inner = true;
  if (n->op == OP_load && (n->u.eq == r->j->x || ((int)n->u.eq < r->j->last && (r->j->mask[n->u.eq] & CX_DEPENDS))))
    r->yes = true;
}
static bool depends(const jumps *j, const cx_node *n) {
  reach r = {j, false, false};
  cx_visit(j->p->g, n, see_x, &r);
  return r.yes && !r.inner;
}

static void see_step(void *user, const cx_node *n) {
  jumps *j = user;
  switch (n->op) {
    case OP_lt:
    case OP_le:
    case OP_floor:
    case OP_ceil:
    case OP_trunc:
    case OP_round:
    case OP_mod:
    case OP_sign: break;
    default: return;
  }
  if (!depends(j, n)) return;
  if (n->free_lo & ~j->own) {
    j->deep = true;
    return;
  }
  for (int k = 0; k < j->step.n; k++)
    if (j->step.at[k] == n) return;
  *CX_PUSH(j->p->g->arena, j->step) = n;
}

static const cx_node *rewrite_step(void *user, cx_graph *g, const cx_node *n) {
  jumps *j = user;
  if (n == j->from) return j->to;
  if (n->op == OP_load && (int)n->u.eq >= j->first && (int)n->u.eq < j->last)
    return cx_load(g, j->map[n->u.eq], n->arg, n->nargs);
  return n;
}

/* the integrand f once more, with `from` replaced by `to` in all its equations */
static uint32_t with_step(jumps *j, uint32_t f, const cx_node *from, const cx_node *to) {
  cx_graph *g = j->p->g;
  j->from = from;
  j->to = to;
  j->map = CX_NEW_N(g->arena, uint32_t, j->last);
  for (int id = j->first; id < j->last; id++) {
    const cx_eq *e = g->eq[id];
    bool copy = (j->mask[id] & CX_DEPENDS) != 0;
    if (!copy) {
      j->map[id] = (uint32_t)id;
      continue;
    }
    cx_eq *t = cx_eq_new(g, e->name, (cx_eq_kind)e->kind), c = *e;
    c.id = t->id;
    *t = c;
    j->map[id] = t->id;
  }
  for (int id = j->first; id < j->last; id++) {
    if (j->map[id] == (uint32_t)id) continue;
    cx_eq *t = g->eq[j->map[id]];
    if (t->kind == EQ_CALC) t->body = cx_rewrite(g, t->body, rewrite_step, j);
    for (int k = 0; k < t->nprim_arg; k++)
      if ((int)t->prim_arg[k] >= j->first && (int)t->prim_arg[k] < j->last) t->prim_arg[k] = j->map[t->prim_arg[k]];
  }
  return j->map[f];
}

/* x a little further to the right (dir 1) or left, in the steps other than the one at hand: where two jump at one place,
 * they do so one after the other, which is the limit of places that differ */
typedef struct {
  jumps *j;
  int at; /* the step at hand */
  const cx_node *x;
} others;
static const cx_node *shift_others(void *user, cx_graph *g, const cx_node *n) {
  others *o = user;
  for (int k = 0; k < o->j->step.n; k++) {
    if (k == o->at || o->j->step.at[k] != n) continue;
    const cx_node *d =
        cx_op2(g, OP_add, cx_op2(g, OP_mul, cx_const(g, 1e-13), cx_op1(g, OP_abs, o->x)), cx_const(g, 1e-17));
    return cx_exchange(g, n, o->x, cx_op2(g, k < o->at ? OP_add : OP_sub, o->x, d));
  }
  return n;
}

static uint32_t plain(opener *p, const cx_node *body) { /* over (instances, node) */
  cx_graph *g = p->g;
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = p->I->span;
  t->rank = (uint8_t)(p->r0 + 1);
  memcpy(t->dim, p->I->dim, (size_t)p->r0 * sizeof *t->dim);
  t->dim[p->r0] = (cx_dim){CX_NODES, NULL};
  t->body = body;
  return t->id;
}

/* u, its period, and the step's values on the sides of a root: `high` where u is larger */
static const cx_node *step_of(cx_graph *g, const cx_node *n, const cx_node **low, const cx_node **high,
                              double *period) {
  const cx_node *u = n->arg[0], *half = cx_const(g, 0.5), *one = cx_const(g, 1);
  *period = 1;
  switch (n->op) {
    case OP_lt:
    case OP_le:
      *period = 0;
      *low = one, *high = cx_const(g, 0);
      return cx_op2(g, OP_sub, n->arg[0], n->arg[1]);
    case OP_sign:
      *period = 0;
      *low = cx_const(g, -1), *high = one;
      return u;
    case OP_round:
      u = cx_op2(g, OP_add, u, half);
      *high = cx_op1(g, OP_round, u);
      *low = cx_op2(g, OP_sub, *high, one);
      return u;
    case OP_mod: /* from y down to 0 where x / y passes a whole number upwards */
      *low = n->arg[1], *high = cx_const(g, 0);
      return cx_op2(g, OP_div, n->arg[0], n->arg[1]);
    case OP_ceil:
      *low = cx_op1(g, OP_round, u);
      *high = cx_op2(g, OP_add, *low, one);
      return u;
    case OP_trunc: {
      const cx_node *r = cx_op1(g, OP_round, u), *zero = cx_const(g, 0); /* no step at 0 */
      *high = cx_op3(g, OP_select, cx_op2(g, OP_lt, r, half),
                     cx_op3(g, OP_select, cx_op2(g, OP_lt, r, zero), cx_op2(g, OP_add, r, one), zero), r);
      *low = cx_op3(g, OP_select, cx_op2(g, OP_lt, r, half), r, cx_op2(g, OP_sub, r, one));
      return u;
    }
    default:
      *high = cx_op1(g, OP_round, u);
      *low = cx_op2(g, OP_sub, *high, one);
      return u;
  }
}

/* the part of the derivative by `leaf` that a step gives; UINT32_MAX when it does not depend on the leaf */
static uint32_t jump(jumps *j, uint32_t f, int at, uint32_t leaf) {
  opener *p = j->p;
  cx_graph *g = p->g;
  const cx_node *n = j->step.at[at], *low, *high, *k = cx_index(g, p->r0);
  double period;
  uint32_t u = plain(p, step_of(g, n, &low, &high, &period));
  uint32_t by_leaf = cx_diff_forward(g, u, leaf, p->r0);
  if (zero(g, by_leaf)) return UINT32_MAX;
  uint32_t by_x = cx_diff_forward(g, u, j->x, 1);
  uint32_t of = f;
  if (j->step.n > 1) { /* the others stand aside */
    others o = {j, at, cx_load(g, j->x, &k, 1)};
    of = with_step(j, f, NULL, NULL);
    for (int id = j->first; id < j->last; id++) {
      cx_eq *t = g->eq[j->map[id]];
      if (j->map[id] != (uint32_t)id && t->kind == EQ_CALC) t->body = cx_rewrite(g, t->body, shift_others, &o);
    }
    jumps inner = *j; /* the same among the copies */
    inner.first = j->last;
    inner.last = g->neq;
    uint32_t *mask = cx_node_dims(g, g->arena, j->x);
    inner.mask = mask;
    uint32_t f_low = with_step(&inner, of, n, low), f_high = with_step(&inner, of, n, high);
    low = cx_load_here(g, g->eq[f_low]);
    high = cx_load_here(g, g->eq[f_high]);
  } else {
    uint32_t f_low = with_step(j, f, n, low), f_high = with_step(j, f, n, high);
    low = cx_load_here(g, g->eq[f_low]);
    high = cx_load_here(g, g->eq[f_high]);
  }
  const cx_eq *fe = g->eq[f], *le = g->eq[by_leaf];
  cx_eq *h = like(g, fe, fe->rank); /* [i.., k, c.., q..] */
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d <= p->r0; d++) sub[d] = cx_index(g, d);
  for (int d = p->r0 + 1; d < le->rank; d++) {
    if (h->rank == CX_MAX_RANK) {
      cx_error(g->ctx, p->I->span, "the derivative of this integral has more than %d dimensions", CX_MAX_RANK);
      cx_throw(g->ctx, CX_E_PROGRAM);
    }
    sub[d] = cx_index(g, h->rank);
    h->dim[h->rank++] = le->dim[d];
  }
  const cx_node *speed = cx_op1(g, OP_abs, cx_load_here(g, g->eq[by_x]));
  h->body =
      cx_op2(g, OP_div, cx_op2(g, OP_mul, cx_op2(g, OP_sub, high, low), cx_load(g, by_leaf, sub, le->rank)), speed);
  cx_eq *per = cx_eq_new(g, NULL, EQ_CALC);
  per->body = cx_const(g, period);
  return bind(p, &cx_prim_crossing, as_integrand(p, h->id), u, per->id);
}

/* ---- one integral ---- */
static uint32_t surrogate(opener *p) {
  cx_graph *g = p->g;
  cx_eq *I = p->I;
  p->r0 = g->eq[I->prim_arg[CX_INTEGRAL_LO]]->rank;
  p->nc = I->rank - p->r0;
  cx_dim base[CX_MAX_RANK];
  memcpy(base, I->dim, sizeof base);
  base[p->r0] = (cx_dim){CX_NODES, NULL};
  const cx_node *k = cx_index(g, p->r0), *bound[CX_MAX_RANK] = {0};
  for (int d = 0; d < p->r0; d++) bound[d] = cx_index(g, d);
  uint32_t x = I->prim_arg[CX_INTEGRAL_X];
  int first = g->neq;
  cx_compose *c = cx_compose_new(g, g, x, cx_load(g, x, &k, 1), base, p->r0 + 1);
  cx_compose_outside(c, localise, p);
  uint32_t f = cx_compose_eq(c, I->prim_arg[CX_INTEGRAL_F], bound);
  int last = g->neq;
  bool crossing = I->prim == &cx_prim_crossing, series = I->prim == &cx_prim_series;
  uint32_t I0 = frozen(p, I->id);
  const cx_node *sum = cx_load_here(g, g->eq[I0]);

  jumps j = {.p = p, .first = first, .last = last, .x = x, .own = (2u << p->r0) - 1, .where = I->span};
  j.mask = cx_node_dims(g, g->arena, x);
  j.inner =
      CX_NEW_N(g->arena, bool, last); /* what depends on the variable of an integral inside does not jump along x */
  for (int id = first; id < last; id++)
    if (cx_is_integral(g->eq[id]) && g->eq[id]->prim_arg[CX_INTEGRAL_X] != x) {
      uint32_t *m = cx_node_dims(g, g->arena, g->eq[id]->prim_arg[CX_INTEGRAL_X]);
      for (int k = 0; k < last; k++) j.inner[k] |= (m[k] & CX_DEPENDS) != 0;
    }
  for (int id = first; id < last; id++)
    if ((j.mask[id] & CX_DEPENDS) && g->eq[id]->kind == EQ_CALC) cx_visit(g, g->eq[id]->body, see_step, &j);
  uint32_t u = UINT32_MAX, slope = 0;
  if (crossing) {
    u = cx_compose_eq(c, I->prim_arg[CX_CROSSING_G], bound);
    slope = cx_diff_forward(g, u, x, 1);
  }
  for (int q = 0; q < p->local.n; q++) {
    local l = p->local.at[q];
    const cx_eq *leaf = g->eq[l.leaf];
    int rest = leaf->rank - p->r0;
    uint32_t J = UINT32_MAX;
    uint32_t part[64];
    int parts = 0;
    uint32_t d = cx_diff_forward(g, f, l.leaf, p->r0);
    if (crossing) { /* at a root that moves by -(du/da) / (du/dx) */
      uint32_t du = cx_diff_forward(g, u, l.leaf, p->r0), df = cx_diff_forward(g, f, x, 1);
      cx_eq *t = like(g, g->eq[d], g->eq[d]->rank);
      const cx_node *at[CX_MAX_RANK];
      for (int m = 0; m <= p->r0; m++) at[m] = cx_index(g, m);
      for (int m = 0; m < rest; m++) at[p->r0 + 1 + m] = cx_index(g, p->r0 + 1 + p->nc + m);
      const cx_node *move = cx_op2(g, OP_div, cx_load(g, du, at, g->eq[du]->rank), cx_load_here(g, g->eq[slope]));
      const cx_node *ix[CX_MAX_RANK];
      for (int m = 0; m < p->r0 + 1 + p->nc; m++) ix[m] = cx_index(g, m);
      t->body =
          cx_op2(g, OP_sub, cx_load_here(g, g->eq[d]), cx_op2(g, OP_mul, cx_load(g, df, ix, g->eq[df]->rank), move));
      if (!zero(g, d) || !zero(g, du))
        part[parts++] = bind(p, &cx_prim_crossing, as_integrand(p, t->id), I->prim_arg[CX_CROSSING_G],
                             I->prim_arg[CX_CROSSING_PERIOD]);
    } else {
      if (!zero(g, d)) part[parts++] = bind(p, I->prim, as_integrand(p, d), I->prim_arg[CX_INTEGRAL_TOL], 0);
      for (int m = 0; m < j.step.n && !series && parts < 64; m++) {
        uint32_t t = jump(&j, f, m, l.leaf);
        if (t != UINT32_MAX) part[parts++] = t;
      }
    }
    if (!parts) continue;
    if (parts == 1) J = part[0];
    else {
      cx_eq *t = like(g, g->eq[part[0]], g->eq[part[0]]->rank);
      t->body = read_at(g, part[0]);
      for (int m = 1; m < parts; m++) t->body = cx_op2(g, OP_add, t->body, read_at(g, part[m]));
      J = t->id;
    }
    /* J0[i, c, q] (a[u(i), q] - a0[u(i), q]) */
    uint32_t a0 = frozen(p, l.of), J0 = frozen(p, J);
    int n = g->eq[l.of]->rank, m = I->rank;
    const cx_node *at[CX_MAX_RANK];
    for (int t = 0; t < n; t++) at[t] = l.bound[t] ? l.bound[t] : cx_index(g, m++);
    const cx_node *diff = cx_op2(g, OP_sub, cx_load(g, l.of, at, n), cx_load(g, a0, at, n));
    const cx_node *term = cx_op2(g, OP_mul, cx_load_here(g, g->eq[J0]), diff);
    if (rest) {
      cx_eq *t = like(g, I, I->rank);
      t->red = RED_sum;
      t->nred = (uint8_t)rest;
      for (int r = 0; r < rest; r++) t->rdim[r] = leaf->dim[p->r0 + r];
      t->body = term;
      term = cx_load_here(g, t);
    }
    sum = cx_op2(g, OP_add, sum, term);
  }
  if (j.deep && !crossing && !series) {
    int id =
        cx_error(g->ctx, I->span, "the derivative of this integral has jumps inside a sum, which calx cannot place");
    cx_diag_help(g->ctx, id, "take the sum out of the integral, or write the terms out");
    cx_throw(g->ctx, CX_E_PROGRAM);
  }
  for (int side = 0; side < 2 && !crossing && !series; side++) {
    uint32_t end = I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
    if ((int)end >= p->marked || !(p->mark[end] & 1)) continue;
    uint32_t e0 = frozen(p, end), fe = frozen(p, at_end(p, end));
    const cx_node *ix[CX_MAX_RANK];
    for (int d = 0; d < p->r0; d++) ix[d] = cx_index(g, d);
    const cx_node *move = cx_op2(g, OP_sub, cx_load(g, end, ix, p->r0), cx_load(g, e0, ix, p->r0));
    sum = cx_op2(g, side ? OP_add : OP_sub, sum, cx_op2(g, OP_mul, cx_load_here(g, g->eq[fe]), move));
  }
  cx_eq *s = like(g, I, I->rank);
  s->body = sum;
  *CX_PUSH(g->arena, p->o->from) = s->id;
  *CX_PUSH(g->arena, p->o->to) = I->id;
  return s->id;
}

/* ---- all of them ---- */
typedef struct {
  cx_graph *g;
  const uint8_t *mark;
  uint8_t *seen;
  int neq;
  uint32_t found; /* an active integral below which there is none */
} searcher;
static void look(searcher *s, uint32_t id);
static void look_load(void *user, const cx_node *n) {
  if (n->op == OP_load) look(user, n->u.eq);
}
/* what an integral reads from outside: everything below its integrand that does not depend on its variable */
typedef struct {
  searcher *s;
  const uint32_t *mask;
  uint8_t *seen;
} below;
static void look_inside(below *b, uint32_t id);
static void look_inside_load(void *user, const cx_node *n) {
  if (n->op == OP_load) look_inside(user, n->u.eq);
}
static void look_inside(below *b, uint32_t id) {
  if (!(b->mask[id] & CX_DEPENDS)) {
    look(b->s, id);
    return;
  }
  if (b->seen[id]++) return;
  const cx_eq *e = b->s->g->eq[id];
  if (e->kind == EQ_CALC && e->body) cx_visit(b->s->g, e->body, look_inside_load, b);
  for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) look_inside(b, e->prim_arg[k]);
}
static void look(searcher *s, uint32_t id) {
  if (s->found != UINT32_MAX || !(s->mark[id] & 1) || (s->mark[id] & 2) || s->seen[id]) return;
  s->seen[id] = 1;
  cx_eq *e = s->g->eq[id];
  if (e->inert) return;
  if (!cx_is_integral(e)) {
    if (e->kind == EQ_CALC && e->body) cx_visit(s->g, e->body, look_load, s);
    for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) look(s, e->prim_arg[k]);
    return;
  }
  look(s, e->prim_arg[CX_INTEGRAL_LO]);
  look(s, e->prim_arg[CX_INTEGRAL_HI]);
  below b = {s, cx_node_dims(s->g, s->g->arena, e->prim_arg[CX_INTEGRAL_X]),
             cx_alloc_n(s->g->arena, (size_t)s->neq + 1, 1)};
  look_inside(&b, e->prim_arg[CX_INTEGRAL_F]);
  if (e->prim == &cx_prim_crossing) look_inside(&b, e->prim_arg[CX_CROSSING_G]);
  if (s->found == UINT32_MAX) s->found = id;
}

uint32_t cx_diff_open(cx_graph *g, uint32_t of, const uint32_t *leaf, int n, cx_opened *o) {
  *o = (cx_opened){0};
  bool any = false;
  for (int id = 0; id < g->neq && !any; id++) any = cx_is_integral(g->eq[id]);
  if (!any) return of;
  for (;;) {
    searcher s = {g, cx_diff_active(g, of, leaf, n, true), NULL, g->neq, UINT32_MAX};
    s.seen = cx_alloc_n(g->arena, (size_t)g->neq + 1, 1);
    look(&s, of);
    if (s.found == UINT32_MAX) return of;
    opener p = {.g = g, .mark = s.mark, .marked = s.neq, .I = g->eq[s.found], .o = o};
    uint32_t from = s.found, to = surrogate(&p);
    of = cx_replace(g, of, &from, &to, 1);
  }
}

uint32_t cx_diff_close(cx_graph *g, uint32_t e, const cx_opened *o) {
  return o->from.n ? cx_replace(g, e, o->from.at, o->to.at, o->from.n) : e;
}
