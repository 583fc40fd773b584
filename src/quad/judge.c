/* judge.c - after each round: is an instance done, where are its panels split, how far do its rays reach, is it
 * singular, oscillating or divergent? What is discovered becomes a point, and the instance starts anew with it. */
#include "quad/judge.h"
#include <float.h>
#include <math.h>

#define FLOOR (4 * DBL_EPSILON) /* of the integral of |f|: rounding of the integrand */

static double *slots(const cx_quad *q, const cx_quad_work *w, int32_t leaf, int c) {
  return w->leaf_data + ((size_t)leaf * (size_t)q->ncomp + (size_t)c) * LEAF_SLOTS;
}

/* Neumaier's sum */
static void add(double *sum, double *low, double x) {
  double t = *sum + x;
  *low += fabs(*sum) >= fabs(x) ? (*sum - t) + x : (x - t) + *sum;
  *sum = t;
}

static bool outermost(const cx_quad_work *w, const cx_quad_leaf *l) {
  return w->piece[l->piece].map != MAP_LINE && !w->piece[l->piece].closed &&
         (l->next < 0 || w->leaf[l->next].piece != l->piece);
}

cx_quad_sum cx_quad_sums(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  size_t n = (size_t)q->ncomp;
  cx_quad_sum t = {w->sum, w->sum + n, w->sum + 2 * n, w->sum + 3 * n, w->sum + 4 * n};
  for (int c = 0; c < q->ncomp; c++) {
    double v = 0, low = 0, a = 0, e = 0, r = 0, most = 0;
    for (int32_t k = in->first; k >= 0; k = w->leaf[k].next) {
      const double *s = slots(q, w, k, c);
      add(&v, &low, s[VALUE]);
      a += s[ABS];
      e += s[ERROR] + s[SEAM];
      r += s[ROUND], most = most > s[ROUND] ? most : s[ROUND];
      if (outermost(w, &w->leaf[k])) e += s[REST];
    }
    for (int32_t k = in->first; k >= 0 && w->leaf[k].next >= 0; k = w->leaf[k].next) { /* a break known to its width */
      int32_t m = w->leaf[k].next;
      const cx_quad_piece *p = &w->piece[w->leaf[k].piece], *o = &w->piece[w->leaf[m].piece];
      if (p == o || p->map != MAP_LINE || o->map != MAP_LINE || !(p->to < p->hi)) continue;
      double miss = fabs(slots(q, w, k, c)[RIGHT] - slots(q, w, m, c)[LEFT]) * (p->hi - p->to);
      if (miss > 0) r += miss, most = fmax(most, miss);
    }
    t.value[c] = v + low, t.abs[c] = a, t.error[c] = e,
    t.round[c] = 2 * sqrt(r) * sqrt(most) + FLOOR * a; /* sum of squares <= r most */
    t.asked[c] = q->tol * (q->scale && q->scale[c] > 0 ? q->scale[c] * a : fabs(t.value[c]));
  }
  return t;
}

static void finish(cx_quad_inst *in, cx_quad_status s, double where) {
  in->live = false;
  in->status = s;
  in->where = where;
}

static void restart(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  if (!cx_quad_build(q, w, in)) finish(in, QUAD_FAILED, NAN);
}

static bool discovered(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, cx_quad_point_kind kind, double x,
                       double width) {
  if (kind == QP_SINGULAR) { /* what is nearer to a known point than the integrand can tell is at it */
    double least = 16 * q->blur * fabs(x);
    if (fabs(x - in->lo) <= least) x = in->lo;
    if (fabs(x - in->hi) <= least) x = in->hi;
    for (int k = 0; k < in->npoint; k++) {
      const cx_quad_point *p = &w->point[in->point + k];
      if (p->kind != QP_PEAK && fabs(x - p->x) <= least) x = p->x;
    }
  }
  if (!cx_quad_discover(w, in, kind, x, width)) return false;
  restart(q, w, in);
  return true;
}

/* Between its outermost node and its end a panel sees nothing, 1/460 of its width: a jump there shows only as a
 * disagreement of neighbours about the value at the seam. */
