/* The processor's cores that this process computes on, where others of the same host compute too. */
#ifndef CLADE_DEVICE_CORES_H
#define CLADE_DEVICE_CORES_H

#include <stdint.h>

enum { CLADE__MOST_CORES = 1024 };

typedef struct clade__cores {
    uint64_t bits[CLADE__MOST_CORES / 64]; /* core c is bit c % 64 of word c / 64 */
} clade__cores;

/* Those that the process may use; none where there are more than there is room for. */
void clade__cores_allowed(clade__cores *cores);

/* Undoes what the process was bound to; a container's limits stay. */
void clade__cores_allow_all(void);

/* Keeps the process, all threads that it starts from now on, and a CPU's OpenCL device on its part of these: one
 * of n_parts equal ones, from 0, or one core where there are fewer cores than parts. Threads of one core stay
 * together. Only before the first OpenCL call; later, and where the system refuses, nothing changes. */
void clade__cores_take(const clade__cores *cores, int part, int n_parts);

/* Before and after the call that makes PoCL start its workers: puts each on a core of its own, of those taken. */
void clade__cores_before_workers(void);
void clade__cores_after_workers(void);

#endif
