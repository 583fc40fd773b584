/* write.c - arrays into files: CSV and TSV (numbers so that they read back exactly), NPY, PNG.
 *
 * The bytes go to a new file beside the target, which takes its name only when all is written and on the disk: a full
 * disk or a kill leaves the old file whole. Pipes and devices are written directly.
 *
 * PNG takes [h, w], [h, w, 1] (grey), [h, w, 3] or [h, w, 4]. Values: all in 0..1, they are taken times 255; all in
 * 0..255, as they are, rounded; otherwise the smallest becomes 0 and the largest 255. NaN is black, and infinite
 * values are clipped. */
#include "data/read.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

typedef struct {
  cx_ctx *c;
  cx_arena *a;
  const char *path; /* as the caller names it */
  char *temp;       /* where the bytes go; NULL: straight to the target */
  char *target;     /* path, symbolic links followed */
  int fd;
  uint8_t *buf;
  size_t n;
} writer;

enum { BUFFER = 1 << 16 };

static void discard(void *v) { /* on the way out after an error */
  writer *w = v;
  if (w->fd >= 0) close(w->fd);
  if (w->fd >= 0 && w->temp) unlink(w->temp);
  w->fd = -1;
}

static _Noreturn void fail(const writer *w, const char *help, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static _Noreturn void fail(const writer *w, const char *help, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *text = cx_vformat(w->a, fmt, ap);
  va_end(ap);
  int d = cx_diag(w->c, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s: %s", w->path, text);
  if (help) cx_diag_help(w->c, d, "%s", help);
  cx_throw(w->c, CX_E_RUNTIME);
}

static _Noreturn void fail_errno(const writer *w, int why) {
  const char *slash = strrchr(w->path, '/');
  switch (why) {
    case ENOENT: fail(w, "make the folder, or name another one", "its folder does not exist");
    case ENOTDIR: fail(w, "name another folder", "`%.*s` is no folder", slash ? (int)(slash - w->path) : 0, w->path);
    case EACCES:
    case EPERM: fail(w, "choose another folder, or change the mode of this one", "no permission to write there");
    case EROFS: fail(w, "choose another folder", "the file system is read-only");
    case EISDIR: fail(w, "add a file name", "it is a folder");
    case EFBIG: fail(w, "raise it (ulimit -f), or write less", "it is larger than the limit on the size of files");
    case ENOSPC:
    case EDQUOT:
      fail(w, "make room and run again", "no space left on the device%s",
           w->temp ? "; an older file of that name is untouched" : "");
    case EPIPE: fail(w, NULL, "the reader of the pipe is gone");
    default: fail(w, NULL, "it cannot be written: %s", strerror(why));
  }
}

static void begin(writer *w) {
  w->fd = -1;
  w->buf = cx_alloc(w->a, BUFFER);
  cx_defer(w->a, discard, w);
  w->target = cx_strdup(w->a, w->path, strlen(w->path));
  struct stat st;
  bool there = stat(w->path, &st) == 0;
  if (there && S_ISDIR(st.st_mode)) fail_errno(w, EISDIR);
  if (there && !S_ISREG(st.st_mode)) {
    w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
    if (w->fd < 0) fail_errno(w, errno);
    return;
  }
  if (!there && !cx_make_folders(w->a, w->path)) fail_errno(w, errno);
  if (there) {
    if (access(w->path, W_OK) != 0) fail_errno(w, errno); /* a rename would replace even a file that is read-only */
    char *real = realpath(w->path, NULL);
    if (real) {
      size_t n = strlen(real);
      char *copy = cx_alloc(w->a, n + 1 + 40); /* throws with real lost only when memory is, too */
      memcpy(copy, real, n);
      free(real);
      w->target = copy;
    }
  }
  for (int k = 0; k < 100; k++) {
    char *temp = cx_format(w->a, "%s.%ld-%d.tmp", w->target, (long)getpid(), k);
    w->fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, there ? st.st_mode & 0777 : 0666);
    if (w->fd >= 0) {
      w->temp = temp;
      return;
    }
    if (errno != EEXIST) break;
  }
  fail_errno(w, errno);
}

static void flush(writer *w) {
  for (size_t at = 0; at < w->n;) {
    ssize_t put = write(w->fd, w->buf + at, w->n - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_errno(w, errno);
    at += (size_t)put;
  }
  w->n = 0;
}

static void bytes(writer *w, const void *p, size_t n) {
  const uint8_t *s = p;
  while (n) {
    size_t k = BUFFER - w->n < n ? BUFFER - w->n : n;
    memcpy(w->buf + w->n, s, k);
    w->n += k, s += k, n -= k;
    if (w->n == BUFFER) flush(w);
  }
}
static void text(writer *w, const char *s) { bytes(w, s, strlen(s)); }

static void commit(writer *w) {
  flush(w);
  if (w->temp && fsync(w->fd) != 0 && errno != EINVAL && errno != EROFS) fail_errno(w, errno);
  int fd = w->fd;
  w->fd = -1;
  int bad = close(fd) != 0 ? errno : 0;
  if (!bad && w->temp && rename(w->temp, w->target) != 0) bad = errno;
  if (bad) {
    if (w->temp) unlink(w->temp);
    fail_errno(w, bad);
  }
}

/* ---- text ---- */
static void cell(writer *w, const char *s, char sep) {
  bool quote = !*s || *s == ' ' || s[strlen(s) - 1] == ' ';
  for (const char *p = s; *p && !quote; p++) quote = *p == sep || *p == '"' || *p == '\n' || *p == '\r';
  if (!quote) {
    text(w, s);
    return;
  }
  bytes(w, "\"", 1);
  for (const char *p = s; *p; p++) bytes(w, "\"\"", *p == '"' ? 2 : 0), bytes(w, p, *p != '"');
  bytes(w, "\"", 1);
}

static void write_table(writer *w, const cx_array *x, const char *const *names, char sep) {
  int64_t rows = x->rank ? x->dim[0] : 1, cols = 1;
  for (int k = 1; k < x->rank; k++) cols *= x->dim[k];
  for (int64_t c = 0; names && c < cols; c++) {
    if (c) bytes(w, &sep, 1);
    cell(w, names[c], sep);
  }
  if (names) bytes(w, "\n", 1);
  double v[256];
  char number[32];
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t c = 0; c < cols; c++) {
      if (c) bytes(w, &sep, 1);
      if (x->text) {
        cell(w, x->text[i * cols + c], sep);
        continue;
      }
      if (c % 256 == 0) cx_array_run(x, i * cols + c, cols - c < 256 ? cols - c : 256, v);
      double e = v[c % 256];
      if (x->level && e >= 0 && e < x->nlevel) cell(w, x->level[(int)e], sep);
      else text(w, cx_show_double(number, e));
    }
    bytes(w, "\n", 1);
  }
}

