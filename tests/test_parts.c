/* concat, slice and split as layers: shapes and errors, whole numbers, and a model that has them. Their
 * gradients are in test_gradients and test_gradcheck, what a view costs in test_layout. */
#include "network.h"

/* ---- building ---------------------------------------------------------------------------------- */

static void assert_shape(const clade_node *node, int64_t rows, int64_t cols)
{
    assert_int_equal(node->shape.rank, 2);
    assert_int_equal(node->shape.dim[0], rows);
    assert_int_equal(node->shape.dim[1], cols);
}

static void shapes_are_inferred(void **state)
{
    (void)state;
    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *x = clade_input(model, CLADE_SHAPE(3, 4));
    assert_shape(clade_concat((clade_node *const[]){x, clade_linear(x, 7), x}, 3, -1), 3, 15);
    assert_shape(clade_concat((clade_node *const[]){x, x}, 2, 0), 6, 4);
    assert_shape(clade_concat(&x, 1, 1), 3, 4);
    assert_shape(clade_slice(x, 0, -2, 1), 1, 4);
    assert_shape(clade_slice(x, -1, 1, 3), 3, 3);
    clade_node *parts = clade_split(x, 1, (const int64_t[]){1, 3}, 2);
    assert_shape(parts, 3, 1);
    assert_shape(clade_output(parts, 1), 3, 3);
    assert_ptr_equal(clade_output(clade_output(parts, 1), 0), parts);
    assert_shape(clade_reshape(x, (clade_shape){2, {-1, 2}}), 6, 2);
    assert_shape(clade_reshape(x, CLADE_SHAPE(2, 6)), 2, 6);
    assert_shape(clade_multiply(x, x), 3, 4);
    clade_model_free(model);
}

