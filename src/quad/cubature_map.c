/* cubature_map.c - the integrand seen through a change of variables of the unit cube.
 *
 * One part of a map draws x one variable after another (Genz 1992, the triangular transform of multivariate normal
 * probabilities): x_i = m_i + L_ii y_i with m_i = mu_i + sum_{j<i} L_ij y_j, and y_i from Student's t with 2 degrees
 * of freedom cut to what the box leaves. That distribution has a closed quantile, tails heavier than any Gaussian's
 * and, cut, a box of any shape costs nothing:
 *   F(y) = (1 + y / sqrt(2 + y^2)) / 2,   y = (p - q) / sqrt(2 p q),  q = 1 - p,   F'(y) = (2 p q)^(3/2).
 * or, where the integrand was found to be close to a Gaussian, from a cut Gaussian. A map of several parts with densities q_k and weights pi_k integrates
 *   sum_k pi_k f(T_k(u)) / sum_j pi_j q_j(T_k(u)),
 * a smooth partition of the integral among them. */
#include "quad/cubature_int.h"
#include "run/special.h"

#include <math.h>

double cub_target(const cub *b, int c, double value, double absolute) {
  double s = b->q->scale ? b->q->scale[c] : 0;
  return b->tol * (s > 0 ? s * absolute : fabs(value));
}

/* probability below y, or above it when `above`; accurate in both tails */
static inline double tail(double y, bool above) {
  double z = above ? y : -y, s = sqrt(2 + z * z);
  if (isinf(z)) return z > 0 ? 0 : 1;
  return z > 0 ? 1 / (s * (s + z)) : 0.5 - 0.5 * z / s;
}

static inline double tail_of(const cub_part *p, double y, bool above) {
  return p->light ? cx_norm_cdf(above ? -y : y) : tail(y, above);
}

/* What the box leaves of variable i given its centre: ends in units of y as probabilities from the side where they
 * are small, so that a box far out in a tail keeps its digits. start: the larger of the two. */
static inline double cut(const cub_part *p, double a, double e, bool *above, double *start) {
  *above = a > 0;
  if (isinf(a) && isinf(e)) return *start = 1;
  *start = tail_of(p, *above ? a : e, *above);
  return *start - tail_of(p, *above ? e : a, *above);
}

/* x_i and 1 / density of variable i, given its centre in x */
static void forward_one(const cub_part *p, double lo, double hi, double s, int64_t n, const double *u, double *x,
                        double *y, double *jac) {
  for (int64_t k = 0; k < n; k++) {
    double m = x[k], start, z, slope;
    bool above;
    double mass = cut(p, (lo - m) / s, (hi - m) / s, &above, &start);
    double left = (above ? u[k] : 1 - u[k]) * mass, t = start - left; /* tail probability on that side, */
    if (p->light) {
      double rest = (above ? 1 - start : tail_of(p, (hi - m) / s, true)) + left;
      z = t < rest ? cx_norm_quantile(t) : -cx_norm_quantile(rest);
      slope = 0.39894228040143267794 * exp(-0.5 * z * z);
    } else {
      double rest = (above ? 1 - start : isinf(hi) ? 0 : tail((hi - m) / s, true)) + left; /* and on the other */
      double r = fmax(2 * t * rest, 1e-290), w = sqrt(r);
      z = (t - rest) / w, slope = r * w;
    }
    y[k] = above ? -z : z;
    x[k] = fmin(fmax(m + s * y[k], lo), hi);
    jac[k] *= s * mass / slope;
  }
}

/* x and 1 / density of one part at u; y: scratch [d][n] */
static void forward(const cub *b, const cub_part *p, int64_t n, const double *u, double *x, double *y, double *jac) {
  int d = b->d;
  for (int64_t k = 0; k < n; k++) jac[k] = 1;
  for (int i = 0; i < d; i++) {
    double lo = b->lo[i], hi = b->hi[i], s = p->chol[i * d + i];
    const double *ui = u + i * n;
    double *xi = x + i * n, *yi = y + i * n;
    if (s == 0) {
      for (int64_t k = 0; k < n; k++) xi[k] = lo + (hi - lo) * ui[k], yi[k] = 0, jac[k] *= hi - lo;
      continue;
    }
    for (int64_t k = 0; k < n; k++) xi[k] = p->mu[i];
    for (int j = 0; j < i; j++) {
      double l = p->chol[i * d + j];
      if (l != 0)
        for (int64_t k = 0; k < n; k++) xi[k] += l * y[j * n + k];
    }
    forward_one(p, lo, hi, s, n, ui, xi, yi, jac);
  }
}

/* y and the density of a part at x, times its weight; u: when not NULL, the way back */
static void backward(const cub *b, const cub_part *p, int64_t n, const double *x, double *y, double *one, double *u) {
  int d = b->d;
  for (int64_t k = 0; k < n; k++) one[k] = p->weight;
  for (int i = 0; i < d; i++) {
    double lo = b->lo[i], hi = b->hi[i], s = p->chol[i * d + i];
    const double *xi = x + i * n;
    double *yi = y + i * n;
    if (s == 0) {
      for (int64_t k = 0; k < n; k++) yi[k] = 0, one[k] /= hi - lo;
      for (int64_t k = 0; k < n && u; k++) u[i * n + k] = (xi[k] - lo) / (hi - lo);
      continue;
    }
    for (int64_t k = 0; k < n; k++) yi[k] = p->mu[i];
    for (int j = 0; j < i; j++) {
      double l = p->chol[i * d + j];
      if (l != 0)
        for (int64_t k = 0; k < n; k++) yi[k] += l * y[j * n + k];
    }
    for (int64_t k = 0; k < n; k++) {
      double m = yi[k], z = (xi[k] - m) / s, start, r = 2 + z * z;
      bool above;
      double mass = cut(p, (lo - m) / s, (hi - m) / s, &above, &start);
      yi[k] = z;
      if (p->light) one[k] *= 0.39894228040143267794 * exp(-0.5 * z * z) / (mass * s);
      else one[k] /= r * sqrt(r) * mass * s;
      if (!u) continue;
      double left = (start - tail_of(p, z, above)) / mass;
      u[i * n + k] = above ? left : 1 - left;
    }
  }
}

