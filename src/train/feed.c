#include "train/feed.h"

#include <stdlib.h>
#include <string.h>

uint64_t clade__feed_resident_bytes(const clade_data *data, bool shuffled)
{
    uint64_t n = (uint64_t)data->n_samples;
    return n * (clade__data_value_bytes(data) + clade__data_answer_bytes(data) + (shuffled ? 4 : 0));
}

/* Tensors for `rows` samples, filled when all of the data fits them. */
static clade_status create_tensors(clade__feed *feed, int64_t rows)
{
    const clade_data *data = feed->data;
    bool all = feed->resident;
    CLADE_TRY(clade_tensor_create(&feed->values, feed->device, data->dtype,
                                  CLADE_SHAPE(rows, clade__data_cols(data)),
                                  all ? data->values : NULL));
    if (!feed->answers) return CLADE_OK;
    if (data->labels)
        return clade_tensor_create(&feed->labels, feed->device, CLADE_INT32, CLADE_SHAPE(rows),
                                   all ? feed->answers : NULL);
    return clade_tensor_create(&feed->targets, feed->device, CLADE_FLOAT32,
                               CLADE_SHAPE(rows, data->n_targets), all ? feed->answers : NULL);
}

static clade_status send_columns(clade__feed *feed)
{
    int64_t n = feed->scaling->n_columns;
    float *columns = malloc(3 * (size_t)n * sizeof *columns);
    if (!columns) return clade__fail(CLADE_ENOMEM, "no memory to scale the input");
    clade__scaling_split(feed->scaling, columns);
    clade_status status = clade_tensor_create(&feed->columns, feed->device, CLADE_FLOAT32,
                                              CLADE_SHAPE(3, n), columns);
    free(columns);
    return status;
}

static clade_status open_feed(clade__feed *feed)
{
    const clade_data *data = feed->data;
    const clade__scaling *scaling = feed->scaling;
    if (scaling->columns) CLADE_TRY(send_columns(feed));
    if (feed->shuffled) {
        feed->host_order = malloc((size_t)data->n_samples * sizeof *feed->host_order);
        if (!feed->host_order) return clade__fail(CLADE_ENOMEM, "no memory to shuffle the data");
    }
    if (feed->resident) {
        CLADE_TRY(create_tensors(feed, data->n_samples));
        return feed->shuffled ? clade_tensor_create(&feed->order, feed->device, CLADE_INT32,
                                                    CLADE_SHAPE(data->n_samples), NULL)
                              : CLADE_OK;
    }
    size_t sample_bytes = clade__data_value_bytes(data) + clade__data_answer_bytes(data);
    for (int i = 0; i < 2; i++) {
        feed->stage[i] = malloc((size_t)feed->max_batch * sample_bytes);
        if (!feed->stage[i]) return clade__fail(CLADE_ENOMEM, "no memory to stream the data");
    }
    return create_tensors(feed, feed->max_batch);
}

clade_status clade__feed_open(clade__feed *feed, clade_device *device, const clade_data *data,
                              const clade__feed_options *options)
{
    *feed = (clade__feed){.data = data,
                          .answers = options->alone     ? NULL
                                     : options->labels  ? (const void *)options->labels
                                     : options->targets ? (const void *)options->targets
                                                        : clade__data_answers(data),
                          .device = device,
                          .resident = options->resident,
                          .shuffled = options->shuffled,
                          .replacement = options->replacement,
                          .max_batch = options->max_batch,
                          .scaling = options->scaling};
    clade_status status = CLADE_OK;
    if (options->balanced)
        status = clade__class_lists_open(&feed->lists, data->labels, data->n_samples,
                                         data->n_classes);
    if (status == CLADE_OK) status = open_feed(feed);
    if (status != CLADE_OK) clade__feed_close(feed);
    return status;
}

void clade__feed_close(clade__feed *feed)
{
    /* The device may still read from the host's memory: what cannot be waited for is lost anyway. */
    (void)clade__transfer_wait(&feed->order_sent);
    for (int i = 0; i < 2; i++) {
        (void)clade__transfer_wait(&feed->sent[i][0]);
        (void)clade__transfer_wait(&feed->sent[i][1]);
        free(feed->stage[i]);
    }
    clade_tensor_free(feed->values);
    clade_tensor_free(feed->labels);
    clade_tensor_free(feed->targets);
    clade_tensor_free(feed->columns);
    clade_tensor_free(feed->order);
    free(feed->host_order);
    clade__class_lists_close(&feed->lists);
    *feed = (clade__feed){0};
}

clade_status clade__feed_record(clade__feed *feed, const clade__plan *plan,
                                clade__commands *commands, bool answers)
{
    clade_tensor x = clade__flat(&plan->inputs[0]);
    CLADE_TRY(clade__gather(commands, &x, feed->values, feed->order, &feed->first,
                            feed->scaling->scale, feed->scaling->shift, feed->columns));
    if (!answers) return CLADE_OK;
    clade_tensor labels = plan->losses[0].labels;
    if (feed->labels)
        return clade__gather_labels(commands, &labels, feed->labels, feed->order, &feed->first);
    clade_tensor target = clade__tensor_reshaped(&plan->losses[0].target,
                                                 CLADE_SHAPE(plan->batch, feed->data->n_targets));
    return clade__gather(commands, &target, feed->targets, feed->order, &feed->first, 1.0f, 0.0f,
                         NULL);
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

/* Gathers a batch on the host and starts to send it. */
static clade_status stream(clade__feed *feed, int64_t first, int64_t n)
{
    const clade_data *data = feed->data;
    int turn = feed->turn;
    feed->turn = 1 - turn;
    CLADE_TRY(clade__transfer_wait(&feed->sent[turn][0]));
    CLADE_TRY(clade__transfer_wait(&feed->sent[turn][1]));

    size_t values = clade__data_value_bytes(data);
    size_t answers = feed->answers ? clade__data_answer_bytes(data) : 0;
    const unsigned char *from = data->values, *answer_from = feed->answers;
    unsigned char *to = feed->stage[turn], *answer_to = to + (size_t)feed->max_batch * values;
    for (int64_t i = 0; i < n; i++) {
        size_t sample = (size_t)(feed->shuffled ? feed->host_order[first + i] : first + i);
        memcpy(to + (size_t)i * values, from + sample * values, values);
        if (answers)
            memcpy(answer_to + (size_t)i * answers, answer_from + sample * answers, answers);
    }
    CLADE_TRY(clade__tensor_write_begin(feed->values, 0, to, (size_t)n * values,
                                        &feed->sent[turn][0]));
    if (!answers) return CLADE_OK;
    return clade__tensor_write_begin(feed->labels ? feed->labels : feed->targets, 0, answer_to,
                                     (size_t)n * answers, &feed->sent[turn][1]);
}

clade_status clade__feed_next(clade__feed *feed, int64_t first, int64_t n)
{
    if (!feed->resident) return stream(feed, first, n);
    feed->first = (int32_t)first;
    return CLADE_OK;
}
