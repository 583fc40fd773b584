/* bounds.c - what is known of a value without computing it: an interval, and whether it is an integer.
 *
 * Interval arithmetic in the rounding of the evaluation itself: +, -, *, / and the increasing ops are monotone also
 * when rounded, so an end point computed like a value bounds every value. An end point that is NaN says nothing and
 * becomes infinite. Like the identities of simplify.c, bounds hold for finite arithmetic: a NaN lies in any interval. */
#include "ir/graph_int.h"
#include <float.h>
#include <math.h>

static cx_interval iv(double lo, double hi) {
  return (cx_interval){isnan(lo) ? -INFINITY : lo, isnan(hi) ? INFINITY : hi};
}
static const cx_interval all = {-INFINITY, INFINITY}, boolean = {0, 1};

static cx_interval hull(cx_interval x, cx_interval y) { return iv(fmin(x.lo, y.lo), fmax(x.hi, y.hi)); }
static cx_interval meet(cx_interval x, cx_interval y) { return (cx_interval){fmax(x.lo, y.lo), fmin(x.hi, y.hi)}; }
static cx_interval flip(cx_interval x) { return (cx_interval){-x.hi, -x.lo}; }

static double times(double x, double y) { return x == 0 || y == 0 ? 0 : x * y; } /* 0 * inf: a bound, not a value */
static cx_interval product(cx_interval x, cx_interval y) {
  double a = times(x.lo, y.lo), b = times(x.lo, y.hi), c = times(x.hi, y.lo), d = times(x.hi, y.hi);
  return iv(fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d)));
}

static cx_interval quotient(cx_interval x, cx_interval y) {
  if (y.lo <= 0 && y.hi >= 0) return all;
  double e[4] = {x.lo / y.lo, x.lo / y.hi, x.hi / y.lo, x.hi / y.hi};
  cx_interval r = {INFINITY, -INFINITY};
  for (int i = 0; i < 4; i++) {
    if (isnan(e[i])) return all;
    r.lo = fmin(r.lo, e[i]);
    r.hi = fmax(r.hi, e[i]);
  }
  return r;
}

static cx_interval absolute(cx_interval x) {
  if (x.lo >= 0) return x;
  if (x.hi <= 0) return flip(x);
  return iv(0, fmax(-x.lo, x.hi));
}

/* x mod y has the sign of y, and is below it in size */
static cx_interval modulo(cx_interval x, cx_interval y, bool integer) {
  if (y.lo > 0) {
    if (x.lo >= 0 && x.hi < y.lo) return x;
    return iv(0, fmin(integer ? y.hi - 1 : y.hi, x.lo >= 0 ? x.hi : INFINITY));
  }
  if (y.hi < 0) return iv(integer ? y.lo + 1 : y.lo, 0);
  return all;
}

/* Real powers of a non-negative base lie between those of the corners. */
static cx_interval power(cx_interval x, cx_interval y) {
  if (y.lo == y.hi && y.lo == floor(y.lo) && y.lo > 0 && x.lo < 0) {
    if (fmod(y.lo, 2) != 0) return iv(pow(x.lo, y.lo), pow(x.hi, y.lo));
    return iv(x.hi > 0 ? 0 : pow(x.hi, y.lo), pow(fmax(-x.lo, x.hi), y.lo));
  }
  if (x.lo < 0) return all;
  double a = pow(x.lo, y.lo), b = pow(x.lo, y.hi), c = pow(x.hi, y.lo), d = pow(x.hi, y.hi);
  return iv(fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d)));
}

/* -1: either; else the value of the condition */
static int truth(cx_interval x) { return x.lo > 0 || x.hi < 0 ? 1 : x.lo == 0 && x.hi == 0 ? 0 : -1; }
static cx_interval decided(int t) { return t < 0 ? boolean : iv(t, t); }

