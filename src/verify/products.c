/* gemm by every provider, and the step of sgd inside it.
 *
 * A float sum of k products, in any order and with or without fused operations, is within k units of
 * the sum of |a| |b| (Higham, 3.1), and a few more where it is scaled and added. Around every matrix
 * lie NaNs with a pattern: read, they spoil a result; written, they change. */
#include <math.h>

#include "base/philox.h"
#include "blas/provider.h"
#include "verify/families.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

#define ALL_VALUES                                                                                 \
    (1u << CLADE__ORDINARY | 1u << CLADE__EXACT | 1u << CLADE__NONFINITE | 1u << CLADE__DENORMAL)

/* ---- cases ----------------------------------------------------------------------------------- */

static const float scales[][2] = {{1, 0},  {1, 1},  {-0.5f, 0.25f},
                                  {2, 0}, {0, -1}, {0.75f, -0.5f}};

/* Thin ones, and those where providers change to kernels for large matrices. */
static const int large[][3] = {{1, 500, 300},  {500, 1, 300},  {300, 500, 1},  {10, 128, 784},
                               {128, 10, 600}, {60, 30, 1100}, {421, 397, 443}, {448, 416, 480},
                               {3100, 17, 70}};

/* Then few tiles and many blocks of k, which our own providers give groups of their own where that feeds the
 * device, with a last block that is whole, or short, or too short to stand alone. */
static const int with_epilogue[][3] = {{1, 1, 1},    {37, 65, 19},  {64, 128, 32}, {5, 11, 13},
                                       {2, 2, 4096}, {3, 40, 5000}, {9, 4, 4101}};

enum { N_RANDOM = 96, N_LARGE = COUNT(large) * 4, N_EPILOGUE = COUNT(with_epilogue) * 12 };

static void set_part(clade__product *p, int offset, int padding)
{
    p->offset = offset;
    p->padding = padding;
}

/* Every second one is a part of larger tensors. */
static void random_product(clade__product *p, int i)
{
    static const int sizes[] = {1,  2,  3,  5,  7,  11, 13, 15, 16, 17,  19,  23,  31,  32,
                                33, 37, 48, 53, 63, 64, 65, 79, 97, 101, 127, 128, 129, 200};
    clade__random random = clade__random_start(1, (uint64_t)i);
    int *dims[] = {&p->m, &p->n, &p->k};
    for (int d = 0; d < 3; d++)
        *dims[d] = i < 4 ? 1 : sizes[clade__random_below(&random, (uint32_t)COUNT(sizes))];
    const float *scale = scales[clade__random_below(&random, (uint32_t)COUNT(scales))];
    p->alpha = scale[0];
    p->beta = scale[1];
    int offset = (int)clade__random_below(&random, 40);
    if (i / 4 % 2) set_part(p, offset, 1 + (int)clade__random_below(&random, 9));
}

bool clade__product_at(int i, clade__product *product)
{
    clade__product p = {.alpha = 1.0f, .trans_a = i & 1, .trans_b = (i & 2) != 0};
    const int *dims = NULL;
    if (i < N_RANDOM) {
        random_product(&p, i);
    } else if ((i -= N_RANDOM) < N_LARGE) {
        dims = large[i / 4];
        if (i / 4 % 2) set_part(&p, 3 + i, 1 + i % 3);
        if (i / 4 % 2 && i % 2) p.beta = 0.5f;
    } else if ((i -= N_LARGE) < N_EPILOGUE) {
        dims = with_epilogue[i / 12];
        p.beta = i % 3 ? 0.0f : 0.5f;
        p.with_bias = i % 2;
        p.activation = (clade_activation)(i % 12 / 2);
        if (i % 12 >= 6) set_part(&p, 2 + i, 1 + i % 5);
    } else {
        return false;
    }
    if (dims) {
        p.m = dims[0];
        p.n = dims[1];
        p.k = dims[2];
    }
    p.values = 1u << CLADE__ORDINARY | 1u << CLADE__EXACT;
    if (i % 5 == 0) p.values |= 1u << CLADE__DENORMAL;
    /* 0 times NaN, and gelu of minus infinity, are what a device makes of them. */
    if (i % 5 == 0 && p.alpha != 0.0f && p.activation != CLADE_GELU)
        p.values |= 1u << CLADE__NONFINITE;
    *product = p;
    return true;
}

