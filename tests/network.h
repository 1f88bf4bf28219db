/* Models in the tests: built from a description, and run again in plain double precision. */
#ifndef CLADE_TESTS_NETWORK_H
#define CLADE_TESTS_NETWORK_H

#include "graph/plan.h"
#include "graph/reference.h"
#include "support.h"

/* Layers of a description. */
#define LINEAR(units) "{\"type\":\"linear\",\"units\":" #units "}"
#define RELU          "{\"type\":\"relu\"}"

/* A compiled model from a description; the test fails when it cannot be made. */
clade_model *net_model(clade_device *device, uint64_t seed, const char *json,
                       const clade_compile_options *options);

/* A batch: x (n, in), and either labels (n) or targets (n, outputs). */
typedef struct net_batch {
    int64_t n;
    double *x;
    int32_t *labels;
    double *targets;
    const double *weights; /* of the classes in the loss, or NULL; borrowed */
    int64_t step; /* of training, whose dropout masks the references have; 0: none */
} net_batch;

/* Random samples with random labels, each in [0, n_classes), or with random targets in [0, 1) when
 * n_classes is 0. */
net_batch net_random_batch(const clade_model *model, uint64_t seed, int64_t n, int n_classes);
net_batch net_pick(const clade_model *model, const net_batch *all, const int32_t *index, int64_t n);
void net_free_batch(net_batch *batch);

/* The same samples as a data set of n_classes classes (0: of targets). */
clade_data *net_data(const clade_model *model, const net_batch *batch, int n_classes);

/* All parameters, one after another, as they are now; malloc'd, as what follows but one. */
double *net_parameters(clade_model *model);

/* Whether the file has the model's parameters, to the last bit. */
void net_assert_saved(clade_model *model, const char *path);

/* The last layer's values (n, outputs). */
double *net_forward(const clade_model *model, const double *parameters, const net_batch *batch);

/* The mean loss of the batch, and its gradient by the formulas. */
double net_loss(const clade_model *model, const double *parameters, const net_batch *batch);
double *net_gradient(const clade_model *model, const double *parameters, const net_batch *batch);

/* A reference whose forward has run; it borrows the batch. */
clade__reference *net_reference(const clade_model *model, const double *parameters,
                                const net_batch *batch);

/* The formulas of gradients against central differences, there: of each layer alone, which fails where a
 * type has none, and of the loss by all parameters that train. */
void net_check_formulas(clade__reference *reference);

/* The loss of a reference with its parameter number k, of all values, moved by `by`; it is put back. */
double net_loss_at(clade__reference *reference, int64_t k, double by);

#endif
