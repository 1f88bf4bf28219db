#include "cli/common.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/c_locale.h"
#include "base/number.h"

/* ---- errors ---------------------------------------------------------------------------------- */

int cli_exit_status(clade_status status, bool writing)
{
    switch (status) {
    case CLADE_OK: return CLI_DONE;
    case CLADE_EINVAL:
    case CLADE_ESHAPE:
    case CLADE_ECONFIG: return CLI_USAGE;
    case CLADE_ENODEVICE: return CLI_NO_DEVICE;
    case CLADE_EIO: return writing ? CLI_FAILED : CLI_BAD_FILE;
    case CLADE_EDATA: return CLI_BAD_FILE;
    case CLADE_ERANK: return CLI_RANK;
    default: return CLI_FAILED;
    }
}

void cli_print_error(const char *message)
{
    clade__text line = {0};
    clade__text_append(&line, "clade: ");
    for (const char *c = message; *c; c++)
        clade__text_append(&line, "%c", (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
    if (line.failed)
        fprintf(stderr, "clade: %s\n", message);
    else
        cli_print_lines(stderr, 7, line.data);
    clade__text_free(&line);
}

bool cli_parse_count(const char *text, int64_t *value)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!digits[0] || digits[strspn(digits, "0123456789")]) return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

bool cli_parse_real(const char *text, double *value)
{
    return clade__number_double(text, value) == CLADE__NUMBER_FINITE;
}

bool cli_parse_flag(const char *text, bool *value)
{
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (int i = 0; i < 6; i++) {
        if (strcmp(text, words[i]) != 0) continue;
        *value = i < 3;
        return true;
    }
    return false;
}

/* ---- output ---------------------------------------------------------------------------------- */

clade_status cli_print_json(clade__json *json)
{
    char *text = clade__json_finish(json);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory for the JSON document");
    puts(text);
    free(text);
    return CLADE_OK;
}

char *cli_json_text(const cJSON *item)
{
    void *before = clade__c_locale_begin();
    char *text = cJSON_PrintUnformatted(item);
    clade__c_locale_end(before);
    return text;
}

clade_status cli_flush(void)
{
    errno = 0;
    bool lost = ferror(stdout);
    if (fflush(stdout) != 0 || lost)
        return clade__fail(CLADE_EIO, "cannot write to stdout: %s",
                           errno ? clade__errno_text(errno) : "an earlier write failed");
    return CLADE_OK;
}

void cli_json_shape(clade__json *json, const char *key, clade_shape shape)
{
    clade__json_list(json, key);
    for (int i = 0; i < shape.rank; i++) clade__json_number(json, NULL, (double)shape.dim[i]);
    clade__json_list_end(json);
}

void cli_json_metrics(clade__json *json, const clade_metrics *metrics)
{
    const char *name;
    for (int i = 0; (name = clade_metric_name(i)); i++) {
        double value = clade_metric_value(metrics, name);
        if (i < 2 || !isnan(value)) clade__json_number(json, name, value); /* two always: NaN becomes null */
    }
    if (metrics->n_not_finite > 0)
        clade__json_number(json, "not_finite", (double)metrics->n_not_finite);
}

void cli_json_device(clade__json *json, const clade_device_info *info)
{
    clade__json_string(json, "name", info->name);
    clade__json_string(json, "vendor", info->vendor);
    clade__json_string(json, "platform", info->platform);
    clade__json_string(json, "driver", info->driver);
    clade__json_string(json, "version", info->version);
    clade__json_string(json, "type", clade_device_type_name(info->type));
    clade__json_number(json, "compute_units", info->compute_units);
    clade__json_number(json, "clock_mhz", info->clock_mhz);
    clade__json_number(json, "global_memory_bytes", (double)info->global_memory_bytes);
}

char *cli_shape_text(char *out, size_t out_bytes, clade_shape shape)
{
    size_t used = (size_t)snprintf(out, out_bytes, "[");
    for (int i = 0; i < shape.rank && used < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%lld", i ? ", " : "",
                                 (long long)shape.dim[i]);
    if (used < out_bytes) snprintf(out + used, out_bytes - used, "]");
    return out;
}

char *cli_bytes_text(char *out, size_t out_bytes, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++) value /= 1024;
    snprintf(out, out_bytes, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

char *cli_seconds_text(char *out, size_t out_bytes, double seconds)
{
    if (seconds < 1e-3)
        snprintf(out, out_bytes, "%.2f us", 1e6 * seconds);
    else
        snprintf(out, out_bytes, seconds < 1.0 ? "%.2f ms" : "%.3f s",
                 seconds < 1.0 ? 1e3 * seconds : seconds);
    return out;
}

char *cli_count_text(char *out, size_t out_bytes, int64_t count)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)count);
    size_t used = 0;
    for (int i = 0; i < n && used + 2 < out_bytes; i++) {
        if (i > 0 && (n - i) % 3 == 0 && digits[i - 1] != '-') out[used++] = ',';
        out[used++] = digits[i];
    }
    if (out_bytes > 0) out[used] = '\0';
    return out;
}

