/* elab_support.c - where a distribution has its mass: the ends of its support, and integrals and sums between them. */
#include <math.h>
#include <string.h>

#include "front/dist.h"
#include "pass/integral.h"

cx_val cx_dist_number(cx_elab *E, const cx_dist *d, const char *member, cx_val v) {
  if (v.bad || !v.rank) return v;
  int id = cx_error(E->ctx, d->call->span, "`%s` of the distribution `%s` is no single number, but has shape %s",
                    member, d->of->name, cx_v_shape(E, v));
  cx_diag_label(E->ctx, id, d->of->def->name_span, "defined here");
  return cx_v_bad(d->call->span);
}

void cx_dist_support(cx_elab *E, const cx_dist *d, cx_val *lo, cx_val *hi) {
  *lo = num(E, -INFINITY, d), *hi = num(E, INFINITY, d);
  if (cx_dist_has(d, "lower")) *lo = cx_dist_number(E, d, "lower", cx_dist_member(E, d, "lower", NULL, 0));
  if (cx_dist_has(d, "upper")) *hi = cx_dist_number(E, d, "upper", cx_dist_member(E, d, "upper", NULL, 0));
  for (int k = 0; k < 2; k++) { /* such as the least of several -inf */
    cx_val *v = k ? hi : lo;
    cx_interval b = v->bad ? (cx_interval){0, 1} : cx_var_bounds(E, v->e);
    if (b.lo == b.hi && isinf(b.lo)) v->e = cx_const(E->g, b.lo);
  }
}

/* ---- integrals and sums over the support ---- */
enum { TERMS = 1 << 20 }; /* a sum of more is a series, which ends where its terms do */
static bool term_end(cx_elab *E, cx_val v, bool upper, double *at, const cx_node **e) {
  *e = NULL;
  if (cx_v_const(E, v, at)) return isfinite(*at);
  int64_t slot[32];
  int n = cx_free_slots(E, v.e, slot, 32);
  for (int k = 0; k < n; k++)
    if (!cx_var_of(E, slot[k])->resolved) { /* comes back when the scope around is known */
      E->retry = true;
      *at = 0;
      return true;
    }
  cx_interval b = cx_var_bounds(E, v.e);
  *at = upper ? b.hi : b.lo;
  *e = v.e;
  return n >= 0 && cx_is_integer(E->g, v.e) && isfinite(*at);
}

/* A series begins at its first term and ends where the terms do. Where the mean is known to be far from the lower end,
 * there are two, from the mean downwards and upwards: where the mass is. */
static bool far_bulk(cx_elab *E, const cx_dist *d, cx_val lo, cx_val hi, cx_val *middle) {
  enum { FAR = 1000 };
  double a, b, m;
  if (!cx_dist_has(d, "mean") || !cx_v_const(E, lo, &a) || !cx_v_const(E, hi, &b) || b - a < TERMS || isinf(a))
    return false;
  cx_val mean = cx_dist_member(E, d, "mean", NULL, 0);
  if (mean.bad || !cx_v_const(E, mean, &m) || !(m - a > FAR) || !(m < b) || m > 0x1p52) return false;
  *middle = num(E, floor(m), d);
  return true;
}
typedef struct {
  cx_sym name;
  cx_scope_fn fn;
  void *user;
  int side;
  cx_val lo, hi, sum;
} from_middle;
static cx_val from_the_middle(cx_elab *E, void *user) {
  const from_middle *t = user;
  cx_val j = E->env->v, k = t->side ? op2(E, OP_add, t->lo, j) : op2(E, OP_sub, t->hi, j);
  cx_binding *env = E->env;
  cx_bind_name(E, t->name, B_VALUE, k.span)->v = k;
  cx_val v = t->fn(E, t->user);
  E->env = env;
  return v;
}

cx_val cx_dist_total(cx_elab *E, const cx_dist *d, cx_sym name, cx_val lo, cx_val hi, double tol, cx_scope_fn fn,
                     void *user) {
  cx_span s = d->call->span;
  double a, b;
  const cx_node *ae, *be;
  if (lo.bad || hi.bad) return cx_v_bad(s);
  bool discrete = cx_dist_discrete(d);
  cx_val middle;
  if (discrete && far_bulk(E, d, lo, hi, &middle)) {
    from_middle two = {.name = name, .fn = fn, .user = user};
    cx_val one = num(E, 1, d), inf = num(E, INFINITY, d), zero = num(E, 0, d);
    for (two.side = 0; two.side < 2; two.side++) {
      two.lo = op2(E, OP_max, lo, two.side ? op2(E, OP_add, middle, one) : num(E, -INFINITY, d));
      two.hi = op2(E, OP_min, hi, two.side ? inf : middle);
      cx_val n = op2(E, OP_sub, two.hi, two.lo);
      cx_val v =
          cx_bind_variable(E, &cx_prim_series, cx_intern_z(E->ctx, "j"), s, zero, n, tol, from_the_middle, &two, s);
      if (v.bad) return v;
      if (v.e->op == OP_load) E->g->eq[v.e->u.eq]->slope = true;
      middle = two.side ? op2(E, OP_add, two.sum, v) : middle;
      two.sum = v;
    }
    return middle;
  }
  if (!discrete || !term_end(E, lo, false, &a, &ae) || !term_end(E, hi, true, &b, &be) || b - a >= TERMS ||
      fabs(a) > 0x1p52) {
    cx_val v = cx_bind_variable(E, discrete ? &cx_prim_series : &cx_prim_integral, name, s, lo, hi, tol, fn, user, s);
    if (!v.bad && v.e->op == OP_load) E->g->eq[v.e->u.eq]->slope = true; /* E[x] = 0 is right to tol * E|x| */
    return v;
  }
  int64_t slot = cx_var_range(E, name, (int64_t)ceil(a), (int64_t)floor(b), NULL);
  cx_var_of(E, slot)->lo_e = ae;
  cx_var_of(E, slot)->hi_e = be;
  cx_binding *env = E->env;
  cx_bind_name(E, name, B_INDEX, s)->v = cx_v_node(cx_index(E->g, slot), s);
  cx_val v = fn(E, user);
  E->env = env;
  return cx_v_reduce(E, RED_sum, &slot, 1, v, s);
}

