/* The session: what training changes. Tensors of parameters, state and gradients, the optimizer's, the
 * workspace of a step, and counters. Its memory is taken in one go at first use; nothing is allocated
 * after. */
#ifndef CLADE_GRAPH_SESSION_H
#define CLADE_GRAPH_SESSION_H

#include "graph/buckets.h"

typedef struct clade__parameter_tensors {
    clade_tensor *value;
    clade_tensor *grad;                    /* NULL unless it trains and its gradient is stored; of a
                                            * bucket, a view of it */
    clade_tensor *state[CLADE__MAX_STATE]; /* as the optimizer has them; NULL unless it trains */
} clade__parameter_tensors;

typedef struct clade__session {
    uint64_t seed; /* of initial values, shuffles and masks */
    clade__parameter_tensors *parameters; /* (n_parameters) */
    clade_tensor **buckets; /* (bucket_plan.n) in which gradients lie that are all kept */
    clade__bucket_plan bucket_plan;
    clade__buffer **workspace;            /* one buffer a slot; NULL in a dry session */
    int n_workspace;
    clade_tensor *clip_scale, *clip_partials; /* (1) and optimizer_partials(); NULL without clipping */
    clade_tensor *peaks; /* of the parameters, one after another; NULL unless it trains */
    float *initial;      /* values to start from instead of the initialisers; from a file */
    bool materialized, dry;

    int64_t step;  /* begun */
    int64_t epoch; /* begun, over all calls of fit: no shuffle is used twice */
    clade__step_numbers numbers; /* what the optimizer and the layers read at each step */
    float *group_lrs;            /* (n_groups) numbers.lr times each group's factor */
} clade__session;

/* Allocates and initialises all that the executable needs, at its first use. */
clade_status clade__session_materialize(clade__session *session, const clade__executable *exe);

/* Gives back all device memory; what is not kept is lost. */
void clade__session_release(clade__session *session, const clade__executable *exe);

/* The same, but the parameters' values are kept on the host, for the next first use. */
clade_status clade__session_withdraw(clade__session *session, const clade__executable *exe);

/* A session of tensors without memory, for dry commands. Free it with clade__session_release. */
clade_status clade__session_open_dry(clade__session *session, const clade__executable *exe);

/* Whether every parameter is finite; waits. */
clade_status clade__session_is_finite(clade__session *session, const clade__executable *exe,
                                      bool *finite);

/* ---- the optimizer's step: optimizer_step.c ---------------------------------------------------- */

/* sgd's rates of a parameter, the learning rate read from the session at each run. */
clade__sgd_rates clade__optimizer_sgd_rates(const clade__session *session,
                                            const clade__executable *exe, int parameter);

/* Records clipping, and the step of every parameter whose step is not part of backward. */
clade_status clade__optimizer_record(clade__session *session, const clade__executable *exe,
                                     clade__commands *commands);

/* The same in pieces: clipping by the norm of all gradients, where there is any; and the step of the parameters
 * whose gradients lie in one bucket. */
clade_status clade__optimizer_record_clipping(clade__session *session, const clade__executable *exe,
                                              clade__commands *commands);
clade_status clade__optimizer_record_bucket(clade__session *session, const clade__executable *exe,
                                            clade__commands *commands, int bucket);

/* Sets what step session->step + 1 reads, and counts it. Before each run of the commands. */
void clade__optimizer_advance(clade__session *session, const clade__executable *exe);

/* Lets adam and adamw correct their moments for so many updates, where these are not the steps. */
void clade__optimizer_correct(clade__session *session, const clade__executable *exe, int64_t n_updates);

#endif
