/* vm.c - the machine: runs byte code for one block of rows. The instructions are in vm_ins.inc, once for double,
 * once for float. */
#include "back/profile.h"
#include <math.h>
#include <string.h>

static void x_loop(cx_vm *s, const cx_ins *i) {
  int64_t at = i->u.loop.start;
  for (int64_t k = 0; k < i->R; k++, at += i->u.loop.step) {
    s->iv[i->u.loop.depth] = at;
    cx_vm_run(s, i + 1, i + 1 + i->len);
    for (int b = 0; b < i->u.loop.nbump; b++) s->reg[i->u.loop.bump[b].reg] += i->u.loop.bump[b].by;
  }
  for (int b = 0; b < i->u.loop.nbump; b++) s->reg[i->u.loop.bump[b].reg] -= i->u.loop.bump[b].by * i->R;
}

/* the body only where the loop's counter is below a bound */
static void x_guard(cx_vm *s, const cx_ins *i) {
  if (s->iv[i->u.loop.depth] < i->u.loop.start) cx_vm_run(s, i + 1, i + 1 + i->len);
}

#define NOWHERE INT64_MIN

static int64_t aff_base(const cx_vm *s, const cx_aff *f) {
  int64_t v = f->c0 + f->cl * s->row0;
  for (int k = 0; k < f->nl; k++) v += f->lc[k].c * s->iv[f->lc[k].loop];
  return v;
}

/* multiplications of a product whose rows are cut */
static int64_t limited_terms(const cx_vm *s, const cx_ins *i, int64_t n) {
  const cx_aff *f = i->u.mat.limit;
  int64_t terms = 0, lo = aff_base(s, f), hi = aff_base(s, f + 1), below = aff_base(s, f + 2);
  for (int64_t r = 0; r < i->u.mat.m; r++) {
    int64_t a = lo < 0 ? 0 : lo, b = hi > i->u.mat.k ? i->u.mat.k : hi;
    if (b > a) terms += (b - a) * (below < 0 ? 0 : below < n ? below : n);
    lo += f[0].cr, hi += f[1].cr, below += f[2].cr;
  }
  return terms * s->n;
}

/* the bounds of nested sums, where the places are 0 */
typedef struct {
  int64_t lo[3], hi[3];
} limits;
static limits limits_of(const cx_vm *s, const cx_contract *c) {
  limits b = {{0}, {0}};
  for (int q = 0; q < 3 && c->limited; q++)
    b.lo[q] = c->lo[q].on ? aff_base(s, &c->lo[q].at) : 0,
    b.hi[q] = c->hi[q].on ? aff_base(s, &c->hi[q].at) : c->k.n[q];
  return b;
}
/* how many of the n terms of sum q there are at a place, behind the *from first */
static int64_t terms_at(const cx_contract *c, const limits *b, const int64_t *at, int q, int64_t n, int64_t *from) {
  int64_t lo = b->lo[q], hi = b->hi[q];
  for (int p = 0; p < c->nplace; p++) lo += at[p] * c->lo[q].c[p], hi += at[p] * c->hi[q].c[p];
  if (lo < 0) lo = 0;
  if (!c->hi[q].on || hi > n) hi = n;
  *from = lo;
  return hi > lo ? hi - lo : 0;
}
/* multiplications of nested sums with bounds */
static int64_t contract_terms(const cx_vm *s, const cx_contract *c) {
  int64_t at[CX_PLACES] = {0}, all = 0, from;
  limits b = limits_of(s, c);
  for (;;) {
    int64_t terms = 1;
    for (int q = 0; q < 3; q++) terms *= terms_at(c, &b, at, q, c->lanes && q == 2 ? s->n : c->k.n[q], &from);
    all += terms;
    int p = c->nplace - 1;
    while (p >= 0 && ++at[p] == c->place[p].n) at[p--] = 0;
    if (p < 0) return all * c->m * (c->n ? c->n : s->n);
  }
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }

