/* writer.c - a new file in place of an old one.
 *
 * The bytes go to a new file beside the target, which takes its name only when all is written and on the disk: a full
 * disk or a kill leaves the old file whole. Pipes and devices are written directly. */
#include "data/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 16 };

static void discard(void *v) { /* on the way out after an error */
  cx_writer *w = v;
  if (w->fd >= 0) close(w->fd);
  if (w->fd >= 0 && w->temp) unlink(w->temp);
  w->fd = -1;
}

void cx_writer_fail(const cx_writer *w, const char *help, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *text = cx_vformat(w->a, fmt, ap);
  va_end(ap);
  int d = cx_diag(w->c, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "%s: %s", w->path, text);
  if (help) cx_diag_help(w->c, d, "%s", help);
  cx_throw(w->c, CX_E_RUNTIME);
}

static _Noreturn void fail_errno(const cx_writer *w, int why) {
  const char *slash = strrchr(w->path, '/');
  switch (why) {
    case ENOENT: cx_writer_fail(w, "make the folder, or name another one", "its folder does not exist");
    case ENOTDIR:
      cx_writer_fail(w, "name another folder", "`%.*s` is no folder", slash ? (int)(slash - w->path) : 0, w->path);
    case EACCES:
    case EPERM:
      cx_writer_fail(w, "choose another folder, or change the mode of this one", "no permission to write there");
    case EROFS: cx_writer_fail(w, "choose another folder", "the file system is read-only");
    case EISDIR: cx_writer_fail(w, "add a file name", "it is a folder");
    case EFBIG:
      cx_writer_fail(w, "raise it (ulimit -f), or write less", "it is larger than the limit on the size of files");
    case ENOSPC:
    case EDQUOT:
      cx_writer_fail(w, "make room and run again", "no space left on the device%s",
                     w->temp ? "; an older file of that name is untouched" : "");
    case EPIPE: cx_writer_fail(w, NULL, "the reader of the pipe is gone");
    default: cx_writer_fail(w, NULL, "it cannot be written: %s", strerror(why));
  }
}

void cx_writer_begin(cx_writer *w) {
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

static void flush(cx_writer *w) {
  for (size_t at = 0; at < w->n;) {
    ssize_t put = write(w->fd, w->buf + at, w->n - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_errno(w, errno);
    at += (size_t)put;
  }
  w->n = 0;
}

void cx_writer_bytes(cx_writer *w, const void *p, size_t n) {
  const uint8_t *s = p;
  while (n) {
    size_t k = BUFFER - w->n < n ? BUFFER - w->n : n;
    memcpy(w->buf + w->n, s, k);
    w->n += k, s += k, n -= k;
    if (w->n == BUFFER) flush(w);
  }
}
void cx_writer_text(cx_writer *w, const char *s) { cx_writer_bytes(w, s, strlen(s)); }

static void commit(cx_writer *w) {
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

void cx_write_by(cx_ctx *c, const char *path, void (*fill)(cx_writer *w, void *user), void *user) {
  cx_arena *a = cx_arena_new(c);
  cx_writer *w = CX_NEW(a, cx_writer);
  w->c = c, w->a = a, w->path = path;
  w->fd = -1;
  fill(w, user);
  commit(w);
  cx_arena_free(a);
}
