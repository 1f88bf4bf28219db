#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "identity");
    ref_verify(*state, "sigmoid");
    ref_verify(*state, "tanh");
    ref_verify(*state, "relu");
    ref_verify(*state, "leaky_relu");
    ref_verify(*state, "gelu");
}

static void test_errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(5, 3), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(3, 5), NULL);
    assert_fails(clade_activation_forward(CLADE_RELU, 0, b, a), CLADE_ESHAPE,
                 "relu: y is (5, 3), want (3, 5)");
    assert_fails(clade_activation_forward(CLADE_TANH, 0, a, ints), CLADE_ESHAPE,
                 "tanh: x is int32, want float32");
    assert_fails(clade_activation_forward(CLADE_RELU, 0, a, NULL), CLADE_EINVAL, "relu: x is NULL");
    assert_fails(clade_activation_forward((clade_activation)77, 0, a, a), CLADE_EINVAL,
                 "no kind 77");
    assert_fails(clade_activation_backward(CLADE_GELU, 0, a, NULL, a, a), CLADE_EINVAL,
                 "gelu: x is NULL");
    assert_fails(clade_activation_backward(CLADE_SIGMOID, 0, a, a, NULL, a), CLADE_EINVAL,
                 "sigmoid: y is NULL");
    assert_fails(clade_activation_backward(CLADE_SIGMOID, 0, b, a, a, a), CLADE_ESHAPE,
                 "sigmoid: dx is (5, 3), want (3, 5)");
    assert_fails(clade_activation_backward(CLADE_LEAKY_RELU, 0, a, a, a, a), CLADE_EINVAL,
                 "slope is 0");
    clade_device *other;
    assert_ok(clade_device_open(&other, NULL));
    clade_tensor *elsewhere = test_tensor(other, CLADE_SHAPE(3, 5), NULL);
    assert_fails(clade_activation_forward(CLADE_RELU, 0, elsewhere, a), CLADE_EINVAL,
                 "relu: y is on another device");
    clade_tensor *all[] = {a, b, ints, elsewhere};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
    clade_device_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
