/* map.c - a function of two variables: a heat map with thin contour lines, and its colour bar. */
#include <math.h>
#include "plot/pic.h"

enum { TICK = 13, LABEL = 14, TITLE = 15, W = 256, H = 192 };

double cx_map_sample(const cx_plot *p, double u, double v) {
  double x = u * (double)(p->nx - 1), y = v * (double)(p->ny - 1);
  int64_t i = (int64_t)fmin(x, (double)(p->nx > 1 ? p->nx - 2 : 0)), j = (int64_t)fmin(y, (double)(p->ny > 1 ? p->ny - 2 : 0));
  int64_t right = p->nx > 1, up = p->ny > 1;
  const double *z = p->z + j * p->nx + i;
  x -= (double)i;
  y -= (double)j;
  double below = x > 0 ? z[0] + x * (z[right] - z[0]) : z[0], above = x > 0 ? z[up * p->nx] + x * (z[up * p->nx + right] - z[up * p->nx]) : z[up * p->nx];
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

void cx_map_layout(cx_pic *pic, const cx_plot *p) {
  cx_arena *a = pic->arena;
  double lo, hi;
  cx_map_range(p, &lo, &hi);
  cx_axis x = cx_axis_make(a, p->x0, p->x1, false, 7), y = cx_axis_make(a, p->y0, p->y1, false, 6), bar = cx_axis_make(a, lo, hi, false, 6);
  double ywide = 0, barwide = 0;
  for (int k = 0; k < y.ntick; k++) ywide = fmax(ywide, cx_text_width(y.label[k], TICK));
  for (int k = 0; k < bar.ntick; k++) barwide = fmax(barwide, cx_text_width(bar.label[k], TICK));
  const char *title = p->title ? p->title : p->ncurve ? p->curve[0].text : NULL;
  double x0 = 12 + ywide + 9 + (p->ylabel ? LABEL + 8 : 0), x1 = pic->w - (26 + 16 + 7 + barwide + 14);
  double y0 = 14 + (title ? TITLE + 9 : 0) + (bar.factor || y.factor ? TICK + 3 : 0);
  double y1 = pic->h - (10 + TICK + 8) - (p->xlabel || x.factor ? LABEL + 9 : 0);
  double b0 = x1 + 26, b1 = b0 + 16, below = y1 + 6 + TICK + 7 + LABEL;

  cx_pic_rect(pic, x0, y0, x1, y1, CX_GRID, 1); /* shows where there is no value */
  uint8_t *index = CX_NEW_N(a, uint8_t, W * H);
  for (int r = 0; r < H; r++)
    for (int k = 0; k < W; k++) {
      double z = cx_map_sample(p, (k + 0.5) / W, 1 - (r + 0.5) / H), t = cx_axis_at(&bar, z);
      index[r * W + k] = isfinite(z) ? (uint8_t)(1 + lrint(254 * fmin(1, fmax(0, t)))) : 0; /* 0: no value */
    }
  cx_pic_item *image = cx_pic_add(pic, PIC_IMAGE, 0, 2);
  image->pt[0] = (cx_point){x0, y0};
  image->pt[1] = (cx_point){x1, y1};
  image->index = index;
  image->w = W;
  image->h = H;
  uint8_t *ramp = CX_NEW_N(a, uint8_t, 255);
  for (int r = 0; r < 255; r++) ramp[r] = (uint8_t)(255 - r);
  image = cx_pic_add(pic, PIC_IMAGE, 0, 2);
  image->pt[0] = (cx_point){b0, y0};
  image->pt[1] = (cx_point){b1, y1};
  image->index = ramp;
  image->w = 1;
  image->h = 255;

  for (int k = 0; k < bar.ntick; k++) {
    double t = cx_axis_at(&bar, bar.tick[k]), at = y1 - t * (y1 - y0);
    cx_pic_segment(pic, b1, at, b1 + 4, at, CX_AXIS, 1);
    cx_pic_text(pic, b1 + 8, at + 0.36 * TICK, bar.label[k], TICK, 0, CX_SOFT);
    cx_path path = {0};
    if (p->nx > 1 && p->ny > 1) contour(a, p, bar.tick[k], &path);
    if (!path.n) continue;
    cx_pic_item *it = cx_pic_add(pic, PIC_STROKE, CX_PAPER, path.n);
    for (int i = 0; i < path.n; i++)
      it->pt[i] = isnan(path.at[i].x) ? path.at[i] : (cx_point){x0 + path.at[i].x * (x1 - x0), y1 - path.at[i].y * (y1 - y0)};
    it->width = 0.9;
    it->alpha = 0.55;
  }
  for (int k = 0; k < x.ntick; k++) {
    double at = x0 + cx_axis_at(&x, x.tick[k]) * (x1 - x0);
    cx_pic_segment(pic, at, y1, at, y1 + 4, CX_AXIS, 1);
    cx_pic_text(pic, at, y1 + 7 + TICK, x.label[k], TICK, 0.5, CX_SOFT);
  }
  for (int k = 0; k < y.ntick; k++) {
    double at = y1 - cx_axis_at(&y, y.tick[k]) * (y1 - y0);
    cx_pic_segment(pic, x0 - 4, at, x0, at, CX_AXIS, 1);
    cx_pic_text(pic, x0 - 9, at + 0.36 * TICK, y.label[k], TICK, 1, CX_SOFT);
  }
  if (bar.factor) cx_pic_text(pic, b0, y0 - 8, bar.factor, TICK, 0, CX_SOFT);
  if (y.factor) cx_pic_text(pic, x0 - 9, y0 - 8, y.factor, TICK, 0.5, CX_SOFT);
  if (x.factor) cx_pic_text(pic, x1, below, x.factor, TICK, 1, CX_SOFT);
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
