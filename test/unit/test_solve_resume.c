/* Checkpoints: a resumed fit equals the uninterrupted one bit for bit, whatever the method and wherever it was
 * stopped; a process killed at any moment leaves a whole file; a file that does not fit is refused with its reason. */
#include "solve_common.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static char folder[] = "/tmp/calx-resume-XXXXXX";
static char path[64];

static cx_solver *make(cx_ctx *c, cx_problem *q, const char *method, const char *options, const void *x) {
  cx_fit_opt opt[16];
  int n = parse_options(cx_ctx_arena(c), options, opt);
  return cx_solver_new(c, cx_ctx_arena(c), q, method, CX_NOSPAN, opt, n, x);
}

/* the report without its clock, as text */
static const char *summary(cx_ctx *c, cx_solver *s) {
  const cx_fit_report *r = cx_solver_report(s);
  const char *t = cx_format(cx_ctx_arena(c), "%a %a %a %lld %lld %lld %d %s %lld/%lld:", r->value, r->grad_norm,
                            r->validation, (long long)r->steps, (long long)r->epochs, (long long)r->evaluations,
                            r->converged, r->reason, (long long)r->ntrace, (long long)r->trace_stride);
  for (int64_t i = 0; i < r->ntrace; i++) t = cx_format(cx_ctx_arena(c), "%s %a", t, r->trace[i]);
  return t;
}

static void every_method(bool single) {
  static const char *const runs[][2] = {{"gradient_descent", "rate=0.5,steps=40"},
                                        {"sgd", "rate=0.5,batch=50,epochs=4"},
                                        {"sgd", "rate=0.3,momentum=0.5,batch=100,epochs=8,validation=0.25,seed=3"},
                                        {"momentum", "rate=0.1,batch=50,epochs=4,weight_decay=0.01"},
                                        {"nesterov", "rate=0.1,batch=64,epochs=4,clip=0.2"},
                                        {"rmsprop", "rate=0.02,batch=50,epochs=4,schedule=cosine"},
                                        {"adagrad", "rate=0.2,batch=50,epochs=4,schedule=step(2;0.5)"},
                                        {"adam", "rate=0.02,batch=50,epochs=4,warmup=10"},
                                        {"adam", "rate=0.02,batch=20,accumulate=3,epochs=4,schedule=one_cycle"},
                                        {"adamw", "rate=0.05,batch=50,steps=31"},
                                        {"adam", "rate=1,batch=20,epochs=30,validation=0.3,patience=2,seed=7"},
                                        {"lbfgs", "memory=3"},
                                        {"lbfgs", ""},
                                        {"newton", "radius=0.05"}};
  logistic *p = malloc(sizeof *p);
  lr_make(p, single);
  double xd[LR_D] = {0.3, -0.2, 1, 2, -1};
  float xf[LR_D];
  for (int j = 0; j < LR_D; j++) xf[j] = (float)xd[j];
  void *start = single ? (void *)xf : (void *)xd;
  size_t bytes = LR_D * (single ? sizeof *xf : sizeof *xd);
  cx_problem q = lr_problem(p);
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    cx_ctx *c = cx_ctx_new(NULL, NULL);
    cx_solver *whole = make(c, &q, runs[i][0], runs[i][1], start);
    int steps = 0;
    while (cx_solver_iterate(whole)) steps++;
    CHECK(steps > 2);
    for (int stop = 0; stop <= steps; stop += 1 + steps / 4) { /* also before the first step */
      cx_solver *half = make(c, &q, runs[i][0], runs[i][1], start);
      for (int k = 0; k < stop; k++) cx_solver_iterate(half);
      CHECK(cx_solver_save(half, path));
      cx_ctx *d = cx_ctx_new(NULL, NULL); /* nothing shared with what came before */
      cx_solver *rest = make(d, &q, runs[i][0], runs[i][1], start);
      cx_solver_resume(rest, path);
      while (cx_solver_iterate(rest)) {}
      bool same = !memcmp(cx_solver_x(whole), cx_solver_x(rest), bytes);
      if (!same) fprintf(stderr, "%s(%s) stopped at %d\n", runs[i][0], runs[i][1], stop);
      CHECK(same);
      CHECK_STR(summary(c, rest), summary(c, whole));
      cx_ctx_free(d);
    }
    CHECK(cx_solver_save(whole, path)); /* a finished one stays finished */
    cx_solver *done = make(c, &q, runs[i][0], runs[i][1], start);
    cx_solver_resume(done, path);
    CHECK(!cx_solver_iterate(done) && !memcmp(cx_solver_x(whole), cx_solver_x(done), bytes));
    CHECK_STR(summary(c, done), summary(c, whole));
    cx_ctx_free(c);
  }
  free(p);
}

