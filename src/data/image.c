/* image.c - PNG (libpng), JPEG (libjpeg) and folders of them, as bytes 0..255, or 0..65535 where they have 16 bits: grey
 * [h, w], colour [h, w, 3]. Transparency is dropped. Both libraries leave by cx_throw on an error: libpng's memory is the
 * arena's, libjpeg's is given back by a deferred call. */
#include "data/read.h"

#include <string.h>
#ifdef HAVE_PNG
#include <png.h>
#endif
#ifdef HAVE_JPEG
#include <stdio.h>
#include <jpeglib.h>
#endif

static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
static bool is_png(const uint8_t *p, size_t n) { return n >= 8 && !memcmp(p, png_magic, 8); }
static bool is_jpeg(const uint8_t *p, size_t n) { return n >= 3 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff; }
bool cx_is_image(const uint8_t *p, size_t n) { return is_png(p, n) || is_jpeg(p, n); }

#if defined HAVE_PNG || defined HAVE_JPEG
static const char again[] = "copy or download the file again";

/* memory for h rows of w pixels, after asking whether the file can hold so many: at most `most` bytes out of one */
static uint8_t *pixels(const cx_reader *r, size_t h, size_t w, size_t channels, size_t size, size_t most,
                       int64_t dim[3]) {
  dim[0] = (int64_t)h, dim[1] = (int64_t)w, dim[2] = (int64_t)channels;
  size_t bytes;
  if (!h || !w) cx_read_fail(r, 0, again, "the image has no pixels");
  if (!cx_size_product(dim, 3, size, &bytes) || bytes / most > r->n)
    cx_read_fail(r, 0, again, "it claims %zu × %zu pixels, more than its %zu bytes can hold: truncated or damaged", h,
                 w, r->n);
  return cx_alloc(r->a, bytes);
}

static cx_array image(const cx_reader *r, const uint8_t *p, size_t size, const int64_t dim[3]) {
  return cx_array_of(r, size == 2 ? CX_U16 : CX_U8, dim[2] == 1 ? 2 : 3, dim, p);
}
#endif

#ifdef HAVE_PNG
typedef struct {
  const cx_reader *r;
  size_t at;
} png_source;

static void png_fail(png_structp png, png_const_charp what) {
  const png_source *s = png_get_error_ptr(png);
  cx_read_fail(s->r, 0, again, "the PNG image is truncated or damaged: %s", what);
}
static void png_quiet(png_structp png, png_const_charp what) { (void)png, (void)what; }
static png_voidp png_get_memory(png_structp png, png_alloc_size_t n) { return cx_alloc(png_get_mem_ptr(png), n); }
static void png_keep_memory(png_structp png, png_voidp p) { (void)png, (void)p; }
static void png_bytes(png_structp png, png_bytep to, size_t n) {
  png_source *s = png_get_io_ptr(png);
  if (n > s->r->n - s->at) png_error(png, "the data end too early");
  memcpy(to, s->r->p + s->at, n);
  s->at += n;
}

static cx_array read_png(const cx_reader *r) {
  png_source s = {r, 0};
  png_structp png =
      png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &s, png_fail, png_quiet, r->a, png_get_memory, png_keep_memory);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) cx_read_fail(r, 0, NULL, "libpng cannot be started");
  png_set_read_fn(png, &s, png_bytes);
  png_set_user_limits(png, 1 << 24, 1 << 24);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* only pixels: the rest may claim any length */
  png_read_info(png, info);
  png_set_expand(png); /* palettes to colours, 1, 2, 4 bits to 8 */
  const uint16_t probe = 1;
  size_t size = png_get_bit_depth(png, info) == 16 ? 2 : 1;
  if (*(const uint8_t *)&probe == 1) png_set_swap(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t h = png_get_image_height(png, info), w = png_get_image_width(png, info),
         channels = png_get_channels(png, info);
  int64_t dim[3];
  uint8_t *p = pixels(r, h, w, channels, size, 8 * CX_DEFLATE_MAX, dim); /* 8: one bit a pixel, expanded */
  if (png_get_rowbytes(png, info) != w * channels * size) png_error(png, "its rows are not made of such pixels");
  png_bytep *row = CX_NEW_N(r->a, png_bytep, h);
  for (size_t i = 0; i < h; i++) row[i] = p + i * w * channels * size;
  png_read_image(png, row);
  png_read_end(png, NULL);
  png_destroy_read_struct(&png, &info, NULL);
  return image(r, p, size, dim);
}
#else
static cx_array read_png(const cx_reader *r) {
  cx_read_fail(r, 0, "install libpng (libpng-dev) and build calx again, or save the image as NPY",
               "it is a PNG image, and this calx was built without libpng");
}
#endif

