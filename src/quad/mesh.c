/* mesh.c - pieces and panels: how an instance is cut before anything is known but its points. */
#include "quad/quad_int.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cx_quad_grow(void *array, size_t *cap, size_t want, size_t size) {
  if (want <= *cap) return true;
  size_t n = *cap ? *cap : 64;
  while (n < want) n *= 2;
  void *p, **slot = array;
  memcpy(&p, slot, sizeof p);
  p = n > SIZE_MAX / size ? NULL : realloc(p, n * size);
  if (!p) return false;
  memcpy(slot, &p, sizeof p);
  *cap = n;
  return true;
}

double cx_quad_x(const cx_quad_piece *p, double s) {
  switch (p->map) {
    case MAP_LINE: return s;
    case MAP_TOWARD: return p->p + p->dir * p->scale * exp(-s);
    case MAP_AWAY: return p->p + p->dir * p->scale * exp(s);
    case MAP_OUT: return p->p + p->dir * p->scale * expm1(s);
    case MAP_FAR: return p->p + p->dir * s;
    case MAP_NEAR: return p->p + p->dir * p->scale / s;
  }
  return NAN;
}

/* ---- panels: slots in one array, linked in the order of pieces and of s ---- */
int32_t cx_quad_leaf_new(cx_quad_work *w, int ncomp) {
  int32_t k = w->free_leaf;
  if (k >= 0) w->free_leaf = w->leaf[k].next;
  else {
    k = w->nleaf;
    if (!cx_quad_grow(&w->leaf, &w->cap_leaf, (size_t)k + 1, sizeof *w->leaf) ||
        !cx_quad_grow(&w->leaf_data, &w->cap_data, ((size_t)k + 1) * (size_t)ncomp * LEAF_SLOTS, sizeof(double))) {
      w->failed = true;
      return -1;
    }
    w->nleaf++;
  }
  w->leaf[k] = (cx_quad_leaf){.prev = -1, .next = -1, .bad_x = NAN};
  memset(w->leaf_data + (size_t)k * (size_t)ncomp * LEAF_SLOTS, 0, (size_t)ncomp * LEAF_SLOTS * sizeof(double));
  return k;
}

void cx_quad_insert(cx_quad_work *w, cx_quad_inst *in, int32_t leaf, int32_t after) {
  int32_t next = after < 0 ? in->first : w->leaf[after].next;
  w->leaf[leaf].prev = after;
  w->leaf[leaf].next = next;
  if (after < 0) in->first = leaf;
  else w->leaf[after].next = leaf;
  if (next >= 0) w->leaf[next].prev = leaf;
  in->nleaf++;
}

void cx_quad_leaf_drop(cx_quad_work *w, cx_quad_inst *in, int32_t leaf) {
  cx_quad_leaf *l = &w->leaf[leaf];
  if (l->prev >= 0) w->leaf[l->prev].next = l->next;
  else in->first = l->next;
  if (l->next >= 0) w->leaf[l->next].prev = l->prev;
  l->next = w->free_leaf;
  l->flag = 0;
  w->free_leaf = leaf;
  in->nleaf--;
}

bool cx_quad_pend(cx_quad_work *w, int32_t leaf, int32_t inst) {
  if (!cx_quad_grow(&w->pending, &w->cap_pending, 2 * ((size_t)w->npending + 1), sizeof *w->pending)) {
    w->failed = true;
    return false;
  }
  w->pending[2 * w->npending] = leaf;
  w->pending[2 * w->npending + 1] = inst;
  w->npending++;
  w->leaf[leaf].flag |= LEAF_PENDING;
  return true;
}

/* Panel boundaries outwards in s, up to where the distance overflows or vanishes, and how many are laid at first. `fine`
 * where nothing is known of what hides: x doubles within a panel or two. */
