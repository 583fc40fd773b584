/* first.c - what all first-order methods share: the rows of a batch, clipping, the update, the end of an epoch with
 * validation and early stopping. The update itself is text in lib/optim.calx, the rate's schedule in schedule.c.
 *
 * One step, with the rows R of this step (all of them without batches):
 *   f, g = objective and gradient over R;  g = max(-clip_value, min(clip_value, g));
 *   g *= min(1, clip / (|g| + 1e-6));  x, states = update(x, g, states)
 * With `accumulate`, R are several batches, one after the other; f and g are their means, weighted by their rows.
 * Each epoch visits every training row once in a new order, which is a function of (seed, epoch) alone; the last
 * batch of an epoch holds what is left, as torch's DataLoader does with drop_last = False. */
#include "solve/solver.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STREAM_SPLIT = 0, STREAM_EPOCH = 1 }; /* epoch e shuffles by stream STREAM_EPOCH + e */

typedef struct {
  cx_update update;
  void *finite;              /* x before a step that may have led out of the numbers */
  bool risky;                /* the last one was one */
  void *g, *state[4], *part; /* part: gradient of a batch, where several make a step */
  int64_t batch, rows_of_step, ntrain, nvalid;
  int32_t *rows;       /* training rows, then validation rows; NULL: all rows, through p->gradient */
  int32_t *order;      /* this epoch's order of the training rows */
  int64_t order_epoch; /* which epoch `order` belongs to, -1: none */
} first;

int64_t cx_steps_per_epoch(const cx_solver *s) {
  const first *m = s->m;
  return m->batch ? (m->ntrain + m->rows_of_step - 1) / m->rows_of_step : 1;
}
int64_t cx_rows_per_step(const cx_solver *s) { return ((const first *)s->m)->rows_of_step; }

static size_t bytes_of(const cx_problem *p) { return (size_t)p->n * (p->single ? sizeof(float) : sizeof(double)); }

/* ---- making ---- */
static void choose_rows(cx_solver *s, first *m) {
  cx_problem *p = s->p;
  double fraction = s->opt.num[O_validation];
  bool batches = s->opt.given[O_batch];
  if (s->opt.num[O_accumulate] > 1 && !batches) {
    int d = cx_error(s->ctx, s->opt.span[O_accumulate], "'accumulate' adds up batches, and there are none");
    cx_diag_help(s->ctx, d, "say how many rows one has: batch = 64");
    return;
  }
  m->ntrain = p->rows > 0 ? p->rows : 1; /* without batches an epoch is a step */
  if (!batches && !(fraction > 0)) return;
  int k = batches ? O_batch : O_validation;
  if (p->rows <= 0 || !p->batch || (fraction > 0 && !p->validation)) {
    int d = cx_error(s->ctx, s->opt.span[k], "'%s' needs an objective that is a mean or sum over the rows of the data",
                     cx_option_rows[k].name);
    cx_diag_help(s->ctx, d, "write the objective as mean(i: ...) with data[i] inside, or leave the option out");
    return;
  }
  if (p->rows > INT32_MAX) {
    cx_error(s->ctx, s->opt.span[k], "%lld rows are too many to shuffle: at most 2147483647", (long long)p->rows);
    return;
  }
  m->nvalid = (int64_t)floor(fraction * (double)p->rows + 0.5);
  m->ntrain = p->rows - m->nvalid;
  if (m->ntrain < 1 || (fraction > 0 && m->nvalid < 1)) {
    cx_error(s->ctx, s->opt.span[O_validation], "'validation' leaves no row %s of %lld",
             m->ntrain < 1 ? "to train on" : "to validate with", (long long)p->rows);
    return;
  }
  m->rows = CX_NEW_N(s->arena, int32_t, p->rows);
  for (int64_t i = 0; i < p->rows; i++) m->rows[i] = (int32_t)i;
  if (m->nvalid) {
    cx_rng r = cx_rng_new((uint64_t)s->opt.num[O_seed], STREAM_SPLIT);
    cx_rng_shuffle(&r, m->rows, p->rows);
  }
  if (batches) {
    m->batch = (int64_t)fmin(s->opt.num[O_batch], (double)m->ntrain);
    if (s->opt.num[O_batch] > (double)m->ntrain) {
      int d = cx_diag(s->ctx, CX_WARNING, CX_OK, s->opt.span[O_batch],
                      "a batch of %.0f rows is larger than the %lld to train on", s->opt.num[O_batch],
                      (long long)m->ntrain);
      cx_diag_help(s->ctx, d, "each step takes all of them: batch = %lld says so, and fewer make more steps an epoch",
                   (long long)m->ntrain);
    }
    m->rows_of_step = (int64_t)fmin((double)m->batch * s->opt.num[O_accumulate], (double)m->ntrain);
    m->order = CX_NEW_N(s->arena, int32_t, m->ntrain);
  }
}

