/* edge.c - integrals inside an integral, and coordinates that move.
 *
 * An integral over y of f(x, y) is smooth in x but where a root y of one of f's conditions u(x, y) reaches an end of the
 * range of y, meets the root of another condition, or meets its twin (a root of du/dy): the edges, roots of some w(x). Of
 * two functions of degree 1 or 2 in y that is their resultant. Else one is solved for y and put into the other.
 *
 * Where what is inside jumps at its edges, or is infinite there, and they move with a, the integral around is
 * differentiated in coordinates that move with them: for any velocity V(x) that is 0 at both ends
 *   d/da (integral of f dx) = integral of (df/da + V df/dx + f dV/dx) dx,
 * and with V = -(dw/da) / (dw/dx) at the roots of every w nothing jumps across x as a changes (Reynolds' transport
 * theorem). V is interpolated between the roots without knowing them: with d the distance to the root of w by Newton's
 * step, no longer than the range, V = sum of V_w d_w^-2 / sum of d^-2 (Shepard 1968), the ends being fixed points. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass/leibniz.h"

enum { PLACES = 16, PAIRS = 8, ROOTS = 8, STEPS = 200 };

typedef struct {
  cx_graph *g;
  uint32_t y;
  uint32_t x, own; /* the variable around, and that of the whole */
  int r;           /* dimensions of the integral's ends: y is the next one of its conditions */
  cx_dim dim[CX_MAX_RANK];
} inner;
typedef struct {
  const cx_node *at[ROOTS];
  int n;
  bool moves; /* they may come and go, or be infinite, as x varies */
  int steps;
} root_list;

/* an equation over the ends' dimensions, and y where there is one more */
static uint32_t over(const inner *in, bool y, const cx_node *body) {
  cx_eq *e = cx_eq_new(in->g, NULL, EQ_CALC);
  e->rank = (uint8_t)(in->r + y);
  memcpy(e->dim, in->dim, sizeof e->dim);
  e->body = body;
  return e->id;
}

static const cx_node *at_y(const inner *in, uint32_t u, const cx_node *y) {
  const cx_node *same[CX_MAX_RANK] = {0};
  for (int d = 0; d < in->r; d++) same[d] = cx_index(in->g, d);
  cx_compose *c = cx_compose_new(in->g, in->g, in->y, y, in->dim, in->r);
  uint32_t id = cx_compose_eq(c, u, same);
  const cx_eq *e = in->g->eq[id];
  return e->kind == EQ_CALC && e->red == RED_none ? e->body : cx_load_here(in->g, e);
}

static bool surrounds(const inner *in, uint32_t v) {
  const cx_eq *e = in->g->eq[v];
  return v != in->y && (v == in->own || v == in->x || (e->kind == EQ_INPUT && e->node));
}
/* A condition over exactly the dimensions of the ends of I, and y: what stands for a variable around goes to its place
 * there; what stands for none, as those for instances do, is at its place. UINT32_MAX: it has more. */
static uint32_t flat(const inner *in, const cx_eq *I, uint32_t u) {
  cx_graph *g = in->g;
  const cx_eq *e = g->eq[u];
  const cx_node *to[CX_MAX_RANK] = {0};
  for (uint32_t v = 0; v < (uint32_t)g->neq; v++) {
    if (v != in->y && !surrounds(in, v)) continue;
    const uint32_t *m = cx_node_dims(g, g->arena, v);
    uint32_t at = v == in->y ? 1u << in->r : m[I->id] & ((1u << in->r) - 1);
    for (int d = 0; d < e->rank; d++)
      if (m[u] >> d & 1) {
        if (!at) return UINT32_MAX;
        to[d] = cx_index(g, __builtin_ctz(at));
      }
  }
  bool plain = e->kind == EQ_CALC && e->red == RED_none;
  int64_t slot[CX_MAX_RANK];
  for (int d = 0; d < e->rank; d++) {
    slot[d] = d;
    if (!to[d] && d < in->r && e->dim[d].n == in->dim[d].n) to[d] = cx_index(g, d);
    if (!to[d] && plain && !(e->body->free_lo >> d & 1)) to[d] = cx_const(g, 0);
    if (!to[d]) return UINT32_MAX;
  }
  return over(in, true, plain ? cx_subst(g, e->body, slot, to, e->rank) : cx_load(g, u, to, e->rank));
}