/* narrows [*lo, *hi) to the lanes l where 0 <= base + c * l < n */
static void narrow(int64_t base, int64_t c, int64_t n, int64_t *lo, int64_t *hi) {
  if (c == 0) {
    if (base < 0 || base >= n) *hi = *lo;
    return;
  }
  if (c < 0) base = n - 1 - base, c = -c; /* the mirror image */
  int64_t a = -floor_div(base, c), b = floor_div(n - 1 - base, c) + 1;
  if (b < *hi) *hi = b;
  if (*hi < *lo) *hi = *lo;
  if (a > *lo) *lo = a < *hi ? a : *hi; /* what is inside may begin behind these lanes */
}

#define REAL      double
#define N(x)      x##_f64
#define IS_SINGLE 0
#include "back/vm_ins.inc"
#undef REAL
#undef N
#undef IS_SINGLE
#define REAL      float
#define N(x)      x##_f32
#define IS_SINGLE 1
#include "back/vm_ins.inc"

static void run_one(cx_vm *s, const cx_ins *p, const cx_ins *as);
/* the body over the first repetitions alone */
static void x_cut(cx_vm *s, const cx_ins *i) {
  int64_t R = aff_base(s, i->u.aff);
  for (const cx_ins *p = i + 1; p <= i + i->len && R > 0; p++) {
    cx_ins q = *p;
    if (q.R == i->R && R < q.R) q.R = R;
    run_one(s, p, &q);
  }
}

#define TABLE(n)                                                                                                    \
  {                                                                                                                 \
    n(x_ew), n(x_index), n(x_pack), n(x_gather), n(x_fill), n(x_red), n(x_acc), n(x_arg), n(x_matmul), n(x_rowdot), \
        n(x_columns), n(x_matvec), n(x_transpose), n(x_pair), n(x_scatter), n(x_contract), n(x_linear), x_loop,     \
        x_guard, x_cut                                                                                              \
  }
#define N64(x) x##_f64
#define N32(x) x##_f32
static const cx_vm_table table[2] = {TABLE(N64), TABLE(N32)};
const cx_vm_table *cx_vm_get(bool single) { return &table[single]; }

/* p, of the code, as it is or with fewer repetitions */
static void run_one(cx_vm *s, const cx_ins *p, const cx_ins *as) {
  as->fn(s, as);
  if (!s->tally || p->len) return;
  cx_tally *t = &s->tally[p - s->code];
  t->ns += cx_profile_lap(&s->lap);
  t->runs++, t->lanes += s->n * as->R / p->R;
  bool columns = p->fn == table[0].columns || p->fn == table[1].columns;
  bool product = columns || p->fn == table[0].matmul || p->fn == table[1].matmul;
  if (product && p->u.mat.limit) t->terms += limited_terms(s, p, columns ? p->u.mat.n : 1);
  bool sums = p->fn == table[0].contract || p->fn == table[1].contract;
  if (sums && p->u.sum->limited) t->terms += contract_terms(s, p->u.sum);
}

void cx_vm_run(cx_vm *s, const cx_ins *p, const cx_ins *end) {
  if (s->tally)
    for (; p < end; p += p->len + 1) run_one(s, p, p);
  for (; p < end; p += p->len + 1) p->fn(s, p);
}

const char *cx_vm_name(cx_ins_fn fn) {
  static const char *const name[] = {"",        "index",    "pack",   "gather",  "fill",   "reduce",    "lanes",
                                     "arg",     "matmul",   "rowdot", "columns", "matvec", "transpose", "pair",
                                     "scatter", "contract", "linear", "loop",    "guard",  "cut"};
  for (int t = 0; t < 2; t++) {
    const cx_ins_fn all[] = {table[t].ew,       table[t].index,  table[t].pack,      table[t].gather, table[t].fill,
                             table[t].red,      table[t].acc,    table[t].arg,       table[t].matmul, table[t].rowdot,
                             table[t].columns,  table[t].matvec, table[t].transpose, table[t].pair,   table[t].scatter,
                             table[t].contract, table[t].linear, table[t].loop,      table[t].guard,  table[t].cut};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
      if (all[k] == fn) return name[k];
  }
  return "?";
}
