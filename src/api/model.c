/* model.c - the C API's models: their text, data and params. */
#include <string.h>

#include "api/api.h"
#include "data/shape.h"
#include "run/demand.h"

cx_decl *cx_api_decl(const cx_program *p, cx_arena *a) {
  cx_decl *d = CX_NEW_N(a, cx_decl, p->ndecl + 1);
  if (p->ndecl) memcpy(d, p->decl, (size_t)p->ndecl * sizeof *d);
  return d;
}

/* of a program's text, or of a file that a model was written to */
static calx_status new_model(calx_ctx *c, const char *text, size_t length, const char *path, calx_model **out) {
  *out = NULL;
  API_TRY(c) {
    cx_arena *a = cx_arena_new(c), *t = cx_arena_new(c);
    calx_model *m = CX_NEW(a, calx_model);
    m->ctx = c;
    if (path) {
      cx_model_file *f = CX_NEW(a, cx_model_file);
      *f = cx_model_read(c, a, cx_strdup(a, path, strlen(path)));
      m->file = f;
    }
    m->prog = cx_program_new(c, a, path ? m->file->program : cx_api_source(c, "model", text, length), NULL);
    if (path) cx_model_declare(m->file, m->prog);
    cx_decl *decl = cx_api_decl(m->prog, t);
    if (path) cx_model_adapt(m->file, c, t, decl, m->prog->ndecl);
    /* the rest of the program's errors now, not at the first function: with stand-in sizes where data give them */
    cx_elab_opt o = {.unbound = true, .weights = path ? m->file->file : NULL};
    if (!cx_elaborate(m->prog, t, decl, m->prog->ndecl, &o)) cx_throw(c, CX_E_PROGRAM);
    API_DONE(c);
    cx_arena_free(t);
    cx_part_init(&m->part, a, NULL);
    *out = m;
    return CALX_OK;
  }
  return cx_api_failed(c, api_frame.status);
}

calx_status calx_compile(calx_ctx *c, const char *text, size_t length, calx_model **out) {
  return new_model(c, text, length, NULL, out);
}
calx_status calx_open(calx_ctx *c, const char *path, calx_model **out) { return new_model(c, NULL, 0, path, out); }

void calx_model_free(calx_model *m) {
  if (m) cx_part_free(&m->part);
}

/* ---- data ---- */

static void forget(calx_model *m) { /* functions made before go on with what was bound */
  if (m->now) cx_part_leave(&m->now->part);
  m->now = NULL;
}

static cx_decl *declared(calx_model *m, const char *name) {
  cx_program *p = m->prog;
  for (int k = 0; k < p->ndecl; k++)
    if (!strcmp(p->decl[k].name, name)) return &p->decl[k];
  const char **names = CX_NEW_N(cx_ctx_arena(m->ctx), const char *, p->ndecl + 1);
  for (int k = 0; k < p->ndecl; k++) names[k] = p->decl[k].name;
  const char *hit = cx_nearest(name, names, p->ndecl);
  cx_api_misuse(m->ctx, hit ? cx_format(cx_ctx_arena(m->ctx), "did you mean `%s`?", hit) : NULL,
                "the program declares no data `%s`", name);
}

calx_status calx_bind(calx_model *m, const char *name, calx_type type, int rank, const int64_t *dim,
                      const int64_t *stride, const void *array) {
  cx_ctx *c = m->ctx;
  API_TRY(c) {
    cx_decl *d = declared(m, name);
    const char *what = cx_decl_text(cx_ctx_arena(c), d);
    bool colour = d->domain.kind == DOM_IMAGE && rank == d->rank + 1; /* red, green, blue */
    if ((unsigned)type > CALX_U8)
      cx_api_misuse(c, "types: CALX_F64 .. CALX_U8", "%s: there is no type %d", what, (int)type);
    if (d->domain.kind == DOM_TEXT)
      cx_api_misuse(c, "use calx_bind_files", "%s holds words, which come from files", what);
    if (rank != d->rank && !colour)
      cx_api_misuse(c, "give one size a dimension", "%s is declared with %d dimension%s, but an array of %d is bound",
                    what, d->rank, d->rank == 1 ? "" : "s", rank);
    cx_array a = {.type = (cx_dtype)type, .rank = rank, .data = array};
    uint64_t count = 1;
    for (int k = rank - 1; k >= 0; k--) {
      if (!dim || dim[k] < 0) cx_api_misuse(c, NULL, "%s: its dimension %d has no size of 0 or more", what, k);
      a.dim[k] = dim[k];
      a.stride[k] = stride ? stride[k] : (int64_t)count;
      uint64_t most = (uint64_t)INT64_MAX / cx_dtype_size[type];
      if (dim[k] && count > most / (uint64_t)dim[k])
        cx_api_misuse(c, NULL, "%s: an array that large has no place in memory", what);
      count *= (uint64_t)dim[k];
    }
    if (!array && count) cx_api_misuse(c, NULL, "%s: no array is given", what);
    if (!array) a.data = "";
    API_DONE(c);
    d->array = a;
    d->bound = true;
    forget(m);
    return CALX_OK;
  }
  return cx_api_failed(c, api_frame.status);
}

