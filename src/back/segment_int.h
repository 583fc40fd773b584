/* segment_int.h - what the parts of segment.c share: the plan of a graph in segments of time, and its scratch. */
#ifndef CX_SEGMENT_INT_H
#define CX_SEGMENT_INT_H
#include "back/segment.h"

#define LEAST_STEPS 1000      /* a shorter recurrence is not worth it */
#define LEAST_BYTES (1 << 25) /* nor less memory */
#define MOST_HALO   64        /* steps back that a segment may look */
#define TIME        31        /* the slot that stands for the segment's start while bodies are rewritten */

enum { BEFORE, UP, MIDDLE, DOWN, AFTER, PHASES };

typedef struct {
  int axis; /* slot of time: below rank, a sequence; else a reduction over time; -1: neither */
  int phase;
  int64_t shift;
  bool keep;     /* a sequence with rows that the next segment reads */
  bool value;    /* no sequence, read by a later phase or by the caller */
  bool guard;    /* a sequence whose elements outside its own time are read, and must be 0 */
  bool vanish;   /* a reduction whose terms are 0 outside its time by themselves */
  int32_t local; /* the equation that computes it, in its phase's graph */
  int32_t input; /* carry of a sequence, value of the rest: the input that brings it from elsewhere */
  int32_t edge;  /* keep: the rows for the next segment */
} fact;

typedef struct {
  uint32_t eq;
  int dim;
  int64_t lo, hi;
  uint32_t input;
} slice; /* elements start + lo .. start + hi + B - 1 */

typedef struct {
  cx_exec *exec;
  uint32_t *in, *out;
  int nin, nout;
  int *constant;
  int nconstant;
} part;

struct cx_segments {
  cx_ctx *ctx;
  cx_arena *a;
  cx_graph *g; /* the graph and the equations of its segments */
  const cx_exec_opt *opt;
  cx_exec_opt sub;
  int neq; /* equations of the graph itself */
  fact *fact;
  int ncomp;
  cx_comp *comp;
  int *comp_of;
  int64_t T, B, count; /* times, steps a segment, segments */
  int64_t back, ahead; /* halo of what runs up, of what runs down */
  uint32_t start;      /* input: the segment's first time */
  CX_VEC(slice) slice;
  int *number; /* by equation: which constant or variable input of the caller, -1 */
  cx_array *constant;
  int nconstant, nin;
  part part[PHASES];
  bool failed, changed;
  const cx_eq *at; /* equation that is looked at */
};

struct cx_seg_work {
  void **buf; /* by equation: inputs and outputs of the parts */
  cx_work *work[PHASES];
  char **check; /* by equation: carries of all segments */
  const void **in;
  void **out;
};

static inline bool sequence(const cx_segments *s, uint32_t e) {
  return s->fact[e].axis >= 0 && s->fact[e].axis < s->g->eq[e]->rank;
}
static inline bool reduction(const cx_segments *s, uint32_t e) {
  return s->fact[e].axis >= s->g->eq[e]->rank && s->fact[e].axis >= 0;
}
static inline int64_t length(const cx_segments *s, uint32_t e) {
  const cx_eq *q = s->g->eq[e];
  int k = s->fact[e].axis;
  return cx_extent(q, k);
}
/* times a value is known: BEFORE for inputs, after its phase for a reduction over time */
static inline int known(const cx_segments *s, uint32_t e) { return s->fact[e].phase + reduction(s, e); }

/* In a local array time runs from start - back for what runs up, from start for what runs down (and `ahead` further).
 * Element i of e is at its local index plus start plus offset(e). */
static inline bool with_halo(const cx_segments *s, uint32_t e) { return sequence(s, e) && s->fact[e].phase == UP; }
static inline int64_t offset(const cx_segments *s, uint32_t e) {
  return -s->fact[e].shift - (with_halo(s, e) ? s->back : 0);
}

/* is this subscript slot + c? slot -1: which slot is it; -2 in *slot: it is a constant */
bool cx_seg_follows(const cx_node *sub, int *slot, int64_t *c);
void cx_seg_equations(cx_segments *s); /* segment_eq.c: the equations of a segment, once the plan stands */
#endif
