/* collect.c - like terms of sums and like factors of products, at any depth of the tree.
 *
 * A node is rebuilt only when collecting removes something: two terms become one, a factor cancels its inverse, two
 * exponentials or two constants meet. Otherwise the tree stays as it was written, so that what is shared stays shared. */
#include "ir/product.h"
#include <math.h>

/* ---- products ---- */
static bool put(cx_factor *f, int *n, const cx_node *base, int power) {
  for (int i = 0; i < *n; i++)
    if (f[i].base == base) {
      f[i].power += power;
      if (f[i].power == 0) f[i] = f[--*n];
      return true;
    }
  if (*n == CX_FACTORS) return false;
  f[(*n)++] = (cx_factor){base, power};
  return true;
}

bool cx_product_times(cx_product *p, const cx_node *e, int power) {
  for (;;) switch (p->budget-- > 0 ? e->op : OP_none) {
      case OP_none: return false;
      case OP_const:
        if (power > 0) p->num *= pow(e->u.num, power);
        else p->den *= pow(e->u.num, -power);
        return isnormal(p->num) && isnormal(p->den);
      case OP_neg:
        if (power % 2) p->num = -p->num;
        e = e->arg[0];
        continue;
      case OP_mul:
      case OP_div:
        if (!cx_product_times(p, e->arg[1], e->op == OP_mul ? power : -power)) return false;
        e = e->arg[0];
        continue;
      case OP_pow: {
        double c = e->arg[1]->op == OP_const ? e->arg[1]->u.num : 0.5;
        if (c != floor(c) || fabs(c) > 8) return put(p->f, &p->n, e, power);
        power *= (int)c;
        if (power == 0) return true;
        e = e->arg[0];
        continue;
      }
      case OP_exp: return put(p->e, &p->nexp, e->arg[0], power);
      default: return put(p->f, &p->n, e, power);
    }
}

static const cx_node *times(cx_graph *g, const cx_node *x, const cx_node *y) { return x ? cx_op2(g, OP_mul, x, y) : y; }

const cx_node *cx_product_exponent(cx_graph *g, const cx_product *p) {
  const cx_node *e = NULL;
  for (int pass = 0; pass < 2; pass++) /* what is added first, so that a difference begins with it */
    for (int i = 0; i < p->nexp; i++) {
      int k = p->e[i].power;
      if ((k > 0) != (pass == 0)) continue;
      const cx_node *z = p->e[i].base;
      if (k != 1 && k != -1) z = cx_op2(g, OP_mul, cx_const(g, k < 0 ? -k : k), z);
      e = e ? cx_op2(g, k > 0 ? OP_add : OP_sub, e, z) : k > 0 ? z : cx_op1(g, OP_neg, z);
    }
  return e ? e : cx_const(g, 0);
}

const cx_node *cx_product_node(cx_graph *g, const cx_product *p) {
  const cx_node *top = NULL, *bottom = NULL;
  for (int i = 0; i < p->n; i++) {
    int k = p->f[i].power, m = k < 0 ? -k : k;
    const cx_node *b = m == 1 ? p->f[i].base : cx_op2(g, OP_pow, p->f[i].base, cx_const(g, m));
    if (k > 0) top = times(g, top, b);
    else bottom = times(g, bottom, b);
  }
  if (p->nexp) top = times(g, top, cx_op1(g, OP_exp, cx_product_exponent(g, p)));
  double c = p->num / p->den;
  if (!top) {
    top = cx_const(g, c);
    return bottom ? cx_op2(g, OP_div, top, bottom) : top;
  }
  if (bottom) top = cx_op2(g, OP_div, top, bottom);
  if (fabs(p->num) == 1 && fabs(p->den) != 1) return cx_op2(g, OP_div, top, cx_const(g, p->den * p->num));
  return c == 1 ? top : c == -1 ? cx_op1(g, OP_neg, top) : cx_op2(g, OP_mul, cx_const(g, c), top);
}

/* Copies of this frame must not pile up under the recursion of cx_opn: it is entered only when something collects. */
static bool meets(const cx_product *x, const cx_product *y) {
  if (x->nexp && y->nexp) return true;
  if ((x->num != 1 || x->den != 1) && (y->num != 1 || y->den != 1)) return true;
  for (int i = 0; i < x->n; i++)
    for (int j = 0; j < y->n; j++)
      if (x->f[i].base == y->f[j].base && (x->f[i].power > 0) != (y->f[j].power > 0)) return true;
  return false;
}

static __attribute__((noinline)) bool collect_product(cx_product *p, cx_op op, const cx_node *x, const cx_node *y) {
  cx_product q = CX_ONE_PRODUCT;
  *p = CX_ONE_PRODUCT;
  int power = op == OP_mul ? 1 : -1;
  return cx_product_times(p, x, 1) && cx_product_times(&q, y, power) && meets(p, &q) && cx_product_times(p, y, power);
}

