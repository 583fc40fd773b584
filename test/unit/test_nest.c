/* Equations of a kernel inside the same loops: the numbers of plain C, NaN included, the same bits for any number of
 * threads, and loops that are shared. */
#include "back/exec.h"
#include "check.h"
#include <stdlib.h>

enum { N = 64, H = 24, C = 16, ALL = N * H * H * C, PART = ALL / 4 };
static const char *const text =
    "input const x[i0 < 64, i1 < 24, i2 < 24, i3 < 16]\ninput s[i0 < 16]\ninput F[i0 < 16, i1 < 16]\ninput const v[i0 < 64, i1 < 12, i2 < 12, i3 < 16]\n"
    "f[i0 < 64, i1 < 24, i2 < 24, i3 < 16] = sum(i4 < 16) x[i0, i1, i2, i4] * F[i4, i3]\n"
    "y[i0 < 64, i1 < 24, i2 < 24, i3 < 16] = f[i0, i1, i2, i3] * s[i3] + 1\n"
    "z[i0 < 64, i1 < 24, i2 < 24, i3 < 16] = if v[i0, floor(i1 / 2), floor(i2 / 2), i3] < y[i0, i1, i2, i3] then "
    "y[i0, i1, i2, i3] else 0\n"
    "p[i0 < 16] = sum(i1 < 64, i2 < 24, i3 < 24) z[i1, i2, i3, i0]\n"
    "q[i0 < 16] = sum(i1 < 64, i2 < 24, i3 < 24) z[i1, i2, i3, i0] * (f[i1, i2, i3, i0] - s[i0])\n"
    "m[i0 < 64, i1 < 12, i2 < 12, i3 < 16] = max(i4 < 2, i5 < 2) y[i0, 2 * i1 + i4, 2 * i2 + i5, i3]\n"
    "a[i0 < 64, i1 < 12, i2 < 12, i3 < 16] = argmax(i4 < 2, i5 < 2) y[i0, 2 * i1 + i4, 2 * i2 + i5, i3]\n"
    "r[i0 < 64, i1 < 24, i2 < 24, i3 < 16] = z[i0, i1, i2, i3] - y[i0, i1, i2, i3] * 0.5\n"
    "t[i0 < 16] = sum(i1 < 64, i2 < 24, i3 < 24) (f[i1, i2, i3, i0] - q[i0]) * (f[i1, i2, i3, i0] - q[i0])\n"
    "u[i0 < 16] = sum(i1 < 64, i2 < 24, i3 < 24) f[i1, i2, i3, i0] - q[i0]\n"
    "output p\noutput q\noutput m\noutput a\noutput r\noutput t\noutput u\n";
static const int size[7] = {C, C, PART, PART, ALL, C, C};
static double x[ALL], f[ALL], s[C], F[C * C], v[PART], want[7][ALL];

static double number(void) {
  static uint64_t state = 5;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(int64_t)state / 9.3e18;
}

static void expect(void) {
  memset(want, 0, sizeof want);
  for (int k = 0; k < PART; k++) want[2][k] = -INFINITY;
  for (int k = 0; k < ALL; k++) {
    f[k] = 0;
    for (int j = 0; j < C; j++) f[k] += x[k / C * C + j] * F[j * C + k % C];
  }
  static double best[PART];
  for (int k = 0; k < PART; k++) best[k] = -INFINITY;
  for (int k = 0; k < ALL; k++) {
    int c = k % C, j = k / C % H, i = k / C / H % H, n = k / C / H / H;
    int part = ((n * H / 2 + i / 2) * H / 2 + j / 2) * C + c, place = i % 2 * 2 + j % 2;
    double y = f[k] * s[c] + 1, z = v[part] < y ? y : 0;
    want[0][c] += z, want[1][c] += z * (f[k] - s[c]), want[4][k] = z - y * 0.5;
    if (!(want[2][part] >= y) && !isnan(want[2][part])) want[2][part] = y;
    if (y > best[part] || (y == best[part] && place < want[3][part])) best[part] = y, want[3][part] = place;
  }
  for (int k = 0; k < ALL; k++) {
    double d = f[k] - want[1][k % C];
    want[5][k % C] += d * d, want[6][k % C] += d;
  }
}

