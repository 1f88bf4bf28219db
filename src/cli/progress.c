#define _DEFAULT_SOURCE 1
#include "cli/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"

enum { LINE_BYTES = 256, LINE_SECONDS = 10 };

volatile sig_atomic_t cli_signal_seen;

static void on_signal(int number)
{
    cli_signal_seen = number;
}

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};

enum { N_WATCHED = sizeof watched / sizeof watched[0] };

static bool ignored[N_WATCHED];

void cli_note_signals(void)
{
    for (int i = 0; i < N_WATCHED; i++) {
        struct sigaction now;
        ignored[i] = sigaction(watched[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN;
    }
}

void cli_watch_signals(void)
{
    for (int i = 0; i < N_WATCHED; i++) {
        struct sigaction action = {.sa_handler = ignored[i] ? SIG_IGN : on_signal};
        sigemptyset(&action.sa_mask);
        /* Of a terminal that is closed both the kernel and the shell may tell. */
        action.sa_flags = watched[i] == SIGHUP ? SA_RESTART : (int)SA_RESETHAND | SA_RESTART;
        sigaction(watched[i], &action, NULL);
    }
}

void cli_progress_start(cli_progress *progress, bool quiet, bool every_report)
{
    const char *term = getenv("TERM");
    *progress =
        (cli_progress){.quiet = quiet,
                       .terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0),
                       .every_report = every_report,
                       .next_line = clade__seconds() + LINE_SECONDS};
}

static int terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
    return size.ws_col;
}

/* "0:07", "1:02:03" */
static char *time_text(char *out, size_t out_bytes, double seconds)
{
    long long s = seconds > 0 && seconds < 1e12 ? (long long)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, out_bytes, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, out_bytes, "%lld:%02lld", s / 60, s % 60);
    return out;
}

static double seconds_left(const clade_progress *report)
{
    if (report->step < 1 || report->n_steps < report->step) return 0;
    return report->seconds / (double)report->step * (double)(report->n_steps - report->step);
}

static void print_line(const cli_progress *progress, const clade_progress *report)
{
    char train[64], valid[64], at[64] = "", lr[32] = "";
    if (!report->epoch_end)
        snprintf(at, sizeof at, "  step %lld/%lld", (long long)report->epoch_step,
                 (long long)report->n_epoch_steps);
    if (progress->lr) snprintf(lr, sizeof lr, "  lr %.3g", (double)report->lr);
    fprintf(stderr, "%sepoch %d/%d%s%s  %s", progress->terminal ? "\r\033[K" : "", report->epoch,
            report->n_epochs, at, lr, cli_metrics_text(train, sizeof train, &report->train));
    if (report->has_valid)
        fprintf(stderr, "  held-out %s%s", cli_metrics_text(valid, sizeof valid, &report->valid),
                report->best ? " (best)" : "");
    fprintf(stderr, "  %.0f samples/s  %.1f s\n", report->samples_per_second, report->seconds);
}

static void draw_bar(const clade_progress *report)
{
    enum { MOST_CELLS = 24 };
    char line[LINE_BYTES], bar[MOST_CELLS + 1], train[64], left[32];
    int width = terminal_width(), cells = width >= 96 ? MOST_CELLS : 8;
    double share =
        report->n_epoch_steps > 0 ? (double)report->epoch_step / (double)report->n_epoch_steps : 0;
    for (int i = 0; i < cells; i++) bar[i] = i < (int)(share * cells) ? '#' : '.';
    bar[cells] = '\0';
    snprintf(line, sizeof line, "epoch %d/%d [%s] %s  %s left  %.0f samples/s", report->epoch,
             report->n_epochs, bar, cli_metrics_text(train, sizeof train, &report->train),
             time_text(left, sizeof left, seconds_left(report)), report->samples_per_second);
    /* A line that wraps could not be redrawn. */
    fprintf(stderr, "\r\033[K%.*s", width - 1, line);
    fflush(stderr);
}

bool cli_progress_report(const clade_progress *report, void *user)
{
    cli_progress *progress = user;
    if (!progress->quiet) {
        bool due = progress->every_report ||
                   (!progress->terminal && clade__seconds() >= progress->next_line);
        if (report->epoch_end || due) {
            print_line(progress, report);
            progress->next_line = clade__seconds() + LINE_SECONDS;
        } else if (progress->terminal) {
            draw_bar(report);
        }
    }
    return true;
}

void cli_progress_message(const char *text, void *user)
{
    const cli_progress *progress = user;
    cli_progress_end(progress);
    if (!progress->quiet) fprintf(stderr, "note    %s\n", text);
}

void cli_progress_end(const cli_progress *progress)
{
    if (progress->terminal && !progress->quiet) fputs("\r\033[K", stderr);
}
