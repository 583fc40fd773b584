/* lower.c - a kernel's equations to byte code.
 *
 * One equation is a nest of loops: its own indices outside, those it sums over inside, the row as lanes of every
 * instruction, and one index (slot `rslot`) as the repetition of the two-dimensional instructions. Every node is
 * computed at the outermost loop it depends on. */
#include "back/lower.h"
#include <math.h>
#include <string.h>

/* ---- temporaries of the block: first fit ----
 * Code of an outer loop that is emitted later still runs before an open inner loop. So a temporary belongs to a loop:
 * it is taken again there or further inside, and goes to the enclosing loop when its own is closed. */
int cx_low_temp_new(cx_lower_state *L, int level, int64_t elements) {
  int64_t size = (elements * L->s->esize + 63) / 64 * 64;
  if (size == 0) size = 64;
  for (int t = 0; t < L->temp.n; t++) {
    cx_temp *x = &L->temp.at[t];
    bool mine = x->level == 0;
    for (int v = 0; v <= level && !mine; v++) mine = L->level[v].id == x->level;
    if (x->used || !mine || x->size < size || x->size > 2 * size) continue;
    x->used = true, x->level = L->level[level].id;
    return t;
  }
  *CX_PUSH(L->s->tmp, L->temp) = (cx_temp){L->top, size, true, L->level[level].id};
  L->top += size;
  return L->temp.n - 1;
}
void cx_low_temp_free(cx_lower_state *L, int t) {
  if (t >= 0) L->temp.at[t].used = false;
}

/* ---- pointer registers ---- */
static int reg_of(cx_lower_state *L, int base, int64_t scale, int64_t lay, const int64_t *by) {
  cx_regkey k = {0};
  for (int v = 1; v < L->nlevel; v++)
    if (L->level[v].loop && by[v]) k.c[k.n].id = L->level[v].id, k.c[k.n++].by = by[v];
  for (int i = L->key.n - 1; i >= 0 && i > L->key.n - 64; i--) {
    const cx_regkey *q = &L->key.at[i];
    bool same = q->n == k.n && L->reg.at[i].base == base && L->reg.at[i].scale == scale;
    for (int j = 0; same && j < k.n; j++) same = q->c[j].id == k.c[j].id && q->c[j].by == k.c[j].by;
    if (same) return i;
  }
  *CX_PUSH(L->s->tmp, L->reg) = (cx_reg){base, 0, scale, lay};
  *CX_PUSH(L->s->tmp, L->key) = k;
  for (int v = 1; v < L->nlevel; v++)
    if (L->level[v].loop && by[v]) *CX_PUSH(L->s->tmp, L->level[v].bump) = (cx_bump){L->reg.n - 1, by[v]};
  return L->reg.n - 1;
}
cx_opnd cx_low_temp_opnd(cx_lower_state *L, int t, int64_t rs, int ls) {
  static const int64_t none[CX_LOOPS];
  return (cx_opnd){reg_of(L, BASE_TEMP, 0, 0, none), ls, L->temp.at[t].off, rs};
}
cx_opnd cx_low_addr_opnd(cx_lower_state *L, const cx_loc *loc, int64_t c0, const int64_t *coef, int64_t lane) {
  int64_t by[CX_LOOPS] = {0}, size = cx_dtype_size[loc->type];
  cx_opnd o = {0, (int)lane, loc->off + c0 * size, 0};
  for (int s = 0; s < 32; s++) {
    if (!coef[s] || L->level_of[s] < 0) continue;
    const cx_level *v = &L->level[L->level_of[s]];
    o.off += coef[s] * v->start * size;
    by[L->level_of[s]] += coef[s] * v->step * size;
    if (s == L->rslot) o.rs = coef[s];
  }
  int64_t scale = loc->scale ? loc->scale : loc->base == BASE_TEMP ? 0 : lane * size;
  if (!lane) scale = 0;
  o.reg = reg_of(L, loc->base, scale, lane ? loc->lay : 0, by);
  return o;
}
cx_aff cx_low_aff_of(cx_lower_state *L, int64_t c0, const int64_t *coef) {
  cx_aff f = {.c0 = c0};
  for (int s = 0; s < 32; s++) {
    if (!coef[s]) continue;
    if (L->level_of[s] == LANE) f.cl += coef[s];
    if (L->level_of[s] < 0) continue;
    const cx_level *v = &L->level[L->level_of[s]];
    if (v->loop) f.lc[f.nl].loop = v->depth, f.lc[f.nl++].c = coef[s];
    else f.c0 += coef[s] * v->start;
    if (s == L->rslot) f.cr = coef[s];
  }
  return f;
}

