#include "train/pass.h"

#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "device/profile.h"
#include "graph/dry_run.h"

#define LOG_SECONDS 0.1 /* between log points */

static bool source_fits(const clade_device_info *info, uint64_t n_values, clade_dtype dtype)
{
    return n_values <= INT32_MAX && n_values * clade_dtype_bytes(dtype) <= info->max_allocation_bytes;
}

bool clade__data_fits(const clade_model *model, const clade_data *data, bool shuffled,
                      uint64_t planned)
{
    const clade_device_info *info = clade_device_describe(model->device);
    uint64_t n = (uint64_t)data->n_samples, cols = (uint64_t)clade__data_cols(data);
    if (!source_fits(info, n * cols, data->dtype)) return false;
    for (int i = 0; i < data->n_fields; i++) {
        const clade__field *field = &data->fields[i];
        if (!source_fits(info, n * (uint64_t)clade_shape_elements(field->shape), field->dtype))
            return false;
    }
    /* A tenth is left to the driver, and to whoever else uses the device. */
    uint64_t want = planned + clade__feed_resident_bytes(data, shuffled);
    return want <= info->global_memory_bytes - info->global_memory_bytes / 10;
}

/* Feed, step and sums of one part. */
static clade_status record_part(clade__pass *pass, clade__plan *plan, clade__commands *commands)
{
    const clade__layout *layout = plan->layout;
    plan->weights = pass->weights;
    for (int i = 0; i < pass->n_losses; i++)
        plan->losses[i].total = (clade__rows_total){pass->losses[i].counts.totals, &pass->slot};
    clade__commands_scope(commands, clade__layout_phase(layout, CLADE_PHASE_FEED), NULL);
    CLADE_TRY(clade__feed_record(&pass->feed, plan, commands));
    CLADE_TRY(clade__plan_record(plan, commands, true));
    clade__commands_scope(commands, clade__layout_phase(layout, CLADE_PHASE_METRICS), NULL);
    return clade__pass_sums_record(pass, plan, commands);
}

/* One part of a batch of `of`, of `part` samples; the update comes with the last. */
static clade_status record(clade__pass *pass, int64_t of, int64_t part, bool first, bool last,
                           clade__commands **commands)
{
    clade_model *model = pass->model;
    clade__ready ready = {.pass = pass};
    clade__plan plan;
    CLADE_TRY(clade__commands_create(commands, model->device));
    CLADE_TRY(clade__plan_open(&plan, &(clade__plan_options){
                                          .exe = &model->exe, .session = &model->session,
                                          .training = pass->training, .batch = part,
                                          .has_labels = pass->feed.data->labels != NULL}));
    plan.of = of;
    plan.add = !first;
    if (pass->join && last) clade__pass_record_ready(&ready, &plan);
    clade_status status = record_part(pass, &plan, *commands);
    clade__plan_close(&plan);
    if (status != CLADE_OK || !pass->training || !last) return status;
    return pass->join ? clade__pass_record_join(pass, &ready, *commands)
                      : clade__record_update(model, *commands);
}

/* A rank that has no samples of a batch has a part of none. */
static int64_t n_parts_of(const clade__parts *parts)
{
    return parts->n > 0 ? (parts->n + parts->part - 1) / parts->part : 1;
}

/* A batch of `of` samples, not recorded yet. */
static clade__parts cut(int64_t of, int64_t at_a_time, const clade__shares *shares)
{
    clade__span_of_rows mine = {.n = of};
    if (shares) mine = clade__shares_of(shares, of);
    return (clade__parts){.of = of, .first = mine.first, .n = mine.n,
                          .part = mine.n < at_a_time ? mine.n : at_a_time};
}

/* The samples of the last part. */
static int64_t n_last(const clade__parts *parts)
{
    return parts->n - (n_parts_of(parts) - 1) * parts->part;
}

