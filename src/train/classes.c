#include "train/classes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/names.h"
#include "base/number.h"

/* The class of a model without names, which are numbers then. */
static int32_t number_of(const char *name, int64_t n)
{
    char digits[CLADE__NAME_NUMBER_BYTES];
    if (!clade__number_canonical(name, digits, sizeof digits) || strlen(digits) > 9) return -1;
    char *end;
    long number = strtol(digits, &end, 10);
    return *end == '\0' && number >= 0 && number < n ? (int32_t)number : -1;
}

static bool any_number(const clade_model *model)
{
    char digits[CLADE__NAME_NUMBER_BYTES];
    for (int i = 0; i < model->n_classes; i++)
        if (clade__number_canonical(model->class_names[i], digits, sizeof digits)) return true;
    return false;
}

/* map (n) becomes the model's class of each of n names, -1 where it has none. */
static clade_status by_names(const clade_model *model, const char *const *names, int32_t n,
                             int32_t *map)
{
    if (model->class_names)
        return clade__names_match(map, names, n, (const char *const *)model->class_names,
                                  model->n_classes);
    for (int32_t i = 0; i < n; i++) map[i] = number_of(names[i], clade__model_n_known(model));
    return CLADE_OK;
}

/* The same of the numbers 0 to n - 1: by name where the model's are numbers too, else they are places
 * among its outputs. */
static clade_status by_numbers(const clade_model *model, int32_t n, int32_t *map)
{
    for (int32_t i = 0; i < n; i++) map[i] = i < clade__model_n_known(model) ? i : -1;
    if (!model->class_names || !any_number(model)) return CLADE_OK;
    const char **names = malloc((size_t)n * sizeof *names);
    char(*digits)[16] = malloc((size_t)n * sizeof *digits);
    clade_status status = CLADE_OK;
    if (!names || !digits) status = clade__fail(CLADE_ENOMEM, "no memory for %d classes", n);
    for (int32_t i = 0; status == CLADE_OK && i < n; i++) {
        snprintf(digits[i], sizeof digits[i], "%d", i);
        names[i] = digits[i];
    }
    if (status == CLADE_OK) status = by_names(model, names, n, map);
    free(names);
    free(digits);
    return status;
}

clade_status clade__check_n_classes(const clade_model *model, const clade_data *data)
{
    if (data->n_classes <= clade__model_n_known(model)) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has %d classes, and the model tells %" PRId64 " apart",
                       data->name, data->n_classes, clade__model_n_known(model));
}

clade_status clade__take_classes(clade_model *model, const clade_data *data)
{
    if (data->n_classes == 1)
        return clade__fail(CLADE_EDATA, "'%s' has the label '%.60s' in all rows; want at least two "
                           "classes", data->name, data->class_names ? data->class_names[0] : "0");
    CLADE_TRY(clade__check_n_classes(model, data));
    return clade__model_name_classes(model, (const char *const *)data->class_names,
                                     data->n_classes);
}

static clade_status fail_unknown(const clade_model *model, const clade_data *data, int64_t sample)
{
    char list[200], number[16];
    size_t used = 0;
    int32_t label = data->labels[sample];
    snprintf(number, sizeof number, "%d", label);
    for (int i = 0; i < model->n_classes && model->class_names && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 model->class_names[i]);
    if (!model->class_names)
        snprintf(list, sizeof list, "0 to %" PRId64, clade__model_n_known(model) - 1);
    else if (used >= sizeof list)
        strcpy(list + sizeof list - 5, " ...");
    return clade__fail(CLADE_EDATA, "'%s': row %" PRId64 " (from 0) is of class '%.60s', which the model "
                       "was not trained on; it knows %s", data->name, clade_data_row(data, sample),
                       data->class_names ? data->class_names[label] : number, list);
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

clade_status clade__match_labels(const clade_model *model, const clade_data *data,
                                 int32_t **labels)
{
    *labels = NULL;
    if (!data->labels) return CLADE_OK;
    int32_t *map = malloc((size_t)data->n_classes * sizeof *map);
    if (!map) return clade__fail(CLADE_ENOMEM, "no memory for %d classes", data->n_classes);
    clade_status status = CLADE_OK;
    bool all = data->class_names != NULL;
    if (all) status = by_names(model, (const char *const *)data->class_names, data->n_classes, map);
    for (int i = 0; status == CLADE_OK && all && i < data->n_classes; i++) all = map[i] >= 0;
    if (status == CLADE_OK && !all && (!data->class_names || data->numbered))
        status = by_numbers(model, data->n_classes, map);
    for (int64_t i = 0; status == CLADE_OK && i < data->n_samples; i++)
        if (map[data->labels[i]] < 0) status = fail_unknown(model, data, i);
    if (status == CLADE_OK && !data->class_names)
        status = clade__check_n_classes(model, data); /* though no sample is of them */
    if (status == CLADE_OK) status = renumber(data, map, labels);
    free(map);
    return status;
}
