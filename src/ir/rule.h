/* rule.h - calx text as a scalar node: derivative rows and simplification rules are written in the language itself. */
#ifndef CX_RULE_H
#define CX_RULE_H
#include "ir/ir.h"
/* The expression `text` over names[k] = values[k], numbers, pi, inf, nan and the ops of ops.def, built through cx_opn.
 * The text is parsed once a graph. A text that is no such expression is reported and thrown as CX_E_PROGRAM: it is
 * part of calx, never of a user's program. */
const cx_node *cx_rule_expr(cx_graph *g, const char *text, const char *const *names, const cx_node *const *values,
                            int n);
/* the op of an infix operator's token; swap: with its operands exchanged (a > b is b < a); OP_none: no scalar op */
cx_op cx_token_op(uint8_t tok, bool *swap);
#endif
