/* integrals.c - words about integrals. */
#include "run/integrals.h"

#include <math.h>
#include <stdio.h>

#include "quad/quad.h"

enum { REPORTS_MAX = 64 };

static void say(cx_ctx *c, const cx_integral_report *r) {
  double relative = r->error / fabs(r->value);
  const char *what = r->series       ? (r->derivative ? "a series behind this value" : "this series")
                     : r->derivative ? "an integral behind this value"
                                     : "this integral";
  char some[64] = "", at[64] = "";
  if (r->instances > 1 && r->missed > 0)
    snprintf(some, sizeof some, " (%lld of %lld of them)", (long long)r->missed, (long long)r->instances);
  if (isfinite(r->where)) snprintf(at, sizeof at, " near %.6g", r->where);
  int id;
  switch (r->status) {
    case QUAD_ROUNDOFF:
      id = cx_diag(c, CX_WARNING, CX_OK, r->span, "cancellation leaves %s an error of %.1e, %.1e of its value%s", what,
                   r->error, relative, some);
      cx_diag_help(c, id,
                   "the integrand's parts are larger than their sum by more digits than a double has left; split them");
      return;
    case QUAD_TOLERANCE:
      if (!isfinite(r->value)) return; /* said of the value */
      if (r->asked == 0) {             /* a sum over places */
        id = cx_diag(c, CX_WARNING, CX_OK, r->span,
                     "%lld places were found where a function behind this value has a root "
                     "or jumps, and there may be more%s",
                     (long long)r->evaluations, some);
        cx_diag_help(c, id,
                     "they are told apart where there are few: take a shorter range, or a mean over random draws");
        return;
      }
      if (r->value == 0) {
        id = cx_diag(c, CX_WARNING, CX_OK, r->span, "%s is 0 at all of %lld places, which may not be all of it%s", what,
                     (long long)r->evaluations, some);
        cx_diag_help(c, id,
                     "split the range where something is; where an exponential underflows, bring its factors into "
                     "the exponent");
        return;
      }
      if (relative <= r->asked) {
        id = cx_diag(c, CX_WARNING, CX_OK, r->span,
                     "%s seems to have a relative error of %.1e, but time ran out after %lld evaluations before it was "
                     "certain%s",
                     what, relative, (long long)r->evaluations, some);
        cx_diag_help(c, id, "split the range where the integrand is difficult%s", at);
        return;
      }
      id = cx_diag(c, CX_WARNING, CX_OK, r->span,
                   "%s reaches a relative error of %.1e after %lld evaluations; %.0e was asked%s", what, relative,
                   (long long)r->evaluations, r->asked, some);
      cx_diag_help(c, id, "ask for less, as in tol = %.0e, or split the range where the integrand is difficult%s",
                   fmin(0.1, pow(10, ceil(log10(fmax(relative, 1e-15))))), at);
      return;
    case QUAD_DIVERGES:
      id = cx_diag(c, CX_ERROR, CX_E_RUNTIME, r->span, "%s diverges%s%s", what, at, some);
      cx_diag_help(c, id,
                   r->series ? "its terms do not fall fast enough to have a finite sum"
                   : r->derivative
                       ? "what grows as fast as the density falls has no expectation, or one that numbers do not reach"
                       : "its integrand grows too fast there to have a finite integral");
      return;
    case QUAD_NAN:
      if (r->evaluations == 0 && !r->series) {
        id = cx_diag(c, CX_ERROR, CX_E_RUNTIME, r->span, "an end of %s is not a number%s", what, some);
        return;
      }
      id = cx_diag(c, CX_ERROR, CX_E_RUNTIME, r->span, "the integrand of %s is not a number%s%s", what, at, some);
      cx_diag_help(c, id, "restrict the range, or select: if c then e else 0");
      return;
    case QUAD_STOPPED:
      cx_diag(c, CX_WARNING, CX_OK, r->span, "%s was stopped after %lld evaluations", what, (long long)r->evaluations);
      return;
    default: return;
  }
}

cx_integral_summary cx_sum_up_integrals(cx_ctx *c, const cx_exec *x, cx_work *w, cx_arena *a, double value) {
  cx_integral_report *r = CX_NEW_N(a, cx_integral_report, REPORTS_MAX);
  int n = cx_work_integrals(x, w, r, REPORTS_MAX);
  cx_integral_summary s = {.n = n, .converged = true};
  double relative = 0, worst = 0;
  for (int k = 0; k < n && k < REPORTS_MAX; k++) {
    s.evaluations += r[k].evaluations;
    if (r[k].status != QUAD_OK) s.converged = false, say(c, &r[k]);
    double e = r[k].error / fabs(r[k].value);
    if (r[k].status == QUAD_OK && r[k].derivative) e = fmin(e, r[k].asked); /* asked of the size of what is summed up */
    if (e > relative) relative = e;
    if (r[k].error > worst) worst = r[k].error;
    if (n == 1 && r[k].value == value) s.error = r[k].error;
  }
  if (isnan(value)) s.error = worst;
  else if (!(n == 1 && r[0].value == value)) s.error = relative > 0 ? relative * fabs(value) : 0;
  return s;
}

cx_integral_summary cx_sum_up_watched(cx_ctx *c, const cx_fn *f, cx_work *w, cx_arena *a, double value) {
  int errors = cx_error_count(c);
  cx_integral_summary s = cx_sum_up_integrals(c, f->exec, w, a, value);
  double beyond;
  cx_span where;
  if (cx_error_count(c) > errors || !cx_fn_beyond(f, &beyond, &where)) return s;
  s.converged = false;
  int id = cx_diag(c, CX_ERROR, CX_E_RUNTIME, where,
                   isinf(beyond) ? "this integral is larger than a double can hold"
                                 : "this integral is not a number: parts of it are beyond what a double can hold");
  cx_diag_help(c, id, "bring large factors and small ones together, as in exp(a - b) for exp(a) / exp(b)");
  return s;
}
