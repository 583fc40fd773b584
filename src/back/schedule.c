/* schedule.c - which equations are computed together, over which rows.
 *
 * Index positions of equations that a plain subscript links are one axis (union-find). Axes are ranked by the work of
 * the equations they occur in; each equation runs along its best axis: that index is its row, the vector lanes.
 * Equations then join kernels over the same rows, in order of dependence; inside a kernel they may read each other only
 * at the same row. Equations too small for lanes share kernels without rows. */
#include "back/exec.h"
#include <math.h>
#include <string.h>

enum { SLOTS = 2 * CX_MAX_RANK, SMALL = 2048 };

typedef struct {
  cx_sched *s;
  const cx_eq *e;
  int *up;
  const cx_kernel *k;
  uint32_t mask;
  bool ok;
} walk;

static int find(int *up, int x) {
  while (up[x] != x) x = up[x] = up[up[x]];
  return x;
}
/* multiplications or so; of a sum to computed places: what is added, and the places */
static double work_of(const cx_sched *s, const cx_eq *e) {
  double w = 1, own = 1;
  uint32_t pinned = s->place[e->id].pinned;
  for (int i = 0; i < cx_nslot(e); i++) {
    if (!(pinned >> i & 1)) w *= (double)cx_extent(e, i);
    if (i < e->rank) own *= (double)cx_extent(e, i);
  }
  return pinned ? w + own : w;
}

static void link_axes(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_eq *p = w->s->g->eq[n->u.eq];
  for (int d = 0; d < n->nargs; d++) {
    const cx_node *sub = n->arg[d];
    if (sub->op == OP_index && sub->u.i < cx_nslot(w->e) && cx_extent(w->e, (int)sub->u.i) == p->dim[d].n)
      w->up[find(w->up, (int)w->e->id * SLOTS + (int)sub->u.i)] = find(w->up, (int)p->id * SLOTS + d);
  }
}

/* ---- equations over whole arrays of one shape, element by element: all their indices together are the row ---- */
static bool identity(const cx_node *n, const cx_eq *e, const cx_eq *p) {
  int k = cx_nslot(e);
  if (n->nargs != k) return false;
  for (int d = 0; d < k; d++)
    if (n->arg[d]->op != OP_index || n->arg[d]->u.i != d || p->dim[d].n != cx_extent(e, d)) return false;
  return true;
}
static bool flat_node(cx_sched *s, cx_scratch *w, const cx_eq *e, const cx_node *n) {
  if (!cx_once(w, n)) return true;
  if (n->op == OP_index) return false;
  if (n->op != OP_load) {
    for (int k = 0; k < n->nargs; k++)
      if (!flat_node(s, w, e, n->arg[k])) return false;
    return true;
  }
  if (n->nargs == 0) return true;
  const cx_eq *p = s->g->eq[n->u.eq];
  const cx_place *q = &s->place[p->id];
  if (!identity(n, e, p)) return false;
  return p->kind == EQ_INPUT ? !p->constant : p->kind == EQ_PRIM || q->flat || q->lane_red || !q->mask;
}
static bool flat_body(cx_sched *s, const cx_eq *e) {
  cx_scratch *w = cx_scratch_take(s->g);
  bool yes = flat_node(s, w, e, e->body);
  cx_scratch_give(s->g, w);
  return yes;
}
static bool flat(cx_sched *s, const cx_eq *e) {
  if (!(e->rank >= 2 && !e->nred) && !(e->rank == 0 && e->nred >= 2 && e->red <= RED_min)) return false;
  return s->place[e->id].stage && work_of(s, e) >= 256 && e->body->free_lo && flat_body(s, e);
}

/* ---- constant inputs an equation depends on; stage 1: something that changes from call to call ---- */
static void depend(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  cx_place *p = &w->s->place[w->e->id], *q = &w->s->place[n->u.eq];
  if (q->stage > p->stage) p->stage = q->stage;
  p->dep |= q->dep;
}

/* ---- what is cheap and large is computed again at every call, inside the pass that reads it: image / 255 of 60 000
 * images is 376 MB as doubles, 47 MB as it comes. Only where nothing reads it that is itself computed once. */
