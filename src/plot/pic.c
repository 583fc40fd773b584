/* pic.c - building pictures, and the text in them. */
#include <math.h>
#include <string.h>
#include "plot/pic.h"

cx_pic_item *cx_pic_add(cx_pic *p, cx_pic_kind kind, uint32_t color, int npt) {
  cx_pic_item *it = CX_PUSH(p->arena, p->item);
  *it = (cx_pic_item){.kind = kind, .color = color, .alpha = 1, .npt = npt};
  it->pt = CX_NEW_N(p->arena, cx_point, npt > 0 ? npt : 1);
  return it;
}

void cx_pic_segment(cx_pic *p, double x0, double y0, double x1, double y1, uint32_t color, double width) {
  cx_pic_item *it = cx_pic_add(p, PIC_STROKE, color, 2);
  it->pt[0] = (cx_point){x0, y0};
  it->pt[1] = (cx_point){x1, y1};
  it->width = width;
}

void cx_pic_rect(cx_pic *p, double x0, double y0, double x1, double y1, uint32_t color, double alpha) {
  cx_pic_item *it = cx_pic_add(p, PIC_FILL, color, 4);
  it->pt[0] = (cx_point){x0, y0};
  it->pt[1] = (cx_point){x1, y0};
  it->pt[2] = (cx_point){x1, y1};
  it->pt[3] = (cx_point){x0, y1};
  it->alpha = alpha;
}

void cx_pic_text(cx_pic *p, double x, double y, const char *text, double size, double anchor, uint32_t color) {
  cx_pic_item *it = cx_pic_add(p, PIC_TEXT, color, 1);
  it->pt[0] = (cx_point){x, y};
  it->text = text;
  it->size = size;
  it->anchor = anchor;
}

/* ---- text ---- */

/* Advance widths of ' '..'~' in Helvetica, in 1/1000 of the size (Adobe's published font metrics). */
static const uint16_t advance[95] = {278,  278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
                                     556,  556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
                                     1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
                                     667,  778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
                                     333,  556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
                                     556,  556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584};
/* The viewer's own font may be a wider one (DejaVu Sans is by a seventh). */
static const double allowance = 1.12;

double cx_text_width(const char *s, double size) {
  const char *end = s + strlen(s);
  double w = 0, scale = 1;
  uint32_t cp;
  while (s < end) {
    s += cx_utf8(s, end, &cp);
    if (cp == CX_SUP) scale = 0.72;
    else if (cp == CX_BASE) scale = 1;
    else if (cp >= ' ' && cp <= '~') w += scale * advance[cp - ' '];
    else w += scale * 560 * cx_char_width(cp);
  }
  return w * size / 1000 * allowance;
}

static const struct {
  const char *word, *sign;
} signs[] = {{"alpha", "α"}, {"beta", "β"},  {"gamma", "γ"},  {"delta", "δ"}, {"epsilon", "ε"}, {"eta", "η"},
             {"theta", "θ"}, {"kappa", "κ"}, {"lambda", "λ"}, {"mu", "μ"},    {"nu", "ν"},      {"xi", "ξ"},
             {"pi", "π"},    {"rho", "ρ"},   {"sigma", "σ"},  {"tau", "τ"},   {"phi", "φ"},     {"chi", "χ"},
             {"psi", "ψ"},   {"omega", "ω"}, {"inf", "∞"}};

static bool word_char(char ch) {
  return ch == '_' || (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch & 0x80);
}

/* the length of a lone number or name, with its sign, that can stand as an exponent */
static size_t exponent(const char *s) {
  size_t n = s[0] == '-', from = n;
  while (word_char(s[n]) || (s[n] == '.' && s[n + 1] != '.' && word_char(s[n + 1]))) n++;
  return n == from || s[n] == '(' || s[n] == '[' || s[n] == '\'' ? 0 : n;
}

static void put_word(cx_buf *b, const char *s, size_t n, bool call) {
  for (size_t k = 0; !call && k < sizeof signs / sizeof *signs; k++)
    if (strlen(signs[k].word) == n && memcmp(signs[k].word, s, n) == 0) {
      cx_puts(b, signs[k].sign);
      return;
    }
  cx_put(b, s, n);
}

char *cx_clean_text(cx_arena *a, const char *s) {
  cx_buf b = {.arena = a};
  cx_put(&b, "", 0);
  uint32_t cp;
  for (const char *end = s + strlen(s); s < end;) {
    int n = cx_utf8(s, end, &cp);
    bool strange = cp == 0xFFFFFFFFu || cp < ' ' || (cp >= 0x7F && cp < 0xA0) || (cp & 0xFFFEu) == 0xFFFEu;
    if (strange) cx_puts(&b, "\uFFFD");
    else cx_put(&b, s, (size_t)n);
    s += n;
  }
  return b.at;
}

char *cx_math_text(cx_arena *a, const char *s) {
  s = cx_clean_text(a, s);
  static const struct {
    const char *from, *to;
  } ops[] = {{" * ", "\u2009\u00b7\u2009"}, {"<=", "≤"}, {">=", "≥"}, {"==", "="}, {"!=", "≠"}, {"-", "−"}, {"'", "′"}};
  cx_buf b = {.arena = a};
  cx_put(&b, "", 0);
  while (*s) {
    size_t n = 0, k;
    if (*s == '^' && (n = exponent(s + 1)) > 0) {
      cx_put(&b, (char[]){CX_SUP}, 1);
      size_t minus = s[1] == '-';
      if (minus) cx_puts(&b, "−");
      put_word(&b, s + 1 + minus, n - minus, false);
      cx_put(&b, (char[]){CX_BASE}, 1);
      s += n + 1;
    } else if (word_char(*s)) {
      while (word_char(s[n])) n++;
      put_word(&b, s, n, s[n] == '(');
      s += n;
    } else {
      for (k = 0; k < sizeof ops / sizeof *ops; k++)
        if (strncmp(s, ops[k].from, strlen(ops[k].from)) == 0) break;
      if (k < sizeof ops / sizeof *ops) {
        cx_puts(&b, ops[k].to);
        s += strlen(ops[k].from);
      } else {
        cx_put(&b, s++, 1);
      }
    }
  }
  return b.at;
}
