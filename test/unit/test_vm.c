/* test_vm.c - tier 0 against the reference evaluator on random graphs, and against closed forms. */
#include "back/back.h"
#include "check.h"
#include <stdlib.h>

static uint64_t state;
static uint64_t rnd(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}
static int below(int n) { return (int)((rnd() >> 20) % (uint64_t)n); }
static double uniform(void) { return (double)((int)((rnd() >> 20) & 255) - 128) / 128; }

/* ---- random graphs ---- */
enum { POOL = 5, MAX_IN = 8 };
typedef struct {
  cx_ctx *c; cx_arena *a; cx_graph *g;
  int64_t size[POOL];
  int nin, exact_from;
  cx_array input[MAX_IN];
  double *value[MAX_IN];
} gen;

static const cx_node *expr(gen *x, const cx_eq *e, int depth, bool exact);

static int64_t slot_size(const cx_eq *e, int k) { return k < e->rank ? e->dim[k].n : e->rdim[k - e->rank].n; }

static const cx_node *subscript(gen *x, const cx_eq *e, int64_t n, bool plain_only) {
  cx_graph *g = x->g;
  int slots = e->rank + e->nred, fit[16], nfit = 0;
  for (int k = 0; k < slots; k++)
    if (slot_size(e, k) == n) fit[nfit++] = k;
  int what = below(12);
  if (nfit && (what < 8 || plain_only)) return cx_index(g, fit[below(nfit)]);
  if (slots && what < 11) {
    int k = below(slots);
    const cx_node *i = cx_index(g, k);
    switch (below(5)) {
    case 0: return cx_op2(g, OP_add, i, cx_const(g, below(5) - 2));
    case 1: return cx_op2(g, OP_sub, cx_const(g, (double)(n - 1)), i);
    case 2: return cx_op2(g, OP_mul, cx_const(g, 2), i);
    case 3: return cx_op2(g, OP_add, i, cx_index(g, below(slots)));
    default: return i;
    }
  }
  if (what == 11 || !slots) {
    for (int k = 0; k < x->nin; k++) { /* through data */
      const cx_eq *q = x->g->eq[k];
      if (!q->integer || q->rank != 1) continue;
      const cx_node *s = slots ? cx_index(g, below(slots)) : cx_const(g, 1);
      return cx_load(g, q->id, &s, 1);
    }
  }
  return cx_const(g, below(4) - 1);
}

static const cx_node *load(gen *x, const cx_eq *e, bool exact) {
  int n = exact ? x->nin : x->g->neq;
  const cx_eq *q = NULL;
  for (int tries = 0; tries < 20; tries++) {
    q = x->g->eq[below(n)];
    if (q != e && (q->kind == EQ_INPUT || q->body)) break;
    q = NULL;
  }
  if (!q) return cx_const(x->g, uniform());
  const cx_node *sub[CX_MAX_RANK];
  for (int d = 0; d < q->rank; d++) sub[d] = subscript(x, e, q->dim[d].n, below(3) > 0);
  return cx_load(x->g, q->id, sub, q->rank);
}

static const cx_node *expr(gen *x, const cx_eq *e, int depth, bool exact) {
  cx_graph *g = x->g;
  int slots = e->rank + e->nred;
  if (depth == 0 || below(6) == 0) {
    int w = below(8);
    if (w == 0) return cx_const(g, exact ? below(7) - 3 : uniform() * 2);
    if (w == 1 && slots) return cx_op2(g, OP_div, cx_index(g, below(slots)), cx_const(g, 64));
    return load(x, e, exact);
  }
  const cx_node *a = expr(x, e, depth - 1, exact);
  switch (below(exact ? 5 : 10)) {
  case 0: return cx_op2(g, OP_add, a, expr(x, e, depth - 1, exact));
  case 1: return cx_op2(g, OP_sub, a, expr(x, e, depth - 1, exact));
  case 2: return cx_op1(g, OP_abs, a);
  case 3: return cx_op2(g, OP_max, a, expr(x, e, depth - 1, exact));
  case 4: return cx_op1(g, OP_neg, a);
  case 5:
  case 6: return cx_op2(g, OP_mul, a, expr(x, e, depth - 1, exact));
  case 7: return cx_op1(g, OP_tanh, a);
  case 8: {
    const cx_node *c = slots && below(2) ? cx_op2(g, OP_le, cx_index(g, below(slots)), cx_index(g, below(slots)))
                                         : cx_op2(g, OP_lt, expr(x, e, 1, true), expr(x, e, 1, true));
    return cx_op3(g, OP_select, c, a, expr(x, e, depth - 1, exact));
  }
  default: return cx_op1(g, OP_exp, cx_op1(g, OP_tanh, a));
  }
}

