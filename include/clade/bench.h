/* Measurements of a device, and of this library on it, each as a share of what the device can do.
 *
 * A bench is opened on a device and measures one thing a call. Every time is the median, the least
 * and the spread of blocks of calls that are enqueued back to back, as a training step enqueues
 * them, with one wait at a block's end. Calls wait until their work is done. The device's limits
 * are measured once a bench, when they are first needed.
 *
 * A bench is used by one thread, and the first gemm beside OpenBLAS starts short-lived child
 * processes (see clade_bench_openblas).
 */
#ifndef CLADE_BENCH_H
#define CLADE_BENCH_H

#include <clade/device.h>
#include <clade/job.h>
#include <clade/train.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_bench clade_bench;

typedef struct clade_bench_options {
    double seconds;       /* for each measurement, about; 0 means 0.3. At most 60 */
    const char *provider; /* of gemm: a name of clade_bench_provider. NULL: gemm measures all that
                           * take the shape, train uses the one that training would */
    uint64_t reserved[8];
} clade_bench_options;

/* The device is borrowed; options may be NULL. CLADE_EINVAL for an option out of range, and for an
 * unknown provider, with those that there are. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_open(clade_bench **out, clade_device *device,
                                                         const clade_bench_options *options);
CLADE_API void clade_bench_free(clade_bench *bench);

/* Seconds of one call: over the blocks, the median, the least, and the distance between the first
 * and the third quartile. */
typedef struct clade_bench_time {
    double median, min, spread;
    int n_blocks;
    uint64_t reserved[4];
} clade_bench_time;

/* ---- the device ------------------------------------------------------------------------------ */

/* What a device was seen to do at its best, and what a launch costs. */
typedef struct clade_bench_limits {
    double flops_per_second;  /* float32, an fma counted as two; the best variant of a kernel that
                               * does nothing else */
    int vector_width, accumulators; /* that variant: floats of a vector, independent vectors */
    double copy_bytes_per_second;   /* a = b: reads and writes */
    double triad_bytes_per_second;  /* a = b + s c */
    double update_bytes_per_second; /* a = s a + 1, in place, as an optimizer does */
    double bytes_per_second;        /* the largest of the three */
    uint64_t array_bytes;           /* of each array; meant to be far larger than any cache */
    clade_bench_time launch_host;   /* of an empty kernel: processor time of the calling thread */
    clade_bench_time launch;        /* the same end to end, back to back */
    clade_bench_time round_trip;    /* one empty kernel, and waiting for it */
    uint64_t reserved[8];
} clade_bench_limits;

CLADE_API CLADE_MUST_CHECK clade_status clade_bench_device(clade_bench *bench,
                                                           clade_bench_limits *limits);

/* ---- gemm ------------------------------------------------------------------------------------ */

/* C (m, n) = op(A) op(B), op(A) is (m, k) and op(B) is (k, n). */
typedef struct clade_bench_shape {
    int64_t m, n, k;
    bool trans_a, trans_b;
    uint64_t reserved[4];
} clade_bench_shape;

/* Provider number i: "tiled", "local", "clblast", "openblas"; NULL after the last. */
CLADE_API const char *clade_bench_provider(int i);

/* Shape number i of the list that `clade bench gemm` goes through: every gemm of the workloads'
 * steps, then cubes of 128 to 2048. False after the last. */
CLADE_API bool clade_bench_gemm_shape(int i, clade_bench_shape *shape);

typedef struct clade_bench_gemm_result {
    const char *provider;
    clade_bench_time time;
    double flops_per_second; /* by the median; 2 m n k in a call */
    double share_of_peak;    /* NaN for openblas when the device is no CPU */
    uint64_t reserved[4];
} clade_bench_gemm_result;

#define CLADE_BENCH_MAX_PROVIDERS 8

/* One shape with each provider that takes it, in turns, into results[0 … *n_results). Every
 * result is compared with a double-precision reference: CLADE_EWRONG when one is off. CLADE_ESHAPE
 * for a size out of range, CLADE_EDEVICEMEM when the matrices do not fit, CLADE_EINVAL when the
 * one provider asked for refuses, CLADE_ESTATE when that is openblas and it is not installed. */
CLADE_API CLADE_MUST_CHECK clade_status
clade_bench_gemm(clade_bench *bench, const clade_bench_shape *shape,
                 clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS], int *n_results);

/* OpenBLAS is found at run time (libopenblas.so.0) and runs in this process, on the host's
 * processors, with as many threads as the device has compute units where the device is a CPU, else
 * as there are processors. As shipped it can take kernels that are not the fastest for a
 * processor, so each of a few core types is tried in a child process first. */