void cx_first_begin(cx_solver *s) {
  cx_problem *p = s->p;
  const cx_options *o = &s->opt;
  first *m = s->m = CX_NEW(s->arena, first);
  m->order_epoch = -1;
  choose_rows(s, m);
  if (!m->batch && !m->nvalid && !p->gradient && p->batch) { /* the caller only gives batches */
    m->rows = CX_NEW_N(s->arena, int32_t, p->rows);
    for (int64_t i = 0; i < p->rows; i++) m->rows[i] = (int32_t)i;
  }
  if (p->prepare && m->batch &&
      cx_error_count(s->ctx) == 0) { /* all sizes that there will be: memory that is not there */
    int64_t rest = m->ntrain % m->rows_of_step, last = rest % m->batch; /* is missed before the first step */
    p->prepare(p->user, m->batch, true);
    if (last) p->prepare(p->user, last, true);
    if (m->nvalid) p->prepare(p->user, m->nvalid, false);
    p->prepare(p->user, m->nvalid ? m->ntrain : 0, o->given[O_tolerance]); /* the report at the end */
  }
  const char *name = s->method->update(o);
  m->update = p->update(p->user, s->arena, name, s->method->state);
  if (!m->update.run) {
    cx_error(s->ctx, s->span, "the update of %s could not be compiled", s->method->name);
    return;
  }
  size_t bytes = bytes_of(p);
  m->g = cx_alloc(s->arena, bytes);
  if (m->rows_of_step > m->batch) m->part = cx_alloc(s->arena, bytes);
  for (int k = 0; k < 3 && s->method->state[k]; k++) cx_keep_at(s, s->method->state[k], &m->state[k], bytes);
  if (m->batch || m->nvalid) {
    s->width[BY_EPOCH] = 1 + p->nmetric + (m->nvalid ? 1 + p->nmetric : 0);
    s->trace[BY_EPOCH] = cx_keep(s, "epochs", CX_TRACE * (size_t)s->width[BY_EPOCH] * sizeof(double));
  }
  if (!isnan(o->num[O_patience])) s->best = cx_keep(s, "best", bytes);

  double steps = o->num[O_steps], epochs = o->num[O_epochs] * (double)cx_steps_per_epoch(s);
  s->budget_given = o->given[O_steps] || o->given[O_epochs];
  if (isnan(epochs) && isnan(steps)) {
    if (m->batch) epochs = 10 * (double)cx_steps_per_epoch(s);
    else steps = s->method->bit == M_GRADIENT_DESCENT ? 10000 : 1000;
  }
  s->budget = (int64_t)fmin(fmin(steps, epochs), 9e15); /* fmin passes over a NaN */
}

/* ---- arithmetic in the problem's precision ---- */
/* Sum of squares; only finite when every element is (or too large to square). */
static double sum_squares(const void *v, int64_t n, bool single) {
  typedef float quad __attribute__((vector_size(16)));
  if (!single) return cx_dot(v, v, n);
  const float *x = v;
  double total = 0;
  for (int64_t lo = 0; lo < n; lo += 4096) { /* blocks of floats, summed in double */
    int64_t hi = lo + 4096 < n ? lo + 4096 : n, i = lo;
    quad a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, u[4];
    float rest = 0;
    for (; i + 16 <= hi; i += 16) {
      memcpy(u, x + i, sizeof u);
      a0 += u[0] * u[0], a1 += u[1] * u[1], a2 += u[2] * u[2], a3 += u[3] * u[3];
    }
    for (; i < hi; i++) rest += x[i] * x[i];
    a0 = (a0 + a2) + (a1 + a3);
    total += (double)((a0[0] + a0[2]) + (a0[1] + a0[3])) + (double)rest;
  }
  return total;
}

static bool all_finite(const void *v, int64_t n, bool single) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(cx_real_at(v, i, single))) return false;
  return true;
}

