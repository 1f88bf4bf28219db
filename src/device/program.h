/* Programs: the embedded kernels, built for a device once for each set of options. */
#ifndef CLADE_DEVICE_PROGRAM_H
#define CLADE_DEVICE_PROGRAM_H

#include "device/opencl.h"

typedef struct clade__kernel_source {
    const char *name; /* the file in cl/, without .cl */
    const char *text;
} clade__kernel_source;

/* Made from cl/ when the library is built, each #include resolved, with the files that are only
 * included; ends in a row of NULLs. */
extern const clade__kernel_source clade__kernel_sources[];

/* The text of a kernel file; malloc'd.
 *
 * For whoever works on kernels, and for tests: CLADE_KERNEL_DIR names a folder whose NAME.cl stands
 * in for the embedded one. Its lines #include "x.cl" are resolved from that folder, else from the
 * embedded texts; an embedded text includes nothing any more, so that a new x.cl counts only for
 * files that lie beside it. The program cache goes by the text, so it needs no clearing.
 * CLADE_EBUILD for a name that is nowhere, and when the folder or a file cannot be read. */
clade_status clade__kernel_text(char **out, const char *name);

/* What every program is built with, before its own options. Denormal numbers are zeros: a saturated sigmoid's
 * gradients are denormal, and Intel's units take a hundred cycles for each of them. */
#define CLADE__EVERY_BUILD "-cl-std=CL1.2 -cl-denorms-are-zero"

/* The built program; owned by the device. CLADE_EBUILD carries the log, the options and the
 * device. */
clade_status clade__program_find(clade__program **out, clade_device *device, const char *name,
                                 const char *options);

/* What it was asked for by, and every option it was built with; as long as the device. */
const char *clade__program_name(const clade__program *program);
const char *clade__program_options(const clade__program *program);

/* A new kernel object, to be released by the caller. */
clade_status clade__kernel_create(cl_kernel *out, clade__program *program, const char *kernel);

/* A kernel object that everyone shares: set all its arguments before each use. */
clade_status clade__kernel_shared(cl_kernel *out, clade__program *program, const char *kernel);

void clade__programs_free(clade_device *device);

#endif
