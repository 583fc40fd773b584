/* csv.c - tables as text: separators , ; | tab or white space, quotes as in RFC 4180, a header or none.
 *
 * Two passes over the mapped file, both cut into pieces for the threads. The first counts rows, so that every
 * column gets its exact place; the second reads numbers straight into it, column by column. A column with a
 * field that is neither a number nor missing is a column of words: a third, sequential pass gives each
 * distinct word a number (its level). Where quotes may hide line breaks, the counting is sequential too.
 *
 * Fields are trimmed of blanks unless quoted. In tab-separated files a quote that is not closed at the field's
 * end is an ordinary character, and quotes hide no line breaks: texts there are rarely escaped. */
#include <math.h>
#include <unistd.h>

#include "data/csv.h"
#ifdef HAVE_THREADS
#include <pthread.h>
#endif

#define MAX_PIECES 64

static const char open_quote[] = "a quote is opened here and never closed";
static const char after_quote[] = "text follows the closing quote";

typedef struct {
  table *t;
  const char *beg, *end;
  int64_t row, line;   /* of the first one: index, number */
  int64_t nrow, nline; /* how many */
  bool zero, quote, uneven;
  row_fault fault; /* the first one, on fault_line, at 0-based fault_col */
  int64_t fault_line;
  int fault_col;
} piece;

/* ---- the threads' part ---- */
static void *count_piece(void *v) {
  piece *k = v;
  const table *t = k->t;
  size_t n = (size_t)(k->end - k->beg);
  k->zero = memchr(k->beg, 0, n) != NULL;
  k->quote = memchr(k->beg, '"', n) != NULL;
  k->nrow = k->nline = 0;
  for (const char *p = k->beg; p < k->end; k->nline++) {
    const char *s = skip(t, p, k->end);
    if (s < k->end && *s != t->nl) {
      k->nrow++;
      s = line_end(t, s, k->end);
    } else k->uneven = true;
    p = s + (s < k->end);
  }
  return NULL;
}

static void *parse_piece(void *v) {
  piece *k = v;
  table *t = k->t;
  const char *p = k->beg, *end = k->end;
  int64_t row = k->row, line = k->line;
  while (p < end) {
    const char *s = skip(t, p, end);
    if (s == end || *s == t->nl) {
      p = s + (s < end);
      line++;
      continue;
    }
    if (t->line) t->line[row] = line;
    int lines = 1, col = 0;
    for (;; col++) {
      if (col == t->ncol) {
        k->fault = ROW_MANY;
        break;
      }
      double x;
      if (t->num[col]) { /* the common case first: a plain number up to its separator */
        s = skip(t, p, end);
        const char *after = cx_parse_number(s, end, t->dec, &x);
        if (after) {
          p = skip(t, after, end);
          if (p == end || *p == t->sep || *p == t->nl || (t->sep == ' ' && p > after)) {
            t->num[col][row] = x;
            if (more(t, &p, end)) continue;
            break;
          }
          p = s;
        }
      }
      field f;
      p = cx_csv_field(t, p, end, &f, &k->fault);
      if (k->fault) break;
      lines += f.lines;
      if (t->num[col]) {
        if (cx_csv_number(t, &f, &x)) t->num[col][row] = x;
        else atomic_store_explicit(&t->words[col], true, memory_order_relaxed);
      }
      if (!more(t, &p, end)) break;
    }
    if (!k->fault && col + 1 < t->ncol) k->fault = ROW_FEW;
    if (k->fault) {
      k->fault_line = line;
      k->fault_col = col;
      return NULL;
    }
    p += p < end;
    line += lines;
    row++;
  }
  return NULL;
}

/* fn for every piece, the last one here; where a thread cannot be had, its piece is done here as well */
static void for_pieces(piece *k, int n, void *(*fn)(void *)) {
#ifdef HAVE_THREADS
  pthread_t id[MAX_PIECES];
  bool runs[MAX_PIECES] = {false};
  for (int i = 0; i + 1 < n; i++) runs[i] = pthread_create(&id[i], NULL, fn, &k[i]) == 0;
  for (int i = 0; i < n; i++)
    if (!runs[i]) fn(&k[i]);
  for (int i = 0; i < n; i++)
    if (runs[i]) pthread_join(id[i], NULL);
#else
  for (int i = 0; i < n; i++) fn(&k[i]);
#endif
}

