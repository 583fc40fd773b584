/* simplify.h - the hook that cx_opn calls on a node about to be made. */
#ifndef CX_SIMPLIFY_H
#define CX_SIMPLIFY_H
#include "ir/ir.h"
/* a simpler expression equal to op(arg...), or NULL when no rule applies. Constants are folded before. */
const cx_node *cx_simplify_node(cx_graph *g, cx_op op, const cx_node *const *arg, int n);
#endif
