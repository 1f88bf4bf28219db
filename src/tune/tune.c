#define _POSIX_C_SOURCE 200809L
/* clade_tune: a search whose every step is a child process. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "tune/kept.h"
#include "tune/search.h"
#include "tune/attempt.h"

#define SECONDS      60.0
#define TIMEOUT      30.0
#define SCOUT_FACTOR 10.0  /* what is no candidate may take so many times the timeout */
#define TILES_SHARE  0.2   /* of the time, at most, for our own gemm */
#define ROUNDS       5     /* turns of the last comparison */
#define HOPELESS     1.5   /* a product that takes so many times as long as before ends a candidate */
#define SLOWER       1.1   /* and one this much in the search, */
#define WORTH        1.03  /* a gain below is no winner */
#define NOT_SLOWER   0.97  /* in the comparison, beyond the noise */
#define MAX_SEEN     512
#define MAX_FINALISTS 2    /* that are compared, the best first */

typedef struct seen {
    uint64_t hash;
    const char *why; /* NULL: nothing was wrong */
} seen;

typedef struct tuner {
    clade__attempt *attempt;
    const clade_tune_options *options;
    clade_tune_result *result;
    clade_tune_progress progress;
    clade__search search;
    double seconds, timeout, pass_seconds; /* pass: of one child that only times */
    double weights[CLADE_TUNE_MAX_PRODUCTS];      /* of the products; 1 in all */
    clade__clblast_set found[MAX_FINALISTS];      /* the best first */
    double found_seconds[MAX_FINALISTS][CLADE_TUNE_MAX_PRODUCTS];
    int n_found;
    seen all[MAX_SEEN];
    int n_seen;
} tuner;

static const char *const reasons[] = {"crashed", "hung", "wrong", "refused"};

static double spent(const tuner *t)
{
    return t->attempt->spent;
}

static bool stopped(const tuner *t)
{
    return t->options->stop && *t->options->stop;
}

static void report(tuner *t, const char *last)
{
    t->progress.seconds = spent(t);
    t->progress.last = last;
    if (t->options->on_progress) t->options->on_progress(&t->progress, t->options->user);
}

/* ---- what was seen ------------------------------------------------------------------------------- */

static seen *find_seen(tuner *t, uint64_t hash)
{
    for (int i = 0; i < t->n_seen; i++)
        if (t->all[i].hash == hash) return &t->all[i];
    return NULL;
}

static void note_seen(tuner *t, uint64_t hash, const char *why)
{
    if (t->n_seen < MAX_SEEN) t->all[t->n_seen++] = (seen){hash, why};
}

