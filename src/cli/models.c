#define _XOPEN_SOURCE 700
#include "cli/models.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SIZES = 64 };

/* A description that is written piece by piece. */
typedef struct network {
    const cli_settings *settings;
    const clade_data_info *data;
    const char *sizes; /* behind the colon; NULL without one */
    clade__json json;
} network;

/* ---- pieces ------------------------------------------------------------------------------------ */

static int64_t n_outputs(const network *n)
{
    return n->data->n_classes > 0 ? n->data->n_classes : n->data->n_targets;
}

/* A layer; with a number of that name, where it is not NULL. */
static void add_layer(network *n, const char *type, const char *name, double number)
{
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "type", type);
    if (name) clade__json_number(&n->json, name, number);
    clade__json_object_end(&n->json);
}

static void add_conv(network *n, int64_t out_channels, int kernel_size, int padding)
{
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "type", "conv2d");
    clade__json_number(&n->json, "out_channels", (double)out_channels);
    clade__json_number(&n->json, "kernel_size", kernel_size);
    if (padding > 0) clade__json_number(&n->json, "padding", padding);
    clade__json_object_end(&n->json);
}

/* Each of "512,256". */
static clade_status for_sizes(network *n, void (*add)(network *n, int64_t size))
{
    const char *where = n->settings->values[CLI_MODEL].where;
    int count = 0;
    for (const char *at = n->sizes ? n->sizes : ""; *at;) {
        char size[16];
        int64_t units;
        size_t length = strcspn(at, ",");
        snprintf(size, sizeof size, "%.*s", (int)length, at);
        if (length == 0 || length >= sizeof size || !cli_parse_count(size, &units) || units < 1 ||
            units > 1000000)
            return clade__fail(CLADE_ECONFIG,
                               "%s: size '%.*s' is not a whole number from 1 to 1000000; write "
                               "mlp:512,512 or cnn:32,64",
                               where, (int)length, at);
        if (++count > MAX_SIZES)
            return clade__fail(CLADE_ECONFIG, "%s: more than %d sizes", where, (int)MAX_SIZES);
        add(n, units);
        at += length;
        if (*at == ',' && !*++at)
            return clade__fail(CLADE_ECONFIG, "%s: a size is missing after the last comma", where);
    }
    return CLADE_OK;
}

/* Images have channels, or one that is not told. */
static clade_status begin_of_images(network *n)
{
    clade_shape shape = n->data->shape;
    char text[128];
    if (shape.rank == 2) shape = CLADE_SHAPE(1, shape.dim[0], shape.dim[1]);
    if (shape.rank != 3)
        return clade__fail(CLADE_ECONFIG, "%s: it is for images, and samples of '%s' are %s",
                           n->settings->values[CLI_MODEL].where, n->data->name,
                           cli_shape_text(text, sizeof text, shape));
    clade__json_object(&n->json, NULL);
    cli_json_shape(&n->json, "input", shape);
    return CLADE_OK;
}

static void end(network *n)
{
    clade__json_list_end(&n->json);
    clade__json_object_end(&n->json);
}

/* ---- networks ---------------------------------------------------------------------------------- */

static void add_hidden(network *n, int64_t units)
{
    float p = n->settings->values[CLI_DROPOUT].real;
    add_layer(n, "linear", "units", (double)units);
    add_layer(n, cli_setting_text(n->settings, CLI_ACTIVATION), NULL, 0.0);
    if (p > 0.0f) add_layer(n, "dropout", "p", clade__decimal(p));
}

static clade_status describe_mlp(network *n)
{
    clade__json_object(&n->json, NULL);
    cli_json_shape(&n->json, "input", n->data->shape);
    clade__json_list(&n->json, "layers");
    if (n->data->shape.rank > 1) add_layer(n, "flatten", NULL, 0.0);
    CLADE_TRY(for_sizes(n, add_hidden));
    add_layer(n, "linear", "units", (double)n_outputs(n));
    end(n);
    return CLADE_OK;
}

static void add_stage(network *n, int64_t channels)
{
    add_conv(n, channels, 3, 1);
    add_layer(n, cli_setting_text(n->settings, CLI_ACTIVATION), NULL, 0.0);
    add_layer(n, "max_pool2d", "kernel_size", 2);
}

static clade_status describe_cnn(network *n)
{
    float p = n->settings->values[CLI_DROPOUT].real;
    CLADE_TRY(begin_of_images(n));
    clade__json_list(&n->json, "layers");
    CLADE_TRY(for_sizes(n, add_stage));
    add_layer(n, "flatten", NULL, 0.0);
    if (p > 0.0f) add_layer(n, "dropout", "p", clade__decimal(p));
    add_layer(n, "linear", "units", (double)n_outputs(n));
    end(n);
    return CLADE_OK;
}

