/* Memory at scale, counted by the context's allocator: a long recurrence takes the root of its length, bytes are never
 * copied as doubles, rows of numbers at most once. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "pass/pass.h"
#include "run/fn.h"

static size_t now, peak;
static void *counted(void *user, void *p, size_t old, size_t size) {
  (void)user;
  now += size - old;
  if (now > peak) peak = now;
  if (size) return realloc(p, size);
  free(p);
  return NULL;
}

typedef struct {
  cx_ctx *c;
  cx_arena *a;
  cx_model *m;
  cx_flat flat;
  double *x;
} model;

static model open_model(const char *text, const cx_array *data) {
  model r = {.c = cx_ctx_new(counted, NULL)};
  peak = now;
  r.a = cx_arena_new(r.c);
  cx_program *p = cx_program_new(r.c, r.a, cx_source_add(r.c, "scale", text, strlen(text)), NULL);
  for (int k = 0; k < p->ndecl; k++) {
    p->decl[k].array = data[k];
    for (int d = 0; d < p->decl[k].rank; d++) p->decl[k].dim[d].n = data[k].dim[d];
    p->decl[k].bound = true;
  }
  r.m = cx_elaborate(p, r.a, p->decl, p->ndecl, NULL);
  if (!r.m) return r;
  r.flat = cx_flat_new(r.m, r.a, r.m->nparam);
  r.x = CX_NEW_N(r.a, double, r.flat.offset[r.flat.n] + 1);
  cx_flat_start(r.m, r.a, &r.flat, 1, r.x);
  for (int64_t k = 0; k < r.flat.offset[r.flat.n]; k++) r.x[k] += 0.1 * sin(3.0 * (double)k);
  return r;
}

/* value and gradient one after the other, and the most memory that took beside the data */
static double *gradient(model *m, int64_t segment, int64_t *count, size_t *bytes) {
  uint32_t root[16];
  root[0] = m->m->objective;
  cx_prepare(m->m->graph);
  cx_diff_reverse(m->m->graph, root[0], CX_NO_COT, m->flat.raw, m->flat.n, root + 1);
  cx_arena *a = cx_arena_new(m->c);
  int32_t *map = CX_NEW_N(a, int32_t, m->m->graph->neq + 1);
  cx_graph *g = cx_extract(m->m->graph, a, root, m->flat.n + 1, map);
  cx_array *constant = CX_NEW_N(a, cx_array, g->neq + 1);
  const void **in = CX_NEW_N(a, const void *, g->neq + 1);
  for (int k = 0, nc = 0, ni = 0; k < m->m->graph->neq; k++) {
    if (map[k] < 0 || m->m->graph->eq[k]->kind != EQ_INPUT) continue;
    for (int d = 0; d < m->m->ndecl; d++)
      if (m->m->decl_eq[d] == (uint32_t)k) constant[nc++] = m->m->decl[d].array;
    for (int j = 0; j < m->flat.n; j++)
      if (m->flat.raw[j] == (uint32_t)k) in[ni++] = m->x + m->flat.offset[j];
  }
  cx_run_passes(g, NULL);
  void *out[16];
  *count = 1 + m->flat.offset[m->flat.n];
  double *r = calloc((size_t)*count, sizeof *r);
  for (int k = 0; k <= m->flat.n; k++) out[k] = k ? r + 1 + m->flat.offset[k - 1] : r;
  cx_exec_opt o = {.threads = 1, .segment = segment};
  cx_exec *x = cx_exec_new(a, g, constant, &o);
  const char *why = NULL;
  CHECK(cx_exec_run(x, cx_work_new(a, x), in, out, &why) == 0);
  *bytes = peak;
  cx_arena_free(a);
  return r;
}

static void recurrence(void) {
  enum { SHORT = 40000, LONG = 160000 };
  static const char text[] =
      "data u[T, c], y[T]\nparam W[32, 32] = 0.01, U[32, c] = 0.1, v[32] = 0.2\ns[0, k] = 0 * v[k]\n"
      "s[t, k] = tanh(sum(j: W[k, j] * s[t-1, j]) + sum(j: U[k, j] * u[t, j]))\n"
      "minimize mean(t: (sum(k: v[k] * s[t, k]) - y[t])^2)\n";
  double *u = malloc(2 * LONG * sizeof *u), *y = malloc(LONG * sizeof *y);
  for (int k = 0; k < 2 * LONG; k++) u[k] = sin(0.7 * k);
  for (int k = 0; k < LONG; k++) y[k] = cos(0.3 * k);
  size_t bytes[2];
  for (int turn = 0; turn < 2; turn++) {
    int64_t T = turn ? LONG : SHORT, n;
    cx_array data[2] = {cx_array_dense(u, 2, (int64_t[]){T, 2}), cx_array_dense(y, 1, (int64_t[]){T})};
    model m = open_model(text, data);
    CHECK(m.m != NULL);
    if (!m.m) return;
    double *cut = gradient(&m, 0, &n, &bytes[turn]);
    cx_ctx_free(m.c);
    m = open_model(text, data);
    size_t whole;
    double *one = gradient(&m, -1, &n, &whole), scale = 0;
    cx_ctx_free(m.c);
    CHECK(bytes[turn] * 20 < whole);
    for (int64_t k = 1; k < n; k++) scale = fmax(scale, fabs(one[k]));
    CHECK(scale > 1e-3);
    for (int64_t k = 0; k < n; k++) CHECK(fabs(cut[k] - one[k]) <= 1e-12 * fmax(fabs(one[k]), scale));
    free(cut);
    free(one);
  }
  CHECK(bytes[1] < 5 * bytes[0] / 2); /* twice as much for a time four times as long */
  free(u);
  free(y);
}

