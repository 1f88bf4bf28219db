/* Standardising: what a network sees of each feature has mean 0 and standard deviation 1 over the
 * samples. */
#include "data/dataset.h"

#include <float.h>
#include <stdlib.h>

#include "data/moments.h"

static double value_at(const clade_data *data, int64_t i)
{
    return data->dtype == CLADE_UINT8 ? (double)((const uint8_t *)data->values)[i]
                                      : (double)((const float *)data->values)[i];
}

clade_status clade__data_standardize_targets(clade_data *data)
{
    int64_t n = data->n_samples, n_targets = data->n_targets;
    CLADE_TRY(clade__schema_create(&data->schema, 0, n_targets));
    for (int64_t k = 0; k < n_targets; k++) {
        clade__target *target = &data->schema->targets[k];
        clade__moments m = {0};
        for (int64_t i = 0; i < n; i++) clade__moments_add(&m, (double)data->targets[i * n_targets + k]);
        double mean = clade__moments_mean(&m);
        for (int64_t i = 0; i < n; i++)
            clade__moments_add_square(&m, (double)data->targets[i * n_targets + k], mean);
        clade__moments_standard(&m, DBL_MAX, &target->center, &target->scale);
        for (int64_t i = 0; i < n; i++) {
            float *at = &data->targets[i * n_targets + k];
            *at = (float)(((double)*at - target->center) * target->scale);
        }
    }
    return clade__schema_seal(data->schema);
}

/* moments (n_groups), zeroed, becomes that of each group of `each` values of a sample. */
static void measure(const clade_data *data, int64_t n_groups, int64_t each, clade__moments *moments,
                    double *mean)
{
    int64_t n = data->n_samples, at = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < n_groups; g++)
            for (int64_t k = 0; k < each; k++) clade__moments_add(&moments[g], value_at(data, at++));
    for (int64_t g = 0; g < n_groups; g++) mean[g] = clade__moments_mean(&moments[g]);
    at = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t g = 0; g < n_groups; g++)
            for (int64_t k = 0; k < each; k++)
                clade__moments_add_square(&moments[g], value_at(data, at++), mean[g]);
}

/* One scale and shift for each group of `each` values of a sample that follow one another. */
static clade_status standardize(clade_data *data, int64_t each)
{
    int64_t cols = clade__data_cols(data), n_groups = cols / each;
    clade__moments *moments = calloc((size_t)n_groups, sizeof *moments);
    double *columns = malloc(2 * (size_t)cols * sizeof *columns), *mean = columns + cols;
    if (!moments || !columns) {
        free(moments);
        free(columns);
        return clade__fail(CLADE_ENOMEM, "data: no memory to standardize it");
    }
    measure(data, n_groups, each, moments, mean); /* until the shifts take its place */
    for (int64_t c = 0; c < cols; c++) {
        double center;
        clade__moments_standard(&moments[c / each], (double)FLT_MAX, &center, &columns[c]);
        columns[cols + c] = -center * columns[c];
    }
    free(moments);
    clade__scaling_free(&data->scaling);
    data->scaling = (clade__scaling){1.0f, 0.0f, columns, cols};
    return CLADE_OK;
}

clade_status clade_data_standardize(clade_data *data)
{
    CLADE_WANT(data);
    CLADE_TRY(clade__data_want_samples(data, "standardize"));
    return standardize(data, 1);
}

clade_status clade_data_standardize_channels(clade_data *data)
{
    CLADE_WANT(data);
    CLADE_TRY(clade__data_want_samples(data, "standardize channels"));
    const int64_t *dim = data->shape.dim;
    int rank = data->shape.rank;
    if (rank == 2 || rank == 3) return standardize(data, dim[rank - 2] * dim[rank - 1]);
    return clade__fail(CLADE_EINVAL, "standardize channels: samples of '%s' have %d dimensions, want images, "
                       "(channels, height, width) or (height, width)", data->name, rank);
}
