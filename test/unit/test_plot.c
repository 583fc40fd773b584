/* Plots: ticks, ranges, gaps, and the three kinds of picture. */
#include "plot/pic.h"
#include <stdlib.h>
#include <unistd.h>
#include "check.h"

/* fontconfig, below cairo, keeps what it read */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\n"; }

static char *labels(cx_arena *a, double lo, double hi, bool log, int target) {
  cx_axis x = cx_axis_make(a, lo, hi, log, target);
  cx_buf b = {.arena = a};
  cx_put(&b, "", 0);
  for (int k = 0; k < x.ntick; k++) {
    CHECK(x.tick[k] >= x.lo - 1e-9 * (x.hi - x.lo) && x.tick[k] <= x.hi + 1e-9 * (x.hi - x.lo));
    cx_putf(&b, "%s%s", k ? " " : "", x.label[k]);
  }
  if (x.factor) cx_putf(&b, " %s", x.factor);
  return b.at;
}

static void ticks(cx_arena *a) {
  CHECK_STR(labels(a, -6, 6, false, 8), "−6 −4 −2 0 2 4 6");
  CHECK_STR(labels(a, 0, 1, false, 6), "0.0 0.2 0.4 0.6 0.8 1.0");
  CHECK_STR(labels(a, 0.1, 0.34, false, 5), "0.10 0.15 0.20 0.25 0.30");
  CHECK_STR(labels(a, 0, 2.4e6, false, 5), "0.0 0.5 1.0 1.5 2.0 ×10\0016\002");
  CHECK_STR(labels(a, 0, 3e-7, false, 3), "0 1 2 3 ×10\001−7\002");
  CHECK_STR(labels(a, -2 * 3.14159265358979323846, 2 * 3.14159265358979323846, false, 4), "−2π −π 0 π 2π");
  CHECK_STR(labels(a, 0, 3.14159265358979323846, false, 4), "0 π/4 π/2 3π/4 π");
  CHECK_STR(labels(a, -3, 1, true, 6), "0.001 0.01 0.1 1 10");
  CHECK_STR(labels(a, 5, 8, true, 6), "10\0015\002 10\0016\002 10\0017\002 10\0018\002");
  CHECK_STR(labels(a, 0, 1, true, 6), "1 2 5 10");
  /* whatever the range, there are at least two ticks and they rise */
  srand(7);
  for (int k = 0; k < 2000; k++) {
    double lo = (rand() / (double)RAND_MAX - 0.5) * pow(10, rand() % 30 - 15),
           hi = lo + pow(10, (rand() % 2000) / 100.0 - 10);
    cx_axis x = cx_axis_make(a, lo, hi, false, 6);
    CHECK(x.ntick >= 2);
    for (int j = 1; j < x.ntick; j++) CHECK(x.tick[j] > x.tick[j - 1]);
  }
  double odd[][2] = {{0, 0},         {3, 3},          {INFINITY, -INFINITY}, {NAN, NAN}, {-1.7e308, 1.7e308},
                     {1, 1 + 1e-15}, {5e-324, 1e-323}};
  for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
    cx_axis x = cx_axis_make(a, odd[k][0], odd[k][1], false, 6);
    CHECK(isfinite(x.lo) && isfinite(x.hi) && x.hi > x.lo);
  }
}

static cx_plot plot_of(cx_arena *a, double (*f)(double), double lo, double hi) {
  enum { N = 401 };
  double *x = CX_NEW_N(a, double, N), *y = CX_NEW_N(a, double, N);
  for (int k = 0; k < N; k++) {
    x[k] = lo + (hi - lo) * k / (N - 1);
    y[k] = f(x[k]);
  }
  cx_curve *c = CX_NEW(a, cx_curve);
  *c = (cx_curve){.text = "f(x) < y & \x01\xff'", .n = N, .x = x, .y = y};
  return (cx_plot){.curve = c, .ncurve = 1, .x0 = lo, .x1 = hi, .xlabel = "x"};
}

static double inverse(double x) { return 1 / x; }
static double inverse_square(double x) { return 1 / (x * x); }
static double cube(double x) { return x * x * x; }
static double peak(double x) { return exp(-x * x * 4000); }
static double growth(double x) { return exp(x); }
static double step(double x) { return x < 0.01 ? 0 : 1; }
static double gap(double x) { return x < 0 ? NAN : x; }
static double nothing(double x) { return x * NAN; }

