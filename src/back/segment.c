/* segment.c - recurrences over a long time in little memory: checkpoints.
 *
 * A gradient through s[t] = f(s[t-1], x[t]) runs down what the value ran up, and reads every s[t] again. With time cut
 * into segments of B steps, only the states at their starts are kept (checkpoints); on the way down each segment is
 * computed once more. Memory is O(T / B + B), least at B = sqrt(T), for one more evaluation of the recurrence
 * (Griewank and Walther, Evaluating Derivatives, 2nd ed., section 12.1). It is equations again:
 *
 *   before   what no recurrence touches
 *   up       for each segment: its part of the recurrences that run up and of what follows their time; sums over
 *            time add up, the last rows become the next segment's first ones
 *   middle   what is computed from those sums
 *   down     for each segment, last first: the same part again from its checkpoint, and the recurrences that run down
 *   after    the rest
 *
 * An equation belongs to time when a subscript `time + constant` links it to a recurrence. Element i of one stands at
 * the time i + shift; shifts are chosen so that going up nothing reads the future, and that going down nothing reads
 * the past of what runs down, nor the future of what ran up. A graph that has no such order runs as a whole. */
#include "back/segment_int.h"

#include <math.h>
#include <string.h>

bool cx_seg_follows(const cx_node *sub, int *slot, int64_t *c) {
  int64_t coef[32];
  int found = -2;
  if (!cx_affine(sub, c, coef)) return false;
  for (int k = 0; k < 32; k++) {
    if (!coef[k]) continue;
    if (coef[k] != 1 || found != -2) return false;
    found = k;
  }
  if (*slot >= 0) return found == *slot;
  *slot = found;
  return true;
}

/* ---- what belongs to time ---- */
static void put_axis(cx_segments *s, uint32_t e, int slot) {
  fact *f = &s->fact[e];
  if (f->axis == slot) return;
  if (f->axis >= 0 || s->g->eq[e]->kind != EQ_CALC) s->failed = true;
  f->axis = slot;
  s->changed = true;
}
static void spread(void *user, const cx_node *n) {
  cx_segments *s = user;
  if (n->op != OP_load || s->failed) return;
  uint32_t e = s->at->id, p = n->u.eq;
  int64_t c;
  if (sequence(s, p)) {
    int slot = -1;
    if (!cx_seg_follows(n->arg[s->fact[p].axis], &slot, &c)) s->failed = true;
    else if (slot >= 0) put_axis(s, e, slot);
    else if (s->comp_of[p] == s->comp_of[e]) s->failed = true; /* a fixed element: see pick */
  } else if (s->fact[e].axis >= 0 && s->g->eq[p]->kind == EQ_CALC) {
    for (int d = 0; d < n->nargs; d++) {
      int slot = s->fact[e].axis;
      if (s->g->eq[p]->dim[d].n < LEAST_STEPS || !cx_seg_follows(n->arg[d], &slot, &c)) continue;
      put_axis(s, p, d);
      break;
    }
  }
}

/* an element at a fixed time becomes a sum over time, p[c] = sum(t: if t == c then p[t] else 0) */
static const cx_node *pick(void *user, cx_graph *g, const cx_node *n) {
  cx_segments *s = user;
  int slot = -1, axis;
  int64_t c;
  if (n->op != OP_load || (int)n->u.eq >= s->neq || !sequence(s, n->u.eq)) return n;
  axis = s->fact[n->u.eq].axis;
  if (!cx_seg_follows(n->arg[axis], &slot, &c) || slot >= 0) return n;
  const cx_eq *p = g->eq[n->u.eq];
  cx_eq *e = cx_eq_new(g, p->name, EQ_CALC);
  const cx_node *sub[CX_MAX_RANK], *rest[CX_MAX_RANK];
  for (int d = 0; d < p->rank; d++) {
    if (d == axis) continue;
    e->dim[e->rank] = p->dim[d];
    rest[e->rank] = n->arg[d];
    sub[d] = cx_index(g, e->rank++);
  }
  const cx_node *t = sub[axis] = cx_index(g, e->rank);
  e->red = RED_sum, e->nred = 1, e->rdim[0] = p->dim[axis], e->span = p->span;
  e->body = cx_op3(g, OP_select, cx_op2(g, OP_eq, t, cx_const(g, (double)c)), cx_load(g, p->id, sub, p->rank),
                   cx_const(g, 0));
  return cx_load(g, e->id, rest, e->rank);
}

