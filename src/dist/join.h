/* The join: how the gradients of a step become their sums over the ranks of a job, while backward goes on.
 *
 * Gradients lie in buckets, in the order in which backward makes them. Among the recorded commands of a step
 * stand two kinds of calls: one says that a bucket is ready, and the other, before the optimizer's commands,
 * that its sum is wanted there. A thread of the join's own waits for the device to come to the first, fetches
 * the bucket by a second queue, sums it with the other ranks, and puts it back; the second lets the thread that
 * trains wait until that is done. Nobody waits busily.
 *
 *   device    forward … backward of c │ of b │ of a │                      │ step of c │ of b, a
 *   join      meeting                 └ sum of c ─┬─ sum of b ─┬─ sum of a ┘
 *
 * Each rank's gradients are its part of the mean over the whole batch, so that the join is a plain sum. A step
 * begins with a meeting (ranks.h), which the device's work hides. A rank whose step fails takes part until its
 * end, with zeros, since the others wait for it; at the next meeting all hear of it. */
#ifndef CLADE_DIST_JOIN_H
#define CLADE_DIST_JOIN_H

#include "device/commands.h"
#include "dist/ranks.h"

typedef struct clade__join clade__join;

/* Borrowed, until it is freed; buckets of float32. */
typedef struct clade__join_options {
    clade__ranks *ranks;
    clade_device *device;
    clade_tensor *const *buckets;
    int n_buckets;
} clade__join_options;
clade_status clade__join_open(clade__join **out, const clade__join_options *options);
void clade__join_free(clade__join *join);

/* Records that a bucket is ready: in their order, each once a step. And that its sum is wanted. */
clade_status clade__join_record_ready(clade__join *join, clade__commands *commands, int bucket);
clade_status clade__join_record_wait(clade__join *join, clade__commands *commands, int bucket);

/* Before a step's commands are run: the ranks meet. */
void clade__join_begin(clade__join *join, const clade__votes *votes);

/* What steps have taken; seconds since the join was opened. */
typedef struct clade__join_times {
    int64_t n_steps;
    double computing; /* from a step's beginning until the device has made all gradients */
    double joining;   /* of the buckets, one after another */
    double exposed;   /* from there to the last bucket's end: what computing has not hidden */
} clade__join_times;

/* After them, however they ended: waits for what is on its way. Returns `status`, unless that is CLADE_OK and
 * the join has failed, or another rank. */
clade_status clade__join_end(clade__join *join, clade_status status);
clade__join_times clade__join_times_of(const clade__join *join);

#endif
