/* delta.c - a sum over an index that an equality fixes becomes a subscript.
 *
 *   sum(k < K: (u == v) * f(k)),  u - v = c k + r,  k not in r     becomes   f(-r / c) where 0 <= -r / c < K
 *
 * This turns reverse mode's transposition, abar[q] = sum(i, k: ebar[i] * w[k] * (i + k == q)), into a gather, and the
 * Kronecker deltas of tangents into subscripts. A sum of terms is taken term by term (linearity). The guard is left out
 * where bounds prove it, or where the term has, as a factor, a load that is 0 outside the same range.
 * Inequalities between an index and a constant shorten its range.
 * With c = +-1 the solution is always an integer; otherwise it is floor(-r / c) where c divides r.
 * A guard 0 <= a i + r < K over another reduced index i holds for at most ceil(K / a) values of i: i then runs over that
 * window alone (a strided convolution, a pooling), not over its whole range. So it does for an equality c k + r + s == 0
 * in which s depends on k, but lies in a known interval (the argmax of a pooling window).
 * An equality mod(k, m) == r makes k = m k' + r: an index made of several ones, as in flatten, is taken apart.
 * (Interval inverses of affine subscripts: Li, Gharbi, Adams, Durand, Ragan-Kelley, Differentiable programming for image
 * processing and deep learning in Halide, ACM TOG 2018, section 4.) */
#include "pass/delta_int.h"
#include <math.h>
#include <string.h>

/* ---- solving ---- */
/* e * factor as coef * index(slot) + the terms in r; false when it is not linear in the slot */
static bool linear(const cx_node *e, double factor, int slot, double *coef, cx_term *r, int *n) {
  if (!(e->free_lo >> slot & 1)) {
    if (*n == CX_TERMS) return false;
    r[(*n)++] = (cx_term){e->op == OP_const ? factor * e->u.num : factor, e->op == OP_const ? NULL : e, 0};
    return true;
  }
  switch (e->op) {
    case OP_index: *coef += factor; return true;
    case OP_neg: return linear(e->arg[0], -factor, slot, coef, r, n);
    case OP_add:
    case OP_sub:
      return linear(e->arg[0], factor, slot, coef, r, n) &&
             linear(e->arg[1], e->op == OP_add ? factor : -factor, slot, coef, r, n);
    case OP_mul:
      for (int k = 0; k < 2; k++)
        if (e->arg[k]->op == OP_const) return linear(e->arg[1 - k], factor * e->arg[k]->u.num, slot, coef, r, n);
      return false;
    default: return false;
  }
}

/* e = coef * index(slot) + rest, coef a non-zero integer */
static const cx_node *split(cx_graph *g, const cx_node *e, int slot, double *coef) {
  cx_term r[CX_TERMS];
  int n = 0;
  *coef = 0;
  if (!linear(e, 1, slot, coef, r, &n) || *coef == 0 || *coef != floor(*coef) || fabs(*coef) > 1e6) return NULL;
  const cx_node *sum = cx_const(g, 0);
  for (int i = 0; i < n; i++) {
    const cx_node *x = r[i].t ? cx_op2(g, OP_mul, cx_const(g, r[i].k), r[i].t) : cx_const(g, r[i].k);
    sum = cx_op2(g, OP_add, sum, x);
  }
  return sum;
}

/* the equation with the sizes of this term, for bounds */
static cx_eq sized(const delta *d, const term *t) {
  cx_eq e = *d->e;
  for (int k = 0; k < e.nred; k++) e.rdim[k].n = t->size[e.rank + k];
  return e;
}

static void put(const delta *d, term *t, int slot, const cx_node *value) {
  cx_graph *g = d->g;
  cx_eq of = sized(d, t);
  int64_t s = slot;
  t->rest = cx_subst(g, t->rest, &s, &value, 1);
  for (int i = 0; i < t->ncond; i++) t->cond[i] = cx_simplify(g, cx_subst(g, t->cond[i], &s, &value, 1), &of);
  for (int i = 0; i < t->nguard; i++) t->guard[i].e = cx_subst(g, t->guard[i].e, &s, &value, 1);
}

