/* What a network's outputs say, once they are on the host. */
#include <math.h>

#include <clade/train.h>

#include "train/outputs.h"

enum { MOST_SAMPLES = 4096, LEAST_SAMPLES = 64 }; /* of a chunk */
#define MOST_VALUES 4194304 /* unless they are of fewer than LEAST_SAMPLES */

int64_t clade__predict_chunk(int64_t n_outputs, int64_t n_samples)
{
    int64_t n = MOST_VALUES / n_outputs;
    n = n < LEAST_SAMPLES ? LEAST_SAMPLES : n > MOST_SAMPLES ? MOST_SAMPLES : n;
    return n < n_samples ? n : n_samples;
}

bool clade__outputs_finite(const float *outputs, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(outputs[i])) return false;
    return true;
}

static int64_t first_largest(const float *outputs, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (outputs[i] > outputs[best]) best = i;
    return best;
}

int64_t clade__class_of(const clade_model *model, const float *outputs)
{
    int64_t n = clade_shape_elements(model->output->shape);
    return n == 1 ? outputs[0] > clade__model_threshold(model) : first_largest(outputs, n);
}

void clade__outputs_in_units(const clade_model *model, int64_t n, float *outputs)
{
    int64_t each = clade_shape_elements(model->output->shape);
    bool plain = true;
    for (int64_t c = 0; model->schema && c < model->schema->n_targets; c++)
        plain = plain && model->schema->targets[c].center == 0.0 &&
                model->schema->targets[c].scale == 1.0;
    if (plain || model->loss != CLADE_LOSS_MSE) return;
    for (int64_t i = 0; i < n * each; i++)
        outputs[i] =
            (float)clade__schema_target_value(model->schema, i % each, (double)outputs[i]);
}

static void softmax(const float *x, int64_t n, float *p)
{
    double top = (double)x[first_largest(x, n)], sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += exp((double)x[i] - top);
    for (int64_t i = 0; i < n; i++) p[i] = (float)(exp((double)x[i] - top) / sum);
}

clade_status clade_model_probabilities(const clade_model *model, int64_t n, const float *raw,
                                       float *probabilities)
{
    CLADE_WANT(model);
    CLADE_WANT(raw);
    CLADE_WANT(probabilities);
    CLADE_TRY(clade__check_compiled(model, "probabilities", false));
    int64_t outputs = clade_shape_elements(model->output->shape);
    int64_t cols = clade__shape_cols(model->output->shape); /* of a row of logits */
    bool is_float = model->output->dtype == CLADE_FLOAT32; /* else it is a class */
    for (int64_t i = 0; i < n; i++) {
        const float *x = raw + i * outputs;
        float *p = probabilities + i * outputs;
        bool finite = clade__outputs_finite(x, outputs);
        if (finite && is_float && model->loss == CLADE_LOSS_CROSS_ENTROPY) {
            for (int64_t c = 0; c < outputs; c += cols) softmax(x + c, cols, p + c);
            continue;
        }
        bool sigmoid = is_float && model->loss == CLADE_LOSS_BCE_WITH_LOGITS;
        for (int64_t c = 0; c < outputs; c++) {
            double one = sigmoid ? 1.0 / (1.0 + exp(-(double)x[c])) : (double)x[c];
            p[c] = finite ? (float)one : NAN;
        }
    }
    clade__outputs_in_units(model, n, probabilities);
    return CLADE_OK;
}
