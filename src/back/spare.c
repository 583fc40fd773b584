/* spare.c - products with a row of numbers that leave out what 0 multiplies.
 *
 * One sample through a network reads every weight once, so its time is that of reading; half of a picture or of what
 * follows a relu is 0, and nearly all of a bag of words. A product is 0 there only where the weight is finite, so the
 * matrix must be one that does not change, and is looked at here, once. */
#include <math.h>

#include "back/exec.h"

enum { TERMS = 32 }; /* shorter sums are not worth a list of what is not 0 */

static bool all_finite(const char *p, bool single, int64_t bytes) {
  const float *f = (const float *)(const void *)p;
  const double *d = (const double *)(const void *)p;
  int64_t n = bytes / (single ? 4 : 8);
  bool ok = true;
  for (int64_t k = 0; k < n && ok; k++) ok = isfinite(single ? (double)f[k] : d[k]);
  return ok;
}

/* of all that lies at a base */
static bool known_finite(const cx_exec *x, int base) {
  bool single = x->opt.single;
  int first = x->first_extra - x->nconstant, k = base - first;
  if (base == BASE_CONST) return x->const_bytes <= CX_LARGE && all_finite(x->base[base], single, x->const_bytes);
  if (base >= x->first_extra) {
    int64_t bytes = cx_columns_bytes(x, &x->copy[base - x->first_extra]);
    return bytes <= CX_LARGE && all_finite(x->base[base], single, bytes);
  }
  if (base < first || x->constant[k].type != (single ? CX_F32 : CX_F64)) return false;
  int64_t n = 1; /* row-major ones alone */
  for (int d = x->constant[k].rank - 1; d >= 0; n *= x->constant[k].dim[d--])
    if (x->constant[k].stride[d] != n && x->constant[k].dim[d] != 1) return false;
  n *= single ? 4 : 8;
  return n <= CX_LARGE && all_finite(x->base[base], single, n);
}

/* of a row times a matrix; NULL: it is something else */
static const cx_opnd *matrix(const cx_exec *x, const cx_ins *p) {
  const cx_vm_table *vm = cx_vm_get(x->opt.single);
  if (p->fn == vm->matmul && p->u.mat.m == 1 && p->u.mat.k >= TERMS && !p->u.mat.limit) return &p->a[1];
  if (p->fn == vm->matvec && cx_by_lines(p) && p->u.mat.k >= TERMS) return &p->a[0];
  return NULL;
}

void cx_spare(cx_exec *x) {
  enum { UNKNOWN, NO, YES };
  char *known = CX_NEW_N(x->a, char, x->nbase);
  for (int i = 0; i < x->nkernel; i++)
    for (int j = 0; j < x->kernel[i].ncode && x->kernel[i].stage; j++) {
      cx_ins *p = &x->kernel[i].code[j];
      const cx_opnd *m = matrix(x, p);
      if (!m) continue;
      int base = x->kernel[i].reg[m->reg].base;
      if (!known[base]) known[base] = known_finite(x, base) ? YES : NO;
      p->spare = known[base] == YES;
    }
}

void cx_spare_not(cx_exec *x, int k) {
  for (int i = 0; i < x->nkernel; i++)
    for (int j = 0; j < x->kernel[i].ncode; j++) {
      cx_ins *p = &x->kernel[i].code[j];
      if (!p->spare) continue;
      int base = x->kernel[i].reg[matrix(x, p)->reg].base, number = base - (x->first_extra - x->nconstant);
      if (base >= x->first_extra) number = x->copy[base - x->first_extra].number;
      if (base == BASE_CONST || number == k) p->spare = false;
    }
}
