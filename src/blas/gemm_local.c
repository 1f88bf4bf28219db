/* The provider `local`: our own gemm for GPUs, cl/gemm_local.cl, by tiles in local memory.
 *
 * A tile is 64 or 16 along m and along n; that, and into how many blocks k is cut, follows from the shape
 * alone, so that a shape gives the same bits on every run. A device is taken to want ENOUGH groups. Where large
 * tiles are fewer, and k is long, its blocks get groups of their own, and gemm_join adds up what they leave; where it
 * is not, tiles are small, and the work-items of a group share k. Every device has a group of 256 (smaller ones are
 * refused when it is opened) and the 10 KiB of local memory.
 *
 * On a CPU it is right, for tests, and slow. */
#include <stdio.h>

#include "blas/provider.h"
#include "device/opencl.h"

/* As in the kernel. */
#define GROUP 256
#define LARGE 64
#define SMALL 16
#define LEAST_LOCAL_BYTES (64 * (SMALL + 4) * 2 * sizeof(float))

/* Work-groups that keep a GPU of some 30 compute units busy. */
#define ENOUGH 48
/* From so many rows or columns on a large tile wastes less than four small ones cost more to copy. */
#define FEW 32
/* Terms of a sum that have a group of their own, at least. */
#define BLOCK_K 1024
/* From here on CLBlast's kernel is faster: it keeps 8 x 8 sums in a work-item where the device's tuning
 * says so, and its copies cost little beside. */
#define HUGE_MIN  512
#define HUGE_WORK ((int64_t)1 << 30) /* m n k */

typedef struct tiling {
    int tm, tn;           /* of a tile */
    int tiles_m, tiles_n; /* of c */
    int blocks, block_k;  /* of k */
} tiling;

static int ceil_div(int64_t a, int b)
{
    return (int)((a + b - 1) / b);
}

static void count_tiles(tiling *t, const clade_gemm_args *args)
{
    t->tiles_m = ceil_div(args->m, t->tm);
    t->tiles_n = ceil_div(args->n, t->tn);
}

/* Into how many blocks k may be cut. */
static int most_blocks(const clade_gemm_args *args, bool update)
{
    const int64_t by_memory = CLADE__PARTS_FLOATS / args->m / args->n, by_length = args->k / BLOCK_K;
    const int64_t most = by_memory < by_length ? by_memory : by_length;
    return update || most < 1 ? 1 : most < ENOUGH ? (int)most : ENOUGH;
}

static tiling tile(const clade_gemm_args *args, bool update)
{
    tiling t = {.tm = args->m > FEW ? LARGE : SMALL, .tn = args->n > FEW ? LARGE : SMALL};
    const int most = most_blocks(args, update);
    count_tiles(&t, args);
    for (int *side = &t.tm; side; side = side == &t.tm ? &t.tn : NULL) {
        if ((int64_t)t.tiles_m * t.tiles_n * most >= ENOUGH) break;
        *side = SMALL;
        count_tiles(&t, args);
    }
    const int64_t tiles = (int64_t)t.tiles_m * t.tiles_n;
    const int wanted = tiles >= ENOUGH ? 1 : ceil_div(ENOUGH, (int)tiles);
    t.blocks = wanted < most ? wanted : most;
    /* Whole rounds of the kernel, whatever the tile. */
    t.block_k = t.blocks > 1 ? ceil_div(ceil_div(args->k, t.blocks), LARGE) * LARGE : (int)args->k;
    t.blocks = ceil_div(args->k, t.block_k);
    return t;
}

static const char *refuses(const clade_device *device, const clade_gemm_args *args)
{
    (void)args;
    return device->info.local_memory_bytes < LEAST_LOCAL_BYTES ? "it needs more local memory" : NULL;
}

static bool yields(const clade_gemm_args *args)
{
    return args->m >= HUGE_MIN && args->n >= HUGE_MIN && args->k >= HUGE_WORK / args->m / args->n;
}

static clade_status scratch_bytes(clade_device *device, const clade_gemm_args *args, size_t *bytes)
{
    (void)device;
    *bytes = tile(args, false).blocks > 1 ? CLADE__PARTS_BYTES : 0;
    return CLADE_OK;
}

/* All but what a call and an update are given each. */
static clade__launch launch_of(const clade_gemm_args *args, const tiling *t, const clade_tensor *bias,
                               const char *options)
{
    return (clade__launch){
        .program = "gemm_local",
        .options = options,
        .kernel = "gemm_local",
        .args = {clade__arg_tensor(args->c), clade__arg_tensor(args->a), clade__arg_tensor(args->b),
                 clade__arg_tensor(bias),
                 {CLADE__ARG_INT8,
                  {.ints = {(int32_t)args->m, (int32_t)args->n, (int32_t)args->k, (int32_t)args->lda,
                            (int32_t)args->ldb, (int32_t)args->ldc, t->block_k, t->tiles_m}}},
                 {CLADE__ARG_INT4,
                  {.ints = {(int32_t)args->a_offset, (int32_t)args->b_offset, (int32_t)args->c_offset}}},
                 {CLADE__ARG_FLOAT4, {.floats = {args->alpha, args->beta}}}},
        .n_args = 7,
        .groups = {(size_t)t->tiles_n, (size_t)t->tiles_m * (size_t)t->blocks},
        .local = {GROUP, 1},
    };
}

static clade_status record_tiles(clade__commands *commands, const clade_gemm_args *args,
                                 const clade__epilogue *epilogue, const tiling *t)
{
    enum { SCALAR = 6 };
    float slope = epilogue->slope;
    char options[96];
    snprintf(options, sizeof options, "-DTM=%d -DTN=%d -DTRANS_A=%d -DTRANS_B=%d -DACTIVATION=%d", t->tm, t->tn,
             args->trans_a, args->trans_b, clade__activation_build(epilogue->activation, &slope));
    clade__launch launch = launch_of(args, t, epilogue->bias, options);
    launch.args[SCALAR].as.floats[2] = slope;
    return clade__commands_launch(commands, &launch);
}

static clade_status record(clade__commands *commands, const clade_gemm_args *args,
                           const clade__epilogue *epilogue, bool *did_epilogue)
{
    static const clade__epilogue none;
    const tiling t = tile(args, false);
    if (!epilogue) epilogue = &none;
    *did_epilogue = true;
    if (t.blocks == 1) return record_tiles(commands, args, epilogue, &t);
    clade_tensor parts;
    clade_gemm_args into;
    CLADE_TRY(clade__gemm_parts(commands, args, &parts, &into));
    CLADE_TRY(record_tiles(commands, &into, &none, &t));
    return clade__gemm_join(commands, args, epilogue, &parts, t.blocks);
}

static clade_status record_update(clade__commands *commands, const clade_gemm_args *args,
                                  const clade__sgd_state *state, const clade__sgd_rates *rates)
{
    /* The bias's gradient is one more column of the product. */
    clade_gemm_args g = *args;
    if (state->bias) g.n++;
    tiling t = tile(&g, true);
    char options[96];
    snprintf(options, sizeof options, "-DTM=%d -DTN=%d -DTRANS_A=%d -DUPDATE=%d", t.tm, t.tn, args->trans_a,
             clade__gemm_step_form(rates));
    clade__launch launch = launch_of(args, &t, state->bias, options);
    clade__gemm_append_step(&launch, state, rates);
    return clade__commands_launch(commands, &launch);
}

const clade__gemm_provider clade__gemm_local = {"local", refuses, scratch_bytes, record, record_update, NULL, yields};
