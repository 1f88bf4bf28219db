/* A suite: opening, rounds, and what a row comes to. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bench/suite_state.h"
#include "blas/provider.h"

#define DEFAULT_SECONDS 0.1
#define MAX_SECONDS     60.0
#define LEAST_NOISE     0.02
#define NOISE_OF_FEW    0.10 /* where too few rounds say little of it */

const char *clade_suite_verdict_name(clade_suite_verdict verdict)
{
    static const char *const names[] = {"not measured", "ok", "unstable", "wrong"};
    return (unsigned)verdict < 4 ? names[verdict] : "unknown";
}

/* ---- opening --------------------------------------------------------------------------------- */

clade_status clade__suite_provider(const clade_suite *suite, const clade_bench_shape *shape, const char **name)
{
    const clade_gemm_args args = {.m = shape->m, .n = shape->n, .k = shape->k, .trans_a = shape->trans_a,
                                  .trans_b = shape->trans_b, .lda = shape->trans_a ? shape->m : shape->k,
                                  .ldb = shape->trans_b ? shape->k : shape->n, .ldc = shape->n};
    const clade__gemm_provider *provider = NULL;
    CLADE_TRY(clade__gemm_provider_of_device(&provider, suite->device));
    CLADE_TRY(clade__gemm_choose(suite->device, provider, &args, &provider));
    *name = clade__gemm_provider_name(provider);
    return CLADE_OK;
}

static clade_status open_bench(clade_suite *suite)
{
    const clade_bench_options options = {.seconds = suite->options.seconds};
    return clade_bench_open(&suite->bench, suite->device, &options);
}

clade_status clade_suite_open(clade_suite **out, clade_device *device, const clade_suite_options *options)
{
    static const clade_suite_options defaults;
    const clade__workload *workload = NULL;
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(device);
    if (!options) options = &defaults;
    CLADE_WANT_UNUSED("suite", options->reserved);
    double seconds = options->seconds == 0.0 ? DEFAULT_SECONDS : options->seconds;
    if (!(seconds > 0.0 && seconds <= MAX_SECONDS))
        return clade__fail(CLADE_EINVAL, "suite: seconds is %g, want more than 0 and at most %g", seconds,
                           MAX_SECONDS);
    if (options->workload) CLADE_TRY(clade__workload_find(options->workload, &workload));
    clade_suite *suite = calloc(1, sizeof *suite);
    if (!suite) return clade__fail(CLADE_ENOMEM, "no memory for a suite");
    suite->device = device;
    suite->options = *options;
    suite->options.seconds = seconds;
    suite->options.workload = workload ? workload->about.name : NULL; /* the caller's may not last */
    clade__suite_identify(&suite->identity, device);
    clade_status status = open_bench(suite);
    if (status == CLADE_OK) status = clade__suite_list(suite);
    if (status == CLADE_OK)
        *out = suite;
    else
        clade_suite_free(suite);
    return status;
}

void clade_suite_free(clade_suite *suite)
{
    if (!suite) return;
    for (int i = 0; i < suite->n_words; i++) free(suite->words[i].wrong);
    clade_bench_free(suite->bench);
    free(suite->words);
    free(suite->entries);
    free(suite);
}

const clade_suite_identity *clade_suite_identify(const clade_suite *suite)
{
    return &suite->identity;
}

