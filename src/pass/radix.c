/* radix.c - quotients and remainders of subscripts, as reshapes make them: numbers written to a mixed radix
 * (Knuth, The Art of Computer Programming 2, section 4.1).
 *
 *   floor((m a + r) / m) = a + floor(r / m)     mod(m a + r, m) = mod(r, m)     for integers a, r and m > 0
 *
 * and where 0 <= r < m is proved, floor(r / m) = 0 and mod(r, m) = r. */
#include "pass/eqs.h"
#include <math.h>
#include <string.h>

int cx_affine_terms(const cx_node *e, double factor, cx_term *term, int max) {
  int n = cx_terms(e, factor, term, max);
  for (int k = 0; k < n; k++) {
    cx_term x = term[k];
    bool sum = x.t && x.t != e && (x.t->op == OP_add || x.t->op == OP_sub || x.t->op == OP_neg || x.t->op == OP_mul);
    cx_term part[CX_TERMS];
    int m = sum ? cx_affine_terms(x.t, x.k, part, CX_TERMS) : 1;
    if (m < 0 || n + m - 1 > max) return -1;
    if (!sum) continue;
    memmove(term + k + m, term + k + 1, (size_t)(n - k - 1) * sizeof *term);
    memcpy(term + k, part, (size_t)m * sizeof *term);
    n += m - 1, k += m - 1;
  }
  return n;
}

const cx_node *cx_radix(cx_graph *g, const cx_node *n, const cx_eq *of) {
  bool mod = n->op == OP_mod;
  const cx_node *of_quotient = n->arg[0];
  if (!mod && (n->op != OP_floor || of_quotient->op != OP_div)) return n;
  const cx_node *u = mod ? n->arg[0] : of_quotient->arg[0], *by = mod ? n->arg[1] : of_quotient->arg[1];
  if (by->op != OP_const || by->u.num != floor(by->u.num) || !(by->u.num >= 1 && by->u.num < 1e15)) return n;
  double m = by->u.num;
  cx_term all[CX_TERMS], whole[CX_TERMS + 1], rest[CX_TERMS + 1];
  int count = cx_affine_terms(u, 1, all, CX_TERMS), nwhole = 0, nrest = 0;
  for (int k = 0; k < count; k++) {
    cx_term x = all[k];
    if (x.k != floor(x.k) || !(fabs(x.k) < 1e15) || (x.t && !cx_is_integer(g, x.t))) return n;
    double a = x.t ? fmod(x.k, m) == 0 ? x.k / m : 0 : floor(x.k / m);
    if (a != 0) whole[nwhole++] = (cx_term){a, x.t, x.sig};
    if ((x.k -= a * m) != 0) rest[nrest++] = x;
  }
  if (count < 0) return n;
  const cx_node *r = nwhole ? cx_terms_node(g, rest, nrest) : u;
  cx_interval b = cx_bounds(g, r, of);
  bool digit = b.lo >= 0 && b.hi < m && cx_is_integer(g, r);
  if (!nwhole && !digit) return n;
  if (mod) return digit ? r : cx_op2(g, OP_mod, r, by);
  const cx_node *low = digit ? cx_const(g, 0) : cx_op1(g, OP_floor, cx_op2(g, OP_div, r, by));
  return nwhole ? cx_op2(g, OP_add, cx_terms_node(g, whole, nwhole), low) : low;
}
