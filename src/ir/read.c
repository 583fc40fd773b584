/* read.c - the text of print.c back to a graph, node for node: nothing is simplified on the way.
 *
 *   line     = "input" ["const"] head | head "=" body | "let" "%" NUMBER "=" expr | "output" name | comment | nothing
 *   head     = name ["[" dims "]"] {"integer" | "inert" | "bounds" number ".." number}
 *   dims     = INDEX "<" SIZE ["(" name ")"] {"," ...}         indices counted on from i0
 *   body     = [("sum" | "prod" | "max" | "min" | "argmax" | "argmin") "(" dims ")"] expr | "prim" NAME "(" names ")"
 *   name     = plain or between backquotes, then ".ID" where several equations have it
 *   expr     = calx operators, if then else, op(args), name["[" subscripts "]"], i0 i1 ..., numbers, inf, nan, %1
 * A let belongs to the lines up to the next equation. "#" starts a comment.
 *
 * Two passes over the lines: heads first, so that a body may load what is defined below it. */
#include "ir/graph_int.h"
#include "ir/prims.h"
#include <limits.h>
#include <math.h>
#include <string.h>

enum { MAX_DEPTH = 1000 };

typedef struct {
  cx_sym key;
  uint32_t eq;
} entry;

typedef struct {
  cx_ctx *c;
  cx_arena *a;
  cx_graph *g;
  int32_t file;
  const char *text, *p, *end;
  entry *slot;
  int cap; /* equations by their name in the text: open addressing by pointer */
  CX_VEC(const cx_node *) let;
  int depth;
} reader;

_Noreturn static void fail(reader *r, const char *at, const char *what) {
  uint32_t b = (uint32_t)(at - r->text);
  cx_span where = {r->file, b, at < r->end ? b + 1 : b};
  cx_error(r->c, where, "%s", what);
  cx_throw(r->c, CX_E_PROGRAM);
}

/* ---- characters and words ---- */
static bool letter(char ch) {
  return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_' || (unsigned char)ch >= 0x80;
}
static bool digit(char ch) { return ch >= '0' && ch <= '9'; }

static void blanks(reader *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r')) r->p++;
}
static char peek(reader *r) {
  blanks(r);
  return r->p < r->end ? *r->p : '\n';
}
static bool at_end(reader *r) { return peek(r) == '\n' || *r->p == '#'; }
static void skip_line(reader *r) {
  const char *nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
  r->p = nl ? nl + 1 : r->end;
}
static void end_line(reader *r) {
  if (!at_end(r)) fail(r, r->p, "expected the end of the line");
  skip_line(r);
}

static int word_length(const reader *r, const char *p) {
  const char *s = p;
  if (s < r->end && letter(*s))
    while (s < r->end && (letter(*s) || digit(*s) || *s == '\'')) s++;
  return (int)(s - p);
}
static bool is_word(reader *r, const char *w) {
  blanks(r);
  int n = word_length(r, r->p);
  return n == (int)strlen(w) && !memcmp(r->p, w, (size_t)n);
}
static bool accept_word(reader *r, const char *w) {
  if (!is_word(r, w)) return false;
  r->p += strlen(w);
  return true;
}
static bool accept(reader *r, const char *s) {
  blanks(r);
  size_t n = strlen(s);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, s, n)) return false;
  r->p += n;
  return true;
}
static void expect(reader *r, const char *s) {
  if (!accept(r, s)) fail(r, r->p, cx_format(r->a, "expected `%s`", s));
}

static int64_t whole(reader *r, int64_t max) {
  blanks(r);
  const char *at = r->p;
  int64_t v = 0;
  if (r->p == r->end || !digit(*r->p)) fail(r, at, "expected a whole number");
  for (; r->p < r->end && digit(*r->p); r->p++)
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *r->p - '0', &v) || v > max)
      fail(r, at, "this number is too large");
  return v;
}

