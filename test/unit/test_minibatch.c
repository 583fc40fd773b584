/* Minibatches against arithmetic done by hand: SGD over the same shuffled rows, with a short last batch. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "run/rng.h"
#include "run/session.h"

enum { N = 7, BATCH = 3, EPOCHS = 2, SEED = 3 };
static const double x[N] = {0, 1, 2, 3, 4, 5, 6}, y[N] = {1, 3, 2, 5, 4, 8, 7};
static const double rate = 0.001;
static char file[] = "/tmp/calx-batch-XXXXXX.csv";

/* the terms t(i) of sum over i of (y - a (x - shift) - b)^2, its gradient, and a penalty 0.3 (a^2 + b^2) */
typedef struct {
  double a, b, value, trace[EPOCHS];
} result;

static double term(const double *p, int i, double shift, double *g) {
  double r = y[i] - p[0] * (x[i] - shift) - p[1];
  g[0] += -2 * r * (x[i] - shift);
  g[1] += -2 * r;
  return r * r;
}

/* whole: what the terms of n rows are multiplied by, whole / n: N for a sum over the data, 1 for a mean */
static result by_hand(double whole, double shift, int nvalid) {
  int32_t rows[N];
  double p[2] = {0.5, 0.1};
  result r = {0};
  for (int i = 0; i < N; i++) rows[i] = i;
  if (nvalid) {
    cx_rng split = cx_rng_new(SEED, 0);
    cx_rng_shuffle(&split, rows, N);
  }
  int n = N - nvalid;
  for (int e = 0; e < EPOCHS; e++) {
    int32_t order[N];
    memcpy(order, rows, sizeof order);
    cx_rng rng = cx_rng_new(SEED, 1 + (uint64_t)e);
    cx_rng_shuffle(&rng, order, n);
    double sum = 0;
    for (int at = 0; at < n; at += BATCH) {
      int m = n - at < BATCH ? n - at : BATCH;
      double g[2] = {0}, f = 0;
      for (int k = 0; k < m; k++) f += term(p, order[at + k], shift, g);
      f = f * whole / m + 0.3 * (p[0] * p[0] + p[1] * p[1]);
      for (int j = 0; j < 2; j++) g[j] = g[j] * whole / m + 0.6 * p[j];
      for (int j = 0; j < 2; j++) p[j] -= rate * g[j];
      sum += f * m;
    }
    r.trace[e] = sum / n;
  }
  double g[2] = {0}, f = 0;
  for (int k = 0; k < n; k++) f += term(p, rows[k], shift, g);
  r.value = f * whole / n + 0.3 * (p[0] * p[0] + p[1] * p[1]);
  r.a = p[0], r.b = p[1];
  return r;
}

