#include "own_layer.h"

#include <stddef.h>

#include "ops/ops.h"

typedef struct scaled_options {
    float first;
} scaled_options;

enum { GAIN, SEEN };

static clade_status scaled_infer(clade__layer *layer)
{
    const scaled_options *options = layer->options;
    clade_init gain = {.kind = CLADE_INIT_CONSTANT, .value = options->first};
    clade_init none = {.kind = CLADE_INIT_CONSTANT};
    CLADE_TRY(clade__layer_parameter(layer, GAIN, &(clade__parameter_spec){CLADE_SHAPE(1, 1), gain, 1, 1}));
    CLADE_TRY(clade__layer_parameter(layer, SEEN, &(clade__parameter_spec){CLADE_SHAPE(1), none, 1, 1}));
    return clade__layer_output(layer, CLADE_FLOAT32, layer->inputs[0]->shape);
}

static clade_status scaled_values(const clade__layer *layer, int64_t batch, clade__layer_values *values)
{
    int64_t n = batch * clade_shape_elements(layer->inputs[0]->shape);
    CLADE_TRY(clade__layer_values_add(values, CLADE__SAVED, CLADE_FLOAT32, CLADE_SHAPE(n)));
    return clade__layer_values_add(values, CLADE__FORWARD_SCRATCH, CLADE_FLOAT32, CLADE_SHAPE(1));
}

/* Each element is a row of one column: a product with a matrix of one number. */
static clade_tensor column(const clade_tensor *tensor)
{
    return clade__tensor_reshaped(tensor, CLADE_SHAPE(clade_shape_elements(tensor->shape), 1));
}

static clade_status scaled_forward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x = column(&io->x[0]), y = column(&io->y[0]), saved = column(&io->values[0]);
    if (io->training) {
        CLADE_TRY(clade__commands_zero(commands, &io->values[1]));
        CLADE_TRY(clade__activation_forward(commands, CLADE_SIGMOID, 0.0f, &io->values[1],
                                            &io->values[1])); /* 1 / 2 */
        CLADE_TRY(clade__add_forward(commands, io->parameters[SEEN].value, io->parameters[SEEN].value,
                                     &io->values[1]));
        CLADE_TRY(clade__activation_forward(commands, CLADE_IDENTITY, 0.0f, &saved, &x));
    }
    return clade__linear_forward(commands, &y, &x, io->parameters[GAIN].value, NULL, CLADE_IDENTITY, 0.0f);
}

static clade_status scaled_backward(clade__commands *commands, const clade__layer_io *io)
{
    clade_tensor x = column(&io->values[0]), dy = column(&io->dy[0]), dx = {0};
    if (io->wanted[0]) dx = column(&io->dx[0]);
    return clade__linear_backward(commands, io->wanted[0] ? &dx : NULL, io->parameters[GAIN].grad, NULL, &x,
                                  io->parameters[GAIN].value, &dy, 
                                  (clade__linear_adds){io->add[0], io->parameters[GAIN].add, false});
}

static void scaled_formula(const clade__formula *f)
{
    for (int64_t i = 0; i < f->n * clade_shape_elements(f->layer->outputs[0].shape); i++)
        f->y[0][i] = f->w[GAIN][0] * f->x[0][i];
}

static void scaled_gradient(const clade__formula *f, const clade__formula_gradients *g)
{
    for (int64_t i = 0; i < f->n * clade_shape_elements(f->layer->outputs[0].shape); i++) {
        if (g->dx[0]) g->dx[0][i] += f->w[GAIN][0] * g->dy[0][i];
        if (g->dw[GAIN]) g->dw[GAIN][0] += f->x[0][i] * g->dy[0][i];
    }
}

static const clade__option scaled_list[] = {
    {"first", CLADE__OPTION_NUMBER, offsetof(scaled_options, first), false, 1.0, -10.0, 10.0}, {.key = NULL}};
static const clade__parameter_row scaled_parameters[] = {
    [GAIN] = {"gain", .trained = true}, [SEEN] = {"seen", .trained = false}, {.suffix = NULL}};
const clade__layer_type own_scaled = {
    .name = "scaled", .n_inputs = 1, .options_bytes = sizeof(scaled_options), .options = scaled_list,
    .parameters = scaled_parameters, .adds = true, .infer = scaled_infer, .values = scaled_values,
    .forward = scaled_forward, .backward = scaled_backward, .formula = scaled_formula,
    .formula_backward = scaled_gradient};
