/* How a tiled gemm is cut into work-groups, measured on this device and kept on disk.
 *
 * A partition says how many tiles a group does along m and n, and whether the blocks of k have groups
 * of their own (split). It changes when a result is computed, never what: every partition gives the
 * same bits. So the fastest that was seen is taken, shape by shape, and kept in a file of the cache
 * folder for the next process; a file that is damaged, or of another device or driver, is as none.
 */
#ifndef CLADE_BLAS_TUNING_H
#define CLADE_BLAS_TUNING_H

#include "blas/provider.h"

#define CLADE__MAX_PARTITIONS 12

typedef struct clade__partition {
    int tiles_m, tiles_n;
    bool split;
} clade__partition;

/* What is known of a call: the partition on trial, or the tuned one; false when there is neither. */
bool clade__tuning_find(const clade_device *device, const clade_gemm_args *args, bool update,
                        clade__partition *partition);

/* Measures the partitions that the provider offers for a call, unless it is known. `run` enqueues
 * the call once. */
typedef clade_status clade__tuning_run(const void *context);
clade_status clade__tuning_measure(clade_device *device, const clade__gemm_provider *provider,
                                   const clade_gemm_args *args, bool update, clade__tuning_run *run,
                                   const void *context);

/* From now on measures what is known too, each once, and five times as long. */
clade_status clade__tuning_again(clade_device *device);

/* Remembers a partition for a call. */
void clade__tuning_set(clade_device *device, const clade_gemm_args *args, bool update,
                       clade__partition partition);

/* Writes what was measured since the last time; a cache that cannot be written is no error. */
void clade__tuning_save(clade_device *device);
void clade__tuning_free(clade__tuning *tuning);

#endif
