/* Devices, their memory and their profile; and what the command says where there is none. */
#define _POSIX_C_SOURCE 200809L
#include "command.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "device/opencl.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

/* ---- devices --------------------------------------------------------------------------------- */

static void the_list_agrees_with_what_opens(void **state)
{
    const clade_device_info *open = clade_device_describe(*state);
    clade_device_info *list;
    char why[512] = "";
    int n, n_default = 0;
    assert_ok(clade_devices(&list, &n, why, sizeof why));
    assert_true(n >= 1);
    for (int i = 0; i < n; i++) {
        assert_int_equal(list[i].index, i);
        assert_true(list[i].name[0] && list[i].platform[0] && list[i].version[0]);
        assert_in_range(list[i].same_as + 1, 0, i);
        n_default += list[i].is_default;
        if (!list[i].is_default) continue;
        assert_int_equal(i, open->index); /* both follow CLADE_DEVICE */
        assert_string_equal(why, clade_device_reason(*state));
        assert_non_null(strstr(why, list[i].name));
    }
    assert_int_equal(n_default, 1);

    const clade_device_info *listed = &list[open->index];
    assert_string_equal(listed->name, open->name);
    assert_string_equal(listed->driver, open->driver);
    assert_int_equal(listed->type, open->type);
    assert_true(open->compute_units > 0 && open->work_group_limit > 0 && open->available);
    assert_true(open->max_allocation_bytes > 0);
    assert_true(open->max_allocation_bytes <= open->global_memory_bytes);
    assert_true(listed->max_allocation_bytes == open->max_allocation_bytes);
    clade_devices_free(list);
    clade_devices_free(NULL);

    assert_ok(clade_devices(&list, &n, NULL, 0)); /* the reason is not asked for */
    clade_devices_free(list);
}

static void at_a_signal(int number)
{
    (void)number;
}

/* What main has set stays, whatever a driver does when it is loaded. */
static void drivers_leave_signals_alone(void **state)
{
    (void)state;
    static const struct {
        int number;
        void (*handler)(int);
    } wanted[] = {{SIGXFSZ, SIG_IGN}, {SIGTERM, at_a_signal}, {SIGUSR1, SIG_DFL}};
    for (int i = 0; i < COUNT(wanted); i++) {
        struct sigaction now;
        assert_int_equal(sigaction(wanted[i].number, NULL, &now), 0);
        assert_true(now.sa_handler == wanted[i].handler);
    }
}

static void a_device_opens_twice(void **state)
{
    const clade_device_info *first = clade_device_describe(*state);
    clade_device *second;
    assert_ok(clade_device_open(
        &second, test_text("%d:%d", first->platform_index, first->device_index)));
    assert_ptr_not_equal(second, *state);
    assert_int_equal(clade_device_describe(second)->index, first->index);
    clade_tensor *a = test_tensor(*state, CLADE_SHAPE(3), (float[]){1, 2, 3});
    clade_tensor *b = test_tensor(second, CLADE_SHAPE(3), (float[]){4, 5, 6});
    float got[6];
    assert_ok(clade_tensor_read(a, got));
    assert_ok(clade_tensor_read(b, got + 3));
    for (int i = 0; i < 6; i++) assert_true(got[i] == (float)(i + 1));
    assert_true(clade_device_bytes_held(second) == 3 * sizeof *got); /* each counts its own */
    clade_tensor_free(a);
    clade_tensor_free(b);
    clade_device_free(second);
    assert_ok(clade_device_finish(*state));
}

