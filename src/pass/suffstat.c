/* suffstat.c - a sum of squares over rows of data, affine in the params, becomes one over a triangular factor.
 *
 *   sum(i < N: (sum(g, j: C_g[i,j] v_g[j]))^2) = |A v|^2 = |Q R v|^2 = |R v|^2
 *
 * where A = [C_1 C_2 …] (N x D) is computed from data alone and v from the params: A = QR once when data is bound, then
 * O(D^2) a call instead of O(N D). R from Householder reflections is as accurate as A itself (Golub, Van Loan, Matrix
 * Computations, 5.3), which the normal equations are not. Applied when the whole sum over the rows goes away: every term
 * is such a square times something that does not depend on the row, or separates into data and params, or does not
 * depend on the row; and when N > D. Beyond MAX_COLUMNS the factor costs more than it saves in a fit's usual life. */
#include "pass/eqs.h"
#include "ir/prims.h"
#include "ir/product.h"
#include <math.h>
#include <string.h>

enum { MAX_COLUMNS = 128, GROUPS = 12, ROW = 0, COL = 1 };

typedef struct {
  const cx_node *coef, *value;
  int64_t n;
} column; /* coef over ROW, COL; value over COL */
typedef struct {
  cx_graph *g;
  const cx_eq *e;
  const bool *data;
  const bool *cyclic;
  int neq;
  column col[GROUPS];
  int ncol;
} stat;

typedef struct {
  const stat *s;
  bool all;
} only_data;
static void see(void *user, const cx_node *n) {
  only_data *d = user;
  if (n->op == OP_load && (n->u.eq >= (uint32_t)d->s->neq || !d->s->data[n->u.eq])) d->all = false;
}
static bool is_data(const stat *s, const cx_node *e) {
  only_data d = {s, true};
  cx_visit(s->g, e, see, &d);
  return d.all;
}
static bool rowless(const cx_node *e) { return !(e->free_lo >> ROW & 1); }

/* the equation as bounds see it while COL runs over n */
static cx_eq over(const stat *s, int64_t n) {
  cx_eq e = *s->e;
  e.nred = 2;
  e.rdim[1].n = n;
  return e;
}

/* adds coef * value * e to the columns; n: how many values COL takes (1: it does not occur) */
static bool affine(stat *s, const cx_node *e, const cx_node *coef, const cx_node *value, int64_t n, int depth) {
  cx_graph *g = s->g;
  bool data = is_data(s, e);
  if (depth == 0) return false;
  if (data || rowless(e)) {
    if (s->ncol == GROUPS) return false;
    if (data) coef = cx_op2(g, OP_mul, coef, e);
    else value = cx_op2(g, OP_mul, value, e);
    if (coef->op == OP_const) value = cx_op2(g, OP_mul, coef, value), coef = cx_const(g, 1);
    for (int i = 0; i < s->ncol; i++)
      if (n == 1 && s->col[i].n == 1 && s->col[i].coef == coef) {
        s->col[i].value = cx_op2(g, OP_add, s->col[i].value, value);
        return true;
      }
    s->col[s->ncol++] = (column){coef, value, n};
    return true;
  }
  switch (e->op) {
    case OP_add:
      return affine(s, e->arg[0], coef, value, n, depth - 1) && affine(s, e->arg[1], coef, value, n, depth - 1);
    case OP_sub:
      return affine(s, e->arg[0], coef, value, n, depth - 1) &&
             affine(s, e->arg[1], cx_op1(g, OP_neg, coef), value, n, depth - 1);
    case OP_neg: return affine(s, e->arg[0], cx_op1(g, OP_neg, coef), value, n, depth - 1);
    case OP_mul:
      for (int k = 0; k < 2; k++) {
        if (is_data(s, e->arg[k]))
          return affine(s, e->arg[1 - k], cx_op2(g, OP_mul, coef, e->arg[k]), value, n, depth - 1);
        if (rowless(e->arg[k]))
          return affine(s, e->arg[1 - k], coef, cx_op2(g, OP_mul, value, e->arg[k]), n, depth - 1);
      }
      return false;
    case OP_div:
      if (is_data(s, e->arg[1])) return affine(s, e->arg[0], cx_op2(g, OP_div, coef, e->arg[1]), value, n, depth - 1);
      if (rowless(e->arg[1])) return affine(s, e->arg[0], coef, cx_op2(g, OP_div, value, e->arg[1]), n, depth - 1);
      return false;
    case OP_load: {
      const cx_eq *t = g->eq[e->u.eq];
      if (t->kind != EQ_CALC || t->id >= (uint32_t)s->neq || s->cyclic[t->id]) return false;
      cx_eq of = over(s, n);
      int64_t slot[CX_MAX_RANK + 1];
      const cx_node *to[CX_MAX_RANK + 1];
      for (int k = 0; k < e->nargs; k++) {
        if (!cx_is_integer(g, e->arg[k]) || !cx_in_range(g, e->arg[k], t->dim[k].n, &of)) return false;
        slot[k] = k, to[k] = e->arg[k];
      }
      if (t->red == RED_none) return affine(s, cx_subst(g, t->body, slot, to, t->rank), coef, value, n, depth - 1);
      if (t->red != RED_sum || t->nred != 1 || n != 1 || t->rdim[0].n < 1) return false;
      slot[t->rank] = t->rank, to[t->rank] = cx_index(g, COL);
      return affine(s, cx_subst(g, t->body, slot, to, t->rank + 1), coef, value, t->rdim[0].n, depth - 1);
    }
    default: return false;
  }
}

