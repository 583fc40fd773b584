/* Matrix kernels of every instruction set and precision against plain loops in long double. */
#include "back/kern_mat.h"
#include "check.h"
#include <stdlib.h>

static uint64_t state = 88172645463325252u;
static double uniform(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (double)((int)((state >> 20) & 2047) - 1024) / 1024;
}

typedef struct {
  bool single;
  void *p;
} array;
static array numbers(bool single, int64_t n) {
  array a = {single, malloc((size_t)(n + 16) * 8)};
  if (!a.p) exit(1);
  for (int64_t i = 0; i < n; i++) {
    double x = uniform();
    if (single) ((float *)a.p)[i] = (float)x;
    else ((double *)a.p)[i] = x;
  }
  return a;
}
static double at(array a, int64_t i) { return a.single ? (double)((float *)a.p)[i] : ((double *)a.p)[i]; }

/* c = s v, by the plain loop of tiles and in pieces: right, the same bits, and nothing written beside it */
static void product(const cx_mat_kernels *k, bool single, int64_t m, int64_t sum, int64_t n, bool turned, bool add) {
  int64_t dm = n + 3, vk = n + 5, sm = turned ? 1 : sum + 1, sk = turned ? m + 2 : 1, size = single ? 4 : 8;
  array s = numbers(single, (m + 2) * (sum + 2)), v = numbers(single, sum * vk), c = numbers(single, m * dm);
  void *old = malloc((size_t)(m * dm * size)), *plain = malloc((size_t)(m * dm * size)),
       *room = aligned_alloc(64, CX_ROOM);
  if (!old || !plain || !room) exit(1);
  memcpy(old, c.p, (size_t)(m * dm * size)), memcpy(plain, c.p, (size_t)(m * dm * size));
  k->matmul(c.p, dm, s.p, sm, sk, v.p, vk, m, sum, n, add, room);
  k->matmul(plain, dm, s.p, sm, sk, v.p, vk, m, sum, n, add, NULL);
  CHECK(memcmp(c.p, plain, (size_t)(m * dm * size)) == 0);
  bool beside = true, near = true;
  for (int64_t r = 0; r < m; r++)
    for (int64_t l = 0; l < dm; l++) {
      long double want = at((array){single, old}, r * dm + l);
      if (l >= n) {
        beside &= at(c, r * dm + l) == (double)want;
        continue;
      }
      if (!add) want = 0;
      double rounded = 0; /* what the products and the sums so far were rounded by, in half units */
      for (int64_t q = 0; q < sum; q++) {
        long double term = (long double)at(s, r * sm + q * sk) * at(v, q * vk + l);
        want += term;
        rounded += fabs((double)term) + fabs((double)want);
      }
      near &= fabs((double)(at(c, r * dm + l) - want)) <= 1.01 * rounded * (single ? 0x1p-24 : 0x1p-53);
    }
  CHECK(beside);
  CHECK(near);
  free(s.p), free(v.p), free(c.p), free(old), free(plain), free(room);
}

/* a row that is 0 at some places times a matrix: the bits of the whole product, what 0 multiplies not even read */
static void spare(const cx_mat_kernels *k, bool single, int64_t sum, int64_t n, int64_t sk, int zeros, bool add) {
  int64_t vk = n + 3, size = single ? 4 : 8;
  array s = numbers(single, sum * sk), v = numbers(single, sum * vk), c = numbers(single, n + 1);
  array whole = numbers(single, n + 1);
  memcpy(whole.p, c.p, (size_t)((n + 1) * size));
  for (int64_t q = 0; q < sum; q++)
    if (fabs(uniform()) * 16 < zeros) memset((char *)s.p + q * sk * size, 0, (size_t)size);
  k->matmul(whole.p, 0, s.p, 0, sk, v.p, vk, 1, sum, n, add, NULL);
  for (int64_t q = 0; q < sum && zeros >= 8; q++) /* fewer are multiplied */
    if (at(s, q * sk) == 0) memset((char *)v.p + q * vk * size, 0xff, (size_t)(n * size));
  k->spare(c.p, s.p, sk, v.p, vk, sum, n, add);
  CHECK(memcmp(c.p, whole.p, (size_t)((n + 1) * size)) == 0);
  free(s.p), free(v.p), free(c.p), free(whole.p);
}

