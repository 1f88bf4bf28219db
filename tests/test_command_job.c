/* clade train as a job of several ranks, and what may go wrong with one: a rank that is killed at random moments,
 * stopped, or not like the others.
 *
 *   test_command_job [KILLS]      3 unless given */
#define _XOPEN_SOURCE 700
#include "command.h"
#include "events.h"
#include "mpirun.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/philox.h"

/* Well above what such a job takes to end when a rank is gone. */
#define MOST_END_SECONDS 10.0

/* A training of a second or two, with checkpoints on the way. */
#define TRAIN "train", "--model", "mlp:16", "--data", "digits?n=500", "--batch", "50", "--epochs", "60", \
              "--checkpoint-every", "37", "--compute-units", "1", "--quiet"

static int n_kills = 3;

#define JOB(n_ranks, wanted, ...) mpirun_clade(n_ranks, (const char *const[]){__VA_ARGS__, NULL}, wanted)

static mpirun_result ended(mpirun_result result, int status)
{
    if (result.status != status) {
        print_error("exit %d, want %d: %s\n", result.status, status, result.said);
        fail();
    }
    return result;
}

static void done(mpirun_result result)
{
    ended(result, 0);
    mpirun_free(&result);
}

/* How many lines begin with "clade: ", as the command's errors do. */
static int count_errors(const mpirun_result *result)
{
    int n = strncmp(result->said, "clade: ", 7) == 0;
    return n + mpirun_count(result, "\nclade: ");
}

/* One message for the whole job, of which this is a part, and none for each rank. */
static void refused(mpirun_result result, int status, const char *part)
{
    bool told = strstr(result.said, part) != NULL && count_errors(&result) == 1;
    if (result.status != status || !told || result.seconds > MOST_END_SECONDS)
        print_error("exit %d, want %d and \"%s\", after %.1f s: %s\n", result.status, status, part, result.seconds,
                    result.said);
    assert_int_equal(result.status, status);
    assert_true(told);
    assert_true(result.seconds < MOST_END_SECONDS);
    mpirun_free(&result);
}

static void new_run(char out[256])
{
    snprintf(out, 256, "%s/run", test_folder());
}

static bool has_begun(const char *run)
{
    return access(test_text("%s/config.yaml", run), F_OK) == 0;
}

static double last_loss(const char *run, const char *which)
{
    cJSON *epoch = command_event(run, "epoch");
    double loss = command_number(epoch, which);
    cJSON_Delete(epoch);
    return loss;
}

/* ---- a rank is killed ------------------------------------------------------------------------- */

static mpirun_result go_on(const char *run, int n_ranks, const mpirun_signal *wanted)
{
    if (!has_begun(run)) return JOB(n_ranks, wanted, TRAIN, "--run", run);
    return JOB(n_ranks, wanted, "train", "--resume", "--run", run, "--compute-units", "1", "--quiet");
}

/* The launcher names the rank, or its process; Open MPI neither where it was killed before it joined the job. */
static void check_end(const mpirun_result *result, int rank)
{
    const char *names = test_text("rank %d", rank);
    bool told = strstr(result->said, names) || strstr(result->said, "KILLED BY SIGNAL: 9") ||
                strstr(result->said, "EXIT CODE: 9") || strstr(result->said, "a non-zero exit code");
    if (result->status == 0 || !told || result->seconds > MOST_END_SECONDS)
        print_error("rank %d was killed: exit %d after %.1f s: %s\n", rank, result->status, result->seconds,
                    result->said);
    assert_true(result->status != 0);
    assert_true(told);
    assert_true(result->seconds < MOST_END_SECONDS);
}

/* Kills a rank somewhere in a new training, lets as many ranks or others go on, and says whether it was killed. */
static bool kill_and_go_on(clade__random *random, int round, double seconds, const char *whole)
{
    char run[256];
    new_run(run);
    int n_ranks = 2 + round % 2, rank = (int)((float)n_ranks * clade__random_uniform(random));
    mpirun_signal now = {NULL, seconds * (double)clade__random_uniform(random), SIGKILL, rank};
    mpirun_result result = JOB(n_ranks, &now, TRAIN, "--run", run);
    bool killed = result.sent;
    if (killed && result.status != 0) check_end(&result, rank);
    else ended(result, 0);
    mpirun_free(&result);
    static const int others[] = {2, 1, 3};
    int n_others = others[round % 3];
    done(go_on(run, n_others, NULL));
    if (n_ranks == 2 && n_others == 2)
        test_assert_same_files(test_text("%s/model.safetensors", run), test_text("%s/model.safetensors", whole));
    double loss = last_loss(run, "valid_loss"), want = last_loss(whole, "valid_loss");
    if (fabs(loss - want) > 1e-3 * want) print_error("loss %.9g, want %.9g\n", loss, want);
    assert_true(fabs(loss - want) <= 1e-3 * want);
    return killed;
}

