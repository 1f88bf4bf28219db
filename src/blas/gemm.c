/* gemm: checks, choice of the provider, epilogue, and the public entries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "blas/tuning.h"
#include "device/opencl.h"

const clade__gemm_provider *const clade__gemm_providers[] = {
    &clade__gemm_tiled, &clade__gemm_local, &clade__gemm_clblast, NULL};

#define EPILOGUE_COLS 64 /* work-items of a group, along a row */

int clade__activation_build(clade_activation kind, float *slope)
{
    if (kind != CLADE_IDENTITY && kind != CLADE_RELU && kind != CLADE_LEAKY_RELU) return (int)kind;
    if (kind == CLADE_IDENTITY) *slope = 1.0f;
    if (kind == CLADE_RELU) *slope = 0.0f;
    return CLADE__BY_SLOPE;
}

static void free_blas(void *blas)
{
    clade__clblast_forget(blas);
    clade__gemm_forget_checks(blas);
    clade__tuning_free(((clade__blas *)blas)->tuning);
    clade__buffer_free(((clade__blas *)blas)->scratch);
    clade__buffer_free(((clade__blas *)blas)->parts);
    free(blas);
}

clade_status clade__blas_of(clade_device *device, clade__blas **out)
{
    if (!device->blas) {
        device->blas = calloc(1, sizeof(clade__blas));
        if (!device->blas) return clade__fail(CLADE_ENOMEM, "no memory for gemm");
        device->blas_free = free_blas;
    }
    *out = device->blas;
    return CLADE_OK;
}

/* ---- providers ------------------------------------------------------------------------------- */

clade_status clade__gemm_provider_named(const clade__gemm_provider **out, const char *name)
{
    const char *names[8] = {"auto"}, *from = "";
    size_t n = 1;
    *out = NULL;
    if (!name) {
        name = getenv("CLADE_GEMM");
        from = " (from CLADE_GEMM)";
    }
    if (!name || !*name || strcmp(name, "auto") == 0) return CLADE_OK;
    for (size_t i = 0; clade__gemm_providers[i]; i++) {
        names[n++] = clade__gemm_providers[i]->name;
        if (strcmp(name, clade__gemm_providers[i]->name) == 0) *out = clade__gemm_providers[i];
    }
    char hint[128];
    return *out ? CLADE_OK
                : clade__fail(CLADE_EINVAL, "no gemm provider '%s'%s%s", name, from,
                              clade__suggest(hint, sizeof hint, name, names, n));
}

const char *clade__gemm_provider_name(const clade__gemm_provider *provider)
{
    return provider ? provider->name : "auto";
}

clade_status clade_gemm_select(clade_device *device, const char *provider)
{
    CLADE_WANT(device);
    const clade__gemm_provider *selected;
    clade__blas *blas = NULL;
    CLADE_TRY(clade__gemm_provider_named(&selected, provider));
    CLADE_TRY(clade__blas_of(device, &blas));
    clade__commands_set_gemm(clade__immediate(device), selected);
    blas->has_choice = true;
    return CLADE_OK;
}

clade_status clade__gemm_provider_of_device(const clade__gemm_provider **out, clade_device *device)
{
    const clade__blas *blas = device->blas;
    *out = NULL;
    if (!blas || !blas->has_choice) CLADE_TRY(clade_gemm_select(device, NULL));
    *out = clade__commands_gemm(clade__immediate(device));
    return CLADE_OK;
}

clade_status clade__gemm_choose(clade_device *device, const clade__gemm_provider *wanted,
                                const clade_gemm_args *args, const clade__gemm_provider **out)
{
    clade__blas *blas = NULL; /* with what was tuned, for the provider to find */
    CLADE_TRY(clade__blas_of(device, &blas));
    const char *reason = NULL;
    if (wanted) {
        *out = wanted;
        reason = wanted->refuses(device, args);
        return reason ? clade__fail(CLADE_EINVAL, "gemm provider %s refuses %lld×%lld×%lld: %s",
                                    wanted->name, (long long)args->m, (long long)args->n,
                                    (long long)args->k, reason)
                      : CLADE_OK;
    }
    for (size_t i = 0; clade__gemm_providers[i]; i++) {
        *out = clade__gemm_providers[i];
        reason = (*out)->refuses(device, args);
        if (!reason && !((*out)->yields && (*out)->yields(args))) return CLADE_OK;
    }
    return clade__fail(CLADE_EINVAL, "no gemm provider takes %lld×%lld×%lld: %s: %s",
                       (long long)args->m, (long long)args->n, (long long)args->k, (*out)->name,
                       reason);
}

