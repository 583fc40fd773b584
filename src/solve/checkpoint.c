/* checkpoint.c - the state of a fit in one file.
 *
 * Layout (native byte order, which the version word also tells):
 *   "calxfit\n"  u32 version  u32 fit, from 0  u64 bytes, bytes: what the fits before it left
 *   u32 flags (1: single)  u64 n  u64 rows  u64 checksum of the program
 *   text sizes, text method, u32 options { text name, text value }
 *   u32 regions { text name, u64 bytes, bytes }          everything that cx_keep registered
 *   u64 checksum of all before
 * A text is u32 length and its bytes. The file is written beside its place, flushed to the disk and renamed over the
 * old one, so that at any moment the name holds a whole checkpoint. */
#include "solve/solver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "calxfit\n";
enum { VERSION = 3 };

/* FNV-1a, 64 bits */
static uint64_t checksum(const void *p, size_t n) {
  const unsigned char *b = p;
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3u;
  return h;
}

/* ---- writing ---- */
typedef struct {
  unsigned char *at;
  size_t n;
} out; /* at NULL: only counts */

static void put(out *o, const void *p, size_t n) {
  if (o->at && n) memcpy(o->at + o->n, p, n);
  o->n += n;
}
static void put32(out *o, uint32_t v) { put(o, &v, sizeof v); }
static void put64(out *o, uint64_t v) { put(o, &v, sizeof v); }
static void put_text(out *o, const char *s) {
  size_t n = s ? strlen(s) : 0;
  put32(o, (uint32_t)n);
  put(o, s, n);
}

static void *region(const cx_kept *k) { return k->moving ? *k->moving : k->fixed; }

static void write_all(cx_solver *s, cx_arena *a, out *o) {
  put(o, magic, sizeof magic);
  put32(o, VERSION);
  put32(o, (uint32_t)s->p->fit);
  put64(o, s->p->before_size);
  put(o, s->p->before, s->p->before_size);
  put32(o, s->p->single);
  put64(o, (uint64_t)s->p->n);
  put64(o, (uint64_t)s->p->rows);
  put64(o, checksum(s->p->program, s->p->program ? s->p->program_size : 0));
  put_text(o, s->p->sizes);
  put_text(o, s->method->name);
  put32(o, O_COUNT);
  for (int k = 0; k < O_COUNT; k++) put_text(o, cx_option_rows[k].name), put_text(o, cx_option_text(a, &s->opt, k));
  put32(o, (uint32_t)s->kept.n);
  for (int i = 0; i < s->kept.n; i++) {
    put_text(o, s->kept.at[i].name);
    put64(o, s->kept.at[i].bytes);
    put(o, region(&s->kept.at[i]), s->kept.at[i].bytes);
  }
  if (o->at) put64(o, checksum(o->at, o->n));
  else o->n += sizeof(uint64_t);
}

