/* test_parse.c - what the text means: canonical spelling, precedence, words that are names, depth, size. */
#include "check.h"
#include "front/ast.h"
#include <dirent.h>
#include <stdlib.h>

typedef enum { PROGRAM, EXPRESSION, CONSOLE } how;

static const cx_ast *parse(cx_ctx *c, const char *text, size_t n, how as) {
  int32_t s = cx_source_add(c, "t.calx", text, n);
  cx_arena *a = cx_ctx_arena(c);
  return as == PROGRAM ? cx_parse(c, a, s) : as == EXPRESSION ? cx_parse_expr(c, a, s) : cx_parse_console(c, a, s);
}

static void complaints(cx_ctx *c, const char *text) {
  for (int i = 0; i < cx_diag_count(c); i++)
    fprintf(stderr, "%.200s\n%s", text, cx_diag_render(c, cx_ctx_arena(c), i, false));
}

/* the canonical text is as expected, and reads back as the same tree and the same text */
static void canonical(const char *text, const char *want, how as) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_ctx_arena(c);
    const cx_ast *e = parse(c, text, strlen(text), as);
    CHECK(cx_error_count(c) == 0);
    char *got = cx_ast_text(a, e);
    if (want) CHECK_STR(got, want);
    const cx_ast *again = parse(c, got, strlen(got), as);
    CHECK(cx_error_count(c) == 0 && cx_ast_equal(e, again));
    CHECK_STR(cx_ast_text(a, again), got);
    complaints(c, text);
    CX_END(c, f);
  }
  CHECK(f.status == CX_OK);
  cx_ctx_free(c);
}

