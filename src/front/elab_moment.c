/* elab_moment.c - what is asked of one distribution: density(normal(0, 1), x), cdf, quantile, mean, entropy..
 *
 * A member that its block gives is taken; what is missing follows, by the first of these that can be had:
 *   cdf(x)      exp(log_cdf(x)), 1 - ccdf(x), the integral or sum of the density from the lower end to x
 *   ccdf(x)     exp(log_ccdf(x)), 1 - cdf(x), the integral or sum from x to the upper end
 *   log_cdf     log(cdf(x)); log1p(-ccdf(x)) where ccdf is given and cdf is not, or neither is and the cdf is more
 *               than a half. log_ccdf likewise
 *   mean        E[x]; variance E[(x - mean)^2]; entropy E[-log_density(x)]
 *   draw(u)     quantile(u) */
#include <math.h>
#include <string.h>

#include "front/dist.h"
#include "pass/integral.h"

static const struct {
  const char *name, *argument;
} kinds[DIST_KINDS] = {[DIST_LOG_DENSITY] = {"log_density", "x"},
                       [DIST_DENSITY] = {"density", "x"},
                       [DIST_CDF] = {"cdf", "x"},
                       [DIST_CCDF] = {"ccdf", "x"},
                       [DIST_LOG_CDF] = {"log_cdf", "x"},
                       [DIST_LOG_CCDF] = {"log_ccdf", "x"},
                       [DIST_QUANTILE] = {"quantile", "p"},
                       [DIST_CQUANTILE] = {"cquantile", "q"},
                       [DIST_QUANTILE_LOG] = {"quantile_log", "l"},
                       [DIST_CQUANTILE_LOG] = {"cquantile_log", "l"},
                       [DIST_DRAW] = {"draw", "u"},
                       [DIST_MEAN] = {"mean", NULL},
                       [DIST_VARIANCE] = {"variance", NULL},
                       [DIST_ENTROPY] = {"entropy", NULL},
                       [DIST_LOWER] = {"lower", NULL},
                       [DIST_UPPER] = {"upper", NULL}};

/* ---- conditions ---- */
/* A param between 0 and inf is never 0 itself: there a < b holds where a <= b is known. */
static bool open_ended(cx_elab *E, const cx_node *e) {
  if (e->op != OP_load) return false;
  for (int k = 0; k < E->param.n; k++)
    if (E->param.at[k].eq == e->u.eq) return true;
  return false;
}
bool cx_holds(cx_elab *E, const cx_node *c) {
  if (c->op == OP_const) return c->u.num != 0;
  if (c->op == OP_and) return cx_holds(E, c->arg[0]) && cx_holds(E, c->arg[1]);
  if (c->op != OP_lt && c->op != OP_le) return false;
  cx_interval a = cx_var_bounds(E, c->arg[0]), b = cx_var_bounds(E, c->arg[1]);
  bool strict = c->op == OP_lt && !open_ended(E, c->arg[0]) && !open_ended(E, c->arg[1]);
  return strict ? a.hi < b.lo : a.hi <= b.lo;
}

/* v where c holds, else other */
static cx_val where(cx_elab *E, cx_val c, cx_val v, double other) {
  return v.bad || c.bad || cx_holds(E, c.e) ? v : when(E, c, v, cx_v_num(E, other, v.span));
}
static cx_val where_valid(cx_elab *E, const cx_dist *d, cx_val v) {
  const cx_node *doubt = v.bad ? NULL : cx_dist_doubt(E, d);
  return doubt ? when(E, cx_v_node(doubt, v.span), v, cx_v_num(E, NAN, v.span)) : v;
}

/* ---- density ---- */
cx_val cx_dist_log_density(cx_elab *E, const cx_dist *d, cx_val x, bool inside) {
  cx_val v = cx_dist_number(E, d, "log_density", cx_dist_member(E, d, "log_density", &x, 1)), lo, hi;
  if (v.bad || inside) return v;
  if (!cx_dist_dims(d)) {
    cx_dist_support(E, d, &lo, &hi);
    if (lo.bad || hi.bad) return cx_v_bad(v.span);
    if (cx_dist_discrete(d) && !cx_is_integer(E->g, x.e))
      v = where(E, op2(E, OP_eq, x, op1(E, OP_floor, x)), v, -INFINITY);
    v = where(E, op2(E, OP_le, x, hi), v, -INFINITY);
    v = where(E, op2(E, OP_le, lo, x), v, -INFINITY);
  }
  return where_valid(E, d, v);
}

