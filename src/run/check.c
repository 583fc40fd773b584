/* check.c - `calx check`: every derivative against differences of values, every value against the reference evaluator,
 * and where the first number that is not finite comes from.
 *
 * Differences are of values alone, so they know nothing of the rules of differentiation; the values they are taken of
 * are compared with the reference evaluator, on the equations as they were written, at the same place. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pass/integral.h"
#include "quad/quad.h"
#include "run/fn.h"
#include "run/session_int.h"

#define ROWS_MAX    100 /* an objective over more rows of data is checked on the first ones, */
#define ROWS_WORK   4e6 /* and on fewer when a value takes more than this */
#define COORDS_MAX  12  /* numbers that are differenced in one quantity, spread evenly */
#define WORK_MAX    1e8 /* scalar evaluations the reference evaluator may take */
#define REPORTS_MAX 64
#define FD_LIMIT    1e-6 /* of the largest derivative there is: differences are no better on a curved function */
#define REF_LIMIT   1e-9 /* the reference evaluator sums in another order, nothing else */

typedef struct {
  cx_model *m;
  cx_arena *a;
  cx_flat p;
  double *x;
  int threads;
} checker;

static double work_of(const cx_graph *g) {
  double w = 0;
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind != EQ_INPUT) w += cx_eq_work(g->eq[k]);
  return w;
}

/* ---- the reference evaluator ---- */
static cx_array *inputs(const checker *q, const cx_graph *g, const int32_t *map) {
  const cx_model *m = q->m;
  cx_array *in = CX_NEW_N(q->a, cx_array, g->neq + 1);
  int n = 0;
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    if (e->kind != EQ_INPUT || e->node) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    cx_array v = {0};
    for (int j = 0; j < m->graph->neq; j++) {
      const cx_array *known = map[j] == k ? cx_input_array(m, (uint32_t)j) : NULL;
      if (known) v = *known;
    }
    for (int d = 0; d < q->p.n; d++)
      if (map[q->p.raw[d]] == k) v = cx_array_dense(q->x + q->p.offset[d], e->rank, dim);
    if (m->rows_eq >= 0 && map[m->rows_eq] == k) {
      double *r = CX_NEW_N(q->a, double, dim[0] + 1);
      for (int64_t j = 0; j < dim[0]; j++) r[j] = (double)j;
      v = cx_array_dense(r, 1, dim);
    }
    in[n++] = v;
  }
  return in;
}

/* NULL where it would take too long */
static double **reference(const checker *q, const uint32_t *root, int n) {
  int32_t *map = CX_NEW_N(q->a, int32_t, q->m->graph->neq + 1);
  cx_graph *g = cx_fn_graph(q->m, q->a, root, n, map);
  if (work_of(g) > WORK_MAX) return NULL;
  double **out = CX_NEW_N(q->a, double *, n + 1);
  cx_ref_run(g, q->a, inputs(q, g, map), out);
  return out;
}

/* says which equation, in order of computation, is the first with a value that is not finite */
static void point_at(const checker *q, uint32_t root) {
  int32_t *map = CX_NEW_N(q->a, int32_t, q->m->graph->neq + 1);
  cx_graph *g = cx_fn_graph(q->m, q->a, &root, 1, map);
  cx_comp *comp;
  int ncomp;
  if (work_of(g) > WORK_MAX || !cx_scc(g, q->a, &comp, &ncomp)) return;
  g->nout = 0;
  for (int k = 0; k < ncomp; k++)
    for (int j = 0; j < comp[k].n; j++)
      if (g->eq[comp[k].eq[j]]->kind != EQ_INPUT) cx_graph_output(g, comp[k].eq[j]);
  double **out = CX_NEW_N(q->a, double *, g->nout + 1);
  cx_ref_run(g, q->a, inputs(q, g, map), out);
  for (int k = 0; k < g->nout; k++) {
    const cx_eq *e = g->eq[g->out[k]];
    if (e->red == RED_max || e->red == RED_min) continue; /* of nothing they are infinite, as they should */
    int64_t n = cx_eq_count(e);
    for (int64_t j = 0; j < n; j++) {
      if (isfinite(out[k][j])) continue;
      const char *at = "";
      int64_t rest = j, size = n;
      for (int d = 0; d < e->rank; d++) {
        size /= e->dim[d].n;
        at = cx_format(q->a, "%s%s%lld", at, d ? ", " : "[", (long long)(rest / size));
        rest %= size;
      }
      bool own = e->name && e->name[0] != '_'; /* a name of the program */
      int id =
          cx_diag(q->m->ctx, CX_WARNING, CX_OK, e->span, "%s%s%s%s%s is %g", own ? "`" : "this", own ? e->name : "",
                  own ? "`" : "", at, e->rank ? "]" : "", isnan(out[k][j]) ? fabs(out[k][j]) : out[k][j]);
      cx_diag_help(
          q->m->ctx, id,
          "values follow IEEE arithmetic: look for a division by 0, or for a log or sqrt of what may be negative");
      return;
    }
  }
}

