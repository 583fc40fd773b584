/* plot.h - a plot as a picture: SVG by our own writer, PNG through cairo where it is installed, characters for a terminal. */
#ifndef CX_PLOT_H
#define CX_PLOT_H
#include "run/session.h"

typedef struct {
  double width, height;
} cx_plot_style; /* in CSS pixels; 0: the usual size */

/* the whole text of an SVG file */
char *cx_plot_svg(cx_arena *a, const cx_plot *p, const cx_plot_style *s, size_t *size);
/* lines of text, `columns` wide: braille dots, half blocks for a map of two variables. colors: 0, 256 or 1 << 24 */
char *cx_plot_terminal(cx_arena *a, const cx_plot *p, int columns, int colors);
/* by extension, .svg or .png; the file appears whole or not at all. Throws CX_E_RUNTIME. */
void cx_plot_write(cx_ctx *c, const char *path, const cx_plot *p, const cx_plot_style *s);
bool cx_plot_has_png(void); /* cairo was there when calx was built, and is here now */
/* the objective by step or epoch; false when there is nothing to see */
bool cx_plot_of_fit(cx_arena *a, const cx_fit_report *r, cx_plot *p);
#endif
