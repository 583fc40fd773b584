/* ref.c - the reference evaluator: what the equations mean, with nothing clever about it. Every equation is computed
 * in full, element by element, in the order of cx_scc; a recurrence steps along its axis. Tier 0 and every pass are
 * tested against it.
 *
 * A body becomes a list of its nodes, arguments first, and an element is that list computed from top to bottom. Both
 * branches of a select are computed and one is taken: every op is total and nothing has a side effect, so the other
 * one's value, NaN or not, is simply not looked at. */
#include "back/back.h"
#include "back/integral.h"
#include "pass/integral.h"
#include "ir/graph_int.h"
#include <math.h>
#include <string.h>

enum { MAX_ELEMENTS = 1 << 30 }; /* of all equations together: 8 GiB */

typedef struct {
  const cx_node *n;
  int arg[CX_MAX_RANK];
} step;
typedef struct {
  step *at;
  int n;
  double *value;
} list;

static list listing(const cx_graph *g, cx_arena *a, const cx_node *e) {
  cx_scratch *s = cx_scratch_take(g);
  cx_postorder(g, s, e);
  list l = {CX_NEW_N(a, step, s->order.n), s->order.n, CX_NEW_N(a, double, s->order.n)};
  for (int i = 0; i < l.n; i++) {
    const cx_node *n = l.at[i].n = s->order.at[i];
    s->val[n->id].i = i;
    for (int k = 0; k < n->nargs; k++) l.at[i].arg[k] = (int)s->val[n->arg[k]->id].i;
  }
  cx_scratch_give(g, s);
  return l;
}

static double load(const cx_eq *e, const double *from, const step *t, const double *value) {
  int64_t place = 0;
  for (int k = 0; k < e->rank; k++) {
    double sub = nearbyint(value[t->arg[k]]);
    if (!(sub >= 0 && sub < (double)e->dim[k].n)) return 0;
    place = place * e->dim[k].n + (int64_t)sub;
  }
  return from[place];
}

static double compute(const cx_graph *g, const list *l, const int64_t *at, double *const *eq_value) {
  double *v = l->value, x[3];
  for (int i = 0; i < l->n; i++) {
    const step *t = &l->at[i];
    const cx_node *n = t->n;
    switch (n->op) {
      case OP_const: v[i] = n->u.num; break;
      case OP_index: v[i] = (double)at[n->u.i]; break;
      case OP_load: v[i] = load(g->eq[n->u.eq], eq_value[n->u.eq], t, v); break;
      case OP_select: v[i] = v[t->arg[0]] != 0 ? v[t->arg[1]] : v[t->arg[2]]; break;
      default:
        for (int k = 0; k < n->nargs; k++) x[k] = v[t->arg[k]];
        v[i] = cx_ops[n->op].eval(x);
    }
  }
  return v[l->n - 1];
}

double cx_ref_node(const cx_graph *g, const cx_node *e, const int64_t *at, double *const *eq_value) {
  cx_arena *a = cx_arena_new(g->ctx);
  list l = listing(g, a, e);
  double r = compute(g, &l, at, eq_value);
  cx_arena_free(a);
  return r;
}

/* ---- whole equations ---- */
/* the next point, last index fastest; index `fixed` stays; false after the last one */
static bool advance(int64_t *at, const cx_dim *d, int n, int fixed) {
  for (int k = n - 1; k >= 0; k--) {
    if (k == fixed) continue;
    if (++at[k] < d[k].n) return true;
    at[k] = 0;
  }
  return false;
}

static bool empty(const cx_dim *d, int n) {
  for (int k = 0; k < n; k++)
    if (d[k].n == 0) return true;
  return false;
}

static double element(const cx_graph *g, const cx_eq *e, const list *l, int64_t *at, double *const *value) {
  static const double start[RED_COUNT] = {[RED_prod] = 1, [RED_max] = -INFINITY, [RED_min] = INFINITY};
  if (e->red == RED_none) return compute(g, l, at, value);
  double r = start[e->red], best = e->red == RED_argmax ? -INFINITY : INFINITY;
  if (empty(e->rdim, e->nred)) return r;
  int64_t *k = at + e->rank, count = 0;
  memset(k, 0, e->nred * sizeof *k);
  do {
    double x[2] = {r, compute(g, l, at, value)};
    switch (e->red) {
      case RED_sum: r += x[1]; break;
      case RED_prod: r *= x[1]; break;
      case RED_max: r = cx_ops[OP_max].eval(x); break;
      case RED_min: r = cx_ops[OP_min].eval(x); break;
      default:
        if (e->red == RED_argmax ? x[1] > best : x[1] < best) best = x[1], r = (double)count;
    }
    count++;
  } while (advance(k, e->rdim, e->nred, -1));
  return r;
}

/* all elements of e, or (axis >= 0) those with `at` on that axis */
static void fill(const cx_graph *g, const cx_eq *e, const list *l, int axis, int64_t where, double *const *value) {
  int64_t at[2 * CX_MAX_RANK] = {0};
  if (empty(e->dim, e->rank) || (axis >= 0 && where >= e->dim[axis].n)) return;
  if (axis >= 0) at[axis] = where;
  do {
    int64_t place = 0;
    for (int k = 0; k < e->rank; k++) place = place * e->dim[k].n + at[k];
    value[e->id][place] = element(g, e, l, at, value);
  } while (advance(at, e->dim, e->rank, axis));
}

