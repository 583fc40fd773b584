/* quad.c - the driver: instances in waves, rounds of evaluation and judgement, batches of nodes. */
#include "quad/group.h"
#include "quad/judge.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WAVE = 12 * CX_QUAD_BATCH, BATCH_NODES = CX_QUAD_BATCH * CX_QUAD_NODES };

cx_quad_work *cx_quad_work_new(void) {
  cx_quad_work *w = calloc(1, sizeof *w);
  if (w) cx_quad_rule_init(&w->rule);
  return w;
}

void cx_quad_work_free(cx_quad_work *w) {
  if (!w) return;
  cx_group_free(w->group);
  free(w->inst), free(w->piece), free(w->leaf), free(w->leaf_data), free(w->point), free(w->pending);
  free(w->at), free(w->f), free(w->sum), free(w->id), free(w);
}

static bool buffers(cx_quad_work *w, int ncomp) {
  if (!cx_quad_grow(&w->inst, &w->cap_inst, WAVE, sizeof *w->inst)) return false;
  if ((size_t)ncomp <= w->cap_comp) return true;
  size_t k = (size_t)ncomp, nodes = BATCH_NODES;
  free(w->at), free(w->f), free(w->sum), free(w->id);
  w->cap_comp = 0;
  w->at = malloc(nodes * 3 * sizeof(double));
  w->f = malloc(nodes * k * sizeof(double));
  w->sum = malloc(16 * k * sizeof(double));
  w->id = malloc(nodes * sizeof *w->id);
  if (!w->at || !w->f || !w->sum || !w->id) return false;
  w->t = w->at + nodes, w->jac = w->t + nodes;
  w->cap_comp = k;
  return true;
}

bool cx_quad_halted(const cx_quad *q, const cx_quad_work *w) {
  return (q->stop && *q->stop) || (w->deadline < INFINITY && cx_now() > w->deadline);
}

static void read_leaf(const cx_quad *q, cx_quad_work *w, int32_t leaf, const cx_quad_job *job, int j, int njob) {
  cx_quad_leaf *l = &w->leaf[leaf];
  double half = job->b / 2 - job->a / 2, size = fmax(fabs(l->a), fabs(l->b)); /* the nodes' rounding, over epsilon */
  const cx_quad_piece *at = &w->piece[l->piece];
  if (at->map == MAP_OUT && !at->anchored) size = fmax(size, fabs(at->p) / (at->scale * exp(l->a)));
  l->ratio = l->noise = l->waves = 0, l->decay = INFINITY;
  l->bad = job->bad, l->nan = job->nan, l->bad_x = job->bad_x;
  l->flag &= (uint8_t)~LEAF_PENDING;
  for (int c = 0; c < q->ncomp; c++) {
    cx_quad_panel p;
    cx_quad_rule_apply(&w->rule, w->f + (c * njob + j) * CX_QUAD_NODES, half, size, at->map != MAP_LINE, &p);
    double *s = w->leaf_data + ((size_t)leaf * (size_t)q->ncomp + (size_t)c) * LEAF_SLOTS;
    s[VALUE] = p.value, s[ABS] = p.abs, s[ERROR] = p.error, s[REST] = 2 * p.rest;
    s[LEFT] = p.end[0], s[RIGHT] = p.end[1], s[LEVEL] = p.level, s[SEAM] = 0;
    s[ROUND] = DBL_EPSILON / 2 * size * p.variation;
    if (p.ratio > l->ratio) l->ratio = p.ratio;
    if (p.noise > l->noise) l->noise = p.noise;
    if (p.decay < l->decay) l->decay = p.decay;
    if (p.waves > l->waves) l->waves = p.waves;
  }
}

