/* Dropout: masks against Philox on the host, element by element; that they are what they should be
 * as random numbers; and in a network: training and evaluation, steps and layers. */
#include "base/philox.h"
#include "data/dataset.h"
#include "network.h"
#include "ops/ops.h"
#include "reference.h"

#define SEED UINT64_C(0x123456789abcdef1)

/* Whether row and column are kept, from the words that cl/dropout.cl names. */
static bool kept(float p, int layer, int64_t step, uint64_t row, uint64_t col)
{
    uint64_t stream = (uint64_t)(step & 0xffffffff) << 32 | (uint64_t)((1 << 30) + layer);
    return clade__philox(SEED, (row >> 2) << 32 | col, stream).word[row & 3] >=
           (double)p * 4294967296.0;
}

static double *expected(float p, int layer, int64_t step, int first_row, ref_matrix size,
                        const float *x)
{
    double *y = ref_doubles((int64_t)size.rows * size.cols);
    for (int r = 0; r < size.rows; r++)
        for (int c = 0; c < size.cols; c++) {
            int i = r * size.cols + c;
            bool keep = p < 1 && kept(p, layer, step, (uint64_t)(first_row + r), (uint64_t)c);
            y[i] = keep ? (double)x[i] / (1.0 - (double)p) : 0.0;
        }
    return y;
}

/* ---- the operation --------------------------------------------------------------------------- */

static void masks_are_those_of_philox(void **state)
{
    static const float ps[] = {0, 1e-10f, 0.1f, 0.3f, 0.5f, 0.99f, 1};
    for (int i = 0; i < ref_n_matrices; i++)
        for (size_t k = 0; k < sizeof ps / sizeof ps[0]; k++) {
            const ref_matrix size = ref_matrices[i];
            int n = size.rows * size.cols;
            const clade_dropout_args args = {
                .p = ps[k], .seed = SEED, .layer = (int)k, .step = 1000000007 + i};
            float *x = test_random(1, n, 0.5f, 1);
            clade_shape shape = CLADE_SHAPE(size.rows, size.cols);
            clade_tensor *tx = test_tensor(*state, shape, x), *y = test_tensor(*state, shape, NULL);
            clade_tensor *dx = test_tensor(*state, shape, NULL);
            assert_ok(clade_dropout_forward(y, tx, &args));
            ref_check(test_text("dropout %g (%d, %d)", (double)ps[k], size.rows, size.cols), y,
                      expected(ps[k], args.layer, args.step, 0, size, x), 0, 1e-6);
            assert_ok(clade_dropout_backward(dx, tx, &args));
            ref_check_same_bits("backward", dx, y);
            assert_ok(clade_dropout_forward(tx, tx, &args));
            ref_check_same_bits("y is x", tx, y);
            clade_tensor_free(tx);
            clade_tensor_free(y);
            clade_tensor_free(dx);
            free(x);
        }
}

/* A part of a batch has the mask of its rows, wherever it starts; step and row are read at each
 * run. */
static void a_part_of_a_batch_has_its_rows_masks(void **state)
{
    const ref_matrix size = {13, 131};
    float *x = test_random(1, 13 * 131, 0.5f, 1);
    clade_tensor *tx = test_tensor(*state, CLADE_SHAPE(13, 131), x);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(13, 131), NULL);
    int32_t step = 0, first_row = 0;
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__dropout(commands, y, tx,
                             &(clade__dropout_mask){.p = 0.5f, .seed = SEED, .layer = 3,
                                                    .step = &step, .first_row = &first_row},
                             false));
    for (first_row = 0; first_row < 6; first_row++) {
        step = first_row - 2; /* as an int beyond 2^31 is */
        assert_ok(clade__commands_run(commands));
        ref_check(test_text("from row %d", first_row), y,
                  expected(0.5f, 3, step, first_row, size, x), 0, 0);
    }
    clade__commands_free(commands);
    clade_tensor_free(tx);
    clade_tensor_free(y);
    free(x);
}

enum { ROWS = 300, COLS = 300, N = ROWS * COLS };

static float *drawn(clade_device *device, float p, uint64_t seed, int layer, int64_t step)
{
    float *ones = malloc(N * sizeof *ones);
    assert_non_null(ones);
    for (int i = 0; i < N; i++) ones[i] = 1;
    clade_tensor *x = test_tensor(device, CLADE_SHAPE(ROWS, COLS), ones);
    assert_ok(clade_dropout_forward(x, x, &(clade_dropout_args){
        .p = p, .seed = seed, .layer = layer, .step = step}));
    float *y = test_read(x);
    clade_tensor_free(x);
    free(ones);
    return y;
}

/* Each element is dropped with probability p, and no two masks have to do with each other: within
 * five standard errors. */
