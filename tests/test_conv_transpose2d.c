/* conv_transpose2d: verify's cases, small ones by hand, what it refuses, and as a layer of a model. */
#include "network.h"
#include "reference.h"

#include "ops/ops.h"

static void test_cases(void **state)
{
    ref_verify(*state, "conv_transpose2d");
}

typedef struct tensors {
    clade_tensor *x, *weight, *bias, *y;
} tensors;

static tensors make(clade_device *device, clade_shape x, clade_shape weight, int64_t out, clade_shape y)
{
    float *values = test_random(7, 4096, -1, 1);
    tensors t = {test_tensor(device, x, values), test_tensor(device, weight, values),
                 test_tensor(device, CLADE_SHAPE(out), values), test_tensor(device, y, NULL)};
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

static void check(const char *what, const clade_tensor *got, const double *want, int64_t n)
{
    double *copy = ref_doubles(n);
    memcpy(copy, want, (size_t)n * sizeof *copy);
    ref_check(what, got, copy, 0, 0);
}

/* Each element of x puts its kernel down; what is NULL or 0 in a window, and each thing that moves it. */
static void by_hand(void **state)
{
    const float x[] = {1, 2, 3, 4}, weight[] = {1, 2, 3, 10}, bias[] = {0.5f};
    static const struct {
        clade_conv_transpose2d_window window;
        int64_t height, width;
        double want[16];
    } cases[] = {
        {{.groups = 0}, 3, 3, {1, 4, 4, 6, 26, 28, 9, 42, 40}},
        {{.stride = {1, 1}, .dilation = {1, 1}, .groups = 1}, 3, 3, {1, 4, 4, 6, 26, 28, 9, 42, 40}},
        {{.padding = {1, 0}}, 1, 3, {6, 26, 28}},
        {{.stride = {2, 1}, .padding = {0, 1}}, 4, 1, {4, 16, 10, 42}},
        {{.stride = {1, 2}, .padding = {1, 0}, .output_padding = {0, 1}}, 1, 5, {6, 16, 10, 28, 0}},
        {{.dilation = {1, 3}, .padding = {1, 1}, .output_padding = {0, 2}}, 1, 5,
         {10, 0, 16, 28, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t h = cases[i].height, w = cases[i].width;
        tensors t = {test_tensor(*state, CLADE_SHAPE(1, 1, 2, 2), x),
                     test_tensor(*state, CLADE_SHAPE(1, 1, 2, 2), weight),
                     test_tensor(*state, CLADE_SHAPE(1), bias),
                     test_tensor(*state, CLADE_SHAPE(1, 1, h, w), NULL)};
        double want[16];
        for (int64_t k = 0; k < h * w; k++) want[k] = cases[i].want[k] + 0.5;
        assert_ok(clade_conv_transpose2d_forward(t.y, t.x, t.weight, t.bias,
                                                 i == 0 ? NULL : &cases[i].window));
        check("with a bias", t.y, want, h * w);
        assert_ok(clade_conv_transpose2d_forward(t.y, t.x, t.weight, NULL, &cases[i].window));
        check("without", t.y, cases[i].want, h * w);
        drop(&t);
    }
}

/* The gradients of the public function, that of the bias among them, and each alone. */
static void gradients_may_be_left_out(void **state)
{
    const clade_conv_transpose2d_window window = {.padding = {1, 1}};
    clade_shape x = CLADE_SHAPE(3, 2, 5, 4), weight = CLADE_SHAPE(2, 3, 3, 3), y = CLADE_SHAPE(3, 3, 5, 4);
    tensors t = make(*state, x, weight, 3, y), all = make(*state, x, weight, 3, y);
    tensors one = make(*state, x, weight, 3, y);
    float *dy = test_random(9, clade_shape_elements(y), -1, 1);
    assert_ok(clade_tensor_write(t.y, dy));
    assert_ok(clade_conv_transpose2d_backward(all.x, all.weight, all.bias, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv_transpose2d_backward(one.x, NULL, NULL, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv_transpose2d_backward(NULL, one.weight, NULL, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv_transpose2d_backward(NULL, NULL, one.bias, t.x, t.weight, t.y, &window));
    assert_ok(clade_conv_transpose2d_backward(NULL, NULL, NULL, t.x, t.weight, t.y, &window));
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
    clade_conv_transpose2d_forward(t.y, t.x, t.weight, t.bias,                                     \
                                   &(const clade_conv_transpose2d_window){__VA_ARGS__})

static void windows_are_checked(void **state)
{
    const int64_t most = INT32_MAX;
    tensors t = make(*state, CLADE_SHAPE(1, 4, 5, 6), CLADE_SHAPE(4, 6, 3, 3), 6, CLADE_SHAPE(1, 6, 7, 8));
    assert_ok(FORWARD(.stride = {1, 1}));
    assert_fails(FORWARD(.stride = {0, -2}), CLADE_EINVAL,
                 "conv_transpose2d: stride is -2, want at least 0");
    assert_fails(FORWARD(.dilation = {-1, 1}), CLADE_EINVAL, "conv_transpose2d: dilation is -1");
    assert_fails(FORWARD(.padding = {0, -1}), CLADE_EINVAL,
                 "conv_transpose2d: padding is -1, want at least 0");
    assert_fails(FORWARD(.padding = {CLADE_PADDING_SAME, CLADE_PADDING_SAME}), CLADE_EINVAL,
                 "conv_transpose2d: padding is -9223372036854775808, want at least 0");
    assert_fails(FORWARD(.output_padding = {-1, 0}), CLADE_EINVAL,
                 "conv_transpose2d: output_padding is -1, want at least 0");
    assert_fails(FORWARD(.output_padding = {0, 1}), CLADE_EINVAL, "conv_transpose2d: output_padding is 1, "
                 "want less than the larger of stride and dilation, 1");
    assert_fails(FORWARD(.output_padding = {3, 0}, .stride = {2, 1}, .dilation = {3, 1}), CLADE_EINVAL,
                 "output_padding is 3, want less than the larger of stride and dilation, 3");
    assert_fails(FORWARD(.groups = -1), CLADE_EINVAL, "conv_transpose2d: groups is -1");
    assert_fails(FORWARD(.groups = 3), CLADE_ESHAPE,
                 "conv_transpose2d: groups is 3, which does not divide both 4 channels and 18 out_channels");
    assert_fails(FORWARD(.groups = 2), CLADE_ESHAPE, "conv_transpose2d: y is (1, 6, 7, 8), want (1, 12, 7, 8)");
    assert_fails(FORWARD(.groups = INT32_MAX), CLADE_EINVAL, "conv_transpose2d: out_channels is ");
    assert_fails(FORWARD(.padding = {4, 0}), CLADE_ESHAPE, "conv_transpose2d: a padding of 4 leaves nothing of "
                 "the output, whose height is 7 without it");
    assert_fails(FORWARD(.padding = {0, most}), CLADE_ESHAPE, "leaves nothing of the output, whose width is 8");
    assert_fails(FORWARD(.stride = {most, 1}), CLADE_ESHAPE,
                 "conv_transpose2d: the output's height is 8589934591 before padding, want at most 2147483647");
    assert_fails(FORWARD(.stride = {1, most}, .dilation = {1, most}), CLADE_ESHAPE, "the output's width is ");
    assert_fails(FORWARD(.padding = {1, 1}), CLADE_ESHAPE,
                 "conv_transpose2d: y is (1, 6, 7, 8), want (1, 6, 5, 6)");
    assert_fails(FORWARD(.stride = {100000, 100000}), CLADE_ESHAPE, "conv_transpose2d: y: more than");
    assert_fails(FORWARD(.reserved = {1}), CLADE_EINVAL, "conv_transpose2d");
    drop(&t);
}

static void tensors_are_checked(void **state)
{
    tensors t = make(*state, CLADE_SHAPE(1, 4, 5, 6), CLADE_SHAPE(4, 6, 3, 3), 6, CLADE_SHAPE(1, 6, 7, 8));
    clade_tensor *ints = test_tensor_int(*state, CLADE_SHAPE(1, 4, 5, 6), NULL);
    clade_tensor *other = test_tensor(*state, CLADE_SHAPE(5, 6, 3, 3), NULL);
    clade__commands *commands = clade__immediate(*state);
    assert_fails(clade_conv_transpose2d_forward(t.y, t.bias, t.weight, NULL, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: ranks of x and weight are 1 and 4, want 4");
    assert_fails(clade_conv_transpose2d_forward(t.y, ints, t.weight, NULL, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: x is int32, want float32");
    assert_fails(clade_conv_transpose2d_forward(t.y, t.x, other, NULL, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: weight is (5, 6, 3, 3), want (4, 6, 3, 3)");
    assert_fails(clade_conv_transpose2d_forward(t.y, t.x, t.weight, t.x, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: bias is (1, 4, 5, 6), want (6) or as many elements");
    assert_fails(clade_conv_transpose2d_backward(t.y, NULL, NULL, t.x, t.weight, t.y, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: dx is (1, 6, 7, 8), want (1, 4, 5, 6)");
    assert_fails(clade_conv_transpose2d_backward(NULL, t.y, NULL, t.x, t.weight, t.y, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: dweight is (1, 6, 7, 8), want (4, 6, 3, 3)");
    assert_fails(clade_conv_transpose2d_backward(NULL, NULL, t.x, t.x, t.weight, t.y, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: dbias is (1, 4, 5, 6), want (6)");
    assert_fails(clade_conv_transpose2d_backward(NULL, NULL, NULL, t.x, t.weight, t.x, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: dy is (1, 4, 5, 6), want (1, 6, 7, 8)");
    const clade__conv_transpose2d_work none = {NULL, &clade__conv_columns, {NULL, NULL, NULL}};
    assert_fails(clade__conv_transpose2d_forward(commands, &none, t.y, t.x, t.weight, &(clade__epilogue){0}),
                 CLADE_EINVAL, "convolution: scratch of 0 floats, want ");
    assert_fails(clade__conv_transpose2d_backward(commands, &none,
                                                  &(clade__conv2d_gradients){.dbias = t.bias}, t.x,
                                                  t.weight, t.y),
                 CLADE_EINVAL, "convolution: no memory for a bias's sums");
    clade_tensor_free(other);
    clade_tensor_free(ints);
    drop(&t);
}

/* ---- as a layer -------------------------------------------------------------------------------- */

/* PyTorch's bound of a uniform weight and bias: 1 / sqrt of out_channels / groups times the kernel. */
static void the_layer_starts_as_pytorchs(void **state)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 3));
    clade_node *x = clade_input(model, CLADE_SHAPE(64, 2, 3));
    clade_node *y = clade_conv_transpose2d_with(
        x, &(clade_conv_transpose2d_options){.out_channels = 36, .kernel_size = {5, 4}, .name = "up",
                                             .window = {.stride = {2, 3}, .padding = {1, 0},
                                                        .output_padding = {1, 2}, .groups = 4}});
    y = clade_relu(clade_conv_transpose2d(y, 3, 2, 2));
    assert_ok(clade_compile(model, y, &(clade_compile_options){.loss = CLADE_LOSS_MSE}));
    const clade__graph *graph = &model->graph;
    double *values = net_parameters(model);
    const double *value = values;
    static const int64_t shapes[][4] = {{64, 9, 5, 4}, {36}, {36, 3, 2, 2}, {3}};
    static const char *const names[] = {"up.weight", "up.bias", "1.weight", "1.bias"};
    static const double fan_in[] = {9 * 20, 9 * 20, 3 * 4, 3 * 4};
    assert_int_equal(graph->n_parameters, 4);
    for (int i = 0; i < 4; i++) {
        const clade__parameter *p = &graph->parameters[i];
        int64_t n = clade_shape_elements(p->shape);
        assert_string_equal(p->name, names[i]);
        assert_memory_equal(p->shape.dim, shapes[i], (size_t)p->shape.rank * sizeof(int64_t));
        double largest = 0.0, bound = 1.0 / sqrt(fan_in[i]);
        for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(*value++));
        assert_true(largest <= bound);
        if (n >= 32) assert_true(largest > 0.85 * bound);
    }
    free(values);
    /* Each of 64 (2, 3) elements by a kernel of 5 x 4 to each of 9 channels. */
    const clade__layer *up = graph->parameters[0].layer;
    assert_int_equal(up->type->products(up), 64 * 6 * 9 * 20);
    /* (2 - 1) 2 - 2 + 4 + 1 + 1 = 6 by (3 - 1) 3 + 3 + 2 + 1 = 12, and twice that. */
    static const int64_t out[] = {3, 12, 24};
    assert_int_equal(y->shape.rank, 3);
    assert_memory_equal(y->shape.dim, out, sizeof out);
    clade_model_free(model);
}

static clade_node *plain(clade_node *x, clade_conv_transpose2d_window window)
{
    return clade_conv_transpose2d_with(x, &(clade_conv_transpose2d_options){
                                              .out_channels = 3, .kernel_size = {2}, .window = window});
}

static void the_layer_is_checked(void **state)
{
    const struct {
        clade_conv_transpose2d_window window;
        clade_status status;
        const char *message;
    } cases[] = {
        {{.output_padding = {1, 0}}, CLADE_EINVAL, "conv_transpose2d: output_padding is 1, want less than"},
        {{.output_padding = {-1, 0}}, CLADE_EINVAL, "conv_transpose2d: output_padding is -1, want at least 0"},
        {{.padding = {2, 0}}, CLADE_ESHAPE, "conv_transpose2d: a padding of 2 leaves nothing of the output"},
        {{.padding = {CLADE_PADDING_SAME, CLADE_PADDING_SAME}}, CLADE_EINVAL, "conv_transpose2d: padding is -9"},
        {{.stride = {-1, 1}}, CLADE_EINVAL, "conv_transpose2d: stride is -1, want at least 1"},
        {{.groups = 3}, CLADE_ESHAPE, "conv_transpose2d: groups is 3, which does not divide both 2 channels"},
        {{.reserved = {1}}, CLADE_EINVAL, "is not 0: the struct was not zeroed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        clade_node *y = plain(clade_input(model, CLADE_SHAPE(2, 3, 3)), cases[i].window);
        assert_null(y);
        assert_fails(clade_compile(model, y, NULL), cases[i].status, cases[i].message);
        clade_model_free(model);
    }
    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = plain(clade_input(model, CLADE_SHAPE(2, 3)), (clade_conv_transpose2d_window){0});
    assert_fails(clade_compile(model, y, NULL), CLADE_ESHAPE,
                 "conv_transpose2d: a sample is (2, 3), want (channels, height, width)");
    clade_model_free(model);
    assert_ok(clade_model_create(&model, *state, 1));
    y = clade_conv_transpose2d_with(clade_input(model, CLADE_SHAPE(2, 3, 3)), NULL);
    assert_fails(clade_compile(model, y, NULL), CLADE_EINVAL, "clade_conv_transpose2d_with: options is NULL");
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(gradients_may_be_left_out),
        cmocka_unit_test(windows_are_checked),
        cmocka_unit_test(tensors_are_checked),
        cmocka_unit_test(the_layer_starts_as_pytorchs),
        cmocka_unit_test(the_layer_is_checked),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
