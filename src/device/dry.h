/* What dry commands keep of the calls that are made of them: see commands.h. */
#ifndef CLADE_DEVICE_DRY_H
#define CLADE_DEVICE_DRY_H

#include "device/commands.h"

/* Zeroed, it is empty. */
typedef struct clade__dry {
    size_t n_commands;
    struct clade__dry_kernel *kernels;
    size_t n_kernels, kernels_capacity;
    struct clade__dry_note *notes;
    size_t n_notes, notes_capacity;
} clade__dry;

clade_status clade__dry_launch(clade__dry *dry, const clade__launch *launch);
clade_status clade__dry_note(clade__dry *dry, const char *kind, const void *data, size_t bytes,
                             clade__note_same *same);
clade__command_info clade__dry_kernel_at(const clade__dry *dry, size_t i);
const void *clade__dry_note_at(const clade__dry *dry, size_t i, const char *kind);
size_t clade__dry_note_times(const clade__dry *dry, size_t i);
void clade__dry_free(clade__dry *dry);

#endif
