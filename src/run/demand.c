/* demand.c - which demands on parameters of distributions fail, and with what values. */
#include "run/demand.h"

#include <math.h>
#include <string.h>

enum { SHOWN = 8, WIDE = 4 }; /* messages of one kind; elements of an array along each dimension */

typedef struct {
  const cx_model *m;
  cx_arena *a;
  const cx_flat *p;
  const void *x;
  const cx_span *within;
} state;

/* the values of some equations; NULL where they cannot be had */
static double **values(const state *s, const uint32_t *eq, int n, int64_t *count) {
  cx_fn *f = cx_fn_once(s->m, s->a, eq, n, 1, NULL);
  double **v = CX_NEW_N(s->a, double *, n + 1);
  const char *why = NULL;
  for (int k = 0; k < n; k++) v[k] = CX_NEW_N(s->a, double, f->out_n[k] + 1), count[k] = f->out_n[k];
  if (cx_fn_at(f, cx_work_new(s->a, f->exec), s->p, s->x, (void *const *)v, &why)) return NULL;
  for (int k = 0; f->single && k < n; k++)
    for (int64_t j = count[k] - 1; j >= 0; j--) v[k][j] = ((float *)v[k])[j];
  return v;
}

/* what a demand is decided by: 0 data and numbers, 1 params as well, 2 something that is not known here */
static int decided_by(const state *s, uint32_t eq) {
  const cx_model *m = s->m;
  const cx_graph *g = m->graph;
  int32_t *map = CX_NEW_N(s->a, int32_t, g->neq + 1);
  int by = 0;
  cx_extract(m->graph, s->a, &eq, 1, map);
  for (int k = 0; k < g->neq && by < 2; k++) {
    if (map[k] < 0 || g->eq[k]->kind != EQ_INPUT || g->eq[k]->node) continue; /* a variable of an integral is bound */
    bool given = k == m->rows_eq || k == m->training_eq || k == m->draw_eq, param = false;
    for (int j = 0; j < m->nparam; j++) param |= m->param[j].raw == (uint32_t)k;
    for (int j = 0; j < m->ndecl; j++)
      if (m->decl_eq[j] == (uint32_t)k) given = m->decl[j].bound && !m->decl[j].varies;
    for (int j = 0; j < m->ngiven; j++) given |= m->given[j].eq == (uint32_t)k;
    for (int j = 0; j < m->nvary; j++)
      if (m->vary[j] == (uint32_t)k) given = false;
    if (!given) by = param ? 1 : 2;
  }
  return by;
}

static void put_array(cx_buf *b, const double *v, const cx_dim *dim, int rank) {
  char shown[32];
  if (!rank) {
    cx_putf(b, "%s", cx_show_double(shown, *v));
    return;
  }
  int64_t step = 1;
  for (int k = 1; k < rank; k++) step *= dim[k].n;
  cx_put(b, "[", 1);
  for (int64_t k = 0; k < dim[0].n && k < WIDE; k++) {
    if (k) cx_put(b, ", ", 2);
    put_array(b, v + k * step, dim + 1, rank - 1);
  }
  cx_putf(b, dim[0].n > WIDE ? ", ..]" : "]");
}

/* at which element it fails, and what its operands are there */
static void say(const state *s, const cx_demand *d, int diag) {
  const cx_graph *g = s->m->graph;
  uint32_t *eq = CX_NEW_N(s->a, uint32_t, d->n + 1);
  int64_t *count = CX_NEW_N(s->a, int64_t, d->n + 1), at = 0;
  int n = 0;
  eq[n++] = d->each;
  for (int k = 0; k < d->n; k++)
    if (d->of[k].eq != CX_NO_EQ) eq[n++] = d->of[k].eq;
  double **v = values(s, eq, n, count);
  if (!v) return;
  while (at + 1 < count[0] && v[0][at] != 0) at++;
  const cx_eq *each = g->eq[d->each];
  cx_buf t = {.arena = s->a};
  cx_span where = d->span;
  cx_putf(&t, "%s", d->needs);
  n = 1;
  for (int k = 0; k < d->n; k++) {
    if (d->of[k].eq == CX_NO_EQ) continue;
    const cx_eq *e = g->eq[d->of[k].eq];
    int64_t own = cx_eq_count(e) / (count[0] > 0 ? count[0] : 1);
    cx_putf(&t, "%s `%s` is ", n == 1 ? ", but" : " and", d->of[k].text);
    put_array(&t, v[n] + at * own, e->dim + each->rank, e->rank - each->rank);
    if (n++ == 1) where = d->of[k].span;
  }
  int64_t left = count[0];
  for (int k = 0; k < each->rank; k++) {
    left /= each->dim[k].n;
    cx_putf(&t, "%s%lld%s", k ? ", " : " at element [", (long long)(at / left), k + 1 == each->rank ? "]" : "");
    at %= left;
  }
  if (diag >= 0) {
    cx_diag_label(s->m->ctx, diag, where, "%s", t.at);
    return;
  }
  int id = cx_diag(s->m->ctx, CX_ERROR, s->x ? CX_E_RUNTIME : CX_E_PROGRAM, where, "%s", t.at);
  if (d->help) cx_diag_help(s->m->ctx, id, "%s", d->help);
  else if (s->x) cx_diag_help(s->m->ctx, id, "a param of that domain cannot leave it: param s : positive");
}

static int look(const state *s, int diag) {
  const cx_model *m = s->m;
  uint32_t *eq = CX_NEW_N(s->a, uint32_t, m->ndemand + 1);
  int64_t *count = CX_NEW_N(s->a, int64_t, m->ndemand + 1);
  const cx_demand **of = CX_NEW_N(s->a, const cx_demand *, m->ndemand + 1);
  int n = 0, failed = 0;
  for (int k = 0; k < m->ndemand; k++) {
    const cx_span *in = s->within, at = m->demand[k].span;
    if (in && (at.file != in->file || at.beg < in->beg || at.end > in->end)) continue;
    int by = decided_by(s, m->demand[k].all);
    if (by > 1 || (by == 0 && !m->demand[k].late) != (s->x == NULL)) continue;
    of[n] = &m->demand[k];
    eq[n++] = m->demand[k].all;
  }
  double **v = n ? values(s, eq, n, count) : NULL;
  for (int k = 0; v && k < n; k++) {
    bool said = v[k][0] != 0;
    for (int j = 0; j < k && !said; j++)
      said = v[j][0] == 0 && !strcmp(of[j]->needs, of[k]->needs) && of[j]->span.file == of[k]->span.file &&
             of[j]->span.beg == of[k]->span.beg;
    if (!said && failed++ < SHOWN) say(s, of[k], diag);
  }
  return failed;
}

void cx_demands_of_data(const cx_model *m) {
  static const cx_flat none;
  cx_arena *a = cx_arena_new(m->ctx);
  look(&(state){m, a, &none, NULL, NULL}, -1);
  cx_arena_free(a);
}
int cx_demands_at(const cx_model *m, const cx_flat *p, const void *x, const cx_span *within, int diag) {
  cx_arena *a = cx_arena_new(m->ctx);
  int failed = look(&(state){m, a, p, x, within}, diag);
  cx_arena_free(a);
  return failed;
}
