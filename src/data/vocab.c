/* vocab.c - which units there are; texts as sequences and as counts of them. */
#include "data/vocab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a dictionary: bytes to numbers, open addressing ---- */
static uint32_t hash_of(const char *s, size_t n) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
  return h;
}

static size_t slot(const cx_dictionary *d, const char *s, size_t n, uint32_t hash) {
  size_t at = hash & (d->cap - 1);
  while (d->at[at].s && (d->at[at].hash != hash || d->at[at].n != n || memcmp(d->at[at].s, s, n)))
    at = (at + 1) & (d->cap - 1);
  return at;
}

cx_entry *cx_dictionary_at(cx_dictionary *d, const char *s, size_t n, bool add) {
  uint32_t hash = hash_of(s, n);
  if (!d->cap && !add) return NULL;
  if (add && (size_t)d->n * 2 >= d->cap) {
    cx_dictionary old = *d;
    d->cap = old.cap ? 2 * old.cap : 1024;
    d->at = CX_NEW_N(d->arena, cx_entry, d->cap);
    for (size_t k = 0; k < old.cap; k++)
      if (old.at[k].s) d->at[slot(d, old.at[k].s, old.at[k].n, old.at[k].hash)] = old.at[k];
  }
  cx_entry *e = &d->at[slot(d, s, n, hash)];
  if (e->s) return e;
  if (!add) return NULL;
  *e = (cx_entry){cx_strdup(d->arena, s, n), (uint32_t)n, hash, d->n++};
  return e;
}

/* ---- vocabularies ---- */
typedef struct {
  const char *s;
  int64_t total, texts, last; /* last: text that it was seen in */
} tally;
static int by_total(const void *x, const void *y) { /* most frequent first, then by name */
  const tally *a = x, *b = y;
  return a->total != b->total ? (a->total < b->total) - (a->total > b->total) : strcmp(a->s, b->s);
}
static int by_name(const void *x, const void *y) { return strcmp(((const tally *)x)->s, ((const tally *)y)->s); }

static const char *unit_names(cx_unit u) {
  static const char *const name[] = {"bytes", "characters", "words", "tokens"};
  return name[u];
}

static size_t run_length(const cx_units *u, int from, int n) { return u->at.at[from + n - 1].end - u->at.at[from].beg; }

void cx_vocab_index(cx_arena *a, cx_vocab *v) {
  v->index = CX_NEW(a, cx_dictionary);
  v->index->arena = a;
  for (int k = 0; k < v->n; k++) cx_dictionary_at(v->index, v->word[k], strlen(v->word[k]), true)->id = k;
}

static void choose(cx_arena *a, cx_arena *scratch, cx_texts t, const cx_text_opt *o, cx_vocab *v) {
  cx_units u = {.text.arena = scratch};
  cx_dictionary d = {.arena = scratch};
  CX_VEC(tally) seen = {0};
  int64_t texts = cx_text_count(t);
  for (int64_t k = 0; k < texts; k++) {
    cx_text_split(&u, t, k, o);
    for (int n = 1; n <= o->ngrams; n++)
      for (int i = 0; i + n <= u.at.n; i++) {
        cx_entry *e = cx_dictionary_at(&d, u.text.at + u.at.at[i].beg, run_length(&u, i, n), true);
        if (e->id == seen.n) {
          CX_PUSH(scratch, seen);
          seen.at[e->id] = (tally){e->s, 0, 0, -1};
        }
        tally *c = &seen.at[e->id];
        c->total++;
        c->texts += c->last != k;
        c->last = k;
      }
  }
  int n = 0;
  for (int k = 0; k < seen.n; k++)
    if (seen.at[k].texts >= o->least) seen.at[n++] = seen.at[k];
  if (!n)
    cx_text_fail(
        t, -1, NULL, seen.n ? "lower `least`" : NULL, "its %lld text%s no %s%s", (long long)texts,
        texts == 1 ? " has" : "s have", unit_names(o->unit),
        seen.n ? cx_format(scratch, " that %lld texts share", (long long)o->least) : ": there is nothing to count");
  if (o->most > 0 && n > o->most) {
    qsort(seen.at, (size_t)n, sizeof *seen.at, by_total);
    n = (int)o->most;
  }
  qsort(seen.at, (size_t)n, sizeof *seen.at, by_name);
  const char **word = CX_NEW_N(a, const char *, n);
  double *idf = CX_NEW_N(a, double, n);
  for (int k = 0; k < n; k++) {
    word[k] = cx_strdup(a, seen.at[k].s, strlen(seen.at[k].s));
    idf[k] = log((1 + (double)texts) / (1 + (double)seen.at[k].texts)) + 1;
  }
  v->word = word, v->idf = idf, v->n = n;
  cx_vocab_index(a, v);
}

