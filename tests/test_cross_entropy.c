#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "cross_entropy");
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *four = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, four, 1), CLADE_ESHAPE,
                 "cross_entropy: labels is (4), want (3)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, x, rows, 1), CLADE_ESHAPE,
                 "cross_entropy: labels is float32, want int32");
    assert_fails(clade_cross_entropy(x, NULL, NULL, x, t, 1), CLADE_ESHAPE,
                 "cross_entropy: loss is (3, 5), want (3)");
    assert_fails(clade_cross_entropy(rows, x, NULL, x, t, 1), CLADE_ESHAPE,
                 "cross_entropy: hit is (3, 5), want (3)");
    assert_fails(clade_cross_entropy(rows, NULL, rows, x, t, 1), CLADE_ESHAPE,
                 "cross_entropy: dlogits is (3), want (3, 5)");
    assert_fails(clade_cross_entropy(rows, NULL, NULL, NULL, t, 1), CLADE_EINVAL,
                 "cross_entropy: logits is NULL");
    clade_tensor *all[] = {x, rows, four, t};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