/* LeCun, Bottou, Bengio, Haffner 1998, as it is used today: relu, max pooling, no connection table. 28 x 28
 * images are padded to the 32 x 32 of the paper. */
static clade_status describe_lenet(network *n)
{
    CLADE_TRY(begin_of_images(n));
    clade__json_list(&n->json, "layers");
    add_conv(n, 6, 5, n->data->shape.dim[n->data->shape.rank - 1] < 32 ? 2 : 0);
    add_layer(n, "relu", NULL, 0.0);
    add_layer(n, "max_pool2d", "kernel_size", 2);
    add_conv(n, 16, 5, 0);
    add_layer(n, "relu", NULL, 0.0);
    add_layer(n, "max_pool2d", "kernel_size", 2);
    add_layer(n, "flatten", NULL, 0.0);
    for (int i = 0; i < 2; i++) {
        add_layer(n, "linear", "units", i == 0 ? 120 : 84);
        add_layer(n, "relu", NULL, 0.0);
    }
    add_layer(n, "linear", "units", (double)n_outputs(n));
    end(n);
    return CLADE_OK;
}

/* He, Zhang, Ren, Sun 2016: two convolutions and what comes before them, added up. Where the image is halved, a
 * convolution of one pixel brings that to the same shape (their option B). Names are torchvision's. */
#define CONV3(name, more)                                                                          \
    "{\"type\": \"conv2d\", \"name\": \"" name                                                     \
    "\", \"out_channels\": \"$channels\", \"kernel_size\": 3, "                                    \
    "\"padding\": 1, \"bias\": false" more "}, "
#define NORM(name) "{\"type\": \"batch_norm\", \"name\": \"" name "\"}"
#define END(other)                                                                                 \
    "{\"type\": \"add\", \"inputs\": [\"bn2\", \"" other "\"]}, {\"type\": \"relu\"}"
#define BODY(more)                                                                                 \
    CONV3("conv1", more) NORM("bn1") ", {\"type\": \"relu\"}, " CONV3("conv2", "") NORM("bn2") ", "
static const char residual_blocks[] = "{\"same\": [" BODY("") END("in") "], \"half\": [" BODY(
    ", \"stride\": 2") "{\"type\": \"conv2d\", \"name\": \"downsample.0\", \"inputs\": [\"in\"], \"out_channels\": \"$channels\", "
                       "\"kernel_size\": 1, \"stride\": 2, \"bias\": false}, " NORM(
                           "downsample.1") ", " END("downsample.1") "]}";

static void add_use(network *n, const char *block, const char *name, int channels, int first,
                    int repeat)
{
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "block", block);
    clade__json_string(&n->json, "name", name);
    clade__json_number(&n->json, "channels", channels);
    clade__json_number(&n->json, "first", first);
    clade__json_number(&n->json, "repeat", repeat);
    clade__json_object_end(&n->json);
}

static void add_stem(network *n, int channels, int kernel_size, int stride)
{
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "type", "conv2d");
    clade__json_string(&n->json, "name", "conv1");
    clade__json_number(&n->json, "out_channels", channels);
    clade__json_number(&n->json, "kernel_size", kernel_size);
    clade__json_number(&n->json, "stride", stride);
    clade__json_number(&n->json, "padding", kernel_size / 2);
    clade__json_bool(&n->json, "bias", false);
    clade__json_object_end(&n->json);
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "type", "batch_norm");
    clade__json_string(&n->json, "name", "bn1");
    clade__json_object_end(&n->json);
    add_layer(n, "relu", NULL, 0.0);
}

/* Stages of `blocks` blocks each; all but the first halve the image and double the channels. */
static void add_stages(network *n, int n_stages, int blocks, int channels)
{
    char name[16];
    for (int i = 0; i < n_stages; i++, channels *= 2) {
        snprintf(name, sizeof name, "layer%d", i + 1);
        if (i > 0) add_use(n, "half", name, channels, 0, 1);
        add_use(n, "same", name, channels, i > 0, i > 0 ? blocks - 1 : blocks);
    }
    add_layer(n, "adaptive_avg_pool2d", "output_size", 1);
    add_layer(n, "flatten", NULL, 0.0);
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "type", "linear");
    clade__json_string(&n->json, "name", "fc");
    clade__json_number(&n->json, "units", (double)n_outputs(n));
    clade__json_object_end(&n->json);
    end(n);
}

/* Section 4.2 of the paper, for images of 32 x 32: 6 n + 2 layers, n = 3. */
static clade_status describe_resnet20(network *n)
{
    CLADE_TRY(begin_of_images(n));
    clade__json_list(&n->json, "layers");
    add_stem(n, 16, 3, 1);
    add_stages(n, 3, 3, 16);
    return CLADE_OK;
}

