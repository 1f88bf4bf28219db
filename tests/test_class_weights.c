/* Classes that count unequally, and samples that are drawn class by class. */
#include "network.h"
#include "reference.h"

#include "data/balance.h"
#include "graph/model.h"
#include "ops/ops.h"

static const char json[] = "{\"input\":[3],\"layers\":[" LINEAR(5) ",{\"type\":\"tanh\"}," LINEAR(3) "]}";

static void rows_are_weighed(void **state)
{
    ref_verify(*state, "weigh_rows");
    clade__commands *commands = clade__immediate(*state);
    static const int32_t labels[3] = {0, 1, 2};
    clade_tensor *dy = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *loss = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *four = test_tensor(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(3), labels);
    const clade__rows_total no_total = {0};
    const clade__row_rule rule = {.n_classes = 4, .weights = four}, other = {.n_classes = 3, .weights = four};
    const clade__row_rule ints = {.n_classes = 3, .weights = t}, none = {0};
    assert_fails(clade__weigh_rows(commands, four, NULL, dy, t, &rule, &no_total), CLADE_ESHAPE,
                 "weigh_rows: dy is (3, 5), want (4, 5)");
    assert_fails(clade__weigh_rows(commands, loss, four, dy, t, &rule, &no_total), CLADE_ESHAPE,
                 "weigh_rows: hit is (4), want (3)");
    assert_fails(clade__weigh_rows(commands, loss, NULL, dy, loss, &rule, &no_total), CLADE_ESHAPE,
                 "weigh_rows: labels is float32, want int32");
    assert_fails(clade__weigh_rows(commands, loss, NULL, dy, t, &ints, &no_total), CLADE_ESHAPE,
                 "weigh_rows: weights is int32");
    assert_fails(clade__weigh_rows(commands, loss, NULL, dy, t, &other, &no_total), CLADE_ESHAPE,
                 "weigh_rows: weights is (4), want (3)");
    assert_fails(clade__weigh_rows(commands, loss, NULL, dy, t, &none, &no_total), CLADE_EINVAL,
                 "weigh_rows: n_classes is 0, want at least 1");
    clade_tensor_free(dy);
    clade_tensor_free(loss);
    clade_tensor_free(four);
    clade_tensor_free(t);
}

/* A data set of these classes; what is of two features does not matter. */
static clade_data *labelled(const int32_t *labels, int64_t n, int n_classes)
{
    float *x = test_random(3, 2 * n, -1, 1);
    clade_data *data;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = n,
                                                                 .shape = CLADE_SHAPE(2),
                                                                 .features = x,
                                                                 .labels = labels,
                                                                 .n_classes = n_classes}));
    free(x);
    return data;
}

/* n / (k n_c), as scikit-learn's compute_class_weight("balanced") has it. */
static void balanced_weights_are_by_number(void **state)
{
    (void)state;
    static const int32_t labels[12] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 3};
    static const float want[4] = {12.0f / (3 * 8), 12.0f / (3 * 3), 1.0f, 12.0f / 3};
    clade_data *data = labelled(labels, 12, 4), *numbers;
    float got[4];
    assert_ok(clade_data_class_weights(data, got));
    assert_memory_equal(got, want, sizeof want);
    assert_ok(clade_data_open(&numbers, "random?features=2&targets=1&n=5"));
    assert_fails(clade_data_class_weights(numbers, got), CLADE_EINVAL, "has no classes to balance");
    clade_data_free(numbers);
    clade_data_free(data);
}

/* ---- steps against the reference --------------------------------------------------------------- */

typedef struct example {
    clade_loss loss;
    int64_t n, batch, accumulate;
    float weights[3];
    bool stream, balanced, none; /* none: without weights */
} example;

