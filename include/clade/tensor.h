/* Tensors: dense, row-major arrays in a device's memory.
 *
 * A tensor belongs to its device and is freed before it. Reading waits for the work queued so far;
 * everything else only enqueues.
 */
#ifndef CLADE_TENSOR_H
#define CLADE_TENSOR_H

#include <clade/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLADE_MAX_RANK 4

typedef struct clade_shape {
    int rank;                    /* 0 (a scalar) to CLADE_MAX_RANK */
    int64_t dim[CLADE_MAX_RANK]; /* slowest first; each at least 1 */
} clade_shape;

/* CLADE_SHAPE(64, 784): a shape from its dimensions. C11 only; C++ fills the struct itself. */
#define CLADE_SHAPE(...)                                                                           \
    ((clade_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

typedef enum clade_dtype { CLADE_FLOAT32, CLADE_INT32, CLADE_UINT8 } clade_dtype;

typedef struct clade_tensor clade_tensor;

/* The number of elements of a shape; 1 for rank 0. */
CLADE_API int64_t clade_shape_elements(clade_shape shape);

/* Bytes of one element: 4, 4, 1. */
CLADE_API size_t clade_dtype_bytes(clade_dtype dtype);

/* Makes a tensor; its contents are undefined. `data` (may be NULL) is copied in, row-major, before
 * the call returns. CLADE_ESHAPE for a bad shape, CLADE_EINVAL for a type that there is not,
 * CLADE_EDEVICEMEM when it does not fit. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tensor_create(clade_tensor **out,
                                                            clade_device *device,
                                                            clade_dtype dtype, clade_shape shape,
                                                            const void *data);
CLADE_API void clade_tensor_free(clade_tensor *tensor);

CLADE_API clade_shape clade_tensor_shape(const clade_tensor *tensor);
CLADE_API clade_dtype clade_tensor_dtype(const clade_tensor *tensor);
CLADE_API clade_device *clade_tensor_device(const clade_tensor *tensor);
CLADE_API int64_t clade_tensor_elements(const clade_tensor *tensor);
CLADE_API size_t clade_tensor_bytes(const clade_tensor *tensor);

/* Copies the whole tensor to or from host memory of clade_tensor_bytes() bytes; waits. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tensor_read(const clade_tensor *tensor, void *data);
CLADE_API CLADE_MUST_CHECK clade_status clade_tensor_write(clade_tensor *tensor, const void *data);

/* Sets every element of a float32 tensor. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tensor_fill(clade_tensor *tensor, float value);

#ifdef __cplusplus
}
#endif

#endif
