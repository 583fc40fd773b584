/* write.c - arrays into files: CSV and TSV (numbers so that they read back exactly), NPY, PNG.
 *
 * PNG takes [h, w], [h, w, 1] (grey), [h, w, 3] or [h, w, 4]. Values: all in 0..1, they are taken times 255; all in
 * 0..255, as they are, rounded; otherwise the smallest becomes 0 and the largest 255. Of 16 bits, 65535 stands for 255.
 * NaN is black, and infinite values are clipped. */
#include "data/read.h"
#include "data/writer.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

/* ---- text ---- */
static void cell(cx_writer *w, const char *s, char sep) {
  bool quote = !*s || *s == ' ' || s[strlen(s) - 1] == ' ';
  for (const char *p = s; *p && !quote; p++) quote = *p == sep || *p == '"' || *p == '\n' || *p == '\r';
  if (!quote) {
    cx_writer_text(w, s);
    return;
  }
  cx_writer_bytes(w, "\"", 1);
  for (const char *p = s; *p; p++) cx_writer_bytes(w, "\"\"", *p == '"' ? 2 : 0), cx_writer_bytes(w, p, *p != '"');
  cx_writer_bytes(w, "\"", 1);
}

static void write_table(cx_writer *w, const cx_array *x, const char *const *names, char sep) {
  int64_t rows = x->rank ? x->dim[0] : 1, cols = 1;
  for (int k = 1; k < x->rank; k++) cols *= x->dim[k];
  for (int64_t c = 0; names && c < cols; c++) {
    if (c) cx_writer_bytes(w, &sep, 1);
    cell(w, names[c], sep);
  }
  if (names) cx_writer_bytes(w, "\n", 1);
  double v[256];
  char number[32];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t c = 0; c < cols; c++) {
      if (c) cx_writer_bytes(w, &sep, 1);
      if (x->text) {
        cell(w, x->text[i * cols + c], sep);
        continue;
      }
      if (c % 256 == 0) cx_array_run(x, i * cols + c, cols - c < 256 ? cols - c : 256, v);
      double e = v[c % 256];
      if (x->level && e >= 0 && e < x->nlevel) cell(w, x->level[(int)e], sep);
      else cx_writer_text(w, cx_show_double(number, e));
    }
    cx_writer_bytes(w, "\n", 1);
  }
}

/* ---- NPY 1.0 ---- */
static void write_npy(cx_writer *w, const cx_array *x) {
  static const char *const descr[CX_DTYPE_COUNT] = {[CX_F64] = "f8", [CX_F32] = "f4", [CX_I64] = "i8", [CX_I32] = "i4",
                                                    [CX_I16] = "i2", [CX_U16] = "u2", [CX_I8] = "i1",  [CX_U8] = "u1"};
  if (x->text) cx_writer_fail(w, "write it as .csv", "words cannot be written as NPY");
  const uint16_t probe = 1;
  cx_buf h = {.arena = w->a};
  size_t size = cx_dtype_size[x->type];
  char order = size == 1 ? '|' : *(const uint8_t *)&probe == 1 ? '<' : '>';
  cx_putf(&h, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, descr[x->type]);
  for (int k = 0; k < x->rank; k++) cx_putf(&h, k ? ", %lld" : x->rank == 1 ? "%lld," : "%lld", (long long)x->dim[k]);
  cx_puts(&h, "), }");
  while ((10 + h.n + 1) % 64) cx_puts(&h, " ");
  cx_puts(&h, "\n");
  uint8_t head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)h.n, (uint8_t)(h.n >> 8)};
  cx_writer_bytes(w, head, 10);
  cx_writer_bytes(w, h.at, (size_t)h.n);
  int64_t count = cx_array_count(x);
  if (cx_array_contiguous(x)) {
    cx_writer_bytes(w, x->data, (size_t)count * size);
    return;
  }
  int64_t i[CX_MAX_RANK] = {0};
  for (int64_t k = 0; k < count; k++) {
    int64_t at = 0;
    for (int d = 0; d < x->rank; d++) at += i[d] * x->stride[d];
    cx_writer_bytes(w, (const char *)x->data + at * (int64_t)size, size);
    for (int d = x->rank - 1; d >= 0 && ++i[d] == x->dim[d]; d--) i[d] = 0;
  }
}

/* ---- PNG (ISO/IEC 15948): signature, IHDR, IDAT, IEND; every row begins with its filter, 0 ---- */
static void put32(uint8_t *p, uint32_t v) {
  for (int k = 0; k < 4; k++) p[k] = (uint8_t)(v >> (24 - 8 * k));
}

static void chunk(cx_writer *w, const char *type, uint8_t *p, size_t n) { /* p has 4 bytes of room before it */
  uint8_t word[4];
  put32(word, (uint32_t)n);
  cx_writer_bytes(w, word, 4);
  memcpy(p - 4, type, 4);
  cx_writer_bytes(w, p - 4, n + 4);
  put32(word, cx_crc32(p - 4, n + 4));
  cx_writer_bytes(w, word, 4);
}

