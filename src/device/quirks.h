/* Workarounds for particular OpenCL implementations; all of them are in quirks.c. */
#ifndef CLADE_DEVICE_QUIRKS_H
#define CLADE_DEVICE_QUIRKS_H

#include <stdbool.h>

#include <clade/device.h>

typedef struct clade__quirks {
    bool caches_programs;     /* keeps built programs on disk itself */
    bool loops_end_early;     /* a work-item may not do much: no gemm of ours, no rows by vectors */
    bool prefetch_by_builtin; /* kernels may use clang's __builtin_prefetch */
    bool renders_in_software; /* a CPU behind a graphics driver, slower than any runtime for CPUs */
    bool emulates_fma;        /* fma() is a hundred times slower than mad() */
    bool clblast_is_untuned;  /* CLBlast's database has nothing that fits it */
} clade__quirks;

/* Sets what must be in the environment before the first OpenCL call, and changes nothing that is set but
 * POCL_CACHE_DIR, where several ranks of a job are on this host. */
void clade__quirks_before_opencl(void);

/* Around what makes a driver start, one thread at a time: what the program does at signals that end or stop it stays so,
 * whatever the driver does. */
void clade__quirks_before_driver(void);
void clade__quirks_after_driver(void);

/* Makes a CPU's driver compute with so many threads, which the caller puts on cores. False, and nothing changes,
 * where OpenCL has been called before, or the user has said it. */
bool clade__quirks_limit_workers(int n);

/* What is particular about a device. */
clade__quirks clade__quirks_of(const clade_device_info *info);

#endif