static void test_expressions(void) {
  /* clang-format off */
  static const char *const same[] = {
    "1", "x", "\"a\\n\\\"b\\\\\\t\"", "x + y - z", "x - (y - z)", "x / y / z", "x / (y * z)", "-x^2", "(-x)^2", "2^-1",
    "2^3^2", "(2^3)^2",
    "-x * y", "-(x * y)", "x * -y", "x - -y", "A @ B + C", "a and b or c", "a and (b or c)", "not a and b",
    "not (a and b)",
    "not a == b", "(not a) == b", "not not a", "a < b", "a < b <= c != d", "(a < b) == c", "f()", "f(x, y)", "f'(x)",
    "f''(x)^2",
    "A'", "A''", "A'[i, j]", "A[i]'", "(A + B)'", "f(x)'", "A[i, j]", "A[:, 1]", "A[i]", "A[0..3, :]", "p[i, y[i]]",
    "[]", "[1, 2, 3]",
    "[[1, 0], [0, 1]]", "[1, 2][0]", "[0..3]", "sum(k: x[k])", "sum(i, j: A[i, j])", "sum(k in 1..n: k^2)",
    "integral(x in 0..1, y in 0..x: x * y)", "integral(x in -inf..inf, tol = 1e-10: exp(-x^2))",
    "expect(x ~ normal(m, s): x^2)",
    "prob(z ~ normal(0, 1): -1.96 < z < 1.96)", "prob(A given B)", "prob(x > 1 given x > 0, tol = 1e-3)",
    "argmin(x, y: f(x, y) subject to x + y == 1, x >= 0)",
    "argmin(x in 0..1: f(x) subject to c: x <= 0.5)", "solve(x: x^2 == 2)", "mixture(k: w[k], normal(mu[k], s))",
    "x^2 at x = 2", "x * y at x = 2, y = 1", "(x at x = 1) + 2", "f(x at x = 1)", "f((x at x = 1), 2)",
    "x at x = y at y = 2",
    "if a then b else c", "if a then b else if c then d else e", "(if a then b else c) + 1", "1 + (if a then b else c)",
    "if a < b and c then -1 else 1", "if a then (x at x = 1) else c", "max(a, b)", "max(k: a[k])", "int(0..9)",
    "adam(rate = 0.02, steps = 4000)",
    "f(a = b == c)", "1e-3", "x'(t)^2 + y'(t)^2", "kappa[i - 1, j + 1]", "a == b",
    "d(d(g(v[0], v[1]), v), v) at v = [0.5, 1]"};
  /* clang-format on */
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) canonical(same[i], same[i], EXPRESSION);
  /* clang-format off */
  static const struct { const char *text, *want; } t[] = {
    {"((x))", "x"}, {"(a*b)+c", "a * b + c"}, {"a+(b+c)", "a + (b + c)"},
    {"1+if a then b else c", "1 + (if a then b else c)"},
    {"+x", "+x"}, {"- - x", "--x"}, {"x\n+ y", "x + y"}, {" # c\n 1 # d\n", "1"}, {".5", "0.5"}, {"5.", "5"},
    {"[0..9]", "[0..9]"},
    {"[1. .. 2]", "[1..2]"}, {"[1.5..2.5]", "[1.5..2.5]"}, {"A[,1]", "A[:, 1]"},
    {"A[1,]", "A[1, :]"},
    {"f (x)", "f(x)"}, {"A [ 1 ]", "A[1]"}, {"sum(k: k, tol = 1)", "sum(k, tol = 1: k)"},
    {"if a then b\nelse c", "if a then b else c"},
    {"∑(k: x[k])", "sum(k: x[k])"}, {"∏(k: k)", "prod(k: k)"},
    {"∫(x ∈ 0..∞: exp(−x²))", "integral(x in 0..inf: exp(-x^2))"}, {"∂(e, x)", "d(e, x)"},
    {"√x", "sqrt(x)"}, {"√(x + 1)", "sqrt(x + 1)"}, {"√x^2", "sqrt(x)^2"}, {"√x²", "sqrt(x)^2"},
    {"√a[i]", "sqrt(a[i])"}, {"2·√√x", "2 * sqrt(sqrt(x))"},
    {"∛x", "cbrt(x)"}, {"2·π × r²", "2 * pi * r^2"}, {"a ≤ b ≥ c ≠ d", "a <= b >= c != d"},
    {"a ∧ ¬b ∨ c", "a and not b or c"},
    {"σ^2 + μ_k + Δt + θ₁", "sigma^2 + mu_k + Deltat + theta1"}, {"ϵ·ϕ·µ", "epsilon * phi * mu"}, {"x⁻¹", "x^-1"},
    {"x¹⁰", "x^10"}, {"x²^3", "(x^2)^3"},
    {"2^x²", "2^x^2"}, {"-x²", "-x^2"}, {"Aᵀ @ B", "A' @ B"}, {"x²ᵀ", "(x^2)'"}, {"f′(x) + g″(x)", "f'(x) + g''(x)"},
    {"x\u00A0+\u2009y", "x + y"},
    {"größe + 速度 + ŷ + x̄", "größe + 速度 + ŷ + x̄"}, {"∑(k ∈ 0…9: k)", "sum(k in 0..9: k)"}, {"x ÷ y", "x / y"},
    {"data + print + at + to + in + for + d + e + by + fit", "data + print + at + to + in + for + d + e + by + fit"},
    {"at at at = at, to = 1", "at at at = at, to = 1"}, {"sum(in in 0..in: in)", "sum(in in 0..in: in)"},
    {"data[print] @ plot(write)", "data[print] @ plot(write)"}};
  /* clang-format on */
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) canonical(t[i].text, t[i].want, EXPRESSION);
}

