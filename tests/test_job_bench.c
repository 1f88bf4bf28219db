/* clade bench parallel: its tables, document and picture, of jobs of two and three processes. How fast anything is,
 * is not tested; that the figures fit together is. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "mpirun.h"

#define PARALLEL "bench", "parallel", "--seconds", "0.02", "--compute-units", "1", "--quiet", \
                 "--workload", "mnist-784-512-512-10"

static char folder[512];

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item)) fail_msg("no number '%s'", key);
    return item->valuedouble;
}

static const cJSON *member(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item) fail_msg("no member '%s'", key);
    return item;
}

/* One document in all, of the first rank. */
static cJSON *document_of(mpirun_result result)
{
    const char *begin = strchr(result.said, '{');
    if (result.status != 0 || !begin) fail_msg("exit %d: %s", result.status, result.said);
    assert_int_equal(mpirun_count(&result, "\"workload\""), 1);
    cJSON *document = cJSON_Parse(begin);
    assert_non_null(document);
    mpirun_free(&result);
    return document;
}

static void check_ranks(const cJSON *document, int n_ranks, int batch)
{
    double samples = 0.0;
    const cJSON *rank;
    assert_int_equal(cJSON_GetArraySize(member(document, "ranks")), n_ranks);
    cJSON_ArrayForEach(rank, member(document, "ranks"))
    {
        samples += number(rank, "samples");
        assert_true(number(rank, "computing_seconds") > 0.0 && number(rank, "communication_seconds") > 0.0);
        assert_true(number(rank, "exposed_seconds") >= 0.0);
        assert_true(number(rank, "hidden") >= 0.0 && number(rank, "hidden") <= 1.0);
    }
    assert_true(samples == batch);
}

/* The model's first rows follow from what was measured. */
static void check_model(const cJSON *document)
{
    const cJSON *model = member(document, "model"), *row, *bucket;
    double apart = number(member(document, "apart"), "seconds_median"), computed = 0.0, bytes = 0.0;
    const cJSON *link = member(document, "link");
    cJSON_ArrayForEach(bucket, member(document, "buckets"))
    {
        assert_true(number(bucket, "ready_seconds") >= computed && number(bucket, "bytes") > 0.0);
        computed = number(bucket, "ready_seconds");
        bytes += number(bucket, "bytes");
    }
    assert_true(number(document, "gradient_bytes") == bytes);
    /* Of mnist-784-512-512-10, and what it is rounded up by. */
    assert_true(bytes >= 4.0 * 669706 && bytes < 4.0 * 669706 + 8192);
    assert_true(number(link, "latency_seconds") >= 0.0 && number(link, "seconds_per_byte") >= 0.0);
    assert_int_equal(cJSON_GetArraySize(model), 24);
    double before = 1.0, ranks = 2.0;
    cJSON_ArrayForEach(row, model)
    {
        if (ranks > 4096.0) ranks = 2.0, before = 1.0; /* the tree follows the ring */
        assert_true(number(row, "ranks") == ranks);
        double efficiency = number(row, "efficiency"), one = efficiency * number(row, "seconds");
        assert_true(fabs(one - fmax(apart, computed)) <= 1e-9 * one);
        assert_true(efficiency > 0.0 && efficiency <= before);
        before = efficiency;
        ranks *= 2.0;
    }
}

static const cJSON *training_of(const cJSON *document, int i)
{
    return cJSON_GetArrayItem(member(member(document, "to_loss"), "trainings"), i);
}

/* Of one rank, then of two and three in each way; sync has the steps of one, on any number of ranks. */
static void check_losses(const cJSON *document, int n_ranks, double loss)
{
    static const char *const ways[] = {"sync", "simu", "weighted"};
    const cJSON *one = training_of(document, 0);
    int n = cJSON_GetArraySize(member(member(document, "to_loss"), "trainings"));
    assert_int_equal(n, n_ranks == 2 ? 4 : 7);
    assert_true(number(member(document, "to_loss"), "loss") == loss);
    for (int i = 0; i < n; i++) {
        const cJSON *row = training_of(document, i);
        int way = i ? (i - 1) % 3 : 0;
        assert_int_equal(number(row, "ranks"), i ? 2 + (i - 1) / 3 : 1);
        assert_string_equal(member(row, "parallel")->valuestring, ways[way]);
        assert_true(cJSON_IsTrue(member(row, "reached")));
        assert_true(number(row, "loss") > 0.0 && number(row, "loss") <= loss);
        double gain = number(row, "times_as_fast") * number(row, "seconds") / number(one, "seconds");
        assert_true(fabs(gain - 1.0) <= 1e-6);
        assert_true(number(row, "steps") > 0.0 && (int64_t)number(row, "steps") % 32 == 0); /* whole epochs */
        if (way > 0) continue;
        assert_true(number(row, "steps") == number(one, "steps"));
        assert_true(fabs(number(row, "loss") - number(one, "loss")) <= 1e-3 * loss);
    }
}

