/* Programs: the embedded kernels, built for a device once for each set of options. */
#ifndef CLADE_DEVICE_PROGRAM_H
#define CLADE_DEVICE_PROGRAM_H

#include "device/opencl.h"

typedef struct clade__kernel_source {
    const char *name; /* the file in cl/, without .cl */
    const char *text;
} clade__kernel_source;

/* Made from cl/ when the library is built; ends in a row of NULLs. */
extern const clade__kernel_source clade__kernel_sources[];

/* The built program; owned by the device. CLADE_EBUILD carries the log, the options and the
 * device. */
clade_status clade__program_find(clade__program **out, clade_device *device, const char *name,
                                 const char *options);

/* A new kernel object, to be released by the caller. */
clade_status clade__kernel_create(cl_kernel *out, clade__program *program, const char *kernel);

/* A kernel object that everyone shares: set all its arguments before each use. */
clade_status clade__kernel_shared(cl_kernel *out, clade__program *program, const char *kernel);

void clade__programs_free(clade_device *device);

#endif
