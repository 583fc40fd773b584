/* elab_diff.c - derivatives as expressions: d(e, x), f'(x), and e at x = a.
 *
 * A derivative is taken by an equation, the leaf. A name that stands for an expression (a function's argument, say) is
 * given an equation first, and e is elaborated again in terms of it. Indices of the scope around (the context) are
 * parallel instances: instance i of e depends on instance i of the leaf alone, so they take no part in the Jacobian. */
#include <string.h>

#include "front/elab.h"
#include "pass/pass.h"

static int context_slots(cx_elab *E, cx_val v, int64_t *slot) {
  int64_t all[32];
  int n = cx_free_slots(E, v.e, all, 32), k = 0;
  for (int j = 0; j < n && k < CX_MAX_RANK; j++) {
    bool own = false;
    for (int d = 0; d < v.rank; d++) own |= v.slot[d] == all[j];
    if (!own) slot[k++] = all[j];
  }
  return k;
}

static cx_val read_eq(cx_elab *E, uint32_t eq, const int64_t *ctx, int nctx, cx_span s) {
  const cx_eq *e = E->g->eq[eq];
  cx_val v = {.rank = (uint8_t)(e->rank - nctx), .span = s};
  const cx_node *sub[CX_MAX_RANK];
  for (int k = 0; k < nctx; k++) sub[k] = cx_index(E->g, ctx[k]);
  for (int k = 0; k < v.rank; k++) {
    v.dim[k] = e->dim[nctx + k];
    v.slot[k] = cx_var_range(E, NULL, 0, v.dim[k].n - 1, v.dim[k].name);
    sub[nctx + k] = cx_index(E->g, v.slot[k]);
  }
  v.e = cx_load(E->g, eq, sub, e->rank);
  return v;
}

/* the leaf behind a binding: its equation and that equation's context. Gives it one when it has none. */
static bool leaf_of(cx_elab *E, cx_binding *b, uint32_t *leaf, int64_t *ctx, int *nctx) {
  if (b->leaf != CX_NO_EQ) { /* a global: data, param, definition, or `at` */
    *leaf = b->leaf;
    *nctx = context_slots(E, b->v, ctx);
    return true;
  }
  *nctx = context_slots(E, b->v, ctx);
  b->v = cx_v_store(E, b->v, b->name, leaf);
  if (*leaf == CX_NO_EQ) return false;
  b->leaf = *leaf;
  return true;
}

typedef struct {
  const cx_graph *g;
  bool *flag; /* of equations */
  bool hit;
} look;
static void see_deep(void *user, const cx_node *n) {
  look *s = user;
  bool plain = n->op == OP_load ? s->g->eq[n->u.eq]->kind == EQ_INPUT || s->flag[n->u.eq]
                                : n->op != OP_exp && n->op != OP_exp2 && n->op != OP_logistic;
  s->hit |= !plain;
}
/* The passes before a derivative write equations anew, and open others there. What the derivative is taken by, here or
 * further out, is not looked through: what reads it goes on reading it. Nor are numbers and tables that the program names,
 * in which there is no exponential to be seen: the next derivative may be by one of these. */
static void prepare(cx_elab *E, uint32_t leaf) {
  cx_graph *g = E->g;
  cx_arena *a = cx_arena_new(E->ctx);
  int n = g->neq;
  cx_eq *was = CX_NEW_N(a, cx_eq, n + 1);
  look cut = {g, CX_NEW_N(a, bool, n + 1), false};
  for (int k = 0; k < n; k++) {
    const cx_eq *e = g->eq[k];
    was[k] = *e;
    cut.hit = e->kind != EQ_CALC || !e->name || e->red != RED_none || e->inert || (e->rank && e->body->has_load);
    if (!cut.hit) cx_visit(g, e->body, see_deep, &cut);
    cut.flag[k] = !cut.hit;
  }
  for (int k = 0; k < E->by.n; k++) cut.flag[E->by.at[k]] = true;
  cut.flag[leaf] = true;
  for (int k = 0; k < n; k++) {
    cx_eq *e = g->eq[k];
    if (!cut.flag[k]) continue;
    e->constant |= e->kind == EQ_CALC && !e->body->has_load;
    e->kind = EQ_INPUT;
    e->red = RED_none;
    e->nred = 0;
    e->body = NULL;
    e->prim = NULL;
    e->nprim_arg = 0;
  }
  cx_prepare(g);
  for (int k = 0; k < n; k++)
    if (cut.flag[k]) *g->eq[k] = was[k];
  cx_arena_free(a);
}

