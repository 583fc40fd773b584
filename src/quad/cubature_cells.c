/* cubature_cells.c - adaptive subdivision of the unit cube.
 *
 * Rule of degree 7 with an embedded one of degree 5 (Genz, Malik 1980), 2^d + 2 d^2 + 2 d + 1 nodes; a cell is halved
 * where the fourth difference is largest. Whole batches of cells are refined at once: those that hold most of the
 * error. Two guards against what callback libraries miss: the parent's value against its children's judges the
 * error estimates, and scout points of large |g| that a cell's nodes did not foresee count as its error. */
#include "quad/cubature_int.h"

#include <math.h>
#include <string.h>

enum { SCOUTS = 4096, BINS = 512 };

typedef struct {
  int d, nc, nodes, stride;
  int n, cap;
  double *cell; /* centre[d], half[d], value[nc], error[nc], largest |g_0|, axis, first scout */
  double *v, *g, *sum_error;
  double w[5], e[4]; /* weights of degree 7 and 5 */
  int32_t *mark;
  int mark_cap;
  double *scout, *size; /* [d][SCOUTS], |g_0| */
  int32_t *next;
  int scouts;
} cells;

#define L2 0.35856858280031809199 /* sqrt(9/70) */
#define L4 0.94868329805051379960 /* sqrt(9/10) */
#define L5 0.68824720161168529772 /* sqrt(9/19) */

static void weights(cells *s) {
  double d = s->d;
  s->w[0] = (12824 - 9120 * d + 400 * d * d) / 19683;
  s->w[1] = 980. / 6561;
  s->w[2] = (1820 - 400 * d) / 19683;
  s->w[3] = 200. / 19683;
  s->w[4] = 6859. / 19683 / pow(2, d);
  s->e[0] = (729 - 950 * d + 50 * d * d) / 729;
  s->e[1] = 245. / 486;
  s->e[2] = (265 - 100 * d) / 1458;
  s->e[3] = 25. / 729;
}

static double *cell_at(cells *s, int k) { return s->cell + (size_t)k * (size_t)s->stride; }

/* nodes of cell c as columns at, at + 1, ... of v[d][n] */
static void nodes(const cells *s, const double *c, double *v, int64_t n, int64_t at) {
  int d = s->d;
  const double *mid = c, *half = c + d;
  for (int i = 0; i < d; i++) {
    double *row = v + i * n + at;
    for (int k = 0; k < s->nodes; k++) row[k] = mid[i];
    int k = 1;
    row[k + 4 * i] -= L2 * half[i], row[k + 4 * i + 1] += L2 * half[i];
    row[k + 4 * i + 2] -= L4 * half[i], row[k + 4 * i + 3] += L4 * half[i];
    k += 4 * d;
    for (int a = 0; a < d; a++)
      for (int e = a + 1; e < d; e++, k += 4) {
        if (a != i && e != i) continue;
        double h = L4 * half[i];
        if (a == i) row[k] -= h, row[k + 1] -= h, row[k + 2] += h, row[k + 3] += h;
        else row[k] -= h, row[k + 1] += h, row[k + 2] -= h, row[k + 3] += h;
      }
    for (int j = 0; j < 1 << d; j++) row[k + j] += (j >> i & 1 ? L5 : -L5) * half[i];
  }
}

/* value, error and axis of cell c from g[nc][n] at column `at` */
static void apply(const cells *s, double *c, const double *g, int64_t n, int64_t at) {
  int d = s->d, axis = 0;
  double volume = 1, most = -1;
  for (int i = 0; i < d; i++) volume *= 2 * c[d + i];
  for (int q = 0; q < s->nc; q++) {
    const double *r = g + q * n + at;
    double f0 = r[0], a = 0, b = 0, p = 0, o = 0;
    int k = 1;
    for (int i = 0; i < d; i++, k += 4) {
      double s2 = r[k] + r[k + 1], s4 = r[k + 2] + r[k + 3];
      a += s2, b += s4;
      if (q == 0) {
        double diff = fabs(s2 - 2 * f0 - (s4 - 2 * f0) / 7);
        if (diff > most * (1 + 1e-9) || (diff >= most * (1 - 1e-9) && c[d + i] > c[d + axis])) axis = i;
        if (diff > most) most = diff;
      }
    }
    int cross = 2 * d * (d - 1);
    for (int j = 0; j < cross; j++) p += r[k + j];
    k += cross;
    for (int j = 0; j < 1 << d; j++) o += r[k + j];
    double seven = volume * (s->w[0] * f0 + s->w[1] * a + s->w[2] * b + s->w[3] * p + s->w[4] * o);
    double five = volume * (s->e[0] * f0 + s->e[1] * a + s->e[2] * b + s->e[3] * p);
    c[2 * d + q] = seven;
    c[2 * d + s->nc + q] = fabs(seven - five);
    if (q == 0) {
      double top = 0;
      for (int j = 0; j < s->nodes; j++) top = fmax(top, fabs(r[j]));
      c[2 * d + 2 * s->nc] = top;
    }
  }
  c[2 * d + 2 * s->nc + 1] = axis;
}

