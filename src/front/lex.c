/* lex.c - text to tokens, in one pass over the bytes.
 *
 * Words. `if then else and or not` are reserved. Every other word (data, print, at, in, to, d, ...) means itself only
 * where the grammar asks for it: no two operands ever stand side by side, so behind an operand `at` or `in` cannot be
 * a name, and where an operand must come it cannot be anything else. The words that begin a statement are names when
 * a definition or a `~` follows (`data = 3`, `fit[i] = ...`).
 * Brackets are paired here, so that the parser can look past them and knows which one is never closed. */
#include "front/parse.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const char *const token_text[T_TOKEN_COUNT] = {
  [T_EOF] = "the end of the program", [T_NEWLINE] = "the end of the line", [T_ERROR] = "?", [T_NUM] = "number",
  [T_STR] = "string", [T_NAME] = "name", [T_LPAREN] = "(", [T_RPAREN] = ")", [T_LBRACKET] = "[", [T_RBRACKET] = "]",
  [T_LBRACE] = "{", [T_RBRACE] = "}", [T_COMMA] = ",", [T_COLON] = ":", [T_SEMI] = ";", [T_DOTDOT] = "..",
  [T_PRIME] = "'", [T_TILDE] = "~", [T_ASSIGN] = "=", [T_PLUS] = "+", [T_MINUS] = "-", [T_STAR] = "*", [T_SLASH] = "/",
  [T_CARET] = "^", [T_AT_SIGN] = "@", [T_LT] = "<", [T_LE] = "<=", [T_GT] = ">", [T_GE] = ">=", [T_EQ] = "==",
  [T_NE] = "!=", [T_DATA] = "data", [T_PARAM] = "param", [T_MINIMIZE] = "minimize", [T_MAXIMIZE] = "maximize",
  [T_SUBJECT] = "subject", [T_TO] = "to", [T_LOAD] = "load", [T_FIT] = "fit", [T_BY] = "by", [T_PRINT] = "print", [T_PLOT] = "plot",
  [T_WRITE] = "write", [T_EXPLAIN] = "explain", [T_IMPORT] = "import", [T_PRECISION] = "precision",
  [T_DISTRIBUTION] = "distribution", [T_IF] = "if", [T_THEN] = "then", [T_ELSE] = "else", [T_AND] = "and",
  [T_OR] = "or", [T_NOT] = "not", [T_IN] = "in", [T_FOR] = "for", [T_AT] = "at", [T_GIVEN] = "given",
  [T_SUPER] = "superscript", [T_ROOT] = "root"};
/* clang-format on */

const char *cx_tok_text(cx_tok t) { return t < T_TOKEN_COUNT ? token_text[t] : "?"; }

bool cx_is_reserved(int kind) { return kind >= T_IF && kind <= T_NOT; }
bool cx_is_name(int kind) { return kind == T_NAME || (kind >= T_DATA && kind <= T_GIVEN && !cx_is_reserved(kind)); }
bool cx_ends_operand(int kind) {
  return kind == T_NUM || kind == T_STR || kind == T_RPAREN || kind == T_RBRACKET || kind == T_PRIME ||
         kind == T_SUPER || cx_is_name(kind);
}

/* ---- characters ---- */