typedef struct clade_bench_openblas_info {
    char config[256];  /* as OpenBLAS describes itself, version first */
    char core[64];     /* the kernels in use */
    char tried[256];   /* "SkylakeX 410, Haswell 205 GFLOP/s": what was seen at 512³ */
    int n_threads;
    uint64_t reserved[4];
} clade_bench_openblas_info;

/* False when it is not installed; it is loaded at the first call of a process. */
CLADE_API bool clade_bench_openblas(clade_bench *bench, clade_bench_openblas_info *info);

/* ---- operations ------------------------------------------------------------------------------ */

typedef struct clade_bench_op_result {
    const char *op;
    int64_t rows, cols;
    clade_bench_time time;
    double flops, bytes;  /* of one call: arithmetic; each operand read or written once */
    double share_of_roof; /* of max(flops / peak, bytes / bandwidth) */
    uint64_t reserved[4];
} clade_bench_op_result;

/* Operation number i, and size number i, of the tables; NULL and false after the last. */
CLADE_API const char *clade_bench_op_name(int i);
CLADE_API bool clade_bench_op_size(int i, int64_t *rows, int64_t *cols);

/* Measures operation number `op` on (rows, cols). */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_op(clade_bench *bench, int op, int64_t rows,
                                                       int64_t cols,
                                                       clade_bench_op_result *result);

/* ---- training -------------------------------------------------------------------------------- */

typedef struct clade_bench_workload {
    const char *name;
    const char *about;  /* one line: layers, loss, optimizer, data */
    int64_t batches[2]; /* what it is usually measured at; 0: none */
} clade_bench_workload;

/* Workload number i; NULL after the last. */
CLADE_API const clade_bench_workload *clade_bench_workload_at(int i);

typedef struct clade_bench_train_result {
    const char *workload;
    int64_t batch;
    clade_bench_time time; /* of a step */
    double samples_per_second;
    double flops;          /* of a step: 2 m n k for each gemm, and nothing else */
    double bytes;          /* of a step: the least that must go through memory; see bench_train.c */
    double flops_per_second;
    double share_of_limit; /* max(flops / peak, bytes / bandwidth) / the median */
    double host_seconds;   /* of a step: processor time of the thread that enqueues it */
    uint64_t reserved[8];
} clade_bench_train_result;

/* Trains a workload on random data that lies on the device. batch 0: the workload's first.
 * CLADE_EINVAL for an unknown name, with those that there are, and for a batch below 0 or too
 * large. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_train(clade_bench *bench, const char *workload,
                                                          int64_t batch,
                                                          clade_bench_train_result *result);

/* The same of a model that was compiled for training on the bench's device, on data that it can be fitted to: its own
 * batches, in an order of its own. It takes what it must know of the data, and its parameters are changed. The
 * result's workload is NULL. CLADE_EINVAL for a model of another device, and for data of less than a batch; else as
 * clade_fit. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_model(clade_bench *bench, clade_model *model,
                                                          const clade_data *data,
                                                          clade_bench_train_result *result);

/* What a training takes to an accuracy. */
typedef struct clade_bench_accuracy_result {
    uint64_t seed;
    bool reached;
    int epochs;
    int64_t steps;
    double seconds;  /* of training, validation not counted */
    double accuracy; /* of the validation that was the last */
    uint64_t reserved[4];
} clade_bench_accuracy_result;

/* Trains 784-512-512-10 on 4,096 digits (clade/data.h) in batches of 128, by SGD of rate 0.05 and momentum 0.9, from
 * the seed's parameters and in its order, until so large a share of 1,024 others is classified rightly at an epoch's
 * end, for 50 epochs at most. The bench's first training is preceded by two steps that count for nothing.
 * CLADE_EINVAL for an accuracy that is not in (0, 1]. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_accuracy(clade_bench *bench, double accuracy, uint64_t seed,
                                                             clade_bench_accuracy_result *result);

/* ---- batching -------------------------------------------------------------------------------- */

typedef struct clade_bench_batching_result {
    const char *workload;
    int64_t batch;
    clade_bench_time all; /* of a step on all compute units that the bench's device uses */
    clade_bench_time one; /* the same on one of them; n_blocks is 0 where that is not possible, */
    const char *why_not_one; /* which has this reason, the bench's; else NULL */
    uint64_t reserved[8];
} clade_bench_batching_result;

/* The steps of clade_bench_train at one batch, on all compute units and on one, which take turns.
 * Errors as there. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_batching(clade_bench *bench,
                                                             const char *workload, int64_t batch,
                                                             clade_bench_batching_result *result);

/* ---- a job ----------------------------------------------------------------------------------- */

/* What a step of one rank takes in a job, in seconds: means over the steps that were measured. */
typedef struct clade_bench_rank {
    int64_t n_samples;    /* of the batch */
    double computing;     /* until the device has made all gradients */
    double communication; /* of gradients with the other ranks, and waiting for those that are slower */
    double exposed;       /* of that, what computing has not hidden */
    uint64_t reserved[4];
} clade_bench_rank;