#define CHEAP_NODES 12
typedef struct {
  cx_sched *s;
  bool *once;
  int count;
  bool cheap;
  const cx_eq *e;
} thrift;
static void weigh(void *user, const cx_node *n) {
  thrift *t = user;
  t->count++;
  if (n->op > OP_load && !(cx_ops[n->op].facts & F_CHEAP)) t->cheap = false;
}
static void mark_once(void *user, const cx_node *n) {
  thrift *t = user;
  if (n->op == OP_load && !t->s->place[t->e->id].stage) t->once[n->u.eq] = true;
}
static void compute_again(cx_sched *s) {
  thrift t = {.s = s, .once = CX_NEW_N(s->tmp, bool, s->g->neq + 1)};
  for (int k = s->ncomp - 1; k >= 0; k--) /* users first */
    for (int m = 0; m < s->comp[k].n; m++) {
      const cx_eq *e = t.e = s->g->eq[s->comp[k].eq[m]];
      cx_place *p = &s->place[e->id];
      for (int j = 0; j < e->nprim_arg; j++) t.once[e->prim_arg[j]] |= !p->stage;
      if (e->kind != EQ_CALC) continue;
      t.count = 0, t.cheap = !s->comp[k].dir && e->red == RED_none && !p->stage && p->out < 0 && !t.once[e->id];
      if (t.cheap && work_of(s, e) * (double)s->esize > CX_LARGE) cx_visit(s->g, e->body, weigh, &t);
      else t.cheap = false;
      if (t.cheap && t.count <= CHEAP_NODES) p->stage = 1;
      cx_visit(s->g, e->body, mark_once, &t);
    }
}

/* is this subscript the row, and nothing but the row? */
static bool at_row(const walk *w, const cx_node *load, const cx_place *q) {
  if (q->flat) return __builtin_popcount(w->mask) > 1 || (w->s->place[w->e->id].flat);
  int row = q->mask ? __builtin_ctz(q->mask) : -1;
  for (int d = 0; d < load->nargs; d++) {
    const cx_node *sub = load->arg[d];
    if (d == row ? !(sub->op == OP_index && (w->mask >> sub->u.i & 1)) : (sub->free_lo & w->mask) != 0) return false;
  }
  return true;
}

/* A stencil across the rows, over lines that are long: inside one kernel all of the producer would have to be kept, a few
 * rows at a time. Better it is written whole, in blocks of many rows, where that is not more than memory should be asked
 * for: between the layers of a network over all rows of the data lie gigabytes. */
static bool long_stencil(const walk *w, const cx_node *load) {
  const cx_eq *p = w->s->g->eq[load->u.eq];
  double line = 1;
  bool moved = false;
  if (w->s->place[p->id].flat || w->k->n < CX_BLOCK) return false;
  for (int d = 0; d < load->nargs; d++) {
    int64_t c0, c[32];
    if (w->s->place[p->id].mask >> d & 1) continue;
    line *= (double)p->dim[d].n;
    if (!cx_affine(load->arg[d], &c0, c) || !c0) continue;
    for (int k = 0; k < w->e->rank; k++) moved |= c[k] != 0;
  }
  return moved && line >= CX_BLOCK && line * (double)w->k->n * w->s->esize < 4. * CX_LARGE;
}

/* may e, with its row w->mask, read what it reads from kernel `k`? */
static void fits(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_place *q = &w->s->place[n->u.eq];
  if (q->kernel < 0 || &w->s->kernel.at[q->kernel] != w->k || q->comp == w->s->place[w->e->id].comp) return;
  if (!w->k->lanes) return;
  if (q->lane_red || !at_row(w, n, q) || long_stencil(w, n)) w->ok = false;
}
/* inside a recurrence: members are read at the same row, whatever the step */
static void member_row(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_place *q = &w->s->place[n->u.eq];
  if (q->comp == w->s->place[w->e->id].comp && !at_row(w, n, q)) w->ok = false;
}

static int best_slot(cx_sched *s, const cx_eq *e, int *up, const double *score, int axis, bool own_only) {
  int best = -1;
  for (int i = s->place[e->id].pinned ? e->rank : 0; i < (own_only ? e->rank : cx_nslot(e)); i++) {
    double v = score[find(up, (int)e->id * SLOTS + i)];
    double most = best < 0 ? 0 : score[find(up, (int)e->id * SLOTS + best)];
    if (i != axis && v > 0 && (v > most || (v == most && i < e->rank))) best = i; /* the last of equals is contiguous */
  }
  return best;
}

