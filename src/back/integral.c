/* integral.c - a quadrature at run time: the integrand's graph under the engine of src/quad/.
 *
 * The engine asks for nodes of many integrals at once, which integrand.c computes. */
#include "back/integral_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- under the engine ---- */
typedef struct {
  const cx_quadrature *q;
  cx_quadrature_work *w;
} call;

static bool room(cx_quadrature_work *w, int64_t n) {
  if (n <= w->cap_place) return true;
  free(w->at);
  free(w->pick);
  w->at = malloc((size_t)(n * (6 + w->ncomp)) * sizeof *w->at);
  w->pick = malloc((size_t)n * 3 * sizeof *w->pick);
  w->cap_place = w->at && w->pick ? n : 0;
  if (!w->cap_place) w->why = "out of memory";
  return w->cap_place > 0;
}

/* the root at this place of this integral that the integrand has a form for; NULL: none */
static const struct cx_near *root_at(const cx_quadrature_work *w, int32_t instance, double at) {
  const cx_quad_range *r = &w->range[instance];
  int lo = 0, hi = r->npoint;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (r->point[mid].x < at) lo = mid + 1;
    else hi = mid;
  }
  for (; lo < r->npoint && r->point[lo].x == at; lo++) {
    const struct cx_near *n = &w->root[&r->point[lo] - w->point];
    if (n->feature >= 0) return n;
  }
  return NULL;
}

#define NEAREST 1e-9
/* no nearer to a place than its rounding, nor to 0 than where squares are lost */
static double nearest(double at) { return fmax(NEAREST * fabs(at), 1e-100); }
/* c0 + c1 t^p through the values at 1, 2 and 4, c t^p through the first two where that cannot be integrated, or the
 * first one where they are noise, or worse */
static double law(const double *f, double t) {
  double rise = f[1] - f[0], ratio = f[1] / f[0], p = log2((f[2] - f[1]) / rise);
  if (!(ratio > 0.25 && ratio < 4)) return f[0];
  if (!(fabs(rise) > 1e-3 * fabs(f[0]) && p > -0.9 && p < 2)) return f[0] * pow(t, log2(ratio));
  return f[0] + rise * (fabs(p) < 1e-6 ? log2(t) : expm1(p * log(t)) / expm1(p * log(2)));
}
/* An integral inside knows x alone, not how near it is to a singular point: below `least` the values are those of the
 * power law through three places a little farther off. Nodes k_of[0..m-1] of the n. */
static int approach(const call *c, int side, int64_t n, int64_t m, const int32_t *instance, const double *at,
                    const double *t, const int32_t *k_of, double *f) {
  cx_quadrature_work *w = c->w;
  int nc = c->q->in->ncomp;
  double *y = malloc((size_t)(3 * m * (1 + nc)) * sizeof *y), *v = y ? y + 3 * m : NULL;
  int32_t *who = malloc((size_t)(3 * m) * sizeof *who);
  if (!y || !who) {
    free(y);
    free(who);
    return w->why = "out of memory", 1;
  }
  int64_t extra = 0;
  for (int64_t j = 0; j < m; j++) {
    int64_t k = k_of[j];
    double least = nearest(at[k]), d = t[k] > least ? t[k] : least;
    y[j] = side < 0 ? at[k] + d : at[k] - d;
    who[j] = instance[k];
    if (t[k] >= least) continue;
    for (int far = 2; far <= 4; far *= 2) {
      y[m + extra] = side < 0 ? at[k] + far * d : at[k] - far * d;
      who[m + extra++] = instance[k];
    }
  }
  int failed = cx_batch_run(c->q, &c->q->value, &w->value, w, (const double *[]){y}, NULL, 0, m + extra, who, v);
  for (int cc = 0; cc < nc && !failed; cc++) {
    const double *g = v + cc * (m + extra);
    for (int64_t j = 0, e = 0; j < m; j++) {
      int64_t k = k_of[j];
      double least = nearest(at[k]);
      bool near = t[k] < least;
      f[cc * n + k] = near ? law((const double[]){g[j], g[m + e], g[m + e + 1]}, t[k] / least) : g[j];
      if (near) e += 2;
    }
  }
  free(y);
  free(who);
  return failed;
}