/* ---- metrics: each is that of the rows at hand, whatever becomes of its sums ---- */
enum { METRICS = 5, KEPT = 2 };
static void metrics_of(const double *p, const int32_t *row, int n, double *m) {
  double e = 0, s = 0, q = 0, wins = 0, one = 0, mean = 0, ranked = 0;
  for (int k = 0; k < n; k++) {
    double r = y[row[k]] - p[0] * x[row[k]] - p[1];
    e += fabs(r) / n, s += r * r, q += y[row[k]] * y[row[k]], one += y[row[k]] > 3, mean += y[row[k]] / n;
    for (int j = 0; j < n; j++)
      wins += y[row[k]] > 3 && !(y[row[j]] > 3) && p[0] * sin(x[row[k]]) > p[0] * sin(x[row[j]]);
    double rank = 1; /* of p[0] * floor(x), equals share theirs */
    for (int j = 0; j < n; j++) {
      double d = p[0] * (floor(x[row[k]]) - floor(x[row[j]]));
      rank += j == k ? 0 : d > 0 ? 1 : d == 0 ? 0.5 : 0;
    }
    ranked += rank * y[row[k]] / n;
  }
  m[0] = e, m[1] = s / q, m[2] = wins / fmax(1, one * (n - one)), m[3] = sqrt(mean), m[4] = ranked;
}
typedef struct {
  int64_t n;
  double metric[METRICS], validated[METRICS], history[EPOCHS][2 * METRICS + 1];
} watched;
static void watch(void *user, const cx_event *e) {
  watched *w = user;
  if (e->kind != EV_FIT_END) return;
  CHECK(e->fit->nmetric == METRICS && e->fit->ncolumn == 2 * METRICS + 1 && e->fit->ntrace == EPOCHS);
  CHECK_STR(e->metric[3].text, "sqrt(mean(y))");
  memcpy(w->metric, e->fit->metric, sizeof w->metric);
  memcpy(w->validated, e->fit->validated, sizeof w->validated);
  memcpy(w->history, e->fit->history, sizeof w->history);
}
static void metrics(void) {
  char text[1000];
  snprintf(
      text, sizeof text,
      "data x[n], y[n]\nparam a = 0.5, b = 0.1\nr[i] = y[i] - a * x[i] - b\nminimize mean(i: r[i]^2)\n"
      "wins(s[m], l[m]) = sum(i, j: if l[i] and not l[j] and s[i] > s[j] then 1 else 0)\n"
      "fit by sgd(rate = 0.001, batch = 3, epochs = 2, seed = 3, validation = 0.3, metric = [mean(abs(r)), "
      "sum(i: r[i]^2) / sum(i: y[i]^2), wins(a * sin(x), y > 3) / max(1, sum(y > 3) * sum(y <= 3)), sqrt(mean(y)), mean(i: ranks(a * floor(x))[i] * y[i])])\n");
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  watched w = {0};
  cx_session_opt opt = {.threads = 1, .event = watch, .user = &w};
  const char *arg[] = {file};
  CHECK(cx_session_run(c, cx_source_add(c, "metric.calx", text, strlen(text)), arg, 1, &opt) == CX_OK);
  if (cx_diag_count(c)) fprintf(stderr, "%s\n", cx_diag_get(c, 0).message);
  cx_ctx_free(c);
  int32_t rows[N], order[N];
  for (int i = 0; i < N; i++) rows[i] = i;
  cx_rng split = cx_rng_new(SEED, 0);
  cx_rng_shuffle(&split, rows, N);
  double p[2] = {0.5, 0.1}, m[METRICS], whole[METRICS];
  for (int e = 0; e < EPOCHS; e++) {
    memcpy(order, rows, sizeof order);
    cx_rng rng = cx_rng_new(SEED, 1 + (uint64_t)e);
    cx_rng_shuffle(&rng, order, N - KEPT);
    double mean[METRICS] = {0};
    for (int at = 0; at < N - KEPT; at += BATCH) {
      int n = N - KEPT - at < BATCH ? N - KEPT - at : BATCH;
      double g[2] = {0};
      for (int k = 0; k < n; k++) term(p, order[at + k], 0, g);
      metrics_of(p, order + at, n, m);
      for (int j = 0; j < METRICS; j++) mean[j] += m[j] * n / (N - KEPT);
      for (int j = 0; j < 2; j++) p[j] -= rate * g[j] / n;
    }
    metrics_of(p, rows + N - KEPT, KEPT, m);
    for (int j = 0; j < METRICS; j++) {
      CHECK_NEAR(w.history[e][j], mean[j], 1e-12);
      CHECK_NEAR(w.history[e][METRICS + 1 + j], m[j], 1e-12);
    }
  }
  metrics_of(p, rows, N - KEPT, whole);
  for (int j = 0; j < METRICS; j++) {
    CHECK_NEAR(w.metric[j], whole[j], 1e-12);
    CHECK_NEAR(w.validated[j], m[j], 1e-12);
  }
}

static void event(void *user, const cx_event *e) {
  result *r = user;
  if (e->kind != EV_FIT_END) return;
  r->value = e->fit->value;
  CHECK(e->fit->ntrace == EPOCHS);
  memcpy(r->trace, e->fit->trace, sizeof r->trace);
  r->a = cx_array_get(&e->param[0].value, NULL);
  r->b = cx_array_get(&e->param[1].value, NULL);
}

static cx_status fit(const char *objective, const char *options, result *r, char *message, size_t size) {
  char text[600];
  snprintf(text, sizeof text,
           "data x[n], y[n]\nparam a = 0.5, b = 0.1\n%s\nfit by sgd(rate = 0.001, batch = 3, epochs = 2, seed = 3%s)\n",
           objective, options);
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_session_opt opt = {.threads = 1, .event = event, .user = r};
  const char *arg[] = {file};
  cx_status s = cx_session_run(c, cx_source_add(c, "batch.calx", text, strlen(text)), arg, 1, &opt);
  snprintf(message, size, "%s", cx_diag_count(c) ? cx_diag_get(c, 0).message : "");
  cx_ctx_free(c);
  return s;
}

