/* Every call of OpenCL and of the system that the library makes in a training, made to fail: one at
 * a time, where it stands in the source. Each time there is an error of the right kind, which names
 * what failed, or no harm is done; all that was taken is given back; and the files that were there
 * are still whole, or are whole new ones.
 *
 * A scenario is run as it is. Then, for each site that it came by, it is run with the site's first
 * call failing. A site that only such a run comes by, such as what removes a file that could not be
 * written, fails in a run with both faults. With the argument "all" every site fails in all
 * scenarios, and its last call as well.
 *
 * CLADE_TEST_VERBOSE=1 prints what came of each run. */
#define _GNU_SOURCE
#define CLADE_FAULTS_APART
#include "support.h"

#include <ctype.h>
#include <dirent.h>
#include <unistd.h>

#include "base/file.h"
#include "device/cores.h"
#include "fault_scenarios.h"
#include "faults.h"

static bool all, verbose;
static unsigned char *good_bytes; /* a model file */
static size_t n_good_bytes;
static int n_runs, n_failed, n_wrong;
static fault_plan running; /* without a site in between */

static void wrong(const fault_plan *plan, const char *what, const char *more)
{
    const fault_site *site = plan->site, *then = plan->then;
    n_wrong++;
    print_error("%s:%d: call %d of %s fails", site->file, site->line, plan->call, site->call);
    if (then) print_error(", then %s in %s:%d", then->call, then->file, then->line);
    print_error(": %s: %s\n", what, more);
}

/* ---- one run --------------------------------------------------------------------------------- */

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_opencl(const fault_site *site)
{
    return starts(site->call, "CLBlast") || (starts(site->call, "cl") && isupper(site->call[2]));
}

/* Whether a status fits what failed. */
static bool fits(const fault_site *site, cl_int code, clade_status status)
{
    if (starts(site->call, "cJSON")) /* which does not tell that memory was what it wanted */
        return status == CLADE_EDATA || status == CLADE_ECONFIG || status == CLADE_ENOMEM;
    if (strstr(site->file, "dist/launcher")) return status == CLADE_ERANK;
    if (strstr(site->call, "alloc") || strstr(site->call, "arena")) return status == CLADE_ENOMEM;
    if (!is_opencl(site))
        return status == CLADE_EIO || status == CLADE_EBUILD; /* the latter of a kernel's file */
    return status == CLADE_EOPENCL || status == CLADE_EDEVICEMEM || status == CLADE_ENODEVICE ||
           status == CLADE_EBUILD || (status == CLADE_ENOMEM && code == CL_OUT_OF_HOST_MEMORY);
}

static void check_failure(const fault_plan *plan, clade_status status)
{
    const fault_site *site = plan->site, *then = plan->then;
    const char *message = clade_error();
    bool named = strstr(message, site->call) || (then && strstr(message, then->call));
    if (!fits(site, plan->code, status) && !(then && fits(then, plan->code, status)))
        wrong(plan, clade_status_name(status), message);
    else if (!message[0] || strpbrk(message, "\r\n"))
        wrong(plan, "a message that is not one line", message);
    else if (strstr(message, "(null)"))
        wrong(plan, "a message that lacks a name", message);
    else if (status == CLADE_EOPENCL && !named)
        wrong(plan, "a message that does not name the call", message);
}

/* Looks at all files of a folder: models can be loaded, and nothing unfinished is left. */
static void check_files(const fault_plan *plan, const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        clade_model *model = NULL;
        const char *path = test_text("%s/%s", folder, entry->d_name);
        bool unfinished = strstr(entry->d_name, ".tmp");
        const fault_site *last = plan->then ? plan->then : plan->site;
        if (unfinished && strcmp(last->call, "unlink") != 0)
            wrong(plan, "left unfinished", path);
        if (strstr(entry->d_name, ".safetensors") && !unfinished &&
            clade_load(&model, NULL, path) != CLADE_OK)
            wrong(plan, "damaged", clade_error());
        clade_model_free(model);
    }
    closedir(dir);
}

static void empty(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        unlink(test_text("%s/%s", folder, entry->d_name));
    closedir(dir);
}

/* Puts a good model under each name that a run writes one, and nothing else. */
static void put_models(const fault_scenario *s)
{
    if (s->from_empty_cache) empty(fault_folder.cache);
    empty(fault_folder.run);
    for (const char *const *name = fault_model_names; *name; name++)
        test_write_file(test_text("%s/%s.safetensors", fault_folder.run, *name), good_bytes,
                        n_good_bytes);
}

static void run(const fault_scenario *s, const fault_plan *plan, double want)
{
    double result = NAN;
    put_models(s);
    running = *plan;
    fault_begin(plan);
    clade_status status = s->run(&result);
    bool happened = fault_end();
    running.site = NULL;
    n_runs++;
    n_failed += status != CLADE_OK;
    if (verbose)
        print_message("%s:%d: %s: %s\n", plan->site->file, plan->site->line, plan->site->call,
                      status == CLADE_OK ? "no harm" : clade_error());
    /* Where time decides how often something is called, the last call may be another one. */
    if (!happened && plan->call == 1) wrong(plan, "never called", "");
    if (fault_left()) wrong(plan, "not given back", fault_left());
    if (status != CLADE_OK)
        check_failure(plan, status);
    else if (!(fabs(result - want) <= 1e-3 * fabs(want)))
        wrong(plan, "another result", test_text("%g, want %g", result, want));
    check_files(plan, fault_folder.run);
    check_files(plan, fault_folder.cache);
}

