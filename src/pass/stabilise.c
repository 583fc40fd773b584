/* stabilise.c - formulas as they stand on paper, made safe in floating point.
 *
 * 1. Shift. S = sum(k: c exp(z)), where S is the argument of a logarithm or divides something exponential, becomes
 *      m = max(k: z)   inert: the shifted sum does not depend on it, so no derivative passes through
 *      s = sum(k: c exp(z - m))
 *      S = exp(m) s
 *    m is kept finite, so that a sum of nothing but exp(-inf) is 0 and its logarithm -inf, not NaN.
 *    (Blanchard, Higham, Higham: Accurately computing the log-sum-exp and softmax functions, IMA J. Numer. Anal. 2021.)
 * 2. Logarithms. log of a load of a product, quotient or exponential is opened and taken apart, exp by exp; log of a
 *    product over an index becomes a sum of logarithms. Whatever else lets a rule for log fire (log(logistic(z)) ...)
 *    when a load below it is opened, is opened.
 * 3. Quotients of two exponential forms are opened and their exponents subtracted. What is masked, `if c then u else 0` or
 *    exp(if c then z else -inf), is masked in the sum, in its greatest exponent and in the quotient.
 * 4. Roots. sqrt(u), u a sum of squares, has no derivative where u is 0, and the formula says 0 * inf there:
 *    it becomes `if u == 0 then 0 else sqrt(u)`, whose derivative at 0 is the subgradient 0.
 *
 * All of it is idempotent: a shifted exponent holds a load of an inert equation; the other forms reproduce themselves. */
#include "pass/eqs.h"
#include "ir/pattern.h"
#include "ir/product.h"
#include <math.h>
#include <string.h>

typedef struct {
  cx_graph *g;
  cx_arena *arena;
  const cx_eq *of; /* whose body is being rewritten */
  bool *cyclic, *data, *shift;
  int n; /* equations when the pass began */
} stab;

/* ---- opening loads ---- */
static bool can_open(const stab *s, const cx_node *n) {
  if (n->op != OP_load) return false;
  const cx_eq *e = s->g->eq[n->u.eq];
  bool cyclic = n->u.eq < (uint32_t)s->n && s->cyclic[n->u.eq];
  return e->kind == EQ_CALC && e->red == RED_none && !cyclic && !e->inert;
}

/* e with the loads on its multiplicative spine replaced by what they load; terms: through sums, too */
static const cx_node *spine(stab *s, const cx_node *e, bool terms, int depth) {
  if (depth == 0) return e;
  switch (e->op) {
    case OP_load: return can_open(s, e) ? spine(s, cx_open_load(s->g, e, s->of), terms, depth - 1) : e;
    case OP_add:
    case OP_sub:
      if (!terms) return e; /* fall through */
    case OP_mul:
    case OP_div: {
      const cx_node *x = spine(s, e->arg[0], terms, depth - 1), *y = spine(s, e->arg[1], terms, depth - 1);
      return x == e->arg[0] && y == e->arg[1] ? e : cx_op2(s->g, (cx_op)e->op, x, y);
    }
    case OP_neg:
    case OP_sqrt: {
      const cx_node *x = spine(s, e->arg[0], terms, depth - 1);
      return x == e->arg[0] ? e : cx_op1(s->g, (cx_op)e->op, x);
    }
    case OP_select: {
      const cx_node *x = spine(s, e->arg[1], terms, depth - 1), *y = spine(s, e->arg[2], terms, depth - 1);
      return x == e->arg[1] && y == e->arg[2] ? e : cx_op3(s->g, OP_select, e->arg[0], x, y);
    }
    case OP_exp: { /* of a score that is masked by -inf */
      const cx_node *z = e->arg[0], *zero = cx_const(s->g, 0);
      for (int k = 0; k < depth && can_open(s, z); k++) z = cx_open_load(s->g, z, s->of);
      if (z->op != OP_select) return e;
      if (cx_is_number(z->arg[2], -INFINITY))
        return cx_op3(s->g, OP_select, z->arg[0], cx_op1(s->g, OP_exp, z->arg[1]), zero);
      if (cx_is_number(z->arg[1], -INFINITY))
        return cx_op3(s->g, OP_select, z->arg[0], zero, cx_op1(s->g, OP_exp, z->arg[2]));
      return e;
    }
    default: return e;
  }
}
enum { DEPTH = 12 };

