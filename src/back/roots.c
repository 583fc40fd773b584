/* roots.c - where an integrand's features are: the roots of u(x) in (lo, hi), for every feature and every integral.
 *
 * A u of degree 1 or 2 in x is solved. Any other is looked at on a grid that is fine at every scale; between two values
 * of different sign a root is enclosed and narrowed by Newton steps that fall back to bisection (all enclosures of all
 * integrals side by side), and where u' changes sign while u does not, its extremum is examined: a root may be double.
 *
 * By the mean value theorem the slope of a chord lies between those of u at its ends wherever u' is monotone there. Where
 * it does not, the grid does not show what u does: a finer one is laid, and if that is no better, the integral is not
 * told that its points are all there is. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/roots_int.h"
#include "quad/rule.h"

bool cx_search_space(search *s, int64_t n) {
  if (n <= s->room) return true;
  free(s->x), free(s->f), free(s->id);
  s->x = malloc((size_t)n * sizeof *s->x);
  s->f = malloc((size_t)(n * s->q->probe.total) * sizeof *s->f);
  s->id = malloc((size_t)n * sizeof *s->id);
  s->room = s->x && s->f && s->id ? n : 0;
  return s->room || (s->w->why = "out of memory", false);
}
bool cx_search_evaluate(search *s, int64_t n) {
  return !n || !cx_batch_run(s->q, &s->q->probe, &s->w->probe, s->w, (const double *[]){s->x}, NULL, 0, n, s->id, s->f);
}
bool cx_search_push(search *s, bracket b) {
  if (s->n >= POINTS_MAX) return true;
  if (s->n == s->cap) {
    int64_t cap = s->cap ? 2 * s->cap : 64;
    bracket *more = realloc(s->at, (size_t)cap * sizeof *more);
    if (!more) return s->w->why = "out of memory", false;
    s->at = more;
    s->cap = cap;
  }
  s->at[s->n++] = b;
  return true;
}

void cx_search_free(search *s) {
  if (!s) return;
  free(s->at), free(s->x), free(s->f), free(s->id), free(s->who), free(s->line), free(s->shared), free(s);
}
static search *search_of(const cx_quadrature *q, cx_quadrature_work *w) {
  search *s = w->search;
  if (!s && (s = w->search = calloc(1, sizeof *s))) {
    for (int fine = 0; fine < 2; fine++) {
      int n = fine ? GRID : COARSE, ends = fine ? 12 : 6; /* even, and geometric towards both ends */
      for (int k = 0; k < ends; k++)
        s->near[fine][k] = s->near[fine][n - 1 - k] = 0.011 * pow(10, (k - ends) * 9.0 / ends);
      for (int k = ends; k < n - ends; k++) s->near[fine][k] = (k - ends + 0.57) / (n - 2 * ends + 0.1);
      int side = fine ? GRID : GRID / 2, rim = side / 12; /* decade by decade where less is to be expected */
      for (int k = 0; k < rim; k++)
        s->out[fine][k] = pow(10, k - rim - 7), s->out[fine][side - rim + k] = pow(10, 9 + k);
      for (int k = rim; k < side - rim; k++) s->out[fine][k] = pow(10, -7 + 15.0 * (k - rim + 0.41) / (side - 2 * rim));
    }
    s->who = malloc((size_t)(w->most + 1) * sizeof *s->who);
    s->line = malloc((size_t)(2 * w->most + 1) * sizeof *s->line);
    s->shared = calloc((size_t)q->in->nfeature + 1, sizeof *s->shared);
  }
  if (!s || !s->who || !s->line || !s->shared) return w->why = "out of memory", NULL;
  s->q = q, s->w = w, s->n = 0;
  return s;
}

int cx_search_places(const double *t, int n, double most) { /* how many of them are less than that */
  int lo = 0;
  while (lo < n) {
    int mid = (lo + n) / 2;
    if (t[mid] < most) lo = mid + 1;
    else n = mid;
  }
  return lo;
}