typedef struct {
  const cx_dist *d;
  cx_dist_kind kind;
  cx_val mean;
  const cx_dist *other; /* kl */
  bool logarithm;       /* of the integrand's size, for cx_dist_heavy */
  cx_val heavy, slow;
  cx_val from, by; /* by: of exp(log density - mean) at from + by * the variable */
} moment;
enum { M_KL = DIST_KINDS };
static cx_val weighed(cx_elab *E, void *user) {
  const moment *m = user;
  cx_val x = E->env->v, v;
  if (m->by.e) x = op2(E, OP_add, m->from, op2(E, OP_mul, m->by, x));
  cx_val l = cx_dist_log_density(E, m->d, x, true);
  if (m->by.e) /* the min keeps it one factor: exp(-m->mean) alone may be infinite */
    return op1(E, OP_exp, op2(E, OP_min, op2(E, OP_sub, l, m->mean), num(E, 700, m->d)));
  cx_val f = op1(E, OP_exp, l);
  if (f.bad) return f;
  switch ((int)m->kind) {
    case DIST_CDF: return f;
    case DIST_MEAN: v = x; break;
    case DIST_VARIANCE:
      v = op2(E, OP_sub, x, m->mean);
      v = op2(E, OP_mul, v, v);
      break;
    case DIST_ENTROPY: v = op1(E, OP_neg, l); break;
    default: v = op2(E, OP_sub, l, cx_dist_log_density(E, m->other, x, false));
  }
  if (m->logarithm) return op2(E, OP_add, l, op1(E, OP_log, op1(E, OP_abs, v)));
  v = cx_dist_weighed(E, l, f, v, m->slow);
  if (m->heavy.e) v = where(E, op1(E, OP_not, m->heavy), v, 1);
  /* what has no mass counts nothing: not 0 * inf */
  return cx_dist_discrete(m->d) && m->kind != DIST_MEAN ? when(E, op2(E, OP_lt, num(E, 0, m->d), f), v, num(E, 0, m->d))
                                                        : v;
}
static cx_val total(cx_elab *E, const moment *m) {
  cx_val lo, hi;
  cx_sym x = cx_intern_z(E->ctx, "x");
  cx_dist_support(E, m->d, &lo, &hi);
  moment probe = *m, whole = *m;
  probe.logarithm = true;
  whole.heavy = cx_dist_heavy(E, m->d, x, lo, hi, weighed, &probe, &whole.slow);
  return cx_dist_total(E, m->d, x, lo, hi, 1e-10, weighed, &whole);
}

/* ---- distribution functions ---- */
bool cx_dist_closed(const cx_dist *d) {
  return cx_dist_has(d, "cdf") || cx_dist_has(d, "ccdf") || cx_dist_has(d, "log_cdf") || cx_dist_has(d, "log_ccdf");
}

/* P(X <= x) or, upper, P(X > x), x in the support (and a whole number when discrete) */
static cx_val tail(cx_elab *E, const cx_dist *d, bool upper, cx_val x) {
  const char *own = upper ? "ccdf" : "cdf", *logarithm = upper ? "log_ccdf" : "log_cdf";
  const char *other = upper ? "cdf" : "ccdf", *other_log = upper ? "log_cdf" : "log_ccdf";
  if (cx_dist_has(d, own)) return cx_dist_member(E, d, own, &x, 1);
  if (cx_dist_has(d, logarithm)) return op1(E, OP_exp, cx_dist_member(E, d, logarithm, &x, 1));
  if (cx_dist_has(d, other)) return op2(E, OP_sub, num(E, 1, d), cx_dist_member(E, d, other, &x, 1));
  if (cx_dist_has(d, other_log)) return op1(E, OP_neg, op1(E, OP_expm1, cx_dist_member(E, d, other_log, &x, 1)));
  cx_val lo, hi;
  cx_dist_support(E, d, &lo, &hi);
  moment m = {.d = d, .kind = DIST_CDF};
  if (upper && cx_dist_discrete(d)) x = op2(E, OP_add, x, num(E, 1, d));
  return cx_dist_total(E, d, cx_intern_z(E->ctx, "x"), upper ? x : lo, upper ? hi : x, 1e-10, weighed, &m);
}
/* log P(X > x), or P(X < x), where that underflows: the density at x times the integral of its ratio to that, over
 * multiples of the length within which it falls by a factor e; of whole numbers, the sum of such ratios. Where it is not
 * wanted the range is empty. */
