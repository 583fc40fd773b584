/* group.c - many integrals of one kind by one rule. They differ in numbers, not in structure: the same pieces between
 * their breaks and singular points, with as many peaks. One of them, the pattern, is used to choose a rule for each
 * piece, the nodes then move with each one's own ends and peaks, and every integral is judged by its own values. Those
 * that do not meet their tolerance so are left to the adaptive engine, or to a rule made for one of them.
 *
 * Rules. The trapezoidal rule in t with x = phi(t), whose error falls exponentially where the integrand is analytic and
 * dies away at both ends: phi linear or sinh about a peak, exp(t - exp(-t)) and exp(pi/2 sinh t) from a finite end to
 * infinity, tanh(pi/2 sinh t) between two ends (Takahasi and Mori, Publ. RIMS 9 (1974) 721-741; Trefethen and Weideman,
 * SIAM Review 56 (2014) 385-458). Pieces without singular points may have panels of the usual rule instead.
 *
 * Honesty. With the sums S_0 .. S_7 over every eighth node, |sum(S_j exp(-2 pi i j k / 8))| is the integrand's Fourier
 * coefficient c_k at the frequency k / (8 h), in both phases for k < 4. The rule's own error is c_8 and beyond: c_3 and
 * the decay from c_1 to c_3 foretell c_5 with a margin, and c_4, of which one phase is seen, must agree with that. What
 * lies beyond the nodes is extrapolated from the last ones, and looked at in a few places. Every known peak must have
 * nodes closer than half its width, or a panel of no more than twice that. */
#include "quad/group.h"
#include <stdio.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES = 3, RULES = 10, MOST = 192, BEYOND = 4, CHUNK = 8192, FEW = 6 };
#define HALF_PI 1.5707963267948966

typedef enum { PANELS, LINEAR, SINH, SINHSINH, EXPEXP, EXPSINH, TANHSINH, MAPS } map;
typedef struct {
  map map;
  int peak;       /* LINEAR, SINH, ..: about this one of the piece's, -1: none */
  int n;          /* nodes; PANELS: panels; TANHSINH: the second half from n / 2 on counts from the other end */
  double h, wide; /* wide: PANELS to infinity cover so much; else 0 */
  double e[MOST + 2 * BEYOND], w[MOST]; /* then places beyond the first and the last node */
} rule;
typedef struct {
  uint64_t kind;
  int npiece;
  rule of[PIECES];
} pattern;

typedef struct {
  double a, b;
  bool sa, sb;
  const cx_quad_point *peak;
  int npeak;
  double frequency;
} piece;

struct cx_group {
  pattern rule[RULES];
  int nrule;
  double *x, *at, *f;
  bool shared; /* x is that of all members */
  int32_t *id;
  size_t cap;
  double *sum; /* value, abs, error: [member][comp] each */
  size_t cap_sum;
};

void cx_group_free(cx_group *g) {
  if (!g) return;
  free(g->x), free(g->at), free(g->f), free(g->id), free(g->sum), free(g);
}

static bool room(cx_group *g, size_t n, int nc) {
  if (n * (size_t)nc <= g->cap) return true;
  size_t all = n * (size_t)nc;
  free(g->x), free(g->at), free(g->f), free(g->id);
  g->x = malloc(all * sizeof(double)), g->at = malloc(all * sizeof(double)), g->f = malloc(all * sizeof(double));
  g->id = malloc(all * sizeof *g->id);
  g->cap = g->x && g->at && g->f && g->id ? all : 0;
  return g->cap > 0;
}

