/* What changes from step to step of a fit: the mode (training, prediction), draws, running means. Batch normalisation
 * against arithmetic done by hand over the same shuffled rows; dropout by what a step of known size must do to a param. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "run/rng.h"
#include "run/session.h"

enum { PARAMS = 8, MOST = 64 };
typedef struct {
  double param[PARAMS][MOST], printed[PARAMS][MOST], trace[16], value;
  const char *name[PARAMS];
  int nparam, nprinted, ntrace;
  cx_status status;
  bool warned, interrupt;
  volatile sig_atomic_t stop;
} result;

static void event(void *user, const cx_event *e) {
  result *r = user;
  if (e->kind == EV_FIT_BEGIN && r->interrupt) r->stop = 1; /* after its first step */
  if (e->kind == EV_FIT_END) {
    r->nparam = e->nparam, r->value = e->fit->value, r->ntrace = (int)e->fit->ntrace;
    memcpy(r->trace, e->fit->trace, (size_t)(r->ntrace < 16 ? r->ntrace : 16) * sizeof *r->trace);
    for (int k = 0; k < e->nparam && k < PARAMS; k++) {
      int64_t n = cx_array_count(&e->param[k].value);
      CHECK(n <= MOST);
      cx_array_run(&e->param[k].value, 0, n <= MOST ? n : MOST, r->param[k]);
    }
  }
  for (int k = 0; e->kind == EV_RESULT && k < e->nresult && r->nprinted < PARAMS; k++) {
    int64_t n = cx_array_count(&e->result[k].value);
    cx_array_run(&e->result[k].value, 0, n <= MOST ? n : MOST, r->printed[r->nprinted++]);
  }
}

static char file[] = "/tmp/calx-modes-XXXXXX.csv", saved[] = "/tmp/calx-modes-XXXXXX.ckpt";

/* save: stop after the first step, and keep it there */
static result resumable(const char *text, uint64_t seed, int threads, const char *save, const char *resume) {
  static result r;
  memset(&r, 0, sizeof r);
  r.interrupt = save != NULL;
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_session_opt opt = {.seed = seed,
                        .threads = threads,
                        .event = event,
                        .user = &r,
                        .stop = &r.stop,
                        .checkpoint = save,
                        .resume = resume};
  const char *arg[] = {file};
  r.status =
      cx_session_run(c, cx_source_add(c, "modes.calx", text, strlen(text)), arg, strstr(text, "data") != NULL, &opt);
  for (int k = 0; k < cx_diag_count(c); k++) {
    r.warned = true;
    fputs(cx_diag_render(c, cx_ctx_arena(c), k, false), stderr);
  }
  cx_ctx_free(c);
  return r;
}

static result run(const char *text, uint64_t seed, int threads) { return resumable(text, seed, threads, NULL, NULL); }

/* ---- batch normalisation ---- */
enum { N = 7, BATCH = 3, SEED = 3 };
static const double x[N][2] = {{1, 10}, {4, 8}, {2, -3}, {0, 5}, {-3, 1}, {5, 2}, {7, 0.5}};

static void batch_norm(void) {
  FILE *f = fopen(file, "w");
  fputs("a,b\n", f);
  for (int i = 0; i < N; i++) fprintf(f, "%.17g,%.17g\n", x[i][0], x[i][1]);
  fclose(f);
  result r =
      run("data x[n, 2]\nparam w = 2\ny = batch_norm(w * x, rate = 0.25)\n"
          "minimize mean(i: (y[i, 0] + 2 * y[i, 1])^4)\n"
          "fit by sgd(rate = 1e-14, batch = 3, epochs = 2, seed = 3)\nprint y, training\n",
          1, 1);
  CHECK(r.status == CX_OK && !r.warned && r.nparam == 5 && r.ntrace == 2);
  double mean[2] = {0, 0}, variance[2] = {1, 1};
  for (int e = 0; e < 2; e++) {
    int32_t order[N];
    for (int i = 0; i < N; i++) order[i] = i;
    cx_rng g = cx_rng_new(SEED, 1 + (uint64_t)e);
    cx_rng_shuffle(&g, order, N);
    double sum = 0;
    for (int at = 0; at < N; at += BATCH) {
      int n = N - at < BATCH ? N - at : BATCH;
      double m[2] = {0}, v[2] = {0};
      for (int k = 0; k < n; k++)
        for (int j = 0; j < 2; j++) m[j] += 2 * x[order[at + k]][j] / n;
      for (int k = 0; k < n; k++)
        for (int j = 0; j < 2; j++) v[j] += pow(2 * x[order[at + k]][j] - m[j], 2) / n;
      for (int k = 0; k < n; k++) {
        const double *row = x[order[at + k]];
        sum += pow((2 * row[0] - m[0]) / sqrt(v[0] + 1e-5) + 2 * (2 * row[1] - m[1]) / sqrt(v[1] + 1e-5), 4);
      }
      for (int j = 0; j < 2; j++)
        mean[j] += 0.25 * (m[j] - mean[j]), variance[j] += 0.25 * (v[j] * n / fmax(n - 1, 1) - variance[j]);
    }
    CHECK_NEAR(r.trace[e], sum / N, 1e-9);
  }
  for (int j = 0; j < 2; j++) {
    CHECK_NEAR(r.param[1][j], mean[j], 1e-9);
    CHECK_NEAR(r.param[2][j], variance[j], 1e-9);
  }
  double value = 0;
  for (int i = 0; i < N; i++) {
    double y[2];
    for (int j = 0; j < 2; j++) {
      y[j] = (2 * x[i][j] - mean[j]) / sqrt(variance[j] + 1e-5);
      CHECK_NEAR(r.printed[0][2 * i + j], y[j], 1e-9);
    }
    value += pow(y[0] + 2 * y[1], 4) / N;
  }
  CHECK_NEAR(r.value, value, 1e-9); /* the report is of what everybody sees afterwards */
  CHECK(r.printed[1][0] == 0);

  /* without batches the running means are those of all rows where the fit ended */
  r =
      run("data x[n, 2]\nparam w = 2\ny = batch_norm(w * x)\nminimize mean(i: (y[i, 0] + 2 * y[i, 1] - 3)^2)\n"
          "fit by lbfgs(steps = 5, tolerance = 0.5)\nprint y\n",
          1, 1);
  double w = r.param[0][0];
  for (int j = 0; j < 2; j++) {
    double m = 0, v = 0;
    for (int i = 0; i < N; i++) m += w * x[i][j] / N;
    for (int i = 0; i < N; i++) v += pow(w * x[i][j] - m, 2) / (N - 1);
    CHECK_NEAR(r.param[1][j], m, 1e-12);
    CHECK_NEAR(r.param[2][j], v, 1e-12);
  }
}

