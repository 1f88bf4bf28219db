/* Steps of the user's own: what clade/step.h keeps with a model.
 *
 * A step is done in parts, as a pass does it (train/pass.h). Each kind of part is recorded when it comes
 * first, and kept: a step then copies its tensors into the plan's inputs, from device memory to device
 * memory, and runs what was recorded. What a loss must know of the whole batch, how many of its rows count,
 * is computed on the device before the first part. */
#ifndef CLADE_TRAIN_STEP_H
#define CLADE_TRAIN_STEP_H

#include <clade/step.h>

#include "graph/model.h"
#include "graph/plan.h"

/* What a part is recorded for. Of a forward, n alone is set. */
typedef struct clade__part_kind {
    int64_t n;       /* samples */
    bool training;
    bool update;     /* the optimizer's step follows */
    bool add;        /* to the gradients that are there */
    bool later;      /* the call's part before it has begun the sums of losses */
    bool has_labels; /* of the answers; else they are targets */
    int64_t of;      /* samples of the step */
} clade__part_kind;

typedef struct clade__recorded {
    clade__part_kind kind;
    clade__plan plan;
    clade__commands *commands;
    uint64_t used; /* when it was needed last */
} clade__recorded;

enum { CLADE__MAX_RECORDED = 16 }; /* a batch size in parts takes three */

/* Of each loss; NULL before the first step of training. */
typedef struct clade__step_losses {
    clade_tensor *sums;    /* (n_losses, CLADE__N_SUMS) of the rows of a call's batch */
    clade_tensor *totals;  /* (n_losses): what its rows count together, where some may not count */
    clade_tensor *means;   /* (1 + n_losses): the weighted sum, then each loss times its weight */
    clade_tensor **labels; /* (n_losses) int32 of a whole batch where some rows may not count; else NULL */
    int32_t *index;        /* (n_losses) 0, 1, …: what commands read their loss's place from */
} clade__step_losses;

typedef struct clade__steps {
    clade_model *model;
    clade__recorded list[CLADE__MAX_RECORDED];
    int n;
    uint64_t clock;
    clade__commands *update; /* NULL before the first clade_update */
    clade__step_losses losses;
    int64_t begun_step;   /* the step, counted from 1, that gradients are stored for; 0: none */
    int64_t begun_samples; /* of its parts so far */
} clade__steps;

/* ---- step_record.c ----------------------------------------------------------------------------- */

/* The model's; made at the first call. */
clade_status clade__steps_of(clade__steps **out, clade_model *model);

/* Takes the memory that losses need beside the plan's, once. */
clade_status clade__steps_open_losses(clade__steps *steps);

/* The commands of such a part, recorded where they are not yet. Valid until the next call for another. */
clade_status clade__steps_find(clade__steps *steps, const clade__part_kind *kind, clade__recorded **out);

/* The commands of the optimizer's step alone. */
clade_status clade__steps_find_update(clade__steps *steps, clade__commands **out);

/* Whether some rows of a loss may not count. */
bool clade__loss_counts(const clade__loss *loss);

/* ---- step_batch.c ------------------------------------------------------------------------------ */

/* CLADE_EINVAL or CLADE_ESHAPE, beginning with `what`, unless the batch has what the network takes; of a
 * forward, its inputs. */
clade_status clade__batch_check(const clade_model *model, const clade_batch *batch, const char *what,
                                bool training);

/* CLADE_ESHAPE unless the tensor is a batch of n samples of the node's shape and type; named in the
 * message. */
clade_status clade__batch_check_tensor(const clade_model *model, const char *what, const char *name,
                                       const clade_tensor *tensor, int64_t n, const clade_node *node);

/* Enqueues copies of the samples from number `first` on into the plan's inputs and, in training, of their
 * answers. */
clade_status clade__batch_send(const clade_batch *batch, int64_t first, clade__plan *plan);

/* Enqueues what the losses' rows that count come to, over the whole batch. */
clade_status clade__batch_count(clade__steps *steps, const clade_batch *batch);

#endif