const clade_bench_limits *clade_suite_limits(const clade_suite *suite)
{
    return suite->bench->has_limits ? &suite->bench->limits : NULL;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static double median_of(const double *values, int n)
{
    double sorted[CLADE_SUITE_MAX_ROUNDS];
    memcpy(sorted, values, (size_t)n * sizeof *values);
    return clade__time_of(sorted, n).median;
}

static double range_of(const double *values, int n)
{
    double least = values[0], most = values[0];
    for (int i = 1; i < n; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
    }
    return most - least;
}

static clade_suite_verdict judge(const clade__suite_entry *entry)
{
    if (entry->wrong) return CLADE_SUITE_WRONG;
    if (entry->failed || entry->row.n_rounds == 0) return CLADE_SUITE_NOT_MEASURED;
    return entry->row.spread > CLADE_SUITE_UNSTABLE ? CLADE_SUITE_UNSTABLE_ROW : CLADE_SUITE_STABLE;
}

static void derive(const clade_suite *suite, clade__suite_entry *entry)
{
    clade_suite_row *row = &entry->row;
    const int n = row->n_rounds;
    row->value = row->spread = row->noise = row->drift = row->share = (double)NAN;
    row->verdict = judge(entry);
    if (n == 0) return;
    double relative[CLADE_SUITE_MAX_ROUNDS];
    double seconds = median_of(entry->seconds, n);
    for (int i = 0; i < n; i++) {
        relative[i] = entry->spreads[i] / entry->seconds[i];
        row->rounds[i] = row->less_is_better ? entry->seconds[i] : entry->units / entry->seconds[i];
    }
    row->value = row->less_is_better ? seconds : entry->units / seconds;
    row->spread = fmax(median_of(relative, n), range_of(entry->seconds, n) / seconds);
    row->noise = fmax(row->spread, n < 3 ? NOISE_OF_FEW : LEAST_NOISE);
    row->drift = entry->seconds[0] / entry->seconds[n - 1] - 1.0;
    row->verdict = judge(entry);
    if (row->flops > 0.0 || row->bytes > 0.0)
        row->share = clade__bench_least_seconds(suite->bench, row->flops, row->bytes) / seconds;
}

const clade_suite_row *clade_suite_row_at(const clade_suite *suite, int i)
{
    if (i < 0 || i >= suite->n_entries) return NULL;
    derive(suite, &suite->entries[i]);
    return &suite->entries[i].row;
}

static clade_status find_entry(clade_suite *suite, int i, clade__suite_entry **entry)
{
    if (i < 0 || i >= suite->n_entries)
        return clade__fail(CLADE_EINVAL, "suite: there is no row %d, there are %d", i, suite->n_entries);
    *entry = &suite->entries[i];
    return CLADE_OK;
}

static clade_status add_round(clade__suite_entry *entry, double seconds, double spread)
{
    clade_suite_row *row = &entry->row;
    if (row->n_rounds == CLADE_SUITE_MAX_ROUNDS)
        return clade__fail(CLADE_EINVAL, "suite: %s %s has had %d rounds, and no more can be", row->kind,
                           row->name, CLADE_SUITE_MAX_ROUNDS);
    entry->seconds[row->n_rounds] = seconds;
    entry->spreads[row->n_rounds++] = spread;
    return CLADE_OK;
}

/* What failed is the row's, but for want of the host's memory. */
static clade_status settle(clade__suite_entry *entry, clade_status status)
{
    if (status == CLADE_OK || status == CLADE_ENOMEM) return status;
    if (status == CLADE_EWRONG)
        entry->wrong = true;
    else
        entry->failed = true;
    if (!entry->why[0]) snprintf(entry->why, sizeof entry->why, "%s", clade_error());
    return CLADE_OK;
}

clade_status clade_suite_measure(clade_suite *suite, int i)
{
    clade__suite_entry *entry = NULL;
    double seconds = 0.0, spread = 0.0;
    CLADE_WANT(suite);
    CLADE_TRY(find_entry(suite, i, &entry));
    if (entry->kind == CLADE__SUITE_START || entry->failed || entry->wrong) return CLADE_OK;
    clade_status status = clade__suite_round(suite, entry, &seconds, &spread);
    if (status != CLADE_OK) return settle(entry, status);
    return add_round(entry, seconds, spread);
}

static clade_status find_start(clade_suite *suite, int i, clade__suite_entry **entry)
{
    CLADE_TRY(find_entry(suite, i, entry));
    if ((*entry)->kind == CLADE__SUITE_START) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "suite: row %d, %s %s, is the library's to measure", i,
                       (*entry)->row.kind, (*entry)->name);
}

clade_status clade_suite_add(clade_suite *suite, int i, double seconds)
{
    clade__suite_entry *entry = NULL;
    CLADE_WANT(suite);
    CLADE_TRY(find_start(suite, i, &entry));
    if (!(seconds > 0.0 && isfinite(seconds)))
        return clade__fail(CLADE_EINVAL, "suite: seconds is %g, want a number above 0", seconds);
    entry->units = 1.0;
    return add_round(entry, seconds, 0.0);
}

clade_status clade_suite_fail(clade_suite *suite, int i, const char *why)
{
    clade__suite_entry *entry = NULL;
    CLADE_WANT(suite);
    CLADE_WANT(why);
    CLADE_TRY(find_start(suite, i, &entry));
    entry->failed = true;
    snprintf(entry->why, sizeof entry->why, "%s", why);
    return CLADE_OK;
}

clade_status clade_suite_check(clade_suite *suite, int i)
{
    clade__suite_entry *entry = NULL;
    CLADE_WANT(suite);
    CLADE_TRY(find_entry(suite, i, &entry));
    return settle(entry, clade__suite_check_entry(suite, entry));
}
