/* Building and compiling: shapes, the first error kept, what is refused, what can be asked, and how
 * parameters start. Descriptions in JSON are in test_describe. */
#define _POSIX_C_SOURCE 200809L
#include "network.h"
#include "reference.h"

/* ---- building ---------------------------------------------------------------------------------- */

static void assert_shape(clade_shape got, int rank, int64_t a, int64_t b, int64_t c)
{
    assert_int_equal(got.rank, rank);
    const int64_t want[] = {a, b, c};
    for (int i = 0; i < rank; i++) assert_int_equal(got.dim[i], want[i]);
}

static void shapes_are_inferred(void **state)
{
    (void)state;
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(2, 3, 4));
    assert_shape(x->shape, 3, 2, 3, 4);
    assert_shape(clade_relu(x)->shape, 3, 2, 3, 4);
    assert_shape(clade_sigmoid(x)->shape, 3, 2, 3, 4);
    assert_shape(clade_tanh(x)->shape, 3, 2, 3, 4);
    assert_shape(clade_gelu(x)->shape, 3, 2, 3, 4);
    assert_shape(clade_leaky_relu(x, 0.1f)->shape, 3, 2, 3, 4);
    assert_shape(clade_dropout(x, 0)->shape, 3, 2, 3, 4);
    assert_shape(clade_softmax(x)->shape, 3, 2, 3, 4);
    assert_shape(clade_log_softmax(x)->shape, 3, 2, 3, 4);
    assert_shape(clade_add(x, x)->shape, 3, 2, 3, 4);
    assert_shape(clade_sum(x, 0)->shape, 2, 3, 4, 0);
    assert_shape(clade_mean(x, 1)->shape, 2, 2, 4, 0);
    assert_shape(clade_max(x, 2)->shape, 2, 2, 3, 0);
    assert_shape(clade_argmax(x, 2)->shape, 2, 2, 3, 0);
    assert_shape(clade_sum(x, CLADE_ALL)->shape, 1, 1, 0, 0);
    assert_shape(clade_max(clade_max(clade_max(x, 0), 0), 0)->shape, 1, 1, 0, 0);
    assert_shape(clade_flatten(x)->shape, 1, 24, 0, 0);
    assert_shape(clade_linear(x, 7)->shape, 3, 2, 3, 7); /* of the last dimension */
    assert_int_equal(clade_model_n_parameters(model), 4 * 7 + 7);
    assert_true(clade__activation_slope(clade_leaky_relu(x, 0.0f)->layer) == 0.01f);
    clade_model_free(model);
}

static clade_node *after_argmax(clade_node *x)
{
    return clade_relu(clade_argmax(x, 0));
}
static clade_node *no_units(clade_node *x)
{
    return clade_linear(x, 0);
}
static clade_node *too_many_units(clade_node *x)
{
    return clade_linear(x, INT64_C(3000000000));
}
static clade_node *too_large_a_weight(clade_node *x)
{
    return clade_linear(clade_linear(x, 100000), 100000);
}
static clade_node *no_dim(clade_node *x)
{
    return clade_sum(x, 2);
}
static clade_node *no_such_dim(clade_node *x)
{
    return clade_max(x, -2);
}
static clade_node *no_slope(clade_node *x)
{
    return clade_leaky_relu(x, -0.1f);
}
static clade_node *endless_slope(clade_node *x)
{
    return clade_leaky_relu(x, INFINITY);
}
static clade_node *more_than_all(clade_node *x)
{
    return clade_dropout(x, 1.01f);
}
static clade_node *different_shapes(clade_node *x)
{
    return clade_add(x, clade_linear(x, 6));
}
static clade_node *second_input(clade_node *x)
{
    return clade__graph_add_input(x->layer->graph, NULL, CLADE_FLOAT32, CLADE_SHAPE(3));
}
static clade_node *unknown_init(clade_node *x)
{
    return clade_linear_with(
        x, &(clade_linear_options){.units = 2, .weight_init = {.kind = (clade_init_kind)9}});
}
static clade_node *endless_init(clade_node *x)
{
    return clade_linear_with(
        x, &(clade_linear_options){
               .units = 2, .bias_init = {.kind = CLADE_INIT_CONSTANT, .value = INFINITY}});
}
static clade_node *negative_std(clade_node *x)
{
    return clade_linear_with(
        x, &(clade_linear_options){.units = 2,
                                   .weight_init = {.kind = CLADE_INIT_NORMAL, .std = -1.0f}});
}

