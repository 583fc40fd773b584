/* ast.h - the program as it was written. One node shape for expressions and statements; the parser
 * fills it, src/front/elab*.c reads it. Nothing here knows a size or a type. */
#ifndef CX_AST_H
#define CX_AST_H
#include "base/base.h"

typedef enum {
  /* expressions: kid[] in the order shown */
  A_ERROR,     /* a statement the parser reported; kid = A_NAMEs it would have defined, so that no use of them is
                 reported too */
  A_NUM,       /* num; text of the literal in name. `pi`, `inf`, `e`… are A_NAME */
  A_STR,       /* name: the text with escapes resolved */
  A_NAME,      /* name */
  A_UNARY,     /* op in {T_MINUS, T_PLUS, T_NOT}; x */
  A_BINARY,    /* op in {+ - * / ^ @ and or}; x, y */
  A_COMPARE,   /* a chain a < x <= b: kid = operands, ops[] = n-1 operators */
  A_TRANSPOSE, /* x' where x is no name followed by a call */
  A_CALL,      /* name(kid...), primes = number of ' ; an argument may be A_NAMED. A bare f' / f'' without a call is
                 A_TRANSPOSE of A_NAME */
  A_NAMED,     /* name = kid[0], an option of a call, a fit or an at */
  A_SUBSCRIPT, /* kid[0] [ kid[1], ... ]; a subscript may be A_ALL (an empty one or `:`) or A_RANGE */
  A_ALL,
  A_RANGE,   /* a..b */
  A_ARRAY,   /* [a, b, ...], rows are nested A_ARRAY */
  A_BINDER,  /* name(i, j in a..b, x ~ dist(..): body): kid = A_BIND..., body last; options as A_NAMED between.
                 A body of several expressions, mixture(k: weight[k], normal(..)), is an A_LIST */
  A_BIND,    /* name; op: 0 plain, T_IN range (kid[0] = A_RANGE), T_TILDE (kid[0] = distribution call, then the indices
                of a random array as A_BIND), T_COMMA none */
  A_IF,      /* c, a, b */
  A_AT,      /* e, then A_NAMED bindings */
  A_SUBJECT, /* e subject to c1, c2 (inside argmin): e, c... */
  A_GIVEN,   /* prob(A given B): a, b */
  A_BLOCK,   /* { statements; expression }: statements then the expression last */
  /* statements */
  S_PROGRAM,   /* kid = statements */
  S_DEF,       /* name = rhs: kid[0] = rhs */
  S_DEF_INDEX, /* name[i, j] = rhs: kid[0] = rhs, kid[1..] = subscripts (A_NAME, or A_NUM/any expression: h[0] = a) */
  S_DEF_FUN,   /* name(x, u[T, c], k = 1) = rhs: kid[0] = rhs, kid[1..] = S_ARG, then S_OPTION; op: T_PARAM where all
                * calls share its params */
  S_ARG,       /* name; kid = its shape's size expressions, maybe none; op T_ASSIGN: a parameter of a distribution that
                  may be left out, num: the value it has then */
  S_OPTION,    /* an argument that may be left out: name; kid[0] = S_ARG, kid[1] = the value it has then; op T_TILDE: in
                  a draw, kid[1] = the distribution that its numbers have */
  S_DATA,      /* one declared item: name; kid[0] = A_LIST shape (size expressions), kid[1] = domain or NULL,
                 kid[2] = file (A_STR) or value or NULL */
  S_PARAM,     /* same: kid[0] = shape, kid[1] = domain or NULL, kid[2] = start or NULL. `s > 0`, `t in 0..1`, `x <= 3`
                 become domains: A_COMPARE / A_RANGE */
  S_GROUP,     /* several items of one `data` or `param` line */
  A_LIST,
  S_TILDE, /* lhs ~ dist: kid[0], kid[1] */
  S_MINIMIZE,
  S_MAXIMIZE, /* kid[0] */
  S_SUBJECT,  /* kid = constraints; each A_COMPARE, or A_NAMED label: A_COMPARE */
  S_LOAD,     /* name = file; kid = params to take, each an A_STR, or A_NAMED: where an array of another name is meant
                 (A_STR, A_TRANSPOSE of one, or an expression of some); none: all */
  S_FIT,      /* name = method; kid = an A_LIST of the params to fit (A_STR) where some are named, A_NAMED options */
  S_PRINT,    /* kid = expressions (an A_STR is a label) */
  S_PLOT, /* kid = expressions..., A_NAMED options (`against x`, `by g` and `to "file"` are options of these names), then nbind A_BIND (op T_IN)*/
  S_WRITE,        /* kid[0] = e, kid[1] = file name expression, A_NAMED bits = .. */
  S_EXPLAIN,      /* kid[0] */
  S_IMPORT,       /* name = path */
  S_PRECISION,    /* name = single | double */
  S_DISTRIBUTION, /* name; kid = S_ARG..., then body statements */
  A_KIND_COUNT
} cx_ast_kind;

