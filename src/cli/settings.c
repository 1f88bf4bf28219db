/* Settings: their values from text. settings_rules.c has what they ask of each other,
 * settings_write.c the config that they make. */
#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "cli/settings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const cli_setting cli_settings_table[CLI_N_SETTINGS] = {
#define ROW(id, path, option, kind, initial, least, most, argument, help)                          \
    {path, option, CLI_##kind, initial, least, most, argument, help},
    CLI_SETTINGS(ROW)
#undef ROW
};

static char *copy(const char *text)
{
    char *made = malloc(strlen(text) + 1);
    return made ? strcpy(made, text) : NULL;
}

clade_status cli_settings_start(cli_settings *settings)
{
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        const cli_setting *row = &cli_settings_table[id];
        if (row->initial)
            CLADE_TRY(cli_setting_set(settings, id, CLI_DEFAULT, row->path, row->initial));
    }
    return CLADE_OK;
}

void cli_settings_free(cli_settings *settings)
{
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        free(settings->values[id].where);
        free(settings->values[id].text);
    }
    for (size_t i = 0; i < settings->n_places; i++) free(settings->places[i].path);
    free(settings->places);
    free(settings->config);
    cJSON_Delete(settings->layers);
    *settings = (cli_settings){0};
}

/* ---- values from text ------------------------------------------------------------------------ */

/* Splits "a|b|c" in place of `list`; returns the number of words. */
static size_t split_words(char *list, const char **words, size_t n_max)
{
    size_t n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(list, "|", &rest); word && n < n_max; word = strtok_r(NULL, "|", &rest))
        words[n++] = word;
    return n;
}

static clade_status read_choice(const cli_setting *row, const char *where, const char *text)
{
    char list[128], suggestion[256];
    const char *words[8];
    snprintf(list, sizeof list, "%s", row->argument);
    size_t n = split_words(list, words, 8);
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0) return CLADE_OK;
    return clade__fail(CLADE_ECONFIG, "%s: unknown value '%s'%s", where, text,
                       clade__suggest(suggestion, sizeof suggestion, text, words, n));
}

static clade_status read_count(const cli_setting *row, const char *where, const char *text,
                               int64_t *count)
{
    if (!cli_parse_count(text, count))
        return clade__fail(CLADE_ECONFIG, "%s is '%s', want a whole number up to %.0f", where, text,
                           row->most);
    if ((double)*count < row->least)
        return clade__fail(CLADE_ECONFIG, "%s is %s, want at least %.0f", where, text, row->least);
    if ((double)*count > row->most)
        return clade__fail(CLADE_ECONFIG, "%s is %s, want at most %.0f", where, text, row->most);
    return CLADE_OK;
}

static clade_status read_auto(const cli_setting *row, const char *where, const char *text,
                              cli_value *value)
{
    value->flag = strcmp(text, "auto") == 0;
    if (value->flag) return CLADE_OK;
    clade_status status = read_count(row, where, text, &value->count);
    return status == CLADE_OK ? status : clade__fail(status, "%s, or auto", clade_error());
}

static const char *const units[] = {
    [CLADE_STEPS] = "steps", [CLADE_EPOCHS] = "epochs", [CLADE_SECONDS] = "s"};

/* A count and one of the units that stand in the row's argument, "N[steps|epochs]"; 1epoch too. */
static clade_status read_span(const cli_setting *row, const char *where, const char *text,
                              cli_value *value)
{
    char digits[32];
    size_t n_digits = strspn(text, "0123456789"), n_unit = strlen(text + n_digits);
    snprintf(digits, sizeof digits, "%.*s", (int)n_digits, text);
    int n_units = strstr(row->argument, "[s|") ? CLADE_SECONDS + 1 : CLADE_SECONDS;
    for (int i = 0; n_digits > 0 && i < n_units; i++) {
        size_t length = strlen(units[i]), least = i == CLADE_SECONDS ? length : length - 1;
        bool whole = n_unit >= least || (n_unit == 0 && i == CLADE_STEPS);
        if (!whole || strncmp(text + n_digits, units[i], n_unit) != 0) continue;
        value->unit = (clade_unit)i;
        return read_count(row, where, digits, &value->count);
    }
    return clade__fail(CLADE_ECONFIG, "%s is '%s', want %s: a whole number and its unit", where, text,
                       row->argument);
}

