/* kernel_logistic.c - value and gradient of logistic regression in one pass over the data. A block of 64 rows stays in
 * L1 between its two uses: eta = X w, then X' (logistic(eta) - y). */
#include "avx512.h"
#include "kernels.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64, VEC = BLOCK / 8, MAX_D = 256 };

struct logistic {
  size_t n, d;
  double *X, *y;
};

double *by_blocks(size_t n, size_t d, size_t block, const double *x) {
  size_t nb = (n + block - 1) / block;
  double *to = aligned_alloc(64, nb * block * d * sizeof *to);
  if (!to) return NULL;
  memset(to, 0, nb * block * d * sizeof *to);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) to[(i / block * d + j) * block + i % block] = x[i * d + j];
  return to;
}

logistic *logistic_new(size_t n, size_t d, const double *X, const double *y) {
  logistic *m = d <= MAX_D ? calloc(1, sizeof *m) : NULL;
  if (!m) return NULL;
  *m = (logistic){n, d, by_blocks(n, d, BLOCK, X), by_blocks(n, 1, BLOCK, y)};
  if (m->X && m->y) return m;
  logistic_free(m);
  return NULL;
}

void logistic_free(logistic *m) {
  if (m) free(m->X), free(m->y), free(m);
}

double logistic_gradient(const logistic *m, const double *theta, double *gradient) {
  const size_t n = m->n, d = m->d;
  v8 sum = _mm512_setzero_pd(), sum_b = sum, acc[MAX_D];
  for (size_t j = 0; j < d; j++) acc[j] = sum;
  for (size_t row = 0; row < n; row += BLOCK) {
    const double *X = m->X + row * d, *y = m->y + row;
    v8 eta[VEC];
    for (int v = 0; v < VEC; v++) eta[v] = v8_set(theta[d]);
    for (size_t j = 0; j < d; j++) {
      v8 w = v8_set(theta[j]);
#pragma GCC unroll 8
      for (int v = 0; v < VEC; v++) eta[v] = _mm512_fmadd_pd(_mm512_load_pd(X + j * BLOCK + 8 * v), w, eta[v]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < VEC; v++) {
      v8 Y = _mm512_load_pd(y + 8 * v), p;
      v8 f = _mm512_fnmadd_pd(Y, eta[v], v8_softplus(eta[v], &p)), g = _mm512_sub_pd(p, Y);
      if (row + 8 * v + 8 > n) { /* rows past the end */
        __mmask8 in = row + 8 * v >= n ? 0 : (__mmask8)((1u << (n - row - 8 * v)) - 1);
        f = _mm512_maskz_mov_pd(in, f), g = _mm512_maskz_mov_pd(in, g);
      }
      sum = _mm512_add_pd(sum, f), sum_b = _mm512_add_pd(sum_b, g);
      eta[v] = g;
    }
    for (size_t j = 0; j < d; j++) {
      v8 a = acc[j];
#pragma GCC unroll 8
      for (int v = 0; v < VEC; v++) a = _mm512_fmadd_pd(_mm512_load_pd(X + j * BLOCK + 8 * v), eta[v], a);
      acc[j] = a;
    }
  }
  double f = _mm512_reduce_add_pd(sum) + theta[d] * theta[d] / 2;
  for (size_t j = 0; j < d; j++) {
    f += theta[j] * theta[j] / 2;
    gradient[j] = _mm512_reduce_add_pd(acc[j]) + theta[j];
  }
  gradient[d] = _mm512_reduce_add_pd(sum_b) + theta[d];
  return f;
}
