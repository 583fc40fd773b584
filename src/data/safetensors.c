/* safetensors.c - arrays with names in one file (github.com/huggingface/safetensors, "Format").
 *
 *   u64 length of the header, little-endian
 *   header: a JSON object { "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..,
 *           "__metadata__": {"key": "text", ..} }, padded by blanks
 *   the elements, row-major and little-endian; offsets count from here
 *
 * The arrays must cover the bytes behind the header exactly, one behind another: what two readers could understand in
 * two ways is refused. Numbers that lie aligned are used where the file is mapped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "data/read.h"
#include "data/writer.h"

enum { HEADER_MAX = 100000000 }; /* the reference implementation's limit */

/* One row a dtype: its name, its size, what it becomes here. */
typedef enum { AS_IS, BOOLEAN, HALF, BFLOAT, U32_WIDE, U64_WIDE } conversion;
static const struct {
  const char *name;
  uint8_t size;
  cx_dtype to;
  conversion how;
} kinds[] = {{"F64", 8, CX_F64, AS_IS},    {"F32", 4, CX_F32, AS_IS}, {"F16", 2, CX_F32, HALF},
             {"BF16", 2, CX_F32, BFLOAT},  {"I64", 8, CX_I64, AS_IS}, {"I32", 4, CX_I32, AS_IS},
             {"I16", 2, CX_I16, AS_IS},    {"I8", 1, CX_I8, AS_IS},   {"U64", 8, CX_F64, U64_WIDE},
             {"U32", 4, CX_I64, U32_WIDE}, {"U16", 2, CX_U16, AS_IS}, {"U8", 1, CX_U8, AS_IS},
             {"BOOL", 1, CX_U8, BOOLEAN}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool little_endian(void) {
  const uint16_t probe = 1;
  return *(const uint8_t *)&probe == 1;
}

static uint64_t header_length(const uint8_t *p) {
  uint64_t n = 0;
  for (int k = 7; k >= 0; k--) n = n << 8 | p[k];
  return n;
}

bool cx_is_safetensors(const uint8_t *p, size_t n) {
  return n >= 10 && p[8] == '{' && header_length(p) <= n - 8 && header_length(p) >= 2;
}

/* ---- reading ---- */
static const char again[] = "copy or download the file again, or write it anew";

typedef struct {
  const char *name;
  size_t beg, end;
} extent;
static int by_place(const void *x, const void *y) {
  const extent *a = x, *b = y;
  return a->beg != b->beg ? (a->beg > b->beg) - (a->beg < b->beg) : (a->end > b->end) - (a->end < b->end);
}

static bool whole(const cx_json *v, double most, int64_t *n) {
  if (!v || v->kind != JSON_NUMBER || !(v->num >= 0 && v->num <= most) || v->num != floor(v->num)) return false;
  *n = (int64_t)v->num;
  return true;
}

/* the elements as numbers that calx knows: in place where that can be, else copied */
static const void *elements(const cx_reader *r, int kind, const uint8_t *p, size_t count) {
  size_t size = kinds[kind].size, bytes = count * size;
  if (size > 1 && !little_endian()) {
    uint8_t *copy = cx_alloc(r->a, bytes + 1);
    cx_swap_copy(copy, p, count, size);
    p = copy;
  }
  if (kinds[kind].how == AS_IS && (uintptr_t)p % size == 0) return p;
  if (kinds[kind].how == AS_IS) {
    uint8_t *copy = cx_alloc(r->a, bytes + 1);
    memcpy(copy, p, bytes);
    return copy;
  }
  void *to = cx_alloc_n(r->a, count + 1, cx_dtype_size[kinds[kind].to]);
  for (size_t i = 0; i < count; i++, p += size) {
    uint16_t h;
    uint32_t w;
    uint64_t d;
    switch (kinds[kind].how) {
      case HALF:
        memcpy(&h, p, 2);
        ((float *)to)[i] = cx_half(h);
        break;
      case BFLOAT: /* the upper half of a float */
        memcpy(&h, p, 2);
        w = (uint32_t)h << 16;
        memcpy((float *)to + i, &w, 4);
        break;
      case U32_WIDE:
        memcpy(&w, p, 4);
        ((int64_t *)to)[i] = w;
        break;
      case U64_WIDE:
        memcpy(&d, p, 8);
        ((double *)to)[i] = (double)d;
        break;
      default: ((uint8_t *)to)[i] = *p != 0; break;
    }
  }
  return to;
}

static cx_array tensor(const cx_reader *r, const cx_json *t, const uint8_t *data, size_t have, extent *at) {
  const char *name = t->key;
  const cx_json *dtype = cx_json_member(t, "dtype"), *shape = cx_json_member(t, "shape"),
                *offsets = cx_json_member(t, "data_offsets");
  if (t->kind != JSON_OBJECT || !dtype || dtype->kind != JSON_STRING || !shape || shape->kind != JSON_ARRAY ||
      !offsets || offsets->kind != JSON_ARRAY || offsets->nkid != 2)
    cx_read_fail(r, 0, again, "the header's entry of \"%.80s\" lacks dtype, shape or data_offsets", name);
  int kind = 0;
  while (kind < KINDS && strcmp(kinds[kind].name, dtype->text)) kind++;
  if (kind == KINDS)
    cx_read_fail(r, 0, "convert it to F64, F32, F16, BF16 or an integer type before writing",
                 "the array \"%.80s\" has elements of type %.20s, which calx does not read", name, dtype->text);
  if (shape->nkid > CX_MAX_RANK)
    cx_read_fail(r, 0, "reshape it before writing", "the array \"%.80s\" has more than %d dimensions", name,
                 CX_MAX_RANK);
  int64_t dim[CX_MAX_RANK], beg, end;
  int rank = 0;
  for (const cx_json *d = shape->kid; d; d = d->next)
    if (!whole(d, 9007199254740992.0, &dim[rank++]))
      cx_read_fail(r, 0, again, "the shape of \"%.80s\" is no list of sizes", name);
  if (!whole(offsets->kid, (double)have, &beg) || !whole(offsets->kid->next, (double)have, &end) || beg > end)
    cx_read_fail(r, 0, again, "the bytes of \"%.80s\" do not lie in the file, which has %zu bytes of elements", name,
                 have);
  size_t bytes;
  if (!cx_size_product(dim, rank, kinds[kind].size, &bytes))
    cx_read_fail(r, 0, again, "the product of the sizes of \"%.80s\" is larger than any memory", name);
  if (bytes != (size_t)(end - beg))
    cx_read_fail(r, 0, again, "the shape of \"%.80s\" needs %zu bytes, its data_offsets give it %zu", name, bytes,
                 (size_t)(end - beg));
  *at = (extent){name, (size_t)beg, (size_t)end};
  return cx_array_of(r, kinds[kind].to, rank, dim, elements(r, kind, data + beg, bytes / kinds[kind].size));
}

cx_file *cx_read_safetensors(cx_reader *r) {
  if (r->n < 8) cx_read_fail(r, 0, again, "it is no safetensors file, or cut short: it has %zu bytes", r->n);
  uint64_t length = header_length(r->p);
  if (length > r->n - 8 || length > HEADER_MAX)
    cx_read_fail(r, 0, again, "it is no safetensors file, or cut short: its header would have %llu bytes, %zu follow",
                 (unsigned long long)length, r->n - 8);
  const char *head = (const char *)r->p + 8, *fault;
  size_t at;
  const cx_json *h = length && *head == '{' ? cx_json_read(r->a, head, (size_t)length, &fault, &at)
                                            : (fault = "it does not begin with `{`", at = 0, NULL);
  if (!h) cx_read_fail(r, 0, again, "the header of the safetensors file is damaged at byte %zu: %s", at + 8, fault);
  const uint8_t *data = r->p + 8 + length;
  size_t have = r->n - 8 - (size_t)length, next = 0;
  cx_file *f = CX_NEW(r->a, cx_file);
  f->path = r->path;
  f->col = CX_NEW_N(r->a, cx_column, h->nkid + 1);
  extent *place = CX_NEW_N(r->a, extent, h->nkid + 1);
  for (const cx_json *t = h->kid; t; t = t->next) {
    if (strcmp(t->key, "__metadata__")) {
      f->col[f->ncol].array = tensor(r, t, data, have, &place[f->ncol]);
      f->col[f->ncol++].name = t->key;
      continue;
    }
    cx_note *note = CX_NEW_N(r->a, cx_note, t->nkid + 1);
    if (t->kind != JSON_OBJECT) cx_read_fail(r, 0, again, "its __metadata__ is no object");
    for (const cx_json *k = t->kid; k; k = k->next) {
      if (k->kind != JSON_STRING) cx_read_fail(r, 0, again, "its __metadata__ \"%.80s\" is no text", k->key);
      note[f->nnote++] = (cx_note){k->key, k->text};
    }
    f->note = note;
  }
  qsort(place, (size_t)f->ncol, sizeof *place, by_place);
  for (int k = 0; k < f->ncol; next = place[k++].end)
    if (place[k].beg < next)
      cx_read_fail(r, 0, again, "the bytes of \"%.80s\" and \"%.80s\" overlap", place[k - 1].name, place[k].name);
    else if (place[k].beg > next)
      cx_read_fail(r, 0, again, "%zu bytes before \"%.80s\" belong to no array", place[k].beg - next, place[k].name);
  if (next != have) cx_read_fail(r, 0, again, "%zu bytes at its end belong to no array", have - next);
  return f;
}

const char *cx_file_note(const cx_file *f, const char *key) {
  for (int k = 0; k < f->nnote; k++)
    if (!strcmp(f->note[k].key, key)) return f->note[k].value;
  return NULL;
}

const cx_array *cx_file_array(const cx_file *f, const char *name) {
  for (int k = 0; k < f->ncol; k++)
    if (f->col[k].name && !strcmp(f->col[k].name, name)) return &f->col[k].array;
  return NULL;
}

/* ---- writing ---- */
static const char *dtype_of(cx_dtype t) {
  for (int k = 0; k < KINDS; k++)
    if (kinds[k].to == t && kinds[k].how == AS_IS) return kinds[k].name;
  return "F64";
}

typedef struct {
  const cx_column *tensor;
  int n;
  const cx_note *note;
  int nnote;
} content;

static void put_head(cx_buf *b, const content *c) {
  cx_puts(b, "{\"__metadata__\":{");
  for (int k = 0; k < c->nnote; k++) {
    cx_puts(b, k ? "," : "");
    cx_json_puts(b, c->note[k].key);
    cx_puts(b, ":");
    cx_json_puts(b, c->note[k].value);
  }
  cx_puts(b, "}");
  uint64_t at = 0;
  for (int size = 8; size; size /= 2) /* wide elements first: each is aligned */
    for (int k = 0; k < c->n; k++) {
      const cx_array *x = &c->tensor[k].array;
      if (cx_dtype_size[x->type] != size) continue;
      uint64_t bytes = (uint64_t)cx_array_count(x) * (uint64_t)size;
      cx_puts(b, ",");
      cx_json_puts(b, c->tensor[k].name);
      cx_putf(b, ":{\"dtype\":\"%s\",\"shape\":[", dtype_of(x->type));
      for (int d = 0; d < x->rank; d++) cx_putf(b, d ? ",%lld" : "%lld", (long long)x->dim[d]);
      cx_putf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at, (unsigned long long)(at + bytes));
      at += bytes;
    }
  cx_puts(b, "}");
  while (b->n % 8) cx_puts(b, " ");
}