static void scale(void *v, int64_t n, bool single, double c) {
  if (single)
    for (int64_t i = 0; i < n; i++) ((float *)v)[i] *= (float)c;
  else
    for (int64_t i = 0; i < n; i++) ((double *)v)[i] *= c;
}

/* g += c part */
static void add(void *g, const void *part, int64_t n, bool single, double c) {
  if (single)
    for (int64_t i = 0; i < n; i++) ((float *)g)[i] += (float)c * ((const float *)part)[i];
  else
    for (int64_t i = 0; i < n; i++) ((double *)g)[i] += c * ((const double *)part)[i];
}

static void cut(void *v, int64_t n, bool single, double most) { /* torch.nn.utils.clip_grad_value_ */
  if (single)
    for (int64_t i = 0; i < n; i++) ((float *)v)[i] = fminf(fmaxf(((float *)v)[i], -(float)most), (float)most);
  else
    for (int64_t i = 0; i < n; i++) ((double *)v)[i] = fmin(fmax(((double *)v)[i], -most), most);
}

/* max-norm and relative gradient, as cx_gradient_size, in either precision */
static void gradient_size(cx_solver *s, const void *x, const void *g) {
  bool single = s->p->single;
  double m = 0, r = 0;
  for (int64_t i = 0; i < s->p->n; i++) {
    double v = fabs(cx_real_at(g, i, single));
    if (v > m || isnan(v)) m = v; /* a NaN stays */
    v *= fmax(1, fabs(cx_real_at(x, i, single)));
    if (v > r || isnan(v)) r = v;
  }
  s->k->gmax = m;
  s->k->relgrad = r / fmax(1, fabs(s->k->f));
}

/* ---- a step ---- */
static bool broken(cx_solver *s) {
  const char *why = s->p->why ? s->p->why : "the objective could not be evaluated";
  cx_finish(s, CX_E_RUNTIME, false, "%s", why);
  cx_diag(s->ctx, CX_ERROR, CX_E_RUNTIME, s->span, "%s stopped at step %lld: %s", s->method->name,
          (long long)s->k->step + 1, why);
  return false;
}

static int whole_gradient(cx_solver *s, first *m, const void *x, double *f, void *g) {
  s->k->evals++;
  s->p->step = s->k->step;
  if (m->rows && (m->nvalid || !s->p->gradient)) return s->p->batch(s->p->user, m->rows, m->ntrain, x, f, g);
  return s->p->gradient(s->p->user, x, f, g);
}

static const int32_t *next_rows(cx_solver *s, first *m, int64_t *n) {
  if (m->order_epoch != s->k->epoch) {
    memcpy(m->order, m->rows, (size_t)m->ntrain * sizeof *m->order);
    cx_rng r = cx_rng_new((uint64_t)s->opt.num[O_seed], STREAM_EPOCH + (uint64_t)s->k->epoch);
    cx_rng_shuffle(&r, m->order, m->ntrain);
    m->order_epoch = s->k->epoch;
  }
  *n = m->ntrain - s->k->at < m->rows_of_step ? m->ntrain - s->k->at : m->rows_of_step;
  return m->order + s->k->at;
}

/* objective and gradient of the rows of a step, a batch after the other */
static int of_batches(cx_solver *s, first *m, const int32_t *row, int64_t nrow, double *f) {
  cx_problem *p = s->p;
  p->step = s->k->step;
  double sum = 0;
  for (int64_t at = 0, n; at < nrow; at += n) {
    n = nrow - at < m->batch ? nrow - at : m->batch;
    double part, share = (double)n / (double)nrow;
    if (at && p->follow) p->follow(p->user, s->x); /* running means follow every batch */
    s->k->evals++;
    if (p->batch(p->user, row + at, n, s->x, &part, at ? m->part : m->g)) return 1;
    if (at) add(m->g, m->part, p->n, p->single, share);
    else if (n < nrow) scale(m->g, p->n, p->single, share);
    sum += share * part;
    for (int j = 0; j < p->nmetric; j++) s->k->metric_sum[j] += p->metric[j] * (double)n;
  }
  *f = sum;
  return 0;
}

