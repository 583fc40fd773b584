/* roots_narrow.c - enclosures become places: Newton steps that fall back to bisection, of all enclosures side by side. */
#include <float.h>
#include <math.h>

#include "back/roots_int.h"

bracket cx_search_falls(bracket b, double from, int side, double least, double most) {
  b.from = from, b.side = side, b.a = least, b.b = most;
  b.x = from + side * sqrt(least) * sqrt(most);
  b.done = b.slope = b.touch = false, b.level = 0, b.width = 0;
  return b;
}

/* of a summit whose curvature does not say how wide it is, that of exp(-x^4): its width on either side */
bool cx_search_width(search *s, bracket b) {
  const cx_quad_range *r = &s->w->range[b.instance];
  for (int side = -1; side <= 1; side += 2) {
    double end = side < 0 ? fmin(r->lo, r->hi) : fmax(r->lo, r->hi), x = b.x;
    double most = isfinite(end) ? fabs(end - x) : 1e20 + fabs(x), least = DBL_EPSILON * fabs(x) + 1e-300;
    if (least < most && !cx_search_push(s, cx_search_falls(b, x, side, least, most))) return false;
  }
  return true;
}

/* Where u jumps, as for exp(-|x|), a break says it. */
static bool look_at_top(search *s, bracket *top, double u, double bend) {
  if (s->q->in->feature[top->feature].kind != CX_FEATURE_SUMMIT) return true;
  if (!(-bend * top->span <= 1e-3 * top->size && fabs(u) <= 1e-6 * top->size)) return true; /* NaN: singular */
  bracket b = *top;
  top->clear = true;
  return cx_search_width(s, b);
}

/* every enclosure narrowed to a root; those of degree 1 and 2 polished once. false on failure */
bool cx_search_narrow(search *s) {
  int64_t total = s->q->in->columns;
  for (int64_t k = 0; k < s->n; k++)
    if (!isnan(s->at[k].a) && !s->at[k].side && !s->at[k].done)
      s->at[k].x = s->at[k].a + 0.5 * (s->at[k].b - s->at[k].a);
  for (int round = 0; round < 160; round++) {
    int64_t n = 0;
    if (!cx_search_space(s, s->n)) return false;
    for (int64_t k = 0; k < s->n; k++)
      if (!s->at[k].done) s->x[n] = s->at[k].x, s->id[n++] = s->at[k].instance;
    if (!n) return true;
    if (!cx_search_evaluate(s, n)) return false;
    int64_t i = 0, was = s->n;
    for (int64_t k = 0; k < was; k++) {
      bracket *b = &s->at[k];
      if (b->done) continue;
      double u = s->f[b->column * n + i] - b->level, v = s->f[(total + b->column) * n + i];
      i++;
      if (isnan(b->a)) { /* solved: the value of a sum is exact to rounding; one step takes that back */
        double x = b->x - u / v;
        if (isfinite(x) && fabs(x - b->x) < 1e-6 * (1 + fabs(b->x))) b->x = x;
        b->done = round > 0 || x == b->x || !isfinite(x);
        continue;
      }
      if (b->side) { /* bisection, geometric */
        double d = fabs(b->x - b->from);
        if (fabs(u) * d < 1) b->a = d;
        else b->b = d;
        b->done = b->b < 1.5 * b->a;
        b->x = b->done ? b->from : b->from + b->side * sqrt(b->a) * sqrt(b->b);
        if (b->done) b->width = b->b;
        continue;
      }
      if (b->slope) {
        double y = v;                       /* bisection on u' */
        if (u * (b->fa > 0 ? -1 : 1) < 0) { /* u itself has changed its sign: two roots */
          bracket second = *b;
          b->slope = b->touch = second.slope = second.touch = false;
          double x = b->x;
          second.a = x, second.fa = u;
          b->b = x, b->fa = -u;
          b->x = b->a + 0.5 * (b->b - b->a);
          second.x = second.a + 0.5 * (second.b - second.a);
          if (!cx_search_push(s, second)) return false;
          continue;
        }
        /* The tangent here bounds u from below where it is convex, as it is about a minimum of |u|, once that is the only
         * thing in the bracket: no root where it stays away from 0 up to both ends. */
        b->clear = round >= 3 && fabs(v) * (b->b - b->a) < 0.5 * fabs(u);
        if (b->clear || y == 0 || b->b - b->a <= 4 * DBL_EPSILON * fabs(b->x) + DBL_MIN) {
          b->done = true;
          continue;
        }
        if (y * b->fa < 0) b->b = b->x;
        else b->a = b->x;
        b->x = b->a + 0.5 * (b->b - b->a);
        continue;
      }
      if (u == 0 || b->x <= b->a || b->x >= b->b) {
        b->done = true;
        if (!look_at_top(s, b, u, v)) return false;
        continue;
      }
      if (u * b->fa < 0) b->b = b->x;
      else b->a = b->x, b->fa = u;
      double x = b->x - u / v;
      if (!(x > b->a && x < b->b) || round > 30) x = b->a + 0.5 * (b->b - b->a);
      else if (fabs(x - b->x) <= DBL_EPSILON * fabs(x)) { /* one more look from the other side */ b->x = x;
        b->done = true;
        if (!look_at_top(s, b, u, v)) return false;
        continue;
      }
      b->x = x;
    }
  }
  return true;
}
