/* run_lang.c - runs the programs of this folder and compares what they print with the comments beside it:
 *
 *   print f(2), v      # expect: 7.27437941461, [1, 2]      a value a print item, arrays nested, nan and inf by name
 *   print x            # expect: 0.5 +- 1e-4                 another tolerance than the file's
 *   # tolerance: 1e-6   # args: heads=7 tosses=10   # status: 5   # check: off
 *
 * A formula after `|` says where the number comes from; expect.py computes it with NumPy and mpmath and writes the
 * number. Every derivative is compared with finite differences and the reference evaluator besides (as `calx check`),
 * unless the file says `# check: off`. */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/lib.h"
#include "check.h"
#include "run/session.h"

enum { PRINTS = 400, ROOM = 1 << 20 };
typedef struct {
  int line, n;
  char *text[16];
  double *v[16];
  int64_t count[16];
  int rank[16];
  int64_t dim[16][CX_MAX_RANK];
} printed;
typedef struct {
  cx_ctx *ctx;
  printed p[PRINTS];
  int n;
} record;

static void event(void *user, const cx_event *e) {
  record *r = user;
  if (e->kind != EV_RESULT || r->n == PRINTS) return;
  printed *p = &r->p[r->n++];
  int column;
  cx_source_pos(r->ctx, e->where.file, e->where.beg, &p->line, &column);
  for (int k = 0; k < e->nresult && p->n < 16; k++) {
    const cx_result *q = &e->result[k];
    if (q->label) continue;
    int64_t n = cx_array_count(&q->value);
    p->v[p->n] = malloc((size_t)(n + 1) * sizeof(double));
    memcpy(p->v[p->n], q->value.data, (size_t)n * sizeof(double));
    p->count[p->n] = n;
    p->rank[p->n] = q->value.rank;
    for (int d = 0; d < q->value.rank; d++) p->dim[p->n][d] = q->value.dim[d];
    p->n++;
  }
}

static void skip(const char **s) {
  while (**s == ' ') ++*s;
}

/* one expected value: a number or nested brackets; its shape is that of its first elements */
static bool value(const char **s, double *v, int64_t *n, int depth, int *rank, int64_t *dim) {
  skip(s);
  if (**s != '[') {
    char *end;
    v[(*n)++] = strtod(*s, &end);
    bool ok = end != *s;
    *s = end;
    return ok;
  }
  ++*s;
  int64_t k = 0;
  if (depth >= *rank) *rank = depth + 1;
  for (skip(s); **s != ']'; k++) {
    if (!value(s, v, n, depth + 1, rank, dim)) return false;
    skip(s);
    if (**s == ',') ++*s, skip(s);
    else if (**s != ']') return false;
  }
  ++*s;
  dim[depth] = k;
  return true;
}

static const char *directive(const char *text, const char *name, char *out, size_t room) {
  const char *at = strstr(text, name);
  if (!at) return NULL;
  at += strlen(name);
  while (*at == ' ') at++;
  size_t n = strcspn(at, "\n");
  if (n >= room) n = room - 1;
  memcpy(out, at, n);
  out[n] = 0;
  return out;
}

static void compare(const char *file, int line, const char *s, printed *p, double tol) {
  for (int k = 0; k < p->n; k++) {
    static double want[ROOM / 8];
    int64_t n = 0, dim[CX_MAX_RANK + 2] = {0};
    int rank = 0;
    double t = tol;
    bool ok = value(&s, want, &n, 0, &rank, dim);
    skip(&s);
    if (!strncmp(s, "+-", 2)) {
      char *end;
      t = strtod(s + 2, &end);
      s = end;
      skip(&s);
    }
    if (*s == ',') s++;
    else if (k + 1 < p->n) ok = false;
    bool shape = ok && rank == p->rank[k] && n == p->count[k];
    for (int d = 0; d < rank && shape; d++) shape = dim[d] == p->dim[k][d];
    if (!shape) {
      fprintf(stderr, "%s:%d: value %d has %d dimensions and %lld elements, expected %d and %lld\n", file, line, k + 1,
              p->rank[k], (long long)p->count[k], rank, (long long)n);
      check_failed++;
      if (!ok) return;
      continue;
    }
    for (int64_t j = 0; j < n; j++) {
      double a = p->v[k][j], b = want[j];
      bool same = a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= t * fmax(1, fabs(b));
      if (!same)
        fprintf(stderr, "%s:%d: value %d, element %lld is %.12g, expected %.12g\n", file, line, k + 1, (long long)j, a,
                b);
      CHECK(same);
      if (!same) break;
    }
  }
  skip(&s);
  if (*s && *s != '\n' && *s != '|') {
    fprintf(stderr, "%s:%d: more is expected than is printed: %.20s\n", file, line, s);
    check_failed++;
  }
}