/* From "skip HASH WHY" lines. */
static void read_skipped(tuner *t)
{
    for (const char *line = t->attempt->lines; *line;) {
        unsigned long long hash;
        char why[16] = "";
        if (sscanf(line, "skip %16llx %15s", &hash, why) == 2)
            for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
                if (strcmp(why, reasons[i]) == 0) note_seen(t, (uint64_t)hash, reasons[i]);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

/* ---- the search ---------------------------------------------------------------------------------- */

/* The weighted geometric mean of how many times as fast `after` is; 0 where a product was given up. */
static double gain_of(const tuner *t, const double *before, const double *after)
{
    double sum = 0.0;
    for (int i = 0; i < t->attempt->n_products; i++) {
        if (!(after[i] > 0.0)) return 0.0;
        sum += t->weights[i] * log(before[i] / after[i]);
    }
    return exp(sum);
}

static double gain_now(const tuner *t)
{
    double before[CLADE_TUNE_MAX_PRODUCTS];
    for (int i = 0; i < t->attempt->n_products; i++) before[i] = t->attempt->products[i].before;
    return gain_of(t, before, t->attempt->seconds);
}

static bool none_slower(const tuner *t)
{
    for (int i = 0; i < t->attempt->n_products; i++)
        if (t->attempt->seconds[i] > SLOWER * t->attempt->products[i].before) return false;
    return true;
}

static void keep_found(tuner *t, const clade__clblast_set *set)
{
    memmove(&t->found[1], &t->found[0], sizeof t->found - sizeof t->found[0]);
    memmove(&t->found_seconds[1], &t->found_seconds[0], sizeof t->found_seconds - sizeof t->found_seconds[0]);
    t->found[0] = t->search.best = *set;
    memcpy(t->found_seconds[0], t->attempt->seconds, sizeof t->attempt->seconds);
    if (t->n_found < MAX_FINALISTS) t->n_found++;
}

static const char *why_failed(const tuner *t, clade__attempt_end end)
{
    if (end == CLADE__CRASHED) return reasons[0];
    if (end == CLADE__HUNG) return reasons[1];
    return t->attempt->status == CLADE_EWRONG ? reasons[2] : reasons[3];
}

static void try_candidate(tuner *t, const clade__clblast_set *set)
{
    clade__attempt *attempt = t->attempt;
    attempt->set = *set;
    attempt->checked = false;
    attempt->hopeless = HOPELESS;
    clade__attempt_end end = clade__attempt_run(attempt, clade__attempt_time, t->timeout);
    if (end == CLADE__HUNG && stopped(t)) return;
    t->progress.n_tried++;
    const char *last = "slower";
    if (end != CLADE__DONE) {
        last = why_failed(t, end);
        t->progress.n_failed++;
    } else if (gain_now(t) > t->progress.gain && none_slower(t)) {
        t->progress.gain = gain_now(t);
        keep_found(t, set);
        last = "faster";
    }
    note_seen(t, clade__clblast_hash(set), end == CLADE__DONE ? NULL : last);
    report(t, last);
}

/* Until there is just time enough to compare the winner. */
static void search(tuner *t)
{
    clade__search_start(&t->search, &t->attempt->in_use, t->attempt->cpu, t->attempt->max_group);
    note_seen(t, clade__clblast_hash(&t->attempt->in_use), NULL);
    read_skipped(t);
    int n_repeated = 0;
    while (!stopped(t) && n_repeated < MAX_SEEN && t->n_seen < MAX_SEEN) {
        double left = t->seconds - spent(t) - (t->n_found > 0 ? 2 * ROUNDS * t->pass_seconds : 0.0);
        if (left <= 0.0) return;
        clade__clblast_set set = clade__search_next(&t->search);
        bool known = find_seen(t, clade__clblast_hash(&set)) != NULL;
        n_repeated = known ? n_repeated + 1 : 0;
        if (!known) try_candidate(t, &set);
    }
}

/* ---- the comparison ------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static double median(double values[ROUNDS], double *quarter)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    *quarter = (values[ROUNDS - 1 - ROUNDS / 4] - values[ROUNDS / 4]) / 2.0;
    return values[ROUNDS / 2];
}

typedef struct duel {
    double seconds[2][ROUNDS][CLADE_TUNE_MAX_PRODUCTS];
} duel;

static clade_status run_duel(tuner *t, const clade__clblast_set *set, duel *d)
{
    clade__attempt *attempt = t->attempt;
    attempt->checked = true;
    attempt->hopeless = 0.0;
    for (int round = 0; round < ROUNDS; round++)
        for (int side = 0; side < 2; side++) {
            attempt->set = side == 0 ? attempt->in_use : *set;
            clade__attempt_end end = clade__attempt_run(attempt, clade__attempt_time, t->timeout);
            if (end == CLADE__FAILED) return attempt->status;
            if (end != CLADE__DONE)
                return clade__fail(CLADE_ESTATE, "%s, where it had been right before", why_failed(t, end));
            memcpy(d->seconds[side][round], attempt->seconds, sizeof attempt->seconds);
        }
    return CLADE_OK;
}

/* Whether the second is a winner; fills in result. */
static bool judge(tuner *t, duel *d)
{
    clade_tune_result *result = t->result;
    double gains[ROUNDS], quarter, sides[2][ROUNDS];
    for (int r = 0; r < ROUNDS; r++) gains[r] = gain_of(t, d->seconds[0][r], d->seconds[1][r]);
    result->gain = median(gains, &result->noise);
    for (int i = 0; i < t->attempt->n_products; i++) {
        double ratios[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            for (int side = 0; side < 2; side++) sides[side][r] = d->seconds[side][r][i];
            ratios[r] = sides[0][r] / sides[1][r];
        }
        result->products[i].before = median(sides[0], &quarter);
        result->products[i].after = median(sides[1], &quarter);
        double ratio = median(ratios, &quarter);
        if (ratio + quarter >= NOT_SLOWER) continue;
        clade__format(result->why, sizeof result->why, "%lldx%lldx%lld is at %.2f of its speed before",
                      (long long)result->products[i].m, (long long)result->products[i].n,
                      (long long)result->products[i].k, ratio);
        return false;
    }
    if (result->gain - result->noise > 1.0 && result->gain >= WORTH) return true;
    clade__format(result->why, sizeof result->why, "the best is %.2f times as fast, with noise of %.2f: no gain",
                  result->gain, result->noise);
    return false;
}

/* *winner is NULL where there is none, and result->why says why. */
static clade_status compare(tuner *t, const clade__clblast_set **winner)
{
    duel *d = calloc(1, sizeof *d);
    if (!d) return clade__fail(CLADE_ENOMEM, "no memory to tune");
    *winner = NULL;
    snprintf(t->result->why, sizeof t->result->why, "nothing was faster than what is in use");
    for (int i = 0; i < t->n_found && !*winner && !stopped(t); i++) {
        report(t, "compared with what is in use");
        if (run_duel(t, &t->found[i], d) != CLADE_OK)
            snprintf(t->result->why, sizeof t->result->why, "the best failed when it was compared: %.180s",
                     clade_error());
        else if (judge(t, d))
            *winner = &t->found[i];
    }
    free(d);
    if (*winner) t->result->why[0] = '\0';
    return CLADE_OK;
}

/* ---- from beginning to end ----------------------------------------------------------------------- */

static clade_status keep(tuner *t, const clade__clblast_set *winner)
{
    clade__attempt *attempt = t->attempt;
    clade__text text = {0};
    if (winner)
        clade__kept_set(&text, winner, t->result);
    else
        clade__kept_old(&text, attempt->lines);
    for (int i = 0; i < t->n_seen; i++)
        if (t->all[i].why)
            clade__text_append(&text, "skip %016llx %s\n", (unsigned long long)t->all[i].hash, t->all[i].why);
    bool changed = text.length > 0 && !text.failed && strcmp(text.data, attempt->lines) != 0;
    clade_status status = text.failed || text.length >= sizeof attempt->lines
                              ? clade__fail(CLADE_ENOMEM, "no memory for what was tuned")
                              : CLADE_OK;
    if (status == CLADE_OK && changed) memcpy(attempt->lines, text.data, text.length + 1);
    clade__text_free(&text);
    if (status != CLADE_OK || !changed) return status;
    if (clade__attempt_run(attempt, clade__attempt_keep, SCOUT_FACTOR * t->timeout) == CLADE__DONE) return CLADE_OK;
    return attempt->status != CLADE_OK ? attempt->status
                                     : clade__fail(CLADE_EIO, "tune: what was found could not be kept");
}

/* A child that must succeed. */
static clade_status must_run(tuner *t, clade__attempt_task *what, const char *about)
{
    clade__attempt_end end = clade__attempt_run(t->attempt, what, SCOUT_FACTOR * t->timeout);
    if (end == CLADE__DONE) return CLADE_OK;
    if (end == CLADE__FAILED) return t->attempt->status;
    if (stopped(t)) return clade__fail(CLADE_ESTATE, "tune: it was stopped before anything was measured");
    return clade__fail(CLADE_ESTATE, "tune: the process that %s %s", about,
                       end == CLADE__HUNG ? "did not end" : "crashed");
}

/* Weights of a model's products are their shares of its time; of a list they are all alike. */
static clade_status measure_base(tuner *t)
{
    clade__attempt *attempt = t->attempt;
    double all = 0.0;
    attempt->set = attempt->in_use;
    CLADE_TRY(must_run(t, clade__attempt_time, "measured what is in use"));
    double began = spent(t);
    attempt->checked = true;
    CLADE_TRY(must_run(t, clade__attempt_time, "measured what is in use"));
    t->pass_seconds = spent(t) - began;
    for (int i = 0; i < attempt->n_products; i++) {
        attempt->products[i].before = attempt->seconds[i];
        t->weights[i] = attempt->times[i] > 0.0 ? attempt->times[i] * attempt->seconds[i] : 1.0;
        all += t->weights[i];
    }
    for (int i = 0; i < attempt->n_products; i++) t->weights[i] /= all;
    return CLADE_OK;
}

static void fill_result(tuner *t, bool kept)
{
    clade_tune_result *result = t->result;
    result->kept = kept;
    if (!kept) result->gain = 1.0;
    result->n_tried = t->progress.n_tried;
    result->n_failed = t->progress.n_failed;
}

static void fill_products(tuner *t)
{
    t->result->n_products = t->attempt->n_products;
    for (int i = 0; i < t->attempt->n_products; i++) {
        t->result->products[i] = t->attempt->products[i];
        t->result->products[i].after = t->n_found > 0 ? t->found_seconds[0][i] : 0.0;
    }
}

static clade_status tune(tuner *t)
{
    const clade__clblast_set *winner;
    CLADE_TRY(must_run(t, clade__attempt_scout, "looked for products"));
    report(t, "products found");
    double tiles = TILES_SHARE * t->seconds;
    /* Our own gemm is right whatever comes of this; and what was measured in part is not kept. */
    clade__attempt_end end = clade__attempt_run(t->attempt, clade__attempt_tiles, tiles > t->timeout ? tiles : t->timeout);
    report(t, end == CLADE__DONE ? "own tilings measured" : "own tilings as they were");
    if (stopped(t)) return clade__fail(CLADE_ESTATE, "tune: it was stopped before anything was measured");
    CLADE_TRY(measure_base(t));
    report(t, "measured what is in use");
    search(t);
    fill_products(t);
    CLADE_TRY(compare(t, &winner));
    fill_result(t, winner != NULL);
    return keep(t, winner);
}

clade_status clade_tune(const clade_tune_options *options, clade_tune_result *result)
{
    static const clade_tune_options defaults;
    CLADE_WANT(result);
    if (!options) options = &defaults;
    CLADE_WANT_UNUSED("tune", options->reserved);
    if (!(options->seconds >= 0.0 && options->seconds <= 86400.0 && options->timeout >= 0.0 &&
          options->timeout <= 3600.0))
        return clade__fail(CLADE_EINVAL, "tune: seconds and timeout are %g and %g, want 0 to 86400, and to 3600",
                           options->seconds, options->timeout);
    *result = (clade_tune_result){.gain = 1.0};
    clade__run_lock lock;
    CLADE_TRY(clade__tune_lock(&lock));
    tuner *t = calloc(1, sizeof *t);
    clade__attempt *attempt = t ? clade__attempt_open(options) : NULL;
    clade_status status = attempt ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory to tune");
    if (attempt) {
        t->attempt = attempt;
        t->options = options;
        t->result = result;
        t->seconds = options->seconds > 0.0 ? options->seconds : SECONDS;
        t->timeout = options->timeout > 0.0 ? options->timeout : TIMEOUT;
        t->progress = (clade_tune_progress){.seconds_of = t->seconds, .gain = 1.0};
        status = tune(t);
    }
    clade__attempt_close(attempt);
    free(t);
    clade__run_lock_release(&lock);
    return status;
}
