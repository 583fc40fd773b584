/* blame.h - the equation in which an objective or its gradient begins to be no number, as a label of a diagnostic. */
#ifndef CX_BLAME_H
#define CX_BLAME_H
#include "run/fn.h"

typedef struct { /* of a model made for some rows: which ones it was evaluated at */
  const int32_t *row;
  int64_t n;
} cx_blame_rows;
typedef struct {
  const cx_model *m;
  const cx_flat *p;          /* params, */
  const void *x;             /* and where they are */
  const cx_blame_rows *rows; /* NULL: it is of all of them */
  int64_t step;              /* as of cx_fn_draw */
} cx_blame_at;
/* gradient: the objective itself is finite */
void cx_blame(const cx_blame_at *at, uint32_t objective, bool gradient, int diag);
#endif