/* ---- loops ---- */
int cx_low_open(cx_lower_state *L, int slot, int64_t start, int64_t count, int64_t step) {
  if (L->nlevel == CX_LOOPS) {
    cx_diag(L->s->ctx, CX_ERROR, CX_E_RUNTIME, L->e->span, "too many nested indices");
    cx_throw(L->s->ctx, CX_E_RUNTIME);
  }
  cx_level *v = &L->level[L->nlevel];
  int depth = 0;
  for (int i = 1; i < L->nlevel; i++) depth += L->level[i].loop;
  *v = (cx_level){.slot = slot,
                  .start = start,
                  .count = count,
                  .step = step,
                  .id = ++L->next_id,
                  .loop = count != 1,
                  .depth = depth};
  L->level_of[slot] = L->nlevel;
  return L->nlevel++;
}
void cx_low_close(cx_lower_state *L) {
  cx_level *v = &L->level[--L->nlevel], *up = v - 1;
  L->level_of[v->slot] = CLOSED;
  for (int t = 0; t < L->temp.n; t++)
    if (L->temp.at[t].level == v->id) L->temp.at[t].level = up->id;
  if (v->loop) {
    cx_ins *i = CX_PUSH(L->s->tmp, up->code);
    cx_bump *b = CX_NEW_N(L->s->a, cx_bump, v->bump.n + 1);
    if (v->bump.n) memcpy(b, v->bump.at, (size_t)v->bump.n * sizeof *b);
    *i = (cx_ins){.fn = L->vm->loop, .len = v->code.n, .R = v->count};
    i->u.loop.bump = b, i->u.loop.nbump = v->bump.n;
    i->u.loop.depth = v->depth, i->u.loop.start = v->start, i->u.loop.step = v->step;
  }
  for (int i = 0; i < v->code.n; i++) *CX_PUSH(L->s->tmp, up->code) = v->code.at[i];
}

/* ---- where an equation's values are read ---- */
/* A constant array read along its rows is laid out anew, once: block by block of rows, column by column. One that is
 * read otherwise, but by affine subscripts, is converted once where its type is not that of the arithmetic. */
static const cx_loc *columns(cx_lower_state *L, const cx_eq *p, const cx_node *load) {
  cx_sched *s = L->s;
  int row = -1;
  bool whole = !L->k->lanes || L->p->flat, affine = true;
  for (int d = 0; d < load->nargs; d++) {
    const cx_node *sub = load->arg[d];
    int64_t c0, c[32];
    affine = affine && cx_affine(sub, &c0, c);
    if (!(sub->free_lo & L->p->mask)) continue;
    if (row >= 0 || sub->op != OP_index || p->dim[d].n != L->k->n) whole = true;
    row = d;
  }
  if (row < 0) whole = true;
  const cx_array *a = &s->array[p->id];
  /* a large array stays as it is where it is read but once, and where its copy would be eight times its size */
  bool large = cx_columns_block(s, p, 0) > 0;
  if (large && (s->opt->once || cx_dtype_size[a->type] <= 2)) return NULL;
  if (whole) { /* no column: as it stands, but in the type of the arithmetic; not where it is only picked from */
    double n = 1;
    for (int d = 0; d < p->rank; d++) n *= (double)p->dim[d].n;
    if (!affine || a->type == s->real || (row < 0 && n > 1e6)) return NULL;
    row = -1;
  } else if (a->type == s->real && a->stride[row] == 1 && p->rank == 1) return NULL;
  int64_t block = row < 0 ? 1 : large ? cx_columns_block(s, p, row) : L->k->block;
  for (int k = 0; k < s->copy.n; k++)
    if (s->copy.at[k].eq == p->id && s->copy.at[k].row == row && s->copy.at[k].block == block)
      return &s->copy.at[k].loc;
  cx_copy *c = CX_PUSH(s->a, s->copy);
  *c = (cx_copy){.eq = p->id, .number = s->in_base[p->id] - s->first_constant, .row = row, .block = block};
  c->shared = large && row >= 0;
  c->loc = (cx_loc){.on = true, .base = s->first_extra + s->copy.n - 1, .type = s->real, .padded = true};
  int64_t n = block;
  for (int d = p->rank - 1; d >= 0; d--) {
    c->loc.stride[d] = d == row ? 1 : n;
    if (d != row) n *= p->dim[d].n;
  }
  if (row >= 0) c->loc.scale = n / block * s->esize, c->loc.lay = block;
  return &c->loc;
}