static int lifts(const cx_path *p) {
  int n = 0;
  for (int k = 0; k < p->n; k++) n += isnan(p->at[k].x);
  return n;
}

static void ranges(cx_arena *a) {
  static const struct {
    double (*f)(double);
    double lo, hi;
    bool cropped;
    int lifts;
  } row[] = {
      {inverse, -1, 1, true, 1}, {inverse_square, -1, 1, true, 1}, {tan, -6, 6, true, 4},   {cube, -3, 3, false, 0},
      {peak, -6, 6, false, 0},   {growth, -10, 10, false, 0},      {step, -1, 1, false, 1}, {sin, -50, 50, false, 0},
      {gap, -1, 1, false, 0},    {nothing, -1, 1, false, 0},       {log, 0, 1, false, 0}};
  for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
    cx_plot p = plot_of(a, row[k].f, row[k].lo, row[k].hi);
    cx_frame_of f = cx_plot_axes(a, &p, 8, 6);
    CHECK(f.cropped == row[k].cropped);
    double lo = INFINITY, hi = -INFINITY;
    for (int64_t i = 0; i < p.curve[0].n; i++)
      if (isfinite(p.curve[0].y[i])) lo = fmin(lo, p.curve[0].y[i]), hi = fmax(hi, p.curve[0].y[i]);
    if (!row[k].cropped && lo <= hi) CHECK(f.y.lo <= lo && f.y.hi >= hi);
    else if (lo <= hi) CHECK(f.y.hi - f.y.lo < 0.3 * (hi - lo));
    cx_path path = cx_curve_path(a, &p.curve[0], &f, p.kind == PLOT_FUNCTION);
    CHECK(lifts(&path) == row[k].lifts);
    for (int i = 0; i < path.n; i++)
      CHECK(isnan(path.at[i].x) || (path.at[i].y >= -1e-12 && path.at[i].y <= 1 + 1e-12));
  }
}

static void long_series(cx_arena *a) { /* many points: thinned out, extremes kept */
  enum { N = 200000 };
  double *x = CX_NEW_N(a, double, N), *y = CX_NEW_N(a, double, N);
  for (int k = 0; k < N; k++) x[k] = k, y[k] = sin(k * 0.001);
  y[77777] = 5;
  y[33333] = -7;
  cx_plot p = {.kind = PLOT_SERIES, .curve = &(cx_curve){.text = "s", .n = N, .x = x, .y = y}, .ncurve = 1};
  cx_frame_of f = cx_plot_axes(a, &p, 8, 6);
  cx_path path = cx_curve_path(a, &p.curve[0], &f, p.kind == PLOT_FUNCTION);
  CHECK(path.n < 8000);
  double lo = 1, hi = 0;
  for (int k = 0; k < path.n; k++) lo = fmin(lo, path.at[k].y), hi = fmax(hi, path.at[k].y);
  CHECK_NEAR(lo, cx_axis_at(&f.y, -7), 1e-12);
  CHECK_NEAR(hi, cx_axis_at(&f.y, 5), 1e-12);
}

static void text(cx_arena *a) {
  CHECK_STR(cx_math_text(a, "alpha * x^2 - f'(x)"), "α\u2009·\u2009x\0012\002 − f′(x)");
  CHECK_STR(cx_math_text(a, "x^-1 + x^(a + b) <= gamma(3)"), "x\001−1\002 + x^(a + b) ≤ gamma(3)");
  CHECK_STR(cx_math_text(a, "alphabet_pi"), "alphabet_pi");
  CHECK_STR(cx_math_text(a, "e^x^2 ^ ^"), "e\001x\002\0012\002 ^ ^");
  CHECK(cx_text_width("wide", 10) > cx_text_width("ill", 10));
}

static int count(const char *s, const char *what) {
  int n = 0;
  for (s = strstr(s, what); s; s = strstr(s + 1, what)) n++;
  return n;
}

