/* text_unit.c - a text cut into bytes, characters or words. Letters and their lower case are known by ranges of Unicode:
 * Latin, Greek and Cyrillic have cases here; whatever is no space, punctuation or symbol counts as a letter. */
#include <ctype.h>
#include <string.h>

#include "data/read.h"
#include "data/vocab.h"

int64_t cx_text_count(cx_texts t) { return cx_array_count(&t.d->array); }
const char *cx_text_at(cx_texts t, int64_t k) { return t.d->array.text[k]; }

void cx_text_fail(cx_texts t, int64_t k, const char *byte, const char *help, const char *fmt, ...) {
  cx_arena *a = cx_ctx_arena(t.c);
  va_list ap;
  va_start(ap, fmt);
  const char *text = cx_vformat(a, fmt, ap), *place = t.d->name;
  va_end(ap);
  const cx_array *x = &t.d->array;
  if (byte && x->rank == 0 && x->origin) { /* one text of many lines */
    int line = 1;
    for (const char *s = cx_text_at(t, 0); s < byte; s++) line += *s == '\n';
    place = cx_format(a, "%s:%d: %s", x->origin, line, t.d->name);
  } else if (k >= 0) {
    place = cx_element_place(a, t.d, x, k);
  }
  int id = cx_diag(t.c, CX_ERROR, CX_E_DATA, t.d->span, "%s: %s", place, text);
  if (help) cx_diag_help(t.c, id, "%s", help);
  cx_throw(t.c, CX_E_DATA);
}

static bool within(uint32_t c, uint32_t a, uint32_t b) { return c >= a && c <= b; }

