/* lower_eq.c - the loops of one equation, and the equations of a kernel one after the other. */
#include "back/lower.h"
#include <math.h>
#include <string.h>

const double cx_red_start[RED_COUNT] = {[RED_prod] = 1, [RED_max] = -INFINITY, [RED_min] = INFINITY};

cx_slots cx_low_remaining(const cx_lower_state *L, int lo, int hi) {
  cx_slots s = {.n = 0};
  for (int pass = 0; pass < 2; pass++) /* the last is to repeat: one that has more than one value */
    for (int k = lo; k < hi; k++)
      if (L->level_of[k] == CLOSED && (cx_extent(L->e, k) != 1) == pass) s.at[s.n++] = k;
  return s;
}
/* what was lowered at the innermost level, as far as a bound of the repeated slot by an open loop */
static void cut(cx_lower_state *L, int slot) {
  cx_level *v = &L->level[L->nlevel - 1];
  const cx_bound *b = NULL;
  for (int k = 0; k < L->p->nbound && L->bounded; k++) {
    int by = L->p->bound[k].by;
    if (L->p->bound[k].slot == slot && L->level_of[by] > 0 && L->level[L->level_of[by]].loop) b = &L->p->bound[k];
  }
  for (int i = 0; i < v->code.n; i++)
    if (v->code.at[i].len) return;
  if (!b || !v->code.n) return;
  int64_t coef[32] = {0};
  coef[b->by] = 1, coef[slot] = -1;
  cx_aff *f = CX_NEW(L->s->a, cx_aff);
  *f = cx_low_aff_of(L, b->c + 1, coef);
  CX_PUSH(L->s->tmp, v->code);
  memmove(v->code.at + 1, v->code.at, (size_t)(v->code.n - 1) * sizeof *v->code.at);
  v->code.at[0] = (cx_ins){.fn = L->vm->cut, .len = v->code.n - 1, .R = L->R, .eq = L->e->id + 1};
  v->code.at[0].u.aff = f;
}

/* runs fn at every point of the slots, the last one cut into repetitions */
void cx_low_nest(cx_lower_state *L, const cx_slots *s, int from, bool repeat, void (*fn)(cx_lower_state *L, void *user),
                 void *user) {
  if (from == s->n) {
    fn(L, user);
    return;
  }
  int slot = s->at[from];
  int64_t n = cx_extent(L->e, slot);
  if (from < s->n - 1 || !repeat) {
    cx_low_open(L, slot, 0, n, 1);
    cx_low_nest(L, s, from + 1, repeat, fn, user);
    cx_low_close(L);
    return;
  }
  int64_t most = L->k->lanes ? 2048 / L->k->block : 1024;
  if (most < 1) most = 1;
  if (L->k->lanes && most > 128) most = 128;
  int64_t full = n / most, rest = n % most;
  for (int part = 0; part < 2; part++) {
    int64_t r = part ? rest : most, count = part ? rest > 0 : full;
    if (!count) continue;
    L->rslot = slot, L->R = r;
    cx_low_open(L, slot, part ? full * most : 0, count, r);
    fn(L, user);
    cut(L, slot);
    cx_low_close(L);
    L->rslot = -1, L->R = 1;
  }
}

void cx_low_forget(cx_lower_state *L, int base) {
  for (int i = 0; i < L->order.n; i++) {
    cx_val *v = &L->val[L->order.at[i]->id];
    if (v->on && v->temp >= 0) {
      if (v->level >= base) cx_low_temp_free(L, v->temp);
      else *CX_PUSH(L->s->tmp, L->held) = v->temp; /* computed before the loop that is still open */
    }
    v->on = false, v->temp = -1;
  }
}

/* the equation's own element at the open loops */
cx_opnd cx_low_dest(cx_lower_state *L, const cx_loc *loc) {
  int64_t coef[32] = {0}, lane = 0;
  if (L->p->flat) lane = L->p->lane_red ? 0 : 1;
  else
    for (int d = 0; d < L->e->rank; d++) {
      if (L->level_of[d] == LANE) lane = loc->stride[d];
      else coef[d] = loc->stride[d];
    }
  return cx_low_addr_opnd(L, loc, 0, coef, lane);
}

