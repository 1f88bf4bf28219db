/* A libclade_mpi.so without MPI: the transport of one rank under another name, or what FAKE says is wrong. */
#include <stdio.h>

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

static const clade__transport_calls calls = {.barrier = fake_call, .leave = fake_call};

clade_status clade_mpi_open(clade__transport *transport)
{
    *transport = (clade__transport){.name = "fake", .rank = 1, .n_ranks = FAKE_RANKS, .n_host_ranks = FAKE_RANKS,
                                    .host_rank = 1, .calls = &calls};
    if (FAKE_RANKS > 0) return CLADE_OK;
    snprintf(transport->said, sizeof transport->said, "no network");
    return CLADE_ERANK;
}
#endif