#define GAP (1 / 460.0)
static void seam(const cx_quad *q, cx_quad_work *w, int32_t k, int kend, double kscale, int32_t m, int mend,
                 double mscale) {
  const cx_quad_leaf *a = &w->leaf[k], *b = &w->leaf[m];
  for (int c = 0; c < q->ncomp; c++) {
    double *s = slots(q, w, k, c), *t = slots(q, w, m, c);
    double jump = fabs(s[kend] / kscale - t[mend] / mscale);
    if (jump <= 20 * (s[LEVEL] / kscale + t[LEVEL] / mscale)) continue;
    s[SEAM] += jump * kscale * GAP * (a->b - a->a);
    t[SEAM] += jump * mscale * GAP * (b->b - b->a);
  }
}

void cx_quad_seams(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next)
    for (int c = 0; c < q->ncomp; c++) slots(q, w, k, c)[SEAM] = 0;
  int32_t begin = in->first; /* of the piece */
  for (int32_t k = in->first, next; k >= 0; k = next) {
    next = w->leaf[k].next;
    if (next < 0) break;
    const cx_quad_piece *p = &w->piece[w->leaf[k].piece], *o = &w->piece[w->leaf[next].piece];
    if (p == o) {
      if (!(w->leaf[next].flag & LEAF_CUT)) seam(q, w, k, RIGHT, 1, next, LEFT, 1);
      continue;
    }
    /* pieces meet where rays begin, s = 0, or where a line ends at no given point */
    bool pl = p->map == MAP_LINE, ol = o->map == MAP_LINE;
    if (p->closed) {
      begin = next;
      continue;
    }
    double x = pl ? p->hi : cx_quad_x(p, 0), y = ol ? o->lo : cx_quad_x(o, 0);
    if (fabs(x - y) <= 1e-12 * fabs(x) && !(pl && p->hi_plain) && !(ol && o->lo_plain) && (pl || w->leaf[begin].a <= 0))
      seam(q, w, pl ? k : begin, pl ? RIGHT : LEFT, pl ? 1 : p->scale, next, LEFT, ol ? 1 : o->scale);
    begin = next;
  }
}

/* worst component of a column over the tolerance */
static double over(const cx_quad *q, const cx_quad_work *w, int32_t leaf, int column, const double *tol) {
  double m = 0;
  for (int c = 0; c < q->ncomp; c++) {
    const double *s = slots(q, w, leaf, c);
    double e = s[column] + (column == ERROR ? s[SEAM] : 0);
    if (e > m * tol[c]) m = e / tol[c];
  }
  return m;
}

static void split(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int32_t k, int parts) {
  cx_quad_leaf p = w->leaf[k];
  int32_t after = k;
  double width = (p.b / 2 - p.a / 2) / parts * 2;
  for (int i = 1; i < parts; i++) {
    int32_t m = cx_quad_leaf_new(w, q->ncomp);
    if (m < 0) return; /* w->failed says it */
    cx_quad_leaf *l = &w->leaf[m];
    l->a = p.a + i * width, l->b = i + 1 < parts ? p.a + (i + 1) * width : p.b;
    l->piece = p.piece, l->depth = (int16_t)(p.depth + parts / 2), l->stuck = p.stuck, l->noise = p.noise;
    l->hi_depth = i + 1 == parts ? (int16_t)(p.hi_depth + parts / 2) : 0;
    cx_quad_insert(w, in, m, after);
    after = m;
    if (!cx_quad_pend(w, m, (int32_t)(in - w->inst))) return;
  }
  cx_quad_leaf *l = &w->leaf[k];
  l->b = p.a + width;
  l->depth = (int16_t)(p.depth + parts / 2), l->lo_depth = (int16_t)(p.lo_depth + parts / 2), l->hi_depth = 0;
  cx_quad_pend(w, k, (int32_t)(in - w->inst));
}

/* in two at x, across which the integrand is known to jump */
static void cut(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int32_t k, double x) {
  double b = w->leaf[k].b;
  split(q, w, in, k, 2);
  int32_t m = w->leaf[k].next;
  if (w->failed) return;
  w->leaf[k].b = w->leaf[m].a = x, w->leaf[m].b = b;
  w->leaf[k].depth = w->leaf[m].depth = 3; /* other jumps are looked for soon */
  w->leaf[k].lo_depth = w->leaf[k].hi_depth = w->leaf[m].lo_depth = w->leaf[m].hi_depth = 0;
  w->leaf[m].flag |= LEAF_CUT;
}

