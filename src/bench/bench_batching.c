/* What batching and more compute units do for a training step.
 *
 * At each batch the same steps are made on the whole device and, taking turns with it, on one of its
 * compute units: the two differ in nothing else. One sample at a time is a batch of one: forward,
 * backward and the optimizer's step for each sample. */
#include <stdio.h>

#include "bench/bench_state.h"
#include "bench/steps.h"

/* Opens one compute unit of the device at first use; why_not says why there is none. */
static clade_status open_one(clade_bench *bench)
{
    const clade_device_info *info = clade_device_describe(bench->device);
    char selector[32];
    if (bench->one || bench->why_not[0]) return CLADE_OK;
    if (info->compute_units == 1) {
        snprintf(bench->why_not, sizeof bench->why_not, "one compute unit is all that is used");
        return CLADE_OK;
    }
    snprintf(selector, sizeof selector, "%d:%d", info->platform_index, info->device_index);
    clade_status status = clade_device_open_units(&bench->one, selector, 1);
    if (status != CLADE_ENODEVICE) return status;
    snprintf(bench->why_not, sizeof bench->why_not, "%s", clade_error());
    return CLADE_OK;
}

static clade_status measure(clade_bench *bench, const clade__workload *workload,
                            clade__steps steps[2], clade_bench_batching_result *result)
{
    clade_device *devices[] = {bench->device, bench->one};
    clade__subject subjects[2];
    int n = bench->one ? 2 : 1;
    for (int i = 0; i < n; i++) {
        CLADE_TRY(clade__steps_open(&steps[i], workload,
                                    &(clade__steps_options){.device = devices[i], .batch = result->batch,
                                                            .provider = bench->provider}));
        subjects[i] = clade__steps_subject(&steps[i]);
    }
    CLADE_TRY(clade__measure(subjects, n, bench->seconds));
    result->all = subjects[0].time;
    if (n == 2) result->one = subjects[1].time;
    return CLADE_OK;
}

clade_status clade_bench_batching(clade_bench *bench, const char *workload, int64_t batch,
                                  clade_bench_batching_result *result)
{
    CLADE_WANT(bench);
    CLADE_WANT(workload);
    CLADE_WANT(result);
    const clade__workload *found = NULL;
    clade__steps steps[2] = {{0}};
    *result = (clade_bench_batching_result){.batch = batch};
    CLADE_TRY(clade__workload_find(workload, &found));
    CLADE_TRY(clade__steps_check(bench, batch));
    CLADE_TRY(open_one(bench));
    result->workload = found->about.name;
    result->batch = batch ? batch : found->about.batches[0];
    result->why_not_one = bench->why_not[0] ? bench->why_not : NULL;
    clade_status status = measure(bench, found, steps, result);
    for (int i = 0; i < 2; i++) clade__steps_close(&steps[i]);
    return status;
}