bool clade__product_update_at(int i, clade__product *product)
{
    static const clade__product updates[] = {
        {.m = 1, .n = 1, .k = 1, .trans_a = true},
        {.m = 7, .n = 5, .k = 3, .trans_a = true, .momentum = 0.9f},
        {.m = 12, .n = 32, .k = 10, .trans_a = true, .momentum = 0.5f, .weight_decay = 1e-2f,
         .bias_decay = 1e-2f},
        {.m = 13, .n = 33, .k = 11, .trans_a = true, .momentum = 0.5f, .weight_decay = 1e-2f,
         .bias_decay = 3e-1f, .nesterov = true},
        {.m = 33, .n = 17, .k = 9, .momentum = 0.9f, .weight_decay = 1e-3f},
        {.m = 97, .n = 101, .k = 64, .trans_a = true, .momentum = 0.9f, .nesterov = true},
        {.m = 300, .n = 500, .k = 1, .trans_a = true, .weight_decay = 1e-2f, .bias_decay = 1e-1f},
        {.m = 64, .n = 17, .k = 1500, .trans_a = true, .momentum = 0.9f, .weight_decay = 1e-3f},
        {.m = 10, .n = 784, .k = 128, .trans_a = true, .momentum = 0.9f},
        {.m = 1500, .n = 1500, .k = 10, .trans_a = true, .momentum = 0.9f},
        {.m = 16, .n = 3100, .k = 20, .trans_a = true, .momentum = 0.9f},
    };
    if (i >= COUNT(updates)) return false;
    *product = updates[i];
    product->values = ALL_VALUES;
    return true;
}

/* ---- matrices -------------------------------------------------------------------------------- */

enum { A, B, C, BIAS };

/* Where a matrix lies in its operand: element (row, col) is at offset + row ld + col. */
typedef struct matrix {
    int64_t rows, cols, offset, ld, n;
} matrix;

static matrix matrix_of(const clade__product *p, int operand)
{
    int more = p->offset + p->padding > 0 ? operand : 0;
    matrix x = {p->m, p->n, p->offset + more, 0, 0};
    if (operand == A) {
        x.rows = p->trans_a ? p->k : p->m;
        x.cols = p->trans_a ? p->m : p->k;
    } else if (operand == B) {
        x.rows = p->trans_b ? p->n : p->k;
        x.cols = p->trans_b ? p->k : p->n;
    }
    int padding = p->padding + more;
    x.ld = x.cols + padding;
    x.n = x.offset + x.rows * x.ld + 2 * padding;
    return x;
}

static bool is_outside(const matrix *x, int64_t i)
{
    int64_t at = i - x->offset;
    return at < 0 || at % x->ld >= x->cols || at / x->ld >= x->rows;
}

/* Puts NaNs around the matrix, and in it too where it must only be written. */
static void surround(clade__operand *o, const matrix *x, bool everywhere)
{
    for (int64_t i = 0; o->before.data && i < x->n; i++)
        if (everywhere || is_outside(x, i)) o->before.ints[i] = (int32_t)o->poison;
}

static void prepare(clade__trial *t)
{
    const clade__product *p = t->detail;
    matrix a = matrix_of(p, A), b = matrix_of(p, B), c = matrix_of(p, C);
    clade__trial_in(t, "a", CLADE_SHAPE(a.n), -1.0, 1.0);
    clade__trial_in(t, "b", CLADE_SHAPE(b.n), -1.0, 1.0);
    clade__trial_inout(t, "c", CLADE_SHAPE(c.n), -1.0, 1.0);
    surround(&t->operands[A], &a, false);
    surround(&t->operands[B], &b, false);
    surround(&t->operands[C], &c, p->beta == 0.0f);
    if (p->with_bias) clade__trial_in(t, "bias", CLADE_SHAPE(p->n), -1.0, 1.0);
}

