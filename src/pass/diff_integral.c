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

#include "pass/leibniz.h"

static cx_eq *like(cx_graph *g, const cx_eq *e, int rank) {
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = e->span;
  t->rank = (uint8_t)rank;
  memcpy(t->dim, e->dim, (size_t)rank * sizeof *t->dim);
  return t;
}
static const cx_node *read_at(cx_graph *g, uint32_t eq) { return cx_load_here(g, g->eq[eq]); }

bool cx_is_zero(const cx_graph *g, uint32_t eq) {
  const cx_eq *e = g->eq[eq];
  return e->kind == EQ_CALC && cx_is_number(e->body, 0);
}

void cx_leibniz_dim(const cx_leibniz *p, cx_eq *e, cx_dim d) {
  if (e->rank == CX_MAX_RANK) {
    cx_error(p->g->ctx, p->I->span, "the derivative of this integral has more than %d dimensions", CX_MAX_RANK);
    cx_throw(p->g->ctx, CX_E_PROGRAM);
  }
  e->dim[e->rank++] = d;
}

/* a copy that diff takes for a constant */
static uint32_t frozen(cx_leibniz *p, uint32_t eq) {
  cx_eq *t = like(p->g, p->g->eq[eq], p->g->eq[eq]->rank);
  t->inert = true;
  t->body = read_at(p->g, eq);
  *CX_PUSH(p->g->arena, p->o->from) = t->id;
  *CX_PUSH(p->g->arena, p->o->to) = eq;
  return t->id;
}

/* ---- the integrand over (instances, node), reading local copies of what is active ---- */
static const cx_node *localise(void *user, uint32_t eq, const cx_node *const *sub, int n);
static const cx_node *open_load(void *user, cx_graph *g, const cx_node *n) {
  const cx_node *r = n->op == OP_load ? localise(user, n->u.eq, n->arg, n->nargs) : NULL;
  (void)g;
  return r ? r : n;
}
static const cx_node *localise(void *user, uint32_t eq, const cx_node *const *sub, int n) {
  cx_leibniz *p = user;
  cx_graph *g = p->g;
  if ((int)eq >= p->marked || !(p->mark[eq] & 1)) return NULL;
  const cx_eq *plain = g->eq[eq];
  bool bottom = plain->kind != EQ_CALC || plain->red != RED_none || plain->inert || !p->stretch || p->cyclic[eq];
  for (int k = 0; k < p->nwrt; k++) bottom |= p->wrt[k] == eq;
  if (!bottom && cx_unnamed(plain)) { /* by what has a name one may still differentiate */
    int64_t slot[CX_MAX_RANK];
    for (int k = 0; k < n; k++) slot[k] = k;
    return cx_rewrite(g, cx_subst(g, plain->body, slot, sub, n), open_load, p);
  }
  uint32_t own = (1u << p->r0) - 1;
  cx_local want = {.of = eq, .leaf = UINT32_MAX};
  const cx_node *at[2 * CX_MAX_RANK];
  int rank = p->r0;
  for (int k = 0; k < p->r0; k++) at[k] = cx_index(g, k);
  for (int k = 0; k < n; k++)
    if (!(sub[k]->free_lo & ~own) && !sub[k]->has_load) want.bound[k] = sub[k], want.nbound++;
    else at[rank++] = sub[k];
  for (int k = 0; k < p->local.n; k++)
    if (p->local.at[k].of == eq && !memcmp(p->local.at[k].bound, want.bound, sizeof want.bound))
      return cx_load(g, p->local.at[k].leaf, at, rank);
  const cx_eq *e = g->eq[eq];
  const cx_node *full[CX_MAX_RANK];
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = e->span;
  for (int k = 0; k < p->r0; k++) cx_leibniz_dim(p, t, p->I->dim[k]);
  for (int k = 0; k < n; k++) {
    full[k] = want.bound[k] ? want.bound[k] : cx_index(g, t->rank);
    if (!want.bound[k]) cx_leibniz_dim(p, t, e->dim[k]);
  }
  t->body = cx_load(g, eq, full, n);
  t->lo = e->lo, t->hi = e->hi;
  want.leaf = t->id;
  *CX_PUSH(g->arena, p->local) = want;
  return cx_load(g, t->id, at, rank);
}