/* ---- sums ---- */
static uint64_t mix(uint64_t h) { /* splitmix64's finaliser */
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

/* Equal for equal products, whatever their order and constants: the sum of power * mix(base). */
static uint64_t signature(const cx_node *e, int power, int *budget) {
  switch (--*budget > 0 ? e->op : OP_none) {
    case OP_const: return 0;
    case OP_neg: return signature(e->arg[0], power, budget);
    case OP_mul:
    case OP_div: {
      uint64_t s = signature(e->arg[0], power, budget);
      return s + signature(e->arg[1], e->op == OP_mul ? power : -power, budget);
    }
    case OP_exp: return (uint64_t)(int64_t)power * mix(2 * (uint64_t)e->arg[0]->id + 1 + 0x9e3779b97f4a7c15u);
    default: return (uint64_t)(int64_t)power * mix(2 * (uint64_t)e->id + 0x9e3779b97f4a7c15u);
  }
}

int cx_terms(const cx_node *e, double factor, cx_term *term, int max) {
  if (max <= 0) return -1;
  switch (e->op) {
    case OP_add:
    case OP_sub: {
      int n = cx_terms(e->arg[0], factor, term, max);
      if (n < 0) return -1;
      int m = cx_terms(e->arg[1], e->op == OP_add ? factor : -factor, term + n, max - n);
      return m < 0 ? -1 : n + m;
    }
    case OP_neg: return cx_terms(e->arg[0], -factor, term, max);
    case OP_const: *term = (cx_term){factor * e->u.num, NULL, 0}; return 1;
    case OP_mul:
      for (int i = 0; i < 2; i++)
        if (e->arg[i]->op == OP_const) {
          *term = (cx_term){factor * e->arg[i]->u.num, e->arg[1 - i], 0};
          return 1;
        }
      break;
    default: break;
  }
  *term = (cx_term){factor, e, 0};
  return 1;
}

const cx_node *cx_terms_node(cx_graph *g, const cx_term *term, int n) {
  const cx_node *e = NULL;
  int first = 0;
  while (first < n && !(term[first].k > 0)) first++;
  if (first == n) first = 0;
  for (int i = 0; i < n; i++) {
    const cx_term *t = &term[i == 0 ? first : i <= first ? i - 1 : i];
    if (t->k == 0) continue;
    bool minus = e && t->k < 0;
    double k = minus ? -t->k : t->k;
    const cx_node *x = !t->t     ? cx_const(g, k)
                       : k == 1  ? t->t
                       : k == -1 ? cx_op1(g, OP_neg, t->t)
                                 : cx_op2(g, OP_mul, cx_const(g, k), t->t);
    e = e ? cx_op2(g, minus ? OP_sub : OP_add, e, x) : x;
  }
  return e ? e : cx_const(g, 0);
}

/* t = k * (product without a constant): true when both terms have the same product */
static __attribute__((noinline)) bool same_product(cx_graph *g, cx_term *x, cx_term *y) {
  if (x->t == y->t) return true;
  cx_product p = CX_ONE_PRODUCT, q = CX_ONE_PRODUCT;
  if (!cx_product_times(&p, x->t, 1) || !cx_product_times(&q, y->t, 1) || p.n != q.n || p.nexp != q.nexp) return false;
  for (int s = 0; s < 2; s++) {
    const cx_factor *a = s ? p.e : p.f, *b = s ? q.e : q.f;
    for (int i = 0; i < (s ? p.nexp : p.n); i++) {
      int j = 0;
      while (j < (s ? q.nexp : q.n) && (b[j].base != a[i].base || b[j].power != a[i].power)) j++;
      if (j == (s ? q.nexp : q.n)) return false;
    }
  }
  if (p.n + p.nexp == 0) return false;
  x->k *= p.num / p.den;
  y->k *= q.num / q.den;
  p.num = p.den = 1;
  x->t = cx_product_node(g, &p);
  return true;
}

static __attribute__((noinline)) int collect_sum(cx_graph *g, cx_term *t, cx_op op, const cx_node *x,
                                                 const cx_node *y) {
  int nx = cx_terms(x, 1, t, CX_TERMS);
  int ny = nx < 0 ? -1 : cx_terms(y, op == OP_add ? 1 : -1, t + nx, CX_TERMS - nx);
  if (ny < 0) return -1;
  for (int i = 0; i < nx + ny; i++) {
    int budget = 64;
    t[i].sig = t[i].t ? signature(t[i].t, 1, &budget) : 0;
  }
  int n = nx;
  for (int j = nx; j < nx + ny; j++) {
    int i = 0;
    for (; i < nx; i++)
      if (!t[i].t == !t[j].t && t[i].sig == t[j].sig && (!t[j].t || same_product(g, &t[i], &t[j]))) break;
    if (i < nx) t[i].k += t[j].k;
    else t[n++] = t[j];
  }
  return n == nx + ny ? -1 : n;
}

/* e as k * (the result) */
static const cx_node *multiple(const cx_node *e, double *k) {
  for (;;) {
    if (e->op == OP_neg) *k = -*k, e = e->arg[0];
    else if (e->op == OP_mul && e->arg[0]->op == OP_const) *k *= e->arg[0]->u.num, e = e->arg[1];
    else if (e->op == OP_mul && e->arg[1]->op == OP_const) *k *= e->arg[1]->u.num, e = e->arg[0];
    else return e;
  }
}

const cx_node *cx_collect(cx_graph *g, cx_op op, const cx_node *x, const cx_node *y) {
  if (op == OP_add || op == OP_sub) {
    double k = 1, m = op == OP_add ? 1 : -1;
    const cx_node *a = multiple(x, &k), *b = multiple(y, &m);
    if (a == b && a->op != OP_const) return cx_op2(g, OP_mul, cx_const(g, k + m), a); /* of a whole sum, too */
    cx_term t[CX_TERMS];
    int n = collect_sum(g, t, op, x, y);
    return n < 0 ? NULL : cx_terms_node(g, t, n);
  }
  cx_product p;
  return collect_product(&p, op, x, y) ? cx_product_node(g, &p) : NULL;
}
