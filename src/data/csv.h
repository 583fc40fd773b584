/* csv.h - what the parts of the CSV reader share; private to csv*.c. */
#ifndef CX_CSV_H
#define CX_CSV_H
#include <stdatomic.h>
#include <string.h>

#include "data/read.h"

#define MAX_COLUMNS (1 << 20)
#define SAMPLE_ROWS 200

typedef struct {
  const char *p, *q; /* its text, between the quotes if it has them */
  bool escaped;      /* "" inside stands for one " */
  int lines;         /* line breaks inside */
} field;

typedef struct {
  cx_reader *r;
  const char *beg, *end; /* the rows below the header */
  char sep;              /* ' ': runs of blanks; 0: the line is the field */
  char nl, dec;          /* '\n' (or '\r' in files without any); decimal point */
  bool quotes;           /* a quote occurs somewhere */
  int ncol;
  int64_t nrow;
  double **num;       /* a column's numbers, NULL: words, or nothing to store */
  atomic_bool *words; /* a field of the column is no number */
  int64_t *line;      /* line of each row, or NULL: row + first line */
} table;

typedef enum { ROW_OK, ROW_FEW, ROW_MANY, ROW_QUOTE, ROW_AFTER } row_fault;

/* ---- csv_row.c: fields and rows ---- */
static inline bool blank(const table *t, char c) {
  return c == ' ' || (c == '\t' && t->sep != '\t') || (c == '\r' && t->nl != '\r');
}
static inline const char *skip(const table *t, const char *p, const char *end) {
  while (p < end && blank(t, *p)) p++;
  return p;
}
static inline const char *line_end(const table *t, const char *p, const char *end) {
  const char *q = memchr(p, t->nl, (size_t)(end - p));
  return q ? q : end;
}
/* From the end of a field: true when another one follows in this row, p then being where it starts. */
static inline bool more(const table *t, const char **p, const char *end) {
  if (*p == end || **p == t->nl) return false;
  *p += t->sep != ' ';
  return true;
}
/* the field at p; returns the separator or line break it ends at, or `end` */
const char *cx_csv_field(const table *t, const char *p, const char *end, field *x, row_fault *fault);
/* A row's fields, up to `most` of them stored. Returns their number; *p becomes the next line. 0: a blank line. */
int cx_csv_row(const table *t, const char **p, const char *end, field *x, int most, int *lines, row_fault *fault);
bool cx_csv_number(const table *t, const field *x, double *v);
bool cx_csv_same(const field *x, const field *y);
const char *cx_csv_unquote(cx_arena *a, const field *x);

/* ---- csv_kind.c: what kind of table it is ---- */
/* The rows of a sample, field by field. n[i]: how many fields row i has. */
typedef struct {
  field *x;
  int width, rows, *n;
} sample;
void cx_csv_look(table *t, cx_reader *r); /* everything up to the rows: marks, line breaks, separator */
void cx_csv_sample(const table *t, const char *p, const char *end, sample *s, int width, int most);
bool cx_csv_has_header(const table *t, const sample *s);
bool cx_csv_decimal_comma(table *t, const sample *s);
_Noreturn void cx_csv_fail_binary(const cx_reader *r);
#endif
