/* Command lines: options are scanned with popt and their values kept as text; what a value means is
 * the command's business, so that its message can say where it came from. */
#include <limits.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"

static const cli_option common_options[] = {
    {"device", "SEL",
     "the device: gpu, cpu, accelerator, an index from `clade devices`, "
     "PLATFORM:DEVICE numbers, pocl, rusticl or the like, or part of a name (default: $CLADE_DEVICE, else "
     "the best)"},
    {"compute-units", "N",
     "use N of the device's compute units, which a CPU's driver can set apart (default: "
     "$CLADE_COMPUTE_UNITS, else all); results are the same bits with any number"},
    {"json", NULL, "print one JSON document on stdout"},
    {"quiet", NULL, "print nothing on stderr but errors"},
    {"help", NULL, "print this text"},
    {"version", NULL, "print the version"},
};

enum { DEVICE, UNITS, JSON, QUIET, HELP, VERSION, N_COMMON };

/* What popt returns for a row; negative values and 0 are its own. */
enum { OWN = 1, COMMON = OWN + CLI_MAX_OPTIONS };

static bool has_option(const cli_command *command, const char *name)
{
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].name && strcmp(command->options[i].name, name) == 0) return true;
    return false;
}

/* Whether a common option is one of the command's: not where it says nothing, and not in place of its
 * own. */
static bool takes(const cli_command *command, int common)
{
    return !(command->no_device && (common == DEVICE || common == UNITS)) &&
           !has_option(command, common_options[common].name);
}

static struct poptOption popt_row(const cli_option *option, int value)
{
    return (struct poptOption){.longName = option->name,
                               .shortName = strcmp(option->name, "help") == 0 ? 'h' : '\0',
                               .argInfo = option->argument ? POPT_ARG_STRING : POPT_ARG_NONE,
                               .val = value};
}

/* Fills popt's table; a command's own option stands before a common one of the same name. */
static size_t popt_rows(const cli_command *command, struct poptOption *rows, const char **names)
{
    size_t n = 0;
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].name) {
            names[n] = command->options[i].name;
            rows[n++] = popt_row(&command->options[i], OWN + (int)i);
        }
    for (int i = 0; i < N_COMMON; i++)
        if (takes(command, i)) {
            names[n] = common_options[i].name;
            rows[n++] = popt_row(&common_options[i], COMMON + i);
        }
    return n;
}

static clade_status scan_error(const cli_command *command, poptContext scan, int problem,
                               const char *const *names, size_t n_names)
{
    char word[64], suggestion[256];
    const char *bad = poptBadOption(scan, POPT_BADOPTION_NOALIAS);
    bad = bad ? bad : "?";
    snprintf(word, sizeof word, "%s", bad + strspn(bad, "-"));
    word[strcspn(word, "=")] = '\0';
    int length = (int)strcspn(bad, "=");
    switch (problem) {
    case POPT_ERROR_BADOPT: {
        const char *nearest = clade__nearest_word(word, names, n_names);
        if (nearest)
            snprintf(suggestion, sizeof suggestion, "did you mean '--%s'?", nearest);
        else
            snprintf(suggestion, sizeof suggestion, "see 'clade %s --help'", command->name);
        return clade__fail(CLADE_EINVAL, "%s: unknown option '%.*s'; %s", command->name, length,
                           bad, suggestion);
    }
    case POPT_ERROR_NOARG:
        return clade__fail(CLADE_EINVAL, "%s: %.*s needs a value; see 'clade %s --help'",
                           command->name, length, bad, command->name);
    case POPT_ERROR_UNWANTEDARG:
        return clade__fail(CLADE_EINVAL, "%s: %.*s takes no value", command->name, length, bad);
    default:
        return clade__fail(CLADE_EINVAL, "%s: %s: %s", command->name, bad, poptStrerror(problem));
    }
}

static void keep(char **slot, char *value)
{
    free(*slot);
    *slot = value;
}

/* Appends a value to those given before; takes it over. */
static clade_status join(char **slot, char *value)
{
    size_t bytes = strlen(*slot) + 1 + strlen(value) + 1;
    char *both = malloc(bytes);
    if (both) snprintf(both, bytes, "%s %s", *slot, value);
    free(value);
    if (!both) return clade__fail(CLADE_ENOMEM, "no memory");
    keep(slot, both);
    return CLADE_OK;
}

static clade_status keep_option(cli_call *call, int which, char *value)
{
    if (which < COMMON) {
        char **slot = &call->values[which - OWN];
        if (!value && !(value = calloc(1, 1))) return clade__fail(CLADE_ENOMEM, "no memory");
        const char *name = call->command->options[which - OWN].name;
        const char *repeats = call->command->repeats;
        if (*slot && repeats && strcmp(name, repeats) == 0) return join(slot, value);
        keep(slot, value);
        return CLADE_OK;
    }
    switch (which - COMMON) {
    case DEVICE: keep(&call->device, value); break;
    case UNITS: keep(&call->units, value); break;
    case JSON: call->json = true; break;
    case QUIET: call->quiet = true; break;
    case HELP: call->help = true; break;
    default: call->version = true; break;
    }
    return CLADE_OK;
}