/* digits [. digits] [e digits], never the first dot of `..` */
static double number(reader *r) {
  blanks(r);
  const char *s = r->p, *p = s;
  double v;
  while (p < r->end && digit(*p)) p++;
  if (p + 1 < r->end && *p == '.' && digit(p[1]))
    for (p++; p < r->end && digit(*p);) p++;
  if (p < r->end && (*p == 'e' || *p == 'E')) {
    const char *q = p + 1;
    if (q < r->end && (*q == '-' || *q == '+')) q++;
    if (q < r->end && digit(*q)) {
      while (q < r->end && digit(*q)) q++;
      p = q;
    }
  }
  if (!cx_read_double(s, (size_t)(p - s), &v)) fail(r, s, "expected a number");
  r->p = p;
  return v;
}
static bool starts_number(reader *r) { return digit(peek(r)) || is_word(r, "inf") || is_word(r, "nan"); }
static double unsigned_number(reader *r) {
  if (accept_word(r, "inf")) return INFINITY;
  if (accept_word(r, "nan")) return NAN;
  return number(r);
}
static double signed_number(reader *r) {
  bool minus = accept(r, "-");
  double v = unsigned_number(r);
  return minus ? -v : v;
}

static int hex(char ch) { return digit(ch) ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1; }

static cx_sym quoted(reader *r) {
  const char *at = r->p++;
  cx_buf b = {.arena = r->a};
  for (;; r->p++) {
    if (r->p == r->end || *r->p == '\n') fail(r, at, "this name does not end");
    if (*r->p == '`') break;
    char ch = *r->p;
    if (ch == '\\') {
      int hi = r->end - r->p > 2 ? hex(r->p[1]) : -1, lo = hi >= 0 ? hex(r->p[2]) : -1;
      if (lo < 0 || hi + lo == 0) fail(r, r->p, "expected two hexadecimal digits, not both 0");
      ch = (char)(hi * 16 + lo);
      r->p += 2;
    }
    if (!ch) fail(r, r->p, "a name cannot contain a zero byte");
    cx_put(&b, &ch, 1);
  }
  r->p++;
  if (!b.n) fail(r, at, "a name cannot be empty");
  return cx_intern(r->c, b.at, (size_t)b.n);
}

static cx_sym a_name(reader *r) {
  if (peek(r) == '`') return quoted(r);
  int n = word_length(r, r->p);
  if (!n) fail(r, r->p, "expected a name");
  r->p += n;
  return cx_intern(r->c, r->p - n, (size_t)n);
}

/* the name of an equation; *key: with the number that tells it from its namesakes */
static cx_sym eq_name(reader *r, cx_sym *key) {
  cx_sym name = a_name(r);
  *key = name;
  if (r->end - r->p > 1 && r->p[0] == '.' && digit(r->p[1])) {
    r->p++;
    const char *s = cx_format(r->a, "%s\n%lld", name, (long long)whole(r, INT_MAX)); /* no name has a line end in it */
    *key = cx_intern_z(r->c, s);
  }
  return name;
}

/* ---- the equations by name ---- */
static entry *place(const reader *r, cx_sym key) {
  uint64_t h = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u;
  int i = (int)(h >> 33) & (r->cap - 1);
  while (r->slot[i].key && r->slot[i].key != key) i = (i + 1) & (r->cap - 1);
  return &r->slot[i];
}

static void add_name(reader *r, cx_sym key, uint32_t eq) {
  if (2 * r->g->neq >= r->cap) {
    entry *old = r->slot;
    int n = r->cap;
    r->cap = n ? 2 * n : 64;
    r->slot = CX_NEW_N(r->a, entry, r->cap);
    for (int i = 0; i < n; i++)
      if (old[i].key) *place(r, old[i].key) = old[i];
  }
  *place(r, key) = (entry){key, eq};
}

