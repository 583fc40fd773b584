/* elab_load.c - params that start where a file says, and those that a fit is for. */
#include <string.h>

#include "front/elab.h"

/* ---- arrays that no declaration gives ---- */
const cx_array *cx_input_array(const cx_model *m, uint32_t eq) {
  for (int k = 0; k < m->ngiven; k++)
    if (m->given[k].eq == eq) return &m->given[k].array;
  for (int k = 0; k < m->ndecl; k++)
    if (m->decl_eq[k] == eq && eq != CX_NO_EQ) return &m->decl[k].array;
  return NULL;
}

void cx_give(cx_model *m, uint32_t eq, cx_array x) {
  cx_given *all = CX_NEW_N(m->arena, cx_given, m->ngiven + 1);
  if (m->ngiven) memcpy(all, m->given, (size_t)m->ngiven * sizeof *all);
  all[m->ngiven++] = (cx_given){.eq = eq, .array = x};
  m->given = all;
}

cx_val cx_v_given(cx_elab *E, cx_sym name, const cx_array *x, const cx_dim *dim, cx_span s) {
  cx_eq *e = cx_eq_new(E->g, name, EQ_INPUT);
  e->constant = true;
  e->span = s;
  e->rank = (uint8_t)x->rank;
  for (int k = 0; k < x->rank; k++) e->dim[k] = (cx_dim){x->dim[k], dim ? dim[k].name : NULL};
  CX_PUSH(E->arena, E->given);
  E->given.at[E->given.n - 1] = (cx_given){.eq = e->id, .array = *x};
  return cx_v_load(E, e->id, s);
}

/* ---- load ---- */
static const char *shape_of(cx_elab *E, int rank, const int64_t *dim) {
  cx_buf b = {.arena = E->arena};
  cx_puts(&b, "[");
  for (int k = 0; k < rank; k++) cx_putf(&b, k ? ", %lld" : "%lld", (long long)dim[k]);
  cx_puts(&b, "]");
  return b.at;
}

static cx_array transposed(cx_array x) {
  int64_t d = x.dim[0], s = x.stride[0];
  x.dim[0] = x.dim[1], x.stride[0] = x.stride[1];
  x.dim[1] = d, x.stride[1] = s;
  return x;
}

static bool same_shape(const cx_eq *e, const cx_array *x) {
  bool same = e->rank == x->rank;
  for (int k = 0; k < e->rank && same; k++) same = e->dim[k].n == x->dim[k];
  return same;
}

static int another_shape(cx_elab *E, const cx_param *p, const char *what, int rank, const int64_t *of, cx_span s) {
  const cx_eq *e = E->g->eq[p->eq];
  int64_t dim[CX_MAX_RANK];
  cx_eq_sizes(e, dim);
  int id = cx_error(E->ctx, s, "the param `%s` has shape %s, but %s has %s", p->name, shape_of(E, e->rank, dim), what,
                    shape_of(E, rank, of));
  cx_diag_label(E->ctx, id, p->span, "declared here");
  return id;
}

/* PyTorch's order of a convolution's weights, [out, in, places..], for [places.., in, out] */
static bool fits_as_filters(const cx_eq *e, const cx_array *x) {
  bool fits = e->rank == x->rank && e->rank > 2;
  for (int d = 0; d < e->rank && fits; d++) fits = e->dim[d].n == x->dim[d + 2 < e->rank ? d + 2 : e->rank - 1 - d];
  return fits;
}

/* A layer's weights from other software, of a shape that is right in either order: said, as a model of wrong weights
 * only predicts badly. An expression of the array is meant. */
static void maybe_another_order(cx_elab *E, const cx_param *p, const cx_file *f, const cx_array *x, const char *what,
                                cx_span s) {
  const cx_eq *e = E->g->eq[p->eq];
  cx_array t = x->rank == 2 ? transposed(*x) : *x;
  bool matrix = x->rank == 2 && same_shape(e, &t);
  if (cx_file_note(f, "calx") || !strchr(p->name, '.') || !strstr(what, "weight")) return;
  if (!matrix && !fits_as_filters(e, x)) return;
  int id = cx_diag(E->ctx, CX_WARNING, CX_E_PROGRAM, s,
                   "the shape of \"%s\" does not tell in which order its numbers are", what);
  if (matrix)
    cx_diag_help(E->ctx, id, "PyTorch keeps the transpose: \"%s\" = \"%s\"'; as it is: \"%s\" = 1 * \"%s\"", p->name,
                 what, p->name, what);
  else
    cx_diag_help(E->ctx, id, "PyTorch's order is \"%s\" = filters(\"%s\"); as it is: \"%s\" = 1 * \"%s\"", p->name,
                 what, p->name, what);
}