#ifdef HAVE_JPEG
typedef struct {
  struct jpeg_decompress_struct j;
  struct jpeg_error_mgr err;
  const cx_reader *r;
} jpeg_source;

static void jpeg_release(void *v) { jpeg_destroy_decompress(&((jpeg_source *)v)->j); }
static void jpeg_fail(j_common_ptr j) {
  const jpeg_source *s = j->client_data;
  char text[JMSG_LENGTH_MAX];
  j->err->format_message(j, text);
  cx_read_fail(s->r, 0, again, "the JPEG image is truncated or damaged: %s", text);
}
/* libjpeg warns, and makes pixels up, where data end too early or make no sense: an error here */
static void jpeg_warn(j_common_ptr j, int level) {
  if (level < 0) jpeg_fail(j);
}

static cx_array read_jpeg(const cx_reader *r) {
  jpeg_source *s = CX_NEW(r->a, jpeg_source);
  s->r = r;
  s->j.err = jpeg_std_error(&s->err);
  s->err.error_exit = jpeg_fail;
  s->err.emit_message = jpeg_warn;
  s->j.client_data = s;
  jpeg_create_decompress(&s->j);
  s->j.client_data = s;
  cx_defer(r->a, jpeg_release, s);
  jpeg_mem_src(&s->j, r->p, (unsigned long)r->n);
  jpeg_read_header(&s->j, TRUE);
  s->j.out_color_space = s->j.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  if (s->j.num_components == 4) cx_read_fail(r, 0, "convert it to RGB", "it is a CMYK image; calx reads grey and RGB");
  s->j.dct_method = JDCT_ISLOW;
  size_t channels = s->j.num_components == 1 ? 1 : 3;
  int64_t dim[3];
  /* an empty progressive image has no lower limit of bytes a pixel, so this is a guess at what nobody stores */
  uint8_t *p = pixels(r, s->j.image_height, s->j.image_width, channels, 1, 1 << 16, dim);
  jpeg_start_decompress(&s->j);
  while (s->j.output_scanline < s->j.output_height) {
    JSAMPROW row = p + (size_t)s->j.output_scanline * s->j.output_width * channels;
    jpeg_read_scanlines(&s->j, &row, 1);
  }
  jpeg_finish_decompress(&s->j);
  jpeg_release(s);
  return image(r, p, 1, dim);
}
#else
static cx_array read_jpeg(const cx_reader *r) {
  cx_read_fail(r, 0, "install libjpeg (libjpeg-dev) and build calx again, or save the image as PNG or NPY",
               "it is a JPEG image, and this calx was built without libjpeg");
}
#endif

static cx_array read_image(const cx_reader *r) {
  if (is_png(r->p, r->n)) return read_png(r);
  if (is_jpeg(r->p, r->n)) return read_jpeg(r);
  cx_read_fail(r, 0, NULL, "it is neither a PNG nor a JPEG image");
}

cx_file *cx_read_image(cx_reader *r) {
  cx_array x = read_image(r);
  x.picture = true;
  return cx_file_single(r, x);
}

