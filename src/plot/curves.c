/* curves.c - where everything of a plot stands: margins that fit their labels, grid, curves, legend. */
#include <math.h>
#include <string.h>
#include "plot/pic.h"

enum { TICK = 13, LABEL = 14, TITLE = 15, SAMPLE = 24, GAP = 8, PAD = 9, ROW = 20 };

typedef struct {
  double x0, y0, x1, y1;
} box; /* y downwards */

typedef struct {
  cx_pic *pic;
  const cx_plot *p;
  cx_frame_of f;
  box frame;
  cx_path *path;
  const char **name; /* of the curves */
  const char *title, *ylabel;
} layout;

static cx_point place(const box *b, cx_point u) {
  return (cx_point){b->x0 + u.x * (b->x1 - b->x0), b->y1 - u.y * (b->y1 - b->y0)};
}

static void margins(layout *l, double above) {
  const cx_axis *x = &l->f.x, *y = &l->f.y;
  box *b = &l->frame;
  b->x0 = 12 + cx_axis_widest(y, TICK) + 9 + (l->ylabel ? LABEL + 8 : 0);
  double last = x->ntick ? cx_text_width(x->label[x->ntick - 1], TICK) / 2 : 0;
  b->x1 = l->pic->w - fmax(18, last + 8);
  b->y0 = 14 + (l->title ? TITLE + 9 : 0) + above + (y->factor ? TICK + 3 : 0);
  b->y1 = l->pic->h - (10 + TICK + 8) - (l->p->xlabel || x->factor ? LABEL + 9 : 0);
}

static void axes(layout *l) {
  cx_pic *pic = l->pic;
  const box *b = &l->frame;
  for (int k = 0; k < l->f.x.ntick; k++) {
    double x = place(b, (cx_point){(l->f.x.tick[k] - l->f.x.lo) / (l->f.x.hi - l->f.x.lo), 0}).x;
    bool zero = l->f.x.tick[k] == 0 && l->f.x.lo < 0 && l->f.x.hi > 0;
    cx_pic_segment(pic, x, b->y0, x, b->y1, zero ? CX_AXIS : CX_GRID, 1);
    cx_pic_text(pic, x, b->y1 + 6 + TICK, l->f.x.label[k], TICK, 0.5, CX_SOFT);
  }
  for (int k = 0; k < l->f.y.ntick; k++) {
    double y = place(b, (cx_point){0, (l->f.y.tick[k] - l->f.y.lo) / (l->f.y.hi - l->f.y.lo)}).y;
    bool zero = !l->f.y.log && l->f.y.tick[k] == 0 && l->f.y.lo < 0 && l->f.y.hi > 0;
    cx_pic_segment(pic, b->x0, y, b->x1, y, zero ? CX_AXIS : CX_GRID, 1);
    cx_pic_text(pic, b->x0 - 9, y + 0.36 * TICK, l->f.y.label[k], TICK, 1, CX_SOFT);
  }
  cx_pic_segment(pic, b->x0, b->y1, b->x1, b->y1, CX_AXIS, 1.2);
  cx_pic_segment(pic, b->x0, b->y0, b->x0, b->y1, CX_AXIS, 1.2);
  if (l->f.y.factor) cx_pic_text(pic, b->x0 - 9, b->y0 - 9, l->f.y.factor, TICK, 0.5, CX_SOFT);
  double below = b->y1 + 6 + TICK + 7 + LABEL;
  if (l->f.x.factor) cx_pic_text(pic, b->x1, below, l->f.x.factor, TICK, 1, CX_SOFT);
  if (l->p->xlabel)
    cx_pic_text(pic, (b->x0 + b->x1) / 2, below, cx_math_text(pic->arena, l->p->xlabel), LABEL, 0.5, CX_INK);
  if (l->ylabel) {
    cx_pic_text(pic, 8 + LABEL, (b->y0 + b->y1) / 2, l->ylabel, LABEL, 0.5, CX_INK);
    pic->item.at[pic->item.n - 1].upright = true;
  }
  if (l->title) {
    cx_pic_text(pic, b->x0, 12 + TITLE, l->title, TITLE, 0, CX_INK);
    pic->item.at[pic->item.n - 1].bold = true;
  }
}

