/* Every OpenCL device there is, and which of them a selector names. */
#ifndef CLADE_DEVICE_DISCOVERY_H
#define CLADE_DEVICE_DISCOVERY_H

#include <clade/opencl.h>

#include "base/error.h"

typedef struct clade__found {
    clade_device_info info;
    unsigned types;      /* bits 1 << clade_device_type: a simulator is several, see clade__select */
    cl_platform_id platform;
    cl_device_id id;
    bool has_pci;        /* the driver tells where on the bus it is */
    unsigned pci[4];     /* domain, bus, device, function */
    bool unified_memory; /* shares the host's memory */
    unsigned vendor_id;
} clade__found;

/* All devices, in the drivers' order; *found is malloc'd, at least one long. info.is_default is not
 * set yet. */
clade_status clade__discover(clade__found **found, int *n_found);

/* The largest work-group of a kernel of ours. */
#define CLADE__LARGEST_GROUP 256

/* CLADE_ENODEVICE where it cannot be used: it is not available, or offers too little. */
clade_status clade__check_usable(const clade_device_info *info);

/* The device that a selector names, as an index of `found`; why gets one line of reason. What is of
 * several types gets the one it is asked for by as its info.type. Works on the info alone, so that
 * tests can give it machines that do not exist. */
clade_status clade__select(clade__found *found, int n_found, const char *selector, int *index,
                           char *why, size_t why_bytes);

/* Sets info.same_as of each. */
void clade__mark_same(clade__found *found, int n_found);

#endif