typedef struct {
  const cx_loc *to, *best;
  cx_slots q;
  bool by_own;
  const cx_loc *sums; /* of a sum over rows: kept lane by lane until the other sums are done, then put here */
  const cx_loc *twin; /* where the other function of a pair goes */
  const cx_pair *pair;
} plan;

/* An array larger than the caches is written past them, or every line of it would be read first. */
static bool streamed(const cx_lower_state *L, const cx_loc *to, cx_opnd d) {
  double bytes = (double)L->s->esize;
  for (int k = 0; k < L->e->rank; k++) bytes *= (double)L->e->dim[k].n;
  bool once = L->p->stage && !L->s->comp[L->p->comp].dir && L->last[L->e->id] == L->last[L->s->g->neq];
  return L->k->lanes && to->base != BASE_TEMP && to->base != BASE_ACC && d.ls == 1 && bytes >= CX_LARGE && once;
}

static void plain(cx_lower_state *L, void *user) {
  plan *p = user;
  cx_opnd d = cx_low_dest(L, p->to);
  if (!streamed(L, p->to, d)) {
    cx_low_value(L, L->e->body, &d, L->rslot >= 0, L->k->lanes);
    return;
  }
  cx_val v = cx_low_value(L, L->e->body, NULL, false, true);
  cx_low_stream(L, &v, d, L->rslot >= 0);
}

/* two functions of one argument by one instruction; the equation's own one may be the second */
static void pair(cx_lower_state *L, void *user) {
  plan *p = user;
  const cx_node *x = L->e->body->arg[0];
  cx_opnd own = cx_low_dest(L, p->to), other = cx_low_dest(L, p->twin);
  cx_val v = cx_low_value(L, x, NULL, L->rslot >= 0, true);
  bool first = L->e->body->op == p->pair->first;
  cx_ins *i = L_INS(L, L->nlevel - 1);
  *i = (cx_ins){.fn = L->vm->pair, .op = (uint16_t)p->pair->first, .na = 2, .lanes = true};
  i->R = L->rslot >= 0 ? L->R : 1;
  i->u.pair = p->pair->run;
  i->d = first ? own : other, i->a[0] = v.o, i->a[1] = first ? other : own;
  if (!v.dr) i->a[0].rs = 0;
  i->dense = true;
  for (int k = 0; k < 3; k++) {
    const cx_opnd *o = k < 2 ? &i->a[k] : &i->d;
    i->dense &= o->ls == 1 && o->rs == L->k->block;
  }
}

static void move(cx_lower_state *L, void *user) { /* from the block to the caller's array */
  plan *p = user;
  cx_val v = {.o = cx_low_dest(L, p->best), .dr = L->rslot >= 0, .dl = true};
  cx_low_store(L, &v, cx_low_dest(L, p->to), v.dr, true);
}

static cx_ins *put(cx_lower_state *L, cx_ins_fn fn, cx_opnd d, const cx_val *v) {
  cx_ins *i = L_INS(L, L->nlevel - 1);
  *i = (cx_ins){.fn = fn, .op = L->e->red, .na = 1, .lanes = L->k->lanes, .R = L->rslot >= 0 ? L->R : 1, .d = d};
  i->a[0] = v->o;
  if (!v->dr) i->a[0].rs = 0;
  return i;
}

/* the flat number of the point summed over, for argmax */
static const cx_aff *flat_index(cx_lower_state *L) {
  int64_t coef[32] = {0}, s = 1;
  for (int k = cx_nslot(L->e) - 1; k >= L->e->rank; k--) coef[k] = s, s *= cx_extent(L->e, k);
  cx_aff *f = CX_NEW(L->s->a, cx_aff);
  *f = cx_low_aff_of(L, 0, coef);
  return f;
}

static cx_opnd sum_at(cx_lower_state *L, const plan *p) {
  cx_opnd d = cx_low_dest(L, p->to);
  if (p->sums) d.ls = 1;
  return d;
}