/* log |n|, of a product by its factors: x^2 overflows before its logarithm is large */
static const cx_node *log_size(cx_graph *g, const cx_node *n, int depth) {
  const cx_node *x = n->nargs ? n->arg[0] : NULL, *y = n->nargs > 1 ? n->arg[1] : NULL;
  if (depth < 8 && (n->op == OP_neg || n->op == OP_abs)) return log_size(g, x, depth + 1);
  if (depth < 8 && (n->op == OP_mul || n->op == OP_div))
    return cx_op2(g, n->op == OP_mul ? OP_add : OP_sub, log_size(g, x, depth + 1), log_size(g, y, depth + 1));
  if (depth < 8 && n->op == OP_pow && y->op == OP_const) return cx_op2(g, OP_mul, y, log_size(g, x, depth + 1));
  return cx_op1(g, OP_log, cx_op1(g, OP_abs, n));
}
cx_val cx_dist_weighed(cx_elab *E, cx_val l, cx_val f, cx_val v, cx_val slow) {
  cx_val plain = op2(E, OP_mul, f, v), zero = cx_v_num(E, 0, v.span);
  if (!slow.e || cx_is_number(slow.e, 0) || plain.bad) return plain;
  if (v.rank) return plain;
  cx_val e = op1(E, OP_exp, op2(E, OP_add, l, cx_v_node(log_size(E->g, v.e, 0), v.span)));
  return when(E, slow, when(E, op2(E, OP_lt, v, zero), op1(E, OP_neg, e), e), plain);
}

/* Does E[e] exist? Where an end of the support is infinite, density times |e| falls as a power of x (as |x|^s does, its
 * slope s against log |x| the same at every scale) in every law that has no such moment; it exists if s < -1. fn gives
 * the logarithm of density times |e| at the place that `name` is. Of what does not exist the integrand becomes 1: a
 * number that is never reached, and an integral that says so. */
cx_val cx_dist_heavy(cx_elab *E, const cx_dist *d, cx_sym name, cx_val lo, cx_val hi, cx_scope_fn fn, void *user,
                     cx_val *hardly) {
  cx_span s = d->call->span;
  cx_val heavy = num(E, 0, d);
  *hardly = heavy;
  double end;
  for (int side = 0; side < 2; side++) {
    cx_val v = side ? hi : lo, g[3];
    if (cx_dist_discrete(d) || v.bad || !cx_v_const(E, v, &end) || !isinf(end)) continue;
    for (int k = 0; k < 3; k++) {
      cx_binding *env = E->env;
      cx_bind_name(E, name, B_VALUE, s)->v = num(E, copysign(k == 0 ? 1e15 : k == 1 ? 1e30 : 1e45, end), d);
      int known = E->g->neq;
      g[k] = fn(E, user);
      E->env = env;
      for (int id = known; id < E->g->neq; id++) /* it would be asked of integrals, at places that they are not for */
        if (E->g->eq[id]->kind == EQ_PRIM && cx_is_integral(E->g->eq[id])) return num(E, 0, d);
      if (g[k].bad || g[k].rank) return num(E, 0, d);
    }
    cx_val by = num(E, 34.538776394910684, d); /* log 1e15 */
    cx_val far = op2(E, OP_div, op2(E, OP_sub, g[2], g[1]), by), near = op2(E, OP_div, op2(E, OP_sub, g[1], g[0]), by);
    cx_val same = op2(E, OP_lt, op1(E, OP_abs, op2(E, OP_sub, far, near)), num(E, 1e-6, d));
    cx_val slow = op2(E, OP_le, num(E, -1 - 1e-11, d), far);
    heavy = op2(E, OP_or, heavy, op2(E, OP_and, same, slow));
    *hardly = op2(E, OP_or, *hardly, op2(E, OP_and, same, op2(E, OP_lt, num(E, -1.2, d), far)));
  }
  return heavy;
}