static bool guard(const delta *d, term *t, const cx_node *e, int64_t n) {
  cx_eq of = sized(d, t);
  if (cx_in_range(d->g, e, n, &of)) return true;
  if (t->nguard == CONDS) return false;
  t->guard[t->nguard++] = (range){e, n};
  return true;
}

/* 0 <= e < n over reduced slot i, e = c i + r: i runs over ceil(n / |c|) values from floor(r / |c|) on, where
 * e = mod(r, |c|) + |c| t. True when i was narrowed; e is then the new expression. */
static bool window(const delta *d, term *t, const cx_node **e, int64_t n) {
  cx_graph *g = d->g;
  for (int i = d->e->rank; i < cx_nslot(d->e); i++) {
    double c;
    const cx_node *r;
    if (!(t->live >> i & 1) || !((*e)->free_lo >> i & 1) || !(r = split(g, *e, i, &c)) || !cx_is_integer(g, r))
      continue;
    int64_t a = (int64_t)fabs(c), width = (n + a - 1) / a, size = t->size[i];
    if (width >= size || width < 1 || t->nguard + 2 > CONDS) continue;
    const cx_node *ca = cx_const(g, (double)a), *at = width == 1 ? cx_const(g, 0) : cx_index(g, i);
    const cx_node *low = a == 1 ? r : cx_op1(g, OP_floor, cx_op2(g, OP_div, r, ca));
    const cx_node *value = c < 0 ? cx_op2(g, OP_sub, low, at) : cx_op2(g, OP_sub, at, low);
    const cx_node *step = cx_op2(g, OP_mul, ca, at);
    *e = a == 1 ? step : cx_op2(g, OP_add, cx_op2(g, OP_mod, r, ca), step);
    t->size[i] = width;
    if (width == 1) t->live &= ~(1u << i);
    put(d, t, i, value);
    guard(d, t, value, size);
    return true;
  }
  return false;
}

/* is a load with subscript e, 0 outside 0..n-1, a factor of x */
static bool zero_below(const cx_graph *g, cx_scratch *w, const cx_node *x, range r) {
  if (!cx_once(w, x)) return false;
  switch (x->op) {
    case OP_mul: return zero_below(g, w, x->arg[0], r) || zero_below(g, w, x->arg[1], r);
    case OP_div:
    case OP_neg: return zero_below(g, w, x->arg[0], r);
    case OP_load:
      for (int k = 0; k < x->nargs; k++)
        if (x->arg[k] == r.e && g->eq[x->u.eq]->dim[k].n <= r.n) return true;
      return false;
    default: return false;
  }
}

static bool zero_outside(const cx_graph *g, const cx_node *x, range r) {
  cx_scratch *w = cx_scratch_take(g);
  bool yes = zero_below(g, w, x, r);
  cx_scratch_give(g, w);
  return yes;
}

/* Can x turn infinite only because loads below it read 0? Then a factor 0 does not make the term 0. */
typedef struct {
  const cx_graph *g;
  uint32_t mask;
  bool total;
} finite_at_zero;
static void see_op(void *user, const cx_node *n) {
  finite_at_zero *f = user;
  if (n->op <= OP_load || (cx_ops[n->op].facts & (F_CHEAP | F_BOOL))) {
    if (n->op == OP_div && n->arg[1]->op != OP_const && (n->arg[1]->free_lo & f->mask) && n->arg[1]->has_load)
      f->total = false;
    return;
  }
  switch (n->op) {
    case OP_exp:
    case OP_expm1:
    case OP_logistic:
    case OP_softplus:
    case OP_sin:
    case OP_cos:
    case OP_tanh:
    case OP_sqrt:
    case OP_erf:
    case OP_erfc:
    case OP_norm_cdf:
    case OP_log1p:
    case OP_atan:
    case OP_hypot:
    case OP_mod: return;
    default:
      if (n->has_load && (n->free_lo & f->mask)) f->total = false;
  }
}