typedef struct {
  const inner *in;
  const uint32_t *mask;
  bool yes;
} search;
static void see_load(void *user, const cx_node *n) {
  search *s = user;
  s->yes |= n->op == OP_load && (n->u.eq == s->in->x || (s->mask[n->u.eq] & CX_DEPENDS));
}
static bool varies(const inner *in, const cx_node *e) { /* with x */
  search s = {in, cx_node_dims(in->g, in->g->arena, in->x), false};
  cx_visit(in->g, e, see_load, &s);
  return s.yes;
}

/* e = c[0] + c[1] y + c[2] y^2 */
static void coefficients(const inner *in, const cx_node *e, int degree, const cx_node **c) {
  uint32_t u = over(in, true, e);
  const cx_node *zero = cx_const(in->g, 0);
  c[1] = c[2] = zero;
  for (int k = 0; k <= degree; k++) {
    if (k) u = cx_diff_forward(in->g, u, in->y, 1);
    c[k] = at_y(in, u, zero);
  }
  c[2] = cx_op2(in->g, OP_mul, cx_const(in->g, 0.5), c[2]);
}
void cx_polynomial(cx_graph *g, uint32_t y, const cx_eq *shape, const cx_node *e, int degree, const cx_node **c) {
  inner in = {.g = g, .y = y, .x = UINT32_MAX, .own = UINT32_MAX, .r = shape->rank};
  memcpy(in.dim, shape->dim, sizeof in.dim);
  in.dim[in.r] = (cx_dim){CX_NODES, NULL};
  coefficients(&in, e, degree, c);
}
/* 0 where a and b have a common root, for whatever number of roots that is */
static const cx_node *resultant(cx_graph *g, const cx_node *const *a, const cx_node *const *b) {
  const cx_node *l[2]; /* a b2 - b a2 = l0 + l1 y */
  bool line = cx_is_number(a[2], 0);
  if (!line && cx_is_number(b[2], 0)) return resultant(g, b, a);
  for (int k = 0; k < 2; k++)
    l[k] = line ? a[k] : cx_op2(g, OP_sub, cx_op2(g, OP_mul, a[k], b[2]), cx_op2(g, OP_mul, b[k], a[2]));
  if (cx_is_number(l[1], 0)) return l[0];
  const cx_node *w = cx_op2(g, OP_mul, b[2], cx_op2(g, OP_mul, l[0], l[0]));
  w = cx_op2(g, OP_sub, w, cx_op2(g, OP_mul, b[1], cx_op2(g, OP_mul, l[0], l[1])));
  if (cx_is_number(b[2], 0)) /* two lines */
    return cx_op2(g, OP_sub, cx_op2(g, OP_mul, b[0], l[1]), cx_op2(g, OP_mul, b[1], l[0]));
  return cx_op2(g, OP_add, w, cx_op2(g, OP_mul, b[0], cx_op2(g, OP_mul, l[1], l[1])));
}

