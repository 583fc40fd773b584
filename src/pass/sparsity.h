/* sparsity.h - Jacobians and Hessians as lists of their entries. */
#ifndef CX_SPARSITY_H
#define CX_SPARSITY_H
#include "pass/pass.h"

/* Entries t of one pattern, t running over a box of `rank` indices: entry t stands at row(t), col(t) and has value(t).
 * row and col are numbers in row-major order; -1: no entry (its value is 0). Different t of one term, and different
 * terms, may meet at one place: entries add up. */
typedef struct {
  uint32_t value;    /* equation over t */
  uint32_t row, col; /* equations over t, of data alone */
  int rank;
  int64_t size[CX_MAX_RANK], n; /* n: their product */
  bool affine;                  /* row = row0 + sum row_step[k] t[k], col likewise, none of them -1 */
  int64_t row0, col0, row_step[CX_MAX_RANK], col_step[CX_MAX_RANK];
} cx_sparse_term;

typedef struct {
  cx_sparse_term *term;
  int n;
  int64_t rows, cols, entries; /* entries: the terms' n together */
} cx_sparse;

/* The pattern of equation jac, whose first row_rank dimensions number the rows and the others the columns. false: it is
 * dense, and out has sizes only. New equations are added to g; jac itself stays. Time does not depend on any size. */
bool cx_sparse_of(cx_graph *g, uint32_t jac, int row_rank, cx_sparse *out);
#endif
