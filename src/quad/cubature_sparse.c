/* cubature_sparse.c - dimension-adaptive sparse grids (Gerstner, Griebel, Computing 71, 2003), for smooth integrands
 * of many variables.
 *
 * Q_l is the tensor product of Gauss-Legendre rules with l_i + 1 nodes, the differences
 *   D_l = sum_{e in {0,1}^d, e <= l} (-1)^|e| Q_{l-e}
 * add up to the integral. The set of l grows where |D_l| is large, by neighbours all of whose predecessors are in. The
 * error is what the newest ones still add. */
#include "quad/cubature_int.h"

#include <math.h>
#include <string.h>

enum { MAX_NODES = 24 };

typedef struct {
  uint8_t l[CX_CUBATURE_MAX_DIM];
  bool open;    /* its neighbours are not in yet */
  double score; /* what it added, for what it cost */
} index_set;

typedef struct {
  double x[MAX_NODES + 1][MAX_NODES], w[MAX_NODES + 1][MAX_NODES];
  index_set *set;
  double *q, *diff; /* [n][nc] tensor values and differences */
  int n, cap;
  int32_t *heap; /* open ones, largest score first */
  int heaped;
  int32_t *table; /* hash of indices, -1: free */
  int slots;
  double *v, *g, *weight;
} sparse;

/* nodes and weights of (0, 1) by Newton's method on Legendre polynomials */
static void legendre(int n, double *x, double *w) {
  for (int k = 0; k < n; k++) {
    double z = cos(M_PI * (k + 0.75) / (n + 0.5)), p = 1, slope = 1;
    for (int step = 0; step < 60; step++) {
      double a = 1, b = z;
      for (int j = 2; j <= n; j++) {
        double c = ((2 * j - 1) * z * b - (j - 1) * a) / j;
        a = b, b = c;
      }
      p = n == 0 ? 1 : b, slope = n * (z * b - a) / (z * z - 1);
      if (fabs(p / slope) < 1e-16) break;
      z -= p / slope;
    }
    x[k] = 0.5 + 0.5 * z, w[k] = 1 / ((1 - z * z) * slope * slope);
  }
}

static uint64_t hash(const uint8_t *l, int d) {
  uint64_t h = 14695981039346656037u;
  for (int i = 0; i < d; i++) h = (h ^ l[i]) * 1099511628211u;
  return h ^ (h >> 29);
}

static int find(const sparse *s, const uint8_t *l, int d) {
  for (uint64_t k = hash(l, d) % (uint64_t)s->slots;; k = (k + 1) % (uint64_t)s->slots) {
    int at = s->table[k];
    if (at < 0 || !memcmp(s->set[at].l, l, (size_t)d)) return at;
  }
}

static void reserve(cub *b, sparse *s) {
  if (s->n < s->cap) return;
  int cap = s->cap ? 2 * s->cap : 256;
  index_set *set = CX_NEW_N(b->arena, index_set, cap);
  double *q = CX_NEW_N(b->arena, double, 2 * cap * b->nc);
  if (s->n) {
    memcpy(set, s->set, sizeof *set * (size_t)s->n);
    memcpy(q, s->q, sizeof *q * (size_t)(s->n * b->nc));
    memcpy(q + cap * b->nc, s->diff, sizeof *q * (size_t)(s->n * b->nc));
  }
  int32_t *heap = CX_NEW_N(b->arena, int32_t, cap);
  if (s->heaped) memcpy(heap, s->heap, sizeof *heap * (size_t)s->heaped);
  s->heap = heap;
  s->set = set, s->q = q, s->diff = q + cap * b->nc, s->cap = cap;
  s->slots = 3 * cap;
  s->table = CX_NEW_N(b->arena, int32_t, s->slots);
  for (int k = 0; k < s->slots; k++) s->table[k] = -1;
  for (int j = 0; j < s->n; j++) {
    uint64_t k = hash(s->set[j].l, b->d) % (uint64_t)s->slots;
    while (s->table[k] >= 0) k = (k + 1) % (uint64_t)s->slots;
    s->table[k] = j;
  }
}

static int64_t points(const uint8_t *l, int d) {
  int64_t n = 1;
  for (int i = 0; i < d; i++) n *= l[i] + 1;
  return n;
}

/* tensor rule of index l into q[nc] */
static bool tensor(cub *b, cub_method *me, const uint8_t *l, double *q) {
  sparse *s = me->self;
  int d = b->d, at[CX_CUBATURE_MAX_DIM] = {0};
  int64_t total = points(l, d);
  for (int c = 0; c < b->nc; c++) q[c] = 0;
  for (int64_t from = 0; from < total; from += CUB_BATCH) {
    int64_t n = total - from < CUB_BATCH ? total - from : CUB_BATCH;
    for (int64_t k = 0; k < n; k++) {
      double w = 1;
      for (int i = 0; i < d; i++) s->v[i * n + k] = s->x[l[i] + 1][at[i]], w *= s->w[l[i] + 1][at[i]];
      s->weight[k] = w;
      for (int i = 0; i < d && ++at[i] > l[i]; i++) at[i] = 0;
    }
    if (!cub_sample(b, me->map, me->bend, n, s->v, s->g)) return false;
    for (int c = 0; c < b->nc; c++)
      for (int64_t k = 0; k < n; k++) {
        q[c] += s->weight[k] * s->g[c * n + k];
        me->absolute[c] = fmax(me->absolute[c], fabs(q[c]));
      }
  }
  return true;
}

