/* Words of warning: at its beginning of what a training can hardly learn from, at its end of what it has
 * not learnt. They change nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "train/fit.h"
#include "train/outputs.h"

/* ---- before it --------------------------------------------------------------------------------- */

/* The initial weights keep a signal's size where it is about 1, and the rates at which training is stable
 * fall with its square: at 20, to a four-hundredth. */
#define LARGE 20.0
#define LOOK_AT 1000 /* samples at most, spread over all */

enum { MOST_NAMED = 5 };

typedef struct sizes {
    double mean, deviation; /* of the feature that is largest by either */
    int64_t feature, n_large;
} sizes;

/* As values reach the network. */
static void measure(const clade__pass *pass, int64_t feature, int64_t step, sizes *s)
{
    const clade_data *data = pass->feed.data;
    const clade__source *samples = &pass->binding.sources.list[0];
    double mean = 0.0, squares = 0.0;
    int64_t n = 0;
    for (int64_t i = 0; i < data->n_samples; i += step) {
        double x = clade__source_value(samples, i, feature);
        double off = x - mean; /* Welford 1962 */
        mean += off / (double)++n;
        squares += off * (x - mean);
    }
    double deviation = sqrt(squares / (double)n), size = fmax(fabs(mean), deviation);
    if (!(size > LARGE)) return;
    if (s->n_large++ > 0 && size <= fmax(fabs(s->mean), s->deviation)) return;
    s->mean = mean;
    s->deviation = deviation;
    s->feature = feature;
}

static void name_feature(char *out, size_t out_bytes, const clade_data *data, int64_t feature)
{
    clade_column_info column;
    snprintf(out, out_bytes, "%lld", (long long)feature);
    for (int i = 0; i < clade_schema_n_columns(data->schema); i++)
        if (clade_schema_column(data->schema, i, &column) == CLADE_OK && column.name &&
            feature >= column.first_feature && feature < column.first_feature + column.n_features)
            snprintf(out, out_bytes, "'%.60s'", column.name);
}

static clade_status warn_of_large_values(clade__fit *f)
{
    const clade_data *data = f->train.feed.data;
    int64_t cols = clade__data_cols(data), step = (data->n_samples + LOOK_AT - 1) / LOOK_AT;
    sizes s = {0};
    char name[80], text[480];
    for (int64_t c = 0; c < cols; c++) measure(&f->train, c, step, &s);
    if (s.n_large == 0) return CLADE_OK;
    name_feature(name, sizeof name, data, s.feature);
    clade__format(text, sizeof text, "%lld of %lld features reach the network as large numbers, feature "
                  "%s with mean %.4g and deviation %.4g: training gets slow or diverges; standardize the "
                  "data (--standardize) or, if these are bytes of images, scale them "
                  "(npy:...?scale=1/255, or in a config data: {scale: 0.00392157})",
                  (long long)s.n_large, (long long)cols, name, s.mean, s.deviation);
    return clade__fit_tell(f, text);
}

/* Classes that are declared, or in the other parts of a file, and not in what is trained on. */
static clade_status warn_of_missing_classes(clade__fit *f)
{
    const clade_data *data = f->train.feed.data;
    if (!data->labels) return CLADE_OK;
    bool *seen = calloc((size_t)data->n_classes, sizeof *seen);
    if (!seen) return clade__fail(CLADE_ENOMEM, "no memory for %d classes", data->n_classes);
    for (int64_t i = 0; i < data->n_samples; i++) seen[data->labels[i]] = true;
    clade__text text = {0};
    int n = 0;
    for (int i = 0; i < data->n_classes; i++) {
        if (seen[i] || n++ >= MOST_NAMED) continue;
        clade__text_append(&text, "%s", n > 1 ? ", " : "no sample of the training data is of class ");
        if (data->class_names)
            clade__text_append(&text, "'%.60s'", data->class_names[i]);
        else
            clade__text_append(&text, "%d", i);
    }
    free(seen);
    if (n > MOST_NAMED) clade__text_append(&text, " and %d more", n - MOST_NAMED);
    clade__text_append(&text, ": the network cannot learn to tell %s; see how the data was chosen, or take "
                       "more of it", n == 1 ? "it" : "them");
    clade_status status = text.failed ? clade__fail(CLADE_ENOMEM, "no memory for a warning") : CLADE_OK;
    if (status == CLADE_OK && n > 0) status = clade__fit_tell(f, text.data);
    clade__text_free(&text);
    return status;
}

/* Both losses take logits. */
static clade_status warn_of_double_activation(clade__fit *f)
{
    const char *last = f->model->output->layer->type->name, *loss = NULL;
    char text[320];
    if (f->model->loss == CLADE_LOSS_CROSS_ENTROPY && strcmp(last, "softmax") == 0) loss = "cross_entropy";
    if (f->model->loss == CLADE_LOSS_BCE_WITH_LOGITS && strcmp(last, "sigmoid") == 0)
        loss = "bce_with_logits";
    if (!loss) return CLADE_OK;
    snprintf(text, sizeof text, "the network ends in %s, and %s has its own inside: of both, gradients become "
             "small and training slow; leave the last layer out, predictions are probabilities all the same",
             last, loss);
    return clade__fit_tell(f, text);
}