static void jobs_are_measured(void **state)
{
    (void)state;
    for (int n = 2; n <= 3; n++) {
        cJSON *document = document_of(MPIRUN_CLADE(n, PARALLEL, "--batch", "33", "--json", "--to-loss", "1.2"));
        check_losses(document, n, 1.2);
        check_ranks(document, n, 33);
        check_model(document);
        double step = number(member(document, "step"), "seconds_median");
        double alone = number(member(document, "alone"), "seconds_median");
        assert_true(step > 0.0 && alone > 0.0 && number(document, "expected_seconds") > 0.0);
        assert_true(fabs(number(document, "speed_up") * step - alone) <= 1e-9 * alone);
        assert_true(fabs(number(document, "parallel_efficiency") * n - number(document, "speed_up")) <= 1e-9 * n);
        assert_true(cJSON_IsNull(member(document, "picture")));
        cJSON_Delete(document);
    }
}

static void the_tables_and_the_picture(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/p.svg", folder);
    mpirun_result result = MPIRUN_CLADE(2, PARALLEL, "--batch", "16", "--to-loss", "0");
    if (result.status != 0) fail_msg("exit %d: %s", result.status, result.said);
    static const char *const parts[] = {"2 ranks, batch 16", "COMMUNICATION", "of the job", " 4096 ", "ring: ",
                                        "tree: ", "times as fast as one rank alone"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (mpirun_count(&result, parts[i]) != 1) fail_msg("not once '%s': %s", parts[i], result.said);
    assert_int_equal(mpirun_count(&result, "held-out"), 0);
    mpirun_free(&result);
    result = MPIRUN_CLADE(2, PARALLEL, "--batch", "16", "--output", path, "--to-loss", "1.2");
    if (mpirun_count(&result, "gnuplot is not installed") == 0) {
        if (result.status != 0) fail_msg("exit %d: %s", result.status, result.said);
        assert_int_equal(mpirun_count(&result, "picture drawn as "), 1);
        assert_int_equal(mpirun_count(&result, "To a held-out loss of 1.2"), 1);
        assert_int_equal(mpirun_count(&result, "  simu  "), 1);
        assert_int_equal(access(path, F_OK), 0);
    }
    mpirun_free(&result);
}

static void what_is_wrong_is_told_once(void **state)
{
    (void)state;
    mpirun_refused(MPIRUN_CLADE(2, "bench", "parallel", "--workload", "mnist"), 2, "unknown workload 'mnist'");
    mpirun_refused(MPIRUN_CLADE(3, PARALLEL, "--batch", "2"), 2, "a batch of 2 is too small for 3 ranks");
    mpirun_refused(MPIRUN_CLADE(2, PARALLEL, "--batch", "70000"), 2, "batch is 70000, want 1 to 65536");
    mpirun_refused(MPIRUN_CLADE(2, PARALLEL, "--to-loss", "-1"), 2, "--to-loss is -1, want a number up to 100");
    mpirun_refused(MPIRUN_CLADE(2, PARALLEL, "--shape", "1,2,3"), 2, "--shape is for gemm");
    mpirun_refused(MPIRUN_CLADE(2, PARALLEL, "--output", "p.jpg"), 2, "want a name that ends in .svg or .png");
    mpirun_refused(MPIRUN_CLADE(2, PARALLEL, "--device", "nonsense"), 3, "device selector 'nonsense' matches nothing");
    mpirun_refused(MPIRUN_CLADE(1, PARALLEL), 2, "a job of one rank has nothing to measure");
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", test_folder());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_measured),
        cmocka_unit_test(the_tables_and_the_picture),
        cmocka_unit_test(what_is_wrong_is_told_once),
    };
    return cmocka_run_group_tests_name("job_bench", tests, set_up, NULL);
}
