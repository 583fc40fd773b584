/* kern_mat.c - the choice of matrix kernels. */
#include "back/kern_mat.h"
#include "back/kern.h"

const cx_mat_kernels *cx_mat_nth(bool single, int k) {
  int level = cx_isa_level() - k;
  if (k < 0 || level < 0) return NULL;
#ifdef CX_X86_64
  if (level == 2) return single ? &cx_mat_f32_avx512 : &cx_mat_f64_avx512;
  if (level == 1) return single ? &cx_mat_f32_avx2 : &cx_mat_f64_avx2;
#endif
  return single ? &cx_mat_f32_base : &cx_mat_f64_base;
}

const cx_mat_kernels *cx_mat_get(bool single, bool baseline_only) {
  return cx_mat_nth(single, baseline_only ? cx_isa_level() : 0);
}