/* Stencils: an axis that is shifted or strided wants to be contiguous. */
typedef struct {
  cx_sched *s;
  const cx_eq *e;
  int *up;
  double *across;
  double work;
} shifts;
static void shifted(void *user, const cx_node *n) {
  shifts *w = user;
  if (n->op != OP_load) return;
  for (int d = 0; d + 1 < n->nargs; d++) {
    int64_t c0, c[32];
    if (n->arg[d]->op == OP_index || !n->arg[d]->free_lo || !cx_affine(n->arg[d], &c0, c)) continue;
    for (int k = 0; k < cx_nslot(w->e); k++)
      if (c[k]) w->across[find(w->up, (int)w->e->id * SLOTS + k)] += w->work;
  }
}

static void choose_rows(cx_sched *s, int *up) {
  cx_graph *g = s->g;
  double *score = CX_NEW_N(s->tmp, double, g->neq *SLOTS + 1), *summed = CX_NEW_N(s->tmp, double, g->neq *SLOTS + 1);
  bool *data = CX_NEW_N(s->tmp, bool, g->neq *SLOTS + 1), *var = CX_NEW_N(s->tmp, bool, g->neq *SLOTS + 1);
  int64_t *size = CX_NEW_N(s->tmp, int64_t, g->neq * SLOTS + 1);
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    for (int i = 0; i < cx_nslot(e); i++) {
      if (s->place[k].pinned >> i & 1) continue;
      int c = find(up, k * SLOTS + i);
      bool again = false; /* an axis counts once; as an index of the result, if it is one */
      for (int j = 0; j < i; j++) again |= find(up, k * SLOTS + j) == c;
      size[c] = cx_extent(e, i);
      if (e->kind == EQ_INPUT && e->constant && !e->weight && i == 0) data[c] = true;
      if (e->kind == EQ_INPUT && !e->constant) var[c] = true;
      if (e->kind == EQ_CALC && !again) (i < e->rank ? score : summed)[c] += work_of(s, e);
    }
  }
  shifts sh = {.s = s, .up = up, .across = CX_NEW_N(s->tmp, double, g->neq *SLOTS + 1)};
  for (int k = 0; k < g->neq; k++) {
    if (g->eq[k]->kind != EQ_CALC) continue;
    sh.e = g->eq[k], sh.work = work_of(s, g->eq[k]);
    cx_visit(g, g->eq[k]->body, shifted, &sh);
  }
  for (int c = 0; c < g->neq * SLOTS; c++) {
    if (find(up, c) != c) continue;
    /* sums over the lanes want factors turned round; along data they are what lets these go by in blocks */
    score[c] += summed[c] * (data[c] && !var[c] ? 0.7 : 0.3);
    bool ok = size[c] >= 8 && (score[c] >= SMALL || size[c] == s->opt->rows);
    score[c] = !ok ? 0
                   : score[c] * (data[c] && !var[c] ? 8 : 1) * ((double)size[c] / ((double)size[c] + 8)) *
                         (sh.across[c] > 0.1 * score[c] ? 0.25 : 1);
  }
  for (int k = 0; k < s->ncomp; k++) {
    cx_comp *c = &s->comp[k];
    for (int m = 0; m < c->n; m++) {
      const cx_eq *e = g->eq[c->eq[m]];
      cx_place *p = &s->place[e->id];
      p->comp = k;
      p->mask = 0, p->n = 1;
      if (e->kind != EQ_CALC) continue;
      if (!c->dir && !s->opt->rows && flat(s, e)) {
        p->flat = true;
        p->mask = (1u << cx_nslot(e)) - 1;
        p->n = (int64_t)work_of(s, e);
        p->lane_red = e->nred > 0;
        continue;
      }
      int slot = best_slot(s, e, up, score, c->dir ? c->axis[m] : -1, c->dir != 0);
      if (slot < 0) {
        p->pinned = 0; /* too little for lanes */
        continue;
      }
      p->mask = 1u << slot;
      p->n = cx_extent(e, slot);
      p->lane_red = slot >= e->rank;
    }
    if (!c->dir) continue;
    /* a recurrence runs along its rows only if every member does */
    bool ok = true;
    int root = -1;
    for (int m = 0; m < c->n && ok; m++) {
      const cx_eq *e = g->eq[c->eq[m]];
      const cx_place *p = &s->place[e->id];
      int r = p->mask ? find(up, (int)e->id * SLOTS + __builtin_ctz(p->mask)) : -1;
      ok = r >= 0 && (root < 0 || r == root);
      root = r;
      walk w = {.s = s, .e = e, .mask = p->mask, .ok = true};
      if (ok) cx_visit(g, e->body, member_row, &w);
      ok = ok && w.ok;
    }
    for (int m = 0; m < c->n && !ok; m++) {
      cx_place *p = &s->place[c->eq[m]];
      p->mask = 0, p->n = 1, p->lane_red = false;
    }
  }
}

