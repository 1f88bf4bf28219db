#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "softmax");
    ref_verify(*state, "log_softmax");
}

static void test_errors(void **state)
{
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *b = test_tensor(*state, CLADE_SHAPE(3, 4), NULL);
    static const struct {
        const char *name;
        clade_status (*forward)(clade_tensor *y, const clade_tensor *x);
        clade_status (*backward)(clade_tensor *dx, const clade_tensor *y, const clade_tensor *dy);
    } variants[] = {{"softmax", clade_softmax_forward, clade_softmax_backward},
                    {"log_softmax", clade_log_softmax_forward, clade_log_softmax_backward}};
    for (int v = 0; v < 2; v++) {
        const char *name = variants[v].name;
        assert_fails(variants[v].forward(b, a), CLADE_ESHAPE,
                     test_text("%s: y is (3, 4), want (3, 5)", name));
        assert_fails(variants[v].forward(a, NULL), CLADE_EINVAL, test_text("%s: x is NULL", name));
        assert_fails(variants[v].backward(a, a, b), CLADE_ESHAPE,
                     test_text("%s: dy is (3, 4), want (3, 5)", name));
        assert_fails(variants[v].backward(NULL, a, a), CLADE_EINVAL,
                     test_text("%s: dx is NULL", name));
    }
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
