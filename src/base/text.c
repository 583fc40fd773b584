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
