/* solve.h - unconstrained minimisation over one flat vector of parameters. Knows nothing of equations: the caller
 * gives functions, or owns the loop by cx_solver_iterate. One file a method, each ending with its table row. */
#ifndef CX_SOLVE_H
#define CX_SOLVE_H
#include "base/base.h"

typedef struct cx_problem {
  int64_t n;         /* parameters; x, g, v are arrays of n doubles, or of n floats where single */
  bool single;
  void *user;
  int (*value)(void *user, const void *x, double *f);                    /* 0 ok; non-zero: why is set */
  int (*gradient)(void *user, const void *x, double *f, void *g);
  int (*hessvec)(void *user, const void *x, const void *v, void *hv);    /* NULL: newton uses differences of gradients */
  int (*hessian)(void *user, const void *x, double *h);                  /* n × n row-major; NULL: hessvec is used */
  /* minibatches: rows > 0. row[0..nrow-1] are row numbers of the data; value and gradient of the objective of these */
  int64_t rows;
  int (*batch)(void *user, const int32_t *row, int64_t nrow, const void *x, double *f, void *g);
  int (*validation)(void *user, const int32_t *row, int64_t nrow, const void *x, double *f); /* value only */
  const char *(*where)(void *user, int64_t k, char *buf, size_t n);      /* names parameter k: "w[3, 2]" */
  const char *why;
} cx_problem;

typedef struct cx_fit_opt { /* every option of every method has one row in options.def; unset ones are NaN/NULL */
  const char *name; double num; const char *str; cx_span span, name_span;
} cx_fit_opt;

typedef struct cx_fit_report {
  const char *method;
  double value, grad_norm;   /* objective and max-norm of its gradient at the end */
  double validation;         /* NaN without a split */
  int64_t steps, epochs, evaluations;
  double seconds;
  bool converged;            /* first-order methods with a step budget: finished without diverging */
  const char *reason;        /* one sentence: why it stopped */
  double *trace; int64_t ntrace; /* objective by step (or epoch) for plotting */
} cx_fit_report;

#endif
