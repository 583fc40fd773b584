/* fn.c - extraction of what is asked, passes, back end, inputs. */
#include "run/fn.h"

#include <math.h>
#include <string.h>

#include "pass/integral.h"
#include "pass/pass.h"
#include "run/rng.h"

static _Noreturn void unbound(const cx_model *m, uint32_t eq) {
  const cx_eq *e = m->graph->eq[eq];
  int id = cx_diag(m->ctx, CX_ERROR, CX_E_DATA, e->span, "nothing is bound to `%s`, which is read here", e->name);
  cx_diag_help(m->ctx, id, "bind it first: %s=path", e->name);
  cx_throw(m->ctx, CX_E_DATA);
}

/* ---- the mode of a function: `training` is a constant, and so are draws but in the steps of a fit ---- */
static double draw_of(uint64_t seed, int64_t step) {
  return cx_random((double)(seed >> 32), (double)(seed & 0xffffffffu), (double)step);
}
void cx_fn_draw(const cx_fn *f, uint64_t seed, int64_t step) {
  if (f->draw_input < 0) return;
  if (f->single) *(float *)f->draw = (float)draw_of(seed, step);
  else *f->draw = draw_of(seed, step);
}
typedef struct {
  const cx_model *m;
  uint32_t training, draw;
} mode;
static const cx_node *settle(void *user, cx_graph *g, const cx_node *n) {
  const mode *s = user;
  if (n->op != OP_load || n->nargs) return n;
  if (n->u.eq == s->training) return cx_const(g, s->m->training);
  return n->u.eq == s->draw && !s->m->training ? cx_const(g, draw_of(s->m->seed, 0)) : n;
}
cx_graph *cx_fn_graph(const cx_model *m, cx_arena *a, const uint32_t *root, int n, int32_t *map) {
  cx_graph *g = cx_extract(m->graph, a, root, n, map);
  bool any = false;
  mode s = {m, CX_NO_EQ, CX_NO_EQ};
  if (m->training_eq >= 0 && map[m->training_eq] >= 0) s.training = (uint32_t)map[m->training_eq], any = true;
  if (m->draw_eq >= 0 && map[m->draw_eq] >= 0) s.draw = (uint32_t)map[m->draw_eq], any = true;
  if (!any) return g;
  for (int k = 0; k < g->neq; k++)
    if (g->eq[k]->kind == EQ_CALC) g->eq[k]->body = cx_rewrite(g, g->eq[k]->body, settle, &s);
  int32_t *left = CX_NEW_N(a, int32_t, g->neq + 1);
  cx_graph *h = cx_extract(g, a, g->out, g->nout, left);
  for (int k = 0; k < m->graph->neq; k++)
    if (map[k] >= 0) map[k] = left[map[k]];
  return h;
}

#define BEFORE_INTEGRALS "shift" /* pass/passes.def */

/* ---- what is watched: every integral that is needed and inside no other becomes an output ---- */
static void watch(cx_fn *f, cx_arena *a) {
  cx_graph *g = f->graph;
  f->watch = CX_NEW_N(a, uint32_t, g->neq + 1);
  bool *inside = CX_NEW_N(a, bool, g->neq + 1);
  int32_t *needed = CX_NEW_N(a, int32_t, g->neq + 1);
  cx_extract(g, a, g->out, g->nout, needed);
  for (int v = 0; v < g->neq; v++) {
    if (g->eq[v]->kind != EQ_INPUT || !g->eq[v]->node) continue;
    const uint32_t *m = cx_node_dims(g, a, (uint32_t)v);
    for (int k = 0; k < g->neq; k++) inside[k] |= (m[k] & CX_DEPENDS) != 0;
  }
  for (int k = 0; k < g->neq; k++)
    if (cx_is_integral(g->eq[k]) && !inside[k] && needed[k] >= 0) f->watch[f->nwatch++] = (uint32_t)k;
  f->at = CX_NEW_N(a, void *, g->nout + f->nwatch + 1);
  for (int k = 0; k < f->nwatch; k++) {
    f->at[g->nout] = CX_NEW_N(a, double, cx_eq_count(g->eq[f->watch[k]]) + 1);
    cx_graph_output(g, f->watch[k]);
  }
}
bool cx_fn_beyond(const cx_fn *f, double *value, cx_span *where) {
  for (int k = 0; k < f->nwatch; k++) {
    const void *at = f->at[f->nout + k];
    const cx_eq *e = f->graph->eq[f->watch[k]];
    *where = e->span;
    for (int64_t j = 0, n = cx_eq_count(e); j < n; j++) {
      *value = cx_real_at(at, j, f->single);
      if (!isfinite(*value)) return true;
    }
  }
  return false;
}

