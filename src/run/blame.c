/* blame.c - where does an objective that is not finite begin to be so, or its gradient? The equations it is computed from
 * are evaluated; the one with such a value, though all it reads is finite, is pointed at. An equation of a gradient lies
 * where that lies whose derivative it is. */
#include "run/blame.h"

#include <math.h>
#include <string.h>

#include "pass/pass.h"
#include "run/demand.h"

enum { MOST = 1000, ROOM = 1 << 22 }; /* equations, and their elements together */

typedef struct {
  const cx_model *m;
  cx_arena *a;
  bool gradient;
  uint32_t eq[MOST];
  int n;
  const cx_blame_rows *rows; /* NULL: all of them */
  void *value[MOST];
  int64_t bad[MOST]; /* first element that is not finite, -1: none */
  double at[MOST];   /* its value */
} blame;

static void collect(blame *b, const uint32_t *root, int n) {
  const cx_graph *g = b->m->graph;
  int32_t *map = CX_NEW_N(b->a, int32_t, g->neq + 1);
  cx_extract(g, b->a, root, n, map);
  int64_t room = ROOM;
  for (int k = 0; k < g->neq && b->n < MOST; k++) {
    const cx_eq *e = g->eq[k];
    if (map[k] < 0 || e->kind != EQ_CALC || cx_eq_count(e) > room) continue;
    room -= cx_eq_count(e);
    b->eq[b->n++] = (uint32_t)k;
  }
}

static int place(const blame *b, uint32_t eq) {
  for (int k = 0; k < b->n; k++)
    if (b->eq[k] == eq) return k;
  return -1;
}

typedef struct {
  const blame *b;
  uint32_t self;
  bool inherited;
} reading;
static void read_load(void *user, const cx_node *n) {
  reading *r = user;
  if (n->op != OP_load || n->u.eq == r->self) return;
  int k = place(r->b, n->u.eq);
  if (k >= 0 && r->b->bad[k] >= 0) r->inherited = true;
}

/* of a batch: under the program's name, at the row of the data */
static const char *element(blame *b, const cx_eq *e, int64_t at) {
  cx_buf t = {.arena = b->a};
  size_t length = e->name ? strlen(e->name) : 0, most;
  if (b->rows && length > 6 && !strcmp(e->name + length - 6, ".batch")) length -= 6;
  if (b->rows && length > 9 && !strcmp(e->name + length - 9, ".estimate")) length -= 9;
  /* an argument of a function is called as the function calls it: there the expression that it is stands for it */
  const char *text = cx_source_text(b->m->ctx, e->span.file, &most);
  bool named = length && e->span.beg + length <= most && !memcmp(text + e->span.beg, e->name, length);
  cx_putf(&t, "%.*s", named ? (int)length : e->rank ? 11 : 4, named ? e->name : e->rank ? "its element" : "this");
  int64_t n = cx_eq_count(e);
  for (int d = 0; d < e->rank; d++) {
    n /= e->dim[d].n;
    bool row = b->rows && e->dim[d].n == b->rows->n && e->dim[d].name == b->m->rows_name;
    cx_putf(&t, "%s%lld%s",
            d       ? ", "
            : named ? "["
                    : " [",
            (long long)(row ? b->rows->row[at / n] : at / n), d + 1 == e->rank ? "]" : "");
    at %= n;
  }
  return t.at;
}

/* data, or those rows of them that are a batch */
static bool of_data(const blame *b, const cx_eq *e) {
  for (int k = 0; k < b->m->ndecl; k++)
    if (b->m->decl[k].span.file == e->span.file && b->m->decl[k].span.beg == e->span.beg) return true;
  return e->kind == EQ_INPUT;
}

/* which row of the data the element of a batch is of, -1: none */
static int64_t row_of(const blame *b, const cx_eq *e, int64_t at) {
  int64_t n = cx_eq_count(e);
  for (int d = 0; d < e->rank && b->rows; d++) {
    n /= e->dim[d].n;
    if (e->dim[d].n == b->rows->n && e->dim[d].name == b->m->rows_name) return b->rows->row[at / n];
    at %= n;
  }
  return -1;
}

static void find(blame *b, uint32_t objective, const cx_flat *p, const void *x, int64_t step, int diag) {
  cx_graph *g = b->m->graph;
  const char *why = NULL;
  uint32_t *root = CX_NEW_N(b->a, uint32_t, p->n + 1);
  root[0] = objective;
  if (b->gradient) {
    cx_prepare(g);
    cx_diff_reverse(g, objective, CX_NO_COT, p->raw, p->n, root + 1);
  }
  collect(b, root, b->gradient ? 1 + p->n : 1);
  cx_fn *f = cx_fn_once(b->m, b->a, b->eq, b->n, 1, NULL);
  if (b->rows && f->rows_input >= 0)
    cx_exec_rebind(f->exec, f->rows_input,
                   &(cx_array){.type = CX_I32, .rank = 1, .dim = {b->rows->n}, .stride = {1}, .data = b->rows->row});
  cx_fn_draw(f, b->m->seed, step);
  for (int k = 0; k < b->n; k++) b->value[k] = CX_NEW_N(b->a, double, f->out_n[k] + 1);
  if (cx_fn_at(f, cx_work_new(b->a, f->exec), p, x, b->value, &why)) return;
  for (int k = 0; k < b->n; k++) {
    b->bad[k] = -1;
    for (int64_t j = 0; j < f->out_n[k] && b->bad[k] < 0; j++) {
      double v = cx_real_at(b->value[k], j, f->single);
      if (!isfinite(v)) b->bad[k] = j, b->at[k] = v;
    }
  }
  for (int k = 0; k < b->n; k++) {
    const cx_eq *e = g->eq[b->eq[k]];
    reading r = {.b = b, .self = e->id};
    if (b->bad[k] < 0 || e->span.file < 0) continue;
    cx_visit(g, e->body, read_load, &r);
    if (r.inherited) continue;
    if (!b->rows && cx_demands_at(b->m, p, x, &e->span, diag)) return;
    double v = isnan(b->at[k]) ? (double)NAN : b->at[k];
    int64_t row = row_of(b, e, b->bad[k]);
    if (!b->gradient)
      cx_diag_label(g->ctx, diag, e->span, of_data(b, e) ? "%s is %g" : "%s is %g, though all it reads is finite",
                    element(b, e, b->bad[k]), v);
    else
      cx_diag_label(g->ctx, diag, e->span, "the derivative of this is %g%s, though its value is finite", v,
                    row >= 0 ? cx_format(b->a, " in row %lld", (long long)row) : "");
    return;
  }
}

void cx_blame(const cx_blame_at *at, uint32_t objective, bool gradient, int diag) {
  cx_ctx *c = at->m->ctx;
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    blame *b = CX_NEW(a, blame);
    b->m = at->m;
    b->a = a;
    b->rows = at->rows;
    b->gradient = gradient;
    find(b, objective, at->p, at->x, at->step, diag);
    cx_arena_free(a);
    CX_END(c, f);
  }
}
