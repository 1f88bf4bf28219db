/* The config file: YAML in, settings and the model's description as JSON out.
 *
 * libyaml's documents are used rather than a schema-driven reader such as libcyaml: their nodes
 * carry the line of every key, which every message here names.
 *
 * The file is read twice: once as events, to refuse what a config has no use for and what could
 * make a small file large or deep (aliases, tags, several documents, nesting), then as a document.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/config_nodes.h"

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 16, WHERE_BYTES = 512 };

/* ---- pass 1 ---------------------------------------------------------------------------------- */

static clade_status syntax_error(const char *path, const yaml_parser_t *parser,
                                 const unsigned char *bytes, size_t n_bytes)
{
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) { /* has an offset in place of a mark */
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < n_bytes; i++) line += bytes[i] == '\n';
    }
    if (parser->error == YAML_MEMORY_ERROR)
        return clade__fail(CLADE_ENOMEM, "%s: no memory to read it", path);
    return clade__fail(CLADE_ECONFIG, "%s:%zu: not valid YAML: %s%s%s", path, line,
                       parser->context ? parser->context : "", parser->context ? ", " : "",
                       parser->problem ? parser->problem : "unknown error");
}

/* What an event must not carry; NULL when it is fine. */
static const char *refused(const yaml_event_t *event, int depth, int n_documents)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT: return "aliases (*name) are not used in configs; write the value out";
    case YAML_DOCUMENT_START_EVENT:
        return n_documents > 1 ? "a second document starts; a config is one document" : NULL;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
            return "a text contains a zero byte";
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default: break;
    }
    if (anchor) return "anchors (&name) are not used in configs";
    if (tag) return "tags (!name) are not used in configs";
    return depth > MAX_DEPTH ? "nested too deeply for a config" : NULL;
}

static clade_status check_events(const char *path, const unsigned char *bytes, size_t n_bytes)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return clade__fail(CLADE_ENOMEM, "no memory for YAML");
    yaml_parser_set_input_string(&parser, bytes, n_bytes);
    clade_status status = CLADE_OK;
    int depth = 0, n_documents = 0;
    for (bool end = false; !end && status == CLADE_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            status = syntax_error(path, &parser, bytes, n_bytes);
            break;
        }
        bool start =
            event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        bool stop = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        depth += start - stop;
        n_documents += event.type == YAML_DOCUMENT_START_EVENT;
        const char *why = refused(&event, depth, n_documents);
        if (why)
            status = clade__fail(CLADE_ECONFIG, "%s:%zu: %s", path, event.start_mark.line + 1, why);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}

/* ---- settings -------------------------------------------------------------------------------- */

/* The keys that may stand in `section`, "" for the top; a section counts once. */
static size_t keys_of(const char *section, const char **words, char storage[][32])
{
    size_t n = 0, length = strlen(section);
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        const char *path = cli_settings_table[id].path;
        if (length > 0 && (strncmp(path, section, length) != 0 || path[length] != '.')) continue;
        const char *key = length > 0 ? path + length + 1 : path;
        snprintf(storage[n], sizeof storage[n], "%.*s", (int)strcspn(key, "."), key);
        if (n > 0 && strcmp(storage[n - 1], storage[n]) == 0) continue;
        words[n] = storage[n];
        n++;
    }
    return n;
}

static clade_status unknown_key(const cli_config_reader *in, const char *section,
                                const yaml_node_t *key)
{
    const char *words[CLI_N_SETTINGS];
    char storage[CLI_N_SETTINGS][32], suggestion[512];
    size_t n = keys_of(section, words, storage);
    clade__suggest(suggestion, sizeof suggestion, cli_node_text(key), words, n);
    for (int id = 0; id < CLI_N_SETTINGS; id++) { /* the right word in the wrong place */
        const char *path = cli_settings_table[id].path, *dot = strchr(path, '.');
        if (strcmp(dot ? dot + 1 : path, cli_node_text(key)) != 0) continue;
        if (dot)
            snprintf(suggestion, sizeof suggestion, "; it belongs under '%.*s:'", (int)(dot - path),
                     path);
        else
            snprintf(suggestion, sizeof suggestion, "; it belongs at the top level");
    }
    return clade__fail(CLADE_ECONFIG, "%s:%d: unknown key '%.80s'%s%s%s", in->path,
                       cli_node_line(key), cli_node_text(key), section[0] ? " in " : "", section,
                       suggestion);
}

static clade_status set_scalar(cli_config_reader *in, cli_setting_id id, const yaml_node_t *key,
                               const yaml_node_t *value)
{
    const cli_setting *row = &cli_settings_table[id];
    char where[WHERE_BYTES];
    snprintf(where, sizeof where, "%s:%d: %s", in->path, cli_node_line(key), row->path);
    if (value->type != YAML_SCALAR_NODE || cli_node_is_null(value))
        return clade__fail(CLADE_ECONFIG, "%s is %s, want %s", where, cli_node_kind(value),
                           row->kind == CLI_TEXT || row->kind == CLI_CHOICE ? "a text"
                           : row->kind == CLI_FLAG                          ? "true or false"
                                                                            : "a number");
    if (!cli_node_is_plain(value) && row->kind != CLI_TEXT && row->kind != CLI_CHOICE)
        return clade__fail(CLADE_ECONFIG, "%s is a text in quotes, want %s without", where,
                           row->kind == CLI_FLAG ? "true or false" : "a number");
    return cli_setting_set(in->settings, id, CLI_FILE, where, cli_node_text(value));
}

