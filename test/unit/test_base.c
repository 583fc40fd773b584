/* test_base.c - memory that fails, names, text, and how a diagnostic looks. */
#include "base/base.h"
#include "check.h"
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  long calls, fail_at, live;
} meter;

static void *metered(void *user, void *ptr, size_t old_size, size_t new_size) {
  meter *m = user;
  if (!new_size) {
    m->live -= (long)old_size;
    free(ptr);
    return NULL;
  }
  if (++m->calls == m->fail_at) return NULL;
  void *p = realloc(ptr, new_size);
  if (p) {
    m->live += (long)new_size - (long)old_size;
    memset((char *)p + old_size, 0xA5, new_size - old_size);
  }
  return p;
}

static void count_up(void *p) { ++*(int *)p; }
static int order[3], order_n;
static void note0(void *p) {
  (void)p;
  order[order_n++] = 0;
}
static void note1(void *p) {
  (void)p;
  order[order_n++] = 1;
}

/* a little of everything that allocates; true when it went through */
static bool work(cx_ctx *c) {
  cx_frame f;
  volatile bool ok = false;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    char name[32];
    for (int i = 0; i < 600; i++) {
      snprintf(name, sizeof name, "name%d", i);
      if (cx_intern_z(c, name) != cx_intern(c, name, strlen(name))) CHECK(!"interned twice");
    }
    int32_t src = cx_source_add(c, "a.calx", "x = 1\ny = alpa\n", 15);
    for (int i = 0; i < 20; i++) {
      int d = cx_error(c, ((cx_span){src, 10, 14}), "nothing defines `alpa` (%d)", i);
      cx_diag_label(c, d, (cx_span){src, 0, 1}, "a label");
      cx_diag_help(c, d, "help");
    }
    cx_diag_render(c, a, 0, true);
    cx_alloc(a, 1 << 20);
    cx_arena_free(a);
    ok = true;
    CX_END(c, f);
  }
  else { CHECK(f.status == CX_E_RUNTIME); }
  return ok;
}

static void test_failing_memory(void) {
  meter m = {0, -1, 0};
  cx_ctx *c = cx_ctx_new(metered, &m);
  CHECK(c && work(c) && cx_error_count(c) == 20);
  cx_ctx_free(c);
  CHECK(m.live == 0);
  long total = m.calls;
  CHECK(total > 5);
  for (long n = 1; n <= total; n++) {
    meter k = {0, n, 0};
    c = cx_ctx_new(metered, &k);
    if (c) {
      bool ok = work(c), told = false;
      for (int i = 0; i < cx_diag_count(c); i++) told |= strncmp(cx_diag_get(c, i).message, "out of memory", 13) == 0;
      CHECK(told); /* whatever was lost, the user hears of it */
      CHECK(ok || cx_diag_status(c) != CX_OK);
      cx_diag_clear(c);
      CHECK(cx_diag_count(c) == 0);
      k.fail_at = -1;
      CHECK(work(c)); /* and the context goes on */
    }
    cx_ctx_free(c);
    CHECK(k.live == 0);
  }
}