static void fill(cx_writer *w, void *user) {
  const content *c = user;
  cx_buf b = {.arena = w->a};
  uint8_t length[8];
  put_head(&b, c);
  if (b.n > HEADER_MAX) cx_writer_fail(w, "leave out what is long in it", "its header would be longer than 100 MB");
  cx_writer_begin(w);
  for (int k = 0; k < 8; k++) length[k] = (uint8_t)((uint64_t)b.n >> 8 * k);
  cx_writer_bytes(w, length, 8);
  cx_writer_bytes(w, b.at, (size_t)b.n);
  for (size_t size = 8; size; size /= 2)
    for (int k = 0; k < c->n; k++) {
      const cx_array *x = &c->tensor[k].array;
      size_t count = (size_t)cx_array_count(x);
      if (cx_dtype_size[x->type] != size) continue;
      if (little_endian() || size == 1) {
        cx_writer_bytes(w, x->data, count * size);
        continue;
      }
      uint8_t swapped[8];
      for (size_t i = 0; i < count; i++) {
        cx_swap_copy(swapped, (const uint8_t *)x->data + i * size, 1, size);
        cx_writer_bytes(w, swapped, size);
      }
    }
}

void cx_write_safetensors(cx_ctx *c, const char *path, const cx_column *tensor, int n, const cx_note *note, int nnote) {
  content all = {tensor, n, note, nnote};
  cx_write_by(c, path, fill, &all);
}