static bool find_time(cx_segments *s) {
  cx_graph *g = s->g;
  for (int turn = 0; turn < 2; turn++) {
    s->neq = g->neq;
    s->fact = CX_NEW_N(s->a, fact, g->neq + 1);
    s->comp_of = CX_NEW_N(s->a, int, g->neq + 1);
    for (int k = 0; k < g->neq; k++) s->fact[k].axis = -1;
    if (!cx_scc(g, s->a, &s->comp, &s->ncomp)) cx_throw(s->ctx, CX_E_PROGRAM);
    bool any = false;
    for (int k = 0; k < s->ncomp; k++)
      for (int m = 0; m < s->comp[k].n; m++) {
        uint32_t e = s->comp[k].eq[m];
        s->comp_of[e] = k;
        if (!s->comp[k].dir || g->eq[e]->dim[s->comp[k].axis[m]].n < LEAST_STEPS) continue;
        s->fact[e].axis = s->comp[k].axis[m];
        any = true;
      }
    if (!any) return false;
    do {
      s->changed = false;
      for (int k = 0; k < g->neq && !s->failed; k++) {
        s->at = g->eq[k];
        if (s->at->kind == EQ_CALC) cx_visit(g, s->at->body, spread, s);
        for (int j = 0; j < s->at->nprim_arg; j++) s->failed |= sequence(s, s->at->prim_arg[j]);
      }
    } while (s->changed && !s->failed);
    for (int k = 0; k < s->neq && !turn && !s->failed; k++)
      if (g->eq[k]->kind == EQ_CALC) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, pick, s);
    if (s->failed || g->neq == s->neq) break;
  }
  double bytes = 0;
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    double n = 1;
    for (int d = 0; d < e->rank; d++) n *= (double)e->dim[d].n;
    if (sequence(s, (uint32_t)k)) bytes += n * (s->opt->single ? 4 : 8);
    if (reduction(s, (uint32_t)k) && e->red >= RED_argmax) s->failed = true; /* the place would need its value along */
  }
  return !s->failed && (bytes > LEAST_BYTES || s->opt->segment > 0);
}

/* ---- phases ---- */
static void order(void *user, const cx_node *n) {
  cx_segments *s = user;
  if (n->op != OP_load) return;
  uint32_t e = s->at->id, p = n->u.eq;
  fact *f = &s->fact[e];
  if (s->comp_of[p] == s->comp_of[e]) return;
  int least = f->axis < 0 ? known(s, p) : sequence(s, p) ? s->fact[p].phase : known(s, p) + 1;
  if (least > f->phase) f->phase = least;
}
static bool find_phases(cx_segments *s) {
  for (int k = 0; k < s->ncomp; k++) {
    const cx_comp *c = &s->comp[k];
    int phase = 0;
    for (int m = 0; m < c->n; m++) {
      const cx_eq *e = s->at = s->g->eq[c->eq[m]];
      fact *f = &s->fact[e->id];
      f->phase = f->axis >= 0 ? UP : BEFORE;
      if (c->dir < 0 && f->axis >= 0) f->phase = DOWN;
      if (e->kind == EQ_CALC) cx_visit(s->g, e->body, order, s);
      for (int j = 0; j < e->nprim_arg; j++)
        if (known(s, e->prim_arg[j]) > f->phase) f->phase = known(s, e->prim_arg[j]);
      if (f->phase > phase) phase = f->phase;
    }
    for (int m = 0; m < c->n; m++) {
      fact *f = &s->fact[c->eq[m]];
      f->phase = phase;
      if (f->axis >= 0 ? phase > DOWN || (c->dir > 0 && phase > UP) : phase > AFTER) return false;
    }
  }
  return true;
}

