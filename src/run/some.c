/* some.c - fit W, b by ..: some params are sought, for them the others are data. */
#include <string.h>

#include "run/session_int.h"

cx_model *cx_with_fixed(cx_session *s, const cx_action *act) {
  cx_model *m = CX_NEW(s->t, cx_model);
  *m = *s->m;
  m->arena = s->t;
  size_t size = m->single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < m->nparam; k++) {
    bool free = false;
    for (int j = 0; j < act->nonly; j++) free |= act->only[j] == k;
    if (free) continue;
    const cx_eq *raw = m->graph->eq[m->param[k].raw];
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(raw, dim);
    cx_array x = {.type = m->single ? CX_F32 : CX_F64, .data = (char *)s->x + (size_t)s->flat.offset[k] * size};
    cx_array_row_major(&x, raw->rank, dim);
    cx_give(m, raw->id, x);
  }
  return m;
}

void cx_move_params(cx_session *s, const cx_flat *some, void *x, bool back) {
  size_t size = s->m->single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < some->n; k++) {
    char *all = (char *)s->x + (size_t)s->flat.offset[some->param[k]] * size,
         *part = (char *)x + (size_t)some->offset[k] * size;
    size_t n = (size_t)(some->offset[k + 1] - some->offset[k]) * size;
    if (n) memcpy(back ? all : part, back ? part : all, n);
  }
}
