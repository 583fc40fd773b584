/* singular.c - singular points of an integrand that move with what the integral is differentiated by.
 *
 * Of |x - a|^s the derivative by a has no integral. So the integral is differentiated in coordinates in which its singular
 * points stand still: for any velocity V(x) (Reynolds' transport theorem)
 *   d/da (integral of f dx) = integral of (df/da + V df/dx + f dV/dx) dx + [f (dx/da - V)] at the ends,
 * and along the lines on which a root of u stays where it is, v = -(du/da) / (du/dx), u is u itself times a factor:
 * du/da + v du/dx = u e with e smooth. What is singular, |u|^s or log |u|, has the derivative s e |u|^s or e then, in
 * which nothing cancels. That e is what diff is told of u; it never sees du/da and V du/dx, whose sum would be rounding.
 *
 * Of one point V is v; of several it is between them by the distances d to the roots (Shepard 1968),
 *   V = sum of v_j w_j,  w_j = d_j^-2 / sum of d_i^-2,
 * by products of d_i^2, so that nothing is infinite. About the root k all other w_j have the factor d_k^2, and so u_k. */
#include <math.h>
#include <string.h>

#include "pass/leibniz.h"

enum { POINTS = 8 };

typedef struct {
  const cx_node *u; /* over (instances, node) */
  uint32_t eq, dx;  /* u and du/dx as equations */
  int as;           /* a multiple of the u of this point, which has the same e */
  bool both;        /* the integrand is taken on both sides of its root, or beside a condition that changes there */
  const cx_node *end[2];       /* where an end of the range is its root, wherever that is: a condition, or NULL */
  const cx_node *turn, *rest;  /* v = -du/da turn; du/da + v du/dx = u du/da rest */
  const cx_node *d2, *d2_by_u; /* squared distance to the root, and that by u */
} point;
struct cx_points {
  point at[POINTS];
  int n;
  uint32_t *factor; /* by local and point: e[i.., k, rest..], or UINT32_MAX: 0 */
};

static const cx_node *times(cx_graph *g, const cx_node *a, const cx_node *b) { return cx_op2(g, OP_mul, a, b); }
static const cx_node *plus(cx_graph *g, const cx_node *a, const cx_node *b) { return cx_op2(g, OP_add, a, b); }
static const cx_node *over(cx_graph *g, const cx_node *a, const cx_node *b) { return cx_op2(g, OP_div, a, b); }
static const cx_node *read_here(const cx_leibniz *p, uint32_t eq) { return cx_load_here(p->g, p->g->eq[eq]); }

/* an equation over (instances, node), and behind them what `like` has there (NULL: no more) */
static cx_eq *here(const cx_leibniz *p, const cx_eq *like, const cx_node *body) {
  cx_eq *e = cx_eq_new(p->g, NULL, EQ_CALC);
  e->span = p->I->span;
  for (int k = 0; k < p->r0; k++) cx_leibniz_dim(p, e, p->I->dim[k]);
  cx_leibniz_dim(p, e, (cx_dim){CX_NODES, NULL});
  for (int k = e->rank; like && k < like->rank; k++) cx_leibniz_dim(p, e, like->dim[k]);
  e->body = body;
  return e;
}

/* ---- the points ---- */
typedef struct {
  cx_leibniz *p;
  const uint32_t *mask; /* what depends on x */
  const bool *cyclic;
  const cx_eq *of;
  struct cx_points *points;
} finder;
static const cx_node *open_plain(void *user, cx_graph *g, const cx_node *n) {
  const finder *f = user;
  if (n->op != OP_load || (int)n->u.eq < f->p->first || (int)n->u.eq >= f->p->last) return n;
  const cx_eq *e = g->eq[n->u.eq];
  if (!(f->mask[e->id] & CX_DEPENDS) || e->kind != EQ_CALC || e->red != RED_none || f->cyclic[e->id] || e->inert)
    return n;
  return cx_rewrite(g, cx_open_load(g, n, f->of), open_plain, user);
}

