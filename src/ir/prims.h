/* prims.h - the primitives by name. */
#ifndef CX_PRIMS_H
#define CX_PRIMS_H
#include "ir/ir.h"
const cx_prim *cx_prim_find(const char *name); /* NULL when there is none */
extern const cx_prim cx_prim_ranks;            /* a step; of rows: in a metric, of those at hand */
#endif
