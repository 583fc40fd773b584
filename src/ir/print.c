/* print.c - a graph as text that reads back as the same graph (grammar: read.c).
 *
 * Expressions are written as calx writes them, with the fewest brackets. A node that is used twice and is not small,
 * and one on top of a tall tree, gets a name of its own in a line `let %1 = ...` before its equation: so the text is
 * never longer than the graph by more than a constant factor, and its brackets never nest deeply. */
#include "ir/graph_int.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const cx_red_name[RED_COUNT] = {"none", "sum", "prod", "max", "min", "argmax", "argmin"};

const cx_infix cx_infixes[] = {
    {OP_or, PREC_OR, false, "or"},  {OP_and, PREC_AND, false, "and"}, {OP_lt, PREC_CMP, false, "<"},
    {OP_le, PREC_CMP, false, "<="}, {OP_eq, PREC_CMP, false, "=="},   {OP_ne, PREC_CMP, false, "!="},
    {OP_add, PREC_ADD, false, "+"}, {OP_sub, PREC_ADD, false, "-"},   {OP_mul, PREC_MUL, false, "*"},
    {OP_div, PREC_MUL, false, "/"}, {OP_pow, PREC_POW, true, "^"},    {OP_none, 0, false, NULL},
};

typedef struct {
  int uses, size, height, let;
} info; /* let: its number, 0 where it is written in place */

typedef struct {
  const cx_graph *g;
  cx_buf out;
  const bool *twin; /* by equation: another one has its name */
  cx_scratch *s;    /* val[].i: position in inf */
  info *inf;
} printer;

/* ---- names ---- */
static bool plain_name(const char *s) {
  static const char *const words[] = {"input", "output", "let",  "const", "integer", "inert", "bounds", "prim",
                                      "if",    "then",   "else", "and",   "or",      "not",   "inf",    "nan"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strcmp(s, words[i])) return false;
  if (s[0] == 'i' && s[1] && s[1 + strspn(s + 1, "0123456789")] == 0) return false; /* an index */
  for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
    bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || *p >= 0x80;
    bool later = (*p >= '0' && *p <= '9') || *p == '\'';
    if (!letter && !(later && (const char *)p > s)) return false;
  }
  return *s != 0;
}

static void put_name(cx_buf *b, const char *s) {
  if (plain_name(s)) {
    cx_puts(b, s);
    return;
  }
  cx_puts(b, "`");
  for (; *s; s++) {
    if ((unsigned char)*s < 32 || *s == '`' || *s == '\\') cx_putf(b, "\\%02x", (unsigned)(unsigned char)*s);
    else cx_put(b, s, 1);
  }
  cx_puts(b, "`");
}

static void put_eq(printer *p, uint32_t eq) {
  put_name(&p->out, p->g->eq[eq]->name);
  if (p->twin[eq]) cx_putf(&p->out, ".%u", (unsigned)eq);
}

static int by_name(const void *x, const void *y) {
  const cx_eq *a = *(cx_eq *const *)x, *b = *(cx_eq *const *)y;
  return a->name < b->name ? -1 : a->name > b->name;
}

static const bool *twins(const cx_graph *g, cx_arena *a) {
  bool *twin = CX_NEW_N(a, bool, g->neq + 1);
  cx_eq **q = CX_NEW_N(a, cx_eq *, g->neq + 1);
  if (g->neq) memcpy(q, g->eq, (size_t)g->neq * sizeof *q);
  qsort(q, (size_t)g->neq, sizeof *q, by_name);
  for (int i = 1; i < g->neq; i++)
    if (q[i]->name == q[i - 1]->name) twin[q[i]->id] = twin[q[i - 1]->id] = true;
  return twin;
}

/* ---- expressions ---- */
static void put_num(cx_buf *b, double v) {
  char text[32];
  cx_puts(b, cx_show_double(text, v));
}

static const cx_infix *infix(uint16_t op) {
  for (const cx_infix *f = cx_infixes; f->text; f++)
    if (f->op == op) return f;
  return NULL;
}

static const info *about(const printer *p, const cx_node *n) { return &p->inf[p->s->val[n->id].i]; }

