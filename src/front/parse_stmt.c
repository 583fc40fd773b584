/* parse_stmt.c - the statements, one function each: definitions, declarations and what is none of the others.
 * Objectives, fits and questions: parse_ask.c. */
#include "front/parse_stmt.h"
#include <math.h>
#include <string.h>

bool cx_ended(const cx_parser *p) {
  int kind = cx_look(p);
  return kind == T_NEWLINE || kind == T_EOF || kind == T_SEMI || kind == T_RBRACE;
}

/* after a statement's word: what it needs must begin on the same line, or the line must be left open */
void cx_need(cx_parser *p, const char *what, const char *example) {
  if (!cx_ended(p)) return;
  int d = cx_error(p->ctx, cx_here(p), "expected %s", what);
  cx_diag_help(p->ctx, d, "write `%s`", example);
  cx_fail(p);
}

void cx_keyword(cx_parser *p, int kind, const char *what, const char *example) {
  if (cx_look(p) != kind) {
    if (p->t[p->i].kind == T_ERROR) cx_fail(p);
    int d = cx_error(p->ctx, cx_here(p), "expected %s", what);
    cx_diag_help(p->ctx, d, "write `%s`", example);
    cx_fail(p);
  }
  p->i++;
}

/* ---- definitions ---- */

static cx_ast *block(cx_parser *p, bool valued) {
  int first = p->i, outer = p->open, nest = p->nest;
  cx_kids kids = {0};
  cx_enter(p);
  p->open = p->i++;
  p->nest = 0;
  cx_statements(p, &kids, T_RBRACE);
  if (p->t[p->i].kind != T_RBRACE) {
    p->start = first; /* so that the end of the text is no first token of a statement */
    cx_unexpected(p, "`}`");
  }
  int last = p->i++;
  p->open = outer;
  p->nest = nest;
  p->level--;
  for (int i = 0; i < kids.n; i++) {
    bool value = kids.at[i]->kind < S_PROGRAM && kids.at[i]->kind != A_ERROR;
    if (value && (i + 1 < kids.n || !valued)) {
      int d = cx_error(p->ctx, kids.at[i]->span, "a value in the middle of a block is not used");
      cx_diag_help(p->ctx, d, "give it a name, or remove it");
      cx_fail(p);
    }
    if (i + 1 == kids.n && !value && valued && kids.at[i]->kind != A_ERROR) {
      int d = cx_error(p->ctx, cx_token_span(p, last), "the block ends without its value");
      cx_diag_label(p->ctx, d, kids.at[i]->span, "the last line must be an expression");
      cx_diag_help(p->ctx, d, "write `{ a = ...; a^2 }`");
      cx_fail(p);
    }
  }
  if (!kids.n && valued) {
    int d = cx_error(p->ctx, cx_span_join(cx_token_span(p, first), cx_token_span(p, last)), "the block is empty");
    cx_diag_help(p->ctx, d, "its last line is its value: `{ a = ...; a^2 }`");
    cx_fail(p);
  }
  return cx_make(p, A_BLOCK, first, kids);
}

static cx_ast *right_hand_side(cx_parser *p) {
  cx_expect(p, T_ASSIGN, "`=`");
  return p->t[p->i].kind == T_LBRACE ? block(p, true) : cx_expression(p);
}

static cx_ast *definition(cx_parser *p) {
  int first = p->i++;
  cx_kids kids = {0};
  cx_add_kid(p, &kids, right_hand_side(p));
  return cx_make_named(p, S_DEF, first, first, kids);
}

static cx_ast *indexed_definition(cx_parser *p) {
  int first = p->i++;
  cx_kids kids = {0};
  cx_add_kid(p, &kids, NULL);
  int outer = cx_open(p);
  if (p->t[p->i].kind == T_RBRACKET) {
    int d = cx_error(p->ctx, cx_token_span(p, p->i), "an index is missing");
    cx_diag_help(p->ctx, d, "write name[i] = ..., or name = ... for a whole array");
    cx_fail(p);
  }
  cx_add_kid(p, &kids, cx_left_subscript(p));
  while (cx_look(p) == T_COMMA) {
    p->i++;
    cx_add_kid(p, &kids, cx_left_subscript(p));
  }
  cx_close(p, outer, "`,` or `]`");
  kids.at[0] = right_hand_side(p);
  return cx_make_named(p, S_DEF_INDEX, first, first, kids);
}