static cx_eq *look_up(reader *r) {
  cx_sym key;
  blanks(r);
  const char *at = r->p;
  cx_sym name = eq_name(r, &key);
  entry *e = r->cap ? place(r, key) : NULL;
  if (e && e->key) return r->g->eq[e->eq];
  fail(r, at, cx_format(r->a, "no equation is called `%s`", name));
}

/* ---- expressions ---- */
static const cx_node *expr(reader *r, int min);

static const cx_node *raw(reader *r, cx_op op, const cx_node *x, const cx_node *y) {
  const cx_node *arg[2] = {x, y};
  return cx_raw(r->g, op, arg, y ? 2 : 1);
}

static const cx_node *load(reader *r) {
  const char *at = r->p;
  const cx_eq *e = look_up(r);
  const cx_node *sub[CX_MAX_RANK];
  int n = 0;
  if (accept(r, "[")) {
    do {
      if (n == CX_MAX_RANK) fail(r, r->p, "too many subscripts");
      sub[n++] = expr(r, PREC_IF);
    } while (accept(r, ","));
    expect(r, "]");
  }
  if (n != e->rank) fail(r, at, cx_format(r->a, "`%s` has %d dimensions, not %d", e->name, e->rank, n));
  return cx_load(r->g, e->id, sub, n);
}

static const cx_node *call(reader *r) {
  const char *at = r->p;
  int len = word_length(r, at), n = 0;
  const cx_node *arg[3];
  r->p += len;
  expect(r, "(");
  do {
    if (n == 3) fail(r, r->p, "no op takes more than three arguments");
    arg[n++] = expr(r, PREC_IF);
  } while (accept(r, ","));
  expect(r, ")");
  int op = cx_op_find(cx_strdup(r->a, at, (size_t)len), n);
  if (op == OP_none) fail(r, at, cx_format(r->a, "there is no op %.*s of %d arguments", len, at, n));
  return cx_raw(r->g, op, arg, n);
}

static bool index_word(const reader *r, const char *p, int n) {
  if (n < 2 || *p != 'i') return false;
  for (int i = 1; i < n; i++)
    if (!digit(p[i])) return false;
  return p + n <= r->end;
}

static const cx_node *atom(reader *r) {
  char ch = peek(r);
  if (ch == '(') {
    r->p++;
    const cx_node *e = expr(r, PREC_IF);
    expect(r, ")");
    return e;
  }
  if (ch == '%') {
    const char *at = r->p++;
    int64_t k = whole(r, INT_MAX);
    if (k < 1 || k > r->let.n) fail(r, at, "no let above has this number");
    return r->let.at[k - 1];
  }
  if (starts_number(r)) return cx_const(r->g, unsigned_number(r));
  int n = word_length(r, r->p);
  if (index_word(r, r->p, n)) {
    r->p++;
    return cx_index(r->g, whole(r, CX_FREE - 1));
  }
  if (n && r->p + n < r->end && r->p[n] == '(') return call(r);
  if (n || ch == '`') return load(r);
  fail(r, r->p, "expected an expression");
}

static const cx_node *prefix(reader *r, int min) {
  if (peek(r) == '-') {
    r->p++;
    if (!starts_number(r)) return raw(r, OP_neg, expr(r, PREC_NEG), NULL);
    double v = unsigned_number(r);
    if (peek(r) != '^') return cx_const(r->g, -v); /* a constant; -2^x is the negative of a power */
    r->p++;
    return raw(r, OP_neg, raw(r, OP_pow, cx_const(r->g, v), expr(r, PREC_POW)), NULL);
  }
  if (min <= PREC_NOT && accept_word(r, "not")) return raw(r, OP_not, expr(r, PREC_NOT), NULL);
  if (min <= PREC_IF && accept_word(r, "if")) {
    const cx_node *arg[3];
    arg[0] = expr(r, PREC_IF);
    if (!accept_word(r, "then")) fail(r, r->p, "expected `then`");
    arg[1] = expr(r, PREC_IF);
    if (!accept_word(r, "else")) fail(r, r->p, "expected `else`");
    arg[2] = expr(r, PREC_IF);
    return cx_raw(r->g, OP_select, arg, 3);
  }
  return atom(r);
}

