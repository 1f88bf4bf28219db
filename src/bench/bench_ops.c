/* Every operation but gemm, alone, on (rows, cols): a table of what each does to memory.
 *
 * FLOPs are what the formula asks for, an exp, erf, square root or division counted as one; bytes
 * are each operand once. Matrices that fit a last cache are served from there: a share above 1 is
 * a small size's. */
#include <stdlib.h>

#include <clade/model.h>

#include "bench/bench_state.h"
#include "ops/ops.h"
#include "ops/reduce.h"

#define CALLS_OF_A_FLUSH 8 /* about what a step has */
#define SHORT_ELEMENTS   (1 << 17)

/* What the operations work on; the same for all, so that a row is only a call. */
typedef struct operands {
    clade_tensor *x, *y, *z, *w;    /* (rows, cols) float32 */
    clade_tensor *bytes;            /* (rows, cols) uint8 */
    clade_tensor *loss, *hit, *sum; /* (rows) float32 */
    clade_tensor *labels, *index, *best; /* (rows) int32 */
    clade_tensor *cols;             /* (cols) float32 */
    clade_tensor *columns;          /* (2, cols) */
    clade_tensor *steps;            /* (4, 2) */
    clade_tensor *one;              /* (1) */
    clade_tensor *partials;         /* of clip_norm */
    clade_tensor *scratch[3];       /* of a reduction over all, the rows, the columns; or NULL */
} operands;

static const int32_t zero;
static const float rate = 1e-6f, correction = 1.0f;

typedef clade_status record_op(clade__commands *commands, const operands *o, int variant);

typedef struct op_row {
    const char *name;
    record_op *record;
    int variant;
    double flops;    /* an element */
    double matrices; /* (rows, cols) float32 that are read or written */
    double vectors;  /* (rows) of four bytes, the same */
} op_row;

static clade_status activation(clade__commands *c, const operands *o, int kind)
{
    return clade__activation_forward(c, (clade_activation)kind, 0.01f, o->y, o->x);
}

static clade_status activation_grad(clade__commands *c, const operands *o, int kind)
{
    return clade__activation_backward(c, (clade_activation)kind, 0.01f, o->z, o->x, o->x, o->y);
}

static clade_status softmax(clade__commands *c, const operands *o, int is_log)
{
    return is_log ? clade__log_softmax_forward(c, o->y, o->x)
                  : clade__softmax_forward(c, o->y, o->x);
}

static clade_status softmax_grad(clade__commands *c, const operands *o, int is_log)
{
    return is_log ? clade__log_softmax_backward(c, o->z, o->x, o->y)
                  : clade__softmax_backward(c, o->z, o->x, o->y);
}

static clade_status add(clade__commands *c, const operands *o, int variant)
{
    (void)variant;
    return clade__add_forward(c, o->z, o->x, o->y);
}

static clade_status dropout(clade__commands *c, const operands *o, int variant)
{
    (void)variant;
    return clade__dropout(c, o->y, o->x,
                          &(clade__dropout_mask){.p = 0.5f, .step = &zero, .first_row = &zero});
}

static clade_status loss(clade__commands *c, const operands *o, int kind)
{
    switch (kind) {
    case CLADE_LOSS_CROSS_ENTROPY:
        return clade__cross_entropy(c, o->loss, o->hit, o->y, o->x, o->labels, 1.0f);
    case CLADE_LOSS_MSE: return clade__mse(c, o->loss, o->z, o->x, o->y, 1.0f);
    default: return clade__bce_with_logits(c, o->loss, o->z, o->x, o->y, 1.0f);
    }
}

static clade_status one_hot(clade__commands *c, const operands *o, int variant)
{
    (void)variant;
    return clade__one_hot(c, o->y, o->labels);
}

/* Over the rows (0), over the columns (1), over all (CLADE_ALL). */
static clade_status reduce(clade__commands *c, const operands *o, clade_reduction kind, int dim)
{
    bool arg = kind == CLADE_ARGMAX;
    clade_tensor *dst = dim == 0 ? o->cols : dim == 1 ? arg ? o->best : o->sum : o->one;
    return clade__reduce_forward(c, kind, dim, dst, o->x, o->scratch[dim + 1]);
}

