/* A libclade_mpi.so without MPI: the last of two ranks, whose other rank says whatever it says itself; or what
 * FAKE_… says is wrong. */
#include <stdio.h>
#include <string.h>

#include "dist/mpi_transport.h"

#ifndef FAKE_VERSION
#define FAKE_VERSION CLADE_VERSION
#endif
#ifndef FAKE_RANKS
#define FAKE_RANKS 2
#endif

const char clade_mpi_version[] = FAKE_VERSION;

#ifndef FAKE_HOLLOW
static clade_status fake_call(clade__transport *transport)
{
    (void)transport;
    return CLADE_OK;
}

static clade_status fake_gather(clade__transport *transport, const void *mine, size_t n_bytes, void *all)
{
    for (int r = 0; r < transport->n_ranks; r++) memcpy((char *)all + (size_t)r * n_bytes, mine, n_bytes);
    if (n_bytes > 8) ((char *)all)[8] ^= 1; /* the hash in a report (dist/agree.c): ranks always differ */
    return CLADE_OK;
}

static clade_status fake_broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root)
{
    (void)transport, (void)bytes, (void)n_bytes, (void)root;
    return CLADE_OK;
}

static void fake_abort(clade__transport *transport, int exit_status)
{
    (void)transport, (void)exit_status;
}

static const clade__transport_calls calls = {.barrier = fake_call, .gather = fake_gather, .broadcast = fake_broadcast, .abort = fake_abort,
                                             .leave = fake_call};

clade_status clade_mpi_open(clade__transport *transport)
{
    *transport = (clade__transport){.name = "fake", .rank = 1, .n_ranks = FAKE_RANKS, .n_host_ranks = FAKE_RANKS,
                                    .host_rank = 1, .calls = &calls};
    if (FAKE_RANKS > 0) return CLADE_OK;
    snprintf(transport->said, sizeof transport->said, "no network");
    return CLADE_ERANK;
}
#endif
