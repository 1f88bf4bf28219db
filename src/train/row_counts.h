/* The rows of each loss: how many a sample has, and, where they do not count alike, what those of each batch
 * count together. That is known on the host once the order of the samples is, so that nothing waits for it. */
#ifndef CLADE_TRAIN_ROW_COUNTS_H
#define CLADE_TRAIN_ROW_COUNTS_H

#include "graph/plan.h"
#include "train/sources.h"

typedef struct clade__row_counts {
    int64_t rows;          /* of a sample */
    bool has_labels;       /* its rows have a right answer */
    const int32_t *labels; /* (n_samples, rows), where rows do not count alike; else NULL */
    const float *weights;  /* (classes) of labels; NULL: all 1 */
    bool ignores;
    int32_t ignore_index;
    float *host_totals;    /* (n_batches): what its rows count together */
    double *counted;       /* (n_batches): how many rows are not ignored */
    clade_tensor *totals;  /* (n_batches) in training: host_totals on the device */
    clade__transfer sent;
} clade__row_counts;

/* Of a loss with such sources. weights: of the first loss's labels in training, or NULL; borrowed. */
typedef struct clade__row_counts_options {
    clade_device *device;
    const clade__graph *graph;
    const clade__sources *sources;
    int loss;
    int64_t n_batches;
    const float *weights;
    bool training;
} clade__row_counts_options;
clade_status clade__row_counts_open(clade__row_counts *counts, const clade__row_counts_options *options);
void clade__row_counts_close(clade__row_counts *counts);

/* Counts batch number `index` of samples order[0 … n-1]; order NULL: first, first + 1, … */
void clade__row_counts_count(clade__row_counts *counts, int64_t index, const int32_t *order, int64_t first,
                            int64_t n);

/* Sends the totals of all n_batches, once the last ones have arrived; nothing where rows count alike. */
clade_status clade__row_counts_wait(clade__row_counts *counts);
clade_status clade__row_counts_send(clade__row_counts *counts, int64_t n_batches);

#endif
