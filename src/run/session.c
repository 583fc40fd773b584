/* session.c - a program from its first statement to its last. */
#include "run/session.h"

#include <math.h>
#include <string.h>

#include "data/vocab.h"
#include "pass/integral.h"
#include "run/explain.h"
#include "run/fitting.h"
#include "run/model_file.h"
#include "run/session_int.h"
#include "run/standard.h"

static void emit(cx_session *s, const cx_event *e) {
  if (s->opt->event) s->opt->event(s->opt->user, e);
}

/* values of several equations at the current params, as doubles; integrals: what became of those behind them */
static double **values(cx_session *s, const uint32_t *eq, int n, int64_t *count, cx_integral_summary *integrals) {
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

static cx_result result_of(cx_session *s, const cx_query *q, const double *v) {
  cx_result r = {.text = q->text, .label = q->label};
  if (q->label) return r;
  const cx_eq *e = s->m->graph->eq[q->eq];
  int64_t dim[CX_MAX_RANK];
  for (int k = 0; k < e->rank; k++) dim[k] = e->dim[k].n;
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
  double **v = values(s, both, 1 + known, count, sum);
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

static bool integrates(cx_session *s, uint32_t eq) { /* then it is computed alone: its errors are its own */
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
  bool any = s->m->nestimate > 0;
  for (int k = 0; k < s->m->graph->neq && !any; k++) any = cx_is_integral(s->m->graph->eq[k]);
  for (int k = 0; k < act->nquery; k++) {
    uint32_t e = act->query[k].eq;
    if (e == CX_NO_EQ) continue;
    alone[k] = any && integrates(s, e);
    if (!alone[k]) eq[n++] = e;
  }
  double **v = values(s, eq, n, count, NULL);
  cx_result *r = CX_NEW_N(s->t, cx_result, act->nquery + 1);
  n = 0;
  for (int k = 0; k < act->nquery; k++) {
    uint32_t e = act->query[k].eq;
    cx_integral_summary sum = {0};
    const double *x = e == CX_NO_EQ ? NULL : alone[k] ? with_error(s, e, act->ast->span, &sum) : v[n++];
    r[k] = result_of(s, &act->query[k], x);
    if (e != CX_NO_EQ && alone[k] && !sum.n && !sum.draws)
      sum = (cx_integral_summary){.n = 1, .converged = true}; /* a closed form */
    r[k].integrals = sum;
  }
  return r;
}

static void print(cx_session *s, const cx_action *act) {
  cx_event e = {.kind = EV_RESULT, .where = act->ast->span, .result = results(s, act), .nresult = act->nquery};
  emit(s, &e);
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
    emit(s, &e);
    return;
  }
  cx_result *r = results(s, act);
  if (r->said) { /* a line for each */
    int64_t rows = r->value.rank == 2 ? r->value.dim[0] : 1;
    cx_array_row_major(&r->value, 1, &rows);
    r->value.text = r->said;
  }
  cx_write_file(s->ctx, path, &r->value, NULL);
  cx_event e = {.kind = EV_WRITE, .where = act->ast->span, .path = path, .array = &r->value};
  emit(s, &e);
}

/* ---- plots ---- */
static void add_curve(cx_session *s, cx_plot *p, const char *text, int64_t n, const double *x, const double *y,
                      int64_t step) {
  double *yy = CX_NEW_N(s->t, double, n + 1);
  for (int64_t k = 0; k < n; k++) yy[k] = y[k * step];
  p->curve[p->ncurve++] = (cx_curve){.text = text, .n = n, .x = x, .y = yy};
}
static double *steps(cx_session *s, int64_t n, double by) {
  double *x = CX_NEW_N(s->t, double, n + 1);
  for (int64_t k = 0; k < n; k++) x[k] = (double)k * by;
  return x;
}

#define CURVES_MAX 64
/* the groups of points or pictures: their numbers in ascending order, and each one's name */
enum { GROUPS_MAX = 16 };
typedef struct {
  double value[GROUPS_MAX];
  int n;
} groups;
static bool find_groups(cx_session *s, const cx_query *q, const double *v, int64_t n, groups *g) {
  g->n = 0;
  for (int64_t i = 0; i < n; i++) {
    int k = 0;
    while (k < g->n && g->value[k] < v[i]) k++;
    if (k < g->n && g->value[k] == v[i]) continue;
    if (g->n == GROUPS_MAX || v[i] != floor(v[i])) {
      int id = cx_diag(s->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN,
                       "`by %s`: groups are at most %d whole numbers or categories", q->text, GROUPS_MAX);
      cx_diag_help(s->ctx, id, "make groups of it first, as in floor(%s / 10)", q->text);
      return false;
    }
    memmove(g->value + k + 1, g->value + k, (size_t)(g->n++ - k) * sizeof *g->value);
    g->value[k] = v[i];
  }
  return true;
}
static const char *group_name(cx_session *s, const cx_query *q, double v) {
  const cx_array *a = q->level_of != CX_NO_EQ ? &s->m->decl[q->level_of].array : NULL;
  if (q->spoken) { /* what would not be seen has a sign */
    size_t n;
    const char *unit = cx_text_unit(s->t, (cx_unit)q->unit, q->vocab, (int64_t)v, &n);
    cx_buf b = {.arena = s->t};
    for (size_t k = 0; k < n; k++)
      if (unit[k] == ' ' || unit[k] == '\n') cx_puts(&b, unit[k] == ' ' ? "·" : "¶");
      else cx_put(&b, unit + k, 1);
    return b.at ? b.at : "";
  }
  return a && v >= 0 && v < a->nlevel ? a->level[(int)v] : cx_format(s->t, "%g", v);
}

/* points: for each of the values a row, or for each group those of it */
static void scatter(cx_session *s, const cx_action *act, cx_plot *p, double *const *v) {
  const double *x = v[0], *by = act->by.eq != CX_NO_EQ ? v[1 + act->nquery] : NULL;
  int64_t n = s->m->graph->eq[act->against.eq]->dim[0].n;
  p->kind = PLOT_SCATTER;
  p->xlabel = act->against.text;
  if (act->nquery == 1) p->ylabel = act->query[0].text;
  groups g = {.n = 1};
  if (by && !find_groups(s, &act->by, by, n, &g)) cx_throw(s->ctx, CX_E_RUNTIME);
  for (int k = 0; k < act->nquery; k++) {
    const cx_eq *e = s->m->graph->eq[act->query[k].eq];
    int64_t cols = e->rank > 1 ? e->dim[1].n : 1;
    for (int64_t c = 0; c < cols; c++)
      for (int j = 0; j < g.n && p->ncurve < CURVES_MAX; j++) {
        double *xs = CX_NEW_N(s->t, double, n + 1), *ys = CX_NEW_N(s->t, double, n + 1);
        int64_t m = 0;
        for (int64_t i = 0; i < n; i++)
          if (!by || by[i] == g.value[j]) xs[m] = x[i], ys[m++] = v[1 + k][i * cols + c];
        const char *text = act->query[k].text;
        if (by) text = group_name(s, &act->by, g.value[j]);
        else if (cols > 1) text = cx_format(s->t, "%s [%lld]", text, (long long)c);
        p->curve[p->ncurve++] = (cx_curve){.text = text, .n = m, .x = xs, .y = ys};
      }
  }
  if (by) p->title = cx_format(s->t, "%s against %s, by %s", act->query[0].text, act->against.text, act->by.text);
}

/* what the rows and columns of a matrix are called */
static void cell_names(cx_session *s, const cx_query *q, const double *v, cx_plot *p) {
  bool words = q->eq == CX_NO_EQ;
  if (words && q->level_of == CX_NO_EQ) return;
  int64_t n = words ? s->m->decl[q->level_of].array.nlevel : s->m->graph->eq[q->eq]->dim[0].n;
  const char **name = CX_NEW_N(s->t, const char *, n + 1);
  for (int64_t k = 0; k < n; k++) name[k] = group_name(s, q, words ? (double)k : v[k]);
  if (n == p->nx) p->xname = name;
  if (n == p->ny) p->yname = name;
}

/* pictures of one array have one scale, so that they compare; those of several arrays one each */
static void images(cx_session *s, const cx_action *act, cx_plot *p, double *const *v) {
  const double *by = act->by.eq != CX_NO_EQ ? v[act->nquery] : NULL,
               *also = act->also.eq != CX_NO_EQ ? v[act->nquery + 1] : NULL;
  int64_t most = 0;
  for (int k = 0; k < act->nquery; k++) {
    const cx_eq *e = s->m->graph->eq[act->query[k].eq];
    most += e->rank == 4 ? e->dim[0].n * e->dim[1].n : e->rank == 3 ? e->dim[0].n : 1;
  }
  enum { PICTURES_MAX = 400 };
  if (most > PICTURES_MAX) {
    int id = cx_diag(s->ctx, CX_ERROR, CX_E_RUNTIME, act->ast->span, "a plot of %lld pictures: they would be dots",
                     (long long)most);
    cx_diag_help(s->ctx, id, "plot some of them, as in %s[0..99]", act->query[0].text);
    cx_throw(s->ctx, CX_E_RUNTIME);
  }
  p->kind = PLOT_IMAGES;
  p->picture = CX_NEW_N(s->t, cx_picture, most + 1);
  if (act->nquery == 1) p->title = act->query[0].text;
  for (int k = 0; k < act->nquery; k++) {
    const cx_eq *e = s->m->graph->eq[act->query[k].eq];
    int first = e->rank - 2;
    int64_t n = 1, h = e->dim[first].n, w = e->dim[first + 1].n;
    for (int d = 0; d < first; d++) n *= e->dim[d].n;
    if (first == 2) p->columns = (int)e->dim[1].n;
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < n * h * w; i++)
      if (isfinite(v[k][i])) lo = fmin(lo, v[k][i]), hi = fmax(hi, v[k][i]);
    for (int64_t i = 0; i < n && h && w; i++) {
      const char *caption = act->nquery > 1 && n == 1 ? act->query[k].text : NULL;
      if (by) caption = group_name(s, &act->by, by[i]);
      if (also)
        caption =
            cx_format(s->t, "%s %s, %s %s", act->by.text, caption, act->also.text, group_name(s, &act->also, also[i]));
      const char *heading = act->nquery > 1 && n > 1 && !i ? act->query[k].text : NULL;
      p->picture[p->npicture++] = (cx_picture){caption, heading, w, h, v[k] + i * h * w, lo, hi};
    }
  }
}

