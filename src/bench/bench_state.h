/* What a bench is, to the files of this layer. */
#ifndef CLADE_BENCH_STATE_H
#define CLADE_BENCH_STATE_H

#include <clade/bench.h>

#include "bench/measure.h"
#include "device/commands.h"

struct clade_bench {
    clade_device *device;
    double seconds;
    const char *provider; /* one of clade_bench_provider's, or NULL */
    clade_device *one;  /* one compute unit of the device, once batching was measured */
    char why_not[512];  /* there is none; empty where that is not known */
    clade_bench_rank *ranks; /* of the last parallel; (n_ranks), NULL before; and (n_buckets): */
    clade_bench_bucket *buckets;
    clade_bench_to_loss_row *to_loss; /* of the last one, or NULL */
    bool has_trained; /* to an accuracy: its kernels are compiled */
    bool has_limits;
    clade__commands *dry; /* not NULL: limits are not measured, but their kernels told to these commands */
    clade_bench_limits limits;
};

/* Measures the limits unless that was done. */
clade_status clade__bench_limits(clade_bench *bench);

/* max(flops / peak, bytes / bandwidth) in seconds. The limits have been measured. */
double clade__bench_least_seconds(const clade_bench *bench, double flops, double bytes);

#endif
