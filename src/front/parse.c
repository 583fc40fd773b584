/* parse.c - what every part of the parser shares, and the program as a list of statements.
 *
 * Line ends. A token knows whether it is the first on its line. In infix position, outside ( and [, such a token ends
 * the statement (cx_look says T_NEWLINE), save `then` and `else`; in operand position it does not, so a line that
 * ends with an operator goes on. That is the whole rule.
 *
 * Errors. The first error of a statement leaves through cx_throw to its statement(), which skips to where the next
 * one begins; what else depends on the names it would have defined can still be checked. */
#include "front/parse_stmt.h"
#include "ir/ir.h"
#include <string.h>

/* ---- tokens ---- */

static bool first_on_line(const cx_parser *p, int i) { return p->t[i].flags & TF_NEWLINE; }

int cx_look(const cx_parser *p) {
  int kind = p->t[p->i].kind;
  if (p->nest == 0 && first_on_line(p, p->i) && kind != T_EOF && kind != T_THEN && kind != T_ELSE) return T_NEWLINE;
  return kind;
}

cx_span cx_token_span(const cx_parser *p, int i) { return (cx_span){p->file, p->t[i].beg, p->t[i].end}; }

cx_sym cx_name_at(const cx_parser *p, int i) { return cx_token_name(p->ctx, p->arena, p->text, &p->t[i]); }

static bool unclosed(const cx_parser *p) { return p->open >= 0 && p->t[p->open].match < 0; }

bool cx_is_statement_word(int kind) { return kind >= T_DATA && kind <= T_DISTRIBUTION && kind != T_TO && kind != T_BY; }

/* after the name at i: name = | name ~ | name[..] = | name(..) ~ and so on */
bool cx_defines(const cx_parser *p, int i) {
  int j = i + 1;
  if (p->t[j].kind == T_LPAREN || p->t[j].kind == T_LBRACKET) {
    if (p->t[j].match < 0 || first_on_line(p, j)) return false;
    j = p->t[j].match + 1;
  }
  return (p->t[j].kind == T_ASSIGN || p->t[j].kind == T_TILDE) && !first_on_line(p, j);
}

bool cx_starts_statement(const cx_parser *p, int i) {
  if (!first_on_line(p, i) || i == p->start || !cx_is_name(p->t[i].kind)) return false;
  if (cx_is_statement_word(p->t[i].kind) &&
      !first_on_line(p, i + 1)) { /* print x: no expression has two operands in a row */
    int next = p->t[i + 1].kind;
    if (next == T_NUM || next == T_STR || cx_is_name(next)) return true;
  }
  return (p->nest == 0 || unclosed(p)) && cx_defines(p, i);
}

static bool at_line_end(const cx_parser *p) {
  int kind = p->t[p->i].kind;
  if (kind == T_EOF) return true;
  if (kind == T_THEN || kind == T_ELSE) return false;
  return first_on_line(p, p->i) && p->i > p->start && (p->nest == 0 || unclosed(p) || cx_starts_statement(p, p->i));
}

cx_span cx_here(const cx_parser *p) {
  if (p->i == 0 || !at_line_end(p)) return cx_token_span(p, p->i);
  uint32_t end = p->t[p->i - 1].end;
  return (cx_span){p->file, end, end};
}

/* ---- nodes ---- */

cx_ast *cx_make(cx_parser *p, int kind, int first, cx_kids kids) {
  cx_ast *e = CX_NEW(p->arena, cx_ast);
  e->kind = (uint8_t)kind;
  e->nkid = kids.n;
  e->kid = CX_NEW_N(p->arena, cx_ast *, kids.n);
  for (int i = 0; i < kids.n; i++) {
    e->kid[i] = kids.at[i];
    if (e->kid[i] && e->kid[i]->height > e->height) e->height = e->kid[i]->height;
  }
  e->height++;
  int last = p->i > first ? p->i - 1 : first;
  e->span = (cx_span){p->file, p->t[first].beg, p->t[last].end};
  e->name_span = CX_NOSPAN;
  if (e->height > CX_MAX_NEST) {
    int d = cx_error(p->ctx, cx_token_span(p, last), "the expression is nested deeper than %d levels", CX_MAX_NEST);
    cx_diag_help(p->ctx, d, "give a part of it a name; many terms are a sum over an array");
    cx_fail(p);
  }
  return e;
}

