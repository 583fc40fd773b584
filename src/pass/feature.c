/* feature.c - what an integrand's equations say about where it is not smooth: conditions, kinks, steps, singular points,
 * peaks. Each is a function u(x) of the integration variable with its derivative; the roots of u are the places. They are
 * cx_found at run time (back/roots.c), since they move with what the integrand depends on. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "pass/eqs.h"
#include "pass/integral.h"

enum { COLUMNS_MAX = 1024 };

typedef struct {
  cx_graph *g;
  uint32_t x, own; /* own: the variable of the integrand as a whole; x: that, or one of an integral inside */
  uint32_t *mask;  /* what depends on x; for equations up to number known */
  int known;
  uint8_t *degree; /* of nodes, plus 1, as far as it was asked for */
  uint32_t ndegree;
  const cx_eq *of;
  cx_found_list list;
  bool *heavy, hit; /* computed from an integral inside */
  int branches;     /* taken so far in the feature at hand */
  bool hidden;      /* what is cx_found is not all that may happen: an op of unknown scales, an integral inside */
} finder;

static uint32_t mask_of(finder *f, uint32_t eq) {
  if ((int)eq >= f->known) { /* equations have come since */
    f->mask = cx_node_dims(f->g, f->g->arena, f->x);
    f->known = f->g->neq;
  }
  return f->mask[eq];
}

/* ---- degree in x: 0 to 2, or ANY ---- */
enum { ANY = CX_ANY_DEGREE };
static int degree(finder *f, const cx_node *n, int budget);
static int degree_by_op(finder *f, const cx_node *n, int budget) {
  int a, b;
  if (n->op == OP_const || n->op == OP_index) return 0;
  if (budget <= 0) return ANY;
  switch (n->op) {
    case OP_load: {
      if (n->u.eq == f->x) return 1;
      for (int k = 0; k < n->nargs; k++) /* a table read at x */
        if (n->arg[k]->op != OP_index && degree(f, n->arg[k], budget - 1) != 0) return ANY;
      if (!(mask_of(f, n->u.eq) & CX_DEPENDS)) return 0;
      const cx_eq *e = f->g->eq[n->u.eq];
      return e->kind == EQ_CALC && (e->red == RED_none || e->red == RED_sum) ? degree(f, e->body, budget - 1) : ANY;
    }
    case OP_add:
    case OP_sub:
      a = degree(f, n->arg[0], budget - 1);
      b = degree(f, n->arg[1], budget - 1);
      return a > b ? a : b;
    case OP_neg: return degree(f, n->arg[0], budget - 1);
    case OP_mul:
      a = degree(f, n->arg[0], budget - 1);
      b = degree(f, n->arg[1], budget - 1);
      return a + b <= 2 ? a + b : ANY;
    case OP_div: return degree(f, n->arg[1], budget - 1) == 0 ? degree(f, n->arg[0], budget - 1) : ANY;
    case OP_pow:
      a = degree(f, n->arg[0], budget - 1);
      if (degree(f, n->arg[1], budget - 1) != 0) return ANY;
      if (a == 0) return 0;
      return a == 1 && cx_is_number(n->arg[1], 2) ? 2 : ANY;
    case OP_select: /* a choice that x does not make */
      if (degree(f, n->arg[0], budget - 1) != 0) return ANY;
      a = degree(f, n->arg[1], budget - 1);
      b = degree(f, n->arg[2], budget - 1);
      return a > b ? a : b;
    default:
      for (int k = 0; k < n->nargs; k++)
        if (degree(f, n->arg[k], budget - 1) != 0) return ANY;
      return 0;
  }
}
/* once for each node, however many read it */
static int degree(finder *f, const cx_node *n, int budget) {
  if (n->id >= f->ndegree) {
    uint32_t more = 2 * n->id + 256;
    uint8_t *at = cx_alloc_n(f->g->arena, more, 1);
    if (f->ndegree) memcpy(at, f->degree, f->ndegree);
    f->degree = at, f->ndegree = more;
  }
  if (!f->degree[n->id]) {
    int d = degree_by_op(f, n, budget); /* which may move the table */
    f->degree[n->id] = (uint8_t)(d + 1);
  }
  return f->degree[n->id] - 1;
}
static int degree_of(finder *f, const cx_node *n) {
  int d = degree(f, n, 200);
  return d <= 2 ? d : ANY;
}

