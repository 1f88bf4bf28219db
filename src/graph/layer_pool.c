/* Layers that make images smaller or larger, (channels, height, width): max_pool2d, avg_pool2d,
 * adaptive_avg_pool2d and upsample, as torch.nn has them. */
#include <math.h>
#include <string.h>

#include "graph/layer.h"
#include "ops/pool2d.h"

/* ---- shapes ------------------------------------------------------------------------------------ */

static bool is_max(const clade__layer *layer)
{
    return layer->type == &clade__layer_max_pool2d;
}

/* With numbers in the place of zeros, of max and avg. */
static clade_pool2d_args args_of(const clade__layer *layer)
{
    const clade_max_pool2d_options *max = layer->options;
    const clade_avg_pool2d_options *avg = layer->options;
    clade_pool2d_args args = {.leaves_padding_out = !is_max(layer) && avg->leaves_padding_out};
    for (int i = 0; i < 2; i++) {
        args.kernel_size[i] = is_max(layer) ? max->kernel_size[i] : avg->kernel_size[i];
        args.stride[i] = is_max(layer) ? max->stride[i] : avg->stride[i];
        args.padding[i] = is_max(layer) ? max->padding[i] : avg->padding[i];
        args.dilation[i] = is_max(layer) ? max->dilation[i] : 1;
    }
    return args;
}

static clade_status check_sample(const clade__layer *layer)
{
    char text[CLADE__SHAPE_TEXT_BYTES];
    const clade_shape x = layer->inputs[0]->shape;
    if (x.rank == 3) return CLADE_OK;
    return clade__fail(CLADE_ESHAPE, "%s: a sample is %s, want (channels, height, width)",
                       layer->type->name, clade__shape_text(text, sizeof text, x));
}

/* The options are described as they come out here: with the stride that a 0 stands for. */
static clade_status infer(clade__layer *layer)
{
    clade_max_pool2d_options *max = layer->options;
    clade_avg_pool2d_options *avg = layer->options;
    clade_pool2d_args given = args_of(layer), args;
    int64_t out[2];
    CLADE_TRY(check_sample(layer));
    const clade_shape x = layer->inputs[0]->shape;
    CLADE_TRY(clade__pool2d_resolve(layer->type->name, &given, &args));
    CLADE_TRY(clade__pool2d_output(layer->type->name, &args, &x.dim[1], out));
    memcpy(is_max(layer) ? max->stride : avg->stride, args.stride, sizeof args.stride);
    if (is_max(layer)) memcpy(max->dilation, args.dilation, sizeof args.dilation);
    return clade__layer_output(layer, CLADE_FLOAT32, CLADE_SHAPE(x.dim[0], out[0], out[1]));
}

static clade_status infer_adaptive(clade__layer *layer)
{
    const clade__adaptive_options *options = layer->options;
    CLADE_TRY(check_sample(layer));
    return clade__layer_output(layer, CLADE_FLOAT32,
                               CLADE_SHAPE(layer->inputs[0]->shape.dim[0], options->output_size[0],
                                           options->output_size[1]));
}

/* ---- on the device ----------------------------------------------------------------------------- */

static clade_status max_values(const clade__layer *layer, int64_t batch, clade__layer_values *values)
{
    return clade__layer_values_add(values, CLADE__SAVED, CLADE_INT32,
                                   clade__batch_shape(batch, layer->outputs[0].shape));
}

static clade_status max_forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_pool2d_args args = args_of(io->layer);
    return clade__max_pool2d_forward(commands, &io->y[0], io->training ? &io->values[0] : NULL,
                                     &io->x[0], &args);
}

static clade_status max_backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_pool2d_args args = args_of(io->layer);
    return clade__max_pool2d_backward(commands, &io->dx[0], &io->dy[0], &io->values[0],
                                      io->fused == CLADE_RELU ? &io->y[0] : NULL, &args, io->add[0]);
}

static clade_status avg_forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_pool2d_args args = args_of(io->layer);
    return clade__avg_pool2d_forward(commands, &io->y[0], &io->x[0], &args);
}

static clade_status avg_backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade_pool2d_args args = args_of(io->layer);
    return clade__avg_pool2d_backward(commands, &io->dx[0], &io->dy[0], &args, io->add[0]);
}

static clade_status adaptive_values(const clade__layer *layer, int64_t batch,
                                    clade__layer_values *values)
{
    const clade_shape x = clade__batch_shape(batch, layer->inputs[0]->shape);
    int64_t n = clade__adaptive_avg_pool2d_scratch(x, &layer->outputs[0].shape.dim[1]);
    return clade__layer_values_add(values, CLADE__FORWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(n));
}

