/* nest.c - equations of a kernel that run inside the same loops.
 *
 * A block of 32 images of 28 by 28 by 64 numbers is 6 MB: equation after equation, each reads and writes that much
 * memory. So neighbours whose outer loops are over the same places, and which read one another there, or one array, become
 * one loop around them all: a value is used while it is in the first cache, and what no one else reads keeps one slice.
 * Outer loops are an equation's own indices, or what a sum over rows sums besides. */
#include "back/lower.h"

enum { DEPTH = 3, MEMBERS = 16, FEWEST = 1 << 20 }; /* bytes of a block: fewer the second cache holds anyway */

typedef struct {
  int slot[DEPTH], n;
} axes;
typedef struct {
  cx_lower_state *L;
  const cx_eq *e, *member[MEMBERS];
  axes axis[MEMBERS];
  int n;
  uint32_t own;
  bool ok, meets;
} nest;

static bool plain_at(const cx_node *load, const axes *from, const axes *at) {
  bool yes = true;
  for (int k = 0; k < from->n && yes; k++) {
    const cx_node *sub = load->arg[from->slot[k]];
    yes = sub->op == OP_index && sub->u.i == at->slot[k];
  }
  return yes;
}

/* every factor from row to row has all own indices: no product of matrices */
static void see_factor(void *user, const cx_node *n) {
  nest *w = user;
  if (n->op == OP_load && (n->free_lo & w->L->s->place[w->e->id].mask) && (n->free_lo & w->own) != w->own)
    w->ok = false;
}

/* the loops of e that others may share; none: n == 0 */
static axes axes_of(cx_lower_state *L, const cx_eq *e) {
  const cx_place *p = &L->s->place[e->id];
  axes a = {.n = 0};
  cx_low_part_at part[CX_PARTS];
  nest w = {.L = L, .e = e, .ok = true};
  double size = (double)(L->k->block * L->s->esize);
  int last = -1;
  if (p->flat || p->pinned || p->nbound || p->slot >= 0 || p->digits || L->s->comp[p->comp].dir) return a;
  L->e = e, L->p = p;
  for (int s = 0; s < e->rank; s++)
    if (!(p->mask >> s & 1)) w.own |= 1u << s;
  if (p->lane_red) {
    cx_visit(L->s->g, e->body, see_factor, &w);
    L->level_of[__builtin_ctz(p->mask)] = LANE;
    bool sums = w.ok && cx_low_lanes_last(L, e);
    L->level_of[__builtin_ctz(p->mask)] = CLOSED;
    if (!sums) return a;
  } else if (e->red != RED_none || cx_pieces(L, e, part)) return a;
  for (int s = 0; s < cx_nslot(e); s++) {
    if (p->mask >> s & 1) continue;
    size *= (double)cx_extent(e, s);
    if (cx_extent(e, s) == 1 || (p->lane_red && s < e->rank)) continue;
    if (!p->lane_red && last >= 0 && a.n == DEPTH) return (axes){.n = 0};
    if (p->lane_red) {
      if (a.n == DEPTH) return (axes){.n = 0};
      a.slot[a.n++] = s;
    } else {
      if (last >= 0) a.slot[a.n++] = last; /* the last one is repeated by instructions */
      last = s;
    }
  }
  if (size <= FEWEST) a.n = 0;
  return a;
}

static void see(void *user, const cx_node *n) {
  nest *w = user;
  if (n->op != OP_load) return;
  for (int m = 0; m < w->n; m++) {
    if (w->member[m]->id != n->u.eq) continue;
    w->ok &= w->member[m]->red == RED_none && plain_at(n, &w->axis[m], &w->axis[w->n]);
    w->meets = true;
  }
}

typedef struct {
  const cx_graph *g;
  int *mark, value;
  bool same;
} reads;
static void note_load(void *user, const cx_node *n) {
  reads *r = user;
  if (n->op == OP_load && n->nargs > 1) r->mark[n->u.eq] = r->value;
}
static void same_load(void *user, const cx_node *n) {
  reads *r = user;
  if (n->op == OP_load && n->nargs > 1 && r->mark[n->u.eq] == r->value) r->same = true;
}

int cx_low_nested(cx_lower_state *L, int i, const bool *done) {
  cx_graph *g = L->s->g;
  if (!L->k->lanes) return 0;
  nest w = {.L = L};
  reads r = {.g = g};
  for (int j = i; j < L->k->neq && w.n < MEMBERS; j++) {
    const cx_eq *e = w.e = g->eq[L->k->eq[j]];
    if (done[e->id] || cx_low_twin(L, j)) break;
    axes a = w.axis[w.n] = axes_of(L, e);
    bool same = a.n && (!w.n || a.n == w.axis[0].n);
    for (int k = 0; k < a.n && same && w.n; k++)
      same = cx_extent(e, a.slot[k]) == cx_extent(w.member[0], w.axis[0].slot[k]);
    if (!same) break;
    w.ok = true, w.meets = r.same = false;
    cx_visit(g, e->body, see, &w);
    if (!r.mark) r.mark = CX_NEW_N(L->s->tmp, int, g->neq + 1), r.value = 1;
    cx_visit(g, e->body, same_load, &r);
    if (!w.ok || (w.n && !w.meets && !r.same)) break;
    cx_visit(g, e->body, note_load, &r);
    w.member[w.n++] = e;
  }
  if (w.n < 2) return 0;

  cx_loc lanes[MEMBERS];
  int temp[MEMBERS];
  for (int m = 0; m < w.n; m++) {
    const cx_eq *e = w.member[m];
    cx_place *p = &L->s->place[e->id];
    temp[m] = -1;
    if (p->lane_red) cx_low_sums_begin(L, e, &lanes[m], &temp[m]);
    for (int k = 0; k < w.axis[m].n && p->block.on && !p->full.on && L->last[e->id] < i + w.n; k++)
      p->slices |= 1u << w.axis[m].slot[k];
    cx_low_new_block(L, e);
  }
  int level[DEPTH], depth = w.axis[0].n;
  for (int k = 0; k < depth; k++) {
    level[k] = cx_low_open(L, NEST_SLOT + k, 0, cx_extent(w.member[0], w.axis[0].slot[k]), 1);
  }
  for (int m = 0; m < w.n; m++) {
    for (int k = 0; k < depth; k++) L->level_of[w.axis[m].slot[k]] = level[k];
    cx_low_equation(L, w.member[m], NULL, temp[m] >= 0 ? &lanes[m] : NULL);
    for (int k = 0; k < depth; k++) L->level_of[w.axis[m].slot[k]] = CLOSED;
  }
  for (int k = 0; k < depth; k++) cx_low_close(L);
  for (int m = 0; m < w.n; m++) {
    if (temp[m] < 0) continue;
    cx_low_sums_end(L, w.member[m], &lanes[m]);
    cx_low_temp_free(L, temp[m]);
  }
  return w.n;
}
