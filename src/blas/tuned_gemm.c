#include "blas/tuned_gemm.h"

#include <stdio.h>

#include "blas/tuning.h"
#include "device/opencl.h"

clade__clblast_set clade__gemm_set_in_use(const clade_device *device)
{
    clade__clblast_set set;
    return clade__clblast_tuned(device, &set) ? set : clade__clblast_shipped(device);
}

clade_status clade__gemm_use_set(clade_device *device, const clade__clblast_set *set)
{
    return clade__clblast_use(device, set);
}

/* Whether `who` does small products, or large ones, where `provider` is wanted. */
static bool does_some(clade_device *device, const clade__gemm_provider *provider, const clade__gemm_provider *who)
{
    static const int sides[] = {64, 4096};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        const int n = sides[i];
        const clade_gemm_args cube = {.m = n, .n = n, .k = n, .alpha = 1.0f, .lda = n, .ldb = n, .ldc = n};
        const clade__gemm_provider *chosen = NULL;
        if (clade__gemm_choose(device, provider, &cube, &chosen) == CLADE_OK && chosen == who) return true;
    }
    return false;
}

void clade__gemm_origin(char *out, size_t out_bytes, clade_device *device, const clade__gemm_provider *provider)
{
    clade__clblast_set set;
    /* Before there was local, auto was CLBlast alone on a GPU. */
    bool has_local = !provider && does_some(device, provider, &clade__gemm_local);
    bool tuned = does_some(device, provider, &clade__gemm_clblast) && clade__clblast_tuned(device, &set);
    size_t used = (size_t)snprintf(out, out_bytes, "%s%s", clade__gemm_provider_name(provider),
                                   has_local ? ", local" : "");
    if (tuned && used < out_bytes)
        snprintf(out + used, out_bytes - used, ", tuned %016llx", (unsigned long long)clade__clblast_hash(&set));
}

clade_status clade__gemm_measure_again(clade_device *device)
{
    clade__blas *blas;
    CLADE_TRY(clade__blas_of(device, &blas));
    return clade__tuning_again(device);
}