/* where e(y) is 0; false: calx cannot tell */
static bool roots(const inner *in, const cx_node *e, root_list *to, int depth) {
  cx_graph *g = in->g;
  if (++to->steps > STEPS) return false;
  int degree = cx_degree(g, in->y, e);
  if (degree == 0) return true;
  if (degree <= 2) {
    if (to->n + 2 > ROOTS) return false;
    const cx_node *c[3];
    coefficients(in, e, degree, c);
    for (int k = degree == 1 ? 1 : 0; k < 3; k++) to->moves |= varies(in, c[k]);
    if (degree == 1) {
      to->at[to->n++] = cx_op1(g, OP_neg, cx_op2(g, OP_div, c[0], c[1]));
      return true;
    }
    const cx_node *disc = cx_op2(g, OP_mul, cx_const(g, 4), cx_op2(g, OP_mul, c[2], c[0]));
    disc = cx_op1(g, OP_sqrt, cx_op2(g, OP_sub, cx_op2(g, OP_mul, c[1], c[1]), disc));
    for (int k = 0; k < 2; k++) {
      const cx_node *top = cx_op2(g, k ? OP_add : OP_sub, cx_op1(g, OP_neg, c[1]), disc);
      to->at[to->n++] = cx_op2(g, OP_div, top, cx_op2(g, OP_mul, cx_const(g, 2), c[2]));
    }
    return true;
  }
  if (depth == 0) return false;
  switch (e->op) {
    case OP_load: {
      const cx_eq *q = g->eq[e->u.eq];
      if (q->kind != EQ_CALC || q->red != RED_none) return false;
      int64_t slot[CX_MAX_RANK];
      for (int k = 0; k < q->rank; k++) slot[k] = k;
      return roots(in, cx_subst(g, q->body, slot, e->arg, q->rank), to, depth - 1);
    }
    case OP_mul: return roots(in, e->arg[0], to, depth - 1) && roots(in, e->arg[1], to, depth - 1);
    case OP_select: return roots(in, e->arg[1], to, depth - 1) && roots(in, e->arg[2], to, depth - 1);
    case OP_div:
    case OP_neg:
    case OP_abs:
    case OP_sqrt:
    case OP_atan:
    case OP_tanh:
    case OP_sinh:
    case OP_asinh:
    case OP_expm1:
    case OP_erf: return roots(in, e->arg[0], to, depth - 1);
    case OP_pow: return e->arg[1]->op == OP_const && roots(in, e->arg[0], to, depth - 1);
    case OP_exp:
    case OP_cosh:
    case OP_logistic:
    case OP_norm_cdf: return true;
    case OP_log: return roots(in, cx_op2(g, OP_sub, e->arg[0], cx_const(g, 1)), to, depth - 1);
    default: return false;
  }
}

/* ---- what is 0 wherever it is a number: the root of a condition that is an end itself ---- */
enum { SUM_MAX = 24 };
typedef struct {
  const cx_node *of[SUM_MAX];
  double times[SUM_MAX], number, size;
  int n;
} combination;
static const cx_node *over_other(const cx_node *e) { /* n, of b (n / b); else NULL */
  for (int k = 0; k < 2; k++)
    if (e->arg[k]->op == OP_div && e->arg[k]->arg[1] == e->arg[1 - k]) return e->arg[k]->arg[0];
  return NULL;
}
static void combine(combination *c, const cx_node *e, double times) {
  if (isnan(c->size)) return; /* too many */
  if (e->op == OP_add || e->op == OP_sub) {
    combine(c, e->arg[0], times);
    combine(c, e->arg[1], e->op == OP_add ? times : -times);
  } else if (e->op == OP_neg) combine(c, e->arg[0], -times);
  else if (e->op == OP_mul && e->arg[0]->op == OP_const) combine(c, e->arg[1], times * e->arg[0]->u.num);
  else if (e->op == OP_mul && e->arg[1]->op == OP_const) combine(c, e->arg[0], times * e->arg[1]->u.num);
  else if (e->op == OP_mul && over_other(e)) combine(c, over_other(e), times);
  else if (e->op == OP_const) c->number += times * e->u.num, c->size += fabs(times * e->u.num);
  else {
    int k = 0;
    while (k < c->n && c->of[k] != e) k++;
    if (k == SUM_MAX) c->size = NAN;
    else if (k < c->n) c->times[k] += times;
    else c->of[k] = e, c->times[c->n++] = times;
  }
}
const cx_node *cx_unrooted(void *user, cx_graph *g, const cx_node *n) {
  const cx_opening *how = user;
  if (n->op == OP_load) {
    const cx_eq *q = g->eq[n->u.eq];
    if (q->kind != EQ_CALC || q->red != RED_none || (q->body->op == OP_const && !cx_unnamed(q))) return n;
    if (how->only && n->u.eq != how->only[0] && n->u.eq != how->only[1]) return n;
    for (int k = 0; k < how->nbut; k++)
      if (how->but[k] == n->u.eq) return n;
    int64_t slot[CX_MAX_RANK];
    for (int k = 0; k < q->rank; k++) slot[k] = k;
    return cx_rewrite(g, cx_subst(g, q->body, slot, n->arg, q->rank), cx_unrooted, user);
  }
  bool square = n->op == OP_pow && cx_is_number(n->arg[1], 2);
  if (n->op != OP_mul && !square) return n;
  const cx_node *a = n->arg[0], *b = square ? a : n->arg[1];
  bool minus = (a->op == OP_neg) != (b->op == OP_neg);
  if (a->op == OP_neg) a = a->arg[0];
  if (b->op == OP_neg) b = b->arg[0];
  if (a->op != OP_sqrt || a != b) return n;
  return minus ? cx_op1(g, OP_neg, a->arg[0]) : a->arg[0];
}
bool cx_vanishes(cx_graph *g, const cx_node *w, cx_opening how) {
  combination c = {.n = 0};
  combine(&c, cx_rewrite(g, w, cx_unrooted, &how), 1);
  for (int k = 0; k < c.n; k++)
    if (c.times[k] != 0) return false;
  return fabs(c.number) <= 8 * DBL_EPSILON * c.size;
}

