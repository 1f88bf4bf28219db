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

#define CLADE_MAX_RANK 6

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

/* Bytes of one element: 4, 4, 1; and "float32", "int32", "uint8". 0 and NULL for a type that there is
 * not. */
CLADE_API size_t clade_dtype_bytes(clade_dtype dtype);
CLADE_API const char *clade_dtype_name(clade_dtype dtype);

/* Makes a tensor of at most 2^62 elements; its contents are undefined. `data` (may be NULL) is copied in,
 * row-major, before the call returns. Operations take tensors of at most 2^31 - 1 elements, and refuse
 * larger ones (CLADE_ESHAPE); a view of a part may be given to them. CLADE_ESHAPE for a bad shape,
 * CLADE_EINVAL for a type that there is not, CLADE_EDEVICEMEM when it does not fit. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tensor_create(clade_tensor **out,
                                                            clade_device *device,
                                                            clade_dtype dtype, clade_shape shape,
                                                            const void *data);
CLADE_API void clade_tensor_free(clade_tensor *tensor);

/* Makes a view: a tensor over the elements of another from number `offset` on, dense and row-major, which
 * shares its memory and is freed before it. What writes to one is seen in the other. A view may begin at
 * any element to be read, written or filled, and as a matrix of gemm. To be given to any other operation
 * it must begin at a multiple of clade_device_info's view_alignment_bytes from the start of the memory
 * (CLADE_ESHAPE of that operation otherwise): a multiple of 512 bytes, 128 float32, suits every device
 * that is known. No operation may be given views that overlap, unless they are equal, when it writes to
 * one of them. CLADE_ESHAPE for a bad shape, and where the view leaves the tensor. */
CLADE_API CLADE_MUST_CHECK clade_status clade_tensor_view(clade_tensor **out, clade_tensor *tensor,
                                                          int64_t offset, clade_shape shape);

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
