/* How batch_norm.cl, which includes this, goes over a channel's blocks, and what it normalises by. */
#ifndef COLUMNS
#define COLUMNS 0
#endif
#include "row_reduce.cl"

/* Whether there are kernels that take whole channels, for CPUs. */
#define WHOLE_CHANNELS (LANES == 1 && !COLUMNS)

/* Asks for what follows `soon` floats behind p. A core's own looking ahead ends with a page of memory, which a
 * channel of a sample may be. OpenCL's prefetch does nothing in PoCL. */
#if defined(__x86_64__) || defined(__aarch64__)
#define ASK_FOR(p, soon, to_write)                                                                 \
    do {                                                                                           \
        if ((soon) > 0)                                                                            \
            __builtin_prefetch((const void *)((size_t)(p) + (soon) * sizeof(float)), to_write, 2); \
    } while (0)
#else
#define ASK_FOR(p, soon, to_write) ((void)(p))
#endif

#define SAMPLES   shape.s0
#define CHANNELS  shape.s1
#define INNER     shape.s2
#define PER_BLOCK shape.s3
#define BLOCKS    shape.s4
#define ALL       shape.s5 /* columns */

/* What a work-item has of each sample in [first, last): of its channel, or VW columns from `column` on. One
 * that is too many has no samples, and a block past the last. */
typedef struct share {
    int column, block, first, last;
    int n; /* elements of a sample */
    size_t soon; /* to what is gone over next, or 0 */
} share;

static inline share share_at(const int block, const int column, const int8 shape)
{
    share s;
    s.block = block;
    s.column = column;
    s.first = s.block * PER_BLOCK;
    s.last = min(s.first + PER_BLOCK, SAMPLES);
    s.n = COLUMNS ? ALL - s.column : INNER;
    s.soon = 0;
    return s;
}

static inline share share_of(const int8 shape)
{
    const int width = COLUMNS ? (ALL - 1) / VW + 1 : ALL, block = ROW / width;
    return share_at(block, (ROW - block * width) * (COLUMNS ? VW : 1), shape);
}

#if WHOLE_CHANNELS
/* The same for one who has all blocks of a channel. */
static inline share share_in_turn(const int block, const int channel, const int8 shape)
{
    share s = share_at(block, channel, shape);
    s.soon = (size_t)CHANNELS * INNER;
    return s;
}
#endif

/* Where they begin. */
static inline size_t part_of(const share s, const int sample, const int8 shape)
{
    return COLUMNS ? (size_t)sample * ALL + s.column
                   : ((size_t)sample * CHANNELS + s.column) * INNER;
}

/* Their vectors; and a column's sum, or a channel's, of all who have part in it. */
#if COLUMNS
#define EACH_PART(c, n)          (int c = 0; c < 1; c++)
#define TOGETHER(x, meeting)     (x)
#define PUT_RESULT(x, at, s)     put(x, at, (s).n)
#define FILL(mean)               0.0f
typedef VEC result;
#else
#define EACH_PART(c, n)          EACH_VECTOR(c, n)
#define TOGETHER(x, meeting)     row_sum(sum_of(x), meeting)
#define PUT_RESULT(x, at, s)     if (LANE == 0) *(at) = (x)
#define FILL(mean)               (mean)
typedef float result;
#endif

/* value (channels), or if it is null what is given in its place, of each column. */
static inline result of_channel(const global float *value, const float missing, const share s,
                                const int8 shape)
{
#if COLUMNS && VW > 1
    float part[VW];
    for (int k = 0; k < VW; k++) {
        const int column = min(s.column + k, ALL - 1);
        part[k] = value ? value[column / INNER] : missing;
    }
    return LOAD(part);
#else
    return value ? value[COLUMNS ? s.column / INNER : s.column] : missing;
#endif
}

/* What a column is normalised by. */
typedef struct norm {
    result middle, scale, shift;
} norm;

static inline norm norm_of(const global float *mean, const global float *variance,
                           const global float *weight, const global float *bias, const float epsilon,
                           const share s, const int8 shape)
{
    norm by;
    by.middle = of_channel(mean, 0.0f, s, shape);
    by.scale = of_channel(weight, 1.0f, s, shape) / sqrt(of_channel(variance, 0.0f, s, shape) + epsilon);
    by.shift = of_channel(bias, 0.0f, s, shape);
    return by;
}
