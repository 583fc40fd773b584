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
#include "back/segment.h"

#include <math.h>
#include <string.h>

#define LEAST_STEPS 1000      /* a shorter recurrence is not worth it */
#define LEAST_BYTES (1 << 25) /* nor less memory */
#define MOST_HALO   64        /* steps back that a segment may look */
#define TIME        31        /* the slot that stands for the segment's start while bodies are rewritten */

enum { BEFORE, UP, MIDDLE, DOWN, AFTER, PHASES };

typedef struct {
  int axis; /* slot of time: below rank, a sequence; else a reduction over time; -1: neither */
  int phase;
  int64_t shift;
  bool keep;     /* a sequence with rows that the next segment reads */
  bool value;    /* no sequence, read by a later phase or by the caller */
  bool guard;    /* a sequence whose elements outside its own time are read, and must be 0 */
  bool vanish;   /* a reduction whose terms are 0 outside its time by themselves */
  int32_t local; /* the equation that computes it, in its phase's graph */
  int32_t input; /* carry of a sequence, value of the rest: the input that brings it from elsewhere */
  int32_t edge;  /* keep: the rows for the next segment */
} fact;

typedef struct {
  uint32_t eq;
  int dim;
  int64_t lo, hi;
  uint32_t input;
} slice; /* elements start + lo .. start + hi + B - 1 */

typedef struct {
  cx_exec *exec;
  uint32_t *in, *out;
  int nin, nout;
  int *constant;
  int nconstant;
} part;

struct cx_segments {
  cx_ctx *ctx;
  cx_arena *a;
  cx_graph *g; /* the graph and the equations of its segments */
  const cx_exec_opt *opt;
  cx_exec_opt sub;
  int neq; /* equations of the graph itself */
  fact *fact;
  int ncomp;
  cx_comp *comp;
  int *comp_of;
  int64_t T, B, count; /* times, steps a segment, segments */
  int64_t back, ahead; /* halo of what runs up, of what runs down */
  uint32_t start;      /* input: the segment's first time */
  CX_VEC(slice) slice;
  int *number; /* by equation: which constant or variable input of the caller, -1 */
  cx_array *constant;
  int nconstant, nin;
  part part[PHASES];
  bool failed, changed;
  const cx_eq *at; /* equation that is looked at */
};

struct cx_seg_work {
  void **buf; /* by equation: inputs and outputs of the parts */
  cx_work *work[PHASES];
  char **check; /* by equation: carries of all segments */
  const void **in;
  void **out;
};

static bool sequence(const cx_segments *s, uint32_t e) {
  return s->fact[e].axis >= 0 && s->fact[e].axis < s->g->eq[e]->rank;
}
static bool reduction(const cx_segments *s, uint32_t e) {
  return s->fact[e].axis >= s->g->eq[e]->rank && s->fact[e].axis >= 0;
}
static int64_t length(const cx_segments *s, uint32_t e) {
  const cx_eq *q = s->g->eq[e];
  int k = s->fact[e].axis;
  return k < q->rank ? q->dim[k].n : q->rdim[k - q->rank].n;
}
/* times a value is known: BEFORE for inputs, after its phase for a reduction over time */
static int known(const cx_segments *s, uint32_t e) { return s->fact[e].phase + reduction(s, e); }

