/* fitting.c - value, gradient, Hessian and minibatch functions of an objective, as the solvers call them. */
#include "run/fitting.h"

#include <stdio.h>
#include <string.h>

#include "pass/pass.h"
#include "run/blame.h"
#include "run/update.h"

#define SIZES_MAX   8
#define HESSIAN_MAX 256 /* dense Hessians up to this many params; Hessian-vector products above */

typedef struct {
  int64_t rows;
  bool gradient;
  cx_model *m;
  cx_fn *f;
  cx_work *w;
  uint32_t objective;
  cx_flat flat; /* of m */
} sized;

struct cx_objective {
  cx_model *m, training; /* training: the same in the mode of a fit's steps */
  cx_program *prog;
  cx_arena *a;
  uint32_t eq;
  int threads;
  cx_flat flat;
  cx_problem *p;
  cx_fn *value, *grad, *hess, *hv;
  cx_work *wvalue, *wgrad, *whess, *whv;
  uint32_t *tangent; /* inputs of the Hessian-vector product, by param */
  double **block;    /* Hessian blocks */
  sized batch[SIZES_MAX];
  int nbatch;
  int nfollow, *follow; /* of flat: running means; their statistics, and what they were, of the last batch */
  void *seen, *before;
  bool followed;
  const sized *last; /* what was evaluated last, where that was by rows, and which these were */
  cx_blame_rows rows_seen;
  int nmetric;
  uint32_t *metric; /* equations, and where their values go: as the model has them, and as doubles */
  double *measured, *said;
  int which; /* fit statement this objective belongs to, for elaboration at another size */
  cx_array rows;
};

/* roots: the objective, then its gradient by each param, then room for more */
static uint32_t *gradient_roots(cx_model *m, cx_arena *a, uint32_t of, const cx_flat *flat, int more) {
  uint32_t *root = CX_NEW_N(a, uint32_t, flat->n + 1 + more);
  cx_prepare(m->graph);
  cx_diff_reverse(m->graph, of, CX_NO_COT, flat->raw, flat->n, root + 1);
  root[0] = of;
  return root;
}

static void outputs(const cx_objective *o, void *f, void *g, void **out) {
  size_t size = o->m->single ? sizeof(float) : sizeof(double);
  out[0] = f;
  for (int k = 0; k < o->flat.n; k++) out[k + 1] = g ? (char *)g + (size_t)o->flat.offset[k] * size : NULL;
}

/* of a function that computes the statistics too */
static void statistics(const cx_objective *o, void **out) {
  size_t size = o->m->single ? sizeof(float) : sizeof(double);
  for (int k = 0, at = 0; k < o->nfollow; k++) {
    int p = o->follow[k];
    out[k] = (char *)o->seen + (size_t)at * size;
    at += (int)(o->flat.offset[p + 1] - o->flat.offset[p]);
  }
}

/* the rest of a function's outputs: metrics, then, where there is a gradient, statistics */
static void beside(const cx_objective *o, int nout, void **out) {
  size_t size = o->m->single ? sizeof(float) : sizeof(double);
  if (nout >= o->nmetric)
    for (int k = 0; k < o->nmetric; k++) out[k] = (char *)o->measured + (size_t)k * size;
  if (nout > o->nmetric) statistics(o, out + o->nmetric);
}

/* A fit by batches looks at the whole objective for its report alone, as everybody else will see it. */
static const cx_model *mode(const cx_objective *o) { return o->nbatch ? o->m : &o->training; }

#define OUT_MAX 257
static int evaluate(cx_objective *o, const cx_fn *fn, cx_work *w, const void *x, double *f, void *g) {
  void *out[2 * OUT_MAX + CX_METRICS];
  float ff;
  int own = g ? o->flat.n + 1 : 1;
  outputs(o, o->m->single ? (void *)&ff : (void *)f, g, out);
  if (fn->nout > own) beside(o, fn->nout - own, out + own);
  cx_fn_draw(fn, o->m->seed, o->p->step + 1); /* 0: outside of a fit, and in those of one function */
  int bad = cx_fn_at(fn, w, &o->flat, x, out, &o->p->why);
  if (o->m->single) *f = ff;
  for (int k = 0; k < o->nmetric && fn->nout > own; k++) o->said[k] = cx_real_at(o->measured, k, o->m->single);
  return bad;
}