/* ---- NPY 1.0 ---- */
static void write_npy(writer *w, const cx_array *x) {
  static const char *const descr[CX_DTYPE_COUNT] = {[CX_F64] = "f8", [CX_F32] = "f4", [CX_I64] = "i8", [CX_I32] = "i4",
                                                    [CX_I16] = "i2", [CX_U16] = "u2", [CX_I8] = "i1",  [CX_U8] = "u1"};
  if (x->text) fail(w, "write it as .csv", "words cannot be written as NPY");
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
  bytes(w, head, 10);
  bytes(w, h.at, (size_t)h.n);
  int64_t count = cx_array_count(x);
  if (cx_array_contiguous(x)) {
    bytes(w, x->data, (size_t)count * size);
    return;
  }
  int64_t i[CX_MAX_RANK] = {0};
  for (int64_t k = 0; k < count; k++) {
    int64_t at = 0;
    for (int d = 0; d < x->rank; d++) at += i[d] * x->stride[d];
    bytes(w, (const char *)x->data + at * (int64_t)size, size);
    for (int d = x->rank - 1; d >= 0 && ++i[d] == x->dim[d]; d--) i[d] = 0;
  }
}

/* ---- PNG (ISO/IEC 15948): signature, IHDR, IDAT, IEND; every row begins with its filter, 0 ---- */
static void put32(uint8_t *p, uint32_t v) {
  for (int k = 0; k < 4; k++) p[k] = (uint8_t)(v >> (24 - 8 * k));
}

