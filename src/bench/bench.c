/* A bench: opening, options, and the names of providers. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bench/bench_state.h"
#include "blas/provider.h"

#define DEFAULT_SECONDS 0.3
#define MAX_SECONDS     60.0

const char *clade_bench_provider(int i)
{
    int n = 0;
    while (clade__gemm_providers[n]) n++;
    return i < 0 || i > n ? NULL : i == n ? "openblas" : clade__gemm_providers[i]->name;
}

/* The list's own string, since the caller's may not last. */
static clade_status find_provider(const char *name, const char **out)
{
    const char *names[CLADE_BENCH_MAX_PROVIDERS];
    char hint[128];
    size_t n = 0;
    for (; n < CLADE_BENCH_MAX_PROVIDERS && (names[n] = clade_bench_provider((int)n)); n++)
        if (strcmp(name, names[n]) == 0) {
            *out = names[n];
            return CLADE_OK;
        }
    return clade__fail(CLADE_EINVAL, "bench: unknown provider '%s'%s", name,
                       clade__suggest(hint, sizeof hint, name, names, n));
}

clade_status clade_bench_open(clade_bench **out, clade_device *device,
                              const clade_bench_options *options)
{
    static const clade_bench_options defaults;
    CLADE_WANT(out);
    *out = NULL;
    CLADE_WANT(device);
    if (!options) options = &defaults;
    CLADE_WANT_UNUSED("bench", options->reserved);
    double seconds = options->seconds == 0.0 ? DEFAULT_SECONDS : options->seconds;
    if (!(seconds > 0.0 && seconds <= MAX_SECONDS))
        return clade__fail(CLADE_EINVAL, "bench: seconds is %g, want more than 0 and at most %g",
                           seconds, MAX_SECONDS);
    const char *provider = NULL;
    if (options->provider) CLADE_TRY(find_provider(options->provider, &provider));
    clade_bench *bench = calloc(1, sizeof *bench);
    if (!bench) return clade__fail(CLADE_ENOMEM, "no memory for a bench");
    *bench = (clade_bench){.device = device, .seconds = seconds, .provider = provider};
    *out = bench;
    return CLADE_OK;
}

void clade_bench_free(clade_bench *bench)
{
    if (!bench) return;
    clade_device_free(bench->one);
    free(bench->ranks);
    free(bench->buckets);
    free(bench->to_loss);
    free(bench);
}

double clade__bench_least_seconds(const clade_bench *bench, double flops, double bytes)
{
    double compute = flops / bench->limits.flops_per_second;
    double memory = bytes / bench->limits.bytes_per_second;
    return compute > memory ? compute : memory;
}

const char *clade_bench_clblast_version(void)
{
    return CLADE_CLBLAST_VERSION;
}