/* is there an exponential among the factors */
static bool has_exp(const cx_node *e, int depth) {
  if (depth == 0) return false;
  switch (e->op) {
    case OP_exp: return true;
    case OP_mul:
    case OP_div: return has_exp(e->arg[0], depth - 1) || has_exp(e->arg[1], depth - 1);
    case OP_neg:
    case OP_sqrt: return has_exp(e->arg[0], depth - 1);
    case OP_select: return has_exp(e->arg[1], depth - 1) || has_exp(e->arg[2], depth - 1);
    default: return false;
  }
}

/* ---- 1. shift ---- */
/* the summand as outer * (if cond then rest * exp(z) else 0); cond NULL: always; outer: without a reduced index */
typedef struct {
  const cx_node *cond, *rest, *z, *outer;
} summand;

static bool exponential_sum(stab *s, const cx_eq *e, summand *out) {
  if (e->kind != EQ_CALC || e->red != RED_sum) return false;
  const cx_eq *of = s->of;
  s->of = e;
  const cx_node *b = spine(s, e->body, false, DEPTH);
  s->of = of;
  *out = (summand){0};
  if (b->op == OP_select && cx_is_number(b->arg[2], 0)) out->cond = b->arg[0], b = b->arg[1];
  else if (b->op == OP_select && cx_is_number(b->arg[1], 0)) out->cond = cx_op1(s->g, OP_not, b->arg[0]), b = b->arg[2];
  cx_product p = CX_ONE_PRODUCT;
  if (!cx_product_times(&p, b, 1) || p.nexp == 0) return false;
  out->z = cx_product_exponent(s->g, &p);
  cx_product outer = CX_ONE_PRODUCT;
  outer.num = p.num, outer.den = p.den;
  p.num = p.den = 1;
  p.nexp = 0;
  for (int i = p.n - 1; i >= 0; i--)
    if (!(p.f[i].base->free_lo & cx_reduced_mask(e))) outer.f[outer.n++] = p.f[i], p.f[i] = p.f[--p.n];
  out->rest = cx_product_node(s->g, &p);
  out->outer = cx_product_node(s->g, &outer);
  if (!(out->z->free_lo & cx_reduced_mask(e))) return false;
  cx_term t[CX_TERMS];
  int n = cx_terms(out->z, 1, t, CX_TERMS);
  for (int i = 0; i < n; i++) /* shifted before */
    if (t[i].t && t[i].t->op == OP_load && s->g->eq[t[i].t->u.eq]->inert) return false;
  cx_interval r = cx_bounds(s->g, out->z, e);
  return !(r.lo > -300 && r.hi < 300); /* nothing can overflow, and not everything underflow */
}

/* marks the exponential sums among the factors of e */
static bool mark(stab *s, const cx_node *e, int depth) {
  if (depth == 0) return false;
  switch (e->op) {
    case OP_mul:
    case OP_div: {
      bool x = mark(s, e->arg[0], depth - 1), y = mark(s, e->arg[1], depth - 1);
      return x || y;
    }
    case OP_neg:
    case OP_sqrt: return mark(s, e->arg[0], depth - 1);
    case OP_pow: return mark(s, e->arg[0], depth - 1);
    case OP_select: {
      bool x = mark(s, e->arg[1], depth - 1), y = mark(s, e->arg[2], depth - 1);
      return x || y;
    }
    case OP_exp: return true;
    case OP_load: {
      const cx_eq *t = s->g->eq[e->u.eq];
      summand sum;
      if (can_open(s, e)) return mark(s, t->body, depth - 1);
      if (e->u.eq < (uint32_t)s->n && !s->cyclic[e->u.eq] && exponential_sum(s, t, &sum))
        return s->shift[e->u.eq] = true;
      return false;
    }
    default: return false;
  }
}

