/* fuse.c - inside a kernel: equations that share an index besides the row run inside one loop over it.
 *
 * With ten mixture components of eight dimensions, every intermediate of a block of rows would be ten times as large
 * as one component needs. So the kernel's best axis (most work; where it is no index of the matrix products themselves)
 * becomes a loop around runs of equations, and what lives and dies inside a run keeps one slice only. */
#include "back/exec.h"
#include <string.h>

typedef struct {
  cx_sched *s;
  cx_kernel *k;
  const cx_eq *e;
  uint32_t slot, lane;
  bool ok, inside;
  int run;
  int *ready;
  int root;
} walk;

/* every factor that changes from row to row changes with the slot too: then it is an outer index of the product */
static bool batch_below(cx_scratch *w, const cx_node *n, uint32_t lane, uint32_t slot) {
  if (!cx_once(w, n)) return true;
  if (n->op == OP_mul) return batch_below(w, n->arg[0], lane, slot) && batch_below(w, n->arg[1], lane, slot);
  if (n->op == OP_neg) return batch_below(w, n->arg[0], lane, slot);
  if (n->op == OP_select && !(n->arg[0]->free_lo & lane)) return batch_below(w, n->arg[1], lane, slot);
  return !(n->free_lo & lane) || (n->free_lo & slot);
}

static bool batch(const cx_graph *g, const cx_node *n, uint32_t lane, uint32_t slot) {
  cx_scratch *w = cx_scratch_take(g);
  bool yes = batch_below(w, n, lane, slot);
  cx_scratch_give(g, w);
  return yes;
}

/* the slot of e on the axis, or -1; -2: on the axis, but better left inside */
static int slot_on(cx_sched *s, const cx_eq *e, int root) {
  const cx_place *p = &s->place[e->id];
  if (p->flat || p->pinned || s->comp[p->comp].dir) return -1;
  for (int d = 0; d < e->rank; d++) {
    if ((p->mask >> d & 1) || cx_axis(s, e->id, d) != root) continue;
    bool inside = e->red == RED_sum && !batch(s->g, e->body, p->mask, 1u << d);
    return inside || (!p->lane_red && cx_period(s->g, e, d) > 1) ? -2 : d;
  }
  return -1;
}

static void reads_run(void *user, const cx_node *n) { /* members of the open run only at the same step */
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_place *q = &w->s->place[n->u.eq];
  if (q->run != w->run || &w->s->kernel.at[q->kernel] != w->k) return;
  const cx_node *sub = n->arg[q->slot];
  if (q->lane_red || sub->op != OP_index || sub->u.i != (int)w->slot) w->ok = false;
}
static void placed(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  const cx_place *q = &w->s->place[n->u.eq];
  if (q->kernel >= 0 && &w->s->kernel.at[q->kernel] == w->k && q->run < 0 && q->comp != w->s->place[w->e->id].comp)
    w->ok = false;
}
static void outside(void *user, const cx_node *n) {
  walk *w = user;
  if (n->op != OP_load) return;
  cx_place *q = &w->s->place[n->u.eq];
  if (q->slot >= 0 && q->run != w->s->place[w->e->id].run) q->whole = true;
}

void cx_fuse(cx_sched *s, cx_kernel *k) {
  cx_graph *g = s->g;
  for (int i = 0; i < k->neq; i++) s->place[k->eq[i]].run = -1, s->place[k->eq[i]].slot = -1;
  if (!k->lanes) return;
  double live = 0, best_score = 0;
  int best = -1;
  for (int i = 0; i < k->neq; i++) {
    const cx_eq *e = g->eq[k->eq[i]];
    const cx_place *p = &s->place[e->id];
    if (!p->lane_red) live += cx_eq_work(e) / (double)(p->n ? p->n : 1) / (e->nred ? cx_eq_work(e) : 1);
    for (int d = 0; d < e->rank; d++) {
      int root = cx_axis(s, e->id, d);
      if (root == best || slot_on(s, e, root) != d || e->dim[d].n < 2) continue;
      double score = 0;
      for (int j = 0; j < k->neq; j++) {
        int at = slot_on(s, g->eq[k->eq[j]], root);
        if (at >= 0) score += cx_eq_work(g->eq[k->eq[j]]);
        if (at == -2) score -= 4 * cx_eq_work(g->eq[k->eq[j]]);
      }
      if (score > best_score) best_score = score, best = root;
    }
  }
  live = 0;
  for (int i = 0; i < k->neq; i++) {
    const cx_eq *e = g->eq[k->eq[i]];
    const cx_place *p = &s->place[e->id];
    double n = 1;
    for (int d = 0; d < e->rank; d++)
      if (!(p->mask >> d & 1)) n *= (double)e->dim[d].n;
    if (!p->lane_red) live += n;
  }
  if (best < 0 || live < 24) return;

  uint32_t *order = CX_NEW_N(s->tmp, uint32_t, k->neq + 1);
  bool *done = CX_NEW_N(s->tmp, bool, k->neq + 1);
  int n = 0, run = 0;
  for (bool in_run = false; n < k->neq;) {
    /* without an open run everything else comes first; in a run only what belongs there */
    int take = -1, members = 1;
    for (int pass = 0; pass < 2 && take < 0; pass++)
      for (int i = 0; i < k->neq && take < 0; i += members) {
        const cx_comp *c = &s->comp[s->place[k->eq[i]].comp];
        members = c->dir ? c->n : 1;
        if (done[i]) continue;
        const cx_eq *e = g->eq[k->eq[i]];
        int slot = slot_on(s, e, best);
        if (slot < 0 ? in_run || pass : !in_run && !pass) continue;
        walk w = {.s = s, .k = k, .ok = true, .slot = (uint32_t)slot, .run = in_run ? run : -2};
        for (int m = 0; m < members && w.ok; m++) {
          w.e = g->eq[k->eq[i + m]];
          cx_visit(g, w.e->body, placed, &w);
          if (slot >= 0) cx_visit(g, w.e->body, reads_run, &w);
        }
        if (w.ok) take = i;
      }
    if (take < 0) { /* the run is full; what is left reads it as a whole */
      in_run = false;
      run++;
      continue;
    }
    const cx_comp *c = &s->comp[s->place[k->eq[take]].comp];
    members = c->dir ? c->n : 1;
    int slot = slot_on(s, g->eq[k->eq[take]], best);
    if (slot >= 0 && !in_run) in_run = true, run++;
    for (int m = 0; m < members; m++) {
      cx_place *p = &s->place[k->eq[take + m]];
      p->run = slot >= 0 ? run : 0, p->slot = slot;
      done[take + m] = true;
      order[n++] = k->eq[take + m];
    }
  }
  memcpy(k->eq, order, (size_t)k->neq * sizeof *order);
  for (int i = 0; i < k->neq; i++) { /* one equation alone needs no loop of its own */
    cx_place *p = &s->place[k->eq[i]];
    bool alone = p->slot >= 0;
    for (int j = i - 1; j <= i + 1 && alone; j += 2)
      alone = j < 0 || j == k->neq || s->place[k->eq[j]].slot < 0 || s->place[k->eq[j]].run != p->run;
    if (alone) p->slot = -1, p->run = 0;
  }
  for (int i = 0; i < k->neq; i++) {
    walk w = {.s = s, .e = g->eq[k->eq[i]]};
    cx_visit(g, w.e->body, outside, &w);
  }
}
