/* What a convolution and a transposed one have in common: the gradient of a bias, and the memory of a call. */
#ifndef CLADE_OPS_CONV2D_H
#define CLADE_OPS_CONV2D_H

#include "ops/check.h"
#include "ops/ops.h"

/* Sets what the gradient of a bias needs, for dy (n, channels, height, width). */
void clade__conv2d_add_bias_needs(clade__conv2d_needs *needs, clade_shape dy);

/* Checks gradients, whose bias has so many channels. */
clade_status clade__conv2d_check_gradients(const clade__check *check,
                                           const clade__conv2d_gradients *gradients,
                                           const clade_tensor *x, const clade_tensor *weight,
                                           int64_t channels);

/* Records those that are wanted by the call, which has everything but pass and output: dx is of pass `of_dx`,
 * and a bias has the sums of dy. */
clade_status clade__conv2d_record_gradients(clade__commands *commands,
                                            const clade__conv_provider *provider,
                                            clade__conv_call *call, clade__conv_pass of_dx,
                                            const clade__conv2d_gradients *gradients,
                                            const clade__conv2d_memory *memory,
                                            const clade_tensor *dy);

/* dbias (channels) = the sums of dy (n, channels, height, width) over images and planes. CLADE_EINVAL without
 * the memory. */
clade_status clade__conv2d_sum_bias(clade__commands *commands, const clade__conv2d_memory *memory,
                                    clade_tensor *dbias, const clade_tensor *dy, bool add);

/* The memory of one call of forward or backward, with what there is to be freed also after an error. It may
 * be freed at once: the pool hands a buffer on only to work that is queued after the call's. */
clade_status clade__conv2d_make(clade__conv2d_memory *out, clade_device *device,
                                const clade__conv2d_needs *needs, bool backward);
void clade__conv2d_free(clade__conv2d_memory *memory);

#endif
