/* panel_avx2.c - panels, AVX2; the build gives this file its flags. */
#define CX_ISA avx2
#include "quad/panel_isa.h"
