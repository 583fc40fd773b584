/* mat_avx512.c - matrix kernels, AVX-512; the build gives this file its flags. */
#define CX_ISA   avx512
#define CX_BYTES 64
#define CX_MR    8
#define CX_DOTS  4
#include "back/kern_mat_isa.h"
