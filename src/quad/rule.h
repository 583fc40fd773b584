/* rule.h - the rule of every panel: 21 Kronrod nodes and 3 sentinels, with what they tell of the integrand. */
#ifndef CX_QUAD_RULE_H
#define CX_QUAD_RULE_H
#include <stdbool.h>

enum { CX_QUAD_RULE = 21, CX_QUAD_NODES = 24, CX_QUAD_NULLS = 8 };

typedef struct cx_panel_kernels cx_panel_kernels;
typedef struct {
  double x[CX_QUAD_NODES];      /* in -1..1: the rule's nodes ascending, then the sentinels */
  double w[CX_QUAD_RULE];       /* Kronrod's weights */
  double weight[CX_QUAD_NODES]; /* the same, and nought for the sentinels */
  double null[CX_QUAD_NULLS]
             [CX_QUAD_RULE]; /* f -> its coefficient of discrete degree 20 - k; annihilates lower degrees */
  double guess[CX_QUAD_NODES - CX_QUAD_RULE][CX_QUAD_RULE]; /* f -> the interpolant at a sentinel */
  double end[2][CX_QUAD_RULE];                              /* and at -1 and 1 */
  /* the same folded in the middle: the even part's row: value, 4 nulls, 3 guesses, and end apart; the odd part's: 4 nulls,
   * 3 guesses, end */
  double even[CX_QUAD_RULE / 2 + 1][8], ends[CX_QUAD_RULE / 2 + 1], odd[CX_QUAD_RULE / 2 + 1][8];
  const cx_panel_kernels *kern;
} cx_quad_rule;

typedef struct cx_quad_panel {
  double value, abs; /* integrals of f and |f| over the panel */
  double error;      /* of the value, rounding of the integrand apart */
  double rest;       /* integral of |f| beyond the panel's upper end, were it to decay on as it does inside */
  double decay;      /* rate of that decay, per unit of the coordinate */
  double ratio;      /* of successive coefficients: >= 1 where the panel resolves nothing */
  double noise;      /* largest of the high coefficients over the largest |f| */
  double end[2];     /* what the interpolant gives at the panel's ends */
  double level;      /* size of the highest coefficients: the interpolant's error */
  double variation;  /* of f over the nodes */
  double waves;      /* number of half waves */
} cx_quad_panel;

void cx_quad_rule_init(cx_quad_rule *r);
/* what is computed for every panel, for each instruction set the same to the last bit: panel_isa.h */
struct cx_panel_kernels {
  void (*apply)(const cx_quad_rule *r, const double *g, double half, double node, bool tail, struct cx_quad_panel *out);
  void (*nodes)(const cx_quad_rule *r, double mid, double half, double *t);
  /* t = scale e, plus at where side; jac = that of the map: e, or e + 1 */
  void (*ray)(const double *e, double scale, double one, bool whole, double p, double dir, double *t, double *jac);
  double (*weigh)(double *f, const double *jac); /* f jac, and the sum of its sizes; jac may be NULL */
  /* sums of f w over every eighth of n, a multiple of 8, added to s[0..7]; the sum of their sizes */
  double (*comb)(int n, const double *f, const double *w, double *s);
  /* Of values u and slopes v at n > 1 ascending places: does every chord rise as the slopes at its ends say? crosses: by
   * eight chords, u or v changes sign, or u is 0 somewhere; *most: largest |v| */
  bool (*grid)(int n, const double *x, const double *u, const double *v, bool *crosses, double *most);
};
extern const cx_panel_kernels cx_panel_base, cx_panel_avx2, cx_panel_avx512;
const cx_panel_kernels *cx_panel_get(int below); /* the best, or so many below; NULL: none */
/* g: the integrand at the 24 nodes, finite; half: half the width; node: size of the nodes' own rounding, over epsilon;
 * tail: is the decay at the upper end wanted */
static inline void cx_quad_rule_apply(const cx_quad_rule *r, const double *g, double half, double node, bool tail,
                                      cx_quad_panel *out) {
  r->kern->apply(r, g, half, node, tail, out);
}
#endif
