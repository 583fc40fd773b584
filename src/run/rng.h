/* rng.h - counter-based random numbers: Philox4x32-10.
 *
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 3.3. A draw is a pure
 * function of (seed, stream, position): there is no state to keep but the position, so any draw can be made by any
 * thread in any order, and a saved position resumes the sequence exactly. */
#ifndef CX_RNG_H
#define CX_RNG_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Uniform in (0, 1), a pure function of three numbers: what programs call random(stream, k), with the run's seed.
 * NaN where one of them is. */
double cx_random(double seed, double stream, double k);
/* ... each as a word: whole numbers as themselves, all others by their bits; streams apart from those of starts and
 * shuffles */
static inline uint64_t cx_random_word(double x, bool stream) {
  const uint64_t program = (uint64_t)(stream ? 0x5eed : 0) << 40;
  uint64_t bits;
  if (x >= 0 && x < 0x1p53 && x == (double)(int64_t)x) return (uint64_t)(int64_t)x ^ program;
  memcpy(&bits, &x, sizeof bits);
  return bits ^ program;
}

/* the bare block function: four words from a counter of four and a key of two */
void cx_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A sequence. Plain data: copy it, save it, start at any position. Streams of one seed do not overlap. */
typedef struct cx_rng {
  uint64_t seed, stream, at;
} cx_rng;
static inline cx_rng cx_rng_new(uint64_t seed, uint64_t stream) { return (cx_rng){seed, stream, 0}; }

uint64_t cx_rng_u64(cx_rng *r); /* position moves on by one */
uint64_t cx_rng_u64_at(const cx_rng *r, uint64_t k);
double cx_rng_uniform(cx_rng *r);             /* in the open interval (0, 1), 53 bits */
double cx_rng_normal(cx_rng *r);              /* Box-Muller, position moves on by one */
uint32_t cx_rng_below(cx_rng *r, uint32_t n); /* 0..n-1 without bias; n > 0 */
void cx_rng_normals(cx_rng *r, double *x, int64_t n);
/* a permutation of what stands in p[0..n-1], all orders equally likely */
void cx_rng_shuffle(cx_rng *r, int32_t *p, int64_t n);
#endif