/* may the whole component join the kernel? */
static bool joins(cx_sched *s, const cx_comp *c, cx_kernel *kn) {
  const cx_place *p = &s->place[c->eq[0]];
  if (kn->prim || s->g->eq[c->eq[0]]->kind != EQ_CALC || kn->stage != p->stage || kn->lanes != (p->mask != 0) ||
      kn->n != p->n || kn->dep != p->dep)
    return false;
  walk w = {.s = s, .k = kn, .ok = true};
  for (int m = 0; m < c->n && w.ok; m++) {
    w.e = s->g->eq[c->eq[m]];
    w.mask = s->place[w.e->id].mask;
    cx_visit(s->g, w.e->body, fits, &w);
  }
  return w.ok;
}

static void place_in(cx_sched *s, const cx_comp *c, int at) {
  cx_kernel *kn = &s->kernel.at[at];
  uint32_t *eq = CX_NEW_N(s->tmp, uint32_t, 2 * (kn->neq + c->n));
  if (kn->neq) memcpy(eq, kn->eq, (size_t)kn->neq * sizeof *eq);
  double work = (double)kn->work;
  for (int m = 0; m < c->n; m++) {
    eq[kn->neq++] = c->eq[m];
    s->place[c->eq[m]].kernel = at;
    work += work_of(s, s->g->eq[c->eq[m]]);
  }
  kn->eq = eq;
  kn->work = work > 9e18 ? INT64_MAX : (int64_t)work;
}

typedef struct {
  cx_sched *s;
  int *wait;
  int self, *user;
  int *next, *first;
  int n;
} edges;
static void count_producer(void *user, const cx_node *n) {
  edges *d = user;
  if (n->op != OP_load) return;
  int c = d->s->place[n->u.eq].comp;
  if (c == d->self || d->s->g->eq[n->u.eq]->kind == EQ_INPUT) return;
  d->wait[d->self]++;
  d->n++;
}
static void add_edge(edges *d, int producer) {
  d->user[d->n] = d->self, d->next[d->n] = d->first[producer], d->first[producer] = d->n++;
}
static void link_producer(void *user, const cx_node *n) {
  edges *d = user;
  if (n->op != OP_load) return;
  int c = d->s->place[n->u.eq].comp;
  if (c != d->self && d->s->g->eq[n->u.eq]->kind != EQ_INPUT) add_edge(d, c);
}

/* List scheduling: the open kernel takes every component that is ready and fits; when none does, the next kernel is the
 * one with the fewest rows, so that a pass over the data starts when all it needs is there. */
static void join_kernels(cx_sched *s) {
  cx_graph *g = s->g;
  for (int k = 0; k < g->neq; k++) s->place[k].kernel = -1;
  edges d = {.s = s, .wait = CX_NEW_N(s->tmp, int, s->ncomp + 1)};
  for (int pass = 0; pass < 2; pass++) {
    if (pass) {
      d.user = CX_NEW_N(s->tmp, int, d.n + 1), d.next = CX_NEW_N(s->tmp, int, d.n + 1);
      d.first = CX_NEW_N(s->tmp, int, s->ncomp + 1);
      for (int k = 0; k < s->ncomp; k++) d.first[k] = -1;
      d.n = 0;
    }
    for (int k = 0; k < s->ncomp; k++) {
      d.self = k;
      for (int m = 0; m < s->comp[k].n; m++) {
        const cx_eq *e = g->eq[s->comp[k].eq[m]];
        if (e->kind == EQ_CALC) cx_visit(g, e->body, pass ? link_producer : count_producer, &d);
        for (int j = 0; j < e->nprim_arg; j++) {
          if (g->eq[e->prim_arg[j]]->kind == EQ_INPUT) continue;
          if (pass) add_edge(&d, s->place[e->prim_arg[j]].comp);
          else d.wait[k]++, d.n++;
        }
      }
    }
  }
  int *ready = CX_NEW_N(s->tmp, int, s->ncomp + 1), nready = 0;
  for (int k = 0; k < s->ncomp; k++)
    if (!d.wait[k] && g->eq[s->comp[k].eq[0]]->kind != EQ_INPUT) ready[nready++] = k;
  for (int open = -1; nready > 0;) {
    int take = -1;
    for (int k = 0; k < nready && open >= 0 && take < 0; k++)
      if (joins(s, &s->comp[ready[k]], &s->kernel.at[open])) take = k;
    if (take < 0) {
      take = 0;
      for (int k = 1; k < nready; k++) {
        const cx_place *p = &s->place[s->comp[ready[k]].eq[0]], *q = &s->place[s->comp[ready[take]].eq[0]];
        if (p->stage != q->stage ? p->stage < q->stage : p->n < q->n) take = k;
      }
      const cx_eq *first = g->eq[s->comp[ready[take]].eq[0]];
      const cx_place *p = &s->place[first->id];
      cx_kernel *kn = CX_PUSH(s->a, s->kernel);
      *kn = (cx_kernel){.stage = p->stage, .dep = p->dep, .lanes = p->mask != 0, .n = p->n};
      if (first->kind == EQ_PRIM) kn->prim = first;
      open = s->kernel.n - 1;
    }
    int c = ready[take];
    memmove(ready + take, ready + take + 1, (size_t)(--nready - take) * sizeof *ready); /* in order of dependence */
    place_in(s, &s->comp[c], open);
    for (int k = d.first[c]; k >= 0; k = d.next[k])
      if (--d.wait[d.user[k]] == 0) ready[nready++] = d.user[k];
  }
  for (int k = 0; k < s->kernel.n; k++) {
    uint32_t *eq = CX_NEW_N(s->a, uint32_t, s->kernel.at[k].neq + 1);
    memcpy(eq, s->kernel.at[k].eq, (size_t)s->kernel.at[k].neq * sizeof *eq);
    s->kernel.at[k].eq = eq;
  }
}

