/* cubature.h - numerical integration over a box of 2 ... 20 dimensions, for what no symbolic step could factor.
 *
 *   value[c] = integral over lo <= x <= hi of f_c(x) dx,     each end may be infinite
 *
 * A scout looks for where the mass is (over magnitudes on infinite ranges) and makes changes of variable that spread
 * it over the unit cube; several methods that share nothing but the integrand (adaptive cells, rank-1 lattices, sparse
 * grids, nested lines) work on it in turn; QUAD_OK is said only when two of them agree. */
#ifndef CX_CUBATURE_H
#define CX_CUBATURE_H
#include "quad/quad.h"

enum { CX_CUBATURE_MAX_DIM = 20 };

typedef struct {
  int dim, ncomp;
  const double *lo, *hi; /* [dim], any order, infinities allowed; NaN: QUAD_NAN */
  const double *scale;   /* [ncomp] or NULL; as in cx_quad: component c is a derivative when scale[c] > 0, its
                            tolerance is then tol * scale[c] * integral of |f_c| */
  double tol;            /* relative; 0: 1e-6 */
  int64_t max_eval;      /* nodes; 0: 5e8 */
  double seconds;        /* wall clock; 0: 12 */
  void *user;
  /* x: [dim][n], f: [ncomp][n]. Non-zero: stop. Infinite values are taken for isolated singularities. */
  int (*eval)(void *user, int64_t n, const double *x, double *f);
  volatile sig_atomic_t *stop;
} cx_cubature;

typedef struct {
  double error; /* worst estimated error over the components, relative to what was asked (<= 1: met) */
  int64_t evaluations;
  cx_quad_status status;
  const char *method; /* of the value: "cells", "lattice", "sparse", "lines" */
} cx_cubature_report;

/* value, error: [ncomp], always the best there is. Scratch is the caller's to free. Deterministic unless the time
 * limit ends it. QUAD_DIVERGES is not told from QUAD_TOLERANCE here. */
cx_quad_status cx_cubature_run(cx_arena *scratch, const cx_cubature *q, double *value, double *error,
                               cx_cubature_report *report);
#endif
