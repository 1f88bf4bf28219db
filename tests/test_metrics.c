#include "reference.h"

#include "ops/ops.h"

static void test_count_hits(void **state)
{
    for (int i = 0; i < ref_n_matrices; i++) {
        const int rows = ref_matrices[i].rows, cols = ref_matrices[i].cols;
        float *y = test_random(13, (int64_t)rows * cols, -1, 1);
        int32_t *labels = ref_labels(14, rows, cols == 1 ? 2 : cols);
        double *want = ref_doubles(rows);
        for (int r = 0; r < rows; r++) {
            const float *row = y + (int64_t)r * cols;
            int answer = 0;
            for (int c = 1; c < cols; c++)
                if (row[c] > row[answer]) answer = c;
            if (cols == 1) answer = row[0] > 0.3f;
            if (r % 2) labels[r] = answer;
            want[r] = answer == labels[r];
        }
        clade_tensor *ty = test_tensor(*state, CLADE_SHAPE(rows, cols), y);
        clade_tensor *t = test_tensor_int(*state, CLADE_SHAPE(rows), labels);
        clade_tensor *hit = test_tensor(*state, CLADE_SHAPE(rows), NULL);
        assert_ok(clade__count_hits(clade__immediate(*state), hit, ty, t, 0.3f));
        ref_check(test_text("hits (%d, %d)", rows, cols), hit, want, 0, 0);
        clade_tensor *all[] = {ty, t, hit};
        for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
        free(y);
        free(labels);
    }
}

/* Recorded once, run for every slot: the slot is read at each run. */
static void check_store(clade_device *device, int rows, bool with_hit)
{
    enum { N_SLOTS = 3 };
    float *loss = test_random(15, rows, 0, 3), *hit = test_random(16, rows, 0, 1);
    double want[2 * N_SLOTS] = {-1, -1, -1, -1, -1, -1};
    clade_tensor *steps = test_tensor(device, CLADE_SHAPE(N_SLOTS, 2), NULL);
    clade_tensor *tloss = test_tensor(device, CLADE_SHAPE(rows), loss);
    clade_tensor *thit = test_tensor(device, CLADE_SHAPE(rows), hit);
    clade__commands *commands;
    int32_t slot = 0;
    assert_ok(clade_tensor_fill(steps, -1));
    assert_ok(clade__commands_create(&commands, device));
    assert_ok(clade__metrics_store(commands, steps, &slot, tloss, with_hit ? thit : NULL,
                                   false));
    static const int32_t slots[] = {1, 2, 3, -1}; /* the last two are none */
    for (int i = 0; i < 4; i++) {
        slot = slots[i];
        assert_ok(clade__commands_run(commands));
    }
    /* The second of them once more. */
    clade__commands *adding;
    assert_ok(clade__commands_create(&adding, device));
    assert_ok(clade__metrics_store(adding, steps, &slot, tloss, with_hit ? thit : NULL, true));
    slot = 2;
    assert_ok(clade__commands_run(adding));
    for (int s = 1; s <= 2; s++) {
        want[2 * s] = want[2 * s + 1] = 0;
        for (int r = 0; r < rows; r++) {
            want[2 * s] += loss[r];
            if (with_hit) want[2 * s + 1] += hit[r];
        }
        if (s == 2) want[4] *= 2, want[5] *= 2;
    }
    float *got = test_read(steps);
    test_assert_close(test_text("steps of %d rows", rows), got, want, 2 * N_SLOTS, 0, 1e-6);
    free(got);
    clade__commands_free(commands);
    clade__commands_free(adding);
    clade_tensor *all[] = {steps, tloss, thit};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
    free(loss);
    free(hit);
}

static void test_store(void **state)
{
    for (int i = 0; i < ref_n_lengths; i++) {
        check_store(*state, ref_lengths[i], true);
        check_store(*state, ref_lengths[i], false);
    }
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
    assert_fails(clade__metrics_store(commands, y, &slot, rows, NULL, false), CLADE_ESHAPE,
                 "metrics_store: steps is (3, 5), want (3, 2)");
    clade_tensor *all[] = {y, rows, t};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_hits),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
