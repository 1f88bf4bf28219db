/* The transposed convolution: forward, and the gradients of its input, its weight and its bias. */
#include <string.h>

#include "ops/ops.h"
#include "verify/families.h"
#include "verify/sums.h"

/* ---- cases ------------------------------------------------------------------------------------- */

typedef struct transpose_case {
    int64_t kernel_width;
    clade_conv_transpose2d_window window;
} transpose_case;

/* (n, c, h, w, out channels, kernel height): one pixel, one row or column, primes, 1 x 1 kernels with a
 * stride, which leave elements that no product reaches, strides that leave a rest, an output padding as large
 * as the stride and larger, padding that leaves one element, dilation, groups and depthwise, even kernels,
 * channels and rows around and over the tiles of the kernels for CPUs. No two are alike. */
static const clade_shape shapes[] = {
    {6, {1, 1, 1, 1, 1, 1}},    {6, {2, 3, 1, 1, 5, 2}},    {6, {1, 2, 5, 7, 3, 3}},
    {6, {1, 3, 4, 6, 2, 1}},    {6, {2, 2, 5, 3, 3, 1}},    {6, {1, 4, 5, 6, 6, 4}},
    {6, {2, 5, 6, 5, 5, 3}},    {6, {1, 2, 7, 5, 3, 3}},    {6, {1, 3, 5, 4, 2, 3}},
    {6, {1, 2, 9, 10, 4, 2}},   {6, {1, 1, 3, 4, 2, 1}},    {6, {1, 2, 7, 1, 2, 3}},
    {6, {1, 1, 1, 33, 1, 1}},   {6, {2, 6, 14, 14, 1, 5}},  {6, {3, 16, 8, 8, 16, 3}},
    {6, {2, 17, 9, 8, 33, 3}},  {6, {2, 32, 7, 7, 16, 4}},  {6, {2, 24, 9, 9, 24, 3}},
    {6, {5, 8, 7, 11, 12, 2}},  {6, {1, 8, 33, 65, 3, 7}},  {6, {2, 3, 31, 33, 2, 2}},
    {6, {9, 10, 3, 3, 2, 3}},   {0}};

static const transpose_case cases[] = {
    {1, {.groups = 0}},
    {3, {.stride = {2, 2}}},
    {3, {.padding = {1, 1}}},
    {1, {.stride = {1, 1}}},
    {1, {.stride = {2, 3}, .output_padding = {1, 2}}},
    {4, {.stride = {2, 2}, .padding = {1, 1}, .groups = 2}},
    {3, {.stride = {2, 2}, .padding = {1, 1}, .output_padding = {1, 1}, .groups = 5}},
    {2, {.stride = {3, 2}, .padding = {1, 0}, .output_padding = {2, 1}}},
    {3, {.stride = {1, 2}, .padding = {2, 3}, .output_padding = {1, 2}, .dilation = {2, 3}}},
    {3, {.output_padding = {2, 1}, .dilation = {3, 2}}},
    {2, {.padding = {1, 2}}},
    {1, {.stride = {3, 4}, .output_padding = {0, 3}}},
    {17, {.padding = {0, 8}}},
    {5, {.padding = {2, 2}}},
    {3, {.padding = {1, 1}}},
    {3, {.stride = {2, 2}, .padding = {1, 1}, .output_padding = {1, 0}}},
    {4, {.stride = {2, 2}, .padding = {1, 1}}},
    {3, {.stride = {2, 1}, .padding = {2, 1}, .dilation = {2, 1}, .groups = 3}},
    {2, {.stride = {2, 2}}},
    {7, {.stride = {2, 2}, .padding = {3, 3}, .output_padding = {1, 1}}},
    {2, {.stride = {3, 2}, .padding = {1, 0}}},
    {3, {.padding = {1, 1}}},
};

_Static_assert(sizeof cases / sizeof cases[0] + 1 == sizeof shapes / sizeof shapes[0],
               "each shape has its case");

