/* clade bench: that what it says is complete and possible. How fast anything is, is not tested: a
 * machine that runs tests is rarely left alone. */
#include <cjson/cJSON.h>

#include "bench/measure.h"
#include "command.h"

/* Shares above 1 happen: the peak is measured too, and another program may run meanwhile. */
#define MOST_SHARE 2.0

#define SHORT "--seconds", "0.002", "--quiet"

/* ---- the library ----------------------------------------------------------------------------- */

static void test_time_of(void **state)
{
    (void)state;
    double samples[] = {5.0, 1.0, 4.0, 2.0, 3.0};
    clade_bench_time time = clade__time_of(samples, 5);
    assert_true(time.median == 3.0 && time.min == 1.0 && time.spread == 2.0);
    assert_int_equal(time.n_blocks, 5);
    double pair[] = {3.0, 1.0};
    time = clade__time_of(pair, 2);
    assert_true(time.median == 2.0 && time.min == 1.0 && time.spread == 1.0);
}

static clade_status count(void *context)
{
    ++*(int *)context;
    return CLADE_OK;
}

static clade_status refuse(void *context)
{
    (void)context;
    return CLADE_EOPENCL;
}

static void test_measure(void **state)
{
    (void)state;
    int calls[2] = {0, 0};
    clade__subject subjects[2] = {
        {.enqueue = count, .context = &calls[0], .n_units = 1.0},
        {.enqueue = count, .context = &calls[1], .n_units = 4.0, .max_calls = 3},
    };
    assert_ok(clade__measure(subjects, 2, 0.001));
    for (int i = 0; i < 2; i++) {
        assert_true(subjects[i].time.n_blocks >= 3 && calls[i] > 3);
        assert_true(subjects[i].time.min >= 0.0);
        assert_true(subjects[i].time.median >= subjects[i].time.min);
    }
    assert_true(subjects[1].n_calls <= 3);
    clade__subject failing = {.enqueue = refuse, .n_units = 1.0};
    assert_int_equal(clade__measure(&failing, 1, 0.001), CLADE_EOPENCL);
}

static bool listed(int64_t m, int64_t n, int64_t k, bool trans_a, bool trans_b)
{
    clade_bench_shape s;
    int found = 0;
    for (int i = 0; clade_bench_gemm_shape(i, &s); i++)
        found += s.m == m && s.n == n && s.k == k && s.trans_a == trans_a && s.trans_b == trans_b;
    assert_in_range(found, 0, 1); /* no shape twice */
    return found == 1;
}

static void test_gemm_list(void **state)
{
    (void)state;
    assert_true(listed(100, 900, 1000, false, true));   /* y = x Wᵀ */
    assert_true(listed(900, 1000, 100, true, false));   /* dW = dyᵀ x */
    assert_false(listed(100, 1000, 900, false, false)); /* the first layer's input needs none */
    assert_true(listed(100, 900, 900, false, false));   /* dx = dy W */
    assert_true(listed(10, 3072, 3072, false, true));
    assert_true(listed(100, 3072, 10, false, false));
    assert_true(listed(128, 512, 784, false, true));
    for (int64_t n = 128; n <= 2048; n *= 2) assert_true(listed(n, n, n, false, false));
}

static void test_open(void **state)
{
    clade_bench *bench = NULL;
    clade_bench_options options = {.provider = "tield"};
    assert_fails(clade_bench_open(&bench, *state, &options), CLADE_EINVAL,
                 "unknown provider 'tield'; did you mean 'tiled'?");
    options = (clade_bench_options){.seconds = -1.0};
    assert_fails(clade_bench_open(&bench, *state, &options), CLADE_EINVAL, "seconds is -1");
    options.seconds = (double)NAN;
    assert_fails(clade_bench_open(&bench, *state, &options), CLADE_EINVAL, "seconds is");
    assert_null(bench);
    clade_bench_free(NULL);
}

