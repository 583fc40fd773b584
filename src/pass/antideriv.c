/* antideriv.c - integrals that have a closed form which loses no digits.
 *
 * The integrand is a sum of terms, each a product of powers and one exponential. A term with one factor that is no
 * polynomial is looked up in antideriv.def; a polynomial is its Gauss-Legendre rule, which is exact and, its weights
 * being positive, as accurate as the polynomial itself, where the difference of its antiderivative would cancel. All
 * terms have a closed form, or the integral stays what it is.
 *
 * What is not proved is decided when the program runs. There, with `ok` the condition,
 *   I = if ok then closed form else integral(x in lo..(if ok then lo else hi): f)
 * and the integral over an empty range costs nothing; so a closed form that is not finite, or not valid for the numbers
 * at hand, is computed, and judged, as ever. Inside another integral only what is proved is used. */
#include <math.h>
#include <string.h>

#include "ir/pattern.h"
#include "ir/rule.h"
#include "pass/eqs.h"
#include "pass/integral.h"

enum { FACTORS = 12, TERMS = 24, DEGREE_MAX = 60, NODES_MAX = 10, DEPTH = 60 };

static const struct {
  const char *name, *integrand, *definite, *when, *tail, *tail_when;
} row[] = {
#define ANTIDERIV(name, integrand, antiderivative, definite, when, tail, tail_when) \
  {#name, integrand, definite, when, tail, tail_when},
#include "ir/antideriv.def"
#undef ANTIDERIV
};
enum { ROWS = sizeof row / sizeof *row };

typedef struct {
  const cx_node *base, *power;
} factor;
typedef struct {
  const cx_node *coef, *expo; /* expo: NULL is 0 */
  factor f[FACTORS];
  int n;
  bool bad;
} term;

typedef struct {
  cx_graph *g;
  const uint32_t *mask; /* what depends on x */
  int known;
  const cx_eq *I, *F;
  const cx_node *x, *lo, *hi, *w; /* lo, hi: NULL is infinite */
  bool inner, hit;
  const cx_node *ok;
  int budget;
} finder;

static const cx_node *num(finder *s, double v) { return cx_const(s->g, v); }
static const cx_node *add(finder *s, const cx_node *a, const cx_node *b) { return cx_op2(s->g, OP_add, a, b); }
static const cx_node *mul(finder *s, const cx_node *a, const cx_node *b) { return cx_op2(s->g, OP_mul, a, b); }

static void see(void *user, const cx_node *n) {
  finder *s = user;
  if (n->op == OP_load && (int)n->u.eq < s->known && (s->mask[n->u.eq] & CX_DEPENDS)) s->hit = true;
}
static bool depends(finder *s, const cx_node *n) {
  s->hit = false;
  if (n->has_load) cx_visit(s->g, n, see, s);
  return s->hit;
}

/* ---- what is proved ---- */
typedef enum { NO, YES, MAYBE } truth;

/* a number, not infinite or NaN: variables of integrals are */
static bool bounded(finder *s, const cx_node *e, int depth) {
  if (e->op == OP_const) return isfinite(e->u.num);
  if (e->op == OP_index) return true;
  if (e->op == OP_load) {
    const cx_eq *q = s->g->eq[e->u.eq];
    return q->node || (isfinite(q->lo) && isfinite(q->hi));
  }
  if (depth == 0) return false;
  if (e->op != OP_add && e->op != OP_sub && e->op != OP_mul && e->op != OP_neg) return false;
  for (int k = 0; k < e->nargs; k++)
    if (!bounded(s, e->arg[k], depth - 1)) return false;
  return true;
}

static truth proved(finder *s, const cx_node *c) {
  switch (c->op) {
    case OP_const: return c->u.num != 0 ? YES : NO;
    case OP_and:
    case OP_or: {
      truth a = proved(s, c->arg[0]), b = proved(s, c->arg[1]), strong = c->op == OP_and ? NO : YES;
      return a == strong || b == strong ? strong : a == b ? a : MAYBE;
    }
    case OP_isfinite: return bounded(s, c->arg[0], 20) ? YES : MAYBE;
    case OP_lt:
      if (c->arg[0]->op == OP_const && c->arg[0]->u.num == 0 && cx_is_positive(s->g, c->arg[1])) return YES;
      break;
    default: break;
  }
  cx_interval b = cx_bounds(s->g, c, s->I);
  return b.lo == b.hi ? (b.lo != 0 ? YES : NO) : MAYBE;
}

/* branches that the bounds decide */
static const cx_node *decide(void *user, cx_graph *g, const cx_node *n) {
  finder *s = user;
  (void)g;
  if (n->op != OP_select) return n;
  truth t = proved(s, n->arg[0]);
  return t == YES ? n->arg[1] : t == NO ? n->arg[2] : n;
}

/* the condition of what is used; false: it cannot be */
static bool demand(finder *s, const cx_node *when) {
  truth t = proved(s, when);
  if (t == NO || (t == MAYBE && s->inner)) return false;
  if (t == MAYBE) s->ok = cx_op2(s->g, OP_and, s->ok, when);
  return true;
}

/* ---- polynomials ---- */
/* of e in x; -1: it is none */
static int degree(finder *s, const cx_node *e, int depth) {
  if (!depends(s, e)) return 0;
  if (e == s->x) return 1;
  bool known =
      e->op == OP_neg || e->op == OP_add || e->op == OP_sub || e->op == OP_mul || e->op == OP_div || e->op == OP_pow;
  int a = known && depth > 0 ? degree(s, e->arg[0], depth - 1) : -1, b;
  if (a < 0) return -1;
  switch (e->op) {
    case OP_neg: return a;
    case OP_add:
    case OP_sub: b = degree(s, e->arg[1], depth - 1); return b < 0 ? -1 : a > b ? a : b;
    case OP_mul: b = degree(s, e->arg[1], depth - 1); return b < 0 || a + b > DEGREE_MAX ? -1 : a + b;
    case OP_div: return depends(s, e->arg[1]) ? -1 : a;
    case OP_pow: {
      double n = e->arg[1]->op == OP_const ? e->arg[1]->u.num : -1;
      return n >= 0 && n == floor(n) && a * n <= DEGREE_MAX ? (int)(a * n) : -1;
    }
    default: return -1;
  }
}

/* e of degree 2 at most as c[0] + c[1] x + c[2] x^2 */
static void coefficients(finder *s, const cx_node *e, const cx_node *c[3]) {
  cx_graph *g = s->g;
  const cx_node *a[3], *b[3], *zero = num(s, 0);
  c[0] = c[1] = c[2] = zero;
  if (!depends(s, e)) c[0] = e;
  else if (e == s->x) c[1] = num(s, 1);
  else {
    coefficients(s, e->arg[0], a);
    if (e->nargs > 1) coefficients(s, e->arg[1], b);
    for (int k = 0; k < 3; k++) {
      if (e->op == OP_neg) c[k] = cx_op1(g, OP_neg, a[k]);
      else if (e->op == OP_div) c[k] = cx_op2(g, OP_div, a[k], e->arg[1]);
      else if (e->op != OP_mul && e->op != OP_pow) c[k] = cx_op2(g, (cx_op)e->op, a[k], b[k]);
      else
        for (int i = 0; i <= k; i++) /* a power of degree 2 is a square, one of degree 1 itself */
          c[k] = add(s, c[k],
                     mul(s, a[i],
                         e->op == OP_mul         ? b[k - i]
                         : e->arg[1]->u.num == 2 ? a[k - i]
                                                 : num(s, i == k)));
    }
  }
}

static const cx_node *at(finder *s, const cx_node *e, const cx_node *x) { return cx_exchange(s->g, e, s->x, x); }

/* ---- the rule for polynomials ---- */
/* Gauss-Legendre on -1..1: node k of n >= 1, its weight (Davis and Rabinowitz, Methods of Numerical Integration, 2.7) */
static long double legendre(int n, int k, long double *weight) {
  long double z = cosl(acosl(-1) * (k + 0.75L) / (n + 0.5L)), slope = 1;
  for (int step = 0; step < 20; step++) {
    long double p = 1, before = 0;
    for (int j = 0; j < n; j++) {
      long double next = ((2 * j + 1) * z * p - j * before) / (j + 1);
      before = p;
      p = next;
    }
    slope = n * (z * p - before) / (z * z - 1);
    z -= p / slope;
  }
  *weight = 2 / ((1 - z * z) * slope * slope);
  return z;
}

static const cx_node *polynomial(finder *s, const cx_node *e, int n_degree) {
  int n = (n_degree + 2) / 2;
  if (n > NODES_MAX) return NULL;
  const cx_node *half = mul(s, num(s, 0.5), s->w), *mid = mul(s, num(s, 0.5), add(s, s->lo, s->hi)), *sum = NULL;
  for (int k = 0; k < (n + 1) / 2; k++) {
    long double weight, z = legendre(n, k, &weight);
    bool middle = 2 * k + 1 == n;
    const cx_node *off = mul(s, num(s, (double)z), half);
    const cx_node *v =
        middle ? at(s, e, mid) : add(s, at(s, e, cx_op2(s->g, OP_sub, mid, off)), at(s, e, add(s, mid, off)));
    v = mul(s, num(s, (double)weight), v);
    sum = sum ? add(s, sum, v) : v;
  }
  return mul(s, half, sum);
}

/* ---- terms ---- */
static void put(finder *s, term *t, const cx_node *base, const cx_node *power) {
  for (int k = 0; k < t->n; k++)
    if (t->f[k].base == base) {
      t->f[k].power = add(s, t->f[k].power, power);
      return;
    }
  if (t->n == FACTORS) t->bad = true;
  else t->f[t->n++] = (factor){base, power};
}

static void take(finder *s, term *t, const cx_node *e, int sign, int depth) {
  cx_graph *g = s->g;
  const cx_node *also = NULL;
  if (!depends(s, e)) {
    t->coef = cx_op2(g, sign > 0 ? OP_mul : OP_div, t->coef, e);
    return;
  }
  if (depth == 0) t->bad = true;
  else switch (e->op) {
      case OP_mul:
      case OP_div:
        take(s, t, e->arg[0], sign, depth - 1);
        take(s, t, e->arg[1], e->op == OP_mul ? sign : -sign, depth - 1);
        return;
      case OP_neg:
        t->coef = cx_op1(g, OP_neg, t->coef);
        take(s, t, e->arg[0], sign, depth - 1);
        return;
      case OP_exp: also = e->arg[0]; break;
      case OP_exp2: also = mul(s, num(s, log(2)), e->arg[0]); break;
      case OP_sqrt: put(s, t, e->arg[0], num(s, 0.5 * sign)); return;
      case OP_pow:
        if (!depends(s, e->arg[1])) {
          put(s, t, e->arg[0], sign > 0 ? e->arg[1] : cx_op1(g, OP_neg, e->arg[1]));
          return;
        }
        if (!depends(s, e->arg[0]) && cx_is_positive(g, e->arg[0]))
          also = mul(s, e->arg[1], cx_op1(g, OP_log, e->arg[0]));
        break;
      default: break;
    }
  if (!also) put(s, t, e, num(s, sign));
  else if (!t->expo) t->expo = sign > 0 ? also : cx_op1(g, OP_neg, also);
  else t->expo = cx_op2(g, sign > 0 ? OP_add : OP_sub, t->expo, also);
}

/* ---- rows ---- */
typedef struct {
  const cx_node *u, *s, *c; /* what stands for these in a row; then what matched them */
} holes;

static bool matches(finder *s, const holes *hole, holes *got, const cx_node *p, const cx_node *e) {
  if (p == hole->u || p == hole->s) {
    const cx_node **to = p == hole->u ? &got->u : &got->s;
    if (*to || degree(s, e, DEPTH) != (p == hole->u ? 1 : 2)) return *to == e;
    *to = e;
    return true;
  }
  if (p == hole->c) {
    if (got->c || depends(s, e)) return got->c == e;
    got->c = e;
    return true;
  }
  if (p == e) return true;
  if (p->op != e->op || p->op < OP_add || p->nargs != e->nargs) return false;
  holes before = *got;
  bool all = true;
  for (int k = 0; k < p->nargs && all; k++) all = matches(s, hole, got, p->arg[k], e->arg[k]);
  if (all || !(cx_ops[p->op].facts & F_COMM)) return all;
  *got = before;
  return matches(s, hole, got, p->arg[0], e->arg[1]) && matches(s, hole, got, p->arg[1], e->arg[0]);
}

static const cx_node *hole(cx_graph *g) {
  cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
  e->body = cx_const(g, 0);
  return cx_load(g, e->id, NULL, 0);
}

/* the integral of a row's integrand; NULL: its condition does not hold */
static const cx_node *by_row(finder *s, int r, const holes *got) {
  cx_graph *g = s->g;
  static const char *const name[] = {"p",   "q",    "d", "w", "a", "c",     "near",
                                     "far", "step", "y", "z", "k", "whole", "inner"};
  const cx_node *e = got->u ? got->u : got->s, *c[3], *p = NULL, *q = NULL, *zero = num(s, 0), *m = zero;
  const cx_node *l = s->lo, *h = s->hi, *a, *y = zero, *z = zero, *k = zero;
  coefficients(s, e, c);
  a = c[2];
  if (got->u) {
    a = c[1];
    if (l) p = at(s, e, l);
    if (h) q = at(s, e, h);
  } else {
    m = cx_op2(g, OP_div, cx_op1(g, OP_neg, c[1]), mul(s, num(s, 2), a));
    k = at(s, e, m);
    if (l) p = cx_op2(g, OP_sub, l, m), y = at(s, e, l);
    if (h) q = cx_op2(g, OP_sub, h, m), z = at(s, e, h);
  }
  bool tail = !l || !h;
  if (!l && !h) {
    if (got->u) return NULL;
    p = zero, y = k;
  } else if (!l) { /* x -> -x */
    p = q, y = z;
    if (got->u) a = cx_op1(g, OP_neg, a);
    else p = cx_op1(g, OP_neg, p);
  }
  const cx_node *d = got->u ? mul(s, a, s->w) : s->w, *near = p, *far = p, *step = zero;
  if (tail) q = p, d = zero;
  else {
    const cx_node *away = cx_op2(g, OP_le, zero, mul(s, p, d)); /* from 0, as one goes from p to q */
    near = cx_op3(g, OP_select, away, p, q);
    far = cx_op3(g, OP_select, away, q, p);
    step = cx_op3(g, OP_select, away, d, cx_op1(g, OP_neg, d));
  }
  const cx_node *value[] = {p,   q,    d, s->w, a, got->c ? got->c : zero, near,
                            far, step, y, z,    k, num(s, !l && !h),       num(s, s->inner)};
  enum { NAMES = sizeof value / sizeof *value };
  if (!demand(s, cx_rule_expr(g, tail ? row[r].tail_when : row[r].when, name, value, NAMES))) return NULL;
  return cx_rule_expr(g, tail ? row[r].tail : row[r].definite, name, value, NAMES);
}

static const cx_node *looked_up(finder *s, const cx_node *e) {
  static const char *const name[] = {"u", "s", "c"};
  holes of = {hole(s->g), hole(s->g), hole(s->g)};
  const cx_node *value[] = {of.u, of.s, of.c};
  for (int r = 0; r < ROWS; r++) {
    holes got = {0};
    if (!matches(s, &of, &got, cx_rule_expr(s->g, row[r].integrand, name, value, 3), e)) continue;
    const cx_node *v = by_row(s, r, &got);
    if (v) return v;
  }
  return NULL;
}

static const cx_node *of_term(finder *s, const cx_node *e) {
  cx_graph *g = s->g;
  term t = {.coef = num(s, 1)};
  take(s, &t, e, 1, DEPTH);
  if (t.bad) return NULL;
  const cx_node *poly = NULL, *odd = NULL, *only = NULL, *v = NULL; /* odd: the factor that is no polynomial */
  int n_degree = 0;
  for (int k = 0; k < t.n; k++) {
    const cx_node *b = t.f[k].base, *n = t.f[k].power;
    if (n->op == OP_const && n->u.num == 0) continue;
    int d = degree(s, b, DEPTH);
    const cx_node *arg[] = {b, n};
    const cx_node *whole = n->op == OP_const && n->u.num == 1    ? b
                           : n->op == OP_const && n->u.num == -1 ? cx_op2(g, OP_div, num(s, 1), b)
                           : d == 1                              ? cx_raw(g, OP_pow, arg, 2)
                                                                 : cx_op2(g, OP_pow, b, n);
    if (d > 0 && n->op == OP_const && n->u.num >= 0 && n->u.num == floor(n->u.num) && d * n->u.num <= DEGREE_MAX) {
      only = poly ? NULL : d == 1 ? cx_raw(g, OP_pow, arg, 2) : NULL;
      poly = poly ? mul(s, poly, whole) : whole;
      n_degree += d * (int)n->u.num;
    } else if (odd) return NULL;
    else odd = whole;
  }
  if (t.expo) {
    if (odd) return NULL;
    odd = cx_raw(g, OP_exp, &t.expo, 1);
  }
  if (poly && odd) return NULL;
  if (odd) v = looked_up(s, odd);
  else if (!s->lo || !s->hi) return NULL;
  else if (!poly) v = s->w;
  else if (only && only->arg[1]->u.num > 1) v = looked_up(s, only);
  else v = polynomial(s, poly, n_degree);
  return v ? mul(s, t.coef, v) : NULL;
}

/* the integral of e, a sum of terms each of which has one; NULL: it has none */
static const cx_node *closed(finder *s, const cx_node *e, int depth) {
  if (s->budget-- <= 0) return NULL;
  const cx_node *v = degree(s, e, DEPTH) > 0 || (e->op != OP_add && e->op != OP_sub) ? of_term(s, e) : NULL;
  if (v || depth == 0) return v;
  switch (e->op) {
    case OP_neg: v = closed(s, e->arg[0], depth - 1); return v ? cx_op1(s->g, OP_neg, v) : NULL;
    case OP_add:
    case OP_sub: {
      const cx_node *a = closed(s, e->arg[0], depth - 1), *b = a ? closed(s, e->arg[1], depth - 1) : NULL;
      return b ? cx_op2(s->g, (cx_op)e->op, a, b) : NULL;
    }
    case OP_mul:
      for (int k = 0; k < 2; k++)
        if (!depends(s, e->arg[k])) {
          v = closed(s, e->arg[1 - k], depth - 1);
          return v ? mul(s, e->arg[k], v) : NULL;
        }
      return NULL;
    case OP_div:
      v = depends(s, e->arg[1]) ? NULL : closed(s, e->arg[0], depth - 1);
      return v ? cx_op2(s->g, OP_div, v, e->arg[1]) : NULL;
    default: return NULL;
  }
}

/* ---- one integral ---- */
static const cx_node *open_plain(void *user, cx_graph *g, const cx_node *n) {
  finder *s = user;
  if (n->op != OP_load || (int)n->u.eq >= s->known || s->budget <= 0) return n;
  const cx_eq *e = g->eq[n->u.eq];
  if (e->kind != EQ_CALC || e->red != RED_none || !e->body || !(s->mask[n->u.eq] & CX_DEPENDS)) return n;
  s->budget--;
  return cx_open_load(g, n, s->F);
}

/* an end over the instances; NULL: infinite, with its sign */
static const cx_node *end_of(cx_graph *g, uint32_t id, int *infinite) {
  const cx_eq *e = g->eq[id];
  const cx_node *n = e->kind == EQ_CALC && e->red == RED_none ? e->body : cx_load_here(g, e);
  *infinite = n->op == OP_const && isinf(n->u.num) ? (n->u.num > 0 ? 1 : -1) : 0;
  return *infinite ? NULL : n;
}

static void close(cx_graph *g, cx_eq *I, bool inner) {
  const cx_eq *F = g->eq[I->prim_arg[CX_INTEGRAL_F]], *L = g->eq[I->prim_arg[CX_INTEGRAL_LO]];
  if (F->kind != EQ_CALC || F->red != RED_none) return;
  uint32_t x = I->prim_arg[CX_INTEGRAL_X];
  const cx_node *slot = cx_index(g, F->rank - 1);
  finder s = {.g = g, .I = I, .F = F, .x = cx_load(g, x, &slot, 1), .inner = inner, .ok = cx_const(g, 1), .budget = 64};
  s.mask = cx_node_dims(g, g->arena, x), s.known = g->neq;
  const cx_node *body = cx_rewrite(g, F->body, open_plain, &s);
  s.budget = TERMS;
  int below, above;
  s.lo = end_of(g, I->prim_arg[CX_INTEGRAL_LO], &below);
  s.hi = end_of(g, I->prim_arg[CX_INTEGRAL_HI], &above);
  bool crossed = below > 0 || above < 0;
  if (crossed && (below * above > 0)) return;
  if (crossed) {
    const cx_node *t = s.lo;
    s.lo = s.hi, s.hi = t;
  }
  s.w = s.lo && s.hi ? cx_op2(g, OP_sub, s.hi, s.lo) : cx_const(g, INFINITY);
  for (int side = 0; side < 2; side++) {
    const cx_node *end = side ? s.hi : s.lo;
    if (end && !demand(&s, cx_op1(g, OP_isfinite, end))) return;
  }
  const cx_node *v = closed(&s, body, DEPTH);
  if (!v || v->free_lo >> (F->rank - 1)) return;
  if (crossed) v = cx_op1(g, OP_neg, v);
  v = cx_rewrite(g, v, decide, &s);
  if (v->op == OP_const && !isfinite(v->u.num)) return;
  if (!inner && v->op != OP_const) s.ok = cx_op2(g, OP_and, s.ok, cx_op1(g, OP_isfinite, v));
  if (proved(&s, s.ok) != YES) {
    if (s.ok->free_lo >> L->rank) return; /* an end for each component there is not */
    cx_eq *hi = cx_eq_beside(g, L, "if_open"), *J = cx_eq_new(g, NULL, EQ_PRIM);
    hi->body = cx_op3(g, OP_select, s.ok, cx_load_here(g, L), cx_load_here(g, g->eq[I->prim_arg[CX_INTEGRAL_HI]]));
    uint32_t id = J->id;
    *J = *I;
    J->id = id;
    J->prim_arg[CX_INTEGRAL_HI] = hi->id;
    v = cx_op3(g, OP_select, s.ok, v, cx_load_here(g, J));
  }
  I->kind = EQ_CALC;
  I->prim = NULL;
  I->nprim_arg = 0;
  I->body = v;
}

void cx_pass_antideriv(cx_graph *g) {
  int neq = g->neq, n = 0;
  uint8_t *depth = NULL;
  for (int id = 0; id < neq; id++) n += cx_is_integral(g->eq[id]) && g->eq[id]->prim == &cx_prim_integral;
  if (!n) return;
  depth = cx_alloc_n(g->arena, (size_t)neq + 1, 1);
  for (int id = 0; id < neq; id++) {
    if (g->eq[id]->kind != EQ_INPUT || !g->eq[id]->node) continue;
    uint32_t *m = cx_node_dims(g, g->arena, (uint32_t)id);
    for (int k = 0; k < neq; k++) depth[k] = (uint8_t)(depth[k] + ((m[k] & CX_DEPENDS) != 0));
  }
  for (int level = CX_MAX_RANK; level >= 0; level--) /* innermost first */
    for (int id = 0; id < neq; id++)
      if (g->eq[id]->kind == EQ_PRIM && g->eq[id]->prim == &cx_prim_integral && depth[id] == level)
        close(g, g->eq[id], level > 0);
}
