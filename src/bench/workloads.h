/* The workloads of `clade bench train`: networks that are known elsewhere, on random data. */
#ifndef CLADE_BENCH_WORKLOADS_H
#define CLADE_BENCH_WORKLOADS_H

#include <clade/bench.h>
#include <clade/data.h>
#include <clade/model.h>

#include "base/error.h"

typedef struct clade__workload {
    clade_bench_workload about;
    int n_dims;       /* 0: the network is `layers` */
    int64_t dims[5];  /* input, hidden, …, output */
    const char *layers; /* a description, of images of bytes (channels, height, width) in 10 classes */
    int64_t image[3];
    bool sigmoid;     /* after every layer, the last too; else relu between layers */
    bool bytes;       /* samples are uint8, as images are, else float32 */
    clade_loss loss;
    clade_optimizer optimizer;
    clade_init weight, bias;
    int64_t n_samples;
} clade__workload;

extern const clade__workload clade__workloads[];
extern const int clade__n_workloads;

/* CLADE_EINVAL, with those that there are, for a name that is none. */
clade_status clade__workload_find(const char *name, const clade__workload **out);

typedef struct clade__workload_options {
    int64_t batch;
    const char *gemm; /* a provider, or NULL */
    bool keep_gradients;
} clade__workload_options;

/* The network, compiled. */
clade_status clade__workload_model(clade_model **out, const clade__workload *workload, clade_device *device,
                                   const clade__workload_options *options);

/* Random samples and labels; as many as the workload has, and at least one batch. */
clade_status clade__workload_data(clade_data **out, const clade__workload *workload, int64_t batch);

#endif
