/* read.c - which reader a file is for: by its first bytes, then by its name. */
#include "data/read.h"

#include <string.h>
#include <sys/stat.h>

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && !strcmp(s + n - m, end);
}

static bool starts(const cx_reader *r, const char *magic, size_t n) { return r->n >= n && !memcmp(r->p, magic, n); }

static cx_file *dispatch(cx_reader *r) {
  if (!r->n) cx_read_fail(r, 0, NULL, "the file is empty");
  if (starts(r, "\x93NUMPY", 6)) return cx_read_npy(r);
  if (starts(r, "PK\3\4", 4) || starts(r, "PK\5\6", 4)) return cx_read_npz(r);
  if (cx_is_safetensors(r->p, r->n) || ends_with(r->path, ".safetensors")) return cx_read_safetensors(r);
  if (cx_is_image(r->p, r->n)) return cx_read_image(r);
  if (r->n >= 4 && !r->p[0] && !r->p[1] && r->p[2] >= 8 && r->p[2] <= 14) return cx_read_idx(r);
  if (ends_with(r->path, ".npy")) return cx_read_npy(r); /* not what the name says: let its reader say so */
  if (ends_with(r->path, ".npz")) return cx_read_npz(r);
  if (ends_with(r->path, "-ubyte") || ends_with(r->path, "-ubyte.gz") || ends_with(r->path, ".idx"))
    return cx_read_idx(r);
  if (ends_with(r->path, ".png") || ends_with(r->path, ".jpg") || ends_with(r->path, ".jpeg")) return cx_read_image(r);
  if ((ends_with(r->path, ".txt") || ends_with(r->path, ".txt.gz")) && !cx_csv_is_numbers(r)) return cx_read_text(r);
  return cx_read_csv(r);
}

cx_file *cx_read_any(cx_reader *r) {
  struct stat st;
  if (stat(r->path, &st) == 0 && S_ISDIR(st.st_mode)) return cx_read_folder(r);
  cx_read_open(r);
  if (starts(r, "\x1f\x8b", 2)) cx_read_gunzip(r);
  cx_file *f = dispatch(r);
  for (int k = 0; k < f->ncol && r->mapped; k++) f->col[k].array.map = r->p, f->col[k].array.map_bytes = r->n;
  return f;
}

cx_file *cx_read_file(cx_ctx *c, cx_arena *a, const char *path, cx_span span) {
  cx_reader r = {.c = c, .a = a, .path = cx_strdup(a, path, strlen(path)), .span = span};
  return cx_read_any(&r);
}