static int prec(const printer *p, const cx_node *n) {
  if (about(p, n)->let) return PREC_ATOM;
  if (n->op == OP_const) return signbit(n->u.num) && !isnan(n->u.num) ? PREC_NEG : PREC_ATOM;
  if (n->op == OP_neg) return PREC_NEG;
  if (n->op == OP_not) return PREC_NOT;
  if (n->op == OP_select) return PREC_IF;
  const cx_infix *f = infix(n->op);
  return f ? f->prec : PREC_ATOM;
}

static void put_node(printer *p, const cx_node *n, int min, bool in_place);

static void put_list(printer *p, const cx_node *n, const char *open, const char *close) {
  for (int k = 0; k < n->nargs; k++) {
    cx_puts(&p->out, k ? ", " : open);
    put_node(p, n->arg[k], PREC_IF, false);
  }
  cx_puts(&p->out, close);
}

static void put_infix(printer *p, const cx_node *n, const cx_infix *f) {
  const cx_node *x = n->arg[0], *y = n->arg[1];
  int left = f->prec + (f->right || f->prec == PREC_CMP), right = f->prec + !f->right;
  if (cx_ops[n->op].facts &
      F_COMM) { /* the other order is the same node: write 2 * x, and x + y + z without brackets */
    bool swap = prec(p, y) < right && prec(p, y) >= left && prec(p, x) >= right;
    if (n->op == OP_mul && y->op == OP_const && x->op != OP_const && prec(p, x) >= right) swap = true;
    if (swap) x = n->arg[1], y = n->arg[0];
  }
  put_node(p, x, left, false);
  cx_putf(&p->out, f->op == OP_pow ? "%s" : " %s ", f->text);
  put_node(p, y, right, false);
}

/* in_place: the expression itself, also where it has a name */
static void put_node(printer *p, const cx_node *n, int min, bool in_place) {
  cx_buf *b = &p->out;
  int let = about(p, n)->let;
  if (let && !in_place) {
    cx_putf(b, "%%%d", let);
    return;
  }
  bool bracket = !in_place && prec(p, n) < min;
  if (bracket) cx_puts(b, "(");
  const cx_infix *f;
  switch (n->op) {
    case OP_const: put_num(b, n->u.num); break;
    case OP_index: cx_putf(b, "i%lld", (long long)n->u.i); break;
    case OP_load:
      put_eq(p, n->u.eq);
      if (n->nargs) put_list(p, n, "[", "]");
      break;
    case OP_neg: /* -(2) is no constant */
      cx_puts(b, "-");
      put_node(p, n->arg[0], n->arg[0]->op == OP_const && prec(p, n->arg[0]) == PREC_ATOM ? PREC_ATOM + 1 : PREC_NEG,
               false);
      break;
    case OP_not:
      cx_puts(b, "not ");
      put_node(p, n->arg[0], PREC_NOT, false);
      break;
    case OP_select:
      cx_puts(b, "if ");
      put_node(p, n->arg[0], PREC_IF, false);
      cx_puts(b, " then ");
      put_node(p, n->arg[1], PREC_IF, false);
      cx_puts(b, " else ");
      put_node(p, n->arg[2], PREC_IF, false);
      break;
    default:
      if ((f = infix(n->op))) put_infix(p, n, f);
      else {
        cx_puts(b, cx_ops[n->op].name);
        put_list(p, n, "(", ")");
      }
  }
  if (bracket) cx_puts(b, ")");
}

