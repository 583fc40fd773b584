/* product.h - an expression as a product of powers, or as a sum of terms: what the collecting of like terms, the
 * taking apart of logarithms and the elimination of equalities look at. */
#ifndef CX_PRODUCT_H
#define CX_PRODUCT_H
#include "ir/ir.h"

enum { CX_FACTORS = 16, CX_TERMS = 24 };

typedef struct {
  const cx_node *base;
  int power;
} cx_factor;
/* num / den * prod base^power * exp(sum power * exponent); bases are distinct, no product, quotient or number */
typedef struct {
  double num, den;
  int n, nexp, budget;
  cx_factor f[CX_FACTORS], e[CX_FACTORS];
} cx_product;

/* the budget bounds trees that double by sharing: x * x, its square, that one's square… */
#define CX_ONE_PRODUCT ((cx_product){.num = 1, .den = 1, .budget = 64})
/* p *= e^power; false: more factors than fit, or a constant that would overflow (p is then of no use) */
bool cx_product_times(cx_product *p, const cx_node *e, int power);
const cx_node *cx_product_node(cx_graph *g, const cx_product *p);
const cx_node *cx_product_exponent(cx_graph *g, const cx_product *p); /* sum power * exponent; constant 0 without one */

typedef struct {
  double k;
  const cx_node *t;
  uint64_t sig;
} cx_term; /* k * t; t NULL: the constant k */
/* e as a sum of terms, factor times each; returns how many, -1 when there are more than max */
int cx_terms(const cx_node *e, double factor, cx_term *term, int max);
const cx_node *cx_terms_node(cx_graph *g, const cx_term *term, int n);

/* collected form of x + y, x - y, x * y or x / y when collecting shortens it, else NULL */
const cx_node *cx_collect(cx_graph *g, cx_op op, const cx_node *x, const cx_node *y);
#endif
