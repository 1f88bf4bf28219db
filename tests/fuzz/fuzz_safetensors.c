/* A model file. One that loads is written again from what was read, and must then load as the same
 * model. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "graph/model.h"

/* Loads a model without a device; its description, or NULL when the file is refused. */
static char *load(const char *path, clade_model **model)
{
    *model = NULL;
    bool loaded = fuzz_check(clade_load(model, NULL, path));
    fuzz_assert(loaded == (*model != NULL));
    char *text = loaded ? clade__model_describe(*model) : NULL;
    fuzz_assert(loaded == (text != NULL));
    return text;
}

static bool same_scaling(const clade__scaling *a, const clade__scaling *b)
{
    size_t bytes = 2 * (size_t)a->n_columns * sizeof *a->columns;
    return a->scale == b->scale && a->shift == b->shift && a->n_columns == b->n_columns &&
           (bytes == 0 || memcmp(a->columns, b->columns, bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    clade_model *model, *again;
    clade_layer_info info;
    const char *path = fuzz_write("model.safetensors", (fuzz_input){bytes, n_bytes});
    /* JSON in memory: 64 bytes for a number of two. A layer of 15 bytes is a node of 300. */
    fuzz_begin(16384 + 128 * n_bytes);
    char *text = load(path, &model);
    if (text) {
        const char *copy = fuzz_write("copy.safetensors", (fuzz_input){0});
        fuzz_assert(clade__save_values(model, model->session.initial, copy) == CLADE_OK);
        char *same = load(copy, &again);
        fuzz_assert(same && strcmp(text, same) == 0);
        fuzz_assert(clade__schema_equal(model->schema, again->schema));
        fuzz_assert(memcmp(model->session.initial, again->session.initial, clade__model_parameter_bytes(model)) == 0);
        fuzz_assert(same_scaling(&model->input, &again->input));
        fuzz_assert(model->n_classes == again->n_classes);
        for (int i = 0; i < model->n_classes; i++)
            fuzz_assert(strcmp(model->class_names[i], again->class_names[i]) == 0);
        for (int i = 0; i < clade_model_n_layers(model); i++)
            fuzz_assert(clade_model_layer(model, i, &info) == CLADE_OK);
        free(same);
        clade_model_free(again);
    }
    free(text);
    clade_model_free(model);
    fuzz_end();
    return 0;
}
