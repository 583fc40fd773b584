/* cubature.c - which method works on an integral, for how long, and when a result may be believed.
 *
 * Every method gets a first look at the integrand; then the one whose error, extrapolated as a power of its nodes,
 * promises to arrive first goes on. The first to arrive is not believed: QUAD_OK needs a second method (or the same one
 * through another map or bend, hence with other nodes) that agrees within the tolerance. */
#include "quad/cubature_int.h"

#include <math.h>
#include <string.h>

enum { METHODS = 10 };

typedef struct {
  cub b;
  cub_scout scout;
  cub_method method[METHODS];
  double before[METHODS]; /* ratio one step earlier, and the nodes then */
  int64_t then[METHODS];
  int n;
  bool varied; /* the integrand is not the same everywhere */
} plan;

static cub_method *new_method(plan *p) {
  cub_method *m = &p->method[p->n++];
  m->value = CX_NEW_N(p->b.arena, double, 5 * p->b.nc);
  m->error = m->value + p->b.nc, m->absolute = m->error + p->b.nc, m->oath = m->absolute + p->b.nc;
  m->goal = 0.5, m->ratio = INFINITY;
  return m;
}

typedef struct {
  const cub_map *map;
  cub_bend bend;
  double error;
} way;

/* How lattices get at the integrand: maps and bends by what a small one leaves of error. A map of several parts costs
 * as many nodes. Returns their number. */
static int ways(plan *p, way *best) {
  int n = 0;
  for (int k = 0; k < p->scout.n; k++)
    for (cub_bend bend = CUB_FLAT; bend <= CUB_S3; bend++) {
      plan t = {.b = p->b};
      cub_method *m = new_method(&t);
      if (!isfinite(p->scout.spread[k])) continue;
      cub_lattice(&t.b, m, &p->scout.map[k], bend, 99);
      m->advance(&t.b, m, 8 << 10);
      p->b.evals = t.b.evals, p->b.nans = t.b.nans, p->b.infs = t.b.infs, p->b.stop = t.b.stop;
      p->varied |= t.b.varied;
      if (p->b.stop != QUAD_OK) return 0;
      way w = {m->map, bend, m->error[0] / fmax(fabs(m->value[0]), 1e-300) * m->map->n};
      int at = n++;
      for (; at > 0 && best[at - 1].error > w.error; at--) best[at] = best[at - 1];
      best[at] = w;
    }
  return n;
}

/* the best map of one part at or after `from`, or NULL */
static const cub_map *simple(const plan *p, int from) {
  for (int k = from; k < p->scout.n; k++)
    if (p->scout.map[k].n == 1 && isfinite(p->scout.spread[k])) return &p->scout.map[k];
  return NULL;
}

static void choose_methods(plan *p) {
  cub *b = &p->b;
  const cub_map *map = p->scout.map, *one = simple(p, 0);
  const cub_map *two = one ? simple(p, (int)(one - map) + 1) : NULL;
  bool infinite = false;
  for (int i = 0; i < b->d; i++) infinite |= isinf(b->lo[i]) || isinf(b->hi[i]);
  if (!one) one = map;
  if (!two) two = one;
  if (b->d <= 8) cub_cells(b, new_method(p), one, infinite && !one->part[0].light ? CUB_S2 : CUB_FLAT, 1);
  if (b->d <= 4) cub_cells(b, new_method(p), two, infinite ? CUB_S3 : CUB_S2, 2);
  if (b->d <= 5) { /* along the axes, where jumps and kinks most often are, and through the narrowest map */
    const cub_map *axes = map;
    while (!axes->part[0].plain) axes++;
    cub_lines(b, new_method(p), axes, infinite ? CUB_S2 : CUB_FLAT, p->scout.guess);
    cub_lines(b, new_method(p), &p->scout.aside[0], CUB_S2, p->scout.guess);
    if (b->d == 2) cub_lines(b, new_method(p), &p->scout.aside[1], infinite ? CUB_S2 : CUB_S3, p->scout.guess);
  }
  const cub_map *box = map;
  while (!box->part[0].plain) box++;
  if (b->d >= 3 && !infinite) cub_sparse(b, new_method(p), box, CUB_FLAT);
  /* the two best ways, and the best through another map: at the least a check on another scale */
  way best[4 * CUB_MAPS];
  int n = ways(p, best), lattices = 0;
  for (int k = 0; k < n && lattices < 3; k++)
    if (lattices < 2 || best[k].map != best[0].map)
      cub_lattice(b, new_method(p), best[k].map, best[k].bend, (uint64_t)(21 + lattices++));
}