static bool too_narrow(const cx_quad_work *w, const cx_quad_leaf *l) {
  if (l->depth >= 45) return true;
  double ulp = DBL_EPSILON * fmax(fabs(l->a), fabs(l->b));
  return l->b - l->a <= 64 * (w->piece[l->piece].map == MAP_LINE ? ulp : ulp + 1e-12);
}

static void drop_from(cx_quad_work *w, cx_quad_inst *in, int32_t k) { /* k and all further out in its piece */
  int32_t piece = w->leaf[k].piece;
  w->piece[piece].end = w->leaf[k].a;
  w->piece[piece].done = true;
  while (k >= 0 && w->leaf[k].piece == piece) {
    int32_t next = w->leaf[k].next;
    cx_quad_leaf_drop(w, in, k);
    k = next;
  }
}

static int32_t leaf_about(const cx_quad_work *w, int32_t k, double s) { /* of the piece of k, further in */
  while (w->leaf[k].a > s && w->leaf[k].prev >= 0 && w->leaf[w->leaf[k].prev].piece == w->leaf[k].piece)
    k = w->leaf[k].prev;
  return k;
}

/* Has the integrand in s not died down up to `end`, where panel k is? 1 / x does not, 1 / x^0.99 does. */
static bool grew(const cx_quad *q, const cx_quad_work *w, int32_t k, double end) {
  int32_t m = leaf_about(w, k, 0.45 * end), n = leaf_about(w, k, 0.8 * end);
  if (m == n || w->leaf[m].bad || w->leaf[n].bad) return false;
  for (int c = 0; c < q->ncomp; c++) {
    double now = slots(q, w, n, c)[ABS] / (w->leaf[n].b - w->leaf[n].a);
    if (now > 0.9 * slots(q, w, m, c)[ABS] / (w->leaf[m].b - w->leaf[m].a)) return true;
  }
  return false;
}

/* Far out on a ray the integrand is infinite. A number again at the end of the ray: only doubles have no room for it. */
static bool overflows(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, const cx_quad_leaf *l) {
  const cx_quad_piece *p = &w->piece[l->piece];
  cx_quad_job job = {.piece = p, .a = p->end - 1, .b = p->end, .index = in->index};
  if (l->nan || !(l->a >= p->far) || l->depth < 2) return false;
  in->evaluations += CX_QUAD_NODES;
  return cx_quad_batch(q, w, 1, &job) && !job.bad;
}

/* A panel with nodes that are no numbers. True: the instance ended, started anew or lost the panel. */
static bool bad_panel(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int32_t k, const double *tol, bool *again) {
  cx_quad_leaf *l = &w->leaf[k];
  const cx_quad_piece *p = &w->piece[l->piece];
  int all = CX_QUAD_NODES;
  if (p->map == MAP_LINE) {
    if (!l->nan && l->bad == 1 && discovered(q, w, in, QP_SINGULAR, l->bad_x, 0)) return true;
    if ((l->bad >= all && l->depth >= 3) || l->depth >= 14) return finish(in, QUAD_NAN, l->bad_x), true;
  } else {
    /* inf - inf and 0 * inf far out, where the integrand has died away: no more of the ray */
    bool dead = l->prev >= 0 && w->leaf[l->prev].piece == l->piece && !w->leaf[l->prev].bad &&
                over(q, w, l->prev, REST, tol) <= 0.02;
    /* or the distance to p is beyond what the integrand can tell from p */
    bool blind = (l->nan && l->a >= p->far && l->depth >= 2) ||
                 (p->map == MAP_TOWARD && fabs(l->bad_x - p->p) <= 64 * DBL_EPSILON * fabs(p->p) &&
                  (l->bad >= all || l->depth >= 6));
    bool large = !blind && !dead && overflows(q, w, in, l);
    blind |= large;
    if (w->failed) return finish(in, QUAD_FAILED, NAN), true;
    if (blind && !dead && !large && grew(q, w, k, l->a)) return finish(in, QUAD_DIVERGES, p->p), true;
    if ((dead || blind) && l->prev >= 0 && w->leaf[l->prev].piece == l->piece) {
      int32_t last = l->prev;
      double decay = w->leaf[leaf_about(w, last, 0.8 * l->a)].decay, width = w->leaf[last].b - w->leaf[last].a;
      drop_from(w, in, k);
      for (int c = 0; c < q->ncomp && !dead;
           c++) { /* what is left decays as further in, not like the last steps seen */
        double *s = slots(q, w, last, c);
        s[REST] = fmax(s[REST], decay > 0 && !large ? 2 * s[ABS] / width / decay : INFINITY);
      }
      return *again = true;
    }
    if ((l->bad >= all && l->depth >= 2) || l->depth >= 14) {
      finish(in, !l->nan ? QUAD_DIVERGES : QUAD_NAN,
             p->map == MAP_TOWARD ? p->p
             : !l->nan            ? p->dir * INFINITY
                                  : l->bad_x);
      return true;
    }
  }
  l->worst = INFINITY;
  return false;
}

