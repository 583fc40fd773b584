/* elab_change.c - transformed(x ~ d: e), the distribution of y = e of a continuous x.
 *
 * Where e is monotone, and seen to be so by bounds of its derivative over the support, all follows by change of
 * variables from the x at which e is y. Any other e is taken by the probability of e <= y, whose jumps are found, and by
 * its derivative, the density. What is constant over a part of the support has no density, and is refused. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "front/dist.h"
#include "pass/integral.h"

/* ---- is e monotone? ---- */
typedef struct {
  cx_elab *E;
  const cx_ast *call;
  uint32_t x; /* the input that stands for x */
  cx_names seen;
  bool unsure;         /* a jump, a choice, or more than a formula in x */
  const cx_node *flat; /* is constant over a range of x */
  const cx_node *lost; /* has no value at some x */
} monotony;
typedef struct {
  bool depends;
  const cx_node *slope; /* NULL: not known */
  int trend;            /* 1: rises, -1: falls, 0: not known */
} slope_of;

/* what was made since x was bound may depend on it */
typedef struct {
  uint32_t x;
  bool yes;
} since;
static void see_since(void *user, const cx_node *n) {
  since *q = user;
  q->yes |= n->op == OP_load && n->u.eq >= q->x;
}
static bool constant(const monotony *m, const cx_node *n) {
  since q = {m->x, false};
  cx_visit(m->E->g, n, see_since, &q);
  return !q.yes;
}

/* has the op no value at an end of its one argument that changes? */
static bool no_value(const monotony *m, const cx_node *n, int changes) {
  double at[3];
  cx_interval b = cx_var_bounds(m->E, n->arg[changes]);
  for (int k = 0; k < n->nargs; k++) {
    if (k != changes && n->arg[k]->op != OP_const) return false;
    at[k] = n->arg[k]->u.num;
  }
  for (int side = 0; side < 2; side++) {
    at[changes] = fmax(-1e300, fmin(1e300, side ? b.hi : b.lo));
    if (isnan(cx_ops[n->op].eval(at))) return true;
  }
  return false;
}

static const slope_of *follow(monotony *m, const cx_node *n) {
  cx_graph *g = m->E->g;
  void **at = cx_names_at(m->E->arena, &m->seen, (cx_sym)(const void *)n);
  if (*at) return *at;
  slope_of *s = CX_NEW(m->E->arena, slope_of);
  *at = s;
  s->slope = cx_const(g, 0);
  if (constant(m, n)) return s;
  s->depends = true;
  if (n->op == OP_load) {
    s->slope = n->u.eq == m->x ? cx_const(g, 1) : NULL;
    s->trend = n->u.eq == m->x;
    m->unsure |= n->u.eq != m->x;
    return s;
  }
  int from = n->op == OP_select, changes = -1, many = 0;
  for (int k = from; k < n->nargs; k++) {
    const slope_of *a = follow(m, n->arg[k]);
    bool choice = n->op == OP_select || n->op == OP_min || n->op == OP_max;
    if (choice && !a->depends && !m->flat) m->flat = n;
    if (!a->depends) continue;
    changes = k, many++;
    const cx_node *by = cx_op_diff(g, n->op, k, n->arg);
    if (!a->slope || !by) s->slope = NULL;
    else if (s->slope) s->slope = cx_op2(g, OP_add, s->slope, cx_op2(g, OP_mul, by, a->slope));
  }
  uint32_t facts = cx_ops[n->op].facts;
  if ((facts & F_STEP) && !m->flat) m->flat = n;
  m->unsure |= (facts & F_STEP) || n->op == OP_select || n->op == OP_mod || n->op == OP_tan || !s->slope;
  if (many == 1 && follow(m, n->arg[changes])->trend && !m->lost && no_value(m, n, changes)) m->lost = n;
  if (!s->slope) return s;
  cx_interval b = cx_var_bounds(m->E, s->slope);
  if (many == 1 && n->nargs == 1 && (facts & F_INC)) s->trend = follow(m, n->arg[0])->trend;
  else s->trend = b.lo >= 0 && b.hi > 0 ? 1 : b.hi <= 0 && b.lo < 0 ? -1 : 0;
  return s;
}

static bool refuse(cx_elab *E, const cx_ast *x, const char *what, const char *help) {
  int id = cx_error(E->ctx, x->kid[1]->span, "%s", what);
  cx_diag_label(E->ctx, id, x->kid[0]->kid[0]->span, "`%s` is of this distribution", x->kid[0]->name);
  cx_diag_help(E->ctx, id, "%s", help);
  return false;
}

