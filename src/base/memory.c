/* memory.c - how much memory there is to be had. Linux promises more than it has and kills who touches it, so a large
 * piece is refused beforehand: what is free, as /proc/meminfo estimates it, within the limits of the control group. */
#include "base/ctx.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* the first number of a file, or the one behind `key` in it; NaN where there is none */
static double number_in(const char *path, const char *key) {
  FILE *f = fopen(path, "r");
  char line[200];
  double x = NAN, v;
  while (f && isnan(x) && fgets(line, sizeof line, f))
    if (!strncmp(line, key, strlen(key)) && sscanf(line + strlen(key), "%lf", &v) == 1) x = v;
  if (f) fclose(f);
  return x;
}

/* bytes; infinity where nobody says */
static double free_memory(void) {
  static const struct {
    const char *limit, *used, *stat, *cached[2]; /* files in memory that are given up for others count as used */
  } group[] = {{"/sys/fs/cgroup/memory.max",
                "/sys/fs/cgroup/memory.current",
                "/sys/fs/cgroup/memory.stat",
                {"inactive_file ", "active_file "}},
               {"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                "/sys/fs/cgroup/memory/memory.stat",
                {"total_inactive_file ", "total_active_file "}}};
  double most = 1024 * (number_in("/proc/meminfo", "MemAvailable:") + fmax(0, number_in("/proc/meminfo", "SwapFree:")));
  if (isnan(most)) most = INFINITY;
  for (int k = 0; k < 2; k++)
    most = fmin(most, number_in(group[k].limit, "") - number_in(group[k].used, "") + /* not a NaN */
                          fmax(0, number_in(group[k].stat, group[k].cached[0])) +
                          fmax(0, number_in(group[k].stat, group[k].cached[1])));
  return most;
}

/* what this process has touched */
static double resident(void) {
  FILE *f = fopen("/proc/self/statm", "r");
  double all, pages = 0;
  if (f && fscanf(f, "%lf %lf", &all, &pages) != 2) pages = 0;
  if (f) fclose(f);
  return pages * (double)sysconf(_SC_PAGESIZE);
}

bool cx_memory_for(const cx_ctx *c, size_t n) {
  double promised = (double)c->large; /* and perhaps not touched yet */
  return (double)n + fmax(0, promised - resident()) <= free_memory();
}
