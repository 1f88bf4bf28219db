/* What a suite is, to its files. */
#ifndef CLADE_BENCH_SUITE_STATE_H
#define CLADE_BENCH_SUITE_STATE_H

#include <clade/check.h>
#include <clade/suite.h>

#include "bench/bench_state.h"
#include "bench/workloads.h"

/* What a row is of: what its number `index` counts. */
typedef enum clade__suite_kind {
    CLADE__SUITE_PEAK,      /* an element type */
    CLADE__SUITE_BANDWIDTH, /* copy, triad, update */
    CLADE__SUITE_TRANSFER,  /* to the device, and back */
    CLADE__SUITE_LATENCY,   /* launch on the host, launch, round trip */
    CLADE__SUITE_GEMM,      /* the suite's shapes */
    CLADE__SUITE_OP,        /* clade__ops */
    CLADE__SUITE_TRAIN,     /* clade__workloads */
    CLADE__SUITE_START      /* cold, warm */
} clade__suite_kind;

typedef struct clade__suite_entry {
    clade__suite_kind kind;
    int index;
    int64_t batch_wanted;  /* of train */
    char name[96], why[320];
    clade_suite_row row;
    double seconds[CLADE_SUITE_MAX_ROUNDS], spreads[CLADE_SUITE_MAX_ROUNDS]; /* of a call, each round's */
    double units;          /* of a call: what the row's value counts */
    bool failed, wrong;
} clade__suite_entry;

/* A word for clade_verify, and what it found wrong: a case for each set of kernels. */
typedef struct clade__suite_word {
    char word[48];
    clade_verify_case *wrong; /* (n_wrong) */
    int n_wrong;
} clade__suite_word;

enum { CLADE__SUITE_ROWS = 128, CLADE__SUITE_WORDS = 64 };

struct clade_suite {
    clade_device *device;
    clade_bench *bench;    /* its limits are the best seen */
    clade_suite_options options;
    clade_suite_identity identity;
    clade_bench_limits now; /* of the round that device rows are in, */
    int now_round;          /* counted from 1; 0: none was measured */
    clade__suite_entry *entries; /* (n_entries), at most CLADE__SUITE_ROWS */
    int n_entries;
    clade__suite_word *words; /* (n_words), at most CLADE__SUITE_WORDS */
    int n_words;
};

/* suite_list.c: the rows of a suite. */
clade_status clade__suite_list(clade_suite *suite);

/* Shape number i of the suite's gemms; false after the last. */
bool clade__suite_gemm(int i, clade_bench_shape *shape);

/* suite.c: who does a gemm of a shape in a training on the device. */
clade_status clade__suite_provider(const clade_suite *suite, const clade_bench_shape *shape, const char **name);

/* suite_measure.c: a call of the entry in one round: median seconds and the distance between quartiles. */
clade_status clade__suite_round(clade_suite *suite, clade__suite_entry *entry, double *seconds,
                                double *spread);

/* The workload's steps at the entry's batch, or at the largest half of it that fits the device; row.batch
 * says which. */
struct clade__steps;
clade_status clade__suite_open_steps(clade_suite *suite, clade__suite_entry *entry, struct clade__steps *steps);

/* suite_check.c: what is wrong goes to entry->wrong and entry->why. */
clade_status clade__suite_check_entry(clade_suite *suite, clade__suite_entry *entry);

/* suite_losses.c: the same of the first steps' losses. flops: of a step of one sample. */
clade_status clade__suite_check_losses(clade_suite *suite, clade__suite_entry *entry, double flops);

/* identity.c */
void clade__suite_identify(clade_suite_identity *identity, clade_device *device);

#endif
