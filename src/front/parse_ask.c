/* parse_ask.c - the statements that state what is optimised, fit it, and ask. */
#include "front/parse_stmt.h"
#include <string.h>

/* ---- objectives and fits ---- */

cx_ast *cx_objective_statement(cx_parser *p, int kind) {
  int first = p->i++;
  cx_need(p, "an expression to optimise", kind == S_MINIMIZE ? "minimize x^2" : "maximize x * y");
  cx_ast *e = cx_expression(p);
  return cx_make(p, kind, first, (cx_kids){&e, 1, 1});
}

cx_ast *cx_subject_statement(cx_parser *p) {
  int first = p->i++;
  cx_keyword(p, T_TO, "`to` after `subject`", "subject to x + y == 1, x >= 0");
  cx_kids kids = {0};
  cx_add_kid(p, &kids, cx_constraint(p));
  while (cx_look(p) == T_COMMA) {
    p->i++;
    cx_add_kid(p, &kids, cx_constraint(p));
  }
  return cx_make(p, S_SUBJECT, first, kids);
}

/* a param by its name, in quotes where it has a point in it ("dense.W") */
static cx_ast *param_name(cx_parser *p) {
  int at = p->i;
  bool here = cx_look(p) != T_NEWLINE || p->t[at - 1].kind == T_COMMA; /* a comma leaves the line open */
  if (here && p->t[at].kind == T_STR) {
    cx_ast *e = cx_postfix(p);
    if (e->kind == A_STR) return e;
  } else if (here && cx_is_name(p->t[at].kind) && !(cx_look(p) == T_NEWLINE && cx_is_statement_word(p->t[at].kind))) {
    p->i++;
    cx_ast *e = cx_make_named(p, A_STR, at, at, (cx_kids){0});
    e->span = e->name_span;
    return e;
  }
  cx_unexpected(p, "the name of a param, such as `W` or \"dense.W\"");
}

static bool has_text(const cx_ast *e) {
  bool any = e && e->kind == A_STR;
  for (int k = 0; e && k < e->nkid && !any; k++) any = has_text(e->kid[k]);
  return any;
}

/* load "file" | load W, b = "bias", V = "weight"', h = "b_ih" + "b_hh" from "file" */
cx_ast *cx_load_statement(cx_parser *p) {
  int first = p->i++;
  cx_need(p, "the name of a file", "load \"model.safetensors\"");
  cx_kids kids = {0};
  do {
    if (kids.n) p->i++;
    int at = p->i;
    cx_ast *item = param_name(p);
    if (cx_look(p) == T_ASSIGN) {
      p->i++;
      cx_ast *of = cx_value(p);
      if (!has_text(of)) {
        int d = cx_error(p->ctx, of->span, "expected the name of an array of the file, in double quotes");
        cx_diag_help(p->ctx, d,
                     "write `load W = \"fc.weight\" from \"file.safetensors\"`, with ' behind it to transpose, or an "
                     "expression of such names");
        cx_fail(p);
      }
      cx_sym name = item->name;
      item = cx_make_named(p, A_NAMED, at, at, (cx_kids){&of, 1, 1});
      item->name = name;
    }
    cx_add_kid(p, &kids, item);
  } while (cx_look(p) == T_COMMA);
  cx_ast *file = kids.at[0];
  /* also on a line of its own: no statement begins so */
  bool from = p->t[p->i].kind == T_NAME && p->t[p->i + 1].kind == T_STR && !strcmp(cx_name_at(p, p->i), "from");
  from |= cx_look(p) == T_NAME && !strcmp(cx_name_at(p, p->i), "from");
  if (from) {
    p->i++;
    if (cx_look(p) != T_STR) cx_unexpected(p, "the name of a file in double quotes behind `from`");
    file = cx_postfix(p);
  } else {
    if (kids.n > 1 || p->t[first + 1].kind != T_STR || file->kind != A_STR) {
      int d = cx_error(p->ctx, cx_here(p), "expected `from` and the name of a file");
      cx_diag_help(p->ctx, d, "write `load W, b from \"model.safetensors\"`, or `load \"model.safetensors\"` for all");
      cx_fail(p);
    }
    kids.n = 0;
  }
  if (file->kind != A_STR) cx_misplaced(p, "the end of the statement");
  cx_ast *e = cx_make(p, S_LOAD, first, kids);
  e->name = file->name;
  e->name_span = file->span;
  return e;
}

