#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#include "mpirun.h"

#include <ctype.h>
#include <dirent.h>
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

static _Noreturn void start(int n_ranks, const char *const *arguments, const char *mark, int out)
{
    char count[16], *argv[MOST_ARGUMENTS + 4] = {NULL};
    const char *launcher = getenv("CLADE_TEST_MPIRUN");
    snprintf(count, sizeof count, "%d", n_ranks);
    argv[0] = (char *)(uintptr_t)(launcher && *launcher ? launcher : "mpirun");
    argv[1] = (char *)(uintptr_t)"-n";
    argv[2] = count;
    for (int i = 0; arguments[i] && i < MOST_ARGUMENTS; i++) argv[i + 3] = (char *)(uintptr_t)arguments[i];
    putenv((char *)(uintptr_t)mark);
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

/* ---- the processes of a job ------------------------------------------------------------------- */

/* Each process of a job has this variable in its environment. */
static const char *job_mark(void)
{
    static char mark[64];
    static int n_jobs;
    snprintf(mark, sizeof mark, "CLADE_TEST_JOB=%ld.%d", (long)getpid(), n_jobs++);
    return mark;
}

/* What a process was started with, its entries behind each other; 0 bytes of one that has ended. */
static size_t read_environment(pid_t process, char *entries, size_t n_bytes)
{
    FILE *file = fopen(test_text("/proc/%ld/environ", (long)process), "r");
    size_t n = file ? fread(entries, 1, n_bytes - 1, file) : 0;
    if (file) fclose(file);
    entries[n] = '\0';
    return n;
}

static bool has_entry(const char *entries, size_t n, const char *entry)
{
    for (const char *at = entries; at < entries + n; at += strlen(at) + 1)
        if (strcmp(at, entry) == 0) return true;
    return false;
}

/* The first process of a job that is this rank, or with rank -1 any of them; 0 where there is none. */
static pid_t find_process(const char *mark, int rank)
{
    static char entries[1 << 17];
    pid_t found = 0;
    DIR *folder = opendir("/proc");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        pid_t process = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        if (process <= 0 || (found && process > found)) continue; /* what a rank has started comes after it */
        size_t n = read_environment(process, entries, sizeof entries);
        if (!has_entry(entries, n, mark)) continue;
        if (rank < 0 || has_entry(entries, n, test_text("OMPI_COMM_WORLD_RANK=%d", rank)) ||
            has_entry(entries, n, test_text("PMI_RANK=%d", rank)))
            found = process;
    }
    closedir(folder);
    return found;
}

/* Some seconds are granted: where the launcher was killed, ranks find that out by themselves. */
static bool any_left(const char *mark)
{
    for (double until = clade__seconds() + 5.0; clade__seconds() < until; usleep(20000))
        if (!find_process(mark, -1)) return false;
    return true;
}

/* False where the rank is not there, yet or any more. */
static bool send(const char *mark, pid_t launcher, const mpirun_signal *wanted)
{
    pid_t process = wanted->rank < 0 ? launcher : find_process(mark, wanted->rank);
    return process > 0 && kill(process, wanted->number) == 0;
}

/* ---- a job ----------------------------------------------------------------------------------- */

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

/* What it says until its end; *from becomes the time of the signal. */
static bool watch(int fd, char *said, const char *mark, pid_t launcher, const mpirun_signal *wanted, double *from)
{
    double begin = *from, due = wanted && !wanted->part ? begin + wanted->seconds : -1.0;
    size_t length = 0;
    bool sent = false;
    while (listen_to(fd, said, &length, sent || due < 0.0 ? 0.2 : due - clade__seconds())) {
        double now = clade__seconds();
        if (wanted && !sent && due < 0.0 && strstr(said, wanted->part)) due = now + wanted->seconds;
        if (wanted && !sent && due >= 0.0 && now >= due) {
            sent = send(mark, launcher, wanted);
            if (sent) *from = now;
            due = now + 0.02;
        }
        if (now < begin + MOST_SECONDS) continue;
        kill(-launcher, SIGKILL);
        print_error("a job hangs, and said: %s\n", said);
        fail();
    }
    return sent;
}

mpirun_result mpirun(int n_ranks, const char *const *arguments, const mpirun_signal *wanted)
{
    int ends[2], status;
    char *said = calloc(1, MOST_SAID);
    const char *mark = job_mark();
    assert_non_null(said);
    assert_int_equal(pipe(ends), 0);
    double from = clade__seconds();
    pid_t launcher = fork();
    assert_true(launcher >= 0);
    if (launcher == 0) start(n_ranks, arguments, mark, ends[1]);
    close(ends[1]);
    bool sent = watch(ends[0], said, mark, launcher, wanted, &from);
    while (waitpid(launcher, &status, 0) < 0) assert_int_equal(errno, EINTR);
    close(ends[0]);
    mpirun_result result = {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), said,
                            clade__seconds() - from, sent};
    if (any_left(mark)) {
        print_error("a process of a job is left, which said: %s\n", said);
        fail();
    }
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

/* ---- clade ------------------------------------------------------------------------------------ */

mpirun_result mpirun_clade(int n_ranks, const char *const *arguments, const mpirun_signal *wanted)
{
    const char *all[MOST_ARGUMENTS + 6] = {NULL};
    static char program[1024];
    const char *build = getenv("CLADE_TEST_BUILD");
    snprintf(program, sizeof program, "%s/clade", build ? build : ".");
    int n = 0;
    all[n++] = program;
    for (int i = 0; arguments[i]; i++) {
        assert_in_range(n, 0, MOST_ARGUMENTS);
        all[n++] = arguments[i];
        if (strcmp(arguments[i], ":") != 0) continue;
        all[n++] = "-n", all[n++] = "1", all[n++] = program;
    }
    return mpirun(n_ranks, all, wanted);
}

void mpirun_refused(mpirun_result result, int status, const char *message)
{
    if (result.status != status || mpirun_count(&result, message) != 1 || mpirun_count(&result, "clade: ") != 1)
        fail_msg("exit %d, want %d and '%s': %s", result.status, status, message, result.said);
    mpirun_free(&result);
}