static const cx_infix *operator(reader *r) {
  blanks(r);
  int n = word_length(r, r->p);
  const cx_infix *best = NULL;
  for (const cx_infix *f = cx_infixes; f->text; f++) {
    size_t len = strlen(f->text);
    if (n ? n != (int)len : (size_t)(r->end - r->p) < len) continue;
    if (!memcmp(r->p, f->text, len) && (!best || len > strlen(best->text))) best = f;
  }
  return best;
}

/* precedence climbing: operators that bind at least as tightly as min */
static const cx_node *expr(reader *r, int min) {
  if (++r->depth > MAX_DEPTH) fail(r, r->p, "brackets nest too deeply");
  const cx_node *x = prefix(r, min);
  for (;;) {
    blanks(r);
    /* a > b is b < a */
    bool greater = r->p < r->end && *r->p == '>' && min <= PREC_CMP;
    const cx_infix *f = greater ? NULL : operator(r);
    if (!greater && (!f || f->prec < min)) break;
    if (greater) {
      bool equal = accept(r, ">=");
      if (!equal) r->p++;
      x = raw(r, equal ? OP_le : OP_lt, expr(r, PREC_CMP + 1), x);
    } else {
      r->p += strlen(f->text);
      const cx_node *y = expr(r, f->right ? f->prec : f->prec + 1);
      x = raw(r, f->op, x, y);
    }
  }
  r->depth--;
  return x;
}

/* ---- lines ---- */
/* INDEX < SIZE (name), ... counted from slot; false (nothing read) where the text is something else */
static bool dims(reader *r, cx_dim *d, uint8_t *count, int slot, bool must) {
  const char *start = r->p;
  int n = 0;
  do {
    blanks(r);
    const char *at = r->p;
    int len = word_length(r, at);
    bool ok = index_word(r, at, len);
    if (ok) {
      r->p++;
      ok = whole(r, INT64_MAX) == slot + n && accept(r, "<") && digit(peek(r));
    }
    if (!ok) {
      if (must) fail(r, at, cx_format(r->a, "expected `i%d < ` and a size", slot + n));
      r->p = start;
      return false;
    }
    if (n == CX_MAX_RANK) fail(r, at, "too many indices");
    d[n] = (cx_dim){whole(r, INT64_MAX), NULL};
    if (accept(r, "(")) {
      d[n].name = a_name(r);
      expect(r, ")");
    }
    n++;
  } while (accept(r, ","));
  *count = (uint8_t)n;
  return true;
}

static cx_eq *head(reader *r, cx_eq_kind kind) {
  cx_sym key;
  blanks(r);
  const char *at = r->p;
  cx_sym name = eq_name(r, &key);
  if (r->cap && place(r, key)->key) fail(r, at, cx_format(r->a, "`%s` is defined twice", name));
  cx_eq *e = cx_eq_new(r->g, name, kind);
  e->span = (cx_span){r->file, (uint32_t)(at - r->text), (uint32_t)(r->p - r->text)};
  add_name(r, key, e->id);
  if (accept(r, "[")) {
    dims(r, e->dim, &e->rank, 0, true);
    expect(r, "]");
  }
  for (;;) {
    if (accept_word(r, "integer")) e->integer = true;
    else if (accept_word(r, "inert")) e->inert = true;
    else if (accept_word(r, "real")) continue;
    else if (accept_word(r, "bounds")) {
      e->lo = signed_number(r);
      expect(r, "..");
      e->hi = signed_number(r);
    } else return e;
  }
}

/* A reduction, or nothing. max(i0 < 2, i1 < 3) with the indices after the equation's own is one: as arguments of the op
 * they would be indices that the equation does not have. */