/* nodes that method k is expected to need in all; the last step tells its order of convergence */
static double forecast(const plan *p, int k) {
  const cub_method *m = &p->method[k];
  double used = (double)m->used, least = used + (double)m->next;
  if (m->used == 0) return (double)m->next < 50000 ? 0 : (double)m->next;
  if (!isfinite(m->ratio)) return least;
  if (p->then[k] == 0) return 4 * least;
  double order = log(p->before[k] / m->ratio) / log(used / (double)p->then[k]);
  order = fmin(fmax(order, 0.25), 4);
  return fmax(least, used * pow(m->ratio / m->goal, 1 / order));
}

static bool agree(const cub *b, const cub_method *m, const cub_method *o, double slack) {
  for (int c = 0; c < b->nc; c++) {
    double t = fmax(cub_target(b, c, m->value[c], m->absolute[c]), 1e-14 * m->absolute[c]);
    if (!(fabs(m->value[c] - o->value[c]) <= slack * t)) return false;
  }
  return true;
}

/* a lattice precise enough to refute others */
static bool refutes(const cub_method *o) { return o->statistical && o->ratio <= 1e4; }

/* the value of m lies where the standard error of o, a lattice, allows */
static bool within(const cub *b, const cub_method *m, const cub_method *o, double slack) {
  if (o->used == 0) return true;
  for (int c = 0; c < b->nc; c++)
    if (!(fabs(m->value[c] - o->value[c]) <= slack * o->error[c] + b->tol * o->absolute[c])) return false;
  return true;
}

/* what others met has not come its way: it says what it would say without that */
static bool blind(const plan *p, const cub_method *m) { return p->varied && !m->varied; }

/* The result: a method that met its tolerance, has a witness, and no opponent; or NULL. Opponents that both say they are
 * done must go on (their goals sink), until one of them moves further than it had sworn it could. Cells have no say once
 * lines met jumps: one that grazes the side of a cell stays unseen. */
static cub_method *verdict(plan *p) {
  bool jumps = false;
  for (int k = 0; k < p->n; k++) jumps |= p->method[k].jumps && p->method[k].ratio <= 1;
  for (int k = 0; k < p->n; k++) {
    cub_method *m = &p->method[k];
    if (!(m->ratio <= 1) || m->broken || (jumps && m->smooth) || blind(p, m)) continue;
    bool witness = false, opposed = false;
    for (int j = 0; j < p->n; j++) {
      cub_method *o = &p->method[j];
      if (j == k || o->broken || blind(p, o)) continue;
      if (o->statistical && !within(&p->b, m, o, 1.5)) opposed = true;
      if (!(o->ratio <= 10)) continue;
      if (agree(&p->b, m, o, o->statistical ? fmax(1, 0.35 * o->ratio) : 1)) witness = true;
      else if (o->ratio <= 1 && !(jumps && o->smooth)) {
        opposed = true;
        if (m->ratio <= m->goal && o->ratio <= o->goal) { m->goal *= 0.1, o->goal *= 0.1; }
      }
    }
    if (witness && !opposed) return m;
  }
  return NULL;
}