#ifndef HAVE_ZLIB
/* a zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4) */
static size_t store(uint8_t *to, const uint8_t *p, size_t n) {
  uint8_t *q = to;
  uint32_t a = 1, b = 0;
  *q++ = 0x78, *q++ = 1;
  for (size_t at = 0; at < n;) {
    size_t k = n - at < 65535 ? n - at : 65535;
    *q++ = at + k == n;
    *q++ = (uint8_t)k, *q++ = (uint8_t)(k >> 8), *q++ = (uint8_t)~k, *q++ = (uint8_t)(~k >> 8);
    for (size_t i = 0; i < k; i++) a = (a + p[at + i]) % 65521, b = (b + a) % 65521;
    memcpy(q, p + at, k);
    q += k, at += k;
  }
  put32(q, b << 16 | a);
  return (size_t)(q + 4 - to);
}
#endif

static void write_png(cx_writer *w, const cx_array *x, int bits) {
  int64_t channels = x->rank == 3 ? x->dim[2] : 1;
  if (x->text || x->rank < 2 || x->rank > 3 || channels < 1 || channels == 2 || channels > 4)
    cx_writer_fail(w, "write numbers as .csv or .npy", "an image is [h, w] or [h, w, 3]; this has %d dimension%s",
                   x->rank, x->rank == 1 ? "" : "s");
  int64_t h = x->dim[0], wide = x->dim[1], line = wide * channels, bytes = bits / 8;
  if (h < 1 || wide < 1 || h > INT32_MAX || wide > INT32_MAX || line > INT32_MAX || h > INT32_MAX / (bytes * line + 1))
    cx_writer_fail(w, NULL, "an image of %lld × %lld pixels cannot be written", (long long)h, (long long)wide);
  double lo = INFINITY, hi = -INFINITY;
  double *v = CX_NEW_N(w->a, double, line);
  for (int64_t i = 0; i < h; i++) {
    cx_array_run(x, i * line, line, v);
    for (int64_t k = 0; k < line; k++)
      if (isfinite(v[k])) lo = fmin(lo, v[k]), hi = fmax(hi, v[k]);
  }
  double scale = 1, shift = 0, white = bits == 16 ? 65535 : 255;
  if (lo < 0 || hi > white) scale = hi > lo ? white / (hi - lo) : 0, shift = lo;
  else if (hi <= 1) scale = white;
  size_t n = (size_t)h * (size_t)(bytes * line + 1);
  uint8_t *raw = cx_alloc(w->a, n), *to = raw;
  for (int64_t i = 0; i < h; i++) {
    cx_array_run(x, i * line, line, v);
    *to++ = 0;
    for (int64_t k = 0; k < line; k++) {
      double e = (v[k] - shift) * scale;
      int level = (int)(e >= white ? white : e > 0 ? e + 0.5 : 0); /* NaN compares false: black */
      if (bits == 16) *to++ = (uint8_t)(level >> 8);
      *to++ = (uint8_t)level;
    }
  }
#ifdef HAVE_ZLIB
  uLongf size = compressBound((uLong)n);
  uint8_t *packed = cx_alloc(w->a, size + 4);
  if (compress2(packed + 4, &size, raw, (uLong)n, 6) != Z_OK) cx_writer_fail(w, NULL, "zlib has no memory left");
#else
  uint8_t *packed = cx_alloc(w->a, n + 5 * (n / 65535 + 1) + 6 + 4);
  size_t size = store(packed + 4, raw, n);
#endif
  cx_writer_bytes(w, "\x89PNG\r\n\x1a\n", 8);
  static const uint8_t colour[] = {0, 0, 0, 2, 6};
  uint8_t head[4 + 13] = {0};
  put32(head + 4, (uint32_t)wide);
  put32(head + 8, (uint32_t)h);
  head[12] = (uint8_t)bits;
  head[13] = colour[channels];
  chunk(w, "IHDR", head + 4, 13);
  chunk(w, "IDAT", packed + 4, size);
  chunk(w, "IEND", head + 4, 0);
}

typedef struct {
  const cx_array *x;
  const char *const *names;
  int bits;
} table;

static void fill(cx_writer *w, void *user) {
  const table *t = user;
  const char *slash = strrchr(w->path, '/'), *dot = strrchr(slash ? slash : w->path, '.');
  static const char *const known[] = {".csv", ".tsv", ".txt", ".npy", ".png"};
  int kind = 0;
  while (kind < 5 && (!dot || strcasecmp(dot, known[kind]))) kind++;
  struct stat st;
  if (kind == 5 && !dot && stat(w->path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
    kind = 0; /* a pipe */
  if (kind == 5) cx_writer_fail(w, "name it .csv, .tsv, .txt, .npy or .png", "its ending does not say what to write");
  cx_writer_begin(w);
  if (kind == 3) write_npy(w, t->x);
  else if (kind == 4) write_png(w, t->x, t->bits);
  else if (kind == 2 && t->x->text) /* lines of text as they are */
    for (int64_t k = 0; k < cx_array_count(t->x); k++) cx_writer_text(w, t->x->text[k]), cx_writer_bytes(w, "\n", 1);
  else write_table(w, t->x, t->names, kind == 1 ? '\t' : kind == 2 ? ' ' : ',');
}

void cx_write_file(cx_ctx *c, const char *path, const cx_array *x, const char *const *column_names) {
  table t = {x, column_names, 8};
  cx_write_by(c, path, fill, &t);
}

static void picture(cx_writer *w, void *user) {
  const table *t = user;
  cx_writer_begin(w);
  write_png(w, t->x, t->bits);
}

void cx_write_png(cx_ctx *c, const char *path, const cx_array *x, int bits) {
  table t = {x, NULL, bits};
  cx_write_by(c, path, picture, &t);
}
