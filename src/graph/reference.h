/* A model in plain double precision on the host, written from the formulas and for reading: what
 * the device's results are compared with, in `clade gradcheck` and in the tests. It shares nothing
 * with the kernels. */
#ifndef CLADE_GRAPH_REFERENCE_H
#define CLADE_GRAPH_REFERENCE_H

#include "graph/layer.h"

/* What a network sees, and either labels or, with labels NULL, targets. */
typedef struct clade__reference_batch {
    int64_t n;
    const double *x;       /* (n, input…) */
    const int32_t *labels; /* (n), each in range */
    const double *targets; /* (n, outputs) */
    const double *weights; /* (n) of the samples, whose weighted mean is the loss; NULL: all 1 */
    int64_t step; /* whose masks dropout has; 0: none, as outside training */
} clade__reference_batch;

typedef struct clade__reference {
    const clade_model *model;
    clade__reference_batch batch; /* its arrays are borrowed */
    double *parameters; /* all of the model's, one after another: the caller's to set and change */
    double **y;         /* (nodes): each node's values (n, shape…); NULL for the input's */
} clade__reference;

/* The model needs nodes, not a device. CLADE_EINVAL for a layer that has no formula here. */
clade_status clade__reference_create(clade__reference **out, const clade_model *model,
                                     const clade__reference_batch *batch);
void clade__reference_free(clade__reference *reference);

/* Computes the nodes from number `first` on, those before it being up to date; 1 for all. */
void clade__reference_forward(clade__reference *reference, int first);

/* The (weighted) mean over the batch of the model's loss of the last node's values. */
double clade__reference_loss(const clade__reference *reference);

#endif