static void step(plan *p, int k) {
  cub *b = &p->b;
  cub_method *m = &p->method[k];
  int64_t budget = m->used < 30000 ? 30000 : m->used;
  p->before[k] = m->ratio, p->then[k] = m->used;
  b->varied = false;
  m->advance(b, m, budget > m->next ? budget : m->next);
  m->varied |= b->varied, p->varied |= b->varied;
  for (int j = 0; j < p->n && m->ratio <= 1; j++) /* sure of itself, and far from where a lattice allows */
    m->broken |= m->smooth && refutes(&p->method[j]) && !within(b, m, &p->method[j], 2);
  if (m->sworn)
    for (int c = 0; c < b->nc; c++)
      m->broken |= fabs(m->value[c] - m->oath[c]) > 3 * m->oath[b->nc + c] + 1e-13 * m->absolute[c];
  else if (m->ratio <= 1) {
    m->sworn = true;
    memcpy(m->oath, m->value, sizeof *m->oath * (size_t)b->nc);
    memcpy(m->oath + b->nc, m->error, sizeof *m->oath * (size_t)b->nc);
  }
}

/* What is the same everywhere would have left its integral: there is something else somewhere, and all methods agree
 * because none has met it. A lattice goes on. false: it need or can not. */
static bool doubt(plan *p) {
  enum { PLACES = 3000000 };
  int best = -1;
  if (p->varied || p->b.evals >= PLACES) return false;
  for (int k = 0; k < p->n; k++)
    if (p->method[k].statistical && !p->method[k].stuck) best = k;
  if (best < 0 || p->method[best].next > (p->b.max_eval - p->b.evals) / 2) return false;
  p->method[best].goal = 0;
  step(p, best);
  return true;
}

static cub_method *work(plan *p) {
  cub *b = &p->b;
  for (;;) {
    cub_method *good = verdict(p);
    if (good && doubt(p)) continue;
    if (good || b->stop != QUAD_OK) return good;
    int best = -1, lattice = -1;
    double ahead[METHODS], first = INFINITY, least = INFINITY;
    bool idle[METHODS], jumps = false;
    for (int k = 0; k < p->n; k++) jumps |= p->method[k].jumps && p->method[k].ratio <= 1;
    for (int k = 0; k < p->n; k++) {
      cub_method *m = &p->method[k];
      bool dear = m->next > (b->max_eval - b->evals) / 2; /* would leave no room for a witness */
      idle[k] = m->stuck || dear || m->broken || (jumps && m->smooth) || m->ratio <= fmax(m->goal, 1e-6);
      ahead[k] = fmax(forecast(p, k), 1);
      if (idle[k]) continue;
      first = fmin(first, ahead[k]);
      if (m->statistical && (lattice < 0 || m->ratio < p->method[lattice].ratio)) lattice = k;
    }
    /* the most promising goes on, but what falls behind eightfold gets its turn: forecasts from afar are wrong */
    for (int k = 0; k < p->n; k++) {
      double spent =
          p->method[k].used > 0 ? (double)(p->method[k].used + p->method[k].next) : 0.1 * (double)p->method[k].next;
      double score = spent * fmin(8, 1 + 0.25 * log2(ahead[k] / first));
      if (!idle[k] && score < least) least = score, best = k;
    }
    if (best < 0) return NULL;
    /* the one whose error estimate can not be fooled has a right to a third */
    if (lattice >= 0 && 3 * (p->method[lattice].used + p->method[lattice].next) < b->evals) best = lattice;
    step(p, best);
  }
}

