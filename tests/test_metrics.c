#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "count_hits");
    ref_verify(*state, "mark_rows");
    ref_verify(*state, "metrics_store");
    ref_verify(*state, "peaks");
}

/* Recorded once, run for every slot: the slot is read at each run. */
static void test_slots(void **state)
{
    enum { N_SLOTS = 3, ROWS = 7 };
    float *loss = test_random(15, ROWS, 0, 3), *hit = test_random(16, ROWS, 0, 1);
    double want[3 * N_SLOTS] = {-1, -1, -1, -1, -1, -1, -1, -1, -1};
    clade_tensor *steps = test_tensor(*state, CLADE_SHAPE(N_SLOTS, 3), NULL);
    clade_tensor *tloss = test_tensor(*state, CLADE_SHAPE(ROWS), loss);
    clade_tensor *thit = test_tensor(*state, CLADE_SHAPE(ROWS), hit);
    clade__commands *commands;
    int32_t slot = 0;
    assert_ok(clade_tensor_fill(steps, -1));
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__metrics_store(commands, steps, &slot, tloss, thit, false));
    static const int32_t slots[] = {1, 2, 3, -1}; /* the last two are none */
    for (int i = 0; i < 4; i++) {
        slot = slots[i];
        assert_ok(clade__commands_run(commands));
    }
    for (int s = 1; s <= 2; s++) {
        want[3 * s] = want[3 * s + 1] = want[3 * s + 2] = 0;
        for (int r = 0; r < ROWS; r++) {
            want[3 * s] += loss[r];
            want[3 * s + 1] += hit[r];
        }
    }
    float *got = test_read(steps);
    test_assert_close("steps", got, want, 3 * N_SLOTS, 0, 1e-6);
    free(got);
    clade__commands_free(commands);
    clade_tensor *all[] = {steps, tloss, thit};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
    free(loss);
    free(hit);
}

static void test_errors(void **state)
{
    clade__commands *commands = clade__immediate(*state);
    const int32_t slot = 0;
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *rows = test_tensor(*state, CLADE_SHAPE(3), NULL);
    clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(4), NULL);
    assert_fails(clade__count_hits(commands, rows, y, t, 0), CLADE_ESHAPE,
                 "count_hits: labels is (4), want (3)");
    assert_fails(clade__mark_rows(commands, rows, t), CLADE_ESHAPE, "mark_rows: y is int32");
    assert_fails(clade__metrics_store(commands, y, &slot, rows, NULL, false), CLADE_ESHAPE,
                 "metrics_store: steps is (3, 5), want (3, 3)");
    assert_fails(clade__peaks(commands, rows, 2, t), CLADE_ESHAPE, "peaks: x is int32");
    assert_fails(clade__peaks(commands, rows, 3, y), CLADE_ESHAPE,
                 "peaks: peaks has 3 elements, want 4");
    clade_tensor *all[] = {y, rows, t};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
