/* The provider `outer`: the gradient of a weight as sums of outer products over pixels, for CPUs, by
 * cl/conv_outer.cl. */
#include <stdio.h>

#include "conv/conv_cpu.h"

#define MAX_OUT 64     /* output channels of a block */
#define MAX_IN 32      /* input channels, where the kernel has 9 taps; of others about as many sums */
#define MAX_ROWS 2048  /* the kernel's */
#define MAX_WIDTH 7    /* of a kernel, whose sums must fit the registers */
#define LONG_RUN 1024  /* pixels at a time: so many pay for moving sums */

/* Floats of local memory, by what the device has. */
typedef struct budget {
    uint64_t bytes; /* of the device, at least */
    int planes, sums;
} budget;

static const budget budgets[] = {{1024 * 1024, 96 * 1024, 40 * 1024}, {512 * 1024, 64 * 1024, 20 * 1024}};

typedef struct tiling {
    int nv, np, chunk, chunks, block_o, block_c;
    int turned;                              /* channels of a turned pixel */
    int cols, pitch, rows, strips, plane_rows, many;
    int64_t floats;                          /* of a plane */
} tiling;

static const budget *budget_of(const clade_device *device)
{
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++)
        if (clade_device_describe(device)->local_memory_bytes >= budgets[i].bytes) return &budgets[i];
    return NULL;
}

static int largest(int a, int b)
{
    return a > b ? a : b;
}

static int smallest(int a, int b)
{
    return a < b ? a : b;
}

/* As many rows and vectors as the registers hold: sums, a vector of each, and one for a spread x. */
static void set_tile(tiling *t, const clade__conv *c, int vw)
{
    int registers = vw == 16 ? 32 : 16;
    t->nv = t->block_o > vw ? 2 : 1;
    t->np = (registers - 2 - t->nv) / (t->nv * c->kernel[1]);
    t->np = largest(1, smallest(smallest(t->np, 8), t->block_c * c->kernel[0]));
    t->turned = clade__ceil_div(t->block_o, t->nv * vw) * t->nv * vw;
}

static void set_rows(tiling *t, const clade__conv *c, int rows, int many)
{
    t->rows = rows;
    t->strips = clade__ceil_div(c->oh, rows);
    t->plane_rows = (rows - 1) * c->stride[0] + (c->kernel[0] - 1) * c->dilation[0] + 1;
    t->many = many;
    t->floats = c->pad[1] + (int64_t)t->plane_rows * many * t->pitch;
}

/* Whether a block fits; as many images are taken at a time as fit, up to a long run, and about as many each
 * time. */
static bool fit_images(tiling *t, const clade__conv *c, const budget *b, int vw)
{
    for (int strips = 1; strips <= c->oh; strips++) {
        int rows = clade__ceil_div(c->oh, strips);
        int many = strips > 1 ? 1 : smallest(t->chunk, 1 + (int)(LONG_RUN / ((int64_t)rows * c->ow)));
        for (; many > 0; many--) {
            set_rows(t, c, rows, many);
            int64_t pixels = (int64_t)many * rows * c->ow;
            if (t->block_c * t->floats + vw + pixels * t->turned > b->planes) continue;
            set_rows(t, c, rows, clade__conv_even_part(t->chunk, many));
            return true;
        }
    }
    return false;
}

static bool make_tiling(tiling *t, const clade__conv *c, const budget *b, int vw)
{
    int oc = c->oc / c->groups, ic = c->c / c->groups, kh = c->kernel[0], kw = c->kernel[1];
    int span = (c->ow - 1) * c->stride[1] + kw, block_o = MAX_OUT;
    int block_c = smallest(MAX_ROWS / kh, largest(1, 9 * MAX_IN / (kh * kw)));
    *t = (tiling){.cols = smallest(c->w, largest(1, span - c->pad[1]))};
    t->pitch = largest(t->cols + c->pad[1], span - c->pad[1]);
    clade__conv_set_chunks(c, &t->chunk, &t->chunks);
    for (;;) {
        t->block_o = clade__conv_even_part(oc, block_o);
        t->block_c = clade__conv_even_part(ic, block_c);
        set_tile(t, c, vw);
        int tiles = clade__ceil_div(t->block_c * kh, t->np);
        if ((int64_t)tiles * t->np * kw * t->turned <= b->sums && fit_images(t, c, b, vw)) return true;
        if (block_c > 1)
            block_c /= 2;
        else if (block_o > vw)
            block_o /= 2;
        else
            return false;
    }
}

static const char *refuses(const clade_device *device, const clade__conv *c, clade__conv_pass pass)
{
    tiling t;
    const budget *b = budget_of(device);
    int vw = clade__cpu_vector(device);
    if (pass != CLADE__CONV_WEIGHT) return "it does the gradient of a weight alone";
    if (clade__item_vector(device) == 1) return "it is made for CPUs, with long work-items";
    if (!b) return "there is little local memory";
    if (2 * (c->oc / c->groups) < vw) return "there are few output channels";
    if (c->kernel[1] > MAX_WIDTH || c->dilation[1] > 1 || !clade__conv_is_countable(c))
        return "the kernel is wide";
    return make_tiling(&t, c, b, vw) ? NULL : "a row of all channels does not fit the cache";
}

static clade_status record(clade__commands *commands, const clade__conv_call *call)
{
    const clade__conv *c = &call->conv;
    const clade_device *device = clade__commands_device(commands);
    const budget *b = budget_of(device);
    int oc = c->oc / c->groups, ic = c->c / c->groups, vw = clade__cpu_vector(device);
    tiling t;
    char options[128];
    make_tiling(&t, c, b, vw);
    int blocks = c->groups * clade__ceil_div(oc, t.block_o) * clade__ceil_div(ic, t.block_c);
    snprintf(options, sizeof options, "-DVW=%d -DNV=%d -DNP=%d -DNX=%d -DPLANES=%d -DSUMS=%d", vw, t.nv, t.np,
             c->kernel[1], b->planes, b->sums);
    CLADE_TRY(clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "conv_outer",
            .options = options,
            .kernel = "conv_outer",
            .args = {clade__arg_tensor(call->scratch), clade__arg_tensor(call->x),
                     clade__arg_tensor(call->dy),
                     {CLADE__ARG_INT8, {.ints = {c->h, c->w, c->oh, c->ow, ic, oc, t.pitch, (int32_t)t.floats}}},
                     clade__conv_window_arg(c),
                     {CLADE__ARG_INT8,
                      {.ints = {t.rows, t.strips, t.plane_rows, t.cols, t.block_o, t.block_c, t.turned, 0}}},
                     {CLADE__ARG_INT4, {.ints = {c->n, t.chunk, t.many, 0}}}},
            .n_args = 7,
            .groups = {(size_t)t.chunks, (size_t)blocks},
            .local = {1, 1},
        }));
    return clade__conv_join(commands, call, t.chunks);
}

const clade__conv_provider clade__conv_outer = {"outer", refuses, record};
