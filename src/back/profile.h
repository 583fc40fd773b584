/* profile.h - private to tier 0: times of instructions. */
#ifndef CX_PROFILE_H
#define CX_PROFILE_H
#include "back/exec.h"

typedef struct cx_profile cx_profile;
struct cx_tally {
  int64_t ns, runs, lanes, terms;
};
/* counters of one thread, by kernel and instruction, one more for what is around them; NULL: nothing is measured */
cx_tally **cx_profile_of(const cx_exec *x);
int64_t cx_profile_spent(void);    /* ns of this thread so far, by a slow clock */
void cx_profile_begin(cx_lap *l);  /* the first lap */
int64_t cx_profile_lap(cx_lap *l); /* ns of this thread since the lap before */
#endif
