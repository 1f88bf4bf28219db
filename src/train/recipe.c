#include "train/recipe.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/text.h"
#include "data/dataset.h"
#include "graph/model.h"

static void add_real(clade__text *text, const char *name, double value)
{
    clade__text_append(text, "%s: %.12g\n", name, value);
}

static void add_float(clade__text *text, const char *name, float value)
{
    add_real(text, name, clade__decimal(value));
}

/* By its contents: where data lies does not matter. */
static void add_data(clade__text *text, const char *name, const clade_data *data)
{
    if (!data) {
        clade__text_append(text, "%s: none\n", name);
        return;
    }
    size_t n = (size_t)data->n_samples;
    uLong sum = crc32_z(0, data->values, n * clade__data_value_bytes(data));
    if (data->n_fields == 0)
        sum = crc32_z(sum, clade__data_answers(data), n * clade__data_answer_bytes(data));
    for (int i = 0; i < data->n_fields; i++) {
        const clade__field *field = &data->fields[i];
        size_t bytes = (size_t)clade_shape_elements(field->shape) * clade_dtype_bytes(field->dtype);
        sum = crc32_z(sum, (const Bytef *)field->name, strlen(field->name) + 1);
        sum = crc32_z(sum, field->values, n * bytes);
    }
    clade__text_append(text, "%s: %zu samples, crc32 %08lx\n", name, n, sum);
}

/* By their names in the order of their numbers, as the model has them. */
static void add_classes(clade__text *text, const clade_model *model)
{
    uLong sum = crc32_z(0, NULL, 0);
    for (int i = 0; model->class_names && i < model->n_classes; i++)
        sum = crc32_z(sum, (const Bytef *)model->class_names[i], strlen(model->class_names[i]) + 1);
    clade__text_append(text, "classes: %d, names crc32 %08lx", model->n_classes, sum);
}

static void add_weights(clade__text *text, const float *weights, int n)
{
    clade__text_append(text, ", weights");
    for (int i = 0; i < n; i++)
        clade__text_append(text, "%s%.9g", i ? "," : " ", clade__decimal(weights[i]));
}

static void add_columns(clade__text *text, const clade_schema *schema)
{
    const char *all = schema ? schema->text : "";
    clade__text_append(text, "columns: crc32 %08lx\n",
                       crc32_z(0, (const Bytef *)all, strlen(all)));
}

static void add_input(clade__text *text, const clade__scaling *input)
{
    size_t n_bytes = 2 * (size_t)input->n_columns * sizeof *input->columns;
    if (input->columns)
        clade__text_append(text, "scaling: of each feature, crc32 %08lx\n",
                           crc32_z(0, (const Bytef *)input->columns, n_bytes));
    else
        clade__text_append(text, "scaling: scale %.9g, shift %.9g\n", (double)input->scale,
                           (double)input->shift);
}

_Static_assert(offsetof(clade_optimizer, reserved) == 10 * 4, "a new setting goes into the recipe");
_Static_assert(offsetof(clade_schedule, reserved) == 9 * 8, "the same");

static void add_optimizer(clade__text *text, const clade_optimizer *o)
{
    clade__text_append(text, "optimizer: %s\n", clade_optimizer_name(o->kind));
    add_float(text, "lr", o->lr);
    add_float(text, "momentum", o->momentum);
    clade__text_append(text, "nesterov: %s\n", o->nesterov ? "true" : "false");
    add_float(text, "beta1", o->beta1);
    add_float(text, "beta2", o->beta2);
    add_float(text, "epsilon", o->epsilon);
    add_float(text, "weight_decay", o->weight_decay);
    clade__text_append(text, "decay_weights_only: %s\n", o->decay_weights_only ? "true" : "false");
    add_float(text, "clip_norm", o->clip_norm);
}

/* Those that are not trained as the optimizer says: frozen, or in a group. */
static void add_groups(clade__text *text, const clade_model *model)
{
    const clade__executable *exe = &model->exe;
    clade__text_append(text, "groups:");
    for (int i = 0; i < model->graph.n_parameters; i++) {
        const clade__parameter *p = &model->graph.parameters[i];
        const clade__parameter_plan *plan = &exe->parameters[i];
        bool spared = exe->optimizer.decay_weights_only && !p->decays;
        float decay = spared ? 0.0f : exe->optimizer.weight_decay;
        if (!p->trained || (plan->trains && plan->group == 0 && plan->decay == decay)) continue;
        if (!plan->trains)
            clade__text_append(text, " %s frozen", p->name);
        else
            clade__text_append(text, " %s lr %.9g decay %.9g", p->name,
                               clade__decimal(exe->lr_factors[plan->group]), clade__decimal(plan->decay));
    }
    clade__text_append(text, "\n");
}

