/* clade gradcheck [CONFIG.yaml]: what a training would start from (setup.h), and the device's
 * gradients there against central differences. */
#include "cli/setup.h"

static const cli_option options[] = {
    CLI_SETTINGS(CLI_SETUP_OPTION)
        {"samples", "N", "use the first N samples, at most a batch (default: 8)"},
    {"elements", "N", "check N elements of each parameter (default: 20)"},
    {"all", NULL, "check every element; for small networks"},
    {"tolerance", "X", "the largest error that passes (default: 0.001)"},
};

/* ---- options --------------------------------------------------------------------------------- */

static clade_status read_count(const cli_call *call, const char *option, int64_t *count)
{
    const char *text = cli_value_of(call, option);
    if (text && (!cli_parse_count(text, count) || *count < 1))
        return clade__fail(CLADE_EINVAL, "--%s is %s, want a whole number, at least 1", option,
                           text);
    return CLADE_OK;
}

static clade_status read_own(const cli_call *call, clade_gradcheck_options *own)
{
    CLADE_TRY(read_count(call, "samples", &own->samples));
    CLADE_TRY(read_count(call, "elements", &own->elements));
    if (cli_value_of(call, "all")) {
        if (own->elements > 0)
            return clade__fail(CLADE_EINVAL, "--all and --elements do not go together");
        own->elements = CLADE_ALL;
    }
    const char *tolerance = cli_value_of(call, "tolerance");
    if (tolerance && (!cli_parse_real(tolerance, &own->tolerance) || !(own->tolerance > 0)))
        return clade__fail(CLADE_EINVAL, "--tolerance is %s, want a number above 0", tolerance);
    return CLADE_OK;
}

/* ---- output ---------------------------------------------------------------------------------- */

static clade_status print_json(const clade_gradcheck_result *result)
{
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_number(&json, "tolerance", result->tolerance);
    clade__json_bool(&json, "passed", result->passed);
    clade__json_number(&json, "samples", (double)result->samples);
    clade__json_list(&json, "parameters");
    for (int i = 0; i < result->n_parameters; i++) {
        const clade_gradcheck_parameter *p = &result->parameters[i];
        clade__json_object(&json, NULL);
        clade__json_string(&json, "name", p->name);
        cli_json_shape(&json, "shape", p->shape);
        clade__json_number(&json, "checked", (double)p->checked);
        clade__json_number(&json, "error", p->error);
        clade__json_number(&json, "max_relative_error", p->max_relative_error);
        clade__json_number(&json, "max_absolute_error", p->max_absolute_error);
        clade__json_bool(&json, "passed", p->passed);
        clade__json_object_end(&json);
    }
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

static clade_status print_table(const clade_gradcheck_result *result)
{
    static const char *const heads[] = {"PARAMETER", "SHAPE",   "CHECKED",
                                        "ERROR",     "LARGEST", "VERDICT"};
    char text[128];
    cli_table table = {.n_columns = 6, .right = 7u << 2};
    for (int i = 0; i < table.n_columns; i++) cli_table_add(&table, "%s", heads[i]);
    for (int i = 0; i < result->n_parameters; i++) {
        const clade_gradcheck_parameter *p = &result->parameters[i];
        cli_table_add(&table, "%s", p->name);
        cli_table_add(&table, "%s", cli_shape_text(text, sizeof text, p->shape));
        cli_table_add(&table, "%s", cli_count_text(text, sizeof text, p->checked));
        cli_table_add(&table, "%.1e", p->error);
        cli_table_add(&table, "%.1e", p->max_relative_error);
        cli_table_add(&table, "%s", p->passed ? "ok" : "WRONG");
    }
    CLADE_TRY(cli_table_finish(&table));
    cli_print("\n%s: errors %s %g, over %lld sample%s\n", result->passed ? "passed" : "failed",
           result->passed ? "are at most" : "want to be at most", result->tolerance,
           (long long)result->samples, result->samples == 1 ? "" : "s");
    return CLADE_OK;
}

/* The first parameter that did not pass, and how many. */
static clade_status verdict(const clade_gradcheck_result *result)
{
    const clade_gradcheck_parameter *first = NULL;
    int n_wrong = 0;
    for (int i = result->n_parameters - 1; i >= 0; i--)
        if (!result->parameters[i].passed) {
            first = &result->parameters[i];
            n_wrong++;
        }
    if (!first) return CLADE_OK;
    return clade__fail(CLADE_EWRONG, "gradcheck: the gradient of %s is wrong: error %.2g, want at "
                       "most %g; %d of %d parameters", first->name, first->error,
                       result->tolerance, n_wrong, result->n_parameters);
}

static clade_status check(const cli_call *call, cli_setup *setup)
{
    clade_gradcheck_options own = {0};
    clade_gradcheck_result result = {0};
    CLADE_TRY(read_own(call, &own));
    CLADE_TRY(cli_setup_read(setup, call, call->arguments[0]));
    CLADE_TRY(cli_setup_open(setup, call, &(cli_setup_wants){.keep_gradients = true}));
    own.class_weights = setup->class_weights;
    own.seed = (uint64_t)setup->settings.values[CLI_SEED].count;
    clade_status status = clade_gradcheck(setup->model, setup->train, &own, &result);
    if (status == CLADE_OK) status = call->json ? print_json(&result) : print_table(&result);
    if (status == CLADE_OK) status = verdict(&result);
    clade_gradcheck_free(&result);
    return status;
}

static clade_status run_gradcheck(cli_call *call)
{
    cli_setup setup = {0};
    clade_status status = check(call, &setup);
    cli_setup_free(&setup);
    return status;
}

const cli_command cli_command_gradcheck = {
    .name = "gradcheck",
    .synopsis = "[CONFIG.yaml] [options]",
    .summary = "check a network's gradients against central differences",
    .about = "Computes the gradients of the config's network on the device, for the first\n"
             "samples of its data, and compares elements of each parameter's with central\n"
             "differences of the loss, which is computed in double precision on the host.\n"
             "Exits with 1 when a parameter is off by more than the tolerance.\n"
             "\n"
             "A parameter's error is |a - n| / (|a| + |n|), the norms over its checked\n"
             "elements: a the device's, n the differences. LARGEST is the worst error of one\n"
             "element; it decides nothing, since one may be off where float32 is on the other\n"
             "side of the kink of relu or max. What is under 1e-7 of the largest gradient of\n"
             "the network is rounding, and passes.\n"
             "\n"
             "Takes the options of train, so that a training is checked as it would start;\n"
             "those of its loop and its folder (epochs, run, valid, ...) change nothing.\n"
             "\n"
             "Examples:\n"
             "  clade gradcheck data/digits-mlp.yaml\n"
             "  clade gradcheck --model mlp:512,512 --data mnist:DIR --activation gelu\n"
             "  clade gradcheck --model mlp:4 --data digits --all --samples 32 --json\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .max_arguments = 1,
    .run = run_gradcheck,
};

_Static_assert(sizeof options / sizeof options[0] <= CLI_MAX_OPTIONS, "values would not fit");
