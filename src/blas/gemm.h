/* gemm: one entry, several providers.
 *
 * C = act(alpha * op(A) op(B) + beta * C + bias), row-major, where the bias (n) is added to every
 * row. A provider may refuse a call, with a reason; the next that takes it is used. An epilogue that
 * a provider lacks runs as a kernel of its own after it: callers never know.
 */
#ifndef CLADE_BLAS_GEMM_H
#define CLADE_BLAS_GEMM_H

#include <clade/ops.h>

#include "device/commands.h"

/* Who computes; see blas/provider.h. Where a provider is chosen, NULL is auto: the first that does not
 * refuse a call. Commands carry their choice (clade__commands_set_gemm), and a model its own. */
typedef struct clade__gemm_provider clade__gemm_provider;

/* The provider of a name, *out NULL for "auto". A name that is NULL is the environment's CLADE_GEMM, and
 * without that "auto". CLADE_EINVAL lists the providers, or suggests one, when the name is unknown. */
clade_status clade__gemm_provider_named(const clade__gemm_provider **out, const char *name);

/* "clblast"; "auto" for NULL. */
const char *clade__gemm_provider_name(const clade__gemm_provider *provider);

/* The provider of the device's immediate commands: what clade_gemm_select chose, and until then what
 * CLADE_GEMM says, whose error is given. */
clade_status clade__gemm_provider_of_device(const clade__gemm_provider **out, clade_device *device);

typedef struct clade__epilogue {
    const clade_tensor *bias; /* (n), or NULL */
    clade_activation activation;
    float slope;
} clade__epilogue;

/* Identity, relu and leaky_relu are one build of a kernel, told apart by the slope: each build is a third of a
 * second before the first step. The number of the build for an activation; see cl/activation_functions.cl.
 * *slope is leaky_relu's, and becomes the activation's. */
#define CLADE__BY_SLOPE 6
int clade__activation_build(clade_activation kind, float *slope);

/* torch.optim.SGD's numbers, as ops/sgd.c has them; lr is read at each run. */
typedef struct clade__sgd_rates {
    const float *lr;
    float momentum, weight_decay;
    float bias_decay; /* of clade__gemm_update's bias, in place of weight_decay */
    bool nesterov;
} clade__sgd_rates;

/* What clade__gemm_update changes beside C: C's velocity, and a bias (m) with its own, whose gradient
 * is the row sums of op(A). Velocities are NULL without momentum; bias may be NULL. */
typedef struct clade__sgd_state {
    clade_tensor *velocity, *bias, *bias_velocity;
} clade__sgd_state;

/* epilogue may be NULL. Checks shapes and extents, then records. */
clade_status clade__gemm(clade__commands *commands, const clade_gemm_args *args,
                         const clade__epilogue *epilogue);

/* The step of sgd on parameter C, whose gradient is op(A) op(B): the gradient's tiles go from
 * registers into the step, and are never stored. args' alpha and beta are not used, and B is not
 * transposed. Only where clade__gemm_can_update. */
clade_status clade__gemm_update(clade__commands *commands, const clade_gemm_args *args,
                                const clade__sgd_state *state, const clade__sgd_rates *rates);

/* Whether the provider that such a call gets can do it. */
bool clade__gemm_can_update(clade_device *device, const clade__gemm_provider *provider,
                            const clade_gemm_args *args);

/* Device memory that a call will need beside its matrices (all calls share one buffer), for whom
 * plans memory. The tensors of args may be NULL. */
clade_status clade__gemm_scratch_bytes(clade_device *device, const clade__gemm_provider *provider,
                                       const clade_gemm_args *args, size_t *bytes);

/* Tries such a call, with the provider that it gets, against a double-precision reference, each once for
 * a device: its sizes, transposes, leading dimensions, offsets, alpha and beta. An ld of 0 stands for
 * rows without gaps, an alpha of 0 for 1. With rates not NULL, it is tried as clade__gemm_update. Of a
 * large product a sample is compared, so that its cost is bounded. What is right is also measured, where the provider has something to choose; clade__gemm_checked says that a
 * model's calls are done, and what was measured is kept on disk. CLADE_EWRONG names provider, shape
 * and device when a result is off. The tensors of args may be NULL. */
clade_status clade__gemm_check(clade_device *device, const clade__gemm_provider *provider,
                               const clade_gemm_args *args, const clade__sgd_rates *rates);
void clade__gemm_checked(clade_device *device);

/* What clade__gemm and clade__gemm_update came to in dry commands: the largest scratch of all calls,
 * which share it; and a check of every call, each distinct one once for a device, as clade__gemm_check
 * does it. Then what was measured is kept on disk. */
clade_status clade__gemm_dry_scratch_bytes(const clade__commands *dry, size_t *bytes);
clade_status clade__gemm_check_dry(const clade__commands *dry);

/* Distinct call number i of dry commands, from 0; false behind the last. */
typedef struct clade__gemm_call {
    clade_gemm_args args; /* without tensors */
    const char *provider; /* its name */
    bool is_update;       /* of clade__gemm_update */
    size_t times;         /* how often it is made */
} clade__gemm_call;
bool clade__gemm_dry_call(const clade__commands *dry, size_t i, clade__gemm_call *call);

#endif
