/* passes.c - the table of passes.def, and running it. */
#include "pass/pass.h"
#include <string.h>

const cx_pass cx_passes[] = {
#define PASS(name, what) {#name, what, cx_pass_##name},
#include "pass/passes.def"
#undef PASS
};
const int cx_npasses = sizeof cx_passes / sizeof *cx_passes;

static void run(cx_graph *g, const cx_pass *p) {
  p->run(g);
#ifdef CX_DEBUG
  const char *wrong = cx_verify(g);
  if (wrong) {
    cx_diag(g->ctx, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "pass %s left a malformed graph: %s", p->name, wrong);
    cx_throw(g->ctx, CX_E_RUNTIME);
  }
#endif
}

void cx_run_passes(cx_graph *g, const char *last) { cx_run_passes_after(g, NULL, last); }
void cx_run_passes_after(cx_graph *g, const char *after, const char *last) {
  int first = 0;
  while (after && strcmp(cx_passes[first++].name, after)) {}
  for (int i = first; i < cx_npasses; i++) {
    run(g, &cx_passes[i]);
    if (last && !strcmp(cx_passes[i].name, last)) return;
  }
}

void cx_prepare(cx_graph *g) {
  static const cx_pass before[] = {
#define PASS(name, what) {#name, what, cx_pass_##name},
      PASS(simplify, "") PASS(stabilise, "") PASS(monotone, "") PASS(delta, "") PASS(suffstat, "")
#undef PASS
  };
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) run(g, &before[i]);
}
