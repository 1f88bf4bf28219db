/* The resolved config: every setting, as YAML that can be run again. */
#include "cli/settings.h"

#include <string.h>

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
        clade__json_quote(out, text); /* is YAML too */
}

/* On one line: {type: linear, units: 512}. */
static void write_flow(const cJSON *node, clade__text *out)
{
    if (cJSON_IsString(node)) {
        write_text(node->valuestring, out);
        return;
    }
    if (!cJSON_IsArray(node) && !cJSON_IsObject(node)) {
        char *text = cli_json_text(node);
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
    case CLI_SPAN: clade__text_append(out, "%s", value->text); break;
    case CLI_COUNT:
    case CLI_AUTO: clade__text_append(out, "%lld", (long long)value->count); break;
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
