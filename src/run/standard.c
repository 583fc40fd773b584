/* standard.c - the standard error of what is computed from means over random draws, by the delta method: f(m) is off by
 * the sum of |df/dm| se(m), to first order. Estimates of one stream, and the elements of one, share their draws, and their
 * errors may all have one sign: they are added. Those of different streams are independent: their squares are. */
#include "run/standard.h"

#include "pass/pass.h"

enum { ELEMENTS_MAX = 1 << 22 }; /* of a Jacobian */

static double elements(const cx_eq *e) {
  double n = 1;
  for (int k = 0; k < e->rank; k++) n *= (double)e->dim[k].n;
  return n;
}

/* sum(i: |J[.., i..]| se[i..]), a new equation */
static uint32_t spread(cx_graph *g, uint32_t jacobian, uint32_t error, int rank) {
  const cx_node *sub[2 * CX_MAX_RANK];
  int inner = g->eq[error]->rank;
  cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
  e->red = inner ? RED_sum : RED_none;
  e->rank = (uint8_t)rank;
  e->nred = (uint8_t)inner;
  for (int k = 0; k < rank + inner; k++) sub[k] = cx_index(g, k);
  for (int k = 0; k < rank; k++) e->dim[k] = g->eq[jacobian]->dim[k];
  for (int k = 0; k < inner; k++) e->rdim[k] = g->eq[error]->dim[k];
  e->body = cx_op2(g, OP_mul, cx_op1(g, OP_abs, cx_load(g, jacobian, sub, rank + inner)),
                   cx_load(g, error, sub + rank, inner));
  return e->id;
}

typedef struct {
  bool *seen;
  CX_VEC(uint32_t) todo;
  cx_arena *a;
  bool random;
} reach;
static void look(void *user, const cx_node *n) {
  reach *r = user;
  r->random |= n->op == OP_random;
  if (n->op == OP_load && !r->seen[n->u.eq]) r->seen[n->u.eq] = true, *CX_PUSH(r->a, r->todo) = n->u.eq;
}
/* does `of` read random numbers other than through the estimates? then their errors are not all */
static bool reads_random(const cx_model *m, cx_arena *a, uint32_t of) {
  cx_graph *g = m->graph;
  reach r = {.seen = CX_NEW_N(a, bool, g->neq + 1), .a = a};
  for (int k = 0; k < m->nestimate; k++) r.seen[m->estimate[k].value] = true;
  if (r.seen[of]) return false;
  *CX_PUSH(a, r.todo) = of;
  for (int k = 0; k < r.todo.n && !r.random; k++) {
    const cx_eq *e = g->eq[r.todo.at[k]];
    if (e->kind == EQ_CALC) cx_visit(g, e->body, look, &r);
    for (int j = 0; e->kind == EQ_PRIM && j < e->nprim_arg; j++)
      if (!r.seen[e->prim_arg[j]]) r.seen[e->prim_arg[j]] = true, *CX_PUSH(a, r.todo) = e->prim_arg[j];
  }
  return r.random;
}

static uint32_t error_of(cx_model *m, cx_arena *a, uint32_t of, int64_t *draws) {
  cx_graph *g = m->graph;
  int32_t *used = CX_NEW_N(a, int32_t, g->neq + 1);
  bool *done = CX_NEW_N(a, bool, m->nestimate + 1);
  cx_extract(g, a, &of, 1, used);
  const cx_node *index[CX_MAX_RANK], *squares = NULL;
  int rank = g->eq[of]->rank, n = 0;
  for (int k = 0; k < rank; k++) index[k] = cx_index(g, k);
  for (int k = 0; k < m->nestimate; k++) {
    const cx_estimate *t = &m->estimate[k];
    if (used[t->value] < 0) done[k] = true;
    else if (!n++ || t->draws < *draws) *draws = t->draws;
  }
  if (!n || reads_random(m, a, of)) return CX_NO_EQ;
  cx_prepare(g);
  for (int k = 0; k < m->nestimate; k++) {
    const cx_node *sum = NULL;
    for (int j = k; j < m->nestimate; j++) {
      const cx_estimate *t = &m->estimate[j];
      if (done[j] || t->stream != m->estimate[k].stream) continue;
      done[j] = true;
      uint32_t part = t->error;
      if (t->value != of) {
        bool large = elements(g->eq[of]) * elements(g->eq[t->value]) > ELEMENTS_MAX;
        if (large || rank + g->eq[t->value]->rank > CX_MAX_RANK) return CX_NO_EQ;
        part = spread(g, cx_diff_forward(g, of, t->value, 0), t->error, rank);
      }
      const cx_node *e = cx_load(g, part, index, rank);
      sum = sum ? cx_op2(g, OP_add, sum, e) : e;
    }
    if (!sum) continue;
    sum = cx_op2(g, OP_mul, sum, sum);
    squares = squares ? cx_op2(g, OP_add, squares, sum) : sum;
  }
  cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
  e->rank = (uint8_t)rank;
  for (int k = 0; k < rank; k++) e->dim[k] = g->eq[of]->dim[k];
  e->body = cx_op1(g, OP_sqrt, squares);
  return e->id;
}

uint32_t cx_standard_error(cx_model *m, cx_arena *a, uint32_t of, int64_t *draws) {
  cx_frame f;
  volatile uint32_t e = CX_NO_EQ;
  int said = cx_diag_count(m->ctx);
  *draws = 0;
  if (!m->nestimate || of == CX_NO_EQ) return CX_NO_EQ;
  CX_TRY(m->ctx, f) {
    e = error_of(m, a, of, draws);
    CX_END(m->ctx, f);
  } else { /* without a derivative there is none; that is no error of the program */
    if (f.status != CX_E_PROGRAM) cx_throw(m->ctx, f.status);
    cx_diag_forget(m->ctx, said);
  }
  return e;
}
