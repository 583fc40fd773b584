/* newton.c - Newton's method in a trust region: p minimises  f + g'p + p'Hp / 2  within |p| <= radius.
 *
 * Nocedal & Wright (2006), chapter 4: algorithm 4.1 steers the radius by the ratio of actual to predicted decrease.
 * Few parameters and a Hessian: p exactly, by Cholesky where H is positive definite and p inside, else by the
 * eigenvalues of H and the secular equation |p(lambda)| = radius (section 4.3, with the hard case). Otherwise
 * conjugate gradients, cut at the boundary and at negative curvature (Steihaug, SIAM J. Numer. Anal. 20 (1983);
 * algorithm 7.2). Where the gradient vanishes but H has a negative direction, the step goes there: a saddle is left.
 * Rounding near the end: Conn, Gould & Toint, Trust-Region Methods (2000), section 17.4.2. */
#include "solve/solver.h"

#include <math.h>
#include <string.h>

enum { DENSE = 100 /* parameters up to which H is decomposed */, PROBES = 50 };

typedef struct {
  void *g; /* kept: gradient at x */
  double *p, *xt, *gt;
  double *h, *q, *lambda; /* H, and its eigenvectors (rows of q) and eigenvalues; dense, or h alone for products */
  double *r, *d, *hd, *rhs;
  bool dense, have_h;
} newton;

static void begin(cx_solver *s) {
  newton *m = s->m = CX_NEW(s->arena, newton);
  size_t n = (size_t)s->p->n;
  m->g = cx_keep(s, "g", n * sizeof(double));
  double **v[] = {&m->p, &m->xt, &m->gt, &m->r, &m->d, &m->hd, &m->lambda, &m->rhs};
  for (size_t i = 0; i < sizeof v / sizeof *v; i++) *v[i] = CX_NEW_N(s->arena, double, n);
  m->dense = s->p->hessian && n <= DENSE;
  if (m->dense || (s->p->hessian && !s->p->hessvec)) m->h = cx_alloc_n(s->arena, n, n * sizeof(double));
  if (m->dense) m->q = cx_alloc_n(s->arena, n, n * sizeof(double));
  if (isnan(s->opt.num[O_tolerance])) s->tol = s->p->single ? 1e-4 : 1e-8;
  s->budget = isnan(s->opt.num[O_steps]) ? 500 : (int64_t)s->opt.num[O_steps];
}

/* ---- dense: the exact step ---- */
/* q becomes the Cholesky factor of h, and p = -h^-1 g; false when h is not positive definite */
static bool cholesky_step(newton *m, int64_t n) {
  double *l = m->q, *p = m->p;
  const double *g = m->g;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      double v = m->h[i * n + j] - cx_dot(l + i * n, l + j * n, j);
      if (i != j) l[i * n + j] = v / l[j * n + j];
      else if (v > 1e-14 * fabs(m->h[i * n + i])) l[i * n + i] = sqrt(v);
      else return false;
    }
  for (int64_t i = 0; i < n; i++) p[i] = (-g[i] - cx_dot(l + i * n, p, i)) / l[i * n + i];
  for (int64_t i = n - 1; i >= 0; i--) {
    p[i] /= l[i * n + i];
    for (int64_t j = 0; j < i; j++) p[j] -= l[i * n + j] * p[i];
  }
  return true;
}

/* Cyclic Jacobi (Golub & Van Loan, Matrix Computations, algorithm 8.5.3): rows of q become eigenvectors. h is kept. */
static void eigen(newton *m, int64_t n, double *a) {
  double *q = m->q;
  memset(q, 0, (size_t)(n * n) * sizeof *q);
  for (int64_t i = 0; i < n; i++) q[i * n + i] = 1;
  memcpy(a, m->h, (size_t)(n * n) * sizeof *a);
  for (int sweep = 0; sweep < 60; sweep++) {
    double off = 0, all = 0;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++)
        all += a[i * n + j] * a[i * n + j], off += i != j ? a[i * n + j] * a[i * n + j] : 0;
    if (off <= 0x1p-104 * all) break;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = i + 1; j < n; j++) {
        double e = a[i * n + j];
        if (e == 0) continue;
        double theta = (a[j * n + j] - a[i * n + i]) / (2 * e);
        double t = copysign(1, theta) / (fabs(theta) + hypot(theta, 1)), c = 1 / hypot(t, 1), z = t * c;
        for (int64_t k = 0; k < n; k++) {
          double u = a[i * n + k], v = a[j * n + k];
          a[i * n + k] = c * u - z * v, a[j * n + k] = z * u + c * v;
          u = q[i * n + k], v = q[j * n + k];
          q[i * n + k] = c * u - z * v, q[j * n + k] = z * u + c * v;
        }
        for (int64_t k = 0; k < n; k++) {
          double u = a[k * n + i], v = a[k * n + j];
          a[k * n + i] = c * u - z * v, a[k * n + j] = z * u + c * v;
        }
      }
  }
  for (int64_t i = 0; i < n; i++) m->lambda[i] = a[i * n + i];
}

