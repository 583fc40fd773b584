/* scc.c - the order in which equations can be computed, and the direction of every recurrence.
 *
 * Components come from Tarjan, "Depth-first search and linear graph algorithms" (1972), with an explicit stack: it
 * emits a component after everything that it reads. A cycle is a recurrence when each of its equations has one
 * dimension, its axis, such that every load inside the cycle subscripts the target's axis by the reader's own axis
 * plus something that never exceeds 0 (it runs up) or is never below 0 (it runs down), and the loads that may fall
 * into the same step form no cycle. They give the order inside a step. */
#include "ir/graph_int.h"
#include <string.h>

/* one load inside a component, by positions in it */
typedef struct {
  int from, to;
  const cx_node *const *sub;
} edge;

typedef struct {
  const cx_graph *g;
  cx_arena *a;
  uint32_t *first, *next; /* adjacency: targets of equation e are target[first[e] .. first[e+1]) */
  uint32_t *target;
  int32_t *low, *number, *member; /* Tarjan; member: component, -1 while undecided */
  CX_VEC(cx_comp) comp;
} state;

/* ---- what each equation reads ---- */
static void adjacency(state *s) {
  const cx_graph *g = s->g;
  CX_VEC(uint32_t) t = {0};
  int32_t *mark = CX_NEW_N(s->a, int32_t, g->neq + 1);
  s->first = CX_NEW_N(s->a, uint32_t, g->neq + 1);
  for (int e = 0; e < g->neq; e++) {
    const cx_eq *q = g->eq[e];
    s->first[e] = (uint32_t)t.n;
    if (q->kind == EQ_CALC && q->body->has_load) {
      cx_scratch *w = cx_scratch_take(g);
      cx_postorder(g, w, q->body);
      for (int i = 0; i < w->order.n; i++) {
        const cx_node *n = w->order.at[i];
        if (n->op == OP_load && mark[n->u.eq] != e + 1) mark[n->u.eq] = e + 1, *CX_PUSH(s->a, t) = n->u.eq;
      }
      cx_scratch_give(g, w);
    }
    for (int k = 0; q->kind == EQ_PRIM && k < q->nprim_arg; k++) *CX_PUSH(s->a, t) = q->prim_arg[k];
  }
  s->first[g->neq] = (uint32_t)t.n;
  s->target = t.at;
}

static void tarjan(state *s) {
  int n = s->g->neq, counter = 0, depth = 0, nopen = 0;
  s->low = CX_NEW_N(s->a, int32_t, n + 1);
  s->number = CX_NEW_N(s->a, int32_t, n + 1); /* 0: not seen */
  s->member = CX_NEW_N(s->a, int32_t, n + 1);
  s->next = CX_NEW_N(s->a, uint32_t, n + 1);
  uint32_t *path = CX_NEW_N(s->a, uint32_t, n + 1), *open = CX_NEW_N(s->a, uint32_t, n + 1);
  for (int i = 0; i < n; i++) s->member[i] = -1;
  for (int root = 0; root < n; root++) {
    if (s->number[root]) continue;
    path[depth++] = (uint32_t)root;
    while (depth > 0) {
      uint32_t v = path[depth - 1];
      if (!s->number[v]) {
        s->number[v] = s->low[v] = ++counter;
        s->next[v] = s->first[v];
        open[nopen++] = v;
      }
      if (s->next[v] < s->first[v + 1]) {
        uint32_t w = s->target[s->next[v]++];
        if (!s->number[w]) path[depth++] = w;
        else if (s->member[w] < 0 && s->number[w] < s->low[v]) s->low[v] = s->number[w];
        continue;
      }
      depth--;
      if (depth > 0 && s->low[v] < s->low[path[depth - 1]]) s->low[path[depth - 1]] = s->low[v];
      if (s->low[v] != s->number[v]) continue;
      int from = nopen;
      do s->member[open[--from]] = s->comp.n;
      while (open[from] != v);
      cx_comp c = {.eq = CX_NEW_N(s->a, uint32_t, nopen - from), .n = nopen - from};
      memcpy(c.eq, open + from, (size_t)c.n * sizeof *c.eq);
      nopen = from;
      *CX_PUSH(s->a, s->comp) = c;
    }
  }
}

/* ---- recurrences ---- */
/* The subscript as own axis + [lo, hi]: the other indices run over their ranges. */
static bool offset(const cx_eq *q, const cx_node *sub, int axis, double *lo, double *hi) {
  int64_t c0, c[32];
  if (!cx_affine(sub, &c0, c) || c[axis] != 1) return false;
  *lo = *hi = (double)c0;
  for (int k = 0; k < 32; k++) {
    if (c[k] == 0 || k == axis) continue;
    if (k >= cx_nslot(q)) return false;
    int64_t n = cx_extent(q, k);
    double far = (double)c[k] * (double)(n > 0 ? n - 1 : 0);
    if (far < 0) *lo += far;
    else *hi += far;
  }
  return true;
}