clade_status clade__fit_warn_before(clade__fit *f)
{
    if (f->train.feed.data->n_fields > 0) return CLADE_OK; /* what each is, only the network's maker knows */
    CLADE_TRY(warn_of_large_values(f));
    CLADE_TRY(warn_of_missing_classes(f));
    return warn_of_double_activation(f);
}

/* ---- after it ---------------------------------------------------------------------------------- */

/* How many times the loss of an answer that is always the same is more than training leaves to chance. */
#define FAR_TOO_LARGE 4.0

/* Of the targets about their means, a sample's mean over its targets: the least mse of a constant. */
static double variance_of_targets(const clade_data *data)
{
    double sum = 0.0;
    for (int64_t c = 0; c < data->n_targets; c++) {
        double mean = 0.0, squares = 0.0;
        for (int64_t i = 0; i < data->n_samples; i++) {
            double x = (double)data->targets[i * data->n_targets + c], off = x - mean;
            mean += off / (double)(i + 1);
            squares += off * (x - mean);
        }
        sum += squares / (double)data->n_samples;
    }
    return sum / (double)data->n_targets;
}

static clade_status warn_of_large_loss(clade__fit *f)
{
    const clade_data *data = f->train.feed.data;
    double loss = f->state.train.loss, of_constant = log(2.0);
    char text[400];
    if (f->model->loss == CLADE_LOSS_CROSS_ENTROPY)
        of_constant = log((double)clade_shape_elements(f->model->output->shape));
    if (f->model->loss == CLADE_LOSS_MSE) of_constant = data->labels ? 0.25 : variance_of_targets(data);
    if (!(of_constant > 0.0) || loss <= FAR_TOO_LARGE * of_constant) return CLADE_OK;
    clade__format(text, sizeof text, "the loss of the last epoch, %.4g, is %.2g times that of the same "
                  "answer for every sample: the network has not learnt; try to standardize the data "
                  "(--standardize)%s, or a smaller learning rate", loss, loss / of_constant,
                  data->targets ? ", to scale the targets" : "");
    return clade__fit_tell(f, text);
}

/* *answer is the class of all samples, -1 where there is more than one. */
static clade_status find_only_answer(clade__fit *f, clade_data *data, int32_t *answer)
{
    int64_t n_outputs = clade_shape_elements(f->model->output->shape);
    int64_t chunk = clade__predict_chunk(n_outputs, data->n_samples);
    float *y = malloc((size_t)(chunk * n_outputs) * sizeof *y);
    clade_status status = y ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for predictions");
    bool same = true;
    *answer = -1;
    for (int64_t first = 0; status == CLADE_OK && same && first < data->n_samples; first += chunk) {
        int64_t left = data->n_samples - first, n = left < chunk ? left : chunk;
        status = clade_predict(f->model, data, first, n, true, y);
        for (int64_t i = 0; status == CLADE_OK && same && i < n; i++) {
            int32_t class = (int32_t)clade__class_of(f->model, y + i * n_outputs);
            if (first + i == 0) *answer = class;
            same = class == *answer;
        }
    }
    if (!same) *answer = -1;
    free(y);
    return status;
}

/* Only where as many answers are right as one class has samples, among several classes: else there was more
 * than one answer, and nothing is predicted to find out. */
static clade_status may_be_one_answer(const clade__fit *f, const clade_data *data, bool *may)
{
    const int32_t *labels = f->valid.binding.labels ? f->valid.binding.labels : data->labels;
    int64_t n_classes = clade__model_n_known(f->model), n_present = 0;
    int64_t n_hits = llround(f->state.valid.accuracy * (double)data->n_samples);
    int64_t *counts = calloc((size_t)n_classes, sizeof *counts);
    if (!counts) return clade__fail(CLADE_ENOMEM, "no memory for %lld classes", (long long)n_classes);
    for (int64_t i = 0; i < data->n_samples; i++) counts[labels[i]]++;
    *may = false;
    for (int64_t c = 0; c < n_classes; c++) {
        n_present += counts[c] > 0;
        *may = *may || counts[c] == n_hits;
    }
    *may = *may && n_present > 1;
    free(counts);
    return CLADE_OK;
}

static clade_status warn_of_one_answer(clade__fit *f)
{
    clade_data *data = f->options->validate;
    char name[80], text[320];
    bool may = false;
    int32_t answer;
    if (!data || !data->labels || !isfinite(f->state.valid.loss)) return CLADE_OK;
    CLADE_TRY(may_be_one_answer(f, data, &may));
    if (!may) return CLADE_OK;
    CLADE_TRY(find_only_answer(f, data, &answer));
    if (answer < 0) return CLADE_OK;
    snprintf(name, sizeof name, "%d", answer);
    if (f->model->class_names && answer < f->model->n_classes)
        snprintf(name, sizeof name, "'%.60s'", f->model->class_names[answer]);
    snprintf(text, sizeof text, "the network answers class %s to all %lld samples of the validation data: it "
             "has learnt nothing that tells them apart; try to standardize the data (--standardize), a "
             "smaller learning rate, or more epochs", name, (long long)data->n_samples);
    return clade__fit_tell(f, text);
}

clade_status clade__fit_warn_after(clade__fit *f)
{
    if (f->state.epochs == 0 || f->train.feed.data->n_fields > 0) return CLADE_OK;
    CLADE_TRY(warn_of_large_loss(f));
    return warn_of_one_answer(f);
}
