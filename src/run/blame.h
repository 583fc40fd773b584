/* blame.h - the equation in which an objective begins to be no number, as a label of a diagnostic. */
#ifndef CX_BLAME_H
#define CX_BLAME_H
#include "run/fn.h"

void cx_blame(const cx_model *m, uint32_t objective, const cx_flat *p, const void *x, int diag);
#endif
