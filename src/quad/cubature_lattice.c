/* cubature_lattice.c - randomly shifted rank-1 lattice rules, doubled point by point.
 *
 *   I_s = 1/N sum_k g({k z / N + shift_s}),  k = 0 ... N-1,  N = 2^m;   value: mean over the shifts
 *
 * The standard error over independent shifts is honest whatever g is (Sloan, Joe 1994; Dick, Kuo, Sloan, Acta Numerica
 * 2013); smooth periodic g converges like 1/N^2 and better. The generating vector was found component by component
 * for the worst-case error P_2 with product weights 0.7 / (1 + 0.15 j), as good as may be for all N = 2^9 ... 2^21 at
 * once (Cools, Kuo, Nuyens 2006): the points of N are those of N / 2 and the odd ones between. */
#include "quad/cubature_int.h"

#include <math.h>

const uint32_t cub_lattice_z[CX_CUBATURE_MAX_DIM] = {
    1,       8267539,  9307737, 8966661, 3296193, 5850731, 11619425, 10332597, 15159333, 15124251,
    8020325, 10467101, 937605,  7875801, 4558623, 8501353, 4734203,  14639427, 5265169,  5341497};

enum { SHIFTS = 8, FIRST = 8, LAST = 24 };

typedef struct {
  int m;                                     /* N = 2^m */
  double shift[SHIFTS][CX_CUBATURE_MAX_DIM]; /* */
  double *sum, *sum_abs;                     /* [SHIFTS][nc], [nc] */
  double *before, *v, *g;                    /* value at N / 2; batch */
} lattice;

/* splitmix64 */
double cub_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

void cub_rate(cub *b, cub_method *m) {
  m->ratio = 0;
  for (int c = 0; c < b->nc; c++) {
    double t = cub_target(b, c, m->value[c], m->absolute[c]);
    if (!(m->error[c] <= 0)) m->ratio = fmax(m->ratio, m->error[c] / fmax(t, 1e-30 * m->absolute[c]));
  }
}

/* adds the points first, first + step, ... below N = 2^m of every shift */
static bool add(cub *b, cub_method *me, int m, uint64_t first, uint64_t step) {
  lattice *s = me->self;
  int d = b->d;
  uint64_t n = (uint64_t)1 << m, mask = n - 1;
  double inverse = 1 / (double)n;
  for (int r = 0; r < SHIFTS; r++)
    for (uint64_t from = first; from < n; from += step * CUB_BATCH) {
      int64_t w = (int64_t)((n - from + step - 1) / step);
      if (w > CUB_BATCH) w = CUB_BATCH;
      for (int i = 0; i < d; i++) {
        uint64_t z = cub_lattice_z[i], k = z * from & mask;
        for (int64_t j = 0; j < w; j++) {
          double t = (double)k * inverse + s->shift[r][i];
          s->v[i * w + j] = t >= 1 ? t - 1 : t;
          k = (k + z * step) & mask;
        }
      }
      if (!cub_sample(b, me->map, me->bend, w, s->v, s->g)) return false;
      for (int c = 0; c < b->nc; c++) {
        double t = 0, a = 0;
        for (int64_t j = 0; j < w; j++) t += s->g[c * w + j], a += fabs(s->g[c * w + j]);
        s->sum[r * b->nc + c] += t, s->sum_abs[c] += a;
      }
    }
  return true;
}

static void advance(cub *b, cub_method *me, int64_t budget) {
  lattice *s = me->self;
  int64_t start = b->evals;
  do {
    int m = s->m < 0 ? FIRST : s->m + 1;
    if (m > LAST) {
      me->stuck = true;
      break;
    }
    int64_t from = b->evals;
    if (!add(b, me, m, s->m < 0 ? 0 : 1, s->m < 0 ? 1 : 2)) {
      me->stuck = true; /* the doubling is half done: what the last whole one gave stays */
      break;
    }
    double n = (double)((uint64_t)1 << m);
    for (int c = 0; c < b->nc; c++) {
      double mean = 0, sq = 0;
      for (int r = 0; r < SHIFTS; r++) mean += s->sum[r * b->nc + c] / n / SHIFTS;
      for (int r = 0; r < SHIFTS; r++) {
        double t = s->sum[r * b->nc + c] / n - mean;
        sq += t * t;
      }
      double moved = s->m < 0 ? INFINITY : fabs(mean - s->before[c]);
      me->absolute[c] = s->sum_abs[c] / n / SHIFTS;
      me->error[c] = fmax(4 * sqrt(sq / (SHIFTS * (SHIFTS - 1))), 0.2 * moved) + 1e-15 * me->absolute[c];
      s->before[c] = me->value[c] = mean;
    }
    s->m = m;
    cub_rate(b, me);
    me->used += b->evals - from;
    me->next = (b->evals - from) * 2;
  } while (me->ratio > me->goal && b->evals - start + me->next <= budget);
}

void cub_lattice(cub *b, cub_method *me, const cub_map *map, cub_bend bend, uint64_t seed) {
  lattice *s = CX_NEW(b->arena, lattice);
  s->m = -1;
  for (int r = 0; r < SHIFTS; r++)
    for (int i = 0; i < b->d; i++) s->shift[r][i] = cub_random(&seed);
  s->sum = CX_NEW_N(b->arena, double, SHIFTS * b->nc);
  s->sum_abs = CX_NEW_N(b->arena, double, 2 * b->nc);
  s->before = s->sum_abs + b->nc;
  s->v = CX_NEW_N(b->arena, double, CUB_BATCH *(b->d + b->nc));
  s->g = s->v + CUB_BATCH * b->d;
  me->name = "lattice", me->map = map, me->bend = bend, me->self = s, me->advance = advance;
  me->next = (int64_t)SHIFTS << FIRST;
  me->ratio = INFINITY, me->statistical = true;
}