/* FLOPs and bytes of mnist-784-512-512-10 at a batch of 128, by hand. */
static void test_train_counts(void **state)
{
    clade_bench *bench;
    clade_bench_train_result result;
    const clade_bench_options options = {.seconds = 0.002};
    assert_ok(clade_bench_open(&bench, *state, &options));
    assert_fails(clade_bench_train(bench, "mnist-784-512-512", 128, &result), CLADE_EINVAL,
                 "did you mean 'mnist-784-512-512-10'?");
    assert_fails(clade_bench_train(bench, "mnist-784-512-512-10", -1, &result), CLADE_EINVAL,
                 "batch is -1");
    assert_ok(clade_bench_train(bench, "mnist-784-512-512-10", 0, &result));
    assert_int_equal(result.batch, 128);
    /* Forward and the weight's gradient everywhere, the input's gradient after the first layer. */
    double flops = 2.0 * 128 * (2.0 * 784 * 512 + 3.0 * 512 * 512 + 3.0 * 512 * 10);
    /* Forward reads all; two weights are read again; sgd reads and writes value and velocity. */
    double parameters = 784.0 * 512 + 512 + 512.0 * 512 + 512 + 512.0 * 10 + 10;
    double again = 512.0 * 512 + 512.0 * 10;
    double outputs = 128.0 * (512 + 512 + 10);
    double bytes = 4.0 * (5.0 * parameters + again + outputs) + 128.0 * 784;
    assert_true(result.flops == flops);
    assert_true(result.bytes == bytes);
    assert_true(result.time.median > 0.0 && result.host_seconds > 0.0);
    assert_true(fabs(result.samples_per_second * result.time.median - 128.0) < 1e-6 * 128.0);
    clade_bench_free(bench);
}

static void test_one_provider(void **state)
{
    clade_bench *bench;
    clade_bench_gemm_result results[CLADE_BENCH_MAX_PROVIDERS];
    int n = -1;
    const clade_bench_options options = {.seconds = 0.002, .provider = "clblast"};
    assert_ok(clade_bench_open(&bench, *state, &options));
    const clade_bench_shape none = {.n = 8, .k = 8}, large = {.m = 65536, .n = 65536, .k = 65536};
    const clade_bench_shape turned = {.m = 70, .n = 30, .k = 50, .trans_a = true, .trans_b = true};
    assert_fails(clade_bench_gemm(bench, &none, results, &n), CLADE_ESHAPE, "0×8×8");
    assert_fails(clade_bench_gemm(bench, &large, results, &n), CLADE_ESHAPE, "65536");
    assert_int_equal(n, 0);
    assert_ok(clade_bench_gemm(bench, &turned, results, &n));
    assert_int_equal(n, 1);
    assert_string_equal(results[0].provider, "clblast");
    clade_bench_free(bench);
}

/* ---- the command ----------------------------------------------------------------------------- */

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) print_error("no number '%s'\n", key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *text(const cJSON *object, const char *key)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    if (!value) print_error("no text '%s'\n", key);
    assert_non_null(value);
    return value;
}

/* Runs `clade bench …` and parses what it says, with what all documents have. */
static cJSON *document_of(const char *const *arguments)
{
    command_result result = command_run(arguments);
    if (result.status != 0 || result.err[0]) print_error("%d: %s\n", result.status, result.err);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.err, "");
    const char *end;
    cJSON *document = cJSON_ParseWithOpts(result.out, &end, true);
    assert_non_null(document);
    command_free(&result);
    const cJSON *device = cJSON_GetObjectItem(document, "device");
    assert_true(text(device, "name")[0] && text(device, "driver")[0]);
    assert_string_equal(text(cJSON_GetObjectItem(document, "libraries"), "clade"),
                        clade_version());
    assert_true(text(cJSON_GetObjectItem(document, "libraries"), "clblast")[0]);
    const cJSON *limits = cJSON_GetObjectItem(document, "limits");
    assert_true(number(limits, "gflops") > 0.0);
    assert_true(number(limits, "copy_bytes_per_second") > 0.0);
    assert_true(number(limits, "triad_bytes_per_second") > 0.0);
    assert_true(number(limits, "array_bytes") > 0.0);
    assert_true(number(cJSON_GetObjectItem(limits, "launch"), "seconds_median") > 0.0);
    assert_true(number(cJSON_GetObjectItem(limits, "launch_host"), "seconds_median") >= 0.0);
    assert_true(number(cJSON_GetObjectItem(limits, "round_trip"), "seconds_median") > 0.0);
    return document;
}

