/* integral.h - quadratures at run time: an integrand's graph, compiled, under an engine of src/quad/. */
#ifndef CX_BACK_INTEGRAL_H
#define CX_BACK_INTEGRAL_H
#include "back/back.h"
#include "quad/quad.h"

typedef struct cx_quadrature cx_quadrature;           /* compiled: immutable */
typedef struct cx_quadrature_work cx_quadrature_work; /* of one thread of the caller */
/* e: prim quadrature. oracle: by the reference evaluator. */
cx_quadrature *cx_quadrature_new(cx_arena *a, const cx_eq *e, bool oracle, volatile sig_atomic_t *stop);
cx_quadrature_work *cx_quadrature_work_new(cx_arena *a, const cx_quadrature *q);
/* in: the primitive's arguments; rows: of their first dimension, so many or all; result: row-major. 0, or 1 with a
 * message */
int cx_quadrature_run(const cx_quadrature *q, cx_quadrature_work *w, int64_t rows, const double *const *in,
                      double *result, const char **why);
int64_t cx_quadrature_errors(const cx_quadrature *q, cx_quadrature_work *w, double *rel, int64_t n);
void cx_quadrature_places(const cx_quadrature *q, const cx_quadrature_work *w, int64_t n, cx_integral_place *at);
/* what became of the integrals since the last call */
void cx_quadrature_report(const cx_quadrature *q, cx_quadrature_work *w, cx_integral_report *r);
#endif
