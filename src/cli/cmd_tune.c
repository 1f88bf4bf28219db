/* clade tune [CONFIG.yaml]: searches for the fastest ways to multiply matrices, and what is kept of it. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/progress.h"
#include "cli/setup.h"

static const cli_option options[] = {
    CLI_SETTINGS(CLI_SETUP_OPTION)
        {"seconds", "S", "search for about so long (default: 60); a candidate that has begun is finished"},
    {"timeout", "S", "give a candidate up after so long (default: 30)"},
    {"list", NULL, "print what is kept for the device"},
    {"forget", NULL, "remove it"},
    {"export", "FILE", "write it to a file"},
    {"import", "FILE", "keep what is in such a file, of the same device, driver and version of CLBlast"},
};

typedef struct tuning {
    const cli_call *call;
    cli_setup setup;
} tuning;

/* ---- the search ---------------------------------------------------------------------------------- */

/* In a child process, which ends soon: nothing is said there, or freed. */
static clade_status open_model(clade_model **model, void *user)
{
    tuning *t = user;
    cli_call silent = *t->call;
    silent.quiet = true;
    CLADE_TRY(cli_setup_open(&t->setup, &silent, &(cli_setup_wants){0}));
    *model = t->setup.model;
    return CLADE_OK;
}

static void show(const clade_tune_progress *p, void *user)
{
    tuning *t = user;
    if (t->call->quiet) return;
    fprintf(stderr, "%5.1f s of %.0f  %d tried, %d failed; best %.2f times as fast; last: %s\n", p->seconds,
            p->seconds_of, p->n_tried, p->n_failed, p->gain, p->last);
}

static clade_status read_seconds(const cli_call *call, const char *option, double *seconds)
{
    const char *text = cli_value_of(call, option);
    if (text && (!cli_parse_real(text, seconds) || !(*seconds > 0.0)))
        return clade__fail(CLADE_EINVAL, "--%s is %s, want a number above 0", option, text);
    return CLADE_OK;
}