/* derivative of value e by the leaf, as a value in the context of e */
static cx_val derive(cx_elab *E, cx_val e, uint32_t leaf, const int64_t *lctx, int nlctx, int own, cx_span s) {
  int64_t ctx[CX_MAX_RANK];
  int nctx = context_slots(E, e, ctx);
  uint32_t of;
  e = cx_v_store(E, e, NULL, &of);
  if (e.bad) return e;
  if (of == CX_NO_EQ) { /* a range around is not known yet: only the shape counts */
    for (int k = 0; k < own; k++)
      e.dim[e.rank] = E->g->eq[leaf]->dim[nlctx + k],
      e.slot[e.rank] = cx_var_range(E, NULL, 0, e.dim[e.rank].n - 1, NULL), e.rank++;
    e.e = cx_const(E->g, 0);
    return e;
  }
  prepare(E, leaf);
  E->g->at = s;
  bool inside = true; /* context of e within that of the leaf? then one reverse sweep serves all instances */
  for (int k = 0; k < nctx; k++) {
    bool in = false;
    for (int j = 0; j < nlctx; j++) in |= lctx[j] == ctx[k];
    inside &= in;
  }
  if (e.rank == 0 && own > 0 && inside) {
    uint32_t out;
    cx_diff_reverse(E->g, of, CX_NO_COT, &leaf, 1, &out);
    *CX_PUSH(E->arena, E->derivative) = (cx_derivative){of, leaf, out, nlctx, true, s};
    return read_eq(E, out, lctx, nlctx, s);
  }
  uint32_t out = cx_diff_forward(E->g, of, leaf, nlctx);
  *CX_PUSH(E->arena, E->derivative) = (cx_derivative){of, leaf, out, nlctx, false, s};
  return read_eq(E, out, ctx, nctx, s);
}

static void not_a_leaf(cx_elab *E, const cx_ast *x) {
  int id = cx_error(E->ctx, x->span, "a derivative is taken by a name: d(e, x)");
  cx_diag_help(E->ctx, id, "give this expression a name first, and write e in terms of it");
}

cx_val cx_elab_d(cx_elab *E, const cx_ast *x) {
  if (x->nkid != 2) {
    cx_error(E->ctx, x->span, "d takes an expression and the name it is differentiated by: d(e, x)");
    return cx_v_bad(x->span);
  }
  const cx_ast *by = x->kid[1], *sub = NULL;
  if (by->kind == A_SUBSCRIPT && by->kid[0]->kind == A_NAME) sub = by, by = by->kid[0];
  if (by->kind != A_NAME) {
    not_a_leaf(E, by);
    return cx_v_bad(x->span);
  }
  cx_binding *b = cx_lookup(E, by->name, false);
  if (!b) {
    int id = cx_error(E->ctx, by->span, "`%s` has no value here", by->name);
    cx_diag_help(E->ctx, id, "give it one: d(.., %s) at %s = 1", by->name, by->name);
    return cx_v_bad(x->span);
  }
  if (b->kind == B_LATER || b->maker || (b->kind == B_INDEX)) {
    int id = cx_error(E->ctx, by->span, "`%s` is %s; a derivative is taken by a real quantity", by->name,
                      b->kind == B_INDEX ? "an index"
                      : b->maker         ? "a size"
                                         : "defined below");
    cx_diag_label(E->ctx, id, b->span, "defined here");
    return cx_v_bad(x->span);
  }
  if (b->v.bad) return b->v;
  /* a binding of its own, so that only e sees the leaf */
  cx_binding *env = E->env, *mine = b;
  if (b->leaf == CX_NO_EQ) {
    mine = cx_bind_name(E, b->name, B_VALUE, b->span);
    mine->v = b->v;
    mine->decl = b->decl;
  }
  uint32_t leaf;
  int64_t ctx[CX_MAX_RANK];
  int nctx, own = b->v.rank;
  cx_val r;
  bool have = leaf_of(E, mine, &leaf, ctx, &nctx);
  if (have) *CX_PUSH(E->arena, E->by) = leaf;
  cx_val e = cx_elab_expr(E, x->kid[0]);
  E->by.n -= have;
  if (e.bad) r = e;
  else if (!have) { /* probing, with ranges unknown */
    for (int k = 0; k < own; k++)
      e.dim[e.rank] = b->v.dim[k], e.slot[e.rank] = cx_var_range(E, NULL, 0, b->v.dim[k].n - 1, NULL), e.rank++;
    e.e = cx_const(E->g, 0);
    r = e;
  } else r = derive(E, e, leaf, ctx, nctx, own, x->span);
  E->env = env;
  if (!sub || r.bad) return r;
  cx_val at[CX_MAX_RANK];
  bool all[CX_MAX_RANK] = {0};
  int lead = r.rank - own, n = sub->nkid - 1;
  for (int k = 0; k < lead; k++) all[k] = true;
  for (int k = 0; k < n && lead + k < CX_MAX_RANK; k++) {
    if (sub->kid[k + 1]->kind == A_ALL) {
      all[lead + k] = true;
      continue;
    }
    at[lead + k] = cx_elab_expr(E, sub->kid[k + 1]);
    if (at[lead + k].bad) return at[lead + k];
  }
  return cx_v_subscript(E, r, at, all, lead + n, x->span, by->name);
}

