/* idx.c - IDX, the format of MNIST: 0 0 type rank, the sizes, the elements; all big-endian. */
#include "data/read.h"

cx_file *cx_read_idx(cx_reader *r) {
  const char *again = "copy or download the file again";
  if (r->n < 4 || r->p[0] || r->p[1]) cx_read_fail(r, 0, again, "it is no IDX file");
  cx_dtype type;
  switch (r->p[2]) {
    case 0x08: type = CX_U8; break;
    case 0x09: type = CX_I8; break;
    case 0x0b: type = CX_I16; break;
    case 0x0c: type = CX_I32; break;
    case 0x0d: type = CX_F32; break;
    case 0x0e: type = CX_F64; break;
    default: cx_read_fail(r, 0, again, "IDX element type 0x%02x is unknown", r->p[2]);
  }
  int rank = r->p[3];
  if (rank < 1 || rank > CX_MAX_RANK)
    cx_read_fail(r, 0, again, "it has %d dimensions; calx reads 1 to %d", rank, CX_MAX_RANK);
  size_t head = 4 + 4 * (size_t)rank, size = cx_dtype_size[type], bytes;
  if (r->n < head) cx_read_fail(r, 0, again, "the IDX header ends too early: the file is truncated");
  int64_t dim[CX_MAX_RANK];
  for (int k = 0; k < rank; k++) {
    const uint8_t *p = r->p + 4 + 4 * k;
    dim[k] = (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | p[3];
  }
  if (!cx_size_product(dim, rank, size, &bytes))
    cx_read_fail(r, 0, again, "the product of its sizes is larger than any memory");
  if (bytes != r->n - head)
    cx_read_fail(r, 0, again, "its sizes need %zu bytes of elements, but %zu are there%s", bytes, r->n - head,
                 bytes > r->n - head ? ": the file is truncated" : "");
  const void *data = r->p + head;
  if (size > 1) {
    void *copy = cx_alloc(r->a, bytes + 1);
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe == 1) cx_swap_copy(copy, data, bytes / size, size);
    else cx_swap_copy(copy, data, bytes, 1);
    data = copy;
  }
  return cx_file_single(r, cx_array_of(r, type, rank, dim, data));
}
