/* parse_expr.c - expressions, by precedence climbing. From loose to tight:
 *
 *   e at x = 2 | if c then a else b | or | and | not | < <= > >= == != (chained) | + - | * / @ | - + (prefix) |
 *   ^ (to the right) | f(x) a[i] A' x² | √x
 *
 * `√` takes the operand right behind it: √x^2 is (√x)^2. The bindings of an `at` go on as long as `, name =` follows.
 * What calls itself here passes cx_enter, so that no text overflows the stack. */
#include "front/parse.h"
#include <string.h>

static cx_ast *climb(cx_parser *p, cx_ast *left, int first, int least);
static cx_ast *substitutions(cx_parser *p, cx_ast *e, int first);

enum { P_OR = 1, P_AND, P_NOT, P_COMPARE, P_ADD, P_MUL };

static int precedence(int kind) {
  switch (kind) {
    case T_OR: return P_OR;
    case T_AND: return P_AND;
    case T_LT:
    case T_LE:
    case T_GT:
    case T_GE:
    case T_EQ:
    case T_NE: return P_COMPARE;
    case T_PLUS:
    case T_MINUS: return P_ADD;
    case T_STAR:
    case T_SLASH:
    case T_AT_SIGN: return P_MUL;
    default: return 0;
  }
}

static cx_ast *leaf(cx_parser *p, int kind) {
  cx_ast *e = cx_make(p, kind, p->i, (cx_kids){0});
  e->span = e->name_span = cx_token_span(p, p->i);
  return e;
}

void cx_add_kid(cx_parser *p, cx_kids *kids, cx_ast *e) { *CX_PUSH(p->arena, *kids) = e; }

/* ---- literals ---- */

static cx_ast *number(cx_parser *p) {
  cx_ast *e = leaf(p, A_NUM);
  const cx_token *t = &p->t[p->i++];
  e->name = cx_intern(p->ctx, p->text + t->beg, t->end - t->beg);
  cx_read_double(e->name, t->end - t->beg, &e->num);
  return e;
}

static cx_ast *string(cx_parser *p) {
  cx_ast *e = leaf(p, A_STR);
  const cx_token *t = &p->t[p->i++];
  char *out = cx_alloc(p->arena, t->end - t->beg);
  size_t n = 0;
  for (uint32_t i = t->beg + 1; i + 1 < t->end; i++) {
    char ch = p->text[i];
    if (ch == '\\') {
      ch = p->text[++i];
      ch = ch == 'n' ? '\n' : ch == 't' ? '\t' : ch;
    }
    out[n++] = ch;
  }
  e->name = cx_intern(p->ctx, out, n);
  return e;
}

static cx_ast *name(cx_parser *p) {
  cx_ast *e = leaf(p, A_NAME);
  e->name = cx_name_at(p, p->i++);
  return e;
}

static cx_ast *superscript(cx_parser *p, cx_ast *base, int first) { /* x² is x^2, Aᵀ is A' */
  const cx_token *t = &p->t[p->i];
  const char *s = p->text + t->beg, *end = p->text + t->end;
  char digits[32];
  size_t n = 0;
  bool minus = false, wrong = false;
  cx_ast *number = leaf(p, A_NUM);
  p->i++;
  while (s < end) {
    uint32_t cp;
    bool start = s == p->text + t->beg;
    s += cx_utf8(s, end, &cp);
    if (cp == 0x1D40) return cx_make(p, A_TRANSPOSE, first, (cx_kids){&base, 1, 1});
    if (cp == 0x207B) {
      wrong |= !start;
      minus = true;
    } else if (n + 1 < sizeof digits) {
      digits[n++] = (char)('0' + (cp == 0xB9 ? 1 : cp == 0xB2 || cp == 0xB3 ? cp - 0xB0 : cp - 0x2070));
    } else {
      wrong = true;
    }
  }
  if (wrong || !n || !cx_read_double(digits, n, &number->num)) {
    int d = cx_error(p->ctx, cx_token_span(p, p->i - 1), "a superscript is a whole number");
    cx_diag_help(p->ctx, d, "write x² or x⁻¹, and x^(n + 1) for any other power");
    cx_fail(p);
  }
  if (cx_look(p) == T_LPAREN && base->kind == A_NAME) {
    int d = cx_error(p->ctx, cx_token_span(p, p->i - 1), "a power of a function's value stands behind its argument");
    cx_diag_help(p->ctx, d, "write `%s(x)^%.*s`", base->name, (int)n, digits);
    cx_fail(p);
  }
  number->name = cx_intern(p->ctx, digits, n);
  if (minus) {
    number = cx_make(p, A_UNARY, p->i - 1, (cx_kids){&(cx_ast *){number}, 1, 1});
    number->op = T_MINUS;
  }
  cx_ast *e = cx_make(p, A_BINARY, first, (cx_kids){(cx_ast *[]){base, number}, 2, 2});
  e->op = T_CARET;
  return e;
}

