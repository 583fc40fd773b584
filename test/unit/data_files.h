/* data_files.h - for the tests of src/data: files in a folder of their own, readers run in a context of their own. */
#ifndef DATA_FILES_H
#define DATA_FILES_H
#include "check.h"
#include "data/data.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];
static cx_ctx *ctx;
static cx_arena *arena;

static void files_begin(void) {
  const char *tmp = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/calx-data-XXXXXX", tmp && *tmp && strlen(tmp) < 200 ? tmp : "/tmp");
  if (!mkdtemp(folder)) {
    perror(folder);
    exit(2);
  }
  if (chdir(folder) != 0) exit(2);
  ctx = cx_ctx_new(NULL, NULL);
  arena = cx_arena_new(ctx);
}
static void files_end(void) {
  cx_arena_free(arena);
  cx_ctx_free(ctx);
  char command[300];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (chdir("/") != 0 || system(command) != 0) exit(2);
}
static inline void fresh(void) { /* forget everything read so far */
  cx_diag_clear(ctx);
  cx_arena_free(arena);
  arena = cx_arena_new(ctx);
}

static void put(const char *name, const void *p, size_t n) {
  FILE *f = fopen(name, "wb");
  if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
    perror(name);
    exit(2);
  }
}
static inline void put_text(const char *name, const char *text) { put(name, text, strlen(text)); }
static inline char *get(const char *name, size_t *n) {
  static char buf[1 << 22];
  FILE *f = fopen(name, "rb");
  if (!f) {
    perror(name);
    exit(2);
  }
  *n = fread(buf, 1, sizeof buf, f);
  fclose(f);
  return buf;
}

/* NULL after an error */
static cx_file *read_try(const char *name) {
  cx_frame f;
  cx_file *volatile x = NULL;
  cx_diag_clear(ctx);
  CX_TRY(ctx, f) {
    x = cx_read_file(ctx, arena, name, CX_NOSPAN);
    CX_END(ctx, f);
  } else CHECK(f.status == CX_E_DATA);
  return x;
}
/* the message of the only error, and that there is one */
static inline const char *read_error(const char *name) {
  if (read_try(name)) return "(no error)";
  CHECK(cx_error_count(ctx) == 1);
  return cx_diag_get(ctx, 0).message;
}
static inline bool contains(const char *s, const char *part) {
  bool ok = s && strstr(s, part);
  if (!ok) fprintf(stderr, "%s\n  lacks: %s\n", s ? s : "(null)", part);
  return ok;
}
static inline double at1(const cx_array *x, int64_t i) { return cx_array_get(x, &i); }
static inline double at2(const cx_array *x, int64_t i, int64_t j) { return cx_array_get(x, (const int64_t[]){i, j}); }
static inline double at3(const cx_array *x, int64_t i, int64_t j, int64_t k) {
  return cx_array_get(x, (const int64_t[]){i, j, k});
}
#endif