/* by column number `at`: the groups one after another; row: is it A (or v) */
static const cx_node *stacked(stat *s, int at, bool row) {
  cx_graph *g = s->g;
  const cx_node *r = NULL, *here = cx_index(g, at);
  int64_t offset = 0;
  for (int i = 0; i < s->ncol; i++) offset += s->col[i].n;
  for (int i = s->ncol - 1; i >= 0; i--) {
    int64_t end = offset, slot = COL;
    offset -= s->col[i].n;
    const cx_node *j = cx_op2(g, OP_sub, here, cx_const(g, (double)offset));
    const cx_node *x = cx_subst(g, row ? s->col[i].coef : s->col[i].value, &slot, &j, 1);
    r = r ? cx_op3(g, OP_select, cx_op2(g, OP_lt, here, cx_const(g, (double)end)), x, r) : x;
  }
  return r;
}

static cx_eq *vector(stat *s, const char *suffix, int64_t n) {
  cx_eq scalar = *s->e;
  scalar.rank = 0;
  cx_eq *e = cx_eq_beside(s->g, &scalar, suffix);
  e->rank = n > 0;
  if (n > 0) e->dim[0] = (cx_dim){n, NULL};
  return e;
}

/* |R v|^2 as a load */
static const cx_node *square(stat *s) {
  cx_graph *g = s->g;
  int64_t d = 0;
  for (int i = 0; i < s->ncol; i++) d += s->col[i].n;
  cx_eq *A = vector(s, "columns", s->e->rdim[0].n);
  A->dim[0] = s->e->rdim[0];
  A->dim[1] = (cx_dim){d, NULL};
  A->rank = 2;
  A->body = stacked(s, COL, true);
  cx_eq *R = vector(s, "factor", d);
  R->kind = EQ_PRIM;
  R->prim = cx_prim_find("qr_r");
  R->prim_arg[0] = A->id;
  R->nprim_arg = 1;
  R->dim[1] = (cx_dim){d, NULL};
  R->rank = 2;
  cx_eq *v = vector(s, "values", d);
  v->body = stacked(s, 0, false);
  cx_eq *rv = vector(s, "rotated", d);
  rv->red = RED_sum;
  rv->nred = 1;
  rv->rdim[0] = (cx_dim){d, NULL};
  const cx_node *rc[2] = {cx_index(g, 0), cx_index(g, 1)};
  rv->body = cx_op2(g, OP_mul, cx_load(g, R->id, rc, 2), cx_load(g, v->id, &rc[1], 1));
  cx_eq *q = vector(s, "square", 0);
  q->red = RED_sum;
  q->nred = 1;
  q->rdim[0] = (cx_dim){d, NULL};
  const cx_node *x = cx_load_here(g, rv);
  q->body = cx_op2(g, OP_mul, x, x);
  q->lo = 0;
  return cx_load(g, q->id, NULL, 0);
}

