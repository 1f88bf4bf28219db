/* The provider `tiled`: our own gemm for CPUs, cl/gemm_rows.cl and cl/gemm_dots.cl.
 *
 * A register tile is as large as the vector registers allow: 24 of AVX-512's 32 hold sums. Which
 * kernel, and which tile, follows from the shape alone, so that a shape gives the same bits in
 * every run; how many tiles a work-group does is measured (tuning.h):
 *   B transposed, A not, few rows   gemm_dots: both are contiguous along k
 *   else                            gemm_rows; B is packed first when it is transposed, or when many
 *                                   tiles share a long strip of it
 * Where there are too few tiles to feed the device, and k is long, k is split: each of its blocks
 * has groups of its own, and gemm_join adds up what they leave.
 */
#include <stdio.h>

#include "blas/tuning.h"
#include "device/opencl.h"

/* Floats of k that are summed at a time; see the kernels. */
#define BLOCK_K 1024
/* A group's strip of B should stay in a core's own cache. */
#define STRIP_FLOATS (64 * 1024)
/* So much of B, in rows' short strips, stays in a core's first cache. */
#define BLOCK_FLOATS (8 * 1024)
/* Strips taken together at the least where c is large. */
#define LARGE_RUN 12
/* Groups for each compute unit: enough that none waits long for the last. */
#define GROUPS_PER_UNIT 8
/* From so many tiles, on strips so long, a packed strip pays for its packing. The strip's
 * tiles, not a group's: those depend on the number of compute units, and no kernel should. */
#define PACK_TILES 16
#define PACK_K 768
/* From so many rows a transposed strip does; with 16-float vectors, which have a fast transpose. */
#define PACK_TRANSPOSED_ROWS 48
/* Up to so many rows gemm_dots waits for B, not for the vector units. */
#define FEW_ROWS 16
/* k may be split from so many blocks. */
#define SPLIT_BLOCKS 4
/* Rows of a tile in an update: as fast as 12, and a last layer of ten classes has the same kernel as
 * the layers before it, which saves 0.4 s of compilation before the first step. */
#define UPDATE_ROWS 10
/* A matrix of so many floats does not stay in a cache from one step to the next. */
#define LARGE_FLOATS (2 * 1024 * 1024)

typedef struct tiling {
    bool dots, pack, prefetch;
    int vw;      /* floats of a vector */
    int nv;      /* rows: vectors of a tile along n */
    int mr;      /* rows of a tile */
    int nr;      /* columns of a tile */
    int kc;      /* floats of k that are summed at a time */
    int tiles_m, tiles_n; /* of a group */
    int all_m, all_n;     /* of c */
    bool can_split, split;
    int blocks;           /* of k */
} tiling;

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* The largest vector of at most `limit` floats that n floats fill. */
static int vector_for(int limit, int n)
{
    int vw = limit;
    while (vw > n) vw = vw == 4 ? 1 : vw / 2;
    return vw;
}

/* Rows of a tile, at most `most`, with the least work in tiles that reach over the edge: a tile
 * costs its rows and about one more. */
static int rows_for(int m, int most)
{
    int best = 1, least = INT32_MAX;
    for (int mr = 1; mr <= most && mr <= m; mr++) {
        int cost = ceil_div(m, mr) * (mr + 1);
        if (cost <= least) {
            least = cost;
            best = mr;
        }
    }
    return best;
}

