/* kern_base.c - the kernels for the instruction set that every processor of the target has. */
#define CX_ISA   base
#define CX_BYTES 16 /* of a vector */
#include "back/kern_elem.h"
#define CX_SINGLE 0
#include "back/kern_elem.inc"
#undef CX_SINGLE
#define CX_SINGLE 1
#include "back/kern_elem.inc"