/* The rename is on the disk only when the folder is. A file system without fsync of folders loses nothing else. */
static void flush_folder(cx_arena *a, const char *path) {
  const char *slash = strrchr(path, '/');
  int fd = open(slash ? cx_strdup(a, path, (size_t)(slash - path) + 1) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

bool cx_solver_save(cx_solver *s, const char *path) {
  cx_core *k = s->k;
  cx_arena *a = cx_arena_new(s->ctx);
  double now = cx_now();
  k->seconds += now - s->started;
  s->started = now;
  out o = {0};
  write_all(s, a, &o);
  o = (out){cx_alloc(a, o.n), 0};
  write_all(s, a, &o);
  const char *temp = cx_format(a, "%s.tmp", path);
  int fd = cx_make_folders(a, path) ? open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
  bool ok = fd >= 0;
  for (size_t done = 0; ok && done < o.n;) {
    ssize_t w = write(fd, o.at + done, o.n - done);
    if (w < 0 && errno == EINTR) continue;
    if (w < 0) ok = false;
    else done += (size_t)w;
  }
  ok = ok && fsync(fd) == 0;
  int why = errno;
  if (fd >= 0 && close(fd) && ok) ok = false, why = errno;
  if (ok && rename(temp, path)) ok = false, why = errno;
  if (ok) flush_folder(a, path);
  else {
    if (fd >= 0) unlink(temp);
    int d = cx_diag(s->ctx, CX_WARNING, CX_E_RUNTIME, s->opt.span[O_checkpoint], "cannot write the checkpoint '%s': %s",
                    path, strerror(why));
    cx_diag_help(s->ctx, d, "the fit goes on; an older checkpoint there is still whole");
  }
  cx_arena_free(a);
  return ok;
}

/* ---- reading ---- */
typedef struct {
  const unsigned char *at;
  size_t n;
  bool bad;
} in;

static const void *get(in *r, size_t n) {
  static const unsigned char zero[8];
  if (r->bad || n > r->n) return r->bad = true, zero;
  r->at += n, r->n -= n;
  return r->at - n;
}
static uint32_t get32(in *r) {
  uint32_t v;
  memcpy(&v, get(r, sizeof v), sizeof v);
  return v;
}
static uint64_t get64(in *r) {
  uint64_t v;
  memcpy(&v, get(r, sizeof v), sizeof v);
  return v;
}
static const char *get_text(in *r, cx_arena *a) {
  uint32_t n = get32(r);
  const char *p = get(r, n);
  return r->bad ? "" : cx_strdup(a, p, n);
}

/* Reports, then throws, after the temporary arena is gone. */
_Noreturn static void refuse(cx_ctx *c, cx_arena *a, cx_span span, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void refuse(cx_ctx *c, cx_arena *a, cx_span span, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int d = cx_diag(c, CX_ERROR, CX_E_DATA, span, "%s", cx_vformat(a, fmt, ap));
  va_end(ap);
  cx_diag_help(c, d, "start anew without it, or resume with what it was made with");
  cx_arena_free(a);
  cx_throw(c, CX_E_DATA);
}

static void close_fd(void *p) { close((int)(intptr_t)p); }

static in slurp(cx_ctx *c, cx_arena *a, cx_span span, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) refuse(c, a, span, "cannot read the checkpoint '%s': %s", path, strerror(errno));
  cx_defer(a, close_fd, (void *)(intptr_t)fd);
  struct stat st;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode)) refuse(c, a, span, "'%s' is no checkpoint: not a file", path);
  size_t n = (size_t)st.st_size, done = 0;
  unsigned char *p = cx_alloc(a, n + 1);
  while (done < n) {
    ssize_t r = read(fd, p + done, n - done);
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) refuse(c, a, span, "cannot read the checkpoint '%s': %s", path, strerror(errno));
    if (r == 0) break;
    done += (size_t)r;
  }
  return (in){p, done, false};
}

/* a whole file of this format, behind its first part */
static in open_whole(cx_ctx *c, cx_arena *a, cx_span span, const char *path, int *fit, const void **before,
                     size_t *size) {
  in r = slurp(c, a, span, path);
  if (r.n < sizeof magic || memcmp(r.at, magic, sizeof magic))
    refuse(c, a, span, "'%s' is no checkpoint of a fit", path);
  uint64_t sum;
  if (r.n < 64) refuse(c, a, span, "the checkpoint '%s' is cut short", path);
  r.n -= sizeof sum;
  memcpy(&sum, r.at + r.n, sizeof sum);
  bool whole = checksum(r.at, r.n) == sum;
  get(&r, sizeof magic);
  uint32_t version = get32(&r);
  if (version != VERSION)
    refuse(c, a, span, "the checkpoint '%s' has format %u, this program reads %d", path, version, VERSION);
  if (!whole) refuse(c, a, span, "the checkpoint '%s' is damaged or cut short: its checksum is wrong", path);
  *fit = (int)get32(&r);
  *size = (size_t)get64(&r);
  *before = get(&r, *size);
  return r;
}

