/* Descriptions of devices that are not here: what a GPU would tell of itself, for a CPU to pass for it, which can run
 * everything. CLADE_POSE names one; then what the library decides, and the options that it builds its kernels with,
 * are as on that GPU, and the CPU's driver runs it. For tests of those decisions, and for tests/check_offline, where
 * compilers for such GPUs compile what would be built there. */
#ifndef CLADE_DEVICE_DESCRIPTIONS_H
#define CLADE_DEVICE_DESCRIPTIONS_H

#include "device/discovery.h"

typedef struct clade__description {
    const char *word;         /* what CLADE_POSE says */
    const char *name, *vendor; /* as the device's driver tells them */
    clade_device_type type;
    int compute_units, clock_mhz;
    int float_vector_width;   /* native */
    size_t work_group_limit;
    int local_memory_kib;
    size_t view_alignment_bytes;
    bool unified_memory;      /* shares the host's */
} clade__description;

/* Ends in one whose word is NULL. What is 0 is the device's own. */
extern const clade__description clade__descriptions[];

/* The one that CLADE_POSE names, NULL where it is not set. CLADE_EINVAL for a word that none has. */
clade_status clade__description_wanted(const clade__description **out);

/* Makes a CPU tell what is described; memory, driver and platform stay its own. NULL changes nothing. */
void clade__description_apply(const clade__description *as, clade__found *found);

/* Appends to a line that a CPU is not what it seems, where CLADE_POSE says so. */
void clade__description_note(char *line, size_t line_bytes);

#endif