/* ---- more steps than before: as if they had been asked for at once ---- */
static void longer(void) {
  static const char *const runs[][3] = {{"adam", "rate=0.05,batch=50,steps=15", "rate=0.05,batch=50,steps=33"},
                                        {"adam", "rate=0.5,batch=50,epochs=3,validation=0.3,patience=5",
                                         "rate=0.5,batch=50,epochs=9,validation=0.3,patience=5"},
                                        {"lbfgs", "steps=4", "steps=100"},
                                        {"newton", "steps=2", "steps=100"}};
  logistic *p = malloc(sizeof *p);
  lr_make(p, false);
  cx_problem q = lr_problem(p);
  const double start[LR_D] = {0};
  for (int i = 0; i < 4; i++) {
    cx_ctx *c = cx_ctx_new(NULL, NULL);
    cx_solver *s = make(c, &q, runs[i][0], runs[i][1], start), *t = make(c, &q, runs[i][0], runs[i][2], start),
              *u = make(c, &q, runs[i][0], runs[i][2], start);
    while (cx_solver_iterate(s)) {}
    CHECK(cx_solver_save(s, path));
    cx_solver_resume(t, path);
    while (cx_solver_iterate(t)) {}
    while (cx_solver_iterate(u)) {}
    CHECK(!memcmp(cx_solver_x(t), cx_solver_x(u), sizeof start));
    CHECK_STR(summary(c, t), summary(c, u));
    cx_ctx_free(c);
  }
  free(p);
}

/* ---- the driver: stopped by a flag, resumed by a hook; checkpoint and checkpoint_every ---- */
static volatile sig_atomic_t stop_now;
static int64_t calls, stop_after, file_at;
static int stopping_batch(void *user, const int32_t *row, int64_t n, const void *x, double *f, void *g) {
  if (++calls == stop_after) stop_now = 1;
  if (!file_at && access(path, F_OK) == 0) file_at = calls;
  return lr_batch(user, row, n, x, f, g);
}
static void driver(void) {
  logistic *p = malloc(sizeof *p);
  lr_make(p, false);
  cx_problem q = lr_problem(p);
  q.batch = stopping_batch;
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_ctx_arena(c);
  double x[LR_D] = {0}, y[LR_D] = {0};
  cx_fit_report r;
  CHECK(fit(c, a, &q, "adam", "batch=50,epochs=5", x, NULL, &r) == CX_OK);
  cx_fit_hooks h = {.stop = &stop_now, .checkpoint = path};
  calls = 0, stop_after = 17;
  CHECK(fit(c, a, &q, "adam", "batch=50,epochs=5", y, &h, &r) == CX_E_INTERRUPT);
  CHECK(r.steps == 17 && !r.converged && !strcmp(r.reason, "interrupted"));
  stop_now = 0, stop_after = 0;
  h.resume = path;
  memset(y, 0, sizeof y);
  CHECK(fit(c, a, &q, "adam", "batch=50,epochs=5", y, &h, &r) == CX_OK);
  CHECK(!memcmp(x, y, sizeof x) && r.steps == 45);
  /* written every 7 steps: there when the eighth begins */
  char options[160];
  unlink(path);
  file_at = calls = 0;
  snprintf(options, sizeof options, "batch=50,epochs=5,checkpoint=%s,checkpoint_every=7", path);
  CHECK(fit(c, a, &q, "adam", options, y, NULL, &r) == CX_OK && access(path, R_OK) == 0);
  CHECK(file_at == 8);
  /* one that diverges leaves the last good one */
  struct stat before, after;
  p->fail_at = 20;
  unlink(path);
  CHECK(fit(c, a, &q, "adam", options, y, NULL, &r) == CX_E_CONVERGENCE && says(c, "nan at step 20"));
  CHECK(stat(path, &before) == 0);
  p->fail_at = 0;
  cx_solver *again = make(c, &q, "adam", "batch=50,epochs=5", y);
  cx_solver_resume(again, path);
  CHECK(cx_solver_report(again)->steps == 14 && cx_solver_iterate(again));
  CHECK(stat(path, &after) == 0 && before.st_ino == after.st_ino);
  snprintf(options, sizeof options, "batch=50,epochs=5,checkpoint=/dev/null/no/such/place");
  memset(y, 0, sizeof y);
  CHECK(fit(c, a, &q, "adam", options, y, NULL, &r) == CX_OK); /* a warning; the fit goes on */
  CHECK(!memcmp(x, y, sizeof x) && says(c, "cannot write the checkpoint") && says(c, "Not a directory"));
  if (access("/dev/full", W_OK) == 0) {
    char full[64];
    snprintf(full, sizeof full, "%s/full", folder);
    char temp[72];
    snprintf(temp, sizeof temp, "%s.tmp", full);
    CHECK(symlink("/dev/full", temp) == 0);
    cx_solver *s = make(c, &q, "lbfgs", "", x);
    CHECK(!cx_solver_save(s, full) && says(c, "No space left"));
    CHECK(access(full, F_OK) != 0);
  }
  cx_ctx_free(c);
  free(p);
}