/* what scouts inside c saw and its nodes did not */
static double unseen(const cells *s, const double *c) {
  double top = 0, volume = 1;
  for (int k = (int)c[2 * s->d + 2 * s->nc + 2]; k >= 0; k = s->next[k]) top = fmax(top, s->size[k]);
  if (top <= 3 * c[2 * s->d + 2 * s->nc]) return 0;
  for (int i = 0; i < s->d; i++) volume *= 2 * c[s->d + i];
  return top * volume;
}

static bool reserve(cub *b, cells *s, int n) {
  if (n <= s->cap) return true;
  int cap = s->cap ? s->cap * 2 : 256;
  while (cap < n) cap *= 2;
  if ((double)cap * s->stride * 8 > 6e8) return false;
  double *c = CX_NEW_N(b->arena, double, (int64_t)cap * s->stride);
  if (s->n) memcpy(c, s->cell, sizeof *c * (size_t)s->n * (size_t)s->stride);
  s->cell = c, s->cap = cap;
  return true;
}

/* halves c into itself and `twin` at fraction t of its axis */
static void halve(cells *s, double *c, double *twin, int axis, double t) {
  int d = s->d, slot = 2 * d + 2 * s->nc + 2;
  memcpy(twin, c, sizeof *c * (size_t)s->stride);
  double lo = c[axis] - c[d + axis], w = 2 * c[d + axis], cut = lo + t * w;
  c[axis] = lo + 0.5 * t * w, c[d + axis] = 0.5 * t * w;
  twin[axis] = cut + 0.5 * (1 - t) * w, twin[d + axis] = 0.5 * (1 - t) * w;
  int k = (int)c[slot], mine = -1, other = -1;
  while (k >= 0) {
    int next = s->next[k];
    int *head = s->scout[axis * SCOUTS + k] < cut ? &mine : &other;
    s->next[k] = *head, *head = k, k = next;
  }
  c[slot] = mine, twin[slot] = other;
}

/* the values of cells first, first + 1, ... n of them given by index */
static bool measure(cub *b, cub_method *me, const int32_t *index, int n) {
  cells *s = me->self;
  int group = 4096 / s->nodes > 0 ? 4096 / s->nodes : 1;
  for (int from = 0; from < n; from += group) {
    int k = n - from < group ? n - from : group;
    int64_t cols = (int64_t)k * s->nodes;
    for (int j = 0; j < k; j++) nodes(s, cell_at(s, index[from + j]), s->v, cols, (int64_t)j * s->nodes);
    if (!cub_sample(b, me->map, me->bend, cols, s->v, s->g)) return false;
    for (int j = 0; j < k; j++) apply(s, cell_at(s, index[from + j]), s->g, cols, (int64_t)j * s->nodes);
  }
  return true;
}

static double cell_error(const cells *s, const double *c, const double *target) {
  double e = 0;
  for (int q = 0; q < s->nc; q++) e = fmax(e, c[2 * s->d + s->nc + q] / target[q]);
  double hidden = unseen(s, c);
  return hidden > 0 ? e + hidden / target[0] : e;
}

static void totals(cub *b, cub_method *me) {
  cells *s = me->self;
  double hidden = 0;
  for (int c = 0; c < s->nc; c++) me->value[c] = me->error[c] = me->absolute[c] = 0;
  for (int k = 0; k < s->n; k++) {
    double *c = cell_at(s, k);
    for (int q = 0; q < s->nc; q++) {
      me->value[q] += c[2 * s->d + q];
      me->absolute[q] += fabs(c[2 * s->d + q]);
      me->error[q] += c[2 * s->d + s->nc + q];
    }
    hidden += unseen(s, c);
  }
  me->error[0] += hidden;
  for (int c = 0; c < s->nc; c++) me->error[c] += 1e-15 * me->absolute[c];
  cub_rate(b, me);
}

