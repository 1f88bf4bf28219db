/* group_norm: as an operation; as a layer it is in test_gradients, test_gradcheck and test_describe. */
#include "network.h"
#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "group_norm");
}

/* As torch.nn.functional.group_norm gives it. */
static void groups_are_pytorch_s(void **state)
{
    static const float values[8] = {1, 2, 3, 6, 4097, 4098, 4099, 4102};
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(1, 4, 2), values);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(1, 4, 2), NULL);
    clade_tensor *statistics = test_tensor(*state, CLADE_SHAPE(2, 1, 2), NULL);
    clade_tensor *weight = test_tensor(*state, CLADE_SHAPE(4), (const float[]){1, 2, -1, 1});
    clade_tensor *bias = test_tensor(*state, CLADE_SHAPE(4), (const float[]){0, 0, 5, 0});
    assert_ok(clade_group_norm_forward(y, statistics, x, &(clade_group_norm_args){
                                                             .weight = weight, .bias = bias, .groups = 2}));
    double *want = ref_doubles(8);
    for (int i = 0; i < 8; i++) want[i] = ((double)values[i] - (i < 4 ? 3.0 : 4099.0)) / sqrt(3.5);
    for (int i = 2; i < 4; i++) want[i] *= 2.0;
    for (int i = 4; i < 6; i++) want[i] = 5.0 - want[i];
    ref_check("y", y, want, 1e-6, 1e-6);
    want = ref_doubles(4);
    for (int i = 0; i < 4; i++) want[i] = i > 1 ? 3.5 : i ? 4099.0 : 3.0;
    ref_check("statistics", statistics, want, 0, 1e-6);
    clade_tensor *all[] = {x, y, statistics, weight, bias};
    for (int i = 0; i < 5; i++) clade_tensor_free(all[i]);
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(2, 4), NULL), *flat = test_tensor(*state, CLADE_SHAPE(8), NULL);
    clade_tensor *statistics = test_tensor(*state, CLADE_SHAPE(2, 2, 2), NULL);
    clade_group_norm_args args = {.groups = 3};
    assert_fails(clade_group_norm_forward(x, statistics, x, &args), CLADE_EINVAL,
                 "group_norm: num_groups is 3, want a divisor of the channels, 4");
    args.groups = 0;
    assert_fails(clade_group_norm_forward(x, statistics, x, &args), CLADE_EINVAL, "group_norm: num_groups is 0");
    args.groups = 1;
    assert_fails(clade_group_norm_forward(x, statistics, x, &args), CLADE_ESHAPE,
                 "group_norm: statistics is (2, 2, 2), want (2, 2, 1)");
    args.groups = 2;
    assert_fails(clade_group_norm_forward(flat, statistics, flat, &args), CLADE_ESHAPE,
                 "group_norm: x is (8), want (samples, channels, …)");
    assert_fails(clade_group_norm_backward(&(clade_norm_gradients){.dweight = flat}, x, x, statistics, &args),
                 CLADE_ESHAPE, "group_norm: dweight is (8), want (4)");
    args.weight = flat;
    assert_fails(clade_group_norm_forward(x, statistics, x, &args), CLADE_ESHAPE, "group_norm: weight is (8)");
    args.weight = NULL;
    args.epsilon = -1.0f;
    assert_fails(clade_group_norm_forward(x, statistics, x, &args), CLADE_EINVAL, "group_norm: epsilon is -1");
    args = (clade_group_norm_args){.groups = 2, .reserved = {1}};
    assert_fails(clade_group_norm_forward(x, statistics, x, &args), CLADE_EINVAL, "reserved");
    clade_tensor_free(x);
    clade_tensor_free(flat);
    clade_tensor_free(statistics);

    clade_model *model;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_node *input = clade_input(model, CLADE_SHAPE(6, 2));
    assert_null(clade_group_norm(clade_group_norm(input, 3), 4));
    assert_fails(clade__graph_error(&model->graph), CLADE_EINVAL,
                 "group_norm: num_groups is 4, want a divisor of the channels, 6");
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(groups_are_pytorch_s),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