typedef struct {
  const inner *in;
  bool jumps;
  cx_found_list *to;
} sink;
static void put(sink *s, cx_feature_kind kind, bool jumps, const cx_node *w) {
  cx_graph *g = s->in->g;
  if (!varies(s->in, w) || cx_vanishes(g, w, (cx_opening){0})) return;
  for (int k = 0; k < s->to->n; k++) {
    cx_found *t = &s->to->at[k];
    const cx_eq *e = g->eq[t->eq];
    if (!t->inside || t->kind != kind || e->body != w || e->rank != s->in->r) continue;
    t->jumps |= jumps;
    return;
  }
  *CX_PUSH(g->arena, *s->to) = (cx_found){kind, over(s->in, false, w), true, jumps};
}

/* the edges where a root of u meets one of v. false: there may be more */
static bool meet(sink *s, uint32_t u, uint32_t v, cx_feature_kind of_u, cx_feature_kind kind) {
  cx_graph *g = s->in->g;
  const cx_node *e[2] = {cx_load_here(g, g->eq[u]), cx_load_here(g, g->eq[v])}, *c[2][3];
  int degree[2] = {cx_degree(g, s->in->y, e[0]), cx_degree(g, s->in->y, e[1])};
  if (degree[0] == 0) return true;
  for (int k = 0; k < 2; k++) {
    const cx_eq *q = g->eq[k ? v : u];
    if (q->kind == EQ_CALC && q->red == RED_none) e[k] = q->body;
  }
  uint32_t apart = over(s->in, true, cx_op2(g, OP_sub, e[0], e[1]));
  if (cx_is_zero(g, cx_diff_forward(g, apart, s->in->y, 1)) && cx_is_zero(g, cx_diff_forward(g, apart, s->in->x, 1)))
    return true; /* always or never */
  if (of_u == CX_FEATURE_STEP) return false;
  if (degree[0] <= 2 && degree[1] <= 2 && kind != CX_FEATURE_STEP) {
    for (int k = 0; k < 2; k++) coefficients(s->in, e[k], degree[k], c[k]);
    const cx_node *a = c[0][1];
    if (degree[0] == 1 && degree[1] == 2 && !varies(s->in, a)) /* put into v, whose squares then do not cancel */
      put(s, CX_FEATURE_SINGULAR, s->jumps, at_y(s->in, v, cx_op1(g, OP_neg, cx_op2(g, OP_div, c[0][0], a))));
    else put(s, CX_FEATURE_SINGULAR, s->jumps, degree[1] ? resultant(g, c[0], c[1]) : c[1][0]);
    return true;
  }
  root_list r = {.n = 0};
  if (!roots(s->in, e[0], &r, 40)) return false;
  for (int k = 0; k < r.n; k++)
    put(s, kind == CX_FEATURE_STEP ? kind : CX_FEATURE_SINGULAR, s->jumps && !r.moves, at_y(s->in, v, r.at[k]));
  return !r.moves;
}

/* ---- whether there is a derivative's sum over roots below: it jumps where a root comes or goes ---- */
typedef struct {
  const cx_graph *g;
  bool *seen, found;
} below;
static void look(below *b, uint32_t id);
static void look_load(void *user, const cx_node *n) {
  if (n->op == OP_load) look(user, n->u.eq);
}
static void look(below *b, uint32_t id) {
  if (b->seen[id]) return;
  b->seen[id] = true;
  const cx_eq *e = b->g->eq[id];
  b->found |= e->kind == EQ_PRIM && e->prim == &cx_prim_crossing && e->slope;
  if (e->kind == EQ_CALC && e->body) cx_visit((cx_graph *)b->g, e->body, look_load, b);
  for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++) look(b, e->prim_arg[k]);
}
static bool crosses(const cx_graph *g, uint32_t id) {
  below b = {g, CX_NEW_N(g->arena, bool, g->neq + 1), false};
  look(&b, id);
  return b.found;
}

