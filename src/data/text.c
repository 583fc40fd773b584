/* text.c - plain text: one string a line, blank ones included. The strings are levels like a column of words, each
 * line its own. */
#include "data/read.h"

#include <string.h>

cx_file *cx_read_text(cx_reader *r) {
  const char *p = (const char *)r->p, *end = p + r->n;
  if (r->n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) p += 3;
  const char *zero = memchr(p, 0, (size_t)(end - p));
  int64_t n = 0;
  for (const char *s = p; s < end; n++) {
    const char *q = memchr(s, '\n', (size_t)(end - s));
    if (zero && (!q || zero < q)) cx_read_fail(r, n + 1, NULL, "a zero byte: this is no text");
    s = q ? q + 1 : end;
  }
  if (n >= INT32_MAX) cx_read_fail(r, 0, NULL, "it has more than %d lines", INT32_MAX);
  const char **line = CX_NEW_N(r->a, const char *, n);
  int32_t *code = CX_NEW_N(r->a, int32_t, n);
  for (int64_t i = 0; i < n; i++) {
    const char *q = memchr(p, '\n', (size_t)(end - p)), *stop = q ? q : end;
    line[i] = cx_strdup(r->a, p, (size_t)(stop - p) - (stop > p && stop[-1] == '\r'));
    code[i] = (int32_t)i;
    p = q ? q + 1 : end;
  }
  cx_array x = cx_array_of(r, CX_I32, 1, &n, code);
  x.level = line;
  x.nlevel = (int)n;
  x.first_line = 1;
  return cx_file_single(r, x);
}