cx_vocab *cx_vocab_build(cx_arena *a, cx_texts t, const cx_text_opt *o) {
  cx_vocab *v = CX_NEW(a, cx_vocab);
  v->of = t.d->array.text;
  if (o->unit == UNIT_BYTES && !o->features) return v;
  if (o->unit == UNIT_TOKENS) {
    cx_bpe_train(a, t, o->most, v);
    return v;
  }
  cx_arena *scratch = cx_arena_new(t.c);
  choose(a, scratch, t, o, v);
  cx_arena_free(scratch);
  return v;
}

/* ---- sequences ---- */
int64_t cx_text_classes(const cx_text_opt *o, const cx_vocab *v) {
  return o->unit == UNIT_BYTES ? 256 : o->unit == UNIT_TOKENS ? 256 + v->nmerge : v->n + 1;
}

typedef struct {
  cx_units u;
  cx_bpe *bpe;
  cx_ids ids;
} reading;

static void numbers(reading *r, cx_texts t, int64_t k, const cx_text_opt *o, const cx_vocab *v) {
  r->ids.n = 0;
  if (o->unit == UNIT_TOKENS) {
    cx_bpe_encode(r->bpe, t, k, &r->ids);
    return;
  }
  cx_text_split(&r->u, t, k, o);
  for (int i = 0; i < r->u.at.n; i++) {
    const char *s = r->u.text.at + r->u.at.at[i].beg;
    const cx_entry *e = o->unit == UNIT_BYTES ? NULL : cx_dictionary_at(v->index, s, run_length(&r->u, i, 1), false);
    *CX_PUSH(r->u.text.arena, r->ids) = o->unit == UNIT_BYTES ? (unsigned char)*s : e ? e->id + 1 : 0;
  }
}

static cx_array sequence(cx_arena *a, cx_arena *scratch, cx_texts t, const cx_text_opt *o, const cx_vocab *v,
                         int64_t length) {
  reading r = {.u.text.arena = scratch};
  if (o->unit == UNIT_TOKENS) r.bpe = cx_bpe_new(scratch, v);
  int64_t texts = cx_text_count(t);
  for (int64_t k = 0, longest = 0; k < texts && length <= 0; k++) { /* how long is the longest? */
    numbers(&r, t, k, o, v);
    if (r.ids.n > longest) longest = r.ids.n;
    if (k + 1 == texts) length = longest ? longest : -1;
  }
  if (length <= 0) cx_text_fail(t, -1, NULL, NULL, "it is empty: there is nothing to read");
  int64_t dim[2] = {texts, length};
  size_t size;
  if (length > INT32_MAX || __builtin_mul_overflow((size_t)texts, (size_t)length, &size))
    cx_text_fail(t, -1, NULL, "give a smaller length", "its numbers have no place in memory");
  int32_t *p = CX_NEW_N(a, int32_t, size);
  for (int64_t k = 0; k < texts; k++) {
    numbers(&r, t, k, o, v);
    for (int i = 0; i < r.ids.n && i < length; i++) p[k * length + i] = r.ids.at[i];
  }
  cx_array x = {.type = CX_I32, .data = p};
  if (t.d->array.rank) cx_array_row_major(&x, 2, dim);
  else cx_array_row_major(&x, 1, dim + 1);
  return x;
}

