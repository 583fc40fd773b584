/* pic.h - inside src/plot: a picture is a list of strokes, areas, texts and one image; layouts make it, writers walk it. */
#ifndef CX_PIC_H
#define CX_PIC_H
#include "plot/plot.h"

typedef struct {
  double x, y;
} cx_point;
typedef enum { PIC_STROKE, PIC_FILL, PIC_TEXT, PIC_IMAGE } cx_pic_kind;
typedef struct {
  cx_pic_kind kind;
  uint32_t color; /* 0xRRGGBB */
  double alpha;
  /* stroke, fill: a point with x NaN lifts the pen */
  cx_point *pt;
  int npt;
  double width; /* stroke */
  int dash;     /* 0 solid, else the row of cx_dash */
  /* text: see cx_math_text for its marks; at pt[0] on the baseline */
  const char *text;
  double size, anchor; /* 0 starts, 0.5 is centred, 1 ends at the point */
  bool upright, bold;  /* upright: turned a quarter counter-clockwise */
  /* image: colours of cx_map_color(index / 255), 0-based rows from the top, filling pt[0]..pt[1] */
  const uint8_t *index;
  int w, h;
  bool sharp; /* cells, no shades between them */
  bool gray;  /* from black to white instead */
  bool rgb;   /* the index is red, green and blue of every pixel */
} cx_pic_item;
typedef struct {
  cx_arena *arena;
  double w, h;
  CX_VEC(cx_pic_item) item;
} cx_pic;

cx_pic_item *cx_pic_add(cx_pic *p, cx_pic_kind kind, uint32_t color, int npt);
void cx_pic_segment(cx_pic *p, double x0, double y0, double x1, double y1, uint32_t color, double width);
void cx_pic_rect(cx_pic *p, double x0, double y0, double x1, double y1, uint32_t color, double alpha);
void cx_pic_text(cx_pic *p, double x, double y, const char *text, double size, double anchor, uint32_t color);

/* ---- text ---- */
enum { CX_SUP = 1, CX_BASE = 2 }; /* bytes: the text goes on raised and small, goes on on the line */
double cx_text_width(const char *s, double size);
char *cx_clean_text(cx_arena *a, const char *s);   /* no control characters, no broken UTF-8 */
char *cx_math_text(cx_arena *a, const char *expr); /* x^2 * alpha' as it is set in a book */

/* ---- colours ---- */
enum { CX_INK = 0x2b2f36, CX_SOFT = 0x5c636e, CX_GRID = 0xe7e9ec, CX_AXIS = 0xb4bac2, CX_PAPER = 0xffffff };
bool cx_curve_points(const cx_plot *p, int k); /* no line, but points */
uint32_t cx_curve_color(int k);
extern const double cx_dash[4][2];
int cx_curve_dash(int k);
uint32_t cx_map_color(double t); /* 0..1 */
/* of a number in an image's index, which is not 0 */
static inline uint32_t cx_index_color(bool gray, int index) {
  return gray ? 0x010101u * (uint32_t)(index - 1 + (index > 128)) : cx_map_color((index - 1) / 254.0);
}

/* ---- axes ---- */
enum { CX_MAX_TICKS = 128 };
typedef struct {
  double lo, hi; /* log: decimal logarithms */
  bool log;
  double tick[CX_MAX_TICKS];
  char *label[CX_MAX_TICKS];
  int ntick;
  char *factor; /* "×10⁶" where the labels are to be multiplied, else NULL */
} cx_axis;
cx_axis cx_axis_make(cx_arena *a, double lo, double hi, bool log, int target);
double cx_axis_at(const cx_axis *x, double v);        /* 0..1 along the axis */
double cx_axis_widest(const cx_axis *x, double size); /* of its labels */

typedef struct {
  cx_axis x, y;
  bool cropped;
} cx_frame_of;
cx_frame_of cx_plot_axes(cx_arena *a, const cx_plot *p, int xticks, int yticks);

/* The curve as polylines in the unit square (y upwards), cut at its edges, pen lifted at gaps, and at the jumps of a function. */
typedef CX_VEC(cx_point) cx_path;
cx_path cx_curve_path(cx_arena *a, const cx_curve *c, const cx_frame_of *f, bool function);

double cx_map_sample(const cx_plot *p, double u,
                     double v); /* u, v in 0..1, v upwards: bilinear, or the cell's; NaN where z has none */
void cx_map_range(const cx_plot *p, double *lo, double *hi);

cx_pic *cx_plot_picture(cx_arena *a, const cx_plot *p, const cx_plot_style *s); /* curves.c */
void cx_map_layout(cx_pic *pic, const cx_plot *p);                              /* map.c */
void cx_images_layout(cx_pic *pic, const cx_plot *p);                           /* images.c */
char *cx_pic_svg(const cx_pic *p, size_t *size);
/* 0 bytes and *why when it cannot be done */
size_t cx_pic_png(const cx_pic *p, double scale, unsigned char **png, const char **why);
#endif
