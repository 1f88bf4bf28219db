/* The cache of built programs. Whether an entry was used shows by a counterfeit: under the key of
 * the kernel that adds lies one that subtracts. */
#define _POSIX_C_SOURCE 200809L
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "device/program.h"
#include "device/program_cache.h"

#define OPTIONS CLADE__EVERY_BUILD /* what add.cl is built with */

static const char subtracts[] =
    "kernel __attribute__((reqd_work_group_size(128, 1, 1)))\n"
    "void add_forward(global float *y, global const float *a, global const float *b, const int n)\n"
    "{ size_t i = get_global_id(0); if (i < (size_t)n) y[i] = a[i] - b[i]; }\n";

static char folder[256];

/* Each test has a folder of its own. */
static int start_empty(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    return setenv("CLADE_CACHE_DIR", folder, 1) || setenv("CLADE_PROGRAM_CACHE", "on", 1);
}

static const char *source_of(const char *name)
{
    const clade__kernel_source *source = clade__kernel_sources;
    while (source->name && strcmp(source->name, name) != 0) source++;
    assert_non_null(source->name);
    return source->text;
}

static void key_of_add(clade__cache_key *key, const clade_device *device)
{
    clade__program_cache_key(key, device, source_of("add"), OPTIONS);
}

/* 5 + 3, or 5 - 3 by a counterfeit; the device is opened and closed. */
static float computed(void **state)
{
    clade_device *device = test_open_again(state);
    clade_tensor *a = test_tensor(device, CLADE_SHAPE(1), (float[]){5});
    clade_tensor *b = test_tensor(device, CLADE_SHAPE(1), (float[]){3});
    float got;
    assert_ok(clade_add_forward(a, a, b));
    assert_ok(clade_tensor_read(a, &got));
    clade_tensor_free(a);
    clade_tensor_free(b);
    clade_device_free(device);
    return got;
}

enum { ADDED = 8, SUBTRACTED = 2 };

static void store_counterfeit(void **state)
{
    clade_device *device = test_open_again(state);
    const char *text = subtracts;
    cl_int error;
    cl_program program = clCreateProgramWithSource(device->context, 1, &text, NULL, &error);
    assert_int_equal(error, CL_SUCCESS);
    assert_int_equal(clBuildProgram(program, 1, &device->id, OPTIONS, NULL, NULL), CL_SUCCESS);
    clade__cache_key key;
    key_of_add(&key, device);
    clade__program_cache_store(device, &key, program);
    clReleaseProgram(program);
    clade_device_free(device);
}

/* The number of files in the folder; `path`, when not NULL, receives one of them. */
static int count_entries(char *path, size_t path_bytes)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        n++;
        if (path) snprintf(path, path_bytes, "%s/%s", folder, entry->d_name);
    }
    closedir(dir);
    return n;
}

static void a_build_stores_one_entry(void **state)
{
    char path[600] = "";
    struct stat first, second;
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(path, sizeof path), 1); /* and no temporary */
    const char *ending = ".clbin";
    assert_string_equal(path + strlen(path) - strlen(ending), ending);
    assert_int_equal(stat(path, &first), 0);

    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(path, sizeof path), 1);
    assert_int_equal(stat(path, &second), 0);
    assert_true(first.st_ino == second.st_ino); /* a file that is written again is another */
}

static void an_entry_is_used(void **state)
{
    store_counterfeit(state);
    assert_int_equal(count_entries(NULL, 0), 1);
    assert_int_equal(computed(state), SUBTRACTED);
    assert_int_equal(count_entries(NULL, 0), 1);
}

static void the_cache_can_be_off(void **state)
{
    store_counterfeit(state);
    assert_int_equal(setenv("CLADE_PROGRAM_CACHE", "off", 1), 0);
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(setenv("CLADE_CACHE_DIR", test_folder(), 1), 0);
    snprintf(folder, sizeof folder, "%s", getenv("CLADE_CACHE_DIR"));
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(NULL, 0), 0);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Whether `bytes` in place of a counterfeit are a miss that a good entry replaces. */
static void check_miss(void **state, const char *what, const char *path, const void *bytes,
                       size_t n_bytes)
{
    test_write_file(path, bytes, n_bytes);
    float first = computed(state), second;
    clade_device *device = test_open_again(state);
    clade__cache_key key;
    key_of_add(&key, device);
    cl_program program = clade__program_cache_load(device, &key);
    bool replaced = program != NULL;
    if (program) clReleaseProgram(program);
    clade_device_free(device);
    second = computed(state); /* by the new entry */
    if (first != ADDED || second != ADDED || !replaced || count_entries(NULL, 0) != 1) {
        print_error("%s: computed %g, then %g; the entry was %sreplaced; %d files\n", what, first,
                    second, replaced ? "" : "not ", count_entries(NULL, 0));
        fail();
    }
}

