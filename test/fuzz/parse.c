/* parse.c - any bytes, as a program (of even length) or an expression: no crash, no hang; what parses prints as text that
 * parses to an equal tree. */
#include "front/ast.h"
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tree(const cx_ast *e, size_t size) {
  if (!e) return;
  if (e->height < 1 || e->height > CX_MAX_NEST || e->span.beg > e->span.end || e->span.end > size) abort();
  for (int i = 0; i < e->nkid; i++) check_tree(e->kid[i], size);
}

static void round_trip(cx_ctx *c, cx_arena *a, const cx_ast *e, cx_ast *(*parse)(cx_ctx *, cx_arena *, int32_t)) {
  char *text = cx_ast_text(a, e);
  cx_ast *again = parse(c, a, cx_source_add(c, "again", text, strlen(text)));
  if (cx_error_count(c) || !cx_ast_equal(e, again)) {
    fprintf(stderr, "printed as:\n%s\n", text);
    for (int i = 0; i < cx_diag_count(c); i++) fputs(cx_diag_render(c, a, i, false), stderr);
    if (!cx_error_count(c)) fprintf(stderr, "and again as:\n%s\n", cx_ast_text(a, again));
    abort();
  }
}

static void run(const uint8_t *data, size_t size, cx_ast *(*parse)(cx_ctx *, cx_arena *, int32_t)) {
  cx_ctx *c = pool_ctx();
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    cx_ast *e = parse(c, a, cx_source_add(c, "in", (const char *)data, size));
    check_tree(e, size);
    if (cx_error_count(c) == 0) round_trip(c, a, e, parse);
    for (int i = 0; i < cx_diag_count(c) && i < 3; i++) cx_diag_render(c, a, i, i % 2);
    if (e->kind == A_ERROR && cx_error_count(c) == 0) abort();
    CX_END(c, f);
  }
  else { abort(); }
  pool_end(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  run(data, size, size % 2 ? cx_parse_expr : cx_parse);
  if (size % 4) return 0;
  cx_ctx *c = pool_ctx();
  cx_frame f;
  CX_TRY(c, f) {
    cx_parse_incomplete(c, (const char *)data, size);
    CX_END(c, f);
  }
  if (cx_diag_count(c)) abort();
  pool_end(c);
  return 0;
}
