/* npy.c - NumPy's array file, versions 1 to 3 (numpy/lib/format.py documents it): the magic, the version, the length
 * of a header, the header as a Python dictionary, then the elements. Where the machine's own number types are
 * stored, aligned, the mapping is used as it is. */
#include "data/read.h"

#include <string.h>

static const char *find_key(const char *p, const char *end, const char *key) {
  size_t n = strlen(key);
  for (; p + n + 2 < end; p++)
    if ((*p == '\'' || *p == '"') && !memcmp(p + 1, key, n) && p[n + 1] == *p) {
      p += n + 2;
      while (p < end && (*p == ' ' || *p == ':')) p++;
      return p;
    }
  return NULL;
}

/* One row a kind of number: how NumPy spells it, its size, and what it becomes here. */
static const struct {
  char kind;
  uint8_t size;
  cx_dtype to;
} kinds[] = {
    {'f', 8, CX_F64}, {'f', 4, CX_F32}, {'f', 2, CX_F32}, {'i', 8, CX_I64}, {'i', 4, CX_I32}, {'i', 2, CX_I16},
    {'i', 1, CX_I8},  {'u', 8, CX_F64}, {'u', 4, CX_I64}, {'u', 2, CX_U16}, {'u', 1, CX_U8},  {'b', 1, CX_U8},
};

/* the element types that no cx_dtype is: each widened to one that holds it (u8: to the nearest double) */
static void widen(char kind, size_t size, size_t count, const uint8_t *p, void *to) {
  for (size_t i = 0; i < count; i++, p += size) {
    if (kind == 'f') {
      uint16_t v;
      memcpy(&v, p, 2);
      ((float *)to)[i] = cx_half(v);
    } else if (size == 4) {
      uint32_t v;
      memcpy(&v, p, 4);
      ((int64_t *)to)[i] = v;
    } else {
      uint64_t v;
      memcpy(&v, p, 8);
      ((double *)to)[i] = (double)v;
    }
  }
}

cx_array cx_npy_array(const cx_reader *r, const uint8_t *p, size_t n, const char *member) {
  const char *what = member ? cx_format(r->a, "member %s: ", member) : "";
  const char *again = "write it again with numpy.save";
  if (n < 10 || memcmp(p, "\x93NUMPY", 6)) cx_read_fail(r, 0, again, "%sit is no NPY array", what);
  unsigned version = p[6];
  size_t start = version == 1 ? 10 : 12;
  if (version < 1 || version > 3) cx_read_fail(r, 0, again, "%sNPY version %u is unknown", what, version);
  size_t head = n < start      ? 0
                : version == 1 ? (size_t)p[8] | (size_t)p[9] << 8
                               : (size_t)p[8] | (size_t)p[9] << 8 | (size_t)p[10] << 16 | (size_t)p[11] << 24;
  if (n < start || head > n - start)
    cx_read_fail(r, 0, again, "%sthe NPY header ends too early: the file is truncated", what);
  const char *h = (const char *)p + start, *end = h + head;
  const char *descr = find_key(h, end, "descr"), *order = find_key(h, end, "fortran_order"),
             *shape = find_key(h, end, "shape");
  if (!descr || !order || !shape || shape == end || *shape != '(')
    cx_read_fail(r, 0, again, "%sthe NPY header lacks descr, fortran_order or shape", what);

  /* '<f8' */
  char quote = descr < end ? *descr : 0;
  const char *close = quote == '\'' || quote == '"' ? memchr(descr + 1, quote, (size_t)(end - descr - 1)) : NULL;
  if (!close)
    cx_read_fail(r, 0, "save each field as an array of its own",
                 "%sa structured array (records) has no single number type", what);
  const char *d = descr + 1;
  char byte_order = strchr("<>|=", *d) && *d ? *d++ : '=';
  char kind = d < close ? *d++ : 0;
  size_t size = 0;
  for (const char *s = d; s < close && s < d + 4 && *s >= '0' && *s <= '9'; s++) size = size * 10 + (size_t)(*s - '0');
  size_t k = 0;
  while (k < sizeof kinds / sizeof *kinds && (kinds[k].kind != kind || kinds[k].size != size)) k++;
  if (k == sizeof kinds / sizeof *kinds) {
    const char *help = kind == 'c' ? "save the real and the imaginary part: x.real, x.imag"
                       : kind == 'U' || kind == 'S' || kind == 'O'
                           ? "save words as CSV; numbers with x.astype(float)"
                           : "convert it with x.astype(float) before numpy.save";
    cx_read_fail(r, 0, help, "%selements of type %.*s are no real numbers that calx reads", what,
                 (int)(close - descr - 1), descr + 1);
  }

  cx_array x = {.type = kinds[k].to, .origin = r->path};
  for (const char *s = shape + 1; s < end && *s != ')';) {
    if (*s == ' ' || *s == ',') {
      s++;
      continue;
    }
    int64_t v = 0;
    const char *digits = s;
    for (; s < end && *s >= '0' && *s <= '9'; s++)
      if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
        cx_read_fail(r, 0, again, "%sa size in its shape is too large", what);
    if (s == digits) cx_read_fail(r, 0, again, "%sits shape is no list of sizes", what);
    if (s < end && *s == 'L') s++; /* long integers of Python 2 */
    if (x.rank == CX_MAX_RANK)
      cx_read_fail(r, 0, "reshape it before numpy.save", "%sit has more than %d dimensions", what, CX_MAX_RANK);
    x.dim[x.rank++] = v;
  }
  size_t bytes, count, have = n - start - head;
  if (!cx_size_product(x.dim, x.rank, size, &bytes))
    cx_read_fail(r, 0, again, "%sthe product of the sizes in its shape is larger than any memory", what);
  if (bytes > have)
    cx_read_fail(r, 0, again, "%sit is truncated: its shape needs %zu bytes, %zu are there", what, bytes, have);
  count = bytes / size;
  bool fortran = *order == 'T';
  cx_array_row_major(&x, x.rank, x.dim);
  for (int64_t i = 0, s = 1; fortran && count && i < x.rank; s *= x.dim[i++]) x.stride[i] = s;

  const uint8_t *data = (const uint8_t *)end;
  const uint16_t probe = 1;
  bool little = *(const uint8_t *)&probe == 1;
  if (size > 1 && ((byte_order == '>' && little) || (byte_order == '<' && !little))) {
    uint8_t *copy = cx_alloc(r->a, bytes + 1);
    cx_swap_copy(copy, data, count, size);
    data = copy;
  }
  bool other = cx_dtype_size[x.type] != size || (kind == 'u' && x.type == CX_F64);
  if (other) {
    void *wide = cx_alloc_n(r->a, count + 1, cx_dtype_size[x.type]);
    widen(kind, size, count, data, wide);
    data = wide;
  } else if ((uintptr_t)data % size) {
    uint8_t *copy = cx_alloc(r->a, bytes + 1);
    memcpy(copy, data, bytes);
    data = copy;
  }
  x.data = data;
  return x;
}

cx_file *cx_read_npy(cx_reader *r) { return cx_file_single(r, cx_npy_array(r, r->p, r->n, NULL)); }
