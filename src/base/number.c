/* number.c - decimal text to the nearest double, whatever the locale.
 *
 * A decimal is w * 10^e. Three ways, each exact:
 *  - w <= 2^53 and |e| <= 22: one correctly rounded operation (W. D. Clinger, "How to Read Floating Point Numbers
 *    Accurately", PLDI 1990, section 3);
 *  - w < 2^64 and |e| <= 27: 5^|e| < 2^63, so the product, or the quotient with its remainder, fits 128-bit integers;
 *  - else long division of big integers, one bit of the quotient at a time. */
#include "base/base.h"

#include <math.h>
#include <string.h>

#define MAX_DIGITS 800 /* 767 decide every double; what follows them can only break a tie */
#define WORDS      64  /* 4096 bits: 10^800 and 5^1130 with room for the alignment */

static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
/* clang-format off */
static const uint64_t five[] = {1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u, 1953125u, 9765625u,
                                48828125u, 244140625u, 1220703125u, 6103515625u, 30517578125u, 152587890625u,
                                762939453125u, 3814697265625u, 19073486328125u, 95367431640625u, 476837158203125u,
                                2384185791015625u, 11920928955078125u, 59604644775390625u, 298023223876953125u,
                                1490116119384765625u, 7450580596923828125u};
/* clang-format on */
__extension__ typedef unsigned __int128 u128;

