/* diff_forward.c - tangent equations. For every equation e on a path from the leaves,
 *   e_dot[i, q] = red(k) sum over loads of d body / d load * load_dot[subscripts, q],
 * q the indices of the leaf (Jacobian) or none (direction). A load of the leaf itself is the Kronecker delta
 * of its subscripts and q; the delta pass turns sums over it into subscripts. */
#include "pass/diff.h"
#include "pass/integral.h"

#include <string.h>

typedef struct {
  cx_graph *g;
  const uint8_t *mark;
  const uint32_t *tangent; /* by equation id; CX_NO_COT: none */
  const cx_node **d;       /* derivative by node id */
  bool *below;             /* by node id: something below has a thin tangent */
  const bool *thin;        /* by equation id */
  const cx_eq *of;         /* the equation being differentiated, for ranges of its indices */
  const cx_node *const *q; /* index nodes of the leaf's dimensions behind the batch */
  int nq, batch;
} fwd;

static void forward_node(void *user, const cx_node *n) {
  fwd *f = user;
  cx_graph *g = f->g;
  const cx_node *d = NULL;
  if (n->op == OP_load) {
    if (f->mark[n->u.eq] & 1) {
      if (f->tangent[n->u.eq] != CX_NO_COT) {
        const cx_node *sub[2 * CX_MAX_RANK];
        memcpy(sub, n->arg, n->nargs * sizeof *sub);
        memcpy(sub + n->nargs, f->q, (size_t)f->nq * sizeof *sub);
        d = cx_load(g, f->tangent[n->u.eq], sub, n->nargs + f->nq);
        f->below[n->id] = f->thin[n->u.eq] || cx_diff_may_miss(g, n, f->of);
      } else { /* the leaf of a Jacobian */
        d = cx_const(g, 1);
        for (int k = f->batch; k < n->nargs; k++)
          d = cx_op2(g, OP_mul, d, cx_op2(g, OP_eq, n->arg[k], f->q[k - f->batch]));
      }
    }
  } else {
    for (int k = 0; k < n->nargs; k++) {
      const cx_node *da = f->d[n->arg[k]->id];
      if (!da) continue;
      const cx_node *p = cx_op_diff(g, (cx_op)n->op, k, n->arg);
      if (!p) {
        cx_error(g->ctx, g->at, "`%s` has no derivative by its argument %d: %s", cx_ops[n->op].name, k + 1,
                 cx_ops[n->op].nodiff ? cx_ops[n->op].nodiff : "none is known");
        cx_throw(g->ctx, CX_E_PROGRAM);
      }
      d = cx_sum_of(g, d, cx_chain(g, da, p, f->below[n->arg[k]->id]));
      f->below[n->id] |= f->below[n->arg[k]->id];
    }
  }
  if (d && cx_is_number(d, 0)) d = NULL;
  f->d[n->id] = d;
}

/* nodes are numbered in order of creation: ids below the body's id are enough for its table */
static const cx_node *forward_body(fwd *f, const cx_node *body) {
  f->d = CX_NEW_N(f->g->arena, const cx_node *, (size_t)body->id + 1);
  f->below = CX_NEW_N(f->g->arena, bool, (size_t)body->id + 1);
  cx_visit(f->g, body, forward_node, f);
  return f->d[body->id] ? f->d[body->id] : cx_const(f->g, 0);
}