static void tile_dots(tiling *t, const clade_gemm_args *args, int device_vw, int wanted_groups)
{
    int m = (int)args->m, n = (int)args->n, k = (int)args->k;
    t->vw = vector_for(device_vw, k);
    t->nr = 4;
    /* One kernel for most batches, whatever its last tile wastes: each more is 0.4 s to compile. */
    int most = t->vw == 16 ? 6 : t->vw == 8 ? 2 : 4;
    t->mr = m >= 2 * most ? most : rows_for(m, most);
    int all_m = t->all_m = ceil_div(m, t->mr), all_n = t->all_n = ceil_div(n, t->nr);
    /* A last block that is too short for a vector joins the one before. */
    t->blocks = k < BLOCK_K ? 1 : k / BLOCK_K + (k % BLOCK_K >= t->vw);
    int fit = STRIP_FLOATS / (t->nr * (k < BLOCK_K ? k : BLOCK_K));
    t->tiles_m = all_m;
    t->tiles_n = fit < 1 ? 1 : fit;
    if (t->tiles_n > all_n) t->tiles_n = all_n;
    if (ceil_div(all_n, t->tiles_n) < wanted_groups) {
        t->tiles_n = all_n / wanted_groups > 0 ? all_n / wanted_groups : 1;
        int split = ceil_div(wanted_groups, ceil_div(all_n, t->tiles_n));
        t->tiles_m = split < all_m ? ceil_div(all_m, split) : 1;
    }
    t->prefetch = m <= FEW_ROWS && (int64_t)n * k >= LARGE_FLOATS;
}

static void tile_rows(tiling *t, const clade_gemm_args *args, bool update, int device_vw,
                      int wanted_groups, uint64_t local_bytes)
{
    int m = (int)args->m, n = (int)args->n, k = (int)args->k;
    t->vw = vector_for(device_vw, n);
    t->nv = n >= 2 * t->vw ? 2 : 1;
    t->nr = t->vw * t->nv;
    t->mr = t->vw < 16                    ? rows_for(m, 6)
            : update && m >= UPDATE_ROWS ? UPDATE_ROWS
                                         : rows_for(m, 12);
    int all_m = t->all_m = ceil_div(m, t->mr), strips = t->all_n = ceil_div(n, t->nr);
    /* Short strips are taken several at a time: then c, where most of the time goes, is written in
     * longer runs. Groups of one size each: PoCL hands them out by number. */
    t->prefetch = (int64_t)m * n >= LARGE_FLOATS && k < PACK_K;
    int fit = BLOCK_FLOATS / (t->nr * k);
    if (t->prefetch && fit < LARGE_RUN) fit = LARGE_RUN;
    fit = fit < 1 ? 1 : fit > strips ? strips : fit;
    t->tiles_n = ceil_div(strips, ceil_div(strips, fit));
    t->tiles_m = t->prefetch ? 1 : all_m;
    while (t->tiles_m > 1 && ceil_div(all_m, t->tiles_m) * ceil_div(strips, t->tiles_n) < wanted_groups)
        t->tiles_m = ceil_div(t->tiles_m, 2);
    while (t->tiles_n > 1 && ceil_div(all_m, t->tiles_m) * ceil_div(strips, t->tiles_n) < wanted_groups)
        t->tiles_n = ceil_div(t->tiles_n, 2);
    t->pack = args->trans_b || (all_m >= PACK_TILES && k >= PACK_K);
    if (t->pack) t->tiles_n = 1;
    /* A packed strip lies in local memory. */
    while (t->pack && t->kc > 32 && (uint64_t)t->kc * (uint64_t)t->nr * 4 > local_bytes) t->kc /= 2;
    t->blocks = ceil_div(k, t->kc);
}

/* What follows from the shape alone. */
static tiling tile_by_rule(const clade_device *device, const clade_gemm_args *args, bool update)
{
    int vw = clade__cpu_vector(device);
    tiling t = {.kc = BLOCK_K,
                .dots = !update && args->trans_b && !args->trans_a &&
                        (vw < 16 || args->m < PACK_TRANSPOSED_ROWS || args->n < 2 * vw)};
    int wanted_groups = GROUPS_PER_UNIT * device->info.compute_units;
    if (t.dots)
        tile_dots(&t, args, vw, wanted_groups);
    else
        tile_rows(&t, args, update, vw, wanted_groups, device->info.local_memory_bytes);
    /* The sums of a tile must be whole when a step is done on it, so k is not cut into blocks. */
    if (update) t.pack = false;
    t.can_split = !update && t.blocks >= SPLIT_BLOCKS && args->alpha == 1.0f &&
                  args->m * args->n <= CLADE__PARTS_FLOATS / t.blocks;
    t.split = t.can_split && t.all_m * t.all_n < 2 * device->info.compute_units;
    return t;
}

