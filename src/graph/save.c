/* Model files: parameters under PyTorch's names, and in the metadata what rebuilds the model:
 *   clade.model    the architecture and loss, as clade__model_describe writes them
 *   clade.input    {"scale": …, "shift": …}: the network sees value * scale + shift of its data; both
 *                  numbers, or both lists with a number for each value of the input
 *   clade.columns  how it reads a table, where it was trained on one: see base/schema_text.c
 *   clade.classes  a list of the classes' names, where the training data has them
 *   clade.version  of this list of texts: 1, also where it is missing; what a newer one may have is refused
 *   clade.checksum of tensors and texts, see graph/safetensors.c
 *   format         "pt", as other programs expect it of PyTorch's layout
 * A checkpoint is such a file with more in it, see train/checkpoint.h.
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "graph/model.h"
#include "graph/safetensors.h"

static void list_numbers(clade__json *json, const char *key, const double *numbers, int64_t n)
{
    clade__json_list(json, key);
    for (int64_t i = 0; i < n; i++) clade__json_number(json, NULL, numbers[i]);
    clade__json_list_end(json);
}

/* The scaling; NULL without memory, as what follows. */
static char *describe_input(const clade__scaling *input)
{
    clade__json json = {0};
    int64_t n = input->n_columns;
    clade__json_object(&json, NULL);
    if (input->columns) {
        list_numbers(&json, "scale", input->columns, n);
        list_numbers(&json, "shift", input->columns + n, n);
    } else {
        clade__json_number(&json, "scale", clade__decimal(input->scale));
        clade__json_number(&json, "shift", clade__decimal(input->shift));
    }
    clade__json_object_end(&json);
    return clade__json_finish(&json);
}

/* The names as a list of texts. */
static char *list_classes(const clade_model *model)
{
    clade__json json = {0};
    clade__json_list(&json, NULL);
    for (int i = 0; i < model->n_classes; i++)
        clade__json_string(&json, NULL, model->class_names[i]);
    clade__json_list_end(&json);
    return clade__json_finish(&json);
}

#define VERSION "1"

enum { MAX_TEXTS = 16 };

clade_status clade__save_with(const clade_model *model, const float *values,
                              const clade__saved_more *more, const char *path)
{
    clade_status status = CLADE_OK;
    char *architecture = clade__model_describe(model), *input = describe_input(&model->input);
    char *classes = list_classes(model);
    size_t n_tensors = (size_t)model->n_parameters, n_texts = 4;
    clade__saved_tensor *tensors = calloc(n_tensors + more->n_tensors + 1, sizeof *tensors);
    if (!architecture || !input || !classes || !tensors) {
        status = clade__fail(CLADE_ENOMEM, "no memory to save '%s'", path);
        goto out;
    }
    for (size_t i = 0; i < n_tensors; i++) {
        const clade__parameter *p = &model->parameters[i];
        tensors[i] = (clade__saved_tensor){p->name, p->shape, values};
        values += clade_shape_elements(p->shape);
    }
    for (size_t i = 0; i < more->n_tensors; i++) tensors[n_tensors++] = more->tensors[i];
    clade__saved_text texts[MAX_TEXTS] = {
        {"format", "pt"}, {"clade.version", VERSION}, {"clade.model", architecture},
        {"clade.input", input}};
    if (model->schema)
        texts[n_texts++] = (clade__saved_text){"clade.columns", model->schema->text};
    if (model->n_classes > 0) texts[n_texts++] = (clade__saved_text){"clade.classes", classes};
    assert(n_texts + more->n_texts <= MAX_TEXTS);
    for (size_t i = 0; i < more->n_texts; i++) texts[n_texts++] = more->texts[i];
    status = clade__safetensors_write(path, tensors, n_tensors, texts, n_texts);
out:
    free(architecture);
    free(input);
    free(classes);
    free(tensors);
    return status;
}

