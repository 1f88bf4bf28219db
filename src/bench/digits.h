/* The training that is measured to an accuracy and to a loss: digits are made by the library, so that every machine
 * trains on the same. */
#ifndef CLADE_BENCH_DIGITS_H
#define CLADE_BENCH_DIGITS_H

#include "bench/bench_state.h"

enum { CLADE__BENCH_DIGITS_BATCH = 128, CLADE__BENCH_DIGITS_EPOCHS = 50 /* at most */ };

/* 4,096 digits, and 1,024 that are held out. Both are to be freed, after a failure too. */
clade_status clade__bench_digits(clade_data **data, clade_data **valid);

/* 784-512-512-10 for batches of them, with sgd and the bench's provider. */
clade_status clade__bench_digits_model(clade_model **out, const clade_bench *bench, uint64_t seed, bool keep_gradients);

#endif
