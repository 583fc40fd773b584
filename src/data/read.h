/* read.h - what the readers share; private to src/data. */
#ifndef CX_READ_H
#define CX_READ_H
#include "data/data.h"

/* One file being read: its bytes (mapped where it is a plain file, else in the arena) and where errors point. */
typedef struct cx_reader {
  cx_ctx *c;
  cx_arena *a;
  const char *path;
  cx_span span; /* the declaration that asked for the file */
  const uint8_t *p;
  size_t n;
  bool mapped; /* p is the mapped file */
  bool spare;  /* it can do without this file: what is wrong with it is a warning */
} cx_reader;

/* file.c */
/* reports "path:line: message" (line 0: "path: message") and its remedy (may be NULL), then throws CX_E_DATA */
_Noreturn void cx_read_fail(const cx_reader *r, int64_t line, const char *help, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void cx_read_open(cx_reader *r);   /* maps r->path */
void cx_read_gunzip(cx_reader *r); /* the bytes become what the gzip data hold */
/* exactly size bytes out of a raw deflate stream of n bytes */
const uint8_t *cx_read_inflate(const cx_reader *r, const uint8_t *p, size_t n, size_t size, const char *what);
uint32_t cx_crc32(const uint8_t *p, size_t n);
/* No deflate stream grows more than this (RFC 1951: 258 bytes from 2 bits): a header that claims more is damaged,
 * and is found out before the memory is asked for. */
#define CX_DEFLATE_MAX 1032

/* product of n sizes, each >= 0, times size; false when it does not fit a size_t (or PTRDIFF_MAX) */
bool cx_size_product(const int64_t *dim, int n, size_t size, size_t *out);
cx_file *cx_file_single(const cx_reader *r, cx_array x);
cx_array cx_array_of(const cx_reader *r, cx_dtype type, int rank, const int64_t *dim, const void *data); /* row-major */
float cx_half(uint16_t h); /* IEEE 754 binary16 */
/* big-endian (or otherwise swapped) elements of `size` bytes into the machine's order */
void cx_swap_copy(void *to, const uint8_t *from, size_t count, size_t size);

/* one file a format; each is given the bytes */
cx_file *cx_read_csv(cx_reader *r);
bool cx_csv_is_numbers(cx_reader *r); /* the first lines are numbers, separated somehow */
cx_file *cx_read_npy(cx_reader *r);
cx_array cx_npy_array(const cx_reader *r, const uint8_t *p, size_t n,
                      const char *member); /* member of an .npz or NULL */
cx_file *cx_read_npz(cx_reader *r);
cx_file *cx_read_idx(cx_reader *r);
cx_file *cx_read_safetensors(cx_reader *r);
bool cx_is_safetensors(const uint8_t *p, size_t n);
cx_file *cx_read_image(cx_reader *r);
cx_file *cx_read_images(cx_reader *r, const char *const *name, int n, bool *good); /* files of the folder
    r->path; good (may be NULL): which of them could be read */
void cx_grey_to_colour(uint8_t *to, const uint8_t *from, size_t n, size_t size);   /* n pixels, each three times */
cx_file *cx_read_folder(cx_reader *r);
cx_file *cx_read_text(cx_reader *r);
typedef struct { /* texts out of a file, and the line where each begins */
  CX_VEC(const char *) text;
  CX_VEC(int64_t) line;
} cx_items;
cx_file *cx_read_text_file(cx_reader *r); /* whatever it is called */
bool cx_divides(const char *line);        /* a % alone */
char *cx_text_join(cx_arena *a, const char *const *line, int64_t n);
/* a file's lines as texts; where lines of a % alone divide them, what lies between these. none blank */
void cx_text_items(cx_arena *a, cx_items *to, const char *const *line, int64_t n);
char *cx_path_in(cx_arena *a, const char *folder, const char *name);
cx_file *cx_read_any(cx_reader *r);
bool cx_is_image(const uint8_t *p, size_t n);
bool cx_missing_word(const char *s, size_t n); /* empty, NA, NaN, null, ? … */
#endif
