/* The nodes of a config, and its model: as JSON, with the line of every part kept, so that what the
 * library says of "model.layers[1].type" can be said with file and line. */
#include "cli/config_nodes.h"

#include <stdlib.h>
#include <string.h>

/* A part is kept under a path cut to PLACE_BYTES: whole for all that a model can have, and many parts
 * below a long key cannot take much more memory than the file. */
enum { MAX_KEYS = 64, PLACE_BYTES = 128 };

/* ---- nodes ----------------------------------------------------------------------------------- */

int cli_node_line(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

const char *cli_node_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

bool cli_node_is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool cli_node_is_null(const yaml_node_t *node)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; cli_node_is_plain(node) && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(cli_node_text(node), words[i]) == 0) return true;
    return false;
}

const char *cli_node_kind(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? "a mapping"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
           : cli_node_is_null(node)           ? "empty"
                                              : "a single value";
}

yaml_node_t *cli_node_at(cli_config_reader *in, int index)
{
    return yaml_document_get_node(&in->document, index);
}

clade_status cli_node_check_key(const cli_config_reader *in, const yaml_node_t *key)
{
    if (key->type != YAML_SCALAR_NODE)
        return clade__fail(CLADE_ECONFIG, "%s:%d: a key is %s, want a word", in->path,
                           cli_node_line(key), cli_node_kind(key));
    return CLADE_OK;
}

/* ---- the model ------------------------------------------------------------------------------- */

static clade_status no_memory(const cli_config_reader *in)
{
    return clade__fail(CLADE_ENOMEM, "%s: no memory to read it", in->path);
}

static clade_status keep_place(const cli_config_reader *in, const char *path, int line)
{
    cli_settings *settings = in->settings;
    if (settings->n_places == settings->places_capacity) {
        size_t capacity = settings->places_capacity ? 2 * settings->places_capacity : 64;
        cli_place *places = realloc(settings->places, capacity * sizeof *places);
        if (!places) return no_memory(in);
        settings->places = places;
        settings->places_capacity = capacity;
    }
    char *copy = malloc(strlen(path) + 1);
    if (!copy) return no_memory(in);
    settings->places[settings->n_places++] = (cli_place){strcpy(copy, path), line};
    return CLADE_OK;
}

/* Plain scalars are null, true, false and numbers where they look so; all else is text. */
static clade_status scalar_to_json(const cli_config_reader *in, const yaml_node_t *node,
                                   cJSON **out)
{
    const char *text = cli_node_text(node);
    double number;
    bool flag;
    if (cli_node_is_null(node))
        *out = cJSON_CreateNull();
    else if (cli_node_is_plain(node) && cli_parse_flag(text, &flag))
        *out = cJSON_CreateBool(flag);
    else if (cli_node_is_plain(node) && cli_parse_real(text, &number))
        *out = cJSON_CreateNumber(number);
    else
        *out = cJSON_CreateString(text);
    return *out ? CLADE_OK : no_memory(in);
}

/* What a value that was read, and added or not, comes to. */
static clade_status check_added(const cli_config_reader *in, clade_status status, cJSON *made,
                                bool added)
{
    if (!added) cJSON_Delete(made);
    return status == CLADE_OK && !added ? no_memory(in) : status;
}

static clade_status to_json(cli_config_reader *in, yaml_node_t *node, const char *path,
                            cJSON **out);

static clade_status list_to_json(cli_config_reader *in, yaml_node_t *node, const char *path,
                                 cJSON **out)
{
    *out = cJSON_CreateArray();
    yaml_node_item_t *items = node->data.sequence.items.start;
    int n = (int)(node->data.sequence.items.top - items);
    for (int i = 0; *out && i < n; i++) {
        char place[PLACE_BYTES];
        snprintf(place, sizeof place, "%s[%d]", path, i);
        yaml_node_t *item = cli_node_at(in, items[i]);
        CLADE_TRY(keep_place(in, place, cli_node_line(item)));
        cJSON *made = NULL;
        clade_status status = to_json(in, item, place, &made);
        CLADE_TRY(check_added(in, status, made, cJSON_AddItemToArray(*out, made)));
    }
    return *out ? CLADE_OK : no_memory(in);
}

static clade_status mapping_to_json(cli_config_reader *in, yaml_node_t *node, const char *path,
                                    cJSON **out)
{
    *out = cJSON_CreateObject();
    int n = 0;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         *out && pair < node->data.mapping.pairs.top; pair++) {
        char place[PLACE_BYTES];
        yaml_node_t *key = cli_node_at(in, pair->key);
        CLADE_TRY(cli_node_check_key(in, key));
        snprintf(place, sizeof place, "%s.%s", path, cli_node_text(key));
        if (++n > MAX_KEYS) /* bounds the search for duplicates too */
            return clade__fail(CLADE_ECONFIG, "%s:%d: %s has more than %d keys", in->path,
                               cli_node_line(key), path, MAX_KEYS);
        if (cJSON_GetObjectItemCaseSensitive(*out, cli_node_text(key)))
            return clade__fail(CLADE_ECONFIG, "%s:%d: %s is given twice", in->path,
                               cli_node_line(key), place);
        CLADE_TRY(keep_place(in, place, cli_node_line(key)));
        cJSON *made = NULL;
        clade_status status = to_json(in, cli_node_at(in, pair->value), place, &made);
        CLADE_TRY(check_added(in, status, made, cJSON_AddItemToObject(*out, cli_node_text(key), made)));
    }
    return *out ? CLADE_OK : no_memory(in);
}

/* On failure *out is what was made so far: it hangs in its parent, or the caller deletes it. */
static clade_status to_json(cli_config_reader *in, yaml_node_t *node, const char *path, cJSON **out)
{
    switch (node->type) {
    case YAML_MAPPING_NODE: return mapping_to_json(in, node, path, out);
    case YAML_SEQUENCE_NODE: return list_to_json(in, node, path, out);
    default: return scalar_to_json(in, node, out);
    }
}

clade_status cli_config_read_model(cli_config_reader *in, const yaml_node_t *key,
                                   yaml_node_t *mapping)
{
    CLADE_TRY(keep_place(in, "model", cli_node_line(key)));
    return to_json(in, mapping, "model", &in->settings->layers);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The line of the longest known path at the start of `text`, 0 when there is none. */
static int line_at_start(const cli_settings *settings, const char *text)
{
    size_t longest = 0;
    int line = 0;
    for (size_t i = 0; i < settings->n_places; i++) {
        const char *path = settings->places[i].path;
        size_t length = strlen(path);
        if (length <= longest || strncmp(text, path, length) != 0 ||
            (text[length] && !strchr(".:[ ", text[length])))
            continue;
        longest = length;
        line = settings->places[i].line;
    }
    return line;
}

clade_status cli_config_locate(const cli_settings *settings, clade_status status)
{
    int line = status != CLADE_OK && settings->config ? line_at_start(settings, clade_error()) : 0;
    return line > 0 ? clade__fail_in(status, "%s:%d", settings->config, line) : status;
}