static cx_val far_tail(cx_elab *E, const cx_dist *d, bool upper, cx_val x, cx_val far) {
  cx_val lo, hi, one = num(E, 1, d), zero = num(E, 0, d);
  bool discrete = cx_dist_discrete(d);
  if (discrete && upper) x = op2(E, OP_add, x, one);
  cx_val l = cx_dist_log_density(E, d, x, true);
  cx_dist_support(E, d, &lo, &hi);
  moment m = {.d = d, .mean = l, .from = discrete ? zero : x, .by = one};
  if (discrete) {
    lo = upper ? x : when(E, far, lo, op2(E, OP_add, x, one)),
    hi = upper ? when(E, far, hi, op2(E, OP_sub, x, one)) : x;
    return op2(E, OP_add, l, op1(E, OP_log, cx_dist_total(E, d, cx_intern_z(E->ctx, "x"), lo, hi, 1e-10, weighed, &m)));
  }
  cx_val h = op2(E, OP_mul, num(E, upper ? 1e-4 : -1e-4, d), op2(E, OP_add, one, op1(E, OP_abs, x)));
  cx_val fall = op2(E, OP_sub, l, cx_dist_log_density(E, d, op2(E, OP_add, x, h), true));
  m.by = op2(E, OP_div, h, op2(E, OP_max, fall, num(E, 1e-9, d)));
  cx_val end = op2(E, OP_div, op2(E, OP_sub, upper ? hi : lo, x), m.by);
  cx_val sum = cx_dist_total(E, d, cx_intern_z(E->ctx, "s"), zero, when(E, far, end, zero), 1e-10, weighed, &m);
  return op2(E, OP_add, l, op1(E, OP_log, op2(E, OP_mul, op1(E, OP_abs, m.by), sum)));
}
static cx_val log_tail(cx_elab *E, const cx_dist *d, bool upper, cx_val x) {
  const char *logarithm = upper ? "log_ccdf" : "log_cdf", *own = upper ? "ccdf" : "cdf",
             *other = upper ? "cdf" : "ccdf";
  if (cx_dist_has(d, logarithm)) return cx_dist_member(E, d, logarithm, &x, 1);
  if (!cx_dist_has(d, own) && cx_dist_has(d, other))
    return op1(E, OP_log1p, op1(E, OP_neg, cx_dist_member(E, d, other, &x, 1)));
  cx_val v = tail(E, d, upper, x);
  if (v.bad || cx_dist_closed(d)) return op1(E, OP_log, v);
  cx_val rest = op1(E, OP_log1p, op1(E, OP_neg, tail(E, d, !upper, x))); /* the logarithm of what is nearly 1 */
  cx_val low = op1(E, OP_log, v);
  cx_val tiny = op2(E, OP_le, v, num(E, 1e-250, d));
  low = when(E, tiny, far_tail(E, d, upper, x, tiny), low);
  return when(E, op2(E, OP_lt, v, num(E, 0.5, d)), low, rest);
}
/* log P(X <= x), or P(X > x), that a block may give without its logarithm */
static cx_val distant(cx_elab *E, const cx_dist *d, bool upper, cx_val x) {
  cx_val l = cx_dist_value(E, d, upper ? DIST_LOG_CCDF : DIST_LOG_CDF, x);
  if (cx_dist_has(d, upper ? "log_ccdf" : "log_cdf") || !cx_dist_closed(d)) return l;
  cx_val tiny = op2(E, OP_lt, l, num(E, -660, d));
  return when(E, tiny, far_tail(E, d, upper, x, tiny), l);
}
cx_val cx_dist_mass(cx_elab *E, const cx_dist *d, cx_val a, cx_val b) {
  double end;
  bool below = !cx_v_const(E, a, &end) || end != -INFINITY, above = !cx_v_const(E, b, &end) || end != INFINITY;
  cx_val none = num(E, -INFINITY, d), some = op2(E, cx_dist_discrete(d) ? OP_le : OP_lt, a, b);
  if (!below && !above) return num(E, 0, d);
  if (!cx_dist_closed(d) && below && above) {
    moment m = {.d = d, .kind = DIST_CDF};
    cx_val lo, hi;
    cx_dist_support(E, d, &lo, &hi);
    lo = op2(E, OP_max, lo, a), hi = op2(E, OP_min, hi, b);
    cx_val v = cx_dist_total(E, d, cx_intern_z(E->ctx, "x"), lo, hi, 1e-10, weighed, &m);
    return when(E, op2(E, cx_dist_discrete(d) ? OP_le : OP_lt, lo, hi), op1(E, OP_log, v), none);
  }
  if (cx_dist_discrete(d)) a = op2(E, OP_sub, op1(E, OP_ceil, a), num(E, 1, d)), b = op1(E, OP_floor, b);
  if (!below) return distant(E, d, false, b);
  if (!above) return distant(E, d, true, a);
  cx_val p = distant(E, d, false, a), q = distant(E, d, false, b), pc = distant(E, d, true, a),
         qc = distant(E, d, true, b);
  cx_val low = op2(E, OP_add, q, op1(E, OP_log1mexp, op2(E, OP_sub, q, p)));
  cx_val high = op2(E, OP_add, pc, op1(E, OP_log1mexp, op2(E, OP_sub, pc, qc)));
  cx_val upper = op2(E, OP_lt, num(E, -0.6931471805599453, d), p);
  some = op2(E, OP_and, some, op2(E, OP_lt, none, when(E, upper, pc, q)));
  return when(E, some, when(E, upper, high, low), none);
}
/* at any x */
static cx_val distribution_function(cx_elab *E, const cx_dist *d, bool upper, bool logarithm, cx_val x) {
  cx_val lo, hi;
  cx_dist_support(E, d, &lo, &hi);
  if (lo.bad || hi.bad) return cx_v_bad(x.span);
  if (cx_dist_discrete(d) && !cx_is_integer(E->g, x.e)) x = op1(E, OP_floor, x);
  cx_val v = cx_dist_number(E, d, "cdf", logarithm ? log_tail(E, d, upper, x) : tail(E, d, upper, x));
  double none = logarithm ? -INFINITY : 0, all = logarithm ? 0 : 1, end;
  if (!cx_v_const(E, hi, &end) || isfinite(end) || x.e->op == OP_const)
    v = where(E, op2(E, OP_lt, num(E, 0, d), op2(E, OP_sub, hi, x)), v, upper ? none : all); /* it may be known */
  if (!cx_v_const(E, lo, &end) || isfinite(end) || x.e->op == OP_const)
    v = where(E, op2(E, cx_dist_discrete(d) ? OP_le : OP_lt, lo, x), v, upper ? all : none);
  return where_valid(E, d, v);
}

