/* Whether data has the answers from which a model's loss is computed. */
#include <stdio.h>

#include "train/pass.h"

/* A table that is read as the model's own has them in columns of the same names, or not at all. */
static clade_status fail_without_answers(const clade_data *data)
{
    const char *label = clade_schema_label(data->schema);
    const char *name = label ? label : clade_schema_target(data->schema, 0);
    if (name)
        return clade__fail(
            CLADE_EDATA,
            "'%s' has neither labels nor targets: it can only be predicted on. "
            "Those of the training are in the column '%.60s', which it lacks; %s names "
            "another",
            data->name, name, label ? "label=" : "target=");
    return clade__fail(CLADE_EDATA, "'%s' has neither labels nor targets: it can only be predicted on",
                       data->name);
}

/* Fields are for losses that name their targets. */
static clade_status check_fields(const clade_model *model, const clade_data *data)
{
    for (int i = 0; i < model->graph.n_losses; i++)
        if (!model->graph.losses[i].target)
            return clade__fail(
                CLADE_EDATA,
                "'%s' has named fields, and the loss of the network names none of "
                "its inputs as its target (\"losses\" in a description, clade_add_loss)",
                data->name);
    return CLADE_OK;
}

clade_status clade__check_data(const clade_model *model, const clade_data *data)
{
    int64_t outputs = clade_shape_elements(model->output->shape);
    if (data->n_fields > 0) return check_fields(model, data);
    if (model->output->dtype != CLADE_FLOAT32)
        return clade__fail(CLADE_EDATA, "the model ends in %s, which has no loss",
                           model->output->layer->type->name);
    if (data->labels) return CLADE_OK;
    if (!data->targets) return fail_without_answers(data);
    if (model->loss == CLADE_LOSS_CROSS_ENTROPY)
        return clade__fail(CLADE_EDATA, "cross_entropy wants classes, and '%s' has numbers as targets; "
                           "use mse", data->name);
    if (model->graph.losses[0].target || data->n_targets == outputs) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has %lld targets a sample, and the model gives %lld",
                       data->name, (long long)data->n_targets, (long long)outputs);
}

/* One target of bce_with_logits is a label of two classes. */
static clade_status check_two_answers(const clade_model *model, const clade_data *data)
{
    int64_t i = 1;
    if (model->loss != CLADE_LOSS_BCE_WITH_LOGITS || data->n_targets != 1) return CLADE_OK;
    while (i < data->n_samples && data->targets[i] == data->targets[0]) i++;
    if (i < data->n_samples) return CLADE_OK;
    return clade__fail(CLADE_EDATA, "'%s' has the target %g in all rows; want both 0 and 1", data->name,
                       (double)data->targets[0]);
}

clade_status clade__check_two_classes(const clade_model *model, const clade_data *data)
{
    int64_t i = 1;
    char name[80];
    if (data->n_samples < 2) return CLADE_OK;
    if (!data->labels) return check_two_answers(model, data);
    while (i < data->n_samples && data->labels[i] == data->labels[0]) i++;
    if (i < data->n_samples) return CLADE_OK;
    snprintf(name, sizeof name, "%d", data->labels[0]);
    return clade__fail(CLADE_EDATA, "'%s' has the label '%.60s' in all rows; want at least two classes",
                       data->name, data->class_names ? data->class_names[data->labels[0]] : name);
}

/* ---- fields ------------------------------------------------------------------------------------ */

static clade_status check_labels(const clade_data *data, const clade__field *field,
                                 const clade__loss *loss)
{
    const int32_t *labels = field->values;
    int64_t each = clade_shape_elements(field->shape),
            cols = clade__shape_cols(loss->prediction->shape);
    int64_t n_classes = cols > 1 ? cols : 2;
    char ignored[48] = "";
    for (int64_t i = 0; i < data->n_samples * each; i++) {
        if (loss->ignores && labels[i] == loss->ignore_index) continue;
        if (labels[i] >= 0 && labels[i] < n_classes) continue;
        if (loss->ignores) snprintf(ignored, sizeof ignored, ", or %d to ignore", loss->ignore_index);
        return clade__fail(
            CLADE_EDATA, "field '%.60s' of '%s': label %lld of sample %lld is %d, want 0 to %lld%s",
            field->name, data->name, (long long)(i % each), (long long)(i / each), labels[i],
            (long long)(n_classes - 1), ignored);
    }
    return CLADE_OK;
}

static clade_status check_probabilities(const clade_data *data, const clade__field *field)
{
    int64_t each = clade_shape_elements(field->shape), i = 0, n = data->n_samples * each;
    const float *values = field->values;
    if (field->dtype != CLADE_FLOAT32) return CLADE_OK; /* bytes as they are: 0 and 1, or too large */
    while (i < n && values[i] >= 0.0f && values[i] <= 1.0f) i++;
    if (i == n) return CLADE_OK;
    return clade__fail(
        CLADE_EDATA,
        "bce_with_logits wants targets from 0 to 1, and target %lld of sample %lld in "
        "field '%.60s' of '%s' is %.6g: scale the targets into that range (0 for no, 1 for "
        "yes), or use mse",
        (long long)(i % each), (long long)(i / each), field->name, data->name, (double)values[i]);
}

static clade_status check_field_targets(const clade_model *model, const clade_data *data)
{
    for (int i = 0; i < model->graph.n_losses; i++) {
        const clade__loss *loss = &model->graph.losses[i];
        const clade__field *field =
            loss->target ? clade__data_field(data, loss->target->layer->name) : NULL;
        if (!field) continue; /* clade__check_sources tells of it */
        if (field->dtype == CLADE_INT32) CLADE_TRY(check_labels(data, field, loss));
        if (loss->kind == CLADE_LOSS_BCE_WITH_LOGITS) CLADE_TRY(check_probabilities(data, field));
    }
    return CLADE_OK;
}

clade_status clade__check_targets(const clade_model *model, const clade_data *data)
{
    if (data->n_fields > 0) return check_field_targets(model, data);
    int64_t n = data->targets ? data->n_samples * data->n_targets : 0, i = 0;
    if (model->loss != CLADE_LOSS_BCE_WITH_LOGITS) return CLADE_OK;
    while (i < n && data->targets[i] >= 0.0f && data->targets[i] <= 1.0f) i++;
    if (i == n) return CLADE_OK;
    int64_t sample = i / data->n_targets, target = i % data->n_targets;
    const char *column = clade_schema_target(data->schema, target);
    char name[96];
    snprintf(name, sizeof name, "%lld", (long long)target);
    if (column) snprintf(name, sizeof name, "'%.80s'", column);
    return clade__fail(
        CLADE_EDATA,
        "bce_with_logits wants targets from 0 to 1, and target %s of %s %lld of "
        "'%s' is %.6g: scale the targets into that range (0 for no, 1 for yes), or use mse",
        name, data->rows ? "row" : "sample", (long long)clade_data_row(data, sample), data->name,
        (double)data->targets[i]);
}