#define BEYOND 1020, 1532, 2556, 4604, 9000, 18000, 36000 /* where s is no logarithm of x any more, but of that */
enum { LAST = 764, LAST_FAR = 36000, EARLY = 4, BESIDE = 508 };
static const double edge_toward[] = {0, 4, 12, 28, 60, 124, 252, 380, 508, 636, 764, BEYOND};
static const double edge_out[] = {0, 1.1, 2.3, 4, 8, 16, 32, 60, 124, 252, 380, 508, 636, 764, BEYOND};
static const double edge_fine[] = {0,  .7, 1.4, 2.2, 3.1, 4,   5,   6.5, 9,   13,
                                   20, 32, 60,  124, 252, 380, 508, 636, 764, BEYOND};
#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))
typedef struct {
  const double *at;
  int n, first;
} edges;
static edges edges_of(const cx_quad_piece *p) {
  if (p->map == MAP_TOWARD) return (edges){edge_toward, COUNT(edge_toward), 2};
  if (p->soft) return (edges){edge_fine, COUNT(edge_fine), 9};
  return (edges){edge_out, COUNT(edge_out), 3};
}

static int32_t add_leaf(cx_quad_work *w, int ncomp, cx_quad_inst *in, int32_t after, int piece, double a, double b) {
  int32_t k = cx_quad_leaf_new(w, ncomp);
  if (k < 0) return -1;
  w->leaf[k].a = a, w->leaf[k].b = b, w->leaf[k].piece = piece;
  cx_quad_insert(w, in, k, after);
  return cx_quad_pend(w, k, (int32_t)(in - w->inst)) ? k : -1;
}

bool cx_quad_extend(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int piece) {
  cx_quad_piece *p = &w->piece[piece];
  edges e = edges_of(p);
  if (p->edge + 1 >= e.n || e.at[p->edge] >= p->end) return false;
  int32_t last = in->first, after = -1;
  for (; last >= 0; last = w->leaf[last].next)
    if (w->leaf[last].piece <= piece) after = last;
  double b = fmin(e.at[p->edge + 1], p->end);
  if (add_leaf(w, q->ncomp, in, after, piece, e.at[p->edge], b) < 0) return false;
  p->edge++;
  return true;
}

static cx_quad_piece *new_piece(cx_quad_work *w, cx_quad_inst *in, cx_quad_map map) {
  if (!cx_quad_grow(&w->piece, &w->cap_piece, (size_t)w->npiece + 1, sizeof *w->piece)) {
    w->failed = true;
    return NULL;
  }
  cx_quad_piece *p = &w->piece[w->npiece++];
  *p = (cx_quad_piece){.map = map, .dir = 1, .scale = 1, .soft = !in->range->complete, .edge = -1, .far = INFINITY};
  in->npiece++;
  return p;
}

/* The places about p that are known by their distance, farthest first, and feet of peaks; less than `most` of them. */
static int beside(const cx_quad_work *w, const cx_quad_inst *in, double p, int dir, double *d, int most) {
  static const double feet[] = {24, 6, 1.5, 0, -1.5, -6, -24};
  int n = 0;
  for (int i = 0; i < in->npoint && d; i++) {
    const cx_quad_point *k = &w->point[in->point + i];
    if (k->x != p || !(k->off * dir > 0)) continue;
    bool peak = k->kind == QP_PEAK;
    for (int j = 0; j < (peak ? COUNT(feet) : 1) && n < most; j++) {
      double t = fabs(k->off) + (peak ? feet[j] * k->width : 0);
      int m = n;
      if (!(t > 0)) continue;
      for (; m > 0 && d[m - 1] < t; m--) d[m] = d[m - 1];
      d[m] = t, n++;
    }
  }
  return n;
}
static bool any_beside(const cx_quad_work *w, const cx_quad_inst *in, double p, int dir) {
  for (int i = 0; i < in->npoint; i++)
    if (w->point[in->point + i].x == p && w->point[in->point + i].off * dir > 0) return true;
  return false;
}