#define DOCUMENT(...) document_of((const char *const[]){"bench", __VA_ARGS__, "--json", NULL})

static void assert_time(const cJSON *result)
{
    assert_true(number(result, "seconds_min") > 0.0);
    assert_true(number(result, "seconds_median") >= number(result, "seconds_min"));
    assert_true(number(result, "seconds_spread") >= 0.0);
}

static void test_device_json(void **state)
{
    (void)state;
    cJSON *document = DOCUMENT("device", SHORT);
    assert_null(cJSON_GetObjectItem(document, "results"));
    cJSON_Delete(document);
}

static void test_gemm_json(void **state)
{
    (void)state;
    cJSON *document = DOCUMENT("gemm", "--shape", "33,65,129,nt", "--shape", "256,128,64", SHORT);
    const cJSON *results = cJSON_GetObjectItem(document, "results"), *result;
    int n_clblast = 0, n_turned = 0;
    cJSON_ArrayForEach(result, results)
    {
        bool turned = number(result, "m") == 33.0;
        double flops = turned ? 2.0 * 33 * 65 * 129 : 2.0 * 256 * 128 * 64;
        assert_true(number(result, "n") == (turned ? 65.0 : 128.0));
        assert_true(number(result, "k") == (turned ? 129.0 : 64.0));
        assert_true(cJSON_IsFalse(cJSON_GetObjectItem(result, "trans_a")));
        assert_true(cJSON_IsTrue(cJSON_GetObjectItem(result, "trans_b")) == turned);
        assert_time(result);
        double want = flops / number(result, "seconds_median") / 1e9;
        assert_true(fabs(number(result, "gflops") - want) <= 1e-9 * want);
        n_clblast += strcmp(text(result, "provider"), "clblast") == 0;
        n_turned += turned;
        const cJSON *share = cJSON_GetObjectItem(result, "share_of_peak");
        if (cJSON_IsNull(share)) /* of the host's library, when the device is no CPU */
            assert_string_equal(text(result, "provider"), "openblas");
        else
            assert_true(share->valuedouble > 0.0 && share->valuedouble < MOST_SHARE);
    }
    assert_int_equal(n_clblast, 2);
    assert_int_equal(2 * n_turned, cJSON_GetArraySize(results));
    cJSON_Delete(document);
}

static void test_train_json(void **state)
{
    (void)state;
    cJSON *document = DOCUMENT("train", "--workload", "sigmoid-1000-900x3-10", "--batch", "20",
                               SHORT);
    const cJSON *results = cJSON_GetObjectItem(document, "results");
    assert_int_equal(cJSON_GetArraySize(results), 1);
    const cJSON *result = cJSON_GetArrayItem(results, 0);
    assert_string_equal(text(result, "workload"), "sigmoid-1000-900x3-10");
    assert_true(number(result, "batch") == 20.0);
    assert_time(result);
    assert_true(number(result, "samples_per_second") > 0.0 && number(result, "gflops") > 0.0);
    assert_true(number(result, "share_of_limit") > 0.0);
    assert_true(number(result, "share_of_limit") < MOST_SHARE);
    assert_true(number(result, "host_seconds") > 0.0);
    cJSON_Delete(document);
}

