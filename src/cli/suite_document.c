/* Reads the suite's document: from a file of anywhere, so that nothing in it is taken for granted. */
#include "cli/suite_columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { MOST_ROWS = 4096 };
#define LARGEST 1e30 /* of any figure */

const cli_suite_kind cli_suite_kinds[] = {
    {"peak", "Arithmetic", "what the device does at its best, by element type: fused multiply-adds, two operations each"},
    {"bandwidth", "Memory", "bytes that go to and from the device's memory, of arrays far larger than its caches"},
    {"transfer", "Transfers", "between the host's memory and the device's"},
    {"latency", "Launches", "what a kernel costs that does nothing"},
    {"gemm", "Matrix products", "M x N x K, and which of both matrices is transposed"},
    {"op", "Operations", "a call on 1024 x 1024 elements"},
    {"train", "Training steps", "forward, loss, backward and optimizer, on data that lies on the device"},
    {"start", "Start", "from the start of a process until a training has made its first step"},
    {NULL, NULL, NULL},
};

/* ---- values ---------------------------------------------------------------------------------- */

/* Where in the document a value is, for messages. */
typedef struct place {
    const char *file;
    int device, row; /* counted from 1; 0: none */
    const cJSON *object;
} place;

static clade_status fail_at(const place *at, const char *key, const char *want)
{
    char where[64] = "";
    if (at->row > 0)
        snprintf(where, sizeof where, "device %d, row %d: ", at->device, at->row);
    else if (at->device > 0)
        snprintf(where, sizeof where, "device %d: ", at->device);
    return clade__fail(CLADE_EDATA, "%s: %s'%s' is not %s", at->file, where, key, want);
}

/* It is printed on terminals, which take control characters for orders. */
static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) return false;
    return true;
}

static clade_status read_text(const place *at, const char *key, const char **out)
{
    *out = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(at->object, key));
    if (!*out) return fail_at(at, key, "a text");
    return is_printable(*out) && clade__is_utf8(*out) ? CLADE_OK : fail_at(at, key, "a text that can be printed");
}

/* A number, or null for one that is not known. */
static clade_status read_number(const place *at, const char *key, double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(at->object, key);
    *out = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
    if (cJSON_IsNumber(item) && !(fabs(*out) <= LARGEST)) return fail_at(at, key, "a number of a usual size");
    return cJSON_IsNumber(item) || cJSON_IsNull(item) ? CLADE_OK : fail_at(at, key, "a number");
}

static clade_status read_bool(const place *at, const char *key, bool *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(at->object, key);
    *out = cJSON_IsTrue(item);
    return cJSON_IsBool(item) ? CLADE_OK : fail_at(at, key, "true or false");
}

/* A place within another. */
static clade_status read_inside(const place *at, const char *key, place *out)
{
    *out = *at;
    out->object = cJSON_GetObjectItemCaseSensitive(at->object, key);
    return cJSON_IsObject(out->object) ? CLADE_OK : fail_at(at, key, "an object");
}

/* ---- rows and devices ------------------------------------------------------------------------ */

static clade_status check_value(const place *at, const cli_suite_row *row)
{
    const char *const verdicts[] = {"ok", "unstable", "wrong", "not measured"};
    int known = 0;
    for (int i = 0; i < 4; i++) known += strcmp(row->verdict, verdicts[i]) == 0;
    if (!known) return fail_at(at, "verdict", "one of ok, unstable, wrong, not measured");
    if (cli_suite_is_measured(row) && !(row->value > 0.0 && row->noise >= 0.0))
        return fail_at(at, "value", "above 0, as that of what was measured is");
    return CLADE_OK;
}

