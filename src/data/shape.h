/* shape.h - from an array as it was read to one that a declaration can use; private to src/data. */
#ifndef CX_SHAPE_H
#define CX_SHAPE_H
#include "data/read.h"

bool cx_shape_fits(const cx_decl *d, const cx_array *x);
/* Words to numbers, colour to luminance, trailing dimensions flattened or split; false after an error. */
bool cx_adapt(cx_ctx *c, cx_arena *a, cx_decl *d);
/* one name, one size over all bound declarations; then their domains. Errors are reported, not thrown. */
void cx_check_bound(cx_ctx *c, cx_arena *a, cx_decl *decl, int n);
const char *cx_decl_text(cx_arena *a, const cx_decl *d); /* X[n, d] */
#endif
