/* folder.c - a folder as a data set: images, or images and texts whose class is what their file or folder is called. */
#include "data/read.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static int by_name(const void *x, const void *y) { return strcmp(*(const char *const *)x, *(const char *const *)y); }
static void close_folder(void *v) {
  DIR **d = v;
  if (*d) closedir(*d);
  *d = NULL;
}

char *cx_path_in(cx_arena *a, const char *folder, const char *name) {
  size_t n = strlen(folder);
  return cx_format(a, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
}

typedef CX_VEC(const char *) names;

/* what lies in a folder and is not hidden, sorted */
static names listed(const cx_reader *r, const char *path) {
  DIR **d = CX_NEW(r->a, DIR *);
  cx_defer(r->a, close_folder, d);
  *d = opendir(path);
  if (!*d) cx_read_fail(r, 0, NULL, "the folder %s cannot be read: %s", path, strerror(errno));
  names all = {0};
  for (struct dirent *e; (e = readdir(*d));)
    if (*e->d_name != '.') *CX_PUSH(r->a, all) = cx_strdup(r->a, e->d_name, strlen(e->d_name));
  close_folder(d);
  if (all.n) qsort(all.at, (size_t)all.n, sizeof *all.at, by_name);
  return all;
}

static bool is_image(const char *s) {
  const char *dot = strrchr(s, '.');
  return dot && (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- texts ---- */
typedef struct {
  cx_reader *r;
  cx_items item;
  CX_VEC(int32_t) class;
  names file, called; /* of every text; the classes */
} reading;

/* The texts of one file: its items, or all of it. One that is no text is left out with a warning that names it. */
static void add(reading *t, const char *path, bool whole) {
  cx_reader one = *t->r;
  one.path = path;
  one.spare = true;
  int before = cx_diag_count(t->r->c), from = t->item.text.n;
  cx_frame frame;
  CX_TRY(t->r->c, frame) {
    cx_array x = cx_read_text_file(&one)->col->array;
    bool divided = false;
    for (int64_t k = 0; k < x.dim[0] && !divided; k++) divided = cx_divides(x.level[k]);
    if (divided || !whole) cx_text_items(one.a, &t->item, x.level, x.dim[0]);
    else if (x.dim[0])
      *CX_PUSH(one.a, t->item.text) = cx_text_join(one.a, x.level, x.dim[0]), *CX_PUSH(one.a, t->item.line) = 1;
    CX_END(t->r->c, frame);
  } else {
    if (frame.status != CX_E_DATA) cx_throw(t->r->c, frame.status);
    cx_diag_help(t->r->c, before, "it is left out");
    t->item.text.n = t->item.line.n = from;
  }
  for (int k = from; k < t->item.text.n; k++) {
    *CX_PUSH(one.a, t->class) = t->called.n - 1;
    *CX_PUSH(one.a, t->file) = path;
  }
}

static cx_file *texts(cx_reader *r, const names *name, int folders) {
  reading t = {.r = r};
  for (int i = 0; i < name->n; i++) {
    const char *path = cx_path_in(r->a, r->path, name->at[i]);
    bool folder = is_folder(path);
    if (folders && !folder) {
      int id = cx_diag(r->c, CX_WARNING, CX_OK, r->span, "%s is left out: the folders beside it are the classes", path);
      cx_diag_help(r->c, id, "a folder of texts has a file, or a folder of files, for each class");
      continue;
    }
    /* de.txt and de.txt.gz are called de */
    *CX_PUSH(r->a, t.called) = cx_strdup(r->a, name->at[i], folder ? strlen(name->at[i]) : strcspn(name->at[i], "."));
    int from = t.item.text.n, said = cx_diag_count(r->c);
    if (folder) {
      names in = listed(r, path);
      for (int k = 0; k < in.n; k++) {
        const char *file = cx_path_in(r->a, path, in.at[k]);
        if (!is_folder(file)) add(&t, file, true);
      }
    } else add(&t, path, false);
    if (t.item.text.n > from) continue;
    t.called.n--;
    if (cx_diag_count(r->c) > said) continue;
    int id = cx_diag(r->c, CX_WARNING, CX_OK, r->span, "%s has no text: there is no class `%s`", path,
                     t.called.at[t.called.n]);
    cx_diag_help(r->c, id, "a text is a line, or what lies between lines of a %% alone");
  }
  int64_t n = t.item.text.n;
  if (!n)
    cx_read_fail(r, 0, "a text is a line, or what lies between lines of a % alone; images end in .png, .jpg or .jpeg",
                 "its files hold no text, and none is an image");
  int32_t *code = CX_NEW_N(r->a, int32_t, n);
  for (int64_t k = 0; k < n; k++) code[k] = (int32_t)k;
  static const char *const column[] = {"text", "label"};
  cx_file *f = CX_NEW(r->a, cx_file);
  *f = (cx_file){.col = CX_NEW_N(r->a, cx_column, 2), .ncol = 2, .path = r->path, .is_table = true, .classes = true};
  for (int k = 0; k < 2; k++) {
    cx_array x = cx_array_of(r, CX_I32, 1, &n, k ? t.class.at : code);
    x.level = k ? t.called.at : t.item.text.at;
    x.nlevel = k ? t.called.n : (int)n;
    x.column = &column[k];
    x.first_line = 1;
    x.line = t.item.line.at;
    x.file = t.file.at;
    f->col[k] = (cx_column){column[k], x};
  }
  return f;
}

/* A folder of folders of images: these are the classes. NULL: there are no images. */
static cx_file *classes_of_images(cx_reader *r, const names *all) {
  names file = {0}, called = {0};
  CX_VEC(int32_t) class = {0};
  for (int i = 0; i < all->n; i++) {
    const char *path = cx_path_in(r->a, r->path, all->at[i]);
    if (!is_folder(path)) continue;
    names in = listed(r, path);
    int from = file.n;
    for (int k = 0; k < in.n; k++) {
      if (!is_image(in.at[k])) continue;
      if (file.n == from) *CX_PUSH(r->a, called) = all->at[i];
      *CX_PUSH(r->a, file) = cx_path_in(r->a, all->at[i], in.at[k]);
      *CX_PUSH(r->a, class) = called.n - 1;
    }
  }
  if (!file.n) return NULL;
  bool *good = CX_NEW_N(r->a, bool, file.n);
  cx_column images = cx_read_images(r, file.at, file.n, good)->col[0];
  int64_t n = 0, *line = CX_NEW_N(r->a, int64_t, file.n);
  for (int k = 0; k < file.n; k++) {
    if (!good[k]) continue;
    class.at[n] = class.at[k], file.at[n] = cx_path_in(r->a, r->path, file.at[k]), line[n++] = 1;
  }
  cx_array label = cx_array_of(r, CX_I32, 1, &n, class.at);
  static const char *const column = "label";
  label.level = called.at, label.nlevel = called.n, label.column = &column;
  label.first_line = 1, label.line = line, label.file = file.at;
  images.name = "image";
  cx_file *f = CX_NEW(r->a, cx_file);
  *f = (cx_file){.col = CX_NEW_N(r->a, cx_column, 2), .ncol = 2, .path = r->path, .classes = true};
  f->col[0] = images, f->col[1] = (cx_column){column, label};
  return f;
}

cx_file *cx_read_folder(cx_reader *r) {
  names all = listed(r, r->path), image = {0};
  int folders = 0;
  for (int i = 0; i < all.n; i++) {
    if (is_image(all.at[i])) *CX_PUSH(r->a, image) = all.at[i];
    folders += is_folder(cx_path_in(r->a, r->path, all.at[i]));
  }
  if (image.n) return cx_read_images(r, image.at, image.n, NULL);
  cx_file *of_classes = folders ? classes_of_images(r, &all) : NULL;
  if (of_classes) return of_classes;
  if (!all.n)
    cx_read_fail(r, 0, "name a file, a folder of .png and .jpg images, or one of texts: a file for each class",
                 "there is nothing in this folder");
  return texts(r, &all, folders);
}
