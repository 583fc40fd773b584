/* text.c - plain text: one string a line, blank ones included. The strings are levels like a column of words, each
 * line its own. Texts of many lines stand between lines of a % alone, as in the files of fortune(6). */
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

cx_file *cx_read_text_file(cx_reader *r) {
  cx_read_open(r);
  if (r->n >= 2 && r->p[0] == 0x1f && r->p[1] == 0x8b) cx_read_gunzip(r);
  return cx_read_text(r);
}

bool cx_divides(const char *line) { return line[0] == '%' && !line[1 + strspn(line + 1, " \t")]; }

char *cx_text_join(cx_arena *a, const char *const *line, int64_t n) {
  cx_buf b = {.arena = a};
  for (int64_t k = 0; k < n; k++) {
    if (k) cx_put(&b, "\n", 1);
    cx_puts(&b, line[k]);
  }
  return b.at ? b.at : cx_strdup(a, "", 0);
}

void cx_text_items(cx_arena *a, cx_items *to, const char *const *line, int64_t n) {
  bool divided = false;
  for (int64_t k = 0; k < n && !divided; k++) divided = cx_divides(line[k]);
  for (int64_t k = 0, end; k < n; k = end + 1) {
    end = divided ? k : k + 1;
    while (divided && end < n && !cx_divides(line[end])) end++;
    while (k < end && !line[k][strspn(line[k], " \t\f")]) k++; /* blank lines around */
    int64_t last = end;
    while (last > k && !line[last - 1][strspn(line[last - 1], " \t\f")]) last--;
    if (!divided) end--;
    if (last == k) continue;
    *CX_PUSH(a, to->text) = cx_text_join(a, line + k, last - k);
    *CX_PUSH(a, to->line) = k + 1;
  }
}
