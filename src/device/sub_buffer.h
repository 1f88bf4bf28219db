/* Sub-buffers: what OpenCL is given for a tensor that begins within its memory.
 *
 * They are made when a command is, and live as long as whoever bound it says. Tensors of one command
 * that share memory must not be given the memory as a whole beside a part of it, nor one part twice
 * (OpenCL 1.2, 5.2.1): where one of them needs a sub-buffer, all that share its memory get one, equal
 * ones the same. */
#ifndef CLADE_DEVICE_SUB_BUFFER_H
#define CLADE_DEVICE_SUB_BUFFER_H

#include "device/opencl.h"

/* Zeroed, it is empty. */
typedef struct clade__sub_buffers {
    struct clade__sub_buffer *list;
    size_t n, capacity;
} clade__sub_buffers;

/* The OpenCL buffers of the tensors of one command; of a tensor that is NULL, NULL. */
clade_status clade__sub_buffers_bind(clade__sub_buffers *kept, const clade_tensor *const *tensors,
                                     int n, cl_mem *mems);

/* CLADE_ESHAPE, beginning with what wants it, unless a kernel can be given the tensor: it has elements
 * that an int can count, and begins where a sub-buffer may. Asks OpenCL nothing. */
clade_status clade__check_bindable(const clade_tensor *tensor, const char *label);

/* Releases all; commands that have been enqueued hold what they need. */
void clade__sub_buffers_release(clade__sub_buffers *kept);
void clade__sub_buffers_free(clade__sub_buffers *kept);

#endif