static clade_status read_row(const place *at, cli_suite_row *row)
{
    double batch = 0.0;
    CLADE_TRY(read_text(at, "kind", &row->kind));
    CLADE_TRY(read_text(at, "name", &row->name));
    CLADE_TRY(read_text(at, "unit", &row->unit));
    CLADE_TRY(read_text(at, "verdict", &row->verdict));
    CLADE_TRY(read_text(at, "why", &row->why));
    CLADE_TRY(read_bool(at, "less_is_better", &row->less_is_better));
    CLADE_TRY(read_number(at, "value", &row->value));
    CLADE_TRY(read_number(at, "spread", &row->spread));
    CLADE_TRY(read_number(at, "noise", &row->noise));
    CLADE_TRY(read_number(at, "drift", &row->drift));
    CLADE_TRY(read_number(at, "share", &row->share));
    CLADE_TRY(read_number(at, "flops", &row->flops));
    CLADE_TRY(read_number(at, "bytes", &row->bytes));
    CLADE_TRY(read_number(at, "batch", &batch));
    row->batch = batch > 0.0 && batch < 1e9 ? (int64_t)batch : 0;
    return check_value(at, row);
}

static clade_status read_rows(const place *at, cli_suite_device *device)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(at->object, "rows"), *item;
    if (!cJSON_IsArray(rows) || cJSON_GetArraySize(rows) > MOST_ROWS)
        return fail_at(at, "rows", "a list of at most 4096 rows");
    device->rows = calloc((size_t)cJSON_GetArraySize(rows) + 1, sizeof *device->rows);
    if (!device->rows) return clade__fail(CLADE_ENOMEM, "no memory for the rows of '%s'", at->file);
    cJSON_ArrayForEach(item, rows)
    {
        const place inside = {at->file, at->device, device->n_rows + 1, item};
        CLADE_TRY(read_row(&inside, &device->rows[device->n_rows]));
        device->n_rows++;
    }
    return CLADE_OK;
}

static clade_status read_identity(const place *at, cli_suite_device *device)
{
    place own, inside;
    CLADE_TRY(read_inside(at, "identity", &own));
    CLADE_TRY(read_text(&own, "date", &device->date));
    CLADE_TRY(read_text(&own, "system", &device->system));
    CLADE_TRY(read_text(&own, "processor", &device->processor));
    CLADE_TRY(read_text(&own, "governor", &device->governor));
    CLADE_TRY(read_text(&own, "clade", &device->clade));
    CLADE_TRY(read_text(&own, "clblast", &device->clblast));
    CLADE_TRY(read_number(&own, "processors", &device->processors));
    CLADE_TRY(read_number(&own, "allowed_processors", &device->allowed));
    CLADE_TRY(read_number(&own, "host_mhz", &device->host_mhz));
    CLADE_TRY(read_number(&own, "host_memory_bytes", &device->host_memory_bytes));
    CLADE_TRY(read_inside(&own, "device", &inside));
    CLADE_TRY(read_text(&inside, "name", &device->name));
    CLADE_TRY(read_text(&inside, "platform", &device->platform));
    CLADE_TRY(read_text(&inside, "driver", &device->driver));
    CLADE_TRY(read_text(&inside, "version", &device->version));
    CLADE_TRY(read_number(&inside, "compute_units", &device->compute_units));
    CLADE_TRY(read_number(&inside, "clock_mhz", &device->clock_mhz));
    return read_number(&inside, "global_memory_bytes", &device->memory_bytes);
}

static clade_status read_protocol(const place *at, cli_suite_device *device)
{
    place inside;
    CLADE_TRY(read_inside(at, "protocol", &inside));
    CLADE_TRY(read_number(&inside, "seconds", &device->seconds));
    CLADE_TRY(read_number(&inside, "rounds", &device->rounds));
    CLADE_TRY(read_number(&inside, "wall_seconds", &device->wall_seconds));
    CLADE_TRY(read_bool(&inside, "quick", &device->quick));
    CLADE_TRY(read_inside(at, "limits", &inside));
    CLADE_TRY(read_number(&inside, "flops_per_second", &device->flops_per_second));
    return read_number(&inside, "bytes_per_second", &device->bytes_per_second);
}

