/* kern_mat_isa.h - one instruction set's matrix kernels, for double and float: CX_ISA, CX_BYTES (of a vector), CX_MR (rows
 * of the register tile), CX_DOTS (columns of dot products at a time). */
#include "back/kern_mat.h"
#include <math.h>
#include <string.h>
#if CX_BYTES > 16
#include <immintrin.h>
#endif
#define CX_CAT2(a, b) a##_##b
#define CX_CAT(a, b)  CX_CAT2(a, b)
#define CX_NAME(n)    CX_CAT(n, CX_ISA)
#define REAL          double
#define REAL_BYTES    8
#define REAL_INT      int64_t
#define N(x)          x##_f64
#include "back/kern_mat.inc"
#undef REAL
#undef REAL_BYTES
#undef REAL_INT
#undef N
#define REAL       float
#define REAL_BYTES 4
#define REAL_INT   int32_t
#define N(x)       x##_f32
#include "back/kern_mat.inc"
