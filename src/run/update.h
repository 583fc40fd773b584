/* update.h - updates of first-order methods as compiled equations. */
#ifndef CX_UPDATE_H
#define CX_UPDATE_H
#include "back/back.h"
#include "front/elab.h"
#include "solve/solve.h"
/* run is NULL when lib/optim.calx has no such method (diagnostics say why) */
cx_update cx_update_compile(cx_ctx *c, cx_arena *a, const char *method, const char *const *state, int64_t n,
                            bool single, int threads);
#endif