/* ---- draws ---- */
/* w -= rate dE/dw with E = w^2 (share kept) / (1 - p)^2: the share of what a step kept, from what it did to w */
static double kept(double before, double after, double rate, double p) {
  return (before - after) / rate / (2 * before) * (1 - p) * (1 - p);
}
#define DROPOUT(steps)                                                                  \
  "data x[n, 2]\nparam w = 1\ny = dropout(w * ones(n, 400), 0.3)\nminimize mean(y^2)\n" \
  "fit by sgd(rate = 0.01, steps = " #steps ")\nprint mean(y^2), w\n"
static void dropout(void) {
  double w1 = run(DROPOUT(1), 1, 1).param[0][0], w2 = run(DROPOUT(2), 1, 1).param[0][0];
  double other = run(DROPOUT(1), 2, 1).param[0][0], sd = sqrt(0.3 * 0.7 / (400 * N));
  double first = kept(1, w1, 0.01, 0.3), second = kept(w1, w2, 0.01, 0.3);
  CHECK(fabs(first - 0.7) < 4 * sd && fabs(second - 0.7) < 4 * sd);
  CHECK(first != second && w1 != other); /* every step draws anew, and every seed */
  CHECK(run(DROPOUT(2), 1, 2).param[0][0] == w2);
  result r = run(DROPOUT(2), 1, 1);
  CHECK_NEAR(r.printed[0][0], w2 * w2, 1e-14); /* nothing is dropped outside of the fit */

  /* rows draw for themselves: with one number a row, the loss of a step is that of a share of rows */
  const char *text =
      "data x[n, 2]\nparam w = 1\ny = dropout(batch_norm(dense(x, 3)) + w, 0.5)\n"
      "minimize mean(i: sum(j: y[i, j]^2))\nfit by adam(batch = 3, epochs = 6)\nprint w\n";
  result whole = run(text, 5, 1), part = resumable(text, 5, 1, saved, NULL), rest = resumable(text, 5, 1, NULL, saved);
  CHECK(whole.status == CX_OK && part.status == CX_E_INTERRUPT && rest.status == CX_OK);
  CHECK(memcmp(whole.param, part.param, sizeof whole.param));
  CHECK(!memcmp(whole.param, rest.param, sizeof whole.param)); /* to the last bit */

  r =
      run("u = random_uniform(2, 4, 50, 100)\nv = random_uniform(2, 4, 50, 100)\nz = random_normal(1, 3, 50, 100)\n"
          "s[i in 0..49] = random_uniform(0, 1)\nt[i in 0..49] = random_uniform(0, 1, 2)\n"
          "print mean(u), variance(u), mean(z), variance(z)\n"
          "print mean(i, j: (u[i, j] - 3) * (v[i, j] - 3)), mean(i, j: (u[i, j] - 3) * (u[i, j + 1] - 3))\n"
          "print sum(i, j: if s[i] == s[j] then 1 else 0), sum(i, j: if t[i, 0] == t[j, 1] then 1 else 0)\n",
          7, 1);
  CHECK(r.status == CX_OK);
  CHECK(fabs(r.printed[0][0] - 3) < 4 * sqrt(1. / 3 / 5000) &&
        fabs(r.printed[1][0] - 1. / 3) < 4 * sqrt(4. / 45 / 5000));
  CHECK(fabs(r.printed[2][0] - 1) < 4 * 3 / sqrt(5000) && fabs(r.printed[3][0] - 9) < 4 * 9 * sqrt(2. / 5000));
  CHECK(fabs(r.printed[4][0]) < 4. / 3 / sqrt(5000) && fabs(r.printed[5][0]) < 4. / 3 / sqrt(4950));
  CHECK(r.printed[6][0] == 50 && r.printed[7][0] == 0);
}

int main(void) {
  if (close(mkstemps(file, 4)) || close(mkstemps(saved, 5))) return 1;
  batch_norm();
  dropout();
  unlink(file);
  unlink(saved);
  return CHECK_DONE();
}
