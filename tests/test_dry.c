/* Dry commands: they count what recorded ones would hold, know its kernels and products, and leave the
 * device alone. */
#include "support.h"

#include "blas/provider.h"
#include "device/opencl.h"
#include "kernel_list.h"
#include "ops/ops.h"

enum { ROWS = 50, IN = 40, OUT = 30 };

/* The tensors of a small step. */
typedef struct step {
    clade_tensor x, w, bias, y, dy, dx, dw, dbias, velocity, labels, loss, hit;
} step;

static clade_tensor make(clade_device *device, bool dry, clade_dtype dtype, clade_shape shape)
{
    clade_tensor *tensor;
    if (dry) return clade__tensor_view(device, NULL, dtype, shape);
    assert_ok(clade_tensor_create(&tensor, device, dtype, shape, NULL));
    clade_tensor plain = *tensor;
    free(tensor);
    return plain;
}

static step make_step(clade_device *device, bool dry)
{
    const clade_dtype f = CLADE_FLOAT32;
    return (step){
        .x = make(device, dry, f, CLADE_SHAPE(ROWS, IN)), .w = make(device, dry, f, CLADE_SHAPE(OUT, IN)),
        .bias = make(device, dry, f, CLADE_SHAPE(OUT)), .y = make(device, dry, f, CLADE_SHAPE(ROWS, OUT)),
        .dy = make(device, dry, f, CLADE_SHAPE(ROWS, OUT)), .dx = make(device, dry, f, CLADE_SHAPE(ROWS, IN)),
        .dw = make(device, dry, f, CLADE_SHAPE(OUT, IN)), .dbias = make(device, dry, f, CLADE_SHAPE(OUT)),
        .velocity = make(device, dry, f, CLADE_SHAPE(OUT, IN)),
        .labels = make(device, dry, CLADE_INT32, CLADE_SHAPE(ROWS)),
        .loss = make(device, dry, f, CLADE_SHAPE(ROWS)), .hit = make(device, dry, f, CLADE_SHAPE(ROWS))};
}

static void free_step(step *s)
{
    clade_tensor *all[] = {&s->x, &s->w, &s->bias, &s->y, &s->dy, &s->dx, &s->dw, &s->dbias,
                           &s->velocity, &s->labels, &s->loss, &s->hit};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) clade__buffer_free(all[i]->buffer);
}

/* A layer's forward and backward, and what comes after. */
static void record(clade__commands *commands, step *s, bool fused)
{
    static const float lr = 0.1f;
    const clade__sgd_rates rates = {.lr = &lr, .momentum = 0.9f};
    const clade__sgd_state state = {.velocity = &s->velocity};
    assert_ok(clade__linear_forward(commands, &s->y, &s->x, &s->w, &s->bias, CLADE_GELU, 0.0f));
    assert_ok(clade__cross_entropy(commands, &s->loss, &s->hit, &s->dy, &s->y, &s->labels, 1.0f, NULL));
    assert_ok(clade__softmax_forward(commands, &s->y, &s->y));
    assert_ok(clade__linear_backward(commands, &s->dx, fused ? NULL : &s->dw, &s->dbias, &s->x, &s->w,
                                     &s->dy, (clade__linear_adds){0}));
    if (fused)
        assert_ok(clade__linear_update(commands, &s->w, &state, &s->x, &s->dy, &rates));
    assert_ok(clade__add_forward(commands, &s->dx, &s->dx, &s->x));
    assert_ok(clade__commands_zero(commands, &s->dw));
}

static void they_hold_what_recorded_ones_do(void **state)
{
    for (int p = -1; p < 0 || clade__gemm_providers[p]; p++) {
        const clade__gemm_provider *provider = p < 0 ? NULL : clade__gemm_providers[p];
        const clade_gemm_args any = {.m = ROWS, .n = OUT, .k = IN};
        if (provider && provider->refuses(*state, &any)) continue;
        const bool fused = clade__gemm_can_update(*state, provider, &any);
        clade__commands *dry, *recorded;
        step without = make_step(*state, true), with = make_step(*state, false);
        assert_ok(clade__commands_create_dry(&dry, *state));
        assert_ok(clade__commands_create(&recorded, *state));
        assert_true(clade__commands_is_dry(dry) && !clade__commands_is_dry(recorded));
        clade__commands_set_gemm(dry, provider);
        clade__commands_set_gemm(recorded, provider);
        record(dry, &without, fused);
        record(recorded, &with, fused);
        assert_int_equal(clade__commands_count(dry), clade__commands_count(recorded));
        for (size_t i = 0; i < clade__commands_count(recorded); i++) {
            const clade__command_info info = clade__commands_describe(recorded, i);
            if (*info.program) assert_true(test_is_known(dry, &info));
        }
        assert_int_equal(clade__commands_n_notes(dry), 3);
        assert_int_equal(clade__commands_n_notes(recorded), 0);
        clade__commands_free(recorded);
        clade__commands_free(dry);
        free_step(&with);
    }
}

