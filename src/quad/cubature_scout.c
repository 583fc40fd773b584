/* cubature_scout.c - where the mass is: maps whose densities resemble the integrand.
 *
 * Population Monte Carlo (Cappe, Douc, Guillin, Marin, Robert 2008): points from a mixture of parts, importance
 * weights |f| / q, and one step of EM gives the next mixture. Two things make it find narrow mass: the first mixture
 * spans many orders of magnitude on infinite ranges, and the target is |f|^beta q^(1 - beta) with the largest beta <= 1
 * that leaves enough points with weight, so that the population walks along log |f| towards the mass. */
#include "quad/cubature_int.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 40, SPANS = 6 };

typedef struct {
  cub *b;
  int64_t n, drawn; /* points of a round, of the last one */
  double *x, *logf, *logq, *w, *rho;
} pop;

/* magnitudes of the first looks at infinite ranges: 3e-5 ... 3e5 */
static double span(int k) { return 3 * pow(10, 2 * k - 5); }

static double *new_chol(cub *b) { return CX_NEW_N(b->arena, double, b->d * b->d); }

/* uniform on finite ranges, t of scale s elsewhere, from the end or 0 */
static void plain_part(cub *b, cub_part *p, double weight, double s) {
  p->weight = weight, p->plain = true;
  p->chol = new_chol(b);
  for (int i = 0; i < b->d; i++) {
    bool below = isinf(b->lo[i]), above = isinf(b->hi[i]);
    p->mu[i] = !below ? b->lo[i] : !above ? b->hi[i] : 0;
    p->chol[i * b->d + i] = below || above ? s : 0;
  }
}

/* Draws round(weight * n) points of each part; w[k] becomes |f| / q in logarithms. Returns the count. */
static int64_t draw(pop *s, const cub_map *m, uint64_t *seed) {
  cub *b = s->b;
  int d = b->d;
  int64_t at = 0;
  for (int k = 0; k < m->n; k++) {
    int64_t n = (int64_t)ceil(m->part[k].weight * (double)s->n - 1e-9);
    if (n > s->n - at) n = s->n - at;
    for (int64_t from = 0; from < n; from += CUB_BATCH) {
      int64_t w = n - from < CUB_BATCH ? n - from : CUB_BATCH;
      for (int64_t j = 0; j < w * d; j++) b->u[j] = cub_random(seed);
      if (!cub_draw(b, m, k, w, b->u, b->x, b->den, b->f)) return at;
      for (int64_t j = 0; j < w; j++) {
        double a = fabs(b->f[j]);
        for (int c = 1; c < b->nc && a == 0; c++) a = fabs(b->f[c * w + j]);
        s->logf[at] = a > 0 ? log(a) : -INFINITY;
        s->logq[at] = log(b->den[j]);
        for (int i = 0; i < d; i++) s->x[i * s->n + at] = b->x[i * w + j];
        at++;
      }
    }
  }
  return at;
}

/* weights (|f| / q)^beta, largest 1; returns the effective number of points */
static double weigh(pop *s, int64_t n, double beta) {
  double top = -INFINITY, sum = 0, sq = 0;
  for (int64_t k = 0; k < n; k++) {
    s->w[k] = isfinite(s->logq[k]) && s->logf[k] > -INFINITY ? beta * (s->logf[k] - s->logq[k]) : -INFINITY;
    top = fmax(top, s->w[k]);
  }
  if (top == -INFINITY) return 0;
  for (int64_t k = 0; k < n; k++) {
    s->w[k] = exp(s->w[k] - top);
    sum += s->w[k], sq += s->w[k] * s->w[k];
  }
  return sum * sum / sq;
}