int cx_degree(cx_graph *g, uint32_t x, const cx_node *e) {
  finder f = {.g = g, .x = x};
  f.mask = cx_node_dims(g, g->arena, x), f.known = g->neq;
  return degree_of(&f, e);
}

static void see_heavy(void *user, const cx_node *n) {
  finder *f = user;
  if (n->op == OP_load && (int)n->u.eq < f->known && f->heavy[n->u.eq]) f->hit = true;
}

static void see_branch(void *user, const cx_node *n) {
  const cx_node **first = user;
  bool splits = n->op == OP_min || n->op == OP_max || n->op == OP_abs || n->op == OP_select;
  if (splits && !*first) *first = n; /* arguments come first: the innermost */
}

/* u, over the index slots of the equation at hand, as an equation: its dimensions, then those it reduces over */
static void add(finder *f, cx_feature_kind kind, const cx_node *u) {
  cx_graph *g = f->g;
  const cx_eq *of = f->of;
  if (degree_of(f, u) == 0) return;
  if (cx_nslot(of) > CX_MAX_RANK) {
    f->hidden = true;
    return;
  }
  const cx_node *splits = NULL;
  if (degree_of(f, u) == ANY && (kind == CX_FEATURE_BREAK || kind == CX_FEATURE_SINGULAR) && f->branches < 4)
    cx_visit(g, u, see_branch, &splits);
  if (splits && degree_of(f, splits) != 0) {
    f->branches++;
    for (int k = 0; k < 2; k++) { /* a root of u is one of u with max(a, b) replaced by a or b: perhaps a polynomial */
      const cx_node *branch = splits->arg[splits->op == OP_select ? k + 1 : 0];
      if (k && splits->op == OP_abs) branch = cx_op1(g, OP_neg, branch);
      else if (k && splits->op != OP_select) branch = splits->arg[1];
      add(f, kind, cx_exchange(g, u, splits, branch));
    }
    f->branches--;
    return;
  }
  f->hit = false;
  cx_visit(g, u, see_heavy, f);
  if (f->hit) {
    f->hidden = true;
    return;
  }
  for (int k = 0; k < f->list.n; k++) {
    const cx_eq *e = g->eq[f->list.at[k].eq];
    if (f->list.at[k].kind == kind && e->body == u && e->rank == cx_nslot(of)) return;
  }
  cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
  e->span = of->span;
  e->rank = (uint8_t)cx_nslot(of);
  memcpy(e->dim, of->dim, sizeof e->dim);
  memcpy(e->dim + of->rank, of->rdim, of->nred * sizeof *e->dim);
  e->body = u;
  *CX_PUSH(g->arena, f->list) = (cx_found){.kind = kind, .eq = e->id};
}

/* what a load of an equation that depends on x reads; what guards single places */
static const cx_node *opened(finder *f, const cx_node *a) {
  while (a->op == OP_select && (a->arg[0]->op == OP_eq || a->arg[0]->op == OP_ne))
    a = a->arg[a->arg[0]->op == OP_eq ? 2 : 1];
  const cx_eq *e = a->op == OP_load ? f->g->eq[a->u.eq] : NULL;
  if (!e || e->kind != EQ_CALC || e->red != RED_none || !(mask_of(f, e->id) & CX_DEPENDS)) return a;
  int64_t slot[CX_MAX_RANK];
  for (int k = 0; k < e->rank; k++) slot[k] = k;
  return cx_subst(f->g, e->body, slot, a->arg, e->rank);
}

/* where a product, a power or |a| is 0, one of its factors is */
static void singular_below(finder *f, cx_scratch *w, const cx_node *a) {
  a = opened(f, a);
  if (!cx_once(w, a)) return;
  switch (a->op) {
    case OP_abs:
    case OP_neg:
    case OP_sqrt:
    case OP_cbrt: singular_below(f, w, a->arg[0]); return;
    case OP_pow:
      if (a->arg[1]->op == OP_const) {
        singular_below(f, w, a->arg[0]);
        return;
      }
      break;
    case OP_mul:
    case OP_div:
      singular_below(f, w, a->arg[0]);
      singular_below(f, w, a->arg[1]);
      return;
    default: break;
  }
  add(f, CX_FEATURE_SINGULAR, a);
}
static void add_singular(finder *f, const cx_node *a) {
  cx_scratch *w = cx_scratch_take(f->g);
  singular_below(f, w, a);
  cx_scratch_give(f->g, w);
}

