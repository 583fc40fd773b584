/* schedule.c - which equations are computed together, over which rows.
 *
 * Index positions of equations that a plain subscript links are one axis (union-find). Axes are ranked by the work of the
 * equations they occur in; each equation runs along its best axis: that index is its row, the vector lanes. Equations
 * in order of dependence then join the first kernel over the same rows that is late enough; they may read each other
 * inside a kernel only at the same row. Equations too small for lanes share kernels without rows. */
#include "back/exec.h"
#include <math.h>
#include <string.h>

enum { SLOTS = 2 * CX_MAX_RANK, SMALL = 2048 };

typedef struct { cx_sched *s; const cx_eq *e; int *up; bool flat_ok; const cx_kernel *k; uint32_t mask; bool ok; int early; } walk;

static int find(int *up, int x) {
  while (up[x] != x) x = up[x] = up[up[x]];
  return x;
}
static int nslot(const cx_eq *e) { return e->rank + e->nred; }
static int64_t extent(const cx_eq *e, int slot) { return slot < e->rank ? e->dim[slot].n : e->rdim[slot - e->rank].n; }
static double work_of(const cx_eq *e) {
  double w = 1;
  for (int i = 0; i < nslot(e); i++) w *= (double)extent(e, i);
  return w;
}

static void link_axes(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_eq *p = w->s->g->eq[n->u.eq];
  for (int d = 0; d < n->nargs; d++) {
    const cx_node *sub = n->arg[d];
    if (sub->op == OP_index && sub->u.i < nslot(w->e) && extent(w->e, (int)sub->u.i) == p->dim[d].n)
      w->up[find(w->up, (int)w->e->id * SLOTS + (int)sub->u.i)] = find(w->up, (int)p->id * SLOTS + d);
  }
}

/* ---- equations over whole arrays of one shape, element by element: all their indices together are the row ---- */
static bool identity(const cx_node *n, const cx_eq *e, const cx_eq *p) {
  int k = nslot(e);
  if (n->nargs != k) return false;
  for (int d = 0; d < k; d++)
    if (n->arg[d]->op != OP_index || n->arg[d]->u.i != d || p->dim[d].n != extent(e, d)) return false;
  return true;
}
static bool flat_body(cx_sched *s, const cx_eq *e, const cx_node *n) {
  if (n->op == OP_index) return false;
  if (n->op != OP_load) {
    for (int k = 0; k < n->nargs; k++)
      if (!flat_body(s, e, n->arg[k])) return false;
    return true;
  }
  if (n->nargs == 0) return true;
  const cx_eq *p = s->g->eq[n->u.eq];
  const cx_place *q = &s->place[p->id];
  if (!identity(n, e, p)) return false;
  return p->kind == EQ_INPUT ? !p->constant : p->kind == EQ_PRIM || q->flat || q->lane_red || !q->mask;
}
static bool flat(cx_sched *s, const cx_eq *e) {
  if (!(e->rank >= 2 && !e->nred) && !(e->rank == 0 && e->nred >= 2 && e->red <= RED_min)) return false;
  return s->place[e->id].stage && work_of(e) >= 256 && e->body->free_lo && flat_body(s, e, e->body);
}

/* ---- constant inputs an equation depends on; stage 1: something that changes from call to call ---- */
static void depend(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  cx_place *p = &w->s->place[w->e->id], *q = &w->s->place[n->u.eq];
  if (q->stage > p->stage) p->stage = q->stage;
  p->dep |= q->dep;
}

/* is this subscript the row, and nothing but the row? */
static bool at_row(const walk *w, const cx_node *load, const cx_place *q) {
  if (q->flat) return __builtin_popcount(w->mask) > 1 || (w->s->place[w->e->id].flat);
  int row = __builtin_ctz(q->mask);
  for (int d = 0; d < load->nargs; d++) {
    const cx_node *sub = load->arg[d];
    if (d == row ? !(sub->op == OP_index && (w->mask >> sub->u.i & 1)) : (sub->free_lo & w->mask) != 0) return false;
  }
  return true;
}

/* may e, with its row w->mask, read what it reads from kernel `k`? */
static void fits(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_place *q = &w->s->place[n->u.eq];
  if (q->kernel < 0 || &w->s->kernel.at[q->kernel] != w->k || q->comp == w->s->place[w->e->id].comp) return;
  if (!w->k->lanes) return;
  if (q->lane_red || !at_row(w, n, q)) w->ok = false;
}
static void earliest(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_place *q = &w->s->place[n->u.eq], *me = &w->s->place[w->e->id];
  if (q->kernel >= 0 && q->stage == me->stage && q->kernel > w->early) w->early = q->kernel;
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
  for (int i = 0; i < (own_only ? e->rank : nslot(e)); i++) {
    double v = score[find(up, (int)e->id * SLOTS + i)];
    if (i != axis && v > 0 && (best < 0 || v > score[find(up, (int)e->id * SLOTS + best)])) best = i;
  }
  (void)s;
  return best;
}

