/* What a device can do at most: arithmetic, memory, and what a launch costs. */
#include "bench/limits.h"

#include <stdio.h>
#include <string.h>

#include "bench/bench_state.h"
#include "device/commands.h"
#include "device/quirks.h"

/* cl/bench.cl's. */
#define UNROLL 4

#define GPU_GROUP    256
#define CPU_ROUNDS   65536
#define GPU_ROUNDS   4096
#define SLOW_ROUNDS  256 /* of a GPU that is none */
#define MEMORY_GROUP 256
#define LAUNCHES     32 /* of one flush, as a step has them */

/* Larger than the caches of most devices; what was taken is reported. */
#define ARRAY_BYTES ((uint64_t)256 << 20)

/* What is measured, and for how long each. */
typedef struct survey {
    clade_device *device;
    double seconds;
    clade_bench_limits *limits;
    clade__commands *dry; /* as in clade_bench */
} survey;

static clade_status run_commands(void *context)
{
    return clade__commands_run(context);
}

static clade_status run_and_wait(void *context)
{
    CLADE_TRY(clade__commands_run(context));
    return clade_device_finish(clade__commands_device(context));
}

/* Measures a launch, recorded alone. */
static clade_status measure_launch(const survey *s, const clade__launch *launch, double seconds,
                                   clade_bench_time *time)
{
    clade_device *device = s->device;
    clade__commands *commands = NULL;
    *time = (clade_bench_time){0};
    if (s->dry) return clade__commands_launch(s->dry, launch);
    clade_status status = clade__commands_create(&commands, device);
    if (status == CLADE_OK) status = clade__commands_launch(commands, launch);
    if (status == CLADE_OK) {
        clade__subject subject = {
            .enqueue = run_commands, .context = commands, .device = device, .n_units = 1.0};
        status = clade__measure(&subject, 1, seconds);
        *time = subject.time;
    }
    clade__commands_free(commands);
    return status;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

typedef struct arithmetic {
    const char *type; /* "float", "double" or "half" */
    int width, accumulators;
} arithmetic;

/* A CPU has a group of one work-item and its vectors; a GPU many work-items, and so has what renders in software:
 * its vectors are lanes. */
static clade_status measure_fma(const survey *s, clade_tensor *dst, const arithmetic *of,
                                double *flops_per_second)
{
    const clade_device_info *info = clade_device_describe(s->device);
    bool is_slow = clade__quirks_of(info).renders_in_software;
    bool is_cpu = info->type == CLADE_DEVICE_CPU && !is_slow;
    char options[96];
    int n = snprintf(options, sizeof options, "-DVW=%d -DACCUMULATORS=%d", of->width, of->accumulators);
    if (strcmp(of->type, "float") != 0)
        snprintf(options + n, sizeof options - (size_t)n, " -DREAL=%s -DREAL_IS_%s=1", of->type, of->type);
    int n_rounds = (is_cpu ? CPU_ROUNDS : is_slow ? SLOW_ROUNDS : GPU_ROUNDS) / of->width;
    size_t local = is_cpu ? 1 : GPU_GROUP;
    if (local > info->work_group_limit) local = info->work_group_limit;
    size_t groups = (size_t)info->compute_units * 16;
    clade__launch launch = {
        .program = "bench",
        .options = options,
        .kernel = "bench_fma",
        .args = {clade__arg_tensor(dst), clade__arg_int(n_rounds), clade__arg_float(0.5f),
                 clade__arg_float(1.0f)},
        .n_args = 4,
        .groups = {groups},
        .local = {local},
    };
    clade_bench_time time;
    CLADE_TRY(measure_launch(s, &launch, s->seconds / 4.0, &time));
    double flops =
        2.0 * UNROLL * (double)n_rounds * of->width * of->accumulators * (double)(groups * local);
    *flops_per_second = flops / time.min;
    return CLADE_OK;
}

/* The best variant. */
static clade_status measure_arithmetic(const survey *s, const char *type, arithmetic *best,
                                       double *flops_per_second)
{
    static const int widths[] = {1, 4, 8, 16}, accumulators[] = {8, 12};
    int64_t n = (int64_t)clade_device_describe(s->device)->compute_units * 16 * GPU_GROUP;
    clade_tensor *dst = NULL;
    *flops_per_second = 0.0;
    clade_status status =
        clade_tensor_create(&dst, s->device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL);
    for (int i = 0; status == CLADE_OK && i < 8; i++) {
        const arithmetic of = {type, widths[i / 2], accumulators[i % 2]};
        double seen = 0.0;
        status = measure_fma(s, dst, &of, &seen);
        if (seen <= *flops_per_second) continue;
        *flops_per_second = seen;
        *best = of;
    }
    clade_tensor_free(dst);
    return status;
}

clade_status clade__limits_peak(clade_device *device, const char *type, double seconds,
                                double *flops_per_second)
{
    const survey s = {.device = device, .seconds = seconds};
    arithmetic best;
    return measure_arithmetic(&s, type, &best, flops_per_second);
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef enum stream_kind { COPY, TRIAD, UPDATE, N_STREAMS } stream_kind;

/* The launch of a stream without its range, and the floats that go through memory for each of an
 * array. */
static clade__launch stream_launch(stream_kind kind, clade_tensor *const arrays[3],
                                   double *n_floats)
{
    *n_floats = kind == TRIAD ? 3.0 : 2.0;
    const clade__arg a = clade__arg_tensor(arrays[0]), b = clade__arg_tensor(arrays[1]);
    const clade__arg c = clade__arg_tensor(arrays[2]), s = clade__arg_float(0.5f);
    switch (kind) {
    case COPY: return (clade__launch){.kernel = "bench_copy", .args = {a, b}, .n_args = 2};
    case TRIAD: return (clade__launch){.kernel = "bench_triad", .args = {a, b, c, s}, .n_args = 4};
    default: return (clade__launch){.kernel = "bench_update", .args = {a, s}, .n_args = 2};
    }
}

static clade_status measure_stream(const survey *s, clade_tensor *const arrays[3], int width,
                                   stream_kind kind)
{
    char options[32];
    double n_floats;
    snprintf(options, sizeof options, "-DVW=%d", width);
    uint64_t bytes = s->limits->array_bytes;
    clade__launch launch = stream_launch(kind, arrays, &n_floats);
    launch.program = "bench";
    launch.options = options;
    launch.groups[0] = (size_t)(bytes / sizeof(float)) / ((size_t)width * MEMORY_GROUP);
    launch.local[0] = MEMORY_GROUP;
    clade_bench_time time;
    CLADE_TRY(measure_launch(s, &launch, s->seconds / 2.0, &time));
    clade_bench_limits *limits = s->limits;
    double *best = kind == COPY    ? &limits->copy_bytes_per_second
                   : kind == TRIAD ? &limits->triad_bytes_per_second
                                   : &limits->update_bytes_per_second;
    double speed = n_floats * (double)bytes / time.min;
    if (speed > *best) *best = speed;
    if (speed > limits->bytes_per_second) limits->bytes_per_second = speed;
    return CLADE_OK;
}

/* A twelfth of the memory at most, and a multiple of what every variant's groups take. */
static uint64_t array_bytes(const clade_device_info *info)
{
    uint64_t unit = (uint64_t)16 * MEMORY_GROUP * sizeof(float), bytes = ARRAY_BYTES;
    if (bytes > info->max_allocation_bytes) bytes = info->max_allocation_bytes;
    if (bytes > info->global_memory_bytes / 12) bytes = info->global_memory_bytes / 12;
    return bytes / unit * unit;
}

static clade_status measure_memory(const survey *s)
{
    static const int widths[] = {1, 4, 16};
    clade_tensor *arrays[3] = {NULL, NULL, NULL};
    clade_bench_limits *limits = s->limits;
    limits->array_bytes = array_bytes(clade_device_describe(s->device));
    int64_t n = (int64_t)(limits->array_bytes / sizeof(float));
    clade_status status = CLADE_OK;
    for (int i = 0; status == CLADE_OK && !s->dry && i < 3; i++) {
        status =
            clade_tensor_create(&arrays[i], s->device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL);
        if (status == CLADE_OK) status = clade_tensor_fill(arrays[i], 1.0f);
    }
    for (int w = 0; w < 3; w++)
        for (int kind = 0; status == CLADE_OK && kind < N_STREAMS; kind++)
            status = measure_stream(s, arrays, widths[w], (stream_kind)kind);
    for (int i = 0; i < 3; i++) clade_tensor_free(arrays[i]);
    clade__pool_trim(s->device);
    return status;
}

/* ---- launches -------------------------------------------------------------------------------- */

static clade_status measure_launches(const survey *s, clade_tensor *dst,
                                     clade__commands *commands, clade__commands *one)
{
    const clade__launch launch = {.program = "bench", .kernel = "bench_empty",
                                  .args = {clade__arg_tensor(dst)}, .n_args = 1,
                                  .groups = {1}, .local = {1}};
    if (s->dry) return clade__commands_launch(s->dry, &launch);
    for (int i = 0; i < LAUNCHES; i++) CLADE_TRY(clade__commands_launch(commands, &launch));
    CLADE_TRY(clade__commands_launch(one, &launch));
    clade__subject many = {.enqueue = run_commands, .context = commands,
                           .device = s->device, .n_units = LAUNCHES};
    clade__subject single = {.enqueue = run_and_wait, .context = one, .n_units = 1.0};
    CLADE_TRY(clade__measure(&many, 1, s->seconds));
    CLADE_TRY(clade__measure(&single, 1, s->seconds));
    s->limits->launch = many.time;
    s->limits->round_trip = single.time;
    return clade__measure_host(&many, 4, s->seconds, &s->limits->launch_host);
}

static clade_status measure_latency(const survey *s)
{
    clade_tensor *dst = NULL;
    clade__commands *commands = NULL, *one = NULL;
    clade_status status =
        clade_tensor_create(&dst, s->device, CLADE_FLOAT32, CLADE_SHAPE(1), NULL);
    if (status == CLADE_OK) status = clade__commands_create(&commands, s->device);
    if (status == CLADE_OK) status = clade__commands_create(&one, s->device);
    if (status == CLADE_OK) status = measure_launches(s, dst, commands, one);
    clade__commands_free(commands);
    clade__commands_free(one);
    clade_tensor_free(dst);
    return status;
}

static clade_status measure_all(const survey *s)
{
    arithmetic best = {0};
    *s->limits = (clade_bench_limits){0};
    CLADE_TRY(measure_arithmetic(s, "float", &best, &s->limits->flops_per_second));
    s->limits->vector_width = best.width;
    s->limits->accumulators = best.accumulators;
    CLADE_TRY(measure_memory(s));
    return measure_latency(s);
}

clade_status clade__limits_measure(clade_device *device, double seconds, clade_bench_limits *limits)
{
    return measure_all(&(survey){.device = device, .seconds = seconds, .limits = limits});
}

clade_status clade__bench_limits(clade_bench *bench)
{
    if (bench->has_limits) return CLADE_OK;
    CLADE_TRY(measure_all(&(survey){.device = bench->device, .seconds = bench->seconds,
                                    .limits = &bench->limits, .dry = bench->dry}));
    bench->has_limits = true;
    return CLADE_OK;
}

clade_status clade_bench_device(clade_bench *bench, clade_bench_limits *limits)
{
    CLADE_WANT(bench);
    CLADE_WANT(limits);
    CLADE_TRY(clade__bench_limits(bench));
    *limits = bench->limits;
    return CLADE_OK;
}
