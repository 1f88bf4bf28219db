/* What a pass sums, and what that comes to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/pass.h"

/* ---- what an evaluation sums beside a step's sums ---------------------------------------------- */

/* Of the first loss: top five of classes, errors of numbers. Nothing more is launched in training. */
static unsigned more_sums(const clade__graph *graph, bool training, bool has_labels)
{
    const clade__loss *loss = &graph->losses[0];
    if (training) return 0;
    if (has_labels)
        return clade__shape_cols(loss->prediction->shape) > 5 ? CLADE__SUM_BIT(TOP_5_HITS) : 0;
    return loss->kind == CLADE_LOSS_MSE ? CLADE__ERROR_SUMS : 0;
}

uint64_t clade__pass_more_bytes(const clade_model *model, int64_t n_samples, bool has_labels)
{
    const clade__loss *loss = &model->graph.losses[0];
    int64_t batch = model->exe.infer_batch < n_samples ? model->exe.infer_batch : n_samples;
    unsigned set = more_sums(&model->graph, false, has_labels);
    int64_t rows = clade__loss_rows(loss, batch), n_batches = (n_samples + batch - 1) / batch;
    int64_t cols = set & CLADE__ERROR_SUMS ? clade__shape_cols(loss->prediction->shape) : 0;
    return (uint64_t)(clade__n_sums(set) * (n_batches + rows) + cols) * sizeof(float);
}

/* The means of the targets' columns, near which deviations lose no digits. */
static clade_status send_center(clade__pass *pass, const clade__source *source, int64_t cols)
{
    int64_t rows = source->cols / cols;
    double *sums = calloc((size_t)cols, sizeof *sums);
    float *center = malloc((size_t)cols * sizeof *center);
    clade_status status = CLADE_OK;
    if (!sums || !center) status = clade__fail(CLADE_ENOMEM, "no memory for the metrics");
    for (int64_t s = 0; status == CLADE_OK && s < pass->n_samples; s++)
        for (int64_t i = 0; i < source->cols; i++) sums[i % cols] += clade__source_value(source, s, i);
    for (int64_t c = 0; status == CLADE_OK && c < cols; c++)
        center[c] = (float)(sums[c] / (double)(pass->n_samples * rows));
    if (status == CLADE_OK)
        status = clade_tensor_create(&pass->more.center, pass->model->device, CLADE_FLOAT32,
                                     CLADE_SHAPE(cols), center);
    free(sums);
    free(center);
    return status;
}

static clade_status open_more(clade__pass *pass)
{
    const clade__graph *graph = &pass->model->graph;
    const clade__loss *loss = &graph->losses[0];
    clade__pass_more *more = &pass->more;
    more->set = more_sums(graph, pass->training, pass->losses[0].counts.has_labels);
    int64_t n = clade__n_sums(more->set), rows = clade__loss_rows(loss, pass->feed.max_batch);
    if (n == 0) return CLADE_OK;
    more->host = calloc((size_t)pass->n_batches, (size_t)n * sizeof *more->host);
    if (!more->host) return clade__fail(CLADE_ENOMEM, "no memory for the metrics");
    if (more->set & CLADE__ERROR_SUMS)
        CLADE_TRY(send_center(pass, clade__source_of_loss(&pass->binding.sources, graph, 0),
                              clade__shape_cols(loss->prediction->shape)));
    CLADE_TRY(clade_tensor_create(&more->sums, pass->model->device, CLADE_FLOAT32,
                                  CLADE_SHAPE(pass->n_batches, n), NULL));
    return clade_tensor_create(&more->values, pass->model->device, CLADE_FLOAT32, CLADE_SHAPE(n, rows),
                               NULL);
}

static clade_status record_more(clade__pass *pass, const clade__plan *plan, clade__commands *commands)
{
    const clade__loss *loss = &pass->model->graph.losses[0];
    const clade__plan_loss *l = &plan->losses[0];
    int64_t cols = clade__shape_cols(loss->prediction->shape);
    if (!pass->more.set) return CLADE_OK;
    clade_tensor y = clade__plan_view(plan, loss->prediction, plan->layout->y[loss->prediction->index]);
    y = clade__tensor_reshaped(&y, CLADE_SHAPE(l->rows, cols));
    clade_tensor values = clade__tensor_reshaped(pass->more.values,
                                                 CLADE_SHAPE(clade__n_sums(pass->more.set), l->rows));
    const clade__metric_source source = {
        .y = &y, .labels = l->has_labels ? &l->labels : NULL,
        .target = l->has_labels ? NULL : &l->target, .center = pass->more.center,
        .rule = {.n_classes = cols > 1 ? cols : 2, .has_ignore = loss->ignores,
                 .ignore_index = loss->ignore_index}};
    return clade__metrics_sum(commands, pass->more.sums, &pass->slot, &values, pass->more.set, &source,
                              plan->add);
}

