/* pattern.h - the rules of rules.def, compiled: match, prove, build. */
#ifndef CX_PATTERN_H
#define CX_PATTERN_H
#include "ir/ir.h"

enum { CX_RULE_VARS = 32 }; /* a..z, then c0..c5 */

typedef struct cx_pat cx_pat;
struct cx_pat {
  uint16_t op; /* OP_none: variable; OP_const: number; above OP_COUNT: a predicate of a condition */
  uint8_t nargs, var;
  bool constant; /* a variable that matches constants only */
  double num;
  const cx_pat *arg[3];
};

typedef struct {
  const char *name, *text[3];
  const cx_pat *lhs, *rhs, *cond;
} cx_rule; /* cond NULL: none */
typedef struct cx_rules {
  cx_rule *rule;
  int n;
  int *by_op[OP_COUNT], n_op[OP_COUNT];
} cx_rules;

const cx_rules *cx_rules_get(cx_graph *g); /* compiled at the first use of a context */
/* the right side when the rule matches op(arg...) and its condition is proved, else NULL */
const cx_node *cx_rule_apply(cx_graph *g, const cx_rule *r, cx_op op, const cx_node *const *arg, int n);
/* a pattern over given values; raw: with cx_raw, no rules applied */
const cx_node *cx_pat_build(cx_graph *g, const cx_pat *p, const cx_node *const *value, bool raw);
bool cx_is_positive(const cx_graph *g, const cx_node *x); /* x > 0, by the ops alone */
bool cx_pat_prove(cx_graph *g, const cx_pat *cond, const cx_node *const *value);
#endif
