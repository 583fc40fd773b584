/* mat_base.c - matrix kernels, baseline; the build gives this file its flags. */
#define CX_ISA   base
#define CX_BYTES 16
#define CX_MR    4
#define CX_DOTS  2
#include "back/kern_mat_isa.h"
