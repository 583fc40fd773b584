/* prim_ranks.c - places of numbers in ascending order, along the last dimension: the least has rank 1, equals share the
 * mean of their places (Kendall 1945), and NaN has none: its rank is NaN, and it is not counted.
 *
 * A merge sort of places from runs of one number up, n log n whatever the order was. */
#include "ir/ir.h"
#include <math.h>

static bool shape(const cx_eq *const *arg, cx_eq *out, const char **why) {
  if (!arg[0]->rank) {
    *why = "a scalar has no ranks";
    return false;
  }
  out->rank = arg[0]->rank;
  for (int k = 0; k < out->rank; k++) out->dim[k] = arg[0]->dim[k];
  return true;
}

static size_t scratch_size(const cx_eq *const *arg) { return 2 * (size_t)arg[0]->dim[arg[0]->rank - 1].n; }

/* from, to: places in x as doubles (exact up to 2^53), sorted in runs of `run`; afterwards in runs of twice that */
static void merge(const double *x, int64_t n, int64_t run, const double *from, double *to) {
  for (int64_t beg = 0; beg < n; beg += 2 * run) {
    int64_t mid = beg + run < n ? beg + run : n, end = mid + run < n ? mid + run : n, i = beg, j = mid;
    for (int64_t k = beg; k < end; k++)
      to[k] = j >= end || (i < mid && x[(int64_t)from[i]] <= x[(int64_t)from[j]]) ? from[i++] : from[j++];
  }
}

static void rank_row(const double *x, int64_t n, double *rank, double *at, double *other) {
  int64_t m = 0;
  for (int64_t i = 0; i < n; i++) {
    rank[i] = NAN;
    if (!isnan(x[i])) at[m++] = (double)i;
  }
  for (int64_t run = 1; run < m; run *= 2) {
    merge(x, m, run, at, other);
    double *t = at;
    at = other, other = t;
  }
  for (int64_t i = 0, j; i < m; i = j) {
    for (j = i + 1; j < m && x[(int64_t)at[j]] == x[(int64_t)at[i]];) j++;
    for (int64_t k = i; k < j; k++) rank[(int64_t)at[k]] = 0.5 * (double)(i + 1 + j);
  }
}

static int eval(const cx_eq *out, const cx_eq *const *arg, const double *const *in, double *result, double *scratch,
                const char **why) {
  int64_t n = out->dim[out->rank - 1].n, rows = 1;
  (void)arg, (void)why;
  for (int k = 0; k < out->rank - 1; k++) rows *= out->dim[k].n;
  for (int64_t r = 0; r < rows; r++) rank_row(in[0] + r * n, n, result + r * n, scratch, scratch + n);
  return 0;
}

const cx_prim cx_prim_ranks = {.name = "ranks", .nargs = 1, .shape = shape, .eval = eval, .scratch_size = scratch_size};