static cx_interval apply(const cx_node *n, const cx_interval *x, bool integer) {
  cx_interval r = all;
  switch (n->op) {
    case OP_add: r = iv(x[0].lo + x[1].lo, x[0].hi + x[1].hi); break;
    case OP_sub: r = n->arg[0] == n->arg[1] ? iv(0, 0) : iv(x[0].lo - x[1].hi, x[0].hi - x[1].lo); break;
    case OP_neg: r = flip(x[0]); break;
    case OP_mul:
      r = product(x[0], x[1]);
      if (n->arg[0] == n->arg[1]) r = product(absolute(x[0]), absolute(x[0]));
      break;
    case OP_muladd:
      r = product(x[0], x[1]);
      r = iv(r.lo + x[2].lo, r.hi + x[2].hi);
      break;
    case OP_div: r = quotient(x[0], x[1]); break;
    case OP_mod: r = modulo(x[0], x[1], integer); break;
    case OP_pow: r = power(x[0], x[1]); break;
    case OP_abs: r = absolute(x[0]); break;
    case OP_min: r = iv(fmin(x[0].lo, x[1].lo), fmin(x[0].hi, x[1].hi)); break;
    case OP_max: r = iv(fmax(x[0].lo, x[1].lo), fmax(x[0].hi, x[1].hi)); break;
    case OP_lt: r = decided(x[0].hi < x[1].lo ? 1 : x[0].lo >= x[1].hi ? 0 : -1); break;
    case OP_le: r = decided(x[0].hi <= x[1].lo ? 1 : x[0].lo > x[1].hi ? 0 : -1); break;
    case OP_eq:
    case OP_ne: {
      int apart = x[0].hi < x[1].lo || x[1].hi < x[0].lo;
      int same = x[0].lo == x[0].hi && x[1].lo == x[1].hi && x[0].lo == x[1].lo;
      r = decided(apart || same ? (n->op == OP_eq) == same : -1);
      break;
    }
    case OP_and: {
      int a = truth(x[0]), b = truth(x[1]);
      r = decided(a == 0 || b == 0 ? 0 : a == 1 && b == 1 ? 1 : -1);
      break;
    }
    case OP_or: {
      int a = truth(x[0]), b = truth(x[1]);
      r = decided(a == 1 || b == 1 ? 1 : a == 0 && b == 0 ? 0 : -1);
      break;
    }
    case OP_not: {
      int a = truth(x[0]);
      r = decided(a < 0 ? -1 : !a);
      break;
    }
    case OP_select: {
      int t = truth(x[0]);
      r = t < 0 ? hull(x[1], x[2]) : x[t ? 1 : 2];
      break;
    }
    case OP_sin:
    case OP_cos: r = iv(-1, 1); break;
    case OP_exp: r = iv(exp(x[0].lo), fmax(exp(x[0].hi), DBL_TRUE_MIN)); break; /* what underflows is no proof of 0 */
    default:
      if (cx_ops[n->op].facts & F_INC) r = iv(cx_ops[n->op].eval(&x[0].lo), cx_ops[n->op].eval(&x[0].hi));
  }
  uint32_t f = cx_ops[n->op].facts;
  if (f & F_BOOL) r = meet(r, boolean);
  if (f & (F_NONNEG | F_POS)) r.lo = fmax(r.lo, 0);
  return r;
}

static cx_interval index_range(const cx_eq *of, int64_t slot) {
  if (!of) return slot < CX_FREE ? iv(0, INFINITY) : all;
  if (slot < 0 || slot >= cx_nslot(of)) return all;
  int64_t n = cx_extent(of, slot);
  return iv(0, n > 0 ? (double)(n - 1) : 0);
}

