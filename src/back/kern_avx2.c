/* kern_avx2.c - the kernels for AVX2 and FMA; the build gives this file its flags. */
#define CX_ISA           avx2
#define CX_BYTES         32 /* of a vector */
#define CX_SLEEF_DOUBLE  d4
#define CX_SLEEF_FLOAT   f8
#define CX_SLEEF_DOUBLES __m256d
#define CX_SLEEF_FLOATS  __m256
#define CX_SLEEF_ISA     avx2
#include "back/kern_elem.h"
#define CX_SINGLE 0
#include "back/kern_elem.inc"
#undef CX_SINGLE
#define CX_SINGLE 1
#include "back/kern_elem.inc"