static void damage_is_a_miss(void **state)
{
    char path[600];
    unsigned char *good;
    size_t n;
    store_counterfeit(state);
    assert_int_equal(count_entries(path, sizeof path), 1);
    assert_ok(clade__file_read(path, &good, &n));
    assert_true(n > 2000);
    check_miss(state, "empty", path, "", 0);
    check_miss(state, "a part of the header", path, good, 100);
    check_miss(state, "half", path, good, n / 2);
    check_miss(state, "one byte less", path, good, n - 1);
    unsigned char *longer = malloc(n + 1);
    assert_non_null(longer);
    memcpy(longer, good, n);
    longer[n] = 0;
    check_miss(state, "one byte more", path, longer, n + 1);

    /* A bit of the magic, of the key's text, of the checksum, and of the binary's first, middle
     * and last byte. */
    size_t header = 8 + sizeof(clade__cache_key) + 16;
    const size_t places[] = {0, 8 + 3, header - 16, header - 8, header, (header + n) / 2, n - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        good[places[i]] ^= 0x10;
        check_miss(state, test_text("a bit of byte %zu", places[i]), path, good, n);
        good[places[i]] ^= 0x10;
    }
    test_write_file(path, good, n); /* whole again, so that the cases above missed by the damage */
    assert_int_equal(computed(state), SUBTRACTED);
    free(longer);
    free(good);
}

/* The checksum is right, but the driver has no use for the bytes. */
static void a_binary_that_the_driver_refuses_is_a_miss(void **state)
{
    char path[600];
    store_counterfeit(state);
    assert_int_equal(count_entries(path, sizeof path), 1);
    unsigned char *good;
    size_t n, header = 8 + sizeof(clade__cache_key) + 16;
    static const unsigned char garbage[64] = {'n', 'o', 'n', 'e'};
    assert_ok(clade__file_read(path, &good, &n));
    uint64_t numbers[2] = {sizeof garbage, clade__hash(CLADE__HASH_START, garbage, sizeof garbage)};
    memcpy(good + header - 16, numbers, sizeof numbers);
    memcpy(good + header, garbage, sizeof garbage);
    test_write_file(path, good, header + sizeof garbage);
    free(good);
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(NULL, 0), 1);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void the_key_holds_all_that_matters(void **state)
{
    clade_device *device = test_open_again(state);
    clade__cache_key keys[8];
    clade__program_cache_key(&keys[0], device, "source", "-DA=1");
    clade__program_cache_key(&keys[1], device, "source", "-DA=2");
    clade__program_cache_key(&keys[2], device, "sourcf", "-DA=1");
    strcat(device->info.driver, "x");
    clade__program_cache_key(&keys[3], device, "source", "-DA=1");
    strcat(device->info.name, "x");
    clade__program_cache_key(&keys[4], device, "source", "-DA=1");
    strcat(device->info.version, "x");
    clade__program_cache_key(&keys[5], device, "source", "-DA=1");
    strcat(device->info.platform_version, "x");
    clade__program_cache_key(&keys[6], device, "source", "-DA=1");
    strcat(device->info.platform, "x");
    clade__program_cache_key(&keys[7], device, "source", "-DA=1");
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < i; j++) {
            assert_true(keys[i].hash != keys[j].hash);
            assert_string_not_equal(keys[i].text, keys[j].text);
        }
    clade__cache_key again;
    memset(&again, 0xff, sizeof again);
    clade__program_cache_key(&again, device, "source", "-DA=1");
    assert_memory_equal(&again, &keys[7], sizeof again);
    clade_device_free(device);
}

static void options_have_entries_of_their_own(void **state)
{
    clade_device *device = test_open_again(state);
    clade_tensor *x = test_tensor(device, CLADE_SHAPE(1), (float[]){-2});
    float got;
    assert_ok(clade_activation_forward(CLADE_IDENTITY, 0, x, x));
    assert_int_equal(count_entries(NULL, 0), 1);
    assert_ok(clade_activation_forward(CLADE_RELU, 0, x, x));
    assert_int_equal(count_entries(NULL, 0), 2);
    assert_ok(clade_tensor_read(x, &got));
    assert_true(got == 0);
    clade_tensor_free(x);
    clade_device_free(device);
}

