/* Labels of a data set as a model numbers its classes.
 *
 * A file numbers the classes that it has: one that lacks a class of the training data gives the
 * others different numbers. So labels go by what the file calls them: by value where these are numbers,
 * by text where they are words. */
#ifndef CLADE_TRAIN_CLASSES_H
#define CLADE_TRAIN_CLASSES_H

#include "data/dataset.h"
#include "graph/model.h"

/* Makes the classes of the training data the model's. CLADE_EDATA for a single class, from which there
 * is nothing to learn, and for more than the model tells apart. */
clade_status clade__take_classes(clade_model *model, const clade_data *data);

/* CLADE_EDATA when the data has more classes than the model's outputs tell apart. */
clade_status clade__check_n_classes(const clade_model *model, const clade_data *data);

/* *labels (n_samples), malloc'd, are the data's as the model numbers them; NULL when that is as the
 * data has them, and without labels. A model whose data named no classes knows them by number. Data
 * whose labels are numbers of its source, without names or beside them, is compared by names where all
 * are known, else by number: by value where the model's classes have numbers as names, as places among its
 * outputs where these are words. CLADE_EDATA, with the row, for a class that the model does not know. */
clade_status clade__match_labels(const clade_model *model, const clade_data *data,
                                 int32_t **labels);

#endif