static const cx_loc *loc_of(cx_lower_state *L, const cx_node *load) {
  const cx_eq *p = L->s->g->eq[load->u.eq];
  const cx_place *q = &L->s->place[p->id];
  if (q->block.on && &L->s->kernel.at[q->kernel] == L->k) return &q->block;
  const cx_loc *c = p->kind == EQ_INPUT && p->constant ? columns(L, p, load) : NULL;
  return c ? c : &q->full;
}

/* A reshape reads a[floor(u / m), mod(u, m)]; where the array lies so that the first subscript's step is m times the
 * second's, both together are one subscript u. */
typedef struct {
  const cx_node *at;
  int64_t stride, n;
} subscript;
bool cx_low_quotient(const cx_node *e, const cx_node *u, double m) {
  const cx_node *q = e->op == OP_floor ? e->arg[0] : e;
  return q != e && q->nargs == 2 && q->arg[0] == u && q->arg[1]->op == OP_const &&
         ((q->op == OP_div && q->arg[1]->u.num == m) || (q->op == OP_mul && q->arg[1]->u.num * m == 1));
}
static int join_digits(cx_lower_state *L, const cx_node *load, const cx_loc *loc, subscript *s) {
  const cx_eq *p = L->s->g->eq[load->u.eq];
  int n = load->nargs;
  for (int d = 0; d < n; d++) s[d] = (subscript){load->arg[d], loc->stride[d], p->dim[d].n};
  for (int low = 0; low < n; low++) {
    const cx_node *mod = s[low].at;
    if (mod->op != OP_mod || mod->arg[1]->op != OP_const) continue;
    double base = mod->arg[1]->u.num;
    if (!(base >= 1 && base <= (double)s[low].n && base == floor(base))) continue;
    for (int high = 0; high < n; high++) {
      if (!cx_low_quotient(s[high].at, mod->arg[0], base)) continue;
      cx_interval r = cx_bounds(L->s->g, s[high].at, L->e);
      int64_t m = (int64_t)base;
      if (s[high].stride != m * s[low].stride || !(r.lo >= 0 && r.hi < (double)s[high].n) ||
          !cx_is_integer(L->s->g, mod->arg[0]))
        continue;
      s[high] = (subscript){mod->arg[0], s[low].stride, m * s[high].n};
      s[low] = s[--n];
      low = -1; /* the whole may be a digit of another */
      break;
    }
  }
  return n;
}

void cx_low_address(cx_lower_state *L, const cx_node *load, cx_addr *a) {
  subscript sub[CX_MAX_RANK];
  memset(a, 0, sizeof *a);
  a->affine = true;
  a->at = *loc_of(L, load), a->loc = &a->at;
  a->access.type = a->loc->type;
  if (L->p->flat && load->nargs) { /* element by element */
    a->lane = 1;
    return;
  }
  int count = join_digits(L, load, a->loc, sub);
  for (int d = 0; d < count; d++) {
    int64_t c0, c[32], stride = sub[d].stride, n = sub[d].n;
    if (!cx_affine(sub[d].at, &c0, c)) {
      a->affine = false;
      a->dyn[a->access.ndyn] = sub[d].at;
      a->access.dyn[a->access.ndyn].stride = stride;
      a->access.dyn[a->access.ndyn++].n = n;
      continue;
    }
    int64_t lo = c0, hi = c0;
    for (int k = 0; k < cx_nslot(L->e); k++) {
      int64_t last = cx_extent(L->e, k) - 1;
      if (last < 0) last = 0;
      if (c[k] > 0) hi += c[k] * last;
      else lo += c[k] * last;
    }
    a->c0 += c0 * stride;
    for (int k = 0; k < 32; k++) {
      if (!c[k]) continue;
      if (L->level_of[k] == LANE) a->lane += c[k] * stride;
      a->coef[k] += c[k] * stride;
    }
    if (lo < 0 || hi >= n) {
      cx_check *ck = &a->access.check[a->access.ncheck++];
      ck->n = n;
      ck->at = cx_low_aff_of(L, c0, c);
    }
  }
  for (int k = 0; k < 32; k++)
    if (L->level_of[k] == LANE) a->coef[k] = 0;
}

