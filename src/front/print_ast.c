/* print_ast.c - a tree as canonical calx text, with no bracket that the grammar does not need, and equality.
 * Levels are those of parse_expr.c: a node is put in brackets where its place asks for a tighter one. */
#include "front/ast.h"
#include <math.h>
#include <string.h>

enum { L_AT, L_IF, L_OR, L_AND, L_NOT, L_COMPARE, L_RANGE, L_ADD, L_MUL, L_UNARY, L_POWER, L_POSTFIX };

static void put(cx_buf *b, const cx_ast *e, int least);

static int level_of(const cx_ast *e) {
  switch (e->kind) {
    case A_AT: return L_AT;
    case A_IF:
    case A_GIVEN:
    case A_SUBJECT: return L_IF;
    case A_NUM: return e->num < 0 || (e->num == 0 && signbit(e->num)) ? L_UNARY : L_POSTFIX;
    case A_UNARY: return e->op == T_NOT ? L_NOT : L_UNARY;
    case A_COMPARE: return L_COMPARE;
    case A_RANGE: return L_RANGE;
    case A_BINARY:
      switch (e->op) {
        case T_OR: return L_OR;
        case T_AND: return L_AND;
        case T_PLUS:
        case T_MINUS: return L_ADD;
        case T_CARET: return L_POWER;
        default: return L_MUL;
      }
    default: return L_POSTFIX;
  }
}

/* kids from..to-1 between commas. A bare `at` would swallow a `, name = value` behind it: only the last may be one. */
static void put_list(cx_buf *b, const cx_ast *e, int from, int to) {
  for (int i = from; i < to; i++) {
    if (i > from) cx_puts(b, ", ");
    put(b, e->kid[i], i + 1 < to ? L_IF : L_AT);
  }
}

static void put_constraints(cx_buf *b, const cx_ast *e, int from) {
  for (int i = from; i < e->nkid; i++) {
    const cx_ast *k = e->kid[i];
    if (i > from) cx_puts(b, ", ");
    if (k->kind == A_NAMED) cx_putf(b, "%s: ", k->name);
    put(b, k->kind == A_NAMED ? k->kid[0] : k, L_COMPARE);
  }
}

static void put_string(cx_buf *b, const char *s) {
  cx_puts(b, "\"");
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') cx_putf(b, "\\%c", *s);
    else if (*s == '\n') cx_puts(b, "\\n");
    else if (*s == '\t') cx_puts(b, "\\t");
    else cx_put(b, s, 1);
  }
  cx_puts(b, "\"");
}

static void put_bind(cx_buf *b, const cx_ast *e) {
  cx_puts(b, e->name);
  if (!e->nkid) return;
  for (int k = 1; k < e->nkid; k++) {
    cx_puts(b, k > 1 ? ", " : "[");
    put_bind(b, e->kid[k]);
  }
  if (e->nkid > 1) cx_puts(b, "]");
  cx_puts(b, e->op == T_IN ? " in " : " ~ ");
  put(b, e->kid[0], e->op == T_IN ? L_RANGE : L_POSTFIX);
}

static void put_declared(cx_buf *b, const cx_ast *e) {
  cx_puts(b, e->name);
  if (e->kid[0] && e->kid[0]->nkid) {
    cx_puts(b, "[");
    put_list(b, e->kid[0], 0, e->kid[0]->nkid);
    cx_puts(b, "]");
  }
  const cx_ast *domain = e->kid[1];
  if (domain && domain->kind == A_RANGE) {
    cx_puts(b, " in ");
    put(b, domain, L_RANGE);
  } else if (domain && domain->kind == A_COMPARE) {
    cx_putf(b, " %s ", cx_tok_text(domain->ops[0]));
    put(b, domain->kid[1], L_ADD);
  } else if (domain) {
    cx_puts(b, " : ");
    put(b, domain, L_POSTFIX);
  }
  if (!e->kid[2]) return;
  cx_puts(b, " = ");
  put(b, e->kid[2], L_IF);
}