/* the k-th param starts at x, which `what` of the file at `path` is */
static void start_at(cx_elab *E, int k, const cx_array *x, const char *what, const char *path, cx_span s) {
  cx_param *p = &E->param.at[k];
  const cx_eq *e = E->g->eq[p->eq];
  for (int d = 0; d < e->rank && E->opt.weights && e->rank == x->rank; d++)
    if (e->dim[d].n != x->dim[d] && e->dim[d].name) {
      int id =
          cx_diag(E->ctx, CX_ERROR, CX_E_DATA, s, "the model was fitted with %s = %lld, but the data have %s = %lld",
                  e->dim[d].name, (long long)x->dim[d], e->dim[d].name, (long long)e->dim[d].n);
      cx_diag_help(E->ctx, id, "give it the columns that it was fitted to, in their order");
      return;
    }
  if (!same_shape(e, x)) {
    int id = another_shape(E, p, cx_format(E->arena, "\"%s\" of %s", what, path), x->rank, x->dim, s);
    cx_array t = x->rank == 2 ? transposed(*x) : *x;
    if (x->rank == 2 && same_shape(e, &t))
      cx_diag_help(E->ctx, id, "its transpose fits (PyTorch keeps weights so): \"%s\" = \"%s\"'", p->name, what);
    if (fits_as_filters(e, x))
      cx_diag_help(E->ctx, id, "PyTorch's order of a convolution's weights: \"%s\" = filters(\"%s\")", p->name, what);
    return;
  }
  cx_val v = cx_v_given(E, p->name, x, e->dim, s);
  cx_param_start(E, p, v);
}

static const cx_file *read_weights(cx_elab *E, const cx_ast *s) {
  cx_program *p = E->prog;
  const char *path = s->name[0] == '/' || !p->dir ? s->name : cx_format(p->arena, "%s/%s", p->dir, s->name);
  for (int k = 0; k < p->read.n; k++)
    if (!strcmp(p->read.at[k]->path, path)) return p->read.at[k];
  cx_frame f;
  cx_file *file = NULL;
  CX_TRY(E->ctx, f) {
    file = cx_read_file(E->ctx, p->arena, path, s->name_span);
    CX_END(E->ctx, f);
  } else {
    if (f.status != CX_E_DATA) cx_throw(E->ctx, f.status);
    return NULL;
  }
  if (!file->ncol || !file->col[0].name || file->is_table) {
    int id = cx_diag(E->ctx, CX_ERROR, CX_E_DATA, s->name_span, "%s holds no arrays with names", path);
    cx_diag_help(E->ctx, id, "weights are loaded from safetensors and NPZ files");
    return NULL;
  }
  *CX_PUSH(p->arena, p->read) = file;
  return file;
}

/* params called `name`, or owned by calls of it: "dense" is dense.W and dense.b. Returns how many; one of them in *k. */
static bool named(const cx_param *p, cx_sym name) {
  size_t n = strlen(name);
  return p->name == name || (!strncmp(p->name, name, n) && p->name[n] == '.');
}

static void no_param(cx_elab *E, cx_sym name, cx_span s) {
  if (E->param_bad) return; /* it may be one that has an error */
  const char **names = CX_NEW_N(E->arena, const char *, E->param.n + 1);
  for (int k = 0; k < E->param.n; k++) names[k] = E->param.at[k].name;
  const char *hit = cx_nearest(name, names, E->param.n);
  int id = cx_error(E->ctx, s, "there is no param `%s` above", name);
  cx_buf all = {.arena = E->arena};
  for (int k = 0; k < E->param.n && k < 20; k++) cx_putf(&all, "%s%s", k ? ", " : "", names[k]);
  if (hit) cx_diag_help(E->ctx, id, "did you mean \"%s\"?", hit);
  else if (all.n) cx_diag_help(E->ctx, id, "the params so far: %s", all.at);
}