/* of a small gradient, or one that does not get small: is there no optimum to be found? */
static bool at_infinity(cx_solver *s, const first *m, const void *x) {
  cx_arena *a = cx_arena_new(s->ctx);
  double *xd = CX_NEW_N(a, double, s->p->n), *gd = CX_NEW_N(a, double, s->p->n);
  for (int64_t i = 0; i < s->p->n; i++)
    xd[i] = cx_real_at(x, i, s->p->single), gd[i] = cx_real_at(m->g, i, s->p->single);
  bool yes = cx_at_rest(s, xd, s->k->f, gd, NULL) == CX_INFINITE;
  cx_arena_free(a);
  return yes;
}

/* by batches: the objective alone over all rows to train on */
static int whole_value(cx_solver *s, first *m, const void *x, double *f) {
  cx_problem *p = s->p;
  s->k->evals++;
  s->k->gmax = s->k->relgrad = NAN;
  return m->nvalid ? p->validation(p->user, m->rows, m->ntrain, x, f) : p->value(p->user, x, f);
}

/* metrics of rows that have just been evaluated */
static void measured(const cx_solver *s, double *to) {
  if (s->p->nmetric) memcpy(to, s->p->metric, (size_t)s->p->nmetric * sizeof *to);
}

static int validate(cx_solver *s, const first *m) {
  if (s->p->validation(s->p->user, m->rows + m->ntrain, m->nvalid, s->x, &s->k->validation)) return 1;
  measured(s, s->k->validated);
  return 0;
}

/* Objective, and gradient unless by batches, of what is given back, for the report: the best where there is one.
 * reason NULL: the steps are used up, and the gradient over all rows says whether it is small enough. */
static bool end(cx_solver *s, first *m, bool converged, const char *reason) {
  char buf[CX_REASON];
  cx_core *k = s->k;
  const void *x = s->best && isfinite(k->best) ? s->best : s->x;
  s->p->why = NULL;
  if (m->nvalid && k->at && x == s->x && validate(s, m)) return broken(s); /* in the middle of an epoch */
  bool alone = m->batch && !s->opt.given[O_tolerance] && (m->nvalid ? s->p->validation != NULL : s->p->value != NULL);
  if (alone ? whole_value(s, m, x, &k->f) : whole_gradient(s, m, x, &k->f, m->g)) return broken(s);
  if (alone) measured(s, k->metric);
  if (alone && isfinite(k->f)) {
    cx_finish(s, converged ? CX_OK : CX_E_CONVERGENCE, converged, "%s", reason);
    return false;
  }
  if (alone && whole_gradient(s, m, x, &k->f, m->g)) return broken(s);
  if (!isfinite(k->f) || !all_finite(m->g, s->p->n, s->p->single)) return cx_diverged(s, k->f, x, m->g, false), false;
  gradient_size(s, x, m->g);
  double f = k->f;
  if (s->p->nmetric && s->p->value) {
    if (whole_value(s, m, x, &f)) return broken(s);
    measured(s, k->metric);
    gradient_size(s, x, m->g);
    s->k->evals--;
  }
  if (!reason) {
    converged = k->relgrad <= s->tol;
    snprintf(buf, sizeof buf,
             converged ? "finished at step %lld, the relative gradient is %.3g"
                       : "at step %lld the relative gradient is still %.3g: raise steps",
             (long long)k->step, k->relgrad);
    reason = buf;
  }
  if ((!converged || k->relgrad <= s->tol) && !m->rows && at_infinity(s, m, x)) return false;
  cx_finish(s, converged ? CX_OK : CX_E_CONVERGENCE, converged, "%s", reason);
  return false;
}

/* false: patience is at its end */
static bool end_epoch(cx_solver *s, first *m, bool *failed) {
  cx_core *k = s->k;
  k->epoch++;
  k->at = 0;
  k->epoch_mean = k->epoch_sum / (double)m->ntrain;
  k->epoch_sum = 0;
  int nmetric = s->p->nmetric;
  for (int j = 0; j < nmetric && m->batch; j++)
    k->metric[j] = k->metric_sum[j] / (double)m->ntrain, k->metric_sum[j] = 0;
  if (m->nvalid && validate(s, m)) *failed = true;
  if (s->trace[BY_EPOCH]) {
    double row[2 + 2 * CX_METRICS] = {k->epoch_mean};
    memcpy(row + 1, k->metric, (size_t)nmetric * sizeof *row);
    row[1 + nmetric] = k->validation;
    memcpy(row + 2 + nmetric, k->validated, (size_t)nmetric * sizeof *row);
    cx_trace(s, BY_EPOCH, row);
  }
  if (*failed || !s->best) return true;
  double judged = m->nvalid ? k->validation : k->epoch_mean;
  if (judged < k->best) {
    k->best = judged, k->best_validation = k->validation, k->bad = 0;
    memcpy(k->best_validated, k->validated, sizeof k->validated);
    memcpy(s->best, s->x, (size_t)s->p->n * (s->p->single ? sizeof(float) : sizeof(double)));
    return true;
  }
  return (double)++k->bad < s->opt.num[O_patience];
}