static void a_killed_rank_ends_the_job_which_goes_on(void **state)
{
    (void)state;
    char whole[256];
    new_run(whole);
    double begin = clade__seconds();
    done(JOB(2, NULL, TRAIN, "--run", whole));
    double seconds = clade__seconds() - begin;
    clade__random random = clade__random_start((uint64_t)getpid(), 1);
    int n_killed = 0;
    for (int round = 0; round < n_kills; round++) {
        bool killed = kill_and_go_on(&random, round, seconds, whole);
        n_killed += killed;
        if (!killed) seconds *= 0.8;
    }
    print_message("%d of %d jobs had a rank killed\n", n_killed, n_kills);
    assert_true(2 * n_killed > n_kills);
}

/* ---- a rank is stopped ------------------------------------------------------------------------ */

/* All ranks stop after the same step, and all is saved. */
static void a_stopped_rank_stops_the_job(void **state)
{
    (void)state;
    static const int numbers[] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++) {
        char run[256];
        new_run(run);
        mpirun_signal now = {"epoch 3/", 0.05, numbers[i], 1};
        mpirun_result result = JOB(2, &now, "train", "--model", "mlp:16", "--data", "digits?n=500", "--batch", "50",
                                   "--compute-units", "1", "--epochs", "100000", "--run", run);
        bool stopped = result.status == 128 + numbers[i] || result.status == 128 + SIGINT; /* the others' */
        if (!stopped || result.seconds > MOST_END_SECONDS || count_errors(&result) > 0)
            print_error("signal %d: exit %d after %.1f s: %s\n", numbers[i], result.status, result.seconds,
                        result.said);
        assert_true(stopped);
        assert_true(result.seconds < MOST_END_SECONDS);
        assert_int_equal(count_errors(&result), 0);
        mpirun_free(&result);
        cJSON *end = command_event(run, "end");
        int64_t step = (int64_t)command_number(end, "steps");
        cJSON_Delete(end);
        assert_true(test_is_there(test_checkpoint(run, step)));
        result = ended(JOB(2, NULL, "train", "--resume", "--run", run, "--compute-units", "1", "--epochs", "100000",
                           "--max-steps", test_text("%d", (int)step + 5)), 0);
        assert_int_equal(mpirun_count(&result, test_text("going on from step %d", (int)step)), 1);
        mpirun_free(&result);
    }
}

/* ---- ranks that are not alike ------------------------------------------------------------------ */

#define SMALL "train", "--model", "mlp:8", "--data", "digits?n=200", "--batch", "50", "--max-steps", "8", \
              "--compute-units", "1", "--quiet"

static void what_cannot_be_done_is_told_once(void **state)
{
    (void)state;
    char run[256];
    new_run(run);
    refused(JOB(3, NULL, SMALL, "--run", run, "--batch", "2"), 2, "rank");
    refused(JOB(2, NULL, SMALL, "--run", run, "--share", "2,1,1"), 2, "--share");
    refused(JOB(2, NULL, SMALL, "--run", run, "--share", "1,0"), 2, "--share");
    refused(JOB(2, NULL, SMALL, "--run", run, "--share", "x,1"), 2, "--share");
    refused(JOB(2, NULL, SMALL, "--run", run, "--parallel", "simu", "--share", "2,1"), 2, "--share");
    refused(JOB(2, NULL, SMALL, "--run", run, "--parallel", "apart"), 2, "--parallel");
    refused(JOB(2, NULL, SMALL, "--run", run, "--average-every", "2"), 2, "--average-every");
    refused(JOB(5, NULL, SMALL, "--run", run, "--parallel", "simu"), 2, "an epoch has 4 batches");
    refused(JOB(2, NULL, SMALL, "--run", run, "--no-such"), 2, "unknown option '--no-such'");
    refused(JOB(2, NULL, SMALL, "--run", run, "--data", "digits?m=5"), 2, "digits");
    refused(JOB(2, NULL, SMALL, "--run", run, "--data", "csv:/no/such.csv?label=x"), 4, "/no/such.csv");
    refused(JOB(2, NULL, SMALL, "--run", run, "--device", "no such device"), 3, "no such device");
    refused(JOB(2, NULL, "train", "--resume", "--run", run), 2, "holds no run to resume");
    assert_false(has_begun(run));
}