char *cli_metrics_text(char *out, size_t out_bytes, const clade_metrics *metrics)
{
    double loss = isnan(metrics->loss) ? (double)NAN : metrics->loss; /* without a sign */
    int used = snprintf(out, out_bytes, loss < 1e4 ? "loss %.4f" : "loss %.4g", loss);
    if (!isnan(metrics->accuracy) && used > 0 && (size_t)used < out_bytes)
        used += snprintf(out + used, out_bytes - (size_t)used, ", accuracy %.2f%%",
                         100 * metrics->accuracy);
    if (metrics->n_not_finite > 0 && used > 0 && (size_t)used < out_bytes)
        snprintf(out + used, out_bytes - (size_t)used, ", %lld not finite",
                 (long long)metrics->n_not_finite);
    return out;
}

void cli_print_notes(const clade_data *data)
{
    for (int i = 0; clade_data_note(data, i); i++) cli_say("data", "%s", clade_data_note(data, i));
}

/* ---- models and data ------------------------------------------------------------------------- */

/* Whether a table is one of features alone: opened so it fits the model, and it is not `spec` that says
 * so. Then `better` is the spec that does. */
static bool lacks_labels(const char *spec, const clade_data_options *how, const clade_model *model,
                         clade__text *better)
{
    clade_data *data = NULL;
    const char *options = clade_data_spec_options(spec);
    if (strncmp(spec, "csv:", 4) != 0) return false;
    int path_bytes = options ? (int)(options - 1 - spec) : (int)strlen(spec);
    clade__text_append(better, "%.*s?label=none", path_bytes, spec);
    for (size_t n; options && *options; options += n + (options[n] == '&')) {
        n = strcspn(options, "&");
        if (strncmp(options, "label=none", n) == 0 && n == strlen("label=none")) return false;
        if (strncmp(options, "label=", 6) == 0 || strncmp(options, "target=", 7) == 0) continue;
        clade__text_append(better, "&%.*s", (int)n, options);
    }
    if (better->failed || clade_data_open_with(&data, better->data, how) != CLADE_OK) return false;
    bool fit = clade_shape_elements(clade_data_describe(data).shape) ==
               clade_shape_elements(clade_model_input_shape(model));
    clade_data_free(data);
    return fit;
}

/* A failure to open data for a model, or that it does not fit; with the way out for a table that has no
 * labels. */
static clade_status fail_data(clade_status status, const char *spec, const clade_data_options *how,
                              const clade_model *model)
{
    char message[1024];
    clade__text better = {0};
    snprintf(message, sizeof message, "%s", clade_error());
    if (lacks_labels(spec, how, model, &better))
        status = clade__fail(status, "%s; if the table has features alone, write '%s'", message,
                             better.data);
    else
        status = clade__fail_again(status, message);
    clade__text_free(&better);
    return status;
}

clade_status cli_open_all(clade_device **device, clade_model **model, clade_data **data,
                          const cli_call *call, const char *spec, const char *keep,
                          bool samples_only)
{
    const char *path = call->arguments[0];
    CLADE_TRY(clade_device_open_units(device, call->device, call->compute_units));
    CLADE_TRY(clade_load(model, *device, path));
    const clade_data_options how = {.part = "test",
                                    .whole = true,
                                    .schema = clade_model_schema(*model),
                                    .samples_only = samples_only,
                                    .keep = keep};
    clade_status status = clade_data_open_with(data, spec, &how);
    if (status != CLADE_OK) return fail_data(status, spec, &how, *model);
    if (!call->quiet) cli_print_notes(*data);
    return CLADE_OK;
}