static bool is_space(uint32_t c) {
  return c == ' ' || within(c, 9, 13) || c == 0x85 || c == 0xA0 || c == 0x1680 || within(c, 0x2000, 0x200A) ||
         within(c, 0x2028, 0x2029) || c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_word(uint32_t c) {
  static const uint32_t other[][2] = {
      {0x2B9, 0x2FF},   {0x37E, 0x37E},   {0x387, 0x387},   {0x55A, 0x55F},   {0x589, 0x58A},     {0x5BE, 0x5BE},
      {0x60C, 0x60D},   {0x61B, 0x61F},   {0x66A, 0x66D},   {0x6D4, 0x6D4},   {0x964, 0x965},     {0x1680, 0x1680},
      {0x2000, 0x206F}, {0x20A0, 0x20CF}, {0x2190, 0x245F}, {0x2500, 0x2BFF}, {0x2E00, 0x2E7F},   {0x3000, 0x3004},
      {0x3008, 0x3020}, {0x3030, 0x3030}, {0xE000, 0xF8FF}, {0xFD3E, 0xFD3F}, {0xFE10, 0xFE6F},   {0xFF00, 0xFF0F},
      {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF}, {0xF0000, 0x10FFFF}};
  if (c < 0x80) return isalnum((int)c) || c == '_';
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  if (c == 0xD7 || c == 0xF7) return false;
  for (size_t k = 0; k < sizeof other / sizeof *other; k++)
    if (within(c, other[k][0], other[k][1])) return false;
  return true;
}

static uint32_t lower(uint32_t c) {
  if (within(c, 'A', 'Z')) return c + 32;
  if (c < 0xC0) return c;
  if (within(c, 0xC0, 0xDE)) return c == 0xD7 ? c : c + 32;
  if (within(c, 0x100, 0x17F)) {
    if (c == 0x130) return 'i';
    if (c == 0x178) return 0xFF;
    bool odd = within(c, 0x139, 0x148) || within(c, 0x179, 0x17E), none = c == 0x138 || c == 0x149 || c == 0x17F;
    return none ? c : (c & 1) == odd ? c + 1 : c;
  }
  if (within(c, 0x391, 0x3AB)) return c == 0x3A2 ? c : c + 32;
  if (c == 0x386) return 0x3AC;
  if (within(c, 0x388, 0x38A)) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (within(c, 0x38E, 0x38F)) return c + 63;
  if (within(c, 0x400, 0x40F)) return c + 80;
  if (within(c, 0x410, 0x42F)) return c + 32;
  if (within(c, 0x460, 0x481) || within(c, 0x48A, 0x4BF) || within(c, 0x4D0, 0x52F) || within(c, 0x1E00, 0x1E95) ||
      within(c, 0x1EA0, 0x1EFF))
    return c & 1 ? c : c + 1;
  return c;
}

static void put_character(cx_buf *b, uint32_t c) {
  char s[4];
  size_t n = 0;
  if (c < 0x80) s[n++] = (char)c;
  else if (c < 0x800) s[n++] = (char)(0xC0 | c >> 6);
  else if (c < 0x10000) s[n++] = (char)(0xE0 | c >> 12), s[n++] = (char)(0x80 | (c >> 6 & 63));
  else s[n++] = (char)(0xF0 | c >> 18), s[n++] = (char)(0x80 | (c >> 12 & 63)), s[n++] = (char)(0x80 | (c >> 6 & 63));
  if (c >= 0x80) s[n++] = (char)(0x80 | (c & 63));
  cx_put(b, s, n);
}

static void unit(cx_units *u, uint32_t beg) {
  CX_PUSH(u->text.arena, u->at);
  u->at.at[u->at.n - 1] = (cx_piece){beg, (uint32_t)u->text.n};
}

void cx_text_split(cx_units *u, cx_texts t, int64_t k, const cx_text_opt *o) {
  const char *s = cx_text_at(t, k), *p = s, *end = s + strlen(s);
  u->text.n = u->at.n = 0;
  if (end - s >= INT32_MAX) cx_text_fail(t, k, NULL, "divide it into several texts", "it is longer than 2 GB");
  if (o->unit == UNIT_BYTES) {
    cx_put(&u->text, s, (size_t)(end - s));
    for (uint32_t i = 0; i < (uint32_t)(end - s); i++) {
      CX_PUSH(u->text.arena, u->at);
      u->at.at[u->at.n - 1] = (cx_piece){i, i + 1};
    }
    return;
  }
  uint32_t word = 0; /* where the word at hand begins */
  int letters = 0;
  for (;;) {
    uint32_t c = ' ';
    bool last = p == end;
    const char *at = p;
    if (!last) p += cx_utf8(p, end, &c);
    if (c == 0xFFFFFFFFu)
      cx_text_fail(t, k, at, "convert the file to UTF-8 (iconv -f latin1 -t utf8), or take its bytes: bytes(..)",
                   "its byte %lld is no UTF-8", (long long)(at - s) + 1);
    if (o->unit == UNIT_CHARACTERS) {
      if (last) return;
      if (o->features && is_space(c)) { /* two and more become one blank */
        uint32_t next = 0;
        for (int n; p < end && (n = cx_utf8(p, end, &next), is_space(next)); p += n) c = ' ';
      }
      uint32_t beg = (uint32_t)u->text.n;
      put_character(&u->text, o->features ? lower(c) : c);
      unit(u, beg);
      continue;
    }
    if (is_word(c) && !last) { /* words: one blank between them */
      if (!letters) {
        if (u->text.n) cx_put(&u->text, " ", 1);
        word = (uint32_t)u->text.n;
      }
      letters++;
      put_character(&u->text, lower(c));
      continue;
    }
    if (letters == 1 && o->features) u->text.n = word ? (int)word - 1 : 0; /* a letter alone is none */
    else if (letters) unit(u, word);
    letters = 0;
    if (last) return;
    if (o->features || is_space(c)) continue;
    if (u->text.n) cx_put(&u->text, " ", 1);
    word = (uint32_t)u->text.n;
    put_character(&u->text, c);
    unit(u, word);
  }
}
