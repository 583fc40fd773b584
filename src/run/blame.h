/* blame.h - the equation in which an objective begins to be no number, as a label of a diagnostic. */
#ifndef CX_BLAME_H
#define CX_BLAME_H
#include "run/fn.h"

typedef struct { /* of a model made for some rows: which ones it was evaluated at */
  const int32_t *row;
  int64_t n;
} cx_blame_rows;
/* rows NULL: it is of all of them; step: as of cx_fn_draw */
void cx_blame(const cx_model *m, uint32_t objective, const cx_flat *p, const void *x, const cx_blame_rows *rows,
              int64_t step, int diag);
#endif