static clade_status set_model(cli_config_reader *in, const yaml_node_t *key, yaml_node_t *value)
{
    if (value->type != YAML_MAPPING_NODE) return set_scalar(in, CLI_MODEL, key, value);
    return cli_config_read_model(in, key, value);
}

static bool is_section(const char *word)
{
    size_t length = strlen(word);
    for (int id = 0; id < CLI_N_SETTINGS; id++)
        if (strncmp(cli_settings_table[id].path, word, length) == 0 &&
            cli_settings_table[id].path[length] == '.')
            return true;
    return false;
}

static clade_status read_section(cli_config_reader *in, const char *section, yaml_node_t *mapping);

static clade_status read_entry(cli_config_reader *in, const char *section, const yaml_node_t *key,
                               yaml_node_t *value)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s%s", section, section[0] ? "." : "", cli_node_text(key));
    if (!section[0] && is_section(path)) {
        if (value->type == YAML_MAPPING_NODE) return read_section(in, path, value);
        if (strcmp(path, "data") == 0 && value->type == YAML_SCALAR_NODE && !cli_node_is_null(value)) {
            in->lines[CLI_DATA] = cli_node_line(key); /* data: digits is data: {train: digits} */
            return set_scalar(in, CLI_DATA, key, value);
        }
        const char *words[CLI_N_SETTINGS];
        char storage[CLI_N_SETTINGS][32], list[512];
        /* No word is near "": this lists them. */
        clade__suggest(list, sizeof list, "", words, keys_of(path, words, storage));
        return clade__fail(CLADE_ECONFIG, "%s:%d: %s is %s, want a mapping%s", in->path,
                           cli_node_line(key), path, cli_node_kind(value), list);
    }
    for (int id = 0; id < CLI_N_SETTINGS; id++) {
        if (strcmp(cli_settings_table[id].path, path) != 0) continue;
        if (in->lines[id] > 0)
            return clade__fail(CLADE_ECONFIG, "%s:%d: %s is given twice, first in line %d",
                               in->path, cli_node_line(key), path, in->lines[id]);
        in->lines[id] = cli_node_line(key);
        return id == CLI_MODEL ? set_model(in, key, value) : set_scalar(in, id, key, value);
    }
    return unknown_key(in, section, key);
}

static clade_status read_section(cli_config_reader *in, const char *section, yaml_node_t *mapping)
{
    const yaml_node_pair_t *start = mapping->data.mapping.pairs.start;
    for (const yaml_node_pair_t *pair = start; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = cli_node_at(in, pair->key);
        CLADE_TRY(cli_node_check_key(in, key));
        for (const yaml_node_pair_t *other = start; !section[0] && other < pair; other++)
            if (is_section(cli_node_text(key)) &&
                strcmp(cli_node_text(cli_node_at(in, other->key)), cli_node_text(key)) == 0)
                return clade__fail(CLADE_ECONFIG, "%s:%d: %s is given twice, first in line %d",
                                   in->path, cli_node_line(key), cli_node_text(key),
                                   cli_node_line(cli_node_at(in, other->key)));
        CLADE_TRY(read_entry(in, section, key, cli_node_at(in, pair->value)));
    }
    return CLADE_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static clade_status read_document(cli_config_reader *in, const unsigned char *bytes, size_t n_bytes)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return clade__fail(CLADE_ENOMEM, "no memory for YAML");
    yaml_parser_set_input_string(&parser, bytes, n_bytes);
    clade_status status;
    if (!yaml_parser_load(&parser, &in->document)) {
        status = syntax_error(in->path, &parser, bytes, n_bytes);
    } else {
        yaml_node_t *root = yaml_document_get_root_node(&in->document);
        if (!root || cli_node_is_null(root))
            status = clade__fail(CLADE_ECONFIG, "%s:1: the config is empty", in->path);
        else if (root->type != YAML_MAPPING_NODE)
            status = clade__fail(CLADE_ECONFIG, "%s:%d: the config is %s, want a mapping", in->path,
                                 cli_node_line(root), cli_node_kind(root));
        else
            status = read_section(in, "", root);
        yaml_document_delete(&in->document);
    }
    yaml_parser_delete(&parser);
    return status;
}

clade_status cli_config_read(const char *path, cli_settings *settings)
{
    struct stat about;
    if (stat(path, &about) == 0 && about.st_size > MAX_BYTES)
        return clade__fail(CLADE_ECONFIG,
                           "%s: %lld bytes are too many for a config, want at most "
                           "%d",
                           path, (long long)about.st_size, MAX_BYTES);
    unsigned char *bytes;
    size_t n_bytes;
    clade_status status = clade__file_read(path, &bytes, &n_bytes);
    /* A config that cannot be read is bad usage, not bad data. */
    if (status == CLADE_EIO) return clade__fail(CLADE_ECONFIG, "%s", clade_error());
    CLADE_TRY(status);

    cli_config_reader in = {.path = path, .settings = settings};
    status = check_events(path, bytes, n_bytes);
    if (status == CLADE_OK) status = read_document(&in, bytes, n_bytes);
    free(bytes);
    if (status == CLADE_OK && !(settings->config = malloc(strlen(path) + 1)))
        status = clade__fail(CLADE_ENOMEM, "no memory for the config's name");
    if (status == CLADE_OK) strcpy(settings->config, path);
    return status;
}
