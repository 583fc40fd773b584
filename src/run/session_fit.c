/* session_fit.c - a fit of a program: solved, or recalled from a run before; what it leaves for those behind it. */
#include <math.h>
#include <string.h>

#include "run/fitting.h"
#include "run/session_int.h"

typedef struct {
  cx_session *s;
  const cx_action *act;
} fit_user;
static void progress(void *user, const cx_progress *p) {
  fit_user *u = user;
  cx_event e = {.kind = EV_FIT_PROGRESS, .where = u->act->ast->span, .progress = p, .text = u->act->method};
  cx_emit(u->s, &e);
}

/* What a fit leaves, as bytes in its followers' checkpoints: resuming one of them takes it from there. */
typedef struct {
  cx_fit_report report;
  int64_t status, reason, params;
} relic;

static void leave(cx_session *s, const cx_fit_report *rep, cx_status status, size_t params) {
  relic r = {*rep, status, rep->reason ? (int64_t)strlen(rep->reason) : 0, (int64_t)params};
  r.report.method = r.report.reason = NULL;
  r.report.trace = r.report.history = NULL;
  cx_put(&s->left, (const char *)&r, sizeof r);
  cx_put(&s->left, rep->reason, (size_t)r.reason);
  cx_put(&s->left, (const char *)rep->trace, (size_t)rep->ntrace * sizeof *rep->trace);
  cx_put(&s->left, (const char *)rep->history, (size_t)(rep->ntrace * rep->ncolumn) * sizeof *rep->history);
  cx_put(&s->left, s->x, params);
}

static bool known_bytes(cx_session *s, void *to, size_t n) {
  if (n > s->known_size) return false;
  if (n) memcpy(to, s->known, n);
  s->known += n, s->known_size -= n;
  return true;
}

/* false: what is known is not of this fit, which is to be solved after all */
static bool recall(cx_session *s, const cx_action *act, cx_fit_report *rep, size_t params, cx_status *status) {
  relic r;
  bool ok = known_bytes(s, &r, sizeof r) && r.reason >= 0 && r.report.ntrace >= 0 && r.params == (int64_t)params &&
            r.report.ncolumn >= 0 && r.report.ncolumn <= 1 + 2 * CX_METRICS && (uint64_t)r.reason <= s->known_size &&
            (uint64_t)r.report.ntrace <= s->known_size / sizeof(double);
  if (ok) {
    *rep = r.report;
    char *reason = cx_alloc(s->t, (size_t)r.reason + 1);
    rep->trace = CX_NEW_N(s->t, double, r.report.ntrace + 1);
    size_t beside = (size_t)(r.report.ntrace * r.report.ncolumn);
    rep->history = CX_NEW_N(s->t, double, beside + 1);
    rep->method = act->method;
    rep->reason = reason;
    ok = known_bytes(s, reason, (size_t)r.reason) &&
         known_bytes(s, rep->trace, (size_t)r.report.ntrace * sizeof(double)) &&
         known_bytes(s, rep->history, beside * sizeof(double)) && known_bytes(s, s->x, params);
  }
  if (!ok && s->opt->resume) {
    int id = cx_diag(s->ctx, CX_ERROR, CX_E_DATA, act->ast->name_span,
                     "the checkpoint '%s' was made by another program", s->opt->resume);
    cx_diag_help(s->ctx, id, "start anew without it, or resume with what it was made with");
    cx_throw(s->ctx, CX_E_DATA);
  }
  if (!ok) s->resumed = -1;
  else *status = (cx_status)r.status;
  return ok;
}

int cx_fit_options_of(cx_session *s, const cx_ast *st, cx_fit_opt *opt) {
  int n = 0;
  bool seeded = false;
  for (int k = 0; k < st->nkid; k++) {
    const cx_ast *o = st->kid[k];
    if (o->kind != A_NAMED) continue;
    const cx_ast *v = o->kid[0];
    double num = v->kind == A_NUM ? v->num : NAN;
    if (v->kind == A_UNARY && v->op == T_MINUS && v->kid[0]->kind == A_NUM) num = -v->kid[0]->num;
    if (v->kind == A_NAME && !strcmp(v->name, "true")) num = 1;
    if (v->kind == A_NAME && !strcmp(v->name, "false")) num = 0;
    seeded |= !strcmp(o->name, "seed");
    opt[n++] = (cx_fit_opt){o->name, num, isnan(num) ? v->kind == A_STR ? v->name : cx_ast_text(s->a, v) : NULL,
                            v->span, o->name_span};
  }
  if (!seeded) opt[n++] = (cx_fit_opt){"seed", (double)s->opt->seed, NULL, CX_NOSPAN, CX_NOSPAN};
  return n;
}

