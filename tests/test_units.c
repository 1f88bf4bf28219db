/* A part of a device's compute units: how it is opened, and that no bit depends on their number. */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include "device/opencl.h"

/* ---- a driver that cannot divide its devices -------------------------------------------------- */

static bool indivisible;

cl_int __real_clGetDeviceInfo(cl_device_id, cl_device_info, size_t, void *, size_t *);
cl_int __wrap_clGetDeviceInfo(cl_device_id, cl_device_info, size_t, void *, size_t *);

cl_int __wrap_clGetDeviceInfo(cl_device_id id, cl_device_info what, size_t n_bytes, void *value,
                              size_t *written)
{
    if (!indivisible || what != CL_DEVICE_PARTITION_PROPERTIES)
        return __real_clGetDeviceInfo(id, what, n_bytes, value, written);
    *(cl_device_partition_property *)value = 0; /* as the standard wants it */
    *written = sizeof(cl_device_partition_property);
    return CL_SUCCESS;
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* The device in *state with one of its units; skips the test where it has one or is not divided. */
static clade_device *open_one(void **state)
{
    clade_device *one = NULL;
    const clade_device_info *info = clade_device_describe(*state);
    if (info->compute_units < 2) skip();
    clade_status status = clade_device_open_units(&one, test_text("%d", info->index), 1);
    if (status == CLADE_ENODEVICE && strstr(clade_error(), "cannot be divided")) skip();
    assert_ok(status);
    return one;
}

static void a_part_is_a_device(void **state)
{
    const clade_device_info *whole = clade_device_describe(*state);
    clade_device *one = open_one(state);
    assert_int_equal(clade_device_describe(one)->compute_units, 1);
    assert_int_equal(clade_device_describe(one)->index, whole->index);
    assert_string_equal(clade_device_describe(one)->name, whole->name);
    assert_non_null(strstr(clade_device_reason(one),
                           test_text("with 1 of its %d compute units", whole->compute_units)));
    clade_tensor *x = test_tensor(one, CLADE_SHAPE(3), (float[]){1, 2, 3});
    assert_ok(clade_add_forward(x, x, x));
    float *got = test_read(x);
    for (int i = 0; i < 3; i++) assert_true(got[i] == 2.0f * (float)(i + 1));
    free(got);
    clade_tensor_free(x);
    clade_device_free(one);
}

static void all_units_are_the_device(void **state)
{
    const clade_device_info *info = clade_device_describe(*state);
    clade_device *device;
    assert_ok(clade_device_open_units(&device, test_text("%d", info->index), info->compute_units));
    assert_ptr_equal(clade_opencl_device(device), clade_opencl_device(*state));
    assert_null(strstr(clade_device_reason(device), "compute units"));
    clade_device_free(device);
}

static void the_environment_says_how_many(void **state)
{
    clade_device *device = open_one(state);
    clade_device_free(device);
    assert_int_equal(setenv("CLADE_COMPUTE_UNITS", "1", 1), 0);
    device = test_open_again(state);
    assert_int_equal(clade_device_describe(device)->compute_units, 1);
    clade_device_free(device);
    const char *index = test_text("%d", clade_device_describe(*state)->index);
    command_result result = COMMAND("devices", "--device", index);
    assert_non_null(strstr(result.out, "with 1 of its"));
    command_free(&result);

    /* A number that is given goes before it. */
    int all = clade_device_describe(*state)->compute_units;
    assert_int_equal(setenv("CLADE_COMPUTE_UNITS", "none", 1), 0);
    assert_ok(clade_device_open_units(&device, NULL, all));
    assert_int_equal(clade_device_describe(device)->compute_units, all);
    clade_device_free(device);
    assert_int_equal(unsetenv("CLADE_COMPUTE_UNITS"), 0);
}

static void a_wrong_number_is_refused(void **state)
{
    static const char *const words[] = {"0", "-1", "2x", "two", "99999999999"};
    clade_device *device = *state;
    assert_fails(clade_device_open_units(&device, NULL, -1), CLADE_EINVAL, "want at least 1");
    assert_null(device);
    assert_fails(clade_device_open_units(&device, NULL, 100000), CLADE_ENODEVICE, "not 100000");
    assert_null(device);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_int_equal(setenv("CLADE_COMPUTE_UNITS", words[i], 1), 0);
        assert_fails(clade_device_open(&device, NULL), CLADE_EINVAL,
                     test_text("CLADE_COMPUTE_UNITS is '%s', want a whole number", words[i]));
    }
    assert_int_equal(setenv("CLADE_COMPUTE_UNITS", "", 1), 0); /* as if it were not there */
    assert_ok(clade_device_open(&device, NULL));
    clade_device_free(device);
    assert_int_equal(unsetenv("CLADE_COMPUTE_UNITS"), 0);
}

static void an_indivisible_device_is_refused(void **state)
{
    clade_device *device;
    if (clade_device_describe(*state)->compute_units < 2) skip();
    indivisible = true;
    clade_status status = clade_device_open_units(&device, NULL, 1);
    indivisible = false;
    assert_fails(status, CLADE_ENODEVICE, "cannot be divided");
    assert_null(device);
}