static void reduction(reader *r, cx_eq *e) {
  blanks(r);
  const char *start = r->p;
  for (int red = RED_sum; red < RED_COUNT; red++) {
    if (!is_word(r, cx_red_name[red])) continue;
    r->p += strlen(cx_red_name[red]);
    if (accept(r, "(") && dims(r, e->rdim, &e->nred, e->rank, false) && accept(r, ")")) {
      e->red = (uint8_t)red;
      return;
    }
    memset(e->rdim, 0, sizeof e->rdim);
    e->nred = 0;
    r->p = start;
    return;
  }
}

static void primitive(reader *r, cx_eq *e) {
  blanks(r);
  const char *at = r->p;
  e->kind = EQ_PRIM;
  e->prim = cx_prim_find(a_name(r));
  if (!e->prim) fail(r, at, "no primitive has this name");
  if (!e->prim->shape)
    fail(r, at,
         cx_format(r->a,
                   "`%s` has equations of its own, which are not part of this text: take the equations from "
                   "before the pass that makes it, `calx dump FILE --after separate`",
                   e->prim->name));
  expect(r, "(");
  if (!accept(r, ")")) {
    do {
      if (e->nprim_arg == CX_PRIM_ARGS) fail(r, r->p, "no primitive takes so many arguments");
      e->prim_arg[e->nprim_arg++] = look_up(r)->id;
    } while (accept(r, ","));
    expect(r, ")");
  }
}

static void read_all(reader *r) {
  CX_VEC(uint32_t) body = {0}; /* where the right-hand side of each equation begins; 0: an input */
  while (r->p < r->end) {
    uint32_t at = 0;
    if (at_end(r) || is_word(r, "let") || is_word(r, "output")) {
      skip_line(r);
      continue;
    }
    if (accept_word(r, "input")) {
      bool node = accept_word(r, "node"), constant = accept_word(r, "const");
      cx_eq *e = head(r, EQ_INPUT);
      e->constant = constant;
      e->node = node;
      if (!at_end(r)) fail(r, r->p, "expected the end of the line");
    } else {
      head(r, EQ_CALC);
      expect(r, "=");
      at = (uint32_t)(r->p - r->text);
    }
    *CX_PUSH(r->a, body) = at;
    skip_line(r);
  }
  int next = 0;
  for (r->p = r->text; r->p < r->end;) {
    r->depth = 0;
    if (at_end(r)) {
      skip_line(r);
      continue;
    }
    if (accept_word(r, "output")) cx_graph_output(r->g, look_up(r)->id);
    else if (accept_word(r, "let")) {
      expect(r, "%");
      const char *at = r->p;
      if (whole(r, INT_MAX) != r->let.n + 1) fail(r, at, cx_format(r->a, "the next let is number %d", r->let.n + 1));
      expect(r, "=");
      const cx_node *e = expr(r, PREC_IF);
      *CX_PUSH(r->a, r->let) = e;
    } else {
      uint32_t at = body.at[next];
      cx_eq *e = r->g->eq[next++];
      if (!at) {
        skip_line(r);
        continue;
      }
      r->p = r->text + at;
      if (accept_word(r, "prim")) primitive(r, e);
      else {
        reduction(r, e);
        e->body = expr(r, PREC_IF);
      }
      r->let.n = 0;
    }
    end_line(r);
  }
  const char *why = cx_verify(r->g);
  if (why) fail(r, r->text, why);
}

cx_graph *cx_graph_read(cx_ctx *c, cx_arena *a, int32_t file) {
  size_t n;
  reader *r = CX_NEW(a, reader);
  r->c = c;
  r->a = a;
  r->g = cx_graph_new(c, a);
  r->file = file;
  r->text = r->p = cx_source_text(c, file, &n);
  r->end = r->text + n;
  cx_frame f;
  CX_TRY(c, f) {
    read_all(r);
    CX_END(c, f);
    return r->g;
  }
  if (f.status != CX_E_PROGRAM) cx_throw(c, f.status);
  return NULL;
}
