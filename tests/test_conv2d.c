/* conv2d: verify's cases, and what it refuses. */
#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "conv2d");
}

typedef struct tensors {
    clade_tensor *x, *weight, *bias, *y;
} tensors;

static tensors make(clade_device *device, clade_shape x, clade_shape weight, clade_shape y)
{
    float *values = test_random(7, 4096, -1, 1);
    tensors t = {test_tensor(device, x, values), test_tensor(device, weight, values),
                 test_tensor(device, CLADE_SHAPE(weight.dim[0]), values), test_tensor(device, y, NULL)};
    free(values);
    return t;
}

static void drop(tensors *t)
{
    clade_tensor_free(t->x);
    clade_tensor_free(t->weight);
    clade_tensor_free(t->bias);
    clade_tensor_free(t->y);
}

/* A small one by hand, and what NULL and zeros stand for. */
static void a_window_of_zeros_is_plain(void **state)
{
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, weight[] = {1, 0, 0, 10}, bias[] = {0.5f};
    tensors t = {test_tensor(*state, CLADE_SHAPE(1, 1, 3, 3), x),
                 test_tensor(*state, CLADE_SHAPE(1, 1, 2, 2), weight),
                 test_tensor(*state, CLADE_SHAPE(1), bias),
                 test_tensor(*state, CLADE_SHAPE(1, 1, 2, 2), NULL)};
    static const double want[] = {51.5, 62.5, 84.5, 95.5};
    static const clade_conv2d_window windows[] = {{.groups = 0}, {.stride = {1, 1}, .groups = 1}};
    for (int i = 0; i < 3; i++) {
        double *copy = ref_doubles(4);
        memcpy(copy, want, sizeof want);
        assert_ok(clade_conv2d_forward(t.y, t.x, t.weight, t.bias, i < 2 ? &windows[i] : NULL));
        ref_check("by hand", t.y, copy, 0, 0);
    }
    drop(&t);
}

