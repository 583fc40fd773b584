/* in_place.c - may an output take the memory of an input? Where no element of the input is read after an element of the
 * output was written: not in a later pass, and in the same one only if it goes element by element and reads first. */
#include "back/exec.h"

static bool has(const cx_kernel *k, int base) {
  for (int r = 0; r < k->nreg; r++)
    if (k->reg[r].base == base) return true;
  for (int a = 0; a < k->nacc; a++)
    if (k->acc[a].to_base == base) return true;
  return false;
}

static bool reads_first(const cx_exec *x, const cx_kernel *k, int in, int out) {
  const cx_vm_table *vm = cx_vm_get(x->opt.single);
  int64_t size = x->opt.single ? 4 : 8;
  bool written = false;
  if (!k->lanes || k->nacc) return false;
  for (int c = 0; c < k->ncode; c++) {
    const cx_ins *i = &k->code[c];
    bool copy = i->fn == vm->pack && !i->u.access->ncheck;
    if (i->fn != vm->ew && !copy) return false; /* others have operands of their own kind */
    for (int a = -1; a < i->na; a++) {
      const cx_opnd *o = a < 0 ? &i->d : &i->a[a];
      const cx_reg *r = &k->reg[o->reg];
      if (r->base != in && r->base != out) continue;
      if (r->scale != size || r->lay || o->off || o->ls != 1 || !i->lanes || i->R != 1) return false;
      if (a >= 0 && (written || r->base == out)) return false;
    }
    written |= k->reg[i->d.reg].base == out;
  }
  return true;
}

bool cx_exec_in_place(const cx_exec *x, int in, int out) {
  in += BASE_FIRST, out += BASE_FIRST + x->nin;
  bool written = false;
  if (x->seg) return false;
  for (int n = 0; n < x->nkernel; n++) {
    const cx_kernel *k = &x->kernel[n];
    bool reads = has(k, in), writes = has(k, out);
    if (k->prim || (reads && written) || (reads && writes && !reads_first(x, k, in, out))) return false;
    written |= writes;
  }
  return true;
}
