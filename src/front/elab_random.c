/* elab_random.c - random variables: expect(x ~ normal(0, 1): e), prob, var, cov, and lhs ~ d.
 *
 *   expect(x ~ p, y ~ q: e) = integral or sum over x of p(x) times that over y of q(y) e, where q may read x;
 *   var(..: e) = expect(..: (e - m)^2) and cov(..: a, b) = expect(..: (a - ma)(b - mb)), m being their expectations.
 *   prob(..: c): the comparisons of c that bound one variable narrow its range to lo..hi. Where nothing else remains of
 *   c, the probability of lo..hi is a difference of distribution functions; else the rest is integrated with its jumps.
 *   prob(..: a given b) = prob(..: a and b) / prob(..: b), and so for expect and var. */
#include <math.h>
#include <string.h>

#include "front/random.h"

static const char *const names[] = {[R_EXPECT] = "expect", [R_VAR] = "var", [R_COV] = "cov", [R_PROB] = "prob"};
enum { NAMES = sizeof names / sizeof *names };

static int kind_of(cx_sym name) {
  for (int k = 0; k < NAMES; k++)
    if (!strcmp(name, names[k])) return k;
  return -1;
}
bool cx_is_random(const cx_ast *x) { return kind_of(x->name) >= 0; }

static cx_val of_arrays(cx_elab *E, const cx_random *R, cx_val v) {
  bool any = false;
  for (int k = 0; k < R->n; k++) any |= cx_part_whole(E, R->order[k]) != NULL;
  return any && v.e ? cx_spelled(E, v) : v;
}
static cx_val subject(cx_elab *E, const cx_random *R) { /* what is expected, all variables bound */
  if (!R->e) return cx_v_num(E, 1, R->x->span);
  cx_val v = cx_elab_expr(E, R->e), w = v;
  if (v.bad || !R->centred) return v;
  if (R->e2) w = cx_elab_expr(E, R->e2);
  if (w.bad) return w;
  v = op2(E, OP_sub, v, R->m);
  return op2(E, OP_mul, v, R->e2 ? op2(E, OP_sub, w, R->m2) : v);
}

typedef struct {
  const cx_random *R;
  int at;
  const cx_dist *d;
  bool changed;   /* of a transformed variable: d is of what it is made of */
  bool fixed;     /* its value is given; perhaps outside of the support */
  bool logarithm; /* of the integrand's size, for cx_dist_heavy */
  cx_val heavy, slow;
  cx_val shift; /* what all logarithms of densities are reduced by; no e: nothing */
} place;

static cx_val reduced(cx_elab *E, cx_val l, cx_val by) { /* the min keeps it one factor: exp(-by) may be infinite */
  return op2(E, OP_min, op2(E, OP_sub, l, by), cx_v_num(E, 700, l.span));
}

static cx_val level(cx_elab *E, const cx_random *R, int at);
static cx_val weighed(cx_elab *E, void *user) {
  const place *p = user;
  const cx_random *R = p->R;
  const cx_ast *bind = R->order[p->at];
  cx_sym name = cx_random_name(E, bind);
  cx_val x = E->env->v, l = cx_dist_log_density(E, p->d, x, true);
  cx_val f = op1(E, OP_exp, p->shift.e ? reduced(E, l, p->shift) : l);
  if (f.bad) return f;
  if (p->changed) {
    cx_val y = cx_change_value(E, bind->kid[0], x);
    if (y.bad) return y;
    cx_bind_name(E, bind->name, B_VALUE, bind->span)->v = y;
  }
  if (!cx_part_ends(E, bind)) return cx_v_bad(bind->span);
  bool last = p->at + 1 == R->n;
  cx_val v = last ? of_arrays(E, R, subject(E, R)) : level(E, R, p->at + 1);
  if (v.bad) return v;
  if (p->logarithm) return op2(E, OP_add, l, op1(E, OP_log, op1(E, OP_abs, v)));
  cx_val c = last ? cx_random_joined(E, R, p->changed || p->fixed ? CX_BOUNDS : CX_REMAINS, name) : (cx_val){0},
         zero = cx_v_num(E, 0, v.span);
  if (c.bad) return c;
  c = of_arrays(E, R, c);
  bool one = cx_is_number(v.e, 1);
  v = one ? f : cx_dist_weighed(E, l, f, v, p->slow);
  if (p->heavy.e && p->heavy.e->op != OP_const) v = when(E, p->heavy, cx_v_num(E, 1, v.span), v);
  else if (p->heavy.e && p->heavy.e->u.num != 0) v = cx_v_num(E, 1, v.span);
  if (c.e) v = when(E, c, v, zero);
  /* what has no mass counts nothing: not 0 * inf */
  if (p->fixed) {
    cx_val lo, hi;
    cx_dist_support(E, p->d, &lo, &hi);
    cx_val inside = op2(E, OP_and, op2(E, OP_le, lo, x), op2(E, OP_le, x, hi));
    return inside.bad || cx_holds(E, inside.e) ? v : when(E, inside, v, zero);
  }
  return cx_dist_discrete(p->d) && !one ? when(E, op2(E, OP_lt, zero, f), v, zero) : v;
}

