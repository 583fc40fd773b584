/* lower_kernel.c - the equations of a kernel one after the other: blocks of rows and parts of them, the memory of what is
 * alive between equations, runs and recurrences. */
#include "back/lower.h"
#include <string.h>

static void readers(void *user, const cx_node *n) {
  cx_lower_state *L = user;
  if (n->op == OP_load) L->last[n->u.eq] = L->last[L->s->g->neq];
}

/* blocks of rows: the more is alive between equations, the shorter */
static int64_t block_rows(cx_sched *s, const cx_kernel *k) {
  double live = 0;
  for (int i = 0; i < k->neq; i++) {
    const cx_place *p = &s->place[k->eq[i]];
    if (!p->lane_red && p->block.on) live += (double)cx_low_kept(s->g->eq[k->eq[i]], p) * (double)s->esize;
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

void cx_low_new_block(cx_lower_state *L, const cx_eq *e) {
  cx_place *q = &L->s->place[e->id];
  L->eq_temp[e->id] = -1;
  if (!L->k->lanes || q->lane_red || !q->block.on) return;
  L->eq_temp[e->id] = cx_low_temp_new(L, L->nlevel - 1, cx_low_kept(e, q) * L->k->block);
  cx_low_block_loc(L, &q->block, e, q, L->eq_temp[e->id]);
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
    cx_low_equation(L, e, NULL, NULL);
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
    if (s->place[k->eq[i]].lane_red) n += (double)cx_low_per_row(s->g->eq[k->eq[i]], &s->place[k->eq[i]]);
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
    int64_t n = cx_low_per_row(e, p);
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
        if (s->place[k->eq[j]].whole) cx_low_new_block(L, g->eq[k->eq[j]]);
      open = cx_low_open(L, RUN_SLOT, 0, first->dim[p->slot].n, 1);
      L->level[open].loop = true;
    }
    int nested = run < 0 && L->nlevel == 1 && !done[first->id] ? cx_low_nested(L, i, done) : 0;
    if (nested) {
      for (int m = 0; m < nested; m++) done[k->eq[i + m]] = true;
      members = nested;
    }
    const cx_eq *twin = done[first->id] ? NULL : cx_low_twin(L, i);
    if (twin && done[twin->id]) twin = NULL;
    for (int m = 0; m < members && !done[first->id]; m++)
      if (!(run >= 0 && p->whole)) cx_low_new_block(L, g->eq[k->eq[i + m]]);
    if (twin && !(run >= 0 && s->place[twin->id].whole)) cx_low_new_block(L, twin);
    if (twin) done[twin->id] = true;
    if (run >= 0) L->level_of[p->slot] = open;
    if (c->dir) recurrence(L, c);
    else if (!done[first->id]) {
      bool best = twin && twin->red >= RED_argmax;
      cx_low_equation(L, best ? twin : first, best ? first : twin, NULL);
    }
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
