/* writer.h - what the writers share; private to src/data. */
#ifndef CX_WRITER_H
#define CX_WRITER_H
#include "data/data.h"

typedef struct {
  cx_ctx *c;
  cx_arena *a;
  const char *path; /* as the caller names it */
  char *temp;       /* where the bytes go; NULL: straight to the target */
  char *target;     /* path, symbolic links followed */
  int fd;
  uint8_t *buf;
  size_t n;
} cx_writer;

/* fill() begins, then gives the bytes; what it leaves by a throw leaves the old file as it was */
void cx_write_by(cx_ctx *c, const char *path, void (*fill)(cx_writer *w, void *user), void *user);
void cx_writer_begin(cx_writer *w);
void cx_writer_bytes(cx_writer *w, const void *p, size_t n);
void cx_writer_text(cx_writer *w, const char *s);
/* reports "path: message" and its remedy (may be NULL), then throws CX_E_RUNTIME */
_Noreturn void cx_writer_fail(const cx_writer *w, const char *help, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#endif
