/* diff.h - what both directions of differentiation share. */
#ifndef CX_DIFF_H
#define CX_DIFF_H
#include "pass/pass.h"

/* marks[id] bit 0: the equation depends on a leaf (or is one); the set is what `of` needs, cut at leaves.
 * bit 1: it is a leaf. all: through places that have no derivative as well. */
uint8_t *cx_diff_active(cx_graph *g, uint32_t of, const uint32_t *leaf, int n, bool all);
/* the marks, n of them, with room for the equations made since, which carry no derivative */
uint8_t *cx_diff_widen(cx_graph *g, const uint8_t *mark, int n);
/* An equation whose reduction is replaced by what its derivative needs: for max and min the reduced indices are
 * fixed to the place of the optimum (body over 0..rank-1 alone, nred 0); for prod the factor weight is the product
 * of the other factors; otherwise weight is 1 and the body itself. */
typedef struct {
  const cx_node *body;
  const cx_node *weight; /* multiplies the derivative of body */
  int nred;              /* of the derivative's sum */
} cx_linear;
cx_linear cx_diff_linear(cx_graph *g, const cx_eq *e);
/* up * p. A factor that is 0 or 1 selects: what a branch not taken would give, NaN or infinite, never shows. */
const cx_node *cx_chain(cx_graph *g, const cx_node *up, const cx_node *p);
const cx_node *cx_sum_of(cx_graph *g, const cx_node *a, const cx_node *b); /* NULL is zero */
#endif