static void see_literal(void *user, const cx_node *n) {
  const cx_node **u = user;
  if (n == *u) *u = NULL;
}
static bool contains(cx_graph *g, const cx_node *e, const cx_node *u) {
  cx_visit(g, e, see_literal, &u);
  return !u;
}

/* u, and what vanishes where it does: the integrand goes on behind its root */
static void mark_both(finder *f, const cx_node *e, int depth) {
  for (int k = 0; k < f->points->n; k++) f->points->at[k].both |= f->points->at[k].u == e;
  bool more = e->op == OP_mul || e->op == OP_div;
  if (depth > 0 &&
      (more || e->op == OP_neg || e->op == OP_abs || e->op == OP_sqrt || e->op == OP_cbrt || e->op == OP_pow))
    for (int k = 0; k <= more; k++) mark_both(f, e->arg[k], depth - 1);
}
static void see_both(void *user, const cx_node *n) {
  finder *f = user;
  const cx_node *a = n->nargs ? n->arg[0] : NULL, *b = n->nargs > 1 ? n->arg[1] : NULL;
  bool even = n->op == OP_pow && b->op == OP_const && fmod(b->u.num, 2) == 0;
  if (n->op == OP_abs || n->op == OP_cbrt || n->op == OP_sign || even || (n->op == OP_mul && a == b))
    mark_both(f, a, 20);
  if (n->op != OP_lt && n->op != OP_le) return;
  mark_both(f, cx_op2(f->p->g, OP_sub, a, b), 0);
  mark_both(f, cx_op2(f->p->g, OP_sub, b, a), 0);
}

typedef struct {
  const cx_leibniz *p;
  const uint32_t *mask;
  bool yes;
} bends;
static void see_bend(void *user, const cx_node *n) {
  bends *b = user;
  bool of_x = n->op == OP_load && (b->mask[n->u.eq] & CX_DEPENDS);
  if (of_x && n->u.eq != b->p->x) b->yes = true;
  b->yes |= n->op == OP_abs || n->op == OP_min || n->op == OP_max || n->op == OP_select || n->op == OP_mod ||
            (n->op > OP_load && (cx_ops[n->op].facts & F_STEP));
}

/* v and the distance of a point: exact where u is of degree 1 or 2, else by Newton's step, no longer than the range */
static void measure(const cx_leibniz *p, point *t, const cx_node *L2) {
  cx_graph *g = p->g;
  t->eq = here(p, NULL, t->u)->id;
  t->dx = cx_diff_forward(g, t->eq, p->x, 1);
  const cx_node *u = t->u, *dx = read_here(p, t->dx), *u2 = times(g, u, u), *zero = cx_const(g, 0),
                *one = cx_const(g, 1);
  const cx_eq *slope = g->eq[t->dx];
  if (slope->kind == EQ_CALC && slope->red == RED_none && slope->body->op == OP_const) dx = slope->body;
  const cx_node *step = plus(g, plus(g, times(g, times(g, dx, dx), L2), u2), cx_const(g, CX_TINY));
  step = read_here(p, here(p, NULL, step)->id);
  t->d2 = over(g, u2, step), t->d2_by_u = over(g, u, step);
  int degree = cx_degree(g, p->x, u);
  const cx_node *c[3];
  if (degree == 1 && dx->op == OP_const) t->turn = over(g, one, dx), t->rest = zero;
  else if (degree == 1 || degree == 2) { /* (du/dx)^2 - 2 u d2u/dx2 is the discriminant */
    cx_polynomial(g, p->x, g->eq[p->I->prim_arg[CX_INTEGRAL_LO]], u, degree, c);
    const cx_node *four = cx_const(g, -4), *D = degree == 1 ? dx : times(g, times(g, four, c[0]), c[2]);
    if (degree == 2) D = plus(g, times(g, c[1], c[1]), D);
    const cx_node *none = cx_op2(g, OP_eq, D, zero);
    t->turn = cx_op3(g, OP_select, none, zero, over(g, degree == 1 ? one : dx, D));
    t->rest = cx_op3(g, OP_select, none, over(g, one, u), degree == 1 ? zero : over(g, times(g, four, c[2]), D));
  } else t->turn = over(g, times(g, dx, L2), step), t->rest = t->d2_by_u;
}

