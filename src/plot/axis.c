/* axis.c - the range an axis shows, its ticks and their labels.
 *
 * Ticks stand at multiples of 1, 2, 2.5 or 5 times a power of ten (P. Heckbert, "Nice numbers for graph labels", Graphics
 * Gems, 1990), or of simple fractions of π where both ends of the range are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plot/pic.h"

static const double pi = 3.14159265358979323846;

double cx_axis_at(const cx_axis *x, double v) {
  if (x->log) v = v > 0 ? log10(v) : NAN;
  return (v - x->lo) / (x->hi - x->lo);
}

/* ---- labels ---- */

/* digits after the point that a multiple of step needs */
static int decimals(double step) {
  int d = 0;
  for (double s = fabs(step); d < 15 && fabs(s - round(s)) > 1e-6 * s; s *= 10) d++;
  return d;
}

static char *fixed(cx_arena *a, double v, int d) {
  char *s = cx_format(a, "%.*f", d, fabs(v));
  bool zero = strspn(s, "0.") == strlen(s);
  return v < 0 && !zero ? cx_format(a, "−%s", s) : s;
}

static char *power(cx_arena *a, const char *before, int e) {
  return cx_format(a, "%s10%c%s%d%c", before, CX_SUP, e < 0 ? "−" : "", abs(e), CX_BASE);
}

static char *times_pi(cx_arena *a, int num, int den) {
  for (int k = 2; k <= den; k *= 2)
    while (num % 2 == 0 && den % 2 == 0) num /= 2, den /= 2;
  if (num == 0) return "0";
  const char *sign = num < 0 ? "−" : "";
  char *s = abs(num) == 1 ? cx_format(a, "%sπ", sign) : cx_format(a, "%s%dπ", sign, abs(num));
  return den == 1 ? s : cx_format(a, "%s/%d", s, den);
}

/* ---- ticks ---- */

static bool pi_multiple(double v) {
  double m = v / (pi / 2);
  return fabs(m) < 1000 && fabs(m - round(m)) < 1e-9 * fmax(1, fabs(m));
}

static void pi_ticks(cx_arena *a, cx_axis *x, int target) {
  static const struct {
    int num, den;
  } steps[] = {{1, 4}, {1, 2}, {1, 1}, {2, 1}, {5, 1}, {10, 1}, {20, 1}, {50, 1}, {100, 1}};
  size_t k = 0;
  while (k + 1 < sizeof steps / sizeof *steps && (x->hi - x->lo) / (pi * steps[k].num / steps[k].den) > target + 1.5)
    k++;
  double step = pi * steps[k].num / steps[k].den;
  for (double m = ceil(x->lo / step - 1e-9); m * step <= x->hi + 1e-9 * step && x->ntick < CX_MAX_TICKS; m++) {
    x->label[x->ntick] = times_pi(a, (int)m * steps[k].num, steps[k].den);
    x->tick[x->ntick++] = m * step;
  }
}

static double nice_step(double raw) {
  static const double nice[] = {1, 2, 2.5, 5, 10};
  double unit = pow(10, floor(log10(raw))), best = unit, cost = INFINITY;
  for (int k = 0; k < 5; k++) {
    double c = fabs(log(nice[k] * unit / raw)) + (k == 2 ? 0.12 : 0);
    if (c < cost) cost = c, best = nice[k] * unit;
  }
  return best;
}

static void linear_ticks(cx_arena *a, cx_axis *x, int target) {
  double step = nice_step((x->hi - x->lo) / target), scale = 1;
  double first = ceil(x->lo / step - 1e-9), last = floor(x->hi / step + 1e-9);
  double most = fmax(fabs(first), fabs(last)) * step;
  int e = most > 0 ? (int)floor(log10(most) + 1e-9) : 0;
  if (e >= 5 || e <= -4) {
    scale = pow(10, e);
    x->factor = power(a, "×", e);
  }
  int d = decimals(step / scale);
  for (double m = first; m <= last && x->ntick < CX_MAX_TICKS; m++) {
    x->tick[x->ntick] = m * step;
    x->label[x->ntick++] = fixed(a, m * step / scale, d);
  }
}

