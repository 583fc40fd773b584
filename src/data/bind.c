/* bind.c - which file, and which part of it, each `data` declaration stands for.
 *
 * Arguments with a name come first, bare files next, the program's own defaults last. Within a table: columns that
 * were asked for, then columns called like a declaration, then one array takes the numeric columns that are left.
 * A table without names is dealt out from left to right, in the order of the declarations. */
#include "data/shape.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  const char *path;
  cx_file *file; /* NULL: it could not be read, which has been reported */
  bool *taken;   /* by column */
  dev_t dev;
  ino_t ino;
  bool known;
} source;

typedef struct {
  source *from;       /* NULL: nothing asked for yet */
  const char *column; /* of it, or NULL */
  bool failed;        /* already reported */
} want;

typedef struct {
  cx_ctx *c;
  cx_arena *a;
  cx_decl *decl;
  int n;
  want *want;
  CX_VEC(source *) src;
  bool lost; /* a bare file failed: what it would have bound is unknown */
} binder;

/* ---- files ---- */
/* What is wrong with the file is reported, and the other declarations are looked at all the same. */
static void read_source(binder *b, source *s, cx_span span) {
  cx_frame frame;
  CX_TRY(b->c, frame) {
    cx_reader r = {.c = b->c, .a = b->a, .path = s->path, .span = span};
    cx_file *f = cx_read_any(&r);
    s->taken = CX_NEW_N(b->a, bool, f->ncol);
    s->file = f;
    CX_END(b->c, frame);
  } else if (frame.status != CX_E_DATA) cx_throw(b->c, frame.status);
}

static source *open_source(binder *b, const char *path, cx_span span) {
  struct stat st;
  bool known = stat(path, &st) == 0;
  for (int i = 0; i < b->src.n; i++) {
    source *s = b->src.at[i];
    if (!strcmp(s->path, path) || (known && s->known && s->dev == st.st_dev && s->ino == st.st_ino)) return s;
  }
  source *s = CX_NEW(b->a, source);
  *CX_PUSH(b->a, b->src) = s;
  s->path = path;
  s->known = known;
  if (known) s->dev = st.st_dev, s->ino = st.st_ino;
  read_source(b, s, span);
  return s;
}

/* "path" or "path:column"; the longest that is a file wins */
static void ask(binder *b, int d, const char *text) {
  const char *colon = strrchr(text, ':'), *slash = strrchr(text, '/');
  bool split = colon && colon > text && colon[1] && (!slash || colon > slash) && access(text, F_OK) != 0;
  const char *path = split ? cx_strdup(b->a, text, (size_t)(colon - text)) : text;
  b->want[d] = (want){.from = open_source(b, path, b->decl[d].span), .column = split ? colon + 1 : NULL};
  b->want[d].failed = !b->want[d].from->file;
}

/* ---- columns ---- */
/* "Sepal length (cm)" may be called sepal_length_cm */
static bool alike(const char *column, const char *name) {
  bool gap = false, begun = false;
  for (; *column; column++) {
    if (!isalnum((unsigned char)*column) && (unsigned char)*column < 128) {
      gap = begun;
      continue;
    }
    if (gap && *name++ != '_') return false;
    gap = false;
    if (tolower((unsigned char)*column) != tolower((unsigned char)*name++)) return false;
    begun = true;
  }
  return begun && !*name;
}

static int find_column(const cx_file *f, const char *name) {
  for (int k = 0; k < f->ncol; k++)
    if (f->col[k].name && !strcmp(f->col[k].name, name)) return k;
  for (int k = 0; k < f->ncol; k++)
    if (f->col[k].name && alike(f->col[k].name, name)) return k;
  return -1;
}

/* another column of the very same name, or -1 */
static int find_twin(const cx_file *f, int k) {
  for (int j = k + 1; j < f->ncol; j++)
    if (!strcmp(f->col[j].name, f->col[k].name)) return j;
  return -1;
}

