#include "reference.h"

static void test_formula(void **state)
{
    for (int i = 0; i < ref_n_lengths; i++) {
        const int n = ref_lengths[i];
        float *a = test_random(1, n, -1, 1), *b = test_random(2, n, -1, 1);
        double *want = ref_doubles(n);
        for (int k = 0; k < n; k++) want[k] = (double)a[k] + b[k];
        clade_tensor *ta = test_tensor(*state, CLADE_SHAPE(n), a);
        clade_tensor *tb = test_tensor(*state, CLADE_SHAPE(n), b);
        clade_tensor *y = test_tensor(*state, CLADE_SHAPE(n), NULL);
        assert_ok(clade_add_forward(y, ta, tb));
        ref_check(test_text("add (%d)", n), y, want, 0, 1e-7);
        assert_ok(clade_add_forward(ta, ta, tb));
        ref_check_same_bits("y is a", ta, y);
        clade_tensor_free(ta);
        ta = test_tensor(*state, CLADE_SHAPE(n), a);
        assert_ok(clade_add_forward(tb, ta, tb));
        ref_check_same_bits("y is b", tb, y);
        clade_tensor_free(ta);
        clade_tensor_free(tb);
        clade_tensor_free(y);
        free(a);
        free(b);
    }
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
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