/* ---- bracketed lists ---- */

/* an expression, or a range where one may stand */
static cx_ast *expression_or_range(cx_parser *p) {
  int first = p->i;
  if (p->t[p->i].kind == T_NOT) return cx_expression(p);
  cx_ast *e = cx_operand(p);
  if (cx_look(p) == T_DOTDOT) {
    p->i++;
    cx_ast *hi = cx_operand(p);
    return cx_make(p, A_RANGE, first, (cx_kids){(cx_ast *[]){e, hi}, 2, 2});
  }
  return substitutions(p, climb(p, e, first, P_OR), first);
}

bool cx_named_ahead(const cx_parser *p) { return cx_is_name(p->t[p->i].kind) && p->t[p->i + 1].kind == T_ASSIGN; }

/* one argument: e, a..b, name = e, A given B, e subject to c, ... */
static cx_ast *argument(cx_parser *p) {
  int first = p->i;
  if (cx_named_ahead(p)) return cx_named(p);
  cx_ast *e = expression_or_range(p);
  if (cx_look(p) == T_GIVEN) {
    p->i++;
    cx_ast *condition = cx_value(p);
    e = cx_make(p, A_GIVEN, first, (cx_kids){(cx_ast *[]){e, condition}, 2, 2});
  } else if (cx_look(p) == T_SUBJECT) {
    cx_kids kids = {0};
    cx_add_kid(p, &kids, e);
    p->i++;
    cx_expect(p, T_TO, "`to` after `subject`");
    cx_add_kid(p, &kids, cx_constraint(p));
    while (cx_look(p) == T_COMMA && !(cx_is_name(p->t[p->i + 1].kind) && p->t[p->i + 2].kind == T_ASSIGN)) {
      p->i++;
      cx_add_kid(p, &kids, cx_constraint(p));
    }
    e = cx_make(p, A_SUBJECT, first, kids);
  }
  return e;
}

void cx_arguments(cx_parser *p, cx_kids *kids) {
  int outer = cx_open(p);
  if (p->t[p->i].kind != T_RPAREN) {
    cx_add_kid(p, kids, argument(p));
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_add_kid(p, kids, argument(p));
    }
  }
  if (cx_look(p) == T_TILDE) {
    int d = cx_error(p->ctx, cx_here(p), "`~` binds a variable, so an expression of it must follow after a `:`");
    cx_diag_help(p->ctx, d, "write expect(x ~ normal(0, 1): x^2)");
    cx_fail(p);
  }
  cx_close(p, outer, "`,` or `)`");
}

/* before the colon: i | i in a..b | x ~ dist(...) | x[i, j in a..b] ~ dist(...) | option = value */
static cx_ast *bound(cx_parser *p) {
  int first = p->i;
  if (cx_named_ahead(p)) return cx_named(p);
  int next = cx_is_name(p->t[p->i].kind) ? p->t[p->i + 1].kind : T_EOF;
  cx_kids index = {0};
  if (next == T_LBRACKET) { /* a random array: a distribution for each element */
    p->i++;
    int outer = cx_open(p);
    for (bool more = true; more; more = cx_look(p) == T_COMMA && (p->i++, true)) {
      if (!cx_is_name(p->t[p->i].kind)) cx_unexpected(p, "the name of an index");
      int at = p->i++;
      cx_kids range = {0};
      bool in = cx_look(p) == T_IN;
      if (in) p->i++, cx_add_kid(p, &range, cx_range(p));
      cx_ast *e = cx_make_named(p, A_BIND, at, at, range);
      e->op = in ? T_IN : 0;
      cx_add_kid(p, &index, e);
    }
    cx_close(p, outer, "`,` or `]`");
    next = cx_look(p) == T_TILDE ? T_TILDE : T_EOF;
    p->i--; /* as behind a name alone */
  }
  if (next != T_COMMA && next != T_COLON && next != T_IN && next != T_TILDE) {
    if (p->t[p->i].kind == T_ERROR) cx_fail(p);
    int d = cx_error(p->ctx, cx_here(p), "expected a name to bind before the `:`");
    cx_diag_help(p->ctx, d, "write sum(k: e), sum(k in 0..9: e) or expect(x ~ normal(0, 1): e)");
    cx_fail(p);
  }
  p->i++;
  cx_kids kids = {0};
  int op = 0;
  if (next == T_IN || next == T_TILDE) {
    op = next;
    p->i++;
    cx_add_kid(p, &kids, op == T_IN ? cx_range(p) : cx_postfix(p));
  }
  for (int k = 0; k < index.n; k++) cx_add_kid(p, &kids, index.at[k]);
  cx_ast *e = cx_make_named(p, A_BIND, first, first, kids);
  e->op = (uint8_t)op;
  return e;
}

