/* solve.c - the C API's solvers. */
#include <math.h>
#include <string.h>

#include "api/api.h"

struct calx_solver {
  calx_model *m;
  cx_arena *arena;
  cx_problem p;
  cx_solver *s;
  float *fx;
  double *x;
  bool maximize, failed;
  cx_status status;
};

static void report_of(const calx_solver *s, calx_report *r) {
  if (!r) return;
  const cx_fit_report *q = cx_solver_report(s->s);
  *r = (calx_report){s->maximize ? -q->value : q->value, q->grad_norm, q->steps, q->evaluations, q->converged, q->reason ? q->reason : ""};
}

calx_status calx_solver_new(calx_model *m, const char *method, const calx_option *option, int noption, const double *x, calx_solver **out) {
  cx_frame f;
  cx_arena *volatile a = NULL;
  *out = NULL;
  API_ENTER(m->ctx, f) {
    cx_model *e = cx_api_model(m);
    a = cx_arena_new(m->ctx);
    if (e->objective == CX_NO_EQ || !e->nparam) {
      cx_diag(m->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "the program has no %s", e->nparam ? "objective" : "param");
      cx_throw(m->ctx, CX_E_USAGE);
    }
    calx_solver *s = CX_NEW(a, calx_solver);
    s->m = m;
    s->arena = a;
    s->maximize = e->maximize;
    cx_objective_new(e, m->prog, a, e->objective, e->nparam, m->threads, &s->p);
    cx_fit_opt *o = CX_NEW_N(a, cx_fit_opt, noption + 1);
    for (int k = 0; k < noption; k++)
      o[k] = (cx_fit_opt){cx_strdup(a, option[k].name, strlen(option[k].name)), option[k].text ? NAN : option[k].value,
                          option[k].text ? cx_strdup(a, option[k].text, strlen(option[k].text)) : NULL, CX_NOSPAN, CX_NOSPAN};
    s->x = CX_NEW_N(a, double, s->p.n + 1);
    const void *start = x;
    if (s->p.single) {
      s->fx = CX_NEW_N(a, float, s->p.n + 1);
      for (int64_t k = 0; k < s->p.n; k++) s->fx[k] = (float)x[k];
      start = s->fx;
    }
    s->s = cx_solver_new(m->ctx, a, &s->p, cx_strdup(a, method, strlen(method)), CX_NOSPAN, o, noption, start);
    *out = s;
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  if (a) cx_arena_free(a);
  return (calx_status)f.status;
}

int calx_iterate(calx_solver *s) {
  cx_frame f;
  volatile int more = 0;
  if (s->failed) return 0;
  CX_TRY(s->m->ctx, f) {
    more = cx_solver_iterate(s->s);
    CX_END(s->m->ctx, f);
  } else {
    s->failed = true;
    s->status = f.status;
  }
  return more;
}
calx_status calx_solver_status(calx_solver *s, calx_report *report) {
  report_of(s, report);
  return (calx_status)(s->failed ? s->status : cx_solver_status(s->s));
}
const double *calx_solver_x(calx_solver *s) {
  const void *x = cx_solver_x(s->s);
  if (!s->p.single) return x;
  for (int64_t k = 0; k < s->p.n; k++) s->x[k] = ((const float *)x)[k];
  return s->x;
}
void calx_solver_free(calx_solver *s) {
  if (s) cx_arena_free(s->arena);
}

calx_status calx_minimize(calx_model *m, const char *method, const calx_option *option, int noption, double *x,
                          calx_callback callback, void *user, calx_report *report) {
  calx_solver *s;
  calx_status st = calx_solver_new(m, method, option, noption, x, &s);
  if (st != CALX_OK) return st;
  bool stopped = false;
  while (!stopped && calx_iterate(s)) {
    calx_report r;
    if (!callback) continue;
    report_of(s, &r);
    stopped = callback(user, &r, calx_solver_x(s)) != 0;
  }
  calx_report r;
  st = calx_solver_status(s, &r);
  memcpy(x, calx_solver_x(s), (size_t)s->p.n * sizeof *x);
  if (report) {
    cx_frame f;
    *report = r;
    report->reason = "";
    CX_TRY(m->ctx, f) { /* the words outlive the solver */
      report->reason = cx_strdup(m->arena, r.reason, strlen(r.reason));
      CX_END(m->ctx, f);
    }
  }
  calx_solver_free(s);
  return stopped ? CALX_E_INTERRUPT : st;
}