/* up to its sign */
static bool same(const cx_leibniz *p, const cx_node *u, const cx_node *v) {
  cx_opening how = {NULL, p->wrt, p->nwrt};
  return u == v || cx_vanishes(p->g, cx_op2(p->g, OP_sub, u, v), how) || cx_vanishes(p->g, plus(p->g, u, v), how);
}

/* the points, in the integrand with its plain equations opened; 0: there is none that moves, or one of unknown form */
static struct cx_points *find(cx_leibniz *p) {
  cx_graph *g = p->g;
  struct cx_points *to = CX_NEW(g->arena, struct cx_points);
  finder f = {.p = p, .mask = cx_node_dims(g, g->arena, p->x), .cyclic = cx_order(g, g->arena).cyclic, .points = to};
  const cx_node **body = CX_NEW_N(g->arena, const cx_node *, p->last + 1);
  for (int id = p->first; id < p->last; id++) {
    f.of = g->eq[id];
    if (f.of->kind == EQ_CALC && (f.mask[id] & CX_DEPENDS)) body[id] = cx_rewrite(g, f.of->body, open_plain, &f);
  }
  for (int id = p->first; id < p->last; id++)
    if (body[id]) g->eq[id]->body = body[id];
  bool hidden = false, *below = CX_NEW_N(g->arena, bool, g->neq + 1), any = false;
  cx_mark_below(g, p->f, false, below);
  cx_found_list all = cx_collect_features(g, p->f, p->x, p->x, &hidden, NULL);
  uint32_t own = (1u << (p->r0 + 1)) - 1;
  bool ended[2] = {false, false};
  for (int inside = 0; inside < 2; inside++) /* of integrals inside those at ends count, where nothing else is */
    for (int k = 0; k < all.n; k++) {
      const cx_eq *e = g->eq[all.at[k].eq];
      if (all.at[k].kind != CX_FEATURE_SINGULAR || all.at[k].inside != inside) continue;
      cx_interval b = cx_bounds(g, e->body, e);
      if (b.lo > 0 || b.hi < 0) continue;
      bool form = to->n < POINTS && e->kind == EQ_CALC && e->red == RED_none && !(e->body->free_lo & ~own),
           more = false;
      point t = {.u = e->body, .as = to->n};
      for (int side = 0; side < 2 && form; side++)
        if ((t.end[side] = cx_leibniz_ends_at(p, e->id, side))) more |= !ended[side], any = ended[side] = true;
      if (!form && !inside) return NULL;
      if (form && (more || !inside)) to->at[to->n++] = t;
    }
  for (int id = p->first; id < p->last; id++)
    if (below[id] && body[id]) cx_visit(g, body[id], see_both, &f);
  for (int k = 0; k < to->n; k++) any |= to->at[k].both;
  if (!any) return NULL;
  const cx_node *ix[CX_MAX_RANK], *end[2];
  for (int d = 0; d < p->r0; d++) ix[d] = cx_index(g, d);
  for (int s = 0; s < 2; s++) end[s] = cx_load(g, p->I->prim_arg[s ? CX_INTEGRAL_HI : CX_INTEGRAL_LO], ix, p->r0);
  const cx_node *range = cx_op2(g, OP_sub, end[1], end[0]), *L2 = times(g, range, range);
  L2 = read_here(p, here(p, NULL, cx_op3(g, OP_select, cx_op1(g, OP_isfinite, L2), L2, cx_const(g, 1)))->id);
  for (int k = 0; k < to->n; k++) {
    point *t = &to->at[k];
    bool literal = false;
    bends b = {p, f.mask, false};
    for (int id = p->first; id < p->last && !literal; id++)
      literal = below[id] && body[id] && contains(g, body[id], t->u);
    cx_visit(g, t->u, see_bend, &b);
    if (b.yes || (!literal && t->both)) return NULL;
    for (int m = 0; m < k && t->as == k; m++)
      if (same(p, t->u, to->at[m].u)) t->as = to->at[m].as;
    if (t->as == k) measure(p, t, L2);
    else to->at[t->as].both |= t->both;
  }
  return to;
}