static void no_array(cx_elab *E, const cx_file *f, const char *name, cx_span s) {
  const char **names = CX_NEW_N(E->arena, const char *, f->ncol + 1);
  cx_buf all = {.arena = E->arena};
  for (int k = 0; k < f->ncol; k++) names[k] = f->col[k].name;
  for (int k = 0; k < f->ncol && k < 20; k++) cx_putf(&all, "%s%s", k ? ", " : "", names[k]);
  const char *hit = cx_nearest(name, names, f->ncol);
  int id = cx_diag(E->ctx, CX_ERROR, CX_E_DATA, s, "%s has no array \"%s\"", f->path, name);
  if (hit) cx_diag_help(E->ctx, id, "did you mean \"%s\"?", hit);
  cx_diag_help(E->ctx, id, "it has %s%s", all.n ? all.at : "none", f->ncol > 20 ? ", .." : "");
}

/* Texts in an expression are arrays of the file: they become names that no program can have. */
static cx_ast *with_arrays(cx_elab *E, const cx_file *f, const cx_ast *x, bool *ok) {
  cx_ast *y = memcpy(CX_NEW(E->arena, cx_ast), x, sizeof *y);
  if (x->kind == A_STR) {
    const cx_array *a = cx_file_array(f, x->name);
    if (!a) {
      no_array(E, f, x->name, x->span);
      *ok = false;
      return y;
    }
    y->kind = A_NAME;
    y->name = cx_intern_z(E->ctx, cx_format(E->arena, "\"%s\"", x->name));
    cx_bind_name(E, y->name, B_VALUE, x->span)->v = cx_v_given(E, y->name, a, NULL, x->span);
  }
  if (x->nkid) y->kid = CX_NEW_N(E->arena, cx_ast *, x->nkid);
  for (int k = 0; k < x->nkid; k++) y->kid[k] = x->kid[k] ? with_arrays(E, f, x->kid[k], ok) : NULL;
  return y;
}
static void start_at_value(cx_elab *E, int k, const cx_file *f, const cx_ast *x) {
  bool ok = true;
  x = with_arrays(E, f, x, &ok);
  cx_val v = ok ? cx_elab_expr(E, x) : cx_v_bad(x->span);
  if (v.bad) return;
  cx_param *p = &E->param.at[k];
  const cx_eq *e = E->g->eq[p->eq];
  int64_t dim[CX_MAX_RANK];
  bool same = e->rank == v.rank;
  for (int d = 0; d < v.rank; d++) dim[d] = v.dim[d].n, same = same && dim[d] == e->dim[d].n;
  if (same) cx_param_start(E, p, v);
  else another_shape(E, p, "this", v.rank, dim, x->span);
}

