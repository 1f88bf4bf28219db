/* The provider `tiled`: our own convolution for CPUs, cl/conv_rows.cl and cl/conv_dots.cl.
 *
 * A work-group takes planes of an image into a core's own cache, with zeros around, and holds a tile of
 * sums in registers. How it is cut into groups does not change a result, but for the images that a
 * group of conv_dots takes: those follow from the shapes alone. */
#include <stdio.h>
#include <string.h>

#include "conv/conv_cpu.h"

#define MAX_ROWS 2048
#define MAX_OUT 32    /* output channels of a block of conv_dots */
#define MAX_IN 32     /* input channels, where taps are 9; of others as many rows */
/* Vectors of each plane at a time in conv_dots: so many pay for moving its sums. */
#define LONG_RUN 96

/* Floats of local memory, by what the device has. */
typedef struct budget {
    uint64_t bytes; /* of the device, at least */
    int rows_planes, rows_sums; /* of conv_rows; sums of each of its channels */
    int dots_planes, dots_sums;
} budget;

static const budget budgets[] = {{1024 * 1024, 64 * 1024, 1152, 96 * 1024, 40 * 1024},
                                 {512 * 1024, 64 * 1024, 1152, 64 * 1024, 20 * 1024},
                                 {32 * 1024, 4 * 1024, 256, 2 * 1024, 2 * 1024}};

static const budget *budget_of(const clade_device *device)
{
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++)
        if (clade_device_describe(device)->local_memory_bytes >= budgets[i].bytes) return &budgets[i];
    return NULL;
}

/* How planes lie: see cl/conv_planes.cl. Of height and width: out elements in each phase of the stride,
 * and the least and the most steps between an output and its inputs, as far as they pass 0. */
typedef struct tiling {
    int vw, mr, nr;
    int out[2], least[2], most[2];
    int in_channels;   /* of a group */
    int phases;        /* planes of a channel */
    int phases_held;   /* of a row of outputs, in their sums */
    int pitch, cols;
    int rows, strips;  /* of outputs */
    int64_t floats, run; /* of a plane; of a strip of outputs, in whole vectors */
    int many;          /* images beside each other */
    int block_o, block_c, chunk, chunks; /* of conv_dots; there a run is a plane of dy */
} tiling;

static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

static int largest(int a, int b)
{
    return a > b ? a : b;
}

static int smallest(int a, int b)
{
    return a < b ? a : b;
}

/* ---- planes ------------------------------------------------------------------------------------ */

static void set_reach(tiling *t, const clade__conv *c, int d, bool data)
{
    int last = (c->kernel[d] - 1) * c->dilation[d] - c->pad[d], stride = c->stride[d];
    int size = d == 0 ? c->h : c->w, out = d == 0 ? c->oh : c->ow;
    t->out[d] = data ? clade__ceil_div(size, stride) : out;
    t->least[d] = smallest(0, data ? -floor_div(last, stride) : floor_div(-c->pad[d], stride));
    t->most[d] = largest(0, data ? floor_div(stride - 1 + c->pad[d], stride) : floor_div(last, stride));
}

static tiling planes_of(const clade__conv *c, int vw, bool data)
{
    tiling t = {.vw = vw, .in_channels = (data ? c->oc : c->c) / c->groups,
                .phases = data ? 1 : c->stride[0] * c->stride[1],
                .phases_held = data && c->stride[1] == 2 ? 2 : 1};
    for (int d = 0; d < 2; d++) set_reach(&t, c, d, data);
    int cols = data ? c->ow : clade__ceil_div(c->w, c->stride[1]);
    t.cols = smallest(cols, t.out[1] + t.most[1]);
    t.pitch = largest(t.out[1] + t.most[1], t.cols - t.least[1]);
    return t;
}

/* For strips of so many rows, of so many images beside each other; where whole rows of outputs are run over,
 * or else to the last output alone. */
static void set_rows(tiling *t, int rows, int many, bool whole)
{
    int reach = t->most[0] - t->least[0], beside = t->most[1] - t->least[1];
    int64_t wide = (int64_t)many * t->pitch, run = rows * wide - (whole ? 0 : t->pitch - t->out[1]);
    int64_t least = (rows + reach) * wide - t->least[1];
    t->rows = rows;
    t->strips = clade__ceil_div(t->out[0], rows);
    t->many = many;
    t->run = (run + t->vw - 1) / t->vw * t->vw;
    t->floats = t->run + reach * wide + beside;
    if (t->floats < least) t->floats = least;
}

/* ---- forward, and the gradient of the input ---------------------------------------------------- */

static bool fits(const tiling *t, const budget *b)
{
    return t->phases_held * t->run <= b->rows_sums &&
           t->in_channels * t->phases * t->floats <= b->rows_planes;
}

