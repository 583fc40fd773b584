/* lib/image.calx against test/tables/image.tsv, made with SciPy, NumPy, OpenCV and PyTorch (make_image.py there): equal
 * but for rounding. Slopes of the filters by finite differences; how far hysteresis follows a spiral. */
#include <stdbool.h>
#include <stdlib.h>

#include "calx.h"
#include "check.h"

enum { NAMES = 16, LINE = 1 << 20 };
typedef struct {
  char name[16];
  int64_t dim[2];
  double *x;
} image;
static image list[NAMES];
static int nlist;

static double *numbers(char *text, int64_t n) {
  double *x = calloc((size_t)n, sizeof *x);
  for (int64_t k = 0; k < n && x; k++) x[k] = strtod(text, &text);
  return x;
}

/* the expression of X; NULL after an error, which is printed */
static double *value(const char *expression, const image *x, int64_t *dim) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *f;
  calx_work *w;
  calx_output o = {0};
  double *out = NULL;
  char text[100];
  snprintf(text, sizeof text, "data X[%d, %d]\na(s) = hysteresis(s, X > 0)", (int)x->dim[0], (int)x->dim[1]);
  if (calx_compile(c, text, SIZE_MAX, &m) == CALX_OK && calx_bind(m, "X", CALX_F64, 2, x->dim, NULL, x->x) == CALX_OK &&
      calx_function(m, expression, SIZE_MAX, &f) == CALX_OK && calx_work_new(f, &w) == CALX_OK) {
    out = calloc((size_t)calx_fn_outputs(f) + 1, sizeof *out);
    calx_eval(f, w, NULL, out);
    calx_fn_output_at(f, 0, &o);
    dim[0] = o.rank == 2 ? o.dim[0] : -1, dim[1] = o.rank == 2 ? o.dim[1] : -1;
  } else fprintf(stderr, "%s of %s:\n%s\n", expression, x->name, calx_error(c));
  calx_free(c);
  return out;
}

static const image *named(const char *name) {
  for (int k = 0; k < nlist; k++)
    if (!strcmp(list[k].name, name)) return &list[k];
  return NULL;
}

static void compare(const char *expression, const char *name, const int64_t *want, const double *y) {
  int64_t dim[2], n = want[0] * want[1];
  const image *x = named(name);
  CHECK(x != NULL);
  double *got = x ? value(expression, x, dim) : NULL;
  CHECK(got != NULL);
  if (!got) return;
  bool same = dim[0] == want[0] && dim[1] == want[1];
  double size = 1, worst = 0;
  for (int64_t k = 0; k < n && same; k++) size = fmax(size, fabs(y[k]));
  for (int64_t k = 0; k < n && same; k++) worst = fmax(worst, isnan(got[k]) ? INFINITY : fabs(got[k] - y[k]));
  CHECK(same && worst <= 1e-12 * size);
  if (!same || worst > 1e-12 * size) fprintf(stderr, "  %s of %s: off by %g\n", expression, name, worst);
  free(got);
}

static void tables(void) {
  static char line[LINE];
  FILE *f = fopen(CX_TEST_DIR "/tables/image.tsv", "r");
  CHECK(f != NULL);
  int cases = 0;
  while (f && fgets(line, sizeof line, f)) {
    char *field[8];
    int n = 0;
    for (char *p = strtok(line, "\t\n"); p && n < 8; p = strtok(NULL, "\t\n")) field[n++] = p;
    if (n == 5 && !strcmp(field[0], "image") && nlist < NAMES) {
      image *x = &list[nlist++];
      snprintf(x->name, sizeof x->name, "%s", field[1]);
      x->dim[0] = atoi(field[2]), x->dim[1] = atoi(field[3]);
      x->x = numbers(field[4], x->dim[0] * x->dim[1]);
    } else if (n == 7) {
      int64_t dim[2] = {atoi(field[4]), atoi(field[5])};
      double *y = numbers(field[6], dim[0] * dim[1]);
      compare(field[1], field[2], dim, y);
      free(y);
      cases++;
    }
  }
  if (f) fclose(f);
  CHECK(cases > 400);
}