static uint32_t forward(cx_graph *g, uint32_t of, const uint32_t *leaf, const uint32_t *direction, int n, int batch) {
  uint8_t *mark = cx_diff_active(g, of, leaf, n, false);
  int neq = g->neq;
  cx_linear *lin = cx_diff_linear_all(g, &mark);
  bool *thin = cx_diff_thin_tangent(g, mark, neq);
  const cx_eq *jac = direction ? NULL : g->eq[leaf[0]];
  int nq = jac ? jac->rank - batch : 0;
  uint32_t *tangent = CX_NEW_N(g->arena, uint32_t, neq);
  for (int id = 0; id < neq; id++) {
    tangent[id] = CX_NO_COT;
    if (!(mark[id] & 1) || (mark[id] & 2)) continue;
    const cx_eq *e = g->eq[id];
    if (e->rank + nq > CX_MAX_RANK) {
      cx_error(g->ctx, e->span, "this derivative has %d dimensions; the most is %d", e->rank + nq, CX_MAX_RANK);
      cx_throw(g->ctx, CX_E_PROGRAM);
    }
    cx_eq *t = cx_eq_new(g, NULL, EQ_CALC);
    t->span = e->span;
    t->rank = (uint8_t)(e->rank + nq);
    memcpy(t->dim, e->dim, sizeof t->dim);
    if (jac) memcpy(t->dim + e->rank, jac->dim + batch, (size_t)nq * sizeof t->dim[0]);
    tangent[id] = t->id;
  }
  if (direction)
    for (int k = 0; k < n; k++) tangent[leaf[k]] = direction[k];

  for (int id = 0; id < neq; id++) {
    if (!(mark[id] & 1) || (mark[id] & 2)) continue;
    const cx_eq *e = g->eq[id];
    cx_eq *t = g->eq[tangent[id]];
    const cx_node *q[CX_MAX_RANK];
    for (int k = 0; k < nq; k++) q[k] = cx_index(g, e->rank + k);
    const cx_node *body = lin[id].body, *weight = lin[id].weight;
    if (nq && lin[id].nred) { /* the reduced indices move behind the leaf's */
      int64_t slot[CX_MAX_RANK];
      const cx_node *to[CX_MAX_RANK];
      for (int k = 0; k < e->nred; k++) slot[k] = e->rank + k, to[k] = cx_index(g, e->rank + nq + k);
      body = cx_subst(g, body, slot, to, e->nred);
      if (weight) weight = cx_subst(g, weight, slot, to, e->nred);
    }
    cx_eq shape = *e; /* of body: the reduced indices behind the leaf's */
    if (nq && lin[id].nred) {
      memcpy(shape.dim + e->rank, t->dim + e->rank, (size_t)nq * sizeof *t->dim);
      shape.rank = t->rank;
    }
    fwd f = {g, mark, tangent, NULL, NULL, thin, &shape, q, nq, batch};
    t->body = forward_body(&f, body);
    if (weight) t->body = cx_op2(g, OP_mul, weight, t->body);
    if (lin[id].nred) {
      t->red = RED_sum;
      t->nred = e->nred;
      memcpy(t->rdim, e->rdim, sizeof t->rdim);
    }
  }
  if (tangent[of] != CX_NO_COT && (mark[of] & 1)) return tangent[of];
  cx_eq *z = cx_eq_new(g, NULL, EQ_CALC); /* `of` is a leaf, or does not depend on one */
  const cx_eq *e = g->eq[of];
  z->rank = (uint8_t)(e->rank + nq);
  memcpy(z->dim, e->dim, sizeof z->dim);
  if (jac) memcpy(z->dim + e->rank, jac->dim + batch, (size_t)nq * sizeof z->dim[0]);
  z->body = cx_const(g, 0);
  if (jac && of == leaf[0]) {
    z->body = cx_const(g, 1);
    for (int k = 0; k < nq; k++)
      z->body = cx_op2(g, OP_mul, z->body, cx_op2(g, OP_eq, cx_index(g, batch + k), cx_index(g, e->rank + k)));
  }
  return z->id;
}

uint32_t cx_diff_forward(cx_graph *g, uint32_t of, uint32_t leaf, int batch) {
  cx_opened o;
  of = cx_diff_open(g, of, &leaf, 1, &o);
  return cx_diff_close(g, forward(g, of, &leaf, NULL, 1, batch), &o);
}

uint32_t cx_diff_jvp(cx_graph *g, uint32_t of, const uint32_t *leaf, const uint32_t *tangent, int n) {
  for (int k = 0; k < n; k++)
    if (leaf[k] == of) return tangent[k];
  cx_opened o;
  of = cx_diff_open(g, of, leaf, n, &o);
  return cx_diff_close(g, forward(g, of, leaf, tangent, n, 0), &o);
}