/* a ray from s = 0; TOWARD p from p + dir * scale, OUT and AWAY from p, as far as x log(x)^5 does not overflow */
static void ray(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, cx_quad_map map, double p, int dir, double scale,
                bool anchored) {
  if (!(scale > 0)) return;
  double near[32];
  int n = map == MAP_TOWARD ? beside(w, in, p, dir, near, COUNT(near)) : 0;
  for (int i = 0; i < n; i++) { /* as far as each of them, and on from there */
    if (!(near[i] < scale)) continue;
    cx_quad_piece *to = new_piece(w, in, map);
    if (!to) return;
    to->p = p, to->dir = (int8_t)dir, to->scale = scale, to->anchored = anchored, to->edge = 0;
    to->end = log(scale / near[i]), to->closed = to->done = true;
    scale = near[i];
  }
  cx_quad_piece *r = new_piece(w, in, map);
  if (!r) return;
  r->p = p, r->dir = (int8_t)dir, r->scale = scale, r->anchored = anchored, r->edge = 0;
  r->end = map == MAP_TOWARD ? log(scale) - log(1e-300) : log(1e280) - log(fmax(scale, fabs(p)));
  r->end = fmin(fmax(r->end, 1), LAST);
  if (!q->far[map != MAP_TOWARD] || r->end <= CX_QUAD_FAR) return;
  r->end = LAST_FAR;
  /* by its distance from p the integrand is known as far as numbers go, and better than by logarithms: those of a sum
   * whose terms cancel */
  r->far = in->early && map == MAP_TOWARD && p != 0 ? EARLY : anchored && p != 0 ? BESIDE : CX_QUAD_FAR;
}

static void line(cx_quad_work *w, cx_quad_inst *in, double a, double b, bool lo_plain, bool hi_plain) {
  if (!(a < b)) return;
  cx_quad_piece *l = new_piece(w, in, MAP_LINE);
  if (!l) return;
  l->lo = l->from = a, l->hi = l->to = b, l->lo_plain = lo_plain, l->hi_plain = hi_plain, l->done = true;
}

/* how far a ray to a singular end reaches, when the nearest peak is this far: to its foot; over one alone that is wider */
static double reach(double gap, const cx_quad_point *near, const cx_quad_point *far) {
  if (gap > 50 * near->width) return gap - 25 * near->width; /* exp(-|t|), too, is nothing there */
  return near == far || near->x == far->x ? fmax(gap, near->width) / 2 : gap / 2;
}

/* one interval between hard points, a < b; sa, sb: singular there; first, last: its peaks, or NULL */
static void interval(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double a, bool sa, double b, bool sb,
                     const cx_quad_point *first, const cx_quad_point *last) {
  bool peaks = first != NULL, known = in->range->complete;
  if (isinf(a) && isinf(b)) {
    double left = peaks ? first->x : 0, right = peaks ? last->x : 0;
    ray(q, w, in, MAP_OUT, left, -1, peaks ? first->width : 1, false);
    line(w, in, left, right, false, false);
    ray(q, w, in, MAP_OUT, right, 1, peaks ? last->width : 1, false);
    return;
  }
  if (isinf(a) || isinf(b)) {
    int dir = isinf(b) ? 1 : -1;
    double end = dir > 0 ? a : b; /* the finite one */
    bool singular = dir > 0 ? sa : sb;
    if (!peaks) {
      double scale = fmax(1, fabs(end) * 1e-8);
      if (known && !singular) ray(q, w, in, MAP_OUT, end, dir, scale, true);
      else {
        ray(q, w, in, MAP_TOWARD, end, dir, scale, true);
        ray(q, w, in, MAP_AWAY, end, dir, scale, true);
      }
      return;
    }
    const cx_quad_point *near = dir > 0 ? first : last, *far = dir > 0 ? last : first;
    double gap = fabs(near->x - end), out = far->x;
    bool anchored = end == out;
    if (singular || !known) { /* a ray to the end stops at the nearest peak's foot */
      double scale = reach(gap, near, far);
      if (scale > 0) {
        ray(q, w, in, MAP_TOWARD, end, dir, scale, true);
        end += dir * scale;
        if (dir > 0 ? end > out : end < out) out = end, anchored = false;
      }
    }
    line(w, in, fmin(end, out), fmax(end, out), false, false);
    ray(q, w, in, MAP_OUT, out, dir, far->width, anchored);
    return;
  }
  double la = a, lb = b, len = b / 2 - a / 2;
  if (!peaks && ((sa && sb) || (!known && (sa || sb)))) {
    if (sa) la = a + len;
    if (sb) lb = a + len;
  } else if (sa && sb) {
    la = a + fmin(reach(fmin(first->x - a, len), first, last), len);
    lb = b - fmin(reach(fmin(b - last->x, len), last, first), len);
  } else if (sa) {
    la = !peaks ? b : fmin(a + reach(first->x - a, first, last), b);
  } else if (sb) {
    lb = !peaks ? a : fmax(b - reach(b - last->x, last, first), a);
  }
  if (sa) ray(q, w, in, MAP_TOWARD, a, 1, la - a, true);
  line(w, in, la, lb, !sa, !sb);
  if (sb) ray(q, w, in, MAP_TOWARD, b, -1, b - lb, true);
}