static void files(cx_ctx *c, cx_arena *a) {
  size_t size;
  cx_plot p = plot_of(a, cube, -3, 3);
  char *svg = cx_plot_svg(a, &p, NULL, &size);
  CHECK(size == strlen(svg) && strncmp(svg, "<svg ", 5) == 0 && strcmp(svg + size - 7, "</svg>\n") == 0);
  CHECK(strstr(svg, "&lt; y &amp;") && !strchr(svg, 1) && !strchr(svg, '\xff'));
  CHECK(count(svg, "<text") == count(svg, "</text>") && count(svg, "<tspan") == count(svg, "</tspan>"));
  CHECK(!strstr(svg, "nan") && !strstr(svg, "inf"));
  double z[20 * 10];
  for (int k = 0; k < 200; k++) z[k] = k == 7 ? NAN : k == 9 ? INFINITY : sin(k % 20) + cos(k / 20);
  cx_plot map = {
      .nx = 20, .ny = 10, .z = z, .x0 = 0, .x1 = 1, .y0 = -1, .y1 = 1, .xlabel = "x", .ylabel = "y", .title = "z"};
  svg = cx_plot_svg(a, &map, NULL, &size);
  CHECK(count(svg, "<image ") == 2 && !strstr(svg, "nan"));
  CHECK_NEAR(cx_map_sample(&map, 0, 0), z[0], 0);
  CHECK_NEAR(cx_map_sample(&map, 1, 1), z[199], 0);
  CHECK_NEAR(cx_map_sample(&map, 2.5 / 19, 1), (z[182] + z[183]) / 2, 1e-12);
  cx_plot tiny = {.nx = 1, .ny = 1, .z = z, .x1 = 1, .y1 = 1};
  CHECK(cx_plot_svg(a, &tiny, NULL, &size) && cx_plot_terminal(a, &tiny, 40, 0));
  for (int colors = 0; colors <= 256; colors += 256) {
    const char *t = cx_plot_terminal(a, &p, 80, colors), *m = cx_plot_terminal(a, &map, 80, colors);
    CHECK(!colors == !strstr(t, "\x1b[") && !colors == !strstr(m, "\x1b["));
    CHECK(count(t, "\n") == 20 && count(m, "\n") == 20);
  }
  CHECK(strstr(cx_plot_terminal(a, &p, 80, 0), "0 ┤"));

  char dir[] = "/tmp/calx-plot-XXXXXX";
  CHECK(mkdtemp(dir) != NULL);
  const char *name[] = {"a.svg", "m.svg", "a.png", "m.png"};
  for (int k = 0; k < (cx_plot_has_png() ? 4 : 2); k++) {
    char *path = cx_format(a, "%s/%s", dir, name[k]);
    cx_plot_write(c, path, k % 2 ? &map : &p, NULL);
    FILE *f = fopen(path, "rb");
    unsigned char head[24] = {0};
    CHECK(f && fread(head, 1, 24, f) == 24);
    if (f) fclose(f);
    if (k < 2) CHECK(memcmp(head, "<svg ", 5) == 0);
    else CHECK(memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0 && head[18] == 1440 / 256 && head[19] == 1440 % 256);
    remove(path);
  }
  cx_frame f;
  const char *bad[] = {"/dev/null/at/all.svg", "picture.gif", "/dev/full/x.svg"};
  for (int k = 0; k < 3; k++) {
    int before = cx_error_count(c);
    CX_TRY(c, f) {
      cx_plot_write(c, bad[k], &p, NULL);
      CX_END(c, f);
      CHECK(false);
    } else {
      CHECK(f.status == CX_E_RUNTIME && cx_error_count(c) == before + 1);
    }
  }
  CHECK(rmdir(dir) == 0); /* nothing left beside the pictures */
}

static void fits(cx_arena *a) {
  double trace[] = {100, 10, 1, 0.1};
  cx_fit_report r = {.method = "adam", .trace = trace, .ntrace = 4, .trace_stride = 10};
  cx_plot p;
  CHECK(cx_plot_of_fit(a, &r, &p) && cx_plot_axes(a, &p, 8, 6).y.log && p.curve[0].x[3] == 30);
  trace[3] = -1;
  CHECK(cx_plot_of_fit(a, &r, &p) && !cx_plot_axes(a, &p, 8, 6).y.log);
  r.ntrace = 1;
  CHECK(!cx_plot_of_fit(a, &r, &p));
}

