/* mat_avx2.c - matrix kernels, AVX2 and FMA; the build gives this file its flags. */
#define CX_ISA   avx2
#define CX_BYTES 32
#define CX_MR    4
#define CX_DOTS  2
#include "back/kern_mat_isa.h"
