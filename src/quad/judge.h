/* judge.h - what becomes of an instance after each round of evaluations. */
#ifndef CX_QUAD_JUDGE_H
#define CX_QUAD_JUDGE_H
#include "quad/quad_int.h"
/* Splits, extends, starts anew (leaving panels pending), or ends the instance (live = false, its status set). */
void cx_quad_judge(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in);
/* what neighbours disagree about counts as their error */
void cx_quad_seams(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in);
/* sums over the panels, one of each a component */
typedef struct {
  double *value, *abs;
  double *error; /* of the rule, the tails' rest included */
  double *round; /* by rounding, of the nodes and of the integrand */
  double *asked; /* the tolerance */
} cx_quad_sum;
cx_quad_sum cx_quad_sums(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in); /* in w->sum[0 .. 5 ncomp) */
#endif
