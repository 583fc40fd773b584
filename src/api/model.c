/* model.c - the C API's contexts and models. */
#include <string.h>

#include "api/api.h"
#include "base/ctx.h"

static size_t length_of(const char *text, size_t n) { return n == SIZE_MAX ? strlen(text) : n; }

int calx_version(void) { return CALX_VERSION_NUMBER; }
calx_ctx *calx_new(calx_alloc_fn alloc, void *user) {
  calx_ctx *c = cx_ctx_new(alloc, user);
  if (c) c->threads = 1;
  return c;
}
void calx_free(calx_ctx *c) {
  if (c) cx_ctx_free(c);
}
void calx_set_threads(calx_ctx *c, int threads) { c->threads = threads; }

int calx_diagnostics(const calx_ctx *c) { return cx_diag_count(c); }
int calx_diagnostic_at(calx_ctx *c, int k, calx_diagnostic *out) {
  if (k < 0 || k >= cx_diag_count(c)) return 0;
  cx_diag_view v = cx_diag_get(c, k);
  cx_frame f;
  *out = (calx_diagnostic){.code = (calx_status)v.code, .message = v.message, .help = v.help, .text = v.message,
                           .begin = v.where.beg, .end = v.where.end, .warning = v.sev != CX_ERROR};
  if (v.where.file >= 0) {
    out->file = cx_source_name(c, v.where.file);
    cx_source_pos(c, v.where.file, v.where.beg, &out->line, &out->column);
  }
  CX_TRY(c, f) { /* the picture needs memory; without it the message stands for it */
    out->text = cx_diag_render(c, cx_ctx_arena(c), k, false);
    CX_END(c, f);
  }
  return 1;
}
const char *calx_error(calx_ctx *c) {
  calx_diagnostic d;
  for (int k = 0; calx_diagnostic_at(c, k, &d); k++)
    if (!d.warning) return d.text;
  return "";
}

calx_status calx_compile(calx_ctx *c, const char *text, size_t length, calx_model **out) {
  cx_frame f;
  cx_arena *volatile a = NULL;
  *out = NULL;
  API_ENTER(c, f) {
    a = cx_arena_new(c);
    calx_model *m = CX_NEW(a, calx_model);
    m->ctx = c;
    m->arena = a;
    m->threads = c->threads;
    m->file = cx_source_add(c, "model", text, length_of(text, length));
    m->prog = cx_program_new(c, a, m->file, NULL);
    if (cx_error_count(c)) cx_throw(c, CX_E_PROGRAM);
    /* the rest of the program's errors now, not at the first function: with stand-in sizes where data give them */
    cx_elab_opt o = {.unbound = true};
    cx_decl *decl = CX_NEW_N(a, cx_decl, m->prog->ndecl + 1);
    memcpy(decl, m->prog->decl, (size_t)m->prog->ndecl * sizeof *decl);
    cx_arena *t = cx_arena_new(c);
    if (!cx_elaborate(m->prog, t, decl, m->prog->ndecl, &o)) cx_throw(c, CX_E_PROGRAM);
    cx_arena_free(t);
    *out = m;
    CX_END(c, f);
    return CALX_OK;
  }
  if (a) cx_arena_free(a);
  return (calx_status)f.status;
}

static void forget(calx_model *m) {
  m->m = NULL; /* functions made before go on living in the model's arena */
}

void calx_model_free(calx_model *m) {
  if (m) cx_arena_free(m->arena);
}