/* points: strokes without length, whose ends are round; of those that fall on one place, one */
static void points(layout *l, int k) {
  const cx_curve *c = &l->p->curve[k];
  const box *b = &l->frame;
  int wide = 2 * (int)(b->x1 - b->x0) + 1, high = 2 * (int)(b->y1 - b->y0) + 1, n = 0;
  bool *taken = CX_NEW_N(l->pic->arena, bool, (size_t)wide *(size_t)high);
  cx_point *at = CX_NEW_N(l->pic->arena, cx_point, c->n + 1);
  for (int64_t i = 0; i < c->n; i++) {
    cx_point u = {cx_axis_at(&l->f.x, c->x[i]), cx_axis_at(&l->f.y, c->y[i])};
    if (!(u.x >= 0 && u.x <= 1 && u.y >= 0 && u.y <= 1)) continue;
    bool *t = &taken[(int)(u.y * (high - 1)) * wide + (int)(u.x * (wide - 1))];
    if (!*t) at[n++] = place(b, u);
    *t = true;
  }
  if (!n) return;
  cx_pic_item *it = cx_pic_add(l->pic, PIC_STROKE, cx_curve_color(k), 3 * n - 1);
  for (int i = 0; i < n; i++) {
    it->pt[3 * i] = it->pt[3 * i + 1] = at[i];
    if (i + 1 < n) it->pt[3 * i + 2] = (cx_point){NAN, NAN};
  }
  int64_t all = 0;
  for (int j = 0; j < l->p->ncurve; j++) all += cx_curve_points(l->p, j) ? l->p->curve[j].n : 0;
  it->width = all <= 100 ? 7 : all <= 600 ? 5.5 : all <= 3000 ? 4 : 2.8;
  it->alpha = 0.8;
}

static void curve(layout *l, int k) {
  const cx_path *path = &l->path[k];
  if (cx_curve_points(l->p, k)) {
    points(l, k);
    return;
  }
  if (!path->n) return;
  cx_pic_item *it = cx_pic_add(l->pic, PIC_STROKE, cx_curve_color(k), path->n);
  for (int i = 0; i < path->n; i++) it->pt[i] = isnan(path->at[i].x) ? path->at[i] : place(&l->frame, path->at[i]);
  it->width = 2.2;
  it->dash = cx_curve_dash(k);
}

/* ---- the area of an integral ---- */
enum { BELOW = 0xc0392b };
static double height_at(const cx_curve *c, double x) { /* between the samples; NaN outside */
  for (int64_t k = 0; k + 1 < c->n; k++)
    if (c->x[k] <= x && x <= c->x[k + 1])
      return c->y[k] + (c->y[k + 1] - c->y[k]) * (c->x[k + 1] > c->x[k] ? (x - c->x[k]) / (c->x[k + 1] - c->x[k]) : 0);
  return NAN;
}
static cx_point at_axes(const layout *l, double x, double y) {
  return place(&l->frame, (cx_point){cx_axis_at(&l->f.x, x), fmin(1, fmax(0, cx_axis_at(&l->f.y, y)))});
}
/* one sign of it: the curve cut at 0 */
static void shade(layout *l, const cx_curve *c, bool below, uint32_t color) {
  double lo = fmax(c->lo, c->n ? c->x[0] : 0), hi = fmin(c->hi, c->n ? c->x[c->n - 1] : 0);
  cx_path path = {0};
  cx_arena *a = l->pic->arena;
  bool any = false;
  if (!(lo < hi)) return;
  *CX_PUSH(a, path) = at_axes(l, lo, 0);
  double x = lo, y = height_at(c, lo);
  for (int64_t k = 0; x < hi;) {
    while (k < c->n && c->x[k] <= x) k++;
    double next = k < c->n ? fmin(c->x[k], hi) : hi, then = height_at(c, next);
    if (isnan(y) || isnan(then)) {
      *CX_PUSH(a, path) = at_axes(l, x, 0);
      *CX_PUSH(a, path) = at_axes(l, next, 0);
    } else {
      bool in = below ? y < 0 : y > 0, out = below ? then < 0 : then > 0;
      if (in) *CX_PUSH(a, path) = at_axes(l, x, y);
      if (in != out && y != then) *CX_PUSH(a, path) = at_axes(l, x + (next - x) * y / (y - then), 0);
      if (out) *CX_PUSH(a, path) = at_axes(l, next, then);
      any |= in || out;
    }
    x = next, y = then;
  }
  *CX_PUSH(a, path) = at_axes(l, hi, 0);
  if (!any) return;
  cx_pic_item *it = cx_pic_add(l->pic, PIC_FILL, color, path.n);
  memcpy(it->pt, path.at, (size_t)path.n * sizeof *it->pt);
  it->alpha = 0.28;
}
static void area(layout *l, int k) {
  const cx_curve *c = &l->p->curve[k];
  if (!c->area) return;
  shade(l, c, false, cx_curve_color(k));
  shade(l, c, true, BELOW);
}
/* lines up to the curve at its ends, and their places beside them */
static void area_ends(layout *l, int k) {
  const cx_curve *c = &l->p->curve[k];
  const box *b = &l->frame;
  for (int side = 0; c->area && side < 2; side++) {
    double at = side ? c->hi : c->lo, y = height_at(c, at);
    if (isnan(y) || !isfinite(at)) continue;
    cx_point p = at_axes(l, at, 0), q = at_axes(l, at, y);
    cx_pic_segment(l->pic, p.x, p.y, q.x, q.y, cx_curve_color(k), 1.2);
    cx_pic_segment(l->pic, p.x, p.y - 4, p.x, p.y + 4, CX_INK, 1.2);
    const char *text = cx_math_text(l->pic->arena, cx_format(l->pic->arena, "%.5g", at));
    bool up = y < 0 ? p.y - 18 > b->y0 : p.y + 18 > b->y1; /* on the side without the area where there is room */
    cx_pic_text(l->pic, p.x + (side ? 7 : -7), up ? p.y - 7 : p.y + 16, text, TICK, side ? 0 : 1, CX_INK);
  }
}

