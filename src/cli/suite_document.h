/* The suite's document: data/bench.schema.json says what is in it. It is written once, and what is shown of it,
 * be it measured now or read from a file, is read from it. */
#ifndef CLADE_CLI_SUITE_DOCUMENT_H
#define CLADE_CLI_SUITE_DOCUMENT_H

#include "cli/common.h"

#define CLI_SUITE_SCHEMA         "clade-bench"
#define CLI_SUITE_SCHEMA_VERSION 1

/* Texts are the document's own; a number that is not known is NaN. */
typedef struct cli_suite_row {
    const char *kind, *name, *unit, *verdict, *why;
    bool less_is_better;
    double value, spread, noise, drift, share, flops, bytes;
    int64_t batch;
} cli_suite_row;

typedef struct cli_suite_device {
    const char *name, *platform, *driver, *version; /* of the device */
    const char *system, *processor, *governor, *date, *clade, *clblast;
    double compute_units, clock_mhz, memory_bytes, processors, allowed, host_mhz, host_memory_bytes;
    double flops_per_second, bytes_per_second; /* its limits */
    double seconds, rounds, wall_seconds;      /* the protocol */
    bool quick;
    cli_suite_row *rows;
    int n_rows;
} cli_suite_device;

typedef struct cli_suite_document {
    cJSON *tree;
    char name[256]; /* of the file, for people */
    cli_suite_device *devices;
    int n_devices;
} cli_suite_document;

/* How a suite was run. */
typedef struct cli_suite_protocol {
    double seconds, wall_seconds;
    int rounds;
    bool quick;
} cli_suite_protocol;

/* Writing: the document's begin, a device, its end. */
void cli_suite_json_begin(clade__json *json);
void cli_suite_json_device(clade__json *json, const clade_suite *suite, const cli_suite_protocol *protocol);
void cli_suite_json_end(clade__json *json);

/* CLADE_EDATA, with what is wrong, for a text that is no such document, or of another version. Free it in any
 * case. */
clade_status cli_suite_document_parse(cli_suite_document *document, const char *name, const char *text,
                                      size_t n_bytes);
clade_status cli_suite_document_read(cli_suite_document *document, const char *path);
void cli_suite_document_free(cli_suite_document *document);

/* What tables call the kinds, in their order: {"peak", "Arithmetic"}; a NULL kind ends them. */
typedef struct cli_suite_kind {
    const char *kind, *title, *about;
} cli_suite_kind;
extern const cli_suite_kind cli_suite_kinds[];

/* The row of a kind and name; NULL. */
const cli_suite_row *cli_suite_find(const cli_suite_device *device, const cli_suite_row *like);

bool cli_suite_is_wrong(const cli_suite_row *row);
bool cli_suite_is_measured(const cli_suite_row *row); /* and not wrong: it has a value */

/* How many rows of a kind there are. */
int cli_suite_count(const cli_suite_device *device, const char *kind);

/* "512.3 GFLOP/s", "12.30 us", "1,234 samples/s"; "-" where there is none. */
char *cli_suite_value_text(char *out, size_t out_bytes, const cli_suite_row *row);

/* "23.5 GiB"; "unknown" of what is no size. */
char *cli_suite_bytes_text(char *out, size_t out_bytes, double bytes);

/* Tables on stdout. */
clade_status cli_suite_print(const cli_suite_document *document);

#endif