clade_status clade__save_values(const clade_model *model, const float *values, const char *path)
{
    return clade__save_with(model, values, &(clade__saved_more){0}, path);
}

clade_status clade_save(clade_model *model, const char *path)
{
    CLADE_WANT(model);
    CLADE_WANT(path);
    CLADE_TRY(clade__check_compiled(model, "save", false));
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
    cJSON *root = cJSON_Parse(text ? text : "");
    clade_status status = read_scaling(root, &model->input);
    cJSON_Delete(root);
    int64_t n = model->input.n_columns, want = clade_shape_elements(model->nodes[0]->shape);
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
    cJSON *list = cJSON_Parse(text);
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
    int64_t want = clade_shape_elements(model->nodes[0]->shape);
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
    size_t n_tensors = clade__safetensors_n_tensors(file), n_wanted = (size_t)model->n_parameters;
    bool may_have_more = clade__safetensors_text(file, "clade.checkpoint") != NULL;
    if (n_tensors < n_wanted || (n_tensors > n_wanted && !may_have_more))
        return clade__fail(CLADE_EDATA, "it has %zu tensors, and its architecture wants %d",
                           n_tensors, model->n_parameters);
    /* No size is taken from the architecture before the tensors agree with it. */
    for (int i = 0; i < model->n_parameters; i++)
        CLADE_TRY(clade__safetensors_check(file, model->parameters[i].name,
                                           model->parameters[i].shape));
    float *at = model->initial = malloc(clade__model_parameter_bytes(model) + 1);
    if (!at) return clade__fail(CLADE_ENOMEM, "no memory for its parameters");
    for (int i = 0; i < model->n_parameters; i++) {
        const clade__parameter *p = &model->parameters[i];
        clade__safetensors_copy(file, p->name, at);
        CLADE_TRY(check_finite(p, at));
        at += clade_shape_elements(p->shape);
    }
    return CLADE_OK;
}

static clade_status check_version(const char *text)
{
    if (!text) return CLADE_OK;
    size_t n = strlen(text);
    if (n == 0 || n > 9 || strspn(text, "0123456789") != n || text[0] == '0')
        return clade__fail(CLADE_EDATA, "its metadata's clade.version is '%.40s', want a whole number from 1 "
                           "on", text);
    if (strcmp(text, VERSION) == 0) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "it is of version %s of Clade's model files, and this clade, %s, reads "
                       "version " VERSION ": take a newer clade", text, clade_version());
}

static clade_status rebuild(clade_model *model, const clade__safetensors *file,
                            clade_node **output)
{
    const char *architecture = clade__safetensors_text(file, "clade.model");
    if (!architecture)
        return clade__fail(CLADE_EDATA, "it is a safetensors file, but not one of Clade's: its "
                           "metadata has no clade.model");
    CLADE_TRY(check_version(clade__safetensors_text(file, "clade.version")));
    CLADE_TRY(clade__safetensors_verify(file));
    clade_loss loss = CLADE_LOSS_CROSS_ENTROPY;
    CLADE_TRY(read_loss(architecture, &loss));
    *output = clade_model_layers(model, architecture);
    if (!*output)
        return clade__fail_again(model->error == CLADE_ENOMEM ? CLADE_ENOMEM : CLADE_EDATA,
                                 model->error_text ? model->error_text : "out of memory");
    model->loss = loss;
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
    clade_node *output = NULL;
    clade_status status = clade__safetensors_read(&file, path);
    if (status == CLADE_OK) status = clade_model_create(&model, device, 0);
    if (status == CLADE_OK) {
        status = rebuild(model, file, &output);
        if (status != CLADE_OK) clade__fail_in(status, "'%s'", path);
    }
    clade__safetensors_free(file);
    if (status == CLADE_OK && device)
        status = clade__compile_for_inference(model, output, model->loss);
    if (status == CLADE_OK)
        *out = model;
    else
        clade_model_free(model);
    return status;
}
