/* segment_eq.c - the equations of one segment: bodies over its local time, its carries in and out, the slices that it
 * reads of what lies outside of time. */
#include <math.h>
#include <string.h>

#include "back/exec.h"
#include "back/segment_int.h"

static slice *slice_of(cx_segments *s, uint32_t eq, int dim) {
  for (int k = 0; k < s->slice.n; k++)
    if (s->slice.at[k].eq == eq && s->slice.at[k].dim == dim) return &s->slice.at[k];
  return NULL;
}
/* the dimension of a load of no sequence that follows time, or -1 */
static int sliced(const cx_segments *s, const cx_eq *e, const cx_node *n, int slot, int64_t *c) {
  if (s->fact[e->id].axis < 0 || sequence(s, n->u.eq)) return -1;
  for (int d = 0; d < n->nargs; d++) {
    int k = slot;
    if (s->g->eq[n->u.eq]->dim[d].n >= LEAST_STEPS && cx_seg_follows(n->arg[d], &k, c)) return d;
  }
  return -1;
}
/* Is a summand a product with a factor that is 0 outside the sum's time? Then it needs no condition, and stays what the
 * matrix kernels know. */
static bool vanishing(const cx_segments *s, cx_scratch *w, const cx_eq *e, const cx_node *n, bool *zero) {
  int axis = s->fact[e->id].axis, slot = axis, d = 0;
  int64_t c;
  if (!(n->free_lo >> axis & 1) || !cx_once(w, n)) return true;
  if (n->op == OP_mul) return vanishing(s, w, e, n->arg[0], zero) && vanishing(s, w, e, n->arg[1], zero);
  if (n->op == OP_neg) return vanishing(s, w, e, n->arg[0], zero);
  if (n->op != OP_load) return false;
  if (sequence(s, n->u.eq)) cx_seg_follows(n->arg[d = s->fact[n->u.eq].axis], &slot, &c);
  else if ((d = sliced(s, e, n, slot, &c)) < 0) return false;
  for (int k = 0; k < n->nargs; k++)
    if (k != d && (n->arg[k]->free_lo >> axis & 1)) return false;
  *zero |= c <= 0 && s->g->eq[n->u.eq]->dim[d].n - c <= length(s, e->id);
  return true;
}
static void guard_load(void *user, const cx_node *n) {
  cx_segments *s = user;
  if (n->op == OP_load && sequence(s, n->u.eq)) s->fact[n->u.eq].guard = true;
}
static void find_vanishing(cx_segments *s) {
  for (int k = 0; k < s->neq; k++) {
    const cx_eq *e = s->g->eq[k];
    bool zero = false;
    if (!reduction(s, (uint32_t)k) || e->red != RED_sum) continue;
    cx_scratch *w = cx_scratch_take(s->g);
    zero = vanishing(s, w, e, e->body, &zero) && zero;
    cx_scratch_give(s->g, w);
    if (!zero) continue;
    s->fact[k].vanish = true;
    cx_visit(s->g, e->body, guard_load, s);
  }
}

static void collect_slice(void *user, const cx_node *n) {
  cx_segments *s = user;
  int64_t c;
  if (n->op != OP_load) return;
  int d = sliced(s, s->at, n, s->fact[s->at->id].axis, &c);
  if (d < 0) return;
  c += offset(s, s->at->id) + (with_halo(s, s->at->id) ? s->back : 0);
  slice *x = slice_of(s, n->u.eq, d);
  if (!x) *(x = CX_PUSH(s->a, s->slice)) = (slice){.eq = n->u.eq, .dim = d, .lo = c, .hi = c};
  if (c < x->lo) x->lo = c;
  if (c > x->hi) x->hi = c;
}

static uint32_t new_input(cx_segments *s, const cx_eq *like, int dim, int64_t n) {
  cx_eq *e = cx_eq_new(s->g, like->name, EQ_INPUT);
  e->rank = like->rank;
  memcpy(e->dim, like->dim, sizeof e->dim);
  if (dim >= 0) e->dim[dim] = (cx_dim){n, NULL};
  e->integer = like->integer;
  e->lo = fmin(like->lo, 0), e->hi = fmax(like->hi, 0);
  return e->id;
}