static void test_statements(void) {
  /* clang-format off */
  static const char *const same[] = {
    "", "x = 1\n", "x[i, j] = i + j\n", "h[0] = a\nh[t] = g(h[t - 1], x[t])\n", "f(x, y) = x + y\n", "f() = 1\n",
    "f(u[T, c]) = { s[0] = zeros(32); s[t] = s[t - 1] + u[t]; s[T] }\n",
    "f(x) = { param w[3]; w ~ normal(0, 1); sum(i: w[i]) * x }\n", "data X[n, d] : real, y[n] = \"wine.csv\"\n",
    "data heads : int, tosses : int\n", "data y[n] : int(0..9)\n",
    "param w[d] : simplex, b, s > 0, t in 0..1, x = 1, u >= 0 = 2, v < a + b, z[3] : positive = [1, 2, 3]\n",
    "w ~ normal(0, 2)\n", "y[i] ~ normal(sum(j: X[i, j] * w[j]) + b, sigma)\n",
    "log(y) - 1 ~ normal(0, 1)\n", "minimize x^2\n", "maximize x * y\n",
    "subject to ellipse: x^2 / 8 + y^2 / 2 == 1, x >= 0\n", "fit by kkt\n", "fit by adam(rate = 0.02, steps = 4000)\n",
    "print \"area\", x, f'(2)\n", "print d(g(x, y), x) at x = 0.5, y = 1\n", "print (a at x = 1), b\n",
    "plot f(x), f'(x) for x in -6..6\n", "plot f(x, y) for x in 0..1, y in 0..2 to \"f.svg\"\n",
    "plot a, title = \"t\" for x in 0..1\n", "plot y, z against x\n", "plot y by truth, called to \"p.png\"\n", "plot y against x[:, 0] by g to \"p.png\"\n",
    "plot images by digit[0..39]\n",
    "plot loss\n", "write sqrt(gx^2 + gy^2) to \"edges.png\"\n", "explain h'(t)\n", "import \"model.calx\"\n",
    "precision single\n", "distribution half(s) { support = positive; logpdf(x) = -x / s }\n",
    "data = 3\n", "print = data\n", "fit[i] = 2\n", "data[i] ~ normal(0, 1)\n", "param ~ normal(0, 1)\n",
    "plot(x) = x\nprint plot(2)\n", "d = 3\nprint d(d^2, d)\n", "precision = 3\nprint precision\n",
    "(print + 1) ~ normal(0, 1)\n"};
  /* clang-format on */
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) canonical(same[i], same[i], PROGRAM);
  /* clang-format off */
  static const struct { const char *text, *want; } t[] = {
    {"\xEF\xBB\xBFx = 1\r\ny = 2\rz = 3\n\n\n# end", "x = 1\ny = 2\nz = 3\n"},
    {"x = 1; y = 2;; z = 3", "x = 1\ny = 2\nz = 3\n"},
    {"x = 1 +\n\n # c\n  2\ny = f(1,\n2\n)\n", "x = 1 + 2\ny = f(1, 2)\n"}, {"x =\n 3", "x = 3\n"},
    {"x = if a\nthen b\nelse c\ny = 1", "x = if a then b else c\ny = 1\n"},
    {"f(x) = {\n a = x\n b = a +\n  1\n (b)\n}\n", "f(x) = { a = x; b = a + 1; b }\n"},
    {"f(x) = {\n a = x\n [a]\n}\n", "f(x) = { a = x; [a] }\n"},
    {"f(x) = { a = g(1,\n2)\n -a }", "f(x) = { a = g(1, 2); -a }\n"},
    {"minimize x^2 subject to x >= 1", "minimize x^2\nsubject to x >= 1\n"},
    {"subject to\n a == 1,\n b <= 2\n", "subject to a == 1, b <= 2\n"}, {"print a,\n  b\n", "print a, b\n"},
    {"param\tw [ d ]:simplex", "param w[d] : simplex\n"}, {"param x,\n y", "param x, y\n"},
    {"σ ~ exponential(1)", "sigma ~ exponential(1)\n"},
    {"y = x\n(1 + 2) ~ normal(0, 1)", "y = x\n1 + 2 ~ normal(0, 1)\n"},
    {"plot f(x) for x in 0..1, n = 100", "plot f(x), n = 100 for x in 0..1\n"}};
  /* clang-format on */
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) canonical(t[i].text, t[i].want, PROGRAM);
  canonical("1 + 1", "print 1 + 1\n", CONSOLE);
  canonical("f(x) = x^2; f'(3), f(2)", "f(x) = x^2\nprint f'(3), f(2)\n", CONSOLE);
}

/* every program of the corpus, the language's own among them */
static void test_programs(void) {
  struct dirent **list;
  int count = scandir(CX_TEST_DIR "/fuzz/corpus/parse", &list, NULL, alphasort), programs = 0;
  for (int i = 0; i < count; i++) {
    char path[600];
    snprintf(path, sizeof path, CX_TEST_DIR "/fuzz/corpus/parse/%s", list[i]->d_name);
    FILE *f = strstr(path, ".calx") ? fopen(path, "rb") : NULL;
    free(list[i]);
    if (!f) continue;
    static char text[65536];
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    canonical(text, NULL, PROGRAM);
    programs++;
  }
  free(count < 0 ? NULL : list);
  CHECK(programs >= 17);
}

