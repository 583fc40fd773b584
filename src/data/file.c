/* file.c - a file's bytes: mapped, read from a pipe, or decompressed; and what goes wrong with that. */
#include "data/read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

void cx_read_fail(const cx_reader *r, int64_t line, const char *help, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *text = cx_vformat(r->a, fmt, ap);
  va_end(ap);
  cx_severity sev = r->spare ? CX_WARNING : CX_ERROR;
  int d = line ? cx_diag(r->c, sev, CX_E_DATA, r->span, "%s:%lld: %s", r->path, (long long)line, text)
               : cx_diag(r->c, sev, CX_E_DATA, r->span, "%s: %s", r->path, text);
  if (help) cx_diag_help(r->c, d, "%s", help);
  cx_throw(r->c, CX_E_DATA);
}

/* ---- opening ---- */
typedef struct {
  void *p;
  size_t n;
  int fd;
} mapping;
static void release(void *v) {
  mapping *m = v;
  if (m->p) munmap(m->p, m->n);
  if (m->fd >= 0) close(m->fd);
  m->p = NULL;
  m->fd = -1;
}

/* the name in the same folder that is nearest to a missing file's */
static const char *nearest_file(const cx_reader *r) {
  const char *slash = strrchr(r->path, '/');
  const char *base = slash ? slash + 1 : r->path;
  int folder = (int)(base - r->path);
  DIR *dir = opendir(folder ? cx_strdup(r->a, r->path, (size_t)folder) : ".");
  if (!dir) return NULL;
  char keep[64][256]; /* gathered before memory is asked for, so that a throw leaves no open folder */
  const char *name[64];
  int n = 0;
  for (struct dirent *e; n < 64 && (e = readdir(dir));)
    if (e->d_name[0] != '.' && strlen(e->d_name) < sizeof keep[0]) name[n] = strcpy(keep[n], e->d_name), n++;
  closedir(dir);
  const char *best = cx_nearest(base, name, n);
  return best ? cx_format(r->a, "did you mean %.*s%s?", folder, r->path, best) : NULL;
}

/* until there are bytes or their end: a read goes on after a signal, and Ctrl-C would be heard behind it */
static void await(cx_reader *r, int fd, const volatile sig_atomic_t *stop) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  while (poll(&p, 1, 100) <= 0)
    if (*stop) cx_throw(r->c, CX_E_INTERRUPT);
  if (*stop) cx_throw(r->c, CX_E_INTERRUPT);
}

void cx_read_open(cx_reader *r) {
  mapping *m = CX_NEW(r->a, mapping);
  m->fd = -1;
  cx_defer(r->a, release, m);
  const volatile sig_atomic_t *stop = *cx_ctx_slot(r->c, CX_SLOT_STOP);
  struct stat st;
  /* a pipe without a writer lets nobody in who waits; of any other kind of file the flag says nothing */
  bool pipe = stop && stat(r->path, &st) == 0 && S_ISFIFO(st.st_mode);
  do m->fd = open(r->path, O_RDONLY | O_CLOEXEC | (pipe ? O_NONBLOCK : 0));
  while (m->fd < 0 && errno == EINTR);
  if (m->fd < 0 || fstat(m->fd, &st) < 0) {
    int why = errno;
    if (why == ENOENT) cx_read_fail(r, 0, nearest_file(r), "there is no such file");
    if (why == EACCES) cx_read_fail(r, 0, "look at its owner and mode: ls -l", "no permission to read it");
    cx_read_fail(r, 0, NULL, "it cannot be opened: %s", strerror(why));
  }
  if (S_ISDIR(st.st_mode)) cx_read_fail(r, 0, NULL, "it is a folder, not a file");
  if (S_ISREG(st.st_mode) && st.st_size > 0) {
    if ((uintmax_t)st.st_size > PTRDIFF_MAX) cx_read_fail(r, 0, NULL, "the file is too large for this machine");
    m->n = (size_t)st.st_size;
    void *p = mmap(NULL, m->n, PROT_READ, MAP_PRIVATE, m->fd, 0);
    if (p != MAP_FAILED) {
      m->p = p;
      r->p = p;
      r->n = m->n;
      r->mapped = true;
      close(m->fd);
      m->fd = -1;
      return;
    }
  }
  /* a pipe, a device, or a file system without mappings */
  size_t cap = 1 << 16, n = 0;
  uint8_t *buf = cx_alloc(r->a, cap);
  for (;;) {
    if (n == cap) {
      uint8_t *more = cx_alloc_n(r->a, cap, 2);
      memcpy(more, buf, n);
      buf = more;
      cap *= 2;
    }
    if (stop) await(r, m->fd, stop);
    ssize_t got = read(m->fd, buf + n, cap - n);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) cx_read_fail(r, 0, NULL, "it cannot be read: %s", strerror(errno));
    if (got == 0) break;
    n += (size_t)got;
  }
  release(m);
  r->p = buf;
  r->mapped = false;
  r->n = n;
}