static void dims(gen *x, cx_eq *e, int rank, int nred) {
  e->rank = (uint8_t)rank, e->nred = (uint8_t)nred;
  for (int d = 0; d < rank; d++) e->dim[d].n = x->size[below(POOL)];
  for (int d = 0; d < nred; d++) e->rdim[d].n = x->size[below(POOL)];
  double n = 1; /* keep the reference evaluator's time in bounds */
  for (int k = 0; k < rank + nred; k++) n *= (double)slot_size(e, k);
  for (int k = 0; k < rank + nred && n > 3e5; k++) {
    int64_t *p = k < rank ? &e->dim[k].n : &e->rdim[k - rank].n;
    if (*p > 9) n = n / (double)*p * (double)x->size[1], *p = x->size[1];
  }
}

static void random_graph(gen *x, bool single) {
  cx_graph *g = x->g = cx_graph_new(x->c, x->a);
  static const int some[] = {0, 1, 2, 3, 5, 8, 17, 33, 64, 100, 300, 1000};
  x->size[0] = some[3 + below(9)], x->size[1] = 1 + below(6), x->size[2] = 2 + below(8), x->size[3] = some[1 + below(9)];
  x->size[4] = below(12) ? some[1 + below(8)] : 0;
  x->nin = 3 + below(MAX_IN - 3);
  for (int k = 0; k < x->nin; k++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_INPUT);
    dims(x, e, below(4), 0);
    e->constant = below(2);
    int64_t n = 1;
    for (int d = 0; d < e->rank; d++) n *= e->dim[d].n;
    e->integer = k == 0 || below(4) == 0;
    if (k == 0) e->rank = 1, n = e->dim[0].n = x->size[0], e->constant = true;
    double *v = x->value[k] = CX_NEW_N(x->a, double, n + 1);
    for (int64_t i = 0; i < n; i++) {
      v[i] = e->integer ? below(12) - 2 : uniform();
      if (single) v[i] = (float)v[i];
    }
    int64_t d[CX_MAX_RANK];
    for (int i = 0; i < e->rank; i++) d[i] = e->dim[i].n;
    x->input[k] = cx_array_dense(v, e->rank, d);
    if (e->integer && e->constant && below(2)) {
      int32_t *w = CX_NEW_N(x->a, int32_t, n + 1);
      for (int64_t i = 0; i < n; i++) w[i] = (int32_t)v[i];
      x->input[k].type = CX_I32, x->input[k].data = w;
    }
  }
  int neq = 2 + below(8);
  for (int k = 0; k < neq; k++) {
    cx_eq *e = cx_eq_new(g, NULL, EQ_CALC);
    int red = below(3) ? RED_none : below(3) ? RED_sum : 1 + below(RED_COUNT - 1);
    dims(x, e, below(4), red ? 1 + below(2) : 0);
    e->red = (uint8_t)red;
    bool exact = red >= RED_argmax;
    if (red == RED_prod) exact = false;
    int kind = below(6);
    if (!red && e->rank && kind == 0 && e->dim[0].n > 0) { /* a recurrence, up or down, along some dimension */
      int axis = below(e->rank);
      bool up = below(2);
      const cx_node *sub[CX_MAX_RANK], *t = cx_index(g, axis);
      for (int d = 0; d < e->rank; d++) sub[d] = cx_index(g, d);
      if (e->rank > 1 && below(2)) sub[(axis + 1) % e->rank] = cx_const(g, 0);
      sub[axis] = cx_op2(g, up ? OP_sub : OP_add, t, cx_const(g, 1 + below(2)));
      const cx_node *body = expr(x, e, 2, false);
      const cx_node *self = cx_load(g, e->id, sub, e->rank);
      e->body = cx_op1(g, OP_tanh, cx_op2(g, OP_add, self, body));
      if (below(2)) e->body = cx_op3(g, OP_select, cx_op2(g, OP_eq, t, cx_const(g, up ? 0 : (double)e->dim[axis].n - 1)), body, e->body);
    } else if (red == RED_sum && kind <= 3) { /* sums of products: what the matrix kernels serve */
      e->body = load(x, e, false);
      for (int f = 1 + below(2); f > 0; f--) e->body = cx_op2(g, OP_mul, e->body, below(3) ? load(x, e, false) : expr(x, e, 1, false));
    } else e->body = expr(x, e, 1 + below(4), exact);
    if (red == RED_prod) e->body = cx_op1(g, OP_tanh, e->body);
    if (k == neq - 1 || below(3) == 0) cx_graph_output(g, e->id);
  }
  if (below(8) == 0) cx_graph_output(g, g->out[0]), cx_graph_output(g, 1);
}

static int64_t count(const cx_eq *e) {
  int64_t n = 1;
  for (int d = 0; d < e->rank; d++) n *= e->dim[d].n;
  return n;
}

static void *copy_as(cx_arena *a, const double *v, int64_t n, bool single) {
  char *p = cx_alloc(a, (size_t)(n + 1) * 8);
  for (int64_t i = 0; i < n; i++) {
    if (single) ((float *)(void *)p)[i] = (float)v[i];
    else ((double *)(void *)p)[i] = v[i];
  }
  return p;
}