/* summits of |a| to a power of this sign: the factors tell of a product's */
static void summit_below(finder *f, cx_scratch *const w[2], const cx_node *a, int sign) {
  cx_graph *g = f->g;
  a = opened(f, a);
  if (!cx_once(w[sign < 0], a)) return;
  switch (a->op) {
    case OP_abs:
    case OP_neg:
    case OP_sqrt: summit_below(f, w, a->arg[0], sign); return;
    case OP_mul:
    case OP_div:
      summit_below(f, w, a->arg[0], sign);
      summit_below(f, w, a->arg[1], a->op == OP_div ? -sign : sign);
      return;
    case OP_pow:
      if (a->arg[1]->op != OP_const) break;
      summit_below(f, w, a->arg[0], a->arg[1]->u.num < 0 ? -sign : sign);
      return;
    default: break;
  }
  if (degree_of(f, a) <= 2) return; /* its roots, be they complex, say it */
  const cx_node *log = cx_op1(g, OP_log, cx_op1(g, OP_abs, a));
  add(f, CX_FEATURE_SUMMIT, sign < 0 ? cx_op1(g, OP_neg, log) : log);
}

static void add_summit(finder *f, const cx_node *a, int sign) {
  cx_scratch *w[2] = {cx_scratch_take(f->g), cx_scratch_take(f->g)};
  summit_below(f, w, a, sign);
  for (int k = 0; k < 2; k++) cx_scratch_give(f->g, w[k]);
}

/* x^40 exp(-x): neither factor says where the product is large, the sum of their logarithms does. `sum` of n factors;
 * returns whether there is a high power among them. */
enum { HIGH = 8, STEPS = 200 };
static bool logarithm(finder *f, const cx_node *n, int sign, const cx_node **sum, int *count, int *steps) {
  cx_graph *g = f->g;
  if (--*steps < 0) return false;
  const cx_node *a = n->nargs > 0 ? n->arg[0] : NULL, *b = n->nargs > 1 ? n->arg[1] : NULL, *log = NULL;
  bool high = false;
  switch (n->op) {
    case OP_neg:
    case OP_abs: return logarithm(f, a, sign, sum, count, steps);
    case OP_mul:
    case OP_div:
      high = logarithm(f, a, sign, sum, count, steps);
      return logarithm(f, b, n->op == OP_div ? -sign : sign, sum, count, steps) || high;
    case OP_exp: log = a; break;
    case OP_gamma_p_dx:
    case OP_beta_inc_dx: log = cx_op1(g, OP_log, n); break;
    case OP_pow:
      high = b->op == OP_const && fabs(b->u.num) >= HIGH;
      if (high) log = cx_op2(g, OP_mul, b, cx_op1(g, OP_log, cx_op1(g, OP_abs, a)));
      break;
    default: break;
  }
  if (!log || degree_of(f, log) == 0) return false;
  *sum = !*sum ? (sign < 0 ? cx_op1(g, OP_neg, log) : log) : cx_op2(g, sign < 0 ? OP_sub : OP_add, *sum, log);
  ++*count;
  return high;
}
static void add_products(finder *f, const cx_node *n, int budget) {
  const cx_node *sum = NULL;
  int count = 0, steps = STEPS;
  switch (n->op) {
    case OP_add:
    case OP_sub:
    case OP_select:
      for (int k = n->op == OP_select; k < n->nargs && budget > 0; k++) add_products(f, n->arg[k], budget - 1);
      return;
    case OP_neg: add_products(f, n->arg[0], budget - 1); return;
    case OP_mul:
    case OP_div:
      if (logarithm(f, n, 1, &sum, &count, &steps) && count > 1 && steps >= 0) add(f, CX_FEATURE_SUMMIT, sum);
      return;
    default: return;
  }
}

