/* cubature_lines.c - nested one-dimensional integrals over the unit cube, many lines side by side.
 *
 * For few variables and integrands with jumps: Gauss-Kronrod 7/15 (Piessens, QUADPACK 1983) on panels that are halved,
 * but a jump is found by search on the line and becomes the end of two panels, at the price of some fifty nodes instead
 * of thousands; where the integrand starts to differ from 0 the panel beside is taken in the square root of the
 * distance, for what starts like a root there. A panel is not accepted while the parabola through the logarithms of
 * its three largest values foretells a peak between the nodes.
 *
 * Every line must be right to an absolute tolerance, for the cube has volume 1; an inner one to a quarter of it. */
#include "quad/cubature_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GK = 17, SEEK = 7, SCAN = 95, WIDTH = 4096, DEPTH = 48 };
typedef enum { PANEL, ROOT_LEFT, ROOT_RIGHT, SEEK_JUMP, SEEK_START, SCAN_ZEROS } shape;

typedef struct {
  int32_t line;
  int16_t depth, kind, comp; /* comp: whose jump */
  double a, b, l, r, fl, fr; /* panel, bracket of the jump and the values at its ends */
  double rise;               /* between the values at first: a jump keeps it, a singularity does not */
} panel;

typedef struct {
  panel *open, *then; /* this wave, the next one */
  int64_t n, m, cap;
  double *v, *f, *err; /* nodes [level + 1][WIDTH + GK], values [nc][], errors of the lines below [] */
} level;

typedef struct {
  level at[CX_CUBATURE_MAX_DIM];
  double *tol;    /* [nc] */
  int64_t limit;  /* nodes at which to give up this attempt */
  double tighten; /* tolerance of the next attempt */
  int64_t patience;
  double *value, *error;
  double outward[GK]; /* of the polynomial through the nodes between, at the first one */
  double *scout;      /* [scouts][d] of the cube, where mass was found, ascending in the first variable */
  int scouts;
  cub_method *me;
} lines;

static const double node[8] = {0,
                               0.207784955007898467600689403773245,
                               0.405845151377397166906606412076961,
                               0.586087235467691130294144691693,
                               0.741531185599394439863864773280788,
                               0.864864423359769072789712788640926,
                               0.949107912342758524526189684047851,
                               0.991455371120812639206854697526329};
static const double wk[8] = {0.209482141084727828012999174891714, 0.204432940075298892414161999234649,
                             0.190350578064785409913256402421014, 0.16900472663926790282829537336,
                             0.140653259715525918745189590510238, 0.10479001032225018383987632254152,
                             0.063092092629978553290700663189204, 0.022935322010529224963732008058970};
static const double wg[8] = {0.417959183673469387755102040816327, 0, 0.381830050505118944950369775488975, 0,
                             0.279705391489276667901467771423780, 0, 0.129484966168869693270611432679082, 0};

/* The k-th of the 15 nodes of (0, 1), ascending, and one beside either end, of weight 0: a jump between the outermost
 * node and the end would otherwise be nobody's. */
static double gk(int k) {
  if (k == 0 || k == GK - 1) return k ? 1 - 2e-4 : 2e-4;
  return 0.5 + 0.5 * (k < 8 ? -node[8 - k] : node[k - 8]);
}

/* weights of the Kronrod and Gauss rule on (0, 1) */
static double weight_k(int k) { return k == 0 || k == GK - 1 ? 0 : 0.5 * wk[k < 8 ? 8 - k : k - 8]; }
static double weight_g(int k) { return k == 0 || k == GK - 1 ? 0 : 0.5 * wg[k < 8 ? 8 - k : k - 8]; }

