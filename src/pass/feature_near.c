/* feature_near.c - an integrand about a singular point, or an end of the range, as a graph of its own. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

/* ---- all that lies below the integrand `root` ---- */
typedef struct {
  cx_graph *g;
  bool *seen, inside;
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
    if (r->inside || !cx_is_integral(e) || (k != CX_INTEGRAL_F && k != CX_CROSSING_G)) go(r, e->prim_arg[k]);
}

void cx_mark_below(cx_graph *g, uint32_t root, bool inside, bool *seen) {
  reach r = {g, seen, inside};
  go(&r, root);
}

/* ---- the integrand near a root of u ----
 * Where u vanishes, x = at + t, its value is taken from u = slope t + bend t^2 / 2: what is left of a difference of
 * nearly equal numbers would be rounding. (A parabola that comes near to 0 is base + bend t^2 / 2 about its top.) Exact
 * for degrees 1 and 2; else for t so small that u' is as that says.
 *
 * What conditions compare is formed from z, its value at the place, and d, how much it differs there: 1 - x at 1 - t is
 * 0 + t. The d of an op follows from those of its arguments with nothing cancelled: exp(a + d) - exp(a) = exp(a) expm1(d). */
typedef struct {
  uint32_t x, *mask, *map;
  int known;
  const cx_node *u, *near, *place;
  const cx_node *base, *off;       /* near = base + off */
  const cx_node *at, *t;           /* x = at + t */
  const cx_node **zero, **by, **v; /* z, d and z + d of nodes, as far as they were asked for */
  uint32_t nmemo, *zeros, *bys;    /* of equations; 0: not yet */
  bool plain;                      /* at x = at + t itself */
} nearer;
static const cx_node *come_near(void *user, cx_graph *g, const cx_node *n) {
  nearer *c = user;
  if (n == c->u) return c->near;
  if (n->op != OP_load) return n;
  if (n->u.eq == c->x) return c->place;
  return (int)n->u.eq < c->known && (c->mask[n->u.eq] & CX_DEPENDS) ? cx_load(g, c->map[n->u.eq], n->arg, n->nargs) : n;
}
#define OP1(op, a)    cx_op1(g, OP_##op, a)
#define OP2(op, a, b) cx_op2(g, OP_##op, a, b)
/* an op of arg[] that is singular where u is 0, which it does not hold: by u itself */
static const cx_node *by_distance(const nearer *c, cx_graph *g, const cx_node *n, const cx_node *const *arg) {
  if (!c->u || !n->nargs) return NULL;
  const cx_node *one = cx_const(g, 1), *before = n->arg[n->nargs - 1], *a = arg[n->nargs - 1];
  bool below = c->u == OP2(sub, one, before); /* 1 */
  if (n->op == OP_log1p && c->u == OP2(add, one, before)) return OP1(log, c->near);
  if (n->op == OP_logit && below) return OP1(log, OP2(div, a, c->near));
  if (n->op == OP_beta_inc_dx && below) return cx_op3(g, OP_beta_inc_dx, arg[1], arg[0], c->near);
  if (n->op == OP_tan && c->u == OP1(cos, before)) return OP2(div, OP1(sin, a), c->near);
  return NULL;
}