/* the slot to eliminate by equality q, with its value; -1 when none can be */
static int solve(const delta *d, const term *t, const cx_node *q, const cx_node **value, double *coef) {
  cx_graph *g = d->g;
  int best = -1;
  int64_t best_score = 0;
  for (int i = d->e->rank; i < cx_nslot(d->e); i++) {
    double c;
    if (!(t->live >> i & 1) || !(q->free_lo >> i & 1)) continue;
    const cx_node *r = split(g, cx_op2(g, OP_sub, q->arg[0], q->arg[1]), i, &c);
    if (!r || (fabs(c) != 1 && !cx_is_integer(g, r))) continue;
    const cx_node *v = c > 0 ? cx_op1(g, OP_neg, r) : r;
    cx_eq of = sized(d, t);
    /* an index whose range needs no guard, then one with coefficient 1, then the longest */
    int64_t score = 1 + (t->size[i] < INT32_MAX ? t->size[i] : INT32_MAX);
    if (fabs(c) == 1) score += (int64_t)1 << 33;
    if (fabs(c) == 1 && cx_in_range(g, v, t->size[i], &of)) score += (int64_t)1 << 34;
    if (score > best_score) best_score = score, best = i, *value = v, *coef = fabs(c);
  }
  return best;
}

static bool eliminate(const delta *d, term *t) {
  cx_graph *g = d->g;
  for (int i = 0; i < t->ncond; i++) {
    const cx_node *q = t->cond[i], *v;
    double c;
    int slot = q->op == OP_eq ? solve(d, t, q, &v, &c) : -1;
    if (slot < 0 || t->nguard + 3 > CONDS || t->ncond + 1 > CONDS) continue;
    t->cond[i] = t->cond[--t->ncond];
    if (c != 1) { /* v / c, where that is an integer */
      t->cond[t->ncond++] = cx_op2(g, OP_eq, cx_op2(g, OP_mod, v, cx_const(g, c)), cx_const(g, 0));
      v = cx_op1(g, OP_floor, cx_op2(g, OP_div, v, cx_const(g, c)));
    } else if (!cx_is_integer(g, v)) {
      const cx_node *whole = cx_op1(g, OP_round, v);
      t->cond[t->ncond++] = cx_op2(g, OP_eq, whole, v);
      v = whole;
    }
    int64_t n = t->size[slot];
    t->live &= ~(1u << slot);
    cx_eq of = sized(d, t);
    if (c == 1 && !cx_in_range(g, v, n, &of)) window(d, t, &v, n);
    put(d, t, slot, v);
    guard(d, t, v, n);
    return true;
  }
  return false;
}

/* k < c, k <= c, c < k, c <= k for constants c: k runs over what they leave */
static bool clip(const delta *d, term *t) {
  cx_graph *g = d->g;
  for (int i = d->e->rank; i < cx_nslot(d->e); i++) {
    if (!(t->live >> i & 1)) continue;
    double lo = 0, hi = (double)t->size[i] - 1;
    int kept = 0, found = 0;
    const cx_node *k = cx_index(g, i), *keep[CONDS];
    for (int j = 0; j < t->ncond; j++) {
      const cx_node *q = t->cond[j];
      bool less = q->op == OP_lt;
      if ((less || q->op == OP_le) && q->arg[0] == k && q->arg[1]->op == OP_const) {
        double c = q->arg[1]->u.num;
        hi = fmin(hi, less ? ceil(c) - 1 : floor(c)), found++;
      } else if ((less || q->op == OP_le) && q->arg[1] == k && q->arg[0]->op == OP_const) {
        double c = q->arg[0]->u.num;
        lo = fmax(lo, less ? floor(c) + 1 : ceil(c)), found++;
      } else keep[kept++] = q;
    }
    if (!found || !(hi - lo + 1 >= 1)) continue;
    memcpy(t->cond, keep, sizeof *keep * (size_t)kept);
    t->ncond = kept;
    t->size[i] = (int64_t)(hi - lo) + 1;
    if (t->size[i] == 1) t->live &= ~(1u << i);
    put(d, t, i, t->size[i] == 1 ? cx_const(g, lo) : cx_op2(g, OP_add, k, cx_const(g, lo)));
    return true;
  }
  return false;
}