static cx_fn *make(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, const cx_exec_opt *o,
                   bool watched) {
  cx_fn *f = CX_NEW(a, cx_fn);
  int32_t *map = CX_NEW_N(a, int32_t, m->graph->neq + 1);
  f->graph = cx_fn_graph(m, a, root, nroot, map);
  f->single = m->single;
  f->rows_input = f->draw_input = -1;
  f->draw = CX_NEW(a, double);
  int neq = f->graph->neq;
  uint32_t *back = CX_NEW_N(a, uint32_t, neq + 1);
  for (int k = 0; k < m->graph->neq; k++)
    if (map[k] >= 0) back[map[k]] = (uint32_t)k;
  for (int k = 0; k < m->ngiven; k++) /* a param that a fit leaves alone */
    if (map[m->given[k].eq] >= 0) {
      cx_eq *e = f->graph->eq[map[m->given[k].eq]];
      e->constant = true, e->weight = !m->given[k].decl;
    }
  for (int k = 0; k < m->nvary; k++)
    if (map[m->vary[k]] >= 0) f->graph->eq[map[m->vary[k]]]->constant = false;
  cx_run_passes(f->graph, BEFORE_INTEGRALS);
  if (watched) watch(f, a);
  cx_run_passes_after(f->graph, BEFORE_INTEGRALS, NULL);
  f->nout = nroot;
  f->out_n = CX_NEW_N(a, int64_t, nroot);
  for (int k = 0; k < nroot; k++) f->out_n[k] = cx_eq_count(f->graph->eq[f->graph->out[k]]);
  cx_array *constant = CX_NEW_N(a, cx_array, neq + 1);
  f->in_eq = CX_NEW_N(a, uint32_t, neq + 1);
  cx_dtype *type = CX_NEW_N(a, cx_dtype, neq + 1);
  int nconst = 0;
  static const int32_t first_row = 0;
  for (int k = 0; k < neq; k++) { /* passes keep the inputs' numbers */
    const cx_eq *e = f->graph->eq[k];
    if (e->kind != EQ_INPUT) continue;
    if (!e->constant) {
      if ((int32_t)back[k] == m->draw_eq) f->draw_input = f->nin;
      type[f->nin] = m->single ? CX_F32 : CX_F64;
      for (int d = 0; d < m->ndecl; d++)
        if (m->decl_eq[d] == back[k] && m->decl[d].varies) type[f->nin] = m->decl[d].array.type;
      f->in_eq[f->nin++] = back[k];
      continue;
    }
    cx_array *c = &constant[nconst++];
    if ((int32_t)back[k] == m->rows_eq) {
      int32_t *r = CX_NEW_N(a, int32_t, e->dim[0].n + 1);
      for (int64_t j = 0; j < e->dim[0].n; j++) r[j] = first_row + (int32_t)j;
      *c = (cx_array){.type = CX_I32, .rank = 1, .dim = {e->dim[0].n}, .stride = {1}, .data = r};
      f->rows_input = nconst - 1;
      continue;
    }
    const cx_array *known = cx_input_array(m, back[k]);
    if (!known || !known->data) unbound(m, back[k]);
    *c = *known;
  }
  cx_exec_opt all = *o;
  all.input_type = type;
  f->exec = cx_exec_new(a, f->graph, constant, &all);
  cx_fn_draw(f, m->seed, 0);
  return f;
}
cx_fn *cx_fn_new(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, int threads) {
  return make(m, a, root, nroot, &(cx_exec_opt){.threads = threads, .single = m->single}, false);
}
cx_fn *cx_fn_once(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, int threads,
                  volatile sig_atomic_t *stop) {
  const cx_exec_opt o = {.threads = threads, .single = m->single, .once = true, .stop = stop};
  return make(m, a, root, nroot, &o, false);
}
cx_fn *cx_fn_watched(const cx_model *m, cx_arena *a, const uint32_t *root, int nroot, int threads,
                     volatile sig_atomic_t *stop) {
  const cx_exec_opt o = {.threads = threads, .single = m->single, .once = true, .stop = stop};
  return make(m, a, root, nroot, &o, true);
}

cx_flat cx_flat_new(const cx_model *m, cx_arena *a, int nparam) { return cx_flat_some(m, a, NULL, nparam); }

cx_flat cx_flat_some(const cx_model *m, cx_arena *a, const int *param, int n) {
  cx_flat p = {n, CX_NEW_N(a, int, n + 1), CX_NEW_N(a, uint32_t, n + 1), CX_NEW_N(a, int64_t, n + 1)};
  for (int k = 0; k < n; k++) {
    p.param[k] = param ? param[k] : k;
    p.raw[k] = m->param[p.param[k]].raw;
    p.offset[k + 1] = p.offset[k] + cx_eq_count(m->graph->eq[p.raw[k]]);
  }
  return p;
}

cx_flat cx_flat_inputs(const cx_model *m, cx_arena *a) {
  if (!m->nvary) return cx_flat_new(m, a, m->nparam);
  cx_flat p = {m->nvary, NULL, CX_NEW_N(a, uint32_t, m->nvary + 1), CX_NEW_N(a, int64_t, m->nvary + 1)};
  for (int k = 0; k < p.n; k++) {
    p.raw[k] = m->vary[k];
    p.offset[k + 1] = p.offset[k] + cx_eq_count(m->graph->eq[p.raw[k]]);
  }
  return p;
}

