/* antideriv_poly.c - integrals of polynomials, alone and times exponentials, sines and Gaussians.
 *
 * What is done by parts cancels where the range is short beside the scale of the other factor: its pieces are added in
 * size too, and who uses it compares. */
#include <math.h>

#include "pass/antideriv_int.h"

enum { NODES_MAX = 10 };

int cx_anti_degree(cx_anti *s, const cx_node *e, int depth) {
  if (!cx_anti_depends(s, e)) return 0;
  if (e == s->x) return 1;
  bool known =
      e->op == OP_neg || e->op == OP_add || e->op == OP_sub || e->op == OP_mul || e->op == OP_div || e->op == OP_pow;
  int a = known && depth > 0 ? cx_anti_degree(s, e->arg[0], depth - 1) : -1, b;
  if (a < 0) return -1;
  switch (e->op) {
    case OP_neg: return a;
    case OP_add:
    case OP_sub: b = cx_anti_degree(s, e->arg[1], depth - 1); return b < 0 ? -1 : a > b ? a : b;
    case OP_mul: b = cx_anti_degree(s, e->arg[1], depth - 1); return b < 0 || a + b > CX_ANTI_DEGREE ? -1 : a + b;
    case OP_div: return cx_anti_depends(s, e->arg[1]) ? -1 : a;
    default: {
      double n = e->arg[1]->op == OP_const ? e->arg[1]->u.num : -1;
      return n >= 0 && n == floor(n) && a * n <= CX_ANTI_DEGREE ? (int)(a * n) : -1;
    }
  }
}

void cx_anti_coefficients(cx_anti *s, const cx_node *e, const cx_node *c[3]) {
  cx_graph *g = s->g;
  const cx_node *a[3], *b[3], *zero = num(s, 0);
  c[0] = c[1] = c[2] = zero;
  if (!cx_anti_depends(s, e)) {
    c[0] = e;
    return;
  }
  if (e == s->x) {
    c[1] = num(s, 1);
    return;
  }
  cx_anti_coefficients(s, e->arg[0], a);
  if (e->nargs > 1) cx_anti_coefficients(s, e->arg[1], b);
  for (int k = 0; k < 3; k++) switch (e->op) {
      case OP_neg: c[k] = cx_op1(g, OP_neg, a[k]); break;
      case OP_div: c[k] = cx_op2(g, OP_div, a[k], e->arg[1]); break;
      case OP_mul:
        for (int i = 0; i <= k; i++) c[k] = add(s, c[k], mul(s, a[i], b[k - i]));
        break;
      case OP_pow: /* of degree 2: a square; of degree 1: the base itself */
        if (e->arg[1]->u.num != 2) c[k] = a[k];
        else
          for (int i = 0; i <= k; i++) c[k] = add(s, c[k], mul(s, a[i], a[k - i]));
        break;
      default: c[k] = cx_op2(g, (cx_op)e->op, a[k], b[k]);
    }
}

/* the derivative of a polynomial; NULL is 0 */
static const cx_node *slope(cx_anti *s, const cx_node *e) {
  cx_graph *g = s->g;
  if (!e || !cx_anti_depends(s, e)) return NULL;
  if (e == s->x) return num(s, 1);
  const cx_node *a = slope(s, e->arg[0]), *b = e->nargs > 1 ? slope(s, e->arg[1]) : NULL;
  switch (e->op) {
    case OP_neg: return cx_op1(g, OP_neg, a);
    case OP_add: return !a ? b : b ? add(s, a, b) : a;
    case OP_sub: return !b ? a : a ? cx_op2(g, OP_sub, a, b) : cx_op1(g, OP_neg, b);
    case OP_div: return cx_op2(g, OP_div, a, e->arg[1]);
    case OP_mul:
      a = a ? mul(s, a, e->arg[1]) : NULL;
      b = b ? mul(s, b, e->arg[0]) : NULL;
      return !a ? b : b ? add(s, a, b) : a;
    default: {
      const cx_node *less = cx_op2(g, OP_pow, e->arg[0], num(s, e->arg[1]->u.num - 1));
      return mul(s, mul(s, e->arg[1], less), a);
    }
  }
}

/* ---- polynomials alone ---- */
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

const cx_node *cx_anti_polynomial(cx_anti *s, const cx_node *e, int degree) {
  int n = (degree + 2) / 2;
  if (n > NODES_MAX) return NULL;
  const cx_node *half = mul(s, num(s, 0.5), s->w), *mid = mul(s, num(s, 0.5), add(s, s->lo, s->hi)), *sum = NULL;
  for (int k = 0; k < (n + 1) / 2; k++) {
    long double weight, z = legendre(n, k, &weight);
    const cx_node *off = mul(s, num(s, (double)z), half), *v = at(s, e, mid);
    if (2 * k + 1 != n) v = add(s, at(s, e, cx_op2(s->g, OP_sub, mid, off)), at(s, e, add(s, mid, off)));
    v = mul(s, num(s, (double)weight), v);
    sum = sum ? add(s, sum, v) : v;
  }
  return mul(s, half, sum);
}

/* ---- by parts ---- */
typedef struct {
  const cx_node *p, *a, *b, *norm, *expo, *phase;
  int n;
  bool sine;
} parts;

/* The antiderivative at x: sum over k of (-1)^k p^(k) E_{k+1}, E_j the j-fold antiderivative of exp(u) cos(v) or of its
 * sine, the parts of exp(u + i v) / (a + i b)^j */
