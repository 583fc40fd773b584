/* panel_avx512.c - panels, AVX-512; the build gives this file its flags. */
#define CX_ISA avx512
#include "quad/panel_isa.h"