/* on the left of a definition: y[i in 0..9] = .. */
cx_ast *cx_left_subscript(cx_parser *p) {
  return cx_is_name(p->t[p->i].kind) && p->t[p->i + 1].kind == T_IN ? bound(p) : cx_expression(p);
}

static cx_ast *binder(cx_parser *p, int first) {
  int outer = cx_open(p), nbind = 0;
  cx_kids kids = {0}, body = {0}, options = {0};
  for (;;) {
    cx_ast *e = bound(p);
    if (e->kind == A_BIND) cx_add_kid(p, &kids, e), nbind++;
    else cx_add_kid(p, &options, e);
    if (cx_look(p) != T_COMMA) break;
    p->i++;
  }
  int colon = p->i;
  if (cx_look(p) != T_COLON) cx_misplaced(p, "`,` or `:` after a bound name");
  p->i++;
  if (!nbind || nbind > 255) {
    int d = cx_error(p->ctx, cx_token_span(p, colon),
                     nbind ? "too many names are bound" : "no name is bound before the `:`");
    cx_diag_help(p->ctx, d, "write sum(k: e) or integral(x in 0..1, tol = 1e-10: e)");
    cx_fail(p);
  }
  do { /* the body; options may also follow it */
    cx_ast *e = argument(p);
    if (e->kind == A_NAMED) cx_add_kid(p, &options, e);
    else cx_add_kid(p, &body, e);
  } while (cx_look(p) == T_COMMA && (p->i++, true));
  if (!body.n) cx_unexpected(p, "an expression after the `:`");
  cx_close(p, outer, "`,` or `)`");
  for (int i = 0; i < options.n; i++) cx_add_kid(p, &kids, options.at[i]);
  cx_ast *b = body.at[0];
  if (body.n > 1) {
    b = cx_make(p, A_LIST, first, body);
    b->span = cx_span_join(body.at[0]->span, body.at[body.n - 1]->span);
  }
  cx_add_kid(p, &kids, b);
  cx_ast *e = cx_make_named(p, A_BINDER, first, first, kids);
  e->nbind = (uint8_t)nbind;
  return e;
}

/* A call with a colon right inside is a binder. Where the bracket is never closed the colon may be of a later line. */
static bool binds(const cx_parser *p) {
  const cx_token *t = &p->t[p->i];
  if (!(t->flags & TF_COLON) || t->match >= 0) return t->flags & TF_COLON;
  int next = t[1].kind == T_EOF ? T_EOF : t[2].kind;
  return cx_is_name(t[1].kind) && (next == T_IN || next == T_TILDE || next == T_COLON);
}

static cx_ast *subscript(cx_parser *p) {
  int kind = p->t[p->i].kind;
  if (kind == T_COMMA || kind == T_RBRACKET || kind == T_COLON) {
    cx_ast *e = leaf(p, A_ALL);
    if (kind == T_COLON) p->i++;
    else e->span = cx_here(p);
    if (kind != T_COLON || p->t[p->i].kind == T_COMMA || p->t[p->i].kind == T_RBRACKET) return e;
  } else {
    cx_ast *e = expression_or_range(p);
    if (cx_look(p) != T_COLON) return e;
  }
  int d = cx_error(p->ctx, cx_here(p), "a range of subscripts is written with two points");
  cx_diag_help(p->ctx, d, "write `a..b`; both ends are included");
  cx_fail(p);
}

