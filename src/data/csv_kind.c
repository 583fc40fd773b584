/* csv_kind.c - what kind of table a text is: separator, line breaks, header, decimal point. */
#include <math.h>
#include <string.h>

#include "data/csv.h"

#define SAMPLE_BYTES (1 << 20)

_Noreturn void cx_csv_fail_binary(const cx_reader *r) {
  if (r->n >= 8 && !memcmp(r->p, "calxfit\n", 8))
    cx_read_fail(
        r, 0,
        "go on from it by `calx run .. --resume`, in the program that made it; with steps = 1, and `write model to "
        "\"m.safetensors\"` behind the fit, what it has found becomes a model",
        "it is a checkpoint of a fit, no data and no model");
  cx_read_fail(r, 0, "calx reads CSV, TSV and plain text, NPY, NPZ, IDX, PNG and JPEG, each known by its first bytes",
               "it is no text (there are zero bytes in it), nor any other format known here");
}

void cx_csv_sample(const table *t, const char *p, const char *end, sample *s, int width, int most) {
  s->width = width;
  s->rows = 0;
  const char *stop = (size_t)(end - p) > SAMPLE_BYTES ? p + SAMPLE_BYTES : end;
  while (p < stop && s->rows < most) {
    int lines;
    row_fault fault = ROW_OK;
    int n = cx_csv_row(t, &p, end, s->x ? s->x + (size_t)s->rows * (size_t)width : NULL, width, &lines, &fault);
    if (fault) break; /* reported in its place, by parse_piece */
    if (n) s->n[s->rows++] = n;
  }
}

/* The separator with which most rows agree in their number of fields; among equals the one less likely in a text. */
static char find_separator(table *t, const char *p, const char *end) {
  static const char choice[] = {'\t', ';', '|', ',', ' '};
  int n[SAMPLE_ROWS], best_share = 0;
  char best = 0;
  bool single = true; /* commas never separate: one column */
  for (int c = 0; c < 5; c++) {
    sample s = {.n = n};
    t->sep = choice[c];
    cx_csv_sample(t, p, end, &s, 0, SAMPLE_ROWS);
    int most = 0;
    for (int i = 0; i < s.rows; i++) {
      int same = 0;
      for (int j = 0; j < s.rows; j++) same += n[j] == n[i];
      if (n[i] > 1 && same > most) most = same;
    }
    for (int i = 0; i < s.rows && choice[c] == ','; i++) single = single && n[i] == 1;
    int share = s.rows ? 100 * most / s.rows : 0;
    /* blanks are in every text: they count only where nothing else separates, and then everywhere */
    if (choice[c] == ' ' ? best_share < 50 && share >= 90 : share > best_share) best_share = share, best = choice[c];
  }
  return best_share >= 34 ? best : single ? ',' : 0;
}

/* Is the first row a header? In a column of numbers a word on top says so. Where all columns are words, a header's
 * words are distinct, not empty, and do not occur again below. */
bool cx_csv_has_header(const table *t, const sample *s) {
  double v;
  bool fresh = s->rows > 1;
  for (int c = 0; c < s->n[0] && c < s->width; c++) {
    const field *top = &s->x[c];
    bool numbers = s->rows > 1, any = false;
    for (int i = 1; i < s->rows && numbers; i++)
      if (c < s->n[i]) {
        const field *x = &s->x[(size_t)i * (size_t)s->width + (size_t)c];
        numbers = cx_csv_number(t, x, &v);
        any |= numbers && !isnan(v);
      }
    bool word = !cx_csv_number(t, top, &v);
    if (word && numbers && any) return true;
    fresh = fresh && word;
    for (int i = 1; i < s->rows && fresh; i++)
      fresh = !(c < s->n[i] && cx_csv_same(top, &s->x[(size_t)i * (size_t)s->width + (size_t)c]));
    for (int j = 0; j < c && fresh; j++) fresh = !cx_csv_same(top, &s->x[j]);
  }
  return fresh;
}

/* A comma as decimal point: only beside semicolons, and only when no number has a point. */
bool cx_csv_decimal_comma(table *t, const sample *s) {
  int comma = 0, point = 0;
  double v;
  for (int i = 0; i < s->rows; i++)
    for (int c = 0; c < s->n[i] && c < s->width; c++) {
      const field *x = &s->x[(size_t)i * (size_t)s->width + (size_t)c];
      t->dec = ',';
      comma += memchr(x->p, ',', (size_t)(x->q - x->p)) && cx_csv_number(t, x, &v);
      t->dec = '.';
      point += memchr(x->p, '.', (size_t)(x->q - x->p)) && cx_csv_number(t, x, &v);
    }
  return comma && !point;
}

/* Everything up to the rows: marks, line breaks, separator, decimal point. */
void cx_csv_look(table *t, cx_reader *r) {
  const char *p = (const char *)r->p, *end = p + r->n;
  if (r->n >= 2 && ((r->p[0] == 0xff && r->p[1] == 0xfe) || (r->p[0] == 0xfe && r->p[1] == 0xff)))
    cx_read_fail(r, 0, cx_format(r->a, "iconv -f UTF-16 -t UTF-8 %s > utf8.csv", r->path),
                 "it is UTF-16 text; calx reads UTF-8");
  if (r->n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) p += 3;
  *t = (table){.r = r, .beg = p, .end = end, .nl = '\n', .dec = '.', .quotes = true};
  size_t head = (size_t)(end - p) < SAMPLE_BYTES ? (size_t)(end - p) : SAMPLE_BYTES;
  if (memchr(p, 0, head)) cx_csv_fail_binary(r);
  if (!memchr(p, '\n', head) && memchr(p, '\r', head)) t->nl = '\r';
  size_t dot = strlen(r->path);
  while (dot && r->path[dot] != '.' && r->path[dot] != '/') dot--;
  const char *ext = r->path + dot;
  char sep = !strncmp(ext, ".tsv", 4) || !strncmp(ext, ".tab", 4) ? '\t' : find_separator(t, p, end);
  t->sep = sep;
}

bool cx_csv_is_numbers(cx_reader *r) {
  table t;
  cx_csv_look(&t, r);
  field x[64];
  int rows = 0;
  for (const char *p = t.beg; p < t.end && rows < 20; rows++) {
    int lines;
    row_fault fault = ROW_OK;
    int n = cx_csv_row(&t, &p, t.end, x, 64, &lines, &fault);
    if (!n) {
      rows--;
      continue;
    }
    double v;
    for (int c = 0; c < n && c < 64; c++)
      if (!cx_csv_number(&t, &x[c], &v)) return false;
  }
  return rows > 0;
}