static clade_status adaptive_forward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor *scratch = &io->values[0];
    return clade__adaptive_avg_pool2d_forward(commands, &io->y[0], &io->x[0],
                                              scratch->shape.dim[0] ? scratch : NULL);
}

static clade_status adaptive_backward(clade__commands *commands, const clade__layer_io *io)
{
    return clade__adaptive_avg_pool2d_backward(commands, &io->dx[0], &io->dy[0], io->add[0]);
}

/* ---- the formulas ------------------------------------------------------------------------------ */

/* The elements of one output's window that lie in the image; divisor is what their sum is divided by. */
typedef struct window {
    int64_t begin[2], end[2], step[2];
    int64_t width; /* of the image */
    double divisor;
} window;

static window window_of(const clade__layer *layer, const int64_t o[2])
{
    const int64_t *image = &layer->inputs[0]->shape.dim[1], *out = &layer->outputs[0].shape.dim[1];
    bool adaptive = layer->type == &clade__layer_adaptive_avg_pool2d;
    const clade_pool2d_args args = adaptive ? (clade_pool2d_args){0} : args_of(layer);
    window w = {.width = image[1], .divisor = 1.0};
    for (int i = 0; i < 2; i++) {
        w.step[i] = adaptive ? 1 : args.dilation[i];
        w.begin[i] = adaptive ? o[i] * image[i] / out[i] : o[i] * args.stride[i] - args.padding[i];
        w.end[i] = adaptive ? ((o[i] + 1) * image[i] + out[i] - 1) / out[i]
                            : w.begin[i] + (args.kernel_size[i] - 1) * w.step[i] + 1;
        int64_t size = args.kernel_size[i];
        while (w.begin[i] < 0) w.begin[i] += w.step[i];
        if (w.end[i] > image[i]) w.end[i] = image[i];
        if (adaptive || args.leaves_padding_out) size = w.end[i] - w.begin[i];
        w.divisor *= (double)size;
    }
    return w;
}

/* Where the largest is in the plane; -1 of a window without an element. */
static int64_t largest(const window *w, const double *x)
{
    int64_t best = -1;
    for (int64_t i = w->begin[0]; i < w->end[0]; i += w->step[0])
        for (int64_t k = w->begin[1]; k < w->end[1]; k += w->step[1]) {
            int64_t at = i * w->width + k;
            if (best < 0 || x[at] > x[best] || isnan(x[at])) best = at;
        }
    return best;
}

static double mean(const window *w, const double *x)
{
    double sum = 0.0;
    for (int64_t i = w->begin[0]; i < w->end[0]; i++)
        for (int64_t k = w->begin[1]; k < w->end[1]; k++) sum += x[i * w->width + k];
    return sum / w->divisor;
}

/* Element number i of the output: where its plane begins in x, and its window. */
static window output_at(const clade__formula *f, int64_t i, int64_t *plane)
{
    const int64_t *image = &f->layer->inputs[0]->shape.dim[1];
    const int64_t *out = &f->layer->outputs[0].shape.dim[1];
    const int64_t o[2] = {i / out[1] % out[0], i % out[1]};
    *plane = i / (out[0] * out[1]) * image[0] * image[1];
    return window_of(f->layer, o);
}

static int64_t n_outputs(const clade__formula *f)
{
    return f->n * clade_shape_elements(f->layer->outputs[0].shape);
}

static void max_formula(const clade__formula *f)
{
    int64_t plane;
    for (int64_t i = 0; i < n_outputs(f); i++) {
        const window w = output_at(f, i, &plane);
        int64_t best = largest(&w, f->x[0] + plane);
        f->y[0][i] = best < 0 ? -INFINITY : f->x[0][plane + best];
    }
}

static void max_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    int64_t plane;
    for (int64_t i = 0; g->dx[0] && i < n_outputs(f); i++) {
        const window w = output_at(f, i, &plane);
        int64_t best = largest(&w, f->x[0] + plane);
        if (best >= 0) g->dx[0][plane + best] += g->dy[0][i];
    }
}

static void mean_formula(const clade__formula *f)
{
    int64_t plane;
    for (int64_t i = 0; i < n_outputs(f); i++) {
        const window w = output_at(f, i, &plane);
        f->y[0][i] = mean(&w, f->x[0] + plane);
    }
}

static void mean_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    int64_t plane;
    for (int64_t at = 0; g->dx[0] && at < n_outputs(f); at++) {
        const window w = output_at(f, at, &plane);
        for (int64_t i = w.begin[0]; i < w.end[0]; i++)
            for (int64_t k = w.begin[1]; k < w.end[1]; k++)
                g->dx[0][plane + i * w.width + k] += g->dy[0][at] / w.divisor;
    }
}