static clade_status reduce_rows(clade__commands *c, const operands *o, int kind)
{
    return reduce(c, o, (clade_reduction)kind, 0);
}

static clade_status reduce_cols(clade__commands *c, const operands *o, int kind)
{
    return reduce(c, o, (clade_reduction)kind, 1);
}

static clade_status reduce_all(clade__commands *c, const operands *o, int kind)
{
    return reduce(c, o, (clade_reduction)kind, CLADE_ALL);
}

static clade_status reduce_grad(clade__commands *c, const operands *o, int kind)
{
    return clade__reduce_backward(c, (clade_reduction)kind, 1, o->y, o->x, o->sum);
}

static clade_status sum_rows(clade__commands *c, const operands *o, int variant)
{
    (void)variant;
    return clade__sum_rows(c, o->cols, o->x, false);
}

static clade_status sgd(clade__commands *c, const operands *o, int variant)
{
    clade__sgd_rates rates = {.lr = &rate, .momentum = variant ? 0.9f : 0.0f,
                              .nesterov = variant == 2};
    return clade__sgd_step(c, o->w, o->z, o->x, NULL, &rates);
}

static clade_status adam(clade__commands *c, const operands *o, int decoupled)
{
    clade__adam_rates rates = {.lr = &rate, .correction1 = &correction,
                               .correction2 = &correction, .beta1 = 0.9f, .beta2 = 0.999f,
                               .epsilon = 1e-8f, .weight_decay = 0.01f,
                               .decoupled = decoupled != 0};
    return clade__adam_step(c, o->w, o->z, o->y, o->x, NULL, &rates);
}

static clade_status clip_norm(clade__commands *c, const operands *o, int variant)
{
    (void)variant;
    return clade__clip_norm(c, o->one, o->partials, &(clade_tensor *){o->x}, 1, 1.0f);
}

static clade_status gather(clade__commands *c, const operands *o, int is_bytes)
{
    return clade__gather(c, o->y, is_bytes ? o->bytes : o->x, o->index, &zero, 1.0f, 0.0f, NULL);
}

static clade_status gather_by_column(clade__commands *c, const operands *o, int is_bytes)
{
    return clade__gather(c, o->y, is_bytes ? o->bytes : o->x, o->index, &zero, 1.0f, 0.0f,
                         o->columns);
}

static clade_status metrics(clade__commands *c, const operands *o, int variant)
{
    return variant ? clade__metrics_store(c, o->steps, &zero, o->loss, o->hit, false)
                   : clade__count_hits(c, o->hit, o->x, o->labels, 0.5f);
}

static clade_status set_zero(clade__commands *c, const operands *o, int variant)
{
    (void)variant;
    return clade__commands_zero(c, o->y);
}