calx_status calx_bind_files(calx_model *m, const char *const *arg, int narg) {
  API_TRY(m->ctx) {
    cx_arena *a = m->part.arena;
    const char **all = CX_NEW_N(a, const char *, m->narg + narg + 1);
    for (int k = 0; k < m->narg; k++) all[k] = m->arg[k];
    for (int k = 0; k < narg; k++) all[m->narg + k] = cx_strdup(a, arg[k], strlen(arg[k]));
    API_DONE(m->ctx);
    m->arg = all;
    m->narg += narg;
    forget(m);
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

/* ---- the model with its data ---- */

cx_model *cx_api_elaborate(calx_bound *b, cx_program *p, cx_arena *a) {
  cx_elab_opt o = {.seed = 1, /* as the command line has it */
                   .weights = b->of->file ? b->of->file->file : NULL};
  for (int k = 0; k < p->ndecl; k++) o.unbound |= !b->decl[k].bound && b->decl[k].optional;
  cx_model *e = cx_elaborate(p, a, b->decl, p->ndecl, &o);
  if (!e) cx_throw(p->ctx, CX_E_PROGRAM);
  cx_demands_of_data(e);
  if (cx_error_count(p->ctx)) cx_throw(p->ctx, CX_E_PROGRAM);
  return e;
}

static calx_bound *bind_now(calx_model *m, cx_arena *a) {
  cx_program *p = m->prog;
  calx_bound *b = CX_NEW(a, calx_bound);
  b->of = m;
  b->decl = cx_api_decl(p, a);
  for (int k = 0; k < p->ndecl && !m->narg; k++) {
    if (p->decl[k].bound || p->decl[k].file || p->decl[k].optional) continue;
    int id =
        cx_diag(m->ctx, CX_ERROR, CX_E_DATA, p->decl[k].span, "nothing is bound to %s", cx_decl_text(a, &p->decl[k]));
    cx_diag_help(m->ctx, id, "calx_bind(model, \"%s\", ..) or calx_bind_files before this call", p->decl[k].name);
  }
  if (cx_error_count(m->ctx)) cx_throw(m->ctx, CX_E_DATA);
  cx_bind(m->ctx, a, b->decl, p->ndecl, m->arg, m->narg, NULL);
  if (m->file) cx_model_adapt(m->file, m->ctx, a, b->decl, p->ndecl);
  cx_model *e = b->m = cx_api_elaborate(b, p, a);
  b->flat = cx_flat_new(e, a, e->nparam);
  b->param = CX_NEW_N(a, calx_param, e->nparam + 1);
  b->value = CX_NEW_N(a, cx_fn *, e->nparam + 1);
  b->work = CX_NEW_N(a, cx_work *, e->nparam + 1);
  for (int k = 0; k < e->nparam; k++) {
    const cx_eq *q = e->graph->eq[e->param[k].eq];
    int64_t *dim = CX_NEW_N(a, int64_t, q->rank + 1), from = b->flat.offset[k];
    cx_eq_sizes(q, dim);
    b->param[k] = (calx_param){e->param[k].name, q->rank, dim, cx_eq_count(q), from, b->flat.offset[k + 1] - from};
  }
  return b;
}

calx_bound *cx_api_bound(calx_model *m) {
  if (m->now) return m->now;
  cx_arena *a = cx_arena_new(m->ctx);
  calx_bound *b = bind_now(m, a);
  cx_part_init(&b->part, a, &m->part);
  return m->now = b;
}

/* ---- params ---- */

calx_status calx_param_count(calx_model *m, int *params, int64_t *size) {
  API_TRY(m->ctx) {
    const calx_bound *b = cx_api_bound(m);
    API_DONE(m->ctx);
    if (params) *params = b->flat.n;
    if (size) *size = b->flat.offset[b->flat.n];
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

static calx_bound *with_param(calx_model *m, int k) {
  calx_bound *b = cx_api_bound(m);
  if (k < 0 || k >= b->flat.n) cx_api_misuse(m->ctx, NULL, "there is no param %d: the program has %d", k, b->flat.n);
  return b;
}

calx_status calx_param_at(calx_model *m, int k, calx_param *out) {
  API_TRY(m->ctx) {
    const calx_bound *b = with_param(m, k);
    API_DONE(m->ctx);
    *out = b->param[k];
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

calx_status calx_start(calx_model *m, uint64_t seed, double *x) {
  API_TRY(m->ctx) {
    const calx_bound *b = cx_api_bound(m);
    cx_model d = *b->m; /* in double whatever the program's precision */
    d.single = false;
    cx_arena *t = cx_arena_new(m->ctx);
    cx_flat_start(&d, t, &b->flat, seed, x);
    API_DONE(m->ctx);
    cx_arena_free(t);
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

calx_status calx_param_values(calx_model *m, int k, const double *x, double *out) {
  API_TRY(m->ctx) {
    calx_bound *b = with_param(m, k);
    if (!b->value[k]) {
      cx_model d = *b->m;
      d.single = false;
      cx_fn *f = cx_fn_new(&d, b->part.arena, &d.param[k].eq, 1, 1);
      b->work[k] = cx_work_new(b->part.arena, f->exec);
      b->value[k] = f;
    }
    const char *why = NULL;
    void *to = out;
    if (cx_fn_at(b->value[k], b->work[k], &b->flat, x, &to, &why)) {
      cx_diag(m->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
      cx_throw(m->ctx, CX_E_RUNTIME);
    }
    API_DONE(m->ctx);
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}