static bool tile_images(tiling *t, const clade__conv *c, const budget *b, int vw, bool data)
{
    *t = planes_of(c, vw, data);
    t->mr = clade__conv_tile_rows((data ? c->c : c->oc) / c->groups, vw);
    for (int strips = 1; strips <= t->out[0]; strips++) {
        set_rows(t, clade__ceil_div(t->out[0], strips), 1, false);
        if (fits(t, b)) return true;
    }
    return false;
}

/* Puts so many whole images beside each other, at most, that vectors are used best. */
static void join_images(tiling *t, const budget *b, int most)
{
    tiling best = *t;
    for (int many = 2; t->strips == 1 && many <= most; many++) {
        set_rows(t, t->rows, many, false);
        if (fits(t, b) && t->run * best.many < best.run * many) best = *t;
    }
    *t = best;
}

static clade_status record_images(clade__commands *commands, const clade__conv_call *call,
                                  const budget *b)
{
    const clade__conv *c = &call->conv;
    const clade_device *device = clade__commands_device(commands);
    bool data = call->pass == CLADE__CONV_DATA;
    tiling t;
    char options[128];
    float slope = call->epilogue.slope;
    tile_images(&t, c, b, clade__cpu_vector(device), data);
    int oc = c->oc / c->groups, ic = c->c / c->groups, taps = c->kernel[0] * c->kernel[1];
    int out = data ? ic : oc, tiles = c->groups * clade__ceil_div(out, t.mr);
    int wanted = clade__conv_wanted_groups(device);
    join_images(&t, b, c->n / wanted);
    int strips = clade__ceil_div(c->n, t.many) * t.strips;
    int per_group = strips >= wanted ? tiles : largest(1, tiles / clade__ceil_div(wanted, strips));
    snprintf(options, sizeof options, "-DVW=%d -DMR=%d -DPLANES=%d -DSUMS=%d -DDATA=%d", t.vw, t.mr,
             b->rows_planes, b->rows_sums, data);
    if (!data)
        snprintf(options + strlen(options), sizeof options - strlen(options), " -DACTIVATION=%d",
                 clade__activation_build(call->epilogue.activation, &slope));
    CLADE_TRY(clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_rows",
            .options = options,
            .kernel = "conv_pack",
            .args = {clade__arg_tensor(call->scratch), clade__arg_tensor(call->weight),
                     {CLADE__ARG_INT8,
                      {.ints = {out, data ? oc : ic, taps, data ? taps : ic * taps,
                                data ? ic * taps : taps}}}},
            .n_args = 3,
            .groups = {(size_t)tiles},
            .local = {1},
        }));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_rows",
            .options = options,
            .kernel = "conv_rows",
            .args = {clade__arg_tensor(call->out), clade__arg_tensor(data ? call->dy : call->x),
                     clade__arg_tensor(call->scratch),
                     clade__arg_tensor(data ? NULL : call->epilogue.bias),
                     {CLADE__ARG_INT8,
                      {.ints = {data ? c->oh : c->h, data ? c->ow : c->w, data ? c->h : c->oh,
                                data ? c->w : c->ow, data ? oc : ic, out, t.pitch, (int32_t)t.floats}}},
                     clade__conv_window_arg(c),
                     {CLADE__ARG_INT8,
                      {.ints = {t.least[0], t.least[1], t.rows, t.strips,
                                t.rows + t.most[0] - t.least[0], t.cols, per_group, tiles}}},
                     {CLADE__ARG_INT4, {.ints = {c->n, t.many, call->add, 0}}},
                     clade__arg_float(slope)},
            .n_args = 9,
            .groups = {(size_t)strips, (size_t)clade__ceil_div(tiles, per_group)},
            .local = {1, 1},
        });
}

/* ---- the gradient of the weight ---------------------------------------------------------------- */

static void set_tile(tiling *t, int taps)
{
    int rows = t->block_c * taps;
    t->mr = t->block_o >= 4 ? 4 : t->block_o >= 2 ? 2 : 1;
    t->nr = t->vw < 16 ? (rows >= 2 ? 2 : 1) : rows >= 6 ? 6 : rows >= 3 ? 3 : 1;
    if (t->vw == 16 && t->block_o % 4 != 0 && t->block_o % 6 == 0 && rows >= 4) {
        t->mr = 6;
        t->nr = 4;
    }
}

/* Floats of the sums of a block. */
static int64_t sums_of(const tiling *t, int taps)
{
    return (int64_t)clade__ceil_div(t->block_o, t->mr) * clade__ceil_div(t->block_c * taps, t->nr) *
           clade__ceil_div(t->mr * t->nr, 4) * 4;
}

/* Whether the planes of a block fit; as many images are taken at a time as fit, up to a long run, and about
 * as many each time. */
