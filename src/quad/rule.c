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
  for (int i = 0; i <= N / 2; i++) {
    int o = N - 1 - i;
    double *e = r->even[i];
    e[0] = r->w[i];
    for (int k = 0; k < 4; k++) e[1 + k] = r->null[2 * k][i];
    for (int k = 0; k < 3; k++) e[5 + k] = (r->guess[k][i] + r->guess[k][o]) / 2;
    e[8] = (r->end[1][i] + r->end[1][o]) / 2;
    if (i == o) continue;
    for (int k = 0; k < 4; k++) r->odd[i][k] = r->null[2 * k + 1][i];
    for (int k = 0; k < 3; k++) r->odd[i][4 + k] = (r->guess[k][i] - r->guess[k][o]) / 2;
    r->odd[i][7] = (r->end[1][i] - r->end[1][o]) / 2;
  }
}

typedef double pair __attribute__((vector_size(16)));
static inline double larger(double a, double b) { return a > b ? a : b; } /* fmax is a call where NaN matters */
static inline double ratio_of(double a, double b, double floor) { return a <= floor ? 0 : a / larger(b, floor); }

void cx_quad_rule_apply(const cx_quad_rule *r, const double *g, double half, double node, bool tail,
                        cx_quad_panel *out) {
  enum { N = CX_QUAD_RULE, M = N / 2 };
  pair e0 = {0}, e1 = {0}, e2 = {0}, e3 = {0}, e4 = {0}, o0 = {0}, o1 = {0}, o2 = {0}, o3 = {0};
  double abs = 0, top = 0, variation = 0;
  for (int i = 0; i <= M; i++) { /* the middle node's odd row is 0 */
    double a = g[i], b = g[N - 1 - i], x = fabs(a), y = fabs(b), sum = i < M ? a + b : a, dif = a - b;
    pair even[5], odd[4];
    memcpy(even, r->even[i], sizeof even);
    memcpy(odd, r->odd[i], sizeof odd);
    e0 += even[0] * sum, e1 += even[1] * sum, e2 += even[2] * sum, e3 += even[3] * sum, e4 += even[4] * sum;
    o0 += odd[0] * dif, o1 += odd[1] * dif, o2 += odd[2] * dif, o3 += odd[3] * dif;
    top = larger(top, larger(x, y));
    abs += r->w[i] * (i < M ? x + y : x);
  }
  const double e[10] = {e0[0], e0[1], e1[0], e1[1], e2[0], e2[1], e3[0], e3[1], e4[0]};
  const double o[8] = {o0[0], o0[1], o1[0], o1[1], o2[0], o2[1], o3[0], o3[1]};
  for (int i = 0; i < N - 1; i++) variation += fabs(g[i + 1] - g[i]);
  /* sizes of the coefficients of degrees 20 and 19, 18 and 17, 16 and 15, 14 and 13 */
  double size[4], most = 0, error = 0, ratio = 0;
  for (int k = 0; k < 4; k++) {
    size[k] = larger(fabs(e[1 + k]), fabs(o[k]));
    most = larger(most, size[k]);
  }
  /* what rounding of the values and of the nodes leaves in the coefficients */
  double floor = DBL_EPSILON * (24 * top + (half > 0 ? node / half * variation : 0));
  double high = larger(size[0], size[1]);
  if (high > floor) {
    /* The rule integrates degrees to 31, the highest coefficient seen is 20: six more steps of the decay. Part of them
     * is left as margin of safety: 2^6 and the factor 5. */
    for (int k = 0; k < 3; k++) ratio = larger(ratio, ratio_of(size[k], size[k + 1], floor));
    double last = larger(size[0], floor), two = 4 * ratio * ratio;
    error = ratio >= 1 ? 10 * most : ratio >= 0.5 ? 10 * ratio * last : 5 * two * two * two * last;
  }
  double off = 0;
  for (int s = 0; s < CX_QUAD_NODES - N; s++) off = larger(off, fabs(e[5 + s] + o[4 + s] - g[N + s]));
  if (off > 16 * high + 8 * floor) { /* the interpolant is none: what lies between the nodes is not seen */
    error = larger(error, 2 * off);
    ratio = larger(ratio, 1);
  }
  *out = (cx_quad_panel){.value = e[0] * half, .abs = abs * half, .error = error * half, .ratio = ratio};
  out->noise = top > 0 ? most / top : 0;
  out->waves = top > 0 ? variation / (2 * top) : 0;
  out->variation = variation;
  out->level = high + floor;
  out->end[0] = e[8] - o[7], out->end[1] = e[8] + o[7];
  out->decay = INFINITY;
  if (!tail) return;
  /* the inner and the outer quarter of the panel's upper half, each half / 2 wide; the middle node lies half in it */
  double inner = r->w[M] * fabs(g[M]) / 2, outer = 0;
  for (int i = M + 1; i < N; i++) *(r->x[i] < 0.5 ? &inner : &outer) += r->w[i] * fabs(g[i]);
  if (!(outer > 0)) return;
  double q = outer / inner;
  out->decay = -log(q) / (half / 2);
  out->rest = q < 1 ? outer * half * q / (1 - q) : INFINITY;
}