/* P(lo <= X <= hi), or P of the side that is bounded; a discrete X: whole numbers */
static cx_val between(cx_elab *E, const cx_dist *d, cx_val lo, cx_val hi, bool below, bool above) {
  cx_span s = lo.span;
  cx_val one = cx_v_num(E, 1, s), zero = cx_v_num(E, 0, s), under = lo;
  if (cx_dist_discrete(d) && below) under = op2(E, OP_sub, lo, one);
  if (!below && !above) return one;
  if (!below) return cx_dist_value(E, d, DIST_CDF, hi);
  if (!above) return cx_dist_value(E, d, DIST_CCDF, under);
  cx_val p = cx_dist_value(E, d, DIST_CDF, under), q = cx_dist_value(E, d, DIST_CDF, hi);
  cx_val pc = cx_dist_value(E, d, DIST_CCDF, under), qc = cx_dist_value(E, d, DIST_CCDF, hi);
  /* both in the upper tail: the difference of what is small */
  cx_val v = when(E, op2(E, OP_lt, cx_v_num(E, 0.5, s), p), op2(E, OP_sub, pc, qc), op2(E, OP_sub, q, p));
  return when(E, op2(E, cx_dist_discrete(d) ? OP_le : OP_lt, lo, hi), v, zero);
}

/* Of normal variables that are left, and what is affine in them: with those around known, a closed form. An
 * expectation of (e - m)(f - n) is cov(e, f) + (E[e] - m)(E[f] - n). */
static bool gaussian(cx_elab *E, const cx_random *R, int at, cx_val *v) {
  const cx_ast *const *c = R->condition[0], *event = !R->e && c && c[0] && !c[1] ? c[0] : NULL;
  cx_gauss_of of = {R->e, NULL, R->e2};
  cx_gauss g;
  if (R->condition[1] || (!R->e && !event)) return false;
  if (event) {
    if (event->kind != A_COMPARE || event->nkid != 2 || event->ops[0] == T_EQ || event->ops[0] == T_NE) return false;
    if (at + 1 == R->n) return false; /* its distribution function is known */
    of.e = event->kid[0], of.minus = event->kid[1];
  }
  if (!cx_elab_gauss(E, R->order + at, R->n - at, &of, &g)) return false;
  *v = g.mean;
  if (g.mean.bad) return true;
  if (event) {
    double sure;
    if (cx_v_const(E, g.cov, &sure) && sure == 0) return false;
    bool less = event->ops[0] == T_LT || event->ops[0] == T_LE;
    *v = op2(E, OP_div, g.mean, op1(E, OP_sqrt, g.cov));
    *v = op1(E, OP_norm_cdf, less ? op1(E, OP_neg, *v) : *v);
  } else if (R->centred) {
    cx_val off = op2(E, OP_sub, g.mean, R->m);
    *v = op2(E, OP_add, op2(E, OP_mul, off, R->e2 ? op2(E, OP_sub, g.mean2, R->m2) : off), g.cov);
  }
  return true;
}

