/* kern.c - the choice of an instruction set, made from what the processor and the operating system allow. */
#include "back/kern.h"

const cx_kernels *cx_kernels_nth(bool single, int k) {
  int level = cx_isa_level() - k;
  if (k < 0 || level < 0) return NULL;
#ifdef CX_X86_64
  if (level == 2) return single ? &cx_kern_float_avx512 : &cx_kern_double_avx512;
  if (level == 1) return single ? &cx_kern_float_avx2 : &cx_kern_double_avx2;
#endif
  return single ? &cx_kern_float_base : &cx_kern_double_base;
}

int cx_kern_pair_of(cx_op op) {
  for (int k = 0; k < CX_PAIRS; k++)
    if (cx_kern_double_base.pair[k].first == op || cx_kern_double_base.pair[k].second == op) return k;
  return -1;
}

const cx_kernels *cx_kernels_get(bool single, bool baseline_only) {
  return cx_kernels_nth(single, baseline_only ? cx_isa_level() : 0);
}