static void reduce_inner(cx_lower_state *L, void *user) {
  plan *p = user;
  cx_val v = cx_low_value(L, L->e->body, NULL, false, false);
  cx_opnd d = sum_at(L, p);
  bool arg = L->e->red >= RED_argmax;
  if (arg) {
    cx_ins *i = put(L, L->vm->arg, d, &v);
    i->a[1] = cx_low_dest(L, p->best);
    i->u.aff = flat_index(L);
    i->add = L->p->lane_red;
    return;
  }
  static const uint16_t op[RED_COUNT] = {
      [RED_sum] = OP_add, [RED_prod] = OP_mul, [RED_max] = OP_max, [RED_min] = OP_min};
  if (L->p->lane_red && !p->sums) {
    put(L, L->vm->acc, d, &v);
    return;
  }
  if (!p->by_own) {
    put(L, L->vm->red, d, &v);
    return;
  }
  int strided = -1;
  if (!L->k->lanes && v.dr && v.o.rs != 1) { /* kernels take vectors */
    strided = cx_low_temp_new(L, L->nlevel - 1, L->R);
    cx_opnd c = cx_low_temp_opnd(L, strided, 1, 0);
    cx_low_store(L, &v, c, true, false);
    v.o = c;
  }
  cx_ins *i = put(L, L->vm->ew, d, &v);
  cx_low_temp_free(L, strided);
  i->op = op[L->e->red];
  i->na = 2;
  i->u.kern = (void *)(uintptr_t)L->kern->op[i->op];
  i->a[1] = i->a[0], i->a[0] = d;
  bool dense = d.ls == 1 && d.rs == L->k->block;
  i->dense = L->k->lanes && dense && (v.dl ? i->a[1].ls == 1 && i->a[1].rs == L->k->block : i->a[1].rs == 0);
}

static void reduce(cx_lower_state *L, void *user) {
  plan *p = user;
  bool dr = L->rslot >= 0, dl = L->k->lanes;
  if (!L->p->lane_red || p->sums) {
    bool arg = L->e->red >= RED_argmax;
    int at = L->nlevel - 1;
    cx_low_fill(L, at, sum_at(L, p), dr, dl, cx_red_start[L->e->red]);
    if (arg) cx_low_fill(L, at, cx_low_dest(L, p->best), dr, dl, L->e->red == RED_argmax ? -INFINITY : INFINITY);
  }
  cx_low_nest(L, &p->q, 0, !p->by_own, reduce_inner, p);
  if (!p->sums) return;
  cx_val v = {.o = sum_at(L, p), .dr = dr, .dl = true};
  put(L, L->vm->acc, cx_low_dest(L, p->sums), &v);
}

static void block_loc(cx_lower_state *L, cx_loc *l, const cx_eq *e, const cx_place *p, int temp) {
  int64_t s = L->k->block;
  *l = (cx_loc){.on = true, .base = BASE_TEMP, .off = L->temp.at[temp].off, .type = L->s->real, .padded = true};
  int order[CX_MAX_RANK + 1], n = 0; /* from the one that lies closest */
  for (int d = e->rank - 1; d >= 0; d--) {
    if (!p->digits || d != p->high) order[n++] = d;
    if (p->digits && d == p->low) order[n++] = p->high;
  }
  for (int k = 0; k < n; k++) {
    int d = order[k];
    if (p->flat || (p->mask >> d & 1)) {
      l->stride[d] = 1;
      continue;
    }
    if (d == p->slot && !p->whole) continue; /* one slice */
    l->stride[d] = s;
    s *= e->dim[d].n;
  }
}
static int64_t per_row(const cx_eq *e, const cx_place *p) {
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++)
    if (!(p->mask >> d & 1)) n *= e->dim[d].n;
  return n;
}
static int64_t kept(const cx_eq *e, const cx_place *p) { /* elements of its block, a row */
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++)
    if (!(p->mask >> d & 1) && (d != p->slot || p->whole)) n *= e->dim[d].n;
  return n;
}

