/* explain.h - a derivative step by step: each rule applied, named. */
#ifndef CX_EXPLAIN_H
#define CX_EXPLAIN_H
#include "front/ast.h"
/* x: d(e, x) or f'(x) (or any expression holding derivatives); program: where functions are defined. Lines of text. */
char *cx_explain(cx_ctx *c, cx_arena *a, const cx_ast *program, const cx_ast *x);
#endif