/* product of the squared distances to all points but two */
static const cx_node *apart(cx_graph *g, const struct cx_points *s, int j, int k) {
  const cx_node *r = cx_const(g, 1);
  for (int i = 0; i < s->n; i++)
    if (s->at[i].as == i && i != j && i != k) r = times(g, r, s->at[i].d2);
  return r;
}

bool cx_leibniz_hold(cx_leibniz *p, uint32_t *velocity) {
  cx_graph *g = p->g;
  struct cx_points *s = find(p);
  if (!s) return false;
  const cx_node *sum = cx_const(g, CX_TINY);
  int n = 0;
  for (int j = 0; j < s->n; j++)
    if (s->at[j].as == j) sum = plus(g, sum, apart(g, s, j, j)), n++;
  sum = n > 1 ? read_here(p, here(p, NULL, sum)->id) : cx_const(g, 1);
  s->factor = CX_NEW_N(g->arena, uint32_t, p->local.n * POINTS + 1);
  for (int q = 0; q < p->local.n; q++) {
    const cx_node *du[POINTS], *v[POINTS], *V = cx_const(g, 0), *zero = V;
    const cx_eq *like = NULL;
    bool moves = false;
    for (int j = 0; j < s->n; j++) {
      const point *t = &s->at[j];
      s->factor[q * POINTS + j] = UINT32_MAX;
      if (t->as != j) continue;
      uint32_t da = cx_diff_forward(g, t->eq, p->local.at[q].leaf, p->r0);
      bool still = cx_is_zero(g, da);
      du[j] = still ? zero : g->eq[da]->body->op == OP_const ? g->eq[da]->body : read_here(p, da);
      v[j] = cx_op1(g, OP_neg, times(g, du[j], t->turn));
      if (still) continue;
      like = g->eq[da];
      moves |= t->both || t->end[0] || t->end[1];
    }
    if (!moves) continue;
    bool one = true; /* they all move alike */
    for (int j = 0; j < s->n; j++) {
      if (s->at[j].as != j) continue;
      one &= v[j] == v[0];
      V = plus(g, V, times(g, v[j], over(g, apart(g, s, j, j), sum)));
    }
    velocity[q] = here(p, like, one ? v[0] : V)->id;
    for (int k = 0; k < s->n; k++) {
      const point *t = &s->at[k];
      if (t->as != k) continue;
      const cx_node *slope = read_here(p, t->dx), *e = times(g, du[k], t->rest);
      if (!one) e = times(g, e, over(g, apart(g, s, k, k), sum));
      for (int j = 0; j < s->n && !one; j++) {
        if (j == k || s->at[j].as != j) continue;
        const cx_node *w = times(g, t->d2_by_u, over(g, apart(g, s, j, k), sum));
        e = plus(g, e, times(g, w, plus(g, du[k], times(g, v[j], slope))));
      }
      if (!cx_is_number(e, 0)) s->factor[q * POINTS + k] = here(p, like, e)->id;
    }
    p->points = s;
  }
  return p->points != NULL;
}

bool cx_leibniz_held(const cx_leibniz *p, const cx_node *u) {
  for (int k = 0; p->points && k < p->points->n; k++) {
    const cx_node *v = p->points->at[k].u;
    if (same(p, u, v)) return true;
  }
  return false;
}

const cx_node *cx_leibniz_held_end(const cx_leibniz *p, int side) {
  const cx_node *where = NULL;
  for (int k = 0; p->points && k < p->points->n; k++) {
    const cx_node *one = p->points->at[k].end[side];
    if (one) where = where ? cx_op2(p->g, OP_or, where, one) : one;
  }
  return where;
}