/* ---- cutting ---- */
/* Pieces of whole lines, with their rows counted. Returns their number. */
static int cut(table *t, piece *k, int64_t first_line) {
  size_t n = (size_t)(t->end - t->beg);
  int want = (int)(n >> 18) + 1, np = 0;
  long cores = want > 1 ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
  if (want > cores) want = cores > 0 ? (int)cores : 1;
  if (want > MAX_PIECES) want = MAX_PIECES;
  for (const char *p = t->beg; np < want; np++) {
    const char *q = np + 1 == want ? t->end : t->beg + n / (size_t)want * (size_t)(np + 1);
    if (q < p) q = p;
    if (q < t->end) {
      q = line_end(t, q, t->end);
      q += q < t->end;
    }
    k[np] = (piece){.t = t, .beg = p, .end = q};
    p = q;
  }
  for_pieces(k, np, count_piece);
  int64_t row = 0, line = first_line;
  bool uneven = false;
  for (int i = 0; i < np; i++) {
    if (k[i].zero) cx_csv_fail_binary(t->r);
    t->quotes |= k[i].quote;
    uneven |= k[i].uneven;
    k[i].row = row, k[i].line = line;
    row += k[i].nrow, line += k[i].nline;
  }
  if (t->quotes && t->sep != '\t' && t->sep) { /* only reading from the start tells which line breaks are quoted */
    int i = 0;
    const char *p = t->beg;
    row = 0, line = first_line;
    k[0].row = 0, k[0].line = line;
    while (p < t->end) {
      if (i + 1 < np && p >= k[i].end && p > k[i].beg) {
        k[i].end = p;
        k[++i].beg = p, k[i].row = row, k[i].line = line;
      }
      int lines;
      row_fault fault = ROW_OK;
      field none;
      int fields = cx_csv_row(t, &p, t->end, &none, 0, &lines, &fault);
      if (fault == ROW_QUOTE) cx_read_fail(t->r, line, "write a quote inside a quoted field twice", "%s", open_quote);
      if (fault) { /* to be reported in its place by parse_piece */
        row++;
        break;
      }
      row += fields > 0;
      line += lines;
    }
    k[i].end = p < t->end ? p : t->end;
    np = i + 1;
    uneven = uneven || line - first_line != row;
  }
  t->nrow = row;
  if (uneven) t->line = CX_NEW_N(t->r->a, int64_t, row);
  return np;
}

/* ---- words ---- */
typedef struct {
  uint32_t hash;
  int32_t level;
} slot; /* level + 1; 0: free */
typedef struct {
  CX_VEC(const char *) level;
  CX_VEC(field) raw; /* the text as it stands in the file, to compare with */
  slot *at;
  uint32_t cap;
  int32_t *code;
} dictionary;

static int32_t level_of(cx_arena *a, dictionary *d, const field *x) {
  uint32_t h = 2166136261u; /* FNV-1a */
  for (const char *p = x->p; p < x->q; p++) h = (h ^ (uint8_t)*p) * 16777619u;
  if (2 * (uint32_t)d->level.n >= d->cap) {
    uint32_t cap = d->cap ? 2 * d->cap : 64;
    slot *at = CX_NEW_N(a, slot, cap);
    for (uint32_t i = 0; i < d->cap; i++)
      if (d->at[i].level) {
        uint32_t k = d->at[i].hash & (cap - 1);
        while (at[k].level) k = (k + 1) & (cap - 1);
        at[k] = d->at[i];
      }
    d->at = at;
    d->cap = cap;
  }
  uint32_t k = h & (d->cap - 1);
  for (; d->at[k].level; k = (k + 1) & (d->cap - 1))
    if (d->at[k].hash == h) {
      const field *y = &d->raw.at[d->at[k].level - 1];
      if (cx_csv_same(x, y) && x->escaped == y->escaped) return d->at[k].level - 1;
    }
  *CX_PUSH(a, d->raw) = *x;
  *CX_PUSH(a, d->level) = cx_csv_unquote(a, x);
  d->at[k] = (slot){h, d->level.n};
  return d->level.n - 1;
}

static void read_words(table *t, const piece *k, int np, cx_column *out) {
  cx_arena *a = t->r->a;
  dictionary *d = CX_NEW_N(a, dictionary, t->ncol);
  field *x = CX_NEW_N(a, field, t->ncol);
  for (int c = 0; c < t->ncol; c++)
    if (t->words[c]) d[c].code = CX_NEW_N(a, int32_t, t->nrow);
  int64_t row = 0;
  for (int i = 0; i < np; i++)
    for (const char *p = k[i].beg; p < k[i].end;) {
      int lines;
      row_fault fault = ROW_OK;
      if (!cx_csv_row(t, &p, k[i].end, x, t->ncol, &lines, &fault)) continue;
      for (int c = 0; c < t->ncol; c++)
        if (d[c].code) d[c].code[row] = level_of(a, &d[c], &x[c]);
      row++;
    }
  for (int c = 0; c < t->ncol; c++)
    if (d[c].code) {
      out[c].array.type = CX_I32;
      out[c].array.data = d[c].code;
      out[c].array.level = d[c].level.at;
      out[c].array.nlevel = d[c].level.n;
    }
}