/* the pieces since `first`, which lie between breaks known to these widths at a and b */
static void keep_off(cx_quad_work *w, int32_t first, double a, double lo_width, double b, double hi_width) {
  for (int32_t k = first; k < w->npiece; k++) {
    cx_quad_piece *p = &w->piece[k];
    if (p->map != MAP_LINE) continue;
    if (p->lo == a) p->from += lo_width;
    if (p->hi == b) p->to -= hi_width;
    if (!(p->from <= p->to)) p->from = p->to = p->lo / 2 + p->hi / 2;
  }
}

/* boundaries of a line's panels: about the peaks, closer where little is known, and a few oscillations each */
static bool line_panels(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int piece, int32_t *after) {
  static const double feet[] = {-24, -6, -1.5, 0, 1.5, 6, 24};
  const cx_quad_piece *p = &w->piece[piece];
  double lo = p->lo, hi = p->hi, fixed[64], *s = fixed;
  int n = 0;
  size_t cap = 0;
  double *heap = NULL;
  s[n++] = lo;
  if (p->soft) s[n++] = lo + (hi / 2 - lo / 2) * (2 * 0.46478);
  for (int i = 0; i < in->npoint; i++) {
    cx_quad_point k = w->point[in->point + i];
    if (k.kind != QP_PEAK || k.off != 0) continue;
    if (n + 16 > 64) {
      if (!cx_quad_grow(&heap, &cap, (size_t)n + 16, sizeof(double))) return free(heap), w->failed = true, false;
      if (s == fixed) memcpy(heap, fixed, sizeof fixed);
      s = heap;
    }
    for (int j = 0; j < COUNT(feet); j++) {
      double x = k.x + feet[j] * k.width;
      if (x > lo && x < hi) s[n++] = x;
    }
  }
  qsort(s, (size_t)n, sizeof *s, cx_by_value);
  for (int i = 0; i < n; i++) {
    double a = s[i], b = i + 1 < n ? s[i + 1] : hi;
    while (i + 1 < n && !(b - a > 64 * DBL_EPSILON * fmax(fabs(a), fabs(b)))) i++, b = i + 1 < n ? s[i + 1] : hi;
    double wide = in->range->frequency > 0 ? 12 / in->range->frequency : INFINITY; /* 21 nodes resolve 12 radians */
    int64_t m = (int64_t)fmin(fmax(ceil((b - a) / wide), 1), 1024);                /* and refinement does the rest */
    for (int64_t j = 0; j < m; j++) {
      double from = j ? a + (b - a) * ((double)j / (double)m) : a,
             to = j + 1 < m ? a + (b - a) * ((double)(j + 1) / (double)m) : b;
      if (isinf(b - a)) from = a, to = b; /* half widths are formed as b / 2 - a / 2 */
      *after = add_leaf(w, q->ncomp, in, *after, piece, from, to);
      if (*after < 0) break;
    }
  }
  free(heap);
  return !w->failed;
}

static bool same(double a, double b) { return fabs(a - b) <= 4 * DBL_EPSILON * fmax(fabs(a), fabs(b)); }

