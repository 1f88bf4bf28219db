/* Who uses a device: one thread at a time, from its first call that takes the device to the last one's end.
 * A call within a call of the same thread takes it once more.
 *
 * What changes the device, its buffers and programs or its queue takes it, so that a second thread is refused
 * in place of doing harm. It is two atomic operations; what only frees cannot fail, and takes nothing. */
#ifndef CLADE_DEVICE_OWNER_H
#define CLADE_DEVICE_OWNER_H

#include "base/error.h"

#include <clade/device.h>

/* CLADE_ESTATE, beginning with `what`, when another thread has the device. NULL is no device: always CLADE_OK. */
clade_status clade__device_take(clade_device *device, const char *what);

/* Gives back what the thread took; returns `status`, of what was done in between. */
clade_status clade__device_give(clade_device *device, clade_status status);

#endif