/* would marking e find an exponential */
static bool exponential(stab *s, const cx_node *e, int depth) {
  if (depth == 0) return false;
  switch (e->op) {
    case OP_exp: return true;
    case OP_mul:
    case OP_div: return exponential(s, e->arg[0], depth - 1) || exponential(s, e->arg[1], depth - 1);
    case OP_neg:
    case OP_sqrt:
    case OP_pow: return exponential(s, e->arg[0], depth - 1);
    case OP_select: return exponential(s, e->arg[1], depth - 1) || exponential(s, e->arg[2], depth - 1);
    case OP_load: {
      summand sum;
      if (can_open(s, e)) return exponential(s, s->g->eq[e->u.eq]->body, depth - 1);
      return e->u.eq < (uint32_t)s->n && exponential_sum(s, s->g->eq[e->u.eq], &sum);
    }
    default: return false;
  }
}

static void find_uses(void *user, const cx_node *n) {
  stab *s = user;
  if (n->op == OP_log || n->op == OP_log2 || n->op == OP_log10) mark(s, n->arg[0], DEPTH);
  if (n->op == OP_xlogy) mark(s, n->arg[1], DEPTH);
  if (n->op == OP_div && exponential(s, n->arg[0], DEPTH) && exponential(s, n->arg[1], DEPTH)) {
    mark(s, n->arg[0], DEPTH);
    mark(s, n->arg[1], DEPTH);
  }
}

typedef struct {
  const stab *s;
  bool all;
} only_data;
static void see_load(void *user, const cx_node *n) {
  only_data *d = user;
  if (n->op == OP_load && (n->u.eq >= (uint32_t)d->s->n || !d->s->data[n->u.eq])) d->all = false;
}

/* The greatest exponent of e, an equation; one that another sum over the same exponents has made, if there is one. A
 * summand that counts for nothing must not set the scale: a weight of data that is 0 becomes part of the condition. (A
 * weight that depends on params does not: its derivative at 0 is the exponential that the condition would hide.) */
static const cx_eq *greatest(stab *s, const cx_eq *e, summand *f) {
  cx_graph *g = s->g;
  const cx_node *z = f->z, *cond = f->cond;
  only_data d = {s, true};
  cx_visit(g, f->rest, see_load, &d);
  if (d.all && !cx_is_positive(g, f->rest) && !(cx_bounds(g, f->rest, e).lo > 0)) {
    const cx_node *some = cx_op2(g, OP_ne, f->rest, cx_const(g, 0));
    cond = cond ? cx_op2(g, OP_and, cond, some) : some;
  }
  if (cond) z = cx_op3(g, OP_select, cond, z, cx_const(g, -INFINITY));
  for (int pass = 0; pass < 2; pass++)
    for (int i = s->n; i < g->neq; i++) {
      const cx_eq *m = g->eq[i];
      if (m->inert && m->red == RED_max && m->body == (pass ? z : f->z) && m->rank == e->rank && m->nred == e->nred &&
          !memcmp(m->dim, e->dim, sizeof m->dim) && !memcmp(m->rdim, e->rdim, sizeof m->rdim)) {
        if (pass) f->cond = cond;
        return g->eq[i + 1];
      }
    }
  f->cond = cond;
  cx_eq *m = cx_eq_beside(g, e, "max");
  m->red = RED_max;
  m->nred = e->nred;
  memcpy(m->rdim, e->rdim, sizeof m->rdim);
  m->body = z;
  m->inert = true;
  cx_eq *c = cx_eq_beside(g, e, "top"); /* kept finite: inf - inf is no number */
  c->body = cx_op2(g, OP_min, cx_op2(g, OP_max, cx_load_here(g, m), cx_const(g, -1e38)), cx_const(g, 1e38));
  c->inert = true;
  return c;
}

