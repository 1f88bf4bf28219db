/* A call of clade_fit: what its parts share. fit_open.c begins and ends it, fit.c is the loop, and
 * fit_checkpoint.c keeps it and goes on with one that was kept. fit_ranks.c: as one of several ranks;
 * fit_apart.c: of ranks that train apart. */
#ifndef CLADE_TRAIN_FIT_H
#define CLADE_TRAIN_FIT_H

#include "dist/job.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/run_log.h"

/* Before ranks compare how long they take: so many steps are not counted, as the first may compile or touch memory,
 * and then so many are. They share anew where the slowest takes so many times what the fastest does. */
enum { CLADE__SKIP_STEPS = 2, CLADE__FIRST_STEPS = 8 };
#define CLADE__UNEQUAL 1.08

/* What a rank has measured since the shares were set, or looked at. */
typedef struct clade__balance {
    clade__join_times before; /* the last step */
    int64_t n_steps, wanted;  /* whole batches; after so many the ranks compare */
    double computing;         /* seconds of those that count */
    bool settled;             /* the shares were as they should be */
} clade__balance;

/* How ranks that train apart are. */
typedef struct clade__apart {
    bool on;
    clade__turns turns;
    int64_t from;         /* the first batch of this epoch since ranks were the same */
    int64_t next_meeting; /* before the step of this number, from 0 */
    bool owes_checkpoint; /* one was due, and waits for the next average */
    int64_t n_skipped, n_timed; /* batches that this rank has measured */
    double timed;               /* seconds of them */
    bool settled;               /* turns follow what was measured */
} clade__apart;

typedef struct clade__fit {
    clade_model *model;
    const clade_fit_options *options;
    clade__ranks ranks, *together; /* together: the same, of a job of several ranks; else NULL */
    clade__shares shares;
    clade__balance balance;
    clade__apart apart;
    clade__votes agreed; /* before the last step */
    bool mixed;          /* devices differ */
    int64_t alike_step;  /* after which ranks were made alike last */
    bool keeps, writes;  /* there is a run folder; and this rank, the first, writes it */
    clade__pass train, valid;
    clade__run_log log;
    clade__schedule schedule;
    clade__fit_state state;
    clade_progress progress; /* what the user is told of it */
    clade_fit_result *result;

    clade__pace pace;
    int64_t sent, known; /* batches of this epoch whose sums are on their way; have come */
    clade__transfer transfer;
    int64_t good_step;    /* after it the parameters were finite */
    int64_t noticed_step; /* whose loss was not, or after which a parameter was not */
    double started, paused; /* seconds: when; how long validation and saving took */
    double epoch_started;
    bool stop; /* on_progress said so */

    clade__checkpoint kept;    /* a copy of the training as it was when all was finite */
    double copied_at, copying; /* of clade__seconds(); the shortest time that one took */
    int64_t kept_step;         /* of the newest checkpoint; -1 before the first */
    double kept_at;
    bool said_unpruned; /* that an older one cannot be removed */
    char *recipe, *platform;
    char *resume_note; /* for the log, of how it was resumed; may be NULL */
} clade__fit;

/* fit_open.c: a call with everything opened for training, f->kept the model as it is, and nothing done; `body`
 * does it. Frees it all. */
typedef clade_status clade__fit_body(clade__fit *f);
clade_status clade__fit_with(clade_model *model, clade_data *train, const clade_fit_options *options,
                             clade_fit_result *result, clade__fit_body *body);

/* fit.c: trains on from f->state to the end. */
clade_status clade__fit_run(clade__fit *f);

/* Waits for the device, and takes in all sums. All is finite then; else CLADE_EDIVERGED. */
clade_status clade__fit_catch_up(clade__fit *f);

/* Whether it is to stop: the user of some rank wants it; and whether this rank's does. */
bool clade__fit_stop_asked(const clade__fit *f);
bool clade__fit_wants_to_stop(const clade__fit *f);