/* the derivative of a weighted sum of the result by every pixel, against central differences */
static void slopes(void) {
  static const char *const of[] = {"sobel(X, \"reflect\")",
                                   "scharr(X, \"valid\")",
                                   "gaussian_blur(X, 0.8, \"mirror\")",
                                   "laplacian_of_gaussian(X, 1, \"zero\")",
                                   "resize(X, 7, 3, \"bilinear\")",
                                   "resize(X, 3, 9, \"nearest\")",
                                   "gradient(pad(X, 1, \"replicate\"), \"zero\")"};
  for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
    char text[400];
    snprintf(text, sizeof text, "param X[4, 5]\nr = %s\ns[i, j] = sin(3 * i + 5 * j + 1) * r[i, j]\nminimize sum(s)",
             of[k]);
    calx_ctx *c = calx_new(NULL, NULL);
    calx_model *m;
    calx_fn *f;
    calx_work *w;
    bool ok = calx_compile(c, text, SIZE_MAX, &m) == CALX_OK && calx_gradient(m, &f) == CALX_OK &&
              calx_work_new(f, &w) == CALX_OK;
    CHECK(ok);
    double x[20], out[21], g[21];
    for (int i = 0; i < 20; i++) x[i] = sin(7.0 * i * i + 2);
    if (ok) calx_eval(f, w, x, g);
    for (int i = 0; i < 20 && ok; i++) {
      double keep = x[i], h = 1e-5, up, down;
      x[i] = keep + h, calx_eval(f, w, x, out), up = out[0];
      x[i] = keep - h, calx_eval(f, w, x, out), down = out[0];
      x[i] = keep;
      CHECK_NEAR(g[1 + i], (up - down) / (2 * h), 1e-7);
    }
    if (!ok) fprintf(stderr, "%s\n", calx_error(c));
    calx_free(c);
  }
}

/* what eight rounds leave out, a second call finds: a spiral of more turns than they take */
static void spiral(void) {
  enum { N = 61 };
  static double weak[N * N], full[N * N];
  int y = 0, x = 0, dy = 0, dx = 1, n = 1;
  for (weak[0] = 1;;) { /* one pixel wide, with a gap of one */
    int ahead = 0;
    for (int step = 1; step <= 2; step++) {
      int v = y + step * dy, u = x + step * dx;
      if (v < 0 || v >= N || u < 0 || u >= N) ahead |= step == 1;
      else ahead |= weak[v * N + u] != 0;
    }
    if (ahead) {
      int t = dy;
      dy = dx, dx = -t;
      if (++n > 200 || weak[(y + 2 * dy) * N + x + 2 * dx] || weak[(y + dy) * N + x + dx]) break;
    }
    y += dy, x += dx, weak[y * N + x] = 1;
  }
  memcpy(full, weak, sizeof full);
  image img = {.name = "spiral", .dim = {N, N}, .x = weak};
  weak[0] = 2;
  int64_t dim[2];
  double found[2] = {0}, all = 0;
  for (int k = 0; k < N * N; k++) all += full[k];
  for (int again = 0; again < 2; again++) {
    double *got = value(again ? "a(a(a(a(X > 1))))" : "a(X > 1)", &img, dim);
    for (int k = 0; k < N * N && got; k++) found[again] += got[k];
    free(got);
  }
  CHECK(n > 25);
  CHECK(found[0] > all / 3 && found[0] < all);
  CHECK(found[1] == all);
}

