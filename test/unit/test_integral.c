/* Integrals and their derivatives as programs: the batteries of test/tables (exact answers; made by
 * make_integrals.py there), laws on random integrands, and honesty: what claims its tolerance has it. */
#include "ask.h"
#include "check.h"

static double one(const char *expression) {
  char text[2000];
  snprintf(text, sizeof text, "print %s\n", expression);
  answer r = ask(text);
  if (r.n != 1) fprintf(stderr, "%s: %s\n", expression, r.message);
  return r.n == 1 ? r.value[0] : NAN;
}

/* every integral of a table right to 1e-8, except so many, and none of these claims to be */
static void battery(const char *table, int many, int most) {
  char line[4000], *field[3], text[4000];
  int n = 0, wrong = 0, lies = 0;
  FILE *f = fopen(table, "r");
  CHECK(f != NULL);
  while (f && fgets(line, sizeof line, f)) {
    if (split(line, field, 3) != 3) continue;
    snprintf(text, sizeof text, "print %s\n", field[1]);
    answer r = ask(text);
    double want = strtod(field[2], NULL), error = fabs(r.value[0] - want);
    n++;
    if (r.n == 1 && error <= 1e-8 * fabs(want)) continue;
    wrong++;
    bool lie = r.n == 1 && r.converged[0];
    lies += lie;
    fprintf(stderr, "%s: %.17g, exactly %s%s %s\n", field[0], r.value[0], field[2], lie ? ", and claims it" : "",
            r.message);
  }
  if (f) fclose(f);
  CHECK(n == many);
  CHECK(wrong <= most);
  CHECK(lies == 0);
}

static void derivatives(void) {
  FILE *f = fopen(CX_TEST_DIR "/tables/integral_derivs.tsv", "r");
  CHECK(f != NULL);
  char line[4000], *field[6];
  int programs = 0;
  while (f && fgets(line, sizeof line, f)) {
    int nf = split(line, field, 6);
    if (nf < 5) continue;
    char text[4000] = "", *save, name[32];
    double want[16] = {strtod(field[2], NULL)};
    int n = 1, t = 0;
    for (char *p = strtok_r(field[3], ", ", &save); p; p = strtok_r(NULL, ", ", &save))
      t += snprintf(text + t, sizeof text - (size_t)t, "%s\n", p);
    t += snprintf(text + t, sizeof text - (size_t)t, "V = %s\nprint V", field[1]);
    for (char *p = strtok_r(field[4], " ", &save); p; p = strtok_r(NULL, " ", &save)) {
      char *eq = strchr(p, '=');
      snprintf(name, sizeof name, "%.*s", (int)(eq - p), p);
      want[n++] = strtod(eq + 1, NULL);
      t += snprintf(text + t, sizeof text - (size_t)t, ", d(V, %s)", name);
    }
    for (char *p = nf > 5 ? strtok_r(field[5], " ", &save) : NULL; p; p = strtok_r(NULL, " ", &save)) {
      char *eq = strchr(p, '='), *comma = strchr(p, ',');
      want[n++] = strtod(eq + 1, NULL);
      t += snprintf(text + t, sizeof text - (size_t)t, ", d(d(V, %.*s), %.*s)", (int)(comma - p), p,
                    (int)(eq - comma - 1), comma + 1);
    }
    snprintf(text + t, sizeof text - (size_t)t, "\n");
    answer r = ask(text);
    programs++;
    if (r.n != n) fprintf(stderr, "%s: %s\n", field[0], r.message);
    CHECK(r.n == n);
    for (int k = 0; k < r.n && k < n; k++) {
      bool right = fabs(r.value[k] - want[k]) <= 1e-8 * fmax(fabs(want[k]), 1e-3);
      if (right) continue;
      fprintf(stderr, "%s, value %d: %.17g, expected %.17g %s\n", field[0], k, r.value[k], want[k], r.message);
      CHECK(right);
    }
  }
  if (f) fclose(f);
  CHECK(programs == 30);
}

/* values and derivatives to second order: jumps in every place (made by make_jumps.py), singular points that move
 * (make_moving.py) */