static void chunk(writer *w, const char *type, uint8_t *p, size_t n) { /* p has 4 bytes of room before it */
  uint8_t word[4];
  put32(word, (uint32_t)n);
  bytes(w, word, 4);
  memcpy(p - 4, type, 4);
  bytes(w, p - 4, n + 4);
  put32(word, cx_crc32(p - 4, n + 4));
  bytes(w, word, 4);
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

static void write_png(writer *w, const cx_array *x) {
  int64_t channels = x->rank == 3 ? x->dim[2] : 1;
  if (x->text || x->rank < 2 || x->rank > 3 || channels < 1 || channels == 2 || channels > 4)
    fail(w, "write numbers as .csv or .npy", "an image is [h, w] or [h, w, 3]; this has %d dimension%s", x->rank,
         x->rank == 1 ? "" : "s");
  int64_t h = x->dim[0], wide = x->dim[1], line = wide * channels;
  if (h < 1 || wide < 1 || h > INT32_MAX || wide > INT32_MAX || line > INT32_MAX || h > INT32_MAX / (line + 1))
    fail(w, NULL, "an image of %lld × %lld pixels cannot be written", (long long)h, (long long)wide);
  double lo = INFINITY, hi = -INFINITY;
  double *v = CX_NEW_N(w->a, double, line);
  for (int64_t i = 0; i < h; i++) {
    cx_array_run(x, i * line, line, v);
    for (int64_t k = 0; k < line; k++)
      if (isfinite(v[k])) lo = fmin(lo, v[k]), hi = fmax(hi, v[k]);
  }
  double scale = 1, shift = 0;
  if (lo < 0 || hi > 255) scale = hi > lo ? 255 / (hi - lo) : 0, shift = lo;
  else if (hi <= 1) scale = 255;
  size_t n = (size_t)h * (size_t)(line + 1);
  uint8_t *raw = cx_alloc(w->a, n), *to = raw;
  for (int64_t i = 0; i < h; i++) {
    cx_array_run(x, i * line, line, v);
    *to++ = 0;
    for (int64_t k = 0; k < line; k++) {
      double e = (v[k] - shift) * scale;
      *to++ = e >= 255 ? 255 : e > 0 ? (uint8_t)(e + 0.5) : 0; /* NaN compares false: black */
    }
  }
#ifdef HAVE_ZLIB
  uLongf size = compressBound((uLong)n);
  uint8_t *packed = cx_alloc(w->a, size + 4);
  if (compress2(packed + 4, &size, raw, (uLong)n, 6) != Z_OK) fail(w, NULL, "zlib has no memory left");
#else
  uint8_t *packed = cx_alloc(w->a, n + 5 * (n / 65535 + 1) + 6 + 4);
  size_t size = store(packed + 4, raw, n);
#endif
  bytes(w, "\x89PNG\r\n\x1a\n", 8);
  static const uint8_t colour[] = {0, 0, 0, 2, 6};
  uint8_t head[4 + 13] = {0};
  put32(head + 4, (uint32_t)wide);
  put32(head + 8, (uint32_t)h);
  head[12] = 8;
  head[13] = colour[channels];
  chunk(w, "IHDR", head + 4, 13);
  chunk(w, "IDAT", packed + 4, size);
  chunk(w, "IEND", head + 4, 0);
}

void cx_write_file(cx_ctx *c, const char *path, const cx_array *x, const char *const *column_names) {
  cx_arena *a = cx_arena_new(c);
  cx_frame frame;
  CX_TRY(c, frame) {
    writer *w = CX_NEW(a, writer);
    w->c = c, w->a = a, w->path = path;
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    static const char *const known[] = {".csv", ".tsv", ".txt", ".npy", ".png"};
    int kind = 0;
    while (kind < 5 && (!dot || strcasecmp(dot, known[kind]))) kind++;
    struct stat st;
    if (kind == 5 && !dot && stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
      kind = 0; /* a pipe */
    w->fd = -1;
    if (kind == 5) fail(w, "name it .csv, .tsv, .txt, .npy or .png", "its ending does not say what to write");
    begin(w);
    if (kind == 3) write_npy(w, x);
    else if (kind == 4) write_png(w, x);
    else write_table(w, x, column_names, kind == 1 ? '\t' : kind == 2 ? ' ' : ',');
    commit(w);
    CX_END(c, frame);
  }
  else {
    cx_arena_free(a);
    cx_throw(c, frame.status);
  }
  cx_arena_free(a);
}