/* A graph of many equal layers is one layer's kernels and products. */
static void equal_calls_are_kept_once(void **state)
{
    clade_device *device = test_open_again(state); /* has built nothing */
    clade__commands *dry;
    assert_ok(clade__commands_create_dry(&dry, device));
    step s = make_step(device, true);
    const bool fused = clade__gemm_can_update(device, NULL, &(clade_gemm_args){.m = 1, .n = 1, .k = 1});
    record(dry, &s, fused);
    const size_t count = clade__commands_count(dry), kernels = clade__commands_n_kernels(dry);
    for (int i = 1; i < 2000; i++) record(dry, &s, fused);
    assert_int_equal(clade__commands_count(dry), 2000 * count);
    assert_int_equal(clade__commands_n_kernels(dry), kernels);
    assert_int_equal(clade__commands_n_notes(dry), 3);
    assert_null(device->programs);
    assert_true(clade_device_bytes_held(device) == 0);
    assert_fails(clade__commands_run(dry), CLADE_ESTATE, "dry commands cannot be run");
    clade__commands_free(dry);
    clade_device_free(device);
}

/* Shapes are checked as they are anywhere. */
static void what_does_not_fit_is_refused(void **state)
{
    clade__commands *dry;
    assert_ok(clade__commands_create_dry(&dry, *state));
    step s = make_step(*state, true);
    assert_fails(clade__softmax_forward(dry, &s.x, &s.y), CLADE_ESHAPE, "softmax: y is (50, 40)");
    assert_fails(clade__linear_forward(dry, &s.dx, &s.x, &s.w, NULL, CLADE_IDENTITY, 0), CLADE_ESHAPE,
                 "linear: y is (50, 40)");
    const clade_gemm_args outside = {.m = ROWS, .n = OUT, .k = IN, .a = &s.x, .b = &s.w, .c = &s.y,
                                     .trans_b = true, .a_offset = 1, .lda = IN, .ldb = IN,
                                     .ldc = OUT};
    assert_fails(clade__gemm(dry, &outside, NULL), CLADE_ESHAPE, "leaves its tensor");
    assert_int_equal(clade__commands_count(dry), 0);
    assert_int_equal(clade__commands_n_notes(dry), 0);
    clade__commands_free(dry);
}

static bool same_int(const void *a, const void *b)
{
    return *(const int *)a == *(const int *)b;
}

static void notes_have_a_kind(void **state)
{
    clade__commands *dry;
    assert_ok(clade__commands_create_dry(&dry, *state));
    for (int i = 0; i < 40; i++) {
        const int value = i % 20;
        assert_ok(clade__commands_note(dry, "numbers", &value, sizeof value, same_int));
        assert_ok(clade__commands_note(dry, "others", &value, sizeof value, same_int));
    }
    assert_int_equal(clade__commands_n_notes(dry), 40);
    for (int i = 0; i < 40; i++) {
        const int *number = clade__commands_note_at(dry, (size_t)i, "numbers");
        assert_true((number == NULL) == (i % 2 == 1));
        if (number) assert_int_equal(*number, i / 2);
    }
    clade__commands_free(dry);
}

/* The scratch is the largest of all calls', and each of them is found to be right. */
static void products_are_read_off_them(void **state)
{
    for (int p = 0; clade__gemm_providers[p]; p++) {
        const clade__gemm_provider *provider = clade__gemm_providers[p];
        size_t want = 0, got, none = 1;
        clade__commands *dry;
        assert_ok(clade__commands_create_dry(&dry, *state));
        assert_ok(clade__gemm_dry_scratch_bytes(dry, &none));
        assert_true(none == 0);
        clade__commands_set_gemm(dry, provider);
        for (int i = 0; i < 3; i++) {
            clade_gemm_args args = {.m = 100, .n = 90, .k = i == 1 ? 5000 : 70, .alpha = 0.5f,
                                    .trans_a = i == 0, .trans_b = i == 2, .beta = i == 2 ? 0.5f : 0,
                                    .a_offset = 3, .b_offset = 128, .c_offset = 7000 + i};
            args.lda = (args.trans_a ? args.m : args.k) + 8;
            args.ldb = (args.trans_b ? args.k : args.n) + 16;
            args.ldc = args.n + 5 * i;
            clade_tensor big = make(*state, true, CLADE_FLOAT32, CLADE_SHAPE(1000000)), c = big;
            args.a = args.b = &big;
            args.c = &c;
            if (provider->refuses(*state, &args)) continue;
            assert_ok(clade__gemm(dry, &args, NULL));
            size_t bytes;
            assert_ok(clade__gemm_scratch_bytes(*state, provider, &args, &bytes));
            if (bytes > want) want = bytes;
        }
        assert_ok(clade__gemm_dry_scratch_bytes(dry, &got));
        assert_true(got == want);
        assert_ok(clade__gemm_check_dry(dry));
        clade__commands_free(dry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_hold_what_recorded_ones_do),
        cmocka_unit_test(equal_calls_are_kept_once),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(notes_have_a_kind),
        cmocka_unit_test(products_are_read_off_them),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
