/* roots_near.c - features so near an end of the range, or a singular point, that rounding would put them there.
 *
 * log(x / (1 - x)) passes 40 at 1 - 4e-18, which is no number beside 1: so places about 1 are told by their distance, of
 * which the features are functions of their own (pass/feature_near.c), and are looked for on a logarithmic scale down
 * to the smallest numbers. About 0 the distance is the place itself, and the grid only goes on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "back/roots_int.h"

enum { PLACES = 16, FEW = 2, ANCHORS = 64 };

typedef struct {
  double x, slope, bend, most; /* as far as this they are looked for */
  int32_t instance, form;      /* the near graph's number, -1: of x itself */
  int side;                    /* x = anchor + side * t */
  bool singular;
} anchor;
typedef struct {
  search *s;
  anchor at[ANCHORS]; /* of one form, to be looked at together */
  int n;
} looks;

static int places_of(const anchor *a) { return a->singular ? PLACES : FEW; }
static double distance(const anchor *a, int k, double least) {
  return a->most * exp(log(least / a->most) * k / (places_of(a) - 1.0));
}

/* the features at m distances from each of n anchors: f[column * n * m + ..] */
static bool features(search *s, const anchor *a, int n, const double *t, int m) {
  const cx_quadrature *q = s->q;
  if (!cx_search_space(s, 6 * ANCHORS * PLACES)) return false;
  double *x = s->x, *tail = x + n * m;
  int64_t all = (int64_t)n * m;
  for (int64_t k = 0; k < all; k++) {
    const anchor *o = &a[k / m];
    tail[k] = o->x, tail[all + k] = o->side * t[k], tail[2 * all + k] = o->slope, tail[3 * all + k] = o->bend;
    tail[4 * all + k] = 0;
    x[k] = o->x + tail[all + k], s->id[k] = o->instance;
  }
  const double *at = x, *more[5] = {tail, tail + all, tail + 2 * all, tail + 3 * all, tail + 4 * all};
  if (a->form < 0) return !cx_batch_run(q, &q->probe, &s->w->probe, s->w, &at, NULL, 0, all, s->id, s->f);
  return !cx_batch_run(q, &q->near_probe[a->form], &s->w->near_probe[a->form], s->w, &at, more, 5, all, s->id, s->f);
}

/* what may be near: what jumps, and peaks about a singular point; of x itself nothing that has been solved */
static bool sought(const cx_integrand *in, const cx_feature *f, int form) {
  if (form < 0) return !f->degree && (f->kind == CX_FEATURE_BREAK || cx_is_peak(f->kind));
  return f->kind == CX_FEATURE_BREAK || (form < in->nfeature && cx_is_peak(f->kind));
}

/* The root of a column between distances near < far, where its sign is that of `below` at near: bisection of the logarithm;
 * then how wide a peak is there. */
static bool enclose(search *s, const anchor *a, bracket *b, double near, double far, double below) {
  double t = 0;
  for (int round = 0; round < 70 && far > near * (1 + 2e-16); round++) {
    t = sqrt(near) * sqrt(far);
    if (!(t > near && t < far)) break;
    if (!features(s, a, 1, &t, 1)) return false;
    if (s->f[b->column] * below > 0) near = t;
    else far = t;
  }
  t = near + (far - near) / 2;
  b->off = a->side * t, b->x = a->x, b->done = true;
  cx_feature_kind kind = s->q->in->feature[b->feature].kind;
  if (a->form < 0 && !a->singular) return b->x = b->off, b->off = 0, true;
  if (!cx_is_peak(kind)) return true;
  enum { STEP = 1000 };
  double beside[2] = {t - t / STEP, t + t / STEP};
  if (!features(s, a, 1, beside, 2)) return false;
  double rate = (s->f[b->column * 2 + 1] - s->f[b->column * 2]) / (beside[1] - beside[0]);
  b->width = kind == CX_FEATURE_PEAK ? 1 / fabs(rate) : rate * a->side < 0 ? 1 / sqrt(fabs(rate)) : NAN;
  return true;
}

/* a column about one anchor: u at its places, t[0] > t[1] .. */
static bool read_column(looks *l, const anchor *a, int feature, int64_t column, const double *t, const double *u) {
  search *s = l->s;
  bool any = false;
  for (int i = 0; i + 1 < places_of(a); i++) {
    bool changes = (u[i] < 0 && u[i + 1] > 0) || (u[i] > 0 && u[i + 1] < 0);
    if (!changes) continue;
    bracket b = {.a = NAN, .instance = a->instance, .feature = feature, .column = (int32_t)column, .form = a->form};
    int64_t n = s->n;
    if (!enclose(s, a, &b, t[i + 1], t[i], u[i + 1]) || !cx_search_push(s, b)) return false;
    any |= s->n > n;
  }
  for (int64_t i = 0; i < s->n && any && a->form >= 0; i++) { /* the same ones, less well known */
    bracket *b = &s->at[i];
    if (b->instance == a->instance && b->column == column && b->off == 0 && fabs(b->x - a->x) <= a->most)
      b->clear = true;
  }
  return true;
}

