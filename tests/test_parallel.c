/* Loops over parts: every part once, the lowest failure, and no threads to be had. */
#include "support.h"

#include <errno.h>
#include <pthread.h>

#include "base/error.h"
#include "base/parallel.h"

static bool no_threads;
static int n_asked;

/* pthread_create, which fails when it is told to. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *argument);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                          void *argument)
{
    n_asked++;
    return no_threads ? EAGAIN : __real_pthread_create(thread, attr, start, argument);
}

static clade_status run_part(void *context, int part)
{
    ((int *)context)[part]++;
    return part % 10 == 3 ? clade__fail(CLADE_EDATA, "part %d", part) : CLADE_OK;
}

static void every_part_once(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        int calls[50] = {0};
        no_threads = round % 2 == 1;
        n_asked = 0;
        clade__parallel_set(1 + round % 7, 0);
        assert_int_equal(clade__parallel_threads(), 1 + round % 7);
        assert_fails(clade__parallel(50, run_part, calls), CLADE_EDATA, "part 3");
        for (int i = 0; i < 50; i++) assert_int_equal(calls[i], 1);
        assert_int_equal(n_asked, no_threads && round % 7 > 0 ? 1 : round % 7);
        assert_ok(clade__parallel(3, run_part, calls));
        assert_ok(clade__parallel(0, run_part, calls));
        assert_int_equal(calls[2], 2);
        assert_int_equal(calls[3], 1);
    }
    no_threads = false;
    clade__parallel_set(0, 0);
}

static void how_many(void **state)
{
    (void)state;
    assert_in_range(clade__parallel_threads(), 1, 64);
    clade__parallel_set(3, 0);
    assert_int_equal(clade__parallel_parts(0, 10), 1);
    assert_int_equal(clade__parallel_parts(29, 10), 2);
    assert_int_equal(clade__parallel_parts(INT64_MAX, 10), 12);
    clade__parallel_set(3, 5);
    assert_int_equal(clade__parallel_parts(0, 10), 5);
    clade__parallel_set(1000, 0);
    assert_int_equal(clade__parallel_threads(), 64);
    clade__parallel_set(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_part_once),
                                       cmocka_unit_test(how_many)};
    return cmocka_run_group_tests_name("parallel", tests, NULL, NULL);
}