/* Whatever is built on an error is NULL, and compile returns the error that was first. */
static void the_first_error_is_kept(void **state)
{
    static const struct {
        clade_node *(*build)(clade_node *x);
        clade_status status;
        const char *message;
    } cases[] = {
        {no_units, CLADE_EINVAL, "linear: units is 0, want at least 1"},
        {too_many_units, CLADE_EINVAL, "linear: units is 3000000000"},
        {too_large_a_weight, CLADE_ESHAPE, "1.weight: more than 2147483647 elements"},
        {no_dim, CLADE_ESHAPE, "sum: dim is 2, and a sample has 2 dimensions"},
        {no_such_dim, CLADE_EINVAL, "max: dim is -2"},
        {no_slope, CLADE_EINVAL, "leaky_relu: slope is -0.1"},
        {endless_slope, CLADE_EINVAL, "leaky_relu: slope is inf"},
        {more_than_all, CLADE_EINVAL, "dropout: p is 1.01, want 0 to 1"},
        {different_shapes, CLADE_ESHAPE, "add: inputs are (4, 5) and (4, 6), want one shape"},
        {after_argmax, CLADE_ESHAPE, "relu: cannot follow argmax '0', whose values are int32"},
        {second_input, CLADE_EINVAL, "name: 'input' is taken"},
        {unknown_init, CLADE_EINVAL, "init has unknown kind 9"},
        {endless_init, CLADE_EINVAL, "bias_init has mean 0, std 0 and value inf"},
        {negative_std, CLADE_EINVAL, "init has mean 0, std -1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        clade_node *x = clade_input(model, CLADE_SHAPE(4, 5));
        clade_node *wrong = cases[i].build(x);
        assert_null(wrong);
        assert_null(clade_linear(clade_add(clade_relu(wrong), x), -5)); /* a second error */
        assert_null(clade_linear(x, 3)); /* and from a good node */
        assert_null(clade_model_layers(model, "{}"));
        for (int times = 0; times < 2; times++)
            assert_fails(clade_compile(model, wrong, &(clade_compile_options){0}), cases[i].status,
                         cases[i].message);
        clade_model_free(model);
    }
}

static void a_wrong_input_is_kept_too(void **state)
{
    static const clade_shape wrong[] = {{0}, {.rank = 1, .dim = {0}}, {.rank = 1, .dim = {-3}},
                                        {.rank = 6, .dim = {1, 1, 1, 1, 1, 1}}, {.rank = 9},
                                        {.rank = -1}, {.rank = 2, .dim = {100000, 100000}}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        clade_node *output = clade_linear(clade_input(model, wrong[i]), 3);
        assert_null(output);
        assert_fails(clade_compile(model, output, &(clade_compile_options){0}), CLADE_ESHAPE,
                     "input: ");
        clade_model_free(model);
    }
    assert_null(clade_input(NULL, CLADE_SHAPE(3)));
    assert_null(clade_model_layers(NULL, "{}"));
    assert_null(clade_add(NULL, NULL));
    assert_null(clade_linear_with(NULL, &(clade_linear_options){.units = 1}));
    clade_model_free(NULL);
}

static void models_do_not_mix(void **state)
{
    clade_model *a, *b;
    assert_ok(clade_model_create(&a, *state, 1));
    assert_ok(clade_model_create(&b, *state, 1));
    clade_node *x = clade_input(a, CLADE_SHAPE(3)), *y = clade_input(b, CLADE_SHAPE(3));
    clade_node *good = clade_linear(y, 2);
    assert_fails(clade_compile(a, good, &(clade_compile_options){0}), CLADE_EINVAL,
                 "not a layer of this model");
    assert_null(clade_add(x, y));
    assert_fails(clade_compile(a, x, &(clade_compile_options){0}), CLADE_EINVAL, "different models");
    assert_ok(clade_compile(b, good, &(clade_compile_options){0}));
    clade_model_free(a);
    clade_model_free(b);
}

/* ---- compiling --------------------------------------------------------------------------------- */

static void what_cannot_be_compiled_is_refused(void **state)
{
    static const clade_compile_options defaults;
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(3));
    assert_fails(clade_compile(model, NULL, &defaults), CLADE_EINVAL, "the output is not a layer");
    assert_fails(clade_compile(model, x, &defaults), CLADE_EINVAL, "the output is not a layer");
    clade_node *h = clade_relu(x);
    assert_fails(clade_compile(model, h, &defaults), CLADE_EINVAL, "no parameters to train");
    clade_node *y = clade_linear(h, 2);
    assert_fails(clade_compile(model, h, &defaults), CLADE_EINVAL,
                 "layer '1' (linear) leads nowhere");
    assert_fails(clade_compile(model, y, &(clade_compile_options){.loss = (clade_loss)3}),
                 CLADE_EINVAL, "unknown loss 3");
    assert_fails(clade_compile(model, y, &(clade_compile_options){.batch = -1}), CLADE_EINVAL,
                 "batch is -1");
    assert_fails(clade_compile(model, y, &(clade_compile_options){.gemm = "no-such"}), CLADE_EINVAL,
                 "no-such");
    assert_fails(clade_compile(model, y, &(clade_compile_options){.batch = INT32_MAX}),
                 CLADE_ESHAPE, "kernels count at most");
    assert_ok(clade_compile(model, y, &defaults)); /* none of that did harm */
    assert_int_equal(clade_model_batch(model), 128);
    assert_fails(clade_compile(model, y, &defaults), CLADE_ESTATE, "compiled already");
    assert_null(clade_relu(y));
    clade_model_free(model);

    assert_ok(clade_model_create(&model, *state, 1));
    y = clade_linear(clade_input(model, CLADE_SHAPE(3)), 1);
    assert_fails(clade_compile(model, y, &defaults), CLADE_EINVAL,
                 "cross_entropy wants two outputs or more");
    clade_node *last = clade_argmax(y, 0);
    assert_fails(clade_compile(model, last, &(clade_compile_options){.loss = CLADE_LOSS_MSE}),
                 CLADE_EINVAL, "the prediction '1' is not a layer's float32 output");
    clade_model_free(model);
}