/* ---- shifts and halos ---- */
enum { SHIFT_UP, SHIFT_DOWN, LIFT, HALO };
typedef struct {
  cx_segments *s;
  int what;
  int64_t most;
} shifting;
static void shift_load(void *user, const cx_node *n) {
  shifting *h = user;
  cx_segments *s = h->s;
  if (n->op != OP_load || !sequence(s, n->u.eq)) return;
  uint32_t e = s->at->id, p = n->u.eq;
  const fact *f = &s->fact[e];
  fact *q = &s->fact[p];
  int slot = f->axis;
  int64_t c;
  cx_seg_follows(n->arg[q->axis], &slot, &c);
  int64_t at = c + q->shift;
  bool outside = s->comp_of[p] != s->comp_of[e];
  switch (h->what) {
    case SHIFT_UP:
      if (outside && at > h->most) h->most = at;
      break;
    case SHIFT_DOWN:
      if (outside && q->phase == DOWN && at < h->most) h->most = at;
      break;
    case LIFT:
      if (q->phase == UP && at - f->shift > h->most) h->most = at - f->shift;
      break;
    default:
      if (c + length(s, e) > length(s, p) || (c < 0 && q->shift > 0)) q->guard = true;
      at -= f->shift;
      if (q->phase == UP && at < 0) {
        q->keep = true;
        if (-at > s->back) s->back = -at;
      } else if (q->phase == DOWN && at > 0) {
        q->keep = true;
        if (at > s->ahead) s->ahead = at;
      }
  }
}
static int64_t over_loads(cx_segments *s, const cx_comp *c, int what, int64_t from) {
  shifting h = {s, what, from};
  for (int m = 0; m < c->n; m++) {
    s->at = s->g->eq[c->eq[m]];
    if (s->at->kind == EQ_CALC) cx_visit(s->g, s->at->body, shift_load, &h);
  }
  return h.most;
}
static bool find_shifts(cx_segments *s) {
  int64_t lift = 0;
  for (int phase = UP; phase <= DOWN; phase += 2)
    for (int k = 0; k < s->ncomp; k++) {
      const cx_comp *c = &s->comp[k];
      const fact *f = &s->fact[c->eq[0]];
      if (f->axis < 0 || f->phase != phase) continue;
      int64_t shift = over_loads(s, c, phase == UP ? SHIFT_UP : SHIFT_DOWN, 0);
      for (int m = 0; m < c->n; m++) s->fact[c->eq[m]].shift = shift;
    }
  for (int k = 0; k < s->ncomp; k++)
    if (s->fact[s->comp[k].eq[0]].axis >= 0 && s->fact[s->comp[k].eq[0]].phase == DOWN)
      lift = over_loads(s, &s->comp[k], LIFT, lift);
  for (int k = 0; k < s->neq; k++)
    if (-s->fact[k].shift > lift) lift = -s->fact[k].shift; /* time begins at 0 */
  for (int k = 0; k < s->neq; k++)
    if (s->fact[k].axis >= 0 && s->fact[k].phase == DOWN) s->fact[k].shift += lift;
  for (int k = 0; k < s->ncomp; k++)
    if (s->fact[s->comp[k].eq[0]].axis >= 0) over_loads(s, &s->comp[k], HALO, 0);
  for (int k = 0; k < s->neq; k++)
    if (s->fact[k].axis >= 0 && length(s, (uint32_t)k) + s->fact[k].shift > s->T)
      s->T = length(s, (uint32_t)k) + s->fact[k].shift;
  s->B = s->opt->segment > 0 ? s->opt->segment : (int64_t)(sqrt((double)s->T) / 16 + 1) * 16;
  if (s->B < 256 && s->opt->segment <= 0) s->B = 256;
  if (s->B < s->back || s->B < s->ahead) return false;
  s->count = (s->T + s->B - 1) / s->B;
  return s->back <= MOST_HALO && s->ahead <= MOST_HALO && (!s->opt->single || s->T + s->B < 1 << 24);
}

