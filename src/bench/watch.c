#include "bench/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* What the other one says, as this one's. */
static clade_status passed_on(clade__transport *transport, clade_status status)
{
    const clade__watch *watch = transport->state;
    if (status != CLADE_OK) memcpy(transport->said, watch->on->said, sizeof transport->said);
    return status;
}

static clade__transport *other(const clade__transport *transport)
{
    return ((const clade__watch *)transport->state)->on;
}

static clade_status sum_floats(clade__transport *transport, float *values, int64_t n)
{
    clade__watch *watch = transport->state;
    if (watch->next < watch->n_buckets) watch->ready[watch->next++] += clade__seconds() - watch->began;
    return passed_on(transport, watch->on->calls->sum_floats(watch->on, values, n));
}

static clade_status sum_doubles(clade__transport *transport, double *values, int64_t n)
{
    return passed_on(transport, other(transport)->calls->sum_doubles(other(transport), values, n));
}

static clade_status broadcast(clade__transport *transport, void *bytes, size_t n_bytes, int root)
{
    return passed_on(transport, other(transport)->calls->broadcast(other(transport), bytes, n_bytes, root));
}

static clade_status gather(clade__transport *transport, const void *mine, size_t n_bytes, void *all)
{
    return passed_on(transport, other(transport)->calls->gather(other(transport), mine, n_bytes, all));
}

static clade_status barrier(clade__transport *transport)
{
    return passed_on(transport, other(transport)->calls->barrier(other(transport)));
}

static void end_all(clade__transport *transport, int exit_status)
{
    clade__transport_abort(other(transport), exit_status);
}

/* The other one is left by whoever opened it. */
static clade_status leave(clade__transport *transport)
{
    (void)transport;
    return CLADE_OK;
}

static const clade__transport_calls calls = {.sum_floats = sum_floats, .sum_doubles = sum_doubles,
                                             .broadcast = broadcast, .gather = gather, .barrier = barrier,
                                             .abort = end_all, .leave = leave};

void clade__watch_open(clade__watch *watch, clade__transport *on)
{
    *watch = (clade__watch){.own = *on, .on = on};
    watch->own.calls = &calls;
    watch->own.state = watch;
}

void clade__watch_close(clade__watch *watch)
{
    free(watch->ready);
    *watch = (clade__watch){0};
}

clade_status clade__watch_begin(clade__watch *watch, int n_buckets)
{
    free(watch->ready);
    watch->n_buckets = watch->next = 0;
    watch->ready = calloc((size_t)n_buckets + 1, sizeof *watch->ready);
    if (!watch->ready) return clade__fail(CLADE_ENOMEM, "no memory for %d buckets", n_buckets);
    watch->n_buckets = watch->next = n_buckets;
    return CLADE_OK;
}

void clade__watch_step(clade__watch *watch)
{
    watch->began = clade__seconds();
    watch->next = 0;
}
