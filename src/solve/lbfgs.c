/* lbfgs.c - limited-memory BFGS: d = -H g, where H is the BFGS inverse of the last `memory` pairs
 *   s = x+ - x,  y = g+ - g, built on  H0 = (s'y / y'y) I
 * by the two-loop recursion: Nocedal, Math. Comp. 35 (1980); Nocedal & Wright (2006), algorithms 7.4 and 7.5,
 * with a strong Wolfe line search. A pair without curvature, s'y <= eps y'y, is not kept (ibid. section 6.1; the bound
 * of L-BFGS-B: Zhu, Byrd, Lu, Nocedal, ACM TOMS 23 (1997)). */
#include "solve/solver.h"

#include <math.h>
#include <string.h>

typedef struct {
  void *g, *s, *y, *rho; /* kept: gradient at x, the pairs (memory rows of n), 1 / s'y */
  double *d, *xt, *gt, *alpha;
  int64_t memory;
} lbfgs;

static void room(cx_solver *s, lbfgs *m, size_t n) {
  m->g = cx_keep(s, "g", n * sizeof(double));
  m->s = cx_keep(s, "s", n * (size_t)m->memory * sizeof(double));
  m->y = cx_keep(s, "y", n * (size_t)m->memory * sizeof(double));
  m->rho = cx_keep(s, "rho", (size_t)m->memory * sizeof(double));
  m->d = CX_NEW_N(s->arena, double, n), m->xt = CX_NEW_N(s->arena, double, n), m->gt = CX_NEW_N(s->arena, double, n);
  m->alpha = CX_NEW_N(s->arena, double, m->memory);
}

static void begin(cx_solver *s) {
  lbfgs *m = s->m = CX_NEW(s->arena, lbfgs);
  cx_frame f;
  m->memory = (int64_t)s->opt.num[O_memory];
  CX_TRY(s->ctx, f) {
    room(s, m, (size_t)s->p->n);
    CX_END(s->ctx, f);
  } else {
    double n = (double)s->p->n;
    int d = cx_diag(s->ctx, CX_NOTE, CX_OK, s->span,
                    "lbfgs keeps %lld arrays of the params' size: %.3g numbers each, %.3g GB",
                    2 * (long long)m->memory + 5, n, (2 * (double)m->memory + 5) * n * sizeof(double) / 1e9);
    cx_diag_help(s->ctx, d, "make `memory` smaller, or fit by adam");
    cx_throw(s->ctx, f.status);
  }
  if (isnan(s->opt.num[O_tolerance])) s->tol = s->p->single ? 1e-4 : 1e-8;
  s->budget = isnan(s->opt.num[O_steps]) ? 1000 : (int64_t)s->opt.num[O_steps];
}

static void direction(cx_solver *s, lbfgs *m) {
  int64_t n = s->p->n, count = s->k->stored;
  const double *S = m->s, *Y = m->y, *rho = m->rho, *g = m->g;
  double *d = m->d;
  for (int64_t i = 0; i < n; i++) d[i] = -g[i];
  for (int64_t k = 0; k < count; k++) { /* newest first */
    int64_t j = (s->k->head - 1 - k + 2 * m->memory) % m->memory;
    m->alpha[j] = rho[j] * cx_dot(S + j * n, d, n);
    for (int64_t i = 0; i < n; i++) d[i] -= m->alpha[j] * Y[j * n + i];
  }
  if (count) {
    const double *y = Y + ((s->k->head - 1 + m->memory) % m->memory) * n;
    double h0 = 1 / (rho[(s->k->head - 1 + m->memory) % m->memory] * cx_dot(y, y, n));
    for (int64_t i = 0; i < n; i++) d[i] *= h0;
  }
  for (int64_t k = count - 1; k >= 0; k--) {
    int64_t j = (s->k->head - 1 - k + 2 * m->memory) % m->memory;
    double b = rho[j] * cx_dot(Y + j * n, d, n);
    for (int64_t i = 0; i < n; i++) d[i] += (m->alpha[j] - b) * S[j * n + i];
  }
}