bool cx_quad_build(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  while (in->first >= 0) cx_quad_leaf_drop(w, in, in->first);
  in->piece = w->npiece;
  in->npiece = 0;
  double a = in->lo, a_width = 0;
  bool sa = in->lo_singular;
  cx_quad_point *pt = w->point + in->point, *end = pt + in->npoint, *peak = pt;
  /* the peaks of each interval are gathered at the front of a sorted list: points are ascending in x */
  for (cx_quad_point *k = pt; k <= end && !w->failed; k++) {
    if (k < end && (k->kind == QP_PEAK || k->off != 0)) continue;
    double b = k < end ? k->x : in->hi, b_width = k < end && k->kind == QP_BREAK ? k->width : 0;
    int32_t piece = w->npiece;
    bool next = k < end && k->kind == QP_SINGULAR, sb = k < end ? next : in->hi_singular;
    if (isfinite(b)) sb |= any_beside(w, in, b, -1);
    if (isfinite(a)) sa |= any_beside(w, in, a, 1);
    cx_quad_point few[2], *first = peak;
    int nfew = 0; /* first and last peak between */
    for (; peak < k; peak++)
      if (peak->kind == QP_PEAK && peak->off == 0) few[nfew ? 1 : 0] = *peak, nfew = nfew ? 2 : 1;
    if (nfew == 1) few[1] = few[0];
    for (cx_quad_point *p = first; p < k; p++) { /* rays outwards begin as narrow as any peak seen from there */
      if (p->kind != QP_PEAK || p->off != 0) continue;
      few[0].width = fmin(few[0].width, fmax(p->width, p->x - few[0].x));
      few[1].width = fmin(few[1].width, fmax(p->width, few[1].x - p->x));
    }
    interval(q, w, in, a, sa, b, sb, nfew ? few : NULL, nfew ? few + 1 : NULL);
    keep_off(w, piece, a, a_width, b, b_width);
    peak = k < end ? k + 1 : k;
    a = b, sa = next, a_width = b_width;
  }
  int32_t after = -1;
  for (int i = 0; i < in->npiece && !w->failed; i++) {
    cx_quad_piece *p = &w->piece[in->piece + i];
    if (p->map == MAP_LINE) {
      if (!line_panels(q, w, in, in->piece + i, &after)) return false;
      continue;
    }
    edges e = edges_of(p);
    for (int k = 0; k < (p->closed ? e.n - 1 : e.first) && e.at[k] < p->end; k++) {
      after = add_leaf(w, q->ncomp, in, after, in->piece + i, e.at[k], fmin(e.at[k + 1], p->end));
      if (after < 0) return false;
      p->edge = k + 1;
    }
  }
  return !w->failed;
}

bool cx_quad_discover(cx_quad_work *w, cx_quad_inst *in, cx_quad_point_kind kind, double x, double width) {
  if (in->restarts >= 12 || isinf(x)) return false;
  if (kind != QP_PEAK && same(x, in->lo)) {
    if (kind != QP_SINGULAR || in->lo_singular) return false;
    in->lo_singular = true;
  } else if (kind != QP_PEAK && same(x, in->hi)) {
    if (kind != QP_SINGULAR || in->hi_singular) return false;
    in->hi_singular = true;
  } else {
    cx_quad_point *pt = w->point + in->point;
    int k = 0;
    while (k < in->npoint && ((pt[k].x < x && !(same(pt[k].x, x) && pt[k].kind != QP_PEAK)) || pt[k].off != 0)) k++;
    if (k < in->npoint && pt[k].kind != QP_PEAK && kind != QP_PEAK && same(pt[k].x, x)) {
      if (pt[k].kind >= kind) return false;
      pt[k].kind = kind; /* a break that is singular */
    } else {
      if (!cx_quad_grow(&w->point, &w->cap_point, (size_t)w->npoint + (size_t)in->npoint + 1, sizeof *w->point))
        return !(w->failed = true);
      pt = w->point + w->npoint; /* the list moves to the end, where it can grow */
      memcpy(pt, w->point + in->point, (size_t)k * sizeof *pt);
      pt[k] = (cx_quad_point){x, width, kind, 0};
      memcpy(pt + k + 1, w->point + in->point + k, (size_t)(in->npoint - k) * sizeof *pt);
      in->point = w->npoint;
      w->npoint += ++in->npoint;
    }
  }
  in->restarts++;
  return true;
}