static void a_selector_of_nothing_opens_nothing(void **state)
{
    clade_device *device = *state;
    assert_fails(clade_device_open(&device, "no such device"), CLADE_ENODEVICE,
                 "'no such device' matches nothing");
    assert_null(device);
    clade_device_free(NULL);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void tensors_keep_their_bytes(void **state)
{
    static const clade_dtype dtypes[] = {CLADE_FLOAT32, CLADE_INT32, CLADE_UINT8};
    static const clade_shape shapes[] = {{0, {0}},          {1, {1}},      {1, {7}},
                                         {2, {13, 5}},      {1, {4097}},   {3, {3, 1, 333}},
                                         {4, {2, 3, 5, 7}}, {2, {1, 100003}}};
    for (int t = 0; t < COUNT(dtypes) * COUNT(shapes); t++) {
        clade_dtype dtype = dtypes[t % COUNT(dtypes)];
        clade_shape shape = shapes[t / COUNT(dtypes)];
        size_t n = (size_t)clade_shape_elements(shape) * (dtype == CLADE_UINT8 ? 1 : 4);
        unsigned char *data = malloc(3 * n), *got = data + 2 * n;
        assert_non_null(data);
        for (size_t i = 0; i < 2 * n; i++) data[i] = (unsigned char)(i * 167 + (i >> 8));
        clade_tensor *tensor;
        assert_ok(clade_tensor_create(&tensor, *state, dtype, shape, data));
        assert_true(clade_tensor_bytes(tensor) == n);
        assert_int_equal(clade_tensor_dtype(tensor), dtype);
        assert_ptr_equal(clade_tensor_device(tensor), *state);
        assert_int_equal(clade_tensor_shape(tensor).rank, shape.rank);
        assert_int_equal(clade_tensor_elements(tensor), clade_shape_elements(shape));
        assert_ok(clade_tensor_read(tensor, got));
        assert_memory_equal(got, data, n);
        assert_ok(clade_tensor_write(tensor, data + n));
        assert_ok(clade_tensor_read(tensor, got));
        assert_memory_equal(got, data + n, n);
        clade_tensor_free(tensor);
        free(data);
    }
    clade_tensor_free(NULL);
}

static void fill_sets_floats_alone(void **state)
{
    static const int sizes[] = {1, 3, 1000, 4099};
    for (int s = 0; s < COUNT(sizes); s++) {
        clade_tensor *tensor = test_tensor(*state, CLADE_SHAPE(sizes[s]), NULL);
        assert_ok(clade_tensor_fill(tensor, -0.0f));
        assert_ok(clade_tensor_fill(tensor, 1.1f));
        float *got = test_read(tensor);
        for (int i = 0; i < sizes[s]; i++) assert_true(got[i] == 1.1f);
        free(got);
        clade_tensor_free(tensor);
    }
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(3), NULL);
    assert_fails(clade_tensor_fill(labels, 1), CLADE_ESHAPE, "not float32");
    clade_tensor_free(labels);
}

static void unknown_types_are_refused(void **state)
{
    for (int type = -1; type <= 3; type += 4) {
        clade_tensor *tensor = (clade_tensor *)&type; /* a failed call clears it */
        assert_fails(clade_tensor_create(&tensor, *state, (clade_dtype)type, CLADE_SHAPE(1), NULL),
                     CLADE_EINVAL, test_text("there is no element type %d", type));
        assert_null(tensor);
    }
}