static void images(void) {
  enum { N = 20000, P = 784 };
  static const char text[] =
      "data image[n, 784], label[n] : int(0..9)\nparam W[784, 10] = 0.01, V[784, 10] = 0.01\n"
      "x = image / 255\nq = softmax(x @ W + tanh(x @ V))\nminimize -mean(i: log(q[i, label[i]]))\n";
  uint8_t *image = malloc((size_t)N * P), *label = malloc(N);
  for (int k = 0; k < N * P; k++) image[k] = (uint8_t)((uint32_t)k * 2654435761u >> 24);
  for (int k = 0; k < N; k++) label[k] = (uint8_t)(k % 10);
  cx_array data[2] = {{.type = CX_U8, .data = image}, {.type = CX_U8, .data = label}};
  cx_array_row_major(&data[0], 2, (int64_t[]){N, P});
  cx_array_row_major(&data[1], 1, (int64_t[]){N});
  model m = open_model(text, data);
  CHECK(m.m != NULL);
  size_t bytes;
  int64_t n;
  if (m.m) free(gradient(&m, 0, &n, &bytes));
  CHECK(m.m && bytes < (size_t)N * P * 4); /* as doubles they would take eight times N P */
  if (m.m && !(bytes < (size_t)N * P * 4)) fprintf(stderr, "%zu bytes\n", bytes);
  cx_ctx_free(m.c);
  free(image);
  free(label);
}

static void rows(void) {
  enum { N = 300000, D = 20 };
  static const char text[] =
      "data X[n, d], y[n]\nparam w[d], b\neta[i] = sum(j: X[i, j] * w[j]) + b\n"
      "minimize sum(i: log(1 + exp(eta[i])) - y[i] * eta[i])\n";
  double *X = malloc((size_t)N * D * sizeof *X), *y = malloc(N * sizeof *y);
  for (int k = 0; k < N * D; k++) X[k] = sin(0.37 * k);
  for (int k = 0; k < N; k++) y[k] = k % 3 == 0;
  cx_array data[2] = {cx_array_dense(X, 2, (int64_t[]){N, D}), cx_array_dense(y, 1, (int64_t[]){N})};
  model m = open_model(text, data);
  CHECK(m.m != NULL);
  size_t bytes;
  int64_t n;
  if (m.m) free(gradient(&m, 0, &n, &bytes));
  CHECK(m.m && bytes < (size_t)N * D * 9); /* one copy as columns, and hardly more */
  cx_ctx_free(m.c);
  free(X);
  free(y);
}

/* value, gradient and gradient again in single: one copy of the data each precision, none where it runs once; memory
 * goes with the last function, and with the context */
static void shared(void) {
  enum { N = 300000, D = 20 };
  static const char text[] =
      "data X[n, d], y[n]\nparam w[d] = 0.1, b\neta[i] = sum(j: X[i, j] * w[j]) + b\n"
      "minimize sum(i: log(1 + exp(eta[i])) - y[i] * eta[i])\n";
  double *X = malloc((size_t)N * D * sizeof *X), *y = malloc(N * sizeof *y);
  for (int k = 0; k < N * D; k++) X[k] = sin(0.37 * k);
  for (int k = 0; k < N; k++) y[k] = k % 3 == 0;
  size_t copy = (size_t)N * D * sizeof *X;
  cx_array data[2] = {cx_array_dense(X, 2, (int64_t[]){N, D}), cx_array_dense(y, 1, (int64_t[]){N})};
  model m = open_model(text, data);
  CHECK(m.m != NULL);
  if (!m.m) return;
  uint32_t root[3] = {m.m->objective};
  cx_prepare(m.m->graph);
  cx_diff_reverse(m.m->graph, root[0], CX_NO_COT, m.flat.raw, 2, root + 1);
  double f[3], w[2][D], b[2];
  const char *why;
  size_t before = now;
  cx_arena *a = cx_arena_new(m.c), *a2 = cx_arena_new(m.c);
  cx_fn *once = cx_fn_once(m.m, a, root, 3, 1, NULL);
  CHECK(cx_fn_at(once, cx_work_new(a, once->exec), &m.flat, m.x, (void *[]){&f[0], w[0], &b[0]}, &why) == 0);
  CHECK(now - before < copy / 10);
  cx_fn *gradient = cx_fn_new(m.m, a, root, 3, 1), *value = cx_fn_new(m.m, a2, root, 1, 1);
  CHECK(now - before > copy && now - before < copy + copy / 5);
  CHECK(cx_fn_at(gradient, cx_work_new(a, gradient->exec), &m.flat, m.x, (void *[]){&f[1], w[1], &b[1]}, &why) == 0);
  CHECK(f[0] == f[1] && b[0] == b[1]);
  for (int k = 0; k < D; k++) CHECK(w[0][k] == w[1][k]);
  cx_arena_free(a);
  CHECK(now - before > copy); /* the other one still reads it */
  CHECK(cx_fn_at(value, cx_work_new(a2, value->exec), &m.flat, m.x, (void *[]){&f[2]}, &why) == 0);
  CHECK_NEAR(f[2], f[0], 1e-12);
  cx_arena_free(a2);
  CHECK(now - before < copy / 10);
  a = cx_arena_new(m.c);
  cx_fn_new(m.m, a, root, 1, 1);
  m.m->single = true;
  cx_fn_new(m.m, a, root, 3, 1);
  CHECK(now - before > copy + copy / 2 && now - before < 2 * copy);
  cx_ctx_free(m.c); /* with all that is left */
  free(X);
  free(y);
}

int main(void) {
  recurrence();
  images();
  rows();
  shared();
  CHECK(now == 0);
  return CHECK_DONE();
}