static bool has_index(const cx_node *e, int i) { /* outside of loads */
  if (e->op == OP_index) return e->u.i == i;
  for (int k = 0; k < e->nargs && e->op != OP_load; k++)
    if ((e->arg[k]->free_lo >> i & 1) && has_index(e->arg[k], i)) return true;
  return false;
}

/* The terms with floor(v / m) of index i taken apart, (v - s) / m with 0 <= s < m: all times the common denominator, what
 * s amounts to added to lo..hi. Returns how many, 0 when they do not fit. */
static int open_quotients(cx_graph *g, int i, const cx_term *all, int n, cx_term *x, double *lo, double *hi) {
  double scale = 1;
  int count = 0;
  for (int pass = 0; pass < 2; pass++)
    for (int k = 0; k < n; k++) {
      const cx_node *t = all[k].t, *q = t && t->op == OP_floor && has_index(t, i) ? t->arg[0] : NULL;
      bool opens = q && q->op == OP_div && q->arg[1]->op == OP_const && cx_is_integer(g, q->arg[0]);
      double m = opens ? q->arg[1]->u.num : 1;
      opens = opens && m == floor(m) && m >= 1 && m <= 1e6;
      if (!pass) {
        if (opens && fmod(scale, m) != 0) scale *= m;
        if (scale > 1e6) return 0;
      } else if (opens) {
        double each = all[k].k * scale / m;
        int more = cx_affine_terms(q->arg[0], each, x + count, CX_TERMS - count);
        if (more < 0) return 0;
        count += more;
        *(each > 0 ? lo : hi) -= each * (m - 1);
      } else {
        if (count == CX_TERMS) return 0;
        x[count] = all[k];
        x[count++].k *= scale;
      }
    }
  return count;
}

/* ceil(terms / a); of integers the floor, which other subscripts of theirs are, too */
static const cx_node *quotient_up(cx_graph *g, cx_term *x, int n, double a) {
  bool whole = true;
  for (int k = 0; k < n; k++) whole &= x[k].k == floor(x[k].k) && (!x[k].t || cx_is_integer(g, x[k].t));
  if (whole) x[n++] = (cx_term){a - 1, NULL, 0};
  return cx_op1(g, whole ? OP_floor : OP_ceil, cx_op2(g, OP_div, cx_terms_node(g, x, n), cx_const(g, a)));
}

/* c k + r + s == 0 with lo <= s <= hi, s depending on k: k runs over the values from ceil((-r - s) / c) on, at the end of
 * the interval that comes first. The equality stays as it is. */
