/* The memory of a model: parameters with their first values, gradients, optimizer state, and the
 * workspace of the plan. Taken at first use, in one go; nothing is allocated after. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "graph/plan.h"

/* Initial values are a function of seed and the parameter's index: the same on every device. */
static void initialise(const clade__parameter *p, uint64_t seed, int index, float *values, int64_t n)
{
    clade__random random = clade__random_start(seed, CLADE__STREAM_PARAMETER + (uint64_t)index);
    double fan_in = (double)p->fan_in, fan_out = (double)p->fan_out;
    double bound = p->init.kind == CLADE_INIT_XAVIER ? sqrt(6.0 / (fan_in + fan_out))
                                                     : 1.0 / sqrt(fan_in);
    double mean = p->init.kind == CLADE_INIT_HE ? 0.0 : (double)p->init.mean;
    double std = p->init.kind == CLADE_INIT_HE ? sqrt(2.0 / fan_in) : (double)p->init.std;
    for (int64_t i = 0; i < n; i++) {
        switch (p->init.kind) {
        case CLADE_INIT_DEFAULT:
        case CLADE_INIT_XAVIER:
            values[i] = (float)(bound * (2.0 * (double)clade__random_uniform(&random) - 1.0));
            break;
        case CLADE_INIT_HE:
        case CLADE_INIT_NORMAL:
            values[i] = (float)(mean + std * clade__random_normal(&random));
            break;
        case CLADE_INIT_CONSTANT: values[i] = p->init.value; break;
        }
    }
}

static clade_status create_zeroed(clade_tensor **out, clade_device *device, clade_shape shape)
{
    CLADE_TRY(clade_tensor_create(out, device, CLADE_FLOAT32, shape, NULL));
    return clade__commands_zero(clade__immediate(device), *out);
}

static clade_status create_parameter(clade_model *model, int index, const float *given)
{
    clade__parameter *p = &model->parameters[index];
    int64_t n = clade_shape_elements(p->shape);
    float *values = given ? NULL : malloc((size_t)n * sizeof *values);
    if (!given && !values)
        return clade__fail(CLADE_ENOMEM, "no memory for the first values of %s", p->name);
    if (!given) initialise(p, model->seed, index, values, n);
    clade_status status = clade_tensor_create(&p->value, model->device, CLADE_FLOAT32, p->shape,
                                              given ? given : values);
    free(values);
    CLADE_TRY(status);
    if (!model->trainable) return CLADE_OK;
    if (!p->fused) CLADE_TRY(create_zeroed(&p->grad, model->device, p->shape));
    for (int i = 0; i < clade__optimizer_n_states(&model->optimizer); i++)
        CLADE_TRY(create_zeroed(&p->state[i], model->device, p->shape));
    return CLADE_OK;
}

static clade_status create_workspace(clade_model *model)
{
    const clade__layout *a = model->infer_layout, *b = model->train_layout;
    int n = b && b->n_slots > a->n_slots ? b->n_slots : a->n_slots;
    model->workspace = calloc((size_t)n, sizeof(clade__buffer *));
    if (!model->workspace) return clade__fail(CLADE_ENOMEM, "no memory for the workspace");
    model->n_workspace = n;
    for (int i = 0; i < n; i++) {
        size_t in_a = i < a->n_slots ? a->slot_bytes[i] : 0;
        size_t in_b = b && i < b->n_slots ? b->slot_bytes[i] : 0;
        CLADE_TRY(clade__buffer_create(&model->workspace[i], model->device,
                                       in_a > in_b ? in_a : in_b));
    }
    return CLADE_OK;
}

static clade_status take_memory(clade_model *model)
{
    const float *given = model->initial;
    for (int i = 0; i < model->n_parameters; i++) {
        CLADE_TRY(create_parameter(model, i, given));
        if (given) given += clade_shape_elements(model->parameters[i].shape);
    }
    int64_t n_partials = model->trainable ? clade__optimizer_partials(model) : 0;
    if (n_partials > 0) {
        CLADE_TRY(create_zeroed(&model->clip_scale, model->device, CLADE_SHAPE(1)));
        CLADE_TRY(create_zeroed(&model->clip_partials, model->device, CLADE_SHAPE(n_partials)));
    }
    if (model->trainable)
        CLADE_TRY(clade_tensor_create(&model->peaks, model->device, CLADE_FLOAT32,
                                      CLADE_SHAPE(clade__model_n_peaks(model)), NULL));
    return create_workspace(model);
}