/* the largest distance from what is expected, in units of it */
static void compare(cx_exec_opt opt, bool shared, bool sums, void *const *first) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_arena_new(c);
  cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "test", text, strlen(text)));
  cx_array data[2] = {cx_array_dense(x, 4, (int64_t[]){N, H, H, C}),
                      cx_array_dense(v, 4, (int64_t[]){N, H / 2, H / 2, C})};
  cx_exec *e = cx_exec_new(a, g, data, &opt);
  cx_work *w = cx_work_new(a, e);
  float fs[C], fF[C * C];
  for (int k = 0; k < C; k++) fs[k] = (float)s[k];
  for (int k = 0; k < C * C; k++) fF[k] = (float)F[k];
  const void *in[2] = {opt.single ? (const void *)fs : s, opt.single ? (const void *)fF : F};
  void *out[7];
  const char *why;
  for (int k = 0; k < 7; k++) out[k] = cx_alloc(a, (size_t)size[k] * sizeof(double));
  for (int turn = 0; turn < 2; turn++) CHECK(cx_exec_run(e, w, in, out, &why) == 0);
  for (int k = 0; k < 7; k++) {
    double off = 0, largest = 1;
    size_t width = opt.single ? sizeof(float) : sizeof(double);
    for (int j = 0; j < size[k]; j++) {
      double is = opt.single ? (double)((float *)out[k])[j] : ((double *)out[k])[j], to = want[k][j];
      if (!isnan(is) || !isnan(to)) off = fmax(off, isnan(is) || isnan(to) ? INFINITY : fabs(is - to));
      largest = fmax(largest, fabs(to));
    }
    if (sums || size[k] > C) CHECK(off <= (opt.single ? 1e-4 : 1e-12) * largest);
    if (first) CHECK(!memcmp(first[k], out[k], (size_t)size[k] * width));
  }
  const char *code = cx_exec_text(e, a);
  CHECK(strstr(code, "argmax") != NULL);
  if (shared) { /* the last two sums */
    const char *at = strstr(code, ": t u;");
    if (!at) at = strstr(code, ": u t;");
    CHECK(at != NULL);
    int loops = 0;
    for (const char *end = at ? strstr(at + 1, "\nkernel") : NULL; at && (at = strstr(at, "loop 24 from 0 by 1")); at++)
      if (!end || at < end) loops++;
      else break;
    CHECK(loops == 2);
  }
  for (int threads = 2; threads <= 4 && !first; threads++) {
    cx_exec_opt more = opt;
    more.threads = threads;
    compare(more, shared, sums, out);
  }
  cx_arena_free(a);
  cx_ctx_free(c);
}

int main(void) {
  for (int k = 0; k < ALL; k++) x[k] = number();
  for (int k = 0; k < C; k++) s[k] = 2 * number();
  for (int k = 0; k < C * C; k++) F[k] = number() * 0.25;
  for (int k = 0; k < PART; k++) v[k] = number();
  for (int k = 0; k < ALL; k += 7) x[k] = 0.25; /* ties */
  expect();
  compare((cx_exec_opt){.threads = 1}, false, true, NULL);
  compare((cx_exec_opt){.threads = 1, .single = true}, true, true, NULL);
  compare((cx_exec_opt){.threads = 1, .no_simd = true}, false, true, NULL);
  for (int k = 0; k < ALL; k += 1009) x[k] = NAN;
  expect();
  compare((cx_exec_opt){.threads = 1}, false, false, NULL);
  compare((cx_exec_opt){.threads = 1, .single = true}, true, false, NULL);
  return CHECK_DONE();
}
