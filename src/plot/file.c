/* file.c - pictures in files, and the picture of a fit. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "plot/pic.h"

char *cx_plot_svg(cx_arena *a, const cx_plot *p, const cx_plot_style *s, size_t *size) {
  static const cx_plot_style usual = {0};
  return cx_pic_svg(cx_plot_picture(a, p, s ? s : &usual), size);
}

static bool ends(const char *s, const char *with) {
  size_t n = strlen(s), m = strlen(with);
  return n >= m && strcmp(s + n - m, with) == 0;
}

/* beside it first, then renamed: a full disk or a kill leaves what was there */
static bool write_whole(cx_arena *a, const char *path, const void *data, size_t size) {
  char *beside = cx_format(a, "%s.tmp%ld", path, (long)getpid());
  FILE *f = cx_make_folders(a, path) ? fopen(beside, "wb") : NULL;
  if (!f) return false;
  bool ok = fwrite(data, 1, size, f) == size;
  if (fclose(f)) ok = false;
  if (ok && rename(beside, path) == 0) return true;
  int why = errno;
  remove(beside);
  errno = why;
  return false;
}

void cx_plot_write(cx_ctx *c, const char *path, const cx_plot *p, const cx_plot_style *s) {
  static const cx_plot_style usual = {0};
  cx_arena *a = cx_arena_new(c);
  size_t size = 0;
  unsigned char *png = NULL;
  const char *data = NULL, *why = NULL;
  if (!s) s = &usual;
  if (ends(path, ".png")) {
    size = cx_pic_png(cx_plot_picture(a, p, s), 2, &png, &why);
    data = (const char *)png;
    if (!size) {
      int d = cx_diag(c, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "`%s` cannot be drawn: %s", path, why);
      cx_diag_help(c, d, "plot to a file named .svg, which needs no library");
    }
  } else if (ends(path, ".svg")) {
    data = cx_plot_svg(a, p, s, &size);
  } else {
    int d = cx_diag(c, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "`%s` names no kind of picture", path);
    cx_diag_help(c, d, "end its name in .svg or .png");
  }
  bool ok = size > 0;
  if (ok && !write_whole(a, path, data, size)) {
    cx_diag(c, CX_ERROR, CX_E_RUNTIME, CX_NOSPAN, "`%s` cannot be written: %s", path, strerror(errno));
    ok = false;
  }
  free(png);
  cx_arena_free(a);
  if (!ok) cx_throw(c, CX_E_RUNTIME);
}

bool cx_plot_of_fit(cx_arena *a, const cx_fit_report *r, cx_plot *p) {
  int64_t n = r->ntrace, finite = 0;
  for (int64_t k = 0; k < n; k++) finite += isfinite(r->trace[k]) != 0;
  if (finite < 2) return false;
  double *x = CX_NEW_N(a, double, n), by = r->trace_stride > 0 ? (double)r->trace_stride : 1;
  for (int64_t k = 0; k < n; k++) x[k] = by * (double)k + r->by_epoch; /* the first epoch is 1 */
  cx_curve *curve = CX_NEW_N(a, cx_curve, 2);
  bool kept_back = r->ncolumn > r->nmetric;
  curve[0] = (cx_curve){.text = kept_back ? "objective" : "", .n = n, .x = x, .y = r->trace};
  *p = (cx_plot){.kind = PLOT_TRACE, .curve = curve, .ncurve = 1 + kept_back};
  if (kept_back) {
    double *y = CX_NEW_N(a, double, n);
    for (int64_t k = 0; k < n; k++) y[k] = r->history[k * r->ncolumn + r->nmetric];
    curve[1] = (cx_curve){.text = "validation", .n = n, .x = x, .y = y};
  }
  p->xlabel = r->by_epoch ? "epoch" : "step";
  p->title = cx_format(a, "objective, by %s", r->method ? r->method : "fit");
  return true;
}