static bool evaluate(const cx_quad *q, cx_quad_work *w) {
  cx_quad_job job[CX_QUAD_BATCH];
  int32_t leaf[CX_QUAD_BATCH];
  for (int side = -1; side <= SIDE_AWAY; side++) {
    int n = 0;
    for (int32_t i = 0; i <= w->npending; i++) {
      if (i < w->npending) {
        const cx_quad_leaf *l = &w->leaf[w->pending[2 * i]];
        const cx_quad_piece *p = &w->piece[l->piece];
        if (cx_quad_side(p, l->a) != side) continue;
        cx_quad_inst *in = &w->inst[w->pending[2 * i + 1]];
        in->evaluations += CX_QUAD_NODES;
        job[n] = (cx_quad_job){.piece = p, .a = l->a, .b = l->b, .index = in->index};
        leaf[n++] = w->pending[2 * i];
      }
      if (n == CX_QUAD_BATCH || (i == w->npending && n)) {
        if (!cx_quad_batch(q, w, n, job)) return false;
        for (int j = 0; j < n; j++) read_leaf(q, w, leaf[j], &job[j], j, n);
        n = 0;
      }
    }
  }
  w->npending = 0;
  return true;
}

static bool begin(cx_quad_work *w, cx_quad_inst *in, const cx_quad_range *r, int32_t index) {
  *in = (cx_quad_inst){.lo = r->lo, .hi = r->hi, .sign = 1, .range = r, .index = index, .first = -1, .where = NAN};
  if (isnan(r->lo) || isnan(r->hi)) {
    in->status = QUAD_NAN;
    return true;
  }
  if (r->lo == r->hi) return true; /* 0, also of equal infinities */
  if (r->lo > r->hi) in->lo = r->hi, in->hi = r->lo, in->sign = -1;
  if (!cx_quad_grow(&w->point, &w->cap_point, (size_t)w->npoint + (size_t)r->npoint + 1, sizeof *w->point))
    return false;
  in->point = w->npoint;
  for (int i = 0; i < r->npoint; i++) {
    cx_quad_point p = r->point[i];
    if (!(p.x >= in->lo && p.x <= in->hi) || isinf(p.x)) continue;
    if (p.kind == QP_PEAK) {
      if (!(p.width > 0) || isinf(p.width)) continue;
    } else if (p.off == 0 && (p.x == in->lo || p.x == in->hi)) {
      if (p.kind == QP_SINGULAR) *(p.x == in->lo ? &in->lo_singular : &in->hi_singular) = true;
      continue;
    }
    /* in order whatever the caller's, one hard point at a place */
    int32_t k = w->npoint;
    for (; k > in->point && (w->point[k - 1].x > p.x || (w->point[k - 1].x == p.x && w->point[k - 1].off > p.off)); k--)
      w->point[k] = w->point[k - 1];
    if (k > in->point && w->point[k - 1].x == p.x && w->point[k - 1].off == p.off && p.kind != QP_PEAK &&
        w->point[k - 1].kind != QP_PEAK) {
      if (p.kind > w->point[k - 1].kind) w->point[k - 1].kind = p.kind;
      memmove(w->point + k, w->point + k + 1, (size_t)(w->npoint - k) * sizeof p);
      continue;
    }
    w->point[k] = p;
    w->npoint++;
  }
  in->npoint = w->npoint - in->point;
  in->live = true;
  return true;
}

/* a limit was met: what is there is all there is */
static void halt(cx_quad_work *w, int n, cx_quad_status s) {
  for (int i = 0; i < n; i++)
    if (w->inst[i].live) w->inst[i].live = false, w->inst[i].status = s;
}

static void result(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, double *value, double *error,
                   cx_quad_report *report) {
  cx_quad_sum s = cx_quad_sums(q, w, in);
  double worst = 0;
  bool none = in->status == QUAD_DIVERGES || in->status == QUAD_NAN || in->status == QUAD_FAILED;
  for (int c = 0; c < q->ncomp; c++) {
    double err = none || (s.abs[c] == 0 && in->status == QUAD_TOLERANCE) ? INFINITY : s.error[c] + s.round[c];
    if (value) value[c] = none ? NAN : in->sign * s.value[c];
    if (error) error[c] = err;
    if (err > 0) worst = fmax(worst, err / s.asked[c]);
  }
  if (report) *report = (cx_quad_report){worst, in->evaluations, in->status, in->where};
}

