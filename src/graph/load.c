/* Model files back to models; graph/save.c says what is in one. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "graph/model.h"
#include "graph/safetensors.h"

static clade_status read_loss(const char *architecture, clade_loss *loss)
{
    cJSON *root = clade__json_parse(architecture, strlen(architecture), false);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "loss"));
    int found = -1;
    for (int i = 0; name && clade_loss_name((clade_loss)i); i++)
        if (strcmp(name, clade_loss_name((clade_loss)i)) == 0) found = i;
    cJSON_Delete(root);
    if (found < 0) return clade__fail(CLADE_EDATA, "its metadata names no known loss");
    *loss = (clade_loss)found;
    return CLADE_OK;
}

static bool read_number(const cJSON *item, double *number)
{
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= (double)FLT_MAX)) return false;
    *number = item->valuedouble;
    return true;
}

/* The numbers of a list of n. */
static bool read_list(const cJSON *list, double *numbers, int64_t n)
{
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != n) return false;
    const cJSON *at = list->child;
    for (int64_t i = 0; i < n; i++, at = at->next)
        if (!read_number(at, &numbers[i])) return false;
    return true;
}

static clade_status read_scaling(const cJSON *root, clade__scaling *input)
{
    const cJSON *scale = cJSON_GetObjectItemCaseSensitive(root, "scale");
    const cJSON *shift = cJSON_GetObjectItemCaseSensitive(root, "shift");
    int64_t n = cJSON_IsArray(scale) ? cJSON_GetArraySize(scale) : 0;
    double one[2];
    bool right = true;
    if (n > 0) {
        input->columns = malloc(2 * (size_t)n * sizeof *input->columns);
        input->n_columns = n;
        if (!input->columns) return clade__fail(CLADE_ENOMEM, "no memory for its scales");
        right = read_list(scale, input->columns, n) && read_list(shift, input->columns + n, n);
        for (int64_t i = 0; right && i < n; i++) right = (float)input->columns[i] != 0.0f;
    } else {
        right = read_number(scale, &one[0]) && read_number(shift, &one[1]);
        if (right) input->scale = (float)one[0];
        if (right) input->shift = (float)one[1];
    }
    if (right) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "its metadata has no scale of the input: want scale and shift, two "
                       "numbers or two lists of them, no scale of which is 0");
}

static clade_status read_input(const char *text, clade_model *model)
{
    cJSON *root = clade__json_parse(text, text ? strlen(text) : 0, false);
    clade_status status = read_scaling(root, &model->input);
    cJSON_Delete(root);
    int64_t n = model->input.n_columns, want = clade_shape_elements(clade_model_input_shape(model));
    if (status == CLADE_OK && n > 0 && n != want)
        return clade__fail(CLADE_EDATA, "its metadata has the scales of %lld values, and its "
                           "architecture takes %lld", (long long)n, (long long)want);
    return status;
}

/* A label is an index of the outputs: there are no more names than these tell apart. */
static clade_status take_names(const cJSON *list, clade_model *model)
{
    int64_t outputs = clade_shape_elements(clade_model_output_shape(model));
    int n = cJSON_GetArraySize(list), i = 0;
    if (!cJSON_IsArray(list) || n < 1 || n > clade__model_n_known(model))
        return clade__fail(CLADE_EDATA, "its metadata has no right list of classes: want at most one "
                           "name for each of %lld outputs", (long long)outputs);
    const char **names = malloc((size_t)n * sizeof *names);
    if (!names) return clade__fail(CLADE_ENOMEM, "no memory for %d classes", n);
    bool texts = true;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        names[i++] = cJSON_GetStringValue(item);
        texts = texts && names[i - 1];
    }
    clade_status status = texts ? clade__model_name_classes(model, names, n)
                                : clade__fail(CLADE_EDATA, "its metadata names a class by no text");
    free(names);
    return status;
}

static clade_status read_classes(const char *text, clade_model *model)
{
    if (!text) return CLADE_OK;
    cJSON *list = clade__json_parse(text, strlen(text), false);
    clade_status status = take_names(list, model);
    cJSON_Delete(list);
    return status;
}

/* Without columns it describes targets alone. */
static clade_status read_columns(const char *text, clade_model *model)
{
    if (!text) return CLADE_OK;
    CLADE_TRY(clade__schema_parse(&model->schema, text));
    int64_t n = model->schema->n_features;
    int64_t want = clade_shape_elements(clade_model_input_shape(model));
    if (model->schema->n_columns == 0 || n == want) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "its metadata has columns for %lld features, and its architecture "
                       "takes %lld", (long long)n, (long long)want);
}

static clade_status check_finite(const clade__parameter *p, const float *values)
{
    int64_t n = clade_shape_elements(p->shape);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return clade__fail(CLADE_EDATA, "element %lld of %s is not finite, and no more would be "
                               "what is computed with it; take an earlier model", (long long)i, p->name);
    return CLADE_OK;
}

