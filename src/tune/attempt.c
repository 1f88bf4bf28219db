/* The processes of a search. */
#define _DEFAULT_SOURCE 1
#include "tune/attempt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

#define TICK_NS   5000000L
#define LONG_TICK 0.1 /* seconds; what is more was no time that a child had: both were stopped, or asleep */

clade__attempt *clade__attempt_open(const clade_tune_options *options)
{
    clade__attempt *attempt = mmap(NULL, sizeof *attempt, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (attempt == MAP_FAILED) return NULL;
    attempt->options = options;
    return attempt;
}

void clade__attempt_close(clade__attempt *attempt)
{
    if (attempt) munmap(attempt, sizeof *attempt);
}

/* A child that hangs should not outlive its parent. */
static void work(clade__attempt *attempt, clade__attempt_task *what)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP}; /* are the parent's to hear */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_IGN);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    attempt->status = what(attempt);
    snprintf(attempt->error, sizeof attempt->error, "%s", attempt->status == CLADE_OK ? "" : clade_error());
    _exit(0); /* what the parent has yet to print is the parent's to print */
}

static clade__attempt_end end_of(clade__attempt *attempt, int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return CLADE__CRASHED;
    if (attempt->status == CLADE_OK) return CLADE__DONE;
    (void)clade__fail(attempt->status, "%s", attempt->error);
    return CLADE__FAILED;
}

clade__attempt_end clade__attempt_run(clade__attempt *attempt, clade__attempt_task *what, double timeout)
{
    int status;
    double last = clade__seconds(), waited = 0.0;
    attempt->status = CLADE_OK;
    pid_t pid = fork();
    if (pid == 0) work(attempt, what);
    if (pid < 0) {
        attempt->status = clade__fail(CLADE_ENOMEM, "tune: cannot start a process: %s", clade__errno_text(errno));
        return CLADE__FAILED;
    }
    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) return end_of(attempt, status);
        if (ended < 0 && errno != EINTR) return CLADE__CRASHED;
        double now = clade__seconds(), step = now - last < LONG_TICK ? now - last : LONG_TICK;
        bool stop = attempt->options->stop && *attempt->options->stop;
        last = now;
        waited += step;
        attempt->spent += step;
        if (stop || waited > timeout) {
            kill(pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
            return CLADE__HUNG;
        }
        nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
    }
}
