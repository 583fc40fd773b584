/* Recurrences in segments of time: the same values and gradients as in one piece and as the reference evaluator, for
 * every length of a segment, in far less memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "pass/pass.h"
#include "run/fn.h"

enum { T = 1203, C = 2 };
static double u[T * C], y[T], wide[3 * T];

/* segmented: false where time has no order of two sweeps */
static const struct {
  const char *name, *text;
  bool segmented;
} programs[] = {
    {"network",
     "data u[T, c], y[T]\nparam W[3, 3] = 0.3, U[3, c] = 0.1, v[3] = 0.2\ns[0, k] = 0 * v[k]\n"
     "s[t, k] = tanh(sum(j: W[k, j] * s[t-1, j]) + sum(j: U[k, j] * u[t, j]) + 0.1 * k)\n"
     "minimize mean(t: (sum(k: v[k] * s[t, k]) - y[t])^2)",
     true},
    {"last state",
     "data u[T, c], y[T]\nparam W[3, 3] = 0.3, U[3, c] = 0.4\ns[0, k] = 0.1 * W[0, k]\n"
     "s[t, k] = tanh(sum(j: W[k, j] * s[t-1, j]) + sum(j: U[k, j] * u[t-1, j]))\n"
     "minimize sum(k: s[rows(u), k]^2)",
     true},
    {"two steps back",
     "data y[T]\nparam a = 0.5, b = 0.3, x0 = 0.2\nz[0] = x0\nz[1] = x0 * a\nz[t] = a * z[t-1] + b * z[t-2] + sin(y[t-1])\n"
     "minimize sum(t in 0..T-1: (z[t] - y[t])^2) + z[7] * z[700]",
     true},
    {"ahead",
     "data y[T]\nparam a = 0.9, g = 1\nz[0] = a\nz[t] = z[t-1] + a * sin(z[t-1] * g) + y[t]\nminimize mean(t: (z[t+1] - a * z[t] - y[t])^2)",
     true},
    {"downwards",
     "data y[T]\nparam a = 0.9, b = 0.2\nz[rows(y)] = a\nz[t] = a * z[t+1] + b * y[t]^2\nminimize mean(t: log(1 + z[t]^2)) + z[0]",
     false},
    {"two states",
     "data u[T, c], y[T]\nparam p = 0.4, q = 0.2\nh[0] = p\nk[0] = q\nh[t] = tanh(p * k[t-1] + u[t, 0])\nk[t] = q * h[t-1] + 0.5 * k[t-1] + u[t, 1]\n"
     "minimize mean(t: (h[t] * k[t] - y[t])^2)",
     true},
    {"most", "data y[T]\nparam a = 0.9\nz[0] = a\nz[t] = a * z[t-1] + y[t]\nminimize max(t: z[t]^2) + a * min(t: z[t])",
     false},
    {"time itself",
     "data y[T]\nparam a = 0.9, r[4] = 0.1\nz[0] = a\nz[t] = if mod(t, 4) == 2 then a * z[t-1] + t / 1000 else 0.5 * z[t-1] + r[mod(t, 4)] + y[t]\n"
     "minimize mean(t: z[t]^2)",
     true},
    {"scaled",
     "data y[T]\nparam a = 0.3, b = 1\nm = mean(t: y[t])\nx = (y - m) / 3\nz[0] = a\nz[t] = tanh(a * z[t-1] + b * x[t])\nc = mean(t: z[t])\n"
     "minimize exp(c) + mean(t: (z[t] - x[t])^2)",
     true},
    {"along the second index",
     "data w[3, T]\nparam a = 0.3, b = 0.5\nz[i, 0] = a * (1 + w[i, 0])\nz[i, t] = tanh(a * z[i, t-1] + b * w[i, t])\n"
     "minimize mean(i, t: (z[i, t] - w[i, t])^2)",
     true},
    {"an unknown a step",
     "data y[T]\nparam e[T] = 0.1, a = 0.5\nz[0] = a\nz[t] = a * z[t-1] + e[t]\nminimize mean(t: (z[t] - y[t])^2) + mean(t: e[t]^2)",
     true},
    {"two sweeps",
     "data y[T]\nparam a = 0.5\nz[0] = a\nz[t] = a * z[t-1] + y[t]\nm = mean(t: z[t])\nv[0] = m\nv[t] = a * v[t-1] + z[t] * m\nminimize mean(t: v[t]^2)",
     false},
    {"a mean",
     "data y[T]\nparam a = 0.5\nz[0] = a\nz[t] = a * z[t-1] + y[t]\nminimize mean(t: exp(-z[t]^2) * sum(k: z[k] * 0.001))",
     true},
    {"masked",
     "data y[T]\nparam W[17, 17] = 0.1, v[17] = 0.2\ns[0, k] = v[k]\na[0, k, j] = 0 * W[k, j]\n"
     "a[t in 1..1202, k, j] = if j <= k then exp(W[k, j] * s[t-1, j]) else 0\n"
     "s[t, k] = tanh(sum(j: a[t, k, j] * s[t-1, j]) / sum(j: a[t, k, j]) + 0.3 * y[t])\n"
     "minimize mean(t: (sum(k: v[k] * s[t, k]) - y[t])^2)",
     true},
    {"all pairs",
     "data y[T]\nparam a = 0.5\nz[0] = a\nz[t] = tanh(a * z[t-1] + y[t])\nminimize mean(t: sum(k: exp(-(z[t] - z[k])^2)))",
     false},
};

