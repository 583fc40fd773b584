/* model_file.c - a model in a file, written and read. */
#include "run/model_file.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "data/vocab.h"

/* ---- writing ---- */
static bool row_size(const cx_model *m, cx_sym name) { /* the first size of data, unless a param has it too */
  bool leads = false;
  for (int k = 0; k < m->ndecl; k++) {
    const cx_decl *d = &m->decl[k]; /* the units of a text are its rows, and bear its name */
    leads |= name && (d->rank ? d->dim[0].name == name : d->name == name);
  }
  for (int k = 0; k < m->nparam && leads; k++) {
    const cx_eq *e = m->graph->eq[m->param[k].eq];
    for (int d = 0; d < e->rank; d++) leads &= e->dim[d].name != name;
  }
  return leads;
}

/* computed from data alone, and without a dimension of rows */
static bool statistic(const cx_model *m, cx_arena *t, uint32_t eq) {
  const cx_eq *e = m->graph->eq[eq];
  if (e->kind != EQ_CALC || !e->name) return false;
  for (int d = 0; d < e->rank; d++)
    if (row_size(m, e->dim[d].name)) return false;
  int32_t *map = CX_NEW_N(t, int32_t, m->graph->neq + 1);
  cx_extract(m->graph, t, &eq, 1, map);
  bool data = false;
  for (int k = 0; k < m->graph->neq; k++) {
    if (map[k] < 0 || m->graph->eq[k]->kind != EQ_INPUT) continue;
    if (!m->graph->eq[k]->constant) return false;
    for (int d = 0; d < m->ndecl; d++) data |= m->decl_eq[d] == (uint32_t)k && m->decl[d].rank > 0;
    for (int g = 0; g < m->ngiven; g++) data |= m->given[g].eq == (uint32_t)k && m->given[g].decl;
  }
  return data;
}

static void put_vocabulary(cx_buf *b, const cx_vocab *v) {
  char number[32];
  cx_puts(b, "{\"words\": [");
  for (int k = 0; k < v->n; k++) {
    cx_puts(b, k ? ", " : "");
    cx_json_puts(b, v->word[k]);
  }
  cx_puts(b, "], \"idf\": [");
  for (int k = 0; k < v->n; k++) cx_putf(b, k ? ", %s" : "%s", cx_show_double(number, v->idf[k]));
  cx_puts(b, "], \"merges\": [");
  for (int k = 0; k < 2 * v->nmerge; k++) cx_putf(b, k ? ", %d" : "%d", (int)v->merge[k]);
  cx_puts(b, "]}");
}

static const char *data_json(const cx_model *m, const cx_program *p, cx_arena *t) {
  cx_buf b = {.arena = t};
  CX_VEC(cx_sym) seen = {0};
  int n = 0;
  cx_puts(&b, "{\"sizes\": {");
  for (int k = 0; k < m->ndecl; k++)
    for (int d = 0; d < m->decl[k].rank; d++) {
      cx_sym name = m->decl[k].dim[d].name;
      bool new = name != NULL;
      for (int j = 0; j < seen.n; j++) new &= seen.at[j] != name;
      if (!new) continue;
      *CX_PUSH(t, seen) = name;
      cx_puts(&b, n++ ? ", " : "");
      cx_json_puts(&b, name);
      cx_putf(&b, ": %lld", (long long)m->decl[k].dim[d].n);
    }
  cx_puts(&b, "}, \"levels\": {");
  n = 0;
  for (int k = 0; k < m->ndecl; k++) {
    const cx_array *x = &m->decl[k].array;
    if (m->decl[k].domain.kind != DOM_CATEGORY || !x->nlevel) continue;
    cx_puts(&b, n++ ? ", " : "");
    cx_json_puts(&b, m->decl[k].name);
    cx_puts(&b, ": [");
    for (int j = 0; j < x->nlevel; j++) {
      cx_puts(&b, j ? ", " : "");
      cx_json_puts(&b, x->level[j]);
    }
    cx_puts(&b, "]");
  }
  cx_puts(&b, "}, \"vocabularies\": {");
  n = 0;
  for (int k = 0; k < p->vocab.n; k++) {
    bool later = false; /* other texts were bound since */
    for (int j = k + 1; j < p->vocab.n; j++) later |= !strcmp(p->vocab.at[j]->key, p->vocab.at[k]->key);
    if (later) continue;
    cx_puts(&b, n++ ? ", " : "");
    cx_json_puts(&b, p->vocab.at[k]->key);
    cx_puts(&b, ": ");
    put_vocabulary(&b, p->vocab.at[k]);
  }
  cx_puts(&b, "}}");
  return b.at;
}

