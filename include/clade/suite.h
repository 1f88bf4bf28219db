/* The benchmark: rows of figures that give a device a page, each with its noise, and each from results that
 * were found right. What the figures mean, and how they are taken, is in src/bench/README.md.
 *
 * A suite is opened on a device and has a fixed list of rows. Each row is checked once, then measured in
 * several rounds: a round goes through all rows, so that the rounds of a row are minutes apart, and a machine
 * that changes its pace shows as noise.
 *
 *     for (int i = 0; i < n; i++) clade_suite_check(suite, i);
 *     for (int round = 0; round < rounds; round++)
 *         for (int i = 0; i < n; i++) clade_suite_measure(suite, i);
 *
 * A suite is used by one thread.
 */
#ifndef CLADE_SUITE_H
#define CLADE_SUITE_H

#include <clade/bench.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The list of rows, and what each does. A figure of another version is not to be compared. */
#define CLADE_SUITE_VERSION 1

/* Relative spread above which a row is unstable, and how far a loss may be from the reference's, as a share
 * of it. */
#define CLADE_SUITE_UNSTABLE   0.10
#define CLADE_SUITE_LOSS_BOUND 1e-4

typedef enum clade_suite_verdict {
    CLADE_SUITE_NOT_MEASURED, /* not yet, or not possible: `why` says what went wrong */
    CLADE_SUITE_STABLE,
    CLADE_SUITE_UNSTABLE_ROW, /* right, but its spread exceeds CLADE_SUITE_UNSTABLE */
    CLADE_SUITE_WRONG         /* it computes wrong results: its figure counts for nothing */
} clade_suite_verdict;

/* "not measured", "ok", "unstable" or "wrong". */
CLADE_API const char *clade_suite_verdict_name(clade_suite_verdict verdict);

#define CLADE_SUITE_MAX_ROUNDS 16
#define CLADE_SUITE_LOSSES     3 /* the first steps' that are compared */

/* A row; owned by the suite. NaN is what a row does not have. */
typedef struct clade_suite_row {
    const char *kind;  /* "peak", "bandwidth", "transfer", "latency", "gemm", "op", "train" or "start" */
    const char *name;  /* within its kind: "float32", "512x784x128 tn", "lenet, batch 128" */
    const char *unit;  /* "FLOP/s", "B/s", "s" or "samples/s" */
    bool less_is_better; /* of seconds */
    double value;      /* in its unit: of the median over the rounds */
    double spread;     /* relative: the larger of the median over the rounds of the distance between quartiles
                        * within a round, and of the distance between the rounds' medians */
    double noise;      /* relative: how far another run's value may be off: the spread, but at least 2 %, and 10 %
                        * of fewer than three rounds */
    double drift;      /* relative: the last round's value against the first's, above 0 where it got faster */
    double flops, bytes; /* of a call or a step, as clade/bench.h counts them */
    double share;      /* of this device's own measured limit */
    int64_t batch;     /* of a step, what fitted the device; 0: it is no step */
    int n_rounds;
    double rounds[CLADE_SUITE_MAX_ROUNDS]; /* each round's value */
    clade_suite_verdict verdict;
    const char *why;   /* of what is wrong or not measured; "" else */
    int n_losses, loss_samples; /* of train: the first steps, on so many samples each, */
    double losses[CLADE_SUITE_LOSSES], reference[CLADE_SUITE_LOSSES]; /* and the same in double precision */
} clade_suite_row;

/* Who was measured; owned by the suite. Texts are "" where it is not known. */
typedef struct clade_suite_identity {
    char date[32];      /* ISO 8601, UTC */
    char system[192];   /* of the operating system and its kernel */
    char processor[128];
    char governor[64];  /* of the first processor that the process may use */
    int n_processors, n_allowed; /* in the machine; that this process may use */
    double host_mhz;    /* of that processor, now; 0: not known */
    uint64_t host_memory_bytes;
    const clade_device_info *device;
    const char *clade, *clblast; /* versions */
} clade_suite_identity;

typedef struct clade_suite_options {
    double seconds;       /* for each row in each round, about; 0 means 0.1. At most 60 */
    const char *workload; /* only this one's steps; NULL: all */
    bool small;           /* check operations on small shapes alone, and losses on few samples: for a test */
    uint64_t reserved[8];
} clade_suite_options;

typedef struct clade_suite clade_suite;

/* The device is borrowed; options may be NULL. CLADE_EINVAL for an option out of range, and for an unknown
 * workload, with those that there are. */
CLADE_API CLADE_MUST_CHECK clade_status clade_suite_open(clade_suite **out, clade_device *device,
                                                         const clade_suite_options *options);
CLADE_API void clade_suite_free(clade_suite *suite);

CLADE_API const clade_suite_identity *clade_suite_identify(const clade_suite *suite);

/* The limits that shares are of: the best of all rounds so far; NULL before the first. */
CLADE_API const clade_bench_limits *clade_suite_limits(const clade_suite *suite);

/* Row number i, as far as it is measured; NULL after the last. */
CLADE_API const clade_suite_row *clade_suite_row_at(const clade_suite *suite, int i);

/* Is what row i measures computed rightly on this device? Of an operation and a gemm, by clade_verify. Of
 * training steps, by that for each operation that they are made of; and by the losses of the first steps,
 * which must be those of the double-precision reference within CLADE_SUITE_LOSS_BOUND. What is wrong is told
 * by the row's verdict, and is no error, nor is what does not build or run. CLADE_EINVAL where there is no
 * row i; CLADE_ENOMEM. */
CLADE_API CLADE_MUST_CHECK clade_status clade_suite_check(clade_suite *suite, int i);

/* Measures row i in one more round, unless it cannot be: see its verdict. A row of kind "start" is not for the
 * library to measure, see clade_suite_add. CLADE_EINVAL where there is no row i, and for more rounds than
 * CLADE_SUITE_MAX_ROUNDS; CLADE_ENOMEM. */
CLADE_API CLADE_MUST_CHECK clade_status clade_suite_measure(clade_suite *suite, int i);

/* Adds a round that the caller has measured to row i, of kind "start": seconds from the start of a process
 * until a training has made its first step. CLADE_EINVAL where that is no such row, and for seconds that are
 * not above 0. */
CLADE_API CLADE_MUST_CHECK clade_status clade_suite_add(clade_suite *suite, int i, double seconds);

/* A caller that could not measure such a row says why. */
CLADE_API CLADE_MUST_CHECK clade_status clade_suite_fail(clade_suite *suite, int i, const char *why);

/* A training's first step, from nothing: makes the workload's model on the device and waits for a step.
 * CLADE_EINVAL for an unknown workload. */
CLADE_API CLADE_MUST_CHECK clade_status clade_suite_first_step(clade_device *device, const char *workload);

#ifdef __cplusplus
}
#endif

#endif
