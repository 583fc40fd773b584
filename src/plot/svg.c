/* svg.c - a picture as SVG 1.1. An image goes in as a palette PNG whose deflate stream is merely stored (RFC 1951, 3.2.4),
 * so that nothing but this file is needed to write one. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "plot/pic.h"

static void number(cx_buf *b, double v) {
  char s[40];
  int n = snprintf(s, sizeof s, "%.2f", v);
  while (n > 0 && s[n - 1] == '0') n--;
  if (n > 0 && s[n - 1] == '.') n--;
  if (n == 2 && s[0] == '-' && s[1] == '0') s[0] = '0', n = 1;
  cx_put(b, s, (size_t)n);
}

static void color(cx_buf *b, const char *what, const cx_pic_item *it) {
  cx_putf(b, " %s=\"#%06x\"", what, it->color);
  if (it->alpha < 1) {
    cx_putf(b, " %s-opacity=\"", what);
    number(b, it->alpha);
    cx_puts(b, "\"");
  }
}

static void path(cx_buf *b, const cx_pic_item *it) {
  cx_puts(b, " d=\"");
  char command = 'M';
  for (int k = 0; k < it->npt; k++) {
    if (isnan(it->pt[k].x)) {
      command = 'M';
      continue;
    }
    if (command == 'M') cx_puts(b, "M");
    else cx_puts(b, k > 1 && command == 'l' ? " " : "L");
    command = command == 'M' ? 'L' : 'l';
    number(b, it->pt[k].x);
    cx_puts(b, ",");
    number(b, it->pt[k].y);
  }
  cx_puts(b, it->kind == PIC_FILL ? "Z\"" : "\"");
}

static void text(cx_buf *b, const cx_pic_item *it) {
  cx_puts(b, "<text x=\"");
  number(b, it->pt[0].x);
  cx_puts(b, "\" y=\"");
  number(b, it->pt[0].y);
  cx_puts(b, "\" font-size=\"");
  number(b, it->size);
  cx_puts(b, "\"");
  if (it->anchor > 0) cx_putf(b, " text-anchor=\"%s\"", it->anchor < 1 ? "middle" : "end");
  if (it->bold) cx_puts(b, " font-weight=\"600\"");
  if (it->upright) {
    cx_puts(b, " transform=\"rotate(-90 ");
    number(b, it->pt[0].x);
    cx_puts(b, " ");
    number(b, it->pt[0].y);
    cx_puts(b, ")\"");
  }
  color(b, "fill", it);
  cx_puts(b, ">");
  bool raised = false, was = false;
  const char *end = it->text + strlen(it->text);
  uint32_t cp;
  for (const char *s = it->text; s < end;) {
    int n = cx_utf8(s, end, &cp);
    if (cp == CX_SUP) cx_puts(b, "<tspan dy=\"-0.45em\" font-size=\"72%\">"), raised = true;
    else if (cp == CX_BASE && raised) cx_puts(b, "</tspan>"), raised = false, was = true;
    else {
      if (was) cx_puts(b, "<tspan dy=\"0.324em\">"); /* what was raised: 0.45 of 0.72 */
      if (cp == '<') cx_puts(b, "&lt;");
      else if (cp == '>') cx_puts(b, "&gt;");
      else if (cp == '&') cx_puts(b, "&amp;");
      else if (cp == 0xFFFFFFFFu || cp < 0x20 || (cp & 0xFFFFFFFEu) == 0xFFFE) cx_puts(b, "\uFFFD");
      else cx_put(b, s, (size_t)n);
      if (was) cx_puts(b, "</tspan>"), was = false;
    }
    s += n;
  }
  if (raised) cx_puts(b, "</tspan>");
  cx_puts(b, "</text>\n");
}

/* ---- the embedded PNG ---- */

static void base64(cx_buf *b, const uint8_t *s, size_t n) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t k = 0; k < n; k += 3) {
    uint32_t v = (uint32_t)s[k] << 16 | (k + 1 < n ? (uint32_t)s[k + 1] << 8 : 0) | (k + 2 < n ? s[k + 2] : 0);
    char out[4] = {digit[v >> 18], digit[v >> 12 & 63], k + 1 < n ? digit[v >> 6 & 63] : '=',
                   k + 2 < n ? digit[v & 63] : '='};
    cx_put(b, out, 4);
  }
}