cx_ast *cx_make_named(cx_parser *p, int kind, int first, int name, cx_kids kids) {
  cx_ast *e = cx_make(p, kind, first, kids);
  e->name = cx_name_at(p, name);
  e->name_span = cx_token_span(p, name);
  return e;
}

/* ---- errors ---- */

_Noreturn void cx_fail(cx_parser *p) { cx_throw(p->ctx, CX_E_PROGRAM); }

void cx_enter(cx_parser *p) {
  if (++p->level <= CX_MAX_NEST) return;
  int d = cx_error(p->ctx, cx_token_span(p, p->i), "the expression is nested deeper than %d levels", CX_MAX_NEST);
  cx_diag_help(p->ctx, d, "give a part of it a name");
  cx_fail(p);
}

static int closer_of(int open) { return open + 1; }
static bool is_closer(int kind) { return kind == T_RPAREN || kind == T_RBRACKET || kind == T_RBRACE; }
static bool is_opener(int kind) { return kind == T_LPAREN || kind == T_LBRACKET || kind == T_LBRACE; }
static bool begins_operand(int kind) {
  return kind == T_NUM || kind == T_STR || kind == T_LPAREN || kind == T_LBRACE || kind == T_ROOT || kind == T_IF ||
         cx_is_name(kind);
}

/* at most 30 bytes of a token, whole characters */
static int shown_length(const cx_parser *p, int i) {
  const char *s = p->text + p->t[i].beg, *end = p->text + p->t[i].end;
  int n = (int)(end - s);
  if (n <= 30) return n;
  for (n = 30; n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80;) n--;
  return n;
}

#define TOKEN(i) shown_length(p, i), p->text + p->t[i].beg

/* two operands side by side */
static _Noreturn void missing_operator(cx_parser *p) {
  int before = p->i - 1;
  bool number = p->t[before].kind == T_NUM && !(p->t[p->i].flags & TF_GAP);
  if (p->t[before].end - p->t[before].beg == 3 && memcmp(p->text + p->t[before].beg, "∂", 3) == 0) {
    int d = cx_error(p->ctx, cx_token_span(p, before), "`∂` is written like a function");
    cx_diag_help(p->ctx, d, "write ∂(e, x) for the derivative of e by x");
    cx_fail(p);
  }
  int d = cx_error(p->ctx, cx_here(p), "an operator is missing before `%.*s`", TOKEN(p->i));
  static const struct {
    const char *word, *help;
  } foreign[] = {{"return", "a function's value needs no word: f(x) = x^2"},
                 {"lambda", "a function has a name: f(x) = x^2"},
                 {"function", "write `f(x) = expression`"},
                 {"new", "a value is what stands behind `=`"}};
  const char *last = cx_is_name(p->t[before].kind) ? cx_name_at(p, before) : "";
  for (size_t k = 0; k < sizeof foreign / sizeof *foreign; k++)
    if (!strcmp(last, foreign[k].word)) {
      cx_diag_help(p->ctx, d, "%s", foreign[k].help);
      cx_fail(p);
    }
  if (p->t[p->i].kind == T_IF) cx_diag_help(p->ctx, d, "write `if condition then a else b`");
  else if (*last && cx_op_find(last, 1) != OP_none) /* sin x */
    cx_diag_help(p->ctx, d, "a function takes its arguments in brackets: %s(%.*s)", last, TOKEN(p->i));
  else if (*last && p->t[p->start].kind == T_PARAM && p->t[p->i].kind == T_LPAREN)
    cx_diag_help(p->ctx, d, "sizes stand in square brackets: %s[..]", last);
  else if (number) cx_diag_help(p->ctx, d, "a product needs its sign: write `%.*s * %.*s`", TOKEN(before), TOKEN(p->i));
  else if (p->t[p->i].kind == T_LBRACE) cx_diag_help(p->ctx, d, "a block stands behind `=`: f(x) = { ... }");
  else cx_diag_help(p->ctx, d, "write an operator, as `*` for a product, or a `,` between two values");
  cx_fail(p);
}

