/* fit.c - the whole loop over cx_solver_iterate: progress, interruption, checkpoints. */
#include "solve/solver.h"

#include <math.h>
#include <string.h>

typedef struct {
  double at, rate;
  int64_t step, epoch;
} pace; /* when progress was last told */

static void tell(cx_solver *s, const cx_fit_hooks *h, pace *p, bool last) {
  double now = cx_now(), dt = now - p->at;
  const cx_core *k = s->k;
  bool batches = s->method->bit & M_FIRST && s->opt.given[O_batch], whole = batches && k->epoch != p->epoch;
  if (!h || !h->progress || (dt < 0.1 && !last && !whole)) return;
  int64_t per_epoch = batches ? cx_steps_per_epoch(s) : 1, done = k->step - p->step;
  double rate = dt > 0 ? (double)done / dt : 0;
  if (done > 0 && dt > 0.01) p->rate = p->rate > 0 ? 0.7 * p->rate + 0.3 * rate : rate; /* steps a second, smoothed */
  cx_progress g = {.step = k->step,
                   .epoch = k->epoch,
                   .value = !batches ? k->f
                            : k->at  ? k->epoch_sum / (double)k->at
                                     : k->epoch_mean,
                   .validation = k->validation,
                   .whole = whole,
                   .nmetric = s->p->nmetric,
                   .metric_name = s->p->metric_name,
                   .metric = k->metric,
                   .validated = k->validated,
                   .unit = batches ? "rows" : "steps",
                   .seconds_left = NAN};
  if (s->method->bit & M_FIRST) {
    g.steps = s->budget;
    if (batches) g.epochs = (s->budget + per_epoch - 1) / per_epoch;
    if (p->rate > 0) g.seconds_left = (double)(s->budget - k->step) / p->rate;
  }
  g.per_second = p->rate * (batches ? (double)cx_rows_per_step(s) : 1);
  if (last) g.seconds_left = 0;
  h->progress(h->user, &g);
  p->epoch = k->epoch;
  if (dt > 0.01 || last) p->at = now, p->step = k->step;
}

typedef struct {
  const char *path;
  int64_t every;
  double due;
  bool saved;
} saver;

/* Every so many steps; or, left to the clock, each second, and seldom enough to cost a twentieth of the time. */
static void save_when_due(cx_solver *s, saver *to) {
  double before = cx_now();
  if (to->every ? s->k->step % to->every != 0 : before < to->due) return;
  to->saved |= cx_solver_save(s, to->path);
  double after = cx_now();
  to->due = after + fmax(1, 20 * (after - before));
}

/* of a fit that diverged: as it was before the step that it ended in */
static void save_before(cx_solver *s, const char *path) {
  cx_core k = *s->k;
  s->k->done = s->k->broken = s->k->status = 0;
  cx_solver_save(s, path);
  k.seconds = s->k->seconds;
  *s->k = k;
}

cx_status cx_fit(cx_ctx *c, cx_arena *a, cx_problem *p, const char *method, cx_span span, const cx_fit_opt *opt,
                 int nopt, void *x, const cx_fit_hooks *h, cx_fit_report *report) {
  cx_solver *s = cx_solver_new(c, a, p, method, span, opt, nopt, x);
  if (h && h->resume) cx_solver_resume(s, h->resume);
  const char *path = s->opt.str[O_checkpoint];
  saver to = {path, s->opt.given[O_checkpoint_every] ? (int64_t)s->opt.num[O_checkpoint_every] : 0, cx_now() + 1,
              false};
  pace at = {.at = cx_now(), .step = s->k->step, .epoch = s->k->epoch};
  cx_status status = CX_OK;
  while (cx_solver_iterate(s)) {
    if (path) save_when_due(s, &to);
    if (h && h->stop && *h->stop) {
      if (path || h->checkpoint) cx_solver_save(s, path ? path : h->checkpoint);
      status = CX_E_INTERRUPT;
      break;
    }
    tell(s, h, &at, false);
  }
  if (!status) {
    status = cx_solver_status(s);
    double f;
    bool asked = p->nmetric && p->value && !(s->method->bit & M_FIRST) && !s->k->broken;
    if (asked && !p->value(p->user, cx_solver_x(s), &f))
      memcpy(s->k->metric, p->metric, (size_t)p->nmetric * sizeof *p->metric);
    if (path && !s->k->broken) cx_solver_save(s, path);
    else if (path && !to.saved && status == CX_E_CONVERGENCE) save_before(s, path); /* else the last good one stays */
    tell(s, h, &at, true);
  }
  const cx_fit_report *r = cx_solver_report(s);
  if (report) *report = *r;
  if (report && status == CX_E_INTERRUPT) report->reason = "interrupted";
  if (p->n) memcpy(x, cx_solver_x(s), (size_t)p->n * (p->single ? sizeof(float) : sizeof(double)));
  return status;
}
