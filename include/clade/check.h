/* Checks: are a network's gradients those of its loss? Does a device compute every operation as
 * it should? */
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
    const float *class_weights; /* (classes of the data) as in clade_fit_options; NULL: none */
    uint64_t reserved[8];
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
    uint64_t reserved[4];
} clade_gradcheck_parameter;

typedef struct clade_gradcheck_result {
    bool passed; /* every parameter */
    double tolerance;
    int64_t samples;
    int n_parameters;
    clade_gradcheck_parameter *parameters; /* owned by the result */
    uint64_t reserved[8];
} clade_gradcheck_result;

/* Compares the gradients that the device computes for the first samples, as training would, with
 * central differences of the loss in double precision on the host:
 * (L(w + h) - L(w - h)) / 2h with h = 1e-5 max(1, |w|), or as small as it takes not to cross a
 * kink, as that of relu.
 *
 * A parameter passes by the error of its elements together, not by the worst of them: where float32
 * is on the other side of a kink, or terms nearly cancel in it, one element may be off though the
 * gradient is right (cs231n.github.io/neural-networks-3/#gradcheck). An error under
 * 1e-7 of the network's largest gradient is float32's rounding, and counts as little.
 *
 * The model must be compiled for training with keep_gradients (else CLADE_ESTATE); it is not
 * changed. options may be NULL. CLADE_OK also when a parameter does not pass: see the result, to be
 * freed. CLADE_EINVAL for an option out of range, CLADE_EDATA for data that does not fit. */
CLADE_API CLADE_MUST_CHECK clade_status clade_gradcheck(clade_model *model, clade_data *data,
                                                        const clade_gradcheck_options *options,
                                                        clade_gradcheck_result *result);
CLADE_API void clade_gradcheck_free(clade_gradcheck_result *result);

/* ---- a device -------------------------------------------------------------------------------- */

typedef enum clade_verdict {
    CLADE_RIGHT,
    CLADE_WRONG,  /* a wrong result, or none: it did not build or run */
    CLADE_REFUSED /* a gemm provider does not take this device */
} clade_verdict;

/* "ok", "WRONG" or "refused". */
CLADE_API const char *clade_verdict_name(clade_verdict verdict);

/* An operation on one shape with one kind of values. */
typedef struct clade_verify_case {
    char op[40];       /* "softmax_backward", "gemm tiled" */
    char shape[96];    /* "(5, 65)", "(5, 65) denormal", "97x101x64 nt …" */
    char kernels[320]; /* what was launched: each with its file and build options */
    double error;      /* |got - want| of the element where it is largest for what is allowed */
    double allowed;    /* there; 0 where the result must be exact */
    double share;      /* error / allowed, at most 1 for what is right */
    int part;          /* of the work, see clade_verify_options */
    clade_verdict verdict;
    char problem[256]; /* "y[3] is 0.25, want 0.5 within 1e-06; …"; "" when it is right */
    uint64_t reserved[4];
} clade_verify_case;

typedef struct clade_verify_result {
    bool passed; /* nothing is wrong, and something was tried */
    int n_cases, n_wrong;
    clade_verify_case *cases; /* owned by the result; those of one operation follow each other */
    uint64_t reserved[8];
} clade_verify_result;

typedef struct clade_verify_options {
    const char *const *ops; /* names, or how they begin up to '_' or a blank; ends in NULL. NULL:
                             * all */
    bool small;             /* only small shapes, for an implementation that is slow */
    bool fresh;             /* no buffer is used twice, for one that follows what was written */
    /* Called before each case, unless NULL: so that it is known where a driver crashes. */
    void (*begins)(const char *op, const char *shape, void *user);
    /* So that processes can share the work: called before each part of it, an operation or a product,
     * unless NULL; false leaves the part out. A part has the same number below CLADE_VERIFY_PARTS in
     * every process, and those of later cases have higher ones. */
    bool (*takes)(int part, void *user);
    bool last_first; /* begin with the last operations */
    void *user;
    uint64_t reserved[8];
} clade_verify_options;

#define CLADE_VERIFY_PARTS 16384

/* Compares every operation, forward and backward, and every gemm provider, as this device and driver
 * compute them, with double-precision formulas on the host: over shapes that provoke trouble, with
 * ordinary values, values whose sums are exact, NaN and infinities, and denormal numbers. What may be
 * off by rounding is derived from each formula and from the precision that OpenCL C promises of its
 * functions (src/verify/trial.h). Every case runs twice, and must give the same bits; nothing around
 * a result may change.
 *
 * NaN passes through every operation but for what relu's gradient and the like decide by a
 * comparison, and infinities as IEEE 754 has it; a NaN is the largest of a row. Denormal numbers are
 * taken for zeros where the device can (-cl-denorms-are-zero), and may be anywhere, as OpenCL allows: no result
 * below 1.2e-38 counts.
 *
 * options may be NULL. CLADE_OK also when something is wrong: see the result, to be freed.
 * CLADE_EINVAL for a name that no operation has. */
CLADE_API CLADE_MUST_CHECK clade_status clade_verify(clade_device *device,
                                                     const clade_verify_options *options,
                                                     clade_verify_result *result);
CLADE_API void clade_verify_free(clade_verify_result *result);

#ifdef __cplusplus
}
#endif

#endif
