/* What a device would build, found out without building it. */
#ifndef CLADE_TESTS_KERNEL_LIST_H
#define CLADE_TESTS_KERNEL_LIST_H

#include "device/commands.h"

/* Tells dry commands of every operation and product of `clade verify`, on all its shapes, and of what
 * `clade bench device` measures with: their kernels are what there is to build on the commands' device. */
clade_status test_note_kernels(clade__commands *dry);

#endif
