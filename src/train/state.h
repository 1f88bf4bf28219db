/* Where a training is and what it has come to: all that the host must know to go on with it. */
#ifndef CLADE_TRAIN_STATE_H
#define CLADE_TRAIN_STATE_H

#include <clade/train.h>

#include "train/schedule.h"

typedef struct clade__fit_state {
    int64_t epochs;     /* finished */
    int64_t step;       /* made, in all epochs */
    int64_t epoch_step; /* made in the epoch that is not finished */

    clade_metrics train, valid; /* of the last finished epoch */
    int64_t best_epoch;         /* counted from 1; 0 before the first */
    clade_metrics best;         /* its validation */

    clade__plateau plateau;
    clade_metrics mark; /* the validation that early stopping wants to see surpassed */
    int64_t n_worse;    /* epochs since then */
} clade__fit_state;

#endif