/* The provider that a call among these commands gets. */
static clade_status choose(clade__commands *commands, const clade_gemm_args *args,
                           const clade__gemm_provider **out)
{
    clade_device *device = clade__commands_device(commands);
    const clade__gemm_provider *wanted = clade__commands_gemm(commands);
    if (commands == clade__immediate(device))
        CLADE_TRY(clade__gemm_provider_of_device(&wanted, device));
    return clade__gemm_choose(device, wanted, args, out);
}

void clade__gemm_checked(clade_device *device)
{
    clade__tuning_save(device);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static clade_status check_matrix(const char *name, const clade_tensor *tensor, int64_t rows,
                                 int64_t cols, int64_t offset, int64_t ld)
{
    if (tensor->dtype != CLADE_FLOAT32)
        return clade__fail(CLADE_ESHAPE, "gemm: %s is not float32", name);
    if (ld < cols)
        return clade__fail(CLADE_ESHAPE, "gemm: ld of %s is %lld, want at least its %lld columns",
                           name, (long long)ld, (long long)cols);
    int64_t elements = clade_tensor_elements(tensor);
    if (elements > INT32_MAX)
        return clade__fail(CLADE_ESHAPE, "gemm: %s is in a tensor of %lld elements, want at most %d: "
                           "take a view", name, (long long)elements, INT32_MAX);
    /* Elements, rows and columns fit int32: the last sum cannot overflow once the first hold. */
    if (offset < 0 || offset > elements || ld > elements ||
        offset + (rows - 1) * ld + cols > elements)
        return clade__fail(CLADE_ESHAPE,
                           "gemm: %s, %lld×%lld with ld %lld at offset %lld, leaves its tensor of "
                           "%lld elements", name, (long long)rows, (long long)cols, (long long)ld,
                           (long long)offset, (long long)elements);
    return CLADE_OK;
}

static clade_status check_args(clade__commands *commands, const clade_gemm_args *args)
{
    if (args->m < 1 || args->n < 1 || args->k < 1 || args->m > INT32_MAX || args->n > INT32_MAX ||
        args->k > INT32_MAX)
        return clade__fail(CLADE_ESHAPE, "gemm: m, n, k are %lld, %lld, %lld, want 1 to %d each",
                           (long long)args->m, (long long)args->n, (long long)args->k, INT32_MAX);
    clade_device *device = clade__commands_device(commands);
    if (args->a->device != device || args->b->device != device || args->c->device != device)
        return clade__fail(CLADE_EINVAL, "gemm: the tensors are not on one device");
    CLADE_TRY(check_matrix("A", args->a, args->trans_a ? args->k : args->m,
                           args->trans_a ? args->m : args->k, args->a_offset, args->lda));
    CLADE_TRY(check_matrix("B", args->b, args->trans_b ? args->n : args->k,
                           args->trans_b ? args->k : args->n, args->b_offset, args->ldb));
    return check_matrix("C", args->c, args->m, args->n, args->c_offset, args->ldc);
}

/* Where a matrix' tensor begins where no sub-buffer may: the call on memory from its start on, with offsets.
 * All matrices are, since a buffer and a part of it must not meet in one call. What a call needs to hold
 * beside itself. */
typedef struct whole_call {
    clade_gemm_args args;
    clade_tensor a, b, c;
} whole_call;

static bool needs_whole(const clade_tensor *tensor)
{
    return clade__tensor_offset_bytes(tensor) % tensor->device->info.view_alignment_bytes != 0;
}

/* The call that providers get: args themselves, or those of *whole. C stays as it is in an update, whose
 * other tensors lie as C does. */
static clade_status make_bindable(const clade_gemm_args **args, whole_call *whole, bool update)
{
    const clade_gemm_args *g = *args;
    if (!needs_whole(g->a) && !needs_whole(g->b) && (update || !needs_whole(g->c))) return CLADE_OK;
    *whole = (whole_call){*g, clade__tensor_whole(g->a), clade__tensor_whole(g->b),
                          update ? *g->c : clade__tensor_whole(g->c)};
    whole->args.a = &whole->a;
    whole->args.b = &whole->b;
    whole->args.c = &whole->c;
    whole->args.a_offset += g->a->offset;
    whole->args.b_offset += g->b->offset;
    if (!update) whole->args.c_offset += g->c->offset;
    *args = &whole->args;
    const clade_tensor *all[] = {&whole->a, &whole->b, &whole->c};
    for (int i = 0; i < 3; i++)
        if (clade_tensor_elements(all[i]) > INT32_MAX)
            return clade__fail(CLADE_ESHAPE, "gemm: a view that ends behind element %d must begin at a "
                               "multiple of %zu bytes", INT32_MAX,
                               g->a->device->info.view_alignment_bytes);
    return CLADE_OK;
}

static clade_status record_epilogue(clade__commands *commands, const clade_gemm_args *args,
                                    const clade__epilogue *epilogue)
{
    static const char *const options[] = {"-DACTIVATION=0", "-DACTIVATION=1", "-DACTIVATION=2",
                                          "-DACTIVATION=3", "-DACTIVATION=4", "-DACTIVATION=5"};
    clade__launch launch = {
        .program = "gemm_epilogue",
        .options = options[epilogue->activation],
        .kernel = "gemm_epilogue",
        .args = {clade__arg_tensor(args->c), clade__arg_tensor(epilogue->bias),
                 clade__arg_int(args->m), clade__arg_int(args->n), clade__arg_int(args->c_offset),
                 clade__arg_int(args->ldc), clade__arg_float(epilogue->slope)},
        .n_args = 7,
        .groups = {clade__groups(args->n, EPILOGUE_COLS), (size_t)args->m},
        .local = {EPILOGUE_COLS, 1},
    };
    return clade__commands_launch(commands, &launch);
}

clade_status clade__gemm_with(const clade__gemm_provider *provider, clade__commands *commands,
                              const clade_gemm_args *args, const clade__epilogue *epilogue)
{
    if (epilogue && !epilogue->bias && epilogue->activation == CLADE_IDENTITY) epilogue = NULL;
    bool did_epilogue = false;
    CLADE_TRY(provider->record(commands, args, epilogue, &did_epilogue));
    return epilogue && !did_epilogue ? record_epilogue(commands, args, epilogue) : CLADE_OK;
}

clade_status clade__gemm(clade__commands *commands, const clade_gemm_args *args,
                         const clade__epilogue *epilogue)
{
    const clade__gemm_provider *provider = NULL;
    CLADE_TRY(check_args(commands, args));
    if (epilogue && epilogue->bias &&
        (epilogue->bias->dtype != CLADE_FLOAT32 || clade_tensor_elements(epilogue->bias) != args->n))
        return clade__fail(CLADE_ESHAPE, "gemm: bias has %lld elements, want float32 of %lld",
                           (long long)clade_tensor_elements(epilogue->bias), (long long)args->n);
    whole_call whole;
    CLADE_TRY(make_bindable(&args, &whole, false));
    CLADE_TRY(choose(commands, args, &provider));
    if (clade__commands_is_dry(commands))
        CLADE_TRY(clade__gemm_note(commands, provider, args, NULL));
    return clade__gemm_with(provider, commands, args, epilogue);
}

bool clade__gemm_can_update(clade_device *device, const clade__gemm_provider *provider,
                            const clade_gemm_args *args)
{
    const clade__gemm_provider *chosen = NULL;
    return !args->trans_b && clade__gemm_choose(device, provider, args, &chosen) == CLADE_OK &&
           chosen->record_update;
}

static clade_status check_state(const char *name, const clade_tensor *tensor, int64_t n,
                                bool wanted)
{
    if (!tensor && wanted) return clade__fail(CLADE_EINVAL, "gemm: momentum wants a %s", name);
    if (tensor && (tensor->dtype != CLADE_FLOAT32 || clade_tensor_elements(tensor) != n))
        return clade__fail(CLADE_ESHAPE, "gemm: %s has %lld elements, want float32 of %lld", name,
                           (long long)clade_tensor_elements(tensor), (long long)n);
    return CLADE_OK;
}

int clade__gemm_step_form(const clade__sgd_rates *rates)
{
    return rates->momentum == 0.0f ? 1 : rates->nesterov ? 3 : 2;
}

void clade__gemm_append_step(clade__launch *launch, const clade__sgd_state *state, const clade__sgd_rates *rates)
{
    const clade__arg args[] = {
        clade__arg_tensor(state->velocity), clade__arg_tensor(state->bias_velocity), clade__arg_float_ref(rates->lr),
        {CLADE__ARG_FLOAT4, {.floats = {rates->momentum, rates->weight_decay, rates->bias_decay}}}};
    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++) launch->args[launch->n_args++] = args[i];
}