/* However much memory the device has, it is told to take little of it. */
static void what_does_not_fit_is_refused(void **state)
{
    clade_model *model;
    assert_int_equal(setenv("CLADE_MEMORY", "64M", 1), 0);
    clade_device *device = test_open_again(state);
    assert_int_equal(unsetenv("CLADE_MEMORY"), 0);
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *y = clade_linear(clade_relu(clade_input(model, CLADE_SHAPE(3))), 2);
    const clade_compile_options large = {.batch = INT32_MAX / 4};
    assert_fails(clade_compile(model, y, &large), CLADE_EDEVICEMEM, "the plan needs");
    assert_ok(clade_compile(model, y, &(clade_compile_options){0})); /* that did no harm */
    assert_int_equal(clade_model_batch(model), 128);
    clade_model_free(model);
    clade_device_free(device);
}

static void a_layer_that_leads_nowhere_is_refused(void **state)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *h = clade_linear(clade_input(model, CLADE_SHAPE(3)), 4);
    (void)clade_tanh(h);
    clade_node *y = clade_linear(h, 2);
    assert_fails(clade_compile(model, y, &(clade_compile_options){0}), CLADE_EINVAL,
                 "layer '1' (tanh) leads nowhere");
    clade_model_free(model);
}

static void without_a_device_a_model_is_only_described(void **state)
{
    (void)state;
    clade_model *model;
    clade_memory memory;
    assert_ok(clade_model_create(&model, NULL, 1));
    assert_int_equal(clade_model_n_layers(model), 0);
    assert_int_equal(clade_model_input_shape(model).rank, 0);
    assert_int_equal(clade_model_output_shape(model).rank, 0);
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(3)), 2);
    assert_fails(clade_compile(model, y, &(clade_compile_options){0}), CLADE_ESTATE,
                 "made without a device");
    assert_fails(clade_model_memory(model, &memory), CLADE_ESTATE, "made without a device");
    assert_int_equal(clade_model_n_parameters(model), 8);
    clade_model_free(model);
}

