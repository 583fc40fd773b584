/* file.c - the C API's models in files, and functions of data. */
#include <math.h>
#include <string.h>

#include "api/api.h"

/* x as the model's functions take it */
static void *as_model(const cx_model *m, cx_arena *t, const double *x, int64_t n) {
  if (!m->single) return (void *)(uintptr_t)x;
  float *f = CX_NEW_N(t, float, n + 1);
  for (int64_t k = 0; k < n; k++) f[k] = (float)x[k];
  return f;
}

calx_status calx_save(calx_model *m, const double *x, const char *path) {
  API_TRY(m->ctx) {
    const calx_bound *b = cx_api_bound(m);
    cx_arena *t = cx_arena_new(m->ctx);
    if (!b->flat.n) cx_api_misuse(m->ctx, "declare what is to be found as param", "the program has no param to save");
    cx_model_write(b->m, m->prog, t, &b->flat, b->flat.n, as_model(b->m, t, x, b->flat.offset[b->flat.n]), path);
    API_DONE(m->ctx);
    cx_arena_free(t);
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

calx_status calx_load(calx_model *m, const char *path, double *x, int *count) {
  API_TRY(m->ctx) {
    calx_bound *b = cx_api_bound(m);
    cx_arena *t = cx_arena_new(m->ctx);
    /* the program with a `load` of all of them behind it */
    cx_program p = *m->prog;
    cx_ast root = *p.ast, load = {.kind = S_LOAD, .span = CX_NOSPAN, .name_span = CX_NOSPAN, .height = 1};
    p.arena = t;
    p.dir = NULL;
    memset(&p.read, 0, sizeof p.read);
    load.name = cx_intern(m->ctx, path, strlen(path));
    root.kid = CX_NEW_N(t, cx_ast *, root.nkid + 1);
    root.nkid = 0;
    for (int k = 0; k < m->prog->ast->nkid; k++)
      if (p.ast->kid[k]->kind != S_FIT) root.kid[root.nkid++] = p.ast->kid[k];
    root.kid[root.nkid++] = &load;
    p.ast = &root;
    cx_model d = *cx_api_elaborate(b, &p, t);
    d.single = false;
    double *start = CX_NEW_N(t, double, b->flat.offset[b->flat.n] + 1);
    cx_flat flat = cx_flat_new(&d, t, d.nparam);
    cx_flat_start(&d, t, &flat, 0, start);
    API_DONE(m->ctx);
    int n = 0;
    for (int k = 0; k < d.nparam && p.read.n; k++) {
      if (!cx_file_array(p.read.at[0], d.param[k].name)) continue;
      n++;
      for (int64_t j = flat.offset[k]; j < flat.offset[k + 1]; j++) x[j] = start[j];
    }
    if (count) *count = n;
    cx_arena_free(t);
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}

calx_status calx_predictor(calx_model *m, const char *expression, size_t length, const double *x, int ndata,
                           const char *const *data, calx_fn **out) {
  *out = NULL;
  API_TRY(m->ctx) {
    calx_bound *b = cx_api_bound(m), changed = *b;
    cx_arena *a = cx_arena_new(m->ctx), *t = cx_arena_new(m->ctx);
    cx_program *p = m->prog;
    int *which = CX_NEW_N(t, int, ndata + 1), n;
    changed.decl = CX_NEW_N(t, cx_decl, p->ndecl + 1);
    if (p->ndecl) memcpy(changed.decl, b->decl, (size_t)p->ndecl * sizeof *b->decl);
    for (int k = 0; k < ndata; k++) {
      which[k] = -1;
      for (int d = 0; d < p->ndecl; d++)
        if (!strcmp(p->decl[d].name, data[k])) which[k] = d;
      if (which[k] < 0) cx_api_misuse(m->ctx, NULL, "the program declares no data `%s`", data[k]);
      cx_decl *d = &changed.decl[which[k]];
      if (!d->bound && d->rank)
        cx_api_misuse(m->ctx, "bind an array of the shape that the function shall take", "nothing is bound to `%s`",
                      data[k]);
      d->bound = false; /* its values are not known, only its shape */
    }
    cx_model *e;
    const uint32_t *root = cx_api_expressions(&changed, t, expression, length, &e, &n);
    uint32_t *vary = CX_NEW_N(t, uint32_t, ndata + 1);
    for (int k = 0; k < ndata; k++) {
      vary[k] = e->decl_eq[which[k]];
      if (vary[k] == CX_NO_EQ) cx_api_misuse(m->ctx, NULL, "`%s` holds words, which are no numbers", data[k]);
    }
    e->vary = vary;
    e->nvary = ndata;
    const char *fixed = as_model(e, a, x, b->flat.offset[b->flat.n]);
    size_t size = e->single ? sizeof(float) : sizeof(double), all = (size_t)b->flat.offset[b->flat.n] * size;
    char *own = cx_alloc(a, all + 1); /* the caller's x may change */
    if (all) memcpy(own, fixed, all);
    for (int k = 0; k < e->nparam; k++) {
      const cx_eq *raw = e->graph->eq[e->param[k].raw];
      int64_t dim[CX_MAX_RANK];
      cx_eq_sizes(raw, dim);
      cx_array y = {.type = e->single ? CX_F32 : CX_F64, .data = own + (size_t)b->flat.offset[k] * size};
      cx_array_row_major(&y, raw->rank, dim);
      cx_give(e, raw->id, y);
    }
    calx_fn *f = cx_api_values(e, a, t, root, n);
    API_DONE(m->ctx);
    cx_arena_free(t);
    cx_part_init(&f->part, a, &b->part);
    *out = f;
    return CALX_OK;
  }
  return cx_api_failed(m->ctx, api_frame.status);
}