/* name, or name[n, d]; what else stands there gets the remedy */
static cx_ast *formal(cx_parser *p) {
  int first = p->i;
  int kind = p->t[p->i].kind;
  cx_kids kids = {0};
  if (cx_is_name(kind)) p->i++;
  if (cx_is_name(kind) && p->t[p->i].kind == T_LBRACKET) {
    int outer = cx_open(p);
    cx_add_kid(p, &kids, cx_expression(p));
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_add_kid(p, &kids, cx_expression(p));
    }
    cx_close(p, outer, "`,` or `]`");
  }
  int next = p->t[p->i].kind;
  bool given = cx_is_name(kind) && (next == T_ASSIGN || next == T_TILDE);
  if (!cx_is_name(kind) || (!given && p->t[p->i].kind != T_COMMA && p->t[p->i].kind != T_RPAREN)) {
    if (p->t[p->i].kind == T_ERROR) cx_fail(p);
    p->i = first;
    int d = cx_error(p->ctx, cx_here(p), "an argument of a function is a name, or a name with its sizes");
    cx_diag_help(p->ctx, d,
                 kind == T_NUM ? "a recurrence is written with square brackets: h[0] = ..., h[t] = ..."
                               : "write f(x, u[T, c]) = ...; `==` compares");
    cx_fail(p);
  }
  cx_ast *arg = cx_make_named(p, S_ARG, first, first, kids);
  if (!given) return arg;
  p->i++;
  cx_kids both = {0};
  cx_add_kid(p, &both, arg);
  cx_add_kid(p, &both, cx_expression(p));
  cx_ast *e = cx_make_named(p, S_OPTION, first, first, both);
  e->op = (uint8_t)next;
  return e;
}

/* options: the last ones may have values to be left out with, k = 1 */
static void formals(cx_parser *p, cx_kids *kids) {
  int outer = cx_open(p);
  if (p->t[p->i].kind != T_RPAREN) {
    cx_add_kid(p, kids, formal(p));
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_ast *one = formal(p), *before = kids->at[kids->n - 1];
      cx_add_kid(p, kids, one);
      if (one->kind == S_OPTION || before->kind != S_OPTION) continue;
      int d = cx_error(p->ctx, one->span, "`%s` has no value to be left out with, but `%s` before it has one",
                       one->name, before->name);
      cx_diag_help(p->ctx, d, "arguments that may be left out come last");
    }
  }
  cx_close(p, outer, "`,` or `)`");
}

static cx_ast *function(cx_parser *p) {
  int first = p->i++;
  cx_kids kids = {0};
  cx_add_kid(p, &kids, NULL);
  formals(p, &kids);
  kids.at[0] = right_hand_side(p);
  cx_ast *f = cx_make_named(p, S_DEF_FUN, first, first, kids);
  for (int k = 1; k < f->nkid; k++) {
    if (f->kid[k]->op != T_TILDE || !strcmp(f->name, "draw")) continue;
    int d = cx_error(p->ctx, f->kid[k]->span, "an argument of a function has no distribution");
    cx_diag_help(p->ctx, d, "in a distribution's block a draw says so of its numbers: draw(z[n] ~ normal(0, 1)) = ..");
  }
  return f;
}

/* param f(x) = ..: its params belong to the function, not to each call */
static cx_ast *unknown_function(cx_parser *p) {
  int first = p->i++;
  cx_ast *f = function(p);
  f->op = T_PARAM;
  f->span = cx_span_join(cx_token_span(p, first), f->span);
  return f;
}

/* ---- declarations ---- */

static cx_ast *domain(cx_parser *p, int first) {
  int kind = cx_look(p);
  cx_kids kids = {0};
  if (kind == T_COLON) {
    p->i++;
    if (!cx_is_name(p->t[p->i].kind)) cx_unexpected(p, "a domain such as `positive` or `int(0..9)` after `:`");
    return cx_postfix(p);
  }
  if (kind == T_IN) {
    p->i++;
    return cx_range(p);
  }
  if (kind != T_LT && kind != T_LE && kind != T_GT && kind != T_GE) return NULL;
  cx_ast *name = cx_make_named(p, A_NAME, first, first, (cx_kids){0});
  name->span = name->name_span;
  cx_add_kid(p, &kids, name);
  p->i++;
  cx_add_kid(p, &kids, cx_operand(p));
  cx_ast *e = cx_make(p, A_COMPARE, first, kids);
  uint8_t *ops = cx_alloc(p->arena, 1);
  ops[0] = (uint8_t)kind;
  e->ops = ops;
  return e;
}

