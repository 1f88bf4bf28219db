/* The recipe of a training: every setting and all data that its bits follow from, as text, so that a
 * training that goes on is the one that began. How long it lasts is not part of it. */
#ifndef CLADE_TRAIN_RECIPE_H
#define CLADE_TRAIN_RECIPE_H

#include <clade/train.h>

#include "base/error.h"

/* A line "name: value" for each setting; malloc'd, NULL when there is no memory. The schedule is that
 * of the options with its defaults filled in. */
char *clade__recipe_text(const clade_model *model, const clade_data *train,
                         const clade_fit_options *options, const clade_schedule *schedule);

/* CLADE_EINVAL, naming the first setting that differs. */
clade_status clade__recipe_check(const char *now, const char *then);

#endif