bool cx_change_trend(cx_elab *E, const cx_ast *x, int *trend, cx_interval *bounds) {
  const cx_ast *bind = x->kid[0];
  cx_dist d;
  cx_val lo, hi;
  if (!cx_dist_of(E, bind->kid[0], &d)) return false;
  cx_dist_support(E, &d, &lo, &hi);
  if (lo.bad || hi.bad) return false;
  cx_eq *input = cx_eq_new(E->g, bind->name, EQ_INPUT);
  monotony m = {.E = E, .call = x, .x = input->id};
  /* what lies strictly between the ends */
  input->lo = fmin(nextafter(cx_var_bounds(E, lo.e).lo, INFINITY), DBL_MAX);
  input->hi = fmax(nextafter(cx_var_bounds(E, hi.e).hi, -INFINITY), -DBL_MAX);
  cx_binding *env = E->env;
  cx_bind_name(E, bind->name, B_VALUE, bind->span)->v = cx_v_node(cx_load(E->g, input->id, NULL, 0), bind->span);
  cx_val v = cx_elab_expr(E, x->kid[1]);
  E->env = env;
  if (v.bad) return false;
  if (v.rank) {
    int id =
        cx_error(E->ctx, x->kid[1]->span, "`transformed` takes one number, but this has shape %s", cx_v_shape(E, v));
    cx_diag_help(E->ctx, id, "write transformed(x ~ normal(0, 1): exp(x))");
    return false;
  }
  if (v.e->op != OP_load && constant(&m, v.e))
    return refuse(E, x, cx_format(E->arena, "this does not change with `%s`: it has no density", bind->name),
                  "write a function of it: transformed(x ~ normal(0, 1): exp(x))");
  const slope_of *s = follow(&m, v.e);
  if (m.flat)
    return refuse(E, x,
                  cx_format(E->arena, "this is constant over a range of `%s`: it has no density there", bind->name),
                  cx_format(E->arena, "ask for what is wanted of it: expect(%s ~ ..: e), prob(%s ~ ..: e < 1)",
                            bind->name, bind->name));
  if (m.lost)
    return refuse(E, x,
                  cx_format(E->arena, "`%s` has no value here for some `%s`", cx_ops[m.lost->op].name, bind->name),
                  "restrict the distribution to where it has one: truncated(normal(0, 1), 0, inf)");
  *trend = m.unsure ? 0 : s->trend;
  *bounds = cx_var_bounds(E, v.e);
  return true;
}

/* ---- the x of which e is y, between the ends of the support; an end, where y is beyond ---- */
typedef struct {
  cx_range r;
  const cx_ast *e, *bind;
  cx_val y;
} inverse;
static cx_val changed(cx_elab *E, const inverse *v, cx_val x) {
  cx_binding *env = E->env;
  cx_bind_name(E, v->bind->name, B_VALUE, v->bind->span)->v = x;
  cx_val y = cx_elab_expr(E, v->e);
  E->env = env;
  return y;
}
static cx_val missed(cx_elab *E, void *user) {
  const inverse *v = user;
  return op2(E, OP_sub, changed(E, v, cx_range_place(E, &v->r, E->env->v)), v->y);
}
static cx_val inverse_of(cx_elab *E, const cx_ast *x) {
  enum { FAR = 700, WIDE = 36 };
  cx_dist d;
  inverse v = {.e = x->kid[1], .bind = x->kid[2]};
  cx_span s = x->span;
  if (!cx_dist_of(E, x->kid[0], &d) || (v.y = cx_elab_expr(E, x->kid[3])).bad) return cx_v_bad(s);
  if (!cx_range_of(E, &d, &v.r)) return cx_v_bad(s);
  double far = cx_dist_closed(&d) ? 700 : WIDE;
  /* e as a formula in u: where 1 - logistic(u) became logistic(-u) in it, it tells places apart beyond u = 36 */
  cx_eq *input = cx_eq_new(E->g, NULL, EQ_INPUT);
  const cx_node *by = cx_load(E->g, input->id, NULL, 0);
  cx_val form = changed(E, &v, cx_range_place(E, &v.r, cx_v_node(by, s))), y[2];
  if (form.bad) return form;
  double last = 0, next;
  bool told = true;
  for (int k = 0; k < 4; k++) {
    static const double at[] = {30, 36, 40, FAR};
    cx_val at_k = cx_v_node(cx_exchange(E->g, form.e, by, cx_const(E->g, at[k])), s);
    told = told && cx_v_const(E, at_k, &next) && isfinite(next) && (k == 0 || next != last);
    last = next;
  }
  double from = v.r.low ? -FAR : -far, to = v.r.low && v.r.high && !told ? WIDE : v.r.high ? FAR : far;
  cx_val u[2] = {cx_v_num(E, from, s), cx_v_num(E, to, s)};
  for (int k = 0; k < 2; k++) y[k] = cx_v_node(cx_exchange(E->g, form.e, by, u[k].e), s);
  cx_val at = cx_bind_variable(E, &cx_prim_crossing, cx_intern_z(E->ctx, "u"), s, u[0], u[1], 1e-10, missed, &v, s);
  if (at.bad || y[0].bad || y[1].bad) return cx_v_bad(s);
  cx_val rises = op2(E, OP_lt, y[0], y[1]), ends[2] = {cx_v_num(E, -INFINITY, s), cx_v_num(E, INFINITY, s)};
  cx_val least = op2(E, OP_min, y[0], y[1]), most = op2(E, OP_max, y[0], y[1]);
  at = when(E, op2(E, OP_le, v.y, least), when(E, rises, ends[0], ends[1]), at);
  at = when(E, op2(E, OP_le, most, v.y), when(E, rises, ends[1], ends[0]), at);
  return cx_range_place(E, &v.r, at);
}