static cx_val total(cx_elab *E, const cx_random *R, int at, cx_dist *d);
static cx_val level(cx_elab *E, const cx_random *R, int at) {
  cx_dist d;
  cx_val v;
  if (gaussian(E, R, at, &v)) return v;
  v = total(E, R, at, &d);
  return v.bad ? v : cx_dist_checked(E, &d, v);
}
static cx_val total(cx_elab *E, const cx_random *R, int at, cx_dist *d) {
  const cx_ast *v = R->order[at];
  cx_span s = R->x->span;
  bool below = false, above = false, point = false, rest = false;
  cx_sym about = cx_random_name(E, v);
  cx_random_end b1;
  const cx_ast *base = cx_change_base(E, v->kid[0]);
  *R->solved = (cx_names){0};
  if (at + 1 == R->n && base == v->kid[0]) { /* a discrete one's ends are rounded, which may be off by one */
    const cx_distribution *of = cx_distribution_of(E, base);
    if (!of || (!cx_dist_discrete(&(cx_dist){.of = of}) && !cx_random_solve(E, R, about))) return cx_v_bad(s);
  }
  for (int k = 0; k < 2; k++)
    for (const cx_ast *const *c = R->condition[k]; c && *c; c++)
      rest |= cx_random_role(E, R, *c, about, &b1) == CX_REMAINS;
  /* what is expected of a transformed variable is so of what it is made of; its own distribution function is for prob */
  bool changed = base != v->kid[0] && (R->e || rest || at + 1 < R->n);
  if (changed && !cx_dist_of(E, v->kid[0], d)) return cx_v_bad(s); /* its errors */
  if (!cx_dist_of(E, changed ? base : v->kid[0], d)) return cx_v_bad(s);
  if (cx_dist_dims(d) || v->nkid > 1) {
    int id = cx_error(E->ctx, v->span, "values of `%s` are arrays; an integral runs over numbers", v->name);
    cx_diag_help(E->ctx, id, "take a mean over random draws: %s(.., draws = 10000: ..)", R->x->name);
    return cx_v_bad(s);
  }
  if (!cx_dist_single(E, d, v->name)) return cx_v_bad(s);
  cx_sym name = changed ? cx_intern_z(E->ctx, cx_format(E->arena, "%s before", v->name)) : v->name;
  cx_val lo, hi, a = {0}, b = {0}, p;
  cx_dist_support(E, d, &lo, &hi);
  if (lo.bad || hi.bad) return cx_v_bad(s);
  place user = {.R = R, .at = at, .d = d, .changed = changed};
  cx_root given = changed || cx_dist_discrete(d) ? (cx_root){0} : cx_random_fixed(E, R, at, about);
  if (given.x.bad) return given.x;
  if (given.x.e) {
    cx_binding *around = E->env;
    user.fixed = true;
    cx_bind_name(E, name, B_VALUE, v->span)->v = given.x;
    p = weighed(E, &user);
    E->env = around;
    if (p.bad) return p;
    if (given.slope.e) p = op2(E, OP_div, p, op1(E, OP_abs, given.slope));
    if (at + 1 < R->n) return p;
    cx_val c = cx_random_joined(E, R, CX_OUTSIDE, about);
    return c.bad ? c : c.e ? when(E, c, p, cx_v_num(E, 0, s)) : p;
  }
  if (!changed) user.shift = cx_random_shift(E, R, at, d, about);
  if (at + 1 < R->n) return cx_dist_total(E, d, name, lo, hi, R->tol, weighed, &user);
  if (!changed && !cx_random_narrow(E, R, 0, d, about, &a, &b, &below, &above, &point)) return cx_v_bad(s);
  cx_binding *env = E->env;
  double by;
  bool whole = R->divisor && user.shift.e && cx_v_const(E, user.shift, &by);
  if (point && !cx_dist_discrete(d)) p = cx_v_num(E, 0, s); /* a point has no mass */
  else if (!R->e && !rest && cx_dist_closed(d) && !whole) {
    if (!below) a = user.shift.e ? cx_v_num(E, -INFINITY, s) : lo;
    if (!above) b = user.shift.e ? cx_v_num(E, INFINITY, s) : hi;
    p = user.shift.e ? op1(E, OP_exp, op2(E, OP_sub, cx_dist_mass(E, d, a, b), user.shift))
                     : between(E, d, a, b, below, above);
  } else {
    if (below) lo = op2(E, OP_max, lo, a);
    if (above) hi = op2(E, OP_min, hi, b);
    if (below || above) hi = cx_dist_discrete(d) ? hi : op2(E, OP_max, lo, hi);
    if (R->n == 1 && R->e) { /* where there are more, it would be asked of integrals */
      place probe = user;
      probe.logarithm = true;
      user.heavy = cx_dist_heavy(E, d, name, lo, hi, weighed, &probe, &user.slow);
    }
    p = cx_dist_total(E, d, name, lo, hi, R->tol, weighed, &user);
  }
  E->env = env;
  if (p.bad) return p;
  cx_val c = cx_random_joined(E, R, CX_OUTSIDE, about);
  if (c.bad) return c;
  return c.e ? when(E, c, p, cx_v_num(E, 0, s)) : p;
}

