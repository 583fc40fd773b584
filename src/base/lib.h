/* lib.h - the standard library, lib/ as text inside the program (written by cmake/EmbedLibrary.cmake). */
#ifndef CX_LIB_H
#define CX_LIB_H
#include <stddef.h>

typedef struct {
  const char *name, *text;
  size_t n;
} cx_lib_file;                     /* name below lib/: "nn.calx", "dist/normal.calx" */
extern const cx_lib_file cx_lib[]; /* ordered by name */
extern const int cx_lib_count;
#endif
