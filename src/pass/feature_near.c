/* feature_near.c - an integrand about a singular point, as a graph of its own. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

/* ---- all that lies below the integrand `root` ---- */
typedef struct {
  cx_graph *g;
  bool *seen;
} reach;
static void go(reach *r, uint32_t id);
static void go_load(void *user, const cx_node *n) {
  if (n->op == OP_load) go(user, n->u.eq);
}
static void go(reach *r, uint32_t id) {
  if (r->seen[id]) return;
  r->seen[id] = true;
  const cx_eq *e = r->g->eq[id];
  if (e->kind == EQ_CALC && e->body) cx_visit(r->g, e->body, go_load, r);
  for (int k = 0; e->kind == EQ_PRIM && k < e->nprim_arg; k++)
    if (!cx_is_integral(e) || (k != CX_INTEGRAL_F && k != CX_CROSSING_G)) go(r, e->prim_arg[k]);
}

void cx_mark_below(cx_graph *g, uint32_t root, bool *seen) {
  reach r = {g, seen};
  go(&r, root);
}

/* ---- the integrand near a root of u ----
 * Where u vanishes, x = at + t, its value is taken from u = slope t + bend t^2 / 2: what is left of a difference of
 * nearly equal numbers would be rounding. Exact for degrees 1 and 2; else for t so small that u' is as that says. */
typedef struct {
  uint32_t x, *mask, *map;
  int known;
  const cx_node *u, *near, *place;
} nearer;
static const cx_node *come_near(void *user, cx_graph *g, const cx_node *n) {
  nearer *c = user;
  if (n == c->u) return c->near;
  if (n->op != OP_load) return n;
  if (n->u.eq == c->x) return c->place;
  return (int)n->u.eq < c->known && (c->mask[n->u.eq] & CX_DEPENDS) ? cx_load(g, c->map[n->u.eq], n->arg, n->nargs) : n;
}
/* an op of a that is singular where u is 0, which it does not hold: by u itself */
static const cx_node *by_distance(const nearer *c, cx_graph *g, const cx_node *n, const cx_node *a) {
  const cx_node *one = cx_const(g, 1), *before = n->arg[0];
  if (n->op == OP_log1p && c->u == cx_op2(g, OP_add, one, before)) return cx_op1(g, OP_log, c->near);
  if (n->op == OP_logit && c->u == cx_op2(g, OP_sub, one, before))
    return cx_op1(g, OP_log, cx_op2(g, OP_div, a, c->near));
  return NULL;
}
/* cx_rewrite goes from the leaves up, so that u would not be recognised after its own x has been replaced */
static const cx_node *rewrite_down(nearer *c, cx_graph *g, const cx_node *n, const cx_node **memo) {
  if (memo[n->id]) return memo[n->id];
  const cx_node *arg[CX_MAX_RANK], *r = n;
  if (n->op == OP_lt || n->op == OP_le) { /* a condition about u knows its sign */
    const cx_node *zero = cx_const(g, 0);
    if (c->u && cx_op2(g, OP_sub, n->arg[0], n->arg[1]) == c->u)
      return memo[n->id] = cx_op2(g, (cx_op)n->op, c->near, zero);
    if (c->u && cx_op2(g, OP_sub, n->arg[1], n->arg[0]) == c->u)
      return memo[n->id] = cx_op2(g, (cx_op)n->op, zero, c->near);
  }
  if (n != c->u && n->nargs) {
    bool same = true;
    for (int k = 0; k < n->nargs; k++) arg[k] = rewrite_down(c, g, n->arg[k], memo), same &= arg[k] == n->arg[k];
    const cx_node *near = c->u && n->nargs == 1 ? by_distance(c, g, n, arg[0]) : NULL;
    if (near) r = near;
    else if (!same) r = n->op == OP_load ? cx_load(g, n->u.eq, arg, n->nargs) : cx_opn(g, (cx_op)n->op, arg, n->nargs);
  }
  return memo[n->id] = come_near(c, g, r);
}

