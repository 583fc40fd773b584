/* test_data_files.c - NPY, NPZ, IDX, PNG and JPEG as NumPy and Pillow wrote them (test/data, made by make.py there),
 * the same cut off at every length, and our writers read back. */
#include "data_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static const char *data(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/data/%s", CX_TEST_DIR, name);
  return path;
}

static void npy(void) { /* [[0, 1, 2], [3, 4, 5]] - 1 in every type, times 0.5 in f2; u: not less 1 */
  static const struct {
    const char *name;
    cx_dtype type;
    double add, scale;
  } t[] = {{"n_f8.npy", CX_F64, -1, 1},     {"n_f4.npy", CX_F32, -1, 1}, {"n_f2.npy", CX_F32, -1, 0.5},
           {"n_i8.npy", CX_I64, -1, 1},     {"n_i4.npy", CX_I32, -1, 1}, {"n_i2.npy", CX_I16, -1, 1},
           {"n_i1.npy", CX_I8, -1, 1},      {"n_u8.npy", CX_F64, 0, 1},  {"n_u4.npy", CX_I64, 2147483648.0, 1},
           {"n_u2.npy", CX_U16, 0, 1},      {"n_u1.npy", CX_U8, 0, 1},   {"n_be.npy", CX_F64, 0, 0.25},
           {"n_fortran.npy", CX_F64, 0, 1}, {"n_v2.npy", CX_F32, 0, 1},  {"n_v3.npy", CX_I16, 0, 1}};
  for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
    cx_file *f = read_try(data(t[k].name));
    CHECK(f && f->ncol == 1 && !f->is_table);
    if (!f) {
      fprintf(stderr, "%s: %s\n", t[k].name, cx_diag_get(ctx, 0).message);
      continue;
    }
    const cx_array *x = &f->col->array;
    CHECK(x->type == t[k].type && x->rank == 2 && x->dim[0] == 2 && x->dim[1] == 3);
    for (int i = 0; i < 2; i++)
      for (int j = 0; j < 3; j++) CHECK(at2(x, i, j) == (3 * i + j + t[k].add) * t[k].scale);
    CHECK(cx_array_contiguous(x) == (k != 12));
    double d[6];
    float s[6];
    cx_array_copy(x, 0, 2, d);
    cx_array_copy_f32(x, 0, 2, s);
    for (int i = 0; i < 6; i++) CHECK(d[i] == at2(x, i / 3, i % 3) && s[i] == (float)d[i]);
    cx_array_copy(x, 1, 2, d);
    CHECK(d[2] == at2(x, 1, 2));
    cx_array_run(x, 2, 3, d);
    CHECK(d[0] == at2(x, 0, 2) && d[1] == at2(x, 1, 0) && d[2] == at2(x, 1, 1));
  }
  cx_file *f = read_try(data("n_scalar.npy"));
  CHECK(f && f->col->array.rank == 0 && cx_array_get(&f->col->array, NULL) == 2.5);
  f = read_try(data("n_b1.npy"));
  CHECK(f && f->col->array.type == CX_U8 && at2(&f->col->array, 0, 0) == 1 && at2(&f->col->array, 0, 1) == 0);
  f = read_try(data("n_empty.npy"));
  CHECK(f && cx_array_count(&f->col->array) == 0);
  CHECK(contains(read_error(data("n_c16.npy")), "elements of type <c16 are no real numbers"));
  CHECK(contains(cx_diag_get(ctx, 0).help, "x.real"));
  CHECK(contains(read_error(data("n_str.npy")), "elements of type <U1"));
  CHECK(contains(read_error(data("n_rec.npy")), "structured array"));
}

