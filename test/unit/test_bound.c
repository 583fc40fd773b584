/* test_bound.c - what a condition leaves out is not computed, and nothing reads it: attention under masks of all kinds
 * against the reference evaluator, in memory that is full of NaN, and digits of one number laid side by side. */
#include "back/back.h"
#include "graphs.h"

enum { INPUTS = 4, OUTPUTS = 4 };

static char *text_of(cx_arena *a, const char *yes, const char *no, int N, int H, int T, int E, int D) {
  return cx_format(
      a,
      "input q[i0 < %d, i1 < %d, i2 < %d, i3 < %d]\ninput k[i0 < %d, i1 < %d, i2 < %d, i3 < %d]\n"
      "input v[i0 < %d, i1 < %d, i2 < %d, i3 < %d]\ninput w[i0 < %d, i1 < %d]\n"
      "s[i0 < %d, i1 < %d, i2 < %d, i3 < %d] = sum(i4 < %d) q[i0, i1, i2, i4] * k[i0, i1, i3, i4]\n"
      "m[i0 < %d, i1 < %d, i2 < %d] = max(i3 < %d) if %s then s[i0, i1, i2, i3] else -inf\n"
      "x[i0 < %d, i1 < %d, i2 < %d] = sum(i3 < %d) if %s then exp(s[i0, i1, i2, i3] - m[i0, i1, i2]) else 0\n"
      "p[i0 < %d, i1 < %d, i2 < %d, i3 < %d] = if %s then 0 else exp(s[i0, i1, i2, i3] - m[i0, i1, i2]) / x[i0, i1, i2]\n"
      "o[i0 < %d, i1 < %d, i2 < %d, i3 < %d] = sum(i4 < %d) v[i0, i1, i4, i3] * p[i0, i1, i2, i4]\n"
      "r[i0 < %d, i1 < %d, i2 < %d, i3 < %d] = sum(i4 < %d) p[i0, i1, i4, i2] * q[i0, i1, i4, i3]\n"
      "y[i0 < %d, i1 < %d, i2 < %d] = sum(i3 < %d, i4 < %d) w[i4 + %d * i3, i2] * o[i0, i3, i1, i4]\n"
      "g[i0 < %d, i1 < %d] = sum(i2 < %d, i3 < %d) o[i2, floor(i0 / %d), i3, mod(i0, %d)] * y[i2, i3, i1]\n"
      "b[i0 < %d] = sum(i1 < %d, i2 < %d) o[i1, floor(i0 / %d), i2, mod(i0, %d)]\n"
      "output y\noutput g\noutput r\noutput b\n",
      N, H, T, E, N, H, T, E, N, H, T, E, H * E, D,                                                  /* inputs */
      N, H, T, T, E, N, H, T, T, yes, N, H, T, T, yes, N, H, T, T, no, N, H, T, E, T, N, H, T, E, T, /* to r */
      N, T, D, H, E, E, H * E, D, N, T, E, E, H * E, N, T, E, E);
}

static int cuts;

static void masked(const char *yes, const char *no, int N, int H, int T, int E, bool bounded) {
  cx_arena *a = cx_arena_new(ctx);
  char *text = text_of(a, yes, no, N, H, T, E, 12);
  cx_graph *g = cx_graph_read(ctx, a, cx_source_add(ctx, "test", text, strlen(text)));
  place = text;
  double *in[INPUTS], *nan[INPUTS], *ref[OUTPUTS], *got[OUTPUTS];
  cx_array array[INPUTS];
  for (int k = 0; k < INPUTS; k++) {
    const cx_eq *e = g->eq[k];
    int64_t dim[CX_MAX_RANK];
    cx_eq_sizes(e, dim);
    in[k] = CX_NEW_N(a, double, count(e)), nan[k] = CX_NEW_N(a, double, count(e));
    for (int64_t i = 0; i < count(e); i++) in[k][i] = 2 * unit() - 1, nan[k][i] = NAN;
    array[k] = cx_array_dense(in[k], e->rank, dim);
  }
  cx_ref_run(g, a, array, ref);
  for (int k = 0; k < OUTPUTS; k++) got[k] = CX_NEW_N(a, double, count(g->eq[g->out[k]]));
  for (int simd = 0; simd < 2; simd++) {
    cx_exec *x = cx_exec_new(a, g, NULL, &(cx_exec_opt){.threads = 1 + simd, .no_simd = !simd});
    cx_work *w = cx_work_new(a, x);
    const char *why, *code = cx_exec_text(x, a);
    if (simd && bounded) {
      CHECK(strstr(code, "cut x") && strstr(code, " cut temp"));
      CHECK(!strstr(code, "gather"));
    }
    cuts += strstr(code, " cut temp") != NULL;
    CHECK(cx_exec_run(x, w, (const void *const *)nan, (void *const *)got, &why) == 0); /* fills the memory with it */
    CHECK(cx_exec_run(x, w, (const void *const *)in, (void *const *)got, &why) == 0);
    for (int k = 0; k < OUTPUTS; k++)
      for (int64_t i = 0; i < count(g->eq[g->out[k]]); i++) CHECK_NEAR(got[k][i], ref[k][i], 1e-12);
  }
  cx_arena_free(a);
}

static void tests(void) {
  static const char *const mask[][2] = {
      {"i3 <= i2", "i2 < i3"},
      {"i3 < i2", "i2 <= i3"},
      {"i3 <= i2 + 3", "i2 + 3 < i3"},
      {"i3 + 4 <= i2", "i2 < i3 + 4"},
      {"i2 <= i3", "i3 < i2"},
      {"i2 < i3 + 2", "i3 + 2 <= i2"},
      {"i3 <= i2 and i2 <= i3 + 5", "i2 < i3 or i3 + 5 < i2"},
      {"i3 <= i2 or i3 == 0", "not (i3 <= i2 or i3 == 0)"}, /* no bound at all */
  };
  static const int size[][4] = {{40, 2, 16, 8}, {33, 3, 37, 5}, {5, 2, 24, 16}, {16, 4, 65, 4}};
  for (size_t k = 0; k < sizeof mask / sizeof *mask; k++)
    for (size_t n = 0; n < sizeof size / sizeof *size; n++)
      masked(mask[k][0], mask[k][1], size[n][0], size[n][1], size[n][2], size[n][3], k < 4 && size[n][0] >= 32);
  CHECK(cuts == 2 * 7 * 2); /* where batches are long enough to be rows, and there is a bound */
}

int main(void) { return in_context(tests); }
