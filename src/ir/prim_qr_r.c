/* prim_qr_r.c - the triangular factor R (n x n) of a tall matrix A (m x n): A = QR, hence |A v| = |R v|.
 *
 * Householder reflections on blocks of rows: R so far stands on top of the next block and the stack is reduced to a new
 * R, so the work space is that of one block whatever m is (the sequential TSQR of Demmel, Grigori, Hoemmen, Langou,
 * SIAM J. Sci. Comput. 34, 2012). A row sign is free; R has a non-negative diagonal. */
#include "ir/ir.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 64 };

static bool shape(const cx_eq *const *arg, cx_eq *out, const char **why) {
  if (arg[0]->rank != 2) {
    *why = "the triangular factor is that of a matrix";
    return false;
  }
  out->rank = 2;
  out->dim[0] = out->dim[1] = arg[0]->dim[1];
  return true;
}

static size_t scratch_size(const cx_eq *const *arg) {
  size_t n = (size_t)arg[0]->dim[1].n;
  return (n + BLOCK) * n;
}

/* reduces the first rows x n of s (row-major) to upper triangular form; the first n rows already have it */
static void reduce(double *s, int64_t rows, int64_t n) {
  for (int64_t k = 0; k < n; k++) {
    double big = 0, sum = 0;
    for (int64_t i = k; i < rows; i++) {
      if (i > k && i < n) continue; /* below the diagonal of the old R: 0 */
      double x = fabs(s[i * n + k]);
      if (!(x <= big)) big = x;
    }
    if (big == 0) continue;
    for (int64_t i = k; i < rows; i++) {
      if (i > k && i < n) continue;
      double x = s[i * n + k] / big;
      sum += x * x;
    }
    double norm = big * sqrt(sum), top = s[k * n + k], alpha = top > 0 ? -norm : norm, v = top - alpha;
    /* H = I - beta w w', w = (v, the rest): beta = 1 / (norm (norm + |top|)) */
    double beta = 1 / (norm * (norm + fabs(top)));
    for (int64_t j = k + 1; j < n; j++) {
      double dot = v * s[k * n + j];
      for (int64_t i = n; i < rows; i++) dot += s[i * n + k] * s[i * n + j];
      dot *= beta;
      s[k * n + j] -= dot * v;
      for (int64_t i = n; i < rows; i++) s[i * n + j] -= dot * s[i * n + k];
    }
    s[k * n + k] = alpha;
  }
}

static int eval(const cx_eq *out, const cx_eq *const *arg, const double *const *in, double *result, double *scratch,
                const char **why) {
  int64_t m = arg[0]->dim[0].n, n = out->dim[0].n;
  (void)why;
  if (n == 0) return 0;
  memset(scratch, 0, (size_t)(n * n) * sizeof *scratch);
  for (int64_t at = 0; at < m; at += BLOCK) {
    int64_t rows = m - at < BLOCK ? m - at : BLOCK;
    memcpy(scratch + n * n, in[0] + at * n, (size_t)(rows * n) * sizeof *scratch);
    reduce(scratch, n + rows, n);
  }
  for (int64_t i = 0; i < n; i++) {
    double sign = scratch[i * n + i] < 0 ? -1 : 1;
    for (int64_t j = 0; j < n; j++) result[i * n + j] = j < i ? 0 : sign * scratch[i * n + j];
  }
  return 0;
}

const cx_prim cx_prim_qr_r = {.name = "qr_r", .nargs = 1, .shape = shape, .eval = eval, .scratch_size = scratch_size};