/* The convolution of the trial's shape; a matrix, which bench has, is 16 planes, or one, under a kernel of 3. */
static clade__conv sizes_of(const clade__trial *t, clade_conv_transpose2d_window *window)
{
    const int64_t *dim = t->shape.dim;
    int64_t c = t->shape.rank == 2 && dim[0] % 16 == 0 ? 16 : 1, kernel[2] = {3, 3}, out = c;
    clade_shape x = CLADE_SHAPE(1, c, dim[0] / c, dim[1]);
    *window = (clade_conv_transpose2d_window){.padding = {1, 1}};
    for (int i = 0; shapes[i].rank > 0; i++) {
        if (!clade__shape_equal(t->shape, shapes[i])) continue;
        x = CLADE_SHAPE(dim[0], dim[1], dim[2], dim[3]);
        out = dim[4];
        kernel[0] = dim[5];
        kernel[1] = cases[i].kernel_width;
        *window = cases[i].window;
    }
    clade__conv conv;
    if (clade__conv_transposed_of(&conv, x, out, kernel, window) != CLADE_OK)
        memset(&conv, 0, sizeof conv);
    return conv;
}

static const float *values_of(const clade__trial *t, int i)
{
    return t->operands[i].before.floats;
}

static const clade__conv_provider *provider_of(const clade__trial *t)
{
    return t->op->variant & CLADE__BY_COLUMNS ? &clade__conv_columns : NULL;
}

/* Where winograd may do it, its sums are others. */
static void widen(const clade__trial *t, const clade__conv *conv, clade__conv_pass pass, clade__sums *s)
{
    if (t->op->variant & CLADE__BY_COLUMNS) return;
    clade__sums of = *s;
    if (pass == CLADE__CONV_WEIGHT) { /* the convolution's dy is the input here */
        of.a = s->b;
        of.b = s->a;
    }
    clade__sums_of_winograd(&of, conv, pass);
    s->rounds = of.rounds;
}

static void add_scratch(clade__trial *t, const char *name, int64_t n)
{
    clade__trial_scratch(t, name, CLADE_SHAPE(n > 0 ? n : 1));
}

/* ---- forward ----------------------------------------------------------------------------------- */

enum { X, WEIGHT, BIAS, Y, FORWARD_SCRATCH };

static void prepare_forward(clade__trial *t)
{
    clade_conv_transpose2d_window window;
    clade__conv conv = sizes_of(t, &window);
    clade__trial_in(t, "x", clade__conv_y_shape(&conv), -1.0, 1.0);
    clade__trial_in(t, "weight", clade__conv_weight_shape(&conv), -1.0, 1.0);
    clade__trial_in(t, "bias", CLADE_SHAPE(conv.c), -1.0, 1.0);
    clade__trial_out(t, "y", CLADE_FLOAT32, clade__conv_x_shape(&conv), -1);
    add_scratch(t, "scratch", clade__conv_transpose2d_needs_of(&conv, true).forward);
}

static clade_status record_forward(clade__commands *commands, const clade__trial *t)
{
    clade_conv_transpose2d_window window;
    sizes_of(t, &window);
    bool relu = t->op->variant & CLADE__WITH_RELU;
    const clade__epilogue epilogue = {clade__trial_tensor(t, BIAS), relu ? CLADE_RELU : CLADE_IDENTITY,
                                      0.0f};
    const clade__conv_transpose2d_work work = {
        .window = &window, .provider = provider_of(t),
        .memory.scratch = clade__trial_tensor(t, FORWARD_SCRATCH)};
    return clade__conv_transpose2d_forward(commands, &work, clade__trial_tensor(t, Y),
                                           clade__trial_tensor(t, X), clade__trial_tensor(t, WEIGHT),
                                           &epilogue);
}

/* The convolution's output is the input here, and the other way round. */
static void add_to_y(const void *user, int64_t x, int64_t y, int64_t w)
{
    clade__sums_add(user, y, x, w);
}

static void expect_forward(clade__trial *t)
{
    clade_conv_transpose2d_window window;
    clade__conv conv = sizes_of(t, &window);
    clade__operand *y = &t->operands[Y];
    clade__sums s = {.a = values_of(t, X), .b = values_of(t, WEIGHT)};
    if (!clade__sums_make(t, &s, y->n)) return;
    clade__conv_products(&conv, add_to_y, &s);
    widen(t, &conv, CLADE__CONV_DATA, &s);
    clade__sums_expect_outputs(t, y, &s, values_of(t, BIAS));
}

/* ---- backward ---------------------------------------------------------------------------------- */

enum { DY = 2, GRADIENT, BACKWARD_SCRATCH };

static void add_inputs(clade__trial *t, const clade__conv *conv)
{
    clade__trial_in(t, "x", clade__conv_y_shape(conv), -1.0, 1.0);
    clade__trial_in(t, "weight", clade__conv_weight_shape(conv), -1.0, 1.0);
    clade__trial_in(t, "dy", clade__conv_x_shape(conv), -1.0, 1.0);
}

