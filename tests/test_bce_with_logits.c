#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "bce_with_logits");
}

static clade_status plain(clade_tensor *loss, clade_tensor *dlogits, const clade_tensor *logits,
                          const clade_tensor *target, float scale)
{
    return clade_bce_with_logits(loss, dlogits, logits, target, NULL, scale);
}

static void test_errors(void **state)
{
    ref_check_loss_errors(*state, "bce_with_logits", plain);
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_bce_with_logits(rows, NULL, x, x, rows, 1), CLADE_ESHAPE,
                 "bce_with_logits: pos_weight is (3), want (5)");
    clade_tensor_free(x);
    clade_tensor_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