/* The gradients of the public function, that of the bias among them, and each alone. */
static void gradients_may_be_left_out(void **state)
{
    const clade_conv2d_window window = {.padding = {1, 1}};
    clade_shape x = CLADE_SHAPE(3, 2, 5, 4), weight = CLADE_SHAPE(3, 2, 3, 3), y = CLADE_SHAPE(3, 3, 5, 4);
    tensors t = make(*state, x, weight, y), all = make(*state, x, weight, y);
    tensors one = make(*state, x, weight, y);
    float *dy = test_random(9, clade_shape_elements(y), -1, 1);
    assert_ok(clade_tensor_write(t.y, dy));
    assert_ok(clade_conv2d_backward(all.x, all.weight, all.bias, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv2d_backward(one.x, NULL, NULL, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv2d_backward(NULL, one.weight, NULL, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv2d_backward(NULL, NULL, one.bias, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv2d_backward(NULL, NULL, NULL, t.x, t.weight, t.y, &window));
    ref_check_same_bits("dx", one.x, all.x);
    ref_check_same_bits("dweight", one.weight, all.weight);
    ref_check_same_bits("dbias", one.bias, all.bias);
    double *want = ref_doubles(3);
    for (int i = 0; i < 3 * 3 * 20; i++) want[i / 20 % 3] += (double)dy[i];
    ref_check("dbias", all.bias, want, 1e-5, 1e-5);
    free(dy);
    drop(&t);
    drop(&all);
    drop(&one);
}

#define FORWARD(...)                                                                               \
    clade_conv2d_forward(t.y, t.x, t.weight, t.bias, &(const clade_conv2d_window){__VA_ARGS__})

static void windows_are_checked(void **state)
{
    tensors t = make(*state, CLADE_SHAPE(1, 4, 5, 6), CLADE_SHAPE(6, 4, 3, 3), CLADE_SHAPE(1, 6, 3, 4));
    assert_ok(FORWARD(.stride = {1, 1}));
    assert_fails(FORWARD(.stride = {0, -2}), CLADE_EINVAL, "conv2d: stride is -2, want at least 0");
    assert_fails(FORWARD(.dilation = {-1, 1}), CLADE_EINVAL, "conv2d: dilation is -1");
    assert_fails(FORWARD(.padding = {0, -1}), CLADE_EINVAL, "conv2d: padding is -1, want at least 0");
    assert_fails(FORWARD(.groups = -1), CLADE_EINVAL, "conv2d: groups is -1");
    assert_fails(FORWARD(.groups = 3), CLADE_ESHAPE,
                 "conv2d: groups is 3, which does not divide both 4 channels and 6 out_channels");
    assert_fails(FORWARD(.groups = 2), CLADE_ESHAPE, "conv2d: weight is (6, 4, 3, 3), want (6, 2, 3, 3)");
    assert_fails(FORWARD(.dilation = {3, 1}), CLADE_ESHAPE,
                 "conv2d: a kernel over 7 elements is larger than the padded input, whose height is 5");
    assert_fails(FORWARD(.dilation = {1, 4}, .padding = {0, 1}), CLADE_ESHAPE,
                 "a kernel over 9 elements is larger than the padded input, whose width is 8");
    assert_fails(FORWARD(.padding = {CLADE_PADDING_SAME, 1}), CLADE_EINVAL, "in height or width alone");
    assert_fails(FORWARD(.padding = {CLADE_PADDING_SAME, CLADE_PADDING_SAME}, .stride = {2, 1}),
                 CLADE_EINVAL, "conv2d: padding 'same' wants a stride of 1, and it is 2");
    assert_fails(FORWARD(.padding = {1, 1}), CLADE_ESHAPE,
                 "conv2d: y is (1, 6, 3, 4), want (1, 6, 5, 6)");
    assert_fails(FORWARD(.padding = {INT32_MAX, INT32_MAX}), CLADE_ESHAPE, "conv2d: ");
    assert_fails(FORWARD(.padding = {0, INT32_MAX}), CLADE_ESHAPE, "conv2d: padding is too large");
    assert_fails(FORWARD(.reserved = {1}), CLADE_EINVAL, "conv2d");
    drop(&t);
}

static void tensors_are_checked(void **state)
{
    tensors t = make(*state, CLADE_SHAPE(1, 4, 5, 6), CLADE_SHAPE(6, 4, 3, 3), CLADE_SHAPE(1, 6, 3, 4));
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(1, 4, 5, 6), NULL);
    clade__commands *commands = clade__immediate(*state);
    assert_fails(clade_conv2d_forward(t.y, t.bias, t.weight, NULL, NULL), CLADE_ESHAPE,
                 "conv2d: ranks of x and weight are 1 and 4, want 4");
    assert_fails(clade_conv2d_forward(t.y, ints, t.weight, NULL, NULL), CLADE_ESHAPE,
                 "conv2d: x is int32, want float32");
    assert_fails(clade_conv2d_forward(t.y, t.x, t.weight, t.x, NULL), CLADE_ESHAPE,
                 "conv2d: bias is (1, 4, 5, 6), want (6) or as many elements");
    assert_fails(clade_conv2d_backward(t.y, NULL, NULL, t.x, t.weight, t.y, NULL), CLADE_ESHAPE,
                 "conv2d: dx is (1, 6, 3, 4), want (1, 4, 5, 6)");
    assert_fails(clade_conv2d_backward(NULL, t.y, NULL, t.x, t.weight, t.y, NULL), CLADE_ESHAPE,
                 "conv2d: dweight is (1, 6, 3, 4), want (6, 4, 3, 3)");
    assert_fails(clade_conv2d_backward(NULL, NULL, t.x, t.x, t.weight, t.y, NULL), CLADE_ESHAPE,
                 "conv2d: dbias is (1, 4, 5, 6), want (6)");
    assert_fails(clade_conv2d_backward(NULL, NULL, NULL, t.x, t.weight, t.x, NULL), CLADE_ESHAPE,
                 "conv2d: dy is (1, 4, 5, 6), want (1, 6, 3, 4)");
    const clade__conv2d_work none = {NULL, &clade__conv_columns, {NULL, NULL, NULL}};
    assert_fails(clade__conv2d_forward(commands, &none, t.y, t.x, t.weight, &(clade__epilogue){0}),
                 CLADE_EINVAL, "convolution: scratch of 0 floats, want ");
    assert_fails(clade__conv2d_backward(commands, &none, &(clade__conv2d_gradients){.dbias = t.bias},
                                        t.x, t.weight, t.y),
                 CLADE_EINVAL, "convolution: no memory for a bias's sums");
    clade_tensor_free(ints);
    drop(&t);
}

/* Winograd's tiles may spread an infinity to the outputs of a tile, but no further: not to where a row of tiles
 * ends, which is beside the first of the next in memory. */
static void what_is_over_the_edge_is_zero(void **state)
{
    enum { N = 8, SIZE = 8, AREA = SIZE * SIZE };
    float *x = calloc(N * AREA, sizeof *x), *y = malloc(N * AREA * sizeof *y);
    assert_true(x && y);
    for (int row = 4; row < SIZE; row++) x[row * SIZE] = INFINITY; /* the first column of the lower half */
    tensors t = make(*state, CLADE_SHAPE(1, N, SIZE, SIZE), CLADE_SHAPE(N, N, 3, 3),
                     CLADE_SHAPE(1, N, SIZE, SIZE));
    assert_ok(clade_tensor_write(t.x, x));
    assert_ok(clade_conv2d_forward(t.y, t.x, t.weight, t.bias, &(clade_conv2d_window){.padding = {1, 1}}));
    assert_ok(clade_tensor_read(t.y, y));
    for (int i = 0; i < N * AREA; i++)
        if (i % SIZE >= 4) assert_true(isfinite(y[i]));
    assert_false(isfinite(y[5 * SIZE]));
    drop(&t);
    free(x);
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(a_window_of_zeros_is_plain),
        cmocka_unit_test(gradients_may_be_left_out),
        cmocka_unit_test(windows_are_checked),
        cmocka_unit_test(tensors_are_checked),
        cmocka_unit_test(what_is_over_the_edge_is_zero),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
