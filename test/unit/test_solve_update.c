/* torch's parameters over 200 steps with fixed gradients, in double (test/tables/make_optim.py), to 1e-14: by the plain
 * updates that the other tests of fitting use, which checks the driver. */
#include "solve_common.h"

typedef struct {
  head h;
  int64_t t;
} fixed;
static int fixed_gradient(void *user, const void *x, double *f, void *g) {
  fixed *p = user;
  int64_t t = ++p->t;
  (void)x;
  *f = 1;
  for (int i = 0; i < 4; i++) ((double *)g)[i] = (double)((7 * t + 13 * i) % 17 - 8) / 8 * ldexp(1, 2 * i - 4) + 0.0625;
  return 0;
}

typedef cx_update (*maker)(void *user, cx_arena *a, const char *method, const char *const *state);
static void torch_table(maker make) {
  FILE *file = fopen(CX_TEST_DIR "/tables/optim.txt", "r");
  CHECK(file);
  if (!file) return;
  char line[512], method[32], options[128], was[192] = "", now[192];
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_solver *s = NULL;
  fixed p = {{4, false}, 0};
  cx_problem problem = {.n = 4, .user = &p, .gradient = fixed_gradient, .update = make};
  double want[4];
  const double start[4] = {1, -2, 0.5, 3};
  int rows = 0;
  long step;
  while (fgets(line, sizeof line, file)) {
    if (*line == '#') continue;
    CHECK(sscanf(line, "%31s %127s %ld %lf %lf %lf %lf", method, options, &step, want, want + 1, want + 2, want + 3) ==
          7);
    snprintf(now, sizeof now, "%s %s", method, options);
    if (strcmp(was, now)) {
      cx_fit_opt opt[16];
      cx_arena *a = cx_ctx_arena(c);
      p.t = 0;
      int n = parse_options(a, strcmp(options, "-") ? options : "", opt);
      opt[n++] = (cx_fit_opt){.name = "steps", .num = 200, .span = CX_NOSPAN, .name_span = CX_NOSPAN};
      s = cx_solver_new(c, a, &problem, method, CX_NOSPAN, opt, n, start);
      strcpy(was, now);
    }
    while (p.t < step && cx_solver_iterate(s)) {}
    const double *x = cx_solver_x(s);
    for (int i = 0; i < 4; i++) {
      if (fabs(x[i] - want[i]) > 1e-14 * fmax(1, fabs(want[i]))) fprintf(stderr, "%s, step %ld:\n", now, step);
      CHECK_NEAR(x[i], want[i], 1e-14);
    }
    rows++;
  }
  CHECK(rows == 150);
  fclose(file);
  cx_ctx_free(c);
}

int main(void) {
  torch_table(plain);
  return CHECK_DONE();
}