clade_status clade__pass_read_more(clade__pass *pass, int64_t from, int64_t to)
{
    clade__transfer transfer = {0};
    int n = clade__n_sums(pass->more.set);
    size_t row = (size_t)n * sizeof(float);
    if (n == 0 || from == to) return CLADE_OK;
    CLADE_TRY(clade__tensor_read_begin(pass->more.sums, (size_t)from * row, pass->more.host + from * n,
                                       (size_t)(to - from) * row, &transfer));
    return clade__transfer_wait(&transfer);
}

/* ---- a step's sums ----------------------------------------------------------------------------- */

clade_status clade__pass_sums_open(clade__pass *pass)
{
    int64_t n = pass->n_batches * pass->n_losses;
    pass->host_sums = calloc((size_t)n, CLADE__N_SUMS * sizeof *pass->host_sums);
    if (!pass->host_sums) return clade__fail(CLADE_ENOMEM, "no memory for the metrics");
    CLADE_TRY(clade_tensor_create(&pass->sums, pass->model->device, CLADE_FLOAT32,
                                  CLADE_SHAPE(n, CLADE__N_SUMS), NULL));
    return open_more(pass);
}

void clade__pass_sums_close(clade__pass *pass)
{
    clade_tensor_free(pass->sums);
    free(pass->host_sums);
    clade_tensor_free(pass->more.sums);
    clade_tensor_free(pass->more.values);
    clade_tensor_free(pass->more.center);
    free(pass->more.host);
}

clade_status clade__pass_sums_record(clade__pass *pass, const clade__plan *plan,
                                     clade__commands *commands)
{
    for (int i = 0; i < pass->n_losses; i++) {
        const clade__plan_loss *loss = &plan->losses[i];
        CLADE_TRY(clade__metrics_store(commands, pass->sums, &pass->losses[i].slot, &loss->loss,
                                       loss->has_labels ? &loss->hit : NULL, plan->add));
    }
    return record_more(pass, plan, commands);
}

/* The sums of one loss over one batch. */
static float *sums_of(const clade__pass *pass, int64_t index, int loss)
{
    return pass->host_sums + CLADE__N_SUMS * (index * pass->n_losses + loss);
}

void clade__pass_clear_sums(clade__pass *pass)
{
    size_t n = (size_t)pass->n_batches, n_more = (size_t)clade__n_sums(pass->more.set);
    memset(pass->host_sums, 0, n * (size_t)pass->n_losses * CLADE__N_SUMS * sizeof *pass->host_sums);
    if (n_more > 0) memset(pass->more.host, 0, n * n_more * sizeof *pass->more.host);
}

clade_status clade__pass_sum_up(clade__pass *pass, int64_t from, int64_t to)
{
    int64_t row = pass->n_losses * CLADE__N_SUMS, n_more = clade__n_sums(pass->more.set);
    if (from == to) return CLADE_OK;
    for (int64_t i = from; i < to; i++) /* the device has what it did in another epoch */
        if (!clade__pass_is_mine(pass, i)) memset(sums_of(pass, i, 0), 0, (size_t)row * sizeof(float));
    CLADE_TRY(clade__ranks_sum_floats(pass->ranks, sums_of(pass, from, 0), (to - from) * row));
    if (n_more == 0) return CLADE_OK;
    return clade__ranks_sum_floats(pass->ranks, pass->more.host + from * n_more, (to - from) * n_more);
}

clade_status clade__pass_read_begin(clade__pass *pass, int64_t from, int64_t to,
                                    clade__transfer *transfer)
{
    size_t row = (size_t)pass->n_losses * CLADE__N_SUMS * sizeof(float);
    return clade__tensor_read_begin(pass->sums, (size_t)from * row, sums_of(pass, from, 0),
                                    (size_t)(to - from) * row, transfer);
}

clade_status clade__pass_read_loss(clade__pass *pass, float *loss)
{
    clade__transfer transfer = {0};
    CLADE_TRY(clade__pass_read_begin(pass, pass->slot, pass->slot + 1, &transfer));
    CLADE_TRY(clade__transfer_wait(&transfer));
    *loss = 0.0f;
    for (int i = 0; i < pass->n_losses; i++) *loss += sums_of(pass, pass->slot, i)[CLADE__SUM_LOSS];
    return CLADE_OK;
}

bool clade__pass_is_finite(const clade__pass *pass, int64_t index)
{
    for (int i = 0; i < pass->n_losses; i++)
        if (!isfinite(sums_of(pass, index, i)[CLADE__SUM_LOSS])) return false;
    return true;
}

/* ---- metrics ----------------------------------------------------------------------------------- */

