/* fitting.h - a model's objective as a problem for the solvers. */
#ifndef CX_FITTING_H
#define CX_FITTING_H
#include "run/fn.h"
#include "solve/solve.h"

typedef struct cx_objective cx_objective;
/* objective: equation of what is minimised; flat: the params that count, of others cx_give has said what they are. Value, gradient, Hessian,
 * minibatch and validation functions are compiled when first asked for. prog may be NULL (no minibatches then). */
cx_objective *cx_objective_new(cx_model *m, cx_program *prog, cx_arena *a, uint32_t objective, const cx_flat *flat,
                               int threads, cx_problem *p);
#endif
