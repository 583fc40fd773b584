/* test_vm.c - tier 0 against the reference evaluator on random graphs, and against closed forms. */
#include "back/back.h"
#include "check.h"
#include "pass/pass.h"
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
  cx_ctx *c;
  cx_arena *a;
  cx_graph *g;
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
      case 0: return cx_op2(g, OP_add, i, cx_const(g, below(3) ? below(5) - 2 : below((int)(2 * n + 1)) - (int)n));
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
  switch (below(exact ? 5 : 11)) {
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
    case 9: { /* functions that one kernel computes together, of one argument as often as not */
      static const cx_op of[] = {OP_sin, OP_cos, OP_softplus, OP_logistic};
      const cx_node *b = cx_op1(g, OP_tanh, slots && below(2) ? cx_index(g, 0) : a);
      return cx_op2(g, OP_add, cx_op1(g, of[below(4)], b), cx_op1(g, of[below(4)], b));
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
  x->size[0] = some[3 + below(9)], x->size[1] = 1 + below(6), x->size[2] = 2 + below(8),
  x->size[3] = some[1 + below(9)];
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
      if (below(2))
        e->body =
            cx_op3(g, OP_select, cx_op2(g, OP_eq, t, cx_const(g, up ? 0 : (double)e->dim[axis].n - 1)), body, e->body);
    } else if (red == RED_sum && kind <= 3) { /* sums of products: what the matrix kernels serve */
      e->body = load(x, e, false);
      for (int f = 1 + below(2); f > 0; f--)
        e->body = cx_op2(g, OP_mul, e->body, below(3) ? load(x, e, false) : expr(x, e, 1, false));
    } else if (red == RED_sum && kind == 4 && e->rank) { /* sums to computed places, of integers or not */
      if (e->dim[0].n < 6) e->dim[0].n = 6 + below(6);
      if (e->rank + e->nred < 5 && x->size[0] > e->rdim[0].n) e->rdim[0].n = x->size[0];
      const cx_node *v = below(4) ? expr(x, e, 1 + below(2), false) : load(x, e, false);
      for (int q = 1 + below(2); q > 0; q--) {
        const cx_node *to = cx_index(g, below(e->rank)), *u = load(x, e, below(8) > 0);
        const cx_node *same = cx_op2(g, OP_eq, to, u);
        if (below(4) == 0) same = cx_op2(g, OP_and, same, cx_op2(g, OP_lt, load(x, e, true), cx_const(g, 1)));
        v = below(3) ? cx_op3(g, OP_select, same, v, cx_const(g, 0)) : cx_op1(g, OP_neg, cx_op2(g, OP_mul, v, same));
      }
      e->body = v;
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

static int compared, rows, pairs, scattered;
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
  pairs += strstr(cx_exec_text(ex, x->a), "pair of") != NULL;
  scattered += strstr(cx_exec_text(ex, x->a), "scatter") != NULL;
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
      if (!ok)
        fprintf(stderr, "output %d (%s) element %lld: %.17g, expected %.17g\n", k, g->eq[g->out[k]]->name, (long long)i,
                v, b);
    }
  }
  if (!ok)
    fprintf(stderr, "%s%s%s\n%s\n", opt.single ? "single " : "", opt.no_simd ? "no simd " : "", why ? why : "",
            cx_exec_text(ex, x->a));
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
      state = start;
      random_graph(&x, true);
      cx_ref_run(x.g, x.a, x.input, want);
      ok = ok && compare(&x, want, (cx_exec_opt){.threads = 2, .single = true}, NULL);
    } else if (wrong) fprintf(stderr, "generator: %s\n", wrong), ok = false;
    if (!ok) fprintf(stderr, "seed %llu\n%s\n", (unsigned long long)seed, cx_graph_text(x.g, x.a));
    CX_END(c, f);
  } else {
    for (int k = 0; k < cx_diag_count(c); k++)
      fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, cx_diag_get(c, k).message);
    ok = cx_diag_count(c) && strstr(cx_diag_get(c, 0).message, "refers to itself");
  }
  cx_arena_free(x.a);
  cx_ctx_free(c);
  return ok;
}

