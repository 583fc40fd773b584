/* diag.c - sources, diagnostics, and how they are shown:
 *
 *   wine.calx:3:11: error: nothing defines `alpa`
 *     3 | print 2 * alpa
 *       |           ^^^^
 *     1 | alpha = 3
 *       | ----- a similar name
 *     help: did you mean `alpha`?                                                     */
#include "base/ctx.h"
#include <stdio.h>
#include <string.h>

/* ---- sources ---- */

int32_t cx_source_add(cx_ctx *c, const char *name, const char *text, size_t n) {
  size_t sort = n; /* the library, and whatever else is read again and again, is kept once */
  for (size_t i = 0; i < n && i < 16; i++) sort = sort * 31 + (unsigned char)text[i];
  int *latest = &c->latest[sort % 256];
  for (int k = *latest - 1; k >= 0; k = c->sources.at[k].like) {
    const cx_source *s = &c->sources.at[k];
    if (s->n == n && !strcmp(s->name, name) && !memcmp(s->text, text, n)) return k;
  }
  if (n > UINT32_MAX - 64) {
    cx_diag(c, CX_ERROR, CX_E_PROGRAM, CX_NOSPAN, "`%s` is larger than a program may be (4 GB)", name);
    cx_throw(c, CX_E_PROGRAM);
  }
  cx_source s = {.name = cx_strdup(c->arena, name, strlen(name)), .text = cx_strdup(c->arena, text, n), .n = n};
  *CX_PUSH(c->arena, s.lines) = 0;
  for (size_t i = 0; i < n; i++) { /* a line ends at LF, CR LF or a lone CR */
    if (text[i] != '\n' && text[i] != '\r') continue;
    if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') i++;
    *CX_PUSH(c->arena, s.lines) = (uint32_t)(i + 1);
  }
  s.like = *latest - 1;
  *CX_PUSH(c->arena, c->sources) = s;
  return (*latest = c->sources.n) - 1;
}

static const cx_source *source(const cx_ctx *c, int32_t file) {
  return file >= 0 && file < c->sources.n ? &c->sources.at[file] : NULL;
}

const char *cx_source_name(const cx_ctx *c, int32_t file) {
  const cx_source *s = source(c, file);
  return s ? s->name : "";
}

const char *cx_source_text(const cx_ctx *c, int32_t file, size_t *n) {
  const cx_source *s = source(c, file);
  if (n) *n = s ? s->n : 0;
  return s ? s->text : "";
}

/* the number of the line from 0, and where it starts and ends (without its line end) */
static int line_at(const cx_source *s, uint32_t byte, size_t *beg, size_t *end) {
  int lo = 0, hi = s->lines.n;
  while (hi - lo > 1) {
    int mid = lo + (hi - lo) / 2;
    if (s->lines.at[mid] <= byte) lo = mid;
    else hi = mid;
  }
  *beg = s->lines.at[lo];
  *end = lo + 1 < s->lines.n ? s->lines.at[lo + 1] : s->n;
  while (*end > *beg && (s->text[*end - 1] == '\n' || s->text[*end - 1] == '\r')) --*end;
  if (lo == 0 && *end >= 3 && memcmp(s->text, "\xEF\xBB\xBF", 3) == 0) *beg = 3; /* a BOM is no text */
  return lo;
}

void cx_source_pos(const cx_ctx *c, int32_t file, uint32_t byte, int *line, int *column) {
  const cx_source *s = source(c, file);
  *line = *column = 0;
  if (!s) return;
  size_t beg, end;
  *line = line_at(s, byte, &beg, &end) + 1;
  *column = 1;
  if (end > byte) end = byte;
  for (; beg < end; beg++) *column += ((unsigned char)s->text[beg] & 0xC0) != 0x80; /* not the inside of a character */
}

cx_span cx_span_join(cx_span a, cx_span b) {
  if (a.file < 0 || a.file != b.file) return a.file < 0 ? b : a;
  return (cx_span){a.file, a.beg < b.beg ? a.beg : b.beg, a.end > b.end ? a.end : b.end};
}

/* ---- the list ---- */

