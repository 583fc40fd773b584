/* Any text is a graph or an error; a graph prints, and what it prints is the same graph. */
#include "ir/ir.h"
#include "pool.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  cx_ctx *c = pool_ctx();
  cx_arena *a = cx_arena_new(c);
  cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "fuzz.ir", (const char *)data, n));
  if (g) {
    const char *text = cx_graph_text(g, a);
    cx_graph *h = cx_graph_read(c, a, cx_source_add(c, "again.ir", text, strlen(text)));
    if (!h || strcmp(cx_graph_text(h, a), text) != 0 || cx_verify(h)) abort();
    cx_comp *comp;
    int ncomp;
    cx_scc(h, a, &comp, &ncomp);
    for (int i = 0; i < h->neq; i++)
      if (h->eq[i]->kind == EQ_CALC) cx_bounds(h, h->eq[i]->body, h->eq[i]);
    if (h->nout && !cx_extract(h, a, h->out, h->nout, NULL)) abort();
  } else if (cx_error_count(c) != 1) {
    abort();
  }
  cx_arena_free(a);
  pool_end(c);
  return 0;
}
