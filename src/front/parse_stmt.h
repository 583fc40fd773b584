/* parse_stmt.h - between parse.c and parse_stmt.c. */
#ifndef CX_PARSE_STMT_H
#define CX_PARSE_STMT_H
#include "front/parse.h"

bool cx_is_statement_word(int kind);
bool cx_defines(const cx_parser *p, int i); /* the name at token i is followed by what makes it a definition */
cx_ast *cx_statement(cx_parser *p);         /* one, or an A_ERROR after its diagnostic */
cx_ast *cx_one_statement(cx_parser *p);     /* one; leaves through cx_fail */
void cx_statements(cx_parser *p, cx_kids *kids, int end); /* up to a token of kind `end`, or the end of the text */
#endif
