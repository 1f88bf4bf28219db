/* What a rank does in test_job.c: `job_ranks WHAT`, started by mpirun. It ends with 0 where all is right, and
 * says on stderr what is not. */
#define _XOPEN_SOURCE 700
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <clade/clade.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/philox.h"
#include "device/cores.h"
#include "dist/job.h"

static clade_job *job;
static clade__transport *all;

static _Noreturn void end(const char *what)
{
    fprintf(stderr, "rank %d of %d: %s: %s\n", all ? all->rank : -1, all ? all->n_ranks : 0, what,
            clade_error());
    if (job) clade_job_abort(job, 9);
    exit(9);
}

static void want(bool right, const char *what)
{
    if (!right) end(what);
}

#define OK(call) want((call) == CLADE_OK, #call)

/* ---- sums ------------------------------------------------------------------------------------ */

/* Numbers whose sum depends on its order, the same on every rank. */
static double number(int rank, int64_t i)
{
    clade__random random = clade__random_start((uint64_t)rank + 77, (uint64_t)i);
    double size = 1e-6 + 1e6 * (double)(i % 7 == rank);
    return size * ((double)clade__random_uniform(&random) - 0.5);
}

static void sum_of(int64_t n)
{
    float *floats = calloc((size_t)n + 1, sizeof *floats);
    double *doubles = calloc((size_t)n + 1, sizeof *doubles);
    want(floats && doubles, "no memory");
    for (int64_t i = 0; i < n; i++) doubles[i] = number(all->rank, i), floats[i] = (float)doubles[i];
    floats[n] = 7.0f, doubles[n] = 7.0;
    OK(clade__transport_sum_floats(all, floats, n));
    OK(clade__transport_sum_doubles(all, doubles, n));
    for (int64_t i = 0; i < n; i++) {
        double sum = number(0, i);
        float float_sum = (float)sum;
        for (int r = 1; r < all->n_ranks; r++) float_sum += (float)number(r, i), sum += number(r, i);
        if (memcmp(&sum, &doubles[i], sizeof sum) || memcmp(&float_sum, &floats[i], sizeof float_sum)) {
            fprintf(stderr, "rank %d, %" PRId64 " of %" PRId64 ": %.9g, %.17g, want %.9g, %.17g\n", all->rank,
                    i, n, (double)floats[i], doubles[i], (double)float_sum, sum);
            end("a sum");
        }
    }
    want(floats[n] == 7.0f && doubles[n] == 7.0, "a sum writes behind its values");
    free(floats);
    free(doubles);
}

static void do_sums(void)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 1009, 1000000, 1048577};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) sum_of(sizes[i]);
    float zero = -0.0f;
    OK(clade__transport_sum_floats(all, &zero, 1));
    want(signbit(zero), "a sum of -0 is -0");
}

/* ---- the other calls -------------------------------------------------------------------------- */

static void do_calls(void)
{
    int n = all->n_ranks, *ranks = calloc((size_t)n, sizeof *ranks), hosts[2], *all_hosts;
    want(ranks && (all_hosts = calloc((size_t)n, sizeof hosts)), "no memory");
    for (int root = 0; root < n; root++) {
        char text[3000];
        memset(text, all->rank, sizeof text);
        OK(clade__transport_broadcast(all, text, sizeof text, root));
        for (size_t i = 0; i < sizeof text; i++) want(text[i] == root, "a broadcast");
        OK(clade__transport_broadcast(all, NULL, 0, root));
    }
    OK(clade__transport_gather(all, &all->rank, sizeof all->rank, ranks));
    for (int r = 0; r < n; r++) want(ranks[r] == r, "a gather");
    hosts[0] = all->host_rank, hosts[1] = all->n_host_ranks; /* all are on one host */
    OK(clade__transport_gather(all, hosts, sizeof hosts, all_hosts));
    for (int r = 0; r < n; r++) want(all_hosts[2 * r] == r && all_hosts[2 * r + 1] == n, "ranks of a host");
    want(clade_job_rank(job) == all->rank && clade_job_n_ranks(job) == n, "the job's ranks");
    want(clade_job_launched_rank() == all->rank, "the launched rank");
    clade_job *again; /* beside the first */
    OK(clade_job_open(&again));
    want(clade_job_n_ranks(again) == n, "the ranks of the second job");
    clade_job_free(again);
    OK(clade__transport_barrier(all));
    for (int k = 1; k <= n; k++) { /* the first ones by themselves */
        clade_job part;
        float sum = (float)(all->rank + 1);
        OK(clade__job_part(job, k, &part));
        want(clade_job_n_ranks(&part) == (all->rank < k ? k : 1), "ranks of a part");
        want(clade_job_rank(&part) == (all->rank < k ? all->rank : 0), "the rank in a part");
        OK(clade__transport_sum_floats(clade__job_transport(&part), &sum, 1));
        want(sum == (all->rank < k ? (float)(k * (k + 1) / 2) : (float)(all->rank + 1)), "a sum of a part");
        clade__job_part_leave(&part);
    }
    free(ranks);
    free(all_hosts);
}

