#include "train/turns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

clade_status clade__turns_open(clade__turns *turns, int n, int rank, int64_t n_batches)
{
    size_t ranks = (size_t)n;
    *turns = (clade__turns){.n = n, .rank = rank, .n_batches = n_batches};
    if (n_batches < n)
        return clade__fail(CLADE_EINVAL, "fit: an epoch has %lld batch%s, and each of %d ranks that train apart "
                           "does at least one: take smaller batches, or fewer ranks", (long long)n_batches,
                           n_batches == 1 ? "" : "es", n);
    turns->owners = calloc((size_t)n_batches, sizeof *turns->owners);
    turns->steps = calloc(ranks, sizeof *turns->steps);
    turns->weights = calloc(ranks, sizeof *turns->weights);
    turns->seconds = calloc(ranks, sizeof *turns->seconds);
    return turns->owners && turns->steps && turns->weights && turns->seconds
               ? CLADE_OK
               : clade__fail(CLADE_ENOMEM, "no memory for the turns of %d ranks", n);
}

void clade__turns_close(clade__turns *turns)
{
    free(turns->owners);
    free(turns->steps);
    free(turns->weights);
    free(turns->seconds);
    *turns = (clade__turns){0};
}

/* D'Hondt's method: the next batch is for the rank that would have done it first. One division and no sums, so that
 * hosts of any kind agree. */
void clade__turns_deal(clade__turns *turns, const double *parts, int64_t from)
{
    memset(turns->steps, 0, (size_t)turns->n * sizeof *turns->steps);
    for (int64_t b = from; b < turns->n_batches; b++) {
        int next = 0;
        double ready = INFINITY;
        for (int i = 0; i < turns->n; i++) {
            double when = (double)(turns->steps[i] + 1) / parts[i];
            if (when < ready) {
                ready = when;
                next = i;
            }
        }
        turns->steps[next]++;
        turns->owners[b] = next;
    }
}

bool clade__turns_is_mine(const clade__turns *turns, int64_t batch)
{
    return turns->owners[batch] == turns->rank;
}

void clade__turns_count(clade__turns *turns, int64_t from, int64_t to)
{
    memset(turns->steps, 0, (size_t)turns->n * sizeof *turns->steps);
    for (int64_t b = from; b < to; b++) turns->steps[turns->owners[b]]++;
}

void clade__turns_weigh(clade__turns *turns, double contraction)
{
    int64_t most = 0;
    double all = 0.0;
    for (int i = 0; i < turns->n; i++)
        if (turns->steps[i] > most) most = turns->steps[i];
    for (int i = 0; i < turns->n; i++) {
        turns->weights[i] = turns->steps[i] > 0 ? pow(contraction, (double)(most - turns->steps[i])) : 0.0;
        all += turns->weights[i];
    }
    for (int i = 0; i < turns->n; i++) turns->weights[i] /= all;
}

int64_t clade__turns_updates(const clade__turns *turns, int64_t step)
{
    return turns->first_step + (step - turns->first_step - 1) / turns->n + 1;
}
