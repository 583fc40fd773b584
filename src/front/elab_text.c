/* elab_text.c - text as data: sequences of its units, counts of them, and sequences said as text again. They are computed
 * when the program is elaborated, once for the data at hand, and are constants from then on. */
#include <math.h>
#include <string.h>

#include "data/vocab.h"
#include "front/elab.h"

typedef enum {
  HAS_LENGTH = 1,
  HAS_MOST = 2,
  HAS_LEAST = 4,
  HAS_NGRAMS = 8,
  HAS_UNIT = 16,
  HAS_LIKE = 32,
  HAS_SIZE = 64
} has;
typedef enum { SEQUENCE, COUNTS, TFIDF, HASHED } what;
static const struct {
  const char *name;
  what what;
  cx_unit unit;
  int options;
} functions[] = {{"bytes", SEQUENCE, UNIT_BYTES, HAS_LENGTH},
                 {"characters", SEQUENCE, UNIT_CHARACTERS, HAS_LENGTH | HAS_MOST | HAS_LEAST | HAS_LIKE},
                 {"words", SEQUENCE, UNIT_WORDS, HAS_LENGTH | HAS_MOST | HAS_LEAST | HAS_LIKE},
                 {"tokens", SEQUENCE, UNIT_TOKENS, HAS_SIZE | HAS_LENGTH | HAS_LIKE},
                 {"bag", COUNTS, UNIT_WORDS, HAS_MOST | HAS_LEAST | HAS_NGRAMS | HAS_UNIT | HAS_LIKE},
                 {"tfidf", TFIDF, UNIT_WORDS, HAS_MOST | HAS_LEAST | HAS_NGRAMS | HAS_UNIT | HAS_LIKE},
                 {"hashed", HASHED, UNIT_WORDS, HAS_SIZE | HAS_NGRAMS | HAS_UNIT}};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

typedef struct {
  cx_elab *E;
  const cx_ast *x;
  int f;
  cx_text_opt opt;
  int64_t length, size;
  cx_decl *of, *like; /* the texts; those that the vocabulary is of */
} call;

bool cx_is_text_call(const char *name) {
  for (int k = 0; k < FUNCTIONS; k++)
    if (!strcmp(functions[k].name, name)) return true;
  return !strcmp(name, "text");
}

static cx_decl *texts(cx_elab *E, const cx_ast *a, const char *function) {
  cx_binding *b = a->kind == A_NAME ? cx_lookup(E, a->name, false) : NULL;
  if (b && b->decl && b->text) {
    cx_decl *d = &E->decl[b->decl - E->decl];
    if (d->rank < 2) return d;
    cx_error(E->ctx, a->span, "`%s` takes a text or a list of texts, but `%s` has %d dimensions", function, d->name,
             d->rank);
    return NULL;
  }
  if (b && b->v.bad && !b->text) return NULL; /* something has been said about it */
  int id = cx_error(E->ctx, a->span, "`%s` takes data declared as text", function);
  cx_diag_help(E->ctx, id, "data message[n] : text for a list of texts, data corpus : text for one");
  return NULL;
}

