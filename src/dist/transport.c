#include "dist/transport.h"

#include <string.h>

/* ---- one rank -------------------------------------------------------------------------------- */

static clade_status self_sum_floats(clade__transport *transport, float *values, int64_t n)
{
    (void)transport, (void)values, (void)n;
    return CLADE_OK;
}

static clade_status self_sum_doubles(clade__transport *transport, double *values, int64_t n)
{
    (void)transport, (void)values, (void)n;
    return CLADE_OK;
}

static clade_status self_broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root)
{
    (void)transport, (void)bytes, (void)n_bytes, (void)root;
    return CLADE_OK;
}

static clade_status self_gather(clade__transport *transport, const void *mine, size_t n_bytes, void *all)
{
    (void)transport;
    if (n_bytes > 0) memmove(all, mine, n_bytes);
    return CLADE_OK;
}

static clade_status self_barrier(clade__transport *transport)
{
    (void)transport;
    return CLADE_OK;
}

static clade_status self_part(clade__transport *transport, int n_ranks, clade__transport *part)
{
    (void)transport, (void)n_ranks, (void)part;
    return CLADE_OK;
}

static void self_abort(clade__transport *transport, int exit_status)
{
    (void)transport, (void)exit_status;
}

static const clade__transport_calls self_calls = {
    .sum_floats = self_sum_floats, .sum_doubles = self_sum_doubles, .broadcast = self_broadcast,
    .gather = self_gather, .barrier = self_barrier, .part = self_part, .abort = self_abort, .leave = self_barrier};

clade__transport clade__transport_self = {
    .name = "self", .n_ranks = 1, .n_host_ranks = 1, .calls = &self_calls};

/* ---- any ------------------------------------------------------------------------------------- */

/* An implementation cannot set the thread's message; here it is set. */
static clade_status told(const clade__transport *transport, clade_status status)
{
    return status == CLADE_OK ? CLADE_OK : clade__fail(status, "%s", transport->said);
}

clade_status clade__transport_sum_floats(clade__transport *transport, float *values, int64_t n)
{
    return told(transport, transport->calls->sum_floats(transport, values, n));
}

clade_status clade__transport_sum_doubles(clade__transport *transport, double *values, int64_t n)
{
    return told(transport, transport->calls->sum_doubles(transport, values, n));
}

clade_status clade__transport_broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root)
{
    return told(transport, transport->calls->broadcast(transport, bytes, n_bytes, root));
}

clade_status clade__transport_gather(clade__transport *transport, const void *mine, size_t n_bytes,
                                     void *all)
{
    return told(transport, transport->calls->gather(transport, mine, n_bytes, all));
}

clade_status clade__transport_barrier(clade__transport *transport)
{
    return told(transport, transport->calls->barrier(transport));
}

clade_status clade__transport_part(clade__transport *transport, int n_ranks, clade__transport *part)
{
    *part = clade__transport_self;
    return told(transport, transport->calls->part(transport, n_ranks, part));
}

void clade__transport_abort(clade__transport *transport, int exit_status)
{
    transport->calls->abort(transport, exit_status);
}