/* products of rows, one by one or in fours */
static void rows(const cx_mat_kernels *k, bool single, int64_t m, int64_t j, int64_t n) {
  int64_t am = n + 3, bj = n + 1, dm = j + 2;
  array a = numbers(single, m * am), b = numbers(single, j * bj), c = numbers(single, m * dm);
  array old = numbers(single, m * dm);
  memcpy(old.p, c.p, (size_t)(m * dm) * (single ? 4 : 8));
  k->rowdot(c.p, dm, 1, a.p, am, b.p, bj, m, j, n);
  double off = 0;
  for (int64_t r = 0; r < m; r++)
    for (int64_t q = 0; q < dm; q++) {
      long double want = at(old, r * dm + q);
      for (int64_t l = 0; l < n && q < j; l++) want += (long double)at(a, r * am + l) * at(b, q * bj + l);
      off = fmax(off, fabs((double)(at(c, r * dm + q) - want)));
    }
  CHECK(off <= (double)(n + 1) * (single ? 6e-8 : 1.2e-16));
  free(a.p), free(b.p), free(c.p), free(old.p);
}

/* sums along rows, one by one or in fours, and across them */
static void sums(const cx_mat_kernels *k, bool single, int64_t r, int64_t n) {
  int64_t as = n + 3, ds = 2;
  array a = numbers(single, r * as), d = numbers(single, r * ds), old = numbers(single, r * ds);
  array e = numbers(single, n + 1), before = numbers(single, n + 1);
  memcpy(old.p, d.p, (size_t)(r * ds) * (single ? 4 : 8));
  memcpy(before.p, e.p, (size_t)(n + 1) * (single ? 4 : 8));
  k->sums(d.p, ds, a.p, as, r, n);
  k->rows[RED_sum](e.p, a.p, as, r, n);
  double off = fabs(at(e, n) - at(before, n)), all = fabs(k->lanes[RED_sum](a.p, n) + at(old, 0) - at(d, 0));
  for (int64_t j = 0; j < r; j++) {
    long double want = at(old, j * ds);
    for (int64_t l = 0; l < n; l++) want += (long double)at(a, j * as + l);
    off = fmax(off, fabs((double)(at(d, j * ds) - want)) + fabs(at(d, j * ds + 1) - at(old, j * ds + 1)));
  }
  for (int64_t l = 0; l < n; l++) {
    long double want = at(before, l);
    for (int64_t j = 0; j < r; j++) want += (long double)at(a, j * as + l);
    off = fmax(off, fabs((double)(at(e, l) - want)));
  }
  CHECK(fmax(off, all) <= (double)(n + r + 1) * (single ? 6e-8 : 1.2e-16));
  free(a.p), free(d.p), free(old.p), free(e.p), free(before.p);
}

static void turned(const cx_mat_kernels *k, bool single, int64_t r, int64_t n) {
  int64_t ds = n + 3, ss = r + 2;
  array s = numbers(single, n * ss), d = numbers(single, r * ds), old = numbers(single, r * ds);
  memcpy(old.p, d.p, (size_t)(r * ds) * (single ? 4 : 8));
  k->transpose(d.p, ds, s.p, ss, r, n);
  bool same = true;
  for (int64_t x = 0; x < r; x++)
    for (int64_t l = 0; l < ds; l++) same &= at(d, x * ds + l) == (l < n ? at(s, l * ss + x) : at(old, x * ds + l));
  CHECK(same);
  free(s.p), free(d.p), free(old.p);
}

