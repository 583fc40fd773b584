/* session_int.h - what the session hands to its parts. */
#ifndef CX_SESSION_INT_H
#define CX_SESSION_INT_H
#include "run/fn.h"
#include "run/session.h"
typedef struct {
  cx_program *prog;
  cx_model *m;
  cx_flat flat;
  uint64_t seed;
  int threads;
} cx_session_view;
cx_check_row *cx_check_rows(cx_session_view *s, cx_arena *a, int *n);
#endif