/* ---- nodes ---- */
static void collect(void *user, const cx_node *n) {
  cx_lower_state *L = user;
  *CX_PUSH(L->s->tmp, L->order) = n;
}
static void release(cx_lower_state *L, cx_val *v, int level) {
  if (v->level != level) v->pinned = true;
  if (--v->left == 0 && v->temp >= 0 && !v->pinned) cx_low_temp_free(L, v->temp), v->temp = -2;
}
static bool valid(const cx_lower_state *L, const cx_val *v) {
  return v->on && v->level < L->nlevel && L->level[v->level].id == v->id;
}

static void ins_pack(cx_lower_state *L, int level, cx_opnd d, cx_opnd src, bool dr, bool dl, const cx_access *acc) {
  cx_ins *i = L_INS(L, level);
  *i = (cx_ins){.fn = acc->ndyn ? L->vm->gather : L->vm->pack, .na = 1, .lanes = dl, .R = dr ? L->R : 1, .d = d};
  i->a[0] = src;
  cx_access *c = CX_NEW(L->s->a, cx_access);
  *c = *acc;
  i->u.access = c;
}

void cx_low_fill(cx_lower_state *L, int level, cx_opnd d, bool dr, bool dl, double v) {
  *L_INS(L, level) = (cx_ins){.fn = L->vm->fill, .lanes = dl, .R = dr ? L->R : 1, .d = d, .u.value = v};
}

/* a value in a fresh temporary of the right shape */
static cx_opnd fresh(cx_lower_state *L, cx_val *v) {
  int64_t r = v->dr ? L->R : 1;
  v->temp = cx_low_temp_new(L, v->level, v->dl ? r * L->k->block : (r + 15) / 16 * 16);
  return cx_low_temp_opnd(L, v->temp, !v->dr ? 0 : v->dl ? L->k->block : 1, v->dl);
}

void cx_low_store(cx_lower_state *L, const cx_val *v, cx_opnd dest, bool dr, bool dl) {
  cx_access acc = {.type = L->s->real};
  cx_opnd src = v->o;
  if (!v->dr) src.rs = 0;
  ins_pack(L, L->nlevel - 1, dest, src, dr, dl, &acc);
}

void cx_low_stream(cx_lower_state *L, const cx_val *v, cx_opnd dest, bool dr) {
  cx_access acc = {.type = L->s->real, .stream = true};
  cx_opnd src = v->o;
  if (!v->dr) src.rs = 0;
  ins_pack(L, L->nlevel - 1, dest, src, dr, true, &acc);
}

static bool has_dense(const cx_lower_state *L, cx_opnd o) {
  return (o.ls == 1 && o.rs == L->k->block) || (o.ls == 0 && o.rs == 0);
}

/* constants of the code, each bit pattern once: an open hash table of positions + 1 */
static int *pool_find(const cx_sched *s, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  uint32_t k = (uint32_t)((bits * 0x9e3779b97f4a7c15u) >> 32), mask = (uint32_t)s->pool_slots - 1;
  while (s->pool_slot[k & mask] && memcmp(&s->pool.at[s->pool_slot[k & mask] - 1], &v, sizeof v)) k++;
  return &s->pool_slot[k & mask];
}
static int pool_at(cx_sched *s, double v) {
  if (2 * s->pool.n >= s->pool_slots) {
    int n = s->pool_slots ? 2 * s->pool_slots : 64;
    s->pool_slot = CX_NEW_N(s->tmp, int, n);
    s->pool_slots = n;
    for (int i = 0; i < s->pool.n; i++) *pool_find(s, s->pool.at[i]) = i + 1;
  }
  int *at = pool_find(s, v);
  if (!*at) *CX_PUSH(s->a, s->pool) = v, *at = s->pool.n;
  return *at - 1;
}