/* never 0, and smooth on the way (edge.c) */
static bool safe_below(const cx_graph *g, cx_scratch *w, const cx_node *b) {
  const cx_eq *e = b->op == OP_load ? g->eq[b->u.eq] : NULL;
  if (!cx_once(w, b)) return true;
  if (e) return e->kind == EQ_CALC && e->red == RED_none && safe_below(g, w, e->body);
  if (b->op == OP_mul) return safe_below(g, w, b->arg[0]) && safe_below(g, w, b->arg[1]);
  if (b->op == OP_abs) return safe_below(g, w, b->arg[0]);
  for (int k = 0; b->op == OP_add && k < 2; k++)
    if (cx_is_number(b->arg[k], CX_TINY)) return true;
  return false;
}

static bool safe(const cx_graph *g, const cx_node *b) {
  cx_scratch *w = cx_scratch_take(g);
  bool yes = safe_below(g, w, b);
  cx_scratch_give(g, w);
  return yes;
}

/* an exponential that the op falls like */
static const cx_node *log_of_tail(cx_graph *g, const cx_node *n) {
  const cx_node *a = n->arg[0];
  if (n->op == OP_erfc) return cx_op1(g, OP_log_norm_cdf, cx_op2(g, OP_mul, cx_const(g, -sqrt(2)), a));
  if (n->op == OP_norm_cdf) return cx_op1(g, OP_log_norm_cdf, a);
  return cx_op1(g, OP_neg, cx_op1(g, OP_softplus, cx_op1(g, OP_neg, a)));
}

/* what is 0 where a is b: 1 - x and 1e-20 would differ by 1 - x */
static const cx_node *apart(cx_graph *g, const cx_node *a, const cx_node *b) {
  enum { MANY = 1000 };
  if (a->op == OP_const && b->op != OP_const) return apart(g, b, a);
  bool small = b->op == OP_const && b->u.num != 0 && fabs(b->u.num) * MANY < 1;
  if (!small || (a->op != OP_add && a->op != OP_sub)) return cx_op2(g, OP_sub, a, b);
  return cx_op2(g, OP_sub, cx_op2(g, OP_mul, a, cx_const(g, 1 / b->u.num)), cx_const(g, 1));
}