static void shift(stab *s, cx_eq *e, summand *f) {
  cx_graph *g = s->g;
  const cx_node *m = cx_load_here(g, greatest(s, e, f));
  cx_eq *t = cx_eq_beside(g, e, "exp");
  t->red = RED_sum;
  t->nred = e->nred;
  memcpy(t->rdim, e->rdim, sizeof t->rdim);
  if (cx_bounds(g, f->rest, e).lo >= 0) t->lo = 0;
  const cx_node *b = cx_op2(g, OP_mul, f->rest, cx_op1(g, OP_exp, cx_op2(g, OP_sub, f->z, m)));
  t->body = f->cond ? cx_op3(g, OP_select, f->cond, b, cx_const(g, 0)) : b;
  e->red = RED_none;
  e->nred = 0;
  memset(e->rdim, 0, sizeof e->rdim);
  e->body = cx_op2(g, OP_mul, f->outer, cx_op2(g, OP_mul, cx_op1(g, OP_exp, m), cx_load_here(g, t)));
}

static void shift_all(stab *s) {
  cx_graph *g = s->g;
  for (int i = 0; i < s->n; i++)
    if (g->eq[i]->kind == EQ_CALC) s->of = g->eq[i], cx_visit(g, g->eq[i]->body, find_uses, s);
  summand *f = CX_NEW_N(s->arena, summand, s->n + 1);
  for (int i = 0; i < s->n; i++)
    if (s->shift[i]) s->shift[i] = exponential_sum(s, g->eq[i], &f[i]);
  for (int pass = 0; pass < 2; pass++) /* positive weights first: their maximum serves a numerator with any weights */
    for (int i = 0; i < s->n; i++)
      if (s->shift[i] && (pass || (!f[i].cond && cx_is_positive(g, f[i].rest)))) {
        shift(s, g->eq[i], &f[i]);
        s->shift[i] = false;
      }
}

/* ---- 2. logarithms ---- */
static const cx_node *take_apart(stab *s, const cx_node *x, int depth);

/* log of f, not negative; a product over an index becomes a sum of logarithms */
static const cx_node *log_factor(stab *s, const cx_node *f) {
  cx_graph *g = s->g;
  if (f->op == OP_load) {
    const cx_eq *p = g->eq[f->u.eq];
    if (p->kind == EQ_CALC && p->red == RED_prod && cx_bounds(g, p->body, p).lo >= 0 &&
        !(p->id < (uint32_t)s->n && s->cyclic[p->id])) {
      cx_eq *l = cx_eq_beside(g, p, "log");
      l->red = RED_sum;
      l->nred = p->nred;
      memcpy(l->rdim, p->rdim, sizeof l->rdim);
      const cx_eq *of = s->of;
      s->of = l;
      const cx_node *apart = take_apart(s, p->body, DEPTH);
      s->of = of;
      l->body = apart ? apart : cx_op1(g, OP_log, p->body);
      return cx_load(g, l->id, f->arg, f->nargs);
    }
  }
  const cx_node *apart = f->op == OP_select ? take_apart(s, f, DEPTH) : NULL;
  return apart ? apart : cx_op1(g, OP_log, f);
}

static bool is_prod(const stab *s, const cx_node *f) {
  return f->op == OP_load && s->g->eq[f->u.eq]->kind == EQ_CALC && s->g->eq[f->u.eq]->red == RED_prod;
}

