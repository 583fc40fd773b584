/* shape.c - an array's shape and kind made those of its declaration, and the sizes made to agree. */
#include "data/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- in words ---- */
const char *cx_decl_text(cx_arena *a, const cx_decl *d) {
  cx_buf b = {.arena = a};
  cx_puts(&b, d->name);
  for (int k = 0; k < d->rank; k++) {
    cx_puts(&b, k ? ", " : "[");
    if (d->dim[k].name) cx_puts(&b, d->dim[k].name);
    else if (d->dim[k].n >= 0) cx_putf(&b, "%lld", (long long)d->dim[k].n);
    else cx_puts(&b, "?");
  }
  if (d->rank) cx_puts(&b, "]");
  return b.at;
}

static const char *shape_text(cx_arena *a, const cx_array *x) {
  cx_buf b = {.arena = a};
  cx_puts(&b, "[");
  for (int k = 0; k < x->rank; k++) cx_putf(&b, k ? ", %lld" : "%lld", (long long)x->dim[k]);
  cx_puts(&b, "]");
  return b.at;
}

static const char *from_text(cx_arena *a, const cx_decl *d) {
  return d->array.origin ? cx_format(a, "%s (%s)", d->name, d->array.origin) : d->name;
}

static bool fail(cx_ctx *c, const cx_decl *d, const char *help, const char *text) {
  int g = cx_diag(c, CX_ERROR, CX_E_DATA, d->span, "%s", text);
  if (help) cx_diag_help(c, g, "%s", help);
  return false;
}

/* ---- shape ---- */
/* Finds the sizes that x has when it is read as d: the same rank, or x's dimensions after the first merged into, or split
 * into, constant ones; a vector may stand for a matrix of one column, and dimensions of size 1 may be left out. */
static bool fit(const cx_decl *d, const cx_array *x, int64_t dim[CX_MAX_RANK]) {
  bool same = d->rank == x->rank;
  for (int k = 0; k < d->rank && same; k++) same = d->dim[k].n < 0 || d->dim[k].n == x->dim[k];
  if (same) {
    memcpy(dim, x->dim, sizeof x->dim[0] * (size_t)d->rank);
    return true;
  }
  size_t count, want;
  if (!cx_size_product(x->dim, x->rank, 1, &count)) return false;
  if (d->rank == 0) return count == 1;
  int big = 0, at = 0; /* [1, n] and [n, 1] are vectors */
  for (int k = 0; k < x->rank; k++)
    if (x->dim[k] != 1) big++, at = k;
  if (d->rank == 1 && x->rank > 1 && big <= 1) {
    dim[0] = big ? x->dim[at] : 1;
    return d->dim[0].n < 0 || d->dim[0].n == dim[0];
  }
  dim[0] = x->rank ? x->dim[0] : 1;
  if (d->dim[0].n >= 0 && d->dim[0].n != dim[0]) return false;
  bool constant = true;
  for (int k = 1; k < d->rank; k++) {
    dim[k] = d->dim[k].n >= 0 ? d->dim[k].n : 1;
    constant = constant && d->dim[k].n >= 0;
  }
  if (!constant && x->rank > 1) return false;
  size_t have = 1;
  for (int k = 1; k < x->rank; k++) have *= (size_t)x->dim[k]; /* count fits, or a size is 0 */
  return cx_size_product(dim + 1, d->rank - 1, 1, &want) && want == have;
}

/* An image has its colours where the declaration ends with a 3, else its luminance; a picture may be a list of one. */
static bool in_colour(const cx_decl *d) { return d->rank >= 3 && d->dim[d->rank - 1].n == 3; }
static bool loses_colour(const cx_decl *d, const cx_array *x) {
  if (d->domain.kind != DOM_IMAGE || x->rank < 3 || x->dim[x->rank - 1] != 3) return false;
  return x->rank == d->rank + 1 || (x->picture && d->rank == 3 && !in_colour(d));
}
static bool takes_colour(const cx_decl *d, const cx_array *x) {
  if (d->domain.kind != DOM_IMAGE || !in_colour(d) || x->rank < 2) return false;
  return d->rank == x->rank + 1 ? !x->picture || x->rank == 2 : x->picture && d->rank == 4 && x->rank == 2;
}
static bool list_of_one(const cx_decl *d, const cx_array *x) {
  if (d->domain.kind != DOM_IMAGE || !x->picture) return false;
  bool flat = d->rank == 2 && x->rank == 2 && d->dim[1].n == x->dim[0] * x->dim[1];
  return flat || d->rank == x->rank + 1;
}
static void as_list(cx_array *x) {
  memmove(x->dim + 1, x->dim, (size_t)x->rank * sizeof *x->dim);
  memmove(x->stride + 1, x->stride, (size_t)x->rank * sizeof *x->stride);
  x->stride[0] = x->stride[1] * x->dim[1], x->dim[0] = 1;
  x->rank++;
}

