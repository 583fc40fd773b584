/* term.c - plots made of characters: a braille character has 2 × 4 dots; an upper half block shows two colours. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "plot/pic.h"

typedef struct {
  cx_buf b;
  int colors;
  int64_t now; /* colour in force, -1: none */
} screen;

/* the nearest colour of the 6 × 6 × 6 cube that terminals of 256 colours have */
static int cube(uint32_t c) {
  int code = 0;
  for (int k = 16; k >= 0; k -= 8) {
    int v = (int)(c >> k & 255);
    code = 6 * code + (v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40);
  }
  return 16 + code;
}

static void put_color(screen *s, int what, uint32_t c) { /* what: 38 letters, 48 ground */
  if (s->colors > 256) cx_putf(&s->b, "\x1b[%d;2;%d;%d;%dm", what, (int)(c >> 16), (int)(c >> 8 & 255), (int)(c & 255));
  else cx_putf(&s->b, "\x1b[%d;5;%dm", what, cube(c));
}

static void pen(screen *s, int64_t color) {
  if (!s->colors || s->now == color) return;
  if (color < 0) cx_puts(&s->b, "\x1b[0m");
  else put_color(s, 38, (uint32_t)color);
  s->now = color;
}

static void character(screen *s, uint32_t cp) {
  cx_put(&s->b, (char[]){(char)(0xE0 | cp >> 12), (char)(0x80 | (cp >> 6 & 63)), (char)(0x80 | (cp & 63))}, 3);
}

/* labels carry marks for raised text; the superscript digits of Unicode stand for it here */
static char *plain(cx_arena *a, const char *s) {
  static const char *const sup[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  cx_buf b = {.arena = a};
  cx_put(&b, "", 0);
  bool raised = false;
  for (; *s; s++) {
    if (*s == CX_SUP || *s == CX_BASE) raised = *s == CX_SUP;
    else if (raised && *s >= '0' && *s <= '9') cx_puts(&b, sup[*s - '0']);
    else if (raised && strncmp(s, "−", 3) == 0) cx_puts(&b, "⁻"), s += 2;
    else cx_put(&b, s, 1);
  }
  return b.at;
}

static int columns_of(const char *s) { return cx_width(s, strlen(s)); }

static void spaces(cx_buf *b, int n) {
  while (n-- > 0) cx_puts(b, " ");
}

/* label of the tick nearest to the middle of a row of characters, or NULL */
static const char *row_label(cx_arena *a, const cx_axis *y, int row, int rows) {
  for (int k = 0; k < y->ntick; k++) {
    double t = (y->tick[k] - y->lo) / (y->hi - y->lo);
    if ((int)fmin(rows - 1, floor((1 - t) * rows)) == row) return plain(a, y->label[k]);
  }
  return NULL;
}

static int label_columns(cx_arena *a, const cx_axis *y) {
  int w = 0;
  for (int k = 0; k < y->ntick; k++) {
    int n = columns_of(plain(a, y->label[k]));
    if (n > w) w = n;
  }
  return w;
}

static void x_labels(screen *s, const cx_axis *x, int left, int wide, const char *name) {
  int at = 0;
  pen(s, CX_SOFT);
  for (int k = 0; k < x->ntick; k++) {
    const char *text = plain(s->b.arena, x->label[k]);
    int n = columns_of(text), to = left + (int)((x->tick[k] - x->lo) / (x->hi - x->lo) * (wide - 1) + 0.5) - n / 2;
    if (to < at + (at > 0) || to + n > left + wide + 1) continue;
    spaces(&s->b, to - at);
    cx_puts(&s->b, text);
    at = to + n;
  }
  if (x->factor) cx_putf(&s->b, " %s", plain(s->b.arena, x->factor));
  if (name) cx_putf(&s->b, "  %s", cx_clean_text(s->b.arena, name));
  pen(s, -1);
  cx_puts(&s->b, "\n");
}

static void y_label(screen *s, const char *text, int wide) {
  spaces(&s->b, wide - (text ? columns_of(text) : 0));
  pen(s, CX_SOFT);
  cx_puts(&s->b, text ? text : "");
  cx_puts(&s->b, text ? " ┤" : " │");
  pen(s, -1);
}

/* ---- curves ---- */

typedef struct {
  uint8_t *dots;
  int8_t *owner;
  int w, h;
} cells; /* in characters */

static void dot(cells *c, int x, int y, int who) {
  static const uint8_t bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}; /* Unicode, U+2800 */
  if (x < 0 || y < 0 || x >= 2 * c->w || y >= 4 * c->h) return;
  int k = y / 4 * c->w + x / 2;
  c->dots[k] |= bit[y % 4][x % 2];
  c->owner[k] = (int8_t)who;
}

static void draw(cells *c, const cx_path *path, int who) {
  double sx = 2 * c->w - 1, sy = 4 * c->h - 1;
  for (int k = 0; k + 1 < path->n; k++) {
    cx_point p = path->at[k], q = path->at[k + 1];
    if (isnan(p.x) || isnan(q.x)) continue;
    double dx = (q.x - p.x) * sx, dy = (q.y - p.y) * sy;
    int steps = 1 + (int)fmin(1e4, ceil(fmax(fabs(dx), fabs(dy))));
    for (int j = 0; j <= steps; j++)
      dot(c, (int)lrint(p.x * sx + dx * j / steps), (int)lrint((1 - p.y) * sy - dy * j / steps), who);
  }
}