cx_status cx_session_fit(cx_session *s, const cx_action *act) {
  cx_fit_report *rep = CX_NEW(s->t, cx_fit_report);
  size_t params = (size_t)s->flat.offset[act->nparam] * (s->m->single ? sizeof(float) : sizeof(double));
  cx_event e = {.kind = EV_FIT_BEGIN, .where = act->ast->span, .text = act->method};
  cx_emit(s, &e);
  cx_status status;
  if (s->nfit >= s->resumed || !recall(s, act, rep, params, &status)) {
    cx_problem p;
    cx_flat flat = cx_flat_some(s->m, s->t, act->only, act->only ? act->nonly : act->nparam);
    cx_model *m = act->only ? cx_with_fixed(s, act) : s->m;
    void *x = act->only ? cx_alloc_n(s->t, (size_t)flat.offset[flat.n] + 1, sizeof(double)) : s->x;
    if (act->only) cx_move_params(s, &flat, x, false);
    cx_objective_new(m, s->prog, s->t, act->objective, &flat, s->opt->threads, &p);
    p.fit = s->nfit;
    p.before = s->left.at;
    p.before_size = (size_t)s->left.n;
    cx_fit_opt *opt = CX_NEW_N(s->t, cx_fit_opt, act->options->nkid + 2);
    int n = cx_fit_options_of(s, act->options, opt);
    fit_user u = {s, act};
    cx_fit_hooks hooks = {.user = &u,
                          .progress = progress,
                          .stop = s->opt->stop,
                          .checkpoint = s->opt->checkpoint,
                          .resume = s->nfit == s->resumed ? s->opt->resume : NULL};
    status = cx_fit(s->ctx, s->t, &p, act->method, act->options->name_span, opt, n, x, &hooks, rep);
    if (act->only) cx_move_params(s, &flat, x, true);
    if (act->maximize) {
      rep->value = -rep->value;
      rep->validation = -rep->validation;
      for (int64_t k = 0; k < rep->ntrace; k++) rep->trace[k] = -rep->trace[k];
      for (int64_t k = rep->nmetric; k < rep->ntrace * rep->ncolumn; k += rep->ncolumn)
        rep->history[k] = -rep->history[k]; /* of the rows kept back */
    }
  }
  leave(s, rep, status, params);
  s->broken = rep->broken && !rep->steps;
  s->nfit++;
  double *trace = CX_NEW_N(s->a, double, rep->ntrace + 1);
  if (rep->ntrace) memcpy(trace, rep->trace, (size_t)rep->ntrace * sizeof *trace);
  s->trace = trace;
  s->ntrace = rep->ntrace;
  s->trace_stride = rep->trace_stride ? rep->trace_stride : 1;
  s->by_epoch = rep->by_epoch;
  s->kept_back = NULL;
  if (rep->ncolumn > rep->nmetric) {
    s->kept_back = CX_NEW_N(s->a, double, rep->ntrace + 1);
    for (int64_t k = 0; k < rep->ntrace; k++) s->kept_back[k] = rep->history[k * rep->ncolumn + rep->nmetric];
  }
  /* the params as the program means them */
  int nparam = act->only ? act->nonly : act->nparam;
  uint32_t *eq = CX_NEW_N(s->t, uint32_t, nparam + 1);
  int64_t *count = CX_NEW_N(s->t, int64_t, nparam + 1);
  cx_result *r = CX_NEW_N(s->t, cx_result, nparam + 1);
  for (int k = 0; k < nparam; k++) eq[k] = s->m->param[act->only ? act->only[k] : k].eq;
  double **v = cx_values(s, eq, nparam, count, NULL);
  int64_t one;
  if (act->objective != CX_NO_EQ &&
      cx_integrates(s, act->objective)) /* where the fit ended: says which integrals missed */
    cx_values(s, &act->objective, 1, &one, NULL);
  for (int k = 0; k < nparam; k++) {
    const char *name = s->m->param[act->only ? act->only[k] : k].name;
    cx_query q = {.text = cx_strdup(s->t, name, strlen(name)), .eq = eq[k], .level_of = CX_NO_EQ};
    r[k] = cx_result_of(s, &q, v[k]);
  }
  cx_event end = {.kind = EV_FIT_END,
                  .where = act->ast->span,
                  .fit = rep,
                  .param = r,
                  .nparam = nparam,
                  .text = act->method,
                  .metric = act->query};
  cx_emit(s, &end);
  return status;
}
