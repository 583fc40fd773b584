/* schedule.c - how the rate of a first-order method changes from step to step: one row a schedule, its formula in the
 * function before. k counts steps from 0 behind the warm-up, total is how many there will be, epoch how many make one
 * (1 without batches). They are torch.optim.lr_scheduler's, stepped after every step, or after every epoch where they
 * count epochs. */
#include "solve/solver.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double pi = 3.14159265358979323846;

static double constant(const double *arg, double k, double total, double epoch) {
  return (void)arg, (void)k, (void)total, (void)epoch, 1;
}
/* StepLR: times factor after every so many epochs */
static double step(const double *arg, double k, double total, double epoch) {
  return (void)total, pow(arg[1], floor(k / epoch / arg[0]));
}
/* ExponentialLR: times factor after every epoch */
static double exponential(const double *arg, double k, double total, double epoch) {
  return (void)total, pow(arg[0], floor(k / epoch));
}
/* LinearLR down to `least` of the rate */
static double linear(const double *arg, double k, double total, double epoch) {
  return (void)epoch, 1 - (1 - arg[0]) * fmin(1, k / total);
}
/* CosineAnnealingLR: Loshchilov & Hutter, SGDR (2017), eq. 5, one period */
static double fall(double from, double to, double share) { return to + (from - to) / 2 * (1 + cos(pi * share)); }
static double cosine(const double *arg, double k, double total, double epoch) {
  return (void)epoch, fall(1, arg[0], fmin(1, k / total));
}
/* OneCycleLR: Smith & Topin, "Super-convergence" (2018): from 1 / start up to the rate over a share `rise` of the steps,
 * then down to 1 / (start end), both along a cosine */
static double one_cycle(const double *arg, double k, double total, double epoch) {
  double top = arg[0] * total - 1, last = total - 1;
  (void)epoch;
  if (k <= top) return top > 0 ? fall(1 / arg[1], 1, k / top) : 1;
  return fall(1, 1 / (arg[1] * arg[2]), last > top ? fmin(1, (k - top) / (last - top)) : 1);
}

typedef struct {
  const char *name;
  double def, lo, hi; /* def NaN: it must be given */
  bool whole;
} argument;
struct cx_schedule {
  const char *word;
  double (*factor)(const double *arg, double k, double total, double epoch);
  argument arg[CX_SCHEDULE_ARGS];
};
static const cx_schedule schedules[] = {
    {"constant", constant, {{0}}},
    {"cosine", cosine, {{"least", 0, 0, 1, false}}},
    {"linear", linear, {{"least", 0, 0, 1, false}}},
    {"step", step, {{"every", NAN, 1, 1e15, true}, {"factor", 0.1, 1e-300, 1, false}}},
    {"exponential", exponential, {{"factor", NAN, 1e-300, 1, false}}},
    {"one_cycle",
     one_cycle,
     {{"rise", 0.3, 0, 1, false}, {"start", 25, 1, 1e300, false}, {"end", 1e4, 1, 1e300, false}}},
    {"warmup", NULL, {{"steps", NAN, 0, 1e15, true}}}}; /* the option of this name */

static const char *skip(const char *p) {
  while (isspace((unsigned char)*p)) p++;
  return p;
}
/* how long the name at p is */
static size_t word_at(const char *p) {
  size_t n = 0;
  while (isalnum((unsigned char)p[n]) || p[n] == '_') n++;
  return n;
}

/* word, word(), word(a, b), or word(name = a, name = b) */
bool cx_schedule_read(cx_options *o, const char *text) {
  const char *p = skip(text);
  size_t n = word_at(p);
  const cx_schedule *s = NULL;
  for (size_t k = 0; k < sizeof schedules / sizeof *schedules; k++)
    if (n && strlen(schedules[k].word) == n && !strncmp(schedules[k].word, p, n)) s = &schedules[k];
  if (!s) return false;
  double given[CX_SCHEDULE_ARGS] = {NAN, NAN, NAN};
  int next = 0;
  p = skip(p + n);
  if (*p && *p++ != '(') return false;
  if (p[-1] == '(' && *skip(p) == ')') { /* cosine() */
    p = skip(p) + 1;
    if (*skip(p)) return false;
  }
  while (p[-1] == '(' || p[-1] == ',') {
    int k = next++;
    p = skip(p);
    if (isalpha((unsigned char)*p)) {
      n = word_at(p);
      for (k = 0; k < CX_SCHEDULE_ARGS; k++)
        if (s->arg[k].name && strlen(s->arg[k].name) == n && !strncmp(s->arg[k].name, p, n)) break;
      p = skip(p + n);
      if (k == CX_SCHEDULE_ARGS || *p++ != '=') return false;
    }
    if (k >= CX_SCHEDULE_ARGS || !s->arg[k].name || !isnan(given[k])) return false;
    char *end;
    given[k] = strtod(p, &end);
    if (end == p || isnan(given[k])) return false;
    p = skip(end);
    if (*p != ',' && *p != ')') return false;
    if (*p++ == ')') {
      if (*skip(p)) return false;
      break;
    }
  }
  for (int k = 0; k < CX_SCHEDULE_ARGS && s->arg[k].name; k++) {
    const argument *a = &s->arg[k];
    double v = o->schedule_arg[k] = isnan(given[k]) ? a->def : given[k];
    if (!(v >= a->lo && v <= a->hi) || (a->whole && v != floor(v))) return false;
  }
  if (!s->factor) o->num[O_warmup] = o->schedule_arg[0];
  else o->schedule = s;
  return true;
}

/* the rate of a step, from 1: the warm-up, then the schedule over what is left */
double cx_rate(const cx_solver *s, int64_t step) {
  const cx_options *o = &s->opt;
  double rate = o->num[O_rate], warm = o->num[O_warmup];
  if ((double)step <= warm) return rate * (double)step / warm;
  if (!o->schedule) return rate;
  return rate * o->schedule->factor(o->schedule_arg, (double)(step - 1) - warm, fmax(1, (double)s->budget - warm),
                                    (double)cx_steps_per_epoch(s));
}
