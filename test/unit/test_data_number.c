/* test_data_number.c - decimal text to double, against the C library's strtod (exact in glibc and musl) and by the bits. */
#include "check.h"
#include "data/data.h"

#include <stdlib.h>

static uint64_t seed = 88172645463325252u;
static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static bool agrees(const char *s) {
  double x = -1, y;
  char *end;
  y = strtod(s, &end);
  const char *stop = cx_parse_number(s, s + strlen(s), '.', &x);
  bool ok = stop == end && memcmp(&x, &y, sizeof x) == 0;
  if (!ok) fprintf(stderr, "%s: %.17g, strtod %.17g\n", s, x, y);
  return ok;
}

int main(void) {
  static const char *const given[] = {
      "0",
      "-0",
      "1",
      "+1",
      "0.1",
      ".5",
      "5.",
      "1e23",
      "8.5e22",
      "9007199254740993",
      "9007199254740992.5",
      "1e22",
      "1e-22",
      "1e27",
      "1e-27",
      "18446744073709551615",
      "18446744073709551616",
      "18446744073709551615e-27",
      "1.7976931348623157e308",
      "1.7976931348623158e308",
      "1.7976931348623159e308",
      "1e309",
      "1e400",
      "4.9406564584124654e-324",
      "2.4703282292062327e-324",
      "2.4703282292062328e-324",
      "1e-400",
      "2.2250738585072011e-308",
      "2.2250738585072014e-308",
      "2.2250738585072012e-308",
      "1e",
      "1e+",
      "1.5e-",
      "12abc",
      "1e99999999999999999999",
      "1e-99999999999999999999",
      "0e99999999999999999999",
      "0000000000000000000000000000001",
      "0.000000000000000000000000000001",
      "100000000000000000000000000000000000000000",
      "inf",
      "-inf",
      "Infinity",
      "3.14159265358979323846264338327950288419716939937510",
      "7.4109846876186981626485318930233205854758970392148714663837852375101326090531312779794975454245398856969484704316857659638998506553390969459816219401617281718945106978546710679176872575177347315553307795408549809608457500958111373034747658096871009590975442271004757307809711118935784838675653998783503015228055934046593739791790738723868299395818481660169122019456499931289798411362062484498678713572180352209017023903285791732520220528974020802906854021606612375549983402671300035812486479041385743401875520901590172592547146296175134159774938718574737870961645638908718119841271673056017045493004705269590165763776884908267986972573366521765567941072508764337560846003984904972149117463085539556354188641513168478436313080237596295773983001708984374999e-324"};
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) CHECK(agrees(given[i]));
  double v;
  static const char *const none[] = {"", "x", "-", "+", ".", "-.", "e5", "nan"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    CHECK(cx_parse_number(none[i], none[i] + strlen(none[i]), '.', &v) == NULL);
  const char *comma = "3,5";
  CHECK(cx_parse_number(comma, comma + 3, ',', &v) == comma + 3 && v == 3.5);
  CHECK(cx_parse_number(comma, comma + 3, '.', &v) == comma + 1 && v == 3);

  char b[1300];
  int bad = 0;
  for (int i = 0; i < 400000 && bad < 5; i++) {
    uint64_t s = next();
    double d;
    memcpy(&d, &s, sizeof d);
    switch (i % 5) {
      case 0: snprintf(b, sizeof b, "%.17g", isnan(d) ? 1 : d); break;
      case 1:
        snprintf(b, sizeof b, "%llu.%llue%d", (unsigned long long)(s >> 40), (unsigned long long)(s >> (s & 63)),
                 (int)(s % 60) - 30);
        break;
      case 2: snprintf(b, sizeof b, "0.%llu%llu", (unsigned long long)s, (unsigned long long)(s * 3)); break;
      case 3: snprintf(b, sizeof b, "%llue%d", (unsigned long long)s, (int)(next() % 700) - 350); break;
      case 4: snprintf(b, sizeof b, "%.6g", (double)(s >> 11) / 9007199254740992.0); break;
    }
    bad += !agrees(b);
  }
  CHECK(bad == 0);
#if __LDBL_MANT_DIG__ >= 64
  for (int i = 0; i < 3000 && bad < 5; i++) { /* half-way between neighbours, exactly, and by a hair more */
    uint64_t s = next(), t;
    if (i % 3 == 0) s &= UINT64_C(0x000fffffffffffff); /* subnormal */
    double d, e;
    memcpy(&d, &s, sizeof d);
    t = s + 1;
    memcpy(&e, &t, sizeof e);
    if (!isfinite(d) || !isfinite(e)) continue;
    int n = snprintf(b, sizeof b, "%.1100Lg", ((long double)d + (long double)e) / 2);
    bad += !agrees(b);
    if (!strchr(b, 'e') && strchr(b, '.')) {
      snprintf(b + n, sizeof b - (size_t)n, "0001");
      bad += !agrees(b);
    }
  }
  CHECK(bad == 0);
#endif
  return CHECK_DONE();
}
