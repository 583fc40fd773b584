/* json.c - JSON (RFC 8259): strings written; documents read by recursive descent. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

void cx_json_puts(cx_buf *b, const char *s) {
  if (!s) {
    cx_puts(b, "null");
    return;
  }
  const char *end = s + strlen(s);
  uint32_t cp;
  cx_puts(b, "\"");
  while (s < end) {
    int len = cx_utf8(s, end, &cp);
    if (cp == '"' || cp == '\\') cx_putf(b, "\\%c", (int)cp);
    else if (cp == '\n') cx_puts(b, "\\n");
    else if (cp < 0x20 || cp == 0x7F) cx_putf(b, "\\u%04x", (unsigned)cp);
    else if (cp == 0xFFFFFFFFu) cx_puts(b, "\xEF\xBF\xBD");
    else cx_put(b, s, (size_t)len);
    s += len;
  }
  cx_puts(b, "\"");
}

enum { DEPTH_MAX = 64 };
typedef struct {
  cx_arena *a;
  const char *beg, *p, *end;
  const char *fault;
  int depth;
} reader;

static bool wrong(reader *r, const char *what) {
  if (!r->fault) r->fault = what;
  return false;
}

static void blanks(reader *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) r->p++;
}

static bool hex4(reader *r, uint32_t *v) {
  *v = 0;
  if (r->end - r->p < 4) return wrong(r, "the text ends inside of a string");
  for (int k = 0; k < 4; k++) {
    char c = *r->p++;
    int d = c >= '0' && c <= '9'   ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                   : -1;
    if (d < 0) return wrong(r, "\\u needs four hexadecimal digits");
    *v = *v << 4 | (uint32_t)d;
  }
  return true;
}

static char *put_utf8(char *to, uint32_t cp) {
  if (cp < 0x80) {
    *to++ = (char)cp;
  } else if (cp < 0x800) {
    *to++ = (char)(0xC0 | cp >> 6);
    *to++ = (char)(0x80 | (cp & 63));
  } else if (cp < 0x10000) {
    *to++ = (char)(0xE0 | cp >> 12);
    *to++ = (char)(0x80 | (cp >> 6 & 63));
    *to++ = (char)(0x80 | (cp & 63));
  } else {
    *to++ = (char)(0xF0 | cp >> 18);
    *to++ = (char)(0x80 | (cp >> 12 & 63));
    *to++ = (char)(0x80 | (cp >> 6 & 63));
    *to++ = (char)(0x80 | (cp & 63));
  }
  return to;
}

/* behind a backslash */
static bool escape(reader *r, uint32_t *cp) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (r->p == r->end) return wrong(r, "the text ends inside of a string");
  char c = *r->p++;
  const char *k = c ? strchr(from, c) : NULL;
  if (k) {
    *cp = (unsigned char)to[k - from];
    return true;
  }
  if (c != 'u') return wrong(r, "there is no such escape");
  if (!hex4(r, cp)) return false;
  if (*cp >= 0xDC00 && *cp < 0xE000) return wrong(r, "a surrogate stands alone");
  if (*cp >= 0xD800 && *cp < 0xDC00) { /* the first half of a character beyond U+FFFF */
    uint32_t low;
    if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u') return wrong(r, "a surrogate stands alone");
    r->p += 2;
    if (!hex4(r, &low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return wrong(r, "a surrogate stands alone");
    *cp = 0x10000 + ((*cp - 0xD800) << 10) + (low - 0xDC00);
  }
  return true;
}

static const char *string(reader *r) {
  const char *q = ++r->p;
  while (q < r->end && *q != '"') q += *q == '\\' ? 2 : 1;
  char *text = cx_alloc(r->a, (size_t)((q < r->end ? q : r->end) - r->p) + 1), *to = text;
  while (r->p < r->end && *r->p != '"') {
    uint32_t cp;
    if (*r->p == '\\') {
      r->p++;
      if (!escape(r, &cp)) return NULL;
    } else {
      int n = cx_utf8(r->p, r->end, &cp);
      if (cp == 0xFFFFFFFFu) return wrong(r, "it is no UTF-8"), NULL;
      if (cp < 0x20) return wrong(r, "a control character stands in a string"), NULL;
      r->p += n;
    }
    if (!cp) return wrong(r, "a character 0 stands in a string"), NULL;
    to = put_utf8(to, cp); /* never longer than as it was written */
  }
  if (r->p == r->end) return wrong(r, "the text ends inside of a string"), NULL;
  r->p++;
  return text;
}

static bool value(reader *r, cx_json *v);

static int by_key(const void *x, const void *y) {
  return strcmp((*(const cx_json *const *)x)->key, (*(const cx_json *const *)y)->key);
}

static bool distinct(reader *r, const cx_json *v) {
  const cx_json **m = CX_NEW_N(r->a, const cx_json *, v->nkid + 1);
  int n = 0;
  for (const cx_json *k = v->kid; k; k = k->next) m[n++] = k;
  qsort(m, (size_t)n, sizeof *m, by_key);
  for (int k = 1; k < n; k++)
    if (!strcmp(m[k - 1]->key, m[k]->key))
      return wrong(r, cx_format(r->a, "the name \"%.60s\" stands twice in one object", m[k]->key));
  return true;
}

static bool members(reader *r, cx_json *v, char close) {
  cx_json **last = &v->kid;
  if (++r->depth > DEPTH_MAX) return wrong(r, "it is nested too deeply");
  r->p++;
  blanks(r);
  if (r->p < r->end && *r->p == close) {
    r->p++, r->depth--;
    return true;
  }
  for (;;) {
    cx_json *k = CX_NEW(r->a, cx_json);
    blanks(r);
    if (close == '}') {
      if (r->p == r->end || *r->p != '"') return wrong(r, "a name in quotes is missing");
      if (!(k->key = string(r))) return false;
      blanks(r);
      if (r->p == r->end || *r->p != ':') return wrong(r, "`:` is missing");
      r->p++;
    }
    if (!value(r, k)) return false;
    *last = k, last = &k->next, v->nkid++;
    blanks(r);
    if (r->p == r->end) return wrong(r, "the text ends too early");
    char c = *r->p++;
    if (c == close) break;
    if (c != ',') return r->p--, wrong(r, close == '}' ? "`,` or `}` is missing" : "`,` or `]` is missing");
  }
  r->depth--;
  return close == ']' || distinct(r, v);
}

static bool number(reader *r, cx_json *v) { /* -? (0 | [1-9]digits) (. digits)? ([eE] [+-]? digits)? */
  const char *p = r->p, *end = r->end;
  p += *p == '-';
  bool zero = p + 1 < end && p[0] == '0' && p[1] >= '0' && p[1] <= '9';
  if (zero || p == end || *p < '0' || *p > '9') return wrong(r, "a value is missing");
  const char *stop = cx_parse_number(r->p, end, '.', &v->num);
  if (!stop || stop[-1] == '.') return wrong(r, "this is no number");
  v->kind = JSON_NUMBER;
  r->p = stop;
  return true;
}

static bool value(reader *r, cx_json *v) {
  static const char *const word[] = {"null", "false", "true"};
  blanks(r);
  if (r->p == r->end) return wrong(r, "the text ends too early");
  if (*r->p == '{') return v->kind = JSON_OBJECT, members(r, v, '}');
  if (*r->p == '[') return v->kind = JSON_ARRAY, members(r, v, ']');
  if (*r->p == '"') return v->kind = JSON_STRING, (v->text = string(r)) != NULL;
  for (int k = 0; k < 3; k++) {
    size_t n = strlen(word[k]);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word[k], n)) continue;
    v->kind = (cx_json_kind)k;
    r->p += n;
    return true;
  }
  return number(r, v);
}

const cx_json *cx_json_read(cx_arena *a, const char *s, size_t n, const char **fault, size_t *at) {
  reader r = {.a = a, .beg = s, .p = s, .end = s + n};
  cx_json *v = CX_NEW(a, cx_json);
  bool ok = value(&r, v);
  if (ok) {
    blanks(&r);
    if (r.p < r.end) ok = wrong(&r, "something follows the value");
  }
  *fault = r.fault;
  *at = (size_t)((r.p < r.end ? r.p : r.end) - s);
  return ok ? v : NULL;
}

const cx_json *cx_json_member(const cx_json *object, const char *key) {
  if (!object || object->kind != JSON_OBJECT) return NULL;
  for (const cx_json *k = object->kid; k; k = k->next)
    if (!strcmp(k->key, key)) return k;
  return NULL;
}