static void log_ticks(cx_arena *a, cx_axis *x, int target) {
  double decades = x->hi - x->lo;
  int every = 1;
  while (decades / every > target + 1) every = every == 1 ? 2 : every == 2 ? 3 : every + 3;
  bool fine = decades < 2;
  static const int in_decade[] = {1, 2, 5};
  for (double e = floor(x->lo); e <= x->hi && x->ntick < CX_MAX_TICKS; e++) {
    if (fmod(e, every) != 0) continue;
    for (int k = 0; k < (fine ? 3 : 1) && x->ntick < CX_MAX_TICKS; k++) {
      double at = e + log10(in_decade[k]);
      if (at < x->lo - 1e-9 || at > x->hi + 1e-9) continue;
      x->tick[x->ntick] = at;
      x->label[x->ntick++] = e >= -3 && e <= 4   ? fixed(a, in_decade[k] * pow(10, e), e < 0 ? (int)-e : 0)
                             : in_decade[k] == 1 ? power(a, "", (int)e)
                                                 : power(a, cx_format(a, "%d·", in_decade[k]), (int)e);
    }
  }
}

cx_axis cx_axis_make(cx_arena *a, double lo, double hi, bool log, int target) {
  if (!(hi > lo)) { /* a constant, or nothing at all */
    double at = lo == hi && isfinite(lo) ? lo : 0, by = log ? 0.5 : at == 0 ? 1 : fabs(at) / 2;
    lo = at - by;
    hi = at + by;
  }
  if (hi - lo < 1e-12 * fmax(fabs(lo), fabs(hi))) { /* closer than tick labels can tell */
    double by = 1e-12 * fmax(fabs(lo), fabs(hi));
    lo -= by;
    hi += by;
  }
  if (!isfinite(hi - lo)) lo /= 4, hi /= 4;
  cx_axis x = {.lo = lo, .hi = hi, .log = log};
  if (log) log_ticks(a, &x, target);
  else if (pi_multiple(lo) && pi_multiple(hi) && hi - lo > pi / 2 + 1e-6) pi_ticks(a, &x, target);
  else linear_ticks(a, &x, target);
  return x;
}

double cx_axis_widest(const cx_axis *x, double size) {
  double w = 0;
  for (int k = 0; k < x->ntick; k++) w = fmax(w, cx_text_width(x->label[k], size));
  return w;
}

/* ---- ranges ---- */

static double quantile(const double *v, int64_t n, double q) { return v[(int64_t)(q * (double)(n - 1) + 0.5)]; }

/* A pole would flatten everything else. It shows by three signs: the sampling does not resolve it (neighbours differ by a
 * good part of the whole range), the range is many times that of the middle, and away from it the values fall off slowly
 * (a high narrow peak falls to nothing at once, and is what the plot is about). Then the middle range is shown, and a
 * margin: everything that the sampling can follow. */
static bool crop(cx_arena *a, const cx_curve *c, double *lo, double *hi) {
  double *v = CX_NEW_N(a, double, c->n), before = NAN, step = 0;
  int64_t n = 0;
  for (int64_t k = 0; k < c->n; k++) {
    if (!isfinite(c->y[k])) continue;
    if (n) step = fmax(step, fabs(c->y[k] - before));
    before = v[n++] = c->y[k];
  }
  if (n < 20) return false;
  qsort(v, (size_t)n, sizeof *v, cx_by_value);
  double full = v[n - 1] - v[0], q1 = quantile(v, n, 0.1), q9 = quantile(v, n, 0.9), middle = q9 - q1,
         mid = quantile(v, n, 0.5);
  if (!(step > 0.2 * full && full > 5 * middle)) return false;
  for (int64_t k = 0; k < n; k++) v[k] = fabs(v[k] - mid);
  qsort(v, (size_t)n, sizeof *v, cx_by_value);
  if (!(quantile(v, n, 0.9) > 0.1 * quantile(v, n, 0.95))) return false;
  *lo = fmax(*lo, q1 - 0.25 * middle);
  *hi = fmin(*hi, q9 + 0.25 * middle);
  return true;
}

static void whole_ticks(cx_arena *a, cx_axis *x) {
  int k = 0;
  for (int j = 0; j < x->ntick; j++) {
    if (x->tick[j] != floor(x->tick[j])) continue;
    x->tick[k] = x->tick[j];
    x->label[k++] = x->factor ? x->label[j] : fixed(a, x->tick[j], 0);
  }
  x->ntick = k;
}