static void heap_push(sparse *s, int k) {
  int at = s->heaped++;
  for (; at > 0 && s->set[s->heap[(at - 1) / 2]].score < s->set[k].score; at = (at - 1) / 2)
    s->heap[at] = s->heap[(at - 1) / 2];
  s->heap[at] = k;
}

static int heap_pop(sparse *s) {
  int top = s->heap[0], last = s->heap[--s->heaped], at = 0;
  for (int child; (child = 2 * at + 1) < s->heaped; at = child) {
    if (child + 1 < s->heaped && s->set[s->heap[child + 1]].score > s->set[s->heap[child]].score) child++;
    if (s->set[s->heap[child]].score <= s->set[last].score) break;
    s->heap[at] = s->heap[child];
  }
  s->heap[at] = last;
  return top;
}

/* size of a difference relative to the integrals met so far */
static double size(cub *b, cub_method *me, int k) {
  sparse *s = me->self;
  double e = 0;
  for (int c = 0; c < b->nc; c++) {
    double t = fmax(me->absolute[c], 1e-300);
    e = fmax(e, fabs(s->diff[k * b->nc + c]) / t);
  }
  return e;
}

/* adds index l, all of whose predecessors are in */
static bool add(cub *b, cub_method *me, const uint8_t *l) {
  sparse *s = me->self;
  int d = b->d, nc = b->nc, used[CX_CUBATURE_MAX_DIM], m = 0;
  reserve(b, s);
  int at = s->n;
  if (!tensor(b, me, l, s->q + at * nc)) return false;
  memcpy(s->set[at].l, l, (size_t)d);
  s->set[at].open = true;
  uint64_t k = hash(l, d) % (uint64_t)s->slots;
  while (s->table[k] >= 0) k = (k + 1) % (uint64_t)s->slots;
  s->table[k] = at, s->n++;
  for (int i = 0; i < d; i++)
    if (l[i]) used[m++] = i;
  double *diff = s->diff + at * nc;
  for (int c = 0; c < nc; c++) diff[c] = 0;
  for (int e = 0; e < 1 << m; e++) {
    uint8_t below[CX_CUBATURE_MAX_DIM];
    double sign = 1;
    memcpy(below, l, (size_t)d);
    for (int i = 0; i < m; i++)
      if (e >> i & 1) below[used[i]]--, sign = -sign;
    int j = find(s, below, d);
    for (int c = 0; c < nc; c++) diff[c] += sign * s->q[j * nc + c];
  }
  s->set[at].score = size(b, me, at) / sqrt((double)points(l, d));
  heap_push(s, at);
  return true;
}

static void sums(cub *b, cub_method *me) {
  sparse *s = me->self;
  for (int c = 0; c < b->nc; c++) {
    double v = 0, e = 0, open = 0;
    for (int k = 0; k < s->n; k++) {
      v += s->diff[k * b->nc + c];
      if (s->set[k].open) e += fabs(s->diff[k * b->nc + c]), open += s->diff[k * b->nc + c];
    }
    me->value[c] = v;
    /* the open ones as they are: a sum of absolute values over thousands would forbid what cancels honestly */
    me->error[c] = 3 * fmax(fabs(open), e * fmin(1, 4 / sqrt(s->n + 1.0))) + 1e-15 * me->absolute[c];
  }
  cub_rate(b, me);
}

/* as many indices as there are with a sum of at most 3: fewer have seen next to nothing */
static bool ripe(const sparse *s, int d) { return s->n >= (d + 3) * (d + 2) * (d + 1) / 6; }

static void advance(cub *b, cub_method *me, int64_t budget) {
  sparse *s = me->self;
  int64_t from = b->evals;
  int d = b->d;
  uint8_t l[CX_CUBATURE_MAX_DIM] = {0};
  if (s->n == 0 && !add(b, me, l)) me->stuck = true;
  while (!me->stuck && b->evals - from < budget) {
    if (s->heaped == 0) {
      me->stuck = true;
      break;
    }
    int best = heap_pop(s);
    s->set[best].open = false;
    memcpy(l, s->set[best].l, (size_t)d);
    for (int i = 0; i < d && !me->stuck; i++) {
      if (l[i] + 2 > MAX_NODES) continue;
      l[i]++;
      bool admissible = find(s, l, d) < 0;
      for (int j = 0; j < d && admissible; j++) {
        if (l[j] == 0 || j == i) continue;
        l[j]--;
        int k = find(s, l, d);
        admissible = k >= 0 && !s->set[k].open;
        l[j]++;
      }
      if (admissible && !add(b, me, l)) me->stuck = true;
      l[i]--;
    }
    if ((s->n & 31) == 0 || s->n < 200) {
      sums(b, me);
      if (me->ratio <= me->goal && ripe(s, d)) break;
    }
  }
  if (s->n > 0) sums(b, me);
  if (!ripe(s, d)) me->ratio = INFINITY;
  me->used += b->evals - from;
  me->next = me->used / 2 + 1000;
}

void cub_sparse(cub *b, cub_method *me, const cub_map *map, cub_bend bend) {
  sparse *s = CX_NEW(b->arena, sparse);
  for (int n = 1; n <= MAX_NODES; n++) legendre(n, s->x[n], s->w[n]);
  s->v = CX_NEW_N(b->arena, double, CUB_BATCH *(b->d + b->nc + 1));
  s->g = s->v + CUB_BATCH * b->d, s->weight = s->g + CUB_BATCH * b->nc;
  me->name = "sparse", me->map = map, me->bend = bend, me->self = s, me->advance = advance, me->smooth = true;
  me->next = 20000;
  me->ratio = INFINITY;
}
