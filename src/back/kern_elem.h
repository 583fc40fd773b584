/* kern_elem.h - what both inclusions of kern_elem.inc share. */
#ifndef CX_KERN_ELEM_H
#define CX_KERN_ELEM_H
#include "back/kern.h"
#include "run/rng.h"
#include "run/special.h"
#include <math.h>
#if defined __x86_64__
#include <immintrin.h>
#endif
/* SLEEF's names are by x86 instruction set here; another target takes the lane-by-lane C library */
#if defined HAVE_SLEEF && defined __x86_64__ && CX_BYTES > 16
#define CX_VECTOR_MATH 1
#include <sleef.h>
#else
#define CX_VECTOR_MATH 0
#endif

#define CX_CAT_(a, b)           a##b
#define CX_CAT(a, b)            CX_CAT_(a, b)
#define CX_STRING_(a)           #a
#define CX_STRING(a)            CX_STRING_(a)
#define CX_CAT5_(a, b, c, d, e) a##b##c##d##e
#define CX_CAT5(a, b, c, d, e)  CX_CAT5_(a, b, c, d, e)
#endif
