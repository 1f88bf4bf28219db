#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "multiply");
}

static void test_errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(2, 3), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(3, 2), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(2, 3), NULL);
    assert_fails(clade_multiply_forward(a, a, b), CLADE_ESHAPE, "multiply: b is (3, 2), want (2, 3)");
    assert_fails(clade_multiply_forward(b, a, a), CLADE_ESHAPE, "multiply: y is (3, 2), want (2, 3)");
    assert_fails(clade_multiply_forward(a, ints, a), CLADE_ESHAPE, "multiply: a is int32, want float32");
    clade_tensor_free(a);
    clade_tensor_free(b);
    clade_tensor_free(ints);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
