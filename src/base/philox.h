/* Philox 4x32-10, a counter-based random number generator: the n-th number is a function of key
 * and counter alone, so that any part of a sequence is made anywhere, in any order, alike.
 *
 * Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
#ifndef CLADE_BASE_PHILOX_H
#define CLADE_BASE_PHILOX_H

#include <stdint.h>

typedef struct clade__philox_block {
    uint32_t word[4];
} clade__philox_block;

/* The four words at a 128-bit counter (low word first) under a 64-bit key. */
clade__philox_block clade__philox(uint64_t key, uint64_t counter_low, uint64_t counter_high);

/* A sequence: `stream` tells uses of one seed apart. Plain value; copying it forks it. */
typedef struct clade__random {
    uint64_t key, stream, position; /* position counts words */
    clade__philox_block block;
} clade__random;

clade__random clade__random_start(uint64_t seed, uint64_t stream);
uint32_t clade__random_word(clade__random *random);

/* In [0, 1), a multiple of 2^-24: exact in a float. */
float clade__random_uniform(clade__random *random);

/* Standard normal, by Box and Muller. */
double clade__random_normal(clade__random *random);

/* In [0, bound), without bias; bound at least 1 (Lemire 2019). */
uint32_t clade__random_below(clade__random *random, uint32_t bound);

/* The streams in use, so that no two uses meet. */
enum {
    CLADE__STREAM_SHUFFLE = 1,
    CLADE__STREAM_DIGITS = 2,
    CLADE__STREAM_GRADCHECK = 3,
    CLADE__STREAM_RANDOM = 4, /* + 2^32 times the sample and its part */
    CLADE__STREAM_DRAW = 5,
    CLADE__STREAM_BALANCED = 6,
    CLADE__STREAM_AUGMENT = 7, /* in the counter's third word, as dropout's: sample, epoch, stream, 0 or 1 */
    CLADE__STREAM_PARAMETER = 1000, /* + index of the parameter */
    CLADE__STREAM_DROPOUT = 1 << 30, /* + index of the layer; the step is in the bits above 32 */
};

#endif