static void matrices(cx_arena *a) {
  double z[6] = {10, 1, 2, 3, 4, 55};
  size_t size;
  cx_plot p = {.kind = PLOT_MATRIX, .nx = 3, .ny = 2, .z = z, .title = "confusion"};
  char *svg = cx_plot_svg(a, &p, NULL, &size);
  CHECK(strstr(svg, ">55<") && count(svg, "<image ") == 1);
  CHECK(cx_map_sample(&p, 0.1, 0.9) == 10 && cx_map_sample(&p, 0.99, 0.01) == 55 && cx_map_sample(&p, 1, 1) == 2);
  cx_frame_of f = cx_plot_axes(a, &p, 8, 6);
  CHECK_NEAR(cx_axis_at(&f.y, 0), 0.75, 1e-12); /* row 0 on top */
  CHECK_NEAR(cx_axis_at(&f.x, 0), 1 / 6.0, 1e-12);
  CHECK(f.x.ntick == 3 && f.y.ntick == 2);
  int64_t n[] = {1, 2, 5, 10, 13, 20, 100, 5000};
  for (size_t k = 0; k < sizeof n / sizeof *n; k++) {
    double *big = CX_NEW_N(a, double, n[k] * 3);
    cx_plot q = {.kind = PLOT_MATRIX, .nx = n[k], .ny = 3, .z = big};
    f = cx_plot_axes(a, &q, 8, 6);
    CHECK(f.x.ntick >= 1);
    for (int j = 0; j < f.x.ntick; j++) CHECK(f.x.tick[j] == floor(f.x.tick[j]));
    CHECK(cx_plot_svg(a, &q, NULL, &size) && cx_plot_terminal(a, &q, 80, 256));
  }
}

/* n points in a picture: strokes without length */
static int dots(cx_arena *a, const cx_plot *p, int *strokes) {
  cx_pic *pic = cx_plot_picture(a, p, &(cx_plot_style){0});
  int n = 0;
  *strokes = 0;
  for (int k = 0; k < pic->item.n; k++) {
    const cx_pic_item *it = &pic->item.at[k];
    if (it->kind != PIC_STROKE || it->alpha != 0.8) continue;
    ++*strokes;
    for (int i = 0; i + 1 < it->npt; i++)
      n += it->pt[i].x == it->pt[i + 1].x && it->pt[i].y == it->pt[i + 1].y; /* NaN lifts the pen */
    for (int i = 0; i < it->npt; i++)
      if (!isnan(it->pt[i].x))
        CHECK(it->pt[i].x > 0 && it->pt[i].x < pic->w && it->pt[i].y > 0 && it->pt[i].y < pic->h);
  }
  return n;
}
static void scatter(cx_arena *a) {
  double x[6] = {0, 1, 2, 2, NAN, 3}, y[6] = {0, -1, 5, 5, 1, 0}; /* one twice, one without a place */
  cx_curve c[2] = {{.text = "y", .n = 6, .x = x, .y = y}, {.text = "z", .n = 3, .x = x, .y = y}};
  int strokes;
  cx_plot p = {.kind = PLOT_SCATTER, .curve = c, .ncurve = 1, .xlabel = "x"};
  CHECK(dots(a, &p, &strokes) == 4 && strokes == 1);
  p.ncurve = 2;
  CHECK(dots(a, &p, &strokes) == 7 && strokes == 2);
  CHECK(strstr(cx_plot_terminal(a, &p, 80, 0), "● z") != NULL);
  c[0].points = true, p.kind = PLOT_FUNCTION; /* beside a curve */
  CHECK(dots(a, &p, &strokes) == 4 && strokes == 1);
  CHECK(strstr(cx_plot_terminal(a, &p, 80, 0), "● y") && strstr(cx_plot_terminal(a, &p, 80, 0), "━━ z"));
  c[0].n = 0, p.ncurve = 1, p.kind = PLOT_SCATTER;
  CHECK(dots(a, &p, &strokes) == 0);
}