/* ---- what does not fit is refused, and says what differs ---- */
static cx_status resume(cx_ctx *c, cx_problem *q, const char *method, const char *options, const void *x) {
  cx_frame f;
  volatile cx_status status = CX_OK;
  CX_TRY(c, f) {
    cx_solver_resume(make(c, q, method, options, x), path);
    CX_END(c, f);
  } else {
    status = f.status;
  }
  return status;
}

static void refused(void) {
  logistic *p = malloc(sizeof *p);
  lr_make(p, false);
  cx_problem q = lr_problem(p), other;
  q.program = "param w[d]", q.program_size = 10, q.sizes = "d = 5";
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  double x[LR_D + 1] = {0};
  cx_solver *s = make(c, &q, "adam", "batch=50,rate=0.01,steps=100", x);
  for (int i = 0; i < 12; i++) cx_solver_iterate(s);
  CHECK(cx_solver_save(s, path));
  CHECK(resume(c, &q, "adam", "batch=50,rate=0.01,steps=100", x) == CX_OK);
  CHECK(resume(c, &q, "adam", "batch=50,rate=0.02,steps=100", x) == CX_E_DATA &&
        says(c, "rate = 0.01, now it is 0.02"));
  CHECK(resume(c, &q, "adam", "rate=0.01,steps=100", x) == CX_E_DATA && says(c, "batch = 50, now it is not set"));
  CHECK(resume(c, &q, "adam", "batch=50,rate=0.01,steps=100,schedule=cosine", x) == CX_E_DATA &&
        says(c, "now it is cosine"));
  CHECK(resume(c, &q, "sgd", "batch=50,steps=100", x) == CX_E_DATA && says(c, "by adam, not sgd"));
  CHECK(resume(c, &q, "adam", "batch=50,rate=0.01,steps=200", x) == CX_OK);
  other = q, other.program = "param v[d]";
  CHECK(resume(c, &other, "adam", "batch=50,rate=0.01,steps=100", x) == CX_E_DATA && says(c, "another text"));
  other = q, other.sizes = "d = 6";
  CHECK(resume(c, &other, "adam", "batch=50,rate=0.01,steps=100", x) == CX_E_DATA && says(c, "sizes d = 5"));
  other = q, other.n = 6;
  CHECK(resume(c, &other, "adam", "batch=50,rate=0.01,steps=100", x) == CX_E_DATA &&
        says(c, "5 parameters, the program 6"));
  other = q, other.rows = 400;
  CHECK(resume(c, &other, "adam", "batch=50,rate=0.01,steps=100", x) == CX_E_DATA && says(c, "403 rows"));
  other = q, p->h.single = other.single = true;
  CHECK(resume(c, &other, "adam", "batch=50,rate=0.01,steps=100", x) == CX_E_DATA && says(c, "double precision"));
  p->h.single = false;

  /* every length short of the whole, and every byte flipped: refused, never believed */
  FILE *f = fopen(path, "rb");
  static unsigned char image[1 << 16];
  size_t n = fread(image, 1, sizeof image, f);
  fclose(f);
  CHECK(n > 8192 && n < sizeof image);
  int believed = 0, tried = 0;
  for (size_t cut = 0; cut < n; cut += cut < 200 ? 1 : 97, tried++) {
    f = fopen(path, "wb");
    fwrite(image, 1, cut, f);
    fclose(f);
    believed += resume(c, &q, "adam", "batch=50,rate=0.01,steps=100", x) != CX_E_DATA;
    cx_diag_clear(c);
  }
  for (size_t at = 0; at < n; at += at < 1000 ? 1 : 37, tried++) {
    f = fopen(path, "wb");
    image[at] ^= 0x10;
    fwrite(image, 1, n, f);
    image[at] ^= 0x10;
    fclose(f);
    believed += resume(c, &q, "adam", "batch=50,rate=0.01,steps=100", x) != CX_E_DATA;
    cx_diag_clear(c);
  }
  CHECK(believed == 0 && tried > 1000);
  unlink(path);
  CHECK(resume(c, &q, "adam", "batch=50", x) == CX_E_DATA && says(c, "cannot read") && says(c, "No such file"));
  CHECK(mkdir(path, 0700) == 0 && resume(c, &q, "adam", "batch=50", x) == CX_E_DATA && says(c, "not a file"));
  rmdir(path);
  f = fopen(path, "wb");
  fputs("param x = 1\n", f);
  fclose(f);
  CHECK(resume(c, &q, "adam", "batch=50", x) == CX_E_DATA && says(c, "is no checkpoint"));
  cx_ctx_free(c);
  free(p);
}