static bool look(looks *l) {
  search *s = l->s;
  const cx_integrand *in = s->q->in;
  int n = l->n, m = n ? places_of(l->at) : 0;
  double t[ANCHORS * PLACES], *u;
  l->n = 0;
  if (!n) return true;
  for (int k = 0; k < n * m; k++) t[k] = distance(&l->at[k / m], k % m, 1e-290);
  if (!features(s, l->at, n, t, m)) return false;
  if (!(u = malloc((size_t)(in->columns * n * m) * sizeof *u))) return s->w->why = "out of memory", false;
  memcpy(u, s->f, (size_t)(in->columns * n * m) * sizeof *u);
  bool ok = true;
  for (int k = 0; k < in->nfeature && ok; k++) {
    const cx_feature *f = &in->feature[k];
    if (!sought(in, f, l->at->form) || k == l->at->form) continue;
    for (int64_t c = f->offset; c < f->offset + f->count; c++)
      for (int j = 0; j < n && ok; j++) ok = read_column(l, &l->at[j], k, c, t + j * m, u + (c * n + j) * m);
  }
  free(u);
  return ok;
}

/* about one place: its form, how steep what is singular there is, and both sides as far as the range goes */
static bool about(looks *l, anchor a, const bracket *root, double before, double behind) {
  search *s = l->s;
  const cx_integrand *in = s->q->in;
  if (a.x == 0) a.form = -1;
  else if (a.form < 0 || !s->q->near_probe[a.form].g) return true;
  if (a.form >= 0 && a.form < in->nfeature) {
    if (!cx_search_space(s, 1)) return false;
    s->x[0] = a.x, s->id[0] = a.instance;
    if (!cx_search_evaluate(s, 1)) return false;
    a.slope = s->f[in->columns + in->feature[a.form].offset], a.bend = s->f[in->feature[a.form].bend];
    if (!isfinite(a.slope) || !isfinite(a.bend) || !cx_search_passes(root, s->f[root->column], a.slope, a.bend))
      return true;
  }
  for (a.side = -1; a.side <= 1; a.side += 2) {
    double room = a.side < 0 ? before : behind;
    a.most = a.form >= 0 ? fmin(1e-3 * fabs(a.x), 0.25 * room) : isfinite(room) ? 1e-11 * room : 1e-22;
    if (!(room > 0) || !(a.most > 1e-280)) continue;
    bool full = l->n == ANCHORS || (l->n && (l->at->form != a.form || l->at->singular != a.singular));
    if (full && !look(l)) return false;
    l->at[l->n++] = a;
  }
  return true;
}

bool cx_search_near(search *s, int64_t *n, bool *more) {
  const cx_integrand *in = s->q->in;
  bool any[2] = {false, false}; /* about 0, elsewhere */
  if (in->crossing || in->heavy) return true;
  for (int k = 0; k <= in->nfeature; k++) {
    any[0] |= k < in->nfeature && sought(in, &in->feature[k], -1);
    any[1] |= s->q->near_probe[k].g != NULL;
  }
  if (!any[0] && !any[1]) return true;
  int64_t k = 0, known = *n, kept = 0;
  looks l = {.s = s};
  s->n = *n;
  for (int64_t j = s->w->begin; j < s->w->end; j++) {
    const cx_quad_range *r = &s->w->range[j];
    double lo = fmin(r->lo, r->hi), hi = fmax(r->lo, r->hi), before = 0;
    while (k < known && s->at[k].instance < j) k++;
    if (!(lo < hi)) continue;
    for (double x = lo; x <= hi;) { /* ends and singular points, each once */
      anchor a = {.x = x, .instance = (int32_t)j, .form = x == lo || x == hi ? in->nfeature : -1};
      const bracket *root = NULL;
      double next = hi;
      for (int64_t i = k; i < known && s->at[i].instance == j; i++) {
        const bracket *b = &s->at[i];
        if (in->feature[b->feature].kind != CX_FEATURE_SINGULAR || b->touch || b->width > 0 || b->clear) continue;
        a.singular |= b->x == x;
        if (b->x == x && (a.form < 0 || a.form == in->nfeature))
          root = b, a.form = in->feature[b->feature].bend >= 0 ? b->feature : -1;
        if (b->x > x) {
          next = fmin(next, b->x);
          break;
        }
      }
      bool wanted = isfinite(x) && (x == 0 ? any[0] : any[1]);
      if (wanted && !about(&l, a, root, before, next - x)) return false;
      before = next - x;
      if (!(next > x)) break;
      x = next;
    }
  }
  if (!look(&l)) return false;
  *more = s->n > known;
  for (int64_t i = 0; i < s->n; i++)
    if (!s->at[i].clear) s->at[kept++] = s->at[i];
  s->n = *n = kept;
  return true;
}