static void be32(cx_buf *b, uint32_t v) {
  cx_put(b, (char[]){(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v}, 4);
}

static void chunk(cx_buf *b, const char *type, const cx_buf *data) {
  be32(b, (uint32_t)data->n);
  int from = b->n;
  cx_put(b, type, 4);
  cx_put(b, data->at, (size_t)data->n);
  uint32_t crc = 0xFFFFFFFFu; /* CRC-32, PNG specification annex D */
  for (int k = from; k < b->n; k++) {
    crc ^= (uint8_t)b->at[k];
    for (int j = 0; j < 8; j++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  be32(b, ~crc);
}

static void stored(cx_buf *b, const cx_pic_item *it) { /* zlib: header, stored blocks (a row each), Adler-32 */
  uint32_t s1 = 1, s2 = 0;
  int bytes = it->rgb ? 3 * it->w : it->w;
  cx_put(b, "\x78\x01", 2);
  for (int r = 0; r < it->h; r++) {
    int len = bytes + 1;
    cx_put(b, (char[]){r == it->h - 1, (char)len, (char)(len >> 8), (char)~len, (char)(~len >> 8), 0},
           6); /* filter 0 */
    cx_put(b, (const char *)it->index + (size_t)r * (size_t)bytes, (size_t)bytes);
    s2 = (s2 + s1) % 65521;
    for (int k = 0; k < bytes; k++) {
      s1 = (s1 + it->index[r * bytes + k]) % 65521;
      s2 = (s2 + s1) % 65521;
    }
  }
  be32(b, s2 << 16 | s1);
}

static void image(cx_buf *b, const cx_pic_item *it) {
  cx_buf png = {.arena = b->arena}, head = png, palette = png, clear = png, data = png;
  cx_put(&png, "\x89PNG\r\n\x1a\n", 8);
  be32(&head, (uint32_t)it->w);
  be32(&head, (uint32_t)it->h);
  cx_put(&head, it->rgb ? "\x08\x02\0\0\0" : "\x08\x03\0\0\0", 5); /* 8 bits, colours or palette */
  for (int k = 0; k < 256; k++) {
    uint32_t c = k ? cx_index_color(it->gray, k) : 0;
    cx_put(&palette, (char[]){(char)(c >> 16), (char)(c >> 8), (char)c}, 3);
  }
  cx_put(&clear, "\0", 1); /* entry 0 is transparent */
  stored(&data, it);
  chunk(&png, "IHDR", &head);
  if (!it->rgb) chunk(&png, "PLTE", &palette), chunk(&png, "tRNS", &clear);
  chunk(&png, "IDAT", &data);
  chunk(&png, "IEND", &(cx_buf){.at = ""});
  const char *name[4] = {"x", "y", "width", "height"};
  double at[4] = {it->pt[0].x, it->pt[0].y, it->pt[1].x - it->pt[0].x, it->pt[1].y - it->pt[0].y};
  cx_puts(b, "<image");
  for (int k = 0; k < 4; k++) {
    cx_putf(b, " %s=\"", name[k]);
    number(b, at[k]);
    cx_puts(b, "\"");
  }
  if (it->sharp) cx_puts(b, " image-rendering=\"pixelated\"");
  cx_puts(b, " preserveAspectRatio=\"none\" xlink:href=\"data:image/png;base64,");
  base64(b, (const uint8_t *)png.at, (size_t)png.n);
  cx_puts(b, "\"/>\n");
}

char *cx_pic_svg(const cx_pic *p, size_t *size) {
  cx_buf b = {.arena = p->arena};
  cx_putf(
      &b,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"%.0f\" "
      "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\"\n     font-family=\"Helvetica Neue, Helvetica, Arial, Liberation Sans, "
      "DejaVu Sans, sans-serif\" stroke-linejoin=\"round\" stroke-linecap=\"round\"\n     "
      "xml:space=\"preserve\">\n",
      p->w, p->h, p->w, p->h);
  for (int k = 0; k < p->item.n; k++) {
    const cx_pic_item *it = &p->item.at[k];
    if (it->kind == PIC_TEXT) text(&b, it);
    else if (it->kind == PIC_IMAGE) image(&b, it);
    else {
      cx_puts(&b, "<path");
      if (it->kind == PIC_FILL) {
        color(&b, "fill", it);
      } else {
        cx_puts(&b, " fill=\"none\"");
        color(&b, "stroke", it);
        cx_puts(&b, " stroke-width=\"");
        number(&b, it->width);
        cx_puts(&b, "\"");
        if (it->dash) cx_putf(&b, " stroke-dasharray=\"%g %g\"", cx_dash[it->dash][0], cx_dash[it->dash][1]);
      }
      path(&b, it);
      cx_puts(&b, "/>\n");
    }
  }
  cx_puts(&b, "</svg>\n");
  *size = (size_t)b.n;
  return b.at;
}
