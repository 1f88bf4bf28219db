#include "train/bind.h"

#include <stdlib.h>
#include <string.h>

#include "train/classes.h"

/* ---- columns --------------------------------------------------------------------------------- */

/* Whether the values are those of the table, unchanged; NULL is of data that comes from none. */
static bool is_plain(const clade_schema *schema)
{
    return !schema || (clade__schema_all_numbers(schema) && !clade__schema_is_scaled(schema));
}

static clade_status check_names(const clade_schema *model, const clade_data *data)
{
    const clade_schema *schema = data->schema;
    for (int i = 0; schema && i < schema->n_columns && i < model->n_columns; i++) {
        const char *got = schema->columns[i].name, *want = model->columns[i].name;
        if (got && want && strcmp(got, want) != 0)
            return clade__fail(CLADE_EDATA, "'%s' has the column '%.60s' where the model was trained on "
                               "'%.60s'; read it by the model's schema", data->name, got, want);
    }
    return CLADE_OK;
}

/* The scaling that does to plain numbers what the schema does to those of a table, and then what the
 * model's own does. */
static clade_status scale_by(clade__scaling *scaling, const clade_schema *schema,
                             const clade__scaling *input)
{
    int64_t n = schema->n_columns;
    double *columns = malloc(2 * (size_t)n * sizeof *columns);
    if (!columns) return clade__fail(CLADE_ENOMEM, "no memory to scale the input");
    for (int64_t i = 0; i < n; i++) {
        const clade__column *c = &schema->columns[i];
        double outer = clade__scaling_apply(input, i, 1.0) - clade__scaling_apply(input, i, 0.0);
        columns[i] = c->scale * outer;
        columns[n + i] = clade__scaling_apply(input, i, -c->center * c->scale);
    }
    *scaling = (clade__scaling){1.0f, 0.0f, columns, n};
    return CLADE_OK;
}

static clade_status bind_columns(clade__binding *binding, const clade_model *model,
                                 const clade_data *data)
{
    const clade_schema *schema = model->schema;
    bool of_table = schema && schema->n_columns > 0;
    if (clade__schema_equal(schema, data->schema) || (!of_table && is_plain(data->schema)))
        return clade__scaling_copy(&binding->scaling, &model->input);
    if (of_table) CLADE_TRY(check_names(schema, data));
    if (!of_table || !clade__schema_all_numbers(schema) || !is_plain(data->schema))
        return clade__fail(CLADE_EDATA, "'%s' was not read as the table that the model was trained on; "
                           "open it with the model's schema (clade_data_open_with)", data->name);
    return is_plain(schema) ? clade__scaling_copy(&binding->scaling, &model->input)
                            : scale_by(&binding->scaling, schema, &model->input);
}

/* ---- targets --------------------------------------------------------------------------------- */

static clade__target target_of(const clade_schema *schema, int64_t i)
{
    static const clade__target plain = {.scale = 1.0};
    return schema && i < schema->n_targets ? schema->targets[i] : plain;
}

static clade_status bind_targets(clade__binding *binding, const clade_model *model,
                                 const clade_data *data)
{
    bool same = true;
    for (int64_t i = 0; i < data->n_targets; i++) {
        clade__target from = target_of(data->schema, i), to = target_of(model->schema, i);
        same = same && from.center == to.center && from.scale == to.scale;
    }
    if (same) return CLADE_OK;
    size_t n = (size_t)data->n_samples * (size_t)data->n_targets;
    binding->targets = malloc(n * sizeof *binding->targets);
    if (!binding->targets) return clade__fail(CLADE_ENOMEM, "no memory for %zu targets", n);
    for (size_t i = 0; i < n; i++) {
        int64_t k = (int64_t)(i % (size_t)data->n_targets);
        clade__target to = target_of(model->schema, k);
        double own = clade__schema_target_value(data->schema, k, (double)data->targets[i]);
        binding->targets[i] = (float)((own - to.center) * to.scale);
    }
    return CLADE_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Samples, and the labels or targets of them. */
static clade_status bind_samples(clade__binding *binding, const clade_model *model,
                                 const clade_data *data, bool alone)
{
    CLADE_TRY(bind_columns(binding, model, data));
    if (alone) return CLADE_OK;
    if (data->targets) CLADE_TRY(bind_targets(binding, model, data));
    return clade__match_labels(model, data, &binding->labels);
}

clade_status clade__bind(clade__binding *binding, const clade_model *model, const clade_data *data,
                         bool alone)
{
    *binding = (clade__binding){0};
    CLADE_TRY(clade__check_sources(model, data, alone));
    if (data->n_fields == 0) CLADE_TRY(bind_samples(binding, model, data, alone));
    return clade__sources_open(&binding->sources, model, data,
                               &(clade__source_options){.scaling = &binding->scaling,
                                                        .labels = binding->labels,
                                                        .targets = binding->targets, .alone = alone});
}

void clade__binding_free(clade__binding *binding)
{
    clade__sources_close(&binding->sources);
    clade__scaling_free(&binding->scaling);
    free(binding->labels);
    free(binding->targets);
    *binding = (clade__binding){0};
}

/* Several labels a sample look like classes where nothing says that they are targets, as in data that has
 * samples alone: so a model that was not trained on a table has a schema of its labels alone. */
static clade_status take_labels(clade_model *model, const clade_data *data)
{
    clade_schema *made;
    if (data->schema || data->n_targets == 0 || model->loss != CLADE_LOSS_BCE_WITH_LOGITS)
        return CLADE_OK;
    CLADE_TRY(clade__schema_create(&made, 0, data->n_targets));
    clade_status status = clade__schema_seal(made);
    if (status == CLADE_OK)
        model->schema = made;
    else
        clade__schema_release(made);
    return status;
}

clade_status clade__take_data(clade_model *model, const clade_data *data)
{
    CLADE_TRY(clade__check_sources(model, data, false));
    CLADE_TRY(clade__take_classes(model, data));
    CLADE_TRY(clade__scaling_copy(&model->input, &data->scaling));
    clade__schema_release(model->schema);
    model->schema = clade__schema_hold(data->schema);
    return take_labels(model, data);
}