/* ---- asking ------------------------------------------------------------------------------------ */

static void a_model_answers(void **state)
{
    clade_model *model;
    clade_layer_info layer;
    clade_memory memory;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *x = clade_flatten(clade_input(model, CLADE_SHAPE(2, 5)));
    clade_node *h = clade_relu(clade_linear(x, 20));
    clade_node *y = clade_linear_with(h, &(clade_linear_options){.units = 3, .no_bias = true});
    assert_ok(clade_compile(model, y,
                            &(clade_compile_options){.loss = CLADE_LOSS_MSE,
                                                     .optimizer = clade_adam(0.1f), .batch = 40}));
    assert_int_equal(clade_model_n_layers(model), 4);
    static const struct {
        const char *type, *name;
        int64_t units, parameters;
    } want[] = {{"flatten", "0", 10, 0}, {"linear", "1", 20, 220}, {"relu", "2", 20, 0}, {"linear", "3", 3, 60}};
    for (int i = 0; i < 4; i++) {
        assert_ok(clade_model_layer(model, i, &layer));
        assert_string_equal(layer.type, want[i].type);
        assert_string_equal(layer.name, want[i].name);
        assert_shape(layer.shape, 1, want[i].units, 0, 0);
        assert_int_equal(layer.parameters, want[i].parameters);
    }
    assert_fails(clade_model_layer(model, 4, &layer), CLADE_EINVAL, "layer 4 of 4");
    assert_fails(clade_model_layer(model, -1, &layer), CLADE_EINVAL, "layer -1 of 4");
    assert_int_equal(clade_model_n_parameters(model), 280);
    assert_shape(clade_model_input_shape(model), 2, 2, 5, 0);
    assert_shape(clade_model_output_shape(model), 1, 3, 0, 0);
    assert_int_equal(clade_model_loss(model), CLADE_LOSS_MSE);
    assert_int_equal(clade_model_batch(model), 40);

    assert_ok(clade_model_memory(model, &memory));
    assert_int_equal(memory.parameters, 4 * 280);
    assert_int_equal(memory.gradients, 4 * 280);
    assert_int_equal(memory.optimizer_state, 2 * 4 * 280 + 3 * 4); /* 3 tensors have a peak */
    assert_true(memory.activations >= 4 * 256 * (10 + 20)); /* the input and hidden of inference */
    assert_int_equal(memory.total, 4 * 4 * 280 + 3 * 4 + memory.activations);
    clade_model_free(model);
}

static void losses_have_names(void **state)
{
    (void)state;
    assert_string_equal(clade_loss_name(CLADE_LOSS_CROSS_ENTROPY), "cross_entropy");
    assert_string_equal(clade_loss_name(CLADE_LOSS_MSE), "mse");
    assert_string_equal(clade_loss_name(CLADE_LOSS_BCE_WITH_LOGITS), "bce_with_logits");
    assert_null(clade_loss_name((clade_loss)3));
    assert_null(clade_loss_name((clade_loss)-1));
}

/* ---- initialisers ------------------------------------------------------------------------------ */

enum { IN = 150, OUT = 80, N_WEIGHTS = IN * OUT };

/* All parameters of one linear (OUT, IN) with these initialisers. */
static double *start_values(clade_device *device, uint64_t seed, clade_init weight, clade_init bias)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, seed));
    clade_node *y = clade_linear_with(
        clade_input(model, CLADE_SHAPE(IN)),
        &(clade_linear_options){.units = OUT, .weight_init = weight, .bias_init = bias});
    assert_ok(clade_compile(model, y, &(clade_compile_options){0}));
    double *values = net_parameters(model);
    clade_model_free(model);
    return values;
}