/* ---- all runs -------------------------------------------------------------------------------- */

#define FOR_EACH_SITE(at) \
    for (fault_site *const *at = __start_fault_sites; at < __stop_fault_sites; at++)

/* Lets a call fail, and what is called only then. */
static void fail_call(const fault_scenario *s, fault_plan plan, double want)
{
    run(s, &plan, want);
    FOR_EACH_SITE(at)
    {
        const fault_site *site = *at;
        (*at)->found = site->n_calls > 0 && !site->usual && site->n_faults == 0;
    }
    FOR_EACH_SITE(at)
    {
        if (!(*at)->found) continue;
        plan.then = *at;
        run(s, &plan, want);
    }
}

static void fail_site(const fault_scenario *s, fault_site *site, double want)
{
    fault_plan plan = {.site = site, .call = 1, .code = CL_OUT_OF_RESOURCES};
    fail_call(s, plan, want);
    if (strcmp(site->call, "write") == 0) {
        plan.short_write = true;
        fail_call(s, plan, want);
    }
    /* A buffer that cannot be made late in a run may be so for those that wait in the pool. */
    if (!all && strcmp(site->call, "clCreateBuffer") != 0) return;
    plan = (fault_plan){.site = site, .call = site->n_usual, .code = CL_OUT_OF_HOST_MEMORY};
    fail_call(s, plan, want);
}

static double run_as_it_is(const fault_scenario *s)
{
    double result = NAN;
    put_models(s);
    fault_begin(NULL);
    assert_ok(s->run(&result));
    fault_end();
    if (fault_left()) print_error("not given back: %s\n", fault_left());
    assert_null(fault_left());
    FOR_EACH_SITE(at)
    {
        (*at)->n_usual = (*at)->n_calls;
        (*at)->usual = (*at)->usual || (*at)->n_calls > 0;
    }
    return result;
}

static void run_scenario(const fault_scenario *s)
{
    int n_sites = 0, n_runs_before = n_runs;
    (void)run_as_it_is(s); /* fills the cache */
    double want = run_as_it_is(s);
    FOR_EACH_SITE(at)
    {
        if ((*at)->n_usual == 0 || (!all && (*at)->n_faults > 0)) continue;
        fail_site(s, *at, want);
        n_sites++;
    }
    print_message("%-14s %3d call sites, %3d runs\n", s->name, n_sites, n_runs - n_runs_before);
}

static void no_fault_does_harm(void **state)
{
    (void)state;
    for (int i = 0; i < fault_n_scenarios; i++) (void)run_as_it_is(&fault_scenarios[i]);
    for (int i = 0; i < fault_n_scenarios; i++) run_scenario(&fault_scenarios[i]);
    print_message("%d runs: %d failed with a message, %d did not fail; %d are wrong\n", n_runs,
                  n_failed, n_runs - n_failed, n_wrong);
    assert_int_equal(n_wrong, 0);
}

/* cmocka catches a crash, but does not know what led to it. */
static int tell_crash(void **state)
{
    (void)state;
    fault_end();
    if (running.site) wrong(&running, "the program crashed", "");
    return 0;
}

/* Not every device comes by these: it may have no address on a bus, or be indivisible. */
static bool depends_on_device(const fault_site *site)
{
    return strcmp(site->call, "clGetDeviceInfo") == 0 || strcmp(site->call, "clReleaseDevice") == 0 ||
           strcmp(site->call, "clCreateSubDevices") == 0;
}

static void every_site_failed(void **state)
{
    (void)state;
    int n_sites = 0, n_left = 0;
    FOR_EACH_SITE(at)
    {
        const fault_site *site = *at;
        n_sites++;
        if (site->n_faults > 0) continue;
        print_message("%s:%d: %s never failed\n", site->file, site->line, site->call);
        n_left += !depends_on_device(site);
    }
    print_message("%d call sites\n", n_sites);
    assert_int_equal(n_left, 0);
}

/* As a rank of a job has them. */
static void take_cores(void)
{
    clade__cores cores;
    clade__cores_allowed(&cores);
    clade__cores_take(&cores, 0, 1);
}

static int set_up(void **state)
{
    take_cores();
    strcpy(fault_folder.files, test_folder());
    strcpy(fault_folder.run, test_folder());
    strcpy(fault_folder.cache, test_folder());
    setenv("CLADE_PROGRAM_CACHE", "on", 1);
    setenv("CLADE_CACHE_DIR", fault_folder.cache, 1);
    test_find_device(state);
    fault_put_files();
    assert_ok(fault_save_model(test_text("%s/good.safetensors", fault_folder.files)));
    assert_ok(clade__file_read(test_text("%s/good.safetensors", fault_folder.files), &good_bytes,
                               &n_good_bytes));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(good_bytes);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_fault_does_harm, tell_crash),
        cmocka_unit_test(every_site_failed),
    };
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    verbose = getenv("CLADE_TEST_VERBOSE") != NULL;
    return cmocka_run_group_tests_name("faults", tests, set_up, tear_down);
}