/* A panel that will not converge at the end of a line, or has become too narrow to split: singular there? */
static bool stubborn(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int32_t k) {
  cx_quad_leaf *l = &w->leaf[k];
  const cx_quad_piece *p = &w->piece[l->piece];
  if (p->map == MAP_LINE && l->ratio > 0.25) {
    int deep = l->waves < 2.5 ? 6 : 8; /* a jump would have been found at 5 */
    if (p->lo_plain && l->lo_depth >= deep && l->a <= p->lo && discovered(q, w, in, QP_SINGULAR, p->lo, 0)) return true;
    if (p->hi_plain && l->hi_depth >= deep && l->b >= p->hi && discovered(q, w, in, QP_SINGULAR, p->hi, 0)) return true;
  }
  if (p->map == MAP_TOWARD && l->a <= 0 && l->ratio > 0.25 && l->lo_depth >= 6) { /* the end where a ray begins */
    double x = cx_quad_x(p, 0), end = p->dir > 0 ? in->hi : in->lo;
    if (fabs(x - end) <= 4 * DBL_EPSILON * fabs(end) && discovered(q, w, in, QP_SINGULAR, end, 0)) return true;
  }
  bool narrow = too_narrow(w, l);
  if (narrow || (p->map == MAP_LINE && (l->depth == 20 || l->depth == 34))) {
    double a = cx_quad_x(p, l->a), b = cx_quad_x(p, l->b), x;
    bool found = cx_quad_locate(q, w, in, fmin(a, b), fmax(a, b), &x);
    if (w->failed) return finish(in, QUAD_FAILED, x), true;
    if (found && x > in->lo && x < in->hi && discovered(q, w, in, QP_SINGULAR, x, 0)) return true;
    if (narrow && w->leaf[k].bad) return finish(in, QUAD_NAN, w->leaf[k].bad_x), true;
    if (narrow) w->leaf[k].flag |= LEAF_FINAL;
  }
  return false;
}

/* Noise: high coefficients of neighbours alike in size and small, split after split. Smallness is of the panel's own
 * values, or, with more patience, of the instance's largest (dense: integral of |f| over tolerance and width). */
static void note_noise(const cx_quad *q, cx_quad_work *w, int32_t k, const double *tol, double dense) {
  cx_quad_leaf *l = &w->leaf[k];
  if (l->ratio < 0.3 || l->depth < 1 || l->bad) return;
  bool alike = false;
  for (int i = 0; i < 2; i++) {
    int32_t n = i ? l->next : l->prev;
    if (n < 0 || w->leaf[n].piece != l->piece) continue;
    const cx_quad_leaf *o = &w->leaf[n];
    alike |= o->ratio >= 0.3 && o->noise >= 0.1 * l->noise && o->noise <= 10 * l->noise;
  }
  /* near p an integrand that forms x first cannot be smoother than the rounding of x */
  const cx_quad_piece *p = &w->piece[l->piece];
  bool close = p->map == MAP_TOWARD && l->noise <= 30 * DBL_EPSILON * fabs(p->p) / (p->scale * exp(-l->b));
  bool own = l->noise <= 1e-6 || close;
  if (!alike || !(own || l->noise * over(q, w, k, ABS, tol) <= 1e-6 * dense * (l->b - l->a))) return;
  int patience = close ? 2 : own ? 4 : 9;
  if (++l->stuck >= (q->blur > 0 ? 2 : patience)) l->flag |= own ? LEAF_FINAL | LEAF_NOISE : LEAF_FINAL;
}