static void mark_shared(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  cx_place *q = &w->s->place[n->u.eq];
  if (q->kernel != w->s->place[w->e->id].kernel) q->shared = true;
}

int cx_axis(cx_sched *s, uint32_t eq, int slot) { return find(s->up, (int)eq * SLOTS + slot); }

void cx_schedule(cx_sched *s) {
  cx_graph *g = s->g;
  int *up = s->up = CX_NEW_N(s->tmp, int, g->neq *SLOTS + 1);
  for (int i = 0; i < g->neq * SLOTS; i++) up[i] = i;
  for (int k = 0; k < g->neq; k++) s->place[k].stage = g->eq[k]->kind == EQ_INPUT && !g->eq[k]->constant;
  for (int k = 0; k < s->ncomp; k++)
    for (int pass = 0; pass < (s->comp[k].dir ? 2 : 1); pass++)
      for (int m = 0; m < s->comp[k].n; m++) {
        const cx_eq *e = g->eq[s->comp[k].eq[m]];
        walk w = {.s = s, .e = e, .up = up};
        if (e->kind == EQ_CALC) {
          cx_visit(g, e->body, link_axes, &w);
          cx_visit(g, e->body, depend, &w);
        }
        for (int j = 0; j < e->nprim_arg; j++) {
          cx_place *p = &s->place[e->id], *q = &s->place[e->prim_arg[j]];
          if (q->stage > p->stage) p->stage = q->stage;
          p->dep |= q->dep;
        }
      }
  for (int k = 0; k < s->ncomp; k++) {
    cx_scatter sc;
    if (!s->comp[k].dir && cx_scatter_of(g, g->eq[s->comp[k].eq[0]], &sc)) s->place[s->comp[k].eq[0]].pinned = sc.slots;
  }
  compute_again(s);
  /* members of a recurrence have one stage and one set of dependences */
  for (int k = 0; k < s->ncomp; k++) {
    int stage = 0;
    uint64_t dep = 0;
    for (int m = 0; m < s->comp[k].n; m++) {
      const cx_place *p = &s->place[s->comp[k].eq[m]];
      stage = p->stage > stage ? p->stage : stage, dep |= p->dep;
    }
    for (int m = 0; m < s->comp[k].n; m++) {
      cx_place *p = &s->place[s->comp[k].eq[m]];
      p->stage = stage, p->dep = dep;
      if (stage && g->eq[s->comp[k].eq[m]]->kind != EQ_INPUT) p->dep = 0;
    }
  }
  choose_rows(s, up);
  join_kernels(s);
  for (int k = 0; k < g->neq; k++) {
    walk w = {.s = s, .e = g->eq[k]};
    if (g->eq[k]->kind == EQ_CALC) cx_visit(g, g->eq[k]->body, mark_shared, &w);
    for (int j = 0; j < g->eq[k]->nprim_arg; j++) s->place[g->eq[k]->prim_arg[j]].shared = true;
  }
}
