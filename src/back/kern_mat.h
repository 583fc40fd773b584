/* kern_mat.h - kernels over more than one vector: products, sums over repetitions and over lanes. Strides in elements;
 * the last one of every operand is 1. One table for double and one for float, for each instruction set. */
#ifndef CX_KERN_MAT_H
#define CX_KERN_MAT_H
#include "data/data.h"

/* bytes that large products need beside their operands */
enum { CX_ROOM_V = 1 << 19, CX_ROOM_S = 1 << 16, CX_ROOM = CX_ROOM_V + CX_ROOM_S };
enum { CX_FORMS = 3 };
#define CX_IN_PIECES(m, k) ((m) >= 64 && (k) >= 256) /* what counts as large */
typedef struct {
  int64_t m, n, k, dm, dn, am, ak, bn, bk;
  bool add;
} cx_lane_product;
typedef struct {
  int64_t n[3], s[3], v[3];
} cx_sum3; /* three nested sums, the last innermost: how many terms, and the steps of the operands */
typedef struct {
  /* c[m * dm + l] (+)= sum(k: s[m * sm + k * sk] * v[k * vk + l]) for l < n; room: CX_ROOM bytes, or NULL */
  void (*matmul)(void *c, int64_t dm, const void *s, int64_t sm, int64_t sk, const void *v, int64_t vk, int64_t m,
                 int64_t k, int64_t n, bool add, void *room);
  /* the same for m == 1, without the terms whose s is 0: v is known to be finite there */
  void (*spare)(void *c, const void *s, int64_t sk, const void *v, int64_t vk, int64_t k, int64_t n, bool add);
  /* the first, row m over lo0 + m * dlo <= k < hi0 + m * dhi alone */
  void (*limited)(void *c, int64_t dm, const void *s, int64_t sm, int64_t sk, const void *v, int64_t vk, int64_t m,
                  int64_t k, int64_t n, bool add, int64_t lo0, int64_t dlo, int64_t hi0, int64_t dhi);
  /* c[r * dm + j * dn + l] (+)= sum(q < k: a[r * am + q * ak + l] * b[j * bn + q * bk + l]) for r < m, j < n, l < lanes */
  void (*columns)(void *c, const void *a, const void *b, const cx_lane_product *p, int64_t lanes);
  /* c[dm[r] + l] (+)= sum(k: s[sm[r] + k . k->s] * v[l + k . k->v]) for r < m, l < n; v is read up to whole vectors */
  void (*contract)(void *c, const int64_t *dm, const void *s, const int64_t *sm, const void *v, int64_t m, int64_t n,
                   const cx_sum3 *k, bool add);
  /* c[m * dm + j * dj] += sum(l < n: a[m * am + l] * b[j * bj + l]) */
  void (*rowdot)(void *c, int64_t dm, int64_t dj, const void *a, int64_t am, const void *b, int64_t bj, int64_t m,
                 int64_t j, int64_t n);
  /* d[r * ds] += sum(l < n: a[r * as + l]) */
  void (*sums)(void *d, int64_t ds, const void *a, int64_t as, int64_t r, int64_t n);
  /* d[l] = d[l] op a[0 * rs + l] op a[1 * rs + l] ... for l < n */
  void (*rows[RED_COUNT])(void *d, const void *a, int64_t rs, int64_t r, int64_t n);
  /* where a[l] is better than best[l], best[l] = a[l] and d[l] = at, the first of equals; for argmax, argmin */
  void (*best[2])(void *d, void *best, const void *a, double at, int64_t n);
  /* the reduction of a[0..n-1] */
  double (*lanes[RED_COUNT])(const void *a, int64_t n);
  /* d[r * ds + l] = s[l * ss + r] */
  void (*transpose)(void *d, int64_t ds, const void *s, int64_t ss, int64_t r, int64_t n);
  /* d[l] = x[0], or the sum of the squares of x[0], x[1] .. and an offset, or its root, where for l < n
   * x[j] = c[j] + sum(k < terms: c[(k + 1) * forms + j] * a[k][l]), j < forms; a[k] of REAL, or of 8 or 16 bits without
   * sign. next: what will be read then, or NULL. By type and forms - 1. */
  void (*linear[CX_DTYPE_COUNT][CX_FORMS])(void *d, const void *const *a, const void *c, int terms, double offset,
                                           bool root, int64_t n, const void *next);
  /* d[l] = the greatest, the least of a[k][l], k < terms */
  void (*extreme[2])(void *d, const void *const *a, int terms, int64_t n);
  /* d[k] = s[k], past the caches where the machine can */
  void (*stream)(void *d, const void *s, int64_t n);
  /* d[k] = s[k], an array of another type */
  void (*convert[CX_DTYPE_COUNT])(void *d, const void *s, int64_t n);
} cx_mat_kernels;
const cx_mat_kernels *cx_mat_get(bool single, bool baseline_only);
/* the k-th set this processor runs, best first; NULL after the last (tests) */
const cx_mat_kernels *cx_mat_nth(bool single, int k);
extern const cx_mat_kernels cx_mat_f64_base, cx_mat_f32_base, cx_mat_f64_avx2, cx_mat_f32_avx2, cx_mat_f64_avx512,
    cx_mat_f32_avx512;
#endif
