/* far.c - an integrand where x is nearer to a place, or farther from it, than numbers can say: x = at + dir exp(u).
 *
 * What depends on x is known there in two ways: as d u + e, which is how a logarithm grows, and as sign exp(c u + r),
 * which is how a power does. d and c do not depend on x, so that the slopes of a product add up before they meet u:
 * x^-1.001 dx is exp(-0.001 u) du, however large u is. Sums take the larger term and the logarithm of 1 + the ratio;
 * near a place they know their value there apart (base), so that 1 - x at x = 1 - t is t. What none of this describes
 * becomes NaN where it leaves the numbers, and nobody believes it. */
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

#define LEAST (-700.0) /* exp(LEAST) is a number: what underflows keeps its sign for conditions */

typedef struct form {
  bool fixed;                  /* does not depend on x */
  const cx_node *d, *e;        /* d u + e */
  const cx_node *sign, *c, *r; /* sign exp(c u + r); NULL until somebody asks (known) */
  const cx_node *base;         /* its value at the place; NULL: not known */
  struct form *more;           /* by how much it differs there; NULL: not at all */
  struct form *a, *b;          /* until then: it is a + b, or k a */
  const cx_node *k;
} form;
typedef struct {
  cx_graph *g;
  const cx_eq *of;
  const uint32_t *mask; /* of equations: those that depend on x */
  uint32_t x;
  const cx_node *u, *at, *dir, *zero, *one, *nan;
  bool away;  /* u grows without end, or falls */
  int budget; /* of forms */
  CX_VEC(form *) memo;
} far;

/* Numbers are put together, as slopes must be; of the rules no more, which take most of the time. */
static const cx_node *op1(const far *f, cx_op op, const cx_node *a) {
  return a->op == OP_const ? cx_op1(f->g, op, a) : cx_raw(f->g, op, &a, 1);
}
static const cx_node *op2(const far *f, cx_op op, const cx_node *a, const cx_node *b) {
  if (a->op == OP_const || b->op == OP_const) return cx_op2(f->g, op, a, b);
  return cx_raw(f->g, op, (const cx_node *[]){a, b}, 2);
}
static const cx_node *choose(const far *f, const cx_node *cond, const cx_node *a, const cx_node *b) {
  if (a == b) return a;
  if (cond->op == OP_const) return cond->u.num != 0 ? a : b;
  return cx_raw(f->g, OP_select, (const cx_node *[]){cond, a, b}, 3);
}
#define OP1(op, a)       op1(f, OP_##op, a)
#define OP2(op, a, b)    op2(f, OP_##op, a, b)
#define WHEN(cond, a, b) choose(f, cond, a, b)
#define NUM(v)           cx_const(f->g, v)

static const cx_node *times_u(const far *f, const cx_node *c) { return cx_is_number(c, 0) ? c : OP2(mul, c, f->u); }
static const cx_node *value(const far *f, const form *a) { return OP2(add, times_u(f, a->d), a->e); }
static const cx_node *log_of(const far *f, const form *a) { return OP2(add, times_u(f, a->c), a->r); }
static form *known(far *f, form *a);