static void bad_shapes_are_refused(void **state)
{
    static const struct {
        clade_shape shape;
        const char *part;
    } cases[] = {
        {{7, {1, 1, 1, 1, 1, 1}}, "rank 7, want 0 to 6"},
        {{-1, {0}}, "rank -1"},
        {{2, {3, 0}}, "dimension 1 is 0, want at least 1"},
        {{1, {-4}}, "dimension 0 is -4"},
        {{1, {(INT64_C(1) << 62) + 1}}, "more than 2^62 elements"},
        {{4, {65536, 65536, 65536, 65536}}, "more than 2^62 elements"}, /* 2^64 */
        {{2, {INT64_MAX, INT64_MAX}}, "more than 2^62 elements"},
    };
    uint64_t before = clade_device_bytes_held(*state);
    for (int i = 0; i < COUNT(cases); i++) {
        clade_tensor *tensor = (clade_tensor *)&before; /* a failed call clears it */
        assert_fails(clade_tensor_create(&tensor, *state, CLADE_FLOAT32, cases[i].shape, NULL),
                     CLADE_ESHAPE, cases[i].part);
        assert_null(tensor);
    }
    assert_true(clade_device_bytes_held(*state) == before);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* A device that says it has little memory: the limits are tested without reaching them. */
static clade_device *small_device(clade_device *like, uint64_t global, uint64_t allocation)
{
    const clade_device_info *info = clade_device_describe(like);
    clade_device *device;
    assert_ok(clade_device_open(&device, test_text("%d", info->index)));
    device->info.global_memory_bytes = global;
    device->info.max_allocation_bytes = allocation;
    return device;
}

static void too_much_memory_is_refused(void **state)
{
    clade_device *device = small_device(*state, 10000, 6000);
    clade_tensor *tensor, *held = test_tensor(device, CLADE_SHAPE(1250), NULL);
    assert_fails(clade_tensor_create(&tensor, device, CLADE_FLOAT32, CLADE_SHAPE(1501), NULL),
                 CLADE_EDEVICEMEM, "no room for a buffer of 6004 bytes: 5000 of its 10000 bytes "
                 "are held, and one buffer may have 6000");
    assert_null(tensor);
    assert_fails(clade_tensor_create(&tensor, device, CLADE_FLOAT32, CLADE_SHAPE(1251), NULL),
                 CLADE_EDEVICEMEM, "5004 bytes");
    assert_ok(clade_tensor_create(&tensor, device, CLADE_UINT8, CLADE_SHAPE(5000), NULL));
    assert_true(clade_device_bytes_held(device) == 10000);
    clade_tensor_free(held);
    clade_tensor_free(tensor);

    /* What the pool keeps is given back before a request is refused. */
    assert_ok(clade_tensor_create(&tensor, device, CLADE_UINT8, CLADE_SHAPE(100), NULL));
    assert_true(clade_device_bytes_held(device) == 100);
    clade_tensor_free(tensor);
    clade_device_free(device);

    /* And by what the device itself says. */
    const clade_device_info *info = clade_device_describe(*state);
    if (info->max_allocation_bytes < (uint64_t)4 * INT32_MAX)
        assert_fails(clade_tensor_create(&tensor, *state, CLADE_FLOAT32, CLADE_SHAPE(INT32_MAX),
                                         NULL),
                     CLADE_EDEVICEMEM, "8589934588 bytes");
}

static void freed_buffers_are_used_again(void **state)
{
    enum { N = 250000 };
    clade_device *device = small_device(*state, 1 << 30, 1 << 30);
    assert_true(clade_device_bytes_held(device) == 0 && clade_device_bytes_peak(device) == 0);
    clade_tensor *kept = test_tensor(device, CLADE_SHAPE(N), NULL);
    for (int i = 0; i < 10; i++) { /* a little smaller each time: the first one's buffer will do */
        clade_tensor *tensor = test_tensor(device, CLADE_SHAPE(N - i * 1000), NULL);
        cl_mem mem = clade_opencl_buffer(tensor);
        clade_tensor_free(tensor);
        assert_true(clade_device_bytes_held(device) == 2 * 4 * N);
        tensor = test_tensor(device, CLADE_SHAPE(N), NULL);
        assert_ptr_equal(clade_opencl_buffer(tensor), mem);
        assert_ptr_not_equal(clade_opencl_buffer(kept), mem);
        clade_tensor_free(tensor);
    }
    /* It is neither given to a far smaller request nor to a larger one. */
    clade_tensor *small = test_tensor(device, CLADE_SHAPE(N / 2), NULL);
    assert_true(clade_device_bytes_held(device) == 10 * N);
    clade_tensor *large = test_tensor(device, CLADE_SHAPE(N + 1), NULL);
    uint64_t most = 14 * N + 4;
    assert_true(clade_device_bytes_held(device) == most);
    clade_tensor_free(small);
    clade_tensor_free(large);
    clade__pool_trim(device);
    assert_true(clade_device_bytes_held(device) == 4 * N);
    assert_true(clade_device_bytes_peak(device) == most);
    clade_tensor_free(kept);
    clade_device_free(device);
}

/* A buffer that is used again may still be read by work in the queue: the order of the queue keeps
 * that right. */
static void a_buffer_used_again_waits_its_turn(void **state)
{
    enum { N = 1 << 20 };
    clade_tensor *ones = test_tensor(*state, CLADE_SHAPE(N), NULL);
    clade_tensor *sum = test_tensor(*state, CLADE_SHAPE(N), NULL);
    assert_ok(clade_tensor_fill(ones, 1));
    assert_ok(clade_add_forward(sum, ones, ones));
    clade_tensor_free(ones);
    clade_tensor *again = test_tensor(*state, CLADE_SHAPE(N), NULL);
    assert_ok(clade_tensor_fill(again, 5));
    float *got = test_read(sum);
    for (int i = 0; i < N; i++) assert_true(got[i] == 2);
    free(got);
    clade_tensor_free(sum);
    clade_tensor_free(again);
}

/* ---- profile --------------------------------------------------------------------------------- */

static const clade_profile_entry *entry_of(const clade_profile_entry *entries, size_t n,
                                           const char *label)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(entries[i].label, label) == 0) return &entries[i];
    print_error("no profile entry '%s'\n", label);
    fail();
    return NULL;
}