static bool fit_images(tiling *t, int most_floats)
{
    for (int strips = 1; strips <= t->out[0]; strips++) {
        int rows = clade__ceil_div(t->out[0], strips), many = 1;
        if (strips == 1) many = smallest(t->chunk, 1 + (int)(LONG_RUN * t->vw / ((int64_t)rows * t->pitch)));
        for (; many > 0; many--) {
            set_rows(t, rows, many, true);
            if (t->block_c * t->phases * t->floats + t->block_o * t->run > most_floats) continue;
            set_rows(t, rows, clade__conv_even_part(t->chunk, many), true);
            return true;
        }
    }
    return false;
}

static bool tile_dots(tiling *t, const clade__conv *c, const budget *b, int vw)
{
    int oc = c->oc / c->groups, ic = c->c / c->groups, taps = c->kernel[0] * c->kernel[1];
    *t = planes_of(c, vw, false);
    clade__conv_set_chunks(c, &t->chunk, &t->chunks);
    int block_o = MAX_OUT, block_c = smallest(MAX_ROWS / taps, largest(1, 9 * MAX_IN / taps));
    for (;;) {
        t->block_o = clade__conv_even_part(oc, block_o);
        t->block_c = clade__conv_even_part(ic, block_c);
        set_tile(t, taps);
        if (sums_of(t, taps) <= b->dots_sums && fit_images(t, b->dots_planes)) return true;
        if (block_c > 1)
            block_c /= 2;
        else if (block_o > 1)
            block_o /= 2;
        else
            return false;
    }
}

static clade_status record_weight(clade__commands *commands, const clade__conv_call *call,
                                  const budget *b)
{
    const clade__conv *c = &call->conv;
    const clade_device *device = clade__commands_device(commands);
    tiling t;
    char options[128];
    tile_dots(&t, c, b, clade__cpu_vector(device));
    int oc = c->oc / c->groups, ic = c->c / c->groups;
    int blocks = c->groups * clade__ceil_div(oc, t.block_o) * clade__ceil_div(ic, t.block_c);
    snprintf(options, sizeof options, "-DVW=%d -DMR=%d -DNR=%d -DPLANES=%d -DSUMS=%d", t.vw, t.mr, t.nr,
             b->dots_planes, b->dots_sums);
    CLADE_TRY(clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_dots",
            .options = options,
            .kernel = "conv_dots",
            .args = {clade__arg_tensor(call->scratch), clade__arg_tensor(call->x),
                     clade__arg_tensor(call->dy),
                     {CLADE__ARG_INT8, {.ints = {c->h, c->w, c->oh, c->ow, ic, oc, t.pitch, (int32_t)t.floats}}},
                     clade__conv_window_arg(c),
                     {CLADE__ARG_INT8,
                      {.ints = {t.least[0], t.least[1], t.rows, t.strips, t.rows + t.most[0] - t.least[0],
                                t.cols, t.block_o, t.block_c}}},
                     {CLADE__ARG_INT4, {.ints = {c->n, t.chunk, t.many, (int32_t)t.run}}}},
            .n_args = 7,
            .groups = {(size_t)t.chunks, (size_t)blocks},
            .local = {1, 1},
        }));
    return clade__conv_join(commands, call, t.chunks);
}

/* The parts of chunks, or the packed weights, whose last tile may be packed in part again. */
int64_t clade__conv_tiled_scratch(const clade__conv *conv, clade__conv_pass pass)
{
    tiling t = {0};
    if (!clade__conv_is_countable(conv)) return 0;
    clade__conv_set_chunks(conv, &t.chunk, &t.chunks);
    int64_t weights = clade_shape_elements(clade__conv_weight_shape(conv));
    int out = (pass == CLADE__CONV_DATA ? conv->c : conv->oc) / conv->groups;
    return pass == CLADE__CONV_WEIGHT ? t.chunks * weights : weights / out * (out + CLADE__CONV_MAX_TILE - 1);
}

/* ---- the provider ------------------------------------------------------------------------------ */

static const char *refuses(const clade_device *device, const clade__conv *conv, clade__conv_pass pass)
{
    tiling t;
    const budget *b = budget_of(device);
    int vw = clade__cpu_vector(device);
    if (clade__item_vector(device) == 1) return "it is made for CPUs, with long work-items";
    if (!b) return "there is little local memory";
    if (!clade__conv_is_countable(conv)) return "the kernel is large";
    bool fits = pass == CLADE__CONV_WEIGHT ? tile_dots(&t, conv, b, vw)
                                           : tile_images(&t, conv, b, vw, pass == CLADE__CONV_DATA);
    return fits ? NULL : "a row of all channels does not fit the cache";
}

static clade_status record(clade__commands *commands, const clade__conv_call *call)
{
    const budget *b = budget_of(clade__commands_device(commands));
    return call->pass == CLADE__CONV_WEIGHT ? record_weight(commands, call, b)
                                            : record_images(commands, call, b);
}

const clade__conv_provider clade__conv_tiled = {"tiled", refuses, record};