/* ---- graphs as text ---- */
typedef struct {
  cx_ctx *c;
  cx_arena *a;
  cx_graph *g;
  cx_exec *x;
  cx_work *w;
} fixture;
static bool open_text(fixture *f, const char *text, const cx_array *constant, cx_exec_opt opt) {
  f->c = cx_ctx_new(NULL, NULL);
  f->a = cx_arena_new(f->c);
  cx_frame fr;
  volatile bool ok = true;
  CX_TRY(f->c, fr) {
    f->g = cx_graph_read(f->c, f->a, cx_source_add(f->c, "test", text, strlen(text)));
    f->x = cx_exec_new(f->a, f->g, constant, &opt);
    f->w = cx_work_new(f->a, f->x);
    CX_END(f->c, fr);
  } else {
    ok = false;
  }
  return ok;
}
static void close_text(fixture *f) {
  cx_arena_free(f->a);
  cx_ctx_free(f->c);
}

/* enough rows for many chunks: closed forms, and the same bits for any number of threads */
static void test_threads(void) {
  static const char *const text =
      "input const x[i0 < 200000]\ninput w[i0 < 3]\n"
      "a[i0 < 200000] = tanh(x[i0] * w[0]) + sin(x[i0] * w[1]) * exp(-x[i0] * x[i0]) + exp(tanh(w[2] * x[i0]))\n"
      "s = sum(i0 < 200000) a[i0]\n"
      "t = sum(i0 < 200000) x[i0] * 1\n"
      "m = max(i0 < 200000) x[i0]\n"
      "best = argmax(i0 < 200000) min(x[i0], 150000)\n"
      "least = argmin(i0 < 200000) abs(x[i0] - 77777)\n"
      "g[i0 < 3] = sum(i1 < 200000) a[i1] * (if i0 == 1 then x[i1] else 1 / (1 + x[i1]))\n"
      "output s\noutput t\noutput m\noutput best\noutput least\noutput g\n";
  enum { N = 200000 };
  double *x = malloc(N * sizeof *x), w[3] = {1e-5, 2e-5, -1e-5}, first[8];
  if (!x) return;
  for (int i = 0; i < N; i++) x[i] = i;
  cx_array ax = cx_array_dense(x, 1, (int64_t[]){N});
  for (int threads = 1; threads <= 4; threads++) {
    fixture f;
    double out[8] = {0};
    void *to[] = {out, out + 1, out + 2, out + 3, out + 4, out + 5};
    const void *in[] = {w};
    const char *why;
    CHECK(open_text(&f, text, &ax, (cx_exec_opt){.threads = threads}));
    CHECK(cx_exec_run(f.x, f.w, in, to, &why) == 0);
    CHECK_NEAR(out[1], (double)N * (N - 1) / 2, 1e-14);
    CHECK(out[2] == N - 1 && out[3] == 150000 && out[4] == 77777);
    if (threads == 1) memcpy(first, out, sizeof out);
    CHECK(memcmp(first, out, sizeof out) == 0);
    close_text(&f);
  }
  free(x);
}

/* a sum to computed places: what is outside, no integer or NaN goes nowhere; the places of two indices; the same bits for
 * any number of threads; single precision */