#define INPUTS_MAX 256
int cx_fn_at(const cx_fn *f, cx_work *w, const cx_flat *p, const void *x, void *const *out, const char **why) {
  const void *in[INPUTS_MAX];
  size_t size = f->single ? sizeof(float) : sizeof(double);
  if (f->nin > INPUTS_MAX) {
    *why = "more than 256 params in one function";
    return 1;
  }
  for (int k = 0; k < f->nin; k++)
    for (int j = 0; j < p->n; j++)
      if (p->raw[j] == f->in_eq[k]) in[k] = (const char *)x + (size_t)p->offset[j] * size;
  if (f->draw_input >= 0) in[f->draw_input] = f->draw;
  if (f->nwatch) {
    memcpy(f->at, out, (size_t)f->nout * sizeof *out);
    out = f->at;
  }
  return cx_exec_run(f->exec, w, in, out, why);
}

/* of an equation that reads data alone, in double */
static const double *start_value(const cx_model *m, cx_arena *a, const cx_param *q, int32_t eq) {
  uint32_t root = (uint32_t)eq;
  cx_model dm = *m;
  dm.single = dm.training = false;
  cx_fn *f = cx_fn_once(&dm, a, &root, 1, 1, NULL);
  double *v = CX_NEW_N(a, double, f->out_n[0] + 1);
  void *out = v;
  const char *why = NULL;
  const void *none[1] = {NULL};
  if (f->nin) {
    int id = cx_error(m->ctx, q->start_span, "the start of `%s` depends on another param", q->name);
    cx_diag_help(m->ctx, id, "a start is known before the fit: write the number, or compute it from data");
    cx_throw(m->ctx, CX_E_PROGRAM);
  }
  if (cx_exec_run(f->exec, cx_work_new(a, f->exec), none, &out, &why)) {
    cx_diag(m->ctx, CX_ERROR, CX_E_RUNTIME, q->span, "the start of `%s` cannot be computed: %s", q->name, why);
    cx_throw(m->ctx, CX_E_RUNTIME);
  }
  return v;
}

/* a start lies in its domain as data do; where its unknowns are not finite all the same, on the border */
static const double *given_start(const cx_model *m, cx_arena *a, const cx_param *q, int64_t n) {
  const cx_eq *e = m->graph->eq[q->eq];
  cx_decl d = {
      .name = cx_format(a, "the start of %s", q->name), .rank = e->rank, .domain = q->domain, .span = q->start_span};
  int64_t dim[CX_MAX_RANK];
  for (int k = 0; k < e->rank; k++) d.dim[k] = e->dim[k], dim[k] = e->dim[k].n;
  if (q->value_eq >= 0) d.array = cx_array_dense(start_value(m, a, q, q->value_eq), e->rank, dim);
  if (q->value_eq >= 0 && !cx_domain_check(m->ctx, &d, CX_E_PROGRAM)) {
    cx_diag_help(m->ctx, cx_diag_count(m->ctx) - 1, "the start of a param lies in its domain, or is left out");
    cx_throw(m->ctx, CX_E_PROGRAM);
  }
  const double *v = start_value(m, a, q, q->start_eq);
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(v[j])) {
      bool real = q->eq == q->raw;
      int id = cx_error(m->ctx, q->start_span,
                        real ? "the start of `%s` is %g" : "the start of `%s` lies on the border of its domain",
                        q->name, v[j]);
      cx_diag_help(m->ctx, id, real ? "give it a finite one" : "start strictly inside the domain");
      cx_throw(m->ctx, CX_E_PROGRAM);
    }
  return v;
}

void cx_flat_start(const cx_model *model, cx_arena *a, const cx_flat *p, uint64_t seed, void *x) {
  cx_model seeded = *model;
  const cx_model *m = &seeded;
  seeded.seed = seed;
  for (int k = 0; k < p->n; k++) {
    const cx_param *q = &m->param[k];
    int64_t n = p->offset[k + 1] - p->offset[k];
    double *drawn = CX_NEW_N(a, double, n + 1);
    const double *v = drawn;
    if (q->start == START_VALUE && q->start_eq >= 0) v = given_start(m, a, q, n);
    else if (q->start != START_VALUE) {
      cx_rng r = {seed, 0x57a7 + (uint64_t)k, 0};
      for (int64_t j = 0; j < n; j++)
        drawn[j] =
            q->start == START_UNIFORM ? q->a + (q->b - q->a) * cx_rng_uniform(&r) : q->a + q->b * cx_rng_normal(&r);
    }
    for (int64_t j = 0; j < n; j++) {
      if (m->single) ((float *)x)[p->offset[k] + j] = (float)v[j];
      else ((double *)x)[p->offset[k] + j] = v[j];
    }
  }
}