static const cx_node *again(cx_graph *g, const cx_node *n, const cx_node *const *arg) {
  return n->op == OP_load ? cx_load(g, n->u.eq, arg, n->nargs) : cx_opn(g, (cx_op)n->op, arg, n->nargs);
}
static const cx_node *at_place(nearer *c, cx_graph *g, const cx_node *n);
static const cx_node *differs(nearer *c, cx_graph *g, const cx_node *n);
static const cx_node *value(nearer *c, cx_graph *g, const cx_node *n);
static bool of_x(const nearer *c, const cx_node *n) {
  return n->op == OP_load && (n->u.eq == c->x || ((int)n->u.eq < c->known && (c->mask[n->u.eq] & CX_DEPENDS)));
}
/* an equation of x at the place itself, or by how much it differs there */
static uint32_t copied(nearer *c, cx_graph *g, uint32_t from, bool by) {
  uint32_t *to = by ? c->bys : c->zeros;
  if (to[from]) return to[from];
  cx_eq *e = cx_eq_new(g, g->eq[from]->name, (cx_eq_kind)g->eq[from]->kind), copy = *g->eq[from];
  copy.id = to[from] = e->id;
  *e = copy;
  if (e->kind != EQ_CALC) return e->id; /* which near graphs do not hold */
  const cx_node *body = e->body;
  if (!by) e->body = at_place(c, g, body);
  else if (e->red == RED_none || e->red == RED_sum) e->body = differs(c, g, body);
  else {
    const cx_eq *z = g->eq[copied(c, g, from, false)], *v = g->eq[c->map[from]];
    e->red = RED_none, e->nred = 0;
    e->body = cx_op2(g, OP_sub, cx_load_here(g, v), cx_load_here(g, z));
  }
  return e->id;
}
static const cx_node *at_place(nearer *c, cx_graph *g, const cx_node *n) {
  if (n->id < c->nmemo && c->zero[n->id]) return c->zero[n->id];
  const cx_node *arg[CX_MAX_RANK], *r = n;
  bool same = true;
  if (n == c->u) r = c->base;
  else if (n->op == OP_load && n->u.eq == c->x) r = c->at;
  else {
    for (int k = 0; k < n->nargs; k++) arg[k] = at_place(c, g, n->arg[k]), same &= arg[k] == n->arg[k];
    if (of_x(c, n)) r = cx_load(g, copied(c, g, n->u.eq, false), arg, n->nargs);
    else if (!same) r = again(g, n, arg);
  }
  if (n->id < c->nmemo) c->zero[n->id] = r;
  return r;
}
#define Z(n) at_place(c, g, n)
#define D(n) differs(c, g, n)
#define V(n) value(c, g, n)
/* d = z factor(small) while the argument's change is small; far from the place nothing cancels, and z may be 0 there
 * where the factor has no bound: |t|^1.5 at 0, exp(-1 / |t|) */
