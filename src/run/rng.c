/* rng.c - Philox4x32-10 and the draws made of it; see rng.h. */
#include "run/rng.h"

#include <math.h>
#include <string.h>

void cx_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3], k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p = (uint64_t)0xD2511F53u * a, q = (uint64_t)0xCD9E8D57u * c;
    uint32_t na = (uint32_t)(q >> 32) ^ b ^ k0, nc = (uint32_t)(p >> 32) ^ d ^ k1;
    b = (uint32_t)q;
    d = (uint32_t)p;
    a = na;
    c = nc;
    k0 += 0x9E3779B9u; /* golden ratio */
    k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
  }
  out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}

static void block(const cx_rng *r, uint64_t k, uint32_t w[4]) {
  uint32_t counter[4] = {(uint32_t)k, (uint32_t)(k >> 32), (uint32_t)r->stream, (uint32_t)(r->stream >> 32)};
  uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
  cx_philox(counter, key, w);
}

/* A block holds two 64-bit draws: position k is half k & 1 of block k / 2. */
uint64_t cx_rng_u64_at(const cx_rng *r, uint64_t k) {
  uint32_t w[4];
  block(r, k >> 1, w);
  return k & 1 ? w[2] | (uint64_t)w[3] << 32 : w[0] | (uint64_t)w[1] << 32;
}

uint64_t cx_rng_u64(cx_rng *r) { return cx_rng_u64_at(r, r->at++); }

/* 52 bits and a half: never 0, never 1 */
static double open_unit(uint64_t u) { return ((double)(u >> 12) + 0.5) * 0x1p-52; }

double cx_rng_uniform(cx_rng *r) { return open_unit(cx_rng_u64(r)); }

/* Normals k and k ^ 1 are the cosine and the sine of one pair of uniforms. The top bit of the counter's last word
 * separates their blocks from those of the plain draws at the same position. */
static double normal_at(const cx_rng *r, uint64_t k) {
  uint32_t w[4];
  cx_rng far = {r->seed, r->stream ^ (uint64_t)1 << 63, 0};
  block(&far, k >> 1, w);
  double u = open_unit(w[0] | (uint64_t)w[1] << 32), v = open_unit(w[2] | (uint64_t)w[3] << 32);
  double radius = sqrt(-2 * log(u)), angle = 6.283185307179586476925 * v;
  return k & 1 ? radius * sin(angle) : radius * cos(angle);
}

double cx_rng_normal(cx_rng *r) { return normal_at(r, r->at++); }

void cx_rng_normals(cx_rng *r, double *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = cx_rng_normal(r);
}

/* Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019), algorithm 5 */
uint32_t cx_rng_below(cx_rng *r, uint32_t n) {
  uint64_t m = (cx_rng_u64(r) >> 32) * n;
  if ((uint32_t)m < n) {
    uint32_t least = (0u - n) % n;
    while ((uint32_t)m < least) m = (cx_rng_u64(r) >> 32) * n;
  }
  return (uint32_t)(m >> 32);
}

void cx_rng_shuffle(cx_rng *r, int32_t *p, int64_t n) { /* Fisher-Yates */
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t j = cx_rng_below(r, (uint32_t)(i + 1));
    int32_t t = p[i];
    p[i] = p[j];
    p[j] = t;
  }
}

double cx_random(double seed, double stream, double k) {
  if (isnan(seed) || isnan(stream) || isnan(k)) return NAN;
  cx_rng r = cx_rng_new(cx_random_word(seed, false), cx_random_word(stream, true));
  return open_unit(cx_rng_u64_at(&r, cx_random_word(k, false)));
}
