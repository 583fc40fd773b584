/* segment.h - graphs with long recurrences, run in segments of time (segment.c). Part of tier 0. */
#ifndef CX_SEGMENT_H
#define CX_SEGMENT_H
#include "back/back.h"

typedef struct cx_segments cx_segments;
typedef struct cx_seg_work cx_seg_work;
/* NULL where nothing is to be gained: no long recurrence, little memory, or a graph that is not of the form */
cx_segments *cx_segments_new(cx_arena *a, const cx_graph *g, const cx_array *constant, const cx_exec_opt *opt);
cx_seg_work *cx_seg_work_new(cx_arena *a, const cx_segments *s);
int cx_segments_run(const cx_segments *s, cx_seg_work *w, const void *const *in, void *const *out, const char **why);
void cx_segments_rebind(cx_segments *s, int k, const cx_array *a);
size_t cx_segments_bytes(const cx_segments *s);
char *cx_segments_text(const cx_segments *s, cx_arena *a);
#endif