/* ---- pieces ---- */
/* of one integral, and their kind: 0 where there are too many, or a break that is not known exactly */
static uint64_t pieces_of(const cx_quad_work *w, const cx_quad_inst *in, piece *p, int *count) {
  const cx_quad_point *k = w->point + in->point, *end = k + in->npoint;
  double a = in->lo;
  bool sa = in->lo_singular;
  uint64_t kind = 1;
  int n = 0;
  for (;; k++) {
    const cx_quad_point *first = k;
    while (k < end && k->kind == QP_PEAK && k->off == 0) k++;
    if (k < end && k->off != 0) return 0;
    if (n == PIECES || (k < end && k->kind == QP_BREAK && k->width > 0) || k - first > FEW) return 0;
    double b = k < end ? k->x : in->hi;
    bool sb = k < end ? k->kind == QP_SINGULAR : in->hi_singular;
    p[n++] = (piece){a, b, sa, sb, first, (int)(k - first), in->range->frequency};
    kind = kind << 16 | (uint64_t)((isinf(a) != 0) << 8 | (isinf(b) != 0) << 7 | sa << 6 | sb << 5 | (int)(k - first));
    if (k == end) break;
    a = b, sa = sb;
  }
  *count = n;
  return kind;
}

/* x = at + sign * scale * e, in the first half and the second; sign 0 in *side: x itself is asked for */
typedef struct {
  double at[2], scale[2];
  int side[2];
} place;
static place place_of(const rule *r, const piece *p) {
  place q = {.side = {0, 0}};
  const cx_quad_point *k = r->peak >= 0 ? &p->peak[r->peak] : NULL;
  double end = isfinite(p->a) ? p->a : p->b;
  switch (r->map) {
    case PANELS:
      q.scale[0] = r->wide > 0 ? r->wide : p->b - p->a;
      q.at[0] = isfinite(p->a) ? p->a : p->b - r->wide;
      break;
    case EXPEXP:
    case EXPSINH:
      q.at[0] = end, q.scale[0] = k ? fabs(k->x - end) + k->width : fmax(1, fabs(end) * 1e-8);
      q.side[0] = isfinite(p->a) ? -1 : 1;
      break;
    case TANHSINH:
      q.at[0] = p->a, q.at[1] = p->b, q.scale[0] = q.scale[1] = p->b - p->a, q.side[0] = -1, q.side[1] = 1;
      break;
    default: q.at[0] = k ? k->x : 0, q.scale[0] = k ? k->width : 1;
  }
  return q;
}

/* do the nodes of r lie inside, close enough at all peaks? */
static bool covers(const rule *r, const piece *p, const place *q) {
  if (r->map == PANELS) {
    double each = q->scale[0] / r->n, first = q->at[0], last = first + q->scale[0];
    bool fine = !(p->frequency * each > 12) && isfinite(each);
    for (int k = 0; k < p->npeak; k++)
      fine = fine && each <= 2 * p->peak[k].width && p->peak[k].x > first && p->peak[k].x < last;
    return fine;
  }
  if (p->frequency > 0) return false;
  double s = q->scale[0], first = q->at[0] + s * r->e[0], last = q->at[0] + s * r->e[r->n - 1];
  if (!(s > 0) || isinf(s)) return false;
  if (!q->side[0] && !(first > p->a && last < p->b)) return false;
  for (int k = 0; k < p->npeak; k++) {
    double x = p->peak[k].x, y = (x - q->at[0]) / s;
    int lo = 0, hi = r->n - 1;
    if (q->side[0] > 0) y = -y;
    if (r->map == TANHSINH) { /* e is a distance from the nearer end */
      lo = y > 0.5 ? r->n / 2 : 0, hi = y > 0.5 ? r->n - 1 : r->n / 2 - 1;
      if (y > 0.5) y = -(p->b - x) / s;
    }
    double sign = r->map == TANHSINH && lo ? -1 : 1;
    if (y < sign * r->e[lo] || y > sign * r->e[hi]) return false;
    while (hi - lo > 1) {
      int mid = (lo + hi) / 2;
      if (sign * r->e[mid] <= y) lo = mid;
      else hi = mid;
    }
    if (!(fabs(r->e[hi] - r->e[lo]) * s <= 0.5 * p->peak[k].width)) return false;
  }
  return true;
}