/* |p(mu)| for p(mu) = -(H + mu I)^-1 g in eigen coordinates b = Qg, and in *slope d|p| / dmu; directions with
 * lambda + mu = 0 and b = 0 are left out */
static double secular(const double *lambda, const double *b, int64_t n, double mu, double *slope) {
  double sum = 0, der = 0;
  for (int64_t i = 0; i < n; i++) {
    double den = lambda[i] + mu;
    if (b[i] == 0) continue;
    if (den <= 0) return *slope = -INFINITY, INFINITY;
    double t = b[i] / den;
    sum += t * t;
    der -= t * t / den;
  }
  *slope = sum > 0 ? der / sqrt(sum) : 0;
  return sqrt(sum);
}

static void boundary_step(cx_solver *s, newton *m, int64_t n, double radius) {
  double *b = m->r, *q = m->q, low = INFINITY, gnorm = sqrt(cx_dot(m->g, m->g, n)), slope;
  cx_arena *a = cx_arena_new(s->ctx);
  eigen(m, n, cx_alloc_n(a, (size_t)n, (size_t)n * sizeof(double)));
  cx_arena_free(a);
  int64_t least = 0;
  double largest = 0;
  for (int64_t i = 0; i < n; i++) {
    b[i] = cx_dot(q + i * n, m->g, n);
    largest = fmax(largest, fabs(m->lambda[i]));
    if (m->lambda[i] < low) low = m->lambda[i], least = i;
  }
  for (int64_t i = 0; i < n; i++) /* the hard case: g has nothing along the least eigenvectors */
    if (m->lambda[i] - low <= 1e-12 * largest && fabs(b[i]) <= 1e-12 * gnorm) b[i] = 0;
  double mu = fmax(0, -low), up = mu + gnorm / radius + largest * 1e-12, down = mu, tau = 0;
  double norm = secular(m->lambda, b, n, mu, &slope);
  if (norm <= radius) { /* mu is the multiplier; to the boundary along the least eigenvector if H is indefinite */
    if (low < 0) tau = sqrt(fmax(0, radius * radius - norm * norm));
  } else {
    mu = isfinite(norm) ? mu : 0.5 * (down + up);
    for (int k = 0; k < 100; k++) { /* Newton on 1/radius - 1/|p|, nearly linear in mu (eq. 4.44), inside [down, up] */
      norm = secular(m->lambda, b, n, mu, &slope);
      if (fabs(norm - radius) <= 1e-10 * radius) break;
      if (norm > radius) down = mu;
      else up = mu;
      double next = mu - (norm / radius - 1) * norm / slope;
      mu = next > down && next < up ? next : 0.5 * (down + up);
    }
  }
  memset(m->p, 0, (size_t)n * sizeof *m->p);
  for (int64_t i = 0; i < n; i++) {
    double c = b[i] != 0 ? -b[i] / (m->lambda[i] + mu) : 0;
    if (i == least) c += b[i] > 0 ? -tau : tau;
    for (int64_t k = 0; k < n; k++) m->p[k] += c * q[i * n + k];
  }
}

/* ---- products only ---- */
static void product(cx_solver *s, newton *m, const double *v, double *hv) {
  int64_t n = s->p->n;
  if (!m->h) cx_hessvec(s, s->x, m->g, v, hv);
  else
    for (int64_t i = 0; i < n; i++) hv[i] = cx_dot(m->h + i * n, v, n);
}

/* Conjugate gradients on Hp = -rhs from p = 0, until the residual is below eta |rhs|. true: negative curvature was
 * met, along d, and p ends on the boundary (which an infinite radius does not have). */