static void the_profile_counts_calls(void **state)
{
    enum { N = 200000, MANY = 4500 }; /* more events than are kept at once */
    const clade_profile_entry *entries;
    size_t n;
    clade_tensor *large = test_tensor(*state, CLADE_SHAPE(N), NULL);
    clade_tensor *small = test_tensor(*state, CLADE_SHAPE(1), NULL);
    assert_ok(clade_tensor_fill(large, 1));
    assert_ok(clade_tensor_fill(small, 1));
    assert_ok(clade_add_forward(large, large, large)); /* before: not counted */

    assert_ok(clade_profile_begin(*state));
    for (int i = 0; i < 3; i++) assert_ok(clade_add_forward(large, large, large));
    for (int i = 0; i < MANY; i++)
        assert_ok(clade__commands_zero(clade__immediate(*state), small));
    assert_ok(clade_profile_end(*state, &entries, &n));
    assert_int_equal(n, 2);
    assert_int_equal(entry_of(entries, n, "add_forward")->n_calls, 3);
    assert_int_equal(entry_of(entries, n, "zero")->n_calls, MANY);
    for (size_t i = 0; i < n; i++) {
        assert_true(entries[i].seconds > 0 && entries[i].seconds < 60);
        if (i > 0) assert_true(entries[i].seconds <= entries[i - 1].seconds);
    }

    assert_ok(clade_add_forward(large, large, large)); /* between: not counted */
    assert_ok(clade_profile_begin(*state));            /* from zero */
    assert_ok(clade_add_forward(small, small, small));
    assert_ok(clade_profile_end(*state, &entries, &n));
    assert_int_equal(n, 1);
    assert_int_equal(entry_of(entries, n, "add_forward")->n_calls, 1);

    assert_ok(clade_profile_begin(*state));
    assert_ok(clade_profile_end(*state, &entries, &n));
    assert_int_equal(n, 0);
    clade_tensor_free(large);
    clade_tensor_free(small);
}

static void the_profile_begins_before_it_ends(void **state)
{
    const clade_profile_entry *entries = (const clade_profile_entry *)*state;
    size_t n = 7;
    assert_fails(clade_profile_end(*state, &entries, &n), CLADE_ESTATE, "profiling is not on");
    assert_null(entries);
    assert_int_equal(n, 0);
    assert_ok(clade_profile_begin(*state));
    assert_fails(clade_profile_begin(*state), CLADE_ESTATE, "already on");
    assert_ok(clade_profile_end(*state, &entries, &n));
    assert_fails(clade_profile_end(*state, &entries, &n), CLADE_ESTATE, "profiling is not on");
}