/* a ray whose coordinate has come to its end, while something is left beyond */
static bool tail_beyond(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int32_t k) {
  cx_quad_leaf *l = &w->leaf[k];
  const cx_quad_piece *p = &w->piece[l->piece];
  double where = p->map == MAP_TOWARD ? p->p : p->dir * INFINITY;
  /* exp(-d s): d stays; 1/s^p: d s stays, and p <= 1 diverges */
  int32_t m = leaf_about(w, k, l->b / 2);
  double before = w->leaf[m].decay;
  bool steady = l->decay > 1e-4 && before > 0 && before < 1.4 * l->decay;
  if (!steady && !(l->decay * l->b > 1.2)) return finish(in, QUAD_DIVERGES, where), true;
  if (!steady) return false;
  /* f falls by the factor exp(-d width) over the panel; where that gives the panel's own integral, it is a pure power and
   * the rest is known */
  for (int c = 0; c < q->ncomp; c++) {
    double *s = slots(q, w, k, c), fall = s[LEFT] - s[RIGHT], d = log(s[LEFT] / s[RIGHT]) / (l->b - l->a);
    double miss = fabs(fall / d / s[VALUE] - 1) + fabs(s[LEVEL] / fall), rest = s[RIGHT] / d;
    if (!(miss < 1e-3)) continue;
    s[VALUE] += rest;
    s[ABS] += fabs(rest);
    s[REST] = fabs(rest) * 10 * (miss + DBL_EPSILON);
  }
  w->piece[l->piece].done = true;
  return false;
}

/* Without knowledge of the integrand a panel much wider than its neighbour, or than a sixteenth of its line, is suspect
 * as soon as there is any structure at all: features come in families. */
static bool grade(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  bool any = false, structure = in->nleaf > 2;
  for (int32_t k = in->first, next; k >= 0 && in->live; k = next) {
    cx_quad_leaf *l = &w->leaf[k];
    next = l->next;
    if (l->flag & LEAF_FINAL || too_narrow(w, l)) continue;
    double width = l->b - l->a, least = width;
    for (int i = 0; i < 2; i++) {
      int32_t n = i ? l->next : l->prev;
      if (n >= 0 && w->leaf[n].piece == l->piece && !(w->leaf[n].flag & LEAF_PENDING) &&
          !(w->leaf[i ? n : k].flag & LEAF_CUT))
        least = fmin(least, w->leaf[n].b - w->leaf[n].a);
    }
    const cx_quad_piece *p = &w->piece[l->piece];
    double factor = p->map == MAP_LINE && least < (p->hi / 2 - p->lo / 2) / 128 ? 4.5 : 2.5;
    bool wide = p->map == MAP_LINE && structure && width > (p->hi / 2 - p->lo / 2) / 7;
    if (wide || width > factor * least) split(q, w, in, k, 2), any = true;
  }
  return any;
}

/* The same gap at a plain end, where there is no neighbour: does the integrand there go on to the end? Those of the
 * instance are looked at together. */
typedef struct {
  int32_t leaf;
  bool low;
} probe;
enum { PROBES = 64 };

static int probe_end(const cx_quad_work *w, int32_t k, bool low, double blur, probe *p, double *x) {
  const cx_quad_leaf *l = &w->leaf[k];
  double at = low ? l->a : l->b, width = l->b - l->a;
  double t = fmax(fmax(blur, 1e-13) * width, 4 * DBL_EPSILON * fabs(at));
  if (!(t < GAP / 4 * width)) return 0;
  *p = (probe){k, low};
  *x = low ? at + t : at - t; /* a regular end: its exact distance is not wanted */
  return 1;
}