/* the options behind the texts, and `size` in its place */
static bool options(call *c) {
  static const struct {
    const char *name;
    int bit;
  } number[] = {{"length", HAS_LENGTH}, {"most", HAS_MOST},     {"words", HAS_MOST},
                {"least", HAS_LEAST},   {"ngrams", HAS_NGRAMS}, {"size", HAS_SIZE}};
  static const char *const unit[] = {"bytes", "characters", "words"};
  cx_elab *E = c->E;
  int can = functions[c->f].options;
  bool counts = functions[c->f].what != SEQUENCE;
  for (int k = 1; k < c->x->nkid; k++) {
    const cx_ast *o = c->x->kid[k], *v = o->kind == A_NAMED ? o->kid[0] : o;
    const char *name = o->kind == A_NAMED ? o->name : k == 1 && can & HAS_SIZE ? "size" : NULL;
    if (!name) {
      cx_error(E->ctx, o->span, "`%s` takes one text, then options with their names", c->x->name);
      return false;
    }
    if (!strcmp(name, "like") && can & HAS_LIKE) {
      if (!(c->like = texts(E, v, c->x->name))) return false;
      continue;
    }
    if (!strcmp(name, "unit") && can & HAS_UNIT) {
      int u = 0;
      while (u < 3 && (v->kind != A_STR || strcmp(v->name, unit[u]))) u++;
      if (u == 3) {
        cx_error(E->ctx, v->span, "the unit is \"words\", \"characters\" or \"bytes\"");
        return false;
      }
      c->opt.unit = (cx_unit)u;
      continue;
    }
    int j = 0;
    const int n = sizeof number / sizeof *number;
    while (j < n && !(can & number[j].bit && !strcmp(name, number[j].name) && (strcmp(name, "words") || counts) &&
                      (strcmp(name, "most") || !counts)))
      j++;
    if (j == n) {
      cx_buf all = {.arena = E->arena};
      for (int i = 0; i < n; i++)
        if (can & number[i].bit && (strcmp(number[i].name, "words") || counts) &&
            (strcmp(number[i].name, "most") || !counts))
          cx_putf(&all, "%s%s", all.n ? ", " : "", number[i].name);
      if (can & HAS_UNIT) cx_puts(&all, ", unit");
      if (can & HAS_LIKE) cx_puts(&all, ", like");
      int id = cx_error(E->ctx, o->span, "`%s` has no option `%s`", c->x->name, name);
      cx_diag_help(E->ctx, id, "its options are %s", all.at);
      return false;
    }
    int64_t value;
    if (!cx_elab_int(E, v, &value)) return false;
    int64_t low = number[j].bit == HAS_SIZE && functions[c->f].unit == UNIT_TOKENS ? 257 : 1,
            high = number[j].bit == HAS_NGRAMS ? 32 : 1 << 30;
    if (value < low || value > high) {
      int id = cx_error(E->ctx, v->span, "`%s` of `%s` is %lld, but must lie between %lld and %lld", name, c->x->name,
                        (long long)value, (long long)low, (long long)high);
      if (low == 257) cx_diag_help(E->ctx, id, "256 bytes are tokens already: what is merged comes on top");
      return false;
    }
    switch (number[j].bit) {
      case HAS_LENGTH: c->length = value; break;
      case HAS_MOST: c->opt.most = value; break;
      case HAS_LEAST: c->opt.least = value; break;
      case HAS_NGRAMS: c->opt.ngrams = (int)value; break;
      default: c->size = value;
    }
  }
  if (can & HAS_SIZE && !c->size) {
    int id = cx_error(E->ctx, c->x->span, "`%s` needs the number of its %s", c->x->name,
                      functions[c->f].what == HASHED ? "columns" : "tokens");
    cx_diag_help(E->ctx, id, "%s(%s, 1000)", c->x->name, c->of->name);
    return false;
  }
  if (functions[c->f].unit == UNIT_TOKENS) c->opt.most = c->size;
  return true;
}

/* of these texts with these options: known from before, from the model file, or made now */
static cx_vocab *vocabulary(call *c) {
  cx_program *p = c->E->prog;
  const char *key = cx_format(p->arena, "%s %s, %s = %lld, least = %lld, ngrams = %d",
                              c->opt.features ? "counts" : "sequence", c->like->name,
                              c->opt.unit == UNIT_TOKENS       ? "tokens"
                              : c->opt.unit == UNIT_WORDS      ? "words"
                              : c->opt.unit == UNIT_CHARACTERS ? "characters"
                                                               : "bytes",
                              (long long)c->opt.most, (long long)c->opt.least, c->opt.ngrams);
  for (int k = 0; k < p->vocab.n; k++) {
    cx_vocab *v = p->vocab.at[k];
    if (!strcmp(v->key, key) && (!v->of || v->of == (const void *)c->like->array.text)) return v;
  }
  if (!c->like->bound || !c->like->array.text) return NULL;
  cx_vocab *v = cx_vocab_build(p->arena, (cx_texts){c->E->ctx, c->like}, &c->opt);
  v->key = key;
  *CX_PUSH(p->arena, p->vocab) = v;
  if (c->opt.unit == UNIT_TOKENS && 256 + v->nmerge < c->opt.most && !c->E->opt.no_queries) {
    int id = cx_diag(c->E->ctx, CX_WARNING, CX_OK, c->x->span,
                     "`%s` gives %d tokens only, not %lld: no other pair occurs twice", c->like->name, 256 + v->nmerge,
                     (long long)c->opt.most);
    cx_diag_help(c->E->ctx, id,
                 "params for the others learn nothing: take classes(..) of the sequence as their number");
  }
  if (v->n == 1 && !c->E->opt.no_queries) {
    int id = cx_diag(c->E->ctx, CX_WARNING, CX_OK, c->x->span, "all that occurs in `%s` is \"%.40s\"", c->like->name,
                     v->word[0]);
    cx_diag_help(c->E->ctx, id, "what never differs tells nothing apart");
  }
  return v;
}