static form *keep(far *f, form a) {
  form *to = CX_NEW(f->g->arena, form);
  *to = a;
  f->budget--;
  return to;
}
static form *constant(far *f, const cx_node *n) {
  form a = {.fixed = true, .d = f->zero, .e = n, .c = f->zero, .base = n};
  a.sign = OP1(sign, n), a.r = OP1(log, OP1(abs, n));
  return keep(f, a);
}
/* sign exp(c u + r) */
static form power(const far *f, const cx_node *sign, const cx_node *c, const cx_node *r) {
  form a = {.d = f->zero, .sign = sign, .c = c, .r = r};
  a.e = OP2(mul, sign, OP1(exp, OP2(max, log_of(f, &a), NUM(LEAST))));
  return a;
}
/* d u + e */
static form linear(const far *f, const cx_node *d, const cx_node *e) {
  form a = {.d = d, .e = e, .c = f->zero};
  const cx_node *v = value(f, &a);
  a.sign = OP1(sign, v), a.r = OP1(log, OP1(abs, v));
  return a;
}
static form *either(far *f, const cx_node *cond, form *a, form *b) {
  if (cond->op == OP_const) return cond->u.num != 0 ? a : b;
  if (a == b) return a;
  known(f, a), known(f, b);
  form t = {.d = WHEN(cond, a->d, b->d), .e = WHEN(cond, a->e, b->e), .sign = WHEN(cond, a->sign, b->sign)};
  t.c = WHEN(cond, a->c, b->c), t.r = WHEN(cond, a->r, b->r);
  if (a->base && b->base && f->budget > 0) {
    t.base = WHEN(cond, a->base, b->base);
    form *none = a->more && b->more ? NULL : constant(f, f->zero);
    t.more = a->more || b->more ? either(f, cond, a->more ? a->more : none, b->more ? b->more : none) : NULL;
  }
  return keep(f, t);
}
static form *by(far *f, form *a, const cx_node *k) {
  if (a->fixed) return constant(f, OP2(mul, k, a->e));
  form t = {.d = cx_is_number(a->d, 0) ? a->d : OP2(mul, k, a->d), .e = OP2(mul, k, a->e), .a = a, .k = k};
  t.base = a->base ? OP2(mul, k, a->base) : NULL;
  t.more = a->base && a->more ? by(f, a->more, k) : NULL;
  return keep(f, t);
}

/* ---- sums ---- */
/* of powers: the larger one, by the slopes, and what the other one changes its logarithm by */
static form larger_and_rest(far *f, form *a, form *b) {
  known(f, a), known(f, b);
  const cx_node *first = f->away ? OP2(le, b->c, a->c) : OP2(le, a->c, b->c);
  first = OP2(or, OP2(eq, b->sign, f->zero), OP2(and, OP2(ne, a->sign, f->zero), first));
  form *p = either(f, first, a, b), *q = either(f, first, b, a);
  const cx_node *gap = OP2(add, times_u(f, OP2(sub, q->c, p->c)), OP2(sub, q->r, p->r));
  const cx_node *same = OP2(mul, p->sign, q->sign), *below = OP2(lt, gap, f->zero);
  const cx_node *minus = OP2(add, OP2(max, gap, f->zero), OP1(log1mexp, OP1(abs, gap)));
  const cx_node *change = WHEN(OP2(lt, f->zero, same), OP1(softplus, gap),
                               WHEN(OP2(lt, same, f->zero), minus, WHEN(OP2(eq, q->sign, f->zero), f->zero, gap)));
  return power(f, WHEN(below, p->sign, q->sign), p->c, OP2(add, p->r, change));
}
static form *joined(far *f, form *a, form *b) {
  form t = {.d = OP2(add, a->d, b->d), .e = OP2(add, a->e, b->e), .a = a, .b = b};
  if (cx_is_number(a->d, 0) && cx_is_number(b->d, 0)) {
    form s = larger_and_rest(f, a, b);
    t.sign = s.sign, t.c = s.c, t.r = s.r, t.e = WHEN(OP1(isfinite, t.e), t.e, s.e);
  }
  return keep(f, t);
}
static form *known(far *f, form *a) {
  if (a->sign) return a;
  form t = linear(f, a->d, a->e), *x = a->a, *y = a->b;
  if (!y) {
    known(f, x);
    t.sign = OP2(mul, OP1(sign, a->k), x->sign), t.c = x->c, t.r = OP2(add, x->r, OP1(log, OP1(abs, a->k)));
  } else if (!(x->fixed || y->fixed) && (cx_is_number(x->d, 0) || cx_is_number(y->d, 0)))
    t = larger_and_rest(f, x, y); /* a logarithm beside a power */
  a->sign = t.sign, a->c = t.c, a->r = t.r;
  return a;
}
/* base + more, whatever base is */
static form *about(far *f, const cx_node *base, form *more) {
  form *k = constant(f, base);
  if (!more) return k;
  form t = *joined(f, k, more);
  t.base = base, t.more = more, t.fixed = false;
  return keep(f, t);
}
static form *sum(far *f, form *a, form *b) {
  if (a->fixed && b->fixed) return constant(f, OP2(add, a->e, b->e));
  if (f->away || !a->base || !b->base || f->budget < 0) return joined(f, a, b);
  const cx_node *base = OP2(add, a->base, b->base);
  form *near = about(f, base, !a->more ? b->more : !b->more ? a->more : sum(f, a->more, b->more));
  return either(f, OP1(isfinite, base), near, joined(f, a, b));
}
static form *negative(far *f, form *a) { return by(f, a, NUM(-1)); }

