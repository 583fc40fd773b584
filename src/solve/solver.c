/* solver.c - the solver object: its making, evaluation with counting, how it ends, its report. */
#include "solve/solver.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const cx_update_scalar[CX_S_COUNT] = {"t", "rate", "weight_decay", "momentum", "beta1", "beta2", "epsilon"};

/* Eight partial sums in vectors of two, which every 64-bit processor has: the result is the same everywhere. */
double cx_dot(const double *x, const double *y, int64_t n) {
  typedef double pair __attribute__((vector_size(16)));
  pair a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, u[4], v[4];
  double rest = 0;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    memcpy(u, x + i, sizeof u);
    memcpy(v, y + i, sizeof v);
    a0 += u[0] * v[0], a1 += u[1] * v[1], a2 += u[2] * v[2], a3 += u[3] * v[3];
  }
  for (; i < n; i++) rest += x[i] * y[i];
  a0 = (a0 + a2) + (a1 + a3);
  return (a0[0] + a0[1]) + rest;
}

void *cx_keep(cx_solver *s, const char *name, size_t bytes) {
  void *p = cx_alloc(s->arena, bytes);
  *CX_PUSH(s->arena, s->kept) = (cx_kept){name, p, NULL, bytes};
  return p;
}

void cx_keep_at(cx_solver *s, const char *name, void **at, size_t bytes) {
  *at = cx_alloc(s->arena, bytes);
  *CX_PUSH(s->arena, s->kept) = (cx_kept){name, NULL, at, bytes};
}

cx_solver *cx_solver_new(cx_ctx *c, cx_arena *a, cx_problem *p, const char *method, cx_span span, const cx_fit_opt *opt,
                         int nopt, const void *x) {
  const cx_method *m = cx_method_find(method);
  if (!m) {
    cx_fit_check(c, a, method, span, opt, nopt);
    cx_throw(c, CX_E_PROGRAM);
  }
  cx_solver *s = CX_NEW(a, cx_solver);
  s->ctx = c, s->arena = a, s->p = p, s->method = m, s->span = span;
  if (!cx_options_read(c, m, opt, nopt, &s->opt)) cx_throw(c, CX_E_PROGRAM);
  s->wide = m->bit & (M_LBFGS | M_NEWTON);
  s->unit = p->single ? FLT_EPSILON : DBL_EPSILON;
  s->started = cx_now();
  size_t n = (size_t)p->n, size = p->single && !s->wide ? sizeof(float) : sizeof(double);
  s->k = cx_keep(s, "core", sizeof *s->k);
  s->reason = cx_keep(s, "reason", CX_REASON);
  s->width[BY_STEP] = 1;
  s->trace[BY_STEP] = cx_keep(s, "trace", CX_TRACE * sizeof(double));
  cx_keep_at(s, "x", &s->x, n * size);
  if (p->single && s->wide) {
    s->xs = CX_NEW_N(a, float, n), s->gs = CX_NEW_N(a, float, n), s->vs = CX_NEW_N(a, float, n);
    for (size_t i = 0; i < n; i++) ((double *)s->x)[i] = ((const float *)x)[i];
  } else if (n) {
    memcpy(s->x, x, n * size);
  }
  *s->k = (cx_core){.trace = {{.stride = 1}, {.stride = 1}},
                    .f = NAN,
                    .gmax = NAN,
                    .relgrad = NAN,
                    .epoch_mean = NAN,
                    .validation = NAN,
                    .best = INFINITY,
                    .best_validation = NAN};
  for (int i = 0; i < CX_METRICS; i++) s->k->metric[i] = s->k->validated[i] = s->k->best_validated[i] = NAN;
  s->tol = isnan(s->opt.num[O_tolerance]) ? 0 : s->opt.num[O_tolerance];
  int errors = cx_error_count(c);
  m->begin(s);
  if (cx_error_count(c) > errors) cx_throw(c, CX_E_PROGRAM);
  return s;
}

bool cx_solver_iterate(cx_solver *s) { return !s->k->done && s->method->step(s); }

const void *cx_solver_x(cx_solver *s) {
  if (s->k->done && s->best && isfinite(s->k->best)) return s->best;
  if (!(s->p->single && s->wide)) return s->x;
  for (int64_t i = 0; i < s->p->n; i++) ((float *)s->xs)[i] = (float)((double *)s->x)[i];
  return s->xs;
}

cx_status cx_solver_status(const cx_solver *s) { return s->k->done ? (cx_status)s->k->status : CX_OK; }

