/* A gemm whose k is cut: each block's product is a part, and cl/gemm_join.cl adds the parts up. */
#include <stdio.h>

#include "blas/provider.h"

#define JOIN_GROUP 128 /* cl/element.cl's ELEMENT_GROUP */

clade_status clade__gemm_parts(clade__commands *commands, const clade_gemm_args *args, clade_tensor *parts,
                               clade_gemm_args *into)
{
    clade_device *device = clade__commands_device(commands);
    clade__blas *blas;
    CLADE_TRY(clade__blas_of(device, &blas));
    if (!blas->parts && !clade__commands_is_dry(commands))
        CLADE_TRY(clade__buffer_create(&blas->parts, device, CLADE__PARTS_BYTES));
    *parts = clade__tensor_view(device, blas->parts, CLADE_FLOAT32, CLADE_SHAPE(CLADE__PARTS_FLOATS));
    *into = *args;
    into->c = parts;
    into->c_offset = 0;
    into->ldc = args->n;
    into->beta = 0.0f;
    return CLADE_OK;
}

clade_status clade__gemm_join(clade__commands *commands, const clade_gemm_args *args, const clade__epilogue *epilogue,
                              const clade_tensor *parts, int n_parts)
{
    char options[32];
    snprintf(options, sizeof options, "-DACTIVATION=%d", (int)epilogue->activation);
    return clade__commands_launch(
        commands,
        &(clade__launch){
            .program = "gemm_join",
            .options = options,
            .kernel = "gemm_join",
            .args = {clade__arg_tensor(args->c), clade__arg_tensor(parts), clade__arg_tensor(epilogue->bias),
                     {CLADE__ARG_INT4,
                      {.ints = {(int32_t)args->m, (int32_t)args->n, (int32_t)args->ldc, n_parts}}},
                     clade__arg_int(args->c_offset), clade__arg_float(args->beta),
                     clade__arg_float(epilogue->slope)},
            .n_args = 7,
            .groups = {clade__groups(args->m * args->n, JOIN_GROUP)},
            .local = {JOIN_GROUP},
        });
}
