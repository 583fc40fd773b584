/* group.h - many integrals of one kind by one rule, before the adaptive engine has those that are left. */
#ifndef CX_QUAD_GROUP_H
#define CX_QUAD_GROUP_H
#include "quad/quad_int.h"

enum { CX_GROUP_MOST = 512 };
/* of the first n instances of the work, the live ones whose points are all there is: live is false and `quick` true where
 * the tolerance is met. false: failed. */
bool cx_group_run(const cx_quad *q, cx_quad_work *w, int n, const cx_quad_range *range, double *value, double *error,
                  cx_quad_report *report);
void cx_group_reset(cx_group *g); /* forget the rules: no result depends on the call before */
void cx_group_free(cx_group *g);
#endif