/* Mean and variance within five standard errors, all within [low, high]. kurtosis is that of the
 * distribution: 1.8 for uniform, 3 for normal. */
static void check_values(const double *x, int n, double mean, double std, double kurtosis,
                         double low, double high)
{
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < n; i++) {
        assert_true(x[i] >= low && x[i] <= high);
        sum += x[i];
        squares += (x[i] - mean) * (x[i] - mean);
    }
    assert_true(fabs(sum / n - mean) <= 5 * std / sqrt(n));
    assert_true(fabs(squares / n - std * std) <= 5 * std * std * sqrt((kurtosis - 1) / n));
}

static void check_uniform(const double *x, int n, double bound)
{
    check_values(x, n, 0.0, bound / sqrt(3.0), 1.8, -bound * (1 + 1e-6), bound * (1 + 1e-6));
}

static void initialisers_have_their_distributions(void **state)
{
    const clade_init none = {0}, xavier = {.kind = CLADE_INIT_XAVIER}, he = {.kind = CLADE_INIT_HE};
    const clade_init normal = {.kind = CLADE_INIT_NORMAL, .mean = 3.0f, .std = 0.5f};
    const clade_init constant = {.kind = CLADE_INIT_CONSTANT, .value = 0.25f};

    double *x = start_values(*state, 1, none, none);
    check_uniform(x, N_WEIGHTS, 1.0 / sqrt(IN));
    check_uniform(x + N_WEIGHTS, OUT, 1.0 / sqrt(IN));
    free(x);
    x = start_values(*state, 1, xavier, none);
    check_uniform(x, N_WEIGHTS, sqrt(6.0 / (IN + OUT)));
    for (int i = 0; i < OUT; i++) assert_true(x[N_WEIGHTS + i] == 0.0);
    free(x);
    x = start_values(*state, 1, he, xavier);
    check_values(x, N_WEIGHTS, 0.0, sqrt(2.0 / IN), 3.0, -1.0, 1.0);
    for (int i = 0; i < OUT; i++) assert_true(x[N_WEIGHTS + i] == 0.0);
    free(x);
    x = start_values(*state, 1, normal, he);
    check_values(x, N_WEIGHTS, 3.0, 0.5, 3.0, 0.0, 6.0);
    for (int i = 0; i < OUT; i++) assert_true(x[N_WEIGHTS + i] == 0.0);
    free(x);
    x = start_values(*state, 1, constant, normal);
    for (int i = 0; i < N_WEIGHTS; i++) assert_true(x[i] == 0.25);
    check_values(x + N_WEIGHTS, OUT, 3.0, 0.5, 3.0, 0.0, 6.0);
    free(x);
}

static void the_seed_decides_the_values(void **state)
{
    const clade_init none = {0};
    double *a = start_values(*state, 1, none, none), *b = start_values(*state, 1, none, none);
    double *c = start_values(*state, 2, none, none);
    int n_same = 0;
    assert_memory_equal(a, b, (N_WEIGHTS + OUT) * sizeof *a);
    for (int i = 0; i < N_WEIGHTS + OUT; i++) n_same += a[i] == c[i];
    assert_true(n_same < 5);
    for (int i = n_same = 0; i < OUT; i++) n_same += a[i] == a[N_WEIGHTS + i];
    assert_true(n_same < 5); /* the bias does not repeat the weight */
    free(a);
    free(b);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_inferred),
        cmocka_unit_test(the_first_error_is_kept),
        cmocka_unit_test(a_wrong_input_is_kept_too),
        cmocka_unit_test(models_do_not_mix),
        cmocka_unit_test(what_cannot_be_compiled_is_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_layer_that_leads_nowhere_is_refused),
        cmocka_unit_test(without_a_device_a_model_is_only_described),
        cmocka_unit_test(a_model_answers),
        cmocka_unit_test(losses_have_names),
        cmocka_unit_test(initialisers_have_their_distributions),
        cmocka_unit_test(the_seed_decides_the_values),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