/* marks the cells with the largest errors that hold 3/4 of the sum; returns their number */
static int choose(cub *b, cub_method *me) {
  cells *s = me->self;
  double *target = s->sum_error, bin[BINS] = {0}, sum = 0, held = 0;
  for (int q = 0; q < s->nc; q++) target[q] = fmax(cub_target(b, q, me->value[q], me->absolute[q]), 1e-300);
  double top = 0;
  for (int k = 0; k < s->n; k++) top = fmax(top, cell_error(s, cell_at(s, k), target));
  if (!(top > 0) || !isfinite(top)) top = top > 0 ? 1e300 : 1;
  for (int k = 0; k < s->n; k++) {
    double e = cell_error(s, cell_at(s, k), target);
    int j = e > 0 ? (int)fmin(BINS - 1, 8 * log2(top / e)) : BINS - 1;
    bin[j < 0 ? 0 : j] += e, sum += e;
  }
  int last = 0;
  for (; last < BINS - 1; last++)
    if ((held += bin[last]) >= 0.75 * sum) break;
  double least = top * exp2(-(last + 1) / 8.0);
  int n = 0;
  if (s->n > s->mark_cap) {
    s->mark_cap = s->n * 2;
    s->mark = CX_NEW_N(b->arena, int32_t, s->mark_cap);
  }
  for (int k = 0; k < s->n; k++) {
    double *c = cell_at(s, k);
    if (cell_error(s, c, target) >= least && c[s->d + (int)c[2 * s->d + 2 * s->nc + 1]] > 1e-13) s->mark[n++] = k;
  }
  return n;
}

/* the `most` largest of n points become scouts */
static void enlist(cells *s, int64_t n, const double *v, const double *size, int most) {
  int count[BINS] = {0}, last = 0, sum = 0;
  double top = 0;
  for (int64_t k = 0; k < n; k++) top = fmax(top, size[k]);
  if (!(top > 0)) return;
  for (int64_t k = 0; k < n; k++) count[size[k] > 0 ? (int)fmin(BINS - 1, 8 * log2(top / size[k])) : BINS - 1]++;
  for (; last < BINS - 1 && sum + count[last] <= most; last++) sum += count[last];
  for (int64_t k = 0; k < n && most > 0; k++)
    if (size[k] > top * exp2(-last / 8.0)) {
      int at = s->scouts++;
      for (int i = 0; i < s->d; i++) s->scout[i * SCOUTS + at] = v[i * n + k];
      s->size[at] = size[k], s->next[at] = at - 1, most--;
    }
}

/* half of the scouts are lattice points of the cube, half come from where the search found mass */
static bool scouts(cub *b, cub_method *me, uint64_t seed) {
  cells *s = me->self;
  enum { LOOK = 1 << 14 };
  int64_t room = b->nseen > LOOK ? b->nseen : LOOK;
  double *v = CX_NEW_N(b->arena, double, room * s->d), *g = CX_NEW_N(b->arena, double, room * s->nc);
  for (int i = 0; i < s->d; i++) {
    double shift = cub_random(&seed);
    for (int k = 0; k < LOOK; k++) {
      double t = (double)((uint64_t)cub_lattice_z[i] * (uint64_t)k % LOOK) / LOOK + shift;
      v[i * LOOK + k] = t - floor(t);
    }
  }
  if (!cub_sample(b, me->map, me->bend, LOOK, v, g)) return false;
  for (int k = 0; k < LOOK; k++) g[k] = fabs(g[k]);
  enlist(s, LOOK, v, g, SCOUTS / 2);
  if (me->map->n > 1 || b->nseen == 0) return true;
  int64_t n = b->nseen;
  double *x = CX_NEW_N(b->arena, double, n * s->d);
  for (int64_t k = 0; k < n; k++)
    for (int i = 0; i < s->d; i++) x[i * n + k] = b->seen[k * s->d + i];
  cub_locate(b, me->map, me->bend, n, x, b->seen_f, v, g);
  enlist(s, n, v, g, SCOUTS / 2);
  return true;
}

static bool start(cub *b, cub_method *me) {
  cells *s = me->self;
  uint64_t seed = (uint64_t)me->kind;
  if (!scouts(b, me, seed * 7919 + 5) || !reserve(b, s, 64)) return false;
  double *c = cell_at(s, 0);
  for (int i = 0; i < s->d; i++) c[i] = c[s->d + i] = 0.5;
  c[2 * s->d + 2 * s->nc + 2] = s->scouts - 1;
  s->n = 1;
  for (int i = 0; i < s->d && i < 4; i++) { /* uneven first cuts: nodes meet no symmetry of the integrand */
    double t = 0.44 + 0.12 * cub_random(&seed);
    for (int k = 0, n = s->n; k < n; k++) halve(s, cell_at(s, k), cell_at(s, s->n++), i, t);
  }
  int32_t all[64];
  for (int k = 0; k < s->n; k++) all[k] = k;
  return measure(b, me, all, s->n);
}