static int evaluate(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                    double *f) {
  call *c = user;
  cx_quadrature_work *w = c->w;
  const cx_quadrature *q = c->q;
  if (!side) return cx_batch_run(q, &q->value, &w->value, w, &t, NULL, 0, n, instance, f);
  if (!room(w, n)) return 1;
  if (!q->nearby && !w->beside && !q->in->heavy) {
    double *to = w->at;
    for (int64_t k = 0; k < n; k++) to[k] = at[k] + (side < 0 ? t[k] : -t[k]);
    const double *x = to;
    return cx_batch_run(q, &q->value, &w->value, w, &x, NULL, 0, n, instance, f);
  }
  double *x = w->at, *place = x + n, *dist = place + n, *slope = dist + n, *bend = slope + n, *base = bend + n,
         *part = base + n;
  int32_t *id = w->pick, *k_of = id + n, *root = k_of + n;
  int least = q->in->nfeature + 1, most = -1; /* nodes come in runs about one place */
  for (int64_t k = 0, run = 0; k < n; k++) {
    if (!k || instance[k] != instance[run] || at[k] != at[run]) {
      const struct cx_near *r = root_at(w, instance[k], at[k]);
      int form = r ? r->feature : -1;
      run = k;
      root[k] = r ? (int32_t)(r - w->root) : -1;
      least = form < least ? form : least, most = form > most ? form : most;
    } else root[k] = root[run];
  }
  /* the nodes by the form they are computed in: -1 the plain one */
  for (int form = least; form <= most; form++) {
    if (form >= 0 && !q->near[form].g) continue;
    int64_t m = 0;
    for (int64_t k = 0; k < n; k++) {
      const struct cx_near *r = root[k] < 0 ? NULL : &w->root[root[k]];
      if ((r ? r->feature : -1) != form) continue;
      dist[m] = side < 0 ? t[k] : -t[k];
      place[m] = at[k];
      x[m] = at[k] + dist[m];
      slope[m] = r ? r->slope : 0;
      bend[m] = r ? r->bend : 0;
      base[m] = r ? r->base : 0;
      id[m] = instance[k];
      k_of[m++] = (int32_t)k;
    }
    if (!m) continue;
    if (form < 0 && q->in->heavy) {
      if (approach(c, side, n, m, instance, at, t, k_of, f)) return 1;
      continue;
    }
    const double *tail[5] = {place, dist, slope, bend, base};
    double *to = m == n ? f : part;
    const double *at_x = x;
    if (form < 0 ? cx_batch_run(q, &q->value, &w->value, w, &at_x, NULL, 0, m, id, to)
                 : cx_batch_run(q, &q->near[form], &w->near[form], w, &at_x, tail, 5, m, id, to))
      return 1;
    for (int cc = 0; cc < q->in->ncomp && m != n; cc++)
      for (int64_t k = 0; k < m; k++) f[cc * n + k_of[k]] = part[cc * m + k];
  }
  return 0;
}

static int evaluate_same(void *user, int side, int64_t n, double at, const double *t, int64_t m,
                         const int32_t *instance, double *f) {
  call *c = user;
  cx_quadrature_work *w = c->w;
  if (!side) return cx_batch_run_same(c->q, false, w, n, t, m, instance, f);
  if (!room(w, n)) return 1;
  for (int64_t k = 0; k < n; k++) w->at[k] = at + (side < 0 ? t[k] : -t[k]);
  return cx_batch_run_same(c->q, false, w, n, w->at, m, instance, f);
}

/* Where the form by logarithms knows no value, the integrand itself does as long as x can tell the place. */
static int evaluate_far(void *user, bool away, int64_t n, const int32_t *instance, const double *at, const double *dir,
                        const double *u, double *f) {
  call *c = user;
  cx_quadrature_work *w = c->w;
  const cx_quadrature *q = c->q;
  const double *tail[3] = {at, dir, u};
  int nc = q->in->ncomp;
  if (!room(w, n)) return 1;
  double *x = w->at, *plain = x + n;
  for (int64_t k = 0; k < n; k++) x[k] = at[k] + dir[k] * exp(u[k]);
  const double *places = x;
  if (cx_batch_run(q, &q->far[away], &w->far[away], w, &places, tail, 3, n, instance, f)) return 1;
  bool lost = false;
  for (int64_t k = 0; k < n * nc; k++) lost |= isnan(f[k]);
  if (!lost) return 0;
  if (cx_batch_run(q, &q->value, &w->value, w, &places, NULL, 0, n, instance, plain)) return 1;
  for (int64_t k = 0; k < n * nc; k++)
    if (isnan(f[k]) && x[k % n] != at[k % n] && isfinite(x[k % n])) f[k] = plain[k] * exp(u[k % n]);
  return 0;
}