static bool end_differs(const cx_quad *q, const cx_quad_work *w, probe p, const double *f, int n, const double *tol) {
  const cx_quad_leaf *l = &w->leaf[p.leaf];
  for (int c = 0; c < q->ncomp; c++) {
    const double *s = slots(q, w, p.leaf, c);
    double jump = fabs(f[c * n] - s[p.low ? LEFT : RIGHT]);
    if (isfinite(jump) && jump > 20 * s[LEVEL] && jump * GAP * (l->b - l->a) > 0.1 * tol[c]) return true;
  }
  return false;
}

static bool look(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, const probe *at, const double *x, int n,
                 const double *tol) {
  double f[PROBES];
  bool differs[PROBES], any = false;
  if (!n || !cx_quad_points(q, w, in, 0, 0, n, x, f)) return false;
  for (int i = 0; i < n; i++) differs[i] = end_differs(q, w, at[i], w->f + i, n, tol);
  for (int i = 0; i < n; i++) {
    if (!differs[i] || (i && differs[i - 1] && at[i - 1].leaf == at[i].leaf)) continue;
    split(q, w, in, at[i].leaf, 2), any = true;
  }
  return any;
}

static bool ends(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, const double *tol) {
  probe at[PROBES];
  double x[PROBES];
  int n = 0;
  bool any = false;
  for (int32_t k = in->first, next; k >= 0; k = next) {
    const cx_quad_leaf *l = &w->leaf[k];
    const cx_quad_piece *p = &w->piece[l->piece];
    next = l->next;
    if (p->map == MAP_LINE && !(l->flag & LEAF_FINAL) && !too_narrow(w, l)) {
      if (p->lo_plain && l->a <= p->lo) n += probe_end(w, k, true, q->blur, &at[n], &x[n]);
      if (p->hi_plain && l->b >= p->hi) n += probe_end(w, k, false, q->blur, &at[n], &x[n]);
    }
    if (n + 2 > PROBES) any |= look(q, w, in, at, x, n, tol), n = 0;
  }
  return look(q, w, in, at, x, n, tol) || any;
}

/* Towards a point an oscillation of x itself comes to an end: one look further before it is called wild. */
static bool is_wild(const cx_quad_work *w, const cx_quad_leaf *l) {
  return l->waves >= 2.5 && l->ratio >= 0.5 && !(w->piece[l->piece].map == MAP_TOWARD && l->b < 20);
}

/* Does the oscillation go on for ever, or all vanish? Where it comes to rest instead, as sin(1 / (x + 1)) does at 0, the
 * end has its share, which a fading sum would lose. */
static bool endless(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int piece) {
  cx_quad_piece *p = &w->piece[piece];
  cx_quad_job job = {.piece = p, .a = fmin(60, p->end - 1), .b = fmin(61, p->end), .index = in->index};
  in->evaluations += CX_QUAD_NODES;
  if (!cx_quad_batch(q, w, 1, &job)) return false;
  bool goes = true;
  for (int c = 0; c < q->ncomp && goes; c++) {
    cx_quad_panel panel;
    cx_quad_rule_apply(&w->rule, w->f + c * CX_QUAD_NODES, (job.b - job.a) / 2, 0, false, &panel);
    goes = panel.abs == 0 || (panel.waves >= 2 && panel.ratio >= 0.5);
  }
  p->tame = !goes;
  return goes;
}

