/* kern_avx512.c - the kernels for AVX-512 F, DQ, BW, VL; the build gives this file its flags. */
#define CX_ISA           avx512
#define CX_BYTES         64 /* of a vector */
#define CX_SLEEF_DOUBLE  d8
#define CX_SLEEF_FLOAT   f16
#define CX_SLEEF_DOUBLES __m512d
#define CX_SLEEF_FLOATS  __m512
#define CX_SLEEF_ISA     avx512f
#include "back/kern_elem.h"
#define CX_SINGLE 0
#include "back/kern_elem.inc"
#undef CX_SINGLE
#define CX_SINGLE 1
#include "back/kern_elem.inc"