/* ---- tier 0 ---- */
typedef struct {
  const checker *q;
  cx_fn *f;
  cx_work *w;
  uint32_t extra;
  const double *at;
  double *out;
} value;
/* one quantity as a function of the params and, where extra is an input, of that */
static value value_of(const checker *q, uint32_t root, uint32_t extra) {
  value v = {q, cx_fn_new(q->m, q->a, &root, 1, q->threads), NULL, extra, NULL, NULL};
  v.w = cx_work_new(q->a, v.f->exec);
  v.out = CX_NEW_N(q->a, double, v.f->out_n[0] + 1);
  return v;
}
static bool evaluate(const value *v, const char **why) {
  const void **in = CX_NEW_N(v->q->a, const void *, v->f->nin + 1);
  void *out = v->out;
  for (int k = 0; k < v->f->nin; k++) {
    if (v->f->in_eq[k] == v->extra) in[k] = v->at;
    for (int j = 0; j < v->q->p.n; j++)
      if (v->q->p.raw[j] == v->f->in_eq[k]) in[k] = v->q->x + v->q->p.offset[j];
  }
  return cx_exec_run(v->f->exec, v->w, in, &out, why) == 0;
}

/* ---- errors ---- */
static double apart(double a, double b, double scale) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b) ? 0 : INFINITY;
  return a == b ? 0 : fabs(a - b) / fmax(fmax(fabs(b), scale), 1e-300);
}
static void compare(cx_check_row *r, const double *v, const double *ref, double scale) {
  for (int64_t j = 0; j < r->n; j++) {
    double e = apart(v[j], ref[j], scale);
    if (!(r->worst_ref >= e)) r->worst_ref = e;
  }
}
static double largest(const double *v, int64_t n, double most) {
  for (int64_t j = 0; j < n; j++)
    if (isfinite(v[j])) most = fmax(most, fabs(v[j]));
  return most;
}
static bool all_finite(const double *v, int64_t n) {
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(v[j])) return false;
  return true;
}

/* ---- differences ---- */
typedef double (*line_fn)(void *user, double t); /* the quantity when the coordinates moved by t; 0: as they are */

/* Ridders' extrapolated central difference (Numerical Recipes 5.7) from step h down: value, and its own error */
static double ridders(line_fn f, void *user, double h, double *err) {
  double table[8][8], best = NAN;
  *err = INFINITY;
  for (int i = 0; i < 8; i++, h /= 1.6) {
    double fac = 1.6 * 1.6;
    table[0][i] = (f(user, h) - f(user, -h)) / (2 * h);
    for (int j = 1; j <= i; j++, fac *= 1.6 * 1.6) {
      table[j][i] = (table[j - 1][i] * fac - table[j - 1][i - 1]) / (fac - 1);
      double e = fmax(fabs(table[j][i] - table[j - 1][i]), fabs(table[j][i] - table[j - 1][i - 1]));
      if (e <= *err) *err = e, best = table[j][i];
    }
  }
  return best;
}

/* How far derivative v is from the differences, beyond what they can tell themselves. Wide steps where the function is
 * smooth, narrow ones where there is a kink nearby; at a kink itself, any slope between those of its sides. */
static void difference(cx_check_row *r, double v, line_fn f, void *user, double unit, double scale) {
  static const double step[] = {0.05, 1e-3, 2e-5};
  double least = INFINITY;
  bool known = false;
  for (size_t k = 0; k < sizeof step / sizeof *step && !(least < 0.1 * FD_LIMIT); k++) {
    double err, d = ridders(f, user, step[k] * unit, &err);
    if (isnan(d) || isinf(err)) continue;
    known = true;
    least = fmin(least, fmax(0, apart(v, d, scale) - fmin(err / fmax(scale, 1e-300), 1e-3)));
  }
  if (known && least > FD_LIMIT) {
    double h = 1e-7 * unit, at = f(user, 0), a = (f(user, h) - at) / h, b = (at - f(user, -h)) / h,
           slack = 1e-5 * fmax(scale, fmax(fabs(a), fabs(b)));
    if (fabs(a - b) > 10 * slack && v >= fmin(a, b) - slack && v <= fmax(a, b) + slack) {
      r->note = "stands at a kink: the slope of one side";
      return;
    }
  }
  if (!known) r->note = "differences are not finite here";
  else if (!(r->worst_fd >= least)) r->worst_fd = least;
}

