/* lower_conv.c - sums of products over several indices: convolutions, direct, without a copy of the image.
 *
 *   own rows:    c[p, m, l]  = sum(k) S[p, m, k] * V[p, k, l]     p places, m rows of a tile, l the lanes, k up to three
 *                                                              indices; whatever is affine may be a subscript
 *   summed rows: c[m, n] += sum(k, l) A[m, k, l] * B[n, k, l]     the gradient of a filter: B is transposed, slice by
 *                                                              slice, and then the lanes are one of the sums
 * Which index is what follows from the factors that it occurs in. Subscripts that leave their array, and guards, become
 * bounds of a sum where each is affine in one summed index and the places: no term is computed that is 0. */
#include "back/lower.h"
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2048, SLICE = 160 << 10 };

typedef struct {
  cx_addr at;
  const cx_node *load;
} operand;

typedef struct {
  cx_lower_state *L;
  const cx_eq *e;
  cx_contract *c;
  operand s, v;
  int row[2 * CX_MAX_RANK], nrow; /* slots of the rows of a tile */
  int place[CX_PLACES], nplace;
  int sum[2 * CX_MAX_RANK], nsum;
  bool limited[32];
} plan;

static bool read_operand(plan *p, const cx_node *load, operand *o) {
  if (load->op != OP_load) return false;
  o->load = load;
  cx_low_address(p->L, load, &o->at);
  return o->at.affine && o->at.loc->type == p->L->s->real;
}

static bool same(const cx_limit *x, const cx_limit *y) {
  bool yes = x->at.c0 == y->at.c0 && x->at.nl == y->at.nl && !memcmp(x->c, y->c, sizeof x->c);
  for (int k = 0; k < x->at.nl && yes; k++)
    yes = x->at.lc[k].loop == y->at.lc[k].loop && x->at.lc[k].c == y->at.lc[k].c;
  return yes;
}

/* sum(k) with c0 + c . slots >= 0: a bound of the one summed index that it names */
static bool bound(plan *p, int64_t c0, const int64_t *c) {
  int k = -1;
  for (int s = 0; s < 32; s++) {
    if (!c[s] || p->L->level_of[s] >= 0) continue;
    bool place = false, sum = false;
    for (int j = 0; j < p->nplace; j++) place |= p->place[j] == s;
    for (int j = 0; j < p->nsum; j++) sum |= p->sum[j] == s;
    if (!place && (!sum || k >= 0)) return false;
    if (sum) k = s;
  }
  if (k < 0) return false;
  int64_t step = llabs(c[k]), by[32];
  for (int s = 0; s < 32; s++) {
    if (c[s] % step) return false;
    by[s] = c[s] / step;
  }
  c0 = (c0 - ((c0 % step) + step) % step) / step, c = by; /* rounded down: all else is whole */
  int at = 0;
  while (p->sum[at] != k) at++;
  int64_t sign = c[k] < 0 ? 1 : -1; /* k < c0 + .. + 1, or k >= -(c0 + ..) */
  int64_t loop[32] = {0};
  for (int s = 0; s < 32; s++)
    if (p->L->level_of[s] >= 0) loop[s] = sign * c[s];
  cx_limit l = {.on = true, .at = cx_low_aff_of(p->L, sign * c0 + (c[k] < 0), loop)};
  cx_limit *to = c[k] < 0 ? &p->c->hi[at] : &p->c->lo[at];
  for (int j = 0; j < p->nplace; j++) l.c[j] = sign * c[p->place[j]];
  if (to->on) return same(to, &l); /* once more */
  *to = l;
  p->limited[k] = p->c->limited = true;
  return true;
}

/* what must hold for a term not to be 0; false: it cannot be said so. Only counting: which slots would be limited. */
static bool bounds(plan *p, const cx_factors *f) {
  int64_t c0, c[32], a0, a[32];
  for (int k = 0; k < f->nguard; k++) {
    const cx_node *g = f->guard[k];
    if (!cx_affine(g->arg[0], &a0, a) || !cx_affine(g->arg[1], &c0, c)) return false;
    c0 -= a0 + (g->op == OP_lt);
    for (int s = 0; s < 32; s++) c[s] -= a[s];
    if (!bound(p, c0, c)) return false;
  }
  for (int o = 0; o < 2; o++) {
    const cx_node *load = o ? p->v.load : p->s.load;
    for (int d = 0; d < load->nargs; d++) {
      if (!cx_affine(load->arg[d], &c0, c)) continue; /* a digit, inside always: cx_low_address */
      int64_t lo = c0, hi = c0, n = p->L->s->g->eq[load->u.eq]->dim[d].n;
      for (int s = 0; s < cx_nslot(p->e); s++) *(c[s] > 0 ? &hi : &lo) += c[s] * (cx_extent(p->e, s) - 1);
      if (lo < 0 && !bound(p, c0, c)) return false;
      for (int s = 0; s < 32; s++) c[s] = -c[s];
      if (hi >= n && !bound(p, n - 1 - c0, c)) return false;
    }
  }
  return true;
}

