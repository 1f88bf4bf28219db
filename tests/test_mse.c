#include "reference.h"

static double value(double y, double target)
{
    return (y - target) * (y - target);
}

static double slope(double y, double target)
{
    return 2 * (y - target);
}

static void test_formula(void **state)
{
    ref_check_mean_loss(*state, &(ref_mean_loss){"mse", clade_mse, value, slope, -3, 3});
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formula)};
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