/* f at one end: over (instances, components). A step exactly there has its value inside the range. */
static const cx_node *step_in(void *user, cx_graph *g, const cx_node *n) {
  const cx_node **in = user; /* the end, and a place beside it */
  bool step = n->op == OP_lt || n->op == OP_le || (n->nargs && (cx_ops[n->op].facts & F_STEP)) || n->op == OP_mod;
  return step ? cx_exchange(g, n, in[0], in[1]) : n;
}
static uint32_t at_end(cx_leibniz *p, uint32_t end, uint32_t other) {
  cx_graph *g = p->g;
  const cx_node *ix[CX_MAX_RANK] = {0};
  for (int k = 0; k < p->r0; k++) ix[k] = cx_index(g, k);
  cx_eq *here = like(g, g->eq[end], p->r0);
  here->body = cx_load(g, end, ix, p->r0);
  const cx_node *x = cx_load_here(g, here), *y = cx_load(g, other, ix, p->r0);
  const cx_node *d =
      cx_op2(g, OP_add, cx_op2(g, OP_mul, cx_const(g, CX_ASIDE), cx_op1(g, OP_abs, x)), cx_const(g, CX_ASIDE_LEAST));
  const cx_node *in[2] = {x, cx_op2(g, OP_add, x, cx_op2(g, OP_mul, d, cx_op1(g, OP_sign, cx_op2(g, OP_sub, y, x))))};
  cx_compose *c = cx_compose_new(g, g, p->x, x, p->I->dim, p->r0);
  int first = g->neq;
  uint32_t f = cx_compose_eq(c, p->I->prim_arg[CX_INTEGRAL_F], ix);
  uint32_t root[2] = {here->id, end};
  for (int id = first, last = g->neq; id < last; id++) {
    cx_eq *e = g->eq[id];
    if (e->kind != EQ_CALC) continue;
    e->body = cx_rewrite(g, e->body, step_in, in);
    const cx_node *exact = cx_rewrite(g, e->body, cx_unrooted, &(cx_opening){.only = root});
    if (exact->op == OP_const) e->body = exact;
  }
  return f;
}

uint32_t cx_leibniz_integrand(cx_leibniz *p, uint32_t value, int r) {
  cx_graph *g = p->g;
  const cx_eq *v = g->eq[value];
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  t->span = p->I->span;
  t->rank = v->rank;
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < v->rank; k++) {
    int to = k < r ? k : k == r ? v->rank - 1 : k - 1;
    t->dim[to] = v->dim[k];
    sub[k] = cx_index(g, to);
  }
  t->body = cx_load(g, value, sub, v->rank);
  return t->id;
}

uint32_t cx_leibniz_bind(cx_leibniz *p, const cx_prim *prim, uint32_t f, const uint32_t *ends, uint32_t g_or_tol,
                         uint32_t period) {
  cx_graph *g = p->g;
  cx_eq *t = cx_eq_new(g, NULL, EQ_PRIM);
  t->prim = prim;
  t->span = p->I->span;
  t->prim_arg[CX_INTEGRAL_F] = f;
  t->prim_arg[CX_INTEGRAL_X] = p->x;
  t->prim_arg[CX_INTEGRAL_LO] = ends[0], t->prim_arg[CX_INTEGRAL_HI] = ends[1];
  t->prim_arg[CX_INTEGRAL_TOL] = g_or_tol;
  t->prim_arg[CX_CROSSING_PERIOD] = period;
  t->nprim_arg = prim->nargs;
  t->rank = (uint8_t)(g->eq[f]->rank - 1);
  t->slope = true;
  memcpy(t->dim, g->eq[f]->dim, (size_t)t->rank * sizeof *t->dim);
  return t->id;
}

const cx_node *cx_leibniz_term(cx_leibniz *p, const cx_node *sum, const cx_local *l, uint32_t J, int m) {
  cx_graph *g = p->g;
  const cx_eq *I = p->I, *Je = g->eq[J];
  int R = p->r0 + m, rest = Je->rank - R - p->nc, of = g->eq[l->of]->rank, red = I->rank;
  const cx_node *sub[CX_MAX_RANK], *at[CX_MAX_RANK], *to[CX_MAX_RANK];
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < p->r0; k++) sub[k] = cx_index(g, k);
  for (int k = 0; k < p->nc; k++) sub[R + k] = cx_index(g, p->r0 + k);
  for (int k = 0; k < m; k++) slot[k] = p->r0 + k, to[k] = sub[p->r0 + k] = cx_index(g, red + k);
  for (int k = 0; k < rest; k++) sub[R + p->nc + k] = cx_index(g, red + m + k);
  for (int k = 0, r = red + m; k < of; k++)
    at[k] = l->bound[k] ? cx_subst(g, l->bound[k], slot, to, m) : cx_index(g, r++);
  uint32_t a0 = frozen(p, l->of), J0 = frozen(p, J);
  const cx_node *move = cx_op2(g, OP_sub, cx_load(g, l->of, at, of), cx_load(g, a0, at, of));
  const cx_node *term = cx_op2(g, OP_mul, cx_load(g, J0, sub, Je->rank), move);
  if (m + rest) {
    cx_eq *t = like(g, I, I->rank);
    t->red = RED_sum;
    t->nred = (uint8_t)(m + rest);
    for (int k = 0; k < m; k++) t->rdim[k] = Je->dim[p->r0 + k];
    for (int k = 0; k < rest; k++) t->rdim[m + k] = Je->dim[R + p->nc + k];
    t->body = term;
    term = cx_load_here(g, t);
  }
  return cx_op2(g, OP_add, sum, term);
}