/* a grid over (lo, hi): even, and geometric towards each finite end or outwards from the middle of an infinite range */
int cx_search_grid(const search *s, double lo, double hi, bool fine, double *x) {
  bool a = isfinite(lo), b = isfinite(hi);
  if (a && b) {
    int n = fine ? GRID : COARSE, ends = fine ? 12 : 6;
    double len = hi - lo;
    for (int k = 0; k < n - ends; k++) x[k] = lo + len * s->near[fine][k];
    for (int k = n - ends; k < n; k++) x[k] = hi - len * s->near[fine][k];
    return n;
  }
  double c = a ? lo : b ? hi : 0;
  int n = 0, side = a || b ? GRID : GRID / 2;
  const double *out = s->out[a || b];
  if (!a)
    for (int k = side - 1; k >= 0; k--) x[n++] = c - out[k];
  if (!b)
    for (int k = 0; k < side; k++) x[n++] = c + out[k];
  return n;
}

double cx_search_inside(double lo, double hi) { /* a finite place in the range, 0 where it can be */
  if (lo <= 0 && hi >= 0) return 0;
  return isfinite(lo) ? lo : hi;
}

/* sin(u) with |u'| <= most: panels are made for it where that does not take too many */
void cx_search_wave(cx_quad_range *r, double most, bool steady) {
  double len = fabs(r->hi - r->lo);
  if (isfinite(len) && most * len < (steady ? 12 * 1024 : 50)) r->frequency += most;
  else r->complete = false;
}

/* something falls from an end of the range on */
bool cx_search_edge(search *s, bracket b, double end, double width) {
  const cx_quad_range *r = &s->w->range[b.instance];
  double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi);
  b.x = end == hi ? end - 0.5 * width : end + 0.5 * width, b.width = width, b.done = true, b.a = NAN;
  return !(isfinite(end) && width > 0 && 0.5 * width < STEEP * (hi - lo)) || cx_search_push(s, b);
}

/* exp(integral of u) falls steeply from an end: u at n places, its slope at the first and the last */
bool cx_search_read_ends(search *s, int n, const double *x, const double *u, const double *v, bracket b) {
  const cx_quad_range *r = &s->w->range[b.instance];
  double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi);
  for (int side = 0; side < 2; side++) {
    double end = side ? hi : lo, d = side ? u[n - 1] : -u[0], bend = v[side];
    if (!isfinite(end)) continue;
    if (d > 0 && 0.5 / d < STEEP * (hi - lo) && fabs(bend) < 0.05 * d * d) {
      b.x = side ? end - 0.5 / d : end + 0.5 / d, b.width = 1 / d, b.a = NAN, b.done = true;
      if (!cx_search_push(s, b)) return false;
      continue;
    }
    int sign = side ? -1 : 1, k = 0; /* not at once, but before it rises; a power law falls everywhere alike */
    double before = 0, at = 0;
    for (; k < n; k++) {
      int i = side ? n - 1 - k : k;
      at = fabs(x[i] - end), d = -sign * u[i];
      if (!(d > 0) || d * at >= (k ? 1 : 0.5)) break;
      before = at;
    }
    if (!k || k == n || !(d * at >= 1 + 1e-6) || !(at < STEEP * (hi - lo))) continue; /* 1 / x falls nowhere */
    if (!cx_search_push(s, cx_search_falls(b, end, sign, before, at))) return false;
  }
  return true;
}
/* a step of u whose middle lies beside an end of the range, or at it */
static bool read_rims(search *s, int n, const double *u, const double *v, bracket b) {
  const cx_quad_range *r = &s->w->range[b.instance];
  enum { FLAT = 40 }; /* and flat there to a double */
  if (fabs(u[0]) < FLAT && !cx_search_edge(s, b, fmin(r->lo, r->hi), 1 / fabs(v[0]))) return false;
  return !(fabs(u[n - 1]) < FLAT) || cx_search_edge(s, b, fmax(r->lo, r->hi), 1 / fabs(v[n - 1]));
}
/* a wave that is steep nowhere is seen */
bool cx_search_gentle(const cx_quad_range *r, double most) {
  return isfinite(r->hi - r->lo) && most * fabs(r->hi - r->lo) < 50;
}