/* f'(arg) of a function of the program, or of an op (f NULL) */
cx_val cx_elab_primes(cx_elab *E, const cx_ast *x, cx_binding *f, cx_op op, cx_val arg) {
  if (arg.bad) return arg;
  int64_t ctx[CX_MAX_RANK];
  int nctx = context_slots(E, arg, ctx);
  uint32_t leaf;
  cx_val v = cx_v_store(E, arg, cx_intern_z(E->ctx, "x"), &leaf);
  if (leaf != CX_NO_EQ) *CX_PUSH(E->arena, E->by) = leaf;
  cx_val r = f ? cx_apply(E, f, &v, 1, x) : cx_v_map(E, op, &v, 1, x->span);
  E->by.n -= leaf != CX_NO_EQ;
  if (r.bad || leaf == CX_NO_EQ) return r;
  for (int k = 0; k < x->primes; k++) {
    if (r.rank == v.rank && v.rank > 0) {
      /* elementwise: every element is an instance of its own */
      const cx_node *sub[CX_MAX_RANK];
      for (int d = 0; d < r.rank; d++) sub[d] = cx_index(E->g, v.slot[d]);
      int64_t inst[CX_MAX_RANK];
      memcpy(inst, ctx, sizeof inst);
      for (int d = 0; d < v.rank; d++) inst[nctx + d] = v.slot[d];
      r.e = cx_v_at(E, r, sub);
      r.rank = 0;
      r = derive(E, r, leaf, inst, nctx + v.rank, 0, x->span);
      r.rank = v.rank;
      memcpy(r.slot, v.slot, sizeof r.slot);
      memcpy(r.dim, v.dim, sizeof r.dim);
    } else r = derive(E, r, leaf, ctx, nctx, v.rank, x->span);
    if (r.bad) return r;
  }
  return r;
}

cx_val cx_elab_at(cx_elab *E, const cx_ast *x) {
  cx_binding *env = E->env;
  int n = x->nkid - 1;
  uint32_t *from = CX_NEW_N(E->arena, uint32_t, 2 * n), *to = CX_NEW_N(E->arena, uint32_t, 2 * n),
           *set = CX_NEW_N(E->arena, uint32_t, n);
  int nmove = 0;
  cx_val *v = CX_NEW_N(E->arena, cx_val, n);
  for (int k = 0; k < n; k++) { /* the values are read in the scope around: simultaneous */
    v[k] = cx_elab_expr(E, x->kid[k + 1]->kid[0]);
    if (v[k].bad) return v[k];
  }
  for (int k = 0; k < n; k++) {
    const cx_ast *b = x->kid[k + 1];
    cx_binding *old = cx_lookup(E, b->name, false);
    uint32_t eq;
    cx_val stored = cx_v_store(E, v[k], b->name, &eq);
    set[k] = eq;
    if (old && old->leaf != CX_NO_EQ &&
        eq != CX_NO_EQ) { /* known above: what reads it is read again at the new value */
      const cx_eq *was = E->g->eq[old->leaf], *is = E->g->eq[eq];
      bool same = was->rank == is->rank;
      for (int d = 0; d < was->rank && same; d++) same = was->dim[d].n == is->dim[d].n;
      if (!same) {
        int id = cx_error(E->ctx, b->span, "`%s` has shape %s, but is given %s", b->name, cx_v_shape(E, old->v),
                          cx_v_shape(E, v[k]));
        cx_diag_label(E->ctx, id, old->span, "declared here");
        E->env = env;
        return cx_v_bad(x->span);
      }
      from[nmove] = old->leaf;
      to[nmove++] = eq;
      continue;
    }
    cx_binding *bind = cx_bind_name(E, b->name, B_VALUE, b->name_span);
    bind->v = stored;
    bind->leaf = eq;
  }
  cx_val r = cx_elab_expr(E, x->kid[0]);
  E->env = env;
  if (r.bad || !nmove) return r;
  int64_t ctx[CX_MAX_RANK];
  int nctx = context_slots(E, r, ctx);
  uint32_t of;
  r = cx_v_store(E, r, NULL, &of);
  if (r.bad || of == CX_NO_EQ) return r;
  for (int k = 0, known = nmove; k < n; k++) { /* the new values are not read again themselves */
    bool moved = set[k] == CX_NO_EQ;
    for (int j = 0; j < known; j++) moved |= from[j] == set[k];
    if (!moved) from[nmove] = to[nmove] = set[k], nmove++;
  }
  return read_eq(E, cx_replace(E->g, of, from, to, nmove), ctx, nctx, x->span);
}
