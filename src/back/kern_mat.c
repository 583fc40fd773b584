/* kern_mat.c - the choice of matrix kernels. */
#include "back/kern_mat.h"
#include "back/kern.h"

const cx_mat_kernels *cx_mat_get(bool single, bool baseline_only) {
#ifdef CX_X86_64
  int level = baseline_only ? 0 : cx_isa_level();
  if (level == 2) return single ? &cx_mat_f32_avx512 : &cx_mat_f64_avx512;
  if (level == 1) return single ? &cx_mat_f32_avx2 : &cx_mat_f64_avx2;
#endif
  (void)baseline_only;
  return single ? &cx_mat_f32_base : &cx_mat_f64_base;
}