/* Most integrals without a feature need one panel, which is tried first, of many of them together: live is false where
 * that was enough. Where it is enough for none of the first few, the others are not tried. */
enum { FEW = 8 };
static bool quick(const cx_quad *q, cx_quad_work *w, int n, const cx_quad_range *range, double *value, double *error,
                  cx_quad_report *report) {
  cx_quad_job job[CX_QUAD_BATCH];
  int at[CX_QUAD_BATCH], njob = 0, tried = 0, served = 0;
  if (!cx_quad_grow(&w->piece, &w->cap_piece, CX_QUAD_BATCH, sizeof *w->piece)) return false;
  for (int i = 0; i <= n; i++) {
    const cx_quad_range *r = &range[i];
    if (i < n && w->inst[i].live && r->complete && !r->npoint && isfinite(r->hi - r->lo) &&
        !(r->frequency * fabs(r->hi - r->lo) > 12)) {
      const cx_quad_inst *in = &w->inst[i];
      w->piece[njob] = (cx_quad_piece){.map = MAP_LINE, .lo = in->lo, .hi = in->hi, .from = in->lo, .to = in->hi};
      job[njob] = (cx_quad_job){.piece = &w->piece[njob], .a = in->lo, .b = in->hi, .index = in->index};
      at[njob++] = i;
    }
    if (!njob || (i < n && njob < (tried ? CX_QUAD_BATCH : FEW))) continue;
    if (!cx_quad_batch(q, w, njob, job)) return false;
    for (int j = 0; j < njob; j++) {
      cx_quad_inst *in = &w->inst[at[j]];
      double size = fmax(fabs(in->lo), fabs(in->hi)), worst = 0;
      bool met = !job[j].bad;
      for (int c = 0; c < q->ncomp && met; c++) {
        cx_quad_panel p;
        cx_quad_rule_apply(&w->rule, w->f + (c * njob + j) * CX_QUAD_NODES, in->hi / 2 - in->lo / 2, size, false, &p);
        double e = p.error + DBL_EPSILON * (size * p.variation + 4 * p.abs); /* as cx_quad_sums has it */
        double asked = q->tol * (q->scale && q->scale[c] > 0 ? q->scale[c] * p.abs : fabs(p.value));
        met = e <= asked && p.abs > 0;
        worst = fmax(worst, e / asked);
        value[at[j] * q->ncomp + c] = in->sign * p.value;
        error[at[j] * q->ncomp + c] = e;
      }
      in->evaluations += CX_QUAD_NODES;
      in->live = !met;
      in->quick = met;
      served += met;
      if (report) report[at[j]] = (cx_quad_report){worst, in->evaluations, QUAD_OK, NAN};
    }
    tried += njob, njob = 0;
    if (tried >= FEW && !served) break;
  }
  return true;
}

#define NARROW 0.02 /* 1 / 64 of a line is */
/* What has failed, perhaps as x at a point that it is singular at does not tell the distance: by that, once more. */
static void again_early(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in) {
  if (in->live || in->early || in->status == QUAD_OK || in->status >= QUAD_STOPPED || !q->far[0]) return;
  bool any = false;
  for (int k = 0; k < in->npiece; k++) {
    const cx_quad_piece *p = &w->piece[in->piece + k];
    any |= p->map == MAP_TOWARD && p->p != 0 && isfinite(p->far);
  }
  for (int32_t k = in->first; k >= 0; k = w->leaf[k].next) { /* an end that was approached, in vain */
    const cx_quad_leaf *l = &w->leaf[k];
    const cx_quad_piece *p = &w->piece[l->piece];
    if (p->map != MAP_LINE || !(l->b - l->a < NARROW * (p->hi - p->lo))) continue;
    if (p->lo_plain && l->a <= in->lo) any = in->lo_singular = true;
    if (p->hi_plain && l->b >= in->hi) any = in->hi_singular = true;
  }
  if (!any) return;
  in->early = in->live = true;
  if (!cx_quad_build(q, w, in)) in->live = false, in->status = QUAD_FAILED;
}