static cx_array bound(const cx_decl *d) {
  if (!strcmp(d->name, "u")) return cx_array_dense(u, 2, (int64_t[]){T, C});
  if (!strcmp(d->name, "w")) return cx_array_dense(wide, 2, (int64_t[]){3, T});
  return cx_array_dense(y, 1, (int64_t[]){T});
}

typedef struct {
  cx_graph *g;
  cx_array *constant, *all;
  const void **in;
  int nconstant;
  int64_t size[32];
} made;

/* value, gradient, and a product with the Hessian, as one graph */
static made make(cx_ctx *c, cx_arena *a, const char *text) {
  cx_program *p = cx_program_new(c, a, cx_source_add(c, "test", text, strlen(text)), NULL);
  for (int k = 0; k < p->ndecl; k++) {
    p->decl[k].array = bound(&p->decl[k]);
    for (int d = 0; d < p->decl[k].rank; d++) p->decl[k].dim[d].n = p->decl[k].array.dim[d];
    p->decl[k].bound = true;
  }
  cx_model *m = cx_elaborate(p, a, p->decl, p->ndecl, NULL);
  made r = {0};
  if (!m) {
    for (int k = 0; k < cx_diag_count(c); k++) fputs(cx_diag_render(c, a, k, false), stderr);
    return r;
  }
  cx_flat flat = cx_flat_new(m, a, m->nparam);
  double *x = CX_NEW_N(a, double, flat.offset[flat.n] + 1);
  cx_flat_start(m, a, &flat, 1, x);
  for (int64_t k = 0; k < flat.offset[flat.n]; k++) x[k] += 0.05 * sin(3.0 * (double)k + 1);
  uint32_t root[64], tangent[8];
  root[0] = m->objective;
  cx_prepare(m->graph);
  cx_diff_reverse(m->graph, m->objective, CX_NO_COT, flat.raw, flat.n, root + 1);
  for (int k = 0; k < flat.n; k++) {
    cx_eq *t = cx_eq_new(m->graph, NULL, EQ_INPUT), *like = m->graph->eq[flat.raw[k]];
    t->rank = like->rank;
    memcpy(t->dim, like->dim, sizeof t->dim);
    tangent[k] = t->id;
  }
  cx_prepare(m->graph);
  root[flat.n + 1] = cx_diff_jvp(m->graph, root[1], flat.raw, tangent, flat.n);
  int32_t *map = CX_NEW_N(a, int32_t, m->graph->neq + 1);
  r.g = cx_extract(m->graph, a, root, flat.n + 2, map);
  uint32_t *back = CX_NEW_N(a, uint32_t, r.g->neq + 1);
  for (int k = 0; k < m->graph->neq; k++)
    if (map[k] >= 0) back[map[k]] = (uint32_t)k;
  r.constant = CX_NEW_N(a, cx_array, r.g->neq + 1);
  r.all = CX_NEW_N(a, cx_array, r.g->neq + 1);
  r.in = CX_NEW_N(a, const void *, r.g->neq + 1);
  int nc = 0, ni = 0, na = 0;
  for (int k = 0; k < r.g->neq; k++) {
    const cx_eq *e = r.g->eq[k];
    if (e->kind != EQ_INPUT) continue;
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    if (e->constant) {
      for (int d = 0; d < m->ndecl; d++)
        if (m->decl_eq[d] == back[k]) r.all[na++] = r.constant[nc++] = p->decl[d].array;
      continue;
    }
    for (int j = 0; j < flat.n; j++) {
      if (flat.raw[j] == back[k]) r.in[ni] = x + flat.offset[j];
      if (tangent[j] == back[k]) r.in[ni] = x; /* any direction will do */
    }
    if (!r.in[ni]) r.in[ni] = x;
    r.all[na++] = cx_array_dense(r.in[ni++], e->rank, dim);
  }
  r.nconstant = nc;
  cx_run_passes(r.g, NULL);
  for (int k = 0; k < r.g->nout; k++) r.size[k] = cx_eq_count(r.g->eq[r.g->out[k]]);
  return r;
}