/* the table of rows: every value of the slots, the last fastest */
static bool table(plan *p, const cx_loc *to) {
  int64_t m = 1, at[2 * CX_MAX_RANK] = {0};
  for (int j = 0; j < p->nrow; j++) {
    m *= cx_extent(p->e, p->row[j]);
    if (m > ROWS) return false;
  }
  int64_t *dm = CX_NEW_N(p->L->s->a, int64_t, m), *sm = CX_NEW_N(p->L->s->a, int64_t, m);
  for (int64_t r = 0; r < m; r++) {
    for (int j = 0; j < p->nrow; j++) dm[r] += at[j] * to->stride[p->row[j]], sm[r] += at[j] * p->s.at.coef[p->row[j]];
    for (int j = p->nrow - 1; j >= 0 && ++at[j] == cx_extent(p->e, p->row[j]); j--) at[j] = 0;
  }
  p->c->m = m, p->c->dm = dm, p->c->sm = sm;
  return true;
}

/* the address with all slots of the instruction at 0 */
static cx_opnd start(plan *p, operand *o, int64_t lane) {
  int64_t coef[32] = {0};
  for (int s = 0; s < 32; s++)
    if (p->L->level_of[s] >= 0) coef[s] = o->at.coef[s];
  return cx_low_addr_opnd(p->L, o->at.loc, o->at.c0, coef, lane);
}
static cx_opnd target(plan *p, const cx_loc *to, int64_t lane) {
  int64_t coef[32] = {0};
  for (int d = 0; d < p->e->rank; d++)
    if (p->L->level_of[d] >= 0) coef[d] = to->stride[d];
  return cx_low_addr_opnd(p->L, to, 0, coef, lane);
}

static void emit(plan *p, cx_opnd d, cx_opnd s, cx_opnd v, bool add) {
  cx_ins *i = L_INS(p->L, p->L->nlevel - 1);
  *i = (cx_ins){.fn = p->L->vm->contract, .na = 2, .lanes = true, .R = 1, .add = add, .d = d};
  i->a[0] = s, i->a[1] = v;
  i->u.sum = p->c;
}

/* does sum x stand outside sum y? Those with bounds do, then those with longer steps */
static bool outside(const plan *p, int x, int y) {
  int64_t a = p->v.at.coef[x], b = p->v.at.coef[y];
  if (p->limited[x] != p->limited[y]) return p->limited[x];
  a = a < 0 ? -a : a, b = b < 0 ? -b : b;
  return a != b ? a > b : p->s.at.coef[x] >= p->s.at.coef[y];
}
/* neighbours that are one index for both operands become one */
static bool order_sums(plan *p) {
  cx_contract *c = p->c;
  for (int i = 1; i < p->nsum; i++)
    for (int j = i; j > 0; j--) {
      int x = p->sum[j - 1], y = p->sum[j];
      if (outside(p, x, y)) break;
      p->sum[j - 1] = y, p->sum[j] = x;
    }
  int64_t n[2 * CX_MAX_RANK], s[2 * CX_MAX_RANK], v[2 * CX_MAX_RANK];
  int slot[2 * CX_MAX_RANK], count = 0;
  for (int j = 0; j < p->nsum; j++) {
    int k = p->sum[j], last = count - 1;
    int64_t extent = cx_extent(p->e, k), ks = p->s.at.coef[k], kv = p->v.at.coef[k];
    if (last >= 0 && !p->limited[slot[last]] && !p->limited[k] && s[last] == ks * extent && v[last] == kv * extent) {
      n[last] *= extent, s[last] = ks, v[last] = kv;
      continue;
    }
    n[count] = extent, s[count] = ks, v[count] = kv, slot[count++] = k;
  }
  if (count > 3) return false;
  for (int j = 0; j < 3; j++) {
    int at = j - (3 - count);
    c->k.n[j] = at < 0 ? 1 : n[at], c->k.s[j] = at < 0 ? 0 : s[at], c->k.v[j] = at < 0 ? 0 : v[at];
  }
  for (int j = 0; j < count; j++) p->sum[j] = slot[j];
  p->nsum = count;
  return true;
}

