/* The command is killed (SIGKILL) at random moments of a run, again and again, and resumed: models and
 * log are byte for byte those of a run that was left alone.
 *
 *   test_kill [ROUNDS]      2 unless given */
#include "command.h"
#include "events.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/philox.h"

enum { MOST_KILLS = 4, MOST_ARGUMENTS = 32 };

static int n_rounds = 2;

/* Two trainings of some seconds' tenths, so that a kill meets start, steps, epochs' ends and
 * checkpoints alike. Early stopping has an end that must come at the same epoch. */
static const char *const adam[] = {"train", "--model", "mlp:24", "--data", "digits?n=400",
                                   "--optimizer", "adam", "--epochs", "120", "--batch", "32",
                                   "--schedule", "plateau", "--lr-patience", "3",
                                   "--checkpoint-every", "37", "--quiet", "--run", NULL};
static const char *const momentum[] = {"train", "--model", "mlp:24", "--data", "digits?n=400",
                                       "--epochs", "1000", "--batch", "32", "--lr", "0.02",
                                       "--schedule", "step", "--step-size", "20", "--gamma", "0.5",
                                       "--patience", "60", "--checkpoint-every", "2epochs",
                                       "--quiet", "--run", NULL};
static const char *const *const trainings[] = {adam, momentum};

typedef struct line {
    const char *arguments[MOST_ARGUMENTS];
} line;

/* The arguments, and the folder behind them. */
static line line_of(const char *const *arguments, const char *folder)
{
    line made = {0};
    int n = 0;
    for (; arguments[n]; n++) made.arguments[n] = arguments[n];
    made.arguments[n] = folder;
    return made;
}

static void assert_ends(const command_result *result, int status)
{
    if (result->status == status) return;
    print_error("exit %d, want %d: \"%s\"\n", result->status, status, result->err);
    fail();
}

static void check_same(const char *folder, const char *whole)
{
    static const char *const names[] = {"model.safetensors", "best.safetensors", "config.yaml"};
    for (int i = 0; i < 3; i++)
        test_assert_same_files(test_text("%s/%s", folder, names[i]),
                               test_text("%s/%s", whole, names[i]));
    events_assert_same(folder, whole);
}

/* Kills the training some times, lets it end then, and returns how often it was really killed. */
static int run_with_kills(const char *const *training, const char *folder, double seconds,
                          clade__random *random)
{
    static const char *const resume[] = {"train", "--resume", "--quiet", "--run", NULL};
    int n_killed = 0;
    for (int i = 0; i <= MOST_KILLS; i++) {
        bool begun = access(test_text("%s/config.yaml", folder), F_OK) == 0;
        line now = line_of(begun ? resume : training, folder);
        double after = seconds * (double)clade__random_uniform(random);
        command_result result = command_run_and_signal_after(now.arguments, NULL, after,
                                                             i < MOST_KILLS ? SIGKILL : 0);
        bool killed = result.status == 128 + SIGKILL;
        if (!killed) assert_ends(&result, 0);
        command_free(&result);
        n_killed += killed;
        if (!killed) return n_killed;
    }
    return n_killed;
}

static void a_killed_run_ends_as_one_left_alone(void **state)
{
    (void)state;
    char whole[2][256];
    double seconds[2];
    int n_killed = 0;
    for (int i = 0; i < 2; i++) {
        snprintf(whole[i], sizeof whole[i], "%s/run", test_folder());
        line alone = line_of(trainings[i], whole[i]);
        double began = clade__seconds();
        command_result result = command_run(alone.arguments);
        seconds[i] = clade__seconds() - began;
        assert_ends(&result, 0);
        command_free(&result);
    }
    clade__random random = clade__random_start((uint64_t)getpid(), 1);
    for (int round = 0; round < n_rounds; round++) {
        int which = round % 2, n = 0;
        while (n == 0) { /* a run that was faster than the first is tried again */
            char folder[256];
            snprintf(folder, sizeof folder, "%s/run", test_folder());
            n = run_with_kills(trainings[which], folder, seconds[which], &random);
            check_same(folder, whole[which]);
            if (n == 0) seconds[which] *= 0.7;
        }
        n_killed += n;
    }
    print_message("%d rounds, %d kills\n", n_rounds, n_killed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_killed_run_ends_as_one_left_alone)};
    if (argc > 1) n_rounds = atoi(argv[1]);
    return cmocka_run_group_tests(tests, test_find_device, NULL);
}
