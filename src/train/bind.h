/* A data set as a model sees it: what has to be done to its values, labels and targets so that they are
 * those that the model was trained on. */
#ifndef CLADE_TRAIN_BIND_H
#define CLADE_TRAIN_BIND_H

#include "train/sources.h"

typedef struct clade__binding {
    clade__scaling scaling; /* what the network sees of the data's values */
    int32_t *labels;        /* (n_samples) as the model numbers its classes; NULL: as the data has them */
    float *targets;         /* (n_samples, n_targets) in the model's units; NULL: the same */
    clade__sources sources; /* what is fed: these, or fields as they are */
} clade__binding;

/* CLADE_EDATA when the model cannot be fed so (clade__check_sources), samples were read as other columns than
 * the model's, or have a class that it does not know. With alone set, labels and targets are not looked
 * at. Free it in any case. */
clade_status clade__bind(clade__binding *binding, const clade_model *model, const clade_data *data,
                         bool alone);
void clade__binding_free(clade__binding *binding);

/* Makes columns, scaling and classes of the training data the model's. CLADE_EDATA for a single class, from
 * which there is nothing to learn, and for more than the model tells apart. */
clade_status clade__take_data(clade_model *model, const clade_data *data);

#endif