static int compared, rows;
static bool compare(gen *x, double *const *want, cx_exec_opt opt, void ***keep) {
  const cx_graph *g = x->g;
  cx_array constant[MAX_IN];
  const void *in[MAX_IN];
  int nc = 0, nv = 0;
  for (int k = 0; k < x->nin; k++) {
    if (g->eq[k]->constant) constant[nc++] = x->input[k];
    else in[nv++] = copy_as(x->a, x->value[k], count(g->eq[k]), opt.single);
  }
  cx_exec *ex = cx_exec_new(x->a, g, constant, &opt);
  cx_work *w = cx_work_new(x->a, ex);
  void **out = CX_NEW_N(x->a, void *, g->nout + 1);
  for (int k = 0; k < g->nout; k++) out[k] = cx_alloc(x->a, (size_t)(count(g->eq[g->out[k]]) + 1) * 8);
  const char *why = NULL;
  bool ok = cx_exec_run(ex, w, in, out, &why) == 0;
  ok = ok && cx_exec_run(ex, w, in, out, &why) == 0; /* nothing may be left over from the first time */
  compared++;
  rows += strstr(cx_exec_text(ex, x->a), " rows,") != NULL;
  double tol = opt.single ? 2e-3 : 1e-10;
  for (int k = 0; k < g->nout && ok; k++) {
    int64_t n = count(g->eq[g->out[k]]);
    double scale = 1;
    for (int64_t i = 0; i < n; i++)
      if (isfinite(want[k][i])) scale = fmax(scale, fabs(want[k][i]));
    for (int64_t i = 0; i < n && ok; i++) {
      double b = want[k][i], v = opt.single ? (double)((float *)out[k])[i] : ((double *)out[k])[i];
      if (opt.single && (fabs(b) > 1e30 || scale > 1e6)) continue;
      if (v == b || (isnan(v) && isnan(b))) continue;
      ok = fabs(v - b) <= tol * scale;
      if (!ok) fprintf(stderr, "output %d (%s) element %lld: %.17g, expected %.17g\n", k, g->eq[g->out[k]]->name, (long long)i, v, b);
    }
  }
  if (!ok) fprintf(stderr, "%s%s%s\n%s\n", opt.single ? "single " : "", opt.no_simd ? "no simd " : "", why ? why : "", cx_exec_text(ex, x->a));
  if (keep) *keep = out;
  return ok;
}

static bool one_graph(uint64_t seed) {
  state = seed * 0x9E3779B97F4A7C15u + 1;
  for (int k = 0; k < 5; k++) rnd();
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  gen x = {.c = c, .a = cx_arena_new(c)};
  volatile bool ok = true;
  cx_frame f;
  CX_TRY(c, f) {
    uint64_t start = state;
    random_graph(&x, false);
    const char *wrong = cx_verify(x.g);
    cx_comp *comp;
    int ncomp;
    if (!wrong && cx_scc(x.g, x.a, &comp, &ncomp)) {
      double **want = CX_NEW_N(x.a, double *, x.g->nout + 1);
      cx_ref_run(x.g, x.a, x.input, want);
      void **one, **two;
      ok = compare(&x, want, (cx_exec_opt){.threads = 1}, &one);
      ok = ok && compare(&x, want, (cx_exec_opt){.threads = 2}, &two);
      for (int k = 0; k < x.g->nout && ok; k++) {
        ok = memcmp(one[k], two[k], (size_t)count(x.g->eq[x.g->out[k]]) * 8) == 0;
        if (!ok) fprintf(stderr, "output %d differs between one and two threads\n", k);
      }
      ok = ok && compare(&x, want, (cx_exec_opt){.threads = 1, .no_simd = true}, NULL);
      ok = ok && compare(&x, want, (cx_exec_opt){.threads = 1, .no_blas = true}, NULL);
      state = start;
      random_graph(&x, true);
      cx_ref_run(x.g, x.a, x.input, want);
      ok = ok && compare(&x, want, (cx_exec_opt){.threads = 2, .single = true}, NULL);
    } else if (wrong) fprintf(stderr, "generator: %s\n", wrong), ok = false;
    if (!ok) fprintf(stderr, "seed %llu\n%s\n", (unsigned long long)seed, cx_graph_text(x.g, x.a));
    CX_END(c, f);
  } else {
    for (int k = 0; k < cx_diag_count(c); k++) fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, cx_diag_get(c, k).message);
    ok = cx_diag_count(c) && strstr(cx_diag_get(c, 0).message, "refers to itself");
  }
  cx_arena_free(x.a);
  cx_ctx_free(c);
  return ok;
}

int main(int argc, char **argv) {
  if (argc > 1) return !one_graph(strtoull(argv[1], NULL, 10));
  const char *many = getenv("CX_VM_GRAPHS");
  for (uint64_t seed = 1, n = many ? strtoull(many, NULL, 10) : 400; seed <= n && check_failed < 5; seed++) CHECK(one_graph(seed));
  printf("%d runs compared, %d with rows\n", compared, rows);
  return CHECK_DONE();
}