/* node k of p and the weight of the line element there */
static double place(const panel *p, int k, double *slope) {
  double h = p->b - p->a, s;
  *slope = h;
  switch ((shape)p->kind) {
    case PANEL: return p->a + h * gk(k);
    case ROOT_LEFT: return s = gk(k), *slope = 2 * h * s, p->a + h * s * s;
    case ROOT_RIGHT: return s = 1 - gk(k), *slope = 2 * h * s, p->b - h * s * s;
    case SCAN_ZEROS: return p->a + h * (k + 1) / (SCAN + 1);
    default: return p->l + (p->r - p->l) * (k + 1) / (SEEK + 1);
  }
}

static int count(const panel *p) { return p->kind == SCAN_ZEROS ? SCAN : p->kind >= SEEK_JUMP ? SEEK : GK; }

static void push(cub *b, level *l, panel p) {
  if (l->m == l->cap) {
    int64_t cap = l->cap ? 2 * l->cap : 1024;
    panel *o = CX_NEW_N(b->arena, panel, cap), *t = CX_NEW_N(b->arena, panel, cap);
    if (l->cap) memcpy(o, l->open, sizeof *o * (size_t)l->cap), memcpy(t, l->then, sizeof *t * (size_t)l->cap);
    l->open = o, l->then = t, l->cap = cap;
  }
  if (p.b - p.a > 0) l->then[l->m++] = p;
}

static void split(cub *b, level *l, panel p, double t) {
  panel left = p, right = p;
  left.b = right.a = t;
  left.depth = right.depth = (int16_t)(p.depth + 1);
  left.kind = p.kind == ROOT_LEFT ? ROOT_LEFT : PANEL, right.kind = p.kind == ROOT_RIGHT ? ROOT_RIGHT : PANEL;
  push(b, l, left), push(b, l, right);
}

/* The integral of the Gaussian through the largest of the values and its neighbours, and its place; 0: none near the
 * panel. What hardly rises above underflow is the foot of something: infinity. */
static double foretold(const panel *p, const double *t, const double *f, double least, double *where) {
  int j = 0;
  double reach = 0.05 * (p->b - p->a);
  for (int k = 1; k < GK; k++)
    if (fabs(f[k]) > fabs(f[j])) j = k;
  *where = t[j];
  int filled = 0;
  for (int k = 0; k < GK; k++) filled += f[k] != 0;
  bool inside = j > 0 && j < GK - 1;
  if (f[j] != 0 && (filled <= 4 || (inside && fabs(f[j]) < 1e-100 * least))) return INFINITY;
  if (j == 0) j = 1;
  if (j == GK - 1) j = GK - 2;
  if (f[j - 1] == 0 || f[j] == 0 || f[j + 1] == 0) return 0;
  double y0 = log(fabs(f[j - 1])), y1 = log(fabs(f[j])), y2 = log(fabs(f[j + 1]));
  double d1 = (y1 - y0) / (t[j] - t[j - 1]), d2 = (y2 - y1) / (t[j + 1] - t[j]);
  double curve = 2 * (d2 - d1) / (t[j + 1] - t[j - 1]);
  if (!(curve < 0)) return 0;
  double slope = (d1 * (t[j + 1] - t[j]) + d2 * (t[j] - t[j - 1])) / (t[j + 1] - t[j - 1]);
  *where = t[j] - slope / curve;
  if (!(*where > p->a - reach && *where < p->b + reach)) return 0;
  double rise = -0.5 * slope * slope / curve; /* over many widths it is only right to a part of itself */
  return exp(fmin(y1 + (rise > 3 ? 2 * rise : rise), 700)) * sqrt(-6.283185307179586 / curve);
}

/* The interval beside an end of p that holds a jump of consequence: there the polynomial through the other nodes is
 * far from the value; -1: none. */
static int end_jump(const lines *s, const panel *p, const double *f, double most) {
  for (int side = 0; side < 2; side++) {
    double end = side ? p->b : p->a, miss = side ? f[GK - 1] : f[0];
    if (end <= 0 || end >= 1) continue; /* the integrand may be infinite there */
    for (int k = 1; k < GK - 1; k++) miss -= s->outward[k] * (side ? f[GK - 1 - k] : f[k]);
    if (fabs(miss) * 0.004 * (p->b - p->a) > 0.1 * most) return side ? GK - 2 : 0;
  }
  return -1;
}