static void see(void *user, const cx_node *n) {
  finder *f = user;
  cx_graph *g = f->g;
  const cx_node *a = n->nargs > 0 ? n->arg[0] : NULL, *b = n->nargs > 1 ? n->arg[1] : NULL, *one = cx_const(g, 1);
  switch (n->op) {
    case OP_lt:
    case OP_le:
    case OP_min:
    case OP_max: add(f, CX_FEATURE_BREAK, apart(g, a, b)); return;
    case OP_abs:
    case OP_sign: add(f, CX_FEATURE_BREAK, a); return;
    case OP_floor:
    case OP_ceil:
    case OP_trunc: add(f, CX_FEATURE_STEP, a); return;
    case OP_round: add(f, CX_FEATURE_STEP, cx_op2(g, OP_add, a, cx_const(g, 0.5))); return;
    case OP_mod: add(f, CX_FEATURE_STEP, cx_op2(g, OP_div, a, b)); return;
    case OP_sin:
    case OP_cos:
    case OP_sinc:
    case OP_j0:
    case OP_j1: add(f, CX_FEATURE_WAVE, a); return;
    case OP_sqrt:
    case OP_cbrt:
    case OP_log:
    case OP_log2:
    case OP_log10: add_singular(f, a); return;
    case OP_xlogy: add_singular(f, b); return;
    case OP_logit:
      add_singular(f, a);
      add(f, CX_FEATURE_SINGULAR, cx_op2(g, OP_sub, one, a));
      return;
    case OP_gamma_p_dx:
      add_singular(f, b);
      f->hidden |= degree_of(f, a) != 0;
      add(f, CX_FEATURE_SUMMIT, cx_op1(g, OP_log, n));
      return;
    case OP_beta_inc_dx:
      add_singular(f, n->arg[2]);
      add(f, CX_FEATURE_SINGULAR, cx_op2(g, OP_sub, one, n->arg[2]));
      f->hidden |= degree_of(f, a) != 0 || degree_of(f, b) != 0;
      add(f, CX_FEATURE_SUMMIT, cx_op1(g, OP_log, n));
      return;
    case OP_tan: add(f, CX_FEATURE_SINGULAR, cx_op1(g, OP_cos, a)); return;
    case OP_log1p: add(f, CX_FEATURE_SINGULAR, cx_op2(g, OP_add, one, a)); return;
    case OP_asin:
    case OP_acos:
    case OP_atanh: add(f, CX_FEATURE_SINGULAR, cx_op2(g, OP_sub, one, cx_op2(g, OP_mul, a, a))); return;
    case OP_acosh: add(f, CX_FEATURE_SINGULAR, cx_op2(g, OP_sub, a, one)); return;
    case OP_div:
      if (safe(g, b)) return;
      add_singular(f, b);
      add_summit(f, b, -1);
      return;
    case OP_pow: {
      bool number = b->op == OP_const, whole = number && b->u.num == floor(b->u.num);
      if (whole && b->u.num >= 0) return;
      add_singular(f, a);
      if (number && b->u.num < 0) add_summit(f, a, -1);
      if (!number && degree_of(f, a) != 1)
        add(f, CX_FEATURE_SUMMIT, cx_op2(g, OP_mul, b, cx_op1(g, OP_log, cx_op1(g, OP_abs, a))));
      return;
    }
    case OP_exp:
    case OP_exp2:
    case OP_expm1: add(f, degree_of(f, a) == 1 ? CX_FEATURE_EDGE : CX_FEATURE_SUMMIT, a); return;
    case OP_erfc:
    case OP_norm_cdf:
    case OP_logistic:
    case OP_softplus: /* on one side it falls like an exponential */
      add(f, CX_FEATURE_PEAK, a);
      if (degree_of(f, a) > 1) add(f, CX_FEATURE_SUMMIT, log_of_tail(g, n));
      return;
    case OP_tanh:
    case OP_erf:
    case OP_log_norm_cdf:
    case OP_atan:
    case OP_asinh:
    case OP_sinh:
    case OP_cosh: add(f, CX_FEATURE_PEAK, a); return;
    case OP_const:
    case OP_index:
    case OP_load:
    case OP_add:
    case OP_sub:
    case OP_mul:
    case OP_neg:
    case OP_muladd:
    case OP_eq:
    case OP_ne:
    case OP_and:
    case OP_or:
    case OP_not:
    case OP_isfinite:
    case OP_isnan:
    case OP_select: return;
    default: /* of these nothing is said */
      for (int k = 0; k < n->nargs; k++) f->hidden |= degree_of(f, n->arg[k]) != 0;
  }
}

cx_found_list cx_collect_features(cx_graph *g, uint32_t root, uint32_t x, uint32_t own, bool *hidden,
                                  cx_found_list *unplaced) {
  finder f = {.g = g, .x = x, .own = own};
  f.mask = cx_node_dims(g, g->arena, x), f.known = g->neq;
  f.heavy = CX_NEW_N(g->arena, bool, g->neq + 1);
  int neq = g->neq;
  for (int id = 0; id < neq; id++) f.heavy[id] = g->eq[id]->kind == EQ_PRIM && (f.mask[id] & CX_DEPENDS);
  for (bool changed = true; changed;) {
    changed = false;
    for (int id = 0; id < neq; id++) {
      if (f.heavy[id] || g->eq[id]->kind != EQ_CALC) continue;
      f.hit = false;
      cx_visit(g, g->eq[id]->body, see_heavy, &f);
      if (f.hit) f.heavy[id] = changed = true;
    }
  }
  bool *heavy = f.heavy;
  int known = f.known;
  bool *below = CX_NEW_N(g->arena, bool, neq + 1);
  cx_mark_below(g, root, false, below);
  for (int id = 0; id < neq; id++) {
    const cx_eq *e = g->eq[id];
    if (!below[id] || e->kind != EQ_CALC || !(mask_of(&f, (uint32_t)id) & CX_DEPENDS)) continue;
    f.of = e;
    f.heavy = heavy, f.known = f.known > known ? f.known : known;
    if (f.known > known) { /* new equations are light */
      bool *more = CX_NEW_N(g->arena, bool, f.known + 1);
      memcpy(more, heavy, (size_t)known);
      heavy = f.heavy = more, known = f.known;
    }
    cx_visit(g, e->body, see, &f);
    add_products(&f, e->body, 8);
  }
  for (int id = 0; id < neq; id++)
    if (below[id] && cx_is_integral(g->eq[id]) && (mask_of(&f, (uint32_t)id) & CX_DEPENDS))
      f.hidden |= !cx_inner_edges(g, g->eq[id], x, own, &f.list, unplaced);
  *hidden |= f.hidden;
  return f.list;
}