enum { NAME = 16 }; /* characters of a name that are shown */
/* elements of a matrix along an axis: ticks at whole numbers, which stand in the middle of their cells */
static cx_axis cells_axis(cx_arena *a, int64_t n, const char *const *name) {
  if (name) { /* each is called by its name, as far as there is room */
    cx_axis x = {.lo = -0.5, .hi = (double)n - 0.5};
    int64_t every = (n + CX_MAX_TICKS - 1) / CX_MAX_TICKS;
    for (int64_t k = 0; k < n; k += every) {
      const char *end = name[k];
      for (int letters = 0; *end && letters < NAME; letters++) /* whole characters of UTF-8 */
        for (end++; (*end & 0xC0) == 0x80; end++) continue;
      x.tick[x.ntick] = (double)k;
      x.label[x.ntick++] = cx_clean_text(a, *end ? cx_format(a, "%.*s…", (int)(end - name[k]), name[k]) : name[k]);
    }
    return x;
  }
  cx_axis x = cx_axis_make(a, -0.5, (double)n - 0.5, false, n <= 12 ? (int)n : 8);
  whole_ticks(a, &x);
  return x;
}

bool cx_curve_points(const cx_plot *p, int k) { return p->kind == PLOT_SCATTER || p->curve[k].points; }

cx_frame_of cx_plot_axes(cx_arena *a, const cx_plot *p, int xticks, int yticks) {
  double x0 = p->x0, x1 = p->x1, y0 = INFINITY, y1 = -INFINITY;
  cx_frame_of f = {0};
  bool given = x0 < x1, log_y = false, points = false;
  if (p->nx > 0 && p->kind == PLOT_MATRIX) {
    f.x = cells_axis(a, p->nx, p->xname);
    f.y = cells_axis(a, p->ny, p->yname);
    f.y.lo = (double)p->ny - 0.5; /* row 0 on top */
    f.y.hi = -0.5;
    return f;
  }
  if (!given) x0 = INFINITY, x1 = -INFINITY;
  if (p->nx > 0) {
    y0 = p->y0;
    y1 = p->y1;
  }
  for (int k = 0; k < p->ncurve && p->nx == 0; k++) {
    const cx_curve *c = &p->curve[k];
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < c->n; i++) {
      if (!given && isfinite(c->x[i])) x0 = fmin(x0, c->x[i]), x1 = fmax(x1, c->x[i]);
      if (!isfinite(c->y[i])) continue;
      lo = fmin(lo, c->y[i]);
      hi = fmax(hi, c->y[i]);
    }
    points |= cx_curve_points(p, k);
    if (p->kind == PLOT_FUNCTION && !c->points && crop(a, c, &lo, &hi)) f.cropped = true;
    y0 = fmin(y0, c->area ? fmin(lo, 0) : lo);
    y1 = fmax(y1, c->area ? fmax(hi, 0) : hi);
  }
  if (p->kind == PLOT_TRACE && y0 > 0 && y1 > 20 * y0) {
    log_y = true;
    y0 = log10(y0);
    y1 = log10(y1);
  }
  if (p->nx == 0 && y1 > y0) { /* air above and below; zero stays an edge where the values only touch it */
    double air = 0.045 * (y1 - y0);
    if (isfinite(air)) {
      bool from_zero = !log_y && !f.cropped && y0 >= 0 && y0 < 0.03 * y1,
           to_zero = !log_y && !f.cropped && y1 <= 0 && y1 > 0.03 * y0;
      y0 = from_zero ? 0 : y0 - air;
      y1 = to_zero ? 0 : y1 + air;
    }
  }
  if (points && x1 > x0) { /* no point is cut by the frame */
    double air = 0.03 * (x1 - x0);
    x0 -= air, x1 += air;
    if (y0 == 0) y0 -= 0.03 * (y1 - y0);
    if (y1 == 0) y1 += 0.03 * (y1 - y0);
  }
  f.x = cx_axis_make(a, x0, x1, false, xticks);
  if (p->kind == PLOT_TRACE) whole_ticks(a, &f.x);
  f.y = cx_axis_make(a, y0, y1, log_y, yticks);
  return f;
}

/* ---- curves in the unit square ---- */