/* takes what the nodes of p say: adds to value and error of its line, or pushes what remains to be done */
static void judge(cub *b, lines *s, int lv, panel p, const double *t, const double *slope, const double *f,
                  int64_t stride, const double *below, double *value, double *error, int64_t nline) {
  level *l = &s->at[lv];
  int nc = b->nc, worst = 0;
  double share = ldexp(1, -2 * lv), most = 0, est[GK], g[GK], peak, where = 0;
  double *kv = s->value + lv * 2 * nc, *ke = kv + nc;
  for (int c = 0; c < nc; c++) {
    double k15 = 0, g7 = 0, spread = 0, size = 0;
    for (int k = 0; k < GK; k++) {
      est[k] = f[c * stride + k] * slope[k];
      k15 += weight_k(k) * est[k], g7 += weight_g(k) * est[k], size += weight_k(k) * fabs(est[k]);
    }
    for (int k = 0; k < GK; k++) spread += weight_k(k) * fabs(est[k] - k15);
    double e = fabs(k15 - g7);
    if (spread > 0 && e > 0) e = spread * fmin(1, pow(200 * e / spread, 1.5));
    kv[c] = k15, ke[c] = fmax(e, 1e-15 * size);
    double ratio = e <= 1e-13 * size ? 0 : e / (0.1 * share * s->tol[c]);
    if (ratio > most) most = ratio, worst = c;
  }
  for (int k = 0; k < GK; k++) g[k] = f[worst * stride + k];
  peak = foretold(&p, t, g, share * s->tol[worst], &where);
  bool hidden = p.kind == PANEL && p.depth < 24 && peak > 0.1 * share * s->tol[worst] && peak > 4 * fabs(kv[worst]);
  if (p.kind == PANEL && p.depth == 0 &&
      b->d <= 3) { /* nothing but zeros: perhaps a peak that underflows beside itself */
    bool zero = true;
    for (int c = 0; c < nc; c++)
      for (int k = 0; k < GK; k++) zero &= f[c * stride + k] == 0;
    if (zero) {
      p.kind = SCAN_ZEROS;
      push(b, l, p);
      return;
    }
  }
  int torn = p.kind == PANEL && most <= 1 ? end_jump(s, &p, g, share * s->tol[worst]) : -1;
  if ((most <= 1 && !hidden && torn < 0) || p.depth >= DEPTH || p.b - p.a < 1e-15) {
    double w = 0;
    for (int k = 0; k < GK; k++) w += weight_k(k) * slope[k] * below[k];
    for (int c = 0; c < nc; c++) value[c * nline + p.line] += kv[c];
    double e = w;
    for (int c = 0; c < nc; c++) e = fmax(e, w + ke[c] / s->tol[c]);
    error[p.line] += e;
    return;
  }
  if (p.kind == PANEL) {
    int j = 0, edge = -1, edges = 0, filled = 0;
    double step = 0, sum = 0, top = 0;
    for (int k = 0; k < GK; k++) top = fmax(top, fabs(g[k])), filled += g[k] != 0;
    for (int k = 0; k + 1 < GK; k++) {
      double d = fabs(g[k + 1] - g[k]);
      sum += d;
      if (d > step) step = d, j = k;
      if ((g[k] == 0) != (g[k + 1] == 0)) edges++, edge = d > 1e-6 * top ? k : edge; /* else it underflows there */
    }
    panel q = p;
    q.comp = (int16_t)worst;
    if (torn >= 0) j = torn, q.kind = (g[j] == 0) != (g[j + 1] == 0) ? SEEK_START : SEEK_JUMP;
    else if (most > 1 && edge >= 0 && edges <= 2 && filled > 1) j = edge, q.kind = SEEK_START;
    else if (most > 1 && step > 0.3 * sum && filled > 1) q.kind = SEEK_JUMP;
    if (hidden && torn < 0 && (q.kind == PANEL || most <= 1)) {
      split(b, l, p, fmin(fmax(where, p.a + 0.1 * (p.b - p.a)), p.b - 0.1 * (p.b - p.a)));
      return;
    }
    if (q.kind != PANEL) {
      q.l = t[j], q.r = t[j + 1], q.fl = g[j], q.fr = g[j + 1], q.rise = fabs(g[j + 1] - g[j]);
      push(b, l, q);
      return;
    }
  }
  if (p.kind == ROOT_LEFT) split(b, l, p, p.a + 0.25 * (p.b - p.a));
  else if (p.kind == ROOT_RIGHT) split(b, l, p, p.b - 0.25 * (p.b - p.a));
  else split(b, l, p, 0.5 * (p.a + p.b));
}