/* ---- the parts, compiled ---- */
static void compile_part(cx_segments *s, int phase) {
  cx_graph *g = s->g;
  part *p = &s->part[phase];
  p->out = CX_NEW_N(s->a, uint32_t, 2 * s->neq + 1);
  for (int k = 0; k < s->neq; k++) {
    const fact *f = &s->fact[k];
    if (g->eq[k]->kind == EQ_INPUT || f->phase != phase) continue;
    if (f->value) p->out[p->nout++] = (uint32_t)f->local;
    if (f->keep) p->out[p->nout++] = (uint32_t)f->edge;
  }
  if (!p->nout) return;
  int32_t *map = CX_NEW_N(s->a, int32_t, g->neq + 1);
  cx_graph *h = cx_extract(g, s->a, p->out, p->nout, map);
  cx_array *constant = CX_NEW_N(s->a, cx_array, h->neq + 1);
  p->in = CX_NEW_N(s->a, uint32_t, h->neq + 1);
  p->constant = CX_NEW_N(s->a, int, h->neq + 1);
  for (int k = 0; k < g->neq; k++) { /* the order is kept */
    if (map[k] < 0 || g->eq[k]->kind != EQ_INPUT) continue;
    if (!g->eq[k]->constant) p->in[p->nin++] = (uint32_t)k;
    else {
      constant[p->nconstant] = s->constant[s->number[k]];
      p->constant[p->nconstant++] = s->number[k];
    }
  }
  p->exec = cx_exec_new(s->a, h, constant, &s->sub);
}

cx_segments *cx_segments_new(cx_arena *a, const cx_graph *from, const cx_array *constant, const cx_exec_opt *opt) {
  cx_segments *s = CX_NEW(a, cx_segments);
  int32_t *map = CX_NEW_N(a, int32_t, from->neq + 1);
  s->ctx = cx_arena_ctx(a), s->a = a, s->opt = opt;
  bool any = false;
  for (int k = 0; k < from->neq && !any; k++)
    for (int d = 0; d < from->eq[k]->rank; d++)
      any |= from->eq[k]->dim[d].n >= LEAST_STEPS && from->eq[k]->kind == EQ_CALC;
  if (!any || opt->segment < 0) return NULL;
  s->g = cx_extract(from, a, from->out, from->nout, map);
  if (!find_time(s) || !find_phases(s) || !find_shifts(s)) return NULL;
  cx_seg_equations(s);
  s->sub = *opt;
  s->sub.segment = -1;
  s->number = CX_NEW_N(a, int, s->g->neq + 1);
  s->constant = CX_NEW_N(a, cx_array, from->neq + 1);
  for (int k = 0; k < s->g->neq; k++) s->number[k] = -1;
  for (int k = 0; k < from->neq; k++) {
    if (from->eq[k]->kind != EQ_INPUT) continue;
    int n = from->eq[k]->constant ? s->nconstant++ : s->nin++;
    if (from->eq[k]->constant) s->constant[n] = constant[n];
    if (map[k] >= 0) s->number[map[k]] = n;
  }
  for (int k = 0; k < PHASES; k++) compile_part(s, k);
  return s;
}

void cx_segments_rebind(cx_segments *s, int k, const cx_array *a) {
  s->constant[k] = *a;
  for (int p = 0; p < PHASES; p++)
    for (int j = 0; j < s->part[p].nconstant; j++)
      if (s->part[p].constant[j] == k) cx_exec_rebind(s->part[p].exec, j, a);
}
