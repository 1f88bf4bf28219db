#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "slice");
    ref_verify(*state, "concat");
}

/* What is split and put together again is what it was, along every dimension, and for integers. */
static void parts_make_a_whole(void **state)
{
    const clade_shape whole = CLADE_SHAPE(3, 5, 7);
    static const int64_t lengths[3][2] = {{1, 2}, {3, 2}, {2, 5}};
    float *values = test_random(4, 3 * 5 * 7, -1, 1);
    clade_tensor *x = test_tensor(*state, whole, values), *y = test_tensor(*state, whole, NULL);
    for (int dim = 0; dim < 3; dim++) {
        clade_tensor *parts[2];
        int64_t start = 0;
        for (int i = 0; i < 2; i++) {
            clade_shape shape = whole;
            shape.dim[dim] = lengths[dim][i];
            parts[i] = test_tensor(*state, shape, NULL);
            assert_ok(clade_slice_forward(parts[i], x, dim, start));
            start += lengths[dim][i];
        }
        assert_ok(clade_tensor_fill(y, 0));
        assert_ok(clade_concat_forward(y, (const clade_tensor *const[]){parts[0], parts[1]}, 2, dim));
        ref_check_same_bits("a whole", y, x);
        for (int i = 0; i < 2; i++) clade_tensor_free(parts[i]);
    }
    clade_tensor_free(x);
    clade_tensor_free(y);
    free(values);
}

static void test_errors(void **state)
{
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(3, 5), NULL);
    clade_tensor *two = test_tensor(*state, CLADE_SHAPE(3, 2), NULL);
    clade_tensor *row = test_tensor(*state, CLADE_SHAPE(5), NULL);
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(3, 2), NULL);
    clade__commands *commands = clade__immediate(*state);
    const clade_tensor *const parts[] = {two, two}, *const wrong[] = {two, ints};
    assert_fails(clade_slice_forward(two, x, 1, 4), CLADE_EINVAL,
                 "slice: elements 4 to 5 of dimension 1, which has 5");
    assert_fails(clade_slice_forward(two, x, 1, -1), CLADE_EINVAL, "slice: elements -1 to 0 of");
    assert_fails(clade_slice_forward(two, x, 2, 0), CLADE_EINVAL, "slice: dim is 2, want less than the rank, 2");
    assert_fails(clade_slice_forward(two, x, 0, 0), CLADE_ESHAPE, "slice: y is (3, 2), want (3, 5)");
    assert_fails(clade_slice_forward(row, x, 0, 0), CLADE_ESHAPE, "slice: y is (5), want (3, 5)");
    assert_fails(clade_slice_forward(ints, x, 1, 0), CLADE_ESHAPE, "slice: y is int32, want float32");
    assert_fails(clade__slice_forward(commands, ints, ints, 1, 0, true), CLADE_ESHAPE,
                 "slice: x is int32, want float32");
    assert_fails(clade__slice_into(commands, x, two, 1, 4, false), CLADE_EINVAL,
                 "slice_into: elements 4 to 5");
    assert_fails(clade_concat_forward(x, parts, 2, 1), CLADE_ESHAPE,
                 "concat: the inputs have 4 elements along dimension 1, and y has 5");
    assert_fails(clade_concat_forward(x, wrong, 2, 1), CLADE_ESHAPE, "concat: an input is int32");
    clade_tensor *all[] = {x, two, row, ints};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade_tensor_free(all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(parts_make_a_whole),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