static void test_scatter(void) {
  enum { N = 200000, K = 700 };
  static const char *const text =
      "input const u[i0 < 200000]\ninput const v[i0 < 200000]\ninput x[i0 < 200000]\ninput w[i0 < 3]\n"
      "e[i0 < 700] = sum(i1 < 200000) if i0 == u[i1] then x[i1] else 0\n"
      "f[i0 < 700, i1 < 3] = sum(i2 < 200000) if i0 == u[i2] then -(w[i1] * x[i2] * i0) else 0\n"
      "h[i0 < 20, i1 < 10] = sum(i2 < 200000) if i0 == u[i2] and i1 == v[i2] then x[i2] else 0\n"
      "output e\noutput f\noutput h\n";
  double *u = malloc(N * sizeof *u), *v = malloc(N * sizeof *v), *x = malloc(N * sizeof *x), w[3] = {1, -2, 0.5};
  float *xf = malloc(N * sizeof *xf), wf[3] = {1, -2, 0.5f};
  static double want[K + 3 * K + 200], out[K + 3 * K + 200], first[K + 3 * K + 200];
  static float outf[K + 3 * K + 200];
  if (!u || !v || !x || !xf) exit(1);
  state = 7;
  memset(want, 0, sizeof want);
  for (int i = 0; i < N; i++) {
    int p = below(K + 20) - 10;
    u[i] = i % 1000 == 3 ? NAN : i % 1000 == 4 ? p + 0.25 : i % 1000 == 5 ? 1e300 : p;
    v[i] = below(12) - 1;
    x[i] = uniform(), xf[i] = (float)x[i];
    if (!(u[i] == p) || p < 0 || p >= K) continue;
    want[p] += x[i];
    for (int k = 0; k < 3; k++) want[K + 3 * p + k] -= w[k] * x[i] * p;
    if (p < 20 && v[i] >= 0 && v[i] < 10) want[4 * K + 10 * p + (int)v[i]] += x[i];
  }
  cx_array c[2] = {cx_array_dense(u, 1, (int64_t[]){N}), cx_array_dense(v, 1, (int64_t[]){N})};
  for (int turn = 0; turn < 6; turn++) {
    fixture f;
    const char *why;
    bool single = turn == 5;
    CHECK(open_text(&f, text, c, (cx_exec_opt){.threads = 1 + turn % 4, .no_simd = turn == 4, .single = single}));
    CHECK(strstr(cx_exec_text(f.x, f.a), "scatter") != NULL);
    const void *in[] = {single ? (void *)xf : (void *)x, single ? (void *)wf : (void *)w};
    char *to = single ? (char *)outf : (char *)out;
    size_t size = single ? 4 : 8;
    CHECK(cx_exec_run(f.x, f.w, in, (void *[]){to, to + K * size, to + 4 * K * size}, &why) == 0);
    if (turn == 0) memcpy(first, out, sizeof out);
    if (!single && turn < 4) CHECK(memcmp(first, out, sizeof out) == 0);
    double off = 0;
    for (int k = 0; k < 4 * K + 200; k++)
      off = fmax(off, fabs((single ? (double)outf[k] : out[k]) - want[k]) / fmax(1, fabs(want[k])));
    CHECK(off < (single ? 1e-3 : 1e-11));
    close_text(&f);
  }
  free(u), free(v), free(x), free(xf);
}

/* gradient and Hessian of a factorisation r[i] = P[u[i]] . Q[v[i]] by the machine and by the reference evaluator; one
 * gradient against its closed form */
