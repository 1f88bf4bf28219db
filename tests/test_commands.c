/* Commands: enqueued at once, and recorded and run again. */
#include "support.h"

#include "device/opencl.h"

enum { N = 300, GROUP = 128 }; /* of add.cl and sgd.cl */

/* y = a + b over the first n elements. */
static clade__launch add(clade_tensor *y, clade_tensor *a, clade_tensor *b, clade__arg n)
{
    return (clade__launch){
        .program = "add", .kernel = "add_forward",
        .args = {clade__arg_tensor(y), clade__arg_tensor(a), clade__arg_tensor(b), n}, .n_args = 4,
        .groups = {clade__groups(N, GROUP)}, .local = {GROUP}};
}

/* w -= lr (grad + decay w), without a velocity. */
static clade__launch step(clade_tensor *w, clade_tensor *grad, clade__arg lr, clade__arg decay)
{
    return (clade__launch){
        .program = "sgd", .options = "-DVARIANT=0", .kernel = "sgd_step",
        .args = {clade__arg_tensor(w), clade__arg_tensor(NULL), clade__arg_tensor(grad),
                 clade__arg_int(N), clade__arg_tensor(NULL), lr, clade__arg_float(0), decay},
        .n_args = 8, .groups = {clade__groups(N, GROUP)}, .local = {GROUP}};
}

/* c (rows, cols) = max(c, 0), in a range of two dimensions. */
static clade__launch relu_rows(clade_tensor *c, clade__arg rows, clade__arg cols, clade__arg offset,
                               clade__arg ld, clade__arg slope)
{
    return (clade__launch){
        .program = "gemm_epilogue", .options = "-DACTIVATION=3", .kernel = "gemm_epilogue",
        .args = {clade__arg_tensor(c), clade__arg_tensor(NULL), rows, cols, offset, ld, slope},
        .n_args = 7, .groups = {1, 5}, .local = {64, 1}};
}

static clade_tensor *constant(clade_device *device, float value)
{
    clade_tensor *tensor = test_tensor(device, CLADE_SHAPE(N), NULL);
    assert_ok(clade_tensor_fill(tensor, value));
    return tensor;
}

/* Asserts that the elements are `before` up to `at`, and `after` from there. */
static void check_split(const clade_tensor *tensor, int at, float before, float after)
{
    double want[N];
    for (int i = 0; i < N; i++) want[i] = (double)(i < at ? before : after);
    float *got = test_read(tensor);
    test_assert_close("tensor", got, want, N, 0, 0);
    free(got);
}

static void recorded_is_the_same_as_immediate(void **state)
{
    float *x = test_random(1, N, -1, 1), *g = test_random(2, N, -1, 1);
    clade_tensor *w[2], *sum[2], *grad = test_tensor(*state, CLADE_SHAPE(N), g);
    clade__commands *commands[2] = {clade__immediate(*state)};
    const float lr = 0.3f;
    assert_ok(clade__commands_create(&commands[1], *state));
    assert_ptr_equal(clade__commands_device(commands[1]), *state);
    for (int i = 0; i < 2; i++) {
        w[i] = test_tensor(*state, CLADE_SHAPE(N), x);
        sum[i] = constant(*state, 7);
    }
    for (int run = 0; run < 3; run++)
        for (int i = 0; i < 2; i++) {
            if (i == 0 || run == 0) {
                clade__launch launches[] = {
                    step(w[i], grad, clade__arg_float_ref(&lr), clade__arg_float(0.1f)),
                    relu_rows(w[i], clade__arg_int(5), clade__arg_int(7), clade__arg_int(2),
                              clade__arg_int(60), clade__arg_float(0)),
                    add(sum[i], sum[i], w[i], clade__arg_int(N))};
                for (int k = 0; k < 3; k++)
                    assert_ok(clade__commands_launch(commands[i], &launches[k]));
            }
            if (i == 1 && run == 0) check_split(sum[1], N, 7, 0); /* recorded, not run */
            if (i == 1) assert_ok(clade__commands_run(commands[1]));
        }
    for (int pair = 0; pair < 2; pair++) {
        float *want = test_read(pair ? sum[0] : w[0]), *got = test_read(pair ? sum[1] : w[1]);
        assert_memory_equal(got, want, N * sizeof *got);
        assert_memory_not_equal(got, x, N * sizeof *got);
        free(want);
        free(got);
    }
    clade__commands_free(commands[1]);
    for (int i = 0; i < 2; i++) {
        clade_tensor_free(w[i]);
        clade_tensor_free(sum[i]);
    }
    clade_tensor_free(grad);
    free(x);
    free(g);
}

