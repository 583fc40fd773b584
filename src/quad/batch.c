/* batch.c - nodes to values: maps, distances to the end, Jacobians. */
#include "quad/quad_int.h"
#include <math.h>

int cx_quad_side(const cx_quad_piece *p) { return p->anchored ? -p->dir : 0; }

bool cx_quad_batch(const cx_quad *q, cx_quad_work *w, int njob, cx_quad_job *job) {
  enum { N = CX_QUAD_NODES };
  int n = njob * N, side = cx_quad_side(job->piece);
  for (int j = 0; j < njob; j++) {
    const cx_quad_piece *p = job[j].piece;
    double half = job[j].b / 2 - job[j].a / 2, mid = job[j].a + half, *t = w->t + j * N, *jac = w->jac + j * N;
    for (int i = 0; i < N; i++) t[i] = mid + half * w->rule.x[i], jac[i] = 1, w->id[j * N + i] = job[j].index;
    switch (p->map) {
      case MAP_LINE:
      case MAP_FAR: break;
      case MAP_TOWARD:
        for (int i = 0; i < N; i++) jac[i] = t[i] = p->scale * exp(-t[i]);
        break;
      case MAP_AWAY:
        for (int i = 0; i < N; i++) jac[i] = t[i] = p->scale * exp(t[i]);
        break;
      case MAP_OUT:
        for (int i = 0; i < N; i++) t[i] = p->scale * expm1(t[i]), jac[i] = t[i] + p->scale;
        break;
      case MAP_NEAR:
        for (int i = 0; i < N; i++) t[i] = p->scale / t[i], jac[i] = t[i] * (t[i] / p->scale);
        break;
    }
    double at = p->map == MAP_LINE ? 0 : p->p;
    for (int i = 0; i < N; i++) w->at[j * N + i] = at;
    if (!side && p->map != MAP_LINE)
      for (int i = 0; i < N; i++) t[i] = p->p + p->dir * t[i];
  }
  if (q->eval(q->user, side, n, w->id, w->at, w->t, w->f)) return !(w->failed = true);
  for (int j = 0; j < njob; j++) {
    const double *jac = w->jac + j * N;
    int bad = 0, inf = 0;
    for (int c = 0; c < q->ncomp; c++) {
      double *f = w->f + c * n + j * N;
      for (int i = 0; i < N; i++) {
        double g = f[i] * jac[i];
        if (!(fabs(g) <= 1e308)) {
          bad++, inf += !isnan(g);
          double t = w->t[j * N + i];
          job[j].bad_x = side ? w->at[j * N + i] - side * t : t;
          g = 0;
        }
        f[i] = g;
      }
    }
    job[j].bad = (int8_t)(bad < 100 ? bad : 100);
    job[j].inf = (int8_t)(inf < 100 ? inf : 100);
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