/* The steps between n places, those next to the finite end, or the middle, first: an infinite range has no end of them,
 * and what is integrated over it dies away outwards. Beyond those there is room for is something as wide as they are. */
static bool read_steps(search *s, int n, const double *x, const double *u, bracket b, bool *seen) {
  const cx_quad_range *r = &s->w->range[b.instance];
  double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi), middle = isfinite(lo) ? lo : isfinite(hi) ? hi : 0;
  bool bounded = isfinite(hi - lo);
  int64_t steps = 0, most = bounded ? STEPS_MAX : STEPS_FAR;
  for (int k = 0; k + 1 < n; k++) {
    int i = isfinite(lo) ? k : isfinite(hi) ? n - 2 - k : (n - 2) / 2 + (k % 2 ? (k + 1) / 2 : -(k / 2));
    if (i < 0 || i + 1 >= n || !(x[i] < x[i + 1]) || isnan(u[i]) || isnan(u[i + 1])) continue;
    b.a = x[i], b.b = x[i + 1], b.span = b.b - b.a, b.size = fmax(fabs(u[i]), fabs(u[i + 1]));
    double from = floor(fmin(u[i], u[i + 1])) + 1, to = ceil(fmax(u[i], u[i + 1])) - 1;
    bool outwards = x[i] >= middle, rising = (u[i] < u[i + 1]) == outwards;
    for (double m = 0; m <= to - from; m++) {
      b.level = rising ? from + m : to - m;
      b.fa = u[i] - b.level;
      if (steps++ == most) {
        b.x = x[i] + (x[i + 1] - x[i]) * ((b.level - u[i]) / (u[i + 1] - u[i]));
        b.width = fabs(b.x - middle), b.done = true, b.a = NAN;
        *seen &= !bounded;
        return bounded || s->q->in->series || !(b.width > 0) || cx_search_push(s, b);
      }
      if (!cx_search_push(s, b)) return false;
    }
  }
  return true;
}

/* what a grid of n places shows of one column of a feature; *seen: clearly; *most: of |v| */
bool cx_search_read_grid(search *s, int n, const double *x, const double *u, const double *v, bracket b, bool *seen,
                         double *most) {
  const cx_feature *t = &s->q->in->feature[b.feature];
  bool where[BODY_PLACES / 8 + 1];
  *seen &= cx_panel_get(0)->grid(n, x, u, v, where, most);
  if (t->kind == CX_FEATURE_STEP) return read_steps(s, n, x, u, b, seen);
  for (int i = 0; i + 1 < n && t->kind != CX_FEATURE_WAVE; i++) {
    if (!where[i / 8]) {
      i |= 7;
      continue;
    }
    if (!(x[i] < x[i + 1]) || isnan(u[i]) || isnan(u[i + 1])) continue;
    b.a = x[i], b.b = x[i + 1], b.span = b.b - b.a, b.size = fmax(fabs(u[i]), fabs(u[i + 1]));
    b.fa = u[i];
    b.slope = b.touch = false;
    if (u[i] == 0 && (i == 0 || u[i - 1] * u[i + 1] != 0)) {
      bracket exact = b;
      exact.x = x[i], exact.a = NAN;
      if (!cx_search_push(s, exact)) return false;
    } else if (u[i] * u[i + 1] < 0) {
      if (!cx_search_push(s, b)) return false;
    } else if (v[i] * v[i + 1] < 0 && u[i] * v[i] < 0 && t->kind != CX_FEATURE_SUMMIT) { /* |u| has a minimum */
      if (t->kind == CX_FEATURE_PEAK) s->w->range[b.instance].complete &= fabs(u[i]) > 8;
      b.slope = b.touch = true;
      b.fa = v[i];
      if (!cx_search_push(s, b)) return false;
    }
  }
  return true;
}

/* Features of other degrees and steps, in the nwho integrals of `who`; those of which the grid does not show enough
 * remain there. */