/* so far out on an infinite range that a NaN there is 0 * inf: everything of notice lies within `far` */
static bool remote(const cub *b, int64_t n, const double *x) {
  for (int i = 0; i < b->d; i++)
    if ((isinf(b->lo[i]) && x[i * n] < b->near[i]) || (isinf(b->hi[i]) && x[i * n] > b->far[i])) return true;
  return false;
}

static bool evaluate(cub *b, int64_t n, const double *x, double *f) {
  if (b->stop != QUAD_OK) return false;
  if (b->q->stop && *b->q->stop) return b->stop = QUAD_STOPPED, false;
  if (b->evals + n > b->max_eval || cx_now() > b->deadline) return b->stop = QUAD_TOLERANCE, false;
  if (b->q->eval(b->q->user, n, x, f)) return b->stop = QUAD_FAILED, false;
  for (int c = 0; c < b->nc && !b->varied && n > 0; c++) {
    if (!b->evals) b->level[c] = f[c * n];
    for (int64_t k = 0; k < n; k++) b->varied |= f[c * n + k] != b->level[c];
  }
  b->evals += n;
  for (int64_t k = 0; k < n * b->nc; k++)
    if (!isfinite(f[k])) {
      if (isinf(f[k])) b->infs++;
      else if (!remote(b, n, x + k % n)) b->nans++;
      f[k] = 0;
    }
  return true;
}

bool cub_draw(cub *b, const cub_map *m, int k, int64_t n, const double *u, double *x, double *den, double *f) {
  forward(b, &m->part[k], n, u, x, b->y, b->jac);
  if (m->n == 1) {
    for (int64_t i = 0; i < n; i++) den[i] = 1 / b->jac[i];
  } else {
    for (int64_t i = 0; i < n; i++) den[i] = 0;
    for (int j = 0; j < m->n; j++) {
      backward(b, &m->part[j], n, x, b->y, b->jac, NULL);
      for (int64_t i = 0; i < n; i++) den[i] += b->jac[i];
    }
  }
  return evaluate(b, n, x, f);
}

static void bend_row(cub_bend bend, int64_t n, const double *v, double *u, double *jac) {
  switch (bend) {
    case CUB_FLAT:
      for (int64_t k = 0; k < n; k++) u[k] = v[k];
      break;
    case CUB_TENT:
      for (int64_t k = 0; k < n; k++) u[k] = 1 - fabs(2 * v[k] - 1);
      break;
    case CUB_S2:
      for (int64_t k = 0; k < n; k++) u[k] = v[k] * v[k] * (3 - 2 * v[k]), jac[k] *= 6 * v[k] * (1 - v[k]);
      break;
    case CUB_S3:
      for (int64_t k = 0; k < n; k++) {
        double t = v[k], w = t * (1 - t);
        u[k] = t * t * t * (10 + t * (6 * t - 15)), jac[k] *= 30 * w * w;
      }
  }
}

void cub_locate(const cub *b, const cub_map *m, cub_bend bend, int64_t n, const double *x, const double *f, double *v,
                double *g) {
  for (int64_t k = 0; k < n; k++) {
    double at[CX_CUBATURE_MAX_DIM], y[CX_CUBATURE_MAX_DIM], u[CX_CUBATURE_MAX_DIM], den, jac = 1;
    for (int i = 0; i < b->d; i++) at[i] = x[i * n + k];
    backward(b, &m->part[0], 1, at, y, &den, u);
    for (int i = 0; i < b->d; i++) {
      double lo = 0, hi = 1, t = 0.5, w = 0, j = 1;
      for (int step = 0; step < 50; step++) { /* the bends rise from 0 to 1 */
        t = 0.5 * (lo + hi), j = 1;
        bend_row(bend == CUB_TENT ? CUB_FLAT : bend, 1, &t, &w, &j);
        if (w < u[i]) lo = t;
        else hi = t;
      }
      v[i * n + k] = t, jac *= j;
    }
    g[k] = f[k] == 0 ? 0 : f[k] / den * jac;
    if (!isfinite(g[k])) g[k] = 0;
  }
}

bool cub_sample(cub *b, const cub_map *m, cub_bend bend, int64_t n, const double *v, double *g) {
  int d = b->d, nc = b->nc;
  for (int64_t from = 0; from < n; from += CUB_BATCH) {
    int64_t w = n - from < CUB_BATCH ? n - from : CUB_BATCH;
    double weight[CUB_BATCH];
    for (int64_t k = 0; k < w; k++) weight[k] = 1;
    for (int i = 0; i < d; i++) bend_row(bend, w, v + i * n + from, b->u + i * w, weight);
    for (int c = 0; c < nc; c++)
      for (int64_t k = 0; k < w; k++) g[c * n + from + k] = 0;
    for (int p = 0; p < m->n; p++) {
      if (!cub_draw(b, m, p, w, b->u, b->x, b->den, b->f)) return false;
      for (int c = 0; c < nc; c++)
        for (int64_t k = 0; k < w; k++) {
          double f = b->f[c * w + k], t = f * (weight[k] * m->part[p].weight / b->den[k]);
          if (f != 0 && isfinite(t)) g[c * n + from + k] += t; /* 0 * inf far out is 0 */
        }
    }
  }
  return true;
}
