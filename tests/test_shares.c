/* How the rows of a batch are shared over the ranks of a job. */
#include "support.h"

#include "train/shares.h"

static void assert_rows(clade__shares *shares, int64_t n, const int64_t *wanted)
{
    const int64_t *rows = clade__shares_rows(shares, n);
    for (int i = 0; i < shares->n; i++) assert_int_equal(rows[i], wanted[i]);
}

static clade__shares open_shares(int n, const float *parts, int64_t least)
{
    clade__shares shares;
    assert_ok(clade__shares_open(&shares, n, 0, parts, least));
    return shares;
}

static void rows_are_in_proportion(void **state)
{
    (void)state;
    clade__shares shares = open_shares(3, NULL, 1);
    assert_rows(&shares, 12, (int64_t[]){4, 4, 4});
    assert_rows(&shares, 13, (int64_t[]){4, 5, 4});
    clade__shares_close(&shares);
    shares = open_shares(3, (float[]){2.0f, 1.0f, 1.0f}, 1);
    assert_rows(&shares, 12, (int64_t[]){6, 3, 3});
    clade__shares_close(&shares);
}

static void each_has_the_least_that_it_needs(void **state)
{
    (void)state;
    clade__shares shares = open_shares(3, (float[]){100.0f, 1.0f, 1.0f}, 2);
    assert_rows(&shares, 12, (int64_t[]){8, 2, 2});
    assert_rows(&shares, 3, (int64_t[]){3, 0, 0}); /* not enough for each */
    clade__shares_close(&shares);
}

static void speed_decides(void **state)
{
    (void)state;
    clade__shares shares = open_shares(2, NULL, 1);
    assert_true(clade__shares_renew(&shares, 12, (double[]){1.0, 2.0}));
    assert_rows(&shares, 12, (int64_t[]){8, 4});
    assert_false(clade__shares_renew(&shares, 12, (double[]){3.0, 3.0}));
    assert_rows(&shares, 12, (int64_t[]){8, 4});
    /* One that takes long for whatever it does keeps what is least, and that is no news. */
    assert_true(clade__shares_renew(&shares, 12, (double[]){0.1, 50.0}));
    assert_rows(&shares, 12, (int64_t[]){11, 1});
    assert_false(clade__shares_renew(&shares, 12, (double[]){0.1, 50.0}));
    clade__shares_close(&shares);
}

static void a_share_is_above_zero(void **state)
{
    (void)state;
    clade__shares shares;
    assert_fails(clade__shares_open(&shares, 2, 0, (float[]){1.0f, 0.0f}, 1), CLADE_EINVAL, "rank 1 is 0");
    clade__shares_close(&shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_in_proportion),
        cmocka_unit_test(each_has_the_least_that_it_needs),
        cmocka_unit_test(speed_decides),
        cmocka_unit_test(a_share_is_above_zero),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