/* Writes the let lines that e needs; e itself can be put afterwards, and then p->s must be given back. */
static void put_lets(printer *p, const cx_node *e, int size, int height) {
  cx_scratch *s = p->s = cx_scratch_take(p->g);
  cx_postorder(p->g, s, e);
  p->inf = CX_NEW_N(p->out.arena, info, s->order.n);
  int lets = 0;
  for (int i = 0; i < s->order.n; i++) {
    const cx_node *n = s->order.at[i];
    s->val[n->id].i = i;
    for (int k = 0; k < n->nargs; k++) p->inf[s->val[n->arg[k]->id].i].uses++;
  }
  for (int i = 0; i < s->order.n; i++) {
    const cx_node *n = s->order.at[i];
    info *f = &p->inf[i];
    f->size = f->height = 1;
    for (int k = 0; k < n->nargs; k++) {
      const info *x = about(p, n->arg[k]);
      f->size += x->let ? 1 : x->size;
      if (!x->let && x->height >= f->height) f->height = x->height + 1;
    }
    if (n == e || n->nargs == 0 || !((f->uses > 1 && f->size > size) || f->height > height)) continue;
    f->let = ++lets;
    cx_putf(&p->out, "let %%%d = ", lets);
    put_node(p, n, PREC_IF, true);
    cx_puts(&p->out, "\n");
  }
}

/* ---- equations ---- */
static void put_dims(printer *p, const cx_dim *d, int n, int slot, const char *open, const char *close) {
  for (int k = 0; k < n; k++) {
    cx_putf(&p->out, "%si%d < %lld", k ? ", " : open, slot + k, (long long)d[k].n);
    if (d[k].name) {
      cx_puts(&p->out, " (");
      put_name(&p->out, d[k].name);
      cx_puts(&p->out, ")");
    }
  }
  if (n) cx_puts(&p->out, close);
}

static void put_head(printer *p, const cx_eq *e) {
  put_eq(p, e->id);
  put_dims(p, e->dim, e->rank, 0, "[", "]");
  if (e->integer) cx_puts(&p->out, " integer");
  if (e->inert) cx_puts(&p->out, " inert");
  if (e->lo != -INFINITY || e->hi != INFINITY) {
    cx_puts(&p->out, " bounds ");
    put_num(&p->out, e->lo);
    cx_puts(&p->out, "..");
    put_num(&p->out, e->hi);
  }
}

static void put_body(printer *p, const cx_eq *e) {
  put_lets(p, e->body, 12, 40);
  put_head(p, e);
  cx_puts(&p->out, " = ");
  if (e->red != RED_none) {
    cx_puts(&p->out, cx_red_name[e->red]);
    put_dims(p, e->rdim, e->nred, e->rank, "(", ") ");
  }
  put_node(p, e->body, PREC_IF, false);
  cx_scratch_give(p->g, p->s);
}

static void put_comment(cx_buf *b, const char *s) {
  while (*s) {
    size_t n = strcspn(s, "\n");
    cx_puts(b, "\n  # ");
    cx_put(b, s, n);
    s += n + (s[n] == '\n');
  }
}

char *cx_graph_text(const cx_graph *g, cx_arena *a) {
  printer p = {.g = g, .out = {.arena = a}, .twin = twins(g, a)};
  cx_puts(&p.out, "");
  for (int i = 0; i < g->neq; i++) {
    const cx_eq *e = g->eq[i];
    switch (e->kind) {
      case EQ_INPUT:
        cx_puts(&p.out, e->node ? "input node " : e->constant ? "input const " : "input ");
        put_head(&p, e);
        break;
      case EQ_CALC: put_body(&p, e); break;
      default:
        put_head(&p, e);
        cx_putf(&p.out, " = prim %s(", e->prim->name);
        for (int k = 0; k < e->nprim_arg; k++) {
          if (k) cx_puts(&p.out, ", ");
          put_eq(&p, e->prim_arg[k]);
        }
        cx_puts(&p.out, ")");
        if (e->prim->note) put_comment(&p.out, e->prim->note(e, a));
    }
    cx_puts(&p.out, "\n");
  }
  for (int i = 0; i < g->nout; i++) {
    cx_puts(&p.out, "output ");
    put_eq(&p, g->out[i]);
    cx_puts(&p.out, "\n");
  }
  return p.out.at;
}

char *cx_node_text(const cx_graph *g, cx_arena *a, const cx_node *e) {
  printer p = {.g = g, .out = {.arena = a}, .twin = twins(g, a)};
  put_lets(&p, e, 200, 200);
  put_node(&p, e, PREC_IF, false);
  cx_scratch_give(g, p.s);
  return p.out.at;
}
