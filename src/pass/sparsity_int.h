/* sparsity_int.h - terms of an equation's body, between taking apart (sparsity.c) and solving (sparsity_solve.c). */
#ifndef CX_SPARSITY_INT_H
#define CX_SPARSITY_INT_H
#include "pass/eqs.h"

enum { SLOTS = 2 * CX_MAX_RANK, CONDS = 32, TERMS = 96, DEPTH = 64 };

/* entries of one kind: at[] their place in the equation's dimensions, over slots 0..rank-1 */
typedef struct {
  uint32_t value;
  int rank;
  int64_t size[CX_MAX_RANK];
  const cx_node *at[CX_MAX_RANK];
  const cx_node *exists; /* of data alone; where it is 0 the value is */
  /* before the value has its equation: sum of parts, each where its condition holds; summed over red[], slots rank.. */
  struct {
    const cx_node *when, *body;
  } part[TERMS];
  int nparts;
  int nred;
  int64_t red[CX_MAX_RANK];
} piece;

typedef struct {
  piece *p;
  int n;
} pattern; /* p NULL: dense */

typedef struct {
  cx_graph *g;
  cx_arena *a;
  int neq;     /* equations that were there at the start */
  pattern *of; /* by id */
  const bool *data, *cyclic;
} sparse;

/* rest, where all of cond[] hold; live: the indices it runs over; at[]: its place in the equation's dimensions */
typedef struct {
  const cx_node *rest;
  const cx_node *cond[CONDS];
  int ncond;
  const cx_node *at[CX_MAX_RANK];
  uint32_t live;
  int64_t size[SLOTS];
} term;

typedef struct {
  sparse *s;
  const cx_eq *e;
  term t[TERMS];
  int n;
  bool failed; /* too many terms */
} split;

bool cx_sparse_by_data(const sparse *s, const cx_node *e); /* no load below e depends on a param */
/* solves what can be solved of the conditions; false: they never hold */
bool cx_sparse_solve(const split *d, term *t);
#endif