/* ---- products, powers, exponentials, logarithms ---- */
static form *product(far *f, form *a, form *b) {
  if (a->fixed) return by(f, b, a->e);
  if (b->fixed) return by(f, a, b->e);
  known(f, a), known(f, b);
  form t = power(f, OP2(mul, a->sign, b->sign), OP2(add, a->c, b->c), OP2(add, a->r, b->r));
  const cx_node *direct = OP2(mul, value(f, a), value(f, b));
  t.e = WHEN(OP1(isfinite, direct), direct, t.e);
  if (a->base && b->base && a->more && b->more && f->budget > 0) {
    t.base = OP2(mul, a->base, b->base);
    t.more = sum(f, by(f, b->more, a->base), product(f, a->more, b));
  }
  return keep(f, t);
}
static form *inverse(far *f, form *a) {
  if (a->fixed) return constant(f, OP2(div, f->one, a->e));
  known(f, a);
  form t = power(f, a->sign, OP1(neg, a->c), OP1(neg, a->r));
  if (a->base && a->more && f->budget > 0) { /* 1 / (b + m) - 1 / b */
    t.base = OP2(div, f->one, a->base);
    known(f, a->more);
    form m =
        power(f, OP1(neg, OP2(mul, a->more->sign, a->sign)), OP2(sub, a->more->c, a->c), OP2(sub, a->more->r, a->r));
    t.more = by(f, keep(f, m), t.base);
  }
  return keep(f, t);
}
/* log(1 + a) and exp(a) - 1, which near 0 are a: slope is 1 */
static form *like_argument(far *f, cx_op op, form *a, double slope, form far_off) {
  const cx_node *v = value(f, a), *tiny = OP2(lt, OP1(abs, v), NUM(1e-8)), *bend = f->zero;
  if (op == OP_log1p) bend = OP2(mul, NUM(-0.5), v);
  if (op == OP_expm1) bend = OP2(mul, NUM(0.5), v);
  known(f, a);
  form near = power(f, a->sign, a->c, OP2(add, a->r, OP2(add, NUM(log(slope)), bend)));
  if (cx_is_number(a->d, 0)) return either(f, tiny, keep(f, near), keep(f, far_off));
  return keep(f, far_off);
}
static form *log1p_of(far *f, form *a) {
  if (a->fixed) return constant(f, OP1(log1p, a->e));
  form *all = known(f, joined(f, constant(f, f->one), a));
  const cx_node *v = value(f, a), *below = OP2(lt, OP1(abs, v), NUM(0.5)), *e = OP1(log1p, v);
  form t = linear(f, all->c, WHEN(OP2(le, f->zero, all->sign), all->r, f->nan));
  form close = linear(f, f->zero, e);
  return like_argument(f, OP_log1p, a, 1, *either(f, below, keep(f, close), keep(f, t)));
}
static form *expm1_of(far *f, form *a) {
  if (a->fixed) return constant(f, OP1(expm1, a->e));
  form huge = power(f, f->one, a->d, a->e), t = linear(f, f->zero, OP1(expm1, value(f, a)));
  return like_argument(f, OP_expm1, a, 1, *either(f, OP2(lt, NUM(40), value(f, a)), keep(f, huge), keep(f, t)));
}
static form *log_of_form(far *f, form *a) {
  if (a->fixed) return constant(f, OP1(log, a->e));
  known(f, a);
  form t = linear(f, a->c, WHEN(OP2(lt, a->sign, f->zero), f->nan, a->r));
  if (!a->base || !a->more || f->budget < 0) return keep(f, t);
  t.base = OP1(log, a->base);
  t.more = log1p_of(f, by(f, a->more, OP2(div, f->one, a->base)));
  form own = *t.more;
  own.base = f->zero, own.more = t.more;
  return either(f, OP2(eq, a->base, f->one), keep(f, own), keep(f, t));
}
static form *exp_of(far *f, form *a) {
  if (a->fixed) return constant(f, OP1(exp, a->e));
  form t = power(f, f->one, a->d, a->e);
  if (a->base && a->more && f->budget > 0) {
    t.base = OP1(exp, a->base);
    t.more = by(f, expm1_of(f, a->more), t.base);
  }
  return keep(f, t);
}
static form *raised(far *f, form *a, form *b) {
  if (!b->fixed) return exp_of(f, product(f, b, log_of_form(f, a)));
  const cx_node *k = b->e;
  if (a->fixed) return constant(f, OP2(pow, a->e, k));
  known(f, a);
  bool whole = k->op == OP_const && k->u.num == floor(k->u.num);
  const cx_node *sign = !whole                   ? WHEN(OP2(lt, a->sign, f->zero), f->nan, f->one)
                        : fmod(k->u.num, 2) == 0 ? f->one
                                                 : a->sign;
  form t = power(f, sign, OP2(mul, k, a->c), OP2(mul, k, a->r));
  if (a->base && a->more && f->budget > 0) { /* (b + m)^k = b^k (1 + m / b)^k */
    form *part = by(f, log1p_of(f, by(f, a->more, OP2(div, f->one, a->base))), k);
    t.base = OP2(pow, a->base, k);
    t.more = by(f, expm1_of(f, part), t.base);
    form own = t;
    own.more = keep(f, (form){.d = t.d, .e = t.e, .sign = t.sign, .c = t.c, .r = t.r});
    return either(f, OP2(eq, a->base, f->zero), keep(f, own), keep(f, t));
  }
  return keep(f, t);
}

