/* exec.h - private to tier 0: what the scheduler, the lowering and the machine share.
 *
 * A compiled graph is a list of kernels. A kernel is one pass over a row axis: rows are cut into chunks (the unit of
 * threads; their number depends on sizes alone), chunks into blocks of at most `block` rows, and the byte code runs
 * once a block with the rows of the block as vector lanes. A kernel without a row axis has one block of one lane.
 *
 * An instruction is two-dimensional: operand[r * rs + l * ls], r < R repetitions, l < n lanes. Its operands are
 * pointer registers plus an offset; loops bump the registers, so no code grows with a size. */
#ifndef CX_EXEC_H
#define CX_EXEC_H
#include "back/back.h"
#include "back/kern.h"
#include "back/kern_mat.h"

enum { CX_LOOPS = 24, CX_MAX_ARGS = 3, CX_BLOCK = 1024, CX_LINEAR_TERMS = 64 }; /* CX_BLOCK: most rows of a block */
#define CX_LARGE (1 << 25) /* bytes from which memory counts more than a little time */
enum { BASE_TEMP, BASE_ACC, BASE_WORK, BASE_POOL, BASE_CONST, BASE_FIRST }; /* then inputs, outputs, constant arrays */

typedef struct cx_vm cx_vm;
typedef struct cx_ins cx_ins;
typedef struct cx_tally cx_tally;
typedef struct {
  int64_t since, spent, counted;
} cx_lap;
typedef void (*cx_ins_fn)(cx_vm *s, const cx_ins *i);

typedef struct {
  int32_t reg, ls;
  int64_t off, rs;
} cx_opnd; /* off in bytes, strides in elements */

/* an affine function of the loop counters, the row and the repetition */
typedef struct {
  int64_t c0, cl, cr;
  int nl;
  struct {
    int32_t loop;
    int64_t c;
  } lc[CX_LOOPS];
} cx_aff;
typedef struct {
  cx_aff at;
  int64_t n;
} cx_check; /* 0 <= at < n or the value is 0 */
typedef struct {
  cx_opnd idx;
  int64_t stride, n;
} cx_dyn; /* a subscript that is computed */
typedef struct {
  cx_dtype type;
  bool stream; /* a store past the caches */
  int ncheck, ndyn;
  cx_check check[CX_MAX_RANK];
  cx_dyn dyn[CX_MAX_RANK];
} cx_access;
/* forms[j] = c[j] + sum(k < n: c[(k + 1) * forms + j] * a[k]): one of them, or the sum of their squares and an offset, or
 * its root; or the greatest or the least of a[k] */
typedef struct {
  int n, forms;
  cx_red red; /* RED_max, RED_min; RED_none: a sum */
  bool root;
  double offset;
  cx_opnd *a;
  cx_dtype type; /* of what is read */
  double *c;
  float *single; /* the same as c */
  int lead;      /* the term that the next step reads anew, `ahead` bytes further on; 0 bytes: none */
  int64_t ahead;
} cx_linear;
typedef struct {
  int32_t reg;
  int64_t by;
} cx_bump;

/* sums of products over several indices at several places: lower_conv.c. Bounds of a sum: lo <= k < hi, affine in the
 * places and the counters of the loops around. */
enum { CX_PLACES = 4 };
typedef struct {
  bool on;
  cx_aff at; /* where the places are 0 */
  int64_t c[CX_PLACES];
} cx_limit;
typedef struct {
  int64_t m, n; /* n 0: the lanes */
  const int64_t *dm, *sm;
  cx_sum3 k; /* the last is the lanes where `lanes` */
  bool lanes, limited;
  cx_limit lo[3], hi[3];
  int nplace;
  struct {
    int64_t n, d, s, v;
  } place[CX_PLACES];
} cx_contract;