static clade_status check_parts(const clade_model *model, bool training, const clade__parts *parts)
{
    if (parts->n == 0) return CLADE_OK;
    CLADE_TRY(clade__dry_run_check(&model->exe, training, parts->part));
    if (n_last(parts) == parts->part) return CLADE_OK;
    return clade__dry_run_check(&model->exe, training, n_last(parts));
}

/* It takes the memory of one gemm, so it comes before the model's is taken. A model that has its own
 * already, and leaves too little, goes without it: its large batch was checked when it was compiled. */
clade_status clade__pass_check(const clade_model *model, bool training, int64_t n_samples,
                               const clade__shares *shares)
{
    int64_t batch = training ? model->exe.batch : model->exe.infer_batch;
    int64_t at_a_time = training ? model->exe.micro_batch : batch;
    if (batch > n_samples) batch = n_samples;
    const clade__parts full = cut(batch, at_a_time, training ? shares : NULL),
                       rest = cut(n_samples % batch, at_a_time, training ? shares : NULL);
    clade_status status = check_parts(model, training, &full);
    if (status == CLADE_OK && rest.of > 0) status = check_parts(model, training, &rest);
    return status == CLADE_EDEVICEMEM && model->session.materialized ? CLADE_OK : status;
}

static clade_status record_parts(clade__pass *pass, int64_t of, clade__parts *parts)
{
    *parts = cut(of, pass->feed.max_batch, pass->training ? pass->shares : NULL);
    int64_t n_parts = n_parts_of(parts), last = n_last(parts);
    if (parts->n == 0) {
        CLADE_TRY(clade__commands_create(&parts->last, pass->model->device));
        return clade__pass_record_nothing(pass, parts->last);
    }
    if (n_parts > 1) CLADE_TRY(record(pass, of, parts->part, true, false, &parts->first_part));
    if (n_parts > 2) CLADE_TRY(record(pass, of, parts->part, false, false, &parts->next));
    return record(pass, of, last, n_parts == 1, true, &parts->last);
}

static clade_status record_all(clade__pass *pass)
{
    int64_t rest = pass->n_samples % pass->batch;
    CLADE_TRY(record_parts(pass, pass->batch, &pass->full));
    return rest > 0 ? record_parts(pass, rest, &pass->rest) : CLADE_OK;
}

static void free_parts(clade__parts *parts)
{
    clade__commands_free(parts->first_part);
    clade__commands_free(parts->next);
    clade__commands_free(parts->last);
}

static const clade__parts *parts_of(const clade__pass *pass, int64_t index)
{
    return pass->rest.of > 0 && index == pass->n_batches - 1 ? &pass->rest : &pass->full;
}

int64_t clade__pass_n_in(const clade__pass *pass, int64_t index)
{
    return parts_of(pass, index)->of;
}

/* Outputs that no class of the data has weigh 1. */
static clade_status open_weights(clade__pass *pass, const float *given, int n_classes)
{
    int64_t n = clade__model_n_known(pass->model);
    if (!given) return CLADE_OK;
    pass->host_weights = malloc((size_t)n * sizeof *pass->host_weights);
    if (!pass->host_weights)
        return clade__fail(CLADE_ENOMEM, "no memory for the weights of %d classes", n_classes);
    for (int64_t i = 0; i < n; i++) pass->host_weights[i] = i < n_classes ? given[i] : 1.0f;
    return clade_tensor_create(&pass->weights, pass->model->device, CLADE_FLOAT32, CLADE_SHAPE(n),
                               pass->host_weights);
}

