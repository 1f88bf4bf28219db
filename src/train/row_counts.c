#include "train/row_counts.h"

#include <stdlib.h>

static clade_status take_memory(clade__row_counts *counts, const clade__row_counts_options *options)
{
    int64_t n = options->n_batches;
    counts->host_totals = calloc((size_t)n, sizeof *counts->host_totals);
    counts->counted = calloc((size_t)n, sizeof *counts->counted);
    if (!counts->host_totals || !counts->counted)
        return clade__fail(CLADE_ENOMEM, "no memory for %lld totals", (long long)n);
    if (!options->training) return CLADE_OK;
    return clade_tensor_create(&counts->totals, options->device, CLADE_FLOAT32, CLADE_SHAPE(n), NULL);
}

clade_status clade__row_counts_open(clade__row_counts *counts, const clade__row_counts_options *options)
{
    const clade__loss *loss = &options->graph->losses[options->loss];
    const clade__source *source =
        clade__source_of_loss(options->sources, options->graph, options->loss);
    *counts = (clade__row_counts){.rows = clade__loss_rows(loss, 1), .weights = options->weights,
                               .has_labels = source && source->dtype == CLADE_INT32,
                               .ignores = loss->ignores, .ignore_index = loss->ignore_index};
    if (!counts->has_labels || !(counts->weights || counts->ignores)) return CLADE_OK;
    counts->labels = source->values;
    return take_memory(counts, options);
}

void clade__row_counts_close(clade__row_counts *counts)
{
    (void)clade__transfer_wait(&counts->sent);
    clade_tensor_free(counts->totals);
    free(counts->host_totals);
    free(counts->counted);
    *counts = (clade__row_counts){0};
}

void clade__row_counts_count(clade__row_counts *counts, int64_t index, const int32_t *order,
                             int64_t first, int64_t n)
{
    double sum = 0.0, n_counted = 0.0;
    if (!counts->labels) return;
    for (int64_t i = 0; i < n; i++) {
        const int32_t *labels = counts->labels + (order ? order[i] : first + i) * counts->rows;
        for (int64_t r = 0; r < counts->rows; r++) {
            if (counts->ignores && labels[r] == counts->ignore_index) continue;
            sum += counts->weights ? (double)counts->weights[labels[r]] : 1.0;
            n_counted += 1.0;
        }
    }
    counts->host_totals[index] = (float)sum;
    counts->counted[index] = n_counted;
}

clade_status clade__row_counts_wait(clade__row_counts *counts)
{
    return clade__transfer_wait(&counts->sent);
}

clade_status clade__row_counts_send(clade__row_counts *counts, int64_t n_batches)
{
    if (!counts->totals) return CLADE_OK;
    return clade__tensor_write_begin(counts->totals, 0, counts->host_totals,
                                     (size_t)n_batches * sizeof *counts->host_totals, &counts->sent);
}
