#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#include "mpirun.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

enum { MOST_ARGUMENTS = 48, MOST_SAID = 1 << 20 };
#define MOST_SECONDS 60.0

/* Open MPI wants to be told that root may, and that there may be more ranks than cores; MPICH takes both. */
static _Noreturn void start(int n_ranks, const char *const *arguments, int out)
{
    char count[16], *argv[MOST_ARGUMENTS + 4] = {NULL};
    const char *launcher = getenv("CLADE_TEST_MPIRUN");
    snprintf(count, sizeof count, "%d", n_ranks);
    argv[0] = (char *)(uintptr_t)(launcher && *launcher ? launcher : "mpirun");
    argv[1] = (char *)(uintptr_t)"-n";
    argv[2] = count;
    for (int i = 0; arguments[i] && i < MOST_ARGUMENTS; i++) argv[i + 3] = (char *)(uintptr_t)arguments[i];
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1);
    setenv("OMPI_MCA_hwloc_base_binding_policy", "none", 1);
    setpgid(0, 0);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    close(out);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* The number behind "rank R is process ". */
static pid_t rank_process(const char *said, int rank)
{
    const char *line = strstr(said, test_text("rank %d is process ", rank));
    assert_non_null(line);
    return (pid_t)strtol(strstr(line, "process ") + 8, NULL, 10);
}

/* Whether a process that said so is still there, and no zombie; some tenths of a second are granted. */
static bool any_left(const char *said)
{
    double until = clade__seconds() + 1.0;
    for (const char *line = said; (line = strstr(line, " is process ")); line++) {
        pid_t process = (pid_t)strtol(line + 12, NULL, 10);
        while (process > 0 && kill(process, 0) == 0) {
            char state = 'Z';
            FILE *file = fopen(test_text("/proc/%ld/stat", (long)process), "r");
            if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 'Z';
            if (file) fclose(file);
            if (state == 'Z') break;
            if (clade__seconds() > until) return true;
            usleep(20000);
        }
    }
    return false;
}

/* Reads what there is within so long; false at the end. */
static bool listen_to(int fd, char *said, size_t *length, double seconds)
{
    struct pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, seconds > 0.0 ? 1 + (int)(1000.0 * seconds) : 0) <= 0) return true;
    ssize_t n = read(fd, said + *length, MOST_SAID - 1 - *length);
    if (n <= 0) return n < 0 && errno == EINTR;
    *length += (size_t)n;
    return true;
}

mpirun_result mpirun(int n_ranks, const char *const *arguments, const mpirun_signal *wanted)
{
    int ends[2], status;
    char *said = calloc(1, MOST_SAID);
    size_t length = 0;
    assert_non_null(said);
    assert_int_equal(pipe(ends), 0);
    double begin = clade__seconds(), from = begin, due = -1.0;
    pid_t launcher = fork();
    assert_true(launcher >= 0);
    if (launcher == 0) start(n_ranks, arguments, ends[1]);
    close(ends[1]);
    bool sent = wanted == NULL;
    while (listen_to(ends[0], said, &length, sent || due < 0.0 ? 0.2 : due - clade__seconds())) {
        double now = clade__seconds();
        if (!sent && due < 0.0 && strstr(said, wanted->part)) due = now + wanted->seconds;
        if (!sent && due >= 0.0 && now >= due) {
            kill(wanted->rank < 0 ? launcher : rank_process(said, wanted->rank), wanted->number);
            sent = true;
            from = now;
        }
        if (now < begin + MOST_SECONDS) continue;
        kill(-launcher, SIGKILL);
        print_error("a job hangs, and said: %s\n", said);
        fail();
    }
    while (waitpid(launcher, &status, 0) < 0) assert_int_equal(errno, EINTR);
    close(ends[0]);
    assert_true(sent);
    mpirun_result result = {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), said,
                            clade__seconds() - from};
    if (any_left(said)) print_error("a process of a job is left, which said: %s\n", said);
    assert_false(any_left(said));
    return result;
}

void mpirun_free(mpirun_result *result)
{
    free(result->said);
    *result = (mpirun_result){0};
}

int mpirun_count(const mpirun_result *result, const char *part)
{
    int n = 0;
    for (const char *at = result->said; (at = strstr(at, part)); at++) n++;
    return n;
}