static bool narrow(const delta *d, term *t) {
  cx_graph *g = d->g;
  for (int j = 0; j < t->ncond; j++) {
    const cx_node *q = t->cond[j];
    cx_term all[CX_TERMS];
    if (q->op != OP_eq || t->nguard + 2 > CONDS) continue;
    int n = cx_affine_terms(cx_op2(g, OP_sub, q->arg[0], q->arg[1]), 1, all, CX_TERMS);
    if (n < 0) continue;
    for (int i = d->e->rank; i < cx_nslot(d->e); i++) {
      if (!(t->live >> i & 1) || !(q->free_lo >> i & 1)) continue;
      double c = 0, lo = 0, hi = 0;
      cx_term fixed[CX_TERMS + 2], x[CX_TERMS];
      int nfixed = 0, m = open_quotients(g, i, all, n, x, &lo, &hi);
      cx_eq of = sized(d, t);
      for (int k = 0; k < m; k++) {
        if (x[k].t && x[k].t->op == OP_index && x[k].t->u.i == i) c += x[k].k;
        else if (!x[k].t || !(x[k].t->free_lo >> i & 1)) fixed[nfixed++] = x[k];
        else {
          cx_interval b = cx_bounds(g, x[k].t, &of);
          lo += fmin(x[k].k * b.lo, x[k].k * b.hi);
          hi += fmax(x[k].k * b.lo, x[k].k * b.hi);
        }
      }
      if (c == 0 || c != floor(c) || fabs(c) > 1e6 || !(hi - lo < 1e9)) continue;
      double a = fabs(c), first = c > 0 ? hi : lo;
      int64_t width = (int64_t)floor((hi - lo) / a) + 1, size = t->size[i];
      if (width >= size) continue;
      fixed[nfixed++] = (cx_term){first, NULL, 0};
      for (int k = 0; k < nfixed; k++) fixed[k].k *= c > 0 ? -1 : 1;
      const cx_node *from = quotient_up(g, fixed, nfixed, a);
      const cx_node *value = width == 1 ? from : cx_op2(g, OP_add, from, cx_index(g, i));
      t->size[i] = width;
      if (width == 1) t->live &= ~(1u << i);
      put(d, t, i, value);
      return guard(d, t, value, size);
    }
  }
  return false;
}

/* floor(x / m) and mod(x, m) with x = m q + r, 0 <= r < m: q and r */
typedef struct {
  const cx_eq *of;
} divided;
static const cx_node *quotient_or_rest(void *user, cx_graph *g, const cx_node *n) {
  const divided *u = user;
  bool whole = n->op == OP_floor && n->arg[0]->op == OP_div;
  const cx_node *by = whole ? n->arg[0]->arg[1] : n->op == OP_mod ? n->arg[1] : NULL;
  if (!by || by->op != OP_const || by->u.num < 1 || by->u.num != floor(by->u.num)) return n;
  cx_term x[CX_TERMS], q[CX_TERMS], r[CX_TERMS];
  int nx = cx_affine_terms(whole ? n->arg[0]->arg[0] : n->arg[0], 1, x, CX_TERMS), nq = 0, nr = 0;
  for (int k = 0; k < nx; k++) {
    bool times = fmod(x[k].k, by->u.num) == 0 && (!x[k].t || cx_is_integer(g, x[k].t));
    *(times ? &q[nq++] : &r[nr++]) = x[k];
    if (times) q[nq - 1].k /= by->u.num;
  }
  const cx_node *rest = cx_terms_node(g, r, nr);
  cx_interval b = cx_bounds(g, rest, u->of);
  if (nx < 0 || nq == 0 || !cx_is_integer(g, rest) || !(b.lo >= 0 && b.hi <= by->u.num - 1)) return n;
  return whole ? cx_terms_node(g, q, nq) : rest;
}

/* does another equality fix what floor leaves of the index? */
static bool other_digits(const term *t, int but, int slot) {
  for (int i = 0; i < t->ncond; i++) {
    const cx_node *q = t->cond[i];
    for (int side = 0; side < 2 && q->op == OP_eq && i != but; side++) {
      const cx_node *x = q->arg[side];
      if (x->op == OP_mod) x = x->arg[0];
      if (x->op == OP_floor && (x->free_lo >> slot & 1) && !x->has_load) return true;
    }
  }
  return false;
}

