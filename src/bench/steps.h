/* A workload's training steps as something to be measured. */
#ifndef CLADE_BENCH_STEPS_H
#define CLADE_BENCH_STEPS_H

#include "bench/measure.h"
#include "bench/workloads.h"
#include "train/pass.h"

typedef struct clade__steps {
    clade_device *device;
    clade_model *model;
    clade_data *data;
    clade__shares shares;
    clade__pass pass;
    int64_t next, n_batches; /* full batches */
} clade__steps;

/* Whether a batch, 0 for the workload's own, and the bench's provider can make steps:
 * CLADE_EINVAL. */
clade_status clade__steps_check(const clade_bench *bench, int64_t batch);

typedef struct clade__steps_options {
    clade_device *device;
    int64_t batch;
    const char *provider;  /* of gemm, or NULL */
    clade__ranks *ranks;   /* who sum their gradients; NULL: nobody, and they are not kept */
    int rank, n_ranks;     /* whose equal part of each batch it is; 0 ranks: all of it */
} clade__steps_options;

/* The workload's model and data on a device; its steps are those of clade_fit, without their metrics
 * being read. What the options point to is borrowed. */
clade_status clade__steps_open(clade__steps *steps, const clade__workload *workload,
                               const clade__steps_options *options);
void clade__steps_close(clade__steps *steps);

/* Enqueues a step; of several ranks, all do it together. */
clade_status clade__steps_next(clade__steps *steps);

/* bench_train.c: the figures of a result whose batch is set; the bench has its limits. */
clade_status clade__steps_measure(clade_bench *bench, clade__steps *steps, const clade_data *data,
                                  clade_bench_train_result *result);

/* What a step needs at least, whatever computes it. */
double clade__step_flops(const clade_model *model, int64_t batch);
double clade__step_bytes(const clade_model *model, int64_t batch, const clade_data *data);

/* A call is a step. The steps are borrowed. */
clade__subject clade__steps_subject(clade__steps *steps);

#endif
