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
#include <float.h>
#include <math.h>
#include <string.h>

#include "ir/pattern.h"
#include "ir/rule.h"
#include "pass/antideriv_int.h"

enum { FACTORS = 12, TERMS = 24, WAVES = 8, DEPTH = CX_ANTI_DEPTH, CANCELS = 200 };

static const struct {
  const char *name, *integrand, *antiderivative, *definite, *when, *tail, *tail_when;
} row[] = {
#define ANTIDERIV(name, integrand, antiderivative, definite, when, tail, tail_when) \
  {#name, integrand, antiderivative, definite, when, tail, tail_when},
#include "ir/antideriv.def"
#undef ANTIDERIV
};
enum { ROWS = sizeof row / sizeof *row };
_Static_assert((int)ROWS < (int)CX_ANTI_POLYNOMIAL, "cx_anti.used has a bit for each row");

typedef struct {
  const cx_node *base, *power;
} factor;
typedef struct {
  const cx_node *coef, *expo; /* expo: NULL is 0 */
  factor f[FACTORS];
  int n;
  bool bad;
} term;

bool cx_anti_depends(cx_anti *s, const cx_node *n) { return cx_node_depends(s->g, n, s->mask, s->known); }

cx_piece cx_anti_sum(cx_anti *s, cx_piece a, cx_piece b) {
  if (!a.v) return b;
  if (!b.v) return a;
  return (cx_piece){add(s, a.v, b.v), !a.size ? b.size : b.size ? add(s, a.size, b.size) : a.size};
}
cx_piece cx_anti_scaled(cx_anti *s, const cx_node *c, cx_piece a) {
  if (!a.v) return a;
  return (cx_piece){mul(s, c, a.v), a.size ? mul(s, cx_op1(s->g, OP_abs, c), a.size) : NULL};
}

/* ---- what is proved ---- */
typedef enum { NO, YES, MAYBE } truth;

/* a number, not infinite or NaN: variables of integrals are */
static bool bounded(cx_anti *s, const cx_node *e, int depth) {
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

static truth proved(cx_anti *s, const cx_node *c) {
  switch (c->op) {
    case OP_const: return c->u.num != 0 ? YES : NO;
    case OP_and:
    case OP_or: {
      truth a = proved(s, c->arg[0]), b = proved(s, c->arg[1]), strong = c->op == OP_and ? NO : YES;
      return a == strong || b == strong ? strong : a == b ? a : MAYBE;
    }
    case OP_isfinite: return bounded(s, c->arg[0], 20) ? YES : MAYBE;
    case OP_lt:
      if (cx_is_number(c->arg[0], 0) && cx_is_positive(s->g, c->arg[1])) return YES;
      break;
    default: break;
  }
  cx_interval b = cx_bounds(s->g, c, s->I);
  return b.lo == b.hi ? (b.lo != 0 ? YES : NO) : MAYBE;
}

/* branches that the bounds decide */
static const cx_node *decide(void *user, cx_graph *g, const cx_node *n) {
  cx_anti *s = user;
  (void)g;
  if (n->op != OP_select) return n;
  truth t = proved(s, n->arg[0]);
  return t == YES ? n->arg[1] : t == NO ? n->arg[2] : n;
}

/* the condition of what is used; false: it cannot be */
bool cx_anti_demand(cx_anti *s, const cx_node *when) {
  truth t = proved(s, when);
  if (t == NO || (t == MAYBE && s->inner)) return false;
  if (t == MAYBE) s->ok = cx_op2(s->g, OP_and, s->ok, when);
  return true;
}

/* ---- terms ---- */
static void put(cx_anti *s, term *t, const cx_node *base, const cx_node *power) {
  for (int k = 0; k < t->n; k++)
    if (t->f[k].base == base) {
      t->f[k].power = add(s, t->f[k].power, power);
      return;
    }
  if (t->n == FACTORS) t->bad = true;
  else t->f[t->n++] = (factor){base, power};
}

static void take(cx_anti *s, term *t, const cx_node *e, int sign, int depth) {
  cx_graph *g = s->g;
  const cx_node *also = NULL;
  if (!cx_anti_depends(s, e)) {
    t->coef = cx_op2(g, sign > 0 ? OP_mul : OP_div, t->coef, e);
    return;
  }
  if (t->bad) return;
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
        if (!cx_anti_depends(s, e->arg[1])) {
          put(s, t, e->arg[0], sign > 0 ? e->arg[1] : cx_op1(g, OP_neg, e->arg[1]));
          return;
        }
        if (!cx_anti_depends(s, e->arg[0]) && cx_is_positive(g, e->arg[0]))
          also = mul(s, e->arg[1], cx_op1(g, OP_log, e->arg[0]));
        break;
      default: break;
    }
  if (!also) put(s, t, e, num(s, sign));
  else if (!t->expo) t->expo = sign > 0 ? also : cx_op1(g, OP_neg, also);
  else t->expo = cx_op2(g, sign > 0 ? OP_add : OP_sub, t->expo, also);
}

bool cx_anti_power(cx_anti *s, const cx_node *e, const cx_node **coef, const cx_node **base, const cx_node **power) {
  term t = {.coef = num(s, 1)};
  take(s, &t, e, 1, DEPTH);
  *coef = t.coef, *base = t.f[0].base, *power = t.f[0].power;
  return !t.bad && t.n == 1 && !t.expo;
}

/* ---- rows ---- */
typedef struct {
  const cx_node *u, *s, *c; /* what stands for these in a row; then what matched them */
} holes;

static bool matches(cx_anti *s, const holes *hole, holes *got, const cx_node *p, const cx_node *e) {
  if (p == hole->u || p == hole->s) {
    const cx_node **to = p == hole->u ? &got->u : &got->s;
    if (*to || cx_anti_degree(s, e, DEPTH) != (p == hole->u ? 1 : 2)) return *to == e;
    *to = e;
    return true;
  }
  if (p == hole->c) {
    if (got->c || cx_anti_depends(s, e)) return got->c == e;
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
static const cx_node *by_row(cx_anti *s, int r, const holes *got) {
  cx_graph *g = s->g;
  static const char *const name[] = {"p",    "q", "d", "w", "a",    "c",     "near", "far",
                                     "step", "y", "z", "k", "blur", "whole", "inner"};
  const cx_node *e = got->u ? got->u : got->s, *c[3], *p = NULL, *q = NULL, *zero = num(s, 0), *m = zero;
  const cx_node *l = s->lo, *h = s->hi, *a, *y = zero, *z = zero, *k = zero, *blur = zero;
  cx_anti_coefficients(s, e, c);
  a = c[2];
  if (got->u) {
    a = c[1];
    if (l) p = at(s, e, l);
    if (h) q = at(s, e, h);
  } else {
    m = cx_op2(g, OP_div, cx_op1(g, OP_neg, c[1]), mul(s, num(s, 2), a));
    k = at(s, e, m);
    /* inside another integral, conditions are to be proved: there it is looked at where it is a number */
    const cx_node *by = mul(s, num(s, 1e-20), mul(s, cx_op1(g, OP_abs, a), mul(s, m, m)));
    if (!s->inner || by->op == OP_const) blur = by;
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
  const cx_node *value[] = {
      p, q, d, s->w, a, got->c ? got->c : zero, near, far, step, y, z, k, blur, num(s, !l && !h), num(s, s->inner)};
  enum { NAMES = sizeof value / sizeof *value };
  if (!cx_anti_demand(s, cx_rule_expr(g, tail ? row[r].tail_when : row[r].when, name, value, NAMES))) return NULL;
  return cx_rule_expr(g, tail ? row[r].tail : row[r].definite, name, value, NAMES);
}

const cx_node *cx_anti_row(cx_anti *s, const cx_node *e) {
  static const char *const name[] = {"u", "s", "c"};
  holes of = {hole(s->g), hole(s->g), hole(s->g)};
  const cx_node *value[] = {of.u, of.s, of.c};
  for (int r = 0; r < ROWS; r++) {
    holes got = {0};
    if (!matches(s, &of, &got, cx_rule_expr(s->g, row[r].integrand, name, value, 3), e)) continue;
    const cx_node *v = by_row(s, r, &got);
    if (!v) continue;
    s->used |= 1ull << r;
    return v;
  }
  return NULL;
}

/* ---- products ---- */
/* a polynomial p of degree n (one: it is that power of something of degree 1), times exp(expo), times a sine or cosine */
typedef struct {
  const cx_node *p, *one, *expo, *phase;
  int n;
  bool sine;
} product;

static cx_piece of_product(cx_anti *s, product q) {
  cx_graph *g = s->g;
  const cx_node *e = NULL;
  if (q.phase && !cx_anti_depends(s, q.phase)) {
    const cx_node *c = cx_op1(g, q.sine ? OP_sin : OP_cos, q.phase);
    q.phase = NULL;
    return cx_anti_scaled(s, c, of_product(s, q));
  }
  if (q.expo && !cx_anti_depends(s, q.expo)) {
    const cx_node *c = cx_op1(g, OP_exp, q.expo);
    q.expo = NULL;
    return cx_anti_scaled(s, c, of_product(s, q));
  }
  int growth = q.expo ? cx_anti_degree(s, q.expo, DEPTH) : 0;
  if (growth < 0 || growth > 2 || (growth == 2 && q.phase)) return (cx_piece){0};
  if (growth == 2 && q.n) {
    s->used |= 1ull << CX_ANTI_MOMENTS;
    return cx_anti_moments(s, q.p, q.n, q.expo);
  }
  if ((growth && q.phase) || (q.n && (growth || q.phase))) {
    s->used |= 1ull << CX_ANTI_BY_PARTS;
    return cx_anti_by_parts(s, q.p, q.n, q.expo, q.phase, q.sine);
  }
  if (growth) e = cx_raw(g, OP_exp, &q.expo, 1);
  else if (q.phase) e = cx_raw(g, q.sine ? OP_sin : OP_cos, &q.phase, 1);
  else if (!s->lo || !s->hi) return (cx_piece){0};
  else if (!q.one || q.n <= 1) {
    s->used |= 1ull << CX_ANTI_POLYNOMIAL;
    return (cx_piece){q.n ? cx_anti_polynomial(s, q.p, q.n) : s->w, NULL};
  } else e = q.one;
  return (cx_piece){cx_anti_row(s, e), NULL};
}

typedef struct {
  const cx_node *phase;
  double by;
  bool sine;
} wave;

/* a product of sines and cosines as a sum of such; n: so far, returns how many then are */
static int times(cx_anti *s, wave *w, int n, const cx_node *e) {
  const cx_node *b = e->arg[0];
  bool sine = e->op == OP_sin;
  if (!n) return w[0] = (wave){b, 1, sine}, 1;
  for (int k = 0; k < n; k++) { /* DLMF 4.21.14 to 4.21.17, read backwards */
    wave a = w[k];
    double by = a.by / 2;
    const cx_node *less = cx_op2(s->g, OP_sub, a.phase, b), *more = add(s, a.phase, b);
    w[k] = (wave){less, !a.sine && sine ? -by : by, a.sine != sine};
    w[n + k] = (wave){more, a.sine && sine ? -by : by, a.sine != sine};
  }
  return 2 * n;
}

static cx_piece of_term(cx_anti *s, const cx_node *e) {
  cx_graph *g = s->g;
  term t = {.coef = num(s, 1)};
  wave w[WAVES];
  take(s, &t, e, 1, DEPTH);
  if (t.bad) return (cx_piece){0};
  product q = {.expo = t.expo};
  const cx_node *odd = NULL; /* the factor that is none of these */
  int waves = 0;
  for (int k = 0; k < t.n; k++) {
    const cx_node *b = t.f[k].base, *n = t.f[k].power, *arg[] = {b, n};
    double whole = n->op == OP_const && n->u.num == floor(n->u.num) ? n->u.num : NAN;
    if (whole == 0) continue;
    int d = cx_anti_degree(s, b, DEPTH);
    const cx_node *f = whole == 1 ? b : whole == -1 ? cx_op2(g, OP_div, num(s, 1), b) : NULL;
    if (!f) f = d == 1 ? cx_raw(g, OP_pow, arg, 2) : cx_op2(g, OP_pow, b, n);
    if (d > 0 && whole > 0 && q.n + d * whole <= CX_ANTI_DEGREE) {
      q.one = !q.p && d == 1 ? cx_raw(g, OP_pow, arg, 2) : NULL;
      q.p = q.p ? mul(s, q.p, f) : f;
      q.n += d * (int)whole;
    } else if ((b->op == OP_sin || b->op == OP_cos) && whole > 0 && whole <= 4 &&
               cx_anti_degree(s, b->arg[0], DEPTH) == 1) {
      for (int j = 0; j < whole; j++) {
        if (2 * waves > WAVES) return (cx_piece){0};
        waves = times(s, w, waves, b);
      }
    } else if (odd) return (cx_piece){0};
    else odd = f;
  }
  cx_piece sum = {0};
  if (odd) {
    if (!q.p && !q.expo && !waves) sum.v = cx_anti_row(s, odd);
  } else if (!waves) sum = of_product(s, q);
  if (waves > 1 && !odd) s->used |= 1ull << CX_ANTI_WAVES;
  for (int k = 0; k < waves && !odd; k++) {
    q.phase = w[k].phase;
    q.sine = w[k].sine;
    cx_piece one = cx_anti_scaled(s, num(s, w[k].by), of_product(s, q));
    if (!one.v) return one;
    if (waves > 1 && !one.size) one.size = cx_op1(g, OP_abs, one.v);
    sum = cx_anti_sum(s, sum, one);
  }
  bool small = t.coef->op == OP_const && fabs(t.coef->u.num) <= 1 && !q.n;
  if (t.expo && sum.v && !small && !s->inner) { /* where it underflows, what it is times would have lifted it */
    const cx_node *normal = cx_op2(g, OP_le, num(s, DBL_MIN), cx_op1(g, OP_abs, sum.v));
    if (!cx_anti_demand(s, normal)) return s->budget = 0, (cx_piece){0};
  }
  return cx_anti_scaled(s, t.coef, sum);
}

static cx_piece sized(cx_anti *s, cx_piece a) {
  if (!a.size) a.size = cx_op1(s->g, OP_abs, a.v);
  return a;
}

/* the integral of e, a sum of terms each of which has one */
static cx_piece closed(cx_anti *s, const cx_node *e, int depth) {
  cx_piece none = {0};
  if (s->budget-- <= 0) return none;
  bool sum = e->op == OP_add || e->op == OP_sub;
  cx_piece v = !sum || cx_anti_degree(s, e, DEPTH) > 0 ? of_term(s, e) : none;
  if (v.v || depth == 0) return v;
  switch (e->op) {
    case OP_neg: return cx_anti_scaled(s, num(s, -1), closed(s, e->arg[0], depth - 1));
    case OP_add:
    case OP_sub: {
      cx_piece a = closed(s, e->arg[0], depth - 1), b = a.v ? closed(s, e->arg[1], depth - 1) : none;
      if (e->op == OP_sub) b = cx_anti_scaled(s, num(s, -1), b);
      if (b.v && !s->inner) a = sized(s, a), b = sized(s, b); /* 1 - tanh(x) far out is less than either */
      return b.v ? cx_anti_sum(s, a, b) : none;
    }
    case OP_mul:
      for (int k = 0; k < 2; k++)
        if (!cx_anti_depends(s, e->arg[k])) return cx_anti_scaled(s, e->arg[k], closed(s, e->arg[1 - k], depth - 1));
      return none;
    case OP_div:
      if (cx_anti_depends(s, e->arg[1])) return none;
      return cx_anti_scaled(s, cx_op2(s->g, OP_div, num(s, 1), e->arg[1]), closed(s, e->arg[0], depth - 1));
    default: return none;
  }
}

/* ---- one integral ---- */
const cx_node *cx_anti_open(void *user, cx_graph *g, const cx_node *n) {
  cx_anti *s = user;
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

void cx_anti_become(cx_anti *s, cx_eq *I, const cx_node *v) {
  cx_graph *g = s->g;
  const cx_eq *L = g->eq[I->prim_arg[CX_INTEGRAL_LO]], *H = g->eq[I->prim_arg[CX_INTEGRAL_HI]];
  v = cx_rewrite(g, v, decide, s);
  if (v->op == OP_const && !isfinite(v->u.num)) return;
  if (!s->inner && v->op != OP_const) s->ok = cx_op2(g, OP_and, s->ok, cx_op1(g, OP_isfinite, v));
  if (proved(s, s->ok) != YES) {
    if (s->ok->free_lo >> L->rank) return; /* an end for each component there is not */
    cx_eq *hi = cx_eq_beside(g, L, "if_open"), *J = cx_eq_new(g, NULL, EQ_PRIM);
    hi->body = cx_op3(g, OP_select, s->ok, cx_load_here(g, L), cx_load_here(g, H));
    uint32_t id = J->id;
    *J = *I;
    J->id = id;
    J->prim_arg[CX_INTEGRAL_HI] = hi->id;
    v = cx_op3(g, OP_select, s->ok, v, cx_load_here(g, J));
  }
  I->kind = EQ_CALC;
  I->prim = NULL;
  I->nprim_arg = 0;
  I->body = v;
}

static uint64_t close(cx_graph *g, cx_eq *I, bool inner) {
  const cx_eq *F = g->eq[I->prim_arg[CX_INTEGRAL_F]];
  if (F->kind != EQ_CALC || F->red != RED_none) return 0;
  uint32_t x = I->prim_arg[CX_INTEGRAL_X];
  const cx_node *slot = cx_index(g, F->rank - 1);
  cx_anti s = {
      .g = g, .I = I, .F = F, .x = cx_load(g, x, &slot, 1), .inner = inner, .ok = cx_const(g, 1), .budget = 64};
  s.mask = cx_node_dims(g, g->arena, x), s.known = g->neq;
  const cx_node *body = cx_rewrite(g, F->body, cx_anti_open, &s);
  s.budget = TERMS;
  int below, above;
  s.lo = end_of(g, I->prim_arg[CX_INTEGRAL_LO], &below);
  s.hi = end_of(g, I->prim_arg[CX_INTEGRAL_HI], &above);
  bool crossed = below > 0 || above < 0;
  if (crossed && (below * above > 0)) return 0;
  if (crossed) {
    const cx_node *t = s.lo;
    s.lo = s.hi, s.hi = t;
  }
  s.w = s.lo && s.hi ? cx_op2(g, OP_sub, s.hi, s.lo) : cx_const(g, INFINITY);
  for (int side = 0; side < 2; side++) {
    const cx_node *end = side ? s.hi : s.lo;
    if (end && !cx_anti_demand(&s, cx_op1(g, OP_isfinite, end))) return 0;
  }
  cx_piece found = closed(&s, body, DEPTH);
  const cx_node *v = found.v;
  if (!v || v->free_lo >> (F->rank - 1)) return 0;
  if (found.size) { /* what cancels leaves 13 digits */
    const cx_node *left = mul(&s, num(&s, CANCELS), cx_op1(g, OP_abs, v));
    if (!cx_anti_demand(&s, cx_op2(g, OP_le, found.size, left))) return 0;
  }
  cx_anti_become(&s, I, crossed ? cx_op1(g, OP_neg, v) : v);
  return I->kind == EQ_CALC ? s.used : 0;
}

int cx_anti_how(cx_graph *g, uint32_t I, cx_anti_step *step, int max) {
  static const cx_anti_step other[] = {
      {"polynomial", "c x^n", "c x^(n + 1) / (n + 1), as its Gauss-Legendre rule"},
      {"by parts", "p(x) exp(u) cos(v), p a polynomial", "p E - p' integral(E) + .., E that of the other factors"},
      {"moments", "p(x) exp(s), p a polynomial",
       "by M_j = ([v^(j - 1) exp(s)] - (j - 1) M_(j - 2)) / (2 a), v = x - m, from M_0, a Gaussian"},
      {"sum of waves", "a product of sines and cosines", "of the sines and cosines of the sums and differences"}};
  uint64_t used = close(g, g->eq[I], false);
  int n = 0;
  for (int k = 0; k < 64 && n < max; k++) {
    if (!(used >> k & 1)) continue;
    step[n++] =
        k < ROWS ? (cx_anti_step){row[k].name, row[k].integrand, row[k].antiderivative} : other[k - CX_ANTI_POLYNOMIAL];
  }
  return n;
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
  bool *kept = CX_NEW_N(g->arena, bool, neq + 1);
  for (int id = 0; id < neq; id++)
    if (g->eq[id]->kind == EQ_PRIM && g->eq[id]->prim == &cx_prim_integral && depth[id] == 0)
      cx_anti_corners(g, g->eq[id], kept);
  for (int level = CX_MAX_RANK; level >= 0; level--) /* innermost first */
    for (int id = 0; id < neq; id++)
      if (g->eq[id]->kind == EQ_PRIM && g->eq[id]->prim == &cx_prim_integral && depth[id] == level && !kept[id])
        close(g, g->eq[id], level > 0);
}
