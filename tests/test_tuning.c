/* Partitions of a tiled gemm: all give the same bits, and what was measured lasts. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "blas/tuning.h"

static const clade_gemm_args shapes[] = {
    {.m = 50, .n = 100, .k = 33, .trans_b = true, .alpha = 1, .lda = 33, .ldb = 33, .ldc = 100},
    {.m = 100, .n = 90, .k = 64, .trans_b = true, .alpha = 1, .lda = 64, .ldb = 64, .ldc = 90},
    {.m = 90, .n = 200, .k = 20, .trans_a = true, .alpha = 1, .lda = 90, .ldb = 200, .ldc = 200},
    {.m = 70, .n = 130, .k = 40, .alpha = 1, .lda = 40, .ldb = 130, .ldc = 130},
    {.m = 5, .n = 7, .k = 4500, .trans_b = true, .alpha = 1, .lda = 4500, .ldb = 4500, .ldc = 7},
    {.m = 5, .n = 40, .k = 5000, .alpha = 1, .lda = 5000, .ldb = 40, .ldc = 40},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

/* A fresh device with caches of its own, of the kind that tiled is for; NULL where it is not. */
static clade_device *open_device(const char *cache)
{
    clade_device *device;
    assert_int_equal(setenv("CLADE_CACHE_DIR", cache, 1), 0);
    assert_ok(clade_device_open(&device, NULL));
    assert_ok(clade_gemm_select(device, "auto"));
    if (!clade__gemm_tiled.refuses(device, &shapes[0])) return device;
    clade_device_free(device);
    return NULL;
}

static char *tuning_file(const char *cache)
{
    static char path[512];
    test_only_file(path, sizeof path, test_text("%s/gemm-*.txt", cache));
    return path;
}

static void every_partition_gives_the_same_bits(void **state)
{
    (void)state;
    clade__partition partitions[CLADE__MAX_PARTITIONS];
    char cache[256];
    for (int s = 0; s < N_SHAPES; s++) {
        float *first = NULL;
        int n = 1, n_split = 0;
        for (int i = 0; i < n; i++) {
            snprintf(cache, sizeof cache, "%s", test_folder());
            clade_device *device = open_device(cache);
            if (!device) skip();
            n = clade__gemm_tiled.partitions(device, &shapes[s], false, partitions);
            assert_true(n > 1 && n <= CLADE__MAX_PARTITIONS);
            /* As if this one had been measured to be the fastest. */
            clade__partition found;
            assert_false(clade__tuning_find(device, &shapes[s], false, &found));
            clade__tuning_set(device, &shapes[s], false, partitions[i]);
            assert_true(clade__tuning_find(device, &shapes[s], false, &found));
            assert_true(found.tiles_m == partitions[i].tiles_m);
            n_split += found.split;
            float *c = test_multiply(device, &shapes[s]);
            if (first) assert_memory_equal(c, first, (size_t)(shapes[s].m * shapes[s].n) * 4);
            if (first) free(c);
            if (!first) first = c;
            clade_device_free(device);
        }
        free(first);
        assert_true(n_split < n && (n_split > 0) == (shapes[s].k > 4096));
    }
}

static void what_was_measured_is_kept(void **state)
{
    (void)state;
    char cache[256];
    clade__partition measured[N_SHAPES], found;
    snprintf(cache, sizeof cache, "%s", test_folder());
    clade_device *device = open_device(cache);
    if (!device) skip();
    for (int s = 0; s < N_SHAPES; s++) {
        assert_ok(clade__gemm_check(device, NULL, &shapes[s], NULL));
        assert_true(clade__tuning_find(device, &shapes[s], false, &measured[s]));
    }
    assert_false(clade__tuning_find(device, &shapes[0], true, &found)); /* an update is another call */
    clade__gemm_checked(device);
    clade_device_free(device);

    device = open_device(cache);
    for (int s = 0; s < N_SHAPES; s++) {
        assert_true(clade__tuning_find(device, &shapes[s], false, &found));
        assert_int_equal(found.tiles_m, measured[s].tiles_m);
        assert_int_equal(found.tiles_n, measured[s].tiles_n);
    }
    clade_device_free(device);
}

/* Writes a file in place of the one that a process left; whether the next one knows the shape. */
static bool knows_after(const char *cache, const char *text, size_t n)
{
    clade__partition found;
    test_write_file(tuning_file(cache), text, n);
    clade_device *device = open_device(cache);
    bool knows = clade__tuning_find(device, &shapes[0], false, &found);
    free(test_multiply(device, &shapes[0]));
    clade_device_free(device);
    return knows;
}

/* What others may write to counts as none, until it is written anew. */
static void a_file_of_others_is_as_none(void **state)
{
    (void)state;
    char cache[256];
    clade__partition found;
    snprintf(cache, sizeof cache, "%s", test_folder());
    clade_device *device = open_device(cache);
    if (!device) skip();
    assert_ok(clade__gemm_check(device, NULL, &shapes[0], NULL));
    clade__gemm_checked(device);
    clade_device_free(device);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(i ? chmod(tuning_file(cache), 0620) : chmod(cache, 0770), 0);
        device = open_device(cache);
        assert_false(clade__tuning_find(device, &shapes[0], false, &found));
        if (i) {
            assert_ok(clade__gemm_check(device, NULL, &shapes[0], NULL));
            clade__gemm_checked(device);
        }
        clade_device_free(device);
        assert_int_equal(chmod(cache, 0700), 0);
        device = open_device(cache);
        assert_true(clade__tuning_find(device, &shapes[0], false, &found));
        clade_device_free(device);
    }
}

static void a_damaged_file_is_as_none(void **state)
{
    (void)state;
    char cache[256];
    unsigned char *good;
    size_t n;
    snprintf(cache, sizeof cache, "%s", test_folder());
    clade_device *device = open_device(cache);
    if (!device) skip();
    assert_ok(clade__gemm_check(device, NULL, &shapes[0], NULL));
    clade__gemm_checked(device);
    clade_device_free(device);
    assert_ok(clade__file_read(tuning_file(cache), &good, &n));
    assert_true(knows_after(cache, (const char *)good, n));
    for (size_t i = 0; i < n; i += 7) (void)knows_after(cache, (const char *)good, i); /* no crash */
    assert_false(knows_after(cache, "", 0));
    assert_false(knows_after(cache, "clade gemm tuning 2 | another device\n", 37));
    char *text = (char *)good;
    size_t line = strcspn(text, "\n") + 1;
    const char *wrong[] = {"50 100 33 0 1 0 0 1 0\n", "50 100 33 0 1 0 1 1\n", "fifty\n",
                           "50 100 33 0 1 0 -3 2 0\n"};
    for (int i = 0; i < 4; i++) {
        char file[1024];
        int length = snprintf(file, sizeof file, "%.*s%s", (int)line, text, wrong[i]);
        assert_false(knows_after(cache, file, (size_t)length));
    }
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_partition_gives_the_same_bits),
        cmocka_unit_test(what_was_measured_is_kept),
        cmocka_unit_test(a_damaged_file_is_as_none),
        cmocka_unit_test(a_file_of_others_is_as_none),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}