/* ---- quantiles ----
 * The root of log cdf(x) - log p, or of log(1 - p) - log ccdf(x) where p is more than a half, sought over u, which takes
 * x to every scale between the ends of the support: x = sinh(u), lo + exp(u), hi - exp(-u), lo + (hi - lo) logistic(u).
 * Its derivatives are those of an implicit function. A discrete one is the first x at which the cdf reaches p, but for
 * rounding. */
typedef struct {
  const cx_dist *d;
  cx_range r;
  cx_val below, above; /* logarithms of p and of 1 - p */
} wanted;
bool cx_range_of(cx_elab *E, const cx_dist *d, cx_range *r) {
  double end;
  cx_dist_support(E, d, &r->lo, &r->hi);
  r->low = !r->lo.bad && (!cx_v_const(E, r->lo, &end) || isfinite(end));
  r->high = !r->hi.bad && (!cx_v_const(E, r->hi, &end) || isfinite(end));
  return !r->lo.bad && !r->hi.bad;
}
cx_val cx_range_place(cx_elab *E, const cx_range *r, cx_val u) {
  cx_val x = op1(E, OP_sinh, u), end;
  if (r->high) {
    end = op2(E, OP_sub, r->hi, op1(E, OP_exp, op1(E, OP_neg, u)));
    x = r->hi.e->op == OP_const ? end : when(E, op1(E, OP_isfinite, r->hi), end, x);
  }
  if (!r->low) return x;
  cx_val from = op2(E, OP_add, r->lo, op1(E, OP_exp, u));
  if (r->high) {
    cx_val wide = op2(E, OP_sub, r->hi, r->lo);
    end = op2(E, OP_add, r->lo, op2(E, OP_mul, wide, op1(E, OP_logistic, u)));
    from = r->hi.e->op == OP_const ? end : when(E, op1(E, OP_isfinite, r->hi), end, from);
  }
  return r->lo.e->op == OP_const ? from : when(E, op1(E, OP_isfinite, r->lo), from, x);
}
static cx_val tail_log(cx_elab *E, const cx_dist *d, bool upper, cx_val x) {
  bool closed = cx_dist_closed(d);
  if (cx_dist_discrete(d)) { /* from one place before the support on */
    cx_val v = distribution_function(E, d, upper, closed, x);
    return closed ? v : op1(E, OP_log, v);
  }
  return closed ? log_tail(E, d, upper, x) : op1(E, OP_log, tail(E, d, upper, x));
}
static cx_val excess(cx_elab *E, void *user) {
  const wanted *q = user;
  cx_val x = cx_range_place(E, &q->r, E->env->v), c = op2(E, OP_le, q->below, num(E, -0.6931471805599453, q->d));
  double side = -1;
  bool known = cx_v_const(E, c, &side);
  cx_val low = !known || side ? op2(E, OP_sub, tail_log(E, q->d, false, x), q->below) : num(E, 0, q->d);
  if (known && side) return low;
  cx_val high = op2(E, OP_sub, q->above, tail_log(E, q->d, true, x));
  return known ? high : when(E, c, low, high);
}
static cx_val root_quantile(cx_elab *E, const cx_dist *d, cx_val below, cx_val above) {
  enum { FAR = 700, WIDE = 36 };
  bool discrete = cx_dist_discrete(d);
  wanted q = {.d = d, .below = below, .above = above};
  if (!cx_range_of(E, d, &q.r)) return cx_v_bad(below.span);
  cx_val lo = q.r.lo, hi = q.r.hi, one = num(E, 1, d), nan = num(E, NAN, d), zero = num(E, 0, d),
         least = num(E, -INFINITY, d);
  if (discrete) { /* from a place before the first one to one behind the last */
    q.r.lo = op2(E, OP_sub, lo, one);
    q.r.hi = op2(E, OP_add, hi, one);
  }
  /* Beyond 1e16 there are no whole numbers, 1 - logistic(37) is eps / 2, and an integral as wide misses its integrand. */
  double far = discrete || !cx_dist_closed(d) ? WIDE : FAR;
  bool both = q.r.low && q.r.high && lo.e->op == OP_const && hi.e->op == OP_const;
  double from = q.r.low && discrete ? -WIDE
                : q.r.low           ? -FAR
                                    : -far,
         to = both                    ? WIDE
              : q.r.high && !discrete ? FAR
                                      : far;
  cx_val u = cx_bind_variable(E, &cx_prim_crossing, cx_intern_z(E->ctx, "u"), d->call->span, num(E, from, d),
                              num(E, to, d), 1e-10, excess, &q, d->call->span);
  cx_val x = cx_range_place(E, &q.r, u);
  if (discrete) {
    x = op1(E, OP_floor, op2(E, OP_add, x, op2(E, OP_mul, num(E, 1e-9, d), op2(E, OP_add, one, op1(E, OP_abs, x)))));
    x = op2(E, OP_max, lo, op2(E, OP_min, x, hi));
  }
  x = when(E, op2(E, OP_lt, least, below), x, when(E, op2(E, OP_eq, below, least), lo, nan));
  return when(E, op2(E, OP_lt, least, above), x,
              when(E, op2(E, OP_and, op2(E, OP_le, zero, below), op2(E, OP_eq, above, least)), hi, nan));
}
/* of a discrete one, 64 eps in p (and in q, or in their logarithms) count as rounding */
static cx_val rounded(cx_elab *E, const cx_dist *d, cx_val p, double by) {
  if (!cx_dist_discrete(d)) return p;
  cx_val one = num(E, 1, d), near = op2(E, OP_min, one, op2(E, OP_mul, p, num(E, 1 + by * 64 * 0x1p-52, d)));
  return when(E, op2(E, OP_lt, p, one), near, p);
}
static cx_val quantile(cx_elab *E, const cx_dist *d, bool upper, bool logarithm, cx_val p);
static cx_val quantile_of_log(cx_elab *E, const cx_dist *d, bool upper, cx_val l) {
  cx_val slack = num(E, 0, d);
  if (cx_dist_discrete(d)) slack = op2(E, OP_mul, num(E, 64 * 0x1p-52, d), op2(E, OP_sub, num(E, 1, d), l));
  cx_val m = upper ? op2(E, OP_add, l, slack) : op2(E, OP_sub, l, slack), rest = op1(E, OP_log1mexp, op1(E, OP_neg, m));
  cx_val far = upper ? root_quantile(E, d, rest, m) : root_quantile(E, d, m, rest);
  if (!cx_dist_has(d, "quantile") || cx_dist_discrete(d)) return far;
  cx_val near = quantile(E, d, upper, false, op1(E, OP_exp, l));
  cx_val top = quantile(E, d, !upper, false, op1(E, OP_neg, op1(E, OP_expm1, l)));
  cx_val v = when(E, op2(E, OP_le, l, num(E, -0.6931471805599453, d)), near, top);
  return when(E, op2(E, OP_le, num(E, -700, d), l), v, far);
}
static cx_val quantile(cx_elab *E, const cx_dist *d, bool upper, bool logarithm, cx_val p) {
  const char *own = upper ? "cquantile" : "quantile";
  if (logarithm) return quantile_of_log(E, d, upper, p);
  if (cx_dist_has(d, own)) return cx_dist_member(E, d, own, &p, 1);
  p = rounded(E, d, p, upper ? 1 : -1);
  cx_val l = op1(E, OP_log, p), r = op1(E, OP_log1p, op1(E, OP_neg, p));
  if (!upper) return root_quantile(E, d, l, r);
  cx_val far = root_quantile(E, d, r, l);
  if (!cx_dist_has(d, "quantile") || cx_dist_discrete(d)) return far;
  cx_val half = op2(E, OP_le, num(E, 0.5, d), p), rest = op2(E, OP_sub, num(E, 1, d), p);
  return when(E, half, cx_dist_member(E, d, "quantile", &rest, 1), far);
}