static void judge(cx_check_row *r) {
  if (!r->finite) r->fault = "not finite";
  else if (r->worst_ref > REF_LIMIT) r->fault = "differs from the reference evaluator";
  else if (r->worst_fd > FD_LIMIT) r->fault = "differs from finite differences";
}
static cx_check_row new_row(const char *name, int64_t n) {
  return (cx_check_row){.name = name, .n = n, .finite = true, .worst_fd = NAN, .worst_ref = NAN};
}

/* ---- the objective and its gradient ---- */
typedef struct {
  value f;
  double *x;
  double x0;
} param_line;
static double along_param(void *user, double t) {
  param_line *l = user;
  const char *why;
  *l->x = l->x0 + t;
  bool ok = evaluate(&l->f, &why);
  *l->x = l->x0;
  return ok ? l->f.out[0] : NAN;
}

/* the program on the first rows of its data */
static cx_model *first_rows(const cx_session_view *s, cx_arena *a, int64_t rows) {
  const cx_model *m = s->m;
  cx_decl *decl = CX_NEW_N(a, cx_decl, m->ndecl + 1);
  for (int k = 0; k < m->ndecl; k++) {
    decl[k] = m->decl[k];
    for (int d = 0; d < decl[k].rank; d++)
      if (decl[k].dim[d].name == m->rows_name) decl[k].dim[d].n = decl[k].array.dim[d] = rows;
  }
  cx_elab_opt o = {.no_queries = true, .seed = m->seed};
  cx_model *cut = cx_elaborate(s->prog, a, decl, m->ndecl, &o);
  if (cut) cut->single = false;
  return cut;
}

static void see_random(void *user, const cx_node *n) { *(bool *)user |= n->op == OP_random; }
/* Are derivatives those of what random draws estimate, which differences of the estimate do not follow? Then draws are
 * held fast (front/elab_draw.c). */
static bool by_score(const checker *q, uint32_t root, cx_check_row *r) {
  cx_graph *g = cx_extract(q->m->graph, q->a, &root, 1, NULL);
  bool any = false;
  for (uint32_t k = 0; k < (uint32_t)g->neq && !any; k++) {
    if (!g->eq[k]->inert) continue;
    cx_graph *fast = cx_extract(g, q->a, &k, 1, NULL);
    for (int j = 0; j < fast->neq; j++)
      if (fast->eq[j]->kind == EQ_CALC) cx_visit(fast, fast->eq[j]->body, see_random, &any);
  }
  if (any) r->note = "of random draws, by the score function: no difference of values";
  return any;
}