/* An expression where a statement may stand: one that begins with the word of a statement needs brackets. */
static void put_alone(cx_buf *b, const cx_ast *e, int least) {
  const cx_ast *left = e;
  while (left->kind < S_PROGRAM && left->kind != A_BINDER && left->kind != A_CALL && left->kind != A_UNARY &&
         left->kind != A_ARRAY && left->kind != A_IF && left->nkid)
    left = left->kid[0];
  bool word = false;
  if (left->kind == A_NAME || left->kind == A_CALL || left->kind == A_BINDER)
    for (int k = T_DATA; k <= T_DISTRIBUTION; k++) word |= strcmp(left->name, cx_tok_text(k)) == 0;
  put(b, e, word ? L_POSTFIX + 1 : least);
}

static void put_statements(cx_buf *b, const cx_ast *e, int from, const char *between) {
  for (int i = from; i < e->nkid; i++) {
    if (i > from) cx_puts(b, between);
    put_alone(b, e->kid[i], L_AT);
  }
}

static void put_number(cx_buf *b, const cx_ast *e) { /* .5 and 5. would not stand beside the points of a range */
  char text[32];
  const char *s = e->name ? e->name : cx_show_double(text, e->num);
  size_t n = strlen(s);
  if (*s == '.') cx_puts(b, "0");
  cx_put(b, s, n - (n && s[n - 1] == '.'));
}