/* a product of matrices, where several rows or several sums are one by their steps */
static bool product(plan *p, const cx_loc *to) {
  cx_lower_state *L = p->L;
  const cx_contract *c = p->c;
  int64_t dm = c->m > 1 ? c->dm[1] : 0, sm = c->m > 1 ? c->sm[1] : 0;
  if (c->k.n[0] != 1 || c->k.n[1] != 1) return false;
  for (int64_t r = 2; r < c->m; r++)
    if (c->dm[r] != r * dm || c->sm[r] != r * sm) return false;
  for (int j = 0; j < p->nplace; j++) cx_low_open(L, p->place[j], 0, cx_extent(p->e, p->place[j]), 1);
  cx_opnd d = target(p, to, 1), s = start(p, &p->s, 0), v = start(p, &p->v, 1);
  cx_ins *i = L_INS(L, L->nlevel - 1);
  *i = (cx_ins){.fn = L->vm->matmul, .na = 2, .lanes = true, .R = 1, .d = d};
  i->a[0] = s, i->a[1] = v;
  i->u.mat.m = c->m, i->u.mat.dm = dm, i->u.mat.sm = sm;
  i->u.mat.k = c->k.n[2], i->u.mat.sk = c->k.s[2], i->u.mat.vk = c->k.v[2];
  for (int j = 0; j < p->nplace; j++) cx_low_close(L);
  return true;
}

static bool own_rows(plan *p, const cx_factors *f, const cx_loc *to) {
  cx_lower_state *L = p->L;
  const cx_eq *e = p->e;
  int lane = __builtin_ctz(L->p->mask), wide = 0;
  if (to->stride[lane] != 1 || p->v.at.lane != 1 || !p->v.at.loc->padded) return false;
  for (int s = 0; s < cx_nslot(e); s++) {
    if (L->level_of[s] != CLOSED || cx_extent(e, s) == 1) continue;
    bool in_v = p->v.load->free_lo >> s & 1;
    if (s >= e->rank) p->sum[p->nsum++] = s, wide++;
    else if (!in_v) p->row[p->nrow++] = s;
    else if (p->nplace == CX_PLACES) return false;
    else p->place[p->nplace++] = s;
  }
  if (p->nsum > 8 || !p->nsum) return false;
  /* bounds are kept by summed index; which ones there are decides the order of the sums, and that where they go */
  cx_contract probe = {0}, *real = p->c;
  for (int pass = 0; pass < 2; pass++) {
    p->c = pass ? real : &probe;
    if (pass == 1 && !order_sums(p)) return false;
    if (pass == 0 && p->nsum > 3) { /* without bounds, or not at all */
      if (f->nguard || p->s.at.access.ncheck || p->v.at.access.ncheck) return false;
      continue;
    }
    if (!bounds(p, f)) return false;
  }
  cx_contract *c = p->c;
  if (c->limited && p->nsum < 3) /* sums stand at the end */
    for (int j = p->nsum - 1; j >= 0; j--) {
      int at = j + 3 - p->nsum;
      c->lo[at] = c->lo[j], c->hi[at] = c->hi[j];
      c->lo[j] = c->hi[j] = (cx_limit){0};
    }
  bool matrices = !c->limited && p->nplace < 2;
  if (wide < 2 && p->nrow < 2 && matrices) return false; /* lower_mat.c */
  if (!table(p, to)) return false;
  if (matrices && product(p, to)) return true;
  if (wide < 2 && matrices) return false;
  c->nplace = p->nplace;
  for (int j = 0; j < p->nplace; j++) {
    int s = p->place[j];
    c->place[j].n = cx_extent(e, s), c->place[j].d = to->stride[s];
    c->place[j].s = p->s.at.coef[s], c->place[j].v = p->v.at.coef[s];
  }
  emit(p, target(p, to, 1), start(p, &p->s, 0), start(p, &p->v, 1), false);
  return true;
}

static void transposed(plan *p, int slot, int64_t count, int temp, int64_t n, int64_t pad, int64_t stride) {
  cx_lower_state *L = p->L;
  cx_loc to = {.on = true, .base = BASE_TEMP, .off = L->temp.at[temp].off, .type = L->s->real};
  int64_t coef[32] = {0};
  if (slot >= 0) {
    coef[slot] = L->k->block * pad;
    cx_low_open(L, slot, 0, count, 1);
  }
  cx_opnd d = cx_low_addr_opnd(L, &to, 0, coef, 0), from = start(p, &p->v, 1);
  d.rs = pad, from.rs = stride;
  cx_ins *i = L_INS(L, L->nlevel - 1);
  *i = (cx_ins){.fn = L->vm->transpose, .na = 1, .lanes = true, .R = n, .d = d};
  i->a[0] = from;
  if (slot >= 0) cx_low_close(L);
}