static clade_node *parts_of_other_shapes(clade_node *x)
{
    return clade_concat((clade_node *const[]){x, clade_linear(x, 6)}, 2, 0);
}
static clade_node *parts_of_other_ranks(clade_node *x)
{
    return clade_concat((clade_node *const[]){x, clade_sum(x, 0)}, 2, -1);
}
static clade_node *parts_of_other_types(clade_node *x)
{
    clade_node *flat = clade_sum(x, 0);
    return clade_concat((clade_node *const[]){flat, clade_argmax(x, 0)}, 2, 0);
}
static clade_node *too_many_elements(clade_node *x)
{
    clade_node *many[100];
    for (int i = 0; i < 100; i++) many[i] = clade_linear(x, 100000000);
    return clade_concat(many, 100, -1);
}
static clade_node *no_such_dim_of_parts(clade_node *x)
{
    return clade_concat(&x, 1, -3);
}
static clade_node *before_the_first(clade_node *x)
{
    return clade_slice(x, 1, -6, 1);
}
static clade_node *behind_the_last(clade_node *x)
{
    return clade_slice(x, 1, 3, INT32_MAX);
}
static clade_node *no_length(clade_node *x)
{
    return clade_slice(x, 1, 0, 0);
}
static clade_node *sizes_of_less(clade_node *x)
{
    return clade_split(x, 0, (const int64_t[]){1, 2}, 2);
}
static clade_node *no_sizes(clade_node *x)
{
    return clade_split(x, 0, (const int64_t[]){4}, 0);
}
static clade_node *too_many_sizes(clade_node *x)
{
    static const int64_t sizes[65];
    return clade_split(x, 0, sizes, 65);
}
static clade_node *other_count(clade_node *x)
{
    return clade_reshape(x, CLADE_SHAPE(4, 6));
}
static clade_node *no_rest(clade_node *x)
{
    return clade_reshape(x, (clade_shape){2, {-1, 3}});
}
static clade_node *two_rests(clade_node *x)
{
    return clade_reshape(x, (clade_shape){3, {-1, 2, -1}});
}
static clade_node *a_zero(clade_node *x)
{
    return clade_reshape(x, (clade_shape){2, {0, -1}});
}
static clade_node *less_than_a_rest(clade_node *x)
{
    return clade_reshape(x, (clade_shape){2, {-2, -10}});
}
static clade_node *no_dimensions(clade_node *x)
{
    return clade_reshape(x, (clade_shape){0});
}
static clade_node *too_many_dimensions(clade_node *x)
{
    return clade_reshape(x, CLADE_SHAPE(1, 1, 1, 1, 4, 5));
}
static clade_node *factors_of_other_shapes(clade_node *x)
{
    return clade_multiply(x, clade_linear(x, 6));
}
static clade_node *no_such_part(clade_node *x)
{
    return clade_output(clade_split(x, 0, (const int64_t[]){1, 3}, 2), 2);
}
static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        clade_node *(*build)(clade_node *x);
        clade_status status;
        const char *message;
    } cases[] = {
        {parts_of_other_shapes, CLADE_ESHAPE, "concat: inputs are (4, 5) and (4, 6), want one shape but for "
                                              "dimension 0"},
        {parts_of_other_ranks, CLADE_ESHAPE, "concat: inputs are (4, 5) and (5), want one shape"},
        {parts_of_other_types, CLADE_ESHAPE, "concat: inputs are float32 and int32, want one type"},
        {too_many_elements, CLADE_ESHAPE, "concat: more than 2147483647 elements"},
        {no_such_dim_of_parts, CLADE_ESHAPE, "concat: dim is -3, and a sample has 2 dimensions"},
        {before_the_first, CLADE_ESHAPE, "slice: start is -6 and length 1, and dimension 1 of (4, 5) has 5"},
        {behind_the_last, CLADE_ESHAPE, "slice: start is 3 and length 2147483647, and dimension 1"},
        {no_length, CLADE_EINVAL, "slice: length is 0, want at least 1"},
        {sizes_of_less, CLADE_ESHAPE, "split: sizes are 3 together, and dimension 0 of (4, 5) has 4"},
        {no_sizes, CLADE_EINVAL, "split: sizes has 0 numbers, want 1 to 64"},
        {too_many_sizes, CLADE_EINVAL, "split: sizes has 65 numbers, want 1 to 64"},
        {other_count, CLADE_ESHAPE, "reshape: shape is (4, 6), and a sample is (4, 5)"},
        {no_rest, CLADE_ESHAPE, "reshape: shape is (-1, 3), and a sample is (4, 5)"},
        {two_rests, CLADE_EINVAL, "reshape: shape has two of -1, want sizes, and at most one -1"},
        {a_zero, CLADE_EINVAL, "reshape: shape has a 0, want sizes"},
        {less_than_a_rest, CLADE_EINVAL, "reshape: shape is -2, want at least -1"},
        {no_dimensions, CLADE_EINVAL, "reshape: shape has 0 numbers, want 1 to 64"},
        {too_many_dimensions, CLADE_ESHAPE, "reshape: shape has 6 dimensions, want 1 to 5"},
        {factors_of_other_shapes, CLADE_ESHAPE, "multiply: inputs are (4, 5) and (4, 6), want one shape"},
        {no_such_part, CLADE_EINVAL, "clade_output: output 2 of layer '0', which has 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, NULL, 1));
        assert_null(cases[i].build(clade_input(model, CLADE_SHAPE(4, 5))));
        assert_fails(clade__graph_error(&model->graph), cases[i].status, cases[i].message);
        clade_model_free(model);
    }
}

/* ---- running ----------------------------------------------------------------------------------- */