static void make_gradient(cx_objective *o) { /* a fit by batches needs it for its report alone */
  if (o->grad) return;
  uint32_t *root = gradient_roots(o->m, o->a, o->eq, &o->flat, 0);
  cx_fn *f = o->nbatch ? cx_fn_once(mode(o), o->a, root, o->flat.n + 1, o->threads, NULL)
                       : cx_fn_new(mode(o), o->a, root, o->flat.n + 1, o->threads);
  o->wgrad = cx_work_new(o->a, f->exec);
  o->grad = f;
}
static int gradient(void *user, const void *x, double *f, void *g) {
  cx_objective *o = user;
  make_gradient(o);
  o->last = NULL;
  return evaluate(o, o->grad, o->wgrad, x, f, g);
}
static void make_value(cx_objective *o) {
  if (o->value) return;
  uint32_t root[1 + CX_METRICS] = {o->eq};
  int n = 1;
  while (n <= o->nmetric) root[n] = o->metric[n - 1], n++;
  cx_fn *f =
      o->nbatch ? cx_fn_once(mode(o), o->a, root, n, o->threads, NULL) : cx_fn_new(mode(o), o->a, root, n, o->threads);
  o->wvalue = cx_work_new(o->a, f->exec);
  o->value = f;
}
static int value(void *user, const void *x, double *f) {
  cx_objective *o = user;
  make_value(o);
  o->last = NULL;
  return evaluate(o, o->value, o->wvalue, x, f, NULL);
}

/* dense Hessian: forward over reverse, block by block of params */
static int hessian(void *user, const void *x, double *h) {
  cx_objective *o = user;
  int np = o->flat.n;
  if (!o->hess) {
    uint32_t *g = gradient_roots(o->m, o->a, o->eq, &o->flat, 0), *root = CX_NEW_N(o->a, uint32_t, np * np);
    cx_prepare(o->m->graph);
    for (int a = 0; a < np; a++)
      for (int b = 0; b < np; b++) root[a * np + b] = cx_diff_forward(o->m->graph, g[a + 1], o->flat.raw[b], 0);
    o->hess = cx_fn_new(mode(o), o->a, root, np * np, o->threads);
    o->whess = cx_work_new(o->a, o->hess->exec);
    o->block = CX_NEW_N(o->a, double *, np *np);
    for (int k = 0; k < np * np; k++) o->block[k] = CX_NEW_N(o->a, double, o->hess->out_n[k] + 1);
  }
  cx_fn_draw(o->hess, o->m->seed, o->p->step + 1);
  if (cx_fn_at(o->hess, o->whess, &o->flat, x, (void *const *)o->block, &o->p->why)) return 1;
  int64_t n = o->flat.offset[np];
  for (int a = 0; a < np; a++)
    for (int b = 0; b < np; b++) {
      int64_t r0 = o->flat.offset[a], c0 = o->flat.offset[b], nr = o->flat.offset[a + 1] - r0,
              nc = o->flat.offset[b + 1] - c0;
      for (int64_t r = 0; r < nr; r++)
        for (int64_t c = 0; c < nc; c++) {
          int64_t at = r * nc + c;
          h[(r0 + r) * n + c0 + c] = cx_real_at(o->block[a * np + b], at, o->m->single);
        }
    }
  return 0;
}

