/* pool.h - memory of the fuzz targets: blocks are kept between executions, as the sanitizer's malloc costs more than most
 * inputs do. Free blocks are poisoned, every block ends where it was asked to, and what one execution does not give back
 * is a leak. */
#ifndef POOL_H
#define POOL_H
#include "base/base.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_CLASSES = 14, POOL_SMALLEST = 7, POOL_MARGIN = 64, POOL_KEPT = 32 };
static void *pool_kept[POOL_CLASSES][POOL_KEPT];
static int pool_count[POOL_CLASSES];
static long pool_live;

/* blocks of 2^(POOL_SMALLEST + class) bytes, the margin included; larger ones are malloc's */
static int pool_class(size_t n) {
  int k = 0;
  while (k < POOL_CLASSES && ((size_t)1 << (POOL_SMALLEST + k)) < n + POOL_MARGIN) k++;
  return k;
}

static void *pool_get(size_t n) {
  int k = pool_class(n);
  size_t room = (size_t)1 << (POOL_SMALLEST + k);
  char *p = k < POOL_CLASSES && pool_count[k] ? pool_kept[k][--pool_count[k]] : malloc(k < POOL_CLASSES ? room : n);
  if (!p) return NULL;
  pool_live++;
  if (k < POOL_CLASSES) {
    ASAN_POISON_MEMORY_REGION(p, room);
    ASAN_UNPOISON_MEMORY_REGION(p, n);
  }
  return p;
}

static void pool_put(void *p, size_t n) {
  int k = pool_class(n);
  size_t room = (size_t)1 << (POOL_SMALLEST + k);
  pool_live--;
  if (k < POOL_CLASSES && pool_count[k] < POOL_KEPT) {
    pool_kept[k][pool_count[k]++] = p;
    ASAN_POISON_MEMORY_REGION(p, room);
  } else {
    if (k < POOL_CLASSES) ASAN_UNPOISON_MEMORY_REGION(p, room);
    free(p);
  }
}

static void *pool(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user;
  void *p = new_size ? pool_get(new_size) : NULL;
  if (new_size && !p) return NULL;
  if (ptr && p) memcpy(p, ptr, old_size < new_size ? old_size : new_size);
  if (ptr) pool_put(ptr, old_size);
  return p;
}

static cx_ctx *pool_ctx(void) {
  cx_ctx *c = cx_ctx_new(pool, NULL);
  if (!c) abort();
  return c;
}

static void pool_end(cx_ctx *c) {
  cx_ctx_free(c);
  if (pool_live) abort();
}
#endif