/* 0 everywhere on many nodes is accepted; else the panel is cut where something is */
static void scan(cub *b, level *l, panel p, const double *t, const double *f, int64_t stride) {
  int best = -1;
  double most = 0;
  for (int c = 0; c < b->nc; c++)
    for (int k = 0; k < SCAN; k++)
      if (fabs(f[c * stride + k]) > most) most = fabs(f[c * stride + k]), best = k;
  p.kind = PANEL;
  if (best >= 0) split(b, l, p, t[best]);
}

/* one step of the search for a jump or a start */
static void seek(cub *b, lines *s, int lv, panel p, const double *t, const double *f, int64_t stride, double *value,
                 double *error, int64_t nline) {
  level *l = &s->at[lv];
  double share = ldexp(1, -2 * lv), prev = p.fl, at = p.l, step = -1, whole = fabs(p.fr - p.fl);
  double bl = p.l, br = p.r, bfl = p.fl, bfr = p.fr;
  for (int k = 0; k <= SEEK; k++) {
    double next = k < SEEK ? f[p.comp * stride + k] : p.fr, tn = k < SEEK ? t[k] : p.r;
    double d = p.kind == SEEK_START ? ((prev == 0) != (next == 0) ? 1 + fabs(next - prev) : 0) : fabs(next - prev);
    if (d > step) step = d, bl = at, br = tn, bfl = prev, bfr = next;
    prev = next, at = tn;
  }
  if (p.kind == SEEK_JUMP && step < 0.6 * whole) { /* no jump */
    split(b, l, p, 0.5 * (p.l + p.r));
    return;
  }
  p.l = bl, p.r = br, p.fl = bfl, p.fr = bfr;
  double gap = (p.r - p.l) * fmax(fabs(p.fl), fabs(p.fr));
  if (gap > 0.02 * share * s->tol[p.comp] && p.r - p.l > 4e-16) {
    push(b, l, p);
    return;
  }
  if (whole > 1e3 * s->tol[p.comp] && whole < 1.5 * p.rise) s->me->jumps = true;
  value[p.comp * nline + p.line] += 0.5 * (p.r - p.l) * (p.fl + p.fr);
  error[p.line] += gap / s->tol[p.comp];
  panel left = p, right = p;
  left.b = p.l, right.a = p.r;
  left.depth = right.depth = (int16_t)(p.depth + 1);
  left.kind = p.kind == SEEK_START && p.fl != 0 ? ROOT_RIGHT : PANEL;
  right.kind = p.kind == SEEK_START && p.fr != 0 ? ROOT_LEFT : PANEL;
  push(b, l, left), push(b, l, right);
}

/* Ends of the first panels of a line: around the scouts whose other coordinates are nearest, so that a ridge narrower
 * than the distance of the nodes is met. Returns their number. */