static cx_ast *declared(cx_parser *p, int kind) {
  int first = p->i;
  const char *word = kind == S_DATA ? "data" : "param";
  if (!cx_is_name(p->t[p->i].kind) || cx_starts_statement(p, p->i)) {
    if (p->t[p->i].kind != T_NUM) cx_unexpected(p, "the name of what is declared");
    int d = cx_error(p->ctx, cx_here(p), "a declaration starts with the name");
    cx_diag_help(p->ctx, d, "write `%s t in 0..1` or `%s s > 0`", word, word);
    cx_fail(p);
  }
  p->i++;
  cx_kids sizes = {0};
  int shape = p->i;
  if (cx_look(p) == T_LBRACKET) {
    int outer = cx_open(p);
    if (p->t[p->i].kind == T_RBRACKET) {
      int d = cx_error(p->ctx, cx_token_span(p, p->i), "the sizes are missing");
      cx_diag_help(p->ctx, d, "write `%s x[n]`: a name for a size read from the data, or a number", word);
      cx_fail(p);
    }
    cx_add_kid(p, &sizes, cx_expression(p));
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_add_kid(p, &sizes, cx_expression(p));
    }
    cx_close(p, outer, "`,` or `]`");
  }
  cx_ast *kids[3] = {cx_make(p, A_LIST, sizes.n ? shape : first, sizes), NULL, NULL};
  kids[1] = domain(p, first);
  if (cx_look(p) == T_ASSIGN) {
    p->i++;
    kids[2] = cx_value(p);
    if (cx_look(p) == T_IN || cx_look(p) == T_COLON) {
      int d = cx_error(p->ctx, cx_here(p), "the domain stands before the %s", kind == S_DATA ? "file" : "start");
      cx_sym name = cx_name_at(p, first);
      cx_diag_help(p->ctx, d, cx_look(p) == T_IN ? "write `%s %s in 0..1 = ..`" : "write `%s %s : positive = ..`", word,
                   name);
      cx_fail(p);
    }
  }
  if (cx_look(p) == T_TILDE) {
    int d = cx_error(p->ctx, cx_here(p), "a declaration gives no distribution");
    cx_sym name = cx_name_at(p, first);
    cx_diag_help(p->ctx, d, "write `%s %s` on one line and `%s ~ ...` on the next", word, name, name);
    cx_fail(p);
  }
  return cx_make_named(p, kind, first, first, (cx_kids){kids, 3, 3});
}

static cx_ast *declaration(cx_parser *p, int kind) {
  int first = p->i++;
  cx_need(p, "the name of what is declared", kind == S_DATA ? "data x[n]" : "param w[3]");
  cx_kids kids = {0};
  cx_add_kid(p, &kids, declared(p, kind));
  while (cx_look(p) == T_COMMA) {
    p->i++;
    cx_add_kid(p, &kids, declared(p, kind));
  }
  return kids.n == 1 ? kids.at[0] : cx_make(p, S_GROUP, first, kids);
}

/* ---- the rest ---- */

static cx_ast *import(cx_parser *p) {
  int first = p->i++;
  if (p->t[p->i].kind == T_ERROR) cx_fail(p);
  if (cx_look(p) != T_STR) {
    int d = cx_error(p->ctx, cx_here(p), "expected the name of a file in double quotes");
    cx_diag_help(p->ctx, d, "write `import \"model.calx\"`; the standard library needs no import");
    cx_fail(p);
  }
  cx_ast *path = cx_postfix(p);
  cx_ast *e = cx_make(p, S_IMPORT, first, (cx_kids){0});
  e->name = path->name;
  e->name_span = path->span;
  if (path->kind != A_STR) cx_misplaced(p, "the end of the statement");
  return e;
}

static cx_ast *precision(cx_parser *p) {
  int first = p->i++;
  cx_sym word = !cx_ended(p) && cx_is_name(p->t[p->i].kind) ? cx_name_at(p, p->i) : "";
  if (strcmp(word, "single") != 0 && strcmp(word, "double") != 0) {
    if (p->t[p->i].kind == T_ERROR) cx_fail(p);
    int d = cx_error(p->ctx, cx_here(p), "the precision is `single` or `double`");
    cx_diag_help(p->ctx, d, "write `precision single`");
    cx_fail(p);
  }
  p->i++;
  return cx_make_named(p, S_PRECISION, first, p->i - 1, (cx_kids){0});
}