/* Of one loss over some batches. */
typedef struct totals {
    double loss;    /* with weights: a batch's mean, for as many rows as it has */
    double hits, n_not_finite;
    double rows;    /* that the loss is the mean of */
    double counted; /* that have a right answer */
} totals;

static void add_batch(const clade__pass *pass, int64_t index, int loss, totals *t)
{
    const clade__row_counts *counts = &pass->losses[loss].counts;
    const float *sums = sums_of(pass, index, loss);
    double n = (double)(clade__pass_n_in(pass, index) * counts->rows),
           of_batch = (double)sums[CLADE__SUM_LOSS];
    double total = counts->labels ? (double)counts->host_totals[index] : n;
    if (counts->weights) {
        of_batch *= total > 0.0 ? n / total : 0.0;
        total = n;
    }
    t->loss += of_batch;
    t->rows += total;
    t->counted += counts->labels ? counts->counted[index] : n;
    t->hits += (double)sums[CLADE__SUM_HITS];
    t->n_not_finite += (double)sums[CLADE__SUM_NOT_FINITE];
}

/* 0 for a mean of nothing. */
static double share_of(double n)
{
    return n > 0.0 ? 1.0 / n : 0.0;
}

/* What only an evaluation has, of the first loss; its mean is exact but for label smoothing. */
static void add_more(const clade__pass *pass, int64_t n, const totals *t, clade_metrics *metrics)
{
    const clade__loss *loss = &pass->model->graph.losses[0];
    double sums[CLADE__N_ALL_SUMS] = {[CLADE__SUM_LOSS] = t->loss, [CLADE__SUM_COUNTED] = t->counted};
    int64_t cols = clade__shape_cols(loss->prediction->shape), n_more = clade__n_sums(pass->more.set);
    if (pass->training) return;
    for (int64_t i = 0; i < n; i++)
        clade__sums_take(sums, pass->more.set, pass->more.host + i * n_more);
    if (loss->kind == CLADE_LOSS_CROSS_ENTROPY && loss->label_smoothing == 0.0f)
        metrics->perplexity = clade__metrics_value(CLADE__METRIC_PERPLEXITY, sums, cols);
    if (pass->more.set & CLADE__SUM_BIT(TOP_5_HITS))
        metrics->top5_accuracy = clade__metrics_value(CLADE__METRIC_TOP_5, sums, cols);
    if (!(pass->more.set & CLADE__ERROR_SUMS)) return;
    metrics->mae = clade__metrics_value(CLADE__METRIC_MEAN_ABSOLUTE_ERROR, sums, cols);
    metrics->r2 = clade__metrics_value(CLADE__METRIC_R2, sums, cols);
}

clade_metrics clade__pass_metrics(const clade__pass *pass, int64_t n)
{
    const clade__graph *graph = &pass->model->graph;
    clade_metrics metrics = clade__no_metrics();
    metrics.n_samples = n == pass->n_batches ? pass->n_samples : n * pass->batch;
    for (int l = 0; l < pass->n_losses; l++) {
        totals t = {0};
        for (int64_t i = 0; i < n; i++) add_batch(pass, i, l, &t);
        metrics.loss += (double)graph->losses[l].weight * (t.loss * share_of(t.rows));
        if (isnan(metrics.accuracy) && pass->losses[l].counts.has_labels)
            metrics.accuracy = t.hits * share_of(t.counted);
        if (l == 0 || t.n_not_finite > (double)metrics.n_not_finite)
            metrics.n_not_finite = (int64_t)t.n_not_finite;
        if (l == 0) add_more(pass, n, &t, &metrics);
    }
    return metrics;
}

/* ---- by name ----------------------------------------------------------------------------------- */

clade_metrics clade__no_metrics(void)
{
    const double none = (double)NAN;
    return (clade_metrics){.accuracy = none, .top5_accuracy = none, .perplexity = none, .mae = none,
                           .r2 = none};
}

static const struct {
    const char *name;
    size_t offset;
} names[] = {{"loss", offsetof(clade_metrics, loss)},
             {"accuracy", offsetof(clade_metrics, accuracy)},
             {"top5_accuracy", offsetof(clade_metrics, top5_accuracy)},
             {"perplexity", offsetof(clade_metrics, perplexity)},
             {"mae", offsetof(clade_metrics, mae)},
             {"r2", offsetof(clade_metrics, r2)}};

enum { N_NAMES = sizeof names / sizeof *names };

const char *clade_metric_name(int index)
{
    return index >= 0 && index < N_NAMES ? names[index].name : NULL;
}

double clade_metric_value(const clade_metrics *metrics, const char *name)
{
    for (int i = 0; metrics && name && i < N_NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return *(const double *)((const char *)metrics + names[i].offset);
    return (double)NAN;
}