void cx_model_write(const cx_model *m, const cx_program *p, cx_arena *t, const cx_flat *flat, int nparam, const void *x,
                    const char *path) {
  CX_VEC(uint32_t) eq = {0};
  CX_VEC(const char *) name = {0};
  size_t size = m->single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < nparam; k++) {
    *CX_PUSH(t, eq) = m->param[k].eq;
    *CX_PUSH(t, name) = m->param[k].name;
  }
  for (const cx_binding *b = m->env; b; b = b->next) {
    if (b->kind != B_VALUE || b->v.bad || b->decl || b->leaf == CX_NO_EQ || !statistic(m, t, b->leaf)) continue;
    const char *text = cx_format(t, "data.%s", b->name);
    bool known = false;
    for (int k = nparam; k < name.n; k++) known |= !strcmp(name.at[k], text);
    if (known) continue;
    *CX_PUSH(t, eq) = b->leaf;
    *CX_PUSH(t, name) = text;
  }
  cx_column *col = CX_NEW_N(t, cx_column, eq.n + nparam + 1);
  void **out = CX_NEW_N(t, void *, eq.n + 1);
  cx_fn *f = cx_fn_once(m, t, eq.at, eq.n, 1, NULL);
  int n = 0;
  for (int k = 0; k < eq.n; k++) {
    const cx_eq *e = m->graph->eq[eq.at[k]];
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    out[k] = cx_alloc_n(t, (size_t)f->out_n[k] + 1, size);
    col[n].name = name.at[k];
    col[n].array = (cx_array){.type = m->single ? CX_F32 : CX_F64, .data = out[k]};
    cx_array_row_major(&col[n++].array, e->rank, dim);
  }
  const char *why = NULL;
  if (cx_fn_at(f, cx_work_new(t, f->exec), flat, x, out, &why)) {
    cx_diag(m->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s", why);
    cx_throw(m->ctx, CX_E_RUNTIME);
  }
  for (int k = 0; k < nparam; k++) {
    const cx_param *q = &m->param[k];
    const cx_eq *raw = m->graph->eq[q->raw];
    if (q->raw == q->eq) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(raw, dim);
    col[n].name = raw->name;
    col[n].array =
        (cx_array){.type = m->single ? CX_F32 : CX_F64, .data = (const char *)x + (size_t)flat->offset[k] * size};
    cx_array_row_major(&col[n++].array, raw->rank, dim);
  }
  cx_note note[] = {
      {"calx", CALX_VERSION}, {"calx.program", cx_strdup(t, p->text, p->size)}, {"calx.data", data_json(m, p, t)}};
  cx_write_safetensors(m->ctx, path, col, n, note, 3);
}

/* ---- reading ---- */
cx_model_file cx_model_read(cx_ctx *c, cx_arena *a, const char *path) {
  cx_model_file f = {.file = cx_read_file(c, a, path, CX_NOSPAN)};
  const char *program = cx_file_note(f.file, "calx.program"), *data = cx_file_note(f.file, "calx.data"), *fault = "";
  if (!program) {
    int id = cx_diag(c, CX_ERROR, CX_E_DATA, CX_NOSPAN, "%s: there is no calx program in it", path);
    cx_diag_help(c, id,
                 "predict takes what `write model to \"m.safetensors\"` has written; weights of other programs are "
                 "loaded by a program: load W = \"weight\" from \"%s\"",
                 path);
    cx_throw(c, CX_E_DATA);
  }
  size_t at;
  const cx_json *j = data ? cx_json_read(a, data, strlen(data), &fault, &at) : NULL;
  if (!j) {
    cx_diag(c, CX_ERROR, CX_E_DATA, CX_NOSPAN, "%s: its note calx.data is %s%s", path, data ? "damaged: " : "missing",
            fault);
    cx_throw(c, CX_E_DATA);
  }
  f.sizes = cx_json_member(j, "sizes");
  f.levels = cx_json_member(j, "levels");
  f.vocabularies = cx_json_member(j, "vocabularies");
  f.program = cx_source_add(c, path, program, strlen(program));
  return f;
}

