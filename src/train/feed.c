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
    feed->ids_at = (bytes + sizeof(int32_t) - 1) / sizeof(int32_t) * sizeof(int32_t);
    bytes = feed->ids_at + (size_t)feed->max_batch * sizeof(int32_t);
    for (int i = 0; i < 2; i++) {
        feed->stage[i] = malloc(bytes);
        if (!feed->stage[i]) return clade__fail(CLADE_ENOMEM, "no memory to stream the data");
    }
    return CLADE_OK;
}

/* Height and width, behind the channels where there are any. */
static const int64_t *image_of(const clade_data *data)
{
    int rank = data->shape.rank;
    return rank == 2 || rank == 3 ? &data->shape.dim[rank - 2] : NULL;
}

clade_status clade__feed_check_augment(const clade_data *data, const clade_augment *augment)
{
    const int64_t *image = image_of(data);
    char shape[64];
    if (!augment) return CLADE_OK;
    CLADE_WANT_UNUSED("fit", augment->reserved);
    CLADE_TRY(clade__data_want_samples(data, "augment"));
    if (!image)
        return clade__fail(
            CLADE_EINVAL,
            "augment: samples of '%s' are %s, want images, (channels, height, width) or "
            "(height, width)",
            data->name, clade__shape_text(shape, sizeof shape, data->shape));
    int64_t least = image[0] < image[1] ? image[0] : image[1];
    if (augment->crop >= 0 && augment->crop < least && augment->cutout >= 0 && augment->cutout < least)
        return CLADE_OK;
    return clade__fail(CLADE_EINVAL,
                       "augment: crop and cutout are %lld and %lld, want 0 to %lld, less than the "
                       "images of '%s'",
                       (long long)augment->crop, (long long)augment->cutout, (long long)(least - 1),
                       data->name);
}

static void open_augment(clade__feed *feed, const clade__feed_options *options)
{
    const clade_augment *a = options->augment;
    const int64_t *image = image_of(feed->data);
    if (a->crop == 0 && !a->flip && a->cutout == 0) return;
    feed->fed[0].augmented = true;
    feed->augment = (clade__augmentation){
        .image = {feed->data->shape.rank == 3 ? feed->data->shape.dim[0] : 1, image[0], image[1]},
        .crop = (int32_t)a->crop, .flip = a->flip, .cutout = (int32_t)a->cutout, .seed = options->seed,
        .epoch = &feed->epoch};
}

static clade_status open_feed(clade__feed *feed, const clade__sources *sources,
                              const clade__feed_options *options)
{
    int64_t n = feed->data->n_samples;
    feed->fed = calloc((size_t)sources->n + 1, sizeof *feed->fed);
    if (!feed->fed) return clade__fail(CLADE_ENOMEM, "no memory to feed the data");
    for (; feed->n_fed < sources->n; feed->n_fed++)
        feed->fed[feed->n_fed].source = &sources->list[feed->n_fed];
    if (options->augment) open_augment(feed, options);
    for (int i = 0; i < feed->n_fed; i++) CLADE_TRY(send_columns(&feed->fed[i], feed->device));
    if (feed->shuffled) {
        feed->host_order = malloc((size_t)n * sizeof *feed->host_order);
        if (!feed->host_order) return clade__fail(CLADE_ENOMEM, "no memory to shuffle the data");
    }
    if (!feed->resident) {
        CLADE_TRY(create_stages(feed));
        CLADE_TRY(create_tensors(feed, feed->max_batch));
        if (feed->n_fed == 0 || !feed->fed[0].augmented) return CLADE_OK;
        return clade_tensor_create(&feed->ids, feed->device, CLADE_INT32,
                                   CLADE_SHAPE(feed->max_batch), NULL);
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
    if (status == CLADE_OK) status = open_feed(feed, sources, options);
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
    (void)clade__transfer_wait(&feed->ids_sent[0]);
    (void)clade__transfer_wait(&feed->ids_sent[1]);
    clade_tensor_free(feed->ids);
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

static clade_status record_augmented(clade__feed *feed, const clade__fed *fed, clade_tensor *dst,
                                     clade__commands *commands)
{
    const clade__scaling *scaling = fed->source->scaling;
    const clade__rows_by by = {feed->order, &feed->first, scaling->scale, scaling->shift, fed->columns};
    clade__augmentation how = feed->augment;
    how.ids = feed->resident ? feed->order : feed->ids;
    return clade__gather_augmented(commands, dst, fed->tensor, &by, &how);
}

static clade_status record_source(clade__feed *feed, const clade__fed *fed, const clade__plan *plan,
                                  clade__commands *commands)
{
    const clade__source *source = fed->source;
    clade_tensor dst = clade__tensor_reshaped(tensor_for(plan, source),
                                              CLADE_SHAPE(plan->batch, source->cols));
    if (source->dtype == CLADE_INT32)
        return clade__gather_labels(commands, &dst, fed->tensor, feed->order, &feed->first);
    if (fed->augmented) return record_augmented(feed, fed, &dst, commands);
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
    feed->epoch = (int32_t)epoch;
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
static clade_status stream_source(clade__feed *feed, clade__fed *fed, int turn, int64_t first,
                                  int64_t n)
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

static clade_status stream_ids(clade__feed *feed, int turn, int64_t first, int64_t n)
{
    unsigned char *to = feed->stage[turn] + feed->ids_at;
    CLADE_TRY(clade__transfer_wait(&feed->ids_sent[turn]));
    memcpy(to, feed->host_order + first, (size_t)n * sizeof *feed->host_order);
    return clade__tensor_write_begin(feed->ids, 0, to, (size_t)n * sizeof *feed->host_order,
                                     &feed->ids_sent[turn]);
}

clade_status clade__feed_next(clade__feed *feed, int64_t first, int64_t n)
{
    if (feed->resident) {
        feed->first = (int32_t)first;
        return CLADE_OK;
    }
    int turn = feed->turn;
    feed->turn = 1 - turn;
    if (feed->ids) CLADE_TRY(stream_ids(feed, turn, first, n));
    for (int i = 0; i < feed->n_fed; i++)
        CLADE_TRY(stream_source(feed, &feed->fed[i], turn, first, n));
    return CLADE_OK;
}