const cx_fit_report *cx_solver_report(cx_solver *s) {
  const cx_core *k = s->k;
  bool best = isfinite(k->best) && k->done;
  s->report = (cx_fit_report){.method = s->method->name,
                              .value = k->f,
                              .grad_norm = k->gmax,
                              .validation = best ? k->best_validation : k->validation,
                              .steps = k->step,
                              .epochs = k->epoch,
                              .evaluations = k->evals,
                              .seconds = k->seconds + cx_now() - s->started,
                              .converged = k->converged,
                              .broken = k->broken,
                              .reason = k->done ? s->reason : "not finished",
                              .nmetric = s->p->nmetric};
  cx_fit_report *r = &s->report;
  memcpy(r->metric, k->metric, sizeof r->metric);
  memcpy(r->validated, best ? k->best_validated : k->validated, sizeof r->validated);
  int which = k->trace[BY_EPOCH].n > 1 ? BY_EPOCH : BY_STEP, more = s->width[which] - 1;
  r->ntrace = k->trace[which].n;
  r->trace_stride = k->trace[which].stride;
  r->by_epoch = which == BY_EPOCH && k->epoch != k->step;
  r->ncolumn = more;
  r->trace = CX_NEW_N(s->arena, double, r->ntrace + 1);
  r->history = CX_NEW_N(s->arena, double, r->ntrace *more + 1);
  for (int64_t i = 0; i < r->ntrace; i++) {
    const double *row = s->trace[which] + i * (1 + more);
    r->trace[i] = row[0];
    for (int c = 0; c < more; c++) r->history[i * more + c] = row[1 + c];
  }
  return r;
}

/* ---- ends ---- */
void cx_finish(cx_solver *s, cx_status status, bool converged, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(s->reason, CX_REASON, fmt, ap);
  va_end(ap);
  s->k->broken = status == CX_E_RUNTIME;
  s->k->done = 1, s->k->status = status, s->k->converged = converged;
  if (s->p->settle && !s->k->broken)
    s->p->settle(s->p->user, s->best && isfinite(s->k->best) ? s->best : s->x, s->wide || !s->p->single);
  if (status == CX_E_CONVERGENCE)
    cx_diag(s->ctx, CX_WARNING, CX_E_CONVERGENCE, s->span, "%s did not converge: %s", s->method->name, s->reason);
}

static int64_t not_finite(const void *v, int64_t n, bool single) {
  for (int64_t i = 0; v && i < n; i++)
    if (!isfinite(cx_real_at(v, i, single))) return i;
  return -1;
}

static const char *parameter(const cx_solver *s, int64_t i, char *buf, size_t n) {
  if (s->p->where) return s->p->where(s->p->user, i, buf, n);
  snprintf(buf, n, "parameter %lld", (long long)i);
  return buf;
}

void cx_diverged(cx_solver *s, double f, const void *x, const void *g, bool wide) {
  bool single = s->p->single && !wide;
  char buf[96], at[64] = "at the start", *say = cx_alloc(s->arena, CX_REASON);
  int64_t i;
  if (s->k->step && s->k->step != s->k->epoch && !wide)
    snprintf(at, sizeof at, "at step %lld (epoch %lld)", (long long)s->k->step + 1, (long long)s->k->epoch + 1);
  else if (s->k->step) snprintf(at, sizeof at, "at step %lld", (long long)s->k->step + 1);
  bool kept = wide && f < 0 && isfinite(s->k->f); /* a step from x would fall without end: x keeps its value */
  if (kept && !s->k->step) strcpy(at, "in the first step");
  if (isnan(f)) f = NAN; /* printf would show its sign */
  const char *help = s->k->step && !wide
                         ? "try a smaller rate, or clip the gradient: clip = 1; the params are left as they "
                           "were before this step"
                         : "run `calx check` on the program: it points at the term that is not finite";
  if (f < 0 && !isnan(f)) {
    snprintf(say, CX_REASON, "the objective fell to %g %s: it has no lower bound", f, at);
    help = "check its sign: minimize a loss, maximize a likelihood";
  } else if ((i = not_finite(x, s->p->n, single)) >= 0) {
    snprintf(say, CX_REASON, "%s is %g %s", parameter(s, i, buf, sizeof buf), cx_real_at(x, i, single), at);
  } else if (!isfinite(f)) {
    i = not_finite(g, s->p->n, single);
    snprintf(say, CX_REASON, "the objective is %g %s%s%s", f, at, i >= 0 ? ", first in its gradient is " : "",
             i >= 0 ? parameter(s, i, buf, sizeof buf) : "");
  } else {
    i = not_finite(g, s->p->n, single);
    double slope = i >= 0 ? cx_real_at(g, i, single) : NAN;
    help =
        "its value is finite: keep roots, logarithms and quotients off what they have no derivative at, as in "
        "sqrt(u + 1e-12)";
    snprintf(say, CX_REASON, "the gradient by %s is %g %s", i >= 0 ? parameter(s, i, buf, sizeof buf) : "?",
             isnan(slope) ? NAN : slope, at);
  }
  if (s->p->why) snprintf(say + strlen(say), CX_REASON - strlen(say), " (%s)", s->p->why);
  if (!kept) s->k->f = f;
  s->k->broken = 1;
  s->k->done = 1, s->k->status = CX_E_CONVERGENCE, s->k->converged = 0;
  snprintf(s->reason, CX_REASON, "diverged: %.300s", say);
  int d = cx_diag(s->ctx, CX_ERROR, CX_E_CONVERGENCE, s->span, "%s %s: %s", s->method->name,
                  s->k->step || kept ? "diverged" : "cannot begin", say);
  if (!(f < 0 && isinf(f)) && s->p->blame && not_finite(x, s->p->n, single) < 0 && (single || !s->p->single))
    s->p->blame(s->p->user, x, isfinite(f), d);
  cx_diag_help(s->ctx, d, "%s", help);
}

