/* The provider `lanes`: convolution in steps of 1 with images in a vector's lanes, for CPUs, by
 * cl/conv_lanes.cl. Forward, and the gradient of the input. */
#include <stdio.h>
#include <string.h>

#include "conv/conv_cpu.h"

#define PLANES (64 * 1024) /* floats of local memory */
#define SUMS (16 * 1024)
#define WEIGHTS (8 * 1024)
#define LOCAL_BYTES (512 * 1024) /* that a device must have */
#define MAX_PIXELS 7             /* of a tile */
#define LEAST_TERMS 128 /* of a sum: of fewer, turning the images takes longer than what it gains */
#define GROUPS_PER_UNIT 4
#define LOOP_COST 4 /* of a tap, in products of vectors */

typedef struct tiling {
    int mr, np;
    int in[2], out[2], ic, oc; /* of the pass */
    int least[2], wide;
    int rows, rows_at_once;    /* of outputs: of a group; in its sums */
    int plane_rows;
} tiling;

static int largest(int a, int b)
{
    return a > b ? a : b;
}

static int smallest(int a, int b)
{
    return a < b ? a : b;
}

/* Taps of a row of the kernel that a row of tiles goes through: those of no use to any pixel are left out. */
static int taps_of(const tiling *t, int np, int kw)
{
    int sum = 0;
    for (int q = 0; q < t->out[1]; q += np) {
        int col = smallest(q, t->out[1] - np) + t->least[1];
        int skip = largest(0, 1 - col - np), last = smallest(kw, t->in[1] - col);
        sum += largest(0, last - skip);
    }
    return sum;
}

/* A tile that fits the registers, with the least work. */
static void set_tile(tiling *t, int kw, int vw)
{
    int most = vw == 16 ? 24 : 12, least = INT32_MAX;
    for (int mr = 1; mr <= smallest(t->oc, CLADE__CONV_MAX_TILE); mr++)
        for (int np = 1; np <= smallest(t->out[1], MAX_PIXELS) && mr * np <= most; np++) {
            int each = largest(mr * np, mr + np) + LOOP_COST;
            int cost = clade__ceil_div(t->oc, mr) * taps_of(t, np, kw) * each;
            if (cost >= least) continue;
            least = cost;
            t->mr = mr;
            t->np = np;
        }
}

static int plane_rows_of(const tiling *t, int kh)
{
    return smallest(t->in[0], t->rows + kh - 1);
}

/* Rows of outputs for each group: few enough for its planes and, if they have a vector of pixels, for all units of
 * a device. */
static bool set_rows(tiling *t, const clade__conv *c, int vw, int wanted)
{
    int parts = clade__ceil_div(wanted, clade__ceil_div(c->n, vw));
    int even_part = clade__ceil_div(t->out[0], smallest(parts, t->out[0]));
    t->rows = smallest(t->out[0], largest(even_part, clade__ceil_div(vw, t->out[1])));
    for (; t->rows > 0; t->rows--) {
        t->plane_rows = plane_rows_of(t, c->kernel[0]);
        if ((int64_t)t->ic * t->plane_rows * t->wide * vw <= PLANES) break;
    }
    if (t->rows == 0) return false;
    int most = smallest(t->rows, SUMS / (t->mr * t->out[1] * vw)), even = most;
    while (even > 1 && even * t->out[1] % vw != 0) even--; /* runs of whole vectors, where there are some */
    t->rows_at_once = even > 0 && even * t->out[1] % vw == 0 ? even : most;
    return most > 0;
}