static void plot(cx_session *s, const cx_action *act) {
  cx_plot p = {.file = act->file, .curve = CX_NEW_N(s->t, cx_curve, CURVES_MAX)};
  uint32_t eq[CURVES_MAX + 5];
  int64_t count[CURVES_MAX + 5];
  int n = 0, nq = act->nquery < CURVES_MAX ? act->nquery : CURVES_MAX;
  for (int k = 0; k < act->nvar; k++) eq[n++] = act->grid[k];
  for (int k = 0; k < nq; k++)
    if (act->query[k].eq != CX_NO_EQ) eq[n++] = act->query[k].eq;
  bool pictures = !act->nvar && nq && act->against.eq == CX_NO_EQ && act->query[0].eq != CX_NO_EQ;
  if (pictures) { /* one matrix is a map of its cells */
    int rank = s->m->graph->eq[act->query[0].eq]->rank;
    pictures = rank >= 3 || (rank == 2 && nq > 1);
  }
  bool points = act->against.eq != CX_NO_EQ, both = points && act->nvar;
  if (both) {
    eq[n] = act->against.eq; /* behind the others */
    points = false;
  } else if (points) {
    memmove(eq + 1, eq, (size_t)n++ * sizeof *eq);
    eq[0] = act->against.eq;
  }
  if (act->by.eq != CX_NO_EQ) eq[n++] = act->by.eq;
  if (act->also.eq != CX_NO_EQ) eq[n++] = act->also.eq;
  double **v = values(s, eq, n + both, count, NULL);
  const double *against = both ? v[n] : NULL;
  const double *by = act->by.eq != CX_NO_EQ ? v[n - 1 - (act->also.eq != CX_NO_EQ)] : NULL;
  if (points || pictures) {
    if (points) scatter(s, act, &p, v);
    else images(s, act, &p, v);
    cx_event e = {.kind = EV_PLOT, .where = act->ast->span, .plot = &p};
    emit(s, &e);
    return;
  }
  const double *x = act->nvar ? v[0] : NULL;
  n = act->nvar;
  if (act->nvar) p.xlabel = both ? act->against.text : act->var[0];
  if (act->nvar == 2) p.ylabel = act->var[1];
  for (int k = 0; k < nq; k++) {
    const cx_query *q = &act->query[k];
    if (q->trace) {
      if (!s->ntrace) {
        cx_diag(s->ctx, CX_WARNING, CX_OK, act->ast->span, "there is no fit above whose trace could be plotted");
        continue;
      }
      add_curve(s, &p, "objective", s->ntrace, steps(s, s->ntrace, (double)s->trace_stride), s->trace, 1);
      if (s->kept_back)
        add_curve(s, &p, "validation", s->ntrace, steps(s, s->ntrace, (double)s->trace_stride), s->kept_back, 1);
      p.xlabel = s->by_epoch ? "epoch" : "step";
      p.kind = PLOT_TRACE;
      continue;
    }
    const cx_eq *e = s->m->graph->eq[q->eq];
    const double *y = v[n++];
    bool map = (act->nvar == 2 && e->rank == 2) || (act->nvar == 0 && e->rank == 2);
    if (map && !p.z) {
      p.z = y;
      p.ny = e->dim[0].n;
      p.nx = e->dim[1].n;
      p.title = q->text;
      if (!act->nvar) p.kind = PLOT_MATRIX, cell_names(s, &act->by, by, &p);
      p.x0 = act->nvar ? act->lo[0] : 0, p.x1 = act->nvar ? act->hi[0] : (double)p.nx - 1;
      p.y0 = act->nvar ? act->lo[1] : 0, p.y1 = act->nvar ? act->hi[1] : (double)p.ny - 1;
      continue;
    }
    if (map) continue;
    int64_t rows = e->dim[0].n, cols = e->rank > 1 ? e->dim[1].n : 1;
    const double *xs = q->points ? against : x ? x : steps(s, rows, 1);
    if (!x) p.kind = PLOT_SERIES;
    if (q->area && p.ncurve < CURVES_MAX) {
      int64_t one[3];
      double **part = values(s, q->part, 3, one, NULL);
      add_curve(s, &p, cx_format(s->t, "%s = %.6g", q->text, part[2][0]), rows, xs, y, cols);
      cx_curve *c = &p.curve[p.ncurve - 1];
      c->area = true;
      c->lo = fmin(part[0][0], part[1][0]), c->hi = fmax(part[0][0], part[1][0]);
      continue;
    }
    for (int64_t c = 0; c < cols && p.ncurve < CURVES_MAX; c++) {
      add_curve(s, &p, cols > 1 ? cx_format(s->t, "%s [%lld]", q->text, (long long)c) : q->text, rows, xs, y + c, cols);
      p.curve[p.ncurve - 1].points = q->points;
    }
  }
  cx_event e = {.kind = EV_PLOT, .where = act->ast->span, .plot = &p};
  emit(s, &e);
}