static clade_gemm_args args_of(const clade__trial *t)
{
    const clade__product *p = t->detail;
    matrix a = matrix_of(p, A), b = matrix_of(p, B), c = matrix_of(p, C);
    return (clade_gemm_args){
        .m = p->m, .n = p->n, .k = p->k, .trans_a = p->trans_a, .trans_b = p->trans_b,
        .alpha = p->alpha, .beta = p->beta, .a = clade__trial_tensor(t, A),
        .b = clade__trial_tensor(t, B), .c = clade__trial_tensor(t, C), .a_offset = a.offset,
        .b_offset = b.offset, .c_offset = c.offset, .lda = a.ld, .ldb = b.ld, .ldc = c.ld};
}

/* Row i of op(A) op(B), and of |op(A)| |op(B)|. */
static void product_row(const clade__trial *t, int64_t i, double *sums, double *sizes)
{
    const clade__product *p = t->detail;
    matrix a = matrix_of(p, A), b = matrix_of(p, B);
    const float *of_a = t->operands[A].before.floats + a.offset;
    const float *of_b = t->operands[B].before.floats + b.offset;
    int64_t step = p->trans_b ? b.ld : 1;
    for (int64_t j = 0; j < p->n; j++) sums[j] = sizes[j] = 0.0;
    for (int64_t l = 0; l < p->k; l++) {
        double x = (double)of_a[p->trans_a ? l * a.ld + i : i * a.ld + l];
        const float *y = of_b + (p->trans_b ? l : l * b.ld);
        for (int64_t j = 0; j < p->n; j++) {
            double product = x * (double)y[j * step];
            sums[j] += product;
            sizes[j] += fabs(product);
        }
    }
}

/* ---- gemm ------------------------------------------------------------------------------------ */

#define SLOPE 0.125f
#define STEEPEST 1.13 /* an activation: gelu */

static clade_status record(clade__commands *commands, const clade__trial *t)
{
    const clade__product *p = t->detail;
    clade_gemm_args args = args_of(t);
    clade__epilogue epilogue = {p->with_bias ? clade__trial_tensor(t, BIAS) : NULL, p->activation,
                                SLOPE};
    return clade__gemm_with(p->provider, commands, &args, &epilogue);
}

static void expect_row(clade__trial *t, int64_t i, const double *sums, const double *sizes)
{
    const clade__product *p = t->detail;
    matrix c = matrix_of(p, C);
    for (int64_t j = 0; j < p->n; j++) {
        int64_t at = c.offset + i * c.ld + j;
        double before = 0.0, added = 0.0, own;
        if (p->beta != 0.0f) before = (double)p->beta * (double)t->operands[C].before.floats[at];
        if (p->with_bias) added = (double)t->operands[BIAS].before.floats[j];
        double x = (double)p->alpha * sums[j] + before + added;
        /* The scales are such that exact sums stay exact. */
        double bound = t->values == CLADE__EXACT ? 0.0
                                                 : (p->k + 6) * (fabs((double)p->alpha) * sizes[j] +
                                                                 fabs(before) + fabs(added));
        double y = clade__activation_formula(p->activation, (double)SLOPE, x, &own);
        clade__expect(&t->operands[C], at, y, STEEPEST * bound + own);
    }
}

/* Runs `row` with the sums of each row of the product. */
static void for_rows(clade__trial *t, void (*row)(clade__trial *t, int64_t i, const double *sums,
                                                  const double *sizes))
{
    const clade__product *p = t->detail;
    double *sums = clade__arena_alloc(&t->arena, 2 * (size_t)p->n * sizeof *sums);
    if (!sums) t->failed = true;
    for (int64_t i = 0; sums && i < p->m; i++) {
        product_row(t, i, sums, sums + p->n);
        row(t, i, sums, sums + p->n);
    }
}

