/* Runs the suite on a device, or on all of them, and writes what came of it. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/suite.h"
#include "cli/suite_document.h"
#include "cli/suite_page.h"
#include "cli/suite_results.h"

enum { ROUNDS = 3, QUICK_ROUNDS = 1 };
#define SECONDS       0.1
#define QUICK_SECONDS 0.02

/* One device's run. */
typedef struct run {
    const cli_call *call;
    const cli_bench_plan *plan;
    clade_device *device;
    clade_suite *suite;
    const char *selector; /* for processes of our own; NULL: as we found it */
    cli_suite_protocol protocol;
} run;

/* What is done now: over the line before on a terminal, and nothing elsewhere, where it would be long. */
static void tell(const run *r, const char *what, const clade_suite_row *row)
{
    if (r->plan->quiet || !isatty(STDERR_FILENO)) return;
    fprintf(stderr, "\r\033[K%s", what);
    if (row) fprintf(stderr, ": %s %s", row->kind, row->name);
    fflush(stderr);
}

static clade_status check_all(const run *r)
{
    const clade_suite_row *row;
    for (int i = 0; (row = clade_suite_row_at(r->suite, i)); i++) {
        tell(r, "checking", row);
        CLADE_TRY(clade_suite_check(r->suite, i));
    }
    return CLADE_OK;
}

/* The rows that this process cannot measure: `at` is the first of them. */
static clade_status measure_start(const run *r, int at)
{
    cli_suite_starts starts;
    clade_status status = cli_suite_measure_starts(r->call, r->selector, r->plan->workload, &starts);
    if (status == CLADE_OK) {
        CLADE_TRY(clade_suite_add(r->suite, at, starts.cold));
        return clade_suite_add(r->suite, at + 1, starts.warm);
    }
    for (int i = 0; i < 2; i++) {
        char why[512];
        snprintf(why, sizeof why, "%s", clade_error());
        CLADE_TRY(clade_suite_fail(r->suite, at + i, why));
    }
    return CLADE_OK;
}

static clade_status measure_round(const run *r, int round)
{
    const clade_suite_row *row;
    char what[64];
    snprintf(what, sizeof what, "round %d of %d", round + 1, r->protocol.rounds);
    for (int i = 0; (row = clade_suite_row_at(r->suite, i)); i++) {
        bool is_start = strcmp(row->kind, "start") == 0;
        tell(r, what, row);
        if (!is_start)
            CLADE_TRY(clade_suite_measure(r->suite, i));
        else if (strcmp(row->name, "cold") == 0 && row->n_rounds == round)
            CLADE_TRY(measure_start(r, i));
    }
    return CLADE_OK;
}

static clade_status run_suite(run *r)
{
    const cli_bench_plan *plan = r->plan;
    r->protocol.quick = plan->quick;
    r->protocol.seconds = plan->options.seconds > 0.0 ? plan->options.seconds
                          : plan->quick               ? QUICK_SECONDS
                                                      : SECONDS;
    r->protocol.rounds = plan->rounds > 0 ? (int)plan->rounds : plan->quick ? QUICK_ROUNDS : ROUNDS;
    const double began = clade__seconds();
    CLADE_TRY(clade_suite_open(&r->suite, r->device,
                               &(clade_suite_options){.seconds = r->protocol.seconds,
                                                      .workload = plan->workload, .small = plan->quick}));
    CLADE_TRY(check_all(r));
    for (int i = 0; i < r->protocol.rounds; i++) CLADE_TRY(measure_round(r, i));
    tell(r, "", NULL);
    r->protocol.wall_seconds = clade__seconds() - began;
    return CLADE_OK;
}

static clade_status run_device(const cli_call *call, const cli_bench_plan *plan, const char *selector,
                               clade__json *json)
{
    run r = {.call = call, .plan = plan, .selector = selector};
    clade_status status = clade_device_open_units(&r.device, selector, call->compute_units);
    if (status == CLADE_OK) status = run_suite(&r);
    if (status == CLADE_OK) cli_suite_json_device(json, r.suite, &r.protocol);
    clade_suite_free(r.suite);
    clade_device_free(r.device);
    return status;
}

/* Each that can be used. One that fails is told of, and the others go on. */
static clade_status run_all_devices(const cli_call *call, const cli_bench_plan *plan, clade__json *json)
{
    clade_device_info *list = NULL;
    int n = 0, n_done = 0;
    CLADE_TRY(clade_devices(&list, &n, NULL, 0));
    clade_status status = CLADE_OK;
    for (int i = 0; i < n; i++) {
        char selector[32];
        if (!list[i].available) continue;
        snprintf(selector, sizeof selector, "%d:%d", list[i].platform_index, list[i].device_index);
        status = run_device(call, plan, selector, json);
        if (status == CLADE_OK)
            n_done++;
        else
            cli_say(NULL, "%s (%s) is left out: %s", list[i].name, list[i].platform, clade_error());
    }
    clade_devices_free(list);
    if (n_done > 0) return CLADE_OK;
    return status != CLADE_OK ? status : clade__fail(CLADE_ENODEVICE, "bench: none of %d devices can be used", n);
}

/* ---- what it leaves ---------------------------------------------------------------------------- */

static clade_status write_text(const char *path, const char *text)
{
    const clade__piece piece = {text, strlen(text)};
    return clade__file_write(path, &piece, 1);
}

/* Beside the results that ship, unless they are of another suite. */
static clade_status write_page(const cli_bench_plan *plan, const cli_suite_document *document)
{
    cli_suite_document shipped = {0};
    const cli_result *result = &cli_results[0];
    bool has = result->name && cli_suite_document_parse(&shipped, result->name, result->text,
                                                        strlen(result->text)) == CLADE_OK;
    clade_status status = cli_suite_write_page(document, has ? &shipped : NULL, plan->html);
    cli_suite_document_free(&shipped);
    return status;
}

/* Shows the document as it was asked for; files first, so that a table that cannot be printed loses nothing. */
static clade_status show(cli_call *call, const cli_bench_plan *plan, const char *text)
{
    cli_suite_document document;
    call->writing = true;
    if (plan->json_file) CLADE_TRY(write_text(plan->json_file, text));
    clade_status status = cli_suite_document_parse(&document, "this run", text, strlen(text));
    if (status == CLADE_OK && plan->html) status = write_page(plan, &document);
    if (status == CLADE_OK && call->json && !plan->json_file)
        printf("%s\n", text);
    else if (status == CLADE_OK)
        status = cli_suite_print(&document);
    cli_suite_document_free(&document);
    return status == CLADE_OK ? cli_flush() : status;
}

clade_status cli_suite_run(cli_call *call, const cli_bench_plan *plan)
{
    clade__json json = {0};
    if (plan->json_file) CLADE_TRY(clade__file_check(plan->json_file));
    if (plan->html) CLADE_TRY(clade__file_check(plan->html));
    cli_suite_json_begin(&json);
    bool all = call->device && strcmp(call->device, "all") == 0;
    clade_status status = all ? run_all_devices(call, plan, &json) : run_device(call, plan, call->device, &json);
    cli_suite_json_end(&json);
    char *text = clade__json_finish(&json);
    if (status == CLADE_OK && !text) status = clade__fail(CLADE_ENOMEM, "no memory for the document");
    if (status == CLADE_OK) status = show(call, plan, text);
    free(text);
    return status;
}