static void test_scatter_derivatives(void) {
  enum { N = 400, A = 9, B = 7, C = 3 };
  static const char *const text =
      "input const u[i0 < 400] integer\ninput const v[i0 < 400] integer\ninput const r[i0 < 400]\n"
      "input P[i0 < 9, i1 < 3]\ninput Q[i0 < 7, i1 < 3]\n"
      "m[i0 < 400] = sum(i1 < 3) P[u[i0], i1] * Q[v[i0], i1]\n"
      "s = sum(i0 < 400) (m[i0] - r[i0]) * (m[i0] - r[i0])\n";
  static double u[N], v[N], r[N], P[A * C], Q[B * C], gp[A * C], gq[B * C], hessian[A * C * B * C], want[A * C];
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_arena_new(c);
  cx_frame f;
  state = 11;
  for (int i = 0; i < N; i++) u[i] = below(A + 1), v[i] = below(B), r[i] = uniform(); /* 9 is outside */
  for (int i = 0; i < A * C; i++) P[i] = uniform();
  for (int i = 0; i < B * C; i++) Q[i] = uniform();
  for (int i = 0; i < N; i++) {
    double e = -r[i];
    for (int k = 0; k < C && u[i] < A; k++) e += P[(int)u[i] * C + k] * Q[(int)v[i] * C + k];
    for (int k = 0; k < C && u[i] < A; k++) want[(int)u[i] * C + k] += 2 * e * Q[(int)v[i] * C + k];
  }
  CX_TRY(c, f) {
    cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "test", text, strlen(text)));
    uint32_t out[2], leaf[2] = {3, 4};
    cx_prepare(g);
    cx_diff_reverse(g, (uint32_t)g->neq - 1, CX_NO_COT, leaf, 2, out);
    for (int k = 0; k < 2; k++) cx_graph_output(g, out[k]);
    cx_graph_output(g, cx_diff_forward(g, out[0], leaf[1], 0));
    cx_run_passes(g, NULL);
    cx_array in[5] = {cx_array_dense(u, 1, (int64_t[]){N}), cx_array_dense(v, 1, (int64_t[]){N}),
                      cx_array_dense(r, 1, (int64_t[]){N}), cx_array_dense(P, 2, (int64_t[]){A, C}),
                      cx_array_dense(Q, 2, (int64_t[]){B, C})};
    double *ref[3], *got[3] = {gp, gq, hessian};
    cx_ref_run(g, a, in, ref);
    for (int i = 0; i < A * C; i++) CHECK_NEAR(ref[0][i], want[i], 1e-12);
    for (int threads = 1; threads < 4; threads++) {
      cx_exec *x = cx_exec_new(a, g, in, &(cx_exec_opt){.threads = threads});
      const char *why;
      if (threads == 1) CHECK(strstr(cx_exec_text(x, a), "scatter") != NULL);
      CHECK(cx_exec_run(x, cx_work_new(a, x), (const void *[]){P, Q}, (void *[]){gp, gq, hessian}, &why) == 0);
      for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < count(g->eq[g->out[k]]); i++) CHECK_NEAR(got[k][i], ref[k][i], 1e-12);
    }
    CX_END(c, f);
  } else {
    CHECK(false);
  }
  cx_arena_free(a);
  cx_ctx_free(c);
}

static void test_long_single_sum(void) {
  enum { N = 10000000 };
  float *x = malloc(N * sizeof *x);
  if (!x) return;
  double want = 0;
  for (int i = 0; i < N; i++) x[i] = (float)(1 + (i * 7919LL % 1000) * 1e-3), want += (double)x[i];
  cx_array ax = {.type = CX_F32, .rank = 1, .dim = {N}, .stride = {1}, .data = x};
  fixture f;
  float s = 0, k = 1;
  const char *why;
  CHECK(open_text(&f, "input const x[i0 < 10000000]\ninput k\ns = sum(i0 < 10000000) x[i0] * k\noutput s\n", &ax,
                  (cx_exec_opt){.single = true, .threads = 1}));
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){&k}, (void *[]){&s}, &why) == 0);
  CHECK_NEAR((double)s / want, 1, 1e-6);
  close_text(&f);
  free(x);
}

/* what a guard leaves out must not show, whatever it is; sizes 0 and 1; one-element everything */
static void test_edges(void) {
  fixture f;
  const char *why;
  double x[4 * 3] = {1, 2, NAN, 3, 4, INFINITY, 5, 6, NAN, 7, 8, NAN}, l[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, big[600 * 3],
               out[600 * 3];
  for (int i = 0; i < 1800; i++) big[i] = i % 3 == 2 ? x[2] : 1;
  (void)x;
  const char *tri =
      "input x[i0 < 600, i1 < 3]\ninput l[i0 < 3, i1 < 3]\n"
      "y[i0 < 600, i1 < 3] = sum(i2 < 3) if i2 < i1 then l[i1, i2] * x[i0, i2] else 0\noutput y\n";
  CHECK(open_text(&f, tri, NULL, (cx_exec_opt){.threads = 1}));
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){big, l}, (void *[]){out}, &why) == 0);
  for (int i = 0; i < 600; i++) CHECK(out[3 * i] == 0 && out[3 * i + 1] == 4 && out[3 * i + 2] == 15);
  close_text(&f);

  double r[6];
  CHECK(open_text(&f,
                  "input x[i0 < 0]\na = sum(i0 < 0) x[i0]\nb = prod(i0 < 0) x[i0]\nc = max(i0 < 0) x[i0]\n"
                  "d = min(i0 < 0) x[i0]\ne = argmax(i0 < 0) x[i0]\nz[i0 < 0] = x[i0] + 1\n"
                  "output a\noutput b\noutput c\noutput d\noutput e\noutput z\n",
                  NULL, (cx_exec_opt){0}));
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){x}, (void *[]){r, r + 1, r + 2, r + 3, r + 4, r + 5}, &why) == 0);
  CHECK(r[0] == 0 && r[1] == 1 && r[2] == -INFINITY && r[3] == INFINITY && r[4] == 0);
  close_text(&f);
}

