/* standard.h - how far off a value may be that means over random draws stand behind. */
#ifndef CX_STANDARD_H
#define CX_STANDARD_H
#include "front/elab.h"

/* An equation of the standard error of `of`, of its shape; CX_NO_EQ where no draws stand behind it, or where it is not
 * known (no derivative, or too large). *draws: the fewest of an estimate. */
uint32_t cx_standard_error(cx_model *m, cx_arena *a, uint32_t of, int64_t *draws);
#endif