static void same(const char *objective, const char *options, double whole, double shift, int nvalid) {
  result got = {0}, want = by_hand(whole, shift, nvalid);
  char message[300];
  CHECK(fit(objective, options, &got, message, sizeof message) == CX_OK);
  CHECK_STR(message, "");
  CHECK_NEAR(got.a, want.a, 1e-13);
  CHECK_NEAR(got.b, want.b, 1e-13);
  CHECK_NEAR(got.value, want.value, 1e-12);
  for (int e = 0; e < EPOCHS; e++) CHECK_NEAR(got.trace[e], want.trace[e], 1e-12);
}

int main(void) {
  int fd = mkstemps(file, 4);
  FILE *f = fdopen(fd, "w");
  CHECK(f != NULL);
  fputs("x,y\n", f);
  for (int k = 0; k < N; k++) fprintf(f, "%g,%g\n", x[k], y[k]);
  fclose(f);
  /* ways to write one sum over the rows, each with a penalty that is no part of it */
  static const char *const sums[] = {
      "minimize sum(i: (y[i] - a * x[i] - b)^2) + 0.3 * (a^2 + b^2)",
      "minimize sum((y - a * x - b)^2) + 0.3 * l2(params)",
      "maximize -sum(i in 0..n-1: (y[i] - a * x[i] - b)^2) - 0.3 * (a^2 + b^2)",
      "minimize rows(x) * mean(i: (y[i] - a * x[i] - b)^2) + 0.3 * (a^2 + b^2)",
      "minimize n * mse(y, a * x + b)\nminimize 0.3 * (a^2 + b^2)",
      "r[i] = y[i] - a * x[i] - b\ns = sum(i: r[i]^2)\nminimize s + 0.3 * (a^2 + b^2)",
      "e = zeros(n)\nc = [2, 1]\nq[k] = sum(i: c[k] * (y[i] - a * x[i] - b + e[i])^2)\nminimize sum(k: q[k]) / 3 + 0.3 * (a^2 + b^2)",
      "minimize (if a < 9 then sum(i: (y[i] - a * x[i] - b)^2) else sum(y)) + 0.1 * (a^2 + b^2) * sum(x) / 7"};
  for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) {
    bool sign = sums[k][0] == 'm' && sums[k][1] == 'a'; /* reports of `maximize` change their sign */
    if (!sign) same(sums[k], "", N, 0, 0);
    result got, want = by_hand(N, 0, 0);
    char message[300];
    if (sign) {
      CHECK(fit(sums[k], "", &got, message, sizeof message) == CX_OK);
      CHECK_NEAR(got.a, want.a, 1e-13);
      CHECK_NEAR(got.value, -want.value, 1e-12);
    }
  }
  /* a mean is one on the short batch too; what data alone say is said by all of them */
  same("minimize mean(i: (y[i] - a * x[i] - b)^2) + 0.3 * (a^2 + b^2)", "", 1, 0, 0);
  same("m = mean(x)\nz[i] = x[i] - m\nminimize mean(i: (y[i] - a * z[i] - b)^2) + 0.3 * (a^2 + b^2)", "", 1, 3, 0);
  same("minimize mean(i: (y[i] - a * (x[i] - mean(x)) - b)^2) + 0.3 * (a^2 + b^2)", "", 1, 3, 0);
  same("p[0] = 0\np[i in 1..n-1] = p[i-1] + 1\nminimize mean(i: (y[i] - a * p[i] - b)^2) + 0.3 * (a^2 + b^2)", "", 1, 0,
       0);
  /* rows kept back are not trained on, nor counted in what is reported */
  same("minimize mean(i: (y[i] - a * x[i] - b)^2) + 0.3 * (a^2 + b^2)", ", validation = 0.3", 1, 0, 2);
  same("minimize sum(i: (y[i] - a * x[i] - b)^2) + 0.3 * (a^2 + b^2)", ", validation = 0.3", N, 0, 2);
  metrics();
  /* a batch tells nothing of the root of a sum */
  result r;
  char message[300];
  CHECK(fit("minimize sqrt(mean(i: (y[i] - a * x[i] - b)^2))", "", &r, message, sizeof message) == CX_E_PROGRAM);
  CHECK_STR(message, "batches need an objective that is a mean or sum over the rows `n` of the data");
  unlink(file);
  return CHECK_DONE();
}