/* a parameter that may be left out, n = 2, has a number; nan: it is not known then */
static cx_ast *parameter(cx_parser *p, cx_ast *x) {
  if (x->kind != S_OPTION) return x;
  cx_ast *arg = x->kid[0];
  const cx_ast *v = x->kid[1];
  bool unknown = v->kind == A_NAME && !strcmp(v->name, "nan");
  if (x->op == T_TILDE || arg->nkid || (v->kind != A_NUM && !unknown)) {
    int d = cx_error(p->ctx, x->span, "this is no parameter of a distribution");
    cx_diag_help(p->ctx, d,
                 "it is a name, a name with its sizes, or a name with the number that it is when left out: "
                 "d(a, p[n], k = 2)");
    cx_fail(p);
  }
  arg->op = T_ASSIGN;
  arg->num = unknown ? NAN : v->num;
  return arg;
}

static cx_ast *distribution(cx_parser *p) {
  int first = p->i++;
  int name = p->i;
  cx_kids kids = {0};
  if (cx_ended(p) || !cx_is_name(p->t[p->i].kind)) cx_unexpected(p, "the name of the distribution");
  p->i++;
  if (cx_look(p) != T_LPAREN) cx_unexpected(p, "`(` and the parameters");
  formals(p, &kids);
  for (int k = 0; k < kids.n; k++) kids.at[k] = parameter(p, kids.at[k]);
  if (p->t[p->i].kind != T_LBRACE) cx_unexpected(p, "`{` and the body");
  cx_ast *body = block(p, false);
  for (int i = 0; i < body->nkid; i++) cx_add_kid(p, &kids, body->kid[i]);
  return cx_make_named(p, S_DISTRIBUTION, first, name, kids);
}

/* Words of other languages, and misspelt ones of this. */
static _Noreturn void unknown_statement(cx_parser *p) {
  static const struct {
    const char *word, *help;
  } foreign[] = {{"let", "write `name = expression`"},
                 {"var", "write `name = expression`"},
                 {"const", "write `name = expression`"},
                 {"def", "write `f(x) = expression`"},
                 {"function", "write `f(x) = expression`"},
                 {"fn", "write `f(x) = expression`"},
                 {"return", "the last line of a block is its value: `f(x) = { a = x^2; a + 1 }`"},
                 {"while", "there are no loops: write a recurrence, `s[0] = a`, `s[t] = f(s[t-1])`"},
                 {"for", "there are no loops: write `y[i] = ...` for all i, or `sum(i: ...)`"},
                 {"from", "write `import \"file.calx\"`"},
                 {"include", "write `import \"file.calx\"`"},
                 {"where", "write the definition on a line of its own"},
                 {"parameter", "write `param w[d]`"},
                 {"int", "a definition needs no type: write `name = expression`"},
                 {"float", "a definition needs no type: write `name = expression`"},
                 {"double", "a definition needs no type: write `name = expression`"},
                 {"real", "a definition needs no type: write `name = expression`; an unknown is `param name`"},
                 {"read", "write `data x[n] = \"file.csv\"`"},
                 {"observe", "write `y ~ normal(m, s)`"}};
  cx_sym word = cx_name_at(p, p->start);
  int d = cx_error(p->ctx, cx_token_span(p, p->start), "no statement begins with `%s`", word);
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
    if (strcmp(foreign[i].word, word) == 0) {
      cx_diag_help(p->ctx, d, "%s", foreign[i].help);
      cx_fail(p);
    }
  const char *words[T_DISTRIBUTION - T_DATA + 1];
  int n = 0;
  for (int k = T_DATA; k <= T_DISTRIBUTION; k++)
    if (cx_is_statement_word(k)) words[n++] = cx_tok_text(k);
  const char *near = cx_nearest(word, words, n);
  if (near) cx_diag_help(p->ctx, d, "did you mean `%s`?", near);
  else cx_diag_help(p->ctx, d, "write `print ...` to see a value, `name = ...` to define one");
  cx_fail(p);
}