/* ---- sines ---- */
static form *small_sine(far *f, form *a) { /* of what is far below 1, or anywhere where numbers reach */
  const cx_node *s = OP1(sinc, value(f, a));
  known(f, a);
  return keep(f, power(f, OP2(mul, a->sign, OP1(sign, s)), a->c, OP2(add, a->r, OP1(log, OP1(abs, s)))));
}
static form *wave(far *f, cx_op op, form *a) {
  if (a->fixed) return constant(f, cx_op1(f->g, op, a->e));
  if (f->away || !a->base || !a->more)
    return op == OP_sin ? small_sine(f, a) : keep(f, linear(f, f->zero, OP1(cos, value(f, a))));
  /* 0 to the rounding of its argument is meant to be 0: sin(x) at pi */
  const cx_node *k = a->base, *s = OP1(sin, k), *c = OP1(cos, k), *blur = OP2(mul, NUM(1e-15), OP1(abs, k));
  s = WHEN(OP2(le, OP1(abs, s), blur), f->zero, s), c = WHEN(OP2(le, OP1(abs, c), blur), f->zero, c);
  form *half = small_sine(f, by(f, a->more, NUM(0.5)));
  form *bend = by(f, product(f, half, half), NUM(-2)), *sine = small_sine(f, a->more);
  /* sin(k + m) = sin k + cos k sin m + sin k (cos m - 1); cos(k + m) = cos k - sin k sin m + cos k (cos m - 1) */
  bool of_sin = op == OP_sin;
  form *more = joined(f, by(f, sine, of_sin ? c : OP1(neg, s)), by(f, bend, of_sin ? s : c));
  const cx_node *cross = of_sin ? c : s;
  more = either(f, OP2(eq, cross, f->zero), by(f, bend, of_sin ? s : c),
                either(f, OP2(eq, of_sin ? s : c, f->zero), by(f, sine, of_sin ? c : OP1(neg, s)), more));
  return about(f, of_sin ? s : c, more);
}

