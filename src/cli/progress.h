/* Progress of a training on stderr: a bar on a terminal, plain lines otherwise. */
#ifndef CLADE_CLI_PROGRESS_H
#define CLADE_CLI_PROGRESS_H

#include <signal.h>

#include "cli/common.h"

typedef struct cli_progress {
    bool quiet;
    bool terminal;     /* stderr is one: redraw a line */
    bool lr;           /* show the learning rate: it moves */
    bool every_report; /* plain lines for every report, as --log-every asks */
    double next_line;  /* when the next plain line within an epoch is due, by clade__seconds */
} cli_progress;

void cli_progress_start(cli_progress *progress, bool quiet, bool every_report);

/* Show one report, and one message: for clade_fit_options.on_progress and on_message, with a
 * cli_progress as their user. The report never asks for the end: signals do. */
bool cli_progress_report(const clade_progress *report, void *user);
void cli_progress_message(const char *text, void *user);

/* Clears the bar, so that a message can follow. */
void cli_progress_end(const cli_progress *progress);

/* To be called first of all: a signal that is ignored from the start (nohup, a shell's background job) stays
 * so. Later a driver may have a handler in place of that: LLVM, in PoCL, has. */
void cli_note_signals(void);

/* From here on the first SIGINT or SIGTERM asks for the end, and the next one kills as usual; SIGHUP asks
 * for the end however often it comes. */
void cli_watch_signals(void);

/* The signal that asked for the end; 0 without one. For clade_fit_options.stop. */
extern volatile sig_atomic_t cli_signal_seen;

#endif