static int hessvec(void *user, const void *x, const void *v, void *hv) {
  cx_objective *o = user;
  int np = o->flat.n;
  if (!o->hv) {
    uint32_t *g = gradient_roots(o->m, o->a, o->eq, &o->flat, 0), *root = CX_NEW_N(o->a, uint32_t, np);
    cx_prepare(o->m->graph);
    o->tangent = CX_NEW_N(o->a, uint32_t, np);
    for (int k = 0; k < np; k++) {
      const cx_eq *raw = o->m->graph->eq[o->flat.raw[k]];
      cx_eq *t = cx_eq_new(o->m->graph, cx_intern_z(o->m->ctx, cx_format(o->a, "%s.v", raw->name)), EQ_INPUT);
      t->rank = raw->rank;
      memcpy(t->dim, raw->dim, sizeof t->dim);
      o->tangent[k] = t->id;
    }
    for (int k = 0; k < np; k++) root[k] = cx_diff_jvp(o->m->graph, g[k + 1], o->flat.raw, o->tangent, np);
    o->hv = cx_fn_new(mode(o), o->a, root, np, o->threads);
    o->whv = cx_work_new(o->a, o->hv->exec);
  }
  const void *in[2 * OUT_MAX];
  void *out[OUT_MAX];
  size_t size = o->m->single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < o->hv->nin; k++)
    for (int j = 0; j < np; j++) {
      if (o->flat.raw[j] == o->hv->in_eq[k]) in[k] = (const char *)x + (size_t)o->flat.offset[j] * size;
      if (o->tangent[j] == o->hv->in_eq[k]) in[k] = (const char *)v + (size_t)o->flat.offset[j] * size;
    }
  cx_fn_draw(o->hv, o->m->seed, o->p->step + 1);
  if (o->hv->draw_input >= 0) in[o->hv->draw_input] = o->hv->draw;
  for (int k = 0; k < np; k++) out[k] = (char *)hv + (size_t)o->flat.offset[k] * size;
  return cx_exec_run(o->hv->exec, o->whv, in, out, &o->p->why);
}

/* the objective estimated from `rows` rows given by number, in a graph of its own */
static sized *for_rows(cx_objective *o, int64_t rows, bool grad) {
  for (int k = 0; k < o->nbatch; k++)
    if (o->batch[k].rows == rows && o->batch[k].gradient == grad) return &o->batch[k];
  int k = o->nbatch < SIZES_MAX ? o->nbatch++ : SIZES_MAX - 1;
  sized *s = &o->batch[k];
  cx_elab_opt opt = {.no_queries = true, .seed = o->m->seed};
  s->m = cx_elaborate(o->prog, o->a, o->m->decl, o->m->ndecl, &opt);
  if (!s->m) cx_throw(o->m->ctx, CX_E_PROGRAM);
  s->rows = rows;
  s->gradient = grad;
  uint32_t of = s->m->objective, input, *all = CX_NEW_N(o->a, uint32_t, 1 + o->nmetric + o->nfollow);
  int fit = 0, nfollow = grad ? o->nfollow : 0, more = o->nmetric + nfollow;
  for (int j = 0; j < s->m->naction; j++) {
    if (s->m->action[j].kind != ACT_FIT || fit++ != o->which) continue;
    of = s->m->action[j].objective;
    for (int k = 0; k < o->nmetric; k++) all[1 + k] = s->m->action[j].query[k].eq;
  }
  all[0] = of;
  for (int j = 0; j < nfollow; j++)
    all[1 + o->nmetric + j] = (uint32_t)s->m->param[o->flat.param[o->follow[j]]].follows;
  s->m->training = grad;
  cx_on_rows(s->m->graph, all, 1 + more, o->nmetric, (cx_dim){o->m->rows, o->m->rows_name}, rows, &input);
  s->m->rows_eq = (int32_t)input;
  if (of == all[0]) {
    cx_span at = o->m->graph->eq[o->eq]->span;
    int id = cx_error(o->m->ctx, at, "batches need an objective that is a mean or sum over the rows `%s` of the data",
                      o->m->rows_name);
    cx_diag_help(o->m->ctx, id, "minimize the mean or sum itself, not its root or logarithm, or leave the option out");
    cx_throw(o->m->ctx, CX_E_PROGRAM);
  }
  cx_flat flat = cx_flat_some(s->m, o->a, o->flat.param, o->flat.n);
  for (int j = 0; j < s->m->nparam && j < o->m->nparam; j++) { /* what a fit leaves alone is the same here */
    const cx_array *known = cx_input_array(o->m, o->m->param[j].raw);
    if (known) cx_give(s->m, s->m->param[j].raw, *known);
  }
  uint32_t *root = grad ? gradient_roots(s->m, o->a, all[0], &flat, more) : all;
  for (int j = 0; j < more && grad; j++) root[flat.n + 1 + j] = all[1 + j];
  s->f = cx_fn_new(s->m, o->a, root, (grad ? flat.n + 1 : 1) + more, o->threads);
  for (int j = 0; j < s->f->nin; j++) /* the same params, by position */
    for (int q = 0; q < flat.n; q++)
      if (s->f->in_eq[j] == flat.raw[q]) {
        s->f->in_eq[j] = o->flat.raw[q];
        break;
      }
  s->w = cx_work_new(o->a, s->f->exec);
  s->objective = all[0];
  s->flat = flat;
  return s;
}

