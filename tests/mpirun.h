/* Runs a program as a job of several ranks, all on this machine, and watches how it ends. */
#ifndef CLADE_TESTS_MPIRUN_H
#define CLADE_TESTS_MPIRUN_H

#include "support.h"

typedef struct mpirun_result {
    int status;     /* the launcher's; 128 + the signal that ended it */
    char *said;     /* stdout and stderr of the launcher and of all ranks */
    double seconds; /* from the signal, where one was sent, else from the start, to the launcher's end */
    bool sent;      /* whether the signal was sent: not where the job was faster */
} mpirun_result;

/* To send a signal to a rank, or to the launcher (-1), so long after the ranks have said `part`, or with NULL after
 * the start, as soon as there is such a rank. */
typedef struct mpirun_signal {
    const char *part;
    double seconds;
    int number, rank;
} mpirun_signal;

/* arguments begin with the program and end in NULL, and may go on with ":", "-n", "1", and another program for the
 * ranks behind the first n_ranks; signal may be NULL. The job is killed, and the test fails,
 * when it has not ended after 60 s, or when a process of it is still there after its end. */
mpirun_result mpirun(int n_ranks, const char *const *arguments, const mpirun_signal *signal);
void mpirun_free(mpirun_result *result);

/* The same of this build's `clade` with these arguments; each ":" among them begins one more rank, of clade too. */
mpirun_result mpirun_clade(int n_ranks, const char *const *arguments, const mpirun_signal *signal);
#define MPIRUN_CLADE(n_ranks, ...) mpirun_clade(n_ranks, (const char *const[]){__VA_ARGS__, NULL}, NULL)

/* Frees it, and fails unless it has ended with this status and one message for all ranks, with this in it. */
void mpirun_refused(mpirun_result result, int status, const char *message);

/* How often `part` is in what it said. */
int mpirun_count(const mpirun_result *result, const char *part);

#endif