static void references_are_read_at_each_run(void **state)
{
    clade_tensor *y = constant(*state, 0), *a = constant(*state, 1), *b = constant(*state, 2);
    clade_tensor *w = constant(*state, 1);
    clade__commands *commands;
    int32_t n = 10;
    float lr = 100;
    assert_ok(clade__commands_create(&commands, *state));
    clade__launch launch = add(y, a, b, clade__arg_int_ref(&n));
    assert_ok(clade__commands_launch(commands, &launch));
    launch = step(w, a, clade__arg_float_ref(&lr), clade__arg_float(0));
    assert_ok(clade__commands_launch(commands, &launch));
    memset(&launch, 0, sizeof launch); /* only what is referred to must stay */

    n = 200; /* after recording, before the first run */
    lr = 0.25f;
    assert_ok(clade__commands_run(commands));
    n = 3; /* while the first run may be under way */
    lr = 0.5f;
    check_split(y, 200, 3, 0);
    check_split(w, N, 0.75f, 0);
    assert_ok(clade_tensor_fill(y, 0));
    assert_ok(clade__commands_run(commands));
    check_split(y, 3, 3, 0);
    check_split(w, N, 0.25f, 0);

    clade__commands_free(commands);
    clade_tensor_free(y);
    clade_tensor_free(a);
    clade_tensor_free(b);
    clade_tensor_free(w);
}

/* y is added to twice in one scope, then in two that differ by the phase and by the layer. */
static void a_list_runs_scope_by_scope(void **state)
{
    static const char layer[] = "0 linear", other[] = "1 linear";
    static const clade__scope scopes[] = {{CLADE_PHASE_FORWARD, layer}, {CLADE_PHASE_FORWARD, layer},
                                          {CLADE_PHASE_BACKWARD, layer},
                                          {CLADE_PHASE_BACKWARD, other}};
    static const float want[] = {2, 3, 4};
    clade_tensor *y = constant(*state, 0), *a = constant(*state, 1);
    clade__commands *commands;
    clade__launch launch = add(y, y, a, clade__arg_int(N));
    assert_ok(clade__commands_create(&commands, *state));
    for (int i = 0; i < 4; i++) {
        clade__commands_scope(commands, scopes[i].phase, scopes[i].layer);
        assert_ok(clade__commands_launch(commands, &launch));
    }
    size_t from = 0;
    for (int i = 0; i < 3; i++) {
        clade__scope scope;
        assert_ok(clade__commands_run_scope(commands, &from, &scope));
        assert_int_equal(from, i + 2);
        assert_int_equal(scope.phase, scopes[i + 1].phase);
        assert_ptr_equal(scope.layer, scopes[i + 1].layer);
        check_split(y, N, want[i], 0);
    }
    assert_int_equal(from, clade__commands_count(commands));
    clade__commands_free(commands);
    clade_tensor_free(y);
    clade_tensor_free(a);
}

static void five_references_are_too_many(void **state)
{
    clade_tensor *c = constant(*state, -1);
    const int32_t rows = 1, cols = 3, offset = 0, ld = 3;
    const float slope = 0;
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    clade__launch launch = relu_rows(c, clade__arg_int_ref(&rows), clade__arg_int_ref(&cols),
                                     clade__arg_int_ref(&offset), clade__arg_int_ref(&ld),
                                     clade__arg_float_ref(&slope));
    assert_fails(clade__commands_launch(commands, &launch), CLADE_EINVAL,
                 "gemm_epilogue: too many arguments by reference");
    assert_ok(clade__commands_run(commands)); /* nothing was recorded */
    check_split(c, N, -1, 0);
    assert_ok(clade__commands_launch(clade__immediate(*state), &launch)); /* read at once: any */
    check_split(c, 3, 0, -1);
    launch.args[4] = clade__arg_int(0);
    assert_ok(clade__commands_launch(commands, &launch));
    clade__commands_free(commands);
    clade_tensor_free(c);
}

static void zero_clears_all_bytes(void **state)
{
    const unsigned char ones[] = {1, 2, 3, 4, 5, 6, 7};
    clade_tensor *floats = constant(*state, 3), *bytes;
    assert_ok(clade_tensor_create(&bytes, *state, CLADE_UINT8, CLADE_SHAPE(7), ones));
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__commands_zero(commands, bytes));
    unsigned char got[7];
    assert_ok(clade_tensor_read(bytes, got));
    assert_memory_equal(got, ones, 7);
    for (int run = 0; run < 2; run++) {
        assert_ok(clade_tensor_write(bytes, ones));
        assert_ok(clade__commands_run(commands));
        assert_ok(clade_tensor_read(bytes, got));
        for (int i = 0; i < 7; i++) assert_int_equal(got[i], 0);
    }
    assert_ok(clade__commands_zero(clade__immediate(*state), floats));
    check_split(floats, N, 0, 0);
    clade__commands_free(commands);
    clade_tensor_free(floats);
    clade_tensor_free(bytes);
}

/* ---- calls ----------------------------------------------------------------------------------- */

typedef struct call_context {
    int *log;
    int value;
} call_context;

static clade_status log_call(clade_device *device, const void *context, void *event)
{
    const call_context *call = context;
    if (event || !device) return clade__fail(CLADE_EWRONG, "an event without a profile");
    *call->log = 10 * *call->log + call->value;
    return call->value == 9 ? clade__fail(CLADE_EOPENCL, "call 9 fails") : CLADE_OK;
}

