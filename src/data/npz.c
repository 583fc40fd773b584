/* npz.c - a zip archive of NPY members, stored or deflated (PKWARE's APPNOTE.TXT 6.3: 4.3.16 end of the central directory,
 * 4.3.12 its entries, 4.3.7 local headers, 4.5.3 sizes beyond 32 bits). */
#include "data/read.h"

#include <string.h>

static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }
static uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

static const char damaged[] = "the archive is truncated or damaged";
static const char again[] = "copy it again, or write it again with numpy.savez";

cx_file *cx_read_npz(cx_reader *r) {
  const uint8_t *p = r->p;
  size_t n = r->n, eocd = n;
  for (size_t back = 22; back <= n && back <= 22 + 65535; back++)
    if (get32(p + n - back) == 0x06054b50) {
      eocd = n - back;
      break;
    }
  if (eocd == n) cx_read_fail(r, 0, again, "%s: its directory is missing", damaged);
  uint64_t entries = get16(p + eocd + 10), at = get32(p + eocd + 16);
  if (eocd >= 20 && get32(p + eocd - 20) == 0x07064b50) { /* zip64 */
    uint64_t far = get64(p + eocd - 20 + 8);
    if (n < 56 || far > n - 56 || get32(p + far) != 0x06064b50) cx_read_fail(r, 0, again, "%s", damaged);
    entries = get64(p + far + 32);
    at = get64(p + far + 48);
  }
  CX_VEC(cx_column) col = {0};
  for (uint64_t e = 0; e < entries; e++) {
    if (at > n || n - at < 46 || get32(p + at) != 0x02014b50)
      cx_read_fail(r, 0, again, "%s: its directory is cut", damaged);
    const uint8_t *h = p + at;
    uint32_t flags = get16(h + 8), method = get16(h + 10), crc = get32(h + 16);
    uint64_t packed = get32(h + 20), size = get32(h + 24), local = get32(h + 42);
    size_t name_len = get16(h + 28), extra_len = get16(h + 30), note_len = get16(h + 32);
    if (n - at - 46 < name_len + extra_len + note_len) cx_read_fail(r, 0, again, "%s: its directory is cut", damaged);
    const char *name = (const char *)h + 46;
    const uint8_t *x = h + 46 + name_len, *xend = x + extra_len;
    while (xend - x >= 4) { /* the extra field 1 holds, in this order, the sizes that did not fit */
      size_t len = get16(x + 2);
      if ((size_t)(xend - x) < 4 + len) break;
      if (get16(x) == 1) {
        const uint8_t *v = x + 4, *vend = v + len;
        uint64_t *const big[] = {&size, &packed, &local};
        for (int i = 0; i < 3; i++)
          if (*big[i] == 0xffffffffu && vend - v >= 8) {
            *big[i] = get64(v);
            v += 8;
          }
      }
      x += 4 + len;
    }
    at += 46 + name_len + extra_len + note_len;
    if (name_len < 5 || memcmp(name + name_len - 4, ".npy", 4)) continue;
    char *member = cx_strdup(r->a, name, name_len - 4);
    if (flags & 1) cx_read_fail(r, 0, again, "member %s is encrypted", member);
    if (local > n || n - local < 30 || get32(p + local) != 0x04034b50)
      cx_read_fail(r, 0, again, "member %s: %s", member, damaged);
    uint64_t skip = 30 + (uint64_t)get16(p + local + 26) + get16(p + local + 28);
    if (skip > n - local || packed > n - local - skip) cx_read_fail(r, 0, again, "member %s: %s", member, damaged);
    const uint8_t *data = p + local + skip;
    if (method == 8)
      data = cx_read_inflate(r, data, (size_t)packed, (size_t)size, cx_format(r->a, "member %s", member));
    else if (method != 0)
      cx_read_fail(r, 0, again, "member %s is compressed by method %u; calx knows stored and deflated", member, method);
    else if (packed != size) cx_read_fail(r, 0, again, "member %s: %s", member, damaged);
    if (cx_crc32(data, (size_t)size) != crc)
      cx_read_fail(r, 0, again, "member %s is damaged: its checksum differs", member);
    *CX_PUSH(r->a, col) = (cx_column){.name = member, .array = cx_npy_array(r, data, (size_t)size, member)};
  }
  if (!col.n)
    cx_read_fail(r, 0, "a spreadsheet (.xlsx, .ods) must be saved as CSV first",
                 "the zip archive has no .npy member, so it is no NPZ file");
  cx_file *f = CX_NEW(r->a, cx_file);
  *f = (cx_file){.col = col.at, .ncol = col.n, .path = r->path};
  return f;
}
