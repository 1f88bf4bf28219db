/* Standardising: what a network sees of each feature has mean 0 and standard deviation 1 over the
 * samples.
 *
 * As scikit-learn's StandardScaler: in double precision, the variance of the samples themselves (of
 * n, not n - 1), and a feature that is constant is only centred. The first sample is subtracted
 * before the sum for the mean, so that a constant feature's is exact, and its variance exactly 0.
 */
#include "data/dataset.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static double value_at(const clade_data *data, int64_t i)
{
    return data->dtype == CLADE_UINT8 ? (double)((const uint8_t *)data->values)[i]
                                      : (double)((const float *)data->values)[i];
}

/* Mean and variance (cols) of each feature. */
static void measure(const clade_data *data, int64_t cols, double *mean, double *variance)
{
    int64_t n = data->n_samples;
    for (int64_t c = 0; c < cols; c++) mean[c] = variance[c] = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < cols; c++)
            mean[c] += value_at(data, i * cols + c) - value_at(data, c);
    for (int64_t c = 0; c < cols; c++) mean[c] = value_at(data, c) + mean[c] / (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < cols; c++) {
            double difference = value_at(data, i * cols + c) - mean[c];
            variance[c] += difference * difference;
        }
    for (int64_t c = 0; c < cols; c++) variance[c] /= (double)n;
}

clade_status clade__data_standardize_targets(clade_data *data)
{
    int64_t n = data->n_samples, n_targets = data->n_targets;
    CLADE_TRY(clade__schema_create(&data->schema, 0, n_targets));
    for (int64_t k = 0; k < n_targets; k++) {
        clade__target *target = &data->schema->targets[k];
        double first = (double)data->targets[k], mean = 0.0, variance = 0.0;
        for (int64_t i = 0; i < n; i++) mean += (double)data->targets[i * n_targets + k] - first;
        target->center = first + mean / (double)n;
        for (int64_t i = 0; i < n; i++) {
            double difference = (double)data->targets[i * n_targets + k] - target->center;
            variance += difference * difference;
        }
        double scale = 1.0 / sqrt(variance / (double)n);
        target->scale = scale <= DBL_MAX ? scale : 1.0;
        for (int64_t i = 0; i < n; i++) {
            float *at = &data->targets[i * n_targets + k];
            *at = (float)(((double)*at - target->center) * target->scale);
        }
    }
    return clade__schema_seal(data->schema);
}

clade_status clade_data_standardize(clade_data *data)
{
    CLADE_WANT(data);
    int64_t cols = clade__data_cols(data);
    double *mean = malloc((size_t)cols * sizeof *mean);
    double *variance = malloc((size_t)cols * sizeof *variance);
    double *columns = malloc(2 * (size_t)cols * sizeof *columns);
    if (!mean || !variance || !columns) {
        free(mean);
        free(variance);
        free(columns);
        return clade__fail(CLADE_ENOMEM, "data: no memory to standardize it");
    }
    measure(data, cols, mean, variance);
    for (int64_t c = 0; c < cols; c++) {
        double scale = 1.0 / sqrt(variance[c]);
        columns[c] = scale <= (double)FLT_MAX ? scale : 1.0; /* constant as far as seen */
        columns[cols + c] = -mean[c] * columns[c];
    }
    free(mean);
    free(variance);
    clade__scaling_free(&data->scaling);
    data->scaling = (clade__scaling){1.0f, 0.0f, columns, cols};
    return CLADE_OK;
}
