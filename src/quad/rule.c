/* rule.c - the 21 point Kronrod extension of Gauss's rule of 10 (Kronrod, Nodes and Weights of Quadrature Formulas, 1965;
 * the digits below were computed anew at 60 digits from the Stieltjes polynomial E_11 that is orthogonal to P_10), with
 * an error estimate from null rules.
 *
 * Null rules (Berntsen and Espelid, Error estimation in automatic quadrature routines, TOMS 17 (1991) 233-252): weights
 * that annihilate every polynomial below a degree measure how fast the integrand's expansion decays. Ours are the
 * polynomials orthonormal on the 21 nodes under Kronrod's weights, so coefficients of odd degree are seen as well as even
 * ones: a rule and its embedded one agree exactly on every odd function, null rules do not. */
#include "quad/rule.h"
#include <float.h>
#include <math.h>
#include <stddef.h>

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
  for (int i = 0; i < N; i++) {
    int k = i < 10 ? 10 - i : i - 10;
    r->x[i] = i < 10 ? -nodes[k][0] : nodes[k][0];
    r->w[i] = nodes[k][1];
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
}

static double ratio_of(double a, double b, double floor) { return a <= floor ? 0 : a / fmax(b, floor); }

void cx_quad_rule_apply(const cx_quad_rule *r, const double *g, double half, double node, cx_quad_panel *out) {
  enum { N = CX_QUAD_RULE, M = N / 2 };
  double even[M + 1], odd[M], sum = r->w[M] * g[M], abs = r->w[M] * fabs(g[M]), top = fabs(g[M]);
  double inner = abs / 2, outer = 0; /* the middle node lies half in the upper half */
  double variation = 0, end[2] = {0, 0};
  even[M] = g[M];
  for (int i = 0; i < M; i++) {
    double a = g[i], b = g[N - 1 - i], m = fmax(fabs(a), fabs(b));
    even[i] = a + b, odd[i] = a - b;
    top = top < m ? m : top;
    sum += r->w[i] * (a + b);
    abs += r->w[i] * (fabs(a) + fabs(b));
  }
  for (int i = 0; i < N - 1; i++) variation += fabs(g[i + 1] - g[i]);
  for (int i = 0; i < N; i++) end[0] += r->end[0][i] * g[i], end[1] += r->end[1][i] * g[i];
  for (int i = M + 1; i < N; i++) *(r->x[i] < 0.5 ? &inner : &outer) += r->w[i] * fabs(g[i]);
  double c[CX_QUAD_NULLS];
  for (int k = 0; k < CX_QUAD_NULLS; k++) { /* degree 20 - k */
    double s = k % 2 ? 0 : r->null[k][M] * even[M];
    const double *part = k % 2 ? odd : even;
    for (int i = 0; i < M; i++) s += r->null[k][i] * part[i];
    c[k] = fabs(s);
  }
  double e0 = fmax(c[0], c[1]), e1 = fmax(c[2], c[3]), e2 = fmax(c[4], c[5]), e3 = fmax(c[6], c[7]);
  double most = fmax(fmax(e0, e1), fmax(e2, e3)), error = 0, ratio = 0;
  /* what rounding of the values and of the nodes leaves in the coefficients */
  double floor = DBL_EPSILON * (24 * top + (half > 0 ? node / half * variation : 0));
  if (fmax(e0, e1) > floor) {
    /* The rule integrates degrees to 31, the highest coefficient seen is 20: six more steps of the decay. Two of them
     * are left as margin of safety, and the factor 5. */
    ratio = fmax(ratio_of(e0, e1, floor), fmax(ratio_of(e1, e2, floor), ratio_of(e2, e3, floor)));
    e0 = fmax(e0, floor);
    if (ratio >= 1) error = 10 * most;
    else if (ratio >= 0.5) error = 10 * ratio * e0;
    else error = 5 * pow(2 * ratio, 6) * e0;
  }
  double off = 0;
  for (int s = 0; s < CX_QUAD_NODES - N; s++) {
    double guess = 0;
    for (int i = 0; i < N; i++) guess += r->guess[s][i] * g[i];
    off = fmax(off, fabs(guess - g[N + s]));
  }
  if (off > 16 * fmax(e0, e1) + 8 * floor) { /* the interpolant is none: what lies between the nodes is not seen */
    error = fmax(error, 2 * off);
    ratio = fmax(ratio, 1);
  }
  *out = (cx_quad_panel){.value = sum * half, .abs = abs * half, .error = error * half, .ratio = ratio};
  out->noise = top > 0 ? most / top : 0;
  out->waves = top > 0 ? variation / (2 * top) : 0;
  out->variation = variation;
  out->level = fmax(e0, e1) + floor;
  out->end[0] = end[0], out->end[1] = end[1];
  if (outer > 0) {
    /* inner and outer quarters of the panel's upper half, each half / 2 wide */
    double q = outer / inner;
    out->decay = -log(q) / (half / 2);
    out->rest = q < 1 ? outer * half * q / (1 - q) : INFINITY;
  } else out->decay = INFINITY;
}