/* int32 values are cut and put together as they are, beside a loss that trains. */
static void whole_numbers_have_parts_too(void **state)
{
    static const char json[] =
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[4]},{\"name\":\"ids\",\"type\":\"int32\",\"shape\":[6]},"
        "{\"name\":\"want\",\"shape\":[2]}],\"layers\":["
        "{\"type\":\"linear\",\"name\":\"y\",\"inputs\":[\"x\"],\"units\":2},"
        "{\"type\":\"split\",\"name\":\"p\",\"inputs\":[\"ids\"],\"dim\":-1,\"sizes\":[2,1,3]},"
        "{\"type\":\"slice\",\"name\":\"last\",\"inputs\":[\"ids\"],\"dim\":0,\"start\":-1,\"length\":1},"
        "{\"type\":\"slice\",\"name\":\"all\",\"inputs\":[\"ids\"],\"dim\":0,\"start\":0,\"length\":6},"
        "{\"type\":\"reshape\",\"name\":\"two\",\"shape\":[2,3]},"
        "{\"type\":\"reshape\",\"name\":\"flat\",\"shape\":[-1]},"
        "{\"type\":\"concat\",\"name\":\"c\",\"inputs\":[\"last\",\"p:2\",\"p\",\"flat\"],\"dim\":-1}],"
        "\"losses\":[{\"type\":\"mse\",\"prediction\":\"y\",\"target\":\"want\"}],\"loss\":\"mse\"}";
    static const int order[12] = {5, 3, 4, 5, 0, 1, 0, 1, 2, 3, 4, 5};
    enum { N = 3 };
    clade_model *model;
    clade__plan plan;
    clade__commands *commands;
    int32_t ids[N * 6];
    static const float x[N * 4] = {1.0f, 2.0f};
    assert_ok(clade_model_create(&model, *state, 3));
    clade_node *output = clade_model_layers(model, json);
    assert_ok(clade_compile(model, output, &(clade_compile_options){.batch = N, .keep_gradients = true}));
    char *text = clade__model_describe(model);
    assert_string_equal(text, json);
    free(text);
    assert_ok(clade__model_materialize(model));
    for (int i = 0; i < N * 6; i++) ids[i] = INT32_MAX - 7919 * i; /* no float32 has them all */
    for (int training = 0; training < 2; training++) {
        assert_ok(clade__plan_open(&plan, &(clade__plan_options){&model->exe, &model->session, training, N,
                                                                 false}));
        assert_ok(clade__commands_create(&commands, *state));
        assert_ok(clade__plan_record(&plan, commands, true));
        assert_ok(clade_tensor_write(&plan.inputs[0], x));
        assert_ok(clade_tensor_write(&plan.inputs[1], ids));
        assert_ok(clade_tensor_write(&plan.inputs[2], x));
        assert_ok(clade__commands_run(commands));
        int32_t got[N * 12];
        assert_ok(clade_tensor_read(&plan.y, got));
        for (int i = 0; i < N * 12; i++) assert_int_equal(got[i], ids[i / 12 * 6 + order[i % 12]]);
        clade__commands_free(commands);
        clade__plan_close(&plan);
    }
    clade_model_free(model);
}

/* All three, one behind another, in a model that learns and is loaded again. */
static void parts_are_trained_and_saved(void **state)
{
    const char *json = "{\"input\":[6],\"layers\":[" LINEAR(8) ","
                       "{\"type\":\"split\",\"name\":\"half\",\"dim\":-1,\"sizes\":[5,3]},{\"type\":\"tanh\"},"
                       "{\"type\":\"concat\",\"inputs\":[\"2\",\"half:1\",\"input\"],\"dim\":-1},"
                       "{\"type\":\"slice\",\"dim\":0,\"start\":-12,\"length\":11}," LINEAR(3) "],"
                       "\"loss\":\"cross_entropy\"}";
    const clade_compile_options options = {.batch = 8, .optimizer = clade_sgd(0.1f, 0.9f)};
    clade_model *model = net_model(*state, 5, json, &options), *loaded;
    net_batch batch = net_random_batch(model, 7, 20, 3);
    clade_data *data = net_data(model, &batch, 3);
    double *w = net_parameters(model);
    double before = net_loss(model, w, &batch);
    free(w);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 20}, NULL));
    w = net_parameters(model);
    assert_true(net_loss(model, w, &batch) < 0.8 * before);
    free(w);

    const char *path = test_text("%s/parts.safetensors", test_folder());
    float got[20 * 3], again[20 * 3];
    assert_ok(clade_save(model, path));
    assert_ok(clade_predict(model, data, 0, 20, true, got));
    assert_ok(clade_load(&loaded, *state, path));
    char *text = clade__model_describe(loaded);
    assert_string_equal(text, json);
    free(text);
    assert_ok(clade_predict(loaded, data, 0, 20, true, again));
    assert_memory_equal(got, again, sizeof got);
    clade_model_free(loaded);
    clade_model_free(model);
    clade_data_free(data);
    net_free_batch(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_are_inferred),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(whole_numbers_have_parts_too),
        cmocka_unit_test(parts_are_trained_and_saved),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
