/* prims.c - the primitives by name, made from prims.def. */
#include "ir/prims.h"
#include <string.h>

#define PRIM(name) extern const cx_prim cx_prim_##name;
#include "ir/prims.def"
#undef PRIM

const cx_prim *cx_prim_find(const char *name) {
  static const cx_prim *const all[] = {
#define PRIM(name) &cx_prim_##name,
#include "ir/prims.def"
#undef PRIM
      NULL};
  for (int i = 0; all[i]; i++)
    if (!strcmp(all[i]->name, name)) return all[i];
  return NULL;
}