/* Every operation on a small size. */
static void test_ops(void **state)
{
    clade_bench *bench;
    const clade_bench_options options = {.seconds = 0.001};
    assert_ok(clade_bench_open(&bench, *state, &options));
    int64_t rows, cols;
    assert_true(clade_bench_op_size(0, &rows, &cols));
    int n = 0;
    for (; clade_bench_op_name(n); n++) {
        clade_bench_op_result result;
        assert_ok(clade_bench_op(bench, n, 37, 70, &result));
        assert_string_equal(result.op, clade_bench_op_name(n));
        assert_true(result.time.median > 0.0 && result.bytes > 0.0 && result.share_of_roof > 0.0);
    }
    clade_bench_op_result unwanted;
    assert_fails(clade_bench_op(bench, n, 1, 1, &unwanted), CLADE_EINVAL, "no operation");
    assert_fails(clade_bench_op(bench, 0, 0, 1, &unwanted), CLADE_ESHAPE, "bench");
    clade_bench_free(bench);
}

static void refused(const char *part, const char *const *arguments)
{
    command_result result = command_run(arguments);
    if (result.status != 2 || !strstr(result.err, part) || result.out[0])
        print_error("exit %d, \"%s\", want 2 and \"%s\"\n", result.status, result.err, part);
    assert_int_equal(result.status, 2);
    assert_non_null(strstr(result.err, part));
    command_free(&result);
}

#define REFUSED(part, ...) refused(part, (const char *const[]){"bench", __VA_ARGS__, NULL})

static void test_usage(void **state)
{
    (void)state;
    REFUSED("unknown measurement 'gem'; did you mean 'gemm'?", "gem");
    REFUSED("did you mean 'mnist-784-512-512-10'?", "train", "--workload", "mnist-784-512-512");
    REFUSED("unknown provider 'clblas'; did you mean 'clblast'?", "gemm", "--provider", "clblas");
    REFUSED("openblas runs beside the device", "train", "--provider", "openblas");
    REFUSED("--shape is '1,2', want M,N,K", "gemm", "--shape", "1,2");
    REFUSED("--shape is '1,2,3,4,5'", "gemm", "--shape", "1,2,3,4,5");
    REFUSED("--shape is '1,2,x'", "gemm", "--shape", "1,2,x");
    REFUSED("--shape is '1,2,3,nx'", "gemm", "--shape", "1,2,3,nx");
    REFUSED("--shape is '0,2,3', want sizes from 1", "gemm", "--shape", "8,8,8", "--shape",
            "0,2,3");
    REFUSED("--shape is ''", "gemm", "--shape", "");
    REFUSED("--shape is for gemm", "train", "--shape", "1,2,3");
    REFUSED("--batch is for train", "ops", "--batch", "3");
    REFUSED("--batch is 0, want", "train", "--batch", "0");
    REFUSED("--seconds is 0, want", "device", "--seconds", "0");
    REFUSED("--seconds is soon, want", "device", "--seconds", "soon");
}

static void test_help(void **state)
{
    (void)state;
    command_result result = COMMAND("bench", "--help");
    assert_int_equal(result.status, 0);
    for (int i = 0; clade_bench_workload_at(i); i++)
        assert_non_null(strstr(result.out, clade_bench_workload_at(i)->name));
    for (int i = 0; clade_bench_provider(i); i++)
        assert_non_null(strstr(result.out, clade_bench_provider(i)));
    for (const char *line = result.out; *line; line += strcspn(line, "\n") + 1)
        assert_in_range(strcspn(line, "\n"), 0, 79);
    command_free(&result);
}

static void test_tables(void **state)
{
    (void)state;
    command_result result = COMMAND("bench", "gemm", "--shape", "64,64,64", SHORT);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "CLBLAST"));
    assert_non_null(strstr(result.out, "Peak"));
    command_free(&result);
    result = COMMAND("bench", "device", SHORT);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "round trip"));
    command_free(&result);
    result = COMMAND("bench", "train", "--workload", "mnist-784-512-512-10", SHORT);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "mnist-784-512-512-10"));
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_of),
        cmocka_unit_test(test_measure),
        cmocka_unit_test(test_gemm_list),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_train_counts),
        cmocka_unit_test(test_one_provider),
        cmocka_unit_test(test_ops),
        cmocka_unit_test(test_device_json),
        cmocka_unit_test(test_gemm_json),
        cmocka_unit_test(test_train_json),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests_name("bench", tests, test_open_device, test_close_device);
}
