/* The transport of one rank, and the job that has it. Those of several are in test_job.c. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rank_keeps_what_it_has),
        cmocka_unit_test(what_an_implementation_says_is_the_message),
        cmocka_unit_test(a_process_alone_is_a_job_of_one_rank),
        cmocka_unit_test(no_job_is_a_job_of_one_rank),
    };
    return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