/* Every stride-th row; when the room is full, every other one goes and the stride doubles. */
void cx_trace(cx_solver *s, int which, const double *row) {
  cx_series *t = &s->k->trace[which];
  size_t width = (size_t)s->width[which], bytes = width * sizeof *row;
  double *at = s->trace[which];
  if (t->count++ % t->stride) return;
  if (t->n == CX_TRACE) {
    for (size_t i = 0; i < CX_TRACE / 2; i++) memmove(at + i * width, at + 2 * i * width, bytes);
    t->n = CX_TRACE / 2;
    t->stride *= 2;
    if ((t->count - 1) % t->stride) return;
  }
  memcpy(at + (size_t)t->n++ * width, row, bytes);
}

/* ---- evaluation in doubles ---- */
void cx_eval(cx_solver *s, const double *x, double *f, double *g) {
  cx_problem *p = s->p;
  s->k->evals++;
  p->why = NULL;
  const void *at = x;
  void *grad = g;
  if (p->single) {
    for (int64_t i = 0; i < p->n; i++) ((float *)s->xs)[i] = (float)x[i];
    at = s->xs;
    grad = s->gs;
  }
  int bad = !g && p->value ? p->value(p->user, at, f) : p->gradient(p->user, at, f, grad);
  if (bad) *f = INFINITY;
  if (g && p->single)
    for (int64_t i = 0; i < p->n; i++) g[i] = ((float *)s->gs)[i];
}

/* Without hessvec: (g(x + h v) - g(x - h v)) / 2h, h balancing truncation and rounding: cube root of the unit
 * roundoff over |v|, relative to |x|. */
void cx_hessvec(cx_solver *s, const double *x, const double *g, const double *v, double *hv) {
  cx_problem *p = s->p;
  int64_t n = p->n;
  (void)g;
  if (p->hessvec) {
    s->k->evals++;
    if (!p->single) {
      p->hessvec(p->user, x, v, hv);
      return;
    }
    for (int64_t i = 0; i < n; i++) ((float *)s->xs)[i] = (float)x[i], ((float *)s->vs)[i] = (float)v[i];
    p->hessvec(p->user, s->xs, s->vs, s->gs);
    for (int64_t i = 0; i < n; i++) hv[i] = ((float *)s->gs)[i];
    return;
  }
  double norm = sqrt(cx_dot(v, v, n)), f;
  if (norm == 0) {
    memset(hv, 0, (size_t)n * sizeof *hv);
    return;
  }
  double h = cbrt(s->unit) * fmax(1, sqrt(cx_dot(x, x, n))) / norm;
  cx_arena *a = cx_arena_new(s->ctx);
  double *y = CX_NEW_N(a, double, n), *down = CX_NEW_N(a, double, n);
  for (int64_t i = 0; i < n; i++) y[i] = x[i] + h * v[i];
  cx_eval(s, y, &f, hv);
  for (int64_t i = 0; i < n; i++) y[i] = x[i] - h * v[i];
  cx_eval(s, y, &f, down);
  for (int64_t i = 0; i < n; i++) hv[i] = (hv[i] - down[i]) / (2 * h);
  cx_arena_free(a);
}

double cx_gradient_limit(const cx_solver *s) { return sqrt(fmax(s->tol, s->unit)); }

/* Dennis & Schnabel, Numerical Methods for Unconstrained Optimization (1983), 7.2.5: the relative gradient */
void cx_gradient_size(cx_solver *s, const double *x, double f, const double *g) {
  double m = 0, r = 0;
  for (int64_t i = 0; i < s->p->n; i++) {
    double v = fabs(g[i]);
    if (v > m || isnan(v)) m = v; /* a NaN stays */
    v *= fmax(1, fabs(x[i]));
    if (v > r || isnan(v)) r = v;
  }
  s->k->gmax = m;
  s->k->relgrad = r / fmax(1, fabs(f));
}