static int begin(const cub *b, const lines *s, int lv, int64_t stride, const double *v, double *cut) {
  enum { NEAR = 12 };
  int d = b->d, n = s->scouts, from = 0, to = n, cuts = 0;
  double best[NEAR], at[NEAR], lo = 1, hi = 0;
  cut[cuts++] = 0;
  if (n >= NEAR && lv > 0) {
    int l = 0, r = n; /* a window of 64 around the first coordinate */
    while (l < r) {
      int mid = (l + r) / 2;
      if (s->scout[mid * d] < v[0]) l = mid + 1;
      else r = mid;
    }
    int half = lv == 1 ? NEAR / 2 : 32 * lv;
    from = l - half < 0 ? 0 : l - half, to = l + half > n ? n : l + half;
  }
  int got = 0;
  for (int k = from; k < to && lv > 0; k++) {
    const double *x = s->scout + k * d;
    double r = 0;
    for (int i = 0; i < lv; i++) r += (x[i] - v[i * stride]) * (x[i] - v[i * stride]);
    int j = got < NEAR ? got++ : NEAR;
    for (; j > 0 && best[j - 1] > r; j--)
      if (j < NEAR) best[j] = best[j - 1], at[j] = at[j - 1];
    if (j < NEAR) best[j] = r, at[j] = x[lv];
  }
  for (int k = 0; k < got; k++) lo = fmin(lo, at[k]), hi = fmax(hi, at[k]);
  double w = hi - lo;
  if (got == NEAR && (d <= 3 || w < 0.2)) {
    if (lo - 0.6 * w > 0.01) cut[cuts++] = lo - 0.6 * w;
    if (d == 2) cut[cuts++] = 0.5 * (lo + hi);
    if (hi + 0.6 * w < 0.99) cut[cuts++] = hi + 0.6 * w;
  } else if (d <= 3) cut[cuts++] = 0.4 + 0.03 * lv;
  cut[cuts++] = 1;
  return cuts;
}

/* integrals over variables lv, lv + 1, ... at prefixes v[i < lv][n]: value[nc][n], error[n] in units of tol */
static bool solve(cub *b, lines *s, int lv, int64_t n, const double *v, double *value, double *error) {
  level *l = &s->at[lv];
  int nc = b->nc, d = b->d;
  memset(value, 0, sizeof *value * (size_t)(n * nc));
  memset(error, 0, sizeof *error * (size_t)n);
  l->m = 0;
  for (int64_t k = 0; k < n; k++) {
    double cut[5];
    int cuts = begin(b, s, lv, n, v + k, cut);
    for (int j = 0; j + 1 < cuts; j++)
      push(b, l, (panel){.line = (int32_t)k, .kind = PANEL, .a = cut[j], .b = cut[j + 1]});
  }
  while (l->m > 0) {
    panel *swap = l->open;
    l->open = l->then, l->then = swap, l->n = l->m, l->m = 0;
    for (int64_t from = 0; from < l->n;) {
      int64_t to = from, cols = 0, at = 0;
      while (to < l->n && cols + count(&l->open[to]) <= WIDTH) cols += count(&l->open[to++]);
      for (int64_t q = from; q < to; q++) {
        panel *p = &l->open[q];
        for (int k = 0; k < count(p); k++, at++) {
          double slope;
          for (int i = 0; i < lv; i++) l->v[i * cols + at] = v[i * n + p->line];
          l->v[lv * cols + at] = place(p, k, &slope);
        }
      }
      if (b->evals > s->limit) return false;
      if (lv == d - 1) {
        if (!cub_sample(b, s->me->map, s->me->bend, cols, l->v, l->f)) return false;
        memset(l->err, 0, sizeof *l->err * (size_t)cols);
      } else if (!solve(b, s, lv + 1, cols, l->v, l->f, l->err)) return false;
      at = 0;
      for (int64_t q = from; q < to; q++) {
        panel p = l->open[q];
        double t[SCAN], slope[SCAN];
        for (int k = 0; k < count(&p); k++) t[k] = place(&p, k, &slope[k]);
        if (p.kind == SCAN_ZEROS) scan(b, l, p, t, l->f + at, cols);
        else if (p.kind >= SEEK_JUMP) seek(b, s, lv, p, t, l->f + at, cols, value, error, n);
        else judge(b, s, lv, p, t, slope, l->f + at, cols, l->err + at, value, error, n);
        at += count(&p);
      }
      from = to;
    }
  }
  return true;
}