static void add_schedule(clade__text *text, const clade_schedule *s)
{
    clade__text_append(text, "schedule: %s\n", clade_schedule_name(s->kind));
    clade__text_append(text, "warmup: %lld %s\n", (long long)s->warmup.count,
                       s->warmup.unit == CLADE_EPOCHS ? "epochs" : "steps");
    clade__text_append(text, "step_size: %lld\n", (long long)s->step_size);
    add_real(text, "gamma", s->gamma);
    add_real(text, "min_lr", s->min_lr);
    add_real(text, "factor", s->factor);
    clade__text_append(text, "patience of the schedule: %lld\n", (long long)s->patience);
    add_real(text, "threshold", s->threshold);
}

/* On the line of the batch. */
static void add_parallel(clade__text *text, const clade_fit_options *options)
{
    if (options->parallel != CLADE_PARALLEL_SYNC)
        clade__text_append(text, ", %s, averaged",
                           options->parallel == CLADE_PARALLEL_SIMU ? "simu" : "weighted");
    if (options->average_every > 0)
        clade__text_append(text, " every %lld steps", (long long)options->average_every);
    clade__text_append(text, "\n");
}

static void add_augment(clade__text *text, const clade_augment *augment)
{
    if (augment->crop > 0) clade__text_append(text, ", crop %lld", (long long)augment->crop);
    if (augment->flip) clade__text_append(text, ", flip");
    if (augment->cutout > 0) clade__text_append(text, ", cutout %lld", (long long)augment->cutout);
}

char *clade__recipe_text(const clade_model *model, const clade_data *train,
                         const clade_fit_options *options, const clade_schedule *schedule)
{
    clade__text text = {0};
    char *description = clade__model_describe(model);
    clade__text_append(&text, "model: %s\n", description ? description : "");
    text.failed = text.failed || !description;
    free(description);
    clade__text_append(&text, "seed: %llu\n", (unsigned long long)model->session.seed);
    clade__text_append(&text, "batch: %lld", (long long)model->exe.batch);
    add_parallel(&text, options);
    clade__text_append(&text, "samples at a time: %lld\n", (long long)model->exe.micro_batch);
    add_optimizer(&text, &model->exe.optimizer);
    add_groups(&text, model);
    add_schedule(&text, schedule);
    clade__text_append(&text, "replacement: %s", options->balanced      ? "balanced over the classes"
                                                 : options->replacement ? "true"
                                                                        : "false");
    if (options->augment) /* on the line of how samples are drawn */
        add_augment(&text, options->augment);
    clade__text_append(&text, "\n");
    add_input(&text, &model->input);
    add_columns(&text, model->schema);
    add_classes(&text, model);
    if (options->class_weights) /* on the line of the classes */
        add_weights(&text, options->class_weights, clade_data_describe(train).n_classes);
    clade__text_append(&text, "\n");
    add_data(&text, "training data", train);
    add_data(&text, "validation data", options->validate);
    if (text.failed) clade__text_free(&text);
    return text.data;
}

clade_status clade__recipe_check(const char *now, const char *then)
{
    while (*now && *then) {
        int n_now = (int)strcspn(now, "\n"), n_then = (int)strcspn(then, "\n");
        int n_name = (int)strcspn(now, ":");
        if (n_now != n_then || strncmp(now, then, (size_t)n_now) != 0) {
            bool same_name = strncmp(now, then, (size_t)n_name + 2) == 0;
            if (!same_name) break;
            int skip = n_name + 2;
            return clade__fail(CLADE_EINVAL, "resume: %.*s is %.*s, and the run began with %.*s; a run "
                               "goes on with the data and settings that it began with: restore them, or "
                               "train anew", n_name, now, n_now - skip > 400 ? 400 : n_now - skip, now + skip,
                               n_then - skip > 400 ? 400 : n_then - skip, then + skip);
        }
        now += n_now + 1;
        then += n_then + 1;
    }
    if (!*now && !*then) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "resume: the run began with another version of clade, whose "
                       "settings are others");
}
