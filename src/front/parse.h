/* parse.h - between the lexer and the parser; for src/front/lex.c and parse*.c alone. */
#ifndef CX_PARSE_H
#define CX_PARSE_H
#include "front/ast.h"

enum { TF_NEWLINE = 1, TF_GAP = 2, TF_COLON = 4 }; /* a line end or a space stands before it; a colon right inside it */

typedef struct {
  uint8_t kind, flags;
  uint32_t beg, end;
  int32_t match; /* of a bracket: its partner, -1 where it has none */
  int32_t depth; /* brackets with a partner that are open here (a bracket itself counts as outside) */
} cx_token;

typedef struct {
  cx_token *at; /* ends with a T_EOF */
  int n;
} cx_tokens;

cx_tokens cx_lex(cx_ctx *c, cx_arena *a, const char *text, size_t n, int32_t file, bool quiet);
/* the name a token spells: Greek letters by their English names, subscript digits as digits */
cx_sym cx_token_name(cx_ctx *c, cx_arena *a, const char *text, const cx_token *t);
bool cx_is_name(int kind); /* a token that can stand as a name */
bool cx_is_reserved(int kind);
bool cx_ends_operand(int kind);

enum { CX_MAX_ERRORS = 100 };

typedef struct {
  cx_ctx *ctx;
  cx_arena *arena;
  int32_t file;
  const char *text;
  const cx_token *t;
  int i;     /* the current token */
  int start; /* the first token of the statement */
  int nest;  /* open ( and [ : a line end does not count there */
  int open;  /* the innermost open bracket, or -1 */
  int level; /* nesting of the parser's own calls */
  bool lhs;  /* the expression stands at the start of a statement: a `=` behind it is no comparison */
  bool console;
  int equal_said; /* 1 + the statement where a `=` was taken for `==`: once is enough */
  int errors;     /* of the context when parsing began */
} cx_parser;

typedef CX_VEC(cx_ast *) cx_kids;

void cx_add_kid(cx_parser *p, cx_kids *kids, cx_ast *e);
/* infix position: T_NEWLINE where the statement ended with its line */
int cx_look(const cx_parser *p);
bool cx_starts_statement(const cx_parser *p, int i); /* token i is first on its line and must begin a statement */
bool cx_range_ahead(const cx_parser *p, int i);      /* i = 0..9, from the `=` at i */
cx_span cx_here(const cx_parser *p);                 /* the current token, or the end of the line */
cx_span cx_token_span(const cx_parser *p, int i);
cx_sym cx_name_at(const cx_parser *p, int i);
cx_ast *cx_make(cx_parser *p, int kind, int first, cx_kids kids);
cx_ast *cx_make_named(cx_parser *p, int kind, int first, int name, cx_kids kids); /* token `name` is its name */
_Noreturn void cx_unexpected(cx_parser *p, const char *wanted);
_Noreturn void cx_misplaced(cx_parser *p,
                            const char *wanted); /* the same behind a complete expression: knows more remedies */
_Noreturn void cx_fail(cx_parser *p);
void cx_expect(cx_parser *p, int kind, const char *wanted);
int cx_open(cx_parser *p); /* at a bracket: enters it; returns what cx_close takes */
void cx_close(cx_parser *p, int outer, const char *wanted);
void cx_enter(cx_parser *p); /* one level deeper, an error where that is too deep */

cx_ast *cx_expression(cx_parser *p); /* with `at` */
cx_ast *cx_value(cx_parser *p);      /* without */
cx_ast *cx_operand(cx_parser *p);    /* arithmetic only: no comparison, `and`, `or`, `not` */
cx_ast *cx_postfix(cx_parser *p);
cx_ast *cx_range(cx_parser *p); /* a..b */
cx_ast *cx_constraint(cx_parser *p);
cx_ast *cx_named(cx_parser *p); /* name = value */
bool cx_named_ahead(const cx_parser *p);
void cx_arguments(cx_parser *p, cx_kids *kids); /* from `(` to `)` */
cx_ast *cx_left_subscript(cx_parser *p);        /* of an indexed definition */
#endif