static bool scan(search *s, bool fine) {
  const cx_integrand *in = s->q->in;
  int64_t total = in->columns, left = 0, each = AT_ONCE / (GRID * s->q->probe.total), begin[AT_ONCE / GRID + 1];
  if (each < 1) each = 1;
  for (int64_t from = 0; from < s->nwho; from += each) {
    int64_t some = s->nwho - from < each ? s->nwho - from : each, n = 0;
    if (!cx_search_space(s, some * GRID)) return false;
    for (int64_t m = 0; m < some; m++) {
      const cx_quad_range *r = &s->w->range[s->who[from + m]];
      double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi);
      begin[m] = n;
      if (lo < hi) n += cx_search_grid(s, lo, hi, fine, s->x + n);
      for (int64_t k = begin[m]; k < n; k++) s->id[k] = s->who[from + m];
    }
    begin[some] = n;
    bool same = some > 1 && n % some == 0;
    for (int64_t m = 1; m < some && same; m++) {
      const cx_quad_range *r = &s->w->range[s->who[from + m]], *o = &s->w->range[s->who[from]];
      same = r->lo == o->lo && r->hi == o->hi;
    }
    if (same && n) {
      if (cx_batch_run_same(s->q, true, s->w, n / some, s->x, some, s->who + from, s->f)) return false;
    } else if (!cx_search_evaluate(s, n)) return false;
    for (int64_t m = 0; m < some; m++) {
      int64_t j = s->who[from + m], mark = s->n, at = begin[m];
      int count = (int)(begin[m + 1] - at);
      bool seen = true, unclear = false, first = !fine && count == COARSE;
      for (int k = 0; k < in->nfeature && count && (seen || !first); k++) {
        const cx_feature *t = &in->feature[k];
        if ((t->degree && t->kind != CX_FEATURE_STEP) || s->shared[k]) continue;
        for (int64_t c = 0; c < t->count; c++) {
          bracket b = {.instance = (int32_t)j, .feature = k, .column = (int32_t)(t->offset + c)};
          const double *u = s->f + b.column * n + at, *v = u + total * n;
          double most;
          if (!cx_search_read_grid(s, count, s->x + at, u, v, b, &seen, &most)) return false;
          if (t->kind == CX_FEATURE_WAVE) seen &= cx_search_gentle(&s->w->range[j], most);
          else unclear = true;
          if (t->kind == CX_FEATURE_PEAK && !read_rims(s, count, u, v, b)) return false;
          if (t->kind == CX_FEATURE_SUMMIT &&
              !cx_search_read_ends(s, count, s->x + at, u, (double[]){v[0], v[count - 1]}, b))
            return false;
        }
      }
      if (seen) continue;
      if (first) s->n = mark, s->who[left++] = (int32_t)j;
      else {
        s->w->range[j].complete = false;
        bool closer = unclear && !isfinite(s->w->range[j].hi - s->w->range[j].lo) && !in->heavy && !in->series;
        s->w->partial[j] |= unclear;
        if (closer && s->nbody < BODIES_MAX) s->body[s->nbody++] = (int32_t)j;
      }
    }
  }
  s->nwho = left;
  return true;
}

static bool scanned(search *s) {
  const cx_integrand *in = s->q->in;
  bool any = false;
  s->nwho = 0;
  for (int64_t j = s->w->begin; j < s->w->end; j++)
    if (s->w->range[j].lo != s->w->range[j].hi) s->who[s->nwho++] = (int32_t)j;
  for (int k = 0; k < in->nfeature; k++) {
    s->shared[k] = false;
    if (in->feature[k].degree && in->feature[k].kind != CX_FEATURE_STEP) continue;
    if (!cx_search_alike(s, k, &s->shared[k])) return false;
    any |= !s->shared[k];
  }
  s->nbody = 0;
  if (any && !(scan(s, false) && scan(s, true))) return false;
  for (int k = 0; k < s->nbody; k++)
    if (!cx_search_body(s, s->body[k])) return false;
  return true;
}