static bool summed_rows(plan *p, const cx_factors *f, const cx_loc *to) {
  cx_lower_state *L = p->L;
  const cx_eq *e = p->e;
  int n = -1, loop[2 * CX_MAX_RANK], nloop = 0, slice = -1, part_of[CX_MAX_RANK], nparts = 0;
  if (f->nguard || p->s.at.access.ncheck || p->v.at.access.ncheck || p->s.at.lane != 1 || p->v.at.lane != 1)
    return false;
  for (int s = 0; s < e->rank; s++) { /* the vector is the one that is contiguous in the result */
    if (L->level_of[s] != CLOSED || to->stride[s] != 1 || cx_extent(e, s) < 8) continue;
    if (p->s.load->free_lo >> s & 1) {
      const cx_node *x = p->s.load;
      read_operand(p, p->v.load, &p->s), read_operand(p, x, &p->v);
    }
    n = s;
  }
  if (n < 0) return false;
  for (int s = 0; s < cx_nslot(e); s++) {
    if (L->level_of[s] != CLOSED || s == n || cx_extent(e, s) == 1) continue;
    if (s >= e->rank) loop[nloop++] = s;
    else if (!(p->v.load->free_lo >> s & 1)) p->row[p->nrow++] = s;
    else if (p->s.load->free_lo >> s & 1) return false;
    else part_of[nparts++] = s; /* more columns of B: a product for each */
  }
  if (p->s.load->free_lo >> n & 1 || !nloop || (nparts && p->nrow < 2) || !table(p, to)) return false;
  for (int j = 0; j < nparts; j++) cx_low_open(L, part_of[j], 0, cx_extent(e, part_of[j]), 1);
  /* as much of one sum as its transposed slice, and what it multiplies, stay in the second cache: the result is read and
   * written once for all of it */
  int64_t width = cx_extent(e, n), pad = (width + 15) / 16 * 16, part = 1, line = L->k->block * pad * L->s->esize;
  for (int j = 0; j < nloop; j++) {
    int64_t extent = cx_extent(e, loop[j]), fit = extent, step = llabs(p->s.at.coef[loop[j]]) * L->s->esize;
    while (fit > 1 && (extent % fit || fit * (line + step) > SLICE)) fit--;
    if (fit > part) part = fit, slice = j;
  }
  int inner = slice < 0 ? -1 : loop[slice];
  int64_t from = inner < 0 ? 0 : p->s.at.coef[inner];
  if (inner >= 0) {
    memmove(loop + slice, loop + slice + 1, (size_t)(--nloop - slice) * sizeof *loop);
    p->v.at.coef[PART_SLOT] = p->v.at.coef[inner];
  }
  for (int j = 0; j < nloop; j++) cx_low_open(L, loop[j], 0, cx_extent(e, loop[j]), 1);
  bool parts = inner >= 0 && part < cx_extent(e, inner);
  if (parts) cx_low_open(L, inner, 0, cx_extent(e, inner) / part, part);
  int t = cx_low_temp_new(L, L->nlevel - 1, part * L->k->block * pad);
  transposed(p, inner < 0 ? -1 : PART_SLOT, part, t, width, pad, p->v.at.coef[n]);
  cx_contract *c = p->c;
  c->n = width, c->lanes = true;
  c->k = (cx_sum3){{1, part, 0}, {0, from, 1}, {0, L->k->block * pad, pad}};
  emit(p, target(p, to, 0), start(p, &p->s, 1), cx_low_temp_opnd(L, t, 0, 0), true);
  cx_low_temp_free(L, t);
  if (parts) cx_low_close(L);
  for (int j = 0; j < nloop + nparts; j++) cx_low_close(L);
  return true;
}

bool cx_lower_contract(cx_lower_state *L, const cx_eq *e, const cx_loc *to) {
  if (e->red != RED_sum || L->p->flat || !L->k->lanes) return false;
  uint32_t lane = L->p->mask;
  for (int s = 0; s < cx_nslot(e); s++)
    if (cx_extent(e, s) == 0) return false;
  cx_factors f = cx_low_factors(e->body, lane);
  if (!f.ok || f.n != 2 || f.nunder || f.negative) return false;
  plan p = {.L = L, .e = e, .c = CX_NEW(L->s->a, cx_contract)};
  bool first = f.f[0]->free_lo & lane, second = f.f[1]->free_lo & lane;
  if (L->p->lane_red ? !first || !second : first == second) return false;
  if (!read_operand(&p, f.f[first], &p.s) || !read_operand(&p, f.f[!first], &p.v)) return false;
  return L->p->lane_red ? summed_rows(&p, &f, to) : own_rows(&p, &f, to);
}
