/* vocab.h - text as numbers: its units, the vocabulary of those that occur, sequences and counts of them. */
#ifndef CX_VOCAB_H
#define CX_VOCAB_H
#include "data/data.h"

typedef enum { UNIT_BYTES, UNIT_CHARACTERS, UNIT_WORDS, UNIT_TOKENS } cx_unit;
typedef struct {
  cx_unit unit;
  bool features; /* as counts take them: lower case, words of two letters and more, runs of white space are one blank;
                          else as a sequence reads them: words in lower case and what stands between them */
  int ngrams;    /* of features: runs of 1 up to so many units */
  int64_t most,
      least; /* units kept: at most so many, the most frequent, that so many texts have; tokens: at most `most` */
} cx_text_opt;

/* The units that a text is said in. They are sorted by their characters' numbers. */
typedef struct cx_vocab {
  const char *key;         /* what it is of, as the model file has it */
  const void *of;          /* the texts it was made from; NULL: a model file */
  const char *const *word; /* n of them; tokens: none */
  int n;
  const double *idf;    /* by word: log((1 + texts) / (1 + texts that have it)) + 1 */
  const int32_t *merge; /* tokens: pairs of numbers; the k-th is token 256 + k */
  int nmerge;
  struct cx_dictionary *index;
} cx_vocab;

typedef struct { /* the texts of a declaration, and where errors about them point */
  cx_ctx *c;
  const cx_decl *d;
} cx_texts;

/* all throw CX_E_DATA: bytes that are no UTF-8, no unit at all; results live in a */
cx_vocab *cx_vocab_build(cx_arena *a, cx_texts t, const cx_text_opt *o);
void cx_vocab_index(cx_arena *a, cx_vocab *v); /* of a vocabulary that was read */
/* Numbers of the units in their order: [texts, length], one text: [length]. length 0: as long as the longest. Bytes and
 * tokens: a byte is itself; else 1 + its number. 0: the text has ended, or the vocabulary does not have it. */
cx_array cx_text_sequence(cx_arena *a, cx_texts t, const cx_text_opt *o, const cx_vocab *v, int64_t length);
int64_t cx_text_classes(const cx_text_opt *o, const cx_vocab *v); /* how many numbers there are, 0 included */
typedef enum { TEXT_COUNTS, TEXT_TFIDF, TEXT_HASHED } cx_text_weight;
/* [texts, words] or, hashed, [texts, size]; tf-idf: counts times idf, each row of length 1 */
cx_array cx_text_features(cx_arena *a, cx_texts t, const cx_text_opt *o, const cx_vocab *v, cx_text_weight w,
                          int64_t size);
/* how many units of a sequence the vocabulary does not have, of how many, and the first of them (NULL: none) */
int64_t cx_text_unknown(cx_arena *a, cx_texts t, const cx_text_opt *o, const cx_vocab *v, int64_t *all,
                        const char **first);
/* what a number of a sequence stands for; *n: bytes; v may be NULL of bytes */
const char *cx_text_unit(cx_arena *a, cx_unit unit, const cx_vocab *v, int64_t id, size_t *n);

/* ---- between text_unit.c, vocab.c and text_bpe.c ---- */
typedef struct {
  uint32_t beg, end; /* of cx_units.text */
} cx_piece;
typedef struct {
  cx_buf text; /* lower case, blanks between words: a run of units is a run of its bytes */
  CX_VEC(cx_piece) at;
} cx_units;
/* the units of the k-th text, in place of those before */
void cx_text_split(cx_units *u, cx_texts t, int64_t k, const cx_text_opt *o);
int64_t cx_text_count(cx_texts t);
const char *cx_text_at(cx_texts t, int64_t k);
_Noreturn void cx_text_fail(cx_texts t, int64_t k, const char *byte, const char *help, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

typedef struct {
  const char *s;
  uint32_t n, hash;
  int32_t id; /* in the order of appearance */
} cx_entry;
typedef struct cx_dictionary {
  cx_arena *arena;
  cx_entry *at;
  size_t cap; /* a power of two */
  int n;
} cx_dictionary;
/* the entry of s[0..n), made when add; NULL: there is none */
cx_entry *cx_dictionary_at(cx_dictionary *d, const char *s, size_t n, bool add);

void cx_bpe_train(cx_arena *a, cx_texts t, int64_t size, cx_vocab *v);
/* the numbers of the k-th text's tokens, in place of those before */
typedef struct {
  int32_t *at;
  int n, cap;
} cx_ids;
typedef struct cx_bpe cx_bpe;
cx_bpe *cx_bpe_new(cx_arena *a, const cx_vocab *v);
void cx_bpe_encode(cx_bpe *b, cx_texts t, int64_t k, cx_ids *ids);
#endif