static void prepare_backward(clade__trial *t)
{
    clade_conv_transpose2d_window window;
    clade__conv conv = sizes_of(t, &window);
    bool adds = t->op->variant & CLADE__ADDS;
    add_inputs(t, &conv);
    if (t->op->variant & CLADE__OF_WEIGHT)
        clade__trial_gradient(t, "dweight", clade__conv_weight_shape(&conv), -1, adds);
    else
        clade__trial_gradient(t, "dx", clade__conv_y_shape(&conv), -1, adds);
    add_scratch(t, "scratch", clade__conv_transpose2d_needs_of(&conv, true).backward);
}

static clade_status record_backward(clade__commands *commands, const clade__trial *t)
{
    clade_conv_transpose2d_window window;
    sizes_of(t, &window);
    bool adds = t->op->variant & CLADE__ADDS;
    const clade__conv_transpose2d_work work = {
        .window = &window, .provider = provider_of(t),
        .memory.scratch = clade__trial_tensor(t, BACKWARD_SCRATCH)};
    clade__conv2d_gradients gradients = {.add_dx = adds, .add_dweight = adds};
    if (t->op->variant & CLADE__OF_WEIGHT)
        gradients.dweight = clade__trial_tensor(t, GRADIENT);
    else
        gradients.dx = clade__trial_tensor(t, GRADIENT);
    return clade__conv_transpose2d_backward(commands, &work, &gradients, clade__trial_tensor(t, X),
                                            clade__trial_tensor(t, WEIGHT),
                                            clade__trial_tensor(t, DY));
}

static void add_to_dx(const void *user, int64_t x, int64_t y, int64_t w)
{
    clade__sums_add(user, x, y, w);
}

static void add_to_dweight(const void *user, int64_t x, int64_t y, int64_t w)
{
    clade__sums_add(user, w, y, x);
}

static void expect_backward(clade__trial *t)
{
    clade_conv_transpose2d_window window;
    clade__conv conv = sizes_of(t, &window);
    bool of_weight = t->op->variant & CLADE__OF_WEIGHT;
    clade__operand *o = &t->operands[GRADIENT];
    clade__sums s = {.a = values_of(t, DY), .b = values_of(t, of_weight ? X : WEIGHT)};
    if (!clade__sums_make(t, &s, o->n)) return;
    clade__conv_products(&conv, of_weight ? add_to_dweight : add_to_dx, &s);
    widen(t, &conv, of_weight ? CLADE__CONV_WEIGHT : CLADE__CONV_FORWARD, &s);
    clade__sums_expect_gradient(t, o, &s);
}

/* ---- the gradient of the bias ------------------------------------------------------------------ */

enum { DBIAS = 3, SUMS, PARTS };

static void prepare_bias(clade__trial *t)
{
    clade_conv_transpose2d_window window;
    clade__conv conv = sizes_of(t, &window);
    clade__conv2d_needs needs = clade__conv_transpose2d_needs_of(&conv, true);
    add_inputs(t, &conv);
    clade__trial_out(t, "dbias", CLADE_FLOAT32, CLADE_SHAPE(conv.c), -1);
    add_scratch(t, "sums", needs.sums);
    add_scratch(t, "parts", needs.parts);
}

static clade_status record_bias(clade__commands *commands, const clade__trial *t)
{
    clade_conv_transpose2d_window window;
    sizes_of(t, &window);
    const clade__conv_transpose2d_work work = {
        .window = &window,
        .memory = {NULL, clade__trial_tensor(t, SUMS), clade__trial_tensor(t, PARTS)}};
    const clade__conv2d_gradients gradients = {.dbias = clade__trial_tensor(t, DBIAS)};
    return clade__conv_transpose2d_backward(commands, &work, &gradients, clade__trial_tensor(t, X),
                                            clade__trial_tensor(t, WEIGHT),
                                            clade__trial_tensor(t, DY));
}

static void expect_bias(clade__trial *t)
{
    clade__sums_of_channels(t, &t->operands[DBIAS], &t->operands[DY]);
}

#define FINITE (1u << CLADE__ORDINARY | 1u << CLADE__EXACT | 1u << CLADE__DENORMAL)

const clade__family clade__transpose_forwards = {prepare_forward, record_forward, expect_forward, FINITE,
                                                 shapes};
const clade__family clade__transpose_backwards = {prepare_backward, record_backward, expect_backward,
                                                  FINITE, shapes};
const clade__family clade__transpose_biases = {prepare_bias, record_bias, expect_bias, FINITE, shapes};