static void put_statement(cx_buf *b, const cx_ast *e) {
  /* clang-format off */
  static const char *const words[A_KIND_COUNT] = {[S_DATA] = "data ", [S_PARAM] = "param ", [S_MINIMIZE] = "minimize ",
    [S_MAXIMIZE] = "maximize ", [S_SUBJECT] = "subject to ", [S_LOAD] = "load ", [S_FIT] = "fit ", [S_PRINT] = "print ", [S_PLOT] = "plot ",
    [S_WRITE] = "write ", [S_EXPLAIN] = "explain ", [S_IMPORT] = "import ", [S_PRECISION] = "precision ",
    [S_DISTRIBUTION] = "distribution "};
  /* clang-format on */
  if (words[e->kind]) cx_puts(b, words[e->kind]);
  switch (e->kind) {
    case S_PROGRAM:
      put_statements(b, e, 0, "\n");
      if (e->nkid) cx_puts(b, "\n");
      break;
    case S_DEF:
    case S_DEF_INDEX:
    case S_DEF_FUN:
      if (e->op == T_PARAM) cx_puts(b, "param ");
      cx_puts(b, e->name);
      if (e->kind != S_DEF) {
        cx_puts(b, e->kind == S_DEF_FUN ? "(" : "[");
        put_list(b, e, 1, e->nkid);
        cx_puts(b, e->kind == S_DEF_FUN ? ")" : "]");
      }
      cx_puts(b, " = ");
      put(b, e->kid[0], L_AT);
      break;
    case S_ARG:
      cx_puts(b, e->name);
      if (e->op == T_ASSIGN) cx_putf(b, isnan(e->num) ? " = nan" : " = %.17g", e->num);
      if (!e->nkid) break;
      cx_puts(b, "[");
      put_list(b, e, 0, e->nkid);
      cx_puts(b, "]");
      break;
    case S_OPTION:
      put(b, e->kid[0], L_AT);
      cx_puts(b, e->op == T_TILDE ? " ~ " : " = ");
      put(b, e->kid[1], L_AT);
      break;
    case S_DATA:
    case S_PARAM: put_declared(b, e); break;
    case S_GROUP:
      cx_puts(b, e->nkid && e->kid[0]->kind == S_DATA ? "data " : "param ");
      for (int i = 0; i < e->nkid; i++) {
        if (i) cx_puts(b, ", ");
        put_declared(b, e->kid[i]);
      }
      break;
    case S_TILDE:
      if (e->kid[0]->kind == A_NAME || (e->kid[0]->kind == A_SUBSCRIPT && e->kid[0]->kid[0]->kind == A_NAME))
        put(b, e->kid[0], L_IF);
      else put_alone(b, e->kid[0], L_IF);
      cx_puts(b, " ~ ");
      put(b, e->kid[1], L_AT);
      break;
    case S_SUBJECT: put_constraints(b, e, 0); break;
    case S_LOAD:
      for (int i = 0; i < e->nkid; i++) {
        if (i) cx_puts(b, ", ");
        put_string(b, e->kid[i]->name);
        if (e->kid[i]->kind != A_NAMED) continue;
        cx_puts(b, " = ");
        put(b, e->kid[i]->kid[0], L_IF);
      }
      if (e->nkid) cx_puts(b, " from ");
      put_string(b, e->name);
      break;
    case S_FIT: {
      int some = e->nkid && e->kid[0]->kind == A_LIST;
      if (some) put(b, e->kid[0], L_AT), cx_puts(b, " ");
      cx_putf(b, "by %s", e->name);
      if (e->nkid == some) break;
      cx_puts(b, "(");
      put_list(b, e, some, e->nkid);
      cx_puts(b, ")");
      break;
    }
    case S_PLOT: {
      int last = e->nkid - e->nbind, file = -1;
      if (last > 0 && e->kid[last - 1]->kind == A_NAMED && strcmp(e->kid[last - 1]->name, "to") == 0) file = last - 1;
      for (int i = 0, n = 0; i < last; i++) {
        if (i == file) continue;
        bool word =
            e->kid[i]->kind == A_NAMED && (!strcmp(e->kid[i]->name, "against") || !strcmp(e->kid[i]->name, "by"));
        if (word) {
          bool more = i && e->kid[i - 1]->kind == A_NAMED && e->kid[i - 1]->name == e->kid[i]->name; /* by a, b */
          cx_putf(b, more ? ", " : " %s ", e->kid[i]->name);
          put(b, e->kid[i]->kid[0], L_IF);
          continue;
        }
        if (n++) cx_puts(b, ", ");
        put(b, e->kid[i], L_IF);
      }
      for (int i = last; i < e->nkid; i++) {
        cx_puts(b, i == last ? " for " : ", ");
        put_bind(b, e->kid[i]);
      }
      if (file < 0) break;
      cx_puts(b, " to ");
      put(b, e->kid[file]->kid[0], L_IF);
      break;
    }
    case S_WRITE:
      put(b, e->kid[0], L_AT);
      cx_puts(b, " to ");
      put(b, e->kid[1], L_IF);
      if (e->nkid > 2) cx_puts(b, ", "), put(b, e->kid[2], L_IF);
      break;
    case S_IMPORT: put_string(b, e->name); break;
    case S_PRECISION: cx_puts(b, e->name); break;
    case S_DISTRIBUTION: {
      int args = 0;
      while (args < e->nkid && e->kid[args]->kind == S_ARG) args++;
      cx_putf(b, "%s(", e->name);
      put_list(b, e, 0, args);
      cx_puts(b, ") { ");
      put_statements(b, e, args, "; ");
      cx_puts(b, " }");
      break;
    }
    default: /* a word, then expressions */ put_list(b, e, 0, e->nkid);
  }
}