/* lower Cholesky factor in place of the lower half; a pivot lost to rounding is raised */
static void cholesky(int d, double *a) {
  for (int i = 0; i < d; i++)
    for (int j = 0; j <= i; j++) {
      double s = a[i * d + j], full = a[i * d + i];
      for (int k = 0; k < j; k++) s -= a[i * d + k] * a[j * d + k];
      if (j < i) a[i * d + j] = s / a[j * d + j];
      else a[i * d + i] = sqrt(fmax(s, 1e-13 * fabs(full) + 1e-290));
    }
  for (int i = 0; i < d; i++)
    for (int j = i + 1; j < d; j++) a[i * d + j] = 0;
}

/* log density up to the cut of part p, elliptic: only to share points among the parts */
static double affinity(const cub *b, const cub_part *p, const double *x, int64_t stride) {
  double y[CX_CUBATURE_MAX_DIM], r = 2, l = log(p->weight);
  for (int i = 0; i < b->d; i++) {
    double t = x[i * stride] - p->mu[i];
    for (int j = 0; j < i; j++) t -= p->chol[i * b->d + j] * y[j];
    y[i] = t / p->chol[i * b->d + i];
    r += y[i] * y[i];
    l -= log(p->chol[i * b->d + i]);
  }
  return l - (2 + b->d) * 0.5 * log(r);
}

/* mean and factor of the points with weights w[k] * rho[k]; false: too few */
static bool moments(pop *s, int64_t n, const double *rho, cub_part *p, double total) {
  cub *b = s->b;
  int d = b->d;
  double sum = 0, sq = 0;
  for (int64_t k = 0; k < n; k++) {
    double w = s->w[k] * (rho ? rho[k] : 1);
    sum += w, sq += w * w;
  }
  if (!(sum > 0.005 * total) || sum * sum < (d + 2) * sq) return false;
  p->weight = sum / total;
  double *a = p->chol;
  memset(a, 0, sizeof *a * (size_t)(d * d));
  for (int i = 0; i < d; i++) {
    double t = 0;
    for (int64_t k = 0; k < n; k++)
      if (s->w[k] > 0) t += s->w[k] * (rho ? rho[k] : 1) * s->x[i * s->n + k];
    p->mu[i] = t / sum;
  }
  for (int64_t k = 0; k < n; k++) {
    double w = s->w[k] * (rho ? rho[k] : 1) / sum;
    if (!(w > 1e-12)) continue;
    for (int i = 0; i < d; i++)
      for (int j = 0; j <= i; j++)
        a[i * d + j] += w * (s->x[i * s->n + k] - p->mu[i]) * (s->x[j * s->n + k] - p->mu[j]);
  }
  for (int i = 0; i < d * d; i++) {
    if (!isfinite(a[i])) return false;
    a[i] *= 0.5625; /* scale 3/4: the t with 2 degrees nearest to a unit Gaussian in variance of the ratio */
  }
  for (int i = 0; i < d; i++) a[i * d + i] *= 1 + 1e-9;
  cholesky(d, a);
  return true;
}

/* seeds of `parts` parts: points of large weight far from each other in the metric of all of them */
static int seeds(pop *s, int64_t n, const cub_part *all, int parts, cub_map *out) {
  cub *b = s->b;
  int d = b->d, got = 0;
  double *far = s->rho;
  for (int64_t k = 0; k < n; k++) far[k] = INFINITY;
  for (; got < parts; got++) {
    int64_t best = -1;
    double top = 0;
    for (int64_t k = 0; k < n; k++) {
      double score = s->w[k] * fmin(far[k], 4);
      if (score > top) top = score, best = k;
    }
    if (best < 0) break;
    cub_part *p = &out->part[got];
    p->weight = 1.0 / parts;
    p->chol = new_chol(b);
    for (int i = 0; i < d; i++) p->mu[i] = s->x[i * s->n + best];
    for (int i = 0; i < d * d; i++) p->chol[i] = all->chol[i] * 0.5;
    for (int64_t k = 0; k < n; k++) {
      double y[CX_CUBATURE_MAX_DIM], r = 0;
      for (int i = 0; i < d; i++) {
        double t = s->x[i * s->n + k] - p->mu[i];
        for (int j = 0; j < i; j++) t -= all->chol[i * d + j] * y[j];
        y[i] = t / all->chol[i * d + i];
        r += y[i] * y[i];
      }
      far[k] = fmin(far[k], r);
    }
  }
  return got;
}