/* ---- counts ---- */
static cx_array features(cx_arena *a, cx_arena *scratch, cx_texts t, const cx_text_opt *o, const cx_vocab *v,
                         cx_text_weight w, int64_t size) {
  cx_units u = {.text.arena = scratch};
  int64_t texts = cx_text_count(t), n = w == TEXT_HASHED ? size : v->n;
  bool weighed = w == TEXT_TFIDF; /* counts are whole: a float holds them */
  cx_array x = {.type = weighed ? CX_F64 : CX_F32};
  void *all = cx_alloc_n(a, (size_t)texts, (size_t)n * cx_dtype_size[x.type]);
  double *row = CX_NEW_N(scratch, double, n);
  for (int64_t k = 0; k < texts; k++) {
    double sum = 0;
    memset(row, 0, (size_t)n * sizeof *row);
    cx_text_split(&u, t, k, o);
    for (int m = 1; m <= o->ngrams; m++)
      for (int i = 0; i + m <= u.at.n; i++) {
        const char *s = u.text.at + u.at.at[i].beg;
        size_t len = run_length(&u, i, m);
        const cx_entry *e = w == TEXT_HASHED ? NULL : cx_dictionary_at(v->index, s, len, false);
        if (w == TEXT_HASHED) row[hash_of(s, len) % (uint64_t)n]++;
        else if (e) row[e->id]++;
      }
    if (!weighed) {
      float *to = (float *)all + k * n;
      for (int64_t j = 0; j < n; j++) to[j] = (float)row[j];
      continue;
    }
    double *to = (double *)all + k * n;
    for (int64_t j = 0; j < n; j++) row[j] *= v->idf[j], sum += row[j] * row[j];
    for (int64_t j = 0; j < n; j++) to[j] = sum > 0 ? row[j] / sqrt(sum) : 0;
  }
  x.data = all;
  int64_t dim[2] = {texts, n};
  if (t.d->array.rank) cx_array_row_major(&x, 2, dim);
  else cx_array_row_major(&x, 1, dim + 1);
  return x;
}

cx_array cx_text_sequence(cx_arena *a, cx_texts t, const cx_text_opt *o, const cx_vocab *v, int64_t length) {
  cx_arena *scratch = cx_arena_new(t.c);
  cx_array x = sequence(a, scratch, t, o, v, length);
  cx_arena_free(scratch);
  return x;
}

cx_array cx_text_features(cx_arena *a, cx_texts t, const cx_text_opt *o, const cx_vocab *v, cx_text_weight w,
                          int64_t size) {
  cx_arena *scratch = cx_arena_new(t.c);
  cx_array x = features(a, scratch, t, o, v, w, size);
  cx_arena_free(scratch);
  return x;
}

int64_t cx_text_unknown(cx_arena *a, cx_texts t, const cx_text_opt *o, const cx_vocab *v, int64_t *all,
                        const char **first) {
  int64_t unknown = 0;
  cx_units u = {.text.arena = a};
  *all = 0;
  *first = NULL;
  for (int64_t k = 0; k < cx_text_count(t) && v->index; k++) {
    cx_text_split(&u, t, k, o);
    *all += u.at.n;
    for (int i = 0; i < u.at.n; i++) {
      const char *s = u.text.at + u.at.at[i].beg;
      size_t n = run_length(&u, i, 1);
      if (cx_dictionary_at(v->index, s, n, false)) continue;
      if (!unknown++) *first = cx_strdup(a, s, n);
    }
  }
  return unknown;
}

const char *cx_text_unit(cx_arena *a, cx_unit unit, const cx_vocab *v, int64_t id, size_t *n) {
  *n = 0;
  if (unit == UNIT_BYTES || unit == UNIT_TOKENS) {
    if (id <= 0 || id >= 256 + (v ? v->nmerge : 0)) return "";
    if (id < 256) {
      char c = (char)id;
      *n = 1;
      return cx_strdup(a, &c, 1);
    }
    size_t p, q;
    const char *x = cx_text_unit(a, unit, v, v->merge[2 * (id - 256)], &p),
               *y = cx_text_unit(a, unit, v, v->merge[2 * (id - 256) + 1], &q);
    char *s = cx_alloc(a, p + q + 1);
    memcpy(s, x, p);
    memcpy(s + p, y, q);
    *n = p + q;
    return s;
  }
  if (!v || id <= 0 || id > v->n) return "";
  *n = strlen(v->word[id - 1]);
  return v->word[id - 1];
}