/* The double nearest to m * 2^e (bit 63 of m is set), a little more when `more`; ties to even. */
static double round_bits(uint64_t m, int e, bool more) {
  int top = e + 63; /* 2^top <= value */
  if (top > 1023) return INFINITY;
  int keep = top >= -1022 ? 53 : 53 - (-1022 - top); /* a subnormal keeps fewer bits */
  if (keep < 0) return 0;
  int drop = 64 - keep;
  uint64_t q = drop == 64 ? 0 : m >> drop;
  uint64_t half = UINT64_C(1) << (drop - 1), rest = drop == 64 ? m : m & (2 * half - 1);
  if (rest > half || (rest == half && (more || (q & 1)))) q++;
  /* a carry out of the fraction runs into the exponent field, which is just what it should do */
  uint64_t bits = q + (top >= -1022 ? (uint64_t)(top + 1022) << 52 : 0);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static double middle(uint64_t w, int e) { /* w > 0, |e| <= 27 */
  int lz = __builtin_clzll(w);
  if (e >= 0) {
    u128 v = (u128)w * five[e];
    uint64_t hi = (uint64_t)(v >> 64);
    int up = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
    v <<= up;
    return round_bits((uint64_t)(v >> 64), 64 - up + e, (uint64_t)v != 0);
  }
  uint64_t d = five[-e];
  int lzd = __builtin_clzll(d);
  d <<= lzd;
  u128 n = (u128)(w << lz) << 63;
  uint64_t q = (uint64_t)(n / d); /* 2^62 < q < 2^64 */
  bool more = n != (u128)q * d;
  int up = __builtin_clzll(q);
  return round_bits(q << up, e - 63 + lzd - lz - up, more);
}

typedef struct {
  int n;
  uint64_t w[WORDS];
} big; /* w[n-1] != 0 */

static void big_mul_add(big *b, uint64_t m, uint64_t add) {
  for (int i = 0; i < b->n; i++) {
    u128 v = (u128)b->w[i] * m + add;
    b->w[i] = (uint64_t)v;
    add = (uint64_t)(v >> 64);
  }
  if (add && b->n < WORDS) b->w[b->n++] = add;
}
static void big_five(big *b, int e) {
  for (; e > 27; e -= 27) big_mul_add(b, five[27], 0);
  big_mul_add(b, five[e], 0);
}
static int big_bits(const big *b) { return 64 * b->n - __builtin_clzll(b->w[b->n - 1]); }
static void big_shift(big *b, int k) {
  int words = k / 64, bits = k % 64;
  for (int i = b->n - 1; i >= 0; i--) b->w[i + words] = b->w[i];
  memset(b->w, 0, (size_t)words * sizeof b->w[0]);
  b->n += words;
  if (bits) big_mul_add(b, UINT64_C(1) << bits, 0);
}
static bool big_less(const big *x, const big *y) {
  if (x->n != y->n) return x->n < y->n;
  for (int i = x->n; i-- > 0;)
    if (x->w[i] != y->w[i]) return x->w[i] < y->w[i];
  return false;
}
static void big_sub(big *x, const big *y) { /* x >= y */
  uint64_t borrow = 0;
  for (int i = 0; i < x->n; i++) {
    uint64_t t = i < y->n ? y->w[i] : 0, s = x->w[i] - t - borrow;
    borrow = x->w[i] < t || (borrow && x->w[i] == t);
    x->w[i] = s;
  }
  while (x->n && !x->w[x->n - 1]) x->n--;
}

/* the digits in [p, end), a decimal point among them skipped, times 10^e */
static double slow(const char *p, const char *end, int64_t e) {
  big n = {0}, d = {1, {1}};
  int digits = 0;
  bool lost = false;
  for (; p < end; p++) {
    unsigned c = (unsigned)(*p - '0');
    if (c > 9 || (!c && !digits)) continue;
    if (digits == MAX_DIGITS) {
      lost |= c != 0;
      e++;
      continue;
    }
    if (n.n) big_mul_add(&n, 10, c);
    else n.w[0] = c, n.n = 1;
    digits++;
  }
  if (!digits || digits + e < -330) return 0;
  if (digits + e > 310) return INFINITY;
  if (lost) {
    big_mul_add(&n, 10, 1);
    e--;
  }
  if (e >= 0) big_five(&n, (int)e);
  else big_five(&d, (int)-e);
  int k = big_bits(&n) - big_bits(&d);
  if (k > 0) big_shift(&d, k);
  else big_shift(&n, -k);
  if (big_less(&n, &d)) {
    big_shift(&n, 1);
    k--;
  } /* now 1 <= n/d < 2 */
  uint64_t m = 0;
  for (int i = 0; i < 64; i++) {
    m <<= 1;
    if (!big_less(&n, &d)) {
      big_sub(&n, &d);
      m |= 1;
    }
    if (n.n) big_shift(&n, 1);
  }
  return round_bits(m, k - 63 + (int)e, n.n != 0);
}

static bool word(const char **p, const char *end, const char *lower) {
  const char *s = *p;
  for (; *lower; lower++, s++)
    if (s == end || (*s | 32) != *lower) return false;
  *p = s;
  return true;
}

const char *cx_parse_number(const char *p, const char *end, char dec, double *out) {
  bool minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  const char *first = p;
  uint64_t w = 0;
  int64_t e = 0;
  unsigned c;
  for (; p < end && (c = (unsigned)(*p - '0')) <= 9; p++) w = w * 10 + c;
  ptrdiff_t digits = p - first;
  if (p < end && *p == dec) {
    const char *point = ++p;
    for (; p < end && (c = (unsigned)(*p - '0')) <= 9; p++) w = w * 10 + c;
    e = point - p;
    digits += p - point;
  }
  if (!digits) {
    p = first;
    if (!word(&p, end, "inf")) return NULL;
    word(&p, end, "inity");
    *out = minus ? -INFINITY : INFINITY;
    return p;
  }
  const char *last = p;
  if (p < end && (*p | 32) == 'e') {
    const char *q = p + 1;
    bool down = q < end && *q == '-';
    if (q < end && (*q == '-' || *q == '+')) q++;
    if (q < end && (unsigned)(*q - '0') <= 9) {
      int64_t x = 0;
      for (; q < end && (c = (unsigned)(*q - '0')) <= 9; q++)
        if (x < INT64_C(1) << 56) x = x * 10 + c;
      e += down ? -x : x;
      p = q;
    }
  }
  double v;
  if (digits > 19) { /* w may have overflowed; leading zeros make most of these short again */
    const char *s = first;
    while (s < last && (*s == '0' || *s == dec)) digits -= *s++ == '0';
  }
  if (digits > 19) v = slow(first, last, e);
  else if (w == 0) v = 0;
  else if (w <= UINT64_C(1) << 53 && e >= -22 && e <= 22) v = e < 0 ? (double)w / ten[-e] : (double)w * ten[e];
  else if (e >= -27 && e <= 27) v = middle(w, (int)e);
  else v = slow(first, last, e);
  *out = minus ? -v : v;
  return p;
}

bool cx_read_double(const char *s, size_t n, double *out) {
  size_t sign = n && (*s == '-' || *s == '+');
  bool word = sign == n || (s[sign] != '.' && (unsigned)(s[sign] - '0') > 9); /* inf is a name here */
  return !word && cx_parse_number(s, s + n, '.', out) == s + n;
}

int cx_by_value(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}