static void programs_of(const char *path, int expected) {
  FILE *f = fopen(path, "r");
  CHECK(f != NULL);
  char line[4000], *field[32];
  int programs = 0;
  while (f && fgets(line, sizeof line, f)) {
    int n = split(line, field, 32) - 2;
    if (n < 1) continue;
    char text[4000];
    int t = 0;
    for (const char *p = field[1]; *p && t < 3000; p++) {
      if (p[0] == ';') text[t++] = '\n', p++;
      else text[t++] = *p;
    }
    double want[32];
    for (int k = 0; k < n; k++) {
      char *eq = strstr(field[2 + k], " = ");
      want[k] = strtod(eq + 3, NULL);
      *eq = 0;
      t += snprintf(text + t, sizeof text - (size_t)t, "%s%s", k ? ", " : "\nprint ", field[2 + k]);
    }
    snprintf(text + t, sizeof text - (size_t)t, "\n");
    answer r = ask(text);
    programs++;
    if (r.n != n) fprintf(stderr, "%s: %s\n", field[0], r.message);
    CHECK(r.n == n);
    double size = 0; /* an exact 0 is a difference of terms of the size of its neighbours */
    for (int k = 0; k < n; k++) size = fmax(size, fabs(want[k]));
    for (int k = 0; k < r.n && k < n; k++) {
      bool right = fabs(r.value[k] - want[k]) <= 1e-8 * fmax(fabs(want[k]), 1e-2 * fmax(size, 1));
      if (!right) fprintf(stderr, "%s, %s: %.17g, expected %.17g\n", field[0], field[2 + k], r.value[k], want[k]);
      CHECK(right);
      CHECK(r.converged[k]);
    }
  }
  if (f) fclose(f);
  CHECK(programs == expected);
}

/* ---- what closed forms say ---- */
static void closed(void) {
  CHECK_NEAR(one("integral(x in 0..inf: exp(-x^2))"), sqrt(acos(-1)) / 2, 1e-10);
  CHECK_NEAR(one("integral(x in 1..0: x)"), -0.5, 1e-12);
  CHECK_NEAR(one("integral(x in 2..2: 1 / (x - 2))"), 0, 0);
  CHECK_NEAR(one("integral(x in 0..1, y in 0..x, z in 0..y: x * y * z)"), 1.0 / 48,
             1e-6); /* three: 1e-6 unless asked */
  CHECK_NEAR(one("integral(x in 0..1, y in 0..x: integral(z in 0..y: z) * x * y)"), 1.0 / 48, 1e-10);
  CHECK_NEAR(one("sum(i in 0..3: integral(x in 0..i: x^2))"), (1 + 8 + 27) / 3.0, 1e-10);
  CHECK_NEAR(one("integral(t in 0..2*pi: sqrt((1 - cos(t))^2 + sin(t)^2))"), 8, 1e-10);
  CHECK_NEAR(one("d(integral(x in 0..a: exp(a * x)), a) at a = 1.2"), 2 * exp(1.44) - (exp(1.44) - 1) / 1.44, 1e-9);
  answer r = ask(
      "a = [1.5, 2]\nI = integral(x in 0..1: sum(k: a[k] * x^k)^2)\nprint d(I, a)[0], d(I, a)[1], d(d(I, a), a)[0, 1]\n");
  CHECK(r.n == 3);
  CHECK_NEAR(r.value[0], 5, 1e-10);
  CHECK_NEAR(r.value[1], 17.0 / 6, 1e-10);
  CHECK_NEAR(r.value[2], 1, 1e-10);
  /* the steps of mod: mod(x + t, 1) over a whole period does not change with t; mod(x, t) falls by t at k t, k = 1..4 */
  CHECK_NEAR(one("d(integral(x in 0..1: mod(x + t, 1)), t) at t = 0.3"), 0, 1e-12);
  CHECK_NEAR(one("d(integral(x in 0..3: x * mod(x, t)), t) at t = 0.7"), 0.49 * (1 + 4 + 9 + 16) - 10.65, 1e-9);
}