static tiling tile(const clade_device *device, const clade_gemm_args *args, bool update)
{
    tiling t = tile_by_rule(device, args, update);
    clade__partition tuned;
    if (clade__tuning_find(device, args, update, &tuned)) {
        t.tiles_m = tuned.tiles_m;
        t.tiles_n = t.pack ? 1 : tuned.tiles_n;
        t.split = t.can_split && tuned.split;
    }
    return t;
}

/* About `tiles` of `all`, so that groups are of one size. */
static int even(int tiles, int all)
{
    tiles = tiles < 1 ? 1 : tiles > all ? all : tiles;
    return ceil_div(all, ceil_div(all, tiles));
}

/* Adds what is not there yet. */
static void add_partition(clade__partition *list, int *n, int tiles_m, int tiles_n, bool split)
{
    for (int i = 0; i < *n; i++)
        if (list[i].tiles_m == tiles_m && list[i].tiles_n == tiles_n && list[i].split == split)
            return;
    list[(*n)++] = (clade__partition){tiles_m, tiles_n, split};
}

static int partitions(const clade_device *device, const clade_gemm_args *args, bool update,
                      clade__partition *out)
{
    /* Around the rule's: so many times its tiles along m and n, in quarters. */
    static const int around[][2] = {{2, 4}, {1, 4}, {8, 4}, {4, 2}, {4, 8}, {2, 8}, {8, 2}};
    tiling t = tile_by_rule(device, args, update);
    int all_n = t.pack ? 1 : t.all_n, n = 0;
    add_partition(out, &n, t.tiles_m, t.tiles_n, t.split);
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++)
        add_partition(out, &n, even(t.tiles_m * around[i][0] / 4, t.all_m),
                      even(t.tiles_n * around[i][1] / 4, all_n), t.split);
    /* Few groups, where handing them out is most of the time: one for each unit, and one. */
    int units = device->info.compute_units;
    add_partition(out, &n, t.all_m, even(all_n / units, all_n), false);
    add_partition(out, &n, even(t.all_m / units, t.all_m), all_n, false);
    add_partition(out, &n, t.all_m, all_n, false);
    if (t.can_split) add_partition(out, &n, t.all_m, all_n, true);
    return n;
}

static const char *refuses(const clade_device *device, const clade_gemm_args *args)
{
    (void)args;
    if (device->quirks.loops_end_early) return "this driver ends long loops early";
    return device->info.type == CLADE_DEVICE_CPU ? NULL : "it is made for CPUs";
}

static clade_status scratch_bytes(clade_device *device, const clade_gemm_args *args, size_t *bytes)
{
    *bytes = tile_by_rule(device, args, false).can_split ? CLADE__PARTS_BYTES : 0;
    return CLADE_OK;
}

/* What both kernels are given; the epilogue is in options and arguments. */
static clade__launch launch_of(const clade_gemm_args *args, const tiling *t, const char *options)
{
    const char *name = t->dots ? "gemm_dots" : "gemm_rows";
    int groups_n = ceil_div(t->all_n, t->tiles_n);
    return (clade__launch){
        .program = name,
        .options = options,
        .kernel = name,
        .args = {clade__arg_tensor(args->c), clade__arg_tensor(args->a), clade__arg_tensor(args->b),
                 clade__arg_tensor(NULL),
                 {CLADE__ARG_INT8,
                  {.ints = {(int32_t)args->m, (int32_t)args->n, (int32_t)args->k,
                            (int32_t)args->lda, (int32_t)args->ldb, (int32_t)args->ldc, t->tiles_m,
                            t->tiles_n}}},
                 {CLADE__ARG_INT4,
                  {.ints = {(int32_t)args->a_offset, (int32_t)args->b_offset,
                            (int32_t)args->c_offset, t->split ? groups_n : 0}}},
                 {CLADE__ARG_FLOAT4, {.floats = {args->alpha, args->beta}}}},
        .n_args = 7,
        .groups = {(size_t)ceil_div(t->all_m, t->tiles_m),
                   (size_t)groups_n * (size_t)(t->split ? t->blocks : 1)},
        .local = {1, 1},
    };
}