static void npy_forged(void) {
  static const struct {
    const char *head, *message;
  } t[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999, 9999999999999), }", "larger than any memory"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999,), }", "too large"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2147483648, 2147483648, 2), }", "larger than any memory"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2147483648,), }",
       "truncated: its shape needs 17179869184 bytes"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "more than 8 dimensions"},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", "no list of sizes"},
      {"{'descr': '<f8', 'fortran_order': False, }", "lacks"}};
  for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
    char b[300] = "\x93NUMPY\1";
    size_t n = strlen(t[k].head);
    b[8] = (char)n;
    memcpy(b + 10, t[k].head, n);
    put("x.npy", b, n + 10 + 8);
    CHECK(contains(read_error("x.npy"), t[k].message));
  }
}

/* found by the fuzzer: sizes of an array without elements may be anything */
static void no_elements(void) {
  const char *head = "{'descr': '<f8', 'fortran_order': True, 'shape': (0, 999999999999999, 999999999), }";
  char b[300] = "\x93NUMPY\1";
  b[8] = (char)strlen(head);
  memcpy(b + 10, head, strlen(head));
  put("x.npy", b, strlen(head) + 10);
  cx_file *f = read_try("x.npy");
  CHECK(f && cx_array_count(&f->col->array) == 0);
  put("x.idx", "\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 16);
  f = read_try("x.idx");
  CHECK(f && cx_array_count(&f->col->array) == 0);
}

static void npz(void) {
  for (int k = 0; k < 2; k++) {
    cx_file *f = read_try(data(k ? "deflated.npz" : "stored.npz"));
#ifndef HAVE_ZLIB
    if (k) {
      CHECK(!f && contains(cx_diag_get(ctx, 0).message, "built without zlib"));
      continue;
    }
#endif
    CHECK(f && f->ncol == 2 && !f->is_table);
    if (!f) continue;
    CHECK_STR(f->col[0].name, "X");
    CHECK_STR(f->col[1].name, "y");
    CHECK(at2(&f->col[0].array, 1, 2) == 2.5 && at1(&f->col[1].array, 0) == (k ? 0 : 1));
  }
  cx_file *large = read_try(data("large.npz"));
  CHECK(large && large->ncol == 2 && at2(&large->col[0].array, 1, 2) == 2.5 && at1(&large->col[1].array, 0) == 1);
  size_t n;
  char *p = get(data("stored.npz"), &n);
  for (size_t i = 100; i < n; i++) /* an element that was changed is found by its checksum */
    if (!memcmp(p + i, "\0\0\0\0\0\0\xe0\x3f", 8)) {
      p[i] = 1;
      break;
    }
  put("bad.npz", p, n);
  CHECK(contains(read_error("bad.npz"), "member X is damaged: its checksum differs"));
  put("empty.npz", "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
  CHECK(contains(read_error("empty.npz"), "no .npy member"));
}

static void idx(void) {
  cx_file *f = read_try(data("labels.idx"));
  CHECK(f && f->col->array.type == CX_U8 && f->col->array.rank == 1 && at1(&f->col->array, 2) == 4);
  f = read_try(data("float.idx"));
  CHECK(f && at2(&f->col->array, 0, 1) == -2 && at2(&f->col->array, 1, 1) == (double)4e10f);
  static const struct {
    cx_dtype type;
    const char bytes[25];
  } wide[] = {{CX_I8, "\0\0\x09\1\0\0\0\2\3\xfe"},
              {CX_I16, "\0\0\x0b\1\0\0\0\2\0\3\xff\xfe"},
              {CX_I32, "\0\0\x0c\1\0\0\0\2\0\0\0\3\xff\xff\xff\xfe"},
              {CX_F64, "\0\0\x0e\1\0\0\0\2\x40\x08\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0"}};
  for (int k = 0; k < 4; k++) {
    put("x.idx", wide[k].bytes, 8 + 2 * cx_dtype_size[wide[k].type]);
    f = read_try("x.idx");
    CHECK(f && f->col->array.type == wide[k].type && at1(&f->col->array, 0) == 3 && at1(&f->col->array, 1) == -2);
  }
#ifdef HAVE_ZLIB
  f = read_try(data("labels.idx.gz"));
  CHECK(f && at1(&f->col->array, 0) == 3 && at1(&f->col->array, 3) == 1);
#else
  CHECK(contains(read_error(data("labels.idx.gz")), "built without zlib"));
#endif
  put("x.idx", "\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
  CHECK(contains(read_error("x.idx"), "larger than any memory"));
  put("x.idx", "\0\0\x08\1\0\0\0\2abc", 11);
  CHECK(contains(read_error("x.idx"), "need 2 bytes of elements, but 3 are there"));
  put("x.idx", "\0\0\x0a\1\0\0\0\2ab", 10);
  CHECK(contains(read_error("x.idx"), "element type 0x0a is unknown"));
}

/* Every prefix of a file gives an error, never a crash or a short array. What follows the last byte that matters may go. */
static void truncated(const char *name, const char *copy, size_t slack) {
  size_t n;
  static char whole[1 << 16];
  char *p = get(data(name), &n);
  memcpy(whole, p, n);
  for (size_t k = 0; k + slack < n; k++) {
    put(copy, whole, k);
    cx_file *f = read_try(copy);
    CHECK(!f);
    if (f) fprintf(stderr, "%s cut to %zu of %zu bytes was read\n", name, k, n);
    if (!f && cx_error_count(ctx) != 1) CHECK(!"one error");
    fresh();
  }
}

static void images(void) {
#ifdef HAVE_PNG
  static const uint8_t grey[2][3] = {{0, 50, 100}, {150, 200, 255}};
  static const char *const same[] = {"grey.png", "grey16.png"};
  for (int k = 0; k < 2; k++) {
    cx_file *f = read_try(data(same[k]));
    CHECK(f && f->col->array.rank == 2 && f->col->array.type == (k ? CX_U16 : CX_U8));
    for (int i = 0; f && i < 6; i++) CHECK(at2(&f->col->array, i / 3, i % 3) == (k ? 257 : 1) * grey[i / 3][i % 3]);
  }
  static const char *const colour[] = {"colour.png", "alpha.png"};
  for (int k = 0; k < 2; k++) {
    cx_file *f = read_try(data(colour[k]));
    CHECK(f && f->col->array.rank == 3 && f->col->array.dim[2] == 3);
    for (int i = 0; f && i < 6; i++) {
      double g = grey[i / 3][i % 3];
      CHECK(at3(&f->col->array, i / 3, i % 3, 0) == g && at3(&f->col->array, i / 3, i % 3, 1) == 255 - g);
      CHECK(at3(&f->col->array, i / 3, i % 3, 2) == floor(g / 2));
    }
  }
  CHECK(read_try(data("palette.png")));
#else
  CHECK(contains(read_error(data("grey.png")), "built without libpng"));
#endif
#ifdef HAVE_JPEG
  cx_file *j = read_try(data("grey.jpg"));
  static const double first[2][3] = {{0, 50, 102},
                                     {151, 199, 255}}; /* as Pillow decodes it; decoders may differ by 1 */
  CHECK(j && j->col->array.rank == 2 && j->col->array.dim[0] == 8 && j->col->array.dim[1] == 12);
  for (int i = 0; j && i < 6; i++) CHECK(fabs(at2(&j->col->array, i / 3, i % 3) - first[i / 3][i % 3]) <= 1);
  j = read_try(data("colour.jpg"));
  CHECK(j && j->col->array.rank == 3 && j->col->array.dim[2] == 3);
  CHECK(contains(read_error(data("cmyk.jpg")), "CMYK"));
#else
  CHECK(contains(read_error(data("grey.jpg")), "built without libjpeg"));
#endif
}

static void image_folder(void) {
#ifdef HAVE_PNG
  mkdir("pics", 0755);
  double p[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  cx_array a = cx_array_dense(p, 2, (const int64_t[]){2, 3}), b = cx_array_dense(p + 6, 2, (const int64_t[]){2, 3});
  cx_write_file(ctx, "pics/b.png", &b, NULL);
  cx_write_file(ctx, "pics/a.png", &a, NULL);
  put_text("pics/readme", "no image");
  cx_file *f = read_try("pics");
  CHECK(f && f->col->array.rank == 3 && f->col->array.dim[0] == 2);
  for (int i = 0; f && i < 12; i++) CHECK(at3(&f->col->array, i / 6, i / 3 % 2, i % 3) == i);
  cx_array c = cx_array_dense(p, 2, (const int64_t[]){3, 2});
  cx_write_file(ctx, "pics/c.png", &c, NULL);
  CHECK_STR(read_error("pics/"), "pics/c.png: it is 3 × 2 in grey, but a.png is 2 × 3 in grey");
  CHECK(remove("pics/c.png") == 0);
  size_t n;
  char *bytes = get("pics/a.png", &n);
  put("pics/0.png", "\x89PNG\r\n\x1a\n", 8); /* what is damaged is left out, with a warning that names it */
  put("pics/aa.png", bytes, n / 2);
  put_text("pics/z.jpg", "no image at all");
  f = read_try("pics");
  CHECK(f && f->col->array.rank == 3 && f->col->array.dim[0] == 2);
  for (int i = 0; f && i < 12; i++) CHECK(at3(&f->col->array, i / 6, i / 3 % 2, i % 3) == i);
  static const char *const damaged[] = {"pics/0.png: ", "pics/aa.png: ", "pics/z.jpg: it is neither"};
  CHECK(cx_diag_count(ctx) == 3 && cx_error_count(ctx) == 0);
  for (int k = 0; k < 3 && k < cx_diag_count(ctx); k++) {
    CHECK(contains(cx_diag_get(ctx, k).message, damaged[k]));
    CHECK(contains(cx_diag_get(ctx, k).help, "it is left out"));
  }
  put("pics/a.png", "\x89PNG\r\n\x1a\n", 8);
  put("pics/b.png", "\x89PNG\r\n\x1a\n", 8);
  CHECK(!read_try("pics") && cx_error_count(ctx) == 1);
  CHECK(contains(cx_diag_get(ctx, cx_diag_count(ctx) - 1).message, "none of the folder's 5 images can be read"));
#endif
}

/* ---- writers ---- */
static const char *write_error(const char *path, const cx_array *x) {
  cx_frame f;
  cx_diag_clear(ctx);
  CX_TRY(ctx, f) {
    cx_write_file(ctx, path, x, NULL);
    CX_END(ctx, f);
    return "(no error)";
  } else CHECK(f.status == CX_E_RUNTIME);
  return cx_diag_get(ctx, 0).message;
}

static int entries(void) { /* files in the folder: no temporary may stay */
  FILE *p = popen("ls -A | wc -l", "r");
  int n = -1;
  if (p && fscanf(p, "%d", &n) != 1) n = -1;
  if (p) pclose(p);
  return n;
}

/* a mapped file's pages that were let go come back with their numbers; what was made from a file is not touched */
static void dropped(void) {
  enum { N = 6000 };
  static double v[2 * N];
  for (int k = 0; k < 2 * N; k++) v[k] = 0.5 * k;
  cx_array x = cx_array_dense(v, 2, (const int64_t[]){N, 2});
  cx_write_file(ctx, "drop.npy", &x, NULL);
  cx_file *f = read_try("drop.npy");
  CHECK(f != NULL);
  if (!f) return;
  cx_array y = f->col->array;
  CHECK(y.map && y.map_bytes > sizeof v);
  cx_array_drop(&y, 0, N);
  cx_array_drop(&y, 100, 5000);
  int wrong = 0;
  for (int k = 0; k < 2 * N; k++) wrong += at2(&y, k / 2, k % 2) != v[k];
  CHECK(wrong == 0);
  y.data = memcpy(cx_alloc(arena, sizeof v), v, sizeof v);
  cx_array_drop(&y, 0, N);
  for (int k = 0; k < 2 * N; k++) wrong += at2(&y, k / 2, k % 2) != v[k];
  CHECK(wrong == 0);
}

static void writers(void) {
  double v[6] = {0.1, -1e300, NAN, 12345678901234567.0, INFINITY, 1e-5};
  cx_array x = cx_array_dense(v, 2, (const int64_t[]){2, 3});
  size_t n;
  cx_write_file(ctx, "o.csv", &x, (const char *const[]){"a", "b, c", "d"});
  CHECK_STR((get("o.csv", &n)[n] = 0, get("o.csv", &n)),
            "a,\"b, c\",d\n0.1,-1e+300,nan\n12345678901234568,inf,1e-05\n");
  static const char *const names[] = {"o.csv", "o.tsv", "o.txt", "o.npy"};
  for (int k = 0; k < 4; k++) {
    cx_write_file(ctx, names[k], &x, k == 2 ? NULL : (const char *const[]){"a", "b", "c"});
    cx_file *f = read_try(names[k]);
    CHECK(f && f->ncol == (k == 3 ? 1 : 3));
    for (int i = 0; f && i < 6; i++) {
      double y = k == 3 ? at2(&f->col->array, i / 3, i % 3) : at1(&f->col[i % 3].array, i / 3);
      CHECK(y == v[i] || (isnan(y) && isnan(v[i])));
    }
  }
  /* strided: the transpose */
  cx_array t = x;
  t.dim[0] = 3, t.dim[1] = 2, t.stride[0] = 1, t.stride[1] = 3;
  cx_write_file(ctx, "o.npy", &t, NULL);
  cx_file *f = read_try("o.npy");
  CHECK(f && f->col->array.dim[0] == 3 && at2(&f->col->array, 0, 1) == v[3] && at2(&f->col->array, 1, 0) == v[1]);
  double scalar = 2.5;
  cx_array s = cx_array_dense(&scalar, 0, NULL);
  cx_write_file(ctx, "s.npy", &s, NULL);
  f = read_try("s.npy");
  CHECK(f && f->col->array.rank == 0 && cx_array_get(&f->col->array, NULL) == 2.5);
#ifdef HAVE_PNG
  static const struct {
    double v[4], want[4];
  } png[] = {{{0, 0.5, 1, 0.25}, {0, 128, 255, 64}}, /* times 255 */
             {{0, 2, 254.6, 255}, {0, 2, 255, 255}}, /* kept */
             {{-1, 0, 1, NAN}, {0, 128, 255, 0}},    /* scaled, NaN black */
             {{0, 510, 255, 51}, {0, 255, 128, 26}},       {{7, 7, 7, 7}, {7, 7, 7, 7}},
             {{INFINITY, 3, 4, -INFINITY}, {255, 3, 4, 0}}};
  for (size_t k = 0; k < sizeof png / sizeof *png; k++) {
    cx_array p = cx_array_dense(png[k].v, 2, (const int64_t[]){2, 2});
    cx_write_file(ctx, "o.png", &p, NULL);
    f = read_try("o.png");
    for (int i = 0; f && i < 4; i++) CHECK(at2(&f->col->array, i / 2, i % 2) == png[k].want[i]);
    CHECK(f != NULL);
  }
  struct {
    double v[4], want[4];
  } deep[] = {{{0, 0.5, 1, 0.25}, {0, 32768, 65535, 16384}},     /* times 65535 */
              {{0, 300, 65534.6, 255}, {0, 300, 65535, 255}},    /* kept */
              {{-1, 0, 1, INFINITY}, {0, 32768, 65535, 65535}}}; /* scaled */
  for (size_t k = 0; k < sizeof deep / sizeof *deep; k++) {
    cx_array p = cx_array_dense(deep[k].v, 2, (const int64_t[]){2, 2});
    cx_write_png(ctx, "deep.png", &p, 16);
    f = read_try("deep.png");
    for (int i = 0; f && i < 4; i++) CHECK(at2(&f->col->array, i / 2, i % 2) == deep[k].want[i]);
    CHECK(f != NULL);
  }
  double colours[6] = {1, 2, 3, 250, 25100, 65535};
  cx_array wide = cx_array_dense(colours, 3, (const int64_t[]){1, 2, 3});
  cx_write_png(ctx, "deep.png", &wide, 16);
  f = read_try("deep.png");
  CHECK(f && at3(&f->col->array, 0, 1, 1) == 25100 && at3(&f->col->array, 0, 0, 2) == 3);
  double rgb[6] = {1, 2, 3, 250, 251, 252};
  cx_array c = cx_array_dense(rgb, 3, (const int64_t[]){1, 2, 3});
  cx_write_file(ctx, "o.png", &c, NULL);
  f = read_try("o.png");
  CHECK(f && at3(&f->col->array, 0, 1, 0) == 250 && at3(&f->col->array, 0, 0, 2) == 3);
#endif
  CHECK(contains(write_error("x.png", &s), "an image is [h, w] or [h, w, 3]"));
  CHECK(contains(write_error("x.xls", &x), "its ending does not say what to write"));
  CHECK_STR(write_error("/dev/null/x.csv", &x), "/dev/null/x.csv: `/dev/null` is no folder");
  CHECK_STR(cx_diag_get(ctx, 0).help, "name another folder");
  mkdir("d.csv", 0755);
  CHECK_STR(write_error("d.csv", &x), "d.csv: it is a folder");
  put_text("ro.csv", "old");
  chmod("ro.csv", 0444);
  if (access("ro.csv", W_OK) != 0) CHECK(contains(write_error("ro.csv", &x), "no permission"));
  /* a link keeps pointing, its target is replaced */
  put_text("real.csv", "old");
  CHECK(symlink("real.csv", "link.csv") == 0);
  cx_write_file(ctx, "link.csv", &x, NULL);
  struct stat st;
  CHECK(lstat("link.csv", &st) == 0 && S_ISLNK(st.st_mode));
  CHECK(get("real.csv", &n)[0] == '0');
  /* no space left: a device that is always full, and a limit on the size of files */
  if (access("/dev/full", W_OK) == 0) {
    CHECK(symlink("/dev/full", "full.csv") == 0);
    CHECK(contains(write_error("full.csv", &x), "no space left on the device"));
  }
  put_text("keep.npy", "the old file");
  int before = entries();
  double *big = calloc(1 << 20, sizeof *big);
  cx_array b = cx_array_dense(big, 1, (const int64_t[]){1 << 20});
  struct rlimit old, small;
  getrlimit(RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 100000;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK(contains(write_error("keep.npy", &b), "larger than the limit"));
  setrlimit(RLIMIT_FSIZE, &old);
  free(big);
  CHECK_STR((get("keep.npy", &n)[n] = 0, get("keep.npy", &n)), "the old file");
  CHECK(entries() == before);
}

int main(void) {
  files_begin();
  npy();
  npy_forged();
  no_elements();
  npz();
  idx();
  images();
  image_folder();
  truncated("n_f8.npy", "x.npy", 0);
  truncated("stored.npz", "x.npz", 0);
  truncated("large.npz", "x.npz", 0);
  truncated("labels.idx", "x.idx", 0);
  truncated("float.idx", "x.idx", 0);
#ifdef HAVE_ZLIB
  truncated("deflated.npz", "x.npz", 0);
  truncated("labels.idx.gz", "x-ubyte.gz", 0);
#endif
#ifdef HAVE_PNG
  truncated("colour.png", "x.png", 0);
#endif
#ifdef HAVE_JPEG
  truncated("grey.jpg", "x.jpg", 1);
#endif
  dropped();
  writers();
  files_end();
  return CHECK_DONE();
}