static cx_ast *subscripts(cx_parser *p, cx_ast *base, int first) {
  cx_kids kids = {0};
  cx_add_kid(p, &kids, base);
  int outer = cx_open(p);
  if (p->t[p->i].kind == T_RBRACKET) {
    int d =
        cx_error(p->ctx, cx_span_join(cx_token_span(p, p->i - 1), cx_token_span(p, p->i)), "a subscript is missing");
    cx_diag_help(p->ctx, d, "write A[i], or A[:] for all");
    cx_fail(p);
  }
  cx_add_kid(p, &kids, subscript(p));
  while (cx_look(p) == T_COMMA) {
    p->i++;
    cx_add_kid(p, &kids, subscript(p));
  }
  cx_close(p, outer, "`,` or `]`");
  return cx_make(p, A_SUBSCRIPT, first, kids);
}

static cx_ast *array(cx_parser *p) {
  int first = p->i, outer = cx_open(p);
  cx_kids kids = {0};
  if (p->t[p->i].kind != T_RBRACKET) {
    cx_add_kid(p, &kids, expression_or_range(p));
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_add_kid(p, &kids, expression_or_range(p));
    }
  }
  if (cx_look(p) == T_SEMI) {
    int d = cx_error(p->ctx, cx_here(p), "the rows of a matrix are arrays in an array");
    cx_diag_help(p->ctx, d, "write [[1, 2], [3, 4]]");
    cx_fail(p);
  }
  cx_close(p, outer, "`,` or `]`");
  return cx_make(p, A_ARRAY, first, kids);
}

static cx_ast *parenthesis(cx_parser *p) {
  int outer = cx_open(p);
  cx_ast *e = cx_expression(p);
  if (cx_look(p) == T_COMMA && p->t[p->open].match >= 0) {
    int d = cx_error(p->ctx, cx_here(p), "round brackets hold one expression");
    cx_diag_help(p->ctx, d, "an array is written [a, b]");
    cx_fail(p);
  }
  cx_close(p, outer, "`)`");
  return e;
}

/* ---- operands ---- */

static cx_ast *condition(cx_parser *p) {
  int first = p->i++;
  cx_kids kids = {0};
  static const struct {
    int word;
    const char *message;
  } part[] = {{T_THEN, "expected `then` after the condition"},
              {T_ELSE, "expected `else`: an `if` always has both values"}};
  cx_add_kid(p, &kids, cx_value(p));
  for (int k = 0; k < 2; k++) {
    if (p->t[p->i].kind != part[k].word) {
      if (p->t[p->i].kind == T_ERROR) cx_fail(p);
      int d = cx_error(p->ctx, cx_here(p), "%s", part[k].message);
      cx_diag_label(p->ctx, d, cx_token_span(p, first), "of this `if`");
      cx_diag_help(p->ctx, d, "write `if condition then a else b`");
      cx_fail(p);
    }
    p->i++;
    cx_add_kid(p, &kids, cx_value(p));
  }
  return cx_make(p, A_IF, first, kids);
}

static cx_ast *primary(cx_parser *p) {
  int first = p->i, kind = p->t[p->i].kind;
  if (cx_starts_statement(p, p->i)) cx_unexpected(p, "an expression");
  switch (kind) {
    case T_NUM: return number(p);
    case T_STR: return string(p);
    case T_LPAREN: return parenthesis(p);
    case T_LBRACKET: return array(p);
    case T_IF: return condition(p);
    case T_ROOT: {
      p->i++;
      cx_enter(p);
      cx_ast *x = cx_postfix(p);
      p->level--;
      return cx_make_named(p, A_CALL, first, first, (cx_kids){&x, 1, 1});
    }
    case T_NOT: {
      int d = cx_error(p->ctx, cx_here(p), "`not` binds looser than the operator before it");
      cx_diag_help(p->ctx, d, "put it in brackets: (not ...)");
      cx_fail(p);
    }
    case T_LBRACE: {
      if (p->open >= 0 && p->t[p->open].match < 0) cx_unexpected(p, "an expression");
      int d = cx_error(p->ctx, cx_here(p), "a block `{ }` is the body of a definition, no part of an expression");
      cx_diag_help(p->ctx, d, "write f(x) = { ... } and call f(x)");
      cx_fail(p);
    }
    default:
      if (!cx_is_name(kind)) cx_unexpected(p, "an expression");
  }
  p->i++;
  int primes = 0;
  while (cx_look(p) == T_PRIME) p->i++, primes++;
  if (cx_look(p) != T_LPAREN) { /* no call: the primes transpose */
    p->i = first;
    return name(p);
  }
  if (primes > 255) cx_unexpected(p, "fewer derivatives");
  cx_ast *e;
  if (binds(p)) {
    if (primes) {
      int d = cx_error(p->ctx, cx_token_span(p, first + 1), "a binder has no derivative sign");
      cx_diag_help(p->ctx, d, "write d(e, x) for the derivative of an expression by x");
      cx_fail(p);
    }
    return binder(p, first);
  }
  cx_kids kids = {0};
  cx_arguments(p, &kids);
  e = cx_make_named(p, A_CALL, first, first, kids);
  e->primes = (uint8_t)primes;
  return e;
}

