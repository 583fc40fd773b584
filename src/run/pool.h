/* pool.h - threads that wait for work: a short spin, then asleep. */
#ifndef CX_POOL_H
#define CX_POOL_H
#include <stdint.h>

typedef struct cx_pool cx_pool;
typedef void (*cx_task)(void *user, int thread, int64_t task);
int cx_cores(void);
cx_pool *cx_pool_new(int threads); /* the caller is one of them; NULL when there is none to add or no memory */
void cx_pool_free(cx_pool *p);
/* fn for task 0..n-1, in any order, thread < threads. A pool that is in use, or NULL: the caller does them all. */
void cx_pool_run(cx_pool *p, int64_t n, cx_task fn, void *user);
int cx_pool_threads(const cx_pool *p);
#endif
