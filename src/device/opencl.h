/* The OpenCL side of a device: for the layers device, blas and ops, which alone see CL/cl.h. */
#ifndef CLADE_DEVICE_OPENCL_H
#define CLADE_DEVICE_OPENCL_H

#include <clade/opencl.h>

#include <stdatomic.h>

#include "base/error.h"
#include "device/commands.h"
#include "device/quirks.h"

typedef struct clade__program clade__program;
typedef struct clade__profile clade__profile;

struct clade_device {
    clade_device_info info;
    char reason[512];
    cl_device_id id;
    atomic_uintptr_t owner; /* the thread that uses the device, as owner.c tells threads apart; 0: none */
    int n_taken;            /* by that thread */
    bool is_part; /* id is a sub-device of our own */
    bool memory_is_limited; /* to info.global_memory_bytes, by CLADE_MEMORY */
    cl_context context;
    cl_command_queue queue; /* in order */
    clade__quirks quirks;
    char *tuned;            /* see tuned.h; NULL: nothing was */
    clade__buffer *pool;    /* freed buffers, newest first */
    uint64_t bytes_held, bytes_peak; /* taken from the driver, the pool's included */
    clade__program *programs;
    clade__commands *immediate;
    clade__profile *profile; /* NULL while profiling is off */
    clade__profile *last_profile;

    /* What a higher layer keeps beside the device, freed with it. */
    void *blas;
    void (*blas_free)(void *blas);
};

/* "CL_OUT_OF_RESOURCES". */
const char *clade__cl_name(cl_int error);

/* "CALL: CL_SYMBOL (DETAIL)" with a status that fits the error; detail may be NULL. */
clade_status clade__fail_cl(const char *call, cl_int error, const char *detail);

/* The OpenCL buffers of the tensors of a clade__commands_call to come (of NULL, NULL): for as long as
 * the commands, and of immediate ones until that call. */
clade_status clade__commands_bind(clade__commands *commands, const clade_tensor *const *tensors,
                                  int n, cl_mem *mems);

cl_mem clade__buffer_mem(const clade__buffer *buffer);
size_t clade__buffer_bytes(const clade__buffer *buffer);

/* Waits, then replaces the queue by one with or without event timestamps. */
clade_status clade__queue_with(clade_device *device, bool profiling);

/* The commands that enqueue at once; made when a device is opened. */
clade_status clade__commands_create_immediate(clade__commands **out, clade_device *device);

/* A command that has been enqueued while profiling is on. */
typedef struct clade__profiled {
    const char *label; /* must outlive the device */
    clade__scope scope;
    int64_t before;    /* clade__profile_before(), asked for before the enqueue */
    bool of_call;      /* another library enqueued it, the last one of maybe several */
} clade__profiled;

/* Takes over the event's reference. */
void clade__profile_add(clade_device *device, const clade__profiled *command, cl_event event);
int64_t clade__profile_before(const clade_device *device);
void clade__profile_free(clade__profile *profile);

#endif