/* Whether a copy is due, or a checkpoint, by this rank's clock. */
bool clade__fit_copy_is_due(const clade__fit *f);
bool clade__fit_checkpoint_is_due(const clade__fit *f);

/* Seconds of training so far, without validation and saving. */
double clade__fit_seconds(const clade__fit *f);

/* fit_tell.c: a line that the user should know of, to on_message and into the log. */
clade_status clade__fit_tell(clade__fit *f, const char *text);

/* The same of a validation whose loss is not finite. */
clade_status clade__fit_tell_overflow(clade__fit *f);

/* fit_warn.c: what looks wrong, before the first step and after the last. */
clade_status clade__fit_warn_before(clade__fit *f);
clade_status clade__fit_warn_after(clade__fit *f);

/* fit_diverged.c: after CLADE_EDIVERGED, finds out where it began, says so with the same status, and
 * goes back to the copy. */
clade_status clade__fit_diverged(clade__fit *f);

/* fit_ranks.c: joins the ranks of the options' job, where it has several. Between the two each failure of one
 * rank is heard of by all at their next meeting, at the latest in clade__fit_part, which gives the status in
 * which all end. */
clade_status clade__fit_meet(clade__fit *f);
clade_status clade__fit_part(clade__fit *f, clade_status status);

/* Where all has been opened: refuses ranks that would not train alike. */
clade_status clade__fit_compare(clade__fit *f);

/* Gives all ranks what the first one begins with, or goes on with. */
clade_status clade__fit_begin_alike(clade__fit *f, bool resumed);

/* Makes what ranks have of their own the same on all: running statistics, by their means; where devices
 * differ, which may round differently, all that is trained; and where they train apart all of it, by an average. */
clade_status clade__fit_make_alike(clade__fit *f);

/* After a step: what all agreed on before it; and where it was asked for, new shares for ranks that were not
 * ready at the same time. */
void clade__fit_hear(clade__fit *f);
clade_status clade__fit_balance(clade__fit *f);

/* fit_apart.c: opens it behind f->train; begins an epoch, or what is left of one; makes the next step, after a
 * meeting where one is due; and averages where that is due behind it. */
clade_status clade__fit_apart_open(clade__fit *f);
void clade__fit_apart_epoch(clade__fit *f);
clade_status clade__fit_apart_step(clade__fit *f, const clade__votes *votes);
clade_status clade__fit_average(clade__fit *f);
clade_status clade__fit_average_if_due(clade__fit *f);

/* So many steps of all ranks in which each rank has made `steps`; where they do not train apart the same number. */
int64_t clade__fit_apart_steps(const clade__fit *f, int64_t steps);

/* What was found on some ranks, at places of which 0 is the first and -1 is none: whether anything was, and
 * `what` becomes that of the first place. */
clade_status clade__fit_first_finding(clade__fit *f, int64_t place, void *what, size_t n_bytes, bool *any);

/* Restores f->kept on a rank that did not read it. */
clade_status clade__fit_restore(clade__fit *f);

/* fit_checkpoint.c: makes f->kept the training as it is now, after clade__fit_catch_up. */
clade_status clade__fit_copy(clade__fit *f);

/* Makes the model what it was in f->kept. */
clade_status clade__fit_go_back(clade__fit *f);

/* Writes a checkpoint where there is a run folder, unless that of this step has been written. */
clade_status clade__fit_checkpoint(clade__fit *f);

/* The same where checkpoint_every says that one is due, after a step or at an epoch's end. */
clade_status clade__fit_checkpoint_if_due(clade__fit *f, bool epoch_end);

/* Makes f->state and the model those of the newest checkpoint that is whole. *resumed is false when
 * there is none at all. The folder stays as it is. */
clade_status clade__fit_resume(clade__fit *f, bool *resumed);

/* Makes the folder's log and models those of the checkpoint, after clade__fit_resume. */
clade_status clade__fit_resume_log(clade__fit *f);

void clade__fit_close_checkpoints(clade__fit *f);

#endif
