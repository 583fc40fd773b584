/* json.h - JSON (RFC 8259): text written, whole documents read. */
#ifndef CX_JSON_H
#define CX_JSON_H
#include "base/base.h"

void cx_json_puts(cx_buf *b, const char *s); /* in quotes; what is no UTF-8 becomes U+FFFD; NULL: null */

typedef enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } cx_json_kind;
typedef struct cx_json {
  cx_json_kind kind;
  int nkid;
  const char *key;  /* as a member of an object */
  const char *text; /* JSON_STRING: without a zero byte inside */
  double num;
  struct cx_json *kid, *next; /* an array's elements, an object's members, in order */
} cx_json;
/* The document s[0..n); NULL: *fault says what is wrong at byte *at. Refused, beside what the RFC refuses: bytes that are
 * no UTF-8, a character 0, a name twice in one object, more than 64 levels. */
const cx_json *cx_json_read(cx_arena *a, const char *s, size_t n, const char **fault, size_t *at);
const cx_json *cx_json_member(const cx_json *object, const char *key); /* NULL: none, or no object */
#endif
