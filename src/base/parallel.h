/* A loop over parts, on all cores. */
#ifndef CLADE_BASE_PARALLEL_H
#define CLADE_BASE_PARALLEL_H

#include <stdint.h>

#include "base/error.h"

/* How many threads a loop runs on: the cores that this process may use, at most 64. */
int clade__parallel_threads(void);

/* How many parts to cut work in, of which each is to have at least this much: a few for a thread, so
 * that one which is held up does not hold up all; at least 1. */
int clade__parallel_parts(int64_t work, int64_t least);

/* Sets both numbers, for tests; 0: as above. */
void clade__parallel_set(int n_threads, int n_parts);

/* Calls run(context, part) once for each part from 0 to n_parts - 1, on several threads at once, and
 * returns when all calls have. When threads cannot be made, the calling thread does their parts. When
 * parts fail, status and message are those of the lowest of them, so that no failure depends on the
 * number of threads. The threads receive no signals. */
CLADE_MUST_CHECK clade_status clade__parallel(int n_parts, clade_status (*run)(void *context, int part),
                                              void *context);

#endif