static void pictures(cx_arena *a) {
  double z[6] = {0, 1, 2, NAN, 4, 2};
  cx_picture one[7];
  for (int k = 0; k < 7; k++) one[k] = (cx_picture){k ? "seven" : NULL, NULL, 3, 2, z, 0, 4, false};
  one[6].w = 1, one[6].h = 6;
  for (int n = 1; n <= 7; n++) {
    cx_plot p = {.kind = PLOT_IMAGES, .picture = one, .npicture = n, .title = "z"};
    cx_pic *pic = cx_plot_picture(a, &p, &(cx_plot_style){0});
    int images = 0, texts = 0;
    for (int k = 0; k < pic->item.n; k++) {
      const cx_pic_item *it = &pic->item.at[k];
      texts += it->kind == PIC_TEXT;
      if (it->kind != PIC_IMAGE) continue;
      images++;
      CHECK(it->gray && it->pt[0].x >= 0 && it->pt[1].x <= pic->w && it->pt[0].y >= 0 && it->pt[1].y <= pic->h);
      double wide = it->pt[1].x - it->pt[0].x, high = it->pt[1].y - it->pt[0].y;
      CHECK_NEAR(wide / high, (double)it->w / it->h, 1e-9); /* square pixels */
      if (it->w == 3) CHECK(it->index[0] == 1 && it->index[3] == 0 && it->index[4] == 255);
    }
    CHECK(images == n && texts == n); /* the title, and captions of all but the first */
  }
  one[0].heading = "a", one[4].heading = "b"; /* below each other; the second row is shorter */
  cx_plot two = {.kind = PLOT_IMAGES, .picture = one, .npicture = 7, .columns = 4};
  cx_pic *pic = cx_plot_picture(a, &two, &(cx_plot_style){0});
  cx_point at[7];
  int n = 0;
  for (int k = 0; k < pic->item.n; k++)
    if (pic->item.at[k].kind == PIC_IMAGE) at[n++] = pic->item.at[k].pt[0];
  CHECK(n == 7 && at[4].x == at[0].x && at[5].x == at[1].x && at[3].y == at[0].y);
  CHECK(at[4].y > at[0].y && at[5].y == at[4].y);
  CHECK(cx_index_color(true, 1) == 0 && cx_index_color(true, 255) == 0xffffff);
}

static void in_colour(cx_arena *a) {
  double z[12] = {255, 0, 0, 0, 255, 51, 300, -9, 102, NAN, 0, 255}; /* two by two: what leaves the range is cut off */
  const uint8_t want[12] = {255, 0, 0, 0, 255, 51, 255, 0, 102, 0xe7, 0, 255}; /* NaN: of the grid's colour */
  cx_picture one = {.w = 2, .h = 2, .z = z, .hi = 255, .colour = true};
  cx_plot p = {.kind = PLOT_IMAGES, .picture = &one, .npicture = 1};
  cx_pic *pic = cx_plot_picture(a, &p, &(cx_plot_style){0});
  int images = 0;
  for (int k = 0; k < pic->item.n; k++) {
    const cx_pic_item *it = &pic->item.at[k];
    if (it->kind != PIC_IMAGE) continue;
    images++;
    CHECK(it->rgb && !it->gray && !memcmp(it->index, want, sizeof want));
  }
  size_t size;
  CHECK(images == 1 && strstr(cx_plot_svg(a, &p, &(cx_plot_style){0}, &size), "base64,") != NULL);
}

static void whole_epochs(cx_arena *a) { /* no tick at half an epoch; the first one is 1 */
  double loss[3] = {2, 1, 0.5};
  cx_fit_report r = {.trace = loss, .ntrace = 3, .by_epoch = true};
  cx_plot p;
  CHECK(cx_plot_of_fit(a, &r, &p) && p.curve[0].x[0] == 1 && p.curve[0].x[2] == 3);
  cx_frame_of f = cx_plot_axes(a, &p, 9, 6);
  CHECK(f.x.ntick == 3 && f.x.tick[0] == 1 && !strcmp(f.x.label[2], "3"));
}

static void colors(void) { /* lightness never falls along the map */
  double before = -1;
  for (int k = 0; k <= 100; k++) {
    uint32_t c = cx_map_color(k / 100.0);
    double y = 0, w[3] = {0.2126, 0.7152, 0.0722};
    for (int j = 0; j < 3; j++) y += w[j] * pow((c >> (16 - 8 * j) & 255) / 255.0, 2.2);
    CHECK(y > before);
    before = y;
  }
}

int main(void) {
  cx_ctx *c = cx_ctx_new(NULL, NULL);
  cx_arena *a = cx_ctx_arena(c);
  ticks(a);
  ranges(a);
  long_series(a);
  text(a);
  files(c, a);
  fits(a);
  scatter(a);
  pictures(a);
  in_colour(a);
  whole_epochs(a);
  matrices(a);
  colors();
  cx_ctx_free(c);
  return CHECK_DONE();
}