static clade_status read_devices(cli_suite_document *document)
{
    const place top = {.file = document->name, .object = document->tree};
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(document->tree, "devices"), *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) == 0 || cJSON_GetArraySize(list) > CLI_SUITE_MAX_COLUMNS)
        return fail_at(&top, "devices", "a list of one device at least, and at most 16");
    document->devices = calloc((size_t)cJSON_GetArraySize(list), sizeof *document->devices);
    if (!document->devices) return clade__fail(CLADE_ENOMEM, "no memory for '%s'", document->name);
    cJSON_ArrayForEach(item, list)
    {
        cli_suite_device *device = &document->devices[document->n_devices++];
        const place at = {document->name, document->n_devices, 0, item};
        if (!cJSON_IsObject(item)) return fail_at(&top, "devices", "a list of objects");
        CLADE_TRY(read_identity(&at, device));
        CLADE_TRY(read_protocol(&at, device));
        CLADE_TRY(read_rows(&at, device));
    }
    return CLADE_OK;
}

/* ---- the document ---------------------------------------------------------------------------- */

static clade_status check_version(const cli_suite_document *document)
{
    const struct {
        const char *key, *about;
        int want;
    } rows[] = {{"version", "of another version of the document", CLI_SUITE_SCHEMA_VERSION},
                {"suite", "of another version of the suite, whose rows mean something else", CLADE_SUITE_VERSION}};
    const char *schema =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document->tree, "schema"));
    if (!schema || strcmp(schema, CLI_SUITE_SCHEMA) != 0)
        return clade__fail(CLADE_EDATA, "%s: no result of `clade bench --json`: its \"schema\" is not \"%s\"",
                           document->name, CLI_SUITE_SCHEMA);
    for (int i = 0; i < 2; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(document->tree, rows[i].key);
        if (cJSON_IsNumber(item) && item->valuedouble == rows[i].want) continue;
        return clade__fail(CLADE_EDATA, "%s: %s: \"%s\" is not %d; measure it again with this clade",
                           document->name, rows[i].about, rows[i].key, rows[i].want);
    }
    return CLADE_OK;
}

clade_status cli_suite_document_parse(cli_suite_document *document, const char *name, const char *text,
                                      size_t n_bytes)
{
    *document = (cli_suite_document){0};
    snprintf(document->name, sizeof document->name, "%s", name);
    document->tree = clade__json_parse(text, n_bytes, true);
    if (!document->tree)
        return clade__fail(CLADE_EDATA, "%s: no JSON, or only a part of a document", document->name);
    CLADE_TRY(check_version(document));
    return read_devices(document);
}

clade_status cli_suite_document_read(cli_suite_document *document, const char *path)
{
    unsigned char *text = NULL;
    size_t n_bytes = 0;
    *document = (cli_suite_document){0};
    CLADE_TRY(clade__file_read(path, &text, &n_bytes));
    clade_status status = cli_suite_document_parse(document, path, (const char *)text, n_bytes);
    free(text);
    return status;
}

void cli_suite_document_free(cli_suite_document *document)
{
    for (int i = 0; i < document->n_devices; i++) free(document->devices[i].rows);
    free(document->devices);
    cJSON_Delete(document->tree);
    *document = (cli_suite_document){0};
}

const cli_suite_row *cli_suite_find(const cli_suite_device *device, const cli_suite_row *like)
{
    for (int i = 0; i < device->n_rows; i++) {
        const cli_suite_row *row = &device->rows[i];
        if (strcmp(row->kind, like->kind) == 0 && strcmp(row->name, like->name) == 0) return row;
    }
    return NULL;
}

int cli_suite_count(const cli_suite_device *device, const char *kind)
{
    int n = 0;
    for (int i = 0; i < device->n_rows; i++) n += strcmp(device->rows[i].kind, kind) == 0;
    return n;
}

bool cli_suite_is_measured(const cli_suite_row *row)
{
    return strcmp(row->verdict, "ok") == 0 || strcmp(row->verdict, "unstable") == 0;
}

bool cli_suite_is_wrong(const cli_suite_row *row)
{
    return strcmp(row->verdict, "wrong") == 0;
}
