/* test_data_bind.c - declarations and the files they stand for: what is matched with what, every check, every message. */
#include "data_files.h"

enum { MAX = 8 };
static cx_decl decl[MAX];
static int ndecl;

static cx_dim size_of(const char *s) { /* "n" or "784" */
  cx_dim d = {-1, NULL};
  if (*s >= '0' && *s <= '9') d.n = atoll(s);
  else d.name = cx_intern_z(ctx, s);
  return d;
}
static cx_decl *declare(const char *name, int rank, const char *s0, const char *s1, const char *s2,
                        cx_domain_kind kind) {
  cx_decl *d = &decl[ndecl++];
  *d =
      (cx_decl){.name = cx_intern_z(ctx, name), .rank = rank, .domain = {kind, -INFINITY, INFINITY}, .span = CX_NOSPAN};
  const char *s[] = {s0, s1, s2};
  for (int k = 0; k < rank; k++) d->dim[k] = size_of(s[k]);
  return d;
}
static void start(void) {
  ndecl = 0;
  fresh();
}

static bool bind_dir(const char *dir, const char *a0, const char *a1, const char *a2) {
  const char *arg[] = {a0, a1, a2};
  int n = !a0 ? 0 : !a1 ? 1 : !a2 ? 2 : 3;
  cx_frame f;
  cx_diag_clear(ctx);
  CX_TRY(ctx, f) {
    cx_bind(ctx, arena, decl, ndecl, arg, n, dir);
    CX_END(ctx, f);
    return true;
  } else CHECK(f.status == CX_E_DATA);
  return false;
}
static bool bind(const char *a0, const char *a1, const char *a2) {
  bool ok = bind_dir(NULL, a0, a1, a2);
  for (int i = 0; i < cx_diag_count(ctx) && ok; i++) fprintf(stderr, "unexpected: %s\n", cx_diag_get(ctx, i).message);
  return ok;
}
static const char *bind_error(const char *a0, const char *a1, const char *a2) {
  if (bind_dir(NULL, a0, a1, a2)) return "(no error)";
  if (cx_error_count(ctx) != 1)
    for (int i = 0; i < cx_diag_count(ctx); i++) fprintf(stderr, "one of several: %s\n", cx_diag_get(ctx, i).message);
  CHECK(cx_error_count(ctx) == 1);
  return cx_diag_get(ctx, 0).message;
}
static const char *help(void) { return cx_diag_get(ctx, 0).help; }