/* loads in a body whose time slot has become slot + TIME + offset */
static const cx_node *load_local(void *user, cx_graph *g, const cx_node *n) {
  cx_segments *s = user;
  if (n->op != OP_load || (int)n->u.eq >= s->neq) return n;
  uint32_t p = n->u.eq;
  const fact *f = &s->fact[s->at->id], *q = &s->fact[p];
  const cx_node *sub[CX_MAX_RANK];
  memcpy(sub, n->arg, (size_t)n->nargs * sizeof *sub);
  bool seq = sequence(s, p);
  int dim = -1;
  int64_t c = 0, coef[32];
  for (int d = 0; f->axis >= 0 && d < n->nargs && dim < 0; d++) {
    if (seq ? d != q->axis : g->eq[p]->dim[d].n < LEAST_STEPS) continue;
    if (!cx_affine(n->arg[d], &c, coef) || coef[TIME] != 1 || coef[f->axis] != 1) continue;
    coef[TIME] = coef[f->axis] = 0;
    bool alone = true;
    for (int k = 0; k < 32; k++) alone &= !coef[k];
    if (alone) dim = d;
  }
  if (dim < 0) {
    if (g->eq[p]->kind == EQ_INPUT) return n;
    bool here = f->axis < 0 && !reduction(s, p) && q->phase == f->phase;
    return cx_load(g, (uint32_t)(here ? q->local : q->input), sub, n->nargs);
  }
  const slice *x = seq ? NULL : slice_of(s, p, dim);
  c += seq ? q->shift + (with_halo(s, p) ? s->back : 0) : -x->lo;
  sub[dim] = cx_op2(g, OP_add, cx_index(g, f->axis), cx_const(g, (double)c));
  return cx_load(g, seq ? (uint32_t)q->local : x->input, sub, n->nargs);
}

static void make_local(cx_segments *s, uint32_t id) {
  cx_graph *g = s->g;
  const cx_eq *e = s->at = g->eq[id];
  fact *f = &s->fact[id];
  cx_eq *l = g->eq[f->local];
  if (f->axis < 0) {
    if (e->kind == EQ_CALC) l->body = cx_rewrite(g, e->body, load_local, s);
    for (int k = 0; k < e->nprim_arg; k++) {
      const fact *q = &s->fact[e->prim_arg[k]];
      if (g->eq[e->prim_arg[k]]->kind != EQ_INPUT)
        l->prim_arg[k] = (uint32_t)(q->phase == f->phase && !reduction(s, e->prim_arg[k]) ? q->local : q->input);
    }
    return;
  }
  const cx_node *here = cx_index(g, f->axis), *start = cx_load(g, s->start, NULL, 0);
  const cx_node *i = cx_op2(g, OP_add, cx_op2(g, OP_add, here, cx_index(g, TIME)), cx_const(g, (double)offset(s, id)));
  int64_t slot = f->axis, time = TIME;
  const cx_node *body = cx_rewrite(g, cx_subst(g, e->body, &slot, &i, 1), load_local, s);
  const cx_node *in =
      cx_op2(g, OP_and, cx_op2(g, OP_le, cx_const(g, 0), i), cx_op2(g, OP_lt, i, cx_const(g, (double)length(s, id))));
  in = cx_subst(g, in, &time, &start, 1);
  body = cx_subst(g, body, &time, &start, 1);
  if (reduction(s, id)) {
    l->body = f->vanish ? body : cx_op3(g, OP_select, in, body, cx_const(g, cx_red_start[e->red]));
    return;
  }
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
  if (e->red != RED_none && (f->keep || f->guard)) { /* the reduction by itself */
    cx_eq *r = cx_eq_new(g, e->name, EQ_CALC);
    uint32_t keep = r->id;
    *r = *l;
    r->id = keep;
    r->body = body;
    r->lo = -INFINITY, r->hi = INFINITY;
    l->red = RED_none, l->nred = 0;
    body = cx_load(g, r->id, sub, e->rank);
  }
  if (f->guard) body = cx_op3(g, OP_select, in, body, cx_const(g, 0));
  if (f->keep) {
    bool up = f->phase == UP;
    const cx_node *own = cx_op2(g, OP_lt, here, cx_const(g, (double)(up ? s->back : s->B)));
    if (!up) sub[f->axis] = cx_op2(g, OP_sub, here, cx_const(g, (double)s->B));
    const cx_node *carry = cx_load(g, (uint32_t)f->input, sub, e->rank);
    body = up ? cx_op3(g, OP_select, own, carry, body) : cx_op3(g, OP_select, own, body, carry);
    cx_eq *edge = cx_eq_new(g, e->name, EQ_CALC); /* its rows that the next segment reads */
    edge->rank = e->rank;
    memcpy(edge->dim, e->dim, sizeof edge->dim);
    edge->dim[f->axis] = (cx_dim){up ? s->back : s->ahead, NULL};
    for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
    if (up) sub[f->axis] = cx_op2(g, OP_add, here, cx_const(g, (double)s->B));
    edge->body = cx_load(g, l->id, sub, e->rank);
    f->edge = (int32_t)edge->id;
  }
  l->body = body;
}

