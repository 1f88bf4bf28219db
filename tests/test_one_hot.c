#include "reference.h"

static void test_formula(void **state)
{
    for (int i = 0; i < ref_n_matrices; i++) {
        const int rows = ref_matrices[i].rows, cols = ref_matrices[i].cols;
        int32_t *labels = ref_labels(9, rows, cols == 1 ? 2 : cols);
        double *want = ref_doubles((int64_t)rows * cols);
        for (int r = 0; r < rows; r++) {
            if (cols == 1)
                want[r] = labels[r];
            else
                want[(int64_t)r * cols + labels[r]] = 1;
        }
        clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(rows), labels);
        clade_tensor *target = test_tensor(*state, CLADE_SHAPE(rows, cols), NULL);
        assert_ok(clade_one_hot(target, t));
        ref_check(test_text("one_hot (%d, %d)", rows, cols), target, want, 0, 0);
        clade_tensor_free(t);
        clade_tensor_free(target);
        free(labels);
    }
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
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