static void choose_rows(cx_sched *s, int *up) {
  cx_graph *g = s->g;
  double *score = CX_NEW_N(s->tmp, double, g->neq * SLOTS + 1);
  bool *data = CX_NEW_N(s->tmp, bool, g->neq * SLOTS + 1), *var = CX_NEW_N(s->tmp, bool, g->neq * SLOTS + 1);
  int64_t *size = CX_NEW_N(s->tmp, int64_t, g->neq * SLOTS + 1);
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    for (int i = 0; i < nslot(e); i++) {
      int c = find(up, k * SLOTS + i);
      bool again = false;
      for (int j = 0; j < i; j++) again |= find(up, k * SLOTS + j) == c;
      size[c] = extent(e, i);
      if (e->kind == EQ_INPUT && e->constant && i == 0) data[c] = true;
      if (e->kind == EQ_INPUT && !e->constant) var[c] = true;
      if (e->kind == EQ_CALC && !again) score[c] += work_of(e);
    }
  }
  for (int c = 0; c < g->neq * SLOTS; c++) {
    if (find(up, c) != c) continue;
    bool ok = size[c] >= 8 && score[c] >= SMALL;
    score[c] = !ok ? 0 : score[c] * (data[c] && !var[c] ? 8 : 1) * ((double)size[c] / ((double)size[c] + 8));
  }
  for (int k = 0; k < s->ncomp; k++) {
    cx_comp *c = &s->comp[k];
    for (int m = 0; m < c->n; m++) {
      const cx_eq *e = g->eq[c->eq[m]];
      cx_place *p = &s->place[e->id];
      p->comp = k;
      p->mask = 0, p->n = 1;
      if (e->kind != EQ_CALC) continue;
      if (!c->dir && flat(s, e)) {
        p->flat = true;
        p->mask = (1u << nslot(e)) - 1;
        p->n = (int64_t)work_of(e);
        p->lane_red = e->nred > 0;
        continue;
      }
      int slot = best_slot(s, e, up, score, c->dir ? c->axis[m] : -1, c->dir != 0);
      if (slot < 0) continue;
      p->mask = 1u << slot;
      p->n = extent(e, slot);
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

static void join_kernels(cx_sched *s) {
  cx_graph *g = s->g;
  for (int k = 0; k < g->neq; k++) s->place[k].kernel = -1;
  for (int k = 0; k < s->ncomp; k++) {
    cx_comp *c = &s->comp[k];
    const cx_eq *first = g->eq[c->eq[0]];
    if (first->kind == EQ_INPUT) continue;
    cx_place *p = &s->place[first->id];
    int early = 0;
    uint64_t dep = 0;
    double work = 0;
    for (int m = 0; m < c->n; m++) {
      const cx_eq *e = g->eq[c->eq[m]];
      walk w = {.s = s, .e = e, .early = early};
      if (e->kind == EQ_CALC) cx_visit(g, e->body, earliest, &w);
      for (int j = 0; j < e->nprim_arg; j++) {
        const cx_place *q = &s->place[e->prim_arg[j]];
        if (q->kernel >= w.early && q->stage == p->stage) w.early = q->kernel + 1;
      }
      early = w.early;
      dep |= s->place[e->id].dep;
      work += work_of(e);
    }
    int at = -1;
    for (int j = early; j < s->kernel.n && at < 0 && first->kind == EQ_CALC; j++) {
      cx_kernel *kn = &s->kernel.at[j];
      if (kn->prim || kn->stage != p->stage || kn->lanes != (p->mask != 0) || kn->n != p->n || kn->dep != dep) continue;
      walk w = {.s = s, .k = kn, .ok = true};
      for (int m = 0; m < c->n && w.ok; m++) {
        w.e = g->eq[c->eq[m]];
        w.mask = s->place[w.e->id].mask;
        cx_visit(g, w.e->body, fits, &w);
      }
      if (w.ok) at = j;
    }
    if (at < 0) {
      at = s->kernel.n;
      cx_kernel *kn = CX_PUSH(s->a, s->kernel);
      *kn = (cx_kernel){.stage = p->stage, .dep = dep, .lanes = p->mask != 0, .n = p->n};
      if (first->kind == EQ_PRIM) kn->prim = first;
    }
    cx_kernel *kn = &s->kernel.at[at];
    uint32_t *eq = CX_NEW_N(s->a, uint32_t, kn->neq + c->n);
    if (kn->neq) memcpy(eq, kn->eq, (size_t)kn->neq * sizeof *eq);
    for (int m = 0; m < c->n; m++) {
      eq[kn->neq++] = c->eq[m];
      s->place[c->eq[m]].kernel = at;
    }
    kn->eq = eq;
    double w = (double)kn->work + work;
    kn->work = w > 9e18 ? INT64_MAX : (int64_t)w;
  }
}

static void mark_shared(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  cx_place *q = &w->s->place[n->u.eq];
  if (q->kernel != w->s->place[w->e->id].kernel) q->shared = true;
}

void cx_schedule(cx_sched *s) {
  cx_graph *g = s->g;
  int *up = CX_NEW_N(s->tmp, int, g->neq * SLOTS + 1);
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