/* uniform numbers u as those of the draw's k-th argument, which has n of them, from `at` on */
static cx_val drawn(cx_elab *E, const cx_dist *d, int k, cx_val u, int64_t at, int64_t n) {
  cx_dist from, *one = &from;
  cx_val shape;
  int errors = cx_error_count(E->ctx), own = 0;
  if (cx_dist_draw_args(d) > 1) {
    int64_t slot = cx_var_range(E, NULL, 0, n - 1, NULL);
    const cx_node *i = cx_op2(E->g, OP_add, cx_index(E->g, slot), cx_const(E->g, (double)at));
    u.e = n ? cx_v_at(E, u, &i) : cx_const(E->g, 0);
    u.slot[0] = slot;
    u.dim[0] = (cx_dim){n, NULL};
  }
  if (!cx_dist_drawn_from(E, d, k, false, &from)) return cx_error_count(E->ctx) == errors ? u : cx_v_bad(u.span);
  if (!cx_dist_spread(E, &one, 1, &u, &own, 1, &shape, u.span)) return cx_v_bad(u.span);
  return cx_v_materialise(E, cx_v_in_front(E, cx_dist_value(E, &from, DIST_QUANTILE, u), shape, u.span), NULL);
}
static cx_val draw_value(cx_elab *E, const cx_dist *d, cx_val u) {
  cx_val z[CX_DRAWS];
  int64_t n[CX_DRAWS] = {0}, all = 0;
  int args = cx_dist_draw_args(d);
  if (!args) return quantile(E, d, false, false, u);
  if (args > 1) {
    if (!cx_dist_draw_counts(E, d, n)) return cx_v_bad(d->call->span);
    for (int k = 0; k < args; k++) all += n[k];
    if (u.dim[0].n != all) {
      cx_error(E->ctx, u.span, "a draw of `%s` takes %lld numbers, but this has shape %s", d->of->name, (long long)all,
               cx_v_shape(E, u));
      return cx_v_bad(u.span);
    }
  }
  all = 0;
  for (int k = 0; k < args; all += n[k++]) {
    z[k] = drawn(E, d, k, u, all, n[k]);
    if (z[k].bad) return z[k];
  }
  return cx_dist_member(E, d, "draw", z, args);
}

