/* clade train --resume, and what stops a training: Ctrl-C, a full disk. */
#include "command.h"
#include "events.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"

#define TRAIN "train", "--model", "mlp:16", "--data", "digits?n=500", "--batch", "50"

static void expect_done(command_result result)
{
    command_expect(result, 0);
    command_free(&result);
}

static void new_run(char out[256])
{
    snprintf(out, 256, "%s/run", test_folder());
}

/* Whatever stands in the name; the folder may have any. */
static void a_config_reads_again(void **state)
{
    (void)state;
    const char *name = "\"é\\ \x01\x7f\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xef\xbf\xbe𐀀 \n#";
    char run[256], again[256];
    snprintf(run, sizeof run, "%s/caf\xe9", test_folder());
    snprintf(again, sizeof again, "%s-again", run);
    expect_done(COMMAND(TRAIN, "--epochs", "1", "--name", name, "--run", run));
    expect_done(COMMAND("train", test_text("%s/config.yaml", run), "--run", again));
    test_assert_same_files(test_text("%s/config.yaml", run), test_text("%s/config.yaml", again));
    expect_done(COMMAND("train", "--resume", "--run", run, "--epochs", "2"));
    cJSON_Delete(command_event(run, "end")); /* its log is JSON */
}

static void check_same(const char *folder, const char *whole)
{
    static const char *const names[] = {"model.safetensors", "best.safetensors"};
    for (int i = 0; i < 2; i++)
        test_assert_same_files(test_text("%s/%s", folder, names[i]),
                               test_text("%s/%s", whole, names[i]));
    events_assert_same(folder, whole);
}

/* ---- going on -------------------------------------------------------------------------------- */

static void test_resume(void **state)
{
    (void)state;
    char whole[256], run[256];
    new_run(whole);
    new_run(run);
    expect_done(COMMAND(TRAIN, "--epochs", "4", "--run", whole, "--quiet"));
    expect_done(COMMAND(TRAIN, "--max-steps", "15", "--run", run, "--quiet"));
    command_result result =
        command_expect(COMMAND("train", "--resume", "--run", run, "--max-steps", "0", "--epochs", "4",
                       "--log-every", "7", "--keep", "3", "--checkpoint-every", "1epoch"),
               0);
    assert_non_null(strstr(result.err, "note    going on from step 15\n"));
    assert_non_null(strstr(result.err, "epoch 2/4"));
    assert_null(strstr(result.err, "epoch 1/4"));
    command_free(&result);
    check_same(run, whole);
    /* What was changed stands in the config now, and --resume alone goes by it. */
    expect_done(COMMAND("train", "--resume", "--run", run, "--quiet"));
    check_same(run, whole);
    unsigned char *config;
    size_t n;
    assert_ok(clade__file_read(test_text("%s/config.yaml", run), &config, &n));
    assert_non_null(strstr((char *)config, "\n  epochs: 4\n"));
    assert_non_null(strstr((char *)config, "checkpoint:\n  every: 1epoch\n  keep: 3\n"));
    test_write_file(test_text("%s/config.copy", run), config, n);
    free(config);
    /* It cannot be made shorter than it is; then the config still says what it is. */
    command_expect_error(COMMAND("train", "--resume", "--run", run, "--epochs", "2", "--quiet"), 2,
                         "resume: epochs is 2, and the run has already done 4 (40 steps)");
    command_expect_error(COMMAND("train", "--resume", "--run", run, "--max-steps", "39", "--quiet"), 2,
                         "resume: max_steps is 39, and the run has already done 40 steps");
    test_assert_same_files(test_text("%s/config.yaml", run), test_text("%s/config.copy", run));
    check_same(run, whole);
    /* A checkpoint is a model. */
    expect_done(COMMAND("eval", test_text("%s/checkpoint-40.safetensors", run), "--data", "digits"));
}

