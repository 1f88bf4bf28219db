/* Model files: parameters under PyTorch's names, and in the metadata what rebuilds the model:
 *   clade.model    the architecture and loss, as clade__model_describe writes them
 *   clade.input    {"scale": …, "shift": …}: the network sees value * scale + shift of its data; both
 *                  numbers, or both lists with a number for each value of the input
 *   clade.columns  how it reads a table, where it was trained on one: see base/schema_text.c
 *   clade.classes  a list of the classes' names, where the training data has them
 *   clade.version  of this list of texts: 2. A file without it is of version 1, whose linear layers took a
 *                  sample's elements flat; what a newer version may have is refused
 *   clade.inference_batch  the batch in which it is evaluated, so that every program gives the same digits
 *   clade.checksum of tensors and texts, see graph/safetensors.c
 *   format         "pt", as other programs expect it of PyTorch's layout
 * A checkpoint is such a file with more in it, see train/checkpoint.h.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

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

enum { MAX_TEXTS = 16 };

clade_status clade__save_with(const clade_model *model, const float *values,
                              const clade__saved_more *more, const char *path)
{
    clade_status status = CLADE_OK;
    int64_t infer_batch = model->compiled ? model->exe.infer_batch : model->infer_batch;
    char version[16], batch[24];
    snprintf(version, sizeof version, "%d", CLADE__MODEL_VERSION);
    snprintf(batch, sizeof batch, "%lld", (long long)infer_batch);
    char *architecture = clade__model_describe(model), *input = describe_input(&model->input);
    char *classes = list_classes(model);
    size_t n_tensors = (size_t)model->graph.n_parameters, n_texts = 4;
    clade__saved_tensor *tensors = calloc(n_tensors + more->n_tensors + 1, sizeof *tensors);
    if (!architecture || !input || !classes || !tensors) {
        status = clade__fail(CLADE_ENOMEM, "no memory to save '%s'", path);
        goto out;
    }
    for (size_t i = 0; i < n_tensors; i++) {
        const clade__parameter *p = &model->graph.parameters[i];
        tensors[i] = (clade__saved_tensor){p->name, p->shape, values};
        values += clade_shape_elements(p->shape);
    }
    for (size_t i = 0; i < more->n_tensors; i++) tensors[n_tensors++] = more->tensors[i];
    clade__saved_text texts[MAX_TEXTS] = {
        {"format", "pt"}, {"clade.version", version}, {"clade.model", architecture},
        {"clade.input", input}};
    if (infer_batch > 0) texts[n_texts++] = (clade__saved_text){"clade.inference_batch", batch};
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