static cx_quad_status finish(plan *p, cub_method *good, double *value, double *error, cx_cubature_report *r) {
  cub *b = &p->b;
  cub_method *m = good;
  bool jumps = false;
  for (int k = 0; k < p->n; k++) jumps |= p->method[k].jumps && p->method[k].ratio <= 1;
  for (int pass = 0; pass < 3 && !m; pass++) /* at first those that no lattice contradicts, the broken ones at last */
    for (int k = 0; k < p->n; k++) {
      cub_method *o = &p->method[k];
      bool fits = isfinite(o->ratio) && !(o->smooth && jumps) && !o->broken && !blind(p, o);
      for (int j = 0; j < p->n && fits && pass == 0; j++)
        fits = !refutes(&p->method[j]) || within(b, o, &p->method[j], 1.5);
      if ((fits || (pass == 2 && isfinite(o->ratio))) && (!m || o->ratio < m->ratio)) m = o;
    }
  r->evaluations = b->evals;
  r->method = m ? m->name : "none";
  for (int c = 0; c < b->nc; c++) value[c] = m ? m->value[c] : NAN, error[c] = m ? m->error[c] : INFINITY;
  if (!m) return r->error = INFINITY, b->stop == QUAD_OK ? QUAD_TOLERANCE : b->stop;
  /* without a witness the error is at least the distance to the nearest other opinion, or to any that claims as much */
  for (int c = 0; c < b->nc && !good; c++) {
    double nearest = INFINITY, far = 0;
    for (int k = 0; k < p->n; k++) {
      cub_method *o = &p->method[k];
      if (o == m || !isfinite(o->ratio) || (o->broken && !m->broken)) continue;
      double gap = fabs(m->value[c] - o->value[c]);
      nearest = fmin(nearest, gap);
      if (o->ratio <= 10 * fmax(m->ratio, 1)) far = fmax(far, gap);
    }
    error[c] = fmax(error[c], fmax(far, isfinite(nearest) ? nearest : fabs(m->value[c])));
  }
  double worst = 0;
  bool zero = true, cancels = true;
  for (int c = 0; c < b->nc; c++) {
    double t = cub_target(b, c, value[c], m->absolute[c]);
    if (error[c] > 0) worst = fmax(worst, t > 0 ? error[c] / t : INFINITY);
    if (m->absolute[c] > 0) zero = false;
    cancels &= error[c] <= 1e-12 * m->absolute[c];
  }
  r->error = worst;
  if (b->stop == QUAD_FAILED || b->stop == QUAD_STOPPED) return b->stop;
  if ((double)b->nans > 1e-4 * (double)b->evals + 8) return QUAD_NAN;
  if (zero) return r->error = INFINITY, QUAD_TOLERANCE; /* a box of zeros is where a peak was not found */
  if (good) return QUAD_OK;
  return cancels ? QUAD_ROUNDOFF : QUAD_TOLERANCE;
}

cx_quad_status cx_cubature_run(cx_arena *scratch, const cx_cubature *q, double *value, double *error,
                               cx_cubature_report *report) {
  plan *p = CX_NEW(scratch, plan);
  cub *b = &p->b;
  int d = q->dim, nc = q->ncomp;
  double sign = 1;
  bool empty = false;
  *report = (cx_cubature_report){.status = QUAD_OK, .method = "none"};
  for (int c = 0; c < nc; c++) value[c] = error[c] = 0;
  b->q = q, b->arena = scratch, b->d = d, b->nc = nc;
  for (int i = 0; i < d; i++) {
    double lo = q->lo[i], hi = q->hi[i];
    if (isnan(lo) || isnan(hi)) {
      for (int c = 0; c < nc; c++) value[c] = error[c] = NAN;
      report->error = NAN;
      return report->status = QUAD_NAN;
    }
    if (lo == hi) empty = true;
    if (lo > hi) sign = -sign;
    b->lo[i] = fmin(lo, hi), b->hi[i] = fmax(lo, hi);
  }
  if (empty) return QUAD_OK;
  b->tol = q->tol > 0 ? q->tol : 1e-6;
  b->max_eval = q->max_eval > 0 ? q->max_eval : 500000000;
  b->deadline = cx_now() + (q->seconds > 0 ? q->seconds : 12);
  b->level = CX_NEW_N(scratch, double, nc + 1);
  b->u = CX_NEW_N(scratch, double, (int64_t)CUB_BATCH *(5 * d + 2 * nc + 2));
  b->x = b->u + CUB_BATCH * d, b->f = b->x + CUB_BATCH * d, b->jac = b->f + CUB_BATCH * nc;
  b->den = b->jac + CUB_BATCH, b->y = b->den + CUB_BATCH;
  cub_look(b, &p->scout);
  p->varied = b->varied;
  cub_method *good = NULL;
  if (b->stop == QUAD_OK) choose_methods(p);
  if (b->stop == QUAD_OK) good = work(p);
  report->status = finish(p, good, value, error, report);
  for (int c = 0; c < nc; c++) value[c] *= sign;
  return report->status;
}