void cx_note_out_of_memory(cx_ctx *c, size_t wanted) {
  if (c->oom_at >= 0) return;
  bool much = wanted >= 1000000; /* one large piece; else many small ones have used it up */
  snprintf(c->oom_text, sizeof c->oom_text, much ? "out of memory: %.1f %s more were needed" : "out of memory",
           (double)wanted / (wanted < 1000000000 ? 1e6 : 1e9), wanted < 1000000000 ? "MB" : "GB");
  c->oom = (cx_diag_rec){.sev = CX_ERROR, .code = CX_E_RUNTIME, .where = CX_NOSPAN, .message = c->oom_text};
  c->oom_at = c->diag_count;
  c->diags[c->diag_count++] = &c->oom;
}

/* What a message quotes may be of any length; the middle of what nobody would read is left out. */
static char *readable(cx_arena *a, char *text) {
  enum { MOST = 1200, KEPT = 500 };
  size_t n = strlen(text), head = KEPT, tail = n - KEPT;
  if (n <= MOST) return text;
  while ((text[head] & 0xC0) == 0x80) head--;
  while ((text[tail] & 0xC0) == 0x80) tail++;
  return cx_format(a, "%.*s … %s", (int)head, text, text + tail);
}

static void add(cx_ctx *c, cx_severity sev, cx_status code, cx_span where, const char *fmt, va_list ap) {
  if (!c->diag_arena) cx_arena_keep(c->diag_arena = cx_arena_new(c));
  if (c->diag_count + 2 > c->diag_cap) { /* one for this, one for running out of memory */
    cx_diag_rec **more = CX_NEW_N(c->diag_arena, cx_diag_rec *, 2 * c->diag_cap);
    memcpy(more, c->diags, (size_t)c->diag_count * sizeof *more);
    c->diags = more;
    c->diag_cap *= 2;
  }
  cx_diag_rec *d = CX_NEW(c->diag_arena, cx_diag_rec);
  *d = (cx_diag_rec){.sev = sev, .code = code, .where = where};
  d->message = readable(c->diag_arena, cx_vformat(c->diag_arena, fmt, ap));
  d->last_label = &d->labels;
  c->diags[c->diag_count++] = d;
}

int cx_diag(cx_ctx *c, cx_severity sev, cx_status code, cx_span where, const char *fmt, ...) {
  cx_frame f;
  va_list ap;
  va_start(ap, fmt);
  CX_TRY(c, f) {
    add(c, sev, code, where, fmt, ap);
    CX_END(c, f);
  }
  va_end(ap);
  return f.status ? c->oom_at : c->diag_count - 1;
}

/* the diagnostic that may still be added to, or NULL */
static cx_diag_rec *open_diag(cx_ctx *c, int diag) {
  return diag >= 0 && diag < c->diag_count && diag != c->oom_at ? c->diags[diag] : NULL;
}

void cx_diag_label(cx_ctx *c, int diag, cx_span where, const char *fmt, ...) {
  cx_diag_rec *d = open_diag(c, diag);
  if (!d) return;
  cx_frame f;
  va_list ap;
  va_start(ap, fmt);
  CX_TRY(c, f) {
    cx_label *l = CX_NEW(c->diag_arena, cx_label);
    *l = (cx_label){NULL, where, readable(c->diag_arena, cx_vformat(c->diag_arena, fmt, ap))};
    *d->last_label = l;
    d->last_label = &l->next;
    CX_END(c, f);
  }
  va_end(ap);
}

void cx_diag_move(cx_ctx *c, int diag, cx_span where, const char *was) {
  cx_diag_rec *d = open_diag(c, diag);
  if (!d) return;
  cx_diag_label(c, diag, d->where, "%s", was);
  d->where = where;
}

void cx_diag_help(cx_ctx *c, int diag, const char *fmt, ...) {
  cx_diag_rec *d = open_diag(c, diag);
  if (!d) return;
  cx_frame f;
  va_list ap;
  va_start(ap, fmt);
  CX_TRY(c, f) {
    const char *text = readable(c->diag_arena, cx_vformat(c->diag_arena, fmt, ap));
    d->help = d->help ? cx_format(c->diag_arena, "%s\n%s", d->help, text) : text;
    CX_END(c, f);
  }
  va_end(ap);
}

int cx_diag_count(const cx_ctx *c) { return c->diag_count; }

int cx_error_count(const cx_ctx *c) {
  int n = 0;
  for (int i = 0; i < c->diag_count; i++) n += c->diags[i]->sev == CX_ERROR;
  return n;
}