static void curves(screen *s, const cx_plot *p, int columns) {
  cx_arena *a = s->b.arena;
  cells c = {.h = 18};
  cx_frame_of f = cx_plot_axes(a, p, columns / 12, 6);
  int left = label_columns(a, &f.y);
  c.w = columns - left - 3 < 16 ? 16 : columns - left - 3;
  c.dots = CX_NEW_N(a, uint8_t, c.w * c.h);
  c.owner = CX_NEW_N(a, int8_t, c.w * c.h);
  for (int k = p->ncurve - 1; k >= 0; k--)
    for (int64_t i = 0; i < p->curve[k].n && cx_curve_points(p, k); i++) {
      double u = cx_axis_at(&f.x, p->curve[k].x[i]), v = cx_axis_at(&f.y, p->curve[k].y[i]);
      if (u >= 0 && u <= 1 && v >= 0 && v <= 1)
        dot(&c, (int)lrint(u * (2 * c.w - 1)), (int)lrint((1 - v) * (4 * c.h - 1)), k);
    }
  for (int k = p->ncurve - 1; k >= 0; k--) { /* the first one on top */
    if (cx_curve_points(p, k)) continue;
    cx_path path = cx_curve_path(a, &p->curve[k], &f, p->kind == PLOT_FUNCTION);
    draw(&c, &path, k);
  }
  spaces(&s->b, left + 2);
  if (p->title) cx_puts(&s->b, cx_clean_text(a, p->title));
  for (int k = 0; k < p->ncurve; k++) {
    if (!p->curve[k].text || !*p->curve[k].text) continue;
    if (k) cx_puts(&s->b, "   ");
    pen(s, cx_curve_color(k));
    cx_puts(&s->b, cx_curve_points(p, k) ? "● " : "━━ ");
    pen(s, -1);
    cx_puts(&s->b, cx_clean_text(a, p->curve[k].text));
  }
  if (f.y.factor) cx_putf(&s->b, "   (%s)", plain(a, f.y.factor));
  cx_puts(&s->b, "\n");
  for (int r = 0; r < c.h; r++) {
    y_label(s, row_label(a, &f.y, r, c.h), left);
    int last = c.w;
    while (last > 0 && !c.dots[r * c.w + last - 1]) last--;
    for (int k = 0; k < last; k++) {
      uint8_t bits = c.dots[r * c.w + k];
      if (bits) pen(s, cx_curve_color(c.owner[r * c.w + k]));
      if (bits) character(s, 0x2800u | bits);
      else cx_puts(&s->b, " ");
    }
    pen(s, -1);
    cx_puts(&s->b, "\n");
  }
  x_labels(s, &f.x, left + 2, c.w, p->xlabel);
}

/* ---- maps ---- */

static void map(screen *s, const cx_plot *p, int columns) {
  static const char *const shade[] = {" ", "░", "▒", "▓", "█"};
  cx_arena *a = s->b.arena;
  cx_frame_of f = cx_plot_axes(a, p, columns / 12, 6);
  double lo, hi;
  cx_map_range(p, &lo, &hi);
  cx_axis bar = cx_axis_make(a, lo, hi, false, 4);
  int left = label_columns(a, &f.y), rows = 18, wide = columns - left - 3 < 16 ? 16 : columns - left - 3;
  if (wide > 72) wide = 72;
  spaces(&s->b, left + 2);
  if (p->title || p->ncurve) cx_putf(&s->b, "%s   ", cx_clean_text(a, p->title ? p->title : p->curve[0].text));
  for (int k = 0; k < bar.ntick; k++) {
    double t = cx_axis_at(&bar, bar.tick[k]);
    pen(s, cx_map_color(t));
    cx_puts(&s->b, s->colors ? "██" : shade[(int)fmin(4, 5 * t)]);
    pen(s, -1);
    cx_putf(&s->b, " %s  ", plain(a, bar.label[k]));
  }
  if (bar.factor) cx_puts(&s->b, plain(a, bar.factor));
  cx_puts(&s->b, "\n");
  for (int r = 0; r < rows; r++) {
    y_label(s, row_label(a, &f.y, r, rows), left);
    for (int k = 0; k < wide; k++) {
      double u = (k + 0.5) / wide, t[2];
      for (int j = 0; j < 2; j++) t[j] = cx_axis_at(&bar, cx_map_sample(p, u, 1 - (r + 0.25 + 0.5 * j) / rows));
      if (!isfinite(t[0] + t[1])) {
        cx_puts(&s->b, s->colors ? "\x1b[0m " : " ");
      } else if (s->colors) {
        put_color(s, 38, cx_map_color(t[0]));
        put_color(s, 48, cx_map_color(t[1]));
        cx_puts(&s->b, "▀");
      } else {
        cx_puts(&s->b, shade[(int)fmin(4, fmax(0, 5 * (t[0] + t[1]) / 2))]);
      }
    }
    cx_puts(&s->b, s->colors ? "\x1b[0m\n" : "\n");
    s->now = -1;
  }
  x_labels(s, &f.x, left + 2, wide, p->xlabel);
}

char *cx_plot_terminal(cx_arena *a, const cx_plot *p, int columns, int colors) {
  screen s = {.b = {.arena = a}, .colors = colors, .now = -1};
  cx_put(&s.b, "", 0);
  if (columns > 100) columns = 100;
  if (p->kind == PLOT_IMAGES) {
    cx_putf(&s.b, "%lld picture%s in the file\n", (long long)p->npicture, p->npicture == 1 ? "" : "s");
    return s.b.at;
  }
  if (p->nx > 0) map(&s, p, columns);
  else curves(&s, p, columns);
  return s.b.at;
}