/* i = 0..9, from the `=` at i */
bool cx_range_ahead(const cx_parser *p, int i) {
  int32_t depth = p->t[i].depth;
  for (int j = i + 1; p->t[j].kind != T_EOF && p->t[j].depth >= depth; j++) {
    int kind = p->t[j].kind;
    if (p->t[j].depth == depth && kind == T_DOTDOT) return true;
    if (p->t[j].flags & TF_NEWLINE || (p->t[j].depth == depth && (kind == T_COMMA || kind == T_COLON))) return false;
  }
  return false;
}

/* A range behind `=`, or on a left side without a name. */
static const char *range_help(cx_parser *p, const char *usual) {
  int j = p->i;
  while (j > p->start && p->t[j].kind != T_ASSIGN && p->t[j].kind != T_COMMA && !is_opener(p->t[j].kind)) j--;
  if (p->t[j].kind == T_ASSIGN && p->open >= p->start && j > p->open && cx_is_name(p->t[j - 1].kind) &&
      cx_range_ahead(p, j))
    return cx_format(p->arena, "an index gets its range by `in`: write `%s in a..b`", cx_name_at(p, j - 1));
  if (p->open == p->start + 1 && p->t[p->open].kind == T_LBRACKET && cx_defines(p, p->start))
    return cx_format(p->arena, "give it an index: `%s[i in a..b] = ..`", cx_name_at(p, p->start));
  return usual;
}

/* What says more than "expected this, found that": brackets; and what has been said already, which is passed over. */
static void check_brackets(cx_parser *p) {
  int kind = p->t[p->i].kind, match = p->t[p->i].match;
  bool line_end = at_line_end(p);
  if (kind == T_ERROR) cx_fail(p); /* the lexer has reported it */
  if (unclosed(p) && (line_end || is_closer(kind))) {
    int open = p->t[p->open].kind;
    int d = cx_error(p->ctx, cx_here(p), "`%s` is never closed", cx_tok_text(open));
    cx_diag_label(p->ctx, d, cx_token_span(p, p->open), "opened here");
    cx_diag_help(p->ctx, d, "close it with `%s`", cx_tok_text(closer_of(open)));
    cx_fail(p);
  }
  if (is_closer(kind) && match >= 0 && match < p->start && match != p->open) cx_fail(p); /* of a statement given up */
  if (is_closer(kind) && match < 0 && !line_end) {
    int d = cx_error(p->ctx, cx_here(p), "`%s` closes nothing", cx_tok_text(kind));
    if (p->open >= 0)
      cx_diag_label(p->ctx, d, cx_token_span(p, p->open), "the bracket open here is a `%s`",
                    cx_tok_text(p->t[p->open].kind));
    cx_diag_help(p->ctx, d, "remove it, or open it with `%s`", cx_tok_text(kind - 1));
    cx_fail(p);
  }
}

_Noreturn void cx_unexpected(cx_parser *p, const char *wanted) {
  check_brackets(p);
  int kind = p->t[p->i].kind, d;
  bool line_end = at_line_end(p);
  if (line_end && strcmp(wanted, "an expression") == 0 && p->i > p->start) {
    d = cx_error(p->ctx, cx_here(p), "expected an expression after `%.*s`", TOKEN(p->i - 1));
  } else if (line_end) {
    d = cx_error(p->ctx, cx_here(p), "expected %s", wanted);
  } else {
    d = cx_error(p->ctx, cx_here(p), "expected %s, found `%.*s`", wanted, TOKEN(p->i));
    if (kind == T_ASSIGN)
      cx_diag_help(p->ctx, d,
                   cx_range_ahead(p, p->i) ? "write `in` before a range" : "`=` defines; write `==` to compare");
    if (kind == T_COMMA && p->open >= 0 && p->t[p->open].kind == T_LBRACE)
      cx_diag_help(p->ctx, d, "braces hold definitions and a value; an array is written [a, b]");
    if (cx_is_reserved(kind))
      cx_diag_help(p->ctx, d, "`%s` is a word of the language and cannot be a name", cx_tok_text(kind));
  }
  if (p->open >= 0 && p->nest && p->t[p->open].match >= 0 && is_closer(kind))
    cx_diag_label(p->ctx, d, cx_token_span(p, p->open), "opened here");
  cx_fail(p);
}