static void matching(void) {
  put_text("iris.csv", "a,b,y,c,species\n1,2,0,3,v\n4,5,1,6,s\n7,8,1,9,v\n");
  start(); /* by name; the array takes the numbers that are left, here not evenly spaced */
  declare("X", 2, "n", "d", NULL, DOM_REAL);
  declare("y", 1, "n", NULL, NULL, DOM_INT);
  declare("species", 1, "n", NULL, NULL, DOM_CATEGORY);
  CHECK(bind("iris.csv", NULL, NULL));
  CHECK(decl[0].dim[0].n == 3 && decl[0].dim[1].n == 3 && decl[1].dim[0].n == 3);
  CHECK(at2(&decl[0].array, 1, 0) == 4 && at2(&decl[0].array, 1, 2) == 6 && at1(&decl[1].array, 2) == 1);
  CHECK(decl[2].array.nlevel == 2 && !strcmp(decl[2].array.level[0], "s") && !strcmp(decl[2].array.level[1], "v"));
  CHECK(at1(&decl[2].array, 0) == 1 && at1(&decl[2].array, 1) == 0 && at1(&decl[2].array, 2) == 1);
  start(); /* a column that another declaration names is not left */
  declare("X", 2, "n", "d", NULL, DOM_REAL);
  declare("t", 1, "n", NULL, NULL, DOM_REAL);
  CHECK(bind("X=iris.csv", "t=iris.csv:y", NULL));
  CHECK(decl[0].dim[1].n == 3 && at2(&decl[0].array, 2, 2) == 9);
  start();
  declare("t", 1, "n", NULL, NULL, DOM_REAL);
  CHECK(bind("t=iris.csv:4", NULL, NULL) && at1(&decl[0].array, 0) == 3);
  CHECK_STR(bind_error("t=iris.csv:spices", NULL, NULL), "iris.csv has no column spices; it has a, b, y, c, species");
  CHECK_STR(help(), "did you mean species?");
  CHECK(contains(bind_error("t=iris.csv", NULL, NULL), "iris.csv has no column called t; it has a, b, y, c, species"));
  CHECK_STR(help(), "say which one: t=iris.csv:a");
  start();
  declare("sepal_length_cm", 1, "n", NULL, NULL, DOM_REAL);
  put_text("s.csv", "Sepal length (cm),x\n1,2\n3,4\n");
  CHECK(bind("s.csv", NULL, NULL) && at1(&decl[0].array, 1) == 3);

  put_text("plain.csv", "1,2,3,0\n4,5,6,1\n"); /* no names: dealt out in order */
  start();
  declare("X", 2, "n", "d", NULL, DOM_REAL);
  declare("y", 1, "n", NULL, NULL, DOM_INT);
  CHECK(bind("plain.csv", NULL, NULL));
  CHECK(decl[0].dim[1].n == 3 && at2(&decl[0].array, 1, 2) == 6 && at1(&decl[1].array, 1) == 1);

  start(); /* defaults, beside the program */
  mkdir("sub", 0755);
  put_text("sub/w.csv", "u,v\n1,2\n3,4\n");
  declare("u", 1, "n", NULL, NULL, DOM_REAL)->file = "w.csv";
  declare("v", 1, "n", NULL, NULL, DOM_REAL)->file = "w.csv:v";
  CHECK(bind_dir("sub", NULL, NULL, NULL) && at1(&decl[1].array, 1) == 4);
  start(); /* and the command line wins */
  put_text("other.csv", "u\n10\n20\n");
  declare("u", 1, "n", NULL, NULL, DOM_REAL)->file = "w.csv";
  declare("v", 1, "n", NULL, NULL, DOM_REAL)->file = "w.csv";
  CHECK(bind_dir("sub", "other.csv", NULL, NULL) && at1(&decl[0].array, 1) == 20 && at1(&decl[1].array, 1) == 4);

  start(); /* scalars */
  declare("heads", 0, NULL, NULL, NULL, DOM_INT);
  declare("ok", 0, NULL, NULL, NULL, DOM_BOOL);
  CHECK(bind("heads=7", "ok=true", NULL) && cx_array_get(&decl[0].array, NULL) == 7 &&
        cx_array_get(&decl[1].array, NULL) == 1);
  CHECK_STR(bind_error("heads=7.5", "ok=1", NULL), "heads: 7.5 is no integer, as int needs");
  start();
  declare("X", 2, "n", "d", NULL, DOM_REAL);
  CHECK_STR(bind_error("X=3", NULL, NULL), "X[n, d] is an array, 3 a number: give it a file");
}