/* mod(k, m) == r: k is m k' + r. What is left of k by floor(k / m) is k': an index of several, taken apart again. */
static bool last_digit(const delta *d, term *t) {
  cx_graph *g = d->g;
  for (int j = 0; j < t->ncond; j++)
    for (int side = 0; side < 2; side++) {
      const cx_node *q = t->cond[j], *m = q->op == OP_eq ? q->arg[side] : NULL;
      if (!m || m->op != OP_mod || m->arg[0]->op != OP_index || m->arg[1]->op != OP_const) continue;
      int slot = (int)m->arg[0]->u.i;
      double by = m->arg[1]->u.num;
      const cx_node *r = q->arg[!side];
      if (!(t->live >> slot & 1) || (r->free_lo >> slot & 1) || !cx_is_integer(g, r) || t->nguard + 2 > CONDS) continue;
      if (!other_digits(t, j, slot)) continue;
      if (!(by >= 2 && by == floor(by) && by <= (double)t->size[slot])) continue;
      int64_t size = t->size[slot];
      const cx_node *k = cx_op2(g, OP_add, cx_op2(g, OP_mul, cx_const(g, by), cx_index(g, slot)), r);
      t->cond[j] = t->cond[--t->ncond];
      t->size[slot] = (size + (int64_t)by - 1) / (int64_t)by;
      put(d, t, slot, k);
      guard(d, t, r, (int64_t)by);
      guard(d, t, k, size);
      cx_eq of = sized(d, t);
      divided u = {&of};
      t->rest = cx_rewrite(g, t->rest, quotient_or_rest, &u);
      for (int i = 0; i < t->ncond; i++) t->cond[i] = cx_rewrite(g, t->cond[i], quotient_or_rest, &u);
      return true;
    }
  return false;
}

/* lo <= e <= hi among the conditions, as the adjoint of a strided window has it: e runs over a range */
static bool strip(const delta *d, term *t) {
  cx_graph *g = d->g;
  for (int i = 0; i < t->ncond; i++)
    for (int j = 0; j < t->ncond; j++) {
      const cx_node *low = t->cond[i], *high = t->cond[j];
      if ((low->op != OP_le && low->op != OP_lt) || (high->op != OP_le && high->op != OP_lt)) continue;
      const cx_node *e = low->arg[1];
      if (low->arg[0]->op != OP_const || high->arg[1]->op != OP_const || high->arg[0] != e) continue;
      if (!cx_is_integer(g, e)) continue;
      double lo = low->op == OP_lt ? floor(low->arg[0]->u.num) + 1 : ceil(low->arg[0]->u.num);
      double hi = high->op == OP_lt ? ceil(high->arg[1]->u.num) - 1 : floor(high->arg[1]->u.num);
      if (!(hi - lo >= 0 && hi - lo < 1e9)) continue;
      term u = *t;
      int64_t n = (int64_t)(hi - lo) + 1;
      u.ncond = 0;
      for (int k = 0; k < t->ncond; k++)
        if (k != i && k != j) u.cond[u.ncond++] = t->cond[k];
      e = cx_op2(g, OP_sub, e, cx_const(g, lo));
      if (!window(d, &u, &e, n)) continue;
      guard(d, &u, e, n);
      *t = u;
      return true;
    }
  return false;
}

static const cx_node *assemble(const delta *d, const term *t) {
  cx_graph *g = d->g;
  const cx_node *ok = cx_const(g, 1);
  for (int i = 0; i < t->ncond; i++) ok = cx_op2(g, OP_and, ok, t->cond[i]);
  for (int i = 0; i < t->nguard; i++) {
    range r = t->guard[i];
    finite_at_zero f = {g, r.e->free_lo, true};
    cx_visit(g, t->rest, see_op, &f);
    if (f.total && zero_outside(g, t->rest, r)) continue;
    cx_eq of = sized(d, t);
    cx_interval b = cx_bounds(g, r.e, &of);
    if (b.lo < 0) ok = cx_op2(g, OP_and, ok, cx_op2(g, OP_le, cx_const(g, 0), r.e));
    if (b.hi > (double)(r.n - 1)) ok = cx_op2(g, OP_and, ok, cx_op2(g, OP_lt, r.e, cx_const(g, (double)r.n)));
  }
  return cx_op3(g, OP_select, ok, t->rest, cx_const(g, 0));
}

/* ---- putting the terms together ---- */
typedef struct {
  uint32_t live;
  int64_t size[2 * CX_MAX_RANK];
  const cx_node *body;
} part;