_Noreturn void cx_misplaced(cx_parser *p, const char *wanted) {
  static const struct {
    int kind;
    const char *message, *help;
  } words[] = {
      {T_DOTDOT, "a range cannot stand here", "a range stands behind `in`, in a subscript or in a domain"},
      {T_IN, "`in` binds a variable to its range, it does not compare",
       "write sum(x in a..b: e) to bind, a <= x <= b to compare"},
      {T_FOR, "`for` stands in a plot only", "write `y[i] = ...` for all i, or sum(i: ...)"},
      {T_AT, "`at` cannot stand here", "put the substitution in brackets: (e at x = 2)"},
      {T_GIVEN, "`given` stands between the events of a probability", "write prob(A given B)"},
      {T_SUBJECT, "`subject to` cannot stand here", "write it on a line of its own, or in argmin(x: e subject to c)"},
      {T_THEN, "`then` has no `if` before it", "write `if condition then a else b`"},
      {T_ELSE, "`else` has no `if` before it", "write `if condition then a else b`"}};
  check_brackets(p);
  int kind = p->t[p->i].kind;
  if (!at_line_end(p) && p->i > p->start && cx_ends_operand(p->t[p->i - 1].kind)) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
      if (words[i].kind != kind) continue;
      int d = cx_error(p->ctx, cx_here(p), "%s", words[i].message);
      cx_diag_help(p->ctx, d, "%s", kind == T_DOTDOT ? range_help(p, words[i].help) : words[i].help);
      cx_fail(p);
    }
    if (begins_operand(kind)) missing_operator(p);
  }
  cx_unexpected(p, wanted);
}

void cx_expect(cx_parser *p, int kind, const char *wanted) {
  if (cx_look(p) != kind) cx_unexpected(p, wanted);
  p->i++;
}

int cx_open(cx_parser *p) {
  int outer = p->open;
  p->open = p->i++;
  p->nest++;
  return outer;
}

void cx_close(cx_parser *p, int outer, const char *wanted) {
  int closer = closer_of(p->t[p->open].kind);
  if (p->t[p->i].kind != closer || (p->t[p->open].match >= 0 && p->t[p->open].match != p->i)) cx_misplaced(p, wanted);
  p->i++;
  p->open = outer;
  p->nest--;
}

/* ---- statements in a row ---- */

/* Where the next statement may begin: at the depth of the broken one, first on a line or behind `;`. */
static void skip_statement(cx_parser *p, int start) {
  int32_t depth = p->t[start].depth;
  if (p->i == start && p->t[p->i].kind != T_EOF) p->i++;
  for (; p->t[p->i].kind != T_EOF; p->i++) {
    const cx_token *t = &p->t[p->i];
    if (t->depth < depth) return;
    if (t->depth == depth && t->kind == T_SEMI) return;
    if (!(t->flags & TF_NEWLINE) || t->kind == T_THEN || t->kind == T_ELSE) continue;
    if (t->depth == depth ? !is_closer(t->kind) : cx_is_statement_word(t->kind) && cx_starts_statement(p, p->i)) return;
  }
}

/* the names a broken statement would have defined: the first one, and in a declaration those behind each comma */
static cx_ast *broken(cx_parser *p, int start, int end) {
  cx_kids names = {0};
  bool list = (p->t[start].kind == T_DATA || p->t[start].kind == T_PARAM) && !cx_defines(p, start);
  if (list || cx_defines(p, start)) {
    for (int i = list ? start + 1 : start; i < end; i++) {
      bool wanted = i == start || i == start + 1 || (p->t[i - 1].kind == T_COMMA && p->t[i].depth == p->t[start].depth);
      if (!wanted || !cx_is_name(p->t[i].kind)) continue;
      cx_ast *e = cx_make_named(p, A_NAME, i, i, (cx_kids){0});
      e->span = e->name_span;
      *CX_PUSH(p->arena, names) = e;
      if (!list) break;
    }
  }
  return cx_make(p, A_ERROR, start, names);
}

