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
    for (char *word = strtok(list, "|"); word && n < n_max; word = strtok(NULL, "|"))
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
    value->flag = strcmp(text, "true") == 0;
    if (!value->flag && strcmp(text, "false") != 0)
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
    vsnprintf(text, sizeof text, format, args);
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
    snprintf(out, out_bytes, "%.9g", clade__decimal(value));
    return out;
}

/* ---- batch, optimizer, schedule, scale ------------------------------------------------------- */

clade_status cli_settings_resolve_batch(const cli_settings *settings)
{
    const cli_value *batch = &settings->values[CLI_BATCH];
    const cli_value *accumulate = &settings->values[CLI_ACCUMULATE];
    /* A --batch auto on the command line is stronger than the parts in the file. */
    if (batch->flag && accumulate->origin >= batch->origin)
        return clade__fail(CLADE_ECONFIG, "%s is for a batch that is a number, and %s is auto",
                           accumulate->where, batch->where);
    return CLADE_OK;
}

/* Unsets a setting that is of `owners` alone, and refuses it where it was given for this `type`. */
static clade_status drop_foreign(cli_settings *settings, cli_setting_id id, const char *owners,
                                 cli_setting_id type, const char *what)
{
    cli_value *value = &settings->values[id];
    /* A type on the command line takes the other's settings in the file with it. */
    if (value->origin >= settings->values[type].origin && value->origin > CLI_DEFAULT)
        return clade__fail(CLADE_ECONFIG, "%s is for %s, and the %s is %s", value->where, owners,
                           what, settings->values[type].text);
    free(value->where);
    free(value->text);
    *value = (cli_value){0};
    return CLADE_OK;
}

clade_status cli_settings_resolve_optimizer(cli_settings *settings)
{
    static const cli_setting_id of_sgd[] = {CLI_MOMENTUM, CLI_NESTEROV};
    static const cli_setting_id of_adam[] = {CLI_BETA1, CLI_BETA2, CLI_EPSILON};
    cli_value *values = settings->values;
    bool sgd = strcmp(values[CLI_OPTIMIZER].text, "sgd") == 0;
    for (int i = 0; i < (sgd ? 3 : 2); i++)
        CLADE_TRY(drop_foreign(settings, sgd ? of_adam[i] : of_sgd[i],
                               sgd ? "adam and adamw" : "sgd", CLI_OPTIMIZER, "optimizer"));
    CLADE_TRY(cli_setting_decide(settings, CLI_LR, sgd ? "0.1" : "0.001"));
    if (!sgd) {
        CLADE_TRY(cli_setting_decide(settings, CLI_BETA1, "0.9"));
        CLADE_TRY(cli_setting_decide(settings, CLI_BETA2, "0.999"));
        return cli_setting_decide(settings, CLI_EPSILON, "1e-8");
    }
    CLADE_TRY(cli_setting_decide(settings, CLI_MOMENTUM, "0.9"));
    CLADE_TRY(cli_setting_decide(settings, CLI_NESTEROV, "false"));
    if (values[CLI_NESTEROV].flag && !(values[CLI_MOMENTUM].real > 0))
        return clade__fail(CLADE_ECONFIG, "%s needs a momentum above 0",
                           values[CLI_NESTEROV].where);
    return CLADE_OK;
}

clade_status cli_settings_resolve_schedule(cli_settings *settings)
{
    static const struct {
        cli_setting_id id;
        const char *owners, *initial; /* NULL: it must be given */
    } rows[] = {
        {CLI_STEP_SIZE, "step", NULL},         {CLI_GAMMA, "step", "0.1"},
        {CLI_MIN_LR, "cosine and plateau", "0"}, {CLI_LR_FACTOR, "plateau", "0.1"},
        {CLI_LR_PATIENCE, "plateau", "10"},    {CLI_LR_THRESHOLD, "plateau", "1e-4"},
    };
    const cli_value *type = &settings->values[CLI_SCHEDULE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!strstr(rows[i].owners, type->text))
            CLADE_TRY(drop_foreign(settings, rows[i].id, rows[i].owners, CLI_SCHEDULE, "schedule"));
        else if (rows[i].initial)
            CLADE_TRY(cli_setting_decide(settings, rows[i].id, "%s", rows[i].initial));
        else if (!cli_setting_text(settings, rows[i].id))
            return clade__fail(CLADE_ECONFIG, "%s is %s, which needs --%s (%s in a config)",
                               type->where, type->text, cli_settings_table[rows[i].id].option,
                               cli_settings_table[rows[i].id].path);
    }
    const cli_value *min_lr = &settings->values[CLI_MIN_LR];
    if (min_lr->text && min_lr->real > settings->values[CLI_LR].real)
        return clade__fail(CLADE_ECONFIG, "%s is %s, above the learning rate, %s", min_lr->where,
                           min_lr->text, settings->values[CLI_LR].text);
    return CLADE_OK;
}

