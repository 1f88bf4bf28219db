/* A lane: a second queue of a device, for copies between host and device that another thread makes while the
 * device's own commands go on.
 *
 * The thread that uses the device marks where its commands are; the lane's thread waits for a mark, then
 * fetches what lies in a tensor and puts it back. Nothing here takes the device (owner.h): whoever has a lane
 * sees to it that nobody uses the tensors meanwhile. Waiting blocks, and is not busy unless the driver is.
 *
 * With `maps`, for devices that are the host itself, the host works on the device's own memory; else on a copy. */
#ifndef CLADE_DEVICE_LANE_H
#define CLADE_DEVICE_LANE_H

#include "base/error.h"
#include "device/buffer.h"

typedef struct clade__lane clade__lane;

clade_status clade__lane_open(clade__lane **out, clade_device *device, bool maps);
void clade__lane_free(clade__lane *lane);

/* A place among the device's commands: an event. A zeroed one is no place, and waiting for it a no-op. */
typedef struct clade__mark {
    void *event;
} clade__mark;

/* Behind what has been enqueued so far; by the thread that uses the device. Both are the same place, for two
 * threads to wait for. */
clade_status clade__mark_here(clade_device *device, clade__mark *mark, clade__mark *twin);

/* Waits until the device has come there. The mark is none then. */
clade_status clade__mark_wait(clade__mark *mark);

/* *values are the tensor's, which nobody else uses until they are put back: its own memory, or `room`, which
 * has room for them. */
clade_status clade__lane_fetch(clade__lane *lane, clade_tensor *tensor, float *room, float **values);
clade_status clade__lane_put(clade__lane *lane, clade_tensor *tensor, float *values);

#endif
