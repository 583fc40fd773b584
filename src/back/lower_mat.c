/* lower_mat.c - sums of products. */
#include "back/lower.h"
bool cx_lower_product(cx_lower_state *L, const cx_eq *e, const cx_loc *dest) {
  (void)L, (void)e, (void)dest;
  return false;
}