static bool takes_numbers(const cx_decl *d) { return d->domain.kind != DOM_TEXT && d->domain.kind != DOM_CATEGORY; }

/* A table of one row of words that is a header without rows: one of them is what a declaration is called, or all that
 * read it take numbers. */
static bool only_header(const binder *b, const cx_file *f, const int *who, int n) {
  bool known = f->ncol > 1;
  for (int i = 0; i < n; i++) known &= takes_numbers(&b->decl[who[i]]);
  for (int k = 0; k < f->ncol; k++) {
    const cx_array *x = &f->col[k].array;
    if (!f->is_table || f->col[k].name || x->dim[0] != 1 || !x->level) return false;
    for (int i = 0; i < n; i++) known |= alike(x->level[0], b->decl[who[i]].name);
  }
  return known;
}

static const char *column_list(cx_arena *a, const cx_file *f) {
  cx_buf b = {.arena = a};
  int shown = f->ncol < 20 ? f->ncol : 20;
  for (int k = 0; k < shown; k++)
    cx_putf(&b, "%s%s", k ? ", " : "", f->col[k].name ? f->col[k].name : cx_format(a, "%d", k + 1));
  if (shown < f->ncol) cx_putf(&b, ", … (%d in all)", f->ncol);
  return b.at ? b.at : "";
}