struct cx_ins {
  cx_ins_fn fn;
  uint16_t op; /* cx_op, or cx_red of a reduction */
  uint8_t na;  /* operands in a[] */
  bool lanes;  /* over the lanes of the block; false: one vector of R */
  bool dense;  /* a full block is one vector of R * n */
  bool add;    /* matmul: add to what is there */
  bool fresh;  /* ... but in the first block of a part */
  bool spare;  /* matmul, matvec: what 0 multiplies is finite, so it is left out: spare.c */
  int32_t len; /* loop: instructions of its body */
  uint32_t eq; /* 1 + the equation that it is of, or 0 */
  int64_t R;
  cx_opnd d, a[CX_MAX_ARGS];
  union {
    void *kern;              /* elementwise */
    cx_kern_pair pair;       /* a[1]: the second result */
    double value;            /* fill */
    const cx_access *access; /* pack, gather */
    const cx_aff *aff;       /* index, arg; cut: repetitions of its body */
    const cx_contract *sum;  /* contract */
    const cx_linear *linear;
    struct {
      cx_bump *bump;
      int nbump;
      int32_t depth;
      int64_t start, step;
    } loop;
    struct {
      int64_t m, k, n, dm, sm, sk, vk;
      const cx_aff *limit;
    } mat; /* n 0: the lanes; k 0: the lanes; limit, by m: k from, k below, of columns n below */
  } u;
};

typedef struct {
  int base;
  int64_t off, scale, lay;
} cx_reg; /* scale: bytes a row; lay: rows of a block of laid out columns, 0: none */

typedef struct {
  uint32_t eq;
  int red;
  int64_t count, part, to_off;
  int to_base;
  bool set;
} cx_acc; /* set: the code needs no start, the first block writes */

typedef struct {
  uint32_t *eq;
  int neq;
  int stage;
  uint64_t dep;     /* constant inputs it depends on (stage 0) */
  bool lanes, some; /* some: its rows are those of opt.rows */
  int64_t n, block, chunk_rows, work;
  int nchunk;
  cx_ins *code;
  int ncode;
  cx_reg *reg;
  int nreg;
  int64_t temp_bytes, acc_bytes, acc_off;
  cx_acc *acc;
  int nacc;
  const cx_eq *prim;
  struct cx_quadrature *quadrature; /* prim quadrature */
  int number;                       /* which one of them */
} cx_kernel;

/* where the values of an equation are */
typedef struct {
  bool on;
  int base;
  int64_t off;
  int64_t scale; /* bytes a row where rows are blocked, else 0: the row's stride says it */
  int64_t lay;   /* rows of a block */
  int64_t stride[CX_MAX_RANK];
  cx_dtype type;
  bool padded; /* reading and writing up to 15 lanes past the end is harmless */
} cx_loc;

/* Only places with slot <= by + c make a difference; a slot of the sum is one, too. */
enum { CX_BOUNDS = 4 };
typedef struct {
  int slot, by;
  int64_t c;
} cx_bound;

typedef struct {
  int kernel, stage, comp;
  uint64_t dep;
  uint32_t mask;   /* index slots that make up the row; 0: none */
  uint32_t pinned; /* own slots that a computed place fixes: scatter.c */
  int64_t n;       /* rows */
  bool lane_red, flat;
  bool shared;   /* read by another kernel */
  int run, slot; /* fuse.c: the loop it shares with its neighbours, and the index that is the loop; -1 none */
  bool whole;    /* read outside its run: kept for all steps */
  int out;       /* first output it is, or -1 */
  cx_loc full, block, cols;
  cx_bound bound[CX_BOUNDS];
  int nbound;
  uint32_t
      slices;  /* nest.c: own slots that are loops around all who read it, so that its block has one slice of each */
  bool digits; /* of one number, which its block may join */
  int high, low;
} cx_place;

/* a constant input with its rows as columns of blocks */
typedef struct {
  uint32_t eq;
  int number, row;
  int64_t block;
  bool shared; /* by all functions of the context */
  cx_loc loc;
} cx_copy;
typedef struct cx_shared cx_shared;

typedef struct cx_sched {
  cx_ctx *ctx;
  cx_arena *a, *tmp;
  cx_graph *g;
  const cx_exec_opt *opt;
  cx_dtype real;
  int64_t esize;
  cx_comp *comp;
  int ncomp;
  int *up; /* union-find over index positions */
  cx_place *place;
  CX_VEC(cx_kernel) kernel;
  cx_array *array; /* by equation: the constant inputs */
  int *in_base;    /* by equation: base of an input */
  int64_t work_bytes, const_bytes;
  CX_VEC(double) pool; /* the constants of the code */
  int *pool_slot, pool_slots;
  CX_VEC(cx_copy) copy; /* base first_extra + k */
  int first_constant, first_extra;
} cx_sched;