bool cx_inner_edges(cx_graph *g, const cx_eq *I, uint32_t x, uint32_t own, cx_found_list *to, cx_found_list *unplaced) {
  if (I->prim == &cx_prim_series) return false; /* its terms stand at whole numbers */
  bool crossing = I->prim == &cx_prim_crossing, hidden = crossing;
  const cx_eq *lo = g->eq[I->prim_arg[CX_INTEGRAL_LO]];
  inner in = {.g = g, .y = I->prim_arg[CX_INTEGRAL_X], .x = x, .own = own, .r = lo->rank};
  if (in.r >= CX_MAX_RANK) return false;
  memcpy(in.dim, lo->dim, sizeof in.dim);
  in.dim[in.r] = (cx_dim){CX_NODES, NULL};
  sink s = {.in = &in, .jumps = crosses(g, I->id), .to = to};
  if (!s.jumps) unplaced = NULL;
  cx_found_list all = cx_collect_features(g, I->prim_arg[CX_INTEGRAL_F], in.y, own, &hidden, unplaced), list = {0};
  if (crossing) {
    const cx_eq *period = g->eq[I->prim_arg[CX_CROSSING_PERIOD]];
    bool steps = period->kind == EQ_CALC && period->body->op == OP_const && period->body->u.num > 0;
    *CX_PUSH(g->arena, list) =
        (cx_found){.kind = steps ? CX_FEATURE_STEP : CX_FEATURE_BREAK, .eq = I->prim_arg[CX_CROSSING_G]};
  }
  const uint32_t *of_x = cx_node_dims(g, g->arena, x);
  bool moves = ((of_x[I->prim_arg[CX_INTEGRAL_LO]] | of_x[I->prim_arg[CX_INTEGRAL_HI]]) & CX_DEPENDS) != 0;
  for (int k = 0; k < all.n; k++) {
    cx_feature_kind kind = all.at[k].kind;
    if (kind == CX_FEATURE_BREAK || kind == CX_FEATURE_SINGULAR || (kind == CX_FEATURE_STEP && s.jumps))
      *CX_PUSH(g->arena, list) = all.at[k];
    else /* a peak's scale may become one of x */
      hidden |= moves || kind == CX_FEATURE_WAVE || kind == CX_FEATURE_STEP || (of_x[all.at[k].eq] & CX_DEPENDS);
  }
  uint32_t place[PLACES];
  int n = 0;
  for (int k = 0; k < list.n; k++) {
    uint32_t u = n < PLACES ? flat(&in, I, list.at[k].eq) : UINT32_MAX;
    if (u != UINT32_MAX) {
      list.at[n] = list.at[k], place[n++] = u;
      continue;
    }
    hidden = true;
    if (unplaced) *CX_PUSH(g->arena, *unplaced) = list.at[k];
    if (crossing && k == 0) return false;
  }
  const cx_node *ix[CX_MAX_RANK];
  for (int d = 0; d < in.r; d++) ix[d] = cx_index(g, d);
  for (int k = 0; k < n; k++) {
    cx_feature_kind kind = list.at[k].kind;
    for (int side = 0; side < 2 && (k == 0 || !crossing); side++) {
      const cx_eq *e = g->eq[I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO]];
      bool number = e->kind == EQ_CALC && e->red == RED_none && e->body->op == OP_const;
      if (number && !isfinite(e->body->u.num)) continue;
      put(&s, kind == CX_FEATURE_STEP ? kind : CX_FEATURE_SINGULAR, s.jumps,
          at_y(&in, place[k], number ? e->body : cx_load(g, e->id, ix, in.r)));
    }
    bool known = n <= PAIRS;
    if (k == 0 || !crossing) { /* a double root */
      uint32_t slope = cx_diff_forward(g, place[k], in.y, 1);
      known &= meet(&s, slope, place[k], CX_FEATURE_BREAK, kind);
    }
    for (int m = 0; m < k && (m == 0 || !crossing) && n <= PAIRS; m++)
      known &=
          meet(&s, place[k], place[m], kind, list.at[m].kind) || meet(&s, place[m], place[k], list.at[m].kind, kind);
    hidden |= !known;
    if (!known && unplaced) *CX_PUSH(g->arena, *unplaced) = list.at[k];
  }
  return !hidden;
}