static void test_arena(void) {
  meter m = {0, -1, 0};
  cx_ctx *c = cx_ctx_new(metered, &m); /* memory full of 0xA5: zeroing is seen */
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    CHECK(cx_arena_ctx(a) == c);
    for (size_t n = 0; n < 3000; n += 7) {
      unsigned char *p = cx_alloc(a, n);
      unsigned char any = 0;
      for (size_t i = 0; i < n; i++) any |= p[i];
      CHECK(!any && (uintptr_t)p % (n >= 64 ? 64 : 16) == 0);
      memset(p, 0xFF, n);
    }
    CX_VEC(int) v = {0}, w = {0};
    for (int i = 0; i < 10000; i++) {
      *CX_PUSH(a, v) = i;
      if (i % 100 == 0) *CX_PUSH(a, w) = -i;
    }
    bool same = true;
    for (int i = 0; i < 10000; i++) same &= v.at[i] == i && w.at[i / 100] == -(i / 100 * 100);
    CHECK(same && v.n == 10000 && w.n == 100);
    int count = 0;
    cx_defer(a, count_up, &count);
    cx_defer(a, note0, NULL);
    cx_defer(a, note1, NULL);
    cx_arena_free(a);
    CHECK(count == 1 && order_n == 2 && order[0] == 1 && order[1] == 0);
    cx_defer(cx_ctx_arena(c), note0, NULL); /* runs with the context */
    CX_END(c, f);
  }
  CHECK(f.status == CX_OK);
  volatile bool thrown = false;
  CX_TRY(c, f) {
    cx_alloc_n(cx_ctx_arena(c), SIZE_MAX / 4, 8);
    CX_END(c, f);
  }
  else { thrown = true; }
  CHECK(thrown && f.status == CX_E_RUNTIME && strstr(cx_diag_get(c, 0).message, "out of memory"));
  cx_frame outer;
  CX_TRY(c, outer) {
    CX_TRY(c, f) { cx_throw(c, CX_E_DATA); }
    else { CHECK(f.status == CX_E_DATA); }
    CX_TRY(c, f) { CX_END(c, f); }
    cx_throw(c, CX_E_USAGE); /* the inner frames are gone */
  }
  else { CHECK(outer.status == CX_E_USAGE); }
  order_n = 0;
  cx_ctx_free(c);
  CHECK(order_n == 1 && m.live == 0);
}

static void test_names(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  CHECK(cx_intern_z(c, "alpha") == cx_intern(c, "alphabet", 5));
  CHECK(cx_intern_z(c, "alpha") != cx_intern_z(c, "Alpha"));
  CHECK(cx_intern(c, "a\0b", 3) != cx_intern(c, "a\0c", 3));
  static const char *const names[] = {"alpha", "beta", "softmax", "logsumexp", "x", "sigma", "theta0", "theta1"};
  /* clang-format off */
  static const struct { const char *name, *near; } t[] = {
    {"alpa", "alpha"}, {"alhpa", "alpha"}, {"ALPHA", NULL}, {"Alpha", "alpha"}, {"sofmax", "softmax"},
    {"softmxa", "softmax"},
    {"logsumpex", "logsumexp"}, {"X", "x"}, {"y", NULL}, {"gamma", NULL}, {"theta", "theta0"}, {"", NULL},
    {"bet", "beta"},
    {"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", NULL}};
  /* clang-format on */
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    const char *got = cx_nearest(t[i].name, names, 8);
    CHECK(got == t[i].near || (got && t[i].near && strcmp(got, t[i].near) == 0));
    if (got != t[i].near && (!got || !t[i].near)) fprintf(stderr, "  %s: %s\n", t[i].name, got ? got : "nothing");
  }
  cx_ctx_free(c);
}