static void arrays(void) {
  double v[24];
  for (int i = 0; i < 24; i++) v[i] = i;
  cx_array a = cx_array_dense(v, 3, (const int64_t[]){2, 3, 4}), l = cx_array_dense(v, 1, (const int64_t[]){2});
  cx_write_file(ctx, "a.npy", &a, NULL);
  cx_write_file(ctx, "l.npy", &l, NULL);
  start(); /* two files without names: each goes where its shape fits; trailing dimensions are flattened */
  declare("image", 2, "n", "12", NULL, DOM_REAL);
  declare("label", 1, "n", NULL, NULL, DOM_INT);
  CHECK(bind("l.npy", "a.npy", NULL));
  CHECK(decl[0].array.rank == 2 && decl[0].dim[1].n == 12 && at2(&decl[0].array, 1, 5) == 17 &&
        at1(&decl[1].array, 1) == 1);
  start(); /* and split */
  cx_array m = cx_array_dense(v, 2, (const int64_t[]){2, 12});
  cx_write_file(ctx, "m.csv", &m, NULL);
  declare("image", 3, "n", "3", "4", DOM_REAL);
  CHECK(bind("image=m.csv", NULL, NULL) && at3(&decl[0].array, 1, 2, 3) == 23 && at3(&decl[0].array, 1, 0, 1) == 13);
  start();
  declare("image", 2, "n", "10", NULL, DOM_REAL);
  CHECK_STR(bind_error("image=a.npy", NULL, NULL), "a.npy has the shape [2, 3, 4], which does not fit image[n, 10]");
  start();
  declare("y", 1, "n", NULL, NULL, DOM_REAL);
  cx_array c = cx_array_dense(v, 2, (const int64_t[]){5, 1}), r = cx_array_dense(v, 2, (const int64_t[]){1, 5});
  cx_write_file(ctx, "c.npy", &c, NULL);
  cx_write_file(ctx, "r.npy", &r, NULL);
  CHECK(bind("c.npy", NULL, NULL) && decl[0].dim[0].n == 5 && at1(&decl[0].array, 4) == 4);
  start();
  declare("y", 1, "n", NULL, NULL, DOM_REAL);
  CHECK(bind("r.npy", NULL, NULL) && decl[0].dim[0].n == 5 && at1(&decl[0].array, 4) == 4);
  start(); /* called like the file */
  declare("p", 1, "n", NULL, NULL, DOM_REAL);
  declare("l", 1, "n", NULL, NULL, DOM_REAL);
  CHECK(bind("l.npy", "p=l.npy", NULL));
  start(); /* a Fortran-ordered view, as a caller may bind it: reshaped by a copy */
  declare("f", 2, "n", "12", NULL, DOM_REAL);
  decl[0].array = a;
  decl[0].array.stride[0] = 1, decl[0].array.stride[1] = 2, decl[0].array.stride[2] = 6;
  decl[0].bound = true;
  double want = cx_array_get(&decl[0].array, (const int64_t[]){1, 2, 3});
  cx_bind_check(ctx, decl, ndecl);
  CHECK(decl[0].array.rank == 2 && at2(&decl[0].array, 1, 11) == want && decl[0].dim[1].n == 12);
#ifdef HAVE_PNG
  double rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30};
  cx_array p = cx_array_dense(rgb, 3, (const int64_t[]){2, 2, 3});
  cx_write_file(ctx, "rgb.png", &p, NULL);
  start();
  declare("img", 2, "h", "w", NULL, DOM_IMAGE);
  CHECK(bind("rgb.png", NULL, NULL));
  CHECK_NEAR(at2(&decl[0].array, 0, 0), 0.2126 * 255, 1e-6);
  CHECK_NEAR(at2(&decl[0].array, 1, 1), 2.126 + 14.304 + 2.166, 1e-6);
  start();
  declare("img", 2, "h", "w", NULL, DOM_REAL);
  CHECK_STR(bind_error("rgb.png", NULL, NULL), "rgb.png has the shape [2, 2, 3], which does not fit img[h, w]");
  CHECK(contains(help(), ": image"));
#endif
}

