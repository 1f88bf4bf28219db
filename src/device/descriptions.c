#include "device/descriptions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define GPU CLADE_DEVICE_GPU
#define CPU CLADE_DEVICE_CPU

/* As vendors' drivers are known to describe them to OpenCL, from memory: none of them was asked. None is
 * said to have doubles: no kernel has any. The last of the GPUs are made up, for limits that OpenCL allows. */
const clade__description clade__descriptions[] = {
    /* AMD: 64 KiB of a compute unit's local memory, of which a group has 32 KiB with the older driver. */
    {"rx580", "AMD Radeon RX 580 (gfx803)", "Advanced Micro Devices, Inc.", GPU, 36, 1340, 1, 256, 32, 256, false},
    {"radeon-vii", "AMD Radeon VII (gfx906)", "Advanced Micro Devices, Inc.", GPU, 60, 1800, 1, 256, 64, 256, false},
    {"rx6800", "AMD Radeon RX 6800 (gfx1030)", "Advanced Micro Devices, Inc.", GPU, 30, 2105, 1, 256, 64, 256, false},
    {"radeon-780m", "AMD Radeon 780M (gfx1103)", "Advanced Micro Devices, Inc.", GPU, 6, 2700, 1, 256, 64, 256, true},
    {"arc-a380", "Intel(R) Arc(TM) A380 Graphics", "Intel(R) Corporation", GPU, 128, 2450, 1, 1024, 64, 128, false},
    {"uhd630", "Intel(R) UHD Graphics 630", "Intel(R) Corporation", GPU, 24, 1150, 1, 256, 64, 128, true},
    {"rtx3060", "NVIDIA GeForce RTX 3060", "NVIDIA Corporation", GPU, 28, 1777, 1, 1024, 48, 512, false},
    {"apple-m1", "Apple M1", "Apple", GPU, 8, 1000, 1, 256, 32, 128, true},
    {"adreno-640", "QUALCOMM Adreno(TM) 640", "QUALCOMM", GPU, 2, 585, 1, 1024, 32, 128, true},
    {"mali-g610", "Mali-G610", "ARM", GPU, 4, 1000, 1, 1024, 32, 128, true},
    {"mali-t860", "Mali-T860", "ARM", GPU, 4, 800, 4, 256, 32, 128, true}, /* of vectors, and yet no CPU */
    {"videocore-6", "V3D 4.2", "Broadcom", GPU, 1, 500, 1, 256, 16, 128, true},
    {"groups-of-128", "a GPU with work-groups of 128", "nobody", GPU, 4, 500, 1, 128, 32, 128, true},
    {"groups-of-64", "a GPU with work-groups of 64", "nobody", GPU, 4, 500, 1, 64, 16, 128, true},
    /* What else there is to a CPU stays its own. */
    {"cpu-sse", "a CPU with vectors of 4", "nobody", CPU, .float_vector_width = 4, .unified_memory = true},
    {"cpu-avx2", "a CPU with vectors of 8", "nobody", CPU, .float_vector_width = 8, .unified_memory = true},
    {.word = NULL},
};

clade_status clade__description_wanted(const clade__description **out)
{
    const char *words[sizeof clade__descriptions / sizeof *clade__descriptions], *word = getenv("CLADE_POSE");
    char hint[512];
    size_t n = 0;
    *out = NULL;
    if (!word || !*word) return CLADE_OK;
    for (const clade__description *d = clade__descriptions; d->word; d++) {
        if (strcmp(d->word, word) == 0) *out = d;
        words[n++] = d->word;
    }
    return *out ? CLADE_OK
                : clade__fail(CLADE_EINVAL, "CLADE_POSE is '%s', which is no device that is described%s", word,
                              clade__suggest(hint, sizeof hint, word, words, n));
}

void clade__description_apply(const clade__description *as, clade__found *found)
{
    clade_device_info *info = &found->info;
    if (!as || info->type != CPU) return;
    snprintf(info->name, sizeof info->name, "%s", as->name);
    snprintf(info->vendor, sizeof info->vendor, "%s", as->vendor);
    info->type = as->type;
    info->float_vector_width = as->float_vector_width;
    info->local_memory_dedicated = as->type == GPU;
    if (as->compute_units) info->compute_units = as->compute_units;
    if (as->clock_mhz) info->clock_mhz = as->clock_mhz;
    if (as->work_group_limit) info->work_group_limit = as->work_group_limit;
    if (as->local_memory_kib) info->local_memory_bytes = (uint64_t)as->local_memory_kib << 10;
    /* Less than the driver asks for would be refused by it. */
    if (as->view_alignment_bytes > info->view_alignment_bytes) info->view_alignment_bytes = as->view_alignment_bytes;
    found->types = 1u << as->type;
    found->unified_memory = as->unified_memory;
    found->has_pci = false;
}

void clade__description_note(char *line, size_t line_bytes)
{
    const char *word = getenv("CLADE_POSE");
    size_t used = strlen(line);
    if (word && *word) snprintf(line + used, line_bytes - used, "; CPUs pose as %s (CLADE_POSE)", word);
}
