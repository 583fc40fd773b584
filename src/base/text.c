/* text.c - strings in arenas, UTF-8, and numbers to and from text whatever the locale. */
#include "base/base.h"
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *cx_strdup(cx_arena *a, const char *s, size_t n) {
  char *p = cx_alloc_n(a, n + 1, 1);
  if (n) memcpy(p, s, n);
  return p;
}

char *cx_vformat(cx_arena *a, const char *fmt, va_list ap) {
  char small[256];
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  char *p;
  if (n < (int)sizeof small) {
    p = cx_strdup(a, small, n < 0 ? 0 : (size_t)n);
  } else {
    p = cx_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
  }
  va_end(again);
  return p;
}

char *cx_format(cx_arena *a, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *p = cx_vformat(a, fmt, ap);
  va_end(ap);
  return p;
}

void cx_put(cx_buf *b, const char *s, size_t n) {
  if (n > (size_t)(INT_MAX / 4)) n = INT_MAX / 4;
  while ((size_t)(b->cap - b->n) <= n) b->at = cx_grow(b->arena, b->at, &b->cap, 1);
  if (n) memcpy(b->at + b->n, s, n);
  b->n += (int)n;
  b->at[b->n] = 0;
}

void cx_puts(cx_buf *b, const char *s) { cx_put(b, s, strlen(s)); }

void cx_putf(cx_buf *b, const char *fmt, ...) {
  char small[256];
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  va_end(ap);
  if (n < (int)sizeof small) cx_put(b, small, n < 0 ? 0 : (size_t)n);
  else cx_puts(b, cx_vformat(b->arena, fmt, again));
  va_end(again);
}

