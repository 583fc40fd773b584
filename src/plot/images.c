/* images.c - small pictures in rows: black is the least value and white the greatest; what is under each is its caption. */
#include <math.h>
#include "plot/pic.h"

enum { CAPTION = 12, TITLE = 15, GAP = 6, MARGIN = 14, MOST = 1024 };

static void picture(cx_pic *pic, const cx_picture *p, double x, double y, double w, double h) {
  int columns = p->w < MOST ? (int)p->w : MOST, rows = p->h < MOST ? (int)p->h : MOST;
  uint8_t *index = CX_NEW_N(pic->arena, uint8_t, (size_t)columns * (size_t)rows);
  for (int r = 0; r < rows; r++)
    for (int k = 0; k < columns; k++) {
      double z = p->z[r * p->h / rows * p->w + k * p->w / columns],
             t = (z - p->lo) / (p->hi > p->lo ? p->hi - p->lo : 1);
      index[r * columns + k] = isfinite(z) ? (uint8_t)(1 + lrint(254 * fmin(1, fmax(0, t)))) : 0;
    }
  cx_pic_rect(pic, x, y, x + w, y + h, CX_GRID, 1); /* shows where there is no value */
  cx_pic_item *it = cx_pic_add(pic, PIC_IMAGE, 0, 2);
  it->pt[0] = (cx_point){x, y};
  it->pt[1] = (cx_point){x + w, y + h};
  it->index = index, it->w = columns, it->h = rows;
  it->sharp = w > 1.5 * columns, it->gray = true;
}

/* as many columns as make the pictures largest */
static int best_columns(int64_t n, double ratio, double below, double width, double height) {
  int best = 1;
  double most = 0;
  for (int c = 1; c <= n; c++) {
    int64_t rows = (n + c - 1) / c;
    double w = (width - (c - 1) * GAP) / c, h = (height - (double)(rows - 1) * GAP) / (double)rows - below;
    double size = fmin(w, h * ratio);
    if (size > most * 1.001) most = size, best = c;
  }
  return best;
}

void cx_images_layout(cx_pic *pic, const cx_plot *p) {
  const char *title = p->title ? cx_math_text(pic->arena, p->title) : NULL;
  double ratio = 0, top = MARGIN + (title ? TITLE + 9 : 0), width = pic->w - 2 * MARGIN, height = pic->h - top - MARGIN;
  bool captions = false;
  for (int64_t k = 0; k < p->npicture; k++) {
    const cx_picture *q = &p->picture[k];
    captions |= q->caption != NULL;
    ratio = fmax(ratio, (double)q->w / (double)q->h);
  }
  double below = captions ? CAPTION + 5 : 0;
  int columns = best_columns(p->npicture, ratio, below, width, height);
  int64_t rows = (p->npicture + columns - 1) / columns;
  double h =
      fmin((width - (columns - 1) * GAP) / columns / ratio, (height - (double)(rows - 1) * GAP) / (double)rows - below);
  double w = h * ratio, wide = columns * (w + GAP) - GAP;
  pic->w = fmax(wide, title ? cx_text_width(title, TITLE) : 0) + 2 * MARGIN;
  pic->h = top + (double)rows * (h + below + GAP) - GAP + MARGIN;
  cx_pic_rect(pic, 0, 0, pic->w, pic->h, CX_PAPER, 1);
  if (title) {
    cx_pic_text(pic, MARGIN, 12 + TITLE, title, TITLE, 0, CX_INK);
    pic->item.at[pic->item.n - 1].bold = true;
  }
  for (int64_t k = 0; k < p->npicture; k++) {
    const cx_picture *q = &p->picture[k];
    double x = MARGIN + (double)(k % columns) * (w + GAP), y = top + (double)(k / columns) * (h + below + GAP);
    double own = h * (double)q->w / (double)q->h; /* all are as high; a narrower one stands in the middle */
    picture(pic, q, x + (w - own) / 2, y, own, h);
    if (!q->caption) continue;
    const char *text = cx_math_text(pic->arena, q->caption);
    double size = fmin(CAPTION, CAPTION * w / fmax(1, cx_text_width(text, CAPTION)));
    cx_pic_text(pic, x + w / 2, y + h + 3 + 0.8 * size, text, size, 0.5, CX_SOFT);
  }
}
