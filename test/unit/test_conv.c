/* Convolutions and their gradients, spelt in many ways, on whole numbers: what the machine computes is what the
 * reference evaluator computes, bit for bit, and on the tile of sums of products. */
#include "back/back.h"
#include "check.h"
#include "pass/eqs.h"
#include "pass/pass.h"
#include "run/fn.h"
#include <stdlib.h>

static uint64_t state = 1234567;
static int whole(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (int)((state >> 20) % 7) - 3;
}

typedef struct {
  int n, h, w, c, a, b, m, stride, dilation, pad; /* images, filters, places between */
} shape;

/* text with $n, $h .. for the sizes, $Y and $X for the height and width of the result, $F for the pixels of an image */
static char *filled(cx_arena *a, const char *text, const shape *s) {
  int y = (s->h + 2 * s->pad - s->dilation * (s->a - 1) - 1) / s->stride + 1,
      x = (s->w + 2 * s->pad - s->dilation * (s->b - 1) - 1) / s->stride + 1;
  char *to = cx_alloc(a, strlen(text) * 4 + 1), *p = to;
  for (; *text; text++) {
    if (*text != '$') {
      *p++ = *text;
      continue;
    }
    static const char names[] = "nhwcabmsdpYXF";
    const int size[] = {
        s->n, s->h, s->w, s->c, s->a, s->b, s->m, s->stride, s->dilation, s->pad, y, x, s->h * s->w * s->c};
    p += sprintf(p, "%d", size[strchr(names, *++text) - names]);
  }
  return to;
}

static void same(const char *text, const shape *s, int contracts) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_arena_new(c);
  char *full = filled(a, text, s);
  cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "test", full, strlen(full)));
  CHECK(g != NULL);
  if (!g) {
    for (int k = 0; k < cx_diag_count(c); k++) fputs(cx_diag_render(c, a, k, false), stderr);
    return;
  }
  cx_array constant[8], all[8];
  const void *in[2][8];
  int nc = 0, nv = 0, n = 0;
  for (int k = 0; k < g->neq; k++) {
    const cx_eq *e = g->eq[k];
    if (e->kind != EQ_INPUT) continue;
    int64_t count = cx_eq_count(e), dim[CX_MAX_RANK];
    double *v = CX_NEW_N(a, double, count);
    float *f = CX_NEW_N(a, float, count);
    for (int64_t i = 0; i < count; i++) f[i] = (float)(v[i] = whole());
    cx_eq_sizes(e, dim);
    all[n] = cx_array_dense(v, e->rank, dim);
    if (e->constant) constant[nc++] = all[n];
    else in[0][nv] = v, in[1][nv++] = f;
    n++;
  }
  double *want[8];
  cx_ref_run(g, a, all, want);
  for (int how = 0; how < 5; how++) {
    cx_exec_opt o = {.threads = 1 + how % 2, .single = how >= 3, .no_simd = how == 2 || how == 4};
    cx_exec *x = cx_exec_new(a, g, constant, &o);
    cx_work *w = cx_work_new(a, x);
    void *out[8];
    const char *why, *code = cx_exec_text(x, a);
    int found = 0;
    for (const char *p = code; (p = strstr(p, "contract ")); p++) found++;
    CHECK(found >= contracts);
    if (found < contracts) fprintf(stderr, "%s\n%s\n", full, code);
    for (int k = 0; k < g->nout; k++) out[k] = cx_alloc_n(a, (size_t)cx_eq_count(g->eq[g->out[k]]), 8);
    CHECK(cx_exec_run(x, w, in[o.single], out, &why) == 0);
    for (int k = 0; k < g->nout; k++) {
      int64_t wrong = 0, count = cx_eq_count(g->eq[g->out[k]]);
      for (int64_t i = 0; i < count; i++)
        wrong += (o.single ? (double)((float *)out[k])[i] : ((double *)out[k])[i]) != want[k][i];
      CHECK(wrong == 0);
      if (wrong)
        fprintf(stderr, "%lld of %lld wrong, output %d, run %d\n%s\n%s\n", (long long)wrong, (long long)count, k, how,
                full, code);
    }
  }
  cx_arena_free(a);
  cx_ctx_free(c);
}

#define SIZES "input const x[i0 < $n, i1 < $h, i2 < $w, i3 < $c]\ninput w[i0 < $a, i1 < $b, i2 < $c, i3 < $m]\n"

