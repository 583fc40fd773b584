/* unroll.c - a sum over few places, each with a known number, is written out, as is the greatest of few.
 *
 * sum(u < 3, v < 3) kernel[u, v] * img[y + u, x + v], kernel a table of numbers, becomes img[y, x + 2] - img[y, x] + ..:
 * zeros vanish, ones cost nothing, and the back end sees a linear combination of shifted rows (lower_linear.c). The
 * numbers may be computed: samples of a Gaussian over their sum are. A window whose greatest value is wanted, but not its
 * place, is read once then, too. What is written out is bounded, whatever the sizes of the arrays are. */
#include "pass/eqs.h"
#include <math.h>

/* terms of a sum; places of a window; elements of a table, evaluations in all */
enum { PLACES = 64, WINDOW = 16, TABLE = 4096, WORK = 100000 };

typedef struct {
  cx_graph *g;
  cx_arena *tmp;
  const bool *cyclic;
  double **value; /* by equation: the elements known so far, NaN: not yet */
  int64_t budget;
} unroller;

static int64_t count(const cx_dim *dim, int n) {
  double c = 1;
  for (int k = 0; k < n; k++) c *= (double)dim[k].n;
  return c > 1e15 ? (int64_t)1e15 : (int64_t)c;
}

static const cx_node *at_place(unroller *u, const cx_node *body, int first, const cx_dim *dim, int n, int64_t place);

/* element `place` of an equation that depends on no input, NULL: it is none such */
static const cx_node *number(unroller *u, const cx_eq *e, int64_t place) {
  int64_t size = count(e->dim, e->rank), terms = count(e->rdim, e->nred);
  if (e->kind != EQ_CALC || u->cyclic[e->id] || size > TABLE || terms > TABLE || e->red > RED_min) return NULL;
  if (!u->value[e->id]) {
    u->value[e->id] = CX_NEW_N(u->tmp, double, size + 1);
    for (int64_t k = 0; k < size; k++) u->value[e->id][k] = NAN;
  }
  double *known = &u->value[e->id][place];
  if (!isnan(*known)) return cx_const(u->g, *known);
  const cx_node *body = at_place(u, e->body, 0, e->dim, e->rank, place), *sum = NULL;
  static const cx_op join[] = {[RED_sum] = OP_add, [RED_prod] = OP_mul, [RED_max] = OP_max, [RED_min] = OP_min};
  for (int64_t k = 0; body && k < terms; k++) {
    const cx_node *t = e->nred ? at_place(u, body, e->rank, e->rdim, e->nred, k) : body;
    if (!t || t->op != OP_const) return NULL;
    sum = sum ? cx_op2(u->g, join[e->red], sum, t) : t;
  }
  if (!sum || sum->op != OP_const) return NULL;
  *known = sum->u.num;
  return sum;
}

static const cx_node *known_load(void *user, cx_graph *g, const cx_node *n) {
  unroller *u = user;
  int64_t place = 0;
  if (n->op != OP_load) return n;
  const cx_eq *e = g->eq[n->u.eq];
  for (int k = 0; k < n->nargs; k++) {
    if (n->arg[k]->op != OP_const) return n;
    double at = n->arg[k]->u.num;
    if (!(at >= 0 && at < (double)e->dim[k].n) || at != floor(at)) return n;
    place = place * e->dim[k].n + (int64_t)at;
  }
  const cx_node *v = number(u, e, place);
  return v ? v : n;
}

/* body where the n slots from `first` on are the row-major number `place`; NULL: that is enough */
static const cx_node *at_place(unroller *u, const cx_node *body, int first, const cx_dim *dim, int n, int64_t place) {
  int64_t slot[CX_MAX_RANK];
  const cx_node *to[CX_MAX_RANK];
  if (u->budget-- < 0) return NULL;
  for (int k = n - 1; k >= 0; k--) {
    slot[k] = first + k, to[k] = cx_const(u->g, (double)(place % dim[k].n));
    place /= dim[k].n;
  }
  return cx_rewrite(u->g, cx_subst(u->g, body, slot, to, n), known_load, u);
}

/* is there a factor, of the sum or of one of its terms, that is a number at every place? */
static bool table_below(unroller *u, cx_scratch *w, const cx_eq *e, const cx_node *n) {
  if (!cx_once(w, n)) return false;
  if (n->free_lo && !(n->free_lo & ~cx_reduced_mask(e)) && (!n->has_load || n->op == OP_load)) {
    const cx_node *first = at_place(u, n, e->rank, e->rdim, e->nred, 0);
    return first && first->op == OP_const;
  }
  bool arithmetic = n->op == OP_mul || n->op == OP_div || n->op == OP_neg || n->op == OP_add || n->op == OP_sub;
  for (int k = n->op == OP_select; k < n->nargs && (arithmetic || n->op == OP_select); k++)
    if (table_below(u, w, e, n->arg[k])) return true;
  return false;
}
static bool has_table(unroller *u, const cx_eq *e) {
  cx_scratch *w = cx_scratch_take(u->g);
  bool yes = table_below(u, w, e, e->body);
  cx_scratch_give(u->g, w);
  return yes;
}

/* a window over another array, all of it inside, whose place nobody asks for: that is found in one go with the value */
static bool window(const unroller *u, const cx_eq *e) {
  const cx_node *b = e->body;
  if (b->op != OP_load || e->nred < 1 || count(e->rdim, e->nred) > WINDOW) return false;
  for (int k = 0; k < b->nargs; k++) {
    const cx_node *at = b->arg[k];
    if (at->has_load || !cx_in_range(u->g, at, u->g->eq[b->u.eq]->dim[k].n, e)) return false;
    if (at->free_lo && !(at->free_lo & ~cx_reduced_mask(e))) return false; /* a whole axis: no window moves there */
  }
  for (int k = 0; k < u->g->neq; k++)
    if (u->g->eq[k]->kind == EQ_CALC && u->g->eq[k]->red >= RED_argmax && u->g->eq[k]->body == b) return false;
  return true;
}

static void write_out(unroller *u, cx_eq *e) {
  int64_t places = count(e->rdim, e->nred);
  if (places < 2 || places > PLACES || count(e->dim, e->rank) < PLACES) return;
  if (!(e->red == RED_sum ? has_table(u, e) : window(u, e))) return;
  const cx_node *sum = e->red == RED_sum ? cx_const(u->g, 0) : NULL;
  cx_op join = e->red == RED_sum ? OP_add : e->red == RED_max ? OP_max : OP_min;
  for (int64_t k = 0; k < places; k++) {
    const cx_node *t = at_place(u, e->body, e->rank, e->rdim, e->nred, k);
    if (!t) return;
    sum = sum ? cx_op2(u->g, join, sum, t) : t;
  }
  e->red = RED_none, e->nred = 0;
  e->body = sum;
}

void cx_pass_unroll(cx_graph *g) {
  cx_arena *a = cx_arena_new(g->ctx);
  cx_eq_order o = cx_order(g, a);
  unroller u = {.g = g, .tmp = a, .cyclic = o.cyclic, .value = CX_NEW_N(a, double *, g->neq + 1), .budget = WORK};
  for (int i = 0; i < o.n; i++) {
    cx_eq *e = g->eq[o.order[i]];
    if (e->kind == EQ_CALC && (e->red == RED_sum || e->red == RED_max || e->red == RED_min) && !o.cyclic[e->id])
      write_out(&u, e);
  }
  cx_arena_free(a);
  cx_pass_inline(g); /* what is no sum any more may go into its user */
}