/* rays whose outermost panel oscillates unresolved: summed by a method of their own */
static bool wild_ray(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int32_t last, const double *value) {
  int piece = w->leaf[last].piece;
  double *got = w->sum + 8 * q->ncomp, *outside = w->sum + 12 * q->ncomp, dense = 0, least = 0;
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next) { /* where most of |f| lies, unless at the very end */
    const cx_quad_leaf *l = &w->leaf[k];
    if (l->piece != piece || w->piece[piece].map == MAP_TOWARD || !(slots(q, w, k, 0)[ABS] > dense * (l->b - l->a)))
      continue;
    dense = slots(q, w, k, 0)[ABS] / (l->b - l->a);
    least = k == last ? 0 : w->piece[piece].scale * expm1(l->a / 2 + l->b / 2);
  }
  for (int c = 0; c < q->ncomp; c++) {
    outside[c] = value[c];
    for (int32_t k = in->first; k >= 0; k = w->leaf[k].next)
      if (w->leaf[k].piece == piece) outside[c] -= slots(q, w, k, c)[VALUE];
  }
  cx_quad_status s;
  if (!cx_quad_oscillation(q, w, in, piece, least, outside, &s, got)) return finish(in, QUAD_FAILED, NAN), true;
  const cx_quad_piece *p = &w->piece[piece];
  if (s != QUAD_OK && s != QUAD_TOLERANCE) return finish(in, s, p->map == MAP_TOWARD ? p->p : p->dir * INFINITY), true;
  int32_t k = in->first;
  while (w->leaf[k].piece != piece) k = w->leaf[k].next;
  int32_t more = w->leaf[k].next;
  double end = w->piece[piece].end;
  if (more >= 0 && w->leaf[more].piece == piece) drop_from(w, in, more);
  w->piece[piece].end = end;
  w->piece[piece].done = true;
  w->leaf[k].b = end;
  w->leaf[k].flag = LEAF_FINAL;
  w->leaf[k].bad = 0;
  for (int c = 0; c < q->ncomp; c++) {
    double *d = slots(q, w, k, c);
    d[VALUE] = got[c], d[ABS] = got[q->ncomp + c], d[ERROR] = got[2 * q->ncomp + c], d[REST] = 0;
  }
  return true;
}

static cx_quad_status verdict(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, const cx_quad_sum *t) {
  bool met = true, rounding = true, nought = true, noisy = false;
  for (int c = 0; c < q->ncomp; c++) {
    nought &= !(t->abs[c] > 0);
    double left = t->error[c] + t->round[c], size = fabs(t->value[c]);
    met &= left <= t->asked[c] || t->abs[c] == 0;
    /* within the budget, clearly not 0, and yet of few digits: said as well */
    met &= !(left > 100 * q->tol * size && left < 0.1 * size);
    rounding &= t->error[c] <= fmax(t->asked[c], 4 * t->round[c]);
  }
  if (nought) return in->range->complete ? QUAD_OK : QUAD_TOLERANCE;
  if (met) return QUAD_OK;
  bool left = false; /* beyond the end of a ray */
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next) {
    noisy |= (w->leaf[k].flag & LEAF_NOISE) != 0;
    left |= outermost(w, &w->leaf[k]) && over(q, w, k, REST, t->asked) > 1;
  }
  noisy &= !left;
  return rounding || noisy ? QUAD_ROUNDOFF : QUAD_TOLERANCE;
}

/* A ray towards a point that has met nothing yet: what it is laid for may be all near the point. */
static bool unseen(const cx_quad *q, const cx_quad_work *w, const cx_quad_inst *in, int piece) {
  enum { FAR = 4 };
  if (w->piece[piece].map != MAP_TOWARD || w->piece[piece].edge >= FAR) return false;
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next)
    for (int c = 0; c < q->ncomp && w->leaf[k].piece == piece; c++)
      if (slots(q, w, k, c)[ABS] > DBL_MIN) return false;
  return true;
}