/* ---- the integrand in coordinates that move ---- */
typedef struct {
  const cx_node *m, *factor; /* its value is their product; NULL: 1 */
} parted;
typedef struct {
  cx_leibniz *p;
  int q;
  uint32_t X, factor[POINTS]; /* the place; by point: 1 + e (a - a0), or UINT32_MAX */
  uint32_t still[POINTS];     /* u of which diff knows nothing */
  uint32_t *map;              /* by equation: its copy */
  parted *memo;               /* by node */
} carrier;

static const cx_node *whole(cx_graph *g, parted a) { return a.factor ? times(g, a.m, a.factor) : a.m; }
static const cx_node *product(cx_graph *g, cx_op op, const cx_node *a, const cx_node *b) {
  const cx_node *one = cx_const(g, 1);
  return !b ? a : !a && op == OP_mul ? b : cx_op2(g, op, a ? a : one, b);
}
static parted carry(carrier *c, const cx_node *n) {
  cx_graph *g = c->p->g;
  if (c->memo[n->id].m) return c->memo[n->id];
  parted r = {n, NULL}, a[CX_MAX_RANK];
  const cx_node *arg[CX_MAX_RANK];
  int at = -1;
  for (int k = 0; c->p->points && k < c->p->points->n && at < 0; k++)
    if (c->p->points->at[k].u == n) at = k;
  for (int k = 0; k < n->nargs && at < 0; k++) a[k] = carry(c, n->arg[k]), arg[k] = whole(g, a[k]);
  switch (at >= 0 ? OP_none : n->op) {
    case OP_none: {
      uint32_t e = c->factor[c->p->points->at[at].as];
      r = (parted){read_here(c->p, c->still[at]), e == UINT32_MAX ? NULL : read_here(c->p, e)};
      break;
    }
    case OP_load:
      if (n->u.eq == c->p->x) r.m = read_here(c->p, c->X);
      else r.m = cx_load(g, (int)n->u.eq < c->p->last ? c->map[n->u.eq] : n->u.eq, arg, n->nargs);
      break;
    case OP_neg:
    case OP_abs: r = (parted){cx_op1(g, (cx_op)n->op, a[0].m), a[0].factor}; break;
    case OP_sign: r.m = cx_op1(g, OP_sign, a[0].m); break;
    case OP_sqrt:
    case OP_cbrt:
      r.m = cx_op1(g, (cx_op)n->op, a[0].m);
      if (a[0].factor) r.factor = cx_op1(g, (cx_op)n->op, a[0].factor);
      break;
    case OP_mul:
    case OP_div:
      r.m = cx_op2(g, (cx_op)n->op, a[0].m, a[1].m);
      r.factor = product(g, (cx_op)n->op, a[0].factor, a[1].factor);
      break;
    case OP_pow:
      r.m = cx_op2(g, OP_pow, a[0].m, arg[1]);
      if (a[0].factor) r.factor = cx_op2(g, OP_pow, a[0].factor, arg[1]);
      break;
    case OP_log:
    case OP_log2:
    case OP_log10:
      r.m = cx_op1(g, (cx_op)n->op, a[0].m);
      if (a[0].factor) r.m = plus(g, r.m, cx_op1(g, (cx_op)n->op, a[0].factor));
      break;
    case OP_xlogy:
      r.m = cx_op2(g, OP_xlogy, arg[0], a[1].m);
      if (a[1].factor) r.m = plus(g, r.m, times(g, arg[0], cx_op1(g, OP_log, a[1].factor)));
      break;
    default:
      if (n->nargs) r.m = cx_opn(g, (cx_op)n->op, arg, n->nargs);
  }
  return c->memo[n->id] = r;
}