static bool make_tiling(tiling *t, const clade__conv *c, clade__conv_pass pass, int vw, int wanted)
{
    bool data = pass == CLADE__CONV_DATA;
    *t = (tiling){.in = {data ? c->oh : c->h, data ? c->ow : c->w},
                  .out = {data ? c->h : c->oh, data ? c->w : c->ow},
                  .ic = data ? c->oc : c->c,
                  .oc = data ? c->c : c->oc};
    for (int d = 0; d < 2; d++) t->least[d] = data ? c->pad[d] - c->kernel[d] + 1 : -c->pad[d];
    t->wide = t->out[1] + c->kernel[1] - 1;
    if (t->least[0] > 0 || t->least[1] > 0 || t->wide < t->in[1] - t->least[1]) return false;
    set_tile(t, c->kernel[1], vw);
    int64_t weights = (int64_t)clade__ceil_div(t->oc, t->mr) * t->mr * t->ic * c->kernel[0] * c->kernel[1];
    return weights <= WEIGHTS && set_rows(t, c, vw, wanted);
}

static int wanted_of(const clade_device *device)
{
    return GROUPS_PER_UNIT * clade_device_describe(device)->compute_units;
}

static const char *refuses(const clade_device *device, const clade__conv *c, clade__conv_pass pass)
{
    tiling t;
    int vw = clade__cpu_vector(device);
    if (pass == CLADE__CONV_WEIGHT) return "it does not do the gradient of a weight";
    if (clade__item_vector(device) == 1) return "it is made for CPUs, with long work-items";
    if (clade_device_describe(device)->local_memory_bytes < LOCAL_BYTES) return "there is little local memory";
    if (c->stride[0] * c->stride[1] * c->dilation[0] * c->dilation[1] * c->groups != 1)
        return "it has strides, dilation or groups";
    if (c->n < vw) return "there are fewer images than lanes";
    if (!clade__conv_is_countable(c)) return "the kernel is large";
    if (c->kernel[0] * c->kernel[1] * (pass == CLADE__CONV_DATA ? c->oc : c->c) < LEAST_TERMS)
        return "a sum has few terms";
    if (4 * (c->kernel[1] - 1) < (pass == CLADE__CONV_DATA ? c->w : c->ow)) return "rows are long";
    return make_tiling(&t, c, pass, vw, wanted_of(device)) ? NULL : "the rows of a plane do not fit the cache";
}

static clade_status record(clade__commands *commands, const clade__conv_call *call)
{
    const clade__conv *c = &call->conv;
    const clade_device *device = clade__commands_device(commands);
    bool data = call->pass == CLADE__CONV_DATA;
    int vw = clade__cpu_vector(device), taps = c->kernel[0] * c->kernel[1];
    float slope = call->epilogue.slope;
    tiling t;
    char options[160];
    make_tiling(&t, c, call->pass, vw, wanted_of(device));
    snprintf(options, sizeof options, "-DVW=%d -DMR=%d -DNP=%d -DPLANES=%d -DSUMS=%d -DWEIGHTS=%d -DDATA=%d",
             vw, t.mr, t.np, PLANES, SUMS, WEIGHTS, data);
    if (!data)
        snprintf(options + strlen(options), sizeof options - strlen(options), " -DACTIVATION=%d",
                 clade__activation_build(call->epilogue.activation, &slope));
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_lanes",
            .options = options,
            .kernel = "conv_lanes",
            .args = {clade__arg_tensor(call->out), clade__arg_tensor(data ? call->dy : call->x),
                     clade__arg_tensor(call->weight),
                     clade__arg_tensor(data ? NULL : call->epilogue.bias),
                     {CLADE__ARG_INT8,
                      {.ints = {t.in[0], t.in[1], t.out[0], t.out[1], t.ic, t.oc, data ? taps : t.ic * taps,
                                data ? t.oc * taps : taps}}},
                     {CLADE__ARG_INT8,
                      {.ints = {c->kernel[0], c->kernel[1], t.least[0], t.least[1], t.wide, t.plane_rows, 0,
                                0}}},
                     {CLADE__ARG_INT4, {.ints = {c->n, t.rows, t.rows_at_once, call->add}}},
                     clade__arg_float(slope)},
            .n_args = 8,
            .groups = {(size_t)clade__ceil_div(c->n, vw), (size_t)clade__ceil_div(t.out[0], t.rows)},
            .local = {1, 1},
        });
}

const clade__conv_provider clade__conv_lanes = {"lanes", refuses, record};