static void test_numbers(void) {
  /* clang-format off */
  static const char *const texts[] = {
      "0", "1", "-1.5", ".5", "5.", "1e-3", "1E+22", "1e23", "123456789012345678901234567890",
    "0.1", "0.30000000000000004", "2.2250738585072011e-308", "4.9e-324", "1e-400", "1e400", "1.7976931348623157e308",
    "9007199254740993", "9007199254740993.00000000000000000000000000000000000000001",
    "0.000000000000000000000000000000000001234",
    "00000000000000000000000000000000000000000012.5", "179769313486231580793e289", "6.02214076e23", "8.5e-17", "1e22",
    "0e999999999"};
  /* clang-format on */
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    double got = NAN, want = strtod(texts[i], NULL); /* the C library in the "C" locale is the truth */
    CHECK(cx_read_double(texts[i], strlen(texts[i]), &got) && memcmp(&got, &want, sizeof got) == 0);
    char buf[32];
    double back = NAN;
    cx_show_double(buf, want);
    if (isfinite(want)) CHECK(cx_read_double(buf, strlen(buf), &back) && back == want);
  }
  static const char *const wrong[] = {"", ".", "e5", "1e", "1e+", "1.2.3", "1x", "0x10", "nan", "- 1", "1 "};
  double d;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) CHECK(!cx_read_double(wrong[i], strlen(wrong[i]), &d));
  /* a long one: exactly half between two doubles, then a last digit that decides */
  char text[2000];
  int n = snprintf(text, sizeof text, "9007199254740993.");
  memset(text + n, '0', 1500);
  CHECK(cx_read_double(text, (size_t)n + 1500, &d) && d == 9007199254740992.0);
  text[n + 1499] = '1';
  CHECK(cx_read_double(text, (size_t)n + 1500, &d) && d == 9007199254740994.0);
  uint64_t seed = 88172645463325252u; /* xorshift64, Marsaglia 2003 */
  for (int i = 0; i < 20000; i++) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    double x, back;
    memcpy(&x, &seed, sizeof x);
    if (!isfinite(x)) continue;
    char buf[32];
    cx_show_double(buf, x);
    if (!cx_read_double(buf, strlen(buf), &back) || back != x || strtod(buf, NULL) != x)
      CHECK(!"round trip of a random double");
  }
  char buf[32];
  CHECK_STR(cx_show_double(buf, 0.1), "0.1");
  CHECK_STR(cx_show_double(buf, 1e21), "1e+21");
  CHECK_STR(cx_show_double(buf, -INFINITY), "-inf");
  if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
    CHECK(cx_read_double("1.234567890123456789012e-30", 27, &d) && d == 1.234567890123456789012e-30);
    CHECK_STR(cx_show_double(buf, 2.5), "2.5");
    setlocale(LC_NUMERIC, "C");
  }
}

static char *rendered(cx_ctx *c, int d) { return cx_diag_render(c, cx_ctx_arena(c), d, false); }

