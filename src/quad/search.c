/* search.c - looking for what a mesh missed: anything at all where all was 0, and the place of a singularity. */
#include "quad/quad_int.h"
#include <float.h>
#include <math.h>

enum { MANY = CX_QUAD_BATCH * CX_QUAD_NODES };
#define GOLDEN 0.6180339887498949 /* multiples of it, modulo 1, leave no wide gap and fit no grid */

typedef struct {
  double score, x, width;
} find;

/* count points at distances scale * exp(s), s in lo..hi, from `at` in direction dir */
static bool sweep_log(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double at, int dir, bool anchored, double lo,
                      double hi, int count, find *best) {
  double t[MANY], f[MANY], phase = 0.5;
  for (int from = 0; from < count; from += MANY) {
    int n = count - from < MANY ? count - from : MANY;
    for (int i = 0; i < n; i++) {
      phase += GOLDEN;
      phase -= floor(phase);
      t[i] = exp(lo + (hi - lo) * phase);
      if (!anchored) t[i] = at + dir * t[i];
    }
    if (!cx_quad_points(q, w, in, anchored ? -dir : 0, at, n, t, f)) return false;
    for (int i = 0; i < n; i++) {
      double d = anchored ? t[i] : fabs(t[i] - at), score = f[i] * d;
      if (f[i] > 0 && isfinite(score) && score > best->score)
        *best = (find){score, anchored ? at + dir * d : t[i], d * (hi - lo) / count};
    }
  }
  return true;
}

static bool sweep_even(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int count, find *best) {
  double t[MANY], f[MANY], phase = 0.5, len = in->hi / 2 - in->lo / 2;
  for (int from = 0; from < count; from += MANY) {
    int n = count - from < MANY ? count - from : MANY;
    for (int i = 0; i < n; i++) {
      phase += GOLDEN;
      phase -= floor(phase);
      t[i] = in->lo + 2 * (len * phase);
    }
    if (!cx_quad_points(q, w, in, 0, 0, n, t, f)) return false;
    for (int i = 0; i < n; i++) {
      double score = f[i] * len;
      if (f[i] > 0 && isfinite(score) && score > best->score) *best = (find){score, t[i], 2 * len / count};
    }
  }
  return true;
}

bool cx_quad_search(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  find best = {0, 0, 0};
  bool lo = isfinite(in->lo), hi = isfinite(in->hi);
  bool fine = true;
  if (lo && hi) {
    double end = log(in->hi / 2 - in->lo / 2) + log(2);
    fine = sweep_log(q, w, in, in->lo, 1, true, end - 40, end, MANY, &best) &&
           sweep_log(q, w, in, in->hi, -1, true, end - 40, end, MANY, &best) && sweep_even(q, w, in, 6 * MANY, &best);
  } else
    for (int dir = -1; dir <= 1 && fine; dir += 2) {
      if (dir > 0 ? hi : lo) continue;
      double at = lo ? in->lo : hi ? in->hi : 0;
      bool anchored = lo || hi;
      fine = sweep_log(q, w, in, at, dir, anchored, -4, 14, 4 * MANY, &best) &&
             sweep_log(q, w, in, at, dir, anchored, -60, 60, MANY, &best);
    }
  return fine && best.score > 0 && cx_quad_discover(w, in, QP_PEAK, best.x, best.width);
}

/* the place in a..b where |f| is greatest, by grids within grids; false where it does not stand out there on both sides */
bool cx_quad_locate(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double a, double b, double *x) {
  enum { GRID = 24 };
  double t[GRID], f[GRID], first = 0, top = 0, width = b - a;
  a = fmax(in->lo, a - width), b = fmin(in->hi, b + width);
  *x = a / 2 + b / 2;
  for (int round = 0; round < 24; round++) {
    int at = 0;
    for (int i = 0; i < GRID; i++) t[i] = a + (b - a) * (i / (GRID - 1.0));
    if (a < 0 && b > 0) t[GRID / 2] = 0;
    if (!cx_quad_points(q, w, in, 0, 0, GRID, t, f)) return false;
    for (int i = 0; i < GRID; i++) {
      if (!isfinite(f[i])) f[i] = INFINITY;
      if (f[i] > f[at]) at = i;
    }
    if (!round) first = fmax(f[0], f[GRID - 1]);
    top = f[at], *x = t[at];
    double lo = at ? t[at - 1] : t[0], hi = at + 1 < GRID ? t[at + 1] : t[GRID - 1];
    if (isinf(top) || hi - lo <= 2 * DBL_EPSILON * fmax(fabs(lo), fabs(hi)) || (a == lo && b == hi)) break;
    a = lo, b = hi;
  }
  return top > 4 * first;
}

/* A jump between a and b: the first number beyond it. Grids within grids about the largest step; at a jump the steps do
 * not become smaller. */
bool cx_quad_jump(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double a, double b, double *x) {
  enum { GRID = 24 };
  double t[GRID], f[GRID], first = 0;
  for (int round = 0; round < 16; round++) {
    for (int i = 0; i < GRID; i++) t[i] = a + (b - a) * (i / (GRID - 1.0));
    if (!cx_quad_points(q, w, in, 0, 0, GRID, t, f)) return false;
    int at = 0;
    double most = 0;
    for (int i = 0; i + 1 < GRID; i++)
      for (int c = 0; c < q->ncomp; c++) {
        double step = fabs(w->f[c * GRID + i + 1] - w->f[c * GRID + i]);
        if (step > most) most = step, at = i;
      }
    if (!round) first = most;
    if (!(most > 0.5 * first)) return false;
    a = t[at], b = t[at + 1];
    *x = b;
    if (!(b - a > DBL_EPSILON * fmax(fabs(a), fabs(b)))) return most < INFINITY;
  }
  return false;
}
