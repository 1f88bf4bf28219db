#include "blas/gemm.h"
#include "ops/check.h"
#include "ops/ops.h"
#include "ops/reduce.h"

clade_status clade__linear_forward(clade__commands *commands, clade_tensor *y,
                                   const clade_tensor *x, const clade_tensor *weight,
                                   const clade_tensor *bias, clade_activation activation,
                                   float slope)
{
    const clade__check check = {commands, "linear"};
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "weight", weight, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(x->shape), in = clade__shape_cols(x->shape);
    const int64_t out = clade__shape_rows(weight->shape);
    CLADE_TRY(clade__check_matrix(&check, "weight", weight, out, in));
    CLADE_TRY(clade__check_matrix(&check, "y", y, rows, out));
    if (bias) CLADE_TRY(clade__check_count(&check, "bias", bias, CLADE_FLOAT32, out));
    const clade_gemm_args gemm = {.m = rows,
                                  .n = out,
                                  .k = in,
                                  .trans_b = true,
                                  .alpha = 1.0f,
                                  .a = x,
                                  .b = weight,
                                  .c = y,
                                  .lda = in,
                                  .ldb = in,
                                  .ldc = out};
    const clade__epilogue epilogue = {.bias = bias, .activation = activation, .slope = slope};
    const bool plain = !bias && activation == CLADE_IDENTITY;
    return clade__gemm(commands, &gemm, plain ? NULL : &epilogue);
}

clade_status clade__linear_backward(clade__commands *commands, clade_tensor *dx,
                                    clade_tensor *dweight, clade_tensor *dbias,
                                    const clade_tensor *x, const clade_tensor *weight,
                                    const clade_tensor *dy, clade__linear_adds adds)
{
    const clade__check check = {commands, "linear"};
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(dy->shape), out = clade__shape_cols(dy->shape);
    const int64_t in = clade__shape_cols(x->shape);
    CLADE_TRY(clade__check_matrix(&check, "x", x, rows, in));
    CLADE_TRY(clade__check_matrix(&check, "weight", weight, out, in));
    if (dx) CLADE_TRY(clade__check_matrix(&check, "dx", dx, rows, in));
    if (dweight) CLADE_TRY(clade__check_matrix(&check, "dweight", dweight, out, in));
    if (dbias) CLADE_TRY(clade__check_count(&check, "dbias", dbias, CLADE_FLOAT32, out));

    if (dx)
        CLADE_TRY(clade__gemm(commands,
                              &(clade_gemm_args){.m = rows,
                                                 .n = in,
                                                 .k = out,
                                                 .alpha = 1.0f,
                                                 .beta = adds.dx ? 1.0f : 0.0f,
                                                 .a = dy,
                                                 .b = weight,
                                                 .c = dx,
                                                 .lda = out,
                                                 .ldb = in,
                                                 .ldc = in},
                              NULL));
    if (dweight)
        CLADE_TRY(clade__gemm(commands,
                              &(clade_gemm_args){.m = out,
                                                 .n = in,
                                                 .k = rows,
                                                 .trans_a = true,
                                                 .alpha = 1.0f,
                                                 .beta = adds.dweight ? 1.0f : 0.0f,
                                                 .a = dy,
                                                 .b = x,
                                                 .c = dweight,
                                                 .lda = out,
                                                 .ldb = in,
                                                 .ldc = in},
                              NULL));
    /* One launch even where the shape would gain from two: those need scratch, and a recorded plan
     * allocates nothing. A batch is rarely long enough for it to matter. */
    return dbias ? clade__sum_rows(commands, dbias, dy, adds.dbias) : CLADE_OK;
}

clade_status clade__linear_update(clade__commands *commands, clade_tensor *weight,
                                  const clade__sgd_state *state, const clade_tensor *x,
                                  const clade_tensor *dy, const clade__sgd_rates *rates)
{
    const clade__check check = {commands, "linear"};
    CLADE_TRY(clade__check_tensor(&check, "dy", dy, CLADE_FLOAT32));
    CLADE_TRY(clade__check_tensor(&check, "x", x, CLADE_FLOAT32));
    const int64_t rows = clade__shape_rows(dy->shape), out = clade__shape_cols(dy->shape);
    const int64_t in = clade__shape_cols(x->shape);
    CLADE_TRY(clade__check_matrix(&check, "x", x, rows, in));
    CLADE_TRY(clade__check_matrix(&check, "weight", weight, out, in));
    const clade_gemm_args gemm = {.m = out,
                                  .n = in,
                                  .k = rows,
                                  .trans_a = true,
                                  .a = dy,
                                  .b = x,
                                  .c = weight,
                                  .lda = out,
                                  .ldb = in,
                                  .ldc = in};
    return clade__gemm_update(commands, &gemm, state, rates);
}

clade_status clade_linear_forward(clade_tensor *y, const clade_tensor *x,
                                  const clade_tensor *weight, const clade_tensor *bias)
{
    return clade__linear_forward(clade__immediate_of(x), y, x, weight, bias, CLADE_IDENTITY, 0.0f);
}

clade_status clade_linear_backward(clade_tensor *dx, clade_tensor *dweight, clade_tensor *dbias,
                                   const clade_tensor *x, const clade_tensor *weight,
                                   const clade_tensor *dy)
{
    return clade__linear_backward(clade__immediate_of(dy), dx, dweight, dbias, x, weight, dy,
                                  (clade__linear_adds){0});
}