/* d is linear, (product rule under the sign), forward = differences; on random integrands over random ends */
/* integrals inside whose ends meet: what is left there of a difference is no reason for many nodes */
static void nested(void) {
  static const struct {
    const char *text;
    double value, tolerance, nodes;
  } row[] = {
      {"integral(x in -1..1, y in -1..1, z in -1..1: if x^2 + y^2 + z^2 < 1 then 1 else 0)", 4.1887902047863910, 1e-9,
       2e7},
      {"integral(x in -1..1, y in -1..1: if x^2 + y^2 + 0.25 < 1 then 1 else 0)", 2.3561944901923449, 1e-10, 1e5},
      {"prob(x ~ normal(0, 1), y ~ normal(0, 1), z ~ normal(0, 1): x < y and y < z)", 1.0 / 6, 1e-10, 1e6},
      {"prob(x ~ normal(0, 1), y ~ normal(0, 1): x^2 + y^2 < 2)", 0.63212055882855768, 1e-10, 1e6},
      /* a disc whose ends are where its integrand has a root: 2 pi r^3 / 3; exp(2 sqrt(1 - x^2)) by mpmath */
      {"integral(x in -1.011..1.011, y in -sqrt(1.011^2 - x^2)..sqrt(1.011^2 - x^2): sqrt(abs(1.011^2 - x^2 - y^2)))",
       2.1642731938342210, 1e-9, 1e6},
      {"integral(x in -1..1: exp(integral(y in -1..1: if x^2 + y^2 < 1 then 1 else 0)))", 10.461555103726467, 1e-9,
       1e6},
      {"integral(x in -1..1, y in -1..1, z in -1..1: if x^2 + y^2 + z^2 < 0.727^2 then exp(-(x^2 + y^2 + z^2)) else 0)",
       1.1835523877986122, 1e-6, 1e7},
      /* a ball's surface, 4 pi r^2 */
      {"d(integral(x in -r..r, y in -sqrt(r^2 - x^2)..sqrt(r^2 - x^2), z in -sqrt(r^2 - x^2 - y^2)..sqrt(r^2 - x^2 - "
       "y^2): 1), r) at r = 0.7",
       6.1575216010359934, 1e-6, 1e7}};
  /* its exponential is 0 to a double, its factors' product is not */
  answer lifted = ask("print 1e290 * integral(x in 0..inf: 1e30 * x^10.5 * exp(-x - 750) / (1 + x))\n");
  CHECK(lifted.converged[0]);
  CHECK_NEAR(lifted.value[0], 1.9518776619462855, 1e-9 * 1.9518776619462855);
  CHECK(ask("print integral(x in 0..1: (if x > 2 then 1 else 0) * exp(-x))\n").converged[0]);
  /* a root that rounding hides, and some of many peaks: they may be wrong, and must say so */
  CHECK(!ask("print integral(x in 0..1: if x^3 - 0.9 * x^2 + 0.27 * x - 0.027 > 0 then 1 else 0)\n").converged[0]);
  CHECK(!ask("print integral(x in 0..inf: exp(-x^2) * exp(-(cos(40 * x) / 0.001)^2))\n").converged[0]);
  for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
    char text[300];
    snprintf(text, sizeof text, "print %s\n", row[k].text);
    answer r = ask(text);
    CHECK_NEAR(r.value[0], row[k].value, row[k].tolerance);
    CHECK(r.converged[0]);
    CHECK((double)r.nodes[0] < row[k].nodes);
  }
}

static unsigned state = 12345;
static double uniform(double a, double b) {
  state = state * 1664525u + 1013904223u;
  return a + (b - a) * ((state >> 8) / 16777216.0);
}
static void laws(void) {
  static const char *const form[] = {"exp(-%s * x) * sin(x + %s)", "log(1 + %s * x^2) + %s",
                                     "abs(x - %s) * cos(%s * x)",  "(if x < %s then x else %s)",
                                     "max(x^2 - %s, 0) + %s * x",  "1 / (1 + (x * %s)^2 + %s^2)"};
  for (int k = 0; k < 24; k++) {
    char e[200], text[2000];
    double a = uniform(0.2, 0.9), h = 1e-5, lo = uniform(-1, 0), hi = uniform(1, 2);
    snprintf(e, sizeof e, form[k % 6], "a", k % 4 < 2 ? "a^2" : "exp(a)");
    snprintf(text, sizeof text,
             "F(a) = integral(x in %.17g..%.17g + a: %s)\nG(a) = integral(x in %.17g - a..%.17g: %s * a)\n"
             "print F'(%.17g), (F(%.17g) - F(%.17g)) / %.17g\n"
             "S(a) = 2 * F(a) + 3 * G(a)\nprint S'(%.17g), 2 * F'(%.17g) + 3 * G'(%.17g)\n"
             "P(a) = F(a) * G(a)\nprint P'(%.17g), F'(%.17g) * G(%.17g) + F(%.17g) * G'(%.17g)\n",
             lo, hi, e, lo, hi, e, a, a + h, a - h, 2 * h, a, a, a, a, a, a, a, a);
    answer r = ask(text);
    CHECK(r.n == 6);
    if (r.n != 6) fprintf(stderr, "%s%s\n", text, r.message);
    CHECK_NEAR(r.value[0], r.value[1], 1e-6);
    CHECK_NEAR(r.value[2], r.value[3], 1e-9);
    CHECK_NEAR(r.value[4], r.value[5], 1e-9);
  }
}