static bool is_digit(int ch) { return ch >= '0' && ch <= '9'; }
static bool is_letter(int ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_'; }

typedef struct {
  uint32_t first, last;
} range;

static bool in_ranges(uint32_t cp, const range *r, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (cp >= r[i].first && cp <= r[i].last) return true;
  return false;
}

/* Letters beyond ASCII, coarsely: Latin, Greek, Cyrillic, kana, Chinese, Korean; the script l. */
static bool is_wide_letter(uint32_t cp) {
  static const range letters[] = {{0xB5, 0xB5},     {0xC0, 0xD6},     {0xD8, 0xF6},     {0xF8, 0x24F},
                                  {0x370, 0x3FF},   {0x400, 0x52F},   {0x1E00, 0x1FFF}, {0x2113, 0x2113},
                                  {0x3041, 0x30FF}, {0x4E00, 0x9FFF}, {0xAC00, 0xD7A3}};
  return in_ranges(cp, letters, sizeof letters / sizeof *letters);
}

/* What may follow a letter in a name: accents that combine, digits below the line. */
static bool is_wide_follower(uint32_t cp) { return (cp >= 0x300 && cp <= 0x36F) || (cp >= 0x2080 && cp <= 0x2089); }

static bool is_wide_space(uint32_t cp) {
  static const range spaces[] = {{0xA0, 0xA0},     {0x2000, 0x200B}, {0x202F, 0x202F},
                                 {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
  return in_ranges(cp, spaces, sizeof spaces / sizeof *spaces);
}

static int superscript(uint32_t cp) { /* the ASCII character it raises, or 0 */
  if (cp == 0xB2) return '2';
  if (cp == 0xB3) return '3';
  if (cp == 0xB9) return '1';
  if (cp == 0x2070 || (cp >= 0x2074 && cp <= 0x2079)) return '0' + (int)(cp - 0x2070);
  return cp == 0x207B ? '-' : cp == 0x1D40 ? 'T' : 0;
}

/* One character that is a token of its own, or a name (its text then says which). */
/* clang-format off */
static const struct { uint32_t cp; uint8_t kind; const char *name; } symbols[] = {
  {0xD7, T_STAR, 0}, {0xB7, T_STAR, 0}, {0x22C5, T_STAR, 0}, {0x2217, T_STAR, 0}, {0xF7, T_SLASH, 0},
  {0x2215, T_SLASH, 0},
  {0x2212, T_MINUS, 0}, {0x2264, T_LE, 0}, {0x2265, T_GE, 0}, {0x2260, T_NE, 0}, {0x2208, T_IN, 0},
  {0x223C, T_TILDE, 0},
  {0x2026, T_DOTDOT, 0}, {0x2227, T_AND, 0}, {0x2228, T_OR, 0}, {0xAC, T_NOT, 0}, {0x2032, T_PRIME, 0},
  {0x221A, T_ROOT, "sqrt"}, {0x221B, T_ROOT, "cbrt"}, {0x2211, T_NAME, "sum"}, {0x220F, T_NAME, "prod"},
  {0x222B, T_NAME, "integral"}, {0x2202, T_NAME, "d"}, {0x221E, T_NAME, "inf"}};
/* clang-format on */

/* clang-format off */
static const char *const greek[] = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
  "lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"};
/* clang-format on */

static const char *greek_name(uint32_t cp, bool *capital) {
  static const struct {
    uint32_t cp, as;
  } variants[] = {{0xB5, 0x3BC},  {0x3D1, 0x3B8}, {0x3D5, 0x3C6}, {0x3D6, 0x3C0},
                  {0x3F0, 0x3BA}, {0x3F1, 0x3C1}, {0x3F5, 0x3B5}};
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
    if (variants[i].cp == cp) cp = variants[i].as;
  *capital = cp >= 0x391 && cp <= 0x3A9;
  if (*capital) cp += 0x20;
  return cp >= 0x3B1 && cp <= 0x3C9 ? greek[cp - 0x3B1] : NULL;
}

cx_sym cx_token_name(cx_ctx *c, cx_arena *a, const char *text, const cx_token *t) {
  const char *s = text + t->beg, *end = text + t->end;
  bool ascii = true;
  for (const char *q = s; q < end; q++) ascii &= (unsigned char)*q < 0x80;
  if (ascii) return cx_intern(c, s, (size_t)(end - s));
  cx_buf b = {.arena = a};
  while (s < end) {
    uint32_t cp;
    int n = cx_utf8(s, end, &cp);
    bool capital = false;
    const char *letter = greek_name(cp, &capital);
    for (size_t i = 0; !letter && i < sizeof symbols / sizeof *symbols; i++)
      if (symbols[i].cp == cp) letter = symbols[i].name;
    if (letter) {
      cx_puts(&b, letter);
      if (capital) b.at[b.n - (int)strlen(letter)] -= 32;
    } else if (cp >= 0x2080 && cp <= 0x2089) {
      cx_putf(&b, "%d", (int)(cp - 0x2080));
    } else {
      cx_put(&b, s, (size_t)n);
    }
    s += n;
  }
  return cx_intern(c, b.at, (size_t)b.n);
}

/* ---- the lexer ---- */

typedef struct {
  cx_ctx *c;
  cx_arena *a;
  const char *text, *end;
  int32_t file;
  bool quiet, said_encoding;
  int errors;
  CX_VEC(cx_token) out;
  CX_VEC(int32_t) open; /* brackets waiting for their partner */
  int waiting[3];       /* how many of each kind */
  uint8_t flags;        /* of the next token */
} lexer;

static void push(lexer *l, int kind, const char *beg, const char *end) {
  *CX_PUSH(l->a, l->out) =
      (cx_token){(uint8_t)kind, l->flags, (uint32_t)(beg - l->text), (uint32_t)(end - l->text), -1, 0};
  l->flags = 0;
}

/* Reports, with its remedy; the last argument of the message is always the text itself. */
static void complain(lexer *l, const char *beg, const char *end, const char *message, const char *help) {
  if (l->quiet || ++l->errors > CX_MAX_ERRORS) return;
  int d = cx_error(l->c, ((cx_span){l->file, (uint32_t)(beg - l->text), (uint32_t)(end - l->text)}), "%s", message);
  if (help) cx_diag_help(l->c, d, "%s", help);
}

static void bracket(lexer *l, int kind, const char *s) {
  int which = (kind - T_LPAREN) / 2, index = l->out.n;
  bool opens = (kind - T_LPAREN) % 2 == 0;
  push(l, kind, s, s + 1);
  if (opens) {
    *CX_PUSH(l->a, l->open) = index;
    l->waiting[which]++;
    return;
  }
  if (!l->waiting[which]) return; /* closes nothing */
  for (;;) {                      /* what is still open inside it never closes */
    int o = l->open.at[--l->open.n];
    int w = (l->out.at[o].kind - T_LPAREN) / 2;
    l->waiting[w]--;
    if (w != which) continue;
    l->out.at[o].match = index;
    l->out.at[index].match = o;
    return;
  }
}

static const char *number(lexer *l, const char *s) {
  const char *p = s;
  while (p < l->end && is_digit(*p)) p++;
  if (p < l->end && *p == '.' && !(p + 1 < l->end && p[1] == '.')) {
    p++;
    while (p < l->end && is_digit(*p)) p++;
  }
  if (p < l->end && (*p == 'e' || *p == 'E')) {
    const char *q = p + 1;
    if (q < l->end && (*q == '+' || *q == '-')) q++;
    if (q < l->end && is_digit(*q)) {
      while (q < l->end && is_digit(*q)) q++;
      p = q;
    }
  }
  const char *message = NULL, *help = NULL;
  double value;
  if (p + 1 < l->end && *p == '.' && is_digit(p[1])) {
    message = "a number has one decimal point";
  } else if (p < l->end && (*p == '_' || (p == s + 1 && *s == '0' && (*p == 'x' || *p == 'X' || *p == 'b')))) {
    message = "a number is written in plain decimal digits";
    help = "write 1000000 or 1e6, and 31 for 0x1F";
  } else if (cx_read_double(s, (size_t)(p - s), &value) && value > 1.7976931348623157e308) {
    message = "the number is too large for a double";
    help = "the largest is about 1.8e308; write `inf` for infinity";
  }
  if (!message) {
    push(l, T_NUM, s, p);
    return p;
  }
  while (p < l->end && (is_digit(*p) || is_letter(*p) || (*p == '.' && !(p + 1 < l->end && p[1] == '.')))) p++;
  complain(l, s, p, message, help);
  push(l, T_ERROR, s, p);
  return p;
}

static const char *string(lexer *l, const char *s) {
  const char *p = s + 1;
  bool bad = false;
  for (; p < l->end && *p != '"' && *p != '\n' && *p != '\r'; p++) {
    if (*p != '\\') continue;
    if (p + 1 < l->end && (p[1] == '"' || p[1] == '\\' || p[1] == 'n' || p[1] == 't')) {
      p++;
    } else {
      if (!bad)
        complain(l, p, p + 1 < l->end && p[1] != '\n' ? p + 2 : p + 1, "unknown escape in a string",
                 "the escapes are \\\" \\\\ \\n \\t; a path may use / everywhere");
      bad = true;
    }
  }
  if (p == l->end || *p != '"') {
    complain(l, s, p, "the string is not closed on its line", "end it with `\"`");
    push(l, T_ERROR, s, p);
    return p;
  }
  push(l, bad ? T_ERROR : T_STR, s, p + 1);
  return p + 1;
}

static const char *word(lexer *l, const char *s) {
  const char *p = s;
  while (p < l->end) {
    if (is_letter(*p) || is_digit(*p)) {
      p++;
      continue;
    }
    uint32_t cp;
    if ((unsigned char)*p < 0x80) break;
    int n = cx_utf8(p, l->end, &cp);
    if (!is_wide_letter(cp) && !is_wide_follower(cp)) break;
    p += n;
  }
  int kind = T_NAME;
  size_t n = (size_t)(p - s);
  for (int k = T_DATA; k <= T_GIVEN; k++)
    if (token_text[k][0] == *s && strlen(token_text[k]) == n && memcmp(token_text[k], s, n) == 0) kind = k;
  push(l, kind, s, p);
  return p;
}

/* ' behind an operand is a derivative or a transpose; elsewhere it was meant to begin a string. */
static const char *quote(lexer *l, const char *s) {
  if (l->out.n && !l->flags && cx_ends_operand(l->out.at[l->out.n - 1].kind)) {
    push(l, T_PRIME, s, s + 1);
    return s + 1;
  }
  const char *p = s + 1;
  while (p < l->end && *p != '\'' && *p != '\n' && *p != '\r') p++;
  if (p < l->end && *p == '\'') {
    complain(l, s, p + 1, "a string stands in double quotes", "write it as \"...\"");
    push(l, T_ERROR, s, p + 1);
    return p + 1;
  }
  complain(l, s, s + 1, "`'` must follow what it differentiates or transposes, without a space", "write f'(x) or A'");
  push(l, T_ERROR, s, s + 1);
  return s + 1;
}

/* Spellings of other languages. Where the meaning is plain it is taken, so that one mistake is one error. */
/* clang-format off */
static const struct { const char *text; uint8_t as; const char *message, *help; } foreign[] = {
  {"**", T_CARET, "a power is written with `^`", "write `x^2` for `x**2`"},
  {"&&", T_AND, "the logical operator is the word `and`", "write `and`"},
  {"||", T_OR, "the logical operator is the word `or`", "write `or`"},
  {"<>", T_NE, "`<>` is no comparison", "write `!=`"},
  {"=<", T_LE, "`=<` is no comparison", "write `<=`"},
  {"=>", T_GE, "`=>` is no comparison", "write `>=`"},
  {":=", T_ASSIGN, "`:=` is no operator: a definition is written with `=`", "write `=`"},
  {"+=", T_ERROR, "`+=` is no operator: a name is defined once and never changes",
   "define another name, or a recurrence: s[0] = ..., s[t] = s[t-1] + ..."},
  {"-=", T_ERROR, "`-=` is no operator: a name is defined once and never changes",
   "define another name, or a recurrence: s[0] = ..., s[t] = s[t-1] - ..."},
  {"*=", T_ERROR, "`*=` is no operator: a name is defined once and never changes",
   "define another name, or a recurrence: s[0] = ..., s[t] = s[t-1] * ..."},
  {"//", T_ERROR, "`//` is no operator", "a comment starts with `#`; a whole quotient is floor(a / b)"},
  {"/*", T_ERROR, "`/*` is no operator", "a comment starts with `#` and ends with its line"},
  {".*", T_STAR, "`.*` is no operator: `*` is elementwise already", "write `*`, and `@` for the matrix product"},
  {"./", T_SLASH, "`./` is no operator: `/` is elementwise already", "write `/`"},
  {".^", T_CARET, "`.^` is no operator: `^` is elementwise already", "write `^`"},
  {"...", T_DOTDOT, "a range has two points", "write `a..b`"},
  {"!", T_NOT, "`!` is no operator", "write `not` for a negation, gamma(n + 1) for a factorial"},
  {"&", T_AND, "`&` is no operator", "write `and`"},
  {"|", T_ERROR, "`|` is no operator", "write abs(x) for |x|, `given` in prob(A given B), `or` between conditions"},
  {"%", T_ERROR, "`%` is no operator", "write mod(a, b) for a remainder"},
  {"?", T_ERROR, "`?` is no operator", "write `if condition then a else b`"},
  {"\\", T_ERROR, "`\\` does not continue a line", "a statement goes on while a bracket or an operator is open"},
  {".", T_ERROR, "`.` alone is no operator", "a range is written `a..b`, a product `a * b`; a layer's param stands in quotes, \"dense.W\""},
};
/* clang-format on */

static bool in_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/* np.exp, A.T, data.csv: what is meant by a point in a name */
static const char *point_help(const lexer *l, const char *s, const char *usual) {
  static const struct {
    const char *words, *help;
    bool before; /* the word in front of the point, else behind it */
  } meant[] = {
      {" np numpy math scipy torch jnp tf ", "functions have no prefix: write exp(x)", true},
      {" csv tsv txt dat npy npz png jpg jpeg svg gz calx ", "the name of a file stands in double quotes", false},
      {" T ", "a transposed matrix is written A'", false},
      {" shape size ", "write rows(A), cols(A) or size(A, k)", false}};
  const char *from = s, *to = s + 1;
  while (from > l->text && in_word(from[-1])) from--;
  while (to < l->end && in_word(*to)) to++;
  for (size_t k = 0; k < sizeof meant / sizeof *meant; k++) {
    const char *word = meant[k].before ? from : s + 1;
    int n = (int)(meant[k].before ? s - from : to - s - 1);
    char spaced[16];
    if (n < 1 || n > 12) continue;
    snprintf(spaced, sizeof spaced, " %.*s ", n, word);
    if (strstr(meant[k].words, spaced)) return meant[k].help;
  }
  return usual;
}

static const char *other(lexer *l, const char *s) {
  static const struct {
    const char *text;
    uint8_t kind;
  } two[] = {{"..", T_DOTDOT}, {"<=", T_LE}, {">=", T_GE}, {"==", T_EQ}, {"!=", T_NE}};
  static const char one[] = ",:;~=+-*/^@<>";
  static const uint8_t one_kind[] = {T_COMMA, T_COLON, T_SEMI,  T_TILDE,   T_ASSIGN, T_PLUS, T_MINUS,
                                     T_STAR,  T_SLASH, T_CARET, T_AT_SIGN, T_LT,     T_GT};
  size_t left = (size_t)(l->end - s);
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
    if (foreign[i].text[0] != *s) continue;
    size_t n = strlen(foreign[i].text);
    if (n > left || memcmp(foreign[i].text, s, n) != 0) continue;
    if (*s == '!' && left > 1 && s[1] == '=') continue;           /* != */
    if (n == 1 && *s == '.' && left > 1 && s[1] == '.') continue; /* .. */
    const char *end = s + n;
    int as = foreign[i].as;
    if (foreign[i].text[0] == '|' && n == 1) { /* |x| is one mistake */
      const char *p = end;
      while (p < l->end && *p != '|' && *p != '\n' && *p != '\r') p++;
      if (p < l->end && *p == '|') end = p + 1;
    }
    if (*s == '!' && l->out.n && !(l->flags & TF_NEWLINE) && cx_ends_operand(l->out.at[l->out.n - 1].kind))
      as = T_ERROR; /* n! */
    const char *help = *s == '.' && n == 1 ? point_help(l, s, foreign[i].help) : foreign[i].help;
    complain(l, s, end, foreign[i].message, help);
    if (*s == '\\') { /* read as it was meant: the line goes on */
      while (end < l->end && (*end == ' ' || *end == '\t')) end++;
      if (end < l->end && *end == '\r') end++;
      if (end < l->end && *end == '\n') end++;
      return end;
    }
    push(l, as, s, end);
    return end;
  }
  for (size_t i = 0; i < sizeof two / sizeof *two; i++)
    if (left >= 2 && memcmp(s, two[i].text, 2) == 0) {
      push(l, two[i].kind, s, s + 2);
      return s + 2;
    }
  const char *at = strchr(one, *s);
  if (at && *s) {
    if (*s == ':' && l->open.n) l->out.at[l->open.at[l->open.n - 1]].flags |= TF_COLON;
    push(l, one_kind[at - one], s, s + 1);
    return s + 1;
  }
  char message[64];
  snprintf(message, sizeof message, *s >= 0x20 && *s < 0x7F ? "unknown character `%c`" : "unknown character U+%04X",
           *s);
  complain(l, s, s + 1, message, NULL);
  push(l, T_ERROR, s, s + 1);
  return s + 1;
}

static const char *wide(lexer *l, const char *s) {
  uint32_t cp;
  int n = cx_utf8(s, l->end, &cp);
  if (cp == 0xFFFFFFFFu) {
    if (!l->said_encoding) complain(l, s, s + 1, "the text is not UTF-8", "save the file as UTF-8");
    l->said_encoding = true;
    const char *p = s + 1;
    while (p < l->end && (unsigned char)*p >= 0x80 && (cx_utf8(p, l->end, &cp), cp == 0xFFFFFFFFu)) p++;
    push(l, T_ERROR, s, p);
    return p;
  }
  if (is_wide_letter(cp)) return word(l, s);
  if (is_wide_space(cp)) {
    l->flags |= TF_GAP;
    return s + n;
  }
  if (superscript(cp)) {
    const char *p = s;
    for (uint32_t next; p < l->end && (n = cx_utf8(p, l->end, &next), superscript(next)); p += n)
      if (superscript(next) == 'T' && p > s) break; /* the transpose is alone */
      else if (superscript(next) == 'T') {
        p += n;
        break;
      }
    push(l, T_SUPER, s, p);
    return p;
  }
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
    if (symbols[i].cp == cp) {
      push(l, symbols[i].kind, s, s + n);
      return s + n;
    }
  if (cp == 0x2033) { /* a double prime */
    push(l, T_PRIME, s, s + n);
    push(l, T_PRIME, s, s + n);
    return s + n;
  }
  char message[64];
  bool quotes = (cp >= 0x2018 && cp <= 0x201F) || cp == 0xAB || cp == 0xBB;
  snprintf(message, sizeof message, "unknown character `%.*s` (U+%04X)", n, s, (unsigned)cp);
  complain(l, s, s + n, message, quotes ? "a string stands in straight double quotes: \"...\"" : NULL);
  push(l, T_ERROR, s, s + n);
  if (!quotes) return s + n;
  const char *p = s + n; /* the string it was meant to be is no second error */
  while (p < l->end && *p != '\n' && *p != '\r') {
    uint32_t q;
    int m = cx_utf8(p, l->end, &q);
    p += m;
    if ((q >= 0x2018 && q <= 0x201F) || q == 0xAB || q == 0xBB) break;
  }
  l->out.at[l->out.n - 1].end = (uint32_t)(p - l->text);
  return p;
}

/* a program is text: what is none gets one error, not thousands */
static bool is_text(lexer *l) {
  size_t n = (size_t)(l->end - l->text);
  const char *message = NULL, *at = l->text;
  if (n >= 2 && (memcmp(at, "\xFF\xFE", 2) == 0 || memcmp(at, "\xFE\xFF", 2) == 0)) {
    message = "the text is UTF-16";
  } else if (n && (at = memchr(l->text, 0, n))) {
    message = "the text holds a NUL byte: this is no calx program";
  }
  if (!message) return true;
  complain(l, at, at, message, "a program is UTF-8 text");
  return false;
}

cx_tokens cx_lex(cx_ctx *c, cx_arena *a, const char *text, size_t n, int32_t file, bool quiet) {
  lexer l = {.c = c, .a = a, .text = text, .end = text + n, .file = file, .quiet = quiet, .flags = TF_NEWLINE};
  const char *s = text;
  if (!is_text(&l)) s = l.end;
  if (l.end - s >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0) s += 3;
  while (s < l.end) {
    int ch = (unsigned char)*s;
    if (ch == '\n' || ch == '\r') {
      l.flags |= TF_NEWLINE;
      s++;
    } else if (ch == ' ' || ch == '\t' || ch == '\f' || ch == '\v') {
      l.flags |= TF_GAP;
      s++;
    } else if (ch == '#') {
      while (s < l.end && *s != '\n' && *s != '\r') s++;
    } else if (is_letter(ch)) s = word(&l, s);
    else if (is_digit(ch) || (ch == '.' && s + 1 < l.end && is_digit(s[1]))) s = number(&l, s);
    else if (ch == '"') s = string(&l, s);
    else if (ch == '\'') s = quote(&l, s);
    else if (ch >= 0x80) s = wide(&l, s);
    else if (strchr("()[]{}", ch)) {
      bracket(&l, T_LPAREN + (int)(strchr("()[]{}", ch) - "()[]{}"), s);
      s++;
    } else s = other(&l, s);
  }
  l.flags |= TF_NEWLINE;
  push(&l, T_EOF, l.end, l.end);
  int32_t depth = 0;
  for (int i = 0; i < l.out.n; i++) {
    cx_token *t = &l.out.at[i];
    if (t->match >= 0 && t->match < i) depth--;
    t->depth = depth;
    if (t->match > i) depth++;
  }
  return (cx_tokens){l.out.at, l.out.n};
}

/* ---- for the repl ---- */

static bool leaves_open(const cx_token *t, int i) {
  switch (t[i].kind) {
    case T_COMMA:
    case T_COLON:
    case T_DOTDOT:
    case T_TILDE:
    case T_ASSIGN:
    case T_PLUS:
    case T_MINUS:
    case T_STAR:
    case T_SLASH:
    case T_CARET:
    case T_AT_SIGN:
    case T_LT:
    case T_LE:
    case T_GT:
    case T_GE:
    case T_EQ:
    case T_NE:
    case T_IF:
    case T_THEN:
    case T_ELSE:
    case T_AND:
    case T_OR:
    case T_NOT:
    case T_ROOT: return true;
    case T_TO:
    case T_BY:
    case T_IN:
    case T_FOR:
    case T_AT:
    case T_GIVEN: /* words behind an operand */
      return i > 0 && !(t[i].flags & TF_NEWLINE) && cx_ends_operand(t[i - 1].kind);
    default: return false;
  }
}

bool cx_parse_incomplete(cx_ctx *c, const char *text, size_t n) {
  cx_arena *a = cx_arena_new(c);
  bool more = false;
  cx_tokens t = cx_lex(c, a, text, n, -1, true);
  int conditions = 0;
  for (int i = 0; i < t.n; i++) {
    int kind = t.at[i].kind;
    if ((kind == T_LPAREN || kind == T_LBRACKET || kind == T_LBRACE) && t.at[i].match < 0) more = true;
    conditions += (kind == T_IF) - (kind == T_ELSE);
  }
  if (conditions > 0 || (t.n > 1 && leaves_open(t.at, t.n - 2))) more = true;
  cx_arena_free(a);
  return more;
}