static cx_piece antiderivative(cx_anti *s, const parts *q, const cx_node *x) {
  cx_graph *g = s->g;
  const cx_node *grow = q->expo ? cx_op1(g, OP_exp, at(s, q->expo, x)) : num(s, 1), *size = grow;
  const cx_node *c = grow, *d = num(s, 0), *p = q->p;
  if (q->phase) {
    const cx_node *v = at(s, q->phase, x);
    c = mul(s, grow, cx_op1(g, OP_cos, v)), d = mul(s, grow, cx_op1(g, OP_sin, v));
  }
  cx_piece sum = {0};
  for (int k = 0; k <= q->n; k++, p = slope(s, p)) {
    if (!q->phase) c = cx_op2(g, OP_div, c, q->a);
    else {
      const cx_node *re = add(s, mul(s, q->a, c), mul(s, q->b, d)),
                    *im = cx_op2(g, OP_sub, mul(s, q->a, d), mul(s, q->b, c));
      c = cx_op2(g, OP_div, re, mul(s, q->norm, q->norm)), d = cx_op2(g, OP_div, im, mul(s, q->norm, q->norm));
    }
    size = cx_op2(g, OP_div, size, q->norm);
    if (k && !p) break;
    const cx_node *f = p ? at(s, p, x) : num(s, 1), *v = mul(s, f, q->sine ? d : c);
    if (k & 1) v = cx_op1(g, OP_neg, v);
    sum = cx_anti_sum(s, sum, (cx_piece){v, mul(s, cx_op1(g, OP_abs, f), size)});
  }
  return sum;
}

cx_piece cx_anti_by_parts(cx_anti *s, const cx_node *e, int n, const cx_node *expo, const cx_node *phase, bool sine) {
  cx_graph *g = s->g;
  const cx_node *c[3], *zero = num(s, 0);
  parts q = {.p = e, .a = zero, .b = zero, .expo = expo, .phase = phase, .n = n, .sine = sine};
  if (n > CX_ANTI_PARTS || (!expo && (!s->lo || !s->hi || !phase)) || (!s->lo && !s->hi)) return (cx_piece){0};
  if (expo) cx_anti_coefficients(s, expo, c), q.a = c[1];
  if (phase) cx_anti_coefficients(s, phase, c), q.b = c[1];
  q.norm = !phase ? cx_op1(g, OP_abs, q.a) : !expo ? cx_op1(g, OP_abs, q.b) : cx_op2(g, OP_hypot, q.a, q.b);
  if (!s->hi && !cx_anti_demand(s, cx_op2(g, OP_lt, q.a, zero))) return (cx_piece){0};
  if (!s->lo && !cx_anti_demand(s, cx_op2(g, OP_lt, zero, q.a))) return (cx_piece){0};
  cx_piece low = {0}, high = {0};
  if (s->lo) low = cx_anti_scaled(s, num(s, -1), antiderivative(s, &q, s->lo));
  if (s->hi) high = antiderivative(s, &q, s->hi);
  return !s->lo ? high : !s->hi ? low : cx_anti_sum(s, high, low);
}

/* ---- moments of Gaussians ---- */
/* With v = x - m and s = a v^2 + k, M_j = integral of v^j exp(s) is ([v^(j-1) exp(s)] - (j - 1) M_(j-2)) / (2 a) */
cx_piece cx_anti_moments(cx_anti *s, const cx_node *e, int n, const cx_node *expo) {
  cx_graph *g = s->g;
  const cx_node *c[3], *end[2] = {s->lo, s->hi}, *v[2] = {0}, *f[2] = {0};
  cx_piece M[CX_ANTI_PARTS + 1] = {{0}}, sum = {0};
  if (n > CX_ANTI_PARTS) return sum;
  M[0].v = cx_anti_row(s, cx_raw(g, OP_exp, &expo, 1));
  if (!M[0].v) return sum;
  M[0].size = cx_op1(g, OP_abs, M[0].v);
  cx_anti_coefficients(s, expo, c);
  const cx_node *twice = mul(s, num(s, 2), c[2]), *m = cx_op2(g, OP_div, cx_op1(g, OP_neg, c[1]), twice), *p = e;
  for (int k = 0; k < 2; k++)
    if (end[k]) v[k] = cx_op2(g, OP_sub, end[k], m), f[k] = cx_op1(g, OP_exp, at(s, expo, end[k]));
  double factorial = 1;
  for (int j = 0; j <= n && p; j++, p = slope(s, p)) {
    if (j) factorial *= j;
    for (int k = 0; k < 2 && j; k++) {
      if (!end[k]) continue;
      const cx_node *b = j > 1 ? mul(s, cx_op2(g, OP_pow, v[k], num(s, j - 1)), f[k]) : f[k];
      M[j] = cx_anti_sum(s, M[j], (cx_piece){k ? b : cx_op1(g, OP_neg, b), cx_op1(g, OP_abs, b)});
    }
    if (j > 1) M[j] = cx_anti_sum(s, M[j], cx_anti_scaled(s, num(s, 1 - j), M[j - 2]));
    if (j && M[j].v) M[j] = cx_anti_scaled(s, cx_op2(g, OP_div, num(s, 1), twice), M[j]);
    if (M[j].v) sum = cx_anti_sum(s, sum, cx_anti_scaled(s, mul(s, num(s, 1 / factorial), at(s, p, m)), M[j]));
  }
  return sum;
}