/* e at x; at an infinite end inf - inf is what it is far out */
static cx_val image_of(cx_elab *E, const cx_ast *x) {
  inverse v = {.e = x->kid[1], .bind = x->kid[2]};
  cx_val end = cx_elab_expr(E, x->kid[3]);
  double at, y;
  if (end.bad) return end;
  cx_val image = changed(E, &v, end);
  if (image.bad || !cx_v_const(E, image, &y) || !isnan(y) || !cx_v_const(E, end, &at)) return image;
  image = changed(E, &v, cx_v_num(E, copysign(1e300, at), x->span));
  return cx_v_const(E, image, &y) && fabs(y) > 1e100 ? cx_v_num(E, copysign(INFINITY, y), x->span) : image;
}

static cx_val slope_at(cx_elab *E, const cx_ast *x) {
  cx_val at = cx_elab_expr(E, x->kid[3]);
  if (at.bad) return at;
  cx_ast *by = CX_NEW(E->arena, cx_ast), *d = CX_NEW(E->arena, cx_ast);
  *d = *by = *x->kid[2];
  by->kind = A_NAME, by->nkid = 0;
  d->kind = A_CALL, d->nkid = 2;
  d->kid = CX_NEW_N(E->arena, cx_ast *, 2);
  d->kid[0] = x->kid[1], d->kid[1] = by;
  cx_binding *env = E->env;
  cx_bind_name(E, by->name, B_VALUE, by->span)->v = at;
  cx_val v = cx_elab_d(E, d);
  E->env = env;
  return v;
}
bool cx_change_call(cx_elab *E, const cx_ast *x, cx_val *r) {
  if (!strcmp(x->name, CX_INVERSE)) *r = inverse_of(E, x);
  else if (!strcmp(x->name, CX_IMAGE)) *r = image_of(E, x);
  else if (!strcmp(x->name, CX_SLOPE)) *r = slope_at(E, x);
  else return false;
  return true;
}

/* ---- the value of a variable y ~ transformed(x ~ d: e), as that of x is known ---- */
static bool is_change(cx_elab *E, const cx_ast *d) {
  return d->kind == A_BINDER && !strcmp(d->name, "transformed") && !cx_lookup_env(E, d->name, true) && d->nbind == 1 &&
         d->nkid == 2 && d->kid[0]->op == T_TILDE && d->kid[0]->nkid == 1;
}
const cx_ast *cx_change_base(cx_elab *E, const cx_ast *d) {
  while (is_change(E, d)) d = d->kid[0]->kid[0];
  return d;
}
cx_val cx_change_value(cx_elab *E, const cx_ast *d, cx_val x) {
  if (!is_change(E, d)) return x;
  inverse v = {.e = d->kid[1], .bind = d->kid[0]};
  x = cx_change_value(E, d->kid[0]->kid[0], x);
  return x.bad ? x : changed(E, &v, x);
}