static void calls_keep_a_copy_and_their_order(void **state)
{
    int log = 0;
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    for (int i = 1; i <= 3; i++) {
        call_context call = {&log, i};
        assert_ok(clade__commands_call(commands, "call", log_call, &call, sizeof call));
        call.value = 7;
    }
    assert_int_equal(log, 0);
    assert_ok(clade__commands_run(commands));
    assert_int_equal(log, 123);
    assert_ok(clade__commands_run(commands));
    assert_int_equal(log, 123123);

    log = 0;
    call_context last = {&log, 9}, after = {&log, 4};
    assert_ok(clade__commands_call(commands, "call", log_call, &last, sizeof last));
    assert_ok(clade__commands_call(commands, "call", log_call, &after, sizeof after));
    assert_fails(clade__commands_run(commands), CLADE_EOPENCL, "call 9 fails");
    assert_int_equal(log, 1239); /* it stops there */
    clade__commands *immediate = clade__immediate(*state);
    assert_fails(clade__commands_call(immediate, "call", log_call, &last, sizeof last),
                 CLADE_EOPENCL, "call 9 fails");
    assert_int_equal(log, 12399);
    clade__commands_free(commands);
    clade__commands_free(NULL);
}

/* More commands than the list's first size. */
static void lists_grow(void **state)
{
    clade_tensor *w = constant(*state, 0), *grad = constant(*state, -1);
    clade__commands *commands;
    assert_ok(clade__commands_create(&commands, *state));
    clade__launch launch = step(w, grad, clade__arg_float(1), clade__arg_float(0));
    for (int i = 0; i < 100; i++) assert_ok(clade__commands_launch(commands, &launch));
    assert_ok(clade__commands_run(commands));
    check_split(w, N, 100, 0);
    clade__commands_free(commands);
    clade_tensor_free(w);
    clade_tensor_free(grad);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void what_cannot_be_built_is_an_error(void **state)
{
    clade_tensor *w = constant(*state, 1);
    clade__commands *commands[2] = {clade__immediate(*state)};
    assert_ok(clade__commands_create(&commands[1], *state));
    for (int i = 0; i < 2; i++) {
        clade__launch launch = step(w, w, clade__arg_float(0), clade__arg_float(0));
        launch.program = "no_such_program";
        assert_fails(clade__commands_launch(commands[i], &launch), CLADE_EBUILD,
                     "no kernels named 'no_such_program'");
        launch.program = "sgd";
        launch.kernel = "no_such_kernel";
        assert_fails(clade__commands_launch(commands[i], &launch), CLADE_EOPENCL,
                     "clCreateKernel: CL_INVALID_KERNEL_NAME (-46) (no_such_kernel)");
        launch.kernel = "sgd_step";
        launch.options = "-DVARIANT=)"; /* what the log says depends on the compiler */
        assert_fails(clade__commands_launch(commands[i], &launch), CLADE_EBUILD,
                     "sgd.cl does not build on");
        assert_non_null(strstr(clade_error(), clade_device_describe(*state)->name));
        assert_non_null(strstr(clade_error(), "-DVARIANT=)"));
        assert_non_null(strstr(clade_error(), "CL_BUILD_PROGRAM_FAILURE: "));
        assert_null(strstr(clade_error(), "no log"));
        launch.options = "-DVARIANT=0";
        launch.n_args = 9; /* one more than the kernel has */
        assert_fails(clade__commands_launch(commands[i], &launch), CLADE_EOPENCL,
                     "clSetKernelArg: CL_INVALID_ARG_INDEX");
        assert_non_null(strstr(clade_error(), "(sgd_step)"));
    }
    assert_ok(clade__commands_run(commands[1])); /* nothing was recorded */
    check_split(w, N, 1, 0);
    clade__commands_free(commands[1]);
    clade_tensor_free(w);
}

static void what_cannot_run_names_its_kernel(void **state)
{
    clade_tensor *w = constant(*state, 1);
    clade__launch launch = step(w, w, clade__arg_float(0), clade__arg_float(0));
    launch.local[0] = 64; /* not the size that the kernel requires */
    assert_fails(clade__commands_launch(clade__immediate(*state), &launch), CLADE_EOPENCL,
                 "clEnqueueNDRangeKernel: CL_INVALID_WORK_GROUP_SIZE (-54) (sgd_step)");
    clade_tensor_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_is_the_same_as_immediate),
        cmocka_unit_test(references_are_read_at_each_run),
        cmocka_unit_test(a_list_runs_scope_by_scope),
        cmocka_unit_test(five_references_are_too_many),
        cmocka_unit_test(zero_clears_all_bytes),
        cmocka_unit_test(calls_keep_a_copy_and_their_order),
        cmocka_unit_test(lists_grow),
        cmocka_unit_test(what_cannot_be_built_is_an_error),
        cmocka_unit_test(what_cannot_run_names_its_kernel),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
