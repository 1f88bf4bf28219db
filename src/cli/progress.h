/* Progress of a training on stderr: a bar on a terminal, plain lines otherwise; no line is wider than the
 * terminal.
 *
 * Every epoch has a line where there are few. Where there are more, one that ends soon after the last
 * line has none: 20,000 short epochs give a line a second at first, and one in ten seconds later. The
 * last one always has its line, and one that is the best so far has it sooner. */
#ifndef CLADE_CLI_PROGRESS_H
#define CLADE_CLI_PROGRESS_H

#include <signal.h>

#include "cli/common.h"

typedef struct cli_progress {
    bool quiet;
    bool terminal;     /* stderr is one: redraw a line */
    bool lr;           /* show the learning rate: it moves */
    bool valid_is_train; /* the validation data is the training data */
    bool every_report; /* plain lines for every report, as --log-every asks */
    double began, last_line, last_bar; /* when, by clade__seconds */
    bool thinned;            /* an epoch had no line, and that was said */
    bool pending;            /* the last epoch had none: `last` has what it would say */
    clade_progress last;
} cli_progress;

void cli_progress_start(cli_progress *progress, bool quiet, bool every_report);

/* Show one report, and one message: for clade_fit_options.on_progress and on_message, with a
 * cli_progress as their user. The report never asks for the end: signals do. */
bool cli_progress_report(const clade_progress *report, void *user);
void cli_progress_message(const char *text, void *user);

/* The line of the last epoch, if it had none; clears the bar, so that a message can follow. */
void cli_progress_end(cli_progress *progress);

/* To be called first of all: a signal that is ignored from the start (nohup, a shell's background job) stays
 * so. Later a driver may have a handler in place of that: LLVM, in PoCL, has. */
void cli_note_signals(void);

/* From here on the first SIGINT or SIGTERM asks for the end, and the next one kills as usual; SIGHUP asks
 * for the end however often it comes. */
void cli_watch_signals(void);

/* The signal that asked for the end; 0 without one. For clade_fit_options.stop. */
extern volatile sig_atomic_t cli_signal_seen;

#endif
