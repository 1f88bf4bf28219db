#include "train/feed.h"

#include <stdlib.h>
#include <string.h>

uint64_t clade__feed_resident_bytes(const clade_data *data, bool shuffled)
{
    return (uint64_t)data->n_samples * (clade__data_sample_bytes(data) + (shuffled ? 4 : 0));
}

/* ---- open -------------------------------------------------------------------------------------- */

static clade_status send_columns(clade__fed *fed, clade_device *device)
{
    const clade__scaling *scaling = fed->source->scaling;
    int64_t n = scaling->n_columns;
    if (!scaling->columns) return CLADE_OK;
    float *columns = malloc(3 * (size_t)n * sizeof *columns);
    if (!columns) return clade__fail(CLADE_ENOMEM, "no memory to scale the input");
    clade__scaling_split(scaling, columns);
    clade_status status = clade_tensor_create(&fed->columns, device, CLADE_FLOAT32, CLADE_SHAPE(3, n),
                                              columns);
    free(columns);
    return status;
}

/* Tensors for `rows` samples, filled when all of the data fits them. */
static clade_status create_tensors(clade__feed *feed, int64_t rows)
{
    for (int i = 0; i < feed->n_fed; i++) {
        clade__fed *fed = &feed->fed[i];
        const clade__source *source = fed->source;
        bool labels = source->dtype == CLADE_INT32 && source->cols == 1;
        clade_shape shape = labels ? CLADE_SHAPE(rows) : CLADE_SHAPE(rows, source->cols);
        CLADE_TRY(clade_tensor_create(&fed->tensor, feed->device, source->dtype, shape,
                                      feed->resident ? source->values : NULL));
    }
    return CLADE_OK;
}

static clade_status create_stages(clade__feed *feed)
{
    size_t bytes = 0;
    for (int i = 0; i < feed->n_fed; i++) {
        feed->fed[i].stage_at = bytes;
        bytes += (size_t)feed->max_batch * clade__source_bytes(feed->fed[i].source);
    }
    for (int i = 0; i < 2; i++) {
        feed->stage[i] = malloc(bytes);
        if (!feed->stage[i]) return clade__fail(CLADE_ENOMEM, "no memory to stream the data");
    }
    return CLADE_OK;
}

static clade_status open_feed(clade__feed *feed, const clade__sources *sources)
{
    int64_t n = feed->data->n_samples;
    feed->fed = calloc((size_t)sources->n + 1, sizeof *feed->fed);
    if (!feed->fed) return clade__fail(CLADE_ENOMEM, "no memory to feed the data");
    for (; feed->n_fed < sources->n; feed->n_fed++)
        feed->fed[feed->n_fed].source = &sources->list[feed->n_fed];
    for (int i = 0; i < feed->n_fed; i++) CLADE_TRY(send_columns(&feed->fed[i], feed->device));
    if (feed->shuffled) {
        feed->host_order = malloc((size_t)n * sizeof *feed->host_order);
        if (!feed->host_order) return clade__fail(CLADE_ENOMEM, "no memory to shuffle the data");
    }
    if (!feed->resident) {
        CLADE_TRY(create_stages(feed));
        return create_tensors(feed, feed->max_batch);
    }
    CLADE_TRY(create_tensors(feed, n));
    if (!feed->shuffled) return CLADE_OK;
    return clade_tensor_create(&feed->order, feed->device, CLADE_INT32, CLADE_SHAPE(n), NULL);
}

clade_status clade__feed_open(clade__feed *feed, clade_device *device, const clade_data *data,
                              const clade__sources *sources, const clade__feed_options *options)
{
    *feed = (clade__feed){.data = data,
                          .device = device,
                          .resident = options->resident,
                          .shuffled = options->shuffled,
                          .replacement = options->replacement,
                          .max_batch = options->max_batch};
    clade_status status = CLADE_OK;
    if (options->balanced)
        status = clade__class_lists_open(&feed->lists, data->labels, data->n_samples,
                                         data->n_classes);
    if (status == CLADE_OK) status = open_feed(feed, sources);
    if (status != CLADE_OK) clade__feed_close(feed);
    return status;
}