static cx_ast *postfix(cx_parser *p, bool powers) {
  int first = p->i;
  cx_ast *e = primary(p);
  for (;;) {
    int kind = cx_look(p);
    if (kind == T_LBRACKET) {
      e = subscripts(p, e, first);
    } else if (kind == T_PRIME) {
      p->i++;
      e = cx_make(p, A_TRANSPOSE, first, (cx_kids){&e, 1, 1});
    } else if (kind == T_SUPER && powers) {
      e = superscript(p, e, first);
    } else if (kind == T_LPAREN) {
      int d = cx_error(p->ctx, cx_here(p), "only a name can be called");
      cx_diag_help(p->ctx, d, "for a product, write `*` before the `(`");
      cx_fail(p);
    } else {
      return e;
    }
  }
}

cx_ast *cx_postfix(cx_parser *p) { return postfix(p, false); }

static cx_ast *unary(cx_parser *p) {
  int first = p->i, kind = p->t[p->i].kind;
  cx_enter(p);
  cx_ast *e;
  if (kind == T_MINUS || kind == T_PLUS) {
    p->i++;
    e = unary(p);
    e = cx_make(p, A_UNARY, first, (cx_kids){&e, 1, 1});
    e->op = (uint8_t)kind;
  } else {
    e = postfix(p, true);
    if (cx_look(p) == T_CARET) {
      p->i++;
      cx_ast *exponent = unary(p);
      e = cx_make(p, A_BINARY, first, (cx_kids){(cx_ast *[]){e, exponent}, 2, 2});
      e->op = T_CARET;
    }
  }
  p->level--;
  return e;
}

/* the left end of what binds at least as tight as `least` */
static cx_ast *start(cx_parser *p, int least) {
  int first = p->i;
  if (p->t[p->i].kind != T_NOT || least > P_NOT) return unary(p);
  int from = ++p->i;
  cx_enter(p);
  cx_ast *e = start(p, P_NOT);
  e = climb(p, e, from, P_COMPARE);
  p->level--;
  e = cx_make(p, A_UNARY, first, (cx_kids){&e, 1, 1});
  e->op = T_NOT;
  return e;
}

/* `=` where a comparison was meant: said once, then read as `==` */
static bool meant_equal(cx_parser *p, const cx_ast *left) {
  if (cx_look(p) != T_ASSIGN) return false;
  if (p->lhs && p->nest == 0) {
    int d = cx_error(p->ctx, left->span, "only a name, name[i] or name(x) can be defined");
    if (left->kind == A_CALL && left->primes)
      cx_diag_help(p->ctx, d, "a derivative follows from its function: define `%s`", left->name);
    else cx_diag_help(p->ctx, d, "write `==` to compare, `solve(x: a == b)` to solve for x");
    cx_fail(p);
  }
  if (p->equal_said == p->start + 1) return true;
  p->equal_said = p->start + 1;
  if (cx_range_ahead(p, p->i) && left->kind == A_NAME) {
    int d = cx_error(p->ctx, cx_here(p), "an index gets its range by `in`");
    cx_diag_help(p->ctx, d, "write `%s in a..b`", left->name);
    cx_fail(p);
  }
  int d = cx_error(p->ctx, cx_here(p), "`=` defines");
  cx_diag_help(p->ctx, d, "write `==` to compare");
  return true;
}

