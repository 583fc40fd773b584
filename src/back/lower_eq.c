/* lower_eq.c - the loops of one equation. */
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
  bool nested;        /* the loops of those are open already: nest.c begins and ends them */
  const cx_loc *twin; /* where the other function of a pair goes; of argmax, argmin: where the best value does */
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

/* one step of a reduction of v, into d */
static void join(cx_lower_state *L, const plan *p, int red, cx_opnd d, cx_val v) {
  static const uint16_t op[RED_COUNT] = {
      [RED_sum] = OP_add, [RED_prod] = OP_mul, [RED_max] = OP_max, [RED_min] = OP_min};
  if (!p->by_own) {
    put(L, L->vm->red, d, &v)->op = (uint16_t)red;
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
  i->op = op[red];
  i->na = 2;
  i->u.kern = (void *)(uintptr_t)L->kern->op[i->op];
  i->a[1] = i->a[0], i->a[0] = d;
  bool dense = d.ls == 1 && d.rs == L->k->block;
  i->dense = L->k->lanes && dense && (v.dl ? i->a[1].ls == 1 && i->a[1].rs == L->k->block : i->a[1].rs == 0);
}

static int red_of_best(const cx_eq *e) { return e->red == RED_argmax ? RED_max : RED_min; }

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
    if (p->twin) join(L, p, red_of_best(L->e), cx_low_dest(L, p->twin), v);
  } else if (L->p->lane_red && !p->sums) put(L, L->vm->acc, d, &v);
  else join(L, p, L->e->red, d, v);
}

static void add_lanes(cx_lower_state *L, void *user) {
  const plan *p = user;
  cx_val v = {.o = sum_at(L, p), .dr = L->rslot >= 0, .dl = true};
  put(L, L->vm->acc, cx_low_dest(L, p->sums), &v);
}

static void reduce(cx_lower_state *L, void *user) {
  plan *p = user;
  bool dr = L->rslot >= 0, dl = L->k->lanes;
  if (!L->p->lane_red || (p->sums && !p->nested)) {
    bool arg = L->e->red >= RED_argmax;
    int at = L->nlevel - 1;
    cx_low_fill(L, at, sum_at(L, p), dr, dl, cx_red_start[L->e->red]);
    if (arg) cx_low_fill(L, at, cx_low_dest(L, p->best), dr, dl, L->e->red == RED_argmax ? -INFINITY : INFINITY);
    if (p->twin) cx_low_fill(L, at, cx_low_dest(L, p->twin), dr, dl, cx_red_start[red_of_best(L->e)]);
  }
  cx_low_nest(L, &p->q, 0, !p->by_own, reduce_inner, p);
  if (p->sums && !p->nested) add_lanes(L, p);
}

void cx_low_block_loc(cx_lower_state *L, cx_loc *l, const cx_eq *e, const cx_place *p, int temp) {
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
    if ((d == p->slot && !p->whole) || (p->slices >> d & 1)) continue; /* one slice */
    l->stride[d] = s;
    s *= e->dim[d].n;
  }
}
int64_t cx_low_per_row(const cx_eq *e, const cx_place *p) {
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++)
    if (!(p->mask >> d & 1)) n *= e->dim[d].n;
  return n;
}
int64_t cx_low_kept(const cx_eq *e, const cx_place *p) { /* elements of its block, a row */
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++)
    if (!((p->mask | p->slices) >> d & 1) && (d != p->slot || p->whole)) n *= e->dim[d].n;
  return n;
}

/* the equation of this kernel that is computed together with the i-th: the other function of a pair that one instruction
 * does, or the best value where the i-th is its index, and the other way round; NULL: there is none */
