/* fuzz_run.c - any program: read, elaborated with stand-in sizes, differentiated, through every pass, printed, and
 * what was printed read again. No crash, no hang, no leak; a graph that elaboration calls good stays good. */
#include "front/elab.h"
#include "pass/pass.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(cx_ctx *c, const char *text, size_t size) {
  cx_arena *a = cx_arena_new(c);
  if (size >= 6 && memmem(text, size, "import", 6)) return; /* nothing is read but the input */
  cx_program *p = cx_program_new(c, a, cx_source_add(c, "in", text, size), "/nowhere");
  cx_elab_opt opt = {.unbound = true};
  cx_model *m = cx_elaborate(p, a, p->decl, p->ndecl, &opt);
  for (int i = 0; i < cx_diag_count(c); i++) cx_diag_render(c, a, i, i % 2);
  if (!m) {
    if (cx_error_count(c) == 0) abort(); /* a refusal says why */
    return;
  }
  cx_graph *g = m->graph;
  uint32_t root[64];
  int n = 0;
  for (int k = 0; k < m->naction; k++)
    for (int j = 0; j < m->action[k].nquery && n < 32; j++)
      if (m->action[k].query[j].eq != CX_NO_EQ) root[n++] = m->action[k].query[j].eq;
  if (m->objective != CX_NO_EQ && m->nparam > 0) {
    uint32_t raw[16], grad[16];
    int np = m->nparam < 16 ? m->nparam : 16;
    for (int k = 0; k < np; k++) raw[k] = m->param[k].raw;
    cx_prepare(g);
    cx_diff_reverse(g, m->objective, CX_NO_COT, raw, np, grad);
    root[n++] = m->objective;
    for (int k = 0; k < np; k++) root[n++] = grad[k];
  }
  if (!n) return;
  cx_graph *part = cx_extract(g, a, root, n, NULL);
  cx_run_passes(part, NULL);
  char *out = cx_graph_text(part, a);
  int errors = cx_error_count(c);
  cx_graph *again = cx_graph_read(c, a, cx_source_add(c, "out", out, strlen(out)));
  if (errors == 0 && (!again || cx_error_count(c))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  if (!c) return 0;
  CX_TRY(c, f) {
    run(c, (const char *)data, size);
    CX_END(c, f);
  }
  else if (cx_error_count(c) == 0) { abort(); }
  cx_ctx_free(c);
  return 0;
}