/* As train_reference in test_train.c. */
static double train_reference(const clade_model *model, double *w, const net_batch *all,
                              const example *e, int n_epochs)
{
    int32_t order[64];
    double loss = 0;
    clade__class_lists lists;
    assert_ok(clade__class_lists_open(&lists, all->labels, all->n, 3));
    for (int epoch = 0; epoch < n_epochs; epoch++) {
        if (e->balanced)
            clade__draw_balanced(order, all->n, &lists, model->session.seed, epoch);
        else
            clade__shuffle(order, all->n, model->session.seed, epoch);
        loss = 0;
        for (int64_t first = 0; first < all->n; first += e->batch) {
            int64_t n = all->n - first < e->batch ? all->n - first : e->batch;
            net_batch batch = net_pick(model, all, order + first, n);
            double *grad = net_gradient(model, w, &batch);
            loss += net_loss(model, w, &batch) * (double)n;
            for (int64_t i = 0; i < clade_model_n_parameters(model); i++) w[i] -= 0.25 * grad[i];
            free(grad);
            net_free_batch(&batch);
        }
    }
    clade__class_lists_close(&lists);
    return loss / (double)all->n;
}

static void check_steps(clade_device *device, const example *e)
{
    clade_model *model =
        net_model(device, 9, json, &(clade_compile_options){.loss = e->loss,
                                                            .optimizer = clade_sgd(0.25f, 0.0f),
                                                            .batch = e->batch,
                                                            .accumulate = e->accumulate});
    net_batch all = net_random_batch(model, 31, e->n, 3);
    for (int64_t i = 0; i < all.n; i++) all.labels[i] = i % 5 == 0 ? all.labels[i] : 0; /* unlike */
    double by_class[3];
    if (!e->none) all.weights = by_class;
    for (int i = 0; i < 3; i++) by_class[i] = (double)e->weights[i];
    clade_data *data = net_data(model, &all, 3);
    clade_fit_options options = {.epochs = 3, .stream = e->stream, .balanced = e->balanced,
                                 .class_weights = e->none ? NULL : e->weights};
    clade_fit_result result;
    double *want = net_parameters(model);
    double loss = train_reference(model, want, &all, e, 3);
    assert_ok(clade_fit(model, data, &options, &result));
    double *got = net_parameters(model);
    ref_check_doubles("weights", got, want, clade_model_n_parameters(model), 1e-5);
    assert_true(fabs(result.train.loss - loss) <= 1e-5);
    free(want);
    free(got);
    net_free_batch(&all);
    clade_data_free(data);
    clade_model_free(model);
}

static void steps_are_of_the_weighted_mean(void **state)
{
    static const example examples[] = {
        {CLADE_LOSS_CROSS_ENTROPY, 23, 5, 1, {0.5f, 3, 2}, false, false, false}, /* short last of 3 */
        {CLADE_LOSS_CROSS_ENTROPY, 23, 5, 1, {0.5f, 3, 2}, true, false, false},
        {CLADE_LOSS_CROSS_ENTROPY, 31, 10, 3, {0.5f, 3, 2}, false, false, false}, /* parts of 4, 4, 2 */
        {CLADE_LOSS_CROSS_ENTROPY, 7, 50, 1, {0.5f, 3, 2}, false, false, false},
        {CLADE_LOSS_CROSS_ENTROPY, 23, 1, 1, {0.5f, 3, 0}, false, false, false}, /* some steps of none */
        {CLADE_LOSS_MSE, 23, 5, 1, {0.5f, 3, 2}, false, false, false},
        {CLADE_LOSS_BCE_WITH_LOGITS, 23, 5, 1, {0.5f, 3, 2}, false, false, false},
        {CLADE_LOSS_CROSS_ENTROPY, 23, 5, 1, {0}, false, true, true},
        {CLADE_LOSS_CROSS_ENTROPY, 23, 5, 1, {0}, true, true, true},
        {CLADE_LOSS_CROSS_ENTROPY, 23, 5, 1, {2, 1, 1}, false, true, false}, /* both */
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        check_steps(*state, &examples[i]);
}

/* Training and validation loss of the same data, without an update between: one is weighted. */
static void the_validation_is_not_weighted(void **state)
{
    static const float weights[3] = {1, 8, 8}, lr0 = 1e-30f;
    clade_model *model = net_model(*state, 9, json, &(clade_compile_options){
                                                        .optimizer = clade_sgd(lr0, 0.0f),
                                                        .batch = 64});
    net_batch all = net_random_batch(model, 33, 60, 3);
    clade_data *data = net_data(model, &all, 3);
    double *w = net_parameters(model), plain = net_loss(model, w, &all);
    const double by_class[3] = {1, 8, 8};
    all.weights = by_class;
    double weighted = net_loss(model, w, &all);
    clade_fit_result result;
    clade_metrics metrics;
    assert_true(fabs(plain - weighted) > 1e-3);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.class_weights = weights,
                                                          .validate = data}, &result));
    assert_true(fabs(result.train.loss - weighted) <= 1e-5);
    assert_true(fabs(result.valid.loss - plain) <= 1e-5);
    assert_true(result.train.accuracy == result.valid.accuracy);
    assert_ok(clade_evaluate(model, data, &metrics));
    assert_true(metrics.loss == result.valid.loss);
    free(w);
    net_free_batch(&all);
    clade_data_free(data);
    clade_model_free(model);
}

