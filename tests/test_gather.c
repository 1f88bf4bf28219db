#include "reference.h"

#include "ops/ops.h"

enum { N_SRC = 11, N_INDEX = 7, ROWS = 3 };

static const int32_t order[N_INDEX] = {10, 0, 3, 3, 7, 11, -1}; /* the last two are none */

static void test_cases(void **state)
{
    ref_verify(*state, "gather");
}

/* Recorded once: where to begin is read at each run, and may be past both ends. */
static void test_recorded(void **state)
{
    enum { COLS = 7 };
    float *values = test_random(17, N_SRC * COLS, 0, 1);
    clade_tensor *src = test_tensor(*state, CLADE_SHAPE(N_SRC, COLS), values);
    clade_tensor *index = test_tensor_int(*state, CLADE_SHAPE(N_INDEX), order);
    clade_tensor *dst = test_tensor(*state, CLADE_SHAPE(ROWS, COLS), NULL);
    for (int by_index = 0; by_index < 2; by_index++) {
        const int n = by_index ? N_INDEX : N_SRC;
        clade__commands *commands;
        int32_t first = -100;
        assert_ok(clade__commands_create(&commands, *state));
        assert_ok(
            clade__gather(commands, dst, src, by_index ? index : NULL, &first, 1, 0, NULL));
        for (first = -1; first <= n; first++) {
            double *want = ref_doubles(ROWS * COLS);
            for (int i = 0; i < ROWS * COLS; i++) {
                const int at = first + i / COLS;
                int row = at < 0 || at >= n ? -1 : by_index ? order[at] : at;
                if (row >= N_SRC) row = -1;
                want[i] = row < 0 ? NAN : (double)values[row * COLS + i % COLS];
            }
            assert_ok(clade__commands_run(commands));
            ref_check(test_text("rows from %d", first), dst, want, 0, 0);
        }
        clade__commands_free(commands);
    }
    clade_tensor *all[] = {src, index, dst};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
    free(values);
}

static void test_labels(void **state)
{
    const int32_t labels[N_SRC] = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const int32_t want[2][N_INDEX] = {{15, 5, 8, 8, 12, -1, -1}, {5, 6, 7, 8, 9, 10, 11}};
    clade_tensor *src = test_tensor_int(*state, CLADE_SHAPE(N_SRC), labels);
    clade_tensor *index = test_tensor_int(*state, CLADE_SHAPE(N_INDEX), order);
    clade_tensor *dst = test_tensor_int(*state, CLADE_SHAPE(ROWS), NULL);
    for (int plain = 0; plain < 2; plain++)
        for (int32_t first = 0; first + ROWS <= N_INDEX; first++) {
            int32_t got[ROWS];
            assert_ok(clade__gather_labels(clade__immediate(*state), dst, src, plain ? NULL : index,
                                           &first));
            assert_ok(clade_tensor_read(dst, got));
            assert_memory_equal(got, want[plain] + first, sizeof got);
        }
    clade_tensor *all[] = {src, index, dst};
    for (int k = 0; k < 3; k++) clade_tensor_free(all[k]);
}

static void test_errors(void **state)
{
    clade__commands *commands = clade__immediate(*state);
    const int32_t first = 0;
    clade_tensor *src = test_tensor(*state, CLADE_SHAPE(11, 5), NULL);
    clade_tensor *dst = test_tensor(*state, CLADE_SHAPE(3, 4), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade__gather(commands, dst, src, NULL, &first, 1, 0, NULL), CLADE_ESHAPE,
                 "gather: src is (11, 5), want (11, 4)");
    assert_fails(clade__gather(commands, dst, ints, NULL, &first, 1, 0, NULL), CLADE_ESHAPE,
                 "gather: src is int32, want float32");
    assert_fails(clade__gather(commands, dst, dst, dst, &first, 1, 0, NULL), CLADE_ESHAPE,
                 "gather: index is float32, want int32");
    clade_tensor *right = test_tensor(*state, CLADE_SHAPE(11, 4), NULL);
    assert_fails(clade__gather(commands, dst, right, NULL, &first, 1, 0, src), CLADE_ESHAPE,
                 "gather: columns is (11, 5), want (3, 4)");
    assert_fails(clade__gather_labels(commands, ints, src, NULL, &first), CLADE_ESHAPE,
                 "gather_labels: src is float32, want int32");
    clade_tensor *int_rows = test_tensor_int(*state, CLADE_SHAPE(4, 2), NULL);
    assert_fails(clade__gather_labels(commands, ints, int_rows, NULL, &first), CLADE_ESHAPE,
                 "gather_labels: dst is (3), want (1, 2)");
    clade_tensor_free(int_rows);
    clade_tensor *all[] = {src, dst, ints, right};
    for (int k = 0; k < 4; k++) clade_tensor_free(all[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