/* a product for every lane, and nothing written beside it */
static void lanes(const cx_mat_kernels *kern, bool single, int64_t m, int64_t n, int64_t k, int64_t l, bool add) {
  int64_t w = l + 1;
  cx_lane_product p = {m, n, k, n * w + 2, w, w, (m + 1) * w, k * w, w, add};
  array a = numbers(single, (k + 1) * (m + 1) * w), b = numbers(single, n * k * w + w),
        c = numbers(single, m * p.dm + w);
  array old = numbers(single, m * p.dm + w);
  memcpy(old.p, c.p, (size_t)(m * p.dm + w) * (single ? 4 : 8));
  kern->columns(c.p, a.p, b.p, &p, l);
  double off = 0;
  for (int64_t r = 0; r < m; r++)
    for (int64_t j = 0; j <= n; j++)
      for (int64_t i = 0; i < w && j * w + i < p.dm; i++) {
        int64_t to = r * p.dm + j * p.dn + i;
        bool beside = i >= l || j == n;
        long double want = add || beside ? at(old, to) : 0;
        for (int64_t q = 0; q < k && !beside; q++)
          want += (long double)at(a, r * p.am + q * p.ak + i) * at(b, j * p.bn + q * p.bk + i);
        off = fmax(off, fabs((double)(at(c, to) - want)));
      }
  CHECK(off <= (double)(k + 1) * (single ? 6e-8 : 1.2e-16));
  free(a.p), free(b.p), free(c.p), free(old.p);
}

/* sums of multiples and their norms, of every type they read; nothing written beside them */
static void linear(const cx_mat_kernels *k, bool single, int forms, bool root, int terms, int64_t n) {
  cx_dtype type[3] = {single ? CX_F32 : CX_F64, CX_U8, CX_U16};
  for (int t = 0; t < 3; t++) {
    int64_t size = cx_dtype_size[type[t]];
    array c = numbers(single, forms * (terms + 1)), d = numbers(single, n + 4), real = numbers(single, n + terms);
    unsigned char *mem = malloc((size_t)((n + terms) * size));
    if (!mem) exit(1);
    if (t == 0) memcpy(mem, real.p, (size_t)((n + terms) * size));
    for (int64_t i = 0; i < n + terms && t; i++) {
      uint16_t x = (uint16_t)fabs(uniform() * (t == 1 ? 255 : 65535));
      if (t == 1) mem[i] = (unsigned char)x;
      else ((uint16_t *)(void *)mem)[i] = x;
    }
    const void *a[16];
    for (int q = 0; q < terms; q++) a[q] = mem + q * size;
    double beside = at(d, n), scale = t == 0 ? 1 : t == 1 ? 255 : 65535, off = 0, offset = 0.5;
    k->linear[type[t]][forms - 1](d.p, a, c.p, terms, offset, root, n, n > 40 ? mem : NULL);
    for (int64_t l = 0; l < n; l++) {
      long double want = forms > 1 ? offset : 0;
      for (int j = 0; j < forms; j++) {
        long double x = at(c, j);
        for (int q = 0; q < terms; q++) {
          double v = t == 0 ? at(real, l + q) : t == 1 ? mem[l + q] : ((uint16_t *)(void *)mem)[l + q];
          x += (long double)at(c, (q + 1) * forms + j) * v;
        }
        want += forms > 1 ? x * x : x;
      }
      if (forms > 1 && root) want = sqrtl(want);
      off = fmax(off, fabs((double)(at(d, l) - want)));
    }
    double power = forms > 1 && !root ? forms * (terms + 1) * scale * scale * (terms + 1) : scale * (terms + 1);
    CHECK(at(d, n) == beside && off <= power * (terms + 2) * (single ? 1.2e-7 : 2.3e-16));
    free(c.p), free(d.p), free(real.p), free(mem);
  }
}

