/* test_safetensors.c - arrays with names as the safetensors package of Python wrote them (test/data, made by make.py
 * there), what a hostile file may claim, and our writer read back. */
#include "data_files.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static const char *data(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/data/%s", CX_TEST_DIR, name);
  return path;
}

static void types(void) { /* [[0, 1, 2], [3, 4, 5]] - 1, times 0.5 in floats; u: not less 1 */
  static const struct {
    const char *name;
    cx_dtype type;
    double add, scale;
  } t[] = {{"f64", CX_F64, -1, 0.5},         {"f32", CX_F32, -1, 0.5}, {"f16", CX_F32, -1, 0.5},
           {"bf16", CX_F32, -1, 0.5},        {"i64", CX_I64, -1, 1},   {"i32", CX_I32, -1, 1},
           {"i16", CX_I16, -1, 1},           {"i8", CX_I8, -1, 1},     {"u64", CX_F64, 0, 1},
           {"u32", CX_I64, 2147483648.0, 1}, {"u16", CX_U16, 0, 1},    {"u8", CX_U8, 0, 1}};
  cx_file *f = read_try(data("types.safetensors"));
  CHECK(f && f->ncol == 16 && !f->is_table);
  if (!f) return;
  for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
    const cx_array *x = cx_file_array(f, t[k].name);
    CHECK(x && x->type == t[k].type && x->rank == 2 && x->dim[0] == 2 && x->dim[1] == 3);
    for (int i = 0; x && i < 6; i++) CHECK(at2(x, i / 3, i % 3) == (i + t[k].add) * t[k].scale);
  }
  const cx_array *b = cx_file_array(f, "bool"), *s = cx_file_array(f, "scalar"), *e = cx_file_array(f, "empty"),
                 *u = cx_file_array(f, "µ.weight");
  CHECK(b && at2(b, 0, 0) == 1 && at2(b, 0, 1) == 0);
  CHECK(s && s->rank == 0 && cx_array_get(s, NULL) == 2.5);
  CHECK(e && e->dim[0] == 0 && e->dim[1] == 3 && cx_array_count(e) == 0);
  CHECK(u && at1(u, 1) == 2);
  CHECK(!cx_file_array(f, "weight"));
  CHECK(f->nnote == 2 && !strcmp(cx_file_note(f, "note"), "\"quoted\"\n\xF0\x9D\x9C\x87"));
}

/* a file of this header and n bytes of elements */
static void forge(const char *head, size_t n) {
  static char file[4096];
  size_t h = strlen(head);
  memset(file, 0, sizeof file);
  for (int k = 0; k < 8; k++) file[k] = (char)(h >> 8 * k);
  memcpy(file + 8, head, h);
  put("x.safetensors", file, 8 + h + n);
}