/* a vocabulary of other texts need not have all that occurs in these */
static void say_unknown(call *c, cx_texts t, const cx_vocab *v) {
  if (!v || c->opt.unit == UNIT_TOKENS || !v->index || v->of == (const void *)t.d->array.text || c->E->opt.no_queries)
    return;
  int64_t all;
  const char *first, *units = functions[c->f].name;
  int64_t n = cx_text_unknown(c->E->arena, t, &c->opt, v, &all, &first);
  if (!n) return;
  int id = cx_diag(c->E->ctx, CX_WARNING, CX_OK, c->x->span,
                   "of the %lld %s of `%s` the vocabulary lacks %lld, \"%.40s\" first", (long long)all, units,
                   c->of->name, (long long)n, first);
  cx_diag_help(c->E->ctx, id, "they are number 0, as what stands behind the end of a text is");
}

static cx_array compute(call *c, const cx_vocab *v) {
  cx_program *p = c->E->prog;
  const char *key = cx_ast_text(p->arena, c->x);
  int64_t n = c->of->rank ? c->of->dim[0].n : 1;
  for (int k = 0; k < p->counted.n; k++)
    if (p->counted.at[k].of == (const void *)c->of->array.text && p->counted.at[k].texts == n &&
        p->counted.at[k].vocab == v && !strcmp(p->counted.at[k].call, key))
      return p->counted.at[k].x;
  cx_decl part = *c->of; /* the first of them, where the program is elaborated for some of its rows */
  if (part.rank) part.array.dim[0] = n;
  cx_texts t = {c->E->ctx, &part};
  static const cx_text_weight weight[] = {[COUNTS] = TEXT_COUNTS, [TFIDF] = TEXT_TFIDF, [HASHED] = TEXT_HASHED};
  what w = functions[c->f].what;
  cx_array x = w == SEQUENCE ? cx_text_sequence(p->arena, t, &c->opt, v, part.rank ? c->length : 0)
                             : cx_text_features(p->arena, t, &c->opt, v, weight[w], c->size);
  if (w == SEQUENCE) say_unknown(c, t, v);
  CX_PUSH(p->arena, p->counted);
  p->counted.at[p->counted.n - 1].call = key;
  p->counted.at[p->counted.n - 1].of = c->of->array.text;
  p->counted.at[p->counted.n - 1].vocab = v;
  p->counted.at[p->counted.n - 1].texts = n;
  p->counted.at[p->counted.n - 1].x = x;
  return x;
}

/* one text cut into pieces of the same length; what is left at its end is left out */
static cx_array pieces(call *c, cx_array x) {
  int64_t n = x.dim[0] / c->length;
  if (!n) {
    int id = cx_diag(c->E->ctx, CX_ERROR, CX_E_DATA, c->x->span, "`%s` has %lld %s, less than the length %lld",
                     c->of->name, (long long)x.dim[0], functions[c->f].name, (long long)c->length);
    cx_diag_help(c->E->ctx, id, "give a smaller length, or a longer text");
    cx_throw(c->E->ctx, CX_E_DATA);
  }
  cx_array_row_major(&x, 2, (int64_t[]){n, c->length});
  return x;
}