cx_val cx_dist_value(cx_elab *E, const cx_dist *d, cx_dist_kind kind, cx_val x) {
  moment m = {.d = d, .kind = kind};
  switch (kind) {
    case DIST_LOG_DENSITY: return cx_dist_log_density(E, d, x, false);
    case DIST_DENSITY: return op1(E, OP_exp, cx_dist_log_density(E, d, x, false));
    case DIST_CDF:
    case DIST_CCDF:
    case DIST_LOG_CDF:
    case DIST_LOG_CCDF:
      return distribution_function(E, d, kind == DIST_CCDF || kind == DIST_LOG_CCDF, kind >= DIST_LOG_CDF, x);
    case DIST_QUANTILE:
    case DIST_CQUANTILE:
    case DIST_QUANTILE_LOG:
    case DIST_CQUANTILE_LOG: {
      bool upper = kind == DIST_CQUANTILE || kind == DIST_CQUANTILE_LOG;
      return where_valid(E, d, quantile(E, d, upper, kind >= DIST_QUANTILE_LOG, x));
    }
    case DIST_DRAW: x = draw_value(E, d, x); return x.bad ? cx_v_bad(d->call->span) : where_valid(E, d, x);
    case DIST_LOWER:
    case DIST_UPPER: cx_dist_support(E, d, &x, &m.mean); return kind == DIST_LOWER ? x : m.mean;
    default: break;
  }
  if (cx_dist_has(d, kinds[kind].name)) return where_valid(E, d, cx_dist_member(E, d, kinds[kind].name, NULL, 0));
  if (cx_dist_dims(d)) {
    int id = cx_error(E->ctx, d->call->span, "the distribution `%s` has no %s", d->of->name, kinds[kind].name);
    cx_diag_help(E->ctx, id, "of arrays it does not follow from the density: give it in its block, %s = ..",
                 kinds[kind].name);
    return cx_v_bad(d->call->span);
  }
  if (kind == DIST_VARIANCE) m.mean = cx_dist_value(E, d, DIST_MEAN, x);
  return m.mean.bad ? m.mean : where_valid(E, d, total(E, &m));
}