static void forged(void) {
  static const struct {
    const char *head;
    size_t n;
    const char *says; /* NULL: it is fine */
  } t[] = {
      {"{}", 0, NULL},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}    ", 4, NULL},
      {"{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[4,6]},\"a\":{\"shape\":[1],\"data_offsets\":[0,4],"
       "\"dtype\":\"F32\"}}",
       6, NULL},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "do not lie in the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "1 bytes at its end belong to no array"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
       "4 bytes before \"a\" belong to no array"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
       "\"data_offsets\":[4,8]}}",
       8, "the bytes of \"a\" and \"b\" overlap"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
       "\"data_offsets\":[0,4]}}",
       4, "overlap"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
       "needs 8 bytes, its data_offsets give it 4"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "do not lie in the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "do not lie in the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.5]}}", 4, "do not lie in the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,1e300]}}", 4, "do not lie in the file"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
       "larger than any memory"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0, "no list of sizes"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "no list of sizes"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "more than 8 dimensions"},
      {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4,
       "type F8_E4M3, which calx does not read"},
      {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "lacks dtype, shape or data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],"
       "\"data_offsets\":[4,8]}}",
       8, "the name \"a\" stands twice"},
      {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a character 0"},
      {"{\"a\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "it is no UTF-8"},
      {"{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a surrogate stands alone"},
      {"{\"\\ud800\\u0041\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "a surrogate stands alone"},
      {"{\"\\ud83d\\ude00\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, NULL},
      {"{\"__metadata__\":{\"a\":1}}", 0, "its __metadata__ \"a\" is no text"},
      {"{\"__metadata__\":[]}", 0, "its __metadata__ is no object"},
      {"[]", 0, "does not begin with `{`"},
      {"{\"a\":", 0, "damaged at byte 13"},
      {"{} x", 0, "something follows the value"},
      {"{\"a\":01}", 0, "a value is missing"},
  };
  for (size_t k = 0; k < sizeof t / sizeof *t; k++) {
    forge(t[k].head, t[k].n);
    if (t[k].says) {
      bool says = contains(read_error("x.safetensors"), t[k].says);
      CHECK(says);
    } else {
      cx_file *f = read_try("x.safetensors");
      CHECK(f != NULL);
    }
  }
  put("x.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10); /* the length lies */
  CHECK(contains(read_error("x.safetensors"), "cut short"));
  put("x.safetensors", "abc", 3);
  CHECK(contains(read_error("x.safetensors"), "cut short: it has 3 bytes"));
  char deep[600] = "{\"a\":";
  for (int k = 0; k < 200; k++) strcat(deep, "[");
  forge(deep, 0);
  CHECK(contains(read_error("x.safetensors"), "nested too deeply"));
}

static void truncated(void) { /* at every length */
  size_t n;
  char *p = get(data("types.safetensors"), &n), *copy = malloc(n);
  memcpy(copy, p, n);
  for (size_t k = 1; k < n; k++) {
    put("t.safetensors", copy, k);
    bool refused = !read_try("t.safetensors") && cx_error_count(ctx) == 1;
    CHECK(refused);
    if (k % 64 == 0) fresh();
  }
  free(copy);
}

static void written(void) {
  static const float w[] = {1, 2, 3, 4, 5, 6};
  static const double b[] = {0.1, -1e300};
  static const int8_t i[] = {-1, 2, 3};
  cx_column col[] = {{"i", {.type = CX_I8, .data = i}},
                     {"dense.W", {.type = CX_F32, .data = w}},
                     {"b \"µ\"", {.type = CX_F64, .data = b}},
                     {"none", {.type = CX_F64, .data = b}}};
  cx_array_row_major(&col[0].array, 1, (int64_t[]){3});
  cx_array_row_major(&col[1].array, 2, (int64_t[]){2, 3});
  cx_array_row_major(&col[2].array, 1, (int64_t[]){2});
  cx_array_row_major(&col[3].array, 2, (int64_t[]){0, 7});
  cx_note note[] = {{"calx", "0"}, {"text", "a\tb\n\"c\" \\"}};
  cx_write_safetensors(ctx, "w.safetensors", col, 4, note, 2);
  cx_file *f = read_try("w.safetensors");
  CHECK(f && f->ncol == 4 && f->nnote == 2 && !strcmp(cx_file_note(f, "text"), note[1].value));
  if (!f) return;
  CHECK(at2(cx_file_array(f, "dense.W"), 1, 2) == 6 && cx_file_array(f, "dense.W")->type == CX_F32);
  CHECK(at1(cx_file_array(f, "b \"µ\""), 0) == 0.1 && at1(cx_file_array(f, "b \"µ\""), 1) == -1e300);
  CHECK(at1(cx_file_array(f, "i"), 0) == -1 && cx_array_count(cx_file_array(f, "none")) == 0);
  CHECK((uintptr_t)cx_file_array(f, "b \"µ\"")->data % 8 == 0);
}

static void full_disk(void) { /* an older file stays whole */
  static double big[100000];
  cx_column col = {"x", {.type = CX_F64, .data = big}};
  cx_array_row_major(&col.array, 1, (int64_t[]){100000});
  size_t before, after;
  char *p = get("w.safetensors", &before), *copy = malloc(before);
  memcpy(copy, p, before);
  struct rlimit old, low;
  getrlimit(RLIMIT_FSIZE, &old);
  low = old;
  low.rlim_cur = 4096;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &low);
  cx_frame f;
  volatile cx_status s = CX_OK;
  cx_diag_clear(ctx);
  CX_TRY(ctx, f) {
    cx_write_safetensors(ctx, "w.safetensors", &col, 1, NULL, 0);
    CX_END(ctx, f);
  } else s = f.status;
  setrlimit(RLIMIT_FSIZE, &old);
  CHECK(s == CX_E_RUNTIME && contains(cx_diag_get(ctx, 0).message, "limit on the size of files"));
  p = get("w.safetensors", &after);
  CHECK(before == after && !memcmp(p, copy, after));
  CHECK(access("w.safetensors.tmp", F_OK) != 0);
  free(copy);
}

int main(void) {
  files_begin();
  types();
  forged();
  truncated();
  written();
  full_disk();
  files_end();
  return CHECK_DONE();
}
