/* Checks of a network on a device: are its gradients those of its loss? */
#ifndef CLADE_CHECK_H
#define CLADE_CHECK_H

#include <clade/data.h>
#include <clade/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeros mean the defaults. */
typedef struct clade_gradcheck_options {
    int64_t samples;  /* the first of the data; 0 means 8. Never more than a micro-batch or the data */
    int64_t elements; /* of each parameter; 0 means 20, CLADE_ALL all */
    double tolerance; /* 0 means 1e-3 */
    uint64_t seed;    /* which elements */
} clade_gradcheck_options;

/* One parameter, over the elements that were checked: a the device's gradients, n the numbers they
 * are compared with, and g the largest of either in the whole network. */
typedef struct clade_gradcheck_parameter {
    const char *name;          /* owned by the model */
    clade_shape shape;
    int64_t checked;
    double error;              /* ‖a - n‖ / max(‖a‖ + ‖n‖, 1e-4 g sqrt(checked)) */
    double max_relative_error; /* of an element: |a - n| / max(|a|, |n|, 1e-6 g) */
    double max_absolute_error;
    bool passed;               /* error is at most the tolerance */
} clade_gradcheck_parameter;

typedef struct clade_gradcheck_result {
    bool passed; /* every parameter */
    double tolerance;
    int64_t samples;
    int n_parameters;
    clade_gradcheck_parameter *parameters; /* owned by the result */
} clade_gradcheck_result;

/* Compares the gradients that the device computes for the first samples, as training would, with
 * central differences of the loss in double precision on the host:
 * (L(w + h) - L(w - h)) / 2h with h = 1e-5 max(1, |w|).
 *
 * A parameter passes by the error of its elements together, not by the worst of them: where a step
 * of h takes relu or max over its kink, or terms nearly cancel in float32, one element may be off
 * though the gradient is right (cs231n.github.io/neural-networks-3/#gradcheck). An error under
 * 1e-7 of the network's largest gradient is float32's rounding, and counts as little.
 *
 * The model must be compiled for training with keep_gradients (else CLADE_ESTATE); it is not
 * changed. options may be NULL. CLADE_OK also when a parameter does not pass: see the result, to be
 * freed. CLADE_EINVAL for an option out of range, CLADE_EDATA for data that does not fit. */
CLADE_API CLADE_MUST_CHECK clade_status clade_gradcheck(clade_model *model, clade_data *data,
                                                        const clade_gradcheck_options *options,
                                                        clade_gradcheck_result *result);
CLADE_API void clade_gradcheck_free(clade_gradcheck_result *result);

#ifdef __cplusplus
}
#endif

#endif