static void test_diagnostics(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  const char *text =
      "\xEF\xBB\xBF"
      "σ = 1\r\nprint 2 * σσ + \tz\nlast";
  int32_t s = cx_source_add(c, "dir/m.calx", text, strlen(text));
  int line, column;
  cx_source_pos(c, s, 3, &line, &column);
  CHECK(line == 1 && column == 1);
  uint32_t at = (uint32_t)(strstr(text, "σσ") - text);
  cx_source_pos(c, s, at + 4, &line, &column);
  CHECK(line == 2 && column == 13);
  cx_source_pos(c, s, (uint32_t)strlen(text), &line, &column);
  CHECK(line == 3 && column == 5);
  int d = cx_error(c, ((cx_span){s, at, at + 4}), "nothing defines `%s`", "σσ");
  cx_diag_label(c, d, (cx_span){s, 3, 5}, "a similar name");
  cx_diag_help(c, d, "did you mean `σ`?");
  cx_diag_help(c, d, "a second line");
  CHECK_STR(rendered(c, d),
            "dir/m.calx:2:11: error: nothing defines `σσ`\n"
            "  2 | print 2 * σσ +     z\n"
            "    |           ^^\n"
            "  1 | σ = 1\n"
            "    | - a similar name\n"
            "  help: did you mean `σ`?\n"
            "  help: a second line\n");
  uint32_t z = (uint32_t)(strchr(text, 'z') - text);
  d = cx_diag(c, CX_WARNING, CX_OK, (cx_span){s, z, z}, "w");
  cx_diag_label(c, d, (cx_span){s, at, at + 4}, "on the same line");
  CHECK_STR(rendered(c, d),
            "dir/m.calx:2:17: warning: w\n"
            "  2 | print 2 * σσ +     z\n"
            "    |                    ^\n"
            "    |           -- on the same line\n");
  d = cx_error(c, ((cx_span){s, at, (uint32_t)strlen(text)}), "over several lines");
  CHECK_STR(rendered(c, d),
            "dir/m.calx:2:11: error: over several lines\n"
            "  2 | print 2 * σσ +     z\n"
            "    |           ^^^^^^^^^^\n");
  d = cx_error(c, ((cx_span){s, (uint32_t)strlen(text), (uint32_t)strlen(text)}), "at the end");
  CHECK_STR(rendered(c, d),
            "dir/m.calx:3:5: error: at the end\n"
            "  3 | last\n"
            "    |     ^\n");
  d = cx_diag(c, CX_NOTE, CX_OK, CX_NOSPAN, "no place");
  CHECK_STR(rendered(c, d), "note: no place\n");
  /* a long line is cut to a window, wide characters take two columns, control characters are not sent out */
  char longest[1000];
  memset(longest, 'a', sizeof longest);
  memcpy(longest + 500, "BAD", 3);
  int32_t l = cx_source_add(c, "l", longest, sizeof longest);
  d = cx_error(c, ((cx_span){l, 500, 503}), "m");
  char want[600];
  int n =
      snprintf(want, sizeof want, "l:1:501: error: m\n  1 | …%.40sBAD%.67s…\n    |  %40s^^^\n", longest, longest, "");
  CHECK(n > 0);
  CHECK_STR(rendered(c, d), want);
  const char *odd = "中\x1b[31m\x00 \xFF! x";
  int32_t o = cx_source_add(c, "o", odd, 14);
  d = cx_error(c, ((cx_span){o, 12, 13}), "m");
  CHECK_STR(rendered(c, d), "o:1:11: error: m\n  1 | 中�[31m� �! x\n    |            ^\n");
  CHECK(strstr(cx_diag_render(c, cx_ctx_arena(c), d, true), "\x1b[1;31merror:"));
  CHECK(cx_error_count(c) == 5 && cx_diag_count(c) == 7 && cx_diag_status(c) == CX_E_PROGRAM);
  cx_diag_clear(c);
  CHECK(cx_error_count(c) == 0 && cx_diag_status(c) == CX_OK);
  CHECK_STR(rendered(c, 3), "");
  cx_ctx_free(c);
}

static void test_utf8(void) {
  /* clang-format off */
  static const struct { const char *s; int n; uint32_t cp; } t[] = {
    {"a", 1, 'a'}, {"σ", 2, 0x3C3}, {"∑", 3, 0x2211}, {"😀", 4, 0x1F600}, {"\xC0\x80", 1, ~0u}, {"\xED\xA0\x80", 1, ~0u},
    {"\xF4\x90\x80\x80", 1, ~0u}, {"\xE2\x88", 1, ~0u}, {"\x80", 1, ~0u}, {"\xE0\x80\x80", 1, ~0u}};
  /* clang-format on */
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    uint32_t cp;
    CHECK(cx_utf8(t[i].s, t[i].s + strlen(t[i].s), &cp) == t[i].n && cp == t[i].cp);
  }
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_buf b = {.arena = cx_ctx_arena(c)};
  for (int i = 0; i < 1000; i++) cx_putf(&b, "%d,", i % 10);
  CHECK(b.n == 2000 && strlen(b.at) == 2000 && memcmp(b.at + 1990, "5,6,7,8,9,", 10) == 0);
  cx_putf(&b, "%400d", 7);
  CHECK(b.n == 2400 && b.at[2399] == '7');
  CHECK_STR(cx_format(cx_ctx_arena(c), "%s-%d", "x", 5), "x-5");
  CHECK(strlen(cx_format(cx_ctx_arena(c), "%1000d", 5)) == 1000);
  cx_ctx_free(c);
}

int main(void) {
  test_arena();
  test_failing_memory();
  test_names();
  test_utf8();
  test_numbers();
  test_diagnostics();
  return CHECK_DONE();
}