bool cx_shape_fits(const cx_decl *d, const cx_array *x) {
  int64_t dim[CX_MAX_RANK];
  cx_array y = *x;
  if (loses_colour(d, &y)) y.rank--;
  if (takes_colour(d, &y)) y.stride[y.rank] = 0, y.dim[y.rank++] = 3;
  if (list_of_one(d, &y)) as_list(&y);
  return fit(d, &y, dim);
}

static void make_dense(cx_arena *a, cx_array *x) {
  int64_t n = cx_array_count(x);
  double *p = CX_NEW_N(a, double, n);
  cx_array_run(x, 0, n, p);
  x->data = p;
  x->type = CX_F64;
  cx_array_row_major(x, x->rank, x->dim);
}

/* x with other sizes, the elements in the same row-major order. Where the dimensions after the first are evenly spaced
 * as one, strides do it; else a copy. */
static void reshape(cx_arena *a, cx_array *x, int rank, const int64_t *dim) {
  bool even = x->rank >= 1 && rank >= 1 && dim[0] == x->dim[0];
  for (int k = 1; k + 1 < x->rank; k++) even = even && x->stride[k] == x->stride[k + 1] * x->dim[k + 1];
  if (!even) make_dense(a, x);
  int64_t s = !even || x->rank < 2 ? 1 : x->stride[x->rank - 1], first = even ? x->stride[0] : 0;
  for (int k = rank; k-- > 0; s *= dim[k]) x->stride[k] = s, x->dim[k] = dim[k];
  if (even) x->stride[0] = first;
  if (rank != 2 && x->rank == 2) x->column = NULL;
  x->rank = rank;
}

/* ---- kinds ---- */
/* Rec. 709 luma (ITU-R BT.709-6, item 3.2): of the values as they are stored, gamma included */
static void luminance(cx_arena *a, cx_array *x) {
  int64_t n = cx_array_count(x) / 3;
  float *y = CX_NEW_N(a, float, n);
  double rgb[3 * 256];
  for (int64_t at = 0; at < n; at += 256) {
    int64_t m = n - at < 256 ? n - at : 256;
    cx_array_run(x, 3 * at, 3 * m, rgb);
    for (int64_t k = 0; k < m; k++)
      y[at + k] = (float)(0.2126 * rgb[3 * k] + 0.7152 * rgb[3 * k + 1] + 0.0722 * rgb[3 * k + 2]);
  }
  x->data = y;
  x->type = CX_F32;
  cx_array_row_major(x, x->rank - 1, x->dim);
}

static void colours(cx_arena *a, cx_array *x) {
  int64_t n = cx_array_count(x), size = (int64_t)cx_dtype_size[x->type];
  uint8_t *p = cx_alloc_n(a, (size_t)n, 3 * (size_t)size);
  cx_grey_to_colour(p, x->data, (size_t)n, (size_t)size);
  x->data = p;
  x->dim[x->rank] = 3;
  cx_array_row_major(x, x->rank + 1, x->dim);
}

static bool words_to_text(cx_arena *a, cx_array *x) {
  int64_t n = cx_array_count(x);
  const char **text = CX_NEW_N(a, const char *, n);
  const int32_t *code = x->data;
  for (int64_t i = 0; i < n; i++) text[i] = x->level[code[i]];
  x->text = text;
  x->level = NULL;
  x->nlevel = 0;
  return true;
}

