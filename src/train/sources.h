/* Sources: which values of a data set go to which tensor of a plan. */
#ifndef CLADE_TRAIN_SOURCES_H
#define CLADE_TRAIN_SOURCES_H

#include "data/dataset.h"
#include "graph/model.h"

#define CLADE__TO_ANSWERS (-1) /* where a loss has no target of its own */

typedef struct clade__source {
    const void *values;            /* (n_samples, cols) on the host, borrowed */
    clade_dtype dtype;
    int64_t cols;                  /* of one sample */
    const clade__scaling *scaling; /* what the network sees of numbers; borrowed */
    int input;                     /* the number of the network's input; or CLADE__TO_ANSWERS: labels or
                                    * targets of the first loss */
} clade__source;

typedef struct clade__sources {
    clade__source *list; /* in the order in which they are fed */
    int n;
} clade__sources;

/* The bytes of one sample. */
size_t clade__source_bytes(const clade__source *source);

/* Number `i` of one sample, as the network sees it. */
double clade__source_value(const clade__source *source, int64_t sample, int64_t i);

/* The only input that layers compute with, -1 where there are several; and the only one that losses compare
 * with: -1 where there is none, or several. */
int clade__sample_input(const clade__graph *graph);
int clade__answer_input(const clade__graph *graph);

/* Whether the model can be fed with such data. alone: without what losses compare with. CLADE_EDATA where
 * it cannot: another shape or element type, or an input that has no field of its name. A flat sample may
 * stand for one with dimensions, but not another order of dimensions. */
clade_status clade__check_sources(const clade_model *model, const clade_data *data, bool alone);

/* What is taken in place of the data's own: see clade__binding. NULL: those. */
typedef struct clade__source_options {
    const clade__scaling *scaling;
    const int32_t *labels;
    const float *targets;
    bool alone;
} clade__source_options;

/* After clade__check_sources. */
clade_status clade__sources_open(clade__sources *sources, const clade_model *model,
                                 const clade_data *data, const clade__source_options *options);
void clade__sources_close(clade__sources *sources);

/* The source of a loss's labels or targets; NULL where there is none. */
const clade__source *clade__source_of_loss(const clade__sources *sources, const clade__graph *graph,
                                           int loss);

#endif