/* ---- folders --------------------------------------------------------------------------------- */

static void a_folder_that_cannot_be_written_is_no_error(void **state)
{
    const char *file = test_text("%s/file", folder);
    test_write_file(file, "x", 1);
    assert_int_equal(setenv("CLADE_CACHE_DIR", test_text("%s/below", file), 1), 0);
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(NULL, 0), 1); /* the file */

    /* The folder is there, but not writable for this entry: a folder lies in its place. */
    assert_int_equal(start_empty(state), 0);
    char path[600];
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(path, sizeof path), 1);
    assert_int_equal(unlink(path), 0);
    assert_ok(clade__make_folder(test_text("%s/kept", path)));
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(count_entries(NULL, 0), 1); /* and no temporary */
}

static void the_folder_follows_the_environment(void **state)
{
    (void)state;
    char got[300], home[300], *old = getenv("HOME");
    snprintf(home, sizeof home, "%s", old ? old : "/");
    assert_int_equal(setenv("HOME", test_text("%s/home", folder), 1), 0);
    assert_int_equal(setenv("XDG_CACHE_HOME", test_text("%s/xdg", folder), 1), 0);
    assert_int_equal(setenv("CLADE_CACHE_DIR", test_text("%s/own", folder), 1), 0);
    assert_true(clade__cache_folder(got, sizeof got));
    assert_string_equal(got, test_text("%s/own", folder));
    assert_int_equal(setenv("CLADE_CACHE_DIR", "", 1), 0);
    assert_true(clade__cache_folder(got, sizeof got));
    assert_string_equal(got, test_text("%s/xdg/clade", folder));
    assert_int_equal(access(got, W_OK), 0);
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_true(clade__cache_folder(got, sizeof got));
    assert_string_equal(got, test_text("%s/home/.cache/clade", folder));
    assert_false(clade__cache_folder(got, 10)); /* it does not fit */
    assert_int_equal(unsetenv("HOME"), 0);
    assert_false(clade__cache_folder(got, sizeof got));
    assert_int_equal(setenv("HOME", home, 1), 0);
}

/* Whoever can write there could have any kernel run. The counterfeit lies there, and is not used. */
static void what_others_may_write_is_a_miss(void **state)
{
    char path[600];
    store_counterfeit(state);
    assert_int_equal(computed(state), SUBTRACTED);
    assert_int_equal(count_entries(path, sizeof path), 1);
    assert_int_equal(chmod(folder, 0770), 0);
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(computed(state), SUBTRACTED); /* it was left as it was */

    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(computed(state), ADDED);
    assert_int_equal(computed(state), ADDED); /* and the entry is a good one now */
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void a_folder_that_is_not_used_is_told(void **state)
{
    char want[400], why[512];
    clade_device *device = test_open_again(state);
    assert_null(strstr(clade_device_reason(device), "cache"));
    clade_device_free(device);
    assert_int_equal(chmod(folder, 0777), 0);
    snprintf(want, sizeof want, "; without its cache: others may write to '%s' (chmod go-w)", folder);
    device = test_open_again(state);
    assert_non_null(strstr(clade_device_reason(device), want));
    clade_device_free(device);
    clade_device_info *devices;
    int n;
    assert_ok(clade_devices(&devices, &n, why, sizeof why));
    assert_non_null(strstr(why, want));
    clade_devices_free(devices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_build_stores_one_entry, start_empty),
        cmocka_unit_test_setup(an_entry_is_used, start_empty),
        cmocka_unit_test_setup(the_cache_can_be_off, start_empty),
        cmocka_unit_test_setup(damage_is_a_miss, start_empty),
        cmocka_unit_test_setup(a_binary_that_the_driver_refuses_is_a_miss, start_empty),
        cmocka_unit_test_setup(the_key_holds_all_that_matters, start_empty),
        cmocka_unit_test_setup(options_have_entries_of_their_own, start_empty),
        cmocka_unit_test_setup(a_folder_that_cannot_be_written_is_no_error, start_empty),
        cmocka_unit_test_setup(the_folder_follows_the_environment, start_empty),
        cmocka_unit_test_setup(what_others_may_write_is_a_miss, start_empty),
        cmocka_unit_test_setup(a_folder_that_is_not_used_is_told, start_empty),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
