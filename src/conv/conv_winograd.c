/* The provider `winograd`: a kernel of 3 x 3 in steps of 1, forward and the gradient of the input, by
 * cl/conv_winograd.cl, for CPUs. A tile of 2 x 2 outputs takes 16 products where the others do 36, one of 4 x 4 takes 36
 * where they do 144. */
#include <stdio.h>

#include "conv/conv_cpu.h"

#define MIN_CHANNELS 8 /* below, transforms take longer than products save */
#define MIN_TILES 4    /* of output channels, for which an input is read from the cache once */
#define SKEW 16        /* the kernel's */

/* Local memory that the device must have, and what of it is taken, in floats. */
#define LEAST_BYTES (1024 * 1024)
#define INPUTS (160 * 1024)
#define PLANES (8 * 1024)
#define MAX_RUN 512 /* tiles of a run */

/* What an output costs in tiles of 4 x 4, of what it does in those of 2 x 2, about: of many input channels few tiles
 * fit the cache at a time. */
#define LARGE_TILE_COST 0.65
#define LARGE_TILE_COST_OF_MANY 0.9
#define MANY_CHANNELS 33

/* A pass as the kernel sees it: what is read and what is written. */
typedef struct sizes {
    int in[2], out[2], ic, oc, pad[2];
} sizes;

typedef struct tiling {
    int side, elements; /* of a tile: outputs along one dimension, and inputs */
    int mr, vw, pitch, rows, strips, many, run, floats;
    int at_a_time; /* tiles of output channels */
    int reach[2]; /* rows and columns of the split planes that a tile has more than one of */
} tiling;

static sizes sizes_of(const clade__conv *c, clade__conv_pass pass)
{
    int ic = c->c / c->groups, oc = c->oc / c->groups;
    if (pass == CLADE__CONV_DATA)
        return (sizes){{c->oh, c->ow}, {c->h, c->w}, oc, ic, {2 - c->pad[0], 2 - c->pad[1]}};
    return (sizes){{c->h, c->w}, {c->oh, c->ow}, ic, oc, {c->pad[0], c->pad[1]}};
}

/* The side of the tiles in which fewer outputs are computed in vain, by what they cost. */
int clade__conv_winograd_side(int channels, int height, int width)
{
    double cost[2], of_large = channels < MANY_CHANNELS ? LARGE_TILE_COST : LARGE_TILE_COST_OF_MANY;
    for (int i = 0; i < 2; i++) {
        int side = 2 + 2 * i;
        cost[i] = (double)clade__ceil_div(height, side) * clade__ceil_div(width, side) * side * side;
    }
    return cost[1] * of_large < cost[0] ? 4 : 2;
}

static void set_rows(tiling *t, const sizes *s, int rows, int many)
{
    int wide = many * t->pitch;
    t->rows = rows;
    t->strips = clade__ceil_div(clade__ceil_div(s->out[0], t->side), rows);
    t->many = many;
    t->run = clade__ceil_div(rows * wide, t->vw) * t->vw;
    t->floats = t->reach[0] * wide + t->reach[1] + t->run + t->vw;
}

/* Whether all fits, with MIN_TILES tiles of output channels at a time, or all that there are. */
static bool fits(tiling *t, const sizes *s)
{
    int64_t left = INPUTS / t->elements - 2 * SKEW - (int64_t)s->ic * t->run;
    int tiles = clade__ceil_div(s->oc, t->mr);
    if (t->run > MAX_RUN || t->side * t->side * t->floats > PLANES || left <= 0) return false;
    t->at_a_time = (int)left / (t->mr * t->run);
    if (t->at_a_time > tiles) t->at_a_time = tiles;
    return t->at_a_time >= (tiles < MIN_TILES ? tiles : MIN_TILES);
}

/* Cycles of an image, about, for each input channel: what its products take, the transforms of a vector of
 * tiles, and a row of what is copied. Three vectors go through the products at a time, or two, or one. */
static double cost_of(const tiling *t, const sizes *s)
{
    int n = t->run / t->vw, rest = n % 3, threes = n / 3 - (rest == 1 && n > 1);
    int twos = rest == 2 ? 1 : rest == 1 && n > 1 ? 2 : 0, ones = n == 1;
    double products = 12.0 * threes + 8.5 * twos + 5.5 * ones, transforms = 3.1 * t->elements * n;
    double all = 0.125 * t->elements * clade__ceil_div(s->oc, t->mr) * t->mr * products +
                 transforms * (1.0 + (double)s->oc / s->ic) + 12.0 * (t->side * t->rows + 2) * t->many;
    return all * t->strips / t->many;
}

/* Rows of tiles of an image, or some small images beside each other, by their cost. */
static bool make_tiling(tiling *t, const sizes *s, int vw, int most_images)
{
    int side = clade__conv_winograd_side(s->ic, s->out[0], s->out[1]);
    int row = clade__ceil_div(s->out[1], side), rows = clade__ceil_div(s->out[0], side);
    tiling best = {0};
    double least = 0.0;
    *t = (tiling){.side = side, .elements = (side + 2) * (side + 2), .vw = vw, .mr = clade__conv_tile_rows(s->oc, vw)};
    for (int d = 0; d < 2; d++) t->reach[d] = 1 + (s->pad[d] == 1);
    t->pitch = row + (s->pad[1] == 0); /* else what is over the edge is 0 */
    for (int many = 1; many == 1 || many <= most_images; many++) {
        bool any = false;
        for (int strips = 1; strips <= (many > 1 ? 1 : rows); strips++) {
            set_rows(t, s, clade__ceil_div(rows, strips), many);
            if (!fits(t, s)) continue;
            any = true;
            if (best.run > 0 && cost_of(t, s) >= least) continue;
            best = *t;
            least = cost_of(t, s);
        }
        if (!any) break;
    }
    *t = best;
    return best.run > 0;
}