enum { CX_MAX_NEST = 1000 };
typedef struct cx_ast cx_ast;
struct cx_ast {
  uint8_t kind; /* cx_ast_kind */
  uint8_t op;   /* cx_tok of the operator */
  uint8_t primes;
  uint8_t nbind; /* A_BINDER, S_PLOT: how many A_BIND */
  int32_t nkid;
  int32_t height;    /* of the tree, at most CX_MAX_NEST: what walks a tree may recurse */
  cx_span span;      /* the whole construct */
  cx_span name_span; /* where the name stands */
  cx_sym name;
  double num;
  const uint8_t *ops; /* A_COMPARE: operators, nkid - 1 of them */
  cx_ast **kid;
};

typedef enum {
  T_EOF,
  T_NEWLINE,
  T_ERROR,
  T_NUM,
  T_STR,
  T_NAME,
  T_LPAREN,
  T_RPAREN,
  T_LBRACKET,
  T_RBRACKET,
  T_LBRACE,
  T_RBRACE,
  T_COMMA,
  T_COLON,
  T_SEMI,
  T_DOTDOT,
  T_PRIME,
  T_TILDE,
  T_ASSIGN,
  T_PLUS,
  T_MINUS,
  T_STAR,
  T_SLASH,
  T_CARET,
  T_AT_SIGN,
  T_LT,
  T_LE,
  T_GT,
  T_GE,
  T_EQ,
  T_NE,
  /* words: contextual where an ordinary name could stand */
  T_DATA,
  T_PARAM,
  T_MINIMIZE,
  T_MAXIMIZE,
  T_SUBJECT,
  T_TO,
  T_LOAD,
  T_FIT,
  T_BY,
  T_PRINT,
  T_PLOT,
  T_WRITE,
  T_EXPLAIN,
  T_IMPORT,
  T_PRECISION,
  T_DISTRIBUTION,
  T_IF,
  T_THEN,
  T_ELSE,
  T_AND,
  T_OR,
  T_NOT,
  T_IN,
  T_FOR,
  T_AT,
  T_GIVEN,
  /* mathematics beyond ASCII that is no plain synonym: x² (also xᵀ), √x */
  T_SUPER,
  T_ROOT,
  T_TOKEN_COUNT
} cx_tok;

/* Parse source `file` (cx_source_add). Never fails: errors are diagnostics of the context and A_ERROR nodes. */
cx_ast *cx_parse(cx_ctx *c, cx_arena *a, int32_t file);
/* The same, but an expression that stands alone is printed (S_PRINT): for eval and the repl. */
cx_ast *cx_parse_console(cx_ctx *c, cx_arena *a, int32_t file);
/* One expression, whole text (for calx eval, rules and derivative rows). */
cx_ast *cx_parse_expr(cx_ctx *c, cx_arena *a, int32_t file);
/* The text of an expression in canonical calx spelling; with minimal brackets. Parses back to an equal tree. */
char *cx_ast_text(cx_arena *a, const cx_ast *e);
bool cx_ast_equal(const cx_ast *x, const cx_ast *y); /* spans aside */
const char *cx_tok_text(cx_tok t);
/* true when the text so far is an unfinished statement (open bracket or operator): the repl goes on reading */
bool cx_parse_incomplete(cx_ctx *c, const char *text, size_t n);
#endif
