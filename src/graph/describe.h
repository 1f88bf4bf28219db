/* Reading a description: what its parts share. Every message begins with the place. */
#ifndef CLADE_GRAPH_DESCRIBE_H
#define CLADE_GRAPH_DESCRIBE_H

#include <cjson/cJSON.h>

#include "graph/layer.h"
#include "graph/model.h"

/* Where in a description the reader is: "model.layers[1].units". */
typedef struct clade__place {
    char text[160];
} clade__place;
clade__place clade__place_below(const clade__place *at, const char *key);

/* A number of an object; *out stays as it is where the object has none. */
clade_status clade__read_number(const cJSON *object, const char *key, const clade__place *at,
                                double *out);
clade_status clade__read_int(const cJSON *object, const char *key, const clade__place *at, double least,
                             int64_t *out);

/* CLADE_ECONFIG for a key that is none of these. */
clade_status clade__check_keys(const cJSON *object, const char *const *keys, size_t n_keys,
                               const clade__place *at);

/* A layer's options, of options_bytes, with fallbacks for what is not there. */
clade_status clade__read_options(const cJSON *layer, const clade__layer_type *type,
                                 const clade__place *at, void *options);

/* blocks.c: puts the layers of blocks in place of their uses, and their places in a description, for
 * messages, into `string` of each item of "layers". */
clade_status clade__blocks_expand(cJSON *root);

/* Adds layer number `index` of a description of a version. *last is the node before it, and becomes its
 * first output. */
clade_status clade__describe_layer(clade_model *model, int version, const cJSON *layer, int index,
                                   clade_node **last);

#endif