bool clade__conv_winograd_suits(const clade__conv *c, clade__conv_pass pass)
{
    sizes s = sizes_of(c, pass);
    for (int d = 0; d < 2; d++)
        if (c->kernel[d] != 3 || c->stride[d] != 1 || c->dilation[d] != 1 || c->pad[d] > 2 ||
            s.in[d] > 1 << 14)
            return false;
    return pass != CLADE__CONV_WEIGHT && s.ic >= MIN_CHANNELS && s.oc >= MIN_CHANNELS;
}

/* The packed weights, whose last tile may be packed in part again. */
int64_t clade__conv_winograd_scratch(const clade__conv *conv, clade__conv_pass pass)
{
    if (!clade__conv_winograd_suits(conv, pass)) return 0;
    sizes s = sizes_of(conv, pass);
    int64_t row = clade__conv_winograd_side(s.ic, s.out[0], s.out[1]) + 2;
    return row * row * conv->groups * s.ic * (s.oc + CLADE__CONV_MAX_TILE - 1);
}

static const char *refuses(const clade_device *device, const clade__conv *conv, clade__conv_pass pass)
{
    tiling t;
    sizes s = sizes_of(conv, pass);
    if (clade__item_vector(device) == 1) return "it is made for CPUs, with long work-items";
    if (clade_device_describe(device)->local_memory_bytes < LEAST_BYTES) return "there is little local memory";
    if (!clade__conv_winograd_suits(conv, pass))
        return "it does kernels of 3 x 3 in steps of 1, of some channels";
    return make_tiling(&t, &s, clade__cpu_vector(device), 1) ? NULL : "a row of all channels does not fit the cache";
}

static clade_status pack(clade__commands *commands, const clade__conv_call *call, const sizes *s,
                         const char *options, int tiles)
{
    bool data = call->pass == CLADE__CONV_DATA;
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_winograd",
            .options = options,
            .kernel = "conv_winograd_pack",
            .args = {clade__arg_tensor(call->scratch), clade__arg_tensor(call->weight),
                     {CLADE__ARG_INT8,
                      {.ints = {s->oc, s->ic, data ? 9 : s->ic * 9, data ? s->oc * 9 : 9, data, 0, 0, 0}}}},
            .n_args = 3,
            .groups = {(size_t)s->ic, (size_t)tiles},
            .local = {1, 1},
        });
}

static clade_status record(clade__commands *commands, const clade__conv_call *call)
{
    const clade__conv *c = &call->conv;
    const clade_device *device = clade__commands_device(commands);
    const sizes s = sizes_of(c, call->pass);
    bool data = call->pass == CLADE__CONV_DATA;
    int wanted = clade__conv_wanted_groups(device);
    tiling t;
    char options[160];
    float slope = call->epilogue.slope;
    int activation = clade__activation_build(data ? CLADE_IDENTITY : call->epilogue.activation, &slope);
    make_tiling(&t, &s, clade__cpu_vector(device), c->n / wanted);
    int tiles = c->groups * clade__ceil_div(s.oc, t.mr);
    int strips = clade__ceil_div(c->n, t.many) * t.strips;
    int parts = strips >= wanted ? 1 : clade__ceil_div(wanted, strips);
    int per_group = tiles / parts < 1 ? 1 : tiles / parts;
    snprintf(options, sizeof options, "-DVW=%d -DMR=%d -DRUN=%d -DPLANES=%d -DINPUTS=%d -DOUT=%d -DACTIVATION=%d",
             t.vw, t.mr, MAX_RUN, PLANES, INPUTS, t.side, activation);
    CLADE_TRY(pack(commands, call, &s, options, tiles));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_winograd",
            .options = options,
            .kernel = "conv_winograd",
            .args = {clade__arg_tensor(call->out), clade__arg_tensor(data ? call->dy : call->x),
                     clade__arg_tensor(call->scratch),
                     clade__arg_tensor(data ? NULL : call->epilogue.bias),
                     {CLADE__ARG_INT8,
                      {.ints = {s.in[0], s.in[1], s.out[0], s.out[1], s.ic, s.oc, t.pitch, t.floats}}},
                     {CLADE__ARG_INT8,
                      {.ints = {s.pad[0], s.pad[1], t.rows, t.strips, per_group, tiles, t.at_a_time, 0}}},
                     {CLADE__ARG_INT4, {.ints = {c->n, t.many, call->add, 0}}},
                     clade__arg_float(slope)},
            .n_args = 8,
            .groups = {(size_t)strips, (size_t)clade__ceil_div(tiles, per_group)},
            .local = {1, 1},
        });
}

const clade__conv_provider clade__conv_winograd = {"winograd", refuses, record};