static void check_derivatives(const char *file, const char *text, const char *const *arg, int narg,
                              const cx_session_opt *opt) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    cx_arena *a = cx_arena_new(c);
    cx_check_row *row = NULL;
    int n = 0;
    cx_session_check(c, cx_source_add(c, file, text, strlen(text)), arg, narg, opt, a, &row, &n);
    for (int k = 0; k < n; k++) {
      bool ok = !(row[k].worst_fd > 1e-4) && !(row[k].worst_ref > 1e-8);
      if (!ok)
        fprintf(stderr, "%s: check of %s: %.2g against differences, %.2g against the reference\n", file, row[k].name,
                row[k].worst_fd, row[k].worst_ref);
      CHECK(ok);
    }
    CX_END(c, f);
  }
  cx_ctx_free(c);
}

static char *slurp(const char *file) {
  static char text[ROOM];
  FILE *in = fopen(file, "rb");
  size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
  text[n] = 0;
  if (in) fclose(in);
  CHECK(n > 0);
  return text;
}

static void program(const char *file, char *text) {
  static char buf[1000];
  size_t n = strlen(text);
  double tol = directive(text, "# tolerance:", buf, sizeof buf) ? atof(buf) : 1e-9;
  int want = directive(text, "# status:", buf, sizeof buf) ? atoi(buf) : 0;
  bool check = !strstr(text, "# check: off");
  const char *arg[32];
  int narg = 0;
  if (directive(text, "# args:", buf, sizeof buf))
    for (char *a = strtok(buf, " "); a && narg < 32; a = strtok(NULL, " ")) arg[narg++] = a;
  static record r;
  memset(&r, 0, sizeof r);
  r.ctx = cx_ctx_new(NULL, NULL);
  cx_session_opt opt = {.seed = 1, .threads = 1, .dir = ".", .out = CX_LANG_OUT, .event = event, .user = &r};
  cx_status st = cx_session_run(r.ctx, cx_source_add(r.ctx, file, text, n), arg, narg, &opt);
  if ((int)st != want) {
    fprintf(stderr, "%s: status %d, expected %d\n", file, (int)st, want);
    for (int k = 0; k < cx_diag_count(r.ctx); k++) fputs(cx_diag_render(r.ctx, cx_ctx_arena(r.ctx), k, false), stderr);
  }
  CHECK((int)st == want);
  int line = 1, at = -1, next = 0, used = 0;
  for (char *s = text; st == (cx_status)want && *s;
       line++) { /* an expectation belongs to the last print at or above it */
    while (next < r.n && r.p[next].line <= line) at = next++;
    char *end = s + strcspn(s, "\n"), keep = *end;
    *end = 0;
    char *e = strstr(s, "# expect:");
    if (e && (at < 0 || used > at)) fprintf(stderr, "%s:%d: nothing is printed here\n", file, line), check_failed++;
    else if (e) compare(file, line, e + 9, &r.p[at], tol), used = at + 1;
    if (next > used + 1 && r.p[at].n)
      fprintf(stderr, "%s:%d: a print has no expectation\n", file, r.p[used].line), check_failed++, used = at;
    *end = keep;
    s = end + (keep != 0);
  }
  for (int k = 0; k < r.n; k++)
    for (int j = 0; j < r.p[k].n; j++) free(r.p[k].v[j]);
  cx_ctx_free(r.ctx);
  if (check && st == (cx_status)want) check_derivatives(file, text, arg, narg, &opt);
}