/* ---- all ops ---- */
static form *form_of(far *f, const cx_node *n);
static const cx_node *condition(far *f, const cx_node *n, form *const *a) {
  if (n->op == OP_lt || n->op == OP_le || n->op == OP_eq || n->op == OP_ne) {
    for (int k = 0; k < 2; k++)
      if (n->arg[k]->op == OP_const && isinf(n->arg[k]->u.num))
        return cx_op2(f->g, (cx_op)n->op, value(f, a[0]), value(f, a[1]));
    return cx_op2(f->g, (cx_op)n->op, known(f, sum(f, a[0], negative(f, a[1])))->sign, f->zero);
  }
  return NULL;
}
/* where an argument leaves the numbers nothing is known of the op */
static form *plainly(far *f, const cx_node *n, form *const *a) {
  const cx_node *arg[4], *reached = f->one;
  for (int k = 0; k < n->nargs; k++) {
    arg[k] = value(f, a[k]);
    const cx_node *size = OP1(abs, arg[k]);
    if (!a[k]->fixed && !(cx_ops[n->op].facts & F_STEP))
      reached = OP2(and, reached, OP2(and, OP2(lt, NUM(1e-290), size), OP2(lt, size, NUM(1e290))));
  }
  return keep(f, linear(f, f->zero, WHEN(reached, cx_opn(f->g, (cx_op)n->op, arg, n->nargs), f->nan)));
}
static form *of_op(far *f, const cx_node *n, form *const *a) {
  form *one = constant(f, f->one);
  const cx_node *cond = condition(f, n, a);
  if (cond) return keep(f, linear(f, f->zero, cond));
  switch (n->op) {
    case OP_neg: return negative(f, a[0]);
    case OP_add: return sum(f, a[0], a[1]);
    case OP_sub: return sum(f, a[0], negative(f, a[1]));
    case OP_mul: return product(f, a[0], a[1]);
    case OP_div: return product(f, a[0], inverse(f, a[1]));
    case OP_pow: return raised(f, a[0], a[1]);
    case OP_sqrt: return raised(f, a[0], constant(f, NUM(0.5)));
    case OP_hypot: return raised(f, sum(f, product(f, a[0], a[0]), product(f, a[1], a[1])), constant(f, NUM(0.5)));
    case OP_exp: return exp_of(f, a[0]);
    case OP_expm1: return expm1_of(f, a[0]);
    case OP_log: return log_of_form(f, a[0]);
    case OP_log2: return by(f, log_of_form(f, a[0]), NUM(1 / log(2)));
    case OP_log10: return by(f, log_of_form(f, a[0]), NUM(1 / log(10)));
    case OP_log1p: return log_of_form(f, sum(f, one, a[0]));
    case OP_logit: return sum(f, log_of_form(f, a[0]), negative(f, log_of_form(f, sum(f, one, negative(f, a[0])))));
    case OP_xlogy: return product(f, a[0], log_of_form(f, a[1]));
    case OP_xlog1py: return product(f, a[0], log_of_form(f, sum(f, one, a[1])));
    case OP_abs: {
      form *up = either(f, OP2(lt, known(f, a[0])->sign, f->zero), negative(f, a[0]), a[0]);
      form t = *known(f, up);
      t.sign = f->one;
      return keep(f, t);
    }
    case OP_min:
    case OP_max: {
      const cx_node *less = OP2(lt, known(f, sum(f, a[0], negative(f, a[1])))->sign, f->zero);
      return n->op == OP_min ? either(f, less, a[0], a[1]) : either(f, less, a[1], a[0]);
    }
    case OP_select: return either(f, value(f, a[0]), a[1], a[2]);
    case OP_sin:
    case OP_cos: return wave(f, (cx_op)n->op, a[0]);
    case OP_tan: return product(f, wave(f, OP_sin, a[0]), inverse(f, wave(f, OP_cos, a[0])));
    case OP_atan:
    case OP_tanh:
    case OP_asinh:
    case OP_sinh:
    case OP_erf: {
      double slope = n->op == OP_erf ? 1.1283791670955126 : 1;
      return like_argument(f, (cx_op)n->op, a[0], slope,
                           linear(f, f->zero, cx_op1(f->g, (cx_op)n->op, value(f, a[0]))));
    }
    case OP_logistic: return keep(f, power(f, f->one, f->zero, OP1(neg, OP1(softplus, OP1(neg, value(f, a[0]))))));
    case OP_norm_cdf: return keep(f, power(f, f->one, f->zero, OP1(log_norm_cdf, value(f, a[0]))));
    case OP_log_gamma_pdf:
    case OP_gamma_p_dx: { /* y^(s - 1) exp(-y) / gamma(s) */
      if (!a[0]->fixed) break;
      form *l = sum(f, by(f, log_of_form(f, a[1]), OP2(sub, a[0]->e, f->one)), negative(f, a[1]));
      l = sum(f, l, constant(f, OP1(neg, OP1(lgamma, a[0]->e))));
      return n->op == OP_log_gamma_pdf ? l : exp_of(f, l);
    }
    case OP_log_beta_pdf:
    case OP_beta_inc_dx: { /* z^(a - 1) (1 - z)^(b - 1) / B(a, b) */
      if (!a[0]->fixed || !a[1]->fixed) break;
      form *l = by(f, log_of_form(f, a[2]), OP2(sub, a[0]->e, f->one));
      l = sum(f, l, by(f, log_of_form(f, sum(f, one, negative(f, a[2]))), OP2(sub, a[1]->e, f->one)));
      l = sum(f, l, constant(f, OP1(neg, OP2(lbeta, a[0]->e, a[1]->e))));
      return n->op == OP_log_beta_pdf ? l : exp_of(f, l);
    }
    default: break;
  }
  return plainly(f, n, a);
}