static void gradients_are_of_the_weighted_mean(void **state)
{
    static const float weights[3] = {0.25f, 3, 10};
    static const clade_loss losses[] = {CLADE_LOSS_CROSS_ENTROPY, CLADE_LOSS_MSE,
                                        CLADE_LOSS_BCE_WITH_LOGITS};
    for (int l = 0; l < 3; l++) {
        clade_model *model = net_model(*state, 5, json, &(clade_compile_options){
                                                            .loss = losses[l],
                                                            .keep_gradients = true});
        net_batch batch = net_random_batch(model, 34, 20, 3);
        clade_data *data = net_data(model, &batch, 3);
        clade_gradcheck_result result;
        assert_ok(clade_gradcheck(model, data, &(clade_gradcheck_options){.class_weights = weights,
                                                                          .elements = CLADE_ALL,
                                                                          .samples = 20}, &result));
        assert_true(result.passed);
        clade_gradcheck_free(&result);
        net_free_batch(&batch);
        clade_data_free(data);
        clade_model_free(model);
    }
}

/* A model that knows a, b and c, and data of b and c, whose weights are for its own two classes. */
static void weights_are_of_the_data_s_classes(void **state)
{
    static const char *const known[] = {"a", "b", "c"};
    static const float weights[2] = {0.25f, 40};
    clade_model *model = net_model(*state, 5, json, &(clade_compile_options){.keep_gradients = true});
    net_batch batch = net_random_batch(model, 34, 20, 2);
    clade_data *data = net_data(model, &batch, 2);
    assert_ok(clade__model_name_classes(model, known, 3));
    assert_ok(clade__data_name_classes(data, known + 1));
    clade_gradcheck_result result;
    assert_ok(clade_gradcheck(model, data, &(clade_gradcheck_options){.class_weights = weights,
                                                                      .elements = CLADE_ALL,
                                                                      .samples = 20}, &result));
    assert_true(result.passed);
    clade_gradcheck_free(&result);
    clade_data_free(data);

    assert_ok(clade__model_name_classes(model, NULL, 0));
    data = net_data(model, &batch, 4);
    assert_fails(clade_gradcheck(model, data, NULL, &result), CLADE_EDATA,
                 "has 4 classes, and the model tells 3 apart");
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
}

/* ---- draws ------------------------------------------------------------------------------------- */

/* Of 10,000 samples 9,000 are of class 0, 990 of class 1, 10 of class 3, none of class 2. */
static void classes_are_drawn_alike(void **state)
{
    (void)state;
    enum { N = 10000 };
    static int32_t labels[N], order[N], again[N], other[N], times[N];
    int of_class[4] = {0}, same = 0;
    for (int i = 0; i < N; i++) labels[i] = i % 1000 == 7 ? 3 : i % 10 == 3 && i % 1000 != 13 ? 1 : 0;
    clade__class_lists lists;
    assert_ok(clade__class_lists_open(&lists, labels, N, 4));
    assert_int_equal(lists.n_classes, 3);
    clade__draw_balanced(order, N, &lists, 1, 4);
    clade__draw_balanced(again, N, &lists, 1, 4);
    clade__draw_balanced(other, N, &lists, 1, 5);
    assert_memory_equal(order, again, sizeof order);
    for (int i = 0; i < N; i++) {
        assert_in_range(order[i], 0, N - 1);
        of_class[labels[order[i]]]++;
        times[order[i]]++;
        same += order[i] == other[i];
    }
    for (int c = 0; c < 4; c++) /* five sigma of a binomial */
        assert_in_range(of_class[c], c == 2 ? 0 : 3333 - 236, c == 2 ? 0 : 3333 + 236);
    for (int i = 0; i < N; i++)
        if (labels[i] == 3) assert_in_range(times[i], 333 - 90, 333 + 90);
    assert_in_range(same, 0, 600);
    clade__class_lists_close(&lists);
}