/* ---- the whole ---- */
static _Noreturn void fail_row(const table *t, const piece *k, bool header) {
  int64_t line = k->fault_line;
  const char *p = k->beg;
  int fields = 0;
  /* find the row again, to say how many fields it has */
  for (int64_t at = k->line; p < k->end && at <= line;) {
    int lines;
    row_fault fault = ROW_OK;
    field none;
    fields = cx_csv_row(t, &p, k->end, &none, 0, &lines, &fault);
    at += lines;
  }
  switch (k->fault) {
    case ROW_QUOTE:
      cx_read_fail(t->r, line, "write a quote inside a quoted field twice", "column %d: %s", k->fault_col + 1,
                   open_quote);
    case ROW_AFTER:
      cx_read_fail(t->r, line, "write a quote inside a quoted field twice", "column %d: %s", k->fault_col + 1,
                   after_quote);
    default:
      cx_read_fail(t->r, line, t->sep == ',' ? "quote a field that has a comma in it" : NULL,
                   "this row has %d field%s, but %s has %d", fields, fields == 1 ? "" : "s",
                   header ? "the header" : "the first row", t->ncol);
  }
}

cx_file *cx_read_csv(cx_reader *r) {
  cx_arena *a = r->a;
  table t;
  cx_csv_look(&t, r);

  /* a sample decides about header and decimal point */
  int *n = CX_NEW_N(a, int, SAMPLE_ROWS);
  sample s = {.n = n};
  const char *first = t.beg, *p = t.beg;
  int lines = 1;
  int64_t line = 1;
  row_fault fault = ROW_OK;
  do { /* the first row that is not blank */
    first = p;
    line += lines - 1;
    t.ncol = cx_csv_row(&t, &p, t.end, NULL, 0, &lines, &fault);
    if (!t.ncol) line++;
  } while (!t.ncol && p < t.end && !fault);
  if (fault) {
    cx_read_fail(r, line, "write a quote inside a quoted field twice", "%s",
                 fault == ROW_QUOTE ? open_quote : after_quote);
  }
  if (!t.ncol) cx_read_fail(r, 0, NULL, "the file is empty");
  if (t.ncol > MAX_COLUMNS) cx_read_fail(r, line, NULL, "this row has more than %d columns", MAX_COLUMNS);
  int width = t.ncol, most = (1 << 20) / width;
  most = most < 2 ? 2 : most > SAMPLE_ROWS ? SAMPLE_ROWS : most;
  s.x = CX_NEW_N(a, field, (size_t)width * (size_t)most);
  cx_csv_sample(&t, first, t.end, &s, width, most);
  if (t.sep == ';' && cx_csv_decimal_comma(&t, &s)) t.dec = ',';
  bool header = s.rows && cx_csv_has_header(&t, &s);

  cx_column *col = CX_NEW_N(a, cx_column, t.ncol);
  const char **name = CX_NEW_N(a, const char *, t.ncol);
  for (int c = 0; c < t.ncol; c++)
    name[c] = header && s.x[c].q > s.x[c].p ? cx_csv_unquote(a, &s.x[c]) : cx_format(a, "%d", c + 1);
  if (header) {
    for (int c = 0; c < t.ncol; c++) col[c].name = name[c];
    t.beg = p;
    line += lines;
  } else t.beg = first;

  piece *k = CX_NEW_N(a, piece, MAX_PIECES);
  t.quotes = false;
  int np = cut(&t, k, line);
  if (!t.nrow) cx_read_fail(r, 0, NULL, "it has a header but no rows");

  /* numbers: one block, column after column; the columns that the sample shows to be words have no place in it */
  size_t bytes = (size_t)(t.end - t.beg) + 1;
  bool ragged = (uint64_t)t.nrow > bytes / (uint64_t)t.ncol; /* a row takes ncol bytes at least, its break included */
  t.num = CX_NEW_N(a, double *, t.ncol);
  t.words = CX_NEW_N(a, atomic_bool, t.ncol);
  int nnum = 0;
  double v;
  for (int c = 0; c < t.ncol; c++) {
    bool words = false;
    for (int i = header; i < s.rows && !words; i++)
      words = c < s.n[i] && !cx_csv_number(&t, &s.x[(size_t)i * (size_t)width + (size_t)c], &v);
    atomic_init(&t.words[c], words);
    nnum += !words;
  }
  double *block = ragged || !nnum ? NULL : cx_alloc_n(a, (size_t)t.nrow * (size_t)nnum, sizeof(double));
  for (int c = 0, at = 0; c < t.ncol && block; c++)
    if (!t.words[c]) t.num[c] = block + (size_t)t.nrow * (size_t)at++;
  for_pieces(k, np, parse_piece);
  for (int i = 0; i < np; i++)
    if (k[i].fault) fail_row(&t, &k[i], header);

  bool any_words = false;
  for (int c = 0; c < t.ncol; c++) {
    cx_array x = cx_array_of(r, CX_F64, 1, &t.nrow, t.num[c]);
    x.first_line = k[0].line;
    x.line = t.line;
    x.column = &name[c];
    col[c].array = x;
    any_words |= t.words[c];
  }
  if (any_words) read_words(&t, k, np, col);
  cx_file *f = CX_NEW(a, cx_file);
  *f = (cx_file){.col = col, .ncol = t.ncol, .path = r->path, .is_table = true};
  return f;
}