static void a_device_closes_while_profiling(void **state)
{
    clade_device *device = small_device(*state, 1 << 30, 1 << 30);
    clade_tensor *tensor = test_tensor(device, CLADE_SHAPE(3), (float[]){1, 2, 3});
    assert_ok(clade_profile_begin(device));
    assert_ok(clade_add_forward(tensor, tensor, tensor));
    clade_tensor_free(tensor);
    clade_device_free(device);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Runs `clade devices` with a variable set to `value`. */
static command_result devices_with(const char *variable, const char *value)
{
    const char *old = getenv(variable);
    char kept[1024];
    snprintf(kept, sizeof kept, "%s", old ? old : "");
    assert_int_equal(setenv(variable, value, 1), 0);
    command_result result = COMMAND("devices");
    assert_int_equal(old ? setenv(variable, kept, 1) : unsetenv(variable), 0);
    return result;
}

static void without_a_driver_the_command_says_what_to_install(void **state)
{
    (void)state;
    command_result result = devices_with("OCL_ICD_VENDORS", test_folder());
    assert_int_equal(result.status, 3);
    assert_string_equal(result.out, "");
    assert_non_null(strstr(result.err, "no OpenCL platform"));
    assert_non_null(strstr(result.err, "install"));
    assert_non_null(strstr(result.err, "pocl-opencl-icd"));
    assert_non_null(strstr(result.err, "OCL_ICD_VENDORS"));
    command_free(&result);
}

static void without_a_device_the_command_says_what_to_look_at(void **state)
{
    (void)state;
    command_result result = devices_with("POCL_CACHE_DIR", "/dev/null/none");
    if (result.status == 0) { /* there are other drivers than PoCL */
        command_free(&result);
        skip();
    }
    assert_int_equal(result.status, 3);
    assert_non_null(strstr(result.err, "no OpenCL device"));
    assert_non_null(strstr(result.err, "POCL_CACHE_DIR"));
    command_free(&result);
}

static void the_list_stands_without_a_default(void **state)
{
    command_result result = devices_with("CLADE_DEVICE", "voodoo");
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, clade_device_describe(*state)->name));
    assert_non_null(strstr(result.out, "no default: device selector 'voodoo' (from CLADE_DEVICE)"));
    command_free(&result);
}

/* Where the driver cannot be loaded the message says so, and where it is memory that lacks, that. */
static void a_driver_that_does_not_load_is_told(void **state)
{
    (void)state;
    const char *folder = test_folder();
    test_write_file(test_text("%s/none.icd", folder), "/none/such/libnone.so\n", 22);
    command_result result = devices_with("OCL_ICD_VENDORS", folder);
    assert_int_equal(result.status, 3);
    assert_non_null(strstr(result.err, test_text("%s/none.icd' cannot be loaded: ", folder)));
    assert_non_null(strstr(result.err, "/none/such/libnone.so"));
    command_free(&result);
}

#ifndef __SANITIZE_ADDRESS__ /* which wants terabytes of addresses */
static void no_memory_is_not_told_as_no_driver(void **state)
{
    (void)state;
    int n_told = 0;
    char out[128];
    snprintf(out, sizeof out, "%s/out", test_folder());
    for (int megabytes = 60; megabytes <= 200; megabytes += 35) {
        unsigned char *text;
        size_t n_bytes;
        int status = system(test_text("ulimit -v %d; '%s/clade' devices >'%s' 2>&1", 1024 * megabytes,
                                      getenv("CLADE_TEST_BUILD"), out));
        assert_ok(clade__file_read(out, &text, &n_bytes));
        const char *said = test_text("%.*s", (int)n_bytes, (char *)text);
        free(text);
        if (strstr(said, "no driver is registered")) print_error("%d MB: %s\n", megabytes, said);
        assert_null(strstr(said, "no driver is registered"));
        if (!strstr(said, "no memory to load the OpenCL driver")) continue;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        n_told++;
    }
    assert_true(n_told > 0);
}
#endif