/* log(x) taken apart, or NULL when it stays one logarithm */
static const cx_node *take_apart(stab *s, const cx_node *x, int depth) {
  cx_graph *g = s->g;
  if (depth == 0) return NULL;
  x = spine(s, x, false, DEPTH);
  if (x->op == OP_select) {
    const cx_node *a = take_apart(s, x->arg[1], depth - 1), *b = take_apart(s, x->arg[2], depth - 1);
    if (!a && !b) return NULL;
    return cx_op3(g, OP_select, x->arg[0], a ? a : cx_op1(g, OP_log, x->arg[1]), b ? b : cx_op1(g, OP_log, x->arg[2]));
  }
  cx_product p = CX_ONE_PRODUCT;
  bool worth = has_exp(x, DEPTH);
  if (!cx_product_times(&p, x, 1)) return NULL;
  for (int i = 0; i < p.n; i++)
    worth |= is_prod(s, p.f[i].base) || p.f[i].base->op == OP_select || has_exp(p.f[i].base, 4);
  if (!worth) return NULL;
  /* what is not known to be non-negative stays together under one logarithm */
  const cx_node *r = p.nexp ? cx_product_exponent(g, &p) : NULL;
  cx_product rest = CX_ONE_PRODUCT;
  rest.num = p.num, rest.den = p.den;
  bool sign = p.num / p.den < 0;
  for (int i = 0; i < p.n; i++) sign |= cx_bounds(g, p.f[i].base, s->of).lo < 0;
  if (!sign) {
    double c = log(p.num) - log(p.den);
    if (c != 0) r = r ? cx_op2(g, OP_add, r, cx_const(g, c)) : cx_const(g, c);
    rest.num = rest.den = 1;
  }
  for (int i = 0; i < p.n; i++) {
    const cx_node *b = p.f[i].base;
    if (cx_bounds(g, b, s->of).lo < 0 || (sign && !is_prod(s, b))) {
      rest.f[rest.n++] = p.f[i];
      continue;
    }
    int k = p.f[i].power;
    const cx_node *l = log_factor(s, b);
    if (k != 1 && k != -1) l = cx_op2(g, OP_mul, cx_const(g, k < 0 ? -k : k), l);
    r = r ? cx_op2(g, k > 0 ? OP_add : OP_sub, r, l) : k > 0 ? l : cx_op1(g, OP_neg, l);
  }
  if (rest.n || rest.num != rest.den) {
    const cx_node *l = cx_op1(g, OP_log, cx_product_node(g, &rest));
    r = r ? cx_op2(g, OP_add, r, l) : l;
  }
  return r ? r : cx_const(g, 0);
}

/* ---- 4. roots ---- */
static bool sum_of_squares(const cx_graph *g, const cx_node *e, int depth) {
  if (depth == 0) return false;
  if (e->op == OP_add) return sum_of_squares(g, e->arg[0], depth - 1) && sum_of_squares(g, e->arg[1], depth - 1);
  cx_product p = CX_ONE_PRODUCT;
  if (!cx_product_times(&p, e, 1) || p.num / p.den < 0) return false;
  bool square = false;
  for (int i = 0; i < p.n; i++) {
    const cx_node *b = p.f[i].base;
    const cx_eq *t = b->op == OP_load ? g->eq[b->u.eq] : NULL;
    if (p.f[i].power % 2 == 0) square |= p.f[i].power > 0;
    else if (p.f[i].power == 1 && t && t->kind == EQ_CALC && t->red <= RED_sum && sum_of_squares(g, t->body, depth - 1))
      square = true;
    else if (p.f[i].power == 1 && b->op == OP_add && sum_of_squares(g, b, depth - 1)) square = true;
    else if (cx_bounds(g, b, NULL).lo < 0) return false;
  }
  return square;
}

/* a condition as "x is not 0" or, no set, "x is 0" */
static const cx_node *asked(const cx_node *c, bool *no) {
  bool zero = (c->op == OP_eq || c->op == OP_ne) && cx_is_number(c->arg[1], 0);
  if (zero || c->op == OP_not) {
    *no ^= c->op != OP_ne;
    return c->arg[0];
  }
  return c;
}

typedef struct {
  const cx_node *x;
  bool no;
} known;
static const cx_node *assume(void *user, cx_graph *g, const cx_node *n) {
  const known *k = user;
  bool no = k->no;
  (void)g;
  if (n->op != OP_select || asked(n->arg[0], &no) != k->x) return n;
  const cx_node *y = n->arg[1], *z = n->arg[2]; /* a guard; other selects would make two computations of one */
  bool guard = cx_is_number(y, 0) || cx_is_number(z, 0);
  return guard ? no ? z : y : n;
}

