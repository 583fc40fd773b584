/* Few costly rows are cut into parts for several threads: the values do not depend on how many there are, bit for bit,
 * nor on being measured; and the profile counts what a program computes. */
#include <stdlib.h>

#include "back/back.h"
#include "check.h"

enum { ROWS = 32, SIDE = 128 };
static const char *const text =
    "input const x[i0 < 32, i1 < 128, i2 < 128]\ninput w[i0 < 128, i1 < 128]\n"
    "y[i0 < 32, i1 < 128, i2 < 128] = sum(i3 < 128) x[i0, i1, i3] * w[i3, i2]\n"
    "g[i0 < 128, i1 < 128] = sum(i2 < 32, i3 < 128) x[i2, i3, i0] * y[i2, i3, i1]\n"
    "s[i0 < 128] = sum(i1 < 32, i2 < 128) y[i1, i2, i0]\n"
    "m[i0 < 32] = max(i1 < 128, i2 < 128) y[i0, i1, i2]\noutput g\noutput s\noutput m\n";
static uint64_t seed = 88172645463325252u;
static float whole(void) { /* small enough that every sum is exact */
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (float)(int)(seed % 3) - 1;
}

typedef struct {
  float g[SIDE * SIDE], s[SIDE], m[ROWS];
} result;

static void run(int threads, bool measured, const float *x, const float *w, result *r) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_arena_new(c);
  if (measured) cx_profile_start(c);
  cx_graph *g = cx_graph_read(c, a, cx_source_add(c, "test", text, strlen(text)));
  CHECK(g != NULL);
  if (!g) return;
  cx_array data = {.type = CX_F32, .data = x};
  cx_array_row_major(&data, 3, (const int64_t[]){ROWS, SIDE, SIDE});
  cx_exec *e = cx_exec_new(a, g, &data, &(cx_exec_opt){.threads = threads, .single = true});
  CHECK(strstr(cx_exec_text(e, a), "2 chunks of 16") != NULL);
  cx_work *work = cx_work_new(a, e);
  const char *why = NULL;
  for (int k = 0; k < 3; k++) CHECK(cx_exec_run(e, work, (const void *[]){w}, (void *[]){r->g, r->s, r->m}, &why) == 0);
  const char *profile = cx_profile_text(c, a);
  CHECK(measured == (strstr(profile, "GFLOP/s") != NULL));
  if (measured) CHECK(strstr(profile, "32 rows, in parts of 16") != NULL);
  cx_arena_free(a);
  cx_ctx_free(c);
}

int main(void) {
  float *x = malloc(sizeof *x * ROWS * SIDE * SIDE), *w = malloc(sizeof *w * SIDE * SIDE);
  double *y = malloc(sizeof *y * ROWS * SIDE * SIDE);
  result *r = malloc(sizeof *r * 4);
  if (!x || !w || !y || !r) return 1;
  for (int k = 0; k < ROWS * SIDE * SIDE; k++) x[k] = whole();
  for (int k = 0; k < SIDE * SIDE; k++) w[k] = whole();
  for (int k = 0; k < 4; k++) run(k < 3 ? k + 1 : 2, k == 3, x, w, &r[k]);
  for (int k = 1; k < 4; k++) CHECK(memcmp(&r[k], &r[0], sizeof *r) == 0);
  bool right = true;
  for (int i = 0; i < ROWS; i++) {
    double most = -1e30;
    for (int t = 0; t < SIDE; t++)
      for (int j = 0; j < SIDE; j++) {
        double v = 0;
        for (int k = 0; k < SIDE; k++) v += (double)x[(i * SIDE + t) * SIDE + k] * (double)w[k * SIDE + j];
        y[(i * SIDE + t) * SIDE + j] = v;
        if (v > most) most = v;
      }
    right &= (double)r->m[i] == most;
  }
  for (int j = 0; j < SIDE; j++) {
    double s = 0, g = 0;
    for (int k = 0; k < ROWS * SIDE; k++) s += y[k * SIDE + j], g += (double)x[k * SIDE + 5] * y[k * SIDE + j];
    right &= (double)r->s[j] == s && (double)r->g[5 * SIDE + j] == g;
  }
  CHECK(right);
  /* numbers that are rounded on the way */
  for (int k = 0; k < ROWS * SIDE * SIDE; k++) x[k] *= 0.1f + (float)(k % 7);
  for (int k = 0; k < 4; k++) run(k < 3 ? k + 1 : 2, k == 3, x, w, &r[k]);
  for (int k = 1; k < 4; k++) CHECK(memcmp(&r[k], &r[0], sizeof *r) == 0);
  free(x), free(w), free(y), free(r);
  return CHECK_DONE();
}