cx_ast *cx_fit_statement(cx_parser *p) {
  int first = p->i++;
  cx_need(p, "`by` and a method", "fit by adam(rate = 0.01)");
  cx_kids some = {0};
  int list = p->i;
  if (cx_look(p) != T_BY) {
    cx_add_kid(p, &some, param_name(p));
    while (cx_look(p) == T_COMMA) {
      p->i++;
      cx_add_kid(p, &some, param_name(p));
    }
    if (cx_look(p) != T_BY) p->i = list; /* fit adam: the word is missing there */
  }
  cx_keyword(p, T_BY, "`by` after `fit`", "fit by adam(rate = 0.01)");
  int method = p->i;
  if (cx_ended(p) || !cx_is_name(p->t[p->i].kind))
    cx_unexpected(p, "the name of a method after `by`, such as adam or lbfgs");
  p->i++;
  cx_kids kids = {0};
  if (some.n) cx_add_kid(p, &kids, cx_make(p, A_LIST, list, some));
  if (cx_look(p) == T_LPAREN) cx_arguments(p, &kids);
  else if (!cx_ended(p) && cx_named_ahead(p)) {
    int d = cx_error(p->ctx, cx_here(p), "options of a method stand in brackets");
    cx_diag_help(p->ctx, d, "write `%s(%s = ..)`", cx_name_at(p, method), cx_name_at(p, p->i));
    cx_fail(p);
  }
  for (int i = some.n > 0; i < kids.n; i++) {
    if (kids.at[i]->kind == A_NAMED) continue;
    int d = cx_error(p->ctx, kids.at[i]->span, "an option of a method has a name");
    cx_diag_help(p->ctx, d, "write `%s(rate = 0.01)`", cx_name_at(p, method));
    cx_fail(p);
  }
  return cx_make_named(p, S_FIT, first, method, kids);
}

/* ---- queries ---- */

cx_ast *cx_print_statement(cx_parser *p) {
  int first = p->i++;
  cx_need(p, "a value to print", "print x");
  cx_kids kids = {0};
  cx_add_kid(p, &kids, cx_expression(p));
  while (cx_look(p) == T_COMMA) {
    p->i++;
    cx_add_kid(p, &kids, cx_expression(p));
  }
  return cx_make(p, S_PRINT, first, kids);
}

/* `against x`, `by group`: words that are names elsewhere */
static void plot_option(cx_parser *p, const char *word, cx_kids *kids) {
  int kind = cx_look(p);
  if (strcmp(word, "by") ? kind != T_NAME || strcmp(cx_name_at(p, p->i), word) : kind != T_BY && kind != T_COMMA)
    return;
  int at = p->i++;
  cx_ast *e = cx_expression(p), *named = cx_make_named(p, A_NAMED, at, at, (cx_kids){&e, 1, 1});
  named->name = cx_intern_z(p->ctx, word);
  cx_add_kid(p, kids, named);
}

cx_ast *cx_plot_statement(cx_parser *p) {
  int first = p->i++;
  cx_need(p, "a value to plot", "plot f(x) for x in 0..1");
  cx_kids kids = {0}, binds = {0};
  cx_add_kid(p, &kids, cx_expression(p));
  while (cx_look(p) == T_COMMA) {
    p->i++;
    cx_add_kid(p, &kids, cx_named_ahead(p) ? cx_named(p) : cx_expression(p));
  }
  plot_option(p, "against", &kids);
  plot_option(p, "by", &kids);
  const cx_ast *by = kids.at[kids.n - 1];
  if (by->kind == A_NAMED && !strcmp(by->name, "by") && cx_look(p) == T_COMMA) plot_option(p, "by", &kids);
  if (cx_look(p) == T_FOR) {
    do {
      p->i++;
      if (binds.n && cx_named_ahead(p)) {
        cx_add_kid(p, &kids, cx_named(p));
        continue;
      }
      int name = p->i;
      if (!cx_is_name(p->t[p->i].kind)) cx_unexpected(p, "the name of a variable and its range, such as `x in 0..1`");
      p->i++;
      cx_expect(p, T_IN, "`in` and a range");
      cx_ast *range = cx_range(p);
      cx_ast *b = cx_make_named(p, A_BIND, name, name, (cx_kids){&range, 1, 1});
      b->op = T_IN;
      cx_add_kid(p, &binds, b);
    } while (cx_look(p) == T_COMMA);
  }
  if (cx_look(p) == T_TO) {
    int to = p->i++;
    cx_ast *file = cx_value(p);
    cx_add_kid(p, &kids, cx_make_named(p, A_NAMED, to, to, (cx_kids){&file, 1, 1}));
  }
  for (int i = 0; i < binds.n; i++) cx_add_kid(p, &kids, binds.at[i]);
  cx_ast *e = cx_make(p, S_PLOT, first, kids);
  e->nbind = (uint8_t)(binds.n < 255 ? binds.n : 255);
  if (binds.n > 255) cx_unexpected(p, "fewer variables");
  return e;
}

cx_ast *cx_write_statement(cx_parser *p) {
  int first = p->i++;
  cx_need(p, "a value to write", "write x to \"x.csv\"");
  cx_kids kids = {0};
  cx_add_kid(p, &kids, cx_expression(p));
  cx_keyword(p, T_TO, "`to` and the name of a file", "write x to \"x.csv\"");
  cx_add_kid(p, &kids, cx_value(p));
  if (cx_look(p) == T_COMMA) {
    p->i++;
    if (!cx_named_ahead(p)) cx_unexpected(p, "an option behind the comma, as in `write x to \"x.png\", bits = 16`");
    cx_add_kid(p, &kids, cx_named(p));
  }
  return cx_make(p, S_WRITE, first, kids);
}

cx_ast *cx_explain_statement(cx_parser *p) {
  int first = p->i++;
  cx_need(p, "a derivative to explain", "explain f'(x)");
  cx_ast *e = cx_expression(p);
  return cx_make(p, S_EXPLAIN, first, (cx_kids){&e, 1, 1});
}