/* While too few points see anything: the next round looks around the best one, at all magnitudes. */
static bool climb(pop *s, int64_t n, double enough, cub_map *m) {
  cub *b = s->b;
  int64_t seen = 0, best = 0;
  for (int64_t k = 0; k < n; k++) {
    seen += s->logf[k] > -INFINITY;
    if (s->logf[k] > s->logf[best]) best = k;
  }
  if ((double)seen >= enough) return false;
  if (seen == 0) return true;
  m->n = SPANS + 1;
  plain_part(b, &m->part[SPANS], 1.0 / m->n, 3);
  for (int k = 0; k < SPANS; k++) {
    cub_part *p = &m->part[k];
    *p = (cub_part){.weight = 1.0 / m->n, .chol = new_chol(b)};
    for (int i = 0; i < b->d; i++) {
      double range = b->hi[i] - b->lo[i];
      p->mu[i] = s->x[i * s->n + best];
      p->chol[i * b->d + i] = isinf(range) ? span(k) : range * pow(0.1, k + 1);
    }
  }
  return true;
}

/* adapts a mixture of at most `parts` parts; false: nothing found */
static bool adapt(pop *s, const cub_map *first, int parts, cub_map *out, uint64_t seed) {
  cub *b = s->b;
  cub_map now = *first;
  double last = 0, enough = fmax(0.04 * (double)s->n, 4 * b->d + 16);
  bool fitted = false;
  int calm = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int64_t n = s->drawn = draw(s, &now, &seed);
    if (b->stop != QUAD_OK) return false;
    double ess = weigh(s, n, 1), beta = 1;
    if (!fitted && climb(s, n, enough, &now)) continue;
    if (ess == 0) break;
    if (ess < enough) { /* the largest power that leaves enough */
      double lo = 0, hi = 1;
      for (int i = 0; i < 30; i++) {
        beta = 0.5 * (lo + hi);
        if (weigh(s, n, beta) >= enough) lo = beta;
        else hi = beta;
      }
      weigh(s, n, beta = lo);
    } else {
      calm = ess < 1.05 * last ? calm + 1 : 0;
      last = fmax(last, ess);
      if (calm >= 3 && fitted) break;
    }
    double total = 0;
    for (int64_t k = 0; k < n; k++) total += s->w[k];
    for (int64_t k = 0; k < n; k++) s->w[k] = fmin(s->w[k], total / sqrt((double)n));
    total = 0;
    for (int64_t k = 0; k < n; k++) total += s->w[k];
    cub_map next = {0};
    if (!fitted || parts == 1) {
      cub_part all = {.chol = new_chol(b)};
      if (!moments(s, n, NULL, &all, total)) continue;
      next.n = 1, next.part[0] = all;
      if (parts > 1) next.n = seeds(s, n, &all, parts, &next);
    } else {
      int from = now.n - 1; /* the last one is the wide one */
      for (int k = 0; k < from; k++) {
        for (int64_t j = 0; j < n; j++) {
          double mine = affinity(b, &now.part[k], s->x + j, s->n), sum = 0;
          for (int l = 0; l < from; l++) sum += exp(affinity(b, &now.part[l], s->x + j, s->n) - mine);
          s->rho[j] = 1 / sum;
        }
        cub_part p = {.chol = new_chol(b)};
        if (moments(s, n, s->rho, &p, total)) next.part[next.n++] = p;
      }
      if (next.n == 0) continue;
    }
    double sum = 0;
    for (int k = 0; k < next.n; k++) sum += next.part[k].weight;
    for (int k = 0; k < next.n; k++) next.part[k].weight *= 0.9 / sum;
    *out = next;
    for (int k = 0; k < out->n; k++) out->part[k].weight /= 0.9;
    fitted = true;
    /* a wide part stays: what it finds outside pulls the others there */
    next.part[next.n] = first->part[round % first->n];
    next.part[next.n++].weight = 0.1;
    now = next;
  }
  return fitted;
}