/* is this subscript slot + c? slot -1: which slot is it; -2 in *slot: it is a constant */
static bool follows(const cx_node *sub, int *slot, int64_t *c) {
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
    if (!follows(n->arg[s->fact[p].axis], &slot, &c)) s->failed = true;
    else if (slot >= 0) put_axis(s, e, slot);
    else if (s->comp_of[p] == s->comp_of[e]) s->failed = true; /* a fixed element: see pick */
  } else if (s->fact[e].axis >= 0 && s->g->eq[p]->kind == EQ_CALC) {
    for (int d = 0; d < n->nargs; d++) {
      int slot = s->fact[e].axis;
      if (s->g->eq[p]->dim[d].n < LEAST_STEPS || !follows(n->arg[d], &slot, &c)) continue;
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
  if (!follows(n->arg[axis], &slot, &c) || slot >= 0) return n;
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
  follows(n->arg[q->axis], &slot, &c);
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

/* ---- equations of a segment ----
 * In a local array time runs from start - back for what runs up, from start for what runs down (and `ahead` further).
 * Element i of e is at its local index plus start plus offset(e). */
static bool with_halo(const cx_segments *s, uint32_t e) { return sequence(s, e) && s->fact[e].phase == UP; }
static int64_t offset(const cx_segments *s, uint32_t e) { return -s->fact[e].shift - (with_halo(s, e) ? s->back : 0); }

static slice *slice_of(cx_segments *s, uint32_t eq, int dim) {
  for (int k = 0; k < s->slice.n; k++)
    if (s->slice.at[k].eq == eq && s->slice.at[k].dim == dim) return &s->slice.at[k];
  return NULL;
}
/* the dimension of a load of no sequence that follows time, or -1 */
static int sliced(const cx_segments *s, const cx_eq *e, const cx_node *n, int slot, int64_t *c) {
  if (s->fact[e->id].axis < 0 || sequence(s, n->u.eq)) return -1;
  for (int d = 0; d < n->nargs; d++) {
    int k = slot;
    if (s->g->eq[n->u.eq]->dim[d].n >= LEAST_STEPS && follows(n->arg[d], &k, c)) return d;
  }
  return -1;
}
/* Is a summand a product with a factor that is 0 outside the sum's time? Then it needs no condition, and stays what the
 * matrix kernels know. */
static bool vanishing(const cx_segments *s, const cx_eq *e, const cx_node *n, bool *zero) {
  int axis = s->fact[e->id].axis, slot = axis, d = 0;
  int64_t c;
  if (!(n->free_lo >> axis & 1)) return true;
  if (n->op == OP_mul) return vanishing(s, e, n->arg[0], zero) && vanishing(s, e, n->arg[1], zero);
  if (n->op == OP_neg) return vanishing(s, e, n->arg[0], zero);
  if (n->op != OP_load) return false;
  if (sequence(s, n->u.eq)) follows(n->arg[d = s->fact[n->u.eq].axis], &slot, &c);
  else if ((d = sliced(s, e, n, slot, &c)) < 0) return false;
  for (int k = 0; k < n->nargs; k++)
    if (k != d && (n->arg[k]->free_lo >> axis & 1)) return false;
  *zero |= c <= 0 && s->g->eq[n->u.eq]->dim[d].n - c <= length(s, e->id);
  return true;
}
static void guard_load(void *user, const cx_node *n) {
  cx_segments *s = user;
  if (n->op == OP_load && sequence(s, n->u.eq)) s->fact[n->u.eq].guard = true;
}
static void find_vanishing(cx_segments *s) {
  for (int k = 0; k < s->neq; k++) {
    const cx_eq *e = s->g->eq[k];
    bool zero = false;
    if (!reduction(s, (uint32_t)k) || e->red != RED_sum || !vanishing(s, e, e->body, &zero) || !zero) continue;
    s->fact[k].vanish = true;
    cx_visit(s->g, e->body, guard_load, s);
  }
}

static void collect_slice(void *user, const cx_node *n) {
  cx_segments *s = user;
  int64_t c;
  if (n->op != OP_load) return;
  int d = sliced(s, s->at, n, s->fact[s->at->id].axis, &c);
  if (d < 0) return;
  c += offset(s, s->at->id) + (with_halo(s, s->at->id) ? s->back : 0);
  slice *x = slice_of(s, n->u.eq, d);
  if (!x) *(x = CX_PUSH(s->a, s->slice)) = (slice){.eq = n->u.eq, .dim = d, .lo = c, .hi = c};
  if (c < x->lo) x->lo = c;
  if (c > x->hi) x->hi = c;
}

static uint32_t new_input(cx_segments *s, const cx_eq *like, int dim, int64_t n) {
  cx_eq *e = cx_eq_new(s->g, like->name, EQ_INPUT);
  e->rank = like->rank;
  memcpy(e->dim, like->dim, sizeof e->dim);
  if (dim >= 0) e->dim[dim] = (cx_dim){n, NULL};
  e->integer = like->integer;
  e->lo = fmin(like->lo, 0), e->hi = fmax(like->hi, 0);
  return e->id;
}

/* loads in a body whose time slot has become slot + TIME + offset */
static const cx_node *load_local(void *user, cx_graph *g, const cx_node *n) {
  cx_segments *s = user;
  if (n->op != OP_load || (int)n->u.eq >= s->neq) return n;
  uint32_t p = n->u.eq;
  const fact *f = &s->fact[s->at->id], *q = &s->fact[p];
  const cx_node *sub[CX_MAX_RANK];
  memcpy(sub, n->arg, (size_t)n->nargs * sizeof *sub);
  bool seq = sequence(s, p);
  int dim = -1;
  int64_t c = 0, coef[32];
  for (int d = 0; f->axis >= 0 && d < n->nargs && dim < 0; d++) {
    if (seq ? d != q->axis : g->eq[p]->dim[d].n < LEAST_STEPS) continue;
    if (!cx_affine(n->arg[d], &c, coef) || coef[TIME] != 1 || coef[f->axis] != 1) continue;
    coef[TIME] = coef[f->axis] = 0;
    bool alone = true;
    for (int k = 0; k < 32; k++) alone &= !coef[k];
    if (alone) dim = d;
  }
  if (dim < 0) {
    if (g->eq[p]->kind == EQ_INPUT) return n;
    bool here = f->axis < 0 && !reduction(s, p) && q->phase == f->phase;
    return cx_load(g, (uint32_t)(here ? q->local : q->input), sub, n->nargs);
  }
  const slice *x = seq ? NULL : slice_of(s, p, dim);
  c += seq ? q->shift + (with_halo(s, p) ? s->back : 0) : -x->lo;
  sub[dim] = cx_op2(g, OP_add, cx_index(g, f->axis), cx_const(g, (double)c));
  return cx_load(g, seq ? (uint32_t)q->local : x->input, sub, n->nargs);
}

static const double identity[RED_COUNT] = {[RED_prod] = 1, [RED_max] = -INFINITY, [RED_min] = INFINITY};

static void make_local(cx_segments *s, uint32_t id) {
  cx_graph *g = s->g;
  const cx_eq *e = s->at = g->eq[id];
  fact *f = &s->fact[id];
  cx_eq *l = g->eq[f->local];
  if (f->axis < 0) {
    if (e->kind == EQ_CALC) l->body = cx_rewrite(g, e->body, load_local, s);
    for (int k = 0; k < e->nprim_arg; k++) {
      const fact *q = &s->fact[e->prim_arg[k]];
      if (g->eq[e->prim_arg[k]]->kind != EQ_INPUT)
        l->prim_arg[k] = (uint32_t)(q->phase == f->phase && !reduction(s, e->prim_arg[k]) ? q->local : q->input);
    }
    return;
  }
  const cx_node *here = cx_index(g, f->axis), *start = cx_load(g, s->start, NULL, 0);
  const cx_node *i = cx_op2(g, OP_add, cx_op2(g, OP_add, here, cx_index(g, TIME)), cx_const(g, (double)offset(s, id)));
  int64_t slot = f->axis, time = TIME;
  const cx_node *body = cx_rewrite(g, cx_subst(g, e->body, &slot, &i, 1), load_local, s);
  const cx_node *in =
      cx_op2(g, OP_and, cx_op2(g, OP_le, cx_const(g, 0), i), cx_op2(g, OP_lt, i, cx_const(g, (double)length(s, id))));
  in = cx_subst(g, in, &time, &start, 1);
  body = cx_subst(g, body, &time, &start, 1);
  if (reduction(s, id)) {
    l->body = f->vanish ? body : cx_op3(g, OP_select, in, body, cx_const(g, identity[e->red]));
    return;
  }
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
  if (e->red != RED_none && (f->keep || f->guard)) { /* the reduction by itself */
    cx_eq *r = cx_eq_new(g, e->name, EQ_CALC);
    uint32_t keep = r->id;
    *r = *l;
    r->id = keep;
    r->body = body;
    r->lo = -INFINITY, r->hi = INFINITY;
    l->red = RED_none, l->nred = 0;
    body = cx_load(g, r->id, sub, e->rank);
  }
  if (f->guard) body = cx_op3(g, OP_select, in, body, cx_const(g, 0));
  if (f->keep) {
    bool up = f->phase == UP;
    const cx_node *own = cx_op2(g, OP_lt, here, cx_const(g, (double)(up ? s->back : s->B)));
    if (!up) sub[f->axis] = cx_op2(g, OP_sub, here, cx_const(g, (double)s->B));
    const cx_node *carry = cx_load(g, (uint32_t)f->input, sub, e->rank);
    body = up ? cx_op3(g, OP_select, own, carry, body) : cx_op3(g, OP_select, own, body, carry);
    cx_eq *edge = cx_eq_new(g, e->name, EQ_CALC); /* its rows that the next segment reads */
    edge->rank = e->rank;
    memcpy(edge->dim, e->dim, sizeof edge->dim);
    edge->dim[f->axis] = (cx_dim){up ? s->back : s->ahead, NULL};
    for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
    if (up) sub[f->axis] = cx_op2(g, OP_add, here, cx_const(g, (double)s->B));
    edge->body = cx_load(g, l->id, sub, e->rank);
    f->edge = (int32_t)edge->id;
  }
  l->body = body;
}

static void read_later(void *user, const cx_node *n) {
  cx_segments *s = user;
  if (n->op != OP_load || s->g->eq[n->u.eq]->kind == EQ_INPUT || sequence(s, n->u.eq)) return;
  if (s->fact[n->u.eq].phase != s->fact[s->at->id].phase) s->fact[n->u.eq].value = true;
}

static void make_equations(cx_segments *s) {
  cx_graph *g = s->g;
  cx_eq *start = cx_eq_new(g, cx_intern_z(s->ctx, "segment.start"), EQ_INPUT);
  start->integer = true;
  start->lo = 0, start->hi = (double)(s->count * s->B);
  s->start = start->id;
  for (int k = 0; k < g->nout; k++) s->fact[g->out[k]].value = true;
  for (int k = 0; k < s->neq; k++) {
    const cx_eq *e = s->at = g->eq[k];
    if (e->kind == EQ_CALC) cx_visit(g, e->body, read_later, s), cx_visit(g, e->body, collect_slice, s);
    for (int j = 0; j < e->nprim_arg; j++)
      s->fact[e->prim_arg[j]].value |= s->fact[e->prim_arg[j]].phase != s->fact[k].phase;
    if (reduction(s, (uint32_t)k)) s->fact[k].value = true;
  }
  for (int k = 0; k < s->slice.n; k++) {
    slice *x = &s->slice.at[k];
    x->input = new_input(s, g->eq[x->eq], x->dim, s->B + x->hi - x->lo);
    if (g->eq[x->eq]->kind != EQ_INPUT) s->fact[x->eq].value = true;
  }
  for (int k = 0; k < s->neq; k++) {
    fact *f = &s->fact[k];
    if (g->eq[k]->kind == EQ_INPUT) continue;
    cx_eq *l = cx_eq_new(g, g->eq[k]->name, (cx_eq_kind)g->eq[k]->kind);
    const cx_eq *e = g->eq[k];
    uint32_t id = l->id;
    *l = *e;
    l->id = id;
    f->local = (int32_t)id;
    if (f->axis >= e->rank) l->rdim[f->axis - e->rank] = (cx_dim){s->B, NULL}, l->lo = -INFINITY, l->hi = INFINITY;
    else if (f->axis >= 0) {
      l->dim[f->axis] = (cx_dim){s->B + (f->phase == UP ? s->back : s->ahead), NULL};
      l->lo = fmin(l->lo, 0), l->hi = fmax(l->hi, 0); /* 0 outside of time */
    }
    if (f->axis < 0 || f->axis >= e->rank) f->input = (int32_t)new_input(s, e, -1, 0);
    else if (f->keep) f->input = (int32_t)new_input(s, e, f->axis, f->phase == UP ? s->back : s->ahead);
  }
  for (int k = 0; k < s->neq; k++)
    if (g->eq[k]->kind != EQ_INPUT) make_local(s, (uint32_t)k);
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
  find_vanishing(s);
  make_equations(s);
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

/* ---- running ---- */
static int64_t count_of(const cx_eq *e) {
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++) n *= e->dim[d].n;
  return n;
}
static size_t bytes_of(const cx_segments *s, int64_t e) {
  return (size_t)count_of(s->g->eq[e]) * (s->opt->single ? 4 : 8);
}

cx_seg_work *cx_seg_work_new(cx_arena *a, const cx_segments *s) {
  cx_seg_work *w = CX_NEW(a, cx_seg_work);
  int most = 1;
  w->buf = CX_NEW_N(a, void *, s->g->neq + 1);
  w->check = CX_NEW_N(a, char *, s->neq + 1);
  for (int p = 0; p < PHASES; p++) {
    const part *q = &s->part[p];
    if (!q->exec) continue;
    w->work[p] = cx_work_new(a, q->exec);
    for (int k = 0; k < q->nin; k++)
      if (!w->buf[q->in[k]]) w->buf[q->in[k]] = cx_alloc(a, bytes_of(s, q->in[k]) + 64);
    for (int k = 0; k < q->nout; k++)
      if (!w->buf[q->out[k]]) w->buf[q->out[k]] = cx_alloc(a, bytes_of(s, q->out[k]) + 64);
    if (q->nin > most) most = q->nin;
    if (q->nout > most) most = q->nout;
  }
  for (int k = 0; k < s->neq; k++) {
    const fact *f = &s->fact[k];
    if (s->g->eq[k]->kind == EQ_INPUT) continue;
    if (f->value && f->input && !w->buf[f->input]) w->buf[f->input] = cx_alloc(a, bytes_of(s, f->input) + 64);
    if (f->keep && f->phase == UP && s->part[DOWN].exec)
      w->check[k] = cx_alloc_n(a, (size_t)s->count, bytes_of(s, f->edge));
  }
  w->in = CX_NEW_N(a, const void *, most);
  w->out = CX_NEW_N(a, void *, most);
  return w;
}

size_t cx_segments_bytes(const cx_segments *s) {
  size_t n = 0;
  for (int p = 0; p < PHASES; p++)
    if (s->part[p].exec) n += cx_work_bytes(s->part[p].exec);
  for (int k = 0; k < s->neq; k++)
    if (s->fact[k].keep && s->fact[k].phase == UP) n += (size_t)s->count * bytes_of(s, s->fact[k].edge);
  return n;
}

static int run_part(const cx_segments *s, cx_seg_work *w, int phase, const char **why) {
  const part *p = &s->part[phase];
  if (!p->exec) return 0;
  for (int k = 0; k < p->nin; k++) w->in[k] = w->buf[p->in[k]];
  for (int k = 0; k < p->nout; k++) w->out[k] = w->buf[p->out[k]];
  return cx_exec_run(p->exec, w->work[phase], w->in, w->out, why);
}

static double get(const void *p, int64_t k, bool single) {
  return single ? (double)((const float *)p)[k] : ((const double *)p)[k];
}
static void set(void *p, int64_t k, bool single, double v) {
  if (single) ((float *)p)[k] = (float)v;
  else ((double *)p)[k] = v;
}

static void fill_slice(const cx_segments *s, cx_seg_work *w, const slice *x, int64_t start) {
  const cx_eq *e = s->g->eq[x->eq], *l = s->g->eq[x->input];
  cx_array a = {0};
  bool single = s->opt->single;
  if (e->kind == EQ_INPUT && e->constant) a = s->constant[s->number[x->eq]];
  else {
    int64_t dim[CX_MAX_RANK];
    for (int d = 0; d < e->rank; d++) dim[d] = e->dim[d].n;
    cx_array_row_major(&a, e->rank, dim);
    a.type = single ? CX_F32 : CX_F64;
    a.data = w->buf[e->kind == EQ_INPUT ? (int64_t)x->eq : (int64_t)s->fact[x->eq].input];
  }
  int64_t from = start + x->lo, n = l->dim[x->dim].n, lo = from < 0 ? -from : 0,
          hi = a.dim[x->dim] - from < n ? a.dim[x->dim] - from : n;
  int64_t outer = 1, inner = 1, at[CX_MAX_RANK] = {0};
  for (int d = 0; d < x->dim; d++) outer *= e->dim[d].n;
  for (int d = x->dim + 1; d < e->rank; d++) inner *= e->dim[d].n;
  size_t size = single ? 4 : 8;
  char *to = w->buf[x->input];
  if (lo > 0 || hi < n) memset(to, 0, bytes_of(s, x->input));
  for (int64_t o = 0; o < outer && lo < hi; o++) {
    cx_array part = {.type = a.type, .rank = a.rank - x->dim};
    int64_t first = (from + lo) * a.stride[x->dim];
    for (int d = 0; d < x->dim; d++) first += at[d] * a.stride[d];
    for (int d = x->dim; d < a.rank; d++) part.dim[d - x->dim] = a.dim[d], part.stride[d - x->dim] = a.stride[d];
    part.dim[0] = hi - lo;
    part.data = (const char *)a.data + first * cx_dtype_size[a.type];
    char *dest = to + (size_t)((o * n + lo) * inner) * size;
    if (single) cx_array_copy_f32(&part, 0, hi - lo, (float *)(void *)dest);
    else cx_array_copy(&part, 0, hi - lo, (double *)(void *)dest);
    for (int d = x->dim - 1; d >= 0 && ++at[d] == e->dim[d].n; d--) at[d] = 0;
  }
}

/* a sequence that the caller asked for: this segment's part of it */
static void give_sequence(const cx_segments *s, const cx_seg_work *w, uint32_t id, int64_t start, void *out) {
  const cx_eq *e = s->g->eq[id], *l = s->g->eq[s->fact[id].local];
  int axis = s->fact[id].axis;
  size_t row = s->opt->single ? 4 : 8;
  int64_t n = e->dim[axis].n, m = l->dim[axis].n, lo = start - s->fact[id].shift, hi = lo + s->B, outer = 1;
  int64_t first = s->fact[id].phase == UP ? s->back : 0;
  if (lo < 0) first -= lo, lo = 0;
  if (hi > n) hi = n;
  for (int d = axis + 1; d < e->rank; d++) row *= (size_t)e->dim[d].n;
  for (int d = 0; d < axis; d++) outer *= e->dim[d].n;
  for (int64_t o = 0; o < outer && lo < hi; o++)
    memcpy((char *)out + (size_t)(o * n + lo) * row, (const char *)w->buf[l->id] + (size_t)(o * m + first) * row,
           (size_t)(hi - lo) * row);
}

static int sweep(const cx_segments *s, cx_seg_work *w, int phase, void *const *out, const char **why) {
  if (!s->part[phase].exec) return 0;
  bool single = s->opt->single;
  for (int k = 0; k < s->neq; k++) {
    const fact *f = &s->fact[k];
    if (s->g->eq[k]->kind == EQ_INPUT || f->phase != phase) continue;
    if (f->keep && w->buf[f->input]) memset(w->buf[f->input], 0, bytes_of(s, f->input));
    if (reduction(s, (uint32_t)k))
      for (int64_t j = 0, n = count_of(s->g->eq[k]); j < n; j++)
        set(w->buf[f->input], j, single, identity[s->g->eq[k]->red]);
  }
  for (int64_t turn = 0; turn < s->count; turn++) {
    int64_t at = phase == UP ? turn : s->count - 1 - turn, start = at * s->B;
    if (w->buf[s->start]) set(w->buf[s->start], 0, single, (double)start);
    for (int k = 0; k < s->slice.n; k++)
      if (w->buf[s->slice.at[k].input]) fill_slice(s, w, &s->slice.at[k], start);
    for (int k = 0; k < s->neq; k++) {
      const fact *f = &s->fact[k];
      if (!w->check[k]) continue;
      size_t n = bytes_of(s, f->edge);
      if (phase == UP) memcpy(w->check[k] + (size_t)at * n, w->buf[f->input], n);
      else if (w->buf[f->input]) memcpy(w->buf[f->input], w->check[k] + (size_t)at * n, n);
    }
    if (run_part(s, w, phase, why)) return 1;
    for (int k = 0; k < s->neq; k++) {
      const fact *f = &s->fact[k];
      const cx_eq *e = s->g->eq[k];
      if (e->kind == EQ_INPUT || f->phase != phase) continue;
      if (f->keep && w->buf[f->input]) memcpy(w->buf[f->input], w->buf[f->edge], bytes_of(s, f->edge));
      if (!reduction(s, (uint32_t)k)) continue;
      for (int64_t j = 0, n = count_of(e); j < n; j++) {
        double v[2] = {get(w->buf[f->input], j, single), get(w->buf[f->local], j, single)};
        static const cx_op op[RED_COUNT] = {
            [RED_sum] = OP_add, [RED_prod] = OP_mul, [RED_max] = OP_max, [RED_min] = OP_min};
        set(w->buf[f->input], j, single, cx_ops[op[e->red]].eval(v));
      }
    }
    for (int k = 0; k < s->g->nout; k++) {
      uint32_t e = s->g->out[k];
      if (s->g->eq[e]->kind != EQ_INPUT && sequence(s, e) && s->fact[e].phase == phase)
        give_sequence(s, w, e, start, out[k]);
    }
  }
  return 0;
}

int cx_segments_run(const cx_segments *s, cx_seg_work *w, const void *const *in, void *const *out, const char **why) {
  const cx_graph *g = s->g;
  for (int k = 0; k < s->neq; k++)
    if (g->eq[k]->kind == EQ_INPUT && !g->eq[k]->constant && s->number[k] >= 0)
      w->buf[k] = (void *)(uintptr_t)in[s->number[k]];
  for (int phase = BEFORE; phase < PHASES; phase++) {
    if (phase == UP || phase == DOWN) {
      if (sweep(s, w, phase, out, why)) return 1;
      continue;
    }
    if (run_part(s, w, phase, why)) return 1;
    for (int k = 0; k < s->neq; k++) { /* values become inputs of what follows */
      const fact *f = &s->fact[k];
      if (g->eq[k]->kind != EQ_INPUT && f->axis < 0 && f->phase == phase && f->value)
        memcpy(w->buf[f->input], w->buf[f->local], bytes_of(s, k));
    }
  }
  for (int k = 0; k < g->nout; k++) {
    uint32_t e = g->out[k];
    if (g->eq[e]->kind != EQ_INPUT) {
      if (!sequence(s, e)) memcpy(out[k], w->buf[s->fact[e].input], bytes_of(s, e));
    } else if (!g->eq[e]->constant) memcpy(out[k], w->buf[e], bytes_of(s, e));
    else if (s->opt->single)
      cx_array_copy_f32(&s->constant[s->number[e]], 0, g->eq[e]->rank ? g->eq[e]->dim[0].n : 1, out[k]);
    else cx_array_copy(&s->constant[s->number[e]], 0, g->eq[e]->rank ? g->eq[e]->dim[0].n : 1, out[k]);
  }
  return 0;
}

char *cx_segments_text(const cx_segments *s, cx_arena *a) {
  static const char *const name[PHASES] = {"before", "up", "middle", "down", "after"};
  char *t = cx_format(a, "time 0..%lld in %lld segments of %lld steps\n", (long long)s->T - 1, (long long)s->count,
                      (long long)s->B);
  for (int p = 0; p < PHASES; p++)
    if (s->part[p].exec) t = cx_format(a, "%s%s:\n%s", t, name[p], cx_exec_text(s->part[p].exec, a));
  return t;
}