/* ---- decompression ---- */
#ifdef HAVE_ZLIB
/* zlib's memory comes from the arena, so leaving through a throw loses nothing */
static void *z_alloc(void *a, unsigned n, unsigned size) { return cx_alloc_n(a, n, size); }
static void z_free(void *a, void *p) { (void)a, (void)p; }

/* Feeds all of [p, p+n) and fills at most `room` bytes; returns zlib's last status. */
static int z_step(z_stream *z, const uint8_t **p, size_t *n, uint8_t *to, size_t room, size_t *got) {
  const size_t most = 1u << 30; /* zlib counts in 32 bits */
  int status = Z_OK;
  *got = 0;
  while (status == Z_OK && *got < room) {
    z->next_in = (Bytef *)(uintptr_t)*p;
    z->avail_in = (uInt)(*n < most ? *n : most);
    size_t in = z->avail_in, out = room - *got < most ? room - *got : most;
    z->next_out = to + *got;
    z->avail_out = (uInt)out;
    status = inflate(z, Z_NO_FLUSH);
    *p += in - z->avail_in;
    *n -= in - z->avail_in;
    *got += out - z->avail_out;
  }
  return status;
}

void cx_read_gunzip(cx_reader *r) {
  const char *help = "copy or download the file again";
  z_stream z = {.zalloc = z_alloc, .zfree = z_free, .opaque = r->a};
  if (inflateInit2(&z, 15 + 16) != Z_OK) cx_read_fail(r, 0, NULL, "zlib cannot be started");
  const uint8_t *p = r->p;
  size_t n = r->n;
  /* the last four bytes say how long the data are, modulo 2^32: a hint, as a file may have several members */
  size_t cap = n < 18 ? 64 : (size_t)p[n - 4] | (size_t)p[n - 3] << 8 | (size_t)p[n - 2] << 16 | (size_t)p[n - 1] << 24;
  if (cap / CX_DEFLATE_MAX > n) cap = n;
  cap += 64;
  uint8_t *buf = cx_alloc(r->a, cap);
  size_t len = 0;
  for (;;) {
    size_t got;
    int status = z_step(&z, &p, &n, buf + len, cap - len, &got);
    len += got;
    if (status == Z_STREAM_END) {
      while (n && !*p) p++, n--; /* padding */
      if (!n) break;
      if (n < 2 || p[0] != 0x1f || p[1] != 0x8b) cx_read_fail(r, 0, help, "something follows its gzip data");
      inflateReset(&z);
      continue;
    }
    if (len == cap) {
      uint8_t *more = cx_alloc_n(r->a, cap, 2);
      memcpy(more, buf, len);
      buf = more;
      cap *= 2;
      continue;
    }
    if (status == Z_BUF_ERROR || (status == Z_OK && !n))
      cx_read_fail(r, 0, help, "the gzip data end too early: the file is truncated (after %zu bytes of content)", len);
    cx_read_fail(r, 0, help, "the gzip data are damaged (%s)", z.msg ? z.msg : "wrong checksum or form");
  }
  r->p = buf;
  r->mapped = false;
  r->n = len;
}

