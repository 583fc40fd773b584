/* kernel_gmm.c - value and gradient of a Gaussian mixture. Per block of rows and component: the log density, then the
 * softmax r over components, then the weighted moments R = sum r, m = sum r c and M = sum r c c' with c = x - mu.
 * They are all the gradient needs, once per call: with z = Q c,
 *   sum r z c' = Q M,  so  d/dQ = R Q^-T (through q's log determinant) - Q M (lower triangle),  d/dmu = Q'Q m. */
#include "avx512.h"
#include "kernels.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = GMM_K, D = GMM_D, BLOCK = 64, VEC = BLOCK / 8, TRI = D * (D + 1) / 2 };
#define AT(a, b) ((a) * ((a) + 1) / 2 + (b)) /* row a, column b <= a of a packed triangle */

struct gmm {
  size_t n;
  double *x;
};

gmm *gmm_new(size_t n, const double *x) {
  gmm *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  *m = (gmm){n, by_blocks(n, D, BLOCK, x)};
  if (m->x) return m;
  gmm_free(m);
  return NULL;
}

void gmm_free(gmm *m) {
  if (m) free(m->x), free(m);
}

typedef struct {
  v8 R, m[D], M[TRI];
} moments;

/* log density of a block's rows, up to the constant */
static void density(const double *x, const double *mu, const double *Q, double c0, v8 *out) {
  for (int v = 0; v < VEC; v += 2) {
    v8 c[D][2], s[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
#pragma GCC unroll 8
    for (int a = 0; a < D; a++) {
      v8 z[2];
#pragma GCC unroll 2
      for (int u = 0; u < 2; u++) {
        c[a][u] = _mm512_sub_pd(_mm512_load_pd(x + a * BLOCK + 8 * (v + u)), v8_set(mu[a]));
        z[u] = _mm512_mul_pd(c[a][u], v8_set(Q[AT(a, a)]));
      }
#pragma GCC unroll 8
      for (int b = 0; b < a; b++)
#pragma GCC unroll 2
        for (int u = 0; u < 2; u++) z[u] = _mm512_fmadd_pd(c[b][u], v8_set(Q[AT(a, b)]), z[u]);
#pragma GCC unroll 2
      for (int u = 0; u < 2; u++) s[u] = _mm512_fmadd_pd(z[u], z[u], s[u]);
    }
#pragma GCC unroll 2
    for (int u = 0; u < 2; u++) out[v + u] = _mm512_fnmadd_pd(s[u], v8_set(0.5), v8_set(c0));
  }
}

/* adds rows lo..hi-1 of the weighted moments: as many as the registers hold */
#define ACCUMULATE(name, lo, hi)                                                                          \
  static void name(const double *x, const double *mu, const v8 *r, moments *to) {                         \
    v8 M[AT(hi, 0) - AT(lo, 0)], m[hi - lo];                                                              \
    _Pragma("GCC unroll 36") for (int t = 0; t < AT(hi, 0) - AT(lo, 0); t++) M[t] = to->M[AT(lo, 0) + t]; \
    _Pragma("GCC unroll 8") for (int a = lo; a < hi; a++) m[a - lo] = to->m[a];                           \
    for (int v = 0; v < VEC; v++) {                                                                       \
      v8 c[D];                                                                                            \
      _Pragma("GCC unroll 8") for (int a = 0; a < hi; a++) c[a] =                                         \
          _mm512_sub_pd(_mm512_load_pd(x + a * BLOCK + 8 * v), v8_set(mu[a]));                            \
      _Pragma("GCC unroll 8") for (int a = lo; a < hi; a++) {                                             \
        v8 rc = _mm512_mul_pd(r[v], c[a]);                                                                \
        m[a - lo] = _mm512_add_pd(m[a - lo], rc);                                                         \
        _Pragma("GCC unroll 8") for (int b = 0; b <= a; b++) M[AT(a, b) - AT(lo, 0)] =                    \
            _mm512_fmadd_pd(rc, c[b], M[AT(a, b) - AT(lo, 0)]);                                           \
      }                                                                                                   \
    }                                                                                                     \
    _Pragma("GCC unroll 36") for (int t = 0; t < AT(hi, 0) - AT(lo, 0); t++) to->M[AT(lo, 0) + t] = M[t]; \
    _Pragma("GCC unroll 8") for (int a = lo; a < hi; a++) to->m[a] = m[a - lo];                           \
  }
ACCUMULATE(accumulate_low, 0, 5)
ACCUMULATE(accumulate_middle, 5, 7)
ACCUMULATE(accumulate_high, 7, 8)

double gmm_gradient(const gmm *g, const double *theta, double *gradient) {
  const double *alpha = theta, *mu = alpha + K, *q = mu + K * D, *l = q + K * D;
  double Q[K][TRI], c0[K], largest = -INFINITY, normal = 0;
  for (int k = 0; k < K; k++) {
    c0[k] = alpha[k];
    largest = fmax(largest, alpha[k]);
    for (int a = 0; a < D; a++) {
      c0[k] += q[k * D + a];
      for (int b = 0; b < a; b++) Q[k][AT(a, b)] = l[(k * D + a) * D + b];
      Q[k][AT(a, a)] = exp(q[k * D + a]);
    }
  }
  for (int k = 0; k < K; k++) normal += exp(alpha[k] - largest);

  moments sum[K];
  memset(sum, 0, sizeof sum);
  v8 total = _mm512_setzero_pd();
  for (size_t row = 0; row < g->n; row += BLOCK) {
    const double *x = g->x + row * D;
    v8 t[K][VEC];
    for (int k = 0; k < K; k++) density(x, mu + k * D, Q[k], c0[k], t[k]);
    for (int v = 0; v < VEC; v++) {
      v8 top = t[0][v], s = _mm512_setzero_pd();
#pragma GCC unroll 10
      for (int k = 1; k < K; k++) top = _mm512_max_pd(top, t[k][v]);
#pragma GCC unroll 10
      for (int k = 0; k < K; k++) t[k][v] = v8_exp(_mm512_sub_pd(t[k][v], top)), s = _mm512_add_pd(s, t[k][v]);
      v8 f = _mm512_add_pd(top, v8_log(s)), inv = _mm512_div_pd(v8_set(1), s);
      if (row + 8 * v + 8 > g->n) { /* rows past the end */
        __mmask8 in = row + 8 * v >= g->n ? 0 : (__mmask8)((1u << (g->n - row - 8 * v)) - 1);
        f = _mm512_maskz_mov_pd(in, f), inv = _mm512_maskz_mov_pd(in, inv);
      }
      total = _mm512_add_pd(total, f);
#pragma GCC unroll 10
      for (int k = 0; k < K; k++) t[k][v] = _mm512_mul_pd(t[k][v], inv);
    }
    for (int k = 0; k < K; k++) {
      v8 R = sum[k].R;
      for (int v = 0; v < VEC; v++) R = _mm512_add_pd(R, t[k][v]);
      sum[k].R = R;
      accumulate_low(x, mu + k * D, t[k], &sum[k]);
      accumulate_middle(x, mu + k * D, t[k], &sum[k]);
      accumulate_high(x, mu + k * D, t[k], &sum[k]);
    }
  }

  double *g_alpha = gradient, *g_mu = g_alpha + K, *g_q = g_mu + K * D, *g_l = g_q + K * D, n = (double)g->n;
  memset(g_l, 0, sizeof *g_l * K * D * D);
  for (int k = 0; k < K; k++) {
    double R = _mm512_reduce_add_pd(sum[k].R), m[D], M[D][D], Qm[D];
    for (int a = 0; a < D; a++) {
      m[a] = _mm512_reduce_add_pd(sum[k].m[a]);
      for (int b = 0; b <= a; b++) M[a][b] = M[b][a] = _mm512_reduce_add_pd(sum[k].M[AT(a, b)]);
    }
    g_alpha[k] = n * exp(alpha[k] - largest) / normal - R;
    for (int a = 0; a < D; a++) {
      Qm[a] = 0;
      for (int b = 0; b <= a; b++) {
        double QM = 0;
        for (int c = 0; c <= a; c++) QM += Q[k][AT(a, c)] * M[c][b];
        Qm[a] += Q[k][AT(a, b)] * m[b];
        if (b < a) g_l[(k * D + a) * D + b] = QM;
        else g_q[k * D + a] = QM * Q[k][AT(a, a)] - R;
      }
    }
    for (int b = 0; b < D; b++) {
      double s = 0;
      for (int a = b; a < D; a++) s += Q[k][AT(a, b)] * Qm[a];
      g_mu[k * D + b] = -s;
    }
  }
  return n * (largest + log(normal)) + n * D * log(2 * 3.14159265358979323846) / 2 - _mm512_reduce_add_pd(total);
}