static clade_status open_losses(clade__pass *pass)
{
    const clade__graph *graph = &pass->model->graph;
    pass->losses = calloc((size_t)graph->n_losses, sizeof *pass->losses);
    if (!pass->losses) return clade__fail(CLADE_ENOMEM, "no memory for %d losses", graph->n_losses);
    for (; pass->n_losses < graph->n_losses; pass->n_losses++) {
        const clade__row_counts_options options = {
            .device = pass->model->device, .graph = graph, .sources = &pass->binding.sources,
            .loss = pass->n_losses, .n_batches = pass->n_batches, .training = pass->training,
            .weights = pass->n_losses == 0 ? pass->host_weights : NULL};
        CLADE_TRY(clade__row_counts_open(&pass->losses[pass->n_losses].counts, &options));
    }
    return clade__pass_sums_open(pass);
}

/* Where there is an order, once it is drawn. */
static void count_rows(clade__pass *pass)
{
    const int32_t *order = pass->feed.shuffled ? pass->feed.host_order : NULL;
    for (int i = 0; i < pass->n_losses; i++)
        for (int64_t b = 0; b < pass->n_batches; b++) {
            int64_t first = b * pass->batch;
            clade__row_counts_count(&pass->losses[i].counts, b, order ? order + first : NULL, first,
                                    parts_of(pass, b)->of);
        }
}

static clade_status open_pass(clade__pass *pass, const clade_data *data,
                              const clade__pass_options *options)
{
    clade_model *model = pass->model;
    CLADE_TRY(clade__pass_check(model, pass->training, data->n_samples, pass->shares));
    CLADE_TRY(clade__model_materialize(model));
    int64_t at_a_time = pass->training ? model->exe.micro_batch : model->exe.infer_batch;
    if (at_a_time > pass->batch) at_a_time = pass->batch;
    CLADE_TRY(clade__bind(&pass->binding, model, data, false));
    CLADE_TRY(clade__feed_open(&pass->feed, model->device, data, &pass->binding.sources,
                               &(clade__feed_options){.max_batch = at_a_time,
                                                      .resident = options->resident,
                                                      .shuffled = pass->training,
                                                      .replacement = options->replacement,
                                                      .balanced = options->balanced,
                                                      .augment = options->augment,
                                                      .seed = model->session.seed}));
    CLADE_TRY(open_weights(pass, options->class_weights, data->n_classes));
    CLADE_TRY(open_losses(pass));
    CLADE_TRY(clade__pass_open_join(pass));
    CLADE_TRY(record_all(pass));
    if (!pass->training) count_rows(pass);
    return CLADE_OK;
}

clade_status clade__pass_open(clade__pass *pass, clade_model *model, const clade_data *data,
                              const clade__pass_options *options)
{
    *pass = (clade__pass){.model = model, .training = options->training, .ranks = options->ranks,
                          .shares = options->shares, .turns = options->turns};
    CLADE_TRY(clade__check_data(model, data));
    CLADE_TRY(clade__check_targets(model, data));
    int64_t batch = pass->training ? model->exe.batch : model->exe.infer_batch;
    pass->n_samples = data->n_samples;
    pass->batch = batch < data->n_samples ? batch : data->n_samples;
    pass->n_batches = (pass->n_samples + pass->batch - 1) / pass->batch;
    clade_status status = open_pass(pass, data, options);
    if (status != CLADE_OK) clade__pass_close(pass);
    return status;
}

clade_status clade__pass_share(clade__pass *pass)
{
    CLADE_TRY(clade__pass_check(pass->model, pass->training, pass->n_samples, pass->shares));
    free_parts(&pass->full);
    free_parts(&pass->rest);
    pass->full = pass->rest = (clade__parts){0};
    return record_all(pass);
}

void clade__pass_close(clade__pass *pass)
{
    clade__join_free(pass->join);
    free_parts(&pass->full);
    free_parts(&pass->rest);
    clade__feed_close(&pass->feed);
    clade__pass_sums_close(pass);
    clade__binding_free(&pass->binding);
    for (int i = 0; i < pass->n_losses; i++) clade__row_counts_close(&pass->losses[i].counts);
    free(pass->losses);
    clade_tensor_free(pass->weights);
    free(pass->host_weights);
    *pass = (clade__pass){0};
}

