/* pass.h - equations to equations. */
#ifndef CX_PASS_H
#define CX_PASS_H
#include "ir/ir.h"

/* ---- differentiation (diff_forward.c, diff_reverse.c) ----
 * Both add equations to g and return the equation of the derivative. Only paths from `of` back to the leaves are
 * followed; a leaf is cut: what it was computed from does not count. */
/* Jacobian: dims of `of`, then those of the leaf but for its first `batch` ones: these are parallel instances (element
 * i of `of` depends on instance i of the leaf alone), so all of them are differentiated at once. A scalar leaf, or
 * batch == its rank: the derivative by one number. */
uint32_t cx_diff_forward(cx_graph *g, uint32_t of, uint32_t leaf, int batch);
/* directional derivative: tangent[k] is an equation of leaf[k]'s shape; result has the shape of `of` */
uint32_t cx_diff_jvp(cx_graph *g, uint32_t of, const uint32_t *leaf, const uint32_t *tangent, int n);
/* out[k] = gradient by leaf[k] of scalar `of` (cot == 0) or of sum(of * cot): shape of leaf[k] */
#define CX_NO_COT UINT32_MAX
void cx_diff_reverse(cx_graph *g, uint32_t of, uint32_t cot, const uint32_t *leaf, int n, uint32_t *out);

/* a copy of `of` in which the quantities from[] have the values to[] (equations of the same shape) */
uint32_t cx_replace(cx_graph *g, uint32_t of, const uint32_t *from, const uint32_t *to, int n);
/* The objective, metrics root[1..nmetric], and statistics, root[0..n-1], estimated from `batch` of the rows `all` of the
 * data (rows.c): each becomes a new equation, or stays where it has no sum over them. *rows: the input of the row numbers. Before cx_prepare. */
void cx_on_rows(cx_graph *g, uint32_t *root, int n, int nmetric, cx_dim all, int64_t batch, uint32_t *rows);
/* what every derivative is taken of: simplify, stabilise, monotone, delta, suffstat; in place, values unchanged; to be called
 * before each differentiation */
void cx_prepare(cx_graph *g);

/* ---- pass table: passes.def rows PASS(name, "what it does") declare void cx_pass_<name>(cx_graph *g) ---- */
typedef struct {
  const char *name, *what;
  void (*run)(cx_graph *g);
} cx_pass;
extern const cx_pass cx_passes[];
extern const int cx_npasses;
/* all passes in order; stops after `last` (NULL: the end); verifies after each in debug builds */
void cx_run_passes(cx_graph *g, const char *last);
void cx_run_passes_after(cx_graph *g, const char *after, const char *last); /* those behind `after` */
#define PASS(name, what) void cx_pass_##name(cx_graph *g);
#include "pass/passes.def"
#undef PASS
#endif