static cx_ast *comparison(cx_parser *p, cx_ast *left, int first) {
  cx_kids kids = {0};
  CX_VEC(uint8_t) ops = {0};
  cx_add_kid(p, &kids, left);
  while (precedence(cx_look(p)) == P_COMPARE || meant_equal(p, kids.at[kids.n - 1])) {
    int kind = p->t[p->i++].kind;
    *CX_PUSH(p->arena, ops) = (uint8_t)(kind == T_ASSIGN ? T_EQ : kind);
    int from = p->i;
    cx_ast *right = start(p, P_ADD);
    cx_add_kid(p, &kids, climb(p, right, from, P_ADD));
  }
  cx_ast *e = cx_make(p, A_COMPARE, first, kids);
  e->ops = ops.at;
  return e;
}

static cx_ast *climb(cx_parser *p, cx_ast *left, int first, int least) {
  for (;;) {
    int kind = cx_look(p), level = precedence(kind);
    if (least <= P_COMPARE && (level == P_COMPARE || kind == T_ASSIGN)) {
      left = comparison(p, left, first);
      continue;
    }
    if (!level || level < least) return left;
    p->i++;
    int from = p->i;
    cx_ast *right = start(p, level + 1);
    right = climb(p, right, from, level + 1);
    left = cx_make(p, A_BINARY, first, (cx_kids){(cx_ast *[]){left, right}, 2, 2});
    left->op = (uint8_t)kind;
  }
}

cx_ast *cx_operand(cx_parser *p) {
  int first = p->i;
  return climb(p, start(p, P_ADD), first, P_ADD);
}

cx_ast *cx_value(cx_parser *p) {
  int first = p->i;
  return climb(p, start(p, P_OR), first, P_OR);
}

cx_ast *cx_named(cx_parser *p) {
  int first = p->i;
  if (!cx_named_ahead(p)) { /* behind `at` */
    if (p->t[p->i].kind == T_ERROR) cx_fail(p);
    p->i += cx_is_name(p->t[p->i].kind);
    int d = cx_error(p->ctx, cx_here(p), "`at` needs a name, `=` and a value");
    cx_diag_help(p->ctx, d, "write `e at x = 2, y = 1`");
    cx_fail(p);
  }
  p->i += 2;
  cx_ast *value = cx_value(p);
  return cx_make_named(p, A_NAMED, first, first, (cx_kids){&value, 1, 1});
}

static cx_ast *substitutions(cx_parser *p, cx_ast *e, int first) {
  while (cx_look(p) == T_AT) {
    cx_kids kids = {0};
    cx_add_kid(p, &kids, e);
    do {
      p->i++;
      cx_add_kid(p, &kids, cx_named(p));
    } while (cx_look(p) == T_COMMA && cx_is_name(p->t[p->i + 1].kind) && p->t[p->i + 2].kind == T_ASSIGN);
    e = cx_make(p, A_AT, first, kids);
  }
  return e;
}

cx_ast *cx_expression(cx_parser *p) {
  int first = p->i;
  return substitutions(p, cx_value(p), first);
}

cx_ast *cx_range(cx_parser *p) {
  int first = p->i;
  cx_ast *lo = cx_operand(p);
  if (cx_look(p) != T_DOTDOT) {
    if (p->t[p->i].kind == T_ERROR) cx_fail(p);
    int d = cx_error(p->ctx, cx_here(p), "expected `..`: `in` needs a range");
    cx_diag_help(p->ctx, d, "write `in a..b`; both ends are included");
    cx_fail(p);
  }
  p->i++;
  cx_ast *hi = cx_operand(p);
  return cx_make(p, A_RANGE, first, (cx_kids){(cx_ast *[]){lo, hi}, 2, 2});
}

/* c, or name: c */
cx_ast *cx_constraint(cx_parser *p) {
  int first = p->i;
  bool label = cx_is_name(p->t[p->i].kind) && p->t[p->i + 1].kind == T_COLON;
  if (label) p->i += 2;
  cx_ast *e = cx_value(p);
  if (e->kind != A_COMPARE) {
    int d = cx_error(p->ctx, e->span, "a constraint is an equality or an inequality");
    cx_diag_help(p->ctx, d, "write `a == b`, `a <= b` or `lo <= a <= hi`");
    cx_fail(p);
  }
  return label ? cx_make_named(p, A_NAMED, first, first, (cx_kids){&e, 1, 1}) : e;
}
