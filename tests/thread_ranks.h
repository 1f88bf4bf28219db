/* A job whose ranks are threads of this process: a transport over shared memory, for tests without MPI. */
#ifndef CLADE_TESTS_THREAD_RANKS_H
#define CLADE_TESTS_THREAD_RANKS_H

#include <clade/device.h>

#include "dist/transport.h"

enum { THREAD_MOST_RANKS = 8 };

/* Runs `run` in n threads at once, each with a transport of its own; returns when all have. The threads must
 * not assert: what went wrong is for `user` to keep. */
void thread_ranks_run(int n, void (*run)(clade__transport *transport, void *user), void *user);

/* The rank's own device, for all tests of a program: it builds its kernels once. CLADE_OK, or why not. */
clade_status thread_ranks_device(const clade__transport *transport, clade_device **device);

/* The end of a group of tests that test_open_device began. */
int thread_ranks_close_devices(void **state);

#endif
