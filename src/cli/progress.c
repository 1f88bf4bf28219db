#define _POSIX_C_SOURCE 200809L
#include "cli/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum {
    LINE_BYTES = 256,
    LINE_SECONDS = 10,  /* between two lines, at most */
    EVERY_EPOCH = 100,  /* up to so many epochs each has its line */
    FIRST_EPOCHS = 10,  /* so many have one in any case */
    SHARE_OF_TIME = 30, /* between two lines goes by at least this part of the time so far */
    BEST_SOONER = 3     /* a best epoch waits so many times less */
};

#define BAR_SECONDS 0.1 /* between two bars, where epochs are shorter */

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
                       .began = clade__seconds(),
                       .last_line = clade__seconds()};
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

/* ---- lines ----------------------------------------------------------------------------------- */

/* "loss 0.1234, accuracy 97.12%"; in brief without the word accuracy, briefer without loss. */
static char *metrics_text(char *out, size_t out_bytes, const clade_metrics *metrics, int brief)
{
    static const char word[] = "accuracy ";
    cli_metrics_text(out, out_bytes, metrics);
    char *at = brief > 0 ? strstr(out, word) : NULL;
    if (at) memmove(at, at + sizeof word - 1, strlen(at + sizeof word - 1) + 1);
    if (brief > 1 && strncmp(out, "loss ", 5) == 0) memmove(out, out + 5, strlen(out + 5) + 1);
    return out;
}

/* How much of a line is left out: the higher, the shorter it is. */
enum { WHOLE, NO_SPEED, NO_SECONDS, BRIEF, BRIEF_NO_SECONDS, BRIEFEST, N_FORMS };

/* Returns what the line takes; room for "(best)" is kept, so that a run's lines look alike. */
static int format_line(char *line, const cli_progress *progress, const clade_progress *report, int form)
{
    char train[64], valid[64] = "", at[64] = "", lr[32] = "", speed[48] = "", seconds[32] = "";
    bool brief = form >= BRIEF, best = report->has_valid && report->best;
    if (!report->epoch_end)
        snprintf(at, sizeof at, "  step %lld/%lld", (long long)report->epoch_step,
                 (long long)report->n_epoch_steps);
    if (progress->lr) snprintf(lr, sizeof lr, "  lr %.3g", (double)report->lr);
    if (form < NO_SPEED) snprintf(speed, sizeof speed, "  %.0f samples/s", report->samples_per_second);
    if (form <= NO_SPEED || form == BRIEF) snprintf(seconds, sizeof seconds, "  %.1f s", report->seconds);
    if (report->has_valid) metrics_text(valid, sizeof valid, &report->valid, brief + (form == BRIEFEST));
    int n = snprintf(line, LINE_BYTES, "%s%d/%d%s%s  %s%s%s%s%s%s", form < BRIEFEST ? "epoch " : "",
                     report->epoch, report->n_epochs, at, lr,
                     metrics_text(train, sizeof train, &report->train, brief),
                     !report->has_valid          ? ""
                     : progress->valid_is_train ? "  training data "
                                                : "  held-out ", valid, best ? " (best)" : "", speed, seconds);
    return n + (report->has_valid && !best ? (int)strlen(" (best)") : 0);
}

static void clear_bar(const cli_progress *progress)
{
    if (progress->terminal && !progress->quiet) fputs("\r\033[K", stderr);
}

static void print_line(cli_progress *progress, const clade_progress *report)
{
    char line[LINE_BYTES];
    int columns = cli_columns(stderr) - 1;
    for (int form = WHOLE; form < N_FORMS; form++)
        if (format_line(line, progress, report, form) <= columns || columns < 0) break;
    clear_bar(progress);
    cli_print_lines(stderr, 2, line);
    progress->last_line = clade__seconds();
    progress->pending = false;
}

/* The bar takes what the text leaves, and ends with the time left. It is of the epoch, or of the whole
 * training where epochs are short. */
static void draw_bar(cli_progress *progress, const clade_progress *report)
{
    enum { FEWEST_CELLS = 4, MOST_CELLS = 24, FRAME = 4 /* brackets and blanks */ };
    char bar[MOST_CELLS + 1], epoch[64], train[64], left[32], speed[48];
    int columns = cli_columns(stderr), cells = 0;
    double step = (double)(progress->thinned ? report->step : report->epoch_step);
    double n_steps = (double)(progress->thinned ? report->n_steps : report->n_epoch_steps);
    double share = n_steps > 0.0 ? step / n_steps : 0.0;
    snprintf(epoch, sizeof epoch, "epoch %d/%d", report->epoch, report->n_epochs);
    time_text(left, sizeof left, seconds_left(report));
    for (int form = 0; form < 4 && cells < FEWEST_CELLS; form++) {
        speed[0] = train[0] = '\0';
        if (form < 1) snprintf(speed, sizeof speed, "%.0f samples/s  ", report->samples_per_second);
        if (form < 3) metrics_text(train, sizeof train - 2, &report->train, form > 1);
        if (form < 3) strcat(train, "  ");
        cells = columns - 1 - FRAME - (int)(strlen(epoch) + strlen(train) + strlen(speed) +
                                            strlen(left) + strlen(" left"));
    }
    cells = cells < 1 ? 1 : cells > MOST_CELLS ? MOST_CELLS : cells;
    for (int i = 0; i < cells; i++) bar[i] = i < (int)(share * cells) ? '#' : '.';
    bar[cells] = '\0';
    fprintf(stderr, "\r\033[K%s [%s] %s%s%s left", epoch, bar, train, speed, left);
    fflush(stderr);
    progress->last_bar = clade__seconds();
}

/* Whether an epoch that has ended gets its line. */
static bool is_due(const cli_progress *progress, const clade_progress *report)
{
    if (progress->every_report || report->n_epochs <= EVERY_EPOCH || report->epoch <= FIRST_EPOCHS ||
        report->epoch == report->n_epochs)
        return true;
    double now = clade__seconds(), gap = (now - progress->began) / SHARE_OF_TIME;
    gap = gap < 1.0 ? 1.0 : gap > LINE_SECONDS ? LINE_SECONDS : gap;
    if (report->has_valid && report->best) gap /= BEST_SOONER;
    return now - progress->last_line >= gap;
}

static void skip_line(cli_progress *progress, const clade_progress *report)
{
    progress->last = *report;
    progress->pending = true;
    if (!progress->thinned)
        cli_progress_message("from here on not every epoch has a line; metrics.jsonl has them all", progress);
    progress->thinned = true;
    if (progress->terminal && clade__seconds() - progress->last_bar > BAR_SECONDS)
        draw_bar(progress, report);
}

bool cli_progress_report(const clade_progress *report, void *user)
{
    cli_progress *progress = user;
    if (progress->quiet) return true;
    bool waited = !progress->terminal && clade__seconds() >= progress->last_line + LINE_SECONDS;
    if (report->epoch_end ? is_due(progress, report) : progress->every_report || waited)
        print_line(progress, report);
    else if (report->epoch_end)
        skip_line(progress, report);
    else if (progress->terminal)
        draw_bar(progress, report);
    return true;
}

void cli_progress_message(const char *text, void *user)
{
    const cli_progress *progress = user;
    clear_bar(progress);
    if (!progress->quiet) cli_say("note", "%s", text);
}

void cli_progress_end(cli_progress *progress)
{
    if (progress->pending)
        print_line(progress, &progress->last);
    else
        clear_bar(progress);
}