static void ranks_that_differ_are_told_once(void **state)
{
    (void)state;
    char run[256], table[2][256];
    new_run(run);
    static const char *const rows[] = {"a,b,label\n1,2,x\n2,1,y\n3,3,x\n4,0,y\n",
                                       "a,b,label\n1,2,x\n2,1,y\n3,3,x\n5,0,y\n"};
    for (int i = 0; i < 2; i++) {
        snprintf(table[i], sizeof table[i], "%s/table.csv", test_folder());
        test_write_file(table[i], rows[i], strlen(rows[i]));
    }
#define TABLE(i) "train", "--model", "mlp:8", "--batch", "4", "--max-steps", "2", "--valid", "none", "--quiet", \
                 "--compute-units", "1", "--run", run, "--data", test_text("csv:%s?label=label", table[i])
    refused(JOB(1, NULL, TABLE(0), ":", TABLE(1)), 5, "rank 1");
    refused(JOB(1, NULL, SMALL, "--run", run, ":", SMALL, "--run", run, "--seed", "7"), 5, "seed: 7");
    refused(JOB(1, NULL, SMALL, "--run", run, ":", SMALL, "--run", run, "--model", "mlp:9"), 5, "rank 1");
    refused(JOB(1, NULL, SMALL, "--run", run, ":", SMALL, "--run", run, "--max-steps", "9"), 5, "rank 1");
    refused(JOB(1, NULL, SMALL, "--run", run, ":", SMALL, "--run", run, "--device", "no such device"), 3,
            "rank 1 on ");
    refused(JOB(1, NULL, SMALL, "--run", run, ":", SMALL, "--run", run, "--data", "csv:/no/such.csv?label=x"), 4,
            "rank 1 on ");
    assert_false(has_begun(run));
}

/* Two equal jobs leave the same bytes, and one process goes on with what two have begun. */
static void processes_train_apart(void **state)
{
    (void)state;
    static const char *const modes[][3] = {{"simu", "equal", "0"}, {"weighted", "2,1", "2"}};
    for (int i = 0; i < 2; i++) {
        char run[2][256];
        for (int k = 0; k < 2; k++) {
            new_run(run[k]);
            done(JOB(2, NULL, SMALL, "--run", run[k], "--parallel", modes[i][0], "--share", modes[i][1],
                     "--average-every", modes[i][2], "--weight-decay", "0.01"));
        }
        test_assert_same_files(test_text("%s/model.safetensors", run[0]), test_text("%s/model.safetensors", run[1]));
        assert_true(last_loss(run[0], "train_loss") == last_loss(run[1], "train_loss"));
        assert_true(last_loss(run[0], "valid_loss") == last_loss(run[1], "valid_loss"));
        done(JOB(1, NULL, "train", "--resume", "--run", run[0], "--quiet", "--max-steps", "12", "--share", "equal"));
    }
}

/* A run's folder that a host does not see. */
static void a_folder_that_a_rank_does_not_see_is_told_once(void **state)
{
    (void)state;
    char run[256];
    new_run(run);
    done(JOB(2, NULL, SMALL, "--run", run));
    refused(JOB(1, NULL, "train", "--resume", "--quiet", "--run", run, ":", "train", "--resume", "--quiet", "--run",
                "/no/such/run"), 2, "rank 1 on ");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_done_is_told_once),
        cmocka_unit_test(ranks_that_differ_are_told_once),
        cmocka_unit_test(a_folder_that_a_rank_does_not_see_is_told_once),
        cmocka_unit_test(processes_train_apart),
        cmocka_unit_test(a_stopped_rank_stops_the_job),
        cmocka_unit_test(a_killed_rank_ends_the_job_which_goes_on),
    };
    if (argc > 1) n_kills = atoi(argv[1]);
    return cmocka_run_group_tests_name("command_job", tests, test_find_device, NULL);
}