static form *form_of(far *f, const cx_node *n) {
  while (f->memo.n <= (int)n->id) *CX_PUSH(f->g->arena, f->memo) = NULL;
  if (f->memo.at[n->id]) return f->memo.at[n->id];
  form *a[CX_MAX_RANK], *all = NULL;
  bool fixed = true;
  if (f->budget < 0 || n->nargs > CX_MAX_RANK) return NULL;
  if (n->op == OP_load && n->u.eq == f->x) {
    form *t = keep(f, power(f, f->dir, f->one, f->zero));
    all = f->away ? joined(f, t, constant(f, f->at)) : about(f, f->at, t);
  } else {
    for (int k = 0; k < n->nargs; k++) {
      if (!(a[k] = form_of(f, n->arg[k]))) return NULL;
      fixed &= a[k]->fixed;
    }
    if (n->op == OP_load && f->mask[n->u.eq] & CX_DEPENDS) {
      const cx_eq *e = f->g->eq[n->u.eq];
      if (e->kind != EQ_CALC || e->red != RED_none || !fixed) return NULL;
      all = form_of(f, cx_open_load(f->g, n, f->of));
    } else if (n->op == OP_load && !fixed) return NULL;
    else all = fixed ? constant(f, n) : of_op(f, n, a);
  }
  if (f->budget < 0) return NULL;
  return f->memo.at[n->id] = all;
}

cx_graph *cx_far_graph(const cx_integrand *in, cx_graph *g, bool away) {
  enum { BUDGET = 3000 };
  const cx_node *k = cx_index(g, 0), *v[3];
  far f = {.g = g, .away = away, .budget = BUDGET};
  int neq = g->neq;
  while ((int)f.x < neq && g->eq[f.x]->kind != EQ_INPUT) f.x++; /* x is the first input */
  if ((int)f.x == neq) return NULL;
  f.mask = cx_node_dims(g, g->arena, f.x);
  uint32_t *input = CX_NEW_N(g->arena, uint32_t, neq + 3);
  int n = 0;
  for (int id = 0; id < neq; id++)
    if (g->eq[id]->kind == EQ_INPUT) input[n++] = (uint32_t)id;
  for (int j = 0; j < 3; j++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_INPUT);
    e->rank = 1;
    e->dim[0] = (cx_dim){in->nodes, NULL};
    input[n++] = e->id;
    v[j] = cx_load(g, e->id, &k, 1);
  }
  f.at = v[0], f.dir = v[1], f.u = v[2];
  f.zero = cx_const(g, 0), f.one = cx_const(g, 1), f.nan = cx_const(g, NAN);
  for (int j = 0; j < g->nout; j++) {
    const cx_eq *of = g->eq[g->out[j]];
    if (of->kind != EQ_CALC || of->red != RED_none) return NULL;
    f.of = of, f.memo.n = 0; /* what is opened depends on the dimensions of `of` */
    form *a = form_of(&f, of->body);
    if (!a) return NULL;
    known(&f, a);
    const cx_node *slope = cx_op2(g, OP_add, a->c, f.one),
                  *none = cx_op2(g, OP_lt, cx_op1(g, OP_abs, slope), cx_const(g, 2e-15));
    form whole = *a;
    whole.c = cx_op3(g, OP_select, none, f.zero, slope);
    cx_eq *e = cx_eq_beside(g, of, NULL);
    e->body = cx_op2(g, OP_mul, a->sign, cx_op1(g, OP_exp, log_of(&f, &whole)));
    g->out[j] = e->id;
  }
  return cx_graph_part(g, input, n);
}