static void test_shape(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  const char *text =
      "y[i] ~ normal(a * X[i], s)\nparam s > 0\nx = sum(k in 0..2, tol = 1: (a + b) * k)\nplot u for v in 0..1 to "
      "\"f\"";
  const cx_ast *p = parse(c, text, strlen(text), PROGRAM);
  CHECK(p->kind == S_PROGRAM && p->nkid == 4);
  const cx_ast *tilde = p->kid[0];
  CHECK(tilde->kind == S_TILDE && tilde->kid[0]->kind == A_SUBSCRIPT && tilde->kid[1]->kind == A_CALL &&
        tilde->kid[1]->nkid == 2);
  CHECK(tilde->span.beg == 0 && tilde->span.end == 26 && tilde->kid[1]->name_span.beg == 7 &&
        tilde->kid[1]->name_span.end == 13);
  const cx_ast *param = p->kid[1];
  CHECK(param->kind == S_PARAM && param->kid[0]->kind == A_LIST && param->kid[0]->nkid == 0 &&
        param->kid[1]->kind == A_COMPARE && param->kid[1]->ops[0] == T_GT && !param->kid[2]);
  const cx_ast *sum = p->kid[2]->kid[0];
  CHECK(sum->kind == A_BINDER && sum->nbind == 1 && sum->nkid == 3 && sum->kid[0]->op == T_IN &&
        sum->kid[1]->kind == A_NAMED && sum->kid[2]->op == T_STAR);
  CHECK(sum->kid[2]->span.beg == (uint32_t)(strstr(text, "(a + b)") - text) &&
        sum->kid[2]->kid[0]->span.beg == sum->kid[2]->span.beg + 1);
  const cx_ast *plot = p->kid[3];
  CHECK(plot->kind == S_PLOT && plot->nkid == 3 && plot->nbind == 1 && plot->kid[1]->kind == A_NAMED &&
        plot->kid[2]->kind == A_BIND);
  const cx_ast *e = parse(c, "f'", 2, EXPRESSION);
  CHECK(e->kind == A_TRANSPOSE && e->kid[0]->kind == A_NAME);
  e = parse(c, "0..9", 4, EXPRESSION);
  CHECK(e->kind == A_ERROR && cx_error_count(c) == 1);
  cx_diag_clear(c);
  e = parse(c, "data w[d], b, s >\nx = 1 +\nf(a) = ]\n", 35, PROGRAM); /* what was meant to be defined is still known */
  CHECK(cx_error_count(c) >= 2 && e->kid[0]->kind == A_ERROR && e->kid[0]->nkid == 3 &&
        strcmp(e->kid[0]->kid[2]->name, "s") == 0);
  CHECK(!cx_ast_equal(parse(c, "a+b", 3, EXPRESSION), parse(c, "a-b", 3, EXPRESSION)) &&
        !cx_ast_equal(parse(c, "1", 1, EXPRESSION), parse(c, "2", 1, EXPRESSION)));
  CHECK(cx_ast_equal(parse(c, "1.50", 4, EXPRESSION), parse(c, "1.5", 3, EXPRESSION)) &&
        strcmp(cx_tok_text(T_DISTRIBUTION), "distribution") == 0);
  cx_ctx_free(c);
}

static void test_incomplete(void) {
  static const char *const more[] = {
      "f(x) = {",   "print (1",   "x = [1,", "x = 1 +",  "x =", "if a then b",   "y ~",
      "subject to", "write x to", "a and",   "sum(k:\n", "√",   "plot f(x) for", "x = 1 at"};
  static const char *const done[] = {"",      "x = 1",     "f(x) = { x }", "print 1)", "if a then b else c",
                                     "\"abc", "x = 1 # (", "fit by adam",  "]",        "x = 3\n"};
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  for (size_t i = 0; i < sizeof more / sizeof *more; i++) CHECK(cx_parse_incomplete(c, more[i], strlen(more[i])));
  for (size_t i = 0; i < sizeof done / sizeof *done; i++) CHECK(!cx_parse_incomplete(c, done[i], strlen(done[i])));
  CHECK(cx_diag_count(c) == 0);
  cx_ctx_free(c);
}

