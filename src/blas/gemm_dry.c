/* The gemms of dry commands: what they are, the scratch that they need, and whether they are right. */
#include <string.h>

#include "blas/tuning.h"

#define KIND "gemm"

/* A call or, where there are rates, an update; all bytes count, so it is zeroed before it is filled. */
typedef struct note {
    const clade__gemm_provider *provider;
    int64_t m, n, k, a_offset, b_offset, c_offset, lda, ldb, ldc;
    float alpha, beta;
    float momentum, weight_decay, bias_decay;
    int trans_a, trans_b, update, nesterov;
} note;

clade_status clade__gemm_note(clade__commands *dry, const clade__gemm_provider *provider,
                              const clade_gemm_args *args, const clade__sgd_rates *rates)
{
    note x;
    memset(&x, 0, sizeof x);
    x.provider = provider;
    x.m = args->m;
    x.n = args->n;
    x.k = args->k;
    x.a_offset = args->a_offset;
    x.b_offset = args->b_offset;
    x.c_offset = args->c_offset;
    x.lda = args->lda;
    x.ldb = args->ldb;
    x.ldc = args->ldc;
    x.alpha = args->alpha;
    x.beta = args->beta;
    x.trans_a = args->trans_a;
    x.trans_b = args->trans_b;
    if (rates) {
        x.update = 1;
        x.momentum = rates->momentum;
        x.weight_decay = rates->weight_decay;
        x.bias_decay = rates->bias_decay;
        x.nesterov = rates->nesterov;
    }
    return clade__commands_note(dry, KIND, &x, sizeof x);
}

/* The call, without tensors. */
static clade_gemm_args args_of(const note *x)
{
    return (clade_gemm_args){
        .m = x->m, .n = x->n, .k = x->k,
        .trans_a = x->trans_a, .trans_b = x->trans_b, .alpha = x->alpha, .beta = x->beta,
        .a_offset = x->a_offset, .b_offset = x->b_offset, .c_offset = x->c_offset,
        .lda = x->lda, .ldb = x->ldb, .ldc = x->ldc};
}

clade_status clade__gemm_dry_scratch_bytes(const clade__commands *dry, size_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < clade__commands_n_notes(dry); i++) {
        const note *x = clade__commands_note_at(dry, i, KIND);
        if (!x || x->update) continue; /* an update needs none */
        const clade_gemm_args args = args_of(x);
        size_t needed = 0;
        CLADE_TRY(x->provider->scratch_bytes(clade__commands_device(dry), &args, &needed));
        if (needed > *bytes) *bytes = needed;
    }
    return CLADE_OK;
}

clade_status clade__gemm_check_dry(const clade__commands *dry)
{
    clade_device *device = clade__commands_device(dry);
    for (size_t i = 0; i < clade__commands_n_notes(dry); i++) {
        const note *x = clade__commands_note_at(dry, i, KIND);
        if (!x) continue;
        const clade_gemm_args args = args_of(x);
        const clade__sgd_rates rates = {.momentum = x->momentum, .weight_decay = x->weight_decay,
                                        .bias_decay = x->bias_decay, .nesterov = x->nesterov};
        CLADE_TRY(clade__gemm_check(device, x->provider, &args, x->update ? &rates : NULL));
    }
    clade__gemm_checked(device);
    return CLADE_OK;
}

bool clade__gemm_dry_call(const clade__commands *dry, size_t i, clade__gemm_call *call)
{
    for (size_t at = 0; at < clade__commands_n_notes(dry); at++) {
        const note *x = clade__commands_note_at(dry, at, KIND);
        if (!x || i-- > 0) continue;
        *call = (clade__gemm_call){args_of(x), x->provider->name, x->update,
                                   clade__commands_note_times(dry, at)};
        return true;
    }
    return false;
}