/* the first row whose word satisfies bad(); -1: none */
static int64_t first_row(const cx_array *x, bool (*bad)(const char *)) {
  int64_t n = cx_array_count(x);
  bool any = false;
  for (int k = 0; k < x->nlevel && !any; k++) any = bad(x->level[k]);
  for (int64_t i = 0; i < n && any; i++)
    if (bad(x->level[((const int32_t *)x->data)[i]])) return i;
  return -1;
}
static bool is_missing(const char *s) { return cx_missing_word(s, strlen(s)); }
static bool is_word(const char *s) {
  double v;
  return !is_missing(s) && !cx_read_double(s, strlen(s), &v);
}

typedef struct {
  const char *name;
  double value;
  int32_t old;
} level;
static int by_name(const void *x, const void *y) { return strcmp(((const level *)x)->name, ((const level *)y)->name); }
static bool fail_missing(cx_ctx *c, cx_arena *a, const cx_decl *d, int64_t row) {
  return fail(c, d, "leave the row out, or fill the value in",
              cx_format(a, "%s: the value is missing", cx_element_place(a, d, &d->array, row)));
}

static bool words_to_category(cx_ctx *c, cx_arena *a, cx_decl *d) {
  cx_array *x = &d->array;
  int64_t n = cx_array_count(x), miss = first_row(x, is_missing);
  if (miss >= 0) return fail_missing(c, a, d, miss);
  level *v = CX_NEW_N(a, level, x->nlevel);
  for (int k = 0; k < x->nlevel; k++) v[k] = (level){.name = x->level[k], .old = k};
  qsort(v, (size_t)x->nlevel, sizeof *v, by_name);
  const char **name = CX_NEW_N(a, const char *, x->nlevel);
  int32_t *to = CX_NEW_N(a, int32_t, x->nlevel), *code = CX_NEW_N(a, int32_t, n);
  int count = 0;
  for (int k = 0; k < x->nlevel; k++) { /* lines of a text are not distinct */
    if (!count || strcmp(name[count - 1], v[k].name)) name[count++] = v[k].name;
    to[v[k].old] = count - 1;
  }
  for (int64_t i = 0; i < n; i++) code[i] = to[((const int32_t *)x->data)[i]];
  x->data = code;
  x->level = name;
  x->nlevel = count;
  return true;
}

/* distinct numbers, in increasing order, become 0, 1, ... */
static bool numbers_to_category(cx_ctx *c, cx_arena *a, cx_decl *d) {
  cx_array *x = &d->array;
  int64_t n = cx_array_count(x), distinct = 0;
  make_dense(a, x);
  const double *p = x->data;
  for (int64_t i = 0; i < n; i++) {
    if (isnan(p[i])) return fail_missing(c, a, d, i);
    if (p[i] != floor(p[i]))
      return fail(
          c, d, "declare it without a domain if it is a quantity",
          cx_format(a, "%s: %g is no category, but a number with a fraction", cx_element_place(a, d, x, i), p[i]));
  }
  double *v = CX_NEW_N(a, double, n);
  memcpy(v, p, (size_t)n * sizeof *v);
  qsort(v, (size_t)n, sizeof *v, cx_by_value);
  for (int64_t i = 0; i < n; i++)
    if (!distinct || v[distinct - 1] != v[i]) v[distinct++] = v[i];
  if (distinct > INT32_MAX) return fail(c, d, NULL, cx_format(a, "%s has too many categories", d->name));
  const char **name = CX_NEW_N(a, const char *, distinct);
  char s[32];
  for (int64_t k = 0; k < distinct; k++) name[k] = cx_format(a, "%s", cx_show_double(s, v[k]));
  int32_t *code = CX_NEW_N(a, int32_t, n);
  for (int64_t i = 0; i < n; i++)
    code[i] = (int32_t)((const double *)bsearch(&p[i], v, (size_t)distinct, sizeof *v, cx_by_value) - v);
  x->type = CX_I32;
  x->data = code;
  x->level = name;
  x->nlevel = (int)distinct;
  return true;
}

