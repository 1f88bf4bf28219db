#include "reference.h"

static void test_cases(void **state)
{
    ref_verify(*state, "mse");
}

static void test_errors(void **state)
{
    ref_check_loss_errors(*state, "mse", clade_mse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
