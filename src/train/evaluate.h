/* Evaluation over a pass that is kept open, as training does after each epoch. */
#ifndef CLADE_TRAIN_EVALUATE_H
#define CLADE_TRAIN_EVALUATE_H

#include <clade/train.h>

#include "train/pass.h"

/* Once *stop is not 0 (stop may be NULL), metrics are of fewer samples than the pass has. */
clade_status clade__pass_evaluate(clade__pass *pass, const volatile sig_atomic_t *stop,
                                  clade_metrics *metrics);

#endif
