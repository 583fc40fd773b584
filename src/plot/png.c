/* png.c - a picture as PNG through cairo. cairo is opened when the first picture is drawn: it brings two dozen libraries
 * along, which nobody who evaluates a formula should wait for. */
#include <math.h>
#include <string.h>
#include "plot/pic.h"

#ifdef HAVE_CAIRO
#include <cairo.h>
#include <dlfcn.h>
#include <stdlib.h>

/* clang-format off */
#define CAIRO_FUNCTIONS \
  F(image_surface_create) F(image_surface_create_for_data) F(create) F(destroy) F(surface_destroy) F(surface_status) \
  F(surface_write_to_png_stream) F(scale) F(set_source_rgba) F(set_source_surface) F(paint) F(move_to) F(line_to) F(new_path) \
  F(close_path) F(stroke) F(fill) F(set_line_width) F(set_line_join) F(set_line_cap) F(set_dash) F(select_font_face) \
  F(set_font_size) F(text_extents) F(show_text) F(save) F(restore) F(translate) F(rotate) F(rectangle) F(get_source) \
  F(pattern_set_filter) F(pattern_set_extend) F(status)
/* clang-format on */
typedef struct {
  void *lib;
#define F(name) __typeof__(cairo_##name) *name;
  CAIRO_FUNCTIONS
#undef F
} cairo_table;

static const char *open_cairo(cairo_table *t) {
  memset(t, 0, sizeof *t);
  t->lib = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); /* its threads may keep caches */
  if (!t->lib) return "the library libcairo.so.2 is not installed";