/* the equation of this kernel that one instruction computes together with the i-th; NULL: there is none */
static const cx_eq *twin_of(const cx_lower_state *L, int i) {
  const cx_sched *s = L->s;
  const cx_eq *e = s->g->eq[L->k->eq[i]];
  const cx_place *p = &s->place[e->id];
  int pair = L->k->lanes && e->red == RED_none ? cx_kern_pair_of((cx_op)e->body->op) : -1;
  for (int j = i + 1; j < L->k->neq && pair >= 0; j++) {
    const cx_eq *t = s->g->eq[L->k->eq[j]];
    const cx_place *q = &s->place[t->id];
    bool same = t->red == RED_none && cx_kern_pair_of((cx_op)t->body->op) == pair && t->body->op != e->body->op &&
                t->body->arg[0] == e->body->arg[0] && t->rank == e->rank && p->mask == q->mask && p->flat == q->flat &&
                p->run == q->run && p->slot == q->slot && !s->comp[p->comp].dir && !s->comp[q->comp].dir;
    for (int d = 0; d < e->rank && same; d++) same = t->dim[d].n == e->dim[d].n;
    for (int k = 0; k < 2 && same && !p->flat; k++) { /* both are written along the lanes */
      const cx_place *r = k ? q : p;
      same = (r->block.on || r->full.stride[__builtin_ctz(r->mask)] == 1);
    }
    if (same) return t;
  }
  return NULL;
}

/* what was lowered since belongs to e */
static void claim(cx_lower_state *L, const cx_eq *e) {
  for (int v = 0; v < L->nlevel; v++)
    for (int i = L->level[v].code.n - 1; i >= 0 && !L->level[v].code.at[i].eq; i--)
      L->level[v].code.at[i].eq = e->id + 1;
}

/* e, or a part of it, to w.to */
static void lowered(cx_lower_state *L, const cx_eq *e, plan w) {
  const cx_place *p = L->p;
  int base = L->nlevel - 1, rows_temp = -1;
  cx_low_part_at part[CX_PARTS];
  cx_loc rows;
  int nparts = cx_phases(L, e, part);
  if (!nparts && (cx_lower_contract(L, e, w.to) || cx_lower_product(L, e, w.to))) return;
  if (!nparts) nparts = cx_pieces(L, e, part);
  for (int k = 0; k < nparts; k++) {
    cx_loc to = *w.to;
    int slot = part[k].slot;
    to.off += part[k].start * to.stride[slot] * (int64_t)cx_dtype_size[to.type], to.stride[slot] *= part[k].step;
    L->e = cx_low_part(L, e, &part[k]);
    lowered(L, L->e, (plan){.to = &to});
    L->e = e;
  }
  if (nparts) return;
  cx_slots own = cx_low_remaining(L, 0, e->rank), red = cx_low_remaining(L, e->rank, cx_nslot(e));
  bool arg = e->red >= RED_argmax;
  w.q = red;
  L->bounded = L->k->lanes && !p->flat;
  cx_low_need(L, e->body);
  if (e->red == RED_none) cx_low_nest(L, &own, 0, true, plain, &w);
  else {
    int64_t inner = red.n ? cx_extent(e, red.at[red.n - 1]) : 1, outer = own.n ? cx_extent(e, own.at[own.n - 1]) : 1;
    w.by_own = !arg && outer > inner;
    if (p->lane_red && !red.n) w.by_own = true;
    if (arg) w.by_own = L->k->lanes && !p->lane_red && own.n && outer > 1;
    /* adding the lanes of a short block costs more than adding blocks */
    if (p->lane_red && e->red == RED_sum && inner > 3 && outer > 7 && L->k->block * L->s->esize <= 256) {
      rows_temp = cx_low_temp_new(L, base, kept(e, p) * L->k->block);
      block_loc(L, &rows, e, p, rows_temp);
      w.sums = w.to, w.to = &rows, w.by_own = true;
    }
    cx_low_nest(L, &own, 0, w.by_own, reduce, &w);
  }
  cx_low_forget(L, base);
  cx_low_temp_free(L, rows_temp);
}