void cx_elab_load(cx_elab *E, const cx_ast *s) {
  for (int k = 0; k < E->action.n; k++)
    if (E->action.at[k].kind == ACT_FIT) {
      int id = cx_error(E->ctx, s->span, "params are loaded before the first fit: a file says where they start");
      cx_diag_label(E->ctx, id, E->action.at[k].ast->span, "it stands here");
      return;
    }
  if (E->opt.weights) return; /* which has them all: what they once started at may be gone */
  const cx_file *f = read_weights(E, s);
  if (!f) return;
  bool any = false;
  for (int k = 0; k < E->param.n && !s->nkid; k++) {
    const cx_array *x = cx_file_array(f, E->param.at[k].name);
    if (x) start_at(E, k, x, E->param.at[k].name, f->path, s->span), any = true;
  }
  if (!s->nkid && !any && !E->param_bad) {
    int id = cx_error(E->ctx, s->span, "no param above is called like an array of %s", f->path);
    cx_diag_help(
        E->ctx, id, "say which is which: load %s = \"%s\" from ..",
        E->param.n ? cx_format(E->arena, strchr(E->param.at[0].name, '.') ? "\"%s\"" : "%s", E->param.at[0].name) : "W",
        f->ncol ? f->col[0].name : "weight");
  }
  for (int j = 0; j < s->nkid; j++) {
    const cx_ast *item = s->kid[j], *of = item->kind == A_NAMED ? item->kid[0] : NULL;
    bool turn = of && of->kind == A_TRANSPOSE && of->kid[0]->kind == A_STR, found = false;
    const cx_ast *array = turn ? of->kid[0] : of; /* by itself, or a part of an expression */
    const char *as = of ? array->name : NULL;
    for (int k = 0; k < E->param.n; k++) {
      const cx_param *p = &E->param.at[k];
      if (of ? p->name != item->name : !named(p, item->name)) continue;
      if (of && array->kind != A_STR) {
        found = true;
        start_at_value(E, k, f, of);
        continue;
      }
      const char *what = as ? as : p->name;
      const cx_array *x = cx_file_array(f, what);
      found = true;
      if (!x) {
        no_array(E, f, what, item->span);
      } else if (turn && x->rank != 2) {
        int id = cx_error(E->ctx, item->span, "only a matrix has a transpose, but \"%s\" has %d dimension%s", what,
                          x->rank, x->rank == 1 ? "" : "s");
        if (x->rank > 2) cx_diag_help(E->ctx, id, "PyTorch's order of a convolution's weights: filters(\"%s\")", what);
      } else {
        cx_array y = turn ? transposed(*x) : *x;
        if (of && !turn && same_shape(E->g->eq[p->eq], x)) maybe_another_order(E, p, f, x, what, item->span);
        start_at(E, k, &y, what, f->path, item->span);
      }
    }
    if (!found) no_param(E, item->name, item->span);
  }
}

/* ---- a model file of this program ---- */
void cx_elab_weights(cx_elab *E) {
  const cx_file *f = E->opt.weights;
  for (int k = 0; f && k < E->param.n; k++) {
    cx_param *p = &E->param.at[k];
    const cx_eq *raw = E->g->eq[p->raw];
    const cx_array *x = cx_file_array(f, p->name), *u = cx_file_array(f, raw->name);
    if (p->eq != p->raw && u && same_shape(raw, u)) { /* the very unknowns */
      uint32_t eq;
      cx_v_store(E, cx_v_given(E, raw->name, u, NULL, p->span), NULL, &eq);
      p->start = START_VALUE;
      p->start_eq = (int32_t)eq;
      p->value_eq = -1;
    } else if (x) {
      start_at(E, k, x, p->name, f->path, p->span);
    } else {
      int id = cx_diag(E->ctx, CX_ERROR, CX_E_DATA, p->span, "%s has no array \"%s\" for this param", f->path, p->name);
      cx_diag_help(E->ctx, id, "the file is damaged, or was changed: write the model anew");
    }
  }
}

void cx_elab_statistic(cx_elab *E, cx_sym name, uint32_t eq) {
  if (eq == CX_NO_EQ || E->g->eq[eq]->kind != EQ_CALC) return;
  const cx_array *x = cx_file_array(E->opt.weights, cx_format(E->arena, "data.%s", name));
  cx_eq *e = E->g->eq[eq];
  if (!x || !same_shape(e, x)) return;
  e->kind = EQ_INPUT;
  e->constant = true;
  e->body = NULL;
  CX_PUSH(E->arena, E->given);
  E->given.at[E->given.n - 1] = (cx_given){.eq = eq, .array = *x};
}

/* ---- fit W, b by .. ---- */
void cx_elab_fit_params(cx_elab *E, const cx_ast *s, cx_action *a) {
  const cx_ast *list = s->nkid && s->kid[0]->kind == A_LIST ? s->kid[0] : NULL;
  if (!list) return;
  int *only = CX_NEW_N(E->arena, int, E->param.n + 1);
  bool *in = CX_NEW_N(E->arena, bool, E->param.n + 1), all = true;
  for (int j = 0; j < list->nkid; j++) {
    bool found = false;
    for (int k = 0; k < E->param.n; k++)
      if (named(&E->param.at[k], list->kid[j]->name)) in[k] = found = true;
    if (!found) no_param(E, list->kid[j]->name, list->kid[j]->span), all = false;
  }
  for (int k = 0; k < E->param.n; k++)
    if (in[k]) only[a->nonly++] = k;
  if (all) a->only = only;
  else a->nonly = 0;
}