cx_quadrature *cx_quadrature_new(cx_arena *a, const cx_eq *e, bool oracle, volatile sig_atomic_t *stop) {
  cx_quadrature *q = CX_NEW(a, cx_quadrature);
  q->ctx = cx_arena_ctx(a);
  q->in = e->integrand;
  q->stop = stop;
  cx_batch_new(a, &q->value, q->in, q->in->value, oracle);
  cx_batch_new(a, &q->probe, q->in, q->in->probe, oracle);
  cx_batch_new(a, &q->size, q->in, q->in->size, true);
  cx_batch_new(a, &q->scaled, q->in, q->in->scaled, true);
  for (int k = 0; k < 2; k++) cx_batch_new(a, &q->far[k], q->in, q->in->far[k], true);
  cx_halves_new(a, &q->value_halves, q->in, &q->in->value_halves, oracle);
  cx_halves_new(a, &q->probe_halves, q->in, &q->in->probe_halves, oracle);
  int forms = q->in->near ? q->in->nfeature + 1 : 0;
  q->near = CX_NEW_N(a, cx_batch, forms + 1);
  q->near_probe = CX_NEW_N(a, cx_batch, forms + 1);
  for (int k = 0; k < forms; k++) {
    cx_batch_new(a, &q->near[k], q->in, q->in->near[k], oracle);
    cx_batch_new(a, &q->near_probe[k], q->in, q->in->near_probe[k], oracle);
    q->nearby |= k < q->in->nfeature && q->in->near[k];
  }
  return q;
}

/* Many narrow peaks have been found, and perhaps not all of them: their sum would seem right. */
static bool doubtful(const cx_quadrature_work *w, int64_t j) {
  const cx_quad_range *r = &w->range[j];
  enum { MANY = 8, NARROW = 50 };
  int many = 0;
  for (int k = 0; k + 1 < r->npoint && w->partial[j]; k++) {
    const cx_quad_point *p = &r->point[k], *next = p + 1;
    many += p->kind == QP_PEAK && next->kind == QP_PEAK && next->x - p->x > NARROW * fmax(p->width, next->width);
  }
  return many > MANY;
}

static void free_work(void *p) {
  cx_quadrature_work *w = p;
  cx_quad_work_free(w->quad);
  cx_search_free(w->search);
  free(w->at);
  free(w->pick);
  free(w->root);
  free(w->point);
}

cx_quadrature_work *cx_quadrature_work_new(cx_arena *a, const cx_quadrature *q) {
  cx_quadrature_work *w = CX_NEW(a, cx_quadrature_work);
  cx_batch_work_new(a, &w->value, &q->value, q->in);
  cx_batch_work_new(a, &w->probe, &q->probe, q->in);
  cx_batch_work_new(a, &w->size, &q->size, q->in);
  cx_batch_work_new(a, &w->scaled, &q->scaled, q->in);
  for (int k = 0; k < 2; k++) cx_batch_work_new(a, &w->far[k], &q->far[k], q->in);
  cx_halves_work_new(a, &w->value_halves, &q->value_halves, q->in);
  cx_halves_work_new(a, &w->probe_halves, &q->probe_halves, q->in);
  int forms = q->in->near ? q->in->nfeature + 1 : 0;
  w->near = CX_NEW_N(a, cx_batch_work, forms + 1);
  w->near_probe = CX_NEW_N(a, cx_batch_work, forms + 1);
  for (int k = 0; k < forms; k++) {
    cx_batch_work_new(a, &w->near[k], &q->near[k], q->in);
    cx_batch_work_new(a, &w->near_probe[k], &q->near_probe[k], q->in);
  }
  w->ncomp = q->in->ncomp;
  w->instances = 1;
  for (int d = 0; d < q->in->ninstance; d++) w->instances *= q->in->instance[d].n;
  w->most = w->instances;
  w->range = CX_NEW_N(a, cx_quad_range, w->instances + 1);
  w->partial = CX_NEW_N(a, bool, w->instances + 1);
  w->report = CX_NEW_N(a, cx_quad_report, w->instances + 1);
  w->error = CX_NEW_N(a, double, w->instances * q->in->ncomp + 1);
  if (!(w->quad = cx_quad_work_new())) cx_throw(cx_arena_ctx(a), CX_E_RUNTIME);
  cx_defer(a, free_work, w);
  return w;
}