static void equation(cx_lower_state *L, const cx_eq *e, const cx_eq *twin) {
  cx_sched *s = L->s;
  cx_place *p = &s->place[e->id];
  int base = L->nlevel - 1;
  L->e = e, L->p = p, L->rslot = -1, L->R = 1, L->bounded = false;
  for (int k = 0; k < cx_nslot(e); k++)
    if (p->mask >> k & 1) L->level_of[k] = LANE;
  cx_slots own = cx_low_remaining(L, 0, e->rank);
  plan w = {.to = p->block.on ? &p->block : &p->full};
  cx_loc acc, best;
  int best_temp = -1;
  cx_scatter sc;
  if (p->lane_red) {
    int at = 0;
    while (L->k->acc[at].eq != e->id) at++;
    acc = p->full;
    if (L->k->acc[at].part >= 0) acc.base = BASE_ACC, acc.off = L->k->acc[at].part;
    w.to = &acc;
    L->acc = &L->k->acc[at];
    best = acc;
    best.off += L->k->acc[at].count * s->esize;
    w.best = &best;
  } else if (e->red >= RED_argmax) { /* the best value so far, beside its index */
    int64_t n = kept(e, p) * (L->k->lanes ? L->k->block : 1);
    best_temp = cx_low_temp_new(L, base, n);
    block_loc(L, &best, e, p, best_temp);
    if (!L->k->lanes) memcpy(best.stride, p->full.stride, sizeof best.stride);
    w.best = &best;
  }
  if (twin) {
    const cx_place *t = &s->place[twin->id];
    w.twin = t->block.on ? &t->block : &t->full, w.pair = &L->kern->pair[cx_kern_pair_of((cx_op)e->body->op)];
    cx_low_need(L, e->body->arg[0]);
    cx_low_nest(L, &own, 0, true, pair, &w);
    cx_low_forget(L, base);
  } else if (p->pinned && cx_scatter_of(s->g, e, &sc)) {
    cx_lower_scatter(L, &sc, w.to);
  } else lowered(L, e, w);
  cx_low_temp_free(L, best_temp);
  for (int k = 0; k < (twin ? 2 : 1); k++) {
    const cx_place *q = k ? &s->place[twin->id] : p;
    plan m = {.to = &q->full, .best = &q->block};
    if (q->block.on && q->full.on && !q->lane_red) cx_low_nest(L, &own, 0, true, move, &m);
  }
  for (int k = 0; k < cx_nslot(e); k++)
    if (p->mask >> k & 1) L->level_of[k] = CLOSED;
  claim(L, e);
}

static void readers(void *user, const cx_node *n) {
  cx_lower_state *L = user;
  if (n->op == OP_load) L->last[n->u.eq] = L->last[L->s->g->neq];
}

/* blocks of rows: the more is alive between equations, the shorter */
static int64_t block_rows(cx_sched *s, const cx_kernel *k) {
  double live = 0;
  for (int i = 0; i < k->neq; i++) {
    const cx_place *p = &s->place[k->eq[i]];
    if (!p->lane_red && p->block.on) live += (double)kept(s->g->eq[k->eq[i]], p) * (double)s->esize;
  }
  int64_t b = CX_BLOCK;
  while (b > 256 && (live + 6 * (double)s->esize) * (double)b > 48 * 1024) b /= 2;
  while (b > 32 && live * (double)b > 512 * 1024) b /= 2;
  while (b > 64 && k->work > 4000000 && k->n < 3 * b) b /= 2;  /* enough blocks for threads */
  while (b > 16 && k->work > 64000000 && k->n < 2 * b) b /= 2; /* costly rows: two blocks of 32 */
  int64_t all = (k->n + 15) / 16 * 16;
  return b < all ? b : all < 16 ? 16 : all;
}

/* ... and not longer than the blocks of large data laid out as columns */
static void shorter(void *user, const cx_node *n) {
  cx_lower_state *L = user;
  if (n->op != OP_load) return;
  const cx_eq *p = L->s->g->eq[n->u.eq];
  if (p->kind != EQ_INPUT || !p->constant) return;
  for (int d = 0; d < n->nargs; d++) {
    if (n->arg[d]->op != OP_index || !(L->p->mask >> n->arg[d]->u.i & 1)) continue;
    int64_t b = cx_columns_block(L->s, p, d);
    if (b && b < L->k->block) L->k->block = b;
  }
}

static void new_block(cx_lower_state *L, const cx_eq *e) {
  cx_place *q = &L->s->place[e->id];
  L->eq_temp[e->id] = -1;
  if (!L->k->lanes || q->lane_red || !q->block.on) return;
  L->eq_temp[e->id] = cx_low_temp_new(L, L->nlevel - 1, kept(e, q) * L->k->block);
  block_loc(L, &q->block, e, q, L->eq_temp[e->id]);
}