/* ---- legend ---- */

static double row_width(const layout *l, int k) { return SAMPLE + GAP + cx_text_width(l->name[k], LABEL); }

static void legend_row(layout *l, int k, double x, double y) {
  if (cx_curve_points(l->p, k)) {
    cx_pic_segment(l->pic, x + SAMPLE - 6, y - 0.34 * LABEL, x + SAMPLE - 6, y - 0.34 * LABEL, cx_curve_color(k), 8);
    cx_pic_text(l->pic, x + SAMPLE + GAP - 2, y, l->name[k], LABEL, 0, CX_INK);
    return;
  }
  cx_pic_segment(l->pic, x, y - 0.34 * LABEL, x + SAMPLE, y - 0.34 * LABEL, cx_curve_color(k), 2.6);
  l->pic->item.at[l->pic->item.n - 1].dash = cx_curve_dash(k);
  cx_pic_text(l->pic, x + SAMPLE + GAP, y, l->name[k], LABEL, 0, CX_INK);
}

/* how much of the curves a box would hide, in pixels along them */
static double hides(const layout *l, const box *b) {
  double sum = 0;
  const double width = l->frame.x1 - l->frame.x0, height = l->frame.y1 - l->frame.y0;
  for (int k = 0; k < l->p->ncurve; k++)
    for (int64_t i = 0; i < l->p->curve[k].n && cx_curve_points(l->p, k); i++) {
      cx_point at = {cx_axis_at(&l->f.x, l->p->curve[k].x[i]), cx_axis_at(&l->f.y, l->p->curve[k].y[i])};
      at = place(&l->frame, at);
      if (at.x > b->x0 && at.x < b->x1 && at.y > b->y0 && at.y < b->y1) sum += 9;
    }
  for (int k = 0; k < l->p->ncurve; k++)
    for (int i = 0; i + 1 < l->path[k].n; i++) {
      cx_point p = l->path[k].at[i], q = l->path[k].at[i + 1];
      if (isnan(p.x) || isnan(q.x)) continue;
      double length = hypot((q.x - p.x) * width, (q.y - p.y) * height);
      int parts = 1 + (int)(length / 4);
      for (int j = 0; j < parts; j++) {
        double t = (j + 0.5) / parts;
        cx_point at = place(&l->frame, (cx_point){p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)});
        if (at.x > b->x0 && at.x < b->x1 && at.y > b->y0 && at.y < b->y1) sum += length / parts;
      }
    }
  return sum;
}

