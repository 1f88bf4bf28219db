/* Steps that are done in parts: the same step as in one piece, to rounding, whatever the parts, with
 * the memory of one part. */
#include "data/dataset.h"
#include "network.h"
#include "reference.h"

/* A layer of each kind that parts could upset: a bias, no bias, dropout. */
static const char json[] =
    "{\"input\":[4],\"layers\":[{\"type\":\"linear\",\"units\":7},{\"type\":\"tanh\"},"
    "{\"type\":\"dropout\",\"p\":0.3},{\"type\":\"linear\",\"units\":3,\"bias\":false}]}";

#define LR 0.25f

typedef struct parts_case {
    int64_t n, batch, accumulate, micro_batch;
    int n_classes; /* 0: numbers as targets */
    bool stream;
} parts_case;

static const parts_case cases[] = {
    {24, 12, 1, 12, 3, false}, {24, 12, 2, 6, 3, false},  {24, 12, 3, 4, 3, false},
    {24, 12, 5, 3, 3, false}, /* four parts are enough */
    {24, 12, 7, 2, 3, false}, {24, 12, 12, 1, 3, false},
    {23, 10, 3, 4, 3, false}, /* parts of 4, 4 and 2; the last batch is 3: one part */
    {27, 10, 4, 3, 3, true},  /* 3, 3, 3 and 1; then 3, 3 and 1 */
    {26, 10, 2, 5, 0, false}, {26, 10, 2, 5, 0, true},    {5, 50, 2, 25, 3, false},
    {5, 50, 25, 2, 3, true},  {1, 128, 128, 1, 3, false},
};
enum { N_CASES = sizeof cases / sizeof cases[0], EPOCHS = 2 };

static clade_model *model_of(clade_device *device, const parts_case *c, clade_optimizer optimizer)
{
    clade_loss loss = c->n_classes > 0 ? CLADE_LOSS_CROSS_ENTROPY : CLADE_LOSS_MSE;
    return net_model(device, 9, json, &(clade_compile_options){.loss = loss,
                                                               .optimizer = optimizer,
                                                               .batch = c->batch,
                                                               .accumulate = c->accumulate});
}

/* Plain sgd by whole batches. Returns the last epoch's mean loss. */
static double train_reference(const clade_model *model, double *w, const net_batch *all,
                              int64_t batch_size)
{
    int64_t n = clade_model_n_parameters(model);
    int32_t order[64];
    double loss = 0.0;
    int step = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        clade__shuffle(order, all->n, model->session.seed, epoch);
        loss = 0.0;
        for (int64_t first = 0; first < all->n; first += batch_size) {
            int64_t rows = all->n - first < batch_size ? all->n - first : batch_size;
            net_batch batch = net_pick(model, all, order + first, rows);
            batch.step = ++step;
            double *grad = net_gradient(model, w, &batch);
            loss += net_loss(model, w, &batch) * (double)rows;
            for (int64_t i = 0; i < n; i++) w[i] -= (double)LR * grad[i];
            free(grad);
            net_free_batch(&batch);
        }
    }
    return loss / (double)all->n;
}

static void a_step_in_parts_is_the_same_step(void **state)
{
    for (int i = 0; i < N_CASES; i++) {
        const parts_case *c = &cases[i];
        clade_model *model = model_of(*state, c, clade_sgd(LR, 0));
        assert_int_equal(clade_model_batch(model), c->batch);
        assert_int_equal(clade_model_micro_batch(model), c->micro_batch);
        net_batch all = net_random_batch(model, 31, c->n, c->n_classes);
        clade_data *data = net_data(model, &all, c->n_classes);
        clade_fit_result result;
        double *want = net_parameters(model);
        double loss = train_reference(model, want, &all, c->batch);
        assert_ok(clade_fit(model, data,
                            &(clade_fit_options){.epochs = EPOCHS, .stream = c->stream}, &result));
        double *got = net_parameters(model);
        ref_check_doubles(test_text("case %d", i), got, want, clade_model_n_parameters(model),
                          1e-5);
        assert_true(fabs(result.train.loss - loss) <= 1e-5);
        assert_int_equal(result.train.n_samples, c->n);
        assert_int_equal(result.steps, EPOCHS * ((c->n + c->batch - 1) / c->batch));
        free(want);
        free(got);
        net_free_batch(&all);
        clade_data_free(data);
        clade_model_free(model);
    }
}

/* With state, clipping, and hits, against the step in one piece; and the same bits again. */
static void optimizers_see_the_whole_batch(void **state)
{
    static const clade_optimizer optimizers[] = {
        {.lr = 0.1f, .momentum = 0.9f, .nesterov = true, .weight_decay = 0.01f},
        {.kind = CLADE_OPTIMIZER_ADAMW, .lr = 0.01f, .epsilon = 0.01f},
        {.lr = 1.0f, .clip_norm = 0.1f}};
    static const parts_case whole = {60, 20, 1, 20, 3, false}, parts = {60, 20, 3, 7, 3, false};
    const parts_case *of[] = {&whole, &parts, &parts};
    for (int i = 0; i < 3; i++) {
        double *parameters[3], accuracy[3];
        int64_t n = 0;
        for (int k = 0; k < 3; k++) {
            clade_model *model = model_of(*state, of[k], optimizers[i]);
            net_batch all = net_random_batch(model, 31, 60, 3);
            clade_data *data = net_data(model, &all, 3);
            clade_fit_result result;
            assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 5}, &result));
            n = clade_model_n_parameters(model);
            accuracy[k] = result.train.accuracy;
            parameters[k] = net_parameters(model);
            net_free_batch(&all);
            clade_data_free(data);
            clade_model_free(model);
        }
        ref_check_doubles("in parts", parameters[1], parameters[0], n, 1e-5);
        assert_memory_equal(parameters[1], parameters[2], (size_t)n * sizeof(double));
        assert_true(accuracy[1] == accuracy[0]);
        for (int k = 0; k < 3; k++) free(parameters[k]);
    }
}

static clade_memory memory_of(clade_device *device, int64_t batch, int64_t accumulate)
{
    clade_memory memory;
    clade_model *model = net_model(
        device, 1, "{\"input\":[784],\"layers\":[{\"type\":\"linear\",\"units\":300},"
                   "{\"type\":\"gelu\"},{\"type\":\"linear\",\"units\":10}]}",
        &(clade_compile_options){.batch = batch, .accumulate = accumulate, .keep_gradients = true});
    assert_ok(clade_model_memory(model, &memory));
    clade_model_free(model);
    return memory;
}

static void memory_is_that_of_a_part(void **state)
{
    clade_memory whole = memory_of(*state, 4000, 1), parts = memory_of(*state, 4000, 8);
    clade_memory small = memory_of(*state, 500, 1);
    assert_int_equal(parts.total, small.total);
    assert_true(parts.activations < whole.activations / 7);
}

static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        int64_t batch, accumulate;
        const char *message;
    } wrong[] = {{10, 11, "compile: accumulate is 11, want 1 to the batch, 10"},
                 {0, 129, "accumulate is 129, want 1 to the batch, 128"},
                 {10, -2, "accumulate is -2"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        assert_fails(clade_compile(model, clade_model_layers(model, json),
                                   &(clade_compile_options){.batch = wrong[i].batch,
                                                            .accumulate = wrong[i].accumulate}),
                     CLADE_EINVAL, wrong[i].message);
        clade_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_in_parts_is_the_same_step),
        cmocka_unit_test(optimizers_see_the_whole_batch),
        cmocka_unit_test(memory_is_that_of_a_part),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