/* the members of a recurrence, step by step */
static void recurrence(cx_lower_state *L, const cx_comp *c) {
  const cx_graph *g = L->s->g;
  int64_t steps = 0;
  for (int m = 0; m < c->n; m++) {
    int64_t n = g->eq[c->eq[m]]->dim[c->axis[m]].n;
    if (n > steps) steps = n;
  }
  int lv = cx_low_open(L, STEP_SLOT, c->dir > 0 ? 0 : steps - 1, steps, c->dir);
  L->level[lv].loop = true;
  L->floor = lv;
  for (int m = 0; m < c->n; m++) {
    const cx_eq *e = g->eq[c->eq[m]];
    int axis = c->axis[m];
    bool shorter = e->dim[axis].n < steps;
    int at = L->level[lv].code.n;
    L->level_of[axis] = lv;
    if (shorter) *L_INS(L, lv) = (cx_ins){.fn = L->vm->guard};
    equation(L, e, NULL);
    L->level_of[axis] = CLOSED;
    if (shorter) {
      cx_ins *gd = &L->level[lv].code.at[at];
      gd->len = L->level[lv].code.n - at - 1;
      gd->u.loop.depth = L->level[lv].depth, gd->u.loop.start = e->dim[axis].n;
    }
  }
  L->level_of[STEP_SLOT] = lv;
  cx_low_close(L);
  L->floor = 0;
}

static double acc_count(const cx_sched *s, const cx_kernel *k) {
  double n = 0;
  for (int i = 0; i < k->neq; i++)
    if (s->place[k->eq[i]].lane_red) n += (double)per_row(s->g->eq[k->eq[i]], &s->place[k->eq[i]]);
  return n;
}