/* ---- fits ---- */
typedef struct {
  cx_session *s;
  const cx_action *act;
} fit_user;
static void progress(void *user, const cx_progress *p) {
  fit_user *u = user;
  cx_event e = {.kind = EV_FIT_PROGRESS, .where = u->act->ast->span, .progress = p, .text = u->act->method};
  emit(u->s, &e);
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

static int options_of(cx_session *s, const cx_ast *st, cx_fit_opt *opt) {
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

static cx_status fit(cx_session *s, const cx_action *act) {
  cx_fit_report *rep = CX_NEW(s->t, cx_fit_report);
  size_t params = (size_t)s->flat.offset[act->nparam] * (s->m->single ? sizeof(float) : sizeof(double));
  cx_event e = {.kind = EV_FIT_BEGIN, .where = act->ast->span, .text = act->method};
  emit(s, &e);
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
    int n = options_of(s, act->options, opt);
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
  double **v = values(s, eq, nparam, count, NULL);
  int64_t one;
  if (act->objective != CX_NO_EQ &&
      integrates(s, act->objective)) /* where the fit ended: says which integrals missed */
    values(s, &act->objective, 1, &one, NULL);
  for (int k = 0; k < nparam; k++) {
    const char *name = s->m->param[act->only ? act->only[k] : k].name;
    cx_query q = {.text = cx_strdup(s->t, name, strlen(name)), .eq = eq[k], .level_of = CX_NO_EQ};
    r[k] = result_of(s, &q, v[k]);
  }
  cx_event end = {.kind = EV_FIT_END,
                  .where = act->ast->span,
                  .fit = rep,
                  .param = r,
                  .nparam = nparam,
                  .text = act->method,
                  .metric = act->query};
  emit(s, &end);
  return status;
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
    cx_fit_check(s->ctx, s->a, st->name, st->name_span, opt, options_of(s, st, opt));
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
        case ACT_PLOT: plot(s, act); break;
        case ACT_WRITE: write_file(s, act); break;
        case ACT_FIT: st = fit(s, act); break;
        case ACT_EXPLAIN: {
          cx_event e = {.kind = EV_EXPLAIN,
                        .where = act->ast->span,
                        .text = cx_explain(s->ctx, s->t, s->prog->ast, act->ast->kid[0])};
          emit(s, &e);
          break;
        }
      }
      cx_arena_free(s->t);
      if (st != CX_OK && status == CX_OK) status = st;
      if (opt->stop && *opt->stop) status = CX_E_INTERRUPT;
    }
    emit(s,
         &(cx_event){.kind = EV_LEFT, .where = CX_NOSPAN, .left = &(cx_left){s->left.at, (size_t)s->left.n, s->nfit}});
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