/* the greatest and the least of some arrays, NaN above all; nothing written beside them */
static void extreme(const cx_mat_kernels *k, bool single, int terms, int64_t n) {
  array x = numbers(single, terms * n), d = numbers(single, n + 1);
  const void *a[16];
  for (int q = 0; q < terms; q++) a[q] = (const char *)x.p + q * n * (single ? 4 : 8);
  int64_t odd = n / 2 * terms; /* a place among all */
  if (single) ((float *)x.p)[odd] = NAN;
  else ((double *)x.p)[odd] = NAN;
  for (int least = 0; least < 2; least++) {
    double beside = at(d, n);
    bool right = true;
    k->extreme[least](d.p, a, terms, n);
    for (int64_t l = 0; l < n; l++) {
      double want = at(x, l);
      for (int q = 1; q < terms; q++) {
        double y = at(x, q * n + l);
        if (isnan(y) || (least ? y < want : y > want)) want = y;
        if (isnan(want)) break;
      }
      right &= at(d, l) == want || (isnan(want) && isnan(at(d, l)));
    }
    CHECK(right && at(d, n) == beside);
  }
  free(x.p), free(d.p);
}

static void stream(const cx_mat_kernels *k, bool single, int64_t shift, int64_t n) {
  array s = numbers(single, n + 9), d = numbers(single, n + 9);
  int64_t size = single ? 4 : 8;
  double before = shift ? at(d, shift - 1) : 0, behind = at(d, shift + n);
  k->stream((char *)d.p + shift * size, (char *)s.p + 3 * size, n);
  CHECK((!shift || at(d, shift - 1) == before) && at(d, shift + n) == behind);
  CHECK(memcmp((char *)d.p + shift * size, (char *)s.p + 3 * size, (size_t)(n * size)) == 0);
  free(s.p), free(d.p);
}

int main(void) {
  static const int64_t shape[][3] = {{1, 20, 256},   {8, 8, 64},    {3, 1, 5},     {5, 700, 33},
                                     {64, 256, 64},  {67, 259, 75}, {96, 300, 16}, {130, 513, 40},
                                     {70, 256, 300}, {65, 257, 3},  {64, 70, 10},  {9, 65, 7}};
  for (int single = 0; single < 2; single++) {
    const cx_mat_kernels *k;
    for (int nth = 0; (k = cx_mat_nth(single, nth)); nth++) {
      for (int add = 0; add < 2; add++) {
        lanes(k, single, 1, 1, 5, 33, add), lanes(k, single, 4, 8, 16, 32, add), lanes(k, single, 5, 3, 1, 7, add);
        lanes(k, single, 9, 6, 4, 64, add), lanes(k, single, 2, 5, 3, 19, add), lanes(k, single, 3, 4, 0, 16, add);
      }
      for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        for (int how = 0; how < 4; how++) product(k, single, shape[i][0], shape[i][1], shape[i][2], how & 1, how & 2);
      for (int zeros = 0; zeros <= 16; zeros += 4)
        for (int how = 0; how < 4; how++)
          for (size_t i = 0; i < 5; i++)
            spare(k, single, (int64_t[]){40, 1300, 512, 64, 700}[i], (int64_t[]){128, 300, 16, 1, 47}[i], 1 + (how & 1),
                  zeros, how & 2);
      for (int64_t r = 1; r < 50; r += 5)
        for (int64_t n = 1; n < 50; n += 3) turned(k, single, r, n), turned(k, single, 16, n), turned(k, single, r, 32);
      for (int64_t m = 1; m < 14; m += 3)
        for (int64_t j = 1; j < 10; j += 2)
          for (int64_t n = 1; n < 300; n = 2 * n + 3) rows(k, single, m, j, n);
      for (int64_t r = 1; r < 14; r++)
        for (int64_t n = 1; n < 100; n += 5) sums(k, single, r, n), sums(k, single, r, 16);
      for (int forms = 1; forms <= CX_FORMS; forms++)
        for (int64_t n = 1; n < 600; n = 2 * n + 5)
          for (int terms = 1; terms < 16; terms += 5) linear(k, single, forms, n & 2, terms, n);
      for (int64_t n = 1; n < 300; n = 2 * n + 3)
        for (int terms = 1; terms < 16; terms += 3) extreme(k, single, terms, n);
      for (int64_t n = 1; n < 300; n = 2 * n + 3)
        for (int64_t shift = 0; shift < 5; shift++) stream(k, single, shift, n);
    }
  }
  return CHECK_DONE();
}
