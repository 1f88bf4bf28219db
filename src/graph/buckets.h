/* Buckets: the memory of gradients that are all kept (keep_gradients of clade_compile_options).
 *
 * Gradients lie one after another in the order in which backward makes them, the last layer's first. The row of
 * them is cut into buckets, each a buffer of its own: a bucket ends with the gradient that brings it to
 * CLADE__BUCKET_BYTES. So the ranks of a job can sum what is there while backward goes on, with one copy a
 * bucket, and what the device allows in one allocation is met hardly sooner than with a buffer for each. */
#ifndef CLADE_GRAPH_BUCKETS_H
#define CLADE_GRAPH_BUCKETS_H

#include "graph/executable.h"

#define CLADE__BUCKET_BYTES (1 << 20)

/* Where a parameter's gradient lies. */
typedef struct clade__bucket_place {
    int bucket;     /* -1: it has none */
    int64_t offset; /* float32 before it in the bucket */
} clade__bucket_place;

typedef struct clade__bucket_plan {
    clade__bucket_place *places; /* (n_parameters) */
    int64_t *sizes;              /* (n) float32 of each bucket */
    int *last_layers;            /* (n) behind the backward of which layer each is complete */
    int n;
} clade__bucket_plan;

/* At what multiple of bytes each gradient begins in its bucket: the same for all devices but unusual ones. */
size_t clade__bucket_alignment(const clade_device *device);

/* No buckets unless gradients are kept. Free it in any case. */
clade_status clade__bucket_plan_open(clade__bucket_plan *plan, const clade__executable *exe);
void clade__bucket_plan_free(clade__bucket_plan *plan);

#endif