static int by_place(const void *x, const void *y) {
  const bracket *a = x, *b = y;
  if (a->x != b->x) return a->x < b->x ? -1 : 1;
  return a->off < b->off ? -1 : a->off > b->off;
}
/* by integral, and there by place: most have few */
static bool sort(search *s, int64_t n) {
  int64_t begin = s->w->begin, m = s->w->end - begin, *to = calloc((size_t)m + 1, sizeof *to);
  bracket *all = malloc((size_t)(n + 1) * sizeof *all);
  if (!to || !all) return free(to), free(all), s->w->why = "out of memory", false;
  for (int64_t k = 0; k < n; k++) to[s->at[k].instance - begin + 1]++;
  for (int64_t j = 0; j < m; j++) to[j + 1] += to[j];
  for (int64_t k = 0; k < n; k++) all[to[s->at[k].instance - begin]++] = s->at[k];
  for (int64_t j = 0, from = 0; j < m; from = to[j++]) {
    if (to[j] - from > 16) qsort(all + from, (size_t)(to[j] - from), sizeof *all, by_place);
    for (int64_t k = from + 1; k < to[j]; k++)
      for (int64_t i = k; i > from && by_place(&all[i - 1], &all[i]) > 0; i--) {
        bracket one = all[i];
        all[i] = all[i - 1], all[i - 1] = one;
      }
  }
  free(to);
  memcpy(s->at, all, (size_t)n * sizeof *all);
  free(all);
  return true;
}

/* Only where panels would see it, or the integral feel it, does it matter how well u tells its root. */
static void plain_widths(const cx_quad_range *r, cx_quad_point *p, const struct cx_near *root) {
  double before = fmin(r->lo, r->hi), last = fmax(r->lo, r->hi);
  for (int k = 0, m; k < r->npoint; before = p[k].x, k = m) {
    for (m = k + 1; m < r->npoint && p[m].x == p[k].x;) m++;
    double gap = fmin(p[k].x - before, (m < r->npoint ? p[m].x : last) - p[k].x);
    for (int j = k; j < m; j++)
      if (p[j].kind == QP_BREAK && !(p[j].width > (root[j].blur > 0 ? 1e-13 : 1e-4) * gap && isfinite(p[j].width)))
        p[j].width = 0;
  }
}

/* u passes through its root b: at a jump, as of sign(x), the series says nothing of u */
bool cx_search_passes(const bracket *b, double u, double slope, double bend) {
  return (slope != 0 || bend != 0) && (isnan(b->a) || fabs(u - b->level) <= 1e-6 * b->size);
}

/* Where u is flat about a root, as an expanded (x - a)^3 is, its rounding decides the sign: from how far on does it not? */
static bool blurred(search *s, int64_t n) {
  enum { SCALES = 20, EACH = 8, PLACES = 2 * SCALES * EACH };
  const cx_integrand *in = s->q->in;
  for (int64_t k = 0; k < n; k++) {
    bracket *b = &s->at[k];
    const cx_feature *t = &in->feature[b->feature];
    if (t->kind != CX_FEATURE_BREAK || t->degree || isnan(b->a) || b->touch || !(b->span > 0)) continue;
    if (!cx_search_space(s, PLACES)) return false;
    for (int i = 0; i < PLACES; i++) {
      double d = b->span * pow(10, -0.5 * (i / 2 / EACH) - 1) * (1 + 0.2 * (i / 2 % EACH));
      s->x[i] = b->x + (i % 2 ? d : -d), s->id[i] = b->instance;
    }
    s->x[0] = b->x;
    if (!cx_search_evaluate(s, 1)) return false;
    if (!(fabs(s->f[in->columns + b->column]) * b->span < 1e-3 * b->size)) continue;
    s->x[0] = b->x - 0.1 * b->span;
    if (!cx_search_evaluate(s, PLACES)) return false;
    const double *u = s->f + b->column * PLACES;
    for (int i = 2; i < PLACES; i++) /* beside the first two, which are far enough */
      if (!(u[i] * u[i % 2] > 0)) b->blur = fmax(b->blur, 1.4 * fabs(s->x[i] - b->x));
  }
  return true;
}