/* forward, in three orders of the indices, of an image as it comes and of one that is computed */
static const char *const forward = SIZES
    "z[i0 < $n, i1 < $h, i2 < $w, i3 < $c] = 2 * x[i0, i1, i2, i3] + 1\n"
    "f[i0 < $n, i1 < $Y, i2 < $X, i3 < $m] = sum(i4 < $a, i5 < $b, i6 < $c) "
    "x[i0, $s * i1 + $d * i4, $s * i2 + $d * i5, i6] * w[i4, i5, i6, i3]\n"
    "g[i0 < $m, i1 < $Y, i2 < $n, i3 < $X] = sum(i4 < $c, i5 < $b, i6 < $a) "
    "w[i6, i5, i4, i0] * z[i2, $s * i1 + $d * i6, $s * i3 + $d * i5, i4]\n"
    "output f\noutput g\n";
/* gradient by the image: bounds by a guard, and by what lies outside the array alone */
static const char *const by_image = SIZES
    "input const e[i0 < $n, i1 < $Y, i2 < $X, i3 < $m]\n"
    "f[i0 < $n, i1 < $h, i2 < $w, i3 < $c] = sum(i4 < $m, i5 < $a, i6 < $b) "
    "if 0 <= i1 - i5 and i1 - i5 < $Y and 0 <= i2 - i6 and i2 - i6 < $X "
    "then e[i0, i1 - i5, i2 - i6, i4] * w[i5, i6, i3, i4] else 0\n"
    "g[i0 < $n, i1 < $h, i2 < $w, i3 < $c] = sum(i4 < $a, i5 < $b, i6 < $m) "
    "w[i4, i5, i3, i6] * e[i0, i1 - i4 + $p, i2 - i5 + $p, i6]\n"
    "output f\noutput g\n";
/* gradient by the image of a step over it: in phases, each with bounds of its own. What is read at quotients, without a
 * sum; and a gradient that shares the loop over an index with its readers, whose bounds are affine in its counter */
static const char *const in_phases = SIZES
    "input const e[i0 < $n, i1 < $Y, i2 < $X, i3 < $m]\n"
    "f[i0 < $n, i1 < $h, i2 < $w, i3 < $c] = sum(i4 < $a, i5 < $b, i6 < $m) "
    "if $s * i4 + mod(i1 + $p, $s) < $a and $s * i5 + mod(i2 + $p, $s) < $b "
    "then w[$s * i4 + mod(i1 + $p, $s), $s * i5 + mod(i2 + $p, $s), i3, i6] * "
    "e[i0, floor((i1 + $p) / $s) - i4, floor((i2 + $p) / $s) - i5, i6] else 0\n"
    "g[i0 < $n, i1 < $h, i2 < $w, i3 < $c] = if mod(i1 - 1, $s) == 0 and 0 <= f[i0, i1, i2, i3] "
    "then x[i0, floor((i1 - 1) / $s), ceil(i2 / $s), i3] - i1 else f[i0, i1, i2, i3] + i2\n"
    "q[i0 < $n, i1 < $Y, i2 < $X, i3 < $m] = e[i0, i1, i2, i3] + 1\n"
    "r[i0 < $n, i1 < $Y, i2 < $X, i3 < $c] = sum(i4 < $m, i5 < $a, i6 < $b) "
    "if 0 <= i1 - i5 and i1 - i5 < $Y and 0 <= i2 - i6 and i2 - i6 < $X "
    "then q[i0, i1 - i5, i2 - i6, i4] * w[i5, i6, i3, i4] else 0\n"
    "t[i0 < $n, i1 < $Y, i2 < $X, i3 < $c] = if 0 <= r[i0, i1, i2, i3] then x[i0, i1, i2, i3] else 0\n"
    "u[i0 < $c] = sum(i1 < $n, i2 < $Y, i3 < $X) t[i1, i2, i3, i0]\n"
    "v[i0 < $c] = sum(i1 < $n, i2 < $Y, i3 < $X) t[i1, i2, i3, i0] * r[i1, i2, i3, i0]\n"
    "output f\noutput g\noutput u\noutput v\n";
/* gradient by the filter */
static const char *const by_filter = SIZES
    "input const e[i0 < $n, i1 < $Y, i2 < $X, i3 < $m]\n"
    "f[i0 < $a, i1 < $b, i2 < $c, i3 < $m] = sum(i4 < $n, i5 < $Y, i6 < $X) "
    "x[i4, $s * i5 + $d * i0, $s * i6 + $d * i1, i2] * e[i4, i5, i6, i3] * w[0, 0, 0, 0]\n"
    "g[i0 < $a, i1 < $b, i2 < $c, i3 < $m] = sum(i4 < $Y, i5 < $n, i6 < $X) "
    "e[i5, i4, i6, i3] * x[i5, $s * i4 + $d * i0, $s * i6 + $d * i1, i2]\n"
    "output f\noutput g\n";

