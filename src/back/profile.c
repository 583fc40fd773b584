/* profile.c - where the time of runs goes: every instruction is timed, and sums are shown by equation and by kind.
 *
 * Time is what passes from the end of the instruction before, so what it costs to get there is in it; where that is
 * long, the processor's own clock says how much of it was spent on other programs. Arithmetic counts
 * multiplications and additions of products, and one operation an element of all else; bytes are those of operands,
 * each once, whatever cache they are in. */
#include "back/profile.h"
#include <string.h>
#include <time.h>

enum { SHOWN = 25 };
enum { BY_INSTRUCTION, BY_EQUATION, BY_PASS, BY };

typedef struct {
  const char *name[BY];
  double flops[2], bytes[2]; /* of a run, and more for each lane */
} entry;
typedef struct list {
  struct list *next;
  entry *at;
  cx_tally *tally;
  int n;
} list;
struct cx_profile {
  cx_arena *a;
  list *first;
};

void cx_profile_start(cx_ctx *c) {
  cx_profile *p = CX_NEW(cx_ctx_arena(c), cx_profile);
  p->a = cx_ctx_arena(c);
  *cx_ctx_slot(c, CX_SLOT_PROFILE) = p;
}

static int64_t clock_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
int64_t cx_profile_spent(void) { return clock_of(CLOCK_THREAD_CPUTIME_ID); }

void cx_profile_begin(cx_lap *l) { *l = (cx_lap){.spent = cx_profile_spent(), .since = clock_of(CLOCK_MONOTONIC)}; }

int64_t cx_profile_lap(cx_lap *l) {
  enum { LONG = 50000 };
  int64_t now = clock_of(CLOCK_MONOTONIC), ns = now - l->since;
  l->since = now;
  if (ns < LONG) {
    l->counted += ns;
    return ns;
  }
  int64_t spent = cx_profile_spent(), own = spent - l->spent - l->counted;
  l->spent = spent, l->counted = 0;
  return own < 0 ? 0 : own < ns ? own : ns;
}

static void describe(const cx_exec *x, const cx_kernel *k, const cx_ins *i, cx_arena *a, entry *e) {
  const cx_vm_table *vm = cx_vm_get(x->opt.single);
  double size = x->opt.single ? 4 : 8, R = (double)i->R;
  const char *name = cx_vm_name(i->fn), *lanes = k->block < k->n ? "" : cx_format(a, " of %lld", (long long)k->n);
  lanes = cx_format(a, "lanes%s", lanes);
  e->name[BY_EQUATION] = i->eq ? x->g->eq[i->eq - 1]->name : "";
  e->name[BY_INSTRUCTION] = *name ? name : cx_ops[i->op].name;
  if (i->fn == vm->loop || i->fn == vm->guard || i->fn == vm->cut) return;
  if (i->fn == vm->matmul || i->fn == vm->matvec || i->fn == vm->columns || i->fn == vm->rowdot) {
    double m = (double)i->u.mat.m, n = i->fn == vm->matvec ? 1 : (double)i->u.mat.n, q = (double)i->u.mat.k;
    bool by_row = i->fn == vm->columns || i->fn == vm->rowdot; /* lanes are no index of the product */
    bool over = i->fn == vm->rowdot || (i->fn == vm->matmul && q == 0), across = i->fn == vm->matmul && n == 0;
    double rows = i->fn == vm->rowdot ? R : 1;
    if (i->fn == vm->rowdot || over) q = 1;
    if (across) n = 1;
    e->flops[by_row || over || across] = 2 * rows * m * n * q;
    int s = i->fn == vm->columns;
    e->bytes[s || across || over] += size * rows * (s ? m * q + n * q + m * n : across ? q * n + m * n : m * q + q * n);
    if (across) e->bytes[0] += size * m * q;
    else if (!s) e->bytes[0] += size * m * n;
    const char *kk = over ? lanes : cx_format(a, "%.0f", q), *nn = across ? lanes : cx_format(a, "%.0f", n);
    e->name[BY_INSTRUCTION] = cx_format(a, "%s %.0f x %s x %s%s", e->name[BY_INSTRUCTION], m, kk, nn,
                                        i->fn == vm->columns ? i->u.mat.limit ? " in each lane, cut" : " in each lane"
                                        : i->fn == vm->matmul && i->u.mat.limit ? ", cut"
                                                                                : "");
    if ((i->fn == vm->matmul || i->fn == vm->columns) && i->u.mat.limit)
      e->flops[0] = e->flops[1] = 0; /* counted as it runs */
    return;
  }
  if (i->fn == vm->contract) {
    const cx_contract *c = i->u.sum;
    double terms = 1, m = (double)c->m, n = c->n ? (double)c->n : 1;
    for (int q = 0; q < 3; q++) terms *= c->lanes && q == 2 ? 1 : (double)c->k.n[q];
    for (int p = 0; p < c->nplace; p++) terms *= (double)c->place[p].n;
    e->flops[c->lanes || !c->n] = c->limited ? 0 : 2 * terms * m * n; /* with bounds it is counted as it runs */
    e->bytes[1] = size * (terms + m);
    e->name[BY_INSTRUCTION] = c->lanes
                                  ? cx_format(a, "contract %lld x (%lld %lld lanes) x %lld", (long long)c->m,
                                              (long long)c->k.n[0], (long long)c->k.n[1], (long long)c->n)
                                  : cx_format(a, "contract %lld x (%lld %lld %lld) x %s", (long long)c->m,
                                              (long long)c->k.n[0], (long long)c->k.n[1], (long long)c->k.n[2], lanes);
    return;
  }
  double count = 1;
  if (i->fn == vm->linear) count = i->u.linear->n;
  else
    for (int j = 0; j < i->na; j++) count += i->fn == vm->transpose || i->a[j].rs || i->a[j].ls;
  e->flops[i->lanes] = i->fn == vm->transpose || i->fn == vm->pack || i->fn == vm->gather || i->fn == vm->fill ? 0 : R;
  e->bytes[i->lanes] = i->fn == vm->linear ? R * (size + count * cx_dtype_size[i->u.linear->type]) : R * size * count;
  if (i->fn == vm->red || i->fn == vm->acc || i->fn == vm->arg)
    e->name[BY_INSTRUCTION] = cx_format(a, "%s %s", e->name[BY_INSTRUCTION], cx_red_name[i->op]);
  if (i->fn == vm->pair) e->name[BY_INSTRUCTION] = cx_format(a, "%s and the other", cx_ops[i->op].name);
}