static clade_status check_arguments(const cli_command *command, cli_call *call)
{
    int64_t units = 0;
    if (call->help || call->version) return CLADE_OK;
    if (call->units && (!cli_parse_count(call->units, &units) || units < 1 || units > INT_MAX))
        return clade__fail(CLADE_EINVAL, "--compute-units is %s, want a whole number, at least 1",
                           call->units);
    call->compute_units = (int)units;
    if (call->n_arguments < command->min_arguments)
        return clade__fail(CLADE_EINVAL, "%s: too few arguments; usage: clade %s %s", command->name,
                           command->name, command->synopsis);
    if (call->n_arguments > command->max_arguments)
        return clade__fail(CLADE_EINVAL, "%s: unexpected argument '%s'; usage: clade %s %s",
                           command->name, call->arguments[command->max_arguments], command->name,
                           command->synopsis);
    return CLADE_OK;
}

clade_status cli_scan(const cli_command *command, int argc, const char **argv, cli_call *call)
{
    static const char *const none[] = {NULL};
    call->command = command;
    struct poptOption rows[CLI_MAX_OPTIONS + N_COMMON + 1] = {{0}};
    const char *names[CLI_MAX_OPTIONS + N_COMMON];
    size_t n_rows = popt_rows(command, rows, names);
    rows[n_rows] = (struct poptOption)POPT_TABLEEND;

    poptContext scan = poptGetContext(NULL, argc, argv, rows, 0);
    if (!scan) return clade__fail(CLADE_ENOMEM, "no memory for the command line");
    call->parser = scan;
    int which;
    while ((which = poptGetNextOpt(scan)) > 0)
        CLADE_TRY(keep_option(call, which, poptGetOptArg(scan)));
    if (which < -1) return scan_error(command, scan, which, names, n_rows);

    call->arguments = poptGetArgs(scan);
    if (!call->arguments) call->arguments = (const char **)none;
    while (call->arguments[call->n_arguments]) call->n_arguments++;
    return check_arguments(command, call);
}

void cli_call_free(cli_call *call)
{
    for (int i = 0; i < CLI_MAX_OPTIONS; i++) free(call->values[i]);
    free(call->device);
    free(call->units);
    if (call->parser) poptFreeContext(call->parser);
    *call = (cli_call){0};
}

const char *cli_value_of(const cli_call *call, const char *option)
{
    const cli_command *command = call->command;
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].name && strcmp(command->options[i].name, option) == 0)
            return call->values[i];
    return NULL;
}

/* ---- help ------------------------------------------------------------------------------------ */

enum { LEFT = 26 };

/* What it is, then what it does, the latter broken into lines beside the names. */
static void print_row(const char *name, const char *help)
{
    int columns = cli_columns(stdout);
    if (columns == 0 || columns > CLI_HELP_COLUMNS) columns = CLI_HELP_COLUMNS;
    int column = printf("%s", name);
    if (column >= LEFT) {
        putchar('\n');
        column = 0;
    }
    for (const char *next; *help; help = next, column = 0) {
        size_t n = cli_text_fit(help, columns - 1 - LEFT, &next);
        printf("%*s%.*s\n", LEFT - column, "", (int)n, help);
    }
}

static void print_option(const cli_option *option)
{
    char name[128];
    snprintf(name, sizeof name, "  --%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
    print_row(name, option->help);
}

/* What the library can open, by its own table. */
static void print_data(void)
{
    cli_print_about("\nData; options come behind a '?' and are joined by '&', as in\n"
                    "\"csv:homes.csv?target=price&test=0.1\":\n");
    const clade_data_kind *kind;
    for (int i = 0; (kind = clade_data_kind_at(i)); i++) {
        char name[128];
        snprintf(name, sizeof name, "  %s%s%s", kind->name, kind->path ? ":" : "",
                 kind->path ? kind->path : "");
        print_row(name, kind->help);
        for (const clade_data_kind_option *option = kind->options; option->key; option++) {
            snprintf(name, sizeof name, "    %s=%s", option->key, option->argument);
            print_row(name, option->help);
        }
    }
}

void cli_print_help(const cli_command *command)
{
    char usage[256];
    snprintf(usage, sizeof usage, "Usage: clade %s %s", command->name, command->synopsis);
    cli_print_lines(stdout, 7, usage);
    putchar('\n');
    cli_print_about(command->about);
    putchar('\n');
    if (command->n_options > 0) puts("Options:");
    for (size_t i = 0; i < command->n_options; i++)
        if (command->options[i].name) print_option(&command->options[i]);
    puts(command->n_options > 0 ? "\nCommon options:" : "Options:");
    for (int i = 0; i < N_COMMON; i++)
        if (takes(command, i)) print_option(&common_options[i]);
    if (command->lists_data) print_data();
}
