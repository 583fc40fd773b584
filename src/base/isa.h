/* isa.h - instruction sets that kernels are made for. */
#ifndef CX_ISA_H
#define CX_ISA_H
int cx_isa_level(void); /* 0 base, 1 AVX2 and FMA, 2 AVX-512 F, DQ, BW, VL */
#endif