static const cx_node *scaled(nearer *c, cx_graph *g, const cx_node *n, const cx_node *z, const cx_node *factor,
                             const cx_node *small) {
  const cx_node *close = OP2(lt, OP1(abs, small), cx_const(g, 0.5));
  return cx_op3(g, OP_select, close, OP2(mul, z, factor), OP2(sub, V(n), Z(n)));
}
static const cx_node *difference_of(nearer *c, cx_graph *g, const cx_node *n) {
  const cx_node *a = n->nargs > 0 ? n->arg[0] : NULL, *b = n->nargs > 1 ? n->arg[1] : NULL, *z = at_place(c, g, n);
  const cx_node *half = cx_const(g, 0.5), *one = cx_const(g, 1), *small;
  switch (n->op) {
    case OP_neg: return OP1(neg, D(a));
    case OP_add:
    case OP_sub: return cx_op2(g, (cx_op)n->op, D(a), D(b));
    case OP_mul: return OP2(add, OP2(mul, Z(a), D(b)), OP2(mul, D(a), V(b)));
    case OP_div: return OP2(div, OP2(sub, D(a), OP2(mul, z, D(b))), V(b));
    case OP_sqrt: return OP2(div, D(a), OP2(add, OP1(sqrt, V(a)), z));
    case OP_exp: return scaled(c, g, n, z, OP1(expm1, D(a)), D(a));
    case OP_expm1: return scaled(c, g, n, OP2(add, z, one), OP1(expm1, D(a)), D(a));
    case OP_log: return OP1(log1p, OP2(div, D(a), Z(a)));
    case OP_log1p: return OP1(log1p, OP2(div, D(a), OP2(add, one, Z(a))));
    case OP_sin:
    case OP_cos: {
      const cx_node *h = OP2(mul, half, D(a)), *middle = OP2(add, Z(a), h), *s = OP1(sin, h);
      return OP2(mul, cx_const(g, n->op == OP_sin ? 2 : -2),
                 OP2(mul, s, n->op == OP_sin ? OP1(cos, middle) : OP1(sin, middle)));
    }
    case OP_pow:
      if (b->op == OP_const && b->u.num == 2) return OP2(mul, D(a), OP2(add, V(a), Z(a)));
      if (b->op != OP_const) break;
      small = OP2(div, D(a), Z(a));
      return scaled(c, g, n, z, OP1(expm1, OP2(mul, b, OP1(log1p, small))), small);
    default: break;
  }
  return OP2(sub, V(n), z);
}
static const cx_node *differs(nearer *c, cx_graph *g, const cx_node *n) {
  if (n->id < c->nmemo && c->by[n->id]) return c->by[n->id];
  const cx_node *r;
  if (n == c->u) r = c->off;
  else if (n->op == OP_load && n->u.eq == c->x) r = c->t;
  else if (at_place(c, g, n) == n) r = cx_const(g, 0); /* it does not depend on x */
  else if (of_x(c, n)) r = cx_load(g, copied(c, g, n->u.eq, true), n->arg, n->nargs);
  else r = difference_of(c, g, n);
  if (n->id < c->nmemo) c->by[n->id] = r;
  return r;
}
/* z + d, else plainly: at a singular point z is infinite */
static const cx_node *total(cx_graph *g, const cx_node *z, const cx_node *d, const cx_node *plain) {
  const cx_node *sum = OP2(add, z, d);
  return cx_op3(g, OP_select, OP1(isfinite, sum), sum, plain);
}
static const cx_node *value(nearer *c, cx_graph *g, const cx_node *n) {
  if (n->id < c->nmemo && c->v[n->id]) return c->v[n->id];
  const cx_node *arg[CX_MAX_RANK], *r = n, *near, *one = cx_const(g, 1), *half = cx_const(g, 0.5);
  if (n == c->u) r = c->near;
  else if (n->op == OP_load && n->u.eq == c->x) r = c->place;
  else if (at_place(c, g, n) != n) {
    for (int k = 0; k < n->nargs; k++) arg[k] = value(c, g, n->arg[k]);
    r = again(g, n, arg);
    if (of_x(c, n))
      r = total(g, cx_load(g, copied(c, g, n->u.eq, false), arg, n->nargs),
                cx_load(g, copied(c, g, n->u.eq, true), arg, n->nargs), come_near(c, g, n));
    else if (n->op == OP_add || n->op == OP_sub) r = total(g, Z(n), D(n), r);
    else if ((near = by_distance(c, g, n, arg))) r = near;
    else if (n->op == OP_log1p) { /* near its own singular point */ const cx_node *z = OP2(add, one, Z(n->arg[0]));
      r = cx_op3(g, OP_select, OP2(lt, z, half), OP1(log, OP2(add, z, D(n->arg[0]))), r);
    } else if (n->op == OP_logit || n->op == OP_atanh) {
      const cx_node *z = Z(n->arg[0]), *d = D(n->arg[0]), *down = OP2(sub, OP2(sub, one, z), d);
      const cx_node *up = n->op == OP_logit ? arg[0] : OP2(add, OP2(add, one, z), d);
      const cx_node *log = OP1(log, OP2(div, up, down));
      r = cx_op3(g, OP_select, OP2(lt, half, OP1(abs, z)), n->op == OP_logit ? log : OP2(mul, half, log), r);
    }
  }
  if (n->id < c->nmemo) c->v[n->id] = r;
  return r;
}
/* a condition of x; what it compares beside 0, where both depend on x */
static const cx_node *compared(nearer *c, cx_graph *g, const cx_node *n) {
  const cx_node *a = n->arg[0], *b = n->arg[1];
  bool fixed[2] = {at_place(c, g, a) == a, at_place(c, g, b) == b};
  if (fixed[0] && fixed[1]) return NULL;
  if (fixed[0] || fixed[1]) return cx_op2(g, (cx_op)n->op, V(a), V(b));
  const cx_node *plain = OP2(sub, V(a), V(b));
  return cx_op2(g, (cx_op)n->op, total(g, OP2(sub, Z(a), Z(b)), OP2(sub, D(a), D(b)), plain), cx_const(g, 0));
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
    const cx_node *exact = c->plain ? NULL : compared(c, g, n);
    if (exact) return memo[n->id] = exact;
  }
  if (!c->plain && (n->op == OP_abs || n->op == OP_min || n->op == OP_max)) return memo[n->id] = value(c, g, n);
  if (n != c->u && n->nargs) {
    bool same = true;
    for (int k = 0; k < n->nargs; k++) arg[k] = rewrite_down(c, g, n->arg[k], memo), same &= arg[k] == n->arg[k];
    const cx_node *near = by_distance(c, g, n, arg);
    if (near) r = near;
    else if (!same) r = n->op == OP_load ? cx_load(g, n->u.eq, arg, n->nargs) : cx_opn(g, (cx_op)n->op, arg, n->nargs);
  }
  return memo[n->id] = come_near(c, g, r);
}

enum { NEAR_INPUTS = 5 }; /* at, t, slope, bend, base */
/* the part of g with these inputs, those of a near graph, and outputs */
static cx_graph *cut_out(cx_graph *g, const uint32_t *input, int ninput, const uint32_t *extra, const uint32_t *out,
                         int nout) {
  uint32_t *root = CX_NEW_N(g->arena, uint32_t, ninput + NEAR_INPUTS + nout + 1);
  int n = 0;
  for (int j = 0; j < ninput; j++) root[n++] = input[j];
  for (int j = 0; j < NEAR_INPUTS; j++) root[n++] = extra[j];
  for (int j = 0; j < nout; j++) root[n++] = out[j];
  int32_t *to = CX_NEW_N(g->arena, int32_t, g->neq + 1);
  cx_graph *part = cx_extract(g, g->arena, root, n, to);
  part->nout = 0;
  for (int j = 0; j < nout; j++) cx_graph_output(part, (uint32_t)to[out[j]]);
  return part;
}