cx_graph *cx_near_graph(cx_graph *g, const cx_integrand *in, uint32_t x, const cx_node *u, const cx_node *rate,
                        int degree, const uint32_t *input, int ninput, const uint32_t *out, int nout) {
  uint32_t extra[4];
  const cx_node *k = cx_index(g, 0), *v[4];
  for (int j = 0; j < 4; j++) { /* at, t, slope, bend */
    cx_eq *e = cx_eq_new(g, NULL, EQ_INPUT);
    e->rank = 1;
    e->dim[0] = (cx_dim){in->nodes, NULL};
    extra[j] = e->id;
    v[j] = cx_load(g, e->id, &k, 1);
  }
  const cx_node *half = cx_op2(g, OP_mul, cx_const(g, 0.5), cx_op2(g, OP_mul, v[3], v[1]));
  const cx_node *series = cx_op2(g, OP_mul, cx_op2(g, OP_add, v[2], half), v[1]);
  nearer c = {.x = x, .known = g->neq, .u = u, .place = cx_op2(g, OP_add, v[0], v[1])};
  c.mask = cx_node_dims(g, g->arena, x);
  c.map = CX_NEW_N(g->arena, uint32_t, c.known);
  bool *below = CX_NEW_N(g->arena, bool, c.known);
  for (int j = 0; j < nout; j++) cx_mark_below(g, out[j], below);
  for (int id = 0; id < c.known; id++) {
    c.map[id] = (uint32_t)id;
    if (!(c.mask[id] & CX_DEPENDS) || (uint32_t)id == x) continue;
    cx_eq *e = cx_eq_new(g, g->eq[id]->name, (cx_eq_kind)g->eq[id]->kind), copy = *g->eq[id];
    copy.id = e->id;
    *e = copy;
    c.map[id] = e->id;
  }
  if (!degree) { /* u at at + t itself, for what the series does not reach */
    nearer direct = c;
    direct.u = NULL;
    const cx_node *full = rewrite_down(&direct, g, u, CX_NEW_N(g->arena, const cx_node *, (size_t)u->id + 1));
    const cx_node *there = rewrite_down(&direct, g, rate, CX_NEW_N(g->arena, const cx_node *, (size_t)rate->id + 1));
    /* The series is wrong by about |off / slope| / 3, u itself by the rounding of its place: the better one is taken. */
    const cx_node *steep = cx_op1(g, OP_abs, v[2]), *linear = cx_op2(g, OP_add, v[2], cx_op2(g, OP_mul, v[3], v[1]));
    const cx_node *off = cx_op1(g, OP_abs, cx_op2(g, OP_sub, there, linear));
    const cx_node *blur = cx_op2(g, OP_mul, cx_const(g, 4 * DBL_EPSILON), cx_op1(g, OP_abs, v[0]));
    const cx_node *small =
        cx_op2(g, OP_le, cx_op2(g, OP_mul, off, cx_op1(g, OP_abs, v[1])), cx_op2(g, OP_mul, blur, steep));
    small = cx_op2(g, OP_or, small, cx_op2(g, OP_le, off, cx_op2(g, OP_mul, cx_const(g, 1e-12), steep)));
    series = cx_op3(g, OP_select, small, series, full);
  }
  c.near = series;
  for (int id = 0; id < c.known; id++) {
    if (c.map[id] == (uint32_t)id) continue;
    cx_eq *e = g->eq[c.map[id]];
    if (e->kind == EQ_CALC)
      e->body = rewrite_down(&c, g, e->body, CX_NEW_N(g->arena, const cx_node *, (size_t)e->body->id + 1));
    for (int j = 0; j < e->nprim_arg; j++)
      if ((int)e->prim_arg[j] < c.known) e->prim_arg[j] = c.map[e->prim_arg[j]];
  }
  uint32_t *root = CX_NEW_N(g->arena, uint32_t, ninput + 4 + nout + 1);
  int n = 0;
  for (int j = 0; j < ninput; j++) root[n++] = input[j];
  for (int j = 0; j < 4; j++) root[n++] = extra[j];
  for (int j = 0; j < nout; j++) root[n++] = c.map[out[j]];
  int32_t *to = CX_NEW_N(g->arena, int32_t, g->neq + 1);
  cx_graph *near = cx_extract(g, g->arena, root, n, to);
  near->nout = 0;
  for (int j = 0; j < nout; j++) cx_graph_output(near, (uint32_t)to[c.map[out[j]]]);
  return near;
}
