/* Device memory: buffers from the device's pool, and tensors over them.
 *
 * A freed buffer goes back to the pool and serves the next request of about its size; what the pool
 * keeps is given back to the driver when memory runs short and when the device is freed. */
#ifndef CLADE_DEVICE_BUFFER_H
#define CLADE_DEVICE_BUFFER_H

#include <clade/tensor.h>

typedef struct clade__buffer clade__buffer;

/* CLADE_EDEVICEMEM names the bytes asked for, held, and the device's limits. */
clade_status clade__buffer_create(clade__buffer **out, clade_device *device, size_t bytes);
void clade__buffer_free(clade__buffer *buffer);

/* Whether the device has less memory than it could, by CLADE_MEMORY. */
bool clade__memory_is_limited(const clade_device *device);

/* Gives the pool's buffers back to the driver. */
void clade__pool_trim(clade_device *device);

struct clade_tensor {
    clade_device *device;
    clade_dtype dtype;
    clade_shape shape;
    clade__buffer *buffer; /* NULL: without memory, for dry commands alone */
    int64_t offset;        /* elements of the buffer before the first */
    bool owns_buffer;      /* false for a view */
};

/* A tensor over a borrowed buffer of at least its size; plain value, nothing to free. */
clade_tensor clade__tensor_view(clade_device *device, clade__buffer *buffer, clade_dtype dtype,
                                clade_shape shape);

/* A view of `tensor` with another shape of as many elements, or fewer (its first ones). */
clade_tensor clade__tensor_reshaped(const clade_tensor *tensor, clade_shape shape);

/* clade_tensor_view as a plain value, unchecked. */
clade_tensor clade__tensor_part(const clade_tensor *tensor, int64_t offset, clade_shape shape);

/* Where the tensor begins in its buffer. */
size_t clade__tensor_offset_bytes(const clade_tensor *tensor);

/* The memory from its start to the tensor's end. */
clade_tensor clade__tensor_whole(const clade_tensor *tensor);

/* CLADE_ESHAPE unless the dimensions are at least 1, at most CLADE_MAX_RANK of them, and their
 * product is at most 2^62. `what` names the tensor in the message. */
clade_status clade__shape_check(clade_shape shape, const char *what);

/* The same, and its elements can be counted by a kernel, in int. */
clade_status clade__shape_check_counted(clade_shape shape, const char *what);
bool clade__shape_equal(clade_shape a, clade_shape b);

/* "(64, 784)" in out; returns out. */
#define CLADE__SHAPE_TEXT_BYTES 136 /* holds any */
char *clade__shape_text(char *out, size_t out_bytes, clade_shape shape);

/* The last dimension (1 for rank 0), and the product of the others. */
int64_t clade__shape_cols(clade_shape shape);
int64_t clade__shape_rows(clade_shape shape);

/* Starts to copy n bytes into the tensor, or out of it; the host memory must hold until
 * clade__transfer_wait. A transfer is a plain value; waiting for a zeroed one is a no-op. */
typedef struct clade__transfer {
    clade_device *device;
    void *event;
} clade__transfer;

clade_status clade__tensor_write_begin(clade_tensor *tensor, size_t offset_bytes, const void *data,
                                       size_t n_bytes, clade__transfer *transfer);
clade_status clade__tensor_read_begin(const clade_tensor *tensor, size_t offset_bytes, void *data,
                                      size_t n_bytes, clade__transfer *transfer);
clade_status clade__transfer_wait(clade__transfer *transfer);

/* Enqueues a copy between two tensors of one device, of as many bytes and with no memory in common; they
 * may begin anywhere. */
clade_status clade__tensor_copy(clade_tensor *dst, const clade_tensor *src, clade_phase phase);

#endif
