/* The OpenCL objects behind Clade's, for programs that launch kernels of their own beside it.
 * Borrowed: retain what outlives the device or tensor. The only public header that needs CL/cl.h. */
#ifndef CLADE_OPENCL_H
#define CLADE_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include <clade/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

CLADE_API cl_device_id clade_opencl_device(const clade_device *device);
CLADE_API cl_context clade_opencl_context(const clade_device *device);

/* The in-order queue on which everything of this device runs. */
CLADE_API cl_command_queue clade_opencl_queue(const clade_device *device);

/* A tensor's buffer, and the byte of it where its first element is: 0 but for a view. */
CLADE_API cl_mem clade_opencl_buffer(const clade_tensor *tensor);
CLADE_API size_t clade_opencl_offset(const clade_tensor *tensor);

#ifdef __cplusplus
}
#endif

#endif