static bool alike(const delta *d, const part *p, const term *t) {
  if (p->live != t->live) return false;
  for (int i = d->e->rank; i < cx_nslot(d->e); i++)
    if ((t->live >> i & 1) && p->size[i] != t->size[i]) return false;
  return true;
}

static void become(cx_graph *g, cx_eq *e, const cx_eq *from, const part *p) {
  int64_t slot[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK];
  cx_dim rdim[CX_MAX_RANK];
  int n = 0, m = 0;
  for (int i = from->rank; i < cx_nslot(from); i++) {
    if (!(p->live >> i & 1)) continue;
    if (i != from->rank + n) slot[m] = i, to[m++] = cx_index(g, from->rank + n);
    rdim[n] = from->rdim[i - from->rank];
    if (rdim[n].n != p->size[i]) rdim[n] = (cx_dim){p->size[i], NULL};
    n++;
  }
  e->body = m ? cx_subst(g, p->body, slot, to, m) : p->body;
  memset(e->rdim, 0, sizeof e->rdim);
  memcpy(e->rdim, rdim, (size_t)n * sizeof *rdim);
  e->nred = (uint8_t)n;
  e->red = n ? RED_sum : RED_none;
}

static void one(cx_graph *g, cx_eq *e) {
  uint32_t mask = cx_reduced_mask(e);
  if (!cx_delta_reaches(g, e->body, mask)) return;
  delta d = {.g = g, .e = e};
  term t = {.rest = cx_const(g, 1), .live = mask};
  for (int k = 0; k < e->nred; k++) t.size[e->rank + k] = e->rdim[k].n;
  if (!cx_delta_multiply(&d, t, e->body, NULL, 4 * DEPTH)) return;
  bool any = false;
  for (int i = 0; i < d.n; i++) {
    term *t = &d.t[i];
    while (eliminate(&d, t) || last_digit(&d, t) || narrow(&d, t) || clip(&d, t) || strip(&d, t)) t->changed = true;
    any |= d.t[i].changed;
  }
  if (!any) return;
  part p[PARTS];
  int n = 0;
  for (int i = 0; i < d.n; i++) {
    const cx_node *x = assemble(&d, &d.t[i]);
    int k = 0;
    while (k < n && !alike(&d, &p[k], &d.t[i])) k++;
    if (k == n) {
      p[n] = (part){.live = d.t[i].live, .body = x};
      memcpy(p[n++].size, d.t[i].size, sizeof p->size);
    } else p[k].body = cx_op2(g, OP_add, p[k].body, x);
  }
  cx_eq from = *e;
  if (n == 1) {
    become(g, e, &from, &p[0]);
    return;
  }
  const cx_node *sum = cx_const(g, 0);
  for (int k = 0; k < n; k++) {
    if (!p[k].live) {
      sum = cx_op2(g, OP_add, sum, p[k].body);
      continue;
    }
    cx_eq *s = cx_eq_beside(g, &from, "part");
    become(g, s, &from, &p[k]);
    sum = cx_op2(g, OP_add, sum, cx_load_here(g, s));
  }
  part whole = {.body = sum};
  become(g, e, &from, &whole);
}

void cx_pass_delta(cx_graph *g) {
  for (int i = 0, n = g->neq; i < n; i++) {
    cx_eq *e = g->eq[i];
    if (e->kind != EQ_CALC) continue;
    for (int k = e->nred - 1; k >= 0 && e->red <= RED_min; k--) /* an index of one value is that value */
      if (e->rdim[k].n == 1) {
        int64_t slot = e->rank + k;
        const cx_node *zero = cx_const(g, 0);
        e->body = cx_drop_slot(g, e, e->rank + k, cx_subst(g, e->body, &slot, &zero, 1));
        if (e->nred == 0) e->red = RED_none;
      }
    if (e->red == RED_sum) one(g, e);
  }
}
