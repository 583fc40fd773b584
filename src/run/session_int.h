/* session_int.h - what the session hands to its parts. */
#ifndef CX_SESSION_INT_H
#define CX_SESSION_INT_H
#include "run/fn.h"
#include "run/session.h"

struct cx_session {
  cx_ctx *ctx;
  cx_arena *a; /* as long as the session */
  cx_arena *t; /* as long as the statement at hand */
  const cx_session_opt *opt;
  cx_program *prog;
  cx_model *m;
  cx_flat flat;
  void *x;             /* all params, as they stand now */
  const double *trace; /* objective by step of the last fit */
  int64_t ntrace, trace_stride;
  bool by_epoch;
  double *kept_back; /* beside the trace, of the rows kept back; NULL: there are none */
  int nfit;          /* fits so far */
  bool broken;       /* the last one could not begin */
  bool demanded;     /* it has been said which parameters of distributions lie outside of their domain */
  cx_buf left;       /* what they left: `relic`, reason, trace, params of each */
  const char *known;
  size_t known_size; /* the same of a checkpoint to resume from, or of an earlier run */
  int resumed;       /* the first fit that is not in it, -1: none is */
  const char *model; /* the model file that the program came from, NULL: none */
};

/* ---- session.c ---- */
void cx_emit(cx_session *s, const cx_event *e);
/* values of several equations at the current params, as doubles; integrals: what became of those behind them */
double **cx_values(cx_session *s, const uint32_t *eq, int n, int64_t *count, cx_integral_summary *integrals);
cx_result cx_result_of(cx_session *s, const cx_query *q, const double *v);
bool cx_integrates(cx_session *s, uint32_t eq); /* integrals or draws stand behind it */

/* ---- session_plot.c, session_fit.c ---- */
void cx_session_plot(cx_session *s, const cx_action *act);
cx_status cx_session_fit(cx_session *s, const cx_action *act);
int cx_fit_options_of(cx_session *s, const cx_ast *st, cx_fit_opt *opt); /* how many; opt: room for them */

/* ---- some.c ---- */
cx_model *cx_with_fixed(cx_session *s,
                        const cx_action *act); /* the model, in which params that the fit is not for are data */
/* between the session's vector of all params and that of some */
void cx_move_params(cx_session *s, const cx_flat *some, void *x, bool back);

/* ---- predict.c ---- */
void cx_predict_ask(cx_session *s);               /* opt->ask becomes one more question of the program */
bool cx_predict_answers(cx_session *s, int at);   /* the at-th statement; throws where what was asked lacks its data */
_Noreturn void cx_predict_nothing(cx_session *s); /* nothing was asked, and no question could be answered */

typedef struct {
  cx_program *prog;
  cx_model *m;
  cx_flat flat;
  uint64_t seed;
  int threads;
} cx_session_view;
cx_check_row *cx_check_rows(cx_session_view *s, cx_arena *a, int *n);
#endif