static cx_val value(call *c) {
  cx_elab *E = c->E;
  bool sequence = functions[c->f].what == SEQUENCE, one = !c->of->rank, cut = sequence && one && c->length;
  bool needs = functions[c->f].what != HASHED && !(c->opt.unit == UNIT_BYTES && sequence);
  const cx_vocab *v = needs ? vocabulary(c) : NULL;
  cx_array x = {.type = sequence ? CX_I32 : functions[c->f].what == TFIDF ? CX_F64 : CX_F32};
  bool bound = c->of->bound && c->of->array.text && (v || !needs);
  if (bound) x = compute(c, v);
  if (bound && cut) x = pieces(c, x);
  int64_t width = sequence ? c->length : functions[c->f].what == HASHED ? c->size : v ? v->n : c->opt.most, dim[2];
  if (!bound) { /* without data: their shape, as far as it can be known */
    int n = 0;
    if (!one || cut) dim[n++] = one ? E->standin += 4 : c->of->dim[0].n;
    dim[n++] = width ? width : (E->standin += 4);
    cx_array_row_major(&x, n, dim);
  }
  cx_dim names[2] = {{0, one ? c->of->name : c->of->dim[0].name}, {0, NULL}};
  if (one && !sequence) names[0].name = NULL;
  if (cut && x.dim[0] > E->m->rows)
    E->m->rows = x.dim[0], E->m->rows_name = c->of->name; /* batches are made of pieces */
  cx_val r =
      cx_v_given(E, cx_intern_z(E->ctx, cx_format(E->arena, "%s(%s)", c->x->name, c->of->name)), &x, names, c->x->span);
  cx_given *g = &E->given.at[E->given.n - 1];
  g->decl = (int)(c->of - E->decl) + 1;
  g->unit = (int)c->opt.unit;
  g->vocab = v;
  cx_eq *e = E->g->eq[g->eq];
  if (sequence) {
    e->integer = true;
    e->lo = 0;
    e->hi = !v && needs ? (double)(E->standin += 4)
                        : (double)(c->opt.unit == UNIT_BYTES ? 255 : cx_text_classes(&c->opt, v) - 1);
  }
  return r;
}

cx_val cx_elab_text(cx_elab *E, const cx_ast *x) {
  call c = {.E = E, .x = x};
  while (c.f < FUNCTIONS && strcmp(functions[c.f].name, x->name)) c.f++;
  if (c.f == FUNCTIONS) {
    int id = cx_error(E->ctx, x->span, "`text` is something to print: print text(%s)",
                      x->nkid ? cx_ast_text(E->arena, x->kid[0]) : "s, c");
    cx_diag_help(E->ctx, id, "equations hold numbers");
    return cx_v_bad(x->span);
  }
  c.opt = (cx_text_opt){functions[c.f].unit, functions[c.f].what != SEQUENCE, 1, 0, 1};
  if (!x->nkid || !(c.of = c.like = texts(E, x->kid[0], x->name))) {
    if (!x->nkid) cx_error(E->ctx, x->span, "`%s` takes data declared as text", x->name);
    return cx_v_bad(x->span);
  }
  if (!options(&c)) return cx_v_bad(x->span);
  return value(&c);
}

/* ---- text(s, c): numbers of a sequence c said as text ---- */
static const cx_given *sequence_of(cx_elab *E, uint32_t eq) {
  for (int depth = 0; depth < 8 && eq != CX_NO_EQ; depth++) {
    for (int k = 0; k < E->given.n; k++)
      if (E->given.at[k].eq == eq && E->given.at[k].decl && E->g->eq[eq]->integer) return &E->given.at[k];
    const cx_eq *e = E->g->eq[eq]; /* c = characters(corpus) */
    if (e->kind != EQ_CALC || !e->body || e->body->op != OP_load) return NULL;
    eq = e->body->u.eq;
  }
  return NULL;
}

bool cx_text_query(cx_elab *E, const cx_ast *x, cx_query *q) {
  if (x->kind != A_CALL || strcmp(x->name, "text") || cx_lookup_env(E, x->name, true)) return false;
  if (x->nkid != 2) {
    int id = cx_error(E->ctx, x->span, "`text` takes numbers, and the sequence that they are of");
    cx_diag_help(E->ctx, id, "c = characters(corpus); print text(c, c)");
    return true;
  }
  cx_val v = cx_elab_expr(E, x->kid[0]), c = cx_elab_expr(E, x->kid[1]);
  if (v.bad || c.bad) return true;
  const cx_given *g = c.e->op == OP_load ? sequence_of(E, c.e->u.eq) : NULL;
  if (!g || v.rank > 2) {
    cx_error(E->ctx, g ? x->kid[0]->span : x->kid[1]->span,
             g ? "text has one dimension, or is a list" : "this is no sequence of bytes, characters, words or tokens");
    return true;
  }
  cx_v_store(E, v, NULL, &q->eq);
  q->spoken = true;
  q->unit = g->unit;
  q->vocab = g->vocab;
  return true;
}

bool cx_text_classes_of(cx_elab *E, uint32_t eq, double *n) {
  const cx_given *g = sequence_of(E, eq);
  if (!g) return false;
  *n = E->g->eq[g->eq]->hi + 1;
  return true;
}