/* ---- one integral ---- */
/* the integrand of I at x = value, over (instances, node) */
static uint32_t composed(cx_leibniz *p, uint32_t of, const cx_node *value) {
  cx_dim base[CX_MAX_RANK];
  const cx_node *bound[CX_MAX_RANK] = {0};
  for (int d = 0; d < p->r0; d++) base[d] = p->I->dim[d], bound[d] = cx_index(p->g, d);
  base[p->r0] = (cx_dim){CX_NODES, NULL};
  cx_compose *c = cx_compose_new(p->g, p->g, p->x, value, base, p->r0 + 1);
  cx_compose_outside(c, localise, p);
  return cx_compose_eq(c, of, bound);
}

/* of a sum over roots of u that move by -(du/da) / (du/dx) */
static uint32_t at_roots(cx_leibniz *p, int q, uint32_t u, uint32_t slope) {
  cx_graph *g = p->g;
  uint32_t leaf = p->local.at[q].leaf, d = cx_diff_forward(g, p->f, leaf, p->r0);
  uint32_t du = cx_diff_forward(g, u, leaf, p->r0), df = cx_diff_forward(g, p->f, p->x, 1);
  if (cx_is_zero(g, d) && cx_is_zero(g, du)) return d;
  cx_eq *t = like(g, g->eq[d], g->eq[d]->rank);
  const cx_node *at[CX_MAX_RANK];
  for (int m = 0; m < g->eq[du]->rank; m++) at[m] = cx_index(g, m <= p->r0 ? m : m + p->nc);
  const cx_node *move = cx_op2(g, OP_div, cx_load(g, du, at, g->eq[du]->rank), cx_load_here(g, g->eq[slope]));
  for (int m = 0; m < g->eq[df]->rank; m++) at[m] = cx_index(g, m);
  t->body = cx_op2(g, OP_sub, read_at(g, d), cx_op2(g, OP_mul, cx_load(g, df, at, g->eq[df]->rank), move));
  return t->id;
}

/* an end over (instances, node) */
static uint32_t end_here(cx_leibniz *p, uint32_t end) {
  cx_graph *g = p->g;
  const cx_node *ix[CX_MAX_RANK];
  for (int k = 0; k < p->r0; k++) ix[k] = cx_index(g, k);
  cx_eq *t = like(g, g->eq[end], p->r0);
  cx_leibniz_dim(p, t, (cx_dim){CX_NODES, NULL});
  t->body = open_load(p, g, cx_load(g, end, ix, p->r0));
  return t->id;
}

/* inside another integral, or one around others */
static bool among_others(const cx_leibniz *p) {
  const cx_graph *g = p->g;
  bool yes = false;
  for (int id = 0; id < g->neq && !yes; id++) {
    const cx_eq *e = g->eq[id];
    if (e->kind != EQ_INPUT || !e->node) continue;
    const uint32_t *mask = cx_node_dims(g, g->arena, (uint32_t)id);
    uint32_t of = (uint32_t)id == p->x ? p->I->prim_arg[CX_INTEGRAL_F] : p->I->id;
    if ((uint32_t)id != p->x) yes = (mask[of] & CX_DEPENDS) != 0;
    bool *below = (uint32_t)id == p->x ? CX_NEW_N(g->arena, bool, g->neq + 1) : NULL;
    if (below) cx_mark_below(p->g, of, false, below);
    for (int k = 0; below && k < g->neq; k++) yes |= below[k] && cx_is_integral(g->eq[k]) && (mask[k] & CX_DEPENDS);
  }
  return yes;
}