/* Rusticl shows nothing unless it is asked to, and the list says what to ask with. */
static void a_platform_without_a_device_is_named(void **state)
{
    (void)state;
    const char *names[] = {"pocl.icd", "rusticl.icd"};
    char folder[128], variable[256];
    snprintf(folder, sizeof folder, "%s", test_folder());
    for (int i = 0; i < 2; i++) {
        unsigned char *text;
        size_t n_bytes;
        if (clade__file_read(test_text("/etc/OpenCL/vendors/%s", names[i]), &text, &n_bytes) != CLADE_OK) {
            print_message("SKIPPED: no %s\n", names[i]);
            skip();
        }
        test_write_file(test_text("%s/%s", folder, names[i]), text, n_bytes);
        free(text);
    }
    unsetenv("RUSTICL_ENABLE");
    snprintf(variable, sizeof variable, "%s/", folder);
    command_result result = command_expect(devices_with("OCL_ICD_VENDORS", variable), 0);
    assert_non_null(strstr(result.out, ", rusticl, has no device: RUSTICL_ENABLE=llvmpipe"));
    command_free(&result);

    clade_platform_info *list;
    int n, n_shown = 0;
    assert_ok(clade_platforms(&list, &n));
    for (int i = 0; i < n; i++) {
        assert_int_equal(list[i].index, i);
        assert_true(list[i].name[0] && list[i].version[0]);
        assert_true((list[i].n_devices == 0) == (list[i].hint != NULL));
        n_shown += list[i].n_devices;
    }
    assert_true(n_shown >= 1);
    clade_platforms_free(list);
    clade_platforms_free(NULL);
}

static void the_list_has_platforms_in_json(void **state)
{
    const clade_device_info *open = clade_device_describe(*state);
    command_result result = command_expect(COMMAND("devices", "--json"), 0);
    cJSON *document = command_json(result.out);
    const cJSON *platforms = cJSON_GetObjectItem(document, "platforms");
    const cJSON *own = cJSON_GetArrayItem(platforms, open->platform_index);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(own, "name")), open->platform);
    assert_true(command_number(own, "devices") >= 1.0);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(own, "hint")));
    cJSON_Delete(document);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_agrees_with_what_opens),
        cmocka_unit_test(drivers_leave_signals_alone),
        cmocka_unit_test(a_device_opens_twice),
        cmocka_unit_test(a_selector_of_nothing_opens_nothing),
        cmocka_unit_test(tensors_keep_their_bytes),
        cmocka_unit_test(fill_sets_floats_alone),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(bad_shapes_are_refused),
        cmocka_unit_test(too_much_memory_is_refused),
        cmocka_unit_test(freed_buffers_are_used_again),
        cmocka_unit_test(a_buffer_used_again_waits_its_turn),
        cmocka_unit_test(the_profile_counts_calls),
        cmocka_unit_test(the_profile_begins_before_it_ends),
        cmocka_unit_test(a_device_closes_while_profiling),
        cmocka_unit_test(without_a_driver_the_command_says_what_to_install),
        cmocka_unit_test(without_a_device_the_command_says_what_to_look_at),
        cmocka_unit_test(the_list_stands_without_a_default),
        cmocka_unit_test(a_driver_that_does_not_load_is_told),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(no_memory_is_not_told_as_no_driver),
#endif
        cmocka_unit_test(a_platform_without_a_device_is_named),
        cmocka_unit_test(the_list_has_platforms_in_json),
    };
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGTERM, at_a_signal);
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