static void expect(clade__trial *t)
{
    for_rows(t, expect_row);
}

const clade__family clade__products = {prepare, record, expect, 0, NULL};

/* ---- the step of sgd inside it --------------------------------------------------------------- */

enum { BIAS_TOO = BIAS, VELOCITY, BIAS_VELOCITY };

static const float rate = 0.25f;

static clade__sgd_rates rates_of(const clade__product *p)
{
    return (clade__sgd_rates){.lr = &rate, .momentum = p->momentum,
                              .weight_decay = p->weight_decay, .bias_decay = p->bias_decay,
                              .nesterov = p->nesterov};
}

static void prepare_update(clade__trial *t)
{
    const clade__product *p = t->detail;
    clade_shape weight = CLADE_SHAPE(p->m, p->n), bias = CLADE_SHAPE(p->m);
    clade__trial_in(t, "a", CLADE_SHAPE(matrix_of(p, A).n), -1.0, 1.0);
    clade__trial_in(t, "b", CLADE_SHAPE(matrix_of(p, B).n), -1.0, 1.0);
    clade__trial_inout(t, "weight", weight, -1.0, 1.0);
    clade__trial_inout(t, "bias", bias, -1.0, 1.0);
    if (p->momentum == 0.0f) return;
    clade__trial_inout(t, "velocity", weight, -1.0, 1.0);
    clade__trial_inout(t, "bias velocity", bias, -1.0, 1.0);
}

static clade_status record_update(clade__commands *commands, const clade__trial *t)
{
    const clade__product *p = t->detail;
    clade_gemm_args args = args_of(t);
    clade__sgd_rates rates = rates_of(p);
    clade__sgd_state state = {.bias = clade__trial_tensor(t, BIAS_TOO)};
    if (p->momentum != 0.0f) {
        state.velocity = clade__trial_tensor(t, VELOCITY);
        state.bias_velocity = clade__trial_tensor(t, BIAS_VELOCITY);
    }
    return p->provider->record_update(commands, &args, &state, &rates);
}

/* The step of element i of a parameter, and of its velocity where there is one. */
static void expect_step(clade__trial *t, int parameter, int velocity, int64_t i, double g,
                        double g_bound)
{
    clade__sgd_rates rates = rates_of(t->detail);
    if (parameter == BIAS_TOO) rates.weight_decay = rates.bias_decay;
    clade__operand *w = &t->operands[parameter], *v = &t->operands[velocity];
    bool moves = velocity < t->n_operands;
    if (t->values == CLADE__EXACT) g_bound = 0.0;
    clade__sgd_result r =
        clade__sgd_formula(&rates, (double)w->before.floats[i],
                           moves ? (double)v->before.floats[i] : 0.0, g, g_bound);
    clade__expect(w, i, r.w, r.w_bound);
    if (moves) clade__expect(v, i, r.velocity, r.velocity_bound);
}

static void expect_update_row(clade__trial *t, int64_t i, const double *sums, const double *sizes)
{
    const clade__product *p = t->detail;
    for (int64_t j = 0; j < p->n; j++)
        expect_step(t, C, VELOCITY, i * p->n + j, sums[j], p->k * sizes[j]);
    /* The bias's gradient: the sum of row i of op(A). */
    double sum = 0.0, size = 0.0;
    for (int64_t l = 0; l < p->k; l++) {
        double x = (double)t->operands[A].before.floats[p->trans_a ? l * p->m + i : i * p->k + l];
        sum += x;
        size += fabs(x);
    }
    expect_step(t, BIAS_TOO, BIAS_VELOCITY, i, sum, p->k * size);
}

static void expect_update(clade__trial *t)
{
    for_rows(t, expect_update_row);
}

const clade__family clade__product_updates = {prepare_update, record_update, expect_update,
                                              0, NULL};
