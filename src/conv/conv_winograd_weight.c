/* The provider `winograd_weight`: the gradient of the weight of a kernel of 3 x 3 in steps of 1, by
 * cl/conv_winograd_weight.cl, for CPUs. */
#include <stdio.h>

#include "conv/conv_cpu.h"

#define MIN_CHANNELS 16 /* below, transforms take longer than products save */
#define MAX_BLOCK 64    /* channels of a block, of x and of dy */
#define SOME_CHANNELS 32 /* so many leave too few tiles of 4 x 4 in a cache at a time */
#define LONG_RUN 64     /* tiles at a time: so many pay for moving sums */
#define SKEW 16         /* the kernel's */

/* Floats of local memory, where the device has so many bytes. */
#define LEAST_BYTES (1024 * 1024)
#define PLANES (112 * 1024)
#define SUMS (16 * (MAX_BLOCK * MAX_BLOCK + SKEW)) /* of tiles of 2 x 2: those of 4 x 4 have fewer channels */

typedef struct tiling {
    int side, elements; /* of a tile: gradients along one dimension, and inputs */
    int nv, np, chunk, chunks, block_o, block_c, o_pitch, c_pitch;
    int rows, many, tiles; /* rows of tiles, images, and so all tiles, at a time */
} tiling;

bool clade__conv_winograd_weight_suits(const clade__conv *c)
{
    for (int d = 0; d < 2; d++)
        if (c->kernel[d] != 3 || c->stride[d] != 1 || c->dilation[d] != 1 || c->pad[d] > 2) return false;
    return c->c / c->groups >= MIN_CHANNELS && c->oc / c->groups >= MIN_CHANNELS && c->h <= 1 << 14 &&
           c->w <= 1 << 14;
}

int clade__conv_winograd_weight_side(const clade__conv *c)
{
    bool few = c->c / c->groups < SOME_CHANNELS && c->oc / c->groups < SOME_CHANNELS;
    return few ? clade__conv_winograd_side(c->c / c->groups, c->oh, c->ow) : 2;
}

static bool fits(tiling *t, const clade__conv *c, int rows, int many)
{
    int64_t some = (int64_t)many * t->side * rows, pitches = t->c_pitch + t->o_pitch;
    int64_t tiles = (int64_t)many * rows * clade__ceil_div(c->ow, t->side);
    int64_t pixels = (some + 2 * many) * c->w * t->c_pitch + some * c->ow * t->o_pitch;
    if (t->elements * (tiles * pitches + 2 * SKEW) + pixels + pitches > PLANES) return false;
    t->rows = rows;
    t->many = many;
    t->tiles = (int)tiles;
    return true;
}

/* Blocks of channels, and as many tiles at a time as fit, up to a long run. */
static bool make_tiling(tiling *t, const clade__conv *c, int vw)
{
    int oc = c->oc / c->groups, ic = c->c / c->groups, side = clade__conv_winograd_weight_side(c);
    int rows = clade__ceil_div(c->oh, side), cols = clade__ceil_div(c->ow, side);
    *t = (tiling){.side = side, .elements = (side + 2) * (side + 2),
                  .block_o = clade__conv_even_part(oc, MAX_BLOCK), .block_c = clade__conv_even_part(ic, MAX_BLOCK)};
    clade__conv_set_chunks(c, &t->chunk, &t->chunks);
    t->nv = t->block_o > vw ? 2 : 1;
    t->np = vw == 16 ? 16 / t->nv : vw == 8 ? 8 / t->nv : 4;
    t->o_pitch = clade__ceil_div(t->block_o, t->nv * vw) * t->nv * vw;
    t->c_pitch = clade__ceil_div(t->block_c, vw) * vw;
    int wanted = clade__ceil_div(LONG_RUN, cols), some = rows < wanted ? rows : wanted;
    some = clade__conv_even_part(rows, some);
    for (; some > 0 && !fits(t, c, some, 1); some--) {}
    int many = some < rows ? 1 : LONG_RUN / (rows * cols);
    for (many = many < t->chunk ? many : t->chunk; many > 1 && !fits(t, c, rows, many); many--) {}
    return some > 0;
}

static const char *refuses(const clade_device *device, const clade__conv *c, clade__conv_pass pass)
{
    tiling t;
    if (pass != CLADE__CONV_WEIGHT) return "it does the gradient of a weight alone";
    if (clade__item_vector(device) == 1) return "it is made for CPUs, with long work-items";
    if (clade_device_describe(device)->local_memory_bytes < LEAST_BYTES) return "there is little local memory";
    if (!clade__conv_winograd_weight_suits(c)) return "it does kernels of 3 x 3 in steps of 1, of some channels";
    return make_tiling(&t, c, clade__cpu_vector(device)) ? NULL : "a row of all channels does not fit the cache";
}

static clade_status record(clade__commands *commands, const clade__conv_call *call)
{
    const clade__conv *c = &call->conv;
    int oc = c->oc / c->groups, ic = c->c / c->groups;
    int vw = clade__cpu_vector(clade__commands_device(commands));
    tiling t;
    char options[128];
    make_tiling(&t, c, vw);
    int blocks_c = clade__ceil_div(ic, t.block_c);
    int blocks = c->groups * clade__ceil_div(oc, t.block_o) * blocks_c;
    snprintf(options, sizeof options, "-DVW=%d -DNV=%d -DNP=%d -DPLANES=%d -DSUMS=%d -DOUT=%d", vw, t.nv, t.np,
             PLANES, SUMS, t.side);
    CLADE_TRY(clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_winograd_weight",
            .options = options,
            .kernel = "conv_winograd_weight",
            .args = {clade__arg_tensor(call->scratch), clade__arg_tensor(call->x),
                     clade__arg_tensor(call->dy),
                     {CLADE__ARG_INT8,
                      {.ints = {c->h, c->w, c->oh, c->ow, ic, oc, c->pad[0], c->pad[1]}}},
                     {CLADE__ARG_INT8,
                      {.ints = {t.rows, t.block_o, t.block_c, t.o_pitch, t.c_pitch, t.tiles, 0, 0}}},
                     {CLADE__ARG_INT4, {.ints = {c->n, t.chunk, t.many, blocks_c}}}},
            .n_args = 6,
            .groups = {(size_t)t.chunks, (size_t)blocks},
            .local = {1, 1},
        }));
    return clade__conv_join(commands, call, t.chunks);
}

const clade__conv_provider clade__conv_winograd_weight = {"winograd_weight", refuses, record};