static cx_check_row *gradient_rows(cx_session_view *s, checker q, cx_check_row *row) {
  for (int64_t rows = ROWS_MAX; q.m->rows > rows && rows >= 6;
       rows /= 4) { /* the same equations, whatever their number */
    if (!(q.m = first_rows(s, q.a, rows))) cx_throw(s->m->ctx, CX_E_PROGRAM);
    q.p = cx_flat_new(q.m, q.a, q.m->nparam);
    if (work_of(cx_extract(q.m->graph, q.a, &q.m->objective, 1, NULL)) <= ROWS_WORK) break;
  }
  cx_model *m = q.m;
  q.x = CX_NEW_N(q.a, double, q.p.offset[q.p.n] + 1);
  cx_flat_start(m, q.a, &q.p, s->seed, q.x);
  for (int64_t k = 0; k < q.p.offset[q.p.n]; k++)
    q.x[k] += 0.1 * sin(1.7 * (double)k + 1); /* away from symmetric starts */
  uint32_t *root = CX_NEW_N(q.a, uint32_t, q.p.n + 1);
  root[0] = m->objective;
  double **written = reference(&q, root, 1); /* before anything was made stable */
  param_line line = {.f = value_of(&q, m->objective, CX_NO_EQ)};
  cx_prepare(m->graph);
  cx_diff_reverse(m->graph, m->objective, CX_NO_COT, q.p.raw, q.p.n, root + 1);
  double **ref = reference(&q, root, q.p.n + 1);
  cx_fn *f = cx_fn_new(m, q.a, root, q.p.n + 1, q.threads);
  void **out = CX_NEW_N(q.a, void *, q.p.n + 1);
  for (int k = 0; k <= q.p.n; k++) out[k] = CX_NEW_N(q.a, double, f->out_n[k] + 1);
  const char *why = NULL;
  if (cx_fn_at(f, cx_work_new(q.a, f->exec), &q.p, q.x, out, &why)) {
    cx_diag(m->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
    cx_throw(m->ctx, CX_E_RUNTIME);
  }
  double scale = 0;
  for (int k = 0; k < q.p.n; k++) scale = largest(out[k + 1], f->out_n[k + 1], scale);
  bool pointed = false;
  for (int k = 0; k <= q.p.n; k++) {
    const double *v = out[k];
    cx_check_row r = new_row(k ? cx_format(q.a, "d(objective, %s)", m->param[k - 1].name) : "objective", f->out_n[k]);
    r.finite = all_finite(v, r.n);
    if (!r.finite && !pointed) point_at(&q, root[k]), pointed = true;
    if (ref) compare(&r, v, ref[k], k ? scale : 0);
    else r.note = "too large for the reference evaluator";
    if (!k && written && isfinite(written[0][0])) compare(&r, v, written[0], 0);
    int64_t step = (r.n + COORDS_MAX - 1) / COORDS_MAX;
    bool score = k && by_score(&q, m->objective, &r);
    for (int64_t j = 0; k && r.finite && !score && j < r.n; j += step) {
      line.x = &q.x[q.p.offset[k - 1] + j];
      line.x0 = *line.x;
      difference(&r, v[j], along_param, &line, fmax(1, fabs(line.x0)), scale);
    }
    judge(&r);
    *row++ = r;
  }
  return row;
}

/* ---- derivatives that the program asks for ---- */
typedef struct {
  value f;
  double *x;
  const double *x0;
  int64_t n, first, count;
  int64_t element;
} leaf_line;
/* the leaf's elements first, first + n, .. moved together: all instances at once; element -1: of the sum of all */
static double along_leaf(void *user, double t) {
  leaf_line *l = user;
  const char *why;
  for (int64_t k = l->first; k < l->count; k += l->n) l->x[k] = l->x0[k] + t;
  bool ok = evaluate(&l->f, &why);
  for (int64_t k = l->first; k < l->count; k += l->n) l->x[k] = l->x0[k];
  if (!ok) return NAN;
  double sum = 0;
  for (int64_t k = 0; l->element < 0 && k < l->f.f->out_n[0]; k++) sum += l->f.out[k];
  return l->element < 0 ? sum : l->f.out[l->element];
}

static cx_check_row derivative_row(const checker *q, const cx_derivative *d, const char *name) {
  cx_model *m = q->m;
  value out = value_of(q, d->out, CX_NO_EQ), leaf = value_of(q, d->leaf, CX_NO_EQ);
  cx_check_row r = new_row(name, out.f->out_n[0]);
  const char *why = NULL;
  if (!evaluate(&out, &why) || !evaluate(&leaf, &why)) {
    r.note = why;
    return r;
  }
  r.finite = all_finite(out.out, r.n);
  cx_eq *moved = cx_eq_new(m->graph, NULL, EQ_INPUT);
  const cx_eq *was = m->graph->eq[d->leaf];
  moved->rank = was->rank;
  memcpy(moved->dim, was->dim, sizeof moved->dim);
  uint32_t of = cx_replace(m->graph, d->of, &d->leaf, &moved->id, 1);
  leaf_line l = {.f = value_of(q, of, moved->id), .count = leaf.f->out_n[0]};
  l.x = CX_NEW_N(q->a, double, l.count + 1);
  memcpy(l.x, leaf.out, (size_t)l.count * sizeof *l.x);
  l.x0 = leaf.out;
  l.f.at = l.x;
  l.n = l.count; /* elements of one instance */
  for (int k = 0; k < d->instances && l.n; k++) l.n /= was->dim[k].n;
  double scale = largest(out.out, r.n, 0);
  if (evaluate(&l.f, &why))
    scale = largest(l.f.out, l.f.f->out_n[0], scale); /* a difference is as good as the values */
  int64_t step = (r.n + 4 * COORDS_MAX - 1) / (4 * COORDS_MAX);
  bool score = by_score(q, d->of, &r);
  for (int64_t j = 0; r.finite && !score && j < r.n; j += step) {
    if (d->reverse) l.first = j, l.n = l.count, l.element = -1;
    else l.first = j % l.n, l.element = j / l.n;
    difference(&r, out.out[j], along_leaf, &l, 1, scale);
  }
  judge(&r);
  return r;
}

static const char *source(const checker *q, cx_span s) {
  size_t n;
  if (s.file < 0) return "derivative";
  const char *text = cx_source_text(q->m->ctx, s.file, &n);
  return cx_strdup(q->a, text + s.beg, s.end - s.beg);
}

/* does it depend on the variable of an integral around? Then it has no value of its own. */
static bool inside_integral(const checker *q, uint32_t root) {
  cx_graph *g = cx_extract(q->m->graph, q->a, &root, 1, NULL);
  bool any = false;
  for (int k = 0; k < g->neq && !any; k++) {
    any = g->eq[k]->kind == EQ_INPUT && g->eq[k]->node;
    for (int j = 0; j < g->neq && any; j++)
      if (cx_is_integral(g->eq[j]) && g->eq[j]->prim_arg[CX_INTEGRAL_X] == (uint32_t)k) any = false;
  }
  return any;
}

static cx_check_row *derivative_rows(const checker *q, cx_check_row *row) {
  cx_model *m = q->m;
  CX_VEC(uint32_t) root = {0};
  for (int k = 0; k < m->naction; k++)
    for (int j = 0; j < m->action[k].nquery; j++)
      if (m->action[k].query[j].eq != CX_NO_EQ) *CX_PUSH(q->a, root) = m->action[k].query[j].eq;
  if (m->objective != CX_NO_EQ) *CX_PUSH(q->a, root) = m->objective;
  int32_t *map = CX_NEW_N(q->a, int32_t, m->graph->neq + 1);
  cx_extract(m->graph, q->a, root.at, root.n, map); /* the rest was a first attempt of the elaborator */
  for (int k = 0; k < m->nderivative; k++) {
    const cx_derivative *d = &m->derivative[k];
    if (map[d->out] < 0 || inside_integral(q, d->out)) continue;
    *row++ = derivative_row(q, d, source(q, d->span));
  }
  return row;
}

/* ---- everything ---- */
static cx_check_row query_row(const checker *q, const cx_query *query) {
  value v = value_of(q, query->eq, CX_NO_EQ);
  cx_check_row r = new_row(query->text, v.f->out_n[0]);
  const char *why = NULL;
  if (!evaluate(&v, &why)) {
    r.note = why;
    return r;
  }
  double **ref = reference(q, &query->eq, 1);
  cx_integral_report *i = CX_NEW_N(q->a, cx_integral_report, REPORTS_MAX);
  int ni = cx_work_integrals(v.f->exec, v.w, i, REPORTS_MAX);
  double rounding = 0; /* integrals that cancel to nothing agree as far as they claim to */
  for (int k = 0; k < ni && k < REPORTS_MAX; k++)
    if (i[k].status <= QUAD_ROUNDOFF) rounding += i[k].error;
  if (ref) compare(&r, v.out, ref[0], fmax(largest(v.out, r.n, 0), rounding / REF_LIMIT));
  else r.note = "too large for the reference evaluator";
  r.finite = all_finite(v.out, r.n);
  if (!r.finite) point_at(q, query->eq);
  judge(&r);
  return r;
}

cx_check_row *cx_check_rows(cx_session_view *s, cx_arena *a, int *n) {
  cx_model *m = s->m;
  m->single = false; /* differences need double */
  checker q = {m, a, s->flat, NULL, s->threads};
  q.x = CX_NEW_N(a, double, q.p.offset[q.p.n] + 1);
  cx_flat_start(m, a, &q.p, s->seed, q.x);
  int nq = 0;
  for (int k = 0; k < m->naction; k++) nq += m->action[k].nquery;
  cx_check_row *first = CX_NEW_N(a, cx_check_row, nq + m->nderivative + m->nparam + 2), *row = first;
  for (int k = 0; k < m->naction; k++)
    for (int j = 0; j < m->action[k].nquery; j++)
      if (m->action[k].query[j].eq != CX_NO_EQ) *row++ = query_row(&q, &m->action[k].query[j]);
  row = derivative_rows(&q, row);
  if (m->objective != CX_NO_EQ && m->nparam) row = gradient_rows(s, q, row);
  *n = (int)(row - first);
  return first;
}