/* Table 1 of the paper, for images of 224 x 224 or the like. */
static clade_status describe_resnet18(network *n)
{
    CLADE_TRY(begin_of_images(n));
    clade__json_list(&n->json, "layers");
    add_stem(n, 64, 7, 2);
    clade__json_object(&n->json, NULL);
    clade__json_string(&n->json, "type", "max_pool2d");
    clade__json_number(&n->json, "kernel_size", 3);
    clade__json_number(&n->json, "stride", 2);
    clade__json_number(&n->json, "padding", 1);
    clade__json_object_end(&n->json);
    add_stages(n, 4, 2, 64);
    return CLADE_OK;
}

/* ---- by name ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    clade_status (*describe)(network *n);
    const char *sgd_lr;
    bool sizes, shaped, residual; /* takes sizes; and --activation and --dropout; has blocks */
} models[] = {{"mlp", describe_mlp, "0.1", true, true, false},
              {"linear", describe_mlp, "0.1", false, false, false},
              {"cnn", describe_cnn, "0.02", true, true, false},
              {"lenet", describe_lenet, "0.02", false, false, false},
              {"resnet20", describe_resnet20, "0.1", false, false, true},
              {"resnet18", describe_resnet18, "0.1", false, false, true}};

enum { N_MODELS = sizeof models / sizeof *models };

/* N_MODELS where there is none of the name, which is what stands before a colon. */
static int index_of(const char *text)
{
    size_t length = strcspn(text, ":");
    int i = 0;
    while (i < N_MODELS &&
           (strlen(models[i].name) != length || strncmp(models[i].name, text, length) != 0))
        i++;
    return i;
}

static clade_status find(const cli_value *model, int *index)
{
    const char *words[N_MODELS];
    char word[32], suggestion[160];
    *index = index_of(model->text);
    if (*index < N_MODELS) return CLADE_OK;
    for (int i = 0; i < N_MODELS; i++) words[i] = models[i].name;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(model->text, ":"), model->text);
    return clade__fail(CLADE_ECONFIG, "%s: unknown network '%s'%s", model->where, word,
                       clade__suggest(suggestion, sizeof suggestion, word, words, N_MODELS));
}

const char *cli_model_sgd_lr(const cli_settings *settings)
{
    const cli_value *model = &settings->values[CLI_MODEL];
    bool from_config = settings->layers && model->origin != CLI_COMMAND;
    int index = model->text && !from_config ? index_of(model->text) : N_MODELS;
    return index < N_MODELS ? models[index].sgd_lr : "0.1";
}

static clade_status check(const cli_settings *settings, const clade_data_info *data, int index,
                          const char *sizes)
{
    static const cli_setting_id of_shaped[] = {CLI_ACTIVATION, CLI_DROPOUT};
    const cli_value *model = &settings->values[CLI_MODEL];
    if (data->n_classes == 0 && data->n_targets == 0)
        return clade__fail(CLADE_ECONFIG,
                           "%s: for data of fields a config lists the network's inputs, layers and "
                           "losses",
                           model->where);
    if (sizes && !models[index].sizes)
        return clade__fail(CLADE_ECONFIG, "%s: %s takes no sizes; write %s, mlp:512 or cnn:32,64",
                           model->where, models[index].name, models[index].name);
    for (int i = 0; i < 2 && !models[index].shaped; i++)
        if (settings->values[of_shaped[i]].origin > CLI_DEFAULT)
            return clade__fail(CLADE_ECONFIG, "%s is for --model mlp:... and cnn:..., and not for %s",
                               settings->values[of_shaped[i]].where, models[index].name);
    return CLADE_OK;
}

static clade_status add_blocks(cJSON *model)
{
    cJSON *blocks = clade__json_parse(residual_blocks, sizeof residual_blocks - 1, false);
    if (blocks && cJSON_AddItemToObject(model, "blocks", blocks)) return CLADE_OK;
    cJSON_Delete(blocks);
    return clade__fail(CLADE_ENOMEM, "no memory for the network");
}

clade_status cli_model_describe(const cli_settings *settings, const clade_data_info *data,
                                cJSON **model)
{
    const char *text = settings->values[CLI_MODEL].text, *colon = strchr(text, ':');
    network n = {.settings = settings, .data = data, .sizes = colon ? colon + 1 : NULL};
    int index;
    CLADE_TRY(find(&settings->values[CLI_MODEL], &index));
    CLADE_TRY(check(settings, data, index, n.sizes));
    clade_status status = models[index].describe(&n);
    char *json = clade__json_finish(&n.json);
    if (status == CLADE_OK) {
        *model = clade__json_parse(json, json ? strlen(json) : 0, false);
        if (!*model) status = clade__fail(CLADE_ENOMEM, "no memory for the network");
    }
    if (status == CLADE_OK && models[index].residual) status = add_blocks(*model);
    free(json);
    return status;
}
