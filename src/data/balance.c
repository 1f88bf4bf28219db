#include "data/balance.h"

#include <stdlib.h>

#include "base/philox.h"

static int64_t *count_labels(const int32_t *labels, int64_t n, int n_classes)
{
    int64_t *counts = calloc((size_t)n_classes + 1, sizeof *counts);
    for (int64_t i = 0; counts && i < n; i++) counts[labels[i]]++;
    return counts;
}

clade_status clade__class_lists_open(clade__class_lists *lists, const int32_t *labels, int64_t n,
                                     int n_classes)
{
    *lists = (clade__class_lists){.starts = calloc((size_t)n_classes + 1, sizeof *lists->starts),
                                  .samples = malloc((size_t)n * sizeof *lists->samples)};
    int64_t *next = count_labels(labels, n, n_classes), at = 0;
    if (!lists->starts || !lists->samples || !next) {
        free(next);
        clade__class_lists_close(lists);
        return clade__fail(CLADE_ENOMEM, "no memory to draw the samples of %d classes", n_classes);
    }
    for (int c = 0; c < n_classes; c++) {
        int64_t count = next[c];
        next[c] = at;
        if (count > 0) lists->starts[lists->n_classes++] = at;
        at += count;
    }
    lists->starts[lists->n_classes] = at;
    for (int64_t i = 0; i < n; i++) lists->samples[next[labels[i]]++] = (int32_t)i;
    free(next);
    return CLADE_OK;
}

void clade__class_lists_close(clade__class_lists *lists)
{
    free(lists->starts);
    free(lists->samples);
    *lists = (clade__class_lists){0};
}

void clade__draw_balanced(int32_t *order, int64_t n, const clade__class_lists *lists, uint64_t seed,
                          int64_t epoch)
{
    clade__random random = clade__random_epoch(seed, CLADE__STREAM_BALANCED, epoch);
    for (int64_t i = 0; i < n; i++) {
        uint32_t c = clade__random_below(&random, (uint32_t)lists->n_classes);
        int64_t first = lists->starts[c], count = lists->starts[c + 1] - first;
        order[i] = lists->samples[first + clade__random_below(&random, (uint32_t)count)];
    }
}

clade_status clade_data_class_weights(const clade_data *data, float *weights)
{
    CLADE_WANT(data);
    CLADE_WANT(weights);
    if (!data->labels)
        return clade__fail(CLADE_EINVAL, "'%s' has no classes to balance", data->name);
    int64_t *counts = count_labels(data->labels, data->n_samples, data->n_classes);
    double n_there = 0.0;
    if (!counts) return clade__fail(CLADE_ENOMEM, "no memory for %d weights", data->n_classes);
    for (int c = 0; c < data->n_classes; c++) n_there += counts[c] > 0;
    for (int c = 0; c < data->n_classes; c++)
        weights[c] = counts[c] ? (float)((double)data->n_samples / (n_there * (double)counts[c]))
                               : 1.0f;
    free(counts);
    return CLADE_OK;
}