static void says(const char *expression, const char *word) {
  char text[500];
  snprintf(text, sizeof text, "print %s\n", expression);
  answer r = ask(text);
  bool said = r.errors && strstr(r.message, word);
  if (!said) fprintf(stderr, "%s: %s\n", expression, r.message);
  CHECK(said);
}

/* a value that is not finite never appears without an error: parts beyond a double, in the integrand and around it */
static void beyond(void) {
  static const char *const text[] = {
      "f(a) = integral(x in 0..1, y in 0..1: exp(a * x - a * y))",
      "f(a) = integral(x in 0..1: exp(a * x)) * integral(x in 0..1: exp(-a * x))",
      "f(a) = integral(x in 0..1: integral(y in 0..x: exp(a - a * y)) * exp(-a * x))",
      "f(a) = integral(x in 0..1: x^0.5 * exp(a * x^2 + a))",
      "f(a) = integral(x in 0..1: a * 1e306 * x)",
      "f(a) = sum(i in 0..3: integral(x in i..i+1: exp(a * i + a * x)))",
      "f(a) = integral(x in 0..1, y in 0..1, z in 0..1: exp(a * x + a * y - 2 * a * z))"};
  for (size_t k = 0; k < sizeof text / sizeof *text; k++)
    for (double a = -2000; a <= 2000; a += 800) {
      char program[300];
      snprintf(program, sizeof program, "%s\nprint f(%g)\n", text[k], a);
      answer r = ask(program);
      if (r.n != 1 || !(isfinite(r.value[0]) || r.errors))
        fprintf(stderr, "%s%g, with %d errors\n", program, r.value[0], r.errors);
      CHECK(r.n == 1 && (isfinite(r.value[0]) || r.errors));
    }
}

int main(void) {
  closed();
  nested();
  laws();
  programs_of(CX_TEST_DIR "/tables/jumps.tsv", 53);
  programs_of(CX_TEST_DIR "/tables/moving.tsv", 33);
  derivatives();
  battery(CX_TEST_DIR "/tables/integrals_1d.tsv", 83, 4);
  battery(CX_TEST_DIR "/tables/integrals_hard.tsv", 485, 8);
  battery(CX_TEST_DIR "/tables/integrals_ends.tsv", 66, 0);
  battery(CX_TEST_DIR "/tables/integrals_far.tsv", 36, 0);
  /* edges that calx cannot follow are refused, not left out */
  says("d(d(integral(x in -1..1, y in -1..1: if sin(x * y) + y^3 < t then 1 else 0), t), t) at t = 0.3", "edge");
  /* nor are singular points of which two meet, one is at an end, or which stand in a sum */
  says("d(integral(x in 0..2: abs(sin(x) - a)^(-0.3)), a) at a = 1", "diverges");
  says("d(integral(x in 0..1: abs(x - a)^(-0.5)), a) at a = 1", "diverges");
  says("d(integral(x in 0..1: sum(k in 1..2: log(abs(x - a * k)))), a) at a = 0.4", "diverges");
  says("integral(x in 0..1: 1 / x)", "diverges");
  says("integral(x in -1..1: 1 / x^2)", "diverges");
  says("integral(x in 0..inf: exp(x))", "diverges");
  says("integral(x in 0..1: sqrt(x - 0.5))", "not a number");
  beyond();
  return CHECK_DONE();
}