struct cx_pool;
struct cx_exec {
  cx_arena *a;
  cx_ctx *ctx;
  cx_exec_opt opt;
  cx_graph *g;
  cx_place *place;
  cx_kernel *kernel;
  int nkernel;
  cx_array *constant;
  int nconstant;
  cx_copy *copy;
  int ncopy, first_extra;
  int nbase, nin, nout;
  uint32_t *out_eq;
  char **base; /* of constants */
  int64_t work_bytes, temp_bytes, const_bytes;
  int max_reg;
  int nquadrature;
  bool room; /* some product is large */
  bool by_rows;
  int threads;
  struct cx_pool *pool;
  struct cx_segments *seg; /* long recurrences: nothing above is used then */
  cx_work *own;            /* of precomputing */
};

struct cx_vm {
  char **reg, **base;
  const cx_kernels *kern;
  const cx_mat_kernels *mat;
  int64_t iv[CX_LOOPS];
  int64_t row0, n, block;
  bool fresh;      /* the first block of a part */
  char *room;      /* of large products, or NULL */
  cx_tally *tally; /* profile.h; NULL: nothing is measured */
  const cx_ins *code;
  cx_lap lap;
};

/* split.c */
void cx_split(cx_graph *g, cx_arena *a, const cx_comp *comp, int ncomp);
/* schedule.c */
void cx_schedule(cx_sched *s);
int cx_axis(cx_sched *s, uint32_t eq, int slot);
/* bound.c */
void cx_bound_all(cx_sched *s);
/* layout.c */
void cx_layout(cx_sched *s);
/* phases.c: phases of an equation's index, 1: none */
int64_t cx_period(cx_graph *g, const cx_eq *e, int slot);
/* fuse.c */
void cx_fuse(cx_sched *s, cx_kernel *k);
/* scatter.c: the own slots of a sum that are computed places, those places, and what goes there */
typedef struct {
  int n, slot[CX_MAX_RANK];
  uint32_t slots;
  const cx_node *at[CX_MAX_RANK], *value;
} cx_scatter;
void cx_scatter_sums(cx_graph *g, cx_eq *e); /* sums the terms that go to one place before they go there */
bool cx_scatter_of(cx_graph *g, const cx_eq *e, cx_scatter *s);
/* lower.c, lower_eq.c, lower_mat.c, lower_kernel.c */
void cx_lower(cx_sched *s, cx_kernel *k);
extern const double cx_red_start[RED_COUNT];
/* columns.c */
int64_t cx_columns_block(const cx_sched *s, const cx_eq *p, int row); /* rows of a block of a large array, else 0 */
void cx_columns_make(cx_exec *x, const cx_copy *c);
void cx_columns_again(cx_exec *x, cx_copy *c); /* after its array was replaced */
int64_t cx_columns_bytes(const cx_exec *x, const cx_copy *c);
/* a matvec whose matrix is read line by line, as that of a matmul of one row */
static inline bool cx_by_lines(const cx_ins *i) { return i->u.mat.sm == 1 && i->u.mat.dm == 1 && i->u.mat.m >= 4; }
/* spare.c */
void cx_spare(cx_exec *x);
void cx_spare_not(cx_exec *x, int k); /* the k-th constant input is about to be another one */
/* exec.c */
char *cx_kept(cx_arena *a, const cx_exec *x, int64_t bytes);
/* exec_run.c */
int64_t cx_prim_bytes(cx_sched *s, const cx_eq *e);
void cx_precompute(cx_exec *x, uint64_t dep); /* what depends on these constant inputs alone */
static inline void cx_put_real(char *p, bool single, double v) {
  if (single) *(float *)(void *)p = (float)v;
  else *(double *)(void *)p = v;
}
/* vm.c */
void cx_vm_run(cx_vm *s, const cx_ins *p, const cx_ins *end);
typedef struct {
  cx_ins_fn ew, index, pack, gather, fill, red, acc, arg, matmul, rowdot, columns, matvec, transpose, pair, scatter,
      contract, linear, loop, guard, cut;
} cx_vm_table;
const cx_vm_table *cx_vm_get(bool single);
const char *cx_vm_name(cx_ins_fn fn);
#endif