void clade__feed_close(clade__feed *feed)
{
    /* The device may still read from the host's memory: what cannot be waited for is lost anyway. */
    (void)clade__transfer_wait(&feed->order_sent);
    for (int i = 0; i < feed->n_fed; i++) {
        clade__fed *fed = &feed->fed[i];
        (void)clade__transfer_wait(&fed->sent[0]);
        (void)clade__transfer_wait(&fed->sent[1]);
        clade_tensor_free(fed->tensor);
        clade_tensor_free(fed->columns);
    }
    free(feed->fed);
    free(feed->stage[0]);
    free(feed->stage[1]);
    clade_tensor_free(feed->order);
    free(feed->host_order);
    clade__class_lists_close(&feed->lists);
    *feed = (clade__feed){0};
}

/* ---- a batch ----------------------------------------------------------------------------------- */

/* Where a source goes. */
static const clade_tensor *tensor_for(const clade__plan *plan, const clade__source *source)
{
    if (source->input != CLADE__TO_ANSWERS) return &plan->inputs[source->input];
    return source->dtype == CLADE_INT32 ? &plan->losses[0].labels : &plan->losses[0].target;
}

static clade_status record_source(clade__feed *feed, const clade__fed *fed, const clade__plan *plan,
                                  clade__commands *commands)
{
    const clade__source *source = fed->source;
    clade_tensor dst = clade__tensor_reshaped(tensor_for(plan, source),
                                              CLADE_SHAPE(plan->batch, source->cols));
    if (source->dtype == CLADE_INT32)
        return clade__gather_labels(commands, &dst, fed->tensor, feed->order, &feed->first);
    return clade__gather(commands, &dst, fed->tensor, feed->order, &feed->first, source->scaling->scale,
                         source->scaling->shift, fed->columns);
}

clade_status clade__feed_record(clade__feed *feed, const clade__plan *plan, clade__commands *commands)
{
    for (int i = 0; i < feed->n_fed; i++)
        CLADE_TRY(record_source(feed, &feed->fed[i], plan, commands));
    return CLADE_OK;
}

clade_status clade__feed_shuffle(clade__feed *feed, uint64_t seed, int64_t epoch)
{
    CLADE_TRY(clade__transfer_wait(&feed->order_sent));
    if (feed->lists.n_classes > 0)
        clade__draw_balanced(feed->host_order, feed->data->n_samples, &feed->lists, seed, epoch);
    else if (feed->replacement)
        clade__draw(feed->host_order, feed->data->n_samples, seed, epoch);
    else
        clade__shuffle(feed->host_order, feed->data->n_samples, seed, epoch);
    if (!feed->resident) return CLADE_OK;
    return clade__tensor_write_begin(feed->order, 0, feed->host_order,
                                     (size_t)feed->data->n_samples * sizeof *feed->host_order,
                                     &feed->order_sent);
}

/* Gathers a source's part of a batch on the host and starts to send it. */
static clade_status stream_source(clade__feed *feed, clade__fed *fed, int turn, int64_t first, int64_t n)
{
    size_t bytes = clade__source_bytes(fed->source);
    const unsigned char *from = fed->source->values;
    unsigned char *to = feed->stage[turn] + fed->stage_at;
    CLADE_TRY(clade__transfer_wait(&fed->sent[turn]));
    for (int64_t i = 0; i < n; i++) {
        size_t sample = (size_t)(feed->shuffled ? feed->host_order[first + i] : first + i);
        memcpy(to + (size_t)i * bytes, from + sample * bytes, bytes);
    }
    return clade__tensor_write_begin(fed->tensor, 0, to, (size_t)n * bytes, &fed->sent[turn]);
}

clade_status clade__feed_next(clade__feed *feed, int64_t first, int64_t n)
{
    if (feed->resident) {
        feed->first = (int32_t)first;
        return CLADE_OK;
    }
    int turn = feed->turn;
    feed->turn = 1 - turn;
    for (int i = 0; i < feed->n_fed; i++)
        CLADE_TRY(stream_source(feed, &feed->fed[i], turn, first, n));
    return CLADE_OK;
}