/* x / y, where a factor of x that is masked, if c then u else 0, is masked in the quotient: 0 / 0 is then 0, too */
static const cx_node *quotient(cx_graph *g, const cx_node *x, const cx_node *y, int depth) {
  if (x->op != OP_select || depth == 0) return cx_op2(g, OP_div, x, y);
  const cx_node *u[2];
  for (int k = 0; k < 2; k++)
    u[k] = cx_is_number(x->arg[k + 1], 0) ? x->arg[k + 1] : quotient(g, x->arg[k + 1], y, depth - 1);
  return cx_op3(g, OP_select, x->arg[0], u[0], u[1]);
}

/* ---- the rewriting ---- */
static const cx_node *stable(void *user, cx_graph *g, const cx_node *n) {
  stab *s = user;
  switch (n->op) {
    case OP_log:
    case OP_log1p: {
      const cx_node *r = n->op == OP_log ? take_apart(s, n->arg[0], DEPTH) : NULL;
      if (r) return r;
      r = cx_op1(g, (cx_op)n->op, spine(s, n->arg[0], true, DEPTH));
      return r->op == OP_log || r->op == OP_log1p ? n : r;
    }
    case OP_xlogy:
    case OP_xlog1py: { /* x log(y), the logarithm as above; 0 where x is 0, also beside a -inf */
      const cx_node *x = n->arg[0], *r = n->op == OP_xlogy ? take_apart(s, n->arg[1], DEPTH) : NULL;
      if (r) {
        const cx_node *zero = cx_const(g, 0), *least = cx_const(g, -INFINITY);
        const cx_node *none = cx_op2(g, OP_and, cx_op2(g, OP_eq, x, zero), cx_op2(g, OP_eq, r, least));
        return cx_op2(g, OP_mul, x, cx_op3(g, OP_select, none, zero, r));
      }
      r = cx_op2(g, (cx_op)n->op, x, spine(s, n->arg[1], true, DEPTH));
      return r->op == OP_xlogy || r->op == OP_xlog1py ? n : r;
    }
    case OP_log2:
    case OP_log10: {
      const cx_node *r = take_apart(s, n->arg[0], DEPTH);
      return r ? cx_op2(g, OP_div, r, cx_const(g, n->op == OP_log2 ? log(2) : log(10))) : n;
    }
    case OP_div: {
      const cx_node *x = spine(s, n->arg[0], false, DEPTH), *y = spine(s, n->arg[1], false, DEPTH);
      bool same = x == n->arg[0] && y == n->arg[1];
      if (!has_exp(x, DEPTH) || !has_exp(y, DEPTH)) return n;
      return same && x->op != OP_select ? n : quotient(g, x, y, DEPTH);
    }
    case OP_sqrt: {
      const cx_node *zero = cx_const(g, 0);
      return sum_of_squares(g, n->arg[0], DEPTH) ? cx_op3(g, OP_select, cx_op2(g, OP_eq, n->arg[0], zero), zero, n) : n;
    }
    case OP_select:
      if (n->arg[0]->has_load) { /* a guard within that asks the same is answered */
        bool no = false;
        const cx_node *x = asked(n->arg[0], &no);
        known then = {x, no}, other = {x, !no};
        return cx_op3(g, OP_select, n->arg[0], cx_rewrite(g, n->arg[1], assume, &then),
                      cx_rewrite(g, n->arg[2], assume, &other));
      }
      return n;
    default: return n;
  }
}

void cx_pass_stabilise(cx_graph *g) {
  stab s = {.g = g, .arena = cx_arena_new(g->ctx), .n = g->neq};
  cx_eq_order o = cx_order(g, s.arena);
  s.cyclic = o.cyclic;
  s.data = cx_data_only(g, s.arena);
  s.shift = CX_NEW_N(s.arena, bool, g->neq + 1);
  shift_all(&s);
  for (int i = 0; i < g->neq; i++) { /* equations that a rewriting adds come last, and are rewritten, too */
    cx_eq *e = g->eq[i];
    if (e->kind != EQ_CALC || e->inert) continue;
    s.of = e;
    e->body = cx_rewrite(g, e->body, stable, &s);
  }
  cx_arena_free(s.arena);
}