_Noreturn static void fail(const cx_graph *g, const cx_eq *e, const char *message) {
  cx_diag(g->ctx, CX_ERROR, CX_E_RUNTIME, e->span, "`%s`: %s", e->name, message);
  cx_throw(g->ctx, CX_E_RUNTIME);
}

static void primitive(const cx_graph *g, cx_arena *a, const cx_eq *e, double *const *value) {
  const cx_eq *arg[CX_PRIM_ARGS];
  const double *in[CX_PRIM_ARGS];
  for (int k = 0; k < e->nprim_arg; k++) arg[k] = g->eq[e->prim_arg[k]], in[k] = value[e->prim_arg[k]];
  if (e->integrand) {
    const char *what = NULL;
    const cx_quadrature *q = cx_quadrature_new(a, e, true, NULL);
    if (cx_quadrature_run(q, cx_quadrature_work_new(a, q), INT64_MAX, in, value[e->id], &what)) fail(g, e, what);
    return;
  }
  size_t n = e->prim->scratch_size ? e->prim->scratch_size(arg) : 0;
  const char *why = "it has no value here";
  if (e->prim->eval(e, arg, in, value[e->id], CX_NEW_N(a, double, n + 1), &why)) fail(g, e, why);
}

static void input(const cx_graph *g, const cx_eq *e, const cx_array *x, double *to) {
  int64_t at[CX_MAX_RANK] = {0}, i = 0;
  bool fits = x->rank == e->rank;
  for (int k = 0; k < e->rank && fits; k++) fits = x->dim[k] == e->dim[k].n;
  if (!fits) fail(g, e, "the array bound to it has another shape");
  if (empty(e->dim, e->rank)) return;
  do to[i++] = cx_array_get(x, at);
  while (advance(at, e->dim, e->rank, -1));
}

static void component(const cx_graph *g, cx_arena *a, const cx_comp *c, double *const *value) {
  list *l = CX_NEW_N(a, list, c->n);
  int64_t steps = 0;
  for (int i = 0; i < c->n; i++) {
    const cx_eq *e = g->eq[c->eq[i]];
    if (e->kind == EQ_CALC) l[i] = listing(g, a, e->body);
    if (c->dir && e->dim[c->axis[i]].n > steps) steps = e->dim[c->axis[i]].n;
  }
  if (!c->dir) {
    const cx_eq *e = g->eq[c->eq[0]];
    if (e->kind == EQ_CALC) fill(g, e, &l[0], -1, 0, value);
    else if (e->kind == EQ_PRIM) primitive(g, a, e, value);
    return;
  }
  for (int64_t t = 0; t < steps; t++)
    for (int i = 0; i < c->n; i++) fill(g, g->eq[c->eq[i]], &l[i], c->axis[i], c->dir > 0 ? t : steps - 1 - t, value);
}

/* a copy of g, the same numbers, in which every integral has an integrand of its own; g itself when it has none */
static const cx_graph *outlined(const cx_graph *g, cx_arena *a) {
  bool any = false;
  for (int i = 0; i < g->neq; i++) any |= cx_is_integral(g->eq[i]);
  if (!any) return g;
  uint32_t *all = CX_NEW_N(a, uint32_t, g->neq);
  for (int i = 0; i < g->neq; i++) all[i] = (uint32_t)i;
  cx_graph *copy = cx_extract(g, a, all, g->neq, NULL);
  copy->nout = 0;
  for (int i = 0; i < g->nout; i++) cx_graph_output(copy, g->out[i]);
  cx_outline(copy, false);
  return copy;
}

void cx_ref_run(const cx_graph *g, cx_arena *a, const cx_array *in, double **out) {
  g = outlined(g, a);
  double **value = CX_NEW_N(a, double *, g->neq + 1);
  int64_t total = 0, *count = CX_NEW_N(a, int64_t, g->neq + 1);
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    int64_t n = 1;
    for (int k = 0; k < e->rank; k++)
      if (__builtin_mul_overflow(n, e->dim[k].n, &n)) n = INT64_MAX;
    if (n > MAX_ELEMENTS || (total += n) > MAX_ELEMENTS)
      fail(g, e, "too large for the reference evaluator, which keeps every equation in memory");
    count[i] = n;
  }
  cx_comp *comp;
  int ncomp;
  if (!cx_scc(g, a, &comp, &ncomp)) cx_throw(g->ctx, CX_E_PROGRAM);
  for (int i = 0; i < g->neq; i++) {
    value[i] = CX_NEW_N(a, double, count[i] + 1);
    if (g->eq[i]->kind == EQ_INPUT) input(g, g->eq[i], in++, value[i]);
  }
  for (int k = 0; k < ncomp; k++) component(g, a, &comp[k], value);
  for (int i = 0; i < g->nout; i++) out[i] = value[g->out[i]];
}