/* ---- kill -9 at random moments: the file is always whole, and never goes back ---- */
enum { BIG = 20000 };
static int big_gradient(void *user, const void *x, double *f, void *g) {
  (void)user;
  *f = 0;
  for (int i = 0; i < BIG; i++)
    ((double *)g)[i] = ((const double *)x)[i] - i, *f += 0.5 * ((double *)g)[i] * ((double *)g)[i];
  return 0;
}
static void killed(void) {
  static double start[BIG];
  head h = {BIG, false};
  cx_problem q = {.n = BIG, .user = &h, .gradient = big_gradient, .update = plain};
  cx_rng r = {11, 0, 0};
  volatile int64_t last = 0;
  volatile int whole = 0;
  unlink(path);
  for (volatile int round = 0; round < 25 || (round < 200 && (whole < 12 || last < 12)); round = round + 1) {
    pid_t child = fork();
    if (child == 0) { /* goes on from the last file, and writes after every step */
      cx_ctx *c = cx_ctx_new(NULL, NULL);
      cx_solver *s = make(c, &q, "adam", "steps=1000000000", start);
      if (access(path, F_OK) == 0) cx_solver_resume(s, path);
      while (cx_solver_iterate(s)) cx_solver_save(s, path);
      _exit(0);
    }
    struct timespec nap = {0, 5000000 + cx_rng_below(&r, 30000000) * (1 + round / 25)}; /* a busy machine: longer */
    nanosleep(&nap, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    if (access(path, F_OK)) continue;
    cx_ctx *c = cx_ctx_new(NULL, NULL);
    cx_frame f;
    CX_TRY(c, f) {
      cx_solver *s = make(c, &q, "adam", "steps=1000000000", start);
      cx_solver_resume(s, path);
      int64_t step = cx_solver_report(s)->steps;
      CHECK(step >= last);
      last = step;
      whole = whole + 1;
      CX_END(c, f);
    } else {
      fprintf(stderr, "%s\n", last_message(c));
      CHECK(!"a killed process left a broken checkpoint");
    }
    cx_ctx_free(c);
  }
  CHECK(whole >= 12 && last >= 12);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  snprintf(path, sizeof path, "%s/fit.ckpt", folder);
  every_method(false);
  every_method(true);
  longer();
  driver();
  refused();
  killed();
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0);
  return CHECK_DONE();
}
