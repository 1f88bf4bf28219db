/* Random data, for benchmarks: how fast is a network of these sizes? There is nothing in it to
 * learn: features are normal, and labels uniform, whatever the features are.
 *
 * A sample is a function of (seed, part, index) alone and has a sequence of its own, so that
 * random?n=100 is the beginning of random?n=1000, and no test sample is a training sample.
 */
#include "data/spec.h"

#include "base/philox.h"

#define MOST_SAMPLES  10000000
#define MOST_FEATURES 1000000

static clade_status choose_answers(const clade__data_spec *spec, uint64_t *n_classes,
                                   uint64_t *n_targets)
{
    bool targets = clade__data_option(spec, "targets") != NULL;
    if (targets && clade__data_option(spec, "classes"))
        return clade__fail(CLADE_EINVAL, "random: both classes= and targets=; give one");
    *n_classes = targets ? 0 : 10;
    *n_targets = 0;
    CLADE_TRY(clade__data_option_number(spec, "classes", 2, CLADE__DATA_MAX_CLASSES, n_classes));
    return clade__data_option_number(spec, "targets", 1, MOST_FEATURES, n_targets);
}

/* Its label or targets first: what they are does not depend on the number of features. */
static void draw_sample(clade_data *data, int64_t index, uint64_t seed, bool test)
{
    uint64_t sequence = (uint64_t)index << 1 | test;
    clade__random random = clade__random_start(seed, sequence << 32 | CLADE__STREAM_RANDOM);
    int64_t cols = clade__data_cols(data);
    float *values = (float *)data->values + index * cols;
    if (data->labels)
        data->labels[index] = (int32_t)clade__random_below(&random, (uint32_t)data->n_classes);
    for (int64_t i = 0; i < data->n_targets; i++)
        data->targets[index * data->n_targets + i] = (float)clade__random_normal(&random);
    for (int64_t i = 0; i < cols; i++) values[i] = (float)clade__random_normal(&random);
}

clade_status clade__random_open(clade_data **out, const clade__data_spec *spec)
{
    uint64_t n = 1000, seed = 1, n_features = 0, n_classes, n_targets;
    CLADE_TRY(clade__data_option_number(spec, "n", 1, MOST_SAMPLES, &n));
    CLADE_TRY(clade__data_option_number(spec, "seed", 0, UINT64_MAX, &seed));
    CLADE_TRY(clade__data_option_number(spec, "features", 1, MOST_FEATURES, &n_features));
    CLADE_TRY(choose_answers(spec, &n_classes, &n_targets));
    if (n_features == 0)
        return clade__fail(CLADE_EINVAL, "random: how many features? Write "
                                         "random?features=1000&classes=10");
    CLADE_TRY(clade__data_create(out, (int64_t)n, CLADE_SHAPE((int64_t)n_features), CLADE_FLOAT32,
                                 (int)n_classes, (int64_t)n_targets));
    for (uint64_t i = 0; i < n; i++) draw_sample(*out, (int64_t)i, seed, spec->part != CLADE__TRAIN);
    return CLADE_OK;
}
