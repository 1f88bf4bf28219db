/* The tiled gemm as it is built for CPUs with narrower vectors than this one's. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "blas/provider.h"
#include "device/opencl.h"

/* What clade__gemm_check compares: random products, and the last rows and columns, in double. */
static void check_all(clade_device *device)
{
    static const int64_t sizes[][3] = {{1, 1, 1},    {2, 3, 5},     {7, 9, 8},    {13, 17, 31},
                                       {49, 33, 65}, {64, 100, 96}, {60, 30, 1100}};
    float lr = 0;
    const clade__sgd_rates rates = {.lr = &lr, .momentum = 0.9f};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int trans = 0; trans < 4; trans++) {
            const clade_gemm_args call = {.m = sizes[s][0], .n = sizes[s][1], .k = sizes[s][2],
                                          .trans_a = trans & 1, .trans_b = (trans & 2) != 0};
            assert_ok(clade__gemm_check(device, &clade__gemm_tiled, &call, NULL));
            if (!call.trans_b) assert_ok(clade__gemm_check(device, &clade__gemm_tiled, &call, &rates));
        }
}

static void every_width_is_right(void **state)
{
    (void)state;
    static const int widths[] = {16, 8, 4, 1};
    const clade_gemm_args any = {.m = 1, .n = 1, .k = 1};
    assert_int_equal(setenv("CLADE_CACHE_DIR", test_folder(), 1), 0); /* not this CPU's tuning */
    for (int i = 0; i < 4; i++) {
        clade_device *device;
        assert_ok(clade_device_open(&device, NULL));
        if (clade__gemm_tiled.refuses(device, &any)) {
            clade_device_free(device);
            skip();
        }
        device->info.float_vector_width = widths[i];
        check_all(device);
        clade_device_free(device);
    }
}

/* A packed strip lies in local memory, of which some devices have little. */
static void little_local_memory_is_enough(void **state)
{
    (void)state;
    static const uint64_t bytes[] = {128 * 1024, 32 * 1024, 16 * 1024};
    const clade_gemm_args call = {.m = 200, .n = 70, .k = 1500, .trans_b = true};
    for (int i = 0; i < 3; i++) {
        clade_device *device;
        assert_ok(clade_device_open(&device, NULL));
        if (clade__gemm_tiled.refuses(device, &call)) {
            clade_device_free(device);
            skip();
        }
        device->info.local_memory_bytes = bytes[i];
        assert_ok(clade__gemm_check(device, &clade__gemm_tiled, &call, NULL));
        clade_device_free(device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_is_right),
        cmocka_unit_test(little_local_memory_is_enough),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}