/* One term of the summand: outer * (data * r^2), r the only factor that mixes row and params. */
typedef struct {
  cx_product outer, data;
  const cx_node *mixed;
} factors;

static bool take(const stat *s, const cx_term *t, factors *f) {
  *f = (factors){CX_ONE_PRODUCT, CX_ONE_PRODUCT, NULL};
  cx_product p = CX_ONE_PRODUCT;
  if (t->t && !cx_product_times(&p, t->t, 1)) return false;
  f->outer.num = p.num * t->k, f->outer.den = p.den;
  for (int i = 0; i < p.n; i++) {
    const cx_node *b = p.f[i].base;
    if (rowless(b)) f->outer.f[f->outer.n++] = p.f[i];
    else if (is_data(s, b)) f->data.f[f->data.n++] = p.f[i];
    else if (p.f[i].power == 2 && !f->mixed) f->mixed = b;
    else return false;
  }
  for (int i = 0; i < p.nexp; i++) {
    const cx_node *b = p.e[i].base;
    if (rowless(b)) f->outer.e[f->outer.nexp++] = p.e[i];
    else if (is_data(s, b)) f->data.e[f->data.nexp++] = p.e[i];
    else return false;
  }
  return true;
}

static void one(stat *s, cx_eq *e) {
  cx_graph *g = s->g;
  int64_t rows = e->rdim[0].n;
  cx_term term[CX_TERMS];
  int n = cx_terms(e->body, 1, term, CX_TERMS), squares = 0;
  if (n < 0) return;
  factors f;
  const cx_node *one = cx_const(g, 1);
  for (int i = 0; i < n; i++) { /* all or nothing, so look before building */
    if (!take(s, &term[i], &f)) return;
    if (!f.mixed) continue;
    const cx_node *w = cx_product_node(g, &f.data);
    int64_t d = 0;
    s->ncol = 0;
    if (w != one && !(cx_bounds(g, w, e).lo >= 0)) return;
    if (!affine(s, f.mixed, cx_op1(g, OP_sqrt, w), one, 1, 30)) return;
    for (int k = 0; k < s->ncol; k++) d += s->col[k].n;
    if (d > MAX_COLUMNS || rows <= d) return;
    squares++;
  }
  if (!squares) return;
  const cx_node *sum = cx_const(g, 0);
  for (int i = 0; i < n; i++) {
    take(s, &term[i], &f);
    const cx_node *w = cx_product_node(g, &f.data), *x;
    if (f.mixed) {
      s->ncol = 0;
      affine(s, f.mixed, cx_op1(g, OP_sqrt, w), one, 1, 30);
      x = square(s);
    } else if (w == one) x = cx_const(g, (double)rows);
    else {
      cx_eq *t = vector(s, "data", 0);
      t->red = RED_sum;
      t->nred = 1;
      t->rdim[0] = e->rdim[0];
      t->body = w;
      x = cx_load(g, t->id, NULL, 0);
    }
    sum = cx_op2(g, OP_add, sum, cx_op2(g, OP_mul, cx_product_node(g, &f.outer), x));
  }
  e->red = RED_none;
  e->nred = 0;
  memset(e->rdim, 0, sizeof e->rdim);
  e->body = sum;
}

void cx_pass_suffstat(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  stat s = {.g = g, .data = cx_data_only(g, a), .cyclic = cx_order(g, a).cyclic, .neq = g->neq};
  for (int i = 0; i < s.neq; i++) {
    cx_eq *e = g->eq[i];
    s.e = e;
    if (e->kind == EQ_CALC && e->red == RED_sum && e->rank == 0 && e->nred == 1 && !s.data[i] && !s.cyclic[i])
      one(&s, e);
  }
  cx_arena_free(a);
}