/* ---- rules ---- */
static double phi(map m, double t, double *slope) {
  double e, s = sinh(t), c = cosh(t);
  switch (m) {
    case LINEAR: return *slope = 1, t;
    case SINH: return *slope = c, s;
    case SINHSINH: return *slope = HALF_PI * c * cosh(HALF_PI * s), sinh(HALF_PI * s);
    case EXPEXP: e = exp(-t); return *slope = exp(t - e) * (1 + e), exp(t - e);
    case EXPSINH: return *slope = exp(HALF_PI * s) * HALF_PI * c, exp(HALF_PI * s);
    default: /* distance from the nearer end */
      e = 1 / (1 + exp(2 * HALF_PI * fabs(s)));
      return *slope = 2 * HALF_PI * c * e * (1 - e), e;
  }
}

static const double reach[MAPS][2] = {[LINEAR] = {-40, 40},  [SINH] = {-80, 80},      [SINHSINH] = {-5, 5},
                                      [EXPEXP] = {-5.5, 80}, [EXPSINH] = {-5.5, 5.5}, [TANHSINH] = {-5.5, 5.5}};

static const double more[BEYOND] = {0.3, 2, 20, 1e4};
static void make(rule *r, double from, double to, int n) {
  double h = (to - from) / (n - 1), slope;
  r->n = n, r->h = h;
  for (int k = 0; k < n; k++) {
    r->e[k] = phi(r->map, from + k * h, &slope);
    r->w[k] = h * slope;
  }
  /* beyond: on and on, as far as something may be */
  for (int k = 0; k < BEYOND && r->map != TANHSINH; k++) {
    double first = r->e[0], last = r->e[n - 1], wide = last - first;
    bool ray = r->map == EXPEXP || r->map == EXPSINH;
    r->e[n + k] = ray ? first / (1 + more[k]) : first - wide * more[k];
    r->e[n + BEYOND + k] = last + wide * more[k];
  }
}

static int nodes_of(const rule *r) {
  int beyond = r->map == TANHSINH || (r->map == PANELS && !(r->wide > 0)) ? 0 : 2 * BEYOND;
  return (r->map == PANELS ? r->n * CX_QUAD_NODES : r->n) + beyond;
}

/* nodes of `who` under rule r of piece number k: values in g->f[c * all + member * nodes], weighed by nothing */
static bool values(const cx_quad *q, cx_quad_work *w, cx_group *g, const rule *r, int nwho,
                   const cx_quad_inst *const *who, const piece *const *p, place *at) {
  int n = nodes_of(r), parts = r->map == TANHSINH ? 2 : 1, some = n / parts;
  if (!room(g, (size_t)n * (size_t)nwho, q->ncomp)) return !(w->failed = true);
  for (int part = 0; part < parts; part++) {
    int64_t all = 0;
    double *x = g->x, *base = g->at;
    int side = at[0].side[part];
    bool same = q->eval_same && nwho > 1 && !(side && q->nearby);
    for (int j = 1; j < nwho && same; j++)
      same = at[j].at[part] == at[0].at[part] && at[j].scale[part] == at[0].scale[part] &&
             (side || (p[j]->a == p[0]->a && p[j]->b == p[0]->b));
    for (int j = 0; j < (same ? 1 : nwho); j++) {
      double a = at[j].at[part], s = at[j].scale[part];
      for (int i = 0; i < some; i++) g->id[all + i] = who[j]->index;
      if (r->map == PANELS) {
        for (int k = 0; k < r->n; k++) {
          double half = s / (2 * r->n);
          w->rule.kern->nodes(&w->rule, a + half * (2 * k + 1), half, x + all + k * CX_QUAD_NODES);
        }
        for (int i = r->n * CX_QUAD_NODES; i < n; i++) { /* where it goes on to infinity */
          double far = s * more[i % BEYOND];
          x[all + i] = isfinite(p[j]->a) ? a + s + far : a - far;
        }
      } else if (side) {
        const double *e = r->e + part * some;
        for (int i = 0; i < some; i++) x[all + i] = s * e[i], base[all + i] = a;
      } else {
        for (int i = 0; i < some; i++) x[all + i] = a + s * r->e[i];
        for (int i = r->n; i < n && (isfinite(p[j]->a) || isfinite(p[j]->b)); i++) { /* not beyond the ends */
          static const double share[BEYOND] = {0.05, 0.25, 0.6, 0.95};
          int k = i - r->n;
          double near = x[all + (k < BEYOND ? 0 : r->n - 1)], end = k < BEYOND ? p[j]->a : p[j]->b;
          if (isfinite(end)) x[all + i] = near + (end - near) * share[k % BEYOND];
        }
      }
      all += some;
    }
    double *to = g->f + (int64_t)part * some * nwho * q->ncomp;
    for (int j = 0; j < nwho && same; j++) g->id[j] = who[j]->index;
    g->shared = same;
    if (same) {
      if (q->eval_same(q->user, side, some, side ? base[0] : 0, x, nwho, g->id, to)) return !(w->failed = true);
    } else if (q->eval(q->user, side, all, g->id, base, x, to)) return !(w->failed = true);
  }
  return true;
}