clade_status clade__pass_shuffle(clade__pass *pass, uint64_t seed, int64_t epoch)
{
    CLADE_TRY(clade__feed_shuffle(&pass->feed, seed, epoch));
    for (int i = 0; i < pass->n_losses; i++)
        CLADE_TRY(clade__row_counts_wait(&pass->losses[i].counts));
    count_rows(pass);
    for (int i = 0; i < pass->n_losses; i++)
        CLADE_TRY(clade__row_counts_send(&pass->losses[i].counts, pass->n_batches));
    return CLADE_OK;
}

/* The step has the number that it has on one device, and so the masks; a rank's optimizer has seen fewer. */
static void count_step(clade__pass *pass)
{
    clade__session *session = &pass->model->session;
    clade__optimizer_advance(session, &pass->model->exe);
    if (pass->turns)
        clade__optimizer_correct(session, &pass->model->exe, clade__turns_updates(pass->turns, session->step));
}

bool clade__pass_is_mine(const clade__pass *pass, int64_t index)
{
    return !pass->turns || clade__turns_is_mine(pass->turns, index);
}

void clade__pass_begin(clade__pass *pass, int64_t index)
{
    if (pass->training) count_step(pass);
    if (!clade__pass_is_mine(pass, index)) return;
    pass->slot = (int32_t)index;
    for (int i = 0; i < pass->n_losses; i++)
        pass->losses[i].slot = (int32_t)(index * pass->n_losses + i);
    if (pass->join) clade__join_begin(pass->join, &pass->votes);
}

clade_status clade__pass_end(clade__pass *pass, clade_status status)
{
    return pass->join ? clade__join_end(pass->join, status) : status;
}

int64_t clade__pass_n_parts(const clade__pass *pass, int64_t index)
{
    return clade__pass_is_mine(pass, index) ? n_parts_of(parts_of(pass, index)) : 0;
}

clade_status clade__pass_feed(clade__pass *pass, int64_t index, int64_t i, clade__part *part)
{
    const clade__parts *parts = parts_of(pass, index);
    int64_t done = i * parts->part;
    bool last = i == n_parts_of(parts) - 1;
    *part = (clade__part){.first = index * pass->batch + parts->first + done,
                          .n = last ? parts->n - done : parts->part,
                          .commands = last ? parts->last : i == 0 ? parts->first_part : parts->next};
    pass->model->session.numbers.first_row = (int32_t)(parts->first + done);
    return part->n > 0 ? clade__feed_next(&pass->feed, part->first, part->n) : CLADE_OK;
}

static clade_status run_parts(clade__pass *pass, int64_t index)
{
    int64_t n_parts = clade__pass_n_parts(pass, index);
    clade__part part;
    for (int64_t i = 0; i < n_parts; i++) {
        CLADE_TRY(clade__pass_feed(pass, index, i, &part));
        CLADE_TRY(clade__commands_run(part.commands));
    }
    return CLADE_OK;
}

clade_status clade__pass_run(clade__pass *pass, int64_t index)
{
    int64_t begun = clade__profile_host_begin(pass->model->device);
    clade__pass_begin(pass, index);
    CLADE_TRY(clade__pass_end(pass, run_parts(pass, index)));
    clade__profile_host_end(pass->model->device, pass->training ? "step" : "validation step",
                            pass->training ? pass->model->session.step : index + 1, begun);
    return CLADE_OK;
}

clade__pace clade__pace_begin(void)
{
    return (clade__pace){.interval = 1, .at = clade__seconds()};
}

void clade__pace_next(clade__pace *pace)
{
    double now = clade__seconds(), taken = now - pace->at;
    if (taken < 0.5 * LOG_SECONDS) pace->interval *= 2;
    if (taken > 2.0 * LOG_SECONDS && pace->interval > 1) pace->interval /= 2;
    pace->at = now;
}