static bool steihaug(cx_solver *s, newton *m, const double *rhs, double radius, double eta, int64_t most) {
  int64_t n = s->p->n;
  double *p = m->p, *r = m->r, *d = m->d, *hd = m->hd, rr = cx_dot(rhs, rhs, n), stop = eta * sqrt(rr);
  for (int64_t i = 0; i < n; i++) p[i] = 0, r[i] = rhs[i], d[i] = -rhs[i];
  for (int64_t it = 0; it < most && rr > 0; it++) {
    product(s, m, d, hd);
    double curve = cx_dot(d, hd, n), dd = cx_dot(d, d, n), alpha = rr / curve;
    bool negative = !(curve > 0);
    double pp = cx_dot(p, p, n), pd = cx_dot(p, d, n), ahead = pp + 2 * alpha * pd + alpha * alpha * dd;
    if (negative || ahead >= radius * radius) {
      double root = sqrt(fmax(0, pd * pd + dd * (radius * radius - pp)));
      double tau = (root - pd) / dd;
      for (int64_t i = 0; i < n; i++) p[i] += tau * d[i];
      return negative;
    }
    for (int64_t i = 0; i < n; i++) p[i] += alpha * d[i], r[i] += alpha * hd[i];
    double next = cx_dot(r, r, n);
    if (sqrt(next) <= stop) return false;
    for (int64_t i = 0; i < n; i++) d[i] = -r[i] + next / rr * d[i];
    rr = next;
  }
  return false;
}

/* At a stationary point: a direction of negative curvature into p, if one is found. With products only, conjugate
 * gradients on a random right side meet one within few steps if there is one to speak of. */
static bool saddle(cx_solver *s, newton *m, double radius) {
  int64_t n = s->p->n;
  if (m->dense) {
    boundary_step(s, m, n, radius);
    double low = INFINITY, high = 0;
    for (int64_t i = 0; i < n; i++) low = fmin(low, m->lambda[i]), high = fmax(high, fabs(m->lambda[i]));
    return low < -1e-7 * fmax(high, 1e-8);
  }
  cx_rng r = cx_rng_new((uint64_t)s->opt.num[O_seed], (uint64_t)s->k->step);
  cx_rng_normals(&r, m->rhs, n);
  if (!steihaug(s, m, m->rhs, INFINITY, 1e-10, n < PROBES ? n : PROBES)) return false;
  product(s, m, m->d, m->hd);
  double curve = cx_dot(m->d, m->hd, n), dd = cx_dot(m->d, m->d, n), hh = sqrt(cx_dot(m->hd, m->hd, n) / dd);
  if (!(curve < -1e-7 * dd * fmax(hh, 1e-8))) return false;
  double c = radius / sqrt(dd);
  for (int64_t i = 0; i < n; i++) m->p[i] = c * m->d[i];
  return true;
}

static double predicted(cx_solver *s, newton *m) { /* decrease of the model */
  product(s, m, m->p, m->hd);
  return -cx_dot(m->g, m->p, s->p->n) - 0.5 * cx_dot(m->p, m->hd, s->p->n);
}

static cx_rest rest(cx_solver *s, newton *m) { /* by the step without a trust region, where H allows one */
  int64_t n = s->p->n;
  int64_t evals = s->k->evals;
  bool found = m->dense ? cholesky_step(m, n) : !steihaug(s, m, m->g, INFINITY, 0.01, n < PROBES ? n : PROBES);
  s->k->evals = evals; /* as those of cx_at_rest */
  return found ? cx_at_rest(s, s->x, s->k->f, m->g, m->p) : CX_SETTLED;
}