/* start + rate (a - a0), summed over what the leaf has behind the instances */
static uint32_t moved(const cx_leibniz *p, const cx_eq *leaf, const cx_eq *a0, const cx_node *start, uint32_t rate) {
  cx_graph *g = p->g;
  int rest = leaf->rank - p->r0;
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < leaf->rank; d++) sub[d] = cx_index(g, d < p->r0 ? d : d + 1);
  const cx_node *by = cx_op2(g, OP_sub, cx_load(g, leaf->id, sub, leaf->rank), cx_load(g, a0->id, sub, leaf->rank));
  by = times(g, read_here(p, rate), by);
  if (rest) {
    cx_eq *t = here(p, NULL, by);
    t->red = RED_sum;
    t->nred = (uint8_t)rest;
    memcpy(t->rdim, leaf->dim + p->r0, (size_t)rest * sizeof *t->rdim);
    by = read_here(p, t->id);
  }
  return here(p, NULL, plus(g, start, by))->id;
}
static uint32_t still(cx_leibniz *p, uint32_t eq) {
  cx_graph *g = p->g;
  cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
  e->rank = g->eq[eq]->rank;
  memcpy(e->dim, g->eq[eq]->dim, sizeof e->dim);
  e->inert = true;
  e->body = read_here(p, eq);
  return e->id;
}

typedef struct { /* equations that go, and what stands for their loads */
  uint32_t X, a0, leaf, v, V;
  const cx_node *x;
  const carrier *c;
  const uint32_t *e0, *e;
} settled;
static const cx_node *settle(void *user, cx_graph *g, const cx_node *n) {
  const settled *s = user;
  if (n->op != OP_load) return n;
  uint32_t id = n->u.eq;
  if (id == s->X) return s->x;
  if (id == s->a0) return cx_load(g, s->leaf, n->arg, n->nargs);
  if (id == s->v) return cx_load(g, s->V, n->arg, n->nargs);
  const struct cx_points *points = s->c->p->points;
  for (int k = 0; points && k < points->n; k++) {
    if (id == s->c->still[k]) return points->at[k].u;
    if (id == s->c->factor[k]) return cx_const(g, 1);
    if (id == s->e0[k]) return cx_load(g, s->e[k], n->arg, n->nargs);
  }
  return n;
}

uint32_t cx_leibniz_carried(cx_leibniz *p, int q) {
  cx_graph *g = p->g;
  uint32_t leaf = p->local.at[q].leaf, V = p->velocity[q], v = still(p, V), a0 = still(p, leaf);
  const cx_eq *le = g->eq[leaf];
  const cx_node *k = cx_index(g, p->r0), *x = cx_load(g, p->x, &k, 1), *one = cx_const(g, 1);
  carrier c = {.p = p, .q = q, .map = CX_NEW_N(g->arena, uint32_t, p->last + 1)};
  uint32_t e0[POINTS], e[POINTS];
  c.X = moved(p, le, g->eq[a0], x, v);
  for (int m = 0; m < POINTS; m++) {
    c.factor[m] = c.still[m] = e0[m] = e[m] = UINT32_MAX;
    if (!p->points || m >= p->points->n) continue;
    cx_eq *u = here(p, NULL, p->points->at[m].u);
    u->inert = true;
    c.still[m] = u->id, e[m] = p->points->factor[q * POINTS + m];
    if (e[m] != UINT32_MAX) e0[m] = still(p, e[m]), c.factor[m] = moved(p, le, g->eq[a0], one, e0[m]);
  }
  int begin = g->neq;
  const uint32_t *mask = cx_node_dims(g, g->arena, p->x);
  for (int id = 0; id < p->last; id++) {
    c.map[id] = (uint32_t)id;
    if (id < p->first || !(mask[id] & CX_DEPENDS)) continue;
    cx_eq *t = cx_eq_new(g, g->eq[id]->name, (cx_eq_kind)g->eq[id]->kind), copy = *g->eq[id];
    copy.id = t->id;
    *t = copy;
    c.map[id] = t->id;
    t->lo = -INFINITY, t->hi = INFINITY;
  }
  for (int id = p->first; id < p->last; id++) {
    cx_eq *t = g->eq[c.map[id]];
    if (t->id == (uint32_t)id) continue;
    if (t->kind == EQ_CALC) {
      c.memo = CX_NEW_N(g->arena, parted, (size_t)t->body->id + 1);
      t->body = whole(g, carry(&c, t->body));
    }
    for (int m = 0; m < t->nprim_arg; m++)
      if ((int)t->prim_arg[m] < p->last) t->prim_arg[m] = c.map[t->prim_arg[m]];
  }
  uint32_t d = cx_diff_forward(g, c.map[p->f], leaf, p->r0), spread = cx_diff_forward(g, V, p->x, 1);
  settled s = {.X = c.X, .a0 = a0, .leaf = leaf, .v = v, .V = V, .x = x, .c = &c, .e0 = e0, .e = e};
  for (int id = begin; id < g->neq; id++)
    if (g->eq[id]->kind == EQ_CALC) g->eq[id]->body = cx_rewrite(g, g->eq[id]->body, settle, &s);
  const cx_eq *fe = g->eq[p->f], *de = g->eq[d];
  cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
  const cx_node *at[CX_MAX_RANK], *sub[CX_MAX_RANK];
  t->span = de->span, t->rank = de->rank;
  memcpy(t->dim, de->dim, sizeof t->dim);
  int rest = le->rank - p->r0;
  for (int m = 0; m < fe->rank; m++) at[m] = cx_index(g, m);
  for (int m = 0; m <= p->r0; m++) sub[m] = at[m];
  for (int m = 0; m < rest; m++) sub[p->r0 + 1 + m] = cx_index(g, fe->rank + m);
  t->body = cx_is_zero(g, d) ? cx_const(g, 0) : cx_load_here(g, de);
  if (!cx_is_zero(g, spread))
    t->body = plus(g, t->body, times(g, cx_load(g, p->f, at, fe->rank), cx_load(g, spread, sub, p->r0 + 1 + rest)));
  return t->id;
}