const uint8_t *cx_read_inflate(const cx_reader *r, const uint8_t *p, size_t n, size_t size, const char *what) {
  const char *help = "copy or download the file again";
  if (size / CX_DEFLATE_MAX > n)
    cx_read_fail(r, 0, help, "%s claims more bytes than its compressed data can hold", what);
  z_stream z = {.zalloc = z_alloc, .zfree = z_free, .opaque = r->a};
  if (inflateInit2(&z, -15) != Z_OK) cx_read_fail(r, 0, NULL, "zlib cannot be started");
  uint8_t *buf = cx_alloc(r->a, size + 1); /* one more byte, to see that the stream ends */
  size_t got;
  int status = z_step(&z, &p, &n, buf, size + 1, &got);
  if (status != Z_STREAM_END || got != size) cx_read_fail(r, 0, help, "%s is truncated or damaged", what);
  return buf;
}
#else
#define NO_ZLIB "install zlib (zlib1g-dev) and build calx again, or decompress the file first"
void cx_read_gunzip(cx_reader *r) {
  cx_read_fail(r, 0, NO_ZLIB, "it is compressed, and this calx was built without zlib");
}
const uint8_t *cx_read_inflate(const cx_reader *r, const uint8_t *p, size_t n, size_t size, const char *what) {
  (void)p, (void)n, (void)size;
  cx_read_fail(r, 0, NO_ZLIB, "%s is compressed, and this calx was built without zlib", what);
}
#endif

/* CRC-32 of ISO 3309, as in PNG (Annex D) and zip */
uint32_t cx_crc32(const uint8_t *p, size_t n) {
#ifdef HAVE_ZLIB
  uLong crc = 0;
  for (size_t step; n; p += step, n -= step) {
    step = n < 1u << 30 ? n : 1u << 30;
    crc = crc32(crc, p, (uInt)step);
  }
  return (uint32_t)crc;
#else
  uint32_t table[256], crc = 0xffffffffu;
  for (uint32_t i = 0; i < 256; i++) {
    table[i] = i;
    for (int k = 0; k < 8; k++) table[i] = table[i] & 1 ? 0xedb88320u ^ table[i] >> 1 : table[i] >> 1;
  }
  for (size_t i = 0; i < n; i++) crc = table[(crc ^ p[i]) & 255] ^ crc >> 8;
  return crc ^ 0xffffffffu;
#endif
}

/* ---- small things every reader needs ---- */
bool cx_size_product(const int64_t *dim, int n, size_t size, size_t *out) {
  size_t v = size;
  bool zero = false;
  for (int k = 0; k < n; k++) zero |= dim[k] == 0;
  for (int k = 0; k < n && !zero; k++)
    if ((uint64_t)dim[k] > (uint64_t)PTRDIFF_MAX || __builtin_mul_overflow(v, (size_t)dim[k], &v)) return false;
  *out = zero ? 0 : v;
  return *out <= PTRDIFF_MAX;
}

cx_array cx_array_of(const cx_reader *r, cx_dtype type, int rank, const int64_t *dim, const void *data) {
  cx_array x = {.type = type, .data = data, .origin = r->path};
  cx_array_row_major(&x, rank, dim);
  return x;
}

cx_file *cx_file_single(const cx_reader *r, cx_array x) {
  cx_file *f = CX_NEW(r->a, cx_file);
  f->col = CX_NEW(r->a, cx_column);
  f->col->array = x;
  f->ncol = 1;
  f->path = r->path;
  return f;
}

void cx_swap_copy(void *to, const uint8_t *from, size_t count, size_t size) {
  uint8_t *t = to;
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < size; k++) t[i * size + k] = from[i * size + size - 1 - k];
}

float cx_half(uint16_t h) {
  uint32_t sign = (uint32_t)(h >> 15) << 31, e = h >> 10 & 31, m = h & 1023, bits;
  float v;
  if (e == 0) { /* subnormal: m * 2^-24 */
    v = (float)m * 5.9604644775390625e-8f;
    return sign ? -v : v;
  }
  bits = sign | (e == 31 ? 255u << 23 : (e + 112) << 23) | m << 13;
  memcpy(&v, &bits, sizeof v);
  return v;
}