/* relative variance of the integrand through m, times the integrands it needs */
static double spread(cub *b, const cub_map *m, double *size) {
  enum { N = 8192 };
  double *v = b->y + CUB_BATCH * b->d, *g = v + CUB_BATCH * b->d, sum = 0, sq = 0, mean;
  for (int c = 0; c < b->nc; c++) size[c] = 0;
  uint64_t seed = 77;
  double shift[CX_CUBATURE_MAX_DIM];
  for (int i = 0; i < b->d; i++) shift[i] = cub_random(&seed);
  for (int from = 0; from < N; from += CUB_BATCH) {
    for (int j = 0; j < CUB_BATCH; j++)
      for (int i = 0; i < b->d; i++) {
        double t = (double)((uint64_t)cub_lattice_z[i] * (uint64_t)(from + j) % N) / N + shift[i];
        v[i * CUB_BATCH + j] = t - floor(t);
      }
    if (!cub_sample(b, m, CUB_FLAT, CUB_BATCH, v, g)) return INFINITY;
    for (int j = 0; j < CUB_BATCH; j++) sum += fabs(g[j]), sq += g[j] * g[j];
    for (int j = 0; j < CUB_BATCH * b->nc; j++) size[j / CUB_BATCH] += fabs(g[j]) / N;
  }
  mean = sum / N;
  return mean > 0 ? (sq / N / (mean * mean) - 1 + 0.3) * m->n *
                        (m->n > 1                  ? 1.5 + 0.3 * m->n
                         : m->part[0].chol[0] == 0 ? 1
                         : m->part[0].light        ? 2.5
                                                   : 1.5)
                  : INFINITY;
}

static void offer(cub *b, cub_scout *s, const cub_map *m) {
  double size[b->nc];
  double var = spread(b, m, size);
  int at = s->n++;
  for (; at > 0 && s->spread[at - 1] > var; at--) s->map[at] = s->map[at - 1], s->spread[at] = s->spread[at - 1];
  s->map[at] = *m, s->spread[at] = var;
  if (at == 0) memcpy(s->guess, size, sizeof size);
}

/* Least squares of log |f| by a quadratic over the last round, weighted as its mass is: centre and covariance of a
 * Gaussian, right even where the box cuts most of it away. false: no Gaussian. */