/* Whoever comes first waits asleep. */
static void do_wait(void)
{
    struct timespec second = {1, 0}, used[2];
    OK(clade__transport_barrier(all));
    double start = clade__seconds();
    if (all->rank == all->n_ranks - 1) nanosleep(&second, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used[0]);
    OK(clade__transport_barrier(all));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used[1]);
    double seconds = clade__seconds() - start;
    double busy = (double)(used[1].tv_sec - used[0].tv_sec) + 1e-9 * (double)(used[1].tv_nsec - used[0].tv_nsec);
    want(seconds >= 0.99, "a barrier does not wait for all");
    fprintf(stderr, "rank %d: %.3f s of the processor in %.3f s\n", all->rank, busy, seconds);
    want(busy < 0.2, "waiting is busy");
}

/* MPI starts once. */
static void do_leave(void)
{
    clade_job_free(job);
    want(clade_job_open(&job) == CLADE_ESTATE, "a second start");
    want(strcmp(clade_error(), "MPI: it has ended in this process, and starts only once") == 0, clade_error());
}

static int count_cores(void)
{
    clade__cores cores;
    int n = 0;
    clade__cores_allowed(&cores);
    for (int c = 0; c < CLADE__MOST_CORES; c++) n += (int)(cores.bits[c / 64] >> c % 64 & 1);
    return n;
}

/* Ranks of a processor have parts of it; as many as there are. */
static void do_devices(void)
{
    clade_device *mine;
    int n_cores = count_cores(), n = all->n_ranks;
    int least = n_cores > n ? n_cores / n : 1, most = n_cores > n ? (n_cores + n - 1) / n : 1;
    OK(clade_job_device_open(&mine, job, NULL, 0));
    fprintf(stderr, "rank %d has %s, of %d cores\n", all->rank, clade_device_reason(mine), n_cores);
    int units = clade_device_describe(mine)->compute_units, left = count_cores();
    want(units >= least && units <= most, "equal parts");
    want(left == units, "its cores are those of its device");
    clade_device_free(mine);
    OK(clade_job_device_open(&mine, job, NULL, 1));
    want(clade_device_describe(mine)->compute_units == 1, "one unit each");
    want(count_cores() == left, "cores are divided once");
    clade_device_free(mine);
    want(clade_job_device_open(&mine, job, all->rank == 1 ? "no such" : NULL, 0) == CLADE_ENODEVICE, "no device");
    want(strncmp(clade_error(), "rank 1 on ", 10) == 0 && !mine, clade_error());
}

/* ---- agreement ------------------------------------------------------------------------------- */

static void do_agree(void)
{
    OK(clade_job_agree(job, CLADE_OK));
    clade_status mine = CLADE_OK;
    if (all->rank == 1) mine = clade__fail(CLADE_EDATA, "no such %s", "file");
    want(clade_job_agree(job, mine) == CLADE_EDATA, "the status of rank 1");
    want(strncmp(clade_error(), "rank 1 on ", 10) == 0 && strstr(clade_error(), ": no such file"), "its message");
    mine = clade__fail(CLADE_EIO, "it is rank %d", all->rank);
    want(clade_job_agree(job, mine) == CLADE_EIO, "the status of all");
    want(strcmp(clade_error(), "it is rank 0") == 0, "rank 0's message");
    want(!clade_job_broken(job), "all know of it");
}