static void remember(cx_solver *s, lbfgs *m) {
  int64_t n = s->p->n, j = s->k->head;
  double *S = (double *)m->s + j * n, *Y = (double *)m->y + j * n, *x = s->x, *g = m->g;
  for (int64_t i = 0; i < n; i++) S[i] = m->xt[i] - x[i], Y[i] = m->gt[i] - g[i];
  double sy = cx_dot(S, Y, n), yy = cx_dot(Y, Y, n);
  if (!(sy > 0x1p-52 * yy) || !isfinite(1 / sy)) return;
  ((double *)m->rho)[j] = 1 / sy;
  s->k->head = (j + 1) % m->memory;
  if (s->k->stored < m->memory) s->k->stored++;
}

static cx_rest rest(cx_solver *s, lbfgs *m) {
  direction(s, m);
  return cx_at_rest(s, s->x, s->k->f, m->g, s->k->stored ? m->d : NULL);
}

static bool step(cx_solver *s) {
  lbfgs *m = s->m;
  cx_core *k = s->k;
  int64_t n = s->p->n;
  double *x = s->x, *g = m->g, ft = NAN, a = 1;
  if (isnan(k->f)) { /* the start */
    cx_eval(s, x, &k->f, g);
    cx_gradient_size(s, x, k->f, g);
    if (!isfinite(k->f) || !isfinite(k->gmax)) return cx_diverged(s, k->f, x, g, true), false;
    cx_trace(s, BY_STEP, &k->f);
  }
  if (k->relgrad <= s->tol) {
    cx_rest r = rest(s, m);
    if (r == CX_INFINITE) return false;
    if (r == CX_SETTLED || k->step >= s->budget)
      return cx_finish(s, CX_OK, true, "the gradient is below the tolerance"), false;
  }
  if (k->step >= s->budget) {
    k->out_of_steps = 1;
    if (rest(s, m) != CX_INFINITE)
      cx_finish(s, CX_E_CONVERGENCE, false, "at step %lld the relative gradient is still %.3g: raise steps",
                (long long)k->step, k->relgrad);
    return false;
  }
  for (;;) {
    direction(s, m);
    double slope = cx_dot(g, m->d, n);
    cx_ls r = LS_NO_DECREASE;
    if (slope < 0) {
      a = k->stored ? 1 : fmin(1, 1 / sqrt(cx_dot(g, g, n)));
      r = cx_line_search(s, x, m->d, k->f, slope, &a, m->xt, m->gt, &ft);
    }
    if (r == LS_UNBOUNDED) return cx_diverged(s, -INFINITY, x, g, true), false;
    if (r == LS_OK) break;
    if (k->stored) { /* the pairs may mislead: once more along the gradient */
      k->stored = k->head = 0;
      continue;
    }
    if (rest(s, m) == CX_INFINITE) return false;
    if (k->relgrad <= cx_gradient_limit(s))
      cx_finish(s, CX_OK, true, "the objective no longer changes at this precision (relative gradient %.3g)",
                k->relgrad);
    else
      cx_finish(s, CX_E_CONVERGENCE, false,
                "the line search found no decrease: the gradient may be wrong, or the objective has a kink here; "
                "run `calx check`");
    return false;
  }
  remember(s, m);
  double change = fabs(ft - k->f);
  memcpy(x, m->xt, (size_t)n * sizeof *x);
  memcpy(g, m->gt, (size_t)n * sizeof *g);
  k->f = ft;
  k->step++;
  cx_trace(s, BY_STEP, &ft);
  cx_gradient_size(s, x, ft, g);
  k->flat = change <= s->unit * fabs(ft) ? k->flat + 1 : 0;
  if (k->flat >= 5 && k->relgrad > s->tol) {
    bool ok = k->relgrad <= cx_gradient_limit(s);
    if (rest(s, m) == CX_INFINITE) return false;
    cx_finish(s, ok ? CX_OK : CX_E_CONVERGENCE, ok,
              "the objective no longer changes at this precision (relative gradient %.3g)", k->relgrad);
    return false;
  }
  return true;
}

const cx_method cx_method_lbfgs = {.name = "lbfgs",
                                   .help = "limited-memory BFGS with a strong Wolfe line search",
                                   .bit = M_LBFGS,
                                   .begin = begin,
                                   .step = step};