static bool integer_node(const cx_graph *g, const cx_node *n, const cx_scratch *s) {
  switch (n->op) {
    case OP_const: return isfinite(n->u.num) && n->u.num == floor(n->u.num);
    case OP_index: return true;
    case OP_load: return g->eq[n->u.eq]->integer;
    case OP_select: return s->val[n->arg[1]->id].i && s->val[n->arg[2]->id].i;
    default: {
      uint32_t f = cx_ops[n->op].facts;
      if (f & (F_INTEGER | F_BOOL)) return true;
      if (!(f & F_INT)) return false;
      for (int k = 0; k < n->nargs; k++)
        if (!s->val[n->arg[k]->id].i) return false;
      return true;
    }
  }
}

/* val[].i of every node below e: is it an integer */
static cx_scratch *integers(const cx_graph *g, const cx_node *e) {
  cx_scratch *s = cx_scratch_take(g);
  cx_postorder(g, s, e);
  for (int i = 0; i < s->order.n; i++) s->val[s->order.at[i]->id].i = integer_node(g, s->order.at[i], s);
  return s;
}

bool cx_is_integer(const cx_graph *g, const cx_node *e) {
  cx_scratch *s = integers(g, e);
  bool r = s->val[e->id].i;
  cx_scratch_give(g, s);
  return r;
}

cx_interval cx_bounds(const cx_graph *g, const cx_node *e, const cx_eq *of) {
  cx_scratch *s = cx_scratch_take(g), *whole = NULL;
  cx_postorder(g, s, e);
  cx_interval x[CX_MAX_RANK];
  for (int i = 0; i < s->order.n; i++) {
    const cx_node *n = s->order.at[i];
    cx_interval r;
    for (int k = 0; k < n->nargs; k++) x[k] = s->val[n->arg[k]->id].iv;
    if (n->op == OP_const) r = iv(n->u.num, n->u.num);
    else if (n->op == OP_index) r = index_range(of, n->u.i);
    else if (n->op == OP_load) {
      const cx_eq *t = g->eq[n->u.eq];
      bool inside = n->nargs == t->rank;
      for (int k = 0; k < n->nargs && inside; k++) inside = x[k].lo >= 0 && x[k].hi <= (double)(t->dim[k].n - 1);
      r = iv(t->lo, t->hi);
      if (!inside) r = hull(r, iv(0, 0)); /* what lies outside reads 0 */
    } else {
      if (n->op == OP_mod && !whole) whole = integers(g, e);
      r = apply(n, x, n->op == OP_mod && whole->val[n->id].i);
    }
    s->val[n->id].iv = r;
  }
  cx_interval r = s->val[e->id].iv;
  if (whole) cx_scratch_give(g, whole);
  cx_scratch_give(g, s);
  return r;
}

/* ---- of an equation ---- */
/* count * x and a margin for the rounding of that many additions */
static double scaled(double count, double x, double margin) { return x == 0 ? 0 : count * (x + margin * fabs(x)); }

void cx_learn_bounds(cx_graph *g, cx_eq *e) {
  cx_interval r = cx_bounds(g, e->body, e);
  bool integer = cx_is_integer(g, e->body);
  double count = 1;
  for (int k = 0; k < e->nred; k++) count *= (double)e->rdim[k].n;
  switch (e->red) {
    case RED_none: break;
    case RED_sum:
      r.lo = scaled(count, r.lo, integer ? 0 : -1e-9);
      r.hi = scaled(count, r.hi, integer ? 0 : 1e-9);
      break;
    case RED_prod:
      r = r.lo >= 0 && r.hi <= 1 ? (cx_interval){0, 1} : (cx_interval){r.lo >= 0 ? 0 : -INFINITY, INFINITY};
      break;
    case RED_max:
    case RED_min:
      if (count == 0) r = (cx_interval){-INFINITY, INFINITY};
      break;
    default: r = (cx_interval){0, fmax(count - 1, 0)}, integer = true; break;
  }
  e->lo = fmax(e->lo, r.lo);
  e->hi = fmin(e->hi, r.hi);
  e->integer |= integer && (count > 0 || e->red == RED_sum || e->red == RED_prod);
}
