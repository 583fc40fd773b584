/* predict.c - which questions a model file's program answers on new data. */
#include <string.h>

#include "run/session_int.h"

void cx_predict_ask(cx_session *s) {
  if (!s->opt->nask) return;
  cx_buf b = {.arena = s->a};
  for (int k = 0; k < s->opt->nask; k++) cx_putf(&b, k ? ", %s" : "%s", s->opt->ask[k]);
  cx_ast *q = cx_parse_console(s->ctx, s->a, cx_source_add(s->ctx, "question", b.at, (size_t)b.n));
  if (cx_error_count(s->ctx)) return;
  if (q->nkid != 1 || q->kid[0]->kind != S_PRINT || (s->opt->to && q->kid[0]->nkid != 1)) {
    int id = cx_diag(s->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN,
                     s->opt->to ? "one file takes one expression, not `%s`" : "`%s` is no expression", b.at);
    cx_diag_help(s->ctx, id, "ask for what the program defines: calx predict m.safetensors x=new.csv p");
    cx_throw(s->ctx, CX_E_USAGE);
  }
  cx_ast *st = q->kid[0], *root = s->prog->ast;
  if (s->opt->to) { /* write e to "file" */
    cx_ast *file = CX_NEW(s->a, cx_ast), **kid = CX_NEW_N(s->a, cx_ast *, 2);
    *file = (cx_ast){.kind = A_STR, .span = st->span, .name = cx_intern_z(s->ctx, s->opt->to)};
    kid[0] = st->kid[0], kid[1] = file;
    st->kind = S_WRITE;
    st->kid = kid;
    st->nkid = 2;
  }
  cx_ast **all = CX_NEW_N(s->a, cx_ast *, root->nkid + 1);
  if (root->nkid) memcpy(all, root->kid, (size_t)root->nkid * sizeof *all);
  all[root->nkid++] = st;
  root->kid = all;
}

/* data that a question reads, though nothing is bound to them; *any: it reads what is bound */
static const cx_decl *lacking(cx_session *s, const cx_action *act, bool *any) {
  const cx_model *m = s->m;
  const cx_decl *lack = NULL;
  int32_t *map = CX_NEW_N(s->t, int32_t, m->graph->neq + 1);
  for (int k = 0; k < act->nquery; k++) {
    if (act->query[k].eq == CX_NO_EQ) continue;
    cx_extract(m->graph, s->t, &act->query[k].eq, 1, map);
    for (int d = 0; d < m->ndecl; d++) {
      if (m->decl_eq[d] == CX_NO_EQ || map[m->decl_eq[d]] < 0) continue;
      if (m->decl[d].bound) *any = true;
      else if (!lack) lack = &m->decl[d];
    }
    for (int g = 0; g < m->ngiven; g++) { /* what texts have become */
      if (!m->given[g].decl || map[m->given[g].eq] < 0) continue;
      if (m->given[g].array.data) *any = true;
      else if (!lack) lack = &m->decl[m->given[g].decl - 1];
    }
  }
  return lack;
}

bool cx_predict_answers(cx_session *s, int at) {
  const cx_action *act = &s->m->action[at];
  bool any = false;
  if (s->opt->nask) {
    const cx_decl *lack = at == s->m->naction - 1 ? lacking(s, act, &any) : NULL;
    if (!lack) return at == s->m->naction - 1;
    int id =
        cx_diag(s->ctx, CX_ERROR, CX_E_DATA, act->ast->span, "this reads `%s`, to which nothing is bound", lack->name);
    cx_diag_label(s->ctx, id, lack->span, "declared here");
    cx_diag_help(s->ctx, id, "give it a file: %s=path", lack->name);
    cx_throw(s->ctx, CX_E_DATA);
  }
  for (int k = at + 1; k < s->m->naction; k++)
    if (s->m->action[k].kind == ACT_FIT) return false;
  if (act->kind == ACT_FIT || act->kind == ACT_EXPLAIN || act->model) return false;
  for (int k = 0; k < act->nquery; k++)
    if (act->query[k].trace) return false;
  return !lacking(s, act, &any) && any;
}

void cx_predict_nothing(cx_session *s) {
  cx_buf b = {.arena = s->a};
  int n = 0;
  for (int k = s->prog->ast->nkid - 1; k >= 0 && n < 8; k--) {
    const cx_ast *st = s->prog->ast->kid[k];
    if (st->kind == S_DEF || st->kind == S_DEF_INDEX) cx_putf(&b, n++ ? ", %s" : "%s", st->name);
  }
  int id = cx_diag(s->ctx, CX_ERROR, CX_E_USAGE, CX_NOSPAN,
                   "%s: no question of its program can be answered with the data that are given", s->model);
  cx_diag_help(s->ctx, id, "ask for an expression: calx predict %s DATA EXPR%s%s", s->model,
               n ? "; its program defines " : "", n ? b.at : "");
  cx_throw(s->ctx, CX_E_USAGE);
}