/* pairs of numbers that exist, of tokens no longer than any text needs */
static bool read_merges(cx_arena *a, cx_vocab *v, const cx_json *list) {
  enum { LONGEST = 1 << 16 };
  int n = list->nkid / 2, k = 0;
  int32_t *merge = CX_NEW_N(a, int32_t, 2 * n + 1), *length = CX_NEW_N(a, int32_t, n + 1);
  for (const cx_json *j = list->kid; j && k < 2 * n; j = j->next, k++) {
    if (j->kind != JSON_NUMBER || !(j->num >= 1 && j->num < 256 + k / 2) || j->num != floor(j->num)) return false;
    merge[k] = (int32_t)j->num;
    length[k / 2] += merge[k] < 256 ? 1 : length[merge[k] - 256];
    if (length[k / 2] > LONGEST) return false;
  }
  v->merge = merge;
  v->nmerge = n;
  return list->nkid == 2 * n;
}

static bool read_vocabulary(cx_arena *a, cx_vocab *v, const cx_json *j) {
  const cx_json *words = cx_json_member(j, "words"), *idf = cx_json_member(j, "idf"),
                *merges = cx_json_member(j, "merges");
  if (!words || words->kind != JSON_ARRAY || !idf || idf->kind != JSON_ARRAY || idf->nkid != words->nkid || !merges ||
      merges->kind != JSON_ARRAY)
    return false;
  const char **word = CX_NEW_N(a, const char *, words->nkid + 1);
  double *weight = CX_NEW_N(a, double, words->nkid + 1);
  for (const cx_json *w = words->kid, *x = idf->kid; w; w = w->next, x = x->next) {
    if (w->kind != JSON_STRING || x->kind != JSON_NUMBER || (v->n && strcmp(word[v->n - 1], w->text) >= 0))
      return false;
    word[v->n] = w->text;
    weight[v->n++] = x->num;
  }
  v->key = j->key;
  v->word = word;
  v->idf = weight;
  cx_vocab_index(a, v);
  return read_merges(a, v, merges);
}

void cx_model_declare(const cx_model_file *f, cx_program *p) {
  for (int k = 0; k < p->ndecl; k++) p->decl[k].file = NULL, p->decl[k].optional = true;
  for (const cx_json *j = f->vocabularies ? f->vocabularies->kid : NULL; j; j = j->next) {
    cx_vocab *v = CX_NEW(p->arena, cx_vocab);
    if (j->kind == JSON_OBJECT && read_vocabulary(p->arena, v, j)) {
      *CX_PUSH(p->arena, p->vocab) = v;
      continue;
    }
    cx_diag(p->ctx, CX_ERROR, CX_E_DATA, CX_NOSPAN, "%s: its vocabulary of \"%.60s\" is damaged", f->file->path,
            j->key);
    cx_throw(p->ctx, CX_E_DATA);
  }
}

static const char **levels_of(cx_arena *a, const cx_json *list, int *n) {
  *n = 0;
  if (!list || list->kind != JSON_ARRAY) return NULL;
  const char **level = CX_NEW_N(a, const char *, list->nkid + 1);
  for (const cx_json *k = list->kid; k; k = k->next)
    if (k->kind == JSON_STRING) level[(*n)++] = k->text;
  return level;
}

void cx_model_adapt(const cx_model_file *f, cx_ctx *c, cx_arena *a, cx_decl *decl, int n) {
  int errors = cx_error_count(c);
  for (int k = 0; k < n; k++) {
    cx_decl *d = &decl[k];
    if (d->domain.kind == DOM_CATEGORY) {
      int count;
      const char **level = levels_of(a, cx_json_member(f->levels, d->name), &count);
      if (level && d->bound) cx_relabel(c, a, d, level, count);
      if (level) d->array.level = level, d->array.nlevel = count;
    }
  }
  for (int k = 0; k < n; k++)
    for (int j = 0; j < decl[k].rank; j++) {
      cx_dim *d = &decl[k].dim[j];
      for (int q = 0; q < n && d->n < 0; q++) /* a size that other data give */
        for (int r = 0; r < decl[q].rank && d->n < 0; r++)
          if (decl[q].bound && d->name && decl[q].dim[r].name == d->name) d->n = decl[q].dim[r].n;
      const cx_json *size = d->name ? cx_json_member(f->sizes, d->name) : NULL;
      if (d->n < 0 && size && size->kind == JSON_NUMBER && size->num >= 0 && size->num < 9e15)
        d->n = (int64_t)size->num;
    }
  if (cx_error_count(c) > errors) cx_throw(c, CX_E_DATA);
}
