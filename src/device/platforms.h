/* Platforms of OpenCL: what people call them, and what would show a device of one that has none. */
#ifndef CLADE_DEVICE_PLATFORMS_H
#define CLADE_DEVICE_PLATFORMS_H

#include <stdbool.h>

#include "device/opencl.h"

/* Lists the platforms; *platforms is malloc'd. CLADE_ENODEVICE where there is none, CLADE_ENOMEM where
 * a driver is registered and there is no memory to load it. */
clade_status clade__platforms_list(cl_platform_id **platforms, cl_uint *n_platforms);

/* How many devices a platform has: 0 for a driver without its hardware. CLADE_ENOMEM where the driver
 * says that this is what it lacks. */
clade_status clade__platform_devices(cl_platform_id platform, cl_uint *n_devices);

/* Whether `word` is a short name of the platform of this name: "pocl" of Portable Computing Language. */
bool clade__platform_is(const char *name, const char *word);

/* What would show a device of a platform that has none. */
const char *clade__platform_hint(const char *name);

#endif
