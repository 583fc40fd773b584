/* text_bpe.c - byte pair encoding (Sennrich, Haddow, Birch 2016, section 3.2, over bytes as in GPT-2): the pair of neighbours
 * that occurs most often becomes a token of its own, again and again. Text is cut beforehand into words, each with the
 * blank in front of it, runs of other characters, and white space; no token crosses such a cut. Of pairs that occur
 * equally often the one of smaller numbers is taken. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "data/vocab.h"

/* the end of the piece that begins at s; bytes beyond ASCII count as letters */
static bool letter(char c) { return isalnum((unsigned char)c) || (unsigned char)c >= 128; }
static bool white(char c) { return c == ' ' || (c >= 9 && c <= 13); }
static const char *piece_end(const char *s, const char *end) {
  const char *p = s;
  if (*p == ' ' && p + 1 < end && !white(p[1])) p++;
  if (white(*p)) {
    while (p < end && white(*p)) p++;
    return p < end && p - s > 1 && p[-1] == ' ' ? p - 1 : p; /* the last blank belongs to what follows */
  }
  bool is = letter(*p);
  while (p < end && !white(*p) && letter(*p) == is) p++;
  return p;
}

/* ---- pairs of tokens: an open hash table ---- */
typedef struct {
  int32_t x, y;
  int64_t count;
  int32_t token; /* + 1; 0: no merge */
} pair;
typedef struct {
  cx_arena *arena;
  pair *at;
  size_t cap, n;
} pairs;
static size_t place(const pairs *t, int32_t x, int32_t y) {
  uint64_t h = ((uint64_t)(uint32_t)x << 32 | (uint32_t)y) * 0x9E3779B97F4A7C15u;
  size_t at = (size_t)(h >> 20) & (t->cap - 1);
  while (t->at[at].x >= 0 && (t->at[at].x != x || t->at[at].y != y)) at = (at + 1) & (t->cap - 1);
  return at;
}
static pair *pair_at(pairs *t, int32_t x, int32_t y, bool add) {
  if (add && t->n * 2 >= t->cap) {
    pairs old = *t;
    t->cap = old.cap ? 2 * old.cap : 4096;
    t->at = CX_NEW_N(t->arena, pair, t->cap);
    for (size_t k = 0; k < t->cap; k++) t->at[k].x = -1;
    for (size_t k = 0; k < old.cap; k++)
      if (old.at[k].x >= 0) t->at[place(t, old.at[k].x, old.at[k].y)] = old.at[k];
  }
  if (!t->cap) return NULL;
  pair *p = &t->at[place(t, x, y)];
  if (p->x >= 0) return p;
  if (!add) return NULL;
  *p = (pair){x, y, 0, 0};
  t->n++;
  return p;
}

/* ---- training ---- */
typedef struct {
  int32_t *id;
  int n;
  int64_t count;
} word;

static int join(int32_t *id, int n, int32_t x, int32_t y, int32_t token) {
  int m = 0;
  for (int i = 0; i < n; i++) {
    bool both = i + 1 < n && id[i] == x && id[i + 1] == y;
    id[m++] = both ? token : id[i];
    i += both;
  }
  return m;
}

static void count(pairs *t, const word *w, int sign) {
  for (int i = 0; i + 1 < w->n; i++) pair_at(t, w->id[i], w->id[i + 1], true)->count += sign * w->count;
}

