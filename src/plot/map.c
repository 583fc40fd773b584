/* map.c - a function of two variables as a heat map with thin contour lines, or a matrix as cells, with a colour bar. */
#include <math.h>
#include "plot/pic.h"

enum { TICK = 13, LABEL = 14, TITLE = 15, W = 256, H = 192, CELLS = 1024, FEW = 2500, NUMBERS = 20, NAMED = 14 };

static int64_t cell(double t, int64_t n) { return (int64_t)fmin((double)(n - 1), floor(t * (double)n)); }

double cx_map_sample(const cx_plot *p, double u, double v) {
  if (p->kind == PLOT_MATRIX) return p->z[cell(1 - v, p->ny) * p->nx + cell(u, p->nx)];
  double x = u * (double)(p->nx - 1), y = v * (double)(p->ny - 1);
  int64_t i = (int64_t)fmin(x, (double)(p->nx > 1 ? p->nx - 2 : 0)),
          j = (int64_t)fmin(y, (double)(p->ny > 1 ? p->ny - 2 : 0));
  int64_t right = p->nx > 1, up = p->ny > 1;
  const double *z = p->z + j * p->nx + i;
  x -= (double)i;
  y -= (double)j;
  double below = x > 0 ? z[0] + x * (z[right] - z[0]) : z[0],
         above = x > 0 ? z[up * p->nx] + x * (z[up * p->nx + right] - z[up * p->nx]) : z[up * p->nx];
  return y > 0 ? below + y * (above - below) : below;
}

void cx_map_range(const cx_plot *p, double *lo, double *hi) {
  *lo = INFINITY;
  *hi = -INFINITY;
  for (int64_t k = 0; k < p->nx * p->ny; k++) {
    if (!isfinite(p->z[k])) continue;
    *lo = fmin(*lo, p->z[k]);
    *hi = fmax(*hi, p->z[k]);
  }
}

/* Marching squares over the samples: each cell gives a segment where the level passes. A saddle is split by the mean. */
static void contour(cx_arena *a, const cx_plot *p, double level, cx_path *path) {
  for (int64_t j = 0; j + 1 < p->ny; j++)
    for (int64_t i = 0; i + 1 < p->nx; i++) {
      const double *z = p->z + j * p->nx + i;
      double c[5] = {z[0], z[1], z[p->nx + 1], z[p->nx], z[0]}; /* round the cell */
      static const double cx[5] = {0, 1, 1, 0, 0}, cy[5] = {0, 0, 1, 1, 0};
      cx_point hit[4];
      int n = 0;
      if (!isfinite(c[0] + c[1] + c[2] + c[3])) continue;
      for (int k = 0; k < 4; k++) {
        if ((c[k] < level) == (c[k + 1] < level)) continue;
        double t = (level - c[k]) / (c[k + 1] - c[k]);
        hit[n++] = (cx_point){((double)i + cx[k] + t * (cx[k + 1] - cx[k])) / (double)(p->nx - 1),
                              ((double)j + cy[k] + t * (cy[k + 1] - cy[k])) / (double)(p->ny - 1)};
      }
      bool turn = n == 4 && ((c[0] + c[1] + c[2] + c[3]) / 4 < level) == (c[0] < level);
      for (int k = 0; k < n; k += 2) {
        cx_point from = hit[(k + turn) % 4], to = hit[(k + 1 + turn) % 4];
        if (n == 2) from = hit[0], to = hit[1];
        *CX_PUSH(a, *path) = from;
        *CX_PUSH(a, *path) = to;
        *CX_PUSH(a, *path) = (cx_point){NAN, NAN};
      }
    }
}

/* the values in their cells, if there are few and they fit */
static void numbers(cx_pic *pic, const cx_plot *p, const cx_axis *bar, double x0, double y0, double w, double h) {
  double size = fmin(14, 0.5 * h);
  if (p->nx > NUMBERS || p->ny > NUMBERS || size < 7) return;
  char **text = CX_NEW_N(pic->arena, char *, p->nx * p->ny);
  for (int64_t k = 0; k < p->nx * p->ny; k++) {
    text[k] = cx_math_text(
        pic->arena, cx_format(pic->arena, p->z[k] == floor(p->z[k]) && fabs(p->z[k]) < 1e6 ? "%.0f" : "%.3g", p->z[k]));
    if (cx_text_width(text[k], size) > 0.9 * w) return;
  }
  for (int64_t k = 0; k < p->nx * p->ny; k++) {
    double x = x0 + ((double)(k % p->nx) + 0.5) * w, y = y0 + ((double)(k / p->nx) + 0.5) * h;
    bool dark = cx_axis_at(bar, p->z[k]) < 0.55;
    cx_pic_text(pic, x, y + 0.36 * size, text[k], size, 0.5, dark ? CX_PAPER : CX_INK);
  }
}