void cx_diag_clear(cx_ctx *c) {
  cx_arena_free(c->diag_arena);
  c->diag_arena = NULL;
  c->diags = c->diag_inline;
  c->diag_cap = CX_DIAG_INLINE;
  c->diag_count = 0;
  c->oom_at = -1;
}

void cx_diag_forget(cx_ctx *c, int from) {
  if (c->oom_at < from && from < c->diag_count) c->diag_count = from;
}

void cx_diag_sort(cx_ctx *c, int from) {
  for (int i = from + 1; i < c->diag_count; i++) {
    cx_diag_rec *d = c->diags[i];
    if (c->oom_at >= from && i >= c->oom_at) return; /* its number is kept */
    int j = i;
    for (; j > from && c->diags[j - 1]->where.file == d->where.file && c->diags[j - 1]->where.beg > d->where.beg; j--)
      c->diags[j] = c->diags[j - 1];
    c->diags[j] = d;
  }
}

cx_status cx_diag_status(const cx_ctx *c) {
  for (int i = 0; i < c->diag_count; i++)
    if (c->diags[i]->sev == CX_ERROR) return c->diags[i]->code;
  return CX_OK;
}

bool cx_ran_out(const cx_ctx *c) { return c->oom_at >= 0; }

cx_diag_view cx_diag_get(const cx_ctx *c, int diag) {
  if (diag < 0 || diag >= c->diag_count) return (cx_diag_view){CX_NOTE, CX_OK, CX_NOSPAN, "", NULL};
  const cx_diag_rec *d = c->diags[diag];
  return (cx_diag_view){d->sev, d->code, d->where, d->message, d->help};
}

/* ---- rendering ---- */

enum { WIDE = 110, BEFORE = 40, TAB = 4 }; /* a longer line is cut to a window around the span */

typedef struct {
  const char *reset, *bold, *gutter, *mark, *second, *help;
} palette;

typedef struct {
  const cx_source *s;
  size_t beg, end; /* the part of the line shown */
  bool cut_left, cut_right;
  int line; /* from 1 */
} window;

static size_t step_back(const char *text, size_t from, size_t least, int chars) {
  for (; chars > 0 && from > least; chars--) {
    from--;
    for (int k = 0; k < 3 && from > least && ((unsigned char)text[from] & 0xC0) == 0x80; k++) from--;
  }
  return from;
}

static size_t step_on(const char *text, size_t from, size_t most, int chars) {
  uint32_t cp;
  for (; chars > 0 && from < most; chars--) from += (size_t)cx_utf8(text + from, text + most, &cp);
  return from;
}

static window window_of(const cx_source *s, cx_span where) {
  window w = {.s = s};
  size_t beg, end;
  w.line = line_at(s, where.beg, &beg, &end) + 1;
  w.beg = beg;
  w.end = end;
  if (step_on(s->text, beg, end, WIDE) < end) {
    size_t at = where.beg < beg ? beg : where.beg > end ? end : where.beg;
    w.beg = step_back(s->text, at, beg, BEFORE);
    w.end = step_on(s->text, w.beg, end, WIDE);
    w.beg = w.end == end ? step_back(s->text, end, beg, WIDE) : w.beg;
    w.cut_left = w.beg > beg;
    w.cut_right = w.end < end;
  }
  return w;
}

/* How the character at s is shown: its bytes may be replaced, so that nothing in a program commands the terminal. */
static int shown(const char *s, const char *end, const char **as, int *bytes, int *width) {
  uint32_t cp;
  int n = cx_utf8(s, end, &cp);
  bool strange = cp == 0xFFFFFFFFu || cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x2028 && cp <= 0x202E) ||
                 (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
  *as = cp == '\t' ? "    " : strange ? "\xEF\xBF\xBD" : s;
  *bytes = cp == '\t' ? TAB : strange ? 3 : n;
  *width = cp == '\t' ? TAB : strange ? 1 : cx_char_width(cp);
  return n;
}

static void put_times(cx_buf *b, char ch, int n) {
  for (; n > 0; n--) cx_put(b, &ch, 1);
}

static void put_line(cx_buf *b, const window *w, int gutter, const palette *p) {
  cx_putf(b, "%s%*d |%s ", p->gutter, gutter, w->line, p->reset);
  if (w->cut_left) cx_puts(b, "\xE2\x80\xA6");
  const char *text = w->s->text, *as;
  int bytes, width;
  for (size_t i = w->beg; i < w->end;) {
    i += (size_t)shown(text + i, text + w->end, &as, &bytes, &width);
    cx_put(b, as, (size_t)bytes);
  }
  if (w->cut_right) cx_puts(b, "\xE2\x80\xA6");
  while (b->at[b->n - 1] == ' ') b->at[--b->n] = 0;
  cx_puts(b, "\n");
}

