#include "kernel_list.h"

#include <stdio.h>
#include <string.h>

#include <clade/bench.h>

#include "bench/bench_state.h"
#include "blas/provider.h"
#include "device/program.h"
#include "verify/families.h"
#include "verify/table.h"

/* The trial's operands as tensors without memory, and its operation given to the dry commands. */
static clade_status note_trial(clade__commands *dry, clade__trial *t)
{
    CLADE_TRY(clade__trial_prepare(t));
    for (int i = 0; i < t->n_operands; i++) {
        clade__operand *o = &t->operands[i];
        o->view = clade__tensor_view(t->device, NULL, o->dtype, o->shape);
        o->tensor = &o->view;
    }
    return t->op->family->record(dry, t);
}

static clade_status note_operation(clade__commands *dry, const clade__op *op)
{
    clade__trial t = {.device = clade__commands_device(dry), .op = op};
    clade_status status = CLADE_OK;
    for (const clade_shape *shape = op->family->shapes; status == CLADE_OK && shape->rank > 0; shape++) {
        t.shape = *shape;
        status = note_trial(dry, &t);
    }
    clade__trial_free(&t);
    return status;
}

/* The products that a provider takes, or their updates. */
static clade_status note_products(clade__commands *dry, const clade__gemm_provider *provider, bool update)
{
    const clade_gemm_args any = {.m = 8, .n = 8, .k = 8, .lda = 8, .ldb = 8, .ldc = 8};
    clade__product p;
    const clade__op op = {.name = provider->name, .family = update ? &clade__product_updates : &clade__products};
    clade__trial t = {.device = clade__commands_device(dry), .op = &op, .detail = &p};
    clade_status status = CLADE_OK;
    if (provider->refuses(t.device, &any) || (update && !provider->record_update)) return CLADE_OK;
    for (int i = 0; status == CLADE_OK; i++) {
        if (!(update ? clade__product_update_at(i, &p) : clade__product_at(i, &p))) break;
        p.provider = provider;
        status = note_trial(dry, &t);
    }
    clade__trial_free(&t);
    return status;
}

clade_status test_note_kernels(clade__commands *dry)
{
    clade_bench *bench = NULL;
    for (int i = 0; i < clade__n_ops; i++) CLADE_TRY(note_operation(dry, &clade__ops[i]));
    for (int i = 0; clade__gemm_providers[i]; i++)
        for (int update = 0; update < 2; update++)
            CLADE_TRY(note_products(dry, clade__gemm_providers[i], update));
    CLADE_TRY(clade_bench_open(&bench, clade__commands_device(dry), NULL));
    bench->dry = dry;
    clade_status status = clade__bench_limits(bench);
    clade_bench_free(bench);
    return status;
}

void test_all_options(char *out, size_t out_bytes, const clade__command_info *known)
{
    snprintf(out, out_bytes, CLADE__EVERY_BUILD "%s%s", *known->options ? " " : "", known->options);
}

bool test_is_known(const clade__commands *dry, const clade__command_info *recorded)
{
    for (size_t i = 0; i < clade__commands_n_kernels(dry); i++) {
        const clade__command_info k = clade__commands_kernel(dry, i);
        char options[256];
        test_all_options(options, sizeof options, &k);
        if (strcmp(k.label, recorded->label) == 0 && strcmp(k.program, recorded->program) == 0 &&
            strcmp(options, recorded->options) == 0)
            return true;
    }
    return false;
}