typedef struct {
  double value, abs, error, round;
} part_sum;

/* of member j, component c: what the rule says */
static part_sum judge(const cx_quad *q, cx_quad_work *w, const cx_group *g, const rule *r, int nwho, int j, int comp,
                      const piece *p, const place *at) {
  int n = nodes_of(r);
  part_sum t = {0, 0, 0, 0};
  if (r->map == PANELS) {
    double left = 0, level = 0, half = at->scale[0] / (2 * r->n), *all = g->f + ((int64_t)comp * nwho + j) * n;
    double size = fmax(fabs(at->at[0]), fabs(at->at[0] + at->scale[0]));
    for (int i = 0; i < r->n; i++) {
      int k = isfinite(p->a) ? i : r->n - 1 - i; /* the outermost last */
      cx_quad_panel o;
      double *f = all + k * CX_QUAD_NODES;
      if (!(w->rule.kern->weigh(f, NULL) <= 1e308)) return (part_sum){.error = INFINITY};
      cx_quad_rule_apply(&w->rule, f, half, size, false, &o);
      t.value += o.value, t.abs += o.abs, t.error += o.error;
      t.round += DBL_EPSILON * (size * o.variation + 4 * o.abs);
      double begin = o.end[k != i], end = o.end[k == i], jump = fabs(begin - left);
      if (i && jump > 20 * (level + o.level)) t.error += jump * 2 * half / 200;
      left = end, level = o.level;
    }
    for (int i = r->n * CX_QUAD_NODES, k = 0; i < n; i++, k = i % BEYOND)
      t.error += fabs(all[i]) * at->scale[0] * (more[i % BEYOND] - (k ? more[k - 1] : 0));
    if (r->wide > 0) t.error += (fabs(left) + level) * half;
    return t;
  }
  int parts = r->map == TANHSINH ? 2 : 1, some = n / parts, each = r->n / parts;
  double s[8] = {0}, first[2] = {0}, last[2] = {0};
  for (int part = 0; part < parts; part++) {
    const double *f = g->f + ((int64_t)part * q->ncomp + comp) * nwho * some + (int64_t)j * some;
    const double *wt = r->w + part * each;
    t.abs += w->rule.kern->comb(each, f, wt, s);
    for (int k = 0; k < 8; k++) {
      if (!part) first[k / 4] += fabs(f[k] * wt[k]);
      if (part == parts - 1) last[k / 4] += fabs(f[each - 1 - k] * wt[each - 1 - k]);
    }
    for (int k = 0; k < 2 * BEYOND && parts == 1; k++) { /* as if it were so from here to there */
      int m = r->n + k, before = k % BEYOND ? m - 1 : k < BEYOND ? 0 : r->n - 1;
      if (f[m] == 0) continue;
      const double *x = g->x + (g->shared ? 0 : (int64_t)j * n);
      t.error += fabs(f[m]) * fabs(x[m] - x[before]) / at->scale[0];
    }
  }
  double c[5], decay = 0, even[4], odd[4], e;
  for (int i = 0; i < 4; i++) even[i] = s[i] + s[i + 4], odd[i] = s[i] - s[i + 4];
  double low = M_SQRT1_2 * (odd[1] - odd[3]), high = M_SQRT1_2 * (odd[1] + odd[3]);
  double across = even[0] - even[2], along = even[1] - even[3];
  c[1] = sqrt((odd[0] + low) * (odd[0] + low) + (odd[2] + high) * (odd[2] + high));
  c[2] = sqrt(across * across + along * along);
  c[3] = sqrt((odd[0] - low) * (odd[0] - low) + (odd[2] - high) * (odd[2] - high));
  c[4] = fabs(even[0] - even[1] + even[2] - even[3]);
  for (int k = 2; k < 4; k++)
    if (c[k] > DBL_EPSILON * t.abs) decay = fmax(decay, c[k] / c[k - 1]);
  for (int i = 0; i < 8; i++) t.value += s[i];
  double next = fmin(1, 1.5 * decay);
  e = c[3] * next * next;
  if (c[4] > 4 * c[3] * next + 8 * DBL_EPSILON * t.abs) e = fmax(e, c[4]);
  double a = first[0] / first[1], b = last[0] / last[1]; /* of the outermost four nodes to the next */
  if (first[0] > 0) t.error += a < 0.7 ? first[0] * a / (1 - a) : INFINITY;
  if (last[0] > 0) t.error += b < 0.7 ? last[0] * b / (1 - b) : INFINITY;
  t.error += e;
  double scale = at->scale[0];
  double loose = at->side[0] ? 0 : fabs(at->at[0]) / (scale * r->h);
  t.round = DBL_EPSILON * (6 + loose) * t.abs;
  t.value *= scale, t.abs *= scale, t.error *= scale, t.round *= scale;
  return t;
}

