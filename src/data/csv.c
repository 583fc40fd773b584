/* csv.c - tables as text: separators , ; | tab or white space, quotes as in RFC 4180, a header or none.
 *
 * Two passes over the mapped file, both cut into pieces for the threads. The first counts rows, so that every
 * column gets its exact place; the second reads numbers straight into it, column by column. A column with a
 * field that is neither a number nor missing is a column of words: a third, sequential pass gives each
 * distinct word a number (its level). Where quotes may hide line breaks, the counting is sequential too.
 *
 * Fields are trimmed of blanks unless quoted. In tab-separated files a quote that is not closed at the field's
 * end is an ordinary character, and quotes hide no line breaks: texts there are rarely escaped. */
#include "data/read.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_THREADS
#include <pthread.h>
#endif

#define MAX_COLUMNS  (1 << 20)
#define MAX_PIECES   64
#define SAMPLE_ROWS  200
#define SAMPLE_BYTES (1 << 20)

typedef struct {
  const char *p, *q;    /* its text, between the quotes if it has them */
  bool quoted, escaped; /* escaped: "" inside stands for one " */
  int lines;            /* line breaks inside */
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

/* The field at p. Returns the separator or line break it ends at, or `end`. */
static const char *take(const table *t, const char *p, const char *end, field *x, row_fault *fault) {
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
      x->quoted = true;
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

/* From the end of a field: true when another one follows in this row, p then being where it starts. */
static inline bool more(const table *t, const char **p, const char *end) {
  if (*p == end || **p == t->nl) return false;
  *p += t->sep != ' ';
  return true;
}

/* A row's fields, up to `most` of them stored. Returns their number; *p becomes the next line. 0: a blank line. */
static int take_row(const table *t, const char **p, const char *end, field *x, int most, int *lines, row_fault *fault) {
  const char *s = skip(t, *p, end);
  int n = 0;
  *lines = 1;
  if (s < end && *s != t->nl) {
    field one;
    s = *p;
    do {
      s = take(t, s, end, n < most ? &x[n] : &one, fault);
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

static bool number(const table *t, const field *x, double *v) {
  const char *p = x->p, *q = x->q; /* quoted numbers may have blanks inside */
  while (p < q && blank(t, *p)) p++;
  while (q > p && blank(t, q[-1])) q--;
  if (cx_missing_word(p, (size_t)(q - p))) {
    *v = NAN;
    return true;
  }
  return cx_parse_number(p, q, t->dec, v) == q;
}

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
      p = take(t, p, end, &f, &k->fault);
      if (k->fault) break;
      lines += f.lines;
      if (t->num[col]) {
        if (number(t, &f, &x)) t->num[col][row] = x;
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

static _Noreturn void fail_binary(const cx_reader *r) {
  cx_read_fail(r, 0, "calx reads CSV, TSV and plain text, NPY, NPZ, IDX, PNG and JPEG, each known by its first bytes",
               "it is no text (there are zero bytes in it), nor any other format known here");
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
    if (k[i].zero) fail_binary(t->r);
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
      int fields = take_row(t, &p, t->end, &none, 0, &lines, &fault);
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

/* ---- what kind of table it is ---- */
/* The rows of a sample, field by field. n[i]: how many fields row i has. */
typedef struct {
  field *x;
  int width, rows, *n;
} sample;

static void take_sample(const table *t, const char *p, const char *end, sample *s, int width, int most) {
  s->width = width;
  s->rows = 0;
  const char *stop = (size_t)(end - p) > SAMPLE_BYTES ? p + SAMPLE_BYTES : end;
  while (p < stop && s->rows < most) {
    int lines;
    row_fault fault = ROW_OK;
    int n = take_row(t, &p, end, s->x ? s->x + (size_t)s->rows * (size_t)width : NULL, width, &lines, &fault);
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
    take_sample(t, p, end, &s, 0, SAMPLE_ROWS);
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

static bool same(const field *x, const field *y) {
  return x->q - x->p == y->q - y->p && !memcmp(x->p, y->p, (size_t)(x->q - x->p));
}

/* Is the first row a header? In a column of numbers a word on top says so. Where all columns are words, a header's
 * words are distinct, not empty, and do not occur again below. */
static bool has_header(const table *t, const sample *s) {
  double v;
  bool fresh = s->rows > 1;
  for (int c = 0; c < s->n[0] && c < s->width; c++) {
    const field *top = &s->x[c];
    bool numbers = s->rows > 1, any = false;
    for (int i = 1; i < s->rows && numbers; i++)
      if (c < s->n[i]) {
        const field *x = &s->x[(size_t)i * (size_t)s->width + (size_t)c];
        numbers = number(t, x, &v);
        any |= numbers && !isnan(v);
      }
    bool word = !number(t, top, &v);
    if (word && numbers && any) return true;
    fresh = fresh && word;
    for (int i = 1; i < s->rows && fresh; i++)
      fresh = !(c < s->n[i] && same(top, &s->x[(size_t)i * (size_t)s->width + (size_t)c]));
    for (int j = 0; j < c && fresh; j++) fresh = !same(top, &s->x[j]);
  }
  return fresh;
}

/* A comma as decimal point: only beside semicolons, and only when no number has a point. */
static bool decimal_comma(table *t, const sample *s) {
  int comma = 0, point = 0;
  double v;
  for (int i = 0; i < s->rows; i++)
    for (int c = 0; c < s->n[i] && c < s->width; c++) {
      const field *x = &s->x[(size_t)i * (size_t)s->width + (size_t)c];
      t->dec = ',';
      comma += memchr(x->p, ',', (size_t)(x->q - x->p)) && number(t, x, &v);
      t->dec = '.';
      point += memchr(x->p, '.', (size_t)(x->q - x->p)) && number(t, x, &v);
    }
  return comma && !point;
}

/* ---- words ---- */
static const char *unquote(cx_arena *a, const field *x) {
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
      if (same(x, y) && x->escaped == y->escaped) return d->at[k].level - 1;
    }
  *CX_PUSH(a, d->raw) = *x;
  *CX_PUSH(a, d->level) = unquote(a, x);
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
      if (!take_row(t, &p, k[i].end, x, t->ncol, &lines, &fault)) continue;
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
/* Everything up to the rows: marks, line breaks, separator, decimal point. */
static void look(table *t, cx_reader *r) {
  const char *p = (const char *)r->p, *end = p + r->n;
  if (r->n >= 2 && ((r->p[0] == 0xff && r->p[1] == 0xfe) || (r->p[0] == 0xfe && r->p[1] == 0xff)))
    cx_read_fail(r, 0, cx_format(r->a, "iconv -f UTF-16 -t UTF-8 %s > utf8.csv", r->path),
                 "it is UTF-16 text; calx reads UTF-8");
  if (r->n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) p += 3;
  *t = (table){.r = r, .beg = p, .end = end, .nl = '\n', .dec = '.', .quotes = true};
  size_t head = (size_t)(end - p) < SAMPLE_BYTES ? (size_t)(end - p) : SAMPLE_BYTES;
  if (memchr(p, 0, head)) fail_binary(r);
  if (!memchr(p, '\n', head) && memchr(p, '\r', head)) t->nl = '\r';
  size_t dot = strlen(r->path);
  while (dot && r->path[dot] != '.' && r->path[dot] != '/') dot--;
  const char *ext = r->path + dot;
  char sep = !strncmp(ext, ".tsv", 4) || !strncmp(ext, ".tab", 4) ? '\t' : find_separator(t, p, end);
  t->sep = sep;
}

static _Noreturn void fail_row(const table *t, const piece *k, bool header) {
  int64_t line = k->fault_line;
  const char *p = k->beg;
  int fields = 0;
  /* find the row again, to say how many fields it has */
  for (int64_t at = k->line; p < k->end && at <= line;) {
    int lines;
    row_fault fault = ROW_OK;
    field none;
    fields = take_row(t, &p, k->end, &none, 0, &lines, &fault);
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
  look(&t, r);

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
    t.ncol = take_row(&t, &p, t.end, NULL, 0, &lines, &fault);
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
  take_sample(&t, first, t.end, &s, width, most);
  if (t.sep == ';' && decimal_comma(&t, &s)) t.dec = ',';
  bool header = s.rows && has_header(&t, &s);

  cx_column *col = CX_NEW_N(a, cx_column, t.ncol);
  const char **name = CX_NEW_N(a, const char *, t.ncol);
  for (int c = 0; c < t.ncol; c++)
    name[c] = header && s.x[c].q > s.x[c].p ? unquote(a, &s.x[c]) : cx_format(a, "%d", c + 1);
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
      words = c < s.n[i] && !number(&t, &s.x[(size_t)i * (size_t)width + (size_t)c], &v);
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

bool cx_csv_is_numbers(cx_reader *r) {
  table t;
  look(&t, r);
  field x[64];
  int rows = 0;
  for (const char *p = t.beg; p < t.end && rows < 20; rows++) {
    int lines;
    row_fault fault = ROW_OK;
    int n = take_row(&t, &p, t.end, x, 64, &lines, &fault);
    if (!n) {
      rows--;
      continue;
    }
    double v;
    for (int c = 0; c < n && c < 64; c++)
      if (!number(&t, &x[c], &v)) return false;
  }
  return rows > 0;
}
