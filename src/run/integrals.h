/* integrals.h - what became of the integrals behind a value: the error that is left, and words about those that missed. */
#ifndef CX_INTEGRALS_H
#define CX_INTEGRALS_H
#include "run/fn.h"

typedef struct {
  int n;               /* integrals that the value was computed from */
  double error;        /* estimate, absolute: of the value itself when it is one integral, else the worst relative one
                          times the value; of an array, that of the worst integral */
  int64_t evaluations; /* nodes */
  bool converged;      /* all met their tolerance */
  int64_t draws;       /* > 0: means over as many random draws stand behind it, */
  double standard;     /* with this standard error (of an array: the largest; NaN: not known); error counts it, too */
} cx_integral_summary;
/* value: what they gave, one number, or NaN. Every integral that missed its tolerance is a warning at its place; one that
 * diverges or is not a number is an error. */
cx_integral_summary cx_sum_up_integrals(cx_ctx *c, const cx_exec *x, cx_work *w, cx_arena *a, double value);
/* the same for a watched function: where none of them has an error and yet one is not finite, that is one */
cx_integral_summary cx_sum_up_watched(cx_ctx *c, const cx_fn *f, cx_work *w, cx_arena *a, double value);
#endif
