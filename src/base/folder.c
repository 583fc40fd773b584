/* folder.c - the folders of a file that is about to be written. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"

bool cx_make_folders(cx_arena *a, const char *path) {
  char *s = cx_strdup(a, path, strlen(path));
  for (char *at = s; *at; at++) {
    if (*at != '/' || at == s) continue;
    *at = 0;
    bool ok = mkdir(s, 0777) == 0 || errno == EEXIST || errno == EISDIR;
    *at = '/';
    if (!ok) return false;
  }
  return true;
}