cx_tally **cx_profile_of(const cx_exec *x) {
  cx_profile *p = *cx_ctx_slot(x->ctx, CX_SLOT_PROFILE);
  if (!p) return NULL;
  cx_tally **by_kernel = CX_NEW_N(p->a, cx_tally *, x->nkernel + 1);
  for (int n = 0; n < x->nkernel; n++) {
    const cx_kernel *k = &x->kernel[n];
    list *l = CX_NEW(p->a, list);
    *l = (list){p->first, CX_NEW_N(p->a, entry, k->ncode + 1), CX_NEW_N(p->a, cx_tally, k->ncode + 1), k->ncode + 1};
    for (int c = 0; c < k->ncode; c++) describe(x, k, &k->code[c], p->a, &l->at[c]);
    const char *pass = k->lanes ? cx_format(p->a, "%lld rows, in parts of %lld, blocks of %lld", (long long)k->n,
                                            (long long)k->chunk_rows, (long long)k->block)
                                : "without rows";
    for (int c = 0; c <= k->ncode; c++) l->at[c].name[BY_PASS] = pass;
    l->at[k->ncode].name[BY_EQUATION] = k->prim ? x->g->eq[k->prim->id]->name : "";
    l->at[k->ncode].name[BY_INSTRUCTION] = k->prim ? k->prim->prim->name : "starts and ends of parts";
    by_kernel[n] = l->tally, p->first = l;
  }
  return by_kernel;
}

typedef struct {
  const char *name;
  double ns, runs, flops, bytes;
} row;

static void table(cx_buf *b, cx_arena *a, const list *l, int by, const char *title) {
  CX_VEC(row) all = {0};
  double total = 0;
  for (; l; l = l->next)
    for (int k = 0; k < l->n; k++) {
      const cx_tally *t = &l->tally[k];
      const entry *e = &l->at[k];
      const char *name = e->name[by];
      if (!t->ns || !name) continue;
      int at = 0;
      while (at < all.n && strcmp(all.at[at].name, name) != 0) at++;
      if (at == all.n) *CX_PUSH(a, all) = (row){.name = name};
      row *r = &all.at[at];
      double runs = (double)t->runs, lanes = (double)t->lanes;
      r->ns += (double)t->ns, r->runs += runs, total += (double)t->ns;
      r->flops += e->flops[0] * runs + e->flops[1] * lanes + 2 * (double)t->terms;
      r->bytes += e->bytes[0] * runs + e->bytes[1] * lanes;
    }
  for (int k = 1; k < all.n; k++)
    for (int j = k; j > 0 && all.at[j].ns > all.at[j - 1].ns; j--) {
      row x = all.at[j];
      all.at[j] = all.at[j - 1], all.at[j - 1] = x;
    }
  cx_putf(b, "%6s %10s %10s %9s %8s  %s\n", "share", "ms", "runs", "GFLOP/s", "GB/s", title);
  row rest = {0};
  for (int k = 0; k <= all.n; k++) {
    if (k < all.n && k >= SHOWN) rest.ns += all.at[k].ns, rest.runs += all.at[k].runs;
    if (k < all.n && k >= SHOWN) rest.flops += all.at[k].flops, rest.bytes += all.at[k].bytes;
    if (k >= SHOWN && k < all.n) continue;
    const row *r = k == all.n ? &rest : &all.at[k];
    if (!r->ns) continue;
    cx_putf(b, "%5.1f%% %10.2f %10.0f %9.1f %8.1f  %s\n", 100 * r->ns / total, r->ns * 1e-6, r->runs, r->flops / r->ns,
            r->bytes / r->ns,
            k == all.n ? "all others"
            : *r->name ? r->name
                       : "-");
  }
}

char *cx_profile_text(cx_ctx *c, cx_arena *a) {
  cx_profile *p = *cx_ctx_slot(c, CX_SLOT_PROFILE);
  cx_buf b = {.arena = a};
  if (!p) return cx_format(a, "%s", "");
  static const char *const title[BY] = {"instruction", "equation", "pass over data"};
  for (int by = 0; by < BY; by++) {
    if (by) cx_puts(&b, "\n");
    table(&b, a, p->first, by, title[by]);
  }
  return b.at;
}
