/* csv_row.c - fields and rows of a table as text. */
#include <math.h>

#include "data/csv.h"

const char *cx_csv_field(const table *t, const char *p, const char *end, field *x, row_fault *fault) {
  *x = (field){0};
  p = skip(t, p, end);
  if (p < end && *p == '"' && t->quotes && t->sep) {
    const char *stop = t->sep == '\t' ? line_end(t, p, end) : end;
    x->p = p + 1;
    for (const char *q = p + 1; (q = memchr(q, '"', (size_t)(stop - q))); q++) {
      if (q + 1 < stop && q[1] == '"') {
        x->escaped = true;
        q++;
        continue;
      }
      const char *s = skip(t, q + 1, end);
      bool ends = s == end || *s == t->nl || *s == t->sep || (t->sep == ' ' && s > q + 1);
      if (!ends && t->sep == '\t') break;
      if (!ends) {
        *fault = ROW_AFTER;
        return s;
      }
      x->q = q;
      for (const char *b = p; (b = memchr(b, t->nl, (size_t)(q - b))); b++) x->lines++;
      return s;
    }
    if (t->sep != '\t') {
      *fault = ROW_QUOTE;
      x->q = end;
      return end;
    }
    x->escaped = false;
  }
  x->p = p;
  if (t->sep == ' ')
    while (p < end && *p != t->nl && !blank(t, *p)) p++;
  else
    while (p < end && *p != t->nl && !(t->sep && *p == t->sep)) p++;
  x->q = p;
  while (x->q > x->p && blank(t, x->q[-1])) x->q--;
  return t->sep == ' ' ? skip(t, p, end) : p;
}

int cx_csv_row(const table *t, const char **p, const char *end, field *x, int most, int *lines, row_fault *fault) {
  const char *s = skip(t, *p, end);
  int n = 0;
  *lines = 1;
  if (s < end && *s != t->nl) {
    field one;
    s = *p;
    do {
      s = cx_csv_field(t, s, end, n < most ? &x[n] : &one, fault);
      *lines += (n < most ? x[n] : one).lines;
      n++;
    } while (*fault == ROW_OK && n <= MAX_COLUMNS && more(t, &s, end));
    if (*fault == ROW_AFTER || n > MAX_COLUMNS) s = line_end(t, s, end);
  }
  *p = s < end ? s + 1 : end;
  return n;
}

bool cx_missing_word(const char *s, size_t n) {
  static const char *const words[] = {"na", "nan", "n/a", "null", "none", "?", ".", "-nan", "+nan"};
  if (!n) return true;
  if (n > 4) return false;
  char low[5] = {0};
  for (size_t i = 0; i < n; i++) low[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 32) : s[i];
  for (size_t k = 0; k < sizeof words / sizeof *words; k++)
    if (!strcmp(low, words[k])) return true;
  return false;
}

bool cx_csv_number(const table *t, const field *x, double *v) {
  const char *p = x->p, *q = x->q; /* quoted numbers may have blanks inside */
  while (p < q && blank(t, *p)) p++;
  while (q > p && blank(t, q[-1])) q--;
  if (cx_missing_word(p, (size_t)(q - p))) {
    *v = NAN;
    return true;
  }
  return cx_parse_number(p, q, t->dec, v) == q;
}

const char *cx_csv_unquote(cx_arena *a, const field *x) {
  char *s = cx_strdup(a, x->p, (size_t)(x->q - x->p));
  if (x->escaped) {
    char *to = s;
    for (const char *from = s; *from; from++) {
      *to++ = *from;
      from += from[0] == '"' && from[1] == '"';
    }
    *to = 0;
  }
  return s;
}

bool cx_csv_same(const field *x, const field *y) {
  return x->q - x->p == y->q - y->p && !memcmp(x->p, y->p, (size_t)(x->q - x->p));
}