/* ---- calls ---- */
static cx_val divergence(cx_elab *E, const cx_ast *x) {
  cx_dist p, q, *both[2] = {&p, &q};
  cx_val shape;
  if (!cx_dist_of(E, x->kid[0], &p) || !cx_dist_of(E, x->kid[1], &q)) return cx_v_bad(x->span);
  bool closed = p.of == q.of && cx_dist_has(&p, "kl");
  if (closed) {
    if (!cx_dist_spread(E, both, 2, NULL, NULL, 0, &shape, x->span)) return cx_v_bad(x->span);
    cx_val v = cx_dist_number(E, &p, "kl", cx_dist_member(E, &p, "kl", q.arg, q.narg));
    return cx_v_in_front(E, where_valid(E, &q, where_valid(E, &p, v)), shape, x->span);
  }
  if (cx_dist_discrete(&p) != cx_dist_discrete(&q) || cx_dist_dims(&p) || cx_dist_dims(&q)) {
    cx_error(E->ctx, x->span, "kl compares two distributions of numbers, both continuous or both discrete");
    return cx_v_bad(x->span);
  }
  if (!cx_dist_spread(E, both, 2, NULL, NULL, 0, &shape, x->span)) return cx_v_bad(x->span);
  /* where q has no mass and p may, there is no end to it */
  cx_val a[2], b[2], within;
  double known;
  cx_dist_support(E, &p, &a[0], &b[0]);
  cx_dist_support(E, &q, &a[1], &b[1]);
  if (a[0].bad || a[1].bad || b[0].bad || b[1].bad) return cx_v_bad(x->span);
  within = op2(E, OP_and, op2(E, OP_le, a[1], a[0]), op2(E, OP_le, b[0], b[1]));
  cx_val inf = num(E, INFINITY, &p);
  if (cx_v_const(E, within, &known) && known == 0) return cx_v_in_front(E, where_valid(E, &p, inf), shape, x->span);
  moment m = {.d = &p, .kind = (cx_dist_kind)M_KL, .other = &q};
  return cx_v_in_front(E, where_valid(E, &p, total(E, &m)), shape, x->span);
}

static cx_val mass_call(cx_elab *E, const cx_ast *x, bool share) {
  cx_dist d;
  double m;
  if (!cx_dist_of(E, x->kid[0], &d)) return cx_v_bad(x->span);
  cx_val a = cx_elab_expr(E, x->kid[1]), b = cx_elab_expr(E, x->kid[2]);
  if (a.bad || b.bad) return cx_v_bad(x->span);
  if (!share) return cx_dist_mass(E, &d, a, b);
  bool plain = cx_v_const(E, b, &m) && fabs(m) < 600;
  a = op2(E, OP_sub, a, b);
  return plain ? a : op2(E, OP_min, a, num(E, 700, &d)); /* one factor: exp(-m) alone may be infinite */
}