/* ---- choosing ---- */
/* the worst of error over what is asked, of one integral by one rule; the tolerance as if the piece were all */
static double worth(const cx_quad *q, cx_quad_work *w, cx_group *g, const rule *r, const cx_quad_inst *in,
                    const piece *p) {
  place at = place_of(r, p);
  if (!covers(r, p, &at) || !values(q, w, g, r, 1, &in, &p, &at)) return INFINITY;
  double worst = 0;
  for (int c = 0; c < q->ncomp; c++) {
    part_sum t = judge(q, w, g, r, 1, 0, c, p, &at);
    double asked = q->tol * (q->scale && q->scale[c] > 0 ? q->scale[c] * t.abs : fabs(t.value));
    double e = t.error + t.round;
    if (t.abs == 0) continue;
    worst = e <= worst * asked ? worst : e / asked;
  }
  return isnan(worst) ? INFINITY : worst;
}

/* between which t is it that the integrand is not negligible? */
static bool extent(const cx_quad *q, cx_quad_work *w, cx_group *g, rule *r, const cx_quad_inst *in, const piece *p,
                   double *from, double *to) {
  double lo = reach[r->map][0], hi = reach[r->map][1];
  for (int round = 0; round < 2; round++) { /* coarse, then closer */
    make(r, lo, hi, MOST);
    place at = place_of(r, p);
    if (!(at.scale[0] > 0)) return false;
    if (!values(q, w, g, r, 1, &in, &p, &at)) return false;
    int first = MOST, last = -1, n = nodes_of(r), parts = r->map == TANHSINH ? 2 : 1, some = n / parts;
    for (int c = 0; c < q->ncomp; c++) {
      double all = 0;
      for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < MOST; k++) {
          int part = parts == 2 && k >= MOST / 2;
          double v = fabs(g->f[(int64_t)part * some * q->ncomp + c * some + k - part * MOST / 2] * r->w[k]);
          double x = at.at[0] + at.scale[0] * r->e[k];
          if (!at.side[0] && !(x > p->a && x < p->b)) continue;
          if (!isfinite(v)) {
            if (k > MOST / 8 && k < MOST - MOST / 8) return false;
            continue;
          }
          if (!pass) all += v;
          else if (v > 3e-4 * q->tol * all) first = k < first ? k : first, last = k > last ? k : last;
        }
    }
    if (last < first) return false;
    double h = r->h;
    *from = fmax(lo, lo + (first - 1.5) * h), *to = fmin(hi, lo + (last + 1.5) * h);
    if (r->map == TANHSINH) *to = fmax(-*from, *to), *from = -*to;
    lo = *from, hi = *to;
  }
  return true;
}