static void the_command_takes_a_number(void **state)
{
    clade_device_free(open_one(state));
    command_result result = COMMAND("devices", "--compute-units", "1");
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "with 1 of its"));
    command_free(&result);
    result = COMMAND("devices", "--compute-units", "100000");
    assert_int_equal(result.status, 3);
    assert_non_null(strstr(result.err, "not 100000"));
    command_free(&result);
    result = COMMAND("devices", "--compute-units", "0");
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.err, "--compute-units is 0, want a whole number, at least 1"));
    command_free(&result);
}

/* ---- the same bits ---------------------------------------------------------------------------- */

/* A device that says it has more or fewer units than it has is cut into work-groups for those. */
static void gemm_has_the_same_bits(void **state)
{
    static const int units[] = {1, 2, 7, 64, 1000};
    static const clade_gemm_args shapes[] = {
        {.m = 200, .n = 352, .k = 1500, .lda = 1500, .ldb = 352, .ldc = 352},
        {.m = 1500, .n = 20, .k = 1100, .trans_a = true, .lda = 1500, .ldb = 20, .ldc = 20},
        {.m = 61, .n = 200, .k = 1100, .trans_b = true, .lda = 1100, .ldb = 1100, .ldc = 200},
        {.m = 13, .n = 300, .k = 1100, .trans_b = true, .lda = 1100, .ldb = 1100, .ldc = 300},
    };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        float *want = NULL;
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            clade_device *device = test_open_again(state);
            device->info.compute_units = units[u];
            float *got = test_multiply(device, &shapes[s]);
            if (!want) want = got;
            assert_memory_equal(got, want, (size_t)(shapes[s].m * shapes[s].n) * sizeof *got);
            if (got != want) free(got);
            clade_device_free(device);
        }
        free(want);
    }
}

/* A network with each kind of gemm, and one whose convolutions, pooling and statistics cut images into
 * work-groups. */
static const char *const networks[] = {
    "{\"input\":[28,28],\"layers\":[{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":300},"
    "{\"type\":\"relu\"},{\"type\":\"linear\",\"units\":70},{\"type\":\"sigmoid\"},"
    "{\"type\":\"linear\",\"units\":10}]}",
    "{\"input\":[28,28],\"layers\":[{\"type\":\"reshape\",\"shape\":[1,28,28]},"
    "{\"type\":\"conv2d\",\"out_channels\":13,\"kernel_size\":5,\"padding\":2},"
    "{\"type\":\"batch_norm\"},{\"type\":\"relu\"},{\"type\":\"max_pool2d\",\"kernel_size\":2},"
    "{\"type\":\"conv2d\",\"out_channels\":26,\"kernel_size\":3,\"stride\":2,\"groups\":13,"
    "\"bias\":false},{\"type\":\"group_norm\",\"num_groups\":2},"
    "{\"type\":\"adaptive_avg_pool2d\",\"output_size\":2},{\"type\":\"flatten\"},"
    "{\"type\":\"linear\",\"units\":10}]}",
};

/* Trains a network for two epochs on images that are changed, with short last batches, and saves it. */
static void train(clade_device *device, const char *network, const char *provider, const char *path)
{
    clade_data *data;
    clade_model *model;
    const clade_augment augment = {.crop = 2, .flip = true};
    assert_ok(clade_data_open(&data, "digits?n=700"));
    assert_ok(clade_model_create(&model, device, 3));
    assert_ok(clade_compile(model, clade_model_layers(model, network),
                            &(clade_compile_options){.optimizer = clade_sgd(0.1f, 0.9f), .batch = 128,
                                                     .gemm = provider}));
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 2, .validate = data, .augment = &augment},
                        NULL));
    assert_ok(clade_save(model, path));
    clade_model_free(model);
    clade_data_free(data);
}

static void training_gives_the_same_file(void **state)
{
    static const char *const providers[] = {"auto", "clblast"};
    static const size_t least[] = {4 * 784 * 300, 4 * 13 * 25};
    char on_one[512], on_all[512];
    clade_device *one = open_one(state);
    snprintf(on_one, sizeof on_one, "%s/one.safetensors", test_folder());
    snprintf(on_all, sizeof on_all, "%s/all.safetensors", test_folder());
    for (int i = 0; i < 4; i++) {
        train(one, networks[i / 2], providers[i % 2], on_one);
        train(*state, networks[i / 2], providers[i % 2], on_all);
        assert_true(test_assert_same_files(on_one, on_all) > least[i / 2]);
    }
    clade_device_free(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_is_a_device),
        cmocka_unit_test(all_units_are_the_device),
        cmocka_unit_test(the_environment_says_how_many),
        cmocka_unit_test(a_wrong_number_is_refused),
        cmocka_unit_test(an_indivisible_device_is_refused),
        cmocka_unit_test(the_command_takes_a_number),
        cmocka_unit_test(gemm_has_the_same_bits),
        cmocka_unit_test(training_gives_the_same_file),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
