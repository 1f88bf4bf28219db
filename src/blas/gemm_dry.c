/* The gemms of dry commands: what they are, the scratch that they need, and whether they are right. */
#include "blas/tuning.h"

#define KIND "gemm"

/* A call or, where there are rates, an update. */
typedef struct note {
    const clade__gemm_provider *provider;
    clade_gemm_args args;   /* without tensors */
    clade__sgd_rates rates; /* without lr; zeroed of a call */
    bool update;
} note;

static bool same_note(const void *of_a, const void *of_b)
{
    const note *a = of_a, *b = of_b;
    return a->provider == b->provider && a->update == b->update &&
           a->rates.momentum == b->rates.momentum && a->rates.nesterov == b->rates.nesterov &&
           a->rates.weight_decay == b->rates.weight_decay &&
           a->rates.bias_decay == b->rates.bias_decay && clade__gemm_same_call(&a->args, &b->args);
}

clade_status clade__gemm_note(clade__commands *dry, const clade__gemm_provider *provider,
                              const clade_gemm_args *args, const clade__sgd_rates *rates)
{
    note x = {.provider = provider, .args = *args, .update = rates != NULL};
    if (rates) x.rates = *rates;
    x.args.a = x.args.b = x.args.c = NULL;
    x.rates.lr = NULL;
    return clade__commands_note(dry, KIND, &x, sizeof x, same_note);
}

clade_status clade__gemm_dry_scratch_bytes(const clade__commands *dry, size_t *bytes)
{
    *bytes = 0;
    for (size_t i = 0; i < clade__commands_n_notes(dry); i++) {
        const note *x = clade__commands_note_at(dry, i, KIND);
        if (!x || x->update) continue; /* an update needs none */
        size_t needed = 0;
        CLADE_TRY(x->provider->scratch_bytes(clade__commands_device(dry), &x->args, &needed));
        if (needed > *bytes) *bytes = needed;
    }
    return CLADE_OK;
}

clade_status clade__gemm_check_dry(const clade__commands *dry)
{
    clade_device *device = clade__commands_device(dry);
    for (size_t i = 0; i < clade__commands_n_notes(dry); i++) {
        const note *x = clade__commands_note_at(dry, i, KIND);
        if (x)
            CLADE_TRY(clade__gemm_check(device, x->provider, &x->args, x->update ? &x->rates : NULL));
    }
    clade__gemm_checked(device);
    return CLADE_OK;
}

bool clade__gemm_dry_call(const clade__commands *dry, size_t i, clade__gemm_call *call)
{
    for (size_t at = 0; at < clade__commands_n_notes(dry); at++) {
        const note *x = clade__commands_note_at(dry, at, KIND);
        if (!x || i-- > 0) continue;
        *call = (clade__gemm_call){x->args, x->provider->name, x->update,
                                   clade__commands_note_times(dry, at)};
        return true;
    }
    return false;
}