void cx_lower(cx_sched *s, cx_kernel *k) {
  cx_graph *g = s->g;
  cx_lower_state *L = CX_NEW(s->tmp, cx_lower_state);
  L->s = s, L->k = k, L->vm = cx_vm_get(s->opt->single), L->kern = cx_kernels_get(s->opt->single, s->opt->no_simd);
  for (int i = 0; i < 32; i++) L->level_of[i] = CLOSED;
  L->level[0] = (cx_level){.slot = 31, .id = ++L->next_id};
  L->nlevel = 1;
  cx_fuse(s, k);
  k->block = k->lanes ? block_rows(s, k) : 1;
  for (int i = 0; i < k->neq && k->lanes; i++) {
    L->p = &s->place[k->eq[i]];
    if (!L->p->flat) cx_visit(g, g->eq[k->eq[i]]->body, shorter, L);
  }
  /* parts for threads; where nothing is summed over the rows they cost but a call */
  double sums = acc_count(s, k), rows = (double)k->n, chunks = (double)k->work / (sums > 0 ? 262144 : 131072);
  if (chunks > rows / (double)k->block) chunks = rows / (double)k->block;
  k->nchunk = !k->lanes || chunks < 1 ? 1 : chunks > 64 ? 64 : (int)chunks;
  /* partial results of reductions over rows must stay small beside the work: many of them are products of matrices, to
   * which a number more is much */
  double most_chunks = 1 + (double)k->work / ((sums > 4096 ? 256 : 16) * sums + 1);
  if (k->nchunk > most_chunks) k->nchunk = (int)most_chunks;
  k->chunk_rows = (k->n + k->nchunk - 1) / k->nchunk;
  k->chunk_rows = (k->chunk_rows + k->block - 1) / k->block * k->block;
  if (k->chunk_rows) k->nchunk = (int)((k->n + k->chunk_rows - 1) / k->chunk_rows);
  if (k->nchunk < 1) k->nchunk = 1;

  uint32_t most = 0;
  L->last = CX_NEW_N(s->tmp, int, g->neq + 1);
  L->eq_temp = CX_NEW_N(s->tmp, int, g->neq + 1);
  for (int i = 0; i < k->neq; i++) {
    const cx_eq *e = g->eq[k->eq[i]];
    cx_place *p = &s->place[e->id];
    if (e->body->id > most) most = e->body->id;
    L->last[g->neq] = i;
    L->last[e->id] = i;
    cx_visit(g, e->body, readers, L);
    if (p->lane_red) k->nacc++;
  }
  L->nval = most + 1;
  L->val = CX_NEW_N(s->tmp, cx_val, L->nval);
  k->acc = CX_NEW_N(s->a, cx_acc, k->nacc + 1);
  k->nacc = 0;
  for (int i = 0; i < k->neq; i++) {
    const cx_eq *e = g->eq[k->eq[i]];
    const cx_place *p = &s->place[e->id];
    if (!p->lane_red) continue;
    int64_t n = per_row(e, p);
    bool direct = k->nchunk == 1 && e->red < RED_argmax; /* no partial results: straight to its place */
    k->acc[k->nacc++] = (cx_acc){e->id, e->red, n, direct ? -1 : k->acc_bytes, p->full.off, p->full.base, false};
    if (!direct) k->acc_bytes += (n * (e->red >= RED_argmax ? 2 : 1) * s->esize + 63) / 64 * 64;
  }

  int open = -1;                                   /* the level of the run that is open */
  bool *done = CX_NEW_N(s->tmp, bool, g->neq + 1); /* with its twin */
  for (int i = 0; i < k->neq; i++) {
    const cx_eq *first = g->eq[k->eq[i]];
    const cx_place *p = &s->place[first->id];
    const cx_comp *c = &s->comp[p->comp];
    int members = c->dir ? c->n : 1, run = p->slot >= 0 ? p->run : -1;
    if (run >= 0 && open < 0) {
      for (int j = i; j < k->neq && s->place[k->eq[j]].run == run && s->place[k->eq[j]].slot >= 0; j++)
        if (s->place[k->eq[j]].whole) new_block(L, g->eq[k->eq[j]]);
      open = cx_low_open(L, RUN_SLOT, 0, first->dim[p->slot].n, 1);
      L->level[open].loop = true;
    }
    const cx_eq *twin = done[first->id] ? NULL : twin_of(L, i);
    if (twin && done[twin->id]) twin = NULL;
    for (int m = 0; m < members && !done[first->id]; m++)
      if (!(run >= 0 && p->whole)) new_block(L, g->eq[k->eq[i + m]]);
    if (twin && !(run >= 0 && s->place[twin->id].whole)) new_block(L, twin);
    if (twin) done[twin->id] = true;
    if (run >= 0) L->level_of[p->slot] = open;
    if (c->dir) recurrence(L, c);
    else if (!done[first->id]) equation(L, first, twin);
    if (run >= 0) L->level_of[p->slot] = CLOSED;
    i += members - 1;
    if (run < 0 && L->nlevel == 1)
      while (L->held.n) cx_low_temp_free(L, L->held.at[--L->held.n]);
    bool closing =
        open >= 0 && (i + 1 == k->neq || s->place[k->eq[i + 1]].slot < 0 || s->place[k->eq[i + 1]].run != run);
    for (int j = 0; j <= i; j++) { /* blocks that nobody reads any more */
      uint32_t id = k->eq[j];
      bool slice = s->place[id].slot >= 0 && !s->place[id].whole;
      if (L->eq_temp[id] < 0 || L->last[id] > i || (open >= 0 && !slice && !closing)) continue;
      if (open >= 0 && !slice && closing) continue;
      cx_low_temp_free(L, L->eq_temp[id]), L->eq_temp[id] = -1;
    }
    if (closing) {
      L->level_of[RUN_SLOT] = open;
      cx_low_close(L);
      open = -1;
      while (L->held.n) cx_low_temp_free(L, L->held.at[--L->held.n]);
      for (int j = 0; j <= i; j++) {
        uint32_t id = k->eq[j];
        if (L->eq_temp[id] >= 0 && L->last[id] <= i) cx_low_temp_free(L, L->eq_temp[id]), L->eq_temp[id] = -1;
      }
    }
  }
  k->ncode = L->level[0].code.n;
  k->code = CX_NEW_N(s->a, cx_ins, k->ncode + 1);
  if (k->ncode) memcpy(k->code, L->level[0].code.at, (size_t)k->ncode * sizeof *k->code);
  k->nreg = L->reg.n;
  k->reg = CX_NEW_N(s->a, cx_reg, k->nreg + 1);
  if (k->nreg) memcpy(k->reg, L->reg.at, (size_t)k->nreg * sizeof *k->reg);
  k->temp_bytes = L->top;
}