/* ---- the binders ---- */
static bool options(cx_elab *E, cx_random *R) {
  for (int k = R->x->nbind; k < R->x->nkid - 1; k++) {
    const cx_ast *o = R->x->kid[k];
    bool draws = o->kind == A_NAMED && !strcmp(o->name, "draws");
    if (!draws && (o->kind != A_NAMED || strcmp(o->name, "tol"))) {
      int id = cx_error(E->ctx, o->span, "`%s` has no option `%s`", R->x->name, o->name ? o->name : "here");
      cx_diag_help(E->ctx, id,
                   "its options are tol, the relative tolerance of its integrals, and draws, how many random "
                   "draws to take the mean of instead");
      return false;
    }
    cx_val v = cx_elab_expr(E, o->kid[0]);
    if (v.bad) return false;
    if (draws) {
      if (cx_v_const(E, v, &R->draws) && R->draws >= 2 && R->draws <= 0x1p32 && R->draws == floor(R->draws)) continue;
      int id = cx_error(E->ctx, o->span, "draws is a whole number from 2 on");
      cx_diag_help(E->ctx, id, "the standard error falls as 1 / sqrt(draws); try 10000");
      return false;
    }
    if (!cx_v_const(E, v, &R->tol) || !(R->tol >= 1e-15 && R->tol < 1)) {
      cx_error(E->ctx, o->span, "tol is a number from 1e-15 to less than 1");
      return false;
    }
  }
  return true;
}

static cx_val run(cx_elab *E, cx_random R) {
  cx_random_order(E, &R);
  cx_binding *env = E->env;
  R.solved = CX_NEW(E->arena, cx_names);
  R.met = CX_NEW(E->arena, cx_names);
  cx_val v = level(E, &R, 0);
  E->env = env;
  v.span = R.x->span;
  return v;
}
/* E[e] under the conditions, divided by the probability of what is given */
static cx_val expected(cx_elab *E, const cx_random *R) {
  cx_val v = run(E, *R);
  if (v.bad || !R->condition[1]) return v;
  cx_random given = *R;
  given.e = given.e2 = NULL;
  given.centred = false;
  given.divisor = R->e != NULL;
  given.condition[0] = NULL;
  cx_val p = run(E, given);
  static const char never[] = "nothing can be said under a condition that never holds";
  double none;
  if (!p.bad && cx_v_const(E, p, &none) && none == 0) {
    int id = cx_error(E->ctx, R->condition[1][0]->span, "the condition behind `given` has probability 0");
    cx_diag_help(E->ctx, id, "%s", never);
    return cx_v_bad(R->x->span);
  }
  cx_val holds = op2(E, OP_le, cx_v_num(E, 0x1p-1074, R->condition[1][0]->span), p);
  cx_demand_late(E, holds, "the condition behind `given` has probability 0", never);
  if (p.bad) return p;
  v = op2(E, OP_div, v, p); /* 0 / 0 says so, but not 0 / p where only the 0 is known */
  return when(E, holds, v, cx_v_num(E, NAN, v.span));
}

