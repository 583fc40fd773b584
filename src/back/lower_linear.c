/* lower_linear.c - sums of multiples, norms of some, and the greatest or least of several, as one instruction.
 *
 * a + 2 * b - c + .. over the lanes, three terms and more, is one pass over its operands with the sum in registers: a
 * stencil's neighbours are read where they lie, bytes of an image as bytes. So is the root of two or three such sums'
 * squares, the length of a slope. A tree of additions whose inner nodes have one user each is such a sum; its leaves are
 * any values but products, each of which is one instruction with the addition behind it. A tree of max, or of min, such
 * as a window that pools (pass/unroll.c), is one pass in the same way. */
#include "back/lower.h"
#include <math.h>

enum { INNER = 4 * CX_LINEAR_TERMS };
typedef struct {
  cx_lower_state *L;
  const cx_node *leaf[CX_LINEAR_TERMS], *inner[INNER];
  double c[CX_LINEAR_TERMS][CX_FORMS], bias[CX_FORMS], offset;
  int times[CX_LINEAR_TERMS]; /* a leaf may occur more than once */
  int n, ninner, forms;
  cx_red red;
  bool ok;
} tree;

static const cx_node *scaled(const cx_node *n, double *c) { /* x of c * x */
  if (n->op == OP_neg) return *c = -1, n->arg[0];
  int exponent;
  if (n->op == OP_div && n->arg[1]->op == OP_const && fabs(frexp(n->arg[1]->u.num, &exponent)) == 0.5)
    return *c = 1 / n->arg[1]->u.num, n->arg[0]; /* exact: a power of two */
  if (n->op != OP_mul) return NULL;
  int k = n->arg[0]->op == OP_const ? 0 : 1;
  if (n->arg[k]->op != OP_const) return NULL;
  return *c = n->arg[k]->u.num, n->arg[!k];
}
static bool is_sum(const cx_node *n) { return n->op == OP_add || n->op == OP_sub; }

static void inner(tree *t, const cx_node *n) {
  if (t->ninner == INNER) t->ok = false;
  else t->inner[t->ninner++] = n;
}

static void flatten(tree *t, const cx_node *n, double c, bool root) {
  double by;
  if (n->op == OP_const) {
    t->bias[t->forms] += c * n->u.num;
    return;
  }
  bool open = root || t->L->val[n->id].total == 1;
  const cx_node *x = open ? scaled(n, &by) : NULL;
  if (!root && open && (x || is_sum(n))) inner(t, n);
  if (!t->ok) return;
  if (x) flatten(t, x, c * by, false);
  else if (open && is_sum(n)) {
    flatten(t, n->arg[0], c, false);
    flatten(t, n->arg[1], n->op == OP_sub ? -c : c, false);
  } else {
    int k = 0;
    while (k < t->n && t->leaf[k] != n) k++;
    bool product = n->op == OP_mul && t->L->val[n->id].total == 1; /* one instruction with its addition */
    if (k == CX_LINEAR_TERMS || product || !(n->free_lo & t->L->p->mask)) {
      t->ok = false;
      return;
    }
    if (k == t->n) t->leaf[t->n++] = n;
    t->c[k][t->forms] += c, t->times[k]++;
  }
}

/* a^2 + b^2 + .., each of a, b a sum */
static void squares(tree *t, const cx_node *n, bool root) {
  if (!t->ok) return;
  if (n->op == OP_const) {
    t->offset += n->u.num;
    return;
  }
  int total = t->L->val[n->id].total;
  if (n->op == OP_add && (root || total == 1)) {
    if (!root) inner(t, n);
    squares(t, n->arg[0], false);
    squares(t, n->arg[1], false);
    return;
  }
  const cx_node *x = n->op == OP_mul ? n->arg[0] : NULL;
  t->ok = x && x == n->arg[1] && is_sum(x) && total == 1 && t->L->val[x->id].total == 2 && t->forms < CX_FORMS;
  if (!t->ok) return;
  inner(t, n), inner(t, x);
  flatten(t, x, 1, true);
  t->forms++;
}

/* the greatest of .. of values along the lanes */
static void extremes(tree *t, const cx_node *n, bool root, uint16_t op) {
  if (n->op == op && (root || t->L->val[n->id].total == 1)) {
    if (!root) inner(t, n);
    for (int k = 0; k < 2 && t->ok; k++) extremes(t, n->arg[k], false, op);
    return;
  }
  t->ok &= t->n < CX_LINEAR_TERMS && (n->free_lo & t->L->p->mask);
  for (int k = 0; k < t->n; k++) t->ok &= t->leaf[k] != n;
  if (t->ok) t->times[t->n] = 1, t->leaf[t->n++] = n;
}