static bool choose(const cx_quad *q, cx_quad_work *w, cx_group *g, const cx_quad_inst *in, const piece *p, rule *best) {
  static const int size[] = {16, 32, 48, 64, 80, 96, 112, 128, 160};
  bool a = isfinite(p->a), b = isfinite(p->b), found = false;
  rule r = {0};
  if ((a || b) && !p->sa && !p->sb)
    for (int n = 1; n <= 4 && !found && !w->failed; n++) {
      static const double wide[] = {3, 6, 12, 30, 80, 1000};
      for (int k = 0; k < (a && b ? 1 : 6) && !found; k++) {
        r.map = PANELS, r.peak = -1, r.n = n, r.wide = a && b ? 0 : wide[k];
        if (worth(q, w, g, &r, in, p) < 0.1) *best = r, found = true;
      }
    }
  if (found) return true;
  for (int m = LINEAR; m < MAPS && !w->failed; m++) {
    bool ray = m == EXPEXP || m == EXPSINH;
    if (m == TANHSINH ? !(a && b)
        : ray         ? a == b
                      : (m != LINEAR && (a || b)) || p->sa || p->sb || (!p->npeak && (a || b)))
      continue;
    for (int peak = p->npeak && m != TANHSINH ? 0 : -1; peak < p->npeak && !w->failed; peak++) {
      double from, to;
      r.map = (map)m, r.peak = peak, r.wide = 0;
      if (extent(q, w, g, &r, in, p, &from, &to))
        for (size_t k = 0; k < sizeof size / sizeof *size && (!found || size[k] < best->n); k++) {
          make(&r, from, to, size[k]);
          if (!(worth(q, w, g, &r, in, p) < 0.2)) continue;
          *best = r, found = true;
          break;
        }
      if (peak < 0) break;
    }
  }
  return found;
}

/* ---- all of them ---- */
static bool met(const cx_quad *q, cx_quad_inst *in, const double *sum, double *value, double *error,
                cx_quad_report *report) {
  double worst = 0;
  for (int c = 0; c < q->ncomp; c++) {
    const double *t = sum + 3 * c;
    double asked = q->tol * (q->scale && q->scale[c] > 0 ? q->scale[c] * t[1] : fabs(t[0]));
    if (!(t[2] <= asked) || !(t[1] > 0) || !isfinite(t[0])) return false;
    worst = fmax(worst, t[2] / asked);
  }
  for (int c = 0; c < q->ncomp; c++) value[c] = in->sign * sum[3 * c], error[c] = sum[3 * c + 2];
  if (report) *report = (cx_quad_report){worst, in->evaluations, QUAD_OK, NAN};
  in->live = false, in->quick = true;
  return true;
}

