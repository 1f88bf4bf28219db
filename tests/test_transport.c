/* The transport of one rank, the job that has it, and how libclade_mpi.so is found. Jobs of several ranks are
 * in test_job.c. */
#define _XOPEN_SOURCE 700
#include "support.h"

#include "dist/job.h"

static void one_rank_keeps_what_it_has(void **state)
{
    (void)state;
    clade__transport *self = &clade__transport_self;
    float floats[] = {1.5f, -0.0f};
    double doubles[] = {0.1, 1e300};
    int32_t mine[] = {7, 8}, all[2] = {0};
    assert_ok(clade__transport_sum_floats(self, floats, 2));
    assert_ok(clade__transport_sum_doubles(self, doubles, 2));
    assert_ok(clade__transport_broadcast(self, mine, sizeof mine, 0));
    assert_ok(clade__transport_gather(self, mine, sizeof mine, all));
    assert_ok(clade__transport_gather(self, NULL, 0, NULL));
    assert_ok(clade__transport_barrier(self));
    clade__transport_abort(self, 1);
    assert_true(floats[0] == 1.5f && signbit(floats[1]));
    assert_true(doubles[0] == 0.1 && doubles[1] == 1e300);
    assert_memory_equal(all, mine, sizeof mine);
}

static clade_status loses_rank_2(clade__transport *transport)
{
    strcpy(transport->said, "rank 2 is gone");
    return CLADE_ERANK;
}

static void what_an_implementation_says_is_the_message(void **state)
{
    (void)state;
    const clade__transport_calls calls = {.barrier = loses_rank_2};
    clade__transport transport = {.name = "test", .n_ranks = 3, .calls = &calls};
    assert_fails(clade__transport_barrier(&transport), CLADE_ERANK, "rank 2 is gone");
}

static void a_process_alone_is_a_job_of_one_rank(void **state)
{
    (void)state;
    clade_job *job;
    assert_ok(clade_job_open(&job));
    assert_int_equal(clade_job_rank(job), 0);
    assert_int_equal(clade_job_n_ranks(job), 1);
    assert_int_equal(clade_job_host_rank(job), 0);
    clade_job_abort(job, 1);
    assert_ptr_equal(clade__job_transport(job), &clade__transport_self);
    clade_job_free(job);
}

static void no_job_is_a_job_of_one_rank(void **state)
{
    (void)state;
    assert_int_equal(clade_job_rank(NULL), 0);
    assert_int_equal(clade_job_n_ranks(NULL), 1);
    assert_int_equal(clade_job_host_rank(NULL), 0);
    assert_ptr_equal(clade__job_transport(NULL), &clade__transport_self);
}

/* ---- what a launcher has started -------------------------------------------------------------- */

static void launch(const char *rank, const char *n_ranks, const char *library)
{
    setenv("PMI_RANK", rank, 1);
    setenv("PMI_SIZE", n_ranks, 1);
    setenv("CLADE_MPI_LIBRARY", library, 1);
}

static int no_launch(void **state)
{
    (void)state;
    static const char *const names[] = {"PMI_RANK", "PMI_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                        "CLADE_MPI_LIBRARY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unsetenv(names[i]);
    return 0;
}

static void a_launcher_calls_for_its_library(void **state)
{
    (void)state;
    clade_job *job;
    launch("1", "2", FAKE_FOLDER "/libfake_mpi.so");
    assert_int_equal(clade_job_launched_rank(), 1);
    assert_ok(clade_job_open(&job));
    assert_int_equal(clade_job_rank(job), 1);
    assert_int_equal(clade_job_n_ranks(job), 2);
    assert_int_equal(clade_job_host_rank(job), 1);
    assert_string_equal(clade__job_transport(job)->name, "fake");
    assert_false(clade_job_broken(job));
    clade_job_free(job);
}

static void a_library_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    clade_job *job = (clade_job *)state;
    static const struct {
        const char *library, *part;
    } cases[] = {
        {"/no/such/libclade_mpi.so", "MPICH's launcher has started 2 ranks, and libclade_mpi.so cannot be loaded"},
        {FAKE_FOLDER "/libfake_mpi_old.so", "libclade_mpi.so is of version 0.0.1, and Clade of "},
        {FAKE_FOLDER "/libfake_mpi_hollow.so", "libclade_mpi.so has no clade_mpi_open: it is damaged"},
        {FAKE_FOLDER "/libfake_mpi_silent.so", "MPI: no network"},
        {FAKE_FOLDER "/libfake_mpi_single.so", "MPICH's launcher has started 2 ranks, and MPI finds 1: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        launch("0", "2", cases[i].library);
        assert_fails(clade_job_open(&job), CLADE_ERANK, cases[i].part);
        assert_null(job);
    }
}

/* What is no launch: such a process is alone, and no library is looked for. */
static void other_variables_are_none(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"0", "1"}, {"0", ""}, {"", "2"}, {"2", "2"}, {"-1", "2"}, {"0", "2x"},
                                           {"0", "99999999999"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        clade_job *job;
        launch(pairs[i][0], pairs[i][1], "/no/such");
        assert_ok(clade_job_open(&job));
        assert_int_equal(clade_job_n_ranks(job), 1);
        assert_int_equal(clade_job_launched_rank(), 0);
        clade_job_free(job);
    }
}

static void one_rank_agrees_with_itself(void **state)
{
    (void)state;
    clade_job *job;
    assert_ok(clade_job_open(&job));
    assert_ok(clade_job_agree(job, CLADE_OK));
    assert_fails(clade_job_agree(job, clade__fail(CLADE_EDATA, "no file")), CLADE_EDATA, "no file");
    assert_ok(clade_job_compare(job, "config", "text"));
    assert_ok(clade_job_agree(NULL, CLADE_OK));
    assert_ok(clade_job_compare(NULL, "config", "text"));
    assert_false(clade_job_broken(job));
    assert_false(clade_job_broken(NULL));
    assert_int_equal(clade__job_ended(job, CLADE_EDATA, true), CLADE_EDATA);
    assert_false(clade_job_broken(job));
    assert_int_equal(clade__job_ended(job, CLADE_OK, false), CLADE_OK);
    assert_false(clade_job_broken(job));
    assert_int_equal(clade__job_ended(job, CLADE_EDATA, false), CLADE_EDATA);
    assert_true(clade_job_broken(job));
    clade_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rank_keeps_what_it_has),
        cmocka_unit_test(what_an_implementation_says_is_the_message),
        cmocka_unit_test(a_process_alone_is_a_job_of_one_rank),
        cmocka_unit_test(no_job_is_a_job_of_one_rank),
        cmocka_unit_test_teardown(a_launcher_calls_for_its_library, no_launch),
        cmocka_unit_test_teardown(a_library_that_does_not_fit_is_refused, no_launch),
        cmocka_unit_test_teardown(other_variables_are_none, no_launch),
        cmocka_unit_test(one_rank_agrees_with_itself),
    };
    no_launch(NULL);
    return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