static cx_opnd constant(cx_lower_state *L, double v) {
  static const int64_t none[CX_LOOPS];
  return (cx_opnd){reg_of(L, BASE_POOL, 0, 0, none), 0, pool_at(L->s, v) * L->s->esize, 0};
}

static int level_of_mask(const cx_lower_state *L, uint32_t mask) {
  int level = 0;
  for (int k = 0; k < 32; k++)
    if ((mask >> k & 1) && L->level_of[k] > level) level = L->level_of[k];
  return level;
}

/* may the value be computed where it is wanted? */
static bool fits_dest(const cx_lower_state *L, const cx_val *v, const cx_opnd *dest, bool dest_r, bool dest_l) {
  bool ok = dest && dest_r == v->dr && dest_l == v->dl && (v->dl ? dest->ls == 1 : !v->dr || dest->rs == 1);
  for (int k = v->level + 1; k < L->nlevel; k++) ok &= !L->level[k].loop;
  return ok;
}

/* what comes next lies further on than the processor guesses: the row below in an image */
static void ahead(const cx_lower_state *L, cx_linear *f, bool repeated) {
  const cx_level *in = &L->level[L->nlevel - 1];
  for (int k = 0; k < f->n; k++) {
    int64_t by = 0;
    if (repeated) by = f->a[k].rs * cx_dtype_size[f->type];
    else
      for (int b = 0; b < in->bump.n; b++)
        if (in->bump.at[b].reg == f->a[k].reg) by = in->bump.at[b].by;
    if (by < 1024 && by > -1024) continue;
    const cx_opnd *o = &f->a[f->lead];
    if (!f->ahead || (o->reg == f->a[k].reg && (by > 0) == (f->a[k].off > o->off))) f->lead = k, f->ahead = by;
  }
}

static void linear(cx_lower_state *L, cx_val *v, int level, const cx_opnd *dest, bool dest_r, bool dest_l) {
  cx_linear *f = CX_NEW(L->s->a, cx_linear); /* one a place of the code */
  *f = *v->linear;
  f->a = CX_NEW_N(L->s->a, cx_opnd, f->n);
  int *temp = CX_NEW_N(L->s->tmp, int, f->n), ntemp = 0;
  v->dl = true;
  for (int k = 0; k < f->n; k++) {
    const cx_val *x = &L->val[v->leaf[k]->id];
    v->dr |= x->dr;
    if (x->level > level) level = x->level;
  }
  v->level = level, v->id = L->level[level].id;
  for (int k = 0; k < f->n; k++) {
    const cx_val *x = &L->val[v->leaf[k]->id];
    f->a[k] = x->o;
    if (!x->dr) f->a[k].rs = 0;
    if (x->dl && x->o.ls == 1) continue;
    int64_t r = x->dr ? L->R : 1; /* kernels take vectors */
    temp[ntemp] = cx_low_temp_new(L, level, r * L->k->block);
    cx_opnd d = cx_low_temp_opnd(L, temp[ntemp++], x->dr ? L->k->block : 0, 1);
    cx_access acc = {.type = L->s->real};
    ins_pack(L, level, d, f->a[k], x->dr, true, &acc);
    f->a[k] = d;
  }
  v->direct = fits_dest(L, v, dest, dest_r, dest_l);
  v->o = v->direct ? *dest : fresh(L, v);
  for (int k = 0; k < f->n; k++)
    for (int t = 0; t < v->times[k]; t++) release(L, &L->val[v->leaf[k]->id], level);
  for (int k = 0; k < ntemp; k++) cx_low_temp_free(L, temp[k]);
  ahead(L, f, v->dr);
  cx_ins i = {.fn = L->vm->linear, .lanes = true, .R = v->dr ? L->R : 1, .d = v->o};
  if (!v->dr) i.d.rs = 0;
  i.u.linear = f;
  *L_INS(L, level) = i;
}