clade_status clade__gemm_update(clade__commands *commands, const clade_gemm_args *args,
                                const clade__sgd_state *state, const clade__sgd_rates *rates)
{
    const clade__gemm_provider *provider = NULL;
    bool moves = rates->momentum != 0.0f;
    CLADE_TRY(check_args(commands, args));
    if (args->trans_b) return clade__fail(CLADE_EINVAL, "gemm: an update wants B as it is");
    CLADE_TRY(check_state("velocity", state->velocity, clade_tensor_elements(args->c), moves));
    CLADE_TRY(check_state("bias", state->bias, args->m, false));
    CLADE_TRY(check_state("bias velocity", state->bias_velocity, args->m, moves && state->bias));
    whole_call whole;
    CLADE_TRY(make_bindable(&args, &whole, true));
    CLADE_TRY(choose(commands, args, &provider));
    if (!provider->record_update)
        return clade__fail(CLADE_EINVAL, "gemm provider %s has no update", provider->name);
    if (clade__commands_is_dry(commands))
        CLADE_TRY(clade__gemm_note(commands, provider, args, rates));
    return provider->record_update(commands, args, state, rates);
}

clade_status clade__gemm_scratch_bytes(clade_device *device, const clade__gemm_provider *provider,
                                       const clade_gemm_args *args, size_t *bytes)
{
    const clade__gemm_provider *chosen = NULL;
    CLADE_TRY(clade__gemm_choose(device, provider, args, &chosen));
    return chosen->scratch_bytes(device, args, bytes);
}