/* flattened: read in the order in which it lies, in another, and beyond its end, where it is 0 */
#define DIGITS(k) "floor(floor(" k " / $c) / $w), mod(floor(" k " / $c), $w), mod(" k ", $c)"
static const char *const flattened = SIZES
    "input v[i0 < $F, i1 < $m]\ninput u[i0 < $h, i1 < $w, i2 < $c]\n"
    "z[i0 < $n, i1 < $h, i2 < $w, i3 < $c] = 2 * x[i0, i1, i2, i3] + 1\n"
    "t[i0 < $w, i1 < $c, i2 < $n, i3 < $h] = x[i2, i3, i0, i1] - 1\n"
    "f[i0 < $n, i1 < $m] = sum(i2 < $F) z[i0, " DIGITS("i2") "] * v[i2, i1]\n"
    "g[i0 < $F, i1 < $m] = sum(i2 < $n) t[mod(floor(i0 / $c), $w), mod(i0, $c), i2, floor(floor(i0 / $c) / $w)] * "
    "w[0, 0, 0, i1] * x[i2, 0, 0, 0]\n"
    "e[i0 < $m] = sum(i1 < $F) u[" DIGITS("i1") "] * v[i1, i0]\n"
    "b[i0 < $m] = sum(i1 < $F) u[" DIGITS("(i1 + 3)") "] * v[i1, i0]\n"
    "output f\noutput g\noutput e\noutput b\n";

/* an index made of three, in the adjoint of flatten: taken apart, so that one sum is left */
static void digits(int a, int b, int c) {
  cx_ctx *x = cx_ctx_new(NULL, NULL);
  cx_arena *m = cx_arena_new(x);
  char *text = cx_format(m,
                         "input w[i0 < %d, i1 < 7]\ninput d[i0 < 7]\n"
                         "e[i0 < %d, i1 < %d, i2 < %d] = sum(i3 < %d, i4 < 7) if i2 == mod(i3, %d) and "
                         "i1 == mod(floor(i3 / %d), %d) and i0 == floor(floor(i3 / %d) / %d) "
                         "then w[i3, i4] * d[i4] else 0\noutput e\n",
                         a * b * c, a, b, c, a * b * c, c, c, b, c, b);
  cx_graph *g = cx_graph_read(x, m, cx_source_add(x, "test", text, strlen(text)));
  CHECK(g != NULL);
  if (!g) return;
  double *v[2], *want[1], *got[1];
  int64_t n[2] = {a * b * c * 7, 7};
  for (int k = 0; k < 2; k++) {
    v[k] = CX_NEW_N(m, double, n[k]);
    for (int64_t i = 0; i < n[k]; i++) v[k][i] = whole();
  }
  cx_array in[2] = {cx_array_dense(v[0], 2, (int64_t[]){a * b * c, 7}), cx_array_dense(v[1], 1, (int64_t[]){7})};
  cx_ref_run(g, m, in, want);
  cx_pass_delta(g);
  cx_ref_run(g, m, in, got);
  const cx_eq *e = g->eq[g->out[0]];
  CHECK(e->nred == 1 && e->rdim[0].n == 7);
  CHECK(memcmp(want[0], got[0], (size_t)(a * b * c) * sizeof(double)) == 0);
  cx_arena_free(m);
  cx_ctx_free(x);
}

int main(void) {
  static const shape some[] = {
      {70, 9, 10, 3, 3, 3, 16, 1, 1, 0}, {37, 6, 7, 5, 3, 2, 9, 1, 1, 1},  {129, 5, 5, 16, 3, 3, 32, 1, 1, 0},
      {65, 11, 9, 2, 3, 3, 8, 2, 1, 0},  {33, 9, 9, 1, 2, 3, 17, 1, 2, 0},
  };
  for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
    const shape *s = &some[k];
    same(forward, s, 2);
    same(by_filter, s, !s->pad); /* of an image padded by an equation of its own */
    if (s->stride == 1 && s->dilation == 1) same(by_image, s, 1);
    same(flattened, s, 0);
  }
  static const shape stepped[] = {
      {70, 9, 10, 3, 3, 3, 16, 2, 1, 1}, {37, 12, 7, 5, 3, 2, 9, 3, 1, 0}, {64, 8, 8, 4, 1, 1, 8, 2, 1, 0}};
  for (size_t k = 0; k < sizeof stepped / sizeof *stepped; k++) same(in_phases, &stepped[k], stepped[k].a > 1 ? 4 : 1);
  digits(5, 5, 32);
  digits(3, 4, 2);
  digits(2, 1, 3);
  return CHECK_DONE();
}
