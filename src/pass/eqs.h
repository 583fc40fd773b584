/* eqs.h - what several passes need to know about equations and their loads. */
#ifndef CX_EQS_H
#define CX_EQS_H
#include "ir/product.h"
#include "pass/pass.h"

/* a new EQ_CALC with the dimensions of `like`, named after it; the caller sets red, rdim and body */
cx_eq *cx_eq_beside(cx_graph *g, const cx_eq *like, const char *suffix);
/* The body of the loaded equation at the load's subscripts, inside equation `of`: 0 where a subscript may fall
 * outside, as the load is. The equation has no reduction. */
const cx_node *cx_open_load(cx_graph *g, const cx_node *load, const cx_eq *of);
/* true when index e, inside `of`, is proved to lie in 0..n-1 */
bool cx_in_range(const cx_graph *g, const cx_node *e, int64_t n, const cx_eq *of);

/* e through the rules, and what the ranges of the indices of equation `of` decide */
const cx_node *cx_simplify(cx_graph *g, const cx_node *e, const cx_eq *of);
/* cx_terms with sums inside taken apart: 4 * (i + 3 * j) is 4 i + 12 j */
int cx_affine_terms(const cx_node *e, double factor, cx_term *term, int max);
/* a quotient or remainder of integers by a constant, shorter where it can be; n itself otherwise */
const cx_node *cx_radix(cx_graph *g, const cx_node *n, const cx_eq *of);

/* the equations in an order in which producers come first, and those that belong to a recurrence */
typedef struct {
  uint32_t *order;
  int n;
  bool *cyclic;
} cx_eq_order;
cx_eq_order cx_order(const cx_graph *g, cx_arena *a);
/* how often equations are loaded by those that are needed (all, where the graph has no outputs); primitives read whole
 * arrays and count twice, and so do outputs where `outputs` */
int *cx_eq_uses(const cx_graph *g, cx_arena *a, const cx_eq_order *o, bool outputs);
/* mask of the reduced slots of e */
static inline uint32_t cx_reduced_mask(const cx_eq *e) { return ((1u << e->nred) - 1) << e->rank; }
/* equations computed from constant inputs alone (indexed by id); a recurrence of such is one, too */
bool *cx_data_only(const cx_graph *g, cx_arena *a);
/* equal equations become one (share.c) */
void cx_unite(cx_graph *g);
/* drops reduced slot `slot` of e (a slot number), whose index no longer occurs in body; renumbers the later ones */
const cx_node *cx_drop_slot(cx_graph *g, cx_eq *e, int slot, const cx_node *body);
#endif