clade_status clade_gemm_strided(const clade_gemm_args *args)
{
    CLADE_WANT(args);
    CLADE_WANT_UNUSED("gemm", args->reserved);
    CLADE_WANT(args->a);
    CLADE_WANT(args->b);
    CLADE_WANT(args->c);
    return clade__gemm(clade__immediate(args->c->device), args, NULL);
}

clade_status clade_gemm(clade_tensor *c, const clade_tensor *a, const clade_tensor *b, bool trans_a,
                        bool trans_b, float alpha, float beta)
{
    CLADE_WANT(c);
    CLADE_WANT(a);
    CLADE_WANT(b);
    if (a->shape.rank != 2 || b->shape.rank != 2 || c->shape.rank != 2)
        return clade__fail(CLADE_ESHAPE, "gemm: ranks of A, B, C are %d, %d, %d, want 2",
                           a->shape.rank, b->shape.rank, c->shape.rank);
    clade_gemm_args args = {
        .m = c->shape.dim[0], .n = c->shape.dim[1], .k = a->shape.dim[trans_a ? 0 : 1],
        .trans_a = trans_a, .trans_b = trans_b, .alpha = alpha, .beta = beta,
        .a = a, .b = b, .c = c,
        .lda = a->shape.dim[1], .ldb = b->shape.dim[1], .ldc = c->shape.dim[1],
    };
    if (a->shape.dim[trans_a ? 1 : 0] != args.m || b->shape.dim[trans_b ? 1 : 0] != args.k ||
        b->shape.dim[trans_b ? 0 : 1] != args.n)
        return clade__fail(CLADE_ESHAPE,
                           "gemm: A (%lld, %lld)%s and B (%lld, %lld)%s do not give C (%lld, %lld)",
                           (long long)a->shape.dim[0], (long long)a->shape.dim[1],
                           trans_a ? "ᵀ" : "", (long long)b->shape.dim[0],
                           (long long)b->shape.dim[1], trans_b ? "ᵀ" : "", (long long)args.m,
                           (long long)args.n);
    return clade_gemm_strided(&args);
}
