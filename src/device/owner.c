#include "device/owner.h"

#include "device/opencl.h"

/* Its address tells threads apart. */
static _Thread_local char here;

clade_status clade__device_take(clade_device *device, const char *what)
{
    if (!device) return CLADE_OK;
    const uintptr_t me = (uintptr_t)&here;
    uintptr_t nobody = 0;
    /* Only this thread sets or clears its own address, so what it reads of that is never old. */
    if (atomic_load_explicit(&device->owner, memory_order_relaxed) != me &&
        !atomic_compare_exchange_strong_explicit(&device->owner, &nobody, me, memory_order_acquire,
                                                 memory_order_relaxed))
        return clade__fail(CLADE_ESTATE, "%s: another thread is using %s: a device is used by one thread "
                           "at a time; open it again for the other", what, device->info.name);
    device->n_taken++;
    return CLADE_OK;
}

clade_status clade__device_give(clade_device *device, clade_status status)
{
    if (device && --device->n_taken == 0)
        atomic_store_explicit(&device->owner, 0, memory_order_release);
    return status;
}
