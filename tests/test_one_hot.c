#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "one_hot");
}

static void test_errors(void **state)
{
    clade_tensor *target = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    assert_fails(clade_one_hot(target, t), CLADE_ESHAPE, "one_hot: labels is (4), want (3)");
    assert_fails(clade_one_hot(t, t), CLADE_ESHAPE, "one_hot: target is int32, want float32");
    assert_fails(clade_one_hot(NULL, t), CLADE_EINVAL, "one_hot: target is NULL");
    clade_tensor_free(target);
    clade_tensor_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
