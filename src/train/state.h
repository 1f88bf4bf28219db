/* Where a training is and what it has come to: with the tensors of the model, all that it takes to
 * go on with it, in this process or another. What follows from the settings (rates, shuffles, masks)
 * is computed from these numbers again: the random numbers are functions of seed, epoch and step. */
#ifndef CLADE_TRAIN_STATE_H
#define CLADE_TRAIN_STATE_H

#include <clade/train.h>

#include "train/schedule.h"

/* Every member has eight bytes and a row in state.c; a static assertion counts them. */
typedef struct clade__fit_state {
    int64_t epochs;     /* finished */
    int64_t step;       /* made, in all epochs */
    int64_t epoch_step; /* made in the epoch that is not finished */
    int64_t n_steps;    /* planned in all */
    int64_t first_epoch, first_step; /* the model's own counts when the training began */
    double seconds, epoch_seconds;   /* of training in all, and in the epoch that is not finished */
    int64_t log_bytes;               /* length of metrics.jsonl */

    clade_metrics train, valid; /* of the last finished epoch */
    int64_t best_epoch;         /* counted from 1; 0 before the first */
    clade_metrics best;         /* its validation */

    clade__plateau plateau;
    clade_metrics mark; /* the validation that early stopping wants to see surpassed; of 0 samples
                         * before the first that is finite */
    int64_t n_worse;    /* epochs since then */
} clade__fit_state;

/* "epochs=3 step=120 …", from which it is read again to the last bit; malloc'd, NULL when there is
 * no memory. */
char *clade__fit_state_text(const clade__fit_state *state);

/* False for a text that is not one of these. */
bool clade__fit_state_parse(clade__fit_state *state, const char *text);

#endif