static clade_status read_real(const cli_setting *row, const char *where, const char *text,
                              float *real)
{
    double value;
    if (!cli_parse_real(text, &value))
        return clade__fail(CLADE_ECONFIG, "%s is '%s', want a number", where, text);
    /* The float decides: 1e-60 and 0.99999999999 leave an open range by rounding. */
    bool open = row->kind == CLI_OPEN, large = value > 3e38 || value < -3e38;
    *real = large ? 0 : (float)value;
    if (large || (double)*real < row->least || (double)*real > row->most ||
        (open && ((double)*real <= row->least || (double)*real >= row->most)))
        return clade__fail(CLADE_ECONFIG,
                           open ? "%s is %s, want more than %g and less than %g"
                                : "%s is %s, want at least %g and at most %g",
                           where, text, row->least, row->most);
    return CLADE_OK;
}

static clade_status read_text(const cli_setting *row, const char *where, const char *text)
{
    size_t length = strlen(text);
    if ((double)length < row->least) return clade__fail(CLADE_ECONFIG, "%s is empty", where);
    if ((double)length > row->most)
        return clade__fail(CLADE_ECONFIG, "%s is too long: %zu bytes, want at most %.0f", where,
                           length, row->most);
    bool in_config = row != &cli_settings_table[CLI_RUN]; /* the run's own, to be read again */
    if (in_config && !clade__is_utf8(text))
        return clade__fail(CLADE_ECONFIG, "%s is '%s', which is not UTF-8 and cannot stand in the "
                           "run's config.yaml; choose another name, or rename the file", where, text);
    return CLADE_OK;
}

static clade_status read_value(const cli_setting *row, const char *where, const char *text,
                               cli_value *value)
{
    switch (row->kind) {
    case CLI_TEXT: return read_text(row, where, text);
    case CLI_CHOICE: return read_choice(row, where, text);
    case CLI_COUNT: return read_count(row, where, text, &value->count);
    case CLI_AUTO: return read_auto(row, where, text, value);
    case CLI_SPAN: return read_span(row, where, text, value);
    case CLI_REAL:
    case CLI_OPEN: return read_real(row, where, text, &value->real);
    case CLI_FLAG: break;
    }
    if (!cli_parse_flag(text, &value->flag))
        return clade__fail(CLADE_ECONFIG, "%s is '%s', want true or false", where, text);
    return CLADE_OK;
}

clade_status cli_setting_set(cli_settings *settings, cli_setting_id id, cli_origin origin,
                             const char *where, const char *text)
{
    cli_value *value = &settings->values[id], read = {.origin = origin, .count = value->count};
    CLADE_TRY(read_value(&cli_settings_table[id], where, text, &read));
    if (origin < value->origin) return CLADE_OK; /* checked all the same */
    read.where = copy(where);
    read.text = copy(text);
    if (!read.where || !read.text) {
        free(read.where);
        free(read.text);
        return clade__fail(CLADE_ENOMEM, "no memory for %s", where);
    }
    free(value->where);
    free(value->text);
    *value = read;
    return CLADE_OK;
}

clade_status cli_setting_decide(cli_settings *settings, cli_setting_id id, const char *format, ...)
{
    if (settings->values[id].origin != CLI_UNSET) return CLADE_OK;
    char text[4096];
    va_list args;
    va_start(args, format);
    clade__vformat(text, sizeof text, format, args);
    va_end(args);
    return cli_setting_set(settings, id, CLI_DEFAULT, cli_settings_table[id].path, text);
}

const char *cli_setting_text(const cli_settings *settings, cli_setting_id id)
{
    return settings->values[id].text;
}

bool cli_setting_equal(cli_setting_id id, const cli_value *a, const cli_value *b)
{
    if (!a->text || !b->text) return a->text == b->text;
    switch (cli_settings_table[id].kind) {
    case CLI_TEXT:
    case CLI_CHOICE: return strcmp(a->text, b->text) == 0;
    case CLI_COUNT:
    case CLI_SPAN: return a->count == b->count && a->unit == b->unit;
    case CLI_AUTO: return a->count == b->count && a->flag == b->flag;
    case CLI_REAL:
    case CLI_OPEN: return a->real == b->real;
    case CLI_FLAG: break;
    }
    return a->flag == b->flag;
}

char *cli_real_text(char *out, size_t out_bytes, float value)
{
    clade__format(out, out_bytes, "%.9g", clade__decimal(value));
    return out;
}