void cx_quad_judge(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  int n = q->ncomp;
  double *tol = w->sum + 5 * n;
  cx_quad_sum t;
  bool again, looking = false;
  do { /* panels may be dropped: then the sums are formed anew */
    again = false;
    cx_quad_seams(q, w, in);
    t = cx_quad_sums(q, w, in);
    for (int c = 0; c < n; c++) tol[c] = fmax(t.asked[c], fmax(2 * t.round[c], 1e-320));
    for (int32_t k = in->first; k >= 0 && !again; k = w->leaf[k].next) {
      w->leaf[k].worst = w->leaf[k].flag & LEAF_FINAL ? 0 : over(q, w, k, ERROR, tol);
      if (w->leaf[k].bad && bad_panel(q, w, in, k, tol, &again) && !again) return;
    }
    for (int32_t k = in->first; k >= 0 && !again; k = w->leaf[k].next) {
      const cx_quad_leaf *l = &w->leaf[k];
      if (!outermost(w, l) || l->flag & LEAF_FINAL) continue;
      bool told = in->range->frequency > 0 && w->piece[l->piece].map != MAP_TOWARD;
      if (w->piece[l->piece].map == MAP_TOWARD && l->b < 20 && l->waves >= 2.5 && l->ratio >= 0.5 && l->worst > 0.01)
        looking |= cx_quad_extend(q, w, in, l->piece);
      bool wild = told || (is_wild(w, l) && fmax(l->worst, over(q, w, k, REST, tol)) > 0.01);
      if (wild && !w->piece[l->piece].tame && endless(q, w, in, l->piece)) again = wild_ray(q, w, in, k, t.value);
      if (w->failed) return;
      if (!in->live) return;
    }
  } while (again);
  if (looking) return;
  int64_t most = q->max_eval > 0 ? q->max_eval : 2000000;
  bool spent = in->evaluations >= most;

  double sum = 0, top = 0, dense = 0;
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next) {
    const cx_quad_leaf *l = &w->leaf[k];
    sum += l->worst;
    top = fmax(top, l->worst);
    dense = fmax(dense, over(q, w, k, ABS, tol) / (l->b - l->a));
  }
  double threshold = fmax(0.5 / in->nleaf, isinf(top) ? 0 : 1e-4 * top);
  int64_t planned = 0;
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next)
    planned += 2 * CX_QUAD_NODES * (w->leaf[k].worst > threshold);
  spent |= sum > 1 && in->evaluations + planned > most;
  bool any = false;
  if (sum > 1 && !spent) {
    for (int32_t k = in->first; k >= 0; k = w->leaf[k].next) {
      cx_quad_leaf *l = &w->leaf[k];
      if (l->worst <= threshold || l->flag & LEAF_FINAL) continue;
      note_noise(q, w, k, tol, dense);
      if (stubborn(q, w, in, k) || !in->live) return;
    }
    for (int32_t k = in->first, next; k >= 0 && in->live; k = next) {
      cx_quad_leaf *l = &w->leaf[k];
      next = l->next;
      if (l->worst <= threshold || l->flag & LEAF_FINAL) continue;
      double x;
      any = true;
      if (l->depth == 5 && l->ratio >= 0.4 && !l->bad && w->piece[l->piece].map == MAP_LINE &&
          cx_quad_jump(q, w, in, l->a, l->b, &x)) {
        cut(q, w, in, k, x);
        continue;
      }
      if (w->failed) return;
      split(q, w, in, k, l->ratio >= 1 && l->waves >= 2.5 && !l->bad ? 4 : 2);
    }
  }
  /* rays reach out until what is left is negligible */
  for (int i = 0; i < in->npiece && in->live && !spent; i++) {
    int32_t last = -1;
    if (w->piece[in->piece + i].done) continue;
    for (int32_t k = in->first; k >= 0; k = w->leaf[k].next)
      if (w->leaf[k].piece == in->piece + i) last = k;
    if (last < 0 || w->leaf[last].flag & LEAF_PENDING) continue;
    if (over(q, w, last, REST, tol) <= 0.02 && !unseen(q, w, in, in->piece + i)) continue;
    if (w->leaf[last].flag & LEAF_FINAL) { /* noise, which more of it would not mend */
      if (w->piece[in->piece + i].map == MAP_TOWARD && grew(q, w, last, w->leaf[last].b))
        finish(in, QUAD_DIVERGES, w->piece[in->piece + i].p);
      continue;
    }
    if (cx_quad_extend(q, w, in, in->piece + i)) any = true;
    else if (w->failed) return;
    else if (!any && tail_beyond(q, w, in, last)) return;
  }
  if (any || !in->live) return;
  bool nought = true;
  for (int c = 0; c < n; c++) nought &= !(t.abs[c] > 0);
  if (nought && !in->range->complete && !in->searched && !spent) {
    in->searched = true;
    bool found = cx_quad_search(q, w, in);
    if (found) restart(q, w, in);
    if (found || w->failed) return;
  }
  if (!in->range->complete && !nought && !spent && (grade(q, w, in) || ends(q, w, in, tol))) return;
  t = cx_quad_sums(q, w, in); /* tails may have been added */
  if (in->live) finish(in, verdict(q, w, in, &t), NAN);
}