/* the part of p..q with y in 0..1; false when there is none */
static bool clip(cx_point *p, cx_point *q) {
  double dx = q->x - p->x, dy = q->y - p->y, t0 = 0, t1 = 1;
  if (dy == 0) return p->y >= 0 && p->y <= 1;
  double a = (0 - p->y) / dy, b = (1 - p->y) / dy;
  t0 = fmax(t0, fmin(a, b));
  t1 = fmin(t1, fmax(a, b));
  if (!(t0 < t1)) return false;
  cx_point from = *p;
  if (t1 < 1) *q = (cx_point){from.x + t1 * dx, dy > 0 ? 1 : 0};
  if (t0 > 0) *p = (cx_point){from.x + t0 * dx, dy > 0 ? 0 : 1};
  return true;
}

/* A jump: one step of more than a third of the height between neighbours on both sides that hardly move. */
static bool jumps(const cx_point *v, int64_t n, int64_t k) {
  double d = fabs(v[k + 1].y - v[k].y);
  if (!(d > 0.35)) return false;
  double left = k > 0 ? fabs(v[k].y - v[k - 1].y) : 0, right = k + 2 < n ? fabs(v[k + 2].y - v[k + 1].y) : 0;
  return !(left > 0.12 * d) && !(right > 0.12 * d) && n > 60;
}

/* The points of a curve in the unit square. Of more points than any picture can show, each column keeps its first, its
 * extremes and its last. */
static cx_point *points(cx_arena *a, const cx_curve *c, const cx_frame_of *f, int64_t *count) {
  enum { COLUMNS = 1500 };
  cx_point *v = CX_NEW_N(a, cx_point, c->n ? c->n : 1);
  bool thin = c->n > 4 * COLUMNS;
  int64_t n = 0;
  for (int64_t k = 0; k < c->n;) {
    cx_point first = {0}, low = {0}, high = {0}, last = {0};
    int64_t column = 0, got = 0, low_at = 0, high_at = 0;
    for (; k < c->n; k++, got++) {
      cx_point q = {cx_axis_at(&f->x, c->x[k]), cx_axis_at(&f->y, c->y[k])};
      bool shown = isfinite(q.x) && isfinite(c->y[k]) && !isnan(q.y);
      if (!shown) q.y = NAN;
      int64_t at = shown && thin && fabs(q.x) < 10 ? (int64_t)floor(q.x * COLUMNS) : INT64_MIN;
      if (got && (at != column || at == INT64_MIN)) break;
      if (!got) first = low = high = q, column = at, low_at = high_at = k;
      if (q.y < low.y) low = q, low_at = k;
      if (q.y > high.y) high = q, high_at = k;
      last = q;
    }
    v[n++] = first; /* at most four of at least as many */
    if (got > 2) v[n++] = low_at < high_at ? low : high;
    if (got > 3) v[n++] = low_at < high_at ? high : low;
    if (got > 1) v[n++] = last;
  }
  *count = n;
  return v;
}

cx_path cx_curve_path(cx_arena *a, const cx_curve *c, const cx_frame_of *f, bool function) {
  cx_path path = {0};
  int64_t n;
  cx_point *v = points(a, c, f, &n);
  const cx_point lift = {NAN, NAN};
  bool down = false;
  for (int64_t k = 0; k < n; k++) {
    if (k + 1 < n && !isnan(v[k].y) && !isnan(v[k + 1].y)) {
      cx_point p = v[k], q = v[k + 1];
      bool across = (p.y > 1 && q.y < 0) || (p.y < 0 && q.y > 1);
      if (!across && !(function && jumps(v, n, k)) && clip(&p, &q)) {
        if (!down || p.x != v[k].x || p.y != v[k].y) {
          if (path.n) *CX_PUSH(a, path) = lift;
          *CX_PUSH(a, path) = p;
        }
        *CX_PUSH(a, path) = q;
        down = q.x == v[k + 1].x && q.y == v[k + 1].y;
        continue;
      }
    } else if (!isnan(v[k].y) && !down && v[k].y >= 0 && v[k].y <= 1) { /* a point alone */
      if (path.n) *CX_PUSH(a, path) = lift;
      *CX_PUSH(a, path) = v[k];
      *CX_PUSH(a, path) = v[k];
    }
    down = false;
  }
  return path;
}