static void read_later(void *user, const cx_node *n) {
  cx_segments *s = user;
  if (n->op != OP_load || s->g->eq[n->u.eq]->kind == EQ_INPUT || sequence(s, n->u.eq)) return;
  if (s->fact[n->u.eq].phase != s->fact[s->at->id].phase) s->fact[n->u.eq].value = true;
}

void cx_seg_equations(cx_segments *s) {
  find_vanishing(s);
  cx_graph *g = s->g;
  cx_eq *start = cx_eq_new(g, cx_intern_z(s->ctx, "segment.start"), EQ_INPUT);
  start->integer = true;
  start->lo = 0, start->hi = (double)(s->count * s->B);
  s->start = start->id;
  for (int k = 0; k < g->nout; k++) s->fact[g->out[k]].value = true;
  for (int k = 0; k < s->neq; k++) {
    const cx_eq *e = s->at = g->eq[k];
    if (e->kind == EQ_CALC) cx_visit(g, e->body, read_later, s), cx_visit(g, e->body, collect_slice, s);
    for (int j = 0; j < e->nprim_arg; j++)
      s->fact[e->prim_arg[j]].value |= s->fact[e->prim_arg[j]].phase != s->fact[k].phase;
    if (reduction(s, (uint32_t)k)) s->fact[k].value = true;
  }
  for (int k = 0; k < s->slice.n; k++) {
    slice *x = &s->slice.at[k];
    x->input = new_input(s, g->eq[x->eq], x->dim, s->B + x->hi - x->lo);
    if (g->eq[x->eq]->kind != EQ_INPUT) s->fact[x->eq].value = true;
  }
  for (int k = 0; k < s->neq; k++) {
    fact *f = &s->fact[k];
    if (g->eq[k]->kind == EQ_INPUT) continue;
    cx_eq *l = cx_eq_new(g, g->eq[k]->name, (cx_eq_kind)g->eq[k]->kind);
    const cx_eq *e = g->eq[k];
    uint32_t id = l->id;
    *l = *e;
    l->id = id;
    f->local = (int32_t)id;
    if (f->axis >= e->rank) l->rdim[f->axis - e->rank] = (cx_dim){s->B, NULL}, l->lo = -INFINITY, l->hi = INFINITY;
    else if (f->axis >= 0) {
      l->dim[f->axis] = (cx_dim){s->B + (f->phase == UP ? s->back : s->ahead), NULL};
      l->lo = fmin(l->lo, 0), l->hi = fmax(l->hi, 0); /* 0 outside of time */
    }
    if (f->axis < 0 || f->axis >= e->rank) f->input = (int32_t)new_input(s, e, -1, 0);
    else if (f->keep) f->input = (int32_t)new_input(s, e, f->axis, f->phase == UP ? s->back : s->ahead);
  }
  for (int k = 0; k < s->neq; k++)
    if (g->eq[k]->kind != EQ_INPUT) make_local(s, (uint32_t)k);
}