static void sizes(void) {
  put_text("x.csv", "x\n1\n2\n3\n");
  put_text("y.csv", "y\n1\n2\n");
  start();
  declare("x", 1, "n", NULL, NULL, DOM_REAL);
  declare("y", 1, "n", NULL, NULL, DOM_REAL);
  CHECK_STR(bind_error("x.csv", "y.csv", NULL), "n is 3 from x (x.csv) but 2 from y (y.csv)");
  double v[6] = {0};
  cx_array e = cx_array_dense(v, 2, (const int64_t[]){0, 3}), q = cx_array_dense(v, 2, (const int64_t[]){2, 3});
  cx_write_file(ctx, "e.npy", &e, NULL);
  cx_write_file(ctx, "q.npy", &q, NULL);
  start();
  declare("A", 2, "n", "n", NULL, DOM_REAL);
  CHECK_STR(bind_error("q.npy", NULL, NULL), "n is 2 from A (q.npy) but 3 from A (q.npy)");
  start();
  declare("A", 2, "n", "m", NULL, DOM_REAL);
  CHECK_STR(bind_error("e.npy", NULL, NULL), "A (e.npy) is empty: its shape is [0, 3]");
  start(); /* sizes whose product overflows, as a caller may claim them; nothing may be read */
  declare("A", 3, "n", "m", "k", DOM_REAL);
  decl[0].array = cx_array_dense(v, 3, (const int64_t[]){INT64_C(1) << 31, 1, 1});
  decl[0].array.dim[1] = decl[0].array.dim[2] = INT64_C(1) << 31;
  decl[0].bound = true;
  cx_frame f;
  CX_TRY(ctx, f) {
    cx_bind_check(ctx, decl, ndecl);
    CX_END(ctx, f);
    CHECK(!"overflow");
  } else CHECK(contains(cx_diag_get(ctx, 0).message, "more than this machine can address"));
}

