#include "train/classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many classes the model's outputs can tell apart. */
static int64_t n_known(const clade_model *model)
{
    int64_t outputs = clade_shape_elements(model->output->shape);
    return outputs > 1 ? outputs : 2;
}

/* The number that a name is, written as the library would; -1 for any other text. */
static int32_t number_of(const char *name, int64_t n)
{
    char digits[24];
    long number = strtol(name, NULL, 10);
    snprintf(digits, sizeof digits, "%ld", number);
    return number >= 0 && number < n && strcmp(digits, name) == 0 ? (int32_t)number : -1;
}

/* map (n_classes) becomes the model's label of each class, -1 where it has none; whether all have
 * one. Both sides have their names in one order as a rule, so that a search goes on behind the name
 * that was found last. */
static bool map_names(const clade_model *model, const clade_data *data, int32_t *map)
{
    bool all = true;
    char digits[16];
    for (int i = 0, at = 0; i < data->n_classes; i++) {
        snprintf(digits, sizeof digits, "%d", i);
        const char *name = data->class_names ? data->class_names[i] : digits;
        map[i] = model->class_names ? -1 : number_of(name, n_known(model));
        for (int tried = 0; tried < model->n_classes && map[i] < 0; tried++) {
            if (strcmp(model->class_names[at], name) == 0) map[i] = at;
            at = at + 1 < model->n_classes ? at + 1 : 0;
        }
        all = all && map[i] >= 0;
    }
    return all;
}

static clade_status by_number(const clade_model *model, const clade_data *data)
{
    int64_t known = n_known(model), i = 0;
    if (data->n_classes <= known) return CLADE_OK;
    while (i < data->n_samples && data->labels[i] < known) i++;
    if (i < data->n_samples)
        return clade__fail(CLADE_EDATA, "'%s' has %d classes, and the model tells %" PRId64
                           " apart: sample %" PRId64 " is of class %d", data->name,
                           data->n_classes, known, i, data->labels[i]);
    return clade__fail(CLADE_EDATA, "'%s' has %d classes, and the model tells %" PRId64 " apart",
                       data->name, data->n_classes, known);
}

clade_status clade__take_classes(clade_model *model, const clade_data *data)
{
    if (data->n_classes == 1)
        return clade__fail(CLADE_EDATA, "'%s' has the label '%.60s' in all rows; want at least two "
                           "classes", data->name, data->class_names ? data->class_names[0] : "0");
    CLADE_TRY(by_number(model, data));
    return clade__model_name_classes(model, (const char *const *)data->class_names,
                                     data->n_classes);
}

static clade_status fail_unknown(const clade_model *model, const clade_data *data, int64_t sample)
{
    char list[200];
    size_t used = 0;
    for (int i = 0; i < model->n_classes && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 model->class_names[i]);
    if (used >= sizeof list) strcpy(list + sizeof list - 5, " ...");
    return clade__fail(CLADE_EDATA, "'%s': sample %" PRId64 " is of class '%.60s', which the model was "
                       "not trained on; it knows %s", data->name, sample,
                       data->class_names[data->labels[sample]], list);
}

/* By a map that has every class which a sample is of. */
static clade_status renumber(const clade_data *data, const int32_t *map, int32_t **labels)
{
    int64_t n = data->n_samples, n_same = 0;
    for (int64_t i = 0; i < n; i++) n_same += map[data->labels[i]] == data->labels[i];
    if (n_same == n) return CLADE_OK;
    *labels = malloc((size_t)n * sizeof **labels);
    if (!*labels) return clade__fail(CLADE_ENOMEM, "no memory for %" PRId64 " labels", n);
    for (int64_t i = 0; i < n; i++) (*labels)[i] = map[data->labels[i]];
    return CLADE_OK;
}

static clade_status by_name(const clade_model *model, const clade_data *data, int32_t *map,
                            int32_t **labels)
{
    bool all = map_names(model, data, map);
    if (!all && (!model->class_names || !data->class_names)) return by_number(model, data);
    for (int64_t i = 0; i < data->n_samples; i++)
        if (map[data->labels[i]] < 0) return fail_unknown(model, data, i);
    return renumber(data, map, labels);
}

clade_status clade__match_labels(const clade_model *model, const clade_data *data,
                                 int32_t **labels)
{
    *labels = NULL;
    if (!data->labels) return CLADE_OK;
    if (!model->class_names && !data->class_names) return by_number(model, data);
    int32_t *map = malloc((size_t)data->n_classes * sizeof *map);
    if (!map) return clade__fail(CLADE_ENOMEM, "no memory for %d classes", data->n_classes);
    clade_status status = by_name(model, data, map, labels);
    free(map);
    return status;
}
