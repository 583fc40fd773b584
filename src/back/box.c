/* box.c - an integral over several variables at once, by src/quad/cubature.c. A variable whose ends depend on earlier ones
 * is x = lo + (hi - lo) u, u in 0..1, with the width as a factor. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/integral_int.h"
#include "quad/cubature.h"

typedef struct {
  const cx_quadrature *q;
  cx_quadrature_work *w;
  int32_t instance;
  double *x, *f; /* places, outputs */
  int32_t *id;
  int64_t room;
} box;

static bool room(box *b, int64_t n) {
  if (n <= b->room) return true;
  free(b->x), free(b->f), free(b->id);
  b->x = malloc((size_t)(n * b->q->in->dim) * sizeof *b->x);
  b->f = malloc((size_t)(n * b->q->value.total) * sizeof *b->f);
  b->id = malloc((size_t)n * sizeof *b->id);
  b->room = b->x && b->f && b->id ? n : 0;
  return b->room || (b->w->why = "out of memory", false);
}

static int run(box *b, int64_t n) {
  const double *x[CX_BOX_MAX];
  for (int d = 0; d < b->q->in->dim; d++) x[d] = b->x + d * n;
  for (int64_t k = 0; k < n; k++) b->id[k] = b->instance;
  return cx_batch_run(b->q, &b->q->value, &b->w->value, b->w, x, NULL, 0, n, b->id, b->f);
}

/* the place of t, 0 < t < 1, between ends that may be infinite, and its derivative */
static double between(double lo, double hi, double t, double *slope) {
  double s = 1 - t;
  if (isinf(lo) && isinf(hi) && lo < hi) return *slope = 1 / (t * t) + 1 / (s * s), 1 / s - 1 / t;
  if (isinf(hi) && hi > 0) return *slope = 1 / (s * s), lo + t / s;
  if (isinf(lo) && lo < 0) return *slope = 1 / (t * t), hi - s / t;
  return *slope = hi - lo, lo + (hi - lo) * t;
}

static int evaluate(void *user, int64_t n, const double *x, double *f) {
  box *b = user;
  const cx_integrand *in = b->q->in;
  if (!room(b, n)) return 1;
  double slope;
  memcpy(b->x, x, (size_t)(n * in->dim) * sizeof *x);
  for (int d = 1; d < in->dim; d++) { /* places of moving variables, in order */
    if (!(in->moving >> d & 1)) continue;
    if (run(b, n)) return 1;
    const double *lo = b->f + (in->ncomp + 2 * (d - 1)) * n, *hi = lo + n;
    for (int64_t k = 0; k < n; k++) b->x[d * n + k] = between(lo[k], hi[k], x[d * n + k], &slope);
  }
  if (run(b, n)) return 1;
  for (int c = 0; c < in->ncomp; c++)
    for (int64_t k = 0; k < n; k++) {
      double v = b->f[c * n + k];
      for (int d = 1; d < in->dim; d++)
        if (in->moving >> d & 1) {
          const double *lo = b->f + (in->ncomp + 2 * (d - 1)) * n, *hi = lo + n;
          between(lo[k], hi[k], x[d * n + k], &slope);
          v *= slope;
        }
      f[c * n + k] = v;
    }
  return 0;
}

int cx_box_run(const cx_quadrature *q, cx_quadrature_work *w, double *result) {
  const cx_integrand *in = q->in;
  box b = {.q = q, .w = w};
  int failed = 0;
  for (int64_t j = 0; j < w->instances && !failed; j++) {
    double lo[CX_BOX_MAX], hi[CX_BOX_MAX], *error = w->error + j * in->ncomp;
    b.instance = (int32_t)j;
    w->report[j] = (cx_quad_report){.where = NAN};
    if (!room(&b, 1)) failed = 1;
    memset(b.x, 0, (size_t)in->dim * sizeof *b.x);
    failed = failed || run(&b, 1);
    if (failed) break;
    for (int d = 0; d < in->dim; d++) {
      lo[d] = d ? b.f[in->ncomp + 2 * (d - 1)] : w->range[j].lo;
      hi[d] = d ? b.f[in->ncomp + 2 * (d - 1) + 1] : w->range[j].hi;
      if (!(in->moving >> d & 1)) continue;
      lo[d] = 0, hi[d] = 1;
    }
    cx_arena *scratch = cx_arena_new(q->ctx);
    cx_cubature p = {.dim = in->dim,
                     .ncomp = in->ncomp,
                     .lo = lo,
                     .hi = hi,
                     .scale = in->scale,
                     .tol = in->tol,
                     .user = &b,
                     .eval = evaluate,
                     .stop = q->stop};
    cx_cubature_report r = {0};
    if (cx_cubature_run(scratch, &p, result + j * in->ncomp, error, &r) == QUAD_FAILED) failed = 1;
    cx_arena_free(scratch);
    if (r.status == QUAD_STOPPED && q->stop && *q->stop) w->why = "interrupted", failed = 1;
    w->report[j].status = r.status;
    w->report[j].error = r.error;
    w->report[j].evaluations = r.evaluations;
  }
  free(b.x), free(b.f), free(b.id);
  return failed;
}