/* Topological order of the members by the loads that may fall into the same step; false when they form a cycle. */
static bool order_step(const state *s, cx_comp *c, const edge *ed, int ned, const uint8_t *axis, int dir) {
  uint32_t *done = CX_NEW_N(s->a, uint32_t, c->n);
  int *need = CX_NEW_N(s->a, int, c->n), *ready = CX_NEW_N(s->a, int, c->n), *head = CX_NEW_N(s->a, int, c->n);
  int *link = CX_NEW_N(s->a, int, ned), nready = 0, n = 0;
  uint8_t *ax = CX_NEW_N(s->a, uint8_t, c->n);
  for (int i = 0; i < c->n; i++) head[i] = -1;
  for (int i = 0; i < ned; i++) {
    double lo, hi;
    link[i] = -2;
    if (!offset(s->g->eq[c->eq[ed[i].from]], ed[i].sub[axis[ed[i].to]], axis[ed[i].from], &lo, &hi)) return false;
    if (dir > 0 ? hi < 0 : lo > 0) continue;
    link[i] = head[ed[i].to];
    head[ed[i].to] = i;
    need[ed[i].from]++;
  }
  for (int i = c->n - 1; i >= 0; i--)
    if (need[i] == 0) ready[nready++] = i;
  while (nready > 0) {
    int i = ready[--nready];
    ax[n] = axis[i];
    done[n++] = c->eq[i];
    for (int k = head[i]; k >= 0; k = link[k])
      if (--need[ed[k].from] == 0) ready[nready++] = ed[k].from;
  }
  if (n < c->n) return false;
  c->eq = done;
  c->axis = ax;
  c->dir = dir;
  return true;
}

/* Are the loads of which member k is the later one consistent with a direction? The axes of 0..k are chosen. */
static bool consistent(const state *s, const cx_comp *c, const edge *ed, int ned, const uint8_t *axis, int dir) {
  for (int i = 0; i < ned; i++) {
    double lo, hi;
    if (!offset(s->g->eq[c->eq[ed[i].from]], ed[i].sub[axis[ed[i].to]], axis[ed[i].from], &lo, &hi)) return false;
    if (dir > 0 ? hi > 0 : lo < 0) return false;
  }
  return true;
}

/* Choose an axis for member after member, going back where a choice leads nowhere. Members stand in the order of
 * discovery, so each is read by an earlier one and a subscript nearly always leaves one choice; the budget bounds the
 * rest. Edges are sorted by their later member: first[k] .. first[k+1] are those of member k. */
static bool find_axes(const state *s, cx_comp *c, const edge *ed, const int *first, int dir) {
  uint8_t *axis = CX_NEW_N(s->a, uint8_t, c->n);
  int *next = CX_NEW_N(s->a, int, c->n + 1), k = 0;
  for (int budget = 1000 + 100 * c->n; k >= 0 && budget > 0; budget--) {
    if (k == c->n) {
      if (order_step(s, c, ed, first[k], axis, dir)) return true;
      k--;
    } else if (next[k] == s->g->eq[c->eq[k]]->rank) {
      next[k--] = 0;
    } else {
      axis[k] = (uint8_t)next[k]++;
      if (consistent(s, c, ed + first[k], first[k + 1] - first[k], axis, dir)) k++;
    }
  }
  return false;
}

/* is there a way from u to w within the component that keeps away from v? */
static bool leads_to(const state *s, uint32_t u, uint32_t w, uint32_t v) {
  bool *seen = CX_NEW_N(s->a, bool, s->g->neq + 1);
  uint32_t *queue = CX_NEW_N(s->a, uint32_t, s->g->neq + 1);
  int head = 0, tail = 0;
  for (queue[tail++] = u; head < tail; head++)
    for (uint32_t k = s->first[queue[head]]; k < s->first[queue[head] + 1]; k++) {
      uint32_t t = s->target[k];
      if (t == w) return true;
      if (s->member[t] == s->member[v] && t != v && !seen[t]) seen[t] = true, queue[tail++] = t;
    }
  return false;
}