/* what a step of so many rows needs, where there is not so much */
static void prepare(void *user, int64_t rows, bool grad) {
  cx_objective *o = user;
  cx_frame f;
  CX_TRY(o->m->ctx, f) {
    if (rows) for_rows(o, rows, grad);
    else if (grad) make_gradient(o);
    else make_value(o);
    CX_END(o->m->ctx, f);
    return;
  }
  if (cx_ran_out(o->m->ctx)) {
    cx_frame g;
    CX_TRY(o->m->ctx, g) {
      bool report = !rows || (!grad && rows > o->p->rows / 2); /* all rows, or those not kept back, at the end */
      const char *of = report ? "of the report at the end" : grad ? "of a batch" : "of the validation";
      int id =
          cx_diag(o->m->ctx, CX_NOTE, CX_OK, o->m->graph->eq[o->eq]->span,
                  "that is for %lld rows %s at once, before the first step", (long long)(rows ? rows : o->p->rows), of);
      cx_diag_help(o->m->ctx, id, "%s",
                   report ? "`precision single` needs half of it; else take fewer rows"
                   : grad ? "make `batch` smaller; `accumulate` adds up the gradients of several"
                          : "make `validation` smaller");
      CX_END(o->m->ctx, g);
    }
  }
  cx_throw(o->m->ctx, f.status);
}

static int on_rows(cx_objective *o, const int32_t *row, int64_t n, const void *x, double *f, void *g) {
  sized *s = for_rows(o, n, g != NULL);
  o->last = s;
  o->rows_seen = (cx_blame_rows){row, n};
  if (s->f->rows_input >= 0) {
    cx_array a = {.type = CX_I32, .rank = 1, .dim = {n}, .stride = {1}, .data = row};
    cx_exec_rebind(s->f->exec, s->f->rows_input, &a);
  }
  return evaluate(o, s->f, s->w, x, f, g);
}
static int batch(void *user, const int32_t *row, int64_t n, const void *x, double *f, void *g) {
  cx_objective *o = user;
  char *before = o->before;
  size_t size = o->m->single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < o->nfollow; k++) {
    int64_t at = o->flat.offset[o->follow[k]], count = o->flat.offset[o->follow[k] + 1] - at;
    memcpy(before, (const char *)x + (size_t)at * size, (size_t)count * size);
    before += (size_t)count * size;
  }
  return on_rows(user, row, n, x, f, g);
}
static int validation(void *user, const int32_t *row, int64_t n, const void *x, double *f) {
  return on_rows(user, row, n, x, f, NULL);
}