static void train(cx_arena *a, cx_arena *scratch, cx_texts t, int64_t size, cx_vocab *v) {
  cx_dictionary d = {.arena = scratch};
  CX_VEC(word) words = {0};
  for (int64_t k = 0; k < cx_text_count(t); k++) {
    const char *s = cx_text_at(t, k), *end = s + strlen(s);
    for (const char *q; s < end; s = q) {
      q = piece_end(s, end);
      cx_entry *e = cx_dictionary_at(&d, s, (size_t)(q - s), true);
      if (e->id == words.n) {
        CX_PUSH(scratch, words);
        words.at[e->id] = (word){CX_NEW_N(scratch, int32_t, e->n), (int)e->n, 0};
        for (uint32_t i = 0; i < e->n; i++) words.at[e->id].id[i] = (unsigned char)e->s[i];
      }
      words.at[e->id].count++;
    }
  }
  if (!words.n) cx_text_fail(t, -1, NULL, NULL, "it is empty: there is nothing to read");
  pairs table = {.arena = scratch};
  for (int k = 0; k < words.n; k++) count(&table, &words.at[k], 1);
  int most = size > 256 ? (int)(size - 256) : 0;
  int32_t *merge = CX_NEW_N(a, int32_t, 2 * most + 1);
  int n = 0;
  while (n < most) {
    const pair *best = NULL;
    for (size_t k = 0; k < table.cap; k++) {
      const pair *p = &table.at[k];
      if (p->x < 0 || p->count < 2) continue;
      bool better = !best || p->count > best->count ||
                    (p->count == best->count && (p->x < best->x || (p->x == best->x && p->y < best->y)));
      if (better) best = p;
    }
    if (!best) break; /* every piece is a token */
    int32_t x = best->x, y = best->y;
    merge[2 * n] = x, merge[2 * n + 1] = y;
    for (int k = 0; k < words.n; k++) {
      word *w = &words.at[k];
      bool has = false;
      for (int i = 0; i + 1 < w->n && !has; i++) has = w->id[i] == x && w->id[i + 1] == y;
      if (!has) continue;
      count(&table, w, -1);
      w->n = join(w->id, w->n, x, y, 256 + n);
      count(&table, w, 1);
    }
    n++;
  }
  v->merge = merge;
  v->nmerge = n;
}

void cx_bpe_train(cx_arena *a, cx_texts t, int64_t size, cx_vocab *v) {
  cx_arena *scratch = cx_arena_new(t.c);
  train(a, scratch, t, size, v);
  cx_arena_free(scratch);
}

/* ---- encoding: of the pairs in a piece, the one that was merged first; a piece seen before is remembered ---- */
struct cx_bpe {
  cx_arena *arena;
  pairs merges;
  cx_dictionary known;
  CX_VEC(cx_piece) code; /* by piece: its part of ids */
  cx_ids ids;
};

cx_bpe *cx_bpe_new(cx_arena *a, const cx_vocab *v) {
  cx_bpe *b = CX_NEW(a, cx_bpe);
  b->arena = b->merges.arena = b->known.arena = a;
  for (int k = 0; k < v->nmerge; k++)
    pair_at(&b->merges, v->merge[2 * k], v->merge[2 * k + 1], true)->token = 256 + k + 1;
  return b;
}

static int encode(cx_bpe *b, int32_t *id, int n) {
  for (;;) {
    const pair *first = NULL;
    for (int i = 0; i + 1 < n; i++) {
      const pair *p = pair_at(&b->merges, id[i], id[i + 1], false);
      if (p && (!first || p->token < first->token)) first = p;
    }
    if (!first) return n;
    n = join(id, n, first->x, first->y, first->token - 1);
  }
}

void cx_bpe_encode(cx_bpe *b, cx_texts t, int64_t k, cx_ids *ids) {
  const char *s = cx_text_at(t, k), *end = s + strlen(s);
  ids->n = 0;
  for (const char *q; s < end; s = q) {
    q = piece_end(s, end);
    cx_entry *e = cx_dictionary_at(&b->known, s, (size_t)(q - s), true);
    if (e->id == b->code.n) {
      int32_t *id = CX_NEW_N(b->arena, int32_t, e->n);
      for (uint32_t i = 0; i < e->n; i++) id[i] = (unsigned char)e->s[i];
      int n = encode(b, id, (int)e->n);
      CX_PUSH(b->arena, b->code);
      b->code.at[e->id] = (cx_piece){(uint32_t)b->ids.n, (uint32_t)(b->ids.n + n)};
      for (int i = 0; i < n; i++) *CX_PUSH(b->arena, b->ids) = id[i];
    }
    for (uint32_t i = b->code.at[e->id].beg; i < b->code.at[e->id].end; i++) *CX_PUSH(b->arena, *ids) = b->ids.at[i];
  }
}