/* an expression alone, or lhs ~ distribution */
static cx_ast *bare(cx_parser *p) {
  int first = p->i, kind = p->t[p->i].kind, next = p->t[p->i + 1].kind;
  bool side_by_side =
      cx_is_name(kind) && !(p->t[p->i + 1].flags & TF_NEWLINE) && (next == T_STR || next == T_NUM || cx_is_name(next));
  if (side_by_side && next != T_AT && next != T_IN) unknown_statement(p);
  if (cx_is_reserved(kind) && next == T_ASSIGN) {
    int d = cx_error(p->ctx, cx_here(p), "`%s` is a word of the language and cannot be a name", cx_tok_text(kind));
    cx_diag_help(p->ctx, d, "choose another name");
    cx_fail(p);
  }
  bool infix = kind == T_THEN || kind == T_ELSE || kind == T_AND || kind == T_OR ||
               (kind >= T_COMMA && kind <= T_NE && kind != T_MINUS && kind != T_PLUS);
  if (infix) {
    int d = cx_error(p->ctx, cx_here(p), "a statement cannot begin with `%s`", cx_tok_text(kind));
    cx_diag_help(p->ctx, d, "the line before has ended; to go on, end it with the operator or put brackets around");
    cx_fail(p);
  }
  p->lhs = true;
  cx_ast *e = cx_expression(p);
  p->lhs = false;
  if (cx_look(p) == T_TILDE) {
    p->i++;
    cx_ast *kids[2] = {e, cx_expression(p)};
    return cx_make(p, S_TILDE, first, (cx_kids){kids, 2, 2});
  }
  bool in_block = p->open >= 0;
  if (in_block) return e;
  if (p->console) {
    cx_kids kids = {0};
    cx_add_kid(p, &kids, e);
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_add_kid(p, &kids, cx_expression(p));
    }
    return cx_make(p, S_PRINT, first, kids);
  }
  if (!cx_ended(p)) cx_misplaced(p, "the end of the statement");
  int d = cx_error(p->ctx, e->span, "an expression alone does nothing");
  const cx_token *t = &p->t[first]; /* x <- 3 */
  bool arrow = t[1].kind == T_LT && t[2].kind == T_MINUS && !(t[2].flags & TF_GAP) && cx_is_name(kind);
  if (arrow) cx_diag_help(p->ctx, d, "write `%s = ...` to define", cx_name_at(p, first));
  else if (kind == T_PLUS || kind == T_MINUS)
    cx_diag_help(p->ctx, d, "to go on with the line before, end it with the `%s`", cx_tok_text(kind));
  else if (e->kind == A_COMPARE)
    cx_diag_help(p->ctx, d, "write `subject to` before a constraint, `name = ...` for a definition");
  else if (e->kind != A_NUM && cx_is_name(kind) && !strncmp(cx_name_at(p, first), "min", 3))
    cx_diag_help(p->ctx, d, "an objective is stated by `minimize e`");
  else if (cx_is_name(kind) && !strncmp(cx_name_at(p, first), "max", 3))
    cx_diag_help(p->ctx, d, "an objective is stated by `maximize e`");
  else cx_diag_help(p->ctx, d, "write `print` before it, or `name =` to define");
  cx_fail(p);
}

cx_ast *cx_one_statement(cx_parser *p) {
  int kind = p->t[p->i].kind;
  p->lhs = false;
  if (cx_is_name(kind) && cx_defines(p, p->i)) {
    int after = p->t[p->i + 1].kind, j = p->i + 1;
    if (after == T_LPAREN || after == T_LBRACKET) j = p->t[j].match + 1;
    if (p->t[j].kind == T_ASSIGN)
      return after == T_LPAREN ? function(p) : after == T_LBRACKET ? indexed_definition(p) : definition(p);
    return bare(p);
  }
  switch (kind) {
    case T_DATA: return declaration(p, S_DATA);
    case T_PARAM: {
      bool fun = cx_is_name(p->t[p->i + 1].kind) && p->t[p->i + 2].kind == T_LPAREN && cx_defines(p, p->i + 1);
      return fun ? unknown_function(p) : declaration(p, S_PARAM);
    }
    case T_MINIMIZE: return cx_objective_statement(p, S_MINIMIZE);
    case T_MAXIMIZE: return cx_objective_statement(p, S_MAXIMIZE);
    case T_SUBJECT: return cx_subject_statement(p);
    case T_LOAD: return cx_load_statement(p);
    case T_FIT: return cx_fit_statement(p);
    case T_PRINT: return cx_print_statement(p);
    case T_PLOT: return cx_plot_statement(p);
    case T_WRITE: return cx_write_statement(p);
    case T_EXPLAIN: return cx_explain_statement(p);
    case T_IMPORT: return import(p);
    case T_PRECISION: return precision(p);
    case T_DISTRIBUTION: return distribution(p);
    default: return bare(p);
  }
}