static clade_status print_json(const clade_tune_result *result)
{
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_bool(&json, "kept", result->kept);
    clade__json_number(&json, "gain", result->gain);
    clade__json_number(&json, "noise", result->noise);
    clade__json_string(&json, "why", result->why);
    clade__json_number(&json, "tried", result->n_tried);
    clade__json_number(&json, "failed", result->n_failed);
    clade__json_list(&json, "products");
    for (int i = 0; i < result->n_products; i++) {
        const clade_tune_product *p = &result->products[i];
        clade__json_object(&json, NULL);
        clade__json_number(&json, "m", (double)p->m);
        clade__json_number(&json, "n", (double)p->n);
        clade__json_number(&json, "k", (double)p->k);
        clade__json_bool(&json, "trans_a", p->trans_a);
        clade__json_bool(&json, "trans_b", p->trans_b);
        clade__json_number(&json, "before_seconds", p->before);
        clade__json_number(&json, "after_seconds", p->after);
        clade__json_object_end(&json);
    }
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

static clade_status print_table(const clade_tune_result *result)
{
    static const char *const heads[] = {"M", "N", "K", "OP", "BEFORE", "AFTER", "TIMES"};
    char text[32];
    cli_table table = {.n_columns = 7, .right = 0x77};
    for (int i = 0; i < table.n_columns; i++) cli_table_add(&table, "%s", heads[i]);
    for (int i = 0; i < result->n_products; i++) {
        const clade_tune_product *p = &result->products[i];
        cli_table_add(&table, "%lld", (long long)p->m);
        cli_table_add(&table, "%lld", (long long)p->n);
        cli_table_add(&table, "%lld", (long long)p->k);
        cli_table_add(&table, "%c%c", p->trans_a ? 't' : 'n', p->trans_b ? 't' : 'n');
        cli_table_add(&table, "%s", cli_seconds_text(text, sizeof text, p->before));
        cli_table_add(&table, "%s", p->after > 0.0 ? cli_seconds_text(text, sizeof text, p->after) : "-");
        cli_table_add(&table, p->after > 0.0 ? "%.2f" : "-", p->before / (p->after > 0.0 ? p->after : 1.0));
    }
    CLADE_TRY(cli_table_finish(&table));
    cli_print("\n%d candidates, of which %d failed. ", result->n_tried, result->n_failed);
    if (result->kept)
        cli_print("CLBlast is %.2f times as fast (geometric mean, +-%.2f), and kept so.\n", result->gain,
                  result->noise);
    else
        cli_print("CLBlast stays as it is: %s.\n", result->why);
    return CLADE_OK;
}

/* Whatever is said of a training but its device is said of a network. */
static bool has_network(const cli_call *call)
{
    for (int id = 0; id < CLI_N_SETTINGS; id++)
        if (call->values[id] && id != CLI_DEVICE) return true;
    return call->n_arguments > 0;
}

static clade_status search(cli_call *call)
{
    tuning t = {.call = call};
    clade_tune_result result;
    clade_tune_options own = {.device = call->values[CLI_DEVICE], .compute_units = call->compute_units,
                              .on_progress = show, .user = &t, .stop = &cli_signal_seen};
    clade_status status = read_seconds(call, "seconds", &own.seconds);
    if (status == CLADE_OK) status = read_seconds(call, "timeout", &own.timeout);
    if (status == CLADE_OK && has_network(call)) {
        own.open = open_model;
        status = cli_setup_read(&t.setup, call, call->arguments[0]);
        if (status == CLADE_OK) own.device = cli_setting_text(&t.setup.settings, CLI_DEVICE);
    }
    cli_watch_signals();
    if (status == CLADE_OK) status = clade_tune(&own, &result);
    if (status == CLADE_OK) {
        call->writing = true;
        if (cli_signal_seen) call->exit_status = CLI_SIGNAL + cli_signal_seen;
        status = call->json ? print_json(&result) : print_table(&result);
    }
    cli_setup_free(&t.setup);
    return status;
}

/* ---- what is kept -------------------------------------------------------------------------------- */

static clade_status list(clade_device *device)
{
    char *text;
    CLADE_TRY(clade_tuned_export(device, &text));
    cli_print("%s", text ? text : "nothing is kept for this device\n");
    clade_tuned_text_free(text);
    return CLADE_OK;
}

static clade_status write_file(clade_device *device, const char *path)
{
    char *text;
    CLADE_TRY(clade_tuned_export(device, &text));
    if (!text) return clade__fail(CLADE_ESTATE, "nothing is kept for this device: there is nothing to export");
    const clade__piece piece = {text, strlen(text)};
    clade_status status = clade__file_write(path, &piece, 1);
    clade_tuned_text_free(text);
    return status;
}

static clade_status read_file(clade_device *device, const char *path)
{
    unsigned char *bytes;
    size_t n_bytes;
    CLADE_TRY(clade__file_read(path, &bytes, &n_bytes));
    clade_status status = clade_tuned_import(device, path, (const char *)bytes, n_bytes);
    free(bytes);
    return status;
}

static clade_status manage(cli_call *call)
{
    clade_device *device;
    const char *to = cli_value_of(call, "export"), *from = cli_value_of(call, "import");
    CLADE_TRY(clade_device_open_units(&device, call->values[CLI_DEVICE], call->compute_units));
    call->writing = !from;
    clade_status status = to     ? write_file(device, to)
                          : from ? read_file(device, from)
                          : cli_value_of(call, "list") ? list(device)
                                                       : clade_tuned_forget(device);
    clade_device_free(device);
    return status;
}

static clade_status run_tune(cli_call *call)
{
    static const char *const others[] = {"list", "forget", "export", "import"};
    int n = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) n += cli_value_of(call, others[i]) != NULL;
    if (n > 1 || (n == 1 && has_network(call)))
        return clade__fail(CLADE_EINVAL, "--list, --forget, --export and --import go alone");
    return n == 1 ? manage(call) : search(call);
}

const cli_command cli_command_tune = {
    .name = "tune",
    .synopsis = "[CONFIG.yaml] [options]",
    .summary = "search for the fastest ways to multiply matrices",
    .about = "Measures how our own products are cut into work-groups, for longer than a first\n"
             "training does, and searches CLBlast's parameters, for --gemm clblast. It is for\n"
             "the products of a network, forward and backward: a config's, or by --model with\n"
             "--data, as for train; without, for those of the workloads of `clade bench gemm`.\n"
             "\n"
             "A candidate runs in a process of its own. One that crashes, hangs, computes\n"
             "wrongly or is refused costs at most its --timeout, and is not tried again. The\n"
             "best is kept if it beats what was in use, in turns with it, by more than the\n"
             "noise, and makes no product slower. Ctrl-C decides on what was found so far.\n"
             "\n"
             "What is kept lies in CLADE_CACHE_DIR, one file for each device, driver and version\n"
             "of CLBlast. Our own products have the same bits however they are cut; CLBlast's\n"
             "parameters change the last bits of what --gemm clblast computes. A run that is\n"
             "resumed with another set says so.\n"
             "\n"
             "Examples:\n"
             "  clade tune --seconds 60\n"
             "  clade tune data/mnist-mlp.yaml\n"
             "  clade tune --list\n"
             "  clade tune --export mine.tuned; clade tune --import mine.tuned\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .max_arguments = 1,
    .run = run_tune,
};

_Static_assert(sizeof options / sizeof options[0] <= CLI_MAX_OPTIONS, "values would not fit");