/* one function, one image after another, in the types that images have; what lanes do against plain sums in double */
static void arrays(void) {
  enum { H = 37, W = 2051 };
  static float f[H * W], out[2][H * W];
  static uint8_t b[H * W];
  static uint16_t s[H * W];
  static const calx_type type[] = {CALX_U8, CALX_U16, CALX_F32};
  const void *all[] = {b, s, f};
  static const char *const text = "precision single\ndata img[h, w], more\nparam c = 2";
  for (int t = 0; t < 3; t++) {
    calx_ctx *c = calx_new(NULL, NULL);
    calx_model *m;
    calx_fn *fn;
    calx_work *w;
    int64_t dim[2] = {H, W};
    float add = 1;
    bool ok = !calx_compile(c, text, SIZE_MAX, &m) && !calx_bind(m, "img", type[t], 2, dim, NULL, all[t]) &&
              !calx_bind(m, "more", CALX_F32, 0, NULL, NULL, &add) &&
              !calx_function_of(m, "sobel(img, \"valid\"), c * laplacian(img, \"valid\") + more", SIZE_MAX,
                                (const char *[]){"img", "more"}, 2, &fn) &&
              !calx_work_new(fn, &w);
    CHECK(ok);
    if (!ok) fprintf(stderr, "%s\n", calx_error(c));
    for (int round = 0; round < 2 && ok; round++) {
      for (int i = 0; i < H * W; i++) f[i] = b[i] = (uint8_t)(i * (7 + round) ^ i >> 5), s[i] = (uint16_t)(251 * b[i]);
      add = 3 - (float)round;
      double x = 0.5 + round, scale = type[t] == CALX_U16 ? 251 : 1;
      CHECK(calx_eval_arrays(fn, w, &x, (const void *[]){all[t], &add}, (void *[]){out[0], out[1]}) == CALX_OK);
      double off = 0;
      for (int v = 0; v < H - 2; v++)
        for (int u = 0; u < W - 2; u++) {
          const uint8_t *p = b + v * W + u, *q = p + W, *r = q + W;
          double gx = p[2] - p[0] + 2 * (q[2] - q[0]) + r[2] - r[0], gy = r[0] - p[0] + 2 * (r[1] - p[1]) + r[2] - p[2];
          off = fmax(off, fabs(out[0][v * (W - 2) + u] - scale * sqrt(gx * gx + gy * gy)));
          off = fmax(off, fabs(out[1][v * (W - 2) + u] - x * scale * (p[1] + q[0] + q[2] + r[1] - 4 * q[1]) - add));
        }
      CHECK(off <= 2e-7 * 2000 * scale);
      CHECK(calx_eval(fn, w, &x, NULL) == CALX_E_USAGE && strstr(calx_work_error(w), "calx_eval_arrays"));
    }
    CHECK(calx_function_of(m, "img", SIZE_MAX, (const char *[]){"picture"}, 1, &fn) == CALX_E_USAGE);
    CHECK(strstr(calx_error(c), "no data `picture`") != NULL);
    calx_free(c);
  }
}

static void refused(const char *expression, const char *message) {
  calx_ctx *c = calx_new(NULL, NULL);
  calx_model *m;
  calx_fn *f;
  CHECK(calx_compile(c, "X = [[1, 2, 3], [4, 5, 6]]", SIZE_MAX, &m) == CALX_OK);
  CHECK(calx_function(m, expression, SIZE_MAX, &f) == CALX_E_PROGRAM);
  CHECK(strstr(calx_error(c), message) != NULL);
  CHECK(strstr(calx_error(c), "image.calx:") == NULL); /* the place is the call */
  if (!strstr(calx_error(c), message)) fprintf(stderr, "%s\n", calx_error(c));
  calx_free(c);
}

int main(void) {
  tables();
  slopes();
  spiral();
  arrays();
  refused("sobel(X, \"wrap\")", "a border is \"valid\", \"zero\", \"reflect\", \"mirror\" or \"replicate\"");
  refused("sobel(X, \"valid\")", "the kernel is larger than the image");
  refused("resize(X, 2, 2, \"cubic\")", "a method of resize is");
  for (int k = 0; k < nlist; k++) free(list[k].x);
  return CHECK_DONE();
}
