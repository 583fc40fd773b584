/* update.c - the update of a first-order method, compiled from lib/optim.calx like any equation: a function
 * METHOD_NAME(...) gives the new value of NAME; its arguments are arrays and scalars by name. */
#include "run/update.h"

#include <string.h>

#include "base/lib.h"
#include "pass/pass.h"

#define STATES_MAX 3

typedef struct {
  cx_exec *exec;
  cx_work *work;
  int nstate;
  int slot_of_in[2 + STATES_MAX + CX_S_COUNT]; /* -2 - k: scalar k; 0: x, 1: g, 2 + k: state k */
  int nin;
  bool writes[2 + STATES_MAX];
  void *spare[2 + STATES_MAX]; /* NULL: updated in place */
  bool single;
} update;

static int run(void *user, void **x, void *g, void **state, const double *scalar, const char **why) {
  update *u = user;
  const void *in[2 + STATES_MAX + CX_S_COUNT];
  void *out[2 + STATES_MAX], **array[2 + STATES_MAX];
  float fs[CX_S_COUNT];
  array[0] = x;
  array[1] = &g;
  for (int k = 0; k < u->nstate; k++) array[2 + k] = &state[k];
  for (int k = 0; k < CX_S_COUNT; k++) fs[k] = (float)scalar[k];
  for (int k = 0; k < u->nin; k++) {
    int s = u->slot_of_in[k];
    in[k] = s >= 0 ? *array[s] : u->single ? (const void *)&fs[-2 - s] : (const void *)&scalar[-2 - s];
  }
  int n = 0;
  for (int k = 0; k < 2 + u->nstate; k++)
    if (k != 1 && u->writes[k]) out[n++] = u->spare[k] ? u->spare[k] : *array[k];
  if (cx_exec_run(u->exec, u->work, in, out, why)) return 1;
  n = 0;
  for (int k = 0; k < 2 + u->nstate; k++)
    if (k != 1 && u->writes[k]) {
      void *old = *array[k];
      *array[k] = out[n++];
      if (u->spare[k]) u->spare[k] = old; /* the new values change places with the old */
    }
  return 0;
}

cx_update cx_update_compile(cx_ctx *c, cx_arena *a, const char *method, const char *const *state, int64_t n,
                            bool single, int threads) {
  update *u = CX_NEW(a, update);
  cx_update bad = {NULL, NULL};
  u->single = single;
  while (u->nstate < STATES_MAX && state[u->nstate]) u->nstate++;
  cx_program prog = {.ctx = c, .arena = a, .file = -1};
  cx_model model = {.ctx = c, .arena = a};
  cx_elab E = {.ctx = c, .arena = a, .prog = &prog, .m = &model, .g = cx_graph_new(c, a)};
  model.graph = E.g;
  const cx_ast *text = NULL;
  for (int k = 0; k < cx_lib_count; k++)
    if (!strcmp(cx_lib[k].name, "optim.calx"))
      text = cx_parse(c, a, cx_source_add(c, cx_lib[k].name, cx_lib[k].text, cx_lib[k].n));
  if (!text) return bad;
  cx_binding *here;
  cx_hoist_functions(&E, text->kid, text->nkid, &here);
  uint32_t eq[2 + STATES_MAX + CX_S_COUNT];
  int slot[2 + STATES_MAX + CX_S_COUNT], ninput = 0;
  cx_binding *of[2 + STATES_MAX];
  uint32_t new_value[2 + STATES_MAX];
  for (int k = 0; k < 2 + u->nstate + CX_S_COUNT; k++) {
    bool array = k < 2 + u->nstate;
    cx_sym name = cx_intern_z(c, k == 0   ? "x"
                                 : k == 1 ? "g"
                                 : array  ? state[k - 2]
                                          : cx_update_scalar[k - 2 - u->nstate]);
    cx_eq *e = cx_eq_new(E.g, name, EQ_INPUT);
    if (array) e->rank = 1, e->dim[0].n = n;
    eq[ninput] = e->id;
    slot[ninput++] = array ? k : -2 - (k - 2 - u->nstate);
    cx_binding *b = cx_bind_name(&E, name, B_VALUE, CX_NOSPAN);
    b->v = cx_v_load(&E, e->id, CX_NOSPAN);
    if (array) of[k] = b;
  }
  size_t plen = strlen(method);
  for (int k = 0; k < text->nkid; k++) {
    const cx_ast *s = text->kid[k];
    if (s->kind != S_DEF_FUN || strncmp(s->name, method, plen) || s->name[plen] != '_') continue;
    const char *target = s->name + plen + 1;
    int t = -1;
    for (int j = 0; j < 2 + u->nstate; j++)
      if (!strcmp(target, j == 0 ? "x" : j == 1 ? "g" : state[j - 2])) t = j;
    cx_val arg[16];
    int narg = s->nkid - 1;
    for (int j = 0; j < narg && j < 16; j++) {
      cx_binding *b = cx_lookup(&E, s->kid[j + 1]->name, false);
      arg[j] = b ? b->v : cx_lookup_failed(&E, s->kid[j + 1]->name, false, s->kid[j + 1]->span);
    }
    cx_ast call = {.kind = A_CALL, .name = s->name, .span = s->span};
    cx_binding *f = cx_lookup(&E, s->name, true);
    cx_val v = cx_apply(&E, f, arg, narg, &call);
    if (t < 0) return bad;
    v = cx_v_store(&E, v, NULL, &new_value[t]);
    if (v.bad) return bad;
    of[t]->v = v;
    u->writes[t] = true;
  }
  if (!u->writes[0]) return bad;
  uint32_t root[2 + STATES_MAX];
  int nroot = 0;
  size_t size = single ? sizeof(float) : sizeof(double);
  for (int k = 0; k < 2 + u->nstate; k++) {
    if (k == 1 || !u->writes[k]) continue;
    root[nroot++] = new_value[k];
  }
  int32_t *map = CX_NEW_N(a, int32_t, E.g->neq);
  cx_graph *g = cx_extract(E.g, a, root, nroot, map);
  cx_run_passes(g, NULL);
  for (int k = 0; k < g->neq; k++)
    for (int j = 0; j < ninput; j++)
      if (g->eq[k]->kind == EQ_INPUT && map[eq[j]] == k) u->slot_of_in[u->nin++] = slot[j];
  cx_exec_opt o = {.threads = threads, .single = single};
  u->exec = cx_exec_new(a, g, NULL, &o);
  u->work = cx_work_new(a, u->exec);
  for (int k = 0, out = 0; k < 2 + u->nstate; k++) {
    if (k == 1 || !u->writes[k]) continue;
    bool in_place = true;
    for (int j = 0; j < u->nin; j++)
      in_place = in_place && (u->slot_of_in[j] != k || cx_exec_in_place(u->exec, j, out));
    if (!in_place) u->spare[k] = cx_alloc_n(a, (size_t)n, size);
    out++;
  }
  return (cx_update){u, run};
}