/* ---- the velocity ---- */
static uint32_t here(const cx_leibniz *p, const cx_node *body) { /* over (instances, node) */
  cx_eq *e = cx_eq_new(p->g, NULL, EQ_CALC);
  for (int k = 0; k < p->r0; k++) cx_leibniz_dim(p, e, p->I->dim[k]);
  cx_leibniz_dim(p, e, (cx_dim){CX_NODES, NULL});
  e->body = body;
  return e->id;
}
static const cx_node *read_here(const cx_leibniz *p, uint32_t eq) { return cx_load_here(p->g, p->g->eq[eq]); }

/* e has a derivative by x wherever x goes. A root is smooth where what it is of stays above 0. */
static bool smooth(const inner *in, const cx_eq *of, const cx_node *e, int depth);
static bool smooth_below(const inner *in, cx_scratch *w, const cx_eq *of, const cx_node *e, int depth) {
  if (!cx_once(w, e) || !varies(in, e)) return true;
  if (depth == 0) return false;
  switch (e->op) {
    case OP_load: {
      const cx_eq *q = in->g->eq[e->u.eq];
      if (e->u.eq == in->x) return true;
      return q->kind == EQ_CALC && (q->red == RED_none || q->red == RED_sum) && smooth(in, q, q->body, depth - 1);
    }
    case OP_pow:
      if (e->arg[1]->op == OP_const && e->arg[1]->u.num == floor(e->arg[1]->u.num)) break;
      /* fall through */
    case OP_sqrt:
    case OP_log:
    case OP_log2:
    case OP_log10:
    case OP_log1p: {
      double least = cx_bounds(in->g, e->arg[0], of).lo + (e->op == OP_log1p);
      if (least < 0 || (least == 0 && cx_degree(in->g, in->x, e->arg[0]) != 1)) return false;
      break;
    }
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_div:
    case OP_neg:
    case OP_exp:
    case OP_exp2:
    case OP_expm1:
    case OP_sin:
    case OP_cos:
    case OP_sinh:
    case OP_cosh:
    case OP_tanh:
    case OP_atan:
    case OP_asinh:
    case OP_logistic:
    case OP_softplus:
    case OP_erf:
    case OP_erfc:
    case OP_norm_cdf: break;
    default: return false;
  }
  for (int k = 0; k < e->nargs; k++)
    if (!smooth_below(in, w, of, e->arg[k], depth - 1)) return false;
  return true;
}
static bool smooth(const inner *in, const cx_eq *of, const cx_node *e, int depth) {
  cx_scratch *w = cx_scratch_take(in->g);
  bool yes = smooth_below(in, w, of, e, depth);
  cx_scratch_give(in->g, w);
  return yes;
}

typedef struct {
  uint32_t w, step, weight;  /* step: (dw/dx)^2 L^2 + w^2 */
  const cx_node *dx, *known; /* dw/dx L^2; w can be had at x */
} edge;

static void cannot(const cx_leibniz *p) {
  cx_graph *g = p->g;
  int id =
      cx_error(g->ctx, p->I->span,
               "this derivative needs to know where the edge of a condition inside the integral turns round or meets "
               "another");
  cx_diag_help(g->ctx, id,
               "calx finds that for conditions of degree 1 or 2 in the inner variable: write it as such, or "
               "integrate over the other variable first");
  cx_throw(g->ctx, CX_E_PROGRAM);
}

