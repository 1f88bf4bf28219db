/* Writes the suite's document. */
#include "cli/suite_document.h"

static void add_identity(clade__json *json, const clade_suite_identity *identity)
{
    clade__json_object(json, "identity");
    clade__json_string(json, "date", identity->date);
    clade__json_string(json, "system", identity->system);
    clade__json_string(json, "processor", identity->processor);
    clade__json_string(json, "governor", identity->governor);
    clade__json_number(json, "processors", identity->n_processors);
    clade__json_number(json, "allowed_processors", identity->n_allowed);
    clade__json_number(json, "host_mhz", identity->host_mhz);
    clade__json_number(json, "host_memory_bytes", (double)identity->host_memory_bytes);
    clade__json_string(json, "clade", identity->clade);
    clade__json_string(json, "clblast", identity->clblast);
    clade__json_object(json, "device");
    cli_json_device(json, identity->device);
    clade__json_object_end(json);
    clade__json_object_end(json);
}

static void add_protocol(clade__json *json, const cli_suite_protocol *protocol)
{
    clade__json_object(json, "protocol");
    clade__json_number(json, "seconds", protocol->seconds);
    clade__json_number(json, "rounds", protocol->rounds);
    clade__json_bool(json, "quick", protocol->quick);
    clade__json_string(json, "warm_up", "a call, then blocks of a growing number of calls, up to a quarter of a block");
    clade__json_string(json, "repetitions",
                       "in a round blocks of a twelfth of its seconds, and three at least; one wait at a block's end");
    clade__json_string(json, "interleaving", "a round goes through all rows");
    clade__json_number(json, "unstable_above", CLADE_SUITE_UNSTABLE);
    clade__json_number(json, "loss_bound", CLADE_SUITE_LOSS_BOUND);
    clade__json_number(json, "wall_seconds", protocol->wall_seconds);
    clade__json_object_end(json);
}

static void add_limits(clade__json *json, const clade_bench_limits *limits)
{
    clade__json_object(json, "limits");
    clade__json_number(json, "flops_per_second", limits->flops_per_second);
    clade__json_number(json, "bytes_per_second", limits->bytes_per_second);
    clade__json_number(json, "vector_width", limits->vector_width);
    clade__json_number(json, "accumulators", limits->accumulators);
    clade__json_number(json, "array_bytes", (double)limits->array_bytes);
    clade__json_object_end(json);
}

static void add_numbers(clade__json *json, const char *key, const double *values, int n)
{
    clade__json_list(json, key);
    for (int i = 0; i < n; i++) clade__json_number(json, NULL, values[i]);
    clade__json_list_end(json);
}

static void add_row(clade__json *json, const clade_suite_row *row)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "kind", row->kind);
    clade__json_string(json, "name", row->name);
    clade__json_string(json, "unit", row->unit);
    clade__json_bool(json, "less_is_better", row->less_is_better);
    clade__json_string(json, "verdict", clade_suite_verdict_name(row->verdict));
    clade__json_string(json, "why", row->why);
    clade__json_number(json, "value", row->value);
    clade__json_number(json, "spread", row->spread);
    clade__json_number(json, "noise", row->noise);
    clade__json_number(json, "drift", row->drift);
    clade__json_number(json, "share", row->share);
    clade__json_number(json, "flops", row->flops);
    clade__json_number(json, "bytes", row->bytes);
    clade__json_number(json, "batch", (double)row->batch);
    add_numbers(json, "rounds", row->rounds, row->n_rounds);
    if (row->n_losses > 0) {
        clade__json_number(json, "loss_samples", row->loss_samples);
        add_numbers(json, "losses", row->losses, row->n_losses);
        add_numbers(json, "reference_losses", row->reference, row->n_losses);
    }
    clade__json_object_end(json);
}

void cli_suite_json_begin(clade__json *json)
{
    clade__json_object(json, NULL);
    clade__json_string(json, "schema", CLI_SUITE_SCHEMA);
    clade__json_number(json, "version", CLI_SUITE_SCHEMA_VERSION);
    clade__json_number(json, "suite", CLADE_SUITE_VERSION);
    clade__json_list(json, "devices");
}

void cli_suite_json_device(clade__json *json, const clade_suite *suite, const cli_suite_protocol *protocol)
{
    const clade_suite_row *row;
    clade__json_object(json, NULL);
    add_identity(json, clade_suite_identify(suite));
    add_protocol(json, protocol);
    if (clade_suite_limits(suite)) add_limits(json, clade_suite_limits(suite));
    clade__json_list(json, "rows");
    for (int i = 0; (row = clade_suite_row_at(suite, i)); i++) add_row(json, row);
    clade__json_list_end(json);
    clade__json_object_end(json);
}

void cli_suite_json_end(clade__json *json)
{
    clade__json_list_end(json);
    clade__json_object_end(json);
}
