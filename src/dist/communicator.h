/* The communicator: what joins the gradients of several ranks between backward and optimizer.
 *
 * A rank is one process with one device. all_reduce records whatever replaces a gradient by the mean
 * over all ranks; it runs in the device's queue order, so a step never waits for the host. Here is
 * the one-rank form, which records nothing.
 */
#ifndef CLADE_DIST_COMMUNICATOR_H
#define CLADE_DIST_COMMUNICATOR_H

#include "device/commands.h"

typedef struct clade__communicator {
    const char *name;
    int rank, n_ranks;
    clade_status (*all_reduce)(const struct clade__communicator *communicator,
                               clade__commands *commands, clade_tensor *gradient);
} clade__communicator;

extern const clade__communicator clade__communicator_self;

#endif