/* how x is to move with each local, NULL: not at all */
static const uint32_t *velocities(cx_leibniz *p) {
  const uint32_t *follow = cx_leibniz_follow(p);
  for (int q = 0; follow && q < p->local.n; q++)
    if (p->stretch || follow[q] != UINT32_MAX) return follow;
  uint32_t *hold = CX_NEW_N(p->g->arena, uint32_t, p->local.n + 1);
  for (int q = 0; q < p->local.n; q++) hold[q] = UINT32_MAX;
  return cx_leibniz_hold(p, hold) ? hold : NULL;
}

static uint32_t surrogate(cx_leibniz *p) {
  cx_graph *g = p->g;
  cx_eq *I = p->I;
  p->r0 = g->eq[I->prim_arg[CX_INTEGRAL_LO]]->rank;
  p->nc = I->rank - p->r0;
  p->x = I->prim_arg[CX_INTEGRAL_X];
  bool crossing = I->prim == &cx_prim_crossing, series = I->prim == &cx_prim_series;
  const cx_node *k = cx_index(g, p->r0), *x = cx_load(g, p->x, &k, 1);
  if (!crossing && !series && cx_leibniz_stretches(p) && among_others(p)) {
    p->cyclic = cx_order(g, g->arena).cyclic;
    p->stretch = true;
    for (int side = 0; side < 2; side++)
      p->end[side] = end_here(p, I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO]);
  }
  p->first = g->neq;
  p->f = composed(p, I->prim_arg[CX_INTEGRAL_F], x);
  p->last = g->neq;
  uint32_t u = UINT32_MAX, slope = 0, tol = I->prim_arg[CX_INTEGRAL_TOL], period = 0;
  if (crossing) {
    u = composed(p, I->prim_arg[CX_CROSSING_G], x);
    slope = cx_diff_forward(g, u, p->x, 1);
    period = I->prim_arg[CX_CROSSING_PERIOD];
  }
  const cx_node *sum = read_at(g, frozen(p, I->id));
  if (!crossing && !series) {
    p->velocity = velocities(p);
    sum = cx_leibniz_jumps(p, sum);
  }
  for (int q = 0; q < p->local.n; q++) {
    uint32_t d = crossing                                      ? at_roots(p, q, u, slope)
                 : p->velocity && p->velocity[q] != UINT32_MAX ? cx_leibniz_carried(p, q)
                                                               : cx_diff_forward(g, p->f, p->local.at[q].leaf, p->r0);
    if (cx_is_zero(g, d)) continue;
    uint32_t f = cx_leibniz_integrand(p, d, p->r0);
    uint32_t J = cx_leibniz_bind(p, I->prim, f, I->prim_arg + CX_INTEGRAL_LO, tol, period);
    if (crossing) g->eq[J]->slope = I->slope;
    sum = cx_leibniz_term(p, sum, &p->local.at[q], J, 0);
  }
  for (int side = 0; side < 2 && !crossing && !series && !p->stretch; side++) {
    uint32_t end = I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
    const cx_eq *ee = g->eq[end];
    bool moves = (int)end < p->marked && (p->mark[end] & 1),
         far = ee->kind == EQ_CALC && ee->body->op == OP_const && isinf(ee->body->u.num);
    const cx_node *held = cx_leibniz_held_end(p, side);
    if (far || !(moves || p->points) || (held && held->op == OP_const)) continue;
    uint32_t f = at_end(p, end, I->prim_arg[side ? CX_INTEGRAL_LO : CX_INTEGRAL_HI]);
    if (held) { /* there x moves with the end */
      cx_eq *t = like(g, g->eq[f], g->eq[f]->rank);
      t->body = cx_op3(g, OP_select, held, cx_const(g, 0), read_at(g, f));
      f = t->id;
    }
    if (p->points) sum = cx_leibniz_drift(p, side, f, sum);
    if (!moves) continue;
    uint32_t e0 = frozen(p, end), fe = frozen(p, f);
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
  of = cx_conditions_to_ends(g, of, leaf, n);
  for (;;) {
    searcher s = {g, cx_diff_active(g, of, leaf, n, true), NULL, g->neq, UINT32_MAX};
    s.seen = cx_alloc_n(g->arena, (size_t)g->neq + 1, 1);
    look(&s, of);
    if (s.found == UINT32_MAX) return of;
    cx_leibniz p = {.g = g, .mark = s.mark, .marked = s.neq, .wrt = leaf, .nwrt = n, .I = g->eq[s.found], .o = o};
    uint32_t from = s.found, to = surrogate(&p);
    of = cx_replace(g, of, &from, &to, 1);
  }
}

uint32_t cx_diff_close(cx_graph *g, uint32_t e, const cx_opened *o) {
  return o->from.n ? cx_replace(g, e, o->from.at, o->to.at, o->from.n) : e;
}