static void domains(void) {
  put_text("y.csv", "y\n1\n5\n\n12\n13\n");
  start();
  declare("y", 1, "n", NULL, NULL, DOM_INT)->domain = (cx_domain){DOM_INT, 0, 9};
  CHECK_STR(bind_error("y.csv", NULL, NULL), "y.csv:5: column y: 12 is outside int(0..9) (and 1 more)");
  start();
  declare("X", 2, "n", "d", NULL, DOM_REAL);
  put_text("x.csv", "a,b\n1,2\n3,NA\n5,6\n");
  CHECK_STR(bind_error("x.csv", NULL, NULL), "x.csv:3: column b: the value is missing");
  put_text("x.csv", "a,b\n1,2\n3,oops\n5,6\n");
  start();
  declare("b", 1, "n", NULL, NULL, DOM_REAL);
  CHECK_STR(bind_error("x.csv", NULL, NULL), "x.csv:3: column b: \"oops\" is no number");
  CHECK(contains(help(), "category"));
  start();
  declare("b", 1, "n", NULL, NULL, DOM_CATEGORY);
  put_text("x.csv", "a,b\n1,u\n3,\n5,u\n");
  CHECK_STR(bind_error("x.csv", NULL, NULL), "x.csv:3: column b: the value is missing");
  put_text("x.csv", "a,b\n1,30\n3,7\n5,30\n"); /* integers are categories, too */
  CHECK(bind("x.csv", NULL, NULL) && decl[0].array.nlevel == 2 && at1(&decl[0].array, 0) == 1 &&
        !strcmp(decl[0].array.level[1], "30"));
  start();
  declare("b", 1, "n", NULL, NULL, DOM_CATEGORY);
  put_text("x.csv", "a,b\n1,30\n3,7.5\n");
  CHECK(contains(bind_error("x.csv", NULL, NULL), "x.csv:3: column b: 7.5 is no category"));
  start();
  declare("b", 1, "n", NULL, NULL, DOM_BOOL);
  put_text("x.csv", "a,b\n1,Yes\n3,no\n5,TRUE\n");
  CHECK(bind("x.csv", NULL, NULL) && at1(&decl[0].array, 0) == 1 && at1(&decl[0].array, 1) == 0 &&
        at1(&decl[0].array, 2) == 1);
  start();
  declare("b", 1, "n", NULL, NULL, DOM_BOOL);
  put_text("x.csv", "a,b\n1,Yes\n3,perhaps\n");
  CHECK(contains(bind_error("x.csv", NULL, NULL), "x.csv:3: column b: \"perhaps\" is neither true nor false"));
  start();
  declare("message", 1, "n", NULL, NULL, DOM_TEXT);
  declare("label", 1, "n", NULL, NULL, DOM_CATEGORY);
  put_text("sms.csv", "label,message\nham,\"hello, you\"\nspam,buy\nham,hello\n");
  CHECK(bind("sms.csv", NULL, NULL) && !strcmp(decl[0].array.text[0], "hello, you") &&
        !strcmp(decl[0].array.text[2], "hello"));
  CHECK(at1(&decl[1].array, 1) == 1);
  start();
  declare("message", 1, "n", NULL, NULL, DOM_TEXT);
  put_text("m.txt", "one\ntwo words\none\n");
  CHECK(bind("m.txt", NULL, NULL) && decl[0].dim[0].n == 3 && !strcmp(decl[0].array.text[1], "two words"));
  start();
  declare("x", 1, "n", NULL, NULL, DOM_TEXT);
  put_text("x.csv", "x\n1\n2\n");
  CHECK(contains(bind_error("x.csv", NULL, NULL), "x holds numbers, not text"));

  static const struct {
    cx_domain_kind kind;
    double v[4];
    const char *message;
  } t[] = {{DOM_POSITIVE, {1, 2, 0, 3}, "v[1, 0]: 0 is not positive"},
           {DOM_POSITIVE, {1, 2, 3, 4}, NULL},
           {DOM_UNIT, {0, 1, 0.5, 1.5}, "v[1, 1]: 1.5 is outside unit (0..1)"},
           {DOM_SIMPLEX, {0.25, 0.75, 1, 0}, NULL},
           {DOM_SIMPLEX, {0.25, 0.75, 0.5, 0.6}, "v[1, 1]: the vector that ends here does not sum to 1"},
           {DOM_SIMPLEX, {-0.25, 1.25, 1, 0}, "v[0, 0]: -0.25 is negative, which no element of a simplex is"},
           {DOM_ORDERED, {1, 2, -1, 0}, NULL},
           {DOM_ORDERED, {1, 2, 1, 1}, "v[1, 1]: it is not greater than the one before it"},
           {DOM_POSITIVE_ORDERED, {1, 2, -1, 1}, "v[1, 0]: -1 is not positive"},
           {DOM_SUM_TO_ZERO, {1, -1, 2, -2}, NULL},
           {DOM_SUM_TO_ZERO, {1, -1, 2, -1}, "v[1, 1]: the vector that ends here does not sum to 0"},
           {DOM_UNIT_VECTOR, {0.6, 0.8, 1, 0}, NULL},
           {DOM_UNIT_VECTOR, {0.6, 0.8, 1, 1}, "v[1, 1]: the vector that ends here has not length 1"},
           {DOM_COVARIANCE, {2, 1, 1, 2}, NULL},
           {DOM_COVARIANCE, {2, 1, 0.5, 2}, "v[0, 1]: covariance: the matrix is not symmetric"},
           {DOM_COVARIANCE, {1, 2, 2, 1}, "v[1, 1]: covariance: the matrix is not positive definite"},
           {DOM_CORRELATION, {1, 0.5, 0.5, 1}, NULL},
           {DOM_CORRELATION, {2, 1, 1, 2}, "v[0, 0]: correlation: the diagonal is not 1"},
           {DOM_CHOLESKY_COVARIANCE, {2, 0, 1, 2}, NULL},
           {DOM_CHOLESKY_COVARIANCE, {2, 1, 1, 2}, "v[0, 1]: cholesky_covariance: the matrix is not lower triangular"},
           {DOM_CHOLESKY_COVARIANCE, {2, 0, 1, -2}, "v[1, 1]: cholesky_covariance: the diagonal is not positive"},
           {DOM_CHOLESKY_CORRELATION, {1, 0, 0.6, 0.8}, NULL},
           {DOM_CHOLESKY_CORRELATION, {1, 0, 0.6, 0.7}, "v[1, 1]: cholesky_correlation: a row has not length 1"},
           {DOM_ORTHONORMAL, {0.6, 0.8, 0.8, -0.6}, NULL},
           {DOM_ORTHONORMAL, {0.6, 0.8, 0.7, -0.6}, "v[0, 0]: orthonormal: a column has not length 1"},
           {DOM_ORTHONORMAL,
            {0.6, 0.6, 0.8, 0.8},
            "v[0, 1]: orthonormal: the column is not at right angles to those before it"},
           {DOM_REAL, {1, 2, NAN, 4}, "v[1, 0]: the value is NaN"},
           {DOM_INT, {1, 2, INFINITY, 4}, "v[1, 0]: inf is no integer, as int needs"}};
  for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
    start();
    declare("v", 2, "n", "m", NULL, t[k].kind);
    decl[0].array = cx_array_dense(t[k].v, 2, (const int64_t[]){2, 2});
    decl[0].bound = true;
    cx_frame f;
    CX_TRY(ctx, f) {
      cx_bind_check(ctx, decl, ndecl);
      CX_END(ctx, f);
    } else CHECK(f.status == CX_E_DATA);
    CHECK(cx_error_count(ctx) == (t[k].message != NULL));
    if (t[k].message) CHECK_STR(cx_error_count(ctx) ? cx_diag_get(ctx, 0).message : "", t[k].message);
    else if (cx_error_count(ctx)) fprintf(stderr, "unexpected: %s\n", cx_diag_get(ctx, 0).message);
  }
  start();
  declare("t", 1, "n", NULL, NULL, DOM_INTERVAL)->domain = (cx_domain){DOM_INTERVAL, 0, INFINITY};
  put_text("t.csv", "t\n1\n-1\n");
  CHECK_STR(bind_error("t.csv", NULL, NULL), "t.csv:3: column t: -1 is outside values >= 0");
}