static void put_node(cx_buf *b, const cx_ast *e) {
  int level = level_of(e);
  switch (e->kind) {
    case A_ERROR: cx_puts(b, "?"); break;
    case A_NUM: put_number(b, e); break;
    case A_STR: put_string(b, e->name); break;
    case A_NAME: cx_puts(b, e->name); break;
    case A_UNARY:
      cx_puts(b, e->op == T_NOT ? "not " : cx_tok_text(e->op));
      put(b, e->kid[0], level);
      break;
    case A_BINARY: {
      bool power = e->op == T_CARET;
      put(b, e->kid[0], power ? L_POSTFIX : level);
      cx_putf(b, power ? "%s" : " %s ", cx_tok_text(e->op));
      put(b, e->kid[1], power ? L_UNARY : level + 1);
      break;
    }
    case A_COMPARE:
      for (int i = 0; i < e->nkid; i++) {
        if (i) cx_putf(b, " %s ", cx_tok_text(e->ops[i - 1]));
        put(b, e->kid[i], L_ADD);
      }
      break;
    case A_TRANSPOSE:
      put(b, e->kid[0], L_POSTFIX);
      cx_puts(b, "'");
      break;
    case A_CALL:
      cx_puts(b, e->name);
      for (int i = 0; i < e->primes; i++) cx_puts(b, "'");
      cx_puts(b, "(");
      put_list(b, e, 0, e->nkid);
      cx_puts(b, ")");
      break;
    case A_NAMED:
      cx_putf(b, "%s = ", e->name);
      put(b, e->kid[0], L_IF);
      break;
    case A_SUBSCRIPT:
      put(b, e->kid[0], L_POSTFIX);
      cx_puts(b, "[");
      put_list(b, e, 1, e->nkid);
      cx_puts(b, "]");
      break;
    case A_ALL: cx_puts(b, ":"); break;
    case A_RANGE:
      put(b, e->kid[0], L_ADD);
      cx_puts(b, "..");
      put(b, e->kid[1], L_ADD);
      break;
    case A_ARRAY:
      cx_puts(b, "[");
      put_list(b, e, 0, e->nkid);
      cx_puts(b, "]");
      break;
    case A_BINDER:
      cx_putf(b, "%s(", e->name);
      for (int i = 0; i + 1 < e->nkid; i++) {
        if (i) cx_puts(b, ", ");
        put(b, e->kid[i], L_IF);
      }
      cx_puts(b, ": ");
      put(b, e->kid[e->nkid - 1], L_AT);
      cx_puts(b, ")");
      break;
    case A_BIND: put_bind(b, e); break;
    case A_LIST: put_list(b, e, 0, e->nkid); break;
    case A_IF:
      cx_puts(b, "if ");
      put(b, e->kid[0], L_IF);
      cx_puts(b, " then ");
      put(b, e->kid[1], L_IF);
      cx_puts(b, " else ");
      put(b, e->kid[2], L_IF);
      break;
    case A_AT:
      put(b, e->kid[0], L_AT);
      for (int i = 1; i < e->nkid; i++) {
        cx_puts(b, i == 1 ? " at " : ", ");
        put(b, e->kid[i], L_IF);
      }
      break;
    case A_SUBJECT:
      put(b, e->kid[0], L_IF);
      cx_puts(b, " subject to ");
      put_constraints(b, e, 1);
      break;
    case A_GIVEN:
      put(b, e->kid[0], L_IF);
      cx_puts(b, " given ");
      put(b, e->kid[1], L_IF);
      break;
    case A_BLOCK:
      cx_puts(b, "{ ");
      put_statements(b, e, 0, "; ");
      cx_puts(b, " }");
      break;
    default: put_statement(b, e);
  }
}

static void put(cx_buf *b, const cx_ast *e, int least) {
  if (!e) return;
  bool brackets = level_of(e) < least;
  if (brackets) cx_puts(b, "(");
  put_node(b, e);
  if (brackets) cx_puts(b, ")");
}

char *cx_ast_text(cx_arena *a, const cx_ast *e) {
  cx_buf b = {.arena = a};
  cx_put(&b, "", 0);
  put(&b, e, L_AT);
  return b.at;
}

bool cx_ast_equal(const cx_ast *x, const cx_ast *y) {
  if (x == y) return true;
  if (!x || !y || x->kind != y->kind || x->op != y->op || x->primes != y->primes || x->nbind != y->nbind ||
      x->nkid != y->nkid)
    return false;
  if (x->kind == A_NUM ? memcmp(&x->num, &y->num, sizeof x->num) != 0 : x->name != y->name) return false;
  if (x->kind == A_COMPARE && memcmp(x->ops, y->ops, (size_t)x->nkid - 1) != 0) return false;
  for (int i = 0; i < x->nkid; i++)
    if (!cx_ast_equal(x->kid[i], y->kid[i])) return false;
  return true;
}