clade_status clade__model_materialize(clade_model *model)
{
    if (model->materialized) return CLADE_OK;
    clade_status status = take_memory(model);
    if (status != CLADE_OK) {
        clade__model_release(model);
        return status;
    }
    free(model->initial);
    model->initial = NULL;
    model->materialized = true;
    return CLADE_OK;
}

void clade__model_release(clade_model *model)
{
    for (int i = 0; i < model->n_parameters; i++) {
        clade__parameter *p = &model->parameters[i];
        clade_tensor_free(p->value);
        clade_tensor_free(p->grad);
        p->value = p->grad = NULL;
        for (int k = 0; k < CLADE__MAX_STATE; k++) {
            clade_tensor_free(p->state[k]);
            p->state[k] = NULL;
        }
    }
    clade_tensor_free(model->clip_scale);
    clade_tensor_free(model->clip_partials);
    clade_tensor_free(model->peaks);
    model->clip_scale = model->clip_partials = model->peaks = NULL;
    for (int i = 0; i < model->n_workspace; i++) clade__buffer_free(model->workspace[i]);
    free(model->workspace);
    model->workspace = NULL;
    model->n_workspace = 0;
    model->materialized = false;
}

clade_status clade__model_withdraw(clade_model *model)
{
    if (!model->materialized) return CLADE_OK;
    float *values = malloc(clade__model_parameter_bytes(model) + 1);
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory for the parameters");
    clade_status status = clade__model_read_parameters(model, values);
    if (status != CLADE_OK) {
        free(values);
        return status;
    }
    clade__model_release(model);
    model->initial = values;
    return CLADE_OK;
}

int64_t clade__model_n_peaks(const clade_model *model)
{
    int64_t n = 0;
    for (int i = 0; i < model->n_parameters; i++)
        n += clade__n_peaks(clade_shape_elements(model->parameters[i].shape));
    return n;
}

clade_status clade__model_is_finite(clade_model *model, bool *finite)
{
    clade__commands *commands = clade__immediate(model->device);
    int64_t n = clade__model_n_peaks(model), first = 0;
    clade__commands_scope(commands, CLADE_PHASE_METRICS, NULL);
    for (int i = 0; i < model->n_parameters; i++) {
        CLADE_TRY(clade__peaks(commands, model->peaks, first, model->parameters[i].value));
        first += clade__n_peaks(clade_shape_elements(model->parameters[i].shape));
    }
    clade__commands_scope(commands, CLADE_PHASE_OTHER, NULL);
    float *peaks = malloc((size_t)n * sizeof *peaks);
    if (!peaks) return clade__fail(CLADE_ENOMEM, "no memory to look at the parameters");
    clade_status status = clade_tensor_read(model->peaks, peaks);
    *finite = true;
    for (int64_t i = 0; status == CLADE_OK && i < n; i++) *finite = *finite && isfinite(peaks[i]);
    free(peaks);
    return status;
}

size_t clade__model_parameter_bytes(const clade_model *model)
{
    return (size_t)clade_model_n_parameters(model) * sizeof(float);
}

clade_status clade__model_read_parameters(clade_model *model, float *values)
{
    for (int i = 0; i < model->n_parameters; i++) {
        CLADE_TRY(clade_tensor_read(model->parameters[i].value, values));
        values += clade_shape_elements(model->parameters[i].shape);
    }
    return CLADE_OK;
}

size_t clade__model_trained_bytes(const clade_model *model)
{
    return clade__model_parameter_bytes(model) *
           (1 + (size_t)clade__optimizer_n_states(&model->optimizer));
}

clade_status clade__model_read_trained(clade_model *model, float *values)
{
    for (int k = 0; k <= clade__optimizer_n_states(&model->optimizer); k++)
        for (int i = 0; i < model->n_parameters; i++) {
            const clade__parameter *p = &model->parameters[i];
            CLADE_TRY(clade_tensor_read(k == 0 ? p->value : p->state[k - 1], values));
            values += clade_shape_elements(p->shape);
        }
    return CLADE_OK;
}

clade_status clade__model_write_trained(clade_model *model, const float *values)
{
    for (int k = 0; k <= clade__optimizer_n_states(&model->optimizer); k++)
        for (int i = 0; i < model->n_parameters; i++) {
            const clade__parameter *p = &model->parameters[i];
            CLADE_TRY(clade_tensor_write(k == 0 ? p->value : p->state[k - 1], values));
            values += clade_shape_elements(p->shape);
        }
    return CLADE_OK;
}