/* ---- running means: x = before + rate (seen - before) ---- */
static void follow(void *user, void *x) {
  cx_objective *o = user;
  bool single = o->m->single;
  o->followed = true;
  for (int k = 0, at = 0; k < o->nfollow; k++) {
    int p = o->follow[k];
    double rate = o->m->param[o->flat.param[p]].rate;
    for (int64_t j = o->flat.offset[p]; j < o->flat.offset[p + 1]; j++, at++) {
      double old = cx_real_at(o->before, at, single);
      cx_set_real(x, j, single, old + rate * (cx_real_at(o->seen, at, single) - old));
    }
  }
}
/* of a fit that saw all rows at every step: what they are at its end */
static void settle(void *user, void *x, bool wide) {
  cx_objective *o = user;
  bool single = o->m->single;
  if (o->followed) return;
  uint32_t *root = CX_NEW_N(o->a, uint32_t, o->nfollow);
  for (int k = 0; k < o->nfollow; k++) root[k] = (uint32_t)o->m->param[o->flat.param[o->follow[k]]].follows;
  const cx_fn *f = cx_fn_once(&o->training, o->a, root, o->nfollow, o->threads, NULL);
  void **out = CX_NEW_N(o->a, void *, o->nfollow), *narrow = x;
  if (wide && single) {
    narrow = CX_NEW_N(o->a, float, o->p->n + 1);
    for (int64_t j = 0; j < o->p->n; j++) ((float *)narrow)[j] = (float)((double *)x)[j];
  }
  statistics(o, out);
  if (cx_fn_at(f, cx_work_new(o->a, f->exec), &o->flat, narrow, out, &o->p->why)) return;
  for (int k = 0, at = 0; k < o->nfollow; k++)
    for (int64_t j = o->flat.offset[o->follow[k]]; j < o->flat.offset[o->follow[k] + 1]; j++, at++)
      cx_set_real(x, j, single && !wide, cx_real_at(o->seen, at, single));
}

static const char *where(void *user, int64_t k, char *buf, size_t size) {
  cx_objective *o = user;
  for (int p = 0; p < o->flat.n; p++) {
    if (k >= o->flat.offset[p + 1]) continue;
    const cx_eq *e = o->m->graph->eq[o->flat.raw[p]];
    int64_t at = k - o->flat.offset[p], n = cx_eq_count(e);
    int len = snprintf(buf, size, "%s", o->m->param[o->flat.param[p]].name);
    for (int d = 0; d < e->rank && len > 0 && (size_t)len < size; d++) {
      n /= e->dim[d].n;
      len += snprintf(buf + len, size - (size_t)len, "%s%lld%s", d ? ", " : "[", (long long)(at / n),
                      d + 1 == e->rank ? "]" : "");
      at %= n;
    }
    break;
  }
  return buf;
}

static void blame(void *user, const void *x, bool gradient, int diag) {
  cx_objective *o = user;
  const sized *s = o->last;
  cx_blame_at at = {.m = s ? s->m : &o->training,
                    .p = s ? &s->flat : &o->flat,
                    .x = x,
                    .rows = s ? &o->rows_seen : NULL,
                    .step = o->p->step + 1};
  cx_blame(&at, s ? s->objective : o->eq, gradient, diag);
}

static bool bounded(void *user, int64_t k, bool up) {
  cx_objective *o = user;
  int p = 0;
  while (p + 1 < o->flat.n && k >= o->flat.offset[p + 1]) p++;
  return cx_domain_bounded(o->m->param[o->flat.param[p]].domain, up);
}

static cx_update update(void *user, cx_arena *a, const char *method, const char *const *state) {
  cx_objective *o = user;
  return cx_update_compile(o->m->ctx, a, method, state, o->p->n, o->m->single, o->threads);
}

/* What a checkpoint must agree with of a program: its text up to the end of its last fit, but how long fits go on and where
 * they save. So a fit may be lengthened, or what it has found so far be written to a model. */