static double apart(const double *a, const double *b, int64_t n) {
  double worst = 0, scale = 1e-6;
  for (int64_t k = 0; k < n; k++) scale = fmax(scale, fabs(b[k]));
  for (int64_t k = 0; k < n; k++) worst = fmax(worst, fabs(a[k] - b[k]) / scale);
  return n && worst != worst ? INFINITY : worst;
}

/* other data of the same shapes, which those of the program take the place of */
static cx_array *others(cx_arena *a, const made *m) {
  cx_array *o = CX_NEW_N(a, cx_array, m->nconstant + 1);
  for (int k = 0; k < m->nconstant; k++) {
    const cx_array *c = &m->constant[k];
    int64_t n = 1;
    for (int d = 0; d < c->rank; d++) n *= c->dim[d];
    double *v = CX_NEW_N(a, double, n + 1);
    for (int64_t i = 0; i < n; i++) v[i] = 0.5 + sin((double)i);
    o[k] = cx_array_dense(v, c->rank, c->dim);
  }
  return o;
}

static void run(cx_arena *a, const made *m, int64_t segment, double **out, size_t *bytes, bool *cut) {
  cx_exec_opt o = {.threads = 1, .segment = segment};
  cx_exec *x = cx_exec_new(a, m->g, others(a, m), &o);
  for (int k = 0; k < m->nconstant; k++) cx_exec_rebind(x, k, &m->constant[k]);
  cx_work *w = cx_work_new(a, x);
  const char *why = NULL;
  *bytes = cx_work_bytes(x);
  *cut = !strncmp(cx_exec_text(x, a), "time ", 5);
  for (int k = 0; k < m->g->nout; k++) out[k] = CX_NEW_N(a, double, m->size[k] + 1);
  for (int turn = 0; turn < 2; turn++)
    CHECK(cx_exec_run(x, w, m->in, (void *const *)out, &why) == 0); /* nothing is left over */
}

static void check(cx_arena *a, const char *name, const made *m, bool expected) {
  static const int64_t length[] = {16, 100, 401, 1203, 2000};
  double *ref[32], *one[32], *cut[32];
  size_t whole, part;
  bool segmented;
  cx_ref_run(m->g, a, m->all, ref);
  run(a, m, -1, one, &whole, &segmented);
  CHECK(!segmented);
  for (size_t s = 0; s < sizeof length / sizeof *length; s++) {
    run(a, m, length[s], cut, &part, &segmented);
    if (segmented != expected) fprintf(stderr, "%s: segments of %d\n", name, (int)length[s]);
    CHECK(segmented == expected);
    if (segmented && length[s] == 100 && !(part * 3 < whole * 2))
      fprintf(stderr, "%s: %zu bytes, in one piece %zu\n", name, part, whole);
    if (segmented && length[s] == 100) CHECK(part * 3 < whole * 2);
    for (int k = 0; k < m->g->nout; k++) {
      double d = apart(cut[k], ref[k], m->size[k]), e = apart(one[k], ref[k], m->size[k]);
      if (!(d < 1e-11))
        fprintf(stderr, "%s, segments of %d: output %d is %g away, in one piece %g\n", name, (int)length[s], k, d, e);
      CHECK(d < 1e-11);
    }
  }
}

static void program(const char *name, const char *text, bool expected) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    made m = make(c, a, text);
    CHECK(m.g != NULL);
    if (m.g) check(a, name, &m, expected);
    CX_END(c, f);
  } else {
    for (int k = 0; k < cx_diag_count(c); k++) fputs(cx_diag_render(c, cx_ctx_arena(c), k, false), stderr);
    fprintf(stderr, "%s: thrown\n", name);
    CHECK(false);
  }
  cx_ctx_free(c);
}

int main(void) {
  for (int k = 0; k < T * C; k++) u[k] = sin(0.7 * k * k);
  for (int k = 0; k < T; k++) y[k] = cos(0.3 * k * k);
  for (int k = 0; k < 3 * T; k++) wide[k] = cos(0.2 * k * k);
  for (size_t n = 0; n < sizeof programs / sizeof *programs; n++)
    program(programs[n].name, programs[n].text, programs[n].segmented);
  return CHECK_DONE();
}
