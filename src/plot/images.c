/* images.c - small pictures in rows: black is the least value and white the greatest; what is under each is its caption.
 * A heading begins new rows; all pictures are of one size, so what stands below each other compares. */
#include <math.h>
#include "plot/pic.h"

enum { CAPTION = 12, TITLE = 15, GAP = 6, MARGIN = 14, MOST = 1024 };

static void picture(cx_pic *pic, const cx_picture *p, double x, double y, double w, double h) {
  int columns = p->w < MOST ? (int)p->w : MOST, rows = p->h < MOST ? (int)p->h : MOST;
  int parts = p->colour ? 3 : 1;
  uint8_t *index = CX_NEW_N(pic->arena, uint8_t, (size_t)columns * (size_t)rows * (size_t)parts), *to = index;
  for (int r = 0; r < rows; r++)
    for (int k = 0; k < columns; k++)
      for (int c = 0; c < parts; c++) {
        double z = p->z[(r * p->h / rows * p->w + k * p->w / columns) * parts + c],
               t = fmin(1, fmax(0, (z - p->lo) / (p->hi > p->lo ? p->hi - p->lo : 1)));
        if (p->colour) *to++ = isfinite(z) ? (uint8_t)lrint(255 * t) : (uint8_t)(CX_GRID >> 8 * (2 - c));
        else *to++ = isfinite(z) ? (uint8_t)(1 + lrint(254 * t)) : 0;
      }
  cx_pic_rect(pic, x, y, x + w, y + h, CX_GRID, 1); /* shows where there is no value */
  cx_pic_item *it = cx_pic_add(pic, PIC_IMAGE, 0, 2);
  it->pt[0] = (cx_point){x, y};
  it->pt[1] = (cx_point){x + w, y + h};
  it->index = index, it->w = columns, it->h = rows;
  it->sharp = w > 1.5 * columns, it->gray = !p->colour, it->rgb = p->colour;
}

typedef struct {
  double ratio, below, above; /* width to height; room for captions and headings */
  int64_t rows;
} grid;

/* the rows of `columns` pictures each, and the room that headings take */
static void count_rows(const cx_plot *p, int columns, grid *g) {
  g->above = 0;
  g->rows = 0;
  for (int64_t k = 0, at = 0; k < p->npicture; k++, at++) {
    if (p->picture[k].heading) g->above += CAPTION + 9, at = 0;
    g->rows += at % columns == 0;
  }
}

/* as many columns as make the pictures largest */
static int best_columns(const cx_plot *p, grid *g, double width, double height) {
  int best = 1;
  double most = 0, ratio = g->ratio;
  for (int c = 1; c <= p->npicture; c++) {
    count_rows(p, c, g);
    double rows = (double)g->rows;
    double w = (width - (c - 1) * GAP) / c, h = (height - g->above - (rows - 1) * GAP) / rows - g->below;
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
  grid g = {.ratio = ratio, .below = captions ? CAPTION + 5 : 0};
  int columns = p->columns ? p->columns : best_columns(p, &g, width, height), across = 0;
  count_rows(p, columns, &g);
  double rows = (double)g.rows;
  double h =
      fmin((width - (columns - 1) * GAP) / columns / ratio, (height - g.above - (rows - 1) * GAP) / rows - g.below);
  double w = h * ratio, heading = 0;
  for (int64_t k = 0, at = 0; k < p->npicture; k++, at++) {
    if (p->picture[k].heading) {
      at = 0;
      heading = fmax(heading, cx_text_width(cx_math_text(pic->arena, p->picture[k].heading), CAPTION));
    }
    if (at % columns >= across) across = (int)(at % columns) + 1;
  }
  pic->w = fmax(fmax(across * (w + GAP) - GAP, heading), title ? cx_text_width(title, TITLE) : 0) + 2 * MARGIN;
  pic->h = top + g.above + rows * (h + g.below + GAP) - GAP + MARGIN;
  cx_pic_rect(pic, 0, 0, pic->w, pic->h, CX_PAPER, 1);
  if (title) {
    cx_pic_text(pic, MARGIN, 12 + TITLE, title, TITLE, 0, CX_INK);
    pic->item.at[pic->item.n - 1].bold = true;
  }
  double y = top - (h + g.below + GAP);
  for (int64_t k = 0, at = 0; k < p->npicture; k++, at++) {
    const cx_picture *q = &p->picture[k];
    if (q->heading) at = 0;
    if (at % columns == 0) y += h + g.below + GAP;
    if (q->heading) {
      y += CAPTION + 9;
      cx_pic_text(pic, MARGIN, y - 6, cx_math_text(pic->arena, q->heading), CAPTION, 0, CX_INK);
    }
    double x = MARGIN + (double)(at % columns) * (w + GAP);
    double own = h * (double)q->w / (double)q->h; /* all are as high; a narrower one stands in the middle */
    picture(pic, q, x + (w - own) / 2, y, own, h);
    if (!q->caption) continue;
    const char *text = cx_math_text(pic->arena, q->caption);
    double size = fmin(CAPTION, CAPTION * w / fmax(1, cx_text_width(text, CAPTION)));
    cx_pic_text(pic, x + w / 2, y + h + 3 + 0.8 * size, text, size, 0.5, CX_SOFT);
  }
}