static void advance(cub *b, cub_method *me, int64_t budget) {
  lines *s = me->self;
  int64_t from = b->evals, first = s->patience;
  do {
    int64_t start = b->evals;
    s->limit = start + (budget > s->patience ? budget : s->patience);
    for (int c = 0; c < b->nc; c++) {
      double known = isfinite(me->ratio) ? me->absolute[c] : me->error[c],
             value = isfinite(me->ratio) ? me->value[c] : known;
      s->tol[c] = fmax(cub_target(b, c, value, known) * s->tighten, 1e-300);
    }
    if (!solve(b, s, 0, 1, NULL, s->error, s->error + b->nc)) {
      if (b->stop != QUAD_OK) me->stuck = true;
      s->patience = 8 * (b->evals - start);
      break;
    }
    for (int c = 0; c < b->nc; c++) {
      me->value[c] = s->error[c];
      me->error[c] = s->error[b->nc] * s->tol[c];
      me->absolute[c] = fmax(fabs(me->value[c]), isfinite(me->ratio) ? me->absolute[c] : 0);
    }
    cub_rate(b, me);
    s->tighten *= fmax(0.01, fmin(0.2, 0.5 * me->goal / fmax(me->ratio, 1e-30)));
    s->patience = 3 * (b->evals - start) > first ? 3 * (b->evals - start) : first;
    if (s->tighten < 1e-7) me->stuck = true;
  } while (me->ratio > me->goal && !me->stuck && b->evals - from + s->patience < budget);
  me->used += b->evals - from;
  me->next = s->patience;
}

/* guess: [nc] a first idea of the values */
void cub_lines(cub *b, cub_method *me, const cub_map *map, cub_bend bend, const double *guess) {
  lines *s = CX_NEW(b->arena, lines);
  int64_t room = WIDTH + GK;
  for (int i = 0; i < b->d; i++) {
    s->at[i].v = CX_NEW_N(b->arena, double, room *(i + 2 + b->nc));
    s->at[i].f = s->at[i].v + room * (i + 1);
    s->at[i].err = s->at[i].f + room * b->nc;
  }
  s->tol = CX_NEW_N(b->arena, double, 3 * b->nc + 1);
  s->error = s->tol + b->nc;
  s->value = CX_NEW_N(b->arena, double, 2 * b->nc * b->d);
  s->me = me;
  for (int k = 1; k < GK - 1; k++) {
    s->outward[k] = 1;
    for (int j = 1; j < GK - 1; j++)
      if (j != k) s->outward[k] *= (gk(0) - gk(j)) / (gk(k) - gk(j));
  }
  s->tighten = 0.25;
  s->patience = b->d == 2 ? 300000 : b->d == 3 ? 3000000 : 10000000;
  for (int c = 0; c < b->nc; c++) me->error[c] = guess[c];
  if (b->nseen > 0 && map->n == 1) {
    int n = s->scouts = b->nseen < 4096 ? (int)b->nseen : 4096, d = b->d;
    double *x = CX_NEW_N(b->arena, double, n *(2 * d + 2)), *v = x + n * d, *g = v + n * d, *f = g + n;
    for (int k = 0; k < n; k++) {
      int64_t from = k * b->nseen / n;
      f[k] = b->seen_f[from];
      for (int i = 0; i < d; i++) x[i * n + k] = b->seen[from * d + i];
    }
    cub_locate(b, map, bend, n, x, f, v, g);
    s->scout = CX_NEW_N(b->arena, double, n *d);
    for (int k = 0; k < n; k++)
      for (int i = 0; i < d; i++) s->scout[k * d + i] = v[i * n + k];
    qsort(s->scout, (size_t)n, sizeof *s->scout * (size_t)d, cx_by_value);
  }
  me->name = "lines", me->map = map, me->bend = bend, me->self = s, me->advance = advance;
  me->next = s->patience;
  me->ratio = INFINITY;
}
