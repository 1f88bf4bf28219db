#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "add");
}

static void test_errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(5), NULL);
    assert_fails(clade_add_forward(a, a, b), CLADE_ESHAPE, "add: b is (5), want (3, 5)");
    assert_fails(clade_add_forward(b, a, a), CLADE_ESHAPE, "add: y is (5), want (3, 5)");
    assert_fails(clade_add_forward(a, a, NULL), CLADE_EINVAL, "add: b is NULL");
    clade_tensor_free(a);
    clade_tensor_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