/* reads shifted by more than a block of rows: whole blocks lie outside, before and behind */
static void test_far_shifts(void) {
  enum { N = 10000 };
  static const int by[] = {-12000, -10000, -9999, -3000, -1024, -1, 1, 700, 5000, 9999, 10000, 30000};
  static double x[N], out[N];
  for (int i = 0; i < N; i++) x[i] = 1 + i;
  for (size_t k = 0; k < sizeof by / sizeof *by; k++) {
    fixture f;
    const char *why;
    char text[128];
    snprintf(text, sizeof text, "input x[i0 < %d]\ny[i0 < %d] = x[i0 + %d] + sqrt(x[i0])\noutput y\n", N, N, by[k]);
    CHECK(open_text(&f, text, NULL, (cx_exec_opt){.threads = 1}));
    CHECK(cx_exec_run(f.x, f.w, (const void *[]){x}, (void *[]){out}, &why) == 0);
    int wrong = 0;
    for (int i = 0; i < N; i++) {
      int at = i + by[k];
      wrong += !(fabs(out[i] - (at >= 0 && at < N ? x[at] : 0) - sqrt(x[i])) < 1e-9);
    }
    CHECK(wrong == 0);
    close_text(&f);
  }
}

static void test_rebind(void) {
  fixture f;
  const char *why;
  double x[1000], y[1000], s[2], w = 2;
  int32_t rows[4] = {1, 2, 3, 5000};
  for (int i = 0; i < 1000; i++) x[i] = i, y[i] = 2 * i;
  cx_array c[2] = {cx_array_dense(x, 1, (int64_t[]){1000}),
                   {.type = CX_I32, .rank = 1, .dim = {4}, .stride = {1}, .data = rows}};
  CHECK(open_text(
      &f,
      "input const x[i0 < 1000]\ninput const r[i0 < 4] integer\ninput w\n"
      "a = sum(i0 < 1000) x[i0] * x[i0]\nb = sum(i0 < 4) x[r[i0]]\nu = a * w\nv = b * w\noutput u\noutput v\n",
      c, (cx_exec_opt){.threads = 1}));
  void *out[] = {s, s + 1};
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){&w}, out, &why) == 0);
  CHECK(s[0] == 2 * 332833500.0 && s[1] == 12);
  int32_t other[4] = {10, 20, 999, -1};
  c[1].data = other;
  cx_exec_rebind(f.x, 1, &c[1]);
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){&w}, out, &why) == 0);
  CHECK(s[0] == 2 * 332833500.0 && s[1] == 2 * 1029);
  float z[4] = {3, 3, 4, 4}; /* of another type */
  cx_array as_float = {.type = CX_F32, .rank = 1, .dim = {4}, .stride = {1}, .data = z},
           doubled = cx_array_dense(y, 1, (int64_t[]){1000});
  cx_exec_rebind(f.x, 1, &as_float);
  cx_exec_rebind(f.x, 0, &doubled);
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){&w}, out, &why) == 0);
  CHECK(s[0] == 8 * 332833500.0 && s[1] == 4 * 14);
  close_text(&f);
}