static bool step(cx_solver *s) {
  newton *m = s->m;
  cx_core *k = s->k;
  int64_t n = s->p->n;
  double *x = s->x, *g = m->g;
  if (isnan(k->f)) { /* the start */
    cx_eval(s, x, &k->f, g);
    cx_gradient_size(s, x, k->f, g);
    if (!isfinite(k->f) || !isfinite(k->gmax)) return cx_diverged(s, k->f, x, g, true), false;
    cx_trace(s, BY_STEP, &k->f);
    k->radius = s->opt.num[O_radius] * fmax(1, sqrt(cx_dot(x, x, n)));
  }
  if (m->h && !m->have_h) {
    k->evals++;
    bool bad = s->p->hessian(s->p->user, s->p->single ? cx_solver_x(s) : x, m->h);
    for (int64_t i = 0; i < n * n && !bad; i++) bad = !isfinite(m->h[i]);
    if (bad) {
      cx_finish(s, CX_E_CONVERGENCE, false, "the Hessian is not finite%s%s; run `calx check`", s->p->why ? ": " : "",
                s->p->why ? s->p->why : "");
      return false;
    }
    m->have_h = true;
  }
  double escape = fmin(k->radius, 1e-2 * fmax(1, sqrt(cx_dot(x, x, n))));
  bool leaving = false, farther = false;
  if (k->relgrad <= s->tol) {
    cx_rest r = rest(s, m);
    if (r == CX_INFINITE) return false;
    farther = r == CX_SHORT && k->step < s->budget;
  }
  if (k->relgrad <= s->tol && !farther) {
    if (!saddle(s, m, escape)) return cx_finish(s, CX_OK, true, "the gradient is below the tolerance"), false;
    leaving = true;
    if (cx_dot(g, m->p, n) > 0)
      for (int64_t i = 0; i < n; i++) m->p[i] = -m->p[i];
  }
  if (k->step >= s->budget) {
    k->out_of_steps = 1;
    if (rest(s, m) == CX_INFINITE) return false;
    cx_finish(s, CX_E_CONVERGENCE, false, "at step %lld the relative gradient is still %.3g: raise steps",
              (long long)k->step, k->relgrad);
    return false;
  }
  if (!leaving && m->dense) {
    if (!cholesky_step(m, n) || cx_dot(m->p, m->p, n) > k->radius * k->radius) boundary_step(s, m, n, k->radius);
  } else if (!leaving) {
    double norm = sqrt(cx_dot(g, g, n)); /* superlinear: eq. 7.3 */
    steihaug(s, m, g, k->radius, fmax(1e-10, fmin(0.5, sqrt(norm))), n < 20 ? 2 * n + 5 : n < 500 ? n + 20 : 500);
  }
  double norm = sqrt(cx_dot(m->p, m->p, n)), pred = predicted(s, m), ft;
  for (int64_t i = 0; i < n; i++) m->xt[i] = x[i] + m->p[i];
  cx_eval(s, m->xt, &ft, m->gt);
  k->step++;
  if (ft == -INFINITY || ft < -1e100) return cx_diverged(s, -INFINITY, x, g, true), false;
  double noise = 10 * s->unit * fmax(1, fabs(k->f)), rho = (k->f - ft + noise) / (pred + noise);
  bool finite = isfinite(ft);
  for (int64_t i = 0; i < n && finite; i++) finite = isfinite(m->gt[i]);
  if (!finite || !(rho > 0.25)) k->radius = 0.25 * fmin(norm, k->radius);
  else if (rho > 0.75 && norm >= 0.99 * k->radius) k->radius *= 2;
  if (finite && rho > 1e-4) {
    double change = fabs(ft - k->f), before = k->relgrad;
    memcpy(x, m->xt, (size_t)n * sizeof *x);
    memcpy(g, m->gt, (size_t)n * sizeof *g);
    k->f = ft;
    m->have_h = false;
    cx_gradient_size(s, x, ft, g);
    cx_trace(s, BY_STEP, &ft);
    bool flat = change <= s->unit * fabs(ft) && !(k->relgrad < 0.5 * before);
    k->flat = flat ? k->flat + 1 : 0;
  } else {
    k->flat++;
  }
  bool stuck = k->radius <= s->unit * fmax(1, sqrt(cx_dot(x, x, n)));
  if ((k->relgrad <= s->tol && !farther) || (!stuck && k->flat < 20)) return true;
  if (cx_at_rest(s, x, k->f, g, NULL) == CX_INFINITE) return false;
  if (k->relgrad <= cx_gradient_limit(s))
    cx_finish(s, CX_OK, true, "the objective no longer changes at this precision (relative gradient %.3g)", k->relgrad);
  else
    cx_finish(s, CX_E_CONVERGENCE, false,
              "no step decreases the objective: the gradient or the Hessian may be wrong, or "
              "the objective has a kink here; run `calx check`");
  return false;
}

const cx_method cx_method_newton = {
    .name = "newton", .help = "Newton's method in a trust region", .bit = M_NEWTON, .begin = begin, .step = step};