cx_val cx_elab_random(cx_elab *E, const cx_ast *x) {
  int kind = kind_of(x->name);
  cx_random R = {.x = x, .n = x->nbind, .tol = -1e-10};
  for (int k = 0; k < x->nbind; k++) {
    R.order[k] = x->kid[k];
    *cx_names_at(E->arena, &E->random, x->kid[k]->name) = E;
    if (x->kid[k]->op == T_TILDE) continue;
    int id = cx_error(E->ctx, x->kid[k]->span, "`%s` has no distribution", x->kid[k]->name);
    cx_diag_help(E->ctx, id, "write %s(%s ~ normal(0, 1): ..)", x->name, x->kid[k]->name);
    return cx_v_bad(x->span);
  }
  if (!options(E, &R)) return cx_v_bad(x->span);
  const cx_ast *body = x->kid[x->nkid - 1], *last = body->kind == A_LIST ? body->kid[body->nkid - 1] : body;
  if (last->kind == A_GIVEN) {
    R.condition[1] = cx_conditions(E, last->kid[1]);
    last = last->kid[0];
  }
  bool two = body->kind == A_LIST && body->nkid == 2;
  if (kind == R_COV ? !two : body->kind == A_LIST) {
    int id = cx_error(E->ctx, body->span, "`%s` takes %s after the `:`", x->name,
                      kind == R_COV    ? "two expressions"
                      : kind == R_PROB ? "one condition"
                                       : "one expression");
    cx_diag_help(E->ctx, id, kind == R_COV ? "write cov(x ~ normal(0, 1): x, x^3)" : "write a binder for each");
    return cx_v_bad(x->span);
  }
  if (R.draws) {
    cx_by_draws q = {x, (cx_random_kind)kind, two ? body->kid[0] : last, two ? last : NULL, NULL, (int64_t)R.draws};
    if (R.condition[1]) q.given = (body->kind == A_LIST ? body->kid[body->nkid - 1] : body)->kid[1];
    return cx_elab_draws(E, &q);
  }
  if (!(x = cx_parts(E, x))) return cx_v_bad(body->span);
  for (int k = 0; k < x->nbind; k++) R.order[k] = x->kid[k];
  R.n = x->nbind;
  R.x = x;
  if (R.condition[1]) R.condition[1] = cx_part_conditions(E, x, R.condition[1]);
  if (kind == R_PROB) {
    R.condition[0] = cx_part_conditions(E, x, cx_conditions(E, last));
    return expected(E, &R);
  }
  R.e = two ? body->kid[0] : last;
  if (kind == R_EXPECT) return expected(E, &R);
  cx_gauss g; /* of normal variables alone the means are not needed */
  if (!R.condition[1] && cx_elab_gauss(E, R.order, R.n, &(cx_gauss_of){R.e, NULL, two ? last : NULL}, &g))
    return g.mean.bad ? g.mean : g.cov;
  cx_val m = expected(E, &R), m2 = m;
  if (two) {
    cx_random other = R;
    other.e = last;
    m2 = expected(E, &other);
    R.e2 = last;
  }
  if (m.bad || m2.bad) return cx_v_bad(x->span);
  R.m = m;
  R.m2 = m2;
  R.centred = true;
  return expected(E, &R);
}

/* ---- lhs ~ d ---- */
void cx_elab_tilde(cx_elab *E, const cx_ast *s) {
  const cx_ast *d = s->kid[1];
  bool bad = E->objective_bad;
  E->objective_bad = true;
  if (!cx_is_dist(E, d)) {
    cx_distribution_of(E, d);
    return;
  }
  cx_ast *call = CX_NEW(E->arena, cx_ast); /* the sum of log_density(d, lhs), its loose indices running */
  *call = *s;
  call->kind = A_CALL;
  call->name = cx_intern_z(E->ctx, "log_density");
  call->kid = CX_NEW_N(E->arena, cx_ast *, 2);
  call->kid[0] = s->kid[1];
  call->kid[1] = s->kid[0];
  cx_val v = cx_elab_free(E, call);
  if (v.bad) return;
  v = cx_v_fresh(E, v);
  v = op1(E, OP_neg, cx_v_reduce_all(E, RED_sum, v, s->span));
  uint32_t eq;
  v = cx_v_store(E, v, NULL, &eq);
  if (v.bad || eq == CX_NO_EQ) return;
  E->objective_bad = bad;
  if (!E->objective.n) E->m->maximize = true;
  *CX_PUSH(E->arena, E->objective) = eq;
}