/* Errors of two children given their parent p. Where they add up to it better than they say themselves, half of that
 * is believed; where worse, they are not yet where the rule converges. And no halving gains more than a factor of
 * 32: a child that sees nothing beside a sibling full of error has a jump or a ridge between its nodes and its
 * side one time in twenty. */
static void inherit(const cells *s, const double *p, double *c, double *t) {
  for (int q = 0; q < s->nc; q++) {
    int iv = 2 * s->d + q, ie = iv + s->nc;
    double sum = c[ie] + t[ie], moved = fabs(p[iv] - c[iv] - t[iv]), r = 1;
    if (sum > 0 && sum < 0.25 * p[ie]) r = fmin(1, fmax(0.1, 4 * moved / sum));
    else if (sum > 0 && sum < 0.5 * moved) r = 0.5 * moved / sum;
    double floor = fmax(p[ie] / 32, moved / 16);
    c[ie] = fmax(c[ie] * r, floor), t[ie] = fmax(t[ie] * r, floor);
  }
}

static void advance(cub *b, cub_method *me, int64_t budget) {
  cells *s = me->self;
  int64_t from = b->evals;
  if (s->n == 0) {
    if (!start(b, me)) {
      me->stuck = true, s->n = 0;
      return;
    }
    totals(b, me);
  }
  while (me->ratio > me->goal && b->evals - from < budget) {
    int n = choose(b, me), old = s->n;
    int64_t room = (budget - (b->evals - from)) / (2 * s->nodes * me->map->n) + 1;
    if (n > room) n = (int)room;
    if (n == 0 || !reserve(b, s, s->n + n)) {
      me->stuck = true;
      break;
    }
    double *before = CX_NEW_N(b->arena, double, (int64_t)n * s->stride);
    for (int k = 0; k < n; k++) {
      double *c = cell_at(s, s->mark[k]);
      memcpy(before + (size_t)k * (size_t)s->stride, c, sizeof *c * (size_t)s->stride);
      halve(s, c, cell_at(s, s->n++), (int)c[2 * s->d + 2 * s->nc + 1], 0.5);
    }
    int32_t *index = CX_NEW_N(b->arena, int32_t, 2 * n);
    for (int k = 0; k < n; k++) index[2 * k] = s->mark[k], index[2 * k + 1] = old + k;
    if (!measure(b, me, index, 2 * n)) { /* the cells as they were */
      for (int k = 0; k < n; k++)
        memcpy(cell_at(s, s->mark[k]), before + (size_t)k * (size_t)s->stride, sizeof *before * (size_t)s->stride);
      s->n = old, me->stuck = true;
      break;
    }
    for (int k = 0; k < n; k++)
      inherit(s, before + (size_t)k * (size_t)s->stride, cell_at(s, s->mark[k]), cell_at(s, old + k));
    totals(b, me);
  }
  me->used += b->evals - from;
  me->next = me->used / 2 + 1000;
}

void cub_cells(cub *b, cub_method *me, const cub_map *map, cub_bend bend, uint64_t seed) {
  cells *s = CX_NEW(b->arena, cells);
  s->d = b->d, s->nc = b->nc;
  s->nodes = (1 << s->d) + 2 * s->d * s->d + 2 * s->d + 1;
  s->stride = 2 * s->d + 2 * s->nc + 3;
  weights(s);
  int64_t cols = s->nodes > 4096 ? s->nodes : 4096;
  s->v = CX_NEW_N(b->arena, double, cols * s->d);
  s->g = CX_NEW_N(b->arena, double, cols * s->nc);
  s->sum_error = CX_NEW_N(b->arena, double, s->nc);
  s->scout = CX_NEW_N(b->arena, double, SCOUTS * s->d);
  s->size = CX_NEW_N(b->arena, double, SCOUTS);
  s->next = CX_NEW_N(b->arena, int32_t, SCOUTS);
  me->name = "cells", me->map = map, me->bend = bend, me->self = s, me->advance = advance, me->kind = (int)seed;
  me->next = 20000, me->smooth = true;
  me->ratio = INFINITY;
}