/* is what u says of a feature what v says of it? */
static bool same_roots(cx_feature_kind kind, const cx_eq *u, const cx_eq *v) {
  const cx_node *a = u->body, *b = v->body;
  if (kind != CX_FEATURE_EDGE && kind != CX_FEATURE_SUMMIT) { /* these ask for the sign of u */
    if (a->op == OP_neg) a = a->arg[0];
    if (b->op == OP_neg) b = b->arg[0];
  }
  if (a != b || u->red != v->red || u->rank != v->rank || u->nred != v->nred) return false;
  for (int d = 0; d < u->rank; d++)
    if (u->dim[d].n != v->dim[d].n) return false;
  for (int d = 0; d < u->nred; d++)
    if (u->rdim[d].n != v->rdim[d].n) return false;
  return u->red == RED_none || a == u->body;
}

void cx_find_features(cx_integrand *in, const cx_graph *value, uint32_t crossing) {
  int32_t *map = CX_NEW_N(value->arena, int32_t, value->neq + 1);
  uint32_t *root = CX_NEW_N(value->arena, uint32_t, value->neq + value->nout + 1);
  int nroot = 0; /* every input, so that both graphs are called alike */
  for (int id = 0; id < value->neq; id++)
    if (value->eq[id]->kind == EQ_INPUT && !value->eq[id]->node) root[nroot++] = (uint32_t)id;
  for (int k = 0; k < value->nout; k++) root[nroot++] = value->out[k];
  cx_graph *g = cx_extract(value, value->arena, root, nroot, map);
  cx_pass_simplify(g);
  uint32_t x = (uint32_t)map[0];
  cx_found_list list = {0};
  bool hidden = false;
  if (crossing != UINT32_MAX) {
    uint32_t e = (uint32_t)map[crossing];
    if (in->period > 0) { /* in units of the period */
      cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
      const cx_eq *c = g->eq[e];
      t->rank = c->rank;
      memcpy(t->dim, c->dim, sizeof t->dim);
      t->body = cx_op2(g, OP_div, cx_load_here(g, c), cx_const(g, in->period));
      e = t->id;
    }
    *CX_PUSH(g->arena, list) = (cx_found){.kind = in->period > 0 ? CX_FEATURE_STEP : CX_FEATURE_BREAK, .eq = e};
  } else
    for (int k = 0; k < value->nout; k++) {
      cx_found_list more = cx_collect_features(g, (uint32_t)map[value->out[k]], x, x, &hidden, NULL);
      for (int j = 0; j < more.n; j++) {
        bool same = false; /* the derivatives share most of them */
        for (int m = 0; m < list.n && !same; m++)
          same = list.at[m].kind == more.at[j].kind && g->eq[list.at[m].eq]->body == g->eq[more.at[j].eq]->body &&
                 g->eq[list.at[m].eq]->red == g->eq[more.at[j].eq]->red;
        if (!same) *CX_PUSH(g->arena, list) = more.at[j];
      }
    }
  finder f = {.g = g, .x = x};
  f.mask = cx_node_dims(g, g->arena, x), f.known = g->neq;
  in->feature = CX_NEW_N(g->arena, cx_feature, list.n + 1);
  in->near = CX_NEW_N(g->arena, cx_graph *, list.n + 1);
  in->near_probe = CX_NEW_N(g->arena, cx_graph *, list.n + 1);
  uint32_t input[2 + CX_MAX_RANK + CX_PRIM_ARGS], out[64];
  int ninput = 0, nout = 0;
  for (int k = 0; k < nroot; k++)
    if (value->eq[root[k]]->kind == EQ_INPUT && ninput < 2 + CX_MAX_RANK + CX_PRIM_ARGS)
      input[ninput++] = (uint32_t)map[root[k]];
  for (int k = 0; k < value->nout && k < 64; k++) out[nout++] = (uint32_t)map[value->out[k]];
  bool *near = CX_NEW_N(g->arena, bool, list.n + 1);
  uint32_t *u = CX_NEW_N(g->arena, uint32_t, list.n + 1);
  int64_t total = 0;
  for (int k = 0; k < list.n; k++) {
    const cx_eq *e = g->eq[list.at[k].eq];
    int64_t count = 1;
    for (int d = 1; d < e->rank; d++) count *= e->dim[d].n;
    if (e->rank < 1 || count <= 0) continue;
    if (total + count > COLUMNS_MAX) {
      hidden = true;
      continue;
    }
    uint32_t id = e->id;
    const cx_node *sub[CX_MAX_RANK];
    for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
    int deg = degree_of(&f, cx_load(g, id, sub, e->rank));
    if (deg == 0) continue;
    if (list.at[k].kind == CX_FEATURE_SUMMIT) id = cx_diff_forward(g, id, x, 1), deg = deg == 2 ? 1 : ANY;
    bool known = false;
    for (int m = 0; m < in->nfeature && !known; m++)
      known = in->feature[m].kind == list.at[k].kind && same_roots(list.at[k].kind, g->eq[u[m]], g->eq[id]);
    if (known) continue;
    near[in->nfeature] = list.at[k].kind == CX_FEATURE_SINGULAR && e->rank == 1 && e->red == RED_none &&
                         e->body->op != OP_load && !list.at[k].inside && value->nout <= 64 && !in->crossing &&
                         !in->heavy;
    in->feature[in->nfeature] = (cx_feature){list.at[k].kind, deg == ANY ? 0 : deg, count, total, -1, -1};
    u[in->nfeature++] = id;
    total += count;
  }
  in->complete = !hidden;
  if (!in->nfeature) return;
  g->nout = 0;
  for (int k = 0; k < in->nfeature; k++) cx_graph_output(g, u[k]);
  uint32_t *slope = CX_NEW_N(g->arena, uint32_t, in->nfeature);
  for (int k = 0; k < in->nfeature; k++) cx_graph_output(g, slope[k] = cx_diff_forward(g, u[k], x, 1));
  in->columns = total;
  int64_t column = 2 * total;
  for (int k = 0; k < in->nfeature; k++) {
    if (!near[k]) continue;
    in->feature[k].bend = column++;
    cx_graph_output(g, cx_diff_forward(g, slope[k], x, 1));
  }
  const cx_node **line = CX_NEW_N(g->arena, const cx_node *, in->nfeature + 1);
  for (int k = 0; k < in->nfeature && in->ninstance && !in->crossing && !in->series; k++) {
    cx_feature *t = &in->feature[k];
    const cx_eq *e = g->eq[u[k]];
    if (t->degree || t->kind == CX_FEATURE_STEP || e->rank != 1 || e->kind != EQ_CALC || e->red != RED_none) continue;
    if (!(line[k] = cx_alike(g, in, x, e->body))) continue;
    for (int m = 0; m < k && t->line < 0; m++)
      if (line[m] == line[k]) t->line = in->feature[m].line;
    if (t->line >= 0) continue;
    cx_eq *l = cx_eq_beside(g, e, "line");
    l->body = line[k];
    t->line = column++;
    cx_graph_output(g, l->id);
  }
  for (int k = 0; k <= in->nfeature; k++) { /* what else is there about a singular point; about an end, what jumps */
    bool others = false, about = k == in->nfeature;
    for (int j = 0; j < in->nfeature; j++)
      others |= j != k && (in->feature[j].kind == CX_FEATURE_BREAK || (!about && cx_is_peak(in->feature[j].kind)));
    if (about ? others && value->nout <= 64 && !in->crossing && !in->series && !in->heavy : near[k])
      in->near[k] = cx_near_graph(g, in, x, about ? NULL : g->eq[u[k]], about ? NULL : g->eq[slope[k]],
                                  about ? 0 : in->feature[k].degree, input, ninput, out, nout, u, in->nfeature,
                                  others ? &in->near_probe[k] : NULL);
  }
  in->probe = cx_graph_part(g, input, ninput); /* the inputs of the near graphs are theirs alone */
}
