/* A transport that passes everything on to another one and notes when the sums of a step begin: when the join
 * (dist/join.h) has a bucket of gradients. Over a transport of one rank that is when the device has made it. */
#ifndef CLADE_BENCH_WATCH_H
#define CLADE_BENCH_WATCH_H

#include "dist/transport.h"

typedef struct clade__watch {
    clade__transport own; /* for ranks to use */
    clade__transport *on; /* borrowed */
    double began;         /* the step: seconds of clade__seconds() */
    double *ready;        /* (n_buckets) sums over steps: seconds from their begin; NULL until it is wanted */
    int n_buckets, next;
} clade__watch;

/* It must stay where it is while it is used. */
void clade__watch_open(clade__watch *watch, clade__transport *on);
void clade__watch_close(clade__watch *watch);

/* Forgets what it has seen; from now on there are so many sums in a step. */
clade_status clade__watch_begin(clade__watch *watch, int n_buckets);

/* Before a step. */
void clade__watch_step(clade__watch *watch);

#endif