/* who[0 .. n-1], of the kind of this pattern: those that it does not serve remain in who; how many they are */
static int apply(const cx_quad *q, cx_quad_work *w, cx_group *g, const pattern *of, int n, int *who, double *value,
                 double *error, cx_quad_report *report) {
  enum { AT_ONCE = 64 };
  int left = 0, nc = q->ncomp;
  for (int from = 0; from < n && !w->failed; from += AT_ONCE) {
    int some = n - from < AT_ONCE ? n - from : AT_ONCE;
    piece p[AT_ONCE][PIECES];
    double *sum = g->sum;
    bool fits[AT_ONCE];
    for (int j = 0; j < some; j++) {
      int count;
      fits[j] = pieces_of(w, &w->inst[who[from + j]], p[j], &count) == of->kind;
    }
    memset(sum, 0, (size_t)(3 * nc * AT_ONCE) * sizeof *sum);
    for (int k = 0; k < of->npiece && !w->failed; k++) {
      const rule *r = &of->of[k];
      const cx_quad_inst *in[AT_ONCE];
      const piece *own[AT_ONCE];
      place at[AT_ONCE];
      int back[AT_ONCE], m = 0;
      for (int j = 0; j < some; j++) {
        at[m] = place_of(r, &p[j][k]);
        if (!(fits[j] = fits[j] && covers(r, &p[j][k], &at[m]))) continue;
        w->inst[who[from + j]].evaluations += nodes_of(r);
        in[m] = &w->inst[who[from + j]], own[m] = &p[j][k], back[m++] = j;
      }
      if (!m || !values(q, w, g, r, m, in, own, at)) continue;
      for (int j = 0; j < m; j++)
        for (int c = 0; c < nc; c++) {
          part_sum t = judge(q, w, g, r, m, j, c, own[j], &at[j]);
          double *s = sum + 3 * (back[j] * nc + c);
          s[0] += t.value, s[1] += t.abs, s[2] += t.error + t.round;
        }
    }
    for (int j = 0; j < some; j++) {
      int i = who[from + j];
      if (!fits[j] || w->failed ||
          !met(q, &w->inst[i], sum + 3 * j * nc, value + i * nc, error + i * nc, report ? report + i : NULL))
        who[left++] = i;
    }
  }
  return left;
}

void cx_group_reset(cx_group *g) {
  if (g) g->nrule = 0;
}

bool cx_group_run(const cx_quad *q, cx_quad_work *w, int n, const cx_quad_range *range, double *value, double *error,
                  cx_quad_report *report) {
  enum { LEAST = 8, TRIES = 3 };
  int who[CX_GROUP_MOST], all[CX_GROUP_MOST], nall = 0;
  if (n > CX_GROUP_MOST) return true;
  for (int i = 0; i < n; i++)
    if (w->inst[i].live && range[i].complete) all[nall++] = i;
  if (nall < LEAST) return true;
  cx_group *g = w->group;
  if (!g && !(g = w->group = calloc(1, sizeof *g))) return false;
  if ((size_t)q->ncomp > g->cap_sum) {
    free(g->sum);
    g->sum = malloc((size_t)(3 * 64 * q->ncomp) * sizeof *g->sum);
    if (!g->sum) return g->cap_sum = 0, false;
    g->cap_sum = (size_t)q->ncomp;
  }
  while (nall >= LEAST && !w->failed) { /* those of the kind of the first */
    piece p[PIECES];
    int count, m = 0, rest = 0;
    uint64_t kind = pieces_of(w, &w->inst[all[0]], p, &count);
    for (int j = 0; j < nall; j++) {
      uint64_t own = j ? pieces_of(w, &w->inst[all[j]], p, &count) : kind;
      if (own == kind) who[m++] = all[j];
      else all[rest++] = all[j];
    }
    nall = rest;
    if (!kind || m < LEAST) continue;
    for (int k = g->nrule - 1; k >= 0 && m; k--) /* the latest first */
      if (g->rule[k].kind == kind) m = apply(q, w, g, &g->rule[k], m, who, value, error, report);
    for (int t = 0; t < TRIES && m >= LEAST && g->nrule < RULES && !w->failed; t++) {
      pattern *of = &g->rule[g->nrule];
      const cx_quad_inst *lead = &w->inst[who[m / 2]];
      of->kind = pieces_of(w, lead, p, &of->npiece);
      bool ok = true;
      for (int k = 0; k < of->npiece && ok; k++) ok = choose(q, w, g, lead, &p[k], &of->of[k]);
      if (!ok) break;
      int before = m;
      g->nrule++;
      m = apply(q, w, g, of, m, who, value, error, report);
      if (m == before) {
        g->nrule--;
        break;
      }
    }
  }
  return !w->failed;
}
