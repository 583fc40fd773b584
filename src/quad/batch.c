/* batch.c - nodes to values: maps, distances to the end, Jacobians. */
#include "quad/quad_int.h"
#include <math.h>
#include <string.h>

int cx_quad_side(const cx_quad_piece *p, double s) {
  if (s >= p->far && p->map == MAP_TOWARD) return SIDE_TOWARD;
  if (s >= p->far && (p->map == MAP_AWAY || p->map == MAP_OUT)) return SIDE_AWAY;
  return p->anchored ? -p->dir : 0;
}

/* values that are no numbers, or so large that sums of them are none */
static void count_bad(const cx_quad_work *w, int side, double *f, int j, cx_quad_job *job) {
  int bad = 0, inf = 0;
  for (int i = 0; i < CX_QUAD_NODES; i++) {
    if (fabs(f[i]) <= 4e306) continue;
    int k = j * CX_QUAD_NODES + i;
    bad++, inf += !isnan(f[i]);
    if (side >= SIDE_TOWARD) job->bad_x = side == SIDE_TOWARD ? job->piece->p : job->piece->dir * INFINITY;
    else job->bad_x = side ? w->at[k] - side * w->t[k] : w->t[k];
    f[i] = 0;
  }
  if (bad > job->bad) job->bad = (int8_t)bad;
  if (bad > inf) job->nan = true;
}

/* exp(-s), exp(s) or expm1(s), as the map asks, at the panel's coordinates s; a fresh memo holds the empty panel 0..0 */
static const double *exponentials(cx_quad_work *w, const cx_quad_job *job, const double *s) {
  uint64_t a, b;
  memcpy(&a, &job->a, sizeof a), memcpy(&b, &job->b, sizeof b);
  uint64_t h = (a * 3 ^ b ^ (uint64_t)job->piece->map << 50) * 0x9e3779b97f4a7c15u;
  cx_quad_memo *m = &w->memo[h >> 58];
  if (m->a == job->a && m->b == job->b && m->map == job->piece->map) return m->e;
  m->a = job->a, m->b = job->b, m->map = job->piece->map;
  for (int i = 0; i < CX_QUAD_NODES; i++)
    m->e[i] = m->map == MAP_TOWARD ? exp(-s[i]) : m->map == MAP_AWAY ? exp(s[i]) : expm1(s[i]);
  return m->e;
}

static bool same_line(const cx_quad *q, int njob, const cx_quad_job *job) {
  if (!q->eval_same || njob < 2) return false;
  for (int j = 0; j < njob; j++) {
    const cx_quad_piece *p = job[j].piece;
    if (p->map != MAP_LINE || p->from > p->lo || p->to < p->hi || job[j].a != job[0].a || job[j].b != job[0].b)
      return false;
  }
  return true;
}

/* t: from s to the logarithm of the distance; jac: its derivative, and the directions in f, which is free as yet */
static bool ask_far(const cx_quad *q, cx_quad_work *w, int side, int njob, cx_quad_job *job) {
  enum { N = CX_QUAD_NODES, FAR = CX_QUAD_FAR };
  double dir[CX_QUAD_BATCH * N];
  for (int j = 0; j < njob; j++) {
    const cx_quad_piece *p = job[j].piece;
    double size = log(p->scale), from = fmax(p->far, FAR);
    for (int i = j * N; i < (j + 1) * N; i++) {
      double s = w->t[i], over = (s - from) / FAR, u = s <= from ? s : from + FAR * expm1(over);
      w->jac[i] = s <= from ? 1 : exp(over);
      w->t[i] = side == SIDE_TOWARD ? size - u : size + u;
      w->at[i] = p->p;
      dir[i] = p->dir;
    }
  }
  return !q->eval_far(q->user, side == SIDE_AWAY, njob * N, w->id, w->at, dir, w->t, w->f);
}

bool cx_quad_batch(const cx_quad *q, cx_quad_work *w, int njob, cx_quad_job *job) {
  enum { N = CX_QUAD_NODES };
  int n = njob * N, side = cx_quad_side(job->piece, job->a);
  for (int j = 0; j < njob; j++) {
    const cx_quad_piece *p = job[j].piece;
    double half = job[j].b / 2 - job[j].a / 2, mid = job[j].a + half, *t = w->t + j * N, *jac = w->jac + j * N;
    w->rule.kern->nodes(&w->rule, mid, half, t);
    for (int i = 0; i < N; i++) w->id[j * N + i] = job[j].index;
    if (side >= SIDE_TOWARD) continue;
    switch (p->map) {
      case MAP_LINE: /* dx/ds = 1; `at` is not looked at */
        if (p->from > p->lo || p->to < p->hi)
          for (int i = 0; i < N; i++) t[i] = t[i] < p->from ? p->from : t[i] > p->to ? p->to : t[i];
        continue;
      case MAP_FAR:
        for (int i = 0; i < N; i++) jac[i] = 1;
        break;
      case MAP_TOWARD:
      case MAP_AWAY:
      case MAP_OUT:
        w->rule.kern->ray(exponentials(w, &job[j], t), p->scale, p->map == MAP_OUT, !side, p->p, p->dir, t, jac);
        break;
      case MAP_NEAR:
        for (int i = 0; i < N; i++) t[i] = p->scale / t[i], jac[i] = t[i] * (t[i] / p->scale);
        break;
    }
    for (int i = 0; i < N; i++) w->at[j * N + i] = p->p;
    if (!side && (p->map == MAP_FAR || p->map == MAP_NEAR))
      for (int i = 0; i < N; i++) t[i] = p->p + p->dir * t[i];
  }
  if (side >= SIDE_TOWARD) {
    if (!ask_far(q, w, side, njob, job)) return !(w->failed = true);
  } else if (same_line(q, njob, job)) {
    for (int j = 0; j < njob; j++) w->id[j] = job[j].index;
    if (q->eval_same(q->user, 0, N, 0, w->t, njob, w->id, w->f)) return !(w->failed = true);
  } else if (q->eval(q->user, side, n, w->id, w->at, w->t, w->f)) return !(w->failed = true);
  for (int j = 0; j < njob; j++) {
    const double *jac = w->jac + j * N;
    bool plain = job[j].piece->map == MAP_LINE;
    for (int c = 0; c < q->ncomp; c++) {
      double *f = w->f + c * n + j * N;
      if (!(w->rule.kern->weigh(f, plain ? NULL : jac) <= 1e308)) count_bad(w, side, f, j, &job[j]);
    }
  }
  return true;
}

bool cx_quad_points(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int side, double at, int n, const double *t,
                    double *f) {
  for (int i = 0; i < n; i++) w->t[i] = t[i], w->at[i] = at, w->id[i] = in->index;
  in->evaluations += n;
  if (q->eval(q->user, side, n, w->id, w->at, w->t, w->f)) return !(w->failed = true);
  for (int i = 0; i < n; i++) { /* the largest component stands for all */
    double m = 0;
    for (int c = 0; c < q->ncomp; c++) {
      double g = fabs(w->f[c * n + i]);
      m = g > m || isnan(g) ? g : m;
    }
    f[i] = m;
  }
  return true;
}
