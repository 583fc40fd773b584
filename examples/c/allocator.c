/* allocator.c - all memory through an allocator of your own, here one with a budget: what calx uses is counted, a call
 * that would exceed the budget fails cleanly, and calx_free gives everything back. */
#include <calx.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  size_t used, peak, budget;
} pool;

static void *from_pool(void *user, void *ptr, size_t old_size, size_t new_size) {
  pool *p = user;
  if (!ptr) old_size = 0;
  if (new_size > old_size && new_size - old_size > p->budget - p->used) return NULL;
  void *now = NULL;
  if (!new_size) free(ptr);
  else if (!(now = realloc(ptr, new_size))) return NULL;
  p->used += new_size - old_size; /* unsigned arithmetic: also where it shrinks */
  if (p->used > p->peak) p->peak = p->used;
  return now;
}

int main(void) {
  const char *text =
      "data x[n]\n"
      "param mu, sigma > 0\n"
      "minimize sum(i: ((x[i] - mu) / sigma)^2 / 2 + log(sigma))\n";
  static double x[1000];
  for (int i = 0; i < 1000; i++) x[i] = 5 + (i % 7) - 3; /* mean 5 - 3/1000, variance near 4 */
  const size_t budgets[2] = {64 << 10, 64 << 20};
  int wrong = 0;
  for (int k = 0; k < 2; k++) {
    pool p = {.budget = budgets[k]};
    calx_ctx *c = calx_new(from_pool, &p);
    if (!c) return 1;
    calx_model *m;
    double at[2], value[1];
    calx_status s = calx_compile(c, text, SIZE_MAX, &m);
    if (!s) s = calx_bind(m, "x", CALX_F64, 1, (int64_t[]){1000}, NULL, x);
    if (!s) s = calx_start(m, 0, at);
    if (!s) s = calx_minimize(m, "newton", NULL, 0, at, NULL, NULL, NULL);
    if (!s) s = calx_param_values(m, 1, at, value);
    printf("with %5zu KB: ", budgets[k] >> 10);
    if (s) printf("status %d, %s", (int)s, calx_error(c));
    else printf("mu = %.4f, sigma = %.4f", at[0], value[0]);
    calx_free(c);
    printf("\n  peak %zu KB, left over %zu bytes\n", p.peak >> 10, p.used);
    wrong |= p.used != 0 || s != (k == 0 ? CALX_E_RUNTIME : CALX_OK);
    if (k == 1) wrong |= at[0] < 4.99 || at[0] > 5.01 || value[0] < 1.9 || value[0] > 2.1;
  }
  return wrong;
}
