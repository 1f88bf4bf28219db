/* A model in plain double precision on the host, by the formulas of its layers' rows: what the device's
 * results are compared with, in `clade gradcheck` and in the tests. It shares nothing with the
 * kernels. */
#ifndef CLADE_GRAPH_REFERENCE_H
#define CLADE_GRAPH_REFERENCE_H

#include "graph/model.h"

/* What a network sees, and what its losses compare with. */
typedef struct clade__reference_batch {
    int64_t n;
    const double *const *x; /* (inputs of the network): (n, input…), whole numbers of an int32 input */
    /* Where a loss has the target of the data: labels, each in range, or with labels NULL targets. */
    const int32_t *labels; /* (n) */
    const double *targets; /* (n, outputs) */
    const double *weights; /* (classes), of the first loss's rows whose labels they are; NULL: all 1 */
    int64_t step; /* whose masks dropout has; 0: none, as outside training */
} clade__reference_batch;

typedef struct clade__reference {
    const clade_model *model;
    clade__reference_batch batch; /* its arrays are borrowed */
    double *parameters; /* all of the model's, one after another: the caller's to set and change */
    const double **w;   /* (n_parameters) where each begins */
    double **y;         /* (n_nodes): each value (n, shape…); NULL for those of inputs */
    double *gradients;  /* as the parameters lie, of the loss: by clade__reference_backward; NULL before */
    double **dy;        /* (n_nodes) the same of each value; NULL for inputs and what is no float32 */
    const double **pointers; /* room for those of one layer */
    double **outputs;
} clade__reference;

/* The model needs a graph, not a device. CLADE_EINVAL for a layer that has no formula. */
clade_status clade__reference_create(clade__reference **out, const clade_model *model,
                                     const clade__reference_batch *batch);
void clade__reference_free(clade__reference *reference);

/* Computes the layers from number `first` on, those before it being up to date; 0 for all. */
void clade__reference_forward(clade__reference *reference, int first);

/* The values (n, shape…) of a node. */
const double *clade__reference_values(const clade__reference *reference, const clade_node *node);

/* The sum of the model's losses, each the (weighted) mean over its counted rows. */
double clade__reference_loss(const clade__reference *reference);

/* Computes the gradients of that, after forward. CLADE_EINVAL for a layer whose gradient has no formula. */
clade_status clade__reference_backward(clade__reference *reference);

#endif
