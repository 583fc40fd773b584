/* solve.c - the C API's solvers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "base/ctx.h"

struct calx_solver {
  cx_part part;
  cx_ctx *ctx;
  cx_problem p;
  cx_solver *s;
  double *x; /* single: the vector in double */
  bool maximize, finished;
  calx_status failed; /* CALX_OK: ask the solver */
};

static void report_of(const calx_solver *s, calx_report *r) {
  const cx_fit_report *q = cx_solver_report(s->s);
  *r = (calx_report){s->maximize ? -q->value : q->value, q->grad_norm, q->steps, q->evaluations, q->converged,
                     q->reason ? q->reason : ""};
}

calx_status calx_solver_new(calx_model *m, const char *method, const calx_option *option, int noption, const double *x,
                            calx_solver **out) {
  *out = NULL;
  API_TRY(m->ctx) {
    calx_bound *b = cx_api_bound(m);
    cx_arena *a = cx_arena_new(m->ctx);
    cx_model *e = cx_api_elaborate(b, m->prog, a);
    if (e->objective == CX_NO_EQ) cx_api_misuse(m->ctx, "add `minimize ..`", "the program has no objective");
    if (!b->flat.offset[e->nparam])
      cx_api_misuse(m->ctx, "declare one: param x", "the program has no param to solve for");
    calx_solver *s = CX_NEW(a, calx_solver);
    s->ctx = m->ctx;
    s->maximize = e->maximize;
    cx_flat flat = cx_flat_new(e, a, e->nparam);
    cx_objective_new(e, m->prog, a, e->objective, &flat, m->ctx->threads, &s->p);
    cx_fit_opt *o = CX_NEW_N(a, cx_fit_opt, noption + 1);
    for (int k = 0; k < noption; k++)
      o[k] = (cx_fit_opt){cx_strdup(a, option[k].name, strlen(option[k].name)), option[k].text ? NAN : option[k].value,
                          option[k].text ? cx_strdup(a, option[k].text, strlen(option[k].text)) : NULL, CX_NOSPAN,
                          CX_NOSPAN};
    const void *start = x;
    if (s->p.single) {
      s->x = CX_NEW_N(a, double, s->p.n);
      float *fx = CX_NEW_N(a, float, s->p.n);
      for (int64_t k = 0; k < s->p.n; k++) fx[k] = (float)x[k];
      start = fx;
    }
    s->s = cx_solver_new(m->ctx, a, &s->p, cx_strdup(a, method, strlen(method)), CX_NOSPAN, o, noption, start);
    API_DONE(m->ctx);
    cx_part_init(&s->part, a, &b->part);
    *out = s;
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

int calx_iterate(calx_solver *s) {
  if (s->finished) return 0; /* the diagnostics of the end stay */
  s->finished = true;
  API_TRY(s->ctx) {
    bool more = cx_solver_iterate(s->s);
    if (cx_diag_status(s->ctx) == CX_E_RUNTIME)
      cx_throw(s->ctx, CX_E_RUNTIME); /* also when a warning found no memory */
    CX_END(s->ctx, api_frame);
    s->finished = !more;
    return more;
  }
  s->failed = cx_api_failed(s->ctx, api_frame.status);
  return 0;
}

calx_status calx_solver_status(calx_solver *s, calx_report *report) {
  if (report) report_of(s, report);
  return s->failed ? s->failed : (calx_status)cx_solver_status(s->s);
}

const double *calx_solver_x(calx_solver *s) {
  const void *x = cx_solver_x(s->s);
  if (!s->p.single) return x;
  for (int64_t k = 0; k < s->p.n; k++) s->x[k] = ((const float *)x)[k];
  return s->x;
}

void calx_solver_free(calx_solver *s) {
  if (s) cx_part_free(&s->part);
}

calx_status calx_minimize(calx_model *m, const char *method, const calx_option *option, int noption, double *x,
                          calx_callback callback, void *user, calx_report *report) {
  calx_solver *s;
  calx_status st = calx_solver_new(m, method, option, noption, x, &s);
  if (st != CALX_OK) return st;
  bool stopped = false;
  calx_report r;
  while (!stopped && calx_iterate(s)) {
    if (!callback) continue;
    report_of(s, &r);
    stopped = callback(user, &r, calx_solver_x(s)) != 0;
  }
  st = calx_solver_status(s, &r);
  memcpy(x, calx_solver_x(s), (size_t)s->p.n * sizeof *x);
  snprintf(m->reason, sizeof m->reason, "%s", stopped ? "the callback stopped it" : r.reason);
  if (report) *report = r, report->reason = m->reason; /* the words outlive the solver */
  calx_solver_free(s);
  return stopped ? CALX_E_INTERRUPT : st;
}