static bool fit(pop *s, const cub_part *from, cub_part *out) {
  cub *b = s->b;
  int d = b->d, n = 1 + d + d * (d + 1) / 2;
  double *a = CX_NEW_N(b->arena, double, n *n), *r = CX_NEW_N(b->arena, double, 2 * n), *row = r + n;
  double y[CX_CUBATURE_MAX_DIM], top = -INFINITY;
  for (int64_t k = 0; k < s->drawn; k++) top = fmax(top, s->logf[k]);
  for (int64_t k = 0; k < s->drawn; k++) {
    double w = s->w[k];
    if (!(w > 0) || !(s->logf[k] > top - 30)) continue;
    row[0] = 1;
    for (int i = 0, at = 1 + d; i < d; i++) {
      double t = s->x[i * s->n + k] - from->mu[i];
      for (int j = 0; j < i; j++) t -= from->chol[i * d + j] * y[j];
      row[1 + i] = y[i] = t / from->chol[i * d + i];
      for (int j = 0; j <= i; j++) row[at++] = y[i] * y[j];
    }
    for (int i = 0; i < n; i++) {
      r[i] += w * row[i] * (s->logf[k] - top);
      for (int j = 0; j <= i; j++) a[i * n + j] += w * row[i] * row[j];
    }
  }
  for (int i = 0; i < n; i++)
    if (!(a[i * n + i] > 0)) return false;
  for (int i = 0; i < n; i++) a[i * n + i] *= 1 + 1e-12;
  cholesky(n, a);
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < i; j++) r[i] -= a[i * n + j] * r[j];
    r[i] /= a[i * n + i];
  }
  for (int i = n - 1; i >= 0; i--) {
    for (int j = i + 1; j < n; j++) r[i] -= a[j * n + i] * r[j];
    r[i] /= a[i * n + i];
  }
  double rest = 0, total = 0;
  for (int64_t k = 0; k < s->drawn; k++) {
    double w = s->w[k], t = top - s->logf[k];
    if (!(w > 0) || !(s->logf[k] > top - 30)) continue;
    t += r[0];
    for (int i = 0, at = 1 + d; i < d; i++) {
      double e = s->x[i * s->n + k] - from->mu[i];
      for (int j = 0; j < i; j++) e -= from->chol[i * d + j] * y[j];
      y[i] = e / from->chol[i * d + i];
      t += r[1 + i] * y[i];
      for (int j = 0; j <= i; j++) t += r[at++] * y[i] * y[j];
    }
    rest += w * t * t, total += w;
  }
  if (!(rest < 4e-4 * total)) return false; /* its tails would not be a Gaussian's */
  /* log |f| = g y - y A y / 2: A = R R', covariance of y its inverse */
  double h[CX_CUBATURE_MAX_DIM * CX_CUBATURE_MAX_DIM], inv[CX_CUBATURE_MAX_DIM * CX_CUBATURE_MAX_DIM] = {0};
  for (int i = 0, at = 1 + d; i < d; i++)
    for (int j = 0; j <= i; j++, at++) h[i * d + j] = i == j ? -2 * r[at] : -r[at];
  for (int i = 0; i < d; i++)
    if (!(h[i * d + i] > 1e-4)) return false;
  double before[CX_CUBATURE_MAX_DIM];
  for (int i = 0; i < d; i++) before[i] = h[i * d + i];
  cholesky(d, h);
  for (int i = 0; i < d; i++)
    if (h[i * d + i] * h[i * d + i] < 1e-8 * before[i]) return false;
  for (int c = 0; c < d; c++) /* inv = R^-1, lower */
    for (int i = c; i < d; i++) {
      double t = i == c;
      for (int j = c; j < i; j++) t -= h[i * d + j] * inv[j * d + c];
      inv[i * d + c] = t / h[i * d + i];
    }
  /* x = mu + L y: factor of L R^-T */
  double m[CX_CUBATURE_MAX_DIM * CX_CUBATURE_MAX_DIM], mean[CX_CUBATURE_MAX_DIM];
  for (int i = 0; i < d; i++) {
    double t = 0;
    for (int k = 0; k < d; k++)
      for (int l = 0; l < d; l++) t += inv[k * d + i] * inv[k * d + l] * r[1 + l];
    mean[i] = t;
  }
  for (int i = 0; i < d; i++)
    for (int k = 0; k < d; k++) {
      m[i * d + k] = 0;
      for (int j = 0; j <= i; j++) m[i * d + k] += from->chol[i * d + j] * inv[k * d + j];
    }
  out->weight = 1, out->light = true, out->chol = new_chol(b);
  for (int i = 0; i < d; i++) {
    out->mu[i] = from->mu[i];
    for (int j = 0; j <= i; j++) out->mu[i] += from->chol[i * d + j] * mean[j];
    for (int j = 0; j <= i; j++)
      for (int k = 0; k < d; k++) out->chol[i * d + j] += m[i * d + k] * m[j * d + k];
  }
  cholesky(d, out->chol);
  for (int i = 0; i < d; i++)
    if (!isfinite(out->mu[i]) || !isfinite(out->chol[i * d + i])) return false;
  return true;
}