/* `unit` repeated to about n bytes between head and tail: errors or none, but an end, few diagnostics and no deep tree */
static void big(const char *head, const char *unit, const char *tail, size_t n, bool good) {
  size_t h = strlen(head), u = strlen(unit), t = strlen(tail), count = (n - h - t) / u;
  char *text = malloc(h + count * u + t + 1), *p = text + h;
  memcpy(text, head, h);
  for (size_t i = 0; i < count; i++, p += u) memcpy(p, unit, u);
  memcpy(p, tail, t + 1);
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    const cx_ast *e = parse(c, text, (size_t)(p - text) + t, PROGRAM);
    bool as_expected = (cx_error_count(c) == 0) == good && cx_error_count(c) < 300 && e->height <= CX_MAX_NEST;
    if (!as_expected) fprintf(stderr, "%d errors for %zu bytes of %s`%s`%s\n", cx_error_count(c), n, head, unit, tail);
    CHECK(as_expected);
    for (int i = 0; i < cx_diag_count(c); i++) CHECK(strlen(cx_diag_render(c, cx_ctx_arena(c), i, false)) < 4000);
    cx_parse_incomplete(c, text, (size_t)(p - text) + t);
    CX_END(c, f);
  }
  CHECK(f.status == CX_OK);
  cx_ctx_free(c);
  free(text);
}

static void test_size(void) {
  enum { MEGA = 1 << 20 };
  /* clang-format off */
  static const char *const units[] = {
      "(", ")", "[", "{", "}", "(]", "-", "not ", "2^", "1+", "a ", "f(", "a[", "if ", "if a then ", "√", "'", "a'",
      "\"", "\\", "$", "|", "..", "0x",
                                      "\x80", "\xE2\x88", "²", "=", "a=", "x:", "f(x:", "{\n", "a\n", "(\n", ",", "at ",
                                      "a at x=", "print ", "∂", "f(x)=", "e subject to ", ";", "#", "\n"};
  /* clang-format on */
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    bool empty = strcmp(units[i], "#") == 0 || strcmp(units[i], "\n") == 0 || strcmp(units[i], ";") == 0;
    big("", units[i], "", MEGA / 16, empty);
    big("x = ", units[i], "", MEGA / 32, false);
  }
  big("x = [1", ", 1", "]\n", 10 * MEGA, true); /* one line */
  big("", "y = a * x + b\n", "", MEGA, true);
  big("x = ", "9", "\n", MEGA, false);
  big("x = 0.", "9", "\n", MEGA, true);
  big("", "abc", " = 1\n", MEGA, true);
  big("x = f(1", " $ 2", ")", MEGA, false);
  char nest[2100];
  for (int depth = 990; depth <= 1010; depth += 20) {
    memset(nest, '(', (size_t)depth);
    nest[depth] = '1';
    memset(nest + depth + 1, ')', (size_t)depth);
    cx_ctx *c = cx_ctx_new(NULL, NULL);
    parse(c, nest, 2 * (size_t)depth + 1, EXPRESSION);
    CHECK(cx_error_count(c) == (depth > 1000));
    if (depth > 1000) CHECK(strstr(cx_diag_get(c, 0).message, "1000 levels"));
    cx_ctx_free(c);
  }
}

/* memory that fails anywhere: an error, nothing else */
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
  m->live += (long)new_size - (long)old_size;
  return realloc(ptr, new_size);
}

static void test_failing_memory(void) {
  char text[20000] = "";
  for (int i = 0; i < 200; i++)
    sprintf(text + strlen(text), i % 10 ? "f%d(x) = { a = x^2; a + %d }\n" : "f%d(x) = %d +\n)\n", i, i);
  for (long n = 1;; n++) {
    meter m = {0, n, 0};
    cx_ctx *c = cx_ctx_new(metered, &m);
    if (!c) continue;
    cx_frame f;
    CX_TRY(c, f) {
      parse(c, text, strlen(text), PROGRAM);
      cx_parse_incomplete(c, text, strlen(text));
      CX_END(c, f);
    }
    bool failed = m.calls >= n;
    CHECK(cx_error_count(c) > 0 && (f.status == CX_OK || f.status == CX_E_RUNTIME));
    cx_ctx_free(c);
    CHECK(m.live == 0);
    if (!failed) break;
  }
}

int main(void) {
  test_expressions();
  test_statements();
  test_programs();
  test_shape();
  test_incomplete();
  test_failing_memory();
  test_size();
  return CHECK_DONE();
}
