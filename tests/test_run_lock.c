/* A run folder is of one training at a time: the other one, with --overwrite or --resume too, ends with a
 * message and has changed nothing. The lock is on a file that stays. */
#define _POSIX_C_SOURCE 200809L
#include "command.h"
#include "network.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define TRAIN "train", "--model", "mlp:16", "--data", "digits?n=500", "--batch", "50"

static char run[256];

static void new_run(void)
{
    snprintf(run, sizeof run, "%s/run", test_folder());
}

static void expect_done(command_result result)
{
    command_expect(result, 0);
    command_free(&result);
}

static struct stat about_lock(void)
{
    struct stat about;
    assert_int_equal(stat(test_text("%s/run.lock", run), &about), 0);
    return about;
}

/* ---- while a training of this process writes there ------------------------------------------------ */

typedef struct content {
    unsigned char *bytes;
    size_t n;
} content;

static const char *const names[] = {"config.yaml", "metrics.jsonl", "model.safetensors",
                                    "best.safetensors", "run.lock"};

enum { N_NAMES = sizeof names / sizeof names[0] };

static void read_all(content files[N_NAMES])
{
    for (int i = 0; i < N_NAMES; i++)
        assert_ok(clade__file_read(test_text("%s/%s", run, names[i]), &files[i].bytes, &files[i].n));
}

static void expect_same(const content before[N_NAMES])
{
    content now[N_NAMES];
    read_all(now);
    for (int i = 0; i < N_NAMES; i++) {
        assert_int_equal(now[i].n, before[i].n);
        assert_memory_equal(now[i].bytes, before[i].bytes, now[i].n);
        free(now[i].bytes);
        free(before[i].bytes);
    }
}

static bool train_beside(const clade_progress *progress, void *user)
{
    int *n_refused = user;
    content before[N_NAMES];
    if (!progress->epoch_end || progress->epoch != 2) return true;
    const char *want = test_text("another training is writing into '%s' (process %ld); wait until it has "
                                 "ended, or choose another folder", run, (long)getpid());
    char message[512];
    snprintf(message, sizeof message, "%s", want);
    read_all(before);
    command_expect_error(COMMAND(TRAIN, "--epochs", "1", "--seed", "9", "--run", run, "--overwrite"), 1,
                         message);
    command_expect_error(COMMAND("train", "--resume", "--run", run, "--epochs", "7"), 1, message);
    command_expect_error(COMMAND(TRAIN, "--run", run), 2, "holds a run already");
    expect_same(before);
    *n_refused = 3;
    return true;
}

static void a_folder_that_is_written_is_refused(void **state)
{
    clade_data *data;
    int n_refused = 0;
    new_run();
    expect_done(COMMAND(TRAIN, "--epochs", "1", "--run", run, "--quiet"));
    assert_ok(clade_data_open(&data, "digits?n=500"));
    clade_model *model = net_model(*state, 1, "{\"input\":[28,28],\"layers\":[{\"type\":\"flatten\"}," LINEAR(10) "]}",
                                   &(clade_compile_options){.batch = 50});
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 3, .validate = data,
                                                          .run_dir = run,
                                                          .on_progress = train_beside,
                                                          .user = &n_refused}, NULL));
    assert_int_equal(n_refused, 3);
    /* It has ended, and the process has not. */
    expect_done(COMMAND(TRAIN, "--epochs", "1", "--run", run, "--quiet", "--overwrite"));
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- the file ------------------------------------------------------------------------------------- */

static void it_stays_whatever_ends_a_run(void **state)
{
    (void)state;
    new_run();
    const char *long_run[] = {TRAIN, "--epochs", "100000", "--run", run, NULL};
    command_result killed = command_expect(command_run_and_signal(long_run, "epoch 2/", SIGKILL),
                                           128 + SIGKILL);
    command_free(&killed);
    struct stat first = about_lock();
    assert_int_equal(first.st_mode & 07777, 0600);
    /* The lock went with the process. */
    expect_done(COMMAND("train", "--resume", "--run", run, "--epochs", "3", "--quiet"));
    expect_done(COMMAND(TRAIN, "--epochs", "1", "--run", run, "--quiet", "--overwrite"));
    assert_true(about_lock().st_ino == first.st_ino);
    assert_true(about_lock().st_dev == first.st_dev);
}

/* A folder with nothing but the lock holds no run. */
static void alone_it_is_no_run(void **state)
{
    (void)state;
    new_run();
    assert_ok(clade__make_folder(run));
    test_write_file(test_text("%s/run.lock", run), "1\n", 2);
    expect_done(COMMAND(TRAIN, "--epochs", "1", "--run", run, "--quiet"));
}

static void a_lock_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    new_run();
    assert_ok(clade__make_folder(test_text("%s/run.lock", run)));
    command_expect_error(COMMAND(TRAIN, "--epochs", "1", "--run", run), 1,
                         test_text("cannot write '%s/run.lock': Is a directory", run));
    assert_false(test_is_there(test_text("%s/config.yaml", run)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_that_is_written_is_refused),
        cmocka_unit_test(it_stays_whatever_ends_a_run),
        cmocka_unit_test(alone_it_is_no_run),
        cmocka_unit_test(a_lock_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
