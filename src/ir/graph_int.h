/* graph_int.h - private to src/ir: the hash table behind a graph, its scratch tables, and the spelling of ops. */
#ifndef CX_GRAPH_INT_H
#define CX_GRAPH_INT_H
#include "ir/ir.h"

/* One value for every node of a walk. */
typedef union {
  const cx_node *p;
  cx_interval iv;
  int64_t i;
} cx_slot;

/* A table by node id that is emptied in O(1) (stamps), with the post-order of the last walk. Walks nest (a rewrite
 * callback may substitute), so a graph owns a list of these; one that a throw leaves behind is only unused memory. */
struct cx_scratch {
  struct cx_scratch *next;
  uint32_t *stamp, now, cap;
  cx_slot *val;
  CX_VEC(const cx_node *) order;
  CX_VEC(struct {
    const cx_node *n;
    uint32_t k;
  })
  stack;
};

struct cx_hash {
  const cx_node **slot;
  uint32_t cap;                 /* open addressing, power of two, at most half full */
  CX_VEC(const cx_node *) node; /* by id */
  cx_scratch *idle;
  struct cx_rule_cache *rules; /* rule.c */
};

static inline bool cx_seen(const cx_scratch *s, const cx_node *n) { return s->stamp[n->id] == s->now; }
/* appends the distinct nodes below e that are not seen yet to s->order, arguments first */
void cx_postorder(const cx_graph *g, cx_scratch *s, const cx_node *e);

uint32_t cx_node_hash(uint16_t op, int64_t bits, const cx_node *const *arg, int n);
const cx_node *cx_node_find(const cx_graph *g, uint32_t hash, uint16_t op, int64_t bits, const cx_node *const *arg,
                            int n);
bool cx_comm_before(const cx_node *x, const cx_node *y); /* the order of commutative arguments */

/* Operators that the text writes between (or before) their arguments; the larger prec binds tighter. */
typedef struct {
  uint16_t op;
  uint8_t prec;
  bool right;
  const char *text;
} cx_infix;
extern const cx_infix cx_infixes[]; /* ends with text NULL */
enum { PREC_IF = 0, PREC_OR, PREC_AND, PREC_NOT, PREC_CMP, PREC_ADD, PREC_MUL, PREC_NEG, PREC_POW, PREC_ATOM };
#endif
