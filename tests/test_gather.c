#include "reference.h"

#include "ops/ops.h"

enum { N_SRC = 11, N_INDEX = 7, ROWS = 3 };

static const int32_t order[N_INDEX] = {10, 0, 3, 3, 7, 11, -1}; /* the last two are none */

static void check_rows(clade_device *device, clade_dtype dtype, int cols, bool by_index,
                       bool by_column)
{
    const float scale = 1.0f / 255, shift = -0.5f;
    const int64_t n = (int64_t)N_SRC * cols;
    float *values = test_random(17, n, 0, 255.9f);
    unsigned char *bytes = malloc((size_t)n);
    assert_non_null(bytes);
    for (int64_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char)values[i];
        if (dtype == CLADE_UINT8) values[i] = bytes[i];
    }
    const void *data = dtype == CLADE_UINT8 ? (const void *)bytes : values;
    clade_tensor *src;
    assert_ok(clade_tensor_create(&src, device, dtype, CLADE_SHAPE(N_SRC, cols), data));
    clade_tensor *index = test_tensor_int(device, CLADE_SHAPE(N_INDEX), order);
    clade_tensor *dst = test_tensor(device, CLADE_SHAPE(ROWS, cols), NULL);
    float *factors = test_random(18, 2 * cols, -1.0f, 1.0f);
    clade_tensor *columns = test_tensor(device, CLADE_SHAPE(2, cols), factors);
    if (!by_column)
        for (int c = 0; c < cols; c++) {
            factors[c] = scale;
            factors[cols + c] = shift;
        }
    clade__commands *commands;
    int32_t first = -100;
    assert_ok(clade__commands_create(&commands, device));
    assert_ok(clade__gather(commands, dst, src, by_index ? index : NULL, &first, scale, shift,
                            by_column ? columns : NULL));
    /* Recorded once: first is read at each run. It goes past both ends, too. */
    for (first = -1; first <= (by_index ? N_INDEX : N_SRC); first++) {
        double *want = ref_doubles((int64_t)ROWS * cols);
        for (int r = 0; r < ROWS; r++) {
            const int at = first + r;
            int row = at < 0 || at >= (by_index ? N_INDEX : N_SRC) ? -1 : by_index ? order[at] : at;
            if (row >= N_SRC) row = -1;
            for (int c = 0; c < cols; c++)
                want[r * cols + c] =
                    row < 0 ? NAN : (double)values[row * cols + c] * factors[c] + factors[cols + c];
        }
        assert_ok(clade__commands_run(commands));
        ref_check(test_text("rows of %d from %d", cols, first), dst, want, by_column ? 2e-5 : 1e-7,
                  1e-6);
    }
    clade__commands_free(commands);
    clade_tensor *all[] = {src, index, dst, columns};
    for (int k = 0; k < 4; k++) clade_tensor_free(all[k]);
    free(factors);
    free(values);
    free(bytes);
}

static void test_rows(void **state)
{
    static const int cols[] = {1, 7, 127, 128, 129, 784};
    for (int i = 0; i < 6; i++)
        for (int way = 0; way < 4; way++) {
            check_rows(*state, CLADE_FLOAT32, cols[i], way & 1, way & 2);
            check_rows(*state, CLADE_UINT8, cols[i], way & 1, way & 2);
        }
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
                 "gather: columns is (11, 5), want (2, 4)");
    assert_fails(clade__gather_labels(commands, ints, src, NULL, &first), CLADE_ESHAPE,
                 "gather_labels: src is float32, want int32");
    clade_tensor *all[] = {src, dst, ints, right};
    for (int k = 0; k < 4; k++) clade_tensor_free(all[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