static void fail_decl(binder *b, int d, const char *help, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void fail_decl(binder *b, int d, const char *help, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *text = cx_vformat(b->a, fmt, ap);
  va_end(ap);
  int g = cx_diag(b->c, CX_ERROR, CX_E_DATA, b->decl[d].span, "%s", text);
  if (help) cx_diag_help(b->c, g, "%s", help);
  b->want[d].failed = true;
}

static void give(binder *b, int d, const cx_array *x) {
  b->decl[d].array = *x;
  b->decl[d].bound = true;
}

static void give_column(binder *b, int d, source *s, int k) {
  s->taken[k] = true;
  b->want[d].from = s;
  give(b, d, &s->file->col[k].array);
}

/* `n` columns of a table as one array [rows, n]: a view where they are evenly spaced in memory, else a copy */
static void give_columns(binder *b, int d, source *s, const int *k, int n) {
  cx_file *f = s->file;
  const char **names = CX_NEW_N(b->a, const char *, n);
  const cx_array *x0 = &f->col[k[0]].array;
  cx_array x = *x0;
  bool even = true;
  int64_t step = n > 1 ? (const double *)f->col[k[1]].array.data - (const double *)x0->data : 1;
  for (int j = 0; j < n; j++) {
    const cx_array *y = &f->col[k[j]].array;
    names[j] = y->column ? y->column[0] : cx_format(b->a, "%d", k[j] + 1);
    s->taken[k[j]] = true;
    if (y->level) { /* a word among the numbers */
      give(b, d, y);
      b->want[d].from = s;
      return;
    }
    even = even && (const double *)y->data == (const double *)x0->data + j * step;
  }
  x.rank = 2;
  x.dim[1] = n;
  x.stride[1] = step;
  x.column = names;
  if (!even) {
    double *copy = cx_alloc_n(b->a, (size_t)x.dim[0] * (size_t)n, sizeof(double));
    for (int j = 0; j < n; j++) memcpy(copy + x.dim[0] * j, f->col[k[j]].array.data, (size_t)x.dim[0] * sizeof(double));
    x.data = copy;
    x.stride[1] = x.dim[0];
  }
  b->want[d].from = s;
  give(b, d, &x);
}

/* the columns of an array declaration where its sizes say how many: product of the constants after the first; 0: free */
static int64_t width(const cx_decl *d) {
  int64_t n = 1;
  for (int k = 1; k < d->rank; k++) n *= d->dim[k].n >= 0 ? d->dim[k].n : 0;
  return n;
}

/* Deal a table without names out to several declarations. */
static bool deal(binder *b, source *s, const int *who, int n) {
  int64_t fixed = 0, free_one = -1;
  for (int i = 0; i < n; i++) {
    int64_t w = width(&b->decl[who[i]]);
    if (!w && free_one >= 0) return false;
    if (!w) free_one = i;
    fixed += w;
  }
  int64_t rest = s->file->ncol - fixed;
  if (free_one < 0 ? rest != 0 : rest < 1) return false;
  int at = 0;
  for (int i = 0; i < n; i++) {
    int64_t w = i == free_one ? rest : width(&b->decl[who[i]]);
    int *k = CX_NEW_N(b->a, int, w);
    for (int j = 0; j < w; j++) k[j] = at++;
    if (b->decl[who[i]].rank >= 2) give_columns(b, who[i], s, k, (int)w);
    else give_column(b, who[i], s, k[0]);
  }
  return true;
}

/* "data/train-images.npy" is called like train_images */
static bool stem_alike(const char *path, const char *name) {
  const char *slash = strrchr(path, '/');
  char stem[256];
  size_t n = strcspn(slash ? slash + 1 : path, ".");
  if (n >= sizeof stem) return false;
  memcpy(stem, slash ? slash + 1 : path, n);
  stem[n] = 0;
  return alike(stem, name);
}

/* The declaration that a file's only array is for, or -1: the only one, one called like the file, the only one whose
 * shape it fits, or fits with the same rank. */
static int pick(const binder *b, const cx_array *x, const char *path, const int *who, int n) {
  if (n == 1) return who[0];
  for (int i = 0; i < n; i++)
    if (stem_alike(path, b->decl[who[i]].name)) return who[i];
  int fits = 0, exact = 0, d = -1, e = -1;
  for (int i = 0; i < n; i++)
    if (cx_shape_fits(&b->decl[who[i]], x)) {
      fits++, d = who[i];
      if (b->decl[d].rank == x->rank) exact++, e = d;
    }
  return fits == 1 ? d : exact == 1 ? e : -1;
}

/* Gives the parts of a file to the declarations who[0..n). soft: a bare file, which they did not ask for by name;
 * those that find nothing then wait for the next file. */
static void resolve(binder *b, source *s, const int *who, int n, bool soft) {
  cx_file *f = s->file;
  if (!f || !n) return;
  if (only_header(b, f, who, n)) {
    cx_diag(b->c, CX_ERROR, CX_E_DATA, b->decl[who[0]].span, "%s: it has a header but no rows", s->path);
    for (int i = 0; i < n; i++) b->want[who[i]].failed = true;
    for (int k = 0; k < f->ncol; k++) s->taken[k] = true;
    return;
  }
  int *left = CX_NEW_N(b->a, int, n), nleft = 0;
  for (int i = 0; i < n && f->classes; i++) { /* texts or images, and in categories what they are called */
    cx_decl *d = &b->decl[who[i]];
    bool words = f->col[0].array.level, fits = d->domain.kind == DOM_CATEGORY || takes_numbers(d) != words;
    if (find_column(f, d->name) < 0 && fits) give_column(b, who[i], s, d->domain.kind == DOM_CATEGORY);
    else left[nleft++] = who[i];
  }
  if (f->classes) who = memcpy(CX_NEW_N(b->a, int, n), left, (size_t)nleft * sizeof *left), n = nleft, nleft = 0;
  bool named = f->ncol > 0 && f->col[0].name;
  for (int i = 0; i < n; i++) {
    int k = find_column(f, b->decl[who[i]].name);
    int twin = k < 0 ? -1 : find_twin(f, k);
    if (twin >= 0) {
      const char *name = b->decl[who[i]].name;
      fail_decl(b, who[i],
                cx_format(b->a, "say which by its number: %s=%s:%d or %s=%s:%d", name, s->path, k + 1, name, s->path,
                          twin + 1),
                "%s has two columns called %s", s->path, f->col[k].name);
      s->taken[k] = s->taken[twin] = true;
    } else if (k >= 0) give_column(b, who[i], s, k);
    else left[nleft++] = who[i];
  }
  if (!nleft) return;
  int *free_col = CX_NEW_N(b->a, int, f->ncol), *numeric = CX_NEW_N(b->a, int, f->ncol), nfree = 0, nnum = 0;
  for (int k = 0; k < f->ncol; k++)
    if (!s->taken[k]) {
      bool other = false; /* a column called like a declaration is no part of another one's array */
      for (int d = 0; d < b->n && named; d++) other |= f->col[k].name && alike(f->col[k].name, b->decl[d].name);
      free_col[nfree++] = k;
      if (!f->col[k].array.level && !other) numeric[nnum++] = k;
    }
  if (!f->is_table) {            /* whole arrays */
    if (!soft && f->ncol == 1) { /* all asked for this very array */
      for (int i = 0; i < nleft; i++) give_column(b, left[i], s, 0);
      return;
    }
    int d = nfree == 1 ? pick(b, &f->col[free_col[0]].array, s->path, left, nleft) : -1;
    if (d >= 0) {
      give_column(b, d, s, free_col[0]);
      return;
    }
  } else if (nleft > 1 && !named) {
    if (nfree == f->ncol && deal(b, s, left, nleft)) return;
  } else {
    int array = -1, arrays = 0;
    bool all = true; /* none of them must be bound: the first one takes the columns */
    for (int i = 0; i < nleft; i++)
      if (b->decl[left[i]].rank >= 2 && takes_numbers(&b->decl[left[i]])) {
        if (array < 0) array = i;
        arrays++;
        all = all && b->decl[left[i]].optional;
      }
    if ((arrays == 1 || all) && arrays && nnum) {
      give_columns(b, left[array], s, numeric, nnum);
      left[array] = left[--nleft];
      if (!nleft) return;
    } else if (nleft == 1 && nfree == 1 && (!named || f->ncol == 1)) { /* a table's names say what is what */
      give_column(b, left[0], s, free_col[0]);
      return;
    }
  }
  for (int i = 0; i < nleft && !soft; i++) {
    const char *name = b->decl[left[i]].name;
    if (b->decl[left[i]].bound) continue;
    if (!named)
      fail_decl(b, left[i], cx_format(b->a, "say which column: %s=%s:1 is the first", name, s->path),
                "%s has %d columns without names, which do not divide among the declarations that read it", s->path,
                f->ncol);
    else
      fail_decl(b, left[i], cx_format(b->a, "say which one: %s=%s:%s", name, s->path, f->col[0].name),
                "%s has no %s called %s; it has %s", s->path, f->is_table ? "column" : "array", name,
                column_list(b->a, f));
  }
}

/* A column by name, or by number from 1 where the file has no such name. */
static void resolve_column(binder *b, int d) {
  source *s = b->want[d].from;
  const char *name = b->want[d].column;
  cx_file *f = s->file;
  if (!f) return;
  int k = find_column(f, name);
  double v;
  if (k < 0 && cx_read_double(name, strlen(name), &v) && v == floor(v) && v >= 1 && v <= f->ncol) k = (int)v - 1;
  if (k >= 0) {
    give_column(b, d, s, k);
    return;
  }
  const char **names = CX_NEW_N(b->a, const char *, f->ncol);
  int n = 0;
  for (int i = 0; i < f->ncol; i++)
    if (f->col[i].name) names[n++] = f->col[i].name;
  const char *near = cx_nearest(name, names, n);
  fail_decl(b, d, near ? cx_format(b->a, "did you mean %s?", near) : NULL, "%s has no column %s; it has %s", s->path,
            name, column_list(b->a, f));
}

/* ---- arguments ---- */
static bool constant(const char *s, double *v) {
  if (cx_read_double(s, strlen(s), v)) return true;
  if (!strcmp(s, "true") || !strcmp(s, "false")) {
    *v = *s == 't';
    return true;
  }
  return false;
}

/* the = of "name=value"; NULL: the argument is a bare path */
static const char *name_end(const char *arg) {
  const char *p = arg;
  while (*p == '_' || isalnum((unsigned char)*p) || (unsigned char)*p >= 128) p++;
  return *p == '=' && p > arg ? p : NULL;
}

static void named_argument(binder *b, const char *arg, const char *eq, cx_decl **seen) {
  const char *name = cx_strdup(b->a, arg, (size_t)(eq - arg)), *value = eq + 1;
  int d = 0;
  while (d < b->n && strcmp(b->decl[d].name, name)) d++;
  if (d == b->n) {
    const char **names = CX_NEW_N(b->a, const char *, b->n + 1);
    for (int i = 0; i < b->n; i++) names[i] = b->decl[i].name;
    const char *near = cx_nearest(name, names, b->n);
    int g = cx_diag(b->c, CX_ERROR, CX_E_DATA, CX_NOSPAN, "%s: the program has no data called %s", arg, name);
    if (near) cx_diag_help(b->c, g, "did you mean %s?", near);
    return;
  }
  if (seen[d]) {
    fail_decl(b, d, NULL, "%s is given twice on the command line", name);
    return;
  }
  seen[d] = &b->decl[d];
  double v;
  size_t n = strlen(value);
  if (!*value) fail_decl(b, d, cx_format(b->a, "write %s=path", name), "%s= names no file", name);
  else if (b->decl[d].domain.kind == DOM_TEXT && n >= 2 && *value == '"' && value[n - 1] == '"') { /* the text itself */
    const char **one = CX_NEW(b->a, const char *);
    *one = cx_strdup(b->a, value + 1, n - 2);
    cx_array x = {.text = one};
    cx_array_row_major(&x, b->decl[d].rank == 1, (int64_t[]){1});
    give(b, d, &x);
  } else if (b->decl[d].rank == 0 && constant(value, &v)) {
    double *p = CX_NEW(b->a, double);
    *p = v;
    cx_array x = cx_array_dense(p, 0, NULL);
    give(b, d, &x);
  } else if (constant(value, &v) && access(value, F_OK) != 0)
    fail_decl(b, d, cx_format(b->a, "write %s=path", name), "%s is an array, %s a number: give it a file",
              cx_decl_text(b->a, &b->decl[d]), value);
  else ask(b, d, value);
}

static void unbound(binder *b, bool any_file, int d) {
  cx_decl *x = &b->decl[d];
  if (x->bound || x->optional || b->want[d].failed || b->lost) return;
  const char *help = x->rank == 0 ? cx_format(b->a, "give it a value: calx run FILE %s=7", x->name)
                                  : cx_format(b->a, "give it a file: calx run FILE %s=path", x->name);
  cx_buf files = {.arena = b->a};
  for (int i = 0; i < b->src.n && any_file; i++)
    if (b->src.at[i]->file && b->src.at[i]->file->is_table)
      cx_putf(&files, "%s%s has the columns %s", files.n ? "; " : "", b->src.at[i]->path,
              column_list(b->a, b->src.at[i]->file));
  int g = cx_diag(b->c, CX_ERROR, CX_E_DATA, x->span, "nothing is bound to %s", cx_decl_text(b->a, x));
  cx_diag_help(b->c, g, "%s", help);
  if (files.n) cx_diag_help(b->c, g, "%s", files.at);
}

void cx_bind(cx_ctx *c, cx_arena *a, cx_decl *decl, int ndecl, const char *const *arg, int narg, const char *dir) {
  binder b = {.c = c, .a = a, .decl = decl, .n = ndecl};
  int before = cx_error_count(c), *who = CX_NEW_N(a, int, ndecl + 1), n;
  b.want = CX_NEW_N(a, want, ndecl + 1);
  cx_decl **seen = CX_NEW_N(a, cx_decl *, ndecl + 1);
  for (int i = 0; i < narg; i++) {
    const char *eq = name_end(arg[i]);
    if (eq) named_argument(&b, arg[i], eq, seen);
  }
  for (int d = 0; d < ndecl; d++)
    if (b.want[d].column && !b.want[d].failed) resolve_column(&b, d);
  for (int i = 0; i < narg; i++) { /* bare files, to whoever still has nothing */
    if (name_end(arg[i])) continue;
    source *s = open_source(&b, arg[i], CX_NOSPAN);
    if (!s->file) {
      b.lost = true;
      continue;
    }
    n = 0;
    for (int d = 0; d < ndecl; d++)
      if (!decl[d].bound && !b.want[d].from && !b.want[d].failed) who[n++] = d;
    resolve(&b, s, who, n, true);
    bool used = false;
    for (int k = 0; k < s->file->ncol; k++) used |= s->taken[k];
    if (used) continue;
    int g = cx_diag(c, CX_ERROR, CX_E_DATA, CX_NOSPAN, "%s: nothing in it could be matched with a declaration", arg[i]);
    bool pick_one = n && s->file->ncol > 1;
    if (n)
      cx_diag_help(c, g, "say for which it is: %s=%s%s%s", decl[who[0]].name, arg[i], pick_one ? ":" : "",
                   !pick_one              ? ""
                   : s->file->col[0].name ? s->file->col[0].name
                                          : "1");
    else cx_diag_help(c, g, "every declaration has its data already");
    if (n) cx_diag_help(c, g, "it has %s", column_list(a, s->file));
    b.lost |= n > 0; /* that nothing is bound to those would say it twice */
  }
  for (int d = 0; d < ndecl; d++)
    if (!decl[d].bound && !b.want[d].from && !b.want[d].failed && decl[d].file)
      ask(&b, d, *decl[d].file == '/' || !dir || !*dir ? decl[d].file : cx_format(a, "%s/%s", dir, decl[d].file));
  for (int d = 0; d < ndecl; d++)
    if (!decl[d].bound && b.want[d].column && !b.want[d].failed) resolve_column(&b, d);
  for (int i = 0; i < b.src.n; i++) {
    n = 0;
    for (int d = 0; d < ndecl; d++)
      if (!decl[d].bound && b.want[d].from == b.src.at[i] && !b.want[d].failed && !b.want[d].column) who[n++] = d;
    resolve(&b, b.src.at[i], who, n, false);
  }
  for (int d = 0; d < ndecl; d++) {
    unbound(&b, b.src.n > 0, d);
    if (decl[d].bound && !b.want[d].failed && !cx_adapt(c, a, &decl[d])) b.want[d].failed = true;
    if (b.want[d].failed) decl[d].bound = false;
  }
  cx_check_bound(c, a, decl, ndecl);
  if (cx_error_count(c) > before) cx_throw(c, CX_E_DATA);
}

void cx_bind_check(cx_ctx *c, cx_decl *decl, int ndecl) {
  int before = cx_error_count(c);
  cx_arena *a = cx_arena_new(c);
  for (int d = 0; d < ndecl; d++)
    if (!decl[d].bound) {
      int g = cx_diag(c, CX_ERROR, CX_E_DATA, decl[d].span, "nothing is bound to %s", cx_decl_text(a, &decl[d]));
      cx_diag_help(c, g, "bind an array of that shape before the program is compiled");
    } else if (!cx_adapt(c, cx_ctx_arena(c), &decl[d])) decl[d].bound = false;
  cx_check_bound(c, a, decl, ndecl);
  cx_arena_free(a);
  if (cx_error_count(c) > before) cx_throw(c, CX_E_DATA);
}