int cx_utf8(const char *s, const char *end, uint32_t *cp) {
  const unsigned char *p = (const unsigned char *)s;
  size_t left = (size_t)(end - s);
  uint32_t c = p[0], least;
  int n;
  *cp = 0xFFFFFFFFu;
  if (c < 0x80) {
    *cp = c;
    return 1;
  }
  if (c >= 0xC2 && c < 0xE0) {
    n = 2;
    c &= 0x1F;
    least = 0x80;
  } else if (c >= 0xE0 && c < 0xF0) {
    n = 3;
    c &= 0x0F;
    least = 0x800;
  } else if (c >= 0xF0 && c < 0xF5) {
    n = 4;
    c &= 0x07;
    least = 0x10000;
  } else return 1;
  if (left < (size_t)n) return 1;
  for (int i = 1; i < n; i++) {
    if ((p[i] & 0xC0) != 0x80) return 1;
    c = c << 6 | (p[i] & 0x3F);
  }
  if (c < least || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 1;
  *cp = c;
  return n;
}

int cx_char_width(uint32_t c) {
  /* coarse ranges of Unicode's East Asian Width and of its combining marks: enough to put a caret */
  static const struct {
    uint32_t first, last;
    int width;
  } ranges[] = {{0x0300, 0x036F, 0},   {0x1100, 0x115F, 2},  {0x200B, 0x200F, 0}, {0x20D0, 0x20FF, 0},
                {0x2E80, 0x303E, 2},   {0x3041, 0xA4CF, 2},  {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},
                {0xFE00, 0xFE0F, 0},   {0xFE30, 0xFE6F, 2},  {0xFF00, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2},
                {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2}};
  if (c < 0x300) return 1;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (c >= ranges[i].first && c <= ranges[i].last) return ranges[i].width;
  return 1;
}

int cx_width(const char *s, size_t n) {
  const char *end = s + n;
  int w = 0;
  uint32_t cp;
  while (s < end) {
    s += cx_utf8(s, end, &cp);
    w += cx_char_width(cp);
  }
  return w;
}

/* strtod and snprintf follow the host's locale: a decimal point is put in and taken out by hand. */
static bool read_by_libc(const char *s, size_t n, double *out) {
  const char *point = localeconv()->decimal_point;
  size_t np = strlen(point), used = 0;
  /* 800 significant digits decide any double (767 are enough, and a last one that only says "not exactly half") */
  char buf[1024];
  size_t digits = 0;
  long dropped = 0;
  bool after_point = false, tail = false;
  size_t i = 0;
  if (i < n && (s[i] == '-' || s[i] == '+')) buf[used++] = s[i++];
  for (; i < n && s[i] != 'e' && s[i] != 'E'; i++) {
    if (s[i] == '.') {
      after_point = true;
      if (np > 8) return false;
      memcpy(buf + used, point, np);
      used += np;
    } else if (digits == 0 && s[i] == '0' && !after_point) {
      continue; /* leading zeros */
    } else if (digits < 800) {
      digits += digits || s[i] != '0';
      if (digits == 0) dropped--; /* a zero right after the point: only moves the exponent */
      else buf[used++] = s[i];
    } else {
      tail |= s[i] != '0';
      if (!after_point) dropped++;
    }
  }
  if (digits == 0) buf[used++] = '0', dropped = 0;
  if (tail && after_point && digits == 800) buf[used++] = '1';
  else if (tail) buf[used - 1] |= 1; /* sticky: never an exact half */
  long exponent = 0;
  if (i < n) {
    bool minus = false;
    i++;
    if (i < n && (s[i] == '-' || s[i] == '+')) minus = s[i++] == '-';
    for (; i < n; i++)
      if (exponent < 100000000) exponent = exponent * 10 + (s[i] - '0');
    if (minus) exponent = -exponent;
  }
  snprintf(buf + used, sizeof buf - used, "e%ld", exponent + dropped);
  *out = strtod(buf, NULL);
  return true;
}

bool cx_read_double(const char *s, size_t n, double *out) {
  static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  size_t i = 0;
  bool minus = false, digit = false, point = false;
  uint64_t m = 0;
  int kept = 0;
  long e = 0;
  if (i < n && (s[i] == '-' || s[i] == '+')) minus = s[i++] == '-';
  for (; i < n; i++) {
    if (s[i] == '.') {
      if (point) return false;
      point = true;
    } else if (s[i] >= '0' && s[i] <= '9') {
      digit = true;
      if (kept < 19) m = m * 10 + (uint64_t)(s[i] - '0');
      kept += kept || s[i] != '0';
      e -= point;
    } else {
      break;
    }
  }
  if (!digit) return false;
  if (i < n) {
    long x = 0;
    bool neg = false;
    if (s[i] != 'e' && s[i] != 'E') return false;
    i++;
    if (i < n && (s[i] == '-' || s[i] == '+')) neg = s[i++] == '-';
    if (i == n) return false;
    for (; i < n; i++) {
      if (s[i] < '0' || s[i] > '9') return false;
      if (x < 1000000) x = x * 10 + (s[i] - '0');
    }
    e += neg ? -x : x;
  }
  /* Clinger (1990), "How to read floating point numbers accurately": exact operands, one rounding */
  if (kept <= 19 && m <= (1ull << 53) && e >= -22 && e <= 22) {
    double v = e < 0 ? (double)m / ten[-e] : (double)m * ten[e];
    *out = minus ? -v : v;
    return true;
  }
  return read_by_libc(s, n, out);
}

const char *cx_show_double(char buf[32], double x) {
  if (isnan(x)) return strcpy(buf, "nan");
  if (isinf(x)) return strcpy(buf, x < 0 ? "-inf" : "inf");
  const char *point = localeconv()->decimal_point;
  char text[64];
  double back;
  for (int digits = x == (double)(float)x ? 6 : 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, x);
    char *p = strstr(text, point);
    if (p && strcmp(point, ".") != 0) {
      *p = '.';
      memmove(p + 1, p + strlen(point), strlen(p + strlen(point)) + 1);
    }
    if (cx_read_double(text, strlen(text), &back) && back == x) break;
  }
  size_t n = strlen(text);
  return memcpy(buf, text, n < 31 ? n + 1 : 31);
}