static void masks_are_random(void **state)
{
    const float p = 0.3f;
    float *of[] = {drawn(*state, p, 1, 1, 1), drawn(*state, p, 2, 1, 1), drawn(*state, p, 1, 2, 1),
                   drawn(*state, p, 1, 1, 2), drawn(*state, p, UINT64_C(1) << 32 | 1, 1, 1)};
    enum { N_MASKS = sizeof of / sizeof of[0] };
    for (int i = 0; i < N_MASKS; i++) {
        double mean = 0;
        for (int k = 0; k < N; k++) mean += (double)of[i][k] / N;
        assert_true(fabs(mean - 1) <= 5 * sqrt(0.3 / 0.7 / N));
        for (int j = 0; j < i; j++) {
            int both = 0;
            for (int k = 0; k < N; k++) both += of[i][k] == 0 && of[j][k] == 0;
            assert_true(fabs(both - 0.09 * N) <= 5 * sqrt(0.09 * 0.91 * N));
        }
    }
    /* Nor do neighbours, in a row and in a column. */
    int right = 0, below = 0, n = (ROWS - 1) * (COLS - 1);
    for (int r = 0; r < ROWS - 1; r++)
        for (int c = 0; c < COLS - 1; c++) {
            const float *at = of[0] + r * COLS + c;
            right += at[0] == 0 && at[1] == 0;
            below += at[0] == 0 && at[COLS] == 0;
        }
    assert_true(fabs(right - 0.09 * n) <= 5 * sqrt(0.09 * 0.91 * n));
    assert_true(fabs(below - 0.09 * n) <= 5 * sqrt(0.09 * 0.91 * n));
    for (int i = 0; i < N_MASKS; i++) free(of[i]);
}

static void a_nan_passes(void **state)
{
    const float x[] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(8), x);
    assert_ok(clade_dropout_forward(y, y, &(clade_dropout_args){.p = 0.5f}));
    float *got = test_read(y);
    for (int i = 0; i < 8; i++) assert_true(isnan(got[i])); /* as in PyTorch, dropped or not */
    free(got);
    clade_tensor_free(y);
}

static void errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(5, 3), NULL);
    clade_dropout_args args = {.p = 0.5f};
    assert_fails(clade_dropout_forward(b, a, &args), CLADE_ESHAPE,
                 "dropout: y is (5, 3), want (3, 5)");
    assert_fails(clade_dropout_forward(a, NULL, &args), CLADE_EINVAL, "dropout: x is NULL");
    static const float wrong[] = {-0.1f, 1.1f, NAN};
    for (int i = 0; i < 3; i++) {
        args.p = wrong[i];
        assert_fails(clade_dropout_backward(a, a, &args), CLADE_EINVAL,
                     test_text("dropout: p is %g, want 0 to 1", (double)wrong[i]));
    }
    clade_tensor_free(a);
    clade_tensor_free(b);
}

/* ---- the layer ------------------------------------------------------------------------------- */

#define WITH(layers) "{\"input\":[6],\"layers\":[" LINEAR(7) ",{\"type\":\"tanh\"}" layers "," \
                     LINEAR(4) "]}"

static clade_model *dropping(clade_device *device, int64_t batch)
{
    return net_model(device, 3, WITH(",{\"type\":\"dropout\",\"p\":0.4}"),
                     &(clade_compile_options){.batch = batch, .optimizer = clade_sgd(0.2f, 0)});
}

/* It does nothing outside training, and keeps the activation before it in its linear. */
static void evaluation_drops_nothing(void **state)
{
    clade_model *with = dropping(*state, 13);
    clade_model *without = net_model(*state, 3, WITH(""), &(clade_compile_options){.batch = 13});
    assert_ptr_equal(with->exe.train_layout->tails[1].activation, with->graph.layers[2]);
    assert_ptr_equal(with->exe.infer_layout->tails[1].activation, with->graph.layers[2]);
    assert_int_equal(with->exe.infer_layout->n_slots, without->exe.infer_layout->n_slots);
    net_batch batch = net_random_batch(with, 5, 300, 4);
    clade_data *data = net_data(with, &batch, 4);
    float a[300 * 4], b[300 * 4];
    assert_ok(clade_predict(with, data, 0, 300, true, a));
    assert_ok(clade_predict(without, data, 0, 300, true, b));
    assert_memory_equal(a, b, sizeof a);
    clade_data_free(data);
    net_free_batch(&batch);
    clade_model_free(with);
    clade_model_free(without);
}

/* Several steps against the formula of sgd, each with the mask of its own step and layer. */
static void every_step_has_its_own_mask(void **state)
{
    enum { SAMPLES = 13, STEPS = 5 };
    clade_model *model = dropping(*state, SAMPLES);
    net_batch batch = net_random_batch(model, 21, SAMPLES, 4), shuffled;
    clade_data *data = net_data(model, &batch, 4);
    int64_t n = clade_model_n_parameters(model);
    double *want = net_parameters(model);
    for (int step = 1; step <= STEPS; step++) {
        int32_t order[SAMPLES]; /* a sample's place decides its mask */
        clade__shuffle(order, SAMPLES, 3, step - 1);
        shuffled = net_pick(model, &batch, order, SAMPLES);
        shuffled.step = step;
        double *grad = net_gradient(model, want, &shuffled);
        for (int64_t i = 0; i < n; i++) want[i] -= 0.2 * grad[i];
        free(grad);
        net_free_batch(&shuffled);
    }
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = STEPS}, NULL));
    double *got = net_parameters(model);
    ref_check_doubles("parameters", got, want, n, 1e-5);
    free(got);
    free(want);
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_those_of_philox),
        cmocka_unit_test(a_part_of_a_batch_has_its_rows_masks),
        cmocka_unit_test(masks_are_random),
        cmocka_unit_test(a_nan_passes),
        cmocka_unit_test(errors),
        cmocka_unit_test(evaluation_drops_nothing),
        cmocka_unit_test(every_step_has_its_own_mask),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