bool cx_add_point(cx_quadrature_work *w, cx_quad_point p, struct cx_near root) {
  if (w->npoint == w->cap_point) {
    int64_t cap = w->cap_point ? 2 * w->cap_point : 64;
    cx_quad_point *more = realloc(w->point, (size_t)cap * sizeof *more);
    if (more) w->point = more;
    struct cx_near *beside = realloc(w->root, (size_t)cap * sizeof *beside);
    if (beside) w->root = beside;
    if (!more || !beside) return w->why = "out of memory", false;
    w->cap_point = cap;
  }
  w->root[w->npoint] = root;
  w->point[w->npoint++] = p;
  return true;
}

static void take_report(const cx_quadrature *q, cx_quadrature_work *w, const double *result) {
  cx_integral_report *t = &w->total;
  int nc = q->in->ncomp;
  for (int64_t j = 0; j < w->instances; j++) {
    const cx_quad_report *r = &w->report[j];
    t->evaluations += r->evaluations + (j ? 0 : w->inner);
    t->instances++;
    t->missed += r->status != QUAD_OK;
    if ((int)r->status < t->status || (t->instances > 1 && r->status == QUAD_OK)) continue;
    t->status = (int)r->status;
    t->value = result[j * nc];
    t->error = w->error[j * nc];
    t->where = r->where;
  }
}

void cx_quadrature_report(const cx_quadrature *q, cx_quadrature_work *w, cx_integral_report *r) {
  *r = w->total;
  r->span = q->in->span;
  r->series = q->in->series;
  r->asked = q->in->tol;
  r->derivative = q->in->scale && q->in->scale[0] > 0;
  w->total = (cx_integral_report){0};
}

int64_t cx_quadrature_errors(const cx_quadrature *q, cx_quadrature_work *w, double *rel, int64_t n) {
  int64_t each = n > 0 && q->in->ninstance && q->in->instance[0].n == n ? w->most / n : 0, nodes = w->inner;
  for (int64_t j = 0; j < w->instances; j++) {
    nodes += w->report[j].evaluations;
    if (q->in->crossing || !each) continue;
    double v = fabs(w->result[j * q->in->ncomp]), e = w->error[j * q->in->ncomp];
    double r = w->report[j].status == QUAD_OK || !(e > 0) ? 0 : v > 0 ? e / v : 1;
    if (r > rel[j / each]) rel[j / each] = r;
  }
  return nodes;
}

void cx_quadrature_places(const cx_quadrature *q, const cx_quadrature_work *w, int64_t n, cx_integral_place *at) {
  bool apart = q->in->ninstance && q->in->instance[0].n == n;
  int64_t each = apart && n ? w->most / n : w->instances, nc = q->in->ncomp;
  if (q->in->crossing || !w->result) return;
  for (int64_t k = 0; k < n; k++)
    for (int64_t j = apart ? k * each : 0, end = j + each; j < end; j++)
      for (int64_t c = 0; c < nc; c++) {
        double v = w->result[j * nc + c], e = w->error[j * nc + c], r = e > 0 ? e / fabs(v) : 0;
        at[k].n++;
        at[k].value = v;
        at[k].error = e;
        if ((int)w->report[j].status > at[k].status) at[k].status = (int)w->report[j].status;
        if (!(r <= at[k].relative)) at[k].relative = r;
      }
}