clade_status cli_settings_resolve_scale(cli_settings *settings)
{
    static const cli_setting_id of_scale[] = {CLI_SCALE, CLI_SHIFT};
    for (int i = 0; i < 2 && settings->values[CLI_STANDARDIZE].flag; i++)
        CLADE_TRY(drop_foreign(settings, of_scale[i], "data that is not standardized",
                               CLI_STANDARDIZE, "setting data.standardize"));
    return CLADE_OK;
}

/* ---- the resolved config --------------------------------------------------------------------- */

/* JSON's quoted strings are YAML's too. */
static void write_quoted(const char *text, clade__text *out)
{
    cJSON *string = cJSON_CreateString(text);
    char *quoted = string ? cJSON_PrintUnformatted(string) : NULL;
    if (quoted)
        clade__text_append(out, "%s", quoted);
    else
        out->failed = true;
    cJSON_free(quoted);
    cJSON_Delete(string);
}

/* Words stand bare for reading's sake, except those that YAML takes for another type. */
static void write_text(const char *text, clade__text *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char *const special[] = {"true", "false", "null", "yes", "no",
                                          "on",   "off",   "y",    "n"};
    size_t first = strspn(text, letters);
    bool bare = first > 0 && strspn(text + first, "abcdefghijklmnopqrstuvwxyz0123456789_-") ==
                                 strlen(text + first);
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (strlen(text) == strlen(special[i]) && clade__contains_nocase(text, special[i]))
            bare = false;
    if (bare)
        clade__text_append(out, "%s", text);
    else
        write_quoted(text, out);
}

/* On one line: {type: linear, units: 512}. */
static void write_flow(const cJSON *node, clade__text *out)
{
    if (cJSON_IsString(node)) {
        write_text(node->valuestring, out);
        return;
    }
    if (!cJSON_IsArray(node) && !cJSON_IsObject(node)) {
        char *text = cJSON_PrintUnformatted(node);
        if (text)
            clade__text_append(out, "%s", text);
        else
            out->failed = true;
        cJSON_free(text);
        return;
    }
    bool list = cJSON_IsArray(node);
    clade__text_append(out, list ? "[" : "{");
    for (const cJSON *child = node->child; child; child = child->next) {
        if (child != node->child) clade__text_append(out, ", ");
        if (!list) {
            write_text(child->string, out);
            clade__text_append(out, ": ");
        }
        write_flow(child, out);
    }
    clade__text_append(out, list ? "]" : "}");
}

static void write_model(const cJSON *layers, clade__text *out)
{
    clade__text_append(out, "model:\n");
    for (const cJSON *part = layers->child; part; part = part->next) {
        clade__text_append(out, "  ");
        write_text(part->string, out);
        clade__text_append(out, ":");
        if (strcmp(part->string, "layers") == 0 && part->child) {
            for (const cJSON *layer = part->child; layer; layer = layer->next) {
                clade__text_append(out, "\n    - ");
                write_flow(layer, out);
            }
        } else {
            clade__text_append(out, " ");
            write_flow(part, out);
        }
        clade__text_append(out, "\n");
    }
}

static void write_value(const cli_setting *row, const cli_value *value, clade__text *out)
{
    char text[32];
    switch (row->kind) {
    case CLI_TEXT:
    case CLI_CHOICE: write_text(value->text, out); break;
    case CLI_COUNT:
    case CLI_AUTO: clade__text_append(out, "%lld", (long long)value->count); break;
    case CLI_SPAN:
        clade__text_append(out, "%lld%s", (long long)value->count,
                           value->unit == CLADE_STEPS ? "" : units[value->unit]);
        break;
    case CLI_REAL:
    case CLI_OPEN:
        clade__text_append(out, "%s", cli_real_text(text, sizeof text, value->real));
        break;
    case CLI_FLAG: clade__text_append(out, "%s", value->flag ? "true" : "false"); break;
    }
    clade__text_append(out, "\n");
}

void cli_settings_write(const cli_settings *settings, const cJSON *layers, clade__text *out)
{
    char section[32] = "";
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        const cli_setting *row = &cli_settings_table[id];
        const cli_value *value = &settings->values[id];
        if (id == CLI_MODEL) write_model(layers, out);
        /* The layers hold activations and dropouts; a run that is run again gets its own folder. */
        if (!value->text || id == CLI_MODEL || id == CLI_ACTIVATION || id == CLI_DROPOUT ||
            id == CLI_RUN)
            continue;
        const char *dot = strchr(row->path, '.'), *key = dot ? dot + 1 : row->path;
        char own[32] = "";
        if (dot) snprintf(own, sizeof own, "%.*s", (int)(dot - row->path), row->path);
        if (strcmp(own, section) != 0 && dot) clade__text_append(out, "%s:\n", own);
        strcpy(section, own);
        clade__text_append(out, "%s%s: ", dot ? "  " : "", key);
        write_value(row, value, out);
    }
}