/* ---- bytes and 16 bits: the sum reads them itself where all of its leaves are such and nobody else reads them ---- */
static bool raw_load(cx_lower_state *L, const cx_node *n, cx_dtype *type) {
  const cx_val *x = &L->val[n->id];
  if (n->op != OP_load || x->terms != x->total || x->cooked) return false;
  cx_addr a;
  cx_low_address(L, n, &a);
  *type = a.loc->type;
  return a.affine && !a.access.ncheck && a.lane == 1 && (*type == CX_U8 || *type == CX_U16);
}
static void find_raw(cx_lower_state *L) {
  for (bool again = true; again;) {
    again = false;
    for (int i = 0; i < L->order.n; i++) {
      cx_val *v = &L->val[L->order.at[i]->id];
      if (!v->linear || v->cooked) continue;
      cx_dtype first = CX_F64, type = CX_F64;
      bool raw = !v->linear->red;
      for (int k = 0; k < v->linear->n && raw; k++) {
        raw = raw_load(L, v->leaf[k], &type) && (k == 0 || type == first);
        first = type;
      }
      v->linear->type = raw ? first : L->s->real;
      if (raw) continue;
      v->cooked = again = true;
      for (int k = 0; k < v->linear->n; k++) L->val[v->leaf[k]->id].cooked = true;
    }
  }
  for (int i = 0; i < L->order.n; i++) {
    const cx_val *v = &L->val[L->order.at[i]->id];
    for (int k = 0; v->linear && !v->cooked && k < v->linear->n; k++) L->val[v->leaf[k]->id].raw = true;
  }
}

/* the node becomes the tree: what is inside of it is no value of its own any more */
static void plant(cx_lower_state *L, cx_val *v, const tree *t, bool root) {
  int forms = t->forms ? t->forms : 1;
  cx_linear *f = CX_NEW(L->s->a, cx_linear);
  *f = (cx_linear){.n = t->n, .forms = forms, .red = t->red, .root = root, .offset = t->offset};
  f->c = CX_NEW_N(L->s->a, double, forms *(t->n + 1));
  f->single = CX_NEW_N(L->s->a, float, forms *(t->n + 1));
  for (int k = 0; k <= t->n; k++)
    for (int j = 0; j < forms; j++) {
      double c = k ? t->c[k - 1][j] : t->bias[j];
      f->c[k * forms + j] = c, f->single[k * forms + j] = (float)c;
    }
  v->linear = f, v->fold = false;
  v->leaf = CX_NEW_N(L->s->tmp, const cx_node *, t->n);
  v->times = CX_NEW_N(L->s->tmp, int, t->n);
  for (int k = 0; k < t->ninner; k++) L->val[t->inner[k]->id].total = 0;
  for (int k = 0; k < t->n; k++) {
    cx_val *x = &L->val[t->leaf[k]->id];
    v->leaf[k] = t->leaf[k], v->times[k] = t->times[k];
    x->terms += t->times[k];
  }
}

/* after the users of every node are counted: which nodes are such sums, and which go into them */
void cx_low_find_linear(cx_lower_state *L) {
  bool some = false;
  tree *t = CX_NEW(L->s->tmp, tree);
  for (int i = L->order.n - 1; i >= 0 && L->k->lanes; i--) { /* users first */
    const cx_node *n = L->order.at[i];
    cx_val *v = &L->val[n->id];
    bool root = n->op == OP_sqrt && L->val[n->arg[0]->id].total == 1;
    bool extreme = n->op == OP_max || n->op == OP_min;
    if (!v->total || (!root && !is_sum(n) && !extreme)) continue;
    *t = (tree){.L = L, .ok = true};
    if (extreme) {
      extremes(t, n, true, n->op);
      t->red = n->op == OP_max ? RED_max : RED_min;
      if (t->ok && t->n > 2) plant(L, v, t, false), some = true;
      continue;
    }
    squares(t, root ? n->arg[0] : n, !root);
    if (!t->ok || t->forms < 2 || t->n < 3) {
      if (root) continue;
      *t = (tree){.L = L, .ok = true};
      flatten(t, n, 1, true);
    }
    if (!t->ok || t->n < 3) continue;
    plant(L, v, t, root && t->forms);
    some = true;
  }
  if (some) find_raw(L);
}