static bool words_to_bool(cx_ctx *c, cx_arena *a, cx_decl *d) {
  static const char *const yes[] = {"true", "yes", "t", "y", "1"}, *const no[] = {"false", "no", "f", "n", "0"};
  cx_array *x = &d->array;
  int64_t n = cx_array_count(x);
  uint8_t *v = CX_NEW_N(a, uint8_t, n);
  for (int64_t i = 0; i < n; i++) {
    const char *s = x->level[((const int32_t *)x->data)[i]];
    int k = 0;
    while (k < 5 && strcasecmp(s, yes[k]) && strcasecmp(s, no[k])) k++;
    if (k == 5 && is_missing(s)) return fail_missing(c, a, d, i);
    if (k == 5)
      return fail(c, d, "bool reads true and false, yes and no, 1 and 0",
                  cx_format(a, "%s: \"%.40s\" is neither true nor false", cx_element_place(a, d, x, i), s));
    v[i] = strcasecmp(s, yes[k]) == 0;
  }
  x->type = CX_U8;
  x->data = v;
  x->level = NULL;
  x->nlevel = 0;
  return true;
}

/* lines of one text */
static void join_lines(cx_arena *a, cx_array *x) {
  int64_t n = cx_array_count(x);
  const char **one = CX_NEW(a, const char *);
  words_to_text(a, x);
  *one = cx_text_join(a, x->text, n);
  x->text = one;
  cx_array_row_major(x, 0, NULL);
}

/* lines that a % alone divides are texts of many lines */
static void divide_lines(cx_arena *a, cx_array *x) {
  bool divided = false;
  for (int k = 0; k < x->nlevel && !divided; k++) divided = cx_divides(x->level[k]);
  if (!divided) return;
  cx_items item = {0};
  cx_text_items(a, &item, x->level, x->nlevel);
  int64_t n = item.text.n;
  int32_t *code = CX_NEW_N(a, int32_t, n + 1);
  for (int64_t k = 0; k < n; k++) code[k] = (int32_t)k;
  x->data = code;
  x->level = item.text.at;
  x->nlevel = (int)n;
  x->line = item.line.at;
  cx_array_row_major(x, 1, &n);
}

bool cx_adapt(cx_ctx *c, cx_arena *a, cx_decl *d) {
  cx_array *x = &d->array;
  cx_domain_kind kind = d->domain.kind;
  bool lines = kind == DOM_TEXT && x->level && x->origin && x->rank == 1; /* of a file: not distinct, as read */
  if (lines && d->rank == 0) {
    join_lines(a, x);
    return true;
  }
  if (lines && !x->column) divide_lines(a, x);
  int64_t dim[CX_MAX_RANK];
  bool words = x->level && x->origin; /* as read; a caller's levels are numbers already */
  bool listed = x->rank == d->rank;
  if (loses_colour(d, x)) {
    luminance(a, x);
    int id = listed ? cx_diag(c, CX_WARNING, CX_OK, d->span, "%s is taken as a list of one grey image", x->origin) : -1;
    if (listed) cx_diag_help(c, id, "its colours are the last size, 3: data %s[h, w, 3] : image", d->name);
  }
  if (takes_colour(d, x) && cx_array_contiguous(x)) colours(a, x);
  if (list_of_one(d, x)) as_list(x);
  size_t count;
  if (!cx_size_product(x->dim, x->rank, sizeof(double), &count))
    return fail(
        c, d, NULL,
        cx_format(a, "%s: its %s elements are more than this machine can address", from_text(a, d), shape_text(a, x)));
  if (!fit(d, x, dim)) {
    bool colour = x->rank == d->rank + 1 && x->dim[x->rank - 1] == 3;
    const char *help =
        colour ? cx_format(a, "declare `data %s : image` to have the luminance of a colour image", cx_decl_text(a, d))
        : x->rank != d->rank
            ? cx_format(a, "it has %d dimension%s: declare it with as many names of sizes, as in `data %s[n%s]`",
                        x->rank, x->rank == 1 ? "" : "s", d->name, x->rank == 1 ? "" : ", m")
            : "a number in a declaration demands that size; a name takes any: write the number of the data, or a name";
    return fail(c, d, help,
                cx_format(a, "%s has the shape %s, which does not fit %s", x->origin ? x->origin : d->name,
                          shape_text(a, x), cx_decl_text(a, d)));
  }
  if (count == 0)
    return fail(c, d, NULL, cx_format(a, "%s is empty: its shape is %s", from_text(a, d), shape_text(a, x)));
  if (kind == DOM_TEXT && !words && !x->text)
    return fail(c, d, "declare it without a domain if it is a quantity",
                cx_format(a, "%s: %s holds numbers, not text", cx_element_place(a, d, x, 0), d->name));
  bool ok = true;
  if (words && kind == DOM_TEXT) ok = words_to_text(a, x);
  else if (words && kind == DOM_CATEGORY) ok = words_to_category(c, a, d);
  else if (words && kind == DOM_BOOL) ok = words_to_bool(c, a, d);
  else if (words) {
    int64_t row = first_row(x, is_word);
    if (row < 0) row = 0;
    return fail(c, d, cx_format(a, "declare `data %s : category` if its words are categories", cx_decl_text(a, d)),
                cx_format(a, "%s: \"%.40s\" is no number", cx_element_place(a, d, x, row),
                          x->level[((const int32_t *)x->data)[row]]));
  } else if (kind == DOM_CATEGORY && !x->level) ok = numbers_to_category(c, a, d);
  if (ok && (x->rank != d->rank || memcmp(dim, x->dim, sizeof dim[0] * (size_t)d->rank))) reshape(a, x, d->rank, dim);
  return ok;
}