static void put_marks(cx_buf *b, const window *w, cx_span where, char mark, const char *label, int gutter,
                      const palette *p) {
  cx_putf(b, "%s%*s |%s ", p->gutter, gutter, "", p->reset);
  const char *text = w->s->text, *as;
  int bytes, width, before = w->cut_left, marks = 0;
  for (size_t i = w->beg; i < w->end && i < where.end;) {
    size_t at = i;
    i += (size_t)shown(text + i, text + w->end, &as, &bytes, &width);
    if (i <= where.beg) before += width;
    else if (at < where.end) marks += width;
  }
  if (where.end <= where.beg) { /* an empty span points between two characters */
    before = w->cut_left;
    for (size_t i = w->beg; i < w->end && i < where.beg;) {
      i += (size_t)shown(text + i, text + w->end, &as, &bytes, &width);
      before += width;
    }
  }
  put_times(b, ' ', before);
  cx_puts(b, mark == '^' ? p->mark : p->second);
  put_times(b, mark, marks ? marks : 1);
  if (*label) cx_putf(b, " %s", label);
  cx_putf(b, "%s\n", p->reset);
}

static int digits(int n) {
  int d = 1;
  for (; n >= 10; n /= 10) d++;
  return d;
}

char *cx_diag_render(cx_ctx *c, cx_arena *a, int diag, bool color) {
  static const palette plain = {"", "", "", "", "", ""};
  static const char *const names[] = {"error", "warning", "note"};
  static const char *const colors[] = {"\x1b[1;31m", "\x1b[1;35m", "\x1b[1;36m"};
  cx_buf b = {.arena = a};
  cx_put(&b, "", 0);
  if (diag < 0 || diag >= c->diag_count) return b.at;
  const cx_diag_rec *d = c->diags[diag];
  palette p = plain;
  if (color) p = (palette){"\x1b[0m", "\x1b[1m", "\x1b[34m", colors[d->sev], "\x1b[1;34m", "\x1b[1;32m"};
  const cx_source *s = source(c, d->where.file);
  int line, column;
  cx_puts(&b, p.bold);
  if (s) {
    cx_source_pos(c, d->where.file, d->where.beg, &line, &column);
    cx_putf(&b, "%s:%d:%d: ", s->name, line, column);
  }
  cx_putf(&b, "%s%s:%s%s %s%s\n", p.mark, names[d->sev], p.reset, p.bold, d->message, p.reset);
  int gutter = 1;
  window first = {0};
  if (s) {
    first = window_of(s, d->where);
    gutter = digits(first.line);
  }
  for (const cx_label *l = d->labels; l; l = l->next) {
    if (!source(c, l->where.file)) continue;
    cx_source_pos(c, l->where.file, l->where.beg, &line, &column);
    if (digits(line) > gutter) gutter = digits(line);
  }
  gutter += 2;
  if (s) {
    put_line(&b, &first, gutter, &p);
    put_marks(&b, &first, d->where, '^', "", gutter, &p);
  }
  window last = first;
  for (const cx_label *l = d->labels; l; l = l->next) {
    const cx_source *ls = source(c, l->where.file);
    if (!ls) {
      cx_putf(&b, "  %s\n", l->text);
      continue;
    }
    window w = window_of(ls, l->where);
    if (w.s != last.s || w.line != last.line || w.cut_left || w.cut_right) { /* else it marks the line just shown */
      if (w.s != last.s) {
        cx_source_pos(c, l->where.file, l->where.beg, &line, &column);
        cx_putf(&b, "  %s:%d:%d:\n", ls->name, line, column);
      }
      put_line(&b, &w, gutter, &p);
    }
    put_marks(&b, &w, l->where, '-', l->text, gutter, &p);
    last = w;
  }
  for (const char *h = d->help; h && *h;) {
    size_t n = strcspn(h, "\n");
    cx_putf(&b, "  %shelp:%s %.*s\n", p.help, p.reset, (int)n, h);
    h += n + (h[n] == '\n');
  }
  return b.at;
}