static void do_compare(void)
{
    OK(clade_job_compare(job, "config", "epochs: 3\n"));
    OK(clade_job_compare(job, "config", ""));
    bool last = all->rank == all->n_ranks - 1;
    char part[64];
    snprintf(part, sizeof part, "the ranks differ in config: rank %d on ", all->n_ranks - 1);
    want(clade_job_compare(job, "config", last ? "lr: 1\n  epochs: 4\nx: 2" : "lr: 1\n  epochs: 3\nx: 1") ==
         CLADE_ERANK, "texts differ");
    want(strstr(clade_error(), part) && strstr(clade_error(), " has 'epochs: 4', and rank 0 'epochs: 3'"),
         "what differs");
    want(clade_job_compare(job, "config", last ? "lr: 1\nepochs: 3" : "lr: 1\n") == CLADE_ERANK, "one is longer");
    want(strstr(clade_error(), "has 'epochs: 3', and rank 0 ''") != NULL, "what it has more");
    want(clade_job_compare(job, "config", last ? "" : "lr: 1\n") == CLADE_ERANK, "one is empty");
    want(!clade_job_broken(job), "all know of it");
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* The last rank ends the job; the others wait for it in vain. */
static void do_abort(void)
{
    if (all->rank == all->n_ranks - 1) {
        fprintf(stderr, "rank %d cannot go on\n", all->rank);
        clade_job_abort(job, 7);
    }
    (void)clade__transport_barrier(all);
    fprintf(stderr, "rank %d is still here\n", all->rank);
}

/* A rank leaves the job after a failure that the others do not know of. */
static void do_break(void)
{
    if (all->rank == 1) {
        (void)clade__job_ended(job, CLADE_EDATA, false);
        want(clade_job_broken(job), "the job is broken");
        return;
    }
    (void)clade__transport_barrier(all);
    fprintf(stderr, "rank %d is still here\n", all->rank);
}

/* Sums without an end, to be killed. */
static void do_sum_on(void)
{
    static float values[100000];
    OK(clade__transport_barrier(all));
    if (all->rank == 0) fprintf(stderr, "they sum\n");
    for (double until = clade__seconds() + 60.0; clade__seconds() < until;)
        OK(clade__transport_sum_floats(all, values, 100000));
    fprintf(stderr, "rank %d is still here\n", all->rank);
}

/* How fast it is, for whoever wants to know. */
static void do_time(void)
{
    for (int64_t n = 1; n <= 4 << 20; n *= 8) {
        float *values = calloc((size_t)n, sizeof *values);
        want(values != NULL, "no memory");
        int n_times = n < 100000 ? 500 : 40;
        OK(clade__transport_sum_floats(all, values, n));
        OK(clade__transport_barrier(all));
        double start = clade__seconds();
        for (int i = 0; i < n_times; i++) OK(clade__transport_sum_floats(all, values, n));
        double seconds = (clade__seconds() - start) / n_times;
        if (all->rank == 0)
            printf("%8" PRId64 " floats: %9.1f us, %.3f GB/s\n", n, 1e6 * seconds, 4e-9 * (double)n / seconds);
        free(values);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tasks[] = {{"sums", do_sums}, {"calls", do_calls}, {"wait", do_wait}, {"agree", do_agree},
                 {"compare", do_compare}, {"abort", do_abort}, {"break", do_break}, {"sum_on", do_sum_on},
                 {"leave", do_leave}, {"devices", do_devices}, {"time", do_time}};
    if (clade_job_open(&job) != CLADE_OK) {
        /* MPICH's launcher kills the others when one ends: rank 0 is to have said it. */
        if (clade_job_launched_rank() == 0) fprintf(stderr, "open: %s\n", clade_error());
        else sleep(1);
        return 8;
    }
    all = clade__job_transport(job);
    for (size_t i = 0; argc > 1 && i < sizeof tasks / sizeof tasks[0]; i++)
        if (strcmp(argv[1], tasks[i].name) == 0) {
            tasks[i].run();
            clade_job_free(job);
            return 0;
        }
    end("no such task");
}