/* ---- the ends ---- */
const cx_node *cx_leibniz_drift(cx_leibniz *p, int side, uint32_t f, const cx_node *sum) {
  cx_graph *g = p->g;
  const uint32_t *mask = cx_node_dims(g, g->arena, p->x);
  const cx_eq *fe = g->eq[f], *end = g->eq[p->I->prim_arg[side ? CX_INTEGRAL_HI : CX_INTEGRAL_LO]];
  const cx_node *ix[CX_MAX_RANK] = {0}, *sub[CX_MAX_RANK], *zero = cx_const(g, 0);
  for (int d = 0; d < p->r0; d++) ix[d] = sub[d] = cx_index(g, d);
  const cx_node *x = cx_load(g, end->id, ix, p->r0);
  for (int q = 0; q < p->local.n; q++) {
    if (p->velocity[q] == UINT32_MAX) continue;
    const cx_eq *V = g->eq[p->velocity[q]], *t = V;
    int rest = V->rank - p->r0 - 1;
    bool varies = (mask[V->id] & CX_DEPENDS) != 0;
    if (varies) {
      cx_compose *c = cx_compose_new(g, g, p->x, x, p->I->dim, p->r0);
      uint32_t there = cx_compose_eq(c, V->id, ix);
      t = g->eq[there];
    } else sub[p->r0] = zero;
    for (int d = 0; d < rest; d++) sub[p->r0 + !varies + d] = cx_index(g, fe->rank + d);
    cx_eq *B = cx_eq_new(g, NULL, EQ_CALC);
    B->span = p->I->span;
    for (int d = 0; d < fe->rank; d++) cx_leibniz_dim(p, B, fe->dim[d]);
    for (int d = 0; d < rest; d++) cx_leibniz_dim(p, B, V->dim[p->r0 + 1 + d]);
    const cx_node *at[CX_MAX_RANK];
    for (int d = 0; d < fe->rank; d++) at[d] = cx_index(g, d);
    const cx_node *there = cx_load(g, t->id, sub, t->rank), *flux = times(g, cx_load(g, f, at, fe->rank), there);
    flux = cx_op3(g, OP_select, cx_op2(g, OP_and, cx_op1(g, OP_isfinite, x), there), flux, zero);
    B->body = side ? cx_op1(g, OP_neg, flux) : flux;
    sum = cx_leibniz_term(p, sum, &p->local.at[q], B->id, 0);
  }
  return sum;
}