void cx_relabel(cx_ctx *c, cx_arena *a, cx_decl *d, const char *const *level, int n) {
  cx_array *x = &d->array;
  int64_t count = cx_array_count(x);
  int32_t *to = CX_NEW_N(a, int32_t, x->nlevel + 1), *code = CX_NEW_N(a, int32_t, count + 1);
  for (int k = 0; k < x->nlevel; k++) {
    to[k] = -1;
    for (int j = 0; j < n && to[k] < 0; j++)
      if (!strcmp(level[j], x->level[k])) to[k] = j;
  }
  double v[256];
  for (int64_t i = 0; i < count; i++) {
    if (i % 256 == 0) cx_array_run(x, i, count - i < 256 ? count - i : 256, v);
    int k = (int)v[i % 256];
    code[i] = to[k];
    if (to[k] >= 0) continue;
    int id = cx_diag(c, CX_ERROR, CX_E_DATA, d->span, "%s: \"%.40s\" is no category that the model knows",
                     cx_element_place(a, d, x, i), x->level[k]);
    const char *near = cx_nearest(x->level[k], level, n);
    cx_buf all = {.arena = a};
    for (int j = 0; j < n && j < 20; j++) cx_putf(&all, "%s%s", j ? ", " : "", level[j]);
    if (near) cx_diag_help(c, id, "did you mean %s?", near);
    else cx_diag_help(c, id, "it knows %s%s", n ? all.at : "none", n > 20 ? ", .." : "");
    return;
  }
  int64_t dim[CX_MAX_RANK];
  memcpy(dim, x->dim, sizeof dim);
  x->type = CX_I32;
  x->data = code;
  cx_array_row_major(x, x->rank, dim);
}

/* ---- sizes ---- */
void cx_check_bound(cx_ctx *c, cx_arena *a, cx_decl *decl, int n) {
  for (int i = 0; i < n; i++) {
    cx_decl *d = &decl[i];
    if (!d->bound) continue;
    for (int k = 0; k < d->rank; k++) {
      int64_t size = d->array.dim[k];
      bool clash = false;
      for (int j = 0; j <= i && d->dim[k].name && !clash; j++) { /* the first declaration that has this size decides */
        const cx_decl *e = &decl[j];
        for (int m = 0; e->bound && m < (j == i ? k : e->rank); m++)
          if (e->dim[m].name == d->dim[k].name) {
            if (e->array.dim[m] != size) {
              int g = cx_diag(c, CX_ERROR, CX_E_DATA, d->span, "%s is %lld from %s but %lld from %s", d->dim[k].name,
                              (long long)e->array.dim[m], from_text(a, e), (long long)size, from_text(a, d));
              if (j != i) cx_diag_label(c, g, e->span, "%s has the size %s here", e->name, d->dim[k].name);
              cx_diag_help(c, g, "arrays that share the size %s need equally many elements there", d->dim[k].name);
            }
            clash = true;
            break;
          }
      }
      d->dim[k].n = size;
    }
    cx_domain_check(c, d, CX_E_DATA);
  }
}
