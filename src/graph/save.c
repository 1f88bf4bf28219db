/* Model files: parameters under PyTorch's names, and in the metadata what rebuilds the model:
 *   clade.model  the architecture and loss, as clade__model_describe writes them
 *   clade.input  {"scale": …, "shift": …}: what the network sees of its data
 *   format       "pt", as other programs expect it of PyTorch's layout
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "graph/model.h"
#include "graph/safetensors.h"

clade_status clade__save_values(const clade_model *model, const float *values, const char *path)
{
    clade_status status = CLADE_OK;
    char input[96];
    snprintf(input, sizeof input, "{\"scale\":%.9g,\"shift\":%.9g}", (double)model->input_scale,
             (double)model->input_shift);
    char *architecture = clade__model_describe(model);
    clade__saved_tensor *tensors = calloc((size_t)model->n_parameters + 1, sizeof *tensors);
    if (!architecture || !tensors) {
        status = clade__fail(CLADE_ENOMEM, "no memory to save '%s'", path);
        goto out;
    }
    for (int i = 0; i < model->n_parameters; i++) {
        const clade__parameter *p = &model->parameters[i];
        tensors[i] = (clade__saved_tensor){p->name, p->shape, values};
        values += clade_shape_elements(p->shape);
    }
    const clade__saved_text metadata[] = {
        {"format", "pt"}, {"clade.version", "1"}, {"clade.model", architecture},
        {"clade.input", input}};
    status = clade__safetensors_write(path, tensors, (size_t)model->n_parameters, metadata, 4);
out:
    cJSON_free(architecture);
    free(tensors);
    return status;
}

clade_status clade_save(clade_model *model, const char *path)
{
    CLADE_TRY(clade__model_materialize(model));
    float *values = malloc(clade__model_parameter_bytes(model) + 1);
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory to save '%s'", path);
    clade_status status = clade__model_read_parameters(model, values);
    if (status == CLADE_OK) status = clade__save_values(model, values, path);
    free(values);
    return status;
}

/* ---- load ------------------------------------------------------------------------------------ */

static clade_status read_loss(const char *architecture, clade_loss *loss)
{
    cJSON *root = cJSON_Parse(architecture);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "loss"));
    int found = -1;
    for (int i = 0; name && clade_loss_name((clade_loss)i); i++)
        if (strcmp(name, clade_loss_name((clade_loss)i)) == 0) found = i;
    cJSON_Delete(root);
    if (found < 0) return clade__fail(CLADE_EDATA, "its metadata names no known loss");
    *loss = (clade_loss)found;
    return CLADE_OK;
}

static clade_status read_input_scale(const char *text, clade_model *model)
{
    cJSON *root = cJSON_Parse(text ? text : "");
    const cJSON *scale = cJSON_GetObjectItemCaseSensitive(root, "scale");
    const cJSON *shift = cJSON_GetObjectItemCaseSensitive(root, "shift");
    bool right = cJSON_IsNumber(scale) && cJSON_IsNumber(shift) &&
                 fabs(scale->valuedouble) <= FLT_MAX && fabs(shift->valuedouble) <= FLT_MAX;
    if (right) {
        model->input_scale = (float)scale->valuedouble;
        model->input_shift = (float)shift->valuedouble;
    }
    cJSON_Delete(root);
    return right ? CLADE_OK : clade__fail(CLADE_EDATA, "its metadata has no scale of the input");
}

static clade_status read_parameters(clade_model *model, const clade__safetensors *file)
{
    if (clade__safetensors_n_tensors(file) != (size_t)model->n_parameters)
        return clade__fail(CLADE_EDATA, "it has %zu tensors, and its architecture wants %d",
                           clade__safetensors_n_tensors(file), model->n_parameters);
    /* No size is taken from the architecture before the tensors agree with it. */
    for (int i = 0; i < model->n_parameters; i++)
        CLADE_TRY(clade__safetensors_check(file, model->parameters[i].name,
                                           model->parameters[i].shape));
    float *at = model->initial = malloc(clade__model_parameter_bytes(model) + 1);
    if (!at) return clade__fail(CLADE_ENOMEM, "no memory for its parameters");
    for (int i = 0; i < model->n_parameters; i++) {
        const clade__parameter *p = &model->parameters[i];
        clade__safetensors_copy(file, p->name, at);
        at += clade_shape_elements(p->shape);
    }
    return CLADE_OK;
}

static clade_status rebuild(clade_model *model, const clade__safetensors *file)
{
    const char *architecture = clade__safetensors_text(file, "clade.model");
    if (!architecture)
        return clade__fail(CLADE_EDATA, "it is a safetensors file, but not one of Clade's: its "
                           "metadata has no clade.model");
    clade_loss loss = CLADE_LOSS_CROSS_ENTROPY;
    CLADE_TRY(read_loss(architecture, &loss));
    CLADE_TRY(read_input_scale(clade__safetensors_text(file, "clade.input"), model));
    clade_node *output = clade_model_layers(model, architecture);
    if (!output)
        return clade__fail_again(model->error == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_EDATA,
                                 model->error_text ? model->error_text : "out of memory");
    model->loss = loss;
    CLADE_TRY(read_parameters(model, file));
    return model->device ? clade__compile_for_inference(model, output, loss) : CLADE_OK;
}

clade_status clade_load(clade_model **out, clade_device *device, const char *path)
{
    *out = NULL;
    clade__safetensors *file = NULL;
    clade_model *model = NULL;
    clade_status status = clade__safetensors_read(&file, path);
    if (status == CLADE_OK) status = clade_model_create(&model, device, 0);
    if (status == CLADE_OK) {
        status = rebuild(model, file);
        if (status != CLADE_OK) clade__fail_in(status, "'%s'", path);
    }
    clade__safetensors_free(file);
    if (status == CLADE_OK)
        *out = model;
    else
        clade_model_free(model);
    return status;
}