cx_graph *cx_near_graph(cx_graph *g, const cx_integrand *in, uint32_t x, const cx_eq *of, const cx_eq *slope_of,
                        int degree, const uint32_t *input, int ninput, const uint32_t *out, int nout,
                        const uint32_t *feature, int nfeature, cx_graph **probe) {
  const cx_node *u = of ? of->body : NULL, *rate = of ? slope_of->body : NULL;
  uint32_t extra[NEAR_INPUTS];
  const cx_node *k = cx_index(g, 0), *v[NEAR_INPUTS];
  for (int j = 0; j < NEAR_INPUTS; j++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_INPUT);
    e->rank = 1;
    e->dim[0] = (cx_dim){in->nodes, NULL};
    extra[j] = e->id;
    v[j] = cx_load(g, e->id, &k, 1);
  }
  const cx_node *half = cx_op2(g, OP_mul, cx_const(g, 0.5), cx_op2(g, OP_mul, v[3], v[1]));
  const cx_node *series = cx_op2(g, OP_mul, cx_op2(g, OP_add, v[2], half), v[1]);
  nearer c = {.x = x, .known = g->neq, .u = u, .place = cx_op2(g, OP_add, v[0], v[1])};
  c.at = v[0], c.t = v[1];
  c.mask = cx_node_dims(g, g->arena, x);
  c.map = CX_NEW_N(g->arena, uint32_t, c.known);
  bool *below = CX_NEW_N(g->arena, bool, c.known);
  for (int j = 0; j < nout; j++) cx_mark_below(g, out[j], false, below);
  for (int id = 0; id < c.known; id++) {
    const cx_node *body = g->eq[id]->kind == EQ_CALC ? g->eq[id]->body : NULL;
    c.map[id] = (uint32_t)id;
    if (body && body->id >= c.nmemo) c.nmemo = body->id + 1;
    if (!(c.mask[id] & CX_DEPENDS) || (uint32_t)id == x) continue;
    cx_eq *e = cx_eq_new(g, g->eq[id]->name, (cx_eq_kind)g->eq[id]->kind), copy = *g->eq[id];
    copy.id = e->id;
    *e = copy;
    c.map[id] = e->id;
  }
  if (u && !degree) { /* u at at + t itself, for what the series does not reach */
    nearer direct = c;
    direct.u = NULL, direct.plain = true;
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
  /* what stays off 0 is a parabola, which its series is */
  c.base = degree == 2 ? v[4] : cx_const(g, 0);
  c.off = series, c.near = cx_op2(g, OP_add, c.base, series);
  c.zero = CX_NEW_N(g->arena, const cx_node *, c.nmemo + 1);
  c.by = CX_NEW_N(g->arena, const cx_node *, c.nmemo + 1);
  c.v = CX_NEW_N(g->arena, const cx_node *, c.nmemo + 1);
  c.zeros = CX_NEW_N(g->arena, uint32_t, c.known + 1);
  c.bys = CX_NEW_N(g->arena, uint32_t, c.known + 1);
  for (int id = 0; id < c.known; id++) {
    if (c.map[id] == (uint32_t)id) continue;
    cx_eq *e = g->eq[c.map[id]];
    if (e->kind == EQ_CALC)
      e->body = rewrite_down(&c, g, e->body, CX_NEW_N(g->arena, const cx_node *, (size_t)e->body->id + 1));
    for (int j = 0; j < e->nprim_arg; j++)
      if ((int)e->prim_arg[j] < c.known) e->prim_arg[j] = c.map[e->prim_arg[j]];
  }
  uint32_t *end = CX_NEW_N(g->arena, uint32_t, nout + nfeature + 1);
  if (probe) {
    for (int j = 0; j < nfeature; j++) {
      const cx_eq *f = g->eq[feature[j]];
      end[j] = c.map[f->id];
      if (f->kind == EQ_CALC && f->red == RED_none) g->eq[end[j]]->body = value(&c, g, f->body);
    }
    *probe = cut_out(g, input, ninput, extra, end, nfeature);
  }
  for (int j = 0; j < nout; j++) end[j] = c.map[out[j]];
  return cut_out(g, input, ninput, extra, end, nout);
}