static void emit(cx_lower_state *L, const cx_node *n, const cx_opnd *dest, bool dest_r, bool dest_l) {
  cx_val *v = &L->val[n->id];
  cx_val keep = *v;
  *v = (cx_val){.on = true, .temp = -1, .total = keep.total, .left = keep.total, .fold = keep.fold, .user = keep.user};
  v->linear = keep.linear, v->leaf = keep.leaf, v->times = keep.times, v->terms = keep.terms, v->raw = keep.raw;
  int level = level_of_mask(L, n->free_lo);
  if (n->op == OP_const) {
    v->o = constant(L, n->u.num);
    v->id = L->level[0].id;
    return;
  }
  int64_t c0, c[32];
  if (n->op != OP_load && n->free_lo && !n->has_load && !L->p->flat && cx_affine(n, &c0, c)) {
    for (int k = 0; k < 32; k++) {
      if (!c[k]) continue;
      if (L->level_of[k] == LANE) v->dl = true;
      if (k == L->rslot) v->dr = true;
    }
    v->level = level, v->id = L->level[level].id;
    cx_aff *f = CX_NEW(L->s->a, cx_aff);
    *f = cx_low_aff_of(L, c0, c);
    v->o = fresh(L, v);
    *L_INS(L, level) = (cx_ins){.fn = L->vm->index, .lanes = v->dl, .R = v->dr ? L->R : 1, .d = v->o, .u.aff = f};
    return;
  }
  if (n->op == OP_load) {
    cx_addr a;
    cx_low_address(L, n, &a);
    const cx_place *q = &L->s->place[n->u.eq];
    if (L->floor > level && q->comp == L->p->comp) level = L->floor;
    v->dl = a.lane != 0;
    v->dr = L->rslot >= 0 && a.coef[L->rslot] != 0;
    for (int k = 0; k < a.access.ncheck; k++) {
      v->dl |= a.access.check[k].at.cl != 0;
      v->dr |= a.access.check[k].at.cr != 0;
    }
    for (int k = 0; k < a.access.ndyn; k++) {
      cx_val *x = &L->val[a.dyn[k]->id];
      a.access.dyn[k].idx = x->o;
      if (!x->dr) a.access.dyn[k].idx.rs = 0;
      v->dl |= x->dl, v->dr |= x->dr;
      if (x->level > level) level = x->level;
    }
    v->level = level, v->id = L->level[level].id;
    v->o = cx_low_addr_opnd(L, a.loc, a.c0, a.coef, a.lane);
    bool plain = a.affine && !a.access.ncheck && (a.loc->type == L->s->real || v->raw);
    if (plain && (a.lane == 0 || a.lane == 1)) return;
    v->direct = fits_dest(L, v, dest, dest_r, dest_l);
    cx_opnd d = v->direct ? *dest : fresh(L, v);
    ins_pack(L, level, d, v->o, v->dr, v->dl, &a.access);
    v->o = d;
    for (int k = 0; k < a.access.ndyn; k++) release(L, &L->val[a.dyn[k]->id], level);
    return;
  }
  if (v->linear) {
    linear(L, v, level, dest, dest_r, dest_l);
    return;
  }
  bool all_cheap = cx_ops[n->op].facts & F_CHEAP;
  uint16_t op = n->op, nargs = n->nargs;
  const cx_node *arg[CX_MAX_ARGS] = {n->arg[0], n->nargs > 1 ? n->arg[1] : NULL, n->nargs > 2 ? n->arg[2] : NULL};
  for (int k = 0; k < 2 && n->op == OP_add; k++)
    if (n->arg[k]->op == OP_mul && L->val[n->arg[k]->id].fold) {
      op = OP_muladd, nargs = 3;
      arg[0] = n->arg[k]->arg[0], arg[1] = n->arg[k]->arg[1], arg[2] = n->arg[!k];
      break;
    }
  for (int k = 0; k < nargs; k++) {
    const cx_val *x = &L->val[arg[k]->id];
    v->dl |= x->dl, v->dr |= x->dr;
    if (x->level > level) level = x->level;
  }
  v->level = level, v->id = L->level[level].id;
  cx_ins i = {.fn = L->vm->ew, .op = op, .na = (uint8_t)nargs, .lanes = v->dl, .R = v->dr ? L->R : 1};
  i.u.kern = (void *)(uintptr_t)L->kern->op[op];
  bool dense = v->dr && v->dl;
  int temps[CX_MAX_ARGS], ntemp = 0;
  for (int k = 0; k < nargs; k++) {
    cx_val *x = &L->val[arg[k]->id];
    i.a[k] = x->o;
    if (!x->dr) i.a[k].rs = 0;
    if (!v->dl && x->dr && x->o.rs != 1) { /* a strided column of uniforms */
      temps[ntemp] = cx_low_temp_new(L, level, (L->R + 15) / 16 * 16);
      cx_opnd d = cx_low_temp_opnd(L, temps[ntemp++], 1, 0);
      cx_access acc = {.type = L->s->real};
      ins_pack(L, level, d, x->o, true, false, &acc);
      i.a[k] = d;
    }
    dense &= has_dense(L, i.a[k]);
  }
  bool direct = fits_dest(L, v, dest, dest_r, dest_l);
  /* the result may take the place of an argument of its own shape */
  bool done[CX_MAX_ARGS] = {false};
  for (int k = 0; k < nargs && !direct && all_cheap; k++) {
    cx_val *x = &L->val[arg[k]->id];
    if (x->dr == v->dr && x->dl == v->dl && x->left == 1) release(L, x, level), done[k] = true;
  }
  v->direct = direct;
  v->o = direct ? *dest : fresh(L, v);
  for (int k = 0; k < nargs; k++)
    if (!done[k]) release(L, &L->val[arg[k]->id], level);
  for (int k = 0; k < ntemp; k++) cx_low_temp_free(L, temps[k]);
  i.d = v->o;
  if (!v->dr) i.d.rs = 0;
  i.dense = dense && i.d.ls == 1 && i.d.rs == L->k->block;
  *L_INS(L, level) = i;
}