const cx_eq *cx_low_twin(const cx_lower_state *L, int i) {
  const cx_sched *s = L->s;
  const cx_eq *e = s->g->eq[L->k->eq[i]];
  const cx_place *p = &s->place[e->id];
  int pair = L->k->lanes && e->red == RED_none ? cx_kern_pair_of((cx_op)e->body->op) : -1;
  if (!L->k->lanes || p->lane_red || (pair < 0 && e->red < RED_max)) return NULL;
  for (int j = i + 1; j < L->k->neq; j++) {
    const cx_eq *t = s->g->eq[L->k->eq[j]];
    const cx_place *q = &s->place[t->id];
    bool same = t->rank == e->rank && t->nred == e->nred && p->mask == q->mask && p->flat == q->flat &&
                p->run == q->run && p->slot == q->slot && !s->comp[p->comp].dir && !s->comp[q->comp].dir;
    if (pair >= 0)
      same &= t->red == RED_none && cx_kern_pair_of((cx_op)t->body->op) == pair && t->body->op != e->body->op &&
              t->body->arg[0] == e->body->arg[0];
    else
      same &= t->body == e->body &&
              (t->red >= RED_argmax ? e->red == red_of_best(t) : e->red >= RED_argmax && t->red == red_of_best(e));
    for (int d = 0; d < cx_nslot(e) && same; d++) same = cx_extent(t, d) == cx_extent(e, d);
    for (int k = 0; k < 2 && same && !p->flat && pair >= 0; k++) { /* both are written along the lanes */
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

bool cx_low_lanes_last(const cx_lower_state *L, const cx_eq *e) {
  cx_slots own = cx_low_remaining(L, 0, e->rank), red = cx_low_remaining(L, e->rank, cx_nslot(e));
  return L->p->lane_red && e->red == RED_sum && red.n && cx_extent(e, red.at[red.n - 1]) > 3 && own.n &&
         cx_extent(e, own.at[own.n - 1]) > 7 && L->k->block * L->s->esize <= 256;
}

/* e, or a part of it, to w.to */
static void lowered(cx_lower_state *L, const cx_eq *e, plan w) {
  const cx_place *p = L->p;
  int base = L->nlevel - 1, rows_temp = -1;
  cx_low_part_at part[CX_PARTS];
  cx_loc rows;
  int nparts = cx_phases(L, e, part);
  if (!nparts && !w.nested && (cx_lower_contract(L, e, w.to) || cx_lower_product(L, e, w.to))) return;
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
    if (w.nested) w.by_own = true;
    else if (cx_low_lanes_last(L, e)) {
      rows_temp = cx_low_temp_new(L, base, cx_low_kept(e, p) * L->k->block);
      cx_low_block_loc(L, &rows, e, p, rows_temp);
      w.sums = w.to, w.to = &rows, w.by_own = true;
    }
    cx_low_nest(L, &own, 0, w.by_own, reduce, &w);
  }
  cx_low_forget(L, base);
  cx_low_temp_free(L, rows_temp);
}

/* where a sum over rows is collected: its array, or what a part of the rows adds to it */
static cx_loc collected(cx_lower_state *L, const cx_eq *e) {
  cx_loc to = L->s->place[e->id].full;
  int at = 0;
  while (L->k->acc[at].eq != e->id) at++;
  L->acc = &L->k->acc[at];
  if (L->acc->part >= 0) to.base = BASE_ACC, to.off = L->acc->part;
  return to;
}

static void begin(cx_lower_state *L, const cx_eq *e) {
  cx_place *p = &L->s->place[e->id];
  L->e = e, L->p = p, L->rslot = -1, L->R = 1, L->bounded = false;
  for (int k = 0; k < cx_nslot(e); k++)
    if (p->mask >> k & 1) L->level_of[k] = LANE;
}
static void end(cx_lower_state *L, const cx_eq *e) {
  for (int k = 0; k < cx_nslot(e); k++)
    if (L->p->mask >> k & 1) L->level_of[k] = CLOSED;
  claim(L, e);
}

static void start_lanes(cx_lower_state *L, void *user) {
  cx_low_fill(L, L->nlevel - 1, sum_at(L, user), L->rslot >= 0, true, 0);
}
static void each_part(cx_lower_state *L, const cx_eq *e, const cx_loc *lanes, void (*fn)(cx_lower_state *, void *)) {
  begin(L, e);
  cx_loc to = collected(L, e);
  plan w = {.to = lanes, .sums = &to};
  cx_slots own = cx_low_remaining(L, 0, e->rank);
  cx_low_nest(L, &own, 0, true, fn, &w);
  end(L, e);
}
void cx_low_sums_begin(cx_lower_state *L, const cx_eq *e, cx_loc *lanes, int *temp) {
  const cx_place *p = &L->s->place[e->id];
  *temp = cx_low_temp_new(L, L->nlevel - 1, cx_low_kept(e, p) * L->k->block);
  cx_low_block_loc(L, lanes, e, p, *temp);
  each_part(L, e, lanes, start_lanes);
}
void cx_low_sums_end(cx_lower_state *L, const cx_eq *e, const cx_loc *lanes) { each_part(L, e, lanes, add_lanes); }

void cx_low_equation(cx_lower_state *L, const cx_eq *e, const cx_eq *twin, const cx_loc *lanes) {
  cx_sched *s = L->s;
  cx_place *p = &s->place[e->id];
  int base = L->nlevel - 1;
  begin(L, e);
  cx_slots own = cx_low_remaining(L, 0, e->rank);
  plan w = {.to = p->block.on ? &p->block : &p->full};
  cx_loc acc, best;
  int best_temp = -1;
  cx_scatter sc;
  if (p->lane_red) {
    acc = best = collected(L, e);
    best.off += L->acc->count * s->esize;
    w.to = &acc, w.best = &best;
    if (lanes) w.nested = true, w.sums = &acc, w.to = lanes;
  } else if (e->red >= RED_argmax) { /* the best value so far, beside its index */
    int64_t n = cx_low_kept(e, p) * (L->k->lanes ? L->k->block : 1);
    best_temp = cx_low_temp_new(L, base, n);
    cx_low_block_loc(L, &best, e, p, best_temp);
    if (!L->k->lanes) memcpy(best.stride, p->full.stride, sizeof best.stride);
    w.best = &best;
  }
  if (twin) w.twin = s->place[twin->id].block.on ? &s->place[twin->id].block : &s->place[twin->id].full;
  if (twin && e->red == RED_none) {
    w.pair = &L->kern->pair[cx_kern_pair_of((cx_op)e->body->op)];
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
  end(L, e);
}
