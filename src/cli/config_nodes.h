/* A config while it is read: shared by config.c and config_model.c. */
#ifndef CLADE_CLI_CONFIG_NODES_H
#define CLADE_CLI_CONFIG_NODES_H

#include <yaml.h>

#include "cli/config.h"

typedef struct cli_config_reader {
    const char *path;
    cli_settings *settings;
    yaml_document_t document;
    int lines[CLI_N_SETTINGS]; /* where a key stood first, 0 before */
} cli_config_reader;

int cli_node_line(const yaml_node_t *node);         /* counted from 1 */
const char *cli_node_text(const yaml_node_t *node); /* of a scalar */
bool cli_node_is_plain(const yaml_node_t *node);    /* a scalar without quotes */
bool cli_node_is_null(const yaml_node_t *node);
const char *cli_node_kind(const yaml_node_t *node); /* "a list", for messages */
yaml_node_t *cli_node_at(cli_config_reader *in, int index);

/* CLADE_ECONFIG for a key that is no scalar. */
clade_status cli_node_check_key(const cli_config_reader *in, const yaml_node_t *key);

/* Puts a mapping that describes the model into the settings, with the lines of its parts. */
clade_status cli_config_read_model(cli_config_reader *in, const yaml_node_t *key,
                                   yaml_node_t *mapping);

#endif