/* where u vanishes at the end: a condition, or NULL */
static const cx_node *nought_at(const inner *in, uint32_t u, const cx_node *end, cx_opening how) {
  cx_graph *g = in->g;
  if (end->op == OP_load) {
    const cx_eq *q = g->eq[end->u.eq];
    if (q->kind == EQ_CALC && q->red == RED_none && q->rank == in->r) end = q->body;
  }
  if (end->op != OP_max && end->op != OP_min) return cx_vanishes(g, at_y(in, u, end), how) ? cx_const(g, 1) : NULL;
  const cx_node *where = NULL;
  for (int k = 0; k < 2; k++) { /* the argument that it is */
    const cx_node *a = end->arg[k], *b = end->arg[1 - k], *there = nought_at(in, u, a, how);
    if (!there) continue;
    there = cx_op2(g, OP_and, there, end->op == OP_min ? cx_op2(g, OP_le, a, b) : cx_op2(g, OP_le, b, a));
    where = where ? cx_op2(g, OP_or, where, there) : there;
  }
  return where;
}
const cx_node *cx_leibniz_ends_at(cx_leibniz *p, uint32_t u, int side) {
  cx_graph *g = p->g;
  inner in = {.g = g, .y = p->x, .x = UINT32_MAX, .own = UINT32_MAX, .r = p->r0};
  uint32_t end = p->I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
  const cx_node *ix[CX_MAX_RANK];
  if (in.r >= CX_MAX_RANK) return NULL;
  memcpy(in.dim, g->eq[end]->dim, sizeof in.dim);
  in.dim[in.r] = (cx_dim){CX_NODES, NULL};
  for (int d = 0; d < in.r; d++) ix[d] = cx_index(g, d);
  uint32_t f = flat(&in, p->I, u);
  if (f == UINT32_MAX) return NULL;
  return nought_at(&in, f, cx_load(g, end, ix, in.r), (cx_opening){NULL, p->wrt, p->nwrt});
}

bool cx_leibniz_stretches(cx_leibniz *p) {
  cx_graph *g = p->g;
  const cx_eq *I = p->I;
  inner in = {.g = g, .y = p->x, .x = UINT32_MAX, .own = UINT32_MAX, .r = p->r0};
  const cx_node *ix[CX_MAX_RANK];
  cx_opening how = {NULL, p->wrt, p->nwrt};
  bool hidden = false, moves[2];
  for (int side = 0; side < 2; side++) {
    uint32_t end = I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO];
    moves[side] = (int)end < p->marked && (p->mark[end] & 1);
  }
  if (in.r >= CX_MAX_RANK || !(moves[0] || moves[1])) return false;
  memcpy(in.dim, g->eq[I->prim_arg[CX_INTEGRAL_LO]]->dim, sizeof in.dim);
  in.dim[in.r] = (cx_dim){CX_NODES, NULL};
  for (int d = 0; d < in.r; d++) ix[d] = cx_index(g, d);
  cx_found_list all = cx_collect_features(g, I->prim_arg[CX_INTEGRAL_F], p->x, p->x, &hidden, NULL);
  for (int k = 0; k < all.n; k++) {
    if (all.at[k].kind != CX_FEATURE_SINGULAR) continue;
    uint32_t u = flat(&in, I, all.at[k].eq);
    for (int side = 0; side < 2 && u != UINT32_MAX; side++)
      if (moves[side] &&
          nought_at(&in, u, cx_load(g, I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO], ix, in.r), how))
        return true;
  }
  return false;
}