static bool legend_inside(layout *l, box *best) {
  double w = 0, h = l->p->ncurve * ROW + PAD, least = INFINITY;
  for (int k = 0; k < l->p->ncurve; k++) {
    if (l->p->curve[k].area) return false; /* it would hide some of the area */
    w = fmax(w, row_width(l, k));
  }
  w += 2 * PAD;
  const box *b = &l->frame;
  if (w > 0.6 * (b->x1 - b->x0) || h > 0.6 * (b->y1 - b->y0)) return false;
  static const double at[][2] = {{1, 0},   {0, 0},   {1, 1},   {0, 1},
                                 {0.5, 0}, {0.5, 1}, {1, 0.5}, {0, 0.5}}; /* the nicest first */
  for (int k = 0; k < 8; k++) {
    double x = b->x0 + 10 + at[k][0] * (b->x1 - b->x0 - w - 16), y = b->y0 + 8 + at[k][1] * (b->y1 - b->y0 - h - 16);
    box try = {x, y, x + w, y + h}, wide = {x - 5, y - 5, x + w + 5, y + h + 5};
    double cost = hides(l, &wide) + 0.5 * k;
    if (cost < least) least = cost, *best = try;
  }
  return least < 25;
}

/* above the frame, in as many rows as it takes: the first pass only counts */
static double legend_above(layout *l, bool draw) {
  double x = l->frame.x0, y = 14 + (l->title ? TITLE + 9 : 0) + 0.8 * LABEL, rows = 1;
  for (int k = 0; k < l->p->ncurve; k++) {
    double w = row_width(l, k) + 22;
    if (x + w > l->pic->w && x > l->frame.x0) x = l->frame.x0, y += ROW, rows++;
    if (draw) legend_row(l, k, x, y);
    x += w;
  }
  return rows * ROW + 6;
}

cx_pic *cx_plot_picture(cx_arena *a, const cx_plot *p, const cx_plot_style *s) {
  cx_pic *pic = CX_NEW(a, cx_pic);
  pic->arena = a;
  pic->w = s->width > 0 ? s->width : 720;
  pic->h = s->height > 0 ? s->height : 440;
  if (p->kind == PLOT_IMAGES) {
    cx_images_layout(pic, p);
    return pic;
  }
  if (p->nx > 0) {
    cx_map_layout(pic, p);
    return pic;
  }
  cx_pic_rect(pic, 0, 0, pic->w, pic->h, CX_PAPER, 1);
  layout l = {.pic = pic, .p = p};
  l.f = cx_plot_axes(a, p, pic->w < 500 ? 5 : 8, pic->h < 300 ? 4 : 6);
  l.path = CX_NEW_N(a, cx_path, p->ncurve + 1);
  l.name = CX_NEW_N(a, const char *, p->ncurve + 1);
  for (int k = 0; k < p->ncurve; k++) {
    if (!cx_curve_points(p, k)) l.path[k] = cx_curve_path(a, &p->curve[k], &l.f, p->kind == PLOT_FUNCTION);
    l.name[k] = cx_math_text(a, p->curve[k].text ? p->curve[k].text : "");
  }
  l.title = p->title ? cx_math_text(a, p->title) : NULL;
  l.ylabel = p->ylabel ? cx_math_text(a, p->ylabel) : NULL;
  if (p->ncurve == 1 && !l.title && l.name[0][0]) l.title = l.name[0];
  margins(&l, 0);
  bool legend = p->ncurve > 1, inside = false;
  box at;
  if (legend && !(inside = legend_inside(&l, &at))) margins(&l, legend_above(&l, false));
  axes(&l);
  for (int k = 0; k < p->ncurve; k++) area(&l, k);
  for (int k = 0; k < p->ncurve; k++) curve(&l, k);
  for (int k = 0; k < p->ncurve; k++) area_ends(&l, k);
  if (inside) {
    cx_pic_rect(pic, at.x0, at.y0, at.x1, at.y1, CX_PAPER, 0.88);
    for (int k = 0; k < p->ncurve; k++) legend_row(&l, k, at.x0 + PAD, at.y0 + PAD / 2.0 + k * ROW + 0.72 * ROW);
  } else if (legend) {
    legend_above(&l, true);
  }
  return pic;
}
