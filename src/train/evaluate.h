/* Evaluation over a pass that is kept open, as training does after each epoch. */
#ifndef CLADE_TRAIN_EVALUATE_H
#define CLADE_TRAIN_EVALUATE_H

#include <clade/train.h>

#include "train/pass.h"

clade_status clade__pass_evaluate(clade__pass *pass, clade_metrics *metrics);

#endif