static int cross(const cx_quadrature *q, cx_quadrature_work *w, double *result) {
  enum { MANY = 8 };
  int nc = q->in->ncomp, many = 0;
  memset(result, 0, (size_t)(w->instances * nc) * sizeof *result);
  double *f = malloc((size_t)(w->npoint * nc + 1) * sizeof *f), *x = malloc((size_t)(w->npoint + 1) * sizeof *x);
  int32_t *instance = malloc((size_t)(w->npoint + 1) * sizeof *instance);
  int failed = !f || !x || !instance;
  if (failed) w->why = "out of memory";
  int64_t n = 0;
  for (int64_t j = 0; j < w->instances && !failed; j++)
    for (int k = 0; k < w->range[j].npoint; k++) {
      const cx_quad_point *p = &w->range[j].point[k];
      double lo = fmin(w->range[j].lo, w->range[j].hi), hi = fmax(w->range[j].lo, w->range[j].hi);
      double beside = q->in->scale[0] > 0 ? CX_ASIDE * fabs(p->x) + CX_ASIDE_LEAST : 0; /* at an end: moves with it */
      if (!(p->x > lo + beside && p->x < hi - beside)) continue;
      x[n] = p->x;
      instance[n++] = (int32_t)j;
    }
  if (!failed && n) failed = cx_batch_run(q, &q->value, &w->value, w, (const double *[]){x}, NULL, 0, n, instance, f);
  for (int64_t k = 0; k < n && !failed; k++)
    for (int c = 0; c < nc; c++) {
      double sign = w->range[instance[k]].lo <= w->range[instance[k]].hi ? 1 : -1;
      result[(int64_t)instance[k] * nc + c] += sign * f[c * n + k];
    }
  for (int64_t j = 0; j < w->instances; j++)
    w->report[j] = (cx_quad_report){.status = QUAD_OK, .where = NAN, .evaluations = w->range[j].npoint};
  /* Many places that count, and perhaps not all of them: more than the grid tells apart. */
  for (int64_t k = 0; k < n && !failed && q->in->scale[0] > 0; k++) {
    cx_quad_report *r = &w->report[instance[k]];
    if (k == 0 || instance[k] != instance[k - 1]) many = 0;
    many += fabs(f[k]) > 1e-6 * fabs(result[(int64_t)instance[k] * nc]);
    if (many <= MANY || w->range[instance[k]].complete) continue;
    r->status = QUAD_TOLERANCE;
    for (int c = 0; c < nc; c++) w->error[instance[k] * nc + c] = fabs(result[(int64_t)instance[k] * nc + c]);
  }
  if (!failed) take_report(q, w, result);
  free(f);
  free(x);
  free(instance);
  return failed;
}

/* ---- integrands that underflow ---- */
typedef struct {
  call c;
  int32_t instance;
  double shift;
  double *x; /* places and shifts of a batch; its instances in id */
  int32_t *id;
  int64_t room;
} lift;

static int lifted(void *user, int side, int64_t n, const int32_t *instance, const double *at, const double *t,
                  double *f) {
  lift *l = user;
  cx_quadrature_work *w = l->c.w;
  (void)instance;
  if (n > l->room) {
    free(l->x), free(l->id);
    l->x = malloc((size_t)(2 * n) * sizeof *l->x);
    l->id = malloc((size_t)n * sizeof *l->id);
    l->room = l->x && l->id ? n : 0;
    if (!l->room) return w->why = "out of memory", 1;
  }
  const double *x = l->x, *shift = l->x + n;
  for (int64_t k = 0; k < n; k++) {
    l->x[k] = !side ? t[k] : side < 0 ? at[k] + t[k] : at[k] - t[k];
    l->x[n + k] = l->shift;
    l->id[k] = l->instance;
  }
  return cx_batch_run(l->c.q, &l->c.q->scaled, &w->scaled, w, &x, &shift, 1, n, l->id, f);
}

/* What is nought, or nearly, or not smooth as it seems: perhaps an exponential has underflowed, or overflowed, and another
 * factor would have lifted it. Then the integral of f exp(-shift) is computed, shift being the exponent where |f| is
 * largest among the places seen. */