/* A part of the gradients that is summed over the ranks at once, and when it can be: seconds from the begin of a
 * step that is made without other ranks. */
typedef struct clade_bench_bucket {
    double bytes, ready;
    uint64_t reserved[2];
} clade_bench_bucket;

typedef struct clade_bench_parallel_result {
    const char *workload;
    int64_t batch; /* of all ranks together */
    int n_ranks, n_buckets;
    clade_bench_time step;  /* of the job: of its slowest rank */
    clade_bench_time alone; /* of rank 0 by itself on its own device, with the whole batch */
    clade_bench_time apart; /* of each rank with its samples of the batch, all at the same time, but with nobody to
                             * sum gradients with: of the slowest */
    double latency;          /* of a message over the transport, in seconds, */
    double seconds_per_byte; /* and for each of its bytes: what sums of gradients take, see clade_bench_scale */
    double gradient_bytes;
    const clade_bench_rank *ranks;     /* (n_ranks) the bench's own, until it measures again */
    const clade_bench_bucket *buckets; /* (n_buckets) the same; of the rank that is slowest `apart` */
    uint64_t reserved[8];
} clade_bench_parallel_result;

/* Measures the steps of a workload that the ranks of a job train together, equal parts of each batch, and what
 * there is without the job; with what sums take between the ranks. All ranks call it, each with a bench on its own
 * device (clade_job_device_open), and get the same result. batch 0: the workload's first. CLADE_EINVAL for a job of
 * one rank, for an unknown name, and for a batch that is smaller than the ranks want, or too large. What fails on
 * one rank fails on all; CLADE_ERANK where a rank is gone, or wants something else. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_parallel(clade_bench *bench, clade_job *job,
                                                             const char *workload, int64_t batch,
                                                             clade_bench_parallel_result *result);

/* How gradients are summed: by a ring, where the messages of a rank grow with their number, as Clade does; or by a
 * tree, where they grow with its logarithm. */
typedef enum clade_bench_join { CLADE_BENCH_RING, CLADE_BENCH_TREE } clade_bench_join;

/* What a model makes of what was measured. */
typedef struct clade_bench_scaling {
    double seconds;    /* of a step of n_ranks, each with as many samples as one has in the measured job */
    double efficiency; /* what the step takes without others, by that */
    /* Each alone, so many times as much would make the efficiency what is wanted: 1 where it is that already, NaN
     * where no amount would do. Of latency it is less than 1. */
    double bandwidth_needed, latency_needed, batch_needed;
    uint64_t reserved[8];
} clade_bench_scaling;

/* A bucket of n bytes takes, beside backward and behind the bucket before it, 2 m latency + 2 (p - 1) / p n
 * seconds_per_byte with p ranks, where m is p - 1 for a ring, and log2 p, rounded up, for a tree (Thakur,
 * Rabenseifner, Gropp 2005). The model knows nothing of networks whose links are shared, nor of processors that
 * both compute and communicate. CLADE_EINVAL for n_ranks below 1, an efficiency that is not in (0, 1], or an
 * unknown join. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_scale(const clade_bench_parallel_result *measured,
                                                          clade_bench_join join, int64_t n_ranks,
                                                          double efficiency_wanted,
                                                          clade_bench_scaling *scaling);

/* What a training takes to a loss. */
typedef struct clade_bench_to_loss_row {
    int n_ranks;             /* the first ones of the job; the others wait */
    clade_parallel parallel; /* how they train together; sync for one */
    bool reached;
    double seconds;          /* of training, validation not counted: the median of three trainings */
    int64_t steps;           /* as clade_fit counts them: batches that some rank has done */
    double loss;             /* of the validation that was the last */
    uint64_t reserved[4];
} clade_bench_to_loss_row;

/* Trains 784-512-512-10 on 4,096 digits (clade/data.h) in batches of 128, by SGD of rate 0.05 and momentum 0.9, until
 * the loss of 1,024 others is not above `loss` at an epoch's end, for 50 epochs at most: on one rank, and on 2, 4, …
 * and all ranks, 32 at most, in each way of clade_parallel; those that train apart average after every four steps of
 * each. *rows (*n_rows) are the bench's own until it does this again. All ranks call it and get the same. CLADE_EINVAL
 * for a loss that is not above 0 and finite. */
CLADE_API CLADE_MUST_CHECK clade_status clade_bench_to_loss(clade_bench *bench, clade_job *job, double loss,
                                                            const clade_bench_to_loss_row **rows, int *n_rows);

/* ---- versions -------------------------------------------------------------------------------- */

/* The version of CLBlast that the library was built with. */
CLADE_API const char *clade_bench_clblast_version(void);

#ifdef __cplusplus
}
#endif

#endif
