/* parse_stmt.h - between parse.c and parse_stmt.c. */
#ifndef CX_PARSE_STMT_H
#define CX_PARSE_STMT_H
#include "front/parse.h"

bool cx_is_statement_word(int kind);
bool cx_defines(const cx_parser *p, int i); /* the name at token i is followed by what makes it a definition */
cx_ast *cx_one_statement(cx_parser *p);     /* one; leaves through cx_fail */
void cx_statements(cx_parser *p, cx_kids *kids, int end); /* up to a token of kind `end`, or the end of the text */
/* parse_stmt.c: help for statements */
bool cx_ended(const cx_parser *p); /* nothing more stands in the statement */
void cx_need(cx_parser *p, const char *what, const char *example);
void cx_keyword(cx_parser *p, int kind, const char *what, const char *example);
/* parse_ask.c */
cx_ast *cx_objective_statement(cx_parser *p, int kind);
cx_ast *cx_subject_statement(cx_parser *p);
cx_ast *cx_load_statement(cx_parser *p);
cx_ast *cx_fit_statement(cx_parser *p);
cx_ast *cx_print_statement(cx_parser *p);
cx_ast *cx_plot_statement(cx_parser *p);
cx_ast *cx_write_statement(cx_parser *p);
cx_ast *cx_explain_statement(cx_parser *p);
#endif