#define NEAR_TOP  1e-4  /* narrow beside |x| */
#define NARROWEST 1e-12 /* and beside the range */
/* an extremum is in its enclosure: about 0 bisection comes to no end */
static double unsure(const bracket *b) { return b->touch && !isnan(b->a) ? fabs(b->b - b->a) : 0; }

int cx_find_points(const cx_quadrature *q, cx_quadrature_work *w) {
  const cx_integrand *in = q->in;
  if (!in->nfeature) return 0;
  search *s = search_of(q, w);
  bool ok = s && cx_search_solved(s) && scanned(s) && cx_search_narrow(s);
  int64_t total = q->in->columns, n = 0;
  for (int64_t k = 0; ok && k < s->n; k++) { /* those that are roots, inside */
    bracket *b = &s->at[k];
    if (b->clear) continue;
    double lo = fmin(w->range[b->instance].lo, w->range[b->instance].hi),
           hi = fmax(w->range[b->instance].lo, w->range[b->instance].hi);
    bool end = false;
    if (b->width > 0 && (b->x == lo || b->x == hi)) b->x += (b->x == lo ? 0.5 : -0.5) * b->width;
    else if (in->feature[b->feature].kind == CX_FEATURE_SINGULAR) /* at an end, but for rounding */
      for (int side = 0; side < 2 && !end; side++) {
        double e = side ? hi : lo;
        if (isfinite(e) && fabs(b->x - e) <= 8 * DBL_EPSILON * fmax(fabs(e), isfinite(hi - lo) ? 1e-3 * (hi - lo) : 0))
          b->x = e, end = true;
      }
    /* a singular point beside the range, real or complex, is a scale inside it */
    double near = hypot(b->x <= lo ? lo - b->x : b->x - hi, b->width);
    if (!end && !(b->x > lo && b->x < hi) && in->feature[b->feature].kind == CX_FEATURE_SINGULAR && near > 0 &&
        near < 0.1 * (hi - lo) && isfinite(near)) {
      b->x = b->x <= lo ? lo + 0.5 * near : hi - 0.5 * near;
      b->width = near, b->touch = false;
      s->at[n++] = *b;
      continue;
    }
    if ((b->x > lo && b->x < hi) || end) s->at[n++] = *b;
  }
  s->n = n;
  if (ok && n && !sort(s, n)) return 1;
  if (ok && n) {
    for (int64_t k = 0, m; k < n; k = m) { /* what differs by rounding is one place: that of a singular point, if any */
      int64_t best = k;
      for (m = k + 1; m < n && s->at[m].instance == s->at[k].instance &&
                      s->at[m].x - s->at[m - 1].x <=
                          fmax(4 * DBL_EPSILON * fabs(s->at[k].x), fmax(unsure(&s->at[m - 1]), unsure(&s->at[m])));
           m++)
        if (unsure(&s->at[m]) < unsure(&s->at[best]) ||
            (s->at[m].width == 0 && in->feature[s->at[m].feature].bend >= 0 &&
             in->feature[s->at[best].feature].bend < 0 && unsure(&s->at[m]) <= unsure(&s->at[best])))
          best = m;
      for (int64_t j = k; j < m; j++) s->at[j].x = s->at[best].x;
    }
  }
  bool more = false;
  ok = ok && blurred(s, n) && cx_search_near(s, &n, &more);
  if (ok && n) {
    if (more && !sort(s, n)) return 1;
    ok = cx_search_space(s, n);
    for (int64_t k = 0; ok && k < n; k++) s->x[k] = s->at[k].x, s->id[k] = s->at[k].instance;
    ok = ok && cx_search_evaluate(s, n);
  }
  for (int64_t j = w->begin; j < w->end; j++) w->range[j].npoint = 0;
  for (int64_t k = 0; ok && k < n; k++) {
    const bracket *b = &s->at[k];
    double v = s->f[(total + b->column) * n + k], u = s->f[b->column * n + k];
    cx_quad_point p = {b->x, 0, QP_BREAK, b->off};
    if (b->off != 0) { /* about a place of which the integrand has a form */
      struct cx_near form = {.feature = b->form};
      if (b->form >= 0 && b->form < in->nfeature) {
        form.slope = s->f[(total + in->feature[b->form].offset) * n + k];
        form.bend = s->f[in->feature[b->form].bend * n + k];
      }
      if (b->width > 0) p.kind = QP_PEAK, p.width = b->width;
      if (isnan(b->width)) continue;
      if (!cx_add_point(w, p, form)) ok = false;
      else w->range[b->instance].npoint++;
      w->beside = true;
      continue;
    }
    switch (in->feature[b->feature].kind) {
      case CX_FEATURE_SINGULAR: p.kind = QP_SINGULAR; break;
      case CX_FEATURE_EDGE:
      case CX_FEATURE_PEAK: p.kind = QP_PEAK, p.width = 1 / fabs(v); break;
      case CX_FEATURE_SUMMIT: p.kind = QP_PEAK, p.width = v < 0 ? 1 / sqrt(-v) : NAN; break;
      default: /* u turns there, on one side */
        p.width = b->touch ? 0 : fmax(b->blur, 4 * DBL_EPSILON * b->size / fabs(v));
    }
    int64_t bend = in->feature[b->feature].bend;
    double curve = bend >= 0 ? s->f[bend * n + k] : 0;
    if (b->width > 0) p.kind = QP_PEAK, p.width = b->width;
    if (in->crossing && in->scale[0] > 0 && !isnan(b->a) && fabs(u - b->level) > 1e-6 * b->size)
      continue;                                                             /* u itself jumps */
    if (b->touch && (in->crossing || fabs(u) > 1e-12 * (1 + fabs(b->x)))) { /* comes near, no more: a scale */
      if (p.kind != QP_SINGULAR) continue;
      if (bend < 0) w->range[b->instance].complete = false;
      p.kind = QP_PEAK, p.width = sqrt(fabs(2 * u / curve));
    }
    double len = fabs(w->range[b->instance].hi - w->range[b->instance].lo);
    if (p.kind == QP_PEAK && !(p.width > 0 && isfinite(p.width) && (p.width < 0.25 * len))) continue;
    const cx_quad_point *last = w->range[b->instance].npoint ? &w->point[w->npoint - 1] : NULL;
    if (last && p.kind == QP_PEAK && last->kind == QP_PEAK && p.x == last->x && p.width > 0.5 * last->width &&
        p.width < 2 * last->width)
      continue;
    struct cx_near root = {.feature = -1, .slope = v, .blur = b->blur};
    /* a parabola so near to 0 that x alone would not tell how far it is from its top: as a singular place */
    const cx_feature *t = &in->feature[b->feature];
    bool top = p.kind == QP_PEAK && isnan(b->a) && t->kind == CX_FEATURE_SINGULAR && t->degree == 2 && bend >= 0 &&
               p.width < fmax(NEAR_TOP * fabs(p.x), isfinite(len) ? NARROWEST * len : 0);
    if (top) root.base = u;
    if (bend >= 0 && (top || (p.kind != QP_PEAK && cx_search_passes(b, u, v, curve)))) {
      root.feature = b->feature;
      root.bend = curve;
      if (!isfinite(root.slope) || !isfinite(root.bend)) root.feature = -1;
    }
    cx_quad_point beside[3] = {p, {p.x, 0, QP_BREAK, 0}, p};
    beside[0].off = -p.width, beside[2].off = p.width;
    int many = top && root.feature >= 0 ? 3 : 1;
    for (int i = 0; i < many && ok; i++) {
      ok = cx_add_point(w, many > 1 ? beside[i] : p, root);
      w->range[b->instance].npoint += ok;
    }
    w->beside |= many > 1;
  }
  int64_t at = 0;
  for (int64_t j = w->begin; ok && j < w->end; j++) {
    w->range[j].point = w->point ? w->point + at : NULL;
    if (w->range[j].npoint) plain_widths(&w->range[j], w->point + at, w->root + at);
    at += w->range[j].npoint;
  }
  return !ok;
}