/* A shortest way from equation v through its component back to itself, for the message. */
static void report(const state *s, const cx_comp *c) {
  const cx_graph *g = s->g;
  uint32_t v = c->eq[0];
  for (int i = 1; i < c->n; i++)
    if (c->eq[i] < v) v = c->eq[i];
  int32_t *back = CX_NEW_N(s->a, int32_t, g->neq + 1);
  uint32_t *queue = CX_NEW_N(s->a, uint32_t, g->neq + 1);
  for (int i = 0; i < g->neq; i++) back[i] = -1;
  int head = 0, tail = 0, last = -1;
  queue[tail++] = v;
  while (head < tail && last < 0) {
    uint32_t u = queue[head++];
    for (uint32_t k = s->first[u]; k < s->first[u + 1] && last < 0; k++) {
      uint32_t w = s->target[k];
      if (s->member[w] != s->member[v]) continue;
      if (w == v) last = (int)u;
      else if (back[w] < 0) back[w] = (int32_t)u, queue[tail++] = w;
    }
  }
  int d = cx_error(g->ctx, g->eq[v]->span, "`%s` is defined by itself", g->eq[v]->name);
  for (int i = 0; i < c->n; i++) { /* of a function of another file, as rnn is */
    uint32_t w = c->eq[i];
    if (g->eq[w]->span.file == g->eq[v]->span.file || !leads_to(s, w, w, v)) continue;
    cx_diag_label(g->ctx, d, g->eq[w]->span, "a recurrence by itself, which would be run anew for every step");
    cx_diag_help(g->ctx, d, "recurrences do not nest: what goes on inside must go on from step to step of `%s`",
                 g->eq[v]->name);
    return;
  }
  int n = 0;
  for (int u = last; u >= 0 && u != (int)v; u = back[u]) queue[n++] = (uint32_t)u;
  for (int i = n - 1, shown = 0; i >= 0 && shown < 4; i--, shown++) {
    const cx_eq *q = g->eq[queue[i]];
    if (i > 0 && shown == 3) cx_diag_label(g->ctx, d, q->span, "through `%s` and %d more", q->name, i);
    else cx_diag_label(g->ctx, d, q->span, "through `%s`", q->name);
  }
  cx_diag_help(g->ctx, d,
               "a recurrence is possible where every use of `%s` inside its own definition is at an earlier "
               "(or every one at a later) value of one index: h[t] = g(h[t-1])",
               g->eq[v]->name);
}

static bool recurrence(const state *s, cx_comp *c, int number) {
  const cx_graph *g = s->g;
  CX_VEC(edge) ed = {0};
  int *first = CX_NEW_N(s->a, int, c->n + 3);
  int32_t *pos = CX_NEW_N(s->a, int32_t, g->neq + 1);
  for (int i = 0; i < c->n; i++) pos[c->eq[i]] = i;
  for (int i = 0; i < c->n; i++) {
    const cx_eq *q = g->eq[c->eq[i]];
    if (q->kind != EQ_CALC || q->rank == 0) return false;
    cx_scratch *w = cx_scratch_take(g);
    cx_postorder(g, w, q->body);
    for (int k = 0; k < w->order.n; k++) {
      const cx_node *n = w->order.at[k];
      if (n->op != OP_load || s->member[n->u.eq] != number) continue;
      edge one = {i, pos[n->u.eq], n->arg};
      *CX_PUSH(s->a, ed) = one;
      first[(one.to > i ? one.to : i) + 2]++;
    }
    cx_scratch_give(g, w);
  }
  edge *sorted = CX_NEW_N(s->a, edge, ed.n); /* by the later member: counting sort */
  for (int k = 2; k <= c->n; k++) first[k] += first[k - 1];
  for (int i = 0; i < ed.n; i++)
    sorted[first[(ed.at[i].to > ed.at[i].from ? ed.at[i].to : ed.at[i].from) + 1]++] = ed.at[i];
  return find_axes(s, c, sorted, first, +1) || find_axes(s, c, sorted, first, -1);
}

bool cx_scc(const cx_graph *g, cx_arena *a, cx_comp **comp, int *ncomp) {
  state s = {.g = g, .a = a};
  adjacency(&s);
  tarjan(&s);
  bool ok = true;
  for (int k = 0; k < s.comp.n; k++) {
    cx_comp *c = &s.comp.at[k];
    bool cycle = c->n > 1;
    for (uint32_t i = s.first[c->eq[0]]; i < s.first[c->eq[0] + 1] && !cycle; i++) cycle = s.target[i] == c->eq[0];
    if (!cycle) {
      c->axis = CX_NEW_N(a, uint8_t, 1);
      continue;
    }
    if (recurrence(&s, c, k)) continue;
    report(&s, c);
    ok = false;
  }
  *comp = s.comp.at;
  *ncomp = s.comp.n;
  return ok;
}
