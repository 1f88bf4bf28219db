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

void clade__gemm_origin(char *out, size_t out_bytes, clade_device *device, const clade__gemm_provider *provider)
{
    static const clade_gemm_args some = {.m = 64, .n = 64, .k = 64, .alpha = 1.0f, .lda = 64, .ldb = 64, .ldc = 64};
    const clade__gemm_provider *chosen = NULL;
    clade__clblast_set set;
    bool tuned = clade__gemm_choose(device, provider, &some, &chosen) == CLADE_OK &&
                 chosen == &clade__gemm_clblast && clade__clblast_tuned(device, &set);
    if (tuned)
        snprintf(out, out_bytes, "%s, tuned %016llx", clade__gemm_provider_name(provider),
                 (unsigned long long)clade__clblast_hash(&set));
    else
        snprintf(out, out_bytes, "%s", clade__gemm_provider_name(provider));
}

clade_status clade__gemm_measure_again(clade_device *device)
{
    clade__blas *blas;
    CLADE_TRY(clade__blas_of(device, &blas));
    return clade__tuning_again(device);
}
