/* What the subcommands share: their table row, options, errors and exit statuses, output.
 *
 * The command is a program apart from the library, on its public headers and src/base; names across
 * its files start with cli_. A subcommand is one file that defines `const cli_command
 * cli_command_NAME`, and one row in main.c.
 *
 * Results go to stdout, progress and errors to stderr. A subcommand returns a clade_status with the
 * message set, and main prints it: nothing else here prints an error or ends the program.
 */
#ifndef CLADE_CLI_COMMON_H
#define CLADE_CLI_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <clade/clade.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/table.h"
#include "cli/terminal.h"

/* Exit statuses, documented by `clade --help`. */
enum {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NO_DEVICE = 3,
    CLI_BAD_FILE = 4,
    CLI_RANK = 5,
    CLI_SIGNAL = 128 /* + the signal that stopped a training: 129, 130, 143 */
};

/* ---- a subcommand and its call --------------------------------------------------------------- */

typedef struct cli_option {
    const char *name;     /* without the dashes; NULL rows are passed over */
    const char *argument; /* what --help calls its value; NULL for a flag */
    const char *help;
} cli_option;

enum { CLI_MAX_OPTIONS = 64 };

/* A command line, taken apart. */
typedef struct cli_call {
    const struct cli_command *command;
    char *values[CLI_MAX_OPTIONS]; /* by position in the command's options; "" for a given flag */
    char *device;                  /* common options; NULL when not given */
    char *units;
    int compute_units; /* from `units`; 0 when not given */
    bool json, quiet, help, version;
    bool silent; /* another process of the job says what has failed */
    const char **arguments; /* those that are no options; ends in NULL */
    int n_arguments;
    void *parser;    /* owns `arguments` */
    bool writing;    /* set once all input is read: a CLADE_EIO is then of output */
    int exit_status; /* what a successful run exits with; 0 unless it sets another */
} cli_call;

typedef struct cli_command {
    const char *name;
    const char *synopsis;      /* what follows "clade NAME" */
    const char *summary;       /* one line for `clade --help` */
    const char *about;         /* paragraphs and examples for `clade NAME --help`, 80 columns */
    const cli_option *options; /* besides the common ones */
    size_t n_options;
    const char *repeats; /* the option whose values add up, joined by blanks; NULL for none */
    int min_arguments, max_arguments;
    bool no_device; /* has no options that choose one */
    bool lists_data; /* --help ends in all kinds of data and their options */
    clade_status (*run)(cli_call *call);
} cli_command;

/* options.c. CLADE_EINVAL, with the nearest option's name, for what the command does not know. */
clade_status cli_scan(const cli_command *command, int argc, const char **argv, cli_call *call);
void cli_call_free(cli_call *call);
void cli_print_help(const cli_command *command);

/* The value of one of the command's options, NULL when it was not given. */
const char *cli_value_of(const cli_call *call, const char *option);

/* ---- errors ---------------------------------------------------------------------------------- */

/* The one place that maps a status to an exit status; `writing` as in cli_call. */
int cli_exit_status(clade_status status, bool writing);

/* Prints "clade: message" as one line on stderr, or on a terminal as many as it takes; control
 * characters are made visible. */
void cli_print_error(const char *message);

/* Whether a whole text is a number: no blanks, no junk, finite, no overflow. */
bool cli_parse_count(const char *text, int64_t *value);
bool cli_parse_real(const char *text, double *value);

/* Whether a text is true or false, as YAML 1.2 writes them: true, True, TRUE. */
bool cli_parse_flag(const char *text, bool *value);

/* ---- output ---------------------------------------------------------------------------------- */

/* Prints a document and a line break to stdout. */
clade_status cli_print_json(clade__json *json);

/* An item as JSON without blanks, its numbers with a point under every locale; to be given to cJSON_free. */
char *cli_json_text(const cJSON *item);

/* Flushes stdout; CLADE_EIO with the reason when anything written there was lost. */
clade_status cli_flush(void);

/* Values of a document; of metrics and of a device, their members. */
void cli_json_shape(clade__json *json, const char *key, clade_shape shape);
void cli_json_metrics(clade__json *json, const clade_metrics *metrics);
void cli_json_device(clade__json *json, const clade_device_info *info);

/* Texts for people, in `out`, which they return: "[28, 28]", "1.5 GiB", "1,234,567". */
char *cli_shape_text(char *out, size_t out_bytes, clade_shape shape);
char *cli_bytes_text(char *out, size_t out_bytes, uint64_t bytes);
char *cli_seconds_text(char *out, size_t out_bytes, double seconds); /* "12.30 us" */
char *cli_count_text(char *out, size_t out_bytes, int64_t count);

/* "loss 0.1234, accuracy 97.12%", the accuracy only where there is one; ", 3 not finite" behind it, where
 * samples are not. */
char *cli_metrics_text(char *out, size_t out_bytes, const clade_metrics *metrics);

/* Prints the notes of data on stderr, a line each. */
void cli_print_notes(const clade_data *data);

/* ---- models and data ------------------------------------------------------------------------- */

/* Opens a device, a model on it and data to use the model on, which is read as the model reads it: the
 * part that the spec names, else the test part, or all of what has no parts; with the columns `keep`
 * carried along, unless it is NULL; with `samples_only`, labels and targets are not read. Prints the
 * data's notes on stderr. Free in the order data, model, device. */
clade_status cli_open_all(clade_device **device, clade_model **model, clade_data **data,
                          const cli_call *call, const char *spec, const char *keep,
                          bool samples_only);

#endif
