/* clade train as a job: what ranks train together is what one device trains, to rounding, and the same to the bit
 * in every run; with any number of them, however they share a batch, and going on as another number. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdio.h>

#include "events.h"
#include "mpirun.h"

#define ALL "--compute-units", "1", "--quiet", "--overwrite"
/* Rounding, after so few steps. */
#define RELATIVE 1e-5

#define MLP "train", "--model", "mlp:24", "--data", "digits?n=500", "--batch", "50", "--lr", "0.05"
#define CNN "train", "--model", "cnn:4", "--data", "digits?n=300", "--batch", "30", "--lr", "0.02", "--dropout", "0.2", \
            "--crop", "2", "--flip"

static void done(mpirun_result result)
{
    if (result.status != 0) fail_msg("exit %d: %s", result.status, result.said);
    mpirun_free(&result);
}

/* In one folder for all runs of this program. */
static const char *run_named(const char *name)
{
    static char folder[512];
    if (!folder[0]) snprintf(folder, sizeof folder, "%s", test_folder());
    return test_text("%s/%s", folder, name);
}

/* The last epoch's losses, of training and of validation. */
static void read_losses(const char *run, double losses[2])
{
    events log = events_read(run_named(run));
    const cJSON *epoch = events_last(&log, "epoch");
    losses[0] = events_number(epoch, "train_loss");
    losses[1] = events_number(epoch, "valid_loss");
    events_free(&log);
}

static void expect_near(const char *run, const char *want)
{
    double got[2], wanted[2];
    read_losses(run, got);
    read_losses(want, wanted);
    for (int i = 0; i < 2; i++)
        if (!(fabs(got[i] - wanted[i]) <= RELATIVE * fabs(wanted[i])))
            fail_msg("%s: loss %.9g, and %.9g of %s", run, got[i], wanted[i], want);
}

static void expect_same_model(const char *run, const char *other)
{
    test_assert_same_files(run_named(test_text("%s/model.safetensors", run)),
                           run_named(test_text("%s/model.safetensors", other)));
    test_assert_same_files(run_named(test_text("%s/best.safetensors", run)),
                           run_named(test_text("%s/best.safetensors", other)));
}

static void ranks_train_what_one_device_trains(void **state)
{
    (void)state;
    done(MPIRUN_CLADE(1, MLP, ALL, "--epochs", "3", "--run", run_named("one")));
    for (int n = 2; n <= 4; n++) {
        done(MPIRUN_CLADE(n, MLP, ALL, "--epochs", "3", "--run", run_named("some")));
        expect_near("some", "one");
    }
    done(MPIRUN_CLADE(4, MLP, ALL, "--epochs", "3", "--run", run_named("again")));
    expect_same_model("again", "some");
    done(MPIRUN_CLADE(3, MLP, ALL, "--epochs", "3", "--share", "2,1,0.5", "--run", run_named("unequal")));
    expect_near("unequal", "one");
    done(MPIRUN_CLADE(2, MLP, ALL, "--epochs", "3", "--share", "auto", "--run", run_named("auto")));
    expect_near("auto", "one");
}

/* Masks and images follow the sample. */
static void a_cnn_with_dropout_and_augmentation_too(void **state)
{
    (void)state;
    done(MPIRUN_CLADE(1, CNN, ALL, "--epochs", "2", "--run", run_named("one")));
    done(MPIRUN_CLADE(2, CNN, ALL, "--epochs", "2", "--accumulate", "2", "--run", run_named("two")));
    done(MPIRUN_CLADE(2, CNN, ALL, "--epochs", "2", "--accumulate", "2", "--run", run_named("again")));
    expect_near("two", "one");
    expect_same_model("again", "two");
}

static void a_run_goes_on_with_another_number_of_ranks(void **state)
{
    (void)state;
    static const int n_ranks[] = {1, 3, 1};
    done(MPIRUN_CLADE(1, MLP, ALL, "--epochs", "4", "--run", run_named("whole")));
    done(MPIRUN_CLADE(2, MLP, ALL, "--max-steps", "13", "--share", "3,1", "--run", run_named("parts")));
    mpirun_refused(MPIRUN_CLADE(3, "train", "--resume", "--run", run_named("parts"), "--quiet"), 2,
                   "train.share is '3,1', 2 numbers, and there are 3 processes in the job");
    for (int i = 0; i < 3; i++)
        done(MPIRUN_CLADE(n_ranks[i], "train", "--resume", "--run", run_named("parts"), "--quiet", "--share", "equal",
                          "--epochs", test_text("%d", i + 2), "--max-steps", "0"));
    expect_near("parts", "whole");
}

static void what_is_wrong_is_told_once(void **state)
{
    (void)state;
    mpirun_refused(MPIRUN_CLADE(3, MLP, ALL, "--share", "1,2"), 2,
                   "--share is '1,2', 2 numbers, and there are 3 processes in the job");
    mpirun_refused(MPIRUN_CLADE(2, MLP, ALL, "--share", "1,-1"), 2,
                   "--share is '1,-1', want equal, auto, or a number from 1e-6");
    mpirun_refused(MPIRUN_CLADE(2, MLP, ALL, "--share", "fair"), 2,
                   "--share is 'fair', want equal, auto, or a number from 1e-6");
    mpirun_refused(MPIRUN_CLADE(2, MLP, ALL, "--nonsense"), 2, "train: unknown option '--nonsense'");
    mpirun_refused(MPIRUN_CLADE(2, MLP, ALL, "--device", "nonsense"), 3, "device selector 'nonsense' matches nothing");
    mpirun_refused(MPIRUN_CLADE(3, MLP, ALL, "--batch", "2"), 2, "too small for 3 ranks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_train_what_one_device_trains),
        cmocka_unit_test(a_cnn_with_dropout_and_augmentation_too),
        cmocka_unit_test(a_run_goes_on_with_another_number_of_ranks),
        cmocka_unit_test(what_is_wrong_is_told_once),
    };
    return cmocka_run_group_tests_name("job_train", tests, NULL, NULL);
}
