#include "train/fit_memory.h"

#include "train/pass.h"

/* Of its columns, in each feed. */
static uint64_t scaling_bytes(const clade__scaling *scaling)
{
    return scaling->columns ? (uint64_t)scaling->n_columns * 3 * sizeof(float) : 0;
}

clade_data_size clade_data_size_of(const clade_data *data)
{
    if (!data) return (clade_data_size){0};
    return (clade_data_size){.n_samples = data->n_samples,
                             .sample_bytes = clade__data_sample_bytes(data),
                             .fixed_bytes = scaling_bytes(&data->scaling)};
}

/* Puts all of the data on the device where there is room, in place of a part of it. */
static bool make_resident(clade_memory *memory, const clade_model *model, const clade_data *data,
                          uint64_t part_bytes, bool shuffled)
{
    uint64_t without = memory->total - part_bytes;
    if (!clade__data_fits(model, data, shuffled, without)) return false;
    memory->total = without + clade__feed_resident_bytes(data, shuffled);
    return true;
}

/* Whether the first loss has right answers. */
static bool has_labels(const clade_model *model, const clade_data *data)
{
    const clade_node *target = model->graph.losses[0].target;
    return target ? target->dtype == CLADE_INT32 : data->labels != NULL;
}

/* Class weights, and what the rows of each batch count together. */
static uint64_t count_bytes(const clade_model *model, const clade_data *train,
                            const clade_fit_options *options)
{
    const clade__graph *graph = &model->graph;
    int64_t n = train->n_samples, batch = model->exe.batch < n ? model->exe.batch : n, n_floats = 0;
    for (int i = 0; i < graph->n_losses; i++)
        if ((i == 0 && options->class_weights) || graph->losses[i].ignores)
            n_floats += (n + batch - 1) / batch;
    if (options->class_weights) n_floats += clade__model_n_known(model);
    return (uint64_t)n_floats * sizeof(float);
}

static clade_status check_fed(const clade_model *model, const clade_data *data)
{
    if (model->graph.n_inputs > 1 || data->n_fields > 0) {
        CLADE_TRY(clade__check_data(model, data));
        CLADE_TRY(clade__check_sources(model, data, false));
    }
    return clade__check_targets(model, data);
}

clade_status clade__fit_memory_plan(clade__fit_memory *plan, const clade_model *model,
                                    const clade_data *train, const clade_fit_options *options)
{
    const clade_data *valid = options->validate;
    CLADE_TRY(clade__check_two_classes(model, train)); /* here, before the command makes a folder */
    CLADE_TRY(check_fed(model, train));
    if (valid) CLADE_TRY(check_fed(model, valid));
    clade__feeds feeds = {clade_data_size_of(train), clade_data_size_of(valid)};
    if (valid) feeds.valid.fixed_bytes = feeds.train.fixed_bytes; /* the network sees both alike */
    uint64_t train_part = clade__memory_of_parts(&feeds.train, model->exe.micro_batch);
    uint64_t valid_part = clade__memory_of_parts(&feeds.valid, model->exe.infer_batch);
    CLADE_TRY(clade__memory_check(&model->exe, &feeds));
    *plan = (clade__fit_memory){.memory = model->exe.memory};
    clade_memory *memory = &plan->memory;
    memory->total += clade__memory_of_feeds(&model->exe, &feeds);
    memory->total += count_bytes(model, train, options);
    if (valid) memory->total += clade__pass_more_bytes(model, valid->n_samples, has_labels(model, valid));
    plan->train_resident =
        !options->stream && make_resident(memory, model, train, train_part, true);
    plan->valid_resident =
        !options->stream && valid && make_resident(memory, model, valid, valid_part, false);
    if (options->augment && !plan->train_resident) /* the numbers of a part's samples */
        memory->total += (uint64_t)(model->exe.micro_batch < train->n_samples ? model->exe.micro_batch
                                                                              : train->n_samples) *
                         sizeof(int32_t);
    memory->data = memory->total - model->exe.memory.total;
    return CLADE_OK;
}

clade_status clade_fit_memory(const clade_model *model, const clade_data *train,
                              const clade_fit_options *options, clade_memory *memory)
{
    CLADE_WANT(model);
    CLADE_WANT(train);
    CLADE_WANT(memory);
    static const clade_fit_options defaults;
    clade__fit_memory plan;
    if (!options) options = &defaults;
    CLADE_TRY(clade__check_compiled(model, "fit", true));
    CLADE_WANT_UNUSED("fit", options->reserved);
    CLADE_TRY(clade__fit_memory_plan(&plan, model, train, options));
    *memory = plan.memory;
    return CLADE_OK;
}