static clade_status read_parameters(clade_model *model, const clade__safetensors *file)
{
    size_t n_tensors = clade__safetensors_n_tensors(file), n_wanted = (size_t)model->graph.n_parameters;
    bool may_have_more = clade__safetensors_text(file, "clade.checkpoint") != NULL;
    if (n_tensors < n_wanted || (n_tensors > n_wanted && !may_have_more))
        return clade__fail(CLADE_EDATA, "it has %zu tensors, and its architecture wants %d",
                           n_tensors, model->graph.n_parameters);
    /* No size is taken from the architecture before the tensors agree with it. */
    for (int i = 0; i < model->graph.n_parameters; i++)
        CLADE_TRY(clade__safetensors_check(file, model->graph.parameters[i].name,
                                           model->graph.parameters[i].shape));
    float *at = model->session.initial = malloc(clade__model_parameter_bytes(model) + 1);
    if (!at) return clade__fail(CLADE_ENOMEM, "no memory for its parameters");
    for (int i = 0; i < model->graph.n_parameters; i++) {
        const clade__parameter *p = &model->graph.parameters[i];
        clade__safetensors_copy(file, p->name, at);
        CLADE_TRY(check_finite(p, at));
        at += clade_shape_elements(p->shape);
    }
    return CLADE_OK;
}

/* A whole number of the metadata; *value stays as it is where there is none. */
static clade_status read_count(const clade__safetensors *file, const char *name, int *value)
{
    const char *text = clade__safetensors_text(file, name);
    if (!text) return CLADE_OK;
    size_t n = strlen(text);
    if (n == 0 || n > 9 || strspn(text, "0123456789") != n || text[0] == '0')
        return clade__fail(CLADE_EDATA, "its metadata's %s is '%.40s', want a whole number from 1 on", name,
                           text);
    *value = atoi(text);
    return CLADE_OK;
}

/* A file without a version is of the first. */
static clade_status read_version(const clade__safetensors *file, int *version)
{
    *version = 1;
    CLADE_TRY(read_count(file, "clade.version", version));
    if (*version <= CLADE__MODEL_VERSION) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "it is of version %d of Clade's model files, and this clade, %s, reads "
                       "versions 1 to %d: take a newer clade", *version, clade_version(),
                       (int)CLADE__MODEL_VERSION);
}

/* The loss of the data's own labels or targets; a model with targets of its own has losses already. */
static clade_status take_loss(clade_model *model, const char *architecture, clade_node *output)
{
    model->output = output;
    if (model->graph.n_losses > 0) {
        model->loss = model->graph.losses[0].kind;
        return CLADE_OK;
    }
    CLADE_TRY(read_loss(architecture, &model->loss));
    if (output->dtype != CLADE_FLOAT32) return CLADE_OK; /* it can only be predicted with */
    return clade__graph_add_loss(&model->graph, &(clade__loss){.kind = model->loss,
                                                               .prediction = output, .weight = 1.0f});
}

/* What an architecture that makes no sense says is the file's fault. */
static clade_status as_data(clade_status status)
{
    if (status == CLADE_OK || status == CLADE_ENOMEM) return status;
    return clade__fail_again(CLADE_EDATA, clade_error());
}

static clade_status rebuild(clade_model *model, const clade__safetensors *file)
{
    clade_node *output;
    int version, infer_batch = 0;
    const char *architecture = clade__safetensors_text(file, "clade.model");
    if (!architecture)
        return clade__fail(CLADE_EDATA, "it is a safetensors file, but not one of Clade's: its "
                           "metadata has no clade.model");
    CLADE_TRY(read_version(file, &version));
    CLADE_TRY(clade__safetensors_verify(file));
    CLADE_TRY(as_data(clade__model_read(model, architecture, version, &output)));
    CLADE_TRY(as_data(take_loss(model, architecture, output)));
    CLADE_TRY(read_count(file, "clade.inference_batch", &infer_batch));
    model->infer_batch = infer_batch;
    CLADE_TRY(read_input(clade__safetensors_text(file, "clade.input"), model));
    CLADE_TRY(read_classes(clade__safetensors_text(file, "clade.classes"), model));
    CLADE_TRY(read_columns(clade__safetensors_text(file, "clade.columns"), model));
    return read_parameters(model, file);
}

clade_status clade_load(clade_model **out, clade_device *device, const char *path)
{
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(path);
    clade__safetensors *file = NULL;
    clade_model *model = NULL;
    clade_status status = clade__safetensors_read(&file, path);
    if (status == CLADE_OK) status = clade_model_create(&model, device, 0);
    if (status == CLADE_OK) {
        status = rebuild(model, file);
        if (status != CLADE_OK) clade__fail_in(status, "'%s'", path);
    }
    clade__safetensors_free(file);
    if (status == CLADE_OK && device) status = clade__compile_for_inference(model);
    if (status == CLADE_OK)
        *out = model;
    else
        clade_model_free(model);
    return status;
}