#define F(name) \
  if (!(*(void **)&t->name = dlsym(t->lib, "cairo_" #name))) return "libcairo.so.2 lacks cairo_" #name;
  CAIRO_FUNCTIONS
#undef F
  return NULL;
}

bool cx_plot_has_png(void) {
  cairo_table t;
  const char *why = open_cairo(&t);
  if (t.lib) dlclose(t.lib);
  return !why;
}

static void set_color(const cairo_table *t, cairo_t *cr, uint32_t c, double alpha) {
  t->set_source_rgba(cr, (c >> 16 & 255) / 255.0, (c >> 8 & 255) / 255.0, (c & 255) / 255.0, alpha);
}

/* the runs of a text, raised ones smaller; draws, or only adds up the width */
static double text_runs(const cairo_table *t, cairo_t *cr, cx_arena *a, const cx_pic_item *it, bool draw) {
  double x = 0;
  bool raised = false;
  for (const char *s = it->text; *s;) {
    size_t n = strcspn(s, "\1\2");
    if (n) {
      cairo_text_extents_t ext;
      const char *run = cx_strdup(a, s, n);
      t->set_font_size(cr, raised ? 0.72 * it->size : it->size);
      t->text_extents(cr, run, &ext);
      if (draw) {
        t->move_to(cr, x, raised ? -0.324 * it->size : 0);
        t->show_text(cr, run);
      }
      x += ext.x_advance;
    }
    s += n;
    if (*s) raised = *s++ == CX_SUP;
  }
  return x;
}

static void draw_text(const cairo_table *t, cairo_t *cr, cx_arena *a, const cx_pic_item *it) {
  t->select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                      it->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  t->save(cr);
  t->translate(cr, it->pt[0].x, it->pt[0].y);
  if (it->upright) t->rotate(cr, -1.5707963267948966);
  double width = text_runs(t, cr, a, it, false);
  t->translate(cr, -it->anchor * width, 0);
  text_runs(t, cr, a, it, true);
  t->restore(cr);
}

static void draw_image(const cairo_table *t, cairo_t *cr, cx_arena *a, const cx_pic_item *it) {
  uint32_t *pixel = CX_NEW_N(a, uint32_t, it->w * it->h);
  for (int k = 0; k < it->w * it->h; k++)
    if (it->rgb)
      pixel[k] =
          0xFF000000u | (uint32_t)it->index[3 * k] << 16 | (uint32_t)it->index[3 * k + 1] << 8 | it->index[3 * k + 2];
    else pixel[k] = it->index[k] ? 0xFF000000u | cx_index_color(it->gray, it->index[k]) : 0;
  cairo_surface_t *image =
      t->image_surface_create_for_data((unsigned char *)pixel, CAIRO_FORMAT_ARGB32, it->w, it->h, 4 * it->w);
  t->save(cr);
  t->rectangle(cr, it->pt[0].x, it->pt[0].y, it->pt[1].x - it->pt[0].x, it->pt[1].y - it->pt[0].y);
  t->translate(cr, it->pt[0].x, it->pt[0].y);
  t->scale(cr, (it->pt[1].x - it->pt[0].x) / it->w, (it->pt[1].y - it->pt[0].y) / it->h);
  t->set_source_surface(cr, image, 0, 0);
  t->pattern_set_filter(t->get_source(cr), it->sharp ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_BILINEAR);
  t->pattern_set_extend(t->get_source(cr), CAIRO_EXTEND_PAD);
  t->fill(cr);
  t->restore(cr);
  t->surface_destroy(image);
}

static void draw_path(const cairo_table *t, cairo_t *cr, const cx_pic_item *it) {
  bool down = false;
  t->new_path(cr);
  for (int k = 0; k < it->npt; k++) {
    if (isnan(it->pt[k].x)) down = false;
    else if (down) t->line_to(cr, it->pt[k].x, it->pt[k].y);
    else t->move_to(cr, it->pt[k].x, it->pt[k].y), down = true;
  }
  if (it->kind == PIC_FILL) {
    t->close_path(cr);
    t->fill(cr);
    return;
  }
  t->set_line_width(cr, it->width);
  t->set_dash(cr, cx_dash[it->dash], it->dash ? 2 : 0, 0);
  t->stroke(cr);
}

typedef struct {
  unsigned char *at;
  size_t n, cap;
} sink;

static cairo_status_t put(void *user, const unsigned char *data, unsigned int n) {
  sink *s = user;
  if (s->cap - s->n < n) {
    size_t cap = 2 * s->cap + n;
    unsigned char *at = realloc(s->at, cap);
    if (!at) return CAIRO_STATUS_NO_MEMORY;
    s->at = at;
    s->cap = cap;
  }
  memcpy(s->at + s->n, data, n);
  s->n += n;
  return CAIRO_STATUS_SUCCESS;
}

size_t cx_pic_png(const cx_pic *p, double scale, unsigned char **png, const char **why) {
  cairo_table t;
  sink out = {0};
  *png = NULL;
  if ((*why = open_cairo(&t))) {
    if (t.lib) dlclose(t.lib);
    return 0;
  }
  cx_arena *a = cx_arena_new(cx_arena_ctx(p->arena));
  cairo_surface_t *surface = t.image_surface_create(CAIRO_FORMAT_RGB24, (int)(p->w * scale), (int)(p->h * scale));
  cairo_t *cr = t.create(surface);
  t.scale(cr, scale, scale);
  t.set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  t.set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  for (int k = 0; k < p->item.n; k++) {
    const cx_pic_item *it = &p->item.at[k];
    set_color(&t, cr, it->color, it->alpha);
    if (it->kind == PIC_TEXT) draw_text(&t, cr, a, it);
    else if (it->kind == PIC_IMAGE) draw_image(&t, cr, a, it);
    else draw_path(&t, cr, it);
  }
  if (t.status(cr) || t.surface_status(surface) || t.surface_write_to_png_stream(surface, put, &out))
    *why = "cairo could not draw it";
  t.destroy(cr);
  t.surface_destroy(surface);
  cx_arena_free(a);
  if (*why) {
    free(out.at);
    return 0;
  }
  *png = out.at;
  return out.n;
}

#else

bool cx_plot_has_png(void) { return false; }

size_t cx_pic_png(const cx_pic *p, double scale, unsigned char **png, const char **why) {
  (void)p;
  (void)scale;
  *png = NULL;
  *why = "this calx was built without cairo";
  return 0;
}
#endif
