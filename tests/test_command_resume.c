/* clade train --resume, and what stops a training: Ctrl-C, a terminal that is closed, a full disk. */
#define _XOPEN_SOURCE 700
#include "command.h"
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
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

static void a_cosine_is_not_made_longer(void **state)
{
    (void)state;
    char run[256];
    unsigned char *config;
    size_t n;
    new_run(run);
    expect_done(COMMAND(TRAIN, "--schedule", "cosine", "--epochs", "2", "--run", run, "--quiet"));
    command_expect_error(COMMAND("train", "--resume", "--run", run, "--epochs", "4", "--quiet"), 2,
                         "the run's cosine schedule was planned for 20 steps, and epochs and max_steps now "
                         "make 40");
    assert_ok(clade__file_read(test_text("%s/config.yaml", run), &config, &n));
    assert_non_null(strstr((char *)config, "\n  epochs: 2\n"));
    free(config);
    expect_done(COMMAND("train", "--resume", "--run", run, "--quiet"));
}

static void a_finished_model_is_not_replaced(void **state)
{
    (void)state;
    char run[256];
    new_run(run);
    expect_done(COMMAND(TRAIN, "--epochs", "1", "--run", run, "--quiet"));
    assert_int_equal(unlink(test_checkpoint(run, 10)), 0);
    command_expect_error(COMMAND("train", "--resume", "--run", run, "--epochs", "2", "--quiet"), 2,
                         "has the model of a run that has ended, and no checkpoint to go on from");
    cJSON *end = command_event(run, "end");
    assert_true(command_number(end, "epochs") == 1);
    cJSON_Delete(end);
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

/* ---- a terminal that is closed --------------------------------------------------------------------- */

static int open_terminal(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    return terminal;
}

/* The command as the leader of a session, whose terminal it is. */
static pid_t start_on_terminal(int terminal, const char *const *arguments)
{
    const char *path = ptsname(terminal), *build = getenv("CLADE_TEST_BUILD");
    char program[1024], *argv[40] = {program};
    snprintf(program, sizeof program, "%s/clade", build ? build : ".");
    for (int i = 0; arguments[i]; i++) argv[i + 1] = (char *)(uintptr_t)arguments[i];
    pid_t child = fork();
    if (child != 0) return child;
    (void)setsid();
    for (int fd = 0; fd < 3; fd++) close(fd);
    if (open(path, O_RDWR) != 0 || dup(0) != 1 || dup(0) != 2) _exit(99);
    execv(program, argv);
    _exit(98);
}

/* Reads from the terminal until this is there. */
static void wait_for(int terminal, const char *part)
{
    static char seen[200000];
    size_t n = 0;
    while (n + 1 < sizeof seen) {
        ssize_t more = read(terminal, seen + n, sizeof seen - n - 1);
        if (more < 0 && errno == EINTR) continue;
        if (more <= 0) break;
        n += (size_t)more;
        seen[n] = '\0';
        if (strstr(seen, part)) return;
    }
    print_error("no \"%s\" in \"%s\"\n", part, seen);
    fail();
}

static void expect_exit(pid_t child, int want)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), want);
}

/* It was stopped, and a checkpoint is there to go on from, which it does. */
static void expect_stopped(const char *run)
{
    cJSON *end = command_event(run, "end");
    long long steps = (long long)command_number(end, "steps");
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(end, "status")), "stopped");
    cJSON_Delete(end);
    assert_true(steps >= 20);
    assert_true(test_is_there(test_checkpoint(run, steps)));
    assert_true(test_is_there(test_text("%s/model.safetensors", run)));
    command_result result = command_expect(
        COMMAND("train", "--resume", "--run", run, "--max-steps", test_text("%lld", steps + 1)), 0);
    assert_non_null(strstr(result.err, test_text("going on from step %lld\n", steps)));
    command_free(&result);
}

#define LONG_RUN TRAIN, "--epochs", "100000", "--overwrite", "--run", run

/* The kernel sends SIGHUP, and whatever is written after that fails. */
static void a_closed_terminal_loses_nothing(void **state)
{
    (void)state;
    char run[256];
    new_run(run);
    for (int json = 0; json < 2; json++) {
        int terminal = open_terminal();
        pid_t child = start_on_terminal(
            terminal, (const char *[]){LONG_RUN, json ? "--json" : NULL, NULL});
        wait_for(terminal, "epoch 3/");
        close(terminal);
        expect_exit(child, 129);
        expect_stopped(run);
    }
}

/* As the kernel and a shell may send it: the second does not kill. */
static void a_hangup_may_come_twice(void **state)
{
    (void)state;
    char run[256];
    new_run(run);
    int terminal = open_terminal();
    pid_t child = start_on_terminal(terminal, (const char *[]){LONG_RUN, NULL});
    wait_for(terminal, "epoch 3/");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kill(child, SIGHUP), 0); /* at the latest it is a zombie */
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    wait_for(terminal, "stopped by the user at step ");
    expect_exit(child, 129);
    close(terminal);
    expect_stopped(run);
}

/* As under nohup. */
static void a_hangup_that_is_ignored_stays_so(void **state)
{
    (void)state;
    char run[256];
    new_run(run);
    signal(SIGHUP, SIG_IGN);
    command_result result = command_run_and_signal(
        (const char *[]){TRAIN, "--epochs", "40", "--run", run, NULL}, "epoch 2/", SIGHUP);
    signal(SIGHUP, SIG_DFL);
    command_expect(result, 0);
    assert_non_null(strstr(result.out, "completed 40 epochs"));
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_reads_again),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(a_cosine_is_not_made_longer),
        cmocka_unit_test(a_finished_model_is_not_replaced),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(a_closed_terminal_loses_nothing),
        cmocka_unit_test(a_hangup_may_come_twice),
        cmocka_unit_test(a_hangup_that_is_ignored_stays_so),
    };
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}
