/* Every operation but gemm, alone, on (rows, cols): a table of what each does to memory.
 *
 * The operations are those of verify/table.h. FLOPs are what the formula asks for, an exp, erf, square
 * root or division counted as one; bytes are each operand once, and twice where it is updated.
 * Matrices that fit a last cache are served from there: a share above 1 is a small size's. */
#include <clade/tensor.h>

#include "bench/bench_state.h"
#include "verify/table.h"

#define CALLS_OF_A_FLUSH 8 /* about what a step has */
#define SHORT_ELEMENTS   (1 << 17)

/* A layer's activations; those of a large batch; parameters of a large layer. */
static const int64_t sizes[][2] = {{128, 512}, {1024, 1024}, {4096, 4096}};

#define N_SIZES ((int)(sizeof sizes / sizeof sizes[0]))

const char *clade_bench_op_name(int i)
{
    return i >= 0 && i < clade__n_ops ? clade__ops[i].name : NULL;
}

bool clade_bench_op_size(int i, int64_t *rows, int64_t *cols)
{
    if (i < 0 || i >= N_SIZES) return false;
    *rows = sizes[i][0];
    *cols = sizes[i][1];
    return true;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static clade_status run_commands(void *context)
{
    return clade__commands_run(context);
}

/* A short call is recorded several times, so that the queue is flushed as often as in a step. */
static clade_status measure_op(clade_bench *bench, const clade__trial *trial,
                               clade_bench_op_result *result)
{
    clade__commands *commands = NULL;
    clade_status status = clade__commands_create(&commands, bench->device);
    int n_calls = clade_shape_elements(trial->shape) > SHORT_ELEMENTS ? 1 : CALLS_OF_A_FLUSH;
    for (int i = 0; status == CLADE_OK && i < n_calls; i++)
        status = trial->op->family->record(commands, trial);
    clade__subject subject = {.enqueue = run_commands, .context = commands,
                              .device = bench->device, .n_units = n_calls};
    if (status == CLADE_OK) status = clade__measure(&subject, 1, bench->seconds);
    clade__commands_free(commands);
    result->time = subject.time;
    return status;
}

clade_status clade_bench_op(clade_bench *bench, int op, int64_t rows, int64_t cols,
                            clade_bench_op_result *result)
{
    CLADE_WANT(bench);
    CLADE_WANT(result);
    *result = (clade_bench_op_result){0};
    if (op < 0 || op >= clade__n_ops)
        return clade__fail(CLADE_EINVAL, "bench: no operation %d, there are %d", op, clade__n_ops);
    clade__trial trial = {.device = bench->device, .op = &clade__ops[op],
                          .shape = CLADE_SHAPE(rows, cols)};
    CLADE_TRY(clade__shape_check_counted(trial.shape, "bench"));
    CLADE_TRY(clade__bench_limits(bench));
    clade_status status = clade__trial_prepare(&trial);
    if (status == CLADE_OK) status = clade__trial_upload(&trial);
    if (status == CLADE_OK) status = measure_op(bench, &trial, result);
    result->op = trial.op->name;
    result->rows = rows;
    result->cols = cols;
    result->flops = (double)rows * (double)cols * trial.op->flops;
    result->bytes = clade__trial_bytes(&trial);
    clade__trial_free(&trial);
    if (status == CLADE_OK)
        result->share_of_roof =
            clade__bench_least_seconds(bench, result->flops, result->bytes) / result->time.median;
    return status;
}