/* What the body needs, once an equation: which nodes are values, and how many users each has. */
void cx_low_need(cx_lower_state *L, const cx_node *root) {
  if (root->id >= L->nval) { /* lowering itself made nodes */
    cx_val *more = CX_NEW_N(L->s->tmp, cx_val, 2 * (root->id + 1));
    memcpy(more, L->val, L->nval * sizeof *more);
    L->val = more, L->nval = 2 * (root->id + 1);
  }
  L->order.n = 0;
  cx_visit(L->s->g, root, collect, L);
  for (int i = 0; i < L->order.n; i++) L->val[L->order.at[i]->id] = (cx_val){.temp = -1};
  L->val[root->id].total = 1;
  for (int i = L->order.n - 1; i >= 0; i--) {
    const cx_node *n = L->order.at[i];
    int64_t c0, c[32];
    if (!L->val[n->id].total) continue;
    const cx_node *user = L->val[n->id].user;
    if (n->op == OP_mul && L->val[n->id].total == 1 && user && user->op == OP_add && user->free_lo == n->free_lo &&
        !L->val[user->id].fold) {
      L->val[n->id].fold = true;
      L->val[user->id].fold = true; /* at most one of its arguments */
    }
    if (n->op != OP_load) {
      if (!L->p->flat && n->op != OP_const && n->free_lo && !n->has_load && cx_affine(n, &c0, c)) continue;
      for (int k = 0; k < n->nargs; k++) L->val[n->arg[k]->id].total++, L->val[n->arg[k]->id].user = n;
    } else if (!L->p->flat) {
      subscript sub[CX_MAX_RANK];
      for (int k = join_digits(L, n, loc_of(L, n), sub) - 1; k >= 0; k--)
        if (!cx_affine(sub[k].at, &c0, c)) L->val[sub[k].at->id].total++, L->val[sub[k].at->id].user = n;
    }
  }
  cx_low_find_linear(L);
}

/* All nodes of the collected body at the open loops; the root straight into dest where that fits. */
cx_val cx_low_value(cx_lower_state *L, const cx_node *root, const cx_opnd *dest, bool dr, bool dl) {
  for (int i = 0; i < L->order.n; i++) {
    const cx_node *n = L->order.at[i];
    cx_val *v = &L->val[n->id];
    if (v->total > 0 && !(v->fold && n->op == OP_mul) && !valid(L, v)) emit(L, n, n == root ? dest : NULL, dr, dl);
  }
  cx_val v = L->val[root->id];
  if (dest && !v.direct) cx_low_store(L, &v, *dest, dr, dl);
  return v;
}