cx_quad_status cx_quad_run(const cx_quad *q, cx_quad_work *w, int64_t ninst, const cx_quad_range *range, double *value,
                           double *error, cx_quad_report *report) {
  static const int gravity[] = {[QUAD_OK] = 0,  [QUAD_ROUNDOFF] = 1, [QUAD_TOLERANCE] = 2, [QUAD_DIVERGES] = 3,
                                [QUAD_NAN] = 4, [QUAD_STOPPED] = 5,  [QUAD_FAILED] = 6};
  cx_quad_status worst = QUAD_OK;
  cx_quad own = *q;
  if (!(own.tol > 0)) own.tol = 1e-10;
  if (!buffers(w, q->ncomp)) return QUAD_FAILED;
  w->failed = false;
  if (!q->more) {
    w->deadline = INFINITY; /* the clock is asked when there has been more than a little work */
    w->round = 0;
    cx_group_reset(w->group);
  }
  for (int64_t from = 0; from < ninst; from += WAVE) {
    int n = (int)(ninst - from < WAVE ? ninst - from : WAVE), live = 0;
    w->nleaf = w->npiece = w->npoint = w->npending = 0;
    w->free_leaf = -1;
    for (int i = 0; i < n; i++) {
      if (!begin(w, &w->inst[i], &range[from + i], (int32_t)(from + i) + q->first)) w->failed = true;
    }
    if (value && error && !w->failed && !cx_quad_halted(&own, w) &&
        !(quick(&own, w, n, range + from, value + from * q->ncomp, error + from * q->ncomp,
                report ? report + from : NULL) &&
          cx_group_run(&own, w, n, range + from, value + from * q->ncomp, error + from * q->ncomp,
                       report ? report + from : NULL)))
      w->failed = true;
    for (int i = 0; i < n; i++) {
      if (w->inst[i].live && !w->failed && !cx_quad_build(&own, w, &w->inst[i])) w->failed = true;
      live += w->inst[i].live;
    }
    while (live && !w->failed) {
      if (w->round++ == (own.blur > 0 ? 0 : 16) && own.seconds > 0) w->deadline = cx_now() + own.seconds;
      if (cx_quad_halted(&own, w)) {
        bool stopped = own.stop && *own.stop;
        if (!stopped && !evaluate(&own, w)) break; /* out of time: what has been laid counts, its errors too */
        for (int i = 0; i < n; i++)
          if (w->inst[i].live && !stopped) cx_quad_seams(&own, w, &w->inst[i]);
        halt(w, n, stopped ? QUAD_STOPPED : QUAD_TOLERANCE);
        break;
      }
      if (!evaluate(&own, w)) break;
      live = 0;
      for (int i = 0; i < n; i++) {
        if (w->inst[i].live) cx_quad_judge(&own, w, &w->inst[i]), again_early(&own, w, &w->inst[i]);
        live += w->inst[i].live;
      }
    }
    if (w->failed) halt(w, n, QUAD_FAILED);
    for (int i = 0; i < n; i++) {
      if (w->inst[i].quick) continue;
      if (range[from + i].lo == range[from + i].hi) { /* nothing was laid */
        for (int c = 0; c < q->ncomp; c++) {
          if (value) value[(from + i) * q->ncomp + c] = 0;
          if (error) error[(from + i) * q->ncomp + c] = 0;
        }
        if (report) report[from + i] = (cx_quad_report){0, 0, QUAD_OK, NAN};
        continue;
      }
      result(&own, w, &w->inst[i], value ? value + (from + i) * q->ncomp : NULL,
             error ? error + (from + i) * q->ncomp : NULL, report ? report + from + i : NULL);
      if (gravity[w->inst[i].status] > gravity[worst]) worst = w->inst[i].status;
    }
  }
  return worst;
}