static int lift_up(const call *c, int64_t j, double *result, int *vain) {
  enum { N = 64, PEAKS = 8, VAIN_MAX = 256 };
  const cx_quadrature *q = c->q;
  cx_quadrature_work *w = c->w;
  int nc = q->in->ncomp, n = 0;
  bool tiny = true;
  for (int k = 0; k < nc; k++) tiny &= fabs(result[j * nc + k]) < 1e-290;
  if ((!tiny && w->report[j].status == QUAD_OK) || *vain >= VAIN_MAX) return 0; /* the others are like these */
  double x[N + PEAKS], lo = w->range[j].lo, hi = w->range[j].hi, most = -INFINITY, shift = 0;
  int32_t id[N + PEAKS];
  for (; n < N; n++) {
    double t = (n + 0.5) / N;
    x[n] = isfinite(lo) && isfinite(hi) ? lo + (hi - lo) * t
           : isfinite(lo)               ? lo + copysign(t / (1 - t), hi)
           : isfinite(hi)               ? hi + copysign(t / (1 - t), lo)
                                        : (t - 0.5) / (t * (1 - t));
  }
  for (int k = 0; k < w->range[j].npoint && n < N + PEAKS; k++)
    if (w->range[j].point[k].kind == QP_PEAK) x[n++] = w->range[j].point[k].x;
  for (int k = 0; k < n; k++) id[k] = (int32_t)j;
  double *size = malloc((size_t)(n * q->size.total + 2 * nc) * sizeof *size), *expo = size + nc * n;
  if (!size) return w->why = "out of memory", 1;
  double *value = size + n * q->size.total, *error = value + nc;
  int failed = cx_batch_run(q, &q->size, &w->size, w, (const double *[]){x}, (const double *[]){x}, 1, n, id, size);
  for (int64_t k = 0; k < n * nc && !failed; k++)
    if (size[k] > most && size[k] < INFINITY) most = size[k], shift = expo[k];
  if (failed || !(most > -800) || fabs(shift) < 600) return free(size), ++*vain, failed;
  *vain = 0;
  lift l = {*c, (int32_t)j, shift, NULL, NULL, 0};
  cx_quad p = {.ncomp = nc,
               .scale = q->in->scale,
               .tol = q->in->tol,
               .user = &l,
               .eval = lifted,
               .max_eval = 200000,
               .seconds = 10,
               .stop = q->stop};
  cx_quad_report r = {.status = QUAD_FAILED};
  if (cx_quad_run(&p, w->quad, 1, &w->range[j], value, error, &r) == QUAD_FAILED) failed = 1;
  bool met = r.status <= QUAD_TOLERANCE, nought = true;
  double half = exp(shift / 2);
  for (int k = 0; k < nc; k++) met &= isfinite(value[k]) && isfinite(error[k]), nought &= value[k] == 0;
  w->report[j].evaluations += r.evaluations;
  if (met && !nought) {
    w->report[j].status = r.status;
    for (int k = 0; k < nc; k++) {
      result[j * nc + k] = value[k] * half * half;
      w->error[j * nc + k] = error[k] * half * half;
    }
  } else if (w->report[j].status == QUAD_OK) {
    w->report[j].status = QUAD_TOLERANCE;
    for (int k = 0; k < nc; k++) w->error[j * nc + k] = exp(most);
  }
  free(size), free(l.x), free(l.id);
  return failed;
}

enum { AT_ONCE = 1008 };
/* None of the ranges has a length: what has a closed form leaves no more to do. */
static bool nothing(const cx_quadrature *q, cx_quadrature_work *w, double *result) {
  int64_t n = w->instances, all = n * q->in->ncomp;
  for (int64_t j = 0; j < n; j++)
    if (!(w->arg[0][j] == w->arg[1][j])) return w->idle = 0, false;
  for (int64_t j = w->idle; j < n; j++) {
    w->range[j] = (cx_quad_range){0};
    w->report[j] = (cx_quad_report){.status = QUAD_OK, .where = NAN};
  }
  memset(w->error, 0, (size_t)all * sizeof *w->error);
  memset(result, 0, (size_t)all * sizeof *result);
  w->idle = n;
  if (!w->total.instances) w->total.where = NAN;
  w->total.instances += n;
  return true;
}

