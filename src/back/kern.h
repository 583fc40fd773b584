/* kern.h - elementwise vector kernels: dst[i] = op(arg[0][i * stride[0]], …) for i < n, one for every op of ops.def,
 * in double and in float. Compiled once for each instruction set; which one the processor has is asked at run time. */
#ifndef CX_KERN_H
#define CX_KERN_H
#include "base/isa.h"
#include "ir/ir.h"

/* stride 1: contiguous, 0: one value for all; no alignment needed. dst may be the same array as an argument. */
typedef void (*cx_kern)(void *dst, const void *const *arg, const int *stride, int64_t n);
/* the same for r rows, each of them `step[k]` numbers behind the one before, the first of them that of dst */
typedef void (*cx_kern_rows)(void *dst, const void *const *arg, const int *stride, int64_t n, const int64_t *step,
                             int64_t r);
/* first[i], second[i]: two functions of arg[i * stride] that share most of their work */
typedef void (*cx_kern_pair)(void *first, void *second, const void *arg, int stride, int64_t n);
typedef struct {
  cx_op first, second;
  cx_kern_pair run;
} cx_pair;
enum { CX_PAIRS = 2 };
typedef struct {
  const char *isa; /* "avx512", "avx2" or "base" */
  cx_kern op[OP_COUNT];
  cx_kern_rows rows[OP_COUNT]; /* of those ops that cost no more than a call does; else NULL */
  cx_pair pair[CX_PAIRS];      /* of the same ops in every set */
} cx_kernels;

const cx_kernels *cx_kernels_get(bool single, bool baseline_only);
/* number of the pair that the op belongs to, -1 without one */
int cx_kern_pair_of(cx_op op);
/* the k-th set this processor runs, best first; NULL after the last (tests) */
const cx_kernels *cx_kernels_nth(bool single, int k);

/* what cx_kernels_get chooses from: kern_base.c, kern_avx2.c, kern_avx512.c */
extern const cx_kernels cx_kern_double_base, cx_kern_float_base;
extern const cx_kernels cx_kern_double_avx2, cx_kern_float_avx2;
extern const cx_kernels cx_kern_double_avx512, cx_kern_float_avx512;
#endif