/* ---- the reference: its programs run, and it names everything that there is to name ---- */
static void named(const char *doc, const char *name, const char *what) {
  char quoted[2][80];
  snprintf(quoted[0], sizeof quoted[0], "`%s`", name);
  snprintf(quoted[1], sizeof quoted[1], "`%s(", name);
  bool there = strstr(doc, quoted[0]) || strstr(doc, quoted[1]);
  if (!there) fprintf(stderr, "language.md does not name the %s %s\n", what, name);
  CHECK(there);
}

static void reference(const char *path) {
  char *doc = slurp(path);
  for (int op = OP_load + 1; op < OP_COUNT; op++) named(doc, cx_ops[op].name, "op");
  for (int k = 0; k < cx_noption_rows; k++) named(doc, cx_option_rows[k].name, "option");
  for (int k = 0; k < DOM_COUNT; k++) named(doc, cx_domain_name[k], "domain");
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_frame f;
  CX_TRY(c, f) {
    int n;
    const cx_method_row *row = cx_method_rows(cx_ctx_arena(c), &n);
    for (int k = 0; k < n; k++) named(doc, row[k].name, "method");
    for (int k = 0; k < cx_lib_count;
         k++) { /* functions of the library: those of domain and optim are not called by name */
      if (strncmp(cx_lib[k].name, "base", 4) && strncmp(cx_lib[k].name, "nn", 2)) continue;
      cx_ast *p = cx_parse(c, cx_ctx_arena(c), cx_source_add(c, cx_lib[k].name, cx_lib[k].text, cx_lib[k].n));
      for (int j = 0; j < p->nkid; j++)
        if (p->kid[j]->kind == S_DEF_FUN) named(doc, p->kid[j]->name, "function");
    }
    CX_END(c, f);
  }
  cx_ctx_free(c);
}

/* the programs of a page; how many there are */
static int programs_of(const char *page) {
  char name[320];
  snprintf(name, sizeof name, "../../doc/%s", page);
  char *doc = slurp(name), *at = doc;
  int programs = 0;
  while ((at = strstr(at, "\n```calx\n")) != NULL) {
    char *begin = at + 9, *end = strstr(begin, "\n```");
    if (!end) break;
    *end = 0;
    snprintf(name, sizeof name, "%s, program %d", page, ++programs);
    program(name, begin);
    at = end + 1;
  }
  return programs;
}

int main(int argc, char **argv) {
  if (chdir(CX_LANG_DIR)) return 1;
  if (argc > 1) {
    for (int k = 1; k < argc; k++) program(argv[k], slurp(argv[k]));
    return CHECK_DONE();
  }
  struct dirent **list;
  int count = scandir(".", &list, NULL, alphasort), programs = 0;
  for (int k = 0; k < count; k++) {
    const char *dot = strrchr(list[k]->d_name, '.');
    if (dot && !strcmp(dot, ".calx") && strncmp(list[k]->d_name, "lib_", 4)) {
      int before = check_failed;
      program(list[k]->d_name, slurp(list[k]->d_name));
      programs++;
      if (check_failed > before) fprintf(stderr, "FAILED %s\n", list[k]->d_name);
    }
    free(list[k]);
  }
  free(list);
  reference("../../doc/language.md");
  CHECK(programs_of("language.md") >= 10);
  count = scandir("../../doc", &list, NULL, alphasort); /* the chapters */
  for (int k = 0; k < count; k++) {
    const char *dot = strrchr(list[k]->d_name, '.');
    if (dot && !strcmp(dot, ".md") && strcmp(list[k]->d_name, "language.md")) programs_of(list[k]->d_name);
    free(list[k]);
  }
  free(list);
  printf("%d programs\n", programs);
  CHECK(programs >= 20);
  return CHECK_DONE();
}
