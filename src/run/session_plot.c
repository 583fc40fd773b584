/* session_plot.c - what a plot shows, from the values of its equations. */
#include <math.h>
#include <string.h>

#include "data/vocab.h"
#include "run/session_int.h"

static void add_curve(cx_session *s, cx_plot *p, const char *text, int64_t n, const double *x, const double *y,
                      int64_t step) {
  double *yy = CX_NEW_N(s->t, double, n + 1);
  for (int64_t k = 0; k < n; k++) yy[k] = y[k * step];
  p->curve[p->ncurve++] = (cx_curve){.text = text, .n = n, .x = x, .y = yy};
}
static double *steps(cx_session *s, int64_t n, double from, double by) {
  double *x = CX_NEW_N(s->t, double, n + 1);
  for (int64_t k = 0; k < n; k++) x[k] = from + by * (double)k;
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

/* A picture in colour is as `write` has it: [h, w, 3], of more than the three columns that a filter may have. */
static bool colour(const cx_eq *e) { return e->rank >= 3 && e->dim[e->rank - 1].n == 3 && e->dim[e->rank - 2].n > 3; }

/* what a caption calls the numbers of digit[0..9]: digit */
static const char *caption_name(cx_session *s, const char *text) {
  size_t n = strcspn(text, "[");
  return n && text[n] && strchr(text, ']') == text + strlen(text) - 1 ? cx_format(s->t, "%.*s", (int)n, text) : text;
}

/* pictures of one array have one scale, so that they compare; those of several arrays one each */
static void images(cx_session *s, const cx_action *act, cx_plot *p, double *const *v) {
  const double *by = act->by.eq != CX_NO_EQ ? v[act->nquery] : NULL,
               *also = act->also.eq != CX_NO_EQ ? v[act->nquery + 1] : NULL;
  int64_t most = 0;
  for (int k = 0; k < act->nquery; k++) {
    const cx_eq *e = s->m->graph->eq[act->query[k].eq];
    int lead = e->rank - 2 - colour(e);
    most += lead == 2 ? e->dim[0].n * e->dim[1].n : lead == 1 ? e->dim[0].n : 1;
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
    bool rgb = colour(e);
    int first = e->rank - 2 - rgb, parts = rgb ? 3 : 1;
    int64_t n = 1, h = e->dim[first].n, w = e->dim[first + 1].n;
    for (int d = 0; d < first; d++) n *= e->dim[d].n;
    if (first == 2) p->columns = (int)e->dim[1].n;
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < n * h * w * parts; i++)
      if (isfinite(v[k][i])) lo = fmin(lo, v[k][i]), hi = fmax(hi, v[k][i]);
    if (rgb && lo >= 0 && hi <= 255) lo = 0, hi = hi <= 1 ? 1 : 255;
    for (int64_t i = 0; i < n && h && w; i++) {
      const char *caption = act->nquery > 1 && n == 1 ? act->query[k].text : NULL;
      if (by) caption = group_name(s, &act->by, by[i]);
      if (also)
        caption = cx_format(s->t, "%s %s, %s %s", caption_name(s, act->by.text), caption,
                            caption_name(s, act->also.text), group_name(s, &act->also, also[i]));
      const char *heading = act->nquery > 1 && n > 1 && !i ? act->query[k].text : NULL;
      p->picture[p->npicture++] = (cx_picture){caption, heading, w, h, v[k] + i * h * w * parts, lo, hi, rgb};
    }
  }
}

void cx_session_plot(cx_session *s, const cx_action *act) {
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
  double **v = cx_values(s, eq, n + both, count, NULL);
  const double *against = both ? v[n] : NULL;
  const double *by = act->by.eq != CX_NO_EQ ? v[n - 1 - (act->also.eq != CX_NO_EQ)] : NULL;
  if (points || pictures) {
    if (points) scatter(s, act, &p, v);
    else images(s, act, &p, v);
    cx_event e = {.kind = EV_PLOT, .where = act->ast->span, .plot = &p};
    cx_emit(s, &e);
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
      const double *at = steps(s, s->ntrace, s->by_epoch, (double)s->trace_stride); /* the first epoch is 1 */
      add_curve(s, &p, "objective", s->ntrace, at, s->trace, 1);
      if (s->kept_back) add_curve(s, &p, "validation", s->ntrace, at, s->kept_back, 1);
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
    const double *xs = q->points ? against : x ? x : steps(s, rows, 0, 1);
    if (!x) p.kind = PLOT_SERIES;
    if (q->area && p.ncurve < CURVES_MAX) {
      int64_t one[3];
      double **part = cx_values(s, q->part, 3, one, NULL);
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
  cx_emit(s, &e);
}
