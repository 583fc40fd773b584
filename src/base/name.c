/* name.c - interned names, and the name that was probably meant. */
#include "base/ctx.h"
#include <string.h>

static uint32_t hash_of(const char *s, size_t n) { /* FNV-1a, 32 bits */
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
  return h;
}

static void grow_names(cx_ctx *c) {
  size_t cap = c->name_cap ? c->name_cap * 2 : 256;
  cx_name_slot *slots = CX_NEW_N(c->arena, cx_name_slot, cap);
  for (size_t i = 0; i < c->name_cap; i++) {
    if (!c->names[i].sym) continue;
    size_t j = c->names[i].hash & (cap - 1);
    while (slots[j].sym) j = (j + 1) & (cap - 1);
    slots[j] = c->names[i];
  }
  c->names = slots;
  c->name_cap = cap;
}

cx_sym cx_intern(cx_ctx *c, const char *s, size_t n) {
  if (2 * (c->name_count + 1) > c->name_cap) grow_names(c);
  uint32_t h = hash_of(s, n);
  size_t i = h & (c->name_cap - 1);
  for (; c->names[i].sym; i = (i + 1) & (c->name_cap - 1))
    if (c->names[i].hash == h && c->names[i].len == n && memcmp(c->names[i].sym, s, n) == 0) return c->names[i].sym;
  c->names[i].sym = cx_strdup(c->arena, s, n);
  c->names[i].hash = h;
  c->names[i].len = (uint32_t)n;
  c->name_count++;
  return c->names[i].sym;
}

cx_sym cx_intern_z(cx_ctx *c, const char *s) { return cx_intern(c, s, strlen(s)); }

enum { LONGEST = 64 };

static int code_points(const char *s, uint32_t *out) {
  const char *end = s + strlen(s);
  int n = 0;
  while (s < end) {
    if (n == LONGEST) return -1;
    s += cx_utf8(s, end, &out[n++]);
  }
  return n;
}

static uint32_t lower(uint32_t c) { return (c >= 'A' && c <= 'Z') || (c >= 0x391 && c <= 0x3A9) ? c + 32 : c; }

/* Optimal string alignment distance (Damerau-Levenshtein without edits of a transposed pair): an edit costs 2,
 * a change of case 1. */
static int distance(const uint32_t *x, int n, const uint32_t *y, int m) {
  int row[3][LONGEST + 1];
  for (int j = 0; j <= m; j++) row[0][j] = 2 * j;
  for (int i = 1; i <= n; i++) {
    int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
    now[0] = 2 * i;
    for (int j = 1; j <= m; j++) {
      int swap = x[i - 1] == y[j - 1] ? 0 : lower(x[i - 1]) == lower(y[j - 1]) ? 1 : 2;
      int best = up[j - 1] + swap;
      if (up[j] + 2 < best) best = up[j] + 2;
      if (now[j - 1] + 2 < best) best = now[j - 1] + 2;
      if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1] && up2[j - 2] + 2 < best)
        best = up2[j - 2] + 2;
      now[j] = best;
    }
  }
  return row[n % 3][m];
}

const char *cx_nearest(const char *name, const char *const *candidates, int count) {
  uint32_t x[LONGEST], y[LONGEST];
  int n = code_points(name, x);
  if (n <= 0) return NULL;
  int best = n < 3 ? 1 : n < 6 ? 2 : n < 9 ? 4 : 6; /* short names: one letter wrong is another name */
  const char *nearest = NULL;
  for (int i = 0; i < count; i++) {
    int m = candidates[i] ? code_points(candidates[i], y) : -1;
    if (m <= 0 || 2 * (m > n ? m - n : n - m) > best) continue;
    int d = distance(x, n, y, m);
    if (d > best || (d == best && nearest)) continue;
    best = d;
    nearest = candidates[i];
  }
  return nearest;
}