static const char *prefetch_option(const clade_device *device, const tiling *t)
{
    return t->prefetch && device->quirks.prefetch_by_builtin ? " -DPREFETCH=1" : "";
}

enum { BIAS = 3, SCALAR = 6 }; /* arguments, by position */

static const clade__epilogue no_epilogue;

static clade_status record_tiles(clade__commands *commands, const clade_gemm_args *args,
                                 const clade__epilogue *epilogue, const tiling *t)
{
    const clade_device *device = clade__commands_device(commands);
    float slope = epilogue->slope;
    /* With B transposed, as the layers' forward has it, three activations are one build. */
    int activation = (int)epilogue->activation;
    if (args->trans_b) activation = clade__activation_build(epilogue->activation, &slope);
    char options[128];
    if (t->dots)
        snprintf(options, sizeof options, "-DVW=%d -DMR=%d -DACTIVATION=%d%s", t->vw, t->mr,
                 activation, prefetch_option(device, t));
    else
        snprintf(options, sizeof options,
                 "-DVW=%d -DNV=%d -DMR=%d -DKC=%d -DTRANS_A=%d -DTRANS_B=%d -DPACK=%d "
                 "-DACTIVATION=%d",
                 t->vw, t->nv, t->mr, t->kc, args->trans_a, args->trans_b, t->pack, activation);
    clade__launch launch = launch_of(args, t, options);
    launch.args[BIAS] = clade__arg_tensor(epilogue->bias);
    launch.args[SCALAR].as.floats[2] = slope;
    return clade__commands_launch(commands, &launch);
}

/* The call, but with every block of k in a matrix of its own, then their sum with the epilogue. */
static clade_status record_split(clade__commands *commands, const clade_gemm_args *args,
                                 const clade__epilogue *epilogue, const tiling *t)
{
    clade_tensor parts;
    clade_gemm_args into;
    CLADE_TRY(clade__gemm_parts(commands, args, &parts, &into));
    CLADE_TRY(record_tiles(commands, &into, &no_epilogue, t));
    return clade__gemm_join(commands, args, epilogue, &parts, t->blocks);
}

static clade_status record(clade__commands *commands, const clade_gemm_args *args,
                           const clade__epilogue *epilogue, bool *did_epilogue)
{
    tiling t = tile(clade__commands_device(commands), args, false);
    if (!epilogue) epilogue = &no_epilogue;
    *did_epilogue = true;
    return t.split ? record_split(commands, args, epilogue, &t)
                   : record_tiles(commands, args, epilogue, &t);
}

static clade_status record_update(clade__commands *commands, const clade_gemm_args *args,
                                  const clade__sgd_state *state, const clade__sgd_rates *rates)
{
    const clade_device *device = clade__commands_device(commands);
    tiling t = tile(device, args, true);
    char options[128];
    snprintf(options, sizeof options, "-DVW=%d -DNV=%d -DMR=%d -DTRANS_A=%d -DUPDATE=%d%s", t.vw,
             t.nv, t.mr, args->trans_a, clade__gemm_step_form(rates), prefetch_option(device, &t));
    clade__launch launch = launch_of(args, &t, options);
    launch.args[BIAS] = clade__arg_tensor(state->bias);
    clade__gemm_append_step(&launch, state, rates);
    return clade__commands_launch(commands, &launch);
}

const clade__gemm_provider clade__gemm_tiled = {"tiled", refuses, scratch_bytes, record,
                                                record_update, partitions, NULL};
