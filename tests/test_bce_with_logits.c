#include "reference.h"

static double value(double x, double target)
{
    return fmax(x, 0) - x * target + log1p(exp(-fabs(x)));
}

static double slope(double x, double target)
{
    return 1 / (1 + exp(-x)) - target;
}

static void test_formula(void **state)
{
    ref_check_mean_loss(*state, &(ref_mean_loss){"bce_with_logits", clade_bce_with_logits, value,
                                                 slope, 0, 1});
}

static void test_extremes(void **state)
{
    const float x[] = {1e4f, -1e4f, 1e4f, -1e4f, 0, NAN}, t[] = {1, 1, 0, 0, 0.5f, 1};
    const double want[] = {0, 1e4, 1e4, 0, log(2), NAN}, want_dx[] = {0, -1, 1, 0, 0, NAN};
    const clade_shape shape = CLADE_SHAPE(6, 1);
    clade_tensor *tx = test_tensor(*state, shape, x), *tt = test_tensor(*state, shape, t);
    clade_tensor *dx = test_tensor(*state, shape, NULL);
    clade_tensor *loss = test_tensor(*state, CLADE_SHAPE(6), NULL);
    assert_ok(clade_bce_with_logits(loss, dx, tx, tt, 1));
    float *got = test_read(loss), *got_dx = test_read(dx);
    test_assert_close("loss", got, want, 6, 1e-7, 1e-6);
    test_assert_close("dlogits", got_dx, want_dx, 6, 1e-7, 1e-6);
    free(got);
    free(got_dx);
    clade_tensor *all[] = {tx, tt, dx, loss};
    for (size_t i = 0; i < 4; i++) clade_tensor_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