calx_status calx_bind(calx_model *m, const char *name, calx_type type, int rank, const int64_t *dim, const int64_t *stride,
                      const void *array) {
  cx_frame f;
  API_ENTER(m->ctx, f) {
    cx_decl *d = NULL;
    const char **names = CX_NEW_N(m->arena, const char *, m->prog->ndecl + 1);
    for (int k = 0; k < m->prog->ndecl; k++) {
      names[k] = m->prog->decl[k].name;
      if (!strcmp(names[k], name)) d = &m->prog->decl[k];
    }
    if (!d) {
      int id = cx_diag(m->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "the program declares no data `%s`", name);
      const char *hit = cx_nearest(name, names, m->prog->ndecl);
      if (hit) cx_diag_help(m->ctx, id, "did you mean `%s`?", hit);
      cx_throw(m->ctx, CX_E_USAGE);
    }
    if (rank < 0 || rank > CX_MAX_RANK || type > CALX_U8 || (rank && !dim) || !array) {
      cx_diag(m->ctx, CX_ERROR, CX_E_USAGE, d->span, "calx_bind of `%s`: rank 0..%d, its sizes, a known type and an array are needed", name, CX_MAX_RANK);
      cx_throw(m->ctx, CX_E_USAGE);
    }
    cx_array a = {.type = (cx_dtype)type, .rank = rank, .data = array};
    int64_t step = 1;
    for (int k = rank - 1; k >= 0; k--) {
      a.dim[k] = dim[k];
      a.stride[k] = stride ? stride[k] : step;
      step *= dim[k];
    }
    d->array = a;
    d->bound = true;
    forget(m);
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}

calx_status calx_bind_files(calx_model *m, const char *const *arg, int narg) {
  cx_frame f;
  API_ENTER(m->ctx, f) {
    const char **all = CX_NEW_N(m->arena, const char *, m->narg + narg + 1);
    for (int k = 0; k < m->narg; k++) all[k] = m->arg[k];
    for (int k = 0; k < narg; k++) all[m->narg + k] = cx_strdup(m->arena, arg[k], strlen(arg[k]));
    m->arg = all;
    m->narg += narg;
    forget(m);
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}

cx_model *cx_api_model(calx_model *m) {
  if (m->m) return m->m;
  int n = m->prog->ndecl;
  cx_decl *decl = CX_NEW_N(m->arena, cx_decl, n + 1);
  memcpy(decl, m->prog->decl, (size_t)n * sizeof *decl);
  cx_bind(m->ctx, m->arena, decl, n, m->arg, m->narg, NULL);
  cx_elab_opt o = {0};
  cx_model *e = cx_elaborate(m->prog, m->arena, decl, n, &o);
  if (!e) cx_throw(m->ctx, CX_E_PROGRAM);
  m->flat = cx_flat_new(e, m->arena, e->nparam);
  m->decl = decl;
  return m->m = e;
}

/* ---- params ---- */
calx_status calx_param_count(calx_model *m, int *params, int64_t *size) {
  cx_frame f;
  API_ENTER(m->ctx, f) {
    cx_api_model(m);
    if (params) *params = m->flat.n;
    if (size) *size = m->flat.offset[m->flat.n];
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}

static void need_param(calx_model *m, int k) {
  if (k >= 0 && k < m->flat.n) return;
  cx_diag(m->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN, "there is no param %d: the program has %d", k, m->flat.n);
  cx_throw(m->ctx, CX_E_USAGE);
}

calx_status calx_param_at(calx_model *m, int k, calx_param *out) {
  cx_frame f;
  API_ENTER(m->ctx, f) {
    cx_model *e = cx_api_model(m);
    need_param(m, k);
    const cx_eq *q = e->graph->eq[e->param[k].eq];
    int64_t *dim = CX_NEW_N(m->arena, int64_t, q->rank + 1);
    for (int d = 0; d < q->rank; d++) dim[d] = q->dim[d].n;
    *out = (calx_param){e->param[k].name, q->rank, dim, cx_eq_count(q), m->flat.offset[k], m->flat.offset[k + 1] - m->flat.offset[k]};
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}

calx_status calx_start(calx_model *m, uint64_t seed, double *x) {
  cx_frame f;
  API_ENTER(m->ctx, f) {
    cx_model d = *cx_api_model(m); /* in double whatever the program's precision */
    d.single = false;
    cx_flat_start(&d, m->arena, &m->flat, seed, x);
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}

calx_status calx_param_values(calx_model *m, int k, const double *x, double *out) {
  cx_frame f;
  API_ENTER(m->ctx, f) {
    cx_model d = *cx_api_model(m);
    d.single = false;
    need_param(m, k);
    cx_fn *fn = cx_fn_new(&d, m->arena, &d.param[k].eq, 1, 1);
    const char *why = NULL;
    void *o = out;
    if (cx_fn_at(fn, cx_work_new(m->arena, fn->exec), &m->flat, x, &o, &why)) {
      cx_diag(m->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
      cx_throw(m->ctx, CX_E_RUNTIME);
    }
    CX_END(m->ctx, f);
    return CALX_OK;
  }
  return (calx_status)f.status;
}
