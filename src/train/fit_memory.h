/* What a training holds on its device, beside and with its model: decided before any is taken. */
#ifndef CLADE_TRAIN_FIT_MEMORY_H
#define CLADE_TRAIN_FIT_MEMORY_H

#include <clade/train.h>

typedef struct clade__fit_memory {
    clade_memory memory;
    bool train_resident, valid_resident; /* whether all of the data lies on the device */
} clade__fit_memory;

/* CLADE_EDEVICEMEM where it does not fit with the data streamed either. */
clade_status clade__fit_memory_plan(clade__fit_memory *plan, const clade_model *model,
                                    const clade_data *train, const clade_fit_options *options);

#endif