/* the points of the last round join those that methods must not overlook */
static void keep(pop *s) {
  cub *b = s->b;
  double mean = 0;
  for (int64_t k = 0; k < s->drawn; k++) mean += s->w[k] / (double)s->drawn;
  for (int64_t k = 0; k < s->drawn && b->nseen < 2 * s->n; k++) {
    if (!(s->logf[k] > -INFINITY) || s->w[k] < 1e-7 * mean) continue;
    for (int i = 0; i < b->d; i++) b->seen[i + b->nseen * b->d] = s->x[i * s->n + k];
    b->seen_f[b->nseen++] = exp(s->logf[k]);
  }
}

/* width of part p along variable i */
static double length(const cub *b, const cub_part *p, int i) {
  double var = 0;
  for (int j = 0; j <= i; j++) var += p->chol[i * b->d + j] * p->chol[i * b->d + j];
  return sqrt(var);
}

void cub_look(cub *b, cub_scout *out) {
  bool infinite = false;
  for (int i = 0; i < b->d; i++) infinite |= isinf(b->lo[i]) || isinf(b->hi[i]);
  cub_map first = {.n = infinite ? SPANS : 1};
  for (int k = 0; k < first.n; k++) plain_part(b, &first.part[k], 1.0 / first.n, infinite ? span(k) : 1);
  pop s = {.b = b, .n = b->d <= 3 ? 4096 : 1024 * (b->d + 2)};
  s.x = CX_NEW_N(b->arena, double, s.n * b->d);
  s.logf = CX_NEW_N(b->arena, double, s.n * 4);
  s.logq = s.logf + s.n, s.w = s.logq + s.n, s.rho = s.w + s.n;
  out->n = 0;
  out->guess = CX_NEW_N(b->arena, double, b->nc);
  b->seen = CX_NEW_N(b->arena, double, 2 * s.n * b->d);
  b->seen_f = CX_NEW_N(b->arena, double, 2 * s.n);
  cub_map single = {0}, several = {0};
  bool found = adapt(&s, &first, 1, &single, 11);
  if (found) {
    offer(b, out, &single);
    keep(&s);
    cub_map gauss = single;
    if (fit(&s, &single.part[0], &gauss.part[0])) offer(b, out, &gauss);
  }
  if (adapt(&s, &first, 5, &several, 12) && several.n > 1) {
    offer(b, out, &several);
    keep(&s);
  }
  /* the box itself, or on infinite ranges the centre and widths of what was found */
  cub_map plain = {.n = 1};
  plain_part(b, &plain.part[0], 1, 1);
  if (infinite && found)
    for (int i = 0; i < b->d; i++) {
      if (plain.part[0].chol[i * b->d + i] == 0) continue;
      plain.part[0].chol[i * b->d + i] = length(b, &single.part[0], i);
      plain.part[0].mu[i] = single.part[0].mu[i];
    }
  offer(b, out, &plain);
  for (int k = 0; k < 2; k++) {
    cub_part *t = &out->aside[k].part[0];
    out->aside[k].n = 1;
    plain_part(b, t, 1, 1);
    for (int i = 0; i < b->d; i++) {
      double w = plain.part[0].chol[i * b->d + i];
      t->chol[i * b->d + i] = (k ? 0.8 : 1.2) * w;
      t->mu[i] = plain.part[0].mu[i] + (isinf(b->lo[i]) && isinf(b->hi[i]) ? (k ? -0.13 : 0.17) * w : 0);
    }
  }
  for (int i = 0; i < b->d; i++) b->near[i] = INFINITY, b->far[i] = -INFINITY;
  for (int j = 0; j < out->n; j++)
    for (int k = 0; k < out->map[j].n; k++) {
      const cub_part *t = &out->map[j].part[k];
      for (int i = 0; i < b->d; i++) {
        double reach = 20 * length(b, t, i);
        b->near[i] = fmin(b->near[i], t->mu[i] - reach), b->far[i] = fmax(b->far[i], t->mu[i] + reach);
      }
    }
}
