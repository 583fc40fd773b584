/* exec_text.c - the schedule and its byte code as text. */
#include "back/exec.h"
#include "back/segment.h"
#include <stdio.h>
#include <string.h>

typedef CX_VEC(char) buf;
static void add(cx_arena *a, buf *b, const char *t) {
  for (; *t; t++) *CX_PUSH(a, *b) = *t;
}
static void operand(cx_arena *a, buf *b, const cx_kernel *k, const char *name, const cx_opnd *o) {
  static const char *const base[] = {"temp", "acc", "work", "number", "const"};
  int at = k->reg[o->reg].base;
  char *w = at < BASE_FIRST ? cx_format(a, "%s", base[at]) : cx_format(a, "array%d", at - BASE_FIRST);
  add(a, b, cx_format(a, " %s%s+%lld[%lld,%d]", name, w, (long long)o->off, (long long)o->rs, o->ls));
}
static void linear(cx_arena *a, buf *b, const cx_kernel *k, const cx_linear *f) {
  add(a, b, f->red == RED_max ? " <- greatest" : f->red ? " <- least" : " <-");
  for (int n = 0; n < f->n && f->red; n++) operand(a, b, k, "", &f->a[n]);
  if (f->red) return;
  if (f->forms > 1) add(a, b, cx_format(a, " %s %.6g +", f->root ? "root of" : "squares", f->offset));
  for (int n = 0; n <= f->n; n++) {
    add(a, b, n ? ", (" : " (");
    for (int j = 0; j < f->forms; j++) add(a, b, cx_format(a, "%s%.6g", j ? " " : "", f->c[n * f->forms + j]));
    add(a, b, n ? ") *" : ")");
    if (n) operand(a, b, k, "", &f->a[n - 1]);
  }
}
static void code(cx_arena *a, buf *b, const cx_kernel *k, const cx_ins *i, const cx_ins *end, int depth) {
  for (; i < end; i += i->len + 1) {
    for (int d = 0; d < depth; d++) add(a, b, "  ");
    const char *name = cx_vm_name(i->fn);
    if (!*name) name = cx_ops[i->op].name;
    add(a, b, name);
    if (i->len || !strcmp(name, "loop")) {
      if (*name == 'c') add(a, b, cx_format(a, " x%lld", (long long)i->R));
      else if (*name == 'l')
        add(a, b,
            cx_format(a, " %lld from %lld by %lld", (long long)i->R, (long long)i->u.loop.start,
                      (long long)i->u.loop.step));
      else add(a, b, cx_format(a, " below %lld", (long long)i->u.loop.start));
      add(a, b, "\n");
      code(a, b, k, i + 1, i + 1 + i->len, depth + 1);
      continue;
    }
    if (!strcmp(name, "reduce") || !strcmp(name, "lanes") || !strcmp(name, "arg"))
      add(a, b, cx_format(a, " %s", cx_red_name[i->op]));
    if (!strcmp(name, "pair")) add(a, b, cx_format(a, " of %s", cx_ops[i->op].name));
    if (i->R != 1) add(a, b, cx_format(a, " x%lld", (long long)i->R));
    if (i->dense) add(a, b, " dense");
    if (!i->lanes) add(a, b, " uniform");
    if (!strcmp(name, "matmul") || !strcmp(name, "rowdot") || !strcmp(name, "columns"))
      add(a, b,
          cx_format(a, " %lld x %lld x %lld%s%s", (long long)i->u.mat.m, (long long)i->u.mat.k, (long long)i->u.mat.n,
                    i->add ? " add" : "", i->u.mat.limit && *name != 'r' ? " cut" : ""));
    if (!strcmp(name, "contract")) {
      const cx_contract *c = i->u.sum;
      add(a, b,
          cx_format(a, " %lld x (%lld %lld %lld) x %lld%s", (long long)c->m, (long long)c->k.n[0], (long long)c->k.n[1],
                    (long long)c->k.n[2], (long long)c->n, i->add ? " add" : ""));
      for (int p = 0; p < c->nplace; p++) add(a, b, cx_format(a, "%s%lld", p ? " " : " at ", (long long)c->place[p].n));
    }
    operand(a, b, k, "", &i->d);
    if (!strcmp(name, "linear")) linear(a, b, k, i->u.linear);
    for (int n = 0; n < i->na; n++) operand(a, b, k, n ? ", " : "<- ", &i->a[n]);
    add(a, b, "\n");
  }
}

char *cx_exec_text(const cx_exec *x, cx_arena *a) {
  buf b = {0};
  if (x->seg) return cx_segments_text(x->seg, a);
  for (int i = 0; i < x->nkernel; i++) {
    const cx_kernel *k = &x->kernel[i];
    add(a, &b, cx_format(a, "kernel %d%s:", i, k->stage ? "" : " (once)"));
    for (int m = 0; m < k->neq; m++) add(a, &b, cx_format(a, " %s", x->g->eq[k->eq[m]]->name));
    if (k->prim) add(a, &b, cx_format(a, ", by %s\n", k->prim->prim->name));
    else if (k->lanes)
      add(a, &b,
          cx_format(a, "; %lld rows, %d chunk%s of %lld, blocks of %lld, %lld bytes of temporaries\n", (long long)k->n,
                    k->nchunk, k->nchunk == 1 ? "" : "s", (long long)k->chunk_rows, (long long)k->block,
                    (long long)k->temp_bytes));
    else add(a, &b, "\n");
    code(a, &b, k, k->code, k->code + k->ncode, 1);
  }
  *CX_PUSH(a, b) = 0;
  return b.at;
}
