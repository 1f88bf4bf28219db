/* The learning rate of each step; see clade/train.h for the schedules. Everything is computed on the
 * host in double precision: the rate goes to the device as an argument of the step. */
#ifndef CLADE_TRAIN_SCHEDULE_H
#define CLADE_TRAIN_SCHEDULE_H

#include <clade/train.h>

#include "base/error.h"

typedef struct clade__schedule {
    clade_schedule options; /* its defaults filled in */
    double lr;              /* the optimizer's, as the decimal that was meant */
    int64_t epoch_steps, n_steps; /* of one epoch, and planned in all */
    int64_t n_warmup;             /* in steps */
} clade__schedule;

/* What a plateau schedule remembers; for the others it stays as it was opened. */
typedef struct clade__plateau {
    double lr, least; /* the rate now, and the least loss so far */
    int64_t n_bad;    /* epochs since then, or since the rate went down */
} clade__plateau;

/* CLADE_EINVAL for a schedule that cannot be. */
clade_status clade__schedule_open(clade__schedule *schedule, clade__plateau *plateau,
                                  const clade_schedule *options, float lr, int64_t epoch_steps,
                                  int64_t n_steps);

/* The rate of a step, counted from 0. */
float clade__schedule_lr(const clade__schedule *schedule, const clade__plateau *plateau,
                         int64_t step);

/* Whether the rates of the steps so far follow from how many are planned. */
bool clade__schedule_has_plan(const clade__schedule *schedule);

/* Takes in the loss of an epoch that has ended. */
void clade__schedule_epoch(const clade__schedule *schedule, clade__plateau *plateau, double loss);

#endif
