/* tail.c - rays whose integrand goes on oscillating: sin(x) / x, cos(x^2) to infinity, sin(1 / x) to 0.
 *
 * Instead of stopping at a sharp end, which leaves an error of the size of half a wave, the integrand fades out under
 *   W_k(u) = erfc((u - X_k) / sigma_k) / 2,   sigma_k = X_k / 7,   X_k = X_0 sqrt(2)^k.
 * What is lost, the integral of A(u) exp(i w u) (1 - W_k), is of the order of exp(-(w sigma_k)^2 / 4): move the path
 * to the height w sigma^2 / 2 in the complex plane. Neither frequency nor zeros need be known, any number of frequencies
 * and rising ones are welcome, and X = 70 / w serves for all digits. A part that does not oscillate and dies like a
 * power converges linearly in k, so Wynn's epsilon algorithm (MTAC 10 (1956) 91-96) sums what remains.
 * A fading sum also gives sin(x) over 0..inf the value 1 (Abel): the area of half a wave must decrease, or it diverges. */
#include "quad/quad_int.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNGS = 64, TERMS = 13 };
#define NARROW 7.0 /* X / sigma */
#define REACH  6.0 /* erfc(6) = 2e-17 */

typedef struct {
  double sum[RUNGS];                         /* faded */
  double wave_abs[RUNGS], wave_count[RUNGS]; /* of a shell: integral of |f|, number of half waves */
  double accel[RUNGS];
  double abs, error;
} column;
typedef struct {
  double a, b;
  int depth;
} span;

/* the epsilon algorithm's best over s[0..n), n odd or even */
static double wynn(const double *s, int n) {
  double e[TERMS], before[TERMS + 1] = {0}, next[TERMS];
  memcpy(e, s, (size_t)n * sizeof *e);
  double best = s[n - 1];
  for (int k = 1; k < n; k++) {
    for (int i = 0; i + k < n; i++) {
      double d = e[i + 1] - e[i];
      if (d == 0) return k % 2 ? e[i + 1] : best;
      next[i] = (k > 1 ? before[i + 1] : 0) + 1 / d;
    }
    memcpy(before, e, (size_t)(n - k + 1) * sizeof *e);
    memcpy(e, next, (size_t)(n - k) * sizeof *e);
    if (k % 2 == 0) best = e[n - k - 1];
  }
  return best;
}

static void accumulate(const cx_quad *q, cx_quad_work *w, column *col, double from, double start,
                       const cx_quad_job *job, int j, int njob) {
  double half = job->b / 2 - job->a / 2, mid = job->a + half - from, hi = job->b - from, lo = job->a - from;
  for (int k = 0; k < RUNGS; k++) {
    double x = start * pow(2, 0.5 * k), sigma = x / NARROW, fade[CX_QUAD_RULE];
    if (lo > x + REACH * sigma) continue;
    bool whole = hi < x - REACH * sigma;
    if (!whole)
      for (int i = 0; i < CX_QUAD_RULE; i++) {
        double z = (mid + half * w->rule.x[i] - x) / sigma;
        fade[i] = z < -REACH ? 1 : z > REACH ? 0 : 0.5 * erfc(z);
      }
    for (int c = 0; c < q->ncomp; c++) {
      const double *g = w->f + (c * njob + j) * CX_QUAD_NODES;
      double s = 0;
      for (int i = 0; i < CX_QUAD_RULE; i++) s += w->rule.w[i] * g[i] * (whole ? 1 : fade[i]);
      col[c].sum[k] += s * half;
    }
  }
}