const uint32_t *cx_leibniz_follow(cx_leibniz *p) {
  cx_graph *g = p->g;
  bool hidden = false, crossed = crosses(g, p->f);
  if (!crossed && !p->stretch) return NULL;
  cx_found_list unplaced = {0}, all = {0};
  if (crossed) all = cx_collect_features(g, p->f, p->x, p->x, &hidden, &unplaced);
  CX_VEC(edge) list = {0};
  inner self = {.g = g, .x = p->x};
  bool kinked = false; /* then V would not be continuous */
  const cx_node *ix[CX_MAX_RANK], *k = cx_index(g, p->r0), *x = cx_load(g, p->x, &k, 1), *end[2];
  for (int d = 0; d < p->r0; d++) ix[d] = cx_index(g, d);
  for (int side = 0; side < 2; side++)
    end[side] = cx_load(g, p->I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO], ix, p->r0);
  const cx_node *zero = cx_const(g, 0), *one = cx_const(g, 1), *least = cx_const(g, 1e-100);
  const cx_node *range = cx_op2(g, OP_sub, end[1], end[0]), *L2 = cx_op2(g, OP_mul, range, range);
  L2 = read_here(p, here(p, cx_op3(g, OP_select, cx_op1(g, OP_isfinite, L2), L2, one)));
  const cx_node *total = zero, *share[2];
  for (int side = 0; side < 2; side++) { /* the ends stay, or move as they do */
    const cx_node *d = cx_op2(g, OP_sub, x, end[side]);
    d = cx_op2(g, OP_div, one, cx_op2(g, OP_add, cx_op2(g, OP_mul, d, d), least));
    share[side] = read_here(p, here(p, cx_op3(g, OP_select, cx_op1(g, OP_isfinite, end[side]), d, zero)));
    total = cx_op2(g, OP_add, total, share[side]);
  }
  for (int m = 0; m < all.n; m++) {
    cx_found *t = &all.at[m];
    if (!t->inside || !t->jumps) continue;
    if (g->eq[t->eq]->rank != p->r0 + 1) {
      *CX_PUSH(g->arena, unplaced) = *t;
      continue;
    }
    kinked |= !smooth(&self, g->eq[t->eq], g->eq[t->eq]->body, 60);
    edge e = {.w = t->eq};
    if (t->kind == CX_FEATURE_STEP) { /* 0 at every whole number */
      const cx_node *pi = cx_const(g, acos(-1));
      e.w = here(p, cx_op2(g, OP_div, cx_op1(g, OP_sin, cx_op2(g, OP_mul, pi, read_here(p, t->eq))), pi));
    }
    const cx_node *w = read_here(p, e.w), *w2 = cx_op2(g, OP_mul, w, w);
    const cx_node *dx = read_here(p, cx_diff_forward(g, e.w, p->x, 1));
    e.dx = cx_op2(g, OP_mul, dx, L2);
    e.step = here(p, cx_op2(g, OP_add, cx_op2(g, OP_add, cx_op2(g, OP_mul, e.dx, dx), w2), least));
    const cx_node *d2 = cx_op2(g, OP_div, cx_op2(g, OP_mul, w2, L2), read_here(p, e.step));
    e.known = cx_op1(g, OP_isfinite, d2);
    e.weight = here(p, cx_op3(g, OP_select, e.known, cx_op2(g, OP_div, one, cx_op2(g, OP_add, d2, least)), zero));
    total = cx_op2(g, OP_add, total, read_here(p, e.weight));
    *CX_PUSH(g->arena, list) = e;
  }
  uint32_t sum = here(p, cx_op2(g, OP_add, total, least)), *velocity = CX_NEW_N(g->arena, uint32_t, p->local.n + 1);
  for (int q = 0; q < p->local.n; q++) {
    uint32_t leaf = p->local.at[q].leaf;
    velocity[q] = UINT32_MAX;
    for (int m = 0; m < unplaced.n; m++)
      if (cx_diff_active(g, unplaced.at[m].eq, &leaf, 1, false)[unplaced.at[m].eq] & 1) cannot(p);
    const cx_node *V = zero;
    cx_eq *t = NULL;
    for (int side = 0; side < 2 && p->stretch; side++) {
      uint32_t da = cx_diff_forward(g, p->end[side], leaf, p->r0);
      if (cx_is_zero(g, da)) continue;
      if (!t) t = cx_eq_new(g, NULL, EQ_CALC);
      t->rank = g->eq[da]->rank;
      memcpy(t->dim, g->eq[da]->dim, sizeof t->dim);
      V = cx_op2(g, OP_add, V, cx_op2(g, OP_mul, read_here(p, da), cx_op2(g, OP_div, share[side], read_here(p, sum))));
    }
    for (int m = 0; m < list.n; m++) {
      const edge *e = &list.at[m];
      uint32_t da = cx_diff_forward(g, e->w, leaf, p->r0);
      if (cx_is_zero(g, da)) continue;
      if (!t) t = cx_eq_new(g, NULL, EQ_CALC);
      t->rank = g->eq[da]->rank;
      memcpy(t->dim, g->eq[da]->dim, sizeof t->dim);
      const cx_node *weight = read_here(p, e->weight);
      const cx_node *v = cx_op2(g, OP_div, cx_op2(g, OP_mul, read_here(p, da), e->dx), read_here(p, e->step));
      v = cx_op2(g, OP_mul, v, cx_op2(g, OP_div, weight, read_here(p, sum)));
      V = cx_op2(g, OP_sub, V, cx_op3(g, OP_select, e->known, v, zero));
    }
    if (t && kinked) cannot(p);
    if (t) t->body = V, velocity[q] = t->id;
  }
  return velocity;
}