static const op_row rows_of_table[] = {
    {"sigmoid_forward", activation, CLADE_SIGMOID, 4, 2, 0},
    {"sigmoid_backward", activation_grad, CLADE_SIGMOID, 3, 3, 0},
    {"tanh_forward", activation, CLADE_TANH, 4, 2, 0},
    {"tanh_backward", activation_grad, CLADE_TANH, 3, 3, 0},
    {"relu_forward", activation, CLADE_RELU, 1, 2, 0},
    {"relu_backward", activation_grad, CLADE_RELU, 1, 3, 0},
    {"leaky_relu_forward", activation, CLADE_LEAKY_RELU, 2, 2, 0},
    {"leaky_relu_backward", activation_grad, CLADE_LEAKY_RELU, 2, 3, 0},
    {"gelu_forward", activation, CLADE_GELU, 5, 2, 0},
    {"gelu_backward", activation_grad, CLADE_GELU, 11, 3, 0},
    {"softmax_forward", softmax, false, 5, 2, 0},
    {"softmax_backward", softmax_grad, false, 4, 3, 0},
    {"log_softmax_forward", softmax, true, 5, 2, 0},
    {"log_softmax_backward", softmax_grad, true, 4, 3, 0},
    {"add", add, 0, 1, 3, 0},
    {"dropout", dropout, 0, 1, 2, 0},
    {"cross_entropy", loss, CLADE_LOSS_CROSS_ENTROPY, 7, 2, 3},
    {"mse", loss, CLADE_LOSS_MSE, 4, 3, 1},
    {"bce_with_logits", loss, CLADE_LOSS_BCE_WITH_LOGITS, 11, 3, 1},
    {"one_hot", one_hot, 0, 0, 1, 1},
    {"sum_of_rows", reduce_rows, CLADE_SUM, 1, 1, 0},
    {"sum_of_cols", reduce_cols, CLADE_SUM, 1, 1, 1},
    {"sum_of_all", reduce_all, CLADE_SUM, 1, 1, 0},
    {"max_of_rows", reduce_rows, CLADE_MAX, 1, 1, 0},
    {"max_of_cols", reduce_cols, CLADE_MAX, 1, 1, 1},
    {"max_of_all", reduce_all, CLADE_MAX, 1, 1, 0},
    {"argmax_of_cols", reduce_cols, CLADE_ARGMAX, 1, 1, 1},
    {"sum_backward", reduce_grad, CLADE_SUM, 0, 1, 1},
    {"max_backward", reduce_grad, CLADE_MAX, 1, 2, 1},
    {"bias_gradient", sum_rows, 0, 1, 1, 0},
    {"sgd", sgd, 0, 4, 3, 0},
    {"sgd_momentum", sgd, 1, 6, 5, 0},
    {"sgd_nesterov", sgd, 2, 8, 5, 0},
    {"adam", adam, false, 16, 7, 0},
    {"adamw", adam, true, 16, 7, 0},
    {"clip_norm", clip_norm, 0, 2, 1, 0},
    {"gather_float", gather, false, 2, 2, 1},
    {"gather_bytes", gather, true, 2, 1.25, 1},
    {"gather_float_by_column", gather_by_column, false, 2, 2, 1},
    {"gather_bytes_by_column", gather_by_column, true, 2, 1.25, 1},
    {"count_hits", metrics, 0, 1, 1, 2},
    {"metrics_store", metrics, 1, 0, 0, 2},
    {"zero", set_zero, 0, 0, 1, 0},
};

#define N_OPS ((int)(sizeof rows_of_table / sizeof rows_of_table[0]))

/* A layer's activations; those of a large batch; parameters of a large layer. */
static const int64_t sizes[][2] = {{128, 512}, {1024, 1024}, {4096, 4096}};

#define N_SIZES ((int)(sizeof sizes / sizeof sizes[0]))

const char *clade_bench_op_name(int i)
{
    return i >= 0 && i < N_OPS ? rows_of_table[i].name : NULL;
}

bool clade_bench_op_size(int i, int64_t *rows, int64_t *cols)
{
    if (i < 0 || i >= N_SIZES) return false;
    *rows = sizes[i][0];
    *cols = sizes[i][1];
    return true;
}

/* ---- operands -------------------------------------------------------------------------------- */

static clade_status make_filled(clade_tensor **out, clade_device *device, clade_shape shape,
                                float value)
{
    CLADE_TRY(clade_tensor_create(out, device, CLADE_FLOAT32, shape, NULL));
    return clade_tensor_fill(*out, value);
}

/* index: 0 … rows-1; labels: zeros. */
static clade_status make_integers(operands *o, clade_device *device, int64_t rows)
{
    int32_t *values = calloc((size_t)rows, sizeof *values);
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory for a bench");
    const clade_shape shape = CLADE_SHAPE(rows);
    clade_status status = clade_tensor_create(&o->labels, device, CLADE_INT32, shape, values);
    for (int64_t i = 0; i < rows; i++) values[i] = (int32_t)i;
    if (status == CLADE_OK)
        status = clade_tensor_create(&o->index, device, CLADE_INT32, shape, values);
    free(values);
    if (status == CLADE_OK)
        status = clade_tensor_create(&o->best, device, CLADE_INT32, shape, NULL);
    return status;
}

