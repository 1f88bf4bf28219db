/* Jobs of several ranks, by the launcher of the MPI that libclade_mpi.so is linked with; what a rank does is in
 * job_ranks.c. */
#define _XOPEN_SOURCE 700
#include "mpirun.h"

#include <signal.h>

static mpirun_result run(int n_ranks, const char *task, const mpirun_signal *wanted)
{
    return mpirun(n_ranks, (const char *const[]){CLADE_JOB_RANKS, task, NULL}, wanted);
}

static void ends_well(int n_ranks, const char *task)
{
    mpirun_result result = run(n_ranks, task, NULL);
    if (result.status != 0) print_error("%s with %d ranks: %s\n", task, n_ranks, result.said);
    assert_int_equal(result.status, 0);
    mpirun_free(&result);
}

static void sums_have_the_bits_of_their_order(void **state)
{
    (void)state;
    for (int n = 2; n <= 4; n++) ends_well(n, "sums");
}

static void every_call_does_its_work(void **state)
{
    (void)state;
    for (int n = 2; n <= 4; n++) ends_well(n, "calls");
}

static void waiting_is_sleeping(void **state)
{
    (void)state;
    ends_well(2, "wait");
}

static void mpi_starts_once(void **state)
{
    (void)state;
    ends_well(2, "leave");
}

static void ranks_divide_a_cpu(void **state)
{
    (void)state;
    ends_well(2, "devices");
    ends_well(3, "devices");
}

static void ranks_agree(void **state)
{
    (void)state;
    for (int n = 2; n <= 3; n++) ends_well(n, "agree");
    for (int n = 2; n <= 3; n++) ends_well(n, "compare");
}

static void ends_with(const char *task, int status, const char *said, int times)
{
    mpirun_result result = run(3, task, NULL);
    /* MPICH's launcher returns the status of whichever rank it sees end first, and has killed the others. */
    if (result.status == SIGKILL && mpirun_count(&result, "EXIT CODE: 9") == 1) result.status = status;
    assert_int_equal(result.status, status);
    assert_int_equal(mpirun_count(&result, said), times);
    assert_int_equal(mpirun_count(&result, "is still here"), 0);
    assert_true(result.seconds < 10.0);
    mpirun_free(&result);
}

/* The others end although they wait for something else. */
static void a_rank_ends_the_job(void **state)
{
    (void)state;
    ends_with("abort", 7, "rank 2 cannot go on", 1);
    ends_with("break", 1, "is still here", 0);
}

/* Whatever ends a rank or the launcher, nobody waits on, and no process is left. */
static void a_signal_ends_the_job(void **state)
{
    (void)state;
    static const mpirun_signal signals[] = {{"they sum", 0.3, SIGKILL, 0}, {"they sum", 0.2, SIGKILL, 1},
                                            {"they sum", 0.1, SIGTERM, 2}, {"they sum", 0.1, SIGINT, -1},
                                            {"they sum", 0.1, SIGTERM, -1}, {"they sum", 0.2, SIGKILL, -1}};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        mpirun_result result = run(3, "sum_on", &signals[i]);
        if ((result.status == 0 && signals[i].rank >= 0) || result.seconds > 10.0)
            print_error("signal %d to %d: %d after %.1f s: %s\n", signals[i].number, signals[i].rank, result.status,
                        result.seconds, result.said);
        assert_true(result.sent);
        /* MPICH's launcher, itself ended by a signal, may return 0. */
        assert_true(result.status != 0 || signals[i].rank < 0);
        assert_true(result.seconds < 10.0);
        assert_int_equal(mpirun_count(&result, "is still here"), 0);
        mpirun_free(&result);
    }
}

static void a_missing_library_is_told_once(void **state)
{
    (void)state;
    char *library = strdup(getenv("CLADE_MPI_LIBRARY"));
    setenv("CLADE_MPI_LIBRARY", "/no/such/libclade_mpi.so", 1);
    mpirun_result result = run(3, "sums", NULL);
    assert_int_equal(mpirun_count(&result, "launcher has started 3 ranks, and libclade_mpi.so cannot be loaded"), 1);
    assert_int_equal(result.status, 8);
    mpirun_free(&result);
    setenv("CLADE_MPI_LIBRARY", library, 1);
    free(library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_the_bits_of_their_order),
        cmocka_unit_test(every_call_does_its_work),
        cmocka_unit_test(waiting_is_sleeping),
        cmocka_unit_test(mpi_starts_once),
        cmocka_unit_test(ranks_divide_a_cpu),
        cmocka_unit_test(ranks_agree),
        cmocka_unit_test(a_rank_ends_the_job),
        cmocka_unit_test(a_signal_ends_the_job),
        cmocka_unit_test(a_missing_library_is_told_once),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