bool cx_elab_dist_call(cx_elab *E, const cx_ast *x, cx_val *r) {
  int kind = 0;
  bool kl = !strcmp(x->name, "kl");
  if (!strcmp(x->name, CX_MASS) || !strcmp(x->name, CX_SHARE)) {
    *r = mass_call(E, x, !strcmp(x->name, CX_SHARE));
    return true;
  }
  if (!strcmp(x->name, CX_MADE)) {
    cx_dist d;
    cx_val z[CX_DRAWS];
    *r = cx_v_bad(x->span);
    if (!cx_dist_of(E, x->kid[0], &d)) return true;
    for (int k = 1; k < x->nkid; k++) {
      if (x->kid[k]->nkid) z[k - 1] = cx_v_materialise(E, cx_elab_expr(E, x->kid[k]), NULL);
      else { /* of a matrix [1, 1], what is below its diagonal */ z[k - 1] = num(E, 0, &d);
        z[k - 1].slot[0] = cx_var_range(E, NULL, 0, -1, NULL);
        z[k - 1].rank = 1;
      }
      if (z[k - 1].bad) return true;
    }
    *r = where_valid(E, &d, cx_dist_member(E, &d, "draw", z, x->nkid - 1));
    return true;
  }
  if (cx_change_call(E, x, r)) return true;
  while (kind < DIST_KINDS && strcmp(x->name, kinds[kind].name)) kind++;
  if ((kind == DIST_KINDS && !kl) || x->primes) return false;
  bool shared = kind >= DIST_MEAN; /* mean(z) is also that of an array */
  if (!x->nkid || !cx_is_dist(E, x->kid[0])) {
    if (kl || !shared || kind == DIST_ENTROPY) {
      cx_dist d;
      bool likely = x->nkid && x->kid[0]->kind == A_CALL; /* a misspelt one */
      if (!likely || cx_dist_of(E, x->kid[0], &d)) {
        int id = cx_error(E->ctx, x->span, "`%s` takes a distribution as its first argument", x->name);
        cx_diag_help(E->ctx, id,
                     kl                     ? "such as kl(normal(0, 1), normal(1, 2))"
                     : kind == DIST_ENTROPY ? "such as entropy(normal(0, 1))"
                                            : "such as %s(normal(0, 1), x)",
                     x->name);
      }
      *r = cx_v_bad(x->span);
      return true;
    }
    return false;
  }
  *r = cx_v_bad(x->span);
  const char *argument = kl ? "normal(1, 2)" : kinds[kind].argument;
  int want = argument ? 2 : 1;
  if (x->nkid != want) {
    int id = cx_error(E->ctx, x->span, "`%s` takes a distribution%s, but %d argument%s given", x->name,
                      kl          ? " and another one"
                      : want == 2 ? cx_format(E->arena, " and `%s`", argument)
                                  : " alone",
                      x->nkid, x->nkid == 1 ? " is" : "s are");
    cx_diag_help(E->ctx, id, want == 2 ? "write %s(normal(0, 1), %s)" : "write %s(normal(0, 1))", x->name,
                 want == 2 ? argument : "");
    return true;
  }
  if (kl) {
    *r = divergence(E, x);
    return true;
  }
  cx_dist d, *one = &d;
  cx_val at = {0}, shape;
  if (!cx_dist_of(E, x->kid[0], &d)) return true;
  if (want == 2) at = cx_v_materialise(E, cx_elab_expr(E, x->kid[1]), NULL);
  if (at.bad) return true;
  int own = want == 2 && kind <= DIST_DENSITY ? cx_dist_dims(&d) : kind == DIST_DRAW ? cx_dist_draw_dims(&d) : 0;
  if (cx_dist_dims(&d) && kind > DIST_DENSITY && kind < DIST_DRAW) {
    cx_error(E->ctx, x->span, "values of `%s` are arrays: they have no %s", d.of->name, x->name);
    return true;
  }
  if (!cx_dist_spread(E, &one, 1, &at, &own, want - 1, &shape, x->span)) return true;
  *r = cx_v_in_front(E, cx_dist_value(E, &d, (cx_dist_kind)kind, at), shape, x->span);
  return true;
}