/* one, or an A_ERROR after its diagnostic */
static cx_ast *statement(cx_parser *p) {
  int start = p->i, outer = p->start, nest = p->nest, open = p->open, level = p->level;
  cx_ast *volatile s = NULL;
  cx_frame f;
  p->start = start;
  CX_TRY(p->ctx, f) {
    cx_ast *made = cx_one_statement(p);
    int kind = cx_look(p);
    bool more = made->kind == S_MINIMIZE || made->kind == S_MAXIMIZE; /* minimize e subject to c, on one line */
    if (kind != T_NEWLINE && kind != T_EOF && kind != T_SEMI && !(kind == T_RBRACE && p->open >= 0) &&
        !(more && kind == T_SUBJECT))
      cx_misplaced(p, "the end of the statement");
    s = made;
    CX_END(p->ctx, f);
  } else {
    if (f.status != CX_E_PROGRAM) cx_throw(p->ctx, f.status);
    p->nest = nest;
    p->open = open;
    p->level = level;
    skip_statement(p, start);
    s = broken(p, start, p->i);
  }
  p->start = outer;
  return s;
}

static bool too_many(const cx_parser *p) { return cx_error_count(p->ctx) - p->errors > CX_MAX_ERRORS; }

void cx_statements(cx_parser *p, cx_kids *kids, int end) {
  while (p->t[p->i].kind != end && p->t[p->i].kind != T_EOF) {
    if (p->t[p->i].kind == T_SEMI) {
      p->i++;
      continue;
    }
    *CX_PUSH(p->arena, *kids) = statement(p);
    if (!too_many(p)) continue;
    while (p->t[p->i].kind != T_EOF) p->i++;
  }
}

static cx_parser begin(cx_ctx *c, cx_arena *a, int32_t file) {
  size_t n;
  const char *text = cx_source_text(c, file, &n);
  cx_parser p = {.ctx = c, .arena = a, .file = file, .text = text, .open = -1, .errors = cx_error_count(c)};
  p.t = cx_lex(c, a, text, n, file, false).at;
  return p;
}

static cx_ast *program(cx_ctx *c, cx_arena *a, int32_t file, bool console) {
  int from = cx_diag_count(c);
  cx_parser p = begin(c, a, file);
  p.console = console;
  cx_kids kids = {0};
  cx_statements(&p, &kids, T_EOF);
  cx_diag_sort(c, from);
  if (too_many(&p))
    cx_diag(c, CX_NOTE, CX_OK, CX_NOSPAN, "more than %d errors: the rest of the program was not read", CX_MAX_ERRORS);
  return cx_make(&p, S_PROGRAM, 0, kids);
}

cx_ast *cx_parse(cx_ctx *c, cx_arena *a, int32_t file) { return program(c, a, file, false); }
cx_ast *cx_parse_console(cx_ctx *c, cx_arena *a, int32_t file) { return program(c, a, file, true); }

cx_ast *cx_parse_expr(cx_ctx *c, cx_arena *a, int32_t file) {
  int from = cx_diag_count(c);
  cx_parser p = begin(c, a, file);
  cx_ast *volatile e = NULL;
  cx_frame f;
  p.nest = 1; /* line ends do not count */
  CX_TRY(c, f) {
    cx_ast *made = cx_expression(&p);
    if (p.t[p.i].kind != T_EOF) cx_misplaced(&p, "the end of the expression");
    if (cx_error_count(c) == p.errors) e = made;
    CX_END(c, f);
  } else if (f.status != CX_E_PROGRAM) {
    cx_throw(c, f.status);
  }
  cx_diag_sort(c, from);
  return e ? e : cx_make(&p, A_ERROR, 0, (cx_kids){0});
}