int cx_checkpoint_fit(cx_ctx *c, cx_arena *out, const char *path, const void **before, size_t *before_size) {
  cx_arena *a = cx_arena_new(c);
  int fit;
  const void *from;
  in r = open_whole(c, a, CX_NOSPAN, path, &fit, &from, before_size);
  if (r.bad) refuse(c, a, CX_NOSPAN, "the checkpoint '%s' was made by another version of calx", path);
  char *copy = cx_alloc(out, *before_size + 1);
  if (*before_size) memcpy(copy, from, *before_size);
  *before = copy;
  cx_arena_free(a);
  return fit;
}

#define REFUSE(...) refuse(s->ctx, a, s->span, __VA_ARGS__)

/* options that may differ: how long to go on, and where to save */
static bool may_differ(int k) { return k == O_steps || k == O_epochs || k == O_checkpoint || k == O_checkpoint_every; }
bool cx_fit_lasts(const char *option) {
  for (int k = 0; k < O_COUNT; k++)
    if (may_differ(k) && !strcmp(option, cx_option_rows[k].name)) return true;
  return false;
}

void cx_solver_resume(cx_solver *s, const char *path) {
  cx_arena *a = cx_arena_new(s->ctx);
  int fit;
  const void *before;
  size_t size;
  in r = open_whole(s->ctx, a, s->span, path, &fit, &before, &size);
  if (fit != s->p->fit)
    REFUSE("the checkpoint '%s' is of fit %d of its program, this is fit %d", path, fit + 1, s->p->fit + 1);
  bool single = get32(&r) & 1;
  int64_t n = (int64_t)get64(&r), rows = (int64_t)get64(&r);
  uint64_t program = get64(&r);
  const char *sizes = get_text(&r, a), *method = get_text(&r, a), *now = s->p->sizes ? s->p->sizes : "";
  if (strcmp(method, s->method->name))
    REFUSE("the checkpoint '%s' is of a fit by %s, not %s", path, method, s->method->name);
  if (single != s->p->single) REFUSE("the checkpoint '%s' has %s precision", path, single ? "single" : "double");
  if (n != s->p->n)
    REFUSE("the checkpoint '%s' has %lld parameters, the program %lld", path, (long long)n, (long long)s->p->n);
  if (rows != s->p->rows)
    REFUSE("the checkpoint '%s' is of a fit to %lld rows, the data has %lld", path, (long long)rows,
           (long long)s->p->rows);
  if (strcmp(sizes, now)) REFUSE("the checkpoint '%s' has the sizes %s, the program %s", path, sizes, now);
  if (program != checksum(s->p->program, s->p->program ? s->p->program_size : 0))
    REFUSE("the checkpoint '%s' was made by another text of the program", path);
  uint32_t count = get32(&r);
  for (uint32_t i = 0; i < count && !r.bad; i++) {
    const char *name = get_text(&r, a), *value = get_text(&r, a);
    int k = 0;
    while (k < O_COUNT && strcmp(cx_option_rows[k].name, name)) k++;
    if (k == O_COUNT ? *value != 0 : !may_differ(k) && strcmp(value, cx_option_text(a, &s->opt, k))) {
      const char *mine = k == O_COUNT ? "" : cx_option_text(a, &s->opt, k);
      REFUSE("the checkpoint '%s' was made with %s = %s, now it is %s", path, name, *value ? value : "not set",
             *mine ? mine : "not set");
    }
  }
  count = get32(&r);
  if (count != (uint32_t)s->kept.n) r.bad = true;
  for (int i = 0; i < s->kept.n && !r.bad; i++) {
    const char *name = get_text(&r, a);
    size_t bytes = s->kept.at[i].bytes;
    if (strcmp(name, s->kept.at[i].name) || get64(&r) != bytes) r.bad = true;
    const void *from = get(&r, bytes);
    if (bytes && !r.bad) memcpy(region(&s->kept.at[i]), from, bytes);
  }
  if (r.bad) REFUSE("the checkpoint '%s' was made by another version of calx", path);
  cx_arena_free(a);
  s->started = cx_now();
  if (s->k->done && s->k->out_of_steps && s->k->step < s->budget) {
    s->k->done = s->k->out_of_steps = s->k->converged = 0;
    if (s->method->bit & M_FIRST) s->k->evals--; /* the one for the report */
  }
}