/* ---- refused ------------------------------------------------------------------------------------ */

static void what_cannot_be_weighed_is_refused(void **state)
{
    static const int32_t labels[6] = {0, 1, 2, 0, 1, 2};
    static const float good[3] = {1, 2, 3}, negative[3] = {1, -2, 3}, nothing[3] = {0}, nan_[3] = {NAN, 1, 1};
    static const char two[] = "{\"input\":[2],\"layers\":[" LINEAR(3) "]}";
    clade_data *data = labelled(labels, 6, 3), *numbers;
    clade_model *model = net_model(*state, 1, two, &(clade_compile_options){.loss = CLADE_LOSS_MSE});
    clade_memory plain, weighted;
    assert_ok(clade_data_open(&numbers, "random?features=2&targets=3&n=6"));
    assert_fails(clade_fit(model, data, &(clade_fit_options){.class_weights = negative}, NULL),
                 CLADE_EINVAL, "the weight of class 1 is -2, want a number of at least 0");
    assert_fails(clade_fit(model, data, &(clade_fit_options){.class_weights = nan_}, NULL),
                 CLADE_EINVAL, "the weight of class 0 is nan");
    assert_fails(clade_fit(model, data, &(clade_fit_options){.class_weights = nothing}, NULL),
                 CLADE_EINVAL, "the weights of all classes are 0");
    assert_fails(clade_fit(model, numbers, &(clade_fit_options){.class_weights = good}, NULL),
                 CLADE_EINVAL, "class_weights are for classes, and '");
    assert_fails(clade_fit(model, numbers, &(clade_fit_options){.balanced = true}, NULL),
                 CLADE_EINVAL, "balanced samples are for classes, and '");
    assert_ok(clade_fit_memory(model, data, NULL, &plain));
    assert_ok(clade_fit_memory(model, data, &(clade_fit_options){.class_weights = good}, &weighted));
    assert_int_equal(weighted.total - plain.total, (3 + 1) * sizeof(float)); /* and one batch's sum */
    clade_data_free(numbers);
    clade_data_free(data);
    clade_model_free(model);
}

/* A run that goes on has the weights and the draws that it began with. */
static void a_run_keeps_its_weights(void **state)
{
    static const int32_t labels[6] = {0, 1, 2, 0, 1, 2};
    static const float weights[3] = {1, 2.5f, 3}, other[3] = {1, 2.5f, 4};
    static const char two[] = "{\"input\":[2],\"layers\":[" LINEAR(3) "]}";
    clade_data *data = labelled(labels, 6, 3);
    const char *folder = test_folder();
    clade_fit_options options = {.epochs = 2, .run_dir = folder, .class_weights = weights,
                                 .balanced = true};
    for (int i = 0; i < 4; i++) {
        clade_model *model = net_model(*state, 1, two, NULL);
        options.resume = i > 0;
        options.epochs = 2 + i;
        options.class_weights = i == 1 ? other : i == 2 ? NULL : weights;
        if (i == 1 || i == 2)
            assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL, "weights 1,2.5,3");
        else
            assert_ok(clade_fit(model, data, &options, NULL));
        clade_model_free(model);
    }
    clade_model *model = net_model(*state, 1, two, NULL);
    options.balanced = false;
    assert_fails(clade_fit(model, data, &options, NULL), CLADE_EINVAL,
                 "replacement is false, and the run began with balanced over the classes");
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_weighed),
        cmocka_unit_test(balanced_weights_are_by_number),
        cmocka_unit_test(steps_are_of_the_weighted_mean),
        cmocka_unit_test(the_validation_is_not_weighted),
        cmocka_unit_test(gradients_are_of_the_weighted_mean),
        cmocka_unit_test(weights_are_of_the_data_s_classes),
        cmocka_unit_test(classes_are_drawn_alike),
        cmocka_unit_test(what_cannot_be_weighed_is_refused),
        cmocka_unit_test(a_run_keeps_its_weights),
    };
    return cmocka_run_group_tests_name("class_weights", tests, test_open_device, test_close_device);
}