/* ---- a folder ---- */
static const char *size_text(cx_arena *a, const cx_array *x) {
  return cx_format(a, "%lld × %lld in %s%s", (long long)x->dim[0], (long long)x->dim[1],
                   x->rank == 3 ? "colour" : "grey", x->type == CX_U16 ? " of 16 bits" : "");
}
static bool same_size(const cx_array *x, const cx_array *y) { /* one may be grey and the other in colour */
  return x->type == y->type && !memcmp(x->dim, y->dim, 2 * sizeof x->dim[0]);
}

void cx_grey_to_colour(uint8_t *to, const uint8_t *from, size_t n, size_t size) {
  for (size_t k = 0; k < n; k++)
    for (int c = 0; c < 3; c++, to += size) memcpy(to, from + k * size, size);
}
/* n grey images in colour; how many bytes one of them then has */
static uint8_t *coloured(cx_arena *a, const uint8_t *from, int n, int room, size_t *bytes, size_t size) {
  uint8_t *to = cx_alloc_n(a, (size_t)room, 3 * *bytes);
  cx_grey_to_colour(to, from, (size_t)n * *bytes / size, size);
  *bytes *= 3;
  return to;
}

/* Where some are in colour, all are. A damaged image is left out with a warning that names it; one of another size is an error. */
cx_file *cx_read_images(cx_reader *r, const char *const *name, int n, bool *good) {
  struct { /* in the arena: what a throw must not lose */
    cx_array first;
    const char *first_name;
    uint8_t *all;
    size_t bytes;
    int kept;
  } *s = cx_alloc(r->a, sizeof *s);
  memset(s, 0, sizeof *s);
  for (int i = 0; i < n; i++) {
    volatile enum { DAMAGED, READ, KEPT } state = DAMAGED;
    cx_reader one = *r;
    one.path = cx_path_in(r->a, r->path, name[i]);
    one.a = cx_arena_new(r->c); /* the image alone: given back once its pixels are copied */
    one.spare = true;
    int before = cx_diag_count(r->c);
    cx_frame frame;
    CX_TRY(r->c, frame) {
      cx_read_open(&one);
      cx_array x = read_image(&one);
      one.spare = false;
      state = READ;
      if (!s->first_name) {
        s->first = x, s->first_name = name[i];
        cx_size_product(x.dim, x.rank, cx_dtype_size[x.type], &s->bytes);
        s->all = cx_alloc_n(r->a, (size_t)(n - i), s->bytes);
      } else if (!same_size(&x, &s->first))
        cx_read_fail(&one, 0, "all images of a folder must have one size", "it is %s, but %s is %s",
                     size_text(one.a, &x), s->first_name, size_text(one.a, &s->first));
      size_t size = cx_dtype_size[x.type];
      if (x.rank > s->first.rank) {
        s->all = coloured(r->a, s->all, s->kept, n, &s->bytes, size);
        s->first.rank = 3, s->first.dim[2] = 3;
      }
      uint8_t *to = s->all + (size_t)s->kept * s->bytes;
      if (x.rank < s->first.rank) cx_grey_to_colour(to, x.data, s->bytes / (3 * size), size);
      else memcpy(to, x.data, s->bytes);
      state = KEPT;
      CX_END(r->c, frame);
    }
    cx_arena_free(one.a);
    if (state == READ || (state == DAMAGED && frame.status != CX_E_DATA)) cx_throw(r->c, frame.status);
    if (good) good[i] = state == KEPT;
    if (state == KEPT) s->kept++;
    else cx_diag_help(r->c, before, "it is left out");
  }
  if (!s->kept) cx_read_fail(r, 0, "copy or download them again", "none of the folder's %d images can be read", n);
  int64_t dim[4] = {s->kept, s->first.dim[0], s->first.dim[1], s->first.dim[2]};
  return cx_file_single(r, cx_array_of(r, s->first.type, s->first.rank + 1, dim, s->all));
}