static void test_refused(void **state)
{
    (void)state;
    char run[256], config[256];
    unsigned char *before, *after;
    size_t n_before, n_after;
    new_run(run);
    snprintf(config, sizeof config, "%s/config.yaml", run);
    command_expect_error(COMMAND("train", "--resume"), 2, "--resume needs --run DIR");
    command_expect_error(COMMAND("train", "--resume", "--run", run), 2, "holds no run to resume");
    expect_done(COMMAND(TRAIN, "--max-steps", "2", "--run", run, "--quiet"));
    assert_ok(clade__file_read(config, &before, &n_before));
#define RESUME "train", "--resume", "--quiet", "--run", run
    command_expect_error(COMMAND(RESUME, "--overwrite"), 2, "--resume and --overwrite");
    command_expect_error(COMMAND(RESUME, "a.yaml"), 2, "leave 'a.yaml' out");
    command_expect_error(COMMAND(RESUME, "--batch", "51"), 2, "--batch is 51, and the run in");
    command_expect_error(COMMAND(RESUME, "--seed", "2"), 2, "--seed is 2, and the run in");
    command_expect_error(COMMAND(RESUME, "--lr", "0.2"), 2, "--lr is 0.2, and the run in");
    command_expect_error(COMMAND(RESUME, "--optimizer", "adam"), 2, "--optimizer is adam, and");
    command_expect_error(COMMAND(RESUME, "--data", "digits?n=400"), 2, "began with digits?n=500");
    command_expect_error(COMMAND(RESUME, "--valid", "none"), 2, "data.valid is none, and");
    command_expect_error(COMMAND(RESUME, "--loss", "mse"), 2, "--loss is mse, and the run in");
    command_expect_error(COMMAND(RESUME, "--schedule", "cosine"), 2, "--schedule is cosine");
    command_expect_error(COMMAND(RESUME, "--model", "mlp:17"), 2, "--model is another model than");
    assert_ok(clade__file_read(config, &after, &n_after));
    assert_true(n_before == n_after && memcmp(before, after, n_before) == 0);
    free(before);
    free(after);
    /* What is given and is the same is no change. */
    expect_done(COMMAND(RESUME, "--batch", "50", "--lr", "1e-1", "--model", "mlp:16", "--data",
                        "digits?n=500", "--optimizer", "sgd"));

    /* Every checkpoint damaged: bad data. */
    test_write_file(test_text("%s/checkpoint-2.safetensors", run), "x", 1);
    command_expect_error(COMMAND(RESUME), 4, "no checkpoint is left to go on from");
}

/* ---- Ctrl-C ---------------------------------------------------------------------------------- */

static void test_stop(void **state)
{
    (void)state;
    char whole[256], run[256];
    new_run(whole);
    new_run(run);
    /* An epoch of many seconds, and no report before its end. */
#define SLOW "train", "--model", "mlp:512,512", "--data", "random?features=784&n=30000", "--valid",  \
             "none", "--batch", "1", "--lr", "1e-4", "--epochs", "1"
    const char *const arguments[] = {SLOW, "--log-every", "1000000", "--run", run, NULL};
    command_result result =
        command_expect(command_run_and_signal_after(arguments, "run  ", 0.5, SIGINT), 130);
    assert_non_null(strstr(result.out, "stopped by the user at step"));
    command_free(&result);
    events log = events_read(run);
    const cJSON *end = events_last(&log, "end");
    assert_string_equal(events_text(end, "status"), "stopped");
    assert_true(events_number(end, "epochs") == 0);
    int64_t step = (int64_t)events_number(end, "steps");
    events_free(&log);
    char steps[32];
    snprintf(steps, sizeof steps, "%lld", (long long)step + 5);
    expect_done(COMMAND("train", "--resume", "--run", run, "--quiet", "--max-steps", steps));
    expect_done(COMMAND(SLOW, "--max-steps", steps, "--run", whole, "--quiet"));
    test_assert_same_files(test_text("%s/model.safetensors", run),
                           test_text("%s/model.safetensors", whole));
    events_assert_same(run, whole);
}

/* ---- disks ----------------------------------------------------------------------------------- */

/* A limit on the size of files, 5000 blocks of 512 bytes, as POSIX has it: the checkpoints have 3.8 MB
 * and the models 1.3. */
static void test_full_disk(void **state)
{
    (void)state;
    char run[256], whole[256];
    new_run(run);
    new_run(whole);
    expect_done(COMMAND(TRAIN, "--model", "mlp:400", "--epochs", "3", "--run", whole, "--quiet"));
    expect_done(COMMAND(TRAIN, "--model", "mlp:400", "--max-steps", "12", "--run", run, "--quiet"));
    const char *build = getenv("CLADE_TEST_BUILD");
    const char *line = test_text("ulimit -f 5000 && exec '%s/clade' train --resume --run '%s' "
                                 "--max-steps 0 --epochs 3 --checkpoint-every 4 --quiet 2>'%s.err'",
                                 build ? build : ".", run, run);
    assert_int_equal(system(line) >> 8, 1);
    unsigned char *said;
    size_t n;
    assert_ok(clade__file_read(test_text("%s.err", run), &said, &n));
    if (!strstr((char *)said, "checkpoint-16.safetensors': File too large")) print_error("%s", said);
    assert_non_null(strstr((char *)said, "clade: cannot write"));
    assert_non_null(strstr((char *)said, "checkpoint-16.safetensors': File too large"));
    assert_ptr_equal(strchr((char *)said, '\n'), said + n - 1); /* one line */
    free(said);
    assert_int_equal(access(test_text("%s/checkpoint-12.safetensors", run), F_OK), 0);
    expect_done(COMMAND("train", "--resume", "--run", run, "--quiet"));
    check_same(run, whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_reads_again),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}
