/* pool.c - a pool of threads. Tasks are handed out by one counter. Both sides wait awake at first, for a task may take
 * microseconds; then helpers sleep, and the caller leaves its core to those that still work. */
#include "run/pool.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPIN = 4000 };

struct cx_pool {
  int threads;
  pthread_t *thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  atomic_flag busy;
  atomic_uint round; /* grows by one with every job */
  atomic_int idle;   /* helpers that are done with this round */
  atomic_int_fast64_t next;
  int64_t n;
  cx_task fn;
  void *user;
  bool stop;
};
typedef struct {
  cx_pool *p;
  int id;
} helper;

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

int cx_cores(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (int)n : 1;
}
int cx_pool_threads(const cx_pool *p) { return p ? p->threads : 1; }

static void work(cx_pool *p, int id) {
  for (int64_t k; (k = atomic_fetch_add(&p->next, 1)) < p->n;) p->fn(p->user, id, k);
}

static void *run(void *arg) {
  helper h = *(helper *)arg;
  free(arg);
  cx_pool *p = h.p;
  for (unsigned seen = 0;; seen++) {
    for (int k = 0; k < SPIN && atomic_load(&p->round) == seen; k++) relax();
    if (atomic_load(&p->round) == seen) {
      pthread_mutex_lock(&p->lock);
      while (atomic_load(&p->round) == seen) pthread_cond_wait(&p->wake, &p->lock);
      pthread_mutex_unlock(&p->lock);
    }
    if (p->stop) return NULL;
    work(p, h.id);
    atomic_fetch_add(&p->idle, 1);
  }
}

static void start(cx_pool *p) {
  pthread_mutex_lock(&p->lock);
  atomic_fetch_add(&p->round, 1);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->lock);
}

cx_pool *cx_pool_new(int threads) {
  if (threads <= 1) return NULL;
  cx_pool *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->thread = calloc((size_t)threads, sizeof *p->thread);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->wake, NULL);
  atomic_flag_clear(&p->busy);
  p->threads = 1;
  for (int k = 1; p->thread && k < threads; k++) {
    helper *h = malloc(sizeof *h);
    if (!h) break;
    *h = (helper){p, k};
    if (pthread_create(&p->thread[k], NULL, run, h)) {
      free(h);
      break;
    }
    p->threads++;
  }
  return p;
}

void cx_pool_free(cx_pool *p) {
  if (!p) return;
  p->stop = true;
  start(p);
  for (int k = 1; k < p->threads; k++) pthread_join(p->thread[k], NULL);
  pthread_cond_destroy(&p->wake);
  pthread_mutex_destroy(&p->lock);
  free(p->thread);
  free(p);
}

void cx_pool_run(cx_pool *p, int64_t n, cx_task fn, void *user) {
  if (!p || p->threads == 1 || n < 2 || atomic_flag_test_and_set(&p->busy)) {
    for (int64_t k = 0; k < n; k++) fn(user, 0, k);
    return;
  }
  p->n = n, p->fn = fn, p->user = user;
  atomic_store(&p->idle, 0);
  atomic_store(&p->next, 0);
  start(p);
  work(p, 0);
  for (int k = 0; atomic_load(&p->idle) < p->threads - 1; k++)
    if (k < SPIN) relax();
    else sched_yield(), k = SPIN;
  atomic_flag_clear(&p->busy);
}
