/* rule.c - the 21 point Kronrod extension of Gauss's rule of 10 (Kronrod, Nodes and Weights of Quadrature Formulas, 1965;
 * the digits below were computed anew at 60 digits from the Stieltjes polynomial E_11 that is orthogonal to P_10), with
 * an error estimate from null rules.
 *
 * Null rules (Berntsen and Espelid, Error estimation in automatic quadrature routines, TOMS 17 (1991) 233-252): weights
 * that annihilate every polynomial below a degree measure how fast the integrand's expansion decays. Ours are the
 * polynomials orthonormal on the 21 nodes under Kronrod's weights, so coefficients of odd degree are seen as well as even
 * ones: a rule and its embedded one agree exactly on every odd function, null rules do not. */
#include "quad/rule.h"
#include "base/isa.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

static const double nodes[11][2] = {
    /* node, weight */
    {0.0, 0.14944555400291690566},
    {0.14887433898163121088, 0.14773910490133849137},
    {0.29439286270146019813, 0.1427759385770600808},
    {0.4333953941292471908, 0.13470921731147332593},
    {0.56275713466860468334, 0.12349197626206585108},
    {0.67940956829902440623, 0.1093871588022976419},
    {0.78081772658641689706, 0.093125454583697605535},
    {0.86506336668898451073, 0.075039674810919952767},
    {0.930157491355708226, 0.054755896574351996031},
    {0.97390652851717172008, 0.032558162307964727479},
    {0.99565716302580808074, 0.011694638867371874278},
};
/* off every symmetry, in three of the wider gaps */
static const double sentinels[3] = {-0.36187, 0.08123, 0.62441};

void cx_quad_rule_init(cx_quad_rule *r) {
  enum { N = CX_QUAD_RULE };
  memset(r, 0, sizeof *r);
  r->kern = cx_panel_get(0);
  for (int i = 0; i < N; i++) {
    int k = i < 10 ? 10 - i : i - 10;
    r->x[i] = i < 10 ? -nodes[k][0] : nodes[k][0];
    r->w[i] = r->weight[i] = nodes[k][1];
  }
  for (int i = N; i < CX_QUAD_NODES; i++) r->x[i] = sentinels[i - N];
  /* Stieltjes: x q_k = b_{k+1} q_{k+1} + b_k q_{k-1}, orthonormal on the nodes; all at the sentinels and the ends too, since
   * the interpolant at y is sum_k q_k(y) sum_i w_i f_i q_k(x_i) */
  enum { ALL = CX_QUAD_NODES + 2 };
  long double q[N][ALL], x[ALL], b = 0;
  for (int i = 0; i < ALL; i++) q[0][i] = sqrtl(0.5L), x[i] = i < CX_QUAD_NODES ? r->x[i] : i == CX_QUAD_NODES ? -1 : 1;
  for (int k = 1; k < N; k++) {
    long double t[ALL], norm = 0;
    for (int i = 0; i < ALL; i++) t[i] = x[i] * q[k - 1][i] - (k > 1 ? b * q[k - 2][i] : 0);
    for (int i = 0; i < N; i++) norm += r->w[i] * t[i] * t[i];
    b = sqrtl(norm);
    for (int i = 0; i < ALL; i++) q[k][i] = t[i] / b;
  }
  for (int k = 0; k < CX_QUAD_NULLS; k++)
    for (int i = 0; i < N; i++) r->null[k][i] = (double)(r->w[i] * q[N - 1 - k][i]);
  for (int s = 0; s < ALL - N; s++)
    for (int i = 0; i < N; i++) {
      long double t = 0;
      for (int k = 0; k < N; k++) t += q[k][N + s] * q[k][i];
      *(s < CX_QUAD_NODES - N ? &r->guess[s][i] : &r->end[s - (CX_QUAD_NODES - N)][i]) = (double)(r->w[i] * t);
    }
  for (int i = 0; i <= N / 2; i++) {
    int o = N - 1 - i;
    double *e = r->even[i];
    e[0] = r->w[i];
    for (int k = 0; k < 4; k++) e[1 + k] = r->null[2 * k][i];
    for (int k = 0; k < 3; k++) e[5 + k] = (r->guess[k][i] + r->guess[k][o]) / 2;
    r->ends[i] = (r->end[1][i] + r->end[1][o]) / 2;
    if (i == o) continue;
    for (int k = 0; k < 4; k++) r->odd[i][k] = r->null[2 * k + 1][i];
    for (int k = 0; k < 3; k++) r->odd[i][4 + k] = (r->guess[k][i] - r->guess[k][o]) / 2;
    r->odd[i][7] = (r->end[1][i] - r->end[1][o]) / 2;
  }
}

const cx_panel_kernels *cx_panel_get(int below) {
  int level = cx_isa_level() - below;
#ifdef CX_X86_64
  if (level == 2) return &cx_panel_avx512;
  if (level == 1) return &cx_panel_avx2;
#endif
  return level < 0 ? NULL : &cx_panel_base;
}