/* few cells as areas, since not every viewer keeps the pixels of an image sharp; each reaches under its neighbours, so
 * that no seam shows */
static void cells(cx_pic *pic, const cx_plot *p, const cx_axis *bar, double x0, double y0, double x1, double y1) {
  double w = (x1 - x0) / (double)p->nx, h = (y1 - y0) / (double)p->ny;
  for (int64_t k = 0, next; k < p->nx * p->ny; k = next) {
    int64_t row = k / p->nx, end = (row + 1) * p->nx;
    for (next = k + 1; next < end && p->z[next] == p->z[k];) next++;
    if (!isfinite(p->z[k])) continue;
    double left = x0 + (double)(k % p->nx) * w, top = y0 + (double)row * h,
           right = x0 + (double)(next - row * p->nx) * w;
    cx_pic_rect(pic, left, top, fmin(x1, right + 0.6), fmin(y1, top + h + 0.6), cx_map_color(cx_axis_at(bar, p->z[k])),
                1);
  }
}

static void image(cx_pic *pic, const cx_plot *p, const cx_axis *bar, double x0, double y0, double x1, double y1) {
  bool matrix = p->kind == PLOT_MATRIX;
  if (matrix && p->nx * p->ny <= FEW) {
    cells(pic, p, bar, x0, y0, x1, y1);
    return;
  }
  int w = !matrix ? W : p->nx < CELLS ? (int)p->nx : CELLS, h = !matrix ? H : p->ny < CELLS ? (int)p->ny : CELLS;
  uint8_t *index = CX_NEW_N(pic->arena, uint8_t, w * h);
  for (int r = 0; r < h; r++)
    for (int k = 0; k < w; k++) {
      double z = cx_map_sample(p, (k + 0.5) / w, 1 - (r + 0.5) / h), t = cx_axis_at(bar, z);
      index[r * w + k] = isfinite(z) ? (uint8_t)(1 + lrint(254 * fmin(1, fmax(0, t)))) : 0; /* 0: no value */
    }
  cx_pic_item *it = cx_pic_add(pic, PIC_IMAGE, 0, 2);
  it->pt[0] = (cx_point){x0, y0};
  it->pt[1] = (cx_point){x1, y1};
  it->index = index;
  it->w = w;
  it->h = h;
  it->sharp = matrix;
}