bool cx_first_step(cx_solver *s) {
  cx_core *k = s->k;
  first *m = s->m;
  cx_problem *p = s->p;
  const cx_options *o = &s->opt;
  char buf[CX_REASON];
  if (s->budget && k->step >= s->budget) { /* also after a resume with fewer steps */
    bool missed = s->tol > 0 && (o->given[O_tolerance] || !s->budget_given);
    snprintf(buf, sizeof buf, "finished at step %lld", (long long)k->step);
    k->out_of_steps = 1;
    return end(s, m, !missed, missed ? NULL : buf);
  }
  int64_t nrow = m->ntrain;
  double f = NAN;
  int bad;
  p->why = NULL;
  if (m->batch) {
    const int32_t *row = next_rows(s, m, &nrow);
    bad = of_batches(s, m, row, nrow, &f);
  } else {
    bad = whole_gradient(s, m, s->x, &f, m->g);
  }
  if (bad) return broken(s);
  double norm = sqrt(sum_squares(m->g, p->n, p->single));
  if (!isfinite(f) || (!isfinite(norm) && !all_finite(m->g, p->n, p->single))) {
    cx_diverged(s, f, s->x, m->g, false);
    if (m->risky && !all_finite(s->x, p->n, p->single)) memcpy(s->x, m->finite, bytes_of(p));
    return false;
  }
  k->f = f;
  cx_trace(s, BY_STEP, &f);
  if (!m->batch && s->tol > 0) {
    gradient_size(s, s->x, m->g);
    if (k->relgrad <= s->tol) return end(s, m, true, "the gradient is below the tolerance");
  }
  if (!isnan(o->num[O_clip_value])) {
    cut(m->g, p->n, p->single, o->num[O_clip_value]);
    norm = sqrt(sum_squares(m->g, p->n, p->single));
  }
  if (!isnan(o->num[O_clip])) { /* torch.nn.utils.clip_grad_norm_ */
    if (!isfinite(norm)) {      /* squares overflowed: scale by the largest first */
      gradient_size(s, s->x, m->g);
      scale(m->g, p->n, p->single, 1 / k->gmax);
      norm = sqrt(sum_squares(m->g, p->n, p->single));
      scale(m->g, p->n, p->single, o->num[O_clip] / norm);
    } else if (o->num[O_clip] < norm + 1e-6) {
      scale(m->g, p->n, p->single, o->num[O_clip] / (norm + 1e-6));
    }
  }
  double scalar[CX_S_COUNT] = {[CX_S_t] = (double)(k->step + 1),
                               [CX_S_rate] = cx_rate(s, k->step + 1),
                               [CX_S_weight_decay] = o->num[O_weight_decay],
                               [CX_S_momentum] = o->num[O_momentum],
                               [CX_S_beta1] = o->num[O_beta1],
                               [CX_S_beta2] = o->num[O_beta2],
                               [CX_S_epsilon] = o->num[O_epsilon]};
  /* no step but one so large, or one divided by 0, makes numbers of a finite gradient that are none */
  m->risky = !(norm < (p->single ? 1e15 : 1e140)) || o->num[O_epsilon] == 0;
  if (m->risky && !m->finite) m->finite = cx_alloc(s->arena, bytes_of(p));
  if (m->risky) memcpy(m->finite, s->x, bytes_of(p));
  if (m->update.run(m->update.user, &s->x, m->g, m->state, scalar, &p->why)) return broken(s);
  if (m->batch && p->follow) p->follow(p->user, s->x);
  k->step++;
  k->at += nrow;
  k->epoch_sum += f * (double)nrow;
  if (k->at < m->ntrain) return true;
  bool failed = false;
  if (end_epoch(s, m, &failed)) return failed ? broken(s) : true;
  snprintf(buf, sizeof buf, "no better %s for %lld epochs; the parameters of the best epoch were kept",
           m->nvalid ? "validation" : "epoch", (long long)k->bad);
  return end(s, m, true, buf);
}
