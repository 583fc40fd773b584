/* session.c - a program from its first statement to its last. */
#include "run/session.h"

#include <math.h>
#include <string.h>

#include "data/vocab.h"
#include "pass/integral.h"
#include "run/demand.h"
#include "run/explain.h"
#include "run/fitting.h"
#include "run/model_file.h"
#include "run/session_int.h"
#include "run/standard.h"

void cx_emit(cx_session *s, const cx_event *e) {
  if (s->opt->event) s->opt->event(s->opt->user, e);
}

double **cx_values(cx_session *s, const uint32_t *eq, int n, int64_t *count, cx_integral_summary *integrals) {
  double **v = CX_NEW_N(s->t, double *, n + 1);
  if (!n) return v;
  volatile sig_atomic_t *stop = s->opt->stop && !*s->opt->stop ? s->opt->stop : NULL; /* a fit was: its values still */
  cx_fn *f = cx_fn_watched(s->m, s->t, eq, n, s->opt->threads, stop);
  void **out = CX_NEW_N(s->t, void *, n);
  for (int k = 0; k < n; k++) {
    out[k] = v[k] = CX_NEW_N(s->t, double, f->out_n[k] + 1);
    count[k] = f->out_n[k];
  }
  const char *why = NULL;
  cx_work *w = cx_work_new(s->t, f->exec);
  if (cx_fn_at(f, w, &s->flat, s->x, out, &why)) {
    if (stop && *stop) cx_throw(s->ctx, CX_E_INTERRUPT);
    cx_diag(s->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
    cx_throw(s->ctx, CX_E_RUNTIME);
  }
  if (f->single)
    for (int k = 0; k < n; k++)
      for (int64_t j = count[k] - 1; j >= 0; j--) v[k][j] = ((float *)v[k])[j];
  cx_integral_summary sum = cx_sum_up_watched(s->ctx, f, w, s->t, integrals && count[0] == 1 ? v[0][0] : NAN);
  if (integrals) *integrals = sum;
  return v;
}

/* numbers of a sequence as text: words with blanks between */
static const char *const *said(cx_session *s, const cx_query *q, const double *v, int rank, const int64_t *dim) {
  int64_t rows = rank == 2 ? dim[0] : 1, cols = rank ? dim[rank - 1] : 1;
  const char **text = CX_NEW_N(s->t, const char *, rows + 1);
  for (int64_t i = 0; i < rows; i++) {
    cx_buf b = {.arena = s->t};
    cx_put(&b, "", 0);
    for (int64_t k = 0; k < cols; k++) {
      size_t n;
      const char *u = cx_text_unit(s->t, (cx_unit)q->unit, q->vocab, (int64_t)v[i * cols + k], &n);
      if (n && b.n && q->unit == UNIT_WORDS) cx_put(&b, " ", 1);
      cx_put(&b, u, n);
    }
    text[i] = b.at;
  }
  return text;
}

cx_result cx_result_of(cx_session *s, const cx_query *q, const double *v) {
  cx_result r = {.text = q->text, .label = q->label};
  if (q->label) return r;
  const cx_eq *e = s->m->graph->eq[q->eq];
  int64_t dim[CX_MAX_RANK];
  cx_eq_sizes(e, dim);
  r.value = cx_array_dense(v, e->rank, dim);
  if (q->spoken) r.said = said(s, q, v, e->rank, dim);
  if (q->level_of != CX_NO_EQ) {
    r.level = s->m->decl[q->level_of].array.level;
    r.nlevel = s->m->decl[q->level_of].array.nlevel;
  }
  return r;
}

/* the value of one equation that integrals or random draws stand behind, and how far off it may be */
static double *with_error(cx_session *s, uint32_t eq, cx_span where, cx_integral_summary *sum) {
  int64_t draws, count[2];
  uint32_t both[2] = {eq, cx_standard_error(s->m, s->t, eq, &draws)};
  bool known = both[1] != CX_NO_EQ;
  double **v = cx_values(s, both, 1 + known, count, sum);
  sum->draws = draws;
  sum->standard = draws && !known ? NAN : 0;
  for (int64_t k = 0; known && k < count[1]; k++) sum->standard = isnan(v[1][k]) ? NAN : fmax(sum->standard, v[1][k]);
  if (draws) sum->error = hypot(sum->error, sum->standard);
  if (known && count[0] == 1 && isnan(v[0][0]) && isnan(v[1][0])) {
    int id = cx_diag(s->ctx, CX_WARNING, CX_OK, where, "this is not a number: no draw, or too few, met a condition");
    cx_diag_help(s->ctx, id, "take more draws, or leave out `draws` and let it be integrated");
  }
  return v[0];
}

bool cx_integrates(cx_session *s, uint32_t eq) { /* then it is computed alone: its errors are its own */
  int32_t *used = CX_NEW_N(s->t, int32_t, s->m->graph->neq + 1);
  cx_graph *g = cx_extract(s->m->graph, s->t, &eq, 1, used);
  for (int k = 0; k < g->neq; k++)
    if (cx_is_integral(g->eq[k])) return true;
  for (int k = 0; k < s->m->nestimate; k++)
    if (used[s->m->estimate[k].value] >= 0) return true;
  return false;
}

static cx_result *results(cx_session *s, const cx_action *act) {
  uint32_t *eq = CX_NEW_N(s->t, uint32_t, act->nquery + 1);
  int64_t *count = CX_NEW_N(s->t, int64_t, act->nquery + 1);
  int n = 0;
  bool *alone = CX_NEW_N(s->t, bool, act->nquery + 1);
  bool any = s->m->nestimate > 0, nan = false;
  for (int k = 0; k < s->m->graph->neq && !any; k++) any = cx_is_integral(s->m->graph->eq[k]);
  for (int k = 0; k < act->nquery; k++) {
    uint32_t e = act->query[k].eq;
    if (e == CX_NO_EQ) continue;
    alone[k] = any && cx_integrates(s, e);
    if (!alone[k]) eq[n++] = e;
  }
  double **v = cx_values(s, eq, n, count, NULL);
  cx_result *r = CX_NEW_N(s->t, cx_result, act->nquery + 1);
  n = 0;
  for (int k = 0; k < act->nquery; k++) {
    uint32_t e = act->query[k].eq;
    cx_integral_summary sum = {0};
    const double *x = e == CX_NO_EQ ? NULL : alone[k] ? with_error(s, e, act->ast->span, &sum) : v[n++];
    r[k] = cx_result_of(s, &act->query[k], x);
    if (e != CX_NO_EQ && alone[k] && !sum.n && !sum.draws)
      sum = (cx_integral_summary){.n = 1, .converged = true}; /* a closed form */
    r[k].integrals = sum;
    for (int64_t j = 0; x && j < cx_eq_count(s->m->graph->eq[e]); j++) nan |= isnan(x[j]);
  }
  if (nan && !s->demanded) s->demanded = cx_demands_at(s->m, &s->flat, s->x, NULL, -1) > 0; /* once is enough */
  return r;
}

static void print(cx_session *s, const cx_action *act) {
  cx_event e = {.kind = EV_RESULT, .where = act->ast->span, .result = results(s, act), .nresult = act->nquery};
  cx_emit(s, &e);
}

static void write_file(cx_session *s, const cx_action *act) {
  const char *path = act->file[0] != '/' && s->opt->out ? cx_format(s->t, "%s/%s", s->opt->out, act->file) : act->file;
  if (act->model && s->broken) { /* what an earlier run wrote is worth more */
    int id = cx_diag(s->ctx, CX_WARNING, CX_E_CONVERGENCE, act->ast->span,
                     "%s is not written: the fit above could not begin", path);
    cx_diag_help(s->ctx, id, "mend the fit first; a file of that name stays as it was");
    return;
  }
  if (act->model) {
    cx_model_write(s->m, s->prog, s->t, &s->flat, act->nparam, s->x, path);
    cx_event e = {.kind = EV_WRITE, .where = act->ast->span, .path = path};
    cx_emit(s, &e);
    return;
  }
  cx_result *r = results(s, act);
  if (r->said) { /* a line for each */
    int64_t rows = r->value.rank == 2 ? r->value.dim[0] : 1;
    cx_array_row_major(&r->value, 1, &rows);
    r->value.text = r->said;
  }
  if (act->bits) cx_write_png(s->ctx, path, &r->value, act->bits);
  else cx_write_file(s->ctx, path, &r->value, NULL);
  cx_event e = {.kind = EV_WRITE, .where = act->ast->span, .path = path, .array = &r->value};
  cx_emit(s, &e);
}

/* ---- the whole ---- */
static void say_largest(const cx_session *s) {
  cx_frame f;
  CX_TRY(s->ctx, f) {
    cx_note_largest(s->m->graph, s->m->single ? sizeof(float) : sizeof(double));
    CX_END(s->ctx, f);
  }
}

/* after a throw: which array took the memory; the kind of the first error that is shown, where there is one */
static cx_status thrown(cx_ctx *c, cx_status status, const cx_session *s) {
  if (s && s->m && cx_ran_out(c)) say_largest(s);
  return cx_error_count(c) && status != CX_E_INTERRUPT ? cx_diag_status(c) : status;
}

static void open_model(cx_session *s, int32_t file, const char *const *arg, int narg) {
  if (!s->model)
    s->prog = s->opt->console ? cx_program_of(s->ctx, s->a, cx_parse_console(s->ctx, s->a, file), file, s->opt->dir)
                              : cx_program_new(s->ctx, s->a, file, s->opt->dir);
  cx_elab_opt eo = {.seed = s->opt->seed};
  cx_model_file weights = {0};
  if (s->model) {
    weights = cx_model_read(s->ctx, s->a, s->model);
    s->prog = cx_program_new(s->ctx, s->a, weights.program, NULL);
    eo.weights = weights.file;
    cx_model_declare(&weights, s->prog);
    cx_predict_ask(s);
  }
  bool unread = cx_error_count(s->ctx) > 0;
  for (int k = 0; k < s->prog->ast->nkid; k++) { /* methods and their options are known before anything runs */
    const cx_ast *st = s->prog->ast->kid[k];
    if (st->kind != S_FIT) continue;
    cx_fit_opt *opt = CX_NEW_N(s->a, cx_fit_opt, st->nkid + 2);
    cx_fit_check(s->ctx, s->a, st->name, st->name_span, opt, cx_fit_options_of(s, st, opt));
  }
  if (unread || s->opt->unbound) eo.unbound = true; /* without data, for the errors of what could be read */
  else cx_bind(s->ctx, s->a, s->prog->decl, s->prog->ndecl, arg, narg, s->opt->dir);
  if (s->model && !unread) cx_model_adapt(&weights, s->ctx, s->a, s->prog->decl, s->prog->ndecl);
  for (int k = 0; s->model && k < s->prog->ndecl; k++) eo.unbound |= !s->prog->decl[k].bound;
  s->m = cx_elaborate(s->prog, s->a, s->prog->decl, s->prog->ndecl, &eo);
  if (!s->m || cx_error_count(s->ctx)) {
    cx_diag_sort(s->ctx, 0);
    cx_throw(s->ctx, cx_diag_status(s->ctx) ? cx_diag_status(s->ctx) : CX_E_PROGRAM);
  }
  if (!eo.unbound) cx_demands_of_data(s->m);
  if (cx_error_count(s->ctx)) cx_throw(s->ctx, CX_E_PROGRAM);
  s->flat = cx_flat_new(s->m, s->a, s->m->nparam);
  s->x = cx_alloc_n(s->a, (size_t)s->flat.offset[s->flat.n] + 1, sizeof(double));
  if (!s->opt->unbound) cx_flat_start(s->m, s->a, &s->flat, s->opt->seed, s->x);
}

static cx_status run(cx_ctx *c, int32_t file, const char *model, const char *const *arg, int narg,
                     const cx_session_opt *opt) {
  cx_frame f;
  cx_arena *volatile a = NULL; /* kept after a throw: the model says which array was the largest */
  cx_session *volatile s = NULL;
  volatile cx_status status = CX_OK;
  CX_TRY(c, f) {
    cx_arena_keep(a = cx_arena_new(c));
    s = CX_NEW(a, cx_session);
    s->ctx = c;
    s->a = a;
    s->opt = opt;
    s->left.arena = a;
    s->resumed = -1;
    s->model = model;
    *cx_ctx_slot(c, CX_SLOT_STOP) = (void *)(uintptr_t)opt->stop;
    open_model(s, file, arg, narg);
    if (opt->known) s->known = opt->known->at, s->known_size = opt->known->size, s->resumed = opt->known->fits;
    int answers = 0;
    if (opt->resume) {
      const void *known;
      s->resumed = cx_checkpoint_fit(c, a, opt->resume, &known, &s->known_size);
      s->known = known;
      int fits = 0;
      for (int k = 0; k < s->m->naction; k++) fits += s->m->action[k].kind == ACT_FIT;
      if (s->resumed >= fits) {
        int id = cx_diag(c, CX_ERROR, CX_E_DATA, CX_NOSPAN,
                         "the checkpoint '%s' is of fit %d of its program, this program has %d", opt->resume,
                         s->resumed + 1, fits);
        cx_diag_help(c, id, "resume with the program it was made with");
        cx_throw(c, CX_E_DATA);
      }
    }
    for (int k = 0; k < s->m->naction && !opt->unbound && status != CX_E_INTERRUPT; k++) {
      const cx_action *act = &s->m->action[k];
      cx_status st = CX_OK;
      s->t = cx_arena_new(c);
      bool does = !model || cx_predict_answers(s, k);
      answers += does;
      switch (does ? (int)act->kind : -1) {
        case ACT_PRINT: print(s, act); break;
        case ACT_PLOT: cx_session_plot(s, act); break;
        case ACT_WRITE: write_file(s, act); break;
        case ACT_FIT: st = cx_session_fit(s, act); break;
        case ACT_EXPLAIN: {
          cx_event e = {.kind = EV_EXPLAIN,
                        .where = act->ast->span,
                        .text = cx_explain(s->ctx, s->t, s->prog->ast, act->ast->kid[0])};
          cx_emit(s, &e);
          break;
        }
      }
      cx_arena_free(s->t);
      if (st != CX_OK && status == CX_OK) status = st;
      if (opt->stop && *opt->stop) status = CX_E_INTERRUPT;
    }
    cx_emit(s, &(cx_event){
                   .kind = EV_LEFT, .where = CX_NOSPAN, .left = &(cx_left){s->left.at, (size_t)s->left.n, s->nfit}});
    if (model && !answers && status == CX_OK) cx_predict_nothing(s);
    CX_END(c, f);
  } else {
    status = thrown(c, f.status, s);
  }
  if (a) cx_arena_free(a);
  return status;
}

cx_status cx_session_run(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt) {
  return run(c, file, NULL, arg, narg, opt);
}

cx_status cx_session_predict(cx_ctx *c, const char *path, const char *const *arg, int narg, const cx_session_opt *opt) {
  return run(c, -1, path, arg, narg, opt);
}

/* ---- what is made of a model without running the program; memory is the caller's ---- */
static cx_status opened(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt,
                        cx_arena *a, void (*fn)(cx_session *s, void *user), void *user) {
  cx_frame f;
  cx_session *volatile s = NULL;
  CX_TRY(c, f) {
    s = CX_NEW(a, cx_session);
    s->ctx = c;
    s->a = a;
    s->opt = opt;
    open_model(s, file, arg, narg);
    fn(s, user);
    CX_END(c, f);
    return CX_OK;
  }
  return thrown(c, f.status, s);
}

/* is it a pass? else the error says what there is */
static void known_pass(cx_ctx *c, const char *after) {
  const char *names[32];
  int n = 0;
  for (int k = 0; k < cx_npasses && k < 32; k++) {
    if (!strcmp(cx_passes[k].name, after)) return;
    names[n++] = cx_passes[k].name;
  }
  int id = cx_diag(c, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "there is no pass `%s`", after);
  const char *hit = cx_nearest(after, names, n);
  if (hit) cx_diag_help(c, id, "did you mean `%s`?", hit);
  else cx_diag_help(c, id, "stages: elaborate, diff, the passes of `calx help dump`, schedule");
  cx_throw(c, CX_E_USAGE);
}

typedef struct {
  const char *after;
  char *text;
} dumped;
static void dump(cx_session *s, void *user) {
  dumped *d = user;
  cx_model *m = s->m;
  bool first = !strcmp(d->after, "elaborate"), second = !strcmp(d->after, "diff");
  CX_VEC(uint32_t) root = {0};
  if (m->objective != CX_NO_EQ) {
    uint32_t *g = CX_NEW_N(s->a, uint32_t, s->flat.n + 1);
    *CX_PUSH(s->a, root) = m->objective;
    if (!first) {
      cx_prepare(m->graph);
      cx_diff_reverse(m->graph, m->objective, CX_NO_COT, s->flat.raw, s->flat.n, g);
      for (int k = 0; k < s->flat.n; k++) *CX_PUSH(s->a, root) = g[k];
    }
  }
  for (int k = 0; k < m->naction; k++)
    for (int j = 0; j < m->action[k].nquery; j++)
      if (m->action[k].query[j].eq != CX_NO_EQ) *CX_PUSH(s->a, root) = m->action[k].query[j].eq;
  if (!strcmp(d->after, "schedule")) {
    d->text = cx_exec_text(cx_fn_new(m, s->a, root.at, root.n, s->opt->threads)->exec, s->a);
    return;
  }
  cx_graph *g = cx_extract(m->graph, s->a, root.at, root.n, NULL);
  if (!first && !second) {
    known_pass(s->ctx, d->after);
    cx_run_passes(g, d->after);
    g = cx_extract(g, s->a, g->out, g->nout, NULL); /* what nothing asks for any more is not shown */
  }
  d->text = cx_graph_text(g, s->a);
}

cx_status cx_session_dump(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt,
                          cx_arena *a, const char *after, char **text) {
  dumped d = {.after = after};
  cx_status status = opened(c, file, arg, narg, opt, a, dump, &d);
  *text = d.text;
  return status;
}

typedef struct {
  cx_check_row *row;
  int n;
} checked;
static void check(cx_session *s, void *user) {
  checked *k = user;
  cx_session_view v = {s->prog, s->m, s->flat, s->opt->seed, s->opt->threads};
  k->row = cx_check_rows(&v, s->a, &k->n);
}

cx_status cx_session_check(cx_ctx *c, int32_t file, const char *const *arg, int narg, const cx_session_opt *opt,
                           cx_arena *a, cx_check_row **row, int *nrow) {
  checked k = {0};
  cx_status status = opened(c, file, arg, narg, opt, a, check, &k);
  *row = k.row, *nrow = k.n;
  for (int j = 0; j < k.n; j++)
    if (k.row[j].fault && !status) status = CX_E_DIAGNOSTIC;
  return status;
}