int cx_quadrature_run(const cx_quadrature *q, cx_quadrature_work *w, int64_t rows, const double *const *in,
                      double *result, const char **why) {
  w->instances = w->most;
  if (q->in->ninstance && rows < q->in->instance[0].n) w->instances = w->most / q->in->instance[0].n * rows;
  w->arg = in;
  w->why = NULL;
  w->npoint = 0;
  w->beside = false;
  w->result = result;
  w->largest = w->worst = 0;
  w->inner = 0;
  if (!q->in->series && nothing(q, w, result)) return 0;
  memset(w->partial, 0, (size_t)w->instances * sizeof *w->partial);
  for (int64_t j = 0; j < w->instances; j++)
    w->range[j] = (cx_quad_range){.lo = in[0][j], .hi = in[1][j], .complete = q->in->complete};
  w->begin = 0, w->end = w->instances;
  bool plain = !q->in->crossing && !q->in->series && q->in->dim <= 1;
  int failed = plain ? 0 : cx_find_points(q, w);
  call c = {q, w};
  if (!failed && q->in->crossing) failed = cross(q, w, result);
  else if (!failed && q->in->dim > 1) {
    if (!(failed = cx_box_run(q, w, result))) take_report(q, w, result);
  } else if (!failed && q->in->series) {
    if (!(failed = cx_series_run(q, w, result))) take_report(q, w, result);
  } else if (!failed) {
    cx_quad p = {.ncomp = q->in->ncomp,
                 .scale = q->in->scale,
                 .tol = q->in->tol,
                 .user = &c,
                 .eval = evaluate,
                 .eval_same = q->value_halves.rest.g ? evaluate_same : NULL,
                 .eval_far = evaluate_far,
                 .far = {q->far[0].g, q->far[1].g},
                 .nearby = q->nearby || w->beside,
                 .seconds = q->in->heavy ? 10 : 30,
                 .blur = q->in->heavy ? NEAREST : 0,
                 .stop = q->stop};
    int nc = q->in->ncomp, vain = 0;
    for (int64_t from = 0; from < w->instances && !failed; from += AT_ONCE) { /* so many as the caches hold */
      w->begin = from, w->end = w->instances - from < AT_ONCE ? w->instances : from + AT_ONCE;
      w->npoint = 0;
      w->beside = false;
      if ((failed = cx_find_points(q, w))) break;
      p.nearby = q->nearby || w->beside;
      p.first = (int32_t)from, p.more = from > 0;
      cx_quad_status s = cx_quad_run(&p, w->quad, w->end - from, w->range + from, result + from * nc,
                                     w->error + from * nc, w->report + from);
      bool stopped = s == QUAD_STOPPED && q->stop && *q->stop; /* else: out of time, and the result says so */
      failed = s == QUAD_FAILED || stopped;
      if (stopped) w->why = "interrupted";
      for (int64_t j = from; j < w->end && !failed; j++) {
        if (w->report[j].status != QUAD_OK || !doubtful(w, j)) continue;
        w->report[j].status = QUAD_TOLERANCE;
        for (int k = 0; k < nc; k++) w->error[j * nc + k] = fabs(result[j * nc + k]);
      }
      for (int64_t j = from; j < w->end && !failed && q->scaled.g; j++)
        if (w->report[j].status <= QUAD_NAN && w->range[j].lo != w->range[j].hi) failed = lift_up(&c, j, result, &vain);
    }
    double inside = w->largest > 0 ? w->worst / w->largest : 0; /* relative error that comes from integrals inside */
    for (int64_t j = 0; j < w->instances && !failed; j++)
      for (int k = 0; k < q->in->ncomp; k++) {
        double *v = &result[j * q->in->ncomp + k];
        if (w->report[j].status >= QUAD_DIVERGES && w->report[j].status != QUAD_STOPPED && isfinite(*v)) *v = NAN;
        if (inside > q->in->tol) {
          w->error[j * q->in->ncomp + k] = fmax(w->error[j * q->in->ncomp + k], inside * fabs(*v));
          if (w->report[j].status == QUAD_OK) w->report[j].status = QUAD_TOLERANCE;
        }
        if (q->in->nought && w->report[j].status == QUAD_TOLERANCE) {
          w->report[j].status = QUAD_OK;
          w->report[j].error = w->error[j * q->in->ncomp + k] = 0;
        }
      }
    if (!failed) take_report(q, w, result);
  }
  if (failed) *why = w->why ? w->why : "out of memory";
  return failed;
}