bool cx_quad_oscillation(const cx_quad *q, cx_quad_work *w, cx_quad_inst *in, int piece, double least,
                         const double *outside, cx_quad_status *status, double *out) {
  cx_quad_piece far = w->piece[piece];
  double omega = in->range->frequency, from = far.map == MAP_OUT ? 0 : far.map == MAP_AWAY ? far.scale : 1;
  double unit = far.map == MAP_TOWARD ? 1 : far.scale, start = unit / 4;
  bool told = omega > 0 && far.map != MAP_TOWARD;
  if (told) start = 20 / omega;
  far.map = far.map == MAP_TOWARD ? MAP_NEAR : MAP_FAR;
  column *col = calloc((size_t)q->ncomp, sizeof *col);
  span *stack = NULL;
  size_t cap = 0;
  int64_t most = q->max_eval > 0 ? q->max_eval : 2000000;
  double width = told ? 12 / omega : start / 2, lo = 0;
  int done = 0, agreed = -1; /* rungs complete; the one on which all components agreed first */
  bool fast = false;
  *status = QUAD_TOLERANCE;
  if (!col) return false;
  for (int shell = 0; shell < RUNGS - 1; shell++) {
    double hi = start * pow(2, 0.5 * shell);
    int n = (int)fmin(fmax(ceil((hi - lo) / width), 1), 1 << 20), pieces = 0, top = 0;
    double rough = 0; /* largest ratio of coefficients: where all are small, panels may be wider */
    if (in->evaluations + (int64_t)n * CX_QUAD_NODES > most || cx_quad_halted(q, w)) break;
    if (!cx_quad_grow(&stack, &cap, (size_t)n + 2048, sizeof *stack)) goto fail;
    for (int i = 0; i < n; i++)
      stack[top++] = (span){from + lo + (hi - lo) * i / n, from + lo + (hi - lo) * (i + 1) / n, 0};
    while (top) {
      cx_quad_job job[CX_QUAD_BATCH];
      int m = top < CX_QUAD_BATCH ? top : CX_QUAD_BATCH, depth[CX_QUAD_BATCH];
      top -= m;
      for (int i = 0; i < m; i++) {
        job[i] = (cx_quad_job){.piece = &far, .a = stack[top + i].a, .b = stack[top + i].b, .index = in->index};
        depth[i] = stack[top + i].depth;
      }
      in->evaluations += m * CX_QUAD_NODES;
      if (!cx_quad_batch(q, w, m, job)) goto fail;
      if (!cx_quad_grow(&stack, &cap, (size_t)top + 2 * CX_QUAD_BATCH, sizeof *stack)) goto fail;
      for (int i = 0; i < m; i++) {
        if (job[i].bad) {
          *status = QUAD_NAN;
          in->where = job[i].bad_x;
          goto end;
        }
        bool fine = true;
        cx_quad_panel p;
        for (int pass = 0; pass < 2 && fine; pass++)
          for (int c = 0; c < q->ncomp; c++) {
            cx_quad_rule_apply(&w->rule, w->f + (c * m + i) * CX_QUAD_NODES, job[i].b / 2 - job[i].a / 2, job[i].b,
                               false, &p);
            if (!pass) {
              double scale = fabs(outside[c] + (done ? col[c].sum[done - 1] : 0));
              if (scale == 0 || !done) scale = fmax(scale, p.abs + col[c].abs);
              if (q->scale && q->scale[c] > 0) scale = q->scale[c] * (col[c].abs + p.abs);
              fine &= p.error <= fmax(1e-2 * q->tol * scale, 16 * DBL_EPSILON * p.abs);
            } else {
              col[c].abs += p.abs;
              col[c].error += p.error;
              rough = fmax(rough, p.ratio);
              col[c].wave_abs[shell] += p.abs;
              col[c].wave_count[shell] += p.waves;
            }
            fine |= depth[i] >= 24 || in->evaluations >= most;
          }
        if (!fine) {
          double mid = job[i].a / 2 + job[i].b / 2;
          stack[top++] = (span){job[i].a, mid, depth[i] + 1};
          stack[top++] = (span){mid, job[i].b, depth[i] + 1};
        } else accumulate(q, w, col, from, start, &job[i], i, m), pieces++;
      }
    }
    width = (hi - lo) / pieces * (pieces > n ? 1 : rough < 0.015 ? 2 : rough < 0.03 ? 1.4 : 1);
    lo = hi;
    for (; done < RUNGS && lo >= start * pow(2, 0.5 * done) * (1 + REACH / NARROW); done++) {
      bool met = done >= 3 && start * pow(2, 0.5 * done) >= least, quick = true;
      for (int c = 0; c < q->ncomp; c++) {
        column *k = &col[c];
        int terms = done + 1 < TERMS ? done + 1 : TERMS;
        k->accel[done] = wynn(k->sum + done + 1 - terms, terms);
        if (done < 3) continue;
        /* a sum that grows like a geometric series must not be given its formal limit, nor what dies like a power
         * before it begins to oscillate that of the power */
        bool shrinks = done >= 8 && k->wave_count[shell] >= 2;
        for (int i = 0; i < 6 && shrinks; i++)
          shrinks =
              fabs(k->sum[done - i] - k->sum[done - i - 1]) < 0.95 * fabs(k->sum[done - i - 1] - k->sum[done - i - 2]);
        double size = q->scale && q->scale[c] > 0 ? q->scale[c] * k->abs : fabs(outside[c] + k->sum[done]);
        double ask = fmax(q->tol * size, 16 * DBL_EPSILON * k->abs), d = 0, e = 0;
        for (int i = 0; i < 2; i++) {
          d = fmax(d, fabs(k->sum[done - i] - k->sum[done - i - 1]));
          e = fmax(e, fabs(k->accel[done - i] - k->accel[done - i - 1]));
        }
        quick &= d <= 0.2 * ask;
        met &= d <= 0.2 * ask || (shrinks && 10 * e <= 0.2 * ask);
      }
      if (!met) {
        agreed = -1;
        continue;
      }
      fast = quick;
      if (agreed < 0) agreed = done;
      double trend = 0; /* area of half a wave, over that at a quarter of the distance */
      for (int c = 0; c < q->ncomp; c++) {
        const column *k = &col[c];
        double now = k->wave_abs[shell] / fmax(1, k->wave_count[shell]), was = 0;
        if (shell >= 4 && k->wave_count[shell - 4] >= 1) was = k->wave_abs[shell - 4] / k->wave_count[shell - 4];
        if (k->wave_count[shell] >= 2 && now > q->tol * fabs(outside[c] + k->sum[done])) trend = fmax(trend, now / was);
      }
      bool fading = trend < 0.9;
      if (fading || done - agreed >= (trend < 1.1 ? 2 : 8)) {
        *status = fading ? QUAD_OK : QUAD_DIVERGES;
        done++;
        goto end;
      }
    }
  }
end:
  for (int c = 0; c < q->ncomp; c++) {
    column *k = &col[c];
    int last = done - 1, two = last > 1 ? last - 2 : 0;
    double d = last > 0 ? fmax(fabs(k->sum[last] - k->sum[last - 1]), fabs(k->sum[last - 1] - k->sum[two])) : INFINITY;
    if (last > 0 && *status == QUAD_OK && !fast) {
      double e = 10 * fmax(fabs(k->accel[last] - k->accel[last - 1]), fabs(k->accel[last - 1] - k->accel[two]));
      if (e < d) k->sum[last] = k->accel[last], d = e;
    }
    out[c] = last >= 0 ? k->sum[last] : 0;
    out[q->ncomp + c] = k->abs;
    out[2 * q->ncomp + c] = d + k->error;
  }
  free(col), free(stack);
  return true;
fail:
  free(col), free(stack);
  return false;
}
