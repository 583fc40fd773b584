/* roots_body.c - infinite ranges whose features a grid of all scales does not show.
 *
 * Such a grid has a few places a decade: of sin(7 x) it shows little, where what is integrated is exp(-x^2). So the
 * integrand is asked where it is not negligible, and there its features are looked for on an even grid, too, and a finer
 * one where that does not show them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/roots_int.h"

enum { EVEN = BODY_PLACES - GRID };

/* the range less where |f| times the distance is nothing; false where that is everywhere, or goes on */
static bool body_of(search *s, int64_t j, double *from, double *to, bool *found) {
  cx_quadrature_work *w = s->w;
  const cx_quad_range *r = &w->range[j];
  double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi), middle = isfinite(lo) ? lo : isfinite(hi) ? hi : 0, most = 0;
  int nc = s->q->in->ncomp, first = -1, last = -1;
  *found = false;
  if (!cx_search_space(s, GRID)) return false;
  int n = cx_search_grid(s, lo, hi, true, s->x);
  double *f = malloc((size_t)(n * (nc + 1)) * sizeof *f), *size = f ? f + n * nc : NULL;
  if (!f) return w->why = "out of memory", false;
  for (int k = 0; k < n; k++) s->id[k] = (int32_t)j;
  bool ok = !cx_batch_run(s->q, &s->q->value, &w->value, w, (const double *[]){s->x}, NULL, 0, n, s->id, f);
  for (int k = 0; k < n && ok; k++) {
    size[k] = 0;
    for (int c = 0; c < nc; c++) size[k] = fmax(size[k], fabs(f[c * n + k]) * fabs(s->x[k] - middle));
    if (isfinite(size[k])) most = fmax(most, size[k]);
  }
  for (int k = 0; k < n && ok; k++) {
    if (!(size[k] > 1e-18 * most)) continue;
    if (first < 0) first = k;
    last = k;
  }
  free(f);
  if (!ok || first < 0) return ok;
  *from = isfinite(lo) ? lo : first ? s->x[first - 1] : -INFINITY;
  *to = isfinite(hi) ? hi : last + 1 < n ? s->x[last + 1] : INFINITY;
  *found = *to - *from < 1e6;
  return true;
}

/* what m places in order show, as many at once as read_grid takes; steps: of those features alone, or of all others */
static bool read_places(search *s, int64_t j, bool steps, int m, bool *seen) {
  const cx_integrand *in = s->q->in;
  int64_t total = in->columns;
  double most;
  for (int k = 0; k < in->nfeature; k++) {
    const cx_feature *t = &in->feature[k];
    if ((t->degree && t->kind != CX_FEATURE_STEP) || s->shared[k] || t->kind == CX_FEATURE_WAVE) continue;
    if ((t->kind == CX_FEATURE_STEP) != steps) continue;
    for (int64_t c = 0; c < t->count; c++) {
      bracket b = {.instance = (int32_t)j, .feature = k, .column = (int32_t)(t->offset + c)};
      const double *u = s->f + b.column * m, *v = u + total * m;
      for (int at = 0; at + 1 < m; at += BODY_PLACES - 1) { /* the last place begins the next part */
        int n = m - at < BODY_PLACES ? m - at : BODY_PLACES;
        if (!cx_search_read_grid(s, n, s->x + at, u + at, v + at, b, seen, &most)) return false;
      }
    }
  }
  return true;
}

bool cx_search_body(search *s, int64_t j) {
  enum { FINEST = 4 };
  const cx_quad_range *r = &s->w->range[j];
  int64_t kept = 0;
  double from, to;
  bool found, seen = false;
  if (!body_of(s, j, &from, &to, &found)) return false;
  if (!found) return true;
  for (int64_t k = 0; k < s->n; k++) { /* what lies there is found again */
    const bracket *b = &s->at[k];
    bool again = b->instance == j && !isnan(b->a) && !b->side && b->a >= from && b->b <= to;
    if (!again) s->at[kept++] = *b;
  }
  s->n = kept;
  for (int times = 1; times <= FINEST && !seen; times *= 4) {
    int even = EVEN * times;
    if (!cx_search_space(s, even + GRID)) return false;
    int n = cx_search_grid(s, fmin(r->lo, r->hi), fmax(r->lo, r->hi), true, s->x), m = 0;
    for (int k = 0; k < n; k++)
      if (s->x[k] >= from && s->x[k] <= to) s->x[m++] = s->x[k];
    for (int k = 0; k < even; k++) s->x[m++] = from + (to - from) * ((k + 0.57) / (even + 0.1));
    qsort(s->x, (size_t)m, sizeof *s->x, cx_by_value);
    for (int k = 0; k < m; k++) s->id[k] = (int32_t)j;
    if (!cx_search_evaluate(s, m)) return false;
    if (times == 1) { /* steps are counted, be they seen or not */
      bool any = true;
      if (!read_places(s, j, true, m, &any)) return false;
      kept = s->n;
    }
    s->n = kept, seen = true;
    if (!read_places(s, j, false, m, &seen)) return false;
  }
  s->w->partial[j] = !seen;
  return true;
}
