/* antideriv_int.h - what the files of antideriv.c share: one integral, what is proved of it, its pieces. */
#ifndef CX_ANTIDERIV_INT_H
#define CX_ANTIDERIV_INT_H
#include "pass/eqs.h"
#include "pass/integral.h"

enum { CX_ANTI_DEGREE = 60, CX_ANTI_PARTS = 8, CX_ANTI_DEPTH = 60 };

typedef struct {
  cx_graph *g;
  const uint32_t *mask; /* what depends on x */
  int known;
  const cx_eq *I, *F;
  const cx_node *x, *lo, *hi, *w; /* lo, hi: NULL is infinite */
  bool inner;
  const cx_node *ok;
  int budget;
  uint64_t used; /* what gave the closed form: rows, and CX_ANTI_.. behind them; cx_anti_how says it */
} cx_anti;
enum { CX_ANTI_POLYNOMIAL = 60, CX_ANTI_BY_PARTS, CX_ANTI_MOMENTS, CX_ANTI_WAVES };

/* an integral. size: the sum of what cancels in it, NULL: nothing does */
typedef struct {
  const cx_node *v, *size;
} cx_piece;

static inline const cx_node *num(cx_anti *s, double v) { return cx_const(s->g, v); }
static inline const cx_node *add(cx_anti *s, const cx_node *a, const cx_node *b) { return cx_op2(s->g, OP_add, a, b); }
static inline const cx_node *mul(cx_anti *s, const cx_node *a, const cx_node *b) { return cx_op2(s->g, OP_mul, a, b); }
static inline const cx_node *at(cx_anti *s, const cx_node *e, const cx_node *x) {
  return cx_exchange(s->g, e, s->x, x);
}
bool cx_anti_depends(cx_anti *s, const cx_node *e);
/* `when` becomes part of the condition of what is used; false: it cannot hold, or not be proved where it must be */
bool cx_anti_demand(cx_anti *s, const cx_node *when);
cx_piece cx_anti_sum(cx_anti *s, cx_piece a, cx_piece b);
cx_piece cx_anti_scaled(cx_anti *s, const cx_node *c, cx_piece a);
/* e as coef * base^power with coef and power free of x */
bool cx_anti_power(cx_anti *s, const cx_node *e, const cx_node **coef, const cx_node **base, const cx_node **power);
const cx_node *cx_anti_open(void *user, cx_graph *g,
                            const cx_node *n); /* cx_rewrite: loads of plain equations opened */
/* I becomes v, over its dimensions, where s->ok and v are: else, at run time, what it was */
void cx_anti_become(cx_anti *s, cx_eq *I, const cx_node *v);
const cx_node *cx_anti_row(cx_anti *s, const cx_node *e); /* by antideriv.def; NULL: no row fits */

/* ---- antideriv_poly.c ---- */
int cx_anti_degree(cx_anti *s, const cx_node *e, int depth); /* of e in x; -1: it is no polynomial */
/* e of degree 2 at most as c[0] + c[1] x + c[2] x^2 */
void cx_anti_coefficients(cx_anti *s, const cx_node *e, const cx_node *c[3]);
/* each NULL where there is none. e: a polynomial of degree n */
const cx_node *cx_anti_polynomial(cx_anti *s, const cx_node *e, int n);
/* e (NULL: 1), of degree n, times exp(expo), of degree 1 (NULL: 1), times the sine or cosine of phase (NULL: 1) */
cx_piece cx_anti_by_parts(cx_anti *s, const cx_node *e, int n, const cx_node *expo, const cx_node *phase, bool sine);
/* e, of degree n > 0, times exp(expo), of degree 2 */
cx_piece cx_anti_moments(cx_anti *s, const cx_node *e, int n, const cx_node *expo);

/* ---- antideriv_corner.c ---- */
/* I as a sum over the corners of its box; then kept[] marks the integrals inside that it may fall back to */
void cx_anti_corners(cx_graph *g, cx_eq *I, bool *kept);
#endif
