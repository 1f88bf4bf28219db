/* What a device would build, found out without building it. */
#ifndef CLADE_TESTS_KERNEL_LIST_H
#define CLADE_TESTS_KERNEL_LIST_H

#include "device/commands.h"

/* Tells dry commands of every operation and product of `clade verify`, on all its shapes, and of what
 * `clade bench device` measures with: their kernels are what there is to build on the commands' device. */
clade_status test_note_kernels(clade__commands *dry);

/* Every option that a kernel which dry commands know is built with. */
void test_all_options(char *out, size_t out_bytes, const clade__command_info *known);

/* Whether dry commands know of a kernel that was recorded. */
bool test_is_known(const clade__commands *dry, const clade__command_info *recorded);

#endif
