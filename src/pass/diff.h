/* diff.h - what both directions of differentiation share. */
#ifndef CX_DIFF_H
#define CX_DIFF_H
#include "pass/pass.h"

/* marks[id] bit 0: the equation depends on a leaf (or is one); the set is what `of` needs, cut at leaves.
 * bit 1: it is a leaf. all: through places that have no derivative as well. */
uint8_t *cx_diff_active(cx_graph *g, uint32_t of, const uint32_t *leaf, int n, bool all);
/* An equation whose reduction is replaced by what its derivative needs: for max and min the reduced indices are
 * fixed to the place of the optimum (body over 0..rank-1 alone, nred 0); for prod the factor weight is the product
 * of the other factors; otherwise weight is 1 and the body itself. */
typedef struct {
  const cx_node *body;
  const cx_node *weight; /* multiplies the derivative of body */
  int nred;              /* of the derivative's sum */
} cx_linear;
/* that of every active equation but the leaves, by id; *mark grows to hold the (inactive) equations it needs */
cx_linear *cx_diff_linear_all(cx_graph *g, uint8_t **mark);
/* up * p. A factor that is 0 or 1 selects: what a branch not taken would give, NaN or infinite, never shows. thin: up
 * is read from another equation and may be 0 for such a reason; a p that is not finite then counts only where up is
 * not 0. (The pass `chain` leaves the comparison alone: the product is 0 where up is.) */
const cx_node *cx_chain(cx_graph *g, const cx_node *up, const cx_node *p, bool thin);
/* Equations whose adjoint (or tangent) may be 0 at some places because a branch is not taken, an element is no maximum,
 * or nothing reads it there. Sums of many end it: they are 0 for no such reason. */
bool *cx_diff_thin_adjoint(cx_graph *g, const uint8_t *mark, int neq);
bool *cx_diff_thin_tangent(cx_graph *g, const uint8_t *mark, int neq);
bool cx_diff_may_miss(const cx_graph *g, const cx_node *load, const cx_eq *of); /* the load may read outside */
const cx_node *cx_sum_of(cx_graph *g, const cx_node *a, const cx_node *b);      /* NULL is zero */
#endif