/* ---- upsample ---------------------------------------------------------------------------------- */

static clade_status infer_upsample(clade__layer *layer)
{
    const clade__upsample_options *options = layer->options;
    CLADE_TRY(check_sample(layer));
    clade_shape x = layer->inputs[0]->shape;
    for (int i = 0; i < 2; i++) x.dim[1 + i] *= options->scale_factor[i];
    return clade__layer_output(layer, CLADE_FLOAT32, x);
}

static clade_status upsample_forward(clade__commands *commands, const clade__layer_io *io)
{
    const clade__upsample_options *options = io->layer->options;
    return clade__upsample_forward(commands, &io->y[0], &io->x[0], options->scale_factor);
}

static clade_status upsample_backward(clade__commands *commands, const clade__layer_io *io)
{
    const clade__upsample_options *options = io->layer->options;
    return clade__upsample_backward(commands, &io->dx[0], &io->dy[0], options->scale_factor);
}

/* The element of x that element i of y is. */
static int64_t nearest(const clade__formula *f, int64_t i)
{
    const clade__upsample_options *options = f->layer->options;
    const int64_t *image = &f->layer->inputs[0]->shape.dim[1];
    const int64_t *out = &f->layer->outputs[0].shape.dim[1];
    int64_t row = i / out[1] % out[0] / options->scale_factor[0];
    int64_t plane = i / (out[0] * out[1]);
    return (plane * image[0] + row) * image[1] + i % out[1] / options->scale_factor[1];
}

static void upsample_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < n_outputs(f); i++) f->y[0][i] = f->x[0][nearest(f, i)];
}

static void upsample_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    for (int64_t i = 0; g->dx[0] && i < n_outputs(f); i++) g->dx[0][nearest(f, i)] += g->dy[0][i];
}

/* ---- the rows ---------------------------------------------------------------------------------- */

#define PAIR(type, key, ...) {#key, CLADE__OPTION_PAIR, offsetof(type, key), __VA_ARGS__}
#define WINDOW(type)                                                                               \
    PAIR(type, kernel_size, .required = true, .least = 1, .most = CLADE__MAX_WINDOW),              \
        PAIR(type, stride, .least = 0, .most = CLADE__MAX_WINDOW),                                 \
        PAIR(type, padding, .least = 0, .most = CLADE__MAX_WINDOW)

static const clade__option max_list[] = {
    WINDOW(clade_max_pool2d_options),
    PAIR(clade_max_pool2d_options, dilation, .fallback = 1, .least = 0, .most = CLADE__MAX_WINDOW),
    {NULL}};
static const clade__option avg_list[] = {
    WINDOW(clade_avg_pool2d_options),
    {"count_include_pad", CLADE__OPTION_NO_FLAG, offsetof(clade_avg_pool2d_options, leaves_padding_out),
     .fallback = 1},
    {NULL}};
static const clade__option adaptive_list[] = {
    PAIR(clade__adaptive_options, output_size, .required = true, .least = 1, .most = INT32_MAX),
    {NULL}};

const clade__layer_type clade__layer_max_pool2d = {
    .name = "max_pool2d", .n_inputs = 1, .options_bytes = sizeof(clade_max_pool2d_options),
    .options = max_list, .takes_slope_before = true, .adds = true, .infer = infer, .values = max_values, .forward = max_forward,
    .backward = max_backward, .formula = max_formula, .formula_backward = max_gradient};

const clade__layer_type clade__layer_avg_pool2d = {
    .name = "avg_pool2d", .n_inputs = 1, .options_bytes = sizeof(clade_avg_pool2d_options),
    .options = avg_list, .adds = true, .infer = infer, .forward = avg_forward,
    .backward = avg_backward, .formula = mean_formula, .formula_backward = mean_gradient};

const clade__layer_type clade__layer_adaptive_avg_pool2d = {
    .name = "adaptive_avg_pool2d", .n_inputs = 1, .options_bytes = sizeof(clade__adaptive_options),
    .options = adaptive_list, .adds = true, .infer = infer_adaptive, .values = adaptive_values,
    .forward = adaptive_forward, .backward = adaptive_backward, .formula = mean_formula,
    .formula_backward = mean_gradient};

static const clade__option upsample_list[] = {
    PAIR(clade__upsample_options, scale_factor, .required = true, .least = 1, .most = CLADE__MAX_WINDOW),
    {NULL}};

const clade__layer_type clade__layer_upsample = {
    .name = "upsample", .n_inputs = 1, .options_bytes = sizeof(clade__upsample_options),
    .options = upsample_list, .infer = infer_upsample, .forward = upsample_forward,
    .backward = upsample_backward, .formula = upsample_formula, .formula_backward = upsample_gradient};