/* Values that stay ordinary, however often an operation runs: no NaN and nothing denormal. */
static clade_status make_operands(operands *o, clade_device *device, int64_t rows, int64_t cols)
{
    const clade_shape matrix = CLADE_SHAPE(rows, cols), row = CLADE_SHAPE(rows);
    clade_tensor **matrices[] = {&o->x, &o->y, &o->z, &o->w};
    clade_tensor **vectors[] = {&o->loss, &o->hit, &o->sum};
    for (int i = 0; i < 4; i++) CLADE_TRY(make_filled(matrices[i], device, matrix, 0.5f));
    for (int i = 0; i < 3; i++) CLADE_TRY(make_filled(vectors[i], device, row, 0.5f));
    CLADE_TRY(make_filled(&o->cols, device, CLADE_SHAPE(cols), 0.5f));
    CLADE_TRY(make_filled(&o->columns, device, CLADE_SHAPE(2, cols), 0.5f));
    CLADE_TRY(make_filled(&o->steps, device, CLADE_SHAPE(4, 2), 0.5f));
    CLADE_TRY(make_filled(&o->one, device, CLADE_SHAPE(1), 0.5f));
    int64_t n_partials = clade__clip_norm_partials(device, rows * cols);
    CLADE_TRY(make_filled(&o->partials, device, CLADE_SHAPE(n_partials), 0.0f));
    for (int dim = CLADE_ALL; dim <= 1; dim++) {
        int64_t n = clade__reduce_scratch(dim, matrix);
        if (n) CLADE_TRY(make_filled(&o->scratch[dim + 1], device, CLADE_SHAPE(n), 0.0f));
    }
    CLADE_TRY(clade_tensor_create(&o->bytes, device, CLADE_UINT8, matrix, NULL));
    return make_integers(o, device, rows);
}

static void free_operands(operands *o)
{
    clade_tensor *all[] = {o->x, o->y, o->z, o->w, o->bytes, o->loss, o->hit, o->sum,
                           o->labels, o->index, o->best, o->cols, o->columns, o->steps, o->one,
                           o->partials, o->scratch[0], o->scratch[1], o->scratch[2]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static clade_status run_commands(void *context)
{
    return clade__commands_run(context);
}

/* A short call is recorded several times, so that the queue is flushed as often as in a step. */
static clade_status measure_op(clade_bench *bench, const op_row *row, const operands *o,
                               clade_bench_op_result *result)
{
    clade__commands *commands = NULL;
    clade_status status = clade__commands_create(&commands, bench->device);
    int n_calls = clade_tensor_elements(o->x) > SHORT_ELEMENTS ? 1 : CALLS_OF_A_FLUSH;
    for (int i = 0; status == CLADE_OK && i < n_calls; i++)
        status = row->record(commands, o, row->variant);
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
    *result = (clade_bench_op_result){0};
    if (op < 0 || op >= N_OPS)
        return clade__fail(CLADE_EINVAL, "bench: no operation %d, there are %d", op, N_OPS);
    CLADE_TRY(clade__shape_check(CLADE_SHAPE(rows, cols), "bench"));
    CLADE_TRY(clade__bench_limits(bench));
    const op_row *row = &rows_of_table[op];
    operands o = {0};
    clade_status status = make_operands(&o, bench->device, rows, cols);
    if (status == CLADE_OK) status = measure_op(bench, row, &o, result);
    free_operands(&o);
    double n = (double)rows * (double)cols;
    result->op = row->name;
    result->rows = rows;
    result->cols = cols;
    result->flops = n * row->flops;
    result->bytes = sizeof(float) * (n * row->matrices + (double)rows * row->vectors);
    if (status == CLADE_OK)
        result->share_of_roof =
            clade__bench_least_seconds(bench, result->flops, result->bytes) / result->time.median;
    return status;
}
