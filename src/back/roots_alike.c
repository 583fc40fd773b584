/* roots_alike.c - features of many integrals that are one function stretched and moved are looked for once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/roots_int.h"

/* u = s phi(t) with t = a x + b in every one of who, where only s, a and b differ: phi is looked at once, for the first of
 * them, and every one has its roots at the same t. Not where it would be seen less clearly than alone: where the grid in
 * t is coarser in some range than a grid of its own, or s is 0 or no number; then *done is false. */
bool cx_search_alike(search *s, int k, bool *done) {
  const cx_feature *f = &s->q->in->feature[k];
  const cx_quad_range *range = s->w->range;
  int64_t total = s->q->in->columns, m = s->nwho, mark = s->n, n = 0;
  double from = INFINITY, to = -INFINITY, blur = 0, t[GRID], most, *line = s->line;
  *done = false;
  if (f->line < 0 || m < ALIKE || !cx_search_space(s, 3 * m > GRID ? 3 * m : GRID)) return f->line < 0 || m < ALIKE;
  for (int64_t j = 0; j < m; j++) {
    double lo = fmin(range[s->who[j]].lo, range[s->who[j]].hi), hi = fmax(range[s->who[j]].lo, range[s->who[j]].hi);
    s->x[2 * j] = cx_search_inside(lo, hi);
    s->x[2 * j + 1] = isfinite(hi - lo) ? (s->x[2 * j] == hi ? lo : hi) : s->x[2 * j] + 1;
    s->id[2 * j] = s->id[2 * j + 1] = s->who[j];
  }
  if (!cx_search_evaluate(s, 2 * m)) return false;
  for (int64_t j = 0; j < m; j++) {
    const cx_quad_range *r = &range[s->who[j]];
    const double *at = s->f + f->line * 2 * m + 2 * j, *x = s->x + 2 * j;
    double a = (at[1] - at[0]) / (x[1] - x[0]), b = at[0] - a * x[0], p = a * r->lo + b, q = a * r->hi + b;
    if (!(fabs(a) > 0 && isfinite(a) && isfinite(b)) || isnan(p) || isnan(q)) return true;
    line[2 * j] = a, line[2 * j + 1] = b;
    blur = fmax(blur, 1e-9 * fabs(b)); /* nearer to t = 0 the rounding of x would be seen */
    from = fmin(from, fmin(p, q)), to = fmax(to, fmax(p, q));
  }
  bracket b = {.instance = s->who[0], .feature = k, .column = (int32_t)f->offset};
  bool seen = false;
  for (int attempt = 0; attempt < 3 && !seen; attempt++) { /* coarse, fine, fine at every scale about t = 0 */
    bool all = attempt == 2;
    if (attempt == 1 && !isfinite(to - from)) continue;
    int64_t most_n = cx_search_grid(s, all ? -INFINITY : from, all ? INFINITY : to, attempt > 0, t);
    for (int64_t i = n = 0; i < most_n; i++)
      if (fabs(t[i]) >= blur) t[n++] = t[i];
    seen = true;
    for (int64_t j = 0; j < m && seen; j++) {
      double p = line[2 * j] * range[s->who[j]].lo + line[2 * j + 1],
             q = line[2 * j] * range[s->who[j]].hi + line[2 * j + 1];
      seen = cx_search_places(t, (int)n, fmax(p, q)) - cx_search_places(t, (int)n, fmin(p, q)) >= COARSE / 2;
    }
    if (!seen) continue;
    for (int64_t i = 0; i < n; i++)
      s->x[i] = ((line[0] < 0 ? t[n - 1 - i] : t[i]) - line[1]) / line[0], s->id[i] = b.instance;
    if (!cx_search_evaluate(s, n)) return false;
    s->n = mark;
    if (!cx_search_read_grid(s, (int)n, s->x, s->f + b.column * n, s->f + (total + b.column) * n, b, &seen, &most))
      return false;
  }
  for (int64_t i = mark; i < s->n && f->kind == CX_FEATURE_PEAK; i++) seen &= !s->at[i].touch;
  if (!seen) return s->n = mark, true;
  const double *u = s->f + b.column * n;
  int64_t best = -1; /* where s is read: u is neither nought nor huge */
  for (int64_t i = 0; i < n; i++)
    if (u[i] != 0 && isfinite(u[i]) && (best < 0 || fabs(log(fabs(u[i]))) < fabs(log(fabs(u[best]))))) best = i;
  if (best < 0) return s->n = mark, true;
  double scale = u[best], at = line[0] * s->x[best] + line[1], phi[GRID], x[GRID + 2], y[GRID + 2];
  for (int64_t i = 0; i < n; i++) phi[i] = u[line[0] < 0 ? n - 1 - i : i] / scale;
  if (!cx_search_narrow(s)) return false;
  int64_t nroot = 0;
  for (int64_t i = mark; i < s->n; i++) /* of phi; a flat top has its width in every one */
    if (!s->at[i].side && (!s->at[i].clear || f->kind == CX_FEATURE_SUMMIT)) s->at[mark + nroot++] = s->at[i];
  bracket *root = malloc((size_t)(nroot + 1) * sizeof *root);
  if (!root) return s->w->why = "out of memory", false;
  if (nroot) memcpy(root, s->at + mark, (size_t)nroot * sizeof *root);
  s->n = mark;
  for (int64_t i = 0; i < nroot; i++) root[i].x = line[0] * root[i].x + line[1];
  if (!cx_search_space(s, 3 * m)) return free(root), false;
  for (int64_t j = 0; j < m; j++) {
    const cx_quad_range *r = &range[s->who[j]];
    double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi), *to = s->x + 3 * j;
    double near = isfinite(hi - lo) ? (hi - lo) * s->near[0][0] : s->out[1][0];
    to[0] = (at - line[2 * j + 1]) / line[2 * j];
    to[1] = isfinite(lo) ? lo + near : cx_search_inside(lo, hi),
    to[2] = isfinite(hi) ? hi - near : cx_search_inside(lo, hi);
    for (int i = 0; i < 3; i++) s->id[3 * j + i] = s->who[j];
  }
  bool ok = cx_search_evaluate(s, 3 * m);
  for (int64_t j = 0; j < m && ok && seen; j++) {
    const double *uj = s->f + b.column * 3 * m + 3 * j, *vj = uj + total * 3 * m, *place = s->x + 3 * j;
    const cx_quad_range *r = &range[s->who[j]];
    double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi), a = line[2 * j], shift = line[2 * j + 1];
    b.instance = s->who[j];
    seen = fabs(uj[0]) > 0 && isfinite(uj[0]);
    if (f->kind == CX_FEATURE_WAVE) seen &= cx_search_gentle(r, most * fabs(uj[0] / scale * a / line[0]));
    if (f->kind == CX_FEATURE_SUMMIT && ((isfinite(lo) && uj[1] < 0) || (isfinite(hi) && uj[2] > 0))) {
      double least = a * (isfinite(lo) ? place[1] : lo) + shift, last = a * (isfinite(hi) ? place[2] : hi) + shift;
      int i0 = cx_search_places(t, (int)n, fmin(least, last)), i1 = cx_search_places(t, (int)n, fmax(least, last)),
          count = isfinite(lo);
      double stretch = 1 / a;
      x[0] = place[1], y[0] = uj[1];
      for (int i = 0; i < i1 - i0; i++) {
        int k_of = a < 0 ? i1 - 1 - i : i0 + i;
        x[count + i] = (t[k_of] - shift) * stretch, y[count + i] = uj[0] * phi[k_of];
      }
      count += i1 - i0;
      if (isfinite(hi)) x[count] = place[2], y[count++] = uj[2];
      ok = cx_search_read_ends(s, count, x, y, vj + 1, b);
    }
    for (int64_t i = 0; i < nroot && ok; i++) {
      bracket one = root[i];
      one.instance = b.instance, one.x = (root[i].x - shift) / a, one.size *= fabs(uj[0] / scale);
      one.a = NAN, one.done = one.touch, one.slope = one.touch;
      if (!one.clear) ok = cx_search_push(s, one);
      else if (one.x > lo && one.x < hi) one.clear = false, ok = cx_search_width(s, one);
    }
  }
  free(root);
  if (ok && !seen) s->n = mark;
  *done = ok && seen;
  return ok;
}