void cx_map_layout(cx_pic *pic, const cx_plot *p) {
  cx_arena *a = pic->arena;
  double lo, hi;
  cx_map_range(p, &lo, &hi);
  cx_frame_of f = cx_plot_axes(a, p, 7, 6);
  const cx_axis *x = &f.x, *y = &f.y, bar = cx_axis_make(a, lo, hi, false, 8);
  const bool matrix = p->kind == PLOT_MATRIX;
  const char *title = p->title ? p->title : p->ncurve ? p->curve[0].text : NULL;
  double right = 26 + 16 + 7 + cx_axis_widest(&bar, TICK) + 14;
  double x0 = 12 + cx_axis_widest(y, TICK) + 9 + (p->ylabel ? LABEL + 8 : 0), x1 = pic->w - right;
  double y0 = 14 + (title ? TITLE + 9 : 0) + (bar.factor || y->factor ? TICK + 3 : 0);
  double under = (10 + TICK + 8) + (p->xlabel || x->factor ? LABEL + 9 : 0), y1 = pic->h - under;
  bool upright = false;
  if (p->xname || p->yname) { /* names take room: upright below the columns where they are wider than these */
    double side = fmax(NAMED, fmin((x1 - x0) / (double)p->nx, (y1 - y0) / (double)p->ny));
    upright =
        p->xname && cx_axis_widest(x, TICK) > 0.9 * fmax(side, p->ny > 4 * p->nx ? (x1 - x0) / (double)p->nx : side);
    if (upright) under += cx_axis_widest(x, TICK) - TICK;
    if (x->ntick == p->nx) x1 = fmax(x1, x0 + NAMED * (double)p->nx);
    y1 = pic->h - under;
    if (y->ntick == p->ny) y1 = fmax(y1, y0 + NAMED * (double)p->ny);
    pic->w = x1 + right;
    pic->h = y1 + under;
  }
  if (matrix && p->nx <= 4 * p->ny && p->ny <= 4 * p->nx) { /* square cells: the picture shrinks around them */
    double side = fmin((x1 - x0) / (double)p->nx, (y1 - y0) / (double)p->ny);
    double wide = title ? cx_text_width(cx_math_text(a, title), TITLE) - right : 0;
    pic->w = fmax(x0 + side * (double)p->nx, x0 + wide) + right;
    pic->h -= y1 - y0 - side * (double)p->ny;
    x1 = x0 + side * (double)p->nx;
    y1 = y0 + side * (double)p->ny;
  }
  double b0 = x1 + 26, b1 = b0 + 16, below = y1 + 6 + TICK + 7 + LABEL;

  cx_pic_rect(pic, 0, 0, pic->w, pic->h, CX_PAPER, 1);
  cx_pic_rect(pic, x0, y0, x1, y1, CX_GRID, 1); /* shows where there is no value */
  image(pic, p, &bar, x0, y0, x1, y1);
  if (matrix) numbers(pic, p, &bar, x0, y0, (x1 - x0) / (double)p->nx, (y1 - y0) / (double)p->ny);
  uint8_t *ramp = CX_NEW_N(a, uint8_t, 255);
  for (int r = 0; r < 255; r++) ramp[r] = (uint8_t)(255 - r);
  cx_pic_item *it = cx_pic_add(pic, PIC_IMAGE, 0, 2);
  it->pt[0] = (cx_point){b0, y0};
  it->pt[1] = (cx_point){b1, y1};
  it->index = ramp;
  it->w = 1;
  it->h = 255;

  for (int k = 0; k < bar.ntick; k++) {
    double t = cx_axis_at(&bar, bar.tick[k]), at = y1 - t * (y1 - y0);
    cx_pic_segment(pic, b1, at, b1 + 4, at, CX_AXIS, 1);
    cx_pic_text(pic, b1 + 8, at + 0.36 * TICK, bar.label[k], TICK, 0, CX_SOFT);
    cx_path path = {0};
    if (!matrix && p->nx > 1 && p->ny > 1) contour(a, p, bar.tick[k], &path);
    if (!path.n) continue;
    it = cx_pic_add(pic, PIC_STROKE, CX_PAPER, path.n);
    for (int i = 0; i < path.n; i++)
      it->pt[i] =
          isnan(path.at[i].x) ? path.at[i] : (cx_point){x0 + path.at[i].x * (x1 - x0), y1 - path.at[i].y * (y1 - y0)};
    it->width = 0.9;
    it->alpha = 0.55;
  }
  for (int k = 0; k < x->ntick; k++) {
    double at = x0 + cx_axis_at(x, x->tick[k]) * (x1 - x0);
    cx_pic_segment(pic, at, y1, at, y1 + 4, CX_AXIS, 1);
    cx_pic_text(pic, upright ? at + 0.36 * TICK : at, upright ? y1 + 8 : y1 + 7 + TICK, x->label[k], TICK,
                upright ? 1 : 0.5, CX_SOFT);
    pic->item.at[pic->item.n - 1].upright = upright;
  }
  for (int k = 0; k < y->ntick; k++) {
    double at = y1 - cx_axis_at(y, y->tick[k]) * (y1 - y0);
    cx_pic_segment(pic, x0 - 4, at, x0, at, CX_AXIS, 1);
    cx_pic_text(pic, x0 - 9, at + 0.36 * TICK, y->label[k], TICK, 1, CX_SOFT);
  }
  if (bar.factor) cx_pic_text(pic, b0, y0 - 8, bar.factor, TICK, 0, CX_SOFT);
  if (y->factor) cx_pic_text(pic, x0 - 9, y0 - 8, y->factor, TICK, 0.5, CX_SOFT);
  if (x->factor) cx_pic_text(pic, x1, below, x->factor, TICK, 1, CX_SOFT);
  if (p->xlabel) cx_pic_text(pic, (x0 + x1) / 2, below, cx_math_text(a, p->xlabel), LABEL, 0.5, CX_INK);
  if (p->ylabel) {
    cx_pic_text(pic, 8 + LABEL, (y0 + y1) / 2, cx_math_text(a, p->ylabel), LABEL, 0.5, CX_INK);
    pic->item.at[pic->item.n - 1].upright = true;
  }
  if (title) {
    cx_pic_text(pic, x0, 12 + TITLE, cx_math_text(a, title), TITLE, 0, CX_INK);
    pic->item.at[pic->item.n - 1].bold = true;
  }
}
