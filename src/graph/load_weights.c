/* Parameters from any safetensors file, through a map of names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "device/owner.h"
#include "graph/model.h"
#include "graph/safetensors.h"

enum { MOST_NAMED = 8 }; /* of each kind in the message */

/* The name that a parameter's values have in the file. */
static const char *name_in_file(const clade_load_options *options, const char *parameter)
{
    for (int i = 0; i < options->n_names; i++)
        if (strcmp(options->names[i].parameter, parameter) == 0) return options->names[i].tensor;
    return parameter;
}

/* What does not fit, as it is found. */
typedef struct misfits {
    int n_missing, n_misshapen, n_extra;
    clade__text missing, misshapen, extra;
} misfits;

static void add(clade__text *list, int *n, const char *what)
{
    if ((*n)++ < MOST_NAMED)
        clade__text_append(list, "%s%.200s", *n > 1 ? ", " : "", what);
    else if (*n == MOST_NAMED + 1)
        clade__text_append(list, " and more");
}

static void find_misfits(misfits *m, const clade_model *model, const clade__safetensors *file,
                         const clade_load_options *options)
{
    const clade__graph *graph = &model->graph;
    for (int i = 0; i < graph->n_parameters; i++) {
        const clade__parameter *p = &graph->parameters[i];
        const char *name = name_in_file(options, p->name);
        if (!clade__safetensors_has(file, name))
            add(&m->missing, &m->n_missing, name);
        else if (clade__safetensors_check(file, name, p->shape) != CLADE_OK)
            add(&m->misshapen, &m->n_misshapen, clade_error());
    }
    for (size_t t = 0; t < clade__safetensors_n_tensors(file); t++) {
        const char *name = clade__safetensors_name(file, t);
        bool wanted = clade__safetensors_is_count(name);
        for (int i = 0; i < graph->n_parameters && !wanted; i++)
            wanted = strcmp(name_in_file(options, graph->parameters[i].name), name) == 0;
        if (!wanted) add(&m->extra, &m->n_extra, name);
    }
}

static clade_status check(const clade_model *model, const clade__safetensors *file,
                          const clade_load_options *options)
{
    misfits m = {0};
    clade_status status = CLADE_OK;
    find_misfits(&m, model, file, options);
    bool fits = m.n_misshapen == 0 && (options->partial || (m.n_missing == 0 && m.n_extra == 0));
    if (m.missing.failed || m.misshapen.failed || m.extra.failed)
        status = clade__fail(CLADE_ENOMEM, "no memory to load weights");
    else if (!fits)
        status = clade__fail(CLADE_EDATA, "its tensors are not the model's parameters: missing: %s; of another "
                             "shape: %s; extra: %s", m.n_missing ? m.missing.data : "none",
                             m.n_misshapen ? m.misshapen.data : "none", m.n_extra ? m.extra.data : "none");
    clade__text_free(&m.missing);
    clade__text_free(&m.misshapen);
    clade__text_free(&m.extra);
    return status;
}

static clade_status take_one(clade_model *model, const clade__safetensors *file, int i, const char *name)
{
    const clade__parameter *p = &model->graph.parameters[i];
    int64_t n = clade_shape_elements(p->shape), k = 0;
    float *values = malloc((size_t)n * sizeof *values);
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory for %s", p->name);
    clade__safetensors_copy(file, name, values);
    while (k < n && isfinite(values[k])) k++;
    clade_status status =
        k < n ? clade__fail(CLADE_EDATA, "its tensor '%.80s' has a value that is not finite", name)
              : clade_tensor_write(model->session.parameters[i].value, values);
    free(values);
    return status;
}

static clade_status take_all(clade_model *model, const clade__safetensors *file,
                             const clade_load_options *options)
{
    CLADE_TRY(check(model, file, options));
    CLADE_TRY(clade__model_materialize(model));
    for (int i = 0; i < model->graph.n_parameters; i++) {
        const char *name = name_in_file(options, model->graph.parameters[i].name);
        if (clade__safetensors_has(file, name)) CLADE_TRY(take_one(model, file, i, name));
    }
    return CLADE_OK;
}

static clade_status check_options(const clade_load_options *options)
{
    CLADE_WANT_UNUSED("load_weights", options->reserved);
    for (int i = 0; i < options->n_names; i++)
        CLADE_WANT_UNUSED("load_weights", options->names[i].reserved);
    return CLADE_OK;
}

static clade_status load(clade_model *model, const char *path, const clade_load_options *options)
{
    clade__safetensors *file;
    CLADE_TRY(clade__check_compiled(model, "load_weights", false));
    CLADE_TRY(check_options(options));
    CLADE_TRY(clade__safetensors_read(&file, path));
    clade_status status = take_all(model, file, options);
    if (status != CLADE_OK) clade__fail_in(status, "'%s'", path);
    clade__safetensors_free(file);
    return status;
}

clade_status clade_load_weights(clade_model *model, const char *path, const clade_load_options *options)
{
    CLADE_WANT(model);
    CLADE_WANT(path);
    static const clade_load_options defaults;
    CLADE_TRY(clade__device_take(model->device, "load_weights"));
    return clade__device_give(model->device, load(model, path, options ? options : &defaults));
}