static const char *what_counts(const cx_program *prog, cx_arena *a, size_t *size) {
  size_t n, at = 0;
  const char *text = cx_source_text(prog->ctx, prog->file, &n);
  cx_buf b = {.arena = a};
  for (int k = 0; k < prog->ast->nkid; k++) {
    const cx_ast *s = prog->ast->kid[k];
    if (s->kind != S_FIT || s->span.file != prog->file || s->span.beg < at) continue;
    cx_put(&b, text + at, s->span.beg - at);
    for (at = s->span.beg; at < s->span.end; at++) {
      for (int j = 0; j < s->nkid; j++)
        if (s->kid[j]->kind == A_NAMED && s->kid[j]->span.beg == at && cx_fit_lasts(s->kid[j]->name))
          at = s->kid[j]->span.end;
      if (at < s->span.end && !strchr(" \t\r\n(,)", text[at])) cx_put(&b, text + at, 1);
    }
  }
  *size = b.at ? (size_t)b.n : n;
  return b.at ? b.at : text;
}

cx_objective *cx_objective_new(cx_model *m, cx_program *prog, cx_arena *a, uint32_t objective, const cx_flat *flat,
                               int threads, cx_problem *p) {
  int nparam = flat->n;
  cx_objective *o = CX_NEW(a, cx_objective);
  o->m = m;
  o->prog = prog;
  o->a = a;
  o->eq = objective;
  o->threads = threads;
  o->flat = *flat;
  o->p = p;
  o->training = *m;
  o->training.training = true;
  o->follow = CX_NEW_N(a, int, flat->n + 1);
  int64_t followers = 0;
  for (int k = 0; k < flat->n; k++)
    if (m->param[flat->param[k]].follows >= 0) {
      o->follow[o->nfollow++] = k;
      followers += o->flat.offset[k + 1] - o->flat.offset[k];
    }
  o->seen = CX_NEW_N(a, double, followers + 1);
  o->before = CX_NEW_N(a, double, followers + 1);
  const cx_action *act = NULL;
  int fit = 0;
  for (int k = 0; k < m->naction; k++)
    if (m->action[k].kind == ACT_FIT) {
      if (m->action[k].objective == objective) o->which = fit, act = &m->action[k];
      fit++;
    }
  o->nmetric = act ? act->nquery : 0;
  o->metric = CX_NEW_N(a, uint32_t, o->nmetric + 1);
  o->measured = CX_NEW_N(a, double, o->nmetric + 1);
  o->said = CX_NEW_N(a, double, o->nmetric + 1);
  const char **name = CX_NEW_N(a, const char *, o->nmetric + 1);
  for (int k = 0; k < o->nmetric; k++) o->metric[k] = act->query[k].eq, name[k] = act->query[k].text;
  if (nparam + 1 > OUT_MAX) {
    cx_diag(m->ctx, CX_ERROR, CX_E_PROGRAM, CX_NOSPAN, "a fit of more than %d param declarations", OUT_MAX - 1);
    cx_throw(m->ctx, CX_E_PROGRAM);
  }
  *p = (cx_problem){.n = o->flat.offset[nparam],
                    .single = m->single,
                    .user = o,
                    .value = value,
                    .gradient = gradient,
                    .hessvec = hessvec,
                    .where = where,
                    .blame = blame,
                    .bounded = bounded,
                    .step = -1,
                    .update = update,
                    .prepare = prepare,
                    .nmetric = o->nmetric,
                    .metric_name = name,
                    .metric = o->said,
                    .fit = o->which};
  if (o->nfollow) p->follow = follow, p->settle = settle;
  if (p->n <= HESSIAN_MAX && nparam <= 12) p->hessian = hessian;
  if (prog && m->rows > 0) {
    p->rows = m->rows;
    p->batch = batch;
    p->validation = validation;
  }
  const char *sizes = "";
  for (int k = 0; k < m->ndecl; k++)
    for (int d = 0; d < m->decl[k].rank; d++)
      sizes = cx_format(a, "%s%s%s:%d = %lld", sizes, *sizes ? ", " : "", m->decl[k].name, d,
                        (long long)m->decl[k].dim[d].n);
  p->sizes = sizes;
  if (prog) p->program = what_counts(prog, a, &p->program_size);
  return o;
}