static void errors(void) {
  start();
  declare("heads", 0, NULL, NULL, NULL, DOM_INT);
  CHECK_STR(bind_error(NULL, NULL, NULL), "nothing is bound to heads");
  CHECK(contains(help(), "calx run FILE heads=7"));
  start();
  declare("X", 2, "n", "d", NULL, DOM_REAL);
  CHECK_STR(bind_error(NULL, NULL, NULL), "nothing is bound to X[n, d]");
  CHECK(contains(help(), "calx run FILE X=path"));
  CHECK_STR(bind_error("X=none.csv", NULL, NULL), "none.csv: there is no such file");
  CHECK_STR(bind_error("none.csv", NULL, NULL), "none.csv: there is no such file");
  CHECK_STR(bind_error("X=", NULL, NULL), "X= names no file");
  put_text("a.csv", "1,2\n3,4\n");
  CHECK_STR(bind_error("X=a.csv", "X=a.csv", NULL), "X is given twice on the command line");
  CHECK_STR(bind_error("X=a.csv", "x1=a.csv", NULL), "x1=a.csv: the program has no data called x1");
  CHECK_STR(bind_error("X=a.csv", "a.csv", NULL), "a.csv: nothing in it could be matched with a declaration");
  start(); /* all of them in one run */
  declare("x", 1, "n", NULL, NULL, DOM_REAL);
  declare("heads", 0, NULL, NULL, NULL, DOM_INT);
  declare("labels", 1, "n", NULL, NULL, DOM_INT);
  declare("z", 1, "n", NULL, NULL, DOM_REAL);
  put_text("bad.csv", "x,q\n1\n");
  CHECK(!bind_dir(NULL, "x=bad.csv", "head=3", "labels=none.csv"));
  CHECK(cx_error_count(ctx) == 5);
  bool near = false;
  for (int i = 0; i < cx_diag_count(ctx); i++)
    near |= cx_diag_get(ctx, i).help && !strcmp(cx_diag_get(ctx, i).help, "did you mean heads?");
  CHECK(near);
  start();
  declare("y", 1, "n", NULL, NULL, DOM_REAL);
  put_text("t.csv", "a,b\n1,2\n");
  CHECK(contains(bind_error("t.csv", NULL, NULL), "nothing"));
}

int main(void) {
  files_begin();
  matching();
  arrays();
  sizes();
  domains();
  errors();
  start();
  files_end();
  return CHECK_DONE();
}