static void test_rebind_backwards(
    void) { /* code made for an array that is read from its end, and then one that is not */
  fixture f;
  const char *why;
  double x[6] = {1, 2, 3, 4, 5, 6}, y[6], got[6], w = 1;
  int32_t z[6] = {10, 20, 30, 40, 50, 60};
  cx_array c = {.type = CX_F64, .rank = 2, .dim = {2, 3}, .stride = {3, -1}, .data = x + 2};
  CHECK(open_text(&f, "input const x[i0 < 2, i1 < 3]\ninput w\na[i0 < 2, i1 < 3] = x[i0, i1] * w\noutput a\n", &c,
                  (cx_exec_opt){.threads = 1}));
  void *out[] = {got};
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){&w}, out, &why) == 0 && got[0] == 3 && got[2] == 1 && got[5] == 4);
  cx_array other = {.type = CX_I32, .rank = 2, .dim = {2, 3}, .stride = {3, 1}, .data = z};
  cx_exec_rebind(f.x, 0, &other);
  CHECK(cx_exec_run(f.x, f.w, (const void *[]){&w}, out, &why) == 0);
  for (int k = 0; k < 6; k++) y[k] = 10 * (k + 1);
  CHECK(!memcmp(got, y, sizeof y));
  close_text(&f);
}

/* one row times a matrix that does not change: a 0 leaves out what is finite, and nothing else */
static void test_spare(void) {
  enum { K = 40, MOST = 200 };
  static double w[K * MOST], x[K], y[MOST];
  static float xf[K], yf[MOST];
  for (int i = 0; i < K * MOST; i++) w[i] = i % 7 - 3;
  for (int i = 0; i < K; i++) xf[i] = (float)(x[i] = i % 3 ? 0 : i);
  for (int how = 0; how < 16; how++) { /* odd 0: all is finite; 1: not w[1, 5]; 2, 3: so, but from the second run on */
    int odd = how / 4, single = how & 1, N = how & 2 ? MOST : 24;
    fixture f;
    const char *why;
    const double one = w[N + 5];
    if (odd == 1) w[N + 5] = INFINITY;
    cx_array a = cx_array_dense(w, 2, (int64_t[]){K, N});
    char text[256];
    snprintf(text, sizeof text,
             "input const w[i0 < 40, i1 < %d]\ninput x[i0 < 40]\n"
             "y[i0 < %d] = sum(i1 < 40) x[i1] * w[i1, i0]\noutput y\n",
             N, N);
    CHECK(open_text(&f, text, &a, (cx_exec_opt){.threads = 1, .single = single}));
    CHECK(strstr(cx_exec_text(f.x, f.a), how & 2 ? "matmul" : "matvec") != NULL);
    for (int turn = 0; turn < 2; turn++) {
      const void *in = single ? (const void *)xf : x;
      CHECK(cx_exec_run(f.x, f.w, &in, (void *[]){single ? (void *)yf : y}, &why) == 0);
      int wrong = 0;
      for (int j = 0; j < N; j++) {
        double want = 0, got = single ? (double)yf[j] : y[j];
        for (int i = 0; i < K; i++) want += x[i] * w[i * N + j];
        wrong += isnan(want) ? !isnan(got) : got != want;
        wrong += isnan(want) != (j == 5 && (odd == 1 || (turn && odd)));
      }
      CHECK(wrong == 0);
      if (!turn && odd) w[N + 5] = -INFINITY, cx_exec_rebind(f.x, 0, &a);
    }
    w[N + 5] = one;
    close_text(&f);
  }
}

static void test_too_large(void) {
  fixture f;
  CHECK(!open_text(&f, "input x[i0 < 4]\na[i0 < 3000000, i1 < 3000000] = x[0] + i0 * i1\noutput a\n", NULL,
                   (cx_exec_opt){0}));
  CHECK(cx_diag_count(f.c) == 1 && strstr(cx_diag_get(f.c, 0).message, "memory"));
  close_text(&f);
}

int main(int argc, char **argv) {
  if (argc > 1) return !one_graph(strtoull(argv[1], NULL, 10));
  test_threads();
  test_scatter();
  test_scatter_derivatives();
  test_long_single_sum();
  test_far_shifts();
  test_edges();
  test_rebind();
  test_rebind_backwards();
  test_spare();
  test_too_large();
  const char *many = getenv("CX_VM_GRAPHS");
  for (uint64_t seed = 1, n = many ? strtoull(many, NULL, 10) : 300; seed <= n && check_failed < 5; seed++)
    CHECK(one_graph(seed));
  printf("%d runs compared, %d with rows, %d with two functions at a time, %d with sums to computed places\n", compared,
         rows, pairs, scattered);
  return CHECK_DONE();
}
